//! Claims about the login throttle.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::TestClock;
use futures::future::join_all;

fn throttle() -> (LoginThrottle, Arc<TestClock>) {
    let clock = Arc::new(TestClock::new());
    let mut throttle = LoginThrottle::new(&ThrottleConfig::default(), clock.clone());
    throttle.longest_wait = Duration::from_millis(50);
    (throttle, clock)
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

async fn fail(throttle: &LoginThrottle, user: &str, address: Option<IpAddr>) {
    throttle.begin(user, address).await.unwrap().failed();
}

async fn wait_of(throttle: &LoginThrottle, user: &str, address: Option<IpAddr>) -> Option<u64> {
    match throttle.begin(user, address).await {
        Ok(attempt) => {
            attempt.abandoned();
            None
        }
        Err(error) => {
            assert_eq!(error.code, ErrorCode::LoginThrottled);
            error.retry_after
        }
    }
}

#[tokio::test]
async fn after_the_free_failures_the_wait_doubles_up_to_its_limit() {
    let (throttle, clock) = throttle();
    for _ in 0..5 {
        fail(&throttle, "ada", None).await;
    }
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(wait_of(&throttle, "ada", None).await, Some(expected));
        clock.advance(i64::try_from(expected).unwrap());
        fail(&throttle, "ada", None).await;
    }
}

#[tokio::test]
async fn a_refused_attempt_does_not_lengthen_the_wait() {
    let (throttle, clock) = throttle();
    for _ in 0..5 {
        fail(&throttle, "ada", None).await;
    }
    for _ in 0..100 {
        assert_eq!(wait_of(&throttle, "ada", None).await, Some(1));
    }
    clock.advance(1);
    assert_eq!(wait_of(&throttle, "ada", None).await, None);
}

#[tokio::test]
async fn names_are_counted_without_regard_to_case_and_whether_or_not_anybody_has_them() {
    let (throttle, _) = throttle();
    for name in ["Nobody", "nobody", "NOBODY", "nObody", "nobodY"] {
        fail(&throttle, name, None).await;
    }
    assert_eq!(wait_of(&throttle, "nobody", None).await, Some(1));
    assert_eq!(wait_of(&throttle, "somebody", None).await, None);
}

#[tokio::test]
async fn a_success_forgives_the_name_and_not_the_address() {
    let (throttle, clock) = throttle();
    for round in 0..20 {
        fail(&throttle, &format!("user{round}"), ip("192.0.2.1")).await;
    }
    assert_eq!(wait_of(&throttle, "ada", ip("192.0.2.1")).await, Some(1));
    clock.advance(1);
    throttle.begin("ada", ip("192.0.2.1")).await.unwrap().succeeded();
    fail(&throttle, "user1", ip("192.0.2.1")).await;
    assert_eq!(
        wait_of(&throttle, "ada", ip("192.0.2.1")).await,
        Some(2),
        "the address goes on counting"
    );
    assert_eq!(wait_of(&throttle, "ada", ip("192.0.2.2")).await, None);

    for _ in 0..4 {
        fail(&throttle, "ada", None).await;
    }
    throttle.begin("ada", None).await.unwrap().succeeded();
    for _ in 0..4 {
        fail(&throttle, "ada", None).await;
    }
    assert_eq!(
        wait_of(&throttle, "ada", None).await,
        None,
        "the name started afresh"
    );
}

#[tokio::test]
async fn an_ipv6_customer_is_one_address_and_a_mapped_ipv4_address_is_itself() {
    let (throttle, _) = throttle();
    for host in 0..20 {
        fail(
            &throttle,
            &format!("user{host}"),
            ip(&format!("2001:db8:0:1::{host:x}")),
        )
        .await;
        fail(&throttle, &format!("more{host}"), ip("::ffff:192.0.2.7")).await;
    }
    assert_eq!(
        wait_of(&throttle, "ada", ip("2001:db8:0:1:ffff::1")).await,
        Some(1)
    );
    assert_eq!(wait_of(&throttle, "ada", ip("2001:db8:0:2::1")).await, None);
    assert_eq!(wait_of(&throttle, "ada", ip("192.0.2.7")).await, Some(1));
}

#[tokio::test]
async fn without_failures_for_long_enough_the_count_starts_again() {
    let (throttle, clock) = throttle();
    for _ in 0..4 {
        fail(&throttle, "ada", None).await;
    }
    clock.advance(3600);
    for _ in 0..4 {
        fail(&throttle, "ada", None).await;
    }
    assert_eq!(wait_of(&throttle, "ada", None).await, None);
}

#[tokio::test]
async fn guesses_in_parallel_get_no_more_than_guesses_in_a_row() {
    let (throttle, _) = throttle();
    let checked = AtomicUsize::new(0);
    let guess = async || {
        if let Ok(attempt) = throttle.begin("ada", None).await {
            checked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            attempt.failed();
        }
    };
    join_all((0..200).map(|_| guess())).await;
    assert_eq!(checked.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn once_the_free_ones_are_gone_each_wait_buys_one_guess() {
    let (throttle, clock) = throttle();
    for _ in 0..5 {
        fail(&throttle, "ada", None).await;
    }
    clock.advance(1);
    let one = throttle.begin("ada", None).await.unwrap();
    assert_eq!(
        wait_of(&throttle, "ada", None).await,
        Some(1),
        "the second has waited for the first in vain"
    );
    one.failed();
    assert_eq!(wait_of(&throttle, "ada", None).await, Some(2));
}

#[tokio::test]
async fn many_right_passwords_at_once_all_pass() {
    let (throttle, _) = throttle();
    let login = async || {
        let attempt = throttle.begin("ada", ip("192.0.2.1")).await.unwrap();
        tokio::task::yield_now().await;
        attempt.succeeded();
    };
    join_all((0..200).map(|_| login())).await;
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_verdict_has_failed_and_a_fault_of_ours_has_not() {
    let (throttle, _) = throttle();
    for _ in 0..50 {
        throttle.begin("ada", None).await.unwrap().abandoned();
    }
    for _ in 0..5 {
        drop(throttle.begin("ada", None).await.unwrap());
    }
    assert_eq!(wait_of(&throttle, "ada", None).await, Some(1));
}

#[tokio::test]
async fn the_memory_is_bounded() {
    let clock = Arc::new(TestClock::new());
    let config = ThrottleConfig {
        remembered: 1024,
        ..ThrottleConfig::default()
    };
    let throttle = LoginThrottle::new(&config, clock);
    for number in 0..10_000 {
        fail(&throttle, &format!("user{number}"), None).await;
    }
    assert!(throttle.counters.len() <= 2048);
}
