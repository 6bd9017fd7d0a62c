//! Removals, on either side, always into a trash.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
};

use super::{
    BATCH, Run,
    disk::changed,
    download::{is_as_listed, same_content},
    own,
};
use crate::{
    cloud::{FolderAnswer, Node, Target},
    error::{Error, Kind as ErrorKind, Result},
    plan::{Action, Reason, Side, What},
    state::{journal::Op, undo::Deed},
    tree::{Kind, LocalItem, RelPath, RemoteId, RemoteItem},
};

impl Run<'_> {
    pub(super) fn remove_local(&self, action: &Action) -> Result<Vec<Op>> {
        let spot = self.exec.disk.spot(&action.path)?;
        self.expect_local(action, &spot)?;
        self.expect_gone(action)?;
        let gone = gone(action.remote.as_deref(), action.forgets.as_ref());
        if action.kind != Kind::Folder || self.is_as_planned(action)? {
            self.to_trash(&action.path, action.kind)?;
            return Ok(gone);
        }
        // Something else is in it by now: only what was planned goes.
        let mut folders = vec![&action.path];
        for inside in &action.content {
            let Some(local) = inside.local.as_deref() else {
                continue;
            };
            if local.kind == Kind::Folder {
                folders.push(&inside.path);
            } else if self.is_still(&inside.path, local)? {
                self.to_trash(&inside.path, local.kind)?;
                self.note_gone(inside.remote.as_deref())?;
            }
        }
        for folder in folders.into_iter().rev() {
            let spot = self.exec.disk.spot(folder)?;
            let was_there = self.exec.disk.look_spot(&spot)?.is_some();
            let is_gone = self.exec.disk.remove_empty(&spot)?;
            if was_there && is_gone {
                self.did(&Deed::LocalVanished {
                    path: folder.clone(),
                    kind: Kind::Folder,
                    kept: None,
                });
            }
            if is_gone && *folder == action.path {
                return Ok(gone);
            }
        }
        Err(changed(
            &action.path,
            "it holds something new by now, so it stays",
        ))
    }

    /// Checks that what is removed here because it is gone from the remote side is not there after all: an item that was moved
    /// while its folders were being listed is in none of their listings.
    fn expect_gone(&self, action: &Action) -> Result<()> {
        let inside = action
            .content
            .iter()
            .filter_map(|inside| inside.remote.as_deref());
        let items: Vec<(RemoteId, Kind)> = (action.remote.as_deref().into_iter())
            .chain(inside)
            .map(|item| (item.id.clone(), item.kind))
            .collect();
        for chunk in items.chunks(BATCH) {
            let nodes = self.exec.remote.read(chunk)?;
            if nodes
                .iter()
                .flatten()
                .any(|node| !node.is_trashed && (self.exec.shows)(node))
            {
                return Err(changed(
                    &action.path,
                    "it is on the remote side after all, in another place",
                ));
            }
        }
        Ok(())
    }

    /// Checks that what is trashed because it is gone from here has not come back: editors save by moving a file away
    /// and back, and a listing may just miss what is moved while it is made.
    fn expect_absent(&self, action: &Action) -> Result<()> {
        if action.reason != Reason::Deleted(Side::Local) {
            return Ok(());
        }
        for path in [Some(&action.path), action.forgets.as_ref()]
            .into_iter()
            .flatten()
        {
            let marks = match self.exec.disk.look(path) {
                Ok(Some(marks)) => marks,
                Ok(None) => continue,
                // Its folder is no folder any more, so it can't be in there.
                Err(error) if error.kind() == ErrorKind::Changed => continue,
                Err(error) => return Err(error),
            };
            // Another item that took its place before the pass, by one of its own actions or with its folder, is none of
            // its business.
            let was_there = (self.exec.local.items().iter()).any(|item| marks.is(item));
            if !was_there && !self.is_placed_here(path) {
                return Err(changed(&action.path, "it is on the local side after all"));
            }
        }
        Ok(())
    }

    /// Returns whether an action of this plan puts something at a local path.
    fn is_placed_here(&self, path: &RelPath) -> bool {
        self.exec.plan.actions.iter().any(|action| {
            action.side() == Side::Local
                && action.what != What::RemoveLocal
                && (action.path == *path || path.is_at_or_under(&action.path))
        })
    }

    /// Writes down that an item inside of a removed folder is gone.
    fn note_gone(&self, item: Option<&RemoteItem>) -> Result<()> {
        let ops = gone(item, None);
        if ops.is_empty() {
            return Ok(());
        }
        self.exec.journal.append(ops, || self.exec.settle())
    }

    fn is_still(&self, path: &RelPath, item: &LocalItem) -> Result<bool> {
        let spot = match self.exec.disk.spot(path) {
            Ok(spot) => spot,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match self.exec.disk.look_spot(&spot)? {
            Some(marks) => is_as_listed(&marks, &spot, item),
            None => Ok(false),
        }
    }

    /// Returns whether a folder holds just what was planned to go with it.
    fn is_as_planned(&self, action: &Action) -> Result<bool> {
        let disk = self.exec.disk;
        let mut planned = HashSet::new();
        let root = disk.full_path(&action.path);
        for inside in &action.content {
            let Some(local) = inside.local.as_deref() else {
                continue;
            };
            if !self.is_still(&inside.path, local)? {
                return Ok(false);
            }
            if let Ok(below) = disk.full_path(&inside.path).strip_prefix(&root) {
                planned.insert(below.to_path_buf());
            }
            if local.kind == Kind::Package {
                let inner = own::all_inside(disk, &inside.path)?;
                let full = disk.full_path(&inside.path);
                if let Ok(below) = full.strip_prefix(&root) {
                    planned.extend(inner.into_iter().map(|path| below.join(path)));
                }
            }
        }
        Ok(own::all_inside(disk, &action.path)? == planned)
    }

    /// Moves a file or folder into the local trash.
    fn to_trash(&self, path: &RelPath, kind: Kind) -> Result<()> {
        let disk = self.exec.disk;
        let (kept, at) = self.exec.trash.place(disk, path)?;
        let spot = disk.spot(path)?;
        self.has_trash.store(true, Ordering::Relaxed);
        disk.rename_spots(&spot, &kept)?;
        self.did(&Deed::LocalVanished {
            path: path.clone(),
            kind,
            kept: Some(at),
        });
        Ok(())
    }

    /// Writes down that an item is in iCloud's trash.
    fn trashed(&self, path: &RelPath, item: &RemoteItem) {
        self.did(&Deed::RemoteVanished {
            path: path.clone(),
            id: item.id.clone(),
            kind: item.kind,
            name: item.remote_name().to_owned(),
        });
    }

    /// Trashes files of one zone in one request; a result for each.
    pub(super) fn trash_files(&self, numbers: &[usize]) -> Vec<Result<Vec<Op>>> {
        let items: Vec<&RemoteItem> = numbers
            .iter()
            .filter_map(|number| self.action(*number).remote.as_deref())
            .collect();
        if items.len() != numbers.len() {
            let error = Error::new(ErrorKind::Other, "only listed items are trashed");
            return numbers.iter().map(|_| Err(error.clone())).collect();
        }
        let absent: Vec<Result<()>> = numbers
            .iter()
            .map(|number| self.expect_absent(self.action(*number)))
            .collect();
        let due: Vec<&RemoteItem> = (items.iter().zip(&absent))
            .filter(|(_, absent)| absent.is_ok())
            .map(|(item, _)| *item)
            .collect();
        let mut results = self.trash_items(&due).into_iter();
        numbers
            .iter()
            .zip(absent)
            .map(|(number, absent)| {
                absent?;
                results.next().unwrap_or_else(|| {
                    Err(Error::new(
                        ErrorKind::Protocol,
                        "the service says nothing of it",
                    ))
                })?;
                let action = self.action(*number);
                if let Some(item) = &action.remote {
                    self.trashed(&action.path, item);
                }
                Ok(gone(action.remote.as_deref(), action.forgets.as_ref()))
            })
            .collect()
    }

    /// Moves items to iCloud's trash. Success is only what shows to be there (hazard 3).
    fn trash_items(&self, items: &[&RemoteItem]) -> Vec<Result<()>> {
        let Some(first) = items.first() else {
            return Vec::new();
        };
        let targets: Vec<Target> = items
            .iter()
            .map(|item| Target {
                id: item.id.clone(),
                kind: item.kind,
                etag: self.known_etag(item),
            })
            .collect();
        let answers = self.gate.pass(self.exec.remote, &first.id.zone, || {
            self.exec.remote.trash(&targets)
        });
        let answers = answers.unwrap_or_else(|error| {
            let all = items.iter().map(|_| Err(error.clone()));
            all.collect()
        });
        let results = answers.into_iter().zip(items);
        results
            .map(|(answer, item)| match answer {
                Ok(_) => Ok(()),
                Err(error) if error.kind() == ErrorKind::Lost => self.look_in_trash(item, error),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// After a lost answer, reads an item back and goes by what is there.
    fn look_in_trash(&self, item: &RemoteItem, lost: Error) -> Result<()> {
        let read = self.exec.remote.read(&[(item.id.clone(), item.kind)]);
        match read.map(|mut nodes| nodes.pop().flatten()) {
            Ok(Some(node)) if node.is_trashed => Ok(()),
            Ok(_) => Err(super::upload::not_applied(&item.path, &lost)),
            Err(_) => Err(lost),
        }
    }

    /// Trashes a folder as one item if a fresh listing of it equals the plan, else what was planned of it (hazard 6).
    pub(super) fn trash_remote(&self, number: usize, action: &Action) -> Result<Vec<Op>> {
        if action.kind != Kind::Folder {
            return self
                .trash_files(&[number])
                .pop()
                .unwrap_or_else(|| Ok(Vec::new()));
        }
        let item = action
            .remote
            .as_deref()
            .ok_or_else(|| changed(&action.path, "there is nothing to remove"))?;
        let planned: HashMap<&RemoteId, &RemoteItem> = (action.content.iter())
            .filter_map(|inside| inside.remote.as_deref())
            .map(|item| (&item.id, item))
            .collect();
        self.expect_absent(action)?;
        let gone = gone(Some(item), action.forgets.as_ref());
        let (folder, below) = self.list_below(&item.id, &action.path)?;
        let is_as_planned = below.len() == planned.len()
            && below.iter().all(|node| {
                planned.get(&node.id).is_some_and(|item| {
                    node.name == item.remote_name()
                        && (item.kind == Kind::Folder
                            || same_content(&node.etag, &self.known_etag(item)))
                })
            });
        if is_as_planned {
            let now = RemoteItem {
                etag: folder.etag,
                ..item.clone()
            };
            self.forget_etag(&now.id);
            return self
                .trash_items(&[&now])
                .pop()
                .unwrap_or(Ok(()))
                .inspect(|()| self.trashed(&action.path, item))
                .map(|()| gone);
        }
        self.trash_planned(action, item, &below)?;
        Ok(gone)
    }

    /// Lists a folder with all that is below it, afresh.
    fn list_below(&self, folder: &RemoteId, path: &RelPath) -> Result<(Node, Vec<Node>)> {
        let mut top = None;
        let mut below: Vec<Node> = Vec::new();
        let mut open = vec![folder.clone()];
        let mut seen: HashSet<RemoteId> = open.iter().cloned().collect();
        while !open.is_empty() {
            let mut next = Vec::new();
            for chunk in open.chunks(BATCH) {
                for answer in self.exec.remote.list(chunk)? {
                    match answer {
                        FolderAnswer::Whole { folder, children } => {
                            top.get_or_insert(*folder);
                            for node in children {
                                if node.kind == Kind::Folder && seen.insert(node.id.clone()) {
                                    next.push(node.id.clone());
                                }
                                below.push(node);
                            }
                        }
                        FolderAnswer::Gone => {
                            return Err(changed(path, "a part of it is gone meanwhile"));
                        }
                        FolderAnswer::Odd(why) => {
                            let text = format!("cannot list \"{path}\" before removing it: {why}");
                            return Err(Error::new(ErrorKind::Temporary, text));
                        }
                    }
                }
            }
            open = next;
        }
        let top = top.ok_or_else(|| changed(path, "it is gone meanwhile"))?;
        Ok((top, below))
    }

    /// Trashes the planned files of a folder, then each planned folder that is empty then.
    fn trash_planned(&self, action: &Action, item: &RemoteItem, below: &[Node]) -> Result<()> {
        let there: HashSet<&RemoteId> = below.iter().map(|node| &node.id).collect();
        let files: Vec<(&RelPath, &RemoteItem)> = (action.content.iter())
            .filter_map(|inside| Some((&inside.path, inside.remote.as_deref()?)))
            .filter(|(_, item)| item.kind != Kind::Folder && there.contains(&item.id))
            .collect();
        for chunk in files.chunks(BATCH) {
            let items: Vec<&RemoteItem> = chunk.iter().map(|(_, item)| *item).collect();
            for ((path, item), result) in chunk.iter().zip(self.trash_items(&items)) {
                match result {
                    Ok(()) => {
                        self.trashed(path, item);
                        self.note_gone(Some(item))?;
                    }
                    Err(error) if error.kind() == ErrorKind::Changed => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let mut folders: Vec<(&RelPath, &RemoteItem)> = (action.content.iter())
            .filter_map(|inside| Some((&inside.path, inside.remote.as_deref()?)))
            .filter(|(_, item)| item.kind == Kind::Folder && there.contains(&item.id))
            .collect();
        folders.sort_by(|a, b| b.0.cmp(a.0));
        folders.push((&action.path, item));
        for (path, folder) in folders {
            let (now, inside) = self.list_below(&folder.id, path)?;
            if inside.is_empty() {
                let now = RemoteItem {
                    etag: now.etag,
                    ..folder.clone()
                };
                self.forget_etag(&now.id);
                self.trash_items(&[&now]).pop().unwrap_or(Ok(()))?;
                self.trashed(path, folder);
                if *path != action.path {
                    self.note_gone(Some(folder))?;
                }
            } else if *path == action.path {
                return Err(changed(path, "it holds something new by now, so it stays"));
            }
        }
        Ok(())
    }

    /// A fresh listing knows better than what was remembered.
    fn forget_etag(&self, id: &RemoteId) {
        let mut etags = self
            .etags
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        etags.remove(id);
    }
}

/// Returns what the baseline learns of an item that is gone: its row may have another path by now, if its folders were
/// moved. What never had a row leaves none.
fn gone(item: Option<&RemoteItem>, row: Option<&RelPath>) -> Vec<Op> {
    match (item, row) {
        (Some(item), row) => vec![Op::Gone(item.id.clone(), row.cloned())],
        (None, Some(row)) => vec![Op::Forget(row.clone())],
        (None, None) => Vec::new(),
    }
}
