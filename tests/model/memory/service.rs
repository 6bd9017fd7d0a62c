//! The Drive's calls, as the program makes them, and the hands of other devices.

use std::{
    cell::RefCell,
    io::{Cursor, Read},
    sync::Arc,
};

use icloud_sync::{
    cloud::{
        Commit, Content, FolderAnswer, FolderProbe, Node, Remote, Staged, Target, Token,
        wire::SingleFile,
    },
    error::{Error, Kind as ErrorKind, Result},
    tree::{DocId, Kind, RemoteId, Signature, Zone},
};

use super::{Item, Memory, Number, Place, ROOT, World, id_of};
use crate::hand::{Hand, Tree};

pub(super) fn refused<T>(why: &str) -> Result<T> {
    Err(Error::new(ErrorKind::Refused, why))
}

pub(super) fn missing<T>() -> Result<T> {
    Err(Error::new(ErrorKind::NotFound, "no such item"))
}

impl World {
    pub(super) fn each<T>(
        &mut self,
        items: &[Target],
        act: impl Fn(&mut Self, Number, &Target) -> Result<T>,
    ) -> Vec<Result<T>> {
        let mut answers = Vec::new();
        for target in items {
            let found = self.item(&target.id.doc).map(|(number, _)| number);
            answers.push(match found {
                Some(number) if number != ROOT => act(self, number, target),
                Some(_) | None => missing(),
            });
        }
        answers
    }
}

impl Remote for Memory {
    fn list(&self, folders: &[RemoteId]) -> Result<Vec<FolderAnswer>> {
        self.call("list", false, |world| {
            let one = |id: &RemoteId| match world.answer(id) {
                Some((folder, children)) => FolderAnswer::Whole {
                    folder: Box::new(folder),
                    children: children
                        .into_iter()
                        .map(|child| world.node(child))
                        .collect(),
                },
                None => FolderAnswer::Gone,
            };
            Ok(folders.iter().map(one).collect())
        })
    }

    fn probe(&self, folders: &[RemoteId]) -> Result<Vec<FolderProbe>> {
        self.call("probe", false, |world| {
            let one = |id: &RemoteId| match world.answer(id) {
                Some((folder, children)) => FolderProbe::Whole {
                    folder: Box::new(folder),
                    children: (children.into_iter())
                        .map(|child| world.node(child))
                        .map(|node| (node.id, node.kind, node.etag))
                        .collect(),
                },
                None => FolderProbe::Gone,
            };
            Ok(folders.iter().map(one).collect())
        })
    }

    fn list_trash(&self) -> Result<Vec<Node>> {
        self.call("list_trash", false, |world| {
            let trashed = |(number, item): (&Number, &Item)| {
                (item.place == Place::Trash).then(|| world.node(*number))
            };
            Ok(world.items.iter().filter_map(trashed).collect())
        })
    }

    fn read(&self, items: &[(RemoteId, Kind)]) -> Result<Vec<Option<Node>>> {
        self.call("read", false, |world| {
            let one = |(id, _): &(RemoteId, Kind)| {
                world.item(&id.doc).map(|(number, _)| world.node(number))
            };
            Ok(items.iter().map(one).collect())
        })
    }

    fn tokens(&self, _: &Zone, docs: &[DocId]) -> Result<Vec<Result<Token>>> {
        self.call("tokens", false, |world| {
            let mut answers = Vec::new();
            for doc in docs {
                let Some((_, item)) = world.item(doc) else {
                    answers.push(missing());
                    continue;
                };
                if item.bytes.is_empty() || item.kind != Kind::File {
                    let error = Error::new(ErrorKind::Refused, "400: no content");
                    answers.push(Err(error.as_bad_request()));
                    continue;
                }
                let (etag, bytes) = (World::etag(item), Arc::clone(&item.bytes));
                let url = format!("memory:{doc}:{}", etag.as_str());
                answers.push(Ok(Token {
                    doc: doc.clone(),
                    url: url.clone(),
                    is_package: false,
                    signature: world.manner.signs.then(|| Signature::of(&bytes)),
                    etag: Some(etag),
                }));
                world.served.insert(url, bytes);
            }
            Ok(answers)
        })
    }

    fn fetch(&self, token: &Token, from: u64) -> Result<Content> {
        self.call("fetch", false, |world| {
            let Some(bytes) = world.served.get(&token.url) else {
                return refused("403: expired");
            };
            let from = usize::try_from(from).unwrap();
            let Some(rest) = bytes.get(from..) else {
                return refused("416");
            };
            Ok(Content {
                body: Box::new(Cursor::new(rest.to_vec())),
                offset: from as u64,
                length: Some(rest.len() as u64),
            })
        })
    }

    fn stage(
        &self,
        _: &Zone,
        _: &str,
        size: u64,
        open: &mut dyn FnMut() -> Result<Box<dyn Read + Send>>,
    ) -> Result<Staged> {
        let mut bytes = Vec::new();
        let read = open()?.read_to_end(&mut bytes);
        read.map_err(|error| Error::io("cannot read what is sent", error))?;
        if bytes.len() as u64 != size {
            return Err(Error::new(ErrorKind::Changed, "not as long as announced"));
        }
        self.call("stage", false, |world| {
            let number = world.fresh();
            let signature = world.manner.signs.then(|| Signature::of(&bytes));
            let receipt = (!bytes.is_empty()).then(|| number.to_string());
            if let Some(receipt) = &receipt {
                world.staged.insert(receipt.clone(), bytes.into());
            }
            Ok(Staged {
                doc: id_of(number).doc,
                signature,
                receipt: SingleFile {
                    file_checksum: signature.map(Signature::to_wire),
                    reference_checksum: None,
                    wrapping_key: None,
                    receipt,
                    size: Some(size),
                },
            })
        })
    }

    fn commit(
        &self,
        staged: &Staged,
        what: &Commit<'_>,
        folder: &RemoteId,
        name: &str,
        _: u64,
        modified_ms: i64,
    ) -> Result<Node> {
        let verb = match what {
            Commit::Create => "create",
            Commit::Update(_) => "update",
        };
        self.call(verb, true, |world| {
            world.commit(staged, what, folder, name, modified_ms.div_euclid(1_000))
        })
    }

    fn create_folders(&self, parent: &RemoteId, names: &[&str]) -> Result<Vec<Result<Node>>> {
        self.call("create_folders", true, |world| {
            let Some(folder) = world.folder(parent) else {
                return missing();
            };
            let mut answers = Vec::new();
            for name in names {
                if world.child(folder, name).is_some() {
                    answers.push(Err(Error::new(ErrorKind::Exists, "UNKNOWN")));
                    continue;
                }
                let number = world.fresh();
                world.insert(number, folder, Kind::Folder, name);
                answers.push(Ok(world.node(number)));
            }
            Ok(answers)
        })
    }

    fn rename(&self, item: &Target, name: &str) -> Result<Node> {
        self.call("rename", true, |world| {
            let act = |world: &mut World, number, _: &Target| {
                world.rename_item(number, name);
                Ok(world.node(number))
            };
            world.each(std::slice::from_ref(item), act).pop().unwrap()
        })
    }

    fn relocate(&self, items: &[Target], folder: &RemoteId) -> Result<Vec<Result<Node>>> {
        self.call("relocate", true, |world| {
            let Some(folder) = world.folder(folder) else {
                return missing();
            };
            Ok(world.each(items, |world, number, _| {
                if world.is_under(folder, number) {
                    return refused("a folder can't go into itself");
                }
                world.move_item(number, folder);
                Ok(world.node(number))
            }))
        })
    }

    fn trash(&self, items: &[Target]) -> Result<Vec<Result<Node>>> {
        self.call("trash", true, |world| {
            Ok(world.each(items, |world, number, target| {
                let item = &world.items[&number];
                if World::etag(item) != target.etag || item.place == Place::Trash {
                    return Err(Error::new(ErrorKind::Changed, "the etag is stale"));
                }
                world.trash_item(number);
                Ok(world.node(number))
            }))
        })
    }

    fn put_back(&self, items: &[Target]) -> Result<Vec<Result<Node>>> {
        self.call("put_back", true, |world| {
            Ok(world.each(items, |world, number, _| {
                let name = world.free_name(ROOT, &world.items[&number].name, number);
                let item = world.items.get_mut(&number).unwrap();
                item.name = name;
                item.place = Place::In(ROOT);
                world.bump(number);
                Ok(world.node(number))
            }))
        })
    }
}

/// Another device, in the middle of a call.
pub(super) struct Device(pub(super) RefCell<World>);

impl Hand for Device {
    fn tree(&self) -> Tree {
        self.0.borrow().tree()
    }

    fn write(&self, path: &str, content: &[u8], seconds: Option<i64>) {
        let seconds = seconds.unwrap_or_else(crate::hand::now);
        self.0.borrow_mut().write(path, content, seconds);
    }

    fn make_folder(&self, path: &str) {
        self.0.borrow_mut().make_folder(path);
    }

    fn carry(&self, from: &str, to: &str) {
        self.0.borrow_mut().carry(from, to);
    }

    fn remove(&self, path: &str) {
        self.0.borrow_mut().discard(path);
    }

    fn touch(&self, path: &str, _: Option<i64>) {
        self.0.borrow_mut().open(path);
    }
}

impl Hand for Memory {
    fn tree(&self) -> Tree {
        self.world().tree()
    }

    fn write(&self, path: &str, content: &[u8], seconds: Option<i64>) {
        let seconds = seconds.unwrap_or_else(crate::hand::now);
        self.world().write(path, content, seconds);
    }

    fn make_folder(&self, path: &str) {
        self.world().make_folder(path);
    }

    fn carry(&self, from: &str, to: &str) {
        self.world().carry(from, to);
    }

    fn remove(&self, path: &str) {
        self.world().discard(path);
    }

    fn touch(&self, path: &str, _: Option<i64>) {
        self.world().open(path);
    }
}
