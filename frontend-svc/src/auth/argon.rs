//! Argon2id with memory that is used again.
//!
//! One hash works on 19 MiB. Allocated anew for every login, on whichever thread, that memory stays with the
//! allocator and the process grows by hundreds of megabytes under a flood of logins; kept here, it is as much
//! as hashes may run at the same time, and no more.

use argon2::password_hash::{Output, ParamsString, PasswordHash, Salt, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Working memory of hashes that are done, for the next ones.
#[derive(Default)]
pub(super) struct Scratch(Mutex<Vec<Vec<Block>>>);

impl Scratch {
    fn with<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let mut memory = self.0.lock().pop().unwrap_or_default();
        if memory.len() < blocks {
            memory.resize(blocks, Block::default());
        }
        let done = work(&mut memory[..blocks]);
        self.0.lock().push(memory);
        done
    }

    fn raw(
        &self,
        argon: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), argon2::Error> {
        let blocks = argon.params().block_count();
        self.with(blocks, |memory| {
            argon.hash_password_into_with_memory(password, salt, out, memory)
        })
    }

    /// A hash in PHC format.
    pub(super) fn hash(&self, params: &Params, password: &[u8], salt: &[u8]) -> Result<String, String> {
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let mut out = [0; HASH_BYTES];
        self.raw(&argon, password, salt, &mut out)
            .map_err(|error| error.to_string())?;
        let salt = SaltString::encode_b64(salt).map_err(|error| error.to_string())?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(params).map_err(|error| error.to_string())?,
            salt: Some(salt.as_salt()),
            hash: Some(Output::new(&out).map_err(|error| error.to_string())?),
        };
        Ok(hash.to_string())
    }

    /// Whether a password gives this hash, with the hash's own parameters.
    pub(super) fn verify(&self, password: &[u8], hash: &PasswordHash<'_>) -> Result<bool, String> {
        let algorithm = Algorithm::try_from(hash.algorithm).map_err(|error| error.to_string())?;
        let version = hash.version.map_or(Ok(Version::default()), Version::try_from);
        let params = Params::try_from(hash).map_err(|error| error.to_string())?;
        let argon = Argon2::new(algorithm, version.map_err(|error| error.to_string())?, params);
        let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
            return Err("the hash has no salt or no value".to_owned());
        };
        let mut salt_bytes = [0; Salt::MAX_LENGTH];
        let salt = salt
            .decode_b64(&mut salt_bytes)
            .map_err(|error| error.to_string())?;
        let mut out = vec![0; expected.len()];
        self.raw(&argon, password, salt, &mut out)
            .map_err(|error| error.to_string())?;
        Ok(bool::from(out.ct_eq(expected.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;

    #[test]
    fn it_agrees_with_the_library_both_ways_and_keeps_one_piece_of_memory() {
        let params = Params::new(64, 2, 1, None).unwrap();
        let scratch = Scratch::default();
        let ours = scratch
            .hash(&params, b"correct horse", b"0123456789abcdef")
            .unwrap();
        let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let salt = SaltString::encode_b64(b"0123456789abcdef").unwrap();
        let theirs = library
            .hash_password(b"correct horse", &salt)
            .unwrap()
            .to_string();
        assert_eq!(ours, theirs);
        let parsed = PasswordHash::new(&ours).unwrap();
        Argon2::default()
            .verify_password(b"correct horse", &parsed)
            .unwrap();
        assert!(scratch.verify(b"correct horse", &parsed).unwrap());
        assert!(!scratch.verify(b"wrong horse", &parsed).unwrap());
        assert_eq!(scratch.0.lock().len(), 1);
    }
}
