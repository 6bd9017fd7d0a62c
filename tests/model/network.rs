//! The network dies at each call of random passes, or calls fail at random: nothing is lost in between, and the next pass
//! ends where an undisturbed one does.

use std::collections::BTreeSet;

use icloud_sync::{error::Kind as ErrorKind, plan::Verb};
use proptest::{collection::vec, prelude::*};

use crate::{
    hand::{Edit, LOCAL, Maker, Tree, apply},
    laws::{equal, found, nothing_is_lost},
    memory::Fault,
    pair::{Asked, Pair, Ran},
    random::{Case, begin, edit_both, plain, prove, round},
};

/// One way or both, by the rules under which a pass can be gone on with.
fn asked() -> impl Strategy<Value = Asked> {
    let verb = prop_oneof![2 => Just(Verb::Bisync), 1 => Just(Verb::Pull), 1 => Just(Verb::Push)];
    verb.prop_map(|verb| Asked {
        verb,
        ..Asked::bisync()
    })
}

fn one_round() -> impl Strategy<Value = Case> {
    plain(vec(round(asked()), 1..2))
}

/// Builds the world anew, up to the pass that is to be disturbed.
fn build(case: &Case, maker: &mut Maker) -> Result<Pair, String> {
    let pair = begin(case, maker)?;
    edit_both(&pair, &case.rounds[0], maker);
    pair.memory.calm();
    Ok(pair)
}

fn expect_code(ran: &Ran, codes: &[u8]) -> Result<(), String> {
    if codes.contains(&ran.code()) {
        return Ok(());
    }
    Err(format!("not one of the codes {codes:?}: {}", ran.tell()))
}

fn contents(tree: &Tree) -> BTreeSet<&Vec<u8>> {
    tree.values().flatten().collect()
}

/// Returns a tree without the times in conflict names: those of folders made in a test are the clock's.
fn timeless(tree: Tree) -> Tree {
    const MARK: &str = ".conflict-";
    let names = |path: String| {
        let parts = path.split('/').map(|name| match name.split_once(MARK) {
            None => name.to_owned(),
            Some((start, rest)) => {
                let end = rest.split_once('Z').map_or("", |(_, end)| end);
                format!("{start}{MARK}{end}")
            }
        });
        parts.collect::<Vec<_>>().join("/")
    };
    (tree.into_iter())
        .map(|(path, content)| (names(path), content))
        .collect()
}

fn trees(pair: &Pair) -> (Tree, Tree) {
    (timeless(pair.local_tree()), timeless(pair.remote_tree()))
}

fn die_at_each_call(case: &Case, maker: &mut Maker) -> Result<(), String> {
    let asked = &case.rounds[0].asked;
    let undisturbed = build(case, maker)?;
    let told = undisturbed.pass(asked);
    let calls = undisturbed.memory.calls().len();
    undisturbed.pass(asked);
    let goal = trees(&undisturbed);
    for call in 0..calls {
        *maker = Maker::default();
        let pair = build(case, maker)?;
        let before = found(&pair);
        pair.memory.dies_at(call);
        let ran = pair.pass(asked);
        maker.story.push(format!("undisturbed: {}", told.tell()));
        maker
            .story
            .push(format!("dead from {call}: {}", ran.tell()));
        expect_code(&ran, &[0, 3, 5])?;
        nothing_is_lost(&before, &pair, maker)?;
        pair.memory.calm();
        for _ in 0..2 {
            let again = pair.pass(asked);
            maker.story.push(format!("again: {}", again.tell()));
            nothing_is_lost(&before, &pair, maker)?;
        }
        let end = trees(&pair);
        // What one way leaves in two places counts as new where another item takes its row's path; which of the two comes
        // first then decides on places, but not on contents.
        let is_parted = asked.verb != Verb::Bisync && !told.plan.kept.is_empty();
        let is_there = if is_parted {
            contents(&end.0) == contents(&goal.0) && contents(&end.1) == contents(&goal.1)
        } else {
            end == goal
        };
        if !is_there {
            return Err(format!("{asked:?}: it ends in\n{end:?}\nto be\n{goal:?}"));
        }
    }
    Ok(())
}

#[test]
fn the_network_may_die_at_each_call_of_a_random_pass() {
    prove(&one_round(), 12, die_at_each_call);
}

#[test]
#[ignore = "2,000 cases: cargo test --release --test model -- --ignored dies"]
fn the_network_dies_in_2000_random_passes() {
    prove(&one_round(), 2_000, die_at_each_call);
}

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Lost,
    Busy,
    Away,
    /// Another device edits.
    Edit(Edit),
    /// The user edits while the pass runs.
    EditHere(Edit),
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let edit = (0_u8..20, any::<u16>(), any::<u16>()).prop_map(|(what, one, other)| Edit {
        what,
        one,
        other,
    });
    prop_oneof![
        3 => Just(Trouble::Lost),
        1 => Just(Trouble::Busy),
        1 => Just(Trouble::Away),
        3 => edit.clone().prop_map(Trouble::Edit),
        2 => edit.prop_map(Trouble::EditHere),
    ]
}

type Troubles = Vec<(usize, Trouble)>;

fn troubled() -> impl Strategy<Value = (Case, Vec<Troubles>)> {
    let one = || vec((0_usize..24, trouble()), 1..4);
    plain(vec(round(asked()), 1..4)).prop_flat_map(move |case| {
        let rounds = case.rounds.len();
        (Just(case), vec(one(), rounds))
    })
}

fn survive(case: &Case, troubles: &[Troubles], maker: &mut Maker) -> Result<(), String> {
    let pair = std::sync::Arc::new(begin(case, maker)?);
    for (round, troubles) in case.rounds.iter().zip(troubles) {
        edit_both(&pair, round, maker);
        pair.memory.calm();
        let shared = std::sync::Arc::new(std::sync::Mutex::new(std::mem::take(maker)));
        let before = found(&pair);
        // What hands write while the pass runs has to be found as well, and what they take away has not.
        let meanwhile = std::sync::Arc::new(std::sync::Mutex::new(before));
        for (call, trouble) in troubles {
            let fault = match *trouble {
                Trouble::Lost => Fault::Lost,
                Trouble::Busy => Fault::Fails(ErrorKind::Busy),
                Trouble::Away => Fault::Fails(ErrorKind::Temporary),
                Trouble::Edit(edit) => {
                    let (maker, seen) = (shared.clone(), meanwhile.clone());
                    Fault::Acts(Box::new(move |world| {
                        let (gone, come) = world.play(edit, &mut maker.lock().unwrap());
                        let mut seen = seen.lock().unwrap();
                        seen.retain(|content| !gone.contains(content));
                        seen.extend(come);
                    }))
                }
                Trouble::EditHere(edit) => {
                    let (maker, seen) = (shared.clone(), meanwhile.clone());
                    let hand = crate::hand::LocalHand(pair.local().to_path_buf());
                    Fault::Acts(Box::new(move |_| {
                        use crate::hand::Hand;
                        let contents = |hand: &crate::hand::LocalHand| -> BTreeSet<Vec<u8>> {
                            hand.tree().into_values().flatten().collect()
                        };
                        let was = contents(&hand);
                        apply(edit, &hand, LOCAL, &mut maker.lock().unwrap());
                        let is = contents(&hand);
                        let mut seen = seen.lock().unwrap();
                        seen.retain(|content| is.contains(content) || !was.contains(content));
                        seen.extend(is);
                    }))
                }
            };
            pair.memory.plan(*call, fault);
        }
        let ran = pair.pass(&round.asked);
        *maker = std::mem::take(&mut *shared.lock().unwrap());
        maker.story.push(format!(
            "{:?} with {troubles:?}: {}",
            round.asked.verb,
            ran.tell()
        ));
        expect_code(&ran, &[0, 1, 3, 5])?;
        pair.memory.calm();
        let seen = std::mem::take(&mut *meanwhile.lock().unwrap());
        nothing_is_lost(&seen, &pair, maker)?;
    }
    let before = found(&pair);
    for _ in 0..2 {
        let ran = pair.pass(&Asked::bisync());
        maker.story.push(format!("quiet: {}", ran.tell()));
        expect_code(&ran, &[0])?;
    }
    nothing_is_lost(&before, &pair, maker)?;
    equal(&pair)
}

#[test]
fn lost_answers_and_second_writers_lose_nothing() {
    prove(&troubled(), 120, |(case, troubles), maker| {
        survive(case, troubles, maker)
    });
}

#[test]
#[ignore = "5,000 cases: cargo test --release --test model -- --ignored troubled"]
fn the_laws_hold_in_5000_troubled_worlds() {
    prove(&troubled(), 5_000, |(case, troubles), maker| {
        survive(case, troubles, maker)
    });
}
