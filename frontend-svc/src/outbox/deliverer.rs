//! The loop: claims entries when there is room for them, begins what may begin, and ends in order.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use cadastre_api_types::ApiError;
use cadastre_api_types::internal::{ClaimOutbox, ClaimedEntry, DataAccess};
use futures::future::{BoxFuture, FutureExt as _};
use metrics::{counter, gauge, histogram};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::attempt::{Poster, receiver};
use super::lanes::{Lanes, WAITING};
use super::settle::{context, settle};
use crate::clock::Clock;
use crate::secrets::SecretBox;

/// Entries that are claimed at once.
const CLAIM: usize = 128;
/// Before the next claim if all of the last one was let go.
const AFTER_NOTHING_OF_USE: Duration = Duration::from_millis(250);
/// The longest pause between claims that fail.
const AFTER_FAILURES: Duration = Duration::from_secs(30);

/// How deliveries are made; tests shorten the times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Webhooks may be on this machine, and at link-local addresses.
    pub(crate) allow_private: bool,
    /// For one try, all in all.
    pub(crate) timeout: Duration,
    /// For so long claimed entries are ours.
    pub(crate) hold: Duration,
    /// Between two claims while there is something to do.
    pub(crate) busy: Duration,
    /// The same while there is nothing; reached by doubling.
    pub(crate) idle: Duration,
    /// A receiver whose places are all taken and that answers none of them for so long is passed over.
    pub(crate) patience: Duration,
    /// At the end, what is under way may take so long.
    pub(crate) grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_private: false,
            timeout: Duration::from_secs(10),
            hold: Duration::from_secs(60),
            busy: Duration::from_secs(1),
            idle: Duration::from_secs(5),
            patience: Duration::from_secs(2),
            grace: Duration::from_secs(3),
        }
    }
}

/// Delivers to webhooks. Several may run on one store: an entry is with one of them at a time.
pub(crate) struct Deliverer {
    access: Arc<dyn DataAccess>,
    poster: Poster,
    settings: Settings,
}

type Claim = BoxFuture<'static, Result<Vec<ClaimedEntry>, ApiError>>;

impl Deliverer {
    /// A TLS provider must have been installed.
    ///
    /// # Errors
    /// Why the HTTP client cannot be set up.
    pub(crate) fn new(
        access: Arc<dyn DataAccess>,
        secrets: Arc<SecretBox>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<Self, String> {
        let poster = Poster::new(secrets, clock, settings.allow_private, settings.timeout)?;
        Ok(Self {
            access,
            poster,
            settings,
        })
    }

    /// Delivers until it is stopped; then what is under way has a moment to end. What is cut off, and what has not begun,
    /// is claimed by another deliverer when the time for which it was ours is over.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut round = Round {
            lanes: Lanes::new(self.settings.patience),
            tries: JoinSet::new(),
            receivers: HashMap::new(),
            next_claim: Instant::now(),
            pause: self.settings.busy,
            more: false,
            failing: false,
        };
        let mut claim: Option<(Instant, usize, Claim)> = None;
        loop {
            self.begin(&mut round);
            round.measure();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = round.tries.join_next_with_id(), if !round.tries.is_empty() => round.ended(ended),
                claimed = wait(&mut claim) => {
                    let (begun, limit, found) = claimed;
                    claim = None;
                    self.take(&mut round, begun, limit, found);
                }
                () = sleep_until(round.next_claim), if claim.is_none() => {
                    let now = Instant::now();
                    round.lanes.unblock(now);
                    let limit = round.lanes.room().min(CLAIM);
                    if limit < CLAIM / 2 {
                        round.next_claim = now + self.settings.busy;
                    } else {
                        claim = Some((now, limit, self.claim(limit)));
                    }
                }
            }
        }
        drop(claim);
        let all = async { while round.tries.join_next().await.is_some() {} };
        if timeout(self.settings.grace, all).await.is_err() {
            tracing::info!(
                deliveries = round.tries.len(),
                "deliveries to webhooks are cut off by the end of the server; they are made again"
            );
        }
        round.lanes = Lanes::new(self.settings.patience);
        round.measure();
    }

    fn claim(&self, limit: usize) -> Claim {
        let access = Arc::clone(&self.access);
        let hold_ms = u64::try_from(self.settings.hold.as_millis()).unwrap_or(u64::MAX);
        async move {
            let context = context(&Uuid::now_v7().simple().to_string());
            access
                .claim_outbox(&context, ClaimOutbox { limit, hold_ms })
                .await
        }
        .boxed()
    }

    /// Puts what was claimed into its lanes, and says when to claim again.
    fn take(
        &self,
        round: &mut Round,
        begun: Instant,
        limit: usize,
        found: Result<Vec<ClaimedEntry>, ApiError>,
    ) {
        let now = Instant::now();
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                counter!("cadastre_webhook_claim_failures_total").increment(1);
                if !round.failing {
                    tracing::warn!(%error, "the outbox cannot be read; webhooks are not told until it can");
                }
                round.failing = true;
                round.more = false;
                round.pause = (round.pause * 2).min(AFTER_FAILURES.max(self.settings.idle));
                round.next_claim = now + round.pause;
                return;
            }
        };
        if round.failing {
            tracing::info!("the outbox can be read again");
            round.failing = false;
        }
        round.more = found.len() >= limit;
        round.pause = if found.is_empty() {
            (round.pause * 2).min(self.settings.idle)
        } else {
            self.settings.busy
        };
        // A try that begins later than this might end when somebody else has the entry.
        let until = begun + self.settings.hold.saturating_sub(self.settings.timeout * 2);
        let mut kept = 0_usize;
        for claimed in found {
            let receiver = receiver(&claimed.webhook.url);
            kept += usize::from(round.lanes.push(&receiver, Box::new(claimed), until, now));
        }
        round.next_claim = now
            + match (round.more, kept) {
                (false, _) => round.pause,
                (true, 0) => AFTER_NOTHING_OF_USE.min(self.settings.busy),
                (true, _) => Duration::ZERO,
            };
    }

    /// Begins what may begin.
    fn begin(&self, round: &mut Round) {
        while let Some((receiver, claimed)) = round.lanes.next(Instant::now()) {
            let (access, poster) = (Arc::clone(&self.access), self.poster.clone());
            let task = round
                .tries
                .spawn(async move { deliver(&*access, &poster, &claimed).await });
            round.receivers.insert(task.id(), receiver);
        }
    }
}

/// What the loop keeps.
struct Round {
    lanes: Lanes<Box<ClaimedEntry>>,
    tries: JoinSet<()>,
    /// With whom each try is.
    receivers: HashMap<Id, String>,
    next_claim: Instant,
    pause: Duration,
    /// The last claim brought as much as it asked for.
    more: bool,
    failing: bool,
}

impl Round {
    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a delivery to a webhook broke off; it is made again");
                error.id()
            }
        };
        let now = Instant::now();
        if let Some(receiver) = self.receivers.remove(&id) {
            self.lanes.finished(&receiver, now);
        }
        if self.more && self.lanes.room() >= WAITING / 2 {
            self.next_claim = self.next_claim.min(now);
        }
    }

    fn measure(&self) {
        gauge!("cadastre_webhook_waiting").set(self.lanes.waiting() as f64);
        gauge!("cadastre_webhook_under_way").set(self.lanes.under_way() as f64);
    }
}

/// Waits for a claim that is under way; for ever if there is none.
async fn wait(
    claim: &mut Option<(Instant, usize, Claim)>,
) -> (Instant, usize, Result<Vec<ClaimedEntry>, ApiError>) {
    match claim {
        Some((begun, limit, found)) => (*begun, *limit, found.await),
        None => pending().await,
    }
}

/// Tries an entry, and writes down what came of it.
async fn deliver(access: &dyn DataAccess, poster: &Poster, claimed: &ClaimedEntry) {
    let begun = Instant::now();
    let verdict = poster.post(claimed).await;
    histogram!("cadastre_webhook_delivery_seconds").record(begun.elapsed().as_secs_f64());
    tracing::debug!(entry = %claimed.entry.id, webhook = %claimed.webhook.id, came = ?verdict.came, "delivery tried");
    let label = verdict.label();
    let settled = settle(access, claimed, verdict).await;
    counter!("cadastre_webhook_deliveries_total", "result" => if settled { label } else { "unsettled" })
        .increment(1);
}
