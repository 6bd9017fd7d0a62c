//! LOCAL: whether it is there, what its file system can do, and how much room it has.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    Finding, folder,
    trial::{self, Bench},
};
use crate::scan::filter::OWN_FOLDER;

const NAME: &str = "LOCAL";

/// Looks at LOCAL and tries its file system out.
pub(super) fn check(local: &Path, state_dir: &Path) -> Vec<Finding> {
    let left_out = |why: &str| {
        vec![
            Finding::skipped("file system", why),
            Finding::skipped("LOCAL space", why),
        ]
    };
    let there = match place(local, state_dir) {
        Ok(there) => there,
        Err(finding) => {
            let mut all = vec![finding];
            all.extend(left_out("there is no LOCAL to look at"));
            return all;
        }
    };
    vec![
        Finding::ok(NAME, format!("\"{}\" is there", local.display())),
        file_system(&there),
        folder::room("LOCAL space", &there),
    ]
}

/// Returns where LOCAL is, links resolved.
fn place(local: &Path, state_dir: &Path) -> Result<PathBuf, Finding> {
    let shown = local.display();
    let there = fs::canonicalize(local).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return Finding::warning(
                NAME,
                format!("\"{shown}\" does not exist"),
                "the first pull makes it; for push and bisync make it yourself; --local names another folder",
            );
        }
        Finding::failed(
            NAME,
            format!("\"{shown}\" can't be looked at: {error}"),
            "see to its rights, and is its disk mounted?",
        )
    })?;
    if !there.is_dir() {
        return Err(Finding::failed(
            NAME,
            format!("\"{shown}\" is no folder"),
            "give the folder that is to be kept in step",
        ));
    }
    if let Err(error) = fs::read_dir(&there) {
        return Err(Finding::failed(
            NAME,
            format!("\"{shown}\" can't be read: {error}"),
            "see to its rights",
        ));
    }
    let state = fs::canonicalize(state_dir).unwrap_or_else(|_| state_dir.to_owned());
    let why = if there.parent().is_none() {
        "is the whole system"
    } else if there.starts_with(&state) {
        "lies in the program's own state folder"
    } else {
        return Ok(there);
    };
    Err(Finding::failed(
        NAME,
        format!("\"{shown}\" {why}"),
        "give another folder",
    ))
}

/// What can its file system do?
fn file_system(local: &Path) -> Finding {
    const NAME: &str = "file system";
    let kind = folder::file_system(local).unwrap_or_else(|| "of unknown kind".to_owned());
    let bench = match Bench::new(&local.join(OWN_FOLDER)) {
        Ok(bench) => bench,
        Err(error) => {
            return Finding::failed(
                NAME,
                format!("{kind}; LOCAL can't be written to: {error}"),
                "see to its rights; only a push can do without, and leaves no trash there",
            );
        }
    };
    let mut tried = trial::all(&bench);
    drop(bench);
    tried.cannot.extend(of_kind(&kind).map(str::to_owned));
    let mut found = kind;
    if !tried.can.is_empty() {
        found.push_str("; ");
        found.push_str(&tried.can.join(", "));
    }
    for what in tried.cannot.iter().chain(&tried.broken) {
        found.push_str("; ");
        found.push_str(what);
    }
    if !tried.broken.is_empty() {
        return Finding::failed(NAME, found, "take a folder on another file system");
    }
    if tried.cannot.is_empty() {
        return Finding::ok(NAME, found);
    }
    Finding::warning(
        NAME,
        found,
        "it can be used as it is; a local disk with ext4, btrfs or xfs has none of this",
    )
}

/// What is known of a kind of file system and can't be tried out.
fn of_kind(kind: &str) -> Option<&'static str> {
    if matches!(kind, "vfat" | "msdos" | "exfat") {
        return Some(
            "files have no lasting numbers (inodes) here: a move is carried over by content alone, else as a deletion and a new file",
        );
    }
    let is_far = ["nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph"].contains(&kind)
        || kind.starts_with("fuse.") && kind != "fuse.mergerfs" && kind != "fuse.bindfs";
    is_far.then_some(
        "it is on another machine, or a program's: another program may change it at the same time, and what it calls saved may not be",
    )
}

#[cfg(test)]
mod tests {
    use super::{
        super::Verdict::{Failed, Ok, Skipped, Warning},
        *,
    };

    #[test]
    fn a_folder_is_tried_out_and_left_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        let all = check(home.path(), Path::new("/nowhere"));
        let file_system = &all[1];
        assert!(
            matches!(file_system.verdict, Ok | Warning),
            "{file_system:?}"
        );
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_can_be_no_local_is_named() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        fs::create_dir_all(state.join("x")).unwrap();
        fs::write(home.path().join("file"), "").unwrap();
        for (local, words, verdict) in [
            (home.path().join("none"), "does not exist", Warning),
            (home.path().join("file"), "is no folder", Failed),
            (Path::new("/").to_owned(), "the whole system", Failed),
            (state.join("x"), "own state folder", Failed),
        ] {
            let all = check(&local, &state);
            assert!(all[0].found.contains(words), "{all:?}");
            assert_eq!(all[0].verdict, verdict);
            assert!(all[1..].iter().all(|it| it.verdict == Skipped));
        }
    }

    #[test]
    fn a_file_system_s_kind_says_what_a_trial_can_t() {
        assert!(of_kind("vfat").unwrap().contains("inodes"));
        assert!(of_kind("fuse.sshfs").unwrap().contains("another machine"));
        for good in ["ext4", "btrfs", "xfs", "tmpfs", "overlay", "fuseblk"] {
            assert_eq!(of_kind(good), None);
        }
    }
}
