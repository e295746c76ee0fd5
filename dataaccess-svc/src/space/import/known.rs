//! The stored nodes that the lines of a part are compared with, read together where that pays: lines of a file
//! are mostly neighbours, so one scan of the range they lie in answers what would be a read or two for each.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Included};

use bytes::Bytes;
use cadastre_domain::Prefix;
use cadastre_domain::hierarchy::ChildProbe;

use crate::errors::Outcome;
use crate::keys;
use crate::records::{NodeRecord, RecordError, decode};
use crate::rows::Rows;

/// A range with more stored nodes than this for each line is not read ahead: each line asks for itself.
const ROWS_PER_LINE: usize = 2;
/// The same for a part with very few lines.
const ROWS_AT_LEAST: usize = 64;

/// See the module.
pub(super) struct Known<'a> {
    rows: Rows<'a>,
    /// Ranges whose nodes are all in `inside`; one per family.
    ranges: Vec<(Prefix, Prefix)>,
    inside: BTreeMap<Prefix, Bytes>,
    /// Others that were asked for.
    single: HashMap<Prefix, Option<NodeRecord>>,
}

impl<'a> Known<'a> {
    /// Reads ahead for lines with these prefixes.
    pub(super) async fn about(rows: Rows<'a>, prefixes: impl Iterator<Item = &Prefix>) -> Outcome<Self> {
        let mut known = Self {
            rows,
            ranges: Vec::new(),
            inside: BTreeMap::new(),
            single: HashMap::new(),
        };
        let mut sorted: Vec<Prefix> = prefixes.copied().collect();
        sorted.sort_unstable();
        sorted.dedup();
        for family in sorted.chunk_by(|a, b| a.family() == b.family()) {
            if let (Some(first), Some(end)) =
                (family.first(), family.iter().map(Prefix::last_descendant).max())
            {
                known.read_range(family, *first, end).await?;
            }
        }
        Ok(known)
    }

    async fn read_range(&mut self, prefixes: &[Prefix], first: Prefix, end: Prefix) -> Outcome<()> {
        let most = prefixes.len() * ROWS_PER_LINE + ROWS_AT_LEAST;
        let mut range = keys::node_range(None, Some(&end));
        range.start = Some(keys::node(&first));
        let (found, more) = self.rows.scan(&range, most).await?;
        if more.is_some() {
            let stored = self.rows.nodes(prefixes).await?;
            self.single.extend(prefixes.iter().copied().zip(stored));
            return Ok(());
        }
        for (key, bytes) in found {
            let prefix = keys::node_prefix(&key).ok_or_else(|| RecordError::Inconsistent {
                key: key.clone(),
                reason: "the key names no prefix".to_owned(),
            })?;
            self.inside.insert(prefix, bytes);
        }
        self.ranges.push((first, end));
        Ok(())
    }

    fn covers(&self, prefix: &Prefix) -> bool {
        self.ranges
            .iter()
            .any(|(first, end)| first <= prefix && prefix <= end)
    }

    /// The stored node of a prefix.
    pub(super) async fn node(&mut self, prefix: &Prefix) -> Outcome<Option<NodeRecord>> {
        if self.covers(prefix) {
            let Some(bytes) = self.inside.get(prefix) else {
                return Ok(None);
            };
            return Ok(Some(decode(&keys::node(prefix), bytes)?));
        }
        if let Some(known) = self.single.get(prefix) {
            return Ok(known.clone());
        }
        let node = self.rows.node(prefix).await?;
        self.single.insert(*prefix, node.clone());
        Ok(node)
    }

    /// Whether a node is stored strictly beneath a prefix.
    pub(super) async fn has_beneath(&self, prefix: &Prefix) -> Outcome<bool> {
        let last = prefix.last_descendant();
        if self.covers(prefix) && self.covers(&last) {
            let range = (Excluded(*prefix), Included(last));
            return Ok(self.inside.range(range).next().is_some());
        }
        let probe = ChildProbe {
            after: Some(*prefix),
            up_to: Some(last),
        };
        Ok(self.rows.first_node(&probe).await?.is_some())
    }
}
