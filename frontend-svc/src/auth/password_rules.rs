//! Which passwords are accepted (NIST SP 800-63B §3.1.1.2): long enough, not the user's name, not among those
//! that guessers try first. No rules about kinds of characters.

use cadastre_api_types::{ApiError, ErrorCode};

/// Fewest characters.
pub(crate) const MIN_CHARS: usize = 12;
/// Most characters.
pub(crate) const MAX_CHARS: usize = 256;

/// What guessers try first. A password that is one of these, once or repeated, is refused, also with digits and
/// punctuation around it and with digits that stand for letters. Lower case. Sequences of different words are
/// left alone: passphrases are what we want.
const COMMON: &[&str] = &[
    "admin",
    "administrator",
    "asdfghjkl",
    "azertyuiop",
    "baseball",
    "basketball",
    "cadastre",
    "changeit",
    "changeme",
    "computer",
    "default",
    "dragon",
    "football",
    "iloveyou",
    "internet",
    "ipam",
    "letmein",
    "liverpool",
    "login",
    "manchester",
    "master",
    "michael",
    "monkey",
    "mypassword",
    "network",
    "pass",
    "password",
    "princess",
    "qazwsx",
    "qazwsxedc",
    "qwerty",
    "qwertyuiop",
    "qwertyuiopasdfghjkl",
    "qwertyuiopasdfghjklzxcvbnm",
    "root",
    "secret",
    "starwars",
    "spring",
    "summer",
    "autumn",
    "winter",
    "sunshine",
    "superman",
    "superuser",
    "temp",
    "temporary",
    "test",
    "testing",
    "thisispassword",
    "thisismypassword",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "yourpassword",
    "zxcvbnm",
];

/// Keyboard walks in which digits and letters alternate, and others that the rules miss.
const COMMON_WALKS: &[&str] = &[
    "1q2w3e4r5t6y",
    "q1w2e3r4t5y6",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "qazwsxedcrfv",
    "zaq12wsxcde3",
    "!qaz2wsx3edc",
    "1qazxsw23edc",
    "147258369147",
    "123qweasdzxc",
    "qweasdzxc123",
    "abcd1234abcd",
    "1234qwerasdf",
    "asdfqwerzxcv",
    "p@ssw0rdp@ssw0rd",
];

/// Checks a new password of a user.
///
/// # Errors
/// `400 WeakPassword` with the rule that it breaks.
pub(crate) fn check(password: &str, user: &str) -> Result<(), ApiError> {
    let weak = |message: String| Err(ApiError::new(ErrorCode::WeakPassword, message));
    let length = password.chars().count();
    if length < MIN_CHARS {
        return weak(format!(
            "The password has {length} characters; use at least {MIN_CHARS}, for example a few words."
        ));
    }
    if length > MAX_CHARS {
        return weak(format!(
            "The password has {length} characters; use at most {MAX_CHARS}."
        ));
    }
    let lower = password.to_lowercase();
    if is_name(&lower, user) {
        return weak(
            "The password is the user name, or it repeated or padded; choose something unrelated.".to_owned(),
        );
    }
    if is_repetitive(&lower) || is_common(&lower) {
        return weak(
            "The password is among those that are tried first (common words, keyboard rows, repeated or consecutive \
             characters); choose something less common, for example four unrelated words."
                .to_owned(),
        );
    }
    Ok(())
}

/// The user's name, once or repeated, with nothing but digits and punctuation around.
fn is_name(lower: &str, user: &str) -> bool {
    let user = user.to_lowercase();
    if user.is_empty() {
        return false;
    }
    let rest = lower.replace(&user, "");
    rest.len() < lower.len() && !rest.chars().any(char::is_alphabetic)
}

/// Few different characters, or each the neighbour of the one before.
fn is_repetitive(lower: &str) -> bool {
    let characters: Vec<u32> = lower.chars().map(u32::from).collect();
    let mut different = characters.clone();
    different.sort_unstable();
    different.dedup();
    if different.len() < 5 {
        return true;
    }
    let steps = characters
        .windows(2)
        .filter(|pair| pair[0].abs_diff(pair[1]) <= 1 || is_wrap(pair[0], pair[1]))
        .count();
    steps * 4 >= (characters.len() - 1) * 3
}

fn is_wrap(before: u32, after: u32) -> bool {
    (before, after) == (u32::from('9'), u32::from('0')) || (before, after) == (u32::from('z'), u32::from('a'))
}

/// A common word, once or repeated, whatever digits and punctuation are around it.
fn is_common(lower: &str) -> bool {
    let not_a_letter = |c: char| !c.is_alphabetic();
    let bare = lower.trim_matches(not_a_letter);
    let undone: String = bare.chars().map(undo_leet).collect();
    let undone_with_edges: String = lower.chars().map(undo_leet).collect();
    COMMON_WALKS.contains(&lower)
        || [bare, &undone, undone_with_edges.trim_matches(not_a_letter)]
            .into_iter()
            .any(is_repeated_common_word)
}

fn is_repeated_common_word(text: &str) -> bool {
    COMMON
        .iter()
        .any(|word| !text.is_empty() && text.replace(word, "").chars().all(|c| !c.is_alphabetic()))
}

fn undo_leet(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_characters_are_enough_whatever_they_are() {
        for good in [
            "vqzk mwpd xr",
            "correct horse battery",
            "korrekt-pferd-batterie",
            "Tr0ub4dor&3 and more",
            "пароль из слов",
            "correct horse battery staple",
            "a-long-enough-password",
            "test-password-123",
            "Admin-Password-2026",
            &"q8Zr-".repeat(51),
        ] {
            let verdict = check(good, "ada").map_err(|error| error.message);
            assert_eq!(verdict, Ok(()), "{good}");
        }
    }

    #[test]
    fn short_and_long_ones_are_refused_by_characters_not_bytes() {
        assert!(check("elevenchars", "ada").is_err());
        assert!(check("дванадцять12", "ada").is_ok());
        assert!(check(&"ab3ü9".repeat(52), "ada").is_err());
    }

    #[test]
    fn the_user_name_is_no_password_however_padded() {
        for bad in [
            "Ada.Lovelace",
            "ada.lovelace123",
            "ada.lovelaceada.lovelace",
            "!ada.lovelace!",
        ] {
            assert!(check(bad, "ada.lovelace").is_err(), "{bad}");
        }
    }

    #[test]
    fn what_guessers_try_first_is_refused() {
        for bad in [
            "password1234",
            "Password1234!",
            "P@ssw0rd1234",
            "passwordpassword",
            "123456789012",
            "098765432109",
            "111111111111",
            "abababababab",
            "abcdefghijklm",
            "qwertyuiop12",
            "qwertyuiopasdfghjkl",
            "adminadmin123",
            "Administrator1",
            "letmeinletmein",
            "changeme12345",
            "iloveyou1234",
            "1q2w3e4r5t6y",
            "q1w2e3r4t5y6",
            "Winter2026!!!",
            "12345678901234567890",
        ] {
            assert!(check(bad, "ada").is_err(), "{bad}");
        }
    }
}
