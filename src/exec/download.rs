//! Brings remote content to a local path: temp file, verify, fsync, time, then one step into place.
//!
//! How the content gets into the temp file is in `fetch` and `ranges`. What stood at the path goes into the local trash in that same step, so that the path is never absent and nothing
//! is ever replaced without a copy of it.

use std::{fs::File, sync::atomic::Ordering};

use super::{
    Run,
    disk::{self, Disk, Marks, Spot, changed},
    fetch::{Digests, Hashes},
    own,
    room::Share,
    rows, seal,
};
use crate::{
    crash,
    error::{Error, Kind as ErrorKind, Result},
    plan::{Action, Side},
    scan::{
        filter::{OWN_PREFIX, PART_SUFFIX},
        local::extent_of_package,
    },
    state::{self, journal::Op, trash::Trash, undo::Deed},
    tree::{Kind, LocalItem, RelPath, RemoteItem, Signature},
};

/// A part of this size is worth keeping for the next pass.
const WORTH_KEEPING: u64 = 1 << 20;

/// Returns the name of the temp file for one version of one item: the same for the next pass, so that it can go on.
pub(super) fn part_name(item: &RemoteItem) -> String {
    let version = state::hash(&[&item.id.file_drivewsid(), item.etag.as_str()]);
    format!("{OWN_PREFIX}{version}{PART_SUFFIX}")
}

/// Returns whether an item is a file without content, which the service has no token for (protocol page 9.3). The listed
/// size of a package says nothing (hazard 10).
pub(super) fn is_empty_file(item: &RemoteItem) -> bool {
    item.size == 0 && item.kind != Kind::Package
}

/// Returns whether two versions of an item have the same content, as far as the marks tell.
pub(crate) fn same_content(now: &crate::tree::Etag, planned: &crate::tree::Etag) -> bool {
    now == planned || (now.content_part().is_some() && now.content_part() == planned.content_part())
}

/// Returns whether what is at a spot is still the item that was listed. A package's own marks tell nothing of what is in it.
pub(super) fn is_as_listed(marks: &Marks, spot: &Spot, item: &LocalItem) -> Result<bool> {
    if !marks.is(item) || item.kind != Kind::Package {
        return Ok(marks.is(item));
    }
    extent_of_package(&spot.path())
        .map(|extent| extent == (item.size, item.mtime_ns))
        .map_err(|error| Error::io(format!("cannot look into \"{}\"", item.path), error))
}

impl Run<'_> {
    /// Checks that the local side is as the plan saw it.
    pub(super) fn expect_local(&self, action: &Action, spot: &Spot) -> Result<Option<Marks>> {
        let marks = self.exec.disk.look_spot(spot)?;
        match (&action.local, &marks) {
            (None, None) => Ok(None),
            (Some(item), Some(marks)) if is_as_listed(marks, spot, item)? => Ok(Some(*marks)),
            (None, Some(_)) => Err(changed(&action.path, "something stands there meanwhile")),
            (Some(_), None) => Err(changed(&action.path, "it is gone meanwhile")),
            (Some(_), Some(_)) => Err(changed(&action.path, "it has changed meanwhile")),
        }
    }

    pub(super) fn download(&self, number: usize, action: &Action) -> Result<Vec<Op>> {
        let item = action
            .remote
            .as_deref()
            .ok_or_else(|| changed(&action.path, "nothing to get"))?;
        let spot = self.exec.disk.spot(&action.path)?;
        self.expect_local(action, &spot)?;
        let part = spot.beside(&part_name(item))?;
        let mut share = self.room_for(item, Some(&part))?;
        let token = if is_empty_file(item) {
            self.token_of_empty(item)?
        } else {
            Some(self.token(number, item)?)
        };
        if let Some(token) = token.as_ref().filter(|token| token.is_package) {
            return self.download_package(number, action, item, token, &spot, &mut share);
        }
        let result = self.fetch_to(number, item, token, &part);
        let (mut file, hashes) = match result {
            Ok(done) => done,
            Err(error) => {
                self.give_up_part(&part, &error);
                return Err(error);
            }
        };
        let placed = self.put_in_place(action, item, &mut file, &part, &spot, &hashes);
        drop(file);
        if placed.is_err() {
            own::remove_leftover(&part)?;
        }
        let (marks, written_ns) = placed?;
        let path = action.agreed.as_ref().unwrap_or(&action.path);
        let local = rows::local_item(path, Kind::File, &marks);
        let row = rows::transferred(&local, item, hashes, written_ns);
        let mut ops = vec![Op::Put(Box::new(row))];
        ops.extend(self.parted.arrival(&item.id, Side::Local));
        Ok(ops)
    }

    /// Promises an item the room that it still needs here. Of a package the listing's size is all that is known.
    fn room_for(&self, item: &RemoteItem, part: Option<&Spot>) -> Result<Share<'_>> {
        let disk = self.exec.disk;
        let there = match part {
            Some(part) => disk.look_spot(part)?.map_or(0, |marks| marks.size),
            None => 0,
        };
        let bytes = item.size.saturating_sub(there);
        self.room.share(bytes, || disk.free(), self.exec.stop)
    }

    /// Keeps a part that a later pass can go on with, else removes it.
    fn give_up_part(&self, part: &Spot, error: &Error) {
        let may_go_on = matches!(error.kind(), ErrorKind::Stopped | ErrorKind::Temporary);
        let size = match self.exec.disk.look_spot(part) {
            Ok(Some(marks)) => marks.size,
            Ok(None) | Err(_) => 0,
        };
        if !(may_go_on && size >= WORTH_KEEPING)
            && let Err(error) = own::remove_leftover(part)
        {
            log::warn!("{}", error.chain());
        }
    }

    /// Makes a verified temp file the file at the path. Returns its marks as they were before anybody else could see
    /// it, and when that was: what happens to it later is a change.
    fn put_in_place(
        &self,
        action: &Action,
        item: &RemoteItem,
        file: &mut File,
        part: &Spot,
        spot: &Spot,
        hashes: &Digests,
    ) -> Result<(Marks, i64)> {
        let disk = self.exec.disk;
        let old = self.expect_local(action, spot)?;
        let replaced = old.filter(|old| old.kind == Some(Kind::File));
        disk.finish_mode(file, replaced.map(|old| old.mode), spot)?;
        if let Some(ms) = item.modified_ms {
            own::set_mtime(file, ms, item.path.as_str())?;
        }
        crash::step();
        file.sync_all()
            .map_err(|error| Error::io(format!("cannot write \"{}\"", item.path), error))?;
        if self.exec.settings.verify_download {
            self.verify_on_disk(file, item, &hashes.0)?;
        }
        let marks = disk::look_open(file, item.path.as_str())?;
        let written_ns = rows::now_ns();
        disk.expect_still(file, part)?;
        disk.expect_at(&action.path, spot)?;
        self.expect_local(action, spot)?;
        let kept = match old {
            None => disk.rename_spots(part, spot).map(|()| None)?,
            Some(old) => Some(self.replace(&action.path, part, spot, &old)?),
        };
        self.appeared(action, Kind::File, &marks, kept)?;
        Ok((marks, written_ns))
    }

    /// Writes down what was just put in place.
    pub(super) fn appeared(
        &self,
        action: &Action,
        kind: Kind,
        marks: &Marks,
        kept: Option<String>,
    ) -> Result<()> {
        self.did(&Deed::LocalAppeared {
            path: action.path.clone(),
            kind,
            seal: seal::local(self.exec.disk, &action.path, marks, &|_| false)?,
            kept,
            row: action.agreed.clone(),
        });
        Ok(())
    }

    fn verify_on_disk(
        &self,
        file: &mut File,
        item: &RemoteItem,
        signature: &Signature,
    ) -> Result<()> {
        let mut hashes = Hashes::new(false);
        self.hash_part(file, item, &mut hashes)?;
        if hashes.finish().0 == *signature {
            return Ok(());
        }
        let text = format!("\"{}\" is not on disk as it was received", item.path);
        Err(Error::new(ErrorKind::Integrity, text))
    }

    /// Puts `part` at `spot`, and what stands there into the local trash, in one step where the file system can.
    /// Returns where that is, as [`Trash::place`] tells it.
    pub(super) fn replace(
        &self,
        path: &RelPath,
        part: &Spot,
        spot: &Spot,
        old: &Marks,
    ) -> Result<String> {
        let kept = replace(self.exec.disk, self.exec.trash, path, part, spot, old)?;
        self.has_trash.store(true, Ordering::Relaxed);
        Ok(kept)
    }

    /// Brings a remote version into the local trash and verifies it: it is about to be replaced, and this machine never
    /// held it.
    pub(super) fn save_loser(
        &self,
        number: usize,
        action: &Action,
        item: &RemoteItem,
    ) -> Result<String> {
        let disk = self.exec.disk;
        let _share = self.room_for(item, None)?;
        let token = if item.size == 0 {
            self.token_of_empty(item)?
        } else {
            Some(self.fresh_token(item)?)
        };
        if token.as_ref().is_some_and(|token| token.is_package) {
            return Err(changed(
                &action.path,
                "it is a package, which can't be replaced by a file",
            ));
        }
        let (kept, at) = self.exec.trash.place(disk, &action.path)?;
        let part = kept.beside(&part_name(item))?;
        let fetched = self.fetch_to(number, item, token, &part);
        let (file, _) = match fetched {
            Ok(done) => done,
            Err(error) => {
                own::remove_leftover(&part)?;
                return Err(error);
            }
        };
        let ours = (disk.look(&action.path)?).filter(|marks| marks.kind == Some(Kind::File));
        disk.finish_mode(&file, ours.map(|marks| marks.mode), &kept)?;
        if let Some(ms) = item.modified_ms {
            own::set_mtime(&file, ms, item.path.as_str())?;
        }
        file.sync_all()
            .map_err(|error| Error::io(format!("cannot write \"{}\"", item.path), error))?;
        disk.expect_still(&file, &part)?;
        disk.rename_spots(&part, &kept)?;
        disk.settle()?;
        self.has_trash.store(true, Ordering::Relaxed);
        Ok(at)
    }
}

/// Puts `part` at `spot`, and what stands there into the local trash, in one step where the file system can. Returns
/// where that is, as [`Trash::place`] tells it.
pub(crate) fn replace(
    disk: &Disk,
    trash: &Trash,
    path: &RelPath,
    part: &Spot,
    spot: &Spot,
    old: &Marks,
) -> Result<String> {
    let (kept, at) = trash.place(disk, path)?;
    let exchanged = disk.rename_spots(part, &kept).and_then(|()| {
        disk.exchange_spots(&kept, spot)
            .or_else(|error| disk.rename_spots(&kept, part).and(Err(error)))
    });
    let Err(error) = exchanged else {
        return Ok(at);
    };
    // The trash may be on another file system, or this one can't exchange.
    log::debug!("no exchange: {}", error.chain());
    replace_by_copy(disk, trash, path, part, spot, old)
}

/// As [`replace`] where names can't be exchanged: a second name or a copy first, then a rename over it.
fn replace_by_copy(
    disk: &Disk,
    trash: &Trash,
    path: &RelPath,
    part: &Spot,
    spot: &Spot,
    old: &Marks,
) -> Result<String> {
    if old.kind != Some(Kind::File) {
        let text = format!(
            "\"{path}\" is a folder that this file system can't replace in one step; it stays as it is"
        );
        return Err(Error::new(ErrorKind::Local, text)
            .with_hint("move it away, and the next pass brings the new version"));
    }
    let (kept, at) = trash.place(disk, path)?;
    if disk.link(spot, &kept).is_err() {
        let copied = copy_to_trash(disk, path, spot, &kept, old);
        if copied.is_err() {
            // Half of it would look like the old version.
            disk.unlink(&kept)?;
        }
        copied?;
    }
    // The old content must be there before its name is gone, and must be what stands there.
    disk.settle()?;
    if disk.look_spot(spot)? != Some(*old) {
        return Err(changed(path, "it has changed meanwhile"));
    }
    disk.replace_spot(part, spot)?;
    Ok(at)
}

fn copy_to_trash(disk: &Disk, path: &RelPath, from: &Spot, to: &Spot, old: &Marks) -> Result<()> {
    let fail = |error| Error::io(format!("cannot copy \"{path}\" into the trash"), error);
    let mut content = disk.read(from)?;
    let mut copy = disk.write(to)?;
    std::io::copy(&mut content, &mut copy).map_err(fail)?;
    disk.finish_mode(&copy, Some(old.mode), from)?;
    copy.sync_all().map_err(fail)?;
    disk.touch_spot(to);
    Ok(())
}
