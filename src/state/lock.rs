//! One pass at a time for one pair and in one place of the disk, and one watch.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    host: String,
    since: String,
}

/// What holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A pass, while it runs.
    Pass,
    /// A watch, also between its passes: single passes may run then, but not a second watch.
    Watch,
}

/// Held while a pass or a watch runs; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who has it.
    ///
    /// # Errors
    /// `Locked` where another has it; `Local` where the file can't be made.
    pub fn take(path: &Path, of: Of) -> Result<Self> {
        let fail = |error| Error::io(format!("cannot lock {}", path.display()), error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(&mut file, of)),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        let holder = Holder {
            pid: std::process::id(),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            since: jiff::Zoned::now()
                .strftime("%Y-%m-%d %H:%M:%S %Z")
                .to_string(),
        };
        let text = serde_json::to_vec(&holder).map_err(|error| fail(error.into()))?;
        file.set_len(0)
            .and_then(|()| file.write_all(&text))
            .map_err(fail)?;
        Ok(Self { _file: file })
    }
}

impl Lock {
    /// Looks whether another pass runs, without making or writing anything; for a dry run, which is the truth only while no
    /// other pass changes things. `None` where there never was a pass.
    ///
    /// # Errors
    /// `Locked` where another pass runs; `Local` where the file can't be read.
    pub fn look(path: &Path, of: Of) -> Result<Option<Self>> {
        let fail = |error| Error::io(format!("cannot lock {}", path.display()), error);
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Err(taken(&mut file, of)),
            Err(TryLockError::Error(error)) => Err(fail(error)),
        }
    }
}

/// Held while a pass writes below a folder: no other does there, in a folder below or in one above, whoever runs it and
/// wherever its state is. Two such passes would share the unfinished files, whose names tell only what is in them.
///
/// The folder itself is locked against all, and those above it against one that wants all of them: those that are this
/// user's, since a lock on what is everybody's could be anybody's. A file system that can't lock folders (NFS) is left
/// unlocked. What is left then is that each unfinished file has a lock of its own.
#[derive(Debug)]
pub struct TreeLock {
    _folders: Vec<File>,
}

impl TreeLock {
    /// Locks a folder, whose path has no links in it.
    ///
    /// # Errors
    /// `Locked` where another pass is at work there, below or above.
    pub fn take(root: &Path) -> Result<Self> {
        let mut folders = Vec::new();
        for folder in root.ancestors() {
            let is_mine = |opened: &File| {
                let owner = opened.metadata().map(|found| found.uid());
                owner.is_ok_and(|owner| owner == rustix::process::geteuid().as_raw())
            };
            let opened = match File::open(folder) {
                Ok(opened) if folder == root || is_mine(&opened) => opened,
                Ok(_) => continue,
                Err(error) => {
                    log::debug!("{} is not locked: {error}", folder.display());
                    continue;
                }
            };
            let locked = if folder == root {
                opened.try_lock()
            } else {
                opened.try_lock_shared()
            };
            match locked {
                Ok(()) => folders.push(opened),
                Err(TryLockError::WouldBlock) => {
                    let place = if folder == root {
                        "there or in a folder below it"
                    } else {
                        "in this folder, which LOCAL is in"
                    };
                    let text = format!("{}: another pass is at work {place}", folder.display());
                    return Err(Error::new(Kind::Locked, text).with_hint(
                        "wait for it to end, or stop it; `flock` on a folder is taken for one too: lock a file instead",
                    ));
                }
                Err(TryLockError::Error(error)) => {
                    log::debug!("{} is not locked: {error}", folder.display());
                }
            }
        }
        Ok(Self { _folders: folders })
    }
}

fn taken(file: &mut File, of: Of) -> Error {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let holder = match read {
        Ok(_) => serde_json::from_str::<Holder>(&text).ok(),
        Err(_) => None,
    };
    let (what, hint) = match of {
        Of::Pass => ("pass", "wait for it to end, or stop it"),
        Of::Watch => (
            "watch",
            "stop it first (its service, if it is one), or run a single pass beside it",
        ),
    };
    let text = format!("another {what} of this pair is running");
    let text = holder.map_or(text.clone(), |holder| {
        format!(
            "{text}: process {} on {}, since {}",
            holder.pid, holder.host, holder.since
        )
    });
    Error::new(Kind::Locked, text).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_works_in_a_folder_below_or_above() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let (one, inner) = (top.join("one"), top.join("one/inner"));
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir(top.join("two")).unwrap();
        let held = TreeLock::take(&one).unwrap();
        for taken in [&one, &inner, &top] {
            let error = TreeLock::take(taken).unwrap_err();
            assert_eq!(error.kind(), Kind::Locked, "{error}");
        }
        assert!(TreeLock::take(&top.join("two")).is_ok());
        drop(held);
        let _inner = TreeLock::take(&inner).unwrap();
        assert_eq!(TreeLock::take(&one).unwrap_err().kind(), Kind::Locked);
    }

    #[test]
    fn the_second_is_told_who_was_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, Of::Pass).unwrap();
        let error = Lock::take(&path, Of::Pass).unwrap_err();
        assert_eq!(error.kind(), Kind::Locked);
        assert!(
            error.to_string().contains(&std::process::id().to_string()),
            "{error}"
        );
        assert_eq!(
            Lock::look(&path, Of::Pass).unwrap_err().kind(),
            Kind::Locked
        );
        let error = Lock::take(&path, Of::Watch).unwrap_err();
        assert!(
            error.to_string().starts_with("another watch of this pair"),
            "{error}"
        );
        drop(first);
        assert!(Lock::look(&path, Of::Pass).unwrap().is_some());
        assert!(Lock::take(&path, Of::Pass).is_ok());
        assert!(
            Lock::look(&folder.path().join("none"), Of::Watch)
                .unwrap()
                .is_none()
        );
    }
}
