//! What was found out about the service and is worth knowing next time; never needed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    scan::remote::ListLimits,
    state::{create_private, hash, replace_file},
};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    is_signature_proven: bool,
    #[serde(default)]
    list_chunk: Option<usize>,
}

/// What was found out about an account's service.
#[derive(Debug)]
pub(super) struct Learned {
    path: PathBuf,
    stored: Stored,
    /// The formula of content signatures has agreed with the service at least once.
    pub(super) is_signature_proven: bool,
    /// How many folders go into one listing request.
    pub(super) limits: ListLimits,
}

impl Learned {
    /// Loads it; what can't be read counts as not known.
    pub(super) fn load(state_dir: &Path, account: &str) -> Self {
        let path = state_dir
            .join("learned")
            .join(format!("{}.json", hash(&[account])));
        let stored: Stored = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let limits = stored
            .list_chunk
            .map_or_else(ListLimits::default, |chunk| ListLimits {
                chunk: chunk.clamp(1, 1_000),
            });
        Self {
            path,
            is_signature_proven: stored.is_signature_proven,
            limits,
            stored,
        }
    }

    /// Saves it, if it is not as it was.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub(super) fn save(&self) -> Result<()> {
        let now = Stored {
            is_signature_proven: self.is_signature_proven,
            list_chunk: (self.limits != ListLimits::default()).then_some(self.limits.chunk),
        };
        if now == self.stored {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            create_private(folder)?;
        }
        replace_file(&self.path, |out| Ok(serde_json::to_writer(out, &now)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_is_known_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut learned = Learned::load(folder.path(), "me");
        assert!(!learned.is_signature_proven);
        learned.save().unwrap();
        assert!(!folder.path().join("learned").exists());
        learned.is_signature_proven = true;
        learned.limits.chunk = 12;
        learned.save().unwrap();
        let again = Learned::load(folder.path(), "me");
        assert!(again.is_signature_proven);
        assert_eq!(again.limits.chunk, 12);
        assert!(!Learned::load(folder.path(), "you").is_signature_proven);
    }
}
