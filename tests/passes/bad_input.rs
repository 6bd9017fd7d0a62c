//! Bad input: a clear error that names the thing, the reason and the way out, and nothing done.

use std::fs;

use super::world::{WHO, World};

#[test]
fn what_is_typed_wrong_is_named_with_the_way_out() {
    let world = World::new();
    world.write("file", "x");
    world.drive.write("remote file", "x").unwrap();
    let hints = [
        "hint:",
        "try '--help'",
        "possible values",
        "expected",
        "accepted",
    ];
    for (args, names) in [
        (
            vec!["pull", "local", "--no-such-option"],
            vec!["--no-such-option"],
        ),
        (
            vec!["pull", "local", "--exclude", "a[b"],
            vec!["--exclude", "a[b"],
        ),
        (
            vec!["pull", "local", "--transfers", "many"],
            vec!["--transfers", "many"],
        ),
        (vec!["push", "missing"], vec!["missing", "does not exist"]),
        (vec!["push", "local/file"], vec!["local/file", "is a file"]),
        (vec!["pull", "local/file"], vec!["local/file", "is a file"]),
        (
            vec!["pull", "state/icloud-sync/x"],
            vec!["state/icloud-sync/x", "state folder"],
        ),
        (
            vec!["pull", "local", "/remote file"],
            vec!["remote file", "is a file"],
        ),
        (
            vec!["pull", "local", "/nowhere"],
            vec!["/nowhere", "does not exist"],
        ),
        (vec!["ls", "/remote file"], vec!["remote file", "is a file"]),
        (vec!["ls", "/nowhere"], vec!["/nowhere", "does not exist"]),
        (vec!["pull", "@nobody"], vec!["@nobody"]),
        (
            vec!["pull", "local", "--bwlimit", "fast"],
            vec!["--bwlimit", "fast"],
        ),
        (
            vec!["pull", "local", "--max-delete", "120%"],
            vec!["--max-delete", "120%"],
        ),
        (vec!["pull", "local", "--filter-from", "none"], vec!["none"]),
    ] {
        let before = (world.local_tree(), world.remote_etags());
        let ran = world.run(&args).code(2);
        for name in names {
            assert!(
                ran.stderr.contains(name),
                "{args:?}: no {name:?} in\n{}",
                ran.stderr
            );
        }
        assert!(
            hints.iter().any(|hint| ran.stderr.contains(hint)),
            "{args:?}: no way out in\n{}",
            ran.stderr
        );
        assert_eq!((world.local_tree(), world.remote_etags()), before);
    }
}

#[test]
fn a_bad_value_of_the_environment_names_its_variable() {
    let world = World::new();
    let output = world
        .command()
        .env("CONFLICT_STRATEGY", "toss-a-coin")
        .args(["pull", "local"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    for part in ["CONFLICT_STRATEGY", "toss-a-coin", "prefer-newer"] {
        assert!(stderr.contains(part), "no {part:?} in\n{stderr}");
    }
}

#[test]
fn a_wrong_password_is_tried_once_and_never_again_unattended() {
    let world = World::new();
    world.run(["logout"]).code(0);
    world.emulator.clear_requests();
    for _ in 0..3 {
        let output = world
            .command()
            .env("ICLOUD_PASSWORD", "not the password")
            .args(["pull", "local"])
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(4),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(world.count("signin/complete"), 1);
}

#[test]
fn without_a_terminal_a_run_that_needs_a_person_says_what_to_type() {
    let world = World::new();
    world.run(["logout"]).code(0);
    let output = world
        .command()
        .env_remove("ICLOUD_PASSWORD")
        .args(["pull", "local"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("icloud-sync login"), "{stderr}");
}

#[test]
fn hazard_17_another_account_s_baseline_is_refused() {
    let world = World::new();
    world.write("a", "1");
    world.pass("push", &[]).code(0);
    let mut other = icloud_sync::emulator::Account::new("eve@example.com", "other");
    other.two_factor = false;
    other.iterations = 1_000;
    world.emulator.add_account(other);
    let output = world
        .command()
        .env("ICLOUD_USERNAME", "eve@example.com")
        .env("ICLOUD_PASSWORD", "other")
        .args(["push", "local"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("guard 5"), "{stderr}");
    assert!(
        world
            .emulator
            .drive("eve@example.com")
            .tree()
            .unwrap()
            .is_empty()
    );
    assert_ne!(WHO, "eve@example.com");
}

#[test]
fn an_unreadable_file_is_reported_and_the_rest_is_done() {
    let world = World::new();
    world.write("a", "1");
    world.write("z", "3");
    world.pass("push", &[]).code(0);
    // A file of no permission stops only those who are not root, so a folder stands in its place meanwhile.
    world.write("b", "2");
    world.write("c", "4");
    let local = world.local();
    let first = std::sync::atomic::AtomicBool::new(true);
    world
        .emulator
        .after("retrieveItemDetailsInFolders", move |_| {
            if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                fs::remove_file(local.join("b")).unwrap();
            }
        });
    let ran = world.pass("push", &[]);
    assert!(ran.code == 0 || ran.code == 3, "{ran:?}");
    assert!(world.remote_tree().contains_key("c"));
    assert!(!world.remote_tree().contains_key("b"));
}

#[test]
fn a_file_that_grows_while_it_is_sent_is_not_committed() {
    let world = World::new();
    world.write("log", "line\n");
    let log = world.local().join("log");
    world.emulator.before("content POST", move |_| {
        fs::write(&log, "line\nand another\n").unwrap();
    });
    world.write("other", "x");
    world.pass("push", &[]).code(3).says("log");
    let remote = world.remote_tree();
    assert!(!remote.contains_key("log"), "{remote:?}");
    assert!(remote.contains_key("other"));
    world.emulator.clear_hooks();
    world.pass("push", &[]).code(0);
    world.expect_equal();
}

#[test]
fn a_name_that_was_taken_meanwhile_is_not_overwritten() {
    let world = World::new();
    world.write("a", "mine");
    let drive = world.emulator.drive(WHO);
    world.emulator.before("update/documents", move |_| {
        drive.write("a", "theirs").unwrap();
    });
    world.pass("push", &[]).code(3).says("meanwhile");
    assert_eq!(world.remote_tree()["a"], Some(b"theirs".to_vec()));
    assert_eq!(world.remote_tree().len(), 1);
    assert_eq!(world.read("a"), "mine");
}

#[test]
fn a_remote_edit_before_the_commit_is_not_overwritten() {
    let world = World::new();
    world.write("a", "base");
    world.pass("push", &[]).code(0);
    world.write("a", "mine, changed");
    let drive = world.emulator.drive(WHO);
    world.emulator.after("content POST", move |_| {
        drive.write("a", "theirs, changed too").unwrap();
    });
    world.pass("push", &[]).code(3).says("changed");
    assert_eq!(
        world.remote_tree()["a"],
        Some(b"theirs, changed too".to_vec())
    );
}

#[test]
fn a_local_edit_during_a_download_is_kept() {
    let world = World::new();
    world.drive.write("a", "base").unwrap();
    world.pass("pull", &[]).code(0);
    world.drive.write("a", "theirs, new").unwrap();
    let path = world.local().join("a");
    world.emulator.after("content GET", move |_| {
        fs::write(&path, "mine, written meanwhile").unwrap();
    });
    world.pass("pull", &[]).code(3).says("meanwhile");
    assert_eq!(world.read("a"), "mine, written meanwhile");
    assert!(world.leftovers().is_empty());
}

#[test]
fn nothing_is_written_through_a_link_that_stands_where_a_folder_was() {
    let world = World::new();
    let outside = world.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    world.drive.write("d/a", "1").unwrap();
    world.pass("pull", &[]).code(0);
    world.drive.write("d/b", "2").unwrap();
    let (local, target) = (world.local(), outside.clone());
    world
        .emulator
        .after("retrieveItemDetailsInFolders", move |_| {
            if !local.join("d").is_symlink() {
                fs::remove_dir_all(local.join("d")).unwrap();
                std::os::unix::fs::symlink(&target, local.join("d")).unwrap();
            }
        });
    let ran = world.pass("pull", &[]);
    assert!(ran.code == 3 || ran.code == 0, "{ran:?}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}
