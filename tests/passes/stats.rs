//! How far a pass is while it runs, what it came to, and what all passes of a pair came to.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::{Mutex, mpsc},
};

use serde_json::Value;

use super::world::World;

#[test]
fn a_pass_says_every_so_often_how_far_it_is() {
    let world = World::new();
    world.drive.write("a", "12345").unwrap();
    // The content waits until the line about it was read.
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    world.emulator.before("content GET", move |_| {
        let _gone = wait.lock().unwrap().recv();
    });
    let mut child = world
        .command()
        .env("STATS_INTERVAL", "1")
        .args(["pull", "local"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().unwrap().contains("of 1 action done"));
    let line = line.unwrap().unwrap();
    assert!(
        line.ends_with("0 of 1 action done, 0 B of 5 B moved"),
        "{line}"
    );
    drop(go);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        rest.iter()
            .any(|line| line.starts_with("pull: 1 action done")),
        "{rest:?}"
    );
    world.emulator.clear_hooks();

    // For programs they have a type of their own, and the summary stays the last line.
    world.drive.write("b", "1").unwrap();
    let ran = world
        .pass("pull", &["--json", "--progress-summary"])
        .code(0);
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.starts_with("{\"type\":\"summary\""), "{last}");
    let note = ran.stdout.lines().nth_back(1).unwrap();
    assert!(note.contains("done: 1 file received (1 B); "), "{note}");
}

#[test]
fn the_totals_of_a_pair_go_on_over_restarts_and_are_in_status() {
    let world = World::new();
    let metrics = || {
        let status = world.run(["status", "--json"]).code(0).stdout;
        let status: Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["pairs"].as_array().unwrap().len(), 1);
        status["pairs"][0]["metrics"].clone()
    };
    world.write("a", "12345");
    world.pass("bisync", &[]).code(0);
    let first = metrics();
    assert_eq!(
        (&first["passes"]["0"], &first["bytes_sent"]),
        (&1.into(), &5.into())
    );
    world.drive.write("b", "123").unwrap();
    world.pass("bisync", &["--dry-run"]).code(0);
    world.pass("bisync", &["--no-remote"]).code(0);
    assert_eq!(metrics(), first, "a dry run does not count");
    world.pass("bisync", &[]).code(0);
    world.pass("bisync", &["--min-free", "900000G"]).code(0);
    let second = metrics();
    assert_eq!(second["passes"]["0"], 3);
    assert_eq!(
        (&second["bytes_sent"], &second["bytes_received"]),
        (&5.into(), &3.into())
    );
    assert_eq!(
        (&second["actions"]["upload"], &second["actions"]["download"]),
        (&1.into(), &1.into())
    );
    assert_eq!(second["since"], first["since"]);
    assert!(second["requests"].as_u64() > first["requests"].as_u64());
    // A pass that was refused counts as well, and the last that went through is known.
    world.drive.write("c", "1").unwrap();
    world.pass("bisync", &["--min-free", "900000G"]).code(3);
    let third = metrics();
    assert_eq!(
        (
            &third["passes"]["3"],
            &third["last_exit_code"],
            &third["failures"]
        ),
        (&1.into(), &3.into(), &1.into())
    );
    let text = world.run(["status"]).code(0).stdout;
    assert!(text.contains("            4 passes since 20"), "{text}");
    assert!(
        text.contains(", 4 of them finished; 3 B received, 5 B sent"),
        "{text}"
    );
}
