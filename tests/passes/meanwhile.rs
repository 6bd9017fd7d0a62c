//! A second writer: another device, or a program on this machine, at the worst moment.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use icloud_sync::emulator::{Action, Fault};

use super::world::{Tree, World, set_time};

/// Runs `edit` once, right after the first answer of an endpoint was made and before it is sent.
fn once_after(world: &World, endpoint: &str, edit: impl FnOnce() + Send + 'static) {
    let edit = Mutex::new(Some(edit));
    world.emulator.after(endpoint, move |_| {
        if let Some(edit) = edit.lock().unwrap().take() {
            edit();
        }
    });
}

/// Some files that nothing happens to, so that no guard trips.
fn fill(world: &World) {
    for number in 0..6 {
        world.write_at(&format!("still {number}"), "the same", 1_700_000_000);
    }
}

#[test]
fn a_file_that_comes_back_before_its_removal_is_carried_over_is_not_trashed() {
    let world = World::new();
    fill(&world);
    world.write_at("a", "precious", 1_700_000_000);
    world.write_at("d/b", "precious too", 1_700_000_000);
    world.pass("push", &[]).code(0);
    let (local, away) = (world.local(), world.folder.path().join("away"));
    fs::create_dir(&away).unwrap();
    fs::rename(local.join("a"), away.join("a")).unwrap();
    fs::rename(local.join("d"), away.join("d")).unwrap();
    // An editor's dance: away and back, with a listing in between.
    once_after(&world, "retrieveItemDetailsInFolders", move || {
        // The local listing has long been made when the remote one ends; this waits for neither.
        thread::sleep(Duration::from_millis(300));
        fs::rename(away.join("a"), local.join("a")).unwrap();
        fs::rename(away.join("d"), local.join("d")).unwrap();
    });
    let ran = world.pass("push", &["--delete"]);
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    assert!(world.drive.trashed().unwrap().is_empty(), "{ran:?}");
    world.expect_equal();
    world.expect_quiet("push");
}

#[test]
fn an_edit_at_the_moment_a_download_lands_is_seen_by_the_next_pass() {
    let world = World::new();
    let names: Vec<String> = (0..60).map(|number| format!("{number}")).collect();
    for name in &names {
        world
            .drive
            .write_with_mtime(name, "from afar", 1_700_000_000)
            .unwrap();
        let other = world.folder.path().join(name);
        fs::write(&other, "from here").unwrap();
        set_time(&other, 1_600_000_000);
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // Another program replaces each file as soon as it appears, by one of the same length with a time of its own.
        scope.spawn(|| {
            let mut waiting = names.clone();
            while !waiting.is_empty() && !stop.load(Ordering::SeqCst) {
                waiting.retain(|name| {
                    let path = world.local().join(name);
                    let is_there = path.exists();
                    if is_there {
                        fs::rename(world.folder.path().join(name), path).unwrap();
                    }
                    !is_there
                });
            }
        });
        world.pass("pull", &["--transfers", "1"]).code(0);
        stop.store(true, Ordering::SeqCst);
    });
    world.pass("push", &["--force"]).code(0);
    world.expect_equal();
    world.expect_quiet("push");
}

#[test]
fn a_rename_on_another_device_is_not_undone_by_ours() {
    let world = World::new();
    fill(&world);
    world.write_at("a", "content", 1_700_000_000);
    fs::create_dir(world.local().join("d")).unwrap();
    world.pass("push", &[]).code(0);
    fs::rename(world.local().join("a"), world.local().join("from here")).unwrap();
    fs::rename(world.local().join("d"), world.local().join("d from here")).unwrap();
    let drive = world.drive.clone();
    once_after(&world, "retrieveItemDetailsInFolders", move || {
        drive.rename("a", "from the phone").unwrap();
        drive.rename("d", "d from the phone").unwrap();
    });
    world.pass("push", &[]).code(3).says("meanwhile");
    let names: Vec<_> = world.remote_tree().into_keys().collect();
    assert!(names.contains(&"from the phone".to_owned()), "{names:?}");
    assert!(names.contains(&"d from the phone".to_owned()), "{names:?}");
}

#[test]
fn what_another_device_renamed_is_not_written_under_its_old_name() {
    let world = World::new();
    fill(&world);
    world.write_at("a", "old", 1_700_000_000);
    world.pass("push", &[]).code(0);
    world.write_at("a", "new content", 1_700_000_100);
    let drive = world.drive.clone();
    once_after(&world, "upload/web", move || {
        drive.rename("a", "b").unwrap();
    });
    world.pass("push", &[]).code(3).says("meanwhile");
    assert_eq!(world.drive.read("b").unwrap(), &b"old"[..]);
    world.emulator.clear_hooks();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.read("b"), "new content");
    world.expect_equal();
}

#[test]
fn a_folder_in_which_another_device_renamed_something_stays() {
    let world = World::new();
    fill(&world);
    world.write_at("d/a", "content", 1_700_000_000);
    world.pass("push", &[]).code(0);
    fs::remove_dir_all(world.local().join("d")).unwrap();
    let drive = world.drive.clone();
    let listed = AtomicUsize::new(0);
    world
        .emulator
        .after("retrieveItemDetailsInFolders", move |_| {
            if listed.fetch_add(1, Ordering::SeqCst) == 0 {
                drive.rename("d/a", "b").unwrap();
            }
        });
    let ran = world.pass("push", &["--delete"]).code(3);
    assert_eq!(world.drive.read("d/b").unwrap(), &b"content"[..], "{ran:?}");
}

#[test]
fn what_was_put_back_from_the_trash_after_its_folder_was_renamed_comes_back() {
    let world = World::new();
    fill(&world);
    world.write_at("d/a", "content", 1_700_000_000);
    world.write_at("d/b", "stays", 1_700_000_000);
    world.pass("push", &[]).code(0);
    let id = world.drive.entry("d/a").unwrap().docwsid;
    world.drive.rename("d", "e").unwrap();
    world.drive.trash("e/a").unwrap();
    world.pass("bisync", &[]).code(0);
    assert!(!world.local().join("e/a").exists());
    world.drive.put_back(&id).unwrap();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.read("e/a"), "content");
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn a_lost_answer_is_not_taken_for_done_when_somebody_else_wrote_meanwhile() {
    for is_new in [true, false] {
        let world = World::new();
        fill(&world);
        if !is_new {
            world.write_at("a", "first", 1_700_000_000);
        }
        world.pass("push", &[]).code(0);
        world.write_at("a", "ours", 1_700_000_100);
        let drive = world.drive.clone();
        once_after(&world, "update/documents", move || {
            drive.write_with_mtime("a", "them", 1_700_000_200).unwrap();
        });
        world
            .emulator
            .fault(Fault::once("update/documents", Action::DropAfter));
        world.pass("push", &[]).code(5);
        assert_eq!(world.drive.read("a").unwrap(), &b"them"[..]);
        world.emulator.clear_hooks();
        // Both versions are new to each other: the newer wins, the other is kept.
        world.pass("bisync", &[]).code(0);
        assert_eq!(world.read("a"), "them", "{is_new}");
        assert_eq!(world.trash()["a"], Some(b"ours".to_vec()), "{is_new}");
        world.expect_equal();
    }
}

#[test]
fn a_trashing_whose_answer_says_nothing_of_an_item_is_looked_after() {
    let world = World::new();
    fill(&world);
    for name in ["a", "b"] {
        world.write_at(name, name, 1_700_000_000);
    }
    world.pass("push", &[]).code(0);
    fs::remove_file(world.local().join("a")).unwrap();
    fs::remove_file(world.local().join("b")).unwrap();
    world.emulator.fault(Fault::once(
        "moveItemsToTrash",
        Action::ItemStatus("UNKNOWN".to_owned()),
    ));
    let ran = world.pass("push", &["--delete"]);
    assert!(ran.stderr.contains("nothing was done"), "{ran:?}");
    world.pass("push", &["--delete"]).code(0);
    world.expect_equal();
    world.expect_quiet("push");
}

#[test]
fn what_comes_is_not_put_into_a_folder_that_was_moved_out_of_local() {
    let world = World::new();
    fill(&world);
    world.write_at("d/old", "precious", 1_700_000_000);
    world.pass("push", &[]).code(0);
    world.drive.write("d/new", "from afar").unwrap();
    let (inside, outside) = (world.local().join("d"), world.folder.path().join("outside"));
    let target = outside.clone();
    once_after(&world, "content GET", move || {
        fs::rename(inside, target).unwrap();
    });
    world.pass("pull", &[]).code(3);
    let names = |folder: &Path| -> Vec<_> {
        let all = fs::read_dir(folder).unwrap();
        all.map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names(&outside), ["old"], "and nothing unfinished either");
    fs::rename(&outside, world.local().join("d")).unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("d/new"), "from afar");
    world.expect_equal();
}

#[test]
fn a_rename_that_was_cut_off_while_a_file_had_both_names_loses_nothing() {
    // As a file system without another way does it: a second name, and then the first one goes.
    for verb in ["pull", "bisync"] {
        let world = World::new();
        fill(&world);
        world.write_at("a", "precious", 1_700_000_000);
        world.write_at("part", "whole", 1_700_000_000);
        world.pass("push", &[]).code(0);
        world.drive.rename("a", "b").unwrap();
        fs::hard_link(world.local().join("a"), world.local().join("b")).unwrap();
        // Of one that was on its way the first name is that of the unfinished file.
        world.drive.write("new", "whole too").unwrap();
        let part = world.local().join(".icloud-sync.0.part");
        world.write("new", "whole too");
        fs::hard_link(world.local().join("new"), &part).unwrap();
        for _ in 0..3 {
            world.pass(verb, &[]).code(0);
        }
        assert!(!part.exists());
        assert_eq!(world.read("new"), "whole too");
        let contents = |tree: &Tree| {
            let mut all: Vec<_> = tree.values().flatten().cloned().collect();
            all.sort();
            all.dedup();
            all
        };
        let (here, there) = (world.local_tree(), world.remote_tree());
        assert_eq!(contents(&here), contents(&there), "{verb}");
        assert_eq!(world.read("b"), "precious", "{verb}");
        assert_eq!(world.leftovers(), Vec::<PathBuf>::new());
    }
}

#[test]
fn an_unfinished_file_that_somebody_else_writes_is_left_to_them() {
    let world = World::new();
    fill(&world);
    world.pass("push", &[]).code(0);
    world.drive.write("a", "from afar").unwrap();
    let local = world.local();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&seen);
    world.emulator.before("content GET", move |_| {
        let all = fs::read_dir(&local).unwrap();
        let all = all.map(|entry| entry.unwrap().path());
        let parts = all.filter(|path| path.to_string_lossy().ends_with(".part"));
        names.lock().unwrap().extend(parts);
    });
    world.pass("pull", &[]).code(0);
    let part = seen.lock().unwrap().pop().unwrap();
    // The same version again, which a pass on another machine, say, is at work on.
    fs::remove_file(world.local().join("a")).unwrap();
    fs::write(&part, "theirs").unwrap();
    let theirs = fs::File::open(&part).unwrap();
    theirs.lock().unwrap();
    let ran = world.pass("pull", &[]).code(3);
    ran.says("another pass is at work on it");
    assert_eq!(fs::read(&part).unwrap(), b"theirs");
    world.drive.trash("a").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(
        fs::read(&part).unwrap(),
        b"theirs",
        "nor is it cleared away"
    );
    drop(theirs);
    world.drive.write("a", "from afar").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("a"), "from afar");
    assert_eq!(world.leftovers(), Vec::<PathBuf>::new());
}
