//! HTTP as every route speaks it: who calls, what a body, a query and a header may say, how errors look.

pub(crate) mod authorized;
pub(crate) mod body;
pub(crate) mod body_error;
pub(crate) mod called_space;
pub(crate) mod cursor;
pub(crate) mod detached;
pub(crate) mod error;
pub(crate) mod etag;
pub(crate) mod json;
pub(crate) mod mutation;
pub(crate) mod path;
pub(crate) mod preconditions;
pub(crate) mod query;
pub(crate) mod reply;
pub(crate) mod request_info;
pub(crate) mod sse;
pub(crate) mod wording;
