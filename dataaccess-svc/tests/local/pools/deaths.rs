//! The process that runs a use case dies on the way, at each of its commits: after the next start the use case was done or
//! was not begun, it can be sent again, and no address is lost.

use std::sync::atomic::{AtomicBool, Ordering};

use cadastre_storage::{Fault, FaultPlan, FaultStore, Op, Rule, Write};

use super::usecases::*;
use super::*;
use crate::shaped::Shaped;

#[derive(Clone, Copy, Debug)]
enum Death {
    /// The commit does not arrive.
    Before,
    /// It arrives, and nobody hears of it.
    After,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Provision,
    Downgrade,
    Upgrade,
    Terminate,
}

fn is_no_lease(writes: &[Write]) -> bool {
    let of_lease = |write: &Write| write.key().as_str().starts_with("z_");
    !writes.iter().any(of_lease)
}

/// A process on a store that others write, with a line that can be cut.
async fn process(
    inner: &Arc<MemoryStore>,
    rows: usize,
    clock: &Arc<HandClock>,
) -> (Arc<LocalDataAccess>, FaultPlan) {
    let shaped = Shaped::narrow(Arc::clone(inner) as Arc<dyn Store>, rows);
    let store = Arc::new(FaultStore::new(shaped));
    let plan = store.plan();
    let config = DataAccessConfig {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        // Only commands commit.
        job_interval: std::time::Duration::from_secs(3_600),
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(store, config).await.unwrap();
    (access, plan)
}

/// Whether the process was still there to be cut off at that commit.
async fn cut_off(what: What, death: Death, rows: usize, step: u64) -> bool {
    let inner = Arc::new(MemoryStore::new());
    let mut provider = provider_on(Arc::clone(&inner) as Arc<dyn Store>).await;
    let hook = Webhook {
        id: Uuid::now_v7(),
        name: "billing".to_owned(),
        url: "https://billing.example/hook".to_owned(),
        events: Vec::new(),
        has_secret: false,
        active: true,
    };
    let make_hook = IspCommand::CreateThing {
        thing: Box::new(Thing::Webhook(hook)),
        secret: None,
    };
    provider.ground.isp(make_hook).await.unwrap();
    provider.make("ada").await;
    let case = match what {
        What::Provision => provider.provision(&provider.full),
        What::Downgrade => {
            provider
                .run("ada", provider.provision(&provider.full))
                .await
                .unwrap();
            provider.change(&provider.bare)
        }
        What::Upgrade => {
            provider
                .run("ada", provider.provision(&provider.bare))
                .await
                .unwrap();
            provider.change(&provider.full)
        }
        What::Terminate => {
            provider
                .run("ada", provider.provision(&provider.full))
                .await
                .unwrap();
            terminate()
        }
    };
    let before = provider.state("ada").await;
    provider.ground.access.shutdown().await;

    let (one, line) = process(&inner, rows, &provider.ground.clock).await;
    provider.ground.access = Arc::clone(&one);
    // It knows the space already.
    assert_eq!(provider.state("ada").await, before);
    let met = Arc::new(AtomicBool::new(false));
    let dead = {
        let (met, line) = (Arc::clone(&met), line.clone());
        Fault::run(move || {
            met.store(true, Ordering::SeqCst);
            for op in [Op::Get, Op::GetMany, Op::Scan, Op::LastAtOrBefore] {
                line.inject(Rule::always(op, Fault::Unavailable));
            }
            async {}
        })
    };
    let fault = match death {
        Death::Before => Fault::LostRequest,
        Death::After => Fault::LostAnswer,
    };
    let at_step = |rule: Rule| rule.when(is_no_lease).after(step);
    line.inject(at_step(Rule::once(Op::Commit, dead)));
    line.inject(at_step(Rule::once(Op::Commit, fault)));
    line.inject(at_step(Rule::always(Op::Commit, Fault::Unavailable)));
    let answer = provider.run("ada", case.clone()).await;

    let (two, _) = process(&inner, rows, &provider.ground.clock).await;
    provider.ground.access = Arc::clone(&two);
    let seen = provider.state("ada").await;
    let told = format!("{what:?} {death:?} {rows} {step}");
    if answer.is_ok() {
        assert_ne!(seen, before, "{told}: it was acknowledged");
    }
    provider.run("ada", case.clone()).await.unwrap();
    let done = provider.state("ada").await;
    if seen != before {
        assert_eq!(seen, done, "{told}: a part of it was seen");
    }
    let expected = match what {
        What::Provision | What::Upgrade => 2,
        What::Downgrade | What::Terminate => 0,
    };
    assert_eq!(done.1.len(), expected, "{told}");
    // Nothing is lost: each address is free, held or rests.
    let all = provider.ground.reservations().await;
    let resting = all
        .iter()
        .filter(|found| found.is_resting() && found.ip_type == IpType::Ipv4)
        .count() as u128;
    let active = all
        .iter()
        .filter(|found| found.status.is_active() && found.ip_type == IpType::Ipv4)
        .count() as u128;
    let counts = provider.ground.counts(provider.v4.id).await;
    assert_eq!(
        counts,
        [14, 0, active, resting, 0, 14 - active - resting],
        "{told}"
    );
    let free = IspQuestion::Available {
        pool_id: provider.v4.id,
        prefix_length: None,
        count: 100,
    };
    let IspAnswer::Available(free) = provider.ground.ask(free).await else {
        panic!("not available")
    };
    assert_eq!(free.len() as u128, 14 - active - resting, "{told}");
    // What was done once is told once.
    let outbox = provider.ground.all_of(IspListing::Outbox { state: None }).await;
    let event = match what {
        What::Provision => "subscriber.provisioned",
        What::Downgrade | What::Upgrade => "subscriber.plan_changed",
        What::Terminate => "subscriber.terminated",
    };
    let told_of = outbox
        .iter()
        .filter(|value| matches!(value, Entity::Outbox(entry) if entry.event == event))
        .count();
    assert_eq!(told_of, 1, "{told}");
    two.shutdown().await;
    one.shutdown().await;
    met.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_use_case_cut_off_at_any_commit_was_done_or_not_begun_and_loses_no_address() {
    let mut points = 0;
    for what in [What::Provision, What::Downgrade, What::Upgrade, What::Terminate] {
        // In one commit, as with 100 rows, and as a command that is larger than a commit.
        for rows in [100, 24] {
            for death in [Death::Before, Death::After] {
                for step in 0.. {
                    if !cut_off(what, death, rows, step).await {
                        break;
                    }
                    points += 1;
                }
            }
        }
    }
    assert!(points >= 40, "only {points} points were cut off");
}
