//! Calls whose path has no address space: how they name one.

use actix_web::HttpRequest;
use cadastre_api_types::{ApiError, ErrorCode};
use serde_json::json;

use super::query::Query;
use super::wording::echo;
use crate::routes::table::{Needs, RouteNeeds};

/// The parameter that names an address space, by id or by name.
pub(crate) const PARAMETER: &str = "addressSpaceId";
/// The header that does, too.
pub(crate) const HEADER: &str = "X-Address-Space";

/// Whether the route of a request takes its address space from these.
pub(crate) fn is_named(request: &HttpRequest) -> bool {
    let needs = request
        .app_data::<RouteNeeds>()
        .and_then(|needs| needs.of(request.method()));
    matches!(needs, Some(Needs::IspSpace(_)))
}

/// What the header says, on routes that take their address space from it.
///
/// # Errors
/// `400 InvalidHeader` if it is there twice or is not text.
pub(crate) fn header(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    if is_named(request) {
        sent(request)
    } else {
        Ok(None)
    }
}

/// What the header says, whatever the route.
fn sent(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    let mut lines = request.headers().get_all(HEADER);
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    let refused = |message: String| {
        ApiError::new(ErrorCode::InvalidHeader, message).with_details(json!({ "header": HEADER }))
    };
    if lines.next().is_some() {
        return Err(refused(format!("{HEADER} is there twice; send it once.")));
    }
    // Names may have any letters: the bytes are UTF-8.
    let text = std::str::from_utf8(line.as_bytes()).map_err(|_| {
        refused(format!(
            "{HEADER} is not UTF-8; send the id of the address space."
        ))
    })?;
    Ok(Some(text.trim()).filter(|text| !text.is_empty()))
}

/// The address space that a request names, as it names it: for routes that take it from these, and for GraphQL, whose
/// fields may name others.
///
/// # Errors
/// `400` if header and parameter name different ones, or cannot be read.
pub(crate) fn named(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let header = sent(request)?;
    let parameter = Query::only(request, PARAMETER)?;
    let parameter = parameter
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    match (header, parameter) {
        (Some(header), Some(parameter)) if !header.eq_ignore_ascii_case(parameter) => Err(ApiError::new(
            ErrorCode::InvalidParameter,
            format!(
                "The header {HEADER} names the address space `{}`, and the parameter {PARAMETER} `{}`; send one of them.",
                echo(header),
                echo(parameter)
            ),
        )
        .with_details(json!({ "parameter": PARAMETER, "header": HEADER }))),
        (header, parameter) => Ok(parameter.or(header).map(str::to_owned)),
    }
}
