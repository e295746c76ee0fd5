//! Beginnings of row keys without regard to case. Rows sort by their exact text, so the spellings of a beginning
//! lie apart; [`Spelled`] says where the next one can be at the earliest, and a walk jumps from one to the next
//! instead of reading what lies between.

use cadastre_domain::search::{SettingTerm, spellings};
use cadastre_storage::escape;

/// A beginning of an escaped text, in all its spellings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spelled {
    /// For each character its escaped spellings in ascending order; none is the beginning of another.
    characters: Vec<Vec<String>>,
}

impl Spelled {
    /// The spellings of a text.
    pub(crate) fn of(text: &str) -> Self {
        let characters = text
            .chars()
            .map(|character| {
                let forms = spellings(character);
                let mut escaped: Vec<String> = forms
                    .iter()
                    .map(|form| escape(form.encode_utf8(&mut [0; 4])))
                    .collect();
                escaped.sort_unstable();
                escaped
            })
            .collect();
        Self { characters }
    }

    /// The spellings of so much of the beginning of a text as fits into some bytes.
    pub(crate) fn within(text: &str, bytes: usize) -> Self {
        let mut spelled = Self::of(text);
        let mut left = bytes;
        let fits = spelled.characters.iter().take_while(|forms| {
            let longest = forms.iter().map(String::len).max().unwrap_or(0);
            let rest = left.checked_sub(longest);
            left = rest.unwrap_or(0);
            rest.is_some()
        });
        let fits = fits.count();
        spelled.characters.truncate(fits);
        spelled
    }

    /// Followed by a text that is written in one way only.
    fn then(mut self, exactly: &str) -> Self {
        self.characters.push(vec![exactly.to_owned()]);
        self
    }

    /// Followed by another.
    fn followed_by(mut self, other: Self) -> Self {
        self.characters.extend(other.characters);
        self
    }

    /// The least text at or behind `at` that begins with a spelling; `at` itself if it does.
    pub(crate) fn earliest(&self, at: &str) -> Option<String> {
        // How far `at` goes along with a spelling, and which spellings it goes along with.
        let mut taken = 0;
        let mut chosen: Vec<&str> = Vec::with_capacity(self.characters.len());
        for forms in &self.characters {
            match forms.iter().find(|form| at[taken..].starts_with(form.as_str())) {
                Some(form) => {
                    taken += form.len();
                    chosen.push(form);
                }
                None => break,
            }
        }
        if chosen.len() == self.characters.len() {
            return Some(at.to_owned());
        }
        // The last place, from there backwards, where a greater spelling can be taken; least ones behind it.
        loop {
            let position = chosen.len();
            let greater = self.characters[position]
                .iter()
                .find(|form| form.as_str() > &at[taken..]);
            if let Some(form) = greater {
                let mut text = String::with_capacity(at.len());
                text.extend(chosen);
                text.push_str(form);
                text.extend(
                    self.characters[position + 1..]
                        .iter()
                        .map(|forms| forms[0].as_str()),
                );
                return Some(text);
            }
            taken -= chosen.pop()?.len();
        }
    }

    /// Whether a text begins with a spelling.
    pub(crate) fn begins(&self, text: &str) -> bool {
        let mut rest = text;
        self.characters.iter().all(|forms| {
            let found = forms.iter().find_map(|form| rest.strip_prefix(form.as_str()));
            found.is_some_and(|behind| {
                rest = behind;
                true
            })
        })
    }
}

/// Which entries of the index of explicit values are looked for: `{tag}_{value}_{prefix}`, both escaped.
#[derive(Clone, Debug)]
pub(crate) enum IndexTerm {
    /// Any tag, values that begin like this.
    AnyTag(Spelled),
    /// One tag, in any case, and the beginning of its value.
    OneTag(Spelled),
}

impl IndexTerm {
    pub(crate) fn new(term: &SettingTerm) -> Self {
        let value = Spelled::of(&term.value);
        match &term.tag {
            None => Self::AnyTag(value),
            Some(tag) => Self::OneTag(Spelled::of(tag.as_str()).then("_").followed_by(value)),
        }
    }

    /// Where the next entry can be at the earliest, at or behind a text; `None` = there is none.
    ///
    /// Of any tag that is not exact: behind the last spelling for one tag comes the next tag, and which that is
    /// the entries say.
    pub(crate) fn earliest(&self, at: &str) -> Option<String> {
        match self {
            Self::OneTag(spelled) => spelled.earliest(at),
            Self::AnyTag(value) => match at.split_once('_') {
                None => Some(at.to_owned()),
                Some((tag, rest)) => Some(match value.earliest(rest) {
                    Some(rest) => format!("{tag}_{rest}"),
                    None => behind_tag(tag),
                }),
            },
        }
    }

    /// Whether an entry is looked for.
    pub(crate) fn matches(&self, entry: &str) -> bool {
        match self {
            Self::OneTag(spelled) => spelled.begins(entry),
            Self::AnyTag(value) => entry.split_once('_').is_some_and(|(_, rest)| value.begins(rest)),
        }
    }
}

/// Behind all entries of a tag: no escape begins with `~~`, so no entry goes on like that.
fn behind_tag(tag: &str) -> String {
    format!("{tag}_~~")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cadastre_domain::search::begins_with;
    use cadastre_domain::tags::TagName;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Few letters, so that texts meet: both cases, one letter outside ASCII, one without case.
    fn text(length: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = String> {
        let letters = prop::sample::select(vec!['a', 'A', 'b', 'B', 'é', 'É', '7', ' ', '_']);
        prop::collection::vec(letters, length).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn jumping_finds_exactly_the_texts_that_begin_so_in_any_case(
            texts in prop::collection::btree_set(text(0..6), 0..40),
            beginning in text(0..4),
        ) {
            let rows: BTreeSet<String> = texts.iter().map(|text| escape(text)).collect();
            let spelled = Spelled::of(&beginning);
            let (mut found, mut seeks) = (BTreeSet::new(), 0);
            let mut from = spelled.earliest("");
            while let Some(at) = from {
                seeks += 1;
                let Some(row) = rows.range(at..).next() else { break };
                prop_assert_eq!(spelled.begins(row), spelled.earliest(row).as_ref() == Some(row));
                from = if spelled.begins(row) {
                    found.insert(row.clone());
                    spelled.earliest(&format!("{row}-"))
                } else {
                    let next = spelled.earliest(row);
                    prop_assert!(next.as_ref().is_none_or(|next| next > row), "a jump goes forward");
                    next
                };
            }
            let expected: BTreeSet<String> =
                texts.iter().filter(|text| begins_with(text, &beginning)).map(|text| escape(text)).collect();
            prop_assert_eq!(&found, &expected);
            // One jump for each spelling of a beginning of the beginning, at most.
            prop_assert!(seeks <= expected.len() + (2 << beginning.chars().count()) + 1, "{} seeks", seeks);
        }

        #[test]
        fn the_index_is_walked_for_one_tag_or_any(
            entries in prop::collection::btree_set((prop::sample::select(vec!["T", "t", "T-", "Ta", "S"]), text(1..4)), 0..30),
            tag in prop::option::of(prop::sample::select(vec!["T", "S"])),
            value in text(0..3),
        ) {
            let term = SettingTerm { tag: tag.map(|tag| TagName::new(tag).unwrap()), value };
            let index = IndexTerm::new(&term);
            let entry = |(tag, value): &(&str, String)| format!("{}_{}_40a00000008", escape(tag), escape(value));
            let rows: BTreeSet<String> = entries.iter().map(entry).collect();
            let mut found = BTreeSet::new();
            let mut from = index.earliest("");
            while let Some(at) = from {
                let Some(row) = rows.range(at..).next() else { break };
                from = if index.matches(row) {
                    found.insert(row.clone());
                    index.earliest(&format!("{row}-"))
                } else {
                    let next = index.earliest(row);
                    prop_assert!(next.as_ref().is_none_or(|next| next > row), "a jump goes forward");
                    next
                };
            }
            let fits = |(tag, value): &&(&str, String)| {
                term.tag.as_ref().is_none_or(|wanted| wanted.as_str().eq_ignore_ascii_case(tag))
                    && begins_with(value, &term.value)
            };
            let expected: BTreeSet<String> = entries.iter().filter(fits).map(entry).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_escape_sorts_behind_the_letters() {
        assert_eq!(Spelled::of("é").earliest("z").as_deref(), Some("~G17"));
        assert_eq!(Spelled::of("é").earliest("~G18").as_deref(), Some("~G1d"));
        assert_eq!(Spelled::of("ab").earliest("b"), None);
        assert_eq!(Spelled::of("ab").earliest("B").as_deref(), Some("aB"));
    }
}
