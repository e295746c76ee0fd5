//! What becomes due is done by the background work, and by nobody twice.

use std::time::Duration;

use super::*;

/// Waits for something that the background work does.
pub(crate) async fn eventually(what: &str, check: impl AsyncFn() -> bool) {
    for _ in 0..1_500 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not come to pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_whose_time_is_over_expires_and_an_assigned_one_is_released() {
    let ground = ground().await;
    let pool = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    ground.make(&pool).await;
    let expires = |seconds| {
        Some(
            ground
                .clock
                .at()
                .checked_add(SignedDuration::from_secs(seconds))
                .unwrap(),
        )
    };
    for (subscriber, assign, seconds) in [("held", false, 100), ("used", true, 100), ("later", false, 900)] {
        let wanted = Reserve {
            assign,
            expires_at: expires(seconds),
            ..next_of(pool.id, subscriber)
        };
        ground.reserve(wanted).await.unwrap();
    }
    ground.clock.advance(101);
    eventually("expiry", async || {
        ground.counts(pool.id).await == [254, 1, 0, 1, 0, 252]
    })
    .await;
    let statuses: Vec<ReservationStatus> = ground
        .reservations()
        .await
        .iter()
        .map(|found| found.status)
        .collect();
    use ReservationStatus::{Expired, Released, Reserved};
    assert_eq!(statuses, [Expired, Released, Reserved]);
    // The address of what nobody used is free at once.
    let next = ground.reserve(next_of(pool.id, "next")).await.unwrap();
    assert_eq!(next.prefix, prefix("203.0.113.1/32"));
    ground.clock.advance(31 * DAY);
    eventually("reclaim", async || {
        ground.counts(pool.id).await == [254, 0, 1, 0, 0, 253]
    })
    .await;
    let left: Vec<_> = rows(&*ground.store, &ground.space.to_string(), "at_").await;
    assert_eq!(left.len(), 0, "nothing is due any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_extended_lives_on_and_one_whose_time_is_over_is_not_brought_back() {
    let ground = ground().await;
    let pool = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    ground.make(&pool).await;
    let at = |seconds| {
        ground
            .clock
            .at()
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap()
    };
    let made = ground
        .reserve(Reserve {
            assign: false,
            expires_at: Some(at(100)),
            ..next_of(pool.id, "ada")
        })
        .await
        .unwrap();
    let extend = |expires: Option<Timestamp>| IspCommand::UpdateReservation {
        id: made.id,
        notes: None,
        reason: None,
        expires_at: Some(expires),
        netbox_ip_id: None,
        assign: false,
    };
    assert_eq!(
        code(ground.isp(extend(Some(at(-1)))).await),
        ErrorCode::InvalidValue
    );
    ground.isp(extend(Some(at(10_000)))).await.unwrap();
    ground.clock.advance(5_000);
    // Something else is due then, so the work has been by.
    let other = ground
        .reserve(Reserve {
            assign: false,
            expires_at: Some(at(10)),
            ..next_of(pool.id, "bob")
        })
        .await
        .unwrap();
    ground.clock.advance(11);
    eventually("expiry of the other", async || {
        ground
            .reservations()
            .await
            .iter()
            .any(|found| found.id == other.id && found.status == ReservationStatus::Expired)
    })
    .await;
    assert_eq!(ground.reservations().await[0].status, ReservationStatus::Reserved);
    ground.isp(extend(None)).await.unwrap();
    assert_eq!(
        rows(&*ground.store, &ground.space.to_string(), "at_").await.len(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_while_nobody_runs_is_done_after_the_start() {
    let ground = ground().await;
    let pool = pool(PoolType::Ipv4Public, "203.0.113.0/24");
    ground.make(&pool).await;
    let wanted = Reserve {
        assign: false,
        expires_at: Some(
            ground
                .clock
                .at()
                .checked_add(SignedDuration::from_secs(1_000))
                .unwrap(),
        ),
        ..next_of(pool.id, "ada")
    };
    ground.reserve(wanted).await.unwrap();
    ground.access.shutdown().await;
    ground.clock.advance(DAY);
    let config = DataAccessConfig {
        clock: Arc::clone(&ground.clock) as Arc<dyn Clock>,
        job_interval: Duration::from_millis(20),
        ..DataAccessConfig::default()
    };
    let access = LocalDataAccess::open(Arc::clone(&ground.store), config)
        .await
        .unwrap();
    let again = Ground { access, ..ground };
    eventually("expiry", async || {
        again.counts(pool.id).await == [254, 0, 0, 0, 0, 254]
    })
    .await;
}
