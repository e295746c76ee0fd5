//! Nodes for a skip-scan that asks for the first of one range after the other: where children stand side by side one
//! read serves many of them, and where each has much beneath it little is read in vain.

use std::collections::VecDeque;

use cadastre_domain::hierarchy::ChildProbe;

use crate::errors::Outcome;
use crate::keys;
use crate::records::{NodeRecord, decode};
use crate::rows::Rows;

/// Nodes in a read of a distant store, where the way costs more than the rows.
const DISTANT: usize = 128;
/// Nodes in a read of a store of our own, at most.
const NEAR: usize = 64;

/// See the module. The probes go forward and have one end.
pub(super) struct ReadAhead<'a> {
    rows: Rows<'a>,
    /// What was read and not passed yet, in order.
    nodes: VecDeque<NodeRecord>,
    /// There is nothing behind the nodes.
    to_the_end: bool,
    /// Nodes in the next read.
    batch: usize,
    /// Nodes of the last read that were asked for.
    used: usize,
}

impl<'a> ReadAhead<'a> {
    /// Nothing read yet.
    pub(super) fn new(rows: Rows<'a>) -> Self {
        Self {
            rows,
            nodes: VecDeque::new(),
            to_the_end: false,
            batch: if rows.is_near() { 1 } else { DISTANT },
            used: 0,
        }
    }

    /// The first node of a range.
    pub(super) async fn first_node(&mut self, probe: &ChildProbe) -> Outcome<Option<NodeRecord>> {
        while self
            .nodes
            .front()
            .is_some_and(|node| probe.after.is_some_and(|after| node.prefix <= after))
        {
            self.nodes.pop_front();
        }
        if self.nodes.is_empty() && !self.to_the_end {
            self.read(probe).await?;
        }
        let first = self.nodes.front().filter(|node| probe.holds(&node.prefix));
        if first.is_some() {
            self.used += 1;
        }
        Ok(first.cloned())
    }

    async fn read(&mut self, probe: &ChildProbe) -> Outcome<()> {
        if self.rows.is_near() && self.used > 0 {
            let all_used = self.used >= self.batch;
            self.batch = if all_used { (4 * self.batch).min(NEAR) } else { 1 };
        }
        self.used = 0;
        let range = keys::node_range(probe.after.as_ref(), probe.up_to.as_ref());
        let (page, next) = self.rows.scan(&range, self.batch).await?;
        self.to_the_end = next.is_none();
        for (key, bytes) in &page {
            self.nodes.push_back(decode(key, bytes)?);
        }
        Ok(())
    }
}
