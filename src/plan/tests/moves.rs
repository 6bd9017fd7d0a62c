//! Renamed and moved: on one side, on both, in rings, with edits and deletions on the other side.

use super::{
    table::{Case, check, rules},
    world::World,
};
use crate::plan::What;

#[test]
fn a_move_is_followed_and_nothing_is_transferred() {
    let cases: &[Case] = &[
        (
            "remote rename",
            "bisync",
            ["a=1", "a=1", "b=1<a"],
            "mv L a > b",
        ),
        (
            "local rename",
            "bisync",
            ["a=1", "b=1<a", "a=1"],
            "mv R a > b",
        ),
        (
            "pull follows the remote one",
            "pull",
            ["a=1", "a=1", "b=1<a"],
            "mv L a > b",
        ),
        (
            "pull leaves the local one",
            "pull",
            ["a=1", "b=1<a", "a=1"],
            "keep b",
        ),
        (
            "push follows the local one",
            "push",
            ["a=1", "b=1<a", "a=1"],
            "mv R a > b",
        ),
        (
            "push leaves the remote one",
            "push",
            ["a=1", "a=1", "b=1<a"],
            "keep a",
        ),
        (
            "into a folder",
            "bisync",
            ["a=1 d/", "d/ d/a=1<a", "a=1 d/"],
            "mv R a > d/a",
        ),
        (
            "into a new folder, renamed",
            "bisync",
            ["a=1", "n/ n/b=1<a", "a=1"],
            "mkdir R n; mv R a > n/b",
        ),
        (
            "remotely into a new folder",
            "bisync",
            ["a=1", "a=1", "n/ n/b=1<a"],
            "mkdir L n; mv L a > n/b",
        ),
        (
            "a folder with all in it",
            "bisync",
            [
                "d/ d/x=1 d/e/ d/e/y=2",
                "f/<d f/x=1<d/x f/e/<d/e f/e/y=2<d/e/y",
                "d/ d/x=1 d/e/ d/e/y=2",
            ],
            "mv R d > f",
        ),
        (
            "a folder, remotely",
            "bisync",
            ["d/ d/x=1", "d/ d/x=1", "f/<d f/x=1<d/x"],
            "mv L d > f",
        ),
        ("case only", "bisync", ["a=1", "A=1<a", "a=1"], "mv R a > A"),
        (
            "case only, a folder, remotely",
            "bisync",
            ["d/ d/x=1", "d/ d/x=1", "D/<d D/x=1<d/x"],
            "mv L d > D",
        ),
        ("both alike", "bisync", ["a=1", "b=1<a", "b=1<a"], "renew b"),
        (
            "by content: copied and removed",
            "bisync",
            ["a=123", "b=123!", "a=123"],
            "mv R a > b",
        ),
        (
            "a copy is no move",
            "bisync",
            ["a=123", "a=123 b=123!", "a=123"],
            "put b",
        ),
        (
            "an empty file is not followed by content",
            "bisync",
            ["a=0", "b=0!", "a=0"],
            "put b; rm R a",
        ),
        (
            "a new inode, the same content",
            "bisync",
            ["a=1", "a=1!", "a=1"],
            "renew a",
        ),
        (
            "an editor's way: the old one is kept, a new one is at its place",
            "bisync",
            ["a=1", "a=2! a.old=1<a", "a=1"],
            "put a over; put a.old",
        ),
        (
            "into each other's place by way of a third name",
            "bisync",
            ["a=1 b=2", "b=1<a c=2<b", "a=1 b=2"],
            "mv R b > c; mv R a > b",
        ),
    ];
    check(cases);
}

#[test]
fn a_disk_that_numbers_its_files_anew_has_moved_nothing() {
    let (rules, _) = rules("bisync");
    // Each has the number that another had, and on the phone one was changed.
    let mut world = World::new(
        "d/ d/a=1 d/b=2 e/ e/c=3",
        "d/<e d/a=1<d/b d/b=2<e/c e/<d e/c=3<d/a",
        "d/ d/a=9 d/b=2 e/ e/c=3",
    );
    assert!(
        world.plan(rules).actions.len() > 3,
        "by inode all have moved"
    );
    world.has_no_births = true;
    for row in &mut world.base {
        row.birth_ns = 20_000_000;
    }
    let plan = world.plan(rules);
    let all: Vec<_> = plan
        .actions
        .iter()
        .map(|action| (&action.what, action.path.as_str()))
        .collect();
    assert_eq!(all, [(&What::Download, "d/a")]);
}

#[test]
fn rings_of_names_are_undone_on_both_sides() {
    let cases: &[Case] = &[
        (
            "two swapped remotely",
            "bisync",
            ["a=1 b=2", "a=1 b=2", "a=2<b b=1<a"],
            "swap L b a",
        ),
        (
            "two swapped locally",
            "bisync",
            ["a=1 b=2", "a=2<b b=1<a", "a=1 b=2"],
            "mv R a > a (moving 1) for now; mv R b > a; mv R a (moving 1) > b",
        ),
        (
            "three remotely",
            "bisync",
            ["a=1 b=2 c=3", "a=1 b=2 c=3", "b=1<a c=2<b a=3<c"],
            "swap L c a; swap L b c",
        ),
        (
            "three locally",
            "bisync",
            ["a=1 b=2 c=3", "b=1<a c=2<b a=3<c", "a=1 b=2 c=3"],
            "mv R a > a (moving 1) for now; mv R c > a; mv R b > c; mv R a (moving 1) > b",
        ),
        (
            "four remotely, two by two",
            "pull",
            [
                "a=1 b=2 c=3 d=4",
                "a=1 b=2 c=3 d=4",
                "a=3<c c=1<a b=4<d d=2<b",
            ],
            "swap L c a; swap L d b",
        ),
        (
            "folders swapped with what is in them",
            "bisync",
            [
                "d/ d/x=1 e/ e/y=2",
                "d/ d/x=1 e/ e/y=2",
                "e/<d e/x=1<d/x d/<e d/y=2<e/y",
            ],
            "swap L e d",
        ),
        (
            "folders swapped locally",
            "bisync",
            [
                "d/ d/x=1 e/ e/y=2",
                "e/<d e/x=1<d/x d/<e d/y=2<e/y",
                "d/ d/x=1 e/ e/y=2",
            ],
            "mv R d > d (moving 1) for now; mv R e > d; mv R d (moving 1) > e",
        ),
        (
            "a parent and its child exchanged remotely",
            "bisync",
            [
                "d/ d/e/ d/e/x=1",
                "d/ d/e/ d/e/x=1",
                "d/<d/e d/x=1<d/e/x d/e/<d",
            ],
            "mv L d > d (moving 1) as d/e; mv L d (moving 1)/e > d; mv L d (moving 1) > d/e",
        ),
        (
            "a parent and its child exchanged locally",
            "bisync",
            [
                "d/ d/e/ d/e/x=1",
                "d/<d/e d/x=1<d/e/x d/e/<d",
                "d/ d/e/ d/e/x=1",
            ],
            "mv R d > d (moving 1) for now; mv R d (moving 1)/e > d; mv R d (moving 1) > d/e",
        ),
        (
            "files swapped across folders",
            "bisync",
            [
                "d/ d/x=1 e/ e/y=2",
                "d/ d/x=1 e/ e/y=2",
                "d/ d/x=2<e/y e/ e/y=1<d/x",
            ],
            "swap L e/y d/x",
        ),
        (
            "a new folder takes the place of one that went into it",
            "bisync",
            ["d/ d/x=1", "d/! d/e/<d d/e/x=1<d/x", "d/ d/x=1"],
            "mv R d > d (moving 1) for now; mkdir R d; mv R d (moving 1) > d/e",
        ),
        (
            "the same remotely",
            "bisync",
            ["d/ d/x=1", "d/ d/x=1", "d/! d/e/<d d/e/x=1<d/x"],
            "mv L d > d (moving 1) as d/e; mkdir L d; mv L d (moving 1) > d/e",
        ),
        (
            "both places half-way are taken",
            "bisync",
            [
                "d/ d/h/ d/h/h=1 d/h/d=2",
                "d/ d/h/ d/h/d=2 d/d=1<d/h/h",
                "d/ d/h/ d/h/h=1 d/h/d=2",
            ],
            "mv R d/h/h > d/h/h (moving 1) for now; mv R d/h/h (moving 1) > d/d",
        ),
    ];
    check(cases);
}

#[test]
fn moves_meet_edits_and_deletions() {
    let cases: &[Case] = &[
        (
            "moved and changed locally",
            "bisync",
            ["a=1", "b=2<a", "a=1"],
            "mv R a > b; put b over",
        ),
        (
            "moved and changed remotely",
            "bisync",
            ["a=1", "a=1", "b=2<a"],
            "mv L a > b; get b over",
        ),
        (
            "moved there, changed here",
            "bisync",
            ["a=1", "a=2", "b=1<a"],
            "mv L a > b; put b over",
        ),
        (
            "moved here, changed there",
            "bisync",
            ["a=1", "b=1<a", "a=2"],
            "mv R a > b; get b over",
        ),
        (
            "moved here, deleted there",
            "bisync",
            ["a=1", "b=1<a", ""],
            "put b",
        ),
        (
            "deleted here, moved there",
            "bisync",
            ["a=1", "", "b=1<a"],
            "get b",
        ),
        (
            "moved here, deleted there: pull",
            "pull",
            ["a=1", "b=1<a", ""],
            "keep b",
        ),
        (
            "moved here, deleted there: pull --delete",
            "pull --delete",
            ["a=1", "b=1<a", ""],
            "keep b",
        ),
        (
            "deleted here, moved there: pull",
            "pull",
            ["a=1", "", "b=1<a"],
            "get b",
        ),
        (
            "deleted here, moved there: push --delete",
            "push --delete",
            ["a=1", "", "b=1<a"],
            "keep b",
        ),
        (
            "a folder moved here, deleted there",
            "bisync",
            ["d/ d/x=1", "e/<d e/x=1<d/x", ""],
            "mkdir R e; put e/x; forget d/x",
        ),
        (
            "a folder deleted here, moved there",
            "bisync",
            ["d/ d/x=1", "", "e/<d e/x=1<d/x"],
            "mkdir L e; get e/x; forget d/x",
        ),
        (
            "a folder moved here, its content deleted there",
            "bisync",
            ["d/ d/x=1", "e/<d e/x=1<d/x", "d/"],
            "mv R d > e; rm L e/x",
        ),
        (
            "a folder moved here, its content changed there",
            "bisync",
            ["d/ d/x=1", "e/<d e/x=1<d/x", "d/ d/x=2"],
            "mv R d > e; get e/x over",
        ),
        (
            "a folder moved here, something new in it there",
            "bisync",
            ["d/ d/x=1", "e/<d e/x=1<d/x", "d/ d/x=1 d/y=2"],
            "mv R d > e; get e/y",
        ),
        (
            "moved out of a folder that is deleted there",
            "bisync",
            ["d/ d/x=1", "d/ x=1<d/x", ""],
            "put x; rm L d",
        ),
        (
            "pull brings content into a folder that stays moved here",
            "pull",
            ["d/ d/x=1", "e/<d e/x=1<d/x", "d/ d/x=2 d/y=3"],
            "get e/x over as d/x; get e/y as d/y; keep e",
        ),
        (
            "push sends content out of a folder that stays moved there",
            "push",
            ["d/ d/x=1", "d/ d/x=2 d/y=3", "e/<d e/x=1<d/x"],
            "put d/x over as d/x; put d/y as d/y; keep d",
        ),
        (
            "made anew there, moved here",
            "bisync",
            ["a=1", "b=1<a", "a=1!"],
            "get a; put b",
        ),
        (
            "made anew there where it was moved to here",
            "bisync",
            ["a=1", "b=1<a", "b=1!"],
            "renew b",
        ),
    ];
    check(cases);
}

#[test]
fn both_moved_differently() {
    let cases: &[Case] = &[
        (
            "remote wins",
            "bisync",
            ["a=1", "b=1<a", "c=1<a"],
            "mv L b > c",
        ),
        (
            "local wins if asked to",
            "bisync prefer-local",
            ["a=1", "b=1<a", "c=1<a"],
            "mv R c > b",
        ),
        (
            "name here, folder there",
            "bisync",
            ["a=1 d/", "b=1<a d/", "d/ d/a=1<a"],
            "mv L b > d/b; mv R d/a > d/b",
        ),
        ("pull", "pull", ["a=1", "b=1<a", "c=1<a"], "mv L b > c"),
        (
            "pull prefer-local",
            "pull prefer-local",
            ["a=1", "b=1<a", "c=1<a"],
            "keep b",
        ),
        ("push", "push", ["a=1", "b=1<a", "c=1<a"], "keep b"),
        (
            "push prefer-local",
            "push prefer-local",
            ["a=1", "b=1<a", "c=1<a"],
            "mv R c > b",
        ),
        (
            "each folder into the other",
            "bisync",
            ["d/ e/ d/x=1", "d/ d/x=1 d/e/<e", "e/ e/d/<d e/d/x=1<d/x"],
            "mv L d/e > e; mv L d > e/d",
        ),
        (
            "each folder into the other",
            "bisync prefer-local",
            ["d/ e/ d/x=1", "d/ d/x=1 d/e/<e", "e/ e/d/<d e/d/x=1<d/x"],
            "mv R e/d > d; mv R e > d/e",
        ),
        (
            "each folder into the other",
            "pull",
            ["d/ e/ d/x=1", "d/ d/x=1 d/e/<e", "e/ e/d/<d e/d/x=1<d/x"],
            "mv L d/e > e; mv L d > e/d",
        ),
        (
            "each folder into the other",
            "push",
            ["d/ e/ d/x=1", "d/ d/x=1 d/e/<e", "e/ e/d/<d e/d/x=1<d/x"],
            "keep d; keep d/e",
        ),
        (
            "gone here, and something new where it was moved to there",
            "bisync",
            ["a=1", "b=3", "b=1<a"],
            "put b over saving; conflict b: local",
        ),
        (
            "gone here, and something new where it was moved to there",
            "pull",
            ["a=1", "b=3:5", "b=1<a"],
            "get b over; conflict b: remote",
        ),
        (
            "gone there, and something new where it was moved to here",
            "bisync",
            ["a=1", "b=1<a", "b=3"],
            "get b over; conflict b: remote",
        ),
        (
            "gone here, and the same where it was moved to there",
            "bisync",
            ["a=1", "b=1!", "b=1<a"],
            "renew b",
        ),
        (
            "two into one place",
            "bisync",
            ["a=1 b=2", "c=1<a b=2", "a=1 c=2<b"],
            "mv L b > c.conflict-19700101T000020Z; mv R c > c.conflict-19700101T000020Z; mv R a > c; conflict b: both > c.conflict-19700101T000020Z",
        ),
        (
            "two into one place: pull",
            "pull",
            ["a=1 b=2", "c=1<a b=2", "a=1 c=2<b"],
            "problem b; keep c",
        ),
        (
            "two into one place: push",
            "push",
            ["a=1 b=2", "c=1<a b=2", "a=1 c=2<b"],
            "keep b; problem c",
        ),
        (
            "moved here to where something new is there",
            "bisync",
            ["a=1", "b=1<a", "a=1 b=3"],
            "mv R b > b.conflict-19700101T000030Z; mv R a > b; get b.conflict-19700101T000030Z; conflict b: both > b.conflict-19700101T000030Z",
        ),
        (
            "moved here to where the same is new there",
            "bisync",
            ["a=1", "b=1<a", "a=1 b=1!"],
            "mv R b > b.conflict-19700101T000010Z; mv R a > b; get b.conflict-19700101T000010Z; conflict b: both > b.conflict-19700101T000010Z",
        ),
        (
            "moved there to where something new is here",
            "pull",
            ["a=1", "a=1 b=3", "b=1<a"],
            "mv L b > b.conflict-19700101T000030Z; mv L a > b; keep b; conflict b: both > b.conflict-19700101T000030Z",
        ),
    ];
    check(cases);
}

#[test]
fn what_was_moved_over_another_takes_its_place() {
    let cases: &[Case] = &[
        (
            "the one below is still there",
            "bisync",
            ["x=1 y=2", "x=2<y", "x=1"],
            "rm R x; put x",
        ),
        (
            "both are still there",
            "bisync",
            ["x=1 y=2", "x=2<y", "x=1 y=2"],
            "rm R x; mv R y > x",
        ),
    ];
    check(cases);
}
