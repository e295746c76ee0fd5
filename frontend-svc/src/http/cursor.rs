//! Pages of lists: `limit`, the opaque `cursor`, and the `Link` header that leads to the next page.
//!
//! A cursor is base64url over a version, a checksum and the position where the page before ended. The checksum
//! covers the list's path, its filters and the position, so that a cursor of another list, or of the same list
//! with other filters, or one that has been changed, is refused instead of silently skipping or repeating
//! items. It is no secret: a position gives nobody anything that the list would not.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadastre_api_types::internal::PageRequest;
use cadastre_api_types::{ApiError, ErrorCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::called_space;
use super::query::Query;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 12;
/// Longer than any cursor of ours.
const MAX_CURSOR_CHARS: usize = 2_000;

/// What may stand in a query as it is.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What may stand in a path as it is (RFC 3986 `pchar` and `/`), and escapes that are there already.
const IN_PATH: &AsciiSet = &IN_QUERY
    .remove(b'/')
    .remove(b'%')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// The page of a list that a request asks for.
#[derive(Debug)]
pub(crate) struct Pager<'a> {
    path: &'a str,
    query: &'a Query<'a>,
    /// The address space that a header names.
    space: Option<&'a str>,
    /// Which slice.
    pub(crate) page: PageRequest,
}

impl<'a> Pager<'a> {
    /// Reads `limit` and `cursor`.
    ///
    /// # Errors
    /// `400 InvalidParameter` or `InvalidCursor`.
    pub(crate) fn of(request: &'a HttpRequest, query: &'a Query<'a>) -> Result<Self, ApiError> {
        Self::new(request.path(), query, called_space::header(request)?)
    }

    fn new(path: &'a str, query: &'a Query<'a>, space: Option<&'a str>) -> Result<Self, ApiError> {
        let limit = query.limit()?;
        let after = match query.get("cursor") {
            None => None,
            Some(cursor) => Some(open(cursor, path, query, space).ok_or_else(foreign_cursor)?),
        };
        Ok(Self {
            path,
            query,
            space,
            page: PageRequest { limit, after },
        })
    }

    /// `Link` to the page that begins behind a position.
    pub(crate) fn next_link(&self, position: &str) -> Option<HeaderValue> {
        let mut link = format!("<{}?", utf8_percent_encode(self.path, IN_PATH));
        for (name, value) in self.query.in_order().filter(|(name, _)| *name != "cursor") {
            link.push_str(name);
            link.push('=');
            link.extend(utf8_percent_encode(value, IN_QUERY));
            link.push('&');
        }
        link.push_str("cursor=");
        link.push_str(&seal(position, self.path, self.query, self.space));
        link.push_str(">; rel=\"next\"");
        HeaderValue::try_from(link).ok()
    }
}

/// `400 InvalidCursor`.
pub(crate) fn foreign_cursor() -> ApiError {
    ApiError::new(
        ErrorCode::InvalidCursor,
        "This cursor is not one of this list with these parameters. Start again without `cursor`, and follow the \
         `Link` header from page to page.",
    )
}

fn seal(position: &str, path: &str, query: &Query<'_>, space: Option<&str>) -> String {
    seal_for(position, &parts(path, query, space))
}

fn open(cursor: &str, path: &str, query: &Query<'_>, space: Option<&str>) -> Option<String> {
    open_for(cursor, &parts(path, query, space))
}

/// What tells a list of a request from others.
fn parts<'a>(path: &'a str, query: &'a Query<'_>, space: Option<&'a str>) -> Vec<&'a str> {
    let mut parts = vec![path];
    for (name, value) in query.without(&["cursor", "limit"]) {
        parts.extend([name, value]);
    }
    if let Some(space) = space {
        parts.extend(["X-Address-Space", space]);
    }
    parts
}

/// The cursor of a position in the list that these parts tell from others.
pub(crate) fn seal_for<S: AsRef<str>>(position: &str, parts: &[S]) -> String {
    let mut bytes = Vec::with_capacity(1 + CHECKSUM_BYTES + position.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&checksum(position, parts));
    bytes.extend_from_slice(position.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position that a cursor holds, if it is one of the list that these parts tell from others.
pub(crate) fn open_for<S: AsRef<str>>(cursor: &str, parts: &[S]) -> Option<String> {
    if cursor.len() > MAX_CURSOR_CHARS {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (sum, position) = rest.split_at_checked(CHECKSUM_BYTES)?;
    let position = std::str::from_utf8(position).ok()?;
    (*version == VERSION && *sum == checksum(position, parts)).then(|| position.to_owned())
}

fn checksum<S: AsRef<str>>(position: &str, parts: &[S]) -> [u8; CHECKSUM_BYTES] {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part("cadastre cursor");
    for text in parts {
        part(text.as_ref());
    }
    part(position);
    let digest: [u8; 32] = hash.finalize().into();
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const KNOWN: &[&str] = &["limit", "cursor", "tags", "prefix"];
    const PATH: &str = "/api/v1/addressspaces/0190a0a0-0000-7000-8000-000000000001/ips";

    fn cursor_in(link: &HeaderValue) -> String {
        let text = link.to_str().unwrap();
        text.split("cursor=")
            .nth(1)
            .unwrap()
            .strip_suffix(">; rel=\"next\"")
            .unwrap()
            .to_owned()
    }

    fn page(path: &str, query: &str) -> Result<PageRequest, ApiError> {
        let query = Query::parse(query, KNOWN)?;
        Pager::new(path, &query, None).map(|pager| pager.page)
    }

    #[test]
    fn following_the_link_continues_the_list_and_keeps_the_other_parameters() {
        let query = Query::parse("limit=7&tags=a%3Db%2Cc%3D%22x%22", KNOWN).unwrap();
        let link = Pager::new(PATH, &query, None)
            .unwrap()
            .next_link("10.0.0.0/8")
            .unwrap();
        let text = link.to_str().unwrap();
        assert!(
            text.starts_with(&format!("<{PATH}?limit=7&tags=a%3Db%2Cc%3D%22x%22&cursor=")),
            "{text}"
        );

        let target = text
            .split('?')
            .nth(1)
            .unwrap()
            .strip_suffix(">; rel=\"next\"")
            .unwrap();
        let next = page(PATH, target).unwrap();
        assert_eq!((next.limit, next.after.as_deref()), (7, Some("10.0.0.0/8")));
    }

    #[test]
    fn a_cursor_belongs_to_its_list_and_filters_but_not_to_its_page_size() {
        let query = Query::parse("tags=a%3D1&limit=5", KNOWN).unwrap();
        let cursor = cursor_in(&Pager::new(PATH, &query, None).unwrap().next_link("x").unwrap());
        assert!(page(PATH, &format!("limit=9&cursor={cursor}&tags=a%3d1")).is_ok());
        for (path, text) in [
            (PATH, format!("cursor={cursor}")),
            (PATH, format!("cursor={cursor}&tags=a%3D2")),
            (PATH, format!("cursor={cursor}&prefix=a%3D1")),
            ("/api/v1/other", format!("cursor={cursor}&tags=a%3D1")),
        ] {
            assert_eq!(
                page(path, &text).unwrap_err().code,
                ErrorCode::InvalidCursor,
                "{text}"
            );
        }
    }

    #[test]
    fn a_cursor_belongs_to_the_space_that_a_header_named() {
        let query = Query::default();
        let pool = "/api/v1/ip-management/pools";
        let cursor = cursor_in(
            &Pager::new(pool, &query, Some("a"))
                .unwrap()
                .next_link("x")
                .unwrap(),
        );
        assert!(open(&cursor, pool, &query, Some("a")).is_some());
        assert!(
            open(&cursor, pool, &query, Some("b")).is_none() && open(&cursor, pool, &query, None).is_none()
        );
    }

    #[test]
    fn an_empty_or_invented_cursor_is_refused() {
        for cursor in ["", "abc", "AQ", "%F0%9F%92%A5", &"A".repeat(10_000)] {
            assert_eq!(
                page(PATH, &format!("cursor={cursor}")).unwrap_err().code,
                ErrorCode::InvalidCursor
            );
        }
    }

    proptest! {
        #[test]
        fn any_change_of_a_cursor_is_noticed(position in "\\PC{0,40}", at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
            let query = Query::default();
            let cursor = seal(&position, PATH, &query, None);
            prop_assert_eq!(open(&cursor, PATH, &query, None), Some(position));
            let at = at.index(cursor.len());
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(open(&changed, PATH, &query, None).is_some(), changed == cursor);
            prop_assert_eq!(open(&cursor[..at], PATH, &query, None), None);
            prop_assert_eq!(open(&format!("{cursor}{to}"), PATH, &query, None), None);
        }

        #[test]
        fn any_text_as_a_cursor_is_a_400_and_never_a_panic(text in ".{0,80}") {
            prop_assert_eq!(open(&text, PATH, &Query::default(), None), None);
        }

        #[test]
        fn a_link_is_a_legal_header_whatever_the_parameters(value in ".{0,60}", path in "/[!-~é]{0,30}") {
            let encoded = utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string();
            let text = format!("tags={encoded}");
            let query = Query::parse(&text, KNOWN).unwrap();
            let link = Pager::new(&path, &query, None).unwrap().next_link("p").unwrap();
            let link = link.to_str().unwrap();
            prop_assert_eq!(link.matches(['<', '>']).count(), 2);
            prop_assert_eq!(link.matches('"').count(), 2);
        }
    }
}
