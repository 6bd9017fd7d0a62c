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
fn a_negative_number_is_a_bad_value_and_no_option() {
    for flag in [
        "--max-rate",
        "--trash-days",
        "--interval",
        "--max-delete",
        "--metrics-port",
    ] {
        let (code, _, err) = Place::new().run(&["pull", "docs", flag, "-1"]);
        assert_eq!(code, 2);
        assert!(
            err.starts_with(&format!("error: invalid value '-1' for '{flag} ")),
            "{err}"
        );
    }
}

#[test]
fn who_wants_a_bisync_to_delete_is_told_that_it_does() {
    for flag in ["--delete", "--delete-extra"] {
        let (code, _, err) = Place::new().run(&["bisync", "docs", flag]);
        assert_eq!(code, 2);
        assert!(
            err.starts_with(&format!("error: unexpected argument '{flag}' found\n")),
            "{err}"
        );
        assert!(
            err.contains("tip: bisync always carries deletions over"),
            "{err}"
        );
        assert!(
            !err.contains("as a value") && !err.contains("max-delete"),
            "{err}"
        );
    }
    let (_, _, err) = Place::new().run(&["ls", "--delete"]);
    assert!(!err.contains("bisync"), "{err}");
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
        err.starts_with("error: .env line 1: LOG_FILE: cannot open the log file \"none/log\": "),
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

/// Each place that a value may come from, but for the command line: writes it there, and returns what the place is called.
fn given(place: &Place, by: &str, name: &str, key: &str, value: &str) -> (Command, String) {
    let config = "config/icloud-sync/config.toml";
    let shown = place.0.path().join(config);
    let shown = shown.display();
    let pair = place.0.path().join("local");
    let mut args = vec!["bisync", "local", "--no-remote"];
    let from = match by {
        "environment" => format!("environment {name}"),
        ".env" => {
            place.write(".env", &format!("# mine\n{name}='{value}'\n"));
            format!(".env line 2: {name}")
        }
        "config" => {
            place.write(config, &format!("{key} = {value:?}\n"));
            format!("{shown}: {key}")
        }
        _ => {
            let text = format!(
                "[pair.x]\nlocal = \"{}\"\n{key} = {value:?}\n",
                pair.display()
            );
            place.write(config, &text);
            args = vec!["bisync", "@x", "--no-remote"];
            format!("{shown}: pair.x.{key}")
        }
    };
    let mut command = place.command(&args);
    if by == "environment" {
        command.env(name, value);
    }
    (command, from)
}

#[test]
fn a_bad_value_names_the_place_it_came_from_itself_and_what_is_accepted() {
    let folder = "/etc";
    for (name, key, value, accepted) in [
        (
            "STATE_FILE",
            "state-file",
            folder,
            "it is a folder; a file in a folder that is there is expected",
        ),
        (
            "STATE_FILE",
            "state-file",
            "/none/x",
            "its folder \"/none\" does not exist; a file",
        ),
        (
            "STATE_FILE",
            "state-file",
            "/dev/null",
            "it is no ordinary file; a file",
        ),
        (
            "LOCAL_DIRECTORY",
            "local",
            "/etc/passwd",
            "it is a file; a folder is expected",
        ),
        (
            "EXCLUDE_PATTERNS",
            "exclude",
            "a{b",
            "unclosed alternate group",
        ),
        (
            "KEYRING_SERVICE",
            "keyring-service",
            " ",
            "a name, such as icloud-sync, is expected",
        ),
        (
            "",
            "filter-from",
            "/none",
            "No such file or directory (os error 2); a file to read is expected",
        ),
        (
            "DRY_RUN",
            "dry-run",
            "maybe",
            "1, 0, true, false, yes, no, on, off, y or n is expected",
        ),
    ] {
        for by in ["environment", ".env", "config", "pair"] {
            // LOCAL is typed, or is the pair's own: the other places are not asked.
            if matches!(
                (name, key, by),
                ("", _, "environment" | ".env") | (_, "local", "pair")
            ) {
                continue;
            }
            let place = Place::new();
            std::fs::create_dir(place.0.path().join("local")).unwrap();
            let (mut command, from) = given(&place, by, name, key, value);
            if key == "local" {
                command = place.command(&["bisync", "--no-remote"]);
                if by == "environment" {
                    command.env(name, value);
                }
            }
            let output = command.output().unwrap();
            let err = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{by} {key}: {err}");
            let wanted = format!("error: {from}: bad value {value:?}: {accepted}");
            assert!(err.starts_with(&wanted), "{by} {key}: {err}");
            assert_eq!(err.lines().count(), 1, "{err}");
        }
    }
}

#[test]
fn a_bad_value_of_the_config_file_is_one_even_where_a_flag_or_a_variable_goes_before_it() {
    let place = Place::new();
    let file = "config/icloud-sync/config.toml";
    place.write(file, "[pair.other]\nconflict = \"newest\"\n");
    let mut command = place.command(&["bisync", "--conflict", "keep-both", "--no-remote"]);
    let output = command
        .env("CONFLICT_STRATEGY", "keep-both")
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    let from = place.0.path().join(file);
    let wanted = format!(
        "error: {}: pair.other.conflict: bad value \"newest\": ",
        from.display()
    );
    assert!(err.starts_with(&wanted), "{err}");
}

#[test]
fn a_filter_of_the_log_that_can_not_be_read_is_warned_of_once_by_its_name() {
    let place = Place::new();
    std::fs::create_dir(place.0.path().join("local")).unwrap();
    for text in ["a=b=c", "icloud_sync=loud"] {
        let mut command = place.command(&["push", "local", "--no-remote"]);
        let output = command.env("RUST_LOG", text).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        let warnings: Vec<_> = err
            .lines()
            .filter(|line| line.starts_with("warning"))
            .collect();
        assert_eq!(warnings.len(), 1, "{err}");
        let wanted = format!("warning: environment RUST_LOG: bad value {text:?}, not used: ");
        assert!(warnings[0].starts_with(&wanted), "{err}");
        assert_eq!(output.status.code(), Some(0), "{err}");
    }
}

#[test]
fn a_secret_of_the_wrong_form_is_not_shown() {
    let place = Place::new();
    let served: &[&str] = &["push", "--watch", "--metrics-http"];
    for (name, value, args) in [
        ("METRICS_TOKEN", "two words", served),
        ("ICLOUD_2FA_CODE", "hunter2", &["login", "-q"]),
    ] {
        let output = place.command(args).env(name, value).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        let wanted = format!("error: environment {name}: bad value: ");
        assert!(err.starts_with(&wanted) && !err.contains(value), "{err}");
    }
    // Another program's token of that name keeps no pass from running.
    let mut alone = place.command(&["push", "--no-remote", "--dry-run"]);
    let output = alone.env("METRICS_TOKEN", "two words").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!err.contains("METRICS_TOKEN"), "{err}");
}

/// A `systemctl` that writes down what it is told, and answers with that code.
fn systemctl(place: &Place, code: u8) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;

    let text = format!(
        "#!/bin/sh\necho \"$*\" >> '{0}/told'\necho no bus >&2\nexit {code}\n",
        place.0.path().display()
    );
    place.write("bin/systemctl", &text);
    let file = place.0.path().join("bin/systemctl");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    place.0.path().join("bin")
}

#[test]
fn units_come_and_go_whether_or_not_systemd_can_be_told() {
    let place = Place::new();
    std::fs::create_dir(place.0.path().join("docs")).unwrap();
    let folder = place.0.path().join("config/systemd/user");
    let files = || {
        let found = std::fs::read_dir(&folder).into_iter().flatten();
        let mut names: Vec<String> = found
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| name.starts_with("icloud-sync-"))
            .collect();
        names.sort();
        names
    };
    let told = || {
        let path = place.0.path().join("told");
        let told = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, "").unwrap();
        told
    };
    let run = |bin: &std::path::Path, args: &[&str]| {
        let output = place.command(args).env("PATH", bin).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), err)
    };
    let both = ["icloud-sync-docs.service", "icloud-sync-docs.timer"];
    let none = place.0.path().join("none");

    // Nobody to tell: neither installed nor removed without a word, and removed all the same.
    let (code, err) = run(&none, &["service", "install", "docs"]);
    assert_eq!(
        (code, files()),
        (1, both.map(str::to_owned).to_vec()),
        "{err}"
    );
    assert!(
        err.contains(
            "error: the files are in place, but `systemctl --user daemon-reload` failed: "
        ),
        "{err}"
    );
    let link = folder.join("timers.target.wants/icloud-sync-docs.timer");
    std::fs::create_dir(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("../icloud-sync-docs.timer", &link).unwrap();
    let bin = systemctl(&place, 1);
    let (code, err) = run(&bin, &["service", "remove", "docs"]);
    assert_eq!((code, files()), (1, Vec::new()), "{err}");
    assert!(
        !link.is_symlink(),
        "it would be enabled again with the next file of its name"
    );
    let units = "icloud-sync-docs.timer icloud-sync-docs.service";
    let wanted = format!(
        "error: the files are removed, but systemd does not know it: `systemctl --user disable --now {units}` failed: no bus\n"
    );
    assert!(err.contains(&wanted), "{err}");
    assert!(
        err.contains(&format!("`systemctl --user stop {units}`")),
        "{err}"
    );
    assert_eq!(
        run(&bin, &["service", "remove", "docs"]).0,
        2,
        "there is nothing left"
    );

    // One sort replaces the other, and does not run beside it.
    let bin = systemctl(&place, 0);
    told();
    assert_eq!(run(&bin, &["service", "install", "docs", "--watch"]).0, 0);
    assert_eq!(
        told(),
        "--user daemon-reload\n--user enable icloud-sync-docs.service\n--user restart icloud-sync-docs.service\n"
    );
    assert_eq!(run(&bin, &["service", "install", "docs"]).0, 0);
    assert!(
        told().starts_with("--user disable --now icloud-sync-docs.service\n--user daemon-reload\n")
    );
    assert_eq!(files(), both);
    assert_eq!(run(&bin, &["service", "install", "docs", "--watch"]).0, 0);
    assert!(
        told().starts_with("--user disable --now icloud-sync-docs.timer\n--user daemon-reload\n")
    );
    assert_eq!(files(), ["icloud-sync-docs.service"]);
    assert_eq!(run(&bin, &["service", "remove", "docs"]).0, 0);
    assert_eq!(files(), Vec::<String>::new());
}

#[test]
fn a_unit_may_write_where_its_settings_have_files_and_names_all_paths_whole() {
    let place = Place::new();
    let root = place.0.path().canonicalize().unwrap();
    for folder in ["docs", "here", "logs", "states"] {
        std::fs::create_dir(root.join(folder)).unwrap();
    }
    let at = |path: &str| root.join(path).display().to_string();
    let print = |more: &[&str]| {
        let args = [&["service", "print"], more].concat();
        let output = place
            .command(&args)
            .current_dir(root.join("here"))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let writes = |unit: &str| -> Vec<String> {
        unit.lines()
            .filter_map(|line| line.strip_prefix("ReadWritePaths=-"))
            .map(str::to_owned)
            .collect()
    };
    let (unit, err) = print(&["../docs"]);
    assert_eq!(writes(&unit)[0], at("docs"), "{unit}{err}");
    assert_eq!(writes(&unit).len(), 2, "{unit}");
    assert!(unit.contains(&format!(" {} /\n", at("docs"))), "{unit}");
    let (unit, _) = print(&["../none/../missing"]);
    assert_eq!(writes(&unit)[0], at("missing"), "{unit}");

    let config = format!(
        "log-file = {:?}\nstate-file = {:?}\n",
        at("logs/a.log"),
        at("states/a.json")
    );
    place.write("config/icloud-sync/config.toml", &config);
    let (unit, err) = print(&["../docs"]);
    assert_eq!(
        writes(&unit)[2..],
        [at("states"), at("logs")],
        "{unit}{err}"
    );

    // The file that the service will read, not the one that this command does.
    let _gone = std::fs::remove_file(root.join("config/icloud-sync/config.toml"));
    place.write("here/x.env", &format!("LOG_FILE={}\n", at("logs/b.log")));
    for option in [&["--env-file", "x.env"][..], &["--env-file=x.env"]] {
        let (unit, err) = print(&[&["../docs", "/", "--"], option].concat());
        assert!(unit.contains(&at("here/x.env")), "{unit}{err}");
        assert_eq!(writes(&unit)[2..], [at("logs")], "{unit}");
    }
    place.write("here/x.env", &format!("LOG_FILE={}\n", at("none/b.log")));
    let (_, err) = print(&["../docs", "/", "--", "--env-file", "x.env"]);
    assert!(
        err.contains(&format!("there is no folder {}", at("none"))),
        "{err}"
    );
}
