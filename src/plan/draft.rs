//! Where each thing is to be on each side, before anyone asks how it gets there.
//!
//! For every entity: where it is now, where it shall be, and which way its content goes. Then the draft is
//! made whole: a folder stays or comes where something is to be in it, nothing that a filter hides goes along
//! with a removed folder, and no two things want one name.

mod names;
mod packages;
mod settle;
mod shares;
mod whole;
mod zones;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{
    Conflict, Input, Inquiry, Kept, Reason, Rules, Settle, Settled, Side,
    matching::{Ent, Entity, Matched, ROOT, Trees, match_trees},
};
use crate::tree::{HasPath, Kind, Listing, LocalItem, RelPath, RemoteItem, Row};

/// A place in a side's tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place<'a> {
    /// The folder's entity.
    pub parent: Ent,
    /// The name there, in the form that both sides' paths have.
    pub name: Cow<'a, str>,
}

/// Which way an entity's content goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// It stays.
    None,
    /// Remote to local.
    Down,
    /// Local to remote.
    Up {
        /// The remote version lost and was never held here.
        saves_loser: bool,
    },
}

/// What the draft says of one entity.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// What it is on the three trees.
    pub entity: Entity,
    /// Where the baseline has it.
    pub base: Option<Place<'a>>,
    /// Where it is now, on each side.
    pub now: [Option<Place<'a>>; 2],
    /// Where it shall be, on each side.
    pub goal: [Option<Place<'a>>; 2],
    /// Which way its content goes.
    pub transfer: Transfer,
    /// Why, for each side that is written to.
    pub reason: [Reason; 2],
    /// No action at it.
    pub is_frozen: bool,
    /// Moved on one side and deleted on the other: it counts as changed, with all in it.
    revived: [bool; 2],
    /// Something of its row is to be renewed, though its content is the same.
    renews: bool,
    /// Both sides have deleted it.
    is_forgotten: bool,
    /// Both sides have it, equal or settled so.
    is_equal: bool,
    /// What goes for good only when that other entity has arrived.
    pub follows: Option<Ent>,
    /// The row that does not hold any more once this entity has been moved.
    pub forgets: Option<RelPath>,
}

/// The whole draft.
pub struct Draft<'a> {
    /// The three trees.
    pub trees: Trees<'a>,
    /// What the plan is made from.
    pub input: Input<'a>,
    /// What it is to do.
    pub rules: Rules,
    /// The entities; number 0 is the root.
    pub parts: Vec<Part<'a>>,
    /// Differences left as they are, each with its entity.
    pub kept: Vec<(Ent, Kept)>,
    /// Conflicts that the policy settles, each with the entity that loses.
    pub conflicts: Vec<(Ent, Conflict)>,
    /// Packages that can't be sent, and stay here.
    unsent: Vec<Ent>,
    /// What stands on each side that is left alone, and no entity of the listing.
    pub reserved: [HashSet<Place<'a>>; 2],
    /// Folder to the names in it, in lower case; made when the first conflict name is wanted.
    names: HashMap<Ent, HashSet<String>>,
}

/// More folders than any path has: Linux takes no path of more than 4,096 bytes.
const DEEPEST_PATH: usize = 2_048;

const LOCAL: usize = Side::Local as usize;
const REMOTE: usize = Side::Remote as usize;

/// Both sides, in the order of the arrays.
pub const SIDES: [Side; 2] = [Side::Local, Side::Remote];

impl<'a> Part<'a> {
    fn new(entity: Entity, base: Option<Place<'a>>, now: [Option<Place<'a>>; 2]) -> Self {
        Self {
            entity,
            base,
            goal: now.clone(),
            now,
            transfer: Transfer::None,
            reason: [Reason::NeededFor; 2],
            is_frozen: false,
            revived: [false; 2],
            renews: false,
            is_forgotten: false,
            is_equal: false,
            follows: None,
            forgets: None,
        }
    }

    /// Leaves everything as it is. What both sides were found to agree on, they still agree on.
    fn freeze(&mut self) {
        self.is_frozen = true;
        self.goal = self.now.clone();
        self.transfer = Transfer::None;
        self.is_forgotten = false;
    }
}

impl<'a> Draft<'a> {
    /// Drafts where everything shall be. What only content can tell and is not known goes into `inquiry`;
    /// the draft is of no use then.
    pub fn new(trees: Trees<'a>, input: Input<'a>, rules: Rules, inquiry: &mut Inquiry) -> Self {
        let matched = match_trees(trees, rules.writes_shares, input.facts, inquiry);
        let mut draft = Self {
            parts: parts(trees, &matched),
            trees,
            input,
            rules,
            kept: Vec::new(),
            conflicts: Vec::new(),
            unsent: Vec::new(),
            reserved: [
                reserved(trees.local, &matched.of_local),
                reserved(trees.remote, &matched.of_remote),
            ],
            names: HashMap::new(),
        };
        draft.ask_for_packages(inquiry);
        draft.freeze_listed(&matched);
        for ent in 1..draft.parts.len() {
            draft.settle(ent, inquiry);
        }
        if inquiry.is_empty() {
            draft.hold_back(inquiry);
        }
        if inquiry.is_empty() {
            draft.make_whole();
        }
        draft
    }

    /// Returns the row of an entity.
    pub fn row(&self, ent: Ent) -> Option<&'a Row> {
        self.parts[ent]
            .entity
            .base
            .map(|at| &self.trees.base.items()[at])
    }

    /// Returns the local item of an entity.
    pub fn local(&self, ent: Ent) -> Option<&'a LocalItem> {
        self.parts[ent]
            .entity
            .local
            .map(|at| &self.trees.local.items()[at])
    }

    /// Returns the remote item of an entity.
    pub fn remote(&self, ent: Ent) -> Option<&'a RemoteItem> {
        self.parts[ent]
            .entity
            .remote
            .map(|at| &self.trees.remote.items()[at])
    }

    /// Returns what an entity is. Where one tree knows it as a package, it is one: nothing but a package must be
    /// made of it.
    pub fn kind(&self, ent: Ent) -> Kind {
        let (row, local, remote) = (self.row(ent), self.local(ent), self.remote(ent));
        let fact = remote.and_then(|item| self.input.facts.remote.get(&item.id));
        let kinds = [
            row.map(|row| row.kind),
            local.map(|item| item.kind),
            remote.map(|item| item.kind),
        ];
        if kinds.contains(&Some(Kind::Package)) || matches!(fact, Some(Ok(fact)) if fact.is_package)
        {
            return Kind::Package;
        }
        let [row, local, remote] = kinds;
        remote.or(local).or(row).unwrap_or(Kind::Folder)
    }

    /// Returns where the baseline has an entity after the pass: where both sides have it, and where it
    /// was for what they leave in different places.
    pub fn agreed_path(&self, ent: Ent) -> Option<RelPath> {
        let mut parts: Vec<&str> = Vec::new();
        let mut at = ent;
        while at != ROOT {
            let part = &self.parts[at];
            let [local, remote] = &part.goal;
            let place = if local.is_some() && local == remote {
                local.as_ref()?
            } else {
                (part.base.as_ref().or(local.as_ref())).or(remote.as_ref())?
            };
            parts.push(&place.name);
            at = place.parent;
            // Old and new places together may go round in a ring.
            if parts.len() > DEEPEST_PATH {
                return None;
            }
        }
        parts.reverse();
        RelPath::parse(&parts.join("/")).ok()
    }

    /// Returns whether the pass does not leave an entity, and each folder that it is in, in one place on both
    /// sides.
    pub fn is_parted(&self, ent: Ent) -> bool {
        let mut at = ent;
        for _ in 0..DEEPEST_PATH {
            if at == ROOT {
                return false;
            }
            match &self.parts[at].goal {
                [Some(local), Some(remote)] if local == remote => at = local.parent,
                _ => return true,
            }
        }
        true
    }

    /// Returns whether the account shares an entity with others, by itself or with a folder that it is in.
    pub fn is_lent(&self, ent: Ent) -> bool {
        let mut at = ent;
        for _ in 0..DEEPEST_PATH {
            if at == ROOT {
                return false;
            }
            if self.remote(at).is_some_and(|item| item.is_lent) {
                return true;
            }
            match &self.parts[at].now[REMOTE] {
                Some(place) => at = place.parent,
                None => return false,
            }
        }
        false
    }

    /// Returns a path by which people know an entity.
    ///
    /// # Panics
    /// For the root, which has no path.
    pub fn shown(&self, ent: Ent) -> RelPath {
        let part = &self.parts[ent].entity;
        let path = (part.local.map(|at| self.trees.local.items()[at].path()))
            .or_else(|| part.remote.map(|at| self.trees.remote.items()[at].path()))
            .or_else(|| part.base.map(|at| self.trees.base.items()[at].path()));
        path.expect("an entity but the root is known to at least one tree")
            .clone()
    }

    fn keep(&mut self, ent: Ent, why: impl Into<String>, is_problem: bool) {
        let path = self.shown(ent);
        let why = why.into();
        let kept = Kept {
            path,
            why,
            is_problem,
        };
        self.kept.push((ent, kept));
    }

    /// Forgets the rows of what was deleted on one side and comes there again since a folder that it is in was moved on
    /// the other. Once that folder is there, nothing would tell a pass that goes on from an interrupted one that what has
    /// not come yet was not deleted since.
    fn renewed_rows(&self) -> Vec<Settled> {
        let comes_again = |ent: Ent| {
            let part = &self.parts[ent];
            SIDES.iter().any(|side| {
                let (here, there) = (*side as usize, side.other() as usize);
                part.revived[there] && part.now[here].is_none() && part.goal[here].is_some()
            })
        };
        let again: Vec<Ent> = (1..self.parts.len())
            .filter(|ent| comes_again(*ent))
            .filter(|ent| {
                (self.parts[*ent].base.as_ref())
                    .is_some_and(|base| base.parent != ROOT && comes_again(base.parent))
            })
            .collect();
        if again.is_empty() {
            return Vec::new();
        }
        // The row of a folder has to stay where one below it does: what has left the folder is still known by it.
        let mut stays: Vec<bool> = (self.parts.iter())
            .map(|part| part.base.is_some() && part.now.iter().any(Option::is_some))
            .collect();
        for ent in &again {
            stays[*ent] = false;
        }
        for ent in 1..self.parts.len() {
            let mut at = ent;
            while stays[at]
                && let Some(base) = &self.parts[at].base
                && base.parent != ROOT
                && !stays[base.parent]
            {
                at = base.parent;
                stays[at] = true;
            }
        }
        let rows = (again.iter())
            .filter(|ent| !stays[**ent])
            .filter_map(|ent| self.row(*ent));
        rows.map(|row| Settled {
            path: row.path.clone(),
            how: Settle::Forget,
            listed: None,
        })
        .collect()
    }

    /// Returns the changes of the baseline that need nothing done on either side.
    pub fn settled(&self) -> Vec<Settled> {
        let mut settled = self.renewed_rows();
        for ent in 1..self.parts.len() {
            let part = &self.parts[ent];
            if part.transfer != Transfer::None || part.goal != part.now {
                continue;
            }
            if part.is_forgotten {
                let path = self.row(ent).map(|row| row.path.clone());
                settled.extend(path.map(|path| Settled {
                    path,
                    how: Settle::Forget,
                    listed: None,
                }));
                continue;
            }
            if part.is_equal
                && (part.renews || part.entity.base.is_none())
                && part.now[LOCAL] == part.now[REMOTE]
                && let (Some(local), Some(remote)) = (self.local(ent), self.remote(ent))
                && let Some(path) = self.agreed_path(ent)
            {
                let how = if part.entity.base.is_none() {
                    Settle::Adopt
                } else {
                    Settle::Renew
                };
                settled.push(Settled {
                    path,
                    how,
                    listed: Some((local.path.clone(), remote.path.clone())),
                });
            }
        }
        settled.sort_by(|a, b| a.path.cmp(&b.path));
        settled
    }
}

/// Makes a part for each entity, with its places as they are.
fn parts<'a>(trees: Trees<'a>, matched: &Matched) -> Vec<Part<'a>> {
    matched
        .entities
        .iter()
        .map(|entity| {
            let local = entity.local.map(|at| Place {
                parent: matched.parent_of_local[at],
                name: Cow::Borrowed(trees.local.items()[at].path.name()),
            });
            let remote = entity.remote.map(|at| Place {
                parent: matched.parent_of_remote[at],
                name: Cow::Borrowed(trees.remote.items()[at].path.name()),
            });
            let base = entity.base.map(|at| Place {
                parent: matched.parent_of_base[at],
                name: Cow::Borrowed(trees.base.items()[at].path.name()),
            });
            Part::new(*entity, base, [local, remote])
        })
        .collect()
}

/// Returns the places of what a listing leaves alone.
fn reserved<'a, T: HasPath>(listing: &'a Listing<T>, of: &[Ent]) -> HashSet<Place<'a>> {
    let place = |path: &'a RelPath| {
        let parent = match path.parent() {
            None => ROOT,
            Some(folder) => of[listing.position(&folder)?],
        };
        let name = Cow::Borrowed(path.name());
        Some(Place { parent, name })
    };
    let paths = listing.left.iter().filter_map(|left| left.path.as_ref());
    paths.filter_map(place).collect()
}
