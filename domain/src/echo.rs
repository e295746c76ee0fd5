//! Repeating a client's input in an error, without letting it break the line, the log or the page.

/// How many characters of an input an error repeats.
const LIMIT: usize = 64;

/// The input, cut to 64 characters, with invisible and direction-changing characters escaped.
pub(crate) fn echo(input: &str) -> String {
    let mut shown = String::with_capacity(input.len().min(LIMIT));
    for (position, character) in input.chars().enumerate() {
        if position == LIMIT {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else if is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that print as nothing or reorder their neighbours: they would let one input look like
/// another in a message.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::echo;

    #[test]
    fn ordinary_text_is_repeated_as_it_is() {
        assert_eq!(echo("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(echo("Zürich"), "Zürich");
    }

    #[test]
    fn long_text_is_cut_by_characters_not_bytes() {
        let long = "é".repeat(100);
        let shown = echo(&long);
        assert_eq!(shown.chars().count(), 65);
        assert!(shown.ends_with('…'));
        assert_eq!(echo(&"x".repeat(64)), "x".repeat(64));
    }

    #[test]
    fn control_and_invisible_characters_are_escaped() {
        assert_eq!(echo("a\nb\0"), "a\\nb\\u{0}");
        assert_eq!(echo("a\u{202e}b"), "a\\u{202e}b");
    }
}
