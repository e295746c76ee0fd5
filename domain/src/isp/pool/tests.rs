//! Claims about pools by themselves.
#![allow(clippy::unwrap_used)]
use super::*;

pub(crate) fn pool(pool_type: PoolType, network: &str) -> Pool {
    let network: Prefix = network.parse().unwrap();
    Pool {
        id: Uuid::nil(),
        name: "Pool".to_owned(),
        pool_type,
        network,
        gateway: None,
        dns_servers: Vec::new(),
        vlan_id: None,
        state: PoolState::Active,
        order: PoolOrder::Sequential,
        delegated_length: (pool_type == PoolType::Ipv6PrefixDelegation).then_some(56),
        exclusions: Vec::new(),
        rest_days: 30,
        auto_assign_enabled: true,
        allow_manual_reservation: true,
        warn_percent: 80,
        description: String::new(),
        site_id: None,
        cost: None,
        netbox_prefix_id: None,
        made_node: true,
    }
}

fn p(text: &str) -> Prefix {
    text.parse().unwrap()
}

#[test]
fn totals_leave_the_edges_of_ipv4_networks_out_except_in_31_and_32() {
    for (network, total) in [
        ("203.0.113.0/24", 254),
        ("203.0.113.0/30", 2),
        ("203.0.113.0/31", 2),
        ("203.0.113.7/32", 1),
    ] {
        assert_eq!(
            pool(PoolType::Ipv4Public, network).total(),
            Count(total),
            "{network}"
        );
    }
    assert_eq!(
        pool(PoolType::Ipv6Global, "2001:db8::/64").total(),
        Count(1 << 64)
    );
    assert_eq!(
        pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40").total(),
        Count(1 << 16)
    );
}

#[test]
fn a_gateway_lies_inside_and_is_no_edge() {
    let with = |network: &str, gateway: &str| {
        let mut pool = pool(PoolType::Ipv4Public, network);
        pool.gateway = Some(gateway.parse().unwrap());
        pool.check().map_err(|error| (error.field, error.message))
    };
    assert_eq!(with("203.0.113.0/24", "203.0.113.1"), Ok(()));
    assert_eq!(with("203.0.113.0/31", "203.0.113.0"), Ok(()));
    for (network, gateway) in [
        ("203.0.113.0/24", "203.0.114.1"),
        ("203.0.113.0/24", "203.0.113.0"),
        ("203.0.113.0/24", "203.0.113.255"),
        ("203.0.113.1/32", "203.0.113.1"),
    ] {
        assert_eq!(
            with(network, gateway).unwrap_err().0,
            "gateway",
            "{network} {gateway}"
        );
    }
}

#[test]
fn delegated_lengths_lie_between_the_network_and_a_subnet() {
    let with = |length| {
        let mut pool = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40");
        pool.delegated_length = length;
        pool.check().map_err(|error| error.field)
    };
    assert_eq!(with(Some(56)), Ok(()));
    for refused in [None, Some(32), Some(40), Some(65)] {
        assert_eq!(with(refused), Err("delegatedPrefixLength"), "{refused:?}");
    }
}

#[test]
fn only_units_inside_the_network_are_handed_out() {
    let v4 = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    assert_eq!(v4.check_unit(&p("203.0.113.9/32")), Ok(()));
    assert!(matches!(
        v4.check_unit(&p("203.0.113.0/32")),
        Err(PoolError::Network { .. })
    ));
    assert!(matches!(
        v4.check_unit(&p("203.0.113.255/32")),
        Err(PoolError::Broadcast { .. })
    ));
    assert!(matches!(
        v4.check_unit(&p("203.0.114.1/32")),
        Err(PoolError::Outside { .. })
    ));
    assert!(matches!(
        v4.check_unit(&p("203.0.113.8/30")),
        Err(PoolError::Length { .. })
    ));
    let pd = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40");
    assert_eq!(pd.check_unit(&p("2001:db8:0:100::/56")), Ok(()));
    assert_eq!(pd.check_unit(&p("2001:db8:1::/48")), Ok(()));
    assert!(matches!(
        pd.check_unit(&p("2001:db8::/40")),
        Err(PoolError::Length { .. })
    ));
    assert!(matches!(
        pd.check_unit(&p("2001:db8:0:1::/64")),
        Err(PoolError::Length { .. })
    ));
}

#[test]
fn the_units_of_a_partition_add_up_to_the_total() {
    let v4 = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    let halves = [p("203.0.113.0/25"), p("203.0.113.128/25")];
    let sum = halves
        .iter()
        .fold(Count::ZERO, |sum, half| sum.plus(v4.units_in(half)));
    assert_eq!(sum, v4.total());
}

#[test]
fn exclusions_are_inside_ascending_and_apart() {
    let with = |exclusions: &[&str]| {
        let mut pool = pool(PoolType::Ipv4Public, "203.0.113.0/24");
        pool.gateway = Some("203.0.113.1".parse().unwrap());
        pool.exclusions = exclusions.iter().map(|text| p(text)).collect();
        pool.check().map_err(|error| error.field)
    };
    assert_eq!(with(&["203.0.113.8/30", "203.0.113.12/32"]), Ok(()));
    for refused in [
        &["203.0.114.0/30"][..],
        &["203.0.113.0/24"],
        &["203.0.113.8/30", "203.0.113.9/32"],
        &["203.0.113.0/30"],
    ] {
        assert_eq!(with(refused), Err("exclusions"), "{refused:?}");
    }
}

#[test]
fn an_ipv6_pool_keeps_its_anycast_address_back() {
    let mut v6 = pool(PoolType::Ipv6Global, "2001:db8::/64");
    assert_eq!(v6.kept_back(), [p("2001:db8::/128")]);
    v6.gateway = Some("2001:db8::1".parse().unwrap());
    v6.exclusions = vec![p("2001:db8::/127")];
    assert!(v6.check().is_err());
    v6.gateway = None;
    assert_eq!(v6.kept_back(), [p("2001:db8::/127")]);
    assert_eq!(pool(PoolType::Ipv6Global, "2001:db8::/127").kept_back(), []);
}
