//! Subscribers (seed `bss-phase1-fixes.md`, model `Subscriber`).

use std::collections::BTreeMap;

use cadastre_domain::isp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::WriteOnly;
use super::macros::{bodies, words};
use super::patch::or_null;

words! {
    /// Where a subscriber stands. Changed by the use cases only.
    SubscriberStatus of isp::SubscriberStatus {
        /// Known, and not in service yet.
        Pending = "PENDING",
        /// In service.
        Active = "ACTIVE",
        /// Out of service for a while; keeps everything.
        Suspended = "SUSPENDED",
        /// At its end: holds nothing any more.
        Terminated = "TERMINATED",
    }
}

words! {
    /// What kind of customer a subscriber serves.
    ServiceType of isp::ServiceType {
        /// A household.
        Residential = "RESIDENTIAL",
        /// A business.
        Business = "BUSINESS",
        /// A large business with terms of its own.
        Enterprise = "ENTERPRISE",
        /// Another provider.
        Wholesale = "WHOLESALE",
    }
}

/// A subscriber. Its RADIUS password is never shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscriber {
    /// Unique in its space; never changes.
    #[schema(example = "sub-4711")]
    pub id: String,
    /// Unique in its space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber_number: Option<String>,
    /// The billing customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Uuid>,
    /// The user of the customer portal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// The RADIUS user name; unique in its space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// A RADIUS password is kept.
    pub has_password: bool,
    /// Where it stands.
    pub status: SubscriberStatus,
    /// What kind of customer it serves.
    pub service_type: ServiceType,
    /// The plan it was provisioned with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<Uuid>,
    /// The profile of its bandwidth, by the name that RADIUS knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_profile_id: Option<String>,
    /// How it is connected, for example `ftth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_type: Option<String>,
    /// Where it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_id: Option<String>,
    /// The device it is connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_node: Option<String>,
    /// Where the service is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_address: Option<String>,
    /// Serial number of its optical terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onu_serial: Option<String>,
    /// Its router, as `00:1b:44:11:3a:b7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpe_mac_address: Option<String>,
    /// What pool policies may go by.
    pub tags: BTreeMap<String, String>,
    /// The address in NetBox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netbox_ip_id: Option<u64>,
    /// The terminal in VOLTHA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltha_onu_id: Option<String>,
    /// The router in GenieACS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genieacs_device_id: Option<String>,
    /// The IPv4 address that it holds. Left out in the results of a search, as are the next two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "203.0.113.10")]
    pub static_ipv4: Option<String>,
    /// The IPv6 address that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_ipv6: Option<String>,
    /// The delegated prefix that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2001:db8:0:100::/56")]
    pub ipv6_prefix: Option<String>,
    /// Whatever is worth knowing.
    pub notes: String,
    /// When it was put in service first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub activated_at: Option<Timestamp>,
    /// Since when it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub suspended_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub terminated_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

bodies! {
    /// Body of `POST /subscribers`. It is `PENDING` until it is provisioned.
    SubscriberCreate,
    /// Body of `PUT /subscribers/{subscriberId}`: replaces what is known of it; the password stays unless it is sent.
    SubscriberUpdate,
    both {
        /// Unique in its space.
        #[serde(default)]
        #[schema(max_length = 128)]
        subscriber_number: Option<String>,
        /// The billing customer.
        #[serde(default)]
        customer_id: Option<Uuid>,
        /// The user of the customer portal.
        #[serde(default)]
        user_id: Option<Uuid>,
        /// The RADIUS user name; unique in its space.
        #[serde(default)]
        #[schema(max_length = 253, example = "john.doe@isp.example")]
        username: Option<String>,
        /// The RADIUS password: kept sealed, never shown. `null` removes it.
        #[serde(default, deserialize_with = "or_null", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = Password, write_only, max_length = 253)]
        password: Option<Option<WriteOnly>>,
        /// `RESIDENTIAL` if absent.
        #[serde(default)]
        service_type: Option<ServiceType>,
        /// The profile of its bandwidth, by the name that RADIUS knows.
        #[serde(default)]
        #[schema(max_length = 128)]
        bandwidth_profile_id: Option<String>,
        /// How it is connected.
        #[serde(default)]
        #[schema(max_length = 64, example = "ftth")]
        connection_type: Option<String>,
        /// Where it is connected.
        #[serde(default)]
        #[schema(max_length = 128)]
        site_id: Option<String>,
        /// The device it is connected to: the domain of its VLANs.
        #[serde(default)]
        #[schema(max_length = 128)]
        access_node: Option<String>,
        /// Where the service is delivered.
        #[serde(default)]
        #[schema(max_length = 512)]
        service_address: Option<String>,
        /// Serial number of its optical terminal.
        #[serde(default)]
        #[schema(max_length = 64)]
        onu_serial: Option<String>,
        /// Its router: six bytes in hex, with `:`, `-`, `.` or nothing between.
        #[serde(default)]
        #[schema(example = "00:1b:44:11:3a:b7")]
        cpe_mac_address: Option<String>,
        /// What pool policies may go by; at most 32.
        #[serde(default)]
        tags: Option<BTreeMap<String, String>>,
        /// The address in NetBox.
        #[serde(default)]
        netbox_ip_id: Option<u64>,
        /// The terminal in VOLTHA.
        #[serde(default)]
        #[schema(max_length = 128)]
        voltha_onu_id: Option<String>,
        /// The router in GenieACS.
        #[serde(default)]
        #[schema(max_length = 256)]
        genieacs_device_id: Option<String>,
        /// Whatever is worth knowing.
        #[serde(default)]
        #[schema(max_length = 1024)]
        notes: Option<String>,
        /// 1 to 255 printable characters; made by the server if a `POST` leaves it out. Never changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(min_length = 1, max_length = 255, example = "sub-4711")]
        id: Option<String>,
    }
    once {}
    read_only {
        /// Read-only.
        has_password: bool,
        /// Read-only: changed by the use cases.
        status: SubscriberStatus,
        /// Read-only: changed by the use cases.
        plan_id: Uuid,
        /// Read-only: what is assigned to it.
        static_ipv4: String,
        /// Read-only: what is assigned to it.
        static_ipv6: String,
        /// Read-only: what is assigned to it.
        ipv6_prefix: String,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        activated_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        suspended_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        terminated_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        created_at: Timestamp,
        /// Read-only.
        #[schema(value_type = Option<String>, format = DateTime)]
        updated_at: Timestamp,
    }
}
