//! How many writes of metadata at once: a gate for each zone, which starts at one and finds its own width.
//!
//! The service refuses concurrent writes of a zone (protocol page 11.2). Whether it always does nobody has published, so the
//! gate tries a second one after a long run of clean answers; a refusal takes that back and doubles the run, so that a
//! zone which takes one write at a time sees a handful of refusals in a thousand writes. No two writes of a plan are of
//! the same document or name at the same stage, so any number of them may be at the gate together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    cloud::{Remote, limit::Permits},
    error::{Kind as ErrorKind, Result},
    tree::Zone,
};

/// Clean writes in a row until a second one at once is tried.
pub const FIRST_RUN: usize = 16;
/// No refusals make it longer than this.
const LONGEST_RUN: usize = 1024;

/// The gates of all zones.
#[derive(Debug)]
pub struct WriteGate {
    ceiling: usize,
    /// The run that a gate begins with.
    run: usize,
    zones: Mutex<HashMap<Zone, Arc<Permits>>>,
}

impl WriteGate {
    /// Makes gates that never get wider than `ceiling`, and begin with a run that an earlier pass found.
    pub fn new(ceiling: usize, run: usize) -> Self {
        Self {
            ceiling,
            run: run.clamp(FIRST_RUN, LONGEST_RUN),
            zones: Mutex::default(),
        }
    }

    /// Returns the longest run that a zone has come to, worth remembering for the next pass.
    pub fn run(&self) -> usize {
        let zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = zones.values().map(|zone| zone.run());
        runs.max().unwrap_or(self.run)
    }

    /// Makes a write while no more of its zone are made than it takes. A busy zone has not done it: it is made again,
    /// from the start of `write`, which therefore looks again at whatever it rests on.
    ///
    /// # Errors
    /// Those of `write`; `Busy` where another device keeps the zone busy; `Stopped`.
    pub fn pass<T>(
        &self,
        remote: &dyn Remote,
        zone: &Zone,
        mut write: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let gate = self.of(zone);
        let mut alone = 0;
        loop {
            let permit = gate.acquire();
            let error = match write() {
                Err(error) if error.kind() == ErrorKind::Busy => error,
                Ok(done) => {
                    permit.clean();
                    return Ok(done);
                }
                Err(error) => return Err(error),
            };
            if !permit.refused() {
                // There was no other of ours: another device writes. All wait, or each would be refused in turn.
                remote.again(alone, error)?;
                alone += 1;
            }
        }
    }

    fn of(&self, zone: &Zone) -> Arc<Permits> {
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Permits::wary(self.ceiling, self.run, LONGEST_RUN));
        Arc::clone(zones.entry(zone.clone()).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

    use super::*;
    use crate::{cloud::fake::Fake, error::Error};

    /// A zone that takes so many writes at once; counts what it refuses.
    struct Service {
        takes: usize,
        /// Threads that will still write.
        writers: AtomicUsize,
        inside: AtomicUsize,
        most: AtomicUsize,
        refused: AtomicUsize,
    }

    impl Service {
        fn new(takes: usize) -> Self {
            Self {
                takes,
                writers: AtomicUsize::new(20),
                inside: AtomicUsize::new(0),
                most: AtomicUsize::new(0),
                refused: AtomicUsize::new(0),
            }
        }

        fn write(&self, gate: &WriteGate) -> Result<()> {
            let now = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            // Until all have come that may and will.
            let wide = gate.of(&Zone::drive());
            let due = || wide.now().min(self.writers.load(Ordering::SeqCst));
            while self.inside.load(Ordering::SeqCst) < due() {
                std::thread::yield_now();
            }
            self.inside.fetch_sub(1, Ordering::SeqCst);
            if now > self.takes {
                self.refused.fetch_add(1, Ordering::SeqCst);
                return Err(Error::new(ErrorKind::Busy, "ZONE_BUSY"));
            }
            Ok(())
        }
    }

    /// A thousand writes from many threads.
    fn thousand(gate: &WriteGate, service: &Service) {
        let remote = Fake::new(&[]);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        gate.pass(&remote, &Zone::drive(), || service.write(gate))
                            .unwrap();
                    }
                    service.writers.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
    }

    #[test]
    fn a_zone_that_takes_one_write_sees_a_handful_of_refusals_in_a_thousand() {
        let (gate, service) = (WriteGate::new(32, FIRST_RUN), Service::new(1));
        thousand(&gate, &service);
        let refused = service.refused.load(Ordering::SeqCst);
        assert!((1..=8).contains(&refused), "{refused}");
        assert!(service.most.load(Ordering::SeqCst) <= 2);
        // The next pass knows, and hardly tries.
        assert!(gate.run() >= 256, "{}", gate.run());
        let (gate, service) = (WriteGate::new(32, gate.run()), Service::new(1));
        thousand(&gate, &service);
        assert!(service.refused.load(Ordering::SeqCst) <= 2);
    }

    #[test]
    fn a_zone_that_takes_many_writes_gets_many() {
        let (gate, service) = (WriteGate::new(4, FIRST_RUN), Service::new(usize::MAX));
        thousand(&gate, &service);
        let most = service.most.load(Ordering::SeqCst);
        assert!((2..=4).contains(&most), "{most}");
        assert_eq!(gate.run(), FIRST_RUN);
    }

    #[test]
    fn another_device_is_waited_for_and_the_write_begins_again() {
        let gate = WriteGate::new(32, FIRST_RUN);
        let remote = Fake::new(&[]);
        let tries = AtomicU32::new(0);
        let write = || match tries.fetch_add(1, Ordering::SeqCst) {
            0..3 => Err(Error::new(ErrorKind::Busy, "ZONE_BUSY")),
            n => Ok(n),
        };
        assert_eq!(gate.pass(&remote, &Zone::drive(), write).unwrap(), 3);
        assert_eq!(gate.run(), FIRST_RUN, "it says nothing of two at once");
        let always = || Err::<(), _>(Error::new(ErrorKind::Busy, "ZONE_BUSY"));
        let error = gate.pass(&remote, &Zone::drive(), always).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        let other = || Err::<(), _>(Error::new(ErrorKind::Refused, "no"));
        let error = gate.pass(&remote, &Zone::drive(), other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
}
