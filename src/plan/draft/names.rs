//! One name for one thing: conflict names, and what comes of two that want one place.

use std::{borrow::Cow, collections::HashMap};

use super::{Draft, LOCAL, Part, Place, REMOTE, SIDES};
use crate::{
    plan::{Conflict, Reason, Side, Verb, conflict, matching::Ent},
    tree::{Kind, RelPath},
};

impl<'a> Draft<'a> {
    /// Returns a conflict name that nothing on either side has or will have, and takes it.
    pub(super) fn free_name(&mut self, place: &Place<'a>, mtime_ms: i64) -> String {
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

    /// Where two entities want one place on a side, one of them gets another name or is left alone; where two
    /// names going to the remote side are equal but for case, both are left alone.
    pub(super) fn part_namesakes(&mut self, may_rename: bool) -> bool {
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
            for ent in 1..self.parts.len() {
                let (now, goal) = (&self.parts[ent].now[here], &self.parts[ent].goal[here]);
                if now != goal
                    && goal
                        .as_ref()
                        .is_some_and(|goal| self.reserved[here].contains(goal))
                {
                    self.keep(ent, "its place is held by what is left alone there", true);
                    self.parts[ent].freeze();
                    changed = true;
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
            // Whatever it was to be left for, it goes now.
            self.kept.retain(|(ent, _)| *ent != loser);
            let conflict = Conflict {
                path,
                winner: Some(source),
                kept_as: None,
                put_away_by: None,
            };
            self.conflicts.push((loser, conflict));
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
        let conflict = Conflict {
            path,
            winner: None,
            kept_as,
            put_away_by: None,
        };
        self.conflicts.push((loser, conflict));
        true
    }

    /// Apple's own devices tell no case apart: what differs in case alone from what is there is not sent.
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
            // What is there already has its name, whoever gave it, and goes on.
            for (ent, twin) in [(ent, other), (other, ent)] {
                if comes(&self.parts[ent]) && !self.parts[ent].is_frozen {
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
}
