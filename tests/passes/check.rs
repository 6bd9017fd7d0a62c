//! `check`: the sides compared, nothing transferred, nothing written.

use std::{collections::BTreeMap, fs};

use icloud_sync::emulator::{Action, Fault, SignatureMode};
use serde_json::Value;

use super::world::World;

/// What `--json` says: the finding by path, and the summary.
fn json(stdout: &str) -> (BTreeMap<String, String>, Value) {
    let mut lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = lines.pop().unwrap();
    assert_eq!(summary["type"], "summary");
    let found = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            (text("path"), format!("{} {}", text("type"), text("what")))
        })
        .collect();
    (found, summary)
}

#[test]
fn equal_sides_are_alike_whatever_their_times_and_nothing_is_transferred() {
    let world = World::new();
    for number in 0..12 {
        let name = format!("d{}/{number}", number % 3);
        let content = format!("content {number}");
        world
            .drive
            .write_with_mtime(&name, content.clone(), 1_700_000_000)
            .unwrap();
        world.write_at(&name, content, 1_600_000_000);
    }
    world
        .drive
        .write_with_mtime("empty", "", 1_700_000_000)
        .unwrap();
    world.write_at("empty", "", 1_600_000_000);
    let ran = world
        .pass("check", &[])
        .code(0)
        .says("16 items alike, 0 different");
    assert_eq!(ran.stdout, "");
    let (found, summary) = json(&world.pass("check", &["--json"]).code(0).stdout);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(summary["alike"], 16);
    assert_eq!(summary["other_time"], 12 + 1);
    assert_eq!(world.count("content GET") + world.count("content POST"), 0);
    assert!(
        !world.state().join("pairs").exists(),
        "no baseline, no lock"
    );
    assert!(!world.local().join(".icloud-sync").exists());
}

#[test]
fn every_kind_of_difference_is_named() {
    let world = World::new();
    world.write("only here", "1");
    world.drive.write("only there/a", "2").unwrap();
    world.write("size", "12");
    world.drive.write("size", "123").unwrap();
    world.write("content", "abc");
    world.drive.write("content", "abd").unwrap();
    world.write("alike", "same");
    world.drive.write("alike", "same").unwrap();
    world.write("kind/inner", "x");
    world.drive.write("kind", "a file").unwrap();
    world.write("other kind", "a file");
    world.drive.write("other kind/inner", "x").unwrap();
    let (found, summary) = json(&world.pass("check", &["--json"]).code(3).stdout);
    let expected = [
        ("content", "difference content"),
        ("kind", "difference kind"),
        ("only here", "difference only_local"),
        ("only there", "difference only_remote"),
        ("only there/a", "difference only_remote"),
        ("other kind", "difference kind"),
        ("size", "difference size"),
    ];
    let expected = expected.map(|(path, what)| (path.to_owned(), what.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
    assert_eq!(
        (&summary["alike"], &summary["different"]),
        (&1.into(), &7.into())
    );
    let text = world.pass("check", &[]).code(3).says("7 different").stdout;
    assert!(text.contains("only remote   only there/\n"), "{text}");
    assert!(
        text.contains("different     size: 2 B here, 3 B there\n"),
        "{text}"
    );
    assert!(
        text.contains("different     kind: a folder here, a file there\n"),
        "{text}"
    );
}

#[test]
fn filters_hold_and_what_they_hide_is_no_difference() {
    let world = World::new();
    world.write("a.tmp", "1");
    world.drive.write("b.tmp", "2").unwrap();
    world.pass("check", &[]).code(3);
    world.pass("check", &["--exclude", "*.tmp"]).code(0);
}

#[test]
fn a_package_is_named_but_no_difference() {
    let world = World::new();
    world
        .drive
        .mkpackage("Budget.numbers", &[("Index/a", b"1")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    world.emulator.clear_requests();
    let (found, _) = json(&world.pass("check", &["--json"]).code(0).stdout);
    assert_eq!(found["Budget.numbers"], "not_compared package");
    assert_eq!(found.len(), 1, "what is in it is not looked at: {found:?}");
    let ran = world.pass("check", &[]).code(0);
    let words = ", 0 different, 1 package not compared by rule\n";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    assert_eq!(world.count("content GET"), 0);
}

#[test]
fn without_a_comparable_checksum_size_and_time_decide() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.signatures = SignatureMode::Container);
    world
        .drive
        .write_with_mtime("same", "abc", 1_700_000_000)
        .unwrap();
    world.write_at("same", "abc", 1_700_000_000);
    world
        .pass("check", &[])
        .code(0)
        .says("1 file compared by size and time alone");
    world.write_at("same", "abc", 1_700_000_100);
    let (found, _) = json(&world.pass("check", &["--json"]).code(3).stdout);
    assert_eq!(found["same"], "difference time");
}

#[test]
fn what_can_t_be_listed_is_not_compared_and_ends_with_3() {
    let world = World::new();
    world.drive.write("good/a", "1").unwrap();
    world.drive.write("bad/b", "2").unwrap();
    world.pass("pull", &[]).code(0);
    world.emulator.fault(Fault {
        contains: Some(world.drive.entry("bad").unwrap().docwsid),
        ..Fault::always("retrieveItemDetailsInFolders", Action::WrongCount)
    });
    let (found, summary) = json(&world.pass("check", &["--json"]).code(3).stdout);
    assert_eq!(found["bad"], "not_compared problem");
    assert!(
        !found.contains_key("bad/b"),
        "it may well be there: {found:?}"
    );
    assert_eq!(summary["different"], 0);
}

#[test]
fn check_leaves_the_baseline_alone_and_waits_for_no_pass() {
    let world = World::new();
    world.write("a", "1");
    world.pass("bisync", &[]).code(0);
    let pairs = world.state().join("pairs");
    let pair = fs::read_dir(pairs).unwrap().next().unwrap().unwrap().path();
    let state = || -> BTreeMap<_, _> {
        let files = fs::read_dir(&pair)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.is_file());
        files
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    };
    let before = state();
    world.write("b", "2");
    world.pass("check", &[]).code(3);
    assert_eq!(state(), before);
    let lock = fs::File::open(pair.join("lock")).unwrap();
    lock.lock().unwrap();
    world.pass("check", &[]).code(7).says("another pass");
}

#[test]
fn a_side_that_is_missing_is_wrong_usage() {
    let world = World::new();
    world
        .run(["check", "nowhere"])
        .code(2)
        .says("does not exist");
    world
        .pass("check", &["/nowhere"])
        .code(2)
        .says("does not exist");
    assert!(!world.folder.path().join("nowhere").exists());
}
