//! Errors as GraphQL shows them: what REST has in its body stands in `extensions`.

use std::sync::Arc;

use async_graphql::{Response, ServerError};
use cadastre_api_types::{ApiError, ErrorCode};
use serde_json::{Map, Value, json};

use crate::http::wording::{cut, ended};

/// Longest text of the library that is shown: it repeats what the client sent.
const MOST_CHARS: usize = 400;

/// An error of ours where the library has its own.
pub(crate) fn refusal(error: ApiError) -> ServerError {
    let mut refused = ServerError::new(error.message.clone(), None);
    refused.source = Some(Arc::new(error));
    refused
}

/// Whether nothing was run: the document is wrong, not what it led to.
pub(crate) fn is_request_error(response: &Response) -> bool {
    !response.errors.is_empty() && response.errors.iter().all(|error| error.path.is_empty())
}

/// Mistakes of a document that are told.
const MOST_MISTAKES: usize = 20;

/// Errors as clients see them; of the mistakes of a document that was not run only the first.
pub(crate) fn shown(errors: &[ServerError], correlation_id: &str) -> Value {
    let is_mistake = |error: &&ServerError| error.path.is_empty();
    let mistakes = errors.iter().filter(is_mistake).count();
    let told = errors.iter().filter(|error| !is_mistake(error));
    let told = told.chain(errors.iter().filter(is_mistake).take(MOST_MISTAKES));
    let mut shown: Vec<Value> = told.map(|error| one(error, correlation_id)).collect();
    if let Some(more) = mistakes.checked_sub(MOST_MISTAKES).filter(|more| *more > 0) {
        let message = format!("{more} more mistakes of this document are left out; mend the first ones.");
        let left_out = ServerError::new(message, None);
        shown.push(one(&left_out, correlation_id));
    }
    Value::Array(shown)
}

fn one(error: &ServerError, correlation_id: &str) -> Value {
    let ours = match error.source::<ApiError>() {
        Some(ours) => ours.clone(),
        // The grammar of GraphQL, the schema, and values that do not fit their types.
        None => ApiError::new(ErrorCode::InvalidQuery, ended(cut(&error.message, MOST_CHARS))),
    };
    if ours.code.status() >= 500 {
        tracing::error!(
            correlation_id,
            code = ours.code.as_str(),
            message = %ours.message,
            "a field of GraphQL failed"
        );
    }
    let mut extensions = Map::new();
    extensions.insert("code".to_owned(), json!(ours.code));
    extensions.insert("status".to_owned(), json!(ours.code.status()));
    extensions.insert("correlationId".to_owned(), json!(correlation_id));
    if let Some(details) = ours.details {
        extensions.insert("details".to_owned(), details);
    }
    if let Some(seconds) = ours.retry_after {
        extensions.insert("retryAfter".to_owned(), json!(seconds));
    }
    let mut shown = json!({ "message": ours.message, "extensions": extensions });
    if !error.locations.is_empty() {
        shown["locations"] = json!(error.locations);
    }
    if !error.path.is_empty() {
        shown["path"] = json!(error.path);
    }
    shown
}
