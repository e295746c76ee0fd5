//! The end of a server: on SIGTERM or SIGINT it stops accepting, finishes what runs, flushes and exits 0
//! within 10 s. A second signal does not wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{HttpResponse, guard, web};
use cadastre_gateway::Gateway;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{Effective, table};
use crate::failure::Failure;
use crate::terminal;

/// From the signal to the exit.
const DEADLINE: Duration = Duration::from_millis(9_500);
/// Of that, what is kept for writing out what the store holds.
const FOR_THE_STORE: Duration = Duration::from_millis(2_500);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// Exit code after a second signal.
const AT_ONCE: i32 = 130;

/// How a server ends.
#[derive(Clone)]
pub(crate) struct Drain {
    draining: Arc<AtomicBool>,
    delay: Duration,
    gateway: Option<Gateway>,
    /// Done when running requests are to be finished.
    finishing: CancellationToken,
    /// Ends background tasks.
    pub(crate) stop: CancellationToken,
}

impl Drain {
    /// Settings of the end.
    pub(crate) fn new(settings: &Effective, gateway: Option<Gateway>) -> Result<Self, Failure> {
        let delay = settings.duration(&table::DRAIN_DELAY);
        if delay > LONGEST_DELAY {
            return Err(settings.refuse(
                &table::DRAIN_DELAY,
                "is too long; at most 5s leave time to end within 10 s",
            ));
        }
        Ok(Self {
            draining: Arc::default(),
            delay,
            gateway,
            finishing: CancellationToken::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Lets go of requests that would go on for ever, once running requests are to be finished.
    pub(crate) fn let_go(&self, of: impl FnOnce() + Send + 'static) {
        let finishing = self.finishing.clone();
        tokio::spawn(async move {
            finishing.cancelled().await;
            of();
        });
    }

    /// How long requests that run may take to end, for the server's own clock (whole seconds).
    pub(crate) fn patience_seconds(&self) -> u64 {
        DEADLINE
            .saturating_sub(FOR_THE_STORE)
            .saturating_sub(self.delay)
            .as_secs()
            .max(1)
    }

    /// `/ready` while draining; otherwise the next service with that path answers.
    pub(crate) fn configure(&self) -> impl FnOnce(&mut web::ServiceConfig) + Clone + use<> {
        let draining = Arc::clone(&self.draining);
        move |config| {
            config.service(
                web::resource("/ready")
                    .guard(guard::fn_guard(move |_| draining.load(Ordering::Relaxed)))
                    .to(async || {
                        HttpResponse::ServiceUnavailable()
                            .insert_header(("retry-after", "1"))
                            .json(serde_json::json!({"status": "draining"}))
                    }),
            );
        }
    }

    /// Runs a server to its end. Answers when the process has to be gone.
    pub(crate) async fn run(&self, server: Server) -> Result<Instant, Failure> {
        let handle = server.handle();
        let begun = tokio::spawn(self.clone().begin(handle));
        server
            .await
            .map_err(|error| Failure::new(format!("The server has stopped: {error}.")))?;
        self.stop.cancel();
        // Not finished: the server ended without a signal, which only happens when its threads died.
        if !begun.is_finished() && !self.draining.load(Ordering::Relaxed) {
            return Err(Failure::new(
                "The server has stopped by itself; the log says why.",
            ));
        }
        let signalled = begun.await.unwrap_or_else(|_| Instant::now());
        Ok(signalled + DEADLINE)
    }

    /// Waits for the signal and begins the end; answers when the signal came.
    async fn begin(self, handle: ServerHandle) -> Instant {
        wait_for_signal().await;
        let signalled = Instant::now();
        tokio::spawn(async {
            wait_for_signal().await;
            std::process::exit(AT_ONCE);
        });
        tracing::info!("stopping: no new connections, running requests are finished");
        self.draining.store(true, Ordering::Relaxed);
        if let Some(gateway) = &self.gateway {
            gateway.start_draining();
        }
        tokio::time::sleep(self.delay).await;
        self.finishing.cancel();
        handle.stop(true).await;
        signalled
    }
}

/// The next SIGTERM or SIGINT.
pub(crate) async fn wait_for_signal() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            terminal::complain(&format!(
                "cadastre: signals cannot be received ({error}); end it with SIGKILL."
            ));
            std::future::pending().await
        }
    }
}
