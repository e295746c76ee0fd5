//! One address space: its state in memory, reads, decisions, and its single writer.

mod allocate;
mod answers;
mod as_of;
mod changes;
mod command;
mod context;
mod decide;
mod definition;
mod free;
mod free_index;
mod gate;
mod group;
mod handle;
mod history;
mod journal;
mod list;
mod occupancy;
mod past;
mod read;
mod reject;
mod replay;
mod restructure;
mod revert;
mod segments;
mod step;
mod tag_query;
mod view;
mod writer;

pub(crate) use answers::AnswerCache;
pub(crate) use command::Workshop;
pub(crate) use context::ContextCache;
pub(crate) use decide::check_if_match;
pub(crate) use free::{FreeAnswer, FreeQuestion};
pub(crate) use handle::{SpaceHandle, gone, load};
pub(crate) use view::tag_view;
pub(crate) use writer::{Done, Work, submit};
