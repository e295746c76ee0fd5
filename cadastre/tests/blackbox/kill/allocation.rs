//! SIGKILL in the middle of an allocation race, three times: after each restart every address that was acknowledged is
//! taken exactly once, by the node that was told, and what was asked for without an answer is had by asking again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;

use super::launch;
use crate::support::{Space, Value, json};

/// Kills in a run.
const KILLS: usize = 3;
const CLIENTS: usize = 24;

/// Somebody who takes addresses as fast as they are given.
struct Taker {
    number: usize,
    space: Space,
    asked: usize,
    /// The request without an answer: its key and body.
    open: Option<(String, Value)>,
    /// Prefix → id.
    taken: Vec<(String, String)>,
}

impl Taker {
    /// Asks, and asks again with the same key where no answer came.
    fn ask(&mut self, pool: &str) -> Result<(), ()> {
        let (key, body) = self.open.take().unwrap_or_else(|| {
            self.asked += 1;
            let count = if self.asked.is_multiple_of(7) { 5 } else { 1 };
            let body = json!({ "prefixLength": 32, "count": count });
            (format!("t{}-{}", self.number, self.asked), body)
        });
        self.open = Some((key.clone(), body.clone()));
        let request = self
            .space
            .client
            .request(Method::POST, &self.space.path(&format!("/ips/{pool}/allocate")))
            .header("idempotency-key", &key)
            .json(&body);
        let answer = request.try_send().map_err(drop)?;
        // A server that is stopping may say so.
        if answer.status == 503 {
            return Err(());
        }
        for node in answer.expect(201).json().as_array().unwrap() {
            let text = |field: &str| node[field].as_str().unwrap().to_owned();
            self.taken.push((text("prefix"), text("id")));
        }
        self.open = None;
        Ok(())
    }
}

#[test]
fn every_address_that_was_acknowledged_is_taken_exactly_once_after_every_kill() {
    let mut at = launch().start();
    let space = at.space();
    let pool = space.node("10.0.0.0/12", json!({}));
    let client = at.client().with_token(at.admin().token());
    let mut takers: Vec<Taker> = (0..CLIENTS)
        .map(|number| Taker {
            number,
            space: space.seen_by(&client),
            asked: 0,
            open: None,
            taken: Vec::new(),
        })
        .collect();
    for kill in 0..=KILLS {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for taker in &mut takers {
                let (pool, over) = (&pool, &over);
                scope.spawn(move || while !over.load(Ordering::Relaxed) && taker.ask(pool).is_ok() {});
            }
            std::thread::sleep(Duration::from_millis(700));
            if kill < KILLS {
                at.kill();
            }
            over.store(true, Ordering::Relaxed);
        });
        if kill < KILLS {
            at.restart();
        }
        for taker in &mut takers {
            if taker.open.is_some() {
                taker.ask(&pool).unwrap();
            }
        }
        assert_exactly_once(&space, &pool, &takers, kill);
        at.assert_no_panic();
    }
    let taken: usize = takers.iter().map(|taker| taker.taken.len()).sum();
    assert!(taken > 100 * KILLS, "only {taken} addresses: this tests nothing");
}

fn assert_exactly_once(space: &Space, pool: &str, takers: &[Taker], kill: usize) {
    let mut told: BTreeMap<&str, &str> = BTreeMap::new();
    for (prefix, id) in takers.iter().flat_map(|taker| &taker.taken) {
        let before = told.insert(prefix, id);
        assert_eq!(before, None, "kill {kill}: {prefix} was given twice");
    }
    let exported = space
        .get(&format!("/ips/export?format=ndjson&subtreeOf={pool}"))
        .expect(200)
        .text();
    let there: Vec<Value> = exported
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let prefixes: Vec<&str> = there
        .iter()
        .map(|node| node["prefix"].as_str().unwrap())
        .collect();
    assert_eq!(
        prefixes.len(),
        told.len(),
        "kill {kill}: as many nodes as were told"
    );
    for prefix in &prefixes {
        assert!(
            told.contains_key(prefix),
            "kill {kill}: nobody was told of {prefix}"
        );
    }
    // By id, for a part of them: the node that was told is the one that is there.
    for (prefix, id) in told.iter().step_by(told.len() / 50 + 1) {
        assert_eq!(
            space.get(&format!("/ips/{id}")).ok()["prefix"],
            json!(prefix),
            "kill {kill}"
        );
    }
    let used = space.get(&format!("/ips/{pool}/utilization")).ok();
    assert_eq!(
        used["used"],
        json!(told.len().to_string()),
        "kill {kill}: the counter equals a recount"
    );
}
