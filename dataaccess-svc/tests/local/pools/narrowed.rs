//! What a role that is narrowed to a subtree is told: of what lies outside, and of subscribers, nothing (ADR 0020).

use cadastre_domain::Scope;
use cadastre_storage::{PartitionKey, RowKey, Write};

use super::*;

/// What nobody may read who is narrowed to 10.1.0.0/16: it stands in everything that lies outside.
const OUTSIDE: [&str; 5] = ["203.0.113.", "203.0.112.", "cb0071", "cb0070", "hidden"];

/// A space with a pool inside and two outside of what a narrowed role sees.
struct Parted {
    ground: Ground,
    inside: Pool,
    outside: Pool,
    held: Reservation,
}

fn narrow() -> CallContext {
    scoped(Scope::within([prefix("10.1.0.0/16")]))
}

fn named(name: &str, network: &str) -> Pool {
    Pool {
        name: name.to_owned(),
        rest_days: 0,
        ..pool(PoolType::Ipv4Public, network)
    }
}

async fn subscriber(ground: &Ground, id: &str) {
    let subscriber = crate::isp::kit::subscriber(id);
    ground
        .isp(crate::isp::kit::create_subscriber(subscriber))
        .await
        .unwrap();
}

async fn profile(ground: &Ground, id: &str, address: &str) {
    subscriber(ground, id).await;
    let profile = NetworkProfile {
        static_ipv4: Some(address.parse().unwrap()),
        ..NetworkProfile::of(sub(id))
    };
    ground.isp(crate::isp::kit::put_profile(profile)).await.unwrap();
}

async fn parted() -> Parted {
    let ground = ground().await;
    let inside = named("mine", "10.1.0.0/29");
    let outside = Pool {
        cost: Some(Cost {
            micros_per_month: 1_000_000,
            currency: "EUR".to_owned(),
        }),
        ..named("hidden pool", "203.0.113.0/29")
    };
    let full = named("hidden full", "203.0.112.0/32");
    for pool in [&inside, &outside, &full] {
        ground.make(pool).await;
    }
    profile(&ground, "hidden-owner", "10.1.0.1").await;
    profile(&ground, "hidden-other", "203.0.113.5").await;
    let noted = |wish: Reserve| Reserve {
        notes: "hidden notes".to_owned(),
        ..wish
    };
    let held = ground
        .reserve(noted(next_of(outside.id, "roamer")))
        .await
        .unwrap();
    ground
        .reserve(noted(next_of(full.id, "hidden-full")))
        .await
        .unwrap();
    // One that has ended, and one that somebody's profile names.
    let ended = ground
        .reserve(noted(chosen("203.0.113.4", "hidden-past")))
        .await
        .unwrap();
    ground.move_to(ended.id, Move::Release).await.unwrap();
    ground
        .reserve_as(noted(chosen("203.0.113.5", "hidden-thief")), true)
        .await
        .unwrap();
    ground
        .reserve_as(chosen("10.1.0.1", "mine-1"), true)
        .await
        .unwrap();
    ground.reserve(chosen("10.1.0.2", "mine-2")).await.unwrap();
    let node = create("203.0.113.3/32", &[]);
    run(&*ground.access, ground.space, node).await.unwrap();
    Parted {
        ground,
        inside,
        outside,
        held,
    }
}

impl Parted {
    async fn ask(&self, context: &CallContext, question: IspQuestion) -> Result<IspAnswer, ApiError> {
        let request = IspAsk {
            space: self.ground.space,
            question,
        };
        self.ground.access.isp_ask(context, request).await
    }

    /// Writes a row that is there again and again, behind itself.
    async fn multiply(&self, stem: &str) {
        let (store, partition) = (&self.ground.store, self.ground.space.to_string());
        let row = rows(store.as_ref(), &partition, stem).await.remove(0);
        let partition = PartitionKey::new(partition).unwrap();
        let numbers: Vec<u32> = (0..2_100).collect();
        for some in numbers.chunks(50) {
            let again = some.iter().map(|number| Write::Put {
                key: RowKey::new(format!("{}-{number:04}", row.key)).unwrap(),
                value: row.value.clone(),
            });
            store.commit(&partition, again.collect()).await.unwrap();
        }
    }

    /// The refusal of a command of a narrowed role.
    async fn refused(&self, command: IspCommand) -> ApiError {
        let request = SpaceCommandRequest {
            space: self.ground.space,
            command: SpaceCommand::Isp(Box::new(command)),
            options: MutationOptions::default(),
        };
        let outcome = self.ground.access.space_command(&narrow(), request).await;
        outcome.expect_err("it is refused")
    }

    async fn refused_to_reserve(&self, wish: Reserve) -> ApiError {
        let wanted = vec![wish];
        self.refused(IspCommand::Reserve { wanted, force: false }).await
    }

    /// Says nothing of what lies outside.
    #[track_caller]
    fn keeps_quiet(&self, told: impl std::fmt::Debug) {
        let told = format!("{told:?}");
        let ids = [self.outside.id, self.held.id];
        let ids = ids
            .into_iter()
            .flat_map(|id| [id.to_string(), id.simple().to_string()]);
        for secret in OUTSIDE.map(str::to_owned).into_iter().chain(ids) {
            assert!(!told.contains(&secret), "{secret} shows in {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_conflicts_at_what_their_role_does_not_cover() {
    let parted = parted().await;
    for (asked, pool_id) in [
        ("203.0.113.0/24", None),
        ("203.0.113.2/32", None),
        ("198.51.100.1/32", None),
        ("10.0.0.0/8", None),
        ("0.0.0.0/0", None),
        ("203.0.113.2/32", Some(parted.inside.id)),
    ] {
        let question = IspQuestion::Conflicts {
            prefix: prefix(asked),
            pool_id,
            subscriber_id: None,
        };
        let error = parted.ask(&narrow(), question).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::OutsideScope, "{asked}");
        assert!(error.details.is_none());
    }
    let own = |pool_id| IspQuestion::Conflicts {
        prefix: prefix("10.1.0.0/16"),
        pool_id,
        subscriber_id: None,
    };
    let found = parted.ask(&narrow(), own(None)).await.unwrap();
    parted.keeps_quiet(&found);
    assert!(format!("{found:?}").contains("mine-2"));
    let other = parted.ask(&narrow(), own(Some(parted.outside.id))).await;
    assert_eq!(other.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_around_the_subtree_shows_neither_in_conflicts_within_it_nor_in_costs() {
    let ground = ground().await;
    let around = Pool {
        cost: Some(Cost {
            micros_per_month: 1_000_000,
            currency: "EUR".to_owned(),
        }),
        ..named("hidden pool", "10.0.0.0/12")
    };
    ground.make(&around).await;
    ground.reserve(chosen("10.1.0.1", "mine-1")).await.unwrap();
    let request = IspAsk {
        space: ground.space,
        question: IspQuestion::Conflicts {
            prefix: prefix("10.1.0.1/32"),
            pool_id: None,
            subscriber_id: None,
        },
    };
    let found = ground.access.isp_ask(&narrow(), request).await.unwrap();
    let told = format!("{found:?}");
    assert!(told.contains("mine-1") && !told.contains("hidden"), "{told}");
    ground.clock.advance(DAY);
    let request = IspAsk {
        space: ground.space,
        question: IspQuestion::Costs(vec![(Timestamp::UNIX_EPOCH, Timestamp::MAX)]),
    };
    let costs = ground.access.isp_ask(&narrow(), request).await.unwrap();
    let IspAnswer::Costs(times) = &costs else {
        panic!("{costs:?}");
    };
    assert_eq!(times[0].len(), 1);
    assert_eq!(times[0][0].pool_name, "(not in your subtree)");
    assert_eq!((times[0][0].reservations, times[0][0].micros_per_month), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_around_the_subtree_is_not_named_when_it_refuses() {
    let ground = ground().await;
    for allow_manual_reservation in [false, true] {
        let around = Pool {
            allow_manual_reservation,
            state: PoolState::Maintenance,
            ..named("hidden pool", "10.0.0.0/12")
        };
        ground.make(&around).await;
        let command = IspCommand::Reserve {
            wanted: vec![chosen("10.1.0.1", "mine-1")],
            force: false,
        };
        let request = SpaceCommandRequest {
            space: ground.space,
            command: SpaceCommand::Isp(Box::new(command)),
            options: MutationOptions::default(),
        };
        let error = ground.access.space_command(&narrow(), request).await.unwrap_err();
        assert_eq!((error.code, &error.details), (ErrorCode::PoolNotUsable, &None));
        assert!(!error.message.contains("hidden"), "{}", error.message);
        ground
            .isp(IspCommand::DeletePool { id: around.id })
            .await
            .unwrap();
    }
}

/// All pages of what is wrong, and where they end.
async fn standing(parted: &Parted, context: &CallContext, limit: usize) -> (Vec<Standing>, Vec<String>) {
    let (mut items, mut ends, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let question = IspQuestion::Standing(PageRequest { limit, after });
        let IspAnswer::Standing(page) = parted.ask(context, question).await.unwrap() else {
            panic!("something else");
        };
        items.extend(page.items);
        after = page.next;
        match &after {
            Some(end) => ends.push(end.clone()),
            None => return (items, ends),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_wrong_names_owners_of_profiles_only_to_who_sees_subscribers() {
    let parted = parted().await;
    for limit in [1, 2, 100] {
        let (all, _) = standing(&parted, &context(), limit).await;
        let owners: Vec<_> = all
            .iter()
            .map(|one| one.subscriber_id.as_ref().unwrap().as_str())
            .collect();
        assert_eq!(owners, ["hidden-owner", "hidden-other"], "in pages of {limit}");
        let seen = standing(&parted, &narrow(), limit).await;
        parted.keeps_quiet(&seen);
        assert_eq!(seen.0.len(), 1, "in pages of {limit}");
        assert_eq!(seen.0[0].prefix, prefix("10.1.0.1/32"));
        assert_eq!(seen.0[0].subscriber_id, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_question_and_no_figure_tells_of_what_lies_outside() {
    let parted = parted().await;
    let people = ["roamer", "hidden-thief", "hidden-past", "mine-2"].map(sub);
    let year = ("2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    parted.ground.clock.advance(DAY);
    let mut questions = vec![
        (IspQuestion::AllFigures, 1),
        (
            IspQuestion::Figures {
                pool_ids: vec![parted.outside.id, parted.inside.id],
                with_days: true,
            },
            1,
        ),
        (
            IspQuestion::Costs(vec![(year.0.parse().unwrap(), year.1.parse().unwrap())]),
            1,
        ),
        (IspQuestion::Recent { count: 100 }, 2),
        (IspQuestion::Holdings(people.to_vec()), 1),
    ];
    for (within, count) in [("203.0.113.0/24", 0), ("0.0.0.0/0", 2), ("10.1.0.2/32", 1)] {
        let page = PageRequest {
            limit: 100,
            after: None,
        };
        let within = prefix(within);
        questions.push((IspQuestion::Life { within, page }, count));
    }
    for subscriber_id in people {
        let count = usize::from(subscriber_id.as_str() == "mine-2");
        for with_past in [false, true] {
            let subscriber_id = subscriber_id.clone();
            let question = IspQuestion::Held {
                subscriber_id,
                with_past,
            };
            questions.push((question, count));
        }
    }
    for (question, count) in questions {
        let answer = parted.ask(&narrow(), question.clone()).await.unwrap();
        parted.keeps_quiet(&answer);
        let found = match &answer {
            IspAnswer::Figures(figures) => figures.len(),
            IspAnswer::Costs(times) => times.iter().map(Vec::len).sum(),
            IspAnswer::Things(things) => things.items.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, count, "{question:?}");
    }
    let question = IspQuestion::Available {
        pool_id: parted.outside.id,
        prefix_length: None,
        count: 5,
    };
    let error = parted.ask(&narrow(), question).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    parted.keeps_quiet(error);
}

fn lists(parted: &Parted) -> Vec<(IspListing, usize)> {
    let had = |id: &str| {
        IspListing::Reservations(ReservationFilter {
            subscriber_id: Some(sub(id)),
            ..ReservationFilter::default()
        })
    };
    let at = |pool_id| {
        IspListing::Reservations(ReservationFilter {
            pool_id: Some(pool_id),
            ..ReservationFilter::default()
        })
    };
    let within = |text: &str| {
        IspListing::Reservations(ReservationFilter {
            within: Some(prefix(text)),
            ..ReservationFilter::default()
        })
    };
    vec![
        (IspListing::Pools(PoolFilter::default()), 1),
        (IspListing::Reservations(ReservationFilter::default()), 2),
        (had("roamer"), 0),
        (had("hidden-past"), 0),
        (had("mine-1"), 1),
        (at(parted.inside.id), 2),
        (at(parted.outside.id), 0),
        (within("0.0.0.0/0"), 2),
        (within("203.0.113.0/24"), 0),
        (within("10.1.0.2/32"), 1),
        (IspListing::Subscribers(SubscriberFilter::default()), 0),
        (IspListing::Plans, 0),
        (IspListing::Profiles, 0),
        (IspListing::VlanPools { domain: None }, 0),
        (IspListing::VlanBindings(VlanFilter::default()), 0),
        (IspListing::Templates, 0),
        (IspListing::Webhooks, 0),
        (
            IspListing::Alerts {
                states: Vec::new(),
                pool_id: None,
            },
            0,
        ),
        (IspListing::Outbox { state: None }, 0),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_and_no_end_of_a_page_tells_of_what_lies_outside() {
    let parted = parted().await;
    assert!(!parted.ground.alerts().await.is_empty());
    // More than a page looks at before it ends.
    parted.multiply("au_hidden").await;
    parted.multiply("al_").await;
    for (list, count) in lists(&parted) {
        for limit in [1, 2, 100] {
            let (mut found, mut after) = (0, None);
            loop {
                let request = IspList {
                    space: parted.ground.space,
                    list: list.clone(),
                    page: PageRequest { limit, after },
                };
                let page = parted.ground.access.isp_list(&narrow(), request).await.unwrap();
                parted.keeps_quiet(&page);
                assert!(count > 0 || page.next.is_none(), "{list:?} goes on");
                found += page.items.len();
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, count, "{list:?} in pages of {limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_one_outside_is_refused_another_without_being_told_on() {
    let parted = parted().await;
    for wish in [next_of(parted.inside.id, "roamer"), chosen("10.1.0.3", "roamer")] {
        let error = parted.refused_to_reserve(wish.clone()).await;
        assert_eq!(error.code, ErrorCode::AlreadyAssigned);
        assert_eq!(error.details, None);
        parted.keeps_quiet(&error);
        // Who sees it is told.
        let whole = parted.ground.reserve(wish).await.unwrap_err();
        assert!(whole.message.contains("203.0.113."), "{}", whole.message);
    }
    // What is held within the subtree is no secret.
    let error = parted
        .refused_to_reserve(next_of(parted.inside.id, "mine-2"))
        .await;
    assert!(error.message.contains("10.1.0.2"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_subscriber_is_told_only_to_who_sees_subscribers() {
    let parted = parted().await;
    subscriber(&parted.ground, "gone").await;
    let terminate = IspCommand::UseCase {
        subscriber_id: sub("gone"),
        what: UseCase::Terminate { reason: None },
    };
    parted.ground.isp(terminate).await.unwrap();
    let wish = next_of(parted.inside.id, "gone");
    let error = parted.refused_to_reserve(wish.clone()).await;
    assert_eq!(error.code, ErrorCode::IllegalState);
    assert!(!error.message.contains("TERMINATED"), "{}", error.message);
    let whole = parted.ground.reserve(wish).await.unwrap_err();
    assert!(whole.message.contains("TERMINATED"), "{}", whole.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_a_profile_names_is_refused_without_naming_whose() {
    let parted = parted().await;
    profile(&parted.ground, "hidden-third", "10.1.0.3").await;
    let error = parted.refused_to_reserve(chosen("10.1.0.3", "mine-3")).await;
    assert_eq!(error.code, ErrorCode::AddressConflict);
    parted.keeps_quiet(&error);
    let whole = parted.ground.reserve(chosen("10.1.0.3", "mine-3")).await;
    assert!(whole.unwrap_err().message.contains("hidden-third"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_outside_is_not_released_by_who_does_not_see_it() {
    let parted = parted().await;
    let release = |id: &str| IspCommand::ReleaseHeld {
        subscriber_id: sub(id),
        ip_types: Vec::new(),
        reason: None,
    };
    let error = parted.refused(release("roamer")).await;
    assert_eq!(error.code, ErrorCode::NotFound);
    parted.keeps_quiet(&error);
    // Nothing tells whether they hold something there.
    let nobody = parted.refused(release("nobody")).await;
    assert_eq!(error.message.replace("roamer", "nobody"), nobody.message);
    let all = parted.ground.reservations().await;
    assert!(
        all.iter()
            .any(|one| one.id == parted.held.id && one.status.is_active())
    );
}
