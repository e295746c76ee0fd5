//! Subscribers: made and provisioned with an IPv4 address and a delegated prefix each by 32 clients; then many reservations
//! that expire at one moment, while others are made.

use std::cell::{Cell as Counter, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;
use crate::api::Session;
use crate::client;
use crate::create::Groups;
use crate::load::{self, Load, Plan};
use crate::process::{Bare, Memory, Product};
use crate::report::{Cell, Report};
use crate::setup::{Setup, client_runtime};

const CLIENTS: usize = 32;
const LONG: Duration = Duration::from_secs(3_600);
const IPAM: &str = "/api/v1/ip-management";

pub(crate) fn run(setup: &Setup, report: &mut Report) -> Outcome<()> {
    let directory = setup.directory()?;
    let (subscribers, expiring) = if setup.quick {
        (2_000, 1_000)
    } else {
        (200_000, 50_000)
    };
    client_runtime()?.block_on(Box::pin(async {
        let product = Product::start(setup, &directory.path().join("data")).await?;
        let session = Session::open(&product).await?;
        session.space("provider").await?;
        let plan = prepare(&session).await?;
        provision(setup, report, &session, &plan, subscribers).await?;
        report.note(&format!(
            "{:.0} MiB resident at most with {subscribers} subscribers",
            product.memory(Memory::Peak)?
        ));
        expire(setup, report, &session, expiring).await?;
        product.stop().await
    }))
}

/// Makes the pools and a plan with both; the plan's id.
async fn prepare(session: &Session) -> Outcome<String> {
    for body in [
        json!({"poolName": "v4", "poolType": "IPV4_PRIVATE", "networkCidr": "10.0.0.0/8", "gateway": "10.0.0.1"}),
        json!({"poolName": "pd", "poolType": "IPV6_PREFIX_DELEGATION", "networkCidr": "2001:db8::/32",
               "delegatedPrefixLength": 56, "allocation": "sequential"}),
        json!({"poolName": "short", "poolType": "IPV4_PUBLIC", "networkCidr": "100.64.0.0/10"}),
    ] {
        made(session, &format!("{IPAM}/pools"), &body).await?;
    }
    let features = json!({"staticIp": true, "ipv6Pd": true, "ipv4PoolType": "IPV4_PRIVATE"});
    let plan = made(
        session,
        "/api/v1/plans",
        &json!({"name": "full", "features": features}),
    )
    .await?;
    Ok(plan["id"].as_str().unwrap_or_default().to_owned())
}

async fn made(session: &Session, path: &str, body: &Value) -> Outcome<Value> {
    let answer = client::once(session.address, &session.post(path, &body.to_string()), 201).await?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Sends requests that are numbered from 0.
async fn numbered(
    session: &Session,
    count: usize,
    expected: u16,
    request: impl Fn(usize) -> Vec<u8>,
) -> Outcome<Load> {
    let next = Counter::new(0);
    let next = || {
        let at = next.get();
        next.set(at + 1);
        (at < count).then(|| request(at))
    };
    let plan = Plan {
        address: session.address,
        clients: CLIENTS,
        next: &next,
        expected,
    };
    load::run(&plan, Some(LONG)).await
}

fn row(name: &str, load: &Load) -> Vec<Cell> {
    let [p50, p99, longest] = load.latencies.quantiles([0.5, 0.99, 1.0]);
    vec![
        Cell::text(name),
        Cell::count(load.rate()),
        Cell::millis(p50),
        Cell::millis(p99),
        Cell::millis(longest),
    ]
}

async fn provision(
    setup: &Setup,
    report: &mut Report,
    session: &Session,
    plan: &str,
    subscribers: usize,
) -> Outcome<()> {
    let before = Groups::read(session).await?;
    let make = |at: usize| {
        let body = format!(r#"{{"id":"sub-{at:06}","username":"user{at}@isp.example"}}"#);
        session.post("/api/v1/subscribers", &body)
    };
    let creation = numbered(session, subscribers, 201, make).await?;
    let body = format!(r#"{{"planId":"{plan}"}}"#);
    let give = |at: usize| session.post(&format!("/api/v1/subscribers/sub-{at:06}/provision"), &body);
    let provisioning = numbered(session, subscribers, 200, give).await?;
    report.note(&Groups::read(session).await?.since(&before).in_words());
    let one = session.fetch("/api/v1/subscribers/sub-000000").await?;
    let bare = Bare::start(setup, &one)?;
    let handler = crate::create::get(&bare, session, CLIENTS, setup.round).await?;
    report.table(
        &["", "per second", "p50 ms", "p99 ms", "longest ms"],
        &[
            row("subscriber made", &creation),
            row("subscriber provisioned: address, /56, profile", &provisioning),
            row("bare handler, GET of a subscriber", &handler),
        ],
    );
    let held = holdings(session).await?;
    if held.len() != 2 * subscribers {
        return Err(format!("{} reservations for {subscribers} subscribers", held.len()).into());
    }
    let once: BTreeSet<&String> = held.iter().collect();
    if once.len() != held.len() {
        return Err(format!("{} addresses were given twice", held.len() - once.len()).into());
    }
    let pools: Vec<Value> = serde_json::from_slice(&session.fetch(&format!("{IPAM}/pools")).await?)?;
    for pool in pools.iter().filter(|pool| pool["poolName"] != "short") {
        if pool["assignedCount"] != subscribers.to_string().as_str() {
            return Err(format!("{} counts {}", pool["poolName"], pool["assignedCount"]).into());
        }
    }
    report.note(&format!(
        "{} addresses and prefixes, none twice; the pools count as many",
        held.len()
    ));
    Ok(())
}

/// The addresses of all active reservations.
async fn holdings(session: &Session) -> Outcome<Vec<String>> {
    let mut held = Vec::new();
    let mut connection = client::Connection::open(session.address).await?;
    let mut cursor = String::new();
    loop {
        let path = format!("{IPAM}/reservations?status=ASSIGNED&limit=1000{cursor}");
        let answer = connection.call(&session.get(&path)).await?;
        if answer.status != 200 {
            return Err(format!("GET {path}: {} {}", answer.status, answer.text()).into());
        }
        let page: Vec<Value> = serde_json::from_slice(answer.body)?;
        held.extend(
            page.iter()
                .filter_map(|one| one["ipAddress"].as_str())
                .map(str::to_owned),
        );
        match crate::api::next_cursor(answer.header("link")) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(held),
        }
    }
}

/// Reservations that expire together, and what others feel of it.
async fn expire(setup: &Setup, report: &mut Report, session: &Session, count: usize) -> Outcome<()> {
    let pools: Vec<Value> = serde_json::from_slice(&session.fetch(&format!("{IPAM}/pools")).await?)?;
    let short = pools
        .iter()
        .find(|pool| pool["poolName"] == "short")
        .and_then(|pool| pool["id"].as_str())
        .ok_or("no pool")?
        .to_owned();
    // Far enough ahead for all of them to be made.
    let lead = Duration::from_secs(if setup.quick { 10 } else { 60 });
    let moment = std::time::SystemTime::now() + lead;
    let expires = jiff::Timestamp::try_from(moment)?;
    let reserve = |at: usize, expires: Option<jiff::Timestamp>| {
        let expires = expires.map_or_else(String::new, |at| format!(r#","expiresAt":"{at}""#));
        let body = format!(r#"{{"poolId":"{short}","subscriberId":"hold-{at}"{expires}}}"#);
        session.post(&format!("{IPAM}/reservations"), &body)
    };
    let making = numbered(session, count, 201, |at| reserve(at, Some(expires))).await?;
    let quiet_for = Duration::from_secs(if setup.quick { 1 } else { 5 });
    let later = RefCell::new(count);
    let next = || {
        let mut at = later.borrow_mut();
        *at += 1;
        Some(reserve(*at, None))
    };
    let plan = Plan {
        address: session.address,
        clients: 4,
        next: &next,
        expected: 201,
    };
    let quiet = load::run(&plan, Some(quiet_for)).await?;
    if let Ok(left) = moment.duration_since(std::time::SystemTime::now()) {
        tokio::time::sleep(left).await;
    }
    let started = Instant::now();
    let mut during = Load::default();
    loop {
        let some = load::run(&plan, Some(Duration::from_millis(500))).await?;
        during.elapsed += some.elapsed;
        during.latencies.append(some.latencies);
        let figures: Value = serde_json::from_slice(&session.fetch(&format!("{IPAM}/pools/{short}")).await?)?;
        let reserved: usize = figures["reservedCount"].as_str().unwrap_or("0").parse()?;
        let made_since = later.borrow().saturating_sub(count);
        if reserved <= made_since {
            break;
        }
        if started.elapsed() > Duration::from_secs(300) {
            return Err(format!("{reserved} are still reserved after five minutes").into());
        }
    }
    report.note(&format!(
        "{count} reservations expired at one moment: done after {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    report.table(
        &[
            "reservations by 4 clients",
            "per second",
            "p50 ms",
            "p99 ms",
            "longest ms",
        ],
        &[
            row("(32 clients, making those that expire)", &making),
            row("before", &quiet),
            row("while they expire", &during),
        ],
    );
    Ok(())
}
