//! Packages: they come as a zip and are folders locally.
//!
//! The zip comes into a file without a name, is unpacked into a folder that only this user may look into, and what
//! came of that is put in place as a whole. Both are bounded, and leave the room free that is to stay so. What a package
//! holds, here or there, can also be told without putting anything anywhere: see [`tree_here`] and [`Trees`].

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    sync::{PoisonError, atomic::Ordering},
};

use rustix::fs::{CWD, Mode, OFlags};
use walkdir::WalkDir;

use super::{
    Run,
    disk::{Disk, Marks, Spot, changed},
    download::{is_as_listed, same_content},
    fetch::broke_off,
    own,
    room::{Room, Share},
    rows,
    throttle::Throttle,
    unzip::{Sink, gunzipped, most_unpacked, odd, pour, unzip},
};
use crate::{
    cloud::{Content, Remote, Token},
    error::{Error, Kind as ErrorKind, Result},
    plan::{Action, Side},
    report::{Event, words},
    scan::{
        filter::{OWN_PREFIX, PART_SUFFIX},
        local::extent_of_package,
    },
    state::{self, journal::Op},
    stop::Stop,
    tree::{Kind, LocalItem, PackageTree, RemoteItem, Row, Signature},
};

/// Returns how many bytes a package may come in. Its listed size is neither that of the zip nor that of what is in it
/// (protocol page 9.5), but says of what order they are.
fn most_packed(listed: u64) -> u64 {
    listed.saturating_mul(16).max(1 << 30)
}

impl Run<'_> {
    pub(super) fn download_package(
        &self,
        number: usize,
        action: &Action,
        item: &RemoteItem,
        token: &Token,
        spot: &Spot,
        share: &mut Share<'_>,
    ) -> Result<Vec<Op>> {
        let version = state::hash(&[&item.id.file_drivewsid(), item.etag.as_str()]);
        let part = spot.beside(&format!("{OWN_PREFIX}{version}.package{PART_SUFFIX}"))?;
        let placed = self
            .fetch_package(number, item, token, share)
            .and_then(|(packed, length)| self.unpack(&packed, length, &part, share))
            .and_then(|(folder, tree)| {
                let done = self.put_package_in_place(action, &folder, &part, spot)?;
                Ok((done, tree))
            });
        let ((marks, (size, mtime_ns)), tree) = match placed {
            Ok(done) => done,
            Err(error) => {
                if let Err(left) = own::remove_leftover(&part) {
                    log::warn!("{}", left.chain());
                }
                return Err(error);
            }
        };
        let path = action.agreed.as_ref().unwrap_or(&action.path);
        let local = LocalItem {
            size,
            mtime_ns,
            ..rows::local_item(path, Kind::Package, &marks)
        };
        let remote = RemoteItem {
            kind: Kind::Package,
            ..item.clone()
        };
        let row = Row::of(&local, &remote, Some(tree), false);
        let mut ops = vec![Op::Put(Box::new(row))];
        ops.extend(self.parted.arrival(&item.id, Side::Local));
        Ok(ops)
    }

    /// Makes an unpacked package the one at its path. Returns its marks, and the extent of what is in it, as they were before anybody
    /// else could look into it: what happens to it later is a change.
    fn put_package_in_place(
        &self,
        action: &Action,
        folder: &File,
        part: &Spot,
        spot: &Spot,
    ) -> Result<(Marks, (u64, i64))> {
        let disk = self.exec.disk;
        let look = |error| Error::io(format!("cannot look into \"{}\"", action.path), error);
        let old = self.expect_local(action, spot)?;
        let replaced = old.filter(|old| old.kind == Some(Kind::Folder));
        let extent = extent_of_package(&part.path()).map_err(look)?;
        disk.finish_mode(folder, replaced.map(|old| old.mode), spot)?;
        disk.touch_spot(part);
        disk.settle()?;
        disk.expect_still(folder, part)?;
        disk.expect_at(&action.path, spot)?;
        let marks = disk
            .look_spot(part)?
            .ok_or_else(|| changed(&action.path, "it is gone at once"))?;
        let kept = match self.expect_local(action, spot)? {
            None => disk.rename_spots(part, spot).map(|()| None)?,
            Some(old) => Some(self.replace(&action.path, part, spot, &old)?),
        };
        self.appeared(action, Kind::Package, &marks, kept)?;
        Ok((marks, extent))
    }

    /// Notes that bytes are about to be written that nobody has promised.
    fn grow(&self, share: &mut Share<'_>, bytes: u64) -> Result<()> {
        self.exec.stop.check()?;
        share.take(bytes, || self.exec.disk.free())
    }

    /// Fetches a package's zip. Returns it with its length.
    fn fetch_package(
        &self,
        number: usize,
        item: &RemoteItem,
        token: &Token,
        share: &mut Share<'_>,
    ) -> Result<(File, u64)> {
        let content = self.exec.remote.fetch(token, 0)?;
        let disk = self.exec.disk;
        let fetching = Fetching {
            item,
            throttle: &self.throttle,
            stop: self.exec.stop,
        };
        let moved = |count: u64| {
            self.received.fetch_add(count, Ordering::Relaxed);
            self.exec.reporter.event(&Event::Moved {
                number,
                bytes: count,
            });
        };
        let packed = disk.unnamed()?;
        fetching.run(
            content,
            packed,
            || disk.unnamed(),
            &mut |bytes| self.grow(share, bytes),
            &moved,
        )
    }

    /// Unpacks a zip into a folder that is made for it. One at a time: the list of what is in it is held in memory.
    fn unpack(
        &self,
        packed: &File,
        length: u64,
        part: &Spot,
        share: &mut Share<'_>,
    ) -> Result<(File, Signature)> {
        let folder = own::new_own_folder(part)?;
        let _one = self
            .unpacking
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut grow = |bytes| self.grow(share, bytes);
        let most = most_unpacked(length);
        let tree = unzip(packed, length, most, Some(folder.as_fd()), &mut grow)?;
        Ok((folder, tree))
    }
}

/// What fetches a package's zip.
struct Fetching<'a> {
    item: &'a RemoteItem,
    throttle: &'a Throttle,
    stop: &'a Stop,
}

impl Fetching<'_> {
    /// Brings an answer into `packed`, and takes off what is around the zip. `grow` is told of bytes before they are
    /// written, `moved` of those that came. Returns the zip with its length.
    fn run(
        &self,
        content: Content,
        mut packed: File,
        plain: impl FnOnce() -> Result<File>,
        grow: &mut dyn FnMut(u64) -> Result<()>,
        moved: &dyn Fn(u64),
    ) -> Result<(File, u64)> {
        let item = self.item;
        let fail = |error| Error::io(format!("cannot write \"{}\"", item.path), error);
        let most = most_packed(item.size);
        let too_long = || {
            odd(format!(
                "there is no end to it: more than {} came",
                words::size(most)
            ))
        };
        if content.length.is_some_and(|length| length > most) {
            return Err(too_long());
        }
        let mut body = content.body;
        let mut buffer = vec![0; self.throttle.share(64 * 1024)];
        let mut have = 0_u64;
        loop {
            let read = body.read(&mut buffer);
            let count = read.map_err(|error| broke_off(&item.path, error, self.stop))?;
            if count == 0 {
                break;
            }
            have += count as u64;
            if have > most {
                return Err(too_long());
            }
            self.throttle.take(count, self.stop)?;
            grow(count as u64)?;
            packed.write_all(&buffer[..count]).map_err(fail)?;
            moved(count as u64);
        }
        if content.length.is_some_and(|length| length != have) {
            let text = format!("\"{}\" broke off after {have} bytes", item.path);
            return Err(Error::new(ErrorKind::Temporary, text));
        }
        gunzipped(packed, have, most_unpacked(have), plain, grow)
    }
}

/// Tells what packages hold on the remote side, by fetching them into files without a name. Nothing is put anywhere.
pub(crate) struct Trees<'a> {
    remote: &'a dyn Remote,
    disk: &'a Disk,
    stop: &'a Stop,
    throttle: Throttle,
    room: Room,
}

impl<'a> Trees<'a> {
    /// Prepares to fetch at so many bytes a second, leaving so many free.
    pub(crate) fn new(
        remote: &'a dyn Remote,
        disk: &'a Disk,
        stop: &'a Stop,
        bwlimit: Option<u64>,
        min_free: u64,
    ) -> Self {
        Self {
            remote,
            disk,
            stop,
            throttle: Throttle::new(bwlimit),
            room: Room::new(min_free),
        }
    }

    /// Returns the signature of what is in a remote package.
    ///
    /// # Errors
    /// `Changed` where it is none, or another version by now; else as a download's.
    pub(crate) fn there(&self, item: &RemoteItem) -> Result<Signature> {
        let docs = std::slice::from_ref(&item.id.doc);
        let token = self.remote.tokens(&item.id.zone, docs)?.pop();
        let token = token.unwrap_or_else(|| {
            let text = "the service gave no download address";
            Err(Error::new(ErrorKind::Protocol, text))
        })?;
        let is_listed = (token.etag.as_ref()).is_none_or(|etag| same_content(etag, &item.etag));
        if !token.is_package || !is_listed {
            return Err(changed(&item.path, "it has changed meanwhile"));
        }
        let free = || self.disk.free();
        let mut share = self.room.share(0, free, self.stop)?;
        let mut grow = |bytes| share.take(bytes, free);
        let fetching = Fetching {
            item,
            throttle: &self.throttle,
            stop: self.stop,
        };
        let (packed, length) = fetching.run(
            self.remote.fetch(&token, 0)?,
            self.disk.unnamed()?,
            || self.disk.unnamed(),
            &mut grow,
            &|_| (),
        )?;
        unzip(&packed, length, most_unpacked(length), None, &mut |_| {
            self.stop.check()
        })
    }
}

/// Returns the signature of what is in a local package.
///
/// # Errors
/// `Local` where something in it can't be read; `Changed` where it is not as it was listed; `Stopped`.
pub(crate) fn tree_here(disk: &Disk, item: &LocalItem, stop: &Stop) -> Result<Signature> {
    let text = || format!("cannot read what is in \"{}\"", item.path);
    let spot = disk.spot(&item.path)?;
    let root = spot.path();
    let mut tree = PackageTree::default();
    for entry in WalkDir::new(&root).min_depth(1) {
        stop.check()?;
        let entry =
            entry.map_err(|error| Error::new(ErrorKind::Local, text()).with_source(error))?;
        let below = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        let is_named = below.to_str().is_some();
        let parts = parts.iter().map(AsRef::as_ref);
        if entry.file_type().is_dir() && is_named {
            tree.folder(parts);
        } else if entry.file_type().is_file() && is_named {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mut file = rustix::fs::openat(CWD, entry.path(), flags, Mode::empty())
                .map(File::from)
                .map_err(|errno| Error::io(text(), errno.into()))?;
            let mut sink = Sink::default();
            pour(&mut file, &mut sink, u64::MAX, &mut |_| stop.check()).map_err(|error| {
                if error.kind() == ErrorKind::Stopped {
                    return error;
                }
                Error::new(ErrorKind::Local, text()).with_source(error)
            })?;
            tree.file(parts, sink.hasher.finish());
        } else {
            tree.other(parts);
        }
    }
    match disk.look_spot(&spot)? {
        Some(marks) if is_as_listed(&marks, &spot, item)? => Ok(tree.signature()),
        Some(_) | None => Err(changed(&item.path, "it changed while it was read")),
    }
}
