//! How latencies, memory and the time of a restart grow with the number of nodes in one space.

use std::cell::Cell as Counter;
use std::path::Path;
use std::time::Instant;

use crate::Outcome;
use crate::api::Session;
use crate::client::Connection;
use crate::fill::{Filled, fill, site_name};
use crate::load::{self, Plan};
use crate::numbers::Latencies;
use crate::process::{Bare, Memory, Product};
use crate::report::{Cell, Goal, Report};
use crate::setup::{Setup, client_runtime};

/// Clients at the same time: one shows the latency, eight that it holds while others work.
const CLIENTS: [usize; 2] = [1, 8];
/// How often a node is put above all others.
const REPEATS_ABOVE: usize = 20;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    let mut worst: f64 = 0.0;
    let (mut memory, mut restart) = (0.0, 0.0);
    for nodes in setup.growth {
        let directory = setup.directory()?;
        let data = directory.path().join("data");
        let filled = fill(&data, *nodes)?;
        let measured = client_runtime()?.block_on(Box::pin(measure(setup, report, &data, &filled)))?;
        worst = worst.max(measured.worst_p99);
        memory = measured.memory;
        restart = measured.restart;
    }
    report.figure(
        "growth: worst p99 of any read, 1 client, ms",
        worst,
        Goal::AtMost(20.0),
    );
    report.figure(
        "growth: memory at the largest size, MiB",
        memory,
        Goal::AtMost(1024.0),
    );
    report.figure(
        "growth: restart to ready at the largest size, s",
        restart,
        Goal::AtMost(2.0),
    );
    Ok(())
}

struct Measured {
    worst_p99: f64,
    memory: f64,
    restart: f64,
}

async fn measure(setup: &Setup, report: &mut Report, data: &Path, filled: &Filled) -> Outcome<Measured> {
    let product = Product::start(setup, data).await?;
    let session = Session::open(&product).await?;
    let empty = product.memory(Memory::Now)?;
    let operations = operations(&session, filled).await?;
    let floor = Floor::of(setup, &session, &operations).await?;

    let mut rows = Vec::new();
    let mut worst_p99: f64 = 0.0;
    for operation in &operations {
        let mut row = vec![Cell::text(&operation.name)];
        for clients in CLIENTS {
            let Operation { next, expected, .. } = operation;
            let plan = Plan {
                address: session.address,
                clients,
                next,
                expected: *expected,
            };
            let load = load::warm_and_run(&plan, setup.latency_round).await?;
            let [p50, p99] = load.latencies.quantiles([0.5, 0.99]);
            if clients == 1 && operation.expected == 200 {
                worst_p99 = worst_p99.max(p99);
                row.push(Cell::count(
                    load.body_bytes as f64 / load.latencies.count().max(1) as f64,
                ));
            } else if clients == 1 {
                row.push(Cell::text(""));
            }
            row.extend([Cell::count(load.rate()), Cell::millis(p50), Cell::millis(p99)]);
        }
        rows.push(row);
    }
    rows.push(floor.row(setup, &session).await?);
    let above = above_all(&session, filled).await?;
    let memory = product.memory(Memory::Now)?;
    let peak = product.memory(Memory::Peak)?;
    product.stop().await?;
    let clean = restart(setup, data).await?;
    let after_kill = restart_after_kill(setup, data, &session, filled).await?;

    report.note(&format!(
        "{} nodes, made at {:.0}/s by the data access layer in process; memory {empty:.0} MiB after the start, \
         {memory:.0} MiB after the measurements, {peak:.0} MiB at most; ready {clean:.2} s after a clean stop, \
         {after_kill:.2} s after kill -9",
        filled.nodes, filled.rate
    ));
    let columns = [
        "",
        "bytes",
        "1 client/s",
        "p50 ms",
        "p99 ms",
        "8 clients/s",
        "p50 ms (8)",
        "p99 ms (8)",
    ];
    report.table(&columns, &rows);
    report.table(
        &["one node above all others (8.0.0.0/5)", "p50 ms", "worst ms"],
        &above,
    );
    Ok(Measured {
        worst_p99,
        memory,
        restart: clean.max(after_kill),
    })
}

/// Makes and deletes a node that contains all others. No other row changes, but what is remembered of resolved
/// tags is void each time.
async fn above_all(session: &Session, filled: &Filled) -> Outcome<Vec<Vec<Cell>>> {
    let path = format!("/api/v1/addressspaces/{}/ips", filled.space);
    let create = session.post(&path, r#"{"prefix":"8.0.0.0/5"}"#);
    let mut connection = Connection::open(session.address).await?;
    let (mut made, mut deleted) = (Latencies::default(), Latencies::default());
    for _ in 0..REPEATS_ABOVE {
        let started = Instant::now();
        let answer = connection.call(&create).await?;
        made.push(started.elapsed());
        let place = answer.header("location").filter(|_| answer.status == 201);
        let place = place.ok_or_else(|| format!("a node above all: {} {}", answer.status, answer.text()))?;
        let delete = session.delete(place);
        let started = Instant::now();
        let answer = connection.call(&delete).await?;
        deleted.push(started.elapsed());
        if answer.status != 204 {
            return Err(format!("deleting a node above all: {} {}", answer.status, answer.text()).into());
        }
    }
    let row = |name: &str, latencies: &Latencies| {
        let [p50, worst] = latencies.quantiles([0.5, 1.0]);
        vec![Cell::text(name), Cell::millis(p50), Cell::millis(worst)]
    };
    Ok(vec![row("create it", &made), row("delete it", &deleted)])
}

async fn restart(setup: &Setup, data: &Path) -> Outcome<f64> {
    let product = Product::start(setup, data).await?;
    let seconds = product.ready_after.as_secs_f64();
    product.stop().await?;
    Ok(seconds)
}

/// With some creations just before the end, so that there is a log to be replayed.
async fn restart_after_kill(setup: &Setup, data: &Path, before: &Session, filled: &Filled) -> Outcome<f64> {
    let product = Product::start(setup, data).await?;
    let session = Session {
        address: product.address,
        token: before.token.clone(),
    };
    let create = create(&session, filled, 3);
    let plan = Plan {
        address: session.address,
        clients: 64,
        next: &create.next,
        expected: create.expected,
    };
    load::run(&plan, Some(setup.latency_round)).await?;
    product.kill()?;
    restart(setup, data).await
}

/// Something to measure.
struct Operation<'a> {
    name: String,
    next: Box<dyn Fn() -> Option<Vec<u8>> + 'a>,
    expected: u16,
}

async fn operations<'a>(session: &'a Session, filled: &'a Filled) -> Outcome<Vec<Operation<'a>>> {
    let ips = format!("/api/v1/addressspaces/{}/ips", filled.space);
    let same = |name: &str, path: String| {
        let request = session.get(&path);
        Operation {
            name: name.to_owned(),
            next: Box::new(move || Some(request.clone())),
            expected: 200,
        }
    };
    // Places all over the tree, none soon again, so that what is measured is not one warm row.
    let scattered = |name: &str, path: Box<dyn Fn(usize) -> String + 'a>| {
        let at = Counter::new(0_usize);
        let next = move || {
            at.set((at.get() + 7_919) % filled.sample.len());
            Some(session.get(&path(at.get())))
        };
        Operation {
            name: name.to_owned(),
            next: Box::new(next),
            expected: 200,
        }
    };
    let of_node = |suffix: &'static str| -> Box<dyn Fn(usize) -> String> {
        let ips = ips.clone();
        Box::new(move |at| format!("{ips}/{}{suffix}", filled.sample[at].0))
    };
    let tags = |condition: &str| format!("{ips}?tags={condition}&limit=100");
    let deep = session.page_behind(&ips, filled.nodes / 2).await?;
    let lookups = ips.clone();
    let site = site_name(filled.sites / 2);
    Ok(vec![
        scattered("node read", of_node("")),
        scattered("explain", of_node("/explain")),
        scattered(
            "lookup",
            Box::new(move |at| format!("{lookups}/lookup?address={}", filled.sample[at].1.addr())),
        ),
        same(
            "children of a site, page of 100",
            format!("{ips}/{}/children?limit=100", filled.site),
        ),
        same("list, first page of 100", format!("{ips}?limit=100")),
        same("list, page of 100 in the middle", deep),
        same("tag query, rare value (3 networks)", tags("Project=apollo")),
        same(
            "tag query, common value (a quarter)",
            tags("Environment=production"),
        ),
        same("tag query, implied value (half)", tags("Continent=Europe")),
        same(
            "tag query, common and one site",
            tags(&format!("Environment=production,Site={site}")),
        ),
        same(
            "tag query, two common that never meet",
            tags("Environment=production,Shift=night"),
        ),
        create(session, filled, 2),
    ])
}

/// Creations of addresses beneath networks all over the tree. `part` keeps two such series apart.
fn create<'a>(session: &'a Session, filled: &'a Filled, part: u32) -> Operation<'a> {
    let path = format!("/api/v1/addressspaces/{}/ips", filled.space);
    let count = Counter::new(0_u32);
    let next = move || {
        let number = count.get();
        count.set(number + 1);
        let (site, rest) = (number % filled.sites, number / filled.sites);
        let (network, host) = (rest % 256, rest / 256);
        let (first, second) = (10 + site / 256, site % 256);
        // Behind the subnets of the network, which end at 47.
        (host < 64).then(|| {
            let address = format!("{first}.{second}.{network}.{}", part * 64 + host);
            session.post(&path, &format!(r#"{{"prefix":"{address}/32"}}"#))
        })
    };
    Operation {
        name: "create an address (durable)".to_owned(),
        next: Box::new(next),
        expected: 201,
    }
}

/// The bare handler with the bytes of a node: what a round trip costs here with this client.
struct Floor {
    bare: Bare,
    bytes: usize,
}

impl Floor {
    async fn of(setup: &Setup, session: &Session, operations: &[Operation<'_>]) -> Outcome<Self> {
        let request = operations
            .first()
            .and_then(|operation| (operation.next)())
            .unwrap_or_default();
        let body = crate::client::once(session.address, &request, 200).await?;
        Ok(Self {
            bare: Bare::start(setup, &body)?,
            bytes: body.len(),
        })
    }

    async fn row(&self, setup: &Setup, session: &Session) -> Outcome<Vec<Cell>> {
        let request = session.get("/");
        let next = || Some(request.clone());
        let mut row = vec![
            Cell::text("bare handler, the bytes of a node"),
            Cell::count(self.bytes as f64),
        ];
        for clients in CLIENTS {
            let plan = Plan {
                address: self.bare.address,
                clients,
                next: &next,
                expected: 200,
            };
            let load = load::warm_and_run(&plan, setup.latency_round).await?;
            let [p50, p99] = load.latencies.quantiles([0.5, 0.99]);
            row.extend([Cell::count(load.rate()), Cell::millis(p50), Cell::millis(p99)]);
        }
        Ok(row)
    }
}
