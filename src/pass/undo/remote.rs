//! Takes back what a pass did in iCloud.
//!
//! Every item is read by id just before: it must be where the pass left it, and as it left it. What a write came to is
//! judged by its answer, and read back where the answer was lost; none is sent again blindly.

use std::collections::{BTreeMap, HashSet};

use super::{Undo, tree::Tree};
use crate::{
    cloud::{FolderAnswer, Node, Target, until_free},
    error::{Error, Kind as ErrorKind, Result},
    exec::{disk::changed, download::same_content, seal},
    plan::Side,
    state::{
        journal::Op,
        undo::{Deed, Place},
    },
    tree::{Etag, Kind, RelPath, RemoteId, Zone, local_name},
};

/// A checked deed.
struct Ready {
    /// The item as it is now.
    node: Node,
    /// The folder that it goes into, where that is known.
    folder: Option<RemoteId>,
    /// It is as it should be already.
    is_done: bool,
}

fn same_name(one: &str, other: &str) -> bool {
    match (local_name(one), local_name(other)) {
        (Ok(one), Ok(other)) => one == other,
        (_, _) => one == other,
    }
}

fn identity(deed: &Deed) -> Option<(RemoteId, Kind)> {
    match deed {
        Deed::RemoteAppeared { id, kind, .. }
        | Deed::RemoteVanished { id, kind, .. }
        | Deed::RemoteMoved { id, kind, .. } => Some((id.clone(), *kind)),
        Deed::RemoteUpdated { .. }
        | Deed::LocalAppeared { .. }
        | Deed::LocalVanished { .. }
        | Deed::LocalMoved { .. }
        | Deed::LocalSwapped { .. } => None,
    }
}

fn target(node: &Node, kind: Kind) -> Target {
    Target {
        id: node.id.clone(),
        kind,
        etag: node.etag.clone(),
    }
}

impl Undo<'_> {
    /// Takes remote deeds of one kind back; a result for each.
    pub(super) fn remote(&mut self, deeds: &[&Deed]) -> Vec<Result<()>> {
        let all_fail = |error: &Error| deeds.iter().map(|_| Err(error.clone())).collect();
        let items: Vec<(RemoteId, Kind)> = deeds.iter().filter_map(|deed| identity(deed)).collect();
        if items.len() != deeds.len() {
            return all_fail(&Error::new(ErrorKind::Other, "only remote items are read"));
        }
        let shared = (deeds.iter().zip(&items)).filter(|(_, (id, _))| id.zone.is_share());
        for (deed, _) in shared {
            // How to ask for what is in another account's share is told by the folder that the share begins in.
            let folder = deed.path().parent();
            if let Err(error) = self.tree.folder(self.remote, self.root, folder.as_ref()) {
                return all_fail(&error);
            }
        }
        let nodes = match self.remote.read(&items) {
            Ok(nodes) => nodes,
            Err(error) => return all_fail(&error),
        };
        let mut results: Vec<Result<()>> = Vec::with_capacity(deeds.len());
        let mut ready: Vec<(usize, Ready)> = Vec::new();
        for (at, (deed, node)) in deeds.iter().zip(nodes).enumerate() {
            match self.check_remote(deed, node) {
                Ok(one) => {
                    if self.journal.is_none() {
                        self.would_remotely(deed);
                    } else if !one.is_done {
                        ready.push((at, one));
                    }
                    results.push(Ok(()));
                }
                Err(error) => results.push(Err(error)),
            }
        }
        if ready.is_empty() {
            return results;
        }
        let about: Vec<&Deed> = ready.iter().map(|(at, _)| deeds[*at]).collect();
        if let Err(error) = self.forget(&about) {
            for (at, _) in ready {
                results[at] = Err(error.clone());
            }
            return results;
        }
        for (at, result) in self.act_remotely(deeds, ready) {
            results[at] = result;
        }
        self.tree = Tree::default();
        results
    }

    /// Returns where an item would be by now.
    fn place(&self, node: &Node) -> Place {
        let would_be = self.view.remote_places.get(&node.id);
        would_be.cloned().unwrap_or_else(|| Place {
            folder: node.parent.clone(),
            name: node.name.clone(),
        })
    }

    fn is_at(&self, node: &Node, place: &Place) -> bool {
        let now = self.place(node);
        let is_elsewhere = matches!((&now.folder, &place.folder), (Some(a), Some(b)) if a != b);
        now.name == place.name && !is_elsewhere
    }

    /// Returns whether another item has a name in a folder.
    fn is_taken(&mut self, folder: &RemoteId, name: &str, but: &RemoteId) -> Result<bool> {
        let view = &self.view;
        let children = self.tree.children(self.remote, folder)?.unwrap_or_default();
        Ok(children.iter().any(|node| {
            let would_stay =
                !view.remote_gone.contains(&node.id) && !view.remote_places.contains_key(&node.id);
            node.id != *but && would_stay && same_name(&node.name, name)
        }))
    }

    fn check_remote(&mut self, deed: &Deed, node: Option<Node>) -> Result<Ready> {
        let path = deed.path();
        if let Deed::RemoteAppeared { id, .. } = deed
            && let Some(owner) = id.zone.owner()
        {
            let text =
                format!("\"{path}\" is shared by {owner}, and nothing is deleted there from here");
            return Err(Error::new(ErrorKind::Refused, text)
                .with_hint("delete it at icloud.com or on a device; it is deleted for all then"));
        }
        let node = node.ok_or_else(|| changed(path, "iCloud does not have it any more"))?;
        if !matches!(deed, Deed::RemoteVanished { .. }) && node.is_trashed {
            return Err(changed(path, "it is in iCloud's Recently Deleted"));
        }
        let since = |why: &str| Err(changed(path, why));
        let mut folder = None;
        let mut is_done = false;
        match deed {
            Deed::RemoteAppeared {
                id,
                kind,
                place,
                seal,
                ..
            } => {
                if !self.is_at(&node, place) {
                    return since("it was moved or renamed since");
                }
                let is_same = if *kind == Kind::Folder {
                    let below = self.below(id, path)?;
                    let would_stay = |node: &&Node| {
                        !self.view.remote_gone.contains(&node.id)
                            && !self.view.remote_places.contains_key(&node.id)
                    };
                    seal::remote_folder(below.iter().filter(would_stay)) == *seal
                } else {
                    same_content(&node.etag, &Etag::new(seal))
                };
                if !is_same {
                    return since("it has changed in iCloud since");
                }
            }
            Deed::RemoteVanished { name, .. } => {
                folder = self
                    .tree
                    .folder(self.remote, self.root, path.parent().as_ref())?;
                if !node.is_trashed {
                    let is_there = folder.is_some() && node.parent == folder && node.name == *name;
                    if !is_there {
                        return since("it was put back since, to another place or name");
                    }
                    is_done = true;
                } else if let Some(folder) = &folder
                    && self.is_taken(folder, name, &node.id)?
                {
                    return since("something else has its name in iCloud");
                }
            }
            Deed::RemoteMoved { from, to, .. } => {
                if !self.is_at(&node, to) {
                    return since("it was moved or renamed since");
                }
                folder = from.folder.clone().or_else(|| self.place(&node).folder);
                if let Some(folder) = &folder
                    && self.is_taken(folder, &from.name, &node.id)?
                {
                    return since("something else has its old name in iCloud");
                }
            }
            Deed::RemoteUpdated { .. }
            | Deed::LocalAppeared { .. }
            | Deed::LocalVanished { .. }
            | Deed::LocalMoved { .. }
            | Deed::LocalSwapped { .. } => {}
        }
        Ok(Ready {
            node,
            folder,
            is_done,
        })
    }

    /// Lists all that is below a folder, afresh.
    fn below(&self, folder: &RemoteId, path: &RelPath) -> Result<Vec<Node>> {
        let mut below: Vec<Node> = Vec::new();
        let mut open = vec![folder.clone()];
        let mut seen: HashSet<RemoteId> = open.iter().cloned().collect();
        while !open.is_empty() {
            let mut next = Vec::new();
            for chunk in open.chunks(super::BATCH) {
                for answer in self.remote.list(chunk)? {
                    let FolderAnswer::Whole { children, .. } = answer else {
                        let text = format!("cannot list \"{path}\" before it is taken back");
                        return Err(Error::new(ErrorKind::Temporary, text));
                    };
                    for node in children {
                        if node.kind == Kind::Folder && seen.insert(node.id.clone()) {
                            next.push(node.id.clone());
                        }
                        below.push(node);
                    }
                }
            }
            open = next;
        }
        Ok(below)
    }

    /// Notes what a dry run would do.
    fn would_remotely(&mut self, deed: &Deed) {
        match deed {
            Deed::RemoteAppeared { id, .. } => {
                self.view.remote_gone.insert(id.clone());
            }
            Deed::RemoteMoved { id, from, .. } => {
                self.view.remote_places.insert(id.clone(), from.clone());
            }
            Deed::RemoteVanished { .. }
            | Deed::RemoteUpdated { .. }
            | Deed::LocalAppeared { .. }
            | Deed::LocalVanished { .. }
            | Deed::LocalMoved { .. }
            | Deed::LocalSwapped { .. } => {}
        }
    }

    /// Takes checked deeds back; one request for those of a zone where the service takes many.
    fn act_remotely(
        &mut self,
        deeds: &[&Deed],
        ready: Vec<(usize, Ready)>,
    ) -> Vec<(usize, Result<()>)> {
        let mut zones: BTreeMap<Zone, Vec<(usize, Ready)>> = BTreeMap::new();
        for (at, one) in ready {
            zones
                .entry(one.node.id.zone.clone())
                .or_default()
                .push((at, one));
        }
        let mut results = Vec::new();
        for group in zones.into_values() {
            let targets: Vec<Target> = group
                .iter()
                .filter_map(|(at, one)| Some(target(&one.node, identity(deeds[*at])?.1)))
                .collect();
            let is_back = matches!(
                group.first().map(|(at, _)| deeds[*at]),
                Some(Deed::RemoteVanished { .. })
            );
            let is_moved = matches!(
                group.first().map(|(at, _)| deeds[*at]),
                Some(Deed::RemoteMoved { .. })
            );
            if is_moved {
                for (at, one) in group {
                    results.push((at, self.move_back(deeds[at], &one)));
                }
                continue;
            }
            let answers = if is_back {
                self.judged(
                    &targets,
                    until_free(self.remote, || self.remote.put_back(&targets)),
                    |node| !node.is_trashed,
                )
            } else {
                self.judged(
                    &targets,
                    until_free(self.remote, || self.remote.trash(&targets)),
                    |node| node.is_trashed,
                )
            };
            for ((at, one), answer) in group.into_iter().zip(answers) {
                let result = answer.and_then(|node| {
                    if let Deed::RemoteVanished {
                        path, kind, name, ..
                    } = deeds[at]
                    {
                        return self.settle_back(path, *kind, name, &one, node);
                    }
                    self.is_trashed(deeds[at], &one);
                    Ok(())
                });
                results.push((at, result));
            }
        }
        results
    }

    /// Goes by the answers of a write; where one was lost, by what is there.
    fn judged(
        &self,
        targets: &[Target],
        answers: Result<Vec<Result<Node>>>,
        is_done: impl Fn(&Node) -> bool,
    ) -> Vec<Result<Node>> {
        let answers =
            answers.unwrap_or_else(|error| targets.iter().map(|_| Err(error.clone())).collect());
        let read_back = |target: &Target, error: Error| {
            let read = self.remote.read(&[(target.id.clone(), target.kind)]);
            match read.map_err(|_| error.clone())?.pop().flatten() {
                Some(node) if is_done(&node) => Ok(node),
                Some(_) | None => Err(error),
            }
        };
        targets
            .iter()
            .zip(answers)
            .map(|(target, answer)| match answer {
                Err(error) if error.kind() == ErrorKind::Lost => read_back(target, error),
                other => other,
            })
            .collect()
    }

    fn is_trashed(&mut self, deed: &Deed, one: &Ready) {
        if let Deed::RemoteAppeared { path, id, kind, .. } = deed {
            self.did(&Deed::RemoteVanished {
                path: path.clone(),
                id: id.clone(),
                kind: *kind,
                name: one.node.name.clone(),
            });
        }
    }

    /// Brings what came back from the trash to its old place and name, if the service chose others (hazard 15).
    fn settle_back(
        &mut self,
        path: &RelPath,
        kind: Kind,
        name: &str,
        one: &Ready,
        node: Node,
    ) -> Result<()> {
        let mut now = node;
        let mut trouble = None;
        let place = Place {
            folder: one.folder.clone().or_else(|| now.parent.clone()),
            name: name.to_owned(),
        };
        match self.bring_to(&now, kind, &place) {
            Ok(settled) => now = settled,
            Err(error) => trouble = Some(error),
        }
        let seal = if kind == Kind::Folder {
            seal::remote_folder(&self.below(&now.id, path)?)
        } else {
            seal::remote_file(&now.etag)
        };
        self.did(&Deed::RemoteAppeared {
            path: path.clone(),
            id: now.id.clone(),
            kind,
            place: Place {
                folder: now.parent.clone(),
                name: now.name.clone(),
            },
            seal,
        });
        let text = match (trouble, &one.folder) {
            (None, Some(_)) => return Ok(()),
            (Some(error), _) => format!(
                "\"{path}\" is back in iCloud as \"{}\", and can't be brought to its old place: {}",
                now.name,
                error.chain()
            ),
            (None, None) => format!(
                "\"{path}\" is back in iCloud as \"{}\", in another folder: its own is gone",
                now.name
            ),
        };
        Err(Error::new(ErrorKind::Other, text))
    }

    /// Moves and renames an item to a place. Returns it as it is then.
    fn bring_to(&self, node: &Node, kind: Kind, place: &Place) -> Result<Node> {
        let mut now = node.clone();
        if let Some(folder) = &place.folder
            && now.parent.as_ref() != Some(folder)
        {
            let targets = [target(&now, kind)];
            let answers = until_free(self.remote, || self.remote.relocate(&targets, folder));
            let moved = self
                .judged(&targets, answers, |node| {
                    node.parent.as_ref() == Some(folder)
                })
                .pop();
            now = moved.unwrap_or_else(|| Ok(now))?;
        }
        if now.name != place.name {
            let targets = [target(&now, kind)];
            let answer = until_free(self.remote, || self.remote.rename(&targets[0], &place.name));
            let parent = now.parent.clone();
            let renamed = self
                .judged(&targets, answer.map(|node| vec![Ok(node)]), |node| {
                    node.name == place.name
                })
                .pop();
            now = renamed.unwrap_or_else(|| Ok(now))?;
            now.parent = now.parent.or(parent);
        }
        if now.name == place.name {
            return Ok(now);
        }
        let text = format!(
            "its name was taken, and the service called it {:?}",
            now.name
        );
        Err(Error::new(ErrorKind::Other, text))
    }

    /// Takes one step of a move back.
    fn move_back(&mut self, deed: &Deed, one: &Ready) -> Result<()> {
        let Deed::RemoteMoved {
            path,
            id,
            kind,
            from,
            to,
        } = deed
        else {
            return Ok(());
        };
        let left = self.steps_left.get_mut(id);
        let left = left.map_or(0, |left| {
            *left = left.saturating_sub(1);
            *left
        });
        if left > 0
            && let Some(journal) = self.journal
        {
            // Until it has arrived its place says nothing: a pass after an undo that ends here is told so.
            self.note(journal, vec![Op::Leaves(id.clone(), Side::Remote)])?;
        }
        let now = self.bring_to(&one.node, *kind, from)?;
        self.did(&Deed::RemoteMoved {
            path: path.clone(),
            id: id.clone(),
            kind: *kind,
            from: to.clone(),
            to: Place {
                folder: now.parent.clone().or_else(|| from.folder.clone()),
                name: now.name,
            },
        });
        if left == 0
            && let Some(journal) = self.journal
        {
            self.note(journal, vec![Op::Arrives(id.clone())])?;
            self.arrived.insert(id.clone());
        }
        Ok(())
    }
}
