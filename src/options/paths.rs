//! What a path that was given leads to: looked at before anything is done, so that an error can name the place that the
//! path came from. Each function returns what is wrong with the path and what is expected, or nothing.

use std::{fs, io, path::Path};

use rustix::fs::{Access, access};

/// Looks for a folder, which may be missing: a first pull makes it.
pub(super) fn no_folder(path: &Path) -> Option<String> {
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => Some("it is a file; a folder is expected".into()),
        Ok(_) | Err(_) => None,
    }
}

/// Looks for a file that can be read.
pub(super) fn no_readable_file(path: &Path) -> Option<String> {
    let expected = |why: &dyn std::fmt::Display| Some(format!("{why}; a file to read is expected"));
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => expected(&"it is a folder"),
        // Not by opening it: it may be a pipe, from which a shell gives its lines once.
        Ok(_) => match access(path, Access::READ_OK) {
            Ok(()) => None,
            Err(error) => expected(&io::Error::from(error)),
        },
        Err(error) => expected(&error),
    }
}

/// Looks for a place where a file can be replaced: what is there, if anything, is an ordinary file, and its folder is
/// there, unless it is still to be made.
pub(super) fn no_state_file(path: &Path, is_made_later: bool) -> Option<String> {
    let expected = |why: String| {
        Some(format!(
            "{why}; a file in a folder that is there is expected"
        ))
    };
    match fs::metadata(path) {
        Ok(found) if found.is_file() => None,
        Ok(found) if found.is_dir() => expected("it is a folder".into()),
        // A device would be replaced by a file.
        Ok(_) => expected("it is no ordinary file".into()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => expected(error.to_string()),
        Err(_) => {
            let folder = path.parent().unwrap_or(path);
            let is_there = is_made_later || folder.is_dir();
            (!is_there)
                .then(|| {
                    expected(format!(
                        "its folder \"{}\" does not exist",
                        folder.display()
                    ))
                })
                .flatten()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_told_from_what_is_expected() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("folder")).unwrap();
        let says = |found: Option<String>, words: &str| {
            let found = found.unwrap_or_default();
            assert!(
                found.starts_with(words) && found.ends_with("is expected"),
                "{found}"
            );
        };
        assert_eq!(no_folder(&at("folder")), None);
        assert_eq!(no_folder(&at("none")), None);
        says(no_folder(&at("file")), "it is a file; ");

        assert_eq!(no_readable_file(&at("file")), None);
        says(no_readable_file(&at("folder")), "it is a folder; ");
        says(no_readable_file(&at("none")), "No such file");

        assert_eq!(no_state_file(&at("file"), false), None);
        assert_eq!(no_state_file(&at("folder/new"), false), None);
        assert_eq!(no_state_file(&at("none/new"), true), None);
        says(no_state_file(&at("folder"), false), "it is a folder; ");
        says(
            no_state_file(Path::new("/dev/null"), false),
            "it is no ordinary file; ",
        );
        says(no_state_file(&at("none/new"), false), "its folder ");
        says(no_state_file(&at("file/new"), false), "Not a directory");
    }
}
