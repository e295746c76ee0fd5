//! Names and ids in paths: checked before anything is asked of the store.

use actix_web::HttpRequest;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::tags::TagName;
use percent_encoding::percent_decode_str;
use serde_json::json;
use uuid::Uuid;

use super::wording::echo;
use crate::convert::errors::name_error;

/// An id in the path, in the one form that ids of ours have.
///
/// # Errors
/// `400 InvalidId`.
pub(crate) fn id(request: &HttpRequest, parameter: &'static str) -> Result<Uuid, ApiError> {
    let text = request.match_info().get(parameter).unwrap_or_default();
    parse_id(text).ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidId,
            format!(
                "`{}` is not an id; {parameter} is a UUID such as 0190a0a0-1b2c-7d3e-8f40-123456789abc.",
                echo(text)
            ),
        )
        .with_details(json!({ "parameter": parameter }))
    })
}

/// A UUID in its usual form, 36 characters with hyphens; upper case is understood.
pub(crate) fn parse_id(text: &str) -> Option<Uuid> {
    if text.len() == 36 {
        Uuid::try_parse(text).ok()
    } else {
        None
    }
}

/// The version of an address space in the path. One that is too large to be any is the largest.
///
/// # Errors
/// `400 InvalidParameter`.
pub(crate) fn version(request: &HttpRequest) -> Result<u64, ApiError> {
    let text = request.match_info().get("version").unwrap_or_default();
    parse_version(text).ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidParameter,
            format!(
                "`{}` is not a version; it is a number such as 42, as in the list of changes.",
                echo(text)
            ),
        )
        .with_details(json!({ "parameter": "version" }))
    })
}

fn parse_version(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The name of a tag in the path.
///
/// # Errors
/// `400 InvalidName`.
pub(crate) fn tag_name(request: &HttpRequest) -> Result<TagName, ApiError> {
    let text = request.match_info().get("tagName").unwrap_or_default();
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    TagName::new(&decoded).map_err(|error| name_error(ErrorCode::InvalidName, "tagName", &error))
}

#[cfg(test)]
mod tests {
    use super::{parse_id, parse_version};

    #[test]
    fn an_id_has_one_form() {
        assert!(parse_id("0190a0a0-1b2c-7d3e-8f40-123456789abc").is_some());
        assert!(parse_id("0190A0A0-1B2C-7D3E-8F40-123456789ABC").is_some());
        for bad in [
            "",
            "1",
            "0190a0a01b2c7d3e8f40123456789abc",
            "{0190a0a0-1b2c-7d3e-8f40-123456789abc}",
            "urn:uuid:0190a0a0-1b2c-7d3e-8f40-123456789abc",
            "0190a0a0-1b2c-7d3e-8f40-123456789abg",
            "0190a0a0-1b2c-7d3e-8f40-123456789ab\u{e9}",
        ] {
            assert!(parse_id(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_version_is_a_number_however_large() {
        for (text, version) in [
            ("0", Some(0)),
            ("42", Some(42)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("0x1", None),
            ("\u{661}", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }
}
