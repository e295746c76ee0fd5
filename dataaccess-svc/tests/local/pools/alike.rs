//! What a subscriber is given and what its network profile says are the same, whoever changes which of them.

use super::usecases::{Provider, provider, terminate};
use super::*;
use crate::isp::kit::{plan, put_profile};

async fn provisioned(id: &str) -> Provider {
    let provider = provider().await;
    provider.make(id).await;
    provider
        .run(id, provider.provision(&provider.full))
        .await
        .unwrap();
    provider
}

impl Provider {
    async fn profile(&self, id: &str) -> NetworkProfile {
        self.state(id).await.2.unwrap()
    }

    async fn vlans(&self, id: &str) -> Vec<VlanBinding> {
        let list = IspListing::VlanBindings(VlanFilter {
            subscriber_id: Some(sub(id)),
            ..VlanFilter::default()
        });
        let found = self.ground.all_of(list).await.into_iter();
        found.map(|value| value.into_vlan_binding().unwrap()).collect()
    }

    async fn release(&self, id: &str) {
        let command = IspCommand::ReleaseHeld {
            subscriber_id: sub(id),
            ip_types: Vec::new(),
            reason: None,
        };
        self.ground.isp(command).await.unwrap();
    }

    async fn feature(&self, features: Features) -> Plan {
        let made = Plan {
            features,
            ..plan(&Uuid::now_v7().to_string(), None)
        };
        let command = IspCommand::CreateThing {
            thing: Box::new(Thing::Plan(made.clone())),
            secret: None,
        };
        self.ground.isp(command).await.unwrap();
        made
    }
}

fn tag(outer: u16, inner: u16) -> VlanTag {
    VlanTag {
        outer: outer.try_into().unwrap(),
        inner: Some(inner.try_into().unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_is_out_of_the_profile_and_what_is_assigned_is_in_it() {
    let provider = provisioned("ada").await;
    provider.release("ada").await;
    let profile = provider.profile("ada").await;
    assert_eq!((profile.static_ipv4, profile.ipv6_prefix), (None, None));
    assert!(profile.vlan.is_some());
    // By hand.
    provider
        .ground
        .reserve(chosen("203.0.113.9", "ada"))
        .await
        .unwrap();
    assert_eq!(
        provider.profile("ada").await.static_ipv4,
        Some("203.0.113.9".parse().unwrap())
    );
    // First reserved, then put to use.
    provider.release("ada").await;
    let reserved = Reserve {
        assign: false,
        ..chosen("203.0.113.10", "ada")
    };
    let reserved = provider.ground.reserve(reserved).await.unwrap();
    assert_eq!(provider.profile("ada").await.static_ipv4, None);
    provider.ground.move_to(reserved.id, Move::Assign).await.unwrap();
    assert_eq!(
        provider.profile("ada").await.static_ipv4,
        Some("203.0.113.10".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_expires_is_out_of_the_profile_and_goes_to_others() {
    let provider = provisioned("ada").await;
    provider.release("ada").await;
    let until = Reserve {
        expires_at: Some(provider.ground.clock.at() + SignedDuration::from_secs(60)),
        ..chosen("203.0.113.9", "ada")
    };
    provider.ground.reserve(until).await.unwrap();
    provider.ground.clock.advance(61);
    provider
        .ground
        .isp(IspCommand::RunDue {
            limit: 100,
            from: None,
        })
        .await
        .unwrap();
    assert_eq!(provider.profile("ada").await.static_ipv4, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_vlan_is_out_of_the_profile_and_nobody_else_has_what_a_profile_names() {
    let provider = provisioned("ada").await;
    let held = provider.vlans("ada").await.remove(0);
    assert_eq!(provider.profile("ada").await.vlan, Some(held.tag));
    provider
        .ground
        .isp(IspCommand::ReleaseVlan { id: held.id })
        .await
        .unwrap();
    assert_eq!(provider.profile("ada").await.vlan, None);
    // A profile that names a tag of its access node's pool has it.
    let wanted = NetworkProfile {
        vlan: Some(tag(100, 7)),
        ..provider.profile("ada").await
    };
    provider.ground.isp(put_profile(wanted)).await.unwrap();
    assert_eq!(provider.vlans("ada").await[0].tag, tag(100, 7));
    provider.make("bob").await;
    let same = NetworkProfile {
        vlan: Some(tag(100, 7)),
        ..NetworkProfile::of(sub("bob"))
    };
    let refused = provider.ground.isp(put_profile(same)).await;
    assert_eq!(code(refused), ErrorCode::VlanUnavailable);
    // Another one instead: the first is free again.
    let other = NetworkProfile {
        vlan: Some(tag(101, 9)),
        ..provider.profile("ada").await
    };
    provider.ground.isp(put_profile(other)).await.unwrap();
    let tags: Vec<VlanTag> = provider.vlans("ada").await.iter().map(|held| held.tag).collect();
    assert_eq!(tags, [tag(101, 9)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_leaves_out_what_is_assigned_keeps_it_and_cannot_name_something_else() {
    let provider = provisioned("ada").await;
    let before = provider.profile("ada").await;
    let bare = NetworkProfile {
        circuit_id: Some("c1".to_owned()),
        ipv6_mode: before.ipv6_mode,
        ..NetworkProfile::of(sub("ada"))
    };
    provider.ground.isp(put_profile(bare)).await.unwrap();
    let after = provider.profile("ada").await;
    assert_eq!(
        NetworkProfile {
            circuit_id: None,
            ..after.clone()
        },
        before
    );
    let other = NetworkProfile {
        static_ipv4: Some("203.0.113.12".parse().unwrap()),
        ..after
    };
    let refused = provider.ground.isp(put_profile(other)).await;
    assert_eq!(code(refused), ErrorCode::AlreadyAssigned);
    let removed = IspCommand::DeleteProfile {
        subscriber_id: sub("ada"),
    };
    assert_eq!(code(provider.ground.isp(removed).await), ErrorCode::InUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_profile_names_is_the_one_that_provisioning_gives() {
    let provider = provider().await;
    provider.make("ada").await;
    let pinned = NetworkProfile {
        static_ipv4: Some("203.0.113.7".parse().unwrap()),
        ..NetworkProfile::of(sub("ada"))
    };
    provider.ground.isp(put_profile(pinned)).await.unwrap();
    provider
        .run("ada", provider.provision(&provider.full))
        .await
        .unwrap();
    assert_eq!(provider.state("ada").await.1[0], "203.0.113.7/32 ASSIGNED");
    // One that no pool has is left as it is.
    provider.make("bob").await;
    let outside = NetworkProfile {
        static_ipv4: Some("198.51.100.7".parse().unwrap()),
        ..NetworkProfile::of(sub("bob"))
    };
    provider.ground.isp(put_profile(outside.clone())).await.unwrap();
    provider
        .run("bob", provider.provision(&provider.full))
        .await
        .unwrap();
    let (_, held, profile) = provider.state("bob").await;
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!(profile.unwrap().static_ipv4, outside.static_ipv4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_adopts_has_no_end_of_its_own() {
    let provider = provider().await;
    provider.make("ada").await;
    let until = Reserve {
        assign: false,
        expires_at: Some(provider.ground.clock.at() + SignedDuration::from_secs(60)),
        ..chosen("203.0.113.9", "ada")
    };
    provider.ground.reserve(until).await.unwrap();
    provider
        .run("ada", provider.provision(&provider.full))
        .await
        .unwrap();
    provider.ground.clock.advance(DAY);
    let due = IspCommand::RunDue {
        limit: 100,
        from: None,
    };
    provider.ground.isp(due).await.unwrap();
    assert_eq!(provider.state("ada").await.1[0], "203.0.113.9/32 ASSIGNED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_plan_takes_back_what_a_plan_gave_also_if_that_was_changed_since() {
    let provider = provisioned("ada").await;
    // The plan is sold without a static address now; who has one keeps it until the plan is changed.
    let mut full = provider.full.clone();
    full.features.static_ip = Some(false);
    let command = IspCommand::UpdateThing {
        thing: Box::new(Thing::Plan(full)),
        secret: None,
    };
    provider.ground.isp(command).await.unwrap();
    provider
        .run("ada", provider.change(&provider.bare))
        .await
        .unwrap();
    let (_, held, profile) = provider.state("ada").await;
    assert_eq!(held, Vec::<String>::new());
    let profile = profile.unwrap();
    assert_eq!(
        (profile.static_ipv4, profile.vlan, profile.ipv6_mode),
        (None, None, Ipv6Mode::Disabled)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_plan_gives_the_usual_length_back() {
    let provider = provider().await;
    let pd = |length| Features {
        ipv6_pd: Some(true),
        ipv6_pd_length: length,
        ..Features::default()
    };
    let (large, usual) = (
        provider.feature(pd(Some(48))).await,
        provider.feature(pd(None)).await,
    );
    provider.make("ada").await;
    provider.run("ada", provider.provision(&large)).await.unwrap();
    assert_eq!(provider.state("ada").await.1, ["2001:db8::/48 ASSIGNED"]);
    provider.run("ada", provider.change(&usual)).await.unwrap();
    let (_, held, profile) = provider.state("ada").await;
    assert!(held.len() == 1 && held[0].contains("/56"), "{held:?}");
    assert_eq!(profile.unwrap().ipv6_prefix.map(|prefix| prefix.len()), Some(56));
    provider.run("ada", terminate()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_an_address_says_the_vlan_from_its_beginning() {
    let provider = provisioned("ada").await;
    let held = provider.vlans("ada").await.remove(0);
    for found in provider.ground.reservations().await {
        let events = &found.events;
        assert!(
            !events.is_empty() && events.iter().all(|event| event.vlan == Some(held.tag)),
            "{events:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_ipv6_address_is_who_has_the_prefix_that_it_lies_in() {
    let provider = provisioned("ada").await;
    let ask = async |address: &str, limit, after| {
        let page = PageRequest { limit, after };
        let within = prefix(address);
        match provider.ground.ask(IspQuestion::Life { within, page }).await {
            IspAnswer::Things(found) => found,
            other => panic!("{other:?}"),
        }
    };
    let found = ask("2001:db8::1234/128", 10, None).await;
    assert_eq!((found.items.len(), found.next), (1, None));
    let kept = found.items[0].value.reservation().unwrap();
    assert_eq!(kept.prefix, prefix("2001:db8::/56"));
    // Also who had it, page by page.
    provider.release("ada").await;
    provider.ground.clock.advance(31 * DAY);
    let due = IspCommand::RunDue {
        limit: 100,
        from: None,
    };
    provider.ground.isp(due).await.unwrap();
    let next = Reserve {
        from: ReserveFrom::Pool(provider.pd.id),
        ..next_of(provider.pd.id, "bob")
    };
    assert_eq!(
        provider.ground.reserve(next).await.unwrap().prefix,
        prefix("2001:db8::/56")
    );
    let first = ask("2001:db8::1234/128", 1, None).await;
    let second = ask("2001:db8::1234/128", 1, first.next.clone()).await;
    let who = |found: &Listed<Kept<Entity>>| {
        let of = |kept: &Kept<Entity>| kept.value.reservation().unwrap().subscriber_id.to_string();
        found.items.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(
        (who(&first), who(&second)),
        (vec!["ada".to_owned()], vec!["bob".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_profile_names_is_offered_to_nobody_else() {
    let provider = provider().await;
    provider.make("ada").await;
    let single = pool(PoolType::Ipv4Private, "10.9.9.9/32");
    provider.ground.make(&single).await;
    for address in ["203.0.113.1", "10.9.9.9"] {
        provider.make(address).await;
        let pinned = NetworkProfile {
            static_ipv4: Some(address.parse().unwrap()),
            ..NetworkProfile::of(sub(address))
        };
        provider.ground.isp(put_profile(pinned)).await.unwrap();
    }
    let question = IspQuestion::Available {
        pool_id: provider.v4.id,
        prefix_length: None,
        count: 2,
    };
    let IspAnswer::Available(offered) = provider.ground.ask(question).await else {
        panic!("not what is available")
    };
    assert_eq!(offered, [prefix("203.0.113.2/32"), prefix("203.0.113.3/32")]);
    let refused = provider
        .ground
        .reserve(next_of(single.id, "ada"))
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::PoolDepleted);
    assert!(refused.message.contains("network profile"), "{}", refused.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_a_pool_that_the_profile_of_a_subscriber_in_service_names_is_assigned_to_it() {
    let provider = provider().await;
    for id in ["ada", "bob"] {
        provider.make(id).await;
        provider
            .run(id, provider.provision(&provider.bare))
            .await
            .unwrap();
    }
    let naming = |id: &str| NetworkProfile {
        static_ipv4: Some("203.0.113.5".parse().unwrap()),
        ipv6_prefix: Some(prefix("2001:db8:0:500::/56")),
        ..NetworkProfile::of(sub(id))
    };
    provider.ground.isp(put_profile(naming("ada"))).await.unwrap();
    let (_, held, profile) = provider.state("ada").await;
    assert_eq!(held, ["203.0.113.5/32 ASSIGNED", "2001:db8:0:500::/56 ASSIGNED"]);
    assert_eq!(profile, Some(naming("ada")));
    assert_eq!(provider.ground.counts(provider.v4.id).await, [14, 0, 1, 0, 0, 13]);
    // The same again changes nothing, and nobody else can name it.
    provider.ground.isp(put_profile(naming("ada"))).await.unwrap();
    assert_eq!(provider.state("ada").await.1.len(), 2);
    let refused = provider.ground.isp(put_profile(naming("bob"))).await;
    assert_eq!(code(refused), ErrorCode::AddressConflict);
    assert_eq!(provider.state("bob").await.1, Vec::<String>::new());
}
