//! All items of one side at one moment, and what of that side can't be relied on.

use std::{
    collections::{BTreeSet, HashSet},
    path::PathBuf,
};

use super::{LocalItem, RelPath, RemoteItem};

/// Something that has a place in a tree.
pub trait HasPath {
    /// Returns where it is.
    fn path(&self) -> &RelPath;

    /// Returns where it is, to be replaced by an equal path.
    fn path_mut(&mut self) -> &mut RelPath;
}

impl HasPath for LocalItem {
    fn path(&self) -> &RelPath {
        &self.path
    }

    fn path_mut(&mut self) -> &mut RelPath {
        &mut self.path
    }
}

impl HasPath for RemoteItem {
    fn path(&self) -> &RelPath {
        &self.path
    }

    fn path_mut(&mut self) -> &mut RelPath {
        &mut self.path
    }
}

/// Why a path is left alone, with all that is under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freeze {
    /// The folder could not be listed whole: nothing at all is taken as deleted on that side.
    Unknown(String),
    /// Two names of one folder are one after NFC or case; the other name is given.
    NameClash(String),
    /// The name can't be on the other side, or can't be written down at all.
    BadName(String),
    /// A symbolic link (`true`) or a special file: skipped by rule.
    NotAFile {
        /// A symbolic link, as against a socket, device or pipe.
        is_symlink: bool,
    },
    /// What another account shares: skipped by rule.
    Shared,
}

impl Freeze {
    /// Returns whether it counts as a problem (exit code 3) rather than a rule.
    pub fn is_problem(&self) -> bool {
        match self {
            Self::Unknown(_) | Self::NameClash(_) | Self::BadName(_) => true,
            Self::NotAFile { .. } | Self::Shared => false,
        }
    }
}

/// A path that is left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The path; `None` where it can't be written as one, `shown` has it then.
    pub path: Option<RelPath>,
    /// The path as people should see it (not yet escaped for terminals).
    pub shown: String,
    /// Why.
    pub why: Freeze,
}

/// All items of one side at one moment: sorted by path, each path once, folders before their
/// content, nothing that a filter hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    items: Vec<T>,
    /// What is left alone, sorted by `shown`.
    pub left: Vec<Left>,
    /// Folders that directly hold something that a filter hides or a rule skips: they can't be
    /// removed as a whole. The root is not in here.
    pub holds_hidden: BTreeSet<RelPath>,
    /// Whether the side's root itself holds something hidden.
    pub root_holds_hidden: bool,
    /// Inodes and birth times of what is left alone for its name, and of all that is in it: it is there, though no item
    /// says so.
    pub unsent: HashSet<(u64, i64)>,
    /// Folders of a local side that are on another disk than the folder that they are in.
    pub mounts: Vec<RelPath>,
    /// Unfinished files that an earlier pass left, below the root as they are on disk.
    pub leftovers: Vec<PathBuf>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            left: Vec::new(),
            holds_hidden: BTreeSet::new(),
            root_holds_hidden: false,
            mounts: Vec::new(),
            unsent: HashSet::new(),
            leftovers: Vec::new(),
        }
    }
}

impl<T: HasPath> Listing<T> {
    /// Makes a listing of items in any order; of two with one path the first stays.
    pub fn new(mut items: Vec<T>) -> Self {
        items.sort_by(|a, b| a.path().cmp(b.path()));
        items.dedup_by(|b, a| a.path() == b.path());
        Self {
            items,
            ..Self::default()
        }
    }

    /// Returns the items, sorted by path.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// Returns the items, sorted by path, and lets go of the rest.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// Returns the item at `path`.
    pub fn get(&self, path: &RelPath) -> Option<&T> {
        self.position(path).map(|at| &self.items[at])
    }

    /// Returns the position in [`Self::items`] of the item at `path`.
    pub fn position(&self, path: &RelPath) -> Option<usize> {
        self.items
            .binary_search_by(|item| item.path().cmp(path))
            .ok()
    }

    /// Takes over the paths of `other` where they are equal, so that both hold one text: of a million items that
    /// is tens of MiB.
    pub fn share_paths<U: HasPath>(&mut self, other: &Listing<U>) {
        let mut theirs = other.items.iter().map(HasPath::path).peekable();
        for item in &mut self.items {
            let own = item.path_mut();
            while theirs.next_if(|path| *path < &*own).is_some() {}
            if let Some(path) = theirs.next_if(|path| *path == &*own) {
                *own = path.clone();
            }
        }
    }

    /// Lets go of the items, which may be many, and keeps what was left alone.
    pub fn let_go(&mut self) {
        self.items = Vec::new();
    }

    /// Returns the items below `folder`, without itself.
    pub fn under<'a>(&'a self, folder: &'a RelPath) -> impl Iterator<Item = &'a T> {
        let start = self.items.partition_point(|item| item.path() <= folder);
        self.items[start..]
            .iter()
            .take_while(move |item| item.path().is_at_or_under(folder))
    }

    /// Returns whether some folder of the side could not be listed whole.
    pub fn has_unknown(&self) -> bool {
        self.left
            .iter()
            .any(|left| matches!(left.why, Freeze::Unknown(_)))
    }

    /// Changes the items in place by `change`, which must not touch their paths.
    pub fn update(&mut self, path: &RelPath, change: impl FnOnce(&mut T)) {
        if let Some(at) = self.position(path) {
            change(&mut self.items[at]);
            debug_assert!(
                self.items[at].path() == path,
                "an item's path is its place in the order"
            );
        }
    }
}

impl Listing<LocalItem> {
    /// Takes a folder with all below it for one thing: `as_one`, or what is left alone in its place; nothing where neither is
    /// given, since it is gone or hidden.
    pub fn fold(&mut self, folder: &RelPath, as_one: Result<Option<LocalItem>, Freeze>) {
        let native = (self.get(folder).and_then(|item| item.spelling.as_deref())).map_or_else(
            || folder.as_str().to_owned(),
            |spelling| spelling.to_string_lossy().into_owned(),
        );
        let is_in = |path: &RelPath| path.is_at_or_under(folder);
        self.items.retain(|item| !is_in(&item.path));
        self.holds_hidden.retain(|path| !is_in(path));
        self.left.retain(|left| match &left.path {
            Some(path) => !is_in(path),
            None => (left.shown.strip_prefix(&native)).is_none_or(|rest| !rest.starts_with('/')),
        });
        match as_one {
            Ok(Some(item)) => {
                let at = self.items.partition_point(|other| other.path < item.path);
                self.items.insert(at, item);
                return;
            }
            Ok(None) => {}
            Err(why) => {
                self.left.push(Left {
                    path: Some(folder.clone()),
                    shown: native,
                    why,
                });
                self.left.sort_by(|a, b| a.shown.cmp(&b.shown));
            }
        }
        match folder.parent() {
            None => self.root_holds_hidden = true,
            Some(parent) => {
                self.holds_hidden.insert(parent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{DocId, Etag, Kind, RemoteId, Zone};

    fn item(path: &str) -> RemoteItem {
        RemoteItem {
            path: RelPath::parse(path).unwrap(),
            kind: Kind::File,
            size: 0,
            modified_ms: None,
            id: RemoteId {
                zone: Zone::drive(),
                doc: DocId::new(path),
            },
            etag: Etag::new("1"),
            name: None,
            is_fixed: false,
            is_lent: false,
        }
    }

    #[test]
    fn equal_paths_are_held_once() {
        let mut one = Listing::new(["a", "b", "c/d", "e"].map(item).to_vec());
        let other = Listing::new(["a", "b/x", "c/d", "f"].map(item).to_vec());
        let before = one.clone();
        one.share_paths(&other);
        assert_eq!(one, before);
        let shared = one.items().iter().map(|item| {
            let there = other.get(&item.path);
            there.is_some_and(|there| std::ptr::eq(there.path.as_str(), item.path.as_str()))
        });
        assert_eq!(shared.collect::<Vec<_>>(), [true, false, true, false]);
    }

    #[test]
    fn what_is_under_a_folder_is_found_whole_and_without_it() {
        let listing = Listing::new(["b", "a.x", "a/c", "a", "a/b/d"].map(item).to_vec());
        let folder = RelPath::parse("a").unwrap();
        let under: Vec<_> = listing.under(&folder).map(|i| i.path.as_str()).collect();
        assert_eq!(under, ["a/b/d", "a/c"]);
        assert!(listing.get(&RelPath::parse("a.x").unwrap()).is_some());
    }

    #[test]
    fn a_folder_that_is_one_thing_takes_all_in_it_along() {
        let here = |path: &str, kind: Kind| LocalItem {
            path: RelPath::parse(path).unwrap(),
            kind,
            size: 0,
            mtime_ns: 0,
            inode: 0,
            birth_ns: 0,
            spelling: None,
        };
        let left = |path: Option<&str>, shown: &str| Left {
            path: path.map(|path| RelPath::parse(path).unwrap()),
            shown: shown.to_owned(),
            why: Freeze::NotAFile { is_symlink: true },
        };
        let folder = RelPath::parse("d/p.key").unwrap();
        let mut listing = Listing::new(vec![
            here("d", Kind::Folder),
            here("d/p.key", Kind::Folder),
            here("d/p.key/a", Kind::File),
            here("d/p.key2", Kind::File),
        ]);
        listing.holds_hidden = [folder.clone(), RelPath::parse("d/q").unwrap()].into();
        listing.left = vec![
            left(Some("d/p.key/link"), "d/p.key/link"),
            left(None, "d/p.key/\u{fffd}"),
            left(None, "d/p.key\u{fffd}"),
        ];
        let paths = |listing: &Listing<LocalItem>| {
            let paths = listing.items().iter().map(|item| item.path.to_string());
            paths.collect::<Vec<_>>()
        };
        let mut one = listing.clone();
        one.fold(&folder, Ok(Some(here("d/p.key", Kind::Package))));
        assert_eq!(paths(&one), ["d", "d/p.key", "d/p.key2"]);
        assert_eq!(one.get(&folder).unwrap().kind, Kind::Package);
        assert_eq!((one.left.len(), one.holds_hidden.len()), (1, 1));
        // Hidden, or not to be read, it keeps its folder from being removed.
        for (why, count) in [(Ok(None), 1), (Err(Freeze::Unknown("no".to_owned())), 2)] {
            let mut none = listing.clone();
            none.fold(&folder, why);
            assert_eq!(paths(&none), ["d", "d/p.key2"]);
            assert_eq!(none.left.len(), count);
            assert!(none.holds_hidden.contains(&RelPath::parse("d").unwrap()));
        }
    }
}
