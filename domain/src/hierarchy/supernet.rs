//! The longest stored prefix that contains another, found by predecessor probes.
//!
//! Let P be the greatest stored prefix at or before the probe. If P contains the target it is the
//! answer: a longer supernet would sort between P and the probe. If it does not, no stored supernet
//! is longer than what P and the target share, because the subtree of such a supernet is contiguous
//! and would have to hold P. So the next probe is the target cut to those shared bits, which is
//! shorter each time: at most `len + 1` probes, in practice one or two.

use crate::prefix::Prefix;

/// One step of a search: the caller answers a probe by feeding what its source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Feed the greatest stored prefix that is at or before this one in order.
    Probe(Prefix),
    /// The answer.
    Done(Option<Prefix>),
}

/// A search for the longest stored prefix that contains a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupernetSearch {
    target: Prefix,
    step: Step,
}

impl SupernetSearch {
    /// Searches the longest stored prefix that contains `target`, which may be `target` itself.
    #[must_use]
    pub fn containing(target: Prefix) -> Self {
        Self {
            target,
            step: Step::Probe(target),
        }
    }

    /// Searches the longest stored prefix above `target`; `None` for a /0, which has none.
    #[must_use]
    pub fn above(target: Prefix) -> Option<Self> {
        target
            .len()
            .checked_sub(1)
            .map(|shorter| Self::containing(target.truncate(shorter)))
    }

    /// What to do next.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// Takes the answer to the current probe. Does nothing once the search is done.
    pub fn feed(&mut self, found: Option<Prefix>) {
        let Step::Probe(probe) = self.step else { return };
        self.step = match found {
            Some(found) if found.contains(&self.target) => Step::Done(Some(found)),
            Some(found) => self.next_probe(probe, found),
            None => Step::Done(None),
        };
    }

    fn next_probe(&self, probe: Prefix, found: Prefix) -> Step {
        let shared = self.target.common_supernet(&found);
        match (shared, probe.len().checked_sub(1)) {
            // `shared` is shorter than the probe already, unless the source answered with something
            // after the probe; the cap keeps even that from going round in circles.
            (Some(shared), Some(shorter)) => Step::Probe(shared.truncate(shorter)),
            (None, _) | (_, None) => Step::Done(None),
        }
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
    fn a_stored_parent_right_before_the_target_takes_one_probe() {
        let mut search = SupernetSearch::above(p("10.1.2.0/24")).unwrap();
        assert_eq!(search.step(), Step::Probe(p("10.1.2.0/23")));
        search.feed(Some(p("10.0.0.0/8")));
        assert_eq!(search.step(), Step::Done(Some(p("10.0.0.0/8"))));
    }

    #[test]
    fn a_cousin_in_between_leads_to_what_both_share() {
        let mut search = SupernetSearch::containing(p("10.1.2.0/24"));
        search.feed(Some(p("10.1.0.0/24")));
        assert_eq!(search.step(), Step::Probe(p("10.1.0.0/22")));
        search.feed(Some(p("10.0.0.0/8")));
        assert_eq!(search.step(), Step::Done(Some(p("10.0.0.0/8"))));
    }

    #[test]
    fn nothing_before_or_only_the_other_family_means_no_supernet() {
        let mut search = SupernetSearch::containing(p("::/0"));
        search.feed(Some(p("255.255.255.255/32")));
        assert_eq!(search.step(), Step::Done(None));
        let mut search = SupernetSearch::containing(p("10.0.0.0/8"));
        search.feed(None);
        assert_eq!(search.step(), Step::Done(None));
        assert_eq!(SupernetSearch::above(p("0.0.0.0/0")), None);
    }

    #[test]
    fn a_source_that_answers_out_of_order_cannot_make_the_search_endless() {
        let mut search = SupernetSearch::containing(p("10.0.0.0/8"));
        for _ in 0..9 {
            search.feed(Some(p("10.0.0.0/9")));
        }
        assert_eq!(search.step(), Step::Done(None));
    }

    #[test]
    fn feeding_a_finished_search_changes_nothing() {
        let mut search = SupernetSearch::containing(p("10.0.0.0/8"));
        search.feed(Some(p("10.0.0.0/8")));
        search.feed(None);
        assert_eq!(search.step(), Step::Done(Some(p("10.0.0.0/8"))));
    }
}
