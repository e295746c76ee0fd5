//! Subscribers.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::*;
use cadastre_domain::isp::*;
use futures::future::join_all;
use uuid::Uuid;

use super::kit::*;

#[tokio::test]
async fn a_new_subscriber_is_pending_and_has_no_plan() {
    let isp = Isp::new().await;
    for (wrong, field) in [
        (
            Subscriber {
                status: SubscriberStatus::Active,
                ..subscriber("a")
            },
            "status",
        ),
        (
            Subscriber {
                plan_id: Some(Uuid::nil()),
                ..subscriber("a")
            },
            "planId",
        ),
        (
            Subscriber {
                username: Some(String::new()),
                ..subscriber("a")
            },
            "username",
        ),
    ] {
        let error = isp.refused(create_subscriber(wrong)).await;
        assert_eq!(error.code, ErrorCode::InvalidValue);
        assert_eq!(error.details.unwrap()["field"], field);
    }
    let made = Subscriber {
        activated_at: Some(jiff::Timestamp::UNIX_EPOCH),
        ..subscriber("a")
    };
    let made = isp.run(create_subscriber(made)).await;
    assert_eq!(isp.get(EntityKey::Subscriber(sub("a"))).await, Some(made.clone()));
    assert_eq!(subscriber_of(made), subscriber("a"));
}

#[tokio::test]
async fn ids_usernames_and_numbers_are_there_once() {
    let isp = Isp::new().await;
    isp.run(create_subscriber(named("a", "ann@isp", "100"))).await;
    for (wrong, what) in [
        (subscriber("a"), "Subscriber a"),
        (named("b", "ann@isp", "200"), "ann@isp"),
        (named("b", "bob@isp", "100"), "100"),
    ] {
        let error = isp.refused(create_subscriber(wrong)).await;
        assert_eq!(error.code, ErrorCode::AlreadyExists);
        assert!(error.message.contains(what), "{}", error.message);
        assert_eq!(error.details.unwrap()["subscriberId"], "a");
    }
    // User names of RADIUS are told apart by case, and so are ids.
    isp.run(create_subscriber(named("A", "Ann@isp", "100a"))).await;
}

#[tokio::test]
async fn a_value_that_was_given_up_can_be_taken_by_somebody_else() {
    let isp = Isp::new().await;
    isp.run(create_subscriber(named("a", "ann@isp", "100"))).await;
    isp.run(create_subscriber(named("b", "bob@isp", "200"))).await;
    assert_eq!(
        isp.refused(update_subscriber(named("b", "ann@isp", "200")))
            .await
            .code,
        ErrorCode::AlreadyExists
    );
    isp.run(update_subscriber(named("a", "anna@isp", "100"))).await;
    isp.run(update_subscriber(named("b", "ann@isp", "200"))).await;
    isp.try_run(delete_subscriber("b")).await.unwrap();
    isp.run(create_subscriber(named("c", "ann@isp", "200"))).await;
    assert!(isp.dump("ai_").await.len() == 4, "each value has one row");
}

#[tokio::test]
async fn of_eight_who_want_a_username_at_once_one_gets_it() {
    let isp = Isp::new().await;
    for round in 0..5 {
        let wanted = (0..8).map(|at| {
            let subscriber = named(
                &format!("{round}-{at}"),
                &format!("user-{round}"),
                &format!("{round}.{at}"),
            );
            isp.try_run(create_subscriber(subscriber))
        });
        let came = join_all(wanted).await;
        assert_eq!(came.iter().filter(|came| came.is_ok()).count(), 1);
        let codes = came.into_iter().filter_map(Result::err).map(|error| error.code);
        assert!(codes.into_iter().all(|code| code == ErrorCode::AlreadyExists));
    }
    assert_eq!(isp.dump("au_").await.len(), 5);
}

#[tokio::test]
async fn an_update_leaves_status_plan_and_times_to_the_use_cases() {
    let isp = Isp::new().await;
    isp.subscriber("a").await;
    let plan = Uuid::now_v7();
    isp.place("a", SubscriberStatus::Suspended, Some(plan)).await;
    let before = subscriber_of(isp.get(EntityKey::Subscriber(sub("a"))).await.unwrap());
    let wanted = Subscriber {
        notes: "calls often".to_owned(),
        status: SubscriberStatus::Active,
        plan_id: None,
        terminated_at: Some(jiff::Timestamp::UNIX_EPOCH),
        has_password: true,
        ..subscriber("a")
    };
    let after = subscriber_of(isp.run(update_subscriber(wanted.clone())).await);
    let expected = Subscriber {
        notes: "calls often".to_owned(),
        ..before
    };
    assert_eq!(after, expected);
    isp.unchanged(update_subscriber(wanted)).await;
}

#[tokio::test]
async fn an_update_of_an_older_state_or_of_nobody_is_refused() {
    let isp = Isp::new().await;
    let kept = isp.subscriber("a").await;
    let older = Some(kept.revision - 1);
    let changed = Subscriber {
        notes: "new".to_owned(),
        ..subscriber("a")
    };
    let error = isp.refused_if(update_subscriber(changed), older).await;
    assert_eq!(error.code, ErrorCode::PreconditionFailed);
    assert_eq!(
        isp.refused_if(delete_subscriber("a"), older).await.code,
        ErrorCode::PreconditionFailed
    );
    for command in [update_subscriber(subscriber("b")), delete_subscriber("b")] {
        assert_eq!(isp.refused(command).await.code, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn who_is_terminated_can_still_be_described() {
    let isp = Isp::new().await;
    isp.subscriber("a").await;
    isp.place("a", SubscriberStatus::Terminated, None).await;
    let after = isp.run(update_subscriber(named("a", "old@isp", "1"))).await;
    let after = subscriber_of(after);
    assert_eq!(
        (after.status, after.username.as_deref()),
        (SubscriberStatus::Terminated, Some("old@isp"))
    );
}

#[tokio::test]
async fn who_is_in_service_or_holds_something_is_not_deleted() {
    let isp = Isp::new().await;
    isp.subscriber("a").await;
    for status in [SubscriberStatus::Active, SubscriberStatus::Suspended] {
        isp.subscriber(status.as_str()).await;
        isp.place(status.as_str(), status, None).await;
        let error = isp.refused(delete_subscriber(status.as_str())).await;
        assert_eq!(error.code, ErrorCode::InUse);
        assert!(error.message.contains("Terminate it first"), "{}", error.message);
    }
    // An address, and a VLAN.
    isp.plant("as_a_04", "{\"V\":1}".to_owned()).await;
    let pool = vlan_pool("north", (100, 110), None);
    isp.vlan_pool(&pool).await;
    let binding = isp
        .vlan(pool.id, &VlanHolder::Subscriber(sub("a")), None)
        .await
        .unwrap();
    let error = isp.refused(delete_subscriber("a")).await;
    assert_eq!(error.code, ErrorCode::InUse);
    assert!(
        error.message.contains("an IPv4 address, VLAN 100 in olt-1"),
        "{}",
        error.message
    );
    isp.try_run(IspCommand::ReleaseVlan { id: binding.id })
        .await
        .unwrap();
    assert_eq!(isp.refused(delete_subscriber("a")).await.code, ErrorCode::InUse);
}

#[tokio::test]
async fn a_deleted_subscriber_leaves_nothing_but_its_journal() {
    let isp = Isp::new().await;
    let secret = Some(sealed("c2VhbGVk"));
    let command = IspCommand::CreateSubscriber {
        subscriber: Box::new(named("a", "ann@isp", "100")),
        secret,
    };
    isp.run(command).await;
    let profile = NetworkProfile {
        static_ipv4: Some("203.0.113.9".parse().unwrap()),
        ipv6_prefix: Some("2001:db8::/56".parse().unwrap()),
        circuit_id: Some("olt-1/1/1".to_owned()),
        ..NetworkProfile::of(sub("a"))
    };
    isp.run(put_profile(profile)).await;
    let left = isp.try_run(delete_subscriber("a")).await.unwrap();
    assert_eq!(left, [], "an answer has what is there after the command");
    let left: Vec<String> = isp
        .dump("a")
        .await
        .iter()
        .map(|row| row.key.to_string())
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test]
async fn a_password_is_in_a_row_of_its_own_and_nowhere_else() {
    let isp = Isp::new().await;
    isp.run(create_thing(Thing::Webhook(webhook("billing")))).await;
    let secret = "U0VDUkVU";
    let command = IspCommand::CreateSubscriber {
        subscriber: Box::new(named("a", "ann@isp", "100")),
        secret: Some(sealed(secret)),
    };
    let made = isp.run(command).await;
    assert!(!format!("{made:?}").contains(secret));
    assert!(!serde_json::to_string(&made).unwrap().contains(secret));
    assert!(subscriber_of(made).has_password);
    let second = "Tk9DSA";
    let update = |secret| IspCommand::UpdateSubscriber {
        subscriber: Box::new(named("a", "ann@isp", "100")),
        secret,
    };
    let where_is = |rows: Vec<cadastre_storage::Row>, secret: &str| -> Vec<String> {
        let with = rows.iter().filter(|row| text(row).contains(secret));
        with.map(|row| row.key.to_string()).collect()
    };
    assert_eq!(where_is(isp.dump("").await, secret), ["ax_s_a"]);
    // The journal and the outbox tell of a new one, too, and do not say it.
    let told = isp.dump("ao_").await.len();
    assert!(subscriber_of(isp.run(update(Some(Some(sealed(second))))).await).has_password);
    assert_eq!(isp.dump("ao_").await.len(), told + 1);
    assert_eq!(where_is(isp.dump("").await, secret), Vec::<String>::new());
    assert_eq!(where_is(isp.dump("").await, second), ["ax_s_a"]);
    isp.unchanged(update(Some(Some(sealed(second))))).await;
    isp.unchanged(update(None)).await;
    assert!(!subscriber_of(isp.run(update(Some(None))).await).has_password);
    assert_eq!(where_is(isp.dump("").await, second), Vec::<String>::new());
    isp.unchanged(update(Some(None))).await;
}

#[tokio::test]
async fn what_happens_to_a_subscriber_is_told_outside() {
    let isp = Isp::new().await;
    let hook = Webhook {
        events: vec!["subscriber.*".to_owned()],
        ..webhook("billing")
    };
    isp.run(create_thing(Thing::Webhook(hook))).await;
    isp.run(create_subscriber(named("a", "ann@isp", "100"))).await;
    isp.run(update_subscriber(named("a", "anna@isp", "100"))).await;
    isp.try_run(delete_subscriber("a")).await.unwrap();
    let told = isp.list(IspListing::Outbox { state: None }, 10).await;
    let mut told: Vec<(String, String)> = told
        .into_iter()
        .map(|entry| match entry {
            Entity::Outbox(entry) => {
                assert_eq!(entry.payload["subscriberId"], "a");
                assert_eq!(entry.payload["status"], "PENDING");
                (
                    entry.event,
                    entry.payload["username"].as_str().unwrap().to_owned(),
                )
            }
            other => panic!("{other:?}"),
        })
        .collect();
    // The newest comes first.
    told.reverse();
    let expected = [
        ("subscriber.created", "ann@isp"),
        ("subscriber.updated", "anna@isp"),
        ("subscriber.deleted", "anna@isp"),
    ];
    assert_eq!(
        told,
        expected.map(|(event, name)| (event.to_owned(), name.to_owned()))
    );
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_shows_what_would_change() {
    let isp = Isp::new().await;
    let options = MutationOptions {
        dry_run: true,
        ..Default::default()
    };
    let outcome = isp
        .send(create_subscriber(subscriber("a")), options)
        .await
        .unwrap();
    let CommandOutcome::Planned { changes, conflict } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((changes.len(), conflict), (1, None));
    assert_eq!(isp.dump("a").await.len(), 0);
}
