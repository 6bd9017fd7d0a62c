//! Which pairs this machine has had passes of, to name the one that was probably meant.
//!
//! Comes in: what was typed. Goes out: commands to be copied from the terminal. Nothing here is certain: it is only ever a
//! hint.

use std::{fs, path::Path};

use crate::{
    options::PassOptions,
    pass,
    report::sanitize::for_terminal,
    state::last::{self, Known},
};

/// A hint names so many commands.
const MOST: usize = 3;

/// Returns what to type to take back a pass of the same LOCAL with another REMOTE; `None` where there is none.
pub(super) fn undo_elsewhere(options: &PassOptions) -> Option<String> {
    let here = there(&options.local);
    let commands = known(options).into_iter().filter_map(|known| {
        let (local, remote) = known.pair();
        let other = PassOptions {
            local: local.into(),
            remote: remote.to_owned(),
            ..options.clone()
        };
        let has_passes = pass::past(&other).is_ok_and(|past| !past.is_empty());
        (has_passes && there(Path::new(local)) == here)
            .then(|| format!("icloud-sync undo {}", flags(local, remote)))
    });
    hint("this LOCAL has passes with another REMOTE", commands)
}

/// Returns what to type to have a path explained that is below another LOCAL; `None` where it is below none.
pub(super) fn explain_elsewhere(typed: &Path, options: &PassOptions) -> Option<String> {
    let path = std::path::absolute(typed).ok()?;
    let commands = known(options).into_iter().filter_map(|known| {
        let (local, remote) = known.pair();
        let is_below = !local.is_empty() && path.starts_with(local);
        let shown = quoted(&path.to_string_lossy());
        is_below.then(|| format!("icloud-sync explain {shown} {}", flags(local, remote)))
    });
    hint("it is below another one", commands)
}

fn hint(why: &str, commands: impl Iterator<Item = String>) -> Option<String> {
    let commands: Vec<String> = commands.take(MOST).map(|one| format!("`{one}`")).collect();
    (!commands.is_empty()).then(|| format!("{why}: {}", commands.join(", or ")))
}

fn known(options: &PassOptions) -> Vec<Known> {
    last::all(&options.state_dir).unwrap_or_default()
}

/// Where a path leads, as far as that can be told.
fn there(local: &Path) -> std::path::PathBuf {
    fs::canonicalize(local).unwrap_or_else(|_| local.to_owned())
}

/// Writes a pair as the options that name it.
pub(super) fn flags(local: &str, remote: &str) -> String {
    let remote = format!("/{}", remote.trim_start_matches('/'));
    format!("--local {} --remote {}", quoted(local), quoted(&remote))
}

/// A word as a shell takes it, to be copied from the terminal.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", for_terminal(&word.replace('\'', r"'\''")))
}
