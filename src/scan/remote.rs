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
    options::Shares,
    tree::{Kind, Listing, RemoteId, RemoteItem},
};

/// How many folders go into one request, until the service shows that it takes fewer, or a probe that it takes more.
/// Nobody has published a limit (protocol page 8.1).
pub const FIRST_CHUNK: usize = 50;

/// How many requests are in flight until the service shows otherwise (design section 7).
const FIRST_LISTERS: usize = 8;

/// What the service was found to take; worth remembering between passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLimits {
    /// How many folders went into one request in the end.
    pub chunk: usize,
    /// How many may go into one at most.
    pub most: usize,
    /// How many requests were in flight in the end.
    pub listers: usize,
}

impl Default for ListLimits {
    fn default() -> Self {
        Self {
            chunk: FIRST_CHUNK,
            most: FIRST_CHUNK,
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
    /// What becomes of what others share, but for a root that is in a share itself.
    pub shares: Shares,
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
    /// NFC (`NameClash`; not for case alone: both can be had locally), what others share where that is to be
    /// skipped or can't be asked for (`Shared`), and items of unknown type (`NotAFile`).
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
            Some(known) => self.probe(known, false)?,
            None => vec![self.scan.root.clone()],
        };
        self.list(first)?;
        if let Some(known) = self.scan.known
            && self.scan.shares != Shares::Skip
        {
            // How to ask for shares is known only when the folders that they begin in have been listed.
            let first = self.probe(known, true)?;
            self.list(first)?;
        }
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
        Tree::new(self.scan.filter, self.scan.known, self.scan.shares, root)
    }

    /// Probes all folders that are known, those of shares or all others, and returns those that must be listed in full.
    fn probe(&mut self, known: &'a Known<'a>, of_shares: bool) -> Result<Vec<RemoteId>> {
        let root = self.scan.root;
        let is_due = |id: &RemoteId| {
            let is_others = id.zone.is_share() && id.zone != root.zone;
            id != root && is_others == of_shares
        };
        let mut folders = Vec::new();
        folders.extend((!of_shares).then(|| root.clone()));
        folders.extend(
            known
                .folders()
                .filter(|item| self.scan.filter.scope(&item.path, true) != Scope::Hidden)
                .map(|item| &item.id)
                .filter(|id| is_due(id))
                .cloned(),
        );
        let answers = self.asker.ask(
            &folders,
            |ids| {
                let answers = self.scan.remote.probe(ids)?;
                let probed = |(id, answer)| probed(known, root, id, answer);
                Ok(each_with_id(answers, ids).map(probed).collect())
            },
            |probed| match probed {
                Probed::Same(content) => content.inside.count(),
                Probed::Changed | Probed::Nothing => 0,
            },
        )?;
        let mut in_full = Vec::new();
        for (id, answer) in folders.into_iter().zip(answers) {
            match answer {
                Ok(Probed::Same(content)) => {
                    self.states.insert(id, State::Whole(*content));
                }
                Ok(Probed::Nothing) => {}
                Ok(Probed::Changed) | Err(_) => in_full.push(id),
            }
        }
        Ok(in_full)
    }

    /// Lists folders in full; an odd one again, alone.
    fn list(&mut self, mut folders: Vec<RemoteId>) -> Result<()> {
        folders.sort_unstable();
        folders.dedup();
        let count = |state: &State<'_>| match state {
            State::Whole(content) => content.inside.count(),
            State::Gone | State::Unknown(_) => 0,
        };
        let list = |ids: &[RemoteId]| {
            let answers = self.scan.remote.list(ids)?;
            let state = |(id, answer)| state_of(id, answer);
            Ok(each_with_id(answers, ids).map(state).collect())
        };
        let answers = self.asker.ask(&folders, list, count)?;
        let mut again = Vec::new();
        for (id, answer) in folders.into_iter().zip(answers) {
            let state = answer.unwrap_or_else(State::Unknown);
            if matches!(&state, State::Unknown(error) if error.kind() == ErrorKind::Protocol) {
                again.push(id);
            } else {
                self.states.insert(id, state);
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        let answers = self.asker.ask_alone(&again, list, count)?;
        for (id, answer) in again.into_iter().zip(answers) {
            let state = answer.unwrap_or_else(State::Unknown);
            self.states.insert(id, state);
        }
        Ok(())
    }
}

/// Returns each answer with the id that it is for; an answer too many has none.
fn each_with_id<T>(
    answers: Vec<T>,
    ids: &[RemoteId],
) -> impl Iterator<Item = (Option<&RemoteId>, T)> {
    let answers = answers.into_iter().enumerate();
    answers.map(|(at, answer)| (ids.get(at), answer))
}

/// What a probe came to: made of each answer as it comes in, since a pointer for a child takes less room than an answer.
enum Probed<'a> {
    /// It is as the baseline knows it.
    Same(Box<Content<'a>>),
    /// It must be listed in full.
    Changed,
    /// There is nothing to list: it is either not reached any more, or its parent is asked again.
    Nothing,
}

fn probed<'a>(
    known: &'a Known<'a>,
    root: &RemoteId,
    id: Option<&RemoteId>,
    answer: FolderProbe,
) -> Probed<'a> {
    let is_root = id == Some(root);
    match answer {
        FolderProbe::Whole { folder, .. } if folder.is_trashed && !is_root => Probed::Nothing,
        FolderProbe::Whole { folder, children } if id == Some(&folder.id) && !folder.is_trashed => {
            match known.unchanged(&folder.id, &children) {
                Some(same) => Probed::Same(Box::new(Content {
                    own: Child::with_parent(*folder),
                    inside: Inside::Same(same),
                })),
                None => Probed::Changed,
            }
        }
        FolderProbe::Gone if !is_root => Probed::Nothing,
        FolderProbe::Whole { .. } | FolderProbe::Gone | FolderProbe::Odd(_) => Probed::Changed,
    }
}

fn state_of<'a>(id: Option<&RemoteId>, answer: FolderAnswer) -> State<'a> {
    let odd = |why: &str| State::Unknown(Error::new(ErrorKind::Protocol, why));
    match answer {
        FolderAnswer::Gone => State::Gone,
        FolderAnswer::Odd(why) => odd(&why),
        FolderAnswer::Whole { folder, .. } if id != Some(&folder.id) => {
            odd("the answer is for another folder")
        }
        FolderAnswer::Whole { folder, .. } if folder.is_trashed => State::Gone,
        FolderAnswer::Whole { folder, children } => {
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
