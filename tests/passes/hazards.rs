//! What can destroy data (protocol page 12): a test for each hazard that pull and push can meet, by its number. Of the others, 15 is
//! about restoring, and 17 has its test beside the other wrong inputs.

use std::{fs, sync::Mutex};

use icloud_sync::emulator::{Action, EntryKind, EtagSpread, Fault, StaleTrash};

use super::world::{World, set_time};

/// A world in which both sides have some files that nothing happens to, so that no guard trips.
fn world_with(names: &[&str]) -> World {
    let world = World::new();
    let still = ["still 1", "still 2", "still 3", "still 4"];
    for name in still.iter().chain(names) {
        world.write_at(name, format!("content of {name}"), 1_700_000_000);
    }
    world.pass("push", &[]).code(0);
    world.emulator.clear_requests();
    world
}

/// Runs `edit` once, right before a request of an endpoint is carried out.
pub(super) fn once_before(world: &World, endpoint: &str, edit: impl FnOnce() + Send + 'static) {
    let edit = Mutex::new(Some(edit));
    world.emulator.before(endpoint, move |_| {
        if let Some(edit) = edit.lock().unwrap().take() {
            edit();
        }
    });
}

fn remove(world: &World, name: &str) {
    fs::remove_file(world.local().join(name)).unwrap();
}

#[test]
fn hazard_01_nothing_is_ever_deleted_for_good() {
    let world = world_with(&["a", "d/b"]);
    remove(&world, "a");
    fs::remove_dir_all(world.local().join("d")).unwrap();
    world.pass("push", &["--delete"]).code(0);
    world.drive.write("theirs", "x").unwrap();
    world.pass("push", &["--delete-extra"]).code(0);
    world.expect_equal();
    assert_eq!(world.count("deleteItems"), 0);
    assert_eq!(world.drive.trashed().unwrap().len(), 3);
}

#[test]
fn hazard_02_a_newer_version_is_not_overwritten_in_place() {
    let world = world_with(&["a"]);
    world.write_at("a", "ours", 1_700_000_100);
    let drive = world.drive.clone();
    // The content is staged already; the etag is read after that.
    once_before(&world, "content POST", move || {
        drive.write("a", "theirs").unwrap();
    });
    world.pass("push", &[]).code(3).says("meanwhile");
    assert_eq!(world.drive.read("a").unwrap(), &b"theirs"[..]);
    assert_eq!(world.read("a"), "ours");
    assert_eq!(world.count("update/documents"), 0);
}

#[test]
fn hazard_03_a_trashing_that_did_not_happen_is_not_recorded() {
    for mode in [StaleTrash::Silent, StaleTrash::Conflict] {
        let world = world_with(&["a"]);
        world
            .emulator
            .set_switches(|switches| switches.stale_trash = mode);
        remove(&world, "a");
        let drive = world.drive.clone();
        once_before(&world, "moveItemsToTrash", move || {
            drive.touch("a").unwrap();
        });
        world.pass("push", &["--delete"]).code(3);
        assert!(world.remote_tree().contains_key("a"));
        // The baseline still knows it: it is a deletion to be carried over, not a new file.
        world.pass("push", &["--delete"]).code(0);
        world.expect_equal();
        assert_eq!(world.count("content GET"), 0);
    }
}

#[test]
fn hazard_04_a_refused_trashing_is_not_forced() {
    for mode in [StaleTrash::Silent, StaleTrash::Conflict] {
        let world = world_with(&["a"]);
        world
            .emulator
            .set_switches(|switches| switches.stale_trash = mode);
        remove(&world, "a");
        let drive = world.drive.clone();
        once_before(&world, "moveItemsToTrash", move || {
            drive.write("a", "edited on the phone").unwrap();
        });
        world.pass("push", &["--delete"]).code(3);
        assert_eq!(world.count("moveItemsToTrash"), 1);
        // The edit wins over the deletion.
        world.pass("push", &["--delete"]).code(0);
        assert_eq!(world.drive.read("a").unwrap(), &b"edited on the phone"[..]);
        world.pass("bisync", &[]).code(0);
        assert_eq!(world.read("a"), "edited on the phone");
    }
}

#[test]
fn hazard_05_a_renaming_to_a_name_just_taken_is_seen_and_loses_nothing() {
    let world = world_with(&["a"]);
    fs::rename(world.local().join("a"), world.local().join("b")).unwrap();
    let drive = world.drive.clone();
    once_before(&world, "renameItems", move || {
        drive.write("b", "theirs").unwrap();
    });
    world.pass("push", &[]).code(3).says("taken");
    assert_eq!(world.drive.read("b").unwrap(), &b"theirs"[..]);
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    let contents: Vec<_> = world.remote_tree().into_values().flatten().collect();
    for kept in [&b"theirs"[..], b"content of a"] {
        assert!(contents.iter().any(|content| content == kept));
    }
}

#[test]
fn hazard_06_a_folder_is_trashed_only_as_it_was_listed() {
    let world = world_with(&["d/a", "d/b", "d/e/c"]);
    fs::remove_dir_all(world.local().join("d")).unwrap();
    let drive = world.drive.clone();
    let listings = std::sync::atomic::AtomicUsize::new(0);
    world
        .emulator
        .after("retrieveItemDetailsInFolders", move |_| {
            if listings.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                drive.write("d/a", "edited on the phone").unwrap();
                drive.write("d/e/new", "from the phone").unwrap();
            }
        });
    world.pass("push", &["--delete"]).code(3);
    let remote = world.remote_tree();
    assert_eq!(remote["d/a"], Some(b"edited on the phone".to_vec()));
    assert_eq!(remote["d/e/new"], Some(b"from the phone".to_vec()));
    assert!(!remote.contains_key("d/b") && !remote.contains_key("d/e/c"));
    world.emulator.clear_hooks();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.read("d/a"), "edited on the phone");
}

#[test]
fn hazard_07_a_listing_that_is_not_whole_deletes_nothing() {
    for action in [
        Action::ShortItems,
        Action::WrongCount,
        Action::MissingItems,
        Action::ItemStatus("ID_INVALID".to_owned()),
    ] {
        let world = world_with(&["d/a", "d/b"]);
        let name = format!("{action:?}");
        // Something has changed, so that folders are listed and not only probed.
        world.drive.write("d/b", "changed").unwrap();
        world.drive.write("new", "new").unwrap();
        let (local, remote) = (world.local_tree(), world.remote_tree());
        world
            .emulator
            .fault(Fault::always("retrieveItemDetailsInFolders", action));
        world.pass("pull", &["--delete", "--force"]);
        world.pass("pull", &["--delete-extra", "--force"]);
        world.pass("push", &["--delete", "--force"]);
        for path in local.keys() {
            assert!(world.local_tree().contains_key(path), "{name}: {path}");
        }
        for path in remote.keys() {
            assert!(world.remote_tree().contains_key(path), "{name}: {path}");
        }
        world.emulator.clear_faults();
        world.pass("pull", &["--delete"]).code(0);
        world.expect_equal();
    }
}

#[test]
fn hazard_08_a_changed_file_is_never_absent() {
    let world = world_with(&["a"]);
    let id = world.drive.entry("a").unwrap().docwsid;
    world.write_at("a", "changed", 1_700_000_100);
    world.pass("push", &[]).code(0);
    assert_eq!(world.drive.entry("a").unwrap().docwsid, id);
    assert_eq!(world.count("moveItemsToTrash"), 0);
}

#[test]
fn hazard_09_a_lost_answer_makes_no_second_file() {
    for action in [Action::DropAfter, Action::DropBefore] {
        let world = world_with(&[]);
        world.write_at("a", "new", 1_700_000_100);
        fs::create_dir(world.local().join("d")).unwrap();
        world
            .emulator
            .fault(Fault::once("update/documents", action.clone()));
        world.emulator.fault(Fault::once("createFolders", action));
        world.pass("push", &[]);
        world.pass("push", &[]).code(0);
        world.expect_equal();
        world.expect_quiet("push");
    }
}

#[test]
fn hazard_10_no_token_makes_no_empty_file() {
    let world = World::new();
    world
        .drive
        .mkpackage("Budget.numbers", &[("Index/a", b"1")])
        .unwrap();
    world.drive.write("a", "content").unwrap();
    for endpoint in ["download/batch", "download/by_id"] {
        world
            .emulator
            .fault(Fault::always(endpoint, Action::NoToken));
    }
    let ran = world.pass("pull", &[]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(world.local_tree().is_empty(), "{:?}", world.local_tree());
    world.emulator.clear_faults();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Budget.numbers/Index/a"), "1");
}

#[test]
fn hazard_11_half_a_content_is_not_taken_for_all() {
    let cut = |action: Action| {
        let world = World::new();
        world.drive.write("a", "old").unwrap();
        world.pass("pull", &[]).code(0);
        world.drive.write("a", "newer").unwrap();
        world
            .drive
            .mkpackage("P.pages", &[("Index/a", &[b'p'; 5_000])])
            .unwrap();
        world.emulator.fault(Fault::always("content GET", action));
        let ran = world.pass("pull", &[]);
        assert!([3, 5].contains(&ran.code), "{ran:?}");
        assert_eq!(world.read("a"), "old");
        assert!(!world.local().join("P.pages").exists());
        assert!(world.leftovers().is_empty(), "{:?}", world.leftovers());
    };
    // Each waits a while between its tries.
    std::thread::scope(|scope| {
        scope.spawn(|| cut(Action::ShortContent));
        scope.spawn(|| cut(Action::ShortContentUnsized));
    });
}

#[test]
fn hazard_12_a_package_is_not_replaced_by_a_file() {
    let world = world_with(&[]);
    world
        .drive
        .mkpackage("Budget.numbers", &[("Index/a", b"1")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    let before = world.drive.entry("Budget.numbers").unwrap();
    fs::remove_dir_all(world.local().join("Budget.numbers")).unwrap();
    world.write("Budget.numbers", "PK, a zip by somebody else");
    world.pass("push", &[]);
    world.pass("push", &["--conflict", "prefer-local"]);
    let now = world.drive.entry("Budget.numbers").unwrap();
    assert_eq!((now.etag, now.docwsid), (before.etag, before.docwsid));
    assert_eq!(now.kind, before.kind);
    assert_ne!(now.kind, EntryKind::File);
}

#[test]
fn hazard_13_what_goes_into_an_app_s_library_goes_into_its_zone() {
    let world = world_with(&[]);
    world
        .drive
        .add_library("Keynote", "com.apple.Keynote", "documents")
        .unwrap();
    world.pass("pull", &[]).code(0);
    world.write("Keynote/talks/a.key", "slides");
    world.pass("push", &[]).code(0);
    assert_eq!(
        world.drive.read("Keynote/talks/a.key").unwrap(),
        &b"slides"[..]
    );
    world.write("Keynote/talks/a.key", "more slides");
    world.pass("push", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("push");
}

#[test]
fn hazard_14_names_that_are_one_here_are_left_alone() {
    let world = world_with(&["a"]);
    world.drive.write(["Cafe\u{301}"], "decomposed").unwrap();
    world.drive.write_twin(["Caf\u{e9}"], "composed").unwrap();
    world.pass("pull", &["--delete"]).code(3).says("clash");
    assert!(
        !world
            .local_tree()
            .keys()
            .any(|name| name.starts_with("Caf"))
    );
    world.write("Readme", "1");
    world.write("README", "2");
    let before = world.remote_etags();
    world
        .pass("push", &["--delete-extra"])
        .code(3)
        .says("clash");
    assert_eq!(world.remote_etags(), before);
}

#[test]
fn hazard_16_a_change_that_no_folder_tells_of_is_seen() {
    let world = world_with(&["d/e/f/a"]);
    world
        .emulator
        .set_switches(|switches| switches.etag_spread = EtagSpread::None);
    world.drive.write("d/e/f/a", "changed far down").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("d/e/f/a"), "changed far down");
    world.drive.trash("d/e/f/a").unwrap();
    world.pass("pull", &["--delete"]).code(0);
    world.expect_equal();
}

#[test]
fn hazard_18_a_move_into_another_zone_is_a_copy_and_then_a_removal() {
    let world = world_with(&["a"]);
    world
        .drive
        .add_library("Keynote", "com.apple.Keynote", "documents")
        .unwrap();
    world.pass("pull", &[]).code(0);
    fs::rename(world.local().join("a"), world.local().join("Keynote/a")).unwrap();
    // While the copy fails, the source stays.
    world
        .emulator
        .fault(Fault::always("update/documents", Action::InnerStatus(7)));
    world.pass("push", &[]).code(3);
    assert!(world.remote_tree().contains_key("a"));
    world.emulator.clear_faults();
    world.pass("push", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("push");
    world.expect_quiet("bisync");
}

#[test]
fn hazard_19_what_others_share_is_left_alone() {
    let world = world_with(&["a"]);
    world.drive.add_share("Team", "bob@example.com").unwrap();
    world.drive.write("Team/plan", "theirs").unwrap();
    world.pass("pull", &["--shares", "skip"]).code(0);
    assert!(!world.local().join("Team").exists());
    world
        .pass("push", &["--delete-extra", "--shares", "skip"])
        .code(0);
    world.pass("bisync", &["--shares", "skip"]).code(0);
    // Nor is it deleted where it takes part.
    world.pass("push", &["--delete-extra"]).code(3);
    assert_eq!(world.drive.read("Team/plan").unwrap(), &b"theirs"[..]);
}

#[test]
fn hazard_20_a_time_in_the_future_hides_no_change() {
    let world = world_with(&[]);
    world.write_at("a", "one", 4_000_000_000);
    world.pass("push", &[]).code(0);
    // Edited later by the right clock, with the same length.
    world.write_at("a", "two", 1_700_000_000);
    world.pass("push", &[]).code(0);
    assert_eq!(world.drive.read("a").unwrap(), &b"two"[..]);
    // And within a time that stands still.
    world.write_at("a", "six", 1_700_000_000);
    set_time(&world.local().join("a"), 4_000_000_000);
    world.pass("push", &[]).code(0);
    world.write_at("a", "ten", 4_000_000_000);
    world.pass("push", &[]).code(0);
    assert_eq!(world.drive.read("a").unwrap(), &b"ten"[..]);
}
