//! Forecasts of histories that an operator would recognise.
#![allow(clippy::unwrap_used)]

use super::*;

const TODAY: i32 = 20_500;

/// So much taken on each of the days before today, the last number being yesterday's.
fn history(taken: impl IntoIterator<Item = u128>) -> Vec<DailyCount> {
    net_history(taken.into_iter().map(|taken| (taken, 0)))
}

fn net_history(days: impl IntoIterator<Item = (u128, u128)>) -> Vec<DailyCount> {
    let days: Vec<_> = days.into_iter().collect();
    let begin = TODAY - days.len() as i32;
    let point = |(day, (taken, given_back)): (i32, (u128, u128))| DailyCount {
        day,
        taken: Count(taken),
        given_back: Count(given_back),
    };
    (begin..).zip(days).map(point).collect()
}

fn projected(days: &[DailyCount], available: u128) -> (i32, i32, Option<i32>, Confidence, Basis) {
    match forecast(days, TODAY, Count(available)) {
        Forecast::Projected {
            day,
            earliest,
            latest,
            confidence,
            basis,
        } => (
            day - TODAY,
            earliest - TODAY,
            latest.map(|latest| latest - TODAY),
            confidence,
            basis,
        ),
        other @ (Forecast::Depleted | Forecast::Refused(_) | Forecast::Beyond { .. }) => {
            panic!("no date: {other:?}")
        }
    }
}

#[test]
fn a_pool_without_anything_left_is_depleted_whatever_its_history() {
    assert_eq!(forecast(&[], TODAY, Count::ZERO), Forecast::Depleted);
    assert_eq!(
        forecast(&history([5; 90]), TODAY, Count::ZERO),
        Forecast::Depleted
    );
}

#[test]
fn five_a_day_use_up_a_hundred_in_twenty_days() {
    let (day, earliest, latest, confidence, basis) = projected(&history([5; 90]), 100);
    assert_eq!((day, earliest, latest), (20, 20, Some(20)));
    assert_eq!(confidence, Confidence::High);
    assert_eq!((basis.net_per_day, basis.deviation_per_day), (5.0, 0.0));
    assert_eq!(
        (basis.days_used, basis.from, basis.to),
        (90, TODAY - 90, TODAY - 1)
    );
}

#[test]
fn two_points_are_not_guessed_from() {
    let two = [
        history([3])[0],
        DailyCount {
            day: TODAY - 10,
            ..history([4])[0]
        },
    ];
    let refusal = Refusal::TooFewAssignments {
        have: 2,
        need: 3,
        days: 10,
        left_out: None,
    };
    assert_eq!(forecast(&two, TODAY, Count(100)), Forecast::Refused(refusal));
}

#[test]
fn an_import_and_two_points_are_not_guessed_from() {
    let answer = forecast(&history([900, 1, 0, 0, 0, 0, 0, 1]), TODAY, Count(100));
    let refusal = Refusal::TooFewAssignments {
        have: 2,
        need: 3,
        days: 7,
        left_out: Some(history([900; 8])[0]),
    };
    assert_eq!(answer, Forecast::Refused(refusal));
    assert!(
        answer
            .text()
            .starts_with("There were assignments on 2 of 7 days, 2026-02-08 left out: it took more"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_history_of_six_days_is_too_short_and_one_of_seven_is_not() {
    let refused = |have| Forecast::Refused(Refusal::TooFewDays { have, need: 7 });
    assert_eq!(forecast(&[], TODAY, Count(9)), refused(0));
    assert_eq!(forecast(&history([4; 6]), TODAY, Count(9)), refused(6));
    assert_eq!(projected(&history([4; 7]), 9).3, Confidence::Low);
}

#[test]
fn today_and_days_to_come_do_not_count() {
    let mut days = history([4; 10]);
    for day in [TODAY, TODAY + 1, i32::MAX] {
        days.push(DailyCount {
            day,
            taken: Count(1_000),
            given_back: Count::ZERO,
        });
    }
    assert_eq!(projected(&days, 40).0, 10);
    assert_eq!(
        forecast(&days[10..], TODAY, Count(9)),
        Forecast::Refused(Refusal::TooFewDays { have: 0, need: 7 })
    );
}

#[test]
fn what_is_given_back_before_the_first_assignment_is_no_history() {
    let days = net_history([
        (0, 9),
        (0, 9),
        (1, 0),
        (1, 0),
        (1, 0),
        (1, 0),
        (1, 0),
        (1, 0),
        (1, 0),
    ]);
    assert_eq!(projected(&days, 7).4.days_used, 7);
}

#[test]
fn a_pool_that_gets_back_what_it_gives_is_refused_with_the_figures() {
    let refusal = Refusal::NotGrowing {
        taken: Count(60),
        given_back: Count(60),
        days: 30,
    };
    let answer = forecast(&net_history([(2, 2); 30]), TODAY, Count(10));
    assert_eq!(answer, Forecast::Refused(refusal));
    assert!(
        answer
            .text()
            .contains("in 30 days 60 were taken and 60 given back"),
        "{}",
        answer.text()
    );
}

#[test]
fn an_import_of_one_day_is_left_out_and_named() {
    let mut import = vec![10_000];
    import.extend([2, 3, 2, 3].repeat(10));
    let (day, _, _, confidence, basis) = projected(&history(import), 250);
    assert_eq!(day, 100);
    assert_eq!(
        basis.left_out.map(|day| (day.day, day.taken)),
        Some((TODAY - 41, Count(10_000)))
    );
    assert_eq!((basis.days_used, confidence), (35, Confidence::Medium));
}

#[test]
fn a_pool_that_began_to_grow_lately_is_warned_of_by_its_last_weeks() {
    let quiet_then_busy = [vec![1; 55], vec![10; 35]].concat();
    let (day, earliest, latest, _, basis) = projected(&history(quiet_then_busy), 350);
    assert_eq!((day, basis.days_used, basis.net_per_day), (35, 35, 10.0));
    assert!(
        earliest <= 35 && latest.is_some_and(|latest| latest > 70),
        "the slower mean is within the range"
    );
}

#[test]
fn a_pool_that_grows_slower_lately_keeps_the_faster_mean_and_an_open_end() {
    let busy_then_quiet = [vec![10; 55], vec![0; 35]].concat();
    let (day, _, latest, confidence, basis) = projected(&history(busy_then_quiet), 550);
    assert_eq!((day, latest, confidence), (90, None, Confidence::Low));
    assert_eq!(basis.days_used, 90);
}

#[test]
fn weekends_without_assignments_widen_the_range_and_do_not_move_the_date() {
    let weeks = [7, 7, 7, 7, 7, 0, 0].repeat(12);
    let (day, earliest, latest, confidence, _) = projected(&history(weeks), 500);
    assert_eq!(day, 100);
    let latest = latest.unwrap();
    assert!(
        earliest > 70 && earliest < 95 && latest > 105 && latest < 140,
        "{earliest} {latest}"
    );
    assert!(confidence >= Confidence::Medium);
}

#[test]
fn a_rare_assignment_gives_a_date_of_low_confidence() {
    let rare = (0..80).map(|day| u128::from(day % 26 == 0));
    let (_, _, latest, confidence, basis) = projected(&history(rare), 10);
    assert_eq!(
        (latest, confidence, basis.assignment_days),
        (None, Confidence::Low, 4)
    );
}

#[test]
fn a_pool_that_lasts_for_generations_has_no_date() {
    let answer = forecast(&history([1; 90]), TODAY, Count(1 << 64));
    let Forecast::Beyond {
        years: 50,
        earliest: None,
        basis,
    } = &answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(basis.net_per_day, 1.0);
    assert!(
        answer.text().starts_with("The pool lasts beyond 50 years. From "),
        "{}",
        answer.text()
    );
    assert_eq!(projected(&history([1; 90]), 18_262).0, 18_262);
    assert!(matches!(
        forecast(&history([1; 90]), TODAY, Count(18_263)),
        Forecast::Beyond { .. }
    ));
}

#[test]
fn the_largest_numbers_are_answered() {
    let (day, ..) = projected(&history([1 << 120; 8]), u128::MAX);
    assert_eq!(day, 256);
    let largest = forecast(&history([u128::MAX; 90]), TODAY, Count(u128::MAX));
    assert!(matches!(largest, Forecast::Projected { .. }), "{largest:?}");
    let days = net_history([(u128::MAX, u128::MAX - 1); 1]);
    let same = [days, history([1; 20])].concat();
    assert!(matches!(
        forecast(&same, TODAY, Count(9)),
        Forecast::Projected { .. }
    ));
}

#[test]
fn the_first_and_the_last_day_there_is_are_answered() {
    let at = |day| DailyCount {
        day,
        taken: Count(2),
        given_back: Count::ZERO,
    };
    let end: Vec<_> = (i32::MAX - 20..i32::MAX).map(at).collect();
    let answer = forecast(&end, i32::MAX, Count(100));
    assert!(
        matches!(answer, Forecast::Projected { day: i32::MAX, .. }),
        "{answer:?}"
    );
    assert!(answer.text().contains("day 2147483647 after 1970-01-01"));
    let begin: Vec<_> = (i32::MIN..i32::MIN + 20).map(at).collect();
    let answer = forecast(&begin, i32::MIN + 20, Count(100));
    assert!(matches!(answer, Forecast::Projected { .. }), "{answer:?}");
    assert!(matches!(
        forecast(&begin, i32::MIN, Count(1)),
        Forecast::Refused(_)
    ));
    assert!(matches!(
        forecast(&begin, i32::MAX, Count(1)),
        Forecast::Refused(_)
    ));
}

#[test]
fn a_projection_says_its_date_range_inputs_and_method() {
    let text = forecast(&history([5; 40]), TODAY, Count(100)).text();
    assert_eq!(
        text,
        format!(
            "The pool is projected to be depleted on 2026-03-08 (earliest 2026-03-08, latest 2026-03-08; confidence \
             MEDIUM). From 2026-01-07 to 2026-02-15 it used 5.00 a day net: 200 taken and 0 given back in 40 days, \
             with assignments on 40 of them. Method: {METHOD}."
        )
    );
}

#[test]
fn days_are_dates() {
    assert_eq!(date_of(0).unwrap().to_string(), "1970-01-01");
    assert_eq!(date_of(-1).unwrap().to_string(), "1969-12-31");
    assert_eq!(date_of(19_782).unwrap().to_string(), "2024-02-29");
    assert_eq!((date_of(i32::MAX), date_of(i32::MIN)), (None, None));
}
