//! A region for a minute on a bad day: two data access services on Azurite, each behind a line that drops, delays and
//! doubles what goes through it, are killed in turn, while clients take addresses from one pool and edit one tree. What
//! everybody was told is written down, and checked: no address twice, no acknowledged change lost, and nobody reads
//! anything older than what they were told before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Method;

use super::seed;
use crate::support::faulty_line::FaultyLine;
use crate::support::http::Request;
use crate::support::services::azurite;
use crate::support::{Answer, Launch, Shape, Space, json, pages};

const CLIENTS: usize = 32;
/// As many of them edit, each a node of their own; the others take addresses.
const EDITORS: usize = 16;
const TIME: Duration = Duration::from_secs(60);

/// A node with a tag that counts its edits, and a node beneath it that inherits the tag.
struct Edited {
    parent: String,
    child: String,
}

/// Somebody with a token, and what they were told.
struct Caller<'a> {
    number: usize,
    space: Space,
    edited: &'a [Edited],
    rng: StdRng,
    /// The count of each edited node that was read or acknowledged last.
    known: Vec<u64>,
    /// Edits of the own node that were acknowledged.
    acknowledged: u64,
    asked: u64,
    /// Prefix and id.
    taken: Vec<(String, String)>,
}

/// An answer that says something; otherwise the request is to be sent again.
fn told(answer: Result<Answer, reqwest::Error>) -> Option<Answer> {
    let answer = answer.ok()?;
    match answer.status {
        // The way to the store, or a replica, is gone for a moment.
        502..=504 => None,
        409 if answer.error()["code"] == "Contention" => None,
        200 | 201 => Some(answer),
        _ => panic!("{answer:?}"),
    }
}

impl Caller<'_> {
    fn until_told(&self, over: &AtomicBool, request: impl Fn() -> Request) -> Option<Answer> {
        loop {
            if let Some(answer) = told(request().try_send()) {
                return Some(answer);
            }
            if over.load(Ordering::Relaxed) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn take(&mut self, pool: &str, never: &AtomicBool) {
        self.asked += 1;
        let key = format!("c{}-{}", self.number, self.asked);
        // Some are larger than a commit of the store.
        let count = match self.asked % 9 {
            0 => 40,
            3 => 4,
            _ => 1,
        };
        let path = self.space.path(&format!("/ips/{pool}/allocate"));
        let body = json!({ "prefixLength": 32, "count": count });
        let request = || {
            let request = self.space.client.request(Method::POST, &path);
            request.header("idempotency-key", &key).json(&body)
        };
        let made = self.until_told(never, request).unwrap().json();
        let made = made.as_array().unwrap();
        assert_eq!(made.len(), count, "all or none");
        for node in made {
            let text = |field: &str| node[field].as_str().unwrap().to_owned();
            self.taken.push((text("prefix"), text("id")));
        }
    }

    fn edit(&mut self, never: &AtomicBool) {
        let (mine, next) = (self.number, self.acknowledged + 1);
        let path = self.space.path(&format!("/ips/{}", self.edited[mine].parent));
        let body = json!({ "tags": { "Count": next.to_string() } });
        self.until_told(never, || {
            self.space.client.request(Method::PUT, &path).json(&body)
        });
        self.acknowledged = next;
        self.known[mine] = next;
    }

    /// Reads the inherited count of some node: never less than what this caller knows.
    fn read(&mut self) {
        let which = self.rng.random_range(0..self.edited.len());
        let child = &self.edited[which].child;
        let by_id = self.rng.random_bool(0.5);
        let path = if by_id {
            self.space.path(&format!("/ips/{child}"))
        } else {
            self.space.path(&format!("/ips?prefix=10.{}.1.0/24", 100 + which))
        };
        let Some(answer) = told(self.space.client.request(Method::GET, &path).try_send()) else {
            return;
        };
        let answer = answer.json();
        let node = if by_id { &answer } else { &answer[0] };
        let count: u64 = node["resolvedTags"]["Count"].as_str().unwrap().parse().unwrap();
        let known = self.known[which];
        assert!(count >= known, "{path} says {count} to one who knows of {known}");
        self.known[which] = count;
    }
}

fn pools(space: &Space) -> (String, Vec<Edited>) {
    space.tag("Count");
    let pool = space.node("10.0.0.0/16", json!({}));
    let edited = (0..EDITORS).map(|number| Edited {
        parent: space.node(&format!("10.{}.0.0/16", 100 + number), json!({ "Count": "0" })),
        child: space.node(&format!("10.{}.1.0/24", 100 + number), json!({})),
    });
    (pool, edited.collect())
}

#[test]
#[expect(clippy::print_stderr, reason = "says how bad the day was")]
fn on_a_bad_day_of_a_region_nothing_is_given_twice_lost_or_read_as_it_was_before() {
    let seed = seed();
    let lines = [
        FaultyLine::lay(&azurite(), seed.0),
        FaultyLine::lay(&azurite(), !seed.0),
    ];
    let mut at = Launch::new(Shape::Region)
        .flags(&["--rate-limit=0", "--address-rate-limit=0"])
        .environment("CADASTRE_ACCESS_TOKEN_LIFETIME", "6h")
        .tables_at("dataaccess", &lines[0].address)
        .tables_at("dataaccess-2", &lines[1].address)
        .start();
    let (client, space) = (at.admin(), at.space());
    let (pool, edited) = pools(&space);
    lines.iter().for_each(|line| line.go_bad(true));
    let (over, never, reads) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let callers: Vec<Caller<'_>> = (0..CLIENTS)
        .map(|number| Caller {
            number,
            space: space.seen_by(&client),
            edited: &edited,
            rng: StdRng::seed_from_u64(seed.0.wrapping_add(number as u64)),
            known: vec![0; EDITORS],
            acknowledged: 0,
            asked: 0,
            taken: Vec::new(),
        })
        .collect();
    let callers: Vec<Caller<'_>> = std::thread::scope(|scope| {
        let running: Vec<_> = callers
            .into_iter()
            .map(|mut caller| {
                let (over, never, reads, pool) = (&over, &never, &reads, &pool);
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        if caller.number < EDITORS {
                            caller.edit(never);
                        } else {
                            caller.take(pool, never);
                        }
                        for _ in 0..2 {
                            caller.read();
                            reads.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    caller
                })
            })
            .collect();
        let end = Instant::now() + TIME;
        for role in ["dataaccess", "dataaccess-2", "frontend"].into_iter().cycle() {
            std::thread::sleep(Duration::from_secs(4));
            if Instant::now() > end || running.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                break;
            }
            at.process(role).kill();
            std::thread::sleep(Duration::from_secs(1));
            at.start(role);
        }
        over.store(true, Ordering::Relaxed);
        lines.iter().for_each(|line| line.go_bad(false));
        running.into_iter().map(|caller| caller.join().unwrap()).collect()
    });

    let taken: Vec<&(String, String)> = callers.iter().flat_map(|caller| &caller.taken).collect();
    let edits: u64 = callers.iter().map(|caller| caller.acknowledged).sum();
    eprintln!(
        "{} addresses, {edits} edits, {} reads; {:?} and {:?}",
        taken.len(),
        reads.load(Ordering::Relaxed),
        lines[0].incidents,
        lines[1].incidents
    );
    assert!(taken.len() > 200 && edits > 100, "this tests nothing");
    // No address twice, none lost, none that nobody was told of.
    let told: BTreeMap<&str, &str> = taken
        .iter()
        .map(|(prefix, id)| (prefix.as_str(), id.as_str()))
        .collect();
    assert_eq!(told.len(), taken.len(), "an address was given twice");
    let children = pages::all(&client, &space.path(&format!("/ips/{pool}/children")), 1000, "id");
    let there: BTreeMap<&str, &str> = children
        .iter()
        .map(|node| (node["prefix"].as_str().unwrap(), node["id"].as_str().unwrap()))
        .collect();
    assert_eq!(there, told);
    let used = space.get(&format!("/ips/{pool}/utilization")).ok();
    assert_eq!(
        used["used"],
        json!(told.len().to_string()),
        "the counter equals a recount"
    );
    // No edit is lost.
    for caller in &callers[..EDITORS] {
        let node = space.get(&format!("/ips/{}", edited[caller.number].parent)).ok();
        assert_eq!(node["tags"]["Count"], json!(caller.acknowledged.to_string()));
    }
    every_change_is_in_the_journal_once(&space, edits, told.len());
    at.assert_no_panic();
}

fn every_change_is_in_the_journal_once(space: &Space, edits: u64, taken: usize) {
    let changes = pages::all(&space.client, &space.path("/changes?since=0"), 1000, "version");
    let versions: BTreeSet<u64> = changes
        .iter()
        .map(|change| change["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions.len(), changes.len());
    assert_eq!(
        versions.last().copied(),
        Some(versions.len() as u64),
        "the journal has gaps"
    );
    let of = |command: &str| {
        changes
            .iter()
            .filter(|change| change["command"] == command)
            .count() as u64
    };
    assert_eq!(
        of("UpdateNode"),
        edits,
        "an edit was made twice, or one that nobody was told of"
    );
    let made: usize = changes
        .iter()
        .filter(|change| change["command"] == "Allocate")
        .map(|change| change["changes"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(made, taken);
}
