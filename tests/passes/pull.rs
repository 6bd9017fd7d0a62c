//! `pull`: remote to local.

use std::fs;

use super::world::World;

#[test]
fn pull_brings_everything_and_then_rests() {
    let world = World::new();
    world
        .drive
        .write_with_mtime("a.txt", "one", 1_700_000_000)
        .unwrap();
    world.drive.write("d/e/Grüße 👋.txt", "two").unwrap();
    world.drive.write("d/empty", "").unwrap();
    world.drive.mkdir("nothing in it").unwrap();
    world.pass("pull", &[]).code(0);
    world.expect_equal();
    let time = fs::metadata(world.local().join("a.txt"))
        .unwrap()
        .modified()
        .unwrap();
    let seconds = time
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert_eq!(seconds, 1_700_000_000);
    world.expect_quiet("pull");
    world.expect_quiet("push");
    world.expect_quiet("bisync");
}

#[test]
fn a_first_pull_makes_local_and_a_dry_run_does_not() {
    let world = World::new();
    world.drive.write("a", "1").unwrap();
    world.run(["pull", "new/folder", "--dry-run"]).code(0);
    assert!(!world.folder.path().join("new").exists());
    let state = |world: &World| world.state().join("pairs").exists();
    assert!(!state(&world), "a dry run keeps no baseline");
    world.run(["pull", "new/folder"]).code(0);
    assert_eq!(
        fs::read(world.folder.path().join("new/folder/a")).unwrap(),
        b"1"
    );
}

#[test]
fn pull_replaces_what_changed_remotely_and_keeps_the_old_in_the_trash() {
    let world = World::new();
    world.drive.write("a", "old").unwrap();
    world.pass("pull", &[]).code(0);
    world.drive.write("a", "new content").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("a"), "new content");
    assert_eq!(world.trash()["a"], Some(b"old".to_vec()));
    world.expect_quiet("pull");
}

#[test]
fn pull_keeps_local_changes_and_never_writes_remotely() {
    let world = World::new();
    world.drive.write("mine", "remote").unwrap();
    world.drive.write("gone", "remote").unwrap();
    world.pass("pull", &[]).code(0);
    world.write("mine", "changed here");
    world.write("new", "only here");
    fs::remove_file(world.local().join("gone")).unwrap();
    let before = world.remote_etags();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("mine"), "changed here");
    assert_eq!(world.read("new"), "only here");
    assert_eq!(
        world.read("gone"),
        "remote",
        "a locally deleted file comes back"
    );
    assert_eq!(world.remote_etags(), before);
}

#[test]
fn pull_deletes_only_when_asked_and_only_what_it_knew() {
    let world = World::new();
    for name in ["a", "b", "c", "d", "e"] {
        world.drive.write(name, name).unwrap();
    }
    world.pass("pull", &[]).code(0);
    world.write("extra", "never remote");
    world.drive.trash("a").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("a"), "a");
    world.pass("pull", &["--delete"]).code(0);
    assert!(!world.local().join("a").exists());
    assert_eq!(world.trash()["a"], Some(b"a".to_vec()));
    assert_eq!(world.read("extra"), "never remote");
    world.pass("pull", &["--delete-extra"]).code(0);
    assert!(!world.local().join("extra").exists());
    assert_eq!(world.trash()["extra"], Some(b"never remote".to_vec()));
    world.expect_equal();
}

#[test]
fn pull_follows_a_renamed_folder_without_a_transfer() {
    let world = World::new();
    for number in 0..20 {
        world
            .drive
            .write(format!("old/{number}"), format!("content {number}"))
            .unwrap();
    }
    world.pass("pull", &[]).code(0);
    world.write("old/ignored.DS_Store.swp", "x");
    fs::write(world.local().join("old/.DS_Store"), "finder").unwrap();
    world.drive.rename("old", "new").unwrap();
    world.emulator.clear_requests();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.count("content GET"), 0);
    assert!(
        world.local().join("new/.DS_Store").exists(),
        "hidden files go along"
    );
    fs::remove_file(world.local().join("new/.DS_Store")).unwrap();
    fs::remove_file(world.local().join("new/ignored.DS_Store.swp")).unwrap();
    world.expect_equal();
    world.expect_quiet("pull");
}

#[test]
fn a_package_becomes_a_folder_and_stays_one() {
    let world = World::new();
    world
        .drive
        .mkpackage("Budget.numbers", &[("Index/a", b"1"), ("Data/b", b"22")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Budget.numbers/Index/a"), "1");
    assert_eq!(world.read("Budget.numbers/Data/b"), "22");
    world.expect_quiet("pull");
    world.expect_quiet("push");
    world
        .drive
        .mkpackage("Budget.numbers", &[("Index/a", b"changed")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Budget.numbers/Index/a"), "changed");
    assert!(!world.local().join("Budget.numbers/Data").exists());
    assert_eq!(world.trash()["Budget.numbers/Data/b"], Some(b"22".to_vec()));
}

#[test]
fn a_changed_package_is_never_sent() {
    let world = World::new();
    world
        .drive
        .mkpackage("Budget.numbers", &[("Index/a", b"1")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    world.write("Budget.numbers/Index/a", "changed here");
    let before = world.remote_etags();
    world.pass("push", &[]).code(3).says("package");
    assert_eq!(world.remote_etags(), before);
}

#[test]
fn equal_trees_are_adopted_without_a_transfer() {
    let world = World::new();
    for number in 0..30 {
        let name = format!("d{}/{number}", number % 3);
        world
            .drive
            .write_with_mtime(&name, format!("content {number}"), 1_700_000_000)
            .unwrap();
        world.write_at(&name, format!("content {number}"), 1_600_000_000);
    }
    world.pass("pull", &[]).code(0);
    assert_eq!(world.count("content GET"), 0);
    world.expect_quiet("pull");
    world.expect_quiet("push");
}

#[test]
fn a_touched_file_is_no_change() {
    let world = World::new();
    world
        .drive
        .write_with_mtime("a", "same", 1_700_000_000)
        .unwrap();
    world.pass("pull", &[]).code(0);
    super::world::set_time(&world.local().join("a"), 1_650_000_000);
    world.drive.touch("a").unwrap();
    world.emulator.clear_requests();
    world.expect_quiet("push");
    world.expect_quiet("pull");
    assert_eq!(world.count("content GET") + world.count("content POST"), 0);
}

#[test]
fn conflicts_follow_the_policy_and_keep_the_loser() {
    for (policy, expected) in [
        ("prefer-remote", "remote"),
        ("prefer-local", "local"),
        ("keep-both", "remote"),
    ] {
        let world = World::new();
        world.drive.write("a.txt", "base").unwrap();
        world.pass("pull", &[]).code(0);
        world.write_at("a.txt", "local", 1_700_000_000);
        world.drive.write("a.txt", "remote").unwrap();
        world.pass("pull", &["--conflict", policy]).code(0);
        assert_eq!(world.read("a.txt"), expected, "{policy}");
        match policy {
            "prefer-remote" => assert_eq!(world.trash()["a.txt"], Some(b"local".to_vec())),
            "keep-both" => {
                assert_eq!(world.read("a.conflict-20231114T221320Z.txt"), "local");
            }
            _ => assert_eq!(world.remote_tree()["a.txt"], Some(b"remote".to_vec())),
        }
        let again = world
            .pass("pull", &["--json", "--conflict", policy])
            .code(0);
        assert!(
            !again.stdout.contains("\"type\":\"action\""),
            "{policy}: {}",
            again.stdout
        );
    }
}

#[test]
fn max_downloads_leaves_the_rest_for_the_next_pass() {
    let world = World::new();
    for number in 0..7 {
        world
            .drive
            .write(format!("{number}"), format!("{number}"))
            .unwrap();
    }
    world.pass("pull", &["--max-downloads", "3"]).code(0);
    assert_eq!(world.local_tree().len(), 3);
    world.pass("pull", &[]).code(0);
    world.expect_equal();
}

#[test]
fn a_subfolder_is_a_pair_of_its_own() {
    let world = World::new();
    world.drive.write("Documents/Work/plan.txt", "x").unwrap();
    world.drive.write("other", "y").unwrap();
    world.pass("pull", &["/Documents/Work"]).code(0);
    assert_eq!(world.local_tree().keys().collect::<Vec<_>>(), ["plan.txt"]);
    world.write("back.txt", "z");
    world.pass("push", &["/Documents/Work"]).code(0);
    assert_eq!(
        world.remote_tree()["Documents/Work/back.txt"],
        Some(b"z".to_vec())
    );
}

#[test]
fn what_a_filter_hides_is_neither_copied_nor_deleted() {
    let world = World::new();
    world.drive.write("keep.txt", "1").unwrap();
    world.drive.write("d/skip.tmp", "2").unwrap();
    world.pass("pull", &["--exclude", "*.tmp"]).code(0);
    assert!(!world.local().join("d/skip.tmp").exists());
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("d/skip.tmp"), "2");
    // Hidden again, and gone remotely: nothing happens to it here.
    world.drive.trash("d/skip.tmp").unwrap();
    world
        .pass("pull", &["--delete", "--exclude", "*.tmp"])
        .code(0);
    assert_eq!(world.read("d/skip.tmp"), "2");
    // Seen again: now the deletion is carried over.
    world.pass("pull", &["--delete"]).code(0);
    assert!(!world.local().join("d/skip.tmp").exists());
}

#[test]
fn a_dry_run_says_how_many_downloads_a_pass_makes_at_most() {
    let world = World::new();
    for number in 0..5 {
        world.drive.write(format!("{number}"), "x").unwrap();
    }
    let dry = world
        .pass("pull", &["--dry-run", "--max-downloads", "2"])
        .code(0);
    assert!(
        dry.stderr
            .contains("2 of 5 downloads are made in this pass"),
        "{}",
        dry.stderr
    );
    world
        .pass("pull", &["--max-downloads", "2"])
        .says("2 of 5 downloads");
    assert_eq!(world.local_tree().len(), 2);
}
