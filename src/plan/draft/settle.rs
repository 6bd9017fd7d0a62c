//! What follows for each entity alone: which way its content goes, and where it is to be on each side.
//!
//! First what the listings say is not to be relied on is frozen; then the table and the policy say what comes of
//! content, and who has moved says what comes of places. Nothing here looks at two entities together.

use std::{borrow::Cow, collections::BTreeSet};

use super::{Draft, LOCAL, Part, Place, REMOTE, SIDES, Transfer, packages::KEPT_PACKAGE};
use crate::{
    plan::{
        Conflict, Delete, Inquiry, Policy, Reason, Side, Verb,
        change::{self, Content, State},
        conflict,
        decide::{Step, Why, decide},
        matching::{Ent, Entity, Matched, ROOT},
    },
    tree::{Kind, LocalItem, RelPath, RemoteItem},
};

/// What is said of a changed file whose name in iCloud has a slash.
const SLASHED_NAME: &str = "its name in iCloud has a \"/\", and content can't be sent under such a name: rename it, here or there";

impl<'a> Draft<'a> {
    /// Freezes what the listings say is not to be relied on, and what it may be a part of.
    pub(super) fn freeze_listed(&mut self, matched: &Matched) {
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
        self.hold_unsent();
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

    /// Freezes what has gone from its place here to one that can't be sent: it is there under another name, and must not go
    /// from iCloud as if it were not.
    fn hold_unsent(&mut self) {
        let unsent = &self.trees.local.unsent;
        if self.rules.verb == Verb::Pull || unsent.is_empty() {
            return;
        }
        let is_there = |ent: &Ent| {
            self.local(*ent).is_none()
                && (self.row(*ent)).is_some_and(|row| {
                    row.inode != 0 && unsent.contains(&(row.inode, row.birth_ns))
                })
        };
        let held: BTreeSet<Ent> = (1..self.parts.len()).filter(is_there).collect();
        for ent in held.iter().copied() {
            let folder = self.parts[ent].base.as_ref().map(|place| place.parent);
            if folder.is_none_or(|folder| !held.contains(&folder)) {
                let why = "it has a name here that can't be sent, or is in a folder that has one, so it stays in iCloud as it is: give that another name";
                self.keep(ent, why, true);
            }
            self.parts[ent].freeze();
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
    pub(super) fn settle(&mut self, ent: Ent, inquiry: &mut Inquiry) {
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
        // Neither side has seen the other's: the row tells nothing of how they came apart.
        if self.parts[ent].entity.is_joined && self.kind(ent) != Kind::Folder {
            states = [State::Modified; 2];
        }
        // A move is a change too: against a deletion it wins, with all that is in the folder.
        if let Some(base) = &base_place {
            for side in SIDES {
                let (here, there) = (side as usize, side.other() as usize);
                let moved = self.in_transit(ent) != Some(side)
                    && (self.parts[ent].now[here].as_ref()).is_some_and(|now| now != base);
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

    /// Returns whether content would go to a name with a slash: the service takes plain file names there (protocol page
    /// 9.8), and what it would make of another is not known. One that is being renamed has a plain one by then.
    fn has_no_plain_name(&self, ent: Ent) -> bool {
        let (Some(local), Some(remote)) = (self.local(ent), self.remote(ent)) else {
            return false;
        };
        local.kind == Kind::File
            && local.path.name() == remote.path.name()
            && (remote.name.as_deref()).is_some_and(|name| name.contains('/'))
    }

    pub(super) fn copy(&mut self, ent: Ent, to: Side, reason: Reason, saves_loser: bool) {
        let kind = self.kind(ent);
        if kind == Kind::Package && to == Side::Remote {
            self.leave_unsent(ent);
            return;
        }
        if to == Side::Remote && self.has_no_plain_name(ent) {
            self.keep(ent, SLASHED_NAME, true);
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
            Ok(false) => self.settle_conflict(ent, local, remote, inquiry),
            Err(why) => {
                self.keep(ent, why, true);
                self.parts[ent].freeze();
            }
        }
    }

    fn settle_conflict(
        &mut self,
        ent: Ent,
        local: &'a LocalItem,
        remote: &'a RemoteItem,
        inquiry: &mut Inquiry,
    ) {
        let path = self.shown(ent);
        let verb = self.rules.verb;
        let winner = conflict::winner(self.rules.policy, local.mtime_ns, remote.modified_ms);
        // A mirror has no place for a kept copy: the next pass would remove it.
        let winner = winner.or_else(|| self.mirrored());
        if winner == Some(Side::Local)
            && verb != Verb::Pull
            && let Some(Err(why)) = inquiry.remote(self.input.facts, remote)
        {
            // It may be a package by now, which nothing must be uploaded over (protocol page 12, hazard 12).
            self.keep(ent, why, true);
            self.parts[ent].freeze();
            return;
        }
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
        if loser == Side::Remote
            && !self.rules.writes_shares
            && let Some(zone) = self.share_of(ent)
        {
            self.keep_in_share(ent, zone, "changed", "");
            self.parts[ent].freeze();
            return;
        }
        if self.kind(ent) == Kind::Package && verb == Verb::Push {
            self.leave_unsent(ent);
            return;
        }
        self.split(ent, loser, ms, path);
    }

    /// Returns the side that `--delete-extra` makes the other one a mirror of.
    pub(super) fn mirrored(&self) -> Option<Side> {
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
        if !may_write {
            self.leave_loser(ent, side);
            return;
        }
        self.copy(ent, to, Reason::ConflictWon(side), true);
        if !self.parts[ent].is_frozen {
            let conflict = Conflict {
                path,
                winner: Some(side),
                kept_as: None,
                put_away_by: None,
            };
            self.conflicts.push((ent, conflict));
        }
    }

    /// Leaves both versions where the verb does not write to the loser's side: nothing is settled then. Where nobody has
    /// asked for this winner, somebody has to learn that the file does not go, in this pass and in all others.
    fn leave_loser(&mut self, ent: Ent, winner: Side) {
        let is_asked = self.rules.policy != Policy::PreferNewer;
        let is_held = !self.rules.writes_shares && self.share_of(ent).is_some();
        let can_be_sent = self.kind(ent) != Kind::Package && !is_held;
        let why = match (winner, is_asked, can_be_sent) {
            (Side::Local, true, _) => {
                "changed on both sides; the local version wins by --conflict, and pull sends nothing"
            }
            (Side::Remote, true, _) => {
                "changed on both sides; the remote version wins by --conflict, and push receives nothing"
            }
            (Side::Local, false, true) => {
                "changed on both sides; the local version is newer, and pull does not send it: a bisync does, or a pull with `--conflict prefer-remote` puts it into the local trash and receives iCloud's"
            }
            (Side::Local, false, false) => {
                "changed on both sides; the local version is newer, and pull does not replace it: a pull with `--conflict prefer-remote` puts it into the local trash and receives iCloud's"
            }
            (Side::Remote, false, true) => {
                "changed on both sides; the remote version is newer, and push does not receive it: a bisync does, or a push with `--conflict prefer-local` puts it into the local trash and sends yours"
            }
            (Side::Remote, false, false) => {
                "changed on both sides; the remote version is newer, and push does not receive it: a bisync does"
            }
        };
        self.keep(ent, why, !is_asked);
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
        let is_sent = self.rules.verb == Verb::Bisync;
        let is_held = is_sent && !self.rules.writes_shares;
        let share = self.share_of(ent).filter(|_| is_held);
        let kind = entity.local.map(|at| self.trees.local.items()[at].kind);
        let is_package = is_sent && share.is_none() && kind == Some(Kind::Package);
        if is_sent && share.is_none() && !is_package {
            kept.goal[loser.other() as usize] = Some(place);
            kept.reason[loser.other() as usize] = Reason::ConflictKept(loser);
            kept.transfer = Transfer::Up { saves_loser: false };
        }
        let conflict = Conflict {
            path,
            winner: None,
            kept_as,
            put_away_by: None,
        };
        let number = self.parts.len();
        self.conflicts.push((number, conflict));
        self.parts.push(kept);
        if let Some(zone) = share {
            self.keep_in_share(number, zone, "kept", "");
        }
        if is_package {
            self.keep(number, KEPT_PACKAGE, false);
        }
        self.copy(ent, loser, Reason::ConflictKept(loser.other()), false);
    }

    /// Returns the side on which an interrupted pass has left an entity on its way.
    fn in_transit(&self, ent: Ent) -> Option<Side> {
        let row = self.row(ent)?;
        self.input.in_transit.get(&row.id).copied()
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
        let in_transit = self.in_transit(ent);
        let moved = [
            in_transit != Some(Side::Local) && (local != base || in_transit.is_some()),
            in_transit != Some(Side::Remote) && (remote != base || in_transit.is_some()),
        ];
        let remote_wins = self.winner_of_moves() == Side::Remote;
        match self.rules.verb {
            Verb::Bisync => {
                let place = match (is_fixed, moved) {
                    (true, _) | (false, [false, _]) => remote,
                    (false, [true, false]) => local,
                    (false, [true, true]) => merge(&base, &local, &remote, remote_wins),
                };
                self.aim(ent, Side::Local, &place);
                self.aim(ent, Side::Remote, &place);
                if is_fixed && moved[LOCAL] && !moved[REMOTE] {
                    self.parts[ent].reason[LOCAL] = Reason::Fixed;
                }
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

    /// Returns the side whose place holds where both have moved something.
    pub(super) fn winner_of_moves(&self) -> Side {
        if self.rules.policy == Policy::PreferLocal {
            Side::Local
        } else {
            Side::Remote
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
