//! The client's half: [`DataAccess`] over HTTP against one or more data access services.
//!
//! The services share the partitions by rendezvous hashing (`rendezvous.rs`). A call that only reads is tried on
//! another service when one does not answer. A change is tried elsewhere only when the connection could not be made
//! at all, or the service says that it is leaving and has not done it: otherwise it may have happened, and the caller
//! is told so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cadastre_api_types::correlation::{CORRELATION_HEADER, SERVICE_TOKEN_HEADER};
use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode, data_access_calls};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rendezvous::Rendezvous;
use super::{BASE, Call};
use crate::secret::Secret;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No service was named.
    #[error("no data access service was named; give at least one URL such as http://127.0.0.1:8082")]
    NoService,
    /// Not a URL.
    #[error("{url} is not a URL of a data access service: {reason}")]
    BadUrl {
        /// What was given.
        url: String,
        /// Why not.
        reason: String,
    },
}

/// [`DataAccess`] over HTTP.
#[derive(Debug)]
pub struct HttpDataAccess {
    services: Rendezvous,
    token: Secret,
    client: reqwest::Client,
}

/// Whether a call changes something.
fn changes(call: &str) -> bool {
    matches!(
        call,
        "change_space" | "space_command" | "change_user" | "import_part" | "stop_import"
    )
}

impl HttpDataAccess {
    /// A client of these services (base URLs).
    pub fn new(
        urls: Vec<String>,
        service_token: Secret,
        client: reqwest::Client,
    ) -> Result<Self, ClientError> {
        if urls.is_empty() {
            return Err(ClientError::NoService);
        }
        let mut services = Vec::with_capacity(urls.len());
        for url in urls {
            let parsed = reqwest::Url::parse(&url).map_err(|error| ClientError::BadUrl {
                url: url.clone(),
                reason: error.to_string(),
            })?;
            if !matches!(parsed.scheme(), "http" | "https") {
                return Err(ClientError::BadUrl {
                    url,
                    reason: "it must begin with http:// or https://".to_owned(),
                });
            }
            services.push(url.trim_end_matches('/').to_owned());
        }
        Ok(Self {
            services: Rendezvous::new(services),
            token: service_token,
            client,
        })
    }

    async fn call<R, T>(&self, name: &'static str, context: &CallContext, request: &R) -> Result<T, ApiError>
    where
        R: Serialize + Routed + Sync,
        T: DeserializeOwned,
    {
        let body = serde_json::to_vec(&Call { context, request }).map_err(|error| {
            tracing::error!(%error, call = name, "a call cannot be written");
            ApiError::new(
                ErrorCode::Internal,
                "A fault of the server. Its log has more under the correlation id.",
            )
        })?;
        let mut last = None;
        let mut refusal = None;
        for service in self.services.order(request.partition()) {
            let sent = self
                .client
                .post(format!("{service}{BASE}/{name}"))
                .timeout(TIMEOUT)
                .header(SERVICE_TOKEN_HEADER, self.token.expose())
                .header(CORRELATION_HEADER, &context.correlation_id)
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body.clone())
                .send()
                .await;
            match sent {
                Ok(response) => match read(response).await {
                    // Nothing was done; the others may have been told the same token as we.
                    Ok(Err(error)) if error.code == ErrorCode::Unauthenticated => {
                        refusal = Some(strangers(service));
                    }
                    Ok(Err(error)) if is_leaving(&error) => {
                        self.services.is_away(service);
                        refusal = Some(error);
                    }
                    Ok(result) => return result,
                    Err(error) if changes(name) => return Err(unknown(name, &error)),
                    Err(error) => last = Some(error),
                },
                Err(error) if changes(name) && !error.is_connect() => return Err(unknown(name, &error)),
                Err(error) => {
                    if error.is_connect() {
                        self.services.is_away(service);
                    }
                    last = Some(error);
                }
            }
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        if let Some(error) = last {
            tracing::warn!(%error, call = name, "no data access service answers");
        }
        Err(ApiError::new(
            ErrorCode::StoreUnavailable,
            "The data access service does not answer. Nothing was changed by this request; send it again later.",
        )
        .with_retry_after(1))
    }
}

/// The refusal of a service with another token.
fn strangers(service: &str) -> ApiError {
    tracing::error!(service, "a data access service refuses our service token");
    ApiError::new(
        ErrorCode::StoreUnavailable,
        "A data access service refuses the service token of this frontend: CADASTRE_SERVICE_TOKEN must be the same in all \
         services. Nothing was changed by this request.",
    )
    .with_retry_after(5)
}

/// A service that ends, or that cannot begin yet, does nothing of what it is asked then.
fn is_leaving(error: &ApiError) -> bool {
    error.code == ErrorCode::Overloaded
        && error
            .details
            .as_ref()
            .is_some_and(|details| details["leaving"] == true)
}

async fn read<T: DeserializeOwned>(
    response: reqwest::Response,
) -> Result<Result<T, ApiError>, reqwest::Error> {
    if response.status().is_success() {
        return Ok(Ok(response.json().await?));
    }
    let status = response.status();
    let bytes = response.bytes().await?;
    // A service that still waits for its store answers in the form of the public API.
    let told = serde_json::from_slice::<ApiError>(&bytes).or_else(|error| {
        let body: serde_json::Value = serde_json::from_slice(&bytes)?;
        body.get("error")
            .map_or(Err(error), |inner| serde_json::from_value(inner.clone()))
    });
    Ok(Err(told.unwrap_or_else(|_| {
        tracing::error!(%status, "a data access service answered what is not ours");
        ApiError::new(
            ErrorCode::Internal,
            "A fault of the server. Its log has more under the correlation id.",
        )
    })))
}

fn unknown(call: &str, error: &reqwest::Error) -> ApiError {
    tracing::error!(%error, call, "the answer to a change was lost");
    ApiError::new(
        ErrorCode::StoreUnavailable,
        "The answer to this change was lost, so it may have been made. Read before sending it again, or send it again with \
         the same Idempotency-Key.",
    )
    .with_retry_after(2)
}

macro_rules! make_client {
    ($($name:ident($request:ty) -> $response:ty, $doc:literal;)+) => {
        #[async_trait]
        impl DataAccess for HttpDataAccess {
            $(
                async fn $name(&self, context: &CallContext, request: $request) -> Result<$response, ApiError> {
                    self.call(stringify!($name), context, &request).await
                }
            )+
        }
    };
}

data_access_calls!(make_client);
