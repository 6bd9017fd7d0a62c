//! `undo`: what a pass did is taken back, whole and item by item, and nothing is lost on the way.

use std::{
    collections::BTreeMap,
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use icloud_sync::emulator::{Action, Fault};
use serde_json::Value;

use super::world::{Tree, World};

impl World {
    /// Takes back the last pass, or another.
    fn undo(&self, more: &[&str]) -> super::world::Ran {
        let mut args = vec!["undo", "--local", "local"];
        args.extend(more);
        self.run(args)
    }

    /// Both sides.
    fn both(&self) -> (Tree, Tree) {
        (self.local_tree(), self.remote_tree())
    }

    /// The names of all passes that can be taken back.
    fn past(&self) -> Vec<String> {
        let list = self.undo(&["--list", "--json"]).code(0).stdout;
        lines(&list)
            .iter()
            .map(|line| line["pass"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What became of each step, by path.
fn outcomes(text: &str) -> BTreeMap<String, String> {
    lines(text)
        .iter()
        .filter(|line| line["type"] == "step")
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            (text("path"), text("outcome"))
        })
        .collect()
}

/// Ten files in two folders, in step.
fn ten() -> World {
    let world = World::new();
    for number in 0..10 {
        world.write_at(
            &format!("d{}/{number}", number % 2),
            format!("content {number}"),
            1_700_000_000,
        );
    }
    world.pass("bisync", &[]).code(0);
    world
}

#[test]
fn what_a_forced_mass_deletion_trashed_in_icloud_comes_back() {
    let world = ten();
    let (_, before) = world.both();
    fs::remove_dir_all(world.local().join("d0")).unwrap();
    fs::remove_file(world.local().join("d1/1")).unwrap();
    world.pass("bisync", &[]).code(6);
    world.pass("bisync", &["--force"]).code(0);
    world.expect_equal();
    assert_eq!(world.drive.trashed().unwrap().len(), 2);

    let dry = world.undo(&["--dry-run"]).code(0).stdout;
    assert!(dry.contains("put back remotely d0/\n"), "{dry}");
    assert!(dry.contains("put back remotely d1/1\n"), "{dry}");
    assert_eq!(
        world.drive.trashed().unwrap().len(),
        2,
        "a dry run does nothing"
    );

    world.undo(&[]).code(0).says("2 steps taken back");
    assert_eq!(world.remote_tree(), before);
    assert!(world.drive.trashed().unwrap().is_empty());
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.both(), (before.clone(), before));
    world.expect_quiet("bisync");
    assert_eq!(world.count("deleteItems"), 0);
}

#[test]
fn what_was_removed_replaced_and_brought_here_is_as_before() {
    let world = ten();
    let before = world.local_tree();
    world.drive.trash("d0/2").unwrap();
    world.drive.trash("d1").unwrap();
    world
        .drive
        .write("d0/0", "new content from the phone")
        .unwrap();
    world.drive.write("d0/deep/new", "new").unwrap();
    world.drive.mkdir("empty").unwrap();
    world.pass("bisync", &["--force"]).code(0);
    world.expect_equal();
    let after = world.both();

    let dry = world.undo(&["--dry-run"]).code(0).stdout;
    for line in [
        "put back locally d0/2",
        "put back locally d1/",
        "put back the local content of d0/0",
        "remove locally d0/deep/new",
        "remove locally d0/deep/",
        "remove locally empty/",
    ] {
        assert!(
            dry.lines().any(|other| other == line),
            "no {line:?} in {dry}"
        );
    }
    assert_eq!(world.both(), after);

    let ran = world.undo(&["-v"]).code(0).says("6 steps taken back");
    assert_eq!(ran.stdout, "");
    for line in dry.lines() {
        assert!(
            ran.stderr.contains(line),
            "the dry run was the truth: {line}"
        );
    }
    assert_eq!(world.local_tree(), before);
    assert_eq!(world.remote_tree(), after.1, "nothing was done in iCloud");
    let trash = world.trash();
    assert_eq!(trash["d0/0"], Some(b"new content from the phone".to_vec()));
    assert_eq!(trash["d0/deep/new"], Some(b"new".to_vec()));

    // The next pass joins: nothing is deleted on either side, and the newer content wins by the policy.
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    let joined = world.local_tree();
    assert_eq!(joined["d0/2"], Some(b"content 2".to_vec()));
    assert_eq!(joined["d1/1"], Some(b"content 1".to_vec()));
    assert_eq!(joined["d0/0"], Some(b"new content from the phone".to_vec()));
    assert_eq!(joined["d0/deep/new"], Some(b"new".to_vec()));
    world.expect_quiet("bisync");
}

#[test]
fn what_was_put_back_here_wins_where_the_policy_says_so() {
    let world = ten();
    world.drive.write("d0/0", "spoilt").unwrap();
    world.pass("pull", &[]).code(0);
    world.undo(&[]).code(0);
    assert_eq!(world.read("d0/0"), "content 0");
    world
        .pass("bisync", &["--conflict", "prefer-local"])
        .code(0);
    assert_eq!(world.remote_tree()["d0/0"], Some(b"content 0".to_vec()));
    world.expect_quiet("bisync");
}

#[test]
fn what_was_sent_goes_to_icloud_s_trash_and_new_versions_are_named() {
    let world = ten();
    let before = world.remote_tree();
    world.write("d0/0", "changed here");
    world.write("new/deep/file", "1");
    world.write("new/other", "2");
    world.pass("push", &[]).code(0);
    let ran = world.undo(&["--json"]).code(3);
    let outcomes = outcomes(&ran.stdout);
    assert_eq!(outcomes["d0/0"], "impossible");
    for path in ["new", "new/deep", "new/deep/file", "new/other"] {
        assert_eq!(outcomes[path], "done", "{path}");
    }
    let mut expected = before;
    expected.insert("d0/0".into(), Some(b"changed here".to_vec()));
    assert_eq!(world.remote_tree(), expected);
    assert_eq!(world.count("deleteItems"), 0);
    assert_eq!(world.read("new/other"), "2", "nothing was done here");
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(world.remote_tree()["new/deep/file"], Some(b"1".to_vec()));
    world.expect_quiet("bisync");
}

#[test]
fn moves_are_reversed_and_the_next_bisync_carries_that_over() {
    // In iCloud, after moves here.
    let world = ten();
    let before = world.local_tree();
    fs::create_dir(world.local().join("d1/in")).unwrap();
    fs::rename(world.local().join("d0/0"), world.local().join("d1/in/zero")).unwrap();
    fs::rename(world.local().join("d1"), world.local().join("e")).unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.emulator.clear_requests();
    world.undo(&["-n"]).code(0);
    assert_eq!(world.count("moveItems") + world.count("renameItems"), 0);
    world.undo(&[]).code(0);
    assert_eq!(world.remote_tree(), before);
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    let after = world.local_tree();
    for (path, content) in &before {
        assert_eq!(after.get(path), Some(content), "{path}");
    }
    assert_eq!(
        world.count("content GET") + world.count("content POST"),
        0,
        "a move stays one"
    );
    assert_eq!(
        after, before,
        "the folder that was made for it is gone, too"
    );
    world.expect_quiet("bisync");

    // Here, after moves in iCloud; two names are exchanged.
    let world = ten();
    let before = world.remote_tree();
    world.drive.rename("d0", "swap").unwrap();
    world.drive.rename("d1", "d0").unwrap();
    world.drive.rename("swap", "d1").unwrap();
    world.drive.rename("d1/0", "renamed").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.undo(&["-n"]).code(0);
    world.undo(&[]).code(0);
    assert_eq!(world.local_tree(), before);
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.both(), (before.clone(), before));
    world.expect_quiet("bisync");
}

#[test]
fn what_has_changed_since_is_refused_item_by_item() {
    let world = ten();
    world.drive.write("d0/0", "from the phone").unwrap();
    world.drive.write("came", "1").unwrap();
    world.drive.write("came too", "2").unwrap();
    world.drive.trash("d0/2").unwrap();
    world.write("sent", "3");
    world.write("sent too", "4");
    fs::remove_file(world.local().join("d1/1")).unwrap();
    fs::rename(world.local().join("d1/3"), world.local().join("d1/three")).unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();

    world.write("d0/0", "edited since");
    world.write("came", "edited since");
    world.write("d0/2", "something else");
    world.drive.write("sent", "edited on the phone").unwrap();
    world.drive.write("d1/1", "another with that name").unwrap();
    world.drive.rename("d1/three", "3 renamed").unwrap();
    let dry = outcomes(&world.undo(&["--json", "-n"]).code(3).stdout);
    let before = world.both();
    let ran = world.undo(&["--json"]).code(3);
    let outcomes = outcomes(&ran.stdout);
    assert_eq!(outcomes, dry);
    for path in ["d0/0", "came", "d0/2", "sent", "d1/1", "d1/three"] {
        assert_eq!(outcomes[path], "refused", "{path}");
    }
    for path in ["came too", "sent too"] {
        assert_eq!(outcomes[path], "done", "{path}");
    }
    let (mut local, mut remote) = before;
    local.remove("came too");
    remote.remove("sent too");
    assert_eq!(world.both(), (local, remote));
    // Nothing that was changed since is taken for anything else by the next pass.
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    let after = world.local_tree();
    assert_eq!(after["d0/0"], Some(b"edited since".to_vec()));
    assert_eq!(after["sent"], Some(b"edited on the phone".to_vec()));
    assert_eq!(after["came too"], Some(b"2".to_vec()));
    assert_eq!(after["sent too"], Some(b"4".to_vec()));
    world.expect_quiet("bisync");
}

#[test]
fn a_second_undo_takes_the_first_one_back() {
    let world = ten();
    world.drive.write("d0/0", "from the phone").unwrap();
    world.drive.write("came/in", "1").unwrap();
    world.drive.trash("d1/1").unwrap();
    world.drive.rename("d1/3", "three").unwrap();
    world.write("sent/in", "2");
    fs::remove_dir_all(world.local().join("d0")).unwrap();
    world.drive.trash("d0/8").unwrap();
    world.pass("bisync", &["--force"]).code(0);
    let after = world.both();
    world.undo(&[]).code(0);
    let undone = world.both();
    assert_ne!(undone, after);
    world.undo(&["-n"]).code(0);
    world.undo(&[]).code(0);
    assert_eq!(world.both(), after, "redone");
    world.undo(&[]).code(0);
    assert_eq!(world.both(), undone, "and undone again");
    assert_eq!(world.past().len(), 5);
    assert_eq!(world.count("deleteItems"), 0);
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn an_earlier_pass_is_taken_back_but_for_what_a_later_one_has_worked_on() {
    let world = ten();
    world.drive.write("one", "1").unwrap();
    world.drive.write("two", "2").unwrap();
    world.pass("pull", &[]).code(0);
    world.drive.write("two", "2, newer").unwrap();
    world.pass("pull", &[]).code(0);
    let past = world.past();
    assert_eq!(past.len(), 3);
    let ran = world.undo(&["--json", &past[1]]).code(3);
    let expected = [("one", "done"), ("two", "refused")];
    let expected = expected.map(|(path, end)| (path.to_owned(), end.to_owned()));
    assert_eq!(outcomes(&ran.stdout), BTreeMap::from(expected));
    assert!(ran.stdout.contains("a later pass"), "{}", ran.stdout);
    assert_eq!(world.read("two"), "2, newer");
    // With the later ones taken back, nothing stands in the way.
    world.undo(&[]).code(0);
    world.undo(&[&past[2]]).code(0);
    assert_eq!(world.read("two"), "2");
    world.undo(&[&past[1]]).code(0);
    assert!(!world.local().join("two").exists());
    world
        .undo(&["20200101T000000Z"])
        .code(2)
        .says("no record")
        .says(&past[2]);
    world.undo(&["../../x"]).code(2);
}

#[test]
fn a_package_comes_back_as_it_was() {
    let world = World::new();
    let package = "Budget.numbers";
    world
        .drive
        .mkpackage(package, &[("Index/a", b"1")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    let before = world.local_tree();
    world
        .drive
        .mkpackage(package, &[("Index/a", b"2"), ("b", b"3")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    let after = world.local_tree();
    world.undo(&[]).code(0);
    assert_eq!(world.local_tree(), before);
    world.undo(&[]).code(0);
    assert_eq!(world.local_tree(), after);
    world.write("Budget.numbers/Index/a", "edited since");
    world.undo(&[]).code(3).says("changed since");
    assert_eq!(world.read("Budget.numbers/Index/a"), "edited since");
}

#[test]
fn another_place_or_name_after_a_put_back_is_put_right_or_told() {
    let world = ten();
    fs::remove_dir_all(world.local().join("d0")).unwrap();
    fs::remove_file(world.local().join("d1/1")).unwrap();
    world.pass("bisync", &["--force"]).code(0);
    // The folder of one is gone for good; a folder of that name is there again.
    world.drive.delete_forever("d1").unwrap();
    world.drive.mkdir("d1").unwrap();
    world.undo(&[]).code(0);
    assert_eq!(world.remote_tree()["d1/1"], Some(b"content 1".to_vec()));
    assert_eq!(world.remote_tree()["d0/0"], Some(b"content 0".to_vec()));

    let world = ten();
    fs::remove_file(world.local().join("d1/1")).unwrap();
    world.pass("bisync", &[]).code(0);
    world.drive.delete_forever("d1").unwrap();
    world.undo(&[]).code(3).says("in another folder");
    assert_eq!(world.remote_tree()["1"], Some(b"content 1".to_vec()));
}

#[test]
fn lost_answers_are_read_back_and_nothing_is_sent_twice() {
    let world = ten();
    let before = world.remote_tree();
    fs::remove_file(world.local().join("d1/1")).unwrap();
    world.write("sent", "1");
    fs::rename(world.local().join("d1/3"), world.local().join("d1/three")).unwrap();
    world.pass("bisync", &[]).code(0);
    world.emulator.clear_requests();
    for call in ["putBackItemsFromTrash", "moveItemsToTrash", "renameItems"] {
        world.emulator.fault(Fault::once(call, Action::DropAfter));
    }
    world.undo(&[]).code(0);
    for call in ["putBackItemsFromTrash", "moveItemsToTrash", "renameItems"] {
        assert_eq!(world.count(call), 1, "{call}");
    }
    assert_eq!(world.remote_tree(), before);
}

#[test]
fn a_service_that_stays_away_leaves_the_rest_and_a_later_undo_does_it() {
    let world = ten();
    let before = world.remote_tree();
    fs::remove_dir_all(world.local().join("d0")).unwrap();
    world.pass("bisync", &[]).code(0);
    let pass = world.past().pop().unwrap();
    world
        .emulator
        .fault(Fault::always("putBackItemsFromTrash", Action::Html502));
    let ran = world.undo(&[]);
    assert!([3, 5].contains(&ran.code), "{ran:?}");
    world.emulator.clear_faults();
    assert_eq!(
        world.past().pop().unwrap(),
        pass,
        "nothing done, nothing recorded"
    );
    world.undo(&[]).code(0);
    assert_eq!(world.remote_tree(), before);
}

#[test]
fn who_has_named_another_remote_is_told_what_to_type() {
    let world = World::new();
    let listed = world.undo(&["--list"]).code(0);
    assert_eq!(
        (listed.stdout.as_str(), listed.stderr.as_str()),
        ("", "no pass of this LOCAL and REMOTE can be taken back\n")
    );
    world.drive.write("My Docs/a", "1").unwrap();
    world.run(["pull", "local", "/My Docs"]).code(0);
    let command = format!(
        "`icloud-sync undo --local {} --remote '/My Docs'`",
        world.local().display()
    );
    world.emulator.clear_requests();
    let ran = world.undo(&[]).code(2);
    ran.says("no pass to take back").says(&command);
    assert_eq!(world.emulator.requests().len(), 0);
    world.undo(&["--list"]).code(0).says(&command);
    let quiet = world.undo(&["--list", "-q"]).code(0);
    assert_eq!(quiet.stderr, "");
    world.undo(&["--remote", "/My Docs"]).code(0);
    assert!(!world.local().join("a").exists());
}

#[test]
fn there_is_nothing_to_take_back_before_a_pass_did_something() {
    let world = World::new();
    world.undo(&[]).code(2).says("no pass to take back");
    world.write("a", "1");
    world.pass("push", &[]).code(0);
    world.expect_quiet("push");
    assert_eq!(
        world.past().len(),
        1,
        "a pass that did nothing leaves no record"
    );
    world.undo(&["--remote", "/other"]).code(2);
}

#[test]
fn an_undo_waits_for_no_pass_and_keeps_to_its_account_and_folder() {
    let world = ten();
    let pairs = world.state().join("pairs");
    let pair = fs::read_dir(pairs).unwrap().next().unwrap().unwrap().path();
    let lock = fs::File::open(pair.join("lock")).unwrap();
    lock.lock().unwrap();
    world.undo(&[]).code(7);
    world.undo(&["-n"]).code(7);
    drop(lock);
    let remote = world.remote_tree();
    fs::rename(world.local(), world.folder.path().join("moved")).unwrap();
    fs::create_dir(world.local()).unwrap();
    world.undo(&[]).code(6);
    assert_eq!(world.remote_tree(), remote);
}

/// Kills a pass as soon as so many things are done, and returns whether it was still running.
fn kill_when(world: &World, verb: &str, is_far_enough: impl Fn() -> bool) -> bool {
    let mut child = world
        .command()
        .args([
            verb,
            "local",
            "--force",
            "--op-delay",
            "20",
            "--transfers",
            "2",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !is_far_enough() && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    let was_running = child.try_wait().unwrap().is_none();
    if was_running {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    was_running
}

#[test]
fn what_a_killed_pass_did_is_taken_back() {
    // A pull: some came, some were replaced, some were removed.
    let world = World::new();
    for number in 0..30 {
        let name = format!("{number}");
        world
            .drive
            .write_with_mtime(&name, format!("old {number}"), 1_700_000_000)
            .unwrap();
    }
    world.pass("pull", &[]).code(0);
    let before = world.local_tree();
    for number in 0..30 {
        match number % 3 {
            0 => world
                .drive
                .write(format!("{number}"), format!("newer {number}"))
                .unwrap(),
            1 => world.drive.write(format!("new/{number}"), "new").unwrap(),
            _ => world.drive.trash(format!("{number}")).unwrap(),
        }
    }
    let passes = world.past().len();
    let far = || world.count("content GET") > 30 + 8;
    assert!(
        kill_when(&world, "bisync", far),
        "it was over before it was killed"
    );
    assert_eq!(world.past().len(), passes + 1);
    assert_ne!(world.local_tree(), before);
    // What was in flight at that moment may be done and not recorded; nothing is lost, and nothing else is touched.
    let ran = world.undo(&[]);
    assert!([0, 3].contains(&ran.code), "{ran:?}");
    let (after, trash) = (world.local_tree(), world.trash());
    let mut unlike = 0;
    for (path, content) in &before {
        if after.get(path) != Some(content) {
            unlike += 1;
            assert_eq!(trash.get(path), Some(content), "{path} is nowhere");
        }
    }
    assert!(unlike <= 2, "{unlike} of two transfers at once");
    world.pass("bisync", &["--force"]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
    assert!(world.leftovers().is_empty());

    // A push.
    let world = ten();
    let before = world.remote_tree();
    for number in 0..20 {
        world.write(&format!("new{}/{number}", number % 3), format!("{number}"));
    }
    world.emulator.clear_requests();
    let far = || world.count("update/documents") >= 6;
    assert!(
        kill_when(&world, "push", far),
        "it was over before it was killed"
    );
    world.undo(&[]);
    let left = world.remote_tree();
    let extra = left.keys().filter(|path| !before.contains_key(*path));
    let extra = extra.filter(|path| path.contains('/')).count();
    assert!(extra <= 2, "{left:?}");
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.expect_quiet("bisync");
    assert_eq!(world.count("deleteItems"), 0);
}
