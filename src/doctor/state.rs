//! The state folder: the program's own, with sessions and what it remembers of each pair.

use std::{
    fs::{self, Metadata},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::process::getuid;

use super::{
    Finding, folder,
    trial::{self, Bench},
};
use crate::{report::words, state::last};

const NAME: &str = "state folder";

/// Is it there, private, whole to write to, and has it room?
pub(super) fn check(dir: &Path) -> Vec<Finding> {
    let mut all = vec![rights(dir), writing(dir)];
    if let Some(there) = folder::existing(dir) {
        all.push(folder::room("state space", there));
    }
    all
}

/// Can anybody else look into it?
fn rights(dir: &Path) -> Finding {
    let shown = dir.display();
    let metadata = match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            return Finding::failed(
                NAME,
                format!("\"{shown}\" is no folder"),
                "move that file away, or set XDG_STATE_HOME to another folder",
            );
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Finding::ok(NAME, format!("\"{shown}\" is made at the first sign-in"));
        }
        Err(error) => {
            return Finding::failed(
                NAME,
                format!("\"{shown}\" can't be looked at: {error}"),
                "see to the rights of the folders above it",
            );
        }
    };
    let uid = getuid().as_raw();
    if metadata.uid() != uid {
        let found = format!(
            "\"{shown}\" belongs to user {}, and this is user {uid}",
            metadata.uid()
        );
        let way_out = format!("run icloud-sync as one user only, or `chown -R {uid} \"{shown}\"`");
        return Finding::failed(NAME, found, way_out);
    }
    let open = open_files(dir, is_open(&metadata));
    let mode = metadata.permissions().mode() & 0o777;
    let way_out = format!(
        "`chmod -R go= \"{shown}\"`; if this machine has other users, sign out and in again: `icloud-sync logout`, `icloud-sync login`"
    );
    if open > 0 {
        let found = format!(
            "\"{shown}\": {} can be read by others, sessions among them maybe",
            words::count(open, "file")
        );
        return Finding::failed(NAME, found, way_out);
    }
    if is_open(&metadata) {
        let found =
            format!("\"{shown}\" is open to others (mode {mode:o}); the files in it are private");
        return Finding::warning(NAME, found, format!("`chmod 700 \"{shown}\"`"));
    }
    Finding::ok(NAME, format!("\"{shown}\" is private"))
}

fn is_open(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o077 != 0
}

/// Counts the files that others can get at: through folders that are open to them, down from `dir`.
fn open_files(dir: &Path, is_dir_open: bool) -> usize {
    if !is_dir_open {
        return 0;
    }
    walkdir::WalkDir::new(dir)
        .min_depth(1)
        .into_iter()
        .filter_entry(|entry| {
            !entry.file_type().is_dir() || entry.metadata().is_ok_and(|it| is_open(&it))
        })
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| entry.metadata().is_ok_and(|it| is_open(&it)))
        .count()
}

/// Can things be saved there, and does a lock keep others out?
fn writing(dir: &Path) -> Finding {
    const NAME: &str = "state writing";
    let way_out = "see to its rights, or set XDG_STATE_HOME to a folder on a local disk that you can write to";
    let Some(there) = folder::existing(dir) else {
        return Finding::failed(NAME, "there is no folder to save anything in", way_out);
    };
    let shown = there.display();
    let bench = match Bench::new(there) {
        Ok(bench) => bench,
        Err(error) => {
            let found = format!("\"{shown}\" can't be written to: {error}");
            return Finding::failed(NAME, found, way_out);
        }
    };
    if let Err(error) = trial::save(&bench) {
        let found = format!("files in \"{shown}\" can't be replaced safely: {error}");
        return Finding::failed(NAME, found, way_out);
    }
    if let Err(error) = trial::lock(&bench) {
        let found = format!("locks do not work in \"{shown}\": {error}");
        return Finding::failed(NAME, found, way_out);
    }
    Finding::ok(NAME, "files are replaced safely, and locks work")
}

/// How did the last passes end? Names the folders of each pair, as the report does elsewhere, and no file in them.
pub(super) fn passes(dir: &Path) -> Finding {
    const NAME: &str = "last passes";
    let all = match last::all(dir) {
        Ok(all) => all,
        Err(error) => {
            return Finding::failed(NAME, error.chain(), "see to the rights of the state folder");
        }
    };
    let bad: Vec<String> = all
        .iter()
        .filter_map(|known| {
            let last = known.last.as_ref();
            let last = last.map(|last| (&last.verb, last.exit_code));
            let missed = known.missed.as_ref();
            let missed = missed.map(|missed| (&missed.verb, missed.exit_code));
            let (verb, exit_code) = missed.or(last).filter(|(_, code)| *code != 0)?;
            let (local, remote) = known.pair();
            let pair = format!("\"{local}\" and \"{remote}\"");
            Some(format!(
                "the last {verb} of {pair} ended with code {exit_code}"
            ))
        })
        .collect();
    if all.is_empty() {
        return Finding::skipped(NAME, "there was none yet");
    }
    let found = format!("{} known", words::count(all.len(), "pair"));
    if bad.is_empty() {
        return Finding::ok(NAME, format!("{found}; all ended well"));
    }
    Finding::warning(
        NAME,
        format!("{found}; {}", bad.join(", ")),
        "`icloud-sync status` says more of each",
    )
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::{
        super::Verdict::{self, Failed, Ok, Warning},
        *,
    };

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_what_others_can_get_at_is_open() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state");
        fs::create_dir_all(dir.join("sessions")).unwrap();
        let file = dir.join("sessions/session.json");
        fs::write(&file, "{}").unwrap();
        for (top, inner, file_mode, verdict) in [
            (0o700, 0o755, 0o644, Ok),
            (0o755, 0o700, 0o644, Warning),
            (0o755, 0o755, 0o600, Warning),
            (0o755, 0o755, 0o644, Failed),
        ] {
            set_mode(&dir, top);
            set_mode(&dir.join("sessions"), inner);
            set_mode(&file, file_mode);
            let found = rights(&dir);
            assert_eq!(found.verdict, verdict, "{found:?}");
            // Looking changes nothing.
            let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, file_mode);
        }
    }

    #[test]
    fn a_pair_whose_last_pass_did_not_end_well_is_named() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(passes(home.path()).verdict, Verdict::Skipped);
        for (name, exit_code) in [("docs", 1), ("photos", 0)] {
            let folder = home.path().join("pairs").join(name);
            fs::create_dir_all(&folder).unwrap();
            let record = serde_json::json!({
                "verb": "bisync", "local": format!("/home/anna/{name}"), "remote": "/Docs",
                "ended_at": "2026-01-02T03:04:05Z", "exit_code": exit_code, "message": null,
                "done": 0, "baseline_items": 0,
            });
            fs::write(folder.join("last.json"), record.to_string()).unwrap();
        }
        let found = passes(home.path());
        assert_eq!(found.verdict, Warning);
        assert_eq!(
            found.found,
            "2 pairs known; the last bisync of \"/home/anna/docs\" and \"/Docs\" ended with code 1"
        );
    }

    #[test]
    fn what_is_no_folder_or_takes_nothing_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(rights(&file).found.contains("is no folder"));
        let verdict = |dir: &str| -> Verdict { writing(Path::new(dir)).verdict };
        assert_eq!(verdict("/proc/icloud-sync"), Failed);
        assert_eq!(writing(&home.path().join("new/one")).verdict, Ok);
        assert_eq!(rights(&home.path().join("new/one")).verdict, Ok);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
