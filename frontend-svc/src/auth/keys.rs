//! The signing keys: Ed25519, one PKCS#8 PEM file each, generated on first start.
//!
//! Every key in the directory verifies; the one whose file is newest signs. To rotate, put a new key beside the
//! old one (`openssl genpkey -algorithm ed25519 -out keys/2027.pem && chmod 600 keys/2027.pem`), restart, and
//! delete the old file once the last access token that it signed has expired. A key's id is the RFC 7638
//! thumbprint of its public half, whatever its file is called.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadastre_api_types::token::{PublicJwk, PublicJwks, VerificationKeys};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};

use super::opaque::random_bytes;
use crate::secret_file::write_secret_file;

/// Why the signing keys cannot be used; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or the directory cannot be read or written.
    #[error("cannot {doing} {}: {source}; check that the directory exists and belongs to this user", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others on this machine can read or change a key.
    #[error(
        "the signing key {} can be read or changed by other users (mode {mode:04o}); run: chmod 600 '{}'",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others on this machine can put a key of theirs beside ours.
    #[error(
        "the directory of signing keys {} can be changed by other users (mode {mode:04o}); run: chmod 700 '{}'",
        path.display(),
        path.display()
    )]
    ExposedDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file is not a key.
    #[error(
        "{} is not an Ed25519 private key in PKCS#8 PEM format; move it out of the directory, or make one with: \
         openssl genpkey -algorithm ed25519",
        path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// No randomness.
    #[error("the operating system gave no random bytes for a signing key; try again")]
    NoRandomness,
}

/// A key of the ring.
struct Key {
    kid: String,
    file_time: SystemTime,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: PublicJwk,
}

/// All keys of the directory, the one that signs first.
pub(crate) struct KeyRing {
    keys: Vec<Key>,
    published: Arc<PublicJwks>,
}

impl KeyRing {
    /// Loads the keys of a directory; makes the directory and a first key where there are none. Processes that
    /// start at the same time on one directory end up with the same key.
    pub(crate) fn load_or_generate(dir: &Path) -> Result<Self, KeyError> {
        let io = |doing| {
            move |source| KeyError::Io {
                doing,
                path: dir.to_owned(),
                source,
            }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(io("make"))?;
        let mode = fs::metadata(dir).map_err(io("look at"))?.permissions().mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(KeyError::ExposedDirectory {
                path: dir.to_owned(),
                mode,
            });
        }
        let mut keys = load(dir)?;
        if keys.is_empty() {
            let lock_path = dir.join(".lock");
            let lock = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&lock_path);
            let lock = lock.map_err(io("write the lock file in"))?;
            lock.lock().map_err(io("lock"))?;
            keys = load(dir)?;
            if keys.is_empty() {
                keys.push(generate(dir)?);
            }
        }
        Ok(Self::of(keys))
    }

    fn of(mut keys: Vec<Key>) -> Self {
        keys.sort_by(|a, b| b.file_time.cmp(&a.file_time).then_with(|| a.kid.cmp(&b.kid)));
        keys.dedup_by(|a, b| a.kid == b.kid);
        let published = Arc::new(PublicJwks {
            keys: keys.iter().map(|key| key.public.clone()).collect(),
        });
        Self { keys, published }
    }

    /// The key that signs, with its id.
    pub(crate) fn signing(&self) -> Option<(&str, &EncodingKey)> {
        self.keys.first().map(|key| (key.kid.as_str(), &key.signing))
    }

    /// The key with an id.
    pub(crate) fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys
            .iter()
            .find(|key| key.kid == kid)
            .map(|key| &key.verifying)
    }
}

impl VerificationKeys for KeyRing {
    fn current(&self) -> Arc<PublicJwks> {
        Arc::clone(&self.published)
    }
}

fn load(dir: &Path) -> Result<Vec<Key>, KeyError> {
    let io = |source| KeyError::Io {
        doing: "read",
        path: dir.to_owned(),
        source,
    };
    let mut keys = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            keys.push(load_file(&path)?);
        }
    }
    Ok(keys)
}

fn load_file(path: &Path) -> Result<Key, KeyError> {
    let io = |source| KeyError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(io)?;
    let mode = metadata.permissions().mode() & 0o7777;
    // A group may read it, as with secrets that Kubernetes mounts; nobody else may do anything.
    if mode & 0o037 != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let pem = fs::read_to_string(path).map_err(io)?;
    let key = SigningKey::from_pkcs8_pem(pem.trim()).map_err(|_| KeyError::NotAKey {
        path: path.to_owned(),
    })?;
    key_of(&key, metadata.modified().map_err(io)?).ok_or_else(|| KeyError::NotAKey {
        path: path.to_owned(),
    })
}

/// Writes a new key so that a crash leaves either no key or a whole one.
fn generate(dir: &Path) -> Result<Key, KeyError> {
    let seed = random_bytes::<32>().map_err(|_| KeyError::NoRandomness)?;
    let signing = SigningKey::from_bytes(&seed);
    let pem = keypair(&signing)
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| KeyError::NotAKey { path: dir.to_owned() })?;
    let kid = thumbprint(&signing);
    let path = dir.join(format!("{kid}.pem"));
    write_secret_file(&path, pem.as_bytes()).map_err(|source| KeyError::Io {
        doing: "write",
        path: path.clone(),
        source,
    })?;
    tracing::info!(kid = %kid, directory = %dir.display(), "generated a signing key");
    load_file(&path)
}

/// PKCS#8 version 1, without the public half: what every tool reads.
fn keypair(key: &SigningKey) -> KeypairBytes {
    KeypairBytes {
        secret_key: key.to_bytes(),
        public_key: None,
    }
}

fn key_of(key: &SigningKey, file_time: SystemTime) -> Option<Key> {
    let der = keypair(key).to_pkcs8_der().ok()?;
    let public = key.verifying_key();
    let kid = thumbprint(key);
    Some(Key {
        file_time,
        signing: EncodingKey::from_ed_der(der.as_bytes()),
        verifying: DecodingKey::from_ed_der(public.as_bytes()),
        public: PublicJwk {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            x: URL_SAFE_NO_PAD.encode(public.as_bytes()),
            kid: kid.clone(),
            key_use: "sig".into(),
            alg: "EdDSA".into(),
        },
        kid,
    })
}

/// RFC 7638: SHA-256 over the required members in lexicographic order.
fn thumbprint(key: &SigningKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(
        r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs::{File, Permissions};
    use std::time::Duration;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn only_key_file(dir: &Path) -> PathBuf {
        let pem = |path: &PathBuf| path.extension().is_some_and(|e| e == "pem");
        let mut files = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(pem);
        let file = files.next().unwrap();
        assert!(files.next().is_none());
        file
    }

    #[test]
    fn the_first_start_makes_a_key_that_only_its_owner_reads_and_the_second_keeps_it() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("keys");
        let first = KeyRing::load_or_generate(&dir).unwrap();
        let second = KeyRing::load_or_generate(&dir).unwrap();
        assert_eq!(first.current(), second.current());
        assert_eq!(mode(&dir), 0o700);
        let file = only_key_file(&dir);
        assert_eq!(mode(&file), 0o600);
        assert_eq!(
            file.file_stem().unwrap().to_str(),
            first.signing().map(|(kid, _)| kid)
        );
    }

    #[test]
    fn processes_that_start_together_share_one_key() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("keys");
        let kids: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| KeyRing::load_or_generate(&dir).unwrap().current()))
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(kids.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let temp = tempfile::tempdir().unwrap();
        KeyRing::load_or_generate(temp.path()).unwrap();
        let file = only_key_file(temp.path());
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let refusal = KeyRing::load_or_generate(temp.path()).err().unwrap().to_string();
        assert!(refusal.contains("chmod 600"), "{refusal}");
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), Permissions::from_mode(0o777)).unwrap();
        let refusal = KeyRing::load_or_generate(temp.path()).err().unwrap().to_string();
        assert!(refusal.contains("chmod 700"), "{refusal}");
    }

    #[test]
    fn a_file_that_is_no_key_is_named() {
        let temp = tempfile::tempdir().unwrap();
        write_secret_file(&temp.path().join("x.pem"), b"hello").unwrap();
        let refusal = KeyRing::load_or_generate(temp.path()).err().unwrap().to_string();
        assert!(
            refusal.contains("x.pem is not an Ed25519 private key"),
            "{refusal}"
        );
    }

    #[test]
    fn after_a_rotation_the_newest_key_signs_and_all_verify() {
        let temp = tempfile::tempdir().unwrap();
        let old = KeyRing::load_or_generate(temp.path()).unwrap();
        let old_file = only_key_file(temp.path());
        let past = SystemTime::now() - Duration::from_secs(60);
        File::options()
            .write(true)
            .open(&old_file)
            .unwrap()
            .set_modified(past)
            .unwrap();
        let new = generate(temp.path()).unwrap();
        let ring = KeyRing::load_or_generate(temp.path()).unwrap();
        assert_eq!(ring.signing().unwrap().0, new.kid);
        assert!(ring.verifying(old.signing().unwrap().0).is_some());
        assert_eq!(ring.current().keys.len(), 2);
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037_appendix_a_3() {
        let seed = URL_SAFE_NO_PAD
            .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
            .unwrap();
        let key = SigningKey::from_bytes(&seed.try_into().unwrap());
        assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_written_by_openssl_is_read() {
        let temp = tempfile::tempdir().unwrap();
        // The private key of RFC 8410 §10.3.
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        write_secret_file(&temp.path().join("2027.pem"), pem.as_bytes()).unwrap();
        let ring = KeyRing::load_or_generate(temp.path()).unwrap();
        assert_eq!(
            ring.current().keys[0].x,
            "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"
        );
    }
}
