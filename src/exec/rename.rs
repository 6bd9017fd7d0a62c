//! Names of LOCAL that change: given, exchanged, replaced, each in one step where the file system can. Nothing is replaced
//! by a plain rename but what a caller has made safe.

use rustix::{
    fs::{AtFlags, RenameFlags},
    io::Errno,
};

use super::disk::{Disk, Spot, io};
use crate::{
    crash,
    error::{Error, Kind as ErrorKind, Result},
};

impl Disk {
    /// Renames one name in an opened folder to another, without replacing anything.
    ///
    /// # Errors
    /// `Changed` where the target is taken; `Local`.
    pub fn rename_spots(&self, from: &Spot, to: &Spot) -> Result<()> {
        let flags = RenameFlags::NOREPLACE;
        crash::step();
        let result =
            rustix::fs::renameat_with(&from.folder, &from.name, &to.folder, &to.name, flags);
        match result {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                let text = format!("\"{}\": the name is taken meanwhile", to.shown);
                return Err(Error::new(ErrorKind::Changed, text));
            }
            Err(Errno::INVAL | Errno::NOSYS) => self.rename_unflagged(from, to)?,
            Err(errno) => return Err(io("rename", &from.shown, errno)),
        }
        self.touch_spot(from);
        self.touch_spot(to);
        Ok(())
    }

    /// Renames without replacing anything on a file system that has no flag for it: a second name is never put over another.
    /// A folder, which has only one name, replaces nothing but an empty folder.
    fn rename_unflagged(&self, from: &Spot, to: &Spot) -> Result<()> {
        let taken = || {
            let text = format!("\"{}\": the name is taken meanwhile", to.shown);
            Error::new(ErrorKind::Changed, text)
        };
        let ends = (&from.folder, &from.name, &to.folder, &to.name);
        match rustix::fs::linkat(ends.0, ends.1, ends.2, ends.3, AtFlags::empty()) {
            Ok(()) => {
                crash::step();
                return rustix::fs::unlinkat(&from.folder, &from.name, AtFlags::empty())
                    .map_err(|errno| io("rename", &from.shown, errno));
            }
            Err(Errno::EXIST) => return Err(taken()),
            Err(errno) => log::debug!("\"{}\" gets no second name: {errno}", from.shown),
        }
        // Without links either (FAT), it is looked at before.
        if self.look_spot(to)?.is_some() {
            return Err(taken());
        }
        rustix::fs::renameat(ends.0, ends.1, ends.2, ends.3)
            .map_err(|errno| io("rename", &from.shown, errno))
    }

    /// Exchanges two names in one step.
    ///
    /// # Errors
    /// `Local` where the file system can't; both are as before then.
    pub fn exchange_spots(&self, one: &Spot, other: &Spot) -> Result<()> {
        let flags = RenameFlags::EXCHANGE;
        crash::step();
        rustix::fs::renameat_with(&one.folder, &one.name, &other.folder, &other.name, flags)
            .map_err(|errno| io("exchange", &one.shown, errno))?;
        self.touch_spot(one);
        self.touch_spot(other);
        Ok(())
    }

    /// Replaces a name by another, which was made for it. The old content must be safe elsewhere.
    ///
    /// # Errors
    /// `Local`.
    pub fn replace_spot(&self, from: &Spot, to: &Spot) -> Result<()> {
        crash::step();
        rustix::fs::renameat(&from.folder, &from.name, &to.folder, &to.name)
            .map_err(|errno| io("replace", &to.shown, errno))?;
        self.touch_spot(to);
        Ok(())
    }

    /// Gives content a second name.
    ///
    /// # Errors
    /// The system's own, for the caller to choose another way.
    pub fn link(&self, from: &Spot, to: &Spot) -> std::io::Result<()> {
        crash::step();
        rustix::fs::linkat(
            &from.folder,
            &from.name,
            &to.folder,
            &to.name,
            AtFlags::empty(),
        )?;
        self.touch_spot(to);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        options::Links,
        tree::{Listing, RelPath},
    };

    #[test]
    fn without_a_flag_for_it_nothing_is_replaced_either() {
        let local = tempfile::tempdir().unwrap();
        let at = |name: &str| local.path().join(name);
        for name in ["part", "taken"] {
            fs::write(at(name), name).unwrap();
        }
        fs::create_dir(at("folder")).unwrap();
        fs::create_dir(at("full")).unwrap();
        fs::write(at("full/dear"), "").unwrap();
        let disk = Disk::open(local.path(), Links::Skip, &Listing::default()).unwrap();
        let spot = |path: &str| disk.spot(&RelPath::parse(path).unwrap()).unwrap();
        for (from, to) in [("part", "taken"), ("part", "full"), ("folder", "full")] {
            let error = disk.rename_unflagged(&spot(from), &spot(to)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "{from} to {to}");
        }
        assert_eq!(fs::read(at("taken")).unwrap(), b"taken");
        disk.rename_unflagged(&spot("part"), &spot("new")).unwrap();
        disk.rename_unflagged(&spot("folder"), &spot("moved"))
            .unwrap();
        assert_eq!(fs::read(at("new")).unwrap(), b"part");
        assert!(at("moved").is_dir() && !at("part").exists() && !at("folder").exists());
    }

    #[test]
    fn a_folder_that_was_moved_away_is_not_written_to() {
        let local = tempfile::tempdir().unwrap();
        let (inside, outside) = (local.path().join("d"), tempfile::tempdir().unwrap());
        fs::create_dir(&inside).unwrap();
        let disk = Disk::open(local.path(), Links::Skip, &Listing::default()).unwrap();
        let path = RelPath::parse("d/new").unwrap();
        let spot = disk.spot(&path).unwrap();
        disk.expect_at(&path, &spot).unwrap();
        fs::rename(&inside, outside.path().join("d")).unwrap();
        assert!(disk.expect_at(&path, &spot).is_err());
        fs::create_dir(&inside).unwrap();
        let error = disk.expect_at(&path, &spot).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed);
    }
}
