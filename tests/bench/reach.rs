//! What a job is to reach (the figures of the design), and whether it does.

use std::time::Duration;

/// A bound, in words, and whether it was kept.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) what: String,
    pub(crate) is_met: bool,
}

impl Reach {
    /// No more than so many requests.
    pub(crate) fn requests(count: usize, most: usize) -> Self {
        Self {
            what: format!("at most {most} requests"),
            is_met: count <= most,
        }
    }

    /// Under so many milliseconds.
    pub(crate) fn under_ms(wall: Duration, bound_ms: u64) -> Self {
        let what = if bound_ms < 100 {
            format!("under {bound_ms} ms")
        } else {
            format!("under {}.{} s", bound_ms / 1000, bound_ms % 1000 / 100)
        };
        Self {
            what,
            is_met: wall < Duration::from_millis(bound_ms),
        }
    }

    /// Not slower than what others take together.
    pub(crate) fn not_slower(wall: Duration, others: Duration) -> Self {
        Self {
            what: "not slower than those".to_owned(),
            is_met: wall <= others,
        }
    }

    /// Peak memory under so many MiB.
    pub(crate) fn memory(peak_bytes: u64, most_mib: u64) -> Self {
        Self {
            what: format!("under {most_mib} MiB"),
            is_met: peak_bytes < most_mib << 20,
        }
    }

    /// No content moved.
    pub(crate) fn no_content(content: (u64, u64)) -> Self {
        Self {
            what: "no content transferred".to_owned(),
            is_met: content == (0, 0),
        }
    }

    /// At least so many times as fast as another client.
    pub(crate) fn ratio(ratio: f64, least: f64) -> Self {
        Self {
            what: format!("at least {least}"),
            is_met: ratio >= least,
        }
    }
}
