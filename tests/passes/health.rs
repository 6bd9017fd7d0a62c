//! How long a session is likely to last is said before it ends.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::world::World;

const DAY_MS: i64 = 86_400_000;

/// Makes the trust of the saved session so many days old.
fn trusted_for(world: &World, days: i64) {
    let sessions = fs::read_dir(world.state().join("sessions")).unwrap();
    let files: Vec<PathBuf> = sessions
        .map(|entry| entry.unwrap().path().join("session.json"))
        .filter(|file| file.exists())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let mut session: Value = serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    session["trusted_ms"] = (now - days * DAY_MS).into();
    fs::write(&files[0], session.to_string()).unwrap();
}

#[test]
fn each_pass_and_status_warn_from_seven_days_before_the_trust_is_likely_to_end() {
    let world = World::new();
    world.write("a", "1");
    trusted_for(&world, 22);
    let ran = world.pass("push", &[]).code(0);
    assert!(!ran.stderr.contains("trust"), "{}", ran.stderr);
    let status = world.run(["status"]).code(0).stdout;
    assert!(!status.contains("Warning"), "{status}");

    trusted_for(&world, 24);
    let words = "the trust of this machine is likely to end about 20";
    for _ in 0..2 {
        world.pass("push", &[]).code(0).says(words);
    }
    let status = world.run(["status"]).code(0).stdout;
    assert!(
        status.contains("Warning:    the trust of this machine"),
        "{status}"
    );
    // The summary stays the last line.
    let ran = world.pass("push", &["--json"]).code(0);
    let types: Vec<Value> = (ran.stdout.lines())
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone())
        .collect();
    assert_eq!(types, ["plan", "warning", "summary"]);
    // Who wants to hear of problems only is not told each time.
    let ran = world.pass("push", &["-q"]).code(0);
    assert_eq!(ran.stderr, "");
}
