//! Headers that make a mutation conditional or repeatable: `If-Match` (RFC 9110 §13.1.1) and `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header; the bare form that most clients send is understood too).

use actix_web::http::header::{HeaderMap, HeaderValue, IF_MATCH};
use cadastre_api_types::internal::{IdempotencyKey, IfMatch};
use cadastre_api_types::{ApiError, ErrorCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::query::Query;
use super::wording::echo;

/// Name of the header, as `HeaderMap` has it.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Most characters of a key.
const MAX_KEY_CHARS: usize = 255;

/// Reads `If-Match`; several lines are one list.
///
/// # Errors
/// `400 InvalidHeader` if it is not `*` or a list of entity tags.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>, ApiError> {
    let mut any = false;
    let mut tags = 0_usize;
    let mut revisions = Vec::new();
    for line in headers.get_all(IF_MATCH) {
        let bytes = line.as_bytes().trim_ascii();
        if bytes == b"*" {
            if any || tags > 0 {
                return Err(malformed_if_match(line));
            }
            any = true;
            continue;
        }
        let found = read_entity_tags(bytes, &mut revisions).ok_or_else(|| malformed_if_match(line))?;
        tags += found;
        if any || found == 0 {
            return Err(malformed_if_match(line));
        }
    }
    Ok(match (any, tags) {
        (true, _) => Some(IfMatch::Any),
        (false, 0) => None,
        (false, _) => Some(IfMatch::Revisions(revisions)),
    })
}

/// Reads a list of entity tags; counts all, keeps the revisions of those that can be ours. Weak ones never
/// match, nor does one that we never gave out.
fn read_entity_tags(mut rest: &[u8], revisions: &mut Vec<u64>) -> Option<usize> {
    let mut found = 0;
    loop {
        rest = rest.trim_ascii_start();
        let (weak, opened) = match rest.strip_prefix(b"W/") {
            Some(tag) => (true, tag),
            None => (false, rest),
        };
        let opened = opened.strip_prefix(b"\"")?;
        let end = opened.iter().position(|b| *b == b'"')?;
        let (opaque, after) = opened.split_at(end);
        if opaque.iter().any(|b| !matches!(b, 0x21 | 0x23..=0x7e | 0x80..)) {
            return None;
        }
        found += 1;
        if let (false, Some(revision)) = (weak, our_revision(opaque)) {
            revisions.push(revision);
        }
        rest = after.strip_prefix(b"\"")?.trim_ascii_start();
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix(b",")?;
        // RFC 9110 §5.6.1: empty list elements are to be ignored.
        while let Some(more) = rest.trim_ascii_start().strip_prefix(b",") {
            rest = more;
        }
        if rest.trim_ascii_start().is_empty() {
            return Some(found);
        }
    }
}

fn our_revision(opaque: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(opaque).ok()?;
    let revision: u64 = text.parse().ok()?;
    (revision.to_string() == text).then_some(revision)
}

fn malformed_if_match(line: &HeaderValue) -> ApiError {
    let text = String::from_utf8_lossy(line.as_bytes());
    let hint = match text.trim().parse::<u64>() {
        Ok(revision) => format!("; did you mean \"{revision}\", in quotes?"),
        Err(_) => ".".to_owned(),
    };
    invalid(
        "If-Match",
        format!(
            "If-Match is {}; send the ETag as GET answered it, quotes included, or *{hint}",
            echo(&text)
        ),
    )
}

/// Reads `Idempotency-Key`.
///
/// # Errors
/// `400 InvalidHeader` if it is not 1 to 255 visible ASCII characters, bare or quoted, or there twice.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut lines = headers.get_all(IDEMPOTENCY_KEY);
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    if lines.next().is_some() {
        return Err(invalid(
            "Idempotency-Key",
            "Idempotency-Key is there twice; send it once.".to_owned(),
        ));
    }
    let key = read_key(line.as_bytes().trim_ascii()).filter(|key| is_key(key));
    match key {
        Some(key) => Ok(Some(key)),
        None => Err(invalid(
            "Idempotency-Key",
            format!(
                "Idempotency-Key is {}; send 1 to {MAX_KEY_CHARS} visible ASCII characters without spaces, such as a \
                 UUID.",
                echo(&String::from_utf8_lossy(line.as_bytes()))
            ),
        )),
    }
}

/// Whether a text can be a key.
pub(crate) fn is_key(text: &str) -> bool {
    (1..=MAX_KEY_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A structured-field string (RFC 9651 §3.3.3) or a bare key.
fn read_key(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let Some(quoted) = text.strip_prefix('"') else {
        return Some(text.to_owned());
    };
    let inner = quoted.strip_suffix('"')?;
    let mut key = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => key.push(
                characters
                    .next()
                    .filter(|escaped| matches!(escaped, '"' | '\\'))?,
            ),
            other => key.push(other),
        }
    }
    Some(key)
}

/// The hashes under which a request is remembered: no text of the client's is kept.
pub(crate) fn remembered_as(
    key: &str,
    principal: &str,
    method: &str,
    path: &str,
    query: &Query<'_>,
    canonical_body: &[u8],
) -> IdempotencyKey {
    let mut body: Vec<&[u8]> = Vec::new();
    // A dry run is never remembered, so whether `dryRun=false` was spelt out makes no difference.
    for (name, value) in query.without(&["dryRun"]) {
        body.push(name.as_bytes());
        body.push(value.as_bytes());
    }
    body.push(canonical_body);
    IdempotencyKey {
        key_hash: hash(&[
            principal.as_bytes(),
            method.as_bytes(),
            path.as_bytes(),
            key.as_bytes(),
        ]),
        body_hash: hash(&body),
    }
}

/// The id that belongs to a hash (UUIDv8: the vendor's own).
pub(crate) fn id_of_hash(hex: &str) -> Uuid {
    let bits = u128::from_str_radix(hex.get(..32).unwrap_or_default(), 16).unwrap_or_default();
    uuid::Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid()
}

fn hash(parts: &[&[u8]]) -> String {
    use std::fmt::Write;

    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing into a String has no way to fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn invalid(header: &str, message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidHeader, message).with_details(json!({ "header": header }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::http::header::HeaderName;
    use proptest::prelude::*;

    fn headers(name: &str, lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let name: HeaderName = name.parse().unwrap();
        for line in lines {
            headers.append(name.clone(), HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn parsed(lines: &[&str]) -> Result<Option<IfMatch>, ApiError> {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        if_match(&headers("if-match", &lines))
    }

    fn revisions(list: &[u64]) -> Option<IfMatch> {
        Some(IfMatch::Revisions(list.to_vec()))
    }

    #[test]
    fn if_match_is_a_star_or_a_list_of_tags_over_any_number_of_lines() {
        assert_eq!(parsed(&[]).unwrap(), None);
        assert_eq!(parsed(&["*"]).unwrap(), Some(IfMatch::Any));
        assert_eq!(parsed(&[" \"7\" "]).unwrap(), revisions(&[7]));
        assert_eq!(parsed(&["\"7\", \"8\" ,\"9\""]).unwrap(), revisions(&[7, 8, 9]));
        assert_eq!(parsed(&["\"7\"", "\"8\""]).unwrap(), revisions(&[7, 8]));
        assert_eq!(parsed(&["\"7\",, \"8\","]).unwrap(), revisions(&[7, 8]));
    }

    #[test]
    fn weak_and_foreign_tags_are_understood_and_never_match() {
        for never in [
            "W/\"7\"",
            "\"abc\"",
            "\"007\"",
            "\"\"",
            "\"+7\"",
            "\"99999999999999999999999\"",
            "\"a,b\"",
        ] {
            assert_eq!(parsed(&[never]).unwrap(), revisions(&[]), "{never}");
        }
        assert_eq!(parsed(&["W/\"7\", \"8\""]).unwrap(), revisions(&[8]));
    }

    #[test]
    fn a_malformed_if_match_is_refused_with_a_hint() {
        for bad in [
            "",
            "7",
            "\"7",
            "7\"",
            "\"7\" \"8\"",
            "*, \"7\"",
            "\"7\", *",
            "\"a b\"",
            "w/\"7\"",
            "'7'",
            ",\"7\"",
        ] {
            assert_eq!(
                parsed(&[bad]).unwrap_err().code,
                ErrorCode::InvalidHeader,
                "{bad}"
            );
        }
        assert!(
            parsed(&["*", "*"]).is_err()
                && parsed(&["\"7\"", "*"]).is_err()
                && parsed(&["*", "\"7\""]).is_err()
        );
        assert!(
            parsed(&["7"])
                .unwrap_err()
                .message
                .ends_with("did you mean \"7\", in quotes?")
        );
    }

    #[test]
    fn an_idempotency_key_is_bare_or_quoted() {
        let key = |text: &str| idempotency_key(&headers(IDEMPOTENCY_KEY, &[text.as_bytes()]));
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(key("abc-1").unwrap().as_deref(), Some("abc-1"));
        assert_eq!(key("\"abc-1\"").unwrap(), key("abc-1").unwrap());
        assert_eq!(key(r#""a\"\\b""#).unwrap().as_deref(), Some(r#"a"\b"#));
        assert!(key(&"x".repeat(255)).unwrap().is_some());
        for bad in [
            "",
            " ",
            "a b",
            "\"",
            "\"\"",
            "\"a",
            "\"a\"b\"",
            r#""a\b""#,
            "é",
            "\"a b\"",
            &"x".repeat(256),
        ] {
            assert_eq!(key(bad).unwrap_err().code, ErrorCode::InvalidHeader, "{bad}");
        }
        assert!(idempotency_key(&headers(IDEMPOTENCY_KEY, &[b"a", b"a"])).is_err());
    }

    fn remembered(key: &str, who: &str, method: &str, path: &str, query: &str, body: &str) -> IdempotencyKey {
        let query = Query::parse(query, &["dryRun", "a", "b"]).unwrap();
        let mut canonical = Vec::new();
        crate::http::json::write_canonical(&serde_json::from_str(body).unwrap(), &mut canonical);
        remembered_as(key, who, method, path, &query, &canonical)
    }

    #[test]
    fn the_same_request_in_other_spelling_is_the_same_request() {
        let first = remembered(
            "k",
            "ada",
            "POST",
            "/x",
            "a=1&b=2",
            r#"{"x":1,"y":{"p":"q","r":"s"}}"#,
        );
        let again = remembered(
            "k",
            "ada",
            "POST",
            "/x",
            "dryRun=false&b=2&a=1",
            r#"{ "y":{"r":"s","p":"\u0071"}, "x":1 }"#,
        );
        assert_eq!(first, again);
    }

    #[test]
    fn another_principal_method_path_or_key_is_another_record_and_another_body_is_noticed() {
        let first = remembered("k", "ada", "POST", "/x", "", "{}");
        for other in [
            remembered("l", "ada", "POST", "/x", "", "{}"),
            remembered("k", "bob", "POST", "/x", "", "{}"),
            remembered("k", "ada", "PUT", "/x", "", "{}"),
            remembered("k", "ada", "POST", "/y", "", "{}"),
            remembered("/xk", "ada", "POST", "", "", "{}"),
        ] {
            assert_ne!(first.key_hash, other.key_hash);
            assert_eq!(first.body_hash, other.body_hash);
        }
        for other in [
            remembered("k", "ada", "POST", "/x", "a=1", "{}"),
            remembered("k", "ada", "POST", "/x", "", "[]"),
        ] {
            assert_eq!(first.key_hash, other.key_hash);
            assert_ne!(first.body_hash, other.body_hash);
        }
    }

    proptest! {
        #[test]
        fn any_header_gives_a_value_or_a_400(bytes in proptest::collection::vec(prop_oneof![0x20_u8..=0x7e, 0x80_u8..=0xff, Just(b'"'), Just(b',')], 0..60)) {
            let errors = [
                if_match(&headers("if-match", &[&bytes])).err(),
                idempotency_key(&headers(IDEMPOTENCY_KEY, &[&bytes])).err(),
            ];
            for error in errors.into_iter().flatten() {
                prop_assert_eq!(error.code, ErrorCode::InvalidHeader);
            }
        }

        #[test]
        fn every_list_of_our_own_tags_is_read_back(list in proptest::collection::vec(any::<u64>(), 1..20)) {
            let text: Vec<String> = list.iter().map(|revision| format!("\"{revision}\"")).collect();
            prop_assert_eq!(parsed(&[&text.join(", ")]).unwrap(), Some(IfMatch::Revisions(list)));
        }
    }
}
