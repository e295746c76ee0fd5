//! Deliveries over real sockets to real servers, from an outbox in memory.
#![allow(clippy::unwrap_used)]

mod fake;
mod receiver;

use std::sync::{Arc, LazyLock, Once};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cadastre_api_types::internal::ClaimedEntry;
use cadastre_domain::isp::{Delivery, OutboxEntry, OutboxState, OutboxTarget, SealedSecret, Webhook};
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Deliverer, Settings};
use crate::secrets::{SecretBox, webhook_context};
use crate::testing::TestClock;
use fake::FakeOutbox;
use receiver::{Answer, Receiver};

const SPACE: Uuid = Uuid::from_u128(7);

/// One for all: making keys is slow.
static SECRETS: LazyLock<Arc<SecretBox>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    Arc::new(SecretBox::load_or_create(dir.path()).unwrap())
});

/// Looks for entries all the time, and allows this machine.
fn eager() -> Settings {
    Settings {
        allow_private: true,
        busy: Duration::from_millis(2),
        idle: Duration::from_millis(2),
        timeout: Duration::from_secs(60),
        hold: Duration::from_secs(3_600),
        patience: Duration::from_secs(3_600),
        grace: Duration::ZERO,
    }
}

/// A deliverer at work.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(outbox: &Arc<FakeOutbox>, settings: Settings) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let clock = Arc::new(TestClock::new());
        let deliverer = Deliverer::new(outbox.clone(), SECRETS.clone(), clock, settings).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(deliverer.run(stop.clone()));
        Self { stop, task }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn entry(url: &str) -> ClaimedEntry {
    let webhook = Webhook {
        id: Uuid::now_v7(),
        name: "billing".to_owned(),
        url: url.to_owned(),
        events: Vec::new(),
        has_secret: false,
        active: true,
    };
    ClaimedEntry {
        space: SPACE,
        entry: OutboxEntry {
            id: Uuid::now_v7(),
            target: OutboxTarget::Webhook(webhook.id),
            event: "subscriber.provisioned".to_owned(),
            version: 42,
            payload: json!({ "subscriberId": "sub-1" }),
            state: OutboxState::Pending,
            attempts: 0,
            next_attempt_at: None,
            last_error: None,
            ended_at: None,
            correlation_id: "req-1".to_owned(),
        },
        webhook,
        secret: None,
    }
}

fn signed(url: &str, secret: &str) -> ClaimedEntry {
    let mut claimed = entry(url);
    let context = webhook_context(SPACE, claimed.webhook.id);
    claimed.secret = Some(SECRETS.seal(&context, secret.as_bytes()).unwrap());
    claimed.webhook.has_secret = true;
    claimed
}

/// Tries one entry until so many tries were written down.
async fn tried(claimed: ClaimedEntry, settings: Settings, times: usize) -> Vec<fake::Settled> {
    let outbox = Arc::new(FakeOutbox::default());
    outbox.add(claimed);
    let running = Running::start(&outbox, settings);
    let mut settled = outbox.settled_times(times).await;
    running.end().await;
    settled.truncate(times);
    settled
}

fn why(came: &Delivery) -> &str {
    match came {
        Delivery::Done => "",
        Delivery::Retry(why) | Delivery::Refused(why) => why,
    }
}

fn plain(status: u16, body: &str) -> Answer {
    (status, Vec::new(), body.to_owned())
}

#[actix_web::test]
async fn an_entry_is_delivered_once_with_what_happened() {
    let receiver = Receiver::answering([]);
    let outbox = Arc::new(FakeOutbox::default());
    let id = outbox.add(entry(&receiver.url()));
    let running = Running::start(&outbox, eager());
    outbox.settled_times(1).await;
    // A later one has come and gone: the first is not tried again.
    outbox.add(entry(&receiver.url()));
    outbox.settled_times(2).await;
    running.end().await;
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    let first = &got[0];
    let occurred = first.json()["occurredAt"]
        .as_str()
        .unwrap()
        .parse::<jiff::Timestamp>()
        .unwrap();
    let expected = json!({
        "id": id,
        "event": "subscriber.provisioned",
        "addressSpaceId": SPACE,
        "version": 42,
        "occurredAt": occurred.to_string(),
        "correlationId": "req-1",
        "data": { "subscriberId": "sub-1" },
    });
    assert_eq!(first.json(), expected);
    assert_eq!(first.path, "/hook");
    let id = id.to_string();
    let headers = [
        ("content-type", "application/json"),
        ("user-agent", concat!("Cadastre/", env!("CARGO_PKG_VERSION"))),
        ("webhook-id", &id),
        ("webhook-timestamp", "1800000000"),
        ("x-cadastre-event", "subscriber.provisioned"),
        ("x-cadastre-delivery", &id),
        ("x-cadastre-attempt", "1"),
    ];
    for (name, value) in headers {
        assert_eq!(first.header(name), Some(value), "{name}");
    }
    assert_eq!(first.header("webhook-signature"), None);
}

#[actix_web::test]
async fn an_entry_is_tried_again_after_a_failure_and_the_attempts_are_counted() {
    let receiver = Receiver::answering([plain(503, "later"), plain(500, "oops")]);
    let outbox = Arc::new(FakeOutbox::default());
    let id = outbox.add(entry(&receiver.url()));
    let running = Running::start(&outbox, eager());
    let settled = outbox.settled_times(3).await;
    running.end().await;
    assert_eq!(why(&settled[0].came), "HTTP 503 Service Unavailable");
    assert_eq!(why(&settled[1].came), "HTTP 500 Internal Server Error");
    assert_eq!(settled[2].came, Delivery::Done);
    assert!((2_000..=3_000).contains(&settled[0].retry_ms), "{settled:?}");
    assert!((4_000..=6_000).contains(&settled[1].retry_ms), "{settled:?}");
    assert_eq!(outbox.state(id), (OutboxState::Delivered, 3));
    let got = receiver.got();
    let attempts: Vec<_> = got
        .iter()
        .map(|one| one.header("x-cadastre-attempt").unwrap())
        .collect();
    assert_eq!(attempts, ["1", "2", "3"]);
    assert!(got.iter().all(|one| one.body == got[0].body));
}

#[actix_web::test]
async fn the_signature_is_what_the_receiver_computes_from_the_secret() {
    let receiver = Receiver::answering([]);
    let key = b"0123456789abcdef0123456789abcdef";
    let secret = format!("whsec_{}", STANDARD.encode(key));
    tried(signed(&receiver.url(), &secret), eager(), 1).await;
    let got = &receiver.got()[0];
    let (id, timestamp) = (
        got.header("webhook-id").unwrap(),
        got.header("webhook-timestamp").unwrap(),
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(
        [id.as_bytes(), b".", timestamp.as_bytes(), b".", &got.body]
            .concat()
            .as_slice(),
    );
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(got.header("webhook-signature"), Some(expected.as_str()));
}

#[actix_web::test]
async fn what_cannot_be_signed_is_not_sent() {
    let receiver = Receiver::answering([]);
    let whole = signed(&receiver.url(), "hunter2");
    let sealed = whole.secret.clone().unwrap();
    let no_key = SealedSecret {
        key_id: "lost".to_owned(),
        ..sealed.clone()
    };
    let elsewhere = SECRETS.seal("another row", b"hunter2").unwrap();
    for (secret, reason) in [
        (Some(no_key), "`lost`"),
        (Some(elsewhere), "copied"),
        (None, "set it again"),
    ] {
        let settled = tried(
            ClaimedEntry {
                secret,
                ..whole.clone()
            },
            eager(),
            1,
        )
        .await;
        assert!(
            matches!(&settled[0].came, Delivery::Retry(why) if why.contains(reason)),
            "{settled:?}"
        );
    }
    assert_eq!(receiver.got().len(), 0);
}

#[actix_web::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::answering([]);
    let location = vec![("location", elsewhere.url())];
    let receiver = Receiver::answering([(307, location, String::new())]);
    let settled = tried(entry(&receiver.url()), eager(), 2).await;
    assert!(
        matches!(&settled[0].came, Delivery::Retry(why)
            if why.contains("redirects are not followed") && !why.contains(&elsewhere.url())),
        "{settled:?}"
    );
    assert_eq!(settled[1].came, Delivery::Done);
    assert_eq!(elsewhere.got().len(), 0);
}

#[actix_web::test]
async fn a_receiver_that_is_gone_for_good_is_not_tried_again() {
    let receiver = Receiver::answering([plain(410, "")]);
    let outbox = Arc::new(FakeOutbox::default());
    let id = outbox.add(entry(&receiver.url()));
    let running = Running::start(&outbox, eager());
    outbox.settled_times(1).await;
    running.end().await;
    assert_eq!(outbox.state(id), (OutboxState::Failed, 1));
}

#[actix_web::test]
async fn a_receiver_s_wish_to_wait_is_honoured() {
    let receiver = Receiver::answering([(429, vec![("retry-after", "120".to_owned())], String::new())]);
    let settled = tried(entry(&receiver.url()), eager(), 1).await;
    assert_eq!(settled[0].retry_ms, 120_000);
}

#[actix_web::test]
async fn nothing_of_what_a_receiver_says_is_kept_but_its_status() {
    let secret = vec![
        ("x-secret", "secret".to_owned()),
        ("location", "/secret".to_owned()),
    ];
    for status in [307, 410, 500] {
        let said = (status, secret.clone(), "secret".repeat(100_000));
        let receiver = Receiver::answering([said]);
        let settled = tried(entry(&receiver.url()), eager(), 1).await;
        let kept = why(&settled[0].came);
        assert!(kept.starts_with(&format!("HTTP {status} ")), "{kept}");
        assert!(!kept.contains("secret"), "{kept}");
    }
}

#[actix_web::test]
async fn a_slow_receiver_has_a_few_places_and_does_not_hold_up_another() {
    let (slow, fast) = (Receiver::closed(), Receiver::answering([]));
    let outbox = Arc::new(FakeOutbox::default());
    for _ in 0..100 {
        outbox.add(entry(&slow.url()));
    }
    for _ in 0..40 {
        outbox.add(entry(&fast.url()));
    }
    let running = Running::start(&outbox, eager());
    slow.got_times(4).await;
    outbox.settled_times(40).await;
    assert_eq!((fast.got().len(), slow.got().len()), (40, 4));
    slow.open();
    outbox.settled_times(140).await;
    running.end().await;
    assert_eq!(slow.got().len(), 100);
    assert!(slow.most_at_a_time() <= 4 && fast.most_at_a_time() <= 4);
    assert!(outbox.settled().iter().all(|one| one.came == Delivery::Done));
}

#[actix_web::test]
async fn a_receiver_that_is_stuck_with_more_entries_than_may_wait_does_not_hold_up_another() {
    let (stuck, fast) = (Receiver::closed(), Receiver::answering([]));
    let outbox = Arc::new(FakeOutbox::default());
    for _ in 0..600 {
        outbox.add(entry(&stuck.url()));
    }
    // As many as have places: without patience, others would be let go while those are taken.
    for _ in 0..4 {
        outbox.add(entry(&fast.url()));
    }
    let settings = Settings {
        patience: Duration::ZERO,
        ..eager()
    };
    let running = Running::start(&outbox, settings);
    stuck.got_times(4).await;
    outbox.settled_times(4).await;
    running.end().await;
    assert_eq!((fast.got().len(), stuck.got().len()), (4, 4));
}

#[actix_web::test]
async fn a_receiver_that_does_not_answer_in_time_is_tried_again() {
    let receiver = Receiver::closed();
    let settings = Settings {
        timeout: Duration::from_millis(50),
        ..eager()
    };
    let settled = tried(entry(&receiver.url()), settings, 2).await;
    assert!(
        settled
            .iter()
            .all(|one| why(&one.came).starts_with("There was no answer within")),
        "{settled:?}"
    );
}

#[actix_web::test]
async fn a_receiver_that_is_not_there_is_tried_again() {
    // Bound and not listening: nobody else gets the port.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://user:hunter2@{}/", socket.local_addr().unwrap());
    let settled = tried(entry(&url), eager(), 1).await;
    assert!(
        matches!(&settled[0].came, Delivery::Retry(why) if why.contains("cannot be reached")),
        "{settled:?}"
    );
    assert!(!why(&settled[0].came).contains("hunter2"), "{settled:?}");
}

#[actix_web::test]
async fn this_machine_is_refused_unless_it_is_allowed() {
    let receiver = Receiver::answering([]);
    let named = receiver.url().replace("127.0.0.1", "localhost");
    let strict = Settings {
        allow_private: false,
        ..eager()
    };
    let settled = tried(entry(&receiver.url()), strict, 1).await;
    assert!(
        matches!(&settled[0].came, Delivery::Refused(why) if why.contains("loopback")),
        "{settled:?}"
    );
    let settled = tried(entry(&named), strict, 1).await;
    assert!(
        matches!(&settled[0].came, Delivery::Retry(why) if why.contains("localhost") && why.contains("loopback")),
        "{settled:?}"
    );
    assert_eq!(receiver.got().len(), 0);
    for url in [receiver.url(), named] {
        assert_eq!(tried(entry(&url), eager(), 1).await[0].came, Delivery::Done);
    }
}

#[actix_web::test]
async fn a_url_that_is_none_is_refused_and_a_webhook_that_is_off_waits() {
    for url in ["nonsense", "ftp://example.org/", "http://"] {
        let settled = tried(entry(url), eager(), 1).await;
        assert!(
            matches!(&settled[0].came, Delivery::Refused(why) if why.contains("url")),
            "{settled:?}"
        );
    }
    let receiver = Receiver::answering([]);
    let mut off = entry(&receiver.url());
    off.webhook.active = false;
    let settled = tried(off, eager(), 1).await;
    assert!(
        matches!(&settled[0].came, Delivery::Retry(why) if why.contains("switched off")),
        "{settled:?}"
    );
    assert_eq!(receiver.got().len(), 0);
}

#[actix_web::test]
async fn what_is_cut_off_at_the_end_is_delivered_by_the_next() {
    let receiver = Receiver::closed();
    let outbox = Arc::new(FakeOutbox::default());
    for _ in 0..20 {
        outbox.add(entry(&receiver.url()));
    }
    let running = Running::start(&outbox, eager());
    receiver.got_times(4).await;
    running.end().await;
    assert_eq!(outbox.settled(), []);
    receiver.open();
    outbox.end_holds();
    let next = Running::start(&outbox, eager());
    let settled = outbox.settled_times(20).await;
    next.end().await;
    assert!(settled.iter().all(|one| one.came == Delivery::Done));
}

#[actix_web::test]
async fn what_is_under_way_at_the_end_has_a_moment_to_finish() {
    let receiver = Receiver::closed();
    let outbox = Arc::new(FakeOutbox::default());
    let id = outbox.add(entry(&receiver.url()));
    let settings = Settings {
        grace: Duration::from_secs(60),
        ..eager()
    };
    let running = Running::start(&outbox, settings);
    receiver.got_times(1).await;
    running.stop.cancel();
    receiver.open();
    running.end().await;
    assert_eq!(outbox.state(id), (OutboxState::Delivered, 1));
}

#[actix_web::test]
async fn a_store_that_is_away_for_a_while_costs_nothing_but_time() {
    let receiver = Receiver::answering([]);
    let outbox = Arc::new(FakeOutbox::default());
    let id = outbox.add(entry(&receiver.url()));
    outbox.fail(3);
    let running = Running::start(&outbox, eager());
    receiver.got_times(1).await;
    outbox.settled_times(1).await;
    // Now the next claims fail, or what came of the second cannot be written down at first.
    outbox.fail(2);
    let second = outbox.add(entry(&receiver.url()));
    outbox.settled_times(2).await;
    running.end().await;
    assert_eq!(receiver.got().len(), 2);
    assert_eq!(
        [id, second].map(|id| outbox.state(id)),
        [(OutboxState::Delivered, 1); 2]
    );
}
