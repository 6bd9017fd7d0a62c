//! Hands that edit a side as its user does, and the edits they make.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use icloud_sync::emulator::{Drive, EntryKind};

/// Path to content; `None` for folders.
pub(crate) type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// Somebody who edits one side.
pub(crate) trait Hand {
    /// All that is there, but for the program's own.
    fn tree(&self) -> Tree;
    /// Writes a file, in place where it is there. Its folder is there. The time is in s since 1970; `None` is now.
    fn write(&self, path: &str, content: &[u8], seconds: Option<i64>);
    /// Makes a folder in one that is there.
    fn make_folder(&self, path: &str);
    /// Moves an item to a free path.
    fn carry(&self, from: &str, to: &str);
    /// Deletes an item and all below it.
    fn remove(&self, path: &str);
    /// Moves a file's marks, not its content.
    fn touch(&self, path: &str, seconds: Option<i64>);
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// The user of this machine.
pub(crate) struct LocalHand(pub(crate) PathBuf);

fn set_time(path: &Path, seconds: i64) {
    // Not a whole second: whole ones count as coarse.
    let since = Duration::from_secs(seconds.try_into().unwrap()) + Duration::from_millis(250);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + since).unwrap();
}

impl Hand for LocalHand {
    fn tree(&self) -> Tree {
        tree_of(&self.0)
    }

    fn write(&self, path: &str, content: &[u8], seconds: Option<i64>) {
        let path = self.0.join(path);
        fs::write(&path, content).unwrap();
        if let Some(seconds) = seconds {
            set_time(&path, seconds);
        }
    }

    fn make_folder(&self, path: &str) {
        fs::create_dir(self.0.join(path)).unwrap();
    }

    fn carry(&self, from: &str, to: &str) {
        fs::rename(self.0.join(from), self.0.join(to)).unwrap();
    }

    fn remove(&self, path: &str) {
        let path = self.0.join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    fn touch(&self, path: &str, seconds: Option<i64>) {
        set_time(&self.0.join(path), seconds.unwrap_or_else(now));
    }
}

/// All below a folder but the program's own.
pub(crate) fn tree_of(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let walk = walkdir::WalkDir::new(root).min_depth(1).into_iter();
    let is_theirs = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        name != ".icloud-sync" && !name.starts_with(".icloud-sync.")
    };
    for entry in walk.filter_entry(is_theirs) {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(root).unwrap();
        let content = (!entry.file_type().is_dir()).then(|| fs::read(entry.path()).unwrap());
        tree.insert(path.to_str().unwrap().to_owned(), content);
    }
    tree
}

/// All that a Drive of the emulator shows.
pub(crate) fn tree_of_drive(drive: &Drive) -> Tree {
    (drive.tree().unwrap().into_iter())
        .map(|(path, entry)| {
            let content =
                (entry.kind == EntryKind::File).then(|| entry.content.unwrap_or_default().to_vec());
            (path, content)
        })
        .collect()
}

impl Hand for Drive {
    fn tree(&self) -> Tree {
        tree_of_drive(self)
    }

    fn write(&self, path: &str, content: &[u8], seconds: Option<i64>) {
        let seconds = seconds.unwrap_or_else(now);
        self.write_with_mtime(path, content.to_vec(), seconds)
            .unwrap();
    }

    fn make_folder(&self, path: &str) {
        self.mkdir(path).unwrap();
    }

    fn carry(&self, from: &str, to: &str) {
        let (folder, name) = to.rsplit_once('/').unwrap_or(("", to));
        // The service numbers names that are taken on the way.
        let passing = "on its way between two names";
        self.rename(from, passing).unwrap();
        let above = from.rsplit_once('/').map(|(above, _)| format!("{above}/"));
        let at = format!("{}{passing}", above.unwrap_or_default());
        self.move_to(at.as_str(), folder).unwrap();
        let at = if folder.is_empty() {
            passing.to_owned()
        } else {
            format!("{folder}/{passing}")
        };
        self.rename(at.as_str(), name).unwrap();
    }

    fn remove(&self, path: &str) {
        self.trash(path).unwrap();
    }

    fn touch(&self, path: &str, _: Option<i64>) {
        Drive::touch(self, path).unwrap();
    }
}

/// One edit, to be fitted to whatever is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit {
    pub(crate) what: u8,
    pub(crate) one: u16,
    pub(crate) other: u16,
}

/// How the local hand is called; what it writes over is superseded.
pub(crate) const LOCAL: &str = "local";

/// How many kinds of edits there are.
pub(crate) const KINDS: u8 = 20;

const NAMES: [&str; 7] = ["a", "b", "c", "d.txt", "x", "y", "z"];
const CLASHING: [&str; 4] = ["A", "X", "B", "Y"];
const MOST_DEPTH: usize = 3;

/// Makes contents and times that are used once, and knows what hands have done.
#[derive(Debug, Default)]
pub(crate) struct Maker {
    count: i64,
    /// Times are left to the clock, and all contents have one length.
    pub(crate) is_racy: bool,
    /// Names may differ by case alone.
    pub(crate) clashes: bool,
    /// Contents that the local hand has put another over, and that are not on its side any more.
    pub(crate) superseded: BTreeSet<Vec<u8>>,
    /// Contents that the local hand has ever put another over.
    once_superseded: BTreeSet<Vec<u8>>,
    /// What has ever been at a local path.
    once_at: BTreeMap<String, BTreeSet<Vec<u8>>>,
    /// What was done, for people.
    pub(crate) story: Vec<String>,
}

impl Maker {
    pub(crate) fn content(&mut self) -> Vec<u8> {
        self.count += 1;
        let mut content = format!("content {:06}\n", self.count).into_bytes();
        if !self.is_racy {
            let more = usize::try_from(self.count * 7 % 40).unwrap();
            content.resize(content.len() + more, b'.');
            if self.count % 13 == 0 {
                content.clear(); // an empty file is a content, too
            }
        }
        content
    }

    fn seconds(&mut self) -> Option<i64> {
        self.count += 1;
        (!self.is_racy).then_some(1_700_000_000 + self.count * 10)
    }

    /// The local hand is about to put something at a path: whatever it had there, or below it, it has put another over.
    fn supersede(&mut self, path: &str) {
        for (old, contents) in &self.once_at {
            if is_under(old, path) {
                self.once_superseded.extend(contents.iter().cloned());
            }
        }
    }

    /// Looks what the local hand's last edit has left of what it has put another over.
    fn look(&mut self, tree: &Tree) {
        let there: BTreeSet<&Vec<u8>> = tree.values().flatten().collect();
        let gone = self.once_superseded.iter();
        self.superseded = gone
            .filter(|content| !there.contains(content))
            .cloned()
            .collect();
    }

    fn name(&self, number: u16) -> &'static str {
        let number = usize::from(number);
        if self.clashes && number % 4 == 0 {
            CLASHING[number / 4 % CLASHING.len()]
        } else {
            NAMES[number % NAMES.len()]
        }
    }

    fn tell(&mut self, who: &str, what: &str) {
        self.story.push(format!("{who}: {what}"));
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn is_under(path: &str, folder: &str) -> bool {
    path == folder
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn pick<'a>(from: &[&'a String], number: u16) -> Option<&'a str> {
    (!from.is_empty()).then(|| from[usize::from(number) % from.len()].as_str())
}

/// Does one edit, if it fits what is there.
pub(crate) fn apply(edit: Edit, hand: &dyn Hand, who: &str, maker: &mut Maker) {
    do_edit(edit, hand, who, maker);
    if who == LOCAL {
        maker.look(&hand.tree());
    }
}

fn do_edit(edit: Edit, hand: &dyn Hand, who: &str, maker: &mut Maker) {
    let tree = hand.tree();
    let files: Vec<&String> = (tree.iter())
        .filter_map(|(path, it)| it.as_ref().map(|_| path))
        .collect();
    if who == LOCAL {
        for (path, content) in &tree {
            let once = maker.once_at.entry(path.clone()).or_default();
            once.extend(content.clone());
        }
    }
    let all: Vec<&String> = tree.keys().collect();
    let top = String::new();
    let folders: Vec<&String> = std::iter::once(&top)
        .chain(
            tree.iter()
                .filter(|(_, it)| it.is_none())
                .map(|(path, _)| path),
        )
        .filter(|path| path.split('/').count() < MOST_DEPTH)
        .collect();
    let is_free = |path: &str| !tree.contains_key(path);
    let file = pick(&files, edit.one);
    let item = pick(&all, edit.one);
    let folder = pick(&folders, edit.other).unwrap_or("");
    let other_name = maker.name(edit.other / 7);
    let overwrite = |maker: &mut Maker, path: &str| {
        let content = maker.content();
        if who == LOCAL {
            maker.supersede(path);
        }
        let seconds = maker.seconds();
        hand.write(path, &content, seconds);
    };
    match edit.what % KINDS {
        0..=4 => {
            let path = join(folder, maker.name(edit.one));
            if is_free(&path) {
                overwrite(maker, &path);
                maker.tell(who, &format!("creates {path}"));
            }
        }
        5..=7 => {
            if let Some(path) = file {
                overwrite(maker, path);
                maker.tell(who, &format!("edits {path}"));
            }
        }
        8 => {
            if let Some(path) = file {
                hand.remove(path);
                overwrite(maker, path);
                maker.tell(who, &format!("replaces {path} by a new file"));
            }
        }
        9 => {
            let path = join(folder, maker.name(edit.one));
            if is_free(&path) {
                hand.make_folder(&path);
                maker.tell(who, &format!("makes folder {path}"));
            }
        }
        10..=11 => {
            if let Some(path) = item {
                hand.remove(path);
                maker.tell(who, &format!("removes {path}"));
            }
        }
        12 => {
            if let Some(path) = item {
                let to = join(folder_of(path), other_name);
                carry(hand, who, maker, &tree, path, &to);
            }
        }
        13 => {
            if let Some(path) = item {
                carry(hand, who, maker, &tree, path, &join(folder, name_of(path)));
            }
        }
        14 => {
            if let Some(path) = item {
                carry(hand, who, maker, &tree, path, &join(folder, other_name));
            }
        }
        15 => {
            let other = pick(&all, edit.other);
            if let (Some(one), Some(other)) = (item, other)
                && !is_under(one, other)
                && !is_under(other, one)
            {
                if who == LOCAL {
                    maker.supersede(one);
                    maker.supersede(other);
                }
                hand.carry(one, "swapping");
                hand.carry(other, one);
                hand.carry("swapping", other);
                maker.tell(who, &format!("swaps {one} and {other}"));
            }
        }
        16 => {
            if let Some(path) = file.filter(|path| path.split('/').count() < MOST_DEPTH) {
                hand.remove(path);
                hand.make_folder(path);
                let inside = join(path, other_name);
                overwrite(maker, &inside);
                maker.tell(
                    who,
                    &format!("makes a folder of file {path}, with {inside}"),
                );
            }
        }
        17 => {
            if let Some(path) = pick(&folders, edit.other).filter(|path| !path.is_empty()) {
                hand.remove(path);
                overwrite(maker, path);
                maker.tell(who, &format!("makes a file of folder {path}"));
            }
        }
        18 => {
            if let Some(path) = file {
                let seconds = maker.seconds();
                hand.touch(path, seconds);
                maker.tell(who, &format!("touches {path}"));
            }
        }
        _ => {
            // A second file of the same content.
            let to = join(folder, other_name);
            if let Some(path) = file.filter(|_| is_free(&to)) {
                if who == LOCAL {
                    maker.supersede(&to);
                }
                let seconds = maker.seconds();
                hand.write(&to, tree[path].as_ref().unwrap(), seconds);
                maker.tell(who, &format!("copies {path} to {to}"));
            }
        }
    }
}

fn carry(hand: &dyn Hand, who: &str, maker: &mut Maker, tree: &Tree, from: &str, to: &str) {
    let depth = |path: &str| path.split('/').count();
    let below = (tree.keys())
        .filter(|path| is_under(path, from))
        .map(|path| depth(path))
        .max()
        .unwrap_or(0);
    let fits = depth(to) + below - depth(from) <= MOST_DEPTH + 1;
    if tree.contains_key(to) || is_under(to, from) || !fits {
        return;
    }
    if who == LOCAL {
        maker.supersede(to);
    }
    hand.carry(from, to);
    maker.tell(who, &format!("moves {from} to {to}"));
}
