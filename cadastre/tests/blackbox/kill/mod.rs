//! SIGKILL at random moments while many clients write, again and again on one data directory: whatever was
//! acknowledged is there afterwards, what was under way has happened as a whole or not at all, and every way to
//! ask gives the same answer.

mod allocation;
mod audit;
mod follower;
mod provision;
mod region;
mod replicas;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::support::{Client, Deployment, Launch, Shape, Space, json};
use worker::Worker;

/// Kills in a run.
const ROUNDS: usize = 20;
const WORKERS: usize = 16;

/// Says how to repeat a run that failed.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "shown with the failure of the test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat this run: BLACKBOX_SEED={}", self.0);
        }
    }
}

fn seed() -> Seed {
    let given = std::env::var("BLACKBOX_SEED")
        .ok()
        .map(|text| text.parse().unwrap());
    Seed(given.unwrap_or_else(|| rand::rng().random()))
}

fn launch() -> Launch {
    Launch::new(Shape::OneProcess)
        .flags(&["--rate-limit=0", "--address-rate-limit=0"])
        .environment("CADASTRE_ACCESS_TOKEN_LIFETIME", "6h")
}

/// Two spaces, so that the groups of several writers meet in the store's log.
fn spaces(at: &Deployment) -> Vec<Space> {
    let prepare = |_| {
        let space = at.space();
        space.tag("Region");
        space.tag("Owner");
        space.define(json!({ "name": "Note", "type": "NonInheritable" }));
        space.define(json!({
            "name": "Site", "type": "Inheritable", "implies": { "Region": { "s0": "r0", "s1": "r1", "s2": "r0" } },
        }));
        space.node("10.0.0.0/8", json!({ "Owner": "everybody" }));
        space
    };
    (0..2).map(prepare).collect()
}

#[test]
fn what_was_acknowledged_survives_every_kill_and_nothing_is_half_done() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed.0);
    let mut at = launch().start();
    let spaces = spaces(&at);
    let mut workers: Vec<Worker> = (0..WORKERS)
        .map(|number| Worker::new(number, spaces[number % 2].seen_by(&client(&at)), random.random()))
        .collect();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let load = Duration::from_millis(random.random_range(150..=400));
        let dead = Arc::new(AtomicBool::new(false));
        std::thread::scope(|scope| {
            for worker in &mut workers {
                scope.spawn(|| worker.write_until(&dead));
            }
            std::thread::sleep(load);
            at.kill();
            dead.store(true, Ordering::Relaxed);
        });
        at.restart();
        for worker in &mut workers {
            worker.settle(round);
        }
        for (number, space) in spaces.iter().enumerate() {
            let expected = workers.iter().skip(number).step_by(2).map(Worker::region);
            audit::assert_consistent(space, expected, round);
        }
        at.assert_no_panic();
        acknowledged = workers.iter().map(|worker| worker.acknowledged).sum();
    }
    assert!(
        acknowledged > ROUNDS * WORKERS,
        "only {acknowledged} changes were acknowledged: this tests nothing"
    );
}

fn client(at: &Deployment) -> Client {
    at.client().with_token(at.admin().token())
}

#[test]
fn an_answer_to_a_key_is_the_same_after_a_kill_and_another_body_is_still_a_conflict() {
    let mut at = launch().start();
    let space = spaces(&at).remove(0);
    let send = |path: &str, body: &serde_json::Value, key: &str| {
        space
            .client
            .request(reqwest::Method::POST, path)
            .header("idempotency-key", key)
            .json(body)
            .send()
    };
    let name = crate::support::unique("kept");
    let cases = [
        (
            space.path("/ips"),
            json!({ "prefix": "10.1.0.0/16", "tags": { "Owner": "x" } }),
            json!({ "prefix": "10.2.0.0/16" }),
        ),
        (
            space.path("/tags"),
            json!({ "name": "New", "type": "Inheritable" }),
            json!({ "name": "Other", "type": "Inheritable" }),
        ),
        (
            "/api/v1/addressspaces".to_owned(),
            json!({ "name": name }),
            json!({ "name": "another" }),
        ),
        (
            "/api/v1/users".to_owned(),
            json!({ "username": name, "password": crate::support::world::PASSWORD }),
            json!({ "username": name, "password": "ten blue kites lose wind" }),
        ),
    ];
    let first: Vec<_> = cases
        .iter()
        .map(|(path, body, _)| send(path, body, "key").expect(201))
        .collect();
    at.kill();
    at.restart();
    for ((path, body, other), first) in cases.iter().zip(&first) {
        let again = send(path, body, "key").expect(201);
        assert_eq!(
            (again.json(), again.etag()),
            (first.json(), first.etag()),
            "{path}"
        );
        assert_eq!(again.header("location"), first.header("location"));
        send(path, other, "key").refused(409, "IdempotencyMismatch");
    }
    assert_eq!(space.prefixes("/ips"), ["10.0.0.0/8", "10.1.0.0/16"]);
}

#[test]
fn sessions_roles_and_tokens_survive_a_kill_and_so_do_their_ends() {
    let mut at = launch().start();
    let space = spaces(&at).remove(0);
    let user = at.user(&[crate::support::Grant::new("AddressSpaceViewer", &space.id)]);
    let (kept, ended) = (at.user(&[]), at.user(&[]));
    let token = user
        .client
        .post("/api/v1/auth/tokens", &json!({ "name": "t" }))
        .made();
    let program = at.client().with_token(token["token"].as_str().unwrap());
    ended
        .client
        .request(reqwest::Method::POST, "/api/v1/auth/logout")
        .send()
        .gone();
    at.kill();
    at.restart();
    user.client.get(&space.path("/ips")).expect(200);
    program.get(&space.path("/ips")).expect(200);
    user.client
        .post(&space.path("/ips"), &json!({ "prefix": "10.9.0.0/16" }))
        .refused(403, "Forbidden");
    kept.client.get("/api/v1/me").expect(200);
    ended.client.get("/api/v1/me").refused(401, "InvalidToken");
    space.delete("").gone();
    at.kill();
    at.restart();
    user.client.get(&space.path("/ips")).refused(404, "NotFound");
    space.get("/ips").refused(404, "NotFound");
}
