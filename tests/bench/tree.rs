//! Made-up trees, the same in each run: names, sizes and contents from a number.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use icloud_sync::emulator::Drive;

use crate::Any;

/// The time of all files, in seconds since 1970 UTC: long ago, so that none looks as if it were just being written.
pub(crate) const MTIME: i64 = 1_700_000_000;

/// A tree of folders with files in each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree {
    pub(crate) folders: usize,
    pub(crate) files: usize,
    /// The least and the largest size in bytes; sizes are spread evenly between them.
    pub(crate) sizes: (usize, usize),
}

/// Ten thousand files of 1 to 2 KiB in a thousand folders.
pub(crate) const MANY: Tree = Tree {
    folders: 1_000,
    files: 10_000,
    sizes: (1_024, 2_048),
};

/// What a first pull brings.
pub(crate) const PULLED: Tree = Tree {
    folders: 200,
    files: 2_000,
    sizes: (4 * 1_024, 64 * 1_024),
};

/// What a push sends.
pub(crate) const PUSHED: Tree = Tree {
    folders: 100,
    files: 1_000,
    sizes: (8 * 1_024, 8 * 1_024),
};

impl Tree {
    /// Returns the folder of that number.
    pub(crate) fn folder(number: usize) -> String {
        format!("folder {number:05}")
    }

    /// Returns the path of the file of that number.
    pub(crate) fn file(&self, number: usize) -> String {
        let folder = Self::folder(number % self.folders);
        format!("{folder}/document {number:07}.txt")
    }

    /// Returns the content of the file of that number.
    pub(crate) fn content(&self, number: usize) -> Vec<u8> {
        let (least, most) = self.sizes;
        content(number as u64, least + number * 7_919 % (most - least + 1))
    }

    /// Makes it on disk.
    pub(crate) fn write(&self, root: &Path) -> Any<()> {
        for number in 0..self.folders {
            fs::create_dir_all(root.join(Self::folder(number)))?;
        }
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(MTIME.unsigned_abs());
        for number in 0..self.files {
            let path = root.join(self.file(number));
            fs::write(&path, self.content(number))?;
            fs::File::options()
                .write(true)
                .open(&path)?
                .set_modified(time)?;
        }
        Ok(())
    }

    /// Makes it in a Drive.
    pub(crate) fn upload(&self, drive: &Drive) -> Any<()> {
        for number in 0..self.folders {
            drive.mkdir(Self::folder(number).as_str())?;
        }
        for number in 0..self.files {
            let path = self.file(number);
            drive.write_with_mtime(path.as_str(), self.content(number), MTIME)?;
        }
        Ok(())
    }
}

/// Returns bytes that can't be compressed, the same for the same number.
pub(crate) fn content(number: u64, length: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Returns how many files are below a folder.
pub(crate) fn count_files(root: &Path) -> usize {
    let all = walkdir::WalkDir::new(root).into_iter().flatten();
    all.filter(|entry| entry.file_type().is_file()).count()
}
