//! Moves and renames, on either side. Nothing is transferred and nothing is replaced.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicU8, Ordering},
};

use super::{Run, disk::changed, download::same_content, upload::not_applied};
use crate::{
    cloud::{Node, Target},
    error::{Error, Kind as ErrorKind, Result},
    plan::{Action, Parent, Side, What},
    state::{
        journal::{Moved, Op},
        undo::{Deed, Place},
    },
    tree::{Etag, Kind, RelPath, RemoteId, RemoteItem},
};

/// Returns what the baseline learns of an item that is now at `path` locally.
fn moved_local(item: &RemoteItem, path: &RelPath) -> Moved {
    Moved {
        id: item.id.file_drivewsid(),
        path: path.to_string(),
        name: Some(item.remote_name().to_owned()),
        is_local: true,
        etags: None,
    }
}

/// An item that comes to a place on each side.
#[derive(Default)]
struct Way {
    /// It is received: there is nothing of it on the local side before.
    is_received: bool,
    /// A bit for each side on which it has come to its place.
    done: AtomicU8,
}

/// The items that come to a place on each side.
pub(super) struct Parted(HashMap<RemoteId, Way>);

const fn bit(side: Side) -> u8 {
    1 << side as u8
}

impl Parted {
    pub(super) fn new(actions: &[Action]) -> Self {
        let id = |item: &Option<Box<RemoteItem>>| item.as_ref().map(|item| item.id.clone());
        let mut there: HashMap<RemoteId, Way> = (actions.iter())
            .filter(|action| {
                matches!(action.what, What::MoveRemote { is_temporary, .. } if !is_temporary)
            })
            .filter_map(|action| Some((id(&action.remote)?, Way::default())))
            .collect();
        if there.is_empty() {
            return Self(there);
        }
        let mut here: HashSet<RemoteId> = HashSet::new();
        for action in actions {
            if let (What::Download, None, Some(item)) =
                (&action.what, &action.local, &action.remote)
                && let Some(way) = there.get_mut(&item.id)
            {
                way.is_received = true;
            }
            match &action.what {
                What::CreateLocalFolder | What::Download | What::MoveLocal { .. } => {
                    here.extend(id(&action.remote));
                }
                What::SwapLocal { other_remote, .. } => {
                    here.extend(id(&action.remote));
                    here.extend(id(other_remote));
                }
                What::CreateRemoteFolder { .. }
                | What::Upload { .. }
                | What::MoveRemote { .. }
                | What::RemoveLocal
                | What::TrashRemote => {}
            }
        }
        there.retain(|id, _| here.contains(id));
        Self(there)
    }

    /// Returns what the journal is to know of an item that has just come to its place on a side. Its row is where both
    /// sides will have it, so until the other side has followed, the item's place there says nothing.
    pub(super) fn arrival(&self, id: &RemoteId, side: Side) -> Option<Op> {
        let before = self.0.get(id)?.done.fetch_or(bit(side), Ordering::SeqCst);
        Some(if before & bit(side.other()) == 0 {
            Op::Leaves(id.clone(), side.other())
        } else {
            Op::Arrives(id.clone())
        })
    }

    /// Returns whether an item is still to be received.
    fn is_awaited(&self, id: &RemoteId) -> bool {
        self.0.get(id).is_some_and(|way| {
            way.is_received && way.done.load(Ordering::SeqCst) & bit(Side::Local) == 0
        })
    }
}

impl Run<'_> {
    pub(super) fn move_local(&self, action: &Action, from: &RelPath) -> Result<Vec<Op>> {
        let spot = self.exec.disk.spot(from)?;
        let marks = self.expect_local(action, &spot)?;
        if self.exec.disk.look(&action.path)?.is_some() && !is_same_place(from, &action.path) {
            return Err(changed(&action.path, "the name is taken meanwhile"));
        }
        self.exec.disk.rename(from, &action.path)?;
        self.did(&Deed::LocalMoved {
            from: from.clone(),
            to: action.path.clone(),
            inode: marks.map_or((0, 0), |marks| (marks.inode, marks.birth_ns)),
        });
        let mut ops = Vec::new();
        if let Some(remote) = &action.remote {
            let path = action.agreed.as_ref().unwrap_or(&action.path);
            ops.push(Op::Move(vec![moved_local(remote, path)]));
            ops.push(self.arrival(&remote.id, Side::Local));
        }
        ops.extend(action.forgets.clone().map(Op::Forget));
        Ok(ops)
    }

    pub(super) fn swap_local(&self, action: &Action, with: &RelPath) -> Result<Vec<Op>> {
        let What::SwapLocal {
            other_local,
            other_remote,
            ..
        } = &action.what
        else {
            return Ok(Vec::new());
        };
        let disk = self.exec.disk;
        let (here, there) = (disk.spot(&action.path)?, disk.spot(with)?);
        let mine = self.expect_local(action, &there)?;
        let other = match (disk.look_spot(&here)?, other_local) {
            (Some(marks), Some(item)) if marks.is(item) => Some(marks),
            (_, _) => None,
        };
        let (Some(mine), Some(other)) = (mine, other) else {
            return Err(changed(&action.path, "it has changed meanwhile"));
        };
        disk.exchange_spots(&here, &there)?;
        self.did(&Deed::LocalSwapped {
            one: action.path.clone(),
            other: with.clone(),
            inodes: ((mine.inode, mine.birth_ns), (other.inode, other.birth_ns)),
        });
        let mut moved = Vec::new();
        moved.extend(
            action
                .remote
                .as_deref()
                .map(|item| moved_local(item, &action.path)),
        );
        moved.extend(other_remote.as_deref().map(|item| moved_local(item, with)));
        let items = [action.remote.as_deref(), other_remote.as_deref()];
        let arrivals =
            (items.into_iter().flatten()).map(|item| self.arrival(&item.id, Side::Local));
        Ok(std::iter::once(Op::Move(moved)).chain(arrivals).collect())
    }

    /// As [`Parted::arrival`]; an item that only one side has moved has arrived.
    fn arrival(&self, id: &RemoteId, side: Side) -> Op {
        let parted = self.parted.arrival(id, side);
        parted.unwrap_or_else(|| Op::Arrives(id.clone()))
    }

    pub(super) fn move_remote(
        &self,
        action: &Action,
        parent: Option<&Parent>,
        name: &str,
        moves_first: bool,
        is_temporary: bool,
    ) -> Result<Vec<Op>> {
        let item = action
            .remote
            .as_deref()
            .ok_or_else(|| changed(&action.path, "there is nothing to move"))?;
        let before = self.expect_remote(item)?;
        // The service takes a move on any etag (hazard 5): another device's would be undone.
        if !self.has_written(&item.id) && !(self.exec.stands)(&before, item) {
            return Err(changed(
                &action.path,
                "it was moved or renamed on the remote side meanwhile",
            ));
        }
        let folder = parent.map(|parent| self.parent(parent)).transpose()?;
        let renames = before.name != name;
        let in_steps = renames && folder.is_some();
        let id = item.id.clone();
        if in_steps || is_temporary {
            // Until it has arrived its place says nothing: a pass that ends here is told so.
            let leaves = vec![Op::Leaves(id.clone(), Side::Remote)];
            self.exec.journal.append(leaves, || Ok(()))?;
            self.exec.journal.flush(|| self.exec.settle())?;
        }
        let seen = before.etag.clone();
        let mut node = before;
        if moves_first {
            node = self.put_into(action, item, &node, folder.as_ref())?;
        }
        if renames {
            node = self.to_name(action, item, &node, name)?;
        }
        if !moves_first {
            node = self.put_into(action, item, &node, folder.as_ref())?;
        }
        // The answer's mark has what another device wrote since the item was read: an update that follows must not take
        // that for what the plan saw.
        let is_untouched = item.kind == Kind::Folder || same_content(&node.etag, &seen);
        self.remember(&id, if is_untouched { &node.etag } else { &seen });
        if node.name != name {
            let why = format!(
                "its name was taken, and the service called it {:?}",
                node.name
            );
            return Err(changed(&action.path, &why));
        }
        if is_temporary {
            return Ok(Vec::new());
        }
        let is_same = item.kind == Kind::Folder || same_content(&node.etag, &item.etag);
        let path = action.agreed.as_ref().unwrap_or(&action.path);
        let moved = Moved {
            id: id.file_drivewsid(),
            path: path.to_string(),
            // The path may be another one, where the sides leave the item in different places.
            name: (node.name != path.name()).then(|| node.name.clone()),
            is_local: false,
            etags: is_same.then(|| (item.etag.as_str().to_owned(), node.etag.as_str().to_owned())),
        };
        // Without its old place nothing would tell that it was not deleted here: it counts as new until it has come.
        let is_awaited = self.parted.is_awaited(&id);
        let arrival = self.arrival(&id, Side::Remote);
        let mut ops = if is_awaited {
            vec![Op::Arrives(id.clone()), Op::Gone(id, None)]
        } else {
            vec![Op::Move(vec![moved]), arrival]
        };
        // Last: the row that does not hold any more may be the one that was just moved.
        ops.extend(action.forgets.clone().map(Op::Forget));
        Ok(ops)
    }

    fn target(item: &RemoteItem, etag: &Etag) -> Target {
        Target {
            id: item.id.clone(),
            kind: item.kind,
            etag: etag.clone(),
        }
    }

    fn to_name(&self, action: &Action, item: &RemoteItem, node: &Node, name: &str) -> Result<Node> {
        let target = Self::target(item, &node.etag);
        let result = self.gate.pass(self.exec.remote, &item.id.zone, || {
            self.exec.remote.rename(&target, name)
        });
        let now = self.or_read_back(item, result, |node| node.name == name)?;
        self.moved(action, node, &now);
        Ok(now)
    }

    fn put_into(
        &self,
        action: &Action,
        item: &RemoteItem,
        node: &Node,
        folder: Option<&RemoteId>,
    ) -> Result<Node> {
        let Some(folder) = folder else {
            return Ok(node.clone());
        };
        let target = Self::target(item, &node.etag);
        let result = self.gate.pass(self.exec.remote, &item.id.zone, || {
            let answers = self
                .exec
                .remote
                .relocate(std::slice::from_ref(&target), folder)?;
            answers.into_iter().next().unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Protocol,
                    "the service answered for no item",
                ))
            })
        });
        let now = self.or_read_back(item, result, |node| node.parent.as_ref() == Some(folder))?;
        self.moved(action, node, &now);
        Ok(now)
    }

    /// Writes down one step of a move.
    fn moved(&self, action: &Action, before: &Node, now: &Node) {
        self.did(&Deed::RemoteMoved {
            path: action.path.clone(),
            id: now.id.clone(),
            kind: now.kind,
            from: Place {
                folder: before.parent.clone(),
                name: before.name.clone(),
            },
            to: Place {
                folder: now.parent.clone().or_else(|| before.parent.clone()),
                name: now.name.clone(),
            },
        });
    }

    /// After a lost answer, reads the item back and goes by what is there.
    fn or_read_back(
        &self,
        item: &RemoteItem,
        result: Result<Node>,
        is_done: impl Fn(&Node) -> bool,
    ) -> Result<Node> {
        match result {
            Err(error) if error.kind() == ErrorKind::Lost => {
                let read = self.exec.remote.read(&[(item.id.clone(), item.kind)]);
                match read.map_err(|_| error.clone())?.pop().flatten() {
                    Some(node) if is_done(&node) => Ok(node),
                    Some(_) | None => Err(not_applied(&item.path, &error)),
                }
            }
            other => other,
        }
    }
}

/// Returns whether two paths may be one place on a file system that tells no case apart.
fn is_same_place(one: &RelPath, other: &RelPath) -> bool {
    RelPath::fold_case(one.as_str()) == RelPath::fold_case(other.as_str())
}
