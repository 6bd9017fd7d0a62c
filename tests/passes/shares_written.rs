//! What other accounts share, where `--shares write` asks for it to be written to.

use std::fs;

use icloud_sync::emulator::{Action, Fault, ShareDenied, ShareUpdates};

use crate::{
    hazards::once_before,
    shares::{WRITES, with_share},
};

/// The options with which a share is written to.
const WRITE: [&str; 2] = ["--shares", "write"];

#[test]
fn what_is_done_in_a_share_is_sent_where_it_is_asked_for() {
    for verb in ["bisync", "push"] {
        let world = with_share();
        world
            .emulator
            .set_switches(|switches| switches.share_tag_moves = true);
        world.write("Team/plan.txt", "my plan");
        world.write("Team/new/deeper/note.txt", "mine");
        world.write("Team/empty", "");
        fs::rename(
            world.local().join("Team/deep"),
            world.local().join("Team/depth"),
        )
        .unwrap();
        let told = world
            .pass(verb, &["--shares", "write", "--dry-run"])
            .code(0);
        assert!(told.stdout.contains("Team/new"), "{}", told.stdout);
        world.pass(verb, &WRITE).code(0);
        world.expect_equal();
        assert_eq!(
            world.drive.read("Team/plan.txt").unwrap(),
            &b"my plan"[..],
            "{verb}"
        );
        assert_eq!(
            world.drive.read("Team/depth/map.txt").unwrap(),
            &b"Team/deep/map.txt"[..]
        );
        // Another one, in the folder that was new.
        world.write("Team/new/deeper/more.txt", "more");
        fs::rename(
            world.local().join("Team/plan.txt"),
            world.local().join("Team/plans.txt"),
        )
        .unwrap();
        world.pass(verb, &WRITE).code(0);
        world.expect_equal();
        world.emulator.clear_requests();
        world.pass(verb, &WRITE).code(0);
        for endpoint in WRITES {
            assert_eq!(world.count(endpoint), 0, "{verb}: {endpoint}");
        }
        // What came to be there is nothing new to a pass that only reads shares.
        world.expect_quiet("bisync");
    }
}

#[test]
fn what_is_deleted_in_a_share_or_moved_to_another_folder_of_it_stays_there() {
    let world = with_share();
    fs::remove_file(world.local().join("Team/deep/map.txt")).unwrap();
    fs::rename(
        world.local().join("Team/plan.txt"),
        world.local().join("Team/deep/plan.txt"),
    )
    .unwrap();
    for _ in 0..2 {
        world
            .pass("bisync", &WRITE)
            .code(3)
            .says("Team/deep/map.txt: deleted here only: shared by _bob, and nothing is deleted there from here")
            .says("Team/plan.txt: deleted here only");
    }
    for path in ["Team/plan.txt", "Team/deep/plan.txt", "Team/deep/map.txt"] {
        assert!(world.drive.read(path).is_ok(), "{path}");
    }
    assert!(world.drive.trashed_at_owners().unwrap().is_empty());
    world.pass("pull", &[]).code(0);
    world.expect_equal();
    // Nor is anything extra there for a mirror.
    world.drive.write("Team/theirs.txt", "theirs").unwrap();
    world
        .pass("push", &["--shares", "write", "--delete-extra"])
        .code(3)
        .says("Team/theirs.txt");
    assert!(world.drive.read("Team/theirs.txt").is_ok());
    assert!(world.drive.trashed_at_owners().unwrap().is_empty());
    // And what is shared itself stays what it is.
    world.pass("pull", &[]).code(0);
    fs::rename(world.local().join("Team"), world.local().join("Squad")).unwrap();
    world
        .pass("bisync", &WRITE)
        .code(3)
        .says("Squad: moved here only: shared by _bob");
    assert!(world.drive.read("Team/plan.txt").is_ok());
}

#[test]
fn what_is_moved_between_a_share_and_ones_own_is_copied() {
    let world = with_share();
    let at = |path: &str| world.local().join(path);
    fs::rename(at("own.txt"), at("Team/own.txt")).unwrap();
    fs::rename(at("Team/plan.txt"), at("plan.txt")).unwrap();
    world
        .pass("bisync", &WRITE)
        .code(3)
        .says("Team/plan.txt: deleted here only");
    let read = |path: &str| world.drive.read(path).ok();
    assert_eq!(read("Team/own.txt").as_deref(), Some(&b"own.txt"[..]));
    assert_eq!(read("plan.txt").as_deref(), Some(&b"Team/plan.txt"[..]));
    assert_eq!(
        read("Team/plan.txt").as_deref(),
        Some(&b"Team/plan.txt"[..])
    );
    assert_eq!(read("own.txt"), None);
    let trashed = world.drive.trashed().unwrap();
    assert_eq!(trashed.len(), 1, "one's own goes to one's own trash");
}

#[test]
fn a_conflict_in_a_share_that_is_written_to_loses_neither_version() {
    for policy in ["prefer-local", "keep-both", "prefer-newer"] {
        let world = with_share();
        world.write_at("Team/plan.txt", "mine", 1_700_000_900);
        world
            .drive
            .write_with_mtime("Team/plan.txt", "theirs", 1_700_000_500)
            .unwrap();
        world
            .pass("bisync", &["--shares", "write", "--conflict", policy])
            .code(0);
        world.expect_equal();
        let everywhere = (world.local_tree(), world.trash());
        for version in ["mine", "theirs"] {
            let is_there = |content: &Vec<u8>| content == version.as_bytes();
            assert!(
                everywhere.0.values().flatten().any(is_there)
                    || everywhere.1.values().flatten().any(is_there),
                "{policy}: {version}"
            );
        }
        world.pass("bisync", &WRITE).code(0);
    }
}

#[test]
fn what_a_share_that_is_read_only_refuses_is_told_and_the_rest_is_done() {
    for how in [
        ShareDenied::Http403,
        ShareDenied::Http400,
        ShareDenied::Status,
    ] {
        let world = with_share();
        world
            .emulator
            .set_switches(|switches| switches.share_denied = how);
        world.drive.let_write("Team", false).unwrap();
        for number in 0..40 {
            world.write(&format!("Team/{number}.txt"), "mine");
        }
        world.write("Team/plan.txt", "my plan");
        world.write("own.txt", "changed");
        world.write("Team/new/a.txt", "mine");
        fs::rename(
            world.local().join("Team/deep/map.txt"),
            world.local().join("Team/deep/maps.txt"),
        )
        .unwrap();
        let before = world.local_tree();
        for _ in 0..2 {
            world.emulator.clear_requests();
            world
                .pass("bisync", &WRITE)
                .code(3)
                .says("shared by _bob, who may let it be read only")
                .says("Team/plan.txt");
            let offered = world.count("upload/web");
            // Those that were under way together when the third was refused are more, each announced twice.
            assert!(offered < 40, "{how:?}: {offered}");
        }
        assert_eq!(world.local_tree(), before, "{how:?}");
        assert_eq!(world.drive.read("own.txt").unwrap(), &b"changed"[..]);
        assert_eq!(
            world.drive.read("Team/plan.txt").unwrap(),
            &b"Team/plan.txt"[..]
        );
        // As soon as it is allowed, it is done.
        world.drive.let_write("Team", true).unwrap();
        world.pass("bisync", &WRITE).code(0);
        world.expect_equal();
    }
}

#[test]
fn a_version_that_a_share_does_not_take_is_told_and_new_files_are_sent() {
    let world = with_share();
    world
        .emulator
        .set_switches(|switches| switches.share_updates = ShareUpdates::Refused);
    world.write("Team/plan.txt", "my plan");
    world.write("Team/new.txt", "new");
    world.pass("bisync", &WRITE).code(3).says("Team/plan.txt");
    assert_eq!(world.drive.read("Team/new.txt").unwrap(), &b"new"[..]);
    assert_eq!(world.read("Team/plan.txt"), "my plan");
}

#[test]
fn a_full_storage_of_who_shares_keeps_nothing_of_ones_own_back() {
    let world = with_share();
    world
        .emulator
        .set_switches(|switches| switches.share_owner_full = true);
    world.write("Team/plan.txt", "my plan");
    world.write("a-large-one.txt", "x".repeat(100_000));
    world
        .pass("bisync", &WRITE)
        .code(3)
        .says("the iCloud storage of _bob, who shares it, is full");
    assert!(world.drive.read("a-large-one.txt").is_ok());
}

#[test]
fn what_was_written_to_a_share_is_taken_back_as_far_as_nothing_is_deleted() {
    let world = with_share();
    world.write("Team/new.txt", "new");
    fs::rename(
        world.local().join("Team/plan.txt"),
        world.local().join("Team/plans.txt"),
    )
    .unwrap();
    world.pass("bisync", &WRITE).code(0);
    world
        .run(["undo", "--local", "local"])
        .code(3)
        .says("shared by _bob, and nothing is deleted there from here");
    assert!(world.drive.read("Team/plan.txt").is_ok());
    assert!(world.drive.read("Team/new.txt").is_ok());
    assert!(world.drive.trashed_at_owners().unwrap().is_empty());
}

#[test]
fn a_lost_answer_makes_nothing_twice_in_a_share() {
    for action in [Action::DropAfter, Action::DropBefore] {
        for endpoint in ["update/shared", "createFolders", "renameItems"] {
            let world = with_share();
            world.write("Team/a.txt", "new");
            world.write("Team/new/b.txt", "new");
            world.write("Team/plan.txt", "my plan");
            fs::rename(
                world.local().join("Team/deep"),
                world.local().join("Team/depth"),
            )
            .unwrap();
            world.emulator.fault(Fault::once(endpoint, action.clone()));
            world.pass("bisync", &WRITE);
            world.pass("bisync", &WRITE).code(0);
            world.expect_equal();
            world.expect_quiet("bisync");
            let names: Vec<String> = world.remote_tree().into_keys().collect();
            let expected = ["own.txt", "Team/a.txt", "Team/new/b.txt"];
            for name in expected {
                assert!(names.iter().any(|path| path == name), "{names:?}");
            }
            assert_eq!(names.len(), 8, "{action:?} {endpoint}: {names:?}");
        }
    }
}

#[test]
fn what_another_writes_to_a_share_meanwhile_is_not_overwritten() {
    let world = with_share();
    world.write("Team/plan.txt", "my plan");
    world.write("Team/new.txt", "mine");
    let drive = world.drive.clone();
    once_before(&world, "content POST", move || {
        drive.write("Team/plan.txt", "their plan").unwrap();
        drive.write("Team/new.txt", "theirs").unwrap();
    });
    world.pass("bisync", &WRITE).code(3).says("meanwhile");
    let read = |path: &str| String::from_utf8(world.drive.read(path).unwrap().to_vec()).unwrap();
    assert_eq!(read("Team/plan.txt"), "their plan");
    assert_eq!(read("Team/new.txt"), "theirs");
    assert_eq!(world.read("Team/plan.txt"), "my plan");
    assert_eq!(world.read("Team/new.txt"), "mine");
    world
        .pass("bisync", &["--shares", "write", "--conflict", "keep-both"])
        .code(0);
    world.expect_equal();
    let tree = world.local_tree();
    for version in ["my plan", "their plan", "mine", "theirs"] {
        assert!(
            tree.values()
                .flatten()
                .any(|content| content == version.as_bytes()),
            "{version}: {tree:?}"
        );
    }
}

#[test]
fn a_share_that_is_withdrawn_or_closed_meanwhile_keeps_what_is_here() {
    for is_withdrawn in [true, false] {
        let world = with_share();
        world.write("Team/plan.txt", "my plan");
        world.write("Team/new/note.txt", "mine");
        world.write("mine.txt", "mine");
        let drive = world.drive.clone();
        once_before(&world, "createFolders", move || {
            if is_withdrawn {
                drive.delete_forever("Team").unwrap();
            } else {
                drive.let_write("Team", false).unwrap();
            }
        });
        world.pass("bisync", &WRITE).code(3).says("Team/new");
        assert_eq!(world.read("Team/plan.txt"), "my plan");
        assert_eq!(world.read("Team/new/note.txt"), "mine");
        assert!(world.drive.read("mine.txt").is_ok());
    }
}

#[test]
fn what_a_share_refuses_stays_where_it_was_in_ones_own() {
    let world = with_share();
    world.write("d/a.txt", "a");
    world.write("d/e/b.txt", "b");
    world.pass("bisync", &[]).code(0);
    world.drive.let_write("Team", false).unwrap();
    let at = |path: &str| world.local().join(path);
    fs::rename(at("own.txt"), at("Team/own.txt")).unwrap();
    fs::rename(at("d"), at("Team/d")).unwrap();
    for _ in 0..2 {
        world.pass("bisync", &WRITE).code(3).says("Team/own.txt");
        for path in ["own.txt", "d/a.txt", "d/e/b.txt"] {
            assert!(world.drive.read(path).is_ok(), "{path}");
        }
        assert!(world.drive.trashed().unwrap().is_empty());
    }
    // Back in their places, all is as before.
    fs::rename(at("Team/own.txt"), at("own.txt")).unwrap();
    fs::rename(at("Team/d"), at("d")).unwrap();
    world.pass("bisync", &WRITE).code(0);
    world.expect_equal();
}

/// A step is something only where the program is built with debug assertions.
#[cfg(debug_assertions)]
#[test]
fn a_pass_into_a_share_may_be_killed_at_any_step() {
    for step in 1.. {
        let world = with_share();
        world.write("mine.txt", "mine");
        world.pass("bisync", &[]).code(0);
        let at = |path: &str| world.local().join(path);
        world.write("Team/plan.txt", "my plan");
        world.write("Team/new/note.txt", "note");
        fs::rename(at("mine.txt"), at("Team/mine.txt")).unwrap();
        fs::rename(at("Team/deep"), at("Team/depth")).unwrap();
        let before = world.local_tree();
        let output = world
            .command()
            .args(["bisync", "local", "--shares", "write"])
            .env("ICLOUD_SYNC_TEST_DIE_AT", step.to_string())
            .output()
            .unwrap();
        world.pass("bisync", &WRITE).code(0);
        world.expect_equal();
        assert_eq!(world.local_tree(), before, "step {step}");
        world.expect_quiet("bisync");
        if output.status.code() == Some(0) {
            assert!(step > 5, "only {step} steps");
            break;
        }
    }
}

#[test]
fn what_came_back_from_elsewhere_is_not_theirs_renamed() {
    for first in [&[][..], &WRITE] {
        let world = with_share();
        let at = |path: &str| world.local().join(path);
        fs::rename(at("Team/plan.txt"), at("zplan.txt")).unwrap();
        fs::rename(at("Team/deep"), at("zdeep")).unwrap();
        world.pass("bisync", first).code(3);
        world.write("zplan.txt", "my own work");
        world.pass("bisync", first).code(3);
        fs::rename(at("zplan.txt"), at("Team/report.txt")).unwrap();
        fs::rename(at("zdeep"), at("Team/archive")).unwrap();
        world.pass("bisync", &WRITE).code(3);
        let read = |path: &str| String::from_utf8(world.drive.read(path).unwrap().to_vec());
        for path in ["Team/plan.txt", "Team/deep/map.txt"] {
            assert_eq!(read(path).unwrap(), path);
        }
        assert_eq!(read("Team/report.txt").unwrap(), "my own work");
        assert_eq!(read("Team/archive/map.txt").unwrap(), "Team/deep/map.txt");
    }
}

#[test]
fn one_name_over_another_in_a_share_is_a_new_version() {
    let world = with_share();
    world.drive.write("Team/other.txt", "other").unwrap();
    world.pass("bisync", &[]).code(0);
    let at = |path: &str| world.local().join(path);
    fs::rename(at("Team/plan.txt"), at("Team/other.txt")).unwrap();
    world
        .pass("bisync", &WRITE)
        .code(3)
        .says("Team/plan.txt: deleted here only");
    let read = |path: &str| String::from_utf8(world.drive.read(path).unwrap().to_vec()).unwrap();
    assert_eq!(read("Team/other.txt"), "Team/plan.txt");
    world.write("Team/other.txt", "edited");
    world.pass("bisync", &WRITE).code(3);
    assert_eq!(read("Team/other.txt"), "edited");
    world.pass("pull", &WRITE).code(0);
    world.expect_equal();
}

#[test]
fn remote_is_made_in_a_share_only_where_it_is_asked_for() {
    let world = with_share();
    let local = world.folder.path().join("mine");
    fs::create_dir(&local).unwrap();
    fs::write(local.join("a.txt"), "a").unwrap();
    let run = |more: &[&str]| {
        let mut args = vec!["bisync", local.to_str().unwrap(), "/Team/new/folder"];
        args.extend(more);
        world.run(args)
    };
    for more in [&[][..], &["--dry-run"], &["--shares", "skip"]] {
        run(more)
            .code(2)
            .says("does not exist, and would be in what _bob shares");
    }
    run(&["--shares", "write", "--dry-run"]).code(0);
    let tree = world.remote_tree();
    assert!(!tree.contains_key("Team/new"), "{tree:?}");
    run(&WRITE).code(0);
    assert_eq!(
        world.drive.read("Team/new/folder/a.txt").unwrap(),
        &b"a"[..]
    );
}

#[test]
fn some_that_a_share_never_takes_keep_the_others_back_only_for_a_while() {
    let world = with_share();
    for number in 0..12 {
        world
            .drive
            .write(format!("Team/{number:02}").as_str(), "a")
            .unwrap();
    }
    world.pass("bisync", &[]).code(0);
    world
        .emulator
        .set_switches(|switches| switches.share_updates = ShareUpdates::Refused);
    for number in 0..12 {
        world.write(&format!("Team/{number:02}"), "edited");
        world.write(&format!("Team/new {number:02}"), "new");
    }
    let is_there = |number: &i32| {
        let path = format!("Team/new {number:02}");
        world.drive.read(path.as_str()).is_ok()
    };
    // Chance decides which are offered; in so many passes each is, but for one in some ten millions.
    for _ in 0..200 {
        world.pass("bisync", &WRITE).code(3);
        if (0..12).all(|number| is_there(&number)) {
            return;
        }
    }
    panic!("{:?}", world.remote_tree().keys());
}
