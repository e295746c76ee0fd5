//! Reads the forms in which people write sizes, times, numbers and truth.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// A whole number; `_` may separate digits.
pub(crate) fn count(text: &str) -> Option<u64> {
    text.replace('_', "").parse().ok()
}

/// Truth.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Bytes. `k`, `M`, `G` are powers of 1,024, with or without `B` or `iB` (nobody means 1,000 in a limit).
pub(crate) fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '_'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    count(number)?.checked_mul(factor)
}

/// A length of time, not negative; a bare number is seconds, a day is 24 hours.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Some(seconds) = count(text) {
        return Some(Duration::from_secs(seconds));
    }
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("1k", 1024),
            ("64 KiB", 65_536),
            ("1MiB", 1 << 20),
            ("1 mb", 1 << 20),
            ("2G", 2 << 30),
            ("1_000", 1000),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for bad in ["", "k", "1.5M", "-1", "1T", "MiB 1", "99999999999999G"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_read_as_people_write_them() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5400),
            ("30d", 2_592_000),
            ("2 hours", 7200),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        for bad in ["", "soon", "-5s", "5 parsecs", "1mo"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn truth_has_the_usual_spellings_and_no_others() {
        assert_eq!(flag("TRUE"), Some(true));
        assert_eq!(flag("off"), Some(false));
        assert_eq!(flag("maybe"), None);
    }
}
