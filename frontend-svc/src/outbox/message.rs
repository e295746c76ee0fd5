//! What a receiver gets: body and headers.

use cadastre_api_types::internal::ClaimedEntry;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::signature::Signer;

/// What tells of an event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    /// The entry; the same in every try.
    id: Uuid,
    /// What happened, for example `subscriber.provisioned`.
    event: &'a str,
    /// Where.
    address_space_id: Uuid,
    /// Version of the address space at the change: the order of events.
    version: u64,
    /// When, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    /// Correlation id of the request that did it.
    #[serde(skip_serializing_if = "str::is_empty")]
    correlation_id: &'a str,
    /// What happened to what.
    data: &'a Value,
}

/// The body of an entry; the same bytes in every try.
///
/// # Errors
/// Only if the payload cannot be written as JSON.
pub(super) fn body(claimed: &ClaimedEntry) -> Result<Vec<u8>, serde_json::Error> {
    let entry = &claimed.entry;
    serde_json::to_vec(&Body {
        id: entry.id,
        event: &entry.event,
        address_space_id: claimed.space,
        version: entry.version,
        occurred_at: made_at(entry.id),
        correlation_id: &entry.correlation_id,
        data: &entry.payload,
    })
}

/// When an entry was made, with its change: its id says so (RFC 9562 §5.7), in milliseconds.
fn made_at(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    let milliseconds = i64::try_from(seconds).ok()?.checked_mul(1_000)?;
    Timestamp::from_millisecond(milliseconds.checked_add(i64::from(nanoseconds) / 1_000_000)?).ok()
}

/// The headers of a try: everything that depends on it, and the signature.
pub(super) fn headers(
    claimed: &ClaimedEntry,
    body: &[u8],
    now: Timestamp,
    signer: Option<&Signer>,
) -> HeaderMap {
    let entry = &claimed.entry;
    let (id, timestamp) = (entry.id.to_string(), now.as_second());
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut put = |name: &'static str, text: &str| {
        // What no header can say is in the body all the same.
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("webhook-id", &id);
    put("webhook-timestamp", &timestamp.to_string());
    if let Some(signer) = signer {
        put("webhook-signature", &signer.sign(&id, timestamp, body));
    }
    put("x-cadastre-event", &entry.event);
    put("x-cadastre-delivery", &id);
    put(
        "x-cadastre-attempt",
        &entry.attempts.saturating_add(1).to_string(),
    );
    headers
}
