//! Keys that are legal on every backend, in a type that can hold nothing else.
//!
//! Azure forbids `/ \ # ?` and control characters in keys and its Rust client breaks on quotes, so a key is
//! made of ASCII letters, digits, `-`, `_`, `.` and `~` only, and [`escape`] turns any text into those while
//! distinct texts stay distinct. A key has at most 512 characters (Azure: 1 KiB, and it counts two bytes each).

use std::fmt;
use std::sync::Arc;

/// Longest key in characters.
pub const MAX_KEY_LEN: usize = 512;

/// A key that breaks the rules above; a fault of the program, never of a client.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a legal key ({reason}): {key:?}")]
pub struct KeyError {
    key: String,
    reason: &'static str,
}

fn check(key: &str) -> Result<(), KeyError> {
    let reason = if key.is_empty() {
        "empty"
    } else if key.len() > MAX_KEY_LEN {
        "too long"
    } else if !key
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'))
    {
        "illegal character"
    } else {
        return Ok(());
    };
    Err(KeyError {
        key: key.chars().take(80).collect(),
        reason,
    })
}

macro_rules! key_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the characters and the length.
            pub fn new(key: impl AsRef<str>) -> Result<Self, KeyError> {
                check(key.as_ref())?;
                Ok(Self(Arc::from(key.as_ref())))
            }

            /// The key as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

key_type!(
    /// Names a partition: everything that can change together.
    PartitionKey
);
key_type!(
    /// Names a row inside its partition; rows sort by it, byte by byte.
    RowKey
);

/// Digits of escapes: the legal characters but `_` (a separator) and `~` (an escape), in ascending order.
const DIGITS: &[u8; 64] = b"-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Escapes of characters of the basic plane begin with this letter and the fifteen behind it, the others with the four
/// behind those.
const FIRST_LEAD: u8 = b'G';

/// Turns any text into legal key characters except `_` (which stays free as a separator), character by character:
///
/// * letters, digits, `-` and `.` of ASCII stand for themselves;
/// * `_` is `~-` and `:` is `~.`, because they are common in names;
/// * any other character of ASCII is `~` and two hex digits;
/// * any other character is `~`, a letter from `G` to `Z` and two digits of 6 bits, three outside of the basic plane.
///
/// Injective, and no character's escape is the beginning of another's.
pub fn escape(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') => out.push(c),
            '_' => out.push_str("~-"),
            ':' => out.push_str("~."),
            c if c.is_ascii() => {
                let _ = write!(out, "~{:02x}", c as u32);
            }
            c => {
                let code = c as u32;
                let (lead, bits, digits) = match code.checked_sub(0x1_0000) {
                    None => (code >> 12, code, 2),
                    Some(above) => (16 + (above >> 18), above, 3),
                };
                out.push('~');
                out.push(char::from(FIRST_LEAD + lead as u8));
                for digit in (0..digits).rev() {
                    out.push(char::from(DIGITS[(bits >> (6 * digit) & 63) as usize]));
                }
            }
        }
    }
    out
}

/// Undoes [`escape`]; `None` if the text is not its output.
pub fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (c, length) = if first == '~' {
            unescape_one(&rest.as_bytes()[1..])?
        } else {
            (first, 0)
        };
        out.push(c);
        rest = rest.get(1 + length..)?;
    }
    // Nothing has two spellings.
    (escape(&out) == text).then_some(out)
}

/// The character of an escape behind its `~`, and how many characters that has.
fn unescape_one(escape: &[u8]) -> Option<(char, usize)> {
    let lead = *escape.first()?;
    match lead {
        b'-' => return Some(('_', 1)),
        b'.' => return Some((':', 1)),
        b'0'..=b'7' => {
            let hex = std::str::from_utf8(escape.get(..2)?).ok()?;
            return Some((char::from(u8::from_str_radix(hex, 16).ok()?), 2));
        }
        _ => {}
    }
    let lead = u32::from(lead.checked_sub(FIRST_LEAD)?);
    let (digits, base) = match lead {
        0..16 => (2, lead << 12),
        16..20 => (3, 0x1_0000 + ((lead - 16) << 18)),
        _ => return None,
    };
    let mut bits = 0;
    for digit in escape.get(1..=digits)? {
        bits = bits << 6 | DIGITS.iter().position(|known| known == digit)? as u32;
    }
    Some((char::from_u32(base + bits)?, 1 + digits))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_kind_of_character_has_its_escape() {
        for (text, escaped) in [
            ("EU-West.1", "EU-West.1"),
            ("a_b:c", "a~-b~.c"),
            ("a b~", "a~20b~7e"),
            ("é", "~G1d"),
            ("\u{ffff}", "~Vzz"),
            ("\u{10000}", "~W---"),
            ("\u{10ffff}", "~Zzzz"),
        ] {
            assert_eq!(escape(text), escaped);
            assert_eq!(unescape(escaped).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_escape_is_refused() {
        for text in [
            "~", "~4", "~41", "~2G", "~a", "~G-", "~TU-", "é", "~_", "a b", "~g11", "~G--",
        ] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_legal_characters_without_a_separator(text in any::<String>()) {
            let escaped = escape(&text);
            prop_assert!(escaped.is_empty() || check(&escaped).is_ok() || escaped.len() > MAX_KEY_LEN);
            prop_assert!(!escaped.contains('_'));
            prop_assert_eq!(unescape(&escaped), Some(text));
        }

        #[test]
        fn no_escape_is_the_beginning_of_another(a in any::<char>(), b in any::<char>()) {
            let (one, two) = (escape(&a.to_string()), escape(&b.to_string()));
            prop_assert!(a == b || !one.starts_with(&two));
        }
    }
}
