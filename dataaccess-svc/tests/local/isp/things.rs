//! Plans, VLAN pools, templates, webhooks, and the pool policy.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::isp::*;
use futures::future::join_all;
use uuid::Uuid;

use super::kit::*;

fn template(name: &str) -> ReservationTemplate {
    ReservationTemplate {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        site_type: "pop".to_owned(),
        description: String::new(),
        items: vec![TemplateItem {
            role: "router".to_owned(),
            ip_type: IpType::Ipv4,
            pool_id: None,
            count: 1,
            offset: None,
            prefix_length: None,
        }],
    }
}

fn one_of_each(name: &str) -> [Thing; 4] {
    [
        Thing::Plan(plan(name, None)),
        Thing::VlanPool(vlan_pool(name, (100, 200), None)),
        Thing::Template(template(name)),
        Thing::Webhook(webhook(name)),
    ]
}

fn key_of(thing: &Thing) -> EntityKey {
    match thing {
        Thing::Plan(plan) => EntityKey::Plan(plan.id),
        Thing::VlanPool(pool) => EntityKey::VlanPool(pool.id),
        Thing::Template(template) => EntityKey::Template(template.id),
        Thing::Webhook(webhook) => EntityKey::Webhook(webhook.id),
    }
}

fn renamed(mut thing: Thing, to: &str) -> Thing {
    let name = match &mut thing {
        Thing::Plan(plan) => &mut plan.name,
        Thing::VlanPool(pool) => &mut pool.name,
        Thing::Template(template) => &mut template.name,
        Thing::Webhook(webhook) => &mut webhook.name,
    };
    *name = to.to_owned();
    thing
}

fn elsewhere(mut thing: Thing) -> Thing {
    if let Thing::VlanPool(pool) = &mut thing {
        pool.domain = "olt-2".to_owned();
    }
    thing
}

#[tokio::test]
async fn names_are_there_once_in_each_kind_and_move_with_their_things() {
    let isp = Isp::new().await;
    for (first, second) in one_of_each("North").into_iter().zip(one_of_each("NORTH")) {
        let made = isp.run(create_thing(first.clone())).await;
        assert_eq!(isp.get(key_of(&first)).await.as_ref(), Some(&made));
        let second = elsewhere(second);
        let error = isp.refused(create_thing(second.clone())).await;
        assert_eq!(error.code, ErrorCode::AlreadyExists, "{}", error.message);
        assert!(error.details.unwrap()["id"].is_string());
        isp.unchanged(update_thing(first.clone())).await;
        isp.run(update_thing(renamed(first.clone(), "norTH"))).await;
        isp.run(update_thing(renamed(first.clone(), "south"))).await;
        isp.run(create_thing(second.clone())).await;
        let error = isp.refused(update_thing(renamed(first.clone(), "north"))).await;
        assert_eq!(error.code, ErrorCode::AlreadyExists);
        let delete = |thing: &Thing| IspCommand::DeleteThing { key: key_of(thing) };
        let older = isp.refused_if(delete(&first), Some(made.revision)).await;
        assert_eq!(older.code, ErrorCode::PreconditionFailed);
        let older = isp
            .refused_if(update_thing(first.clone()), Some(made.revision))
            .await;
        assert_eq!(older.code, ErrorCode::PreconditionFailed);
        isp.try_run(delete(&first)).await.unwrap();
        isp.run(update_thing(renamed(second.clone(), "south"))).await;
        assert_eq!(isp.refused(delete(&first)).await.code, ErrorCode::NotFound);
        assert_eq!(isp.refused(update_thing(first)).await.code, ErrorCode::NotFound);
        // An id is not given twice.
        assert_eq!(
            isp.refused(create_thing(second.clone())).await.code,
            ErrorCode::Contention
        );
        isp.try_run(delete(&second)).await.unwrap();
    }
    let left: Vec<String> = isp
        .dump("a")
        .await
        .iter()
        .map(|row| row.key.to_string())
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test]
async fn of_eight_who_want_a_name_at_once_one_gets_it() {
    let isp = Isp::new().await;
    let came = join_all((0..8).map(|_| isp.try_run(create_thing(Thing::Plan(plan("gold", None)))))).await;
    assert_eq!(came.iter().filter(|came| came.is_ok()).count(), 1);
    assert_eq!(isp.list(IspListing::Plans, 10).await.len(), 1);
}

#[tokio::test]
async fn other_kinds_of_things_are_not_deleted_like_that() {
    let isp = Isp::new().await;
    isp.subscriber("a").await;
    let key = EntityKey::Subscriber(sub("a"));
    assert_eq!(
        isp.refused(IspCommand::DeleteThing { key }).await.code,
        ErrorCode::MalformedRequest
    );
}

#[tokio::test]
async fn plans_do_not_stand_on_themselves_nor_too_deep() {
    let isp = Isp::new().await;
    let missing = Uuid::now_v7();
    let error = isp
        .refused(create_thing(Thing::Plan(plan("A", Some(missing)))))
        .await;
    assert_eq!(
        (error.code, &error.details.unwrap()["field"]),
        (ErrorCode::InvalidValue, &"basePlanId".into())
    );
    let itself = plan("itself", None);
    let error = isp
        .refused(create_thing(Thing::Plan(Plan {
            base_plan_id: Some(itself.id),
            ..itself
        })))
        .await;
    assert_eq!(error.code, ErrorCode::PlanLoop);
    let mut plans = vec![plan("A", None)];
    for name in ["B", "C", "D", "E", "F", "G", "H"] {
        plans.push(plan(name, plans.last().map(|last| last.id)));
    }
    for plan in &plans {
        isp.run(create_thing(Thing::Plan(plan.clone()))).await;
    }
    let deeper = plan("I", Some(plans[7].id));
    let error = isp.refused(create_thing(Thing::Plan(deeper))).await;
    assert_eq!(error.code, ErrorCode::InvalidValue);
    assert!(error.message.contains("at most 8"), "{}", error.message);
    let round = Plan {
        base_plan_id: Some(plans[2].id),
        ..plans[0].clone()
    };
    let error = isp.refused(update_thing(Thing::Plan(round))).await;
    assert_eq!(error.code, ErrorCode::PlanLoop);
    assert!(error.message.contains("A → C → B → A"), "{}", error.message);
}

#[tokio::test]
async fn a_plan_that_something_uses_is_not_deleted() {
    let isp = Isp::new().await;
    let base = plan("base", None);
    let upper = plan("upper", Some(base.id));
    isp.run(create_thing(Thing::Plan(base.clone()))).await;
    isp.run(create_thing(Thing::Plan(upper.clone()))).await;
    let delete = |plan: &Plan| IspCommand::DeleteThing {
        key: EntityKey::Plan(plan.id),
    };
    let error = isp.refused(delete(&base)).await;
    assert_eq!(error.code, ErrorCode::InUse);
    assert!(
        error.message.contains("upper is based on base"),
        "{}",
        error.message
    );
    let policy = |plan_ids: Vec<Uuid>| IspCommand::PutPolicy {
        policy: PoolPolicy {
            rules: vec![PolicyRule {
                name: "first".to_owned(),
                plan_ids,
                ..PolicyRule::default()
            }],
        },
    };
    isp.run(policy(vec![upper.id])).await;
    let error = isp.refused(delete(&upper)).await;
    assert_eq!(error.code, ErrorCode::InUse);
    assert!(error.message.contains("rule first"), "{}", error.message);
    isp.run(policy(Vec::new())).await;
    let row = format!("ae_{}_a", upper.id.simple());
    isp.plant(&row, "{\"V\":1,\"SubscriberId\":\"a\"}".to_owned())
        .await;
    let error = isp.refused(delete(&upper)).await;
    assert_eq!(error.code, ErrorCode::InUse);
    assert_eq!(error.details.unwrap()["subscriberId"], "a");
    // Whoever has it and goes, takes that along.
    isp.subscriber("a").await;
    isp.place("a", SubscriberStatus::Terminated, Some(upper.id)).await;
    isp.try_run(delete_subscriber("a")).await.unwrap();
    isp.try_run(delete(&upper)).await.unwrap();
    isp.try_run(delete(&base)).await.unwrap();
}

#[tokio::test]
async fn the_policy_names_what_is_there_and_is_not_replaced_over_a_newer_one() {
    let isp = Isp::new().await;
    let naming = |plan_ids, pool_ids| IspCommand::PutPolicy {
        policy: PoolPolicy {
            rules: vec![PolicyRule {
                name: "first".to_owned(),
                plan_ids,
                pool_ids,
                ..PolicyRule::default()
            }],
        },
    };
    for (command, field) in [
        (naming(vec![Uuid::now_v7()], Vec::new()), "rules.planIds"),
        (naming(Vec::new(), vec![Uuid::now_v7()]), "rules.poolIds"),
    ] {
        let error = isp.refused(command).await;
        assert_eq!(
            (error.code, &error.details.unwrap()["field"]),
            (ErrorCode::InvalidValue, &field.into())
        );
    }
    let empty = || naming(Vec::new(), Vec::new());
    // There was none yet: its revision is 0.
    assert_eq!(
        isp.refused_if(empty(), Some(7)).await.code,
        ErrorCode::PreconditionFailed
    );
    let first = isp.run(empty()).await;
    isp.unchanged(empty()).await;
    let gold = plan("gold", None);
    isp.run(create_thing(Thing::Plan(gold.clone()))).await;
    isp.run(naming(vec![gold.id], Vec::new())).await;
    assert_eq!(
        isp.refused_if(empty(), Some(first.revision)).await.code,
        ErrorCode::PreconditionFailed
    );
    let kept = isp.get(EntityKey::Policy).await.unwrap();
    assert!(matches!(kept.value, Entity::Policy(policy) if policy.rules[0].plan_ids == [gold.id]));
    let much = naming(vec![gold.id; 20_000], Vec::new());
    assert_eq!(isp.refused(much).await.code, ErrorCode::InvalidValue);
}

#[tokio::test]
async fn a_template_names_pools_that_are_there() {
    let isp = Isp::new().await;
    let mut wrong = template("pop");
    wrong.items[0].pool_id = Some(Uuid::now_v7());
    let error = isp.refused(create_thing(Thing::Template(wrong))).await;
    assert_eq!(
        (error.code, &error.details.unwrap()["field"]),
        (ErrorCode::InvalidValue, &"items.poolId".into())
    );
}

#[tokio::test]
async fn the_secret_of_a_webhook_is_in_a_row_of_its_own_and_goes_with_it() {
    let isp = Isp::new().await;
    let (first, second) = ("U0VDUkVU", "Tk9DSA");
    let hook = webhook("billing");
    let command = IspCommand::CreateThing {
        thing: Box::new(Thing::Webhook(hook.clone())),
        secret: Some(sealed(first)),
    };
    let made = isp.run(command).await;
    assert!(!serde_json::to_string(&made).unwrap().contains(first));
    let has = |kept: &Kept<Entity>| matches!(&kept.value, Entity::Webhook(hook) if hook.has_secret);
    assert!(has(&made));
    let where_is = async |secret: &str| -> Vec<String> {
        let rows = isp.dump("").await;
        let with = rows.iter().filter(|row| text(row).contains(secret));
        with.map(|row| row.key.to_string()).collect()
    };
    let row = format!("ax_w_{}", hook.id.simple());
    assert_eq!(where_is(first).await, [row.as_str()]);
    let update = |secret| IspCommand::UpdateThing {
        thing: Box::new(Thing::Webhook(hook.clone())),
        secret,
    };
    isp.unchanged(update(None)).await;
    let after = isp.run(update(Some(Some(sealed(second))))).await;
    assert!(has(&after) && after.revision > made.revision);
    assert_eq!(where_is(first).await, Vec::<String>::new());
    assert_eq!(where_is(second).await, [row.as_str()]);
    assert!(!has(&isp.run(update(Some(None))).await));
    isp.run(update(Some(Some(sealed(second))))).await;
    let key = EntityKey::Webhook(hook.id);
    isp.try_run(IspCommand::DeleteThing { key }).await.unwrap();
    assert_eq!(where_is(second).await, Vec::<String>::new());
}

#[tokio::test]
async fn vlan_pools_of_a_domain_give_no_tags_between_which_a_frame_cannot_tell() {
    let isp = Isp::new().await;
    isp.vlan_pool(&vlan_pool("single", (100, 200), None)).await;
    isp.vlan_pool(&vlan_pool("double", (300, 400), Some((1, 100))))
        .await;
    for (outer, inner, other) in [
        ((200, 210), None, "single"),
        ((1, 4094), None, "single"),
        ((150, 150), Some((1, 10)), "single"),
        ((400, 500), None, "double"),
        ((400, 500), Some((100, 200)), "double"),
    ] {
        let error = isp
            .refused(create_thing(Thing::VlanPool(vlan_pool("new", outer, inner))))
            .await;
        assert_eq!(error.code, ErrorCode::AlreadyExists);
        assert_eq!(error.details.unwrap()["name"], other);
        let elsewhere = VlanPool {
            domain: format!("{outer:?}{inner:?}"),
            ..vlan_pool(&format!("{outer:?}{inner:?}"), outer, inner)
        };
        isp.vlan_pool(&elsewhere).await;
    }
    let beside = vlan_pool("beside", (400, 500), Some((101, 200)));
    isp.vlan_pool(&beside).await;
    let wider = VlanPool {
        inner: Some(range(100, 200)),
        ..beside
    };
    assert_eq!(
        isp.refused(update_thing(Thing::VlanPool(wider))).await.code,
        ErrorCode::AlreadyExists
    );
    let wrong = vlan_pool("wrong", (10, 9), None);
    assert_eq!(
        isp.refused(create_thing(Thing::VlanPool(wrong))).await.code,
        ErrorCode::InvalidValue
    );
}

#[tokio::test]
async fn a_vlan_pool_keeps_what_is_taken_of_it() {
    let isp = Isp::new().await;
    let single = vlan_pool("single", (100, 200), None);
    let double = vlan_pool("double", (300, 400), Some((10, 20)));
    for (pool, taken) in [(&single, tag(150, None)), (&double, tag(350, Some(15)))] {
        isp.vlan_pool(pool).await;
        // Nothing is taken yet.
        let moved = VlanPool {
            domain: "olt-2".to_owned(),
            ..pool.clone()
        };
        isp.run(update_thing(Thing::VlanPool(moved))).await;
        isp.run(update_thing(Thing::VlanPool(pool.clone()))).await;
        let binding = isp.vlan(pool.id, &port("1/1"), Some(taken)).await.unwrap();
        let outer = taken.outer.get();
        let mut wrong = vec![
            VlanPool {
                domain: "olt-2".to_owned(),
                ..pool.clone()
            },
            VlanPool {
                inner: if pool.inner.is_some() {
                    None
                } else {
                    Some(range(1, 9))
                },
                ..pool.clone()
            },
            VlanPool {
                outer: range(outer + 1, 400),
                ..pool.clone()
            },
            VlanPool {
                outer: range(1, outer - 1),
                ..pool.clone()
            },
        ];
        if pool.inner.is_some() {
            wrong.extend([(16, 20), (10, 14)].map(|(first, last)| VlanPool {
                inner: Some(range(first, last)),
                ..pool.clone()
            }));
            // It shall not meet the other pool.
            wrong[3].outer = range(201, outer - 1);
        } else {
            wrong[2].outer = range(outer + 1, 299);
        }
        for wrong in wrong {
            let error = isp.refused(update_thing(Thing::VlanPool(wrong.clone()))).await;
            assert_eq!(error.code, ErrorCode::InUse, "{wrong:?}");
        }
        let delete = || IspCommand::DeleteThing {
            key: EntityKey::VlanPool(pool.id),
        };
        assert_eq!(isp.refused(delete()).await.code, ErrorCode::InUse);
        // Around what is taken it may shrink.
        let tight = VlanPool {
            description: "tight".to_owned(),
            outer: range(outer, outer),
            inner: taken.inner.map(|inner| range(inner.get(), inner.get())),
            ..pool.clone()
        };
        isp.run(update_thing(Thing::VlanPool(tight))).await;
        assert_eq!(
            isp.refused(allocate_vlan(pool.id, &port("1/2"), None)).await.code,
            ErrorCode::VlanUnavailable
        );
        isp.run(update_thing(Thing::VlanPool(pool.clone()))).await;
        isp.vlan(pool.id, &port("1/2"), None).await.unwrap();
        let released = isp.list(
            IspListing::VlanBindings(VlanFilter {
                port: Some("1/2".to_owned()),
                ..VlanFilter::default()
            }),
            10,
        );
        for entity in released.await {
            let Entity::VlanBinding(binding) = entity else {
                panic!("{entity:?}")
            };
            isp.try_run(IspCommand::ReleaseVlan { id: binding.id })
                .await
                .unwrap();
        }
        isp.try_run(IspCommand::ReleaseVlan { id: binding.id })
            .await
            .unwrap();
        isp.try_run(delete()).await.unwrap();
    }
    assert_eq!(isp.dump("aj_").await.len(), 0);
}
