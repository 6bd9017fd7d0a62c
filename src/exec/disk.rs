//! The local side as execution sees it: every path is walked from LOCAL's own folder, part by part, without
//! following a link, so that nothing is ever written outside it.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::File,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Component, Path, PathBuf},
    sync::{Mutex, RwLock},
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags},
    io::Errno,
};

pub use super::marks::{Marks, look_open};
use super::{marks::look_at, own};
use crate::{
    crash,
    error::{Error, Kind as ErrorKind, Result},
    options::Links,
    tree::{Kind, Listing, LocalItem, RelPath},
};

/// An opened folder below LOCAL, or LOCAL itself, and a name in it.
#[derive(Debug)]
pub struct Spot {
    pub(super) folder: OwnedFd,
    pub(super) name: OsString,
    pub(super) shown: String,
}

/// LOCAL, opened.
#[derive(Debug)]
pub struct Disk {
    root: OwnedFd,
    root_path: PathBuf,
    follow: OFlags,
    /// Paths whose names on disk are not in NFC, with their names on disk.
    spellings: RwLock<HashMap<RelPath, PathBuf>>,
    /// File systems written to since the last [`Self::settle`], each with a folder on it.
    dirty: Mutex<HashMap<(u32, u32), OwnedFd>>,
    /// Which permission bits new files and folders do not get.
    pub(super) umask: u32,
    /// The first failure of [`Self::settle`]. The system tells it once; what was lost then stays lost.
    unsettled: Mutex<Option<Error>>,
}

pub(super) fn io(what: &str, shown: &str, errno: Errno) -> Error {
    Error::io(format!("cannot {what} \"{shown}\""), errno.into())
}

impl Disk {
    /// Opens LOCAL. The listing tells which names are not in NFC.
    ///
    /// # Errors
    /// `Local` where it can't be opened.
    pub fn open(root: &Path, links: Links, listing: &Listing<LocalItem>) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let shown = root.display().to_string();
        let folder = rustix::fs::openat(CWD, root, flags, Mode::empty())
            .map_err(|errno| io("open", &shown, errno))?;
        let spellings = (listing.items().iter())
            .filter_map(|item| Some((item.path.clone(), item.spelling.as_deref()?.to_path_buf())))
            .collect();
        Ok(Self {
            root: folder,
            root_path: root.to_path_buf(),
            follow: match links {
                Links::Skip => OFlags::NOFOLLOW,
                Links::Follow => OFlags::empty(),
            },
            spellings: RwLock::new(spellings),
            dirty: Mutex::new(HashMap::new()),
            umask: own::umask(),
            unsettled: Mutex::new(None),
        })
    }

    /// Returns LOCAL's own path.
    pub fn root_path(&self) -> &Path {
        &self.root_path
    }

    /// Returns how many bytes this user may still write to LOCAL's file system; without end where it does not tell.
    ///
    /// # Errors
    /// `Local` where it can't be asked.
    pub fn free(&self) -> Result<u64> {
        Ok(self.free_and_all()?.0)
    }

    /// Returns the same, and how many bytes LOCAL's file system has in all, the used ones too.
    ///
    /// # Errors
    /// As [`Self::free`].
    pub fn free_and_all(&self) -> Result<(u64, u64)> {
        let now = rustix::fs::fstatvfs(&self.root).map_err(|errno| {
            io(
                "look at the file system of",
                &self.root_path.to_string_lossy(),
                errno,
            )
        })?;
        let bytes = |blocks: u64| blocks.saturating_mul(now.f_frsize);
        Ok(if now.f_blocks == 0 {
            (u64::MAX, u64::MAX)
        } else {
            (bytes(now.f_bavail), bytes(now.f_blocks))
        })
    }

    /// Returns the path below LOCAL as it is on disk.
    fn native(&self, path: &RelPath) -> PathBuf {
        let spellings = self
            .spellings
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if spellings.is_empty() {
            return path.as_str().into();
        }
        let mut rest = Vec::new();
        let mut at = Some(path.clone());
        while let Some(folder) = at {
            if let Some(native) = spellings.get(&folder) {
                let mut native = native.clone();
                native.extend(rest.iter().rev());
                return native;
            }
            rest.push(folder.name().to_owned());
            at = folder.parent();
        }
        path.as_str().into()
    }

    fn respell(&self, from: &RelPath, to: &RelPath) {
        let mut spellings = self
            .spellings
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if spellings.is_empty() {
            return;
        }
        let old: Vec<RelPath> = spellings
            .keys()
            .filter(|path| path.is_at_or_under(from))
            .cloned()
            .collect();
        let was = spellings
            .get(from)
            .cloned()
            .unwrap_or_else(|| from.as_str().into());
        let mut moved = Vec::new();
        for path in old {
            let Some(native) = spellings.remove(&path) else {
                continue;
            };
            let rest = path
                .as_str()
                .strip_prefix(from.as_str())
                .unwrap_or_default();
            let below = native
                .strip_prefix(&was)
                .map(Path::to_path_buf)
                .unwrap_or_default();
            if let Ok(now) = RelPath::parse(&format!("{to}{rest}"))
                && now != *to
            {
                moved.push((now, below));
            }
        }
        drop(spellings);
        let base = self.native(to);
        let mut spellings = self
            .spellings
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        spellings.extend(
            moved
                .into_iter()
                .map(|(path, below)| (path, base.join(below))),
        );
    }

    /// Opens LOCAL itself, for names to be made in it.
    ///
    /// # Errors
    /// `Local` where no more files can be opened.
    pub(super) fn root_spot(&self) -> Result<Spot> {
        let shown = self.root_path.display().to_string();
        let folder = self.walk(self.root.as_fd(), [], &shown, OFlags::NOFOLLOW)?;
        Ok(Spot::new(folder, OsStr::new("."), &shown))
    }

    /// Opens the folder that a path is in.
    ///
    /// # Errors
    /// `NotFound` where a folder is missing; `Changed` where a link or a file stands in a folder's place.
    pub fn spot(&self, path: &RelPath) -> Result<Spot> {
        self.spot_at(&self.native(path), path.to_string())
    }

    /// As [`Self::spot`], for a path below LOCAL as it is on disk.
    ///
    /// # Errors
    /// As [`Self::spot`].
    pub(super) fn spot_at(&self, native: &Path, shown: String) -> Result<Spot> {
        let mut parts: Vec<&OsStr> = Vec::new();
        for part in native.components() {
            match part {
                Component::Normal(name) => parts.push(name),
                Component::Prefix(_)
                | Component::RootDir
                | Component::CurDir
                | Component::ParentDir => {
                    return Err(Error::new(
                        ErrorKind::Local,
                        format!("\"{shown}\" leaves LOCAL"),
                    ));
                }
            }
        }
        let name = parts.pop().unwrap_or_default().to_os_string();
        let folder = self.walk(self.root.as_fd(), parts, &shown, self.follow)?;
        Ok(Spot {
            folder,
            name,
            shown,
        })
    }

    fn walk<'a>(
        &self,
        from: impl AsFd,
        parts: impl IntoIterator<Item = &'a OsStr>,
        shown: &str,
        follow: OFlags,
    ) -> Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | follow;
        let mut folder = rustix::fs::openat(
            from,
            ".",
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|errno| io("open the folder of", shown, errno))?;
        for part in parts {
            folder = match rustix::fs::openat(&folder, part, flags, Mode::empty()) {
                Ok(next) => next,
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    let text = format!("a link or a file stands where a folder of \"{shown}\" was");
                    return Err(Error::new(ErrorKind::Changed, text));
                }
                Err(errno) => return Err(io("open the folder of", shown, errno)),
            };
        }
        self.expect_inside(&folder, shown)?;
        Ok(folder)
    }

    /// Where links are followed, checks that what was opened is below LOCAL: a link may have been put there since the scan
    /// looked where it leads. Asked of what is open, the answer can't be made wrong by another link.
    fn expect_inside(&self, opened: impl AsFd, shown: &str) -> Result<()> {
        if self.follow == OFlags::NOFOLLOW {
            return Ok(());
        }
        let place = |fd: BorrowedFd<'_>| {
            std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))
                .map_err(|error| Error::io(format!("cannot tell where \"{shown}\" leads"), error))
        };
        if place(opened.as_fd())?.starts_with(place(self.root.as_fd())?) {
            return Ok(());
        }
        let text = format!("a link leads \"{shown}\" out of LOCAL by now");
        Err(Error::new(ErrorKind::Changed, text))
    }

    /// Opens, and makes where it is missing, a folder of the tool's own below LOCAL.
    ///
    /// # Errors
    /// `Local`; `Changed` where a link stands there.
    pub fn own_folder(&self, parts: &[&OsStr], shown: &str) -> Result<OwnedFd> {
        let mut folder = self.walk(self.root.as_fd(), [], shown, OFlags::NOFOLLOW)?;
        for part in parts {
            crash::step();
            match rustix::fs::mkdirat(&folder, *part, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(io("make the trash folder for", shown, errno)),
            }
            folder = self.walk(folder.as_fd(), [*part], shown, OFlags::NOFOLLOW)?;
        }
        Ok(folder)
    }

    /// Looks at a path. `None` where nothing is there.
    ///
    /// # Errors
    /// `Local`; `Changed` as [`Self::spot`].
    pub fn look(&self, path: &RelPath) -> Result<Option<Marks>> {
        match self.spot(path) {
            Ok(spot) => self.look_spot(&spot),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks at a name in an opened folder.
    ///
    /// # Errors
    /// `Local`.
    pub fn look_spot(&self, spot: &Spot) -> Result<Option<Marks>> {
        let flags = if self.follow == OFlags::NOFOLLOW {
            AtFlags::SYMLINK_NOFOLLOW
        } else {
            AtFlags::empty()
        };
        look_at(&spot.folder, &spot.name, flags).map_err(|errno| io("look at", &spot.shown, errno))
    }

    /// Notes that a spot's file system was written to.
    pub fn touch_spot(&self, spot: &Spot) {
        self.touch(&spot.folder);
    }

    /// Notes that a file system was written to.
    fn touch(&self, folder: &OwnedFd) {
        let Ok(Some(marks)) = look_at(folder, OsStr::new("."), AtFlags::empty()) else {
            return;
        };
        let mut dirty = self
            .dirty
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let std::collections::hash_map::Entry::Vacant(slot) = dirty.entry(marks.device) {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            if let Ok(opened) = rustix::fs::openat(folder, ".", flags, Mode::empty()) {
                slot.insert(opened);
            }
        }
    }

    /// Makes all that was written durable, names included. Once it has failed it fails for good: nothing may be
    /// remembered as done any more.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub fn settle(&self) -> Result<()> {
        let mut unsettled = self
            .unsettled
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(error) = &*unsettled {
            return Err(error.clone());
        }
        let dirty = {
            let mut dirty = self
                .dirty
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *dirty)
        };
        for folder in dirty.values() {
            crash::step();
            if let Err(errno) = rustix::fs::syncfs(folder) {
                let error = io("write out", &self.root_path.to_string_lossy(), errno);
                return Err(unsettled.insert(error).clone());
            }
        }
        Ok(())
    }

    /// Makes a folder; one that is there already is as good.
    ///
    /// # Errors
    /// `Changed` where something else stands there; `Local`.
    pub fn make_folder(&self, path: &RelPath) -> Result<Marks> {
        let spot = self.spot(path)?;
        crash::step();
        match rustix::fs::mkdirat(&spot.folder, &spot.name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(io("make the folder", &spot.shown, errno)),
        }
        self.touch(&spot.folder);
        match self.look_spot(&spot)? {
            Some(marks) if marks.kind == Some(Kind::Folder) => Ok(marks),
            _ => Err(changed(
                path,
                "something else stands where the folder was to be",
            )),
        }
    }

    /// Renames without replacing anything.
    ///
    /// # Errors
    /// `Changed` where the target is taken; `Local`.
    pub fn rename(&self, from: &RelPath, to: &RelPath) -> Result<()> {
        let (source, target) = (self.spot(from)?, self.spot_as_named(to)?);
        self.rename_spots(&source, &target)?;
        self.respell(from, to);
        Ok(())
    }

    /// As [`Self::spot`], but with the name itself in NFC: for what is about to be there.
    fn spot_as_named(&self, path: &RelPath) -> Result<Spot> {
        let mut spot = match path.parent() {
            Some(folder) => {
                let inner = self.spot(&folder)?;
                let opened = self.walk(
                    inner.folder.as_fd(),
                    [inner.name.as_os_str()],
                    path.as_str(),
                    self.follow,
                )?;
                Spot {
                    folder: opened,
                    name: OsString::new(),
                    shown: path.to_string(),
                }
            }
            None => Spot {
                folder: self.walk(self.root.as_fd(), [], path.as_str(), self.follow)?,
                name: OsString::new(),
                shown: path.to_string(),
            },
        };
        spot.name = path.name().into();
        Ok(spot)
    }

    /// Expects that a spot is still what a path leads to: its folder may have been moved away, out of LOCAL even.
    ///
    /// # Errors
    /// `Changed` where it is not; `Local`.
    pub(super) fn expect_at(&self, path: &RelPath, spot: &Spot) -> Result<()> {
        let again = self.spot(path)?;
        let marks = |folder| look_at(folder, OsStr::new(""), AtFlags::EMPTY_PATH);
        let place = |found: Option<Marks>| found.map(|marks| (marks.inode, marks.device));
        match (marks(&spot.folder), marks(&again.folder)) {
            (Ok(one), Ok(other)) if place(one) == place(other) => Ok(()),
            _ => Err(changed(path, "its folder has been moved meanwhile")),
        }
    }

    /// Opens a file for reading, never through a link out of LOCAL.
    ///
    /// # Errors
    /// `NotFound` or `Local`.
    pub fn read(&self, spot: &Spot) -> Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | self.follow;
        let file = rustix::fs::openat(&spot.folder, &spot.name, flags, Mode::empty())
            .map(File::from)
            .map_err(|errno| io("read", &spot.shown, errno))?;
        self.expect_inside(&file, &spot.shown)?;
        Ok(file)
    }

    /// Returns the path on disk through which the standard library reaches a spot's folder and name.
    pub fn full_path(&self, path: &RelPath) -> PathBuf {
        self.root_path.join(self.native(path))
    }
}

impl Spot {
    /// Returns another name in the same folder.
    ///
    /// # Errors
    /// `Local` where no more files can be opened.
    pub fn beside(&self, name: &str) -> Result<Self> {
        let folder = self.folder.try_clone().map_err(|error| {
            Error::io(
                format!("cannot open the folder of \"{}\"", self.shown),
                error,
            )
        })?;
        Ok(Self {
            folder,
            name: name.into(),
            shown: self.shown.clone(),
        })
    }

    /// Returns a path by which the standard library reaches it without walking through LOCAL again.
    pub fn path(&self) -> PathBuf {
        Path::new("/proc/self/fd")
            .join(self.folder.as_raw_fd().to_string())
            .join(&self.name)
    }

    /// Returns its name in its folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Returns whether a folder is there; a link to one is none.
    pub fn is_folder(&self) -> bool {
        let marks = look_at(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        matches!(marks, Ok(Some(marks)) if marks.kind == Some(Kind::Folder))
    }

    /// Makes a spot of an opened folder.
    pub fn new(folder: OwnedFd, name: &OsStr, shown: &str) -> Self {
        Self {
            folder,
            name: name.to_os_string(),
            shown: shown.to_owned(),
        }
    }
}

/// Makes the error of an item that is not as it was when the plan was made.
pub fn changed(path: &RelPath, why: &str) -> Error {
    Error::new(ErrorKind::Changed, format!("\"{path}\": {why}"))
}
