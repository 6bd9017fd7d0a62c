//! The numbers of a pair over all its passes, kept beside its baseline.
//!
//! A file of its own that nothing depends on: one that can't be read begins anew, one that can't be written is told in
//! the log. Several processes may add to it; the pair's folder is locked for as long as that takes.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Numbers;
use crate::{
    error::{Error, Result},
    state::replace_file,
};

/// The form of the file.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    numbers: Numbers,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("totals.json")
}

/// Returns the numbers of the pair of this folder; `None` where there are none that can be read.
pub fn load(folder: &Path) -> Option<Numbers> {
    let stored: Stored = serde_json::from_slice(&fs::read(file(folder)).ok()?).ok()?;
    (stored.version == VERSION).then_some(stored.numbers)
}

/// Adds what a pass came to, and returns the new numbers; `None` where the pair has no folder, as after a mistyped
/// LOCAL.
///
/// # Errors
/// `Local` or `DiskFull`.
pub(super) fn add(folder: &Path, pass: &Numbers) -> Result<Option<Numbers>> {
    let fail = |error| {
        Error::io(
            format!("cannot keep the totals in {}", folder.display()),
            error,
        )
    };
    let held = match File::open(folder) {
        Ok(held) => held,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    // Held by others for as long as they write a small file; let go of when it is closed.
    held.lock().map_err(fail)?;
    let mut numbers = load(folder).unwrap_or_default();
    numbers.add(pass);
    let stored = Stored {
        version: VERSION,
        numbers,
    };
    replace_file(&file(folder), |out| {
        serde_json::to_writer(&mut *out, &stored)?;
        out.write_all(b"\n")
    })?;
    Ok(Some(stored.numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(exit_code: u8) -> Numbers {
        let mut numbers = Numbers {
            last_exit_code: Some(exit_code),
            last_pass: Some(100),
            last_success: (exit_code == 0).then_some(100),
            bytes_sent: 5,
            problems: usize::from(exit_code),
            last_duration: 0.5,
            ..Numbers::default()
        };
        numbers.passes.insert(exit_code, 1);
        numbers.actions.insert("upload".into(), 2);
        numbers
    }

    #[test]
    fn passes_of_several_processes_add_up() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        add(folder.path(), &pass(0)).unwrap().unwrap();
                    }
                });
            }
        });
        let numbers = add(folder.path(), &pass(5)).unwrap().unwrap();
        assert_eq!(load(folder.path()), Some(numbers.clone()));
        assert_eq!(numbers.passes, [(0, 40), (5, 1)].into());
        assert_eq!((numbers.bytes_sent, numbers.actions["upload"]), (205, 82));
        // What is of the last pass is not added, and the last success stays.
        assert_eq!((numbers.problems, numbers.last_exit_code), (5, Some(5)));
        assert_eq!(numbers.last_success, Some(100));
    }

    #[test]
    fn a_damaged_file_begins_anew_and_a_folder_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(file(folder.path()), "{").unwrap();
        assert_eq!(load(folder.path()), None);
        add(folder.path(), &pass(0)).unwrap();
        assert_eq!(load(folder.path()).unwrap().passes, [(0, 1)].into());
        let none = folder.path().join("none");
        assert_eq!(add(&none, &pass(0)).unwrap(), None);
        assert!(!none.exists());
    }
}
