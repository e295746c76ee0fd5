//! VLANs: taken and given back.

use std::collections::BTreeSet;
use std::sync::Arc;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::isp::*;
use cadastre_storage::{FaultStore, MemoryStore, Op};
use futures::future::join_all;
use uuid::Uuid;

use super::kit::*;
use crate::support::Shaped;

#[tokio::test]
async fn who_has_a_vlan_is_answered_with_it_again() {
    let isp = Isp::new().await;
    isp.subscriber("a").await;
    let holder = VlanHolder::Subscriber(sub("a"));
    let single = vlan_pool("single", (100, 200), None);
    let more = vlan_pool("more", (201, 300), None);
    let double = vlan_pool("double", (301, 400), Some((10, 20)));
    for pool in [&single, &more, &double] {
        isp.vlan_pool(pool).await;
    }
    let first = isp.vlan(single.id, &holder, None).await.unwrap();
    assert_eq!(first.tag, tag(100, None));
    for (pool, tag) in [(&single, None), (&single, Some(first.tag)), (&more, None)] {
        let again = isp.unchanged(allocate_vlan(pool.id, &holder, tag)).await;
        assert_eq!(binding_of(again), first);
    }
    let error = isp
        .refused(allocate_vlan(single.id, &holder, Some(tag(101, None))))
        .await;
    assert_eq!(error.code, ErrorCode::AlreadyAssigned);
    assert_eq!(error.details.unwrap()["bindingId"], first.id.to_string());
    // Of another kind it may have one, and in another domain.
    assert_eq!(
        isp.vlan(double.id, &holder, None).await.unwrap().tag,
        tag(301, Some(10))
    );
    let elsewhere = VlanPool {
        domain: "olt-2".to_owned(),
        ..vlan_pool("elsewhere", (100, 200), None)
    };
    isp.vlan_pool(&elsewhere).await;
    assert_eq!(
        isp.vlan(elsewhere.id, &holder, None).await.unwrap().tag,
        tag(100, None)
    );
    // And a port is somebody else.
    assert_eq!(
        isp.vlan(single.id, &port("a"), None).await.unwrap().tag,
        tag(101, None)
    );
}

#[tokio::test]
async fn a_vlan_needs_a_pool_a_holder_and_a_tag_that_are_there() {
    let isp = Isp::new().await;
    let single = vlan_pool("single", (100, 200), None);
    let double = vlan_pool("double", (300, 400), Some((10, 20)));
    isp.vlan_pool(&single).await;
    isp.vlan_pool(&double).await;
    isp.subscriber("gone").await;
    isp.place("gone", SubscriberStatus::Terminated, None).await;
    let somebody = VlanHolder::Subscriber(sub("nobody"));
    let gone = VlanHolder::Subscriber(sub("gone"));
    for (command, code) in [
        (
            allocate_vlan(Uuid::now_v7(), &port("1"), None),
            ErrorCode::NotFound,
        ),
        (allocate_vlan(single.id, &somebody, None), ErrorCode::NotFound),
        (allocate_vlan(single.id, &gone, None), ErrorCode::IllegalState),
        (allocate_vlan(single.id, &port(""), None), ErrorCode::InvalidValue),
        (
            allocate_vlan(single.id, &port("1"), Some(tag(99, None))),
            ErrorCode::InvalidValue,
        ),
        (
            allocate_vlan(single.id, &port("1"), Some(tag(100, Some(10)))),
            ErrorCode::InvalidValue,
        ),
        (
            allocate_vlan(double.id, &port("1"), Some(tag(300, Some(21)))),
            ErrorCode::InvalidValue,
        ),
        (
            IspCommand::ReleaseVlan { id: Uuid::now_v7() },
            ErrorCode::NotFound,
        ),
    ] {
        let error = isp.refused(command).await;
        assert_eq!(error.code, code, "{}", error.message);
    }
    let error = isp
        .refused(allocate_vlan(double.id, &port("1"), Some(tag(300, None))))
        .await;
    assert_eq!(error.code, ErrorCode::InvalidValue);
    assert!(
        error.message.contains("S-VLAN 300 needs a C-VLAN"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_tag_that_somebody_has_is_refused_with_their_name_and_an_empty_pool_with_its_counts() {
    let isp = Isp::new().await;
    let single = vlan_pool("single", (100, 102), None);
    let double = vlan_pool("double", (300, 301), Some((10, 12)));
    for (pool, first, total) in [(&single, tag(100, None), 3), (&double, tag(300, Some(10)), 6)] {
        isp.vlan_pool(pool).await;
        isp.vlan(pool.id, &port("p0"), Some(first)).await.unwrap();
        let error = isp
            .refused(allocate_vlan(pool.id, &port("other"), Some(first)))
            .await;
        assert_eq!(error.code, ErrorCode::VlanUnavailable);
        assert!(error.message.contains("port p0"), "{}", error.message);
        for at in 1..total {
            isp.vlan(pool.id, &port(&format!("p{at}")), None).await.unwrap();
        }
        let error = isp.refused(allocate_vlan(pool.id, &port("other"), None)).await;
        assert_eq!(error.code, ErrorCode::VlanUnavailable);
        let details = error.details.unwrap();
        assert_eq!(
            (&details["total"], &details["taken"]),
            (&total.into(), &total.into())
        );
    }
}

#[tokio::test]
async fn a_released_vlan_is_free_again_and_leaves_no_row() {
    let isp = Isp::new().await;
    let pool = vlan_pool("double", (300, 301), Some((10, 11)));
    isp.vlan_pool(&pool).await;
    let before: Vec<String> = isp
        .dump("a")
        .await
        .iter()
        .map(|row| row.key.to_string())
        .collect();
    let mut made = Vec::new();
    for at in 0..4 {
        made.push(isp.vlan(pool.id, &port(&at.to_string()), None).await.unwrap());
    }
    isp.try_run(IspCommand::ReleaseVlan { id: made[1].id })
        .await
        .unwrap();
    assert_eq!(
        isp.refused(IspCommand::ReleaseVlan { id: made[1].id }).await.code,
        ErrorCode::NotFound
    );
    let again = isp.vlan(pool.id, &port("again"), None).await.unwrap();
    assert_eq!(again.tag, made[1].tag);
    made[1] = again;
    for binding in &made {
        isp.try_run(IspCommand::ReleaseVlan { id: binding.id })
            .await
            .unwrap();
    }
    let after: Vec<String> = isp
        .dump("a")
        .await
        .iter()
        .map(|row| row.key.to_string())
        .collect();
    assert_eq!(after, before);
}

#[tokio::test]
async fn vlans_are_told_outside() {
    let isp = Isp::new().await;
    isp.run(create_thing(Thing::Webhook(webhook("billing")))).await;
    isp.subscriber("a").await;
    let pool = vlan_pool("double", (300, 301), Some((10, 11)));
    isp.vlan_pool(&pool).await;
    let holder = VlanHolder::Subscriber(sub("a"));
    let binding = isp.vlan(pool.id, &holder, None).await.unwrap();
    isp.try_run(IspCommand::ReleaseVlan { id: binding.id })
        .await
        .unwrap();
    let told: Vec<Entity> = isp.list(IspListing::Outbox { state: None }, 10).await;
    for (entity, event) in told.iter().zip(["vlan.released", "vlan.allocated"]) {
        let Entity::Outbox(entry) = entity else {
            panic!("{entity:?}")
        };
        assert_eq!(entry.event, event);
        assert_eq!(
            (&entry.payload["sVlan"], &entry.payload["cVlan"]),
            (&300.into(), &10.into())
        );
        assert_eq!(entry.payload["subscriberId"], "a");
    }
}

#[tokio::test]
async fn of_eight_who_want_a_tag_at_once_one_gets_it() {
    let isp = Isp::new().await;
    let single = vlan_pool("single", (100, 200), None);
    let double = vlan_pool("double", (300, 400), Some((10, 20)));
    for (pool, tag) in [(&single, tag(150, None)), (&double, tag(350, Some(15)))] {
        isp.vlan_pool(pool).await;
        let holders: Vec<VlanHolder> = (0..8).map(|at| port(&at.to_string())).collect();
        let came = join_all(holders.iter().map(|holder| isp.vlan(pool.id, holder, Some(tag)))).await;
        assert_eq!(came.iter().filter(|came| came.is_ok()).count(), 1);
        let codes: Vec<ErrorCode> = came
            .into_iter()
            .filter_map(Result::err)
            .map(|error| error.code)
            .collect();
        assert_eq!(codes, [ErrorCode::VlanUnavailable; 7]);
        // One holder who asks eight times at once gets one.
        let one = port("impatient");
        let came = join_all((0..8).map(|_| isp.vlan(pool.id, &one, None))).await;
        let ids: BTreeSet<Uuid> = came.into_iter().map(|came| came.unwrap().id).collect();
        assert_eq!(ids.len(), 1);
    }
}

#[tokio::test]
async fn two_thousand_pairs_taken_at_once_are_all_different_and_the_lowest() {
    let isp = Isp::new().await;
    let pool = vlan_pool("double", (100, 4094), Some((1, 300)));
    isp.vlan_pool(&pool).await;
    let mut taken = BTreeSet::new();
    for round in 0..20 {
        let holders: Vec<VlanHolder> = (0..100).map(|at| port(&format!("{round}/{at}"))).collect();
        for came in join_all(holders.iter().map(|holder| isp.vlan(pool.id, holder, None))).await {
            assert!(taken.insert(came.unwrap().tag));
        }
    }
    let expected: BTreeSet<VlanTag> = (0..2_000)
        .map(|at| tag(100 + at / 300, Some(1 + at % 300)))
        .collect();
    assert_eq!(taken, expected);
    assert_eq!(
        isp.dump("aj_").await.len(),
        8,
        "one row for the outer tags that are full, and one for each in use"
    );
}

#[tokio::test]
async fn a_vlan_costs_as_much_when_hundreds_are_taken_as_when_few_are() {
    let store = FaultStore::new(Shaped::narrow(Arc::new(MemoryStore::new()), 100));
    let line = store.plan();
    let isp = Isp::on(Arc::new(store)).await;
    let single = vlan_pool("single", (1, 2_000), None);
    let double = vlan_pool("double", (2_001, 4_000), Some((1, 60)));
    for pool in [&single, &double] {
        isp.vlan_pool(pool).await;
        let mut costs = BTreeSet::new();
        for at in 0..300 {
            line.reset_counts();
            isp.vlan(pool.id, &port(&at.to_string()), None).await.unwrap();
            // The very first of all finds no head remembered by who writes.
            if at > 1 {
                costs.insert((line.reads(), line.count(Op::Commit)));
            }
        }
        assert_eq!(costs.len(), 1, "{costs:?}");
    }
}
