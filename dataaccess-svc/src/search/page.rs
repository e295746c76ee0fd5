//! How much one page of a search looks at.

use cadastre_api_types::internal::{Found, Listed};

use super::position::{Place, Position};

/// Spaces that one page looks into: a seek or two in each where there is nothing to find, together some tens of
/// milliseconds.
const SPACES_PER_PAGE: usize = 1_000;

/// Rows that one page looks at, apart from those of what it answers: as many as the largest commit has.
const ROWS_PER_PAGE: usize = 4_096;

/// Names of spaces that one page compares. They are in memory: this many take about as long as a hundred spaces
/// to look into.
pub(super) const NAMES_PER_PAGE: usize = 25_000;

/// A page that is being filled.
pub(super) struct Page {
    pub items: Vec<Found>,
    /// Spaces looked into.
    pub spaces: usize,
    rows: usize,
    limit: usize,
}

/// What a stage found in a space.
#[derive(Default)]
pub(super) struct Seen {
    pub items: Vec<Found>,
    /// Where to go on in the space; `None` = it has nothing more.
    pub place: Option<Place>,
    /// Rows looked at.
    pub rows: usize,
}

impl Seen {
    /// Adds what comes behind it in the same space.
    pub(super) fn join(&mut self, behind: Self) {
        self.items.extend(behind.items);
        self.place = behind.place;
        self.rows += behind.rows;
    }
}

impl Page {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            items: Vec::new(),
            spaces: 0,
            rows: 0,
            limit,
        }
    }

    /// Nothing more is to be looked at for it.
    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= self.limit || self.spaces >= SPACES_PER_PAGE || self.rows >= ROWS_PER_PAGE
    }

    /// Items that it still takes, while it is not full.
    pub(super) fn room(&self) -> usize {
        self.limit - self.items.len()
    }

    /// Rows that may still be looked at, while it is not full.
    pub(super) fn rows_left(&self) -> usize {
        ROWS_PER_PAGE - self.rows
    }

    /// Takes what was seen in a space; where to go on in it.
    pub(super) fn add(&mut self, seen: Seen) -> Option<Place> {
        self.items.extend(seen.items);
        self.spaces += 1;
        self.rows += seen.rows;
        seen.place
    }

    pub(super) fn answer(self, next: Option<&Position>) -> Listed<Found> {
        Listed {
            items: self.items,
            next: next.map(Position::to_string),
        }
    }
}
