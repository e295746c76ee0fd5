//! The command line of the benchmark.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures the product beside what the machine itself allows.
#[derive(Debug, Parser)]
#[command(name = "product")]
pub(crate) struct Arguments {
    /// Small sizes and short rounds: shows that the benchmark works, its figures mean little
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only this part; may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<Part>,
    /// Also write the results to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where the servers keep their records; on the kind of disk that is to be measured
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_TARGET_TMPDIR"))]
    pub(crate) dir: PathBuf,
    /// Threads of each HTTP server that is measured [default: one per core]
    #[arg(long, value_name = "N", default_value_t = cores(), hide_default_value = true)]
    pub(crate) workers: usize,
    /// Keep the servers' directories
    #[arg(long)]
    pub(crate) keep: bool,
    /// Be the bare HTTP server that returns the bytes of this file
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) bare_server: Option<PathBuf>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the benchmark, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// One node with its resolved tags, beside a bare handler.
    NodeRead,
    /// Durable creations, beside the bare store.
    Create,
    /// Durable allocations from one pool, beside a bare handler, and as it fills.
    Allocate,
    /// The example by the command line client.
    Import,
    /// A file of a million lines into the server and out again.
    Transfer,
    /// Which nodes contain an address, beside a bare handler.
    Lookup,
    /// Latencies in one space of 10 thousand to 1 million nodes.
    Growth,
    /// 100,000 spaces.
    Spaces,
    /// 200,000 subscribers with an address and a delegated prefix each.
    Provision,
}

impl Part {
    pub(crate) const ALL: [Self; 9] = [
        Self::NodeRead,
        Self::Create,
        Self::Allocate,
        Self::Import,
        Self::Transfer,
        Self::Lookup,
        Self::Growth,
        Self::Spaces,
        Self::Provision,
    ];

    /// Its heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::NodeRead => "Node read: one node, 4 levels deep, 5 resolved tags, 64 connections",
            Self::Create => "Node creation, durable, one request each",
            Self::Allocate => "Allocation, durable, one request each",
            Self::Import => "Import of examples/aws-ip-ranges by the command line client",
            Self::Transfer => "Transfer: a file into the server and out again, over HTTP",
            Self::Lookup => {
                "Lookup in the imported example: the nodes that contain an address, 64 connections"
            }
            Self::Growth => "Growth: latencies in one space",
            Self::Spaces => "Many spaces",
            Self::Provision => "Subscribers provisioned by 32 clients; reservations that expire together",
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
