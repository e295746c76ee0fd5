//! Headers that a client must not be able to hand to what stands behind the door.
//!
//! No service of ours takes an identity from a header, so removing them is a second line: it protects whatever
//! is put behind the door one day, and it keeps forged names out of logs.

use actix_web::http::header::{HeaderMap, HeaderName};

/// Removes them. What a trusted proxy says about scheme and host is kept, its list of addresses has been used.
pub(crate) fn strip(headers: &mut HeaderMap, peer_is_trusted: bool) {
    // Nearly no request has any, so look before touching the map.
    if headers
        .keys()
        .any(|name| is_refused(name.as_str(), peer_is_trusted))
    {
        let refused: Vec<HeaderName> = headers
            .keys()
            .filter(|name| is_refused(name.as_str(), peer_is_trusted))
            .cloned()
            .collect();
        for name in refused {
            headers.remove(name);
        }
    }
}

fn is_refused(name: &str, peer_is_trusted: bool) -> bool {
    let Some(rest) = name.strip_prefix("x-") else {
        return matches!(
            name,
            "forwarded" | "remote-user" | "remote-addr" | "proxy-authorization" | "true-client-ip"
        );
    };
    match rest {
        "forwarded-proto" | "forwarded-host" => !peer_is_trusted,
        "real-ip"
        | "client-ip"
        | "user"
        | "username"
        | "user-id"
        | "remote-user"
        | "authenticated-user"
        | "authenticated-userid"
        | "principal"
        | "roles"
        | "groups"
        | "webauth-user"
        | "original-forwarded-for"
        | "cluster-client-ip" => true,
        _ => {
            rest.starts_with("forwarded-")
                || rest.starts_with("cadastre-")
                || rest.starts_with("auth-request-")
                || rest.starts_with("amzn-oidc-")
                || rest.starts_with("goog-authenticated-")
                || rest.starts_with("ms-client-principal")
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use cadastre_api_types::correlation::{CORRELATION_HEADER, SERVICE_TOKEN_HEADER};

    use super::*;

    #[test]
    fn the_service_token_and_identities_are_removed_and_everything_else_stays() {
        let refused = [
            SERVICE_TOKEN_HEADER,
            "x-forwarded-for",
            "x-forwarded-user",
            "x-auth-request-email",
            "remote-user",
            "forwarded",
        ];
        let kept = [
            "authorization",
            CORRELATION_HEADER,
            "x-address-space",
            "accept",
            "x-forwarded-proto",
        ];
        let mut headers: HeaderMap = refused
            .iter()
            .chain(&kept)
            .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("v")))
            .collect();
        strip(&mut headers, true);
        for name in refused {
            assert!(!headers.contains_key(name), "{name}");
        }
        for name in kept {
            assert!(headers.contains_key(name), "{name}");
        }
        strip(&mut headers, false);
        assert!(!headers.contains_key("x-forwarded-proto"));
    }
}
