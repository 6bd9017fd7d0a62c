//! What `status` tells of a pair's passes: also of those that did not begin, and of more problems than one.

use std::fs::File;

use icloud_sync::emulator::{Action, Fault};
use serde_json::Value;

use super::world::World;

/// The lines of the only pair.
fn pair(world: &World) -> String {
    let all = world.run(["status"]).stdout;
    let at = all.find("Pair:").unwrap_or(all.len());
    all.split_at(at).1.to_owned()
}

fn json(world: &World) -> Value {
    let all: Value = serde_json::from_str(&world.run(["status", "--json"]).stdout).unwrap();
    all["pairs"][0].clone()
}

#[track_caller]
fn says(world: &World, texts: &[&str]) {
    let pair = pair(world);
    for text in texts {
        assert!(pair.contains(text), "no {text:?} in\n{pair}");
    }
}

#[test]
fn a_pass_that_did_not_begin_is_told_until_the_next_one_does() {
    let world = World::new();
    world.write("a", "1");
    let away = || Fault {
        endpoint: None,
        ..Fault::always(
            "",
            Action::Status {
                status: 503,
                retry_after: None,
                body: None,
            },
        )
    };
    // Nothing is known of the pair before, and nobody can be signed in.
    world.run(["logout"]).code(0);
    world.emulator.fault(away());
    world.pass("bisync", &[]).code(5);
    let away_words = "did not begin, exit code 5: ";
    says(&world, &[away_words, "503", "no pass has begun"]);
    assert_eq!(json(&world)["missed"]["exit_code"], 5);
    assert_eq!(json(&world)["exit_code"], Value::Null);
    world.emulator.clear_faults();
    world.pass("bisync", &[]).code(0);
    assert!(!pair(&world).contains("did not begin"));
    assert_eq!(json(&world)["missed"], Value::Null);
    let fine = "last bisync: ";
    // Another pass has the lock.
    let lock = hold_lock(&world);
    world.pass("pull", &[]).code(7);
    says(
        &world,
        &["the pull of ", "did not begin, exit code 7", fine],
    );
    drop(lock);
    // Nobody is signed in.
    world.run(["logout"]).code(0);
    let mut command = world.command();
    command.env_remove("ICLOUD_PASSWORD");
    let ended = command.args(["bisync", "local"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(4));
    let hint = "hint: run `icloud-sync login`";
    says(
        &world,
        &["the bisync of ", "did not begin, exit code 4: ", hint, fine],
    );
    world
        .run(["doctor"])
        .stdout
        .lines()
        .find(|line| line.contains("last bisync") && line.contains("code 4"))
        .expect("doctor tells of it as well");
    // A dry run is no pass that somebody waits for.
    world.run(["login"]).code(0);
    world.pass("bisync", &[]).code(0);
    world.emulator.fault(away());
    world.pass("bisync", &["--dry-run"]).code(5);
    assert!(!pair(&world).contains("did not begin"));
}

/// Holds the lock of the only pair.
fn hold_lock(world: &World) -> File {
    let pairs = std::fs::read_dir(world.state().join("pairs")).unwrap();
    let pair = pairs.map(|entry| entry.unwrap().path()).next().unwrap();
    let lock = File::options()
        .read(true)
        .write(true)
        .open(pair.join("lock"))
        .unwrap();
    lock.try_lock().unwrap();
    lock
}

#[test]
fn a_mistyped_folder_is_no_pair() {
    let world = World::new();
    world.run(["push", "no such folder"]).code(2);
    assert_eq!(pair(&world), "");
}

#[test]
fn the_first_problems_are_named_and_the_others_counted() {
    let world = World::new();
    for name in ["A", "a", "B", "b"] {
        world.write(name, name);
    }
    world.pass("bisync", &[]).code(3);
    says(
        &world,
        &[
            "exit code 3, 0 items in step\n",
            "\n            A: ",
            "\n            B: ",
            "\n            a: ",
            "\n            and 1 more problem; `icloud-sync status --json` names all of them\n",
        ],
    );
    assert!(!pair(&world).contains(" b: "), "{}", pair(&world));
    assert_eq!(json(&world)["problem_count"], 4);
    assert_eq!(json(&world)["problems"].as_array().unwrap().len(), 4);
    for name in ["A", "B"] {
        std::fs::remove_file(world.local().join(name)).unwrap();
    }
    world.pass("bisync", &[]).code(0);
    assert!(!pair(&world).contains("problem"), "{}", pair(&world));
}
