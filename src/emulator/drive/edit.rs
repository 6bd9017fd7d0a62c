//! The edits of a Drive, as the service carries them out for any device: create, write, rename, move, trash, put back, delete.
//!
//! Each edit keeps names unique by numbering where the service does so, moves the counters behind the etags, and keeps the sums.
//! Nothing here looks at etags: whether an edit is conditional is the caller's affair.

use crate::emulator::blob::Blob;
use crate::emulator::signature::Signature;
use crate::emulator::switches::SignatureMode;

use super::{Drive, Item, Kind, No, ROOT, Share, TRASH_DAYS, Totals, Trashed, Zone};

/// Why an edit was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::emulator) enum Refused {
    /// No such item or folder.
    Missing,
    /// The name is taken.
    Taken,
    /// Source and target lie in different zones.
    CrossZone,
    /// A folder cannot go into itself, and the root goes nowhere.
    Impossible,
}

/// What a written file is made of.
#[derive(Clone, Debug)]
pub(in crate::emulator) struct Written {
    pub(in crate::emulator) blob: Blob,
    /// Seconds since 1970.
    pub(in crate::emulator) modified: i64,
    pub(in crate::emulator) created: i64,
    pub(in crate::emulator) package: bool,
    /// The signature that clients were told; made by the rules if none.
    pub(in crate::emulator) shown: Option<Signature>,
}

impl Drive {
    /// Makes a folder; `Taken` when the name is there already.
    pub(in crate::emulator) fn create_folder(
        &mut self,
        parent: No,
        name: &str,
    ) -> Result<No, Refused> {
        self.need_folder(parent)?;
        if self.child(parent, name).is_some() {
            return Err(Refused::Taken);
        }
        Ok(self.insert(parent, name, Kind::Folder, None))
    }

    /// Makes a file; the name must be free (see [`Drive::free_name`]).
    pub(in crate::emulator) fn create_file(
        &mut self,
        parent: No,
        name: &str,
        id: Option<String>,
        written: Written,
    ) -> Result<No, Refused> {
        self.need_folder(parent)?;
        if self.child(parent, name).is_some() {
            return Err(Refused::Taken);
        }
        Ok(self.put_file(parent, name, id, written))
    }

    /// Makes a file whether the name is taken or not.
    pub(in crate::emulator) fn create_twin(
        &mut self,
        parent: No,
        name: &str,
        written: Written,
    ) -> Result<(), Refused> {
        self.need_folder(parent)?;
        self.put_file(parent, name, None, written);
        Ok(())
    }

    fn put_file(&mut self, parent: No, name: &str, id: Option<String>, written: Written) -> No {
        let no = self.insert(parent, name, Kind::File, id);
        self.fill(no, written);
        let sums = self.item(no).map(Item::sums).unwrap_or_default();
        self.adjust(no, sums, true, true);
        self.mark(no, true);
        self.spread(no, true, true);
        no
    }

    /// Makes an item of a type that no client knows.
    pub(in crate::emulator) fn create_odd(
        &mut self,
        parent: No,
        name: &str,
        word: &str,
    ) -> Result<No, Refused> {
        self.need_folder(parent)?;
        Ok(self.insert(parent, name, Kind::Other(word.to_owned()), None))
    }

    /// Makes an app library with a zone of its own below the root.
    pub(in crate::emulator) fn create_library(
        &mut self,
        name: &str,
        zone: &str,
        id: &str,
    ) -> Result<No, Refused> {
        if self.zone(zone).is_some() || self.child(ROOT, name).is_some() {
            return Err(Refused::Taken);
        }
        let number = self.zones.len();
        self.zones.push(Zone {
            name: zone.to_owned(),
            counter: 93,
            root: self.items.len(),
        });
        let no = self.add(Kind::Library, id.to_owned(), number, name.to_owned(), None);
        self.link(no, ROOT);
        Ok(no)
    }

    /// Gives a file new content; ids stay, nothing goes to the trash.
    pub(in crate::emulator) fn overwrite(
        &mut self,
        no: No,
        written: Written,
    ) -> Result<(), Refused> {
        let before = self
            .item(no)
            .filter(|item| item.is_file())
            .ok_or(Refused::Missing)?
            .sums();
        let created = self.item(no).map_or(0, |item| item.created);
        self.fill(no, Written { created, ..written });
        let after = self.item(no).map(Item::sums).unwrap_or_default();
        self.adjust(no, before, false, true);
        self.adjust(no, after, true, true);
        self.mark(no, true);
        self.spread(no, before != after, false);
        Ok(())
    }

    /// Sets the modification time alone, as a device does that keeps times.
    pub(in crate::emulator) fn set_modified(
        &mut self,
        no: No,
        modified: i64,
    ) -> Result<(), Refused> {
        self.item_mut(no).ok_or(Refused::Missing)?.modified = modified;
        self.mark(no, false);
        self.spread(no, false, false);
        Ok(())
    }

    /// Opens a file on a device: the etag changes, the content does not. Folders above do not hear of it, as recorded.
    pub(in crate::emulator) fn open(&mut self, no: No) -> Result<(), Refused> {
        let now = self.rules.now;
        self.item_mut(no).ok_or(Refused::Missing)?.opened = Some(now);
        self.mark(no, false);
        Ok(())
    }

    /// Renames; a taken name becomes a numbered one. Returns the name that it got.
    pub(in crate::emulator) fn rename(&mut self, no: No, name: &str) -> Result<String, Refused> {
        let parent = self
            .item(no)
            .ok_or(Refused::Missing)?
            .parent
            .ok_or(Refused::Impossible)?;
        let name = self.free_name(parent, name, Some(no));
        self.unlink(no);
        if let Some(item) = self.item_mut(no) {
            item.name.clone_from(&name);
        }
        self.link(no, parent);
        self.mark(no, false);
        self.spread(no, false, false);
        Ok(name)
    }

    /// Moves within a zone; a taken name becomes a numbered one.
    pub(in crate::emulator) fn relocate(&mut self, no: No, target: No) -> Result<(), Refused> {
        self.need_folder(target)?;
        let item = self.item(no).ok_or(Refused::Missing)?;
        let (zone, name, sums) = (item.zone, item.name.clone(), item.sums());
        if item.parent.is_none() || item.kind == Kind::Library {
            return Err(Refused::Impossible);
        }
        if self.item(target).map(|folder| folder.zone) != Some(zone) {
            return Err(Refused::CrossZone);
        }
        if no == target || self.above(target).contains(&no) || !self.shares_allow(no, target) {
            return Err(Refused::Impossible);
        }
        self.adjust(no, sums, false, true);
        self.spread(no, true, true);
        self.unlink(no);
        let name = self.free_name(target, &name, None);
        if let Some(item) = self.item_mut(no) {
            item.name = name;
        }
        self.enter_share(no, target);
        self.link(no, target);
        self.adjust(no, sums, true, true);
        self.mark(no, false);
        self.spread(no, true, true);
        Ok(())
    }

    /// Puts an item, with all below it, into the trash: of what is in somebody's share, into the owner's.
    pub(in crate::emulator) fn trash_item(&mut self, no: No) -> Result<(), Refused> {
        let item = self.item(no).ok_or(Refused::Missing)?;
        let (Some(parent), Kind::File | Kind::Folder | Kind::Other(_)) = (item.parent, &item.kind)
        else {
            return Err(Refused::Impossible);
        };
        let (sums, to_owner) = (item.sums(), item.is_in_share());
        let path = self.steps(no).join("/");
        self.adjust(no, sums, false, to_owner);
        self.spread(no, true, true);
        self.unlink(no);
        let expires = self.rules.now + TRASH_DAYS * 86_400;
        if let Some(item) = self.item_mut(no) {
            item.trashed = Some(Trashed {
                parent,
                path,
                expires,
            });
        }
        if to_owner {
            self.owners_trash.push(no);
        } else {
            self.trash.push(no);
        }
        self.mark(no, false);
        Ok(())
    }

    /// Takes an item out of the trash: to its old place, or to the root (of its share, if it is in one) if that is gone.
    pub(in crate::emulator) fn put_back(&mut self, no: No) -> Result<(), Refused> {
        let item = self.item(no).ok_or(Refused::Missing)?;
        let trashed = item.trashed.as_ref().ok_or(Refused::Impossible)?;
        let (sums, zone, name) = (item.sums(), item.zone, item.name.clone());
        let (old, from_owner) = (trashed.parent, item.is_in_share());
        let top = item.share.as_ref().filter(|_| from_owner).map(|share| {
            self.share_top(&share.owner, &share.record)
                .ok_or(Refused::Missing)
        });
        let top = top.transpose()?;
        let good = |no: No| {
            self.item(no)
                .is_some_and(|f| f.is_folder() && f.zone == zone)
                && !self.in_trash(no)
        };
        let target = if good(old) {
            old
        } else {
            top.unwrap_or(self.zone_root(zone))
        };
        let name = self.free_name(target, &name, None);
        self.trash.retain(|&other| other != no);
        self.owners_trash.retain(|&other| other != no);
        if let Some(item) = self.item_mut(no) {
            item.name = name;
            item.trashed = None;
        }
        self.link(no, target);
        self.adjust(no, sums, true, from_owner);
        self.mark(no, false);
        self.spread(no, true, true);
        Ok(())
    }

    /// Deletes for good, from the trash or from anywhere else.
    pub(in crate::emulator) fn delete(&mut self, no: No) -> Result<(), Refused> {
        let item = self.item(no).ok_or(Refused::Missing)?;
        if no == ROOT || item.kind == Kind::Library {
            return Err(Refused::Impossible);
        }
        let (sums, zone) = (item.sums(), item.zone);
        if item.parent.is_some() {
            self.adjust(no, sums, false, true);
            self.spread(no, true, true);
            self.unlink(no);
        } else if !self.owners_trash.contains(&no)
            && let Some(root) = self.item_mut(self.zone_root(zone))
        {
            root.totals.files = root.totals.files.saturating_sub(sums.files);
            root.totals.bytes = root.totals.bytes.saturating_sub(sums.bytes);
        }
        self.trash.retain(|&other| other != no);
        self.owners_trash.retain(|&other| other != no);
        let mut doomed = vec![no];
        while let Some(no) = doomed.pop() {
            let Some(item) = self.items.get_mut(no).and_then(Option::take) else {
                continue;
            };
            doomed.extend(item.children());
            self.by_id.remove(&(item.zone, item.id));
        }
        self.version += 1;
        Ok(())
    }

    /// Deletes what has been in a trash for too long. The oldest is at the front.
    pub(in crate::emulator) fn expire_trash(&mut self) {
        let now = self.rules.now;
        let over = |no: &No| {
            let trashed = self.item(*no).and_then(|item| item.trashed.as_ref());
            trashed.is_none_or(|trashed| trashed.expires <= now)
        };
        let own = self.trash.iter().copied().take_while(over);
        let owners = self.owners_trash.iter().copied().take_while(over);
        for no in own.chain(owners).collect::<Vec<No>>() {
            if self.delete(no).is_err() {
                self.trash.retain(|&other| other != no);
                self.owners_trash.retain(|&other| other != no);
            }
        }
    }

    /// `name` if it is free in the folder, else `name 2`, `name 3`, … before the extension.
    pub(in crate::emulator) fn free_name(
        &self,
        parent: No,
        name: &str,
        except: Option<No>,
    ) -> String {
        let free = |name: &str| self.child(parent, name).is_none_or(|no| Some(no) == except);
        if free(name) {
            return name.to_owned();
        }
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
            _ => (name, String::new()),
        };
        let mut number = 2u32;
        loop {
            let candidate = format!("{stem} {number}{extension}");
            if free(&candidate) {
                return candidate;
            }
            number += 1;
        }
    }

    fn zone_root(&self, zone: usize) -> No {
        self.zones.get(zone).map_or(ROOT, |zone| zone.root)
    }

    fn need_folder(&self, no: No) -> Result<(), Refused> {
        let folder = self.item(no).is_some_and(Item::is_folder) && !self.in_trash(no);
        if folder {
            Ok(())
        } else {
            Err(Refused::Missing)
        }
    }

    /// Adds a child; folders and odd items spread at once, files when they have content.
    fn insert(&mut self, parent: No, name: &str, kind: Kind, id: Option<String>) -> No {
        let id = id.unwrap_or_else(|| self.rng.uuid());
        let zone = self.item(parent).map_or(0, |folder| folder.zone);
        let share = self.item(parent).and_then(|folder| folder.share.clone());
        let file = kind == Kind::File;
        self.version += 1;
        let no = self.add(kind, id, zone, name.to_owned(), Some(parent));
        if let Some(item) = self.item_mut(no) {
            item.share = share.map(|share| Share {
                top: false,
                ..share
            });
        }
        self.link(no, parent);
        if !file {
            self.spread(no, false, true);
        }
        no
    }

    fn fill(&mut self, no: No, written: Written) {
        let shown = written.shown.unwrap_or_else(|| self.shown(&written.blob));
        if let Some(item) = self.item_mut(no) {
            item.shown = shown;
            item.modified = written.modified;
            item.created = written.created;
            item.package = written.package;
            item.blob = Some(written.blob);
        }
    }

    /// Sets the size that listings show of a package.
    pub(in crate::emulator) fn list_as(&mut self, no: No, size: u64) {
        if let Some(item) = self.item_mut(no) {
            item.listed = Some(size);
        }
    }

    /// The signature that clients get to see for a content.
    pub(in crate::emulator) fn shown(&mut self, blob: &Blob) -> Signature {
        let mut shown = blob.signature;
        match self.rules.signatures {
            SignatureMode::Plain => {}
            SignatureMode::Opaque => {
                shown = self.rng.bytes();
                shown[0] = 1;
            }
            SignatureMode::Container => shown[0] = 0x81,
        }
        shown
    }

    /// The sums of the whole Drive, trash included, and without what others share: what counts against the quota.
    pub(in crate::emulator) fn used(&self) -> Totals {
        let roots = self.zones.iter().filter_map(|zone| self.item(zone.root));
        let all = roots.fold(Totals::default(), |sum, root| Totals {
            files: sum.files + root.totals.files,
            bytes: sum.bytes + root.totals.bytes,
        });
        let shares = self.live().filter(|(_, item)| item.is_share_top());
        shares.fold(all, |sum, (_, share)| Totals {
            files: sum.files.saturating_sub(share.totals.files),
            bytes: sum.bytes.saturating_sub(share.totals.bytes),
        })
    }
}
