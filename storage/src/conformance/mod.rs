//! What every backend and decorator has to pass: one function per behaviour, named after what it claims.
//!
//! [`conformance_suite!`](crate::conformance_suite) makes a named test of each. A behaviour asks for what the
//! contract promises and for nothing that a backend may happen to do better, and it works in partitions of
//! its own, so that the suite can run in a table that holds other things.
//!
//! A broken promise is a panic: these functions are only ever called by tests.
#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "an assertion reads best around the call it is about"
)]

mod batches;
mod outcomes;
mod preconditions;
mod races;
mod ranges;
mod rows;
mod tables;

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;

pub use batches::*;
pub use outcomes::*;
pub use preconditions::*;
pub use races::*;
pub use ranges::*;
pub use rows::*;
pub use tables::*;

use crate::contract::{Etag, KeyRange, Row, Store, Write};
use crate::error::StoreError;
use crate::key::{PartitionKey, RowKey};

/// A store under test, and what has to live as long (a temporary directory).
#[derive(Debug)]
pub struct Harness {
    store: Arc<dyn Store>,
    // Declared after the store: the store closes before its directory goes.
    _keep: Box<dyn Any + Send + Sync>,
}

impl Harness {
    /// A store that needs nothing else.
    pub fn new(store: impl Store) -> Self {
        Self::keeping(store, ())
    }

    /// A store and something that is dropped after it.
    pub fn keeping(store: impl Store, keep: impl Any + Send + Sync) -> Self {
        Self {
            store: Arc::new(store),
            _keep: Box::new(keep),
        }
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

/// Expands to a module with one named test per behaviour: `conformance_suite!(memory,
/// Harness::new(MemoryStore::new()))`. The expression is evaluated in each test, in an async function.
#[macro_export]
macro_rules! conformance_suite {
    ($name:ident, $harness:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $crate::conformance_suite! { @tests $harness;
                a_row_is_what_was_written
                a_row_that_was_never_written_is_none
                putting_replaces_and_creates
                deleting_takes_the_row_away_and_may_be_repeated
                every_write_gives_a_new_etag
                an_equal_etag_means_an_equal_value
                a_value_of_the_largest_size_comes_back_whole
                values_keep_every_unicode_character
                longest_keys_work
                many_rows_come_in_the_order_asked_for
                the_store_answers_a_ping
                create_refuses_an_existing_row
                replace_refuses_a_changed_row
                replace_refuses_a_missing_row
                delete_if_refuses_a_changed_or_missing_row
                an_etag_of_another_row_or_of_nothing_is_refused
                an_etag_does_not_come_back_after_deletion
                a_scan_is_in_order_and_bounded
                a_scan_across_pages_sees_every_row_once
                a_scan_with_odd_bounds_is_empty
                a_scan_of_large_rows_gets_through
                a_cursor_survives_inserts_and_deletions
                prefixes_select_their_rows
                partitions_do_not_see_each_other
                last_at_or_before_finds_the_greatest
                last_at_or_before_stays_in_its_partition
                a_table_scan_sees_every_row_once_and_in_order
                a_table_scan_goes_on_behind_any_place
                a_table_scan_of_large_rows_gets_through
                a_table_scan_beside_writers_misses_nothing_that_stays
                a_snapshot_stays_as_it_was
                a_batch_does_every_kind_of_write_in_order
                one_failing_precondition_anywhere_sinks_the_batch
                a_key_twice_in_a_batch_is_refused
                an_empty_batch_does_nothing
                a_batch_of_the_largest_size_is_atomic
                what_is_over_the_limits_is_refused
                a_value_that_is_no_object_is_refused
                racing_writers_lose_no_update
                racing_creators_have_one_winner
                writers_of_overlapping_batches_stay_consistent
                readers_never_go_back_behind_a_batch
                after_an_unknown_outcome_reading_tells_the_truth
                retrying_unknown_outcomes_applies_each_change_once
                a_commit_that_nobody_waits_for_happens_whole_or_not_at_all
            }
        }
    };
    (@tests $harness:expr; $($behaviour:ident)+) => {
        /// Every behaviour this suite runs.
        #[allow(dead_code)]
        pub(crate) const BEHAVIOURS: &[&str] = &[$(stringify!($behaviour)),+];
        $(
            // Several threads, because behaviours race tasks against each other.
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $behaviour() {
                let harness: $crate::conformance::Harness = $harness;
                $crate::conformance::$behaviour(harness.store()).await;
            }
        )+
    };
}

/// A partition that no other run uses.
fn partition(name: &str) -> PartitionKey {
    PartitionKey::new(format!("{name}-{:016x}", rand::random::<u64>())).unwrap()
}

fn key(text: &str) -> RowKey {
    RowKey::new(text).unwrap()
}

fn object(value: &serde_json::Value) -> Bytes {
    Bytes::from(value.to_string())
}

/// A small value that says `n`.
fn number(n: u64) -> Bytes {
    object(&serde_json::json!({ "n": n }))
}

fn read_number(row: &Row) -> u64 {
    serde_json::from_slice::<serde_json::Value>(&row.value).unwrap()["n"]
        .as_u64()
        .unwrap()
}

fn create(name: &str, n: u64) -> Write {
    Write::Create {
        key: key(name),
        value: number(n),
    }
}

fn put(name: &str, n: u64) -> Write {
    Write::Put {
        key: key(name),
        value: number(n),
    }
}

fn replace(name: &str, n: u64, etag: &Etag) -> Write {
    Write::Replace {
        key: key(name),
        value: number(n),
        etag: etag.clone(),
    }
}

fn delete(name: &str) -> Write {
    Write::Delete { key: key(name) }
}

fn delete_if(name: &str, etag: &Etag) -> Write {
    Write::DeleteIf {
        key: key(name),
        etag: etag.clone(),
    }
}

/// Commits one write and gives its etag.
async fn commit_one(store: &dyn Store, p: &PartitionKey, write: Write) -> Etag {
    store.commit(p, vec![write]).await.unwrap().remove(0)
}

async fn number_at(store: &dyn Store, p: &PartitionKey, name: &str) -> Option<u64> {
    store.get(p, &key(name)).await.unwrap().as_ref().map(read_number)
}

/// Names of all rows of a range, through as many pages of at most `limit` rows as it takes.
async fn names(store: &dyn Store, p: &PartitionKey, range: &KeyRange, limit: usize) -> Vec<String> {
    let (mut range, mut names) = (range.clone(), Vec::new());
    loop {
        let page = store.scan(p, &range, limit).await.unwrap();
        assert!(page.rows.len() <= limit, "a page has more rows than asked for");
        names.extend(page.rows.iter().map(|row| row.key.as_str().to_owned()));
        match page.next {
            Some(next) => {
                assert!(
                    names.last().is_none_or(|last| next.as_str() > last.as_str()),
                    "a cursor goes back"
                );
                range.start = Some(next);
            }
            None => return names,
        }
    }
}

async fn all_names(store: &dyn Store, p: &PartitionKey) -> Vec<String> {
    names(store, p, &KeyRange::all(), 1000).await
}

fn assert_exists(result: Result<Vec<Etag>, StoreError>, name: &str) {
    assert!(
        matches!(&result, Err(StoreError::Exists { key: k }) if *k == key(name)),
        "{result:?}"
    );
}

fn assert_changed(result: Result<Vec<Etag>, StoreError>, name: &str) {
    assert!(
        matches!(&result, Err(StoreError::Changed { key: k }) if *k == key(name)),
        "{result:?}"
    );
}

fn assert_invalid<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(&result, Err(StoreError::Invalid { .. })), "{result:?}");
}

#[cfg(test)]
mod suite {
    use super::Harness;
    use crate::memory::MemoryStore;

    crate::conformance_suite!(memory, Harness::new(MemoryStore::new()));

    /// A behaviour that the macro forgets would look like one that passes.
    #[test]
    fn the_macro_runs_every_behaviour() {
        let sources = [
            include_str!("batches.rs"),
            include_str!("outcomes.rs"),
            include_str!("preconditions.rs"),
            include_str!("races.rs"),
            include_str!("ranges.rs"),
            include_str!("rows.rs"),
            include_str!("tables.rs"),
        ];
        let written: Vec<&str> = sources
            .iter()
            .flat_map(|source| source.lines())
            .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
            .collect();
        for name in &written {
            assert!(
                memory::BEHAVIOURS.contains(name),
                "{name} is not in conformance_suite!"
            );
        }
        assert_eq!(written.len(), memory::BEHAVIOURS.len());
    }
}
