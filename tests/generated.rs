//! The committed completions and manual pages are what the command line's types make of them.
//!
//! After a change of `src/cli.rs` renew them with `UPDATE=1 cargo test --test generated`, and commit
//! them with that change.

// A build without the emulator has fewer commands; the files are those of the default features.
#![cfg(feature = "emulator")]
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap_complete::Shell;
use icloud_sync::commands::{completions, man};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What is in a folder, by file name.
fn found(folder: &str) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// Compares a folder with what should be in it; with UPDATE set, makes it so first.
fn compare(folder: &str, wanted: &BTreeMap<String, String>) {
    if std::env::var_os("UPDATE").is_some() {
        let at = root().join(folder);
        fs::create_dir_all(&at).unwrap();
        for name in found(folder)
            .keys()
            .filter(|name| !wanted.contains_key(*name))
        {
            fs::remove_file(at.join(name)).unwrap();
        }
        for (name, text) in wanted {
            fs::write(at.join(name), text).unwrap();
        }
    }
    let found = found(folder);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    let renew = "renew it with: UPDATE=1 cargo test --test generated";
    assert_eq!(names(&found), names(wanted), "{folder}/ is stale; {renew}");
    for (name, text) in wanted {
        assert!(found[name] == *text, "{folder}/{name} is stale; {renew}");
    }
}

#[test]
fn the_completions_are_those_of_the_command_line() {
    let wanted = [Shell::Bash, Shell::Zsh, Shell::Fish]
        .into_iter()
        .map(|shell| {
            let name = completions::file_name(shell).unwrap().to_owned();
            (name, completions::text(shell).unwrap())
        })
        .collect();
    compare("completions", &wanted);
}

#[test]
fn the_manual_pages_are_those_of_the_command_line() {
    let wanted: BTreeMap<_, _> = man::pages()
        .iter()
        .map(|page| {
            let page = page.as_deref();
            (man::file_name(page), man::text(page).unwrap())
        })
        .collect();
    assert!(wanted.contains_key("icloud-sync.1") && wanted.contains_key("icloud-sync-bisync.1"));
    compare("man", &wanted);
}

#[test]
fn the_main_page_has_all_that_users_look_for() {
    let page = man::text(None).unwrap();
    for part in [
        "NAME",
        "SYNOPSIS",
        "OPTIONS",
        "SUBCOMMANDS",
        "EXIT STATUS",
        "ENVIRONMENT",
        "FILES",
    ] {
        assert!(
            page.contains(&format!(".SH {part}\n")) || page.contains(&format!(".SH \"{part}\"\n")),
            "{part}"
        );
    }
    for name in icloud_sync::options::environment_names() {
        let is_system = ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"].contains(&name);
        assert!(
            is_system || page.contains(&name.replace('-', "\\-")),
            "{name}"
        );
    }
}

#[test]
fn a_page_of_no_command_is_refused_with_those_there_are() {
    let error = man::text(Some("plul")).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.hint().unwrap().contains("pull, push, bisync"));
}
