//! `--no-remote`: what would be pushed, from the baseline, without a single request.

use std::fs;

use serde_json::Value;

use super::world::{Ran, World};

/// All that goes over the wire from here on.
fn requests(world: &World) -> usize {
    world.emulator.requests().len()
}

/// The lines of these types, in order; without what is only a sign of iCloud's own version marks.
fn lines(ran: &Ran, types: &[&str]) -> Vec<Value> {
    let lines = ran.stdout.lines().map(serde_json::from_str);
    let mut lines: Vec<Value> = lines
        .map(Result::unwrap)
        .filter(|line: &Value| types.contains(&line["type"].as_str().unwrap()))
        .collect();
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("settled");
    }
    lines
}

/// Both sides in step, and then all kinds of changes here. Nobody is signed in any more.
fn changed_here() -> World {
    let world = World::new();
    for name in [
        "same", "edited", "gone", "moved", "touched", "d/inner", "e/hidden",
    ] {
        world.write_at(name, format!("content of {name}"), 1_700_000_000);
    }
    world.run(["bisync", "local", "/Documents/Work"]).code(0);
    world.write("edited", "other content");
    world.write("d/new", "new");
    world.write_at("touched", "content of touched", 1_700_000_500);
    fs::remove_file(world.local().join("gone")).unwrap();
    fs::rename(world.local().join("moved"), world.local().join("d/there")).unwrap();
    world
}

#[test]
fn the_plan_is_that_of_a_dry_run_where_nobody_changed_anything_there() {
    let world = changed_here();
    for (verb, more) in [
        ("push", &[][..]),
        ("push", &["--delete"]),
        ("push", &["--checksum"]),
        ("bisync", &[]),
        ("bisync", &["--exclude", "hidden"]),
    ] {
        let args = [&[verb, "local", "/Documents/Work", "--json"], more].concat();
        let asked = world.run([&args[..], &["--dry-run"]].concat()).code(0);
        world.emulator.clear_requests();
        let alone = world.run([&args[..], &["--no-remote"]].concat()).code(0);
        assert_eq!(requests(&world), 0, "{args:?}");
        let what = ["plan", "action", "kept", "conflict"];
        assert_eq!(lines(&alone, &what), lines(&asked, &what), "{args:?}");
        assert!(lines(&alone, &what).len() >= 4, "{}", alone.stdout);
        let summary = &lines(&alone, &["summary"])[0];
        assert_eq!(summary["no_remote"], true);
        assert_eq!(
            (&summary["requests"], &summary["done"]),
            (&0.into(), &0.into())
        );
        assert!(
            lines(&alone, &["note"])[0]["text"]
                .as_str()
                .unwrap()
                .contains("iCloud is not asked: what it had after the last pass, 20")
        );
    }
}

#[test]
fn it_needs_no_session_and_changes_nothing() {
    let world = changed_here();
    world.run(["logout"]).code(0);
    world.emulator.clear_requests();
    let before = (world.local_tree(), world.remote_etags());
    let output = world
        .command()
        .env_remove("ICLOUD_USERNAME")
        .env_remove("ICLOUD_PASSWORD")
        .env("NO_REMOTE", "1")
        .args(["bisync", "local", "/Documents/Work"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in ["edited", "d/new", "moved -> d/there", "gone"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert_eq!(requests(&world), 0);
    assert_eq!((world.local_tree(), world.remote_etags()), before);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("run it without --no-remote"), "{said}");
}

#[test]
fn without_a_baseline_all_that_is_here_counts_as_new() {
    let world = World::new();
    world.write("a", "1");
    world.write("d/b", "2");
    let ran = world.pass("push", &["--no-remote"]).code(0);
    assert!(ran.stdout.contains("2 files"), "{}", ran.stdout);
    ran.says("all that is here counts as new");
    assert_eq!(requests(&world), 0);
    assert!(!world.state().join("pairs").exists());
}

#[test]
fn a_guard_stops_it_as_it_would_stop_the_pass() {
    let world = changed_here();
    for name in ["same", "edited", "touched", "d/inner", "d/new"] {
        fs::remove_file(world.local().join(name)).unwrap();
    }
    world.emulator.clear_requests();
    world
        .run(["bisync", "local", "/Documents/Work", "--no-remote"])
        .code(6)
        .says("guard 1");
    assert_eq!(requests(&world), 0);
}

#[test]
fn what_can_t_be_done_so_is_refused_at_once() {
    let world = changed_here();
    world.emulator.clear_requests();
    for verb in ["pull", "check"] {
        let output = world
            .command()
            .env("NO_REMOTE", "1")
            .args([verb, "local", "/Documents/Work"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--no-remote or NO_REMOTE forbids"), "{said}");
    }
    world.pass("pull", &["--no-remote"]).code(2);
    world.pass("push", &["--no-remote", "--watch"]).code(2);
    assert_eq!(requests(&world), 0);
}

#[test]
fn a_watch_tells_it_once_and_ends() {
    let world = changed_here();
    world.emulator.clear_requests();
    let output = (world.command())
        .env("NO_REMOTE", "1")
        .args(["push", "local", "/Documents/Work", "--watch"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(requests(&world), 0);
}
