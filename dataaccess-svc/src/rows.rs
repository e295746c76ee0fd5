//! Reading rows of one partition: what is durable, or that plus what earlier commands of a group have written
//! but not yet made durable (the overlay). Only the writer reads through an overlay, and who looks at what a revert
//! would leave. Plans of large commands lie beneath this: `space/staged/view.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cadastre_domain::hierarchy::{ChildProbe, Step, SupernetSearch};
use cadastre_domain::{Family, Prefix};
use cadastre_storage::{KeyRange, PartitionKey, RowKey, Store};

use crate::errors::Outcome;
use crate::keys;
use crate::records::{HeadRecord, LengthCounts, NodeRecord, Record, decode};

/// Rows that are written but not durable; `None` = deleted.
pub(crate) type Overlay = BTreeMap<RowKey, Option<Bytes>>;

/// Reads one partition.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    store: &'a Arc<dyn Store>,
    partition: &'a PartitionKey,
    overlay: Option<&'a Overlay>,
}

/// How many rows a single scan asks the store for.
const SCAN_PAGE: usize = 512;

/// With no more lengths in use than this, the parent is found by asking for each: a point read costs less than a
/// seek, and most of them are of the right length.
const POINT_READS: usize = 8;

impl<'a> Rows<'a> {
    /// What is durable.
    pub(crate) fn durable(store: &'a Arc<dyn Store>, partition: &'a PartitionKey) -> Self {
        Self {
            store,
            partition,
            overlay: None,
        }
    }

    /// What is durable with an overlay above it.
    pub(crate) fn with_overlay(
        store: &'a Arc<dyn Store>,
        partition: &'a PartitionKey,
        overlay: &'a Overlay,
    ) -> Self {
        Self {
            store,
            partition,
            overlay: Some(overlay),
        }
    }

    /// The overlay it reads through, if there is one.
    pub(crate) fn overlay(&self) -> Option<&'a Overlay> {
        self.overlay
    }

    /// The same store through another overlay.
    pub(crate) fn over<'b>(&self, overlay: &'b Overlay) -> Rows<'b>
    where
        'a: 'b,
    {
        Rows {
            store: self.store,
            partition: self.partition,
            overlay: Some(overlay),
        }
    }

    fn pending(&self, key: &RowKey) -> Option<&'a Option<Bytes>> {
        self.overlay.and_then(|overlay| overlay.get(key))
    }

    /// A read costs little more than what it reads.
    pub(crate) fn is_near(&self) -> bool {
        self.store.limits().backwards
    }

    /// Bytes of one row.
    pub(crate) async fn get(&self, key: &RowKey) -> Outcome<Option<Bytes>> {
        if let Some(pending) = self.pending(key) {
            return Ok(pending.clone());
        }
        Ok(self.store.get(self.partition, key).await?.map(|row| row.value))
    }

    /// One row, read as a record.
    pub(crate) async fn record<R: Record>(&self, key: &RowKey) -> Outcome<Option<R>> {
        match self.get(key).await? {
            Some(bytes) => Ok(Some(decode(key, &bytes)?)),
            None => Ok(None),
        }
    }

    /// Up to `limit` rows of a range, and where to go on if there may be more.
    pub(crate) async fn scan(
        &self,
        range: &KeyRange,
        limit: usize,
    ) -> Outcome<(Vec<(RowKey, Bytes)>, Option<RowKey>)> {
        let mut out = Vec::new();
        let mut from = range.start.clone();
        loop {
            let want = (limit - out.len()).min(SCAN_PAGE);
            let part = KeyRange {
                start: from.clone(),
                end: range.end.clone(),
            };
            let page = self.store.scan(self.partition, &part, want).await?;
            let covered_to = page.next.clone();
            self.merge(&mut out, page.rows, &part, covered_to.as_ref());
            if out.len() >= limit {
                // The merge may have added overlay rows beyond the limit.
                let next = if out.len() > limit {
                    out.get(limit).map(|(key, _)| key.clone())
                } else {
                    covered_to
                };
                out.truncate(limit);
                return Ok((out, next));
            }
            // Long scans let others have a turn: reads of an embedded store never wait by themselves.
            tokio::task::yield_now().await;
            match covered_to {
                Some(next) => from = Some(next),
                None => return Ok((out, None)),
            }
        }
    }

    /// Adds a page of the store to `out`, with the overlay's rows of the part that the page covers.
    fn merge(
        &self,
        out: &mut Vec<(RowKey, Bytes)>,
        rows: Vec<cadastre_storage::Row>,
        part: &KeyRange,
        covered_to: Option<&RowKey>,
    ) {
        let stored = rows.into_iter().map(|row| (row.key, row.value));
        match self.overlay {
            None => out.extend(stored),
            Some(overlay) => merge(out, stored, overlay, part, covered_to, Bytes::clone),
        }
    }

    /// The first row of a range.
    pub(crate) async fn first(&self, range: &KeyRange) -> Outcome<Option<(RowKey, Bytes)>> {
        Ok(self.scan(range, 1).await?.0.pop())
    }

    /// A node by its prefix.
    pub(crate) async fn node(&self, prefix: &Prefix) -> Outcome<Option<NodeRecord>> {
        self.record(&keys::node(prefix)).await
    }

    /// Bytes of several rows, read together.
    pub(crate) async fn get_many(&self, keys: &[RowKey]) -> Outcome<Vec<Option<Bytes>>> {
        let stored = self.store.get_many(self.partition, keys).await?;
        let found = keys.iter().zip(stored).map(|(key, row)| match self.pending(key) {
            Some(pending) => pending.clone(),
            None => row.map(|row| row.value),
        });
        Ok(found.collect())
    }

    /// Nodes by their prefixes, read together.
    pub(crate) async fn nodes(&self, prefixes: &[Prefix]) -> Outcome<Vec<Option<NodeRecord>>> {
        let keys: Vec<RowKey> = prefixes.iter().map(keys::node).collect();
        let found = self.get_many(&keys).await?;
        let mut nodes = Vec::with_capacity(keys.len());
        for (key, bytes) in keys.iter().zip(found) {
            nodes.push(bytes.map(|bytes| decode(key, &bytes)).transpose()?);
        }
        Ok(nodes)
    }

    /// The first node of a range in order.
    pub(crate) async fn first_node(&self, probe: &ChildProbe) -> Outcome<Option<NodeRecord>> {
        let range = keys::node_range(probe.after.as_ref(), probe.up_to.as_ref());
        match self.first(&range).await? {
            Some((key, bytes)) => Ok(Some(decode(&key, &bytes)?)),
            None => Ok(None),
        }
    }

    /// Whether there is a node strictly beneath a prefix.
    pub(crate) async fn has_descendants(&self, prefix: &Prefix) -> Outcome<bool> {
        let range = keys::node_range(Some(prefix), Some(&prefix.last_descendant()));
        Ok(self.first(&range).await?.is_some())
    }

    /// The greatest node at or before a prefix in order.
    async fn last_node(&self, at: &Prefix) -> Outcome<Option<NodeRecord>> {
        let floor = keys::node_floor();
        let mut bound = keys::node(at);
        let pending = self.overlay.and_then(|overlay| {
            overlay
                .range(floor.clone()..=bound.clone())
                .rev()
                .find_map(|(key, value)| value.as_ref().map(|bytes| (key.clone(), bytes.clone())))
        });
        loop {
            let stored = self
                .store
                .last_at_or_before(self.partition, &bound, &floor)
                .await?;
            let Some(row) = stored else {
                return pending
                    .map(|(key, bytes)| decode(&key, &bytes))
                    .transpose()
                    .map_err(Into::into);
            };
            match &pending {
                Some((key, bytes)) if *key >= row.key => return Ok(Some(decode(key, bytes)?)),
                _ => {}
            }
            if let Some(None) = self.pending(&row.key) {
                // Deleted by an earlier command of the group: look further back.
                match keys::node_prefix(&row.key).and_then(|p| keys::before_node(&p)) {
                    Some(before) => bound = before,
                    None => {
                        return pending
                            .map(|(key, bytes)| decode(&key, &bytes))
                            .transpose()
                            .map_err(Into::into);
                    }
                }
                continue;
            }
            return Ok(Some(decode(&row.key, &row.value)?));
        }
    }

    /// The longest node that strictly contains a prefix. `head` says which lengths are in use, for stores
    /// that cannot look backwards.
    pub(crate) async fn parent(&self, of: &Prefix, head: &HeadRecord) -> Outcome<Option<NodeRecord>> {
        match SupernetSearch::above(*of) {
            Some(search) => self.search(search, of, head).await,
            None => Ok(None),
        }
    }

    async fn search(
        &self,
        mut search: SupernetSearch,
        of: &Prefix,
        head: &HeadRecord,
    ) -> Outcome<Option<NodeRecord>> {
        if !self.store.limits().backwards {
            let strict = match search.step() {
                Step::Probe(first) => first,
                Step::Done(_) => return Ok(None),
            };
            return Ok(self.supernets_by_length(&strict, head).await?.pop());
        }
        let lengths = || counts(of, head).0.keys().rev().filter(|len| **len < of.len());
        if lengths().count() <= POINT_READS {
            for len in lengths() {
                if let Some(node) = self.node(&of.truncate(*len)).await? {
                    return Ok(Some(node));
                }
            }
            return Ok(None);
        }
        let mut last: Option<NodeRecord> = None;
        loop {
            match search.step() {
                Step::Probe(at) => {
                    last = self.last_node(&at).await?;
                    search.feed(last.as_ref().map(|node| node.prefix));
                }
                Step::Done(found) => {
                    debug_assert!(found.is_none_or(|p| p.contains(of)));
                    return Ok(last.filter(|node| Some(node.prefix) == found));
                }
            }
        }
    }

    /// Every node that contains a prefix (itself included), shortest first, by asking for each length in use.
    async fn supernets_by_length(&self, of: &Prefix, head: &HeadRecord) -> Outcome<Vec<NodeRecord>> {
        let lengths = counts(of, head).0.keys().filter(|len| **len <= of.len());
        let prefixes: Vec<Prefix> = lengths.map(|len| of.truncate(*len)).collect();
        if prefixes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.nodes(&prefixes).await?.into_iter().flatten().collect())
    }

    /// Every node that strictly contains a prefix, shortest first.
    pub(crate) async fn ancestors(&self, of: &Prefix, head: &HeadRecord) -> Outcome<Vec<NodeRecord>> {
        if of.len() == 0 {
            return Ok(Vec::new());
        }
        if !self.store.limits().backwards {
            return self.supernets_by_length(&of.truncate(of.len() - 1), head).await;
        }
        let mut chain = Vec::new();
        let mut at = *of;
        while let Some(parent) = self.parent(&at, head).await? {
            at = parent.prefix;
            chain.push(parent);
        }
        chain.reverse();
        Ok(chain)
    }
}

/// Adds rows that were stored to `out`, with the overlay's of the part of a range that they cover: up to `covered_to`,
/// or to its end.
pub(crate) fn merge<T>(
    out: &mut Vec<(RowKey, T)>,
    stored: impl Iterator<Item = (RowKey, T)>,
    overlay: &Overlay,
    part: &KeyRange,
    covered_to: Option<&RowKey>,
    unstored: impl Fn(&Bytes) -> T,
) {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let start = part.start.as_ref().map_or(Unbounded, Included);
    let end = covered_to.or(part.end.as_ref()).map_or(Unbounded, Excluded);
    if let (Included(a), Excluded(b)) = (start, end)
        && a >= b
    {
        out.extend(stored);
        return;
    }
    let mut stored = stored.peekable();
    for (key, pending) in overlay.range::<RowKey, _>((start, end)) {
        while let Some(row) = stored.next_if(|(stored, _)| stored < key) {
            out.push(row);
        }
        let _replaced = stored.next_if(|(stored, _)| stored == key);
        if let Some(bytes) = pending {
            out.push((key.clone(), unstored(bytes)));
        }
    }
    out.extend(stored);
}

/// The lengths in use in the family of a prefix.
fn counts<'h>(of: &Prefix, head: &'h HeadRecord) -> &'h LengthCounts {
    match of.family() {
        Family::V4 => &head.counts4,
        Family::V6 => &head.counts6,
    }
}
