//! `cadastre gateway`: the public door, in front of frontends.

use std::sync::Arc;

use actix_web::App;
use cadastre_gateway::{Gateway, JwksOverHttp, ProxyConfig};

use super::{Start, announce, door, split};
use crate::config::table;
use crate::failure::{Failure, sentence};
use crate::shutdown::Drain;
use crate::{http, landing, metering, tls};

pub(super) async fn run(start: Start<'_>) -> Result<(), Failure> {
    let Start {
        settings,
        listener,
        metrics,
    } = start;
    let token = split::admit(settings, &listener)?;
    let upstreams = split::upstreams(settings, &table::FRONTEND)?;
    let client = tls::upstream_client(settings)?;
    let refuse = |error: cadastre_gateway::GatewayError| Failure::new(sentence(&error));
    let keys = JwksOverHttp::new(&upstreams, client.clone()).map_err(refuse)?;
    let gateway =
        Gateway::with_remote_keys(door::configuration(settings)?, Arc::clone(&keys)).map_err(refuse)?;
    let proxy = gateway
        .proxy(ProxyConfig::new(upstreams, token.expose().to_owned(), client))
        .map_err(refuse)?;
    let drain = Drain::new(settings, Some(gateway.clone()))?;
    let streams = proxy.clone();
    drain.let_go(move || streams.end_streams());
    tokio::spawn(keys.run(drain.stop.clone().cancelled_owned()));
    tokio::spawn({
        let (proxy, stop) = (proxy.clone(), drain.stop.clone());
        async move { proxy.run_health_checks(stop.cancelled_owned()).await }
    });
    let url = listener.url();
    let application = {
        let (gateway, metrics) = (gateway.clone(), metering::configure(&metrics));
        move || {
            App::new()
                .wrap(gateway.door())
                .configure(metrics.clone())
                .configure(landing::configure)
                .configure(proxy.configure())
        }
    };
    let server = http::start(settings, listener, &drain, application)?;
    announce(&[
        (
            "Frontends",
            settings.text(&table::FRONTEND).unwrap_or_default().to_owned(),
        ),
        ("API", format!("{url}/docs")),
        ("URL", url),
    ]);
    Box::pin(drain.run(server)).await?;
    Ok(())
}
