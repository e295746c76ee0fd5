//! Claims about keys of the provider's side.
#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn the_longest_ids_and_names_still_make_legal_keys() {
    let longest = ["x".repeat(255), "/".repeat(255), "é".repeat(127), "𝔘".repeat(63)];
    let prefix: Prefix = "2001:db8::/128".parse().unwrap();
    let (first, id) = (
        VlanTag {
            outer: 4094.try_into().unwrap(),
            inner: None,
        },
        Uuid::max(),
    );
    for text in longest {
        let subscriber = SubscriberId::new(&text).unwrap();
        let _ = (
            had(&subscriber, id),
            profile_address(&prefix, &subscriber),
            subscriber_secret(&subscriber),
        );
        let _ = subscribers_from(&text);
    }
    for text in ["𝔘".repeat(128), "/".repeat(128), "ß".repeat(128)] {
        let _ = (name(Named::Pool, &text), vlan(&text, &first));
        let _ = vlan_by_holder(&VlanHolder::Port("x".repeat(128)), &text, &first);
    }
    let _ = (
        unique(Unique::Username, &"/".repeat(253)),
        uniques_from(Unique::Number, &"𝔘".repeat(128)),
    );
}

#[test]
fn what_begins_like_a_text_lies_in_its_range_however_long_both_are() {
    let long = "/".repeat(80);
    for (text, stem) in [
        ("user@isp", "user@"),
        (&*long, "//"),
        (&*long, &long[..40]),
        (&*long, &long[..79]),
        (&*long, &*long),
    ] {
        assert!(
            uniques_from(Unique::Username, stem).contains(&unique(Unique::Username, text)),
            "{text} {stem}"
        );
        let key = entity(&EntityKey::Subscriber(SubscriberId::new(text).unwrap())).unwrap();
        assert!(subscribers_from(stem).contains(&key), "{text} {stem}");
    }
    let key = unique(Unique::Username, "user");
    for stem in ["user@", "usex", "/"] {
        assert!(!uniques_from(Unique::Username, stem).contains(&key), "{stem}");
    }
}

#[test]
fn addresses_of_profiles_lie_in_the_range_of_their_prefix_whatever_the_subscriber_is_called() {
    let around: Prefix = "2001:db8::/56".parse().unwrap();
    for name in ["a", "~", "/x", "é", "_"] {
        let subscriber = SubscriberId::new(name).unwrap();
        for (text, inside) in [
            ("2001:db8::/56", true),
            ("2001:db8::/64", true),
            ("2001:db8:0:ff:ffff:ffff:ffff:ffff/128", true),
            ("2001:db8::/48", false),
            ("2001:db8:0:100::/64", false),
        ] {
            let key = profile_address(&text.parse().unwrap(), &subscriber);
            assert_eq!(profiles_in(&around).contains(&key), inside, "{name} {text}");
        }
    }
}

#[test]
fn vlans_of_a_range_lie_in_its_range_with_all_inner_tags() {
    let id = |id: u16| VlanId::new(id).unwrap();
    let range = VlanRange {
        first: id(100),
        last: id(200),
    };
    for (outer, inner, inside) in [
        (99, Some(4094), false),
        (100, None, true),
        (200, Some(4094), true),
        (201, None, false),
    ] {
        let tag = VlanTag {
            outer: id(outer),
            inner: inner.map(id),
        };
        assert_eq!(
            vlans_between("olt_1", &range).contains(&vlan("olt_1", &tag)),
            inside,
            "{tag}"
        );
        assert!(
            !vlans_between("olt", &range).contains(&vlan("olt_1", &tag)),
            "{tag}"
        );
    }
}

#[test]
fn keys_of_moments_are_read_back_and_sort_by_time() {
    let id = Uuid::from_u128(7);
    for kind in [DueKind::Expiry, DueKind::Reclaim, DueKind::OutboxEnd] {
        assert_eq!(
            parse_due(&due(1_700_000_000, kind, id)),
            Some((1_700_000_000, kind, id))
        );
    }
    assert!(due(9, DueKind::Reclaim, id) < due(10, DueKind::Expiry, id));
    assert_eq!(parse_outbox_due(&outbox_due(5, id)), Some((5, id)));
    assert_eq!(parse_pool_day(&pool_day(id, 20_000)), Some(20_000));
}

#[test]
fn reservations_of_a_pool_lie_in_its_range_and_no_others() {
    let pool: Prefix = "10.0.0.0/24".parse().unwrap();
    let range = reservations_in(&pool);
    for (text, inside) in [
        ("10.0.0.0/32", true),
        ("10.0.0.255/32", true),
        ("10.0.0.0/24", true),
        ("10.0.1.0/32", false),
        ("10.0.0.0/23", false),
    ] {
        let key = reservation(&text.parse().unwrap(), Uuid::max());
        assert_eq!(range.contains(&key), inside, "{text}");
    }
}
