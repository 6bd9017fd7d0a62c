//! Folders' contents → paths.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{
    content::{Child, Content, Inside, State},
    kind_of,
    known::Known,
};
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    options::Shares,
    scan::{
        clash::twins,
        filter::{Filter, Scope},
    },
    tree::{Freeze, Kind, Left, Listing, RelPath, RemoteId, RemoteItem, Zone, local_name},
};

/// Longer paths can't be opened on Linux (`PATH_MAX`, less some room for the root). The bound also
/// ends a tree without end.
const LONGEST_PATH: usize = 3800;

/// A folder that has its place, and whose content is to be placed.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) id: RemoteId,
    /// The folder that lists it; `None` for the root.
    pub(super) parent: Option<RemoteId>,
    /// As it goes into the listing; `None` for the root.
    item: Option<RemoteItem>,
    scope: Scope,
}

impl Folder {
    pub(super) fn root(id: RemoteId, scope: Scope) -> Self {
        Self {
            id,
            parent: None,
            item: None,
            scope,
        }
    }

    fn path(&self) -> Option<&RelPath> {
        self.item.as_ref().map(|item| &item.path)
    }
}

/// Folders at which a tree could not grow on.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Not listed yet.
    pub(super) missing: Vec<Folder>,
    /// Listed by their parent, and not known to the service.
    pub(super) gone: Vec<Folder>,
}

/// The listing as far as it has grown.
pub(super) struct Tree<'a> {
    filter: &'a Filter,
    known: Option<&'a Known<'a>>,
    shares: Shares,
    /// The zone of the root.
    zone: Zone,
    front: VecDeque<Folder>,
    items: Vec<RemoteItem>,
    left: Vec<Left>,
    holds_hidden: BTreeSet<RelPath>,
    root_holds_hidden: bool,
    /// Where each folder is; `None` for the root.
    places: HashMap<RemoteId, Option<RelPath>>,
    /// Where items are that were seen in a second place.
    doubled: Vec<RelPath>,
}

/// A child on its way to its place.
struct Row<'c> {
    path: RelPath,
    scope: Scope,
    source: Source<'c>,
    is_lent: bool,
}

enum Source<'c> {
    Listed(&'c Child),
    Known(&'c RemoteItem),
}

impl Source<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Listed(child) => &child.name,
            Self::Known(item) => item.remote_name(),
        }
    }

    fn is_folder(&self) -> bool {
        let kind = match self {
            Self::Listed(child) => child.kind,
            Self::Known(item) => item.kind,
        };
        kind == Kind::Folder
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(
        filter: &'a Filter,
        known: Option<&'a Known<'a>>,
        shares: Shares,
        root: Folder,
    ) -> Self {
        Self {
            filter,
            known,
            shares,
            zone: root.id.zone.clone(),
            places: HashMap::from([(root.id.clone(), None)]),
            front: VecDeque::from([root]),
            items: Vec::new(),
            left: Vec::new(),
            holds_hidden: BTreeSet::new(),
            root_holds_hidden: false,
            doubled: Vec::new(),
        }
    }

    /// Has the tree grow on at these folders.
    pub(super) fn resume(&mut self, folders: impl IntoIterator<Item = Folder>) {
        self.front.extend(folders);
    }

    /// Grows as far as contents are there, and returns where they are not.
    ///
    /// # Errors
    /// The root's own trouble.
    pub(super) fn grow(&mut self, states: &HashMap<RemoteId, State<'_>>) -> Result<Open> {
        let mut open = Open::default();
        while let Some(folder) = self.front.pop_front() {
            match states.get(&folder.id) {
                None => open.missing.push(folder),
                Some(State::Gone) if folder.item.is_none() => {
                    let why = "the remote folder is not there any more";
                    return Err(Error::new(ErrorKind::NotFound, why));
                }
                Some(State::Gone) => open.gone.push(folder),
                Some(State::Unknown(error)) => match folder.item {
                    None => return Err(error.clone().in_context("cannot list REMOTE")),
                    Some(item) => self.leave(item.path, Freeze::Unknown(error.chain())),
                },
                Some(State::Whole(content)) => {
                    if let Some(sources) = self.sources(&folder.id, content, states) {
                        let is_lent = folder.item.is_none() && content.own.is_lent;
                        self.place(folder, sources, is_lent);
                    } else {
                        open.missing.push(folder);
                    }
                }
            }
        }
        Ok(open)
    }

    /// Returns a folder's children; `None` where it must be listed in full to know them.
    fn sources<'c>(
        &self,
        id: &RemoteId,
        content: &'c Content<'_>,
        states: &'c HashMap<RemoteId, State<'_>>,
    ) -> Option<Vec<Source<'c>>> {
        let same = match &content.inside {
            Inside::Listed(children) => {
                return Some(children.iter().map(Source::Listed).collect());
            }
            Inside::Same(same) => same,
        };
        let mut sources: Vec<_> = same.files.iter().copied().map(Source::Known).collect();
        for (item, etag) in &same.folders {
            match states.get(&item.id) {
                // Its own element tells its name, if it still says that it is in here.
                Some(State::Whole(Content { own, .. })) if own.is_in(id) => {
                    sources.push(Source::Listed(own));
                }
                // Not probed because the filter hides it: its etag tells that it is called as before.
                None if *etag == item.etag && self.filter.hides(&item.path, true) => {
                    sources.push(Source::Known(item));
                }
                _ => return None,
            }
        }
        Some(sources)
    }

    /// Puts a folder and its children into the listing. `is_lent`: it is the root, which has no item, and is shared with
    /// others; so are its children.
    fn place(&mut self, folder: Folder, sources: Vec<Source<'_>>, is_lent: bool) {
        let at = folder.path().cloned();
        let (id, scope) = (folder.id, folder.scope);
        self.items.extend(folder.item);
        let mut rows = Vec::with_capacity(sources.len());
        for source in sources {
            let path = path_of(at.as_ref(), source.name());
            match path {
                Err(why) => {
                    let name = source.name();
                    let shown = at
                        .as_ref()
                        .map_or_else(|| name.to_owned(), |at| format!("{at}/{name}"));
                    self.left.push(Left {
                        path: None,
                        shown,
                        why: Freeze::BadName(why),
                    });
                    self.mark(at.as_ref());
                }
                Ok(path) => {
                    let scope = self.filter.step(scope, &path, source.is_folder());
                    if scope == Scope::Hidden {
                        self.mark(at.as_ref());
                    } else {
                        rows.push(Row {
                            path,
                            scope,
                            source,
                            is_lent,
                        });
                    }
                }
            }
        }
        let names: Vec<&str> = rows.iter().map(|row| row.path.name()).collect();
        let clashes: Option<Vec<Option<String>>> = twins(&names, false).map(|twins| {
            let name = |other: usize| rows[other].source.name().to_owned();
            twins.into_iter().map(|other| other.map(name)).collect()
        });
        for (number, row) in rows.into_iter().enumerate() {
            let clash = clashes.as_ref().and_then(|all| all[number].clone());
            self.row(&id, at.as_ref(), row, clash);
        }
    }

    fn row(
        &mut self,
        folder: &RemoteId,
        at: Option<&RelPath>,
        row: Row<'_>,
        clash: Option<String>,
    ) {
        let Row {
            path,
            scope,
            source,
            is_lent,
        } = row;
        let freeze = match &source {
            _ if clash.is_some() => clash.map(Freeze::NameClash),
            Source::Listed(child) if child.is_shared || self.skips(&child.id.zone) => {
                Some(Freeze::Shared)
            }
            Source::Listed(child) if child.is_foreign => {
                Some(Freeze::NotAFile { is_symlink: false })
            }
            Source::Listed(_) | Source::Known(_) => None,
        };
        if let Some(why) = freeze {
            self.leave(path, why);
            self.mark(at);
            return;
        }
        let item = match source {
            Source::Listed(child) => RemoteItem {
                kind: kind_of(child, self.known),
                size: child.size,
                modified_ms: child.modified_ms,
                id: child.id.clone(),
                etag: child.etag.clone(),
                name: (*child.name != *path.name()).then(|| child.name.clone()),
                is_fixed: child.is_fixed,
                is_lent: child.is_lent || is_lent,
                path,
            },
            // Where it has stayed in its place, the baseline's path is shared.
            Source::Known(item) if item.path == path => item.clone(),
            Source::Known(item) => RemoteItem {
                path,
                ..item.clone()
            },
        };
        if item.kind != Kind::Folder {
            self.items.push(item);
            return;
        }
        if let Some(first) = self.places.get(&item.id) {
            // In two places: being moved just now, or a circle. Neither place can be relied on.
            self.doubled.extend(first.clone());
            self.doubled.push(item.path);
            return;
        }
        self.places.insert(item.id.clone(), Some(item.path.clone()));
        self.front.push_back(Folder {
            id: item.id.clone(),
            parent: Some(folder.clone()),
            item: Some(item),
            scope,
        });
    }

    /// Returns whether what is in a zone is skipped as a share.
    fn skips(&self, zone: &Zone) -> bool {
        self.shares == Shares::Skip && zone.is_share() && *zone != self.zone
    }

    fn leave(&mut self, path: RelPath, why: Freeze) {
        self.left.push(Left {
            shown: path.to_string(),
            path: Some(path),
            why,
        });
    }

    /// Notes that the folder `at` directly holds something that takes no part.
    fn mark(&mut self, at: Option<&RelPath>) {
        match at {
            None => self.root_holds_hidden = true,
            Some(at) if self.holds_hidden.contains(at) => {}
            Some(at) => {
                self.holds_hidden.insert(at.clone());
            }
        }
    }

    /// Sorts, and leaves what was seen in two places.
    pub(super) fn finish(mut self) -> Listing<RemoteItem> {
        let mut order: Vec<&RemoteItem> = self.items.iter().collect();
        order.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let same = order.windows(2).filter(|pair| pair[0].id == pair[1].id);
        let twice: BTreeSet<RelPath> = same
            .flat_map(|pair| [pair[0].path.clone(), pair[1].path.clone()])
            .chain(self.doubled.iter().cloned())
            .collect();
        if !twice.is_empty() {
            let is_left = |path: &RelPath| {
                twice.contains(path) || path.ancestors().any(|folder| twice.contains(&folder))
            };
            self.items.retain(|item| !is_left(&item.path));
            for path in twice.clone() {
                let why = "the service shows it in two places; it may be on the move";
                let parent = path.parent();
                self.mark(parent.as_ref());
                self.leave(path, Freeze::Unknown(why.to_owned()));
            }
        }
        let mut listing = Listing::new(self.items);
        listing.left = self.left;
        listing.left.sort_by(|a, b| a.shown.cmp(&b.shown));
        listing.holds_hidden = self.holds_hidden;
        listing.root_holds_hidden = self.root_holds_hidden;
        listing
    }
}

fn path_of(at: Option<&RelPath>, name: &str) -> std::result::Result<RelPath, String> {
    let name = local_name(name).map_err(|why| why.to_string())?;
    let path = RelPath::within(at, &name).map_err(|why| why.to_string())?;
    if path.as_str().len() > LONGEST_PATH {
        return Err(format!("the path is longer than {LONGEST_PATH} bytes"));
    }
    Ok(path)
}
