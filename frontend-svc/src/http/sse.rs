//! Server-sent events (WHATWG HTML §9.2): who asks for them, and how they are written.

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT, HeaderName};
use cadastre_api_types::ApiError;
use serde::Serialize;

use crate::convert::plan::as_json;

/// Media type of a stream of events.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";
/// Id of the last event that a client has seen.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A comment, which clients skip: proof that the other end is there.
pub(crate) const HEARTBEAT: &str = ":\n\n";

/// Whether the client prefers a stream of events to JSON. `*/*` does not ask for one.
pub(crate) fn is_wanted(request: &HttpRequest) -> bool {
    let (mut stream, mut json) = (0.0, 0.0);
    for header in request.headers().get_all(ACCEPT) {
        for part in header.to_str().unwrap_or_default().split(',') {
            let mut parameters = part.split(';').map(str::trim);
            let media = parameters.next().unwrap_or_default();
            let quality = parameters
                .find_map(|parameter| parameter.strip_prefix("q="))
                .map_or(1.0, |text| text.parse::<f32>().unwrap_or(1.0));
            if media.eq_ignore_ascii_case(EVENT_STREAM) {
                stream = quality;
            } else if media.eq_ignore_ascii_case("application/json") {
                json = quality;
            }
        }
    }
    stream > 0.0 && stream >= json
}

/// Writes an event. Its data is one line: JSON has no line breaks of its own.
pub(crate) fn write_event<T: Serialize>(
    out: &mut String,
    id: Option<&str>,
    name: &str,
    data: &T,
) -> Result<(), ApiError> {
    if let Some(id) = id {
        out.push_str("id: ");
        out.push_str(id);
        out.push('\n');
    }
    out.push_str("event: ");
    out.push_str(name);
    out.push_str("\ndata: ");
    out.push_str(&as_json(data)?.to_string());
    out.push_str("\n\n");
    Ok(())
}

/// Writes an id without an event: where the client is to resume, although there was nothing for it.
pub(crate) fn write_id(out: &mut String, id: &str) {
    out.push_str("id: ");
    out.push_str(id);
    out.push_str("\n\n");
}

/// Writes how long clients are to wait before they connect again.
pub(crate) fn write_retry(out: &mut String, milliseconds: u32) {
    out.push_str(&format!("retry: {milliseconds}\n\n"));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_stream_is_for_those_who_ask_for_one_by_name() {
        let wanted = |accept: &str| {
            is_wanted(
                &TestRequest::default()
                    .insert_header(("accept", accept))
                    .to_http_request(),
            )
        };
        for yes in [
            "text/event-stream",
            "TEXT/Event-Stream; charset=utf-8",
            "text/event-stream, */*",
            "application/json;q=0.5, text/event-stream",
        ] {
            assert!(wanted(yes), "{yes}");
        }
        for no in [
            "*/*",
            "application/json",
            "text/event-stream;q=0",
            "text/event-stream; q=0.1, application/json",
            "",
        ] {
            assert!(!wanted(no), "{no}");
        }
        assert!(!is_wanted(&TestRequest::default().to_http_request()));
    }

    #[test]
    fn an_event_is_one_block_whatever_its_data() {
        let mut out = String::new();
        write_event(
            &mut out,
            Some("a-1"),
            "change",
            &serde_json::json!({ "text": "two\nlines\r" }),
        )
        .unwrap();
        assert_eq!(
            out,
            "id: a-1\nevent: change\ndata: {\"text\":\"two\\nlines\\r\"}\n\n"
        );
    }
}
