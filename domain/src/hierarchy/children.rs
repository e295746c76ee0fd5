//! The direct children of a prefix by skip-scan: each probe finds one child and the next begins
//! behind everything beneath it, so grandchildren are never read.

use crate::prefix::{Family, Prefix};

/// A range to look into: after one prefix (exclusive), up to another (inclusive), in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChildProbe {
    /// Exclusive lower end; `None` is from the start.
    pub after: Option<Prefix>,
    /// Inclusive upper end; `None` is to the end.
    pub up_to: Option<Prefix>,
}

impl ChildProbe {
    /// Whether a prefix lies in the range.
    #[must_use]
    pub fn holds(&self, prefix: &Prefix) -> bool {
        self.after.is_none_or(|after| after < *prefix) && self.up_to.is_none_or(|up_to| *prefix <= up_to)
    }
}

/// A walk over the direct children of a prefix, or over the top of the tree, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildScan {
    remaining: ChildProbe,
    finished: bool,
}

impl ChildScan {
    /// The children of a prefix, which need not be stored itself.
    #[must_use]
    pub fn of(parent: Prefix) -> Self {
        Self::over(ChildProbe {
            after: Some(parent),
            up_to: Some(parent.last_descendant()),
        })
    }

    /// The prefixes that no stored prefix contains.
    #[must_use]
    pub fn top() -> Self {
        Self::over(ChildProbe {
            after: None,
            up_to: None,
        })
    }

    /// Goes on behind a child returned earlier, for the next page. That child need not exist any
    /// more.
    #[must_use]
    pub fn resume_after(self, last_child: Prefix) -> Self {
        let behind = Some(last_child.last_descendant());
        Self::over(ChildProbe {
            after: self.remaining.after.max(behind),
            up_to: self.remaining.up_to,
        })
    }

    /// The range whose first stored prefix is to be fed; `None` when there are no more children.
    #[must_use]
    pub fn probe(&self) -> Option<ChildProbe> {
        (!self.finished).then_some(self.remaining)
    }

    /// Takes the first stored prefix of the probe's range and returns it as the next child. A
    /// prefix outside the range ends the scan, as `None` does.
    pub fn feed(&mut self, found: Option<Prefix>) -> Option<Prefix> {
        let child = found.filter(|found| !self.finished && self.remaining.holds(found));
        match child {
            Some(child) => {
                let behind = ChildProbe {
                    after: Some(child.last_descendant()),
                    ..self.remaining
                };
                *self = Self::over(behind);
            }
            None => self.finished = true,
        }
        child
    }

    fn over(remaining: ChildProbe) -> Self {
        let end = remaining
            .up_to
            .unwrap_or_else(|| Prefix::everything(Family::V6).last_descendant());
        let finished = remaining.after.is_some_and(|after| after >= end);
        Self { remaining, finished }
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
    fn a_host_prefix_needs_no_probe() {
        assert_eq!(ChildScan::of(p("10.0.0.1/32")).probe(), None);
        assert_eq!(ChildScan::of(p("::1/128")).probe(), None);
    }

    #[test]
    fn the_probe_after_a_child_begins_behind_its_subtree() {
        let mut scan = ChildScan::of(p("10.0.0.0/8"));
        assert_eq!(scan.feed(Some(p("10.0.0.0/9"))), Some(p("10.0.0.0/9")));
        assert_eq!(
            scan.probe(),
            Some(ChildProbe {
                after: Some(p("10.127.255.255/32")),
                up_to: Some(p("10.255.255.255/32"))
            })
        );
        assert_eq!(scan.feed(Some(p("10.128.0.0/9"))), Some(p("10.128.0.0/9")));
        assert_eq!(scan.probe(), None);
    }

    #[test]
    fn the_top_ends_with_the_last_ipv6_address() {
        let mut scan = ChildScan::top();
        assert_eq!(scan.feed(Some(p("0.0.0.0/0"))), Some(p("0.0.0.0/0")));
        assert_eq!(
            scan.probe(),
            Some(ChildProbe {
                after: Some(p("255.255.255.255/32")),
                up_to: None
            })
        );
        assert_eq!(scan.feed(Some(p("::/0"))), Some(p("::/0")));
        assert_eq!(scan.probe(), None);
    }

    #[test]
    fn resuming_before_the_range_starts_at_the_range_and_behind_it_ends() {
        let scan = ChildScan::of(p("10.1.0.0/16"));
        assert_eq!(scan.clone().resume_after(p("10.0.0.0/16")), scan);
        assert_eq!(scan.resume_after(p("10.2.0.0/16")).probe(), None);
    }

    #[test]
    fn a_prefix_outside_the_probe_ends_the_scan() {
        let mut scan = ChildScan::of(p("10.1.0.0/16"));
        assert_eq!(scan.feed(Some(p("10.1.0.0/16"))), None);
        assert_eq!(scan.probe(), None);
        assert_eq!(scan.feed(Some(p("10.1.2.0/24"))), None);
    }
}
