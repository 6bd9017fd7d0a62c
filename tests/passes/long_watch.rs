//! A watch that runs for long: 10,000 passes between two sides that are edited all the time, with a service that is
//! often in trouble and now and then signs everybody out.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use icloud_sync::emulator::{Action, Fault};
use rustix::process::Signal;

use super::{
    watch::{Watching, until, until_within},
    world::{Tree, WHO, World, tree_of},
};

/// Passes between two rounds of edits: whatever the trouble, some of them go through.
const PASSES_A_ROUND: usize = 100;
const ROUNDS: usize = 100;
/// A person is needed this often.
const ROUNDS_AN_EPISODE: usize = 25;

/// What the service does to one request of a round.
fn trouble(round: usize) -> Fault {
    let status = |status: u16, retry_after: Option<&str>| Action::Status {
        status,
        body: None,
        retry_after: retry_after.map(str::to_owned),
    };
    let list = "retrieveItemDetailsInFolders";
    let (endpoint, action) = match round % 20 {
        0 => (list, Action::Html502),
        1 => (list, Action::TruncateJson),
        2 => (list, Action::WrongCount),
        3 => (list, Action::MissingItems),
        4 => (list, Action::ShortItems),
        5 => (list, Action::ShortArray),
        6 => (list, Action::DropBefore),
        7 => (list, Action::HalfBody),
        8 => (list, status(503, None)),
        9 => (list, status(429, Some("1"))),
        10 => (list, status(421, None)),
        11 => ("update/documents", Action::ZoneBusy),
        12 => ("update/documents", Action::DropAfter),
        13 => ("update/documents", Action::InnerStatus(1)),
        14 => ("upload/web", status(500, None)),
        15 => ("download/batch", Action::NoToken),
        16 => ("content GET", Action::Corrupt),
        17 => ("content GET", Action::HalfBody),
        18 => ("renameItems", Action::DropAfter),
        _ => ("content GET", status(403, None)),
    };
    Fault::once(endpoint, action)
}

/// What the process holds: memory in KiB, and open descriptors (which only root may count from outside; else 0).
fn held(watching: &Watching<'_>) -> (u64, usize) {
    let proc = PathBuf::from(format!("/proc/{}", watching.child.id()));
    let status = fs::read_to_string(proc.join("status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (
        kib,
        fs::read_dir(proc.join("fd")).map_or(0, Iterator::count),
    )
}

/// Edits both sides; returns the contents that have to be somewhere from then on.
fn edit(world: &World, round: usize) -> Vec<Vec<u8>> {
    let number = round % 10;
    let (here, there) = (
        format!("round {round} here"),
        format!("round {round} there"),
    );
    // The other device first: what it writes between our last look and our commit is the one thing that the service
    // lets nobody keep.
    let drive = &world.drive;
    drive
        .write(format!("there {number}"), there.clone())
        .unwrap();
    drive
        .write(format!("both {number}"), format!("{there}, too"))
        .unwrap();
    let wanderer = format!("wanderer {}", round.saturating_sub(1));
    if drive
        .rename(wanderer.as_str(), &format!("wanderer {round}"))
        .is_err()
    {
        drive.write(format!("wanderer {round}"), "wanders").unwrap();
    }
    let gone = format!("there {}", (round + 5) % 10);
    let lost = drive.read(gone.as_str()).ok();
    if lost.is_some() {
        drive.trash(gone.as_str()).unwrap();
    }
    world.write(&format!("here {number}"), &here);
    world.write(&format!("both {number}"), format!("{here}, too"));
    let mut kept = vec![
        format!("{there}, too").into_bytes(),
        format!("{here}, too").into_bytes(),
    ];
    kept.extend(lost.map(|content| content.to_vec()));
    kept
}

/// Both sides are the same, and each content that lost or was deleted is on them or in the local trash.
#[track_caller]
fn expect_laws(world: &World, round: usize, kept: &BTreeSet<Vec<u8>>) {
    world.expect_equal();
    assert!(world.leftovers().is_empty(), "{:?}", world.leftovers());
    let trash = tree_of(&world.local().join(".icloud-sync/trash"));
    let tree = world.local_tree();
    let contents = |tree: Tree| tree.into_values().flatten().collect::<BTreeSet<_>>();
    let (tree, trash) = (contents(tree), contents(trash));
    for content in kept {
        assert!(
            tree.contains(content) || trash.contains(content),
            "round {round}: {:?} is lost",
            String::from_utf8_lossy(content)
        );
    }
}

#[test]
#[ignore = "10,000 passes: cargo test --test passes -- --ignored ten_thousand --nocapture"]
fn ten_thousand_passes_hold_no_more_than_a_thousand() {
    let world = World::new();
    fs::create_dir_all(world.local().join(".icloud-sync/trash")).unwrap();
    let called = world.folder.path().join("called");
    let hook = format!("echo x >> '{}'", called.display());
    let args = [
        "--interval",
        "5",
        "--hook",
        &hook,
        "--metrics-http",
        "--metrics-port",
        "0",
    ];
    // Of the hour that the bound is for, so much goes by here that its sign-ins would be too many.
    let watching = Watching::begin_with(&world, &args, &[("AUTO_REAUTH_MAX_ATTEMPTS", "1000")]);
    let mut samples = Vec::new();
    let mut kept = BTreeSet::new();
    let mut episodes = 0;
    for round in 1..=ROUNDS {
        until_within(Duration::from_secs(3600), "a pass", || {
            watching.passes() >= round * PASSES_A_ROUND
        });
        samples.push(held(&watching));
        expect_laws(&world, round, &kept);
        world.emulator.fault(trouble(round));
        // What won last time is written over by its owner.
        let won = fs::read(world.local().join(format!("both {}", round % 10)));
        kept.remove(&won.unwrap_or_default());
        kept.extend(edit(&world, round));
        if round % 10 == 0 {
            world.emulator.expire_session(WHO);
        }
        if round % ROUNDS_AN_EPISODE == 0 {
            world.emulator.expire_session(WHO);
            world.emulator.expire_tokens(WHO);
            episodes += 1;
            let calls = || fs::read_to_string(&called).map_or(0, |text| text.lines().count());
            until("the call", || calls() == episodes);
            world.run(["login"]).code(0);
        }
    }
    let passes = watching.passes();
    let (code, told) = watching.end(Signal::TERM);
    assert_eq!(code, Some(0));
    // The most of ten: a sample may fall into a pass, with its threads and connections.
    let most = |samples: &[(u64, usize)]| {
        let memory = samples.iter().map(|sample| sample.0).max().unwrap();
        (memory, samples.iter().map(|sample| sample.1).max().unwrap())
    };
    let (first, last) = (most(&samples[..10]), most(&samples[ROUNDS - 10..]));
    println!(
        "{passes} passes, {ROUNDS} rounds of edits, {} contents to keep, {episodes} episodes: {} KiB and {} descriptors at most in the first 1,000 passes, {} KiB and {} in the last",
        kept.len(),
        first.0,
        first.1,
        last.0,
        last.1
    );
    assert!(last.0 < first.0 * 5 / 4 + 2048, "{first:?} {last:?}");
    assert!(last.1 <= first.1 + 2, "{first:?} {last:?}");
    assert!(told.lines().count() < passes * 2);
    let calls = fs::read_to_string(&called).unwrap().lines().count();
    assert_eq!(calls, episodes, "one notification an episode");
    world.run(["login"]).code(0);
    world.pass("bisync", &[]);
    expect_laws(&world, ROUNDS + 1, &kept);
    world.expect_quiet("bisync");
}
