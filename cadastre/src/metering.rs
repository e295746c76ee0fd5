//! Metrics: the recorder behind the `metrics` facade that all crates use, and its page, `GET /metrics`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::{HttpResponse, web};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::config::Role;
use crate::failure::Failure;

/// Bounds of histograms of seconds: from a point read (4 µs) to a client that has given up.
const SECONDS: &[f64] = &[
    0.000_01, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Bounds of histograms that count things in one go, such as commands in a group commit.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

const STATE: &[Role] = &[Role::Serve, Role::DataAccess];
const PEOPLE: &[Role] = &[Role::Serve, Role::Frontend];

/// Counters that alerts look at, and who has them. They are there from the start: of one that appears with its first
/// event, a rule of increase sees no increase.
const FROM_THE_START: &[(&str, &[Role])] = &[
    ("cadastre_store_corruption_total", STATE),
    ("cadastre_store_throttled_total", STATE),
    ("cadastre_writer_conflicts_total", STATE),
    ("cadastre_writer_unknown_outcomes_total", STATE),
    ("cadastre_password_overload_total", PEOPLE),
    ("cadastre_refresh_token_reuse_total", PEOPLE),
];

/// How often old samples are folded away, so that memory stays flat when nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder.
pub(crate) fn start(role: Role) -> Result<PrometheusHandle, Failure> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), COUNTS))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Failure::new(format!("The metrics recorder cannot be installed: {error}.")))?;
    metrics::describe_gauge!("cadastre_build_info", "Always 1; version and role are its labels");
    metrics::gauge!("cadastre_build_info", "version" => env!("CARGO_PKG_VERSION"), "role" => role.name())
        .set(1.0);
    metrics::describe_gauge!(
        "process_start_time_seconds",
        "When this process started, unix seconds"
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics::gauge!("process_start_time_seconds").set(now.as_secs_f64());
    begin_counting(role);
    Ok(handle)
}

fn begin_counting(role: Role) {
    for (name, roles) in FROM_THE_START {
        if roles.contains(&role) {
            metrics::counter!(*name).increment(0);
        }
    }
}

/// Keeps the recorder's memory flat; runs until it is dropped.
pub(crate) async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

/// Registers `GET /metrics`.
pub(crate) fn configure(handle: &PrometheusHandle) -> impl FnOnce(&mut web::ServiceConfig) + Clone + use<> {
    let handle = handle.clone();
    move |config| {
        config.service(
            web::resource("/metrics")
                .app_data(web::Data::new(handle))
                .route(web::get().to(page)),
        );
    }
}

async fn page(handle: web::Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(handle.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page before anything has happened.
    fn first_page(role: Role) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || begin_counting(role));
        recorder.handle().render()
    }

    #[test]
    fn what_alerts_look_at_is_zero_from_the_start_and_named_in_the_manual() {
        let manual = include_str!("../../docs/deployment.md");
        for (name, roles) in FROM_THE_START {
            assert!(manual.contains(name), "{name}");
            for role in Role::ALL {
                let line = format!("{name} 0");
                let is_there = first_page(role).lines().any(|found| found == line);
                assert_eq!(is_there, roles.contains(&role), "{name}, {role}");
            }
        }
    }
}
