//! Passwords: Argon2id at the parameters that OWASP recommends, off the async threads, a few at a time.
//!
//! One hash takes 19 MiB and tens of milliseconds of a core. A flood of logins must not take the machine with it,
//! so hashes wait in a short line for one of a few places, and above that are refused with `503 Overloaded`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use argon2::password_hash::PasswordHash;
use argon2::{Algorithm, Params, Version};
use cadastre_api_types::{ApiError, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::argon::Scratch;
use super::opaque::random_bytes;

/// OWASP Password Storage Cheat Sheet: Argon2id with m = 19 MiB, t = 2, p = 1.
const MEMORY_KIB: u32 = 19_456;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

/// Seconds that a client is asked to wait when too many hash at once.
const RETRY_AFTER: u64 = 2;

/// What came of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not the password, or there is no such user.
    Wrong,
    /// It is the password.
    Right {
        /// Its hash has other parameters than new ones get, so it is to be hashed again.
        outdated: bool,
    },
}

/// How many hashes may be made at once and may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// At the same time.
    pub(crate) concurrency: usize,
    /// In line.
    pub(crate) queue: usize,
    /// Longest wait in line.
    pub(crate) wait: Duration,
}

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    params: Params,
    /// Stands in for the hash of a user who does not exist, so that the answer takes as long.
    stand_in: Arc<str>,
    places: Arc<Semaphore>,
    in_line: AtomicUsize,
    limits: Limits,
    verifications: Arc<AtomicU64>,
    scratch: Arc<Scratch>,
}

/// Why there can be no passwords at all.
#[derive(Debug, thiserror::Error)]
#[error("passwords cannot be hashed: {0}")]
pub(crate) struct HashingUnavailable(String);

impl Passwords {
    /// With the parameters of production.
    pub(crate) fn new(limits: Limits) -> Result<Self, HashingUnavailable> {
        let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, None);
        Self::with_params(
            params.map_err(|error| HashingUnavailable(error.to_string()))?,
            limits,
        )
    }

    /// With others: tests want cheap ones.
    pub(crate) fn with_params(params: Params, limits: Limits) -> Result<Self, HashingUnavailable> {
        let nobody = random_bytes::<32>().map_err(|error| HashingUnavailable(error.to_string()))?;
        let scratch = Arc::new(Scratch::default());
        let stand_in = hash_now(&scratch, &params, &nobody).map_err(HashingUnavailable)?;
        Ok(Self {
            params,
            stand_in: stand_in.into(),
            places: Arc::new(Semaphore::new(limits.concurrency.max(1))),
            in_line: AtomicUsize::new(0),
            limits,
            verifications: Arc::new(AtomicU64::new(0)),
            scratch,
        })
    }

    /// The hash of a new password in PHC format.
    ///
    /// # Errors
    /// `503 Overloaded` when too many are hashed already.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, ApiError> {
        let (params, password) = (self.params.clone(), password.to_owned());
        let scratch = Arc::clone(&self.scratch);
        let hashed = self
            .in_turn(move || hash_now(&scratch, &params, password.as_bytes()))
            .await?;
        hashed.map_err(|error| {
            tracing::error!(error, "cannot hash a password");
            ApiError::new(
                ErrorCode::Internal,
                "The server cannot hash passwords; its log has more.",
            )
        })
    }

    /// Checks a password against a user's hash; `None` for a user who does not exist costs the same and is
    /// always wrong.
    ///
    /// # Errors
    /// `503 Overloaded` when too many are checked already.
    pub(crate) async fn verify(&self, hash: Option<&str>, password: &str) -> Result<Verdict, ApiError> {
        let known = hash.is_some();
        let hash: Arc<str> = hash.map_or_else(|| Arc::clone(&self.stand_in), Arc::from);
        let (params, password, stand_in) = (
            self.params.clone(),
            password.to_owned(),
            Arc::clone(&self.stand_in),
        );
        let verifications = Arc::clone(&self.verifications);
        let scratch = Arc::clone(&self.scratch);
        self.in_turn(move || {
            verifications.fetch_add(1, Ordering::Relaxed);
            match PasswordHash::new(&hash) {
                Ok(parsed) => {
                    let right = scratch.verify(password.as_bytes(), &parsed);
                    if let Err(error) = &right {
                        tracing::error!(error, "a stored password hash cannot be checked");
                    }
                    if right == Ok(true) && known {
                        Verdict::Right {
                            outdated: is_outdated(&parsed, &params),
                        }
                    } else {
                        Verdict::Wrong
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a stored password hash cannot be read");
                    if let Ok(parsed) = PasswordHash::new(&stand_in) {
                        let _ = scratch.verify(password.as_bytes(), &parsed);
                    }
                    Verdict::Wrong
                }
            }
        })
        .await
    }

    /// How often a password has been compared with a hash, real or not.
    #[cfg(test)]
    pub(crate) fn verifications(&self) -> u64 {
        self.verifications.load(Ordering::Relaxed)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let place = self.place().await?;
        // The place goes along: it is free again when the work is done, not when the client has gone.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "hashing a password failed");
            ApiError::new(
                ErrorCode::Internal,
                "The server failed to check the password; its log has more.",
            )
        })
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _in_line = InLine::join(&self.in_line, self.limits.queue).ok_or_else(overloaded)?;
        match timeout(self.limits.wait, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(overloaded()),
        }
    }
}

/// One who waits; leaves the line when dropped, however that happens.
struct InLine<'a>(&'a AtomicUsize);

impl<'a> InLine<'a> {
    fn join(count: &'a AtomicUsize, most: usize) -> Option<Self> {
        let joined = count.fetch_add(1, Ordering::AcqRel);
        let this = Self(count);
        (joined < most).then_some(this)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn overloaded() -> ApiError {
    metrics::counter!("cadastre_password_overload_total").increment(1);
    ApiError::new(
        ErrorCode::Overloaded,
        "Too many logins at once; try again in a moment.",
    )
    .with_retry_after(RETRY_AFTER)
}

fn hash_now(scratch: &Scratch, params: &Params, password: &[u8]) -> Result<String, String> {
    let salt = random_bytes::<16>().map_err(|error| error.to_string())?;
    scratch.hash(params, password, &salt)
}

fn is_outdated(hash: &PasswordHash<'_>, current: &Params) -> bool {
    let same_parameters = Params::try_from(hash).is_ok_and(|used| {
        (used.m_cost(), used.t_cost(), used.p_cost())
            == (current.m_cost(), current.t_cost(), current.p_cost())
    });
    let same_algorithm =
        hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(Version::V0x13.into());
    !(same_algorithm && same_parameters)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn limits(concurrency: usize, queue: usize) -> Limits {
        Limits {
            concurrency,
            queue,
            wait: Duration::from_millis(50),
        }
    }

    fn cheap() -> Passwords {
        Passwords::with_params(Params::new(8, 1, 1, None).unwrap(), limits(2, 8)).unwrap()
    }

    #[test]
    fn new_hashes_have_the_parameters_that_owasp_recommends() {
        let passwords = Passwords::new(limits(1, 1)).unwrap();
        assert!(
            passwords.stand_in.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            passwords.stand_in
        );
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let passwords = cheap();
        let hash = passwords.hash("korrekt pferd").await.unwrap();
        assert_ne!(hash, passwords.hash("korrekt pferd").await.unwrap(), "salted");
        assert_eq!(
            passwords.verify(Some(&hash), "korrekt pferd").await,
            Ok(Verdict::Right { outdated: false })
        );
        for wrong in ["", "korrekt pferd ", "Korrekt pferd"] {
            assert_eq!(passwords.verify(Some(&hash), wrong).await, Ok(Verdict::Wrong));
        }
    }

    #[tokio::test]
    async fn an_unknown_user_costs_one_verification_with_the_same_parameters_and_is_wrong() {
        let passwords = cheap();
        let hash = passwords.hash("korrekt pferd").await.unwrap();
        passwords.verify(Some(&hash), "guess").await.unwrap();
        assert_eq!(passwords.verifications(), 1);
        assert_eq!(passwords.verify(None, "guess").await, Ok(Verdict::Wrong));
        assert_eq!(passwords.verifications(), 2);
        let parameters = |hash: &str| hash.split('$').nth(3).map(str::to_owned);
        assert_eq!(parameters(&passwords.stand_in), parameters(&hash));
    }

    #[tokio::test]
    async fn a_hash_of_older_parameters_still_verifies_and_is_outdated() {
        let old = cheap().hash("korrekt pferd").await.unwrap();
        let now = Passwords::with_params(Params::new(16, 2, 1, None).unwrap(), limits(1, 1)).unwrap();
        assert_eq!(
            now.verify(Some(&old), "korrekt pferd").await,
            Ok(Verdict::Right { outdated: true })
        );
        assert_eq!(
            now.verify(Some("not a hash"), "korrekt pferd").await,
            Ok(Verdict::Wrong)
        );
    }

    #[tokio::test]
    async fn above_places_and_line_the_answer_is_overloaded_with_a_time_to_come_back() {
        let passwords = cheap();
        let places = Arc::clone(&passwords.places);
        let _all = places.acquire_many(2).await.unwrap();
        let waited_too_long = passwords.verify(None, "x").await.unwrap_err();
        assert_eq!(
            (waited_too_long.code, waited_too_long.retry_after),
            (ErrorCode::Overloaded, Some(RETRY_AFTER))
        );
        let no_line = Passwords {
            limits: limits(2, 0),
            ..passwords
        };
        let refused = no_line.verify(None, "x").await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Overloaded);
        assert_eq!(
            no_line.in_line.load(Ordering::Relaxed),
            0,
            "everybody has left the line"
        );
        assert_eq!(no_line.verifications(), 0);
    }

    #[tokio::test]
    async fn a_client_who_goes_away_does_not_free_a_place_that_is_still_at_work() {
        let passwords = Passwords::with_params(Params::new(8, 1, 1, None).unwrap(), limits(1, 0)).unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let work = passwords.in_turn(move || held.recv().is_ok());
        assert!(
            timeout(Duration::from_millis(20), work).await.is_err(),
            "the client goes away"
        );
        assert_eq!(
            passwords.verify(None, "x").await.unwrap_err().code,
            ErrorCode::Overloaded
        );
        release.send(()).unwrap();
    }
}
