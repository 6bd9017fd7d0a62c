//! Room on LOCAL's file system: a download that would leave less than `--min-free` is not begun.
//!
//! What is under way has not taken all of its room yet, so it is counted as promised. A download that only fits once
//! others are done waits for them; one that does not fit alone is refused, with the sizes, before anything is asked for.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    error::{Error, Kind, Result},
    report::words,
    stop::Stop,
};

/// What is promised at once to a download that turns out longer than was known.
const STEP: u64 = 4 << 20;

/// How often a wait looks whether it is to stop.
const TICK: Duration = Duration::from_millis(100);

/// What may be filled.
#[derive(Debug)]
pub(super) struct Room {
    /// Bytes that stay free; 0: there is no bound.
    least: u64,
    /// Bytes that downloads under way may still take.
    promised: Mutex<u64>,
    changed: Condvar,
}

/// Room that was promised to one download, until this is dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Share<'_> {
    /// Notes that so many bytes are about to be written. Where that is more than was promised, it is promised now; nothing
    /// is waited for, since others may be waiting for this one. `free` tells how many bytes there are now.
    ///
    /// # Errors
    /// `DiskFull` where it does not fit; those of `free`.
    pub(super) fn take(&mut self, bytes: u64, free: impl Fn() -> Result<u64>) -> Result<()> {
        let room = self.room;
        let mut promised = room.promised.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bytes < bytes {
            let more = STEP.max(bytes);
            let now = if room.least == 0 { u64::MAX } else { free()? };
            if room.least.saturating_add(*promised).saturating_add(more) > now {
                let text = format!(
                    "given up: it takes more than was listed, and of the {} that are free here {} are to stay so (--min-free)",
                    words::size(now),
                    words::size(room.least)
                );
                return Err(Error::new(Kind::DiskFull, text));
            }
            *promised = promised.saturating_add(more);
            self.bytes = self.bytes.saturating_add(more);
        }
        *promised -= bytes;
        self.bytes -= bytes;
        room.changed.notify_all();
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let room = self.room;
        let mut promised = room.promised.lock().unwrap_or_else(PoisonError::into_inner);
        *promised -= self.bytes;
        room.changed.notify_all();
    }
}

impl Room {
    /// Keeps so many bytes free.
    pub(super) fn new(least: u64) -> Self {
        Self {
            least,
            promised: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Promises room to a download of so many bytes; `free` tells how many there are now.
    ///
    /// # Errors
    /// `DiskFull` where it does not fit though nothing else is under way; `Stopped`; those of `free`.
    pub(super) fn share(
        &self,
        bytes: u64,
        free: impl Fn() -> Result<u64>,
        stop: &Stop,
    ) -> Result<Share<'_>> {
        let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Without a bound the disk itself says when it is full.
            let now = if self.least == 0 { u64::MAX } else { free()? };
            let after = self.least.saturating_add(*promised).saturating_add(bytes);
            if after <= now {
                break;
            }
            if *promised == 0 {
                return Err(too_little(bytes, now, self.least));
            }
            let waited = self.changed.wait_timeout(promised, TICK);
            promised = waited.unwrap_or_else(PoisonError::into_inner).0;
            stop.check()?;
        }
        *promised = promised.saturating_add(bytes);
        Ok(Share { room: self, bytes })
    }
}

fn too_little(bytes: u64, free: u64, least: u64) -> Error {
    let text = format!(
        "not begun: it needs {} here, where {} are free and {} are to stay so (--min-free)",
        words::size(bytes),
        words::size(free),
        words::size(least)
    );
    Error::new(Kind::DiskFull, text)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn what_would_leave_less_is_refused_and_what_just_fits_is_not() {
        let (room, stop) = (Room::new(1_000), Stop::new());
        assert!(room.share(500, || Ok(1_500), &stop).is_ok());
        let error = room.share(501, || Ok(1_500), &stop).unwrap_err();
        assert_eq!(error.kind(), Kind::DiskFull);
        assert_eq!(
            error.to_string(),
            "not begun: it needs 501 B here, where 1.4 KiB are free and 1000 B are to stay so (--min-free)"
        );
        assert!(room.share(u64::MAX, || Ok(u64::MAX - 1), &stop).is_err());
    }

    #[test]
    fn without_a_bound_nobody_looks() {
        let room = Room::new(0);
        let share = room.share(u64::MAX, || unreachable!("not asked"), &Stop::new());
        assert!(share.is_ok());
    }

    #[test]
    fn what_fits_once_others_are_done_waits_for_them() {
        let (room, stop) = (Room::new(100), Stop::new());
        let free = AtomicU64::new(1_000);
        let asked = AtomicU64::new(0);
        let first = room.share(600, || Ok(1_000), &stop).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let look = || {
                    asked.fetch_add(1, Ordering::SeqCst);
                    Ok(free.load(Ordering::SeqCst))
                };
                room.share(400, look, &stop).map(drop)
            });
            while asked.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            assert!(!second.is_finished(), "600 of the 1,000 are promised");
            // The first took half of what it was promised: it was smaller than listed.
            free.store(700, Ordering::SeqCst);
            drop(first);
            assert!(second.join().unwrap().is_ok());
        });
    }

    #[test]
    fn what_takes_more_than_was_listed_goes_on_as_long_as_there_is_room() {
        let (room, stop) = (Room::new(1_000), Stop::new());
        let mut share = room.share(500, || Ok(1_500), &stop).unwrap();
        share.take(500, || unreachable!("it was promised")).unwrap();
        assert_eq!(
            *room.promised.lock().unwrap(),
            0,
            "it is on the disk by now"
        );
        share.take(1, || Ok(1_000 + STEP)).unwrap();
        let other = room.share(STEP, || Ok(1_000 + 2 * STEP), &stop).unwrap();
        share
            .take(STEP - 1, || unreachable!("it was promised"))
            .unwrap();
        let error = share.take(1, || Ok(1_000 + 2 * STEP - 1)).unwrap_err();
        assert_eq!(error.kind(), Kind::DiskFull);
        drop(other);
        share.take(1, || Ok(1_000 + STEP)).unwrap();
        drop(share);
        assert_eq!(*room.promised.lock().unwrap(), 0);
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let (room, stop) = (Room::new(100), Stop::new());
        let _first = room.share(600, || Ok(1_000), &stop).unwrap();
        stop.set(15);
        let error = room.share(600, || Ok(1_000), &stop).unwrap_err();
        assert_eq!(error.kind(), Kind::Stopped);
    }
}
