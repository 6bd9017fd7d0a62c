//! The commands that ask iCloud, as the real binary, on an emulator.

#![cfg(feature = "emulator")]
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use icloud_sync::emulator::{self, Account, Config, Emulator};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const EMAIL: &str = "anna@example.com";
const PASSWORD: &str = "correct horse";

/// An emulator with one account that needs no second factor, and a home of its own.
struct World {
    emulator: Emulator,
    home: TempDir,
}

impl World {
    fn new() -> Self {
        let mut account = Account::new(EMAIL, PASSWORD);
        account.two_factor = false;
        let config = Config {
            accounts: vec![account],
            ..Config::default()
        };
        Self {
            emulator: emulator::start(config).unwrap(),
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_icloud-sync"));
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("USE_KEYRING", "0")
            .env("ICLOUD_SYNC_ENDPOINT", self.emulator.url())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .args(args);
        command
    }

    /// Runs it; returns the exit code, stdout and stderr.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        done(&mut self.command(args))
    }

    fn login(&self) -> (i32, String, String) {
        let mut command = self.command(&["login", "--account", EMAIL]);
        done(command.env("ICLOUD_PASSWORD", PASSWORD))
    }
}

fn done(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn login_status_and_logout_tell_where_one_stands() {
    let world = World::new();
    let (code, out, err) = world.run(&["status"]);
    assert_eq!((code, out.as_str()), (4, "Not signed in.\n"));
    assert_eq!(err, "error: not signed in\nhint: run `icloud-sync login`\n");

    assert_eq!(
        world.login(),
        (0, format!("Signed in as {EMAIL}.\n"), String::new())
    );
    let (code, out, err) = world.run(&["status"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with(&format!("Account:    {EMAIL}\n")), "{out}");

    let (code, out, _) = world.run(&["status", "--json"]);
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(status["account"], EMAIL);

    let (code, out, _) = world.run(&["logout"]);
    assert_eq!((code, out), (0, format!("Signed out {EMAIL}.\n")));
    assert_eq!(world.run(&["status"]).0, 4);
}

#[test]
fn all_settings_are_shown_with_key_name_and_place_in_a_hundred_columns() {
    let world = World::new();
    assert_eq!(world.login().0, 0);
    let path = world.home.path().join(".config/icloud-sync/config.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(
        &path,
        "max-rate = 7\n[pair.docs]\nlocal = '~/Docs'\nop-delay = 5\n",
    )
    .unwrap();
    std::fs::write(world.home.path().join(".env"), "# mine\nDRY_RUN=1\n").unwrap();
    let mut command = world.command(&["status", "--config", "@docs"]);
    command
        .env("HTTPS_PROXY", "http://anna:hush@proxy:3128")
        .env("NO_PROXY", "127.0.0.1")
        .env("LOG_LEVEL", "error");
    let (code, out, err) = done(&mut command);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(!out.contains("hush"), "{out}");
    for line in out.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let url = world.emulator.url();
    for row in [
        vec!["Config", "file:", "~/.config/icloud-sync/config.toml"],
        vec![".env", "file:", ".env"],
        vec!["local", "LOCAL_DIRECTORY", "[pair.docs]", "~/Docs"],
        vec!["op-delay", "OP_DELAY_MS", "[pair.docs]", "5"],
        vec!["account", "ICLOUD_USERNAME", "session", EMAIL],
        vec!["max-rate", "config", "file", "7"],
        vec!["dry-run", "DRY_RUN", ".env", "line", "2", "1"],
        vec!["log-level", "LOG_LEVEL", "environment", "error"],
        vec!["transfers", "default", "32"],
        vec!["ICLOUD_SYNC_ENDPOINT", "environment", url],
        vec!["HTTPS_PROXY", "environment", "http://(redacted)@proxy:3128"],
        vec!["NO_PROXY", "environment", "127.0.0.1"],
        vec!["~/.local/state/icloud-sync/pairs/*/baseline.jsonl"],
    ] {
        assert!(rows.contains(&row), "{row:?} is not in\n{out}");
    }
    let (_, out, _) = world.run(&["status", "--config", "--json"]);
    let of = |name: &str| {
        let rows = out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.into_iter().find(|row| row["setting"] == name).unwrap()
    };
    assert_eq!(of("--account")["value"], EMAIL);
    assert_eq!(of("--account")["source"], "the saved session");
    assert_eq!(of("--op-delay")["key"], "op-delay");
    let state = of("STATE_FILE");
    assert_eq!(state["source"], "default: one for each pair");
}

#[test]
fn status_as_json_is_one_object_even_when_it_ends_with_code_4() {
    let world = World::new();
    let (code, out, _) = world.run(&["status", "--json"]);
    assert_eq!(code, 4);
    assert_eq!(out.lines().count(), 1);
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["signed_in"], false);
}

#[test]
fn ls_prints_what_is_there_and_knows_what_is_not() {
    let world = World::new();
    let device = world.emulator.drive(EMAIL);
    device.mkdir("Documents").unwrap();
    device.write("Documents/letter.txt", &b"dear"[..]).unwrap();
    let (code, _, err) = world.run(&["ls"]);
    assert_eq!(code, 4, "{err}");

    world.login();
    let (code, out, err) = world.run(&["ls", "-R"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, "Documents/\nDocuments/letter.txt\n");
    let (code, out, err) = world.run(&["ls", "/None", "--json"]);
    assert_eq!(code, 2, "{err}");
    let error: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(error["exit_code"], 2);
}

#[test]
fn the_loudest_log_holds_no_secret() {
    let world = World::new();
    let mut command = world.command(&["-vvv", "login", "--account", EMAIL]);
    let file = world.home.path().join("log");
    command
        .env("ICLOUD_PASSWORD", PASSWORD)
        .env("RUST_LOG", "trace")
        .env("LOG_FILE", &file);
    let (code, out, err) = done(&mut command);
    assert_eq!(code, 0, "{err}");
    let log = std::fs::read_to_string(file).unwrap();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log}");
    let state = world.home.path().join(".local/state/icloud-sync");
    let secrets = saved_texts(&state);
    assert!(secrets.len() >= 3, "{secrets:?}");
    for text in [&out, &err, &log] {
        assert!(!text.contains(PASSWORD), "{text}");
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

/// All long words of the JSON files below a folder that are no names: cookies, tokens, keys.
fn saved_texts(folder: &std::path::Path) -> Vec<String> {
    fn gather(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => {
                let words = text.split([' ', ';', ':', '=', '"', ',', '@']);
                found.extend(words.map(str::to_owned));
            }
            Value::Array(all) => all.iter().for_each(|value| gather(value, found)),
            Value::Object(all) => all.values().for_each(|value| gather(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            for value in serde_json::Deserializer::from_str(&text).into_iter() {
                gather(&value.unwrap(), &mut found);
            }
        }
    }
    let is_name = |word: &String| {
        word.contains('/')
            || word
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b"-_".contains(&b))
    };
    found.retain(|word| word.len() >= 16 && !is_name(word));
    found
}

#[test]
fn an_emulator_says_where_it_is_and_ends_with_code_0_when_told_to() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_icloud-sync"))
            .args(["emulator", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let value: Value = serde_json::from_str(&line).unwrap();
        let address = value["url"]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap();
        assert!(std::net::TcpStream::connect(address).is_ok());
        let id = i32::try_from(child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
