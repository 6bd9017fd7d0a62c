//! Private files: folders 0700, files 0600, replaced whole or not at all, and the lock beside them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    time::{Duration, Instant},
};

use log::warn;

use crate::{
    error::{Error, Kind, Result},
    stop::Stop,
};

/// A lock that is not had for so long is told of.
const PATIENCE: Duration = Duration::from_secs(3);
/// A lock is not waited for any longer: a question that nobody answers would keep all others waiting.
const LONGEST: Duration = Duration::from_secs(300);

/// Makes a folder, and those above it, for the user alone. One that is there is tightened.
///
/// # Errors
/// `Local`.
pub(crate) fn make_private_dir(dir: &Path) -> Result<()> {
    let failed = |error| Error::io(format!("cannot make folder \"{}\"", dir.display()), error);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(failed)?;
    let mode = fs::metadata(dir).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Reads a private file; `None` where there is none. One that others can read is tightened, with a
/// warning: its secrets may have been seen.
///
/// # Errors
/// `Local`.
pub(crate) fn read_private(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |error| Error::io(format!("cannot read \"{}\"", path.display()), error);
    let data = match fs::read(path) {
        Ok(data) => data,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        warn!(
            "\"{}\" could be read by others (mode {:o}); it is private now",
            path.display(),
            mode & 0o777
        );
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(Some(data))
}

/// Replaces a private file: a crash leaves the old one or the new one, whole.
///
/// # Errors
/// `Local`, `DiskFull`.
pub(crate) fn write_private(path: &Path, data: &[u8]) -> Result<()> {
    let failed = |error| Error::io(format!("cannot write \"{}\"", path.display()), error);
    let dir = path.parent().unwrap_or(Path::new("."));
    make_private_dir(dir)?;
    // Temporary files are 0600 from the start.
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(dir)
        .map_err(failed)?;
    file.write_all(data).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed)
}

/// Removes a file, if it is there.
///
/// # Errors
/// `Local`.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(
            format!("cannot remove \"{}\"", path.display()),
            error,
        )),
    }
}

/// A lock that one process holds at a time, released when dropped.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock at `path`.
    ///
    /// # Errors
    /// `Stopped`, `Local`; `Temporary` where another process does not let go of it for [`LONGEST`].
    pub(crate) fn take(path: &Path, stop: &Stop) -> Result<Self> {
        let start = Instant::now();
        let mut is_told = false;
        loop {
            if let Some(lock) = Self::try_take(path)? {
                return Ok(lock);
            }
            if !is_told && start.elapsed() > PATIENCE {
                is_told = true;
                warn!("waiting for another process, which is signing in to this account");
            }
            if start.elapsed() > LONGEST {
                let text = "another process has been signing in to this account for minutes";
                return Err(
                    Error::new(Kind::Temporary, text).with_hint("answer its question, or end it")
                );
            }
            stop.wait(Duration::from_millis(50))?;
        }
    }

    /// Takes the lock at `path`; `None` where another process has it.
    ///
    /// # Errors
    /// `Local`.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>> {
        let failed = |error| Error::io(format!("cannot lock \"{}\"", path.display()), error);
        make_private_dir(path.parent().unwrap_or(Path::new(".")))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_private_whatever_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/file");
        assert!(read_private(&path).unwrap().is_none());
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read_private(&path).unwrap().unwrap(), b"two");
        assert_eq!(mode(&path), 0o600);
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "no temporary file is left");
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn a_lock_is_held_by_one_and_waiting_for_it_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x/lock");
        let stop = Stop::new();
        let held = Lock::take(&path, &stop).unwrap();
        stop.set(2);
        assert!(Lock::take(&path, &stop).is_err());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::take(&path, &Stop::new()).is_ok());
    }
}
