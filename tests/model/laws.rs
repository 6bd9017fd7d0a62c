//! The three laws, as checks on a pair.

use std::collections::BTreeSet;

use icloud_sync::{error::Error, plan::Verb};

use crate::{
    hand::{Maker, Tree},
    pair::{Asked, Pair, Ran},
};

/// All contents that can be found somewhere: both sides, both trashes.
pub(crate) fn found(pair: &Pair) -> BTreeSet<Vec<u8>> {
    let trees = [pair.local_tree(), pair.remote_tree()];
    let sides = trees.into_iter().flat_map(Tree::into_values).flatten();
    let trashed = pair.memory.world().trashed();
    sides.chain(trashed).chain(pair.local_trash()).collect()
}

/// LAW 1: what was there before is there now, but for what the local user wrote something over.
pub(crate) fn nothing_is_lost(
    before: &BTreeSet<Vec<u8>>,
    pair: &Pair,
    maker: &Maker,
) -> Result<(), String> {
    let after = found(pair);
    let is_lost =
        |content: &&Vec<u8>| !after.contains(*content) && !maker.superseded.contains(*content);
    match before.iter().find(is_lost) {
        None => Ok(()),
        Some(lost) => Err(format!(
            "LAW 1: {:?} is lost",
            String::from_utf8_lossy(lost)
        )),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, before: &T, after: &T) -> Result<(), String> {
    if before == after {
        return Ok(());
    }
    Err(format!(
        "{what}\n  before: {before:#?}\n  after: {after:#?}"
    ))
}

/// Runs a pass with its dry run before and its second pass after, and checks all three laws.
pub(crate) fn lawful_pass(pair: &Pair, asked: &Asked, maker: &mut Maker) -> Result<Ran, String> {
    let before = found(pair);
    let (all, marks) = (pair.all_marks(), pair.memory.world().marks());
    let dry = pair.dry_run(asked);
    same("LAW 3: a dry run wrote locally", &all, &pair.all_marks())?;
    same(
        "LAW 3: a dry run wrote remotely",
        &marks,
        &pair.memory.world().marks(),
    )?;
    let local_marks = pair.local_marks();
    let ran = pair.pass(asked);
    maker.story.push(format!("{:?}: {}", asked, ran.tell()));
    same(
        "LAW 3: the plan is not the printed one",
        &dry.plan,
        &ran.plan,
    )?;
    nothing_is_lost(&before, pair, maker)?;
    match asked.verb {
        Verb::Pull => same("pull wrote remotely", &marks, &pair.memory.world().marks())?,
        Verb::Push => same("push wrote locally", &local_marks, &pair.local_marks())?,
        Verb::Bisync => {}
    }
    let sins = std::mem::take(&mut pair.memory.world().sins);
    if !sins.is_empty() {
        return Err(sins.join(", "));
    }
    let leftovers: Vec<_> = (pair.all_marks().into_keys())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(".icloud-sync.")
        })
        .collect();
    if !leftovers.is_empty() {
        return Err(format!("unfinished files are left: {leftovers:?}"));
    }
    let counts = ran.result.as_ref().map_err(Error::chain)?.counts;
    // A hidden item's name can be wanted by another one, which nobody knows before.
    let is_blind = maker.clashes || !asked.exclude.is_empty();
    if counts.done != counts.planned && is_blind {
        return Ok(ran);
    }
    if counts.done != counts.planned {
        return Err(format!(
            "in a quiet world {} of {} actions were done",
            counts.done, counts.planned
        ));
    }
    if ran.code() != 0 && asked.verb == Verb::Bisync && !is_blind {
        return Err(format!("a quiet bisync came to code {}", ran.code()));
    }
    // One way, an item can be left in a place of its own on each side. Where another one takes the path that its row had,
    // it counts as new from then on, and the next pass deals with it. So it does with what a moved folder brings into view.
    // And what clashes with a name that goes in this very pass is sent by the next.
    let has_clash = (ran.result.as_ref()).is_ok_and(|summary| {
        summary
            .problems
            .iter()
            .any(|(_, why)| why.contains("clash"))
    });
    let settles = asked.verb != Verb::Bisync || !asked.exclude.is_empty() || has_clash;
    for _ in 0..if settles { 3 } else { 0 } {
        let ran = pair.pass(asked);
        maker.story.push(format!("settling: {}", ran.tell()));
        if ran.plan.actions.is_empty() && ran.plan.settled.is_empty() {
            break;
        }
    }
    quiet(pair, asked, maker)?;
    Ok(ran)
}

/// LAW 2: a pass now plans no action and touches nothing.
pub(crate) fn quiet(pair: &Pair, asked: &Asked, maker: &mut Maker) -> Result<(), String> {
    let (local, marks) = (pair.local_marks(), pair.memory.world().marks());
    let ran = pair.pass(asked);
    if !ran.plan.actions.is_empty() {
        maker.story.push(format!("once more: {}", ran.tell()));
        return Err("LAW 2: a second pass plans something".to_owned());
    }
    same(
        "LAW 2: a second pass wrote locally",
        &local,
        &pair.local_marks(),
    )?;
    same(
        "LAW 2: a second pass wrote remotely",
        &marks,
        &pair.memory.world().marks(),
    )
}

/// Both sides have the same paths and contents.
pub(crate) fn equal(pair: &Pair) -> Result<(), String> {
    let show = |tree: Tree| -> Vec<(String, Option<String>)> {
        (tree.into_iter())
            .map(|(path, content)| {
                (
                    path,
                    content.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
                )
            })
            .collect()
    };
    same(
        "the sides differ",
        &show(pair.local_tree()),
        &show(pair.remote_tree()),
    )
}
