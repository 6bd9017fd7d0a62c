use std::{io::Cursor, os::fd::AsFd, path::Path};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

fn zipped(entries: &[(&str, &str)], method: CompressionMethod) -> (File, u64) {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        writer.start_file(*name, options.large_file(true)).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    (file, bytes.len() as u64)
}

fn unpacked(zip: &(File, u64), folder: &Path) -> Result<u64> {
    let opened = File::open(folder).unwrap();
    let mut taken = 0;
    unzip(&zip.0, zip.1, 1 << 30, Some(opened.as_fd()), &mut |bytes| {
        taken += bytes;
        Ok(())
    })?;
    Ok(taken)
}

#[test]
fn what_another_program_packs_is_unpacked() {
    let long = "long ".repeat(50_000);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let zip = zipped(&[("D/a", "1"), ("D/x/y", &long), ("D/none", "")], method);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unpacked(&zip, folder.path()).unwrap(), 1 + 250_000);
        assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), b"1");
        let read = std::fs::read_to_string(folder.path().join("x/y")).unwrap();
        assert!(read == long);
        assert_eq!(std::fs::read(folder.path().join("none")).unwrap(), b"");
    }
}

/// Gives the last entry of a zip a mode.
fn with_mode((mut zip, length): (File, u64), mode: u32) -> (File, u64) {
    let mut bytes = Vec::new();
    zip.rewind().unwrap();
    zip.read_to_end(&mut bytes).unwrap();
    let at = bytes.windows(4).rposition(|four| four == b"PK\x01\x02");
    let attributes = at.unwrap() + 38;
    bytes[attributes..attributes + 4].copy_from_slice(&(mode << 16).to_le_bytes());
    zip.rewind().unwrap();
    zip.write_all(&bytes).unwrap();
    (zip, length)
}

#[test]
fn a_folder_is_one_by_its_name_or_by_its_mode_and_has_no_content() {
    let zip = |content| zipped(&[("D/a", "1"), ("D/x", content)], CompressionMethod::Stored);
    let folder = tempfile::tempdir().unwrap();
    unpacked(&with_mode(zip(""), 0o040_755), folder.path()).unwrap();
    assert!(folder.path().join("x").is_dir());
    let content_in = |zip| {
        let folder = tempfile::tempdir().unwrap();
        unpacked(&zip, folder.path()).unwrap_err()
    };
    assert_eq!(
        content_in(with_mode(zip("2"), 0o040_755)).to_string(),
        "the package can't be unpacked: \"D/x\" is a folder with content"
    );
    let slash = zipped(&[("D/a", "1"), ("D/x/", "2")], CompressionMethod::Stored);
    assert_eq!(content_in(slash).kind(), Kind::Integrity);
}

#[test]
fn nothing_goes_through_a_link_that_is_planted_while_it_is_unpacked() {
    let zip = zipped(&[("D/x/y", "1")], CompressionMethod::Stored);
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("x")).unwrap();
    assert_eq!(
        unpacked(&zip, folder.path()).unwrap_err().kind(),
        Kind::Integrity
    );
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let zip = zipped(&[("D/x", "1")], CompressionMethod::Stored);
    let dear = outside.path().join("dear");
    std::fs::remove_file(folder.path().join("x")).unwrap();
    std::os::unix::fs::symlink(&dear, folder.path().join("x")).unwrap();
    assert_eq!(
        unpacked(&zip, folder.path()).unwrap_err().kind(),
        Kind::Integrity
    );
    assert!(!dear.exists());
}

#[test]
fn what_grows_too_much_is_told_before_it_is_written() {
    let zip = zipped(
        &[("D/a", &"x".repeat(200_000))],
        CompressionMethod::Deflated,
    );
    let folder = tempfile::tempdir().unwrap();
    let opened = File::open(folder.path()).unwrap();
    let mut left = 100_000_u64;
    let full = || Error::new(Kind::DiskFull, "full");
    let result = unzip(&zip.0, zip.1, 1 << 30, Some(opened.as_fd()), &mut |bytes| {
        left = left.checked_sub(bytes).ok_or_else(full)?;
        Ok(())
    });
    assert_eq!(result.unwrap_err().kind(), Kind::DiskFull);
    assert!(std::fs::metadata(folder.path().join("a")).unwrap().len() <= 100_000);
    let mut into = tempfile::tempfile().unwrap();
    let grow = &mut |_| Ok(());
    assert_eq!(pour(&mut &b"1234"[..], &mut into, 4, grow).unwrap(), 4);
    let error = pour(&mut &b"12345"[..], &mut into, 4, grow).unwrap_err();
    assert!(
        error.to_string().ends_with("it holds more than 4 B"),
        "{error}"
    );
    assert_eq!(most_unpacked(5 << 30), 500 << 30);
}

#[test]
fn no_bytes_make_it_panic() {
    // Every byte of a zip, and every cut of it, told wrong.
    let entries = [("D/a", "content"), ("D/x/y", "more of it, and more of it")];
    let (mut good, length) = zipped(&entries, CompressionMethod::Deflated);
    let mut bytes = Vec::new();
    good.rewind().unwrap();
    good.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, length);
    let try_out = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let zip = (file, bytes.len() as u64);
        unpacked(&zip, folder.path()).map(drop)
    };
    try_out(&bytes).unwrap();
    for at in 0..bytes.len() {
        for wrong in [0x00, 0xff, bytes[at] ^ 0x01, b'/'] {
            let mut bytes = bytes.clone();
            bytes[at] = wrong;
            drop(try_out(&bytes));
        }
        assert!(try_out(&bytes[..at]).is_err(), "{at}");
    }
}
