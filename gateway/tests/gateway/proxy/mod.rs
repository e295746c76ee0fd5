//! The gateway alone: a real server with the door and the proxy, in front of real upstreams.

mod availability;
mod forwarding;
mod keys;
pub(crate) mod upstreams;

use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use actix_web::{App, HttpServer};
use cadastre_gateway::{Gateway, GatewayConfig, Proxy, ProxyConfig, upstream_client};
use reqwest::Url;

use crate::support::{FIRST, TestKeys};

/// A client as the product makes it. It needs a TLS provider even where it speaks none.
pub(crate) fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
    });
    upstream_client(Duration::from_secs(1)).build().unwrap()
}

pub(crate) fn base(address: SocketAddr) -> Url {
    format!("http://{address}").parse().unwrap()
}

/// A gateway that listens; stops when dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) proxy: Proxy,
    handle: actix_web::dev::ServerHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl Running {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

pub(crate) fn config(upstreams: &[SocketAddr]) -> ProxyConfig {
    let upstreams = upstreams.iter().copied().map(base).collect();
    ProxyConfig {
        response_timeout: Duration::from_secs(3),
        ..ProxyConfig::new(upstreams, "service-secret".into(), client())
    }
}

pub(crate) fn start(upstreams: &[SocketAddr]) -> Running {
    start_with(config(upstreams), GatewayConfig::default())
}

pub(crate) fn start_with(proxy: ProxyConfig, gateway: GatewayConfig) -> Running {
    start_gateway(&Gateway::new(gateway, TestKeys::of(&[&FIRST])).unwrap(), proxy)
}

pub(crate) fn start_gateway(gateway: &Gateway, proxy: ProxyConfig) -> Running {
    let proxy = gateway.proxy(proxy).unwrap();
    let (door, routes) = (gateway.door(), proxy.configure());
    let server = HttpServer::new(move || App::new().wrap(door.clone()).configure(routes.clone()))
        .workers(1)
        .disable_signals()
        .h1_allow_half_closed(false)
        .bind(("127.0.0.1", 0))
        .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Running {
        address,
        proxy,
        handle,
    }
}
