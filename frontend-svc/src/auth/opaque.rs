//! The shape that refresh tokens and API tokens share: a prefix, the user name, an id, and 256 random bits. The
//! name and the id find the account and the entry in it; only a hash of the whole is stored.
//!
//! A plain SHA-256 is enough where the secret is 256 random bits: there is nothing to guess, so nothing to slow
//! down.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadastre_domain::names::UserName;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Longer texts are no token of ours and are not looked at.
const MAX_LENGTH: usize = 256;
const SECRET_BYTES: usize = 32;

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub(crate) struct NoRandomness;

/// Random bytes of the operating system.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A token's text. Has no `Debug`, so that it cannot be logged.
pub(crate) struct TokenText(String);

impl TokenText {
    /// A new token of a user.
    pub(crate) fn generate(prefix: &str, user: &str, id: Uuid) -> Result<Self, NoRandomness> {
        let secret: [u8; SECRET_BYTES] = random_bytes()?;
        Ok(Self(format!(
            "{prefix}{}.{}.{}",
            URL_SAFE_NO_PAD.encode(user),
            id.simple(),
            URL_SAFE_NO_PAD.encode(secret)
        )))
    }

    /// What is stored of it.
    pub(crate) fn hash(&self) -> String {
        hash(&self.0)
    }

    /// The text, to be shown once.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// What a client presented, taken apart. Says nothing yet about whether it is valid.
pub(crate) struct Presented {
    /// The user it claims to be of.
    pub(crate) user: UserName,
    /// The entry it claims to be.
    pub(crate) id: Uuid,
    /// Hash of the whole text.
    pub(crate) hash: String,
}

impl Presented {
    /// Takes a text apart; `None` if it cannot be a token of this kind.
    pub(crate) fn parse(prefix: &str, text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let mut parts = text.strip_prefix(prefix)?.split('.');
        let (user, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || id.len() != 32 {
            return None;
        }
        let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
        let id = Uuid::try_parse(id).ok()?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
        (secret.len() == SECRET_BYTES).then_some(())?;
        Some(Self {
            user: UserName::new(&user).ok()?,
            id,
            hash: hash(text),
        })
    }

    /// Compares with a stored hash in constant time.
    pub(crate) fn matches(&self, stored_hash: &str) -> bool {
        self.hash.as_bytes().ct_eq(stored_hash.as_bytes()).into()
    }
}

/// Hex SHA-256.
fn hash(text: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_tells_user_and_entry_and_matches_only_its_own_hash() {
        let id = Uuid::now_v7();
        let token = TokenText::generate("cad_", "ada@example.org", id).unwrap();
        let other = TokenText::generate("cad_", "ada@example.org", id).unwrap();
        let (stored, stored_other) = (token.hash(), other.hash());
        let text = token.into_text();
        let presented = Presented::parse("cad_", &text).unwrap();
        assert_eq!(presented.user.as_ref(), "ada@example.org");
        assert_eq!(presented.id, id);
        assert!(presented.matches(&stored));
        assert!(!presented.matches(&stored_other));
        assert!(!presented.matches(""));
    }

    #[test]
    fn a_token_fits_a_header_and_a_url() {
        let text = TokenText::generate("cad_", &"m".repeat(64), Uuid::now_v7())
            .unwrap()
            .into_text();
        assert!(text.len() <= MAX_LENGTH);
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)),
            "{text}"
        );
    }

    #[test]
    fn anything_else_is_no_token() {
        let good = TokenText::generate("cad_", "ada", Uuid::now_v7())
            .unwrap()
            .into_text();
        let (head, _) = good.rsplit_once('.').unwrap();
        for bad in [
            "",
            "cad_",
            "cad_..",
            &good[4..],
            head,
            &format!("{head}.c2hvcnQ"),
            &format!("{good}.x"),
            &format!("{good}="),
            &format!("cad_{}", "x".repeat(300)),
            "cad_4.ü.x",
        ] {
            assert!(Presented::parse("cad_", bad).is_none(), "{bad}");
        }
    }
}
