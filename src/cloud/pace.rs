//! How long to wait before something is tried again, and how often.
//!
//! All waits are counted in one unit, a second, so that tests can make it a millisecond. The hold is
//! shared: when the service asks one thread to wait, all wait. The budget bounds the retries of a
//! pass, so that a service in trouble is not asked a thousand times more than needed.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Kind, Result},
    stop::Stop,
};

/// Tries of one request, the first included (protocol page 11.1).
pub(crate) const TRIES: u32 = 5;

/// Retries in a pass, over all requests; after them every error is final.
pub(crate) const RETRY_BUDGET: u32 = 200;

/// A service that asks for a longer wait than so many seconds is taken as away.
const LONGEST_HOLD: u32 = 600;

/// The unit of all waits, and the time limits of requests.
#[derive(Debug, Clone)]
pub struct Pace {
    /// What counts as a second; a test makes it short.
    pub second: Duration,
    /// Retries in a pass.
    pub budget: u32,
    /// Limit of a listing, and of a write, whose answer must not be missed.
    pub listing: Duration,
    /// Limit of any other API request.
    pub other: Duration,
    /// Longest time without a byte of content moving.
    pub stall: Duration,
    /// Time without an answer to the first request, after which that is said.
    pub patience: Duration,
}

impl Default for Pace {
    /// The limits are those of protocol page 11.3.
    fn default() -> Self {
        Self {
            second: Duration::from_secs(1),
            budget: RETRY_BUDGET,
            listing: Duration::from_secs(90),
            other: Duration::from_secs(30),
            stall: Duration::from_secs(120),
            patience: Duration::from_secs(3),
        }
    }
}

impl Pace {
    /// A pace for tests: a "second" is so many milliseconds. Limits of requests stay.
    pub fn of_millis(millis: u64) -> Self {
        Self {
            second: Duration::from_millis(millis),
            ..Self::default()
        }
    }

    /// Returns the wait after the `n`th network error or server error in a row, from 0: 1, 2, 4, 8 s.
    pub(crate) fn network(&self, n: u32) -> Duration {
        jittered(self.second * (1 << n.min(5)))
    }

    /// Returns the wait after the `n`th refusal for load without a `Retry-After`: 10 s, doubling.
    pub(crate) fn throttle(&self, n: u32) -> Duration {
        jittered(self.second * 10 * (1 << n.min(5)))
    }

    /// Returns the wait after the `n`th "busy": 250 ms, doubling.
    pub(crate) fn busy(&self, n: u32) -> Duration {
        jittered(self.second / 4 * (1 << n.min(6)))
    }

    /// Returns how long a request can go on being tried after its `n`th failure in a row, from 0, beside the time that the tries
    /// take. `asked` is what the service asks for: zero where it refuses and does not say for how long.
    pub(crate) fn longest(&self, n: u32, asked: Option<Duration>) -> Duration {
        let waits = (n..TRIES - 1).map(|n| match asked {
            None => self.second * (1 << n),
            Some(Duration::ZERO) => self.second * 10 * (1 << n),
            Some(asked) => asked,
        });
        let sum: Duration = waits.sum();
        sum + sum / 4
    }

    /// Returns what a `Retry-After` of so long means here, or `None` where it is too long to wait.
    pub(crate) fn asked(&self, wait: Duration) -> Option<Duration> {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        if seconds > LONGEST_HOLD {
            return None;
        }
        let extra = self.second.mul_f64(f64::from(wait.subsec_nanos()) / 1e9);
        Some(self.second * seconds + extra)
    }
}

/// Adds up to a quarter, so that threads do not come back together.
fn jittered(base: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(0);
    base + base.mul_f64(f64::from(random) / f64::from(u32::MAX) / 4.0)
}

/// The moment before which no thread sends anything.
#[derive(Debug, Default)]
pub(crate) struct Hold(Mutex<Option<Instant>>);

impl Hold {
    /// Makes all threads wait until so long from now; a later end set before stays.
    pub(crate) fn set(&self, wait: Duration) {
        let end = Instant::now() + wait;
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_none_or(|set| set < end) {
            *until = Some(end);
        }
    }

    /// Returns whether all have to wait now.
    pub(crate) fn is_on(&self) -> bool {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|end| end > Instant::now())
    }

    /// Waits until the hold is over.
    ///
    /// # Errors
    /// `Stopped`.
    pub(crate) fn wait(&self, stop: &Stop) -> Result<()> {
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let left = until.map(|end| end.saturating_duration_since(Instant::now()));
            match left {
                Some(left) if !left.is_zero() => stop.wait(left)?,
                _ => return Ok(()),
            }
        }
    }
}

/// How many retries are left in this pass.
#[derive(Debug)]
pub(crate) struct Budget {
    full: u32,
    left: AtomicU32,
}

impl Budget {
    /// Makes a full budget.
    pub(crate) fn new(full: u32) -> Self {
        Self {
            full,
            left: AtomicU32::new(full),
        }
    }

    /// Fills it again, at the start of a pass.
    pub(crate) fn refill(&self) {
        self.left.store(self.full, Ordering::Relaxed);
    }

    /// Takes one retry.
    ///
    /// # Errors
    /// `why`, where none is left.
    pub(crate) fn spend(&self, why: Error) -> Result<()> {
        let took = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        match took {
            Ok(_) => Ok(()),
            Err(_) if why.kind() == Kind::Temporary => Err(why.with_hint(format!(
                "{} retries were used up in this pass; try again later",
                self.full
            ))),
            Err(_) => Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_jitter() {
        let pace = Pace::default();
        for (n, seconds) in [(0, 1), (1, 2), (2, 4), (3, 8)] {
            let wait = pace.network(n);
            let base = Duration::from_secs(seconds);
            assert!(wait >= base && wait <= base * 5 / 4, "{n}: {wait:?}");
        }
        assert!(pace.busy(0) >= Duration::from_millis(250));
        assert!(pace.busy(3) >= Duration::from_secs(2));
        assert!(pace.throttle(1) >= Duration::from_secs(20));
        assert!(pace.throttle(99) < Duration::from_secs(600));
    }

    #[test]
    fn no_request_is_tried_for_longer_than_is_said() {
        let pace = Pace::default();
        let in_all = |wait: &dyn Fn(u32) -> Duration, from| (from..TRIES - 1).map(wait).sum();
        for n in 0..TRIES - 1 {
            let network: Duration = in_all(&|n| pace.network(n), n);
            let throttle: Duration = in_all(&|n| pace.throttle(n), n);
            assert!(network <= pace.longest(n, None));
            assert!(throttle <= pace.longest(n, Some(Duration::ZERO)));
        }
        assert_eq!(pace.longest(TRIES - 1, None), Duration::ZERO);
    }

    #[test]
    fn a_request_to_wait_for_too_long_is_not_followed() {
        let pace = Pace::of_millis(1);
        assert_eq!(
            pace.asked(Duration::from_secs(30)),
            Some(Duration::from_millis(30))
        );
        assert_eq!(pace.asked(Duration::from_secs(3600)), None);
    }

    #[test]
    fn a_hold_is_shared_and_the_longest_counts() {
        let hold = Hold::default();
        let stop = Stop::new();
        hold.wait(&stop).unwrap();
        hold.set(Duration::from_millis(40));
        hold.set(Duration::from_millis(1));
        let start = Instant::now();
        hold.wait(&stop).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(39));
        hold.set(Duration::from_secs(60));
        stop.set(2);
        assert_eq!(hold.wait(&stop).unwrap_err().kind(), Kind::Stopped);
    }

    #[test]
    fn the_budget_ends_and_is_filled_again() {
        let budget = Budget::new(2);
        let why = || Error::new(Kind::Temporary, "away");
        budget.spend(why()).unwrap();
        budget.spend(why()).unwrap();
        let error = budget.spend(why()).unwrap_err();
        assert_eq!(error.kind(), Kind::Temporary);
        assert!(error.hint().is_some());
        budget.refill();
        budget.spend(why()).unwrap();
    }
}
