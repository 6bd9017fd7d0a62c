use super::*;
use crate::report::tests::{summary, troubled};

#[test]
fn a_clean_pass_is_three_short_lines() {
    insta::assert_snapshot!(text(&summary()));
}

#[test]
fn trouble_is_named_with_where_things_are_and_what_to_do() {
    insta::assert_snapshot!(text(&troubled()));
}

#[test]
fn a_pass_with_nothing_to_do_is_one_line() {
    let mut end = summary();
    end.counts.planned = 0;
    end.counts.done = 0;
    end.files = (0, 0);
    assert_eq!(
        text(&end),
        "bisync: nothing to do (1,200 local, 1,180 remote items, 42 requests, 3.2 s)\n"
    );
}

#[test]
fn a_dry_run_does_not_repeat_the_plan() {
    let end = Summary {
        dry_run: true,
        ..troubled()
    };
    let words = text(&end);
    assert!(
        words.starts_with("bisync: dry run, nothing changed ("),
        "{words}"
    );
    assert!(!words.contains("name clash"), "{words}");
    assert!(words.contains("hint: run it without --dry-run"), "{words}");
}

#[test]
fn a_stopped_pass_names_the_signal_and_how_to_go_on() {
    let end = Summary {
        stopped_by: Some(15),
        ..troubled()
    };
    let words = text(&end);
    assert!(
        words.starts_with("bisync: stopped by SIGTERM; 8 of 12 actions done ("),
        "{words}"
    );
    assert!(
        words.contains("hint: run the same command again to go on"),
        "{words}"
    );
}

#[test]
fn a_long_list_of_problems_is_cut_and_says_so() {
    let mut end = troubled();
    end.problems = (0..60).map(|n| (format!("file{n}"), "no".into())).collect();
    let words = text(&end);
    assert!(words.contains("60 problems:"), "{words}");
    assert!(
        words.contains("file49: no") && !words.contains("file50"),
        "{words}"
    );
    assert!(words.contains("and 10 more; -v names them all"), "{words}");
}
