//! Rendezvous hashing: of the services, each partition has one that comes first, and an order for when that one is away.
//! Every frontend comes to the same order by itself, and when a service comes or goes only its own partitions move.
//!
//! It is for speed alone: whichever service decides, the head's etag keeps it right.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cadastre_api_types::internal::Partition;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

/// A service that could not be reached is asked last for this long.
const AWAY: Duration = Duration::from_secs(1);

/// Services and how they were last found.
#[derive(Debug)]
pub(super) struct Rendezvous {
    services: Vec<Service>,
    /// For calls that belong nowhere.
    turn: AtomicUsize,
    began: Instant,
}

#[derive(Debug)]
struct Service {
    url: String,
    /// Milliseconds since `began` until which it is thought to be away.
    away_until: AtomicU64,
    /// What those who look after it have found: it is silent, or waits for its store. It is asked last for as long.
    sick: watch::Sender<bool>,
}

impl Rendezvous {
    /// Between these services. Their URLs are what the order goes by: every frontend must spell them alike.
    pub(super) fn new(urls: Vec<String>) -> Self {
        let service = |url| Service {
            url,
            away_until: AtomicU64::new(0),
            sick: watch::Sender::new(false),
        };
        Self {
            services: urls.into_iter().map(service).collect(),
            turn: AtomicUsize::new(0),
            began: Instant::now(),
        }
    }

    /// The services in the order in which to ask them.
    pub(super) fn order(&self, partition: Partition<'_>) -> Vec<&str> {
        let mut order: Vec<&Service> = self.services.iter().collect();
        if order.len() > 1 {
            match name(partition) {
                None => {
                    let turn = self.turn.fetch_add(1, Ordering::Relaxed) % order.len();
                    order.rotate_left(turn);
                }
                Some(name) => {
                    order.sort_by_cached_key(|service| std::cmp::Reverse(score(&service.url, &name)))
                }
            }
            let now = self.now();
            // Stable: among those that are there, and among those that are away, the order stays.
            order.sort_by_key(|service| {
                (
                    *service.sick.borrow(),
                    service.away_until.load(Ordering::Relaxed) > now,
                )
            });
        }
        order.into_iter().map(|service| service.url.as_str()).collect()
    }

    /// A service could not be reached.
    pub(super) fn is_away(&self, url: &str) {
        let until = self.now() + AWAY.as_millis() as u64;
        if let Some(service) = self.services.iter().find(|service| service.url == url) {
            service.away_until.store(until, Ordering::Relaxed);
        }
    }

    /// All services, in the order in which they were named.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|service| service.url.as_str())
    }

    /// Whether a service is well, as somebody has found it who looked; `true` if that is news.
    pub(super) fn found(&self, url: &str, is_well: bool) -> bool {
        let known = self.services.iter().find(|service| service.url == url);
        known.is_some_and(|service| {
            service
                .sick
                .send_if_modified(|sick| std::mem::replace(sick, !is_well) == is_well)
        })
    }

    /// Ends when a service that was well is found sick.
    pub(super) async fn falls_sick(&self, url: &str) {
        let known = self.services.iter().find(|service| service.url == url);
        match known.filter(|service| !*service.sick.borrow()) {
            // It fails when the sender is gone, which is ours.
            Some(service) => drop(service.sick.subscribe().wait_for(|sick| *sick).await),
            None => std::future::pending().await,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn name(partition: Partition<'_>) -> Option<String> {
    match partition {
        Partition::Space(id) => Some(id.to_string()),
        Partition::User(name) => Some(format!("user/{name}")),
        Partition::Catalogue => Some("SYSTEM".to_owned()),
        Partition::Any => None,
    }
}

/// The same on every machine.
fn score(service: &str, partition: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(service.as_bytes());
    hash.update([0]);
    hash.update(partition.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashMap;

    use uuid::Uuid;

    use super::*;

    fn between(names: &[&str]) -> Rendezvous {
        Rendezvous::new(names.iter().map(|name| format!("http://{name}:8082")).collect())
    }

    fn firsts(services: &Rendezvous) -> Vec<String> {
        (0..3_000)
            .map(|n| services.order(Partition::Space(Uuid::from_u128(n)))[0].to_owned())
            .collect()
    }

    #[test]
    fn every_frontend_comes_to_the_same_order_however_its_list_is_sorted() {
        assert_eq!(
            firsts(&between(&["a", "b", "c"])),
            firsts(&between(&["c", "a", "b"]))
        );
        let user = Partition::User("ada");
        assert_eq!(between(&["a", "b"]).order(user), between(&["b", "a"]).order(user));
    }

    #[test]
    fn partitions_are_spread_and_only_those_of_a_service_that_goes_move() {
        let (three, two) = (firsts(&between(&["a", "b", "c"])), firsts(&between(&["a", "b"])));
        let mut shares: HashMap<&str, usize> = HashMap::new();
        for (before, after) in three.iter().zip(&two) {
            *shares.entry(before).or_default() += 1;
            assert!(before == after || before == "http://c:8082");
        }
        assert!(
            shares.len() == 3 && shares.values().all(|share| (800..1_200).contains(share)),
            "{shares:?}"
        );
    }

    #[test]
    fn a_service_that_is_away_is_asked_last_and_those_that_belong_nowhere_take_turns() {
        let services = between(&["a", "b"]);
        let partition = Partition::Space(Uuid::from_u128(7));
        let first = services.order(partition)[0].to_owned();
        services.is_away(&first);
        let order = services.order(partition);
        assert_eq!((order.len(), order[1]), (2, first.as_str()));
        // One that is sick comes behind one that was away a moment ago.
        let other = order[0].to_owned();
        assert!(services.found(&other, false) && !services.found(&other, false));
        assert_eq!(services.order(partition)[0], first);
        assert!(services.found(&other, true));
        assert_eq!(services.order(partition)[0], other);
        let services = between(&["a", "b"]);
        assert_ne!(
            services.order(Partition::Any)[0],
            services.order(Partition::Any)[0]
        );
    }
}
