//! Lists of spaces.

use cadastre_api_types::ErrorCode;
use cadastre_api_types::internal::{Listed, SpaceListQuery, SpaceView};
use uuid::Uuid;

use super::Catalogue;
use super::state::{Entry, fold};
use crate::errors::{Failure, Outcome};

impl Catalogue {
    /// A page of spaces, oldest first.
    pub(crate) async fn list(&self, query: &SpaceListQuery) -> Outcome<Listed<SpaceView>> {
        let after = match &query.page.after {
            None => None,
            Some(text) => Some(Uuid::try_parse(text).map_err(|_| {
                Failure::refused(
                    ErrorCode::InvalidCursor,
                    "This cursor does not belong to this list; start again without one.",
                )
            })?),
        };
        let snapshot = self.for_reading().await?;
        let part = query.name_contains.as_deref().map(fold);
        let wanted = |entry: &&Entry| {
            part.as_deref()
                .is_none_or(|part| entry.folded_name.contains(part))
                && query.created_before.is_none_or(|time| entry.view.created < time)
                && query.created_after.is_none_or(|time| entry.view.created > time)
        };
        let mut found: Vec<SpaceView> = match &query.only {
            // A caller with few spaces does not pay for the many of others.
            Some(only) => only
                .iter()
                .filter(|id| after.is_none_or(|after| **id > after))
                .filter_map(|id| snapshot.spaces.get(*id))
                .filter(wanted)
                .take(query.page.limit + 1)
                .map(|entry| SpaceView::clone(&entry.view))
                .collect(),
            None => snapshot
                .spaces
                .after(after)
                .filter(wanted)
                .take(query.page.limit + 1)
                .map(|entry| SpaceView::clone(&entry.view))
                .collect(),
        };
        let more = found.len() > query.page.limit;
        found.truncate(query.page.limit);
        let next = found.last().filter(|_| more).map(|space| space.id.to_string());
        Ok(Listed { items: found, next })
    }
}
