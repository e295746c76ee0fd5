//! Correlation id and trace context of a request: taken over where they are well formed, made where not.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::header::{HeaderMap, HeaderName};
use cadastre_api_types::correlation::{
    CORRELATION_HEADER, RequestIds, TRACEPARENT_HEADER, TraceParent, acceptable_correlation_id,
};
use rand::RngCore;
use uuid::Builder;

pub(crate) static X_CORRELATION_ID: HeaderName = HeaderName::from_static(CORRELATION_HEADER);
static TRACEPARENT: HeaderName = HeaderName::from_static(TRACEPARENT_HEADER);

/// Flag of traces that begin here (W3C trace context §3.3.5): our log lines carry the trace id, so it is
/// recorded.
const SAMPLED: u8 = 1;

/// The ids of a request. Our own span becomes the parent of what follows, in the caller's trace if it sent one.
pub(crate) fn ids_of(headers: &HeaderMap) -> RequestIds {
    // One draw for everything: 10 bytes for a UUID, 16 for a trace, 8 for a span.
    let mut random = [0u8; 34];
    rand::rng().fill_bytes(&mut random);
    let (for_uuid, rest) = random.split_at(10);
    let (for_trace, for_span) = rest.split_at(16);
    // Zero is not a legal id in either place.
    let span = u64_of(for_span) | 1;
    let inbound = headers
        .get(&TRACEPARENT)
        .and_then(|value| TraceParent::parse(value.to_str().ok()?));
    let traceparent = match inbound {
        Some(trace) => trace.child(span),
        None => {
            let trace_id =
                (u128::from(u64_of(&for_trace[..8])) << 64) | u128::from(u64_of(&for_trace[8..])) | 1;
            TraceParent {
                trace_id,
                parent_id: span,
                flags: SAMPLED,
            }
        }
    };
    let kept = headers
        .get(&X_CORRELATION_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|text| acceptable_correlation_id(text));
    let correlation_id = match kept {
        Some(text) => Arc::from(text),
        None => fresh_correlation_id(for_uuid),
    };
    RequestIds {
        correlation_id,
        traceparent,
    }
}

/// A UUIDv7 from bytes drawn already: the id has to be unique, not secret, and drawing once is cheaper.
fn fresh_correlation_id(random: &[u8]) -> Arc<str> {
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64);
    let mut bytes = [0u8; 10];
    bytes.copy_from_slice(random);
    let uuid = Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
    Arc::from(&*uuid.hyphenated().encode_lower(&mut [0; 36]))
}

fn u64_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn an_acceptable_correlation_id_is_kept_and_any_other_is_replaced_by_a_uuid_v7() {
        assert_eq!(
            &*ids_of(&headers(&[(&X_CORRELATION_ID, "build-17")])).correlation_id,
            "build-17"
        );
        for bad in ["", "a b", "x\ty"] {
            let ids = ids_of(&headers(&[(&X_CORRELATION_ID, bad)]));
            assert_eq!(
                uuid::Uuid::parse_str(&ids.correlation_id)
                    .unwrap()
                    .get_version_num(),
                7
            );
        }
        assert_ne!(
            ids_of(&HeaderMap::new()).correlation_id,
            ids_of(&HeaderMap::new()).correlation_id
        );
    }

    #[test]
    fn a_trace_is_continued_with_our_span_or_begun() {
        let theirs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let ids = ids_of(&headers(&[(&TRACEPARENT, theirs)]));
        assert_eq!(
            ids.traceparent.trace_id,
            0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736
        );
        assert_ne!(ids.traceparent.parent_id, 0x00f0_67aa_0ba9_02b7);
        assert_eq!(ids.traceparent.flags, 0);

        let begun = ids_of(&headers(&[(&TRACEPARENT, "garbage")])).traceparent;
        assert_eq!(TraceParent::parse(&begun.to_header()), Some(begun));
    }
}
