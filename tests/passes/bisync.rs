//! `bisync`: both ways.

use std::fs;

use icloud_sync::emulator::{Account, Action, Fault};

use super::world::World;

/// Both sides with these files, in step.
fn in_step(names: &[&str]) -> World {
    let world = World::new();
    for name in names {
        world.write_at(name, format!("base of {name}"), 1_700_000_000);
    }
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world
}

#[test]
fn a_first_bisync_joins_both_sides_and_deletes_nothing() {
    let world = World::new();
    world.write("here/a", "1");
    world.drive.write("there/b", "2").unwrap();
    world.write("both/c", "same");
    world.drive.write("both/c", "same").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.local_tree().len(), 6);
    world.expect_quiet("bisync");
    world.expect_quiet("pull");
    world.expect_quiet("push");
}

#[test]
fn changes_deletions_and_moves_go_both_ways() {
    let world = in_step(&[
        "edit here",
        "edit there",
        "gone here",
        "gone there",
        "d/move here",
        "e/move there",
        "stays",
        "stays too",
    ]);
    world.write("edit here", "edited");
    world.drive.write("edit there", "edited").unwrap();
    fs::remove_file(world.local().join("gone here")).unwrap();
    world.drive.trash("gone there").unwrap();
    fs::rename(
        world.local().join("d/move here"),
        world.local().join("e/moved here"),
    )
    .unwrap();
    world.drive.move_to("e/move there", "d").unwrap();
    world.write("new here", "n");
    world.drive.write("new there", "n").unwrap();
    world.emulator.clear_requests();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    let tree = world.local_tree();
    assert_eq!(tree["edit here"], Some(b"edited".to_vec()));
    assert_eq!(tree["edit there"], Some(b"edited".to_vec()));
    assert!(!tree.contains_key("gone here") && !tree.contains_key("gone there"));
    assert!(tree.contains_key("e/moved here") && tree.contains_key("d/move there"));
    assert_eq!(world.count("content GET"), 2, "moves transfer nothing");
    assert_eq!(world.count("content POST"), 2);
    assert_eq!(
        world.trash()["gone there"],
        Some(b"base of gone there".to_vec())
    );
    let trashed: Vec<_> = world
        .drive
        .trashed()
        .unwrap()
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(trashed, ["gone there", "gone here"]);
    world.expect_quiet("bisync");
}

#[test]
fn edit_wins_over_delete() {
    let world = in_step(&["a", "b", "d/x", "e/y", "other"]);
    world.write("a", "edited here");
    world.drive.trash("a").unwrap();
    fs::remove_file(world.local().join("b")).unwrap();
    world.drive.write("b", "edited there").unwrap();
    world.write("d/x", "edited here");
    world.drive.trash("d").unwrap();
    fs::remove_dir_all(world.local().join("e")).unwrap();
    world.drive.write("e/y", "edited there").unwrap();
    world.pass("bisync", &["--force"]).code(0);
    world.expect_equal();
    for (path, content) in [
        ("a", "edited here"),
        ("b", "edited there"),
        ("d/x", "edited here"),
        ("e/y", "edited there"),
    ] {
        assert_eq!(world.read(path), content);
    }
    world.expect_quiet("bisync");
}

#[test]
fn every_policy_keeps_the_loser_where_the_summary_says() {
    for (policy, local_s, winner) in [
        ("prefer-local", 1_600_000_000, Some("local")),
        ("prefer-remote", 1_800_000_000, Some("remote")),
        ("prefer-newer", 1_800_000_000, Some("local")),
        ("prefer-newer", 1_600_000_000, Some("remote")),
        ("prefer-newer", 1_700_000_100, None),
        ("keep-both", 1_700_000_100, None),
    ] {
        let world = in_step(&["a.txt", "other"]);
        world.write_at("a.txt", "local version", local_s);
        world
            .drive
            .write_with_mtime("a.txt", "remote version", 1_700_000_100)
            .unwrap();
        let ran = world.pass("bisync", &["--conflict", policy]).code(0);
        world.expect_equal();
        let tree = world.local_tree();
        let values: Vec<_> = tree
            .values()
            .flatten()
            .map(|it| String::from_utf8_lossy(it).into_owned())
            .collect();
        if let Some(winner) = winner {
            let loser = if winner == "local" { "remote" } else { "local" };
            assert_eq!(world.read("a.txt"), format!("{winner} version"), "{policy}");
            let kept = world.trash()["a.txt"].clone().unwrap();
            assert_eq!(String::from_utf8(kept).unwrap(), format!("{loser} version"));
            assert!(
                ran.stderr.contains(".icloud-sync/trash/"),
                "{policy}: {}",
                ran.stderr
            );
        } else {
            assert!(
                values.contains(&"local version".to_owned()),
                "{policy}: {values:?}"
            );
            assert!(
                values.contains(&"remote version".to_owned()),
                "{policy}: {values:?}"
            );
            assert!(
                ran.stderr.contains("a.conflict-"),
                "{policy}: {}",
                ran.stderr
            );
        }
        world.expect_quiet("bisync");
    }
}

#[test]
fn a_file_against_a_folder_keeps_both() {
    let world = World::new();
    world.write("x", "a file here");
    world.drive.write("x/inner", "a folder there").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.read("x/inner"), "a folder there");
    assert!(
        world
            .local_tree()
            .values()
            .flatten()
            .any(|content| content == b"a file here")
    );
    world.expect_quiet("bisync");
}

#[test]
fn a_file_that_became_a_folder_is_followed() {
    let world = in_step(&["x", "other"]);
    fs::remove_file(world.local().join("x")).unwrap();
    world.write("x/inner", "now a folder");
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.drive.trash("x").unwrap();
    world.drive.write("x", "a file again").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.read("x"), "a file again");
    assert_eq!(world.trash()["x/inner"], Some(b"now a folder".to_vec()));
    world.expect_quiet("bisync");
}

#[test]
fn equal_trees_with_other_times_are_joined_without_a_transfer() {
    let world = World::new();
    for number in 0..300 {
        let name = format!("d{}/f{number}", number % 30);
        world
            .drive
            .write_with_mtime(&name, format!("content {number}"), 1_700_000_000)
            .unwrap();
        world.write_at(&name, format!("content {number}"), 1_650_000_000);
    }
    world.pass("bisync", &[]).code(0);
    let counters = world.emulator.counters();
    assert_eq!((counters.content_up, counters.content_down), (0, 0));
    world.expect_quiet("bisync");
}

#[test]
fn a_folder_renamed_on_either_side_is_one_action_and_no_deletion() {
    let names: Vec<String> = (0..100).map(|number| format!("old/{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = in_step(&names);
    world.emulator.clear_requests();
    world.drive.rename("old", "new").unwrap();
    let ran = world.pass("bisync", &["--json"]).code(0);
    assert_eq!(
        ran.stdout.matches("\"type\":\"action\"").count(),
        1,
        "{}",
        ran.stdout
    );
    fs::rename(world.local().join("new"), world.local().join("newer")).unwrap();
    let ran = world.pass("bisync", &["--json"]).code(0);
    assert_eq!(
        ran.stdout.matches("\"type\":\"action\"").count(),
        1,
        "{}",
        ran.stdout
    );
    assert_eq!(world.count("content GET") + world.count("content POST"), 0);
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn what_looks_like_everything_deleted_deletes_nothing() {
    let names: Vec<String> = (0..12).map(|number| format!("d/{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = in_step(&names);
    let remote = world.remote_etags();
    let aside = world.folder.path().join("aside");
    // A disk that is not mounted leaves the folder missing, or an empty one in its place.
    fs::rename(world.local(), &aside).unwrap();
    world.pass("bisync", &[]).code(6).says("guard 3");
    fs::create_dir(world.local()).unwrap();
    world.pass("bisync", &[]).code(6).says("guard 3");
    fs::remove_dir(world.local()).unwrap();
    fs::rename(&aside, world.local()).unwrap();
    fs::rename(world.local().join("d"), world.folder.path().join("d")).unwrap();
    world
        .pass("bisync", &[])
        .code(6)
        .says("guard 2")
        .says("mounted");
    fs::rename(world.folder.path().join("d"), world.local().join("d")).unwrap();
    assert_eq!(world.remote_etags(), remote);
    // An empty answer of the service.
    let local = world.local_tree();
    world.emulator.fault(Fault::always(
        "retrieveItemDetailsInFolders",
        Action::ShortItemsUnnoticed,
    ));
    let ran = world.pass("bisync", &[]);
    assert!(ran.code == 6 || ran.code == 3, "{ran:?}");
    assert_eq!(world.local_tree(), local);
    world.emulator.clear_faults();
    // A filter that hides everything, and its end.
    world.pass("bisync", &["--exclude", "d"]).code(0);
    assert_eq!((world.local_tree(), world.remote_etags()), (local, remote));
    world.expect_quiet("bisync");
}

#[test]
fn all_files_changed_at_once_trips_a_guard() {
    let names: Vec<String> = (0..12).map(|number| format!("d/{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = in_step(&names);
    let remote = world.remote_etags();
    for name in &names {
        world.write(name, format!("encrypted, pay here: {name}"));
    }
    world
        .pass("bisync", &[])
        .code(6)
        .says("guard 4")
        .says("--force");
    assert_eq!(world.remote_etags(), remote);
    world.pass("bisync", &["--force"]).code(0);
    world.expect_equal();
}

#[test]
fn two_folders_that_change_names_change_names() {
    let world = in_step(&["a/x", "a/y", "b/z", "other"]);
    let local = world.local();
    fs::rename(local.join("a"), local.join("t")).unwrap();
    fs::rename(local.join("b"), local.join("a")).unwrap();
    fs::rename(local.join("t"), local.join("b")).unwrap();
    world.emulator.clear_requests();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.count("content POST"), 0);
    world.drive.rename("a", "t").unwrap();
    world.drive.rename("b", "a").unwrap();
    world.drive.rename("t", "b").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.count("content GET"), 0);
    world.expect_quiet("bisync");
}

#[test]
fn a_damaged_baseline_is_put_aside_and_nothing_is_deleted() {
    let world = in_step(&["a", "b", "c"]);
    let pair = fs::read_dir(world.state().join("pairs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let baseline = pair.join("baseline.jsonl");
    let bytes = fs::read(&baseline).unwrap();
    fs::write(&baseline, &bytes[..bytes.len() / 2]).unwrap();
    fs::remove_file(world.local().join("a")).unwrap();
    world.pass("bisync", &[]).code(0).says("damaged");
    world.expect_equal();
    assert_eq!(world.read("a"), "base of a", "a first pass deletes nothing");
    let aside = fs::read_dir(&pair).unwrap().any(|entry| {
        entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("damaged")
    });
    assert!(aside);
    world.expect_quiet("bisync");
}

#[test]
fn a_first_pass_with_another_remote_is_told() {
    let world = World::new();
    world.write("a", "a");
    world.drive.mkdir("Work").unwrap();
    let says = "is in step with REMOTE \"/Work\" since earlier passes";
    let ran = world.run(["bisync", "local", "/Work"]).code(0);
    assert!(!ran.stderr.contains("is in step with"), "{}", ran.stderr);
    for more in ["--dry-run", "-v"] {
        let ran = world.run(["push", "local", "/Other", more]).code(0);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    // Known by now.
    let ran = world.run(["push", "local", "/Other"]).code(0);
    assert!(!ran.stderr.contains("is in step with"), "{}", ran.stderr);
}

#[test]
fn a_first_pass_in_a_folder_that_was_moved_is_told() {
    let world = World::new();
    world.write("a", "a");
    world.write("b", "b");
    world.drive.mkdir("Work").unwrap();
    world.run(["bisync", "local", "/Work"]).code(0);
    let says = "REMOTE \"/Work\" was in step with LOCAL \"";
    // The old one is there still: it is a second folder for one REMOTE, as somebody may want.
    fs::create_dir(world.folder.path().join("second")).unwrap();
    let ran = world.run(["bisync", "second", "/Work", "-n"]).code(0);
    assert!(!ran.stderr.contains("was in step"), "{}", ran.stderr);
    fs::rename(world.local(), world.folder.path().join("moved")).unwrap();
    fs::remove_file(world.folder.path().join("moved/b")).unwrap();
    let ran = world.run(["bisync", "moved", "/Other", "-n"]).code(0);
    assert!(!ran.stderr.contains("was in step"), "{}", ran.stderr);
    for more in ["--dry-run", "-v"] {
        world
            .run(["bisync", "moved", "/Work", more])
            .code(0)
            .says(says)
            .says("/local\", which is not there any more; this is a first pass")
            .says("what was deleted on one side since the last pass comes back");
    }
    assert!(world.folder.path().join("moved/b").exists());
    let ran = world.run(["bisync", "moved", "/Work"]).code(0);
    assert!(!ran.stderr.contains("was in step"), "{}", ran.stderr);
}

#[test]
fn a_first_pass_is_not_told_of_the_moved_folder_of_another_account() {
    let world = World::new();
    world.write("a", "a");
    world.run(["bisync", "local", "/"]).code(0);
    let mut other = Account::new("eve@example.com", "other");
    other.two_factor = false;
    other.iterations = 1_000;
    world.emulator.add_account(other);
    fs::rename(world.local(), world.folder.path().join("moved")).unwrap();
    let mut command = world.command();
    command.env("ICLOUD_USERNAME", "eve@example.com");
    command.env("ICLOUD_PASSWORD", "other");
    let output = command.args(["bisync", "moved", "/"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("was in step"), "{told}");
}

#[test]
fn a_home_folder_is_warned_of_before_its_first_pass_that_sends() {
    let world = World::new();
    world.write("a", "1");
    let told = |args: &[&str]| {
        let mut command = world.command();
        let ran = command
            .env("HOME", world.local())
            .args(args)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8_lossy(&ran.stderr).contains("is your home folder: keys")
    };
    assert!(!told(&["pull", "local", "--dry-run"]));
    assert!(told(&["push", "local"]));
    assert!(!told(&["push", "local"]), "once is enough");
}
