//! How long to wait before trying again: what the server asks for, else exponential back-off; always with
//! jitter, so that many clients do not come back in step.

use std::time::Duration;

use rand::Rng as _;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Times one request is tried.
pub(super) const TRIES: u32 = 12;
/// Times a server that has never answered is tried.
pub(super) const FIRST_TRIES: u32 = 4;
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// A server that asks for more patience than this gets this much.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// The answer says that the same request may go better in a while.
pub(super) fn is_worthwhile(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// What `Retry-After` asks for (seconds; our servers send nothing else).
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_ASKED))
}

/// Time to wait after try number `tried` (from 1).
pub(super) fn pause(tried: u32, asked: Option<Duration>) -> Duration {
    let jitter = rand::rng().random_range(0.5..1.0);
    match asked {
        // Never earlier than asked; spread over half as long again.
        Some(asked) => asked.mul_f64(0.5 + jitter),
        None => FIRST
            .saturating_mul(1 << tried.min(10).saturating_sub(1))
            .min(LONGEST)
            .mul_f64(jitter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_bounded_and_never_shorter_than_asked() {
        for _ in 0..100 {
            assert!(pause(1, None) <= FIRST);
            assert!(pause(30, None) <= LONGEST && pause(30, None) >= LONGEST / 2);
            assert!(pause(1, Some(Duration::from_secs(2))) >= Duration::from_secs(2));
        }
    }

    #[test]
    fn retry_after_is_read_and_bounded() {
        let headers = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, reqwest::header::HeaderValue::from_static(text));
            headers
        };
        assert_eq!(asked(&headers("3")), Some(Duration::from_secs(3)));
        assert_eq!(asked(&headers("86400")), Some(LONGEST_ASKED));
        assert_eq!(asked(&headers("Wed, 21 Oct 2015 07:28:00 GMT")), None);
    }
}
