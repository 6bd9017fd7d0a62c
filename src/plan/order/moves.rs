//! Moves on paper: the request or two that a move takes, exchanges, and names for the time being.

use std::borrow::Cow;

use super::Work;
use crate::{
    plan::{Reason, Side, What, draft::Place, matching::Ent},
    tree::{Kind, RelPath},
};

impl<'a> Work<'a, '_> {
    pub(super) fn swap(
        &mut self,
        ent: Ent,
        other: Ent,
        goal: &Place<'a>,
        from: RelPath,
        path: RelPath,
    ) {
        let old = self.sides[Side::Local as usize].now[ent].clone();
        let other_local = self.draft.local(other).cloned().map(Box::new);
        let other_remote = self.draft.remote(other).cloned().map(Box::new);
        self.barrier = self.highest.max(self.barrier + 1);
        let number = self.push(
            Side::Local,
            ent,
            What::SwapLocal {
                with: from,
                other_local,
                other_remote,
            },
            path,
            self.barrier,
        );
        let needs = [
            self.rests_on(Side::Local, ent),
            self.rests_on(Side::Local, other),
        ];
        self.need(number, needs.into_iter().flatten());
        self.put(Side::Local, other, None);
        self.put(Side::Local, ent, Some(goal.clone()));
        self.put(Side::Local, other, old);
        self.sides[Side::Local as usize].last[ent] = Some(number);
        self.sides[Side::Local as usize].last[other] = Some(number);
    }

    /// Returns a name for the time being that is free in both folders.
    pub(super) fn aside_name(&self, side: Side, name: &str, folders: [Ent; 2]) -> Cow<'a, str> {
        let stem: String = name.chars().take(60).collect();
        let mut number = 1_u64;
        loop {
            let name: Cow<'a, str> = format!("{stem} (moving {number})").into();
            let is_free = |parent: Ent| {
                let name = name.clone();
                !self.is_held(side, &Place { parent, name })
            };
            if folders.into_iter().all(is_free) {
                return name;
            }
            number += 1;
        }
    }

    /// Returns whether something stands at a place on paper, or is left alone there.
    fn is_held(&self, side: Side, place: &Place<'a>) -> bool {
        let here = side as usize;
        self.sides[here].at.contains_key(place) || self.draft.reserved[here].contains(place)
    }

    /// Plans a move or renaming from where an entity is on paper to its place. Another folder and another name are
    /// two requests on the remote side, and the place between them has to be free, as far as can be told: a
    /// filter may hide what stands there. Where neither order is sure, the way leads over a name for the time being.
    pub(super) fn shift(&mut self, side: Side, ent: Ent, goal: &Place<'a>) {
        let Some(old) = self.sides[side as usize].now[ent].clone() else {
            return;
        };
        let is_folder = self.draft.kind(ent) == Kind::Folder;
        let is_taken = |parent: Ent, name: &Cow<'a, str>| {
            let name = name.clone();
            let place = Place { parent, name };
            self.is_held(side, &place)
                || (self.draft.input.hides)(&self.path_at(side, &place), is_folder)
        };
        let is_two = side == Side::Remote && old.parent != goal.parent && old.name != goal.name;
        let moves_first = is_two && is_taken(old.parent, &goal.name);
        if moves_first && is_taken(goal.parent, &old.name) {
            // Just once: where a filter hides the whole folder, no name in it would be sure.
            let aside = Place {
                parent: old.parent,
                name: self.aside_name(side, &old.name, [old.parent, goal.parent]),
            };
            self.step(side, ent, &aside, false, true);
        }
        self.step(side, ent, goal, moves_first, false);
    }

    /// Plans one move or renaming from where an entity is on paper.
    pub(super) fn step(
        &mut self,
        side: Side,
        ent: Ent,
        goal: &Place<'a>,
        moves_first: bool,
        is_temporary: bool,
    ) {
        let here = side as usize;
        let Some(old) = self.sides[here].now[ent].clone() else {
            return;
        };
        let is_two = side == Side::Remote && old.parent != goal.parent && old.name != goal.name;
        let from = self.path(side, ent);
        let mut needs = self.rests_on(side, ent);
        needs.extend(self.leads_to(side, goal));
        let path = self.path_at(side, goal);
        let what = match side {
            Side::Local => What::MoveLocal { from },
            Side::Remote => What::MoveRemote {
                from,
                parent: (old.parent != goal.parent).then(|| self.parent(goal.parent)),
                name: self.remote_name(ent, goal),
                moves_first: moves_first && is_two,
                is_temporary,
            },
        };
        // A file's move changes no other path.
        let stage = if self.draft.kind(ent) == Kind::Folder || is_two {
            self.barrier = self.highest.max(self.barrier + 1);
            self.barrier
        } else {
            self.stage_after(&needs)
        };
        let number = self.push(side, ent, what, path, stage);
        if is_temporary {
            self.actions[number].reason = Reason::MakesWay;
        }
        self.need(number, needs);
        self.put(side, ent, Some(goal.clone()));
        self.sides[here].freed.insert(old, number);
        self.sides[here].last[ent] = Some(number);
    }
}
