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

impl<W: Wire> Drive<W> {
    pub(super) fn list_folders(&self, folders: &[RemoteId]) -> Result<Vec<FolderAnswer>> {
        let elements = self.elements(folders, false)?;
        let answer = |(element, id): (Option<Item>, &RemoteId)| {
            element.map_or(FolderAnswer::Gone, |element| {
                self.shares.learn(id, &element);
                node::folder_answer(element, id)
            })
        };
        Ok(elements.into_iter().zip(folders).map(answer).collect())
    }

    pub(super) fn probe_folders(&self, folders: &[RemoteId]) -> Result<Vec<FolderProbe>> {
        let elements = self.elements(folders, true)?;
        let probe = |(element, id): (Option<Item>, &RemoteId)| {
            element.map_or(FolderProbe::Gone, |element| node::folder_probe(element, id))
        };
        Ok(elements.into_iter().zip(folders).map(probe).collect())
    }

    /// One request for all of them: how many go into one is the caller's to find out. `None` for a folder of a share that
    /// nobody shares any more, as far as listings have told.
    fn elements(&self, folders: &[RemoteId], partial: bool) -> Result<Vec<Option<Item>>> {
        let asked: Vec<Option<Asked>> = folders
            .iter()
            .map(|id| self.shares.asked(id, Kind::Folder, partial))
            .collect();
        let body: Vec<&Asked> = asked.iter().flatten().collect();
        if body.is_empty() {
            return Ok(folders.iter().map(|_| None).collect());
        }
        let answer: Folders = self.wire.post(Host::Drivews, LIST, &body, Effect::Read)?;
        let elements = answer.list;
        if elements.len() != body.len() {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "{LIST}: asked for {} folders, the service answered for {}",
                    body.len(),
                    elements.len()
                ),
            ));
        }
        let mut elements = elements.into_iter();
        Ok((asked.iter())
            .map(|asked| asked.as_ref().and_then(|_| elements.next()))
            .collect())
    }

    pub(super) fn trashed_items(&self) -> Result<Vec<Node>> {
        let mut why = String::new();
        for id in TRASHES {
            let body = [Asked {
                drivewsid: id.to_owned(),
                partial_data: false,
                include_hierarchy: false,
                share_id: None,
            }];
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
        let asked: Vec<Option<Asked>> = items
            .iter()
            .map(|(id, kind)| self.shares.asked(id, *kind, false))
            .collect();
        let is_asked: Vec<bool> = asked.iter().map(Option::is_some).collect();
        let body = AskedItems {
            items: asked.into_iter().flatten().collect(),
        };
        let number = body.items.len();
        if number == 0 {
            return Ok(items.iter().map(|_| None).collect());
        }
        let answer: Result<Items> = self.wire.post(Host::Drivews, READ, &body, Effect::Read);
        let got = match answer {
            Ok(answer) => answer.items.unwrap_or_default(),
            // Alone, there is no doubt whom it is about.
            Err(error) if error.kind() == ErrorKind::NotFound && items.len() == 1 => {
                return Ok(vec![None]);
            }
            Err(error) => return Err(error),
        };
        if got.len() != number {
            return Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "{READ}: asked for {} items, the service answered for {}",
                    number,
                    got.len()
                ),
            ));
        }
        let mut got = got.into_iter();
        (is_asked.into_iter().zip(items))
            .map(
                |(is_asked, (id, _))| match is_asked.then(|| got.next()).flatten() {
                    Some(item) => read_one(item, id),
                    None => Ok(None),
                },
            )
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
    let from = node::From::Asked(id);
    match node::id_of(&item, from) {
        Some(got) if got == *id => {}
        Some(_) => return odd("the answer is for another item".to_owned()),
        None => return odd("an item comes without an id".to_owned()),
    }
    match node::node(item, from) {
        Ok(node) => Ok(Some(node)),
        Err(why) => odd(why),
    }
}
