//! The gateway as its owner sees it: built once, cloned cheaply, asked for doors and proxies.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use cadastre_api_types::token::VerificationKeys;

use crate::access::LiveAccessLists;
use crate::caretaker::{self, Nudge};
use crate::client_address::TrustedProxies;
use crate::config::GatewayConfig;
use crate::door::Door;
use crate::error::GatewayError;
use crate::limits::Limiter;
use crate::measurements::Measurements;
use crate::proxy::{Proxy, ProxyConfig};
use crate::token::{BadTokens, JwksOverHttp, KnownApiTokens, Verifier};

/// Probes per second and address, and their burst.
const PROBES: (NonZeroU32, NonZeroU32) = match (NonZeroU32::new(50), NonZeroU32::new(100)) {
    (Some(rate), Some(burst)) => (rate, burst),
    _ => (NonZeroU32::MIN, NonZeroU32::MIN),
};

/// The public door. Clones share everything: limits count across all workers.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) parts: Arc<GateParts>,
}

/// What all clones share.
pub(crate) struct GateParts {
    pub(crate) config: GatewayConfig,
    pub(crate) trusted: TrustedProxies,
    pub(crate) lists: LiveAccessLists,
    pub(crate) by_principal: Option<Limiter>,
    pub(crate) by_address: Option<Limiter>,
    pub(crate) probes: Limiter,
    pub(crate) bad_tokens: BadTokens,
    pub(crate) api_tokens: KnownApiTokens,
    pub(crate) verifier: Verifier,
    /// Keys that come over the network and can be fetched anew for a token that names an unknown one.
    pub(crate) remote_keys: Option<Arc<JwksOverHttp>>,
    pub(crate) measurements: Measurements,
    pub(crate) draining: AtomicBool,
    /// Keeps the caretaker's channel open.
    _nudges: parking_lot::Mutex<mpsc::Sender<Nudge>>,
}

impl Gateway {
    /// A gateway that checks access tokens with the keys of the same process. Install the metrics recorder
    /// before.
    ///
    /// # Errors
    /// An access list cannot be read or understood, or no thread can be started.
    pub fn new(config: GatewayConfig, keys: Arc<dyn VerificationKeys>) -> Result<Self, GatewayError> {
        Self::build(config, keys, None)
    }

    /// A gateway on its own. A token that names an unknown key makes it fetch the key set again, at most every
    /// few seconds, before it is refused; while no key set has been fetched yet, tokens are answered with 503.
    ///
    /// # Errors
    /// As [`Gateway::new`].
    pub fn with_remote_keys(config: GatewayConfig, keys: Arc<JwksOverHttp>) -> Result<Self, GatewayError> {
        let remote = Arc::clone(&keys);
        Self::build(config, keys, Some(remote))
    }

    fn build(
        config: GatewayConfig,
        keys: Arc<dyn VerificationKeys>,
        remote_keys: Option<Arc<JwksOverHttp>>,
    ) -> Result<Self, GatewayError> {
        let limiter = |rate: Option<NonZeroU32>, burst: Option<NonZeroU32>| {
            rate.map(|rate| Limiter::new(rate, burst.unwrap_or(rate), config.max_tracked_clients))
        };
        let (nudges, nudged) = mpsc::channel();
        let parts = Arc::new(GateParts {
            trusted: TrustedProxies::new(config.trusted_proxies.clone()),
            lists: LiveAccessLists::open(config.access_lists.clone())?,
            by_principal: limiter(config.rate_limit, config.rate_burst),
            by_address: limiter(config.address_rate_limit, config.address_rate_burst),
            probes: Limiter::new(PROBES.0, PROBES.1, config.max_tracked_clients),
            bad_tokens: BadTokens::new(config.bad_token_limit, config.max_tracked_clients),
            api_tokens: KnownApiTokens::new(config.remembered_tokens),
            verifier: Verifier::new(keys, config.remembered_tokens),
            remote_keys,
            measurements: Measurements::new(),
            draining: AtomicBool::new(false),
            _nudges: parking_lot::Mutex::new(nudges.clone()),
            config,
        });
        parts.lists.watch(nudges);
        caretaker::start(Arc::downgrade(&parts), nudged)?;
        Ok(Self { parts })
    }

    /// The middleware: `App::new().wrap(gateway.door())`. It must be the outermost one.
    pub fn door(&self) -> Door {
        Door::new(self.clone())
    }

    /// What stands behind the door when the gateway runs alone: a reverse proxy to a pool of frontends.
    ///
    /// # Errors
    /// The configuration names no usable upstream, or the service token cannot be sent.
    pub fn proxy(&self, config: ProxyConfig) -> Result<Proxy, GatewayError> {
        Proxy::new(config)
    }

    /// From now on `/ready` answers 503, so that load balancers look elsewhere, and every answer closes its
    /// connection. Requests are still served: the owner stops the server when they have gone elsewhere.
    pub fn start_draining(&self) {
        self.parts.draining.store(true, Ordering::Relaxed);
    }

    /// Whether [`Gateway::start_draining`] has been called.
    pub fn is_draining(&self) -> bool {
        self.parts.draining.load(Ordering::Relaxed)
    }
}

impl GateParts {
    /// The caretaker's round.
    pub(crate) fn tidy(&self, thorough: bool) {
        for limiter in [
            self.by_principal.as_ref(),
            self.by_address.as_ref(),
            Some(&self.probes),
        ]
        .into_iter()
        .flatten()
        {
            limiter.tidy(thorough);
        }
        self.bad_tokens.tidy(thorough);
        self.verifier.follow_keys();
    }
}
