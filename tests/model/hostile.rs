//! A service that misbehaves by chance, with other devices writing meanwhile: the real binary keeps the laws, ends with a
//! code that says so, and a later quiet pass brings both sides together. Then the same for a long time.

use std::sync::atomic::{AtomicUsize, Ordering};

use icloud_sync::{
    emulator::{Action, Fault, Seen},
    plan::Verb,
};

use crate::{
    hand::{Edit, KINDS, LOCAL, Maker, apply},
    real::{Real, Rounds},
};

/// A generator that repeats with its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn edit(&mut self) -> Edit {
        let mut number = || u16::try_from(self.roll(1 << 16)).unwrap();
        let (one, other, what) = (number(), number(), number());
        Edit {
            what: u8::try_from(what % u16::from(KINDS)).unwrap(),
            one,
            other,
        }
    }
}

fn status(status: u16) -> Action {
    Action::Status {
        status,
        body: None,
        retry_after: None,
    }
}

/// Draws what goes wrong, and how often.
fn trouble(real: &Real, dice: &mut Dice) -> String {
    let mut told = Vec::new();
    for _ in 0..=dice.roll(3) {
        let list = "retrieveItemDetailsInFolders";
        let (endpoint, action) = match dice.roll(18) {
            0 => (list, Action::WrongCount),
            1 => (list, Action::MissingItems),
            2 => (list, Action::ShortArray),
            3 => (list, Action::TruncateJson),
            4 => (list, status(500)),
            5 => ("content GET", Action::HalfBody),
            6 => ("content GET", Action::ShortContent),
            7 => ("content GET", Action::Corrupt),
            8 => ("content GET", Action::IgnoreRange),
            9 => ("update/documents", Action::ZoneBusy),
            10 => ("update/documents", Action::DropAfter),
            11 => ("update/documents", Action::DropBefore),
            12 => ("createFolders", Action::DropAfter),
            13 => ("renameItems", Action::DropAfter),
            14 => ("moveItems", Action::DropAfter),
            15 => ("moveItemsToTrash", Action::DropAfter),
            16 => ("upload/web", status(503)),
            _ => (
                "*",
                [400, 409, 429, 500, 503].map(status)[usize::try_from(dice.roll(5)).unwrap()]
                    .clone(),
            ),
        };
        let mut fault = Fault::always(endpoint, action);
        if endpoint == "*" {
            fault.endpoint = None;
        }
        fault.skip = u32::try_from(dice.roll(6)).unwrap();
        fault.times = Some(u32::try_from(1 + dice.roll(4)).unwrap());
        told.push(format!("{fault:?}"));
        real.emulator.fault(fault);
    }
    if dice.roll(4) == 0 {
        let left = AtomicUsize::new(usize::try_from(dice.roll(20)).unwrap());
        let expire = real.session_killer();
        told.push(format!(
            "the session ends after {} requests",
            left.load(Ordering::SeqCst)
        ));
        real.emulator.before("*", move |_: &Seen| {
            let is_due = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
            if is_due == Ok(1) {
                expire();
            }
        });
    }
    told.join("; ")
}

/// Lets another device write between two requests, but never in the one window that the service leaves open.
fn second_writer(real: &Real, dice: &mut Dice, round: u64) {
    let left = AtomicUsize::new(usize::try_from(1 + dice.roll(25)).unwrap());
    let drive = real.drive.clone();
    let is_edit = dice.roll(2) == 0;
    real.emulator.before("*", move |seen: &Seen| {
        if seen.endpoint == "update/documents" {
            return;
        }
        let is_due = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        if is_due == Ok(1) {
            let text = format!("another device {round}\n");
            // What it writes over both sides have had, so the local trash is to have it.
            let written = if is_edit {
                drive.write_with_mtime("s one", text, 1_690_000_000)
            } else {
                drive.write_with_mtime("m/from a device", text, 1_690_000_000)
            };
            drop(written);
        }
    });
}

fn hostile(verb: Verb, seed: u64, count: u64) {
    let real = Real::new();
    let mut rounds = Rounds::new(verb);
    Rounds::begin(&real);
    let mut dice = Dice(seed);
    for round in 0..count {
        let mut goal = Some(rounds.edit(&real));
        let mut before = real.found();
        let mut told = trouble(&real, &mut dice);
        let mut args = rounds.args();
        if verb == Verb::Bisync && round % 2 == 1 {
            second_writer(&real, &mut dice, round);
            told.push_str("; another device writes");
            args.extend(["--transfers", "1"]);
            before.insert(format!("another device {round}\n").into_bytes());
            goal = None;
        }
        let ended = real.run(&args, None);
        real.emulator.clear_faults();
        real.emulator.clear_hooks();
        let told = format!(
            "{} seed {seed} round {round} ({told}): {}",
            verb.as_str(),
            ended.told
        );
        assert!(
            matches!(ended.code, Some(0 | 1 | 3 | 5)),
            "code {:?}: {told}",
            ended.code
        );
        if goal.is_none() {
            // It may not have come to write; its edit replaces what both sides had.
            let after = real.found();
            before.retain(|content| {
                after.contains(content) || !content.starts_with(b"another device")
            });
        }
        if let Err(why) = rounds.check_midway(&real, &before) {
            panic!("{why}\n{told}");
        }
        let quiet = real.run(&args, None);
        assert_eq!(quiet.code, Some(0), "{}\nafter {told}", quiet.told);
        if let Err(why) = rounds.check_midway(&real, &before) {
            panic!("quiet: {why}\n{told}");
        }
        if let Some(goal) = goal {
            if let Err(why) = goal.check(&real) {
                panic!("{why}\n{told}");
            }
        } else {
            real.run(&args, None);
            let is_equal = real.local_tree() == real.remote_tree();
            assert!(is_equal, "the sides differ: {told}");
        }
        assert!(
            real.leftovers().is_empty(),
            "{:?}: {told}",
            real.leftovers()
        );
    }
    assert_eq!(real.emulator.count("deleteItems"), 0);
}

#[test]
fn a_pull_from_a_hostile_service_keeps_the_laws() {
    hostile(Verb::Pull, 0x5eed_1001, 8);
}

#[test]
fn a_push_to_a_hostile_service_keeps_the_laws() {
    hostile(Verb::Push, 0x5eed_1002, 8);
}

#[test]
fn a_bisync_with_a_hostile_service_keeps_the_laws() {
    hostile(Verb::Bisync, 0x5eed_1003, 10);
}

#[test]
#[ignore = "300 rounds: cargo test --test model -- --ignored hostile"]
fn hostile_services_keep_the_laws_for_long() {
    for verb in [Verb::Pull, Verb::Push, Verb::Bisync] {
        for seed in 1..=5 {
            hostile(verb, seed * 0x9e37_79b9, 20);
        }
    }
}

#[test]
#[ignore = "200 passes: cargo test --test model -- --ignored long_run"]
fn a_long_run_with_random_hands_and_crashes_loses_nothing() {
    let real = Real::new();
    let mut dice = Dice(0x5eed_2001);
    let mut maker = Maker::default();
    for pass in 0..200 {
        for _ in 0..dice.roll(5) {
            apply(dice.edit(), &real.hand, LOCAL, &mut maker);
        }
        for _ in 0..dice.roll(5) {
            apply(dice.edit(), &real.drive, "remote", &mut maker);
        }
        let before = real.found();
        let die_at = (dice.roll(2) == 0).then(|| 1 + dice.roll(60));
        if dice.roll(4) == 0 {
            trouble(&real, &mut dice);
        }
        let ended = real.run(&["bisync", "local", "--force"], die_at);
        real.emulator.clear_faults();
        real.emulator.clear_hooks();
        let story = || maker.story.join("\n  ");
        assert!(
            matches!(ended.code, None | Some(0 | 1 | 3 | 5)),
            "pass {pass}: {ended:?}\n{}",
            story()
        );
        let after = real.found();
        let is_lost =
            |content: &&Vec<u8>| !after.contains(*content) && !maker.superseded.contains(*content);
        if let Some(lost) = before.iter().find(is_lost) {
            panic!(
                "pass {pass}: {:?} is lost\n  {}",
                String::from_utf8_lossy(lost),
                story()
            );
        }
        maker
            .story
            .push(format!("pass {pass} came to {:?}", ended.code));
    }
    for _ in 0..2 {
        let ended = real.run(&["bisync", "local", "--force"], None);
        assert_eq!(
            ended.code,
            Some(0),
            "{}\n{}",
            ended.told,
            maker.story.join("\n  ")
        );
    }
    assert!(real.local_tree() == real.remote_tree(), "the sides differ");
    assert!(real.leftovers().is_empty());
}
