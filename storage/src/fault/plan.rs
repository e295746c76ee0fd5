//! What goes wrong, when, and how often: the rules of a [`super::FaultStore`] and its call counts.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::gate::Gate;
use crate::contract::Write;
use crate::key::PartitionKey;

/// Kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `Store::get`
    Get,
    /// `Store::get_many`
    GetMany,
    /// `Store::scan`
    Scan,
    /// `Store::last_at_or_before`
    LastAtOrBefore,
    /// `Store::scan_table`
    ScanTable,
    /// `Store::snapshot`
    Snapshot,
    /// `Store::commit`
    Commit,
    /// `Store::ping`
    Ping,
    /// `Cache::get`
    CacheGet,
    /// `Cache::put`
    CachePut,
}

const OPS: usize = 10;

/// An asynchronous hook of a test.
pub type Hook = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What happens to a call. Reads have no unknown outcome: both lost ones make them unavailable.
#[derive(Clone)]
pub enum Fault {
    /// `Unavailable`, nothing applied.
    Unavailable,
    /// `OutcomeUnknown`, and it did not happen.
    LostRequest,
    /// `OutcomeUnknown`, and it did happen (if the store inside accepted it).
    LostAnswer,
    /// `Corrupt`, nothing applied.
    Corrupt,
    /// Waits, then goes on.
    Delay(Duration),
    /// Waits at the gate before the store inside is asked.
    Hold(Gate),
    /// Waits at the gate with the answer of the store inside in hand.
    HoldAnswer(Gate),
    /// Runs a hook before the store inside is asked.
    Run(Hook),
}

impl Fault {
    /// A [`Fault::Run`] from an async closure.
    pub fn run<F>(hook: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::Run(Arc::new(move || Box::pin(hook())))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable => f.write_str("Unavailable"),
            Self::LostRequest => f.write_str("LostRequest"),
            Self::LostAnswer => f.write_str("LostAnswer"),
            Self::Corrupt => f.write_str("Corrupt"),
            Self::Delay(time) => f.debug_tuple("Delay").field(time).finish(),
            Self::Hold(_) => f.write_str("Hold"),
            Self::HoldAnswer(_) => f.write_str("HoldAnswer"),
            Self::Run(_) => f.write_str("Run"),
        }
    }
}

type WritesMatch = Box<dyn Fn(&[Write]) -> bool + Send + Sync>;

/// When a fault happens.
pub struct Rule {
    op: Op,
    fault: Fault,
    partition: Option<PartitionKey>,
    when: Option<WritesMatch>,
    skip: u64,
    left: u64,
}

impl Rule {
    /// The next matching call.
    pub fn once(op: Op, fault: Fault) -> Self {
        Self::times(op, fault, 1)
    }

    /// The next `times` matching calls.
    pub fn times(op: Op, fault: Fault, times: u64) -> Self {
        Self {
            op,
            fault,
            partition: None,
            when: None,
            skip: 0,
            left: times,
        }
    }

    /// Every matching call, until [`FaultPlan::clear`].
    pub fn always(op: Op, fault: Fault) -> Self {
        Self::times(op, fault, u64::MAX)
    }

    /// Only calls for this partition match.
    #[must_use]
    pub fn in_partition(mut self, partition: &PartitionKey) -> Self {
        self.partition = Some(partition.clone());
        self
    }

    /// Only commits match whose writes satisfy this (a read has no writes: it sees an empty slice).
    #[must_use]
    pub fn when(mut self, writes: impl Fn(&[Write]) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Box::new(writes));
        self
    }

    /// The first `calls` matching calls pass.
    #[must_use]
    pub fn after(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    fn matches(&self, op: Op, partition: Option<&PartitionKey>, writes: &[Write]) -> bool {
        self.op == op
            && self
                .partition
                .as_ref()
                .is_none_or(|wanted| Some(wanted) == partition)
            && self.when.as_ref().is_none_or(|when| when(writes))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("op", &self.op)
            .field("fault", &self.fault)
            .field("partition", &self.partition)
            .field("when", &self.when.is_some())
            .field("skip", &self.skip)
            .field("left", &self.left)
            .finish()
    }
}

/// Probabilities (0 to 1) of the random mode, drawn once per call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chances {
    /// That any call fails with `Unavailable`.
    pub unavailable: f64,
    /// That a commit is lost on its way to the store.
    pub lost_request: f64,
    /// That the answer of a commit is lost.
    pub lost_answer: f64,
    /// That any call waits first, up to `max_delay`.
    pub delay: f64,
    /// Longest wait.
    pub max_delay: Duration,
}

pub(super) enum Pause {
    Sleep(Duration),
    Gate(Gate),
    Hook(Hook),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    Unavailable,
    LostRequest,
    LostAnswer,
    Corrupt,
}

#[derive(Default)]
pub(super) struct Verdict {
    pub(super) before: Vec<Pause>,
    pub(super) failure: Option<Failure>,
    pub(super) after: Vec<Pause>,
}

/// Rules and counts of one or more [`super::FaultStore`]s; clones are the same plan.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    calls: [AtomicU64; OPS],
    injected: AtomicU64,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    rules: Vec<Rule>,
    random: Option<(StdRng, Chances)>,
}

impl FaultPlan {
    /// A plan without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule. All matching rules apply, in the order they were added, up to the first that fails the
    /// call: a delay and a failure can be had together.
    pub fn inject(&self, rule: Rule) {
        self.shared.script.lock().rules.push(rule);
    }

    /// Starts the random mode, the same sequence for the same seed and order of calls.
    pub fn randomly(&self, seed: u64, chances: Chances) {
        self.shared.script.lock().random = Some((StdRng::seed_from_u64(seed), chances));
    }

    /// Takes all rules back and ends the random mode. Calls that wait already go on waiting.
    pub fn clear(&self) {
        *self.shared.script.lock() = Script::default();
    }

    /// Calls of one kind so far, failed ones included.
    pub fn count(&self, op: Op) -> u64 {
        self.shared.calls[op as usize].load(Ordering::Relaxed)
    }

    /// Calls of all reading kinds so far (not `ping`).
    pub fn reads(&self) -> u64 {
        [Op::Get, Op::GetMany, Op::Scan, Op::LastAtOrBefore, Op::ScanTable]
            .into_iter()
            .map(|op| self.count(op))
            .sum()
    }

    /// Faults that happened so far.
    pub fn injected(&self) -> u64 {
        self.shared.injected.load(Ordering::Relaxed)
    }

    /// Starts counting from zero.
    pub fn reset_counts(&self) {
        self.shared
            .calls
            .iter()
            .chain([&self.shared.injected])
            .for_each(|n| n.store(0, Ordering::Relaxed));
    }

    pub(super) fn judge(&self, op: Op, partition: Option<&PartitionKey>, writes: &[Write]) -> Verdict {
        self.shared.calls[op as usize].fetch_add(1, Ordering::Relaxed);
        let mut verdict = Verdict::default();
        let mut script = self.shared.script.lock();
        for rule in &mut script.rules {
            if verdict.failure.is_some() {
                break;
            }
            if !rule.matches(op, partition, writes) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.left -= 1;
            self.shared.injected.fetch_add(1, Ordering::Relaxed);
            verdict.add(rule.fault.clone());
        }
        script.rules.retain(|rule| rule.left > 0);
        if verdict.failure.is_none()
            && let Some((rng, chances)) = &mut script.random
        {
            let drawn = draw(rng, chances, op);
            self.shared
                .injected
                .fetch_add(drawn.len() as u64, Ordering::Relaxed);
            drawn.into_iter().for_each(|fault| verdict.add(fault));
        }
        verdict
    }
}

impl Verdict {
    fn add(&mut self, fault: Fault) {
        match fault {
            Fault::Unavailable => self.failure = Some(Failure::Unavailable),
            Fault::LostRequest => self.failure = Some(Failure::LostRequest),
            Fault::LostAnswer => self.failure = Some(Failure::LostAnswer),
            Fault::Corrupt => self.failure = Some(Failure::Corrupt),
            Fault::Delay(time) => self.before.push(Pause::Sleep(time)),
            Fault::Hold(gate) => self.before.push(Pause::Gate(gate)),
            Fault::HoldAnswer(gate) => self.after.push(Pause::Gate(gate)),
            Fault::Run(hook) => self.before.push(Pause::Hook(hook)),
        }
    }
}

fn draw(rng: &mut StdRng, chances: &Chances, op: Op) -> Vec<Fault> {
    let mut faults = Vec::new();
    if rng.random::<f64>() < chances.delay {
        faults.push(Fault::Delay(chances.max_delay.mul_f64(rng.random())));
    }
    // One draw for all failures: they exclude each other, and their chances add up.
    let mut point: f64 = rng.random();
    let lost = if op == Op::Commit {
        (chances.lost_request, chances.lost_answer)
    } else {
        (0.0, 0.0)
    };
    for (chance, fault) in [
        (chances.unavailable, Fault::Unavailable),
        (lost.0, Fault::LostRequest),
        (lost.1, Fault::LostAnswer),
    ] {
        if point < chance {
            faults.push(fault);
            break;
        }
        point -= chance;
    }
    faults
}
