//! Brings remote content to a local path: temp file, verify, fsync, time, then one step into place.
//!
//! What stood at the path goes into the local trash in that same step, so that the path is never absent and nothing
//! is ever replaced without a copy of it.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    sync::atomic::Ordering,
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{
    Run,
    disk::{self, Disk, Marks, Spot, changed},
    rows, seal,
};
use crate::{
    cloud::Token,
    crash,
    error::{Error, Kind as ErrorKind, Result},
    plan::Action,
    report::Event,
    scan::{
        filter::{OWN_PREFIX, PART_SUFFIX},
        local::extent_of_package,
    },
    state::{self, journal::Op, trash::Trash, undo::Deed},
    tree::{Kind, LocalItem, RelPath, RemoteItem, Signature, SignatureHasher},
};

const BUFFER: usize = 256 * 1024;
/// A part of this size is worth keeping for the next pass.
const WORTH_KEEPING: u64 = 1 << 20;
/// How often the rest of a content is asked for when it breaks off.
const TRIES: u32 = 5;

/// What identifies a content: its signature, and its SHA-256 where that is kept.
pub(super) type Digests = (Signature, Option<[u8; 32]>);

/// What has been hashed of a content on its way.
pub(super) struct Hashes {
    signature: SignatureHasher,
    sha256: Option<Sha256>,
}

impl Hashes {
    pub(super) fn new(with_sha256: bool) -> Self {
        Self {
            signature: SignatureHasher::new(),
            sha256: with_sha256.then(Sha256::new),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.signature.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    pub(super) fn finish(self) -> Digests {
        (
            self.signature.finish(),
            self.sha256.map(|sha256| sha256.finalize().into()),
        )
    }
}

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

    /// Gets the address of the content that was planned.
    pub(super) fn token(&self, number: usize, item: &RemoteItem) -> Result<Token> {
        let token = self.tokens.get(number, self.exec.remote)?;
        Self::expect_version(&token, item)?;
        Ok(token)
    }

    fn fresh_token(&self, item: &RemoteItem) -> Result<Token> {
        let doc = std::slice::from_ref(&item.id.doc);
        let token = self
            .exec
            .remote
            .tokens(&item.id.zone, doc)?
            .pop()
            .unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Protocol,
                    "the service gave no download address",
                ))
            })?;
        Self::expect_version(&token, item)?;
        Ok(token)
    }

    fn expect_version(token: &Token, item: &RemoteItem) -> Result<()> {
        match &token.etag {
            Some(etag) if !same_content(etag, &item.etag) => Err(changed(
                &item.path,
                "it has changed on the remote side meanwhile",
            )),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn download(&self, number: usize, action: &Action) -> Result<Vec<Op>> {
        let item = action
            .remote
            .as_deref()
            .ok_or_else(|| changed(&action.path, "nothing to get"))?;
        let spot = self.exec.disk.spot(&action.path)?;
        self.expect_local(action, &spot)?;
        let token = if is_empty_file(item) {
            None
        } else {
            Some(self.token(number, item)?)
        };
        if let Some(token) = token.as_ref().filter(|token| token.is_package) {
            return self.download_package(number, action, item, token, &spot);
        }
        let part = spot.beside(&part_name(item))?;
        let result = self.fetch_to(number, item, token, &part);
        let (mut file, hashes) = match result {
            Ok(done) => done,
            Err(error) => {
                self.give_up_part(&part, &error);
                return Err(error);
            }
        };
        let placed = self.put_in_place(action, item, &mut file, &part, &spot, &hashes);
        if placed.is_err() {
            self.exec.disk.unlink(&part)?;
        }
        let (marks, written_ns) = placed?;
        let path = action.agreed.as_ref().unwrap_or(&action.path);
        let local = rows::local_item(path, Kind::File, &marks);
        let row = rows::transferred(&local, item, hashes, written_ns);
        Ok(vec![Op::Put(Box::new(row))])
    }

    /// Keeps a part that a later pass can go on with, else removes it.
    fn give_up_part(&self, part: &Spot, error: &Error) {
        let may_go_on = matches!(error.kind(), ErrorKind::Stopped | ErrorKind::Temporary);
        let size = match self.exec.disk.look_spot(part) {
            Ok(Some(marks)) => marks.size,
            Ok(None) | Err(_) => 0,
        };
        if !(may_go_on && size >= WORTH_KEEPING)
            && let Err(error) = self.exec.disk.unlink(part)
        {
            log::warn!("{}", error.chain());
        }
    }

    /// Fetches a content into a temp file, going on where an earlier try broke off, and verifies it.
    fn fetch_to(
        &self,
        number: usize,
        item: &RemoteItem,
        token: Option<Token>,
        part: &Spot,
    ) -> Result<(File, Digests)> {
        let mut file = self.exec.disk.write(part)?;
        let Some(mut token) = token else {
            Self::cut(&file, item)?;
            return Ok((file, Hashes::new(self.exec.settings.checksum).finish()));
        };
        // What an earlier pass left may have holes if the power went since: only a signature can vouch for it.
        if token.signature.is_none() {
            Self::cut(&file, item)?;
        }
        let mut goes_on = disk::look_open(&file, item.path.as_str())?.size > 0;
        let mut may_begin_again = true;
        loop {
            let digests = self
                .fetch_all(number, item, &mut token, &mut file)?
                .finish();
            let is_damaged = match token.signature {
                Some(theirs) if theirs == digests.0 => {
                    self.exec.calibration.prove();
                    false
                }
                // Not proven for this account, the form may be another: the length has to do.
                Some(_) => goes_on || self.exec.calibration.is_proven(),
                None => goes_on,
            };
            if !is_damaged {
                return Ok((file, digests));
            }
            if !std::mem::take(&mut goes_on) && !std::mem::take(&mut may_begin_again) {
                let text = format!(
                    "\"{}\" arrived damaged twice: its signature is not the service's",
                    item.path
                );
                return Err(Error::new(ErrorKind::Integrity, text));
            }
            Self::cut(&file, item)?;
        }
    }

    fn cut(file: &File, item: &RemoteItem) -> Result<()> {
        crash::step();
        file.set_len(0)
            .map_err(|error| Error::io(format!("cannot write \"{}\"", item.path), error))
    }

    /// Fetches until the file is whole.
    fn fetch_all(
        &self,
        number: usize,
        item: &RemoteItem,
        token: &mut Token,
        file: &mut File,
    ) -> Result<Hashes> {
        let mut hashes = Hashes::new(self.exec.settings.checksum);
        let mut have = self.hash_part(file, item, &mut hashes)?;
        let mut tries = 0;
        let mut renewed = false;
        while have < item.size {
            if have > 0 || tries > 0 {
                self.exec.reporter.event(&Event::Restarted {
                    number,
                    bytes: have,
                });
            }
            let before = have;
            match self.fetch_some(number, item, token, file, &mut hashes, &mut have) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Refused && (!renewed || have > before) => {
                    // The address has expired; a new one is good for the rest.
                    renewed = true;
                    *token = self.fresh_token(item)?;
                    if token.is_package {
                        return Err(changed(&item.path, "it is a package by now"));
                    }
                }
                Err(error) if error.kind() != ErrorKind::Temporary => return Err(error),
                Err(error) => {
                    tries = if have > before { 1 } else { tries + 1 };
                    if tries >= TRIES {
                        return Err(error);
                    }
                    let pause = Duration::from_millis(250) * 2_u32.pow(tries);
                    self.exec.stop.wait(pause)?;
                }
            }
        }
        Ok(hashes)
    }

    /// Hashes what an earlier pass has fetched, and stands behind it.
    fn hash_part(&self, file: &mut File, item: &RemoteItem, hashes: &mut Hashes) -> Result<u64> {
        let fail = |error| {
            Error::io(
                format!("cannot read what there is of \"{}\"", item.path),
                error,
            )
        };
        let length = file.metadata().map_err(fail)?.len();
        if length == 0 || length > item.size {
            Self::cut(file, item)?;
            file.seek(SeekFrom::Start(0)).map_err(fail)?;
            return Ok(0);
        }
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let mut buffer = vec![0; BUFFER];
        let mut have = 0;
        loop {
            self.exec.stop.check()?;
            let count = file.read(&mut buffer).map_err(fail)?;
            if count == 0 {
                return Ok(have);
            }
            hashes.update(&buffer[..count]);
            have += count as u64;
        }
    }

    /// Fetches from `have` on until the content ends or breaks off.
    fn fetch_some(
        &self,
        number: usize,
        item: &RemoteItem,
        token: &Token,
        file: &mut File,
        hashes: &mut Hashes,
        have: &mut u64,
    ) -> Result<()> {
        let fail = |error| Error::io(format!("cannot write \"{}\"", item.path), error);
        let mut content = self.exec.remote.fetch(token, *have)?;
        if content.offset != *have {
            // The service sent all of it instead of the rest.
            Self::cut(file, item)?;
            file.seek(SeekFrom::Start(0)).map_err(fail)?;
            *hashes = Hashes::new(self.exec.settings.checksum);
            *have = 0;
            self.exec
                .reporter
                .event(&Event::Restarted { number, bytes: 0 });
            if content.offset != 0 {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    format!(
                        "the service sent another part of \"{}\" than was asked for",
                        item.path
                    ),
                ));
            }
        }
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = content.body.read(&mut buffer).map_err(|error| {
                Error::new(ErrorKind::Temporary, format!("\"{}\" broke off", item.path))
                    .with_source(error)
            })?;
            if count == 0 {
                break;
            }
            if *have + count as u64 > item.size {
                let text = format!("\"{}\" is longer than its listing says", item.path);
                return Err(Error::new(ErrorKind::Integrity, text));
            }
            self.throttle.take(count, self.exec.stop)?;
            crash::step_in(file, &buffer[..count]);
            file.write_all(&buffer[..count]).map_err(fail)?;
            hashes.update(&buffer[..count]);
            *have += count as u64;
            self.received.fetch_add(count as u64, Ordering::Relaxed);
            self.exec.reporter.event(&Event::Moved {
                number,
                bytes: count as u64,
            });
        }
        if *have < item.size {
            let text = format!(
                "\"{}\" ended after {have} of {} bytes",
                item.path, item.size
            );
            return Err(Error::new(ErrorKind::Temporary, text));
        }
        Ok(())
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
        if let Some(old) = old.filter(|old| old.kind == Some(Kind::File)) {
            use std::os::unix::fs::PermissionsExt;
            crash::step();
            file.set_permissions(std::fs::Permissions::from_mode(old.mode & 0o777))
                .map_err(|error| {
                    Error::io(format!("cannot set the mode of \"{}\"", item.path), error)
                })?;
        }
        if let Some(ms) = item.modified_ms {
            disk::set_mtime(file, ms, item.path.as_str())?;
        }
        crash::step();
        file.sync_all()
            .map_err(|error| Error::io(format!("cannot write \"{}\"", item.path), error))?;
        if self.exec.settings.verify_download {
            self.verify_on_disk(file, item, &hashes.0)?;
        }
        let marks = disk::look_open(file, item.path.as_str())?;
        let written_ns = rows::now_ns();
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
        let token = if item.size == 0 {
            None
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
                disk.unlink(&part)?;
                return Err(error);
            }
        };
        if let Some(ms) = item.modified_ms {
            disk::set_mtime(&file, ms, item.path.as_str())?;
        }
        file.sync_all()
            .map_err(|error| Error::io(format!("cannot write \"{}\"", item.path), error))?;
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
        let mut from = disk.read(spot)?;
        let mut copy = disk.write(&kept)?;
        let fail = |error| Error::io(format!("cannot copy \"{path}\" into the trash"), error);
        std::io::copy(&mut from, &mut copy).map_err(fail)?;
        copy.sync_all().map_err(fail)?;
        disk.touch_spot(&kept);
    }
    // The old content must be there before its name is gone, and must be what stands there.
    disk.settle()?;
    if disk.look_spot(spot)? != Some(*old) {
        return Err(changed(path, "it has changed meanwhile"));
    }
    disk.replace_spot(part, spot)?;
    Ok(at)
}
