//! Plans that a provider would ask for.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::isp::Count;

fn level(name: &str, count: u64, growth_percent: u32) -> LevelRequest {
    LevelRequest {
        name: name.to_owned(),
        count,
        growth_percent,
    }
}

/// Three regions of twelve sites with 200 subscribers each, and room to grow, in a /32.
fn request() -> PlanRequest {
    PlanRequest {
        network: "2001:db8::/32".parse().unwrap(),
        levels: vec![level("region", 3, 100), level("site", 12, 20)],
        subscriber_length: 56,
        subscribers_per_leaf: 200,
        subscriber_growth_percent: 100,
        infrastructure: true,
        spread: Spread::Sequential,
    }
}

fn lengths(plan: &AddressPlan) -> Vec<u8> {
    plan.levels.iter().map(|level| level.prefix_length).collect()
}

fn prefixes<'a>(plan: &'a AddressPlan, path: &'a str) -> Vec<String> {
    let nodes = plan
        .nodes()
        .into_iter()
        .filter(|(_, description)| description.starts_with(path));
    nodes.map(|(prefix, _)| prefix.to_string()).collect()
}

#[test]
fn levels_end_on_nibbles_and_what_is_left_is_free_at_the_top() {
    let plan = design(&request()).unwrap();
    assert_eq!(lengths(&plan), [40, 44]);
    assert!(plan.levels.iter().all(|level| level.nibble_aligned));
    let region = &plan.levels[0];
    assert_eq!(
        (
            region.bits,
            region.capacity,
            region.used_now,
            region.spare_percent
        ),
        (8, Count(256), Count(4), 98)
    );
    let site = &plan.levels[1];
    assert_eq!(
        (site.bits, site.capacity, site.used_now, site.spare_percent),
        (4, Count(16), Count(13), 18)
    );
    let subscriber = &plan.subscriber;
    assert_eq!(
        (subscriber.bits, subscriber.capacity, subscriber.used_now),
        (12, Count(4_096), Count(201))
    );
    assert_eq!((subscriber.spare_percent, subscriber.pools), (95, 36));
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("256 places of the size of a region for the 7")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn blocks_lie_one_behind_the_other_and_the_first_is_for_infrastructure() {
    let plan = design(&request()).unwrap();
    let nodes = plan.nodes();
    // 1 + 3 + 3 + 36 + 36
    assert_eq!(nodes.len(), 79);
    let texts: Vec<String> = nodes[..6]
        .iter()
        .map(|(prefix, text)| format!("{prefix} {text}"))
        .collect();
    assert_eq!(
        texts,
        [
            "2001:db8::/40 infrastructure",
            "2001:db8:100::/40 region 1",
            "2001:db8:100::/44 region 1 / infrastructure",
            "2001:db8:110::/44 region 1 / site 1: a /56 for each subscriber",
            "2001:db8:110::/56 region 1 / site 1 / infrastructure",
            "2001:db8:120::/44 region 1 / site 2: a /56 for each subscriber",
        ]
    );
    assert_eq!(plan.blocks[4].parent, Some(3));
    assert_eq!(
        (plan.blocks[3].role, plan.blocks[4].role),
        (BlockRole::SubscriberPool, BlockRole::Infrastructure)
    );
    assert_eq!(
        (plan.blocks[1].level, plan.blocks[3].level, plan.blocks[4].level),
        (0, 1, 2)
    );
}

#[test]
fn sparse_blocks_lie_in_the_middle_of_the_largest_gaps() {
    let plan = design(&PlanRequest {
        spread: Spread::Sparse,
        ..request()
    })
    .unwrap();
    assert_eq!(prefixes(&plan, "infrastructure"), ["2001:db8::/40"]);
    assert_eq!(prefixes(&plan, "region 1")[0], "2001:db8:8000::/40");
    assert_eq!(prefixes(&plan, "region 2")[0], "2001:db8:4000::/40");
    assert_eq!(prefixes(&plan, "region 3")[0], "2001:db8:c000::/40");
    assert_eq!(prefixes(&plan, "region 2 / site 5")[0], "2001:db8:40a0::/44");
}

#[test]
fn without_infrastructure_the_first_block_is_the_first_region() {
    let plan = design(&PlanRequest {
        infrastructure: false,
        ..request()
    })
    .unwrap();
    assert_eq!(prefixes(&plan, "region 1")[0], "2001:db8::/40");
    assert_eq!(prefixes(&plan, "region 1 / site 1:"), ["2001:db8::/44"]);
    assert!(
        plan.blocks
            .iter()
            .all(|block| block.role != BlockRole::Infrastructure)
    );
}

#[test]
fn where_not_all_levels_can_end_on_a_nibble_the_upper_ones_do() {
    // 6 bits of sites and 11 of subscribers: /45 and /39, or /44 and /36 where nibbles fit.
    let tight = PlanRequest {
        levels: vec![level("region", 3, 0), level("site", 40, 0)],
        subscribers_per_leaf: 1_500,
        subscriber_growth_percent: 0,
        ..request()
    };
    let in_a_network = |network: &str| {
        lengths(
            &design(&PlanRequest {
                network: network.parse().unwrap(),
                ..tight.clone()
            })
            .unwrap(),
        )
    };
    assert_eq!(in_a_network("2001:db8::/34"), [36, 44]);
    assert_eq!(in_a_network("2001:db8::/35"), [38, 44]);
    assert_eq!(in_a_network("2001:db8::/37"), [39, 45]);
    let either = PlanRequest {
        levels: vec![level("region", 3, 0), level("site", 30, 900)],
        subscribers_per_leaf: 300,
        ..tight.clone()
    };
    let in_a_33 = PlanRequest {
        network: "2001:db8::/33".parse().unwrap(),
        ..either
    };
    // [35, 44] would do as well.
    assert_eq!(lengths(&design(&in_a_33).unwrap()), [36, 47]);
    let plan = design(&PlanRequest {
        network: "2001:db8::/37".parse().unwrap(),
        ..tight
    })
    .unwrap();
    let note = "Not on a whole hexadecimal digit: region (/39, 2 reverse zones each), site (/45, 8 reverse zones \
                each). There is not";
    assert!(
        plan.notes.iter().any(|text| text.starts_with(note)),
        "{:?}",
        plan.notes
    );
}

#[test]
fn a_block_is_smaller_than_the_one_around_it_even_where_there_is_one_only() {
    let single = PlanRequest {
        levels: vec![level("country", 1, 0), level("site", 1, 0)],
        subscribers_per_leaf: 1,
        subscriber_growth_percent: 0,
        infrastructure: false,
        network: "2001:db8::/45".parse().unwrap(),
        subscriber_length: 48,
        ..request()
    };
    assert_eq!(lengths(&design(&single).unwrap()), [46, 47]);
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let large = PlanRequest {
        levels: vec![level("region", 3, 0), level("site", 20, 0)],
        subscriber_length: 48,
        subscribers_per_leaf: 40_000,
        subscriber_growth_percent: 0,
        ..request()
    };
    let error = design(&large).unwrap_err();
    assert_eq!(error.field, "network");
    assert_eq!(
        error.message,
        "3 × region with 20 × site each and 40,000 subscribers each (/48, with infrastructure) need a /25; \
         the network is a /32. It fits with a /56 for each subscriber, or with at most 511 subscribers in each site."
    );
    let growing = PlanRequest {
        levels: vec![level("region", 3, 33_400), level("site", 15, 0)],
        ..large
    };
    let error = design(&PlanRequest {
        subscribers_per_leaf: 500,
        ..growing
    })
    .unwrap_err();
    assert!(
        error
            .message
            .contains("with growth, with infrastructure) need a /25"),
        "{error}"
    );
    let advice = "It fits with a /56 for each subscriber, with no room for growth, or with at most 3 subscribers in \
                  each site.";
    assert!(error.message.ends_with(advice), "{error}");
}

#[test]
fn more_than_ipv6_has_is_refused_like_any_other() {
    let endless = PlanRequest {
        levels: vec![level("region", u64::MAX, MAX_GROWTH_PERCENT); 1],
        ..request()
    };
    let error = design(&endless).unwrap_err();
    assert!(
        error.message.contains("need more addresses than IPv6 has"),
        "{error}"
    );
}

#[test]
fn a_plan_of_very_many_blocks_is_refused() {
    let many = PlanRequest {
        levels: vec![level("region", 40, 0), level("site", 40, 0)],
        ..request()
    };
    let error = design(&many).unwrap_err();
    assert_eq!(error.field, "levels");
    // 1 + 40 + 40 + 1,600 + 1,600
    assert!(
        error
            .message
            .contains("at most 1,000 blocks; these levels have 3,281"),
        "{error}"
    );
}

#[test]
fn what_makes_no_sense_is_refused_by_field() {
    let field = |request: PlanRequest| design(&request).unwrap_err().field;
    assert_eq!(
        field(PlanRequest {
            network: "10.0.0.0/8".parse().unwrap(),
            ..request()
        }),
        "network"
    );
    assert_eq!(
        field(PlanRequest {
            subscriber_length: 47,
            ..request()
        }),
        "subscriberLength"
    );
    assert_eq!(
        field(PlanRequest {
            subscriber_length: 65,
            ..request()
        }),
        "subscriberLength"
    );
    assert_eq!(
        field(PlanRequest {
            levels: Vec::new(),
            ..request()
        }),
        "levels"
    );
    let seven = (0..7)
        .map(|number| level(&format!("level {number}"), 1, 0))
        .collect();
    assert_eq!(
        field(PlanRequest {
            levels: seven,
            ..request()
        }),
        "levels"
    );
    assert_eq!(
        field(PlanRequest {
            levels: vec![level("", 1, 0)],
            ..request()
        }),
        "levels"
    );
    assert_eq!(
        field(PlanRequest {
            levels: vec![level("site", 0, 0)],
            ..request()
        }),
        "levels"
    );
    assert_eq!(
        field(PlanRequest {
            levels: vec![level("site", 1, 99_901)],
            ..request()
        }),
        "levels"
    );
    assert_eq!(
        field(PlanRequest {
            levels: vec![level("site", 1, 0), level("Site", 1, 0)],
            ..request()
        }),
        "levels"
    );
    assert_eq!(
        field(PlanRequest {
            subscribers_per_leaf: 0,
            ..request()
        }),
        "subscribersPerLeaf"
    );
    assert_eq!(
        field(PlanRequest {
            subscriber_growth_percent: u32::MAX,
            ..request()
        }),
        "subscriberGrowthPercent"
    );
}

#[test]
fn every_size_of_a_subscribers_prefix_is_commented_on() {
    for (length, part) in [
        (48, "65,536 subnets of /64: a /48 for everybody"),
        (52, "4,096 subnets"),
        (56, "256 subnets of /64: RIPE-690 §4.2.2 recommends"),
        (60, "strongly discourages prefixes longer than /56"),
        (64, "holds one subnet: with a single subnet"),
    ] {
        let plan = design(&PlanRequest {
            network: "2001::/16".parse().unwrap(),
            subscriber_length: length,
            ..request()
        })
        .unwrap();
        assert!(plan.notes[0].contains(part), "{}", plan.notes[0]);
    }
    let plan = design(&PlanRequest {
        subscriber_length: 54,
        ..request()
    })
    .unwrap();
    assert!(
        plan.notes[1].contains("subscriber (/54, 4 reverse zones each). A length that"),
        "{}",
        plan.notes[1]
    );
}

#[test]
fn levels_that_are_full_from_the_beginning_are_pointed_out() {
    let full = PlanRequest {
        levels: vec![level("region", 3, 100), level("site", 15, 0)],
        ..request()
    };
    let plan = design(&full).unwrap();
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("Little is spare from the beginning: site (0 %).")),
        "{:?}",
        plan.notes
    );
}
