//! What the file system tells of one item.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::UNIX_EPOCH,
};

use walkdir::WalkDir;

use crate::tree::{Kind, LocalItem, RelPath};

/// What a scan keeps of an item's metadata.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat {
    pub(super) is_file: bool,
    pub(super) is_folder: bool,
    size: u64,
    mtime_ns: i64,
    pub(super) inode: u64,
    device: u64,
    pub(super) birth_ns: i64,
}

impl Stat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            is_file: metadata.is_file(),
            is_folder: metadata.is_dir(),
            size: metadata.len(),
            mtime_ns: mtime_ns(metadata),
            inode: metadata.ino(),
            device: metadata.dev(),
            birth_ns: birth_ns(metadata),
        }
    }

    pub(super) fn device(&self) -> u64 {
        self.device
    }

    /// Returns what tells a folder from all others.
    pub(super) fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    pub(super) fn item(&self, path: RelPath, kind: Kind, spelling: Option<Box<Path>>) -> LocalItem {
        LocalItem {
            path,
            kind,
            size: if kind == Kind::File { self.size } else { 0 },
            mtime_ns: self.mtime_ns,
            inode: self.inode,
            birth_ns: self.birth_ns,
            spelling,
        }
    }
}

fn mtime_ns(metadata: &Metadata) -> i64 {
    metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec())
}

fn birth_ns(metadata: &Metadata) -> i64 {
    let since = metadata
        .created()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}

/// Looks at the item at `disk` as a scan would, links not followed: its kind is `Package` if it is
/// a folder and `is_package`, and `None` comes back where there is no file or folder.
///
/// # Errors
/// What the file system said, but for a missing item.
pub fn measure(
    disk: &Path,
    path: RelPath,
    spelling: Option<Box<Path>>,
    is_package: bool,
) -> io::Result<Option<LocalItem>> {
    let metadata = match fs::symlink_metadata(disk) {
        Ok(metadata) => metadata,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let stat = Stat::of(&metadata);
    if stat.is_file {
        return Ok(Some(stat.item(path, Kind::File, spelling)));
    }
    if !stat.is_folder {
        return Ok(None);
    }
    if !is_package {
        return Ok(Some(stat.item(path, Kind::Folder, spelling)));
    }
    let mut item = stat.item(path, Kind::Package, spelling);
    (item.size, item.mtime_ns) = extent_of_package(disk)?;
    Ok(Some(item))
}

/// Returns the sum of the sizes of all files in a package, and the newest modification time in it in
/// ns since 1970 UTC: its own, its files' and its folders', so that a removal inside shows as
/// well. Links in it count for nothing.
///
/// # Errors
/// Where any of it can't be read: half a sum would look like a change.
pub fn extent_of_package(disk: &Path) -> io::Result<(u64, i64)> {
    let mut size = 0_u64;
    let mut newest = 0;
    for entry in WalkDir::new(disk) {
        let metadata = entry?.metadata()?;
        if metadata.is_file() {
            size = size.saturating_add(metadata.len());
        }
        if metadata.is_file() || metadata.is_dir() {
            newest = newest.max(mtime_ns(&metadata));
        }
    }
    Ok((size, newest))
}
