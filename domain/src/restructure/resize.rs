//! Changing the length of a prefix: it grows or shrinks where it is, and stays beneath its parent.

use crate::prefix::Prefix;

/// Which way a prefix changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resizing {
    /// Not at all.
    Same,
    /// It takes in what lies beside it.
    Grow,
    /// It leaves a part of what it was.
    Shrink,
}

/// Why a prefix cannot become another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    /// Neither contains the other.
    #[error(
        "{to} neither contains {from} nor lies in it; a resize grows or shrinks a node where it is. To renumber, make a \
         node at {to} and delete {from}"
    )]
    Elsewhere {
        /// What it is.
        from: Prefix,
        /// What it should become.
        to: Prefix,
    },
    /// It would not lie beneath its parent any more.
    #[error("{to} does not lie strictly inside {parent}, the parent of {from}; resize {parent} first")]
    PastParent {
        /// What it is.
        from: Prefix,
        /// What it should become.
        to: Prefix,
        /// Its parent.
        parent: Prefix,
    },
}

/// Which way `from` changes to become `to`, given its parent.
///
/// # Errors
/// [`ResizeError`].
pub fn resizing(from: Prefix, to: Prefix, parent: Option<Prefix>) -> Result<Resizing, ResizeError> {
    if from == to {
        return Ok(Resizing::Same);
    }
    if from.contains(&to) {
        return Ok(Resizing::Shrink);
    }
    if !to.contains(&from) {
        return Err(ResizeError::Elsewhere { from, to });
    }
    match parent {
        Some(parent) if !parent.strictly_contains(&to) => Err(ResizeError::PastParent { from, to, parent }),
        Some(_) | None => Ok(Resizing::Grow),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_grows_up_to_its_parent_and_without_one_to_everything() {
        let (from, parent) = (p("10.1.2.0/24"), Some(p("10.1.0.0/16")));
        assert_eq!(resizing(from, p("10.1.2.0/23"), parent), Ok(Resizing::Grow));
        assert_eq!(resizing(from, p("10.1.0.0/17"), parent), Ok(Resizing::Grow));
        for to in ["10.1.0.0/16", "10.0.0.0/15", "0.0.0.0/0"] {
            let refused = resizing(from, p(to), parent);
            assert!(matches!(refused, Err(ResizeError::PastParent { .. })), "{to}");
        }
        assert_eq!(resizing(from, p("0.0.0.0/0"), None), Ok(Resizing::Grow));
    }

    #[test]
    fn it_shrinks_to_any_part_of_itself() {
        let from = p("10.1.2.0/24");
        for to in ["10.1.2.0/25", "10.1.2.128/25", "10.1.2.255/32"] {
            assert_eq!(resizing(from, p(to), None), Ok(Resizing::Shrink));
        }
        assert_eq!(resizing(from, from, Some(p("10.0.0.0/8"))), Ok(Resizing::Same));
    }

    #[test]
    fn it_does_not_go_elsewhere() {
        let from = p("10.1.2.0/24");
        for to in ["10.1.3.0/24", "10.1.4.0/22", "10.1.3.0/25", "::/0"] {
            let refused = resizing(from, p(to), None);
            assert!(matches!(refused, Err(ResizeError::Elsewhere { .. })), "{to}");
        }
    }
}
