//! Random and spoilt input for every parser of foreign bytes.
//!
//! Comes in: what a parser is fed with in real life, and a check that reads such bytes and looks at what it got. Each
//! parser's own module `fuzz` has these and calls [`fuzz`], which makes input of the samples ([`make`]) and counts what
//! fails: a panic of the parser or of the check. In the usual tests a few hundred cases are played, the same ones each time.
//!
//! On demand, `FUZZ_SECONDS` says for how long, and a line for each parser tells how it went:
//!
//! ```text
//! FUZZ_SECONDS=60 cargo test --release --lib fuzz:: -- --nocapture --test-threads 1
//! ```
//!
//! Each case has a seed of its own, from which all of it is made. A failure names its seed: `FUZZ_SEED=N FUZZ_CASES=1` with
//! the test's name plays it again.

mod make;
mod text;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

pub(crate) use make::{Rng, spoilt};
pub(crate) use text::ODD_NAMES;

/// Cases of a usual test run.
const CASES: u64 = 300;

/// Failures after which a parser has shown enough.
const ENOUGH: usize = 5;

/// On demand, one case may take so long, on a disk that others write to as well: no parser of linear time needs a tenth.
const SLOWEST: Duration = Duration::from_secs(60);

/// On demand, the process may hold so much at its worst, in KiB: all samples, inputs and what is parsed of them.
const LARGEST_KIB: u64 = 1 << 20;

/// The distance of the seeds of two cases.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the environment asks for.
struct Plan {
    seed: u64,
    cases: u64,
    time: Option<Duration>,
}

impl Plan {
    fn of_environment(name: &str, cases: u64) -> Self {
        let given = |name: &str| -> Option<u64> {
            let text = std::env::var(name).ok()?;
            Some(
                text.parse()
                    .unwrap_or_else(|_| panic!("{name}: {text:?} is no number")),
            )
        };
        let time = given("FUZZ_SECONDS").map(Duration::from_secs);
        let of_name = name.bytes().fold(0, |seed: u64, byte| {
            seed.wrapping_mul(31).wrapping_add(byte.into())
        });
        Self {
            seed: given("FUZZ_SEED").unwrap_or(of_name),
            cases: given("FUZZ_CASES").unwrap_or(if time.is_some() { u64::MAX } else { cases }),
            time,
        }
    }
}

/// Plays a parser with bytes made of `samples`; `check` reads them, and panics where what it reads is not as it has to be.
///
/// # Panics
/// With the seeds, where a case failed.
pub(crate) fn fuzz(name: &str, samples: &[&[u8]], check: impl Fn(&[u8])) {
    fuzz_as(name, CASES, |rng| make::bytes(rng, samples), check);
}

/// The same for input of another form, made by `make`; `cases` are played in a usual test run.
///
/// # Panics
/// With the seeds, where a case failed.
pub(crate) fn fuzz_as(
    name: &str,
    cases: u64,
    make: impl Fn(&mut Rng) -> Vec<u8>,
    check: impl Fn(&[u8]),
) {
    let plan = Plan::of_environment(name, cases);
    let begin = Instant::now();
    let (at_seed, watched) = mpsc::channel();
    let watch = plan.time.map(|_| {
        let name = name.to_owned();
        thread::spawn(move || watch(&name, &watched))
    });
    let mut seed = plan.seed;
    let mut played = 0_u64;
    let mut slowest = (Duration::ZERO, 0, seed);
    let mut failed: Vec<(u64, String)> = Vec::new();
    while played < plan.cases && plan.time.is_none_or(|time| begin.elapsed() < time) {
        if watch.is_some() {
            at_seed.send(seed).expect("the watcher waits for the end");
        }
        let mut rng = Rng::new(seed);
        let input = make(&mut rng);
        let start = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
            failed.push((seed, shown(&input)));
            if failed.len() >= ENOUGH {
                break;
            }
        }
        slowest = slowest.max((start.elapsed(), input.len(), seed));
        played += 1;
        seed = seed.wrapping_add(STEP);
    }
    drop(at_seed);
    if let Some(watch) = watch {
        watch.join().expect("the watcher only prints");
        let peak = peak_kib();
        println!(
            "fuzz {name}: {} s, {played} executions, {} failures; slowest {} ms for {} bytes (seed {}); peak {} MiB",
            begin.elapsed().as_secs(),
            failed.len(),
            slowest.0.as_millis(),
            slowest.1,
            slowest.2,
            peak / 1024
        );
        assert!(
            slowest.0 < SLOWEST,
            "{name} took {:?} for {} bytes: FUZZ_SEED={} FUZZ_CASES=1",
            slowest.0,
            slowest.1,
            slowest.2
        );
        assert!(peak < LARGEST_KIB, "{name} needed {} MiB", peak / 1024);
    }
    let told: Vec<String> = (failed.iter())
        .map(|(seed, shown)| format!("FUZZ_SEED={seed} FUZZ_CASES=1: {shown}"))
        .collect();
    assert!(told.is_empty(), "{name}: {}", told.join("\n"));
}

/// Says where it hangs, since a case that never ends has no other way to be told.
fn watch(name: &str, seeds: &mpsc::Receiver<u64>) {
    let mut last = None;
    loop {
        match seeds.recv_timeout(SLOWEST) {
            Ok(seed) => last = Some(seed),
            Err(RecvTimeoutError::Timeout) => {
                println!(
                    "fuzz {name}: still at FUZZ_SEED={}",
                    last.unwrap_or_default()
                );
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn shown(input: &[u8]) -> String {
    let first = input.get(..input.len().min(300)).unwrap_or_default();
    format!("{} bytes: \"{}\"", input.len(), first.escape_ascii())
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

mod tests {
    use super::*;

    #[test]
    fn a_case_is_made_of_its_seed_alone_and_a_failure_names_it() {
        let samples: [&[u8]; 2] = [br#"{"a":[1,2,{"b":"c"}]}"#, b"x=1; Path=/"];
        let made = |seed| make::bytes(&mut Rng::new(seed), &samples);
        for seed in 0..200 {
            assert_eq!(made(seed), made(seed));
        }
        let failed = catch_unwind(|| fuzz("a check that fails", &samples, |_| panic!("no")));
        let why = failed.unwrap_err();
        let why = why.downcast_ref::<String>().unwrap();
        assert!(why.contains("FUZZ_SEED="), "{why}");
    }
}
