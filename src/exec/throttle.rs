//! How many content bytes a second, both ways together.
//!
//! A share of bytes is booked before it moves on, and waited for until its end; so at any moment no more has moved than the
//! rate allows, and a whole transfer takes as long as its size says.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{error::Result, stop::Stop};

/// What may be made up for after a pause.
const CREDIT: Duration = Duration::from_millis(50);
/// So many shares a second at least: a share that takes seconds would look like a stall.
const SHARES: u64 = 20;

/// Spreads content bytes over time.
#[derive(Debug)]
pub struct Throttle {
    rate: Option<u64>,
    /// When the bytes taken so far will have been due.
    due: Mutex<Option<Instant>>,
}

impl Throttle {
    /// Allows so many bytes a second, or any number.
    pub fn new(rate: Option<u64>) -> Self {
        Self {
            rate: rate.filter(|rate| *rate > 0),
            due: Mutex::new(None),
        }
    }

    /// Returns how many of `wanted` bytes to move at most before the next [`Self::take`].
    pub fn share(&self, wanted: usize) -> usize {
        let most = self.rate.map_or(u64::MAX, |rate| (rate / SHARES).max(512));
        usize::try_from(most).unwrap_or(usize::MAX).min(wanted)
    }

    /// Waits until so many bytes more have been due.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn take(&self, bytes: usize, stop: &Stop) -> Result<()> {
        match self.turn(bytes, Instant::now()) {
            wait if wait.is_zero() => stop.check(),
            wait => stop.wait(wait),
        }
    }

    /// Books so many bytes and returns how long it is until they are due.
    fn turn(&self, bytes: usize, now: Instant) -> Duration {
        let Some(rate) = self.rate else {
            return Duration::ZERO;
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a wait need not be exact to the ns"
        )]
        let share = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(CREDIT).unwrap_or(now);
        let end = due.map_or(now, |due| due.max(earliest)) + share;
        *due = Some(end);
        end.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves bytes on a clock of its own, in several threads' turns, each idle for a while after each share. Returns
    /// how long it takes.
    fn moved(rate: u64, total: usize, threads: usize, idle: Duration) -> Duration {
        let throttle = Throttle::new(Some(rate));
        let start = Instant::now();
        // When each thread asks next.
        let mut asks = vec![start; threads];
        let mut left = total;
        let mut end = start;
        while left > 0 {
            let next = (0..threads).min_by_key(|at| asks[*at]).unwrap();
            let bytes = throttle.share(256 * 1024).min(left);
            left -= bytes;
            let now = asks[next];
            let due = now + throttle.turn(bytes, now);
            end = end.max(due);
            asks[next] = due + idle;
        }
        end - start
    }

    #[test]
    fn a_transfer_takes_as_long_as_its_size_says_to_five_percent() {
        for (rate, threads, idle) in [
            (1_000_000, 1, 0),
            (1_000_000, 32, 0),
            (100_000, 1, 0),
            (10_000, 3, 0),
            (50_000_000, 8, 0),
            (1_000_000, 1, 20),
            (1_000_000, 8, 50),
        ] {
            let total = usize::try_from(rate * 4).unwrap();
            let took = moved(rate, total, threads, Duration::from_millis(idle)).as_secs_f64();
            assert!((3.8..4.2).contains(&took), "{rate} {threads}: {took}");
        }
    }

    #[test]
    fn both_ways_share_one_rate() {
        let throttle = Throttle::new(Some(1_000));
        let now = Instant::now();
        throttle.turn(1_000, now);
        assert_eq!(throttle.turn(1_000, now), Duration::from_secs(2));
    }

    #[test]
    fn a_rest_is_not_made_up_for_and_no_rate_is_no_wait() {
        let throttle = Throttle::new(Some(1_000));
        let now = Instant::now();
        throttle.turn(1_000, now);
        let later = now + Duration::from_secs(60);
        assert_eq!(throttle.turn(1_000, later), Duration::from_millis(950));
        let none = Throttle::new(None);
        assert!(none.turn(usize::MAX, now).is_zero());
        assert_eq!(none.share(7), 7);
        none.take(usize::MAX, &Stop::new()).unwrap();
    }
}
