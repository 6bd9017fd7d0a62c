//! Takes back what a pass did on this machine.

use std::path::Path;

use super::Undo;
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    exec::{
        disk::{Marks, Spot, changed},
        download, own, seal,
    },
    state::{trash, undo::Deed},
    tree::{Kind, RelPath},
};

fn identity(marks: &Marks) -> (u64, i64) {
    (marks.inode, marks.birth_ns)
}

impl Undo<'_> {
    /// Takes local deeds back; a result for each.
    pub(super) fn local(&mut self, deeds: &[&Deed]) -> Vec<Result<()>> {
        let mut results: Vec<Result<()>> = Vec::with_capacity(deeds.len());
        for deed in deeds {
            let checked = self.check_local(deed);
            if checked.is_ok() && self.journal.is_none() {
                self.would(deed);
            }
            results.push(checked);
        }
        if self.journal.is_none() {
            return results;
        }
        let ready: Vec<usize> = (0..deeds.len()).filter(|at| results[*at].is_ok()).collect();
        let about: Vec<&Deed> = ready.iter().map(|at| deeds[*at]).collect();
        if let Err(error) = self.forget(&about) {
            for at in ready {
                results[at] = Err(error.clone());
            }
            return results;
        }
        for at in ready {
            results[at] = if self.fatal.is_some() || self.stop.is_set() {
                Err(Error::new(ErrorKind::Stopped, "not begun"))
            } else {
                self.act_locally(deeds[at])
            };
        }
        results
    }

    /// Looks at a path, as it would be by now.
    fn look(&self, path: &RelPath) -> Result<Option<Marks>> {
        let (real, is_elsewhere) = self.view.real(path);
        if self.view.is_free(&self.disk.full_path(&real), is_elsewhere) {
            return Ok(None);
        }
        self.disk.look(&real)
    }

    fn expect_seal(&self, path: &RelPath, kind: Kind, wanted: &str) -> Result<()> {
        let marks = self
            .look(path)?
            .ok_or_else(|| changed(path, "it is gone since"))?;
        let is_folder = matches!(kind, Kind::Folder | Kind::Package);
        let has_kind = marks.kind == Some(if is_folder { Kind::Folder } else { Kind::File });
        let skips = |full: &Path| self.view.is_free(full, false);
        let real = self.view.real(path).0;
        if has_kind && seal::local(self.disk, &real, &marks, &skips)? == wanted {
            return Ok(());
        }
        Err(changed(path, "it has changed since"))
    }

    fn expect_free(&self, path: &RelPath) -> Result<()> {
        if self.look(path)?.is_some() {
            return Err(changed(path, "something else stands there"));
        }
        match path.parent() {
            Some(folder) if !self.view.made.contains(&folder) && self.look(&folder)?.is_none() => {
                Err(changed(path, "its folder is gone"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn expect_kept(&self, path: &RelPath, kept: &str) -> Result<RelPath> {
        let place = trash::kept_path(kept)?;
        match self.disk.look(&place)? {
            Some(_) => Ok(place),
            None => Err(changed(path, "it is not in the local trash any more")),
        }
    }

    fn expect_inode(&self, path: &RelPath, inode: (u64, i64)) -> Result<()> {
        match self.look(path)? {
            Some(marks) if identity(&marks) == inode => Ok(()),
            Some(_) => Err(changed(path, "something else stands there")),
            None => Err(changed(path, "it is gone since")),
        }
    }

    fn check_local(&self, deed: &Deed) -> Result<()> {
        match deed {
            Deed::LocalAppeared {
                path,
                kind,
                seal,
                kept,
                ..
            } => {
                if let Some(kept) = kept {
                    self.expect_kept(path, kept)?;
                }
                self.expect_seal(path, *kind, seal)
            }
            Deed::LocalVanished { path, kept, .. } => {
                if let Some(kept) = kept {
                    self.expect_kept(path, kept)?;
                }
                self.expect_free(path)
            }
            Deed::LocalMoved { from, to, inode } => {
                self.expect_inode(to, *inode)?;
                // A change of case alone may show the item itself under its old name.
                match self.look(from)? {
                    Some(marks) if identity(&marks) == *inode => Ok(()),
                    Some(_) | None => self.expect_free(from),
                }
            }
            Deed::LocalSwapped { one, other, inodes } => {
                self.expect_inode(one, inodes.0)?;
                self.expect_inode(other, inodes.1)
            }
            Deed::RemoteAppeared { .. }
            | Deed::RemoteUpdated { .. }
            | Deed::RemoteVanished { .. }
            | Deed::RemoteMoved { .. } => Ok(()),
        }
    }

    /// Notes what a dry run would do.
    fn would(&mut self, deed: &Deed) {
        match deed {
            Deed::LocalAppeared {
                path, kept: None, ..
            } => {
                let real = self.view.real(path).0;
                self.view.trash(self.disk.full_path(&real));
            }
            Deed::LocalAppeared {
                path,
                kept: Some(kept),
                ..
            }
            | Deed::LocalVanished {
                path,
                kept: Some(kept),
                ..
            } => {
                if let Ok(place) = trash::kept_path(kept) {
                    let full = self.disk.full_path(&place);
                    self.view.relocate(place, path.clone(), full);
                }
            }
            Deed::LocalMoved { from, to, .. } => {
                let full = self.disk.full_path(&self.view.real(to).0);
                self.view.relocate(to.clone(), from.clone(), full);
            }
            Deed::LocalSwapped { one, other, .. } => {
                self.view.swap(one.clone(), other.clone());
            }
            Deed::LocalVanished {
                path, kept: None, ..
            } => {
                self.view.made.insert(path.clone());
            }
            Deed::RemoteAppeared { .. }
            | Deed::RemoteUpdated { .. }
            | Deed::RemoteVanished { .. }
            | Deed::RemoteMoved { .. } => {}
        }
    }

    /// Takes a checked deed back, and writes down what that did.
    fn act_locally(&mut self, deed: &Deed) -> Result<()> {
        let disk = self.disk;
        match deed {
            Deed::LocalAppeared {
                path,
                kind,
                kept: None,
                ..
            } => {
                let spot = disk.spot(path)?;
                let kept = if super::was_made_empty(deed) {
                    self.remove_folder(path, &spot)?;
                    None
                } else {
                    let (place, at) = self.trash.place(disk, path)?;
                    disk.rename_spots(&spot, &place)?;
                    self.has_trash = true;
                    Some(at)
                };
                self.did(&Deed::LocalVanished {
                    path: path.clone(),
                    kind: *kind,
                    kept,
                });
            }
            Deed::LocalAppeared {
                path,
                kind,
                kept: Some(kept),
                row,
                ..
            } => {
                let old = disk.spot(&self.expect_kept(path, kept)?)?;
                let spot = disk.spot(path)?;
                let marks =
                    (disk.look_spot(&spot)?).ok_or_else(|| changed(path, "it is gone since"))?;
                let newer = download::replace(disk, self.trash, path, &old, &spot, &marks)?;
                self.has_trash = true;
                self.is_back(path, *kind, Some(newer), row.clone())?;
            }
            Deed::LocalVanished {
                path,
                kind,
                kept: Some(kept),
            } => {
                let old = disk.spot(&self.expect_kept(path, kept)?)?;
                disk.rename_spots(&old, &disk.spot(path)?)?;
                self.is_back(path, *kind, None, None)?;
            }
            Deed::LocalVanished {
                path,
                kind,
                kept: None,
            } => {
                disk.make_folder(path)?;
                self.is_back(path, *kind, None, None)?;
            }
            Deed::LocalMoved { from, to, inode } => {
                disk.rename(to, from)?;
                self.did(&Deed::LocalMoved {
                    from: to.clone(),
                    to: from.clone(),
                    inode: *inode,
                });
            }
            Deed::LocalSwapped { one, other, inodes } => {
                disk.exchange_spots(&disk.spot(one)?, &disk.spot(other)?)?;
                self.did(&Deed::LocalSwapped {
                    one: one.clone(),
                    other: other.clone(),
                    inodes: (inodes.1, inodes.0),
                });
            }
            Deed::RemoteAppeared { .. }
            | Deed::RemoteUpdated { .. }
            | Deed::RemoteVanished { .. }
            | Deed::RemoteMoved { .. } => {}
        }
        Ok(())
    }

    /// Removes a folder that holds nothing, but for what a killed pass left unfinished in it.
    fn remove_folder(&self, path: &RelPath, spot: &Spot) -> Result<()> {
        own::remove_leftovers(spot)?;
        if self.disk.remove_empty(spot)? {
            return Ok(());
        }
        Err(changed(path, "it holds something new"))
    }

    /// Writes down what stands at a path again.
    fn is_back(
        &mut self,
        path: &RelPath,
        kind: Kind,
        kept: Option<String>,
        row: Option<RelPath>,
    ) -> Result<()> {
        let marks = (self.disk.look(path)?).ok_or_else(|| changed(path, "it is gone at once"))?;
        // What comes back may be a package where a file is now, and the other way round.
        let kind = match (marks.kind, kind) {
            (Some(Kind::Folder), Kind::File) => Kind::Package,
            (Some(Kind::File), _) => Kind::File,
            (_, kind) => kind,
        };
        let seal = seal::local(self.disk, path, &marks, &|_| false)?;
        self.did(&Deed::LocalAppeared {
            path: path.clone(),
            kind,
            seal,
            kept,
            row,
        });
        Ok(())
    }
}
