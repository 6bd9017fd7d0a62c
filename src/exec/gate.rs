//! How much at once: one write of metadata a zone, and so many content bytes a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{error::Result, stop::Stop, tree::Zone};

/// Lets one write of metadata at a time into each zone: the service refuses concurrent ones (protocol page
/// 11.2).
#[derive(Debug, Default)]
pub struct WriteGate {
    zones: Mutex<HashMap<Zone, Arc<Mutex<()>>>>,
}

impl WriteGate {
    /// Runs `write` while no other write of the zone runs.
    pub fn pass<T>(&self, zone: &Zone, write: impl FnOnce() -> T) -> T {
        let gate = {
            let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(zones.entry(zone.clone()).or_default())
        };
        let _guard: MutexGuard<'_, ()> = gate.lock().unwrap_or_else(PoisonError::into_inner);
        write()
    }
}

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

    /// Waits until so many bytes more may go.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn take(&self, bytes: usize, stop: &Stop) -> Result<()> {
        let Some(rate) = self.rate else {
            return stop.check();
        };
        let wait = {
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let start = due.map_or(now, |due| due.max(now));
            #[expect(
                clippy::cast_precision_loss,
                reason = "a wait need not be exact to the ns"
            )]
            let share = Duration::from_secs_f64(bytes as f64 / rate as f64);
            *due = Some(start + share);
            start.saturating_duration_since(now)
        };
        stop.wait(wait)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_write_at_a_time_in_a_zone() {
        let gate = WriteGate::default();
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        gate.pass(&Zone::drive(), || {
                            let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                            most.fetch_max(now, Ordering::SeqCst);
                            std::thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn bytes_are_spread_over_time() {
        let throttle = Throttle::new(Some(1_000_000));
        let start = Instant::now();
        for _ in 0..11 {
            throttle.take(10_000, &Stop::new()).unwrap();
        }
        assert!(start.elapsed() >= Duration::from_millis(100));
    }
}
