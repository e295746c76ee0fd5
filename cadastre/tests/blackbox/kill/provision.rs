//! SIGKILL while subscribers are provisioned, moved to another plan and terminated, again and again on one data directory: each use
//! case has happened as a whole or not at all, can be sent again to the same end, and no address is lost or given twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{launch, seed};
use crate::support::{Client, Deployment, Space, Value, json};

const KILLS: usize = 5;
const CLIENTS: usize = 16;

/// Plans by what they include: an address and a prefix, an address, nothing.
const PLANS: [(&str, bool, bool); 3] = [
    ("full", true, true),
    ("static", true, false),
    ("plain", false, false),
];

struct Ground {
    space: Space,
    plans: Vec<String>,
    pools: Vec<String>,
}

impl Ground {
    fn new(at: &Deployment) -> Self {
        let mut ground = Self {
            space: at.space(),
            plans: Vec::new(),
            pools: Vec::new(),
        };
        for body in [
            json!({ "poolName": "v4", "poolType": "IPV4_PUBLIC", "networkCidr": "10.0.0.0/16", "gateway": "10.0.0.1",
                    "restDays": 0 }),
            json!({ "poolName": "pd", "poolType": "IPV6_PREFIX_DELEGATION", "networkCidr": "2001:db8::/40",
                    "restDays": 0 }),
        ] {
            ground.pools.push(ground.made("/ip-management/pools", &body));
        }
        for (name, static_ip, ipv6_pd) in PLANS {
            let features = json!({ "staticIp": static_ip, "ipv6Pd": ipv6_pd });
            let plan = ground.made("/plans", &json!({ "name": name, "features": features }));
            ground.plans.push(plan);
        }
        ground
    }

    fn at(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("/api/v1{path}{sign}addressSpaceId={}", self.space.id)
    }

    fn made(&self, path: &str, body: &Value) -> String {
        let made = self.space.client.post(&self.at(path), body).made();
        made["id"].as_str().unwrap().to_owned()
    }

    fn all(&self, path: &str) -> Vec<Value> {
        let (mut found, mut next) = (Vec::new(), Some(self.at(path)));
        while let Some(path) = next {
            let page = self.space.client.get(&path).expect(200);
            found.extend(page.json().as_array().unwrap().clone());
            next = page.next();
        }
        found
    }
}

/// What a subscriber is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Plan(usize),
    Gone,
}

/// Somebody who looks after subscribers of their own.
struct Clerk {
    client: Client,
    number: usize,
    random: StdRng,
    /// By number: what was asked for last.
    wishes: BTreeMap<usize, Wish>,
    /// The subscriber whose last wish was not answered.
    open: Option<usize>,
    answered: usize,
}

impl Clerk {
    fn id(&self, subscriber: usize) -> String {
        format!("c{}-{subscriber}", self.number)
    }

    /// Makes a subscriber, moves one to another plan, or ends one.
    fn act(&mut self, ground: &Ground) -> Result<(), ()> {
        let living: Vec<usize> = self
            .wishes
            .iter()
            .filter(|(_, wish)| **wish != Wish::Gone)
            .map(|(subscriber, _)| *subscriber)
            .collect();
        let make = living.len() < 4 || self.random.random_bool(0.4);
        let (subscriber, wish) = if make {
            (
                self.wishes.len(),
                Wish::Plan(self.random.random_range(0..PLANS.len())),
            )
        } else {
            let wish = match self.random.random_range(0..3) {
                0 => Wish::Gone,
                _ => Wish::Plan(self.random.random_range(0..PLANS.len())),
            };
            (living[self.random.random_range(0..living.len())], wish)
        };
        if make {
            let body = json!({ "id": self.id(subscriber) });
            let answer = self.call(&ground.at("/subscribers"), &body)?;
            assert!(answer == 201 || answer == 409, "{answer}");
        }
        let before = self.wishes.insert(subscriber, wish);
        self.open = Some(subscriber);
        self.send(ground, subscriber, before)
    }

    fn send(&mut self, ground: &Ground, subscriber: usize, before: Option<Wish>) -> Result<(), ()> {
        let (what, body) = match (self.wishes[&subscriber], before) {
            (Wish::Gone, _) => ("terminate", json!({})),
            (Wish::Plan(plan), None) => ("provision", json!({ "planId": ground.plans[plan] })),
            (Wish::Plan(plan), Some(_)) => ("change-plan", json!({ "planId": ground.plans[plan] })),
        };
        let path = ground.at(&format!("/subscribers/{}/{what}", self.id(subscriber)));
        let answer = self.call(&path, &body)?;
        assert_eq!(answer, 200, "{path}");
        self.open = None;
        self.answered += 1;
        Ok(())
    }

    fn call(&self, path: &str, body: &Value) -> Result<u16, ()> {
        let answer = self
            .client
            .request(reqwest::Method::POST, path)
            .json(body)
            .try_send()
            .map_err(drop)?;
        // A server that is stopping may say so.
        if answer.status == 503 {
            return Err(());
        }
        Ok(answer.status)
    }

    /// What had no answer is as it was or as it was wished; asked for again it is as it was wished.
    fn settle(&mut self, ground: &Ground) {
        let Some(subscriber) = self.open else { return };
        let now = ground
            .space
            .client
            .get(&ground.at(&format!("/subscribers/{}", self.id(subscriber))))
            .ok();
        let before = (now["status"] != "PENDING").then_some(Wish::Gone);
        self.send(ground, subscriber, before).unwrap();
    }
}

#[test]
fn a_use_case_that_a_kill_cut_off_is_done_or_not_begun_and_can_be_sent_again() {
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed.0);
    let mut at = launch().start();
    let ground = Ground::new(&at);
    let client = at.client().with_token(at.admin().token());
    let mut clerks: Vec<Clerk> = (0..CLIENTS)
        .map(|number| Clerk {
            client: client.clone(),
            number,
            random: StdRng::seed_from_u64(random.random()),
            wishes: BTreeMap::new(),
            open: None,
            answered: 0,
        })
        .collect();
    for kill in 0..KILLS {
        let over = AtomicBool::new(false);
        let load = Duration::from_millis(random.random_range(300..=700));
        std::thread::scope(|scope| {
            for clerk in &mut clerks {
                let (ground, over) = (&ground, &over);
                scope.spawn(move || while !over.load(Ordering::Relaxed) && clerk.act(ground).is_ok() {});
            }
            std::thread::sleep(load);
            at.kill();
            over.store(true, Ordering::Relaxed);
        });
        at.restart();
        for clerk in &mut clerks {
            clerk.settle(&ground);
        }
        assert_as_wished(&ground, &clerks, kill);
        at.assert_no_panic();
    }
    let answered: usize = clerks.iter().map(|clerk| clerk.answered).sum();
    assert!(
        answered > 50 * KILLS,
        "only {answered} use cases: this tests nothing"
    );
}

/// Every subscriber has what their plan includes and nothing else, no address is had twice, and the pools' counters and the tree
/// say the same.
fn assert_as_wished(ground: &Ground, clerks: &[Clerk], kill: usize) {
    let mut held: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut addresses = BTreeSet::new();
    for one in ground.all("/ip-management/reservations?status=ASSIGNED&limit=1000") {
        let text = |field: &str| one[field].as_str().unwrap().to_owned();
        assert!(
            addresses.insert(text("ipAddress")),
            "kill {kill}: {} is had twice",
            text("ipAddress")
        );
        held.entry(text("subscriberId"))
            .or_default()
            .push((text("ipType"), text("ipAddress")));
    }
    let known: BTreeMap<String, Value> = ground
        .all("/subscribers?limit=1000")
        .into_iter()
        .map(|one| (one["id"].as_str().unwrap().to_owned(), one))
        .collect();
    let mut expected = 0;
    for clerk in clerks {
        for (subscriber, wish) in &clerk.wishes {
            let id = clerk.id(*subscriber);
            let (status, plan, static_ip, ipv6_pd) = match wish {
                Wish::Gone => ("TERMINATED", None, false, false),
                Wish::Plan(plan) => ("ACTIVE", Some(*plan), PLANS[*plan].1, PLANS[*plan].2),
            };
            let has = known
                .get(&id)
                .unwrap_or_else(|| panic!("kill {kill}: {id} is lost"));
            assert_eq!(has["status"], status, "kill {kill}: {id}");
            if let Some(plan) = plan {
                assert_eq!(has["planId"], json!(ground.plans[plan]), "kill {kill}: {id}");
            }
            let of = |field: &str| has.get(field).is_some_and(Value::is_string);
            assert_eq!(
                (of("staticIpv4"), of("ipv6Prefix")),
                (static_ip, ipv6_pd),
                "kill {kill}: {has}"
            );
            let mut types: Vec<&str> = held
                .get(&id)
                .into_iter()
                .flatten()
                .map(|(ip_type, _)| ip_type.as_str())
                .collect();
            types.sort_unstable();
            let mut wanted = Vec::new();
            wanted.extend(static_ip.then_some("ipv4"));
            wanted.extend(ipv6_pd.then_some("ipv6_prefix"));
            assert_eq!(types, wanted, "kill {kill}: {id}");
            expected += wanted.len();
        }
    }
    assert_eq!(
        addresses.len(),
        expected,
        "kill {kill}: somebody unknown has an address"
    );
    let counted: usize = ground
        .pools
        .iter()
        .map(|pool| {
            let pool = ground
                .space
                .client
                .get(&ground.at(&format!("/ip-management/pools/{pool}")))
                .ok();
            let number = |field: &str| pool[field].as_str().unwrap().parse::<usize>().unwrap();
            assert_eq!(number("reservedCount"), 0, "kill {kill}");
            number("assignedCount")
        })
        .sum();
    assert_eq!(counted, expected, "kill {kill}: the pools count wrongly");
}
