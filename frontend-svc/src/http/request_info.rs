//! What is known of a request before anybody is authenticated: its correlation id and the client's address.
//!
//! Both come from the gateway: as request extensions in the same process, as headers between services. Headers
//! are believed only beside the service token, so that a client who reaches the frontend directly can neither
//! choose the address that its failed logins are counted under nor write into our log lines.

use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use cadastre_api_types::correlation::{
    CORRELATION_HEADER, ClientAddress, RequestIds, SERVICE_TOKEN_HEADER, acceptable_correlation_id,
};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::error::HttpError;
use crate::state::FrontendState;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Correlation id and client address of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// In every log line, journal entry and error of this request.
    pub correlation_id: String,
    /// The client, as the gateway or else the socket shows it.
    pub client_ip: Option<IpAddr>,
}

/// A correlation id made here, kept so that every part of the request sees the same one.
struct OwnCorrelationId(String);

impl RequestInfo {
    /// Reads a request; the same request always gives the same answer.
    pub fn of(request: &HttpRequest) -> Self {
        let from_gateway = is_from_gateway(request);
        Self {
            correlation_id: correlation_id(request, from_gateway),
            client_ip: client_ip(request, from_gateway).map(|address| address.to_canonical()),
        }
    }
}

fn correlation_id(request: &HttpRequest, from_gateway: bool) -> String {
    if let Some(ids) = request.extensions().get::<RequestIds>() {
        return ids.correlation_id.to_string();
    }
    if from_gateway
        && let Some(id) = header(request, CORRELATION_HEADER)
        && acceptable_correlation_id(id)
    {
        return id.to_owned();
    }
    if let Some(own) = request.extensions().get::<OwnCorrelationId>() {
        return own.0.clone();
    }
    let id = Uuid::now_v7().to_string();
    request.extensions_mut().insert(OwnCorrelationId(id.clone()));
    id
}

fn client_ip(request: &HttpRequest, from_gateway: bool) -> Option<IpAddr> {
    if let Some(ClientAddress(address)) = request.extensions().get::<ClientAddress>() {
        return Some(*address);
    }
    if from_gateway
        && let Some(address) = header(request, FORWARDED_FOR).and_then(|text| text.trim().parse().ok())
    {
        return Some(address);
    }
    request.peer_addr().map(|peer| peer.ip())
}

fn is_from_gateway(request: &HttpRequest) -> bool {
    if has_another_token(request) {
        // Once: whoever sends it sends it with every request.
        static SAID: std::sync::Once = std::sync::Once::new();
        SAID.call_once(|| {
            tracing::error!(
                peer = ?request.peer_addr(),
                "a gateway has another service token, so what it says of its clients is not believed: \
                 CADASTRE_SERVICE_TOKEN must be the same in all services"
            );
        });
        return false;
    }
    service_token(request).is_some() && request.headers().contains_key(SERVICE_TOKEN_HEADER)
}

/// Whether the request comes with a service token that is not ours.
pub(crate) fn has_another_token(request: &HttpRequest) -> bool {
    let sent = request.headers().get(SERVICE_TOKEN_HEADER);
    match (sent, service_token(request)) {
        (Some(sent), Some(expected)) => !bool::from(sent.as_bytes().ct_eq(expected.as_bytes())),
        (_, None) | (None, _) => false,
    }
}

fn service_token(request: &HttpRequest) -> Option<&str> {
    let state = request.app_data::<web::Data<FrontendState>>()?;
    let token = state.config.service_token.as_deref();
    token.filter(|token| !token.is_empty())
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

impl FromRequest for RequestInfo {
    type Error = HttpError;
    type Future = std::future::Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self::of(request)))
    }
}
