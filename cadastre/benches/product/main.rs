//! The benchmark of the product: starts the release binary on a directory of its own, measures it from outside
//! over loopback, and measures beside it, in the same run, what the machine itself allows: a bare HTTP handler
//! that returns the same bytes, and the store without anything above it. `make bench` runs it;
//! `docs/performance.md` says how to read it.

// A benchmark talks on standard output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod allocate;
mod api;
mod arguments;
mod bare;
mod client;
mod create;
mod fill;
mod growth;
mod import;
mod load;
mod lookup;
mod machine;
mod node_read;
mod numbers;
mod process;
mod provision;
mod raw_store;
mod report;
mod setup;
mod spaces;
mod transfer;
mod wrk;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Part};
use report::Report;
use setup::Setup;

/// What a step of a benchmark answers; an error ends the run with its sentence.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.bare_server {
        Some(body) => bare::serve(body, arguments.workers),
        None => measure(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("product benchmark: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Outcome<()> {
    let setup = Setup::new(arguments)?;
    let mut report = Report::new(machine::describe(&setup));
    report.print_head();
    for part in Part::ALL {
        if !arguments.only.is_empty() && !arguments.only.contains(&part) {
            continue;
        }
        report.begin(part.title());
        match part {
            Part::NodeRead => node_read::run(&setup, &mut report)?,
            Part::Create => create::run(&setup, &mut report)?,
            Part::Allocate => allocate::run(&setup, &mut report)?,
            Part::Import => import::run(&setup, &mut report)?,
            Part::Transfer => transfer::run(&setup, &mut report)?,
            Part::Lookup => lookup::run(&setup, &mut report)?,
            Part::Growth => growth::run(&setup, &mut report)?,
            Part::Spaces => spaces::run(&setup, &mut report)?,
            Part::Provision => provision::run(&setup, &mut report)?,
        }
    }
    report.print_figures();
    if let Some(file) = &arguments.out {
        std::fs::write(file, report.to_json())
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        println!("\nWritten to {}", file.display());
    }
    Ok(())
}
