//! The record of a pass that ended before it began, for `status`: nobody could be signed in, the service was away, another pass held
//! the lock.
//!
//! It has a file of its own beside that of the last pass, since another process may be writing that one: the lock is not held here. A
//! later pass makes it void by its time alone; it is not deleted.

use std::{fs, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PairFiles, last, replace_file};
use crate::error::{Error, Kind, Result};

/// Its name in the folder of the pair.
const NAME: &str = "missed.json";

/// A pass that did not come to anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// `pull`, `push` or `bisync`.
    pub verb: String,
    /// The local root, absolute.
    pub local: String,
    /// The remote root.
    pub remote: String,
    /// When it ended, RFC 3339.
    pub ended_at: String,
    /// Its exit code.
    pub exit_code: u8,
    /// What kept it from beginning.
    pub reason: String,
    /// What to do about it, if there is something.
    pub hint: Option<String>,
}

/// Writes down that a pass which started at `started` ended with `error`, unless the pair's last pass is newer: it has told of the
/// error itself, or it is another one that went on.
///
/// # Errors
/// `Local` or `DiskFull`.
pub fn note(
    files: &PairFiles,
    (verb, local, remote): (&str, &Path, &str),
    started: Timestamp,
    error: &Error,
) -> Result<()> {
    let before = last::load(&files.last);
    let is_told = before
        .as_ref()
        .and_then(|last| time(&last.ended_at))
        .is_some_and(|ended| ended >= started);
    // Who stops it knows; and a mistyped folder is no pair.
    let is_none = error.kind() == Kind::Stopped || error.kind() == Kind::Usage && before.is_none();
    if is_told || is_none {
        return Ok(());
    }
    let missed = Missed {
        verb: verb.to_owned(),
        local: last::absolute(local),
        remote: remote.to_owned(),
        ended_at: Timestamp::now().to_string(),
        exit_code: error.exit_code(),
        reason: error.chain(),
        hint: error.hint().map(str::to_owned),
    };
    files.create()?;
    replace_file(&files.folder.join(NAME), |out| {
        serde_json::to_writer_pretty(&mut *out, &missed)?;
        out.write_all(b"\n")
    })
}

/// Returns what a pair's folder tells of the newest pass that did not begin; `None` where the last pass, which ended at `last`, is newer.
pub fn load(folder: &Path, last: Option<&str>) -> Option<Missed> {
    let text = fs::read(folder.join(NAME)).ok()?;
    let missed: Missed = serde_json::from_slice(&text).ok()?;
    let is_newer = last
        .and_then(time)
        .is_none_or(|last| time(&missed.ended_at).is_some_and(|missed| missed > last));
    is_newer.then_some(missed)
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
