//! What is remembered between passes: the baseline, its journal, and whose they are.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, process::Stdio, thread};

use icloud_sync::emulator::{Action, Fault};

use super::world::World;

/// The folder of the world's only pair.
/// Replaces the first line's field by another number.
fn edit_header(path: &std::path::Path, field: &str, to: u64) {
    let text = fs::read_to_string(path).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let mut header: serde_json::Value = serde_json::from_str(first).unwrap();
    header[field] = to.into();
    fs::write(path, format!("{header}\n{rest}")).unwrap();
}

#[test]
fn a_disk_that_is_mounted_under_another_number_is_the_same_and_another_folder_is_not() {
    let world = World::new();
    world.write_at("a", "1", 1_700_000_000);
    world.pass("push", &[]).code(0);
    let baseline = world.pair_folder().join("baseline.jsonl");
    edit_header(&baseline, "device", 4_711);
    world.expect_quiet("push");
    // The same inode number, given to a new folder.
    edit_header(&baseline, "birth_ns", 1_600_000_000_000_000_000);
    world.pass("push", &[]).code(6).says("guard 3");
}

#[test]
fn a_state_file_in_local_is_not_synced() {
    let world = World::new();
    world.write_at("a", "1", 1_700_000_000);
    fs::create_dir(world.local().join("sub")).unwrap();
    let state = world.local().join("sub/state.jsonl");
    let status = world
        .command()
        .args(["push", "local"])
        .env("STATE_FILE", &state)
        .status()
        .unwrap();
    assert!(status.success());
    let ran = world
        .command()
        .args(["push", "local", "--json"])
        .env("STATE_FILE", &state)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let stdout = String::from_utf8(ran.stdout).unwrap();
    assert!(!stdout.contains("\"type\":\"action\""), "{stdout}");
    assert!(state.exists());
    assert_eq!(world.remote_tree().keys().collect::<Vec<_>>(), ["a", "sub"]);
}

#[test]
fn local_may_have_a_name_that_is_no_text() {
    let world = World::new();
    world.drive.write("a", "1").unwrap();
    let local = world.folder.path().join(OsStr::from_bytes(b"l\xffcal"));
    for _ in 0..2 {
        let status = world
            .command()
            .arg("pull")
            .arg(&local)
            .stderr(Stdio::inherit())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0));
    }
    assert_eq!(fs::read(local.join("a")).unwrap(), b"1");
}

#[test]
fn an_item_that_a_stopped_move_left_half_way_is_remembered_until_it_arrives() {
    let world = World::new();
    for name in ["a", "b", "c", "d", "e"] {
        world.write_at(name, format!("content of {name}"), 1_700_000_000);
    }
    world.pass("push", &[]).code(0);
    let local = world.local();
    fs::rename(local.join("a"), local.join("x")).unwrap();
    fs::rename(local.join("b"), local.join("a")).unwrap();
    fs::rename(local.join("x"), local.join("b")).unwrap();
    // One of the two is renamed out of the way, and then the service refuses.
    world.emulator.fault(Fault {
        skip: 1,
        ..Fault::always("renameItems", Action::ItemStatus("NO".to_owned()))
    });
    world.pass("push", &[]).code(3);
    assert!(
        world
            .remote_tree()
            .keys()
            .any(|name| name.contains("moving"))
    );
    // Nor can the next pass do anything, nor one that writes only here.
    world.emulator.clear_faults();
    world
        .emulator
        .fault(Fault::always("renameItems", Action::Html502));
    world
        .emulator
        .fault(Fault::always("retrieveItemDetails", Action::Html502));
    let ran = world.pass("push", &[]);
    assert_ne!(ran.code, 0, "{ran:?}");
    world.emulator.clear_faults();
    world.pass("pull", &[]).code(0);
    // Its place on the service is nobody's wish.
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.read("a"), "content of b");
    assert_eq!(world.read("b"), "content of a");
    assert_eq!(world.local_tree().len(), 5);
    world.expect_quiet("bisync");
    assert!(!world.pair_folder().join("baseline.jsonl.journal").exists());
}

#[test]
fn what_an_earlier_pass_has_fetched_is_trusted_only_with_a_signature() {
    use icloud_sync::emulator::SignatureMode;

    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7 % 251) as u8).collect();
    for mode in [
        SignatureMode::Plain,
        SignatureMode::Opaque,
        SignatureMode::Container,
    ] {
        let world = World::new();
        world
            .emulator
            .set_switches(|switches| switches.signatures = mode);
        world.drive.write("large", content.clone()).unwrap();
        // Half of it comes, and what is asked for then does not come in time.
        let get = "content GET";
        world.emulator.fault(Fault::once(get, Action::HalfBody));
        world.emulator.fault(Fault {
            skip: 1,
            ..Fault::once(get, Action::Delay(1_000))
        });
        let mut child = world
            .command()
            .args(["pull", "local"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while world.count(get) == 0 {
            assert!(child.try_wait().unwrap().is_none(), "{mode:?}: it ended");
            thread::yield_now();
        }
        // The answer is logged before the client has all of it.
        let has_half = || {
            let parts = world.leftovers();
            let lengths = parts.iter().filter_map(|part| fs::metadata(part).ok());
            lengths.map(|part| part.len()).sum::<u64>() > 1 << 20
        };
        while !has_half() {
            thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        world.emulator.clear_faults();
        // The power goes: the file has its length, and holes.
        let parts = world.leftovers();
        for part in &parts {
            let length = fs::metadata(part).unwrap().len();
            fs::write(part, vec![0; usize::try_from(length).unwrap()]).unwrap();
        }
        assert!(!parts.is_empty(), "{mode:?}");
        world.pass("pull", &[]).code(0);
        assert!(
            fs::read(world.local().join("large")).unwrap() == content,
            "{mode:?}"
        );
        assert!(world.leftovers().is_empty());
    }
}

#[test]
fn the_trash_of_a_pair_below_another_stays_on_this_machine() {
    let world = World::new();
    let drive = &world.drive;
    drive.write_with_mtime("d/a", "old", 1_700_000_000).unwrap();
    drive.write("b", "1").unwrap();
    world.pass("pull", &[]).code(0);
    drive
        .write_with_mtime("d/a", "newer", 1_700_000_100)
        .unwrap();
    world.run(["pull", "local/d", "/d", "--force"]).code(0);
    assert!(world.local().join("d/.icloud-sync/trash").exists());
    world.pass("push", &[]).code(0);
    assert_eq!(
        world.remote_tree().keys().collect::<Vec<_>>(),
        ["b", "d", "d/a"]
    );
}
