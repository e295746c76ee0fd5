//! Keys of the provider's side. They all begin with `a`:
//!
//! | key | row |
//! |---|---|
//! | `ap_{id}`, `ac_{id}`, `ad_{id}_{day}` | pool, its counters, what it did on a day |
//! | `ar_{prefix}_{id}` | reservation; `i_{id}` says where |
//! | `as_{subscriber}_0{type}`, `as_…_1{type}`, `as_…_2{id}` | what a subscriber holds, what rests for them, all they ever had |
//! | `au_{id}`, `ai_{kind}_{value}` | subscriber, and whose a unique value is |
//! | `af_{subscriber}`, `aa_{prefix}_{subscriber}`, `a6_{prefix}`, `ab_{circuit}_{remote}` | network profile, the addresses, the delegated prefix and the line it names |
//! | `ag_{id}`, `ae_{plan}_{subscriber}`, `ak_`, `am_{id}` | plan, who has it, pool policy, reservation template |
//! | `av_{id}`, `aj_{id}_{outer}` | VLAN pool, and which of its tags are taken |
//! | `ay_{domain}_{tag}`, `az_{id}`, `ah_{holder}_{domain}_{tag}` | VLAN that somebody has, by id, by holder |
//! | `aw_{id}`, `ax_{kind}_{id}` | webhook; a secret of a webhook or a subscriber |
//! | `al_{descending id}` | alert |
//! | `ao_{descending id}`, `aq_{second}_{id}` | entry of the outbox, and when it is tried next |
//! | `at_{second}_{kind}{id}` | what is due at a moment |
//! | `an_{kind}_{name}` | whose a name is |

mod names;

pub(crate) use names::{LONGEST_BEGINNING, NameIndex};

use cadastre_domain::Prefix;
use cadastre_domain::isp::{EntityKey, IpType, SubscriberId, VlanHolder, VlanId, VlanRange, VlanTag};
use cadastre_storage::{KeyRange, RowKey, escape};
use uuid::Uuid;

use super::{LAST, parse_prefix_text, prefix_text, row};

fn of_id(stem: &str, id: Uuid) -> RowKey {
    row(format!("{stem}{}", id.simple()))
}

/// All rows whose keys begin like this. What is escaped may begin with [`LAST`], and never with two of them.
fn all(stem: &str) -> KeyRange {
    KeyRange {
        start: Some(row(stem)),
        end: Some(row(format!("{stem}{LAST}{LAST}"))),
    }
}

/// Longest escaped text in a key as it is; what is longer ends in a hash, so that two of them fit into one key.
const LONGEST: usize = 160;

/// A text as a part of a key: one to one.
fn part(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let escaped = escape(text);
    if escaped.len() <= LONGEST {
        return escaped;
    }
    // No escape of a character begins with `~z`.
    let digits: String = Sha256::digest(text)
        .iter()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{}~z{digits}", &escaped[..WHOLE])
}

/// So much of a long text is in its key as it is.
const WHOLE: usize = 96;

/// What the parts of all texts begin with that begin like this one. Of a long text it is only the beginning, so that
/// parts of others may begin like this, too.
fn beginning(text: &str) -> String {
    let mut escaped = escape(text);
    escaped.truncate(WHOLE);
    escaped
}

/// All rows of the provider's side.
pub(crate) fn isp_range() -> KeyRange {
    KeyRange {
        start: Some(row("a")),
        end: Some(row("b")),
    }
}

/// Of a range, what lies behind a position that a client sent (`-` is the smallest key character). `None` if that is none of
/// ours: it is not in the range, or longer than a row's key of ours ever is.
pub(crate) fn behind(range: KeyRange, position: &str) -> Option<KeyRange> {
    let key = RowKey::new(position).ok()?;
    if !range.contains(&key) {
        return None;
    }
    Some(KeyRange {
        start: Some(RowKey::new(format!("{key}-")).ok()?),
        end: range.end,
    })
}

/// The row of a thing whose key says where it is; `None` for reservations and VLANs that somebody has, whose rows are named
/// by what they are of.
pub(crate) fn entity(key: &EntityKey) -> Option<RowKey> {
    Some(match key {
        EntityKey::Pool(id) => of_id("ap_", *id),
        EntityKey::Subscriber(id) => row(format!("au_{}", part(id.as_str()))),
        EntityKey::Plan(id) => of_id("ag_", *id),
        EntityKey::Profile(id) => row(format!("af_{}", part(id.as_str()))),
        EntityKey::VlanPool(id) => of_id("av_", *id),
        EntityKey::Policy => row("ak_policy"),
        EntityKey::Template(id) => of_id("am_", *id),
        EntityKey::Webhook(id) => of_id("aw_", *id),
        // The newest comes first.
        EntityKey::Alert(id) => of_id("al_", Uuid::from_u128(!id.as_u128())),
        EntityKey::Outbox(id) => of_id("ao_", Uuid::from_u128(!id.as_u128())),
        EntityKey::Reservation(_) | EntityKey::VlanBinding(_) => return None,
    })
}

/// All pools, plans, webhooks and the policy: what is known by heart.
pub(crate) fn book_ranges() -> [KeyRange; 4] {
    [all("ap_"), all("ag_"), all("aw_"), all("ak_")]
}

/// All things of a kind that has rows of its own, in their order.
pub(crate) fn things(stem: ThingRows) -> KeyRange {
    all(stem.stem())
}

/// Kinds of rows that are listed as they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThingRows {
    Subscribers,
    Profiles,
    VlanPools,
    VlanBindings,
    Templates,
    Alerts,
    Outbox,
    Reservations,
}

impl ThingRows {
    const fn stem(self) -> &'static str {
        match self {
            Self::Subscribers => "au_",
            Self::Profiles => "af_",
            Self::VlanPools => "av_",
            Self::VlanBindings => "ay_",
            Self::Templates => "am_",
            Self::Alerts => "al_",
            Self::Outbox => "ao_",
            Self::Reservations => "ar_",
        }
    }
}

/// Subscribers whose ids begin like this; if it is long, some others, too.
pub(crate) fn subscribers_from(stem: &str) -> KeyRange {
    all(&format!("au_{}", beginning(stem)))
}

/// That a subscriber has a plan.
pub(crate) fn plan_of(plan: Uuid, subscriber: &SubscriberId) -> RowKey {
    row(format!("ae_{}_{}", plan.simple(), part(subscriber.as_str())))
}

/// Subscribers that have a plan, in the order of their ids.
pub(crate) fn subscribers_of_plan(plan: Uuid) -> KeyRange {
    all(&format!("ae_{}_", plan.simple()))
}

/// A pool's counters.
pub(crate) fn pool_counters(pool: Uuid) -> RowKey {
    of_id("ac_", pool)
}

/// What a pool did on a day, counted from 1970-01-01.
pub(crate) fn pool_day(pool: Uuid, day: i32) -> RowKey {
    row(format!("ad_{}_{:08x}", pool.simple(), day.max(0)))
}

/// Days of a pool from one on.
pub(crate) fn pool_days(pool: Uuid, from: i32) -> KeyRange {
    KeyRange {
        start: Some(pool_day(pool, from)),
        end: Some(row(format!("ad_{}_{LAST}", pool.simple()))),
    }
}

/// The day of such a row.
pub(crate) fn parse_pool_day(key: &RowKey) -> Option<i32> {
    i32::from_str_radix(key.as_str().strip_prefix("ad_")?.split_once('_')?.1, 16).ok()
}

/// A reservation.
pub(crate) fn reservation(prefix: &Prefix, id: Uuid) -> RowKey {
    row(format!("ar_{}_{}", prefix_text(prefix), id.simple()))
}

/// Reservations at a prefix, oldest first.
pub(crate) fn reservations_at(prefix: &Prefix) -> KeyRange {
    all(&format!("ar_{}_", prefix_text(prefix)))
}

/// Reservations in a prefix, in order of their addresses, those of one oldest first.
pub(crate) fn reservations_in(prefix: &Prefix) -> KeyRange {
    KeyRange {
        start: Some(row(format!("ar_{}_", prefix_text(prefix)))),
        end: Some(row(format!(
            "ar_{}_{LAST}",
            prefix_text(&prefix.last_descendant())
        ))),
    }
}

const fn type_digit(ip_type: IpType) -> char {
    match ip_type {
        IpType::Ipv4 => '4',
        IpType::Ipv6 => '6',
        IpType::Ipv6Prefix => 'p',
    }
}

/// What a subscriber holds of a type.
pub(crate) fn held(subscriber: &SubscriberId, ip_type: IpType) -> RowKey {
    row(format!(
        "as_{}_0{}",
        part(subscriber.as_str()),
        type_digit(ip_type)
    ))
}

/// What rests for a subscriber of a type: the last that they released.
pub(crate) fn rests_for(subscriber: &SubscriberId, ip_type: IpType) -> RowKey {
    row(format!(
        "as_{}_1{}",
        part(subscriber.as_str()),
        type_digit(ip_type)
    ))
}

/// That a subscriber had a reservation; the newest comes first.
pub(crate) fn had(subscriber: &SubscriberId, reservation: Uuid) -> RowKey {
    let descending = Uuid::from_u128(!reservation.as_u128());
    row(format!(
        "as_{}_2{}",
        part(subscriber.as_str()),
        descending.simple()
    ))
}

/// The reservation of such a row.
pub(crate) fn parse_had(key: &RowKey) -> Option<Uuid> {
    let (_, id) = key.as_str().rsplit_once("_2")?;
    Some(Uuid::from_u128(!Uuid::try_parse(id).ok()?.as_u128()))
}

/// All that a subscriber ever had, newest first.
pub(crate) fn all_had(subscriber: &SubscriberId) -> KeyRange {
    all(&format!("as_{}_2", part(subscriber.as_str())))
}

/// What a unique value of a subscriber is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unique {
    /// The RADIUS user name.
    Username,
    /// The number.
    Number,
}

/// Whose a unique value is.
pub(crate) fn unique(kind: Unique, value: &str) -> RowKey {
    row(format!("{}{}", unique_stem(kind), part(value)))
}

/// Unique values that begin like this; if it is long, some others, too.
pub(crate) fn uniques_from(kind: Unique, stem: &str) -> KeyRange {
    all(&format!("{}{}", unique_stem(kind), beginning(stem)))
}

const fn unique_stem(kind: Unique) -> &'static str {
    match kind {
        Unique::Username => "ai_u_",
        Unique::Number => "ai_n_",
    }
}

/// That a network profile names an address or prefix.
pub(crate) fn profile_address(prefix: &Prefix, subscriber: &SubscriberId) -> RowKey {
    row(format!(
        "aa_{}_{}",
        prefix_text(prefix),
        part(subscriber.as_str())
    ))
}

/// Profiles that name a prefix.
pub(crate) fn profiles_at(prefix: &Prefix) -> KeyRange {
    all(&format!("aa_{}_", prefix_text(prefix)))
}

/// Profiles that name something in a prefix.
pub(crate) fn profiles_in(prefix: &Prefix) -> KeyRange {
    KeyRange {
        start: Some(row(format!("aa_{}_", prefix_text(prefix)))),
        end: Some(row(format!(
            "aa_{}_{LAST}{LAST}",
            prefix_text(&prefix.last_descendant())
        ))),
    }
}

/// Whose profile names a delegated prefix: once, and found by who looks for what contains an address.
pub(crate) fn profile_prefix(prefix: &Prefix) -> RowKey {
    row(format!("a6_{}", prefix_text(prefix)))
}

/// All addresses that profiles name.
pub(crate) fn profile_addresses() -> KeyRange {
    all("aa_")
}

/// The prefix in such a row.
pub(crate) fn parse_profile_address(key: &RowKey) -> Option<Prefix> {
    parse_prefix_text(key.as_str().strip_prefix("aa_")?.split_once('_')?.0)
}

/// Whose a line is: what Option 82 says of it, hashed because it may be long.
pub(crate) fn line(circuit: &str, remote: Option<&str>) -> RowKey {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    hash.update((circuit.len() as u64).to_be_bytes());
    hash.update(circuit);
    if let Some(remote) = remote {
        hash.update(remote);
    }
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    row(format!("ab_{digits}"))
}

/// Tags of a VLAN pool that are taken beneath an outer tag; `None` = the outer ones.
pub(crate) fn vlans_taken(pool: Uuid, outer: Option<u16>) -> RowKey {
    row(format!("aj_{}_{:04x}", pool.simple(), outer.unwrap_or(0)))
}

/// All such rows of a pool.
pub(crate) fn all_vlans_taken(pool: Uuid) -> KeyRange {
    all(&format!("aj_{}_", pool.simple()))
}

/// The outer tag of such a row; 0 = the row of the outer ones.
pub(crate) fn parse_vlans_taken(key: &RowKey) -> Option<u16> {
    let (_, outer) = key.as_str().strip_prefix("aj_")?.split_once('_')?;
    u16::from_str_radix(outer, 16).ok()
}

fn vlan_text(tag: &VlanTag) -> String {
    format!(
        "{:03x}_{:03x}",
        tag.outer.get(),
        tag.inner.map_or(0, |inner| inner.get())
    )
}

/// A VLAN that somebody has: once in its domain.
pub(crate) fn vlan(domain: &str, tag: &VlanTag) -> RowKey {
    row(format!("ay_{}_{}", part(domain), vlan_text(tag)))
}

/// VLANs of a domain that somebody has, in order of their tags.
pub(crate) fn vlans_of(domain: &str) -> KeyRange {
    all(&format!("ay_{}_", part(domain)))
}

/// VLANs of a domain with outer tags of a range that somebody has, in order of their tags.
pub(crate) fn vlans_between(domain: &str, outer: &VlanRange) -> KeyRange {
    let stem = |id: VlanId| format!("ay_{}_{:03x}_", part(domain), id.get());
    KeyRange {
        start: Some(row(stem(outer.first))),
        end: Some(row(format!("{}{LAST}", stem(outer.last)))),
    }
}

/// Where a VLAN binding is.
pub(crate) fn vlan_by_id(id: Uuid) -> RowKey {
    of_id("az_", id)
}

fn holder_text(holder: &VlanHolder) -> String {
    match holder {
        VlanHolder::Subscriber(id) => format!("ah_s{}_", part(id.as_str())),
        VlanHolder::Port(port) => format!("ah_p{}_", part(port)),
    }
}

/// That somebody has a VLAN in a domain.
pub(crate) fn vlan_by_holder(holder: &VlanHolder, domain: &str, tag: &VlanTag) -> RowKey {
    row(format!(
        "{}{}_{}",
        holder_text(holder),
        part(domain),
        vlan_text(tag)
    ))
}

/// VLANs that somebody has; of one domain, or of all.
pub(crate) fn vlans_of_holder(holder: &VlanHolder, domain: Option<&str>) -> KeyRange {
    let stem = holder_text(holder);
    match domain {
        Some(domain) => all(&format!("{stem}{}_", part(domain))),
        None => all(&stem),
    }
}

/// A webhook's secret.
pub(crate) fn webhook_secret(id: Uuid) -> RowKey {
    of_id("ax_w_", id)
}

/// A subscriber's RADIUS password.
pub(crate) fn subscriber_secret(id: &SubscriberId) -> RowKey {
    row(format!("ax_s_{}", part(id.as_str())))
}

/// When an entry of the outbox is tried next, in seconds since 1970.
pub(crate) fn outbox_due(second: i64, id: Uuid) -> RowKey {
    row(format!("aq_{:012x}_{}", second.max(0), id.simple()))
}

/// Entries of the outbox that are to be tried before a second.
pub(crate) fn outbox_due_before(second: i64) -> KeyRange {
    KeyRange {
        start: Some(row("aq_")),
        end: Some(row(format!("aq_{:012x}", second.max(0)))),
    }
}

/// The second and the id of such a row.
pub(crate) fn parse_outbox_due(key: &RowKey) -> Option<(i64, Uuid)> {
    let (second, id) = key.as_str().strip_prefix("aq_")?.split_once('_')?;
    Some((i64::from_str_radix(second, 16).ok()?, Uuid::try_parse(id).ok()?))
}

/// What becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DueKind {
    /// A reservation's time is over.
    Expiry,
    /// A released address has rested.
    Reclaim,
    /// An entry of the outbox that is over is forgotten.
    OutboxEnd,
}

const DUE_KINDS: [(DueKind, char); 3] = [
    (DueKind::Expiry, 'e'),
    (DueKind::Reclaim, 'r'),
    (DueKind::OutboxEnd, 'o'),
];

/// What is due at a second since 1970.
pub(crate) fn due(second: i64, kind: DueKind, id: Uuid) -> RowKey {
    let letter = DUE_KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or('e', |(_, letter)| *letter);
    row(format!("at_{:012x}_{letter}{}", second.max(0), id.simple()))
}

/// What is due before a second.
pub(crate) fn due_before(second: i64) -> KeyRange {
    KeyRange {
        start: Some(row("at_")),
        end: Some(row(format!("at_{:012x}", second.max(0)))),
    }
}

/// Second, kind and id of such a row.
pub(crate) fn parse_due(key: &RowKey) -> Option<(i64, DueKind, Uuid)> {
    let (second, rest) = key.as_str().strip_prefix("at_")?.split_once('_')?;
    let mut letters = rest.chars();
    let letter = letters.next()?;
    let kind = DUE_KINDS.iter().find(|(_, known)| *known == letter)?.0;
    Some((
        i64::from_str_radix(second, 16).ok()?,
        kind,
        Uuid::try_parse(letters.as_str()).ok()?,
    ))
}

/// Kinds of things with names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Pool,
    Plan,
    VlanPool,
    Template,
    Webhook,
}

/// Whose a name is. Names are compared without case.
pub(crate) fn name(kind: Named, name: &str) -> RowKey {
    let letter = match kind {
        Named::Pool => 'p',
        Named::Plan => 'g',
        Named::VlanPool => 'v',
        Named::Template => 'm',
        Named::Webhook => 'w',
    };
    row(format!("an_{letter}_{}", part(&name.to_lowercase())))
}

#[cfg(test)]
mod tests;
