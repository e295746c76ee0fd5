//! The client's half: [`DataAccess`] over HTTP against one or more data access services.
//!
//! The services share the partitions by rendezvous hashing (`rendezvous.rs`). A call that only reads is tried on
//! another service when one does not answer. A change is tried elsewhere only when the connection could not be made
//! at all, or the service says that it is leaving and has not done it: otherwise it may have happened, and the caller
//! is told so.
//!
//! A service may be silent, or wait for its store, and still take connections. So somebody looks after all of them
//! ([`HttpDataAccess::look_after`]); one that is found sick is asked last, and reads that wait for it go elsewhere.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cadastre_api_types::correlation::{CORRELATION_HEADER, SERVICE_TOKEN_HEADER};
use cadastre_api_types::internal::*;
use cadastre_api_types::{ApiError, ErrorCode, data_access_calls};
use cadastre_domain::Scope;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rendezvous::Rendezvous;
use super::{BASE, Call};
use crate::secret::Secret;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Between two looks at a service, and how long it may be silent then.
const LOOK: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_secs(2);

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
        "change_space" | "space_command" | "change_user" | "import_part" | "stop_import" | "claim_outbox"
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
        let changes = changes(name) && !request.is_dry_run();
        let mut last = None;
        let mut refusal = None;
        let order = self.services.order(request.partition());
        for (at, service) in order.iter().copied().enumerate() {
            let asked = self.ask(service, name, context, body.clone(), TIMEOUT);
            let sent = if changes || at + 1 == order.len() {
                asked.await
            } else {
                tokio::select! {
                    sent = asked => sent,
                    () = self.services.falls_sick(service) => continue,
                }
            };
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
                    Err(error) if changes => return Err(unknown(name, &error)),
                    Err(error) => last = Some(error),
                },
                Err(error) if changes && !error.is_connect() => return Err(unknown(name, &error)),
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
            tracing::warn!(
                error = full(&error),
                call = name,
                "no data access service answers"
            );
        }
        Err(ApiError::new(
            ErrorCode::StoreUnavailable,
            "The data access service does not answer. Nothing was changed by this request; send it again later.",
        )
        .with_retry_after(1))
    }

    async fn ask(
        &self,
        service: &str,
        call: &str,
        context: &CallContext,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<reqwest::Response, reqwest::Error> {
        self.client
            .post(format!("{service}{BASE}/{call}"))
            .timeout(timeout)
            .header(SERVICE_TOKEN_HEADER, self.token.expose())
            .header(CORRELATION_HEADER, &context.correlation_id)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
    }

    /// Looks after the services for as long as somebody uses this client: to be spawned once, beside it.
    pub fn look_after(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<> {
        let client = Arc::downgrade(self);
        async move {
            loop {
                let Some(client) = client.upgrade() else { return };
                let looks = client.services.all().map(|service| client.look(service));
                futures::future::join_all(looks).await;
                drop(client);
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// One look at one service.
    async fn look(&self, service: &str) {
        let sick = self.is_sick(service).await;
        if self.services.found(service, sick.is_none()) {
            match sick {
                None => tracing::info!(service, "a data access service is well again"),
                Some(reason) => {
                    tracing::warn!(service, %reason, "a data access service is set aside until it is well");
                }
            }
        }
    }

    /// Why a service should not be asked if there is another one; `None` = it is well.
    async fn is_sick(&self, service: &str) -> Option<String> {
        let context = CallContext {
            actor: "readiness".to_owned(),
            correlation_id: "readiness".to_owned(),
            scope: Scope::Whole,
        };
        let call = Call {
            context: &context,
            request: &(),
        };
        let body = serde_json::to_vec(&call).ok()?;
        match self.ask(service, "ready", &context, body, SILENCE).await {
            Err(error) => Some(full(&error)),
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(match read::<()>(response).await {
                Ok(Ok(())) => return None,
                Ok(Err(error)) if error.code == ErrorCode::Unauthenticated => {
                    "it refuses our service token: CADASTRE_SERVICE_TOKEN must be the same in all services"
                        .to_owned()
                }
                Ok(Err(error)) => error.message,
                Err(error) => full(&error),
            }),
        }
    }

    /// Why none of the services can be used, each by its URL; `None` if one can.
    pub async fn what_is_wrong(&self) -> Option<String> {
        let mut wrong = Vec::new();
        for service in self.services.all() {
            wrong.push(format!("{service}: {}", self.is_sick(service).await?));
        }
        Some(format!("No data access service can be used. {}", wrong.join(" ")))
    }
}

/// An error with its causes: that of the HTTP client alone only says that there is one.
fn full(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let mut texts = vec![error.to_string()];
    texts.extend(causes.map(ToString::to_string));
    // They often repeat each other.
    texts.dedup();
    texts.join(": ")
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
    matches!(error.code, ErrorCode::Overloaded | ErrorCode::StoreUnavailable)
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
    let (status, url) = (response.status(), response.url().clone());
    let bytes = response.bytes().await?;
    // A service that still waits for its store answers in the form of the public API.
    let told = serde_json::from_slice::<ApiError>(&bytes).or_else(|error| {
        let body: serde_json::Value = serde_json::from_slice(&bytes)?;
        body.get("error")
            .map_or(Err(error), |inner| serde_json::from_value(inner.clone()))
    });
    Ok(Err(told.unwrap_or_else(|_| {
        tracing::error!(%status, %url, "this is no data access service: it answered what is not ours");
        ApiError::new(
            ErrorCode::StoreUnavailable,
            "What answers there is no data access service: CADASTRE_DATAACCESS must name data access services.",
        )
    })))
}

fn unknown(call: &str, error: &reqwest::Error) -> ApiError {
    tracing::error!(error = full(error), call, "the answer to a change was lost");
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
