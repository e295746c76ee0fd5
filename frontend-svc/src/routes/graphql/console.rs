//! The page for people with a browser: a document, its variables, the answer, and the schema. One file without anything
//! from elsewhere, so it works in networks without a way out (docs/adr/0022-graphql.md says why it is not GraphiQL's own
//! build).

use std::sync::LazyLock;

use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("console.html");

/// The page runs its own script and no other, whatever finds its way into it.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let part = |tag: &str| {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let behind = PAGE.split_once(&open).map_or("", |(_, behind)| behind);
        let inside = behind.split_once(&close).map_or("", |(inside, _)| inside);
        STANDARD.encode(Sha256::digest(inside.as_bytes()))
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        part("script"),
        part("style")
    )
});

/// Whether a browser asks for a page. `*/*` does not ask for one.
pub(super) fn is_wanted(request: &HttpRequest) -> bool {
    let mut lines = request.headers().get_all(ACCEPT);
    lines.any(|line| {
        let text = line.to_str().unwrap_or_default();
        text.split(',').any(|part| {
            let media = part.split(';').next().unwrap_or_default();
            media.trim().eq_ignore_ascii_case("text/html")
        })
    })
}

/// The page.
pub(super) fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_allows_its_own_script_only() {
        assert!(!PAGE.contains("http://") && !PAGE.contains("https://") && !PAGE.contains("src="));
        assert_eq!(
            (PAGE.matches("<script>").count(), PAGE.matches("<style>").count()),
            (1, 1)
        );
        assert!(
            !PAGE.contains("style=\"") && !PAGE.contains("onclick"),
            "the policy forbids them"
        );
        let nothing = STANDARD.encode(Sha256::digest(b""));
        assert!(
            POLICY.contains("script-src 'sha256-") && !POLICY.contains(&nothing),
            "{}",
            *POLICY
        );
        assert!(!POLICY.contains("unsafe"));
    }
}
