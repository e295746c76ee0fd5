//! Bodies of requests: read within a limit, parsed strictly, unknown fields refused by name, and every error
//! said in terms of the field that caused it.
//!
//! Handlers call [`read`] themselves, after authorisation: nobody learns what is wrong with a body before they
//! have proven who they are. The bytes are collected while the caller is authorised, so that a caller who lets
//! the server wait for them can be authorised again when they are there.

use std::any::type_name;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use cadastre_api_types::{ApiError, ErrorCode};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::body_error;
use super::json::{fields_of, kind, parse, write_canonical};
use super::wording::{did_you_mean, echo, listed};

/// Most bytes that a body may have.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// Longest time that a body may take to arrive: a client that trickles must not hold a connection for ever.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// A body that is there within this time was sent along with its request.
const NOT_WAITED: Duration = Duration::from_millis(20);

/// A body that has been read and checked.
#[derive(Debug)]
pub(crate) struct Body<T> {
    /// As its type.
    pub(crate) value: T,
    tree: Value,
}

impl<T> Body<T> {
    /// Whether a field was sent as `null`, which its type may not tell from absence.
    pub(crate) fn sent_null(&self, field: &str) -> bool {
        self.tree.get(field).is_some_and(Value::is_null)
    }

    /// One form for all bodies that mean the same.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_canonical(&self.tree, &mut out);
        out
    }
}

/// Reads the body of a request as JSON of a type.
///
/// # Errors
/// `400 MalformedRequest` or `UnknownField`, `413 PayloadTooLarge`, `415 UnsupportedMediaType`.
pub(crate) async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Body<T>, ApiError> {
    let declared = content_type(request)?;
    let bytes = match taken(request) {
        Some(bytes) => bytes,
        None => collect(request, payload.into_inner()).await?.bytes,
    };
    if !bytes.is_empty() && !declared {
        return Err(wrong_media_type("has no Content-Type"));
    }
    from_bytes(&bytes)
}

/// Reads the body of a call that may do without: none is like an empty object.
///
/// # Errors
/// As [`read`].
pub(crate) async fn optional<T: DeserializeOwned + Default>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Body<T>, ApiError> {
    let bytes = match taken(request) {
        Some(bytes) => bytes,
        None => collect(request, payload.into_inner()).await?.bytes,
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Body {
            value: T::default(),
            tree: Value::Object(Map::new()),
        });
    }
    if !content_type(request)? {
        return Err(wrong_media_type("has no Content-Type"));
    }
    from_bytes(&bytes)
}

/// Checks the body of a call that needs none: there is none, or an empty object.
///
/// # Errors
/// `400 MalformedRequest` or `UnknownField`, `413 PayloadTooLarge`, `415 UnsupportedMediaType`.
pub(crate) async fn none(request: &HttpRequest, payload: web::Payload) -> Result<Body<()>, ApiError> {
    let bytes = match taken(request) {
        Some(bytes) => bytes,
        None => collect(request, payload.into_inner()).await?.bytes,
    };
    let nothing = Body {
        value: (),
        tree: Value::Object(Map::new()),
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(nothing);
    }
    if !content_type(request)? {
        return Err(wrong_media_type("has no Content-Type"));
    }
    let tree = parse(&bytes)?;
    let Value::Object(object) = &tree else {
        return Err(malformed(format!(
            "The body is {}; this call needs none. Leave it out, or send {{}}.",
            kind(&tree)
        )));
    };
    match object.keys().next() {
        None => Ok(nothing),
        Some(unknown) => Err(ApiError::new(
            ErrorCode::UnknownField,
            format!(
                "This call needs no body, and this one has the field `{}`. Leave it out, or send {{}}.",
                echo(unknown)
            ),
        )
        .with_details(json!({ "field": echo(unknown), "known": [] }))),
    }
}

/// Reads a body of a type from bytes that are there already.
///
/// # Errors
/// `400 MalformedRequest` or `UnknownField`.
pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, ApiError> {
    let fields = fields_of::<T>();
    debug_assert!(!fields.is_empty(), "{} is not a struct", type_name::<T>());
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(malformed(format!(
            "The body is empty. Send a JSON object (Content-Type: application/json); its fields are {}.",
            listed(fields)
        )));
    }
    let tree = parse(bytes)?;
    let Value::Object(object) = &tree else {
        return Err(malformed(format!(
            "The body is {}; send a JSON object, whose fields are {}.",
            kind(&tree),
            listed(fields)
        )));
    };
    refuse_unknown_fields(object, fields)?;
    match serde_path_to_error::deserialize(&tree) {
        Ok(value) => Ok(Body { value, tree }),
        Err(error) => Err(body_error::describe(
            &tree,
            &error.path().to_string(),
            &error.inner().to_string(),
        )),
    }
}

fn refuse_unknown_fields(
    object: &Map<String, Value>,
    fields: &'static [&'static str],
) -> Result<(), ApiError> {
    let Some(unknown) = object.keys().find(|key| !fields.contains(&key.as_str())) else {
        return Ok(());
    };
    Err(body_error::unknown_field(
        unknown,
        did_you_mean(unknown, fields),
        fields,
    ))
}

/// Whether the request says that its body is JSON; an error if it says something else.
fn content_type(request: &HttpRequest) -> Result<bool, ApiError> {
    if let Some(encoding) = request.headers().get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(wrong_media_type("is compressed (Content-Encoding)"));
    }
    let Some(declared) = request.headers().get(CONTENT_TYPE) else {
        return Ok(false);
    };
    let text = declared.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(true)
    } else {
        Err(wrong_media_type(&format!(
            "has the Content-Type `{}`",
            echo(essence)
        )))
    }
}

/// A body that was read before its handler ran.
struct Early(Bytes);

/// Leaves a body for [`read`].
pub(crate) fn leave(request: &HttpRequest, bytes: Bytes) {
    request.extensions_mut().insert(Early(bytes));
}

/// The body that was left, once.
pub(crate) fn taken(request: &HttpRequest) -> Option<Bytes> {
    request
        .extensions_mut()
        .remove::<Early>()
        .map(|Early(bytes)| bytes)
}

/// A body, and whether its client let us wait for it.
pub(crate) struct Collected {
    pub(crate) bytes: Bytes,
    pub(crate) waited: bool,
}

/// Reads a body within [`BODY_LIMIT`] and [`BODY_DEADLINE`].
///
/// # Errors
/// `400 MalformedRequest`, `408 RequestTimeout`, `413 PayloadTooLarge`.
pub(crate) async fn collect(request: &HttpRequest, payload: Payload) -> Result<Collected, ApiError> {
    let started = Instant::now();
    let bytes = tokio::time::timeout(BODY_DEADLINE, collect_all(request, payload))
        .await
        .map_err(|_| {
            ApiError::new(
                ErrorCode::RequestTimeout,
                format!(
                    "The body did not arrive within {} s; send the request again.",
                    BODY_DEADLINE.as_secs()
                ),
            )
        })??;
    Ok(Collected {
        bytes,
        waited: started.elapsed() > NOT_WAITED,
    })
}

async fn collect_all(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, ApiError> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > BODY_LIMIT as u64) {
        return Err(too_large());
    }
    let mut first: Option<Bytes> = None;
    let mut rest: Option<BytesMut> = None;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            tracing::debug!(%error, "a body could not be read to its end");
            malformed("The body broke off before its end; send the request again.".to_owned())
        })?;
        // Nearly every body comes in one piece, which then needs no copy.
        let Some(head) = &first else {
            if chunk.len() > BODY_LIMIT {
                return Err(too_large());
            }
            first = Some(chunk);
            continue;
        };
        let whole = rest.get_or_insert_with(|| BytesMut::from(&head[..]));
        if whole.len() + chunk.len() > BODY_LIMIT {
            return Err(too_large());
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(rest.map(BytesMut::freeze).or(first).unwrap_or_default())
}

fn malformed(message: String) -> ApiError {
    ApiError::new(ErrorCode::MalformedRequest, message)
}

fn wrong_media_type(what: &str) -> ApiError {
    ApiError::new(
        ErrorCode::UnsupportedMediaType,
        format!("The body {what}; send plain JSON with Content-Type: application/json."),
    )
}

fn too_large() -> ApiError {
    ApiError::new(
        ErrorCode::PayloadTooLarge,
        format!("The body is larger than {BODY_LIMIT} bytes (1 MiB); send it in smaller parts."),
    )
    .with_details(json!({ "limit": BODY_LIMIT }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::FromRequest;
    use actix_web::test::TestRequest;
    use cadastre_api_types::public::{AddressSpaceCreate, IpCreate, IpUpdate, TagWrite};
    use proptest::prelude::*;

    fn error<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> ApiError {
        from_bytes::<T>(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_unknown_field_is_refused_by_name_with_the_known_ones_and_what_was_meant() {
        let error = error::<IpCreate>(r#"{"prefix":"10.0.0.0/8","tag":{}}"#);
        assert_eq!(error.code, ErrorCode::UnknownField);
        assert_eq!(
            error.message,
            "`tag` is not a field of this body; did you mean `tags`? Its fields are `prefix`, `parentId`, `tags`, \
             `description`."
        );
        assert_eq!(
            error.details,
            Some(
                json!({ "field": "tag", "didYouMean": "tags", "known": ["prefix", "parentId", "tags", "description"] })
            )
        );
    }

    #[test]
    fn a_missing_field_is_named() {
        let error = error::<AddressSpaceCreate>("{}");
        assert_eq!(error.code, ErrorCode::MalformedRequest);
        assert_eq!(error.message, "`name` is missing; it is required.");
    }

    #[test]
    fn a_wrong_type_names_the_field_even_deep_inside() {
        let shallow = error::<AddressSpaceCreate>(r#"{"name":5}"#);
        assert_eq!(shallow.message, "`name` is a number; it must be a string.");
        let deep = error::<TagWrite>(r#"{"type":"Inheritable","implies":{"Region":{"AMS05":["x"]}}}"#);
        assert_eq!(
            deep.message,
            "`implies.Region.AMS05` is an array; it must be a string."
        );
        let map = error::<IpCreate>(r#"{"prefix":"10.0.0.0/8","tags":null}"#);
        assert_eq!(map.message, "`tags` is null; it must be an object.");
        assert_eq!(map.details, Some(json!({ "field": "tags" })));
    }

    #[test]
    fn a_word_outside_its_list_is_answered_with_the_list() {
        let error = error::<TagWrite>(r#"{"name":"Region","type":"inheritable"}"#);
        assert_eq!(
            error.message,
            "`type` has the unknown value `inheritable`; it must be one of `Inheritable`, `NonInheritable`."
        );
    }

    #[test]
    fn ids_and_times_in_a_body_are_checked_and_long_input_is_not_repeated() {
        let id = error::<IpCreate>(r#"{"prefix":"10.0.0.0/8","parentId":"nope"}"#);
        assert!(
            id.message.starts_with("`parentId` is `nope`, which is no id"),
            "{}",
            id.message
        );
        let time = error::<IpUpdate>(&format!(r#"{{"tags":{{}},"createdOn":"{}"}}"#, "z".repeat(5000)));
        assert!(time.message.starts_with("`createdOn`"), "{}", time.message);
        assert!(time.message.len() < 300, "{}", time.message);
    }

    #[test]
    fn an_empty_body_and_one_that_is_no_object_are_answered_with_a_hint() {
        assert!(
            error::<IpCreate>("  \n")
                .message
                .contains("its fields are `prefix`")
        );
        assert!(
            error::<IpCreate>("[]")
                .message
                .starts_with("The body is an array; send a JSON object")
        );
    }

    #[test]
    fn null_and_absence_can_be_told_apart() {
        let body = from_bytes::<IpCreate>(br#"{"prefix":"10.0.0.0/8","parentId":null}"#).unwrap();
        assert!(body.sent_null("parentId") && !body.sent_null("prefix") && !body.sent_null("tags"));
    }

    async fn over_http(request: TestRequest) -> Result<Body<AddressSpaceCreate>, ApiError> {
        let (request, mut payload) = request.to_http_parts();
        let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
        read(&request, payload).await
    }

    #[actix_web::test]
    async fn only_json_is_taken_and_only_up_to_the_limit() {
        let json = || TestRequest::post().insert_header(("content-type", "application/json; charset=utf-8"));
        assert_eq!(
            over_http(json().set_payload(r#"{"name":"a"}"#))
                .await
                .unwrap()
                .value
                .name,
            "a"
        );

        let form = TestRequest::post()
            .insert_header(("content-type", "text/plain"))
            .set_payload("{}");
        assert_eq!(
            over_http(form).await.unwrap_err().code,
            ErrorCode::UnsupportedMediaType
        );
        let silent = TestRequest::post().set_payload("{}");
        assert_eq!(
            over_http(silent).await.unwrap_err().code,
            ErrorCode::UnsupportedMediaType
        );
        let packed = json()
            .insert_header(("content-encoding", "gzip"))
            .set_payload("{}");
        assert_eq!(
            over_http(packed).await.unwrap_err().code,
            ErrorCode::UnsupportedMediaType
        );
        assert_eq!(
            over_http(TestRequest::post()).await.unwrap_err().code,
            ErrorCode::MalformedRequest
        );

        let large = json().set_payload(vec![b' '; BODY_LIMIT + 1]);
        assert_eq!(
            over_http(large).await.unwrap_err().code,
            ErrorCode::PayloadTooLarge
        );
        let fits = format!(r#"{{"name":"a"{}}}"#, " ".repeat(BODY_LIMIT - 12));
        assert_eq!(fits.len(), BODY_LIMIT);
        assert!(over_http(json().set_payload(fits)).await.is_ok());
    }

    fn never_panics<T: DeserializeOwned>(bytes: &[u8]) -> Result<(), TestCaseError> {
        if let Err(error) = from_bytes::<T>(bytes) {
            prop_assert_eq!(error.code.status(), 400);
            prop_assert!(error.message.chars().count() < 1000);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_body_or_a_400(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            never_panics::<TagWrite>(&bytes)?;
            never_panics::<IpUpdate>(&bytes)?;
        }

        #[test]
        fn any_object_gives_a_body_or_a_400(
            key in "name|type|implies|tags|createdOn|id|.{0,80}",
            value in "\"\\PC{0,80}\"|[0-9]{1,30}|null|true|\\[\\]|\\{\\}|\\{\"a\":\\{\"b\":1\\}\\}",
        ) {
            let text = format!("{{{}:{value}}}", serde_json::to_string(&key).unwrap());
            never_panics::<TagWrite>(text.as_bytes())?;
            never_panics::<IpUpdate>(text.as_bytes())?;
            never_panics::<IpCreate>(text.as_bytes())?;
        }
    }
}
