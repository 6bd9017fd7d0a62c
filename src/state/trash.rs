//! The local trash: what a pass replaced or removed on this machine, under LOCAL, until its time is over.
//!
//! `LOCAL/.icloud-sync/trash/PASS/…`, where PASS is when the pass began (`20261122T105612Z`) and the rest is the path
//! that the item had. Being on LOCAL's file system, putting something there is one link or rename.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Kind, Result},
    exec::disk::{Disk, Spot},
    scan::filter::OWN_FOLDER,
    tree::RelPath,
};

const FOLDER: &str = "trash";
const FORM: &str = "%Y%m%dT%H%M%SZ";

/// The trash of one pass.
#[derive(Debug, Clone)]
pub struct Trash {
    pass: String,
}

impl Trash {
    /// Names the trash of a pass that begins now; a pass of the same second gets a number.
    pub fn begin(local: &Path, now: jiff::Timestamp) -> Self {
        let stamp = now.strftime(FORM).to_string();
        let mut pass = stamp.clone();
        let mut number = 2;
        while local.join(OWN_FOLDER).join(FOLDER).join(&pass).exists() {
            pass = format!("{stamp}-{number}");
            number += 1;
        }
        Self { pass }
    }

    /// Returns the pass's name.
    pub fn pass(&self) -> &str {
        &self.pass
    }

    /// Returns where it lies.
    pub fn folder(&self, local: &Path) -> PathBuf {
        local.join(OWN_FOLDER).join(FOLDER).join(&self.pass)
    }

    /// Opens a free place for what was at `path`, making the folders above it.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub fn place(&self, disk: &Disk, path: &RelPath) -> Result<Spot> {
        let top: [&OsStr; 3] = [OWN_FOLDER.as_ref(), FOLDER.as_ref(), self.pass.as_ref()];
        let mut parts = top.to_vec();
        if let Some(folder) = path.parent_str() {
            parts.extend(folder.split('/').map(OsStr::new));
        }
        let folder = match disk.own_folder(&parts, path.as_str()) {
            // A file of this pass lies where a folder is wanted: the path was a file once, and a folder later.
            Err(error) if error.kind() == Kind::Changed => self.folder_beside(disk, path)?,
            other => other?,
        };
        let spot = Spot::new(folder, path.name().as_ref(), path.as_str());
        if disk.look_spot(&spot)?.is_none() {
            return Ok(spot);
        }
        let mut number = 2;
        loop {
            let mut name = OsString::from(path.name());
            name.push(format!(".{number}"));
            let other = spot.beside(&name.to_string_lossy())?;
            if disk.look_spot(&other)?.is_none() {
                return Ok(other);
            }
            number += 1;
        }
    }
}

impl Trash {
    /// Opens the folder for `path`, with numbers behind the parts that something else than a folder has.
    fn folder_beside(&self, disk: &Disk, path: &RelPath) -> Result<OwnedFd> {
        let mut parts: Vec<OsString> =
            vec![OWN_FOLDER.into(), FOLDER.into(), self.pass.as_str().into()];
        let open = |parts: &[OsString]| {
            let parts: Vec<&OsStr> = parts.iter().map(OsString::as_os_str).collect();
            disk.own_folder(&parts, path.as_str())
        };
        let mut folder = open(&parts)?;
        for part in path.parent_str().unwrap_or_default().split('/') {
            let mut number = 1;
            loop {
                parts.push(match number {
                    1 => part.into(),
                    _ => format!("{part}.{number}").into(),
                });
                match open(&parts) {
                    Ok(opened) => {
                        folder = opened;
                        break;
                    }
                    Err(error) if error.kind() == Kind::Changed => drop(parts.pop()),
                    Err(error) => return Err(error),
                }
                number += 1;
            }
        }
        Ok(folder)
    }
}

/// Empties what passes put there more than so many days ago; 0 days: never. Returns how many passes' trash is gone.
///
/// # Errors
/// `Local` where something can't be removed.
pub fn expire(local: &Path, days: u32, now: jiff::Timestamp) -> Result<usize> {
    let folder = local.join(OWN_FOLDER).join(FOLDER);
    if days == 0 {
        return Ok(0);
    }
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => {
            return Err(Error::io(
                format!("cannot read {}", folder.display()),
                error,
            ));
        }
    };
    let mut gone = 0;
    for entry in entries.filter_map(std::result::Result::ok) {
        let name = entry.file_name();
        let is_old = name
            .to_str()
            .and_then(began)
            .is_some_and(|began| now.duration_since(began).as_hours() >= i64::from(days) * 24);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_old && is_folder {
            fs::remove_dir_all(entry.path()).map_err(|error| {
                Error::io(format!("cannot empty {}", entry.path().display()), error)
            })?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// Reads when a pass began from its name.
fn began(pass: &str) -> Option<jiff::Timestamp> {
    let stamp = pass.get(..16)?;
    let time = jiff::civil::DateTime::strptime(FORM, stamp).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{options::Links, tree::Listing};

    #[test]
    fn a_place_is_free_and_keeps_the_path() {
        let local = tempfile::tempdir().unwrap();
        let disk = Disk::open(local.path(), Links::Skip, &Listing::default()).unwrap();
        let now: jiff::Timestamp = "2026-11-22T10:56:12Z".parse().unwrap();
        let trash = Trash::begin(local.path(), now);
        let path = RelPath::parse("a/b.txt").unwrap();
        drop(disk.write(&trash.place(&disk, &path).unwrap()).unwrap());
        drop(disk.write(&trash.place(&disk, &path).unwrap()).unwrap());
        let folder = local.path().join(".icloud-sync/trash/20261122T105612Z/a");
        assert!(folder.join("b.txt").exists() && folder.join("b.txt.2").exists());
        assert_eq!(Trash::begin(local.path(), now).pass(), "20261122T105612Z-2");
    }

    #[test]
    fn what_was_a_file_and_then_a_folder_has_a_place_for_both() {
        let local = tempfile::tempdir().unwrap();
        let disk = Disk::open(local.path(), Links::Skip, &Listing::default()).unwrap();
        let trash = Trash::begin(local.path(), "2026-11-22T10:56:12Z".parse().unwrap());
        for path in ["a/b", "a/b/c", "a/b/d", "a/b/c/e"] {
            let place = trash.place(&disk, &RelPath::parse(path).unwrap()).unwrap();
            drop(disk.write(&place).unwrap());
        }
        let folder = trash.folder(local.path()).join("a");
        for path in ["b", "b.2/c", "b.2/d", "b.2/c.2/e"] {
            assert!(folder.join(path).is_file(), "{path}");
        }
    }

    #[test]
    fn only_what_is_old_enough_goes() {
        let local = tempfile::tempdir().unwrap();
        let trash = local.path().join(".icloud-sync/trash");
        for pass in [
            "20261001T000000Z",
            "20261001T000000Z-2",
            "20261120T000000Z",
            "mine",
        ] {
            fs::create_dir_all(trash.join(pass).join("x")).unwrap();
        }
        let now: jiff::Timestamp = "2026-11-22T10:56:12Z".parse().unwrap();
        assert_eq!(expire(local.path(), 0, now).unwrap(), 0);
        assert_eq!(expire(local.path(), 30, now).unwrap(), 2);
        assert!(trash.join("20261120T000000Z").exists() && trash.join("mine").exists());
    }
}
