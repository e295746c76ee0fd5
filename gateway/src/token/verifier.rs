//! Checks access tokens, and remembers the ones it has checked.
//!
//! The key decides what it may be used for, never the token: keys are Ed25519 keys of our own set, so a token
//! that says `none` or `HS256` has no key it could be checked with. A remembered token is found by comparing
//! its whole text, and holds only until it expires or the key set changes.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadastre_api_types::token::{AUDIENCE, Claims, ISSUER, PublicJwk, PublicJwks, VerificationKeys};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use quick_cache::sync::Cache;

/// Clocks of two machines differ by a little; `exp` and `nbf` are read with this much patience, in seconds.
const LEEWAY_SECONDS: u32 = 5;
const ED25519_KEY_BYTES: usize = 32;

/// A token whose signature and times are in order.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) claims: Arc<Claims>,
    /// Hash of the user's name, for its rate limit.
    pub(crate) subject: u64,
}

/// Why a token is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was good once.
    Expired,
    /// It names a key that is not in the set.
    UnknownKey,
    /// It is not one of ours.
    Invalid,
    /// There are no keys yet to check it with.
    NoKeys,
}

/// The key set, prepared for checking.
struct KeyRing {
    source: Arc<PublicJwks>,
    /// Remembered tokens of another generation do not count.
    generation: u64,
    keys: Vec<(Box<str>, DecodingKey)>,
}

#[derive(Clone)]
struct Remembered {
    verified: Verified,
    generation: u64,
}

/// Checks access tokens.
pub(crate) struct Verifier {
    keys: Arc<dyn VerificationKeys>,
    ring: ArcSwap<KeyRing>,
    generations: AtomicU64,
    remembered: Cache<Box<[u8]>, Remembered>,
    validation: Validation,
    subjects: RandomState,
}

impl Verifier {
    pub(crate) fn new(keys: Arc<dyn VerificationKeys>, remembered_tokens: usize) -> Self {
        let ring = KeyRing::new(keys.current(), 0);
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = u64::from(LEEWAY_SECONDS);
        validation.validate_nbf = true;
        // `exp` is judged below, by one function for fresh and for remembered tokens: a token that has
        // expired is remembered too, so that sending it again costs no signature check.
        validation.validate_exp = false;
        Self {
            keys,
            ring: ArcSwap::from_pointee(ring),
            generations: AtomicU64::new(1),
            remembered: Cache::new(remembered_tokens.max(1)),
            validation,
            subjects: RandomState::new(),
        }
    }

    /// The token, if it has been checked before. Costs a hash of its text.
    #[inline]
    pub(crate) fn recall(&self, token: &[u8]) -> Option<Result<Verified, Refusal>> {
        let found = self.remembered.get(token)?;
        (found.generation == self.ring.load().generation).then(|| in_time(found.verified, unix_now()))
    }

    /// Checks a token that is not remembered. Costs a signature check.
    pub(crate) fn check(&self, token: &[u8]) -> Result<Verified, Refusal> {
        let ring = self.ring();
        if ring.keys.is_empty() {
            return Err(Refusal::NoKeys);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Invalid)?;
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(Refusal::Invalid);
        }
        let kid = header.kid.ok_or(Refusal::Invalid)?;
        let key = ring
            .keys
            .iter()
            .find(|(id, _)| **id == *kid)
            .map(|(_, key)| key)
            .ok_or(Refusal::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_| Refusal::Invalid)?
            .claims;
        let subject = self.subjects.hash_one(&claims.sub);
        let verified = Verified {
            claims: Arc::new(claims),
            subject,
        };
        let remembered = Remembered {
            verified: verified.clone(),
            generation: ring.generation,
        };
        self.remembered.insert(token.into(), remembered);
        in_time(verified, unix_now())
    }

    /// Notices a changed key set even when no new token comes by.
    pub(crate) fn follow_keys(&self) {
        self.ring();
    }

    /// Takes over the key set if it has changed; tokens checked with the former one must be checked again.
    fn ring(&self) -> Arc<KeyRing> {
        let source = self.keys.current();
        let ring = self.ring.load_full();
        if Arc::ptr_eq(&ring.source, &source) || *ring.source == *source {
            return ring;
        }
        let ring = Arc::new(KeyRing::new(
            source,
            self.generations.fetch_add(1, Ordering::Relaxed),
        ));
        self.ring.store(Arc::clone(&ring));
        ring
    }
}

impl KeyRing {
    fn new(source: Arc<PublicJwks>, generation: u64) -> Self {
        let keys = source
            .keys
            .iter()
            .filter_map(|jwk| Some((jwk.kid.as_str().into(), decoding_key(jwk)?)))
            .collect();
        Self {
            source,
            generation,
            keys,
        }
    }
}

/// A key of the one kind we sign with; any other is not used, whatever it claims.
fn decoding_key(jwk: &PublicJwk) -> Option<DecodingKey> {
    let point = URL_SAFE_NO_PAD.decode(&jwk.x).ok()?;
    let usable = jwk.kty == "OKP"
        && jwk.crv == "Ed25519"
        && jwk.alg == "EdDSA"
        && jwk.key_use == "sig"
        && point.len() == ED25519_KEY_BYTES;
    usable.then(|| DecodingKey::from_ed_der(&point))
}

fn in_time(verified: Verified, now: i64) -> Result<Verified, Refusal> {
    if verified.claims.exp.saturating_add(i64::from(LEEWAY_SECONDS)) < now {
        Err(Refusal::Expired)
    } else {
        Ok(verified)
    }
}

fn unix_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}
