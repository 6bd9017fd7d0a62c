//! Files of every sort: empty, sparse, with two names, of odd times and modes, and such as change while they are sent.

use std::{
    fs,
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
};

use super::world::{Ran, World};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// Runs the program with this file mode mask.
fn with_umask(world: &World, umask: &str, args: &[&str]) -> Ran {
    let plain = world.command();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
    command.arg(plain.get_program()).args(args);
    command.current_dir(world.folder.path()).env_clear();
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn an_empty_file_goes_both_ways_and_grows_and_shrinks() {
    let world = World::new();
    world.write("here", "");
    world.drive.write("there", "").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.local_tree().len(), 2);
    world.expect_quiet("bisync");
    world.write("here", "more");
    world.drive.write("there", "more").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.read("there"), "more");
    world.write("there", "");
    world.drive.write("here", "").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.read("here"), "");
    assert_eq!(world.trash()["here"], Some(b"more".to_vec()));
    world.expect_quiet("bisync");
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_is_not_committed() {
    let world = World::new();
    world.write("log", vec![b'x'; 1 << 20]);
    world.write("other", "x");
    let log = world.local().join("log");
    world.emulator.before("upload/web", move |_| {
        fs::write(&log, "short").unwrap();
    });
    world.pass("push", &[]).code(3).says("log");
    let there = world.remote_tree();
    assert!(!there.contains_key("log") && there.contains_key("other"));
    world.emulator.clear_hooks();
    world.pass("push", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn times_before_1970_and_after_2100_go_both_ways() {
    let world = World::new();
    let times = [-1_000_000_000_i64, -1, 0, 4_294_967_296, 4_500_000_000];
    for seconds in times {
        let (here, there) = (format!("here{seconds}"), format!("there{seconds}"));
        world.write(&here, "1");
        let time = rustix::fs::Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        let both = rustix::fs::Timestamps {
            last_access: time,
            last_modification: time,
        };
        let file = fs::File::open(world.local().join(&here)).unwrap();
        rustix::fs::futimens(&file, &both).unwrap();
        world.drive.write_with_mtime(&there, "2", seconds).unwrap();
    }
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    let there = world.drive.tree().unwrap();
    for seconds in times {
        assert_eq!(there[&format!("here{seconds}")].mtime, seconds);
        let here = fs::metadata(world.local().join(format!("there{seconds}"))).unwrap();
        assert_eq!((here.mtime(), here.mtime_nsec()), (seconds, 0));
    }
    world.expect_quiet("bisync");
    world.expect_quiet("pull");
    world.expect_quiet("push");
}

#[test]
fn a_new_file_has_the_mode_of_any_other() {
    let world = World::new();
    world.drive.write("d/new", "1").unwrap();
    world.drive.mkpackage("p.pages", &[("x/y", b"1")]).unwrap();
    with_umask(&world, "027", &["pull", "local"]).code(0);
    let local = world.local();
    assert_eq!(mode(&local.join("d")), 0o750);
    assert_eq!(mode(&local.join("d/new")), 0o640);
    assert_eq!(mode(&local.join("p.pages")), 0o750);
    assert_eq!(mode(&local.join("p.pages/x")), 0o750);
    assert_eq!(mode(&local.join("p.pages/x/y")), 0o640);
    world.drive.write("open", "1").unwrap();
    with_umask(&world, "000", &["pull", "local"]).code(0);
    assert_eq!(mode(&local.join("open")), 0o666);
}

#[test]
fn a_replaced_file_keeps_its_mode_and_is_private_until_then() {
    let world = World::new();
    for name in ["run", "secret", "plain"] {
        world.drive.write(name, "old").unwrap();
    }
    world.pass("pull", &[]).code(0);
    let local = world.local();
    let chmod = |name: &str, mode| {
        fs::set_permissions(local.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("run", 0o755);
    chmod("secret", 0o600);
    world.expect_quiet("bisync");
    for name in ["run", "secret", "plain"] {
        world.drive.write(name, "new content").unwrap();
    }
    let (seen, below) = (
        std::sync::Arc::new(std::sync::Mutex::new(Vec::new())),
        local.clone(),
    );
    let note = std::sync::Arc::clone(&seen);
    world.emulator.before("content GET", move |_| {
        for entry in fs::read_dir(&below).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_string_lossy().ends_with(".part")
                && let Ok(metadata) = entry.metadata()
            {
                note.lock().unwrap().push(metadata.mode() & 0o777);
            }
        }
    });
    with_umask(&world, "022", &["pull", "local"]).code(0);
    assert_eq!(world.read("secret"), "new content");
    assert_eq!(mode(&local.join("run")), 0o755);
    assert_eq!(mode(&local.join("secret")), 0o600);
    assert_eq!(mode(&local.join("plain")), 0o644);
    let seen = seen.lock().unwrap();
    assert!(!seen.is_empty());
    // One that is put in place by now has its own mode; none of them is open to others before.
    assert!(seen.iter().all(|mode| [0o600, 0o755, 0o644].contains(mode)));
    assert!(seen.contains(&0o600), "{seen:?}");
    world.expect_quiet("bisync");
}

#[test]
fn an_edit_of_one_of_two_names_leaves_the_other_alone() {
    let world = World::new();
    world.write("one", "old");
    fs::hard_link(world.local().join("one"), world.local().join("two")).unwrap();
    world.pass("bisync", &[]).code(0);
    // Two names are two files there.
    world.expect_equal();
    assert_eq!(world.remote_tree().len(), 2);
    world.expect_quiet("bisync");
    world.drive.write("one", "new there").unwrap();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.read("one"), "new there");
    assert_eq!(
        world.read("two"),
        "old",
        "a replaced file gives up its second name"
    );
    world.expect_equal();
    world.expect_quiet("bisync");
    // An edit in place changes both names.
    fs::remove_file(world.local().join("two")).unwrap();
    fs::hard_link(world.local().join("one"), world.local().join("two")).unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.write("one", "edited here, in place");
    assert_eq!(world.read("two"), "edited here, in place");
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn a_sparse_file_arrives_whole() {
    let world = World::new();
    let file = fs::File::create(world.local().join("sparse")).unwrap();
    file.set_len(3 << 20).unwrap();
    file.write_all_at(b"middle", 2 << 20).unwrap();
    world.pass("push", &[]).code(0);
    world.expect_equal();
    assert_eq!(
        world.remote_tree()["sparse"].as_ref().unwrap().len(),
        3 << 20
    );
    fs::remove_file(world.local().join("sparse")).unwrap();
    world.write("other", "1");
    world.pass("pull", &[]).code(0);
    let back = fs::read(world.local().join("sparse")).unwrap();
    assert_eq!(back.len(), 3 << 20);
    assert_eq!(&back[2 << 20..(2 << 20) + 6], b"middle");
}

/// A sparse file of more than 5 GiB.
fn large(path: &Path) {
    let file = fs::File::create(path).unwrap();
    file.set_len((5 << 30) + 12_345).unwrap();
    for at in [0, (4 << 30) - 3, (5 << 30) + 12_000] {
        file.write_all_at(b"a mark", at).unwrap();
    }
}

/// Expects that nothing is to be done, without reading a content into memory.
#[track_caller]
fn expect_quiet(world: &World) {
    let again = world.pass("bisync", &["--json"]).code(0);
    let has_action = again.stdout.contains("\"type\":\"action\"");
    assert!(!has_action, "{}", again.stdout);
    world.pass("check", &[]).code(0);
}

#[test]
#[ignore = "minutes, and 5 GiB of disk: cargo test --test passes -- --ignored five_gib --test-threads=1"]
fn a_file_of_more_than_five_gib_comes() {
    let world = World::new();
    let there = world.folder.path().join("there");
    large(&there);
    world.drive.write_file("large", &there).unwrap();
    world.pass("pull", &[]).code(0);
    let file = fs::File::open(world.local().join("large")).unwrap();
    assert_eq!(file.metadata().unwrap().len(), (5 << 30) + 12_345);
    let mut mark = [0; 6];
    file.read_exact_at(&mut mark, (4 << 30) - 3).unwrap();
    assert_eq!(&mark, b"a mark");
    expect_quiet(&world);
}

/// The emulator takes what is sent in memory: this one needs some 11 GiB of it.
#[test]
#[ignore = "minutes, and 11 GiB of memory: cargo test --test passes -- --ignored five_gib --test-threads=1"]
fn a_file_of_more_than_five_gib_is_sent() {
    let world = World::new();
    large(&world.local().join("large"));
    world.pass("push", &[]).code(0);
    expect_quiet(&world);
}

/// An ACL as the system keeps it, from tags and bits; those of one named user are his whose number is 4711.
fn acl(entries: &[(u16, u16)]) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, bits) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        let id = if *tag == 2 { 4_711 } else { u32::MAX };
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

fn set_acl(path: &Path, kind: &str, entries: &[(u16, u16)]) -> rustix::io::Result<()> {
    let name = format!("system.posix_acl_{kind}");
    rustix::fs::setxattr(path, name, &acl(entries), rustix::fs::XattrFlags::empty())
}

#[test]
fn what_a_folders_default_acl_gives_is_not_cut() {
    let world = World::new();
    let entries = [(1, 7), (2, 7), (4, 5), (0x10, 7), (0x20, 0)];
    if set_acl(&world.local(), "default", &entries).is_err() {
        return; // This file system knows no ACLs.
    }
    world.drive.write("d/new", "1").unwrap();
    let files: [(&str, &[u8]); 1] = [("Data/a", b"1")];
    world.drive.mkpackage("Doc.pages", &files).unwrap();
    world.pass("pull", &[]).code(0);
    world.write("plain/file", "1");
    let mode = |path: &str| fs::metadata(world.local().join(path)).unwrap().mode() & 0o777;
    assert_eq!(mode("plain/file"), 0o660);
    assert_eq!(mode("d/new"), 0o660);
    assert_eq!(mode("Doc.pages"), 0o770);
    assert_eq!(mode("Doc.pages/Data/a"), 0o660);
    // What replaces a file has its mode, the execute bits too.
    let new = world.local().join("d/new");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o750)).unwrap();
    world.drive.write("d/new", "2").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!((world.read("d/new").as_str(), mode("d/new")), ("2", 0o750));
}

#[test]
fn a_group_gets_no_more_than_it_had_under_an_acl() {
    let world = World::new();
    world.drive.write("a", "1").unwrap();
    world.pass("pull", &[]).code(0);
    let file = world.local().join("a");
    let entries = [(1, 6), (2, 6), (4, 4), (0x10, 6), (0x20, 0)];
    if set_acl(&file, "access", &entries).is_err() {
        return; // This file system knows no ACLs.
    }
    let mode = || fs::metadata(&file).unwrap().mode() & 0o777;
    assert_eq!(mode(), 0o660, "the mask");
    world.drive.write("a", "2").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!((world.read("a").as_str(), mode()), ("2", 0o640));
}
