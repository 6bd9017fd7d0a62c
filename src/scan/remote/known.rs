//! What was on the remote after the last pass.

use std::collections::HashMap;

use crate::tree::{Etag, Kind, RemoteId, RemoteItem};

/// The remote items of the baseline, to be found by id.
#[derive(Debug, Default)]
pub struct Known<'a> {
    by_id: HashMap<&'a RemoteId, &'a RemoteItem>,
    folders: Vec<&'a RemoteItem>,
}

impl<'a> Known<'a> {
    /// Takes the baseline's remote items in any order, each id once. Their paths are where they were
    /// after the last pass.
    pub fn new(items: impl IntoIterator<Item = &'a RemoteItem>) -> Self {
        let mut folders = Vec::new();
        let keep = |item: &'a RemoteItem| {
            if item.kind == Kind::Folder {
                folders.push(item);
            }
            (&item.id, item)
        };
        let by_id = items.into_iter().map(keep).collect();
        Self { by_id, folders }
    }

    /// Returns the item of that id.
    pub fn get(&self, id: &RemoteId) -> Option<&'a RemoteItem> {
        self.by_id.get(id).copied()
    }

    /// Returns the folders, in the order in which they came.
    pub(super) fn folders(&self) -> impl Iterator<Item = &'a RemoteItem> {
        self.folders.iter().copied()
    }

    /// Compares what a probe of `folder` showed: if every child was in that folder before, and every
    /// file has the etag that it had, these are its files and folders. An item that is gone is
    /// no reason to look closer.
    pub(super) fn unchanged(
        &self,
        folder: &RemoteId,
        children: &[(RemoteId, Kind, Etag)],
    ) -> Option<Same<'a>> {
        let at = self.get(folder).map(|item| item.path.as_str());
        let mut same = Same::default();
        for (id, kind, etag) in children {
            let item = self.get(id).filter(|item| item.path.parent_str() == at)?;
            match (kind, item.kind) {
                (Kind::Folder, Kind::Folder) => same.folders.push((item, etag.clone())),
                (Kind::File | Kind::Package, Kind::File | Kind::Package) if *etag == item.etag => {
                    same.files.push(item);
                }
                (Kind::File | Kind::Folder | Kind::Package, _) => return None,
            }
        }
        Some(same)
    }
}

/// The children of a folder that is as the baseline knows it.
#[derive(Debug, Default)]
pub(super) struct Same<'a> {
    /// Its files.
    pub(super) files: Vec<&'a RemoteItem>,
    /// Its folders, with the etags they have now; their own probes tell their names.
    pub(super) folders: Vec<(&'a RemoteItem, Etag)>,
}
