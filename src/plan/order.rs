//! From where things are to be to the actions that bring them there, in an order that works.
//!
//! Each side is played through on paper: what frees a name comes before what takes it, folders before what goes
//! into them, all other removals last. An action's paths are those that hold when its turn comes.

mod moves;
mod remove;

use std::collections::HashMap;

use super::{
    Action, Conflict, Kept, Parent, Plan, Reason, Side, What,
    draft::{Draft, Part, Place, SIDES, Transfer},
    matching::{Ent, ROOT},
};
use crate::tree::{Kind, RelPath, local_name};

/// So many moves may wait for one another before a detour is taken instead: each holds a piece of the stack.
const DEEPEST: usize = 500;

/// Makes the plan of a draft.
pub fn plan(mut draft: Draft<'_>) -> Plan {
    draft.part_zones();
    let settled = draft.settled();
    let rests = |part: &Part<'_>| part.now == part.goal && part.transfer == Transfer::None;
    let (actions, mut conflicts) = if draft.parts.iter().all(rests) {
        // Most passes: no side has to be played through.
        (Vec::new(), conflicts(&draft, None))
    } else {
        let mut work = Work::new(&draft);
        work.structure();
        work.transfers();
        work.removals();
        let mut conflicts = conflicts(&draft, Some(&work));
        let (actions, new_number) = sorted(work.actions);
        for conflict in &mut conflicts {
            conflict.put_away_by = conflict.put_away_by.map(|old| new_number[old]);
        }
        (actions, conflicts)
    };
    let mut kept: Vec<Kept> = draft.kept.into_iter().map(|(_, kept)| kept).collect();
    kept.sort_by(|a, b| (&a.path, &a.why).cmp(&(&b.path, &b.why)));
    kept.dedup();
    conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    Plan {
        actions,
        settled,
        kept,
        conflicts,
    }
}

/// Returns the conflicts, each with the action that puts its loser away.
fn conflicts(draft: &Draft<'_>, work: Option<&Work<'_, '_>>) -> Vec<Conflict> {
    let settled = draft.conflicts.iter().map(|(loser, conflict)| {
        let mut conflict = conflict.clone();
        if draft.parts[*loser].is_frozen {
            conflict.kept_as = None;
        } else if conflict.winner.is_some() {
            conflict.put_away_by =
                work.and_then(|work| work.transfer[*loser].or(work.removed_by[*loser]));
        }
        conflict
    });
    settled.collect()
}

/// Sorts by stage, then path, and keeps the numbers right. Also returns the new number of each action.
fn sorted(actions: Vec<Action>) -> (Vec<Action>, Vec<usize>) {
    let mut order: Vec<usize> = (0..actions.len()).collect();
    order.sort_by(|a, b| {
        let key = |at: &usize| (actions[*at].stage, &actions[*at].path, actions[*at].side());
        key(a).cmp(&key(b))
    });
    let mut new_number = vec![0; actions.len()];
    for (new, old) in order.iter().enumerate() {
        new_number[*old] = new;
    }
    let mut slots: Vec<Option<Action>> = actions.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(slots.len());
    for old in order {
        let Some(mut action) = slots[old].take() else {
            continue;
        };
        for need in &mut action.needs {
            *need = new_number[*need];
        }
        action.needs.sort_unstable();
        action.needs.dedup();
        let parent = match &mut action.what {
            What::CreateRemoteFolder { parent, .. } | What::Upload { parent, .. } => Some(parent),
            What::MoveRemote { parent, .. } => parent.as_mut(),
            What::CreateLocalFolder
            | What::Download
            | What::MoveLocal { .. }
            | What::SwapLocal { .. }
            | What::RemoveLocal
            | What::TrashRemote => None,
        };
        if let Some(Parent::Made(number)) = parent {
            *number = new_number[*number];
        }
        sorted.push(action);
    }
    (sorted, new_number)
}

/// One side on paper.
struct Table<'a> {
    now: Vec<Option<Place<'a>>>,
    at: HashMap<Place<'a>, Ent>,
    is_placed: Vec<bool>,
    is_moving: Vec<bool>,
    /// The last action that made or moved an entity.
    last: Vec<Option<usize>>,
    children: HashMap<Ent, Vec<Ent>>,
    /// Places that something has left or was removed from, and by which action.
    freed: HashMap<Place<'a>, usize>,
}

struct Work<'a, 'd> {
    draft: &'d Draft<'a>,
    sides: [Table<'a>; 2],
    actions: Vec<Action>,
    /// The stage of the last action that changed the paths of others (a folder's move, an exchange, a removal that
    /// frees a name): it has a stage of its own.
    barrier: u32,
    /// One above the highest stage so far, of the side at work.
    highest: u32,
    /// The action that sends or receives an entity's content.
    transfer: Vec<Option<usize>>,
    /// The action that removes an entity.
    removed_by: Vec<Option<usize>>,
}

impl<'a, 'd> Work<'a, 'd> {
    fn new(draft: &'d Draft<'a>) -> Self {
        let count = draft.parts.len();
        let table = |side: Side| {
            let here = side as usize;
            let is_active = (draft.parts.iter()).any(|part| part.now[here] != part.goal[here]);
            let mut at = HashMap::new();
            let mut children: HashMap<Ent, Vec<Ent>> = HashMap::new();
            for (ent, part) in draft.parts.iter().enumerate() {
                if let (true, Some(place)) = (is_active, &part.now[here]) {
                    at.insert(place.clone(), ent);
                    children.entry(place.parent).or_default().push(ent);
                }
            }
            Table {
                now: draft
                    .parts
                    .iter()
                    .map(|part| part.now[here].clone())
                    .collect(),
                at,
                is_placed: vec![false; count],
                is_moving: vec![false; count],
                last: vec![None; count],
                children,
                freed: HashMap::new(),
            }
        };
        Self {
            draft,
            sides: [table(Side::Local), table(Side::Remote)],
            actions: Vec::new(),
            barrier: 0,
            highest: 0,
            transfer: vec![None; count],
            removed_by: vec![None; count],
        }
    }

    /// Returns the path of an entity as it is on paper now.
    fn path(&self, side: Side, ent: Ent) -> RelPath {
        let place = self.sides[side as usize].now[ent].as_ref();
        self.path_at(
            side,
            place.expect("only what is on the side is asked for its path"),
        )
    }

    fn path_at(&self, side: Side, place: &Place<'a>) -> RelPath {
        let mut parts = vec![&*place.name];
        let mut folder = place.parent;
        while folder != ROOT {
            let Some(place) = &self.sides[side as usize].now[folder] else {
                break;
            };
            parts.push(&place.name);
            folder = place.parent;
        }
        parts.reverse();
        RelPath::parse(&parts.join("/")).expect("parts of paths make a path")
    }

    /// Returns the actions that must be done before something can be put at a place.
    fn leads_to(&self, side: Side, place: &Place<'a>) -> Vec<usize> {
        let mut numbers = self.rests_on(side, place.parent);
        numbers.extend(self.sides[side as usize].freed.get(place));
        numbers
    }

    /// Returns the actions that an entity's being where it is rests on: its own last one, and those of the
    /// folders that it is in.
    fn rests_on(&self, side: Side, mut ent: Ent) -> Vec<usize> {
        let table = &self.sides[side as usize];
        let mut numbers = Vec::new();
        while ent != ROOT {
            numbers.extend(table.last[ent]);
            let Some(place) = &table.now[ent] else { break };
            ent = place.parent;
        }
        numbers
    }

    fn put(&mut self, side: Side, ent: Ent, place: Option<Place<'a>>) {
        let table = &mut self.sides[side as usize];
        if let Some(old) = table.now[ent].take()
            && table.at.get(&old) == Some(&ent)
        {
            table.at.remove(&old);
        }
        if let Some(place) = place {
            table.at.insert(place.clone(), ent);
            table.children.entry(place.parent).or_default().push(ent);
            table.now[ent] = Some(place);
        }
    }

    fn push(&mut self, side: Side, ent: Ent, what: What, path: RelPath, stage: u32) -> usize {
        let part = &self.draft.parts[ent];
        let number = self.actions.len();
        let reason = if matches!(what, What::SwapLocal { .. }) {
            Reason::MakesWay
        } else {
            part.reason[side as usize]
        };
        let bytes = match what {
            What::Download => self.draft.remote(ent).map_or(0, |item| item.size),
            What::Upload { .. } => self.draft.local(ent).map_or(0, |item| item.size),
            What::CreateLocalFolder
            | What::CreateRemoteFolder { .. }
            | What::MoveLocal { .. }
            | What::SwapLocal { .. }
            | What::MoveRemote { .. }
            | What::RemoveLocal
            | What::TrashRemote => 0,
        };
        let is_move = matches!(what, What::MoveLocal { .. } | What::MoveRemote { .. });
        let mut forgets = part.forgets.clone().filter(|_| is_move);
        self.highest = self.highest.max(stage + 1);
        let is_removal = matches!(what, What::RemoveLocal | What::TrashRemote);
        let has_row = part.base.is_some() || part.goal.iter().all(Option::is_some);
        // Its folder may move after it, so the path of its turn is not always the one in the end.
        let is_temporary = matches!(
            what,
            What::MoveRemote {
                is_temporary: true,
                ..
            }
        );
        let agreed = (!is_removal && !is_temporary && has_row)
            .then(|| self.draft.agreed_path(ent))
            .flatten()
            .filter(|agreed| *agreed != path || self.draft.is_parted(ent));
        // What is sent anew gets another id, which the old row does not know.
        if matches!(what, What::Upload { .. })
            && self.draft.remote(ent).is_none()
            && let Some(row) = self.draft.row(ent)
            && row.path != *agreed.as_ref().unwrap_or(&path)
        {
            forgets = Some(row.path.clone());
        }
        let is_lent =
            matches!(what, What::TrashRemote | What::MoveRemote { .. }) && self.draft.is_lent(ent);
        self.actions.push(Action {
            path,
            agreed,
            forgets,
            kind: self.draft.kind(ent),
            what,
            reason,
            size: bytes,
            stage,
            needs: Vec::new(),
            local: self.draft.local(ent).map(|item| Box::new(item.clone())),
            remote: self.draft.remote(ent).map(|item| Box::new(item.clone())),
            content: Vec::new(),
            is_lent,
        });
        number
    }

    fn need(&mut self, number: usize, needs: impl IntoIterator<Item = usize>) {
        self.actions[number]
            .needs
            .extend(needs.into_iter().filter(|need| *need != number));
    }

    /// Returns the first stage at which all of these are done, and all that changed the paths of others.
    fn stage_after(&self, needs: &[usize]) -> u32 {
        let stages = needs.iter().map(|need| self.actions[*need].stage + 1);
        let free = self.barrier + u32::from(self.barrier > 0);
        stages.max().unwrap_or_default().max(free)
    }

    /// Folders, moves, and removals that free a name.
    fn structure(&mut self) {
        let mut highest = 0;
        for side in SIDES {
            (self.barrier, self.highest) = (0, 0);
            for ent in 1..self.draft.parts.len() {
                let part = &self.draft.parts[ent];
                if part.goal[side as usize].is_some()
                    && part.goal[side as usize] != part.now[side as usize]
                {
                    self.place(side, ent, 0);
                }
            }
            highest = highest.max(self.highest);
        }
        self.highest = highest;
    }

    /// Brings an entity to its place on paper, with all that must come before: the folders that it is to be in,
    /// outermost first. They may be as many as a path has parts, so they are walked through, not called into.
    fn place(&mut self, side: Side, ent: Ent, depth: usize) {
        let here = side as usize;
        let draft = self.draft;
        let mut way: Vec<(Ent, &Place<'a>)> = Vec::new();
        let mut at = ent;
        while at != ROOT && !self.sides[here].is_placed[at] && !self.sides[here].is_moving[at] {
            let Some(goal) = &draft.parts[at].goal[here] else {
                break;
            };
            self.sides[here].is_moving[at] = true;
            way.push((at, goal));
            at = goal.parent;
        }
        while let Some((ent, goal)) = way.pop() {
            self.place_in_folder(side, ent, goal, depth);
        }
    }

    /// Brings an entity to its place on paper, once its folder had its turn.
    fn place_in_folder(&mut self, side: Side, ent: Ent, goal: &Place<'a>, depth: usize) {
        let here = side as usize;
        if self.is_out_of_reach(side, ent, goal.parent) {
            // Whoever waits for this takes a detour; its own turn comes again.
            self.sides[here].is_moving[ent] = false;
            return;
        }
        if self.sides[here].now[ent].as_ref() != Some(goal) {
            self.vacate(side, ent, goal, depth);
        }
        if self.sides[here].now[ent].as_ref() != Some(goal) {
            self.bring(side, ent, goal);
        }
        self.sides[here].is_moving[ent] = false;
        self.sides[here].is_placed[ent] = true;
    }

    /// Returns whether a folder is not on the side yet, or is still in what is to go into it.
    fn is_out_of_reach(&self, side: Side, ent: Ent, mut folder: Ent) -> bool {
        while folder != ROOT && folder != ent {
            match &self.sides[side as usize].now[folder] {
                Some(place) => folder = place.parent,
                None => return true,
            }
        }
        folder == ent
    }

    /// Gets whatever stands at `goal` out of the way, or exchanges the two.
    fn vacate(&mut self, side: Side, ent: Ent, goal: &Place<'a>, depth: usize) {
        let here = side as usize;
        // Who makes room may have been exchanged with another, which stands there then.
        while let Some(other) = self.sides[here].at.get(goal).copied() {
            if other == ent {
                return;
            }
            let goes = self.draft.parts[other].goal[here].is_none();
            if goes && depth < DEEPEST {
                if self.remove_now(side, other, depth) {
                    continue;
                }
            } else if !self.sides[here].is_moving[other] && depth < DEEPEST {
                self.place(side, other, depth + 1);
                if self.sides[here].at.get(goal) != Some(&other) {
                    continue;
                }
            }
            // A ring of names: two local items change places in one step, if neither is in the other.
            let path = self.path_at(side, goal);
            if side == Side::Local && self.sides[here].now[ent].is_some() && !goes {
                let from = self.path(side, ent);
                if !from.is_at_or_under(&path) && !path.is_at_or_under(&from) {
                    self.swap(ent, other, goal, from, path);
                    return;
                }
            }
            let aside = Place {
                parent: goal.parent,
                name: self.aside_name(side, &goal.name, [goal.parent; 2]),
            };
            self.step(side, other, &aside, false, true);
        }
    }

    /// Moves an entity that is there, or notes that one that is not there will come.
    fn bring(&mut self, side: Side, ent: Ent, goal: &Place<'a>) {
        let here = side as usize;
        if self.sides[here].now[ent].is_some() {
            self.shift(side, ent, goal);
            return;
        }
        if self.draft.kind(ent) != Kind::Folder {
            // Its transfer comes after all of this.
            self.put(side, ent, Some(goal.clone()));
            return;
        }
        let needs = self.leads_to(side, goal);
        let stage = self.stage_after(&needs);
        let path = self.path_at(side, goal);
        let what = match side {
            Side::Local => What::CreateLocalFolder,
            Side::Remote => What::CreateRemoteFolder {
                parent: self.parent(goal.parent),
                name: self.remote_name(ent, goal),
            },
        };
        let number = self.push(side, ent, what, path, stage);
        self.need(number, needs);
        self.put(side, ent, Some(goal.clone()));
        self.sides[here].last[ent] = Some(number);
    }

    /// Returns the name that the service has or gets for an entity at a place.
    fn remote_name(&self, ent: Ent, place: &Place<'a>) -> String {
        if let Some(item) = self.draft.remote(ent)
            && item.path.name() == place.name
        {
            return item.remote_name().to_owned();
        }
        match self.draft.row(ent) {
            Some(row) if row.path.name() == place.name => {
                // Where the two sides had left it under different names, the other one's is no spelling of this.
                let is_spelling =
                    |name: &&str| local_name(name).is_ok_and(|name| name == place.name);
                let name = row.name.as_deref().filter(is_spelling);
                name.unwrap_or(&place.name).to_owned()
            }
            _ => place.name.clone().into_owned(),
        }
    }

    fn parent(&self, folder: Ent) -> Parent {
        if folder == ROOT {
            return Parent::Known(self.draft.input.remote_root.clone());
        }
        match (
            self.draft.remote(folder),
            self.sides[Side::Remote as usize].last[folder],
        ) {
            (Some(item), _) => Parent::Known(item.id.clone()),
            (None, Some(number)) => Parent::Made(number),
            (None, None) => {
                unreachable!("a folder that something goes into is there or is made first")
            }
        }
    }

    fn transfers(&mut self) {
        let stage = self.highest;
        for ent in 1..self.draft.parts.len() {
            let part = &self.draft.parts[ent];
            let (side, what) = match part.transfer {
                Transfer::None => continue,
                Transfer::Down => (Side::Local, What::Download),
                Transfer::Up { saves_loser } => {
                    let place = self.sides[Side::Remote as usize].now[ent].clone();
                    let Some(place) = place else { continue };
                    // Content is taken under a plain name only: what the service has no more gets the one that it has here.
                    let spelt = self.remote_name(ent, &place);
                    let is_new = self.draft.remote(ent).is_none();
                    let what = What::Upload {
                        parent: self.parent(place.parent),
                        name: if is_new && spelt.contains('/') {
                            place.name.clone().into_owned()
                        } else {
                            spelt
                        },
                        saves_loser,
                    };
                    (Side::Remote, what)
                }
            };
            let path = self.path(Side::Local, ent);
            let number = self.push(side, ent, what, path, stage);
            for side in SIDES {
                self.need(number, self.rests_on(side, ent));
                if part.now[side as usize].is_none()
                    && let Some(place) = self.sides[side as usize].now[ent].clone()
                {
                    self.need(number, self.leads_to(side, &place));
                }
            }
            self.transfer[ent] = Some(number);
        }
    }
}
