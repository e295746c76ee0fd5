//! Signatures as Standard Webhooks 1.0.0 says: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. The timestamp
//! is that of the try, so that a receiver can refuse what is old.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with whose rest is the base64 of the key.
const PREFIX: &[u8] = b"whsec_";

/// Makes signatures with one secret.
pub(crate) struct Signer(Zeroizing<Vec<u8>>);

impl Signer {
    /// A secret that begins with `whsec_` is the base64 of its key, as the specification writes it and its libraries read
    /// it; the bytes of any other are the key themselves.
    ///
    /// # Errors
    /// What is wrong with the secret, without repeating it.
    pub(crate) fn new(secret: &[u8]) -> Result<Self, &'static str> {
        let key = match secret.strip_prefix(PREFIX) {
            Some(rest) => STANDARD
                .decode(rest)
                .map_err(|_| "what follows whsec_ in the secret is not base64; set the secret again")?,
            None => secret.to_vec(),
        };
        if key.is_empty() {
            return Err("the secret is empty; set it again");
        }
        Ok(Self(Zeroizing::new(key)))
    }

    /// The value of `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // A key of HMAC may have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return String::new();
        };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification_s_example() {
        let signer = Signer::new(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = signer.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn another_secret_is_its_own_key() {
        let text = Signer::new(b"correct horse").unwrap();
        let coded = Signer::new(format!("whsec_{}", STANDARD.encode("correct horse")).as_bytes()).unwrap();
        assert_eq!(text.sign("a", 1, b"b"), coded.sign("a", 1, b"b"));
    }

    #[test]
    fn a_secret_that_can_be_no_key_is_refused_without_being_repeated() {
        for secret in ["", "whsec_", "whsec_?horse"] {
            let why = Signer::new(secret.as_bytes()).err().unwrap();
            assert!(why.contains("set") && !why.contains("horse"), "{why}");
        }
    }
}
