//! Why a change, a build or a search of free space is refused.

use super::Size;
use crate::prefix::Prefix;

/// Why a change of the free space is refused. Nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreeSpaceError {
    /// The prefix is the parent itself, or elsewhere.
    #[error("{prefix} does not lie beneath {parent}; choose a longer prefix within it")]
    NotBeneath {
        /// The prefix given.
        prefix: Prefix,
        /// The node whose space it is.
        parent: Prefix,
    },
    /// Children cover all of it.
    #[error("nothing of {prefix} is free directly beneath {parent}; choose another prefix")]
    Taken {
        /// The prefix given.
        prefix: Prefix,
        /// The node whose space it is.
        parent: Prefix,
    },
    /// Children cover some of it.
    #[error(
        "{prefix} is only partly free directly beneath {parent}; choose a free block of it or another prefix"
    )]
    PartlyTaken {
        /// The prefix given.
        prefix: Prefix,
        /// The node whose space it is.
        parent: Prefix,
    },
    /// It was to be released, but some of it is free, or no child has its length.
    #[error("{prefix} is not a child of {parent}, so it cannot be released")]
    NotAChild {
        /// The prefix given.
        prefix: Prefix,
        /// The node whose space it is.
        parent: Prefix,
    },
    /// The children said to move beneath a new node are not those that it covers.
    #[error(
        "the children said to lie within {prefix} are not those that {parent} has there; count them again"
    )]
    OtherChildren {
        /// The new node.
        prefix: Prefix,
        /// The node whose space it is.
        parent: Prefix,
    },
}

/// Why free space cannot be built from the nodes given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A node that does not lie beneath the parent.
    #[error("{node} does not lie beneath {parent}")]
    NotBeneath {
        /// The node given.
        node: Prefix,
        /// The node whose space is built.
        parent: Prefix,
    },
    /// A node that should have come earlier.
    #[error("{node} comes too late; nodes must come in order")]
    OutOfOrder {
        /// The node given.
        node: Prefix,
    },
}

/// There is not as much room as was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Shortage {
    /// The node whose space was searched.
    pub parent: Prefix,
    /// The length asked for.
    pub len: u8,
    /// How many prefixes were asked for.
    pub wanted: usize,
    /// How many there are.
    pub available: Size,
}

impl Shortage {
    fn sentence(&self) -> String {
        let Self {
            parent,
            len,
            wanted,
            available,
        } = self;
        let max = parent.family().max_len();
        if *len <= parent.len() || *len > max {
            let shortest = parent.len().saturating_add(1);
            return if shortest > max {
                format!("nothing fits beneath {parent}, which is a single address; choose another parent")
            } else {
                format!("a /{len} does not fit beneath {parent}; choose a length from {shortest} to {max}")
            };
        }
        if available.is_zero() {
            return format!(
                "no /{len} is free directly beneath {parent}; choose a longer prefix or another parent"
            );
        }
        format!(
            "{parent} has room for {available} more of length /{len}, not for {wanted}; ask for fewer or for longer \
             prefixes"
        )
    }
}
