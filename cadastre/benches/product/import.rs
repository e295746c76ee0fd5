//! The example of the repository, imported by the command line client, as `make demo` does it.

use std::time::Instant;

use crate::Outcome;
use crate::api::Session;
use crate::numbers::Spread;
use crate::process::{Product, program};
use crate::report::{Cell, Report};
use crate::setup::{Setup, client_runtime, in_repository};

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    let directory = setup.directory()?;
    client_runtime()?.block_on(async {
        let product = Product::start(setup, &directory.path().join("data")).await?;
        let session = Session::open(&product).await?;
        let lines = example_lines()?.len();
        let (mut new, mut again) = (Vec::new(), Vec::new());
        for round in 0..setup.rounds {
            let space = format!("AWS {round}");
            new.push(lines as f64 / import(&session, &space)?);
            again.push(lines as f64 / import(&session, &space)?);
        }
        let row = |name: String, rates: &[f64]| vec![Cell::text(name), Cell::rates(Spread::of(rates))];
        report.table(
            &["", "per second"],
            &[
                row(format!("import of {lines} lines and their tag definitions"), &new),
                row("the same again, all unchanged".to_owned(), &again),
            ],
        );
        product.stop().await
    })
}

/// Imports the example into a space; seconds.
pub(crate) fn import(session: &Session, space: &str) -> Outcome<f64> {
    let example = in_repository("examples/aws-ip-ranges");
    let started = Instant::now();
    let output = program()
        .arg("import")
        .arg(example.join("prefixes.csv"))
        .arg("--tags")
        .arg(example.join("tags.json"))
        .args(["--space", space, "--create-space"])
        .args(["--server", &format!("http://{}", session.address)])
        .env("CADASTRE_TOKEN", &session.token)
        .output()?;
    let seconds = started.elapsed().as_secs_f64();
    if output.status.success() {
        return Ok(seconds);
    }
    Err(format!("the import failed: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// The prefixes of the example.
pub(crate) fn example_lines() -> Outcome<Vec<String>> {
    let file = in_repository("examples/aws-ip-ranges/prefixes.csv");
    let mut reader = csv::Reader::from_path(file)?;
    reader
        .records()
        .map(|record| Ok(record?.get(0).unwrap_or_default().to_owned()))
        .collect()
}
