//! From two listings and a baseline to a plan: plain data, made by pure functions.
//!
//! The order to read in: [`matching`] (which items are one and the same), [`change`] (how each side differs
//! from the baseline), [`decide`] (the table: what follows in which verb), [`conflict`] (who wins, and the
//! names of kept copies), [`draft`] (where each thing is to be on each side), [`order`] (the actions that bring
//! it there, and what must come before what), [`guard`] (reasons not to start). Nothing here reads a clock, a
//! file or the network; what it needs comes in as arguments.
//!
//! Some questions only content can answer: has a touched file changed, are two new files equal? [`make`] lists
//! the ones it met in an [`Inquiry`]; the caller finds the answers, puts them into [`Facts`] and asks again. So it does of
//! folders that turn out to be packages, which are to be one item of the local listing.

pub mod change;
pub mod conflict;
pub mod decide;
pub mod draft;
pub mod guard;
pub mod matching;
pub mod order;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::tree::{
    Kind, Listing, LocalItem, RelPath, RemoteId, RemoteItem, Row, Signature, names_package,
};

/// Which way a pass works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Remote to local; never writes remotely.
    Pull,
    /// Local to remote; never writes locally, but for the tool's own folder.
    Push,
    /// Both ways.
    Bisync,
}

impl Verb {
    /// Returns the verb as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Bisync => "bisync",
        }
    }
}

/// One of the two sides of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The folder on this machine.
    Local,
    /// The folder of iCloud Drive.
    Remote,
}

impl Side {
    /// Returns the other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Local => Self::Remote,
            Self::Remote => Self::Local,
        }
    }

    /// Returns its name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

/// Who wins where both sides changed one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// The one modified later; a tie within 1 s keeps both.
    #[default]
    PreferNewer,
    /// The local one.
    PreferLocal,
    /// The remote one.
    PreferRemote,
    /// Both: one gets a conflict name.
    KeepBoth,
}

/// What a pass may delete (`--delete`, `--delete-extra`; bisync always carries deletions over).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Delete {
    /// Nothing (pull, push).
    #[default]
    Nothing,
    /// What the source side has deleted since the baseline.
    SinceBaseline,
    /// All that the source side does not have.
    Extra,
}

/// Why an action is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// New on that side.
    Created(Side),
    /// Its content changed on that side.
    Modified(Side),
    /// It is gone from that side.
    Deleted(Side),
    /// It was renamed or moved on that side.
    Moved(Side),
    /// Changed on this side, deleted on the other: the edit wins.
    EditWins(Side),
    /// Gone from the side that this verb writes to: it comes back.
    ComesBack(Side),
    /// The other side never had it, and `--delete-extra` is given.
    Extra(Side),
    /// Both sides changed it; this side won.
    ConflictWon(Side),
    /// Both sides changed it; this one is kept under a conflict name.
    ConflictKept(Side),
    /// A folder that is needed for what goes into it.
    NeededFor,
    /// Its name is wanted by another item.
    MakesWay,
    /// It was renamed or moved locally, and the service lets nobody do that: the folder of an app.
    Fixed,
}

/// The remote folder that something goes into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// A folder that is there already.
    Known(RemoteId),
    /// The folder that the action of this number makes.
    Made(usize),
}

/// What an action does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Makes a local folder at the path (it is there already on the remote side).
    CreateLocalFolder,
    /// Makes a remote folder `name` in `parent`.
    CreateRemoteFolder {
        /// The folder it goes into.
        parent: Parent,
        /// Its name as the service will have it.
        name: String,
    },
    /// Brings the remote content to the path. A local file or package there goes to the local trash.
    Download,
    /// Sends the local content. With [`Action::remote`] given: a new version in place, same id.
    Upload {
        /// The folder it is in or goes into.
        parent: Parent,
        /// Its name as the service has it or will have it.
        name: String,
        /// The remote version lost a conflict and this machine never held it: it is brought into the
        /// local trash and verified before it is replaced.
        saves_loser: bool,
    },
    /// Renames or moves the local item from this path to the action's path.
    MoveLocal {
        /// Where it is when its turn comes.
        from: RelPath,
    },
    /// Exchanges the local items at this path and at the action's path, in one step.
    SwapLocal {
        /// The other path.
        with: RelPath,
        /// The local item that goes there, as it was listed.
        other_local: Option<Box<LocalItem>>,
        /// That item on the remote side.
        other_remote: Option<Box<RemoteItem>>,
    },
    /// Renames or moves the remote item.
    MoveRemote {
        /// Where it is when its turn comes.
        from: RelPath,
        /// The folder it goes into; `None` where it stays in its folder.
        parent: Option<Parent>,
        /// Its name as the service will have it.
        name: String,
        /// The new name would be taken in the old folder: move first, rename then.
        moves_first: bool,
        /// Only makes way for another item: the baseline does not follow.
        is_temporary: bool,
    },
    /// Moves the local item, and all below it, into the local trash.
    RemoveLocal,
    /// Moves the remote item, and all below it, to iCloud's Recently Deleted.
    TrashRemote,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Where its result will be; of a removal, what is removed; of an upload, what is read. As it is
    /// called when its turn comes.
    pub path: RelPath,
    /// The path of its row in the baseline afterwards, where that is another: the sides leave it in
    /// different places.
    pub agreed: Option<RelPath>,
    /// The path of a row in the baseline that no longer holds once this is done.
    pub forgets: Option<RelPath>,
    /// What it works on.
    pub kind: Kind,
    /// What it does.
    pub what: What,
    /// Why.
    pub reason: Reason,
    /// Content bytes to transfer, as far as the listings tell.
    pub size: u64,
    /// Actions of one stage need nothing of each other; stages run one after the other.
    pub stage: u32,
    /// Numbers of the actions that must have been done, or this one is skipped.
    pub needs: Vec<usize>,
    /// The local item as it was listed: to be found so again just before acting. `None`: nothing
    /// may stand at the path.
    pub local: Option<Box<LocalItem>>,
    /// The remote item as it was listed: to be found so again just before acting. Of a local removal: as
    /// the baseline has it, to be found gone.
    pub remote: Option<Box<RemoteItem>>,
    /// Of a removal of a folder: all that goes with it, sorted; anything else in it keeps it there.
    pub content: Vec<Inside>,
    /// Of a removal or a move on the remote side: the account shares it, or something in it, with others, who see it
    /// go as well (protocol page 12, hazard 19).
    pub is_lent: bool,
}

/// Something that goes with its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// Where it is when its folder's turn comes.
    pub path: RelPath,
    /// The local item as it was listed, where it is removed locally.
    pub local: Option<Box<LocalItem>>,
    /// The remote item: as it was listed where it is trashed remotely, as the baseline has it where the
    /// local one is removed.
    pub remote: Option<Box<RemoteItem>>,
}

impl Action {
    /// Returns the side that is written to.
    pub fn side(&self) -> Side {
        match self.what {
            What::CreateLocalFolder
            | What::Download
            | What::MoveLocal { .. }
            | What::SwapLocal { .. }
            | What::RemoveLocal => Side::Local,
            What::CreateRemoteFolder { .. }
            | What::Upload { .. }
            | What::MoveRemote { .. }
            | What::TrashRemote => Side::Remote,
        }
    }

    /// Returns whether it replaces content that stands there now.
    pub fn is_replacement(&self) -> bool {
        match self.what {
            What::Download => self.local.is_some(),
            What::Upload { .. } => self.remote.is_some(),
            What::CreateLocalFolder
            | What::CreateRemoteFolder { .. }
            | What::MoveLocal { .. }
            | What::SwapLocal { .. }
            | What::MoveRemote { .. }
            | What::RemoveLocal
            | What::TrashRemote => false,
        }
    }
}

/// How a path's baseline entry changes without anything done on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settle {
    /// Both sides have it, equal: into the baseline.
    Adopt,
    /// Only marks moved, not content (a touch, an etag): the entry is renewed.
    Renew,
    /// Both sides have deleted it.
    Forget,
}

/// A change of the baseline alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Where the entry is after the pass; of one that goes, where it was before.
    pub path: RelPath,
    /// What happens to the entry.
    pub how: Settle,
    /// Where the local and the remote listing have it; `None` for [`Settle::Forget`]. A first pass settles every item
    /// of two equal trees: copies of both would be as large as the listings.
    pub listed: Option<(RelPath, RelPath)>,
}

/// A difference that the plan leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The path.
    pub path: RelPath,
    /// Why, for people.
    pub why: String,
    /// A problem (exit code 3) rather than a rule of the verb or of the policy.
    pub is_problem: bool,
}

/// A conflict that the policy settles, and where the loser will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The path that both sides changed.
    pub path: RelPath,
    /// The winner; `None` where both are kept.
    pub winner: Option<Side>,
    /// Where the loser is kept beside it, under its conflict name; `None`: in a trash, or left where it is.
    pub kept_as: Option<RelPath>,
    /// The number of the action that puts the loser into a trash; `None` where it is kept beside, or nothing is done.
    pub put_away_by: Option<usize>,
}

/// What a pass will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The actions, by stage, then path.
    pub actions: Vec<Action>,
    /// Changes of the baseline alone, by path.
    pub settled: Vec<Settled>,
    /// Differences left as they are, by path.
    pub kept: Vec<Kept>,
    /// Conflicts that the policy settles, by path.
    pub conflicts: Vec<Conflict>,
}

/// What a download token tells of remote content without fetching it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteFact {
    /// The content's signature; `None` where it has no form that can be verified.
    pub signature: Option<Signature>,
    /// It is a package.
    pub is_package: bool,
}

/// Answers to an [`Inquiry`]: what content says.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Signatures of local files, or why one can't be read.
    pub local: HashMap<RelPath, Result<Signature, String>>,
    /// What the service says of remote files, or why it does not.
    pub remote: HashMap<RemoteId, Result<RemoteFact, String>>,
    /// Signatures of all that is in remote packages ([`crate::tree::PackageTree`]), or why one can't be had.
    pub trees: HashMap<RemoteId, Result<Signature, String>>,
    /// What is in local packages, files and folders; nothing where one can't be looked into.
    pub inside: HashMap<RelPath, Vec<LocalItem>>,
}

/// Questions that only content can answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inquiry {
    /// Local files whose signature is wanted.
    pub local: BTreeSet<RelPath>,
    /// Remote files whose signature is wanted.
    pub remote: BTreeSet<RemoteId>,
    /// Local folders that are packages, or would be: each is to be listed as one item, without what is in it.
    pub packages: BTreeSet<RelPath>,
    /// Remote packages that are to be looked into.
    pub trees: BTreeSet<RemoteId>,
    /// Local packages whose files and folders are wanted.
    pub inside: BTreeSet<RelPath>,
}

impl Inquiry {
    /// Returns whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.local.is_empty()
            && self.remote.is_empty()
            && self.packages.is_empty()
            && self.trees.is_empty()
            && self.inside.is_empty()
    }

    /// Returns the signature of what is in a remote package; asks for it where it is not known.
    fn tree<'a>(
        &mut self,
        facts: &'a Facts,
        item: &RemoteItem,
    ) -> Option<Result<Signature, &'a str>> {
        let answer = facts.trees.get(&item.id);
        if answer.is_none() {
            self.trees.insert(item.id.clone());
        }
        answer.map(|answer| answer.as_ref().copied().map_err(String::as_str))
    }

    /// Returns what is in a local package; asks for it where it is not known.
    fn inside<'a>(&mut self, facts: &'a Facts, path: &RelPath) -> Option<&'a [LocalItem]> {
        let answer = facts.inside.get(path);
        if answer.is_none() {
            self.inside.insert(path.clone());
        }
        answer.map(Vec::as_slice)
    }

    /// Returns the signature of a local file, or of all that is in a package, or why it can't be read; asks for it where it
    /// is not known.
    fn local<'a>(
        &mut self,
        facts: &'a Facts,
        item: &LocalItem,
    ) -> Option<Result<Signature, &'a str>> {
        if item.size == 0 && item.kind == Kind::File {
            return Some(Ok(Signature::of(b"")));
        }
        let answer = facts.local.get(&item.path);
        if answer.is_none() {
            self.local.insert(item.path.clone());
        }
        answer.map(|answer| answer.as_ref().copied().map_err(String::as_str))
    }

    /// Returns what the service says of a remote file; asks for it where it is not known. Nothing
    /// is asked of an empty file: the service has no token for one (protocol page 9.3). What is named like a package may be
    /// one all the same: its listed size says nothing.
    fn remote<'a>(
        &mut self,
        facts: &'a Facts,
        item: &RemoteItem,
    ) -> Option<Result<RemoteFact, &'a str>> {
        match facts.remote.get(&item.id) {
            Some(answer) => Some(answer.as_ref().copied().map_err(String::as_str)),
            None if item.size == 0 && !names_package(item.path.name()) => Some(Ok(RemoteFact {
                signature: Some(Signature::of(b"")),
                is_package: false,
            })),
            None => {
                self.remote.insert(item.id.clone());
                None
            }
        }
    }
}

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// What both sides were when they last agreed; all rows, hidden ones too.
    pub base: &'a Listing<Row>,
    /// The local side now.
    pub local: &'a Listing<LocalItem>,
    /// The remote side now.
    pub remote: &'a Listing<RemoteItem>,
    /// The remote root's identity.
    pub remote_root: &'a RemoteId,
    /// Answers of earlier rounds.
    pub facts: &'a Facts,
    /// Whether a filter hides a path (`true`: of a folder).
    pub hides: &'a dyn Fn(&RelPath, bool) -> bool,
    /// Items that an interrupted pass left on their way on that side: their place there says nothing.
    pub in_transit: &'a HashMap<RemoteId, Side>,
}

/// What a plan is to do.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Which way.
    pub verb: Verb,
    /// Who wins a conflict.
    pub policy: Policy,
    /// What pull and push may delete.
    pub delete: Delete,
    /// Settle every doubt by content.
    pub checksum: bool,
    /// Write to what other accounts share: nothing is deleted there, and nothing goes to another folder.
    pub writes_shares: bool,
}

/// Makes a plan. Where the second value is not empty, the plan rests on guesses: find the answers
/// and ask again.
pub fn make(input: Input<'_>, rules: Rules) -> (Plan, Inquiry) {
    let is_awake = |row: &Row| !(input.hides)(&row.path, row.kind == Kind::Folder);
    let rows = input.base.items();
    // A copy of a large baseline is not made for nothing: mostly no filter hides any of it.
    let awake = (!rows.iter().all(is_awake))
        .then(|| Listing::new(rows.iter().filter(|row| is_awake(row)).cloned().collect()));
    let trees = matching::Trees {
        base: awake.as_ref().unwrap_or(input.base),
        local: input.local,
        remote: input.remote,
    };
    let mut inquiry = Inquiry::default();
    let draft = draft::Draft::new(trees, input, rules, &mut inquiry);
    if !inquiry.is_empty() {
        return (Plan::default(), inquiry);
    }
    let mut plan = order::plan(draft);
    if awake.is_some() {
        // First, since what is settled else may be of the same items.
        plan.settled.splice(0..0, came_out(input));
    }
    (plan, inquiry)
}

/// Forgets the rows that a filter hides of items that have left that place on the remote side, and are seen there now: to
/// the plan they are new, and no row that it does not see must follow them.
fn came_out(input: Input<'_>) -> Vec<Settled> {
    let seen: HashSet<&RemoteId> = input.remote.items().iter().map(|item| &item.id).collect();
    (input.base.items().iter())
        .filter(|row| (input.hides)(&row.path, row.kind == Kind::Folder))
        .filter(|row| seen.contains(&row.id) && !input.in_transit.contains_key(&row.id))
        .map(|row| Settled {
            path: row.path.clone(),
            how: Settle::Forget,
            listed: None,
        })
        .collect()
}
