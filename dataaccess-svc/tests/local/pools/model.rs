//! Random commands against a naive model: who holds what, what is free, what is kept back, and what pools count; of a pool
//! that hands out addresses, and of one that delegates prefixes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::counting::{part, update};
use super::*;
use crate::shaped::Shaped;

/// Which of the two pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Addresses,
    Prefixes,
}

/// Somewhere in a pool: at, above or below one of its units.
#[derive(Clone, Copy, Debug)]
struct Spot {
    unit: u8,
    within: u8,
    /// Bits shorter than a unit, or longer if it is less than 0.
    up: i8,
}

/// What a pool keeps back.
#[derive(Clone, Debug, Default)]
struct KeptBack {
    gateway: Option<u8>,
    exclusions: Vec<Spot>,
}

#[derive(Clone, Debug)]
enum Step {
    Next {
        of: Of,
        subscriber: u8,
        assign: bool,
        shorter: bool,
    },
    Choose {
        of: Of,
        subscriber: u8,
        spot: Spot,
        force: bool,
    },
    Move {
        of: Of,
        subscriber: u8,
        to: Move,
    },
    /// A node is made around a unit, which is taken by force.
    Under {
        of: Of,
        subscriber: u8,
        spot: Spot,
    },
    /// Released, taken again, and given back for good.
    Again {
        of: Of,
        subscriber: u8,
    },
    Node(Of, Spot),
    Remove(Of, Spot),
    Import(Of, Vec<Spot>),
    Keep(Of, KeptBack),
    /// One exclusion becomes wider or narrower, or another one; the others stay.
    Swap(Of, u8, Spot),
}

fn spot() -> impl Strategy<Value = Spot> {
    // Most of them near each other, so that they meet.
    let unit = prop_oneof![4 => 4..8_u8, 1 => 0..16_u8];
    (unit, 0..4_u8, -2..=3_i8).prop_map(|(unit, within, up)| Spot { unit, within, up })
}

fn kept_back() -> impl Strategy<Value = KeptBack> {
    (
        proptest::option::of(1..15_u8),
        proptest::collection::vec(spot(), 0..6),
    )
        .prop_map(|(gateway, exclusions)| KeptBack { gateway, exclusions })
}

fn step() -> impl Strategy<Value = Step> {
    let of = || prop_oneof![Just(Of::Addresses), Just(Of::Prefixes)];
    let subscriber = || 0..6_u8;
    let to = || {
        prop_oneof![
            2 => Just(Move::Assign),
            4 => Just(Move::Release),
            3 => Just(Move::Reclaim),
            1 => Just(Move::Expire),
        ]
    };
    prop_oneof![
        4 => (of(), subscriber(), any::<bool>(), any::<bool>())
            .prop_map(|(of, subscriber, assign, shorter)| Step::Next { of, subscriber, assign, shorter }),
        4 => (of(), subscriber(), spot(), any::<bool>())
            .prop_map(|(of, subscriber, spot, force)| Step::Choose { of, subscriber, spot, force }),
        7 => (of(), subscriber(), to()).prop_map(|(of, subscriber, to)| Step::Move { of, subscriber, to }),
        2 => (of(), subscriber()).prop_map(|(of, subscriber)| Step::Again { of, subscriber }),
        1 => (of(), subscriber(), spot())
            .prop_map(|(of, subscriber, spot)| Step::Under { of, subscriber, spot }),
        3 => (of(), spot()).prop_map(|(of, spot)| Step::Node(of, spot)),
        1 => (of(), spot()).prop_map(|(of, spot)| Step::Remove(of, spot)),
        2 => (of(), proptest::collection::vec(spot(), 1..5)).prop_map(|(of, spots)| Step::Import(of, spots)),
        1 => (of(), kept_back()).prop_map(|(of, kept)| Step::Keep(of, kept)),
        2 => (of(), 0..4_u8, spot()).prop_map(|(of, which, spot)| Step::Swap(of, which, spot)),
    ]
}

impl Spot {
    fn of(self, pool: &Pool) -> Prefix {
        let unit = pool.network.nth(pool.unit(), u128::from(self.unit)).unwrap();
        let longest = if unit.is_host() {
            unit.len()
        } else {
            unit.len() + 2
        };
        let length = unit.len().saturating_add_signed(-self.up).min(longest);
        let inner = u128::from(self.within) % (1 << (longest - unit.len()));
        let place = if unit.is_host() {
            unit
        } else {
            unit.nth(longest, inner).unwrap()
        };
        place.truncate(length)
    }
}

/// Exclusions as a pool takes them: in order, none over another or over the gateway.
fn settled(pool: &Pool, mut exclusions: Vec<Prefix>) -> Vec<Prefix> {
    exclusions.sort_unstable();
    let mut taken: Vec<Prefix> = Vec::new();
    for one in exclusions {
        let over = taken.iter().any(|known| known.contains(&one));
        let gateway = pool.gateway.is_some_and(|gateway| one.contains_addr(gateway));
        if !over && !gateway && pool.network.strictly_contains(&one) {
            taken.push(one);
        }
    }
    taken
}

impl KeptBack {
    fn set(&self, pool: &mut Pool) {
        if pool.delegated_length.is_none() {
            let host = |last| pool.network.nth(32, u128::from(last)).unwrap().addr();
            pool.gateway = self.gateway.map(host);
        }
        let exclusions = self.exclusions.iter().map(|spot| spot.of(pool)).collect();
        pool.exclusions = settled(pool, exclusions);
    }
}

/// Counts what a pool should say from reservations and nodes alone.
async fn recount(ground: &Ground, pool: &Pool) -> [u128; 6] {
    let mut by: BTreeMap<Counted, u128> = BTreeMap::new();
    let mut held: Vec<Prefix> = Vec::new();
    for found in ground.reservations().await {
        let kind = match found.status {
            ReservationStatus::Reserved => Counted::Reserved,
            ReservationStatus::Assigned => Counted::Assigned,
            ReservationStatus::Released if found.is_resting() => Counted::Resting,
            ReservationStatus::Released | ReservationStatus::Expired => continue,
        };
        if found.pool_id == pool.id {
            *by.entry(kind).or_default() += pool.units_of(found.prefix.len()).0;
            held.push(found.prefix);
        }
    }
    let overlap = |one: &Prefix, other: &Prefix| one.contains(other) || other.contains(one);
    for (at, one) in held.iter().enumerate() {
        let twice = held.iter().skip(at + 1).any(|other| overlap(one, other));
        assert!(!twice, "{one} is held twice");
        let kept = pool.kept_back().into_iter().find(|kept| overlap(one, kept));
        assert_eq!(kept, None, "{one} is held, and kept back");
    }
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
    let there: Vec<Prefix> = nodes
        .iter()
        .map(|node| node.prefix)
        .filter(|node| pool.network.strictly_contains(node))
        .collect();
    for kept in pool.kept_back() {
        assert!(there.contains(&kept), "{kept} is kept back, and there is no node");
    }
    // A unit is excluded if some node beneath the network lies over or in it and it is not held.
    let (mut total, mut excluded, mut free) = (0, 0, 0);
    for place in 0..16_u8 {
        let unit = pool.network.nth(pool.unit(), u128::from(place)).unwrap();
        if pool.has_edges() && (place == 0 || place == 15) {
            continue;
        }
        total += 1;
        if held.iter().any(|held| held.contains(&unit)) {
            continue;
        }
        if there.iter().any(|node| overlap(node, &unit)) {
            excluded += 1;
        } else {
            free += 1;
        }
    }
    let of = |kind| by.get(&kind).copied().unwrap_or(0);
    [
        total,
        of(Counted::Reserved),
        of(Counted::Assigned),
        of(Counted::Resting),
        excluded,
        free,
    ]
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    Reserved,
    Assigned,
    Resting,
}

/// As a caller writes it: a single address without its length.
fn shown(place: &Prefix) -> String {
    if place.is_host() {
        place.addr().to_string()
    } else {
        place.to_string()
    }
}

fn name_of(of: Of, subscriber: u8) -> String {
    match of {
        Of::Addresses => format!("a{subscriber}"),
        Of::Prefixes => format!("p{subscriber}"),
    }
}

async fn last_of(ground: &Ground, of: Of, subscriber: u8) -> Option<Reservation> {
    let name = name_of(of, subscriber);
    let mut all = ground.reservations().await;
    all.retain(|found| found.subscriber_id.as_str() == name);
    all.sort_by_key(|found| found.id);
    all.pop()
}

struct Walk {
    ground: Ground,
    addresses: Pool,
    prefixes: Pool,
}

impl Walk {
    async fn start(ground: Ground, kept: [&KeptBack; 2]) -> Self {
        let mut walk = Self {
            ground,
            addresses: pool(PoolType::Ipv4Private, "10.0.0.0/28"),
            prefixes: pool(PoolType::Ipv6PrefixDelegation, "2001:db8::/52"),
        };
        let [first, second] = kept;
        first.set(&mut walk.addresses);
        second.set(&mut walk.prefixes);
        for pool in [&walk.addresses, &walk.prefixes] {
            let command = IspCommand::CreatePool {
                pool: Box::new(pool.clone()),
                tags: None,
            };
            walk.ground.isp(command).await.unwrap();
        }
        walk.check("the start").await;
        walk
    }

    fn pool(&mut self, of: Of) -> &mut Pool {
        match of {
            Of::Addresses => &mut self.addresses,
            Of::Prefixes => &mut self.prefixes,
        }
    }

    async fn check(&self, after: &str) {
        for pool in [&self.addresses, &self.prefixes] {
            assert_eq!(
                self.ground.counts(pool.id).await,
                recount(&self.ground, pool).await,
                "{} after {after}",
                pool.network
            );
        }
    }

    async fn next(&mut self, of: Of, subscriber: u8, assign: bool, length: Option<u8>) {
        let pool = self.pool(of).clone();
        let ground = &self.ground;
        let before = ground.counts(pool.id).await;
        let last = last_of(ground, of, subscriber).await;
        let wanted = Reserve {
            assign,
            prefix_length: length,
            ..next_of(pool.id, &name_of(of, subscriber))
        };
        let length = length.unwrap_or(pool.unit());
        match ground.reserve(wanted).await {
            Ok(made) => {
                let rested = last.filter(|last| last.is_resting() && last.prefix.len() == length);
                if let Some(rested) = rested {
                    assert_eq!(made.prefix, rested.prefix, "the same subscriber gets the same");
                }
            }
            Err(error) if error.code == ErrorCode::PoolDepleted => {
                assert!(length < pool.unit() || before[5] == 0, "{error:?}");
            }
            Err(error) => assert_eq!(error.code, ErrorCode::AlreadyAssigned, "{error:?}"),
        }
    }

    async fn settings(&mut self, of: Of, wanted: Pool) {
        if self.ground.isp(update(&wanted)).await.is_ok() {
            *self.pool(of) = wanted;
        }
    }

    async fn step(&mut self, step: Step) {
        let (access, space) = (Arc::clone(&self.ground.access), self.ground.space);
        match step {
            Step::Next {
                of,
                subscriber,
                assign,
                shorter,
            } => {
                let length = (of == Of::Prefixes && shorter).then_some(55);
                self.next(of, subscriber, assign, length).await;
            }
            Step::Choose {
                of,
                subscriber,
                spot,
                force,
            } => {
                let place = spot.of(self.pool(of));
                let wanted = chosen(&shown(&place), &name_of(of, subscriber));
                let _ = self.ground.reserve_as(wanted, force).await;
            }
            Step::Move { of, subscriber, to } => {
                if let Some(last) = last_of(&self.ground, of, subscriber).await {
                    let legal = last.after(to).is_ok();
                    assert_eq!(self.ground.move_to(last.id, to).await.is_ok(), legal);
                }
            }
            Step::Under { of, subscriber, spot } => {
                let unit = Spot { up: 0, ..spot }.of(self.pool(of));
                let around = unit.truncate(unit.len() - 2).to_string();
                let _ = run(&*access, space, create(&around, &[])).await;
                let wanted = chosen(&shown(&unit), &name_of(of, subscriber));
                let _ = self.ground.reserve_as(wanted, true).await;
            }
            Step::Again { of, subscriber } => {
                if let Some(last) = last_of(&self.ground, of, subscriber).await {
                    let _ = self.ground.move_to(last.id, Move::Release).await;
                    let length = (of == Of::Prefixes).then_some(last.prefix.len());
                    self.next(of, subscriber, true, length).await;
                    self.check("it was taken again").await;
                }
                if let Some(last) = last_of(&self.ground, of, subscriber).await {
                    let _ = self.ground.move_to(last.id, Move::Release).await;
                    let _ = self.ground.move_to(last.id, Move::Reclaim).await;
                }
            }
            Step::Node(of, spot) => {
                let text = spot.of(self.pool(of)).to_string();
                let _ = run(&*access, space, create(&text, &[])).await;
            }
            Step::Remove(of, spot) => {
                let text = spot.of(self.pool(of)).to_string();
                if let Ok(found) = node(&*access, space, &text).await {
                    let _ = run(&*access, space, SpaceCommand::DeleteNode { id: found.id }).await;
                }
            }
            Step::Import(of, spots) => {
                let lines: Vec<Prefix> = spots.iter().map(|spot| spot.of(self.pool(of))).collect();
                let _ = access.import_part(&context(), part(space, &lines)).await;
            }
            Step::Keep(of, kept) => {
                let mut wanted = self.pool(of).clone();
                kept.set(&mut wanted);
                self.settings(of, wanted).await;
            }
            Step::Swap(of, which, spot) => {
                let mut wanted = self.pool(of).clone();
                let mut exclusions = wanted.exclusions.clone();
                let place = match exclusions.get(usize::from(which)).copied() {
                    // Around it, or in it.
                    Some(known) => {
                        exclusions.retain(|other| *other != known);
                        let length = known.len().saturating_add_signed(-spot.up);
                        let longest = if wanted.delegated_length.is_some() { 58 } else { 32 };
                        let length = length.min(longest);
                        if length <= known.len() {
                            known.truncate(length)
                        } else {
                            let among = 1_u128 << (length - known.len());
                            known.nth(length, u128::from(spot.unit) % among).unwrap()
                        }
                    }
                    None => spot.of(&wanted),
                };
                exclusions.push(place);
                wanted.exclusions = settled(&wanted, exclusions);
                self.settings(of, wanted).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn counters_are_what_a_recount_says_and_nothing_is_held_and_kept_back_after_any_commands(
        addresses in kept_back(),
        prefixes in kept_back(),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut walk = Walk::start(ground().await, [&addresses, &prefixes]).await;
            for step in steps {
                let shown = format!("{step:?}");
                walk.step(step).await;
                walk.check(&shown).await;
            }
            walk.ground.access.shutdown().await;
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
