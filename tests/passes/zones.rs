//! The libraries of apps: folders of the Drive with a zone of their own (protocol page 8.4).

use std::fs;

use icloud_sync::emulator::{Action, Fault};

use super::world::World;

/// Two libraries with a file each, a folder and a file beside them, and both sides alike.
fn world() -> World {
    let world = World::new();
    let drive = &world.drive;
    drive
        .add_library("Keynote", "com.apple.Keynote", "documents")
        .unwrap();
    drive
        .add_library("Notes App", "iCloud.com.example.notes", "documents#o2v")
        .unwrap();
    drive.write("Keynote/talk.txt", "talk").unwrap();
    drive.write("Notes App/deep/note.txt", "note").unwrap();
    drive.write("plain/a.txt", "a").unwrap();
    drive.write("b.txt", "b").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.emulator.clear_requests();
    world
}

fn rename(world: &World, from: &str, to: &str) {
    fs::rename(world.local().join(from), world.local().join(to)).unwrap();
}

#[test]
fn a_library_is_read_and_written_in_its_own_zone_both_ways() {
    let world = world();
    world.write("Keynote/talk.txt", "changed here");
    world.write("Keynote/new/more.txt", "from here");
    world
        .drive
        .write("Notes App/deep/note.txt", "changed there")
        .unwrap();
    world
        .drive
        .write("Notes App/other.txt", "from there")
        .unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    fs::remove_file(world.local().join("Keynote/new/more.txt")).unwrap();
    rename(&world, "Notes App/other.txt", "Notes App/deep/renamed.txt");
    world.drive.trash("Notes App/deep/note.txt").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
    // Within a zone it was a move.
    assert_eq!(world.count("moveItems"), 1);
}

#[test]
fn what_goes_from_zone_to_zone_is_copied_and_then_removed_at_its_source() {
    // From and to, each way: out of a library, into one, from one to the other; files and folders.
    for (from, to) in [
        ("Keynote/talk.txt", "plain/talk.txt"),
        ("Notes App/deep", "deep"),
        ("plain", "Keynote/plain"),
        ("b.txt", "Notes App/deep/b.txt"),
        ("Notes App/deep", "Keynote/deep"),
    ] {
        let world = world();
        rename(&world, from, to);
        // The copy fails: the source stays where it is.
        world
            .emulator
            .fault(Fault::always("update/documents", Action::InnerStatus(7)));
        world.pass("bisync", &[]).code(3);
        assert!(world.remote_tree().contains_key(from), "{from} to {to}");
        world.emulator.clear_faults();
        world.pass("bisync", &[]).code(0);
        assert!(!world.remote_tree().contains_key(from), "{from} to {to}");
        assert_eq!(world.count("moveItems"), 0, "{from} to {to}");
        world.expect_equal();
        world.expect_quiet("bisync");
        // The same on the other side: another device copies and removes.
    }
}

#[test]
fn a_library_itself_is_neither_moved_nor_removed_whatever_it_calls_itself() {
    for is_plain in [false, true] {
        let world = world();
        world
            .emulator
            .set_switches(|switches| switches.plain_libraries = is_plain);
        // A pass in between: what the library's own element says is what counts then.
        world.pass("bisync", &[]).code(0);
        rename(&world, "Keynote", "Talks");
        let ran = world.pass("bisync", &["-v"]).code(0);
        let words = "move locally Talks/ -> Keynote/: taken back here: the folder of an app keeps its name and place in iCloud";
        assert!(!ran.stderr.contains("moved remotely"), "{}", ran.stderr);
        ran.says("move 1 item locally").says(words);
        world.expect_equal();
        assert_eq!(world.count("renameItems"), 0);
        fs::remove_dir_all(world.local().join("Notes App")).unwrap();
        world.pass("bisync", &["--force"]);
        assert!(
            world.count("moveItemsToTrash") > 0,
            "what it held is removed"
        );
        assert!(world.remote_tree().contains_key("Notes App"));
        assert!(!world.remote_tree().contains_key("Notes App/deep"));
    }
}

#[test]
fn a_library_can_be_a_pair_of_its_own() {
    let world = world();
    for remote in ["/Keynote", "/Notes App"] {
        let local = remote.trim_start_matches('/');
        fs::create_dir(world.folder.path().join(local)).unwrap();
        world.run(["bisync", local, remote]).code(0);
        fs::write(world.folder.path().join(local).join("new.txt"), local).unwrap();
        world.run(["bisync", local, remote]).code(0);
        let there = world.drive.read(format!("{local}/new.txt")).unwrap();
        assert_eq!(there, local.as_bytes());
        world.run(["bisync", local, remote, "--json"]).code(0);
    }
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
}

#[test]
fn a_library_is_left_out_by_a_filter_like_any_folder() {
    let world = world();
    world
        .drive
        .write("Keynote/talk.txt", "changed there")
        .unwrap();
    world.write("Keynote/here.txt", "from here");
    world.pass("bisync", &["--exclude", "/Keynote/"]).code(0);
    assert_eq!(world.read("Keynote/talk.txt"), "talk");
    assert!(!world.remote_tree().contains_key("Keynote/here.txt"));
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
}

#[test]
fn a_library_and_a_folder_of_one_name_are_told_apart_by_nobody_and_left_alone() {
    let world = World::new();
    world.drive.write("Pages/own.txt", "own").unwrap();
    if world
        .drive
        .add_library("Pages", "com.apple.Pages", "documents")
        .is_err()
    {
        world
            .drive
            .add_library("pages", "com.apple.Pages", "documents")
            .unwrap();
    }
    let ran = world.pass("pull", &[]);
    assert!(matches!(ran.code, 0 | 3), "{}", ran.stderr);
    assert_eq!(world.drive.read("Pages/own.txt").unwrap(), "own");
}
