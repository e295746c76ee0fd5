//! Reading one node with its resolved tags, beside a handler that returns the same bytes: always the same node,
//! nodes all over a space, and the same while the space changes (so that an answer that was only remembered
//! does not pass for a fast read).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;
use crate::api::Session;
use crate::client::Connection;
use crate::numbers::Spread;
use crate::process::{Bare, Product, Server as _};
use crate::report::{Cell, Goal, Report};
use crate::setup::{Setup, client_runtime};
use crate::wrk::Wrk;

const RESOLVED: usize = 5;
/// Nodes that the scattered reads visit in turn.
const NODES: u32 = 4_096;
/// Creations per second of the one who changes the space.
const CHANGES: u32 = 100;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    let directory = setup.directory()?;
    let runtime = client_runtime()?;
    let product = runtime.block_on(Product::start(setup, &directory.path().join("data")))?;
    let session = runtime.block_on(Session::open(&product))?;
    let space = runtime.block_on(make_space(&session))?;
    let paths = runtime.block_on(make_nodes(&session, &space))?;
    let body = runtime.block_on(session.fetch(&paths[0]))?;
    check(&body)?;
    let bare = Bare::start(setup, &body)?;
    let one = Wrk::new(directory.path(), "one", &paths[..1], &session.token)?;
    let many = Wrk::new(directory.path(), "many", &paths, &session.token)?;
    let bench = Bench {
        setup,
        product: &product,
        bare: &bare,
    };

    let mut rows = Vec::new();
    for (name, wrk, changing) in [
        ("the same node again and again", &one, false),
        ("4,096 nodes in turn", &many, false),
        (
            "4,096 nodes in turn, the space changing 100 times a second",
            &many,
            true,
        ),
    ] {
        let changes = changing.then(|| Changes::start(&session, &space));
        let measured = bench.compare(wrk)?;
        if let Some(changes) = changes {
            changes.stop()?;
        }
        rows.push(measured.row(name));
        let figure = match (changing, rows.len()) {
            (true, _) => "node read / bare handler, nodes in turn, space changing",
            (false, 1) => "node read / bare handler",
            (false, _) => "node read / bare handler, nodes in turn",
        };
        report.figure(figure, Spread::of(&measured.ratios).median, Goal::AtLeast(0.5));
    }
    let bare = format!("bare handler, same {} bytes/s", body.len());
    report.table(
        &[
            "GET …/ips/{ipId}",
            "product/s",
            &bare,
            "ratio",
            "CPU µs",
            "CPU µs (bare)",
        ],
        &rows,
    );
    report.note(
        "CPU: of the server's process, per request; it says more than the rates on a machine that is busy.",
    );
    runtime.block_on(product.stop())
}

struct Bench<'a> {
    setup: &'a Setup,
    product: &'a Product,
    bare: &'a Bare,
}

#[derive(Default)]
struct Measured {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    ratios: Vec<f64>,
    our_cpu: Vec<f64>,
    their_cpu: Vec<f64>,
}

impl Bench<'_> {
    fn compare(&self, wrk: &Wrk) -> Outcome<Measured> {
        let Self { setup, product, bare } = self;
        // Not counted: the first connections, caches, the processor's clock.
        wrk.run(product.address, Duration::from_secs(1))?;
        wrk.run(bare.address, Duration::from_secs(1))?;
        let mut measured = Measured::default();
        for _ in 0..setup.rounds {
            let before = product.cpu_seconds()?;
            let a = wrk.run(product.address, setup.round)?;
            let between = (product.cpu_seconds()?, bare.cpu_seconds()?);
            let b = wrk.run(bare.address, setup.round)?;
            measured.our_cpu.push((between.0 - before) * 1e6 / a.requests);
            measured
                .their_cpu
                .push((bare.cpu_seconds()? - between.1) * 1e6 / b.requests);
            measured.ours.push(a.rate);
            measured.theirs.push(b.rate);
            measured.ratios.push(a.rate / b.rate);
        }
        Ok(measured)
    }
}

impl Measured {
    fn row(&self, name: &str) -> Vec<Cell> {
        vec![
            Cell::text(name),
            Cell::rates(Spread::of(&self.ours)),
            Cell::rates(Spread::of(&self.theirs)),
            Cell::ratios(Spread::of(&self.ratios)),
            Cell::decimal(Spread::of(&self.our_cpu).median),
            Cell::decimal(Spread::of(&self.their_cpu).median),
        ]
    }
}

async fn make_space(session: &Session) -> Outcome<String> {
    let space = session.space("Node read").await?;
    session.tag(&space, "Continent", Value::Null).await?;
    session
        .tag(&space, "Region", json!({"Continent": {"eu-west-1": "Europe"}}))
        .await?;
    for tag in ["Owner", "Environment", "Service"] {
        session.tag(&space, tag, Value::Null).await?;
    }
    session
        .node(&space, "10.0.0.0/8", json!({"Owner": "team-networking"}))
        .await?;
    session
        .node(&space, "10.1.0.0/16", json!({"Region": "eu-west-1"}))
        .await?;
    Ok(space)
}

/// Nodes with three above each; two of their tags are their own and three come from above, one of them implied.
async fn make_nodes(session: &Session, space: &str) -> Outcome<Vec<String>> {
    let mut paths = Vec::new();
    for number in 0..NODES {
        let [_, _, third, subnet] = number.to_be_bytes();
        let (third, subnet) = (u32::from(third) * 16 + u32::from(subnet) / 16, subnet % 16);
        if subnet == 0 {
            session
                .node(space, &format!("10.1.{third}.0/24"), json!({}))
                .await?;
        }
        let prefix = format!("10.1.{third}.{}/28", subnet * 16);
        let tags = json!({"Environment": "production", "Service": "database"});
        paths.push(session.node(space, &prefix, tags).await?);
    }
    Ok(paths)
}

fn check(body: &[u8]) -> Outcome<()> {
    let node: Value = serde_json::from_slice(body)?;
    let resolved = node["resolvedTags"].as_object().map_or(0, serde_json::Map::len);
    if resolved == RESOLVED && !node["parentId"].is_null() {
        return Ok(());
    }
    Err(format!("the node should have a parent and {RESOLVED} resolved tags: {node}").into())
}

/// Somebody who goes on making nodes in a space.
struct Changes {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Outcome<()>>,
}

impl Changes {
    fn start(session: &Session, space: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (session, path, told) = (session.clone(), format!("{space}/ips"), Arc::clone(&stop));
        let thread =
            std::thread::spawn(move || client_runtime()?.block_on(make_changes(&session, &path, &told)));
        Self { stop, thread }
    }

    fn stop(self) -> Outcome<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| "the thread that changes the space panicked")?
    }
}

async fn make_changes(session: &Session, path: &str, stop: &AtomicBool) -> Outcome<()> {
    let mut connection = Connection::open(session.address).await?;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / CHANGES);
    let mut number: u32 = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let [_, b, c, d] = number.to_be_bytes();
        let body = format!(r#"{{"prefix":"10.{}.{c}.{d}/32"}}"#, 2 + b);
        let answer = connection.call(&session.post(path, &body)).await?;
        if answer.status != 201 {
            return Err(format!("a creation beside the reads: {} {}", answer.status, answer.text()).into());
        }
        number += 1;
    }
    Ok(())
}
