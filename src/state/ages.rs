//! For how long each pass's trash and record have been kept, by a clock that no jump of the machine's own moves far.
//!
//! Names tell when a pass began by the machine's clock. A machine whose clock was behind (a board without one, before it
//! reached a time server) would take what it put into the trash a minute ago for weeks old as soon as the clock is right.

use std::{collections::BTreeMap, fs, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::replace_file;
use crate::error::Result;

/// From one pass to the next no more than this counts: a longer time may be a jump of the clock.
const MOST_AT_ONCE_S: i64 = 7 * DAY_S;

/// A clock that is further back than this was far ahead before. One that is less is behind now, and what it says is not counted until
/// it is where it was.
const AHEAD_S: i64 = 400 * DAY_S;

/// What is less is left for the next time to count, so that not every pass writes.
const LEAST_AT_ONCE_S: i64 = 60 * 60;

const DAY_S: i64 = 24 * 60 * 60;

/// How old passes are.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ages {
    /// When that was last counted, by the machine's clock, in seconds since 1970 UTC.
    last: Option<i64>,
    /// Seconds, by the names of the passes.
    seconds: BTreeMap<String, i64>,
}

impl Ages {
    /// Counts on for these passes, of which those that were not there before begin with nothing.
    ///
    /// # Errors
    /// `Local` or `DiskFull` where it can't be kept.
    pub fn count(file: &Path, passes: Vec<String>, now: Timestamp) -> Result<Self> {
        // What can't be read counts as never written: all is kept for the longer.
        let before: Self = fs::read(file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let now = now.as_second();
        let last = before
            .last
            .filter(|last| now > last.saturating_sub(AHEAD_S));
        let since = last.map_or(0, |last| now.saturating_sub(last));
        let is_new = |pass: &String| !before.seconds.contains_key(pass);
        if last.is_some() && since < LEAST_AT_ONCE_S && !passes.iter().any(is_new) {
            return Ok(before);
        }
        let is_counted = since >= LEAST_AT_ONCE_S || last.is_none();
        let since = if is_counted {
            since.clamp(0, MOST_AT_ONCE_S)
        } else {
            0
        };
        let age = |pass: &String| {
            let old = before.seconds.get(pass);
            old.map_or(0, |old| old.saturating_add(since))
        };
        let ages = Self {
            last: if is_counted { Some(now) } else { last },
            seconds: (passes.into_iter())
                .map(|pass| (pass.clone(), age(&pass)))
                .collect(),
        };
        if ages.seconds.is_empty() && before.seconds.is_empty() {
            return Ok(ages);
        }
        let bytes = serde_json::to_vec(&ages).unwrap_or_default();
        replace_file(file, |to| to.write_all(&bytes))?;
        Ok(ages)
    }

    /// Returns whether a pass has been kept for so many days; 0 days: never.
    pub fn is_old(&self, pass: &str, days: u32) -> bool {
        let seconds = self.seconds.get(pass).copied().unwrap_or_default();
        days > 0 && seconds >= i64::from(days) * DAY_S
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn days_count_and_jumps_of_the_clock_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ages.json");
        let start: Timestamp = "2026-10-14T00:00:00Z".parse().unwrap();
        let at = |days: i64| start + SignedDuration::from_hours(24 * days);
        let count = |passes: &[&str], days| {
            let passes = passes.iter().map(|pass| (*pass).to_owned()).collect();
            Ages::count(&file, passes, at(days)).unwrap()
        };
        assert!(!count(&["a"], 0).is_old("a", 1));
        // The clock was 40 days behind, and is right now; later it is wrong again for a while.
        assert!(!count(&["a", "b"], 40).is_old("a", 30));
        assert!(!count(&["a", "b"], -1_000).is_old("a", 30));
        assert!(!count(&["a", "b"], 41).is_old("a", 30));
        for day in 42..57 {
            assert!(!count(&["a", "b"], day).is_old("a", 30), "{day}");
        }
        let last = count(&["a", "b"], 57);
        assert!(last.is_old("a", 30) && !last.is_old("b", 30) && !last.is_old("a", 0));
        // Less than an hour is counted later.
        let soon = Ages::count(&file, vec![], at(57) + SignedDuration::from_mins(59));
        assert!(soon.unwrap().is_old("a", 30));
        // What is gone and comes again is new.
        count(&["b"], 59);
        assert!(!count(&["a", "b"], 60).is_old("a", 1));
        // A board without a clock begins in the past at each boot.
        for boot in 0..5 {
            for (day, passes) in [(-140, &["b", "new"][..]), (60, &["b"])] {
                assert!(!count(passes, day).is_old("b", 30), "{boot}");
            }
        }
        fs::write(&file, "damaged").unwrap();
        assert!(!count(&["b"], 99).is_old("b", 1));
    }
}
