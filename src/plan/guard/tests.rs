use super::{Seen, Tripped, check};
use crate::{
    options::MaxDelete,
    plan::{
        Side,
        tests::{table, world::World},
    },
    tree::Row,
};

/// Plans in a world and asks the guards.
fn tripped(line: &str, max_delete: Option<MaxDelete>, sides: [&str; 3]) -> Vec<Tripped> {
    let [base, local, remote] = sides;
    let (rules, hidden) = table::rules(line);
    let mut world = World::new(base, local, remote);
    world.hidden = hidden;
    let (local, remote) = (world.local_listing(), world.remote_listing());
    let plan = world.plan_of(rules, &local, &remote);
    let rows: Vec<&Row> = (world.base.iter())
        .filter(|row| !world.hides(&row.path))
        .collect();
    check(&Seen {
        verb: rules.verb,
        rows: &rows,
        local: &local,
        remote: &remote,
        plan: &plan,
        max_delete,
    })
}

fn deletions(side: Side, files: usize, of: usize, by_option: bool) -> Vec<Tripped> {
    vec![Tripped::ManyDeletions {
        side,
        files,
        of,
        by_option,
    }]
}

const SEVEN: &str = "a=1 b=2 c=3 d/ d/e=4 d/f=5 d/g=6 h=7";

#[test]
fn more_than_half_of_the_files_is_too_many() {
    let left = "a=1 b=2 c=3";
    let all = [SEVEN, SEVEN, left];
    assert_eq!(
        tripped("bisync", None, all),
        deletions(Side::Local, 4, 7, false)
    );
    assert_eq!(
        tripped("pull --delete", None, all),
        deletions(Side::Local, 4, 7, false)
    );
    assert_eq!(tripped("pull", None, all), []);
    assert_eq!(
        tripped("bisync", None, [SEVEN, left, SEVEN]),
        deletions(Side::Remote, 4, 7, false)
    );
    // Half is not more than half, and three are few.
    assert_eq!(
        tripped(
            "bisync",
            None,
            [
                "a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8",
                "a=1 b=2 c=3 d=4",
                "a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8"
            ]
        ),
        []
    );
    assert_eq!(
        tripped(
            "bisync",
            None,
            ["a=1 b=2 c=3 d=4", "a=1", "a=1 b=2 c=3 d=4"]
        ),
        []
    );
}

#[test]
fn a_bound_that_is_given_holds_for_few_as_well() {
    let sides = [SEVEN, SEVEN, "a=1 b=2 c=3 d/ d/e=4 d/f=5"];
    let by_option = deletions(Side::Local, 2, 7, true);
    assert_eq!(
        tripped("bisync", Some(MaxDelete::Items(1)), sides),
        by_option
    );
    assert_eq!(tripped("bisync", Some(MaxDelete::Items(2)), sides), []);
    assert_eq!(
        tripped("bisync", Some(MaxDelete::Percent(28)), sides),
        by_option
    );
    assert_eq!(tripped("bisync", Some(MaxDelete::Percent(29)), sides), []);
    let most = [SEVEN, SEVEN, "a=1"];
    assert_eq!(tripped("bisync", Some(MaxDelete::Percent(90)), most), []);
}

#[test]
fn a_mirror_without_a_baseline_counts_the_files_of_the_side() {
    let sides = ["", "a=1 b=2 c=3 d=4 e=5", "a=1"];
    assert_eq!(
        tripped("pull --delete-extra", None, sides),
        deletions(Side::Local, 4, 5, false)
    );
}

#[test]
fn moves_are_no_deletions_even_across_zones() {
    let base = "a=1 b=2 c=3 d=4 e/ k/^K*";
    let moved = "e/ e/a=1<a e/b=2<b e/c=3<c e/d=4<d k/";
    assert_eq!(tripped("bisync", None, [base, moved, base]), []);
    let crossed = "e/ k/ k/a=1<a k/b=2<b k/c=3<c k/d=4<d";
    assert_eq!(tripped("bisync", None, [base, crossed, base]), []);
    let folder = "d/ d/a=1 d/b=2 d/c=3 d/e=4 k/^K*";
    let crossed = "k/ k/d/<d k/d/a=1<d/a k/d/b=2<d/b k/d/c=3<d/c k/d/e=4<d/e";
    assert_eq!(tripped("bisync", None, [folder, crossed, folder]), []);
}

#[test]
fn an_empty_side_is_odd_if_the_baseline_is_not_empty() {
    let empty = |side| Tripped::EmptySide { side, rows: 1 };
    assert_eq!(
        tripped("bisync", None, ["a=1", "", "a=1"]),
        [empty(Side::Local)]
    );
    assert_eq!(
        tripped("pull", None, ["a=1", "a=1", ""]),
        [empty(Side::Remote)]
    );
    assert_eq!(tripped("bisync", None, ["", "", "a=1"]), []);
    assert_eq!(tripped("bisync hide:a", None, ["a=1", "", ""]), []);
}

/// A tree of `number` files of `content` and the following numbers.
fn list(number: usize, content: usize) -> String {
    let items = (0..number).map(|at| format!("f{at}={}", content + at));
    items.collect::<Vec<_>>().join(" ")
}

fn changed(side: Side, files: usize, of: usize, left_out: usize) -> [Tripped; 1] {
    [Tripped::AllChanged {
        side,
        files,
        of,
        left_out,
    }]
}

#[test]
fn all_files_changed_at_once_is_odd() {
    let (base, other) = (list(10, 100), list(10, 200));
    let all = |side| changed(side, 10, 10, 0);
    assert_eq!(
        tripped("bisync", None, [&base, &other, &base]),
        all(Side::Local)
    );
    assert_eq!(
        tripped("bisync", None, [&base, &base, &other]),
        all(Side::Remote)
    );
    assert_eq!(
        tripped("push", None, [&base, &base, &other]),
        all(Side::Remote)
    );
    // Of ten, one that is as it was is enough; a touch is no change; nine are few.
    let but_one = other.replace("f4=204", "f4=104");
    assert_eq!(tripped("bisync", None, [&base, &but_one, &base]), []);
    let touched = base.replace(' ', "~ ") + "~";
    assert_eq!(tripped("bisync", None, [&base, &touched, &base]), []);
    let nine = [list(9, 100), list(9, 200)];
    assert_eq!(tripped("bisync", None, [&nine[0], &nine[1], &nine[0]]), []);
}

#[test]
fn more_than_nine_in_ten_that_would_be_replaced_are_odd() {
    let (base, other) = (list(30, 100), list(30, 200));
    let but = |number: usize| {
        let back =
            |list: String, at| list.replace(&format!("={}", 200 + at), &format!("={}", 100 + at));
        (0..number).fold(other.clone(), back)
    };
    for (verb, side) in [
        ("bisync", Side::Local),
        ("push", Side::Local),
        ("bisync", Side::Remote),
    ] {
        let sides = |other: &str| match side {
            Side::Local => tripped(verb, None, [&base, other, &base]),
            Side::Remote => tripped(verb, None, [&base, &base, other]),
        };
        assert_eq!(sides(&but(2)), changed(side, 28, 30, 0), "{verb}");
        assert_eq!(sides(&but(3)), [], "{verb}: 27 of 30 are not more");
    }
    // What is gone has not changed; more than that, and guard 1 sees it.
    let gone = other.replace("f7=207 ", "");
    assert_eq!(
        tripped("bisync", None, [&base, &gone, &base]),
        changed(Side::Local, 29, 30, 0)
    );
    // What a pull does not carry over replaces nothing, and may come to be most of the files in time.
    assert_eq!(tripped("pull", None, [&base, &but(2), &base]), []);
}

#[test]
fn a_file_that_was_rewritten_and_renamed_has_changed() {
    let base = list(20, 100);
    let locked = (0..20).map(|at| format!("f{at}.locked={}<f{at}", 200 + at));
    let locked = locked.collect::<Vec<_>>().join(" ");
    assert_eq!(
        tripped("bisync", None, [&base, &locked, &base]),
        changed(Side::Local, 20, 20, 0)
    );
}

#[test]
fn what_can_not_be_sent_does_not_let_the_others_pass() {
    let with = |list: &str, package: &str| format!("{list} p.pages@{package}");
    let (base, other) = (with(&list(10, 100), "3"), with(&list(10, 200), "4"));
    assert_eq!(
        tripped("bisync", None, [&base, &other, &base]),
        changed(Side::Local, 10, 10, 1)
    );
    // A package as it was is a file as it was.
    let same = with(&list(10, 200), "3");
    assert_eq!(
        tripped("bisync", None, [&base, &same, &base]),
        changed(Side::Local, 10, 11, 0)
    );
    // Nine that count are few.
    let (base, other) = (with(&list(9, 100), "3"), with(&list(9, 200), "4"));
    assert_eq!(tripped("bisync", None, [&base, &other, &base]), []);
}

#[test]
fn a_guard_says_what_it_saw_and_what_allows_it() {
    let tripped = tripped("bisync", None, [SEVEN, SEVEN, "a=1"]);
    let text = tripped[0].to_string();
    assert!(
        text.contains("guard 1: 6 of 7 files") && text.contains("local side"),
        "{text}"
    );
    assert!(tripped[0].hint().contains("--force"));
    let text = |files, of, left_out| changed(Side::Local, files, of, left_out)[0].to_string();
    assert_eq!(
        text(20, 20, 0),
        "guard 4: all 20 files have changed on the local side since the last pass"
    );
    assert_eq!(
        text(30, 31, 0),
        "guard 4: 30 of 31 files have changed on the local side since the last pass, more than 90 %"
    );
    assert_eq!(
        text(20, 20, 1),
        "guard 4: all 20 files that can be carried over have changed on the local side since the last pass"
    );
}
