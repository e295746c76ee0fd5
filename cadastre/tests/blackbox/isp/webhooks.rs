//! Webhooks as their receiver sees them: a real server that the deployment calls.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::{Provider, id};
use crate::support::receiver::{Delivery, Receiver};
use crate::support::{Deployment, Launch, Shape, json};

const SECRET: &str = "a secret of the receiver";

/// A deployment that may call servers of this machine.
fn launched(shape: Shape) -> Deployment {
    Launch::new(shape)
        .environment("CADASTRE_WEBHOOK_ALLOW_PRIVATE", "true")
        .start()
}

fn webhook(isp: &Provider, receiver: &Receiver, events: &[&str]) -> String {
    let body = json!({ "name": "billing", "url": receiver.url, "events": events, "secret": SECRET });
    id(&isp.post("/webhooks", &body).made())
}

/// As Standard Webhooks says: over id, timestamp and body.
#[track_caller]
fn assert_signed(delivery: &Delivery) {
    let header = |name: &str| delivery.headers[name].as_str();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&delivery.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header("webhook-signature"), expected);
}

fn is(event: &str) -> impl Fn(&Delivery) -> bool {
    move |delivery| delivery.answered == 204 && delivery.json()["event"] == event
}

#[test]
fn an_event_is_delivered_signed_and_again_while_the_receiver_refuses() {
    for shape in [Shape::OneProcess, Shape::Split] {
        let at = launched(shape);
        let isp = Provider::new(&at);
        let receiver = Receiver::new(503);
        webhook(&isp, &receiver, &["subscriber.provisioned"]);
        isp.pool("IPV4_PUBLIC", "203.0.113.0/24", &json!({}));
        let plan = isp.plan(&json!({ "staticIp": true }));
        let subscriber = isp.subscriber();
        isp.use_case(&subscriber, "provision", &json!({ "planId": plan }));

        let refused = receiver.wait("a first try", |delivery| delivery.answered == 503);
        let waiting = isp.get("/outbox?state=PENDING").ok();
        assert_eq!(waiting[0]["event"], "subscriber.provisioned", "{waiting}");
        receiver.answer(204);
        let taken = receiver.wait("the event", is("subscriber.provisioned"));
        assert_eq!(refused.headers["webhook-id"], taken.headers["webhook-id"]);
        assert_eq!(refused.body, taken.body, "the same bytes in every try");
        assert_signed(&refused);
        assert_signed(&taken);
        let told = taken.json();
        assert_eq!(told["addressSpaceId"], json!(isp.space.id));
        assert_eq!(told["data"]["subscriberId"], json!(subscriber), "{told}");
        at.assert_no_panic();
    }
}

#[test]
fn a_pool_that_fills_up_raises_its_alerts_and_clears_them_by_webhook() {
    let at = launched(Shape::OneProcess);
    let isp = Provider::new(&at);
    let receiver = Receiver::new(204);
    webhook(&isp, &receiver, &["alert.*"]);
    // Six addresses, of which 80 % are five.
    let pool = isp.pool("IPV4_PUBLIC", "198.51.100.0/29", &json!({ "restDays": 0 }));
    let taken: Vec<String> = (0..6)
        .map(|number| {
            let body = json!({ "poolId": pool, "subscriberId": format!("s{number}") });
            id(&isp.post("/ip-management/reservations", &body).made())
        })
        .collect();
    receiver.wait("the alert of the threshold", |delivery| {
        is("alert.raised")(delivery) && delivery.json()["data"]["kind"] == "POOL_UTILIZATION"
    });
    receiver.wait("the alert that nothing is left", |delivery| {
        is("alert.raised")(delivery) && delivery.json()["data"]["kind"] == "POOL_DEPLETED"
    });
    assert_eq!(isp.pool_now(&pool)["status"], "DEPLETED");
    for reservation in &taken[..4] {
        isp.delete(&format!("/ip-management/reservations/{reservation}"))
            .expect(204);
    }
    receiver.wait("that it is over", is("alert.cleared"));
    assert_eq!(isp.pool_now(&pool)["status"], "ACTIVE");
    for delivery in receiver.got() {
        assert_signed(&delivery);
    }
}

#[test]
fn what_the_outbox_holds_is_delivered_after_the_server_was_killed() {
    let mut at = launched(Shape::OneProcess);
    let isp = Provider::new(&at);
    let receiver = Receiver::new(500);
    webhook(&isp, &receiver, &["subscriber.*"]);
    let subscriber = isp.subscriber();
    receiver.wait("a first try", |delivery| delivery.answered == 500);
    // What came of it is known; before that, a try that a kill cut off is held for whoever made it for a minute and more.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while isp.get("/outbox").ok()[0]["attempts"] == json!(0) {
        assert!(std::time::Instant::now() < deadline, "the try is not settled");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    at.kill();
    receiver.answer(204);
    at.restart();
    let taken = receiver.wait("the event", is("subscriber.created"));
    assert_eq!(taken.json()["data"]["subscriberId"], json!(subscriber));
}

#[test]
fn an_entry_is_called_off_once_however_often_that_is_asked_with_its_key() {
    let at = launched(Shape::OneProcess);
    let isp = Provider::new(&at);
    let receiver = Receiver::new(500);
    webhook(&isp, &receiver, &["subscriber.*"]);
    isp.subscriber();
    receiver.wait("a first try", |delivery| delivery.answered == 500);
    let entry = isp.get("/outbox").ok()[0]["id"].as_str().unwrap().to_owned();
    for what in ["cancel", "retry"] {
        let ask = || {
            let path = isp.at(&format!("/outbox/{entry}/{what}"));
            isp.client()
                .request(reqwest::Method::POST, &path)
                .header("idempotency-key", what)
                .send()
                .ok()
        };
        let first = ask();
        let state = if what == "cancel" { "CANCELLED" } else { "PENDING" };
        assert_eq!(first["state"], state, "{first}");
        assert_eq!(ask(), first);
    }
}
