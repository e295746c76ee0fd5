//! One request through the proxy: choose, send, try again where that is safe, stream the answer back.

use std::sync::Arc;

use actix_web::body::{BoxBody, SizedStream};
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use cadastre_api_types::error::{ApiError, ErrorCode};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response};
use tracing::Instrument;

use super::pool::UnderWay;
use super::relay::{Outbound, Until, inbound_chunks};
use super::{Proxy, ProxyParts, headers, no_upstream, refuse};

/// A request as every attempt sends it.
struct Attempts {
    proxy: Arc<ProxyParts>,
    method: Method,
    path_and_query: String,
    headers: HeaderMap,
    body: Outbound,
    /// Until the answer begins.
    patience: std::time::Duration,
}

/// Carries a request to an upstream and its answer back.
pub(crate) async fn forward(
    proxy: web::ThinData<Proxy>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    match forwarded(proxy.parts(), &request, payload).await {
        Ok(response) => response,
        Err(error) => refuse(&request, error),
    }
}

async fn forwarded(
    proxy: &Arc<ProxyParts>,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let path = request.uri().path();
    if !path.starts_with('/') || changes_when_normalised(path) {
        let message = "The path must begin with `/` and hold no `.` or `..` segments and no backslash.";
        return Err(ApiError::new(ErrorCode::MalformedRequest, message));
    }
    let path_and_query = request
        .uri()
        .path_and_query()
        .map_or(path, |whole| whole.as_str())
        .to_owned();
    let method = Method::from_bytes(request.method().as_str().as_bytes())
        .map_err(|_| ApiError::new(ErrorCode::MethodNotAllowed, "This method is not known here."))?;
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    // HTTP/1.1 announces a body without a length; HTTP/2 needs no announcement.
    let has_body = request.chunked().unwrap_or(false)
        || (request.version() == actix_web::http::Version::HTTP_2 && !method.is_safe());
    let attempts = Attempts {
        proxy: Arc::clone(proxy),
        headers: headers::to_upstream(request, &proxy.service_token),
        body: Outbound::read(payload, declared, has_body)
            .await
            .map_err(|error| unreadable(&error))?,
        patience: if path.ends_with("/ips/import") {
            proxy.import_timeout
        } else {
            proxy.response_timeout
        },
        method,
        path_and_query,
    };
    let is_safe = attempts.is_safe();
    let sending = attempts.send();
    let (response, under_way) = if is_safe {
        // Dropped with the client's connection, and with it the request to the upstream.
        sending.await?
    } else {
        // Goes on when the client has gone away.
        match tokio::spawn(sending.in_current_span()).await {
            Ok(sent) => sent?,
            Err(_) => {
                return Err(ApiError::new(
                    ErrorCode::Internal,
                    "The request could not be carried through.",
                ));
            }
        }
    };
    Ok(answer(proxy, request, response, under_way))
}

impl Attempts {
    fn is_safe(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
            && matches!(self.body, Outbound::Nothing)
    }

    /// Sends the request until an upstream answers, or it may not be sent again.
    async fn send(self) -> Result<(Response, UnderWay), ApiError> {
        let mut tried = 0;
        let mut retries_left = self.proxy.retries;
        loop {
            let Some(under_way) = self.proxy.pool.choose(tried) else {
                self.proxy.unavailable.increment(1);
                return Err(no_upstream());
            };
            let upstream = Arc::clone(under_way.upstream());
            tried |= upstream.bit();
            let error = match self.send_to(&under_way).await {
                Ok(Some(response)) => return Ok((response, under_way)),
                Ok(None) => {
                    self.proxy.timed_out.increment(1);
                    tracing::warn!(upstream = upstream.name, "no answer in time");
                    return Err(self.unknown_outcome("The server did not answer in time"));
                }
                Err(error) => error,
            };
            // Nothing was sent if there was no connection; the body tells whether any of it was asked for.
            let nothing_sent = error.is_connect() && !self.body.was_read();
            if error.is_connect() {
                self.proxy.pool.note_connect_failure(&upstream);
            }
            tracing::warn!(
                upstream = upstream.name,
                error = &error as &dyn std::error::Error,
                "request failed"
            );
            if !nothing_sent && !self.is_safe() {
                return Err(self.unknown_outcome("The connection to the server broke"));
            }
            if retries_left == 0 {
                self.proxy.unavailable.increment(1);
                return Err(no_upstream());
            }
            retries_left -= 1;
            self.proxy.retried.increment(1);
        }
    }

    /// One attempt; `None` if its time ran out.
    async fn send_to(&self, under_way: &UnderWay) -> Result<Option<Response>, reqwest::Error> {
        let target = format!("{}{}", under_way.upstream().base, self.path_and_query);
        let mut builder = self
            .proxy
            .client
            .request(self.method.clone(), target)
            .headers(self.headers.clone());
        if let Some((body, length)) = self.body.attempt() {
            if let Some(length) = length {
                builder = builder.header(CONTENT_LENGTH, length);
            }
            builder = builder.body(body);
        }
        let mut sending = std::pin::pin!(builder.send());
        loop {
            let progress = self.body.progress();
            match tokio::time::timeout(self.patience, &mut sending).await {
                // URLs hold what people search for; logs need not.
                Ok(answered) => return answered.map(Some).map_err(reqwest::Error::without_url),
                // A large body that is still on its way is not a server that does not answer.
                Err(_) if self.body.progress() > progress => {}
                Err(_) => return Ok(None),
            }
        }
    }

    fn unknown_outcome(&self, what: &str) -> ApiError {
        let advice = if self.is_safe() {
            "try again."
        } else {
            "whether the change was made is not known. Repeat it with the same Idempotency-Key, or look first."
        };
        ApiError::new(ErrorCode::UpstreamUnavailable, format!("{what}; {advice}")).with_retry_after(1)
    }
}

fn answer(
    proxy: &ProxyParts,
    request: &HttpRequest,
    response: Response,
    under_way: UnderWay,
) -> HttpResponse {
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = HttpResponse::new(status);
    headers::to_client(response.headers(), answer.headers_mut());
    let bodiless =
        status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED || status.is_informational();
    if bodiless {
        return answer;
    }
    let length = response
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let is_event_stream = response.headers().get(CONTENT_TYPE).is_some_and(|value| {
        value
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"text/event-stream")
    });
    // Silence is nothing unusual in a stream of events; it has no end of its own either.
    let until = if is_event_stream {
        Until::Cancelled(proxy.streams.clone())
    } else {
        Until::Silent(proxy.idle_timeout)
    };
    let is_head = request.method() == actix_web::http::Method::HEAD;
    match length {
        Some(0) => answer,
        Some(length) if is_head => answer.set_body(BoxBody::new(SizedStream::new(
            length,
            futures::stream::empty::<std::io::Result<_>>(),
        ))),
        Some(length) => answer.set_body(BoxBody::new(SizedStream::new(
            length,
            inbound_chunks(response, under_way, until),
        ))),
        None if is_head => answer,
        None => answer.set_body(BoxBody::new(actix_web::body::BodyStream::new(inbound_chunks(
            response, under_way, until,
        )))),
    }
}

/// Whether a URL parser would make another path of it: then what we judged is not what the upstream sees.
fn changes_when_normalised(path: &str) -> bool {
    path.contains('\\')
        || path.split('/').any(|segment| {
            let plain = segment.to_ascii_lowercase().replace("%2e", ".");
            plain == "." || plain == ".."
        })
}

fn unreadable(error: &PayloadError) -> ApiError {
    if matches!(error, PayloadError::Overflow) {
        return ApiError::new(
            ErrorCode::PayloadTooLarge,
            "The body is larger than this server takes.",
        );
    }
    ApiError::new(
        ErrorCode::MalformedRequest,
        "The body could not be read to its end.",
    )
}
