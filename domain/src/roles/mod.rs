//! Who may do what: roles, the permissions they map to, grants that may be narrowed to a subtree,
//! and the scope that results for a caller.

mod access;
mod grant;
mod permissions;
mod readable;
mod scope;

pub use access::{VisibleSpaces, access, may_grant, visible_spaces};
pub use grant::{Grant, GrantError, GrantTarget, UnknownTarget};
pub use permissions::{Permission, Role, UnknownPermission, UnknownRole};
pub use readable::{Readable, ReadableSpaces, readable_spaces};
pub use scope::{Scope, Visibility};
