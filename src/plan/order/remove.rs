//! What goes: removals that free a name before their time, and all others at the end.

use std::collections::HashSet;

use super::Work;
use crate::{
    plan::{
        Inside, Side, What,
        draft::SIDES,
        matching::{Ent, ROOT},
    },
    tree::RemoteItem,
};

impl Work<'_, '_> {
    /// Removes an entity before its time, because its name is wanted. Returns whether that can be: not where something in it is
    /// in the middle of moving out.
    pub(super) fn remove_now(&mut self, side: Side, ent: Ent, depth: usize) -> bool {
        let here = side as usize;
        if self.draft.parts[ent].follows.is_some() {
            return false;
        }
        let mut inside = self.inside(side, ent);
        for child in inside.clone() {
            if self.draft.parts[child].goal[here].is_some() {
                if self.sides[here].is_moving[child] {
                    return false;
                }
                self.place(side, child, depth + 1);
            }
        }
        inside = self.inside(side, ent);
        if (inside.iter()).any(|child| {
            self.draft.parts[*child].goal[here].is_some()
                || self.draft.parts[*child].follows.is_some()
        }) {
            return false;
        }
        self.barrier = self.highest.max(self.barrier + 1);
        self.remove(side, ent, &inside, self.barrier);
        true
    }

    /// Returns all that is in a folder on paper now, at any depth.
    fn inside(&self, side: Side, ent: Ent) -> Vec<Ent> {
        let table = &self.sides[side as usize];
        let mut inside = Vec::new();
        let mut seen = HashSet::new();
        let mut open = vec![ent];
        while let Some(folder) = open.pop() {
            for child in table.children.get(&folder).into_iter().flatten() {
                let is_in = table.now[*child]
                    .as_ref()
                    .is_some_and(|place| place.parent == folder);
                if is_in && seen.insert(*child) {
                    inside.push(*child);
                    open.push(*child);
                }
            }
        }
        inside
    }

    /// Returns the remote item as the baseline has it.
    fn was(&self, ent: Ent) -> Option<Box<RemoteItem>> {
        self.draft.row(ent).map(|row| Box::new(row.remote_item()))
    }

    fn remove(&mut self, side: Side, ent: Ent, inside: &[Ent], stage: u32) {
        let what = match side {
            Side::Local => What::RemoveLocal,
            Side::Remote => What::TrashRemote,
        };
        let path = self.path(side, ent);
        let mut content: Vec<Inside> = (inside.iter())
            .map(|child| Inside {
                path: self.path(side, *child),
                local: (side == Side::Local)
                    .then(|| self.draft.local(*child).cloned().map(Box::new))
                    .flatten(),
                remote: match side {
                    Side::Local => self.was(*child),
                    Side::Remote => self.draft.remote(*child).cloned().map(Box::new),
                },
            })
            .collect();
        content.sort_by(|a, b| a.path.cmp(&b.path));
        let number = self.push(side, ent, what, path, stage);
        self.actions[number].forgets = self.draft.row(ent).map(|row| row.path.clone());
        if side == Side::Local {
            self.actions[number].remote = self.was(ent);
        }
        if side == Side::Remote {
            let mut inner = content.iter().filter_map(|inside| inside.remote.as_ref());
            self.actions[number].is_lent |= inner.any(|item| item.is_lent);
        }
        self.actions[number].content = content;
        let needs: Vec<usize> = (inside.iter().chain([&ent]))
            .filter_map(|ent| self.draft.parts[*ent].follows)
            .filter_map(|ent| self.transfer[ent].or(self.sides[side as usize].last[ent]))
            .chain(self.rests_on(side, ent))
            .collect();
        self.need(number, needs);
        for gone in inside.iter().chain([&ent]) {
            if let Some(place) = self.sides[side as usize].now[*gone].clone() {
                self.sides[side as usize].freed.insert(place, number);
            }
            self.put(side, *gone, None);
            self.removed_by[*gone] = Some(number);
        }
    }

    /// All removals that free no name.
    pub(super) fn removals(&mut self) {
        let stage = self.highest;
        for side in SIDES {
            let here = side as usize;
            let goes = |work: &Self, ent: Ent| {
                ent != ROOT
                    && work.draft.parts[ent].goal[here].is_none()
                    && work.sides[here].now[ent].is_some()
            };
            let all: Vec<Ent> = (1..self.draft.parts.len())
                .filter(|ent| goes(self, *ent))
                .collect();
            for ent in all {
                let is_top = self.sides[here].now[ent]
                    .as_ref()
                    .is_some_and(|place| !goes(self, place.parent));
                if is_top {
                    let inside = self.inside(side, ent);
                    self.remove(side, ent, &inside, stage);
                }
            }
        }
    }
}
