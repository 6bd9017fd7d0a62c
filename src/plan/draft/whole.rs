//! A draft made consistent: no folder goes that holds what stays, none is missing where something comes, and
//! none is in itself.

use std::collections::HashSet;

use super::{DEEPEST_PATH, Draft, LOCAL, REMOTE, SIDES};
use crate::{
    plan::{
        Reason, Side, Verb,
        matching::{Ent, ROOT},
    },
    tree::{HasPath, Kind, Listing, RelPath},
};

/// After so many rounds, what still wants a taken place is left alone.
const NAMING_ROUNDS: u32 = 50;

impl Draft<'_> {
    /// Returns the folder paths of a side that hold, at any depth, something that is not in its listing.
    pub(super) fn holding_hidden<T: HasPath>(listing: &Listing<T>) -> HashSet<RelPath> {
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
    pub(super) fn make_whole(&mut self) {
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
                | self.hold_in_share()
                | self.hold_in_zone()
                | self.part_namesakes(round < NAMING_ROUNDS);
            if !changed {
                break;
            }
        }
    }

    /// Leaves alone what would come to a place that a filter hides, as in a folder that is called otherwise on
    /// the other side: there it could not be seen again. So it does with what would be moved there, unless both sides
    /// have it there then.
    fn hide_what_would_be_hidden(&mut self) {
        for ent in 1..self.parts.len() {
            let is_folder = self.kind(ent) == Kind::Folder;
            let hides = |here: usize| {
                (self.goal_path(ent, here)).is_some_and(|path| (self.input.hides)(&path, is_folder))
            };
            let is_hidden = [LOCAL, REMOTE].into_iter().any(|here| {
                let part = &self.parts[ent];
                part.goal[here].is_some()
                    && part.goal[here] != part.now[here]
                    && hides(here)
                    && (part.now[here].is_none() || !hides(1 - here))
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

    /// Two folders that were moved into one another, each on another side, go where the side that wins has them; there they
    /// are in no ring. Where one of them can't, they stay where they are.
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
                    let is_free = ring.iter().all(|ent| self.goes_to_winner(*ent, here));
                    for ent in ring {
                        if is_free {
                            self.aim_at_winner(ent, here);
                            changed = true;
                        } else if !self.parts[ent].is_frozen {
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

    /// Returns whether an entity that is in a ring of folders on a side can go where the side that wins has it.
    fn goes_to_winner(&self, ent: Ent, here: usize) -> bool {
        let part = &self.parts[ent];
        let winner = self.winner_of_moves() as usize;
        !part.is_frozen
            && !self.remote(ent).is_some_and(|item| item.is_fixed)
            && part.now[here].is_some()
            && part.now[winner].is_some()
            && part.goal[winner].is_some()
    }

    fn aim_at_winner(&mut self, ent: Ent, here: usize) {
        let winner = self.winner_of_moves();
        let part = &mut self.parts[ent];
        let place = part.now[winner as usize].clone();
        for side in SIDES {
            let at = side as usize;
            let is_written = self.rules.verb == Verb::Bisync || at == here;
            if is_written && part.goal[at].is_some() {
                part.goal[at].clone_from(&place);
                part.reason[at] = Reason::Moved(side.other());
            }
        }
        let stays = part.goal == part.now && self.rules.verb != Verb::Bisync;
        self.kept.retain(|(of, _)| *of != ent);
        if stays {
            self.keep(
                ent,
                "moved differently on both sides; it stays there",
                false,
            );
        }
    }
}
