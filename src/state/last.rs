//! The record of a pair's last pass, for `status`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    missed::{self, Missed},
    replace_file,
};
use crate::error::{Error, Result};

/// So many problems of a pass are kept, not to write down a whole Drive.
pub const MOST_PROBLEMS: usize = 1_000;

/// What the last pass came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastPass {
    /// `pull`, `push` or `bisync`.
    pub verb: String,
    /// The local root, absolute: who reads it is in another folder.
    pub local: String,
    /// The remote root.
    pub remote: String,
    /// When it ended, RFC 3339.
    pub ended_at: String,
    /// Its exit code.
    pub exit_code: u8,
    /// The error that ended it, or the first problem that it left.
    pub message: Option<String>,
    /// The problems that it left, in words: the first [`MOST_PROBLEMS`].
    #[serde(default)]
    pub problems: Vec<String>,
    /// How many there were in all.
    #[serde(default)]
    pub problem_count: usize,
    /// Actions done.
    pub done: usize,
    /// Items that both sides agree on after it.
    pub baseline_items: usize,
    /// Of these, so many were hidden by filters.
    #[serde(default)]
    pub hidden_items: usize,
}

/// Returns the local root as the record has it.
pub fn absolute(local: &Path) -> String {
    let whole = std::path::absolute(local);
    let whole = whole.as_deref().unwrap_or(local);
    whole.to_string_lossy().into_owned()
}

/// Writes the record.
///
/// # Errors
/// `Local` or `DiskFull`.
pub fn save(path: &Path, last: &LastPass) -> Result<()> {
    replace_file(path, |out| {
        serde_json::to_writer_pretty(&mut *out, last)?;
        out.write_all(b"\n")
    })
}

/// Returns a pair's record; `None` where there is none that can be read.
pub fn load(path: &Path) -> Option<LastPass> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// What is known of a pair's passes: at least one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The pair's folder.
    pub folder: PathBuf,
    /// The last pass.
    pub last: Option<LastPass>,
    /// A later one that did not begin.
    pub missed: Option<Missed>,
}

impl Known {
    /// Returns LOCAL and REMOTE.
    pub fn pair(&self) -> (&str, &str) {
        let last = self.last.as_ref().map(|one| (&one.local, &one.remote));
        let missed = self.missed.as_ref().map(|one| (&one.local, &one.remote));
        last.or(missed)
            .map_or(("", ""), |(local, remote)| (local, remote))
    }
}

/// Returns what is known of all pairs, sorted by local root; what can't be read is passed over.
///
/// # Errors
/// `Local` where the folder of the pairs can't be read.
pub fn all(state_dir: &Path) -> Result<Vec<Known>> {
    let folder = state_dir.join("pairs");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::io(
                format!("cannot read {}", folder.display()),
                error,
            ));
        }
    };
    let mut all: Vec<Known> = entries
        .filter_map(std::result::Result::ok)
        .map(|entry| {
            let folder = entry.path();
            let last = load(&folder.join("last.json"));
            let ended = last.as_ref().map(|last| last.ended_at.as_str());
            Known {
                missed: missed::load(&folder, ended),
                last,
                folder,
            }
        })
        .filter(|known| known.last.is_some() || known.missed.is_some())
        .collect();
    all.sort_by(|a, b| a.pair().cmp(&b.pair()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let pair = folder.path().join("pairs/x");
        fs::create_dir_all(&pair).unwrap();
        let last = LastPass {
            verb: "pull".into(),
            local: "/l".into(),
            remote: "/".into(),
            ended_at: "2026-01-01T00:00:00Z".into(),
            exit_code: 0,
            message: None,
            problems: vec!["a: b".into()],
            problem_count: 7,
            done: 3,
            baseline_items: 7,
            hidden_items: 0,
        };
        save(&pair.join("last.json"), &last).unwrap();
        assert_eq!(load(&pair.join("last.json")), Some(last.clone()));
        assert_eq!(load(&pair.join("none")), None);
        let known = Known {
            folder: pair,
            last: Some(last),
            missed: None,
        };
        assert_eq!(all(folder.path()).unwrap(), [known]);
        assert!(all(&folder.path().join("none")).unwrap().is_empty());
    }
}
