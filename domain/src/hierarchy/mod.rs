//! Parent, children and ancestors, found from the order of prefixes alone.
//!
//! The searches do no I/O: each names the probe it needs and is fed the answer, so the same code
//! runs over a store with async reads, a map in memory, or a test's vector. [`OrderedSource`] and
//! the functions beside it drive them where the source answers at once.

mod children;
mod source;
mod supernet;

pub use children::{ChildProbe, ChildScan};
pub use source::{OrderedSource, ancestors_of, children_of, longest_match, parent_of};
pub use supernet::{Step, SupernetSearch};
