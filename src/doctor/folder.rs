//! What the system says of a folder without writing to it: its file system, and the room there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::Finding;
use crate::report::words;

/// With less room than this a pass is likely to end in the middle.
const LITTLE: u64 = 256 << 20;
/// With less room than this not even the state can be saved for sure.
const NONE: u64 = 8 << 20;

/// Returns the kind of file system that a folder is on, as the kernel names it, such as `ext4` or `fuse.sshfs`.
/// The path has to be absolute, links resolved.
pub(super) fn file_system(path: &Path) -> Option<String> {
    kind_in(&fs::read_to_string("/proc/self/mountinfo").ok()?, path)
}

/// Finds the mount that a path is below: the longest one, and of several at one place the last.
fn kind_in(mounts: &str, path: &Path) -> Option<String> {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((mount, file_system)) = line.split_once(" - ") else {
            continue;
        };
        let (Some(point), Some(kind)) = (mount.split(' ').nth(4), file_system.split(' ').next())
        else {
            continue;
        };
        let point = PathBuf::from(unescaped(point));
        let length = point.components().count();
        if path.starts_with(&point) && best.is_none_or(|(longest, _)| longest <= length) {
            best = Some((length, kind));
        }
    }
    best.map(|(_, kind)| kind.to_owned())
}

/// Reads `\040` and its like, by which the kernel writes blanks in paths.
fn unescaped(text: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (code, letter)| {
        text.replace(code, letter)
    })
}

/// Returns the nearest folder that exists, the path itself or one above it.
pub(super) fn existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|it| it.is_dir())
}

/// Is there room in this folder?
pub(super) fn room(name: &'static str, folder: &Path) -> Finding {
    let about = match statvfs(folder) {
        Ok(about) => about,
        Err(error) => {
            return Finding::warning(
                name,
                format!("\"{}\": the system does not say: {error}", folder.display()),
                "see what `df` says",
            );
        }
    };
    if about.f_blocks == 0 {
        // So do file systems that are programs, now and then.
        let found = format!("\"{}\": the system does not say how much", folder.display());
        return Finding::skipped(name, found);
    }
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    let mut found = format!("{} free in \"{}\"", words::size(free), folder.display());
    let has_no_files = about.f_files > 0 && about.f_favail == 0;
    if has_no_files {
        found.push_str(", but room for no more files (inodes)");
    }
    if about.f_flag.contains(StatVfsMountFlags::RDONLY) {
        let way_out = "mount it so that it can be written to, or take another folder";
        found.push_str(", mounted read-only");
        return Finding::failed(name, found, way_out);
    }
    if free < NONE || has_no_files {
        return Finding::failed(name, found, "make room on this file system");
    }
    if free < LITTLE {
        return Finding::warning(name, found, "make room before a large pass");
    }
    Finding::ok(name, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /proc rw shared:2 - proc proc rw
30 22 0:40 / /home/a\\040b rw - fuse.sshfs me@host:/x rw
31 22 0:41 / /home/x rw master:1 - vfat /dev/sdb1 rw
odd line";
        let kind = |path: &str| kind_in(mounts, Path::new(path)).unwrap();
        assert_eq!(kind("/home/a b/c"), "fuse.sshfs");
        assert_eq!(kind("/home/x"), "vfat");
        assert_eq!(kind("/home/xy"), "ext4");
        assert!(kind_in("", Path::new("/")).is_none());
    }

    #[test]
    fn the_nearest_folder_that_is_there_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        assert_eq!(existing(&deep), Some(folder.path()));
        assert!(file_system(&folder.path().canonicalize().unwrap()).is_some());
    }
}
