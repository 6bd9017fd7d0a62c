//! The real binary: which stream gets what, and which code it ends with.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use assert_cmd::Command;
use tempfile::TempDir;

/// A folder to start in, with nothing of this machine's settings.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_icloud-sync"));
        let home = self.0.path();
        command
            .env_clear()
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"))
            .current_dir(home)
            .args(args);
        command
    }

    /// Runs it; returns the exit code, stdout and stderr.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

#[test]
fn the_version_goes_to_stdout() {
    let (code, out, err) = Place::new().run(&["--version"]);
    assert_eq!(out, format!("icloud-sync {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn with_nothing_typed_the_help_goes_to_stderr_with_code_2() {
    let (code, out, err) = Place::new().run(&[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("First steps:"), "{err}");
}

#[test]
fn a_wrong_flag_is_wrong_usage() {
    let (code, out, err) = Place::new().run(&["pull", "--max-delete", "half"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("'half' for '--max-delete <N|N%>'"), "{err}");
}

#[test]
fn a_bad_line_of_the_env_file_is_named_on_one_line_with_a_hint_on_another() {
    let place = Place::new();
    place.write(".env", "DRY_RUN=1\nhunter2\n");
    let (code, out, err) = place.run(&["pull"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(
        err,
        "error: .env line 2: there is no \"=\"\nhint: a line has the form NAME=VALUE; # begins a comment\n"
    );
}

#[test]
fn a_bad_value_of_the_environment_is_wrong_usage() {
    let place = Place::new();
    let output = place
        .command(&["push"])
        .env("OP_DELAY_MS", "soon")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        err,
        "error: environment OP_DELAY_MS: bad value \"soon\": a whole number from 0 to 3600000 is expected\n"
    );
}

#[test]
fn with_json_an_error_is_also_the_last_line_of_stdout() {
    let place = Place::new();
    place.write("config/icloud-sync/config.toml", "conflict = \"newest\"\n");
    let (code, out, err) = place.run(&["bisync", "--json"]);
    assert_eq!(code, 2);
    assert!(err.starts_with("error: /"), "{err}");
    let value: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&value["type"], &value["exit_code"]),
        (&"error".into(), &2.into())
    );
    let message = value["message"].as_str().unwrap();
    assert!(
        message.contains("conflict: bad value \"newest\": prefer-newer"),
        "{message}"
    );
}

#[test]
fn a_log_file_that_can_not_be_opened_is_named() {
    let place = Place::new();
    place.write(".env", "LOG_FILE=none/log\n");
    let (code, _, err) = place.run(&["pull"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("error: cannot open the log file \"none/log\": "),
        "{err}"
    );
}

#[test]
fn completions_and_man_pages_need_no_settings_and_go_to_stdout() {
    let place = Place::new();
    place.write(".env", "this is no line\n");
    for (args, part) in [
        (
            &["completions", "bash"][..],
            "-o bashdefault -o default icloud-sync",
        ),
        (&["completions", "zsh"], "#compdef icloud-sync"),
        (&["completions", "fish"], "complete -c icloud-sync"),
        (&["man"], ".TH icloud-sync 1"),
        (&["man", "pull"], ".TH icloud-sync-pull 1"),
    ] {
        let (code, out, err) = place.run(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(out.contains(part), "{args:?}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_printing_quietly() {
    use std::{io::Read as _, process::Stdio};

    let place = Place::new();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_icloud-sync"))
        .args(["completions", "fish"])
        .current_dir(place.0.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closed before anything is read: whatever is written from now on meets a broken pipe.
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(err, "");
}

#[test]
fn the_endpoint_in_an_env_file_is_warned_about_and_not_read() {
    let place = Place::new();
    place.write(
        ".env",
        "ICLOUD_SYNC_ENDPOINT=http://127.0.0.1:9\nDRY_RUN=maybe\n",
    );
    let (code, _, err) = place.run(&["pull"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("warning: .env: ICLOUD_SYNC_ENDPOINT is not read from a file"),
        "{err}"
    );
}
