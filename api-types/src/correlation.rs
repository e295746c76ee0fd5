//! Correlation ids and W3C trace context (<https://www.w3.org/TR/trace-context/>): how a request is followed
//! from the gateway to the store and in every log line.

/// Header that carries the correlation id, both ways.
pub const CORRELATION_HEADER: &str = "x-correlation-id";
/// W3C trace context header.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// A correlation id that is safe to log and to send back: 1 to 64 of ASCII letters, digits, `-`, `_`, `.`.
pub fn acceptable_correlation_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Ids of the request at hand, made or taken over by the first hop; a request extension inside one process.
#[derive(Clone, Debug)]
pub struct RequestIds {
    /// In every log line and error of this request.
    pub correlation_id: std::sync::Arc<str>,
    /// The trace this request belongs to, with our span as parent of what follows.
    pub traceparent: TraceParent,
}

/// Address of the client as the gateway determined it; a request extension inside one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub std::net::IpAddr);

/// Header that proves a call between our own services; refused from outside by never being trusted alone.
pub const SERVICE_TOKEN_HEADER: &str = "x-cadastre-service-token";

/// Header of the answer to `GET /ready` between our own services: `frontend` or `dataaccess`.
pub const ROLE_HEADER: &str = "x-cadastre-role";

/// A parsed `traceparent` of version 00 (later versions are read as far as 00 goes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// 16 bytes, not all zero.
    pub trace_id: u128,
    /// 8 bytes, not all zero.
    pub parent_id: u64,
    /// Bit 0: sampled.
    pub flags: u8,
}

impl TraceParent {
    /// Reads a header; `None` if it is not valid (the standard says: then start a new trace).
    pub fn parse(header: &str) -> Option<Self> {
        let bytes = header.as_bytes();
        if bytes.len() < 55 || !header.is_ascii() {
            return None;
        }
        let hex = |range: std::ops::Range<usize>| {
            let part = &header[range];
            part.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
                .then_some(part)
        };
        let version = u8::from_str_radix(hex(0..2)?, 16).ok()?;
        let shape_ok = bytes[2] == b'-' && bytes[35] == b'-' && bytes[52] == b'-';
        let length_ok = bytes.len() == 55 || (version > 0 && bytes[55] == b'-');
        if version == 0xff || !shape_ok || !length_ok {
            return None;
        }
        let trace_id = u128::from_str_radix(hex(3..35)?, 16).ok()?;
        let parent_id = u64::from_str_radix(hex(36..52)?, 16).ok()?;
        let flags = u8::from_str_radix(hex(53..55)?, 16).ok()?;
        (trace_id != 0 && parent_id != 0).then_some(Self {
            trace_id,
            parent_id,
            flags,
        })
    }

    /// The same trace with another span as the parent of what follows.
    #[must_use]
    pub fn child(self, span: u64) -> Self {
        Self {
            parent_id: span,
            ..self
        }
    }

    /// Header text.
    pub fn to_header(self) -> String {
        format!(
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id,
            self.parent_id,
            self.flags & 1
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_survives_a_round_trip() {
        let parsed = TraceParent::parse(EXAMPLE).unwrap();
        assert_eq!(parsed.to_header(), EXAMPLE);
        assert_eq!(parsed.child(7).trace_id, parsed.trace_id);
    }

    #[test]
    fn zero_ids_upper_case_bad_versions_and_lengths_start_a_new_trace() {
        for bad in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
        assert!(TraceParent::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
    }

    #[test]
    fn correlation_ids_that_could_forge_log_lines_are_refused() {
        assert!(acceptable_correlation_id("req-1.a_B"));
        for bad in ["", "a b", "a\nb", "ü", &"x".repeat(65)] {
            assert!(!acceptable_correlation_id(bad));
        }
    }
}
