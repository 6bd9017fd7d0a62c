//! How many requests a second may be made: a token bucket that all threads share.
//!
//! A thread that finds the bucket empty takes its turn in the future and waits for it; so turns are
//! fair, and no thread sleeps longer than the queue before it is long. Content hosts are not
//! counted (design: politeness).

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{error::Result, stop::Stop};

/// A bound on requests a second; 0 is none.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    next: Mutex<Option<Instant>>,
}

impl Rate {
    /// Makes a bound of so many requests a second.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            next: Mutex::new(None),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// `Stopped`.
    pub(crate) fn take(&self, stop: &Stop) -> Result<()> {
        let wait = self.turn(Instant::now());
        if wait.is_zero() {
            return Ok(());
        }
        stop.wait(wait)
    }

    /// Books a turn and does not wait for it: those after it do.
    pub(crate) fn owe(&self) {
        self.turn(Instant::now());
    }

    /// Books the next turn and returns how long it is until then. A tenth of a second's worth of
    /// turns may be taken at once after a rest.
    fn turn(&self, now: Instant) -> Duration {
        if self.per_second == 0 {
            return Duration::ZERO;
        }
        let step = Duration::from_secs(1) / self.per_second;
        let burst = Duration::from_millis(100).max(step);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(burst.saturating_sub(step)).unwrap_or(now);
        let turn = next.map_or(earliest, |next| next.max(earliest));
        *next = Some(turn + step);
        turn.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_so_many_turns() {
        let rate = Rate::new(100);
        let now = Instant::now();
        let waits: Vec<Duration> = (0..200).map(|_| rate.turn(now)).collect();
        assert_eq!(waits.iter().filter(|wait| wait.is_zero()).count(), 10);
        let last = *waits.last().unwrap();
        assert_eq!(last, Duration::from_millis(1900));
        // After a rest, only the burst is free, not everything that was missed.
        let later = now + Duration::from_secs(60);
        let free = (0..50).filter(|_| rate.turn(later).is_zero()).count();
        assert_eq!(free, 10);
    }

    #[test]
    fn zero_is_no_bound_and_a_low_rate_has_no_burst() {
        let none = Rate::new(0);
        let now = Instant::now();
        assert!((0..10_000).all(|_| none.turn(now).is_zero()));
        let slow = Rate::new(1);
        assert!(slow.turn(now).is_zero());
        assert_eq!(slow.turn(now), Duration::from_secs(1));
    }

    #[test]
    fn a_turn_that_is_owed_is_missed_by_the_next() {
        let rate = Rate::new(10);
        let now = Instant::now();
        rate.owe();
        rate.owe();
        assert!(rate.turn(now) >= Duration::from_millis(100));
    }

    #[test]
    fn a_signal_ends_the_wait() {
        let rate = Rate::new(1);
        let stop = Stop::new();
        rate.take(&stop).unwrap();
        stop.set(2);
        assert!(rate.take(&stop).is_err());
    }
}
