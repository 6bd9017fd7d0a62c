//! Numbers, actions and reasons in words: the same ones in plans, lines, logs and summaries.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use super::sanitize::for_terminal;
use crate::{
    plan::{Action, Reason, Side, What},
    tree::{Freeze, Kind, RelPath},
};

/// Adds formatted text.
pub(crate) fn push(text: &mut String, more: fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes any text");
}

/// Returns a size for people: `0 B`, `999 B`, `1.0 KiB`, `23.4 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths of a unit, rounded down, so that no file seems larger than it is.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Returns `1 file`, `2 files`, `1,234 files`: the noun takes an `s`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(number))
}

/// Returns a number with commas between its thousands.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a length of time for people: `0.4 s`, `12.0 s`, `2 min 5 s`, `1 h 3 min`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{}.{} s", seconds, time.subsec_millis() / 100)
    } else if seconds < 3600 {
        format!("{} min {} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {} min", seconds / 3600, seconds % 3600 / 60)
    }
}

/// Returns how fast so many bytes moved in that time: `1.2 MiB/s`.
pub(crate) fn rate(bytes: u64, time: Duration) -> String {
    let millis = time.as_millis().max(1);
    let a_second = u128::from(bytes) * 1000 / millis;
    format!("{}/s", size(u64::try_from(a_second).unwrap_or(u64::MAX)))
}

/// Returns a path for people; a folder has a slash at its end.
pub(crate) fn path(path: &RelPath, kind: Kind) -> String {
    let shown = for_terminal(path.as_str());
    match kind {
        Kind::Folder => format!("{shown}/"),
        Kind::File | Kind::Package => shown.into_owned(),
    }
}

/// Returns an action's name for programs.
pub(crate) fn key(what: &What) -> &'static str {
    match what {
        What::CreateLocalFolder => "create-local-folder",
        What::CreateRemoteFolder { .. } => "create-remote-folder",
        What::Download => "download",
        What::Upload { .. } => "upload",
        What::MoveLocal { .. } => "move-local",
        What::SwapLocal { .. } => "swap-local",
        What::MoveRemote { .. } => "move-remote",
        What::RemoveLocal => "remove-local",
        What::TrashRemote => "trash-remote",
    }
}

/// Returns an action on one line.
pub(crate) fn action(action: &Action) -> String {
    let at = path(&action.path, action.kind);
    match &action.what {
        What::CreateLocalFolder => format!("create local folder {at}"),
        What::CreateRemoteFolder { .. } => format!("create remote folder {at}"),
        What::Download => format!("download {at} ({})", size(action.size)),
        What::Upload { .. } => format!("upload {at} ({})", size(action.size)),
        What::MoveLocal { from } => format!("move locally {} -> {at}", path(from, action.kind)),
        What::SwapLocal { with, .. } => {
            format!("exchange locally {} <-> {at}", path(with, action.kind))
        }
        What::MoveRemote { from, .. } => {
            format!("move remotely {} -> {at}", path(from, action.kind))
        }
        What::RemoveLocal => format!("remove locally {at}"),
        What::TrashRemote => format!("trash remotely {at}"),
    }
}

/// Returns whether an action sends or receives content.
pub(crate) fn is_transfer(what: &What) -> bool {
    matches!(what, What::Download | What::Upload { .. })
}

/// Returns `locally` or `remotely`.
pub(crate) fn where_(side: Side) -> &'static str {
    match side {
        Side::Local => "locally",
        Side::Remote => "remotely",
    }
}

/// Returns why an action is planned.
pub(crate) fn reason(reason: Reason) -> String {
    match reason {
        Reason::Created(side) => format!("new {}", where_(side)),
        Reason::Modified(side) => format!("changed {}", where_(side)),
        Reason::Deleted(side) => format!("deleted {}", where_(side)),
        Reason::Moved(side) => format!("moved {}", where_(side)),
        Reason::EditWins(side) => format!(
            "changed {}, deleted {}: the change wins",
            where_(side),
            where_(side.other())
        ),
        Reason::ComesBack(side) => format!("gone {}: it comes back", where_(side)),
        Reason::Extra(side) => format!("only there {} (--delete-extra)", where_(side)),
        Reason::ConflictWon(side) => {
            format!("changed on both sides: the {} version wins", side.as_str())
        }
        Reason::ConflictKept(side) => format!(
            "changed on both sides: the {} version is kept under this name",
            side.as_str()
        ),
        Reason::NeededFor => "for what goes into it".into(),
        Reason::MakesWay => "its name is needed for another item".into(),
        Reason::Fixed => {
            "taken back here: the folder of an app keeps its name and place in iCloud".into()
        }
    }
}

/// Returns a reason's name for programs, and the side it speaks of.
pub(crate) fn reason_key(reason: Reason) -> (&'static str, Option<Side>) {
    match reason {
        Reason::Created(side) => ("created", Some(side)),
        Reason::Modified(side) => ("modified", Some(side)),
        Reason::Deleted(side) => ("deleted", Some(side)),
        Reason::Moved(side) => ("moved", Some(side)),
        Reason::EditWins(side) => ("edit-wins", Some(side)),
        Reason::ComesBack(side) => ("comes-back", Some(side)),
        Reason::Extra(side) => ("extra", Some(side)),
        Reason::ConflictWon(side) => ("conflict-won", Some(side)),
        Reason::ConflictKept(side) => ("conflict-kept", Some(side)),
        Reason::NeededFor => ("needed-for", None),
        Reason::MakesWay => ("makes-way", None),
        Reason::Fixed => ("fixed", Some(Side::Remote)),
    }
}

/// Returns why something of a side is left alone.
pub(crate) fn freeze(why: &Freeze) -> String {
    match why {
        Freeze::Unknown(what) => format!("cannot be listed: {}", for_terminal(what)),
        Freeze::NameClash(other) => format!("name clash with \"{}\"", for_terminal(other)),
        Freeze::BadName(what) => for_terminal(what).into_owned(),
        Freeze::NotAFile { is_symlink: true } => "a symbolic link".into(),
        Freeze::NotAFile { is_symlink: false } => "not a file or folder".into(),
        Freeze::Shared => "part of a shared folder".into(),
    }
}

/// Returns a problem with its item's name in front. An error names its item itself, for places where nothing else
/// does: that name would come twice or three times in a line.
pub(crate) fn problem(what: &str, why: &str) -> String {
    if what.is_empty() {
        return format!("\"\": {why}");
    }
    format!("{what}: {}", unnamed(what, why))
}

/// Returns what an error says, without the name of its item.
pub(crate) fn unnamed(what: &str, why: &str) -> String {
    let named = format!("\"{what}\"");
    match why.strip_prefix(&named) {
        Some(rest) => rest.trim_start_matches([':', ' ']).to_owned(),
        None => why.replace(&format!(" {named}:"), ":"),
    }
}

/// Returns the name of that for programs, and its detail.
pub(crate) fn freeze_key(why: &Freeze) -> (&'static str, Option<&str>) {
    match why {
        Freeze::Unknown(what) => ("unknown", Some(what)),
        Freeze::NameClash(other) => ("name-clash", Some(other)),
        Freeze::BadName(what) => ("bad-name", Some(what)),
        Freeze::NotAFile { is_symlink: true } => ("symlink", None),
        Freeze::NotAFile { is_symlink: false } => ("special-file", None),
        Freeze::Shared => ("shared", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_digit_after_the_point_and_never_round_up() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1023.9 KiB"),
            (1_572_864, "1.5 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn a_problem_names_its_item_once() {
        for (why, text) in [
            (
                "\"a/b\": it has changed meanwhile",
                "a/b: it has changed meanwhile",
            ),
            ("\"a/b\" broke off", "a/b: broke off"),
            (
                "cannot send \"a/b\": cannot read \"a/b\": no such file",
                "a/b: cannot send: cannot read: no such file",
            ),
            (
                "its name clashes with \"A/b\"",
                "a/b: its name clashes with \"A/b\"",
            ),
        ] {
            assert_eq!(problem("a/b", why), text);
        }
        assert_eq!(problem("", "the name is empty"), "\"\": the name is empty");
    }

    #[test]
    fn numbers_are_grouped_and_one_has_no_s() {
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
        assert_eq!(count(1_234_567, "item"), "1,234,567 items");
        assert_eq!(grouped(999), "999");
    }

    #[test]
    fn times_have_the_units_that_matter() {
        assert_eq!(time(Duration::from_millis(432)), "0.4 s");
        assert_eq!(time(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!(time(Duration::from_secs(3780)), "1 h 3 min");
    }
}
