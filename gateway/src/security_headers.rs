//! Security headers of every answer, by kind of path. An answer that set one itself keeps its own.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::paths::PathKind;

/// An answer for programs renders nothing, loads nothing and is framed by nobody.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// Swagger UI is served from our own origin without inline scripts; it writes style elements and uses
/// `data:` images.
const DOCS_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";
/// The portal: its own scripts, styles, fonts and calls only.
const PORTAL_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";
const ONE_YEAR: &str = "max-age=31536000";

/// Puts the headers on an answer.
pub(crate) fn apply(headers: &mut HeaderMap, kind: PathKind, hsts: bool) {
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    let policy = match kind {
        PathKind::Health | PathKind::Ready | PathKind::Api => {
            set(headers, header::CACHE_CONTROL, "no-store");
            API_POLICY
        }
        PathKind::Docs => DOCS_POLICY,
        PathKind::Portal => PORTAL_POLICY,
    };
    set(headers, header::CONTENT_SECURITY_POLICY, policy);
    if hsts {
        set(headers, header::STRICT_TRANSPORT_SECURITY, ONE_YEAR);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn api_answers_are_not_stored_and_assets_are_left_to_whoever_serves_them() {
        let mut api = HeaderMap::new();
        apply(&mut api, PathKind::Api, false);
        assert_eq!(api.get(header::CACHE_CONTROL).unwrap(), "no-store");
        assert_eq!(api.get(header::CONTENT_SECURITY_POLICY).unwrap(), API_POLICY);
        assert!(!api.contains_key(header::STRICT_TRANSPORT_SECURITY));

        let mut portal = HeaderMap::new();
        portal.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("own"));
        apply(&mut portal, PathKind::Portal, true);
        assert!(!portal.contains_key(header::CACHE_CONTROL));
        assert_eq!(portal.get(header::CONTENT_SECURITY_POLICY).unwrap(), "own");
        assert!(portal.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
