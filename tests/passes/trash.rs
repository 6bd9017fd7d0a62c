//! `trash list` and `trash restore`: iCloud's Recently Deleted.

use icloud_sync::emulator::{Action, Fault};
use serde_json::Value;

use super::world::World;

fn json(stdout: &str) -> Vec<Value> {
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_trash_is_listed_by_where_things_were() {
    let world = World::new();
    world.drive.write("d/b.txt", "12345").unwrap();
    world.drive.write("a", "1").unwrap();
    world.drive.write("folder/x", "2").unwrap();
    world.drive.write("kept", "3").unwrap();
    for path in ["d/b.txt", "a", "folder"] {
        world.drive.trash(path).unwrap();
    }
    let ran = world.run(["trash", "list"]).code(0);
    assert_eq!(ran.stdout, "a\nd/b.txt\nfolder/\n");
    let long = world.run(["trash", "list", "-l"]).code(0).stdout;
    let id = &world.drive.trashed().unwrap()[0].docwsid;
    assert!(long.contains(&format!(" {id} d/b.txt\n")), "{long}");
    assert!(long.starts_with("file   1 20"), "{long}");
    let items = json(&world.run(["trash", "list", "--json"]).code(0).stdout);
    assert_eq!(items.len(), 3);
    assert_eq!(
        (&items[1]["path"], &items[1]["size"]),
        (&"d/b.txt".into(), &5.into())
    );
    assert_eq!(items[2]["kind"], "folder");
    let expires: jiff::Timestamp = items[0]["expires"].as_str().unwrap().parse().unwrap();
    let days = expires.duration_since(jiff::Timestamp::now()).as_hours() / 24;
    assert!((29..=30).contains(&days), "{days}");
}

#[test]
fn restore_puts_back_by_path_name_and_id() {
    let world = World::new();
    for (path, content) in [("d/a", "1"), ("d/b", "2"), ("e/deep/c", "3"), ("f/x", "4")] {
        world.drive.write(path, content).unwrap();
    }
    let before = world.remote_tree();
    let id = world.drive.entry("d/b").unwrap().docwsid;
    for path in ["d/a", "d/b", "e/deep/c", "f"] {
        world.drive.trash(path).unwrap();
    }
    let ran = world
        .run(["trash", "restore", "/d/a", &id, "c", "f/"])
        .code(0);
    assert_eq!(
        ran.stdout,
        "restored d/a\nrestored d/b\nrestored e/deep/c\nrestored f\n"
    );
    assert_eq!(world.remote_tree(), before);
    assert_eq!(world.count("deleteItems"), 0);
    assert!(world.drive.trashed().unwrap().is_empty());
}

#[test]
fn hazard_15_another_place_or_name_is_read_from_the_answer_and_told() {
    let world = World::new();
    world.drive.write("d/a.txt", "old").unwrap();
    world.drive.write("gone/b", "2").unwrap();
    world.drive.trash("d/a.txt").unwrap();
    world.drive.write("d/a.txt", "new").unwrap();
    world.drive.trash("gone/b").unwrap();
    world.drive.delete_forever("gone").unwrap();
    let ran = world.run(["trash", "restore", "d/a.txt", "gone/b"]).code(0);
    assert_eq!(
        ran.stdout,
        "restored d/a.txt as d/a 2.txt\nrestored gone/b as b\n"
    );
    let tree = world.remote_tree();
    assert_eq!(tree["d/a.txt"], Some(b"new".to_vec()));
    assert_eq!(tree["d/a 2.txt"], Some(b"old".to_vec()));
    assert_eq!(tree["b"], Some(b"2".to_vec()));
}

#[test]
fn a_name_that_is_not_clear_is_refused_with_the_choices_and_nothing_is_done() {
    let world = World::new();
    let mut ids = Vec::new();
    for content in ["first", "second"] {
        world.drive.write("a", content).unwrap();
        ids.push(world.drive.entry("a").unwrap().docwsid);
        world.drive.trash("a").unwrap();
    }
    world.drive.write("b", "1").unwrap();
    world.drive.trash("b").unwrap();
    let ran = world.run(["trash", "restore", "b", "a"]).code(2);
    let ran = ran.says("names 2 items").says(&ids[0]).says(&ids[1]);
    assert_eq!(ran.stdout, "");
    assert!(world.remote_tree().is_empty(), "b neither");
    world
        .run(["trash", "restore", "nothing"])
        .code(2)
        .says("is not in");
    world.run(["trash", "restore", &ids[1]]).code(0);
    assert_eq!(world.remote_tree()["a"], Some(b"second".to_vec()));
}

#[test]
fn a_lost_answer_is_read_back_and_a_refusal_ends_with_3() {
    let world = World::new();
    for name in ["a", "b"] {
        world.drive.write(name, name).unwrap();
        world.drive.trash(name).unwrap();
    }
    let put_back = "putBackItemsFromTrash";
    world
        .emulator
        .fault(Fault::once(put_back, Action::DropAfter));
    assert_eq!(
        world.run(["trash", "restore", "a"]).code(0).stdout,
        "restored a\n"
    );
    assert_eq!(world.count(put_back), 1, "never sent again blindly");
    world
        .emulator
        .fault(Fault::once(put_back, Action::DropBefore));
    let ran = world.run(["trash", "restore", "b", "--json"]).code(3);
    let lines = json(&ran.stdout);
    assert_eq!(lines[0]["type"], "failed");
    assert_eq!(
        (&lines[1]["failed"], &lines[1]["restored"]),
        (&1.into(), &0.into())
    );
    assert_eq!(world.drive.trashed().unwrap().len(), 1);
}
