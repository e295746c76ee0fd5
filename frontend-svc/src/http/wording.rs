//! How errors repeat what a client sent: short, on one line, without characters that print as nothing; and the
//! "did you mean" that goes with a name we do not know.

/// How many characters of an input an error repeats.
const ECHO_LIMIT: usize = 64;

/// The input, cut to 64 characters, with control and invisible characters escaped.
pub(crate) fn echo(input: &str) -> String {
    cut(input, ECHO_LIMIT)
}

/// The same with another limit, for texts that are only partly the client's.
pub(crate) fn cut(input: &str, limit: usize) -> String {
    let mut shown = String::with_capacity(input.len().min(limit));
    for (position, character) in input.chars().enumerate() {
        if position == limit {
            shown.push('…');
            break;
        }
        if character.is_control() || is_invisible(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that print as nothing or reorder their neighbours.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// The known name that was probably meant: nearly the same letters, or the same but for case.
pub(crate) fn did_you_mean<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    if given.chars().count() > ECHO_LIMIT {
        return None;
    }
    let given = given.to_ascii_lowercase();
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(&given, &name.to_ascii_lowercase()), *name))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Names in backticks with commas between.
pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A rule's own sentence as the client reads it: capitalised, with an end.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown = String::with_capacity(text.len() + 1);
    if let Some(first) = characters.next() {
        shown.extend(first.to_uppercase());
        shown.push_str(characters.as_str());
    }
    ended(shown)
}

/// A rule's sentence that begins with the client's own text, which must not be capitalised.
pub(crate) fn ended(mut text: String) -> String {
    if !text.ends_with(['.', '?', '!']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_short_and_cannot_break_a_line() {
        assert_eq!(echo("a\nb"), "a\\nb");
        assert_eq!(echo(&"é".repeat(100)).chars().count(), 65);
        assert_eq!(echo("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn a_typing_error_finds_what_was_meant_and_nonsense_finds_nothing() {
        let known = ["name", "description", "parentId"];
        assert_eq!(did_you_mean("descripton", &known), Some("description"));
        assert_eq!(did_you_mean("parent_id", &known), Some("parentId"));
        assert_eq!(did_you_mean("NAME", &known), Some("name"));
        assert_eq!(did_you_mean("zzz", &known), None);
        assert_eq!(did_you_mean(&"name".repeat(1000), &known), None);
    }

    #[test]
    fn a_sentence_has_a_beginning_and_an_end() {
        assert_eq!(
            sentence("a tag name must not be empty"),
            "A tag name must not be empty."
        );
        assert_eq!(
            ended("10.0.0.1/8; did you mean 10.0.0.0/8?".into()),
            "10.0.0.1/8; did you mean 10.0.0.0/8?"
        );
    }
}
