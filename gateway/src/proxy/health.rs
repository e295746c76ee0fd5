//! Active checks of the upstreams, all at once, each with its own time limit.

use std::error::Error;

use cadastre_api_types::correlation::{ROLE_HEADER, SERVICE_TOKEN_HEADER};
use futures::future::join_all;
use reqwest::Response;

use super::ProxyParts;
use super::pool::{Sick, Upstream};

/// Checks every upstream, pauses, and does it again: sooner where a check said something new.
pub(crate) async fn check_forever(proxy: &ProxyParts) {
    loop {
        join_all(
            proxy
                .pool
                .upstreams()
                .iter()
                .map(|upstream| check(proxy, upstream)),
        )
        .await;
        let share = if proxy.pool.is_in_doubt() { 4 } else { 1 };
        tokio::time::sleep(proxy.health.interval / share).await;
    }
}

async fn check(proxy: &ProxyParts, upstream: &Upstream) {
    // With our token, so that it can say that it has another one.
    let asked = proxy
        .client
        .get(upstream.ready.clone())
        .header(SERVICE_TOKEN_HEADER, proxy.service_token.clone())
        .send();
    let look = async {
        match asked.await {
            Ok(response) => judge(response).await,
            Err(error) if error.is_connect() => Err(Sick::Unreachable(innermost(&error))),
            Err(error) => Err(Sick::Other(innermost(&error))),
        }
    };
    let outcome = tokio::time::timeout(proxy.health.timeout, look)
        .await
        .unwrap_or_else(|_| Err(Sick::Other("no answer in time".to_owned())));
    if let Err(sick) = &outcome {
        tracing::debug!(upstream = upstream.name, ?sick, "health check failed");
    }
    upstream.note_check(outcome, &proxy.health);
}

/// What an answer says.
async fn judge(response: Response) -> Result<(), Sick> {
    let status = response.status();
    let role = response.headers().get(ROLE_HEADER);
    if let Some(role) = role.filter(|role| *role != "frontend") {
        return Err(Sick::Other(format!(
            "this is no frontend but a {} service: CADASTRE_FRONTEND must name frontends",
            String::from_utf8_lossy(role.as_bytes())
        )));
    }
    if status.is_success() {
        return Ok(());
    }
    let told = response.json::<serde_json::Value>().await.ok();
    let message = told.as_ref().and_then(|body| body["error"]["message"].as_str());
    Err(Sick::Other(message.map_or_else(
        || format!("it answers {status}"),
        |message| message.trim_end_matches('.').to_owned(),
    )))
}

/// What lies at the bottom of an error: "Connection refused" and not "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
