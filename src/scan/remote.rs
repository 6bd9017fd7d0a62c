//! A folder of iCloud Drive → its listing.
//!
//! The verbs `list` and `probe` come in, a sorted [`Listing`] goes out; nothing is written. The first
//! time, folders are listed level by level, many in one request and several requests in flight.
//! Later all folders of the baseline are probed at once (ids and etags only), and only those are
//! listed in full that hold something the baseline does not know as it is.
//!
//! What the service says is not trusted further than it goes: a folder that is not whole is *unknown*, an item
//! in two places is unknown in both, a circle of folders ends where it closes, and a name that can't
//! be a file name is left. No answer makes a path outside the root.

mod ask;
mod content;
mod known;
mod place;
mod resolve;
mod walk;

use std::collections::{HashMap, HashSet};

pub(crate) use self::resolve::in_context;
use self::{
    ask::Asker,
    content::{Child, Content, Inside, State},
    place::{Folder, Tree},
};
pub use self::{
    known::Known,
    resolve::resolve,
    walk::{Show, walk},
};
use super::{
    Watch,
    filter::{Filter, Scope},
};
use crate::{
    cloud::{FolderAnswer, FolderProbe, Remote},
    error::{Error, Kind as ErrorKind, Result},
    tree::{Kind, Listing, RemoteId, RemoteItem},
};

/// How many folders go into one request until the service shows otherwise. Nobody has published a
/// limit (protocol page 8.1).
pub const FIRST_CHUNK: usize = 50;

/// How many requests are in flight until the service shows otherwise (design section 7).
const FIRST_LISTERS: usize = 8;

/// What the service was found to take; worth remembering between passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLimits {
    /// How many folders went into one request in the end.
    pub chunk: usize,
    /// How many requests were in flight in the end.
    pub listers: usize,
}

impl Default for ListLimits {
    fn default() -> Self {
        Self {
            chunk: FIRST_CHUNK,
            listers: FIRST_LISTERS,
        }
    }
}

/// What a remote scan is to do.
#[derive(Clone, Copy)]
pub struct RemoteScan<'a> {
    /// The service.
    pub remote: &'a dyn Remote,
    /// The folder to list.
    pub root: &'a RemoteId,
    /// Which paths take part.
    pub filter: &'a Filter,
    /// What was there after the last pass; `None` for all to be listed in full.
    pub known: Option<&'a Known<'a>>,
    /// Most requests in flight.
    pub listers: usize,
    /// Stop flag and progress.
    pub watch: Watch<'a>,
}

impl std::fmt::Debug for RemoteScan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteScan")
            .field("root", &self.root)
            .field("listers", &self.listers)
            .finish_non_exhaustive()
    }
}

impl RemoteScan<'_> {
    /// Lists the folder and all below it. `limits` comes in as last remembered, and goes out as found.
    ///
    /// What can't take part is in [`Listing::left`], and not among the items, nor is what is under it:
    /// folders whose listing can't be trusted and items shown in two places (`Unknown`), names that
    /// can't be local ones or make too long a path (`BadName`), names of one folder that are equal after
    /// NFC (`NameClash`; not for case alone: both can be had locally), shared items, and items of unknown
    /// type (`NotAFile`).
    ///
    /// # Errors
    /// `NotFound` where the root is gone; whatever kept the root from being listed whole; `SignIn`;
    /// `Stopped`; `Temporary` where the service stays away.
    pub fn run(&self, limits: &mut ListLimits) -> Result<Listing<RemoteItem>> {
        let asker = Asker::new(self.remote, self.listers, *limits, self.watch);
        let mut gather = Gather {
            scan: self,
            asker: &asker,
            states: HashMap::new(),
        };
        let done = gather.run();
        *limits = asker.limits();
        done
    }
}

/// The folders' contents, as far as they have come in.
struct Gather<'a> {
    scan: &'a RemoteScan<'a>,
    asker: &'a Asker<'a>,
    states: HashMap<RemoteId, State<'a>>,
}

impl<'a> Gather<'a> {
    fn run(&mut self) -> Result<Listing<RemoteItem>> {
        let first = match self.scan.known {
            Some(known) => self.probe(known)?,
            None => vec![self.scan.root.clone()],
        };
        self.list(first)?;
        let mut tree = self.fresh_tree();
        let mut relisted = HashSet::new();
        loop {
            let open = tree.grow(&self.states)?;
            if open.missing.is_empty() && open.gone.is_empty() {
                return Ok(tree.finish());
            }
            // A child that is gone may have been moved: what lists it is asked again, once.
            let mut parents = HashSet::new();
            for folder in &open.gone {
                let parent = folder.parent.as_ref();
                let again =
                    parent.filter(|id| parents.contains(*id) || relisted.insert((*id).clone()));
                if let Some(parent) = again {
                    parents.insert(parent.clone());
                    self.states.remove(&folder.id);
                } else {
                    let why = "its folder lists it, but the service does not know it";
                    let error = Error::new(ErrorKind::Protocol, why);
                    self.states.insert(folder.id.clone(), State::Unknown(error));
                }
            }
            let is_restart = !parents.is_empty();
            let missing = open.missing.iter().map(|folder| folder.id.clone());
            self.list(missing.chain(parents).collect())?;
            if is_restart {
                tree = self.fresh_tree();
            } else {
                tree.resume(open.missing.into_iter().chain(open.gone));
            }
        }
    }

    fn fresh_tree(&self) -> Tree<'a> {
        let root = Folder::root(self.scan.root.clone(), self.scan.filter.root());
        Tree::new(self.scan.filter, self.scan.known, root)
    }

    /// Probes all folders that are known, and returns those that must be listed in full.
    fn probe(&mut self, known: &'a Known<'a>) -> Result<Vec<RemoteId>> {
        let mut folders = vec![self.scan.root.clone()];
        folders.extend(
            known
                .folders()
                .filter(|item| self.scan.filter.scope(&item.path, true) != Scope::Hidden)
                .map(|item| item.id.clone())
                .filter(|id| id != self.scan.root),
        );
        let answers = self.asker.ask(
            &folders,
            |ids| self.scan.remote.probe(ids),
            |probe| match probe {
                FolderProbe::Whole { children, .. } => children.len(),
                FolderProbe::Gone | FolderProbe::Odd(_) => 0,
            },
        )?;
        let mut in_full = Vec::new();
        for (id, answer) in folders.into_iter().zip(answers) {
            match answer {
                Ok(FolderProbe::Whole { folder, .. })
                    if folder.is_trashed && id != *self.scan.root => {}
                Ok(FolderProbe::Whole { folder, children })
                    if folder.id == id && !folder.is_trashed =>
                {
                    match known.unchanged(&id, &children) {
                        Some(same) => {
                            let content = Content {
                                own: Child::with_parent(*folder),
                                inside: Inside::Same(same),
                            };
                            self.states.insert(id, State::Whole(content));
                        }
                        None => in_full.push(id),
                    }
                }
                // Nothing to list: it is either not reached any more, or its parent is asked again.
                Ok(FolderProbe::Gone) if id != *self.scan.root => {}
                Ok(_) | Err(_) => in_full.push(id),
            }
        }
        Ok(in_full)
    }

    /// Lists folders in full; an odd one again, alone.
    fn list(&mut self, mut folders: Vec<RemoteId>) -> Result<()> {
        folders.sort_unstable();
        folders.dedup();
        let count = |answer: &FolderAnswer| match answer {
            FolderAnswer::Whole { children, .. } => children.len(),
            FolderAnswer::Gone | FolderAnswer::Odd(_) => 0,
        };
        let answers = self
            .asker
            .ask(&folders, |ids| self.scan.remote.list(ids), count)?;
        let mut again = Vec::new();
        for (id, answer) in folders.into_iter().zip(answers) {
            let state = state_of(&id, answer);
            if matches!(&state, State::Unknown(error) if error.kind() == ErrorKind::Protocol) {
                again.push(id);
            } else {
                self.states.insert(id, state);
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        let answers = self
            .asker
            .ask_alone(&again, |ids| self.scan.remote.list(ids), count)?;
        for (id, answer) in again.into_iter().zip(answers) {
            let state = state_of(&id, answer);
            self.states.insert(id, state);
        }
        Ok(())
    }
}

fn state_of<'a>(id: &RemoteId, answer: Result<FolderAnswer>) -> State<'a> {
    let odd = |why: &str| State::Unknown(Error::new(ErrorKind::Protocol, why));
    match answer {
        Ok(FolderAnswer::Gone) => State::Gone,
        Ok(FolderAnswer::Odd(why)) => odd(&why),
        Err(error) => State::Unknown(error),
        Ok(FolderAnswer::Whole { folder, .. }) if folder.id != *id => {
            odd("the answer is for another folder")
        }
        Ok(FolderAnswer::Whole { folder, .. }) if folder.is_trashed => State::Gone,
        Ok(FolderAnswer::Whole { folder, children }) => {
            let mut ids: Vec<&RemoteId> = children.iter().map(|child| &child.id).collect();
            ids.sort_unstable();
            if ids.windows(2).any(|pair| pair[0] == pair[1]) {
                return odd("the answer shows one item twice");
            }
            State::Whole(Content {
                own: Child::with_parent(*folder),
                inside: Inside::Listed(children.into_iter().map(Child::of).collect()),
            })
        }
    }
}

/// Returns the kind to list a child under: a listing shows a package as a file, the baseline knows.
fn kind_of(child: &Child, known: Option<&Known<'_>>) -> Kind {
    match child.kind {
        Kind::File => known
            .and_then(|known| known.get(&child.id))
            .map_or(Kind::File, |item| match item.kind {
                Kind::Package => Kind::Package,
                Kind::File | Kind::Folder => Kind::File,
            }),
        Kind::Folder | Kind::Package => child.kind,
    }
}

#[cfg(test)]
mod tests;
