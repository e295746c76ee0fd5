//! Subscribers, and what a use case left one with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_graphql::{ComplexObject, ID, SimpleObject};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::VlanFilter;
use cadastre_api_types::public::isp::{Subscriber as WireSubscriber, SubscriberState as WireState};
use cadastre_domain::isp::{
    EntityKey, IpType, NetworkProfile as KeptProfile, Plan as KeptPlan, SubscriberId,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{IPReservation, NetworkProfile, Plan, VlanBinding, text};
use crate::graphql::paging::{Page, Slice};
use crate::graphql::scalars::{BigInt, id};
use crate::graphql::session::InSpace;
use crate::graphql::words::{ServiceType, SubscriberStatus};
use crate::isp::wire::{plan, profile, reservation, shown, subscriber_id};
use crate::isp::{reservations, vlans};

/// A subscriber. Its RADIUS password is never shown.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct Subscriber {
    #[graphql(skip)]
    at: Arc<InSpace>,
    #[graphql(skip)]
    plan_key: Option<Uuid>,
    /// Unique in its address space; never changes.
    id: ID,
    /// Unique in its address space.
    subscriber_number: Option<String>,
    /// The billing customer.
    customer_id: Option<ID>,
    /// The user of the customer portal.
    user_id: Option<ID>,
    /// The RADIUS user name; unique in its address space.
    username: Option<String>,
    /// A RADIUS password is kept.
    has_password: bool,
    /// Where it stands.
    status: SubscriberStatus,
    /// What kind of customer it serves.
    service_type: ServiceType,
    /// The plan it was provisioned with.
    plan_id: Option<ID>,
    /// The profile of its bandwidth, by the name that RADIUS knows.
    bandwidth_profile_id: Option<String>,
    /// How it is connected, for example `ftth`.
    connection_type: Option<String>,
    /// Where it is connected.
    site_id: Option<String>,
    /// The device it is connected to.
    access_node: Option<String>,
    /// Where the service is delivered.
    service_address: Option<String>,
    /// Serial number of its optical terminal.
    onu_serial: Option<String>,
    /// Its router, as `00:1b:44:11:3a:b7`.
    cpe_mac_address: Option<String>,
    /// What pool policies may go by.
    tags: BTreeMap<String, String>,
    /// The address in NetBox.
    netbox_ip_id: Option<BigInt>,
    /// The terminal in VOLTHA.
    voltha_onu_id: Option<String>,
    /// The router in GenieACS.
    genieacs_device_id: Option<String>,
    /// Whatever is worth knowing.
    notes: Option<String>,
    /// When it was put in service first.
    activated_at: Option<Timestamp>,
    /// Since when it is suspended.
    suspended_at: Option<Timestamp>,
    /// When it ended.
    terminated_at: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl Subscriber {
    /// A subscriber as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, subscriber: WireSubscriber) -> Self {
        Self {
            at: Arc::clone(at),
            plan_key: subscriber.plan_id,
            id: ID(subscriber.id),
            subscriber_number: subscriber.subscriber_number,
            customer_id: subscriber.customer_id.map(id),
            user_id: subscriber.user_id.map(id),
            username: subscriber.username,
            has_password: subscriber.has_password,
            status: subscriber.status.into(),
            service_type: subscriber.service_type.into(),
            plan_id: subscriber.plan_id.map(id),
            bandwidth_profile_id: subscriber.bandwidth_profile_id,
            connection_type: subscriber.connection_type,
            site_id: subscriber.site_id,
            access_node: subscriber.access_node,
            service_address: subscriber.service_address,
            onu_serial: subscriber.onu_serial,
            cpe_mac_address: subscriber.cpe_mac_address,
            tags: subscriber.tags,
            netbox_ip_id: subscriber.netbox_ip_id.map(BigInt::from),
            voltha_onu_id: subscriber.voltha_onu_id,
            genieacs_device_id: subscriber.genieacs_device_id,
            notes: text(subscriber.notes),
            activated_at: subscriber.activated_at,
            suspended_at: subscriber.suspended_at,
            terminated_at: subscriber.terminated_at,
            created_at: subscriber.created_at,
            updated_at: subscriber.updated_at,
        }
    }

    fn key(&self) -> Result<SubscriberId, ApiError> {
        subscriber_id("id", &self.id)
    }

    async fn held(&self, ip_type: IpType) -> Result<Option<String>, ApiError> {
        let held = self.at.holdings(self.key()?).await?;
        let found = held.into_iter().find(|kept| kept.value.ip_type == ip_type);
        Ok(found.map(|kept| shown(&kept.value.prefix)))
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Subscriber({})", self.id.0)
    }
}

#[ComplexObject]
impl Subscriber {
    /// What it holds; with `withPast`, what it held, too.
    async fn reservations(
        &self,
        #[graphql(default)] with_past: bool,
    ) -> Result<Vec<IPReservation>, ApiError> {
        let found = if with_past {
            reservations::of_subscriber(&self.at.caller, &self.key()?, with_past).await?
        } else {
            let held = self.at.holdings(self.key()?).await?;
            held.into_iter().map(reservation::to_wire).collect()
        };
        Ok(found
            .into_iter()
            .map(|one| IPReservation::of(&self.at, one))
            .collect())
    }

    /// The IPv4 address that it holds.
    async fn static_ipv4(&self) -> Result<Option<String>, ApiError> {
        self.held(IpType::Ipv4).await
    }

    /// The IPv6 address that it holds.
    async fn static_ipv6(&self) -> Result<Option<String>, ApiError> {
        self.held(IpType::Ipv6).await
    }

    /// The delegated prefix that it holds.
    async fn ipv6_prefix(&self) -> Result<Option<String>, ApiError> {
        self.held(IpType::Ipv6Prefix).await
    }

    /// How it is connected.
    async fn network_profile(&self) -> Result<Option<NetworkProfile>, ApiError> {
        let found = self
            .at
            .thing::<KeptProfile>(EntityKey::Profile(self.key()?))
            .await?;
        Ok(found.map(|kept| NetworkProfile::from(profile::to_wire(kept))))
    }

    /// The plan it was provisioned with.
    async fn plan(&self) -> Result<Option<Plan>, ApiError> {
        let Some(plan) = self.plan_key else {
            return Ok(None);
        };
        let found = self.at.thing::<KeptPlan>(EntityKey::Plan(plan)).await?;
        Ok(found.map(|kept| Plan::of(&self.at, plan::to_wire(kept))))
    }

    /// Its VLANs.
    async fn vlan_bindings(
        &self,
        #[graphql(default = 100, desc = "At most this many, 1 to 1000.")] first: i32,
        #[graphql(desc = "`pageInfo.endCursor` of the page before.")] after: Option<String>,
    ) -> Result<Page<VlanBinding>, ApiError> {
        let (at, key) = (&self.at, self.key()?);
        let slice = Slice::of(
            at,
            "Subscriber.vlanBindings",
            &self.id.0,
            ("first", first),
            after.as_deref(),
        )?;
        let filter = VlanFilter {
            subscriber_id: Some(key),
            ..VlanFilter::default()
        };
        let found = vlans::bindings(&at.caller, filter, slice.page.clone()).await?;
        Ok(slice.page_of(found, |binding| VlanBinding::of(at, binding)))
    }
}

/// A subscriber after a use case, with all that it has.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct SubscriberState {
    /// The subscriber.
    subscriber: Subscriber,
    /// What it holds; after it was terminated, what was released.
    reservations: Vec<IPReservation>,
    /// How it is connected.
    network_profile: Option<NetworkProfile>,
    /// Its VLANs.
    vlans: Vec<VlanBinding>,
    /// Whether the call changed anything: a use case can be repeated safely.
    changed: bool,
}

impl SubscriberState {
    /// The state as the public API shows it.
    pub(in crate::graphql) fn of(at: &Arc<InSpace>, state: WireState) -> Self {
        let reservations = state.reservations.into_iter();
        let vlans = state.vlans.into_iter();
        Self {
            subscriber: Subscriber::of(at, state.subscriber),
            reservations: reservations.map(|one| IPReservation::of(at, one)).collect(),
            network_profile: state.network_profile.map(Into::into),
            vlans: vlans.map(|one| VlanBinding::of(at, one)).collect(),
            changed: state.changed,
        }
    }
}
