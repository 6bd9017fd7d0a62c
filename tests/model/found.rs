//! What the random worlds have found, each as small as it gets.

use icloud_sync::plan::Verb;

use crate::{
    hand::Hand,
    laws::found,
    memory::Manner,
    pair::{Asked, Pair},
};

fn pair() -> Pair {
    Pair::new(Manner {
        spreads: false,
        signs: true,
    })
}

fn push() -> Asked {
    Asked {
        verb: Verb::Push,
        ..Asked::bisync()
    }
}

#[test]
fn a_remote_item_that_was_renamed_out_of_step_is_listed_under_its_own_name() {
    let pair = pair();
    pair.memory.write("B", b"one", Some(1_700_000_000));
    pair.memory.write("b", b"other", Some(1_700_000_010));
    pair.memory.write("X", b"fourth", Some(1_700_000_030));
    assert_eq!(pair.pass(&Asked::bisync()).code(), 0);
    // x clashes with X, so B keeps its name on the remote side.
    pair.hand.carry("B", "x");
    pair.hand.remove("b");
    pair.hand.make_folder("b");
    pair.hand.write("b/A", b"third", Some(1_700_000_020));
    // The new folder clashes with B and is left alone; the old file makes way for it all the same.
    assert_eq!(pair.pass(&push()).code(), 3);
    let tree = pair.remote_tree();
    let again = pair.pass(&push());
    assert!(again.plan.actions.is_empty(), "{}", again.tell());
    assert_eq!(pair.remote_tree(), tree);
}

#[test]
fn what_came_to_a_trashed_items_place_with_its_folder_is_no_reason_to_keep_it() {
    let pair = pair();
    for folder in ["b", "y"] {
        pair.memory.make_folder(folder);
    }
    pair.memory.write("y/a", b"one", Some(1_700_000_000));
    assert_eq!(pair.pass(&Asked::bisync()).code(), 0);
    pair.hand.remove("y/a");
    pair.hand.write("b/a", b"other", Some(1_700_000_010));
    pair.memory.carry("b", "passing");
    pair.memory.carry("y", "b");
    pair.memory.carry("passing", "y");
    let ran = pair.pass(&Asked::bisync());
    assert_eq!(ran.code(), 0, "{}", ran.tell());
    assert_eq!(pair.local_tree(), pair.remote_tree());
}

#[test]
fn what_was_in_a_folder_that_became_a_file_is_trashed() {
    let pair = pair();
    pair.memory.make_folder("y");
    pair.memory.write("y/x", b"one", Some(1_700_000_000));
    pair.memory.write("a", b"other", Some(1_700_000_010));
    assert_eq!(pair.pass(&Asked::bisync()).code(), 0);
    pair.hand.remove("y/x");
    pair.memory.carry("a", "passing");
    pair.memory.carry("y", "a");
    pair.memory.carry("passing", "y");
    let ran = pair.pass(&Asked::bisync());
    assert_eq!(ran.code(), 0, "{}", ran.tell());
    assert_eq!(pair.local_tree(), pair.remote_tree());
}

#[test]
fn a_folder_that_was_made_in_one_that_moves_on_the_other_side_is_no_problem() {
    let pair = pair();
    pair.memory.write("c", b"one", Some(1_700_000_000));
    pair.memory.make_folder("y");
    assert_eq!(pair.pass(&Asked::bisync()).code(), 0);
    pair.hand.make_folder("y/new");
    pair.memory.carry("c", "passing");
    pair.memory.carry("y", "c");
    pair.memory.carry("passing", "y");
    // Made remotely before its folder is where it will be here: a file stands there still.
    let ran = pair.pass(&Asked::bisync());
    assert_eq!(ran.code(), 0, "{}", ran.tell());
    assert_eq!(pair.local_tree(), pair.remote_tree());
    let again = pair.pass(&Asked::bisync());
    assert!(again.plan.actions.is_empty(), "{}", again.tell());
}

#[test]
fn what_stands_at_an_items_old_place_is_not_its_next_version_because_its_own_item_is_gone() {
    let pair = pair();
    pair.memory.make_folder("x");
    pair.memory.write("d", b"one", Some(1_700_000_000));
    pair.memory.write("z", b"other", Some(1_700_000_010));
    assert_eq!(pair.pass(&Asked::bisync()).code(), 0);
    // One way, a moved file gets its new version and keeps its old place in the baseline, where another file stands now.
    pair.hand.carry("d", "x/d");
    pair.hand.carry("z", "d");
    pair.memory.write("d", b"another", Some(1_700_000_020));
    let pull = Asked {
        verb: Verb::Pull,
        ..Asked::bisync()
    };
    assert_eq!(pair.pass(&pull).code(), 0);
    pair.hand.remove("x");
    pair.memory.remove("z");
    pair.memory.write("z", b"new", Some(1_700_000_030));
    let ran = pair.pass(&Asked::bisync());
    let contents = found(&pair);
    assert!(contents.contains(b"another".as_slice()), "{}", ran.tell());
    assert_eq!(pair.pass(&Asked::bisync()).code(), 0);
    assert_eq!(pair.local_tree(), pair.remote_tree());
}
