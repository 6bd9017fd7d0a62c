//! Folders, the trash, and items by id (protocol pages 8.1, 8.2).

use super::{Drive, Wire, parts::in_parts};
use crate::{
    cloud::{
        FolderAnswer, FolderProbe, Node,
        http::{Effect, Host},
        node::{self, FolderItems},
        wire::{Asked, AskedItems, Folders, Item, Items},
    },
    error::{Error, Kind as ErrorKind, Result},
    tree::{Kind, RemoteId},
};

const LIST: &str = "retrieveItemDetailsInFolders";
const READ: &str = "retrieveItemDetails";
/// Both are known to answer (protocol page 8.7).
const TRASHES: [&str; 2] = ["TRASH_ROOT", "FOLDER::com.apple.CloudDocs::TRASH_ROOT"];

fn asked(drivewsid: String, partial_data: bool) -> Asked {
    Asked {
        drivewsid,
        partial_data,
        include_hierarchy: false,
    }
}

impl<W: Wire> Drive<W> {
    pub(super) fn list_folders(&self, folders: &[RemoteId]) -> Result<Vec<FolderAnswer>> {
        let elements = self.elements(folders, false)?;
        let both = elements.into_iter().zip(folders);
        Ok(both
            .map(|(element, id)| node::folder_answer(element, id))
            .collect())
    }

    pub(super) fn probe_folders(&self, folders: &[RemoteId]) -> Result<Vec<FolderProbe>> {
        let elements = self.elements(folders, true)?;
        let both = elements.into_iter().zip(folders);
        Ok(both
            .map(|(element, id)| node::folder_probe(element, id))
            .collect())
    }

    /// One request for all of them: how many go into one is the caller's to find out.
    fn elements(&self, folders: &[RemoteId], partial: bool) -> Result<Vec<Item>> {
        if folders.is_empty() {
            return Ok(Vec::new());
        }
        let body: Vec<Asked> = folders
            .iter()
            .map(|id| asked(id.folder_drivewsid(), partial))
            .collect();
        let answer: Folders = self.wire.post(Host::Drivews, LIST, &body, Effect::Read)?;
        let elements = answer.list;
        if elements.len() != folders.len() {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "{LIST}: asked for {} folders, the service answered for {}",
                    folders.len(),
                    elements.len()
                ),
            ));
        }
        Ok(elements)
    }

    pub(super) fn trashed_items(&self) -> Result<Vec<Node>> {
        let mut why = String::new();
        for id in TRASHES {
            let body = [asked(id.to_owned(), false)];
            let answer: Folders = self.wire.post(Host::Drivews, LIST, &body, Effect::Read)?;
            match answer.list.into_iter().next().map(node::trash_answer) {
                Some(FolderItems::Whole(nodes)) => return Ok(nodes),
                Some(FolderItems::Odd(odd)) => why = odd,
                Some(FolderItems::Gone) => "the service does not know it".clone_into(&mut why),
                None => "the answer is empty".clone_into(&mut why),
            }
        }
        Err(Error::new(
            ErrorKind::Protocol,
            format!("cannot list Recently Deleted: {why}"),
        ))
    }

    pub(super) fn read_items(&self, items: &[(RemoteId, Kind)]) -> Result<Vec<Option<Node>>> {
        let answers = in_parts(&self.reads, items, |part| self.read_part(part))?;
        answers.into_iter().collect()
    }

    fn read_part(&self, items: &[(RemoteId, Kind)]) -> Result<Vec<Option<Node>>> {
        let body = AskedItems {
            items: items
                .iter()
                .map(|(id, kind)| asked(id.drivewsid(*kind), false))
                .collect(),
        };
        let answer: Result<Items> = self.wire.post(Host::Drivews, READ, &body, Effect::Read);
        let got = match answer {
            Ok(answer) => answer.items.unwrap_or_default(),
            // Alone, there is no doubt whom it is about.
            Err(error) if error.kind() == ErrorKind::NotFound && items.len() == 1 => {
                return Ok(vec![None]);
            }
            Err(error) => return Err(error),
        };
        if got.len() != items.len() {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "{READ}: asked for {} items, the service answered for {}",
                    items.len(),
                    got.len()
                ),
            ));
        }
        got.into_iter()
            .zip(items)
            .map(|(item, (id, _))| read_one(item, id))
            .collect()
    }
}

fn read_one(item: Item, id: &RemoteId) -> Result<Option<Node>> {
    let odd = |why: String| Err(Error::new(ErrorKind::Protocol, format!("{READ}: {why}")));
    match item.status.as_deref() {
        None | Some("OK") => {}
        Some("ID_INVALID") => return Ok(None),
        Some(word) => return odd(format!("the service says {word}")),
    }
    if item.is_deleted == Some(true) || item.etag.as_deref() == Some("null") {
        return Ok(None);
    }
    match node::id_of(&item) {
        Some(got) if got == *id => {}
        Some(_) => return odd("the answer is for another item".to_owned()),
        None => return odd("an item comes without an id".to_owned()),
    }
    match node::node(item, None) {
        Ok(node) => Ok(Some(node)),
        Err(why) => odd(why),
    }
}
