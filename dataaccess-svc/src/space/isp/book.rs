//! What a space knows of the provider's side by heart: its pools, plans, webhooks and the policy. They are few, and asked
//! for by almost every command. The head says which commit changed them last, as for tag definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use cadastre_domain::Prefix;
use cadastre_domain::isp::{Entity, EntityKey, Kept, Plan, Pool, PoolPolicy, Webhook};
use uuid::Uuid;

use crate::errors::Outcome;
use crate::keys;
use crate::records::{EntityRecord, HeadRecord, decode};
use crate::rows::Rows;

/// See the module. Cheap to clone: the things are shared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// In the order of their networks, which do not overlap.
    pools: BTreeMap<Prefix, Arc<Kept<Pool>>>,
    networks: BTreeMap<Uuid, Prefix>,
    plans: BTreeMap<Uuid, Arc<Kept<Plan>>>,
    webhooks: BTreeMap<Uuid, Arc<Kept<Webhook>>>,
    policy: Option<Arc<Kept<PoolPolicy>>>,
}

impl Book {
    /// What says which book goes with a head.
    pub(crate) fn at(head: &HeadRecord) -> (Uuid, u64, Uuid) {
        (head.incarnation, head.book_version, head.book_commit)
    }

    /// Reads it.
    pub(crate) async fn load(rows: Rows<'_>, head: &HeadRecord) -> Outcome<Self> {
        let mut book = Self::default();
        if head.book_version == 0 {
            return Ok(book);
        }
        for mut range in keys::book_ranges() {
            loop {
                let (page, next) = rows.scan(&range, 500).await?;
                for (key, bytes) in &page {
                    let record: EntityRecord = decode(key, bytes)?;
                    book.put(&record.into());
                }
                match next {
                    Some(next) => range.start = Some(next),
                    None => break,
                }
            }
        }
        Ok(book)
    }

    /// Whether things of that kind are in it.
    pub(super) fn holds(value: &Entity) -> bool {
        matches!(
            value,
            Entity::Pool(_) | Entity::Plan(_) | Entity::Webhook(_) | Entity::Policy(_)
        )
    }

    /// Takes a thing in, if it is of a kind that is kept here.
    pub(super) fn put(&mut self, kept: &Kept<Entity>) {
        match &kept.value {
            Entity::Pool(pool) => {
                self.networks.insert(pool.id, pool.network);
                self.pools
                    .insert(pool.network, Arc::new(kept.clone().map(|_| pool.clone())));
            }
            Entity::Plan(plan) => {
                self.plans
                    .insert(plan.id, Arc::new(kept.clone().map(|_| plan.clone())));
            }
            Entity::Webhook(webhook) => {
                self.webhooks
                    .insert(webhook.id, Arc::new(kept.clone().map(|_| webhook.clone())));
            }
            Entity::Policy(policy) => self.policy = Some(Arc::new(kept.clone().map(|_| policy.clone()))),
            Entity::Reservation(_)
            | Entity::Subscriber(_)
            | Entity::Profile(_)
            | Entity::VlanPool(_)
            | Entity::VlanBinding(_)
            | Entity::Template(_)
            | Entity::Alert(_)
            | Entity::Outbox(_) => {}
        }
    }

    /// Takes a thing out.
    pub(super) fn remove(&mut self, value: &Entity) {
        match value {
            Entity::Pool(pool) => {
                self.networks.remove(&pool.id);
                self.pools.remove(&pool.network);
            }
            Entity::Plan(plan) => drop(self.plans.remove(&plan.id)),
            Entity::Webhook(webhook) => drop(self.webhooks.remove(&webhook.id)),
            Entity::Policy(_) => self.policy = None,
            Entity::Reservation(_)
            | Entity::Subscriber(_)
            | Entity::Profile(_)
            | Entity::VlanPool(_)
            | Entity::VlanBinding(_)
            | Entity::Template(_)
            | Entity::Alert(_)
            | Entity::Outbox(_) => {}
        }
    }

    /// There are no pools, so nothing of the tree can concern one.
    pub(crate) fn has_no_pools(&self) -> bool {
        self.pools.is_empty()
    }

    /// A pool.
    pub(crate) fn pool(&self, id: Uuid) -> Option<&Arc<Kept<Pool>>> {
        self.pools.get(self.networks.get(&id)?)
    }

    /// All pools in the order of their networks.
    pub(crate) fn pools(&self) -> impl Iterator<Item = &Arc<Kept<Pool>>> {
        self.pools.values()
    }

    /// The pool that a prefix lies in, or is the network of.
    pub(crate) fn pool_around(&self, prefix: &Prefix) -> Option<&Arc<Kept<Pool>>> {
        let (network, pool) = self.pools.range(..=*prefix).next_back()?;
        network.contains(prefix).then_some(pool)
    }

    /// Pools whose networks lie in a prefix, or are it.
    pub(crate) fn pools_in(&self, prefix: &Prefix) -> impl Iterator<Item = &Arc<Kept<Pool>>> {
        self.pools
            .range(*prefix..=prefix.last_descendant())
            .map(|(_, pool)| pool)
    }

    /// A plan.
    pub(crate) fn plan(&self, id: Uuid) -> Option<&Arc<Kept<Plan>>> {
        self.plans.get(&id)
    }

    /// All plans, oldest first.
    pub(crate) fn plans(&self) -> impl Iterator<Item = &Arc<Kept<Plan>>> {
        self.plans.values()
    }

    /// A webhook.
    pub(crate) fn webhook(&self, id: Uuid) -> Option<&Arc<Kept<Webhook>>> {
        self.webhooks.get(&id)
    }

    /// All webhooks, oldest first.
    pub(crate) fn webhooks(&self) -> impl Iterator<Item = &Arc<Kept<Webhook>>> {
        self.webhooks.values()
    }

    /// The policy, if there is one.
    pub(crate) fn policy(&self) -> Option<&Arc<Kept<PoolPolicy>>> {
        self.policy.as_ref()
    }

    /// A thing that is kept here; outer `None` = things of that kind are not.
    pub(crate) fn get(&self, key: &EntityKey) -> Option<Option<Kept<Entity>>> {
        Some(match key {
            EntityKey::Pool(id) => self.pool(*id).map(|kept| kept.as_ref().clone().map(Entity::Pool)),
            EntityKey::Plan(id) => self.plan(*id).map(|kept| kept.as_ref().clone().map(Entity::Plan)),
            EntityKey::Webhook(id) => self
                .webhook(*id)
                .map(|kept| kept.as_ref().clone().map(Entity::Webhook)),
            EntityKey::Policy => self
                .policy()
                .map(|kept| kept.as_ref().clone().map(Entity::Policy)),
            EntityKey::Reservation(_)
            | EntityKey::Subscriber(_)
            | EntityKey::Profile(_)
            | EntityKey::VlanPool(_)
            | EntityKey::VlanBinding(_)
            | EntityKey::Template(_)
            | EntityKey::Alert(_)
            | EntityKey::Outbox(_) => return None,
        })
    }
}
