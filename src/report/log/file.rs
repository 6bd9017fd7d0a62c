//! The file of `LOG_FILE`: lines are appended, and a file that has grown large makes way for a new one.
//!
//! Several processes may write to one file. Each line is written in one go, and the file is only put aside by who holds
//! its lock and finds it still under its name, so that two never put the same one aside twice.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// When a file makes way, and how many old ones stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From this length on, in bytes.
    pub(super) bytes: u64,
    /// Old files that are kept: `.1` is the newest.
    pub(super) old: u32,
}

/// Enough for weeks of a quiet watch, and together no more than 40 MiB.
pub(super) const LIMITS: Limits = Limits {
    bytes: 10 << 20,
    old: 3,
};

/// A log file that is written to.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    limits: Limits,
    file: File,
    /// A terminal or a pipe stays as it is, and so does a file whose folder lets nothing be renamed.
    makes_way: bool,
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

impl LogFile {
    /// Opens a file, making it for this user only where it is missing.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub(super) fn open(path: &Path, limits: Limits) -> io::Result<Self> {
        let file = open(path)?;
        let makes_way = file.metadata()?.is_file();
        Ok(Self {
            // A later change of the working directory must not move it.
            path: std::path::absolute(path)?,
            limits,
            file,
            makes_way,
        })
    }

    /// Appends a line, which has its line end. What can't be written is lost: a full disk must not end a pass for its
    /// log's sake.
    pub(super) fn write(&mut self, line: &str) {
        if self.makes_way && self.make_way().is_err() {
            self.makes_way = false;
        }
        let _written = self.file.write_all(line.as_bytes());
    }

    fn make_way(&mut self) -> io::Result<()> {
        let own = self.file.metadata()?;
        if own.len() < self.limits.bytes {
            return Ok(());
        }
        if self.file.try_lock().is_err() {
            // Another process is at it; this line is the last here.
            return Ok(());
        }
        let is_there = fs::metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()));
        if is_there {
            for number in (1..self.limits.old).rev() {
                match fs::rename(self.old(number), self.old(number + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
            fs::rename(&self.path, self.old(1))?;
        }
        self.file = open(&self.path)?;
        Ok(())
    }

    fn old(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<(String, String)> {
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn a_large_file_makes_way_and_so_many_old_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { bytes: 10, old: 2 };
        let mut file = LogFile::open(&folder.path().join("log"), limits).unwrap();
        for line in [
            "one is long\n",
            "2\n",
            "two is long\n",
            "three is long\n",
            "4\n",
        ] {
            file.write(line);
        }
        let wanted = [
            ("log", "4\n"),
            ("log.1", "three is long\n"),
            ("log.2", "2\ntwo is long\n"),
        ];
        assert_eq!(
            files(folder.path()),
            wanted.map(|(name, text)| (name.to_owned(), text.to_owned()))
        );
        let mode = fs::metadata(folder.path().join("log")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn several_writers_lose_no_line_and_put_no_file_aside_twice() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits {
            bytes: 1_000,
            old: 20,
        };
        let path = folder.path().join("log");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let mut file = LogFile::open(path, limits).unwrap();
                    for number in 0..500 {
                        file.write(&format!("{writer} {number:03}\n"));
                    }
                });
            }
        });
        let found = files(folder.path());
        let mut lines: Vec<_> = found.iter().flat_map(|(_, text)| text.lines()).collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 2_000);
        // 12,000 bytes in files of 1,000 and little more: one put aside early would be short.
        let old = found.iter().filter(|(name, _)| name != "log");
        assert!(old.clone().count() >= 2);
        for (name, text) in old {
            assert!(text.len() >= 1_000, "{name} has {} bytes", text.len());
        }
    }

    #[test]
    fn what_is_no_file_stays_as_it_is() {
        let mut file = LogFile::open(Path::new("/dev/null"), Limits { bytes: 0, old: 1 }).unwrap();
        file.write("x\n");
        assert!(!file.makes_way);
    }

    #[test]
    fn where_nothing_can_be_renamed_lines_go_on() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in the old one's place is in the way of the renaming.
        fs::create_dir_all(folder.path().join("log.1/x")).unwrap();
        let path = folder.path().join("log");
        let mut file = LogFile::open(&path, Limits { bytes: 1, old: 1 }).unwrap();
        for line in ["1\n", "2\n", "3\n"] {
            file.write(line);
        }
        assert_eq!(fs::read_to_string(path).unwrap(), "1\n2\n3\n");
    }
}
