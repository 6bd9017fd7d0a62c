//! Limits that find their own place: one more after a run of clean answers, halved on a refusal.
//!
//! Nobody has published how much the service takes at once, so the program tries and remembers.
//! [`Size`] is a number that requests are made up by; [`Permits`] is how many may be under way. Both
//! know nothing of what they bound.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::{
    cloud::Remote,
    error::{Error, Kind as ErrorKind, Result},
};

/// So many clean answers in a row earn one more.
const RUN: usize = 8;

#[derive(Debug)]
struct Level {
    now: usize,
    ceiling: usize,
    clean: usize,
    /// Clean answers in a row that earn one more.
    run: usize,
    /// A refusal doubles the run, up to this.
    longest: usize,
}

impl Level {
    fn new(start: usize, ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            now: start.clamp(1, ceiling),
            ceiling,
            clean: 0,
            run: RUN,
            longest: RUN,
        }
    }

    fn clean(&mut self) {
        self.clean += 1;
        if self.clean >= self.run {
            self.clean = 0;
            self.now = (self.now + 1).min(self.ceiling);
        }
    }

    fn refused(&mut self, used: usize) {
        self.clean = 0;
        // Where there was one only, another device was in the way: that says nothing of two.
        if self.now > 1 {
            self.run = self.run.saturating_mul(2).min(self.longest);
        }
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

    /// Begins again at `start`, and never exceeds `ceiling` from now on.
    pub fn begin_at(&self, start: usize, ceiling: usize) {
        *lock(&self.0) = Level::new(start, ceiling);
    }

    /// Returns how many it never exceeds.
    pub fn most(&self) -> usize {
        lock(&self.0).ceiling
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
    /// Where it began, whatever the ceiling.
    start: usize,
    /// How often it was lowered. What was begun before it was last lowered says nothing of it as it is now.
    lowered: u64,
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
        Self::of(start, Level::new(start, ceiling))
    }

    /// Starts at one, and takes `run` clean answers in a row for one more; each refusal doubles what it takes, up to
    /// `longest`. For what is refused as soon as there is more than one, as a rule: it is tried ever less often.
    pub fn wary(ceiling: usize, run: usize, longest: usize) -> Self {
        let level = Level {
            run: run.clamp(1, longest.max(1)),
            longest: longest.max(1),
            ..Level::new(1, ceiling)
        };
        Self::of(1, level)
    }

    fn of(start: usize, level: Level) -> Self {
        Self {
            state: Mutex::new(Use {
                level,
                taken: 0,
                start,
                lowered: 0,
            }),
            freed: Condvar::new(),
        }
    }

    /// Returns how many may be under way now.
    pub fn now(&self) -> usize {
        lock(&self.state).level.now
    }

    /// Returns what is worth beginning with another time: a ceiling that was not reached by growing says nothing of the
    /// service.
    pub fn found(&self) -> usize {
        let state = lock(&self.state);
        if state.level.now == state.level.ceiling {
            return state.start.max(state.level.now);
        }
        state.level.now
    }

    /// Returns how many clean answers in a row earn one more now.
    pub fn run(&self) -> usize {
        lock(&self.state).level.run
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
        Permit {
            of: self,
            began: state.lowered,
        }
    }

    /// Does `work` under a permit. Refused is what failed for a passing reason, and what the service refused because of
    /// the load meanwhile, also where it took it in the end: the refusals of all threads count, since the load is that of
    /// all.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn within<T>(&self, remote: &dyn Remote, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let permit = self.acquire();
        let before = remote.refusals();
        let result = work();
        let has_failed = matches!(&result, Err(error) if error.kind() == ErrorKind::Temporary);
        if has_failed || remote.refusals() != before {
            permit.refused();
        } else if result.is_ok() {
            permit.clean();
        }
        result
    }
}

/// The right to have one thing under way.
#[derive(Debug)]
#[must_use]
pub struct Permit<'a> {
    of: &'a Permits,
    began: u64,
}

impl Permit<'_> {
    /// Notes that it went as it should.
    pub fn clean(&self) {
        let mut state = lock(&self.of.state);
        if state.lowered == self.began {
            state.level.clean();
            self.of.freed.notify_one();
        }
    }

    /// Notes that the service refused because of the load. What was under way together is refused together, and lowers
    /// the limit once. Returns whether there may have been more than one.
    pub fn refused(&self) -> bool {
        let mut state = lock(&self.of.state);
        if state.lowered != self.began {
            return true;
        }
        let now = state.level.now;
        state.level.refused(now);
        state.lowered += 1;
        now > 1
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
    use crate::cloud::fake::Fake;

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
    fn what_was_under_way_together_is_refused_once_and_old_answers_count_for_nothing() {
        let permits = Permits::new(8, 32);
        let held: Vec<Permit<'_>> = (0..8).map(|_| permits.acquire()).collect();
        for permit in &held[..7] {
            permit.refused();
        }
        assert_eq!(permits.now(), 4);
        for _ in 0..RUN {
            held[7].clean();
        }
        assert_eq!(permits.now(), 4);
        drop(held);
        assert_eq!(permits.found(), 4);
    }

    #[test]
    fn a_ceiling_is_not_taken_for_what_the_service_takes() {
        assert_eq!(Permits::new(8, 1).found(), 8);
        let grown = Permits::new(8, 9);
        for _ in 0..RUN {
            grown.acquire().clean();
        }
        assert_eq!(grown.found(), 9);
        let refused = Permits::new(8, 2);
        refused.acquire().refused();
        assert_eq!(refused.found(), 1);
    }

    #[test]
    fn a_wary_limit_is_tried_ever_less_often() {
        let permits = Permits::wary(4, 3, 10);
        for (run, next) in [(3, 6), (6, 10), (10, 10)] {
            assert_eq!((permits.now(), permits.run()), (1, run));
            for _ in 0..run {
                permits.acquire().clean();
            }
            assert_eq!(permits.now(), 2);
            assert!(permits.acquire().refused());
            assert_eq!((permits.now(), permits.run()), (1, next));
        }
        assert!(!permits.acquire().refused(), "alone");
        assert_eq!(permits.run(), 10);
    }

    #[test]
    fn a_refusal_that_another_thread_met_lowers_the_limit() {
        let strained = Fake::new(&[]);
        let permits = Permits::new(8, 32);
        permits.within(&strained, || Ok(())).unwrap();
        assert_eq!(permits.now(), 8);
        permits
            .within(&strained, || {
                strained.world().refusals += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(permits.now(), 4);
        let away = || Err::<(), _>(Error::new(ErrorKind::Temporary, "away"));
        permits.within(&strained, away).unwrap_err();
        assert_eq!(permits.now(), 2);
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
