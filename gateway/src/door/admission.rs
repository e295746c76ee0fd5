//! Whether a request goes on. The cheap questions come first, and those that cost something are asked only of
//! addresses that are still in good standing.

use std::sync::Arc;

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use cadastre_api_types::correlation::ClientAddress;
use cadastre_api_types::error::{ApiError, ErrorCode};
use cadastre_api_types::token::VerifiedToken;
use metrics::Counter;

use super::passage::Passage;
use crate::body_limit::{self, Declared};
use crate::gate::GateParts;
use crate::inbound_headers;
use crate::limits::{Exceeded, LimitKey, retry_after};
use crate::paths::{self, PathKind};
use crate::token::{JwksOverHttp, Presented, Refusal, Verified, presented};

/// Seconds after which a client of a draining or keyless gateway should try again.
const SHORTLY: u64 = 1;

/// What becomes of a request.
pub(super) enum Decision {
    /// It goes on.
    Admit,
    /// It is answered here.
    Refuse(ApiError),
    /// Its token names a key that may have been published since; fetch the keys, then [`after_fetching_keys`].
    FetchKeys(Arc<JwksOverHttp>),
}

/// All questions, in order.
pub(super) fn at_the_door(gate: &GateParts, request: &mut ServiceRequest, passage: &mut Passage) -> Decision {
    let admitted = not_draining(gate, passage)
        .and_then(|()| admitted_address(gate, passage))
        .and_then(|()| within_address_limit(gate, passage))
        .and_then(|()| within_body_limit(gate, request, passage));
    if let Err(error) = admitted {
        return Decision::Refuse(error);
    }
    let payer = match token_holder(gate, request, passage) {
        Ok(payer) => payer,
        Err(TokenProblem::Refuse(error)) => return Decision::Refuse(error),
        Err(TokenProblem::NoKey(why)) => match &gate.remote_keys {
            Some(keys) => return Decision::FetchKeys(Arc::clone(keys)),
            None => return Decision::Refuse(without_key(gate, passage, why)),
        },
    };
    match enter(gate, request, passage, payer) {
        Ok(()) => Decision::Admit,
        Err(error) => Decision::Refuse(error),
    }
}

/// The rest of the questions, for a token whose key has been fetched meanwhile, or not.
pub(super) fn after_fetching_keys(
    gate: &GateParts,
    request: &mut ServiceRequest,
    passage: &mut Passage,
) -> Result<(), ApiError> {
    match token_holder(gate, request, passage) {
        Ok(payer) => enter(gate, request, passage, payer),
        Err(TokenProblem::Refuse(error)) => Err(error),
        Err(TokenProblem::NoKey(why)) => Err(without_key(gate, passage, why)),
    }
}

/// A draining server still serves, but is no longer ready for more.
fn not_draining(gate: &GateParts, passage: &Passage) -> Result<(), ApiError> {
    let draining =
        passage.kind == PathKind::Ready && gate.draining.load(std::sync::atomic::Ordering::Relaxed);
    if draining {
        let error = ApiError::new(ErrorCode::Overloaded, "The server is shutting down.");
        return Err(error.with_retry_after(SHORTLY));
    }
    Ok(())
}

fn admitted_address(gate: &GateParts, passage: &Passage) -> Result<(), ApiError> {
    let Some(lists) = gate.lists.current() else {
        return Ok(());
    };
    if passage.kind.is_probe() || lists.admits(passage.client) {
        return Ok(());
    }
    gate.measurements.denied.increment(1);
    let message = match passage.client {
        Some(client) => {
            format!("Requests from {client} are not allowed here; ask the administrator of this server.")
        }
        None => "Requests without a network address are not allowed here.".to_owned(),
    };
    Err(ApiError::new(ErrorCode::AddressDenied, message))
}

fn within_address_limit(gate: &GateParts, passage: &mut Passage) -> Result<(), ApiError> {
    let (limiter, counter) = if passage.kind.is_probe() {
        (&gate.probes, &gate.measurements.limited_probes)
    } else if let Some(limiter) = &gate.by_address {
        (limiter, &gate.measurements.limited_by_address)
    } else {
        return Ok(());
    };
    match limiter.take(passage.address) {
        // The bucket of probes is out of the way of every honest prober and not worth headers.
        Ok(_) if passage.kind.is_probe() => Ok(()),
        Ok(standing) => {
            passage.standing = Some(standing);
            Ok(())
        }
        Err(exceeded) => Err(too_many(passage, &exceeded, counter, "from your network address")),
    }
}

fn within_body_limit(
    gate: &GateParts,
    request: &mut ServiceRequest,
    passage: &mut Passage,
) -> Result<(), ApiError> {
    let limit = if paths::is_import(request.path()) {
        gate.config.import_body_limit_bytes
    } else {
        gate.config.body_limit_bytes
    };
    match body_limit::declared(request, limit) {
        Declared::Fits => Ok(()),
        Declared::Unknown => {
            passage.body_exceeded = Some(body_limit::count(request, limit));
            Ok(())
        }
        Declared::TooLarge => {
            gate.measurements.bodies_too_large.increment(1);
            Err(too_large(limit))
        }
    }
}

/// 413 with the limit in it.
pub(super) fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        ErrorCode::PayloadTooLarge,
        format!("The body is larger than the {limit} bytes this call takes."),
    )
    .with_details(serde_json::json!({ "limitBytes": limit }))
}

enum TokenProblem {
    Refuse(ApiError),
    NoKey(Missing),
}

/// What is missing to check a token with.
#[derive(Clone, Copy)]
enum Missing {
    TheKeyItNames,
    AnyKey,
}

/// Checks the token and says whom the request is counted against.
fn token_holder(
    gate: &GateParts,
    request: &ServiceRequest,
    passage: &mut Passage,
) -> Result<LimitKey, TokenProblem> {
    if passage.ignores_tokens {
        return Ok(passage.address);
    }
    match presented(request.headers()) {
        Presented::Nothing => Ok(passage.address),
        Presented::Jwt(token) => {
            let verified = match gate.verifier.recall(token) {
                Some(remembered) => remembered,
                None => {
                    not_suspicious(gate, passage)?;
                    gate.verifier
                        .check(token)
                        .inspect(|_| gate.measurements.tokens_verified.increment(1))
                }
            };
            match verified {
                Ok(Verified { claims, subject }) => {
                    request.extensions_mut().insert(VerifiedToken(claims));
                    Ok(LimitKey::Subject(subject))
                }
                Err(Refusal::UnknownKey) => Err(TokenProblem::NoKey(Missing::TheKeyItNames)),
                Err(Refusal::Invalid) => Err(TokenProblem::Refuse(bad_token(gate, passage))),
                Err(Refusal::Expired) => {
                    gate.measurements.tokens_expired.increment(1);
                    let message = "The access token has expired; get a new one with your refresh token.";
                    Err(TokenProblem::Refuse(ApiError::new(
                        ErrorCode::TokenExpired,
                        message,
                    )))
                }
                Err(Refusal::NoKeys) => Err(TokenProblem::NoKey(Missing::AnyKey)),
            }
        }
        Presented::ApiToken(token) => {
            let hash = gate.api_tokens.hash(token);
            passage.api_token = Some(hash);
            if gate.api_tokens.contains(hash) {
                return Ok(LimitKey::ApiToken(hash));
            }
            not_suspicious(gate, passage)?;
            Ok(passage.address)
        }
        Presented::Malformed(message) => {
            gate.measurements.tokens_refused.increment(1);
            Err(TokenProblem::Refuse(ApiError::new(
                ErrorCode::InvalidToken,
                message,
            )))
        }
    }
}

/// Refuses an unknown token from an address that has presented too many bad ones.
fn not_suspicious(gate: &GateParts, passage: &Passage) -> Result<(), TokenProblem> {
    let Some(wait) = gate.bad_tokens.wait(passage.address) else {
        return Ok(());
    };
    gate.measurements.limited_bad_tokens.increment(1);
    let message = "Too many bad tokens came from your network address; wait and use a token that is valid.";
    let error = ApiError::new(ErrorCode::RateLimited, message).with_retry_after(retry_after(wait));
    Err(TokenProblem::Refuse(error))
}

/// A token that cannot be checked: somebody's invention, or ours if there are no keys at all.
fn without_key(gate: &GateParts, passage: &Passage, missing: Missing) -> ApiError {
    match missing {
        Missing::TheKeyItNames => bad_token(gate, passage),
        Missing::AnyKey => {
            let message = "Tokens cannot be checked yet, because no frontend has been reached; try again.";
            ApiError::new(ErrorCode::UpstreamUnavailable, message).with_retry_after(SHORTLY)
        }
    }
}

/// 401, counted against the address.
fn bad_token(gate: &GateParts, passage: &Passage) -> ApiError {
    gate.measurements.tokens_refused.increment(1);
    gate.bad_tokens.record(passage.address);
    ApiError::new(
        ErrorCode::InvalidToken,
        "The access token is not valid; log in again.",
    )
}

/// The last question, and what those behind the door are given.
fn enter(
    gate: &GateParts,
    request: &mut ServiceRequest,
    passage: &mut Passage,
    payer: LimitKey,
) -> Result<(), ApiError> {
    if let Some(limiter) = &gate.by_principal
        && !passage.kind.is_probe()
    {
        match limiter.take(payer) {
            Ok(standing) => passage.standing = Some(standing.tighter(passage.standing)),
            Err(exceeded) => {
                let counter = &gate.measurements.limited_by_principal;
                return Err(too_many(passage, &exceeded, counter, "from you"));
            }
        }
    }
    {
        let mut extensions = request.extensions_mut();
        extensions.insert(passage.ids.clone());
        if let Some(client) = passage.client {
            extensions.insert(ClientAddress(client));
        }
    }
    inbound_headers::strip(request.headers_mut(), passage.peer_is_trusted);
    Ok(())
}

fn too_many(passage: &mut Passage, exceeded: &Exceeded, counter: &Counter, whence: &str) -> ApiError {
    counter.increment(1);
    passage.standing = Some(exceeded.standing);
    let seconds = exceeded.retry_after();
    let message = format!("Too many requests {whence}; try again in {seconds} s.");
    ApiError::new(ErrorCode::RateLimited, message).with_retry_after(seconds)
}
