//! Access tokens: JWTs that live for minutes and name the session they belong to.
//!
//! A signature check costs tens of microseconds, so a token that passed is remembered, by its complete text,
//! until it expires. Remembered or not, the caller of [`AccessTokens::verify`] still asks whether the session is
//! open: that is what makes a logout act at once.

use std::sync::Arc;

use cadastre_api_types::token::{AUDIENCE, Claims, ISSUER};
use cadastre_api_types::{ApiError, ErrorCode};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::keys::KeyRing;
use crate::clock::Clock;

/// Longer texts are no token of ours and are not looked at.
const MAX_LENGTH: usize = 2048;
/// Tokens that are remembered; about half a kilobyte each.
const REMEMBERED: usize = 20_000;

/// Makes and checks access tokens.
pub(crate) struct AccessTokens {
    ring: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    lifetime_seconds: u64,
    validation: Validation,
    remembered: Cache<Box<str>, Arc<Claims>>,
}

impl AccessTokens {
    /// With the keys of a ring; tokens live that many seconds.
    pub(crate) fn new(ring: Arc<KeyRing>, clock: Arc<dyn Clock>, lifetime_seconds: u64) -> Self {
        // The one algorithm is named here; the token's own header never chooses.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Checked against our clock instead, which tests can set, and without leeway: we issue them ourselves.
        validation.validate_exp = false;
        Self {
            ring,
            clock,
            lifetime_seconds,
            validation,
            remembered: Cache::new(REMEMBERED),
        }
    }

    /// Seconds until a new token expires.
    pub(crate) fn lifetime_seconds(&self) -> u64 {
        self.lifetime_seconds
    }

    /// The keys.
    pub(crate) fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// A new token for a session of a user.
    pub(crate) fn issue(&self, user: &str, session: Uuid) -> Result<String, ApiError> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "cannot sign an access token");
            ApiError::new(
                ErrorCode::Internal,
                "The server cannot sign access tokens; its log has more.",
            )
        };
        let (kid, key) = self
            .ring
            .signing()
            .ok_or_else(|| failed(&"the key ring is empty"))?;
        let now = self.clock.now().as_second();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_owned(),
            sid: session,
            jti: Uuid::now_v7(),
            iat: now,
            exp: now.saturating_add_unsigned(self.lifetime_seconds),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.to_owned());
        encode(&header, &claims, key).map_err(|error| failed(&error))
    }

    /// The claims of a token with a valid signature of ours that has not expired.
    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Claims>, ApiError> {
        if let Some(claims) = self.remembered.get(token) {
            let fresh = self.check_time(&claims);
            if fresh.is_err() {
                self.remembered.remove(token);
            }
            return fresh.map(|()| claims);
        }
        let claims = Arc::new(self.check_signature(token).ok_or_else(invalid)?);
        self.check_time(&claims)?;
        self.remembered.insert(token.into(), Arc::clone(&claims));
        Ok(claims)
    }

    /// Whether claims are still within their time.
    pub(crate) fn check_time(&self, claims: &Claims) -> Result<(), ApiError> {
        if claims.exp > self.clock.now().as_second() {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::TokenExpired,
            "The access token has expired; get a new one with POST /api/v1/auth/refresh.",
        ))
    }

    fn check_signature(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let header = decode_header(token)
            .ok()
            .filter(|header| header.alg == Algorithm::EdDSA)?;
        let key = self.ring.verifying(header.kid.as_deref()?)?;
        decode::<Claims>(token, key, &self.validation)
            .ok()
            .map(|token| token.claims)
    }
}

/// `401` for a token that is not ours, or no longer good for anything. Says no more than that.
pub(crate) fn invalid() -> ApiError {
    ApiError::new(
        ErrorCode::InvalidToken,
        "The token is not valid, or no longer; log in again.",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::TestClock;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use cadastre_api_types::token::VerificationKeys;
    use jsonwebtoken::EncodingKey;

    struct Fixture {
        tokens: AccessTokens,
        clock: Arc<TestClock>,
        _dir: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let ring = Arc::new(KeyRing::load_or_generate(dir.path()).unwrap());
        let clock = Arc::new(TestClock::new());
        Fixture {
            tokens: AccessTokens::new(ring, clock.clone(), 900),
            clock,
            _dir: dir,
        }
    }

    fn code(result: Result<Arc<Claims>, ApiError>) -> ErrorCode {
        result.unwrap_err().code
    }

    #[test]
    fn a_token_names_user_and_session_until_it_expires_even_when_remembered() {
        let fixture = fixture();
        let session = Uuid::now_v7();
        let token = fixture.tokens.issue("ada", session).unwrap();
        let claims = fixture.tokens.verify(&token).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid), ("ada", session));
        assert_eq!(claims.exp - claims.iat, 900);
        fixture.clock.advance(899);
        assert!(fixture.tokens.verify(&token).is_ok());
        fixture.clock.advance(1);
        assert_eq!(code(fixture.tokens.verify(&token)), ErrorCode::TokenExpired);
        assert_eq!(code(fixture.tokens.verify(&token)), ErrorCode::TokenExpired);
    }

    #[test]
    fn a_token_is_remembered_by_its_whole_text() {
        let fixture = fixture();
        let token = fixture.tokens.issue("ada", Uuid::now_v7()).unwrap();
        fixture.tokens.verify(&token).unwrap();
        assert_eq!(fixture.tokens.remembered.len(), 1);
        let (body, signature) = token.rsplit_once('.').unwrap();
        let flipped: String = signature.chars().rev().collect();
        for forged in [
            format!("{body}."),
            body.to_owned(),
            format!("{body}.{flipped}"),
            format!("{token}A"),
        ] {
            assert_eq!(
                code(fixture.tokens.verify(&forged)),
                ErrorCode::InvalidToken,
                "{forged}"
            );
        }
        assert_eq!(fixture.tokens.remembered.len(), 1, "what fails is not remembered");
    }

    #[test]
    fn another_server_s_key_does_not_sign_for_us() {
        let (ours, theirs) = (fixture(), fixture());
        let token = theirs.tokens.issue("admin", Uuid::now_v7()).unwrap();
        assert_eq!(code(ours.tokens.verify(&token)), ErrorCode::InvalidToken);
    }

    fn forged(
        fixture: &Fixture,
        header: &Header,
        key: &EncodingKey,
        change: impl FnOnce(&mut Claims),
    ) -> String {
        let token = fixture.tokens.issue("admin", Uuid::now_v7()).unwrap();
        let mut claims = (*fixture.tokens.verify(&token).unwrap()).clone();
        change(&mut claims);
        encode(header, &claims, key).unwrap()
    }

    #[test]
    fn the_public_key_is_not_an_hmac_secret_and_no_algorithm_is_no_signature() {
        let fixture = fixture();
        let jwk = fixture.tokens.ring.current().keys[0].clone();
        let public = URL_SAFE_NO_PAD.decode(&jwk.x).unwrap();
        for (algorithm, secret) in [
            (Algorithm::HS256, public.as_slice()),
            (Algorithm::HS512, jwk.x.as_bytes()),
        ] {
            let mut header = Header::new(algorithm);
            header.kid = Some(jwk.kid.clone());
            let token = forged(&fixture, &header, &EncodingKey::from_secret(secret), |_| ());
            assert_eq!(code(fixture.tokens.verify(&token)), ErrorCode::InvalidToken);
        }
        let real = fixture.tokens.issue("admin", Uuid::now_v7()).unwrap();
        let payload = real.split('.').nth(1).unwrap();
        for alg in ["none", "None", "NONE", ""] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","kid":"{}"}}"#, jwk.kid));
            for signature in ["", "AA"] {
                let token = format!("{header}.{payload}.{signature}");
                assert_eq!(
                    code(fixture.tokens.verify(&token)),
                    ErrorCode::InvalidToken,
                    "{alg}"
                );
            }
        }
    }

    #[test]
    fn issuer_audience_and_key_id_are_ours() {
        let fixture = fixture();
        let (kid, key) = fixture.tokens.ring.signing().unwrap();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.to_owned());
        let good = forged(&fixture, &header, key, |_| ());
        assert!(fixture.tokens.verify(&good).is_ok());
        let wrong_issuer = forged(&fixture, &header, key, |claims| claims.iss = "other".into());
        let wrong_audience = forged(&fixture, &header, key, |claims| claims.aud = "other".into());
        header.kid = Some("../../etc/passwd".into());
        let wrong_kid = forged(&fixture, &header, key, |_| ());
        header.kid = None;
        let no_kid = forged(&fixture, &header, key, |_| ());
        for token in [wrong_issuer, wrong_audience, wrong_kid, no_kid] {
            assert_eq!(code(fixture.tokens.verify(&token)), ErrorCode::InvalidToken);
        }
    }

    #[test]
    fn garbage_is_an_invalid_token() {
        let fixture = fixture();
        for garbage in ["", ".", "..", "a.b.c", "ü.ü.ü", &"x".repeat(100_000)] {
            assert_eq!(code(fixture.tokens.verify(garbage)), ErrorCode::InvalidToken);
        }
    }
}
