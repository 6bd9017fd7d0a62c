//! The folders of REMOTE as they are now, as far as an undo has to look.

use std::collections::HashMap;

use crate::{
    cloud::{FolderAnswer, Node, Remote},
    error::{Error, Kind as ErrorKind, Result},
    tree::{Kind, RelPath, RemoteId, local_name},
};

/// The remote folders that were looked into since something was last changed there.
#[derive(Default)]
pub(super) struct Tree {
    children: HashMap<RemoteId, Option<Vec<Node>>>,
}

impl Tree {
    /// Returns what is in a folder; `None` where it is gone.
    pub(super) fn children(
        &mut self,
        remote: &dyn Remote,
        folder: &RemoteId,
    ) -> Result<Option<&[Node]>> {
        if !self.children.contains_key(folder) {
            let listed = match remote.list(std::slice::from_ref(folder))?.pop() {
                Some(FolderAnswer::Whole { folder, children }) if !folder.is_trashed => {
                    Some(children)
                }
                Some(FolderAnswer::Whole { .. } | FolderAnswer::Gone) => None,
                Some(FolderAnswer::Odd(why)) => return Err(Error::new(ErrorKind::Temporary, why)),
                None => {
                    let why = "the service listed no folder";
                    return Err(Error::new(ErrorKind::Protocol, why));
                }
            };
            self.children.insert(folder.clone(), listed);
        }
        Ok(self.children.get(folder).and_then(Option::as_deref))
    }

    /// Returns the folder at a path, going down from the root; `None` where there is none.
    pub(super) fn folder(
        &mut self,
        remote: &dyn Remote,
        root: &RemoteId,
        path: Option<&RelPath>,
    ) -> Result<Option<RemoteId>> {
        let mut folder = root.clone();
        for part in path.iter().flat_map(|path| path.parts()) {
            let children = self.children(remote, &folder)?.unwrap_or_default();
            let found = children.iter().find(|node| {
                node.kind == Kind::Folder && local_name(&node.name).is_ok_and(|name| name == part)
            });
            match found {
                Some(node) => folder = node.id.clone(),
                None => return Ok(None),
            }
        }
        Ok(Some(folder))
    }
}
