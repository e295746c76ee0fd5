//! Headers on their way through the proxy: those of one connection stay on it (RFC 9110 §7.6.1), and what we
//! say about the client replaces whatever anybody else said.

use actix_web::http::header as inbound;
use actix_web::{HttpMessage, HttpRequest};
use cadastre_api_types::correlation::{
    CORRELATION_HEADER, ClientAddress, RequestIds, SERVICE_TOKEN_HEADER, TRACEPARENT_HEADER,
};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_CORRELATION_ID: HeaderName = HeaderName::from_static(CORRELATION_HEADER);
static TRACEPARENT: HeaderName = HeaderName::from_static(TRACEPARENT_HEADER);
static SERVICE_TOKEN: HeaderName = HeaderName::from_static(SERVICE_TOKEN_HEADER);

/// Headers that belong to one connection, whatever `Connection` says.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// Names listed in `Connection`, in lower case.
fn named_in_connection<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    values
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Headers for the upstream.
pub(crate) fn to_upstream(request: &HttpRequest, service_token: &HeaderValue) -> HeaderMap {
    let from = request.headers();
    let named = named_in_connection(from.get_all(inbound::CONNECTION).map(|value| value.as_bytes()));
    let mut to = HeaderMap::with_capacity(from.len() + 6);
    for (name, value) in from {
        let text = name.as_str();
        // The length goes with the body; we have answered `Expect` ourselves; the host is the upstream's.
        let ours = matches!(text, "host" | "content-length" | "expect");
        if ours || is_hop_by_hop(text) || named.iter().any(|listed| listed == text) {
            continue;
        }
        if let Some((name, value)) = translate(text, value.as_bytes()) {
            to.append(name, value);
        }
    }
    let scheme = match from.get(X_FORWARDED_PROTO.as_str()) {
        // The door has removed it unless a trusted proxy said it.
        Some(value) if value.as_bytes() == b"https" => "https",
        _ if request.app_config().secure() => "https",
        _ => "http",
    };
    to.insert(X_FORWARDED_PROTO.clone(), HeaderValue::from_static(scheme));
    let host = from
        .get(X_FORWARDED_HOST.as_str())
        .or_else(|| from.get(inbound::HOST));
    // HTTP/2 has the host in the URI.
    let host = match host {
        Some(host) => HeaderValue::from_bytes(host.as_bytes()).ok(),
        None => request
            .uri()
            .authority()
            .and_then(|host| HeaderValue::from_str(host.as_str()).ok()),
    };
    match host {
        Some(host) => to.insert(X_FORWARDED_HOST.clone(), host),
        None => to.remove(&X_FORWARDED_HOST),
    };
    let extensions = request.extensions();
    if let Some(ids) = extensions.get::<RequestIds>() {
        insert_text(&mut to, &X_CORRELATION_ID, &ids.correlation_id);
        insert_text(&mut to, &TRACEPARENT, &ids.traceparent.to_header());
    }
    match extensions.get::<ClientAddress>() {
        Some(ClientAddress(address)) => insert_text(&mut to, &X_FORWARDED_FOR, &address.to_string()),
        None => drop(to.remove(&X_FORWARDED_FOR)),
    }
    to.insert(SERVICE_TOKEN.clone(), service_token.clone());
    to
}

/// Copies an answer's headers for the client; its length goes with the body.
pub(crate) fn to_client(from: &HeaderMap, to: &mut inbound::HeaderMap) {
    let named = named_in_connection(from.get_all(header::CONNECTION).iter().map(HeaderValue::as_bytes));
    for (name, value) in from {
        let text = name.as_str();
        if text == "content-length" || text == SERVICE_TOKEN.as_str() {
            continue;
        }
        if is_hop_by_hop(text) || named.iter().any(|listed| listed == text) {
            continue;
        }
        let name = inbound::HeaderName::from_bytes(text.as_bytes());
        if let (Ok(name), Ok(value)) = (name, inbound::HeaderValue::from_bytes(value.as_bytes())) {
            to.append(name, value);
        }
    }
}

fn translate(name: &str, value: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    Some((
        HeaderName::from_bytes(name.as_bytes()).ok()?,
        HeaderValue::from_bytes(value).ok()?,
    ))
}

fn insert_text(headers: &mut HeaderMap, name: &HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn connection_headers_stay_on_their_connection_and_claims_are_replaced() {
        let request = TestRequest::get()
            .insert_header(("connection", "keep-alive, X-Only-Here"))
            .insert_header(("x-only-here", "1"))
            .insert_header(("te", "trailers"))
            .insert_header(("upgrade", "websocket"))
            .insert_header(("host", "ipam.example"))
            .insert_header(("x-forwarded-for", "1.2.3.4"))
            .insert_header(("tracestate", "vendor=1"))
            .insert_header(("authorization", "Bearer a.b.c"))
            .to_http_request();
        request
            .extensions_mut()
            .insert(ClientAddress("198.51.100.7".parse().unwrap()));
        let to = to_upstream(&request, &HeaderValue::from_static("secret"));
        for gone in ["connection", "x-only-here", "te", "upgrade", "host"] {
            assert!(!to.contains_key(gone), "{gone}");
        }
        assert_eq!(to.get("x-forwarded-for").unwrap(), "198.51.100.7");
        assert_eq!(to.get("x-forwarded-host").unwrap(), "ipam.example");
        assert_eq!(to.get("x-forwarded-proto").unwrap(), "http");
        assert_eq!(to.get("tracestate").unwrap(), "vendor=1");
        assert_eq!(to.get("authorization").unwrap(), "Bearer a.b.c");
        assert_eq!(to.get(SERVICE_TOKEN_HEADER).unwrap(), "secret");
    }
}
