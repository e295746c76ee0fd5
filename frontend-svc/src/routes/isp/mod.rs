//! The provider's side of the API: one file per resource. Handlers read the request, call one function of the service in
//! `crate::isp`, and shape its answer.

pub(crate) mod addressing;
pub(crate) mod alerts;
pub(crate) mod assignments;
pub(crate) mod conflicts;
pub(crate) mod outbox;
pub(crate) mod plans;
pub(crate) mod policy;
pub(crate) mod pools;
pub(crate) mod profiles;
pub(crate) mod reports;
pub(crate) mod reservations;
pub(crate) mod subscribers;
pub(crate) mod templates;
pub(crate) mod use_cases;
pub(crate) mod vlan_bindings;
pub(crate) mod vlan_pools;
pub(crate) mod webhooks;

use std::str::FromStr;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::Listed;
use cadastre_domain::Prefix;
use cadastre_domain::isp::{IspError, SubscriberId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;
use uuid::Uuid;

use crate::http::authorized::Authorized;
use crate::http::called_space;
use crate::http::cursor::Pager;
use crate::http::error::HttpError;
use crate::http::query::{Query, invalid};
use crate::http::wording::{echo, sentence};
use crate::http::{path, reply};
use crate::isp::wire::{address_or_prefix, subscriber_id};
use crate::isp::{IspCaller, Outcome};
use crate::state::FrontendState;

/// What handlers share.
pub(crate) type State = web::Data<FrontendState>;

/// What stands in a path as it is (RFC 3986 unreserved).
const IN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The caller of the service.
fn isp(caller: &Authorized, state: &State) -> Result<IspCaller, HttpError> {
    Ok(IspCaller {
        account: Arc::clone(&caller.account),
        space: caller.space()?,
        correlation_id: caller.request.correlation_id.clone(),
        state: Arc::clone(state),
    })
}

/// `200` with a page.
fn listed<T: Serialize>(found: &Listed<T>, pager: &Pager<'_>) -> Result<HttpResponse, HttpError> {
    Ok(reply::page(&found.items, pager, found.next.as_deref())?)
}

/// `201` with a new thing, or the plan of a dry run.
fn created<T: Serialize>(
    request: &HttpRequest,
    outcome: Outcome<T>,
    location: impl FnOnce(&T) -> String,
) -> Result<HttpResponse, HttpError> {
    match outcome {
        Outcome::Planned(plan) => Ok(reply::json(&plan)?),
        Outcome::Done(done) => {
            let location = in_space(request, location(&done.value))?;
            Ok(reply::created(
                &done.value,
                done.revision,
                &location,
                done.replayed,
            )?)
        }
    }
}

/// `201` with new things, or the plan of a dry run.
fn created_many<T: Serialize>(outcome: Outcome<Vec<T>>) -> Result<HttpResponse, HttpError> {
    match outcome {
        Outcome::Planned(plan) => Ok(reply::json(&plan)?),
        Outcome::Done(done) => Ok(reply::created_many(&done.value, done.replayed)?),
    }
}

/// `200` with the thing as it is now, or the plan of a dry run.
fn changed<T: Serialize>(outcome: Outcome<T>) -> Result<HttpResponse, HttpError> {
    match outcome {
        Outcome::Planned(plan) => Ok(reply::json(&plan)?),
        Outcome::Done(done) => Ok(reply::done(&done.value, done.revision, done.replayed)?),
    }
}

/// `200` with something that has no revision of its own, or the plan of a dry run.
fn told<T: Serialize>(outcome: Outcome<T>) -> Result<HttpResponse, HttpError> {
    match outcome {
        Outcome::Planned(plan) => Ok(reply::json(&plan)?),
        Outcome::Done(done) => Ok(reply::told(&done.value, done.replayed)?),
    }
}

/// `204`, or the plan of a dry run.
fn removed(outcome: Outcome<()>) -> Result<HttpResponse, HttpError> {
    match outcome {
        Outcome::Planned(plan) => Ok(reply::json(&plan)?),
        Outcome::Done(_) => Ok(reply::nothing()),
    }
}

/// A location that leads to the same address space: who named it with a parameter names it again.
fn in_space(request: &HttpRequest, location: String) -> Result<String, ApiError> {
    Ok(match Query::only(request, called_space::PARAMETER)? {
        Some(space) => {
            let space = utf8_percent_encode(&space, IN_SEGMENT);
            format!("{location}?{}={space}", called_space::PARAMETER)
        }
        None => location,
    })
}

/// Path of a subscriber, or of what belongs to one.
fn subscriber_location(id: &str, behind: &str) -> String {
    format!(
        "/api/v1/subscribers/{}{behind}",
        utf8_percent_encode(id, IN_SEGMENT)
    )
}

/// The subscriber of the path: any text, percent-encoded.
///
/// # Errors
/// `400 InvalidValue`.
fn subscriber_in_path(request: &HttpRequest) -> Result<SubscriberId, ApiError> {
    let text = request.match_info().get("subscriberId").unwrap_or_default();
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    subscriber_id("subscriberId", &decoded)
}

/// A word of an enumeration.
///
/// # Errors
/// `400 InvalidParameter` with the words there are.
fn word<T: FromStr<Err = IspError>>(query: &Query<'_>, name: &str) -> Result<Option<T>, ApiError> {
    query.text(name).map(|text| parsed(name, &text)).transpose()
}

/// Words of an enumeration with commas between.
///
/// # Errors
/// `400 InvalidParameter` with the words there are.
fn words<T: FromStr<Err = IspError>>(query: &Query<'_>, name: &str) -> Result<Vec<T>, ApiError> {
    let text = query.text(name).unwrap_or_default();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| parsed(name, part)).collect()
}

fn parsed<T: FromStr<Err = IspError>>(name: &str, text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|error: IspError| invalid(name, sentence(&error.message)))
}

/// An id.
///
/// # Errors
/// `400 InvalidParameter`.
fn id_of(query: &Query<'_>, name: &str) -> Result<Option<Uuid>, ApiError> {
    let parse = |text: String| {
        path::parse_id(&text)
            .ok_or_else(|| invalid(name, format!("`{name}` is `{}`; it must be a UUID.", echo(&text))))
    };
    query.text(name).map(parse).transpose()
}

/// An id of a subscriber.
///
/// # Errors
/// `400 InvalidParameter`.
fn subscriber_of(query: &Query<'_>) -> Result<Option<SubscriberId>, ApiError> {
    let parse = |text: String| {
        SubscriberId::new(&text).map_err(|error| invalid("subscriberId", sentence(&error.to_string())))
    };
    query.text("subscriberId").map(parse).transpose()
}

/// An address or a prefix.
///
/// # Errors
/// `400 InvalidPrefix`.
fn prefix_of(query: &Query<'_>, name: &str) -> Result<Option<Prefix>, ApiError> {
    query
        .text(name)
        .map(|text| address_or_prefix(name, &text))
        .transpose()
}

/// A whole number within limits.
///
/// # Errors
/// `400 InvalidParameter`.
fn number_of(query: &Query<'_>, name: &str, from: usize, to: usize) -> Result<Option<usize>, ApiError> {
    let Some(text) = query.text(name) else {
        return Ok(None);
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<usize>() {
        Ok(number) if digits && (from..=to).contains(&number) => Ok(Some(number)),
        Ok(_) | Err(_) => Err(invalid(
            name,
            format!(
                "`{name}` is `{}`; write a whole number from {from} to {to}.",
                echo(&text)
            ),
        )),
    }
}

#[cfg(test)]
mod tests;
