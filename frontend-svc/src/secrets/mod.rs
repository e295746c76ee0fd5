//! Secrets of others that have to be read again: RADIUS passwords of subscribers, secrets of webhooks. A hash would not do:
//! CHAP and MS-CHAP (RFC 2865 §2.2, RFC 2759) are computed from the password itself, and so is a signature.
//!
//! They are sealed with AES-256-GCM under keys of the deployment that frontends alone have; what the data access layer, its
//! store and its backups hold opens nothing. The file of the keys is [`file`]'s. Each secret has a nonce of its own, drawn
//! by lot: 96 bits are enough for 2³² secrets under one key (NIST SP 800-38D §8.3). What a secret belongs to is sealed with
//! it as associated data, so that one that was copied to another row does not open there.
//!
//! **Several frontends need the same file**, as they need the same signing keys: a shared volume, or a Secret that is
//! mounted by all. A frontend that lacks a key says which one when it meets a secret of it. Whoever loses the keys loses
//! the secrets, not the rest: they have to be set again, one by one.

mod file;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::{SealedSecret, SubscriberId};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::auth::opaque::random_bytes;
use crate::http::wording::echo;

pub use file::SecretsError;

/// What a webhook's secret is sealed for.
#[must_use]
pub fn webhook_context(space: Uuid, webhook: Uuid) -> String {
    format!("{space}/webhook/{webhook}")
}

/// What a subscriber's RADIUS password is sealed for.
#[must_use]
pub fn subscriber_context(space: Uuid, subscriber: &SubscriberId) -> String {
    format!("{space}/subscriber/{subscriber}")
}

/// A key with the id that secrets name it by.
struct Key {
    id: String,
    cipher: LessSafeKey,
}

/// Seals and opens secrets. Its `Debug` shows nothing.
pub struct SecretBox {
    /// The first seals, all open.
    keys: Vec<Key>,
}

impl std::fmt::Debug for SecretBox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SecretBox").finish_non_exhaustive()
    }
}

impl SecretBox {
    /// Reads `secrets.keys` in the directory of the signing keys; makes it, with one key, where there is none. Processes
    /// that start at the same time on one directory end up with the same key.
    ///
    /// Where there is none and the directory cannot be written (a Secret that Kubernetes mounts), the box has no key: the
    /// frontend starts, and refuses to seal.
    ///
    /// # Errors
    /// [`SecretsError`], whose text says what to do.
    pub fn load_or_create(dir: &Path) -> Result<Self, SecretsError> {
        file::load_or_create(dir).map(|keys| Self { keys })
    }

    /// Seals a secret for its place (see [`webhook_context`], [`subscriber_context`]).
    ///
    /// # Errors
    /// `Internal` if there is no key, or no randomness.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<SealedSecret, ApiError> {
        let Some(key) = self.keys.first() else {
            return Err(ApiError::new(
                ErrorCode::Internal,
                "This server has no key to seal secrets with, so it does not take any: its administrator puts a file \
                 secrets.keys, the same for every frontend, into the directory of the signing keys and restarts.",
            ));
        };
        let nonce = random_bytes::<NONCE_LEN>().map_err(|_| {
            let text = "The operating system gave no random bytes to seal a secret with; try again.";
            ApiError::new(ErrorCode::Internal, text)
        })?;
        // Room for all of it: growing would leave a copy of the secret behind.
        let mut sealed = Zeroizing::new(Vec::with_capacity(
            NONCE_LEN + plain.len() + AES_256_GCM.tag_len(),
        ));
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = key
            .cipher
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut sealed[NONCE_LEN..],
            )
            .map_err(|_| {
                ApiError::new(
                    ErrorCode::Internal,
                    "The secret is too long to be sealed; take a shorter one.",
                )
            })?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(SealedSecret {
            key_id: key.id.clone(),
            sealed: STANDARD.encode(&*sealed),
        })
    }

    /// Opens a secret at its place. What comes back is wiped from memory when it is dropped.
    ///
    /// # Errors
    /// `Internal` if its key is not here; `StoreCorrupt` if it was changed, cut off, or sealed for another place.
    pub fn open(&self, context: &str, secret: &SealedSecret) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let Some(key) = self.keys.iter().find(|key| key.id == secret.key_id) else {
            return Err(ApiError::new(
                ErrorCode::Internal,
                format!(
                    "A secret was sealed with the key `{}`, which this server does not have. Its administrator puts the \
                     line of that key back into secrets.keys (from a backup, or from another frontend: all need the same \
                     file) and restarts. If the key is lost, the secret is, too: set it again.",
                    echo(&secret.key_id)
                ),
            ));
        };
        let sealed = STANDARD.decode(&secret.sealed).map_err(|_| damaged(key))?;
        let mut sealed = Zeroizing::new(sealed);
        let Some((nonce, rest)) = sealed.split_first_chunk_mut::<NONCE_LEN>() else {
            return Err(damaged(key));
        };
        let nonce = Nonce::assume_unique_for_key(*nonce);
        match key
            .cipher
            .open_in_place(nonce, Aad::from(context.as_bytes()), rest)
        {
            Ok(plain) => Ok(Zeroizing::new(plain.to_vec())),
            Err(_) => Err(damaged(key)),
        }
    }
}

fn damaged(key: &Key) -> ApiError {
    ApiError::new(
        ErrorCode::StoreCorrupt,
        format!(
            "A secret does not open with the key `{}` that sealed it: it was changed, cut off or copied from another place, \
             or the key's line in secrets.keys was changed. Put the line back, or set the secret again.",
            echo(&key.id)
        ),
    )
}

#[cfg(test)]
mod tests;
