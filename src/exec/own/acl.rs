//! What ACLs have to do with the mode of what is made.
//!
//! In a folder with a default ACL the umask counts for nothing: a new file has the bits of the ACL that it was asked for. A
//! file that is made private and opened later must get these, since the bits of its group are the mask of all named users
//! and groups. And what looks like the bits of a group, in a file with an ACL, is that mask: the group may have less.

use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd},
};

use rustix::io::Errno;

use super::Spot;

const DEFAULT: &str = "system.posix_acl_default";
const ACCESS: &str = "system.posix_acl_access";
/// As long as an ACL can be.
const MOST: usize = 64 * 1024;
const VERSION: u32 = 2;
/// An entry: tag and bits of two bytes each, and an id.
const ENTRY: usize = 8;
const OWNER: u16 = 0x01;
const GROUP: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHERS: u16 = 0x20;

/// Returns the permission bits that the default ACL of a spot's folder leaves to what is made there; `None` where it has
/// none, or the file system knows none.
pub(super) fn default_mode(spot: &Spot) -> Option<u32> {
    // The folder is opened for its path only, which takes no attributes.
    let folder = format!("/proc/self/fd/{}", spot.folder.as_raw_fd());
    let mut acl = vec![0; MOST];
    let length = rustix::fs::getxattr(folder, DEFAULT, &mut acl[..]).ok()?;
    Acl::read(acl.get(..length)?)?.mode()
}

/// Returns the bits that a file is to have in place of one at a spot that has `old`. Without an ACL of its own, its group gets
/// what the group of the old one had.
pub(super) fn plain_mode(file: &File, spot: &Spot, old: u32) -> u32 {
    let mut acl = vec![0; MOST];
    let has_none = rustix::fs::fgetxattr(file.as_fd(), ACCESS, &mut acl[..]) == Err(Errno::NODATA);
    if !has_none {
        return old;
    }
    let of_old = rustix::fs::lgetxattr(spot.path(), ACCESS, &mut acl[..]);
    let bytes = of_old.ok().and_then(|length| acl.get(..length));
    let group = bytes.and_then(Acl::read).and_then(|acl| acl.bits(GROUP));
    group.map_or(old, |group| old & (0o707 | group << 3))
}

/// An ACL as the system keeps it.
struct Acl<'a>(&'a [u8]);

impl<'a> Acl<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (version, entries) = bytes.split_first_chunk::<4>()?;
        let is_one = u32::from_le_bytes(*version) == VERSION && entries.len() % ENTRY == 0;
        is_one.then_some(Self(entries))
    }

    /// Returns the bits of the first entry of a kind.
    fn bits(&self, wanted: u16) -> Option<u32> {
        self.0.chunks_exact(ENTRY).find_map(|entry| {
            let number = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
            (number(0) == wanted).then(|| u32::from(number(2)) & 0o7)
        })
    }

    /// Returns the bits of owner, group and others as a mode has them.
    fn mode(&self) -> Option<u32> {
        let group = self.bits(MASK).or_else(|| self.bits(GROUP))?;
        Some(self.bits(OWNER)? << 6 | group << 3 | self.bits(OTHERS)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(entries: &[(u16, u16)]) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (tag, bits) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(bits.to_le_bytes());
            bytes.extend(u32::MAX.to_le_bytes());
        }
        bytes
    }

    fn mode_of(acl: &[u8]) -> Option<u32> {
        Acl::read(acl)?.mode()
    }

    #[test]
    fn the_mask_is_what_the_group_has() {
        let plain = [(OWNER, 7), (GROUP, 5), (OTHERS, 0)];
        assert_eq!(mode_of(&acl(&plain)), Some(0o750));
        let named = [(OWNER, 7), (0x02, 7), (GROUP, 5), (MASK, 7), (OTHERS, 4)];
        assert_eq!(mode_of(&acl(&named)), Some(0o774));
        let good = acl(&plain);
        for bad in [&[][..], &good[..3], &good[..good.len() - 1], &good[4..]] {
            assert_eq!(mode_of(bad), None);
        }
        assert_eq!(mode_of(&acl(&[(OWNER, 7)])), None);
    }
}
