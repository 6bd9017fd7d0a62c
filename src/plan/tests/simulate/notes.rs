//! The baseline of the planner's world: what execution writes into its journal, and what comes of that.

use std::collections::{HashMap, HashSet};

use super::super::world::{Local, Remote, World};
use crate::{
    plan::{Action, Plan, Settle, Settled, Side, What},
    state::journal::{Moved, Op, fold},
    tree::{Kind, Listing, RelPath, RemoteId, RemoteItem},
};

/// Writes down that both sides of an action's item agree now.
pub(super) fn agree(world: &mut World, action: &Action, local: &Local, remote: &Remote) {
    let path = action.agreed.as_ref().unwrap_or(&action.path);
    let row = World::row(path, local, remote);
    if matches!(action.what, What::Upload { .. }) {
        world.journal.extend(action.forgets.clone().map(Op::Forget));
    }
    world.journal.push(Op::Put(Box::new(row)));
}

pub(super) fn moved(item: &RemoteItem, path: &RelPath) -> Moved {
    Moved {
        id: item.id.file_drivewsid(),
        path: path.to_string(),
        name: None,
        is_local: false,
        etags: None,
    }
}

pub(super) fn follow(world: &mut World, action: &Action) {
    let path = action.agreed.as_ref().unwrap_or(&action.path);
    if let Some(item) = &action.remote {
        world.journal.push(Op::Move(vec![moved(item, path)]));
        arrive(world, &item.id, action.side());
        if action.side() == Side::Remote && world.awaited.contains(&item.id) {
            let gone = [
                Op::Arrives(item.id.clone()),
                Op::Gone(item.id.clone(), None),
            ];
            world.journal.extend(gone);
        }
    }
}

/// Writes down that an item has come to its place on a side, whose row is where both sides will have it.
pub(super) fn arrive(world: &mut World, id: &RemoteId, side: Side) {
    let op = match world.parted.get_mut(id) {
        None => Op::Arrives(id.clone()),
        Some(done) => {
            done.insert(side as usize);
            if done.len() == 2 {
                Op::Arrives(id.clone())
            } else {
                Op::Leaves(id.clone(), side.other())
            }
        }
    };
    world.journal.push(op);
}

/// Returns the items that come to a place on each side.
pub(super) fn parted(plan: &Plan) -> HashMap<RemoteId, HashSet<usize>> {
    let mut sides: HashMap<RemoteId, HashSet<usize>> = HashMap::new();
    for action in &plan.actions {
        let (is_placed, other) = match &action.what {
            What::MoveRemote { is_temporary, .. } => (!is_temporary, None),
            What::CreateLocalFolder | What::Download | What::MoveLocal { .. } => (true, None),
            What::SwapLocal { other_remote, .. } => (true, other_remote.as_ref()),
            What::CreateRemoteFolder { .. }
            | What::Upload { .. }
            | What::RemoveLocal
            | What::TrashRemote => (false, None),
        };
        for item in action.remote.iter().chain(other).filter(|_| is_placed) {
            let of_item = sides.entry(item.id.clone()).or_default();
            of_item.insert(action.side() as usize);
        }
    }
    sides.retain(|_, sides| sides.len() == 2);
    sides.values_mut().for_each(HashSet::clear);
    sides
}

/// Ends a pass: makes the new baseline of the old one and of the journal. What is on its way stays so if the pass
/// was not carried out to its end.
pub(in crate::plan::tests) fn finish(world: &mut World, is_whole: bool) {
    let mut ops = std::mem::take(&mut world.journal);
    if !is_whole {
        let still = world.in_transit.drain();
        let still = still.map(|(id, side)| Op::Leaves(id, side)).collect();
        ops = [still, ops].concat();
    }
    let (rows, in_transit) = fold(Listing::new(world.base.clone()), ops, HashMap::new());
    world.base = rows.into_items();
    world.in_transit = in_transit;
}

/// Writes down what a plan finds without any action.
pub(in crate::plan::tests) fn settle(world: &mut World, settled: &[Settled]) -> Result<(), String> {
    for Settled { path, how, listed } in settled {
        let Some((local, remote)) = listed else {
            assert_eq!(*how, Settle::Forget);
            world.journal.push(Op::Forget(path.clone()));
            continue;
        };
        // Nothing has been done yet: both are where they were listed.
        let here = world.local[local].clone();
        let there = world.remote[remote].clone();
        ensure!(
            here.kind == Kind::Folder || here.content == there.content,
            "DATA LOSS: {path} is called equal, but is {} and {}",
            here.content,
            there.content
        );
        let row = World::row(path, &here, &there);
        world.journal.push(Op::Put(Box::new(row)));
    }
    Ok(())
}
