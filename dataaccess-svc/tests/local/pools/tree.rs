//! Pools are nodes of the tree: what commands about nodes may do to them, and what they count.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_pools_are_not_removed_or_moved_by_commands_about_nodes() {
    let ground = ground().await;
    let mut settings = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    settings.gateway = Some("203.0.113.1".parse().unwrap());
    ground.make(&settings).await;
    ground.reserve(next_of(settings.id, "ada")).await.unwrap();
    for at in ["203.0.113.0/24", "203.0.113.1/32", "203.0.113.2/32"] {
        let id = node(&*ground.access, ground.space, at).await.unwrap().id;
        let delete = run(&*ground.access, ground.space, SpaceCommand::DeleteNode { id }).await;
        assert_eq!(code(delete), ErrorCode::InUse, "{at}");
    }
    let network = node(&*ground.access, ground.space, "203.0.113.0/24")
        .await
        .unwrap()
        .id;
    let resize = SpaceCommand::ResizeNode {
        id: network,
        to: NewSize::Length(23),
    };
    assert_eq!(
        code(run(&*ground.access, ground.space, resize).await),
        ErrorCode::InUse
    );
    // Nothing comes between a pool and what it has handed out, and nothing beneath that.
    for between in ["203.0.113.0/25", "203.0.113.2/31"] {
        let refused = run(&*ground.access, ground.space, create(between, &[])).await;
        assert_eq!(code(refused), ErrorCode::InUse, "{between}");
    }
    let split = SpaceCommand::SplitNode {
        id: network,
        prefix_length: 26,
        first_id: Uuid::now_v7(),
        tags: Default::default(),
        description: String::new(),
    };
    assert_eq!(
        code(run(&*ground.access, ground.space, split).await),
        ErrorCode::InUse
    );
    let pd = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40");
    ground.make(&pd).await;
    ground.reserve(next_of(pd.id, "ada")).await.unwrap();
    let beneath = run(&*ground.access, ground.space, create("2001:db8:0:1::/64", &[])).await;
    assert_eq!(code(beneath), ErrorCode::InUse);
    // A node above a pool is like any other.
    run(&*ground.access, ground.space, create("203.0.112.0/23", &[]))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_in_a_pool_are_excluded_for_as_long_as_they_are_there() {
    let ground = ground().await;
    run(&*ground.access, ground.space, create("203.0.113.64/28", &[]))
        .await
        .unwrap();
    run(&*ground.access, ground.space, create("203.0.113.66/32", &[]))
        .await
        .unwrap();
    let settings = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    ground.make(&settings).await;
    assert_eq!(ground.counts(settings.id).await, [254, 0, 0, 0, 16, 238]);
    run(&*ground.access, ground.space, create("203.0.113.0/30", &[]))
        .await
        .unwrap();
    // Its first address is the network address, which nobody would get anyway.
    assert_eq!(ground.counts(settings.id).await, [254, 0, 0, 0, 19, 235]);
    let made = ground.reserve(next_of(settings.id, "ada")).await.unwrap();
    assert_eq!(made.prefix, prefix("203.0.113.4/32"));
    // One that is removed leaves its children behind.
    let id = node(&*ground.access, ground.space, "203.0.113.64/28")
        .await
        .unwrap()
        .id;
    run(&*ground.access, ground.space, SpaceCommand::DeleteNode { id })
        .await
        .unwrap();
    assert_eq!(ground.counts(settings.id).await, [254, 0, 1, 0, 4, 249]);
    // What others allocate in it is excluded like any node.
    let network = node(&*ground.access, ground.space, "203.0.113.0/24")
        .await
        .unwrap()
        .id;
    run(&*ground.access, ground.space, allocate(network, 30, 2))
        .await
        .unwrap();
    assert_eq!(ground.counts(settings.id).await, [254, 0, 1, 0, 12, 241]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_used_otherwise_is_taken_by_force_and_stays_when_it_is_released() {
    let ground = ground().await;
    let mut settings = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    settings.rest_days = 0;
    ground.make(&settings).await;
    run(&*ground.access, ground.space, create("203.0.113.9/32", &[]))
        .await
        .unwrap();
    run(&*ground.access, ground.space, create("203.0.113.16/28", &[]))
        .await
        .unwrap();
    for (address, subscriber) in [("203.0.113.9", "ada"), ("203.0.113.20", "bob")] {
        let refused = ground.reserve(chosen(address, subscriber)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::AddressConflict);
        assert_eq!(refused.details.unwrap()["canForce"], true);
    }
    let one = ground
        .reserve_as(chosen("203.0.113.9", "ada"), true)
        .await
        .unwrap();
    let two = ground
        .reserve_as(chosen("203.0.113.20", "bob"), true)
        .await
        .unwrap();
    assert!(one.forced && two.forced);
    assert_eq!(ground.counts(settings.id).await, [254, 0, 2, 0, 15, 237]);
    for made in [one, two] {
        ground.move_to(made.id, Move::Release).await.unwrap();
    }
    assert_eq!(ground.counts(settings.id).await, [254, 0, 0, 0, 17, 237]);
    assert!(
        node(&*ground.access, ground.space, "203.0.113.9/32")
            .await
            .is_ok(),
        "it was there before"
    );
    assert!(
        node(&*ground.access, ground.space, "203.0.113.20/32")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_made_around_a_node_keeps_its_tags_and_a_change_of_its_tags_can_be_taken_back() {
    let ground = ground().await;
    define(&*ground.access, ground.space, definition("Region")).await;
    run(
        &*ground.access,
        ground.space,
        create("203.0.113.0/24", &[("Region", "eu")]),
    )
    .await
    .unwrap();
    let id = node(&*ground.access, ground.space, "203.0.113.0/24")
        .await
        .unwrap()
        .id;
    let retag = |value: &str| SpaceCommand::UpdateNode {
        id,
        tags: tags(&[("Region", value)]),
        description: None,
    };
    let CommandOutcome::Committed { version, .. } =
        run(&*ground.access, ground.space, retag("us")).await.unwrap()
    else {
        panic!("not committed")
    };
    let settings = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    ground.make(&settings).await;
    assert_eq!(ground.figures(settings.id).await.tags, tags(&[("Region", "us")]));
    let revert = SpaceCommand::Revert {
        version,
        may_define: false,
    };
    // It may be taken back or not; the pool's network stays the pool's.
    let _ = run(&*ground.access, ground.space, revert).await;
    let delete = run(&*ground.access, ground.space, SpaceCommand::DeleteNode { id }).await;
    assert_eq!(code(delete), ErrorCode::InUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_finds_a_pool_by_the_tags_that_hold_at_its_network() {
    let ground = ground().await;
    define(&*ground.access, ground.space, definition("Region")).await;
    run(
        &*ground.access,
        ground.space,
        create("10.0.0.0/8", &[("Region", "north")]),
    )
    .await
    .unwrap();
    run(
        &*ground.access,
        ground.space,
        create("172.16.0.0/12", &[("Region", "south")]),
    )
    .await
    .unwrap();
    for network in ["10.1.0.0/24", "172.16.1.0/24"] {
        ground.make(&pool(PoolType::Ipv4Private, network)).await;
    }
    let rule = PolicyRule {
        name: "south for all".to_owned(),
        pool_tags: [("Region".to_owned(), "south".to_owned())].into(),
        ..PolicyRule::default()
    };
    let any = |subscriber: &str| Reserve {
        from: ReserveFrom::Policy(IpType::Ipv4),
        ..next_of(Uuid::nil(), subscriber)
    };
    assert_eq!(
        ground.reserve(any("a")).await.unwrap().prefix,
        prefix("10.1.0.1/32"),
        "no rules: in order"
    );
    let put = |rules| IspCommand::PutPolicy {
        policy: PoolPolicy { rules },
    };
    ground.isp(put(vec![rule.clone()])).await.unwrap();
    assert_eq!(
        ground.reserve(any("b")).await.unwrap().prefix,
        prefix("172.16.1.1/32")
    );
    let nowhere = PolicyRule {
        pool_tags: [("Region".to_owned(), "east".to_owned())].into(),
        ..rule
    };
    ground.isp(put(vec![nowhere])).await.unwrap();
    assert_eq!(code(ground.reserve(any("c")).await), ErrorCode::PoolNotUsable);
}
