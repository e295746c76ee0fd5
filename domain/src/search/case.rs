//! Beginnings of texts without regard to case, character by character, so that an ordered index can be asked
//! for each spelling.

/// The ways to write a character: itself, in lower case and in upper case, in ascending order. Only forms of
/// one character that take as many bytes as the given one count: a text and its spellings are equally long.
#[must_use]
pub fn spellings(character: char) -> Vec<char> {
    let mut forms = vec![character];
    forms.extend(single(character.to_lowercase()));
    forms.extend(single(character.to_uppercase()));
    forms.retain(|form| form.len_utf8() == character.len_utf8());
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    match (characters.next(), characters.next()) {
        (Some(only), None) => Some(only),
        (_, _) => None,
    }
}

/// Whether a text begins with some spelling of another.
#[must_use]
pub fn begins_with(text: &str, beginning: &str) -> bool {
    let mut characters = text.chars();
    beginning
        .chars()
        .all(|wanted| characters.next().is_some_and(|found| is_spelling(wanted, found)))
}

/// Whether one character is among the spellings of another.
fn is_spelling(of: char, found: char) -> bool {
    let other_case = || Some(found) == single(of.to_lowercase()) || Some(found) == single(of.to_uppercase());
    found == of || (found.len_utf8() == of.len_utf8() && other_case())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_spelt_in_both_cases_where_they_are_equally_long() {
        assert_eq!(spellings('a'), ['A', 'a']);
        assert_eq!(spellings('É'), ['É', 'é']);
        assert_eq!(spellings('7'), ['7']);
        // Upper case "SS"; lower case of the Kelvin sign is an ASCII k.
        assert_eq!(spellings('ß'), ['ß']);
        assert_eq!(spellings('\u{212a}'), ['\u{212a}']);
    }

    #[test]
    fn a_beginning_is_found_in_any_case() {
        assert!(begins_with("Zürich", "zÜR") && begins_with("x", "") && begins_with("x", "X"));
        assert!(!begins_with("Zü", "zür") && !begins_with("azür", "zür"));
    }
}
