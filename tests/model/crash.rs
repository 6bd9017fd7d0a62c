//! Crashes: at each step that changes something on this machine, and around each request. Afterwards nothing is lost or
//! half, and the next pass ends where one without a crash does.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use icloud_sync::plan::Verb;

use crate::{
    hand::Hand,
    pair::spawn,
    real::{Ended, Real, Rounds},
};

/// Runs round after round, with a crash at place `stride`, then twice as far, …, until a pass gets by without one. Returns
/// the first place that was never reached.
#[track_caller]
fn crash_at_each(verb: Verb, stride: usize, crash: impl Fn(&Real, &[&str], u64) -> Ended) -> u64 {
    let real = Real::new();
    let mut rounds = Rounds::new(verb);
    Rounds::begin(&real);
    for place in (1..=MOST).step_by(stride) {
        let goal = rounds.edit(&real);
        let before = real.found();
        let args = rounds.args();
        let ended = crash(&real, &args, place);
        let where_it_was = format!("{} at {place}", verb.as_str());
        if let Err(why) = rounds.check_midway(&real, &before) {
            panic!("{where_it_was}: {why}");
        }
        if let Some(code) = ended.code {
            assert_eq!(code, 0, "{where_it_was}: {}", ended.told);
        } else {
            let again = real.run(&args, None);
            assert_eq!(again.code, Some(0), "{where_it_was}: {}", again.told);
        }
        if let Err(why) = goal.check(&real) {
            panic!("{where_it_was}: {why}");
        }
        assert!(
            real.leftovers().is_empty(),
            "{where_it_was}: {:?}",
            real.leftovers()
        );
        if ended.code.is_some() {
            return place;
        }
    }
    panic!("a pass never came to its end in {MOST} places");
}

/// Two crashes, one after the other: the first while a deleted folder is carried over, at each of its steps, the second
/// while what somebody has put back meanwhile in iCloud comes here. What was put back was not deleted again.
fn crash_twice(seconds: &[u64]) {
    let mut restored = 0;
    for first in 1..MOST {
        let mut has_ended = false;
        for second in seconds {
            let real = Real::new();
            real.hand.make_folder("d");
            for name in ["d/a", "d/b", "d/c", "e", "f", "g", "h", "i"] {
                real.hand.write(name, name.as_bytes(), Some(1_700_000_000));
            }
            assert_eq!(real.run(&BISYNC, None).code, Some(0));
            let goal = real.remote_tree();
            real.hand.remove("d");
            has_ended |= real.run(&BISYNC, Some(first)).code.is_some();
            let Some(folder) = real.drive.trashed().unwrap().pop() else {
                continue;
            };
            real.drive.put_back(&folder.docwsid).unwrap();
            // Before it was written down that the deletion had been carried over, it is still to be.
            if real
                .run_whole(&["bisync", "local", "-n"])
                .1
                .contains("Remove remotely")
            {
                continue;
            }
            restored += 1;
            real.run(&BISYNC, Some(*second));
            let ended = real.run(&BISYNC, None);
            let places = format!("{first} and {second}: {}", ended.told);
            assert_eq!(ended.code, Some(0), "{places}");
            assert_eq!(real.remote_tree(), goal, "{places}");
            assert_eq!(real.local_tree(), goal, "{places}");
        }
        if has_ended {
            assert!(restored > 0, "nothing was ever put back");
            return;
        }
    }
}

const BISYNC: [&str; 2] = ["bisync", "local"];

#[test]
fn what_was_put_back_between_two_crashes_stays() {
    crash_twice(&[9]);
}

#[test]
#[ignore = "each pair of steps: cargo test --test model -- --ignored everywhere_twice"]
fn passes_may_crash_everywhere_twice() {
    crash_twice(&(1..40).collect::<Vec<_>>());
}

/// The tests of every day look at some of the places, the ignored ones at all.
const STRIDE: usize = 7;
const MOST: u64 = 400;

fn at_steps(verb: Verb, stride: usize) {
    let steps = crash_at_each(verb, stride, |real, args, place| {
        real.run(args, Some(place))
    });
    assert!(steps > 20, "only {steps} steps were seen");
}

#[test]
fn a_pull_may_crash_at_its_steps() {
    at_steps(Verb::Pull, STRIDE);
}

#[test]
fn a_push_may_crash_at_its_steps() {
    at_steps(Verb::Push, STRIDE);
}

#[test]
fn a_bisync_may_crash_at_its_steps() {
    at_steps(Verb::Bisync, STRIDE);
}

#[test]
#[ignore = "every step and every request: cargo test --test model -- --ignored everywhere"]
fn passes_may_crash_everywhere() {
    for verb in [Verb::Pull, Verb::Push, Verb::Bisync] {
        at_steps(verb, 1);
        crash_at_each(verb, 1, kill_at_request);
    }
}

/// Kills the program when its n-th request has come in, before it is carried out or after.
fn kill_at_request(real: &Real, args: &[&str], place: u64) -> Ended {
    let child = Arc::new(AtomicU32::new(0));
    let left = Arc::new(AtomicUsize::new(
        usize::try_from(place.div_ceil(2)).unwrap(),
    ));
    let hook = {
        let (child, left) = (Arc::clone(&child), Arc::clone(&left));
        move |_: &icloud_sync::emulator::Seen| {
            let is_due = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
            if is_due == Ok(1) {
                let mut id = 0;
                while id == 0 {
                    std::thread::yield_now();
                    id = child.load(Ordering::SeqCst);
                }
                let id = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
                rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
            }
        }
    };
    if place % 2 == 1 {
        real.emulator.before("*", hook);
    } else {
        real.emulator.after("*", hook);
    }
    let mut command = real.command(args);
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let process = spawn(&mut command);
    child.store(process.id(), Ordering::SeqCst);
    let output = process.wait_with_output().unwrap();
    real.emulator.clear_hooks();
    Ended {
        code: output.status.code(),
        told: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_pull_may_be_killed_around_its_requests() {
    crash_at_each(Verb::Pull, STRIDE, kill_at_request);
}

#[test]
fn a_push_may_be_killed_around_its_requests() {
    crash_at_each(Verb::Push, STRIDE, kill_at_request);
}

#[test]
fn a_bisync_may_be_killed_around_its_requests() {
    crash_at_each(Verb::Bisync, STRIDE, kill_at_request);
}
