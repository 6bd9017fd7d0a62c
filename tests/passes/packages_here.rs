//! Packages that are here already: moved, copied, changed, kept by a conflict, and known or not known by a baseline.

use std::{fs, path::Path};

use super::{
    packages::{world, zip_of},
    world::{World, set_time},
};

#[test]
fn a_new_folder_that_looks_like_a_package_is_left_alone() {
    let world = world();
    let copy = |to: &str| {
        world.write(&format!("{to}/Index"), "old");
        world.write(&format!("{to}/Data/a"), "1");
    };
    copy("Copy.pages");
    copy("d/New.RTFD");
    copy("d/ordinary");
    let before = world.local_tree();
    let ran = world.pass("bisync", &[]).code(3);
    ran.says("Copy.pages: a folder with this name is a document of an app")
        .says("d/New.RTFD: a folder")
        .says("send it as a .zip");
    assert_eq!(world.local_tree(), before);
    let there = world.remote_tree();
    let names: Vec<&str> = there.keys().map(String::as_str).collect();
    let sent = [
        "Doc.pages",
        "d",
        "d/ordinary",
        "d/ordinary/Data",
        "d/ordinary/Data/a",
        "d/ordinary/Index",
    ];
    assert_eq!(names, sent);
    world.pass("push", &["--delete-extra"]).code(3);
    assert_eq!(world.remote_tree(), there);
    // Pull sends nothing, and has nothing to say of it.
    world.pass("pull", &[]).code(0);
    assert_eq!(world.local_tree(), before);
    // The way out that is named.
    fs::remove_dir_all(world.local().join("d/New.RTFD")).unwrap();
    fs::remove_dir_all(world.local().join("Copy.pages")).unwrap();
    world.write("Copy.pages.zip", zip_of("Copy.pages", &[("Index", "old")]));
    world.pass("bisync", &[]).code(0);
    assert!(world.remote_tree().contains_key("Copy.pages.zip"));
}

#[test]
fn a_folder_of_a_packages_name_that_is_one_there_stays_one() {
    let world = World::new();
    world.drive.write("Notes.rtfd/a", "1").unwrap();
    world.pass("bisync", &[]).code(0);
    world.write("Notes.rtfd/b", "2");
    world.write("Notes.rtfd/a", "changed");
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.remote_tree()["Notes.rtfd/b"], Some(b"2".to_vec()));
    world.expect_quiet("bisync");
}

#[test]
fn a_package_that_was_changed_here_is_given_up_by_moving_it_away() {
    for verb in ["bisync", "push"] {
        let world = world();
        world.drive.write("other", "1").unwrap();
        world.pass("pull", &[]).code(0);
        world.write("Doc.pages/Index", "changed here");
        let before = world.remote_etags();
        let ran = world.pass(verb, &[]).code(3);
        ran.says("make the change on a device or at icloud.com")
            .says("move it out of LOCAL and pull this pair before any bisync");
        assert_eq!(world.remote_etags(), before);
        assert_eq!(world.read("Doc.pages/Index"), "changed here");
        let away = world.folder.path().join("mine.pages");
        fs::rename(world.local().join("Doc.pages"), away).unwrap();
        world.pass("pull", &[]).code(0);
        assert_eq!(world.read("Doc.pages/Index"), "old");
        assert_eq!(world.remote_etags(), before);
        world.expect_quiet(verb);
    }
}

/// Copies what is in a folder, as `cp -r` does.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Takes away what earlier passes kept.
fn forget(world: &World) {
    fs::remove_dir_all(world.state().join("pairs")).unwrap();
}

fn id_of(world: &World, path: &str) -> String {
    world.drive.entry(path).unwrap().docwsid
}

/// The names of what is in iCloud, packages with all that is in them.
fn names_there(world: &World) -> Vec<String> {
    world.remote_tree().into_keys().collect()
}

#[test]
fn a_package_that_was_moved_here_is_moved_there() {
    for by_copy in [false, true] {
        let world = world();
        let id = id_of(&world, "Doc.pages");
        let (old, new) = (
            world.local().join("Doc.pages"),
            world.local().join("d/New.pages"),
        );
        fs::create_dir(world.local().join("d")).unwrap();
        if by_copy {
            copy_all(&old, &new);
            fs::remove_dir_all(&old).unwrap();
        } else {
            fs::rename(&old, &new).unwrap();
        }
        world.pass("bisync", &[]).code(0);
        assert_eq!(names_there(&world), ["d", "d/New.pages"]);
        assert_eq!(id_of(&world, "d/New.pages"), id);
        assert_eq!(world.count("deleteItems"), 0);
        // Both ways it is the one package.
        world.expect_quiet("bisync");
        let files: [(&str, &[u8]); 1] = [("Index", b"newer")];
        world.drive.mkpackage("d/New.pages", &files).unwrap();
        world.pass("bisync", &[]).code(0);
        assert_eq!(world.read("d/New.pages/Index"), "newer");
    }
}

#[test]
fn a_package_whose_changed_copy_can_not_be_sent_stays_in_icloud() {
    let world = world();
    world.drive.write("d/text", "some words").unwrap();
    world.pass("bisync", &[]).code(0);
    let local = world.local();
    copy_all(&local.join("Doc.pages"), &local.join("New.pages"));
    fs::remove_dir_all(local.join("Doc.pages")).unwrap();
    world.write("New.pages/Index", "changed");
    fs::rename(local.join("d"), local.join("New.pages/d")).unwrap();
    let before = world.remote_etags();
    for args in [
        &["bisync"][..],
        &["push", "--delete"],
        &["push", "--delete-extra"],
    ] {
        let ran = world.pass(args[0], &args[1..]).code(3);
        ran.says("Doc.pages: gone from here, but it may be what is now \"New.pages\"")
            .says("d: gone from here, but it may be what is now \"New.pages\"")
            .says("New.pages: a folder with this name is a document of an app")
            .says("move \"New.pages\" out of LOCAL");
        assert_eq!(world.remote_etags(), before);
    }
    // The ways out that are named.
    fs::rename(
        local.join("New.pages"),
        world.folder.path().join("New.pages"),
    )
    .unwrap();
    world.pass("bisync", &["--force"]).code(0);
    assert!(world.remote_tree().is_empty());
}

#[test]
fn packages_that_are_equal_are_one_without_a_baseline() {
    let world = world();
    // Of an app whose documents are not known by their names.
    world.drive.mkpackage("Art.pxm", &[("a", b"1")]).unwrap();
    world.pass("pull", &[]).code(0);
    forget(&world);
    let etags = world.remote_etags();
    let before = world.local_tree();
    world.pass("bisync", &["--dry-run"]).code(0);
    assert_eq!(world.local_tree(), before);
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.local_tree(), before);
    assert_eq!(world.remote_etags(), etags);
    world.expect_quiet("bisync");
    // Its row knows it as what it is.
    world.write("Art.pxm/a", "22");
    let ran = world.pass("bisync", &[]).code(3);
    ran.says("Art.pxm: a package can be received but not sent");
    assert_eq!(world.remote_etags(), etags);
}

#[test]
fn a_package_that_an_undo_brought_back_is_one_again() {
    let world = World::new();
    let files: [(&str, &[u8]); 1] = [("Index", b"1")];
    world.drive.mkpackage("Doc.pages", &files).unwrap();
    world.pass("bisync", &[]).code(0);
    let etags = world.remote_etags();
    for _ in 0..2 {
        world.run(["undo", "--local", "local"]).code(0);
    }
    assert_eq!(world.read("Doc.pages/Index"), "1");
    let before = world.local_tree();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.local_tree(), before);
    assert_eq!(world.remote_etags(), etags);
    world.expect_quiet("bisync");
}

#[test]
fn packages_that_differ_without_a_baseline_have_a_way_out() {
    let world = world();
    world.write_at("Doc.pages/Index", "mine", 2_000_000_000);
    forget(&world);
    let ran = world.pass("bisync", &[]).code(3);
    ran.says("iCloud has another document of this name")
        .says("a pull of this pair with `--conflict prefer-remote`");
    let fetched = world.count("content GET");
    world.pass("bisync", &[]).code(3);
    assert_eq!(
        world.count("content GET"),
        fetched,
        "what was compared is remembered"
    );
    assert_eq!(world.read("Doc.pages/Index"), "mine");
    world.pass("pull", &["--conflict", "prefer-remote"]).code(0);
    assert_eq!(world.read("Doc.pages/Index"), "old");
    assert_eq!(world.trash()["Doc.pages/Index"], Some(b"mine".to_vec()));
    world.expect_quiet("bisync");
}

#[test]
fn a_package_that_a_conflict_kept_is_told_of_once() {
    let world = world();
    world.write("Doc.pages/Index", "mine");
    let files: [(&str, &[u8]); 1] = [("Index", b"theirs")];
    world.drive.mkpackage("Doc.pages", &files).unwrap();
    let ran = world.pass("bisync", &["--conflict", "keep-both"]).code(0);
    ran.says("Doc.conflict-");
    assert_eq!(world.read("Doc.pages/Index"), "theirs");
    let kept = fs::read_dir(world.local()).unwrap();
    let kept = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kept: Vec<String> = kept.filter(|name| name.contains(".conflict-")).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(world.read(&format!("{}/Index", kept[0])), "mine");
    assert_eq!(names_there(&world), ["Doc.pages"]);
    for verb in ["bisync", "push", "pull"] {
        world.expect_quiet(verb);
    }
    world
        .pass("bisync", &["-v"])
        .code(0)
        .says("it stays here: it can't be sent");
    // It holds nothing back.
    fs::remove_dir_all(world.local().join("Doc.pages")).unwrap();
    world.pass("bisync", &["--force"]).code(0);
    assert!(world.remote_tree().is_empty());
}

#[test]
fn what_stands_at_the_place_of_a_changed_package_stays() {
    let world = world();
    world.write("Doc.pages/Index", "changed here");
    world.drive.trash("Doc.pages").unwrap();
    world.drive.write("Doc.pages/loose", "1").unwrap();
    let there = world.remote_tree();
    for delete in ["--delete", "--delete-extra"] {
        let ran = world.pass("push", &[delete]).code(3);
        if delete == "--delete-extra" {
            ran.says("it stands in iCloud where \"Doc.pages\" is here");
        }
        assert_eq!(world.remote_tree(), there);
        assert_eq!(world.read("Doc.pages/Index"), "changed here");
    }
}

#[test]
fn a_touched_package_has_not_changed() {
    let world = world();
    set_time(&world.local().join("Doc.pages/Index"), 2_000_000_000);
    world.pass("bisync", &[]).code(0);
    world.expect_quiet("bisync");
}

#[test]
fn a_link_that_is_called_like_a_package_is_skipped_and_counted() {
    let world = World::new();
    world.write("inside/a", "1");
    std::os::unix::fs::symlink("inside", world.local().join("way.key")).unwrap();
    let args = ["--links", "follow"];
    let ran = world.pass("bisync", &args).code(0);
    ran.says("1 item left out by rule");
    assert_eq!(names_there(&world), ["inside", "inside/a"]);
}

#[test]
fn a_filter_inside_a_new_package_does_not_make_it_a_folder() {
    let world = world();
    world.write("New.pages/Index", "1");
    world.write("other", "1");
    let ran = world
        .pass("bisync", &["--exclude", "/New.pages/Index"])
        .code(3);
    ran.says("New.pages: a folder with this name is a document of an app");
    assert_eq!(names_there(&world), ["Doc.pages", "other"]);
}
