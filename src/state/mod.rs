//! What the program remembers between passes, and where.
//!
//! Everything lies in one folder a pair, below `$XDG_STATE_HOME/icloud-sync/pairs`: the baseline, its
//! journal, the lock, the record of the last pass, and what each pass did, to be taken back. The local trash lies inside LOCAL, so that moving
//! something there is one rename.

pub mod ages;
pub mod baseline;
#[cfg(test)]
mod fuzz;
pub mod journal;
pub mod last;
pub mod lock;
pub mod missed;
pub mod row;
pub mod trash;
pub mod undo;

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    crash,
    error::{Error, Result},
};

/// Whose baseline it is: a pass on anything else is stopped by guard 5, on another file system or folder by
/// guard 3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The account and endpoint, as a hash: it tells apart, not whose it is.
    pub account: String,
    /// The local root, absolute, links resolved.
    pub local: String,
    /// The remote root: `/`, or `/a/b`.
    pub remote: String,
    /// The remote root's identity, as `ZONE::DOC`.
    pub remote_id: String,
    /// Device number of the local root.
    pub device: u64,
    /// Inode number of the local root.
    pub inode: u64,
    /// When the local root's inode was made, ns since 1970 UTC; 0 for unknown.
    #[serde(default)]
    pub birth_ns: i64,
}

impl Pair {
    /// Describes a pair whose local root exists.
    ///
    /// # Errors
    /// `Local` where the root can't be looked at.
    pub fn new(account: &str, local: &Path, remote: &str, remote_id: &str) -> Result<Self> {
        let metadata = fs::metadata(local)
            .map_err(|error| Error::io(format!("cannot look at {}", local.display()), error))?;
        Ok(Self {
            account: hash(&[account]),
            local: local.to_string_lossy().into_owned(),
            remote: remote.to_owned(),
            remote_id: remote_id.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
            birth_ns: birth_ns(&metadata),
        })
    }

    /// Returns whether the local root is still the same folder. Inode and birth time tell it; without a birth time the
    /// device number has to do, which on some file systems is another one after each mount.
    pub fn is_same_folder(&self, other: &Self) -> bool {
        let has_births = self.birth_ns != 0 && other.birth_ns != 0;
        self.inode == other.inode
            && if has_births {
                self.birth_ns == other.birth_ns
            } else {
                self.device == other.device
            }
    }

    /// Returns whether it is the same pair, with the same local root.
    pub fn is_same(&self, other: &Self) -> bool {
        let whose = |pair: &Self| {
            let Self {
                account,
                local,
                remote,
                remote_id,
                ..
            } = pair.clone();
            (account, local, remote, remote_id)
        };
        whose(self) == whose(other) && self.is_same_folder(other)
    }
}

fn birth_ns(metadata: &fs::Metadata) -> i64 {
    let since =
        (metadata.created().ok()).and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0))
}

/// Returns 16 hex digits that tell texts apart.
pub fn hash(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.as_bytes());
        hasher.update([0]);
    }
    let digest = hasher.finalize();
    let first: [u8; 8] = std::array::from_fn(|at| digest[at]);
    format!("{:016x}", u64::from_be_bytes(first))
}

/// The folder of one pair, and the names of its files.
#[derive(Debug, Clone)]
pub struct PairFiles {
    /// The folder.
    pub folder: PathBuf,
    /// The baseline.
    pub baseline: PathBuf,
    /// What has been done since the baseline was written.
    pub journal: PathBuf,
    /// Held while a pass runs.
    pub lock: PathBuf,
    /// Held while a watch runs.
    pub watch: PathBuf,
    /// What the last pass did.
    pub last: PathBuf,
    /// For how long what passes left has been kept.
    pub ages: PathBuf,
    /// Which folders of LOCAL other disks begin with.
    pub mounts: PathBuf,
    /// The folder with what each pass did, to be taken back.
    pub undo: PathBuf,
}

impl PairFiles {
    /// Names the files of a pair. `state_file` puts baseline and journal elsewhere.
    pub fn new(state_dir: &Path, local: &Path, remote: &str, state_file: Option<&Path>) -> Self {
        let key = hash(&[&local.to_string_lossy(), remote]);
        let folder = state_dir.join("pairs").join(key);
        let baseline = state_file.map_or_else(|| folder.join("baseline.jsonl"), Path::to_path_buf);
        let mut journal = baseline.clone().into_os_string();
        journal.push(".journal");
        Self {
            journal: journal.into(),
            baseline,
            lock: folder.join("lock"),
            watch: folder.join("watch.lock"),
            last: folder.join("last.json"),
            ages: folder.join("ages.json"),
            mounts: folder.join("mounts.json"),
            undo: folder.join("undo"),
            folder,
        }
    }

    /// Makes the folder, for this user only.
    ///
    /// # Errors
    /// `Local` where it can't be made.
    pub fn create(&self) -> Result<()> {
        create_private(&self.folder)
    }
}

/// Makes a folder, and those above it, that no other user may look into.
///
/// # Errors
/// `Local` where it can't be made.
pub fn create_private(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            Error::io(
                format!("cannot make the folder {}", folder.display()),
                error,
            )
        })
}

/// Replaces a file whole: temp file beside it, fsync, rename, fsync of the folder. Mode 0600.
///
/// # Errors
/// `Local` or `DiskFull`; the old file is untouched then.
pub fn replace_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    let attempt = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        crash::step();
        let mut file = tempfile::Builder::new()
            .prefix(".icloud-sync.")
            .tempfile_in(folder)?;
        {
            let mut buffer = std::io::BufWriter::with_capacity(1 << 16, file.as_file_mut());
            write(&mut buffer)?;
            buffer.flush()?;
        }
        file.as_file().sync_all()?;
        crash::step();
        file.persist(path).map_err(|error| error.error)?;
        crash::step();
        fs::File::open(folder)?.sync_all()
    };
    attempt().map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_by_inode_and_birth_and_else_by_its_device() {
        let folder = tempfile::tempdir().unwrap();
        let pair = Pair {
            birth_ns: 7,
            ..Pair::new("me", folder.path(), "/", "z::root").unwrap()
        };
        let with = |device: u64, birth_ns: i64| Pair {
            device: pair.device + device,
            birth_ns,
            ..pair.clone()
        };
        assert!(pair.is_same(&with(1, 7)));
        assert!(pair.is_same(&with(0, 0)), "written by an earlier version");
        assert!(!pair.is_same(&with(1, 0)));
        assert!(!pair.is_same(&with(0, 8)), "a new folder got the number");
        let other = Pair {
            account: "other".into(),
            ..pair.clone()
        };
        assert!(!pair.is_same(&other));
    }
}
