//! Keeps requests from waiting for a server that does not answer. Pure: times come in, decisions go out.

use std::time::{Duration, Instant};

/// Failures in a row after which nobody asks any more.
const FAILURES: u32 = 3;
/// Until the first look whether it answers again; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Asks.
    Ask,
    /// Does without.
    DoWithout,
    /// Does without, and has somebody look whether it answers again.
    Probe,
}

/// What an outcome has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing worth saying.
    None,
    /// It answers now.
    Closed,
    /// It does not answer any more.
    Opened,
}

/// See the module.
#[derive(Debug)]
pub(super) enum Breaker {
    /// It answers, but for this many times in a row.
    Closed { failures: u32 },
    /// It does not answer.
    Open {
        /// When to look again.
        until: Instant,
        /// How long to wait after that look.
        pause: Duration,
        /// Somebody looks now.
        probing: bool,
        /// It has been said.
        told: bool,
    },
}

impl Breaker {
    /// Before anything was asked: nobody waits until it has been seen to answer.
    pub(super) fn new(now: Instant) -> Self {
        Self::Open {
            until: now,
            pause: FIRST_PAUSE,
            probing: false,
            told: false,
        }
    }

    /// Before asking.
    pub(super) fn advise(&mut self, now: Instant) -> Advice {
        match self {
            Self::Closed { .. } => Advice::Ask,
            Self::Open { until, probing, .. } if !*probing && now >= *until => {
                *probing = true;
                Advice::Probe
            }
            Self::Open { .. } => Advice::DoWithout,
        }
    }

    /// After asking.
    pub(super) fn asked(&mut self, answered: bool, now: Instant) -> Turn {
        // Answers to what was asked before it opened: only the probe closes it.
        let Self::Closed { failures } = self else {
            return Turn::None;
        };
        if answered {
            *failures = 0;
            return Turn::None;
        }
        *failures += 1;
        if *failures < FAILURES {
            return Turn::None;
        }
        *self = Self::Open {
            until: now + FIRST_PAUSE,
            pause: FIRST_PAUSE,
            probing: false,
            told: true,
        };
        Turn::Opened
    }

    /// After a probe.
    pub(super) fn probed(&mut self, answered: bool, now: Instant) -> Turn {
        if answered {
            *self = Self::Closed { failures: 0 };
            return Turn::Closed;
        }
        let Self::Open {
            until,
            pause,
            probing,
            told,
        } = self
        else {
            return Turn::None;
        };
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        *until = now + *pause;
        *probing = false;
        if std::mem::replace(told, true) {
            Turn::None
        } else {
            Turn::Opened
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(now);
        assert_eq!(breaker.advise(now), Advice::Probe);
        assert_eq!(breaker.probed(true, now), Turn::Closed);
        breaker
    }

    #[test]
    fn it_opens_after_some_failures_in_a_row_and_says_so_once() {
        let now = Instant::now();
        let mut breaker = closed(now);
        for answered in [false, false, true, false, false] {
            assert_eq!(breaker.asked(answered, now), Turn::None);
            assert_eq!(breaker.advise(now), Advice::Ask);
        }
        assert_eq!(breaker.asked(false, now), Turn::Opened);
        assert_eq!(breaker.asked(false, now), Turn::None);
        assert_eq!(breaker.advise(now), Advice::DoWithout);
    }

    #[test]
    fn while_it_is_open_one_looks_now_and_then_and_only_that_closes_it() {
        let mut now = Instant::now();
        let mut breaker = closed(now);
        for _ in 0..FAILURES {
            breaker.asked(false, now);
        }
        let mut pause = FIRST_PAUSE;
        for _ in 0..8 {
            assert_eq!(breaker.advise(now), Advice::DoWithout);
            now += pause;
            assert_eq!(breaker.advise(now), Advice::Probe);
            assert_eq!(breaker.advise(now), Advice::DoWithout, "one at a time");
            assert_eq!(breaker.asked(true, now), Turn::None, "an answer from before");
            assert_eq!(breaker.probed(false, now), Turn::None);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        now += pause;
        assert_eq!(breaker.advise(now), Advice::Probe);
        assert_eq!(breaker.probed(true, now), Turn::Closed);
        assert_eq!(breaker.advise(now), Advice::Ask);
    }

    #[test]
    fn one_that_never_answered_is_told_of_once_too() {
        let now = Instant::now();
        let mut breaker = Breaker::new(now);
        assert_eq!(breaker.advise(now), Advice::Probe);
        assert_eq!(breaker.probed(false, now), Turn::Opened);
        assert_eq!(breaker.probed(false, now), Turn::None);
    }
}
