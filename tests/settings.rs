//! Each setting from each place: a good value is taken and shown with its place, a bad one is refused and names it.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use std::{collections::BTreeSet, fs, path::Path};

use icloud_sync::{
    cli::AccountArgs,
    options::{Effective, Env, Layers},
};

/// Name in the environment, key of the config file, a good value and a bad one; `HOME` stands for the home folder. Texts
/// that are never wrong have no bad one.
const ALL: &[(&str, &str, &str, &str)] = &[
    ("LOCAL_DIRECTORY", "local", "HOME/folder", "HOME/file"),
    ("", "remote", "/Docs", "/a/../b"),
    ("ICLOUD_USERNAME", "account", "ada@example.com", " "),
    ("ICLOUD_PASSWORD", "", "hunter2", ""),
    ("ICLOUD_2FA_CODE", "", "123456", "12"),
    ("", "region", "china", "mars"),
    ("USE_KEYRING", "use-keyring", "0", "maybe"),
    ("KEYRING_SERVICE", "keyring-service", "mine", " "),
    ("FORCE_RELOGIN", "", "1", "2"),
    ("AUTO_REAUTH", "auto-reauth", "off", "x"),
    (
        "AUTO_REAUTH_MAX_ATTEMPTS",
        "auto-reauth-max-attempts",
        "-1",
        "-2",
    ),
    ("", "max-rate", "0", "-1"),
    ("DRY_RUN", "dry-run", "y", "ye"),
    ("NO_REMOTE", "no-remote", "true", "tru"),
    ("VERBOSE_DECISIONS", "verbose-decisions", "yes", "x"),
    ("STATS_INTERVAL", "stats-interval", "60", "1.5"),
    ("PROGRESS_SUMMARY", "progress-summary", "on", "x"),
    ("INCLUDE_PATTERNS", "include", "*.md,docs/**", "a[b"),
    ("EXCLUDE_PATTERNS", "exclude", "*.{tmp,bak}", "a{b"),
    ("IGNORE_PATTERNS", "ignore", "x", "[z-a]"),
    ("", "filter-from", "HOME/file", "HOME/none"),
    ("", "no-default-ignores", "1", "x"),
    ("", "links", "follow", "cut"),
    ("SHARES", "shares", "skip", "all"),
    ("", "delete", "1", "x"),
    ("", "delete-extra", "1", "x"),
    ("", "max-delete", "10%", "110%"),
    ("", "trash-days", "0", "-1"),
    ("CONFLICT_STRATEGY", "conflict", "keep_both", "newest"),
    ("ENABLE_CHECKSUM", "checksum", "1", "x"),
    ("VERIFY_DOWNLOAD", "verify-download", "1", "x"),
    ("", "transfers", "4", "0"),
    ("", "listers", "2", "65"),
    ("", "bwlimit", "1.5M", "500"),
    ("MAX_DOWNLOADS_PER_PASS", "max-downloads", "8", "x"),
    ("", "min-free", "2G", "much"),
    ("OP_DELAY_MS", "op-delay", "10", "soon"),
    ("STATE_FILE", "state-file", "HOME/file", "HOME/folder"),
    ("", "watch", "1", "x"),
    ("SYNC_INTERVAL", "interval", "5", "4"),
    ("", "hook", "true", ""),
    ("METRICS_HTTP", "metrics-http", "1", "x"),
    ("METRICS_HOST", "metrics-host", "127.0.0.2", "host"),
    ("METRICS_PORT", "metrics-port", "0", "65536"),
    ("METRICS_PATH", "metrics-path", "/m", "m"),
    // A bad one is refused where it is used, and may be another program's elsewhere.
    ("METRICS_TOKEN", "", "abc", ""),
    ("LOG_LEVEL", "log-level", "INFO", "loud"),
    ("LOG_JSON", "log-json", "1", "x"),
    ("LOG_FILE", "log-file", "HOME/log", ""),
];

/// Settles all with `value` in one place; returns the row of the setting, or the error, and what the place is called.
fn given(
    home: &Path,
    by: &str,
    (env, key): (&str, &str),
    value: &str,
) -> (Result<Effective, String>, String) {
    let config = home.join(".config/icloud-sync/config.toml");
    let dotenv = home.join(".env");
    for file in [&config, &dotenv] {
        drop(fs::remove_file(file));
    }
    let mut vars = vec![("HOME".to_owned(), home.display().to_string())];
    let mut pair = None;
    let source = match by {
        "environment" => {
            vars.push((env.to_owned(), value.to_owned()));
            format!("environment {env}")
        }
        ".env" => {
            fs::write(&dotenv, format!("# mine\nexport {env}=\"{value}\"\n")).unwrap();
            format!(".env line 2: {env}")
        }
        "config" => {
            fs::write(&config, format!("{key} = {value:?}\n")).unwrap();
            format!("{}: {key}", config.display())
        }
        _ => {
            let folder = home.join("folder");
            let local = if key == "local" {
                String::new()
            } else {
                format!("local = \"{}\"\n", folder.display())
            };
            fs::write(&config, format!("[pair.p]\n{local}{key} = {value:?}\n")).unwrap();
            pair = Some("@p");
            format!("{}: pair.p.{key}", config.display())
        }
    };
    let settled = Layers::load(&Env::new(vars, home), None)
        .and_then(|mut layers| layers.effective(pair, &AccountArgs::default()));
    let row = settled.map_err(|error| {
        assert_eq!(error.exit_code(), 2);
        error.chain()
    });
    let is_it = |row: &Effective| row.env.unwrap_or("") == env && row.key.unwrap_or("") == key;
    (row.map(|all| all.into_iter().find(is_it).unwrap()), source)
}

#[test]
fn each_setting_is_taken_and_refused_from_each_place() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    fs::create_dir_all(home.join(".config/icloud-sync")).unwrap();
    fs::create_dir(home.join("folder")).unwrap();
    fs::write(home.join("file"), "").unwrap();
    let at = |value: &str| value.replace("HOME", &home.display().to_string());
    let mut tried = 0;
    for (env, key, good, bad) in ALL.iter().copied() {
        let is_secret = ["ICLOUD_PASSWORD", "ICLOUD_2FA_CODE", "METRICS_TOKEN"].contains(&env);
        for by in ["environment", ".env", "config", "pair"] {
            let is_of_env = matches!(by, "environment" | ".env");
            // The log is one for all pairs.
            let is_of_log = by == "pair" && key.starts_with("log-");
            if (is_of_env && env.is_empty()) || (!is_of_env && key.is_empty()) || is_of_log {
                continue;
            }
            let (row, source) = given(home, by, (env, key), &at(good));
            let row = row.unwrap_or_else(|error| panic!("{env} {key}: {error}"));
            let shown = if is_secret {
                "(set)".to_owned()
            } else {
                at(good)
            };
            assert_eq!((row.value, row.source), (shown, source), "{env} {key}");
            tried += 1;
            if bad.is_empty() {
                continue;
            }
            let bad = at(bad);
            let (row, source) = given(home, by, (env, key), &bad);
            let error = row.expect_err(key);
            let wanted = if is_secret {
                format!("{source}: bad value: ")
            } else if env.ends_with("_PATTERNS") {
                format!("{source}: bad value \"")
            } else {
                format!("{source}: bad value {bad:?}: ")
            };
            assert!(error.starts_with(&wanted), "{wanted}\n{error}");
            assert!(
                error.ends_with(" is expected")
                    || error.ends_with(" are expected")
                    || error.ends_with(" are accepted"),
                "{error}"
            );
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn no_setting_is_left_out_above() {
    let mut layers = Layers::load(&Env::new([("HOME", "/home/ada")], "/"), None).unwrap();
    let shown = layers.effective(None, &AccountArgs::default()).unwrap();
    // What the environment alone has is no setting: it has neither key nor flag.
    let alone = [
        "XDG_",
        "HOME",
        "SSL_",
        "HTTPS_",
        "NO_PROXY",
        "NO_COLOR",
        "RUST_LOG",
        "ICLOUD_SYNC_",
    ];
    let there: BTreeSet<_> = shown
        .iter()
        .map(|row| (row.env.unwrap_or(""), row.key.unwrap_or("")))
        .filter(|(env, key)| !key.is_empty() || !alone.iter().any(|name| env.starts_with(name)))
        .collect();
    let here: BTreeSet<_> = ALL.iter().map(|(env, key, _, _)| (*env, *key)).collect();
    assert_eq!(here, there);
}

#[test]
fn the_places_go_before_one_another_for_a_pair_too() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    fs::create_dir_all(home.join(".config/icloud-sync")).unwrap();
    let config = "op-delay = 1\n[pair.p]\nlocal = \"/srv\"\nop-delay = 2\n";
    fs::write(home.join(".config/icloud-sync/config.toml"), config).unwrap();
    let value = |vars: &[(&str, &str)], pair: Option<&str>| {
        let home = [("HOME", home.to_str().unwrap())];
        let vars = home.iter().chain(vars).copied();
        let mut layers = Layers::load(&Env::new(vars, folder.path()), None).unwrap();
        let all = layers.effective(pair, &AccountArgs::default()).unwrap();
        let row = all.into_iter().find(|row| row.key == Some("op-delay"));
        row.unwrap().value
    };
    assert_eq!(value(&[], None), "1");
    assert_eq!(value(&[], Some("@p")), "2");
    fs::write(home.join(".env"), "OP_DELAY_MS=3\n").unwrap();
    assert_eq!(value(&[], Some("@p")), "3");
    assert_eq!(value(&[("OP_DELAY_MS", "4")], Some("@p")), "4");
    // An empty variable is one that is not set.
    assert_eq!(value(&[("OP_DELAY_MS", "")], Some("@p")), "3");
}
