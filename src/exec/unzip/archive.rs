//! How a zip lists what is in it: its end, its list of contents, and where each content begins.
//!
//! Only numbers that were checked against the length of the file lead anywhere, and no more memory is taken than the list
//! has bytes. What the list says counts; of the header before each content only its length does.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
};

/// Bytes of the list: some 150 for each of 100,000 entries.
const MOST_LIST: u64 = 16 << 20;

const END: &[u8] = b"PK\x05\x06";
const END_LEN: usize = 22;
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_LEN: usize = 20;
const END_64: &[u8] = b"PK\x06\x06";
const END_64_LEN: usize = 56;
const LISTED: &[u8] = b"PK\x01\x02";
const LISTED_LEN: usize = 46;
const HEADER: &[u8] = b"PK\x03\x04";
const HEADER_LEN: usize = 30;

/// Why a zip can't be read, for people.
pub(super) type Odd = String;

/// How a content is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// One line of the list.
#[derive(Debug)]
pub(super) struct Entry {
    /// As it is in the zip: with `/` between its parts, and behind those of folders.
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) crc: u32,
    /// Bytes that it takes in the zip.
    pub(super) packed: u64,
    /// Bytes that it has, as the list says.
    pub(super) size: u64,
    /// Type and permissions, where it was made on a Unix; else 0.
    pub(super) mode: u32,
    offset: u64,
}

impl Entry {
    /// Some packers write a folder's name without the slash, and say what it is in its mode.
    pub(super) fn is_folder(&self) -> bool {
        self.name.ends_with('/') || self.mode & 0o170_000 == 0o040_000
    }

    /// Returns its name for people.
    pub(super) fn shown(&self) -> String {
        shown(&self.name)
    }
}

/// Returns a name for people: quoted, and not without end.
pub(super) fn shown(name: &str) -> String {
    let short: String = name.chars().take(100).collect();
    format!("{short:?}")
}

/// What the end of a zip tells of its list.
struct End {
    count: u64,
    size: u64,
    offset: u64,
}

/// Reads little-endian numbers off the front of some bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Odd> {
        let cut = self.0.split_at_checked(count);
        let (front, rest) = cut.ok_or("its list of contents is cut off")?;
        self.0 = rest;
        Ok(front)
    }

    fn number(&mut self, bytes: usize) -> Result<u64, Odd> {
        let front = self.take(bytes)?;
        Ok((front.iter().rev()).fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn length(&mut self) -> Result<usize, Odd> {
        self.take(2)
            .map(|bytes| usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    }
}

fn failed(error: &io::Error) -> Odd {
    format!("it can't be read: {error}")
}

fn read(file: &File, from: u64, count: usize) -> Result<Vec<u8>, Odd> {
    let mut bytes = vec![0; count];
    file.read_exact_at(&mut bytes, from)
        .map_err(|error| failed(&error))?;
    Ok(bytes)
}

/// Lists what is in a zip of `length` bytes, no more than `most` files and folders.
pub(super) fn list(file: &File, length: u64, most: u64) -> Result<Vec<Entry>, Odd> {
    let end = end(file, length)?;
    if end.count == 0 {
        return Err("nothing is in it".into());
    }
    if end.count > most {
        return Err(format!("{} files and folders are in it", end.count));
    }
    let is_inside = end
        .offset
        .checked_add(end.size)
        .is_some_and(|to| to <= length);
    if !is_inside || end.size > MOST_LIST {
        return Err("its list of contents is not where it says, or too long".into());
    }
    let size = usize::try_from(end.size).map_err(|_| "its list of contents is too long")?;
    let list = read(file, end.offset, size)?;
    let mut rest = Fields(&list);
    let mut entries = Vec::new();
    for _ in 0..end.count {
        entries.push(entry(&mut rest)?);
    }
    if rest.0.is_empty() {
        Ok(entries)
    } else {
        Err("its list of contents is longer than it says".into())
    }
}

fn end(file: &File, length: u64) -> Result<End, Odd> {
    let longest = (END_LEN + LOCATOR_LEN + usize::from(u16::MAX)) as u64;
    let from = length.saturating_sub(longest);
    let count = usize::try_from(length - from).map_err(|_| "it is too long")?;
    let tail = read(file, from, count)?;
    let is_end = |at: &usize| {
        let Some(found) = tail.get(*at..).filter(|found| found.len() >= END_LEN) else {
            return false;
        };
        let comment = usize::from(u16::from_le_bytes([found[20], found[21]]));
        found.starts_with(END) && found.len() == END_LEN + comment
    };
    let last = tail.len().saturating_sub(END_LEN);
    let at = (0..=last).rev().find(is_end).ok_or("it is no zip")?;
    let mut fields = Fields(&tail[at + 10..]);
    let found = End {
        count: fields.number(2)?,
        size: fields.number(4)?,
        offset: fields.number(4)?,
    };
    let is_64 = found.count == 0xffff || found.size == 0xffff_ffff || found.offset == 0xffff_ffff;
    let locator = at
        .checked_sub(LOCATOR_LEN)
        .map(|before| &tail[before..at])
        .filter(|locator| is_64 && locator.starts_with(LOCATOR));
    let Some(locator) = locator else {
        return Ok(found);
    };
    let place = Fields(&locator[8..]).number(8)?;
    if place
        .checked_add(END_64_LEN as u64)
        .is_none_or(|to| to > length)
    {
        return Err("its end is not where it says".into());
    }
    let record = read(file, place, END_64_LEN)?;
    if !record.starts_with(END_64) {
        return Err("its end is not where it says".into());
    }
    let mut fields = Fields(&record[32..]);
    Ok(End {
        count: fields.number(8)?,
        size: fields.number(8)?,
        offset: fields.number(8)?,
    })
}

fn entry(rest: &mut Fields<'_>) -> Result<Entry, Odd> {
    let mut fixed = Fields(rest.take(LISTED_LEN)?);
    if fixed.take(4)? != LISTED {
        return Err("its list of contents is damaged".into());
    }
    fixed.take(4)?;
    let flags = fixed.number(2)?;
    let method = fixed.number(2)?;
    fixed.take(4)?;
    let crc = u32::try_from(fixed.number(4)?).unwrap_or_default();
    let (mut packed, mut size) = (fixed.number(4)?, fixed.number(4)?);
    let (name, extra, comment) = (fixed.length()?, fixed.length()?, fixed.length()?);
    fixed.take(4)?;
    let attributes = fixed.number(4)?;
    let mut offset = fixed.number(4)?;
    // Names of Apple's tools are in UTF-8, whether or not the flag says so.
    let name = std::str::from_utf8(rest.take(name)?)
        .map_err(|_| "a name in it is no text")?
        .to_owned();
    let mut extra = Fields(rest.take(extra)?);
    rest.take(comment)?;
    // Numbers that did not fit stand in a field of their own, in this order.
    while extra.0.len() >= 4 {
        let (id, length) = (extra.number(2)?, extra.length()?);
        let Ok(field) = extra.take(length) else { break };
        if id == 1 {
            let mut field = Fields(field);
            for number in [&mut size, &mut packed, &mut offset] {
                if *number == 0xffff_ffff {
                    *number = field.number(8)?;
                }
            }
        }
    }
    if flags & 1 != 0 {
        return Err(format!("{} is encrypted", shown(&name)));
    }
    let method = match method {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => {
            let name = shown(&name);
            return Err(format!("{name} is packed in a way unknown here ({other})"));
        }
    };
    Ok(Entry {
        name,
        method,
        crc,
        packed,
        size,
        mode: u32::try_from(attributes >> 16).unwrap_or_default(),
        offset,
    })
}

/// Returns the bytes of a content as they are in the zip.
pub(super) fn content<'a>(
    file: &'a File,
    length: u64,
    entry: &Entry,
) -> Result<impl Read + 'a, Odd> {
    let gone = || format!("{} is not where the list says", entry.shown());
    let is_inside = |from: u64, count: u64| from.checked_add(count).is_some_and(|to| to <= length);
    if !is_inside(entry.offset, HEADER_LEN as u64) {
        return Err(gone());
    }
    let header = read(file, entry.offset, HEADER_LEN)?;
    if !header.starts_with(HEADER) {
        return Err(gone());
    }
    let mut lengths = Fields(&header[26..]);
    let skipped = HEADER_LEN + lengths.length()? + lengths.length()?;
    let from = entry.offset + skipped as u64;
    if !is_inside(from, entry.packed) {
        return Err(gone());
    }
    Ok(Stretch {
        file,
        at: from,
        until: from + entry.packed,
    })
}

/// A part of a file.
struct Stretch<'a> {
    file: &'a File,
    at: u64,
    until: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.until - self.at).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}
