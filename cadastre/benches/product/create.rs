//! Durable creations of nodes, by one client and by 64, beside the bare store and the bare handler.

use std::cell::Cell as Counter;
use std::time::Duration;

use serde_json::json;

use crate::Outcome;
use crate::api::Session;
use crate::load::{self, Load, Plan};
use crate::numbers::{Latencies, Spread};
use crate::process::{Bare, Product};
use crate::raw_store::{ROWS, RawStore};
use crate::report::{Cell, Goal, Report};
use crate::setup::{Setup, client_runtime};

const CLIENTS: [usize; 2] = [1, 64];
/// Histogram of the commands that shared a durable commit.
const GROUPS: &str = "cadastre_writer_group_commands";

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    let directory = setup.directory()?;
    client_runtime()?.block_on(Box::pin(async {
        let product = Product::start(setup, &directory.path().join("data")).await?;
        let session = Session::open(&product).await?;
        let raw = RawStore::open(&directory.path().join("raw"))?;
        let creations = Creations::prepare(&session).await?;
        let bare = Bare::start(setup, &creations.answer)?;
        let mut rows = Vec::new();
        for clients in CLIENTS {
            let mut ours = Measured::named("product", clients);
            let mut floor = Measured::named(&format!("bare store, one batch of {ROWS} rows each"), clients);
            let mut handler = Measured::named("bare handler, GET of what a creation answers", clients);
            let before = Groups::read(&session).await?;
            for _ in 0..setup.rounds {
                ours.add(creations.run(clients, setup.round).await?);
                floor.add(raw.run(clients, setup.round).await?);
                handler.add(get(&bare, &session, clients, setup.round / 2).await?);
            }
            let groups = Groups::read(&session).await?.since(&before);
            ours.group_size = groups.mean();
            if clients > 1 {
                let (a, b, c) = (ours.rate(), floor.rate(), handler.rate());
                report.figure(
                    "creation, 64 clients / bare store",
                    a.median / b.median,
                    Goal::AtLeast(0.5),
                );
                report.figure(
                    "creation, 64 clients / bare handler (same client)",
                    a.median / c.median,
                    Goal::AtLeast(0.3),
                );
                report.note(&groups.in_words());
            }
            rows.extend([ours, floor, handler].iter().map(Measured::row));
        }
        report.table(
            &["", "clients", "per second", "p50 ms", "p99 ms", "group size"],
            &rows,
        );
        raw.close().await;
        product.stop().await
    }))
}

/// A space to fill, and where we are in it.
struct Creations<'a> {
    session: &'a Session,
    path: String,
    next: Counter<u32>,
    answer: Vec<u8>,
}

impl<'a> Creations<'a> {
    async fn prepare(session: &'a Session) -> Outcome<Self> {
        let space = session.space("Creation").await?;
        session.node(&space, "10.0.0.0/8", json!({})).await?;
        for second in 0..256 {
            session
                .node(&space, &format!("10.{second}.0.0/16"), json!({}))
                .await?;
        }
        let first = session.node(&space, "10.0.0.0/32", json!({})).await?;
        let answer = session.fetch(&first).await?;
        Ok(Self {
            session,
            path: format!("{space}/ips"),
            next: Counter::new(1),
            answer,
        })
    }

    async fn run(&self, clients: usize, time: Duration) -> Outcome<Load> {
        let next = || {
            let number = self.next.get();
            self.next.set(number + 1);
            // An odd factor visits every address of the /8 once, each far from the one before.
            let [_, b, c, d] = (number.wrapping_mul(0x009e_3779) & 0x00ff_ffff).to_be_bytes();
            Some(
                self.session
                    .post(&self.path, &format!(r#"{{"prefix":"10.{b}.{c}.{d}/32"}}"#)),
            )
        };
        load::run(
            &Plan {
                address: self.session.address,
                clients,
                next: &next,
                expected: 201,
            },
            Some(time),
        )
        .await
    }
}

pub(crate) async fn get(bare: &Bare, session: &Session, clients: usize, time: Duration) -> Outcome<Load> {
    let request = session.get("/");
    let next = || Some(request.clone());
    load::run(
        &Plan {
            address: bare.address,
            clients,
            next: &next,
            expected: 200,
        },
        Some(time),
    )
    .await
}

/// Some rounds of one thing.
pub(crate) struct Measured {
    name: String,
    clients: usize,
    rates: Vec<f64>,
    latencies: Latencies,
    pub(crate) group_size: Option<f64>,
}

impl Measured {
    pub(crate) fn named(name: &str, clients: usize) -> Self {
        Self {
            name: name.to_owned(),
            clients,
            rates: Vec::new(),
            latencies: Latencies::default(),
            group_size: None,
        }
    }

    pub(crate) fn add(&mut self, load: Load) {
        self.rates.push(load.rate());
        self.latencies.append(load.latencies);
    }

    pub(crate) fn rate(&self) -> Spread {
        Spread::of(&self.rates)
    }

    pub(crate) fn row(&self) -> Vec<Cell> {
        let [p50, p99] = self.latencies.quantiles([0.5, 0.99]);
        vec![
            Cell::text(&self.name),
            Cell::count(self.clients as f64),
            Cell::rates(self.rate()),
            Cell::millis(p50),
            Cell::millis(p99),
            self.group_size.map_or_else(|| Cell::text(""), Cell::decimal),
        ]
    }
}

/// How the writer grouped commands, from `/metrics`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    /// Upper bound of a bucket (as text) → groups of at most that size.
    buckets: Vec<(String, f64)>,
    commands: f64,
    groups: f64,
}

impl Groups {
    pub(crate) async fn read(session: &Session) -> Outcome<Self> {
        let page = String::from_utf8(session.fetch("/metrics").await?)?;
        let mut read = Self::default();
        for line in page.lines().filter_map(|line| line.strip_prefix(GROUPS)) {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let value: f64 = value.parse()?;
            if name.starts_with("_sum") {
                read.commands += value;
            } else if name.starts_with("_count") {
                read.groups += value;
            } else if let Some(bound) = name.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()) {
                read.buckets.push((bound.to_owned(), value));
            }
        }
        Ok(read)
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        let earlier = |bound: &str| {
            before
                .buckets
                .iter()
                .find(|(name, _)| name == bound)
                .map_or(0.0, |(_, n)| *n)
        };
        Self {
            buckets: self
                .buckets
                .iter()
                .map(|(bound, n)| (bound.clone(), n - earlier(bound)))
                .collect(),
            commands: self.commands - before.commands,
            groups: self.groups - before.groups,
        }
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        (self.groups > 0.0).then(|| self.commands / self.groups)
    }

    pub(crate) fn in_words(&self) -> String {
        let mut below = 0.0;
        let mut parts = Vec::new();
        for (bound, upto) in &self.buckets {
            let share = 100.0 * (upto - below) / self.groups.max(1.0);
            if share >= 0.5 {
                parts.push(format!("up to {bound}: {share:.0} %"));
            }
            below = *upto;
        }
        format!(
            "Commands per durable commit with 64 clients: {}",
            parts.join(", ")
        )
    }
}
