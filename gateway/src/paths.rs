//! What the door must know about a path. Routing is the frontend's; this is only about which headers, limits
//! and exemptions apply.

/// The kinds of path that the door treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathKind {
    /// `/health`.
    Health,
    /// `/ready`.
    Ready,
    /// Answers for programs: the API, GraphQL, key set, metrics, the OpenAPI document.
    Api,
    /// Swagger UI.
    Docs,
    /// Everything else: the portal.
    Portal,
}

impl PathKind {
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/health" => Self::Health,
            "/ready" => Self::Ready,
            "/graphql" | "/openapi.json" | "/metrics" => Self::Api,
            "/docs" => Self::Docs,
            _ if path.starts_with("/api/") || path.starts_with("/.well-known/") => Self::Api,
            _ if path.starts_with("/docs/") => Self::Docs,
            _ => Self::Portal,
        }
    }

    /// Orchestrators ask here; see [`GatewayConfig`](crate::GatewayConfig).
    pub(crate) fn is_probe(self) -> bool {
        matches!(self, Self::Health | Self::Ready)
    }
}

/// Paths where a token is not asked for and a stale one does no harm: clients send the expired token along with
/// the call that is to replace it.
pub(crate) fn ignores_tokens(path: &str) -> bool {
    matches!(
        path,
        "/api/v1/auth/login" | "/api/v1/auth/refresh" | "/.well-known/jwks.json" | "/health" | "/ready"
    )
}

/// Paths where a request without a good token never succeeds. Elsewhere there are pages for everybody, and a
/// success says nothing about the token that came along.
pub(crate) fn proves_tokens(path: &str) -> bool {
    path.starts_with("/api/") && !ignores_tokens(path)
}

/// `…/addressspaces/{id}/ips/import`, whose body may be large.
pub(crate) fn is_import(path: &str) -> bool {
    path.starts_with("/api/") && path.ends_with("/ips/import")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        assert_eq!(PathKind::of("/health"), PathKind::Health);
        assert_eq!(PathKind::of("/healthy"), PathKind::Portal);
        assert_eq!(PathKind::of("/api/v1/me"), PathKind::Api);
        assert_eq!(PathKind::of("/docs/index.html"), PathKind::Docs);
        assert_eq!(PathKind::of("/docsx"), PathKind::Portal);
        assert_eq!(PathKind::of("/assets/app.3f2a.js"), PathKind::Portal);
        assert!(is_import("/api/v1/addressspaces/x/ips/import"));
        assert!(!is_import("/api/v1/addressspaces/x/ips"));
    }
}
