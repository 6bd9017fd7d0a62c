//! Limits that find their own place: one more after a run of clean answers, halved on a refusal.
//!
//! Nobody has published how much the service takes at once, so the program tries and remembers.
//! [`Size`] is a number that requests are made up by; [`Permits`] is how many may be under way. Both
//! know nothing of what they bound.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Kind as ErrorKind};

/// So many clean answers in a row earn one more.
const RUN: usize = 8;

#[derive(Debug)]
struct Level {
    now: usize,
    ceiling: usize,
    clean: usize,
}

impl Level {
    fn new(start: usize, ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            now: start.clamp(1, ceiling),
            ceiling,
            clean: 0,
        }
    }

    fn clean(&mut self) {
        self.clean += 1;
        if self.clean >= RUN {
            self.clean = 0;
            self.now = (self.now + 1).min(self.ceiling);
        }
    }

    fn refused(&mut self, used: usize) {
        self.clean = 0;
        self.now = self.now.min(used / 2).max(1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many things go into one request.
#[derive(Debug)]
pub struct Size(Mutex<Level>);

impl Size {
    /// Starts at `start`, never exceeds `ceiling`, never falls below one.
    pub fn new(start: usize, ceiling: usize) -> Self {
        Self(Mutex::new(Level::new(start, ceiling)))
    }

    /// Returns how many may go into the next request.
    pub fn now(&self) -> usize {
        lock(&self.0).now
    }

    /// Notes that a request of `used` things was answered as it should be. Smaller requests than
    /// are allowed prove nothing.
    pub fn clean(&self, used: usize) {
        let mut level = lock(&self.0);
        if used >= level.now {
            level.clean();
        }
    }

    /// Notes that a request of `used` things was not.
    pub fn refused(&self, used: usize) {
        lock(&self.0).refused(used);
    }
}

#[derive(Debug)]
struct Use {
    level: Level,
    taken: usize,
}

/// How many things may be under way at once.
#[derive(Debug)]
pub struct Permits {
    state: Mutex<Use>,
    freed: Condvar,
}

impl Permits {
    /// Starts at `start`, never exceeds `ceiling`, never falls below one.
    pub fn new(start: usize, ceiling: usize) -> Self {
        Self {
            state: Mutex::new(Use {
                level: Level::new(start, ceiling),
                taken: 0,
            }),
            freed: Condvar::new(),
        }
    }

    /// Returns how many may be under way now.
    pub fn now(&self) -> usize {
        lock(&self.state).level.now
    }

    /// Waits until one more may be under way. It is given back when the permit is dropped.
    pub fn acquire(&self) -> Permit<'_> {
        let mut state = lock(&self.state);
        while state.taken >= state.level.now {
            state = self
                .freed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.taken += 1;
        Permit { of: self }
    }
}

/// The right to have one thing under way.
#[derive(Debug)]
#[must_use]
pub struct Permit<'a> {
    of: &'a Permits,
}

impl Permit<'_> {
    /// Notes that it went as it should.
    pub fn clean(&self) {
        lock(&self.of.state).level.clean();
        self.of.freed.notify_one();
    }

    /// Notes that the service refused because of the load.
    pub fn refused(&self) {
        let mut state = lock(&self.of.state);
        let now = state.level.now;
        state.level.refused(now);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.of.state);
        state.taken = state.taken.saturating_sub(1);
        self.of.freed.notify_one();
    }
}

/// Returns whether an error may be of this one request, so that a smaller one may fare better.
pub(crate) fn is_of_one_request(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Temporary
        | ErrorKind::Busy
        | ErrorKind::Protocol
        | ErrorKind::Refused
        | ErrorKind::NotFound => true,
        ErrorKind::Usage
        | ErrorKind::SignIn
        | ErrorKind::Guard
        | ErrorKind::Locked
        | ErrorKind::Stopped
        | ErrorKind::Changed
        | ErrorKind::Exists
        | ErrorKind::Lost
        | ErrorKind::Integrity
        | ErrorKind::Local
        | ErrorKind::DiskFull
        | ErrorKind::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn a_size_is_halved_on_refusal_and_grows_one_by_one_to_its_ceiling() {
        let size = Size::new(50, 50);
        size.refused(50);
        assert_eq!(size.now(), 25);
        size.refused(3);
        assert_eq!(size.now(), 1);
        size.refused(1);
        assert_eq!(size.now(), 1);
        for _ in 0..RUN {
            size.clean(1);
        }
        assert_eq!(size.now(), 2);
        for _ in 0..RUN {
            size.clean(1);
        }
        assert_eq!(size.now(), 2, "half-full requests prove nothing");
        for _ in 0..100 * RUN {
            size.clean(50);
        }
        assert_eq!(size.now(), 50);
        assert_eq!(Size::new(0, 0).now(), 1);
    }

    #[test]
    fn no_more_than_the_limit_are_under_way_at_once() {
        let permits = Permits::new(2, 2);
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let permit = permits.acquire();
                        let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        under_way.fetch_sub(1, Ordering::SeqCst);
                        permit.clean();
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    #[test]
    fn refused_permits_halve_and_clean_ones_grow() {
        let permits = Permits::new(8, 10);
        permits.acquire().refused();
        assert_eq!(permits.now(), 4);
        for _ in 0..100 {
            permits.acquire().clean();
        }
        assert_eq!(permits.now(), 10);
    }
}
