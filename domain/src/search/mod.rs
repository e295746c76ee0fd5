//! What a text that somebody looks for may mean. One box takes anything: an address, a prefix, the beginning
//! of either, an id, the beginning of a name or of a value, `Tag=value`. Several readings may hold at once.

mod case;
mod partial;

pub use case::{begins_with, spellings};

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::prefix::{Prefix, PrefixError, parse_address_or_prefix};
use crate::tags::{TagName, TagValue};

/// Longest text to look for, in characters.
pub const MAX_SEARCH_CHARS: usize = 256;

/// Why nothing can be looked for; the text says what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Nothing but white space was given.
    #[error(
        "there is nothing to look for; give an address, a prefix, the beginning of a name or of a tag value, \
         Tag=value, or an id"
    )]
    Empty,
    /// More than is allowed.
    #[error(
        "the text to look for has at most {MAX_SEARCH_CHARS} characters, this one has {actual}; the beginning is \
         enough"
    )]
    TooLong {
        /// Characters of the text.
        actual: usize,
    },
    /// A character that nothing here contains.
    #[error(
        "the text to look for has a control character ({character:?}), which nothing here contains; remove it"
    )]
    ControlCharacter {
        /// The first offending character.
        character: char,
    },
}

/// A text to look for, with everything that it may mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchTerms {
    /// The text, without white space around it: the beginning of a name.
    pub text: String,
    /// The id of an address space or a node.
    pub id: Option<Uuid>,
    /// What nodes shall contain.
    pub around: Option<Around>,
    /// What nodes shall lie in: the beginning of an address was given.
    pub within: Option<Prefix>,
    /// What nodes shall set; `None` when no tag can have such a value.
    pub setting: Option<SettingTerm>,
}

/// What nodes shall contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Around {
    /// An address, as its host prefix.
    Address(Prefix),
    /// A prefix.
    Prefix(Prefix),
}

impl Around {
    /// The smallest prefix that a node must contain.
    #[must_use]
    pub fn target(&self) -> &Prefix {
        match self {
            Self::Address(target) | Self::Prefix(target) => target,
        }
    }
}

/// A tag that is set to something. Case does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingTerm {
    /// The tag; `None` = any.
    pub tag: Option<TagName>,
    /// What its value begins with; empty = any value.
    pub value: String,
}

impl SettingTerm {
    /// Whether a setting is one of these.
    #[must_use]
    pub fn matches(&self, tag: &TagName, value: &TagValue) -> bool {
        let tag_fits = self
            .tag
            .as_ref()
            .is_none_or(|wanted| wanted.as_str().eq_ignore_ascii_case(tag.as_str()));
        tag_fits && begins_with(value.as_str(), &self.value)
    }
}

impl SearchTerms {
    /// Finds out what a text may mean.
    ///
    /// # Errors
    /// [`SearchError`] saying what can be looked for.
    pub fn read(text: &str) -> Result<Self, SearchError> {
        let actual = text.chars().count();
        if actual > MAX_SEARCH_CHARS {
            return Err(SearchError::TooLong { actual });
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(SearchError::Empty);
        }
        if let Some(character) = text.chars().find(|character| character.is_control()) {
            return Err(SearchError::ControlCharacter { character });
        }
        Ok(Self {
            text: text.to_owned(),
            id: id(text),
            around: around(text),
            within: partial::within(text),
            setting: setting(text),
        })
    }

    /// Whether the reading as an address or a prefix finds a node at this prefix, or that as the beginning of
    /// one.
    #[must_use]
    pub fn finds_by_address(&self, node: &Prefix) -> bool {
        self.around.is_some_and(|around| node.contains(around.target()))
            || self.within.is_some_and(|within| within.contains(node))
    }
}

/// An id in the one form that ids have.
fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text)
        .ok()
        .filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
}

/// An address or a prefix. Somebody who looks for something may write it in a way that is refused where it
/// would be stored; with host bits set it is the address of an interface, and what contains that is meant.
fn around(text: &str) -> Option<Around> {
    let read = |prefix: Prefix| {
        if text.contains('/') {
            Around::Prefix(prefix)
        } else {
            Around::Address(prefix)
        }
    };
    match parse_address_or_prefix(text) {
        Ok(prefix) => Some(read(prefix)),
        Err(PrefixError::HostBits { .. }) => {
            let address: IpAddr = text.split_once('/')?.0.parse().ok()?;
            Some(Around::Address(Prefix::host(address)))
        }
        Err(error) => error.meant().map(read),
    }
}

/// `Tag=value`, or the beginning of a value.
fn setting(text: &str) -> Option<SettingTerm> {
    let term = match text.split_once('=') {
        Some((tag, value)) => match TagName::new(tag.trim_end()) {
            Ok(tag) => SettingTerm {
                tag: Some(tag),
                value: value.trim_start().to_owned(),
            },
            Err(_) => SettingTerm {
                tag: None,
                value: text.to_owned(),
            },
        },
        None => SettingTerm {
            tag: None,
            value: text.to_owned(),
        },
    };
    // A beginning that is no value itself is that of none.
    (term.value.is_empty() || TagValue::new(&term.value).is_ok()).then_some(term)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn p(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn read(text: &str) -> SearchTerms {
        SearchTerms::read(text).unwrap()
    }

    #[test]
    fn an_address_is_read_however_it_is_written() {
        let address = |text: &str| read(text).around;
        let expected = Some(Around::Address(p("10.1.2.3/32")));
        for text in [
            "10.1.2.3",
            " 10.1.2.3 ",
            "10.01.2.3",
            "::ffff:10.1.2.3",
            "10.1.2.3/24",
        ] {
            assert_eq!(address(text), expected, "{text}");
        }
        assert_eq!(address("fe80::1%eth0"), Some(Around::Address(p("fe80::1/128"))));
        for none in ["10.1.2", "10.1.2.300", "ams", "10.1.2.3 ams", "1", ":"] {
            assert_eq!(address(none), None, "{none}");
        }
    }

    #[test]
    fn a_prefix_is_read_and_one_with_host_bits_is_an_interface() {
        assert_eq!(read("10.1.0.0/16").around, Some(Around::Prefix(p("10.1.0.0/16"))));
        assert_eq!(
            read("10.1.0.0/255.255.0.0").around,
            Some(Around::Prefix(p("10.1.0.0/16")))
        );
        assert_eq!(
            read("2001:DB8::1/64").around,
            Some(Around::Address(p("2001:db8::1/128")))
        );
        assert_eq!(read("10.0.0.0/33").around, None);
    }

    #[test]
    fn the_same_text_may_be_an_address_and_the_beginning_of_a_value() {
        let terms = read("10.1.2.3");
        assert_eq!(terms.text, "10.1.2.3");
        assert_eq!(terms.setting.unwrap().value, "10.1.2.3");
        assert!(terms.within.is_none() && terms.id.is_none());
    }

    #[test]
    fn an_id_has_one_form() {
        let id = "0190a0a0-1b2c-7d3e-8f40-123456789abc";
        assert!(read(id).id.is_some() && read(&id.to_uppercase()).id.is_some());
        assert!(read(&id.replace('-', "")).id.is_none());
    }

    #[test]
    fn a_tag_may_be_named_and_its_value_left_out() {
        let setting = |text: &str| {
            let term = read(text).setting.unwrap();
            (term.tag.map(|tag| tag.to_string()), term.value)
        };
        let named = |tag: &str, value: &str| (Some(tag.to_owned()), value.to_owned());
        assert_eq!(setting("Region=eu"), named("Region", "eu"));
        assert_eq!(setting("Region = eu"), named("Region", "eu"));
        assert_eq!(setting("Region="), named("Region", ""));
        assert_eq!(setting("q=a=b"), named("q", "a=b"));
        assert_eq!(setting("a b=c"), (None, "a b=c".to_owned()));
        assert_eq!(setting("=c"), (None, "=c".to_owned()));
        assert!(read(&"é".repeat(129)).setting.is_none(), "no value is that long");
    }

    #[test]
    fn a_setting_matches_in_capitals_or_not() {
        let term = read("region=ZÜR").setting.unwrap();
        let tag = TagName::new("Region").unwrap();
        assert!(term.matches(&tag, &TagValue::new("zürich").unwrap()));
        assert!(!term.matches(&tag, &TagValue::new("zurich").unwrap()));
        assert!(!term.matches(
            &TagName::new("Regions").unwrap(),
            &TagValue::new("zürich").unwrap()
        ));
    }

    #[test]
    fn what_cannot_be_looked_for_is_said() {
        assert_eq!(SearchTerms::read("  "), Err(SearchError::Empty));
        assert_eq!(
            SearchTerms::read(&"é".repeat(257)),
            Err(SearchError::TooLong { actual: 257 })
        );
        assert!(SearchTerms::read(&"é".repeat(256)).is_ok());
        assert_eq!(
            SearchTerms::read("a\u{0}b"),
            Err(SearchError::ControlCharacter { character: '\0' })
        );
    }
}
