use std::cell::Cell;

use super::*;
use crate::error::Error;

/// A millisecond stands for a second.
fn schedule(interval: u32) -> Schedule {
    Schedule {
        interval,
        second: Duration::from_millis(1),
    }
}

/// Far longer than any test takes.
const NEVER: u32 = 3_000_000;

#[test]
fn pauses_double_after_failures_up_to_an_hour_and_are_the_interval_else() {
    let real = Schedule {
        interval: 300,
        second: Duration::from_secs(1),
    };
    assert_eq!(real.pause(0), Duration::from_secs(300));
    for (failures, least) in [(1, 600), (2, 1200), (3, 2400), (4, 3600), (99, 3600)] {
        let pause = real.pause(failures).as_secs_f64();
        let least = f64::from(least);
        assert!(
            pause >= least && pause <= least * 1.25,
            "{failures}: {pause}"
        );
    }
    let slow = Schedule {
        interval: 7200,
        ..real
    };
    assert!(
        slow.pause(3) >= Duration::from_secs(7200),
        "never more often than asked for"
    );
}

fn error(kind: Kind) -> Result<u8> {
    Err(Error::new(kind, "so it is"))
}

/// Plays passes that end as told, and ends the watch with the last. `local` and `session` are given the number of the
/// look, from 0. Returns how many passes there were.
fn play_at(
    schedule: Schedule,
    mut ends: Vec<Result<u8>>,
    local: &dyn Fn(u64) -> u64,
    session: &dyn Fn(u64) -> u64,
) -> Result<u64> {
    ends.reverse();
    let (stop, wake) = (Stop::new(), AtomicBool::new(false));
    let looks = (Cell::new(0), Cell::new(0));
    let look = |count: &Cell<u64>, answer: &dyn Fn(u64) -> u64| {
        count.set(count.get() + 1);
        Some(answer(count.get() - 1))
    };
    let mut passes = 0;
    Watch {
        schedule,
        stop: &stop,
        wake: &wake,
        local: &|| look(&looks.0, local),
        session: &|| look(&looks.1, session),
    }
    .run(&mut |number| {
        assert_eq!(number, passes);
        passes += 1;
        let end = ends.pop().unwrap();
        if ends.is_empty() {
            stop.set(15);
        }
        end
    })?;
    assert_eq!(exit_code(&stop), 0, "SIGTERM is how a watch ends");
    Ok(passes)
}

fn play(
    interval: u32,
    ends: Vec<Result<u8>>,
    local: &dyn Fn(u64) -> u64,
    session: &dyn Fn(u64) -> u64,
) -> Result<u64> {
    play_at(schedule(interval), ends, local, session)
}

fn still(_: u64) -> u64 {
    0
}

#[test]
fn passes_follow_each_other_until_a_signal_ends_them() {
    let ends = vec![Ok(0), Ok(3), error(Kind::Temporary), Ok(5), Ok(0)];
    assert_eq!(play(1, ends, &still, &still).unwrap(), 5);
    let stop = Stop::new();
    stop.set(2);
    assert_eq!(exit_code(&stop), 130);
}

#[test]
fn what_was_typed_wrongly_ends_it_at_once() {
    let refused = play(1, vec![error(Kind::Usage), Ok(0)], &still, &still).unwrap_err();
    assert_eq!(refused.kind(), Kind::Usage);
}

/// Slow enough that a busy machine does not make it look restless.
fn slow() -> Schedule {
    Schedule {
        second: Duration::from_millis(50),
        ..schedule(NEVER)
    }
}

#[test]
fn a_local_change_begins_a_pass_when_it_has_come_to_rest() {
    let looks = Cell::new(0);
    let changed = |number: u64| {
        looks.set(number);
        number.min(2)
    };
    let ends = vec![Ok(0), Ok(0)];
    assert_eq!(play_at(slow(), ends, &changed, &still).unwrap(), 2);
    assert_eq!(looks.get(), 3, "one more than showed the last change");
}

#[test]
fn what_can_t_be_synced_begins_one_pass_and_no_more() {
    // The first pass leaves it alone, and so does the second, which was begun for it.
    let looks = Cell::new(0);
    let stuck = |number: u64| {
        looks.set(number);
        // Something else comes after a while.
        if number < 6 { 7 } else { 8 }
    };
    let ends = vec![Ok(3), Ok(3), Ok(3)];
    assert_eq!(play(NEVER, ends, &stuck, &still).unwrap(), 3);
    assert!(looks.get() >= 7, "{}", looks.get());
}

#[test]
fn a_side_that_never_rests_is_synced_all_the_same() {
    let ends = vec![Ok(0), Ok(0)];
    assert_eq!(play(NEVER, ends, &|number| number + 1, &still).unwrap(), 2);
}

#[test]
fn a_hangup_begins_one_pass_before_its_time() {
    let (stop, wake) = (Stop::new(), AtomicBool::new(false));
    Watch {
        schedule: schedule(NEVER),
        stop: &stop,
        wake: &wake,
        local: &|| None,
        session: &|| None,
    }
    .run(&mut |number| {
        if number == 1 {
            assert!(!wake.load(Ordering::SeqCst), "it is used up");
            stop.set(15);
        }
        // In the middle of a pass.
        wake.store(number == 0, Ordering::SeqCst);
        Ok(5)
    })
    .unwrap();
}

#[test]
fn who_waits_for_a_person_goes_on_when_somebody_signs_in_and_not_for_an_edit() {
    let looks = Cell::new(0);
    // The first look is before the first pass.
    let session = |number: u64| {
        looks.set(number);
        u64::from(number > 3)
    };
    let ends = vec![error(Kind::SignIn), Ok(0)];
    assert_eq!(
        play(NEVER, ends, &|number| number + 1, &session).unwrap(),
        2
    );
    assert!(looks.get() > 3, "{}", looks.get());
}

#[test]
fn a_sign_in_in_the_middle_of_a_pass_is_seen() {
    let session = |number: u64| u64::from(number > 0);
    let ends = vec![error(Kind::SignIn), Ok(0)];
    assert_eq!(play(NEVER, ends, &still, &session).unwrap(), 2);
}
