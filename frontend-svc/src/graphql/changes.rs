//! How a field that writes is asked for: where, and under which idempotency key.

use std::sync::Arc;

use async_graphql::Context;
use cadastre_api_types::ApiError;
use cadastre_api_types::internal::MutationOptions;
use serde_json::{Map, Value};

use super::session::{InSpace, Session};
use crate::http::json::write_canonical;
use crate::http::preconditions::{is_key, remembered_as};
use crate::http::query::{Query, invalid};
use crate::http::reply::unexpected;
use crate::http::wording::echo;
use crate::isp::Outcome;

/// Arguments that say how, not what.
const HOW: [&str; 2] = ["addressSpace", "idempotencyKey"];

/// A field that writes.
pub(super) struct Change {
    /// Where.
    pub(super) at: Arc<InSpace>,
    /// How.
    pub(super) options: MutationOptions,
}

impl Change {
    /// Reads where and how.
    ///
    /// # Errors
    /// `400` for a key that is none, and as [`Session::fresh`].
    pub(super) async fn of(
        context: &Context<'_>,
        address_space: Option<String>,
        key: Option<String>,
    ) -> Result<Self, ApiError> {
        let at = Session::of(context)?.fresh(address_space.as_deref()).await?;
        let idempotency = key.map(|key| {
            if !is_key(&key) {
                return Err(invalid(
                    "idempotencyKey",
                    format!(
                        "`idempotencyKey` is `{}`; send 1 to 255 visible ASCII characters without spaces, such as a UUID.",
                        echo(&key)
                    ),
                ));
            }
            let user = &at.caller.account.name;
            let field = context.field().name();
            // Salted, because there may be a secret in it.
            let salted = [key.as_bytes(), b"\n", &sent(context)?].concat();
            Ok(remembered_as(&key, user, "MUTATION", field, &Query::default(), &salted))
        });
        Ok(Self {
            options: MutationOptions {
                idempotency: idempotency.transpose()?,
                ..MutationOptions::default()
            },
            at,
        })
    }
}

/// What a field was sent, in one form for all ways to write it.
fn sent(context: &Context<'_>) -> Result<Vec<u8>, ApiError> {
    let unreadable = || unexpected("arguments that cannot be read again");
    let mut arguments = Map::new();
    for (name, value) in context.field().arguments().map_err(|_| unreadable())? {
        if !HOW.contains(&name.as_str()) {
            let value = value.into_json().map_err(|_| unreadable())?;
            arguments.insert(name.to_string(), value);
        }
    }
    let mut bytes = Vec::new();
    write_canonical(&Value::Object(arguments), &mut bytes);
    Ok(bytes)
}

/// What is there after a change. A change of GraphQL is never only planned.
///
/// # Errors
/// `500` for a plan.
pub(super) fn done<T>(outcome: Outcome<T>) -> Result<T, ApiError> {
    match outcome {
        Outcome::Done(done) => Ok(done.value),
        Outcome::Planned(_) => Err(unexpected("a plan instead of a change")),
    }
}
