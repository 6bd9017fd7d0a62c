//! What another device names and sees: places in a Drive, entries of its tree and of its trash.

use std::io;

use hyper::body::Bytes;

use super::blob::Blob;
use super::drive::{Drive, Item, Kind, No};

/// A place in the Drive: a `/`-joined path, or names one by one.
pub trait Place {
    /// The names from the root down.
    fn steps(&self) -> Vec<String>;
}

impl Place for str {
    fn steps(&self) -> Vec<String> {
        self.split('/')
            .filter(|step| !step.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

impl Place for String {
    fn steps(&self) -> Vec<String> {
        self.as_str().steps()
    }
}

impl Place for [&str] {
    fn steps(&self) -> Vec<String> {
        self.iter().map(|&step| step.to_owned()).collect()
    }
}

impl<const N: usize> Place for [&str; N] {
    fn steps(&self) -> Vec<String> {
        self.as_slice().steps()
    }
}

impl Place for [String] {
    fn steps(&self) -> Vec<String> {
        self.to_vec()
    }
}

impl Place for Vec<String> {
    fn steps(&self) -> Vec<String> {
        self.clone()
    }
}

impl<P: Place + ?Sized> Place for &P {
    fn steps(&self) -> Vec<String> {
        (**self).steps()
    }
}

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A folder that the service treats as one file; its content is a zip.
    Package,
    /// The folder of an app, with a zone of its own.
    Library,
    /// Something that no client knows.
    Other,
}

/// An item as another device sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Bytes, as listings show them; 0 for folders.
    pub size: u64,
    /// Modification time, seconds since 1970 UTC.
    pub mtime: i64,
    /// The etag now.
    pub etag: String,
    /// The document id.
    pub docwsid: String,
    /// The full id of the metadata calls.
    pub drivewsid: String,
    /// The bytes; of a package its zip. None for folders.
    pub content: Option<Bytes>,
}

/// An item of the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashEntry {
    /// The name.
    pub name: String,
    /// Where it was, `/`-joined.
    pub restore_path: String,
    /// The document id.
    pub docwsid: String,
    /// The bytes, if it is a file.
    pub content: Option<Bytes>,
}

impl Entry {
    /// The entry of an item.
    pub(super) fn of(drive: &Drive, no: No) -> io::Result<Self> {
        let item = drive.item(no).ok_or(io::ErrorKind::NotFound)?;
        let kind = match item.kind {
            Kind::File if item.package => EntryKind::Package,
            Kind::File => EntryKind::File,
            Kind::Folder => EntryKind::Folder,
            Kind::Library => EntryKind::Library,
            Kind::Other(_) => EntryKind::Other,
        };
        Ok(Self {
            kind,
            size: if item.is_file() { item.size() } else { 0 },
            mtime: item.modified,
            etag: item.etag(),
            docwsid: item.id.clone(),
            drivewsid: drive.drivewsid(no),
            content: item.blob.as_ref().map(Blob::all).transpose()?,
        })
    }
}

impl TrashEntry {
    /// The entry of a trashed item.
    pub(super) fn of(item: &Item) -> io::Result<Self> {
        Ok(Self {
            name: item.name.clone(),
            restore_path: item
                .trashed
                .as_ref()
                .map(|t| t.path.clone())
                .unwrap_or_default(),
            docwsid: item.id.clone(),
            content: item.blob.as_ref().map(Blob::all).transpose()?,
        })
    }
}
