//! `push`: local to remote.

use std::fs;

use super::world::World;

#[test]
fn push_sends_everything_and_then_rests() {
    let world = World::new();
    world.write_at("a.txt", "one", 1_700_000_000);
    world.write("d/e/Grüße 👋.txt", "two");
    world.write("d/empty", "");
    fs::create_dir(world.local().join("nothing in it")).unwrap();
    world.pass("push", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.drive.entry("a.txt").unwrap().mtime, 1_700_000_000);
    world.expect_quiet("push");
    world.expect_quiet("pull");
    world.expect_quiet("bisync");
}

#[test]
fn a_changed_file_keeps_its_identity() {
    let world = World::new();
    world.write_at("a", "one", 1_700_000_000);
    world.pass("push", &[]).code(0);
    let id = world.drive.entry("a").unwrap().docwsid;
    world.write("a", "changed");
    world.emulator.clear_requests();
    world.pass("push", &[]).code(0);
    assert_eq!(world.drive.entry("a").unwrap().docwsid, id);
    assert_eq!(world.drive.read("a").unwrap(), &b"changed"[..]);
    assert!(world.drive.trashed().unwrap().is_empty());
    world.expect_quiet("push");
}

#[test]
fn push_never_writes_locally_and_keeps_what_is_only_remote() {
    let world = World::new();
    world.write("a", "1");
    world.write("b", "2");
    world.pass("push", &[]).code(0);
    world.drive.write("theirs", "3").unwrap();
    world.drive.write("a", "changed there").unwrap();
    world.drive.trash("b").unwrap();
    let before = world.local_tree();
    world.pass("push", &[]).code(0);
    assert_eq!(world.local_tree(), before);
    let remote = world.remote_tree();
    assert_eq!(remote["theirs"], Some(b"3".to_vec()));
    assert_eq!(remote["a"], Some(b"changed there".to_vec()));
    assert_eq!(
        remote["b"],
        Some(b"2".to_vec()),
        "what was deleted there comes back"
    );
}

#[test]
fn push_deletes_only_when_asked_and_into_icloud_s_trash() {
    let world = World::new();
    for name in ["a", "b", "c", "d/x", "d/y", "e", "f", "g"] {
        world.write(name, name);
    }
    world.pass("push", &[]).code(0);
    fs::remove_file(world.local().join("a")).unwrap();
    fs::remove_dir_all(world.local().join("d")).unwrap();
    world.pass("push", &[]).code(0);
    assert!(world.remote_tree().contains_key("a"));
    world.pass("push", &["--delete"]).code(0);
    world.expect_equal();
    let mut trashed: Vec<_> = world
        .drive
        .trashed()
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    trashed.sort();
    assert_eq!(trashed, ["a", "d"], "the folder goes as one item");
    assert_eq!(world.count("deleteItems"), 0);
    world.expect_quiet("push");
}

#[test]
fn a_folder_that_somebody_else_filled_is_not_trashed() {
    let world = World::new();
    for name in ["keep1", "keep2", "keep3", "d/x"] {
        world.write(name, name);
    }
    world.pass("push", &[]).code(0);
    fs::remove_dir_all(world.local().join("d")).unwrap();
    // Another device adds a file between our listing and our removal.
    let drive = world.emulator.drive(super::world::WHO);
    let first = std::sync::atomic::AtomicBool::new(true);
    world
        .emulator
        .after("retrieveItemDetailsInFolders", move |_| {
            if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                drive.write("d/new from the phone", "precious").unwrap();
            }
        });
    let ran = world.pass("push", &["--delete"]);
    assert_eq!(
        world.remote_tree().get("d/new from the phone"),
        Some(&Some(b"precious".to_vec())),
        "{ran:?}"
    );
}

#[test]
fn a_renamed_folder_is_one_move_and_no_transfer() {
    let world = World::new();
    for number in 0..20 {
        world.write(&format!("old/{number}"), format!("content {number}"));
    }
    world.pass("push", &[]).code(0);
    fs::rename(world.local().join("old"), world.local().join("new")).unwrap();
    world.emulator.clear_requests();
    world.pass("push", &[]).code(0);
    assert_eq!(world.count("content POST"), 0);
    assert_eq!(world.count("renameItems"), 1);
    world.expect_equal();
    world.expect_quiet("push");
}

#[test]
fn a_file_moved_and_renamed_is_found_by_its_inode() {
    let world = World::new();
    world.write("a/one", "content");
    world.write("b/two", "other");
    world.pass("push", &[]).code(0);
    let id = world.drive.entry("a/one").unwrap().docwsid;
    fs::rename(world.local().join("a/one"), world.local().join("b/three")).unwrap();
    world.emulator.clear_requests();
    world.pass("push", &[]).code(0);
    assert_eq!(world.drive.entry("b/three").unwrap().docwsid, id);
    assert_eq!(world.count("content POST"), 0);
    world.expect_equal();
}

#[test]
fn two_files_that_change_names_change_names() {
    let world = World::new();
    world.write("a", "content of a");
    world.write("b", "b's content");
    world.pass("push", &[]).code(0);
    let local = world.local();
    fs::rename(local.join("a"), local.join("c")).unwrap();
    fs::rename(local.join("b"), local.join("a")).unwrap();
    fs::rename(local.join("c"), local.join("b")).unwrap();
    world.emulator.clear_requests();
    world.pass("push", &[]).code(0);
    assert_eq!(world.count("content POST"), 0);
    world.expect_equal();
    world.expect_quiet("push");
}

#[test]
fn names_that_differ_in_case_alone_are_left_alone() {
    let world = World::new();
    world.write("Readme", "1");
    world.write("README", "2");
    world.write("other", "3");
    world.pass("push", &[]).code(3).says("clash");
    assert_eq!(world.remote_tree().keys().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn links_and_special_files_are_skipped_by_rule() {
    let world = World::new();
    world.write("a", "1");
    std::os::unix::fs::symlink("a", world.local().join("link")).unwrap();
    world.pass("push", &[]).code(0);
    assert_eq!(world.remote_tree().keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_dry_run_changes_nothing_and_tells_what_the_real_pass_does() {
    let world = World::new();
    world.write("a", "1");
    world.write("d/b", "2");
    let before = world.remote_tree();
    let plan = |text: &str| -> Vec<serde_json::Value> {
        text.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|line| line["type"] == "action")
            .map(|line| serde_json::json!([line["action"], line["path"]]))
            .collect()
    };
    let dry = world.pass("push", &["--dry-run", "--json"]).code(0);
    assert_eq!(world.remote_tree(), before);
    assert!(!world.state().join("pairs").exists());
    let planned = plan(&dry.stdout);
    assert_eq!(planned.len(), 3, "{}", dry.stdout);
    let real = world.pass("push", &["--json"]).code(0);
    assert_eq!(plan(&real.stdout), planned);
    world.expect_equal();
}

#[test]
fn a_first_push_makes_remote() {
    let world = World::new();
    world.write("a", "1");
    world.pass("push", &["/Backup/laptop"]).code(0);
    assert_eq!(world.remote_tree()["Backup/laptop/a"], Some(b"1".to_vec()));
    world.pass("push", &["/Backup/laptop"]).code(0);
}

#[test]
fn guards_stop_a_pass_before_anything_is_done() {
    let world = World::new();
    for number in 0..12 {
        world.write_at(
            &format!("{number}"),
            format!("content {number}"),
            1_700_000_000,
        );
    }
    world.pass("push", &[]).code(0);
    let before = world.remote_etags();
    for number in 0..8 {
        fs::remove_file(world.local().join(format!("{number}"))).unwrap();
    }
    world
        .pass("push", &["--delete"])
        .code(6)
        .says("guard 1")
        .says("--force");
    assert_eq!(world.remote_etags(), before);
    world.pass("push", &["--delete", "--force"]).code(0);
    world.expect_equal();
    assert_eq!(world.drive.trashed().unwrap().len(), 8);
    // Guard 2: an empty LOCAL, as when a disk is not mounted.
    for number in 8..12 {
        fs::remove_file(world.local().join(format!("{number}"))).unwrap();
    }
    let before = world.remote_etags();
    world.pass("push", &["--delete"]).code(6).says("guard 2");
    // Guard 3: LOCAL is missing, or another folder.
    fs::remove_dir_all(world.local()).unwrap();
    world.pass("push", &["--delete"]).code(6).says("guard 3");
    fs::create_dir(world.folder.path().join("in the way")).unwrap();
    fs::create_dir(world.local()).unwrap();
    let pairs = world.state().join("pairs");
    let pair = fs::read_dir(pairs).unwrap().next().unwrap().unwrap().path();
    world
        .pass("push", &["--delete"])
        .code(6)
        .says("guard 3")
        .says(&format!("remove {}", pair.display()));
    assert_eq!(world.remote_etags(), before);
    // What stopped it is no new state: the items are in step as before.
    let last = fs::read_to_string(pair.join("last.json")).unwrap();
    assert!(last.contains("\"baseline_items\": 4"), "{last}");
    // The way out that the hint names: a first pass, which deletes nothing.
    fs::remove_dir_all(pair).unwrap();
    world.pass("push", &["--delete"]).code(0);
    assert_eq!(world.remote_etags(), before);
}

#[test]
fn a_mistyped_folder_is_not_remembered_as_a_pair() {
    let world = World::new();
    fs::remove_dir_all(world.local()).unwrap();
    world.pass("push", &[]).code(2).says("does not exist");
    let status = world.run(["status"]).code(0);
    assert!(!status.stdout.contains("Pair:"), "{}", status.stdout);
}

#[test]
fn a_renamed_package_stays_a_package() {
    let world = World::new();
    world
        .drive
        .mkpackage("Budget.numbers", &[("Index/a", b"1")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    let id = world.drive.entry("Budget.numbers").unwrap().docwsid;
    fs::create_dir(world.local().join("Old")).unwrap();
    let local = world.local();
    fs::rename(
        local.join("Budget.numbers"),
        local.join("Old/Budget 2026.numbers"),
    )
    .unwrap();
    world.pass("push", &[]).code(0);
    assert_eq!(
        world
            .drive
            .entry("Old/Budget 2026.numbers")
            .unwrap()
            .docwsid,
        id
    );
    assert_eq!(world.remote_tree().len(), 2);
    world.expect_quiet("push");
    world.expect_quiet("bisync");
}

#[test]
fn a_pair_inside_of_another_keeps_its_trash_to_itself() {
    let world = World::new();
    world.drive.write("d/a", "old").unwrap();
    world.run(["pull", "local/d", "/d"]).code(0);
    world.drive.write("d/a", "new").unwrap();
    world.run(["pull", "local/d", "/d"]).code(0);
    assert!(world.local().join("d/.icloud-sync/trash").exists());
    world.pass("push", &[]).code(0);
    assert_eq!(world.remote_tree().keys().collect::<Vec<_>>(), ["d", "d/a"]);
}

#[test]
fn a_second_pass_waits_for_nobody() {
    let world = World::new();
    world.write("a", "1");
    world.pass("push", &[]).code(0);
    let pairs = world.state().join("pairs");
    let pair = fs::read_dir(pairs).unwrap().next().unwrap().unwrap().path();
    let lock = fs::File::open(pair.join("lock")).unwrap();
    lock.lock().unwrap();
    world.pass("push", &[]).code(7).says("another pass");
    world.pass("push", &["--dry-run"]).code(7);
}

#[test]
fn a_remote_that_is_not_there_is_named_before_it_is_made() {
    let world = World::new();
    world.write("a", "1");
    let dry = world
        .run(["push", "local", "/Typo/Deep", "--dry-run"])
        .code(0);
    assert!(
        dry.stderr
            .contains("REMOTE \"/Typo/Deep\" is not in iCloud Drive, and would be made"),
        "{}",
        dry.stderr
    );
    assert!(world.remote_tree().is_empty());
    let made = world.run(["push", "local", "/Typo/Deep"]).code(0);
    assert!(
        made.stderr.contains("is not in iCloud Drive, and is made"),
        "{}",
        made.stderr
    );
    let again = world.run(["push", "local", "/Typo/Deep"]).code(0);
    assert!(!again.stderr.contains("is made"), "{}", again.stderr);
}
