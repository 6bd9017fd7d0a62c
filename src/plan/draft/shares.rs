//! What other accounts share with this one: each share is a zone of its own, and by default nothing is written to it.
//!
//! Everything is drafted as if it were one's own. What would come of it on the remote side inside a share is then
//! left alone, and told of: a change, a deletion, a new item, a move in or out. Where shares are written to, only this
//! is left alone: what would be removed, since nobody shows a way to the trash for what belongs to somebody else, and a
//! removal is one for all; what would go to another folder, for which nobody shows a call of the Drive service (protocol
//! page 8.9); and the item that a share begins with.

use std::collections::HashMap;

use super::{Draft, REMOTE, Transfer};
use crate::{
    plan::matching::{Ent, ROOT},
    tree::Zone,
};

impl<'a> Draft<'a> {
    /// Returns the share that an entity is in on the remote side, or would come to be in.
    pub(super) fn share_of(&self, ent: Ent) -> Option<&'a Zone> {
        let own = self.remote(ent).map(|item| &item.id.zone);
        let goal = self.parts[ent].goal[REMOTE].as_ref();
        let there = || goal.map(|place| self.zone_of_folder(place.parent));
        own.filter(|zone| zone.is_share())
            .or_else(|| there().filter(|zone| zone.is_share()))
    }

    /// Tells of something that is so on the local side alone, and stays so.
    pub(super) fn keep_in_share(&mut self, ent: Ent, zone: &Zone, what: &str, way_out: &str) {
        let owner = zone.owner().unwrap_or_default();
        let why = match (self.rules.writes_shares, what) {
            (true, "deleted") => "nothing is deleted there from here",
            (true, "changed") => "a single file that is shared is read only here",
            (true, _) => "what is shared keeps its name and place",
            (false, "new" | "changed") => "read only here without `--shares write`",
            (false, _) => "read only here",
        };
        let text = format!("{what} here only: shared by {owner}, and {why}{way_out}");
        self.keep(ent, text, true);
    }

    /// Returns whether what is drafted for an entity may be done in a share, or with what comes into one.
    fn may_write_to_share(&self, ent: Ent) -> bool {
        let part = &self.parts[ent];
        let zone = self.remote(ent).map(|item| &item.id.zone);
        self.rules.writes_shares
            && match (&part.now[REMOTE], &part.goal[REMOTE]) {
                (_, None) => false,
                (None, Some(_)) => true,
                // It is copied there.
                (Some(_), Some(_)) if zone.is_some_and(|zone| !zone.is_share()) => true,
                (Some(now), Some(goal)) => {
                    now.parent == goal.parent && zone == Some(self.zone_of_folder(now.parent))
                }
            }
    }

    /// Leaves alone what would be written to a share. Of a tree only its top is told of.
    pub(super) fn hold_in_share(&mut self) -> bool {
        let root = self.input.remote_root.zone.is_share();
        if !root && (self.trees.remote.items().iter()).all(|item| !item.id.zone.is_share()) {
            return false;
        }
        let is_written = |ent: &Ent| {
            let part = &self.parts[*ent];
            let is_placed = part.goal[REMOTE] != part.now[REMOTE];
            !part.is_frozen
                && (is_placed || matches!(part.transfer, Transfer::Up { .. }))
                && !self.may_write_to_share(*ent)
        };
        let held: HashMap<Ent, &Zone> = (1..self.parts.len())
            .filter(is_written)
            .filter_map(|ent| Some((ent, self.share_of(ent)?)))
            .collect();
        for ent in 1..self.parts.len() {
            let Some(zone) = held.get(&ent) else { continue };
            let part = &self.parts[ent];
            let [now, goal] = [&part.now[REMOTE], &part.goal[REMOTE]];
            let (what, way_out) = match (now, goal) {
                (None, _) => ("new", ""),
                (Some(_), None) => ("deleted", "; a pull of this pair brings it back"),
                (Some(now), Some(goal)) if now != goal => ("moved", ""),
                (Some(_), Some(_)) => ("changed", ""),
            };
            let folder = now
                .as_ref()
                .or(goal.as_ref())
                .map_or(ROOT, |place| place.parent);
            if what == "moved" || !held.contains_key(&folder) {
                self.keep_in_share(ent, zone, what, way_out);
            }
        }
        for ent in held.keys() {
            self.parts[*ent].freeze();
        }
        !held.is_empty()
    }
}
