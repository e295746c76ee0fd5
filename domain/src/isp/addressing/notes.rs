//! Why a plan is as it is, for those who have to live with it.

use super::lengths::{Need, is_aligned};
use super::{LevelPlan, PlanRequest, Spread, SubscriberPlan};

pub(super) fn notes(
    request: &PlanRequest,
    need: &Need,
    levels: &[LevelPlan],
    subscriber: &SubscriberPlan,
) -> Vec<String> {
    let mut notes = vec![subscriber_size(subscriber.prefix_length)];
    notes.push(alignment(levels, subscriber));
    notes.extend(room_at_the_top(need, levels));
    notes.push(spread(request.spread));
    if request.infrastructure {
        notes.push(infrastructure(subscriber));
    }
    notes.extend(full(levels, subscriber));
    notes
}

/// RIPE-690 §4.2 and RFC 6177 §2 on what an end site is given.
fn subscriber_size(length: u8) -> String {
    let subnets = grouped(1 << (64 - length.min(64)));
    let advice = match length {
        ..=48 => {
            "a /48 for everybody is the simplest choice of RIPE-690 §4.2.1, and the usual one for businesses"
        }
        49..=56 => {
            "RIPE-690 §4.2.2 recommends a /56 for households and a /48 for businesses; \
             RFC 6177 §2 leaves the size to the provider as long as it is much more than one subnet"
        }
        57..=63 => {
            "that is less than RIPE-690 §4.2.3 recommends, which strongly discourages prefixes longer than /56; \
             a /56 keeps subscribers from renumbering"
        }
        64.. => {
            "with a single subnet a subscriber cannot divide its network; RIPE-690 §4.2.3 strongly discourages that \
             and RFC 6177 §2 advises more than one subnet"
        }
    };
    let subnets = if length >= 64 {
        "one subnet".to_owned()
    } else {
        format!("{subnets} subnets of /64")
    };
    format!("A subscriber's /{length} holds {subnets}: {advice}.")
}

fn alignment(levels: &[LevelPlan], subscriber: &SubscriberPlan) -> String {
    let lengths = levels
        .iter()
        .map(|level| (level.name.as_str(), level.prefix_length));
    let off: Vec<String> = lengths
        .chain([("subscriber", subscriber.prefix_length)])
        .filter(|(_, length)| !is_aligned(*length))
        .map(|(name, length)| {
            format!(
                "{name} (/{length}, {} reverse zones each)",
                1_u8 << (4 - length % 4)
            )
        })
        .collect();
    if off.is_empty() {
        return "All prefixes end on a whole hexadecimal digit: each block is one reverse zone (RFC 3596 §2.5), and it \
                can be read from an address."
            .to_owned();
    }
    let reason = if levels.iter().all(|level| level.nibble_aligned) {
        "A length that can be divided by 4 would make them easier to read."
    } else {
        "There is not enough room to put every level on one; a shorter network would do."
    };
    format!("Not on a whole hexadecimal digit: {}. {reason}", off.join(", "))
}

/// Levels beneath the first are as small as they may be, so what is left is here.
fn room_at_the_top(need: &Need, levels: &[LevelPlan]) -> Option<String> {
    let (first, places) = (levels.first()?, need.places.first()?);
    let times = first.capacity.0 / places;
    (times >= 4).then(|| {
        format!(
            "What the levels do not need stays free at the top: there are {} places of the size of a {} for the {} \
             that are needed. More of them fit there, or another level.",
            grouped(first.capacity.0),
            first.name,
            grouped(*places),
        )
    })
}

fn spread(spread: Spread) -> String {
    match spread {
        Spread::Sequential => {
            "Blocks lie one behind the other; what is free is behind them in one piece. A block cannot grow in place \
             once the next one is used."
        }
        Spread::Sparse => {
            "Blocks lie as far apart as they can (RFC 3531), so that each can be doubled in place for as long as its \
             other half is free."
        }
    }
    .to_owned()
}

fn infrastructure(subscriber: &SubscriberPlan) -> String {
    format!(
        "The first block of every level is kept for infrastructure: a /128 for each loopback, and a /127 (RFC 6164) for \
         each link between routers. In each pool that is its first /{}, never handed out because it is a node.",
        subscriber.prefix_length
    )
}

/// Levels that are nearly used up from the beginning.
fn full(levels: &[LevelPlan], subscriber: &SubscriberPlan) -> Option<String> {
    let rooms = levels
        .iter()
        .map(|level| (level.name.as_str(), level.spare_percent));
    let tight: Vec<String> = rooms
        .chain([("subscriber", subscriber.spare_percent)])
        .filter(|(_, spare)| *spare < 10)
        .map(|(name, spare)| format!("{name} ({spare} %)"))
        .collect();
    (!tight.is_empty()).then(|| {
        format!(
            "Little is spare from the beginning: {}. Ask for growth there.",
            tight.join(", ")
        )
    })
}

/// A number with a comma after each three digits.
pub(super) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
