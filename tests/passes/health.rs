//! How long a session is likely to last is said before it ends, and what processes that run at once do when it has.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::world::{PASSWORD, WHO, World};

const DAY_MS: i64 = 86_400_000;

/// Changes a file of the one account that is known here.
fn change(world: &World, name: &str, change: impl FnOnce(&mut Value)) {
    let sessions = fs::read_dir(world.state().join("sessions")).unwrap();
    let files: Vec<PathBuf> = sessions
        .map(|entry| entry.unwrap().path().join(name))
        .filter(|file| file.exists())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let mut value: Value = serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap();
    change(&mut value);
    fs::write(&files[0], value.to_string()).unwrap();
}

/// Makes the trust of the saved session so many days old.
fn trusted_for(world: &World, days: i64) {
    let now = jiff::Timestamp::now().as_millisecond();
    change(world, "session.json", |session| {
        session["trusted_ms"] = (now - days * DAY_MS).into();
    });
}

/// Runs five passes at once, each in a process of its own; returns their exit codes.
fn five(world: &World, password: &str) -> Vec<i32> {
    let passes: Vec<_> = (0..5)
        .map(|number| {
            // Each has a pair of its own: none waits for another's lock.
            let local = format!("local {number}");
            let mut command = world.command();
            command
                .env("ICLOUD_PASSWORD", password)
                .args(["pull", &local]);
            command.spawn().unwrap()
        })
        .collect();
    let codes = passes
        .into_iter()
        .map(|mut pass| pass.wait().unwrap().code().unwrap());
    codes.collect()
}

#[test]
fn five_processes_send_one_wrong_password_once_and_not_in_a_later_hour_either() {
    let world = World::new();
    world.run(["logout"]).code(0);
    world.emulator.clear_requests();
    let wrong = "not the password";
    assert_eq!(five(&world, wrong), [4; 5]);
    assert_eq!(world.count("signin/complete"), 1);
    // An hour later, and a month.
    for days in [1, 30] {
        change(&world, "attempts.json", |attempts| {
            let at = attempts["refused"]["at_ms"].as_i64().unwrap();
            attempts["refused"]["at_ms"] = (at - days * DAY_MS).into();
        });
        assert_eq!(five(&world, wrong), [4; 5]);
        assert_eq!(world.count("signin/complete"), 1);
    }
    // Another password is another matter: it is sent once, and all five go on.
    assert_eq!(five(&world, PASSWORD), [0; 5]);
    assert_eq!(world.count("signin/complete"), 2);
}

#[test]
fn the_sign_ins_of_all_processes_together_stay_within_their_number_an_hour() {
    let world = World::new();
    world.write("a", "1");
    world.emulator.clear_requests();
    for round in 1..=5 {
        world.emulator.expire_session(WHO);
        world.emulator.expire_tokens(WHO);
        let codes = five(&world, PASSWORD);
        let wanted = if round <= 3 { [0; 5] } else { [4; 5] };
        assert_eq!(codes, wanted, "round {round}");
        assert_eq!(
            world.count("signin/complete"),
            round.min(3),
            "round {round}"
        );
    }
    change(&world, "attempts.json", |attempts| {
        let all = attempts["automatic_ms"].as_array_mut().unwrap();
        assert_eq!(all.len(), 3);
        for at in all {
            *at = (at.as_i64().unwrap() - DAY_MS / 24).into();
        }
    });
    assert_eq!(five(&world, PASSWORD), [0; 5], "an hour later");
    assert_eq!(world.count("signin/complete"), 4);
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
