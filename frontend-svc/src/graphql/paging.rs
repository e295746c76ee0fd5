//! Pages of lists. A cursor belongs to one list with its filters in one address space; it leads to a place between two
//! pages, not to an item, because only pages have positions in the store.

use async_graphql::{Context, OutputType, SimpleObject};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{Listed, PageRequest};
use serde::Serialize;
use serde_json::json;

use super::session::{InSpace, Session};
use super::types::{
    Alert, IPConflict, IPPool, IPReservation, OutboxEntry, Plan, Subscriber, VlanBinding, VlanPool,
};
use crate::http::cursor::{foreign_cursor, open_for, seal_for};
use crate::http::query::{MAX_LIMIT, invalid};

/// Where a page ends.
#[derive(Debug, SimpleObject)]
pub(super) struct PageInfo {
    /// There may be more behind it.
    has_next_page: bool,
    /// The `after` of the next page; absent behind the last one.
    end_cursor: Option<String>,
}

/// A page of a list. It may have fewer than `first` items, even none, while `pageInfo.hasNextPage` says that there may be
/// more.
#[derive(Debug, SimpleObject)]
#[graphql(concrete(name = "AlertConnection", params(Alert)))]
#[graphql(concrete(name = "IPConflictConnection", params(IPConflict)))]
#[graphql(concrete(name = "IPPoolConnection", params(IPPool)))]
#[graphql(concrete(name = "IPReservationConnection", params(IPReservation)))]
#[graphql(concrete(name = "OutboxConnection", params(OutboxEntry)))]
#[graphql(concrete(name = "PlanConnection", params(Plan)))]
#[graphql(concrete(name = "SubscriberConnection", params(Subscriber)))]
#[graphql(concrete(name = "VlanBindingConnection", params(VlanBinding)))]
#[graphql(concrete(name = "VlanPoolConnection", params(VlanPool)))]
pub(super) struct Page<T: OutputType> {
    /// The items.
    nodes: Vec<T>,
    /// Where the page ends.
    page_info: PageInfo,
}

/// One list as a client asks for it.
pub(super) struct Slice {
    parts: Vec<String>,
    /// Which page.
    pub(super) page: PageRequest,
}

impl Slice {
    /// Reads size and cursor. What tells this list from others is its name, its space and its filters.
    ///
    /// # Errors
    /// `400 InvalidParameter` or `InvalidCursor`.
    pub(super) fn of(
        at: &InSpace,
        list: &'static str,
        filters: &impl Serialize,
        (argument, size): (&'static str, i32),
        after: Option<&str>,
    ) -> Result<Self, ApiError> {
        let limit = usize::try_from(size)
            .ok()
            .filter(|size| (1..=MAX_LIMIT).contains(size));
        let limit = limit.ok_or_else(|| {
            invalid(
                argument,
                format!("`{argument}` is {size}; write a whole number from 1 to {MAX_LIMIT}."),
            )
        })?;
        let parts = vec![
            format!("graphql {list}"),
            at.caller.space.to_string(),
            json!(filters).to_string(),
        ];
        let after = match after {
            None => None,
            Some(cursor) => Some(open_for(cursor, &parts).ok_or_else(foreign_cursor)?),
        };
        Ok(Self {
            parts,
            page: PageRequest { limit, after },
        })
    }

    /// The page that was found, of things that might not be shown.
    ///
    /// # Errors
    /// What `show` answers.
    pub(super) fn try_page_of<T, W: OutputType>(
        &self,
        found: Listed<T>,
        show: impl FnMut(T) -> Result<W, ApiError>,
    ) -> Result<Page<W>, ApiError> {
        let Listed { items, next } = found;
        let items = items.into_iter().map(show).collect::<Result<Vec<W>, _>>()?;
        Ok(self.page_of(Listed { items, next }, |shown| shown))
    }

    /// The page that was found.
    pub(super) fn page_of<T, W: OutputType>(&self, found: Listed<T>, show: impl FnMut(T) -> W) -> Page<W> {
        let end_cursor = found.next.map(|position| seal_for(&position, &self.parts));
        Page {
            nodes: found.items.into_iter().map(show).collect(),
            page_info: PageInfo {
                has_next_page: end_cursor.is_some(),
                end_cursor,
            },
        }
    }

    /// The page that was found as a plain list; where it goes on is said beside the data.
    pub(super) fn list_of<T, W>(
        &self,
        context: &Context<'_>,
        found: Listed<T>,
        show: impl FnMut(T) -> W,
    ) -> Result<Vec<W>, ApiError> {
        if let Some(position) = found.next {
            Session::of(context)?.say(context, "next", json!(seal_for(&position, &self.parts)));
        }
        Ok(found.items.into_iter().map(show).collect())
    }
}
