//! What came of a try, and when the next one is.

use std::time::Duration;

use cadastre_domain::isp::Delivery;
use cadastre_domain::isp::outbox::retry_after;
use jiff::Timestamp;
use rand::Rng;
use reqwest::StatusCode;

/// The longest wait that a receiver can ask for: that of our own back-off.
const LONGEST_ASKED: Duration = Duration::from_secs(4 * 3_600);

/// What came of a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What is written down.
    pub(super) came: Delivery,
    /// How long the receiver asked us to wait.
    pub(super) asked: Option<Duration>,
}

impl Verdict {
    /// It was taken.
    pub(super) fn done() -> Self {
        Self {
            came: Delivery::Done,
            asked: None,
        }
    }

    /// It may be taken another time.
    pub(super) fn retry(why: impl Into<String>) -> Self {
        Self {
            came: Delivery::Retry(why.into()),
            asked: None,
        }
    }

    /// It will not be taken.
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self {
            came: Delivery::Refused(why.into()),
            asked: None,
        }
    }

    /// From an answer that is not 2xx. Only its status is kept: what is written down is shown to everybody who may see the
    /// outbox, and what a service of this network says is for the server's eyes, not for theirs.
    pub(super) fn of_answer(status: StatusCode, retry_after: Option<&str>, now: Timestamp) -> Self {
        let mut why = match status.canonical_reason() {
            Some(reason) => format!("HTTP {} {reason}", status.as_u16()),
            None => format!("HTTP {}", status.as_u16()),
        };
        if status.is_redirection() {
            why.push_str("; redirects are not followed: set the webhook's url to where it leads");
        }
        if status == StatusCode::GONE {
            return Self::refused(why);
        }
        Self {
            came: Delivery::Retry(why),
            asked: retry_after.and_then(|text| asked_wait(text, now)),
        }
    }

    /// How this is counted.
    pub(super) fn label(&self) -> &'static str {
        match self.came {
            Delivery::Done => "done",
            Delivery::Retry(_) => "retry",
            Delivery::Refused(_) => "refused",
        }
    }

    /// Milliseconds until the next try, after so many with this one: doubling, and up to half more by lot; never sooner than
    /// the receiver asked for.
    pub(super) fn wait_ms(&self, attempts: u32) -> u64 {
        let base = retry_after(attempts).saturating_mul(1_000);
        let ours = base + rand::rng().random_range(0..=base / 2);
        let asked = self
            .asked
            .map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        ours.max(asked)
    }
}

/// The wait that `Retry-After` asks for (RFC 9110 §10.2.3: seconds or a date), up to four hours.
fn asked_wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(until.duration_since(now)).ok()?
        }
    };
    Some(wait.min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Verdict {
        let now = "2026-11-06T08:49:00Z".parse().unwrap();
        Verdict::of_answer(StatusCode::from_u16(status).unwrap(), retry_after, now)
    }

    fn why(verdict: &Verdict) -> &str {
        match &verdict.came {
            Delivery::Done => "",
            Delivery::Retry(why) | Delivery::Refused(why) => why,
        }
    }

    #[test]
    fn only_gone_is_never_again() {
        for status in [
            300, 302, 304, 400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 504,
        ] {
            assert_eq!(answer(status, None).label(), "retry", "{status}");
        }
        assert_eq!(answer(410, None).label(), "refused");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_four_hours() {
        let asked = |text| answer(503, Some(text)).asked.map(|wait| wait.as_secs());
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked(" 7 "), Some(7));
        assert_eq!(asked("999999999"), Some(14_400));
        assert_eq!(asked("Fri, 06 Nov 2026 08:50:00 GMT"), Some(60));
        assert_eq!(asked("Fri, 06 Nov 2020 08:50:00 GMT"), None);
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(asked(text), None, "{text}");
        }
    }

    #[test]
    fn the_wait_doubles_with_up_to_half_more_and_never_undercuts_the_receiver() {
        for attempts in 1..=24 {
            let base = retry_after(attempts) * 1_000;
            let wait = answer(500, None).wait_ms(attempts);
            assert!((base..=base + base / 2).contains(&wait), "{attempts}: {wait}");
        }
        assert_eq!(answer(503, Some("3600")).wait_ms(1), 3_600_000);
        assert!(answer(503, Some("1")).wait_ms(10) >= 1_024_000);
    }

    #[test]
    fn of_an_answer_only_its_status_is_kept() {
        assert_eq!(why(&answer(500, None)), "HTTP 500 Internal Server Error");
        assert_eq!(why(&answer(599, None)), "HTTP 599");
        assert_eq!(why(&answer(410, None)), "HTTP 410 Gone");
    }

    #[test]
    fn a_redirect_says_that_it_is_not_followed() {
        let said = why(&answer(301, None)).to_owned();
        assert!(
            said.starts_with("HTTP 301 Moved Permanently; redirects are not followed"),
            "{said}"
        );
    }
}
