//! What is shared: the account's own that others see too, and what others let this account see.

use std::fs;

use crate::world::World;

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
