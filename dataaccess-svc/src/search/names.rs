//! The stage of a search that finds spaces by the beginning of their names. They are in memory.

use cadastre_api_types::internal::{FoundBy, SearchQuery};
use cadastre_domain::search::begins_with;
use uuid::Uuid;

use super::found_space;
use super::page::{NAMES_PER_PAGE, Page};
use super::position::{Place, Position, Stage};
use crate::catalogue::Entry;

/// Goes through the spaces; where to go on, if not all of them could be looked at.
pub(super) fn through<'s>(
    spaces: impl Iterator<Item = &'s Entry>,
    query: &SearchQuery,
    at: Option<&(Uuid, Option<Place>)>,
    page: &mut Page,
) -> Option<Position> {
    let beginning = &query.terms.text;
    let mut last = at.map_or_else(Uuid::nil, |(space, _)| *space);
    for (looked, entry) in spaces.enumerate() {
        if page.is_full() || looked >= NAMES_PER_PAGE {
            return Some(Position::behind(Stage::Names, last));
        }
        last = entry.view.id;
        let found_by_id = query.terms.id == Some(last);
        if !found_by_id && begins_with(&entry.view.name, beginning) {
            page.items.push(found_space(entry, FoundBy::Name));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_api_types::internal::{PageRequest, SearchKinds, SpaceView};
    use cadastre_domain::roles::ReadableSpaces;
    use cadastre_domain::search::SearchTerms;
    use std::sync::Arc;

    fn entry(id: usize) -> Entry {
        let time = jiff::Timestamp::UNIX_EPOCH;
        let view = SpaceView {
            id: Uuid::from_u128(id as u128),
            name: format!("Name {id}"),
            description: String::new(),
            created: time,
            modified: time,
            revision: 1,
        };
        Entry {
            folded_name: view.name.to_lowercase().into(),
            view: Arc::new(view),
        }
    }

    #[test]
    fn a_page_compares_so_many_names_and_goes_on_behind_them() {
        let wanted = NAMES_PER_PAGE + 1;
        let entries: Vec<Entry> = (1..=wanted).map(entry).collect();
        let query = SearchQuery {
            terms: SearchTerms::read(&format!("nAME {wanted}")).unwrap(),
            kinds: SearchKinds::ALL,
            space: None,
            readable: ReadableSpaces::All,
            page: PageRequest {
                limit: 10,
                after: None,
            },
        };
        let mut page = Page::new(10);
        let next = through(entries.iter(), &query, None, &mut page).unwrap();
        assert!(page.items.is_empty());
        let last = Uuid::from_u128(NAMES_PER_PAGE as u128);
        assert_eq!(next, Position::behind(Stage::Names, last));
        let rest = entries.iter().filter(|entry| entry.view.id > last);
        assert_eq!(through(rest, &query, next.at.as_ref(), &mut page), None);
        assert_eq!(page.items.len(), 1);
    }
}
