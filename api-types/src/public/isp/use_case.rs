//! The use cases of a subscriber: provision, change plan, suspend, resume, terminate.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{NetworkProfile, Reservation, Subscriber, VlanBinding};

/// Body of `POST /subscribers/{subscriberId}/provision` and `…/change-plan`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provision {
    /// The plan.
    pub plan_id: Uuid,
    /// Pool of the IPv4 address; the space's pool policy says if absent.
    #[serde(default)]
    pub ipv4_pool_id: Option<Uuid>,
    /// Pool of the IPv6 address.
    #[serde(default)]
    pub ipv6_pool_id: Option<Uuid>,
    /// Pool of the delegated prefix.
    #[serde(default)]
    pub pd_pool_id: Option<Uuid>,
    /// Pool of the VLAN.
    #[serde(default)]
    pub vlan_pool_id: Option<Uuid>,
    /// Why, in words.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub reason: Option<String>,
}

/// A subscriber after a use case, with all that it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriberState {
    /// The subscriber.
    pub subscriber: Subscriber,
    /// What it holds; after it was terminated, what was released.
    pub reservations: Vec<Reservation>,
    /// How it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_profile: Option<NetworkProfile>,
    /// Its VLANs.
    pub vlans: Vec<VlanBinding>,
    /// Whether the call changed anything: a use case can be repeated safely.
    pub changed: bool,
}
