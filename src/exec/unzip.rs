//! A zip that came from the service, unpacked into an opened folder.
//!
//! Nothing in it is trusted: all of it is in one top folder, whose name is left off, but for the resource forks that Apple's
//! own packers put beside it, which go; every name is walked part by part from
//! the folder that is open, and nothing that stands there already is written to; links and special files are refused, and
//! so is what comes to more than it may. The first oddity ends it: half a package is none.

mod archive;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use flate2::{
    CrcReader,
    read::{DeflateDecoder, GzDecoder},
};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use self::archive::{Entry, Method};
use crate::{
    error::{Error, Kind, Result},
    report::words,
    tree::{PackageTree, Signature, SignatureHasher, local_name},
};

/// Files and folders of one package: the largest documents have some ten thousand.
const MOST_ENTRIES: u64 = 100_000;
/// Folders below one another in a package.
const MOST_DEPTH: usize = 64;

/// Returns how many bytes a package may come to that came in so many: more is no package but an attack.
pub(super) fn most_unpacked(packed: u64) -> u64 {
    packed.saturating_mul(100).max(1 << 30)
}

/// Makes the error of a package that is not as it should be.
pub(super) fn odd(why: impl AsRef<str>) -> Error {
    let text = format!("the package can't be unpacked: {}", why.as_ref());
    Error::new(Kind::Integrity, text)
}

fn too_much(most: u64) -> Error {
    odd(format!("it holds more than {}", words::size(most)))
}

fn local(error: io::Error) -> Error {
    Error::io("cannot unpack the package", error)
}

/// Copies what is left of `from`, no more than `most` bytes, and returns how many there were. `grow` is told of bytes before
/// they are written.
///
/// # Errors
/// `Integrity` where there are more, or they can't be read; those of `grow`; `Local` or `DiskFull`.
pub(super) fn pour(
    from: &mut impl Read,
    into: &mut impl Write,
    most: u64,
    grow: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<u64> {
    let mut buffer = vec![0; 64 * 1024];
    let mut have = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(have),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(odd(error.to_string())),
        };
        have += count as u64;
        if have > most {
            return Err(too_much(most));
        }
        grow(count as u64)?;
        into.write_all(&buffer[..count]).map_err(local)?;
    }
}

/// Takes off the gzip that some answers have around the zip (protocol page 9.5), into a file that `make` makes. What comes out
/// of it may have no more than `most` bytes; `grow` is told of them before they are written. Returns the zip with its length.
///
/// # Errors
/// `Integrity` where it is damaged or too long; those of `make` and `grow`; `Local` or `DiskFull`.
pub(super) fn gunzipped(
    mut packed: File,
    length: u64,
    most: u64,
    make: impl FnOnce() -> Result<File>,
    grow: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<(File, u64)> {
    let mut magic = Vec::new();
    packed.rewind().map_err(local)?;
    (&mut packed)
        .take(2)
        .read_to_end(&mut magic)
        .map_err(local)?;
    packed.rewind().map_err(local)?;
    if magic != [0x1f, 0x8b] {
        return Ok((packed, length));
    }
    let mut plain = make()?;
    let length = pour(&mut GzDecoder::new(packed), &mut plain, most, grow)?;
    Ok((plain, length))
}

/// What a content goes into: a file, or nothing; and its signature is taken on the way.
#[derive(Default)]
pub(super) struct Sink {
    file: Option<File>,
    pub(super) hasher: SignatureHasher,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.file {
            Some(file) => file.write(bytes)?,
            None => bytes.len(),
        };
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns whether an entry is a resource fork, or what else no other system has, as Apple's packers put it beside the top
/// folder: below `__MACOSX/`, or as its twin with `._` in front.
fn is_fork(name: &str) -> bool {
    match name.split_once('/') {
        Some((top, _)) => top == "__MACOSX",
        None => name.starts_with("._"),
    }
}

/// Unpacks a zip of `length` bytes below an opened, empty folder, without the one top folder that it has, to no more than
/// `most` bytes. `grow` is told of bytes before they are written. Without a folder it is only read. Returns the
/// signature of what is in it.
///
/// # Errors
/// `Integrity` where anything about it is odd; those of `grow`; `Local` or `DiskFull`.
pub(super) fn unzip(
    packed: &File,
    length: u64,
    most: u64,
    folder: Option<BorrowedFd<'_>>,
    grow: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Signature> {
    let entries = archive::list(packed, length, MOST_ENTRIES).map_err(odd)?;
    let mut left = most;
    let mut top: Option<String> = None;
    let mut tree = PackageTree::default();
    for entry in entries.iter().filter(|entry| !is_fork(&entry.name)) {
        // An empty folder takes room too.
        grow(0)?;
        expect_plain(entry)?;
        let mut parts = parts(&entry.name).map_err(odd)?;
        let first = parts.remove(0);
        if parts.is_empty() && !entry.is_folder() {
            return Err(odd(format!("{} is in no folder", entry.shown())));
        }
        if *top.get_or_insert_with(|| first.clone()) != first {
            return Err(odd(format!(
                "{} is a second top folder",
                archive::shown(&first)
            )));
        }
        let taken = |errno| match errno {
            Errno::EXIST | Errno::LOOP | Errno::NOTDIR => {
                odd(format!("{} and another name are one here", entry.shown()))
            }
            errno => local(errno.into()),
        };
        let last = if entry.is_folder() { None } else { parts.pop() };
        let parent = folder.map(|folder| make_folders(folder, &parts));
        let parent = parent.transpose().map_err(taken)?;
        let parts = parts.iter().map(String::as_str);
        let Some(last) = last else {
            tree.folder(parts);
            continue;
        };
        if entry.size > left {
            return Err(too_much(most));
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = (parent.as_ref())
            .map(|parent| rustix::fs::openat(parent, &last, flags, Mode::from_raw_mode(0o666)))
            .transpose()
            .map_err(taken)?;
        let mut sink = Sink {
            file: file.map(File::from),
            hasher: SignatureHasher::new(),
        };
        unpack(packed, length, entry, &mut sink, grow)?;
        left -= entry.size;
        if !tree.file(parts.chain([last.as_str()]), sink.hasher.finish()) {
            return Err(taken(Errno::EXIST));
        }
    }
    if top.is_none() {
        return Err(odd("nothing is in it"));
    }
    Ok(tree.signature())
}

fn unpack(
    packed: &File,
    length: u64,
    entry: &Entry,
    sink: &mut Sink,
    grow: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    let content = archive::content(packed, length, entry).map_err(odd)?;
    let content: Box<dyn Read + '_> = match entry.method {
        Method::Stored => Box::new(content),
        Method::Deflated => Box::new(DeflateDecoder::new(content)),
    };
    // One byte more shows that there is more.
    let mut content = CrcReader::new(content.take(entry.size.saturating_add(1)));
    let count = pour(&mut content, sink, u64::MAX, grow)?;
    if count != entry.size {
        let text = format!("{} is not as long as the list says", entry.shown());
        return Err(odd(text));
    }
    if content.crc().sum() != entry.crc {
        return Err(odd(format!("{} is damaged (its checksum)", entry.shown())));
    }
    Ok(())
}

/// Expects a file, or a folder that has no content of its own: a type that is none of them is one of a link or of a device.
fn expect_plain(entry: &Entry) -> Result<()> {
    if entry.is_folder() && entry.size > 0 {
        return Err(odd(format!("{} is a folder with content", entry.shown())));
    }
    match entry.mode & 0o170_000 {
        0 | 0o100_000 | 0o040_000 => Ok(()),
        0o120_000 => Err(odd(format!("{} is a link", entry.shown()))),
        _ => Err(odd(format!("{} is no file and no folder", entry.shown()))),
    }
}

/// Opens a folder below another, making those that are missing.
fn make_folders(top: BorrowedFd<'_>, parts: &[String]) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = rustix::fs::openat(top, ".", flags, Mode::empty())?;
    for part in parts {
        match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        folder = rustix::fs::openat(folder.as_fd(), part, flags, Mode::empty())?;
    }
    Ok(folder)
}

/// Returns the parts of an entry's name, as they are called locally; at least one.
fn parts(name: &str) -> std::result::Result<Vec<String>, String> {
    let shown = archive::shown(name);
    let path = name.strip_suffix('/').unwrap_or(name);
    if path.is_empty() || path.starts_with('/') {
        return Err(format!("{shown} leaves its folder"));
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        if part == ".." {
            return Err(format!("{shown} leaves its folder"));
        }
        parts.push(local_name(part).map_err(|error| format!("{shown}: {error}"))?);
    }
    if parts.len() > MOST_DEPTH {
        let text = format!("{shown} is more than {MOST_DEPTH} folders deep");
        return Err(text);
    }
    Ok(parts)
}
