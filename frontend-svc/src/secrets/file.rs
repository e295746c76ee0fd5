//! The file of the keys that seal secrets: `secrets.keys` in the directory of the signing keys, made on the first start.
//!
//! One key a line, `id base64` (32 bytes); empty lines and lines that begin with `#` do not count. The first key seals, all
//! open. To rotate where several frontends run, put the new key (`echo "2027 $(openssl rand -base64 32)"`) on a second line
//! and restart all, then move it to the first and restart again: none of them meets a secret that it cannot open. An old
//! key is removed once nothing is sealed with it any more; what still is can then not be opened.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use zeroize::Zeroizing;

use super::Key;
use crate::auth::opaque::random_bytes;
use crate::secret_file::write_secret_file;

/// Name of the file.
const NAME: &str = "secrets.keys";
/// Bytes of a key of AES-256.
const KEY_BYTES: usize = 32;
/// Characters of a key's id.
const LONGEST_ID: usize = 64;
/// With `=` at the end or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why the keys that seal secrets cannot be used; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file or the directory cannot be read or written.
    #[error("cannot {doing} {}: {source}; check that the directory exists and belongs to this user", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others on this machine can read or change the keys.
    #[error(
        "the file of keys {} can be read or changed by other users (mode {mode:04o}); run: chmod 600 '{}'",
        path.display(),
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others on this machine can put a file of theirs in its place.
    #[error(
        "the directory of keys {} can be changed by other users (mode {mode:04o}); run: chmod 700 '{}'",
        path.display(),
        path.display()
    )]
    ExposedDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A line is no key. Does not repeat the line.
    #[error(
        "line {line} of {}: {why}; a line is an id, a space and 32 bytes in base64, for example made with: \
         echo \"2027 $(openssl rand -base64 32)\"",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file is there and has no key.
    #[error(
        "{} holds no key; put it back from a backup. Without one, delete the file to have a new key made: what the lost \
         keys sealed cannot be opened any more then, and has to be set again",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// No randomness.
    #[error("the operating system gave no random bytes for a key; try again")]
    NoRandomness,
}

/// The keys of the file, in its order; makes directory and file where there are none. No key if there is no file and none
/// can be made, because the directory is read-only.
pub(super) fn load_or_create(dir: &Path) -> Result<Vec<Key>, SecretsError> {
    let io = |doing| {
        move |source| SecretsError::Io {
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
        return Err(SecretsError::ExposedDirectory {
            path: dir.to_owned(),
            mode,
        });
    }
    let path = dir.join(NAME);
    if let Some(keys) = load(&path)? {
        return Ok(keys);
    }
    // The lock that the signing keys are made under, too.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let made = options.open(dir.join(".lock")).and_then(|lock| {
        lock.lock()?;
        Ok(lock)
    });
    let lock = match made {
        Ok(lock) => lock,
        Err(error) if cannot_be_written(&error) => return Ok(without_keys(&path)),
        Err(error) => return Err(io("write the lock file in")(error)),
    };
    let found = load(&path)?;
    let keys = match found {
        Some(keys) => keys,
        None => create(&path)?,
    };
    drop(lock);
    Ok(keys)
}

/// Others write this directory, if anybody does.
fn cannot_be_written(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
    )
}

fn without_keys(path: &Path) -> Vec<Key> {
    tracing::warn!(
        file = %path.display(),
        "there is no key to seal secrets with, and none can be made here: credentials and webhook secrets are refused \
         until the file is there, the same for every frontend"
    );
    Vec::new()
}

/// The keys of a file; `None` if there is none.
fn load(path: &Path) -> Result<Option<Vec<Key>>, SecretsError> {
    let io = |source| SecretsError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mode = metadata.permissions().mode() & 0o7777;
    // A group may read it, as with secrets that Kubernetes mounts; nobody else may do anything.
    if mode & 0o037 != 0 {
        return Err(SecretsError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
    parse(path, &text).map(Some)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Key>, SecretsError> {
    let mut keys = Vec::new();
    let mut ids = HashSet::new();
    for (position, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let malformed = |why| SecretsError::Malformed {
            path: path.to_owned(),
            line: position + 1,
            why,
        };
        let key = parse_line(line).map_err(malformed)?;
        if !ids.insert(key.id.clone()) {
            return Err(malformed("the id was on an earlier line already"));
        }
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(SecretsError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(keys)
}

fn parse_line(line: &str) -> Result<Key, &'static str> {
    let mut parts = line.split_ascii_whitespace();
    let (Some(id), Some(key), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err("there are not two words");
    };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if id.len() > LONGEST_ID || !id.bytes().all(legal) {
        return Err("the id has other characters than letters, digits, `.`, `_` and `-`, or more than 64");
    }
    let bytes = Zeroizing::new(LENIENT.decode(key).map_err(|_| "the key is not base64")?);
    key_of(id, &bytes)
}

fn key_of(id: &str, bytes: &[u8]) -> Result<Key, &'static str> {
    let unbound = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| "the key does not have 32 bytes")?;
    Ok(Key {
        id: id.to_owned(),
        cipher: LessSafeKey::new(unbound),
    })
}

/// Writes a file with one new key so that a crash leaves either no file or a whole one.
fn create(path: &Path) -> Result<Vec<Key>, SecretsError> {
    let secret = Zeroizing::new(random_bytes::<KEY_BYTES>().map_err(|_| SecretsError::NoRandomness)?);
    let id = u32::from_be_bytes(random_bytes().map_err(|_| SecretsError::NoRandomness)?);
    let id = format!("{id:08x}");
    let text = Zeroizing::new(format!(
        "# The keys that subscribers' credentials and webhook secrets are sealed with. Whoever loses them loses those\n\
         # secrets: keep a copy. The first key seals, all open; every frontend needs the same file.\n\
         {id} {}\n",
        STANDARD.encode(*secret)
    ));
    match write_secret_file(path, text.as_bytes()) {
        Ok(()) => {}
        Err(error) if cannot_be_written(&error) => return Ok(without_keys(path)),
        Err(source) => {
            return Err(SecretsError::Io {
                doing: "write",
                path: path.to_owned(),
                source,
            });
        }
    }
    tracing::info!(key = %id, file = %path.display(), "generated a key that secrets are sealed with; keep a copy of it");
    parse(path, &text)
}
