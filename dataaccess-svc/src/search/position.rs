//! Where a page of a search ended. As text: the stage, then the space, then the place in it.

use std::fmt;

use cadastre_api_types::ErrorCode;
use cadastre_domain::Prefix;
use cadastre_domain::tags::{TagName, TagValue};
use cadastre_storage::RowKey;
use uuid::Uuid;

use crate::errors::{Failure, Outcome};
use crate::keys::NameIndex;

/// One reading of what is looked for, in the order in which they are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// The space or node with an id.
    Id,
    /// Nodes that contain an address or a prefix.
    Around,
    /// Nodes that lie in a prefix.
    Within,
    /// Spaces by the beginning of their names.
    Names,
    /// Pools and subscribers by the beginnings of their names.
    Customers,
    /// Tag definitions by the beginning of their names, and nodes by the beginning of a value.
    Tags,
}

impl Stage {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 6] = [
        Self::Id,
        Self::Around,
        Self::Within,
        Self::Names,
        Self::Customers,
        Self::Tags,
    ];

    fn letter(self) -> char {
        match self {
            Self::Id => 'i',
            Self::Around => 'a',
            Self::Within => 'w',
            Self::Names => 'n',
            Self::Customers => 'c',
            Self::Tags => 't',
        }
    }
}

/// A place inside a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind a node.
    Node(Prefix),
    /// Behind a tag definition.
    Definition(TagName),
    /// Behind the definitions, before the nodes.
    Definitions,
    /// Behind an entry of the index of explicit values.
    Setting(TagName, TagValue, Prefix),
    /// Behind a row of an index of names.
    Named(NameIndex, String),
}

/// Where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub stage: Stage,
    /// In this stage; `None` = from its beginning.
    pub at: Option<(Uuid, Option<Place>)>,
}

impl Position {
    /// Before a stage.
    pub(crate) fn before(stage: Stage) -> Self {
        Self { stage, at: None }
    }

    /// Behind a space.
    pub(crate) fn behind(stage: Stage, space: Uuid) -> Self {
        let at = Some((space, None));
        Self { stage, at }
    }

    /// In a space.
    pub(crate) fn inside(stage: Stage, space: Uuid, place: Place) -> Self {
        let at = Some((space, Some(place)));
        Self { stage, at }
    }

    /// Reads a position.
    ///
    /// # Errors
    /// `400 InvalidCursor` for a text that none of ours can be.
    pub(crate) fn read(text: &str) -> Outcome<Self> {
        parse(text).ok_or_else(|| {
            Failure::refused(
                ErrorCode::InvalidCursor,
                "This cursor does not belong to this search; start again without one.",
            )
        })
    }
}

fn parse(text: &str) -> Option<Position> {
    let mut parts = text.splitn(3, '.');
    let stage = parts.next()?;
    let stage = Stage::ALL
        .into_iter()
        .find(|known| stage.chars().eq([known.letter()]))?;
    let Some(space) = parts.next() else {
        return Some(Position::before(stage));
    };
    let space = Uuid::try_parse(space).ok()?;
    match parts.next() {
        None => Some(Position::behind(stage, space)),
        Some(place) => Some(Position::inside(stage, space, parse_place(place)?)),
    }
}

fn parse_place(text: &str) -> Option<Place> {
    let (kind, rest) = text.split_at_checked(1)?;
    match kind {
        "n" => rest.parse().ok().map(Place::Node),
        "d" if rest.is_empty() => Some(Place::Definitions),
        "d" => TagName::new(rest).ok().map(Place::Definition),
        "s" => {
            // A prefix has no space in it, and the name of a tag no equals sign.
            let (prefix, setting) = rest.split_once(' ')?;
            let (tag, value) = setting.split_once('=')?;
            let (tag, value) = (TagName::new(tag).ok()?, TagValue::new(value).ok()?);
            Some(Place::Setting(tag, value, prefix.parse().ok()?))
        }
        "c" => {
            let (index, row) = rest.split_at_checked(1)?;
            let is_key = RowKey::new(row).is_ok() && row.len() <= LONGEST_NAME;
            let index = NameIndex::ALL
                .into_iter()
                .find(|known| index.chars().eq([known.letter()]))?;
            is_key.then(|| Place::Named(index, row.to_owned()))
        }
        _ => None,
    }
}

/// No row of an index of names has a longer one.
const LONGEST_NAME: usize = 200;

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.stage.letter())?;
        let Some((space, place)) = &self.at else {
            return Ok(());
        };
        write!(formatter, ".{}", space.simple())?;
        match place {
            None => Ok(()),
            Some(Place::Node(prefix)) => write!(formatter, ".n{prefix}"),
            Some(Place::Definition(name)) => write!(formatter, ".d{name}"),
            Some(Place::Definitions) => write!(formatter, ".d"),
            Some(Place::Setting(tag, value, prefix)) => write!(formatter, ".s{prefix} {tag}={value}"),
            Some(Place::Named(index, row)) => write!(formatter, ".c{}{row}", index.letter()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn samples() -> Vec<Position> {
        let space = Uuid::from_u128(7);
        let (tag, value) = (TagName::new("a.b:c").unwrap(), TagValue::new("x=y .z").unwrap());
        let prefix: Prefix = "2001:db8::/32".parse().unwrap();
        let places = [
            Place::Node(prefix),
            Place::Definition(tag.clone()),
            Place::Definitions,
            Place::Setting(tag, value, prefix),
            Place::Named(NameIndex::Usernames, "ada~0040x".to_owned()),
        ];
        let mut samples = vec![Position::before(Stage::Id), Position::behind(Stage::Names, space)];
        samples.extend(places.map(|place| Position::inside(Stage::Tags, space, place)));
        samples
    }

    #[test]
    fn positions_read_back() {
        for position in samples() {
            assert_eq!(Position::read(&position.to_string()).unwrap(), position);
        }
    }

    #[test]
    fn the_longest_position_fits_into_a_cursor() {
        let tag = TagName::new(&"x".repeat(64)).unwrap();
        let value = TagValue::new(&"x".repeat(256)).unwrap();
        let prefix = Prefix::host("1111:2222:3333:4444:5555:6666:7777:8888".parse().unwrap());
        let place = Place::Setting(tag, value, prefix);
        let text = Position::inside(Stage::Tags, Uuid::max(), place).to_string();
        // A cursor has at most 600 characters of base64, 13 bytes of which are not the position.
        assert!(text.len() <= 600 / 4 * 3 - 13, "{}", text.len());
    }

    proptest! {
        #[test]
        fn any_text_is_a_position_or_refused(text in "[iawnct]?\\.?[0-9a-f]{0,32}\\.?[ndsc]?.{0,20}") {
            if let Ok(position) = Position::read(&text) {
                prop_assert_eq!(Position::read(&position.to_string()).unwrap(), position);
            }
        }
    }
}
