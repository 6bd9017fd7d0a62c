//! What the program makes and removes of its own on LOCAL's file system: unfinished files and folders.
//!
//! While it is unfinished nobody else may read it: it gets the mode that it is to have only when it is put in place.
//! Nothing here follows a link: what is opened, made or removed is a name in a folder that is open already.

mod acl;
#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs::File,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Timespec, Timestamps},
    io::Errno,
};

use super::{
    disk::{Disk, Spot, io},
    marks::look_open,
};
use crate::{
    crash,
    error::{Error, Kind as ErrorKind, Result},
    scan::filter::{OWN_PREFIX, PART_SUFFIX, is_part_name},
    tree::RelPath,
};

/// The mode of what is unfinished.
const PRIVATE: u32 = 0o600;

/// Returns the bits that this process takes from the mode of what it makes; of a system that does not tell, those of
/// everybody but the owner.
pub(super) fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o077)
}

impl Disk {
    /// Opens a file of the tool's own for reading and writing, making it where it is missing. Only its owner may read it. What an
    /// earlier pass left is opened as it is; anything else that stands there, and a file that has another name or owner
    /// too, is no such thing: its name goes, and a new file is made.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub fn write(&self, spot: &Spot) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        crash::step();
        match rustix::fs::openat(&spot.folder, &spot.name, flags, Mode::empty()) {
            Ok(opened) => {
                if is_ours_alone(&opened, spot)
                    .map_err(|errno| io("look at", &spot.shown, errno))?
                {
                    claim(&opened, spot)?;
                    if let Err(errno) = rustix::fs::fchmod(&opened, Mode::from_raw_mode(PRIVATE)) {
                        log::debug!("\"{}\" can't be made private: {errno}", spot.shown);
                    }
                    return Ok(opened.into());
                }
                log::warn!(
                    "\"{}\": what stands at its temp file is not this program's",
                    spot.shown
                );
            }
            Err(Errno::NOENT) => {}
            Err(errno) => log::debug!("\"{}\": its temp file can't be opened: {errno}", spot.shown),
        }
        remove_all(spot)?;
        let flags = flags | OFlags::CREATE | OFlags::EXCL;
        let private = Mode::from_raw_mode(PRIVATE);
        let made = rustix::fs::openat(&spot.folder, &spot.name, flags, private)
            .map_err(|errno| io("write", &spot.shown, errno))?;
        claim(&made, spot)?;
        Ok(made.into())
    }

    /// Expects that what has been written to `file` still stands at its name: what is put in place by that name is this then.
    ///
    /// # Errors
    /// `Changed` where something else, or nothing, stands there; `Local`.
    pub(super) fn expect_still(&self, file: &File, spot: &Spot) -> Result<()> {
        let opened = look_open(file, &spot.shown)?;
        let named = self.look_spot(spot)?;
        if named.is_some_and(|named| (named.inode, named.device) == (opened.inode, opened.device)) {
            return Ok(());
        }
        let text = format!("\"{}\": its unfinished file was exchanged", spot.shown);
        Err(Error::new(ErrorKind::Changed, text))
    }

    /// Opens an empty file on LOCAL's file system that has no name at all, and is gone when it is closed. Where the file system
    /// knows no such thing, it has a name for a moment.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub(super) fn unnamed(&self) -> Result<File> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let root = self.root_spot()?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::TMPFILE;
        match rustix::fs::openat(&root.folder, ".", flags, Mode::from_raw_mode(PRIVATE)) {
            Ok(file) => return Ok(file.into()),
            Err(errno) => log::debug!("no file without a name can be made: {errno}"),
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{OWN_PREFIX}{}-{number}.look{PART_SUFFIX}",
            std::process::id()
        );
        let spot = root.beside(&name)?;
        let file = self.write(&spot)?;
        self.unlink(&spot)?;
        Ok(file)
    }

    /// Gives what was unfinished the mode that it is to have: `old`, that of what it replaces at `spot`, else that of anything
    /// that is made anew there.
    ///
    /// # Errors
    /// `Local`.
    pub(super) fn finish_mode(&self, file: &File, old: Option<u32>, spot: &Spot) -> Result<()> {
        let shown = &spot.shown;
        let is_folder = file.metadata().is_ok_and(|metadata| metadata.is_dir());
        let new = || {
            let wanted = if is_folder { 0o777 } else { 0o666 };
            // A folder's default ACL holds in place of the umask.
            wanted & acl::default_mode(spot).unwrap_or(!self.umask)
        };
        crash::step();
        let mode = old.map_or_else(new, |old| acl::plain_mode(file, spot, old & 0o777));
        let mode = Mode::from_raw_mode(mode);
        match rustix::fs::fchmod(file, mode) {
            // FAT and its like, and folders of others, have the mode that they were mounted with.
            Err(errno @ (Errno::PERM | Errno::NOTSUP | Errno::NOSYS)) => {
                log::debug!("\"{shown}\" keeps the mode that it was made with: {errno}");
                Ok(())
            }
            other => other.map_err(|errno| io("set the mode of", shown, errno)),
        }
    }

    /// Removes a file's name; nothing there is as good.
    ///
    /// # Errors
    /// `Local`.
    pub fn unlink(&self, spot: &Spot) -> Result<()> {
        crash::step();
        match rustix::fs::unlinkat(&spot.folder, &spot.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(io("remove", &spot.shown, errno)),
        }
    }

    /// Removes a folder if it is empty. Returns whether it is gone.
    ///
    /// # Errors
    /// `Local`.
    pub fn remove_empty(&self, spot: &Spot) -> Result<bool> {
        crash::step();
        match rustix::fs::unlinkat(&spot.folder, &spot.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {
                self.touch_spot(spot);
                Ok(true)
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(errno) => Err(io("remove the folder", &spot.shown, errno)),
        }
    }
}

/// Removes what stands at a name, a folder with all in it; nothing there is as good.
///
/// # Errors
/// `Local`.
pub(crate) fn remove_all(spot: &Spot) -> Result<()> {
    crash::step();
    match rustix::fs::unlinkat(&spot.folder, &spot.name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        // The standard library walks down by open folders, and follows no link.
        Err(Errno::ISDIR | Errno::PERM) => match std::fs::remove_dir_all(spot.path()) {
            Ok(()) => Ok(()),
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                let text = format!("cannot remove what is unfinished of \"{}\"", spot.shown);
                Err(Error::io(text, error))
            }
        },
        Err(errno) => Err(io("remove", &spot.shown, errno)),
    }
}

/// Makes an empty folder of the tool's own in place of what stands there, and opens it. Only its owner may look into it.
///
/// # Errors
/// `Local` or `DiskFull`.
pub(super) fn new_own_folder(spot: &Spot) -> Result<File> {
    remove_leftover(spot)?;
    crash::step();
    rustix::fs::mkdirat(&spot.folder, &spot.name, Mode::RWXU)
        .map_err(|errno| io("make a folder for", &spot.shown, errno))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(&spot.folder, &spot.name, flags, Mode::empty())
        .map_err(|errno| io("open the folder made for", &spot.shown, errno))?;
    claim(&opened, spot)?;
    Ok(opened.into())
}

/// Removes what a killed pass left unfinished in a folder.
///
/// # Errors
/// `Local`; `Changed` where a link stands in the folder's place.
pub(crate) fn remove_leftovers(folder: &Spot) -> Result<()> {
    let opened = open_folder(&folder.folder, &folder.name, &folder.shown)?;
    for name in names(&opened, &folder.shown)? {
        if is_part_name(&name.to_string_lossy()) {
            let again = opened
                .try_clone()
                .map_err(|error| Error::io(format!("cannot open \"{}\"", folder.shown), error))?;
            remove_leftover(&Spot::new(again, &name, &folder.shown))?;
        }
    }
    Ok(())
}

/// Locks something unfinished, for as long as it is open. Where the file system has no locks, it has none.
///
/// # Errors
/// `Changed` where another process is at work on it.
fn claim(opened: &OwnedFd, spot: &Spot) -> Result<()> {
    match rustix::fs::flock(opened, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => {
            let text = format!("\"{}\": another pass is at work on it", spot.shown);
            Err(Error::new(ErrorKind::Changed, text))
        }
        Err(errno) => {
            log::debug!(
                "\"{}\": what is unfinished can't be locked: {errno}",
                spot.shown
            );
            Ok(())
        }
    }
}

/// Removes what is unfinished, unless another process is at work on it.
///
/// # Errors
/// `Local`.
pub(super) fn remove_leftover(spot: &Spot) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = rustix::fs::openat(&spot.folder, &spot.name, flags, Mode::empty());
    if let Ok(opened) = &opened
        && let Err(error) = claim(opened, spot)
    {
        log::debug!("{error}");
        return Ok(());
    }
    remove_all(spot)
}

/// Returns whether an opened file is a plain one of this user's that has no other name.
fn is_ours_alone(file: &OwnedFd, spot: &Spot) -> rustix::io::Result<bool> {
    let stat = rustix::fs::fstat(file)?;
    let is_alone =
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink <= 1;
    Ok(is_alone && is_owner(stat.st_uid, || owner_here(spot)))
}

/// Returns whether an owner is this user, or whom the file system gives what this user makes: some (NFS with squashing, sshfs,
/// FAT) give all files one owner. There anybody who may write here owns all the same, so that the owner tells nothing.
fn is_owner(uid: u32, here: impl FnOnce() -> rustix::io::Result<u32>) -> bool {
    uid == rustix::process::geteuid().as_raw() || here().is_ok_and(|here| here == uid)
}

/// Returns whom the file system gives what is made beside a spot.
fn owner_here(spot: &Spot) -> rustix::io::Result<u32> {
    let mut name = OsString::from(OWN_PREFIX);
    name.push(format!("{}-", std::process::id()));
    name.push(spot.name.as_os_str());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = rustix::fs::openat(&spot.folder, &name, flags, Mode::from_raw_mode(PRIVATE))?;
    let stat = rustix::fs::fstat(&made);
    rustix::fs::unlinkat(&spot.folder, &name, AtFlags::empty())?;
    Ok(stat?.st_uid)
}

fn open_folder(above: &OwnedFd, name: &OsStr, shown: &str) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(above, name, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::LOOP | Errno::NOTDIR => {
            let text = format!("a link or a file stands where \"{shown}\" was");
            Error::new(ErrorKind::Changed, text)
        }
        errno => io("open", shown, errno),
    })
}

/// Returns the names in an opened folder.
fn names(folder: &OwnedFd, shown: &str) -> Result<Vec<OsString>> {
    use std::os::fd::AsRawFd as _;
    let fail = |error| Error::io(format!("cannot look into \"{shown}\""), error);
    let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fail)? {
        names.push(entry.map_err(fail)?.file_name());
    }
    Ok(names)
}

/// Opens a folder of the tool's own below LOCAL, and shows `look` a spot for each name in it, one after the other. Nothing where
/// it is missing.
///
/// # Errors
/// `Local`; `Changed` where a link stands in its place; those of `look`, the first one after all have been shown.
pub(crate) fn each_spot_in(
    local: &std::path::Path,
    parts: &[&str],
    mut look: impl FnMut(&Spot) -> Result<()>,
) -> Result<()> {
    let mut shown = local.display().to_string();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = rustix::fs::openat(CWD, local, flags, Mode::empty())
        .map_err(|errno| io("open", &shown, errno))?;
    for part in parts {
        shown = format!("{shown}/{part}");
        folder = match open_folder(&folder, OsStr::new(part), &shown) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
    }
    let mut outcome = Ok(());
    for name in names(&folder, &shown)? {
        // A descriptor each: there may be more names than a process may have of them.
        let again = folder
            .try_clone()
            .map_err(|error| Error::io(format!("cannot open \"{shown}\""), error))?;
        let below = format!("{shown}/{}", name.to_string_lossy());
        outcome = outcome.and(look(&Spot::new(again, &name, &below)));
    }
    outcome
}

/// Sets a file's modification time, and nothing else.
///
/// # Errors
/// `Local`.
pub(super) fn set_mtime(file: &File, ms: i64, shown: &str) -> Result<()> {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: rustix::fs::UTIME_OMIT,
    };
    let mtime = Timespec {
        tv_sec: ms.div_euclid(1_000),
        tv_nsec: (ms.rem_euclid(1_000) * 1_000_000) as _,
    };
    crash::step();
    rustix::fs::futimens(
        file,
        &Timestamps {
            last_access: now,
            last_modification: mtime,
        },
    )
    .map_err(|errno| io("set the time of", shown, errno))
}

/// Lists all that is in a folder on disk, at any depth, as paths below `path`.
///
/// # Errors
/// `Local` where something can't be read.
pub(super) fn all_inside(disk: &Disk, path: &RelPath) -> Result<HashSet<PathBuf>> {
    let root = disk.full_path(path);
    let mut all = HashSet::new();
    for entry in walkdir::WalkDir::new(&root).min_depth(1) {
        let entry = entry.map_err(|error| {
            Error::new(ErrorKind::Local, format!("cannot look into \"{path}\"")).with_source(error)
        })?;
        if let Ok(below) = entry.path().strip_prefix(&root) {
            all.insert(below.to_path_buf());
        }
    }
    Ok(all)
}
