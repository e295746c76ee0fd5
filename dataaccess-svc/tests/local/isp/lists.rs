//! Lists of subscribers and VLANs.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::isp::*;
use uuid::Uuid;

use super::kit::*;

fn ids(found: &[Entity]) -> Vec<&str> {
    found
        .iter()
        .map(|entity| match entity {
            Entity::Subscriber(found) => found.id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn searching(text: &str) -> IspListing {
    IspListing::Subscribers(SubscriberFilter {
        search: Some(text.to_owned()),
        ..SubscriberFilter::default()
    })
}

#[tokio::test]
async fn a_search_finds_ids_usernames_and_numbers_that_begin_like_this_each_once() {
    let isp = Isp::new().await;
    for (id, username, number) in [
        ("ab-1", "ab-user", "ab-7"),
        ("ab-2", "x", "1"),
        ("c-1", "ab-name", "ab-8"),
        ("c-2", "AB-name", "ab-9"),
        ("c-3", "y", "2"),
        ("ab/3", "z", "3"),
    ] {
        isp.run(create_subscriber(named(id, username, number))).await;
    }
    for limit in [1, 2, 3, 100] {
        let found = isp.list(searching("ab"), limit).await;
        assert_eq!(
            ids(&found),
            ["ab-1", "ab-2", "ab/3", "c-1", "c-2"],
            "in pages of {limit}"
        );
        assert_eq!(ids(&isp.list(searching("ab/"), limit).await), ["ab/3"]);
        assert_eq!(ids(&isp.list(searching("AB"), limit).await), ["c-2"]);
        assert_eq!(isp.list(searching("abc"), limit).await, []);
        assert_eq!(isp.list(searching(""), limit).await.len(), 6);
    }
    let error = isp
        .page(searching("ab"), 10, Some("ar_4".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidCursor);
}

#[tokio::test]
async fn long_texts_are_found_by_any_beginning() {
    let isp = Isp::new().await;
    let long = "/".repeat(200);
    let other = format!("{}x", "/".repeat(199));
    isp.run(create_subscriber(named(&long, "one", "1"))).await;
    isp.run(create_subscriber(named(&other, &long, "2"))).await;
    for (stem, count) in [
        (&long[..1], 2),
        (&long[..90], 2),
        (&long[..199], 2),
        (&long[..], 2),
        (&other[..], 1),
    ] {
        for limit in [1, 10] {
            assert_eq!(
                isp.list(searching(stem), limit).await.len(),
                count,
                "{}",
                stem.len()
            );
        }
    }
}

#[tokio::test]
async fn subscribers_are_listed_by_what_is_asked_of_them() {
    let isp = Isp::new().await;
    let gold = Uuid::now_v7();
    for (id, site) in [("a", "ams"), ("b", "ams"), ("c", "fra"), ("d", "fra")] {
        let made = Subscriber {
            site_id: Some(site.to_owned()),
            ..named(id, &format!("{id}@isp"), &format!("{id}-number"))
        };
        isp.run(create_subscriber(made)).await;
    }
    for id in ["b", "c"] {
        isp.place(id, SubscriberStatus::Active, Some(gold)).await;
        let row = format!("ae_{}_{id}", gold.simple());
        isp.plant(&row, format!("{{\"V\":1,\"SubscriberId\":\"{id}\"}}"))
            .await;
    }
    // Who is terminated tells the plan it had.
    isp.place("d", SubscriberStatus::Terminated, Some(gold)).await;
    let any = SubscriberFilter::default;
    let active = Some(SubscriberStatus::Active);
    let terminated = Some(SubscriberStatus::Terminated);
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (any(), vec!["a", "b", "c", "d"]),
        (
            SubscriberFilter {
                status: active,
                ..any()
            },
            vec!["b", "c"],
        ),
        (
            SubscriberFilter {
                site_id: text("ams"),
                ..any()
            },
            vec!["a", "b"],
        ),
        (
            SubscriberFilter {
                service_type: Some(ServiceType::Business),
                ..any()
            },
            vec![],
        ),
        (
            SubscriberFilter {
                plan_id: Some(gold),
                ..any()
            },
            vec!["b", "c", "d"],
        ),
        (
            SubscriberFilter {
                plan_id: Some(gold),
                status: active,
                ..any()
            },
            vec!["b", "c"],
        ),
        (
            SubscriberFilter {
                plan_id: Some(gold),
                status: terminated,
                ..any()
            },
            vec!["d"],
        ),
        (
            SubscriberFilter {
                plan_id: Some(gold),
                site_id: text("ams"),
                ..any()
            },
            vec!["b"],
        ),
        (
            SubscriberFilter {
                plan_id: Some(Uuid::nil()),
                ..any()
            },
            vec![],
        ),
        (
            SubscriberFilter {
                username: text("b@isp"),
                ..any()
            },
            vec!["b"],
        ),
        (
            SubscriberFilter {
                username: text("b@"),
                ..any()
            },
            vec![],
        ),
        (
            SubscriberFilter {
                username: text("a@isp"),
                status: active,
                ..any()
            },
            vec![],
        ),
        (
            SubscriberFilter {
                subscriber_number: text("c-number"),
                ..any()
            },
            vec!["c"],
        ),
        (
            SubscriberFilter {
                subscriber_number: text("c-number"),
                username: text("b@isp"),
                ..any()
            },
            vec![],
        ),
        (
            SubscriberFilter {
                subscriber_number: text("c-number"),
                search: text("c"),
                ..any()
            },
            vec!["c"],
        ),
        (
            SubscriberFilter {
                subscriber_number: text("c-number"),
                search: text("b"),
                ..any()
            },
            vec![],
        ),
        (
            SubscriberFilter {
                search: text("c"),
                status: active,
                ..any()
            },
            vec!["c"],
        ),
    ] {
        for limit in [1, 2, 10] {
            let found = isp.list(IspListing::Subscribers(filter.clone()), limit).await;
            assert_eq!(ids(&found), expected, "{filter:?}");
        }
    }
}

#[tokio::test]
async fn vlans_are_listed_by_pool_domain_and_holder() {
    let isp = Isp::new().await;
    isp.subscriber("a").await;
    let single = vlan_pool("single", (100, 110), None);
    let double = vlan_pool("double", (200, 210), Some((1, 2)));
    let inside = vlan_pool("inside", (205, 206), Some((3, 4)));
    let other = VlanPool {
        domain: "olt-2".to_owned(),
        ..vlan_pool("other", (100, 110), None)
    };
    for pool in [&single, &double, &inside, &other] {
        isp.vlan_pool(pool).await;
    }
    let subscriber = VlanHolder::Subscriber(sub("a"));
    for (pool, holder, chosen) in [
        (&single, &subscriber, tag(100, None)),
        (&single, &port("a"), tag(101, None)),
        (&double, &subscriber, tag(205, Some(1))),
        (&double, &port("b"), tag(207, Some(2))),
        (&inside, &port("c"), tag(205, Some(3))),
        (&other, &subscriber, tag(110, None)),
    ] {
        isp.vlan(pool.id, holder, Some(chosen)).await.unwrap();
    }
    let any = VlanFilter::default;
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (any(), vec!["100", "101", "205.1", "205.3", "207.2", "110"]),
        (
            VlanFilter {
                pool_id: Some(double.id),
                ..any()
            },
            vec!["205.1", "207.2"],
        ),
        (
            VlanFilter {
                pool_id: Some(inside.id),
                ..any()
            },
            vec!["205.3"],
        ),
        (
            VlanFilter {
                pool_id: Some(inside.id),
                domain: text("olt-2"),
                ..any()
            },
            vec![],
        ),
        (
            VlanFilter {
                pool_id: Some(Uuid::nil()),
                ..any()
            },
            vec![],
        ),
        (
            VlanFilter {
                domain: text("olt-2"),
                ..any()
            },
            vec!["110"],
        ),
        (
            VlanFilter {
                domain: text("olt"),
                ..any()
            },
            vec![],
        ),
        (
            VlanFilter {
                subscriber_id: Some(sub("a")),
                ..any()
            },
            vec!["100", "205.1", "110"],
        ),
        (
            VlanFilter {
                subscriber_id: Some(sub("a")),
                domain: text("olt-1"),
                ..any()
            },
            vec!["100", "205.1"],
        ),
        (
            VlanFilter {
                subscriber_id: Some(sub("a")),
                pool_id: Some(double.id),
                ..any()
            },
            vec!["205.1"],
        ),
        (
            VlanFilter {
                subscriber_id: Some(sub("a")),
                port: text("a"),
                ..any()
            },
            vec![],
        ),
        (
            VlanFilter {
                port: text("a"),
                ..any()
            },
            vec!["101"],
        ),
        (
            VlanFilter {
                port: text("z"),
                ..any()
            },
            vec![],
        ),
    ] {
        for limit in [1, 2, 100] {
            let found = isp.list(IspListing::VlanBindings(filter.clone()), limit).await;
            let tags: Vec<String> = found
                .iter()
                .map(|entity| match entity {
                    Entity::VlanBinding(binding) => binding.tag.to_string(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(tags, expected, "{filter:?}");
        }
    }
}
