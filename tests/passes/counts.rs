//! How many requests things cost, as the emulator counted them.

use std::fs;

use super::world::World;

/// Requests to any host but the control interface.
fn all(world: &World) -> usize {
    world.emulator.requests().len()
}

fn sign_in(world: &World) -> usize {
    world
        .emulator
        .requests()
        .iter()
        .filter(|entry| {
            matches!(
                entry.host,
                icloud_sync::emulator::Host::Identity | icloud_sync::emulator::Host::Setup
            )
        })
        .count()
}

#[test]
fn a_resumed_session_makes_no_sign_in_request() {
    let world = World::new();
    world.drive.write("a", "1").unwrap();
    world.run(["ls"]).code(0);
    world.pass("pull", &[]).code(0);
    assert_eq!(sign_in(&world), 0);
}

#[test]
fn two_hundred_folders_are_listed_in_at_most_ten_requests() {
    let world = World::new();
    for number in 0..200 {
        world
            .drive
            .write(format!("f{}/g{}/file", number % 20, number), "x")
            .unwrap();
    }
    world.run(["ls", "-R"]).code(0);
    let lists = world.count("retrieveItemDetailsInFolders");
    assert!(lists <= 10, "{lists}");
    world.emulator.clear_requests();
    world.pass("pull", &[]).code(0);
    let lists = world.count("retrieveItemDetailsInFolders");
    assert!(lists <= 10, "{lists}");
    world.emulator.clear_requests();
    world.expect_quiet("pull");
    let lists = all(&world);
    assert!(lists <= 10, "{lists}");
}

#[test]
fn a_new_file_costs_three_requests_and_a_changed_one_four() {
    let world = World::new();
    world.write_at("first", "1", 1_700_000_000);
    world.pass("push", &[]).code(0);
    world.emulator.clear_requests();
    world.expect_quiet("push");
    let quiet = all(&world);

    world.write_at("second", "22", 1_700_000_001);
    world.emulator.clear_requests();
    world.pass("push", &[]).code(0);
    assert_eq!(all(&world) - quiet, 3);

    let id = world.drive.entry("second").unwrap().docwsid;
    world.write_at("second", "333", 1_700_000_002);
    world.emulator.clear_requests();
    world.pass("push", &[]).code(0);
    assert_eq!(all(&world) - quiet, 4);
    assert_eq!(world.drive.entry("second").unwrap().docwsid, id);
    assert_eq!(world.count("deleteItems"), 0);
}

#[test]
fn folders_of_one_parent_are_made_in_one_request() {
    let world = World::new();
    for number in 0..40 {
        fs::create_dir_all(world.local().join(format!("d{number}"))).unwrap();
    }
    world.pass("push", &[]).code(0);
    assert_eq!(world.count("createFolders"), 1);
    world.expect_equal();
}

#[test]
fn cookies_never_reach_a_content_host() {
    let world = World::new();
    world.drive.write("a", "1").unwrap();
    world.write("b", "2");
    world.pass("pull", &[]).code(0);
    world.pass("push", &[]).code(0);
    let contents: Vec<_> = world
        .emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.endpoint.starts_with("content"))
        .collect();
    assert_eq!(contents.len(), 2);
    assert!(contents.iter().all(|entry| !entry.sent_cookies));
}
