//! Why a gateway cannot start. Every text says what to change.

use std::path::PathBuf;

/// Why a gateway, or its proxy, cannot be built from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// An allow or deny list cannot be read or understood.
    #[error("access list {path}: {reason}", path = path.display())]
    AccessList {
        /// The file.
        path: PathBuf,
        /// Line and reason.
        reason: String,
    },
    /// A proxy without anywhere to go.
    #[error("no upstream is configured: name at least one frontend URL")]
    NoUpstream,
    /// More upstreams than the pool keeps track of.
    #[error("{0} upstreams are configured; at most {max} are supported", max = crate::proxy::MAX_UPSTREAMS)]
    TooManyUpstreams(usize),
    /// An upstream URL that cannot be used.
    #[error("upstream {url}: {reason}")]
    UpstreamUrl {
        /// The URL as configured.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The service token cannot be sent in a header.
    #[error("the service token may hold printable ASCII characters only and may not be empty")]
    ServiceToken,
    /// The thread that keeps limits and lists in order could not be started.
    #[error("the gateway's background thread could not be started")]
    Thread(#[source] std::io::Error),
}
