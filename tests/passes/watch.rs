//! Passes that run again by themselves, and who is told when one needs a person.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    health::trusted_for,
    world::{WHO, World},
};

/// A watch with nobody at its terminal, nor a password.
pub(super) struct Watching<'a> {
    world: &'a World,
    pub(super) child: Child,
}

/// Waits until something is so.
#[track_caller]
pub(super) fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(Duration::from_secs(60), what, is_so);
}

#[track_caller]
pub(super) fn until_within(patience: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < patience, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

impl<'a> Watching<'a> {
    fn begin(world: &'a World, more: &[&str]) -> Self {
        Self::begin_with(world, more, &[])
    }

    pub(super) fn begin_with(
        world: &'a World,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let stderr = fs::File::create(world.folder.path().join("told")).unwrap();
        let child = world
            .command()
            .env_remove("ICLOUD_PASSWORD")
            .envs(environment.iter().copied())
            .args(["bisync", "local", "--watch"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self { world, child }
    }

    pub(super) fn told(&self) -> String {
        fs::read_to_string(self.world.folder.path().join("told")).unwrap()
    }

    pub(super) fn passes(&self) -> usize {
        self.told().matches("bisync: ").count()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(super) fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        self.signal(signal);
        let status = self.child.wait().unwrap();
        (status.code(), self.told())
    }
}

/// A test that fails leaves nobody behind.
impl Drop for Watching<'_> {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// A second is a millisecond here: an interval that does not end while a test runs.
const NEVER: [&str; 2] = ["--interval", "604800"];

#[test]
fn both_sides_are_kept_in_step_and_a_pass_is_one_line() {
    let world = World::new();
    world.write("a", "from here");
    let watching = Watching::begin(&world, &["--interval", "20"]);
    until("the first file", || world.drive.read("a").is_ok());
    world.drive.write("b", "from there").unwrap();
    until("the second file", || world.local().join("b").exists());
    world.write("a", "changed here");
    until("the change", || {
        world
            .drive
            .read("a")
            .is_ok_and(|content| *content == *b"changed here")
    });
    let (code, told) = watching.end(Signal::TERM);
    assert_eq!(code, Some(0), "{told}");
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines.len() >= 3, "{told}");
    for line in lines {
        let (time, pass) = line.split_once(' ').unwrap();
        assert_eq!(time.len(), "12:34:56".len(), "{line}");
        assert!(pass.starts_with("bisync: "), "{line}");
    }
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn a_second_watch_is_refused_and_a_single_pass_is_not() {
    let world = World::new();
    world.write("a", "from here");
    let watching = Watching::begin(&world, &NEVER);
    until("the first pass", || watching.passes() == 1);
    let first = format!("process {} on ", watching.child.id());
    let again = ["bisync", "local", "--watch"];
    let refused = world.run(again).code(7);
    assert!(
        refused.stderr.contains("another watch of this pair"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains(&first), "{}", refused.stderr);
    world.drive.write("b", "from there").unwrap();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    assert_eq!(watching.end(Signal::TERM).0, Some(0));
    // Whatever ended it, nothing is left that keeps the next one out.
    let watching = Watching::begin(&world, &NEVER);
    until("the next watch", || watching.passes() == 1);
}

#[test]
fn a_local_change_a_hangup_and_ctrl_c_need_not_wait_for_the_interval() {
    let world = World::new();
    let watching = Watching::begin(&world, &NEVER);
    until("the first pass", || watching.passes() == 1);
    world.write("a", "new");
    until("the new file", || world.drive.read("a").is_ok());
    until("its pass", || watching.passes() == 2);
    // What the passes themselves wrote is no change.
    world.drive.write("b", "from there").unwrap();
    watching.signal(Signal::HUP);
    until("the other file", || world.local().join("b").exists());
    until("its pass", || watching.passes() == 3);
    world.emulator.clear_requests();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(world.emulator.requests().len(), 0, "{}", watching.told());
    let (code, told) = watching.end(Signal::INT);
    assert_eq!(code, Some(130), "{told}");
}

#[test]
fn a_person_is_called_once_an_episode_and_a_login_elsewhere_lets_it_go_on() {
    let world = World::new();
    world.write("a", "new");
    let called = world.folder.path().join("called");
    let hook = format!(
        r#"echo "$ICLOUD_SYNC_CODE $ICLOUD_SYNC_LOCAL $ICLOUD_SYNC_REMOTE $ICLOUD_SYNC_REASON" >> '{}'"#,
        called.display()
    );
    let calls = || fs::read_to_string(&called).map_or(0, |text| text.lines().count());
    let watching = Watching::begin(&world, &["--interval", "5", "--hook", &hook]);
    until("the first file", || world.drive.read("a").is_ok());
    for episode in 1..=2 {
        world.emulator.expire_session(WHO);
        world.emulator.expire_tokens(WHO);
        until("the call", || calls() == episode);
        let refusals = || watching.told().matches("error: ").count();
        let before = refusals();
        until("more passes in vain", || refusals() > before + 2);
        assert_eq!(calls(), episode, "once is enough");
        world.run(["login"]).code(0);
        let name = format!("after {episode}");
        world.write(&name, "x");
        until("what was written since", || {
            world.drive.read(name.as_str()).is_ok()
        });
    }
    let text = fs::read_to_string(&called).unwrap();
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("4 local / "), "{text}");
    assert!(
        first.contains(". Run icloud-sync login") && first.ends_with('.'),
        "{text}"
    );
    assert!(!first.contains('`') && !first.contains(';'), "{text}");
    assert_eq!(watching.end(Signal::TERM).0, Some(0));
}

#[test]
fn a_guard_is_told_although_a_sign_in_was_told_before() {
    let world = World::new();
    for number in 0..10 {
        world.write(&format!("{number}"), "x");
    }
    world.pass("bisync", &[]).code(0);
    let called = world.folder.path().join("called");
    let hook = format!("echo \"$ICLOUD_SYNC_CODE\" >> '{}'", called.display());
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    let unattended = |code: i32| {
        let mut command = world.command();
        let output = command
            .env_remove("ICLOUD_PASSWORD")
            .args(["bisync", "local", "--hook", &hook])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code));
    };
    unattended(4);
    world.run(["login"]).code(0);
    for number in 0..10 {
        fs::remove_file(world.local().join(format!("{number}"))).unwrap();
    }
    unattended(6);
    unattended(6);
    assert_eq!(fs::read_to_string(&called).unwrap(), "4\n6\n");
}

#[test]
fn a_hook_gets_no_secret() {
    let world = World::new();
    let seen = world.folder.path().join("seen");
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    let hook = format!(
        "env > '{}'; cat /proc/$PPID/cmdline >> '{}'",
        seen.display(),
        seen.display()
    );
    let secret = "nobody-sees-this-one";
    let status = world
        .command()
        .env("ICLOUD_PASSWORD", secret)
        .env("ICLOUD_2FA_CODE", "917364")
        .env("METRICS_TOKEN", secret)
        .args(["bisync", "local", "--hook", &hook])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(4));
    let seen = fs::read_to_string(&seen).unwrap();
    assert!(seen.contains("ICLOUD_SYNC_REASON="), "{seen}");
    assert!(!seen.contains(secret) && !seen.contains("917364"), "{seen}");
}

#[test]
fn a_timer_s_passes_tell_of_a_guard_once_as_well() {
    let world = World::new();
    for number in 0..10 {
        world.write(&format!("{number}"), "x");
    }
    let called: PathBuf = world.folder.path().join("called");
    let hook = format!("echo \"$ICLOUD_SYNC_CODE\" >> '{}'", called.display());
    let calls = || fs::read_to_string(&called).unwrap_or_default();
    let pass = |more: &[&str]| world.pass("bisync", &[&["--hook", &hook], more].concat());
    pass(&[]).code(0);
    for number in 0..9 {
        fs::remove_file(world.local().join(format!("{number}"))).unwrap();
    }
    pass(&[]).code(6);
    pass(&[]).code(6);
    assert_eq!(calls(), "6\n");
    pass(&["--force"]).code(0);
    fs::remove_dir_all(world.local()).unwrap();
    pass(&[]).code(6);
    assert_eq!(calls(), "6\n6\n", "a new episode");
    world
        .run(["bisync", "local", "--watch", "--interval", "4"])
        .code(2);
    world
        .run(["bisync", "local", "--watch", "--dry-run"])
        .code(2);
    // What was typed wrongly does not become right by waiting.
    world.write("file", "x");
    world.run(["bisync", "local/file", "--watch"]).code(2);
}

#[test]
fn a_dry_run_is_told_once_though_the_config_file_says_watch() {
    let world = World::new();
    world.write("a", "x");
    let config = world.folder.path().join("config/icloud-sync");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "watch = true\n").unwrap();
    let ran = world.pass("bisync", &["--dry-run"]).code(0);
    assert!(ran.stdout.contains("1 action planned"), "{}", ran.stdout);
    assert!(world.remote_tree().is_empty());
}

#[test]
fn the_numbers_of_a_watch_are_served() {
    let world = World::new();
    world.write("a", "from here");
    world.drive.write("b", "from there").unwrap();
    let watching = Watching::begin(
        &world,
        &["--interval", "20", "--metrics-http", "--metrics-port", "0"],
    );
    // A pass tells its line, and is counted then: of four lines three are in the numbers for certain.
    until("four passes", || watching.passes() >= 4);
    let told = watching.told();
    let url = told
        .lines()
        .next()
        .unwrap()
        .strip_prefix("metrics: http://")
        .unwrap();
    let (address, path) = url.split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let numbers: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(numbers["passes"]["0"].as_u64().unwrap() >= 3, "{numbers}");
    assert_eq!(numbers["actions"]["upload"], 1);
    assert_eq!(numbers["actions"]["download"], 1);
    assert_eq!(numbers["bytes_received"], "from there".len());
    assert_eq!(watching.end(Signal::TERM).0, Some(0));
    let args = [
        "bisync",
        "local",
        "--watch",
        "--metrics-http",
        "--metrics-host",
        "0.0.0.0",
    ];
    world.run(args).code(2).says("METRICS_TOKEN");
}

#[test]
fn a_watch_warns_of_the_end_of_the_trust_once_a_day_and_says_how_far_each_pass_is() {
    let world = World::new();
    world.write("a", "1");
    trusted_for(&world, 26);
    let watching = Watching::begin(&world, &["--interval", "20", "--progress-summary"]);
    until("three passes", || watching.passes() >= 3);
    let (code, told) = watching.end(Signal::TERM);
    assert_eq!(code, Some(0));
    assert_eq!(
        told.matches("trust of this machine is likely").count(),
        1,
        "{told}"
    );
    assert_eq!(
        told.matches("done: 1 file sent (1 B); ").count(),
        1,
        "{told}"
    );
}
