//! The public door: what every request from outside passes before anybody else sees it.
//!
//! One actix middleware, [`Door`], does all of it in one pass: correlation id and trace context, the client's
//! true address, allow and deny lists, rate limits, body limits, the signature of access tokens, security
//! headers, the access log and the drain. `cadastre serve` wraps it around the frontend in the same process;
//! `cadastre gateway` wraps it around a [`Proxy`] that carries requests to the frontends over HTTP.
//!
//! The door never decides who may do what: it only refuses what nobody may do. The frontend checks every token
//! itself (or, in one process, receives the typed proof
//! [`VerifiedToken`](cadastre_api_types::token::VerifiedToken)), so a request that reaches it some other way
//! gains nothing.
//!
//! What the parts do is described where they are configured: [`GatewayConfig`], [`AccessListSource`],
//! [`ProxyConfig`].

mod access;
mod body_limit;
mod caretaker;
mod client_address;
mod config;
mod door;
mod error;
mod gate;
mod inbound_headers;
mod limits;
mod measurements;
mod paths;
mod proxy;
mod refusal;
mod request_ids;
mod security_headers;
mod token;

pub use config::{AccessListSource, GatewayConfig};
pub use door::{Door, DoorFuture, DoorService};
pub use error::GatewayError;
pub use gate::Gateway;
pub use proxy::{HealthCheckConfig, Proxy, ProxyConfig, upstream_client};
pub use token::JwksOverHttp;
