//! Which nodes contain an address: random addresses of the imported example, beside a handler that returns the
//! bytes of one such answer to the same client.

use std::cell::Cell as Counter;

use crate::Outcome;
use crate::api::Session;
use crate::import::{example_lines, import};
use crate::load::{self, Plan};
use crate::numbers::{Latencies, Spread};
use crate::process::{Bare, Product};
use crate::report::{Cell, Goal, Report};
use crate::setup::{Setup, client_runtime};

const CLIENTS: usize = 64;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    let directory = setup.directory()?;
    client_runtime()?.block_on(Box::pin(async {
        let product = Product::start(setup, &directory.path().join("data")).await?;
        let session = Session::open(&product).await?;
        import(&session, "AWS")?;
        let space = only_space(&session).await?;
        let lines = example_lines()?;
        let paths: Vec<String> = lines
            .iter()
            .filter_map(|prefix| prefix.split_once('/'))
            .map(|(address, _)| format!("{space}/ips/lookup?address={address}"))
            .collect();
        let at = Counter::new(0_usize);
        let next = || {
            // A prime step: neighbours in the file are neighbours in the tree.
            at.set((at.get() + 7_919) % paths.len());
            Some(session.get(&paths[at.get()]))
        };
        let ours = Plan {
            address: product.address,
            clients: CLIENTS,
            next: &next,
            expected: 200,
        };
        // The bare handler returns an answer of about the average length.
        let first = load::warm_and_run(&ours, setup.latency_round).await?;
        let average = first.body_bytes / first.latencies.count().max(1);
        let bare = Bare::start(setup, &vec![b' '; average])?;
        let theirs = Plan {
            address: bare.address,
            ..ours
        };
        let (mut rates, mut bare_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut latencies, mut bare_latencies) = (Latencies::default(), Latencies::default());
        for _ in 0..setup.rounds {
            let a = load::run(&ours, Some(setup.round)).await?;
            let b = load::run(&theirs, Some(setup.round)).await?;
            rates.push(a.rate());
            bare_rates.push(b.rate());
            ratios.push(a.rate() / b.rate());
            latencies.append(a.latencies);
            bare_latencies.append(b.latencies);
        }
        let row = |name: String, rates: &[f64], latencies: &Latencies| {
            let [p50, p99] = latencies.quantiles([0.5, 0.99]);
            vec![
                Cell::text(name),
                Cell::rates(Spread::of(rates)),
                Cell::millis(p50),
                Cell::millis(p99),
            ]
        };
        report.table(
            &["GET …/ips/lookup?address=", "requests/s", "p50 ms", "p99 ms"],
            &[
                row(format!("product, {} nodes", lines.len()), &rates, &latencies),
                row(
                    format!("bare handler, {average} bytes, the average"),
                    &bare_rates,
                    &bare_latencies,
                ),
            ],
        );
        let ratio = Spread::of(&ratios);
        report.table(
            &["ratio", ""],
            &[vec![Cell::text("lookup / bare handler"), Cell::ratios(ratio)]],
        );
        report.figure(
            "lookup / bare handler (same client)",
            ratio.median,
            Goal::AtLeast(0.25),
        );
        product.stop().await
    }))
}

async fn only_space(session: &Session) -> Outcome<String> {
    let spaces: serde_json::Value = serde_json::from_slice(&session.fetch("/api/v1/addressspaces").await?)?;
    let id = spaces[0]["id"].as_str().ok_or("the import made no space")?;
    Ok(format!("/api/v1/addressspaces/{id}"))
}
