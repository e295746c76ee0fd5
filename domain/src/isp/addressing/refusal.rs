//! What to say when the levels do not fit: what they need, and what would fit.

use super::PlanRequest;
use super::lengths::Need;
use super::notes::grouped;
use crate::isp::IspError;

/// Names what is needed, and changes of which each alone has been found to fit.
pub(super) fn does_not_fit(request: &PlanRequest) -> IspError {
    let network = request.network.len();
    let need = match Need::of(request).shortest_network(request.subscriber_length) {
        Some(length) => format!("need a /{length}"),
        None => "need more addresses than IPv6 has".to_owned(),
    };
    let mut ways = Vec::new();
    ways.extend(longer_subscribers(request));
    ways.extend(without_growth(request));
    ways.extend(fewer_subscribers(request));
    ways.extend(fewer_of_the_first(request));
    let advice = match ways.pop() {
        None => "Use a shorter network, or plan fewer levels.".to_owned(),
        Some(last) if ways.is_empty() => format!("It fits with {last}."),
        Some(last) => format!("It fits with {}, or with {last}.", ways.join(", with ")),
    };
    IspError::new(
        "network",
        format!("{} {need}; the network is a /{network}. {advice}", asked(request)),
    )
}

/// `3 × region with 20 × site each and 40,000 subscribers each (/48, with growth and infrastructure)`.
fn asked(request: &PlanRequest) -> String {
    let levels: Vec<String> = (request.levels.iter().enumerate())
        .map(|(position, level)| {
            let each = if position == 0 { "" } else { " each" };
            format!("{} × {}{each}", grouped(level.count.into()), level.name)
        })
        .collect();
    let grows = request
        .levels
        .iter()
        .map(|level| level.growth_percent)
        .chain([request.subscriber_growth_percent]);
    let mut extra = vec![format!("/{}", request.subscriber_length)];
    if grows.max() > Some(0) {
        extra.push("with growth".to_owned());
    }
    if request.infrastructure {
        extra.push("with infrastructure".to_owned());
    }
    format!(
        "{} and {} subscribers each ({})",
        levels.join(" with "),
        grouped(request.subscribers_per_leaf.into()),
        extra.join(", ")
    )
}

fn fits(request: &PlanRequest) -> bool {
    let shortest = Need::of(request).shortest_network(request.subscriber_length);
    shortest.is_some_and(|shortest| shortest >= request.network.len())
}

/// A longer prefix for each subscriber, as long as it need be.
fn longer_subscribers(request: &PlanRequest) -> Option<String> {
    let longer = [52, 56, 60, 64]
        .into_iter()
        .filter(|length| *length > request.subscriber_length);
    let mut changed = request.clone();
    let length = longer.into_iter().find(|length| {
        changed.subscriber_length = *length;
        fits(&changed)
    })?;
    Some(format!("a /{length} for each subscriber"))
}

fn without_growth(request: &PlanRequest) -> Option<String> {
    let mut changed = request.clone();
    changed.subscriber_growth_percent = 0;
    changed
        .levels
        .iter_mut()
        .for_each(|level| level.growth_percent = 0);
    fits(&changed).then(|| "no room for growth".to_owned())
}

fn fewer_subscribers(request: &PlanRequest) -> Option<String> {
    let mut changed = request.clone();
    let most = largest(request.subscribers_per_leaf, |count| {
        changed.subscribers_per_leaf = count;
        fits(&changed)
    })?;
    Some(format!(
        "at most {} {} in each {}",
        grouped(most.into()),
        if most == 1 { "subscriber" } else { "subscribers" },
        request.levels.last()?.name
    ))
}

fn fewer_of_the_first(request: &PlanRequest) -> Option<String> {
    let mut changed = request.clone();
    let first = request.levels.first()?;
    let most = largest(first.count, |count| {
        if let Some(level) = changed.levels.first_mut() {
            level.count = count;
        }
        fits(&changed)
    })?;
    Some(format!("at most {} × {}", grouped(most.into()), first.name))
}

/// The largest number from 1 to below `from` that will do, where every smaller one does as well.
fn largest(from: u64, mut will_do: impl FnMut(u64) -> bool) -> Option<u64> {
    if !will_do(1) {
        return None;
    }
    // `low` will do, `high` will not.
    let (mut low, mut high) = (1, from);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if will_do(middle) {
            low = middle
        } else {
            high = middle
        }
    }
    Some(low)
}
