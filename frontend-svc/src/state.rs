//! What every handler can reach: the data access layer and the parts that check callers. Shared by all workers.

use std::sync::Arc;

use cadastre_api_types::internal::DataAccess;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::access_token::AccessTokens;
use crate::auth::password::Passwords;
use crate::auth::throttle::LoginThrottle;
use crate::clock::Clock;
use crate::config::FrontendConfig;
use crate::isp::Seal;

/// Imports that one frontend takes at a time.
pub(crate) const IMPORTS: usize = 16;

/// State of a frontend; handlers take it as `web::Data<FrontendState>`.
pub(crate) struct FrontendState {
    /// Settings.
    pub(crate) config: FrontendConfig,
    /// Everything that is stored.
    pub(crate) access: Arc<dyn DataAccess>,
    /// Makes and checks access tokens.
    pub(crate) tokens: AccessTokens,
    /// Hashes and checks passwords, a few at a time.
    pub(crate) passwords: Passwords,
    /// Slows down failed logins.
    pub(crate) throttle: LoginThrottle,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Ends the streams that are open, and those that are opened later.
    pub(crate) streams: CancellationToken,
    /// Places for imports that are under way at a time: each has a thread.
    pub(crate) imports: Semaphore,
    /// Seals secrets; `None` = this server keeps none.
    pub(crate) secrets: Option<Arc<dyn Seal>>,
}
