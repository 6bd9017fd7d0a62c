//! Where remote items are, by what the listing of REMOTE shows.

use std::{collections::HashMap, sync::OnceLock};

use crate::{
    cloud::Node,
    scan::filter::Filter,
    tree::{Kind, Listing, RelPath, RemoteId, RemoteItem, local_name},
};

/// Tells whether an item, as it is now, is where the listing shows things.
pub(super) struct Sight<'a> {
    listing: &'a Listing<RemoteItem>,
    root: &'a RemoteId,
    filter: &'a Filter,
    /// The listed folders; most passes never ask for one.
    folders: OnceLock<HashMap<&'a RemoteId, &'a RelPath>>,
}

impl<'a> Sight<'a> {
    pub(super) fn new(
        listing: &'a Listing<RemoteItem>,
        root: &'a RemoteId,
        filter: &'a Filter,
    ) -> Self {
        Self {
            listing,
            root,
            filter,
            folders: OnceLock::new(),
        }
    }

    /// Returns whether an item that is not in Recently Deleted is in a listed folder, under a name that takes part. Where
    /// the service does not say which folder it is in, it counts as there: nothing is removed on a guess.
    pub(super) fn shows(&self, node: &Node) -> bool {
        node.parent.is_none()
            || self
                .path(node)
                .is_some_and(|path| !self.filter.hides(&path, node.kind == Kind::Folder))
    }

    /// Returns whether an item, as it is now, is where it was listed.
    pub(super) fn stands(&self, node: &Node, item: &RemoteItem) -> bool {
        match node.parent {
            Some(_) => self.path(node).as_ref() == Some(&item.path),
            None => local_name(&node.name).ok().as_deref() == Some(item.path.name()),
        }
    }

    /// Returns the path of an item by the listed path of its folder.
    fn path(&self, node: &Node) -> Option<RelPath> {
        let parent = node.parent.as_ref()?;
        let folder = if parent == self.root {
            None
        } else {
            Some(*self.folders().get(parent)?)
        };
        let name = local_name(&node.name).ok()?;
        RelPath::within(folder, &name).ok()
    }

    fn folders(&self) -> &HashMap<&'a RemoteId, &'a RelPath> {
        self.folders.get_or_init(|| {
            let items = self.listing.items().iter();
            items
                .filter(|item| item.kind == Kind::Folder)
                .map(|item| (&item.id, &item.path))
                .collect()
        })
    }
}
