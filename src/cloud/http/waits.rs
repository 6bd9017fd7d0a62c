//! Says that the service is waited for, what for, and for how long at most: once in the life of a connection, not at each try.
//!
//! Whoever sits at a terminal would see nothing at all for a minute while requests are tried again. The words go to the log under
//! [`WAIT`], which shows them on a terminal whatever the level. Nothing here waits.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use log::info;

/// Target of the lines that say what is waited for.
pub(crate) const WAIT: &str = "icloud_sync::wait";

/// Whether it has been said.
#[derive(Default)]
pub(crate) struct Waits {
    told: AtomicBool,
    /// Whether the first request of all is on its way, or was.
    has_begun: AtomicBool,
}

impl Waits {
    /// Says that `why` is waited over, unless something was said before.
    pub(crate) fn tell(&self, why: &str, longest: Duration) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let longest = in_words(longest);
            info!(target: WAIT, "waiting for iCloud: {why}; for {longest} at most, and Ctrl-C ends it safely");
        }
    }

    /// Returns whether the request that is about to go out is the first of all.
    pub(crate) fn is_first(&self) -> bool {
        !self.has_begun.swap(true, Ordering::Relaxed)
    }

    /// Returns whether it has been said.
    #[cfg(test)]
    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }
}

/// Says that the run ends, and what it still waits for.
pub(super) fn tell_end(longest: Duration) {
    let longest = in_words(longest);
    info!(target: WAIT, "ending; waiting for iCloud's answer to what was sent, for {longest} at most; once more ends it now");
}

/// Rounds up to whole seconds, or minutes.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil();
    if seconds < 120.0 {
        format!("{seconds} s")
    } else {
        format!("{} min", (seconds / 60.0).ceil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_never_said_to_be_shorter() {
        for (ms, text) in [(10, "1 s"), (18_750, "19 s"), (120_001, "3 min")] {
            assert_eq!(in_words(Duration::from_millis(ms)), text);
        }
    }
}
