//! What an undo came to, deed by deed and as a whole.

use std::path::PathBuf;

use crate::{
    error::{Error, Kind as ErrorKind},
    state::undo::Deed,
};

/// What became of one deed.
#[derive(Debug, Clone)]
pub enum End {
    /// It is taken back; of a dry run: it would be.
    Done,
    /// Something has changed since; nothing was done.
    Refused(String),
    /// It can't be taken back at all.
    Impossible(String),
    /// Tried, and failed.
    Failed(Error),
    /// Not begun.
    NotRun,
}

/// One deed, and what became of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// What the pass did.
    pub deed: Deed,
    /// What became of it.
    pub end: End,
}

/// What an undo came to.
#[derive(Debug)]
pub struct Undone {
    /// The pass that was taken back.
    pub pass: String,
    /// Its verb.
    pub verb: String,
    /// When it began, RFC 3339.
    pub begun_at: String,
    /// The name of this undo, under which it can be taken back; `None` where nothing was done.
    pub name: Option<String>,
    /// Its deeds, in the order in which they were taken back.
    pub steps: Vec<Step>,
    /// Where removed and replaced local content lies, if there is any.
    pub trash: Option<PathBuf>,
    /// The error that ended everything, where one did.
    pub fatal: Option<Error>,
    /// The signal that stopped it.
    pub stopped_by: Option<i32>,
    /// Requests made to the service.
    pub requests: u64,
    /// How long it took, ms.
    pub elapsed_ms: u64,
}

impl Undone {
    /// Returns how many deeds came to an end for which `is` holds.
    pub fn count(&self, is: impl Fn(&End) -> bool) -> usize {
        self.steps.iter().filter(|step| is(&step.end)).count()
    }

    /// Returns the exit code: 3 where not all was taken back.
    pub fn exit_code(&self) -> u8 {
        if let Some(signal) = self.stopped_by {
            return u8::try_from(128 + signal).unwrap_or(130);
        }
        if let Some(fatal) = &self.fatal {
            return fatal.exit_code();
        }
        let is_passing = |error: &Error| {
            matches!(
                error.kind(),
                ErrorKind::Temporary | ErrorKind::Busy | ErrorKind::Lost
            )
        };
        let done = self.count(|end| matches!(end, End::Done));
        let passing = self.count(|end| matches!(end, End::Failed(error) if is_passing(error)));
        if done == self.steps.len() {
            0
        } else if passing == self.steps.len() {
            5
        } else {
            3
        }
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Changed | ErrorKind::NotFound | ErrorKind::Exists => {
                Self::Refused(error.chain())
            }
            ErrorKind::Stopped => Self::NotRun,
            ErrorKind::Usage
            | ErrorKind::SignIn
            | ErrorKind::Temporary
            | ErrorKind::Busy
            | ErrorKind::Guard
            | ErrorKind::Locked
            | ErrorKind::Lost
            | ErrorKind::Refused
            | ErrorKind::Protocol
            | ErrorKind::Integrity
            | ErrorKind::Local
            | ErrorKind::DiskFull
            | ErrorKind::Other => Self::Failed(error),
        }
    }
}
