//! Guards 1 to 6: each stops a pass with its code and a message before anything is done, and `--force` lifts only 1, 2
//! and 4.

use std::{collections::BTreeMap, fs, sync::Mutex, sync::mpsc};

use icloud_sync::emulator::{Account, Action, Fault};

use super::world::{Ran, Tree, World, set_time};

/// Twenty files in two folders, in step.
fn twenty() -> World {
    let world = World::new();
    for number in 0..20 {
        world.write_at(&name(number), format!("content {number}"), 1_700_000_000);
    }
    world.pass("bisync", &[]).code(0);
    world.emulator.clear_requests();
    world
}

fn name(number: u32) -> String {
    format!("d{}/{number}", number % 2)
}

/// Both sides, both trashes, and what the program remembers of their state.
type Everything = (Tree, Tree, BTreeMap<String, String>, usize, Vec<u8>);

fn everything(world: &World) -> Everything {
    (
        world.local_tree(),
        world.trash(),
        world.remote_etags(),
        world.drive.trashed().unwrap().len(),
        fs::read(world.pair_folder().join("baseline.jsonl")).unwrap(),
    )
}

/// Expects that a pass is stopped with these words, and that nothing is as little as touched.
#[track_caller]
fn stopped(world: &World, args: &[&str], words: &[&str]) -> Ran {
    let before = everything(world);
    let ran = world.pass("bisync", args).code(6);
    for words in words {
        assert!(ran.stderr.contains(words), "no {words:?} in {}", ran.stderr);
    }
    assert!(everything(world) == before, "something was touched");
    assert!(!world.pair_folder().join("baseline.jsonl.journal").exists());
    let writes = [
        "moveItemsToTrash",
        "update/documents",
        "createFolders",
        "upload/web",
    ];
    assert!(writes.iter().all(|write| world.count(write) == 0));
    ran
}

/// Must be so of a mass deletion: stopped, let through when forced, and undone.
#[test]
fn guard_1_stops_60_percent_deleted_and_force_and_undo_go_there_and_back() {
    let world = twenty();
    let (before, etags) = (world.remote_tree(), world.remote_etags());
    for number in 0..12 {
        fs::remove_file(world.local().join(name(number))).unwrap();
    }
    let words = [
        "guard 1: 12 of 20 files would be removed on the remote side, more than half; nothing was done",
        "hint: see what would go with --dry-run; if it is meant, --force allows it for one pass",
    ];
    stopped(&world, &[], &words);
    // The dry run that the hint speaks of shows them, and ends with the same code.
    let dry = world.pass("bisync", &["--dry-run", "--json"]).code(6);
    assert_eq!(dry.stdout.matches(r#""action":"trash-remote""#).count(), 12);

    world.pass("bisync", &["--force"]).code(0);
    world.expect_equal();
    let mut trashed: Vec<String> = (world.drive.trashed().unwrap().into_iter())
        .map(|item| item.name)
        .collect();
    trashed.sort();
    let mut gone: Vec<String> = (0..12).map(|number: u32| number.to_string()).collect();
    gone.sort();
    assert_eq!(trashed, gone, "exactly these, all in iCloud's trash");
    let left = world.remote_etags();
    assert!(
        left.iter()
            .all(|(path, etag)| path.len() == 2 || etags[path] == *etag)
    );

    world
        .run(["undo", "--local", "local"])
        .code(0)
        .says("12 steps taken back");
    assert_eq!(world.remote_tree(), before);
    world.pass("bisync", &[]).code(0);
    assert_eq!(
        (world.local_tree(), world.remote_tree()),
        (before.clone(), before)
    );
    world.expect_quiet("bisync");
    assert_eq!(world.count("deleteItems"), 0);
    assert_eq!(world.count("content POST"), 0);
}

#[test]
fn guard_1_counts_what_goes_on_this_side_too_and_max_delete_sets_another_bound() {
    let world = twenty();
    world.drive.trash("d0").unwrap();
    world.drive.trash("d1/1").unwrap();
    let words = [
        "guard 1: 11 of 20 files would be removed on the local side",
        "--force",
    ];
    stopped(&world, &[], &words);
    stopped(
        &world,
        &["--max-delete", "10"],
        &["more than --max-delete allows"],
    );
    stopped(
        &world,
        &["--max-delete", "54%"],
        &["more than --max-delete allows"],
    );
    world.pass("bisync", &["--max-delete", "11"]).code(0);
    world.expect_equal();
    assert_eq!(world.trash().values().flatten().count(), 11);
}

#[test]
fn renames_of_everything_are_no_deletions() {
    let world = twenty();
    world.drive.rename("d0", "e0").unwrap();
    fs::create_dir(world.local().join("new")).unwrap();
    for number in (1..20).step_by(2) {
        let to = format!("new/{}", number + 100);
        fs::rename(world.local().join(name(number)), world.local().join(to)).unwrap();
    }
    world.pass("bisync", &["--max-delete", "0"]).code(0);
    world.expect_equal();
    assert_eq!(world.count("content GET") + world.count("content POST"), 0);
    assert!(world.drive.trashed().unwrap().is_empty() && world.trash().is_empty());
    assert!(world.local_tree().contains_key("e0/2") && world.local_tree().contains_key("new/119"));
    world.expect_quiet("bisync");
}

#[test]
fn guard_2_takes_an_empty_side_for_an_accident() {
    let world = twenty();
    // An empty folder where the disk was: LOCAL itself is the same, as with a mount point below it.
    let aside = world.folder.path().join("aside");
    fs::create_dir(&aside).unwrap();
    for folder in ["d0", "d1"] {
        fs::rename(world.local().join(folder), aside.join(folder)).unwrap();
    }
    let words = [
        "guard 2: the local side is empty, and after the last pass it had 22 items; nothing was done",
        "is the disk mounted?",
        "--force",
    ];
    stopped(&world, &[], &words);
    stopped(&world, &["--max-delete", "100%"], &["guard 2"]);
    for folder in ["d0", "d1"] {
        fs::rename(aside.join(folder), world.local().join(folder)).unwrap();
    }
    world.expect_quiet("bisync");
    world.drive.trash("d0").unwrap();
    world.drive.trash("d1").unwrap();
    let words = [
        "guard 2: the remote side is empty",
        "is it the right account and folder?",
    ];
    stopped(&world, &[], &words);
    world.pass("bisync", &["--force"]).code(0);
    assert!(world.local_tree().is_empty());
    assert_eq!(
        world.trash().values().flatten().count(),
        20,
        "in the local trash"
    );
}

#[test]
fn guard_3_misses_local_and_force_does_not_help() {
    let world = twenty();
    let before = (world.remote_etags(), world.local_tree());
    let aside = world.folder.path().join("aside");
    fs::rename(world.local(), &aside).unwrap();
    for force in [&[][..], &["--force"]] {
        let ran = world.pass("bisync", force).code(6);
        ran.says(
            "guard 3: LOCAL \"local\" is missing, and it was there the last time; nothing was done",
        )
        .says("is its disk mounted?")
        .says("If it was moved or renamed, give its new path as LOCAL;");
        assert!(!world.local().exists(), "it is not made anew");
    }
    // Another disk, or none, is mounted there by now.
    fs::create_dir(world.local()).unwrap();
    for force in [&[][..], &["--force"]] {
        stopped(
            &world,
            force,
            &[
                "guard 3: LOCAL \"local\" is another folder or file system than the last time",
                "If the old folder was moved or renamed, give its new path as LOCAL;",
            ],
        );
    }
    fs::remove_dir(world.local()).unwrap();
    fs::rename(&aside, world.local()).unwrap();
    assert_eq!((world.remote_etags(), world.local_tree()), before);
    world.expect_quiet("bisync");
}

#[test]
fn guard_3_misses_remote_and_force_does_not_help() {
    let world = World::new();
    for number in 0..4 {
        world.write_at(&number.to_string(), "x", 1_700_000_000);
    }
    let local = world.local_tree();
    world.pass("bisync", &["/Docs"]).code(0);
    world.drive.rename("Docs", "Documents").unwrap();
    world.emulator.clear_requests();
    for force in [&["/Docs"][..], &["/Docs", "--force"]] {
        stopped(
            &world,
            force,
            &[
                "guard 3: REMOTE \"/Docs\" is missing, and it was there the last time; nothing was done",
                "hint: if it was moved or renamed, give its new path as REMOTE;",
                "Recently Deleted",
                "baseline.jsonl and, if it is there, ",
                "baseline.jsonl.journal;",
            ],
        );
    }
    world.drive.mkdir("Docs").unwrap();
    stopped(
        &world,
        &["/Docs", "--force"],
        &[
            "guard 3: REMOTE \"/Docs\" is another folder than the last time",
            "first one",
        ],
    );
    assert_eq!(world.local_tree(), local);
    assert!(world.drive.trashed().unwrap().is_empty());
}

#[test]
fn guard_4_takes_everything_changed_at_once_for_an_accident() {
    let world = twenty();
    for number in 0..20 {
        world.write_at(
            &name(number),
            format!("encrypted, pay here: {number}"),
            1_700_000_100,
        );
    }
    let words = [
        "guard 4: all 20 files have changed on the local side since the last pass; nothing was done",
        "was everything rewritten, encrypted or restored?",
        "--force",
    ];
    stopped(&world, &[], &words);
    // One that was forgotten, or not reached yet, does not let nineteen pass.
    world.write_at(&name(7), "content 7", 1_700_000_000);
    let words = "guard 4: 19 of 20 files have changed on the local side since the last pass, more than 90 %; nothing was done";
    stopped(&world, &["-q"], &[words]);
    // More than nine in ten it is no longer.
    world.write_at(&name(8), "content 8", 1_700_000_000);
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    for number in 0..20 {
        world
            .drive
            .write(name(number).as_str(), format!("{number}, encrypted"))
            .unwrap();
    }
    stopped_again(&world);
    world.pass("bisync", &["--force"]).code(0);
    world.expect_equal();
    assert_eq!(world.trash().values().flatten().count(), 20);
}

#[test]
fn guard_4_is_not_misled_by_a_package_that_can_not_be_sent() {
    let world = World::new();
    let package: &[(&str, &[u8])] = &[("Index", b"old"), ("Data/a", b"1")];
    world.drive.mkpackage("Doc.pages", package).unwrap();
    for number in 0..20 {
        world.write_at(&name(number), format!("content {number}"), 1_700_000_000);
    }
    world.pass("bisync", &[]).code(0);
    world.emulator.clear_requests();
    for number in 0..20 {
        world.write_at(&name(number), format!("pay here: {number}"), 1_700_000_100);
    }
    world.write_at("Doc.pages/Index", "pay here", 1_700_000_100);
    let words = "guard 4: all 20 files that can be carried over have changed on the local side since the last pass; nothing was done";
    stopped(&world, &[], &[words]);
    world.pass("bisync", &["--force"]).code(3).says("Doc.pages");
}

/// As [`stopped`], in a world whose first pass wrote.
fn stopped_again(world: &World) {
    world.emulator.clear_requests();
    stopped(
        world,
        &[],
        &["guard 4: all 20 files have changed on the remote side"],
    );
}

#[test]
fn guard_5_knows_whose_a_baseline_is_and_force_does_not_help() {
    let world = twenty();
    let mut other = Account::new("eve@example.com", "other");
    other.two_factor = false;
    other.iterations = 1_000;
    world.emulator.add_account(other);
    let before = everything(&world);
    let run = |name: &str, value: &std::ffi::OsStr, who: bool, args: &[&str]| {
        let mut command = world.command();
        if who {
            command
                .env("ICLOUD_USERNAME", "eve@example.com")
                .env("ICLOUD_PASSWORD", "other");
        }
        let output = command.env(name, value).args(args).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for force in [&["bisync", "local"][..], &["bisync", "local", "--force"]] {
        let (code, told) = run("LOG_LEVEL", "warn".as_ref(), true, force);
        assert_eq!(code, Some(6), "{told}");
        assert!(
            told.contains("guard 5") && told.contains("belongs to another account"),
            "{told}"
        );
    }
    assert!(
        world
            .emulator
            .drive("eve@example.com")
            .tree()
            .unwrap()
            .is_empty()
    );
    // A STATE_FILE of another pair.
    let state = world.folder.path().join("state.jsonl");
    let (code, told) = run("STATE_FILE", state.as_os_str(), false, &["bisync", "local"]);
    assert_eq!(code, Some(0), "{told}");
    fs::create_dir(world.folder.path().join("other")).unwrap();
    let kept = fs::read(&state).unwrap();
    for args in [
        &["bisync", "other"][..],
        &["bisync", "local", "/d0", "--force"],
    ] {
        let (code, told) = run("STATE_FILE", state.as_os_str(), false, args);
        assert_eq!(code, Some(6), "{told}");
        assert!(
            told.contains("guard 5: this STATE_FILE belongs to"),
            "{told}"
        );
        assert!(told.contains("a STATE_FILE of its own"), "{told}");
    }
    assert_eq!(fs::read(&state).unwrap(), kept);
    assert!(everything(&world) == before, "something was touched");
}

#[test]
fn guard_6_lets_one_pass_work_at_a_time_and_says_who_does() {
    let world = twenty();
    world.write_at("new", "1", 1_700_000_000);
    let before = everything(&world);
    // The first pass hangs in its listing until the second one has been told.
    let (go, wait) = mpsc::channel::<()>();
    let (here, arrived) = mpsc::channel::<()>();
    let (wait, here) = (Mutex::new(wait), Mutex::new(Some(here)));
    world
        .emulator
        .before("retrieveItemDetailsInFolders", move |_| {
            if let Some(here) = here.lock().unwrap().take() {
                here.send(()).unwrap();
                wait.lock().unwrap().recv().unwrap_err();
            }
        });
    let mut first = world.command().args(["bisync", "local"]).spawn().unwrap();
    arrived.recv().unwrap();
    for force in [&[][..], &["--force"], &["--dry-run"]] {
        let ran = world.pass("bisync", force).code(7);
        ran.says(&format!(
            "another pass of this pair is running: process {}",
            first.id()
        ))
        .says("since 20")
        .says("wait for it to end");
    }
    // A pair in a folder of it, as if somebody else had it: with a state of its own.
    fs::create_dir(world.local().join("d")).unwrap();
    let elsewhere = world.folder.path().join("another state");
    let mut inner = world.command();
    inner.env("XDG_STATE_HOME", &elsewhere);
    let told = inner.args(["pull", "local/d", "/"]).output().unwrap();
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(7), "{text}");
    assert!(
        text.contains("another pass is at work in this folder, which LOCAL is in"),
        "{text}"
    );
    fs::remove_dir(world.local().join("d")).unwrap();
    assert!(everything(&world) == before, "something was touched");
    drop(go);
    assert_eq!(first.wait().unwrap().code(), Some(0));
    world.emulator.clear_hooks();
    world.expect_equal();
}

#[test]
fn an_answer_that_is_empty_or_not_there_deletes_nothing() {
    let world = twenty();
    let before = everything(&world);
    let untouched = |told: &str| {
        let now = everything(&world);
        assert!(now.0 == before.0 && now.1 == before.1, "{told}");
        assert!(now.2 == before.2 && now.3 == before.3, "{told}");
    };
    // The root as if it were empty, consistent in itself; then listings that lack items, openly or not.
    let empty = r#"[{"drivewsid":"FOLDER::com.apple.CloudDocs::root","docwsid":"root",
        "zone":"com.apple.CloudDocs","name":"","etag":"zz","type":"FOLDER","items":[],"numberOfItems":0,"status":"OK"}]"#;
    let answer = |body: &str| Action::Status {
        status: 200,
        body: Some(body.to_owned()),
        retry_after: None,
    };
    let odd = [
        answer(empty),
        answer("[]"),
        answer("{}"),
        answer(""),
        Action::ShortItemsUnnoticed,
        Action::MissingItems,
        Action::WrongCount,
        Action::ShortArray,
    ];
    for action in odd {
        let told = format!("{action:?}");
        world
            .emulator
            .fault(Fault::always("retrieveItemDetailsInFolders", action));
        for force in [&[][..], &["--force"]] {
            let ran = world.pass("bisync", force);
            let told = format!("{told} {force:?}: {}, {}", ran.code, ran.stderr);
            assert!(matches!(ran.code, 1 | 3 | 5 | 6), "{told}");
            untouched(&told);
        }
        world.emulator.clear_faults();
    }
    // One folder that answers 500, while files are missing elsewhere.
    world.emulator.fault(
        Fault::always(
            "retrieveItemDetailsInFolders",
            Action::Status {
                status: 500,
                body: None,
                retry_after: None,
            },
        )
        .containing(&world.drive.entry("d0").unwrap().docwsid),
    );
    world.drive.trash("d1/1").unwrap();
    let ran = world.pass("bisync", &["--force"]).code(3).says("d0");
    assert!(
        world.local_tree() == before.0 && world.trash().is_empty(),
        "{}",
        ran.stderr
    );
    world.emulator.clear_faults();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert!(!world.local().join("d1/1").exists());
}

#[test]
fn filters_that_come_and_go_delete_nothing() {
    let world = twenty();
    let sides = || (world.local_tree(), world.remote_etags());
    let before = sides();
    world
        .pass("bisync", &["--exclude", "d0"])
        .code(0)
        .says("filters hide 11 items more than in the last pass; what is hidden is left alone on both sides");
    assert_eq!(sides(), before);
    // While it is hidden it may change on either side, and nothing of that is seen.
    fs::remove_file(world.local().join("d0/2")).unwrap();
    world.drive.trash("d0/4").unwrap();
    world.write("d0/new here", "n");
    let hidden = sides();
    world.pass("bisync", &["--exclude", "d0"]).code(0);
    world
        .pass("pull", &["--exclude", "d0", "--delete-extra"])
        .code(0);
    world
        .pass("push", &["--exclude", "d0", "--delete-extra"])
        .code(0);
    assert_eq!(sides(), hidden);
    // The filter goes, and what slept is compared with what both sides agreed on: it is as if no pass had been.
    world
        .pass("bisync", &[])
        .code(0)
        .says("filters hide 11 items fewer than in the last pass");
    world.expect_equal();
    let tree = world.local_tree();
    assert!(!tree.contains_key("d0/2") && !tree.contains_key("d0/4"));
    assert!(tree.contains_key("d0/new here") && tree.len() == 21);
    world.expect_quiet("bisync");
    // A file that the other side edits before it is hidden everywhere comes through when it wakes.
    world.drive.write("d1/1", "edited there").unwrap();
    set_time(&world.local().join("d1/3"), 1_700_000_900);
    fs::write(world.local().join(".icloud-sync-ignore"), "d1\n").unwrap();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.read("d1/1"), "content 1");
    fs::remove_file(world.local().join(".icloud-sync-ignore")).unwrap();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.read("d1/1"), "edited there");
    world.expect_equal();
}

#[test]
fn what_was_on_a_disk_that_is_away_stays_in_icloud_whatever_is_forced() {
    let world = twenty();
    // As the pass writes it down that finds another disk there.
    let record = world.pair_folder().join("mounts.json");
    fs::write(&record, r#"["d1"]"#).unwrap();
    fs::remove_dir_all(world.local().join("d1")).unwrap();
    world.write("d1/put here meanwhile", "mine");
    fs::remove_file(world.local().join("d0/0")).unwrap();
    let there = world.remote_tree();
    for args in [&[][..], &["--force"], &["--exclude", "d0"]] {
        let ran = world.pass("bisync", args).code(3);
        ran.says("d1: could not be listed").says("mounts.json");
        assert_eq!(world.remote_tree(), there, "{args:?}");
        assert_eq!(world.read("d1/put here meanwhile"), "mine");
    }
    // What a filter hides is neither held nor forgotten.
    world.pass("bisync", &["--exclude", "d1"]).code(0);
    assert!(!world.remote_tree().contains_key("d0/0"));
    let ran = world.pass("push", &["--delete", "--force"]).code(3);
    ran.says("d1: could not be listed");
    assert!(world.remote_tree().contains_key("d1/1"));
    // The way out that was told.
    fs::remove_file(&record).unwrap();
    world.pass("bisync", &["--force"]).code(0);
    assert!(!world.remote_tree().contains_key("d1/1"));
    world.expect_equal();
}
