//! From a side to its listing: which items take part, and what of them can't be relied on.
//!
//! [`filter`] decides for both sides; [`local`] walks a folder, [`remote`] asks the service. Both
//! only read. They hand back a [`crate::tree::Listing`] in which every path stands once, in order,
//! whatever the order in which answers came.

mod clash;
pub mod filter;
pub mod local;
pub mod remote;

use std::sync::LazyLock;

use crate::{
    error::{Error, Kind, Result},
    stop::Stop,
};

/// How a scan hears that it is to stop, and tells how far it is.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Asked between items and between requests.
    pub stop: &'a Stop,
    /// Told every now and then.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl Watch<'_> {
    /// Returns a watch that never stops a scan and tells nobody.
    pub fn idle() -> Watch<'static> {
        static NEVER: LazyLock<Stop> = LazyLock::new(Stop::new);
        Watch {
            stop: &NEVER,
            progress: &|_| {},
        }
    }

    /// Returns an error if the scan is to stop.
    fn check(&self) -> Result<()> {
        if self.stop.is_set() {
            return Err(Error::new(Kind::Stopped, "stopped while listing"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Items seen.
    pub items: usize,
    /// Folders listed.
    pub folders: usize,
    /// Folders known of, listed or not.
    pub folders_known: usize,
}
