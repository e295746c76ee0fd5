//! What a request presents in `Authorization`.

use actix_web::http::header::{self, HeaderMap};
use cadastre_api_types::token::API_TOKEN_PREFIX;

/// Our access tokens are a few hundred bytes; nothing longer is looked at.
const MAX_JWT_BYTES: usize = 4_096;
const MAX_API_TOKEN_BYTES: usize = 256;

/// What a request presents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presented<'a> {
    /// No `Authorization` header.
    Nothing,
    /// An API token. Only the frontend can tell whether it is good.
    ApiToken(&'a [u8]),
    /// Something with the outline of a JWT.
    Jwt(&'a [u8]),
    /// Anything else, with the reason.
    Malformed(&'static str),
}

/// Reads the header.
pub(crate) fn presented(headers: &HeaderMap) -> Presented<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else {
        return Presented::Nothing;
    };
    if values.next().is_some() {
        return Presented::Malformed("Send one Authorization header.");
    }
    let bytes = value.as_bytes();
    let token = match bytes.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
        Some(_) | None => return Presented::Malformed("Send `Authorization: Bearer <token>`."),
    };
    if token.starts_with(API_TOKEN_PREFIX.as_bytes()) {
        let of_token = |byte: &u8| *byte == b'.' || is_token_character(*byte);
        let fits = token.len() <= MAX_API_TOKEN_BYTES && token.iter().all(of_token);
        return if fits {
            Presented::ApiToken(token)
        } else {
            Presented::Malformed("This is not an API token.")
        };
    }
    let is_outline = token.len() <= MAX_JWT_BYTES
        && token.iter().filter(|byte| **byte == b'.').count() == 2
        && token
            .iter()
            .all(|byte| *byte == b'.' || is_token_character(*byte));
    if is_outline {
        Presented::Jwt(token)
    } else {
        Presented::Malformed("This is not an access token.")
    }
}

/// The base64url alphabet. JWTs and API tokens are made of it, with dots between their parts.
fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn with(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn tokens_are_told_apart() {
        assert_eq!(presented(&HeaderMap::new()), Presented::Nothing);
        assert_eq!(
            presented(&with(&["Bearer cad_YWRh.0190b5a4.abc-123_"])),
            Presented::ApiToken(b"cad_YWRh.0190b5a4.abc-123_")
        );
        assert_eq!(presented(&with(&["bearer a.b.c"])), Presented::Jwt(b"a.b.c"));
    }

    #[test]
    fn everything_else_is_malformed() {
        let long = format!("Bearer {}.b.c", "a".repeat(MAX_JWT_BYTES));
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "Bearer a.b",
            "Bearer a.b.c.d",
            "Bearer a b.c.d",
            "Bearer cad_ü",
            &long,
        ] {
            let headers = with(&[bad]);
            assert!(matches!(presented(&headers), Presented::Malformed(_)), "{bad}");
        }
        assert!(matches!(
            presented(&with(&["Bearer a.b.c", "Bearer a.b.c"])),
            Presented::Malformed(_)
        ));
    }
}
