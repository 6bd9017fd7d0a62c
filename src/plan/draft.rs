//! Where each thing is to be on each side, before anyone asks how it gets there.
//!
//! For every entity: where it is now, where it shall be, and which way its content goes. Then the draft is
//! made whole: a folder stays or comes where something is to be in it, nothing that a filter hides goes along
//! with a removed folder, and no two things want one name.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
};

use super::{
    Conflict, Delete, Input, Inquiry, Kept, Policy, Reason, Rules, Settle, Settled, Side, Verb,
    change::{self, Content, State},
    conflict,
    decide::{Step, Why, decide},
    matching::{Ent, Entity, Matched, ROOT, Trees, match_trees},
};
use crate::tree::{HasPath, Kind, Listing, LocalItem, RelPath, RemoteItem, Row, Zone};

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
    /// Differences left as they are.
    pub kept: Vec<Kept>,
    /// Conflicts that the policy settles.
    pub conflicts: Vec<Conflict>,
    /// Folder to the names in it, in lower case; made when the first conflict name is wanted.
    names: HashMap<Ent, HashSet<String>>,
}

/// More folders than any path has: Linux takes no path of more than 4,096 bytes.
const DEEPEST_PATH: usize = 2_048;

/// After so many rounds, what still wants a taken place is left alone.
const NAMING_ROUNDS: u32 = 50;

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

    /// Leaves everything as it is.
    fn freeze(&mut self) {
        self.is_frozen = true;
        self.goal = self.now.clone();
        self.transfer = Transfer::None;
        self.renews = false;
        self.is_forgotten = false;
        self.is_equal = false;
    }
}

impl<'a> Draft<'a> {
    /// Drafts where everything shall be. What only content can tell and is not known goes into `inquiry`;
    /// the draft is of no use then.
    pub fn new(trees: Trees<'a>, input: Input<'a>, rules: Rules, inquiry: &mut Inquiry) -> Self {
        let matched = match_trees(trees, input.facts, inquiry);
        let mut draft = Self {
            parts: parts(trees, &matched),
            trees,
            input,
            rules,
            kept: Vec::new(),
            conflicts: Vec::new(),
            names: HashMap::new(),
        };
        draft.freeze_listed(&matched);
        for ent in 1..draft.parts.len() {
            draft.settle(ent, inquiry);
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

    /// Returns what an entity is.
    pub fn kind(&self, ent: Ent) -> Kind {
        if self.row(ent).is_some_and(|row| row.kind == Kind::Package) {
            return Kind::Package;
        }
        let listed = self
            .remote(ent)
            .map(|item| {
                let fact = self.input.facts.remote.get(&item.id);
                match fact {
                    Some(Ok(fact)) if fact.is_package => Kind::Package,
                    _ => item.kind,
                }
            })
            .or_else(|| self.local(ent).map(|item| item.kind));
        listed
            .or_else(|| self.row(ent).map(|row| row.kind))
            .unwrap_or(Kind::Folder)
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
        self.kept.push(Kept {
            path,
            why: why.into(),
            is_problem,
        });
    }

    /// Freezes what the listings say is not to be relied on, and what it may be a part of.
    fn freeze_listed(&mut self, matched: &Matched) {
        let frozen: BTreeSet<&RelPath> = (self.trees.local.left.iter())
            .chain(&self.trees.remote.left)
            .filter_map(|left| left.path.as_ref())
            .collect();
        let is_frozen = |path: &RelPath| {
            frozen.contains(path) || path.ancestors().any(|folder| frozen.contains(&folder))
        };
        let unknown = [
            self.trees.local.has_unknown(),
            self.trees.remote.has_unknown(),
        ];
        for ent in 1..self.parts.len() {
            let entity = self.parts[ent].entity;
            let on_frozen = !frozen.is_empty()
                && ((self.row(ent)).is_some_and(|row| is_frozen(&row.path))
                    || (self.local(ent)).is_some_and(|item| is_frozen(&item.path))
                    || (self.remote(ent)).is_some_and(|item| is_frozen(&item.path)));
            // What is missing may have moved into a folder that could not be listed.
            let missing = [entity.local.is_none(), entity.remote.is_none()];
            let counts = |here: usize| {
                let source = match self.rules.verb {
                    Verb::Pull => REMOTE,
                    Verb::Push | Verb::Bisync => LOCAL,
                };
                entity.base.is_some() || (self.rules.delete == Delete::Extra && here == source)
            };
            let may_be_there = [LOCAL, REMOTE]
                .into_iter()
                .any(|here| missing[here] && unknown[here] && counts(here));
            if on_frozen || may_be_there || self.is_asleep(ent, matched) {
                self.parts[ent].freeze();
            }
        }
    }

    /// Returns whether an entity is missing from a side only because its folder went where a filter
    /// hides it.
    fn is_asleep(&self, ent: Ent, matched: &Matched) -> bool {
        let entity = self.parts[ent].entity;
        let Some(row) = entity.base.map(|at| &self.trees.base.items()[at]) else {
            return false;
        };
        let folder_ent = matched.parent_of_base[entity.base.unwrap_or_default()];
        if folder_ent == ROOT {
            return false;
        }
        let folder = self.parts[folder_ent].entity;
        let hidden_at = |folder: Option<&RelPath>| {
            folder.is_some_and(|folder| {
                Some(folder.as_str()) != row.path.parent_str()
                    && folder
                        .join(row.path.name())
                        .is_ok_and(|path| (self.input.hides)(&path, row.kind == Kind::Folder))
            })
        };
        (entity.local.is_none()
            && hidden_at(folder.local.map(|at| &self.trees.local.items()[at].path)))
            || (entity.remote.is_none()
                && hidden_at(folder.remote.map(|at| &self.trees.remote.items()[at].path)))
    }

    /// Settles one entity by the table, then its place.
    fn settle(&mut self, ent: Ent, inquiry: &mut Inquiry) {
        if self.parts[ent].is_frozen {
            return;
        }
        let base_place = self.parts[ent].base.clone();
        let mut states = match self.states(ent, inquiry) {
            Ok(states) => states,
            Err(why) => {
                self.keep(ent, why, true);
                self.parts[ent].freeze();
                return;
            }
        };
        // A move is a change too: against a deletion it wins, with all that is in the folder.
        if let Some(base) = &base_place {
            for side in SIDES {
                let (here, there) = (side as usize, side.other() as usize);
                let moved = self.parts[ent].now[here]
                    .as_ref()
                    .is_some_and(|now| now != base);
                let carried = base.parent != ROOT && self.parts[base.parent].revived[here];
                if states[here] == State::Same
                    && states[there] == State::Deleted
                    && (moved || carried)
                {
                    self.parts[ent].revived[here] = true;
                    states[here] = State::Modified;
                }
            }
        }
        let step = decide(
            self.rules.verb,
            self.rules.delete,
            states[LOCAL],
            states[REMOTE],
        );
        self.apply(ent, step, inquiry);
        if !self.parts[ent].is_frozen {
            self.locate(ent, base_place);
        }
    }

    /// Returns both sides' states; marks the part where its row only needs renewing.
    fn states(&mut self, ent: Ent, inquiry: &mut Inquiry) -> Result<[State; 2], String> {
        let (row, local, remote) = (self.row(ent), self.local(ent), self.remote(ent));
        let Some(row) = row else {
            let state = |there: bool| if there { State::Created } else { State::Absent };
            return Ok([state(local.is_some()), state(remote.is_some())]);
        };
        let mut renews = false;
        let mut state = |content: Option<Content>| match content {
            None => State::Deleted,
            Some(Content::Modified) => State::Modified,
            Some(Content::Renewed) => {
                renews = true;
                State::Same
            }
            Some(Content::Same) => State::Same,
        };
        let facts = self.input.facts;
        let local = local
            .map(|item| change::local(row, item, self.rules.checksum, facts, inquiry))
            .transpose()?;
        let remote = remote
            .map(|item| change::remote(row, item, facts, inquiry))
            .transpose()?;
        let states = [state(local), state(remote)];
        // A new id at the old place is written down even if the content is the same.
        let other_id = self.remote(ent).is_some_and(|item| item.id != row.id);
        self.parts[ent].renews = renews || other_id;
        Ok(states)
    }

    fn apply(&mut self, ent: Ent, step: Step, inquiry: &mut Inquiry) {
        match step {
            Step::Nothing => self.parts[ent].is_equal = self.is_on_both(ent),
            Step::Leave(why) => self.leave(ent, why),
            Step::Forget => self.parts[ent].is_forgotten = true,
            Step::Copy(to, reason) => self.copy(ent, to, reason, false),
            Step::Remove(from, reason) => self.remove(ent, from, reason),
            Step::Compare => self.compare(ent, inquiry),
        }
    }

    fn is_on_both(&self, ent: Ent) -> bool {
        self.parts[ent].now.iter().all(Option::is_some)
    }

    fn leave(&mut self, ent: Ent, why: Why) {
        let text = match why {
            Why::ChangedHere(side) => {
                format!(
                    "changed on the {} side only, which {} does not carry over",
                    side.as_str(),
                    self.rules.verb.as_str()
                )
            }
            Why::OnlyHere(side) => format!("only on the {} side", side.as_str()),
            Why::DeletionNotAsked(side) => {
                format!(
                    "deleted on the {} side; --delete would carry it over",
                    side.as_str()
                )
            }
        };
        self.keep(ent, text, false);
    }

    fn remove(&mut self, ent: Ent, from: Side, reason: Reason) {
        if from == Side::Remote && self.remote(ent).is_some_and(|item| item.is_fixed) {
            self.keep(
                ent,
                "an app's folder in iCloud Drive can't be removed from here",
                true,
            );
            self.parts[ent].freeze();
            return;
        }
        let part = &mut self.parts[ent];
        part.goal[from as usize] = None;
        part.reason[from as usize] = reason;
    }

    fn copy(&mut self, ent: Ent, to: Side, reason: Reason, saves_loser: bool) {
        let kind = self.kind(ent);
        if kind == Kind::Package && to == Side::Remote {
            self.keep(
                ent,
                "a package can be received but not sent (the service has no way in)",
                true,
            );
            self.parts[ent].freeze();
            return;
        }
        let part = &mut self.parts[ent];
        let from = to.other() as usize;
        if part.goal[to as usize].is_none() {
            part.goal[to as usize].clone_from(&part.now[from]);
        }
        part.reason[to as usize] = reason;
        part.transfer = match (kind, to) {
            (Kind::Folder, _) => Transfer::None,
            (_, Side::Local) => Transfer::Down,
            (_, Side::Remote) => Transfer::Up { saves_loser },
        };
    }

    /// Both sides changed it: adopts equal content, or lets the policy decide.
    fn compare(&mut self, ent: Ent, inquiry: &mut Inquiry) {
        let (Some(local), Some(remote)) = (self.local(ent), self.remote(ent)) else {
            return;
        };
        match change::is_equal(local, remote, self.input.facts, inquiry) {
            Ok(true) => {
                let part = &mut self.parts[ent];
                part.is_equal = true;
                part.renews = true;
            }
            Ok(false) => self.settle_conflict(ent, local, remote),
            Err(why) => {
                self.keep(ent, why, true);
                self.parts[ent].freeze();
            }
        }
    }

    fn settle_conflict(&mut self, ent: Ent, local: &'a LocalItem, remote: &'a RemoteItem) {
        let path = self.shown(ent);
        let verb = self.rules.verb;
        let winner = conflict::winner(self.rules.policy, local.mtime_ns, remote.modified_ms);
        // A mirror has no place for a kept copy: the next pass would remove it.
        let winner = winner.or_else(|| self.mirrored());
        if let Some(side) = winner {
            self.let_win(ent, side, path);
            return;
        }
        // The copy that is kept is the local one, but where only the remote side is written to.
        let loser = if verb == Verb::Push {
            Side::Remote
        } else {
            Side::Local
        };
        let ms = match loser {
            Side::Local => local.mtime_ns.div_euclid(1_000_000),
            Side::Remote => remote.modified_ms.unwrap_or_default(),
        };
        if self.kind(ent) == Kind::Package && verb != Verb::Pull {
            let why = "a package that both sides changed can't be sent under another name";
            self.keep(ent, why, true);
            self.parts[ent].freeze();
            return;
        }
        self.split(ent, loser, ms, path);
    }

    /// Returns the side that `--delete-extra` makes the other one a mirror of.
    fn mirrored(&self) -> Option<Side> {
        match (self.rules.delete, self.rules.verb) {
            (Delete::Extra, Verb::Pull) => Some(Side::Remote),
            (Delete::Extra, Verb::Push) => Some(Side::Local),
            (Delete::Extra, Verb::Bisync) | (Delete::Nothing | Delete::SinceBaseline, _) => None,
        }
    }

    fn let_win(&mut self, ent: Ent, side: Side, path: RelPath) {
        let to = side.other();
        let may_write = match self.rules.verb {
            Verb::Bisync => true,
            Verb::Pull => to == Side::Local,
            Verb::Push => to == Side::Remote,
        };
        if may_write {
            self.copy(ent, to, Reason::ConflictWon(side), true);
        } else {
            let why = format!(
                "changed on both sides; the {} version wins and stays",
                side.as_str()
            );
            self.keep(ent, why, false);
        }
        if !self.parts[ent].is_frozen {
            self.conflicts.push(Conflict {
                path,
                winner: Some(side),
                kept_as: None,
            });
        }
    }

    /// Makes two entities of one: the loser under its conflict name, the other in its place.
    fn split(&mut self, ent: Ent, loser: Side, mtime_ms: i64, path: RelPath) {
        let here = loser as usize;
        let Some(place) = self.parts[ent].now[here].clone() else {
            return;
        };
        let name = self.free_name(&place, mtime_ms);
        let kept_as = RelPath::within(path.parent().as_ref(), &name).ok();
        let mut entity = Entity::default();
        let mut now = [None, None];
        now[here] = Some(place.clone());
        match loser {
            Side::Local => entity.local = self.parts[ent].entity.local.take(),
            Side::Remote => entity.remote = self.parts[ent].entity.remote.take(),
        }
        self.parts[ent].now[here] = None;
        self.parts[ent].goal[here] = None;
        let mut kept = Part::new(entity, None, now);
        let place = Place {
            parent: place.parent,
            name: Cow::Owned(name),
        };
        kept.goal[here] = Some(place.clone());
        kept.reason[here] = Reason::ConflictKept(loser);
        // Should the pass end here, the two are seen as new ones, which ends in the same.
        kept.forgets = self.row(ent).map(|row| row.path.clone());
        if self.rules.verb == Verb::Bisync {
            kept.goal[loser.other() as usize] = Some(place);
            kept.reason[loser.other() as usize] = Reason::ConflictKept(loser);
            kept.transfer = Transfer::Up { saves_loser: false };
        }
        self.parts.push(kept);
        self.copy(ent, loser, Reason::ConflictKept(loser.other()), false);
        self.conflicts.push(Conflict {
            path,
            winner: None,
            kept_as,
        });
    }

    /// Returns a conflict name that nothing on either side has or will have, and takes it.
    fn free_name(&mut self, place: &Place<'a>, mtime_ms: i64) -> String {
        if self.names.is_empty() {
            for place in self
                .parts
                .iter()
                .flat_map(|part| part.now.iter().chain(&part.goal))
            {
                let Some(place) = place else { continue };
                let names = self.names.entry(place.parent).or_default();
                names.insert(RelPath::fold_case(&place.name));
            }
        }
        let names = self.names.entry(place.parent).or_default();
        let name = conflict::kept_name(&place.name, mtime_ms, |name| {
            names.contains(&RelPath::fold_case(name))
        });
        names.insert(RelPath::fold_case(&name));
        name
    }

    /// Settles where an entity that stays or comes is to be.
    fn locate(&mut self, ent: Ent, base: Option<Place<'a>>) {
        let part = &self.parts[ent];
        let [Some(local), Some(remote)] = part.now.clone() else {
            return;
        };
        if local == remote {
            self.parts[ent].renews |= base.is_some_and(|base| base != local);
            return;
        }
        let base = base.unwrap_or_else(|| remote.clone());
        let is_fixed = self.remote(ent).is_some_and(|item| item.is_fixed);
        // A side that an interrupted move left half-way has not moved by anybody's wish.
        let in_transit = self
            .row(ent)
            .and_then(|row| self.input.in_transit.get(&row.id))
            .copied();
        let moved = [
            in_transit != Some(Side::Local) && (local != base || in_transit.is_some()),
            in_transit != Some(Side::Remote) && (remote != base || in_transit.is_some()),
        ];
        let remote_wins = self.rules.policy != Policy::PreferLocal;
        match self.rules.verb {
            Verb::Bisync => {
                let place = match (is_fixed, moved) {
                    (true, _) | (false, [false, _]) => remote,
                    (false, [true, false]) => local,
                    (false, [true, true]) => merge(&base, &local, &remote, remote_wins),
                };
                self.aim(ent, Side::Local, &place);
                self.aim(ent, Side::Remote, &place);
            }
            Verb::Pull if moved[REMOTE] && (!moved[LOCAL] || remote_wins) => {
                self.aim(ent, Side::Local, &remote);
            }
            Verb::Push if moved[LOCAL] && (!moved[REMOTE] || !remote_wins) && !is_fixed => {
                self.aim(ent, Side::Remote, &local);
            }
            Verb::Pull | Verb::Push => {
                let side = if self.rules.verb == Verb::Pull {
                    Side::Local
                } else {
                    Side::Remote
                };
                self.keep(
                    ent,
                    format!(
                        "moved on the {} side only, or differently; it stays there",
                        side.as_str()
                    ),
                    false,
                );
            }
        }
    }

    fn aim(&mut self, ent: Ent, side: Side, place: &Place<'a>) {
        let part = &mut self.parts[ent];
        let here = side as usize;
        if part.goal[here].is_some()
            && part.now[here].is_some()
            && part.now[here].as_ref() != Some(place)
        {
            part.goal[here] = Some(place.clone());
            part.reason[here] = Reason::Moved(side.other());
        }
    }

    /// Returns the folder paths of a side that hold, at any depth, something that is not in its listing.
    fn holding_hidden<T: HasPath>(listing: &Listing<T>) -> HashSet<RelPath> {
        let mut folders: HashSet<RelPath> = HashSet::new();
        for path in &listing.holds_hidden {
            folders.extend(path.ancestors());
            folders.insert(path.clone());
        }
        for path in listing.left.iter().filter_map(|left| left.path.as_ref()) {
            folders.extend(path.ancestors());
            folders.insert(path.clone());
        }
        folders
    }

    /// Makes the draft consistent: see the module's docs.
    fn make_whole(&mut self) {
        let hidden = [
            Self::holding_hidden(self.trees.local),
            Self::holding_hidden(self.trees.remote),
        ];
        for ent in 1..self.parts.len() {
            for side in SIDES {
                let here = side as usize;
                let path = match side {
                    Side::Local => self.local(ent).map(|item| &item.path),
                    Side::Remote => self.remote(ent).map(|item| &item.path),
                };
                if self.parts[ent].goal[here].is_none()
                    && self.parts[ent].now[here].is_some()
                    && path.is_some_and(|path| hidden[here].contains(path))
                {
                    let now = self.parts[ent].now[here].clone();
                    self.parts[ent].goal[here] = now;
                    let text = format!(
                        "deleted on the {} side, but it holds items that are skipped or hidden",
                        side.other().as_str()
                    );
                    self.keep(ent, text, false);
                }
            }
        }
        self.hide_what_would_be_hidden();
        // Each round freezes or renames at least one more entity. New names are given only in the first
        // rounds, so this ends.
        for round in 0_u32.. {
            let changed = self.provide_folders()
                | self.part_cycles()
                | self.hold_in_zone()
                | self.part_namesakes(round < NAMING_ROUNDS);
            if !changed {
                break;
            }
        }
    }

    /// Leaves alone what would come to a place that a filter hides, as in a folder that is called otherwise on
    /// the other side: there it could not be seen again.
    fn hide_what_would_be_hidden(&mut self) {
        for ent in 1..self.parts.len() {
            let comes = |here: usize| {
                let part = &self.parts[ent];
                part.goal[here].is_some() && part.now[here].is_none()
            };
            let is_folder = self.kind(ent) == Kind::Folder;
            let is_hidden = [LOCAL, REMOTE].into_iter().any(|here| {
                comes(here)
                    && (self.goal_path(ent, here))
                        .is_some_and(|path| (self.input.hides)(&path, is_folder))
            });
            if is_hidden {
                self.keep(ent, "a filter hides its place on the other side", false);
                self.parts[ent].freeze();
            }
        }
    }

    /// Returns where an entity shall be on a side.
    fn goal_path(&self, ent: Ent, here: usize) -> Option<RelPath> {
        let mut parts: Vec<&str> = Vec::new();
        let mut at = ent;
        while at != ROOT {
            let part = &self.parts[at];
            let place = part.goal[here].as_ref().or(part.goal[1 - here].as_ref())?;
            parts.push(&place.name);
            at = place.parent;
            if parts.len() > DEEPEST_PATH {
                return None;
            }
        }
        parts.reverse();
        RelPath::parse(&parts.join("/")).ok()
    }

    /// Has each folder where something is to be in it. Returns whether something had to be frozen because
    /// nobody knows where its folder is.
    fn provide_folders(&mut self) -> bool {
        let mut changed = false;
        for ent in (1..self.parts.len()).rev() {
            for here in [LOCAL, REMOTE] {
                let mut child = ent;
                while let Some(place) = &self.parts[child].goal[here] {
                    let folder = place.parent;
                    if folder == ROOT || self.parts[folder].goal[here].is_some() {
                        break;
                    }
                    if self.parts[folder].is_frozen {
                        if !self.parts[child].is_frozen {
                            self.keep(child, "its folder is left alone", true);
                            self.parts[child].freeze();
                            changed = true;
                        }
                        break;
                    }
                    let part = &mut self.parts[folder];
                    let other = 1 - here;
                    let place = part.now[here]
                        .clone()
                        .or_else(|| part.goal[other].clone().or_else(|| part.now[other].clone()));
                    let Some(place) = place else {
                        // The folder is gone from both sides, and its row is all that is left of it.
                        if !self.parts[child].is_frozen {
                            self.parts[child].freeze();
                            changed = true;
                        }
                        break;
                    };
                    part.goal[here] = Some(place);
                    part.is_forgotten = false;
                    part.reason[here] = Reason::NeededFor;
                    changed = true;
                    child = folder;
                }
            }
        }
        changed
    }

    /// Two folders that were moved into one another, each on another side, stay where they are.
    fn part_cycles(&mut self) -> bool {
        let mut changed = false;
        for here in [LOCAL, REMOTE] {
            // 0 = not seen, 1 = on the way up, 2 = leads to the root.
            let mut seen = vec![0_u8; self.parts.len()];
            seen[ROOT] = 2;
            for ent in 1..self.parts.len() {
                let mut way = Vec::new();
                let mut at = ent;
                while seen[at] == 0 {
                    seen[at] = 1;
                    way.push(at);
                    match &self.parts[at].goal[here] {
                        Some(place) => at = place.parent,
                        None => break,
                    }
                }
                if seen[at] == 1 && self.parts[at].goal[here].is_some() {
                    let start = way
                        .iter()
                        .position(|other| *other == at)
                        .unwrap_or_default();
                    let ring: Vec<Ent> = way.get(start..).unwrap_or_default().to_vec();
                    for ent in ring {
                        if !self.parts[ent].is_frozen {
                            self.keep(
                                ent,
                                "moved into another folder on each side, each into the other",
                                true,
                            );
                            self.parts[ent].freeze();
                            changed = true;
                        }
                    }
                }
                for at in way {
                    seen[at] = 2;
                }
            }
        }
        changed
    }

    /// Where two entities want one place on a side, one of them gets another name or is left alone; where two
    /// names going to the remote side are equal but for case, both are left alone.
    fn part_namesakes(&mut self, may_rename: bool) -> bool {
        let mut changed = false;
        for side in SIDES {
            let here = side as usize;
            // What a listing has is in different places already.
            if (self.parts.iter())
                .all(|part| part.goal[here].is_none() || part.goal[here] == part.now[here])
            {
                continue;
            }
            let mut wanted: HashMap<Place<'a>, Ent> = HashMap::new();
            let mut clashes: Vec<(Ent, Ent)> = Vec::new();
            for ent in 1..self.parts.len() {
                if let Some(place) = &self.parts[ent].goal[here]
                    && let Some(other) = wanted.insert(place.clone(), ent)
                {
                    clashes.push((other, ent));
                }
            }
            for (one, other) in clashes {
                changed |= self.part_two(one, other, side, may_rename);
            }
        }
        changed | self.part_case_twins()
    }

    /// Returns how strongly an entity holds on to the place that it shares with another.
    fn claim(&self, ent: Ent, here: usize) -> [bool; 5] {
        let part = &self.parts[ent];
        let stays = part.now[here].is_some() && part.now[here] == part.goal[here];
        let is_folder = self.kind(ent) == Kind::Folder;
        [
            part.is_frozen,
            self.remote(ent).is_some_and(|item| item.is_fixed),
            is_folder,
            stays && part.now[REMOTE].is_some(),
            part.now[REMOTE].is_some(),
        ]
    }

    fn part_two(&mut self, one: Ent, other: Ent, side: Side, may_rename: bool) -> bool {
        let here = side as usize;
        let (winner, loser) = if self.claim(one, here) >= self.claim(other, here) {
            (one, other)
        } else {
            (other, one)
        };
        if self.parts[loser].is_frozen {
            return false;
        }
        // A new name would only be the first of many: what holds the place now may let go of it later.
        if self.parts[winner].is_frozen {
            let text = format!(
                "its place is held by {:?}, which is left alone",
                self.shown(winner)
            );
            self.keep(loser, text, true);
            self.parts[loser].freeze();
            return true;
        }
        let Some(place) = self.parts[loser].goal[here].clone() else {
            return false;
        };
        let part = &self.parts[loser];
        // What is on its way only because of this pass can just as well not come.
        // And what another side's move brings here can just as well stay.
        let writes = match self.rules.verb {
            Verb::Bisync => true,
            Verb::Pull | Verb::Push => {
                part.now[here].is_some() && part.now[here] == part.goal[here]
            }
        };
        let is_movable = self.kind(loser) != Kind::Package
            && !self.remote(loser).is_some_and(|item| item.is_fixed);
        if !writes || !is_movable || !may_rename {
            self.keep(
                loser,
                "another item stands at its place on the other side",
                true,
            );
            self.parts[loser].freeze();
            return true;
        }
        if let Some(source) = self.mirrored()
            && self.parts[loser].goal[source as usize].is_none()
            && self.kind(loser) != Kind::Folder
        {
            let path = self.shown(loser);
            let part = &mut self.parts[loser];
            part.goal[here] = None;
            part.reason[here] = Reason::Extra(side);
            self.conflicts.push(Conflict {
                path,
                winner: Some(source),
                kept_as: None,
            });
            return true;
        }
        let ms = (self
            .local(loser)
            .map(|item| item.mtime_ns.div_euclid(1_000_000)))
        .or_else(|| self.remote(loser).and_then(|item| item.modified_ms))
        .unwrap_or_default();
        let name = self.free_name(&place, ms);
        let path = self.shown(loser);
        let kept_as = RelPath::within(path.parent().as_ref(), &name).ok();
        let place = Place {
            parent: place.parent,
            name: Cow::Owned(name),
        };
        let origin = if self.parts[loser].now[LOCAL].is_some() {
            Side::Local
        } else {
            Side::Remote
        };
        let part = &mut self.parts[loser];
        for at in [LOCAL, REMOTE] {
            if part.goal[at].is_some() && (self.rules.verb == Verb::Bisync || at == here) {
                part.goal[at] = Some(place.clone());
                part.reason[at] = Reason::ConflictKept(origin);
            }
        }
        self.conflicts.push(Conflict {
            path,
            winner: None,
            kept_as,
        });
        true
    }

    /// Apple's own devices tell no case apart: what differs in case alone is not sent.
    fn part_case_twins(&mut self) -> bool {
        if self.rules.verb == Verb::Pull {
            return false;
        }
        let comes =
            |part: &Part<'_>| part.goal[REMOTE].is_some() && part.goal[REMOTE] != part.now[REMOTE];
        if !self.parts.iter().any(comes) {
            return false;
        }
        let mut changed = false;
        let mut folded: HashMap<(Ent, String), Ent> = HashMap::new();
        for ent in 1..self.parts.len() {
            let Some(place) = &self.parts[ent].goal[REMOTE] else {
                continue;
            };
            let key = (place.parent, RelPath::fold_case(&place.name));
            let Some(other) = folded.insert(key, ent) else {
                continue;
            };
            if !comes(&self.parts[ent]) && !comes(&self.parts[other]) {
                continue;
            }
            for (ent, twin) in [(ent, other), (other, ent)] {
                if !self.parts[ent].is_frozen {
                    let text = format!(
                        "name clash with {:?}: the names are one on Apple's devices",
                        self.shown(twin).name()
                    );
                    self.keep(ent, text, true);
                    self.parts[ent].freeze();
                    changed = true;
                }
            }
        }
        changed
    }

    /// Returns the entities whose zone does not fit the folder that they shall be in: the service refuses to
    /// move across zones (protocol page 8.7, hazard 18).
    fn crossing(&self) -> Vec<Ent> {
        let root = &self.input.remote_root.zone;
        if (self.trees.remote.items().iter()).all(|item| item.id.zone == *root) {
            return Vec::new();
        }
        (1..self.parts.len())
            .filter(|ent| {
                let goal = self.parts[*ent].goal[REMOTE].as_ref();
                match (self.remote(*ent), goal) {
                    (Some(item), Some(goal)) if !self.begins_zone(*ent) => {
                        item.id.zone != *self.zone_of_folder(goal.parent)
                    }
                    _ => false,
                }
            })
            .collect()
    }

    /// Returns whether an entity has another zone than the folder that it is in and stays in: an app library.
    fn begins_zone(&self, ent: Ent) -> bool {
        let part = &self.parts[ent];
        let (Some(item), Some(now), Some(goal)) =
            (self.remote(ent), &part.now[REMOTE], &part.goal[REMOTE])
        else {
            return false;
        };
        let above = (self.remote(now.parent)).map_or(self.input.remote_root, |folder| &folder.id);
        item.is_fixed || (now.parent == goal.parent && item.id.zone != above.zone)
    }

    /// Returns the zone that a folder will be in.
    fn zone_of_folder(&self, mut folder: Ent) -> &'a Zone {
        for _ in 0..DEEPEST_PATH {
            if folder == ROOT {
                break;
            }
            if self.begins_zone(folder)
                && let Some(item) = self.remote(folder)
            {
                return &item.id.zone;
            }
            match &self.parts[folder].goal[REMOTE] {
                Some(place) => folder = place.parent,
                None => break,
            }
        }
        &self.input.remote_root.zone
    }

    /// Has nothing move from one zone into another that can't be copied there whole, see
    /// [`Self::part_zones`]: neither what is not on the local side, nor what only the service can copy.
    fn hold_in_zone(&mut self) -> bool {
        let crossing = self.crossing();
        if crossing.is_empty() {
            return false;
        }
        let hidden = Self::holding_hidden(self.trees.remote);
        let crosses: HashSet<Ent> = crossing.iter().copied().collect();
        let mut changed = false;
        for ent in crossing {
            let part = &self.parts[ent];
            let is_held = part.is_frozen
                || part.transfer == Transfer::Down
                || part.now[LOCAL].is_none()
                || self.kind(ent) == Kind::Package
                || (self.remote(ent)).is_some_and(|item| hidden.contains(&item.path));
            if !is_held {
                continue;
            }
            let mut top = ent;
            // Bounded: a ring of folders may have come up just now, and is parted in the next round.
            for _ in 0..DEEPEST_PATH {
                match &self.parts[top].goal[REMOTE] {
                    Some(place) if crosses.contains(&place.parent) => top = place.parent,
                    _ => break,
                }
            }
            if !self.parts[top].is_frozen {
                let text = format!(
                    "can't be moved to another app's library while {:?} can't be copied there",
                    self.shown(ent)
                );
                self.keep(top, text, true);
                self.parts[top].freeze();
                changed = true;
            }
        }
        changed
    }

    /// Turns moves from one zone into another into a copy and a removal.
    pub fn part_zones(&mut self) {
        let crossing = self.crossing();
        if crossing.is_empty() {
            return;
        }
        let mut source_of: HashMap<Ent, Ent> = HashMap::new();
        for ent in crossing {
            let old = Entity {
                remote: self.parts[ent].entity.remote.take(),
                ..Entity::default()
            };
            let now = self.parts[ent].now[REMOTE].take();
            let mut source = Part::new(old, None, [None, now]);
            source.goal[REMOTE] = None;
            source.reason[REMOTE] = Reason::Moved(Side::Local);
            source.follows = Some(ent);
            if self.kind(ent) != Kind::Folder {
                self.parts[ent].transfer = Transfer::Up { saves_loser: false };
            }
            source_of.insert(ent, self.parts.len());
            self.parts.push(source);
        }
        for part in &mut self.parts {
            if let Some(place) = &mut part.now[REMOTE]
                && let Some(source) = source_of.get(&place.parent)
            {
                place.parent = *source;
            }
        }
    }

    /// Returns the changes of the baseline that need nothing done on either side.
    pub fn settled(&self) -> Vec<Settled> {
        let mut settled = Vec::new();
        for ent in 1..self.parts.len() {
            let part = &self.parts[ent];
            if part.is_frozen || part.transfer != Transfer::None || part.goal != part.now {
                continue;
            }
            if part.is_forgotten {
                let path = self.row(ent).map(|row| row.path.clone());
                settled.extend(path.map(|path| Settled {
                    path,
                    how: Settle::Forget,
                    local: None,
                    remote: None,
                }));
                continue;
            }
            if let (Some(local), Some(remote)) = (self.local(ent), self.remote(ent))
                && let Some(path) = self.agreed_path(ent)
                && part.now[LOCAL] == part.now[REMOTE]
                && part.is_equal
                && (part.renews || part.entity.base.is_none())
            {
                let how = if part.entity.base.is_none() {
                    Settle::Adopt
                } else {
                    Settle::Renew
                };
                settled.push(Settled {
                    path,
                    how,
                    local: Some(Box::new(local.clone())),
                    remote: Some(Box::new(remote.clone())),
                });
            }
        }
        settled.sort_by(|a, b| a.path.cmp(&b.path));
        settled
    }
}

/// Merges two moves: folder and name each from the side that changed it, from the winner where both did.
fn merge<'a>(
    base: &Place<'a>,
    local: &Place<'a>,
    remote: &Place<'a>,
    remote_wins: bool,
) -> Place<'a> {
    let takes_remote =
        |local_moved: bool, remote_moved: bool| !local_moved || (remote_moved && remote_wins);
    let parent = if takes_remote(local.parent != base.parent, remote.parent != base.parent) {
        remote.parent
    } else {
        local.parent
    };
    let name = if takes_remote(local.name != base.name, remote.name != base.name) {
        remote.name.clone()
    } else {
        local.name.clone()
    };
    Place { parent, name }
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
