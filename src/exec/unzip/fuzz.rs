//! Packages that want to be elsewhere, or larger than they may be: nothing is written but below their folder.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::fuzz::{ODD_NAMES, Rng, fuzz_as, spoilt};

/// Bytes that a package of these tests may come to.
const MOST: u64 = 1 << 16;

/// A zip of entries with any names: links, folders, the same twice, more than there is room for.
fn zip(rng: &mut Rng) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..rng.below(6) {
        let top = rng.pick(&["Plan.pages", "Plan.pages", "Plan.pages", "", "..", "/"]);
        let name = match rng.below(4) {
            0 => format!("{top}/{}", rng.pick(ODD_NAMES)),
            1 => format!("{top}/Data/{}/x", rng.pick(ODD_NAMES)),
            2 => format!("{top}/{}", "deep/".repeat(rng.below(3_000))),
            _ => format!("{top}/Data/{number}"),
        };
        let method = if rng.one_in(3) {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default().compression_method(method);
        // What the writer itself refuses is not tried.
        let is_begun = match rng.below(8) {
            0 => writer.add_directory(&*name, options).is_ok_and(|()| false),
            1 => writer
                .add_symlink(&*name, "../../outside", options)
                .is_ok_and(|()| false),
            _ => writer.start_file(&*name, options).is_ok(),
        };
        if is_begun {
            let length = if rng.one_in(8) {
                200_000
            } else {
                rng.below(300)
            };
            writer.write_all(&vec![b'x'; length]).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn package(rng: &mut Rng) -> Vec<u8> {
    let mut made = zip(rng);
    if rng.one_in(2) {
        let other = zip(rng);
        made = spoilt(rng, &[&made, &other]);
    }
    if rng.one_in(4) {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&made).unwrap();
        made = gzip.finish().unwrap();
        if rng.one_in(2) {
            made = spoilt(rng, &[&made, b"\x1f\x8b"]);
        }
    }
    made
}

/// Names, kinds and sizes of all below a folder.
fn all_below(folder: &Path) -> Vec<(PathBuf, fs::FileType, u64)> {
    walkdir::WalkDir::new(folder)
        .min_depth(1)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let length = entry.metadata().unwrap().len();
            (entry.path().to_owned(), entry.file_type(), length)
        })
        .collect()
}

fn unpack(bytes: &[u8], around: &Path) -> Result<()> {
    let folder = around.join("target");
    fs::create_dir(&folder).unwrap();
    let mut packed = tempfile::tempfile().unwrap();
    packed.write_all(bytes).unwrap();
    let opened = File::open(&folder).unwrap();
    let make = || Ok(tempfile::tempfile().unwrap());
    let grow: &mut dyn FnMut(u64) -> Result<()> = &mut |_| Ok(());
    let (packed, length) = gunzipped(packed, bytes.len() as u64, MOST, make, grow)?;
    unzip(&packed, length, MOST, Some(opened.as_fd()), grow).map(drop)
}

#[test]
fn packages() {
    let home = tempfile::tempdir().unwrap();
    fuzz_as("packages", 150, package, |bytes| {
        let around = tempfile::tempdir_in(home.path()).unwrap();
        fs::write(around.path().join("beside"), "mine").unwrap();
        drop(unpack(bytes, around.path()));
        let target = around.path().join("target");
        let mut sum = 0;
        for (path, kind, length) in all_below(home.path()) {
            if path.starts_with(&target) {
                assert!(
                    kind.is_dir() || kind.is_file(),
                    "{path:?} is of another kind"
                );
                let is_named = path.to_str().is_some_and(|path| !path.contains('\0'));
                assert!(is_named, "{path:?}");
                sum += if kind.is_file() { length } else { 0 };
            } else {
                let ours = [
                    around.path().to_owned(),
                    target.clone(),
                    around.path().join("beside"),
                ];
                assert!(
                    ours.contains(&path) || path == target,
                    "{path:?} is outside"
                );
            }
        }
        assert!(sum <= MOST, "{sum} bytes");
        assert_eq!(fs::read(around.path().join("beside")).unwrap(), b"mine");
    });
}
