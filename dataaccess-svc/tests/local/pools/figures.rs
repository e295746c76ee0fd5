//! Figures of many pools: what they say of alerts, and what their days cost.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_a_pool_count_the_alerts_that_stand() {
    let ground = ground().await;
    let small = Pool {
        rest_days: 0,
        warn_percent: 50,
        ..pool(PoolType::Ipv4Public, "203.0.113.0/30")
    };
    ground.make(&small).await;
    let stand = async |ground: &Ground| {
        let list = IspListing::Alerts {
            states: vec![AlertState::Raised, AlertState::Acknowledged],
            pool_id: Some(small.id),
        };
        let listed = ground.all_of(list).await;
        assert_eq!(ground.figures(small.id).await.open_alerts, listed.len() as u64);
        listed
    };
    assert_eq!(stand(&ground).await.len(), 0);
    ground.reserve(next_of(small.id, "ada")).await.unwrap();
    assert_eq!(stand(&ground).await.len(), 1);
    let last = ground.reserve(next_of(small.id, "bob")).await.unwrap();
    let raised = stand(&ground).await;
    assert_eq!(raised.len(), 2);
    let Some(EntityKey::Alert(id)) = raised.first().map(Entity::key) else {
        panic!("{raised:?}");
    };
    ground.isp(IspCommand::AcknowledgeAlert { id }).await.unwrap();
    assert_eq!(stand(&ground).await.len(), 2, "acknowledged ones stand");
    ground.move_to(last.id, Move::Release).await.unwrap();
    assert_eq!(stand(&ground).await.len(), 1);
    let reservations = ground.reservations().await;
    let first = reservations.iter().find(|one| one.status.is_active()).unwrap();
    ground.move_to(first.id, Move::Release).await.unwrap();
    assert_eq!(stand(&ground).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_of_many_pools_are_each_pool_s_own() {
    let ground = ground().await;
    let mut pools = Vec::new();
    for number in 0..70_u8 {
        let pool = pool(PoolType::Ipv4Public, &format!("10.0.{number}.0/24"));
        ground.make(&pool).await;
        for taken in 0..number % 3 {
            let holder = format!("s{number}-{taken}");
            ground.reserve(next_of(pool.id, &holder)).await.unwrap();
        }
        pools.push((pool.id, u128::from(number % 3)));
    }
    for with_days in [true, false] {
        let question = IspQuestion::Figures {
            pool_ids: pools.iter().map(|(id, _)| *id).collect(),
            with_days,
        };
        let IspAnswer::Figures(figures) = ground.ask(question).await else {
            panic!("something else");
        };
        let found: Vec<(Uuid, u128)> = figures
            .iter()
            .map(|one| (one.pool_id, one.days.iter().map(|day| day.taken.0).sum()))
            .collect();
        let expected = pools
            .iter()
            .map(|(id, taken)| (*id, if with_days { *taken } else { 0 }));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
