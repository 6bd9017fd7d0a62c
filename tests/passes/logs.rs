//! What goes into the log: lines that programs can read back, and why each item is treated as it is.

use std::fs;

use serde_json::Value;

use super::world::{Ran, World};

/// Runs a bisync with a log file of JSON lines; returns them as well.
fn logged(world: &World, level: &str, more: &[&str]) -> (Ran, Vec<Value>) {
    let file = world.folder.path().join("log.jsonl");
    drop(fs::remove_file(&file));
    let output = world
        .command()
        .env("LOG_FILE", &file)
        .env("LOG_JSON", "1")
        .env("LOG_LEVEL", level)
        .args(["bisync", "local"])
        .args(more)
        .output()
        .unwrap();
    let ran = Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (ran, lines.collect())
}

/// The line about this action on this path.
#[track_caller]
fn about<'a>(lines: &'a [Value], action: &str, path: &str) -> &'a Value {
    let mut found = lines.iter().filter(|line| {
        line["action"] == action && line["path"] == path && line["target"] == "icloud_sync::item"
    });
    let first = found.next();
    assert!(
        first.is_some() && found.next().is_none(),
        "{action} {path} in {lines:#?}"
    );
    first.unwrap()
}

#[test]
fn json_lines_say_what_they_are_about() {
    let world = World::new();
    world.write("sent\n\u{1b}[31m", "12345");
    world.write_at("moved", "content", 1_700_000_000);
    world.drive.write("d/got", "123").unwrap();
    std::os::unix::fs::symlink("moved", world.local().join("link")).unwrap();
    let (ran, lines) = logged(&world, "debug", &[]);
    ran.code(0);
    for line in &lines {
        let time: jiff::Timestamp = line["ts"].as_str().unwrap().parse().unwrap();
        assert!(time > jiff::Timestamp::UNIX_EPOCH);
        let level = line["level"].as_str().unwrap();
        assert!(
            ["error", "warn", "info", "debug"].contains(&level),
            "{line}"
        );
        assert!(line["message"].is_string() && line["target"].is_string());
    }
    // `undo` knows the pass by the name that its lines have.
    let passes = world
        .run(["undo", "--local", "local", "--list"])
        .code(0)
        .stdout;
    let sent = about(&lines, "upload", "sent\n\u{1b}[31m");
    assert!(
        passes.contains(sent["pass"].as_str().unwrap()),
        "{passes} {sent}"
    );
    let wanted = serde_json::json!({
        "level": "info", "side": "remote", "bytes": 5, "reason": "created", "outcome": "done",
    });
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&sent[key], value, "{key} of {sent}");
    }
    let got = about(&lines, "download", "d/got");
    assert_eq!((&got["bytes"], &got["side"]), (&3.into(), &"local".into()));
    let left = about(&lines, "leave", "link");
    assert_eq!(
        (&left["reason"], &left["side"]),
        (&"symlink".into(), &"local".into())
    );
    let end = lines
        .iter()
        .find(|line| line["action"] == "summary")
        .unwrap();
    assert_eq!((&end["done"], &end["exit_code"]), (&4.into(), &0.into()));
    assert_eq!(
        (&end["bytes_sent"], &end["bytes_received"]),
        (&12.into(), &3.into())
    );
    let of_pass = lines.iter().filter(|line| line["pass"] == sent["pass"]);
    assert!(of_pass.count() >= 8, "{lines:#?}");

    fs::rename(world.local().join("moved"), world.local().join("there")).unwrap();
    let (ran, lines) = logged(&world, "info", &[]);
    ran.code(0);
    let moved = about(&lines, "move-remote", "there");
    assert_eq!(
        (&moved["from"], &moved["reason"]),
        (&"moved".into(), &"moved".into())
    );
    assert!(moved.get("error").is_none());
}

#[test]
fn an_error_of_an_item_has_its_words_and_its_outcome() {
    let world = World::new();
    world.drive.write("a", "12345").unwrap();
    let (ran, lines) = logged(&world, "warn", &["--min-free", "900000G"]);
    ran.code(3);
    let failed = about(&lines, "download", "a");
    assert_eq!(
        (&failed["level"], &failed["outcome"]),
        (&"error".into(), &"failed".into())
    );
    assert!(
        failed["error"].as_str().unwrap().contains("--min-free"),
        "{failed}"
    );
}

#[test]
fn verbose_decisions_say_why_for_each_item_before_it_is_done() {
    let world = World::new();
    for name in ["edited", "same", "touched", "both"] {
        world.write_at(name, format!("content of {name}"), 1_700_000_000);
    }
    world.pass("bisync", &[]).code(0);
    world.write_at("edited", "now other", 1_700_000_100);
    world.write_at("touched", "content of touched", 1_700_000_200);
    world.write_at("both", "ours", 4_000_000_000);
    world.drive.write("both", "their version").unwrap();
    world.drive.write("new", "x").unwrap();
    let wanted = [
        "decided: upload edited (9 B): changed locally\n",
        "decided: nothing to do for touched: only its time or version has changed, not its content\n",
        "decided: both: changed on both sides: the local version wins\n",
        "decided: download new (1 B): new remotely\n",
    ];
    // The plan of a dry run has the reasons, and is all that is printed.
    let dry = world
        .pass("bisync", &["--dry-run", "--verbose-decisions"])
        .code(0);
    assert!(dry.stdout.contains("changed locally"), "{}", dry.stdout);
    assert!(!dry.stderr.contains("decided"), "{}", dry.stderr);

    let (ran, lines) = logged(&world, "warn", &["--verbose-decisions", "--dry-run"]);
    ran.code(0);
    let decided = lines.iter().filter(|line| {
        let message = line["message"].as_str().unwrap();
        message.starts_with("decided: ")
    });
    assert_eq!(decided.count(), wanted.len() + 1, "{lines:#?}");

    let ran = world.pass("bisync", &["--verbose-decisions"]).code(0);
    for words in wanted {
        assert!(ran.stderr.contains(words), "no {words:?} in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("same"), "{}", ran.stderr);
    world.write("edited", "once more");
    let ran = world.pass("bisync", &[]).code(0);
    assert!(!ran.stderr.contains("decided"), "{}", ran.stderr);
}

#[test]
fn what_ends_a_pass_is_in_the_file_and_quiet_is_about_the_terminal() {
    let world = World::new();
    let file = world.folder.path().join("log");
    let run = |args: &[&str]| {
        let output = world
            .command()
            .env("LOG_FILE", &file)
            .env("LOG_JSON", "1")
            .env("LOG_LEVEL", "info")
            .args(args)
            .output()
            .unwrap();
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let lines: Vec<Value> = (text.lines())
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        (output, lines)
    };
    world.write("a", "1");
    let (output, lines) = run(&["-q", "bisync", "local"]);
    assert!(output.stderr.is_empty() && output.stdout.is_empty());
    assert!(lines.iter().any(|line| line["path"] == "a"), "{lines:?}");
    let (_, lines) = run(&["bisync", "missing"]);
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "error", "{lines:?}");
    assert_eq!(last["exit_code"], 2);
    assert!(
        last["message"].as_str().unwrap().contains("missing"),
        "{last}"
    );
}

#[test]
fn a_dry_run_names_what_is_left_alone_once_and_the_log_has_it_too() {
    let world = World::new();
    world.write("here", "1");
    std::os::unix::fs::symlink("here", world.local().join("link")).unwrap();
    let folder = world.local().join("New.pages");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("Index"), "1").unwrap();
    let named = |text: &str, name: &str| text.matches(name).count();
    for (verb, items) in [
        ("pull", ["  here: ", "  link (local): "]),
        ("push", ["  New.pages: ", "  link (local): "]),
    ] {
        let dry = world.pass(verb, &["--dry-run", "-v"]);
        for item in items {
            assert_eq!(named(&dry.stdout, item), 1, "{item}: {}", dry.stdout);
        }
        assert!(!dry.stderr.contains("left alone"), "{}", dry.stderr);
    }
    let (_, lines) = logged(&world, "info", &["--dry-run"]);
    for path in ["link", "New.pages"] {
        let is_it = |line: &&Value| line["action"] == "leave" && line["path"] == path;
        assert_eq!(lines.iter().filter(is_it).count(), 1, "{path}: {lines:#?}");
    }
    // A pass prints no plan: -v names them.
    let ran = world.pass("push", &["-v"]).code(3);
    assert!(
        ran.stderr.contains("left alone (local): link: "),
        "{}",
        ran.stderr
    );
}
