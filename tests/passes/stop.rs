//! A signal while an answer is waited for: what only asks is given up at once, what was sent is waited for.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use icloud_sync::emulator::{Action, Fault};
use rustix::process::{Pid, Signal, kill_process};

use crate::{watch::until, world::World};

/// Longer than any test has patience: what is waited for for so long is waited for forever.
const FOREVER_MS: u64 = 600_000;

struct Running {
    child: Child,
    /// File with what it told.
    told: std::path::PathBuf,
}

impl Running {
    /// Begins a command that would wait forever for an answer.
    fn begin(world: &World, args: &[&str]) -> Self {
        let told = world.folder.path().join("told");
        let child = world
            .command()
            .env("ICLOUD_SYNC_TEST_LIMIT_MS", FOREVER_MS.to_string())
            .args(args)
            .stdout(Stdio::null())
            .stderr(File::create(&told).unwrap())
            .spawn()
            .unwrap();
        Self { child, told }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.told).unwrap()
    }

    /// Waits for the end, and returns the exit code.
    fn code(&mut self) -> i32 {
        for _ in 0..3_000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.signal(), None);
                return status.code().unwrap();
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("it goes on:\n{}", self.told());
    }
}

/// A test that fails leaves nobody behind.
impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

fn never(endpoint: Option<&str>) -> Fault {
    Fault {
        endpoint: endpoint.map(str::to_owned),
        ..Fault::always("", Action::Delay(FOREVER_MS))
    }
}

/// Counts the requests that have come, answered or not.
fn count(world: &World, endpoint: &str) -> Arc<AtomicUsize> {
    let arrived = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&arrived);
    world.emulator.before(endpoint, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    arrived
}

/// Runs a command until a request of the endpoint is under way, stops it, and returns what it told.
fn stopped_at(world: &World, endpoint: &str, args: &[&str], signal: Signal) -> String {
    let arrived = count(world, endpoint);
    let mut running = Running::begin(world, args);
    until(endpoint, || {
        let has_ended = running.child.try_wait().unwrap();
        assert_eq!(has_ended, None, "{args:?}: {}", running.told());
        arrived.load(Ordering::SeqCst) > 0
    });
    running.signal(signal);
    let code = running.code();
    assert_eq!(code, 128 + signal.as_raw(), "{args:?}: {}", running.told());
    world.emulator.clear_hooks();
    running.told()
}

#[test]
fn a_command_that_only_asks_ends_while_the_answer_is_waited_for() {
    let world = World::new();
    world.write("a", "from here");
    world.pass("bisync", &[]).code(0);
    world.emulator.fault(never(None));
    let commands: [&[&str]; 8] = [
        &["ls"],
        &["bisync", "local"],
        &["check", "local"],
        &["trash", "list"],
        &["explain", "local/a", "--local", "local"],
        &["doctor", "--local", "local"],
        &["undo", "-n", "--local", "local"],
        &["login", "--relogin"],
    ];
    for args in commands {
        for signal in [Signal::INT, Signal::TERM] {
            let told = stopped_at(&world, "*", args, signal);
            assert!(!told.contains("waiting for"), "{args:?}: {told}");
        }
    }
    world.emulator.clear_faults();
    world.expect_quiet("bisync");
}

#[test]
fn an_answer_that_drips_does_not_hold_up_the_end() {
    let world = World::new();
    world.emulator.fault(Fault::always("*", Action::Drip(50)));
    world.emulator.fault(Fault::always(
        "retrieveItemDetailsInFolders",
        Action::Drip(FOREVER_MS),
    ));
    stopped_at(
        &world,
        "retrieveItemDetailsInFolders",
        &["ls"],
        Signal::TERM,
    );
}

#[test]
fn a_content_that_stalls_is_left_and_gone_on_with_later() {
    let world = World::new();
    world.drive.write("a", "x".repeat(100_000)).unwrap();
    for action in [Action::Delay(FOREVER_MS), Action::Drip(FOREVER_MS)] {
        world.emulator.fault(Fault::always("content GET", action));
        stopped_at(&world, "content GET", &["pull", "local"], Signal::INT);
        world.emulator.clear_faults();
        assert!(!world.local().join("a").exists());
    }
    world.pass("pull", &[]).code(0);
    world.expect_equal();
}

#[test]
fn a_content_on_its_way_up_is_left_before_it_is_visible() {
    let world = World::new();
    world.write("a", "from here");
    world.emulator.fault(never(Some("content POST")));
    stopped_at(&world, "content POST", &["push", "local"], Signal::TERM);
    world.emulator.clear_faults();
    assert!(world.drive.read("a").is_err());
    world.pass("push", &[]).code(0);
    world.expect_equal();
}

#[test]
fn the_answer_to_what_was_sent_is_waited_for_and_that_is_said() {
    let world = World::new();
    fs::create_dir(world.local().join("new")).unwrap();
    let (arrived, go) = (
        count(&world, "createFolders"),
        Arc::new(AtomicBool::new(false)),
    );
    let may_go = Arc::clone(&go);
    world.emulator.after("createFolders", move |_| {
        until("the test lets go", || may_go.load(Ordering::SeqCst));
    });
    let mut running = Running::begin(&world, &["push", "local", "-v"]);
    until("the request", || arrived.load(Ordering::SeqCst) > 0);
    running.signal(Signal::INT);
    until("what it says", || {
        running.told().contains("ending; waiting")
    });
    go.store(true, Ordering::SeqCst);
    assert_eq!(running.code(), 130, "{}", running.told());
    world.emulator.clear_hooks();
    // The answer was taken in: nothing is left to be done, or to be found out.
    world.emulator.clear_requests();
    world.expect_quiet("push");
    assert_eq!(world.emulator.count("createFolders"), 0);
    assert!(world.drive.entry("new").is_ok());
}

#[test]
fn a_second_signal_does_not_wait_for_the_answer() {
    let world = World::new();
    fs::create_dir(world.local().join("new")).unwrap();
    let arrived = count(&world, "createFolders");
    world.emulator.fault(never(Some("createFolders")));
    let mut running = Running::begin(&world, &["push", "local", "-v"]);
    until("the request", || arrived.load(Ordering::SeqCst) > 0);
    running.signal(Signal::INT);
    until("what it says", || {
        running.told().contains("ending; waiting")
    });
    running.signal(Signal::INT);
    assert_eq!(running.code(), 130, "{}", running.told());
    world.emulator.clear_hooks();
    world.emulator.clear_faults();
    world.pass("push", &[]).code(0);
    world.expect_equal();
}
