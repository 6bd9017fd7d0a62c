//! Packages: they come as a zip and are folders locally.
//!
//! The zip comes into a file without a name, is unpacked into a folder that only this user may look into, and what
//! came of that is put in place as a whole. Both are bounded, and leave the room free that is to stay so.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    sync::{PoisonError, atomic::Ordering},
};

use super::{
    Run,
    disk::{Marks, Spot, changed},
    own,
    room::Share,
    rows,
    unzip::{gunzipped, most_unpacked, odd, unzip},
};
use crate::{
    cloud::Token,
    error::{Error, Kind as ErrorKind, Result},
    plan::{Action, Side},
    report::{Event, words},
    scan::{
        filter::{OWN_PREFIX, PART_SUFFIX},
        local::extent_of_package,
    },
    state::{self, journal::Op},
    tree::{Kind, LocalItem, RemoteItem, Row},
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
        let named = |kind: &str| spot.beside(&format!("{OWN_PREFIX}{version}.{kind}{PART_SUFFIX}"));
        let part = named("package")?;
        let placed = self
            .fetch_package(number, item, token, &named("zip")?, &named("plain")?, share)
            .and_then(|(packed, length)| self.unpack(&packed, length, &part, share))
            .and_then(|folder| self.put_package_in_place(action, &folder, &part, spot));
        let (marks, (size, mtime_ns)) = match placed {
            Ok(done) => done,
            Err(error) => {
                if let Err(left) = own::remove_all(&part) {
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
        let row = Row::of(&local, &remote, None, false);
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

    /// Opens a file on LOCAL's file system that is gone when it is closed.
    fn nameless(&self, spot: &Spot) -> Result<File> {
        let disk = self.exec.disk;
        own::remove_all(spot)?;
        let file = disk.write(spot)?;
        disk.unlink(spot)?;
        Ok(file)
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
        zip: &Spot,
        plain: &Spot,
        share: &mut Share<'_>,
    ) -> Result<(File, u64)> {
        let fail = |error| Error::io(format!("cannot write \"{}\"", item.path), error);
        let content = self.exec.remote.fetch(token, 0)?;
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
        let mut packed = self.nameless(zip)?;
        let mut body = content.body;
        let mut buffer = vec![0; self.throttle.share(64 * 1024)];
        let mut have = 0_u64;
        loop {
            let count = body.read(&mut buffer).map_err(|error| {
                Error::new(ErrorKind::Temporary, format!("\"{}\" broke off", item.path))
                    .with_source(error)
            })?;
            if count == 0 {
                break;
            }
            have += count as u64;
            if have > most {
                return Err(too_long());
            }
            self.throttle.take(count, self.exec.stop)?;
            self.grow(share, count as u64)?;
            packed.write_all(&buffer[..count]).map_err(fail)?;
            self.received.fetch_add(count as u64, Ordering::Relaxed);
            self.exec.reporter.event(&Event::Moved {
                number,
                bytes: count as u64,
            });
        }
        if content.length.is_some_and(|length| length != have) {
            let text = format!("\"{}\" broke off after {have} bytes", item.path);
            return Err(Error::new(ErrorKind::Temporary, text));
        }
        let most = most_unpacked(have);
        gunzipped(packed, have, most, || self.nameless(plain), &mut |bytes| {
            self.grow(share, bytes)
        })
    }

    /// Unpacks a zip into a folder that is made for it. One at a time: the list of what is in it is held in memory.
    fn unpack(
        &self,
        packed: &File,
        length: u64,
        part: &Spot,
        share: &mut Share<'_>,
    ) -> Result<File> {
        let folder = own::new_own_folder(part)?;
        let _one = self
            .unpacking
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut grow = |bytes| self.grow(share, bytes);
        unzip(
            packed,
            length,
            most_unpacked(length),
            folder.as_fd(),
            &mut grow,
        )?;
        Ok(folder)
    }
}
