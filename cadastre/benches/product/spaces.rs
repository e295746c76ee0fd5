//! A hundred thousand spaces: making them, and finding some among them.

use std::cell::Cell as Counter;

use crate::Outcome;
use crate::api::Session;
use crate::client::once;
use crate::load::{self, Plan};
use crate::process::{Bare, Memory, Product};
use crate::raw_store::{ROWS, RawStore};
use crate::report::{Cell, Goal, Report};
use crate::setup::{Setup, client_runtime};

const CLIENTS: usize = 64;
/// So many spaces have a name of their own kind.
const NEEDLES: usize = 5;
const SPACES: &str = "/api/v1/addressspaces";

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    let directory = setup.directory()?;
    client_runtime()?.block_on(Box::pin(async {
        let data = directory.path().join("data");
        let product = Product::start(setup, &data).await?;
        let session = Session::open(&product).await?;
        make(setup, &session, report, &directory.path().join("raw")).await?;
        let worst = find(setup, &session, report).await?;
        report.figure(
            "100,000 spaces: worst p99 of a list, 1 client, ms",
            worst,
            Goal::AtMost(20.0),
        );
        let memory = product.memory(Memory::Now)?;
        product.stop().await?;
        let product = Product::start(setup, &data).await?;
        let ready = product.ready_after.as_secs_f64();
        report.note(&format!(
            "Memory {memory:.0} MiB; ready {ready:.2} s after a restart"
        ));
        product.stop().await
    }))
}

async fn make(setup: &Setup, session: &Session, report: &mut Report, raw: &std::path::Path) -> Outcome<()> {
    let made = Counter::new(0_usize);
    let needle_every = setup.spaces / NEEDLES;
    let next = || {
        let number = made.get();
        made.set(number + 1);
        let kind = if number % needle_every == needle_every / 2 {
            "needle"
        } else {
            "customer"
        };
        (number < setup.spaces).then(|| session.post(SPACES, &format!(r#"{{"name":"{kind}-{number:06}"}}"#)))
    };
    let load = load::run(
        &Plan {
            address: session.address,
            clients: CLIENTS,
            next: &next,
            expected: 201,
        },
        None,
    )
    .await?;
    let store = RawStore::open(raw)?;
    let floor = store.run(CLIENTS, setup.round / 2).await?;
    store.close().await;
    let row = |name: String, load: &load::Load| {
        let [p50, p99] = load.latencies.quantiles([0.5, 0.99]);
        vec![
            Cell::text(name),
            Cell::count(load.rate()),
            Cell::millis(p50),
            Cell::millis(p99),
        ]
    };
    report.table(
        &["making spaces, 64 clients", "per second", "p50 ms", "p99 ms"],
        &[
            row(format!("{} spaces", setup.spaces), &load),
            row(format!("bare store, one batch of {ROWS} rows each"), &floor),
        ],
    );
    Ok(())
}

/// The worst p99 of one client, in milliseconds.
async fn find(setup: &Setup, session: &Session, report: &mut Report) -> Outcome<f64> {
    let deep = session.page_behind(SPACES, setup.spaces * 9 / 10).await?;
    let first = format!("{SPACES}?limit=100");
    let body = once(session.address, &session.get(&first), 200).await?;
    let bare = Bare::start(setup, &body)?;
    let lists = [
        ("first page of 100", session.address, first),
        ("page of 100 behind nine tenths", session.address, deep),
        (
            "name contains, 5 matches",
            session.address,
            format!("{SPACES}?nameContains=needle&limit=100"),
        ),
        (
            "name contains, no match",
            session.address,
            format!("{SPACES}?nameContains=nowhere&limit=100"),
        ),
        (
            "bare handler, the bytes of the first page",
            bare.address,
            "/".to_owned(),
        ),
    ];
    let mut rows = Vec::new();
    let mut worst: f64 = 0.0;
    for (name, address, path) in lists {
        let request = session.get(&path);
        let next = || Some(request.clone());
        let mut row = vec![Cell::text(name)];
        for clients in [1, 8] {
            let plan = Plan {
                address,
                clients,
                next: &next,
                expected: 200,
            };
            let load = load::warm_and_run(&plan, setup.latency_round).await?;
            let [p50, p99] = load.latencies.quantiles([0.5, 0.99]);
            if clients == 1 && address == session.address {
                worst = worst.max(p99);
            }
            row.extend([Cell::count(load.rate()), Cell::millis(p50), Cell::millis(p99)]);
        }
        rows.push(row);
    }
    report.table(
        &[
            "lists of spaces",
            "1 client/s",
            "p50 ms",
            "p99 ms",
            "8 clients/s",
            "p50 ms (8)",
            "p99 ms (8)",
        ],
        &rows,
    );
    Ok(worst)
}
