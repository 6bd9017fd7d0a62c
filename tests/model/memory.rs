//! A Drive in memory, with the service's semantics (protocol pages 8 and 9) and no HTTP between.
//!
//! Ids stay over renames, moves and updates; a file's etag has two parts of one counter; new files are refused where the
//! name is taken; renames, moves and updates in place ask for no etag, the trash does, and a taken name is numbered. A
//! script makes chosen calls fail before or after they are applied, ends the network for good, or lets another device act.

mod service;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use icloud_sync::{
    cloud::{Commit, Node, Staged},
    error::{Error, Kind as ErrorKind, Result},
    tree::{DocId, Etag, Kind, RemoteId, Zone},
};

use crate::hand::{Edit, Maker, Tree, apply};

use self::service::{Device, missing};

type Number = u32;
const ROOT: Number = 0;

/// Where an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    In(Number),
    Trash,
}

#[derive(Debug, Clone)]
struct Item {
    kind: Kind,
    name: String,
    place: Place,
    /// Moves with every change.
    mark: u64,
    /// Moves with content only.
    content_mark: u64,
    bytes: Arc<[u8]>,
    modified_s: i64,
    restore: Option<String>,
}

/// How this Drive behaves where the service's behaviour is unknown, or differs by account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// A folder's etag moves when something below it comes or goes.
    pub(crate) spreads: bool,
    /// Content signatures have the plain form.
    pub(crate) signs: bool,
}

/// All that is in the Drive.
#[derive(Debug, Clone)]
pub(crate) struct World {
    items: BTreeMap<Number, Item>,
    next: Number,
    counter: u64,
    manner: Manner,
    staged: HashMap<String, Arc<[u8]>>,
    served: HashMap<String, Arc<[u8]>>,
    /// What no client should ever do.
    pub(crate) sins: Vec<String>,
}

/// What happens at a call.
pub(crate) enum Fault {
    /// It fails with this kind, and nothing is applied.
    Fails(ErrorKind),
    /// It is applied, and its answer is lost. A read fails for now.
    Lost,
    /// Another device acts first.
    Acts(Box<dyn FnOnce(&mut World) + Send>),
}

#[derive(Default)]
struct Script {
    calls: usize,
    faults: BTreeMap<usize, Vec<Fault>>,
    dead_from: Option<usize>,
    log: Vec<&'static str>,
}

/// The Drive.
pub(crate) struct Memory {
    world: Mutex<World>,
    script: Mutex<Script>,
}

impl Memory {
    pub(crate) fn new(manner: Manner) -> Self {
        let root = Item {
            kind: Kind::Folder,
            name: String::new(),
            place: Place::Top,
            mark: 1,
            content_mark: 1,
            bytes: Arc::from([]),
            modified_s: 0,
            restore: None,
        };
        Self {
            world: Mutex::new(World {
                items: BTreeMap::from([(ROOT, root)]),
                ..World::empty(manner)
            }),
            script: Mutex::default(),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count calls anew, with nothing planned for them.
    pub(crate) fn calm(&self) {
        *self.script() = Script::default();
    }

    /// Plans something for the call of this number, from 0 on since [`Self::calm`].
    pub(crate) fn plan(&self, call: usize, fault: Fault) {
        self.script().faults.entry(call).or_default().push(fault);
    }

    /// From this call on nobody answers.
    pub(crate) fn dies_at(&self, call: usize) {
        self.script().dead_from = Some(call);
    }

    /// Returns the verbs called since [`Self::calm`].
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.script().log.clone()
    }

    /// One call: what is planned for it happens to it.
    fn call<T>(
        &self,
        verb: &'static str,
        is_write: bool,
        apply: impl FnOnce(&mut World) -> Result<T>,
    ) -> Result<T> {
        let (number, faults, is_dead) = {
            let mut script = self.script();
            let number = script.calls;
            script.calls += 1;
            script.log.push(verb);
            // The one window that the service leaves open: nobody acts between the look at the gate and the commit.
            let faults = if verb == "update" {
                let (later, now) = (script.faults.remove(&number).unwrap_or_default())
                    .into_iter()
                    .partition(|fault| matches!(fault, Fault::Acts(_)));
                script
                    .faults
                    .entry(number + 1)
                    .or_default()
                    .extend::<Vec<Fault>>(later);
                now
            } else {
                script.faults.remove(&number).unwrap_or_default()
            };
            (
                number,
                faults,
                script.dead_from.is_some_and(|from| number >= from),
            )
        };
        if is_dead {
            let kind = if is_write && number.is_multiple_of(2) {
                ErrorKind::Lost
            } else if verb == "fetch" {
                ErrorKind::Protocol // what is passing would be waited for, again and again
            } else {
                ErrorKind::Temporary
            };
            return Err(Error::new(kind, "the network is away"));
        }
        let mut world = self.world();
        let mut is_lost = false;
        for fault in faults {
            match fault {
                Fault::Fails(kind) => return Err(Error::new(kind, "told to fail")),
                Fault::Lost if is_write => is_lost = true,
                Fault::Lost => {
                    return Err(Error::new(ErrorKind::Temporary, "told to break off"));
                }
                Fault::Acts(act) => act(&mut world),
            }
        }
        let result = apply(&mut world);
        if is_lost {
            return Err(Error::new(ErrorKind::Lost, "the answer is lost"));
        }
        result
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(u32::try_from(number % 36).unwrap(), 36).unwrap());
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

fn id_of(number: Number) -> RemoteId {
    if number == ROOT {
        return RemoteId::root();
    }
    RemoteId {
        zone: Zone::drive(),
        doc: DocId::new(&format!("{number:08X}-0000-4000-8000-000000000000")),
    }
}

fn number_of(doc: &DocId) -> Option<Number> {
    let text = doc.to_string();
    if text == "root" {
        return Some(ROOT);
    }
    Number::from_str_radix(text.get(..8)?, 16).ok()
}

impl World {
    fn item(&self, doc: &DocId) -> Option<(Number, &Item)> {
        let number = number_of(doc)?;
        Some((number, self.items.get(&number)?))
    }

    fn children(&self, folder: Number) -> impl Iterator<Item = (Number, &Item)> {
        (self.items.iter())
            .filter(move |(_, item)| item.place == Place::In(folder))
            .map(|(number, item)| (*number, item))
    }

    fn child(&self, folder: Number, name: &str) -> Option<Number> {
        self.children(folder)
            .find(|(_, item)| item.name == name)
            .map(|(number, _)| number)
    }

    fn is_in_trash(&self, number: Number) -> bool {
        let mut at = number;
        loop {
            match self.items[&at].place {
                Place::Top => return false,
                Place::Trash => return true,
                Place::In(folder) => at = folder,
            }
        }
    }

    fn is_under(&self, number: Number, folder: Number) -> bool {
        let mut at = number;
        loop {
            if at == folder {
                return true;
            }
            match self.items[&at].place {
                Place::In(above) => at = above,
                Place::Top | Place::Trash => return false,
            }
        }
    }

    fn folder(&self, id: &RemoteId) -> Option<Number> {
        let (number, item) = self.item(&id.doc)?;
        (item.kind == Kind::Folder && !self.is_in_trash(number)).then_some(number)
    }

    fn etag(item: &Item) -> Etag {
        let mark = base36(item.mark);
        match item.kind {
            Kind::Folder => Etag::new(&mark),
            Kind::File | Kind::Package => {
                Etag::new(&format!("{mark}::{}", base36(item.content_mark)))
            }
        }
    }

    fn node(&self, number: Number) -> Node {
        let item = &self.items[&number];
        Node {
            expires_ms: None,
            id: id_of(number),
            kind: item.kind,
            name: item.name.clone(),
            parent: match item.place {
                Place::In(folder) => Some(id_of(folder)),
                Place::Top | Place::Trash => None,
            },
            is_trashed: item.place == Place::Trash,
            etag: Self::etag(item),
            size: item.bytes.len() as u64,
            modified_ms: (item.kind == Kind::File).then_some(item.modified_s * 1_000),
            is_fixed: false,
            is_lent: false,
            is_shared: false,
            is_foreign: false,
            restore_path: item.restore.clone(),
        }
    }

    fn tick(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn bump(&mut self, number: Number) {
        let mark = self.tick();
        self.items.get_mut(&number).unwrap().mark = mark;
    }

    /// Something in a folder came or went.
    fn spread(&mut self, place: Place) {
        let mut at = place;
        while let (true, Place::In(folder)) = (self.manner.spreads, at) {
            self.bump(folder);
            at = self.items[&folder].place;
        }
    }

    fn insert(&mut self, number: Number, folder: Number, kind: Kind, name: &str) {
        let mark = self.tick();
        let item = Item {
            kind,
            name: name.to_owned(),
            place: Place::In(folder),
            mark,
            content_mark: mark,
            bytes: Arc::from([]),
            modified_s: 0,
            restore: None,
        };
        self.items.insert(number, item);
        self.spread(Place::In(folder));
    }

    fn fill(&mut self, number: Number, bytes: Arc<[u8]>, modified_s: i64) {
        let mark = self.tick();
        let item = self.items.get_mut(&number).unwrap();
        item.bytes = bytes;
        item.modified_s = modified_s;
        item.content_mark = mark;
        item.mark = mark + 1;
        self.counter += 1;
    }

    fn fresh(&mut self) -> Number {
        self.next += 1;
        self.next - 1
    }

    /// Returns the name, or where it is taken by another a numbered one.
    fn free_name(&self, folder: Number, name: &str, own: Number) -> String {
        let is_free = |name: &str| self.child(folder, name).is_none_or(|other| other == own);
        if is_free(name) {
            return name.to_owned();
        }
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
            Some(_) | None => (name, String::new()),
        };
        (2..100)
            .map(|number| format!("{stem} {number}{extension}"))
            .find(|name| is_free(name))
            .unwrap()
    }

    fn rename_item(&mut self, number: Number, name: &str) {
        let Place::In(folder) = self.items[&number].place else {
            return;
        };
        let name = self.free_name(folder, name, number);
        self.items.get_mut(&number).unwrap().name = name;
        self.bump(number);
    }

    fn move_item(&mut self, number: Number, folder: Number) {
        let was = self.items[&number].place;
        if was == Place::In(folder) {
            self.bump(number);
            return;
        }
        let name = self.free_name(folder, &self.items[&number].name, number);
        let item = self.items.get_mut(&number).unwrap();
        item.name = name;
        item.place = Place::In(folder);
        self.bump(number);
        self.spread(was);
        self.spread(Place::In(folder));
    }

    fn trash_item(&mut self, number: Number) {
        let path = self.path(number);
        let item = self.items.get_mut(&number).unwrap();
        let was = std::mem::replace(&mut item.place, Place::Trash);
        item.restore = Some(path);
        self.bump(number);
        self.spread(was);
    }

    fn path(&self, number: Number) -> String {
        let item = &self.items[&number];
        match item.place {
            Place::In(ROOT) | Place::Top | Place::Trash => item.name.clone(),
            Place::In(folder) => format!("{}/{}", self.path(folder), item.name),
        }
    }

    fn find(&self, path: &str) -> Option<Number> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .try_fold(ROOT, |at, part| self.child(at, part))
    }

    fn collect(&self, folder: Number, prefix: &str, tree: &mut Tree) {
        for (number, item) in self.children(folder) {
            let path = format!("{prefix}{}", item.name);
            if item.kind == Kind::Folder {
                self.collect(number, &format!("{path}/"), tree);
                tree.insert(path, None);
            } else {
                tree.insert(path, Some(item.bytes.to_vec()));
            }
        }
    }

    /// Returns all that is not in the trash.
    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        self.collect(ROOT, "", &mut tree);
        tree
    }

    /// Returns all contents that can be had from the trash.
    pub(crate) fn trashed(&self) -> Vec<Vec<u8>> {
        (self.items.iter())
            .filter(|(number, item)| item.kind == Kind::File && self.is_in_trash(**number))
            .map(|(_, item)| item.bytes.to_vec())
            .collect()
    }

    /// Returns every item with its place and version, trash and all: equal only if nothing was written.
    pub(crate) fn marks(&self) -> BTreeMap<Number, String> {
        (self.items.iter())
            .map(|(number, item)| {
                let text = format!("{:?} {} {:?}", item.place, item.name, Self::etag(item));
                (*number, text)
            })
            .collect()
    }

    /// Writes a file as another device does: in place where it is there.
    pub(crate) fn write(&mut self, path: &str, content: &[u8], seconds: i64) {
        let number = self.find(path).unwrap_or_else(|| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = self.find(folder).unwrap();
            let number = self.fresh();
            self.insert(number, folder, Kind::File, name);
            number
        });
        self.fill(number, content.into(), seconds);
    }

    pub(crate) fn make_folder(&mut self, path: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.find(folder).unwrap();
        let number = self.fresh();
        self.insert(number, folder, Kind::Folder, name);
    }

    /// Moves an item; the target is free.
    pub(crate) fn carry(&mut self, from: &str, to: &str) {
        let number = self.find(from).unwrap();
        let (folder, name) = to.rsplit_once('/').unwrap_or(("", to));
        let folder = self.find(folder).unwrap();
        let was = self.items[&number].place;
        let item = self.items.get_mut(&number).unwrap();
        item.place = Place::In(folder);
        name.clone_into(&mut item.name);
        self.bump(number);
        self.spread(was);
        self.spread(Place::In(folder));
    }

    pub(crate) fn discard(&mut self, path: &str) {
        let number = self.find(path).unwrap();
        self.trash_item(number);
    }

    /// Another device edits in the middle of a call. Returns which contents are gone by that, and which have come.
    pub(crate) fn play(
        &mut self,
        edit: Edit,
        maker: &mut Maker,
    ) -> (BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>) {
        let all = |world: &Self| -> BTreeSet<Vec<u8>> {
            let live = world.tree().into_values().flatten();
            live.chain(world.trashed()).collect()
        };
        let was = all(self);
        let device = Device(RefCell::new(std::mem::replace(
            self,
            Self::empty(self.manner),
        )));
        apply(edit, &device, "another device", maker);
        *self = device.0.into_inner();
        let is = all(self);
        (
            was.difference(&is).cloned().collect(),
            is.difference(&was).cloned().collect(),
        )
    }

    fn empty(manner: Manner) -> Self {
        Self {
            items: BTreeMap::new(),
            next: 1,
            counter: 36,
            manner,
            staged: HashMap::new(),
            served: HashMap::new(),
            sins: Vec::new(),
        }
    }

    /// Opens a file on a device: its etag moves, its content does not.
    pub(crate) fn open(&mut self, path: &str) {
        let number = self.find(path).unwrap();
        self.bump(number);
    }

    fn answer(&self, id: &RemoteId) -> Option<(Node, Vec<Number>)> {
        let number = self.folder(id)?;
        let children = self.children(number).map(|(number, _)| number).collect();
        Some((self.node(number), children))
    }

    fn staged_bytes(&self, staged: &Staged) -> Arc<[u8]> {
        match &staged.receipt.receipt {
            Some(receipt) => Arc::clone(&self.staged[receipt]),
            None => Arc::from([]),
        }
    }

    fn commit(
        &mut self,
        staged: &Staged,
        what: &Commit<'_>,
        folder: &RemoteId,
        name: &str,
        seconds: i64,
    ) -> Result<Node> {
        let Some(folder) = self.folder(folder) else {
            return missing();
        };
        let bytes = self.staged_bytes(staged);
        let number = match what {
            Commit::Create if self.child(folder, name).is_some() => {
                return Err(Error::new(
                    ErrorKind::Exists,
                    "uniqueness constraint violation",
                ));
            }
            Commit::Create => {
                let number = number_of(&staged.doc).unwrap();
                self.insert(number, folder, Kind::File, name);
                number
            }
            Commit::Update(doc) => {
                let Some((number, item)) = self.item(doc) else {
                    return missing();
                };
                if item.place == Place::Trash {
                    return missing();
                }
                if item.name != name || item.place != Place::In(folder) {
                    let sin = format!("update of {:?} under another name or parent", item.name);
                    self.sins.push(sin);
                }
                number
            }
        };
        self.fill(number, bytes, seconds);
        Ok(self.node(number))
    }
}
