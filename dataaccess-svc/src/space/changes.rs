//! The journal as a feed: slices behind a version, clipped to the caller's scope, and waiting for more.

use std::time::Duration;

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{
    ChangesPage, ChangesQuery, JournalMark, JournalView, Since, ThingChange, ThingState, WaitQuery,
};
use cadastre_domain::{Prefix, Scope};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::journal::{entries, pruned, whole};
use super::view::{node_state, tag_view};
use super::{SpaceHandle, isp};
use crate::errors::{Failure, Outcome};
use crate::records::{HeadRecord, JournalEntry, JournalImage, NodeRecord};

/// Commands, and nodes of imports, that one slice looks at.
const VISITS_PER_SLICE: usize = 2_000;
/// Longest wait in one call: well below the time that a call over HTTP may take.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How often the head is looked at where others write the store.
const POLL: Duration = Duration::from_millis(250);

fn mark(head: &HeadRecord, version: u64) -> JournalMark {
    JournalMark {
        incarnation: head.incarnation,
        version,
    }
}

fn another_life(head: &HeadRecord) -> Failure {
    Failure::refused(
        ErrorCode::Gone,
        format!(
            "This position is not of the present life of the address space: it was restored, or the position is not its \
             own. Read the present state and go on from version {}.",
            head.version
        ),
    )
}

/// The version behind which a slice begins.
fn begin(head: &HeadRecord, since: Since) -> Outcome<u64> {
    let version = match since {
        Since::Beginning => return Ok(head.pruned),
        Since::Now => return Ok(head.version),
        Since::Version(version) => version,
        Since::Mark(mark) if mark.incarnation == head.incarnation => mark.version,
        Since::Mark(_) => return Err(another_life(head)),
    };
    if version > head.version {
        return Err(another_life(head));
    }
    if version < head.pruned {
        return Err(pruned(head));
    }
    Ok(version)
}

impl SpaceHandle {
    /// A slice of the journal.
    pub(crate) async fn changes(&self, scope: &Scope, query: &ChangesQuery) -> Outcome<ChangesPage> {
        let published = self.present().await?;
        let head = &published.head;
        let mut reached = begin(head, query.since)?;
        let mut items = Vec::new();
        let mut visited = 0;
        while reached < head.version && items.len() < query.limit && visited < VISITS_PER_SLICE {
            let wanted = (query.limit - items.len()).clamp(1, 256);
            let slice = entries(self.durable(), reached, head.version, wanted).await?;
            let large = slice.len() < wanted;
            for entry in slice {
                reached = entry.version;
                // Of the nodes of an import only those are read that the caller may see.
                let wanted = |prefix: &Prefix| scope.covers(prefix);
                visited += 1 + entry.nodes.iter().filter(|prefix| wanted(prefix)).count();
                items.extend(clipped(whole(self.durable(), entry, wanted).await?, scope));
                if visited >= VISITS_PER_SLICE {
                    break;
                }
            }
            if large && !items.is_empty() {
                break;
            }
        }
        Ok(ChangesPage {
            items,
            reached: mark(head, reached),
            head: head.version,
        })
    }

    /// Answers when the space has passed a version (or is another), or time is up.
    pub(crate) async fn wait_for_change(
        &self,
        query: &WaitQuery,
        leaving: &CancellationToken,
    ) -> Outcome<JournalMark> {
        let deadline = Instant::now() + Duration::from_millis(query.at_most_ms).min(LONGEST_WAIT);
        let mut moved = self.moved.subscribe();
        loop {
            // Before the head is read: what comes behind that wakes us.
            moved.mark_unchanged();
            let head = &self.present().await?.head;
            let now = mark(head, head.version);
            let other = now.incarnation != query.above.incarnation;
            if other || now.version > query.above.version || Instant::now() >= deadline {
                return Ok(now);
            }
            let until = if self.store.limits().exclusive {
                deadline
            } else {
                deadline.min(Instant::now() + POLL)
            };
            tokio::select! {
                () = leaving.cancelled() => {
                    return Err(Failure::Refused(Box::new(
                        cadastre_api_types::ApiError::new(ErrorCode::Overloaded, "The server is shutting down; ask again.")
                            .with_retry_after(1),
                    )));
                }
                _ = moved.changed() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}

/// An entry as a caller sees it; `None` if nothing in it is for them.
pub(super) fn clipped(entry: JournalEntry, scope: &Scope) -> Option<JournalView> {
    let changes: Vec<ThingChange> = entry
        .changes
        .into_iter()
        .filter_map(|image| thing(image, scope))
        .collect();
    if changes.is_empty() && *scope != Scope::Whole {
        return None;
    }
    Some(JournalView {
        version: entry.version,
        time: entry.time,
        actor: entry.actor,
        correlation_id: entry.correlation_id,
        command: entry.command,
        reverts: entry.reverts,
        changes,
    })
}

fn thing(image: JournalImage, scope: &Scope) -> Option<ThingChange> {
    match image {
        JournalImage::Node { before, after } => {
            let state = |node: Option<NodeRecord>| {
                node.filter(|node| scope.covers(&node.prefix))
                    .and_then(|node| node_state(node, scope))
                    .map(ThingState::Node)
            };
            let (before, after) = (state(before), state(after));
            (before.is_some() || after.is_some()).then_some(ThingChange { before, after })
        }
        // Definitions are for everybody who sees the space.
        JournalImage::Tag { before, after, .. } => {
            let state = |record: Option<crate::records::TagRecord>| {
                record.map(|record| ThingState::Tag(tag_view(&record)))
            };
            Some(ThingChange {
                before: state(before),
                after: state(after),
            })
        }
        JournalImage::Entity { before, after } => isp::clipped_change(before, after, scope),
        JournalImage::Space { .. } | JournalImage::User { .. } => None,
    }
}
