use super::*;
use crate::{
    plan::{Kept, Reason},
    report::tests::{action, everything, left, path},
};

#[test]
fn a_plan_is_grouped_sorted_and_whole() {
    insta::assert_snapshot!(text(&everything(), Verb::Bisync, &left(), false));
}

#[test]
fn with_reasons_each_action_says_why_and_what_is_skipped_is_named() {
    insta::assert_snapshot!(text(&everything(), Verb::Bisync, &left(), true));
}

#[test]
fn an_empty_plan_says_that_there_is_nothing_to_do() {
    assert_eq!(
        text(&Plan::default(), Verb::Pull, &[], false),
        "Nothing to do.\n"
    );
    let mut plan = everything();
    plan.actions.clear();
    plan.conflicts.clear();
    plan.kept.clear();
    assert_eq!(
        text(&plan, Verb::Pull, &[], false),
        "Nothing to transfer; 1 item found equal on both sides or gone from both.\n"
    );
}

#[test]
fn the_text_does_not_depend_on_the_order_of_execution() {
    let mut plan = everything();
    let one = text(&plan, Verb::Bisync, &left(), true);
    plan.actions.reverse();
    let mut other = left();
    other.reverse();
    assert_eq!(text(&plan, Verb::Bisync, &other, true), one);
}

#[test]
fn a_name_can_not_forge_a_line() {
    let mut plan = Plan::default();
    let name = "a\n  Nothing to do.\n\u{1b}[2J";
    plan.actions.push(action(
        name,
        Kind::File,
        What::RemoveLocal,
        Reason::Deleted(Side::Remote),
    ));
    plan.kept.push(Kept {
        path: path("b\rc"),
        why: "x\ny".into(),
        is_problem: true,
    });
    let shown = text(&plan, Verb::Pull, &[], true);
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\r'),
        "{shown:?}"
    );
    assert!(
        !shown.lines().any(|line| line == "  Nothing to do."),
        "{shown}"
    );
}

#[test]
fn a_conflict_that_the_verb_leaves_says_so() {
    let conflict = |winner| Conflict {
        path: path("a"),
        winner: Some(winner),
        kept_as: None,
    };
    assert_eq!(
        outcome(&conflict(Side::Local), Verb::Pull),
        "the local version wins, both stay as they are"
    );
    assert_eq!(
        outcome(&conflict(Side::Remote), Verb::Pull),
        "the remote version wins, the local one goes to the local trash"
    );
    assert_eq!(
        outcome(&conflict(Side::Remote), Verb::Push),
        "the remote version wins, both stay as they are"
    );
}

#[test]
fn the_short_form_names_each_group_once() {
    insta::assert_snapshot!(short(&everything()));
}
