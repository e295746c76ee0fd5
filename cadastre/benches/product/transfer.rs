//! A file of a million prefixes into the server and out again, over HTTP.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use crate::Outcome;
use crate::api::Session;
use crate::process::{Memory, Product};
use crate::raw_store::RawStore;
use crate::report::{Cell, Goal, Report};
use crate::setup::{Setup, client_runtime};

/// Nodes that share a commit of the bare store, as they share a part of an import, and rows of each.
const TOGETHER: usize = 2_048;
const ROWS: usize = 4;

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    // A second attempt changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let lines = setup.growth.last().copied().unwrap_or(1_000_000);
    let directory = setup.directory()?;
    client_runtime()?.block_on(async {
        let data = directory.path().join("data");
        let raw = RawStore::open(&directory.path().join("raw"))?;
        let mut rows = Vec::new();
        let mut row = |name: &str, seconds: f64, per_second: f64| {
            rows.push(vec![
                Cell::text(name),
                Cell::decimal(seconds),
                Cell::count(per_second),
            ]);
        };
        let (sorted, shuffled) = (file(lines, false), file(lines, true));
        let product = Product::start(setup, &data).await?;
        let session = Session::open(&product).await?;
        let (mut rate, mut beside) = (0.0, 0.0);
        for (name, body) in [("in order", &sorted), ("by lot", &shuffled)] {
            let space = session.space(&format!("Transfer {name}")).await?;
            let floor = raw.load(lines, TOGETHER, ROWS).await?;
            row(&format!("bare store, {ROWS} rows a line, {TOGETHER} lines a commit"), lines as f64 / floor, floor);
            for round in ["new", "all unchanged"] {
                let seconds = import(&session, &space, body, round == "new").await?;
                let per_second = lines as f64 / seconds;
                if round == "new" && name == "in order" {
                    rate = per_second;
                    beside = per_second / floor;
                }
                row(&format!("import of {lines} lines {name}, {round}"), seconds, per_second);
            }
            let (seconds, text) = export(&session, &space).await?;
            row(&format!("export of them, {name}"), seconds, lines as f64 / seconds);
            if !same_lines(&text, body) {
                return Err("what was exported is not what was imported".into());
            }
        }
        let peak = product.memory(Memory::Peak)?;
        product.stop().await?;
        let restarted = restart(setup, &data).await?;
        raw.close().await;
        report.table(&["", "seconds", "lines per second"], &rows);
        report.note(&format!(
            "the import in order is {beside:.2} of the bare store; memory {peak:.0} MiB at most; ready {restarted:.2} s after a restart with {} nodes; each export has the lines of its \
             import",
            2 * lines
        ));
        report.figure("transfer: lines imported per second, in order", rate, Goal::AtLeast(100_000.0));
        report.figure("transfer: memory at most, MiB", peak, Goal::AtMost(1024.0));
        report.figure("transfer: restart to ready, s", restarted, Goal::AtMost(2.0));
        Ok(())
    })
}

async fn restart(setup: &Setup, data: &Path) -> Outcome<f64> {
    let started = Instant::now();
    let product = Product::start(setup, data).await?;
    let seconds = started.elapsed().as_secs_f64();
    product.stop().await?;
    Ok(seconds)
}

/// A network of /24s with hosts in them.
fn file(lines: usize, shuffled: bool) -> String {
    let mut all = Vec::with_capacity(lines);
    for n in 0..lines {
        // Of 256 lines the first is a network, and the others are hosts in it.
        let (network, host) = (n / 256, n % 256);
        let (a, b) = (network / 256, network % 256);
        all.push(if host == 0 {
            format!("10.{a}.{b}.0/24,network {network}\n")
        } else {
            format!("10.{a}.{b}.{host}/32,\n")
        });
    }
    if shuffled {
        // Some fixed disorder: a step that has no divisor in common with the number of lines.
        let step = (lines / 3 * 2 + 1) | 1;
        all = (0..lines)
            .map(|n| std::mem::take(&mut all[n * step % lines]))
            .collect();
        all.retain(|line| !line.is_empty());
    }
    format!("prefix,description\n{}", all.concat())
}

fn same_lines(one: &str, other: &str) -> bool {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for line in one.lines() {
        *counts.entry(line).or_default() += 1;
    }
    for line in other.lines() {
        *counts.entry(line).or_default() -= 1;
    }
    counts.values().all(|count| *count == 0)
}

fn url(session: &Session, space: &str, rest: &str) -> String {
    format!("http://{}{space}/ips/{rest}", session.address)
}

/// Seconds that an import takes.
async fn import(session: &Session, space: &str, body: &str, is_new: bool) -> Outcome<f64> {
    let started = Instant::now();
    let answer = reqwest::Client::new()
        .post(url(session, space, "import"))
        .bearer_auth(&session.token)
        .header("content-type", "text/csv")
        .body(body.to_owned())
        .send()
        .await?
        .text()
        .await?;
    let seconds = started.elapsed().as_secs_f64();
    let summary: serde_json::Value = serde_json::from_str(&answer)?;
    let expected = body.lines().count() - 1;
    let counted = if is_new { "created" } else { "unchanged" };
    if summary[counted] != serde_json::json!(expected) {
        return Err(format!("the import did something else: {answer:.300}").into());
    }
    Ok(seconds)
}

async fn export(session: &Session, space: &str) -> Outcome<(f64, String)> {
    let started = Instant::now();
    let text = reqwest::Client::new()
        .get(url(session, space, "export"))
        .bearer_auth(&session.token)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await?;
    Ok((started.elapsed().as_secs_f64(), text))
}
