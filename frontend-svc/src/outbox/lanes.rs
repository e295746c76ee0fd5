//! Who is next. Every receiver (host and port) has a lane of its own: a few tries at a time, the rest waits behind them, and
//! the lanes take turns. So a slow receiver takes a few of the places that there are in all, and no more.
//!
//! What waits is bounded, and there is one queue to claim from: a slow receiver with thousands of entries would fill what
//! waits with its own, and the others would get none. So a lane that is full and has not moved for a while is *stuck*: what
//! waits there is let go, and what is claimed for it meanwhile, too. That loses nothing: who claimed an entry has it for a
//! while only, and then it comes again. So is what has waited for nearly as long as it is ours.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Tries at a time, in all.
const AT_A_TIME: usize = 16;
/// Tries at a time with one receiver.
const PER_RECEIVER: usize = 4;
/// Entries that wait, in all.
pub(super) const WAITING: usize = 256;

/// The lanes; `T` is what waits in them.
pub(super) struct Lanes<T> {
    lanes: HashMap<String, Lane<T>>,
    /// Receivers for which something waits, in order of their turns.
    turns: VecDeque<String>,
    waiting: usize,
    under_way: usize,
    /// A full lane in which nothing begins or ends for so long is stuck.
    patience: Duration,
}

struct Lane<T> {
    /// With the moment until which it may begin.
    waiting: VecDeque<(T, Instant)>,
    under_way: usize,
    /// When a try last began or ended.
    moved: Instant,
}

impl<T> Lane<T> {
    fn is_stuck(&self, now: Instant, patience: Duration) -> bool {
        self.under_way >= PER_RECEIVER && now.saturating_duration_since(self.moved) >= patience
    }
}

impl<T> Lanes<T> {
    /// With the time that a full lane may stand still before it is stuck.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            under_way: 0,
        }
    }

    /// How many more may wait.
    pub(super) fn room(&self) -> usize {
        WAITING.saturating_sub(self.waiting)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Puts something into a lane, if the lane moves. It may begin until a moment.
    pub(super) fn push(&mut self, receiver: &str, item: T, until: Instant, now: Instant) -> bool {
        let lane = self.lanes.entry(receiver.to_owned()).or_insert_with(|| Lane {
            waiting: VecDeque::new(),
            under_way: 0,
            moved: now,
        });
        if lane.is_stuck(now, self.patience) {
            return false;
        }
        if lane.waiting.is_empty() {
            self.turns.push_back(receiver.to_owned());
        }
        lane.waiting.push_back((item, until));
        self.waiting += 1;
        true
    }

    /// What may begin now, with its receiver. Whoever takes it says when it has [`finished`](Self::finished).
    pub(super) fn next(&mut self, now: Instant) -> Option<(String, T)> {
        if self.under_way >= AT_A_TIME {
            return None;
        }
        for _ in 0..self.turns.len() {
            let receiver = self.turns.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&receiver) else {
                continue;
            };
            // Those in front are the oldest.
            while lane.waiting.front().is_some_and(|(_, until)| *until <= now) {
                lane.waiting.pop_front();
                self.waiting -= 1;
            }
            let taken = if lane.under_way < PER_RECEIVER {
                lane.waiting.pop_front()
            } else {
                None
            };
            if !lane.waiting.is_empty() {
                self.turns.push_back(receiver.clone());
            }
            if let Some((item, _)) = taken {
                lane.under_way += 1;
                lane.moved = now;
                self.waiting -= 1;
                self.under_way += 1;
                return Some((receiver, item));
            }
            self.forget_if_idle(&receiver);
        }
        None
    }

    /// Something with this receiver is over.
    pub(super) fn finished(&mut self, receiver: &str, now: Instant) {
        if let Some(lane) = self.lanes.get_mut(receiver) {
            lane.under_way -= 1;
            lane.moved = now;
            self.under_way -= 1;
            self.forget_if_idle(receiver);
        }
    }

    /// Lets go of what waits in lanes that are stuck.
    pub(super) fn unblock(&mut self, now: Instant) {
        let patience = self.patience;
        for lane in self
            .lanes
            .values_mut()
            .filter(|lane| lane.is_stuck(now, patience))
        {
            self.waiting -= lane.waiting.len();
            lane.waiting.clear();
        }
        let lanes = &self.lanes;
        self.turns
            .retain(|receiver| lanes.get(receiver).is_some_and(|lane| !lane.waiting.is_empty()));
    }

    fn forget_if_idle(&mut self, receiver: &str) {
        let idle = |lane: &Lane<T>| lane.under_way == 0 && lane.waiting.is_empty();
        if self.lanes.get(receiver).is_some_and(idle) {
            self.lanes.remove(receiver);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const STUCK: Duration = Duration::from_secs(2);
    const LONG: Duration = Duration::from_secs(60);

    fn filled(now: Instant, counts: &[(&str, usize)]) -> Lanes<usize> {
        let mut lanes = Lanes::new(STUCK);
        for (receiver, count) in counts {
            for number in 0..*count {
                assert!(lanes.push(receiver, number, now + LONG, now));
            }
        }
        lanes
    }

    fn take_all(lanes: &mut Lanes<usize>, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| lanes.next(now))
            .map(|(receiver, _)| receiver)
            .collect()
    }

    fn count(taken: &[String], receiver: &str) -> usize {
        taken.iter().filter(|name| *name == receiver).count()
    }

    #[test]
    fn a_receiver_has_four_places_and_all_have_sixteen_in_turns() {
        let now = Instant::now();
        let mut lanes = filled(
            now,
            &[("a", 100), ("b", 1), ("c", 9), ("d", 9), ("e", 9), ("f", 9)],
        );
        let taken = take_all(&mut lanes, now);
        assert_eq!(taken.len(), 16);
        assert_eq!(taken[..6], ["a", "b", "c", "d", "e", "f"]);
        assert!(
            ["a", "c", "d", "e", "f"]
                .iter()
                .all(|name| (2..=4).contains(&count(&taken, name)))
        );
        assert_eq!((lanes.under_way(), lanes.waiting()), (16, 137 - 16));
        lanes.finished("a", now);
        assert_eq!(take_all(&mut lanes, now).len(), 1);
    }

    #[test]
    fn what_waits_for_a_receiver_that_is_stuck_is_let_go_and_the_others_stay() {
        let now = Instant::now();
        let mut lanes = filled(now, &[("slow", 200), ("fast", 4)]);
        assert_eq!(count(&take_all(&mut lanes, now), "slow"), 4);
        lanes.push("fast", 4, now + LONG, now);
        lanes.unblock(now + STUCK / 2);
        assert_eq!(lanes.waiting(), 197);
        lanes.finished("fast", now + STUCK);
        lanes.unblock(now + STUCK);
        assert_eq!((lanes.waiting(), lanes.room()), (1, WAITING - 1));
        assert!(!lanes.push("slow", 200, now + LONG, now + STUCK));
        assert_eq!(take_all(&mut lanes, now + STUCK), ["fast"]);
        lanes.finished("slow", now + STUCK);
        assert!(lanes.push("slow", 201, now + LONG, now + STUCK));
        assert_eq!(take_all(&mut lanes, now + STUCK), ["slow"]);
    }

    #[test]
    fn what_has_waited_too_long_does_not_begin() {
        let now = Instant::now();
        let mut lanes = filled(now, &[("a", 6)]);
        assert_eq!(take_all(&mut lanes, now).len(), 4);
        lanes.finished("a", now);
        assert_eq!(take_all(&mut lanes, now + LONG), Vec::<String>::new());
        assert_eq!(lanes.waiting(), 0);
    }

    #[test]
    fn receivers_are_forgotten_when_nothing_is_left_of_them() {
        let now = Instant::now();
        let mut lanes = filled(now, &[("a", 2), ("b", 1)]);
        for receiver in take_all(&mut lanes, now) {
            lanes.finished(&receiver, now);
        }
        assert!(lanes.lanes.is_empty() && lanes.turns.is_empty());
        assert_eq!((lanes.under_way(), lanes.waiting()), (0, 0));
    }
}
