//! Addressing plans against the rules they follow, each checked block by block.

use cadastre_domain::Prefix;
use cadastre_domain::isp::addressing::{
    AddressPlan, BlockRole, LevelRequest, MAX_BLOCKS, PlanRequest, Spread, design,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::Ipv6Addr;

use crate::naive::{bit_text, contains};

fn requests() -> impl Strategy<Value = PlanRequest> {
    let network = (any::<u128>(), prop_oneof![1 => 0..48_u8, 3 => 24..44_u8]).prop_map(|(bits, len)| {
        Prefix::new_masked(Ipv6Addr::from_bits(bits | 1 << 127).into(), len).unwrap()
    });
    let growth = || prop_oneof![2 => Just(0), 3 => 1..300_u32, 1 => 0..99_900_u32];
    let count = prop_oneof![9 => 1..9_u64, 2 => 1..60_u64, 1 => any::<u64>().prop_map(|count| count.max(1))];
    let subscribers = prop_oneof![1..10_u64, 1..5_000_u64, 1..100_000_u64, Just(u64::MAX)];
    (
        network,
        vec((count, growth()), 1..=4),
        48..=64_u8,
        (subscribers, growth()),
        any::<bool>(),
        prop::sample::select(Spread::ALL),
    )
        .prop_map(
            |(network, levels, subscriber_length, subscribers, infrastructure, spread)| PlanRequest {
                network,
                levels: (levels.into_iter().enumerate())
                    .map(|(number, (count, growth_percent))| LevelRequest {
                        name: format!("level {number}"),
                        count,
                        growth_percent,
                    })
                    .collect(),
                subscriber_length,
                subscribers_per_leaf: subscribers.0,
                subscriber_growth_percent: subscribers.1,
                infrastructure,
                spread,
            },
        )
}

/// The fewest bits that number what is needed of each level and last of subscribers, by doubling.
fn fewest_bits(request: &PlanRequest) -> Vec<u32> {
    let levels = request
        .levels
        .iter()
        .map(|level| (level.count, level.growth_percent));
    levels
        .chain([(request.subscribers_per_leaf, request.subscriber_growth_percent)])
        .map(|(count, percent)| {
            let hundredths =
                u128::from(count) * u128::from(100 + percent) + 100 * u128::from(request.infrastructure);
            (1..).find(|bits| hundredths <= 100 << bits).unwrap()
        })
        .collect()
}

/// Whether everything fits with every level on a nibble, from the bottom up.
fn fits_on_nibbles(request: &PlanRequest, bits: &[u32]) -> bool {
    let mut length = i64::from(request.subscriber_length);
    for level in bits[1..].iter().rev() {
        length = (length - i64::from(*level)).div_euclid(4) * 4;
    }
    length - i64::from(bits[0]) >= i64::from(request.network.len())
}

fn blocks_now(request: &PlanRequest) -> u128 {
    let extra = u128::from(request.infrastructure);
    let mut around = vec![1_u128];
    for level in &request.levels {
        around.push(around.last().unwrap().saturating_mul(level.count.into()));
    }
    let levels = around[1..]
        .iter()
        .fold(0_u128, |sum, blocks| sum.saturating_add(*blocks));
    around.iter().fold(levels, |sum, blocks| {
        sum.saturating_add(blocks.saturating_mul(extra))
    })
}

fn holds(request: &PlanRequest, plan: &AddressPlan) -> Result<(), TestCaseError> {
    let bits = fewest_bits(request);
    let mut above = request.network.len();
    for ((asked, level), fewest) in request.levels.iter().zip(&plan.levels).zip(&bits) {
        prop_assert_eq!(
            (&asked.name, level.bits),
            (&level.name, level.prefix_length - above)
        );
        prop_assert!(u32::from(level.bits) >= *fewest);
        prop_assert_eq!(level.capacity.0, 1 << level.bits);
        let used = u128::from(asked.count) + u128::from(request.infrastructure);
        prop_assert_eq!(level.used_now.0, used);
        prop_assert_eq!(level.nibble_aligned, level.prefix_length % 4 == 0);
        let spare = u128::from(level.spare_percent);
        prop_assert!(spare * level.capacity.0 <= 100 * (level.capacity.0 - used));
        prop_assert!((spare + 1) * level.capacity.0 > 100 * (level.capacity.0 - used));
        above = level.prefix_length;
    }
    prop_assert_eq!(plan.subscriber.bits, request.subscriber_length - above);
    prop_assert!(u32::from(plan.subscriber.bits) >= *bits.last().unwrap());
    if fits_on_nibbles(request, &bits) {
        prop_assert!(plan.levels.iter().all(|level| level.nibble_aligned));
    }
    prop_assert!(!plan.notes.is_empty());

    prop_assert_eq!(plan.blocks.len() as u128, blocks_now(request));
    for (position, block) in plan.blocks.iter().enumerate() {
        let around = match block.parent {
            Some(parent) => {
                prop_assert!(parent < position);
                plan.blocks[parent].prefix
            }
            None => request.network,
        };
        prop_assert!(around != block.prefix && contains(&around, &block.prefix));
        let length = plan
            .levels
            .get(block.level)
            .map_or(request.subscriber_length, |level| level.prefix_length);
        prop_assert_eq!(block.prefix.len(), length);
        let last = block.level + 1 == plan.levels.len();
        prop_assert_eq!(
            block.role,
            match () {
                () if block.name == "infrastructure" => BlockRole::Infrastructure,
                () if last => BlockRole::SubscriberPool,
                () => BlockRole::Level,
            }
        );
        if block.role == BlockRole::Infrastructure {
            prop_assert_eq!(block.prefix.addr(), around.addr(), "the first block of its level");
        }
    }
    Ok(())
}

/// In order of addresses, who overlaps lies above: no two blocks overlap unless one is around the other.
fn no_two_overlap(plan: &AddressPlan) -> Result<(), TestCaseError> {
    let mut order: Vec<usize> = (0..plan.blocks.len()).collect();
    order.sort_by_key(|position| bit_text(&plan.blocks[*position].prefix));
    let mut around: Vec<usize> = Vec::new();
    for position in order {
        let block = &plan.blocks[position];
        while around
            .last()
            .is_some_and(|above| !contains(&plan.blocks[*above].prefix, &block.prefix))
        {
            around.pop();
        }
        prop_assert_eq!(around.last().copied(), block.parent, "{}", block.prefix);
        around.push(position);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    #[test]
    fn a_plan_is_made_exactly_when_it_fits_and_keeps_its_rules(request in requests()) {
        let needed: u32 = fewest_bits(&request).iter().sum();
        let there = u32::from(request.subscriber_length - request.network.len().min(request.subscriber_length));
        match design(&request) {
            Ok(plan) => {
                prop_assert!(needed <= there);
                prop_assert!(plan.blocks.len() <= MAX_BLOCKS);
                holds(&request, &plan)?;
                no_two_overlap(&plan)?;
                let nodes = plan.nodes();
                prop_assert_eq!(nodes.len(), plan.blocks.len());
                for (block, (prefix, description)) in plan.blocks.iter().zip(&nodes) {
                    prop_assert_eq!(&block.prefix, prefix);
                    prop_assert!(description.contains(&block.name) && description.len() < 1_024);
                }
            }
            Err(error) if needed > there => {
                prop_assert_eq!(error.field, "network");
                prop_assert!(error.message.contains(" need "));
            }
            Err(error) => {
                prop_assert_eq!(error.field, "levels");
                prop_assert!(blocks_now(&request) > MAX_BLOCKS as u128, "{}", error);
            }
        }
    }

    /// As long as its number of blocks is a power of two, a block of a sparse plan has as much room as any other.
    #[test]
    fn sparse_blocks_leave_each_other_the_same_room(power in 0..6_u32, network in 20..30_u8) {
        let request = PlanRequest {
            network: Prefix::new(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0).into(), network).unwrap(),
            levels: vec![LevelRequest { name: "site".to_owned(), count: 1 << power, growth_percent: 0 }],
            subscriber_length: 56,
            subscribers_per_leaf: 4_000,
            subscriber_growth_percent: 0,
            infrastructure: false,
            spread: Spread::Sparse,
        };
        let plan = design(&request).unwrap();
        let mut starts: Vec<u128> = plan.blocks.iter().map(|block| block.prefix.bits()).collect();
        starts.sort_unstable();
        let size = 1_u128 << (128 - network);
        for (number, start) in (0_u128..).zip(starts) {
            prop_assert_eq!(start, request.network.bits() + number * (size >> power));
        }
    }

    #[test]
    fn what_a_refusal_says_would_fit_does(request in requests()) {
        let Err(error) = design(&request) else { return Ok(()) };
        let number_after = |text: &str| -> Option<u64> {
            let rest = error.message.split_once(text)?.1;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        };
        let refused_for_size = |request: &PlanRequest| design(request).is_err_and(|error| error.field == "network");
        if error.field != "network" {
            return Ok(());
        }
        if let Some(length) = number_after("fits with a /") {
            let longer = PlanRequest { subscriber_length: length as u8, ..request.clone() };
            prop_assert!(!refused_for_size(&longer));
        }
        if let Some((before, _)) = error.message.split_once(" subscribers in each ") {
            let text = before.rsplit(' ').next().unwrap().replace(',', "");
            let most: u64 = text.parse().unwrap();
            let with = |subscribers_per_leaf| PlanRequest { subscribers_per_leaf, ..request.clone() };
            prop_assert!(!refused_for_size(&with(most)) && refused_for_size(&with(most + 1)));
        }
        if let Some((before, _)) = error.message.split_once(" × level 0.") {
            let most: u64 = before.rsplit(' ').next().unwrap().replace(',', "").parse().unwrap();
            let with = |count| {
                let mut changed = request.clone();
                changed.levels[0].count = count;
                changed
            };
            prop_assert!(!refused_for_size(&with(most)) && refused_for_size(&with(most + 1)));
        }
    }
}
