//! API tokens: named, revocable, expiring; for programs. The text is shown once, its hash is stored in the
//! account.

use cadastre_api_types::internal::{Account, StoredApiToken};
use cadastre_api_types::token::API_TOKEN_PREFIX;
use cadastre_api_types::{ApiError, ErrorCode};
use jiff::Timestamp;
use uuid::Uuid;

use super::access_token::invalid;
use super::opaque::{NoRandomness, Presented, TokenText};

/// A new token of a user: its text, and what to store.
pub(crate) fn generate(
    user: &str,
    name: String,
    now: Timestamp,
    expires: Timestamp,
) -> Result<(TokenText, StoredApiToken), NoRandomness> {
    let id = Uuid::now_v7();
    let text = TokenText::generate(API_TOKEN_PREFIX, user, id)?;
    let stored = StoredApiToken {
        id,
        name,
        hash: text.hash(),
        created: now,
        expires,
    };
    Ok((text, stored))
}

/// Takes a presented API token apart.
pub(crate) fn parse(text: &str) -> Result<Presented, ApiError> {
    Presented::parse(API_TOKEN_PREFIX, text).ok_or_else(invalid)
}

/// Checks a presented token against the account that it claims to be of.
pub(crate) fn check(presented: &Presented, account: &Account, now: Timestamp) -> Result<(), ApiError> {
    let stored = account
        .tokens
        .iter()
        .find(|token| token.id == presented.id)
        .ok_or_else(invalid)?;
    if !presented.matches(&stored.hash) {
        return Err(invalid());
    }
    if stored.expires <= now {
        return Err(ApiError::new(
            ErrorCode::TokenExpired,
            "The API token has expired; make a new one with POST /api/v1/auth/tokens.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::account;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_opens_its_own_account_until_it_expires_or_is_revoked() {
        let mut ada = account("ada");
        let (text, stored) = generate("ada", "ci".into(), at(100), at(200)).unwrap();
        ada.tokens.push(stored.clone());
        let text = text.into_text();
        assert!(!format!("{stored:?}").contains(&text));
        let presented = parse(&text).unwrap();
        assert!(check(&presented, &ada, at(199)).is_ok());
        assert_eq!(
            check(&presented, &ada, at(200)).unwrap_err().code,
            ErrorCode::TokenExpired
        );
        ada.tokens.clear();
        assert_eq!(
            check(&presented, &ada, at(150)).unwrap_err().code,
            ErrorCode::InvalidToken
        );
    }

    #[test]
    fn the_right_id_with_another_secret_opens_nothing() {
        let mut ada = account("ada");
        let (_, stored) = generate("ada", "ci".into(), at(100), at(200)).unwrap();
        let forged = TokenText::generate(API_TOKEN_PREFIX, "ada", stored.id)
            .unwrap()
            .into_text();
        ada.tokens.push(stored);
        let error = check(&parse(&forged).unwrap(), &ada, at(150)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidToken);
    }
}
