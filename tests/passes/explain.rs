//! Why a path is treated as it is.

use std::fs;

use serde_json::Value;

use super::world::{Ran, World};

fn explain(world: &World, args: &[&str]) -> Ran {
    world.run([&["explain", "--local", "local"], args].concat())
}

#[track_caller]
fn says(world: &World, path: &str, words: &str) {
    let ran = explain(world, &[path]).code(0);
    assert!(
        ran.stdout.contains(words),
        "no {words:?} in\n{}",
        ran.stdout
    );
}

#[test]
fn each_path_has_its_reason() {
    let world = World::new();
    for name in [
        "same",
        "edited",
        "gone here",
        "gone there",
        "both",
        "docs/a",
    ] {
        world.write(name, name);
    }
    world.pass("bisync", &[]).code(0);
    world.write("edited", "edited here");
    fs::remove_file(world.local().join("gone here")).unwrap();
    world.drive.trash("gone there").unwrap();
    world.write("both", "edited here too");
    world.drive.write("both", "edited there too").unwrap();
    world.drive.rename("docs", "papers").unwrap();
    world.write("build/x.tmp", "x");
    std::os::unix::fs::symlink("same", world.local().join("link")).unwrap();
    fs::write(world.local().join(".icloud-sync-ignore"), "*.tmp\n").unwrap();
    let before = (world.local_tree(), world.remote_etags());
    says(
        &world,
        "same",
        "nothing to do: both sides are as the baseline has them",
    );
    says(&world, "edited", "upload edited (11 B): changed locally");
    says(&world, "gone here", "deleted locally");
    says(&world, "gone there", "deleted remotely");
    says(&world, "both", "changed on both sides: the");
    says(&world, "docs/a", "docs/ -> papers/: moved remotely");
    says(&world, "papers/a", "docs/ -> papers/: moved remotely");
    says(&world, "build/x.tmp", ".icloud-sync-ignore");
    says(
        &world,
        "link",
        "left alone (local side): link: a symbolic link",
    );
    let full = world.local().join("edited");
    says(&world, full.to_str().unwrap(), "upload edited");
    let pull = explain(&world, &["edited", "--verb", "pull"]).code(0);
    assert!(!pull.stdout.contains("upload"), "{}", pull.stdout);
    let json = explain(&world, &["both", "--json"]).code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["is_conflict"], true);
    assert_eq!(json["baseline"]["size"], 4);
    explain(&world, &["nothing"])
        .code(2)
        .says("there is no \"nothing\"");
    explain(&world, &["/etc/passwd"])
        .code(2)
        .says("not below LOCAL");
    explain(&world, &["../x"]).code(2);
    assert_eq!((world.local_tree(), world.remote_etags()), before);
}

#[test]
fn a_guard_that_would_stop_the_pass_is_named() {
    let world = World::new();
    for number in 0..8 {
        world.write(&format!("{number}"), "x");
    }
    world.pass("bisync", &[]).code(0);
    for number in 0..7 {
        fs::remove_file(world.local().join(format!("{number}"))).unwrap();
    }
    says(&world, "3", "deleted locally");
    says(&world, "3", "guard     would stop the pass before: ");
}
