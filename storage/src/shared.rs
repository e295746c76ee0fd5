//! A shared store is a store, so that decorators wrap an `Arc<dyn Store>` like any other.
//!
//! Written out instead of with `async fn`: each call hands on the future of the inner store, where
//! `async fn` would put a second box around it on the hottest path there is.

use std::pin::Pin;
use std::sync::Arc;

use crate::contract::{Etag, KeyRange, Limits, Page, Place, Row, Snapshot, Store, TablePage, Write};
use crate::error::StoreError;
use crate::key::{PartitionKey, RowKey};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

impl<S: Store + ?Sized> Store for Arc<S> {
    fn limits(&self) -> Limits {
        (**self).limits()
    }

    fn get<'s, 'p, 'k, 'a>(&'s self, partition: &'p PartitionKey, key: &'k RowKey) -> Answer<'a, Option<Row>>
    where
        's: 'a,
        'p: 'a,
        'k: 'a,
        Self: 'a,
    {
        (**self).get(partition, key)
    }

    fn get_many<'s, 'p, 'k, 'a>(
        &'s self,
        partition: &'p PartitionKey,
        keys: &'k [RowKey],
    ) -> Answer<'a, Vec<Option<Row>>>
    where
        's: 'a,
        'p: 'a,
        'k: 'a,
        Self: 'a,
    {
        (**self).get_many(partition, keys)
    }

    fn scan<'s, 'p, 'r, 'a>(
        &'s self,
        partition: &'p PartitionKey,
        range: &'r KeyRange,
        limit: usize,
    ) -> Answer<'a, Page>
    where
        's: 'a,
        'p: 'a,
        'r: 'a,
        Self: 'a,
    {
        (**self).scan(partition, range, limit)
    }

    fn last_at_or_before<'s, 'p, 'k, 'f, 'a>(
        &'s self,
        partition: &'p PartitionKey,
        key: &'k RowKey,
        floor: &'f RowKey,
    ) -> Answer<'a, Option<Row>>
    where
        's: 'a,
        'p: 'a,
        'k: 'a,
        'f: 'a,
        Self: 'a,
    {
        (**self).last_at_or_before(partition, key, floor)
    }

    fn scan_table<'s, 'p, 'a>(&'s self, after: Option<&'p Place>, limit: usize) -> Answer<'a, TablePage>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        (**self).scan_table(after, limit)
    }

    fn snapshot<'s, 'a>(&'s self) -> Answer<'a, Option<Box<dyn Snapshot>>>
    where
        's: 'a,
        Self: 'a,
    {
        (**self).snapshot()
    }

    fn commit<'s, 'p, 'a>(&'s self, partition: &'p PartitionKey, writes: Vec<Write>) -> Answer<'a, Vec<Etag>>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        (**self).commit(partition, writes)
    }

    fn ping<'s, 'a>(&'s self) -> Answer<'a, ()>
    where
        's: 'a,
        Self: 'a,
    {
        (**self).ping()
    }

    fn close<'s, 'a>(&'s self) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>
    where
        's: 'a,
        Self: 'a,
    {
        (**self).close()
    }
}
