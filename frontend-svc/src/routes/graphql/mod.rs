//! `/graphql`: GraphQL over HTTP (the working draft of the GraphQL foundation), streams as server-sent events
//! (graphql-sse, distinct connections mode), and a page to try it for people with a browser.

mod console;
mod events;

use std::sync::Arc;

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, ServerError};
use cadastre_api_types::{ApiError, ErrorCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::graphql::{
    Asked, Completion, Document, Recheck, SCHEMA, Session, is_request_error, refusal, shown,
};
use crate::http::authorized::{Authorized, authorize};
use crate::http::error::HttpError;
use crate::http::query::{Query, invalid};
use crate::http::request_info::RequestInfo;
use crate::http::wording::cut;
use crate::http::{body, called_space, sse};
use crate::openapi::params::GraphqlParams;
use crate::state::FrontendState;

type State = web::Data<FrontendState>;

/// Media type of an answer whose status says whether the document was run.
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

/// Runs a query of GraphQL, or follows a subscription.
///
/// A browser gets a page to try GraphQL, for which no token is needed. Everybody else sends `query`; mutations are for
/// `POST`. With `Accept: text/event-stream` the answer is a stream: `next` events, then `complete`.
#[utoipa::path(
    get,
    path = "/graphql",
    operation_id = "queryGraphql",
    tag = "GraphQL",
    params(GraphqlParams),
    responses((
        status = 200,
        description = "What was asked for. What could not be answered is in `errors`, with the `code` of an error in \
                       `extensions`, and `null` in `data`.",
        content(
            (Object = "application/json", example = json!({ "data": { "ipPools": [] } })),
            (Object = "application/graphql-response+json", example = json!({ "data": { "ipPools": [] } })),
            (String = "text/event-stream", example = json!("event: next\ndata: {\"data\":{}}\n\nevent: complete\ndata:\n\n")),
            (String = "text/html"),
        ),
    ),
        (status = 400, description = "A document that was not run. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
        (status = 404, description = "The address space is none that the caller may know of. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
        (status = 503, description = "The store is away. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
    ),
)]
pub(crate) async fn get(state: State, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    if console::is_wanted(&request) {
        return Ok(console::page());
    }
    let caller = authorize(&request).await?;
    let asked = match in_query(&request) {
        Ok(asked) => asked,
        Err(error) => return Ok(refused(&request, &[refusal(error)])),
    };
    answer(&caller, &state, &request, asked).await
}

/// Runs an operation of GraphQL: a query, a mutation, or a subscription that is followed.
///
/// The schema is in `docs/schema.graphql`, and callers may ask for it by introspection. With `Accept: text/event-stream`
/// the answer is a stream: `next` events, then `complete`.
#[utoipa::path(
    post,
    path = "/graphql",
    operation_id = "runGraphql",
    tag = "GraphQL",
    request_body(content = Asked, example = json!({ "query": "{ ipPools { poolName availableCount } }" })),
    responses((
        status = 200,
        description = "What was asked for. What could not be answered is in `errors`, with the `code` of an error in \
                       `extensions`, and `null` in `data`. A document that was not run at all is a 400 with `errors`.",
        content(
            (Object = "application/json", example = json!({ "data": { "ipPools": [] } })),
            (Object = "application/graphql-response+json", example = json!({ "data": { "ipPools": [] } })),
            (String = "text/event-stream", example = json!("event: next\ndata: {\"data\":{}}\n\nevent: complete\ndata:\n\n")),
        ),
    ),
        (status = 400, description = "A document that was not run. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
        (status = 404, description = "The address space is none that the caller may know of. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
        (status = 408, description = "The body did not arrive in time. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
        (status = 409, description = "Others were faster. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
        (status = 413, description = "The body is too large. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
        (status = 415, description = "The body is not JSON. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
        (status = 503, description = "The store is away. In `errors`.", content((Object = "application/json"), (Object = "application/graphql-response+json"))),
    ),
)]
pub(crate) async fn post(
    caller: Authorized,
    state: State,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, HttpError> {
    match in_body(&request, payload).await {
        Ok(asked) => answer(&caller, &state, &request, asked).await,
        Err(error) => Ok(refused(&request, &[refusal(error)])),
    }
}

/// What the body of a request asks for.
async fn in_body(request: &HttpRequest, payload: web::Payload) -> Result<Asked, ApiError> {
    Query::parse(request.query_string(), &[called_space::PARAMETER])?;
    if let Some(bytes) = body::taken(request) {
        let is_batch = bytes.trim_ascii_start().starts_with(b"[");
        body::leave(request, bytes);
        if is_batch {
            return Err(ApiError::new(
                ErrorCode::MalformedRequest,
                "The body is an array: several operations in one request are not taken. Send one object with `query`; one \
                 document may ask for several fields at once.",
            ));
        }
    }
    body::read::<Asked>(request, payload).await.map(|body| body.value)
}

/// What the query string of a request asks for.
fn in_query(request: &HttpRequest) -> Result<Asked, ApiError> {
    let known = [
        "query",
        "operationName",
        "variables",
        "extensions",
        called_space::PARAMETER,
    ];
    let query = Query::parse(request.query_string(), &known)?;
    let object = |name: &str| -> Result<Option<Map<String, Value>>, ApiError> {
        let Some(text) = query.text(name) else {
            return Ok(None);
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            let why = cut(&error.to_string(), 200);
            invalid(
                name,
                format!("`{name}` must be an object of JSON, percent-encoded: {why}."),
            )
        })
    };
    let document = query.text("query").ok_or_else(|| {
        let message = "`query` is missing: send a document of GraphQL, percent-encoded, or POST it as JSON.";
        invalid("query", message.to_owned())
    })?;
    Ok(Asked {
        query: document,
        operation_name: query.text("operationName"),
        variables: object("variables")?,
        extensions: object("extensions")?,
    })
}

/// Runs what is asked for.
async fn answer(
    caller: &Authorized,
    state: &State,
    request: &HttpRequest,
    asked: Asked,
) -> Result<HttpResponse, HttpError> {
    let (document, named) =
        match Document::read(asked).map(|document| (document, called_space::named(request))) {
            Ok((document, Ok(named))) => (document, named),
            Ok((_, Err(error))) => return Ok(refused(request, &[refusal(error)])),
            Err(error) => return Ok(refused(request, &[error])),
        };
    let streams = sse::is_wanted(request);
    match document.kind {
        OperationType::Mutation if request.method() != Method::POST => {
            return Err(HttpError::new(
                ErrorCode::MethodNotAllowed,
                "A mutation changes something; send it with POST.",
            ));
        }
        OperationType::Subscription if !streams => {
            return Ok(refused(
                request,
                &[refusal(ApiError::new(
                    ErrorCode::InvalidQuery,
                    "A subscription is answered as a stream of events; send Accept: text/event-stream.",
                ))],
            ));
        }
        OperationType::Query | OperationType::Mutation | OperationType::Subscription => {}
    }
    let (recheck, asks) = Recheck::new();
    let session = Arc::new(Session::new(
        Arc::clone(&caller.account),
        caller.request.correlation_id.clone(),
        Arc::clone(state),
        named,
        Some(recheck),
    ));
    let completion = document.completion.clone();
    let run: Request = document.on_behalf_of(&session);
    if streams {
        return Ok(events::stream(request, state, session, completion, run, asks));
    }
    let response = SCHEMA.execute(run).await;
    Ok(respond(request, &session, &completion, response))
}

/// An answer that is not a stream.
fn respond(
    request: &HttpRequest,
    session: &Session,
    completion: &Completion,
    response: Response,
) -> HttpResponse {
    if is_request_error(&response) {
        return refused(request, &response.errors);
    }
    let text = written(
        session,
        completion,
        response,
        &RequestInfo::of(request).correlation_id,
    );
    as_json(request, StatusCode::OK, text)
}

/// The body of an answer.
#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Value>,
    /// As the library has it, which keeps the order of its fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<async_graphql::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Value>,
}

/// An answer as JSON on one line.
fn written(session: &Session, completion: &Completion, response: Response, correlation_id: &str) -> String {
    let errors = (!response.errors.is_empty()).then(|| shown(&response.errors, correlation_id));
    let was_run = !is_request_error(&response);
    let body = Body {
        errors,
        data: was_run.then(|| completion.complete(response).data),
        extensions: session.said(),
    };
    serde_json::to_string(&body).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer of GraphQL cannot be written as JSON");
        json!({ "errors": [{ "message": "A fault of the server. Its log has more under the correlation id." }] }).to_string()
    })
}

/// The answer to what was not run.
fn refused(request: &HttpRequest, errors: &[ServerError]) -> HttpResponse {
    let status = errors.first().and_then(|error| error.source::<ApiError>());
    let status = status.map_or(400, |error| error.code.status());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let correlation_id = RequestInfo::of(request).correlation_id;
    as_json(
        request,
        status,
        json!({ "errors": shown(errors, &correlation_id) }).to_string(),
    )
}

/// JSON under the media type that the client understands.
fn as_json(request: &HttpRequest, status: StatusCode, text: String) -> HttpResponse {
    let accepted = request.headers().get_all(header::ACCEPT);
    let modern = accepted
        .filter_map(|line| line.to_str().ok())
        .any(|line| line.contains(GRAPHQL_RESPONSE));
    let media = if modern {
        GRAPHQL_RESPONSE
    } else {
        "application/json"
    };
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, media))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text)
}
