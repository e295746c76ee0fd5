//! Rows that stay as they are: how a process notices that another has died on the way, without comparing clocks.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use cadastre_storage::RowKey;

/// Remembers since when rows have been there.
#[derive(Debug)]
pub(crate) struct Watch {
    patience: Duration,
    seen: HashMap<RowKey, Instant>,
}

impl Watch {
    /// For rows that belong to a living process for that long.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            seen: HashMap::new(),
        }
    }

    /// Of the rows that are there now, those that have been for too long. The others are forgotten.
    pub(crate) fn still<'k>(&mut self, there: impl Iterator<Item = &'k RowKey>) -> HashSet<RowKey> {
        let now = Instant::now();
        let before = std::mem::take(&mut self.seen);
        let since = |key: &RowKey| before.get(key).copied().unwrap_or(now);
        self.seen = there.map(|key| (key.clone(), since(key))).collect();
        let is_old = |since: &Instant| now.duration_since(*since) >= self.patience;
        let old = self.seen.iter().filter(|(_, since)| is_old(since));
        old.map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_row_is_old_when_it_was_there_all_the_time() {
        let (a, b) = (RowKey::new("a").unwrap(), RowKey::new("b").unwrap());
        let mut watch = Watch::new(Duration::from_millis(20));
        assert!(watch.still([&a, &b].into_iter()).is_empty());
        std::thread::sleep(Duration::from_millis(25));
        assert_eq!(watch.still([&a].into_iter()), HashSet::from([a.clone()]));
        // It was away in between.
        assert_eq!(watch.still([&a, &b].into_iter()), HashSet::from([a.clone()]));
        assert!(watch.still(std::iter::empty()).is_empty());
        assert!(watch.still([&a].into_iter()).is_empty());
        let mut none = Watch::new(Duration::ZERO);
        assert_eq!(none.still([&a].into_iter()).len(), 1);
    }
}
