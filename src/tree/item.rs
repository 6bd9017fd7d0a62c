//! One file, folder or package on one side.

use std::{fmt, path::Path, sync::Arc};

use super::RelPath;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A plain file.
    File,
    /// A folder; remotely an app library is one too.
    Folder,
    /// A folder that the service treats as one file. A listing can't tell it from a file
    /// (protocol page 8.4): the download token does, and the baseline remembers.
    Package,
}

/// An item on the local side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalItem {
    /// Where it is, as a key.
    pub path: RelPath,
    /// File or folder; a package where the baseline knows it as one.
    pub kind: Kind,
    /// Content length in bytes; 0 for folders, the sum of its files for packages.
    pub size: u64,
    /// Last modification in ns since 1970 UTC. Of a package: the newest in it.
    pub mtime_ns: i64,
    /// Inode number. With `birth_ns` it is the item's identity while it stays on its file system.
    pub inode: u64,
    /// When the inode was made, ns since 1970 UTC; 0 where the file system does not tell.
    pub birth_ns: i64,
    /// Path below the root as it is on disk, where that differs from `path` (names not in NFC).
    pub spelling: Option<Box<Path>>,
}

/// An item on the remote side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteItem {
    /// Where it is, as a key.
    pub path: RelPath,
    /// File or folder; a package where that is known already.
    pub kind: Kind,
    /// Content length in bytes as listed; of a package it means nothing (protocol page 9.5).
    pub size: u64,
    /// `dateModified` in ms since 1970 UTC; `None` for folders or where the service gives none.
    pub modified_ms: Option<i64>,
    /// The item's identity: stays over renames, moves and updates in place.
    pub id: RemoteId,
    /// The service's version mark.
    pub etag: Etag,
    /// The name as the service has it, where it differs from the last part of `path`.
    pub name: Option<Box<str>>,
    /// An app library: can't be renamed, moved or trashed.
    pub is_fixed: bool,
    /// The account's own, and it has shared it with others: what is trashed here, with all that is in it, is gone for
    /// them too (protocol page 12, hazard 19). What is in a shared folder need not say so itself.
    pub is_lent: bool,
}

impl RemoteItem {
    /// Returns the name as the service has it.
    pub fn remote_name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.path.name())
    }
}

/// The service's version mark of an item: opaque, but for the content part (protocol page 8.6). A copy shares the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Etag(Arc<str>);

impl Etag {
    /// Takes an etag as the service gives it.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns it as the service gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part that moves with content only, which a file's etag has after `::`
    /// (inferred from fixtures, protocol page 8.6).
    pub fn content_part(&self) -> Option<&str> {
        self.0.split_once("::").map(|(_, content)| content)
    }
}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Etag({})", self.0)
    }
}

/// A zone: `com.apple.CloudDocs` for Drive itself, one more for each app library. What another account shares with this
/// one is a zone of its own in this program, though the service keeps it in that account's Drive: `ZONE/OWNER/SHARE`,
/// with what would be mistaken for a part of that form escaped. One word wide, since every item and row has one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Zone(Option<Arc<Box<str>>>);

impl Zone {
    /// The name of Drive's own zone.
    pub const DRIVE: &'static str = "com.apple.CloudDocs";

    /// Takes a zone by name, as [`Self::as_str`] gives it. A name that came from the service must not be a share's.
    pub fn new(name: &str) -> Self {
        Self((name != Self::DRIVE).then(|| Arc::new(name.into())))
    }

    /// Returns the zone of what another account shares: `zone` is the service's, `owner` and `share` are the record
    /// names of that account and of the share (protocol page 8.9).
    pub fn of_share(zone: &Self, owner: &str, share: &str) -> Self {
        let name = zone.on_wire();
        Self::new(&format!("{name}/{}/{}", escaped(owner), escaped(share)))
    }

    /// Returns whether it is a share of another account.
    pub fn is_share(&self) -> bool {
        self.0.as_deref().is_some_and(|name| name.contains('/'))
    }

    /// Returns the record name of the account that shares it; `None` for a zone of one's own.
    pub fn owner(&self) -> Option<String> {
        self.as_str().split('/').nth(1).map(unescaped)
    }

    /// Returns the name that the service has for it, without a share.
    pub fn on_wire(&self) -> &str {
        let name = self.as_str();
        name.split_once('/').map_or(name, |(zone, _)| zone)
    }

    /// Returns Drive's own zone.
    pub fn drive() -> Self {
        Self(None)
    }

    /// Returns the name that tells it from all others.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().map_or(Self::DRIVE, |name| name)
    }
}

/// Writes a record name as a part of a zone's name: it is in ids and in lines of JSON.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' | '/' | ':' => write_escaped(&mut out, u32::from(c)),
            c if u32::from(c) < 32 => write_escaped(&mut out, u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

fn write_escaped(out: &mut String, code: u32) {
    out.push('%');
    for nibble in [code >> 4, code & 15] {
        out.extend(char::from_digit(nibble, 16));
    }
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = (part.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let (Some(code), Some(rest)) = (code, part.get(2..)) {
            out.push(char::from(code));
            out.push_str(rest);
        } else {
            out.push('%');
            out.push_str(part);
        }
    }
    out
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A `docwsid`: an upper-case UUID for nearly all items, kept as 16 bytes; any other text as it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocId {
    /// An upper-case UUID.
    Uuid([u8; 16]),
    /// `root`, `documents`, `documents#o2v` and whatever else may come.
    Text(Box<str>),
}

impl DocId {
    /// Reads a `docwsid` as the service gives it.
    pub fn new(text: &str) -> Self {
        parse_uuid(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

/// Reads `XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX` in upper case only, so that writing gives it back.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut nibbles = [0_u8; 32];
    let mut count = 0;
    for (at, byte) in text.bytes().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        nibbles[count] = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        count += 1;
    }
    let mut bytes = [0_u8; 16];
    for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(bytes) => {
                for (at, byte) in bytes.iter().enumerate() {
                    if matches!(at, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02X}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An item's identity on the service: stays over renames, moves and updates in place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteId {
    /// The zone it lives in.
    pub zone: Zone,
    /// Its id in that zone.
    pub doc: DocId,
}

impl RemoteId {
    /// Returns the identity of Drive's root folder.
    pub fn root() -> Self {
        Self {
            zone: Zone::drive(),
            doc: DocId::new("root"),
        }
    }

    /// Returns the `drivewsid` of a folder or app library: `FOLDER::ZONE::DOC`. Of what another account shares it is how
    /// the program's own files name it; the service has other words there (protocol page 8.9).
    pub fn folder_drivewsid(&self) -> String {
        format!("FOLDER::{}::{}", self.zone.as_str(), self.doc)
    }

    /// Returns the `drivewsid` of a file or package: `FILE::ZONE::DOC`; of what is shared, as
    /// [`Self::folder_drivewsid`].
    pub fn file_drivewsid(&self) -> String {
        format!("FILE::{}::{}", self.zone.as_str(), self.doc)
    }

    /// Returns the `drivewsid` of an item of that kind; of what is shared, as [`Self::folder_drivewsid`].
    pub fn drivewsid(&self, kind: Kind) -> String {
        match kind {
            Kind::Folder => self.folder_drivewsid(),
            Kind::File | Kind::Package => self.file_drivewsid(),
        }
    }

    /// Reads a `drivewsid`: `TYPE::ZONE::DOC`. Returns `None` where it has another form.
    pub fn from_drivewsid(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, "::");
        let (_, zone, doc) = (parts.next()?, parts.next()?, parts.next()?);
        (!zone.is_empty() && !doc.is_empty()).then(|| Self {
            zone: Zone::new(zone),
            doc: DocId::new(doc),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_it_was_read() {
        for text in [
            "516C896C-6AA5-4A30-B30E-5502C2333DAE",
            "root",
            "documents#o2v",
            "516c896c-6aa5-4a30-b30e-5502c2333dae",
        ] {
            assert_eq!(DocId::new(text).to_string(), text);
        }
        assert!(matches!(
            DocId::new("516C896C-6AA5-4A30-B30E-5502C2333DAE"),
            DocId::Uuid(_)
        ));
    }

    #[test]
    fn a_drivewsid_goes_both_ways() {
        let id = RemoteId::from_drivewsid("FOLDER::com.apple.Keynote::documents").unwrap();
        assert_eq!(id.zone.as_str(), "com.apple.Keynote");
        assert_eq!(
            id.folder_drivewsid(),
            "FOLDER::com.apple.Keynote::documents"
        );
        assert_eq!(RemoteId::from_drivewsid("TRASH_ROOT"), None);
        assert_eq!(
            RemoteId::root().folder_drivewsid(),
            "FOLDER::com.apple.CloudDocs::root"
        );
    }

    #[test]
    fn a_share_is_a_zone_of_its_own_that_goes_both_ways() {
        let zone = Zone::of_share(&Zone::drive(), "_a/b::c%", "Share-1/%2F\n");
        assert!(zone.is_share() && !Zone::drive().is_share());
        assert_eq!(zone.on_wire(), Zone::DRIVE);
        assert_eq!(zone.owner().as_deref(), Some("_a/b::c%"));
        assert_eq!(Zone::new("com.apple.Keynote").owner(), None);
        assert_eq!(
            Zone::new("com.apple.Keynote").on_wire(),
            "com.apple.Keynote"
        );
        let id = RemoteId {
            zone: zone.clone(),
            doc: DocId::new("X"),
        };
        let back = RemoteId::from_drivewsid(&id.file_drivewsid()).unwrap();
        assert_eq!(back, id);
        assert_ne!(zone, Zone::of_share(&Zone::drive(), "_a/b::c%", "Share-2"));
    }

    #[test]
    fn the_content_part_is_what_follows_the_colons() {
        assert_eq!(Etag::new("32::2x").content_part(), Some("2x"));
        assert_eq!(Etag::new("o9g").content_part(), None);
    }
}
