//! Packages: they come as a zip and are folders locally.

use std::{
    fs::{self, File},
    io::{BufReader, Read, Seek, SeekFrom, Write},
    path::{Component, Path, PathBuf},
    sync::atomic::Ordering,
};

use super::{
    Run,
    disk::{Spot, changed},
    rows,
};
use crate::{
    cloud::Token,
    error::{Error, Kind as ErrorKind, Result},
    plan::{Action, Side},
    report::Event,
    scan::{
        filter::{OWN_PREFIX, PART_SUFFIX},
        local::extent_of_package,
    },
    state::{self, journal::Op},
    tree::{Kind, LocalItem, RemoteItem, Row, local_name},
};

/// More than this is no package but an attack: 100 times what came over the wire, and at least 1 GiB. Of what comes over
/// the wire the same is asked against the size in the listing, which is that of neither, but not far from them.
fn most(size: u64) -> u64 {
    size.saturating_mul(100).max(1 << 30)
}

fn odd(item: &RemoteItem, why: &str) -> Error {
    let text = format!("the package \"{}\" can't be unpacked: {why}", item.path);
    Error::new(ErrorKind::Integrity, text)
}

impl Run<'_> {
    pub(super) fn download_package(
        &self,
        number: usize,
        action: &Action,
        item: &RemoteItem,
        token: &Token,
        spot: &Spot,
    ) -> Result<Vec<Op>> {
        let disk = self.exec.disk;
        let version = state::hash(&[&item.id.file_drivewsid(), item.etag.as_str()]);
        let name = format!("{OWN_PREFIX}{version}.package{PART_SUFFIX}");
        let part = spot.beside(&name)?;
        let folder = part.path();
        let packed = self.nameless(&part, &format!("{version}.zip"))?;
        let result = self
            .unpack_to(number, action, item, token, packed, &folder)
            .and_then(|()| {
                disk.touch_spot(&part);
                disk.settle()?;
                // Nobody else knows it yet: what happens to it later is a change.
                let extent = extent_of_package(&folder).map_err(|error| {
                    Error::io(format!("cannot look into \"{}\"", action.path), error)
                })?;
                let marks = disk
                    .look_spot(&part)?
                    .ok_or_else(|| changed(&action.path, "it is gone at once"))?;
                let kept = match self.expect_local(action, spot)? {
                    None => disk.rename_spots(&part, spot).map(|()| None)?,
                    Some(old) => Some(self.replace(&action.path, &part, spot, &old)?),
                };
                self.appeared(action, Kind::Package, &marks, kept)?;
                Ok((marks, extent))
            });
        let (marks, (size, mtime_ns)) = match result {
            Ok(done) => done,
            Err(error) => {
                match fs::remove_dir_all(&folder) {
                    Ok(()) => {}
                    Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => {}
                    Err(left) => log::warn!("cannot remove {}: {left}", folder.display()),
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

    /// Opens a file on LOCAL's file system that is gone when it is closed.
    fn nameless(&self, part: &Spot, name: &str) -> Result<File> {
        let spot = part.beside(&format!("{OWN_PREFIX}{name}{PART_SUFFIX}"))?;
        self.exec.disk.unlink(&spot)?;
        let file = self.exec.disk.write(&spot)?;
        self.exec.disk.unlink(&spot)?;
        Ok(file)
    }

    fn nameless_beside(&self, action: &Action, item: &RemoteItem) -> Result<File> {
        let version = state::hash(&[&item.id.file_drivewsid(), item.etag.as_str()]);
        self.nameless(
            &self.exec.disk.spot(&action.path)?,
            &format!("{version}.plain"),
        )
    }

    /// Fetches a package and unpacks it into a folder that is made for it.
    fn unpack_to(
        &self,
        number: usize,
        action: &Action,
        item: &RemoteItem,
        token: &Token,
        mut packed: File,
        folder: &Path,
    ) -> Result<()> {
        let fail = |error| Error::io(format!("cannot unpack \"{}\"", action.path), error);
        let content = self.exec.remote.fetch(token, 0)?;
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
            if have + count as u64 > most(item.size) {
                return Err(odd(item, "there is no end to it"));
            }
            self.throttle.take(count, self.exec.stop)?;
            packed.write_all(&buffer[..count]).map_err(fail)?;
            have += count as u64;
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
        if fs::symlink_metadata(folder).is_ok() {
            fs::remove_dir_all(folder).map_err(fail)?;
        }
        fs::create_dir(folder).map_err(fail)?;
        let most = most(have);
        let packed = gunzipped(packed, most, item, || self.nameless_beside(action, item))?;
        unzip(packed, most, folder, item)
    }
}

/// Takes off the gzip that some answers have around the zip (protocol page 9.5); of more than `most` bytes the rest is
/// left out.
fn gunzipped(
    mut packed: File,
    most: u64,
    item: &RemoteItem,
    make: impl FnOnce() -> Result<File>,
) -> Result<File> {
    let fail = |error| Error::io(format!("cannot unpack \"{}\"", item.path), error);
    let mut magic = [0; 2];
    packed.seek(SeekFrom::Start(0)).map_err(fail)?;
    let count = packed.read(&mut magic).map_err(fail)?;
    packed.seek(SeekFrom::Start(0)).map_err(fail)?;
    if count < 2 || magic != [0x1f, 0x8b] {
        return Ok(packed);
    }
    let mut plain = make()?;
    let mut limited = flate2::read::GzDecoder::new(packed).take(most);
    std::io::copy(&mut limited, &mut plain).map_err(|error| odd(item, &error.to_string()))?;
    plain.seek(SeekFrom::Start(0)).map_err(fail)?;
    Ok(plain)
}

/// Unpacks at most `most` bytes below `folder`, without the one top folder that the zip has. Nothing in it can leave
/// `folder`.
fn unzip(packed: File, most: u64, folder: &Path, item: &RemoteItem) -> Result<()> {
    let fail = |error| Error::io(format!("cannot unpack \"{}\"", item.path), error);
    let mut zip = zip::ZipArchive::new(BufReader::new(packed))
        .map_err(|error| odd(item, &error.to_string()))?;
    let mut left = most;
    for at in 0..zip.len() {
        let mut entry = zip
            .by_index(at)
            .map_err(|error| odd(item, &error.to_string()))?;
        let name = entry
            .name()
            .map_err(|error| odd(item, &error.to_string()))?
            .into_owned();
        let below = below_top(&name).map_err(|why| odd(item, &why))?;
        let is_link = entry
            .unix_mode()
            .is_some_and(|mode| mode & 0o170_000 == 0o120_000);
        if is_link {
            return Err(odd(item, &format!("{name:?} is a link")));
        }
        let Some(below) = below else { continue };
        let target = folder.join(below);
        if entry.is_dir() {
            fs::create_dir_all(&target).map_err(fail)?;
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(fail)?;
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&target)
            .map_err(fail)?;
        let copied = std::io::copy(&mut (&mut entry).take(left), &mut file)
            .map_err(|error| odd(item, &error.to_string()))?;
        if copied != entry.size() {
            return Err(odd(item, &format!("{name:?} is not as long as it says")));
        }
        left = left.saturating_sub(copied);
    }
    Ok(())
}

/// Returns an entry's path without the top folder, in NFC; `None` for the top folder itself.
fn below_top(name: &str) -> std::result::Result<Option<PathBuf>, String> {
    let path = Path::new(name.trim_end_matches('/'));
    let mut parts = Vec::new();
    for part in path.components() {
        let Component::Normal(part) = part else {
            return Err(format!("{name:?} leaves its folder"));
        };
        let part = part
            .to_str()
            .ok_or_else(|| format!("{name:?} is no text"))?;
        parts.push(local_name(part).map_err(|error| format!("{name:?}: {error}"))?);
    }
    if name.starts_with('/') || parts.is_empty() {
        return Err(format!("{name:?} leaves its folder"));
    }
    parts.remove(0);
    Ok((!parts.is_empty()).then(|| parts.iter().collect()))
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_never_leaves_its_folder() {
        for bad in ["/a/b", "a/../../b", "../a", "", "/"] {
            assert!(below_top(bad).is_err(), "{bad:?}");
        }
        assert_eq!(below_top("Doc.pages/").unwrap(), None);
        assert_eq!(
            below_top("Doc.pages/Data/x.jpg").unwrap(),
            Some("Data/x.jpg".into())
        );
        assert_eq!(
            below_top("D/Cafe\u{301}").unwrap(),
            Some("Caf\u{e9}".into())
        );
    }
}
