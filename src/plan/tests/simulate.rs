//! Carries a plan out on a world in memory, and refuses what the real sides would refuse.
//!
//! The baseline is kept by the journal that execution writes: the row of what was made, moved or transferred is at
//! [`Action::agreed`], else at the action's path. A temporary remote move leaves the row alone and counts as in
//! transit until the last one of that item.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Local, Remote, World, local_item, remote_item, signature};
use crate::{
    plan::{Action, Parent, Plan, Side, What},
    state::journal::Op,
    tree::{Kind, LocalItem, RelPath, RemoteId, RemoteItem, Row, Zone},
};

/// What became of a plan's actions.
pub(super) struct Run<'p> {
    plan: &'p Plan,
    pub(super) is_done: Vec<bool>,
    made: Vec<Option<RemoteId>>,
    /// The baseline that the plan was made from.
    base: Vec<Row>,
}

macro_rules! ensure {
    ($holds:expr, $($why:tt)*) => {
        if !$holds {
            return Err(format!($($why)*));
        }
    };
}

// After the macro, which it uses.
mod notes;

pub(super) use notes::{finish, settle};

use notes::{agree, arrive, follow, moved, parted};

/// Checks that a plan's numbers make sense whatever the sides look like.
pub(super) fn check_form(plan: &Plan) -> Result<(), String> {
    for (number, action) in plan.actions.iter().enumerate() {
        for need in &action.needs {
            ensure!(
                *need < number && plan.actions[*need].stage < action.stage,
                "action {number} ({}) needs {need}, which is not of an earlier stage",
                action.path
            );
        }
        let parent = match &action.what {
            What::CreateRemoteFolder { parent, .. } | What::Upload { parent, .. } => Some(parent),
            What::MoveRemote { parent, .. } => parent.as_ref(),
            What::CreateLocalFolder
            | What::Download
            | What::MoveLocal { .. }
            | What::SwapLocal { .. }
            | What::RemoveLocal
            | What::TrashRemote => None,
        };
        if let Some(Parent::Made(maker)) = parent {
            ensure!(
                needs_in_the_end(plan, number, *maker),
                "action {number} ({}) goes into what {maker} makes, but does not need it",
                action.path
            );
        }
    }
    let order: Vec<_> = plan.actions.iter().map(|action| action.stage).collect();
    ensure!(order.is_sorted(), "stages are out of order");
    Ok(())
}

fn needs_in_the_end(plan: &Plan, number: usize, need: usize) -> bool {
    let needs = &plan.actions[number].needs;
    needs
        .iter()
        .any(|one| *one == need || needs_in_the_end(plan, *one, need))
}

impl<'p> Run<'p> {
    pub(super) fn new(plan: &'p Plan, world: &mut World) -> Self {
        world.parted = parted(plan);
        world.awaited = (plan.actions.iter())
            .filter(|action| action.what == What::Download && action.local.is_none())
            .filter_map(|action| action.remote.as_ref().map(|item| item.id.clone()))
            .collect();
        let count = plan.actions.len();
        Self {
            plan,
            is_done: vec![false; count],
            made: vec![None; count],
            base: world.base.clone(),
        }
    }

    /// Does one action, unless one that it needs was not done.
    pub(super) fn act(&mut self, world: &mut World, number: usize) -> Result<(), String> {
        let action = &self.plan.actions[number];
        if let Some(need) = action.needs.iter().find(|need| !self.is_done[**need]) {
            return Err(format!("needs {need}, which was not done"));
        }
        self.made[number] = self.step(world, action)?;
        let is_removal = matches!(action.what, What::RemoveLocal | What::TrashRemote);
        let is_upload = matches!(action.what, What::Upload { .. });
        let gone = match (&action.remote, &action.forgets) {
            (Some(item), row) if is_removal => Some(Op::Gone(item.id.clone(), row.clone())),
            // Written before the new row, which may be at the same path.
            (_, Some(_)) if is_upload => None,
            (_, row) => row.clone().map(Op::Forget),
        };
        world.journal.extend(gone);
        self.is_done[number] = true;
        Ok(())
    }

    fn step(&self, world: &mut World, action: &Action) -> Result<Option<RemoteId>, String> {
        match &action.what {
            What::CreateLocalFolder => create_local(world, action).map(|()| None),
            What::CreateRemoteFolder { parent, name } => {
                self.create_remote(world, action, parent, name).map(Some)
            }
            What::Download => download(world, action).map(|()| None),
            What::Upload {
                parent,
                name,
                saves_loser,
            } => (self.upload(world, action, parent, name, *saves_loser)).map(|()| None),
            What::MoveLocal { from } => move_local(world, action, from).map(|()| None),
            What::SwapLocal {
                with,
                other_local,
                other_remote,
            } => {
                let other = (other_local.as_deref(), other_remote.as_deref());
                swap_local(world, action, with, other).map(|()| None)
            }
            What::MoveRemote {
                from,
                parent,
                name,
                moves_first,
                is_temporary,
            } => {
                let target = (parent.as_ref(), name.as_str());
                self.move_remote(world, action, from, target, *moves_first, *is_temporary)
                    .map(|()| None)
            }
            What::RemoveLocal => remove_local(world, action).map(|()| None),
            What::TrashRemote => trash_remote(world, action).map(|()| None),
        }
    }

    /// Returns the path and the zone of a remote parent; `None` is the root.
    fn parent(&self, world: &World, parent: &Parent) -> Result<(Option<RelPath>, Zone), String> {
        let id = match parent {
            Parent::Known(id) => id.clone(),
            Parent::Made(number) => self.made[*number]
                .clone()
                .ok_or("no such folder was made")?,
        };
        if id == RemoteId::root() {
            return Ok((None, Zone::drive()));
        }
        let (path, node) = find(world, &id).ok_or("the remote parent is gone")?;
        ensure!(
            node.kind == Kind::Folder,
            "the remote parent {path} is no folder"
        );
        Ok((Some(path), id.zone))
    }

    fn create_remote(
        &self,
        world: &mut World,
        action: &Action,
        parent: &Parent,
        name: &str,
    ) -> Result<RemoteId, String> {
        let (folder, zone) = self.parent(world, parent)?;
        let path = RelPath::within(folder.as_ref(), name).map_err(|why| why.to_string())?;
        ensure!(path == action.path, "it would be made at {path}");
        ensure!(!world.remote.contains_key(&path), "something is there");
        let listed = action
            .local
            .as_ref()
            .ok_or("nobody knows the local folder")?;
        let here = local_of(world, listed).ok_or("the local folder is gone")?;
        let id = world.new_id(zone);
        let node = Remote {
            kind: Kind::Folder,
            content: 0,
            modified_ms: 0,
            id: id.clone(),
            version: [1, 0],
            is_fixed: false,
            is_unverifiable: false,
        };
        world.remote.insert(path, node.clone());
        agree(world, action, &here.1, &node);
        Ok(id)
    }

    fn upload(
        &self,
        world: &mut World,
        action: &Action,
        parent: &Parent,
        name: &str,
        saves_loser: bool,
    ) -> Result<(), String> {
        let local = local_at(world, action)?;
        ensure!(local.kind == Kind::File, "only files can be sent");
        let (folder, zone) = self.parent(world, parent)?;
        let path = RelPath::within(folder.as_ref(), name).map_err(|why| why.to_string())?;
        let mut node = Remote {
            kind: Kind::File,
            content: local.content,
            modified_ms: local.mtime_ms,
            id: RemoteId::root(),
            version: [1, local.content],
            is_fixed: false,
            is_unverifiable: false,
        };
        match &action.remote {
            None => {
                ensure!(!world.remote.contains_key(&path), "something is there");
                node.id = world.new_id(zone);
            }
            Some(listed) => {
                let (there, old) = remote_of(world, listed)?;
                ensure!(there == path, "it is at {there}, not at {path}");
                ensure!(old.kind == Kind::File, "it is no file");
                ensure!(local.content != old.content, "the content is there already");
                if saves_loser {
                    world.trash[Side::Local as usize].push(old.content);
                } else {
                    // Made anew by another device, it may have another id and place than its row.
                    let is_old =
                        (self.base.iter()).any(|row| row.signature == Some(signature(old.content)));
                    ensure!(is_old, "DATA LOSS: version {} is on no side", old.content);
                    world.superseded.push(old.content);
                }
                node.id = old.id;
                node.version[0] = old.version[0] + 1;
            }
        }
        world.remote.insert(path, node.clone());
        agree(world, action, &local, &node);
        Ok(())
    }

    fn move_remote(
        &self,
        world: &mut World,
        action: &Action,
        from: &RelPath,
        (parent, name): (Option<&Parent>, &str),
        moves_first: bool,
        is_temporary: bool,
    ) -> Result<(), String> {
        let listed = action.remote.as_ref().ok_or("nobody knows the item")?;
        let (there, node) = remote_of(world, listed)?;
        ensure!(there == *from, "it is at {there}, not at {from}");
        ensure!(!node.is_fixed, "an app library can't be moved");
        let old_folder = from.parent();
        let folder = match parent {
            None => old_folder.clone(),
            Some(parent) => {
                let (folder, zone) = self.parent(world, parent)?;
                ensure!(zone == node.id.zone, "it would cross zones");
                ensure!(folder != old_folder, "it is in that folder");
                folder
            }
        };
        let path = RelPath::within(folder.as_ref(), name).map_err(|why| why.to_string())?;
        ensure!(path == action.path, "it would go to {path}");
        ensure!(path != *from, "it is there");
        ensure!(
            !folder.is_some_and(|folder| folder.is_at_or_under(from)),
            "it would go into itself"
        );
        ensure!(!world.remote.contains_key(&path), "something is there");
        if parent.is_some() && name != from.name() {
            let between = if moves_first {
                RelPath::within(path.parent().as_ref(), from.name())
            } else {
                RelPath::within(old_folder.as_ref(), name)
            };
            let between = between.map_err(|why| why.to_string())?;
            ensure!(
                !world.remote.contains_key(&between),
                "something is half-way, at {between}"
            );
        }
        carry(&mut world.remote, from, &path);
        if let Some(node) = world.remote.get_mut(&path) {
            node.version[0] += 1;
        }
        if is_temporary {
            world.journal.push(Op::Leaves(node.id, Side::Remote));
        } else {
            follow(world, action);
        }
        Ok(())
    }
}

fn find(world: &World, id: &RemoteId) -> Option<(RelPath, Remote)> {
    let mut all = world.remote.iter().filter(|(_, node)| node.id == *id);
    all.next().map(|(path, node)| (path.clone(), node.clone()))
}

/// Finds a remote item by its id, with the content as it was listed.
fn remote_of(world: &World, listed: &RemoteItem) -> Result<(RelPath, Remote), String> {
    let (path, node) = find(world, &listed.id).ok_or("the remote item is gone")?;
    let now = remote_item(&path, &node);
    ensure!(
        now.etag.content_part() == listed.etag.content_part()
            && (now.kind == Kind::Folder) == (listed.kind == Kind::Folder),
        "the remote item has changed"
    );
    Ok((path, node))
}

fn local_of(world: &World, listed: &LocalItem) -> Option<(RelPath, Local)> {
    let is_it = |node: &Local| node.inode == listed.inode;
    let mut all = world.local.iter().filter(|(_, node)| is_it(node));
    all.next().map(|(path, node)| (path.clone(), node.clone()))
}

/// Returns the local item at an action's path, if it is the one that was listed.
fn local_at(world: &World, action: &Action) -> Result<Local, String> {
    let listed = action.local.as_ref().ok_or("nobody knows the local item")?;
    is_listed(world, &action.path, listed)
}

fn is_listed(world: &World, path: &RelPath, listed: &LocalItem) -> Result<Local, String> {
    let node = (world.local.get(path)).ok_or_else(|| format!("nothing is at {path}"))?;
    let now = local_item(&listed.path, node);
    ensure!(now == *listed, "another item is at {path}");
    Ok(node.clone())
}

fn has_local_folder(world: &World, path: &RelPath) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        let is_folder = (world.local.get(&folder)).is_some_and(|node| node.kind == Kind::Folder);
        ensure!(is_folder, "there is no local folder {folder}");
    }
    Ok(())
}

fn is_free(world: &World, path: &RelPath) -> Result<(), String> {
    ensure!(!world.local.contains_key(path), "something is at {path}");
    has_local_folder(world, path)
}

/// Moves an item and all below it.
fn carry<N>(tree: &mut BTreeMap<RelPath, N>, from: &RelPath, to: &RelPath) {
    let moved: Vec<RelPath> = tree
        .keys()
        .filter(|path| path.is_at_or_under(from))
        .cloned()
        .collect();
    for path in moved {
        let node = tree.remove(&path);
        tree.extend(node.map(|node| (replaced(&path, from, to), node)));
    }
}

fn replaced(path: &RelPath, from: &RelPath, to: &RelPath) -> RelPath {
    let rest = path
        .as_str()
        .strip_prefix(from.as_str())
        .unwrap_or_default();
    RelPath::parse(&format!("{to}{rest}")).unwrap()
}

fn create_local(world: &mut World, action: &Action) -> Result<(), String> {
    is_free(world, &action.path)?;
    let listed = action
        .remote
        .as_ref()
        .ok_or("nobody knows the remote folder")?;
    let (_, remote) = remote_of(world, listed)?;
    let node = Local {
        kind: Kind::Folder,
        content: 0,
        mtime_ms: 0,
        inode: world.next(),
    };
    world.local.insert(action.path.clone(), node.clone());
    agree(world, action, &node, &remote);
    world.awaited.remove(&remote.id);
    if world.parted.contains_key(&remote.id) {
        arrive(world, &remote.id, Side::Local);
    }
    Ok(())
}

fn download(world: &mut World, action: &Action) -> Result<(), String> {
    let listed = action
        .remote
        .as_ref()
        .ok_or("nobody knows the remote item")?;
    let (_, remote) = remote_of(world, listed)?;
    ensure!(remote.kind != Kind::Folder, "a folder has no content");
    has_local_folder(world, &action.path)?;
    if action.local.is_some() {
        let old = local_at(world, action)?;
        ensure!(old.kind != Kind::Folder, "a folder is there");
        world.trash[Side::Local as usize].push(old.content);
    } else {
        is_free(world, &action.path)?;
    }
    let node = Local {
        kind: remote.kind,
        content: remote.content,
        mtime_ms: remote.modified_ms,
        inode: world.next(),
    };
    world.local.insert(action.path.clone(), node.clone());
    agree(world, action, &node, &remote);
    world.awaited.remove(&remote.id);
    if world.parted.contains_key(&remote.id) {
        arrive(world, &remote.id, Side::Local);
    }
    Ok(())
}

fn move_local(world: &mut World, action: &Action, from: &RelPath) -> Result<(), String> {
    let listed = action.local.as_ref().ok_or("nobody knows the item")?;
    is_listed(world, from, listed)?;
    ensure!(action.path != *from, "it is there");
    ensure!(!action.path.is_at_or_under(from), "it would go into itself");
    is_free(world, &action.path)?;
    carry(&mut world.local, from, &action.path);
    follow(world, action);
    Ok(())
}

fn swap_local(
    world: &mut World,
    action: &Action,
    with: &RelPath,
    (other, other_remote): (Option<&LocalItem>, Option<&RemoteItem>),
) -> Result<(), String> {
    let path = &action.path;
    let listed = action.local.as_ref().ok_or("nobody knows the item")?;
    is_listed(world, with, listed)?;
    is_listed(world, path, other.ok_or("nobody knows the other item")?)?;
    ensure!(
        !path.is_at_or_under(with) && !with.is_at_or_under(path),
        "one is in the other"
    );
    let aside = RelPath::top("in the air").unwrap();
    carry(&mut world.local, path, &aside);
    carry(&mut world.local, with, path);
    carry(&mut world.local, &aside, with);
    follow(world, action);
    if let Some(other) = other_remote {
        world.journal.push(Op::Move(vec![moved(other, with)]));
        arrive(world, &other.id, Side::Local);
    }
    Ok(())
}

fn remove_local(world: &mut World, action: &Action) -> Result<(), String> {
    local_at(world, action)?;
    let inside = action.content.iter().map(|inside| &inside.remote);
    for was in inside.chain([&action.remote]).flatten() {
        ensure!(
            find(world, &was.id).is_none_or(|(path, _)| world.hides(&path)),
            "{} is still on the remote side",
            was.path
        );
    }
    let below: BTreeSet<_> = (world.local.keys())
        .filter(|path| path.is_at_or_under(&action.path) && **path != action.path)
        .collect();
    let planned: BTreeSet<_> = action.content.iter().map(|inside| &inside.path).collect();
    ensure!(below == planned, "it holds {below:?}, not {planned:?}");
    for inside in &action.content {
        let listed = inside.local.as_ref().ok_or("nobody knows what is in it")?;
        is_listed(world, &inside.path, listed)?;
    }
    let all = action.content.iter().map(|inside| &inside.path);
    for path in all.chain([&action.path]) {
        let Some(node) = world.local.remove(path) else {
            continue;
        };
        if node.kind != Kind::Folder {
            world.trash[Side::Local as usize].push(node.content);
        }
    }
    Ok(())
}

fn trash_remote(world: &mut World, action: &Action) -> Result<(), String> {
    let listed = action.remote.as_ref().ok_or("nobody knows the item")?;
    let (there, _) = remote_of(world, listed)?;
    ensure!(there == action.path, "it is at {there}");
    let below: BTreeSet<_> = (world.remote.keys())
        .filter(|path| path.is_at_or_under(&action.path) && **path != action.path)
        .collect();
    let planned: BTreeSet<_> = action.content.iter().map(|inside| &inside.path).collect();
    ensure!(below == planned, "it holds {below:?}, not {planned:?}");
    for inside in &action.content {
        let listed = inside.remote.as_ref().ok_or("nobody knows what is in it")?;
        let (there, node) = remote_of(world, listed)?;
        ensure!(there == inside.path, "{} is at {there}", inside.path);
        ensure!(!node.is_fixed, "an app library can't be trashed");
    }
    let all = action.content.iter().map(|inside| &inside.path);
    for path in all.chain([&action.path]) {
        let Some(node) = world.remote.remove(path) else {
            continue;
        };
        ensure!(!node.is_fixed, "an app library can't be trashed");
        if node.kind != Kind::Folder {
            world.trash[Side::Remote as usize].push(node.content);
        }
    }
    Ok(())
}
