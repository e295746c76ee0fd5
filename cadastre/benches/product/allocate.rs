//! Allocations: many clients on one pool beside the bare handler, and what one costs the more is taken.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;
use crate::api::Session;
use crate::client;
use crate::create::{Groups, Measured, get};
use crate::load::{self, Plan};
use crate::process::{Bare, Product};
use crate::report::{Cell, Goal, Report};
use crate::setup::{Setup, client_runtime};

const CLIENTS: usize = 64;
/// Most prefixes of one request.
const MOST: usize = 1_000;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    let directory = setup.directory()?;
    client_runtime()?.block_on(Box::pin(async {
        let product = Product::start(setup, &directory.path().join("data")).await?;
        let session = Session::open(&product).await?;
        side_by_side(setup, report, &session).await?;
        for (pool, length, name) in [
            (
                "10.0.0.0/8",
                32,
                "allocation of /32 from a /8: slowest median / fastest",
            ),
            (
                "2001:db8::/32",
                64,
                "allocation of /64 from a /32: slowest median / fastest",
            ),
        ] {
            growth(setup, report, &session, (pool, length), name).await?;
        }
        product.stop().await
    }))
}

/// A pool, and how to take from it.
struct Pool<'a> {
    session: &'a Session,
    space: String,
    node: String,
    length: u8,
}

impl<'a> Pool<'a> {
    async fn prepare(session: &'a Session, prefix: &str, length: u8) -> Outcome<Self> {
        let space = session.space(&format!("Pool {prefix}")).await?;
        let node = session.node(&space, prefix, json!({})).await?;
        Ok(Self {
            session,
            space,
            node,
            length,
        })
    }

    fn request(&self, count: usize) -> Vec<u8> {
        let body = format!(r#"{{"prefixLength":{},"count":{count}}}"#, self.length);
        self.session.post(&format!("{}/allocate", self.node), &body)
    }

    fn plan<'p>(&self, clients: usize, next: &'p dyn Fn() -> Option<Vec<u8>>, expected: u16) -> Plan<'p> {
        Plan {
            address: self.session.address,
            clients,
            next,
            expected,
        }
    }

    /// Number of nodes directly beneath the pool.
    async fn taken(&self) -> Outcome<usize> {
        let bytes = self.session.fetch(&format!("{}/utilization", self.node)).await?;
        let told: Value = serde_json::from_slice(&bytes)?;
        Ok(told["children"].as_str().unwrap_or_default().parse()?)
    }

    /// Takes until so many are taken; ids of some of them.
    async fn fill(&self, upto: usize) -> Outcome<Vec<String>> {
        let mut ids = Vec::new();
        let mut taken = self.taken().await?;
        while taken < upto {
            let count = (upto - taken).min(MOST);
            let answer = client::once(self.session.address, &self.request(count), 201).await?;
            let nodes: Vec<Value> = serde_json::from_slice(&answer)?;
            taken += nodes.len();
            ids.extend(
                nodes
                    .iter()
                    .filter_map(|node| node["id"].as_str())
                    .map(str::to_owned),
            );
        }
        Ok(ids)
    }
}

async fn side_by_side(setup: &Setup, report: &mut Report, session: &Session) -> Outcome<()> {
    let pool = Pool::prepare(session, "11.0.0.0/8", 32).await?;
    let first = client::once(session.address, &pool.request(1), 201).await?;
    let bare = Bare::start(setup, &first)?;
    let request = pool.request(1);
    let next = || Some(request.clone());
    let mut ours = Measured::named("allocation of one address", CLIENTS);
    let mut handler = Measured::named("bare handler, GET of what an allocation answers", CLIENTS);
    let before = Groups::read(session).await?;
    let mut acknowledged = 1;
    for _ in 0..setup.rounds {
        let load = load::run(&pool.plan(CLIENTS, &next, 201), Some(setup.round)).await?;
        acknowledged += load.latencies.count();
        ours.add(load);
        handler.add(get(&bare, session, CLIENTS, setup.round / 2).await?);
    }
    let groups = Groups::read(session).await?.since(&before);
    ours.group_size = groups.mean();
    let taken = pool.taken().await?;
    if taken != acknowledged {
        return Err(format!("{acknowledged} allocations were answered, {taken} addresses are taken").into());
    }
    report.figure(
        "allocation, 64 clients / bare handler (same client)",
        ours.rate().median / handler.rate().median,
        Goal::AtLeast(0.3),
    );
    report.note(&groups.in_words());
    report.table(
        &["", "clients", "per second", "p50 ms", "p99 ms", "group size"],
        &[ours.row(), handler.row()],
    );
    Ok(())
}

/// What one allocation costs with more and more taken, and after releases all over the pool.
async fn growth(
    setup: &Setup,
    report: &mut Report,
    session: &Session,
    (prefix, length): (&str, u8),
    name: &'static str,
) -> Outcome<()> {
    let pool = Pool::prepare(session, prefix, length).await?;
    let (sizes, released): (&[usize], usize) = if setup.quick {
        (&[10, 1_000, 10_000], 1_000)
    } else {
        (&[10, 10_000, 1_000_000], 100_000)
    };
    let mut ids = Vec::new();
    let mut rows = Vec::new();
    let mut medians: Vec<f64> = Vec::new();
    for size in sizes {
        ids.extend(pool.fill(*size).await?);
        let median = one(setup, &pool, &format!("{size} taken"), &mut rows).await?;
        medians.push(median);
    }
    release(&pool, ids, released).await?;
    let after = format!("after releasing {released} at random");
    medians.push(one(setup, &pool, &after, &mut rows).await?);
    let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
    let most = medians.iter().copied().fold(0.0, f64::max);
    report.figure(name, most / least, Goal::AtMost(1.5));
    report.table(
        &[
            &format!("/{length} from {prefix}, one client"),
            "per second",
            "p50 ms",
            "p99 ms",
        ],
        &rows,
    );
    Ok(())
}

async fn one(setup: &Setup, pool: &Pool<'_>, name: &str, rows: &mut Vec<Vec<Cell>>) -> Outcome<f64> {
    let request = pool.request(1);
    let next = || Some(request.clone());
    let load = load::run(&pool.plan(1, &next, 201), Some(setup.latency_round)).await?;
    let [p50, p99] = load.latencies.quantiles([0.5, 0.99]);
    rows.push(vec![
        Cell::text(name),
        Cell::count(load.rate()),
        Cell::millis(p50),
        Cell::millis(p99),
    ]);
    Ok(p50)
}

/// Removes nodes all over the pool.
async fn release(pool: &Pool<'_>, ids: Vec<String>, count: usize) -> Outcome<()> {
    let places = ids.len().max(1);
    // A prime that divides no number of nodes used here visits each once.
    let chosen: BTreeSet<usize> = (0..count.min(places)).map(|n| n * 1_000_003 % places).collect();
    let chosen = RefCell::new(chosen.into_iter());
    let next = || {
        let index = chosen.borrow_mut().next()?;
        Some(pool.session.delete(&format!("{}/ips/{}", pool.space, ids[index])))
    };
    let long = Duration::from_secs(600);
    load::run(&pool.plan(CLIENTS, &next, 204), Some(long)).await?;
    Ok(())
}
