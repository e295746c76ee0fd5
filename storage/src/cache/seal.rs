//! Names and seals of cached values.
//!
//! Both are keyed (HMAC-SHA256), so whoever can write to the cache can neither make a value nor move one to another name,
//! and whoever can read it does not learn from names what is asked for. Processes with different secrets do not meet.

use std::fmt;

use bytes::{BufMut as _, Bytes, BytesMut};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// In front of every name: whose it is, and the format of names, seals and values. Another format never meets this one.
const NAMES: &str = "cadastre:1:";
/// Bytes of a seal.
const SEAL: usize = 32;

type Keyed = Hmac<Sha256>;

/// Name of a cached value: short, printable, and tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey(String);

impl CacheKey {
    /// As the cache is asked for it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes names and seals.
#[derive(Clone)]
pub(super) struct Sealer {
    names: Keyed,
    seals: Keyed,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

fn keyed(secret: &[u8]) -> Keyed {
    match Keyed::new_from_slice(secret) {
        Ok(keyed) => keyed,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

impl Sealer {
    /// With keys of its own for each use, derived from a secret that may have other uses elsewhere.
    pub(super) fn new(secret: &[u8]) -> Self {
        let derived = |label: &str| {
            let mut derivation = keyed(secret);
            derivation.update(b"cadastre cache 1: ");
            derivation.update(label.as_bytes());
            keyed(&derivation.finalize().into_bytes())
        };
        Self {
            names: derived("names"),
            seals: derived("seals"),
        }
    }

    /// The name of what `kind` and `parts` say, each part apart from its neighbours.
    pub(super) fn name(&self, kind: &str, parts: &[&[u8]]) -> CacheKey {
        let mut name = self.names.clone();
        for part in std::iter::once(kind.as_bytes()).chain(parts.iter().copied()) {
            name.update(&(part.len() as u64).to_be_bytes());
            name.update(part);
        }
        let mut text = String::with_capacity(NAMES.len() + 64);
        text.push_str(NAMES);
        for byte in name.finalize().into_bytes() {
            text.push_str(&format!("{byte:02x}"));
        }
        CacheKey(text)
    }

    fn over(&self, key: &CacheKey, value: &[u8]) -> Keyed {
        let mut seal = self.seals.clone();
        // Names have one length, so name and value cannot run into each other.
        seal.update(key.0.as_bytes());
        seal.update(value);
        seal
    }

    /// A value with its seal in front.
    pub(super) fn seal(&self, key: &CacheKey, value: &[u8]) -> Bytes {
        let mut sealed = BytesMut::with_capacity(SEAL + value.len());
        sealed.put_slice(&self.over(key, value).finalize().into_bytes());
        sealed.put_slice(value);
        sealed.freeze()
    }

    /// The value, if it was sealed under this name with this secret.
    pub(super) fn open(&self, key: &CacheKey, mut sealed: Bytes) -> Option<Bytes> {
        if sealed.len() < SEAL {
            return None;
        }
        let value = sealed.split_off(SEAL);
        self.over(key, &value).verify_slice(&sealed).ok()?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(b"a secret of this test")
    }

    #[test]
    fn a_sealed_value_is_opened_under_its_own_name_and_secret_only() {
        let sealer = sealer();
        let key = sealer.name("k", &[b"one"]);
        let sealed = sealer.seal(&key, b"value");
        assert_eq!(
            sealer.open(&key, sealed.clone()),
            Some(Bytes::from_static(b"value"))
        );
        let other = sealer.name("k", &[b"two"]);
        assert_eq!(sealer.open(&other, sealed.clone()), None);
        assert_eq!(Sealer::new(b"another secret").open(&key, sealed), None);
    }

    #[test]
    fn no_bit_of_a_sealed_value_can_be_changed_and_no_end_cut_off() {
        let sealer = sealer();
        let key = sealer.name("k", &[b"one"]);
        let sealed = sealer.seal(&key, b"value");
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.to_vec();
                changed[at] ^= 1 << bit;
                assert_eq!(sealer.open(&key, changed.into()), None);
            }
            assert_eq!(sealer.open(&key, sealed.slice(..at)), None);
        }
        let mut longer = sealed.to_vec();
        longer.push(0);
        assert_eq!(sealer.open(&key, longer.into()), None);
    }

    #[test]
    fn names_differ_by_kind_parts_and_secret_and_have_one_length() {
        let sealer = sealer();
        let names = [
            sealer.name("k", &[b"ab", b"c"]),
            sealer.name("k", &[b"a", b"bc"]),
            sealer.name("k", &[b"abc"]),
            sealer.name("ka", &[b"bc"]),
            sealer.name("k", &[]),
            Sealer::new(b"another secret").name("k", &[b"ab", b"c"]),
        ];
        for (at, name) in names.iter().enumerate() {
            assert_eq!(name.as_str().len(), NAMES.len() + 64);
            assert!(!names[..at].contains(name), "{name:?}");
        }
    }
}
