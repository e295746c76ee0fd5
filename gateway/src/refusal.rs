//! Answers the door gives itself, in the shape all our errors have.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use cadastre_api_types::error::{ApiError, ErrorCode};

/// The HTTP answer for an error, with its correlation id, `Retry-After` and challenge.
pub(crate) fn answer(error: ApiError, correlation_id: &str) -> HttpResponse<BoxBody> {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = error.retry_after {
        response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge(error.code)),
        ));
    }
    response.json(error.into_body(correlation_id))
}

/// RFC 6750 §3: the challenge says why a token that was sent is not good.
fn challenge(code: ErrorCode) -> &'static str {
    if code == ErrorCode::TokenExpired {
        "Bearer error=\"invalid_token\", error_description=\"expired\""
    } else {
        "Bearer error=\"invalid_token\""
    }
}
