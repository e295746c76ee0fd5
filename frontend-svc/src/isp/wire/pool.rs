//! Pools.

use cadastre_api_types::internal::{PoolCounts, PoolFigures};
use cadastre_api_types::public::isp::{Pool as WirePool, PoolStatus as WireStatus, PoolUpdate};
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::cost::{format_amount, parse_amount};
use cadastre_domain::isp::pool::{DEFAULT_DELEGATED_LENGTH, DEFAULT_REST_DAYS, DEFAULT_WARN_PERCENT};
use cadastre_domain::isp::{Cost, Kept, Pool, PoolOrder, PoolState, PoolStatus, PoolType, VlanId};
use cadastre_domain::tags::ExplicitTags;
use serde_json::json;
use uuid::Uuid;

use super::{address, addresses, check_read_only, exclusions, filled, invalid, numbers, prefix, refused};
use crate::convert::{readonly, tag};

/// Fields that are derived from others or from what happens.
pub(crate) const LIVE: &[&str] = &[
    "addressSpaceId",
    "nodeId",
    "tags",
    "resolvedTags",
    "totalAddresses",
    "reservedCount",
    "assignedCount",
    "restingCount",
    "excludedCount",
    "availableCount",
    "utilizationPercent",
];

/// Fields that nobody sends otherwise than they are.
const READ_ONLY: &[&str] = &[
    "id",
    "addressSpaceId",
    "nodeId",
    "poolType",
    "resolvedTags",
    "totalAddresses",
    "reservedCount",
    "assignedCount",
    "restingCount",
    "excludedCount",
    "availableCount",
    "utilizationPercent",
    "createdAt",
    "updatedAt",
];

/// As clients see it.
pub(crate) fn to_wire(space: Uuid, kept: &Kept<Pool>, figures: &PoolFigures) -> WirePool {
    let pool = &kept.value;
    let counts = &figures.counts;
    WirePool {
        id: pool.id,
        address_space_id: space,
        node_id: figures.node_id,
        pool_name: pool.name.clone(),
        pool_type: pool.pool_type.into(),
        network_cidr: pool.network.to_string(),
        gateway: pool.gateway.map(|address| address.to_string()),
        dns_servers: pool.dns_servers.iter().map(ToString::to_string).collect(),
        vlan_id: pool.vlan_id.map(VlanId::get),
        status: figures.status.into(),
        auto_assign_enabled: pool.auto_assign_enabled,
        allow_manual_reservation: pool.allow_manual_reservation,
        description: pool.description.clone(),
        allocation: pool.order.into(),
        delegated_prefix_length: pool.delegated_length,
        exclusions: pool.exclusions.iter().map(super::shown).collect(),
        rest_days: pool.rest_days,
        warn_percent: pool.warn_percent,
        site_id: pool.site_id.clone(),
        cost_per_address_month: pool
            .cost
            .as_ref()
            .map(|cost| format_amount(cost.micros_per_month.into())),
        currency: pool.cost.as_ref().map(|cost| cost.currency.clone()),
        netbox_prefix_id: pool.netbox_prefix_id,
        tags: texts(&figures.tags),
        resolved_tags: texts(&figures.resolved),
        total_addresses: counts.total.to_string(),
        reserved_count: counts.reserved.to_string(),
        assigned_count: counts.assigned.to_string(),
        resting_count: counts.resting.to_string(),
        excluded_count: counts.excluded.to_string(),
        available_count: counts.available().to_string(),
        utilization_percent: numbers::utilization(counts),
        created_at: kept.created,
        updated_at: kept.modified,
    }
}

/// Tags as texts.
pub(crate) fn texts<N: ToString, V: ToString>(
    tags: &std::collections::BTreeMap<N, V>,
) -> std::collections::BTreeMap<String, String> {
    tags.iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

/// A pool of which nothing is known but its settings: what is derived for it is left for others to say.
pub(crate) fn settings(space: Uuid, kept: &Kept<Pool>) -> WirePool {
    to_wire(space, kept, &no_figures(&kept.value))
}

/// Figures that say nothing.
pub(crate) fn no_figures(pool: &Pool) -> PoolFigures {
    PoolFigures {
        pool_id: pool.id,
        node_id: Uuid::nil(),
        tags: ExplicitTags::new(),
        resolved: Default::default(),
        status: shown_status(pool.state),
        counts: PoolCounts::default(),
        open_alerts: 0,
        days: Vec::new(),
    }
}

/// What is shown of a pool of which nothing is known but its settings.
pub(crate) fn shown_status(state: PoolState) -> PoolStatus {
    match state {
        PoolState::Active => PoolStatus::Active,
        PoolState::Reserved => PoolStatus::Reserved,
        PoolState::Maintenance => PoolStatus::Maintenance,
    }
}

/// The pool that a body asks for, and the tags of its node. `stored` is the pool as it is, with what `GET` shows of it.
///
/// # Errors
/// A `400` naming the field.
pub(crate) fn from_wire(
    id: Uuid,
    body: PoolUpdate,
    stored: Option<(&Pool, &WirePool)>,
) -> Result<(Pool, Option<ExplicitTags>), ApiError> {
    if let Some((_, shown)) = stored {
        check_read_only(&body, shown, READ_ONLY)?;
    }
    let pool_type = match (stored, body.pool_type) {
        (Some((pool, _)), _) => pool.pool_type,
        (None, Some(sent)) => PoolType::from(sent),
        (None, None) => return Err(missing("poolType")),
    };
    let network = match (stored, &body.network_cidr) {
        (Some((pool, _)), None) => pool.network,
        (Some((pool, _)), Some(sent)) if prefix("networkCidr", sent)? != pool.network => {
            return Err(readonly::differs(
                "networkCidr",
                &json!(sent),
                &json!(pool.network.to_string()),
            ));
        }
        (Some((pool, _)), Some(_)) => pool.network,
        (None, Some(sent)) => prefix("networkCidr", sent)?,
        (None, None) => return Err(missing("networkCidr")),
    };
    let delegates = pool_type == PoolType::Ipv6PrefixDelegation;
    let delegated_length = match (stored, body.delegated_prefix_length) {
        (Some((pool, _)), Some(sent)) if pool.delegated_length != Some(sent) => {
            return Err(readonly::differs(
                "delegatedPrefixLength",
                &json!(sent),
                &json!(pool.delegated_length),
            ));
        }
        (Some((pool, _)), _) => pool.delegated_length,
        (None, Some(sent)) => Some(sent),
        (None, None) => delegates.then_some(DEFAULT_DELEGATED_LENGTH),
    };
    let state = state(body.status, stored)?;
    let tags = body.tags.map(tag::explicit).transpose()?;
    let pool = Pool {
        id,
        name: body.pool_name,
        pool_type,
        network,
        gateway: filled(body.gateway)
            .map(|text| address("gateway", &text))
            .transpose()?,
        dns_servers: addresses("dnsServers", &body.dns_servers.unwrap_or_default())?,
        vlan_id: body
            .vlan_id
            .map(VlanId::new)
            .transpose()
            .map_err(|error| refused(&error))?,
        state,
        order: match body.allocation {
            Some(order) => order.into(),
            None if delegates => PoolOrder::Sparse,
            None => PoolOrder::Sequential,
        },
        delegated_length,
        exclusions: exclusions::canonical(&body.exclusions.unwrap_or_default())?,
        rest_days: body.rest_days.unwrap_or(DEFAULT_REST_DAYS),
        auto_assign_enabled: body.auto_assign_enabled.unwrap_or(true),
        allow_manual_reservation: body.allow_manual_reservation.unwrap_or(true),
        warn_percent: body.warn_percent.unwrap_or(DEFAULT_WARN_PERCENT),
        description: body.description.unwrap_or_default(),
        site_id: filled(body.site_id),
        cost: cost(filled(body.cost_per_address_month), filled(body.currency))?,
        netbox_prefix_id: body.netbox_prefix_id,
        made_node: stored.is_some_and(|(pool, _)| pool.made_node),
    };
    pool.check().map_err(|error| refused(&error))?;
    Ok((pool, tags))
}

fn missing(field: &str) -> ApiError {
    ApiError::new(
        ErrorCode::MalformedRequest,
        format!("`{field}` is missing; it is required."),
    )
    .with_details(json!({ "field": field }))
}

/// What an operator says of a pool. `DEPLETED` is nothing that anybody says; but what `GET` shows can be sent back.
fn state(sent: Option<WireStatus>, stored: Option<(&Pool, &WirePool)>) -> Result<PoolState, ApiError> {
    match (sent, stored) {
        (None | Some(WireStatus::Active), _) => Ok(PoolState::Active),
        (Some(WireStatus::Reserved), _) => Ok(PoolState::Reserved),
        (Some(WireStatus::Maintenance), _) => Ok(PoolState::Maintenance),
        (Some(WireStatus::Depleted), Some((pool, shown))) if shown.status == WireStatus::Depleted => {
            Ok(pool.state)
        }
        (Some(WireStatus::Depleted), _) => Err(invalid(
            "status",
            "`status` DEPLETED is what an active pool shows when nothing is left; use ACTIVE, RESERVED or MAINTENANCE.",
        )),
    }
}

fn cost(amount: Option<String>, currency: Option<String>) -> Result<Option<Cost>, ApiError> {
    match (amount, currency) {
        (None, None) => Ok(None),
        (Some(amount), Some(currency)) => Ok(Some(Cost {
            micros_per_month: parse_amount("costPerAddressMonth", &amount)
                .map_err(|error| refused(&error))?,
            currency,
        })),
        (Some(_), None) => Err(invalid(
            "currency",
            "`costPerAddressMonth` goes with a `currency` such as EUR.",
        )),
        (None, Some(_)) => Err(invalid(
            "costPerAddressMonth",
            "`currency` goes with `costPerAddressMonth`, an amount such as 0.35.",
        )),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_api_types::internal::PoolCounts;
    use cadastre_api_types::public::isp::PoolCreate;
    use cadastre_domain::isp::Count;
    use jiff::Timestamp;
    use serde_json::Value;

    fn body() -> Value {
        json!({
            "poolName": "Static residential",
            "poolType": "IPV4_PUBLIC",
            "networkCidr": "203.0.113.0/24",
            "gateway": "203.0.113.1",
            "dnsServers": ["192.0.2.53"],
            "vlanId": 100,
            "exclusions": ["203.0.113.250-203.0.113.254"],
            "costPerAddressMonth": "0.35",
            "currency": "EUR",
            "siteId": "ams-3",
            "tags": { "Region": "EuropeWest" },
        })
    }

    fn made(changes: &Value) -> Result<Pool, ApiError> {
        let mut sent = body();
        for (key, value) in changes.as_object().unwrap() {
            sent[key] = value.clone();
        }
        let create: PoolCreate = serde_json::from_value(sent).unwrap();
        from_wire(Uuid::from_u128(7), create.into(), None).map(|(pool, _)| pool)
    }

    pub(crate) fn figures(pool: &Pool, status: PoolStatus) -> PoolFigures {
        PoolFigures {
            pool_id: pool.id,
            node_id: Uuid::from_u128(8),
            tags: ExplicitTags::new(),
            resolved: std::collections::BTreeMap::new(),
            status,
            counts: PoolCounts {
                total: pool.total(),
                assigned: Count(3),
                ..PoolCounts::default()
            },
            open_alerts: 0,
            days: Vec::new(),
        }
    }

    fn kept(pool: Pool) -> Kept<Pool> {
        Kept {
            value: pool,
            created: Timestamp::UNIX_EPOCH,
            modified: "2026-01-01T00:00:00.123456789Z".parse().unwrap(),
            revision: 4,
        }
    }

    fn put(stored: &Kept<Pool>, status: PoolStatus, changes: &Value) -> Result<Pool, ApiError> {
        let shown = to_wire(Uuid::nil(), stored, &figures(&stored.value, status));
        let mut sent = serde_json::to_value(&shown).unwrap();
        for (key, value) in changes.as_object().unwrap() {
            sent[key] = value.clone();
        }
        let update: PoolUpdate = serde_json::from_value(sent).unwrap();
        from_wire(stored.value.id, update, Some((&stored.value, &shown))).map(|(pool, _)| pool)
    }

    #[test]
    fn what_get_returned_can_be_put_back() {
        let mut pool = made(&json!({})).unwrap();
        pool.made_node = true;
        let stored = kept(pool);
        assert_eq!(
            put(&stored, PoolStatus::Active, &json!({})).unwrap(),
            stored.value
        );
        assert_eq!(
            put(&stored, PoolStatus::Depleted, &json!({})).unwrap(),
            stored.value
        );
    }

    #[test]
    fn read_only_fields_are_refused_where_they_differ() {
        let stored = kept(made(&json!({})).unwrap());
        for (field, value) in [
            ("id", json!(Uuid::nil())),
            ("networkCidr", json!("203.0.114.0/24")),
            ("poolType", json!("IPV4_PRIVATE")),
            ("assignedCount", json!("4")),
            ("utilizationPercent", json!(99.5)),
            ("delegatedPrefixLength", json!(56)),
            ("updatedAt", json!("2026-01-02T00:00:00Z")),
        ] {
            let error = put(&stored, PoolStatus::Active, &json!({ field: value })).unwrap_err();
            assert_eq!(error.code, ErrorCode::ReadOnlyField, "{field}");
            assert_eq!(error.details.unwrap()["field"], field);
        }
    }

    #[test]
    fn depleted_is_shown_and_never_set() {
        assert_eq!(
            made(&json!({ "status": "DEPLETED" })).unwrap_err().code,
            ErrorCode::InvalidValue
        );
        let stored = kept(made(&json!({})).unwrap());
        let set = json!({ "status": "DEPLETED" });
        assert_eq!(
            put(&stored, PoolStatus::Active, &set).unwrap_err().code,
            ErrorCode::InvalidValue
        );
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let bare =
            json!({ "poolName": "a", "poolType": "IPV6_PREFIX_DELEGATION", "networkCidr": "2001:db8::/40" });
        let create: PoolCreate = serde_json::from_value(bare).unwrap();
        let (pool, tags) = from_wire(Uuid::nil(), create.into(), None).unwrap();
        assert_eq!((pool.delegated_length, pool.order), (Some(56), PoolOrder::Sparse));
        assert_eq!((pool.rest_days, pool.warn_percent), (30, 80));
        assert!(pool.auto_assign_enabled && pool.allow_manual_reservation && tags.is_none());
        assert_eq!(made(&json!({})).unwrap().order, PoolOrder::Sequential);
    }

    #[test]
    fn dns_servers_may_be_one_text_with_commas() {
        let pool = made(&json!({ "dnsServers": "192.0.2.53, 2001:db8::53" })).unwrap();
        assert_eq!(pool.dns_servers.len(), 2);
    }

    #[test]
    fn every_rule_names_its_field() {
        for (changes, code, field) in [
            (
                json!({ "gateway": "203.0.113.0" }),
                ErrorCode::InvalidValue,
                "gateway",
            ),
            (
                json!({ "gateway": "nonsense" }),
                ErrorCode::InvalidPrefix,
                "gateway",
            ),
            (
                json!({ "networkCidr": "203.0.113.5/24" }),
                ErrorCode::InvalidPrefix,
                "networkCidr",
            ),
            (json!({ "vlanId": 4095 }), ErrorCode::InvalidValue, "vlanId"),
            (
                json!({ "dnsServers": ["192.0.2.53", "x"] }),
                ErrorCode::InvalidPrefix,
                "dnsServers[1]",
            ),
            (
                json!({ "costPerAddressMonth": "1,5" }),
                ErrorCode::InvalidValue,
                "costPerAddressMonth",
            ),
            (json!({ "currency": null }), ErrorCode::InvalidValue, "currency"),
            (
                json!({ "warnPercent": 0 }),
                ErrorCode::InvalidValue,
                "warnPercent",
            ),
            (
                json!({ "exclusions": ["203.0.113.1"] }),
                ErrorCode::InvalidValue,
                "exclusions",
            ),
        ] {
            let error = made(&changes).unwrap_err();
            assert_eq!(
                (error.code, &error.details.unwrap()["field"]),
                (code, &json!(field))
            );
            assert!(error.message.ends_with(['.', '?']), "{}", error.message);
        }
    }
}
