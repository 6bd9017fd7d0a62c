//! Another device of an account: edits the Drive as an iPhone or a Mac would, past the web interface.
//!
//! Handed out by `Emulator::drive`. Paths are `/`-joined from the root of the Drive; where a name must be taken exactly as it is (with a slash,
//! empty, `..`), a slice of names does. Edits happen at once, under the world's lock, and move etags as the service does.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::body::Bytes;

use super::blob::Blob;
use super::drive::{self, No, ROOT, Refused, Written};
use super::entry::{Entry, Place, TrashEntry};
use super::package;
use super::server::Shared;
use super::world::World;

/// The hand on one account's Drive.
#[derive(Clone)]
pub struct Drive {
    shared: Arc<Shared>,
    email: String,
}

impl std::fmt::Debug for Drive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drive")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

fn failed(refused: Refused) -> io::Error {
    match refused {
        Refused::Missing => io::Error::new(io::ErrorKind::NotFound, "no such item"),
        Refused::Taken => io::Error::new(io::ErrorKind::AlreadyExists, "the name is taken"),
        Refused::CrossZone => io::Error::new(io::ErrorKind::CrossesDevices, "another zone"),
        Refused::Impossible => io::Error::new(io::ErrorKind::InvalidInput, "not possible"),
    }
}

fn missing() -> io::Error {
    failed(Refused::Missing)
}

impl Drive {
    pub(super) fn new(shared: Arc<Shared>, email: &str) -> Self {
        Self {
            shared,
            email: email.trim().to_lowercase(),
        }
    }

    /// Runs `work` on the Drive, with the world's lock held.
    fn with<T>(&self, work: impl FnOnce(&mut drive::Drive) -> io::Result<T>) -> io::Result<T> {
        let mut world = self.shared.world();
        world.dirty = true;
        work(self.drive_of(&mut world)?)
    }

    /// The same for what changes nothing that is kept.
    fn look<T>(&self, work: impl FnOnce(&mut drive::Drive) -> io::Result<T>) -> io::Result<T> {
        work(self.drive_of(&mut self.shared.world())?)
    }

    fn drive_of<'a>(&self, world: &'a mut World) -> io::Result<&'a mut drive::Drive> {
        world
            .drive(&self.email)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such account"))
    }

    /// Writes a file: makes it, with its folders, or replaces its content in place. The time is now.
    ///
    /// # Errors
    ///
    /// When the place is a folder, or the content cannot be kept.
    pub fn write(&self, place: impl Place, content: impl Into<Bytes>) -> io::Result<()> {
        self.put(&place.steps(), content.into(), None, false)
    }

    /// The same with a modification time in seconds since 1970 UTC.
    ///
    /// # Errors
    ///
    /// As [`Drive::write`].
    pub fn write_with_mtime(
        &self,
        place: impl Place,
        content: impl Into<Bytes>,
        mtime: i64,
    ) -> io::Result<()> {
        self.put(&place.steps(), content.into(), Some(mtime), false)
    }

    /// Writes a package of files; their paths are relative to it.
    ///
    /// # Errors
    ///
    /// As [`Drive::write`].
    pub fn mkpackage(&self, place: impl Place, files: &[(&str, &[u8])]) -> io::Result<()> {
        let steps = place.steps();
        let name = steps.last().cloned().unwrap_or_default();
        let zip = package::zip(&name, files)?;
        self.put(&steps, zip.into(), None, true)
    }

    /// Writes a package whose zip is given, however wrong.
    ///
    /// # Errors
    ///
    /// As [`Drive::write`].
    pub fn write_package_zip(&self, place: impl Place, zip: impl Into<Bytes>) -> io::Result<()> {
        self.put(&place.steps(), zip.into(), None, true)
    }

    /// Writes what is in a file, which stays where it is and must not change any more: for contents that memory does not hold.
    ///
    /// # Errors
    ///
    /// As [`Drive::write`], and where the file can't be read.
    pub fn write_file(&self, place: impl Place, file: impl Into<PathBuf>) -> io::Result<()> {
        self.put_blob(&place.steps(), Blob::of_file(file.into())?, None, false)
    }

    /// Sets the size that listings show of a package: it is neither that of its zip nor that of what is in it.
    ///
    /// # Errors
    ///
    /// When there is no such item.
    pub fn list_package_as(&self, place: impl Place, size: u64) -> io::Result<()> {
        self.edit(&place.steps(), |drive, no| {
            drive.list_as(no, size);
            Ok(())
        })
    }

    fn put(
        &self,
        steps: &[String],
        content: Bytes,
        mtime: Option<i64>,
        package: bool,
    ) -> io::Result<()> {
        let contents = self.shared.world().blobs.clone();
        let blob = Blob::keep(content, contents.as_deref())?;
        self.put_blob(steps, blob, mtime, package)
    }

    fn put_blob(
        &self,
        steps: &[String],
        blob: Blob,
        mtime: Option<i64>,
        package: bool,
    ) -> io::Result<()> {
        let (name, folders) = steps.split_last().ok_or_else(missing)?;
        self.with(|drive| {
            let now = drive.rules.now;
            let modified = mtime.unwrap_or(now);
            let written = Written {
                blob,
                modified,
                created: modified,
                package,
                shown: None,
            };
            let parent = folders_down(drive, folders)?;
            match drive.child(parent, name) {
                Some(no) => drive.overwrite(no, written),
                None => drive.create_file(parent, name, None, written).map(drop),
            }
            .map_err(failed)
        })
    }

    /// Makes a second file of exactly the same name, which no client should ever meet and some have.
    ///
    /// # Errors
    ///
    /// When the folder is missing.
    pub fn write_twin(&self, place: impl Place, content: impl Into<Bytes>) -> io::Result<()> {
        let steps = place.steps();
        let (name, folders) = steps.split_last().ok_or_else(missing)?;
        let contents = self.shared.world().blobs.clone();
        let blob = Blob::keep(content.into(), contents.as_deref())?;
        self.with(|drive| {
            let modified = drive.rules.now;
            let written = Written {
                blob,
                modified,
                created: modified,
                package: false,
                shown: None,
            };
            let parent = drive.walk(ROOT, folders).ok_or_else(missing)?;
            drive.create_twin(parent, name, written).map_err(failed)
        })
    }

    /// Makes a folder and those above it; one that is there already is fine.
    ///
    /// # Errors
    ///
    /// When something on the way is no folder.
    pub fn mkdir(&self, place: impl Place) -> io::Result<()> {
        self.with(|drive| folders_down(drive, &place.steps()).map(drop))
    }

    /// Makes an item of a type that no client knows.
    ///
    /// # Errors
    ///
    /// When something on the way is no folder.
    pub fn mkodd(&self, place: impl Place, type_word: &str) -> io::Result<()> {
        let steps = place.steps();
        let (name, folders) = steps.split_last().ok_or_else(missing)?;
        self.with(|drive| {
            let parent = folders_down(drive, folders)?;
            drive
                .create_odd(parent, name, type_word)
                .map(drop)
                .map_err(failed)
        })
    }

    /// Adds the library of an app to the root, with a zone of its own. `docwsid` is `documents` for most, with a suffix such
    /// as `#o2v` for some.
    ///
    /// # Errors
    ///
    /// When name or zone are taken.
    pub fn add_library(&self, name: &str, zone: &str, docwsid: &str) -> io::Result<()> {
        self.with(|drive| {
            drive
                .create_library(name, zone, docwsid)
                .map(drop)
                .map_err(failed)
        })
    }

    /// Adds to the root a folder that somebody else shares, for this account to read and write; what is written below it is shared as well.
    ///
    /// # Errors
    ///
    /// When the name is taken.
    pub fn add_share(&self, name: &str, owner: &str) -> io::Result<()> {
        self.with(|drive| {
            let made = drive.create_share(name, owner, false);
            made.map(drop).map_err(failed)
        })
    }

    /// The same for this account to read only. This hand on the Drive writes to it all the same, as the owner's would.
    ///
    /// # Errors
    ///
    /// As [`Drive::add_share`].
    pub fn add_read_only_share(&self, name: &str, owner: &str) -> io::Result<()> {
        self.with(|drive| {
            let made = drive.create_share(name, owner, true);
            made.map(drop).map_err(failed)
        })
    }

    /// Says whether this account may write to the share that an item is in, as its owner does.
    ///
    /// # Errors
    ///
    /// When there is no such item, or it is in nobody else's share.
    pub fn let_write(&self, place: impl Place, writable: bool) -> io::Result<()> {
        self.edit(&place.steps(), |drive, no| drive.let_write(no, writable))
    }

    /// Shares an own folder or file with somebody else, as its owner.
    ///
    /// # Errors
    ///
    /// When there is no such item, or it is in somebody else's share.
    pub fn lend(&self, place: impl Place) -> io::Result<()> {
        self.edit(&place.steps(), drive::Drive::lend)
    }

    /// Renames within the folder. Returns the name that it got: a taken one is numbered.
    ///
    /// # Errors
    ///
    /// When there is no such item.
    pub fn rename(&self, place: impl Place, name: &str) -> io::Result<String> {
        self.edit(&place.steps(), |drive, no| drive.rename(no, name))
    }

    /// Moves into another folder of the same zone.
    ///
    /// # Errors
    ///
    /// When either is missing, lies in another zone, or the folder lies in the item.
    pub fn move_to(&self, place: impl Place, folder: impl Place) -> io::Result<()> {
        let folder = folder.steps();
        self.edit(&place.steps(), |drive, no| {
            let target = drive.walk(ROOT, &folder).ok_or(Refused::Missing)?;
            drive.relocate(no, target)
        })
    }

    /// Puts an item into the trash: of what is in somebody's share, into the owner's.
    ///
    /// # Errors
    ///
    /// When there is no such item.
    pub fn trash(&self, place: impl Place) -> io::Result<()> {
        self.edit(&place.steps(), drive::Drive::trash_item)
    }

    /// Takes the item of this document id out of the trash, its owner's for what is in a share.
    ///
    /// # Errors
    ///
    /// When it is in neither.
    pub fn put_back(&self, docwsid: &str) -> io::Result<()> {
        self.with(|drive| {
            let found = drive.trash().iter().chain(drive.owners_trash()).copied();
            let found = found
                .into_iter()
                .find(|&no| drive.item(no).is_some_and(|item| item.id == docwsid));
            drive.put_back(found.ok_or_else(missing)?).map_err(failed)
        })
    }

    /// Deletes for good.
    ///
    /// # Errors
    ///
    /// When there is no such item.
    pub fn delete_forever(&self, place: impl Place) -> io::Result<()> {
        self.edit(&place.steps(), drive::Drive::delete)
    }

    /// Opens a file: its etag changes, its content does not.
    ///
    /// # Errors
    ///
    /// When there is no such item.
    pub fn touch(&self, place: impl Place) -> io::Result<()> {
        self.edit(&place.steps(), drive::Drive::open)
    }

    /// Sets the modification time, seconds since 1970 UTC; the content stays.
    ///
    /// # Errors
    ///
    /// When there is no such item.
    pub fn set_mtime(&self, place: impl Place, mtime: i64) -> io::Result<()> {
        self.edit(&place.steps(), |drive, no| drive.set_modified(no, mtime))
    }

    fn edit<T>(
        &self,
        steps: &[String],
        edit: impl FnOnce(&mut drive::Drive, No) -> Result<T, Refused>,
    ) -> io::Result<T> {
        self.with(|drive| {
            let no = drive.walk(ROOT, steps).ok_or_else(missing)?;
            edit(drive, no).map_err(failed)
        })
    }

    /// Reads a file; of a package its zip.
    ///
    /// # Errors
    ///
    /// When there is no such file.
    pub fn read(&self, place: impl Place) -> io::Result<Bytes> {
        let blob = self.look(|drive| {
            let no = drive.walk(ROOT, &place.steps()).ok_or_else(missing)?;
            drive
                .item(no)
                .and_then(|item| item.blob.clone())
                .ok_or_else(missing)
        })?;
        blob.all()
    }

    /// Looks at one item.
    ///
    /// # Errors
    ///
    /// When there is no such item.
    pub fn entry(&self, place: impl Place) -> io::Result<Entry> {
        self.look(|drive| {
            let no = drive.walk(ROOT, &place.steps()).ok_or_else(missing)?;
            Entry::of(drive, no)
        })
    }

    /// Everything outside of the trash, by `/`-joined path.
    ///
    /// # Errors
    ///
    /// When a content cannot be read.
    pub fn tree(&self) -> io::Result<BTreeMap<String, Entry>> {
        Ok(self
            .items()?
            .into_iter()
            .map(|(steps, entry)| (steps.join("/"), entry))
            .collect())
    }

    /// Everything outside of the trash, folders before what is in them, names one by one.
    ///
    /// # Errors
    ///
    /// When a content cannot be read.
    pub fn items(&self) -> io::Result<Vec<(Vec<String>, Entry)>> {
        self.look(|drive| {
            let mut out = Vec::new();
            let mut open = vec![(Vec::new(), ROOT)];
            while let Some((steps, folder)) = open.pop() {
                let Some(item) = drive.item(folder) else {
                    continue;
                };
                for no in item.children() {
                    let Some(child) = drive.item(no) else {
                        continue;
                    };
                    let mut steps: Vec<String> = steps.clone();
                    steps.push(child.name.clone());
                    out.push((steps.clone(), Entry::of(drive, no)?));
                    if child.is_folder() {
                        open.push((steps, no));
                    }
                }
            }
            Ok(out)
        })
    }

    /// Every content that can still be had: of the tree, and of the trash (also those of shares' owners) at any depth.
    ///
    /// # Errors
    ///
    /// When a content cannot be read.
    pub fn contents(&self) -> io::Result<Vec<Bytes>> {
        self.look(|drive| {
            let items = drive.live().filter_map(|(_, item)| item.blob.as_ref());
            items.map(Blob::all).collect()
        })
    }

    /// What is in the trash, oldest first.
    ///
    /// # Errors
    ///
    /// When a content cannot be read.
    pub fn trashed(&self) -> io::Result<Vec<TrashEntry>> {
        self.look(|drive| entries(drive, drive.trash()))
    }

    /// What was deleted in others' shares: it is in the trash of who shares it, not in this account's. Oldest first.
    ///
    /// # Errors
    ///
    /// When a content cannot be read.
    pub fn trashed_at_owners(&self) -> io::Result<Vec<TrashEntry>> {
        self.look(|drive| entries(drive, drive.owners_trash()))
    }
}

fn entries(drive: &drive::Drive, trash: &[No]) -> io::Result<Vec<TrashEntry>> {
    let items = trash.iter().filter_map(|&no| drive.item(no));
    items.map(TrashEntry::of).collect()
}

/// Follows names from the root, making the folders that are missing.
fn folders_down(drive: &mut drive::Drive, steps: &[String]) -> io::Result<No> {
    steps
        .iter()
        .try_fold(ROOT, |at, step| match drive.child(at, step) {
            Some(no) if drive.item(no).is_some_and(drive::Item::is_folder) => Ok(no),
            Some(_) => Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder")),
            None => drive.create_folder(at, step).map_err(failed),
        })
}
