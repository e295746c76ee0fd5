//! The use cases of a subscriber.

use super::*;

/// A pool of each kind, a plan with everything, and one with nothing.
pub(super) struct Provider {
    pub(super) ground: Ground,
    pub(super) v4: Pool,
    pub(super) pd: Pool,
    pub(super) full: Plan,
    pub(super) bare: Plan,
}

fn plan(name: &str, features: Features) -> Plan {
    Plan {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        description: String::new(),
        base_plan_id: None,
        service_type: None,
        features,
        bandwidth_profile_id: Some(format!("{name}-speed")),
        active: true,
    }
}

fn subscriber(id: &str) -> Subscriber {
    Subscriber {
        id: sub(id),
        subscriber_number: None,
        customer_id: None,
        user_id: None,
        username: Some(format!("{id}@isp.example")),
        has_password: false,
        status: SubscriberStatus::Pending,
        service_type: ServiceType::Residential,
        plan_id: None,
        bandwidth_profile_id: None,
        connection_type: None,
        site_id: None,
        access_node: Some("olt-1".to_owned()),
        service_address: None,
        onu_serial: None,
        cpe_mac_address: None,
        tags: Default::default(),
        netbox_ip_id: None,
        voltha_onu_id: None,
        genieacs_device_id: None,
        notes: String::new(),
        activated_at: None,
        suspended_at: None,
        terminated_at: None,
    }
}

pub(super) async fn provider() -> Provider {
    provider_on(Arc::new(MemoryStore::new())).await
}

pub(super) async fn provider_on(store: Arc<dyn Store>) -> Provider {
    let ground = ground_on(store).await;
    let v4 = pool(PoolType::Ipv4Public, "203.0.113.0/28");
    let pd = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40");
    ground.make(&v4).await;
    ground.make(&pd).await;
    let full = Features {
        static_ip: Some(true),
        ipv6_pd: Some(true),
        vlan: Some(VlanMode::Qinq),
        ..Features::default()
    };
    let (full, bare) = (plan("full", full), plan("bare", Features::default()));
    let vlans = VlanPool {
        id: Uuid::now_v7(),
        name: "olt-1".to_owned(),
        description: String::new(),
        domain: "olt-1".to_owned(),
        outer: VlanRange {
            first: 100.try_into().unwrap(),
            last: 101.try_into().unwrap(),
        },
        inner: Some(VlanRange {
            first: 1.try_into().unwrap(),
            last: 4094.try_into().unwrap(),
        }),
    };
    for thing in [
        Thing::Plan(full.clone()),
        Thing::Plan(bare.clone()),
        Thing::VlanPool(vlans),
    ] {
        let command = IspCommand::CreateThing {
            thing: Box::new(thing),
            secret: None,
        };
        ground.isp(command).await.unwrap();
    }
    Provider {
        ground,
        v4,
        pd,
        full,
        bare,
    }
}

impl Provider {
    pub(super) async fn make(&self, id: &str) {
        let command = IspCommand::CreateSubscriber {
            subscriber: Box::new(subscriber(id)),
            secret: Some(SealedSecret {
                key_id: "k".to_owned(),
                sealed: "s".to_owned(),
            }),
        };
        self.ground.isp(command).await.unwrap();
    }

    pub(super) async fn run(&self, id: &str, what: UseCase) -> Result<Vec<Entity>, ApiError> {
        let command = IspCommand::UseCase {
            subscriber_id: sub(id),
            what,
        };
        let things = self.ground.isp(command).await?;
        Ok(things.into_iter().map(|kept| kept.value).collect())
    }

    pub(super) fn provision(&self, plan: &Plan) -> UseCase {
        UseCase::Provision {
            plan_id: plan.id,
            choices: Choices::default(),
        }
    }

    pub(super) fn change(&self, plan: &Plan) -> UseCase {
        UseCase::ChangePlan {
            plan_id: plan.id,
            choices: Choices::default(),
        }
    }

    async fn version(&self) -> u64 {
        let query = ChangesQuery {
            space: self.ground.space,
            since: Since::Now,
            limit: 1,
        };
        self.ground.access.changes(&context(), query).await.unwrap().head
    }

    /// The subscriber's status, what they hold, and the profile.
    pub(super) async fn state(&self, id: &str) -> (SubscriberStatus, Vec<String>, Option<NetworkProfile>) {
        let get = IspGet {
            space: self.ground.space,
            keys: vec![EntityKey::Subscriber(sub(id)), EntityKey::Profile(sub(id))],
        };
        let mut found = self
            .ground
            .access
            .isp_get(&context(), get)
            .await
            .unwrap()
            .into_iter();
        let Some(Some(Kept {
            value: Entity::Subscriber(subscriber),
            ..
        })) = found.next()
        else {
            panic!("no subscriber {id}")
        };
        let profile = found.next().flatten().map(|kept| match kept.value {
            Entity::Profile(profile) => profile,
            other => panic!("{other:?}"),
        });
        let held = IspQuestion::Held {
            subscriber_id: sub(id),
            with_past: false,
        };
        let IspAnswer::Things(held) = self.ground.ask(held).await else {
            panic!("not things")
        };
        let held = held
            .items
            .iter()
            .map(|kept| match &kept.value {
                Entity::Reservation(found) => format!("{} {}", found.prefix, found.status),
                other => panic!("{other:?}"),
            })
            .collect();
        (subscriber.status, held, profile)
    }
}

fn suspend() -> UseCase {
    UseCase::Suspend { reason: None }
}

fn resume() -> UseCase {
    UseCase::Resume { reason: None }
}

pub(super) fn terminate() -> UseCase {
    UseCase::Terminate { reason: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_gives_what_the_plan_includes_in_one_commit() {
    let provider = provider().await;
    provider.make("ada").await;
    let before = provider.version().await;
    let things = provider
        .run("ada", provider.provision(&provider.full))
        .await
        .unwrap();
    assert_eq!(provider.version().await, before + 1);
    assert!(matches!(&things[0], Entity::Subscriber(found) if found.status == SubscriberStatus::Active));
    let (status, held, profile) = provider.state("ada").await;
    assert_eq!(status, SubscriberStatus::Active);
    assert_eq!(held, ["203.0.113.1/32 ASSIGNED", "2001:db8::/56 ASSIGNED"]);
    let profile = profile.unwrap();
    assert_eq!(profile.static_ipv4, Some("203.0.113.1".parse().unwrap()));
    assert_eq!(profile.ipv6_prefix, Some(prefix("2001:db8::/56")));
    assert_eq!(profile.ipv6_mode, Ipv6Mode::DualStack);
    assert_eq!(profile.vlan.map(|tag| tag.to_string()), Some("100.1".to_owned()));
    let found = provider.ground.reservations().await;
    assert_eq!(found.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_use_case_can_be_sent_again_and_changes_nothing_then() {
    let provider = provider().await;
    provider.make("ada").await;
    let steps = [
        provider.provision(&provider.full),
        provider.change(&provider.bare),
        provider.change(&provider.full),
        suspend(),
        resume(),
        terminate(),
    ];
    for step in steps {
        provider.run("ada", step.clone()).await.unwrap();
        let (version, state) = (provider.version().await, provider.state("ada").await);
        let again = provider.run("ada", step.clone()).await.unwrap();
        assert!(matches!(&again[0], Entity::Subscriber(_)), "{step:?}");
        assert_eq!(
            (provider.version().await, provider.state("ada").await),
            (version, state),
            "{step:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_adds_a_static_address_and_a_downgrade_releases_it() {
    let provider = provider().await;
    provider.make("ada").await;
    provider
        .run("ada", provider.provision(&provider.bare))
        .await
        .unwrap();
    assert_eq!(provider.state("ada").await.1, Vec::<String>::new());
    provider
        .run("ada", provider.change(&provider.full))
        .await
        .unwrap();
    assert_eq!(provider.state("ada").await.1.len(), 2);
    provider
        .run("ada", provider.change(&provider.bare))
        .await
        .unwrap();
    let (_, held, profile) = provider.state("ada").await;
    assert_eq!(held, Vec::<String>::new());
    let profile = profile.unwrap();
    assert_eq!(
        (profile.static_ipv4, profile.ipv6_prefix, profile.vlan),
        (None, None, None)
    );
    assert_eq!(provider.ground.counts(provider.v4.id).await, [14, 0, 0, 1, 0, 13]);
    // Back up: the same address, which still rested.
    provider
        .run("ada", provider.change(&provider.full))
        .await
        .unwrap();
    assert_eq!(provider.state("ada").await.1[0], "203.0.113.1/32 ASSIGNED");
}

#[tokio::test(flavor = "multi_thread")]
async fn termination_releases_everything_and_leaves_no_secret() {
    let provider = provider().await;
    provider.make("ada").await;
    provider
        .run("ada", provider.provision(&provider.full))
        .await
        .unwrap();
    provider.run("ada", terminate()).await.unwrap();
    let (status, held, profile) = provider.state("ada").await;
    assert_eq!(
        (status, held, profile),
        (SubscriberStatus::Terminated, Vec::new(), None)
    );
    assert_eq!(provider.ground.counts(provider.v4.id).await, [14, 0, 0, 1, 0, 13]);
    assert_eq!(provider.ground.counts(provider.pd.id).await[3], 1);
    for kind in ["ax_", "ay_", "ah_", "aa_"] {
        let left = rows(&*provider.ground.store, &provider.ground.space.to_string(), kind).await;
        assert_eq!(left.len(), 0, "{kind}");
    }
    let unknown = provider.run("nobody", terminate()).await;
    assert_eq!(code(unknown), ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_given_whole_is_not_begun() {
    let provider = provider().await;
    for number in 0..14 {
        let id = format!("s{number}");
        provider.make(&id).await;
        provider
            .run(&id, provider.provision(&provider.full))
            .await
            .unwrap();
    }
    provider.make("late").await;
    let before = provider.version().await;
    let refused = provider
        .run("late", provider.provision(&provider.full))
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::PoolDepleted);
    assert_eq!(provider.version().await, before);
    assert_eq!(
        provider.state("late").await,
        (SubscriberStatus::Pending, Vec::new(), None)
    );
    assert_eq!(
        provider.ground.counts(provider.pd.id).await[2],
        14,
        "no prefix without an address"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn use_cases_go_by_the_status_of_the_subscriber() {
    let provider = provider().await;
    provider.make("ada").await;
    for early in [provider.change(&provider.full), suspend(), resume()] {
        assert_eq!(code(provider.run("ada", early).await), ErrorCode::IllegalState);
    }
    provider
        .run("ada", provider.provision(&provider.full))
        .await
        .unwrap();
    assert_eq!(
        code(provider.run("ada", provider.provision(&provider.bare)).await),
        ErrorCode::IllegalState
    );
    provider.run("ada", suspend()).await.unwrap();
    assert_eq!(
        provider.state("ada").await.1.len(),
        2,
        "a suspended subscriber keeps everything"
    );
    assert_eq!(
        code(provider.run("ada", provider.provision(&provider.full)).await),
        ErrorCode::IllegalState
    );
    provider.run("ada", terminate()).await.unwrap();
    for late in [
        provider.provision(&provider.full),
        provider.change(&provider.bare),
        suspend(),
        resume(),
    ] {
        assert_eq!(code(provider.run("ada", late).await), ErrorCode::IllegalState);
    }
    let unknown = UseCase::Provision {
        plan_id: Uuid::now_v7(),
        choices: Choices::default(),
    };
    provider.make("bob").await;
    assert_eq!(code(provider.run("bob", unknown).await), ErrorCode::InvalidValue);
}
