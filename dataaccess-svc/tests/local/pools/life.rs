//! The life of a reservation.

use super::*;

fn address(made: &Reservation) -> String {
    made.prefix.addr().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_address_passes_network_gateway_and_exclusions() {
    let ground = ground().await;
    let mut pool = pool(PoolType::Ipv4Public, "203.0.113.0/29");
    pool.gateway = Some("203.0.113.1".parse().unwrap());
    pool.exclusions = vec![prefix("203.0.113.4/31")];
    ground.make(&pool).await;
    assert_eq!(ground.counts(pool.id).await, [6, 0, 0, 0, 3, 3]);
    let mut given = Vec::new();
    for number in 0..3 {
        let made = ground
            .reserve(next_of(pool.id, &format!("s{number}")))
            .await
            .unwrap();
        assert_eq!(made.status, ReservationStatus::Assigned);
        given.push(address(&made));
    }
    assert_eq!(given, ["203.0.113.2", "203.0.113.3", "203.0.113.6"]);
    assert_eq!(ground.counts(pool.id).await, [6, 0, 3, 0, 3, 0]);
    assert_eq!(ground.figures(pool.id).await.status, PoolStatus::Depleted);
    let refused = ground.reserve(next_of(pool.id, "s9")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::PoolDepleted);
    assert!(
        refused.message.contains("has nothing left"),
        "{}",
        refused.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_goes_from_reserved_to_assigned_to_released_to_reclaimed() {
    let ground = ground().await;
    let pool = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    ground.make(&pool).await;
    let held = Reserve {
        assign: false,
        ..next_of(pool.id, "ada")
    };
    let made = ground.reserve(held).await.unwrap();
    assert_eq!(made.status, ReservationStatus::Reserved);
    assert_eq!(ground.counts(pool.id).await, [254, 1, 0, 0, 0, 253]);
    ground.move_to(made.id, Move::Assign).await.unwrap();
    assert_eq!(ground.counts(pool.id).await, [254, 0, 1, 0, 0, 253]);
    assert_eq!(
        code(ground.move_to(made.id, Move::Assign).await),
        ErrorCode::IllegalState
    );
    ground.move_to(made.id, Move::Release).await.unwrap();
    assert_eq!(ground.counts(pool.id).await, [254, 0, 0, 1, 0, 253]);
    assert_eq!(
        code(ground.move_to(made.id, Move::Release).await),
        ErrorCode::IllegalState
    );
    ground.move_to(made.id, Move::Reclaim).await.unwrap();
    assert_eq!(ground.counts(pool.id).await, [254, 0, 0, 0, 0, 254]);
    let life = ground.reservations().await;
    let events: Vec<&str> = life[0].events.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(events, ["RESERVED", "ASSIGNED", "RELEASED", "RECLAIMED"]);
    assert!(
        node(&*ground.access, ground.space, "203.0.113.1/32")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_address_rests_and_goes_back_to_the_same_subscriber_only() {
    let ground = ground().await;
    let pool = pool(PoolType::Ipv4Public, "203.0.113.0/29");
    ground.make(&pool).await;
    let first = ground.reserve(next_of(pool.id, "ada")).await.unwrap();
    ground.move_to(first.id, Move::Release).await.unwrap();
    let other = ground.reserve(next_of(pool.id, "bob")).await.unwrap();
    assert_ne!(address(&other), address(&first));
    assert_eq!(
        code(ground.reserve(chosen("203.0.113.1", "eve")).await),
        ErrorCode::AddressConflict
    );
    let again = ground.reserve(next_of(pool.id, "ada")).await.unwrap();
    assert_eq!(address(&again), address(&first));
    assert_ne!(again.id, first.id);
    assert_eq!(ground.counts(pool.id).await, [6, 0, 2, 0, 0, 4]);
    // And out again: the address rests for the second life, too, and the first is over for good.
    ground.move_to(again.id, Move::Release).await.unwrap();
    assert_eq!(
        code(ground.move_to(first.id, Move::Reclaim).await),
        ErrorCode::IllegalState
    );
    assert_eq!(ground.counts(pool.id).await, [6, 0, 1, 1, 0, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_type_is_all_that_a_subscriber_holds() {
    let ground = ground().await;
    let (v4, pd) = (
        pool(PoolType::Ipv4Public, "203.0.113.0/24"),
        pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40"),
    );
    ground.make(&v4).await;
    ground.make(&pd).await;
    ground.reserve(next_of(v4.id, "ada")).await.unwrap();
    let refused = ground.reserve(next_of(v4.id, "ada")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::AlreadyAssigned);
    assert!(refused.message.contains("203.0.113.1"), "{}", refused.message);
    let prefix = ground.reserve(next_of(pd.id, "ada")).await.unwrap();
    assert_eq!((prefix.prefix.len(), prefix.ip_type), (56, IpType::Ipv6Prefix));
}

#[tokio::test(flavor = "multi_thread")]
async fn delegated_prefixes_of_several_lengths_never_overlap_and_count_in_units() {
    let ground = ground().await;
    let mut pd = pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/40");
    pd.order = PoolOrder::Sparse;
    ground.make(&pd).await;
    let small = ground.reserve(next_of(pd.id, "a")).await.unwrap();
    let large = Reserve {
        prefix_length: Some(48),
        ..next_of(pd.id, "b")
    };
    let large = ground.reserve(large).await.unwrap();
    let third = ground.reserve(next_of(pd.id, "c")).await.unwrap();
    for (one, two) in [(&small, &large), (&small, &third), (&large, &third)] {
        assert!(!one.prefix.contains(&two.prefix) && !two.prefix.contains(&one.prefix));
    }
    // 2^16 of /56, of which a /48 is 256.
    assert_eq!(ground.counts(pd.id).await, [65_536, 0, 258, 0, 0, 65_278]);
    for length in [40, 57, 64] {
        let wanted = Reserve {
            prefix_length: Some(length),
            ..next_of(pd.id, "d")
        };
        assert_eq!(
            code(ground.reserve(wanted).await),
            ErrorCode::InvalidValue,
            "/{length}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_without_rest_is_free_at_once() {
    let ground = ground().await;
    let mut pool = pool(PoolType::Ipv4Private, "10.0.0.0/30");
    pool.rest_days = 0;
    ground.make(&pool).await;
    let made = ground.reserve(next_of(pool.id, "ada")).await.unwrap();
    ground.move_to(made.id, Move::Release).await.unwrap();
    assert_eq!(ground.counts(pool.id).await, [2, 0, 0, 0, 0, 2]);
    let other = ground.reserve(next_of(pool.id, "bob")).await.unwrap();
    assert_eq!(address(&other), address(&made));
    let life = ground.reservations().await;
    let holders: Vec<&str> = life.iter().map(|found| found.subscriber_id.as_str()).collect();
    assert_eq!(holders, ["ada", "bob"], "the first life is still told");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_reserved_together_or_none() {
    let ground = ground().await;
    let pool = pool(PoolType::Ipv4Private, "10.0.0.0/28");
    ground.make(&pool).await;
    let mut wanted: Vec<Reserve> = (0..4)
        .map(|number| next_of(pool.id, &format!("s{number}")))
        .collect();
    // Chosen by the last of them, so the others pass it over.
    wanted.push(chosen("10.0.0.2", "last"));
    let command = IspCommand::Reserve { wanted, force: false };
    let things = ground.isp(command).await.unwrap();
    let given: Vec<String> = things
        .iter()
        .filter_map(|kept| match &kept.value {
            Entity::Reservation(made) => Some(address(made)),
            _ => None,
        })
        .collect();
    assert_eq!(
        given,
        ["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.2"]
    );
    let wanted: Vec<Reserve> = (10..20)
        .map(|number| next_of(pool.id, &format!("s{number}")))
        .collect();
    let refused = ground
        .isp(IspCommand::Reserve { wanted, force: false })
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::PoolDepleted);
    assert!(
        refused.message.starts_with("Item 10 of 10:"),
        "{}",
        refused.message
    );
    assert_eq!(ground.counts(pool.id).await, [14, 0, 5, 0, 0, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_raised_and_cleared_with_the_pool() {
    use AlertKind::{PoolDepleted, PoolUtilization};
    use AlertState::{Cleared, Raised};
    let ground = ground().await;
    let mut pool = pool(PoolType::Ipv4Private, "10.0.0.0/29");
    pool.rest_days = 0;
    ground.make(&pool).await;
    let mut made = Vec::new();
    for number in 0..5 {
        assert!(ground.alerts().await.is_empty(), "{number} of 6");
        made.push(
            ground
                .reserve(next_of(pool.id, &format!("s{number}")))
                .await
                .unwrap(),
        );
    }
    assert_eq!(
        ground.alerts().await,
        [(PoolUtilization, Raised)],
        "5 of 6 are 83 %"
    );
    made.push(ground.reserve(next_of(pool.id, "s6")).await.unwrap());
    assert_eq!(
        ground.alerts().await,
        [(PoolDepleted, Raised), (PoolUtilization, Raised)]
    );
    ground.move_to(made[0].id, Move::Release).await.unwrap();
    assert_eq!(
        ground.alerts().await,
        [(PoolDepleted, Cleared), (PoolUtilization, Raised)]
    );
    assert_eq!(ground.figures(pool.id).await.status, PoolStatus::Active);
    ground.move_to(made[1].id, Move::Release).await.unwrap();
    assert_eq!(
        ground.alerts().await,
        [(PoolDepleted, Cleared), (PoolUtilization, Cleared)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_sent_again_with_its_key_is_answered_as_it_was() {
    let ground = ground().await;
    let pool = pool(PoolType::Ipv4Private, "10.0.0.0/24");
    ground.make(&pool).await;
    let send = |wanted: Reserve| {
        let command = IspCommand::Reserve {
            wanted: vec![wanted],
            force: false,
        };
        let request = SpaceCommandRequest {
            space: ground.space,
            command: SpaceCommand::Isp(Box::new(command)),
            options: MutationOptions {
                idempotency: Some(IdempotencyKey {
                    key_hash: "k".to_owned(),
                    body_hash: "b".to_owned(),
                }),
                ..MutationOptions::default()
            },
        };
        let access = Arc::clone(&ground.access);
        async move { access.space_command(&context(), request).await.unwrap() }
    };
    let first = send(next_of(pool.id, "ada")).await;
    let second = send(next_of(pool.id, "ada")).await;
    let (
        CommandOutcome::Committed { things: one, .. },
        CommandOutcome::Committed {
            things: two,
            replayed,
            ..
        },
    ) = (first, second)
    else {
        panic!("not committed")
    };
    assert!(replayed);
    assert_eq!(one, two);
    assert_eq!(ground.counts(pool.id).await, [254, 0, 1, 0, 0, 253]);
}
