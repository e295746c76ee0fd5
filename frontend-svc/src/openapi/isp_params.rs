//! Parameters of the provider's side, for the document only: see `params.rs`.
#![allow(dead_code, reason = "read by the OpenAPI derive only")]

use utoipa::IntoParams;
use uuid::Uuid;

macro_rules! paths {
    ($($(#[$meta:meta])* $name:ident { $(#[$field_meta:meta])* $field:ident: $type:ty })+) => {
        $(
            $(#[$meta])*
            #[derive(IntoParams)]
            #[into_params(parameter_in = Path, rename_all = "camelCase")]
            pub(crate) struct $name {
                $(#[$field_meta])*
                $field: $type,
            }
        )+
    };
}

paths! {
    /// The pool of a path.
    PoolPath {
        /// Id of the pool.
        #[param(example = "0198a2b4-aaaa-7abc-8def-0123456789ab")]
        pool_id: Uuid
    }
    /// The reservation of a path.
    ReservationPath {
        /// Id of the reservation.
        #[param(example = "0198a2b4-bbbb-7abc-8def-0123456789ab")]
        reservation_id: Uuid
    }
    /// The subscriber of a path.
    SubscriberPath {
        /// Id of the subscriber: any text, percent-encoded (a `/` as `%2F`).
        #[param(example = "sub-4711", min_length = 1, max_length = 255)]
        subscriber_id: String
    }
    /// The alert of a path.
    AlertPath {
        /// Id of the alert.
        #[param(example = "0198a2b4-cccc-7abc-8def-0123456789ab")]
        alert_id: Uuid
    }
    /// The plan of a path.
    PlanPath {
        /// Id of the plan.
        #[param(example = "0198a2b4-dddd-7abc-8def-0123456789ab")]
        plan_id: Uuid
    }
    /// The VLAN pool of a path.
    VlanPoolPath {
        /// Id of the VLAN pool.
        #[param(example = "0198a2b4-eeee-7abc-8def-0123456789ab")]
        vlan_pool_id: Uuid
    }
    /// The VLAN binding of a path.
    VlanBindingPath {
        /// Id of the binding.
        #[param(example = "0198a2b4-ffff-7abc-8def-0123456789ab")]
        binding_id: Uuid
    }
    /// The template of a path.
    TemplatePath {
        /// Id of the template.
        #[param(example = "0198a2b5-1111-7abc-8def-0123456789ab")]
        template_id: Uuid
    }
    /// The webhook of a path.
    WebhookPath {
        /// Id of the webhook.
        #[param(example = "0198a2b5-2222-7abc-8def-0123456789ab")]
        webhook_id: Uuid
    }
    /// The entry of a path.
    OutboxPath {
        /// Id of the entry.
        #[param(example = "0198a2b5-3333-7abc-8def-0123456789ab")]
        entry_id: Uuid
    }
    /// The address of a path.
    AddressPath {
        /// An address; or a prefix, percent-encoded.
        #[param(example = "203.0.113.9")]
        address: String
    }
}

/// Which pools.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct PoolFilterParams {
    /// Of this type.
    #[param(
        example = "IPV4_PUBLIC",
        pattern = "^(IPV4_PUBLIC|IPV4_PRIVATE|IPV6_GLOBAL|IPV6_ULA|IPV6_PREFIX_DELEGATION)$"
    )]
    pool_type: Option<String>,
    /// With this status.
    #[param(example = "ACTIVE", pattern = "^(ACTIVE|RESERVED|DEPLETED|MAINTENANCE)$")]
    status: Option<String>,
    /// At this site.
    #[param(example = "ams-3")]
    site_id: Option<String>,
    /// A part of the name or the description, case does not matter; or an address or prefix that lies in the network, or
    /// that the network lies in.
    #[param(example = "residential")]
    search: Option<String>,
}

/// What a pool would hand out.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct AvailableParams {
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 10, example = 10)]
    count: Option<u32>,
    /// Length of a delegated prefix; that of the pool if absent.
    #[param(minimum = 1, maximum = 128)]
    prefix_length: Option<u8>,
}

/// Which reservations.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct ReservationFilterParams {
    /// Of this pool.
    #[param(value_type = Option<String>, format = Uuid)]
    pool_id: Option<String>,
    /// Of this subscriber.
    subscriber_id: Option<String>,
    /// In one of these, with commas between.
    #[param(
        example = "RESERVED,ASSIGNED",
        pattern = "^(RESERVED|ASSIGNED|RELEASED|EXPIRED)(,(RESERVED|ASSIGNED|RELEASED|EXPIRED))*$"
    )]
    status: Option<String>,
    /// Of this type.
    #[param(example = "ipv4", pattern = "^(ipv4|ipv6|ipv6_prefix)$")]
    ip_type: Option<String>,
    /// Of this address or delegated prefix.
    #[param(example = "203.0.113.9")]
    ip_address: Option<String>,
    /// In this prefix.
    #[param(example = "203.0.113.0/25")]
    within: Option<String>,
    /// Whose time is over before this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime, example = "2027-01-01T00:00:00Z")]
    expires_before: Option<String>,
}

/// What a subscriber held, too.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct PastParam {
    /// `true`: reservations that have ended, too.
    #[param(default = false)]
    include_past: Option<bool>,
}

/// Which subscribers.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct SubscriberFilterParams {
    /// In this status.
    #[param(example = "ACTIVE", pattern = "^(PENDING|ACTIVE|SUSPENDED|TERMINATED)$")]
    status: Option<String>,
    /// Of this kind.
    #[param(
        example = "RESIDENTIAL",
        pattern = "^(RESIDENTIAL|BUSINESS|ENTERPRISE|WHOLESALE)$"
    )]
    service_type: Option<String>,
    /// With this plan.
    #[param(value_type = Option<String>, format = Uuid)]
    plan_id: Option<String>,
    /// At this site.
    site_id: Option<String>,
    /// With exactly this RADIUS user name.
    username: Option<String>,
    /// With exactly this number.
    subscriber_number: Option<String>,
    /// Ids, user names and numbers that begin like this; case matters.
    #[param(example = "sub-")]
    search: Option<String>,
}

/// Which VLAN pools.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct VlanPoolFilterParams {
    /// Of this domain.
    #[param(example = "olt-ams-3")]
    domain: Option<String>,
}

/// Which VLANs.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct VlanBindingFilterParams {
    /// Of this pool.
    #[param(value_type = Option<String>, format = Uuid)]
    pool_id: Option<String>,
    /// Of this domain.
    domain: Option<String>,
    /// Of this subscriber.
    subscriber_id: Option<String>,
    /// Of this port.
    port: Option<String>,
}

/// Which alerts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct AlertFilterParams {
    /// In one of these states, with commas between.
    #[param(
        example = "RAISED,ACKNOWLEDGED",
        pattern = "^(RAISED|ACKNOWLEDGED|CLEARED)(,(RAISED|ACKNOWLEDGED|CLEARED))*$"
    )]
    state: Option<String>,
    /// Of this pool.
    #[param(value_type = Option<String>, format = Uuid)]
    pool_id: Option<String>,
}

/// Which entries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct OutboxFilterParams {
    /// In this state.
    #[param(example = "PENDING", pattern = "^(PENDING|DELIVERED|FAILED|CANCELLED)$")]
    state: Option<String>,
}

/// Of which time.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct CostParams {
    /// A month (UTC); the present one if nothing is said.
    #[param(example = "2026-11", pattern = "^[0-9]{4}-[0-9]{2}$")]
    month: Option<String>,
    /// Instead of a month: from this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// To this moment, exclusively; now if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
}

/// Of what, and how.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct AuditParams {
    /// Only this prefix, or this address.
    #[param(example = "203.0.113.0/24")]
    within: Option<String>,
    /// `csv` or `ndjson`: the whole report as a file. By `Accept` unless it is given; a page of JSON if that names neither.
    #[param(pattern = "^(csv|ndjson)$")]
    format: Option<String>,
}
