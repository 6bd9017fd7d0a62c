//! What a file system can do, found out by doing it: in a folder of its own that is removed afterwards.
//!
//! Comes in: a folder that is there. Goes out: what it can do, and what it can't.

use std::{
    fs::{self, File, Permissions, TryLockError},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::{XattrFlags, setxattr};
use tempfile::TempDir;

/// A folder to try things out in; gone when dropped, and with it the folder above if that was made for it.
pub(super) struct Bench {
    inner: Option<TempDir>,
    made: Option<PathBuf>,
}

impl Bench {
    /// Makes one in `parent`, which is made if it is not there.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        let made = match fs::create_dir(parent) {
            Ok(()) => Some(parent.to_owned()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => None,
            Err(error) => return Err(error),
        };
        let mut bench = Self { inner: None, made };
        let inner = tempfile::Builder::new()
            .prefix(".icloud-sync.doctor-")
            .tempdir_in(parent)?;
        bench.inner = Some(inner);
        Ok(bench)
    }

    fn path(&self) -> &Path {
        self.inner.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let inner = self.inner.take().map(TempDir::close);
        if let Some(Err(error)) = inner {
            log::warn!("cannot remove what was tried out: {error}");
        }
        if let Some(made) = &self.made
            && let Err(error) = fs::remove_dir(made)
        {
            // A pass has made use of it meanwhile.
            log::debug!("\"{}\" stays: {error}", made.display());
        }
    }
}

/// What a file system can do.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// What works, in words.
    pub(super) can: Vec<&'static str>,
    /// What does not, and what follows from it.
    pub(super) cannot: Vec<String>,
    /// What does not, and passes need.
    pub(super) broken: Vec<String>,
}

/// Writes, syncs and renames as every save does.
pub(super) fn save(bench: &Bench) -> io::Result<()> {
    let (new, old) = (bench.path().join("new"), bench.path().join("old"));
    fs::write(&old, "old")?;
    let mut file = File::create(&new)?;
    file.write_all(b"new")?;
    file.sync_all()?;
    fs::rename(&new, &old)?;
    File::open(bench.path())?.sync_all()?;
    if fs::read(&old)? != b"new" {
        return Err(io::Error::other(
            "a file that was replaced has its old content",
        ));
    }
    Ok(())
}

/// Takes a lock, and sees whether it keeps others out.
pub(super) fn lock(bench: &Bench) -> io::Result<()> {
    let path = bench.path().join("lock");
    let (first, second) = (File::create(&path)?, File::create(&path)?);
    first.try_lock().map_err(io::Error::from)?;
    match second.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(()),
        Ok(()) => Err(io::Error::other("two can hold one lock")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Tries out all that LOCAL is used for.
pub(super) fn all(bench: &Bench) -> Tried {
    let mut tried = Tried::default();
    let folder = bench.path();
    if let Err(error) = save(bench) {
        let why = format!("files can't be written, synced and replaced: {error}");
        tried.broken.push(why);
        return tried;
    }
    tried.note(
        tells_names_apart(folder, "case", "CASE"),
        "case-sensitive",
        "names that differ in case alone are one name here; if iCloud has both, one of them can't come",
    );
    tried.note(
        tells_names_apart(folder, "caf\u{e9}", "cafe\u{301}"),
        "tells NFC from NFD",
        "it takes NFC and NFD spellings for one name, as macOS does; nothing is lost by it",
    );
    let old = folder.join("old");
    tried.note(
        fs::hard_link(&old, folder.join("linked")).map(|()| true),
        "hard links",
        "no hard links: what a pass replaces is copied into the local trash, which takes longer",
    );
    tried.note(
        symlink(&old, folder.join("pointer")).map(|()| true),
        "symbolic links",
        "no symbolic links",
    );
    tried.note(
        setxattr(&old, "user.icloud-sync", b"1", XattrFlags::empty())
            .map(|()| true)
            .map_err(io::Error::from),
        "extended attributes",
        "no extended attributes; icloud-sync uses none",
    );
    tried.note(
        fs::write(folder.join("a:b?*|<>\"\\"), "x").map(|()| true),
        "all letters in names",
        "some letters are not allowed in names (such as : ? *): files called so in iCloud can't come",
    );
    tried.note(
        fs::write(folder.join("n".repeat(255)), "x").map(|()| true),
        "long names",
        "names of 255 bytes are too long here: files called so in iCloud can't come",
    );
    tried.note(
        is_private(&old),
        "permissions",
        "permissions do not stay as they are set: others may read what is synced",
    );
    match time_step(&old) {
        Ok(Some(step)) if step < Duration::from_secs(1) => tried.can.push("exact times"),
        Ok(Some(step)) => tried.cannot.push(format!(
            "times are kept to {} s only: such files may be read again to tell whether they have changed",
            step.as_secs()
        )),
        Ok(None) => tried
            .broken
            .push("the time of a file can't be set: every pass would take it as changed".into()),
        Err(error) => tried
            .broken
            .push(format!("the time of a file can't be set: {error}")),
    }
    tried
}

impl Tried {
    fn note(&mut self, works: io::Result<bool>, can: &'static str, cannot: &str) {
        match works {
            Ok(true) => self.can.push(can),
            Ok(false) => self.cannot.push(cannot.to_owned()),
            Err(error) => self.cannot.push(format!("{cannot} ({error})")),
        }
    }
}

fn tells_names_apart(folder: &Path, name: &str, other: &str) -> io::Result<bool> {
    fs::write(folder.join(name), "x")?;
    Ok(!folder.join(other).try_exists()?)
}

fn is_private(path: &Path) -> io::Result<bool> {
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(fs::metadata(path)?.permissions().mode() & 0o777 == 0o600)
}

/// Returns how exact the times of files are; `None` where they can't be set.
fn time_step(path: &Path) -> io::Result<Option<Duration>> {
    // Odd in each unit: what is cut off shows the step.
    let wanted = Duration::new(1_600_000_001, 123_456_789);
    let file = File::options().write(true).open(path)?;
    file.set_modified(SystemTime::UNIX_EPOCH + wanted)?;
    drop(file);
    let got = fs::metadata(path)?.modified()?;
    let got = got
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let off = wanted.abs_diff(got);
    Ok(match (got.subsec_nanos(), off) {
        (_, off) if off > Duration::from_secs(4) => None,
        (0, _) if got.as_secs().is_multiple_of(2) => Some(Duration::from_secs(2)),
        (0, _) => Some(Duration::from_secs(1)),
        _ => Some(off),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_tells_what_works_and_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let parent = home.path().join("own");
        {
            let bench = Bench::new(&parent).unwrap();
            lock(&bench).unwrap();
            let tried = all(&bench);
            assert!(tried.broken.is_empty(), "{tried:?}");
            assert!(tried.can.contains(&"permissions"), "{tried:?}");
            assert!(bench.path().join("old").exists());
        }
        assert!(!parent.exists());
        // A folder that was there stays, with what was in it.
        fs::create_dir(&parent).unwrap();
        fs::write(parent.join("x"), "1").unwrap();
        drop(Bench::new(&parent).unwrap());
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
    }

    #[test]
    fn where_nothing_can_be_written_there_is_no_bench() {
        assert!(Bench::new(Path::new("/proc/none")).is_err());
    }
}
