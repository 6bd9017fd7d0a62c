//! `--watch`: the same pass again and again, with pauses that fit how the last one ended.
//!
//! Comes in: how to run a pass, and two cheap looks, at the local side and at the saved session. Goes out: when the next
//! pass begins. It knows neither side and keeps nothing between passes but the number of failures in a row, so that ten
//! thousand passes need no more than one.
//!
//! There is no inotify here: it fails on network mounts and on large trees. A pass begins when the interval is over, on
//! SIGHUP, or when two looks at the local side a moment apart agree that it has something new. A pass that needs a person
//! is tried again as soon as somebody has signed in.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Kind, Result},
    stop::Stop,
};

/// Seconds between two looks (design section 9).
const LOOK_EVERY: u32 = 10;
/// Seconds after which a change that was seen is looked at again: who saves a file is often not done yet.
const SETTLE: u32 = 2;
/// Seconds after which a side that does not come to rest is synced all the same.
const RESTLESS: u32 = 30;
/// A look may take this share of the time at most.
const SHARE: u32 = 20;
/// No pause is longer than so many seconds, however often passes failed.
const LONGEST: u32 = 3600;
/// How often a wait looks at the flags.
const TICK: Duration = Duration::from_millis(50);

/// How long to wait between passes.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// From the end of one pass to the next, in seconds; at least 1.
    pub interval: u32,
    /// What counts as a second; a test makes it short.
    pub second: Duration,
}

impl Schedule {
    /// Returns the pause after so many failures in a row: the interval, doubled for each up to an hour, with up to a
    /// quarter of chance on top, so that machines which failed together do not come back together.
    fn pause(&self, failures: u32) -> Duration {
        let longest = LONGEST.max(self.interval);
        let seconds = self.interval.saturating_mul(1 << failures.min(12));
        let base = self.second * seconds.min(longest);
        if failures == 0 {
            return base;
        }
        let chance = f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX);
        base + base.mul_f64(chance / 4.0)
    }
}

/// What a watch listens to.
pub struct Watch<'a> {
    /// When passes are due.
    pub schedule: Schedule,
    /// Ends it.
    pub stop: &'a Stop,
    /// Set from outside (SIGHUP): a pass begins now.
    pub wake: &'a AtomicBool,
    /// What the local side has that passes have not synced, as a number; 0 for nothing, `None` where it can't be told.
    pub local: &'a dyn Fn() -> Option<u64>,
    /// Who is signed in, as a number that moves with each sign-in; `None` while a person is waited for.
    pub session: &'a dyn Fn() -> Option<u64>,
}

impl Watch<'_> {
    /// Runs `pass` until a signal ends it. It is given its number, from 0, and returns its exit code; what it says of an
    /// error is its own affair.
    ///
    /// # Errors
    /// The `Usage` error of a pass: what was typed does not become right by waiting.
    pub fn run(&self, pass: &mut dyn FnMut(u64) -> Result<u8>) -> Result<()> {
        let mut failures = 0;
        let mut number = 0;
        // What the local side had when a pass was begun for it: it must move on before it is a reason again, or what
        // can't be synced would begin one pass after the other.
        let mut acted_on = 0;
        loop {
            // Looked at before the pass, so that a sign-in in the middle of it is seen.
            let session = (self.session)();
            let exit_code = match pass(number) {
                Ok(exit_code) => exit_code,
                Err(error) if error.kind() == Kind::Usage => return Err(error),
                Err(error) => error.exit_code(),
            };
            number += 1;
            // Items left alone for a problem are no reason to come less often.
            let is_fine = matches!(exit_code, 0 | 3);
            failures = if is_fine { 0 } else { failures + 1 };
            let mut reason: Box<dyn FnMut() -> Option<u64>> = match exit_code {
                // A guard may have been about the local side, and be content with it soon.
                0 | 3 | 6 => Box::new(|| {
                    let seen = (self.local)()?;
                    acted_on = if seen == 0 { 0 } else { acted_on };
                    (seen != acted_on).then_some(seen)
                }),
                4 => Box::new(|| (self.session)().filter(|now| Some(*now) != session)),
                _ => Box::new(|| None),
            };
            let seen = self.wait(self.schedule.pause(failures), &mut *reason);
            drop(reason);
            if exit_code != 4 {
                acted_on = seen.unwrap_or(acted_on);
            }
            if self.stop.is_set() {
                return Ok(());
            }
        }
    }

    /// Waits until the next pass is due: until the pause is over, a signal came, or `reason` gave the same answer twice
    /// in a row. Returns that answer.
    fn wait(&self, pause: Duration, reason: &mut dyn FnMut() -> Option<u64>) -> Option<u64> {
        let second = self.schedule.second;
        let begun = Instant::now();
        let mut last = None;
        let mut restless_since = None;
        let mut next = second * LOOK_EVERY;
        loop {
            let now = begun.elapsed();
            // Whoever sent it wants one pass, not one for each signal.
            let is_woken = self.wake.swap(false, Ordering::SeqCst);
            if self.stop.is_set() || is_woken || now >= pause {
                return None;
            }
            if now >= next {
                let seen = reason();
                let cost = begun.elapsed().saturating_sub(now);
                let since = *restless_since.get_or_insert(now);
                let is_restless = now.saturating_sub(since) >= second * RESTLESS;
                if seen.is_some() && (seen == last || is_restless) {
                    log::debug!("watch: the next pass begins before its time");
                    return seen;
                }
                restless_since = restless_since.filter(|_| seen.is_some());
                last = seen;
                let until_next = if seen.is_some() { SETTLE } else { LOOK_EVERY };
                next = begun.elapsed() + (second * until_next).max(cost * SHARE);
            }
            thread::sleep(TICK.min(second).min(pause.saturating_sub(now)));
        }
    }
}

/// Returns the exit code of a watch that a signal ended: SIGTERM is how it is meant to end.
pub fn exit_code(stop: &Stop) -> u8 {
    match stop.signal() {
        Some(signal) if signal != signal_hook::consts::SIGTERM => {
            u8::try_from(crate::signals::exit_code(signal)).unwrap_or(130)
        }
        Some(_) | None => 0,
    }
}

#[cfg(test)]
mod tests;
