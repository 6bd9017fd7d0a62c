//! Which units of a stage run beside which: a lane for each zone that is written to, and one for all else.
//!
//! Threads of a zone's lane wait at its write gate with content that is staged, while those of the other lanes go on:
//! nobody waits for a commit but the gate, and a bisync's downloads do not starve behind its uploads. How much moves at
//! once over the wire is not bounded here but by the permits of all transfers.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::error::{Error, Kind, Result};

/// Runs `work` on all units, those of each lane in order, by up to `threads` threads a lane. One thread is one in all.
///
/// # Errors
/// When no thread can be had; what was begun is finished then.
pub(super) fn run<U: Sync>(
    lanes: &[Vec<U>],
    threads: usize,
    work: impl Fn(&U) + Sync,
) -> Result<()> {
    let drain = |lane: &[U], next: &AtomicUsize| {
        while let Some(unit) = lane.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(unit);
        }
    };
    if threads <= 1 {
        for lane in lanes {
            drain(lane, &AtomicUsize::new(0));
        }
        return Ok(());
    }
    let next: Vec<AtomicUsize> = lanes.iter().map(|_| AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        for (number, (lane, next)) in lanes.iter().zip(&next).enumerate() {
            for thread in 0..threads.min(lane.len()) {
                let started = thread::Builder::new()
                    .name(format!("transfer {number}.{thread}"))
                    .spawn_scoped(scope, || drain(lane, next));
                match started {
                    Ok(_) => {}
                    // Fewer do it as well.
                    Err(_) if thread > 0 => break,
                    Err(error) => {
                        return Err(
                            Error::new(Kind::Other, "cannot start threads").with_source(error)
                        );
                    }
                }
            }
        }
        Ok(())
    })
}

/// Things that belong together, in the order of their first ones.
pub(super) struct Groups<K, T> {
    pub(super) groups: Vec<Vec<T>>,
    group_of: HashMap<K, usize>,
}

impl<K, T> Default for Groups<K, T> {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            group_of: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash, T> Groups<K, T> {
    pub(super) fn put(&mut self, key: K, thing: T) {
        let at = *self.group_of.entry(key).or_insert(self.groups.len());
        if at == self.groups.len() {
            self.groups.push(Vec::new());
        }
        self.groups[at].push(thing);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};

    use super::*;

    #[test]
    fn every_unit_is_done_once_and_one_thread_keeps_the_order() {
        let lanes: Vec<Vec<usize>> = vec![(0..50).collect(), vec![], (50..60).collect()];
        for threads in [1, 4] {
            let done = Mutex::new(Vec::new());
            run(&lanes, threads, |unit| done.lock().unwrap().push(*unit)).unwrap();
            let mut done = done.into_inner().unwrap();
            if threads > 1 {
                done.sort_unstable();
            }
            assert_eq!(done, (0..60).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_lane_goes_on_while_all_threads_of_another_wait() {
        // Four wait in one lane until the last unit of the other comes: that lane has threads of its own.
        let gate = Barrier::new(5);
        let lanes = vec![vec![true; 4], (0..20).map(|number| number == 19).collect()];
        run(&lanes, 4, |waits| {
            if *waits {
                gate.wait();
            }
        })
        .unwrap();
    }
}
