//! Closed loops: each client sends its next request when the last one is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::future::try_join_all;

use crate::Outcome;
use crate::client::Connection;
use crate::numbers::Latencies;

/// What came of some load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    pub(crate) latencies: Latencies,
    pub(crate) elapsed: Duration,
    /// Bytes of bodies that came back.
    pub(crate) body_bytes: usize,
}

impl Load {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// What is to be sent.
pub(crate) struct Plan<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) clients: usize,
    /// The next request; `None` = this client has finished.
    pub(crate) next: &'a dyn Fn() -> Option<Vec<u8>>,
    /// A fast refusal would look like a fast answer: any other status ends the benchmark.
    pub(crate) expected: u16,
}

/// Runs the clients until the time is over or they have nothing to send.
pub(crate) async fn run(plan: &Plan<'_>, time: Option<Duration>) -> Outcome<Load> {
    let connections = try_join_all((0..plan.clients).map(|_| Connection::open(plan.address))).await?;
    let started = Instant::now();
    let deadline = time.map(|time| started + time);
    let clients = connections
        .into_iter()
        .map(|connection| client(plan, connection, deadline));
    let mut all = Load::default();
    for load in try_join_all(clients).await? {
        all.latencies.append(load.latencies);
        all.body_bytes += load.body_bytes;
    }
    all.elapsed = started.elapsed();
    Ok(all)
}

async fn client(plan: &Plan<'_>, mut connection: Connection, deadline: Option<Instant>) -> Outcome<Load> {
    let mut load = Load::default();
    while deadline.is_none_or(|deadline| Instant::now() < deadline) {
        let Some(request) = (plan.next)() else { break };
        let sent = Instant::now();
        let answer = connection.call(&request).await?;
        load.latencies.push(sent.elapsed());
        load.body_bytes += answer.body.len();
        if answer.status != plan.expected {
            let line =
                String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default());
            return Err(format!(
                "{line}: {} instead of {}: {}",
                answer.status,
                plan.expected,
                answer.text()
            )
            .into());
        }
    }
    Ok(load)
}

/// Runs the clients for a short time first, whose results are forgotten.
pub(crate) async fn warm_and_run(plan: &Plan<'_>, time: Duration) -> Outcome<Load> {
    run(plan, Some(time / 5)).await?;
    run(plan, Some(time)).await
}
