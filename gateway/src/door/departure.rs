//! What every answer gets on its way out: headers, a line in the log, a place in the metrics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ResponseHead;
use actix_web::http::header::HeaderValue;
use actix_web::http::{ConnectionType, StatusCode};

use super::passage::Passage;
use crate::measurements::MethodClass;
use crate::paths::PathKind;
use crate::request_ids::X_CORRELATION_ID;
use crate::security_headers;

/// Headers that the door adds, so that the map grows once.
const HEADERS_ADDED: usize = 10;

/// Where an answer comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Door,
    Inside,
}

/// Dresses the answer and takes note of it. Called within the request's span.
pub(super) fn dress(passage: &Passage, head: &mut ResponseHead, origin: Origin) {
    let gate = &passage.gateway.parts;
    let status = head.status;
    if gate.draining.load(Ordering::Relaxed) || status == StatusCode::PAYLOAD_TOO_LARGE {
        head.set_connection_type(ConnectionType::Close);
    }
    let headers = head.headers_mut();
    headers.reserve(HEADERS_ADDED);
    // Made of checked characters only, so this does not fail.
    if let Ok(id) = HeaderValue::from_str(&passage.ids.correlation_id) {
        headers.insert(X_CORRELATION_ID.clone(), id);
    }
    if let Some(standing) = passage.standing {
        standing.write_to(headers);
    }
    // What the door says itself is for programs, whatever was asked for.
    let kind = if origin == Origin::Door {
        PathKind::Api
    } else {
        passage.kind
    };
    security_headers::apply(headers, kind, gate.config.hsts);
    if origin == Origin::Inside {
        learn_about_api_token(passage, status);
    }
    take_note(passage, status);
}

/// The frontend's verdict on an API token shows in its answer.
fn learn_about_api_token(passage: &Passage, status: StatusCode) {
    let Some(hash) = passage.api_token else { return };
    let gate = &passage.gateway.parts;
    if status == StatusCode::UNAUTHORIZED {
        gate.api_tokens.refused(hash);
        gate.bad_tokens.record(passage.address);
    } else if status.is_success() && passage.proves_tokens && !gate.api_tokens.contains(hash) {
        gate.api_tokens.accepted(hash);
    }
}

/// The access log and the metrics: reads are for debugging, changes are information, failures are warnings.
fn take_note(passage: &Passage, status: StatusCode) {
    passage.noted.set(true);
    let took = passage.started.elapsed();
    passage
        .gateway
        .parts
        .measurements
        .answered(passage.method, status.as_u16(), took);
    let code = status.as_u16();
    let client = passage.client.map(tracing::field::display);
    if status.is_server_error() {
        tracing::warn!(target: "cadastre::access", status = code, latency_us = micros(took), client, "answered");
    } else if passage.method == MethodClass::Mutation {
        tracing::info!(target: "cadastre::access", status = code, latency_us = micros(took), client, "answered");
    } else {
        tracing::debug!(target: "cadastre::access", status = code, latency_us = micros(took), client, "answered");
    }
}

/// An error that no handler turned into an answer; actix renders it after us.
pub(super) fn note_unanswered(passage: &Passage, error: &actix_web::Error) {
    passage.noted.set(true);
    let status = error.as_response_error().status_code();
    tracing::warn!(target: "cadastre::access", status = status.as_u16(), %error, "ended in an error");
    let took = passage.started.elapsed();
    passage
        .gateway
        .parts
        .measurements
        .answered(passage.method, status.as_u16(), took);
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
