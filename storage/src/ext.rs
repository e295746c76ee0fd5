//! Conveniences on top of [`Store`], apart from it: as default methods a decorator would inherit them and
//! silently go round what its inner store does better.

use async_trait::async_trait;

use crate::contract::{KeyRange, Page, Row, Store};
use crate::error::StoreError;
use crate::key::{KeyError, PartitionKey, RowKey};

/// Rows asked for in one page while collecting.
const PAGE_ROWS: usize = 1000;

/// What can be said with the methods of [`Store`].
#[async_trait]
pub trait StoreExt: Store {
    /// Rows of a range across short pages, at most `at_most`, with where to continue if there are more.
    async fn scan_up_to(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        let mut rows = Vec::new();
        let mut rest = range.clone();
        while rows.len() < at_most {
            let mut page = self
                .scan(partition, &rest, (at_most - rows.len()).min(PAGE_ROWS))
                .await?;
            rows.append(&mut page.rows);
            match page.next {
                Some(next) => rest.start = Some(next),
                None => return Ok(Page { rows, next: None }),
            }
        }
        Ok(Page {
            rows,
            next: rest.start,
        })
    }

    /// All rows of a range, or [`StoreError::Invalid`] if there are more than `at_most`: a bound that is met
    /// is a fault of the program, not a reason to go on with some of the rows.
    async fn scan_all(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        at_most: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let page = self
            .scan_up_to(partition, range, at_most.saturating_add(1))
            .await?;
        if page.rows.len() > at_most {
            return Err(StoreError::Invalid {
                reason: format!("more than {at_most} rows of {partition} in {range:?}"),
            });
        }
        Ok(page.rows)
    }

    /// The first row of a range, if it has any.
    async fn first(&self, partition: &PartitionKey, range: &KeyRange) -> Result<Option<Row>, StoreError> {
        Ok(self
            .scan_up_to(partition, range, 1)
            .await?
            .rows
            .into_iter()
            .next())
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

/// The legal characters of a key in their order.
const LEGAL: &[u8; 66] = b"-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

impl KeyRange {
    /// Every key of the partition.
    pub fn all() -> Self {
        Self {
            start: None,
            end: None,
        }
    }

    /// From `start` (inclusive) up to `end` (exclusive).
    pub fn between(start: RowKey, end: RowKey) -> Self {
        Self {
            start: Some(start),
            end: Some(end),
        }
    }

    /// From `start` (inclusive) to the last key of the partition.
    pub fn starting_at(start: RowKey) -> Self {
        Self {
            start: Some(start),
            end: None,
        }
    }

    /// The keys that start with `prefix`, itself included; the empty prefix is every key.
    ///
    /// The end must be a legal key, so it is not made by appending something large (`~` is the greatest
    /// legal character, and `prefix~~` can always be followed by one more). It is `prefix` without trailing
    /// `~`, the last character replaced by the next legal one: no legal key lies between the last key with
    /// the prefix and that. A prefix of nothing but `~` has no such end and runs to the end of the partition.
    pub fn with_prefix(prefix: &str) -> Result<Self, KeyError> {
        if prefix.is_empty() {
            return Ok(Self::all());
        }
        let start = RowKey::new(prefix)?;
        let stem = prefix.trim_end_matches('~');
        let end = stem.as_bytes().split_last().and_then(|(last, head)| {
            // The stem is ASCII and does not end in the greatest character, so there is a next one.
            let next = LEGAL.iter().find(|&c| c > last)?;
            let mut end = String::with_capacity(stem.len());
            end.extend(head.iter().map(|&b| char::from(b)));
            end.push(char::from(*next));
            Some(end)
        });
        Ok(Self {
            start: Some(start),
            end: end.map(RowKey::new).transpose()?,
        })
    }

    /// Whether a key lies in the range.
    pub fn contains(&self, key: &RowKey) -> bool {
        self.start.as_ref().is_none_or(|start| key >= start) && self.end.as_ref().is_none_or(|end| key < end)
    }

    /// Whether no key can lie in the range.
    pub fn is_empty(&self) -> bool {
        matches!((&self.start, &self.end), (Some(start), Some(end)) if start >= end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn legal_characters_are_all_and_in_order() {
        let legal: Vec<u8> = (0..=255u8)
            .filter(|&b| b.is_ascii() && RowKey::new(char::from(b).to_string()).is_ok())
            .collect();
        assert_eq!(legal, LEGAL);
    }

    #[test]
    fn a_prefix_of_the_greatest_character_runs_to_the_end() {
        assert_eq!(KeyRange::with_prefix("~~").unwrap().end, None);
        assert_eq!(
            KeyRange::with_prefix("n~").unwrap().end,
            Some(RowKey::new("o").unwrap())
        );
        assert_eq!(
            KeyRange::with_prefix("n_").unwrap().end,
            Some(RowKey::new("na").unwrap())
        );
        assert!(KeyRange::with_prefix("n/").is_err());
    }

    proptest! {
        #[test]
        fn a_prefix_range_holds_exactly_the_keys_with_the_prefix(
            prefix in "[-.~_zZ09A]{0,3}",
            key in "[-.~_zZ09Aa]{1,5}",
        ) {
            let range = KeyRange::with_prefix(&prefix).unwrap();
            prop_assert_eq!(range.contains(&RowKey::new(&key).unwrap()), key.starts_with(&prefix));
        }
    }
}
