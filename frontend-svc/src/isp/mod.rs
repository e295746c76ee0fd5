//! The provider's side: pools, reservations, subscribers and what goes with them, as a service that REST and GraphQL
//! share (DESIGN §7).
//!
//! A function here takes an [`IspCaller`] and bodies of the public API, checks the permission that it needs, turns the
//! body into a command or a question of the data access layer, and turns the answer back. It knows nothing of HTTP.

mod caller;
pub(crate) mod conflicts;
mod forecast;
mod outcome;
pub(crate) mod space;
pub(crate) mod wire;

pub(crate) mod addressing;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod costs;
pub(crate) mod outbox;
pub(crate) mod plans;
pub(crate) mod policy;
pub(crate) mod pools;
pub(crate) mod profiles;
pub(crate) mod reservations;
pub(crate) mod stats;
pub(crate) mod subscribers;
pub(crate) mod templates;
pub(crate) mod use_cases;
pub(crate) mod vlans;
pub(crate) mod webhooks;

use cadastre_api_types::public::isp::WriteOnly;
use cadastre_api_types::{ApiError, ErrorCode};
use cadastre_domain::isp::SealedSecret;
use serde_json::json;

pub(crate) use caller::{IspCaller, attempts, contention};
pub(crate) use forecast::forecast_of;
pub(crate) use outcome::{Done, Outcome, Part};

impl IspCaller {
    /// Seals a secret of a body: `None` = it was not sent, `Some(None)` = it is to be removed.
    ///
    /// # Errors
    /// `400 InvalidValue` for one that is empty or too long, or if this server keeps no secrets.
    fn sealed(
        &self,
        field: &'static str,
        context: &str,
        sent: Option<Option<WriteOnly>>,
    ) -> Result<Option<Option<SealedSecret>>, ApiError> {
        let secret = match sent {
            None => return Ok(None),
            Some(None) => return Ok(Some(None)),
            Some(Some(secret)) => secret,
        };
        let refused = |message: String| {
            ApiError::new(ErrorCode::InvalidValue, message).with_details(json!({ "field": field }))
        };
        let length = secret.reveal().len();
        if length == 0 || length > MAX_SECRET_BYTES {
            return Err(refused(format!(
                "`{field}` has {length} bytes; it has from 1 to {MAX_SECRET_BYTES}. Send null to remove it."
            )));
        }
        let sealed = self.state.secrets.seal(context, secret.reveal().as_bytes())?;
        Ok(Some(Some(sealed)))
    }
}

/// Longest secret; a RADIUS password has at most 128 bytes (RFC 2865 §5.2), a webhook's secret may be longer.
const MAX_SECRET_BYTES: usize = 256;

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::IspCaller;
    use crate::testing::Server;

    /// A system administrator in a space of a server with nothing.
    pub(crate) async fn caller() -> IspCaller {
        caller_of(&Server::new().await)
    }

    /// The same of a server that is looked at.
    pub(crate) fn caller_of(server: &Server) -> IspCaller {
        IspCaller {
            account: server.access.account("admin").unwrap(),
            space: server.access.add_space(),
            correlation_id: "test".to_owned(),
            state: Arc::clone(&server.state),
        }
    }

    fn plan() -> cadastre_api_types::public::isp::AddressingPlanRequest {
        serde_json::from_value(crate::openapi::addressing_examples::request()).unwrap()
    }

    /// Compiles only if the future may go from thread to thread, as those of GraphQL do.
    fn moves<F: Future + Send>(_: F) {}

    #[actix_web::test]
    async fn calls_of_the_service_can_be_made_from_any_thread() {
        let caller = caller().await;
        let options = cadastre_api_types::internal::MutationOptions::default();
        let id = uuid::Uuid::nil();
        moves(super::pools::get(&caller, id));
        moves(super::reservations::assign(&caller, id, options.clone()));
        moves(super::policy::put(&caller, Default::default(), options.clone()));
        moves(super::stats::of_space(&caller));
        moves(super::addressing::apply(&caller, plan(), options));
        moves(super::addressing::preview(&caller, plan()));
        moves(super::conflicts::standing(
            &caller,
            cadastre_api_types::internal::PageRequest {
                limit: 1,
                after: None,
            },
        ));
    }
}
