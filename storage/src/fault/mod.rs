//! A decorator which makes any store fail, wait or lose answers on demand: what a network does to Azure one
//! day in the year, tests meet in every run.
//!
//! The [`FaultPlan`] is a handle shared by the store and the test. Without a rule the store behaves like the
//! one inside, which is why it passes the same conformance suite, and it counts calls, so that a test can
//! say how many reads something may cost.

mod gate;
mod plan;

use async_trait::async_trait;

pub use gate::Gate;
pub use plan::{Chances, Fault, FaultPlan, Hook, Op, Rule};

use crate::contract::{Etag, KeyRange, Limits, Page, Place, Row, Snapshot, Store, TablePage, Write};
use crate::error::StoreError;
use crate::key::{PartitionKey, RowKey};
use plan::{Failure, Pause, Verdict};

/// A store that does what its [`FaultPlan`] says before and after the store inside does its work.
#[derive(Debug)]
pub struct FaultStore<S> {
    inner: S,
    plan: FaultPlan,
}

impl<S: Store> FaultStore<S> {
    /// Wraps a store, with a plan of its own that has no rules yet.
    pub fn new(inner: S) -> Self {
        Self::with_plan(inner, FaultPlan::new())
    }

    /// Wraps a store under a plan that exists already (shared with other stores, or prepared).
    pub fn with_plan(inner: S, plan: FaultPlan) -> Self {
        Self { inner, plan }
    }

    /// The plan, to add rules to and to read counts from.
    pub fn plan(&self) -> FaultPlan {
        self.plan.clone()
    }

    /// The store inside, which no rule touches.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

async fn wait(pauses: Vec<Pause>) {
    for pause in pauses {
        match pause {
            Pause::Sleep(time) => tokio::time::sleep(time).await,
            Pause::Gate(gate) => gate.pass().await,
            Pause::Hook(hook) => hook().await,
        }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        reason: "injected fault".to_owned(),
        retry_after: None,
        source: None,
    }
}

fn corrupt() -> StoreError {
    StoreError::Corrupt {
        reason: "injected fault".to_owned(),
        source: None,
    }
}

fn unknown() -> StoreError {
    StoreError::OutcomeUnknown {
        reason: "injected fault".to_owned(),
        source: None,
    }
}

/// A read changes nothing, so a lost request and a lost answer look alike: the store was not there.
async fn read<T>(
    verdict: Verdict,
    inner: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    wait(verdict.before).await;
    let answer = match verdict.failure {
        None => inner.await,
        Some(Failure::Corrupt) => Err(corrupt()),
        Some(Failure::Unavailable | Failure::LostRequest | Failure::LostAnswer) => Err(unavailable()),
    };
    wait(verdict.after).await;
    answer
}

#[async_trait]
impl<S: Store> Store for FaultStore<S> {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn get(&self, partition: &PartitionKey, key: &RowKey) -> Result<Option<Row>, StoreError> {
        read(
            self.plan.judge(Op::Get, Some(partition), &[]),
            self.inner.get(partition, key),
        )
        .await
    }

    async fn get_many(
        &self,
        partition: &PartitionKey,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Row>>, StoreError> {
        read(
            self.plan.judge(Op::GetMany, Some(partition), &[]),
            self.inner.get_many(partition, keys),
        )
        .await
    }

    async fn scan(
        &self,
        partition: &PartitionKey,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Page, StoreError> {
        read(
            self.plan.judge(Op::Scan, Some(partition), &[]),
            self.inner.scan(partition, range, limit),
        )
        .await
    }

    async fn last_at_or_before(
        &self,
        partition: &PartitionKey,
        key: &RowKey,
        floor: &RowKey,
    ) -> Result<Option<Row>, StoreError> {
        let verdict = self.plan.judge(Op::LastAtOrBefore, Some(partition), &[]);
        read(verdict, self.inner.last_at_or_before(partition, key, floor)).await
    }

    async fn scan_table(&self, after: Option<&Place>, limit: usize) -> Result<TablePage, StoreError> {
        read(
            self.plan.judge(Op::ScanTable, None, &[]),
            self.inner.scan_table(after, limit),
        )
        .await
    }

    /// Reads of the snapshot itself do not fail.
    async fn snapshot(&self) -> Result<Option<Box<dyn Snapshot>>, StoreError> {
        read(self.plan.judge(Op::Snapshot, None, &[]), self.inner.snapshot()).await
    }

    async fn commit(&self, partition: &PartitionKey, writes: Vec<Write>) -> Result<Vec<Etag>, StoreError> {
        let verdict = self.plan.judge(Op::Commit, Some(partition), &writes);
        wait(verdict.before).await;
        let answer = match verdict.failure {
            None => self.inner.commit(partition, writes).await,
            Some(Failure::Unavailable) => Err(unavailable()),
            Some(Failure::Corrupt) => Err(corrupt()),
            Some(Failure::LostRequest) => Err(unknown()),
            Some(Failure::LostAnswer) => {
                // Whatever it was, also a refusal: the caller does not get to know it.
                let _ = self.inner.commit(partition, writes).await;
                Err(unknown())
            }
        };
        wait(verdict.after).await;
        answer
    }

    async fn ping(&self) -> Result<(), StoreError> {
        read(self.plan.judge(Op::Ping, None, &[]), self.inner.ping()).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
