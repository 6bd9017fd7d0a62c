//! The local trash: what a pass replaced or removed on this machine, under LOCAL, until its time is over.
//!
//! `LOCAL/.icloud-sync/trash/PASS/…`, where PASS is when the pass began (`20261122T105612Z`) and the rest is the path
//! that the item had. Being on LOCAL's file system, putting something there is one link or rename.

use std::{
    ffi::{OsStr, OsString},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Kind, Result},
    exec::{
        disk::{Disk, Spot},
        own,
    },
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
    /// Names the trash of a pass that begins now; a pass of the same second gets a number. So does one whose name
    /// `is_taken` elsewhere.
    pub fn begin(local: &Path, now: jiff::Timestamp, is_taken: impl Fn(&str) -> bool) -> Self {
        let stamp = now.strftime(FORM).to_string();
        let mut pass = stamp.clone();
        let mut number = 2;
        let folder = local.join(OWN_FOLDER).join(FOLDER);
        while folder.join(&pass).exists() || is_taken(&pass) {
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

    /// Opens a free place for what was at `path`, making the folders above it. Also returns where that is, for
    /// [`kept_path`].
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub fn place(&self, disk: &Disk, path: &RelPath) -> Result<(Spot, String)> {
        let top: [&OsStr; 3] = [OWN_FOLDER.as_ref(), FOLDER.as_ref(), self.pass.as_ref()];
        let mut parts = top.to_vec();
        if let Some(folder) = path.parent_str() {
            parts.extend(folder.split('/').map(OsStr::new));
        }
        let mut at: Vec<OsString> = parts.iter().map(OsString::from).collect();
        let folder = match disk.own_folder(&parts, path.as_str()) {
            // A file of this pass lies where a folder is wanted: the path was a file once, and a folder later.
            Err(error) if error.kind() == Kind::Changed => {
                let (folder, beside) = self.folder_beside(disk, path)?;
                at = beside;
                folder
            }
            other => other?,
        };
        // Without the tool's own folder and that of all trash.
        let at: Vec<_> = at
            .iter()
            .skip(2)
            .map(|part| part.to_string_lossy())
            .collect();
        let kept = |name: &str| format!("{}/{name}", at.join("/"));
        let spot = Spot::new(folder, path.name().as_ref(), path.as_str());
        if disk.look_spot(&spot)?.is_none() {
            return Ok((spot, kept(path.name())));
        }
        let mut number = 2;
        loop {
            let name = format!("{}.{number}", path.name());
            let other = spot.beside(&name)?;
            if disk.look_spot(&other)?.is_none() {
                return Ok((other, kept(&name)));
            }
            number += 1;
        }
    }
}

impl Trash {
    /// Opens the folder for `path`, with numbers behind the parts that something else than a folder has. Also returns all
    /// its parts.
    fn folder_beside(&self, disk: &Disk, path: &RelPath) -> Result<(OwnedFd, Vec<OsString>)> {
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
        Ok((folder, parts))
    }
}

/// Returns where something lies that [`Trash::place`] told of, as a path below LOCAL.
///
/// # Errors
/// `Integrity` where it is none.
pub fn kept_path(kept: &str) -> Result<RelPath> {
    RelPath::parse(&format!("{OWN_FOLDER}/{FOLDER}/{kept}")).map_err(|error| {
        let text = format!("\"{kept}\" is no place in the local trash: {error}");
        Error::new(Kind::Integrity, text)
    })
}

/// Returns the passes that have put something there.
///
/// # Errors
/// `Local`; `Changed` where a link stands in its place.
pub fn passes(local: &Path) -> Result<Vec<String>> {
    let mut passes = Vec::new();
    own::each_spot_in(local, &[OWN_FOLDER, FOLDER], |spot| {
        let name = spot.name().to_str().filter(|name| order(name).is_some());
        passes.extend(name.map(str::to_owned));
        Ok(())
    })?;
    Ok(passes)
}

/// Empties what the passes put there that are old. Returns how many passes' trash is gone.
///
/// # Errors
/// `Local` where something can't be removed; `Changed` where a link stands in its place.
pub fn expire(local: &Path, is_old: impl Fn(&str) -> bool) -> Result<usize> {
    let mut gone = 0;
    own::each_spot_in(local, &[OWN_FOLDER, FOLDER], |spot| {
        let is_old = spot.name().to_str().is_some_and(&is_old);
        if is_old && spot.is_folder() {
            own::remove_all(spot)?;
            gone += 1;
        }
        Ok(())
    })?;
    Ok(gone)
}

/// Returns what orders passes by when they began; `None` for what is no pass's name.
pub fn order(pass: &str) -> Option<(jiff::Timestamp, u32)> {
    let number = match pass.get(16..)? {
        "" => 1,
        rest => rest.strip_prefix('-')?.parse().ok()?,
    };
    Some((began(pass)?, number))
}

/// Reads when a pass began from its name.
pub fn began(pass: &str) -> Option<jiff::Timestamp> {
    let stamp = pass.get(..16)?;
    let time = jiff::civil::DateTime::strptime(FORM, stamp).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{options::Links, tree::Listing};

    #[test]
    fn a_place_is_free_and_keeps_the_path() {
        let local = tempfile::tempdir().unwrap();
        let disk = Disk::open(local.path(), Links::Skip, &Listing::default()).unwrap();
        let now: jiff::Timestamp = "2026-11-22T10:56:12Z".parse().unwrap();
        let trash = Trash::begin(local.path(), now, |_| false);
        let path = RelPath::parse("a/b.txt").unwrap();
        for _ in 0..2 {
            drop(disk.write(&trash.place(&disk, &path).unwrap().0).unwrap());
        }
        let folder = local.path().join(".icloud-sync/trash/20261122T105612Z/a");
        assert!(folder.join("b.txt").exists() && folder.join("b.txt.2").exists());
        let next = |taken: &'static str| Trash::begin(local.path(), now, move |pass| pass == taken);
        assert_eq!(next("").pass(), "20261122T105612Z-2");
        assert_eq!(next("20261122T105612Z-2").pass(), "20261122T105612Z-3");
    }

    #[test]
    fn what_was_a_file_and_then_a_folder_has_a_place_for_both() {
        let local = tempfile::tempdir().unwrap();
        let disk = Disk::open(local.path(), Links::Skip, &Listing::default()).unwrap();
        let trash = Trash::begin(
            local.path(),
            "2026-11-22T10:56:12Z".parse().unwrap(),
            |_| false,
        );
        for path in ["a/b", "a/b/c", "a/b/d", "a/b/c/e"] {
            let path = RelPath::parse(path).unwrap();
            let (place, kept) = trash.place(&disk, &path).unwrap();
            drop(disk.write(&place).unwrap());
            let told = local.path().join(kept_path(&kept).unwrap().as_str());
            assert!(told.is_file(), "{path}: told to be in {}", told.display());
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
        let mut passes = passes(local.path()).unwrap();
        passes.sort();
        assert_eq!(
            passes,
            ["20261001T000000Z", "20261001T000000Z-2", "20261120T000000Z"]
        );
        assert_eq!(expire(local.path(), |_| false).unwrap(), 0);
        assert_eq!(
            expire(local.path(), |pass| pass.starts_with("202610")).unwrap(),
            2
        );
        assert!(trash.join("20261120T000000Z").exists() && trash.join("mine").exists());
    }
}
