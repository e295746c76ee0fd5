//! The `ETag` of single resources: `"<revision>"`, strong in form, compared by `If-Match`.
//!
//! It names the thing's own last change. What a node *resolves to* can change with an ancestor while its
//! revision stays, so `If-None-Match` is deliberately not honoured: a `304` could be a lie.

use actix_web::http::header::HeaderValue;

/// Header value for a revision.
pub(crate) fn of(revision: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{revision}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn an_etag_is_the_revision_in_quotes() {
        assert_eq!(of(0), "\"0\"");
        assert_eq!(of(u64::MAX), "\"18446744073709551615\"");
    }
}
