//! Zones of the service: Drive's own, and one for each app's library. Nothing moves from one into another; it is
//! copied and removed, where that can be done whole, and left alone where not.

use std::collections::{HashMap, HashSet};

use super::{DEEPEST_PATH, Draft, LOCAL, Part, REMOTE, Transfer};
use crate::{
    plan::{
        Reason, Side,
        matching::{Ent, Entity, ROOT},
    },
    tree::{Kind, Zone},
};

impl<'a> Draft<'a> {
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
    pub(super) fn zone_of_folder(&self, mut folder: Ent) -> &'a Zone {
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
    pub(super) fn hold_in_zone(&mut self) -> bool {
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
            // The row goes with the source, until that is gone: without it the source would count as new, should the pass end
            // between the two.
            let old = Entity {
                remote: self.parts[ent].entity.remote.take(),
                base: self.parts[ent].entity.base.take(),
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
}
