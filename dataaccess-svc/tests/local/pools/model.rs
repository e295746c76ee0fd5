//! Random commands against a naive model: who holds what, what is free, and what pools count.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::shaped::Shaped;

#[derive(Clone, Debug)]
enum Step {
    Next { subscriber: u8, assign: bool },
    Choose { subscriber: u8, last: u8, force: bool },
    Assign(u8),
    Release(u8),
    Reclaim(u8),
    Node { last: u8, len: u8 },
    Remove { last: u8, len: u8 },
    Gateway(Option<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let last = 0..16_u8;
    let subscriber = 0..8_u8;
    prop_oneof![
        4 => (subscriber.clone(), any::<bool>()).prop_map(|(subscriber, assign)| Step::Next { subscriber, assign }),
        3 => (subscriber.clone(), last.clone(), any::<bool>())
            .prop_map(|(subscriber, last, force)| Step::Choose { subscriber, last, force }),
        2 => subscriber.clone().prop_map(Step::Assign),
        3 => subscriber.clone().prop_map(Step::Release),
        2 => subscriber.prop_map(Step::Reclaim),
        2 => (last.clone(), 29..=32_u8).prop_map(|(last, len)| Step::Node { last, len }),
        1 => (last, 29..=32_u8).prop_map(|(last, len)| Step::Remove { last, len }),
        1 => proptest::option::of(1..15_u8).prop_map(Step::Gateway),
    ]
}

const NETWORK: &str = "10.0.0.0/28";

/// Counts what the pool should say from reservations and nodes alone.
async fn recount(ground: &Ground, pool: &Pool) -> [u128; 6] {
    let mut by: BTreeMap<ReservationStatus2, u128> = BTreeMap::new();
    let mut held = Vec::new();
    for found in ground.reservations().await {
        let kind = match found.status {
            ReservationStatus::Reserved => ReservationStatus2::Reserved,
            ReservationStatus::Assigned => ReservationStatus2::Assigned,
            ReservationStatus::Released if found.is_resting() => ReservationStatus2::Resting,
            ReservationStatus::Released | ReservationStatus::Expired => continue,
        };
        *by.entry(kind).or_default() += 1;
        held.push(found.prefix);
    }
    held.sort_unstable();
    let mut once = held.clone();
    once.dedup();
    assert_eq!(held, once, "an address is held twice");
    let nodes = all(
        &*ground.access,
        &context(),
        ground.space,
        NodeSelection::All,
        &[],
        100,
    )
    .await
    .unwrap();
    // An address of the pool is excluded if some node beneath the network covers it and it is not held.
    let mut excluded = 0;
    let mut free = 0;
    for last in 1..15_u8 {
        let address = prefix(&format!("10.0.0.{last}/32"));
        if held.contains(&address) {
            continue;
        }
        let covered = nodes
            .iter()
            .any(|node| pool.network.strictly_contains(&node.prefix) && node.prefix.contains(&address));
        if covered { excluded += 1 } else { free += 1 }
    }
    let of = |kind| by.get(&kind).copied().unwrap_or(0);
    [
        14,
        of(ReservationStatus2::Reserved),
        of(ReservationStatus2::Assigned),
        of(ReservationStatus2::Resting),
        excluded,
        free,
    ]
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ReservationStatus2 {
    Reserved,
    Assigned,
    Resting,
}

async fn last_of(ground: &Ground, subscriber: u8) -> Option<Reservation> {
    let name = format!("s{subscriber}");
    let mut all = ground.reservations().await;
    all.retain(|found| found.subscriber_id.as_str() == name);
    all.sort_by_key(|found| found.id);
    all.pop()
}

async fn walk(ground: &Ground, steps: Vec<Step>) {
    let mut pool = pool(PoolType::Ipv4Private, NETWORK);
    ground.make(&pool).await;
    for step in steps {
        let before = ground.counts(pool.id).await;
        match step.clone() {
            Step::Next { subscriber, assign } => {
                let name = format!("s{subscriber}");
                let last = last_of(ground, subscriber).await;
                let wanted = Reserve {
                    assign,
                    ..next_of(pool.id, &name)
                };
                match ground.reserve(wanted).await {
                    Ok(made) => {
                        let rested = last.filter(Reservation::is_resting);
                        if let Some(rested) = rested {
                            assert_eq!(
                                made.prefix, rested.prefix,
                                "the same subscriber gets the same address"
                            );
                        } else {
                            assert!(before[5] > 0);
                        }
                    }
                    Err(error) if error.code == ErrorCode::PoolDepleted => {
                        assert_eq!(before[5], 0, "{error:?}")
                    }
                    Err(error) => assert_eq!(error.code, ErrorCode::AlreadyAssigned),
                }
            }
            Step::Choose {
                subscriber,
                last,
                force,
            } => {
                let wanted = chosen(&format!("10.0.0.{last}"), &format!("s{subscriber}"));
                let _ = ground.reserve_as(wanted, force).await;
            }
            Step::Assign(subscriber) => {
                if let Some(last) = last_of(ground, subscriber).await {
                    let legal = last.after(Move::Assign).is_ok();
                    assert_eq!(ground.move_to(last.id, Move::Assign).await.is_ok(), legal);
                }
            }
            Step::Release(subscriber) => {
                if let Some(last) = last_of(ground, subscriber).await {
                    let legal = last.after(Move::Release).is_ok();
                    assert_eq!(ground.move_to(last.id, Move::Release).await.is_ok(), legal);
                }
            }
            Step::Reclaim(subscriber) => {
                if let Some(last) = last_of(ground, subscriber).await {
                    let legal = last.after(Move::Reclaim).is_ok();
                    assert_eq!(ground.move_to(last.id, Move::Reclaim).await.is_ok(), legal);
                }
            }
            Step::Node { last, len } => {
                let text = prefix(&format!("10.0.0.{last}/32")).truncate(len).to_string();
                let _ = run(&*ground.access, ground.space, create(&text, &[])).await;
            }
            Step::Remove { last, len } => {
                let text = prefix(&format!("10.0.0.{last}/32")).truncate(len).to_string();
                if let Ok(found) = node(&*ground.access, ground.space, &text).await {
                    let _ = run(
                        &*ground.access,
                        ground.space,
                        SpaceCommand::DeleteNode { id: found.id },
                    )
                    .await;
                }
            }
            Step::Gateway(last) => {
                pool.gateway = last.map(|last| format!("10.0.0.{last}").parse().unwrap());
                let update = IspCommand::UpdatePool {
                    pool: Box::new(pool.clone()),
                    tags: None,
                };
                let _ = ground.isp(update).await;
            }
        }
        assert_eq!(
            ground.counts(pool.id).await,
            recount(ground, &pool).await,
            "after {step:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn counters_are_what_a_recount_says_after_any_commands(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let ground = ground().await;
            walk(&ground, steps).await;
            ground.access.shutdown().await;
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_given_twice_to_many_who_ask_at_once_on_two_replicas() {
    let store: Arc<dyn Store> = Arc::new(Shaped::narrow(Arc::new(MemoryStore::new()), 100));
    let ground = ground_on(Arc::clone(&store)).await;
    let pool = pool(PoolType::Ipv4Private, "10.0.0.0/24");
    ground.make(&pool).await;
    let second = open(store).await;
    let ask = |number: usize| {
        let access: Arc<LocalDataAccess> = if number.is_multiple_of(2) {
            Arc::clone(&ground.access)
        } else {
            Arc::clone(&second)
        };
        let (space, wanted) = (ground.space, next_of(pool.id, &format!("s{}", number / 2)));
        tokio::spawn(async move {
            let command = IspCommand::Reserve {
                wanted: vec![wanted],
                force: false,
            };
            isp_in(&*access, space, command).await
        })
    };
    let tasks: Vec<_> = (0..300).map(ask).collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            // Each subscriber asks twice.
            Err(error) => assert!(
                matches!(error.code, ErrorCode::AlreadyAssigned | ErrorCode::Contention),
                "{error:?}"
            ),
        }
    }
    assert!(made <= 150);
    let counts = ground.counts(pool.id).await;
    assert_eq!(counts, [254, 0, made, 0, 0, 254 - made]);
    let mut held: Vec<_> = ground
        .reservations()
        .await
        .iter()
        .map(|found| found.prefix)
        .collect();
    let number = held.len();
    held.dedup();
    assert_eq!((held.len(), number as u128), (number, made));
}
