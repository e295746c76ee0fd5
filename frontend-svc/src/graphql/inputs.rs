//! Filters and inputs. Inputs have the fields of the bodies of the public API, by the same names: see `patch`.

use std::collections::BTreeMap;

use async_graphql::{ID, InputObject, MaybeUndefined};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{PoolFilter, ReservationFilter, SubscriberFilter, VlanFilter};
use cadastre_api_types::public::isp as wire;
use cadastre_domain::isp::IpType;
use jiff::Timestamp;
use serde::Serialize;

use super::scalars::{BigInt, uuid_or_none};
use super::words::{
    IPPoolStatus, IPPoolType, IPReservationStatus, Ipv6Mode, Option82Policy, PoolAllocation, ServiceType,
    SubscriberStatus, VlanMode,
};
use crate::http::query::invalid;
use crate::http::wording::sentence;
use crate::isp::wire::{address_or_prefix, filled, subscriber_id};

/// Which pools.
#[derive(InputObject, Serialize)]
#[graphql(name = "IPPoolFilters")]
pub(super) struct IPPoolFilters {
    /// Of this type.
    pool_type: Option<IPPoolType>,
    /// With this status.
    status: Option<IPPoolStatus>,
    /// At this site.
    site_id: Option<String>,
    /// A part of the name or the description, case does not matter; or an address or prefix that lies in the network, or
    /// that the network lies in.
    search: Option<String>,
}

impl From<IPPoolFilters> for PoolFilter {
    fn from(filters: IPPoolFilters) -> Self {
        Self {
            pool_type: filters.pool_type.map(|word| wire::PoolType::from(word).into()),
            status: filters.status.map(|word| wire::PoolStatus::from(word).into()),
            site_id: filled(filters.site_id),
            search: filled(filters.search),
        }
    }
}

/// Which reservations.
#[derive(Default, InputObject, Serialize)]
pub(super) struct ReservationFilters {
    /// Of this pool.
    pool_id: Option<ID>,
    /// Of this subscriber.
    subscriber_id: Option<String>,
    /// In this status.
    status: Option<IPReservationStatus>,
    /// In one of these.
    statuses: Option<Vec<IPReservationStatus>>,
    /// `ipv4`, `ipv6` or `ipv6_prefix`.
    ip_type: Option<String>,
    /// Of this address or delegated prefix.
    ip_address: Option<String>,
    /// In this prefix.
    within: Option<String>,
    /// Whose time is over before this moment.
    expires_before: Option<Timestamp>,
}

impl ReservationFilters {
    /// The filter that is meant.
    ///
    /// # Errors
    /// A `400` naming the field.
    pub(super) fn read(self) -> Result<ReservationFilter, ApiError> {
        let prefix = |field: &str, text: Option<String>| {
            let text = filled(text);
            text.map(|text| address_or_prefix(field, &text)).transpose()
        };
        let address = prefix("ipAddress", self.ip_address)?;
        let within = prefix("within", self.within)?;
        if address.is_some() && within.is_some() {
            let message = "`ipAddress` is one address, and `within` is a whole prefix; send one of them.";
            return Err(invalid("ipAddress", message.to_owned()));
        }
        let ip_type = filled(self.ip_type).map(|text| {
            text.parse::<IpType>()
                .map_err(|error| invalid("ipType", sentence(&error.message)))
        });
        let statuses = self.status.into_iter().chain(self.statuses.into_iter().flatten());
        Ok(ReservationFilter {
            pool_id: uuid_or_none("poolId", self.pool_id.as_ref())?,
            subscriber_id: filled(self.subscriber_id)
                .map(|text| subscriber_id("subscriberId", &text))
                .transpose()?,
            statuses: statuses
                .map(|word| wire::ReservationStatus::from(word).into())
                .collect(),
            ip_type: ip_type.transpose()?,
            within: address.or(within),
            expires_before: self.expires_before,
        })
    }
}

/// Which subscribers.
#[derive(Default, InputObject, Serialize)]
pub(super) struct SubscriberFilters {
    /// In this status.
    status: Option<SubscriberStatus>,
    /// Of this kind.
    service_type: Option<ServiceType>,
    /// With this plan.
    plan_id: Option<ID>,
    /// At this site.
    site_id: Option<String>,
    /// With exactly this RADIUS user name.
    username: Option<String>,
    /// With exactly this number.
    subscriber_number: Option<String>,
    /// Ids, user names and numbers that begin like this, case matters.
    search: Option<String>,
}

impl SubscriberFilters {
    /// The filter that is meant.
    ///
    /// # Errors
    /// `400 InvalidId`.
    pub(super) fn read(self) -> Result<SubscriberFilter, ApiError> {
        Ok(SubscriberFilter {
            status: self.status.map(|word| wire::SubscriberStatus::from(word).into()),
            service_type: self.service_type.map(|word| wire::ServiceType::from(word).into()),
            plan_id: uuid_or_none("planId", self.plan_id.as_ref())?,
            site_id: filled(self.site_id),
            username: filled(self.username),
            subscriber_number: filled(self.subscriber_number),
            search: filled(self.search),
        })
    }
}

/// Which VLANs.
#[derive(Default, InputObject, Serialize)]
pub(super) struct VlanBindingFilters {
    /// Of this VLAN pool.
    pool_id: Option<ID>,
    /// Of this site or access node.
    domain: Option<String>,
    /// Of this subscriber.
    subscriber_id: Option<String>,
    /// Of this port.
    port: Option<String>,
}

impl VlanBindingFilters {
    /// The filter that is meant.
    ///
    /// # Errors
    /// A `400` naming the field.
    pub(super) fn read(self) -> Result<VlanFilter, ApiError> {
        Ok(VlanFilter {
            pool_id: uuid_or_none("poolId", self.pool_id.as_ref())?,
            domain: filled(self.domain),
            subscriber_id: filled(self.subscriber_id)
                .map(|text| subscriber_id("subscriberId", &text))
                .transpose()?,
            port: filled(self.port),
        })
    }
}

/// An input that is sent as a whole.
macro_rules! whole {
    (
        $(#[$meta:meta])* $name:ident
        required { $( $(#[$required_meta:meta])* $required:ident : $required_type:ty, )* }
        optional { $( $(#[$optional_meta:meta])* $optional:ident : $optional_type:ty, )* }
    ) => {
        #[derive(InputObject, Serialize)]
        $(#[$meta])*
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name {
            $( $(#[$required_meta])* $required: $required_type, )*
            $(
                $(#[$optional_meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                $optional: Option<$optional_type>,
            )*
        }
    };
}

/// An input that makes a thing, and one that changes what it sends of it.
macro_rules! pair {
    (
        $(#[$create_meta:meta])* $create:ident,
        $(#[$update_meta:meta])* $update:ident,
        once { $( $(#[$once_meta:meta])* $once:ident : $once_type:ty, )* }
        required { $( $(#[$required_meta:meta])* $required:ident : $required_type:ty, )* }
        optional { $( $(#[$optional_meta:meta])* $optional:ident : $optional_type:ty, )* }
    ) => {
        whole! {
            $(#[$create_meta])* $create
            required {
                $( $(#[$required_meta])* $required: $required_type, )*
                $( $(#[$once_meta])* $once: $once_type, )*
            }
            optional { $( $(#[$optional_meta])* $optional: $optional_type, )* }
        }

        #[derive(InputObject, Serialize)]
        $(#[$update_meta])*
        #[serde(rename_all = "camelCase")]
        pub(super) struct $update {
            $(
                $(#[$required_meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                $required: Option<$required_type>,
            )*
            $(
                $(#[$optional_meta])*
                #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
                $optional: MaybeUndefined<$optional_type>,
            )*
        }
    };
}

pair! {
    /// A new pool.
    #[graphql(name = "CreateIPPoolInput")]
    CreateIPPoolInput,
    /// What changes of a pool: what is left out stays, `null` is what a new pool has. Network and type never change.
    #[graphql(name = "UpdateIPPoolInput")]
    UpdateIPPoolInput,
    once {
        /// What it hands out. Never changes.
        pool_type: IPPoolType,
        /// Its network; becomes a node of the tree if it is none. Never changes.
        network_cidr: String,
    }
    required {
        /// 1 to 128 characters; unique in its address space, without regard to case.
        pool_name: String,
    }
    optional {
        /// In the network, and neither its network nor its broadcast address; not of a pool that delegates.
        gateway: String,
        /// At most 8.
        dns_servers: Vec<String>,
        /// The VLAN of its network, 1 to 4094.
        vlan_id: u16,
        /// `ACTIVE` if absent. `DEPLETED` is shown by itself, never set.
        status: IPPoolStatus,
        /// `true` if absent.
        auto_assign_enabled: bool,
        /// `true` if absent.
        allow_manual_reservation: bool,
        /// At most 1,024 characters.
        description: String,
        /// `SEQUENTIAL` if absent; `SPARSE` for a pool that delegates.
        allocation: PoolAllocation,
        /// Of a pool that delegates: 56 if absent. Never changes.
        delegated_prefix_length: u8,
        /// Addresses, prefixes, or ranges such as `203.0.113.10-203.0.113.19`, in any order.
        exclusions: Vec<String>,
        /// 30 if absent.
        rest_days: u32,
        /// 80 if absent.
        warn_percent: u8,
        /// Where it serves.
        site_id: String,
        /// An amount such as `0.35`, with at most 6 decimals; goes with `currency`.
        cost_per_address_month: String,
        /// ISO 4217; goes with `costPerAddressMonth`.
        currency: String,
        /// The prefix in NetBox.
        netbox_prefix_id: BigInt,
        /// Tags of the node of its network, as a whole.
        tags: BTreeMap<String, String>,
    }
}

whole! {
    /// A new reservation. Without `ipAddress` the pool hands out its next one; without `poolId`, too, the pool policy says
    /// which pool.
    #[graphql(name = "ReserveIPInput")]
    ReserveIPInput
    required {
        /// For whom.
        subscriber_id: String,
    }
    optional {
        /// This address, or this prefix of a pool that delegates.
        ip_address: String,
        /// From which pool.
        pool_id: ID,
        /// `ipv4`, `ipv6` or `ipv6_prefix`; needed if neither `poolId` nor `ipAddress` says it.
        ip_type: String,
        /// Length of a delegated prefix; that of the pool if absent.
        prefix_length: u8,
        /// When its time is over; in the future. Never, if absent.
        expires_at: Timestamp,
        /// Puts it to use at once.
        assign: bool,
        /// Why.
        assignment_reason: String,
        /// Whatever is worth knowing.
        notes: String,
        /// In spite of conflicts that can be overruled; needs the permission `isp.ipam.force`.
        force: bool,
    }
}

pair! {
    /// A new subscriber. It is `PENDING` until it is provisioned.
    CreateSubscriberInput,
    /// What changes of a subscriber: what is left out stays, `null` takes away. Status and plan are changed by the use
    /// cases.
    UpdateSubscriberInput,
    once {}
    required {}
    optional {
        /// 1 to 255 printable characters; made by the server if absent. Never changes.
        id: ID,
        /// Unique in its address space.
        subscriber_number: String,
        /// The billing customer.
        customer_id: ID,
        /// The user of the customer portal.
        user_id: ID,
        /// The RADIUS user name; unique in its address space.
        username: String,
        /// The RADIUS password: kept sealed, never shown.
        password: String,
        /// `RESIDENTIAL` if absent.
        service_type: ServiceType,
        /// The profile of its bandwidth, by the name that RADIUS knows.
        bandwidth_profile_id: String,
        /// How it is connected, for example `ftth`.
        connection_type: String,
        /// Where it is connected.
        site_id: String,
        /// The device it is connected to: the domain of its VLANs.
        access_node: String,
        /// Where the service is delivered.
        service_address: String,
        /// Serial number of its optical terminal.
        onu_serial: String,
        /// Its router: six bytes in hex, with `:`, `-`, `.` or nothing between.
        cpe_mac_address: String,
        /// What pool policies may go by; at most 32.
        tags: BTreeMap<String, String>,
        /// The address in NetBox.
        netbox_ip_id: BigInt,
        /// The terminal in VOLTHA.
        voltha_onu_id: String,
        /// The router in GenieACS.
        genieacs_device_id: String,
        /// Whatever is worth knowing.
        notes: String,
    }
}

whole! {
    /// How a subscriber is connected, as a whole: what is left out is not so any more.
    NetworkProfileInput
    required {}
    optional {
        /// Nobody else's in the address space.
        #[graphql(name = "staticIpv4")]
        static_ipv4: String,
        /// Nobody else's in the address space.
        #[graphql(name = "staticIpv6")]
        static_ipv6: String,
        /// Nobody else's in the address space.
        #[graphql(name = "ipv6Prefix")]
        ipv6_prefix: String,
        /// `DISABLED` if absent.
        #[graphql(name = "ipv6Mode")]
        ipv6_mode: Ipv6Mode,
        /// Its only VLAN tag; or `sVlan` and `cVlan`.
        vlan_id: u16,
        /// The outer of two tags.
        s_vlan: u16,
        /// The inner of two tags.
        c_vlan: u16,
        /// Circuit-ID of DHCP Option 82; with the Remote-ID nobody else's in the address space.
        circuit_id: String,
        /// Remote-ID of DHCP Option 82; goes with a Circuit-ID.
        remote_id: String,
        /// `LOG` if absent; `ENFORCE` needs a Circuit-ID.
        #[graphql(name = "option82Policy")]
        option82_policy: Option82Policy,
        /// Speed towards the subscriber instead of the plan's, in kbit/s.
        download_kbps: BigInt,
        /// Speed from the subscriber instead of the plan's, in kbit/s.
        upload_kbps: BigInt,
        /// DNS servers instead of the pool's; at most 8.
        dns_servers: Vec<String>,
    }
}

whole! {
    /// The plan of a subscriber, and what is decided instead of the pool policy.
    ProvisionInput
    required {
        /// The plan.
        plan_id: ID,
    }
    optional {
        /// Pool of the IPv4 address; the pool policy says if absent.
        #[graphql(name = "ipv4PoolId")]
        ipv4_pool_id: ID,
        /// Pool of the IPv6 address.
        #[graphql(name = "ipv6PoolId")]
        ipv6_pool_id: ID,
        /// Pool of the delegated prefix.
        pd_pool_id: ID,
        /// Pool of the VLAN.
        vlan_pool_id: ID,
        /// Why, in words.
        reason: String,
    }
}

whole! {
    /// What a plan includes. What it leaves open, it has from the plan it is based on.
    PlanFeaturesInput
    required {}
    optional {
        /// A static IPv4 address.
        static_ip: bool,
        /// A static IPv6 address.
        #[graphql(name = "staticIpv6")]
        static_ipv6: bool,
        /// A delegated IPv6 prefix.
        #[graphql(name = "ipv6Pd")]
        ipv6_pd: bool,
        /// Length of the delegated prefix; that of the pool if absent.
        #[graphql(name = "ipv6PdLength")]
        ipv6_pd_length: u8,
        /// Type of the pool that IPv4 addresses come from; `IPV4_PUBLIC` if absent.
        #[graphql(name = "ipv4PoolType")]
        ipv4_pool_type: IPPoolType,
        /// The VLAN.
        vlan: VlanMode,
        /// Speed towards the subscriber, in kbit/s.
        download_kbps: BigInt,
        /// Speed from the subscriber, in kbit/s.
        upload_kbps: BigInt,
    }
}

pair! {
    /// A new service plan.
    CreatePlanInput,
    /// What changes of a service plan: what is left out stays, `null` takes away. `features` are sent as a whole.
    UpdatePlanInput,
    once {}
    required {
        /// 1 to 128 characters; unique in its address space, without regard to case.
        name: String,
    }
    optional {
        /// At most 1,024 characters.
        description: String,
        /// The plan it is based on.
        base_plan_id: ID,
        /// For which customers; all if absent.
        service_type: ServiceType,
        /// What it says itself.
        features: PlanFeaturesInput,
        /// The profile of its bandwidth, by the name that RADIUS knows.
        bandwidth_profile_id: String,
        /// `true` if absent.
        active: bool,
    }
}

whole! {
    /// VLAN ids from one to another, both included.
    VlanRangeInput
    required {
        /// The first, 1 to 4094.
        first: u16,
        /// The last, 1 to 4094.
        last: u16,
    }
    optional {}
}

pair! {
    /// A new pool of VLAN tags.
    CreateVlanPoolInput,
    /// What changes of a VLAN pool: what is left out stays, `null` takes away.
    UpdateVlanPoolInput,
    once {}
    required {
        /// 1 to 128 characters; unique in its address space, without regard to case.
        name: String,
        /// The site or access node in which its tags mean one thing.
        domain: String,
        /// The outer tags, or the only ones.
        outer: VlanRangeInput,
    }
    optional {
        /// At most 1,024 characters.
        description: String,
        /// The inner tags beneath each outer one; single tags if absent.
        inner: VlanRangeInput,
    }
}

whole! {
    /// For whom a VLAN is, a subscriber or a port; and which, if not the lowest free one.
    AllocateVlanInput
    required {}
    optional {
        /// For this subscriber.
        subscriber_id: String,
        /// For this port of an access node.
        port: String,
        /// This tag of a pool of single tags.
        vlan_id: u16,
        /// This outer tag, with `cVlan`.
        s_vlan: u16,
        /// This inner tag, with `sVlan`.
        c_vlan: u16,
    }
}
