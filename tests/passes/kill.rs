//! `kill -9` at random moments: no path ever holds anything but its old or new content, and the next pass completes.

use std::{
    collections::BTreeMap,
    process::Stdio,
    time::{Duration, Instant},
};

#[cfg(debug_assertions)]
use super::world::tree_of;
use super::world::{Tree, World};

/// A generator that repeats with its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

const FILES: usize = 24;

fn content(version: &str, number: usize) -> Vec<u8> {
    let mut content = format!("{version} of {number}\n").into_bytes();
    // A few are large enough to be cut off in the middle.
    let length = if number.is_multiple_of(6) {
        600_000
    } else {
        2_000
    };
    content.resize(length, b'a' + u8::try_from(number % 26).unwrap());
    content
}

fn name(number: usize) -> String {
    format!("d{}/f{number}", number % 4)
}

/// Checks that every file is wholly old or wholly new.
fn expect_whole(tree: &Tree, allowed: &BTreeMap<String, Vec<Vec<u8>>>) {
    for (path, found) in tree {
        let Some(found) = found else { continue };
        if path.contains("/.icloud-sync.") {
            continue; // unfinished, and hidden from every listing
        }
        let allowed = allowed
            .get(path)
            .unwrap_or_else(|| panic!("{path} should not be there"));
        assert!(allowed.contains(found), "{path} is neither old nor new");
    }
}

/// Runs a verb to its end once to learn how long it takes, then kills it at random moments of that time.
fn kill_at_random_moments(verb: &str, kills: u32, seed: u64) {
    let world = World::new();
    let mut dice = Dice(seed);
    let mut usual = Duration::from_millis(150);
    let mut old_version = String::from("version 0");
    let mut killed = 0;
    for round in 1..=kills {
        let version = format!("version {round}");
        let mut allowed: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for number in 0..FILES {
            let (old, new) = (content(&old_version, number), content(&version, number));
            if verb == "pull" {
                world.drive.write(name(number), new.clone()).unwrap();
            } else {
                world.write(&name(number), new.clone());
            }
            allowed.insert(name(number), vec![old, new]);
        }
        let begun = Instant::now();
        let mut child = world
            .command()
            .args([verb, "local", "--force"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = Duration::from_micros(dice.roll(usual.as_micros().try_into().unwrap()));
        let mut done = false;
        while begun.elapsed() < moment {
            if child.try_wait().unwrap().is_some() {
                done = true;
                usual = begun.elapsed();
                break;
            }
            std::thread::yield_now();
        }
        if !done {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
        expect_whole(&world.local_tree(), &allowed);
        expect_whole(&world.remote_tree(), &allowed);
        let begun = Instant::now();
        world.pass(verb, &["--force"]).code(0);
        usual = usual.max(begun.elapsed());
        world.expect_equal();
        assert!(world.leftovers().is_empty(), "{:?}", world.leftovers());
        old_version = version;
    }
    world.expect_quiet(verb);
    assert!(
        killed > kills / 2,
        "only {killed} of {kills} runs were killed in time"
    );
    assert_eq!(world.count("deleteItems"), 0);
}

#[test]
fn a_pull_that_is_killed_at_any_moment_loses_nothing() {
    kill_at_random_moments("pull", 50, 0x5eed_0001);
}

#[test]
fn a_push_that_is_killed_at_any_moment_loses_nothing() {
    kill_at_random_moments("push", 50, 0x5eed_0002);
}

/// A step is something only where the program is built with debug assertions.
#[cfg(debug_assertions)]
#[test]
fn a_package_that_is_replaced_is_whole_whenever_it_is_killed() {
    let world = World::new();
    let version = |number: usize| (format!("index {number}"), format!("data {number}"));
    let put = |number: usize| {
        let (index, data) = version(number);
        let files = [("Index", index.as_bytes()), ("Data/a", data.as_bytes())];
        world.drive.mkpackage("Doc.pages", &files).unwrap();
    };
    put(0);
    world.pass("pull", &[]).code(0);
    for step in 1.. {
        put(step);
        let output = world
            .command()
            .env("ICLOUD_SYNC_TEST_DIE_AT", step.to_string())
            .args(["pull", "local"])
            .output()
            .unwrap();
        let found = (
            world.read("Doc.pages/Index"),
            world.read("Doc.pages/Data/a"),
        );
        let whole = [version(step - 1), version(step)];
        assert!(whole.contains(&found), "killed at step {step}: {found:?}");
        world.pass("pull", &[]).code(0);
        assert_eq!(
            world.read("Doc.pages/Index"),
            version(step).0,
            "step {step}"
        );
        assert!(
            world.leftovers().is_empty(),
            "step {step}: {:?}",
            world.leftovers()
        );
        // What was replaced can be named.
        let kept = tree_of(&world.local().join(".icloud-sync/trash"));
        let old = version(step - 1).0.into_bytes();
        assert!(
            kept.values().flatten().any(|content| *content == old),
            "step {step}"
        );
        if output.status.code() == Some(0) {
            assert!(step > 10, "{step} steps");
            break;
        }
    }
    // Killed between the package's place and the note of it, a pass finds that what is here is what is there.
    let names = std::fs::read_dir(world.local()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() <= 2, "one package and the trash: {names:?}");
    world.expect_quiet("pull");
    world.expect_quiet("bisync");
}

/// A step is something only where the program is built with debug assertions.
#[cfg(debug_assertions)]
#[test]
fn a_package_that_comes_anew_is_one_whenever_it_is_killed() {
    for step in 1.. {
        let world = World::new();
        let files: [(&str, &[u8]); 2] = [("Index", b"1"), ("Data/a", b"2")];
        world.drive.mkpackage("d/Doc.pages", &files).unwrap();
        let output = world
            .command()
            .env("ICLOUD_SYNC_TEST_DIE_AT", step.to_string())
            .args(["bisync", "local"])
            .output()
            .unwrap();
        world.pass("bisync", &["--force"]).code(0);
        let there = std::fs::read_dir(world.local().join("d")).unwrap();
        assert_eq!(there.count(), 1, "step {step}");
        assert_eq!(world.read("d/Doc.pages/Data/a"), "2");
        world.expect_quiet("bisync");
        assert_eq!(world.count("deleteItems"), 0);
        if output.status.code() == Some(0) {
            assert!(step > 10, "{step} steps");
            break;
        }
    }
}
