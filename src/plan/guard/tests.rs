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

#[test]
fn all_files_changed_at_once_is_odd() {
    let list = |content: usize| {
        let items = (0..10).map(|at| format!("f{at}={}", content + at));
        items.collect::<Vec<_>>().join(" ")
    };
    let (base, changed) = (list(100), list(200));
    let all = |side| Tripped::AllChanged { side, files: 10 };
    assert_eq!(
        tripped("bisync", None, [&base, &changed, &base]),
        [all(Side::Local)]
    );
    assert_eq!(
        tripped("bisync", None, [&base, &base, &changed]),
        [all(Side::Remote)]
    );
    assert_eq!(
        tripped("push", None, [&base, &base, &changed]),
        [all(Side::Remote)]
    );
    // One that is as it was is enough; a touch is no change; nine are few.
    let but_one = changed.replace("f4=204", "f4=104");
    assert_eq!(tripped("bisync", None, [&base, &but_one, &base]), []);
    let touched = base.replace(' ', "~ ") + "~";
    assert_eq!(tripped("bisync", None, [&base, &touched, &base]), []);
    let nine = |list: &str| list.replace("f9=109", "").replace("f9=209", "");
    assert_eq!(
        tripped(
            "bisync",
            None,
            [&nine(&base), &nine(&changed), &nine(&base)]
        ),
        []
    );
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
}
