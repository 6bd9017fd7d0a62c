use super::*;
use crate::{
    plan::{Kept, Reason},
    report::tests::{action, everything, left, path},
};

#[test]
fn a_plan_is_grouped_sorted_and_whole() {
    insta::assert_snapshot!(text(&everything(), &left(), false));
}

#[test]
fn with_reasons_each_action_says_why_and_what_is_skipped_is_named() {
    insta::assert_snapshot!(text(&everything(), &left(), true));
}

#[test]
fn an_empty_plan_says_that_there_is_nothing_to_do() {
    assert_eq!(text(&Plan::default(), &[], false), "Nothing to do.\n");
    let mut plan = everything();
    plan.actions.clear();
    plan.conflicts.clear();
    plan.kept.clear();
    assert_eq!(
        text(&plan, &[], false),
        "Nothing to transfer; 1 item found equal on both sides or gone from both.\n"
    );
}

#[test]
fn the_text_does_not_depend_on_the_order_of_execution() {
    let mut plan = everything();
    let one = text(&plan, &left(), true);
    plan.actions.reverse();
    let mut other = left();
    other.reverse();
    assert_eq!(text(&plan, &other, true), one);
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
    let shown = text(&plan, &[], true);
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
fn a_conflict_says_where_the_loser_goes() {
    let plan = everything();
    let by = |wanted: &What| {
        plan.actions
            .iter()
            .position(|action| action.what == *wanted)
    };
    let conflict = |winner, put_away_by| Conflict {
        path: path("a"),
        winner: Some(winner),
        kept_as: None,
        put_away_by,
    };
    assert_eq!(
        outcome(&conflict(Side::Local, None), &plan),
        "the local version wins, both stay as they are"
    );
    assert_eq!(
        outcome(&conflict(Side::Remote, by(&What::Download)), &plan),
        "the remote version wins, the local one goes to the local trash"
    );
    assert_eq!(
        outcome(&conflict(Side::Local, by(&What::TrashRemote)), &plan),
        "the local version wins, the remote one goes to iCloud's Recently Deleted"
    );
}

#[test]
fn the_short_form_names_each_group_once() {
    insta::assert_snapshot!(short(&everything()));
}

#[test]
fn the_readme_shows_a_real_plan_and_a_real_summary() {
    let mut plan = Plan::default();
    let mut add = |at, kind, what, reason, size| {
        let mut action = action(at, kind, what, reason);
        action.size = size;
        plan.actions.push(action);
    };
    let (created, modified) = (
        Reason::Created(Side::Remote),
        Reason::Modified(Side::Remote),
    );
    let (file, download) = (Kind::File, What::Download);
    add("Photos", Kind::Folder, What::CreateLocalFolder, created, 0);
    let from = path("draft.txt");
    let moved = What::MoveLocal { from };
    add(
        "Archive/draft.txt",
        file,
        moved,
        Reason::Moved(Side::Remote),
        0,
    );
    add("letter.txt", file, download.clone(), modified, 2048);
    add("Photos/beach.jpg", file, download, created, 4_450_000);
    plan.actions[2].local = Some(Box::new(crate::report::tests::local("letter.txt", file, 9)));
    plan.kept.push(Kept {
        path: path("notes.txt"),
        why: "changed locally only; pull leaves it".into(),
        is_problem: false,
    });
    let readme = include_str!("../../../README.md");
    let shown = text(&plan, &[], false);
    assert!(
        readme.contains(&format!("```text\n{shown}```\n")),
        "{shown}"
    );

    let mut end = crate::report::tests::summary();
    end.verb = crate::plan::Verb::Pull;
    end.items = (120, 121);
    end.counts.planned = 4;
    end.counts.done = 4;
    end.files = (2, 0);
    end.bytes = (4_452_048, 0);
    end.requests = 14;
    end.elapsed = std::time::Duration::from_millis(2140);
    let trash = "/home/anna/Documents/.icloud-sync/trash/20260102T030405Z";
    end.trash = Some(trash.into());
    let shown = crate::report::summary::text(&end);
    assert!(
        readme.contains(&format!("```text\n{shown}```\n")),
        "{shown}"
    );
}
