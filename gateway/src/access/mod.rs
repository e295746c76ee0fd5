//! Allow and deny lists: what they say ([`lists`]) and how they follow their files ([`source`]).

mod lists;
mod source;

pub(crate) use source::LiveAccessLists;
