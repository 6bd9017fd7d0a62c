//! What is shared: the account's own that others see too, and what others let this account see.

use std::fs;

use icloud_sync::emulator::ShareDownload;

use crate::world::World;

/// Requests that write to iCloud Drive.
pub(super) const WRITES: [&str; 8] = [
    "createFolders",
    "renameItems",
    "moveItems",
    "moveItemsToTrash",
    "deleteItems",
    "upload/web",
    "update/documents",
    "update/shared",
];

/// A pair that is in step: a folder that is shared with others later, one that is not, and a file.
fn in_step() -> World {
    let world = World::new();
    for path in ["Plans/a.txt", "Plans/deep/b.txt", "Mine/c.txt", "d.txt"] {
        world.write(path, path);
    }
    world.pass("bisync", &[]).code(0);
    world
}

#[test]
fn what_the_account_shares_with_others_syncs_as_before() {
    for verb in ["bisync", "push", "pull"] {
        let world = in_step();
        world.drive.lend("Plans").unwrap();
        world.drive.lend("d.txt").unwrap();
        let before = (world.local_tree(), world.remote_tree());
        let ran = world.pass(verb, &["--dry-run"]).code(0);
        assert!(!ran.stdout.contains("planned"), "{verb}: {}", ran.stdout);
        world.pass(verb, &[]).code(0);
        assert_eq!((world.local_tree(), world.remote_tree()), before, "{verb}");
        world.expect_quiet(verb);
    }
    let world = in_step();
    world.drive.lend("Plans").unwrap();
    world.drive.lend("d.txt").unwrap();
    world.write("Plans/a.txt", "edited here");
    world.write("Plans/new.txt", "new here");
    world
        .drive
        .write("Plans/deep/b.txt", "edited there")
        .unwrap();
    world.drive.write("d.txt", "by a guest").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.read("d.txt"), "by a guest");
    assert_eq!(world.read("Plans/deep/b.txt"), "edited there");
    world.expect_quiet("bisync");
}

#[test]
fn a_first_pass_takes_what_the_account_shares_with_others() {
    let world = World::new();
    world.drive.write("Plans/a.txt", "a").unwrap();
    world.drive.lend("Plans").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Plans/a.txt"), "a");
    world.expect_quiet("pull");
}

#[test]
fn hazard_19_a_plan_says_what_goes_for_others_too() {
    let note = "shared with others: it goes for them too";
    let lines = |world: &World| -> Vec<String> {
        let ran = world.pass("bisync", &["--dry-run", "--force"]).code(0);
        let of_interest =
            |line: &&str| line.contains("Mine") || line.contains("Plans") || line.contains("d.txt");
        ran.stdout
            .lines()
            .filter(of_interest)
            .map(str::to_owned)
            .collect()
    };
    // Shared after the last pass, or before: the plan says so.
    for is_known in [false, true] {
        let world = in_step();
        world.drive.lend("Plans").unwrap();
        world.drive.lend("d.txt").unwrap();
        if is_known {
            world.pass("bisync", &[]).code(0);
        }
        for path in ["Plans/deep/b.txt", "Mine/c.txt", "d.txt"] {
            fs::remove_file(world.local().join(path)).unwrap();
        }
        let told = lines(&world);
        assert_eq!(told.len(), 3, "{told:?}");
        for line in told {
            assert_eq!(line.contains(note), !line.contains("Mine"), "{line}");
        }
        let json = world
            .pass("bisync", &["--dry-run", "--force", "--json"])
            .code(0);
        assert_eq!(
            json.stdout.matches("\"shared_with_others\":true").count(),
            2,
            "{}",
            json.stdout
        );
        // A deletion like any other: into Recently Deleted, from which it comes back.
        world.pass("bisync", &["--force"]).code(0);
        world.expect_equal();
        let trashed = world.drive.trashed().unwrap();
        assert_eq!(trashed.len(), 3);
        world.expect_quiet("bisync");
    }
    // A folder that only holds what is shared; and a move.
    let world = in_step();
    world.drive.lend("Plans/deep").unwrap();
    fs::remove_dir_all(world.local().join("Plans")).unwrap();
    let told = lines(&world);
    assert!(
        told.iter()
            .any(|line| line.contains("Plans/") && line.contains(note)),
        "{told:?}"
    );
    let world = in_step();
    world.drive.lend("Plans").unwrap();
    fs::rename(
        world.local().join("Plans/a.txt"),
        world.local().join("Mine/a.txt"),
    )
    .unwrap();
    let told = lines(&world);
    assert!(
        told[0].contains("shared with others: it moves for them too"),
        "{told:?}"
    );
}

/// A pair with a file of its own and a share of two files, in step.
pub(super) fn with_share() -> World {
    let world = World::new();
    world.drive.add_share("Team", "_bob").unwrap();
    for path in ["Team/plan.txt", "Team/deep/map.txt", "own.txt"] {
        world.drive.write(path, path).unwrap();
    }
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world
}

/// Expects that a pass is done with code 3, says this, and that another one says it again, and that neither
/// does anything.
#[track_caller]
fn expect_left_alone(world: &World, verb: &str, says: &str) {
    let before = (world.local_tree(), world.remote_etags());
    world.emulator.clear_requests();
    for _ in 0..2 {
        world.pass(verb, &[]).code(3).says(says);
        assert_eq!((world.local_tree(), world.remote_etags()), before);
    }
    for endpoint in WRITES {
        assert_eq!(world.count(endpoint), 0, "{endpoint}");
    }
}

#[test]
fn what_others_share_is_received_and_stays_in_step() {
    for verb in ["pull", "bisync"] {
        for way in [ShareDownload::ById, ShareDownload::ByZone] {
            let world = World::new();
            world
                .emulator
                .set_switches(|switches| switches.share_download = way);
            world.drive.add_share("Team", "_bob/1").unwrap();
            world.drive.write("Team/plan.txt", "plan").unwrap();
            world.drive.write("Team/deep/empty", "").unwrap();
            world.drive.write("own.txt", "own").unwrap();
            let ran = world.pass(verb, &["--dry-run"]).code(0);
            assert!(ran.stdout.contains("Team/plan.txt"), "{}", ran.stdout);
            world.pass(verb, &[]).code(0);
            world.expect_equal();
            world.expect_quiet(verb);
            world.drive.write("Team/plan.txt", "new plan").unwrap();
            world.drive.write("Team/more/a", "a").unwrap();
            world.drive.trash("Team/deep").unwrap();
            world
                .pass(verb, if verb == "pull" { &["--delete"] } else { &[] })
                .code(0);
            world.expect_equal();
            assert_eq!(world.read("Team/plan.txt"), "new plan");
            world.expect_quiet(verb);
        }
    }
}

#[test]
fn a_package_in_a_share_is_received() {
    let world = World::new();
    world.drive.add_share("Team", "_bob").unwrap();
    world
        .drive
        .mkpackage("Team/Plan.pages", &[("Index/a", b"one")])
        .unwrap();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.read("Team/Plan.pages/Index/a"), "one");
    world.expect_quiet("bisync");
}

#[test]
fn what_is_done_in_a_share_here_is_left_alone_and_told() {
    for verb in ["bisync", "push"] {
        let world = with_share();
        world.write("Team/plan.txt", "my plan");
        let told = "Team/plan.txt: changed here only: shared by _bob, and read only here without `--shares write`";
        expect_left_alone(&world, verb, told);
        let world = with_share();
        world.write("Team/new/note.txt", "mine");
        expect_left_alone(&world, verb, "Team/new: new here only: shared by _bob");
        let world = with_share();
        fs::rename(world.local().join("Team"), world.local().join("Squad")).unwrap();
        expect_left_alone(&world, verb, "Squad: moved here only: shared by _bob");
    }
    let world = with_share();
    fs::remove_file(world.local().join("Team/plan.txt")).unwrap();
    let told = "Team/plan.txt: deleted here only: shared by _bob, and read only here; a pull of this pair brings it back";
    expect_left_alone(&world, "bisync", told);
    world.pass("pull", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
    // All else of the pass is done.
    world.write("Team/plan.txt", "my plan");
    world.write("own.txt", "changed");
    world.pass("bisync", &[]).code(3);
    assert_eq!(world.drive.read("own.txt").unwrap(), &b"changed"[..]);
    assert_eq!(
        world.drive.read("Team/plan.txt").unwrap(),
        &b"Team/plan.txt"[..]
    );
    // Pull writes nothing there anyway, and --delete-extra makes LOCAL a mirror as everywhere.
    world.write("Team/extra.txt", "extra");
    world.pass("pull", &[]).code(0);
    world
        .pass("pull", &["--delete-extra", "--conflict", "prefer-remote"])
        .code(0);
    assert!(!world.local().join("Team/extra.txt").exists());
}

#[test]
fn what_is_moved_out_of_a_share_is_copied() {
    let world = with_share();
    fs::rename(
        world.local().join("Team/plan.txt"),
        world.local().join("plan.txt"),
    )
    .unwrap();
    world
        .pass("bisync", &[])
        .code(3)
        .says("Team/plan.txt: deleted here only");
    assert_eq!(world.drive.read("plan.txt").unwrap(), &b"Team/plan.txt"[..]);
    assert_eq!(
        world.drive.read("Team/plan.txt").unwrap(),
        &b"Team/plan.txt"[..]
    );
    expect_left_alone(&world, "bisync", "Team/plan.txt: deleted here only");
    world.pass("pull", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn a_conflict_in_a_share_is_settled_here() {
    let conflict = |policy: &str| {
        let world = with_share();
        world.write_at("Team/plan.txt", "mine", 1_700_000_500);
        world
            .drive
            .write_with_mtime("Team/plan.txt", "theirs", 1_700_000_900)
            .unwrap();
        world.emulator.clear_requests();
        let ran = world.pass("bisync", &["--conflict", policy]);
        for endpoint in WRITES {
            assert_eq!(world.count(endpoint), 0, "{policy}: {endpoint}");
        }
        assert_eq!(world.drive.read("Team/plan.txt").unwrap(), &b"theirs"[..]);
        (world, ran)
    };
    let (world, ran) = conflict("prefer-newer");
    ran.code(0);
    world.expect_equal();
    let trash = world.trash();
    assert!(
        trash.values().flatten().any(|content| content == b"mine"),
        "{trash:?}"
    );
    world.expect_quiet("bisync");
    let (world, ran) = conflict("prefer-local");
    ran.code(3)
        .says("Team/plan.txt: changed here only: shared by _bob");
    assert_eq!(world.read("Team/plan.txt"), "mine");
    let (world, ran) = conflict("keep-both");
    ran.code(3).says("kept here only: shared by _bob");
    assert_eq!(world.read("Team/plan.txt"), "theirs");
    let here = world.local_tree();
    assert!(
        here.values().flatten().any(|content| content == b"mine"),
        "{here:?}"
    );
    expect_left_alone(&world, "bisync", "new here only: shared by _bob");
}

#[test]
fn a_share_that_is_withdrawn_goes_into_the_local_trash_where_guards_allow() {
    let world = with_share();
    for number in 0..10 {
        world
            .drive
            .write(format!("mine/{number}").as_str(), "x")
            .unwrap();
    }
    world.pass("bisync", &[]).code(0);
    world.drive.delete_forever("Team").unwrap();
    let kept = world.pass("pull", &[]).code(0);
    drop(kept);
    assert_eq!(world.read("Team/plan.txt"), "Team/plan.txt");
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    let trash = world.trash();
    assert!(
        trash
            .values()
            .flatten()
            .any(|content| content == b"Team/plan.txt"),
        "{trash:?}"
    );
    world.expect_quiet("bisync");
    // Most of the pair: guard 1.
    let world = with_share();
    for number in 0..4 {
        world
            .drive
            .write(format!("Team/{number}").as_str(), "x")
            .unwrap();
    }
    world.pass("bisync", &[]).code(0);
    world.drive.delete_forever("Team").unwrap();
    world.pass("bisync", &[]).code(6).says("guard 1");
    assert_eq!(world.read("Team/plan.txt"), "Team/plan.txt");
    // What was changed here is one's own then.
    world.write("Team/plan.txt", "my plan");
    world.pass("bisync", &["--force"]).code(0);
    assert_eq!(world.drive.read("Team/plan.txt").unwrap(), &b"my plan"[..]);
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn a_share_with_the_name_of_a_folder_here_is_joined() {
    let world = World::new();
    world.write("Team/mine.txt", "mine");
    world.write("Team/plan.txt", "plan");
    world.drive.add_share("Team", "_bob").unwrap();
    world.drive.write("Team/plan.txt", "plan").unwrap();
    world.drive.write("Team/theirs.txt", "theirs").unwrap();
    world
        .pass("bisync", &[])
        .code(3)
        .says("Team/mine.txt: new here only: shared by _bob");
    assert_eq!(world.read("Team/theirs.txt"), "theirs");
    expect_left_alone(&world, "bisync", "Team/mine.txt");
}

#[test]
fn shares_can_be_left_out_and_taken_in_again() {
    let world = with_share();
    world.drive.write("Team/plan.txt", "new plan").unwrap();
    world.write("Team/deep/map.txt", "my map");
    for _ in 0..2 {
        world.pass("bisync", &["--shares", "skip"]).code(0);
        assert_eq!(world.read("Team/plan.txt"), "Team/plan.txt");
    }
    // In the environment as well.
    let output = world
        .command()
        .args(["bisync", "--shares", "none"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    world.pass("bisync", &[]).code(3).says("Team/deep/map.txt");
    assert_eq!(world.read("Team/plan.txt"), "new plan");
}

#[test]
fn what_can_not_be_fetched_from_a_share_is_told_and_the_rest_is_done() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.share_download = ShareDownload::Never);
    world.drive.add_share("Team", "_bob").unwrap();
    world.drive.write("Team/plan.txt", "plan").unwrap();
    world.drive.write("own.txt", "own").unwrap();
    world.pass("pull", &[]).code(3).says("Team/plan.txt");
    assert_eq!(world.read("own.txt"), "own");
    world
        .emulator
        .set_switches(|switches| switches.share_download = ShareDownload::ById);
    world.pass("pull", &[]).code(0);
    world.expect_quiet("pull");
}

#[test]
fn a_share_can_be_remote_itself_and_be_listed() {
    let world = with_share();
    let ran = world.run(["ls", "-R", "-l"]).code(0);
    let line = ran
        .stdout
        .lines()
        .find(|line| line.ends_with("Team/deep/map.txt"));
    assert!(
        line.is_some_and(|line| line.starts_with("shared")),
        "{}",
        ran.stdout
    );
    let local = world.folder.path().join("team");
    let pass = |verb: &str| world.run([verb, local.to_str().unwrap(), "/Team"]);
    pass("pull").code(0);
    assert_eq!(
        fs::read_to_string(local.join("deep/map.txt")).unwrap(),
        "Team/deep/map.txt"
    );
    fs::write(local.join("new.txt"), "new").unwrap();
    world.emulator.clear_requests();
    for verb in ["push", "bisync"] {
        pass(verb)
            .code(3)
            .says("new.txt: new here only: shared by _bob");
    }
    for endpoint in WRITES {
        assert_eq!(world.count(endpoint), 0, "{endpoint}");
    }
}
