//! The one stop flag: set by a signal, asked between items and in every wait.
//!
//! A clone shares the flag. This module installs no signal handler; it only holds what one sets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::error::{Error, Kind, Result};

/// How often a wait looks at the flag.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// Whether the run has been told to stop, and by which signal.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Makes a flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets it; the number of the first signal stays.
    pub fn set(&self, signal: i32) {
        let number = usize::try_from(signal).unwrap_or(0).max(1);
        // Already set: the first signal decides the exit code.
        let _was_set = self
            .0
            .compare_exchange(0, number, Ordering::SeqCst, Ordering::SeqCst)
            .is_err();
    }

    /// Returns whether it is set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst) != 0
    }

    /// Returns the signal that set it.
    pub fn signal(&self) -> Option<i32> {
        match self.0.load(Ordering::SeqCst) {
            0 => None,
            number => i32::try_from(number).ok(),
        }
    }

    /// Returns the flag itself, for a handler that can only store a number: 0 is "go on", anything
    /// else the signal.
    pub fn flag(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }

    /// Returns an error where it is set.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn check(&self) -> Result<()> {
        if self.is_set() {
            return Err(stopped());
        }
        Ok(())
    }

    /// Waits so long, or until it is set.
    ///
    /// # Errors
    /// `Stopped`, at most 50 ms after it was set.
    pub fn wait(&self, how_long: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            self.check()?;
            let left = how_long.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(LOOK));
        }
    }
}

/// Makes the error of what was not done, since the run is stopped.
pub(crate) fn stopped() -> Error {
    Error::new(Kind::Stopped, "stopped by a signal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_stays() {
        let stop = Stop::new();
        assert_eq!(stop.signal(), None);
        assert!(stop.check().is_ok());
        let other = stop.clone();
        other.set(15);
        stop.set(2);
        assert_eq!(stop.signal(), Some(15));
        assert_eq!(stop.check().unwrap_err().kind(), Kind::Stopped);
    }

    #[test]
    fn a_wait_ends_early() {
        let stop = Stop::new();
        stop.flag().store(2, Ordering::SeqCst);
        let start = Instant::now();
        let error = stop.wait(Duration::from_secs(60)).unwrap_err();
        assert_eq!(error.kind(), Kind::Stopped);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
