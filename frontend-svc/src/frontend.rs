//! The frontend as the binary sees it: start it, then put its routes into an application.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use cadastre_api_types::internal::DataAccess;
use cadastre_api_types::token::VerificationKeys;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::access_token::AccessTokens;
use crate::auth::keys::{KeyError, KeyRing};
use crate::auth::password::{Limits, Passwords};
use crate::auth::throttle::LoginThrottle;
use crate::bootstrap::{self, BootstrapError};
use crate::clock::{Clock, SystemClock};
use crate::config::FrontendConfig;
use crate::http::error::unknown_path;
use crate::routes::table::{self, ROUTES, RouteSpec};
use crate::state::{FrontendState, IMPORTS};

/// Why a frontend cannot start; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The first administrator.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// Passwords cannot be hashed.
    #[error("{0}; check that the process may use 20 MiB more memory")]
    Passwords(String),
}

/// A started frontend. Clones share everything.
#[derive(Clone)]
pub struct Frontend {
    state: web::Data<FrontendState>,
    first_password_file: Option<Arc<PathBuf>>,
}

impl Frontend {
    /// Whether a frontend can start with these keys, made if there are none: what no waiting for others mends.
    ///
    /// # Errors
    /// [`StartError`] if they cannot be read or made.
    pub fn check_keys(config: &FrontendConfig) -> Result<(), StartError> {
        KeyRing::load_or_generate(&config.keys_dir)?;
        Ok(())
    }

    /// Loads or generates the signing keys and, while there are no users, makes the first administrator.
    ///
    /// # Errors
    /// [`StartError`], whose text says what to do.
    pub async fn start(config: FrontendConfig, access: Arc<dyn DataAccess>) -> Result<Self, StartError> {
        let limits = Limits {
            concurrency: config.password_concurrency,
            queue: config.password_queue,
            wait: config.password_wait,
        };
        let passwords = Passwords::new(limits).map_err(|error| StartError::Passwords(error.to_string()))?;
        let ring = Arc::new(KeyRing::load_or_generate(&config.keys_dir)?);
        let first_password_file = bootstrap::first_administrator(&config, &*access, &passwords).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let state = FrontendState {
            tokens: AccessTokens::new(ring, Arc::clone(&clock), config.access_token_seconds),
            throttle: LoginThrottle::new(&config.login_throttle, Arc::clone(&clock)),
            passwords,
            access,
            clock,
            config,
            streams: CancellationToken::new(),
            imports: Semaphore::new(IMPORTS),
            secrets: None,
        };
        Ok(Self::of(state, first_password_file))
    }

    pub(crate) fn of(state: FrontendState, first_password_file: Option<PathBuf>) -> Self {
        Self {
            state: web::Data::new(state),
            first_password_file: first_password_file.map(Arc::new),
        }
    }

    #[cfg(test)]
    pub(crate) fn state(&self) -> web::Data<FrontendState> {
        self.state.clone()
    }

    /// The file with the password of `admin`, if it was generated in this start.
    #[must_use]
    pub fn first_password_file(&self) -> Option<&Path> {
        self.first_password_file.as_ref().map(|path| path.as_path())
    }

    /// The keys that access tokens are verified with, for a gateway in the same process.
    #[must_use]
    pub fn verification_keys(&self) -> Arc<dyn VerificationKeys> {
        Arc::<KeyRing>::clone(self.state.tokens.ring())
    }

    /// Ends the streams of events. Called when the server begins to end, which would otherwise wait for them; their
    /// clients connect again, and miss nothing.
    pub fn end_streams(&self) {
        self.state.streams.cancel();
    }

    /// Registers all routes, and answers for paths that do not exist. An application may set another default
    /// service afterwards.
    pub fn configure(&self) -> impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static + use<> {
        let state = self.state.clone();
        move |config: &mut ServiceConfig| {
            config.app_data(state);
            table::register(config);
            config.default_service(web::to(unknown_path));
        }
    }

    /// Every route with what its caller needs.
    #[must_use]
    pub fn routes() -> &'static [RouteSpec] {
        ROUTES
    }
}
