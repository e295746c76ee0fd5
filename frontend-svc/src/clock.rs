//! The time, injected: token lifetimes and the login throttle are tested without waiting.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Source of time.
pub(crate) trait Clock: Send + Sync + 'static {
    /// The time of day, for what is stored or sent.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never goes backwards, whatever happens to the time of day.
    fn uptime(&self) -> Duration;
}

/// The clock of the machine.
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose uptime starts now.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn uptime(&self) -> Duration {
        self.start.elapsed()
    }
}
