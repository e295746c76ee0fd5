//! Whether everything that a change touched is still as the change left it, and if not, who changed it since.

use std::collections::BTreeSet;

use cadastre_api_types::internal::NodeRef;
use cadastre_domain::Prefix;
use cadastre_domain::tags::TagName;
use serde_json::json;
use uuid::Uuid;

use super::super::decide::Decider;
use super::super::journal::bare_entry;
use super::super::read::{find, parse_id_row};
use super::{NodeImage, cannot};
use crate::errors::{Failure, Outcome};
use crate::keys;
use crate::records::{JournalImage, NodeRecord, TagRecord};
use crate::rows::Rows;

/// Things named in a refusal.
const NAMED: usize = 5;
/// Changes of definitions that are looked through for the one that changed a tag.
const DEFINITIONS_READ: usize = 200;

/// A place that is not as it was left.
struct Moved {
    /// Prefix, or name of a tag.
    name: String,
    /// What became of it.
    how: &'static str,
    /// The version that did it, if that can be told.
    by: Option<u64>,
}

/// Refuses if a node is not as the change left it.
pub(super) async fn check_nodes(decider: &Decider<'_>, version: u64, images: &[NodeImage]) -> Outcome<()> {
    let rows = decider.resolver.rows();
    let left: BTreeSet<Prefix> = images
        .iter()
        .filter_map(|(_, after)| Some(after.as_ref()?.prefix))
        .collect();
    let living: BTreeSet<Uuid> = images
        .iter()
        .filter_map(|(_, after)| Some(after.as_ref()?.ip_id))
        .collect();
    let mut moved = Vec::new();
    let mut count = 0;
    for (number, (before, after)) in images.iter().enumerate() {
        if number % 512 == 511 {
            tokio::task::yield_now().await;
        }
        let mut found = None;
        if let Some(after) = after {
            let now = rows.node(&after.prefix).await?;
            if !now.as_ref().is_some_and(|now| says_the_same(now, after)) {
                let how = match now {
                    None => "was removed",
                    Some(now) if now.ip_id == after.ip_id => "was changed",
                    Some(_) => "was replaced by another node",
                };
                found = Some((after.prefix, how));
            }
        }
        if let Some(before) = before
            && found.is_none()
            && !left.contains(&before.prefix)
        {
            if rows.node(&before.prefix).await?.is_some() {
                found = Some((before.prefix, "was made"));
            } else if !living.contains(&before.ip_id) {
                found = elsewhere(decider, before.ip_id, &before.prefix).await?;
            }
        }
        let Some((prefix, how)) = found else { continue };
        count += 1;
        if moved.len() < NAMED {
            moved.push(Moved {
                name: prefix.to_string(),
                how,
                by: last_change(rows, &prefix).await?,
            });
        }
    }
    if count == 0 {
        return Ok(());
    }
    Err(refusal(rows, version, &moved, count).await?)
}

/// Whether a node is as it was left, whatever happened to it in between: when later changes have been taken back, the one
/// before them can be.
fn says_the_same(now: &NodeRecord, left: &NodeRecord) -> bool {
    now.ip_id == left.ip_id
        && now.prefix == left.prefix
        && now.tags == left.tags
        && now.description == left.description
}

/// A removed node that has lived at another prefix since. Its history goes by its last place, so it must not come to
/// life at an earlier one.
async fn elsewhere(
    decider: &Decider<'_>,
    id: Uuid,
    place: &Prefix,
) -> Outcome<Option<(Prefix, &'static str)>> {
    let rows = decider.resolver.rows();
    let key = keys::id(id);
    let Some(row) = rows.get(&key).await? else {
        return Ok(None);
    };
    let last = parse_id_row(&key, &row)?;
    if last == *place {
        return Ok(None);
    }
    // Only what the caller may see is named.
    let shown = if decider.context.scope.covers(&last) {
        last
    } else {
        *place
    };
    let lives = find(rows, &NodeRef::Id(id)).await?.is_some();
    let how = if lives {
        "is where the node was moved to"
    } else {
        "was the last place of the node"
    };
    Ok(Some((shown, how)))
}

/// The version that last changed what is at a prefix.
async fn last_change(rows: Rows<'_>, prefix: &Prefix) -> Outcome<Option<u64>> {
    let newest = rows.first(&keys::history_of(prefix, u64::MAX)).await?;
    Ok(newest
        .and_then(|(key, _)| keys::parse_history(&key))
        .map(|(_, version)| version))
}

/// Refuses if a tag definition is not as the change left it.
pub(super) async fn check_definition(
    decider: &Decider<'_>,
    version: u64,
    before: Option<&TagRecord>,
    after: Option<&TagRecord>,
) -> Outcome<()> {
    let rows = decider.resolver.rows();
    let Some(name) = before.or(after).map(|record| &record.name) else {
        return Ok(());
    };
    let now: Option<TagRecord> = rows.record(&keys::tag(name)).await?;
    let said = |record: &TagRecord| (record.definition(), record.created_on);
    if now.as_ref().map(said) == after.map(said) {
        return Ok(());
    }
    let how = match (&now, after) {
        (None, _) => "was deleted",
        (Some(_), None) => "was defined",
        (Some(_), Some(_)) => "was changed",
    };
    let by = match now {
        Some(now) => Some(now.revision),
        None => last_definition(decider, version, name).await?,
    };
    let moved = Moved {
        name: format!("tag {name}"),
        how,
        by,
    };
    Err(refusal(rows, version, &[moved], 1).await?)
}

/// The version that last changed a definition, looked for along the links between such changes.
async fn last_definition(decider: &Decider<'_>, version: u64, name: &TagName) -> Outcome<Option<u64>> {
    let mut at = decider.resolver.head().tags_version;
    for _ in 0..DEFINITIONS_READ {
        if at <= version {
            return Ok(None);
        }
        let mut link = None;
        for image in bare_entry(decider.resolver.rows(), at).await?.0.changes {
            if let JournalImage::Tag {
                before,
                after,
                previous,
            } = image
            {
                if before.or(after).is_some_and(|record| record.name == *name) {
                    return Ok(Some(at));
                }
                link = previous;
            }
        }
        at = link.unwrap_or(at - 1);
    }
    Ok(None)
}

/// The refusal that names what is in the way.
async fn refusal(rows: Rows<'_>, version: u64, moved: &[Moved], count: usize) -> Outcome<Failure> {
    let mut sentences = Vec::new();
    let mut listed = Vec::new();
    for one in moved {
        let Some(by) = one.by.filter(|by| *by > version) else {
            sentences.push(format!("{} {} since", one.name, one.how));
            listed.push(json!({ "name": one.name }));
            continue;
        };
        let (entry, _) = bare_entry(rows, by).await?;
        if entry.reverts == Some(version) {
            return Ok(cannot(
                version,
                &format!("it was already taken back by version {by}. To do it again, take version {by} back"),
                json!({ "revertedBy": by }),
            ));
        }
        let what = match entry.reverts {
            Some(other) => format!("{} of version {other}", entry.command),
            None => entry.command.clone(),
        };
        sentences.push(format!("{} {} since by version {by} ({what})", one.name, one.how));
        listed.push(json!({ "name": one.name, "changedBy": by, "command": entry.command }));
    }
    let more = match count - moved.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Ok(cannot(
        version,
        &format!(
            "{}{more}. Take the later changes back first, the latest of them before the others, or make the change by \
             hand",
            sentences.join(", ")
        ),
        json!({ "changedSince": listed, "count": count }),
    ))
}
