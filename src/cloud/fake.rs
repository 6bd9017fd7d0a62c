//! A small Drive in memory, for tests of what lists it. Its writes all refuse.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io::Read,
    sync::{Mutex, MutexGuard},
};

use super::{Commit, Content, FolderAnswer, FolderProbe, Node, Remote, Staged, Target, Token};
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    tree::{DocId, Etag, Kind, RemoteId, Zone},
};

/// What a folder answers in place of the truth, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Odd,
    Gone,
    /// The answer is that of another folder.
    Other,
}

/// What happens before a request is answered; it is told the number of requests before it.
pub(crate) type Hook = Box<dyn FnMut(&mut World, usize) + Send>;

/// What is in the Drive, and how it behaves.
#[derive(Default)]
pub(crate) struct World {
    /// Folders' children, in order; the root is there from the start.
    pub(crate) folders: BTreeMap<RemoteId, Vec<Node>>,
    own: HashMap<RemoteId, Node>,
    /// Consumed one by one, at each answer for the folder.
    pub(crate) faults: HashMap<RemoteId, VecDeque<Fault>>,
    /// Requests with more ids are refused.
    pub(crate) limit: Option<usize>,
    /// Requests fail with this kind.
    pub(crate) fails: Option<ErrorKind>,
    /// Requests with more ids get an answer that is one short.
    pub(crate) short_above: Option<usize>,
    /// How often it has refused because of the load.
    pub(crate) refusals: u64,
    /// Verb and number of ids of each request.
    pub(crate) log: Vec<(&'static str, usize)>,
    /// Called before a request is answered.
    pub(crate) before: Option<Hook>,
    next: u32,
}

/// The Drive.
#[derive(Default)]
pub(crate) struct Fake(Mutex<World>);

impl Fake {
    /// Makes a Drive with these files; a slash at the end makes a folder. A file's content is its path.
    pub(crate) fn new(paths: &[&str]) -> Self {
        let fake = Self::default();
        {
            let mut world = fake.world();
            let root = node(RemoteId::root(), Kind::Folder, "", 0);
            world.own.insert(RemoteId::root(), root);
            world.folders.insert(RemoteId::root(), Vec::new());
            for path in paths {
                world.add(path);
            }
        }
        fake
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Returns the requests since the last call.
    pub(crate) fn take_log(&self) -> Vec<(&'static str, usize)> {
        std::mem::take(&mut self.world().log)
    }

    fn ask<T>(
        &self,
        verb: &'static str,
        ids: &[RemoteId],
        answer: impl Fn(&mut World, &RemoteId) -> T,
    ) -> Result<Vec<T>> {
        let mut world = self.world();
        let before = world.log.len();
        world.log.push((verb, ids.len()));
        if let Some(mut hook) = world.before.take() {
            hook(&mut world, before);
            world.before = Some(hook);
        }
        if let Some(kind) = world.fails {
            return Err(Error::new(kind, "told to fail"));
        }
        if world.limit.is_some_and(|limit| ids.len() > limit) {
            return Err(Error::new(ErrorKind::Refused, "400: too many ids"));
        }
        let mut answers: Vec<T> = ids.iter().map(|id| answer(&mut world, id)).collect();
        if world.short_above.is_some_and(|above| ids.len() > above) {
            answers.pop();
        }
        Ok(answers)
    }
}

fn node(id: RemoteId, kind: Kind, name: &str, size: u64) -> Node {
    Node {
        etag: Etag::new("1"),
        id,
        kind,
        name: name.to_owned(),
        parent: None,
        is_trashed: false,
        size,
        modified_ms: (kind == Kind::File).then_some(1_700_000_000_000),
        is_fixed: false,
        is_lent: false,
        is_shared: false,
        is_foreign: false,
        restore_path: None,
        expires_ms: None,
    }
}

impl World {
    /// Adds a file, or with a slash at its end a folder, and the folders above it.
    pub(crate) fn add(&mut self, path: &str) -> RemoteId {
        let mut at = RemoteId::root();
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        for (depth, part) in parts.iter().enumerate() {
            let is_folder = depth + 1 < parts.len() || path.ends_with('/');
            let there = self.folders[&at].iter().find(|node| node.name == *part);
            at = match there.filter(|_| is_folder) {
                Some(node) => node.id.clone(),
                None if is_folder => self.insert(&at, Kind::Folder, part, |_| {}),
                None => self.insert(&at, Kind::File, part, |node| node.size = path.len() as u64),
            };
        }
        at
    }

    /// Adds one item under any name, and returns its id.
    pub(crate) fn insert(
        &mut self,
        folder: &RemoteId,
        kind: Kind,
        name: &str,
        change: impl FnOnce(&mut Node),
    ) -> RemoteId {
        self.next += 1;
        let id = RemoteId {
            zone: folder.zone.clone(),
            doc: DocId::new(&format!("{:08X}-0000-0000-0000-000000000000", self.next)),
        };
        let mut made = node(id, kind, name, 0);
        made.parent = Some(folder.clone());
        change(&mut made);
        let id = made.id.clone();
        if kind == Kind::Folder {
            self.folders.entry(id.clone()).or_default();
            self.own.insert(id.clone(), made.clone());
        }
        self.folders.get_mut(folder).unwrap().push(made);
        id
    }

    /// Finds an item by path.
    pub(crate) fn id(&self, path: &str) -> RemoteId {
        path.split('/').fold(RemoteId::root(), |at, part| {
            let found = self.folders[&at].iter().find(|node| node.name == part);
            found
                .unwrap_or_else(|| panic!("{path}: no {part}"))
                .id
                .clone()
        })
    }

    /// Changes an item as another device would: its etag moves.
    pub(crate) fn change(&mut self, id: &RemoteId, change: impl Fn(&mut Node)) {
        self.next += 1;
        let etag = Etag::new(&format!("e{}", self.next));
        let change = |node: &mut Node| {
            change(node);
            node.etag = etag.clone();
        };
        for children in self.folders.values_mut() {
            children
                .iter_mut()
                .filter(|node| node.id == *id)
                .for_each(change);
        }
        if let Some(own) = self.own.get_mut(id) {
            change(own);
        }
    }

    /// Takes an item, with all in it, out of its folder.
    pub(crate) fn remove(&mut self, id: &RemoteId) -> Node {
        self.folders.remove(id);
        let mut removed = None;
        for children in self.folders.values_mut() {
            if let Some(at) = children.iter().position(|node| node.id == *id) {
                removed = Some(children.remove(at));
            }
        }
        removed.unwrap()
    }

    /// Moves an item into another folder.
    pub(crate) fn relocate(&mut self, id: &RemoteId, folder: &RemoteId) {
        let content = self.folders.get(id).cloned();
        let mut moved = self.remove(id);
        if let Some(content) = content {
            self.folders.insert(id.clone(), content);
        }
        moved.parent = Some(folder.clone());
        self.folders.get_mut(folder).unwrap().push(moved);
        let folder = folder.clone();
        self.change(id, move |node| node.parent = Some(folder.clone()));
    }

    fn answer(&mut self, id: &RemoteId) -> FolderAnswer {
        let fault = self.faults.get_mut(id).and_then(VecDeque::pop_front);
        match fault {
            Some(Fault::Odd) => return FolderAnswer::Odd("3 items, and it says 4".into()),
            Some(Fault::Gone) => return FolderAnswer::Gone,
            Some(Fault::Other) => {
                return FolderAnswer::Whole {
                    folder: Box::new(node(
                        RemoteId {
                            zone: Zone::drive(),
                            doc: DocId::new("other"),
                        },
                        Kind::Folder,
                        "other",
                        0,
                    )),
                    children: Vec::new(),
                };
            }
            None => {}
        }
        match (self.own.get(id), self.folders.get(id)) {
            (Some(own), Some(children)) => FolderAnswer::Whole {
                folder: Box::new(own.clone()),
                children: children.clone(),
            },
            _ => FolderAnswer::Gone,
        }
    }
}

fn no_write<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Refused, "this Drive only lists"))
}

impl Remote for Fake {
    fn refusals(&self) -> u64 {
        self.world().refusals
    }

    fn list(&self, folders: &[RemoteId]) -> Result<Vec<FolderAnswer>> {
        self.ask("list", folders, World::answer)
    }

    fn probe(&self, folders: &[RemoteId]) -> Result<Vec<FolderProbe>> {
        self.ask("probe", folders, |world, id| match world.answer(id) {
            FolderAnswer::Whole { folder, children } => FolderProbe::Whole {
                folder,
                children: children
                    .into_iter()
                    .map(|node| (node.id, node.kind, node.etag))
                    .collect(),
            },
            FolderAnswer::Gone => FolderProbe::Gone,
            FolderAnswer::Odd(why) => FolderProbe::Odd(why),
        })
    }

    fn list_trash(&self) -> Result<Vec<Node>> {
        Ok(Vec::new())
    }

    fn read(&self, items: &[(RemoteId, Kind)]) -> Result<Vec<Option<Node>>> {
        let world = self.world();
        let all = || world.folders.values().flatten();
        Ok(items
            .iter()
            .map(|(id, _)| all().find(|node| node.id == *id).cloned())
            .collect())
    }

    fn tokens(&self, _: &Zone, _: &[DocId]) -> Result<Vec<Result<Token>>> {
        no_write()
    }

    fn fetch(&self, _: &Token, _: u64) -> Result<Content> {
        no_write()
    }

    fn stage(
        &self,
        _: &Zone,
        _: &str,
        _: u64,
        _: &mut dyn FnMut() -> Result<Box<dyn Read + Send>>,
    ) -> Result<Staged> {
        no_write()
    }

    fn commit(
        &self,
        _: &Staged,
        _: &Commit<'_>,
        _: &RemoteId,
        _: &str,
        _: u64,
        _: i64,
    ) -> Result<Node> {
        no_write()
    }

    fn create_folders(&self, _: &RemoteId, _: &[&str]) -> Result<Vec<Result<Node>>> {
        no_write()
    }

    fn rename(&self, _: &Target, _: &str) -> Result<Node> {
        no_write()
    }

    fn relocate(&self, _: &[Target], _: &RemoteId) -> Result<Vec<Result<Node>>> {
        no_write()
    }

    fn trash(&self, _: &[Target]) -> Result<Vec<Result<Node>>> {
        no_write()
    }

    fn put_back(&self, _: &[Target]) -> Result<Vec<Result<Node>>> {
        no_write()
    }
}
