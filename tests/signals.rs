//! The first signal asks to stop, the second ends the process; each with its exit code.
//!
//! The tests start this very test program again as a child that does nothing but wait for signals.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, IsTerminal as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use icloud_sync::{signals, stop::Stop};
use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr},
};

const CHILD: &str = "ICLOUD_SYNC_TEST_CHILD";
const FOREVER: Duration = Duration::from_secs(60);

/// Not a test: what the others start.
#[test]
#[ignore = "the child of the other tests"]
fn child() {
    let Some(mode) = std::env::var_os(CHILD) else {
        return;
    };
    let stop = Stop::new();
    signals::install(&stop).unwrap();
    let asking = (mode == "asking").then(signals::Asking::begin);
    if io::stdin().is_terminal() {
        // As the question for a password does.
        let mut quiet = tcgetattr(io::stdin()).unwrap();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &quiet).unwrap();
    }
    println!("\nready");
    if stop.wait(FOREVER).is_err() {
        println!("\nstopped by {:?}", stop.signal());
    }
    drop(asking);
    // A second signal is to end it here.
    let _waited = Stop::new().wait(FOREVER);
}

struct Started {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Started {
    fn new(mode: &str) -> Self {
        Self::with_stdin(mode, Stdio::null())
    }

    fn with_stdin(mode: &str, stdin: Stdio) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(CHILD, mode)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut started = Self { child, lines };
        started.until("ready");
        started
    }

    fn until(&mut self, wanted: &str) {
        let mut line = String::new();
        while line.trim_end() != wanted {
            line.clear();
            assert_ne!(
                self.lines.read_line(&mut line).unwrap(),
                0,
                "no line {wanted:?}"
            );
        }
    }

    fn kill(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    fn code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[test]
fn the_second_ctrl_c_ends_at_once_with_130() {
    let mut child = Started::new("working");
    child.kill(Signal::INT);
    child.until("stopped by Some(2)");
    child.kill(Signal::INT);
    assert_eq!(child.code(), Some(130));
}

#[test]
fn the_second_sigterm_ends_at_once_with_143() {
    let mut child = Started::new("working");
    child.kill(Signal::TERM);
    child.until("stopped by Some(15)");
    child.kill(Signal::TERM);
    assert_eq!(child.code(), Some(143));
}

#[test]
fn a_sigterm_after_a_ctrl_c_is_a_second_signal_too() {
    let mut child = Started::new("working");
    child.kill(Signal::INT);
    child.until("stopped by Some(2)");
    child.kill(Signal::TERM);
    assert_eq!(child.code(), Some(143));
}

#[test]
fn while_a_person_is_asked_the_first_signal_ends_the_process() {
    let child = Started::new("asking");
    child.kill(Signal::INT);
    assert_eq!(child.code(), Some(130));
    let child = Started::new("asking");
    child.kill(Signal::TERM);
    assert_eq!(child.code(), Some(143));
}

#[test]
fn a_terminal_without_echo_is_given_back_with_it() {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = File::open(name.to_str().unwrap()).unwrap();
    let has_echo = || {
        let now = tcgetattr(&terminal).unwrap();
        now.local_modes.contains(LocalModes::ECHO)
    };
    assert!(has_echo());
    let child = Started::with_stdin("asking", terminal.try_clone().unwrap().into());
    assert!(!has_echo());
    child.kill(Signal::INT);
    assert_eq!(child.code(), Some(130));
    assert!(has_echo());
}
