use super::*;
use crate::report::{
    console::tests::{Shared, console},
    tests::{everything, play, summary},
};

fn run(verbosity: Verbosity, dry_run: bool) -> (Shared, Shared) {
    let (console, out, err) = console();
    let mut end = summary();
    end.dry_run = dry_run;
    play(
        &Lines::new(
            console,
            Style {
                verbosity,
                ..Style::default()
            },
        ),
        &everything(),
        dry_run,
        &end,
    );
    (out, err)
}

#[test]
fn a_dry_run_prints_its_plan_on_stdout_and_nothing_else_there() {
    let (out, err) = run(Verbosity::Normal, true);
    assert!(
        out.text().starts_with("Download (3 files, 4.1 MiB)\n"),
        "{}",
        out.text()
    );
    assert!(
        out.text().contains("Zeit (local): name clash"),
        "{}",
        out.text()
    );
    assert!(
        out.text()
            .ends_with("12 actions planned: 4.1 MiB down, 2.0 KiB up.\n"),
        "{}",
        out.text()
    );
    assert_eq!(err.text().lines().next(), Some("a note"),);
    assert!(err.text().contains("bisync: dry run, nothing changed"));
}

#[test]
fn a_real_pass_says_what_it_is_about_to_do_and_what_it_did_on_stderr() {
    let (out, err) = run(Verbosity::Normal, false);
    assert_eq!(out.text(), "");
    assert!(
        err.text()
            .starts_with("bisync: download 3 files (4.1 MiB), upload 2 files"),
        "{}",
        err.text()
    );
    assert!(err.text().contains("bisync: 12 actions done"));
}

#[test]
fn quiet_is_quiet_but_a_plan_that_was_asked_for_is_printed() {
    let (out, err) = run(Verbosity::Quiet, false);
    assert_eq!((out.text(), err.text()), (String::new(), String::new()));
    let (out, err) = run(Verbosity::Quiet, true);
    assert!(out.text().contains("Download"));
    assert_eq!(err.text(), "");
}
