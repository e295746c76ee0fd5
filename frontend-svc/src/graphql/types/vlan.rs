//! VLAN pools, and who has which VLAN.

use std::fmt;
use std::sync::Arc;

use async_graphql::{ComplexObject, ID, SimpleObject};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::VlanFilter;
use cadastre_api_types::public::isp::{
    VlanBinding as WireBinding, VlanPool as WirePool, VlanRange as WireRange,
};
use cadastre_domain::isp::{EntityKey, Subscriber as KeptSubscriber, VlanPool as KeptPool};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Subscriber, text};
use crate::graphql::paging::{Page, Slice};
use crate::graphql::scalars::{BigInt, id};
use crate::graphql::session::InSpace;
use crate::isp::vlans;
use crate::isp::wire::{subscriber, subscriber_id, vlan};

/// VLAN ids from one to another, both included.
#[derive(SimpleObject)]
struct VlanRange {
    /// The first.
    first: u16,
    /// The last.
    last: u16,
}

impl From<WireRange> for VlanRange {
    fn from(range: WireRange) -> Self {
        Self {
            first: range.first,
            last: range.last,
        }
    }
}

/// A pool of VLAN tags.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct VlanPool {
    #[graphql(skip)]
    at: Arc<InSpace>,
    #[graphql(skip)]
    key: Uuid,
    /// UUIDv7.
    id: ID,
    /// Unique in its address space, without regard to case.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// The site or access node in which its tags mean one thing.
    domain: String,
    /// The outer tags, or the only ones.
    outer: VlanRange,
    /// The inner tags beneath each outer one; single tags if absent.
    inner: Option<VlanRange>,
    /// How many tags it has.
    total: BigInt,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl VlanPool {
    /// A VLAN pool as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, pool: WirePool) -> Self {
        Self {
            at: Arc::clone(at),
            key: pool.id,
            id: id(pool.id),
            name: pool.name,
            description: text(pool.description),
            domain: pool.domain,
            outer: pool.outer.into(),
            inner: pool.inner.map(Into::into),
            total: pool.total.into(),
            created_at: pool.created_at,
            updated_at: pool.updated_at,
        }
    }
}

impl fmt::Debug for VlanPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VlanPool({})", self.name)
    }
}

#[ComplexObject]
impl VlanPool {
    /// Who has which of its tags, in order of the tags.
    async fn bindings(
        &self,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
    ) -> Result<Page<VlanBinding>, ApiError> {
        let at = &self.at;
        let slice = Slice::of(
            at,
            "VlanPool.bindings",
            &self.key,
            ("first", first),
            after.as_deref(),
        )?;
        let filter = VlanFilter {
            pool_id: Some(self.key),
            ..VlanFilter::default()
        };
        let found = vlans::bindings(&at.caller, filter, slice.page.clone()).await?;
        Ok(slice.page_of(found, |binding| VlanBinding::of(at, binding)))
    }
}

/// A VLAN that somebody has.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct VlanBinding {
    #[graphql(skip)]
    at: Arc<InSpace>,
    #[graphql(skip)]
    pool_key: Uuid,
    /// UUIDv7.
    id: ID,
    /// The pool it came from.
    pool_id: ID,
    /// The pool's domain.
    domain: String,
    /// The only tag.
    vlan_id: Option<u16>,
    /// The outer of two tags.
    s_vlan: Option<u16>,
    /// The inner of two tags.
    c_vlan: Option<u16>,
    /// The subscriber that has it.
    subscriber_id: Option<String>,
    /// The port that has it, whoever is behind it.
    port: Option<String>,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl VlanBinding {
    /// A binding as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, binding: WireBinding) -> Self {
        Self {
            at: Arc::clone(at),
            pool_key: binding.pool_id,
            id: id(binding.id),
            pool_id: id(binding.pool_id),
            domain: binding.domain,
            vlan_id: binding.vlan_id,
            s_vlan: binding.s_vlan,
            c_vlan: binding.c_vlan,
            subscriber_id: binding.subscriber_id,
            port: binding.port,
            created_at: binding.created_at,
            updated_at: binding.updated_at,
        }
    }
}

impl fmt::Debug for VlanBinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VlanBinding({})", self.id.0)
    }
}

#[ComplexObject]
impl VlanBinding {
    /// The pool it came from.
    async fn pool(&self) -> Result<Option<VlanPool>, ApiError> {
        let found = self
            .at
            .thing::<KeptPool>(EntityKey::VlanPool(self.pool_key))
            .await?;
        Ok(found.map(|kept| VlanPool::of(&self.at, vlan::to_wire(kept))))
    }

    /// The subscriber that has it; `null` if a port has it, or nothing more than the id is known.
    async fn subscriber(&self) -> Result<Option<Subscriber>, ApiError> {
        let Some(text) = &self.subscriber_id else {
            return Ok(None);
        };
        let key = EntityKey::Subscriber(subscriber_id("subscriberId", text)?);
        let found = self.at.thing::<KeptSubscriber>(key).await?;
        Ok(found.map(|kept| Subscriber::of(&self.at, subscriber::to_wire(kept))))
    }
}
