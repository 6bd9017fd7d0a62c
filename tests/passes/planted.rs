//! Links that somebody plants inside LOCAL: nothing is written, read or removed through them outside it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
};

use icloud_sync::emulator::{Action, Fault};

use super::world::{World, tree_of};

/// A folder beside LOCAL with something of somebody's in it, called as the program calls what is its own.
fn outside(world: &World) -> PathBuf {
    let outside = world.folder.path().join("outside");
    for path in ["20200101T000000Z/dear", "a", "deep/.icloud-sync.0.part"] {
        let path = outside.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "dear").unwrap();
    }
    outside
}

#[test]
fn a_trash_that_is_a_link_is_not_emptied() {
    for planted in [".icloud-sync/trash", ".icloud-sync"] {
        let world = World::new();
        world.drive.write("a", "1").unwrap();
        world.pass("pull", &[]).code(0);
        let outside = outside(&world);
        fs::rename(outside.join("20200101T000000Z"), outside.join("old")).unwrap();
        fs::create_dir(outside.join("trash")).unwrap();
        for folder in [&outside, &outside.join("trash")] {
            fs::create_dir(folder.join("20200101T000000Z")).unwrap();
            fs::write(folder.join("20200101T000000Z/dear"), "dear").unwrap();
        }
        let before = tree_of(&outside);
        let at = world.local().join(planted);
        if at.exists() {
            fs::remove_dir_all(&at).unwrap();
        }
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(&outside, &at).unwrap();
        // What would be replaced has no place in such a trash, and stays.
        world.drive.write("a", "2").unwrap();
        world.pass("pull", &[]).code(3);
        assert_eq!(world.read("a"), "1");
        assert_eq!(tree_of(&outside), before, "{planted}");
        // The real one is emptied.
        fs::remove_file(&at).unwrap();
        let old = world.local().join(".icloud-sync/trash/20200101T000000Z");
        fs::create_dir_all(&old).unwrap();
        symlink(&outside, old.join("link")).unwrap();
        world.pass("pull", &[]).code(0);
        assert_eq!(world.read("a"), "2");
        assert!(old.exists(), "by its name it is old, but it has just come");
        let ages = world.pair_folder().join("ages.json");
        fs::write(ages, r#"{"last":0,"seconds":{"20200101T000000Z":9999999}}"#).unwrap();
        world.pass("pull", &[]).code(0);
        assert!(!old.exists());
        assert_eq!(tree_of(&outside), before);
    }
}

#[test]
fn an_unfinished_file_is_not_removed_through_a_link() {
    let world = World::new();
    let outside = outside(&world);
    let before = tree_of(&outside);
    world.drive.write("d/a", "1").unwrap();
    world.pass("pull", &[]).code(0);
    let local = world.local();
    world.write("d/.icloud-sync.0.part", "unfinished");
    world.drive.write("b", "2").unwrap();
    let target = outside.join("deep");
    let plant = local.clone();
    world
        .emulator
        .after("retrieveItemDetailsInFolders", move |_| {
            if !plant.join("d").is_symlink() {
                fs::rename(plant.join("d"), plant.join("moved")).unwrap();
                symlink(&target, plant.join("d")).unwrap();
            }
        });
    world.pass("pull", &[]);
    assert!(local.join("d").is_symlink());
    assert_eq!(tree_of(&outside), before);
}

/// The names of unfinished files in LOCAL itself.
fn parts(local: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(local)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    names
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "part"))
        .collect()
}

#[test]
fn an_unfinished_file_that_is_another_thing_is_begun_anew() {
    let content: Vec<u8> = (0..3_u32 << 20)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let world = World::new();
    world.drive.write("other", "1").unwrap();
    world.pass("pull", &[]).code(0);
    world.drive.write("big", content.clone()).unwrap();
    world
        .emulator
        .fault(Fault::once("content GET", Action::HalfBody));
    world
        .emulator
        .fault(Fault::always("content GET", Action::DropBefore).after(1));
    world.pass("pull", &[]).code(5);
    world.emulator.clear_faults();
    let [part] = &parts(&world.local())[..] else {
        panic!("one unfinished file")
    };
    let left = fs::metadata(part).unwrap();
    assert_eq!(left.mode() & 0o777, 0o600);
    let half = left.len();
    assert!(half >= 1 << 20, "{half}");
    let dear = world.folder.path().join("dear");
    let plant: [&dyn Fn(); 4] = [
        &|| fs::hard_link(&dear, part).unwrap(),
        &|| symlink(&dear, part).unwrap(),
        &|| fs::create_dir(part).unwrap(),
        &|| {
            let fifo = rustix::fs::Mode::from_raw_mode(0o600);
            let kind = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, part, kind, fifo, 0).unwrap();
        },
    ];
    for plant in plant {
        fs::write(&dear, &content[..1 << 20]).unwrap();
        if part.exists() {
            fs::remove_file(part).unwrap();
        }
        plant();
        world.pass("pull", &[]).code(0);
        assert!(fs::read(world.local().join("big")).unwrap() == content);
        let mark = fs::metadata(&dear).unwrap();
        assert_eq!((mark.len(), mark.nlink()), (1 << 20, 1));
        assert!(parts(&world.local()).is_empty());
        fs::remove_file(world.local().join("big")).unwrap();
    }
}

#[test]
fn a_followed_link_that_leads_out_by_now_is_not_followed() {
    let world = World::new();
    let outside = outside(&world);
    let before = tree_of(&outside);
    world.write("inside/a", "1");
    symlink("inside", world.local().join("way")).unwrap();
    symlink("inside/a", world.local().join("file")).unwrap();
    let args = ["--links", "follow"];
    world.pass("bisync", &args).code(0);
    assert_eq!(world.remote_tree()["way/a"], Some(b"1".to_vec()));
    // A link that leads inside is followed both ways.
    world.drive.write("way/b", "2").unwrap();
    world.pass("bisync", &args).code(0);
    assert_eq!(world.read("inside/b"), "2");
    world.drive.write("way/c", "3").unwrap();
    world.drive.write("way/a", "new").unwrap();
    world.write("inside/b", "edited here");
    let (local, target) = (world.local(), outside.clone());
    world
        .emulator
        .after("retrieveItemDetailsInFolders", move |_| {
            fs::remove_file(local.join("way")).unwrap_or_default();
            symlink(&target, local.join("way")).unwrap_or_default();
        });
    world.pass("bisync", &args);
    assert_eq!(tree_of(&outside), before);
    assert_eq!(fs::read(outside.join("a")).unwrap(), b"dear");
    let there = world.remote_tree();
    assert!(
        there.values().flatten().all(|content| content != b"dear"),
        "{there:?}"
    );
}

#[test]
fn a_file_that_became_a_link_is_not_sent() {
    for follow in [false, true] {
        let world = World::new();
        let outside = outside(&world);
        world.write("a", "none");
        world.write("b", "2");
        let (local, target) = (world.local(), outside.join("a"));
        world.emulator.before("upload/web", move |_| {
            if !local.join("a").is_symlink() {
                let time = fs::metadata(local.join("a")).unwrap().modified().unwrap();
                fs::remove_file(local.join("a")).unwrap();
                symlink(&target, local.join("a")).unwrap();
                let file = fs::File::options().write(true).open(&target).unwrap();
                file.set_modified(time).unwrap();
            }
        });
        let args: &[&str] = if follow { &["--links", "follow"] } else { &[] };
        world.pass("push", args).code(3);
        let there = world.remote_tree();
        assert!(!there.contains_key("a"), "{there:?}");
        assert!(there.contains_key("b"));
    }
}
