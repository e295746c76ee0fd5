//! A cache that can be told to fail, to wait, to lose and to spoil what it is given.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::plan::{Failure, FaultPlan, Op};
use super::wait;
use crate::cache::{Cache, CacheEntry, CacheKey};

/// Does what its [`FaultPlan`] says of [`Op::CacheGet`] and [`Op::CachePut`] before and after the cache inside does its
/// work. An unavailable or lost get finds nothing; an unavailable put or one whose request is lost is not done, one
/// whose answer is lost is; a corrupt one gives, or keeps, values with a bit turned over.
#[derive(Debug)]
pub struct FaultCache {
    inner: Arc<dyn Cache>,
    plan: FaultPlan,
}

impl FaultCache {
    /// Wraps a cache, with a plan of its own that has no rules yet.
    pub fn new(inner: Arc<dyn Cache>) -> Self {
        Self {
            inner,
            plan: FaultPlan::new(),
        }
    }

    /// The plan, to add rules to and to read counts from.
    pub fn plan(&self) -> FaultPlan {
        self.plan.clone()
    }
}

fn spoiled(value: &Bytes) -> Bytes {
    let mut spoiled = value.to_vec();
    if let Some(byte) = spoiled.last_mut() {
        *byte ^= 1;
    }
    spoiled.into()
}

#[async_trait]
impl Cache for FaultCache {
    async fn get(&self, keys: &[CacheKey]) -> Option<Vec<Option<Bytes>>> {
        let verdict = self.plan.judge(Op::CacheGet, None, &[]);
        wait(verdict.before).await;
        let found = match verdict.failure {
            None => self.inner.get(keys).await,
            Some(Failure::Unavailable | Failure::LostRequest | Failure::LostAnswer) => None,
            Some(Failure::Corrupt) => {
                let found = self.inner.get(keys).await;
                found.map(|found| found.into_iter().map(|value| Some(spoiled(&value?))).collect())
            }
        };
        wait(verdict.after).await;
        found
    }

    async fn put(&self, mut entries: Vec<CacheEntry>) {
        let verdict = self.plan.judge(Op::CachePut, None, &[]);
        wait(verdict.before).await;
        match verdict.failure {
            None | Some(Failure::LostAnswer) => self.inner.put(entries).await,
            Some(Failure::Unavailable | Failure::LostRequest) => {}
            Some(Failure::Corrupt) => {
                for entry in &mut entries {
                    entry.value = spoiled(&entry.value);
                }
                self.inner.put(entries).await;
            }
        }
        wait(verdict.after).await;
    }
}
