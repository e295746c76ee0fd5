//! What is refused, and that nothing has changed then.

use super::*;

async fn unchanged(ground: &Ground, before: &[cadastre_storage::Row]) {
    let after = rows(&*ground.store, &ground.space.to_string(), "").await;
    let keys = |rows: &[cadastre_storage::Row]| -> Vec<(String, Vec<u8>)> {
        rows.iter()
            .map(|row| (row.key.to_string(), row.value.to_vec()))
            .collect()
    };
    assert_eq!(keys(&after), keys(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_do_not_overlap_and_their_names_are_their_own() {
    let ground = ground().await;
    let first = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    ground.make(&first).await;
    let before = rows(&*ground.store, &ground.space.to_string(), "").await;
    let create = |pool: Pool| IspCommand::CreatePool {
        pool: Box::new(pool),
        tags: None,
    };
    for network in ["203.0.113.0/24", "203.0.113.128/25", "203.0.112.0/23"] {
        let refused = ground
            .isp(create(pool(PoolType::Ipv4Public, network)))
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::PoolOverlap, "{network}");
        assert!(refused.message.contains("203.0.113.0/24"), "{}", refused.message);
    }
    let mut same_name = pool(PoolType::Ipv4Public, "198.51.100.0/24");
    same_name.name = "POOL 203.0.113.0/24".to_owned();
    assert_eq!(
        code(ground.isp(create(same_name)).await),
        ErrorCode::AlreadyExists
    );
    let mut outside = pool(PoolType::Ipv4Public, "198.51.100.0/24");
    outside.gateway = Some("203.0.113.1".parse().unwrap());
    assert_eq!(code(ground.isp(create(outside)).await), ErrorCode::InvalidValue);
    unchanged(&ground, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_not_the_pools_to_give_are_refused_by_name() {
    let ground = ground().await;
    let mut pool = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    pool.gateway = Some("203.0.113.1".parse().unwrap());
    pool.exclusions = vec![prefix("203.0.113.16/28")];
    ground.make(&pool).await;
    ground.reserve(chosen("203.0.113.9", "ada")).await.unwrap();
    let before = rows(&*ground.store, &ground.space.to_string(), "").await;
    for (address, expected) in [
        ("203.0.113.0", ErrorCode::InvalidValue),
        ("203.0.113.255", ErrorCode::InvalidValue),
        ("198.51.100.1", ErrorCode::InvalidValue),
        ("203.0.113.8/30", ErrorCode::InvalidValue),
        ("203.0.113.1", ErrorCode::AddressConflict),
        ("203.0.113.20", ErrorCode::AddressConflict),
        ("203.0.113.9", ErrorCode::AddressConflict),
    ] {
        for force in [false, true] {
            let refused = ground.reserve_as(chosen(address, "eve"), force).await;
            assert_eq!(code(refused), expected, "{address} force={force}");
        }
    }
    let past = Reserve {
        expires_at: Some(ground.clock.at()),
        ..next_of(pool.id, "eve")
    };
    assert_eq!(code(ground.reserve(past).await), ErrorCode::InvalidValue);
    unchanged(&ground, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_of_one_and_two_addresses_hand_all_of_them_out() {
    let ground = ground().await;
    for (network, total) in [("203.0.113.0/31", 2), ("203.0.113.4/32", 1)] {
        let mut pool = pool(PoolType::Ipv4Public, network);
        pool.rest_days = 0;
        ground.make(&pool).await;
        let mut made = Vec::new();
        for number in 0..total {
            made.push(
                ground
                    .reserve(next_of(pool.id, &format!("{network} {number}")))
                    .await
                    .unwrap(),
            );
        }
        assert_eq!(
            ground.counts(pool.id).await,
            [total, 0, total, 0, 0, 0],
            "{network}"
        );
        assert_eq!(
            code(ground.reserve(next_of(pool.id, "late")).await),
            ErrorCode::PoolDepleted
        );
        for one in &made {
            ground.move_to(one.id, Move::Release).await.unwrap();
        }
        assert_eq!(
            ground.counts(pool.id).await,
            [total, 0, 0, 0, 0, total],
            "{network}"
        );
        ground
            .reserve(next_of(pool.id, &format!("{network} again")))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_hands_out_only_as_its_settings_say() {
    let ground = ground().await;
    let mut settings = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    settings.auto_assign_enabled = false;
    ground.make(&settings).await;
    let update = |pool: &Pool| IspCommand::UpdatePool {
        pool: Box::new(pool.clone()),
        tags: None,
    };
    assert_eq!(
        code(ground.reserve(next_of(settings.id, "a")).await),
        ErrorCode::PoolNotUsable
    );
    ground.reserve(chosen("203.0.113.7", "a")).await.unwrap();
    settings.auto_assign_enabled = true;
    settings.allow_manual_reservation = false;
    ground.isp(update(&settings)).await.unwrap();
    assert_eq!(
        code(ground.reserve(chosen("203.0.113.8", "b")).await),
        ErrorCode::PoolNotUsable
    );
    ground.reserve(next_of(settings.id, "b")).await.unwrap();
    settings.state = PoolState::Maintenance;
    ground.isp(update(&settings)).await.unwrap();
    assert_eq!(
        code(ground.reserve(next_of(settings.id, "c")).await),
        ErrorCode::PoolNotUsable
    );
    settings.state = PoolState::Reserved;
    settings.allow_manual_reservation = true;
    ground.isp(update(&settings)).await.unwrap();
    assert_eq!(
        code(ground.reserve(next_of(settings.id, "c")).await),
        ErrorCode::PoolNotUsable
    );
    ground.reserve(chosen("203.0.113.9", "c")).await.unwrap();
    assert_eq!(ground.figures(settings.id).await.status, PoolStatus::Reserved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_holds_something_is_not_deleted_and_one_that_holds_nothing_leaves_no_trace() {
    let ground = ground().await;
    let mut settings = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    settings.gateway = Some("203.0.113.1".parse().unwrap());
    ground.make(&settings).await;
    let made = ground.reserve(next_of(settings.id, "ada")).await.unwrap();
    let delete = || ground.isp(IspCommand::DeletePool { id: settings.id });
    let refused = delete().await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InUse);
    assert!(refused.message.contains("1 active"), "{}", refused.message);
    ground.move_to(made.id, Move::Release).await.unwrap();
    // What rests goes with the pool.
    delete().await.unwrap();
    let all = all(
        &*ground.access,
        &context(),
        ground.space,
        NodeSelection::All,
        &[],
        100,
    )
    .await
    .unwrap();
    assert_eq!(all, []);
    let left: Vec<String> = rows(&*ground.store, &ground.space.to_string(), "a")
        .await
        .into_iter()
        .map(|row| row.key.to_string())
        .filter(|key| !key.starts_with("ar_") && !key.starts_with("as_"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(
        ground.reservations().await.len(),
        1,
        "who had the address is still told"
    );
    ground.make(&pool(PoolType::Ipv4Public, "203.0.113.0/24")).await;
}
