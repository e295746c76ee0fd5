//! How rows are named (DESIGN §9). A partition holds everything that changes together; inside it the first
//! characters of a row key say what the row is:
//!
//! | key | row |
//! |---|---|
//! | `head` | version, epoch, counts: asserted and rewritten by every commit |
//! | `n_{prefix}` | node |
//! | `i_{id}` | id → prefix, kept when the node is deleted: its history is found by its id |
//! | `d_{tag}` | tag definition |
//! | `t_{tag}_{value}_{prefix}` | index of explicit tag values |
//! | `h_{prefix}_{descending version}` | state of a node after each change |
//! | `j_{version}` and `j_{version}_{chunk}` | journal of commands |
//! | `o_{length}{block}` | which places of that length are taken by nodes, 1,024 to a row |
//! | `m_{import}` | an import and how far it is |
//! | `l_{import}_{line}` | a line of an import that failed |
//! | `p_{plan}_{chunk}` | writes of a command that is larger than a commit, until they are folded in |
//! | `k_{hash}`, `e_{hour}_{hash}` | idempotency record, and its index by expiry |
//! | `a…` | the provider's side: `keys/isp.rs` |
//! | `format`, `restoring` | in the catalogue's partition: what the table is, and that it is not whole yet |
//!
//! A prefix is written as `4` or `6`, the address in hex, and the length in hex, so that keys sort by family,
//! address, then shorter length first: parents before children.

mod isp;
mod system;

pub(crate) use isp::*;
pub(crate) use system::*;

use cadastre_domain::free_space::Occupancy;
use cadastre_domain::tags::{TagName, TagValue};
use cadastre_domain::{Family, Prefix};
use cadastre_storage::{KeyRange, PartitionKey, RowKey, escape, unescape};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use uuid::Uuid;

/// Greatest legal key character: `{prefix}~` sorts behind every key that begins with `{prefix}` and goes on
/// with a letter, a digit or `_`.
const LAST: char = '~';

/// Builds a key from parts that are legal by construction.
fn row(text: impl AsRef<str>) -> RowKey {
    match RowKey::new(text) {
        Ok(key) => key,
        // Every part is escaped or made of digits and bounded in length, see the callers and their tests.
        Err(error) => unreachable!("{error}"),
    }
}

fn partition(text: impl AsRef<str>) -> PartitionKey {
    match PartitionKey::new(text) {
        Ok(key) => key,
        Err(error) => unreachable!("{error}"),
    }
}

/// The catalogue's partition.
pub(crate) fn system_partition() -> PartitionKey {
    partition("SYSTEM")
}

/// A space's partition.
pub(crate) fn space_partition(space: Uuid) -> PartitionKey {
    partition(space.to_string())
}

/// A user's partition.
pub(crate) fn user_partition(name: &str) -> PartitionKey {
    partition(format!("user_{}", escape(name)))
}

/// The head of any partition.
pub(crate) fn head() -> RowKey {
    row("head")
}

fn prefix_text(prefix: &Prefix) -> String {
    with_prefix("", prefix)
}

/// `stem` and a prefix behind it. Written by hand: every command makes some of these.
fn with_prefix(stem: &str, prefix: &Prefix) -> String {
    let (family, digits) = match prefix.family() {
        Family::V4 => ('4', 8),
        Family::V6 => ('6', 32),
    };
    let mut text = String::with_capacity(stem.len() + 3 + digits + 17);
    text.push_str(stem);
    text.push(family);
    // The bits of both families stand at the top.
    for digit in 0..digits {
        push_hex(&mut text, (prefix.bits() >> (124 - 4 * digit)) as u8);
    }
    push_hex(&mut text, prefix.len() >> 4);
    push_hex(&mut text, prefix.len());
    text
}

/// The lowest four bits as a digit.
fn push_hex(text: &mut String, bits: u8) {
    text.push(char::from(b"0123456789abcdef"[usize::from(bits & 15)]));
}

fn parse_prefix_text(text: &str) -> Option<Prefix> {
    let (family, rest) = text.split_at_checked(1)?;
    let (address, len) = rest.split_at_checked(rest.len().checked_sub(2)?)?;
    let len = u8::from_str_radix(len, 16).ok()?;
    let address = match (family, address.len()) {
        ("4", 8) => IpAddr::V4(Ipv4Addr::from(u32::from_str_radix(address, 16).ok()?)),
        ("6", 32) => IpAddr::V6(Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?)),
        _ => return None,
    };
    Prefix::new(address, len).ok()
}

/// A node's row.
pub(crate) fn node(prefix: &Prefix) -> RowKey {
    row(with_prefix("n_", prefix))
}

/// The prefix of a node's row.
pub(crate) fn node_prefix(key: &RowKey) -> Option<Prefix> {
    parse_prefix_text(key.as_str().strip_prefix("n_")?)
}

/// Nodes in a prefix, that at the prefix itself included.
pub(crate) fn subtree_range(of: &Prefix) -> KeyRange {
    KeyRange {
        start: Some(node(of)),
        ..node_range(None, Some(&of.last_descendant()))
    }
}

/// Smallest key a node can have.
pub(crate) fn node_floor() -> RowKey {
    row("n_")
}

/// The key just before a node's key, as far as node keys go: to look further back than a row.
pub(crate) fn before_node(prefix: &Prefix) -> Option<RowKey> {
    let (digits, bits) = match prefix.family() {
        Family::V4 => (8, prefix.bits() >> 96),
        Family::V6 => (32, prefix.bits()),
    };
    let family = if digits == 8 { '4' } else { '6' };
    // Not always a canonical prefix, which does not matter for a bound.
    if prefix.len() > 0 {
        Some(row(format!("n_{family}{bits:0digits$x}{:02x}", prefix.len() - 1)))
    } else if bits > 0 {
        Some(row(format!("n_{family}{:0digits$x}ff", bits - 1)))
    } else if digits == 32 {
        Some(row(format!("n_4{LAST}")))
    } else {
        None
    }
}

/// Nodes after `after` (exclusive; `None` = from the first) up to `up_to` (inclusive; `None` = to the last).
pub(crate) fn node_range(after: Option<&Prefix>, up_to: Option<&Prefix>) -> KeyRange {
    KeyRange {
        start: Some(after.map_or_else(node_floor, |p| row(format!("n_{}-", prefix_text(p))))),
        end: Some(up_to.map_or_else(
            || row(format!("n_{LAST}")),
            |p| row(format!("n_{}-", prefix_text(p))),
        )),
    }
}

/// id → prefix.
pub(crate) fn id(id: Uuid) -> RowKey {
    row(format!("i_{}", id.simple()))
}

/// Rows of the ids from one up to another (inclusive).
pub(crate) fn id_range(first: Uuid, last: Uuid) -> KeyRange {
    KeyRange {
        start: Some(id(first)),
        end: Some(row(format!("i_{}{LAST}", last.simple()))),
    }
}

/// A tag definition.
pub(crate) fn tag(name: &TagName) -> RowKey {
    row(format!("d_{}", escape(name.as_ref())))
}

/// All tag definitions.
pub(crate) fn tag_range() -> KeyRange {
    KeyRange {
        start: Some(row("d_")),
        end: Some(row(format!("d_{LAST}"))),
    }
}

/// First key behind a tag definition's (`-` is the smallest key character).
pub(crate) fn after_tag(name: &TagName) -> RowKey {
    row(format!("d_{}-", escape(name.as_ref())))
}

/// All tag definitions from an escaped name on.
pub(crate) fn tag_range_from(text: &str) -> KeyRange {
    KeyRange {
        start: Some(row(format!("d_{text}"))),
        ..tag_range()
    }
}

/// The escaped name in the key of a tag definition.
pub(crate) fn tag_text(key: &RowKey) -> &str {
    key.as_str().strip_prefix("d_").unwrap_or_default()
}

fn value_text(tag: &TagName, value: &TagValue) -> String {
    format!("t_{}_{}_", escape(tag.as_ref()), escape(value.as_ref()))
}

/// An entry of the index of explicit tag values.
pub(crate) fn value(tag: &TagName, value: &TagValue, prefix: &Prefix) -> RowKey {
    row(format!("{}{}", value_text(tag, value), prefix_text(prefix)))
}

/// Entries of one tag and value, after `after` (exclusive) up to `up_to` (inclusive).
pub(crate) fn value_range(
    tag: &TagName,
    value: &TagValue,
    after: Option<&Prefix>,
    up_to: Option<&Prefix>,
) -> KeyRange {
    let stem = value_text(tag, value);
    KeyRange {
        start: Some(after.map_or_else(|| row(&stem), |p| row(format!("{stem}{}-", prefix_text(p))))),
        end: Some(up_to.map_or_else(
            || row(format!("{stem}{LAST}")),
            |p| row(format!("{stem}{}-", prefix_text(p))),
        )),
    }
}

/// Entries of one tag, any value; with `after`, only values that sort behind that one's escaped text.
pub(crate) fn values_range(tag: &TagName, after: Option<&TagValue>) -> KeyRange {
    let stem = format!("t_{}_", escape(tag.as_ref()));
    KeyRange {
        start: Some(after.map_or_else(|| row(&stem), |v| row(format!("{}{LAST}", value_text(tag, v))))),
        end: Some(row(format!("{stem}{LAST}{LAST}"))),
    }
}

/// Value and prefix of an index entry.
pub(crate) fn parse_value(key: &RowKey) -> Option<(TagValue, Prefix)> {
    parse_index(key).map(|(_, value, prefix)| (value, prefix))
}

/// Tag, value and prefix of an index entry.
pub(crate) fn parse_index(key: &RowKey) -> Option<(TagName, TagValue, Prefix)> {
    let mut parts = index_text(key).split('_');
    let tag = TagName::new(&unescape(parts.next()?)?).ok()?;
    let value = TagValue::new(&unescape(parts.next()?)?).ok()?;
    Some((tag, value, parse_prefix_text(parts.next()?)?))
}

/// What stands in the key of an index entry: `{tag}_{value}_{prefix}`.
pub(crate) fn index_text(key: &RowKey) -> &str {
    key.as_str().strip_prefix("t_").unwrap_or_default()
}

/// Entries of the whole index from such a text on.
pub(crate) fn index_range(from: &str) -> KeyRange {
    KeyRange {
        start: Some(row(format!("t_{from}"))),
        end: Some(row(format!("t_{LAST}"))),
    }
}

/// A node's state after the change of that version.
pub(crate) fn history(prefix: &Prefix, version: u64) -> RowKey {
    let mut text = with_prefix("h_", prefix);
    text.push('_');
    // The newest sorts first.
    for digit in 0..16 {
        push_hex(&mut text, (!version >> (60 - 4 * digit)) as u8);
    }
    row(text)
}

/// First part of an occupancy key.
fn occupancy_stem(family: Family, len: u8) -> String {
    let family = match family {
        Family::V4 => '4',
        Family::V6 => '6',
    };
    format!("o_{family}{len:02x}_")
}

/// Taken places of a length in a block.
pub(crate) fn occupancy(block: &Prefix, len: u8) -> RowKey {
    row(format!(
        "{}{}",
        occupancy_stem(block.family(), len),
        prefix_text(block)
    ))
}

/// Rows of the taken places of a length beneath a prefix, or, where one row reaches further than the prefix, that
/// row.
pub(crate) fn occupancy_range(beneath: &Prefix, len: u8) -> KeyRange {
    let stem = occupancy_stem(beneath.family(), len);
    let last = Occupancy::block_of(beneath.last_descendant().truncate(len)).0;
    // Of the blocks that begin where `beneath` begins, the one that long sorts first.
    let first = beneath.truncate(last.len().min(beneath.len()));
    KeyRange {
        start: Some(row(format!("{stem}{}", prefix_text(&first)))),
        end: Some(row(format!("{stem}{}-", prefix_text(&last)))),
    }
}

/// The block of an occupancy row.
pub(crate) fn parse_occupancy(key: &RowKey) -> Option<Prefix> {
    parse_prefix_text(key.as_str().strip_prefix("o_")?.split_once('_')?.1)
}

/// The journal row of a command.
pub(crate) fn journal(version: u64) -> RowKey {
    row(format!("j_{version:016x}"))
}

/// A chunk of a large journal row.
pub(crate) fn journal_chunk(version: u64, chunk: usize) -> RowKey {
    row(format!("j_{version:016x}_{chunk:04x}"))
}

/// Journal rows (and their chunks) of versions `from ..= to`.
pub(crate) fn journal_range(from: u64, to: u64) -> KeyRange {
    KeyRange {
        start: Some(journal(from)),
        end: Some(row(format!("j_{to:016x}{LAST}"))),
    }
}

/// An idempotency record.
pub(crate) fn idempotency(key_hash: &str) -> RowKey {
    row(format!("k_{}", escape(key_hash)))
}

/// Index of idempotency records by the hour they expire in.
pub(crate) fn idempotency_expiry(hour: i64, key_hash: &str) -> RowKey {
    row(format!("e_{:012x}_{}", hour.max(0), escape(key_hash)))
}

/// Index entries of hours before `hour`.
pub(crate) fn idempotency_expired(hour: i64) -> KeyRange {
    KeyRange {
        start: Some(row("e_")),
        end: Some(row(format!("e_{:012x}", hour.max(0)))),
    }
}

/// The key hash of an index entry.
pub(crate) fn parse_idempotency_expiry(key: &RowKey) -> Option<String> {
    unescape(key.as_str().strip_prefix("e_")?.split_once('_')?.1)
}

/// An import.
pub(crate) fn import(import: Uuid) -> RowKey {
    row(format!("m_{}", import.simple()))
}

/// All imports of a space.
pub(crate) fn imports() -> KeyRange {
    KeyRange {
        start: Some(row("m_")),
        end: Some(row(format!("m_{LAST}"))),
    }
}

/// A line of an import that failed.
pub(crate) fn failed_line(import: Uuid, line: u64) -> RowKey {
    row(format!("l_{}_{line:016x}", import.simple()))
}

/// The lines of an import that failed, behind one of them.
pub(crate) fn failed_lines(import: Uuid, after: Option<u64>) -> KeyRange {
    KeyRange {
        start: Some(failed_line(
            import,
            after.map_or(0, |line| line.saturating_add(1)),
        )),
        end: Some(row(format!("l_{}_{LAST}", import.simple()))),
    }
}

/// Everything of a space that a purge deletes; head and journal stay.
pub(crate) fn purged_ranges() -> Vec<KeyRange> {
    ["d", "e", "h", "i", "k", "l", "m", "n", "o", "p", "t"]
        .into_iter()
        .map(|kind| KeyRange {
            start: Some(row(format!("{kind}_"))),
            end: Some(row(format!("{kind}_{LAST}{LAST}"))),
        })
        .chain([isp_range()])
        .collect()
}

/// A row of a plan.
pub(crate) fn plan(plan: Uuid, chunk: usize) -> RowKey {
    row(format!("p_{}_{chunk:04x}", plan.simple()))
}

/// All plans of a space.
pub(crate) fn plans() -> KeyRange {
    KeyRange {
        start: Some(row("p_")),
        end: Some(row(format!("p_{LAST}"))),
    }
}

/// A user's account.
pub(crate) fn account() -> RowKey {
    row("account")
}

/// States of one prefix after changes of versions up to `newest`, newest first.
pub(crate) fn history_of(prefix: &Prefix, newest: u64) -> KeyRange {
    KeyRange {
        start: Some(history(prefix, newest)),
        end: Some(row(format!("h_{}_{LAST}", prefix_text(prefix)))),
    }
}

/// First key behind all states of a prefix.
pub(crate) fn after_history(prefix: &Prefix) -> RowKey {
    row(format!("h_{}_{LAST}", prefix_text(prefix)))
}

/// States of prefixes from `from` up to `up_to`, both inclusive; `None` = open.
pub(crate) fn history_range(from: Option<&Prefix>, up_to: Option<&Prefix>) -> KeyRange {
    KeyRange {
        start: Some(from.map_or_else(|| row("h_"), |p| row(format!("h_{}_", prefix_text(p))))),
        end: Some(up_to.map_or_else(|| row(format!("h_{LAST}")), after_history)),
    }
}

/// Prefix and version of a history row.
pub(crate) fn parse_history(key: &RowKey) -> Option<(Prefix, u64)> {
    let (prefix, version) = key.as_str().strip_prefix("h_")?.split_once('_')?;
    Some((
        parse_prefix_text(prefix)?,
        !u64::from_str_radix(version, 16).ok()?,
    ))
}

/// Version of a journal row, and whether it is a chunk.
pub(crate) fn parse_journal(key: &RowKey) -> Option<(u64, bool)> {
    let text = key.as_str().strip_prefix("j_")?;
    match text.split_once('_') {
        Some((version, _)) => Some((u64::from_str_radix(version, 16).ok()?, true)),
        None => Some((u64::from_str_radix(text, 16).ok()?, false)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn any_prefix() -> impl Strategy<Value = Prefix> {
        prop_oneof![
            (any::<u32>(), 0u8..=32)
                .prop_map(|(a, l)| Prefix::new_masked(Ipv4Addr::from(a).into(), l).unwrap()),
            (any::<u128>(), 0u8..=128).prop_filter_map("mapped", |(a, l)| {
                Prefix::new_masked(Ipv6Addr::from(a).into(), l).ok()
            }),
        ]
    }

    fn inside(range: &KeyRange, key: &RowKey) -> bool {
        range.start.as_ref().is_none_or(|s| s <= key) && range.end.as_ref().is_none_or(|e| key < e)
    }

    proptest! {
        #[test]
        fn node_keys_sort_as_prefixes_do_and_read_back(a in any_prefix(), b in any_prefix()) {
            prop_assert_eq!(node(&a).cmp(&node(&b)), a.cmp(&b));
            prop_assert_eq!(node_prefix(&node(&a)), Some(a));
        }

        #[test]
        fn node_ranges_hold_exactly_what_lies_after_one_up_to_another(
            a in any_prefix(), b in any_prefix(), x in any_prefix(),
        ) {
            let range = node_range(Some(&a), Some(&b));
            prop_assert_eq!(inside(&range, &node(&x)), a < x && x <= b);
            prop_assert!(inside(&node_range(None, None), &node(&x)));
        }

        #[test]
        fn nothing_lies_between_a_node_key_and_the_bound_before_it(a in any_prefix(), x in any_prefix()) {
            match before_node(&a) {
                Some(bound) => prop_assert_eq!(node(&x) <= bound, x < a),
                None => prop_assert!(x >= a),
            }
        }

        #[test]
        fn users_behind_a_name_are_those_whose_keys_sort_behind_it(
            a in "[a-z0-9][a-z0-9._@-]{0,5}", b in "[a-z0-9][a-z0-9._@-]{0,5}",
        ) {
            let range = user_index_range(Some(&a));
            prop_assert_eq!(inside(&range, &user_index(&b)), user_index(&b) > user_index(&a));
            prop_assert_eq!(parse_user_index(&user_index(&b)), Some(b));
        }

        #[test]
        fn value_entries_read_back_and_stay_in_their_ranges(
            tag in "[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}",
            text in "[^\\p{Cc}\\s]{1,40}",
            other in "[^\\p{Cc}\\s]{1,40}",
            at in any_prefix(),
        ) {
            let tag = TagName::new(&tag).unwrap();
            let (Ok(val), Ok(other)) = (TagValue::new(&text), TagValue::new(&other)) else { return Ok(()); };
            let key = value(&tag, &val, &at);
            prop_assert_eq!(parse_value(&key), Some((val.clone(), at)));
            prop_assert!(inside(&value_range(&tag, &val, None, None), &key));
            prop_assert!(inside(&values_range(&tag, None), &key));
            prop_assert!(!inside(&values_range(&tag, Some(&val)), &key));
            if other != val {
                prop_assert!(!inside(&value_range(&tag, &other, None, None), &key));
            }
        }
    }

    #[test]
    fn the_longest_legal_tag_and_value_still_make_a_legal_key() {
        let tag = TagName::new(&format!("x{}", ":".repeat(63))).unwrap();
        for (character, most) in [("é", 85), ("𝔘", 64), ("/", 113), ("x", 256), (":", 170)] {
            let val = TagValue::new(&character.repeat(most)).unwrap();
            let key = value(&tag, &val, &Prefix::everything(Family::V6));
            // A search goes on behind it, and ranges end behind it.
            let _ = index_range(&format!("{}-", index_text(&key)));
            let _ = (
                value_range(&tag, &val, None, None),
                values_range(&tag, Some(&val)),
            );
        }
    }
}
