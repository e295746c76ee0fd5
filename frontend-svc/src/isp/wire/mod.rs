//! Between the public bodies of the provider's side and the domain's types.

pub(crate) mod addressing;
pub(crate) mod alert;
pub(crate) mod entity;
pub(crate) mod exclusions;
pub(crate) mod numbers;
pub(crate) mod outbox;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod pool;
pub(crate) mod profile;
pub(crate) mod reservation;
pub(crate) mod subscriber;
pub(crate) mod template;
pub(crate) mod vlan;
pub(crate) mod webhook;

use std::net::IpAddr;

use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::Prefix;
use cadastre_domain::isp::{IspError, SubscriberId};
use cadastre_domain::prefix::parse_address_or_prefix;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::convert::errors::{name_error, prefix_error};
use crate::convert::readonly;
use crate::http::wording::{echo, sentence};

/// `400 InvalidValue` for a value that breaks a rule of its own.
pub(crate) fn refused(error: &IspError) -> ApiError {
    invalid(error.field, sentence(&error.message))
}

/// `400 InvalidValue` about a field.
pub(crate) fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidValue, message).with_details(json!({ "field": echo(field) }))
}

/// The id of a subscriber.
///
/// # Errors
/// `400 InvalidValue`.
pub(crate) fn subscriber_id(field: &str, text: &str) -> Result<SubscriberId, ApiError> {
    SubscriberId::new(text).map_err(|error| name_error(ErrorCode::InvalidValue, field, &error))
}

/// An address.
///
/// # Errors
/// `400 InvalidPrefix`.
pub(crate) fn address(field: &str, text: &str) -> Result<IpAddr, ApiError> {
    text.parse::<IpAddr>()
        .map(|address| address.to_canonical())
        .map_err(|_| {
            ApiError::new(
                ErrorCode::InvalidPrefix,
                format!(
                    "`{field}`: `{}` is not an IP address; write one such as 203.0.113.9 or 2001:db8::1.",
                    echo(text)
                ),
            )
            .with_details(json!({ "field": field }))
        })
}

/// Addresses of a list.
///
/// # Errors
/// `400 InvalidPrefix` naming the one that is none.
pub(crate) fn addresses(field: &str, texts: &[String]) -> Result<Vec<IpAddr>, ApiError> {
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| address(&format!("{field}[{at}]"), text))
        .collect()
}

/// A prefix with its length.
///
/// # Errors
/// `400 InvalidPrefix`.
pub(crate) fn prefix(field: &str, text: &str) -> Result<Prefix, ApiError> {
    text.parse().map_err(|error| prefix_error(field, &error))
}

/// An address, which stands for its host prefix, or a prefix.
///
/// # Errors
/// `400 InvalidPrefix`.
pub(crate) fn address_or_prefix(field: &str, text: &str) -> Result<Prefix, ApiError> {
    parse_address_or_prefix(text).map_err(|error| prefix_error(field, &error))
}

/// An address, or a prefix, as people write it: a single address without its length.
pub(crate) fn shown(prefix: &Prefix) -> String {
    if prefix.is_host() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

/// A text that was sent, unless it is empty.
pub(crate) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A moment that must lie in the future.
///
/// # Errors
/// `400 InvalidValue`.
pub(crate) fn future(field: &str, moment: Option<Timestamp>, now: Timestamp) -> Result<(), ApiError> {
    match moment {
        Some(moment) if moment <= now => Err(invalid(
            field,
            format!("`{field}` is {moment}, which is not in the future: it is {now} now."),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Compares the read-only fields of a body with the thing as `GET` would show it.
///
/// # Errors
/// `400 ReadOnlyField`.
pub(crate) fn check_read_only<B: Serialize, T: Serialize>(
    body: &B,
    stored: &T,
    fields: &'static [&'static str],
) -> Result<(), ApiError> {
    let tree = |value: serde_json::Result<Value>| value.unwrap_or(Value::Null);
    let (body, stored) = (
        tree(serde_json::to_value(body)),
        tree(serde_json::to_value(stored)),
    );
    for field in fields {
        let kept = stored.get(*field).unwrap_or(&Value::Null);
        match body.get(*field) {
            Some(sent) if !sent.is_null() && sent != kept => {
                return Err(readonly::differs(field, sent, kept));
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}
