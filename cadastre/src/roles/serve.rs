//! `cadastre serve`: all layers in one process, with no network between them.

use std::sync::{Arc, OnceLock};

use actix_web::App;
use cadastre_api_types::token::{PublicJwks, VerificationKeys};
use cadastre_frontend::{Frontend, FrontendConfig};
use cadastre_gateway::Gateway;

use super::{Start, announce, check_records, close_records, door, open_records};
use crate::config::{Effective, table};
use crate::failure::{Failure, sentence};
use crate::shutdown::Drain;
use crate::{http, landing, metering, store};

pub(super) async fn run(start: Start<'_>) -> Result<(), Failure> {
    let Start {
        settings,
        listener,
        metrics,
    } = start;
    // First whatever may be refused: a directory, a key or an administrator that was made would stay.
    let keys = Arc::new(KeysToCome::default());
    let gateway = Gateway::new(door::configuration(settings)?, Arc::clone(&keys) as _)
        .map_err(|error| Failure::new(sentence(&error)))?;
    let drain = Drain::new(settings, Some(gateway.clone()))?;
    let cache = check_records(settings)?;
    let data = settings.path(&table::DATA).unwrap_or_default();
    store::make_directory(&data)?;
    let access = open_records(settings, &listener, cache).await?;
    let frontend = Frontend::start(frontend_configuration(settings, None), access.clone())
        .await
        .map_err(|error| Failure::new(sentence(&error)))?;
    keys.come(frontend.verification_keys());
    let streams = frontend.clone();
    drain.let_go(move || streams.end_streams());

    if !listener.is_local() && !listener.is_encrypted() && !settings.flag(&table::TRUSTED_NETWORK) {
        tracing::warn!(
            "listening off loopback without TLS: passwords and tokens travel in the clear; set tls-cert and \
             tls-key, or trusted-network behind a proxy that does the TLS"
        );
    }
    let url = listener.url();
    let application = {
        let (frontend, gateway) = (frontend.clone(), gateway.clone());
        let metrics = metering::configure(&metrics);
        move || {
            App::new()
                .wrap(gateway.door())
                .configure(metrics.clone())
                .configure(landing::configure)
                .configure(frontend.configure())
        }
    };
    let server = http::start(settings, listener, &drain, application)?;
    let deliveries = frontend
        .deliveries()
        .map_err(|error| Failure::new(sentence(&error)))?;
    let deliveries = tokio::spawn(deliveries);
    announce(&[
        ("Data", data.display().to_string()),
        (
            "Store",
            settings.text(&table::STORE).unwrap_or_default().to_owned(),
        ),
        ("Admin", admin_in_words(&frontend, settings)),
        ("API", format!("{url}/docs")),
        ("URL", url),
    ]);
    let deadline = Box::pin(drain.run(server)).await?;
    // What is under way says what became of it before the records are closed.
    let _ = deliveries.await;
    close_records(&access, deadline).await;
    Ok(())
}

/// The frontend's keys once there is a frontend; none before, when nobody is let in yet.
#[derive(Default)]
struct KeysToCome(OnceLock<Arc<dyn VerificationKeys>>);

impl KeysToCome {
    fn come(&self, keys: Arc<dyn VerificationKeys>) {
        // Once is all there is.
        let _ = self.0.set(keys);
    }
}

impl VerificationKeys for KeysToCome {
    fn current(&self) -> Arc<PublicJwks> {
        self.0.get().map_or_else(Arc::default, |keys| keys.current())
    }
}

/// Settings of the frontend, in one process (no token) or alone.
pub(super) fn frontend_configuration(settings: &Effective, service_token: Option<String>) -> FrontendConfig {
    let keys_dir = settings.path(&table::KEYS).unwrap_or_default();
    // A frontend that was told of its keys only leaves nothing elsewhere.
    let beside_keys =
        service_token.is_some() && settings.is_given(&table::KEYS) && !settings.is_given(&table::DATA);
    let directory = if beside_keys {
        keys_dir.clone()
    } else {
        settings.path(&table::DATA).unwrap_or_default()
    };
    FrontendConfig {
        keys_dir,
        admin_password: settings.text(&table::ADMIN_PASSWORD).map(str::to_owned),
        admin_password_file: directory.join("admin-password"),
        access_token_seconds: settings.duration(&table::ACCESS_TOKEN_LIFETIME).as_secs(),
        refresh_token_seconds: settings.duration(&table::REFRESH_TOKEN_LIFETIME).as_secs(),
        service_token,
        webhook_allow_private: settings.flag(&table::WEBHOOK_ALLOW_PRIVATE),
        ..FrontendConfig::default()
    }
}

/// Where the password of `admin` is.
pub(super) fn admin_in_words(frontend: &Frontend, settings: &Effective) -> String {
    match frontend.first_password_file() {
        Some(file) => format!("user admin, password in the file {}", file.display()),
        None if settings.text(&table::ADMIN_PASSWORD).is_some() => {
            "user admin; CADASTRE_ADMIN_PASSWORD counts on the first start only".to_owned()
        }
        None => "user admin, made on an earlier start".to_owned(),
    }
}
