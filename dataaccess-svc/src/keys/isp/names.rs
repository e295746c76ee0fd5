//! Rows by which things of the provider's side are found by the beginning of a name.

use cadastre_storage::{KeyRange, RowKey};

use super::super::row;
use super::{WHOLE, all};

/// An index whose rows are `{stem}{name}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameIndex {
    /// Pools by their names, in lower case.
    Pools,
    /// Subscribers by their ids; the rows are the subscribers.
    SubscriberIds,
    /// Subscribers by their RADIUS user names.
    Usernames,
    /// Subscribers by their numbers.
    Numbers,
}

impl NameIndex {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 4] = [Self::Pools, Self::SubscriberIds, Self::Usernames, Self::Numbers];

    /// It in a position.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Pools => 'p',
            Self::SubscriberIds => 's',
            Self::Usernames => 'u',
            Self::Numbers => 'n',
        }
    }

    const fn stem(self) -> &'static str {
        match self {
            Self::Pools => "an_p_",
            Self::SubscriberIds => "au_",
            Self::Usernames => "ai_u_",
            Self::Numbers => "ai_n_",
        }
    }

    /// Its rows from an escaped name on.
    pub(crate) fn from(self, at: &str) -> KeyRange {
        KeyRange {
            start: Some(row(format!("{}{at}", self.stem()))),
            end: all(self.stem()).end,
        }
    }

    /// The escaped name of a row; of a long one only the beginning is in it ([`LONGEST_BEGINNING`]).
    pub(crate) fn name_of(self, key: &RowKey) -> &str {
        key.as_str().strip_prefix(self.stem()).unwrap_or_default()
    }
}

/// So many bytes of an escaped name are in its row as they are.
pub(crate) const LONGEST_BEGINNING: usize = WHOLE;

#[cfg(test)]
mod tests {
    use super::super::part;
    use super::*;
    use crate::keys::{self, Named, Unique};
    use cadastre_domain::isp::{EntityKey, SubscriberId};

    #[test]
    fn the_rows_of_an_index_lie_in_its_range_and_say_their_names() {
        let id = SubscriberId::new("sub-1").map(EntityKey::Subscriber);
        let rows = [
            (NameIndex::Pools, Some(keys::name(Named::Pool, "Sub-1"))),
            (NameIndex::SubscriberIds, id.ok().and_then(|id| keys::entity(&id))),
            (
                NameIndex::Usernames,
                Some(keys::unique(Unique::Username, "sub-1")),
            ),
            (NameIndex::Numbers, Some(keys::unique(Unique::Number, "sub-1"))),
        ];
        for (index, key) in rows {
            let key = key.unwrap_or_else(|| row("?"));
            assert!(index.from("").contains(&key), "{key}");
            assert!(
                index.from("sub").contains(&key) && !index.from("t").contains(&key),
                "{key}"
            );
            assert_eq!(index.name_of(&key), part("sub-1"), "{key}");
        }
        assert!(part(&"x".repeat(300)).starts_with(&"x".repeat(LONGEST_BEGINNING)));
    }
}
