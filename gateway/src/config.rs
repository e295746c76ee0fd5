//! Settings of the door, with their defaults, documented once.

use std::num::NonZeroU32;
use std::path::PathBuf;

use ipnet::IpNet;

/// Settings of a [`Gateway`](crate::Gateway).
///
/// # Rate limits
/// A *principal* is the user of a verified access token, an API token that has proved itself, or else the
/// client's address. An *address* is one IPv4 address or one IPv6 /64 (a host is usually given a whole /64, so
/// counting single IPv6 addresses would count nothing). Both limits are token buckets (GCRA): so many requests
/// per second, with bursts up to the bucket's size.
///
/// Every answer of a limited request carries `RateLimit-Limit` (size of the bucket), `RateLimit-Remaining` and
/// `RateLimit-Reset` (seconds until the bucket is full again), the three fields of the IETF draft
/// `draft-ietf-httpapi-ratelimit-headers` that clients know best; where both limits apply they describe the
/// one with less left. A refusal is 429 `RateLimited` with `Retry-After`.
///
/// # Probes
/// `/health` and `/ready` are answered whatever the lists and the limits say, because an orchestrator whose
/// probes are refused kills a healthy service, and they reveal nothing else. A bucket of their own (50 per
/// second and address) keeps them from being a way around the limits.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Requests per second of one principal; `None` = no limit.
    pub rate_limit: Option<NonZeroU32>,
    /// Bucket size of `rate_limit`; `None` = one second's worth.
    pub rate_burst: Option<NonZeroU32>,
    /// Requests per second of one address; `None` = no limit.
    pub address_rate_limit: Option<NonZeroU32>,
    /// Bucket size of `address_rate_limit`; `None` = one second's worth.
    pub address_rate_burst: Option<NonZeroU32>,
    /// Tokens per second that one address may present and that turn out to be bad; beyond it, tokens not yet
    /// known to be good are refused unseen for a moment. The bucket holds five seconds' worth. `None` = no limit.
    pub bad_token_limit: Option<NonZeroU32>,
    /// How many clients each limit keeps apart. Beyond it (an attack, or a very large deployment) addresses
    /// share 1,024 common buckets until the crowd is gone. The count is taken every second, so for a moment
    /// there may be more.
    pub max_tracked_clients: usize,
    /// Files with the networks that are let in or kept out.
    pub access_lists: AccessListSource,
    /// Networks of the proxies in front of this one, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Largest request body, in bytes.
    pub body_limit_bytes: usize,
    /// Largest body of `POST …/ips/import`, in bytes.
    pub import_body_limit_bytes: usize,
    /// Send `Strict-Transport-Security` (one year). Only sensible where this host is reached by TLS alone.
    pub hsts: bool,
    /// How many verified access tokens are remembered, so that their signature is not checked on each request.
    pub remembered_tokens: usize,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            rate_limit: None,
            rate_burst: None,
            address_rate_limit: None,
            address_rate_burst: None,
            bad_token_limit: NonZeroU32::new(20),
            max_tracked_clients: 131_072,
            access_lists: AccessListSource::default(),
            trusted_proxies: Vec::new(),
            body_limit_bytes: 1 << 20,
            import_body_limit_bytes: 512 << 20,
            hsts: false,
            remembered_tokens: 16_384,
        }
    }
}

/// Where the allow and deny lists are.
///
/// Each file holds one network per line in CIDR notation (`10.0.0.0/8`, `2001:db8::/32`; a bare address means
/// that address); `#` starts a comment. The longest match over both lists decides; where both hold the same
/// network, deny wins. An address that matches nothing is let in, unless the allow list has any entry. The
/// address looked up is the client's, after `X-Forwarded-For` of trusted proxies.
///
/// The files are read again when they change (editors' renames and the symlink swap of Kubernetes included),
/// and looked at every half minute in any case. A file that cannot be read or understood changes nothing: the
/// lists stay as they are and the log names the line. Replace files by renaming a complete one over them: a
/// file that is cut to nothing before it is written again is an empty list for as long as that lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessListSource {
    /// Networks that are let in.
    pub allow: Option<PathBuf>,
    /// Networks that are kept out.
    pub deny: Option<PathBuf>,
}

impl AccessListSource {
    /// Neither list is configured.
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.deny.is_none()
    }
}
