//! What a look at the disk tells of one item.

use std::{ffi::OsStr, fs::File, os::fd::AsFd};

use rustix::{
    fs::{AtFlags, FileType, StatxFlags},
    io::Errno,
};

use crate::{
    error::{Error, Result},
    tree::{Kind, LocalItem},
};

/// What a look at a path tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// File or folder; `None` for links and special files.
    pub kind: Option<Kind>,
    /// Length in bytes; 0 for folders.
    pub size: u64,
    /// Modification time, ns since 1970 UTC.
    pub mtime_ns: i64,
    /// Inode number.
    pub inode: u64,
    /// When the inode was made, ns since 1970 UTC; 0 for unknown.
    pub birth_ns: i64,
    /// Permission bits.
    pub mode: u32,
    /// Device number.
    pub device: (u32, u32),
}

impl Marks {
    /// Returns whether this is still the item that was listed: the same inode, and of a file the same length and time.
    pub fn is(&self, item: &LocalItem) -> bool {
        let same_inode = self.inode == item.inode && self.birth_ns == item.birth_ns;
        match item.kind {
            Kind::Folder | Kind::Package => self.kind == Some(Kind::Folder) && same_inode,
            Kind::File => {
                self.kind == Some(Kind::File)
                    && same_inode
                    && self.size == item.size
                    && self.mtime_ns == item.mtime_ns
            }
        }
    }
}

fn nanos(seconds: i64, nanos: u32) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(i64::from(nanos))
}

/// Looks at a name in a folder, at a link itself rather than at what it points to.
///
/// # Errors
/// `Local`.
pub(super) fn look_at(
    folder: impl AsFd,
    name: &OsStr,
    flags: AtFlags,
) -> rustix::io::Result<Option<Marks>> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let stat = match rustix::fs::statx(folder, name, flags, wanted) {
        Ok(stat) => stat,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let kind = match FileType::from_raw_mode(stat.stx_mode.into()) {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Folder),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => None,
    };
    let has_birth = stat.stx_mask & StatxFlags::BTIME.bits() != 0;
    Ok(Some(Marks {
        kind,
        size: if kind == Some(Kind::File) {
            stat.stx_size
        } else {
            0
        },
        mtime_ns: nanos(stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
        inode: stat.stx_ino,
        birth_ns: if has_birth {
            nanos(stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec)
        } else {
            0
        },
        mode: u32::from(stat.stx_mode) & 0o7777,
        device: (stat.stx_dev_major, stat.stx_dev_minor),
    }))
}

/// Looks at an opened file, wherever its name is by now.
///
/// # Errors
/// `Local`.
pub fn look_open(file: &File, shown: &str) -> Result<Marks> {
    let fail = |error| Error::io(format!("cannot look at \"{shown}\""), error);
    match look_at(file, OsStr::new(""), AtFlags::EMPTY_PATH) {
        Ok(Some(marks)) => Ok(marks),
        Ok(None) => Err(fail(std::io::ErrorKind::NotFound.into())),
        Err(errno) => Err(fail(errno.into())),
    }
}
