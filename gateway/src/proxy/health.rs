//! Active checks of the upstreams, all at once, each with its own time limit.

use futures::future::join_all;

use super::ProxyParts;
use super::pool::Upstream;

/// Checks every upstream, pauses, and does it again.
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
        tokio::time::sleep(proxy.health.interval).await;
    }
}

async fn check(proxy: &ProxyParts, upstream: &Upstream) {
    let answer = tokio::time::timeout(
        proxy.health.timeout,
        proxy.client.get(upstream.ready.clone()).send(),
    )
    .await;
    let succeeded = match answer {
        Ok(Ok(response)) => response.status().is_success(),
        Ok(Err(error)) => {
            tracing::debug!(upstream = upstream.name, %error, "health check failed");
            false
        }
        Err(_) => {
            tracing::debug!(upstream = upstream.name, "health check took too long");
            false
        }
    };
    upstream.note_check(succeeded, &proxy.health);
}
