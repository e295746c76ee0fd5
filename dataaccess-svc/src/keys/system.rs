//! Rows of the catalogue's partition, beside `head` and `j_{version}`:
//!
//! | key | row |
//! |---|---|
//! | `s_{space}` | space |
//! | `u_{name}` | name of a user |
//! | `x_{space}` | a space whose deletion has begun |
//! | `y_{space}_{plan}` | a space that may have a plan |
//! | `z_{job}` | who does a background job |

use cadastre_storage::{KeyRange, PartitionKey, RowKey, escape, unescape};
use uuid::Uuid;

use super::{LAST, partition, row};
use crate::space::Agenda;

/// The format of the table, in the catalogue's partition.
pub(crate) fn table_format() -> RowKey {
    row("format")
}

/// The mark of a table that is being filled, in the catalogue's partition.
pub(crate) fn restoring() -> RowKey {
    row("restoring")
}

/// A space in the catalogue.
pub(crate) fn catalogue_space(space: Uuid) -> RowKey {
    row(format!("s_{}", space.simple()))
}

/// All spaces in the catalogue.
pub(crate) fn catalogue_spaces() -> KeyRange {
    KeyRange {
        start: Some(row("s_")),
        end: Some(row(format!("s_{LAST}"))),
    }
}

/// The spaces in the catalogue from an id on, up to another.
pub(crate) fn catalogue_spaces_between(from: Uuid, to: Option<Uuid>) -> KeyRange {
    KeyRange {
        start: Some(catalogue_space(from)),
        end: to.map_or_else(|| catalogue_spaces().end, |to| Some(catalogue_space(to))),
    }
}

/// A space whose deletion has begun.
pub(crate) fn purge_hint(space: Uuid) -> RowKey {
    row(format!("x_{}", space.simple()))
}

/// All spaces whose deletion has begun.
pub(crate) fn purge_hints() -> KeyRange {
    KeyRange {
        start: Some(row("x_")),
        end: Some(row(format!("x_{LAST}"))),
    }
}

/// The space of a purge hint.
pub(crate) fn parse_purge_hint(key: &RowKey) -> Option<Uuid> {
    Uuid::try_parse(key.as_str().strip_prefix("x_")?).ok()
}

/// A space that may have a plan.
pub(crate) fn plan_hint(space: Uuid, plan: Uuid) -> RowKey {
    row(format!("y_{}_{}", space.simple(), plan.simple()))
}

/// All spaces that may have a plan.
pub(crate) fn plan_hints() -> KeyRange {
    KeyRange {
        start: Some(row("y_")),
        end: Some(row(format!("y_{LAST}"))),
    }
}

/// The space of such a hint.
pub(crate) fn parse_plan_hint(key: &RowKey) -> Option<Uuid> {
    Uuid::try_parse(key.as_str().strip_prefix("y_")?.split_once('_')?.0).ok()
}

/// Who does a background job.
pub(crate) fn lease(job: &str) -> RowKey {
    row(format!("z_{}", escape(job)))
}

/// A user in the list of users.
pub(crate) fn user_index(name: &str) -> RowKey {
    row(format!("u_{}", escape(name)))
}

/// Users after a name (`-` is the smallest key character, so `{name}-` is the first key behind `{name}`).
pub(crate) fn user_index_range(after: Option<&str>) -> KeyRange {
    KeyRange {
        start: Some(after.map_or_else(|| row("u_"), |name| row(format!("u_{}-", escape(name))))),
        end: Some(row(format!("u_{LAST}{LAST}"))),
    }
}

/// The name of an entry in the list of users.
pub(crate) fn parse_user_index(key: &RowKey) -> Option<String> {
    unescape(key.as_str().strip_prefix("u_")?)
}

/// What is due in which space: see `space/isp/due.rs`.
pub(crate) fn agenda_partition() -> PartitionKey {
    partition("AGENDA")
}

const fn agenda_letter(agenda: Agenda) -> char {
    match agenda {
        Agenda::Timers => 't',
        Agenda::Outbox => 'o',
    }
}

/// That a space has something due from a second on.
pub(crate) fn agenda_hint(agenda: Agenda, second: i64, space: Uuid) -> RowKey {
    row(format!(
        "{}_{:012x}_{}",
        agenda_letter(agenda),
        second.max(0),
        space.simple()
    ))
}

/// Hints of what is due by a second.
pub(crate) fn agenda_until(agenda: Agenda, second: i64) -> KeyRange {
    let letter = agenda_letter(agenda);
    KeyRange {
        start: Some(row(format!("{letter}_"))),
        end: Some(row(format!("{letter}_{:012x}{LAST}", second.max(0)))),
    }
}

/// Second and space of a hint.
pub(crate) fn parse_agenda_hint(key: &RowKey) -> Option<(i64, Uuid)> {
    let mut parts = key.as_str().splitn(3, '_').skip(1);
    let second = i64::from_str_radix(parts.next()?, 16).ok()?;
    Some((second, Uuid::try_parse(parts.next()?).ok()?))
}
