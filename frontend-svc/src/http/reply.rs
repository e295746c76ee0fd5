//! The shapes of successful answers: one thing, a new thing, a page, a plan, nothing.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LINK, LOCATION};
use cadastre_api_types::{ApiError, ErrorCode};
use serde::Serialize;

use super::cursor::Pager;
use super::etag;

/// Says that an answer was given before and nothing was done this time.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Room for a node with a few tags, so that writing it does not grow the buffer.
const USUAL_BYTES: usize = 768;

/// `200` with any JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, JSON))
        .body(bytes(value, USUAL_BYTES)?))
}

/// `200` with one thing and its `ETag`.
pub(crate) fn one<T: Serialize + ?Sized>(value: &T, revision: u64) -> Result<HttpResponse, ApiError> {
    let body = bytes(value, USUAL_BYTES)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((ETAG, etag::of(revision)))
        .body(body))
}

/// `200` with one thing and its `ETag`, and whether this is an answer given before.
pub(crate) fn done<T: Serialize + ?Sized>(
    value: &T,
    revision: u64,
    replayed: bool,
) -> Result<HttpResponse, ApiError> {
    let mut answer = one(value, revision)?;
    mark_replayed(&mut answer, replayed);
    Ok(answer)
}

/// `200` with any JSON, and whether this is an answer given before.
pub(crate) fn told<T: Serialize + ?Sized>(value: &T, replayed: bool) -> Result<HttpResponse, ApiError> {
    let mut answer = json(value)?;
    mark_replayed(&mut answer, replayed);
    Ok(answer)
}

/// Says that this is an answer given before.
pub(crate) fn mark_replayed(answer: &mut HttpResponse, replayed: bool) {
    if replayed {
        let said = HeaderValue::from_static("true");
        answer.headers_mut().insert(IDEMPOTENCY_REPLAYED, said);
    }
}

/// Says where the thing of an answer is.
pub(crate) fn locate(answer: &mut HttpResponse, location: &str) {
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
}

/// `201` with a new thing, where it is from now on, and whether this is an answer given before.
pub(crate) fn created<T: Serialize + ?Sized>(
    value: &T,
    revision: u64,
    location: &str,
    replayed: bool,
) -> Result<HttpResponse, ApiError> {
    let body = bytes(value, USUAL_BYTES)?;
    let mut answer = HttpResponse::build(StatusCode::CREATED);
    answer
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((ETAG, etag::of(revision)));
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.insert_header((LOCATION, location));
    }
    if replayed {
        answer.insert_header((IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true")));
    }
    Ok(answer.body(body))
}

/// `201` with new things, and whether this is an answer given before.
pub(crate) fn created_many<T: Serialize>(items: &[T], replayed: bool) -> Result<HttpResponse, ApiError> {
    let body = bytes(items, 2 + items.len() * USUAL_BYTES / 2)?;
    let mut answer = HttpResponse::build(StatusCode::CREATED);
    answer.insert_header((CONTENT_TYPE, JSON));
    if replayed {
        answer.insert_header((IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true")));
    }
    Ok(answer.body(body))
}

/// `200` with a page of a list, and the way to the next one.
pub(crate) fn page<T: Serialize>(
    items: &[T],
    pager: &Pager<'_>,
    next: Option<&str>,
) -> Result<HttpResponse, ApiError> {
    let body = bytes(items, 2 + items.len() * USUAL_BYTES / 2)?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, JSON));
    if let Some(link) = next.and_then(|position| pager.next_link(position)) {
        answer.insert_header((LINK, link));
    }
    Ok(answer.body(body))
}

/// `204`.
pub(crate) fn nothing() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// `500` for an answer of the data access layer that does not belong to the question.
pub(crate) fn unexpected(what: &'static str) -> ApiError {
    tracing::error!(
        what,
        "the data access layer answered something else than was asked"
    );
    ApiError::new(
        ErrorCode::Internal,
        "A fault of the server. Its log has more under the correlation id.",
    )
}

fn bytes<T: Serialize + ?Sized>(value: &T, room: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::with_capacity(room);
    serde_json::to_writer(&mut body, value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        unexpected("JSON")
    })?;
    Ok(body)
}
