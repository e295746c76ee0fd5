//! `/api/v1/addressspaces/{spaceId}/ips`: the nodes of a space's tree. Lists and searches are in `find.rs`, one
//! node and its explanation in `read.rs`, changes in `write.rs`, what is free
//! and what is taken of it in `allocate.rs`, changes of the tree's structure in `structure.rs`.

pub(crate) mod allocate;
pub(crate) mod find;
pub(crate) mod read;
pub(crate) mod structure;
pub(crate) mod write;

pub(crate) use allocate::{allocate, allocate_tagged, available, utilization};
pub(crate) use find::{children, list, lookup, subtree, tag_filter};
pub(crate) use read::{explain, get};
pub(crate) use structure::{merge, resize, split};
pub(crate) use write::{create, delete, update};
