//! One item of a Drive: what is kept of it, and what is shown.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::emulator::blob::Blob;
use crate::emulator::signature::Signature;
use crate::emulator::util::base36;

use super::No;

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) enum Kind {
    File,
    Folder,
    Library,
    /// A type word that no client knows.
    Other(String),
}

/// A place in a shared folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) struct Share {
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) record: String,
    pub(in crate::emulator) owner: String,
    /// True for the folder that was shared itself.
    pub(in crate::emulator) top: bool,
}

/// Where a trashed item was.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Trashed {
    pub(in crate::emulator) parent: No,
    pub(in crate::emulator) path: String,
    pub(in crate::emulator) expires: i64,
}

/// Sums below a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) struct Totals {
    pub(in crate::emulator) files: u64,
    pub(in crate::emulator) bytes: u64,
}

/// One file, folder or library. Times are seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Item {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) zone: usize,
    pub(in crate::emulator) kind: Kind,
    /// The full name, with extension.
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) parent: Option<No>,
    /// The zone's counter at the last change of any kind.
    pub(super) meta: u64,
    /// The zone's counter at the last change of the content; files only.
    pub(super) content: u64,
    pub(in crate::emulator) created: i64,
    pub(in crate::emulator) modified: i64,
    pub(in crate::emulator) changed: i64,
    pub(in crate::emulator) opened: Option<i64>,
    pub(in crate::emulator) blob: Option<Blob>,
    /// The signature that clients are shown.
    #[serde(with = "crate::emulator::signature::as_text")]
    pub(in crate::emulator) shown: Signature,
    pub(in crate::emulator) package: bool,
    /// The size that listings show of a package, where it was set.
    #[serde(default)]
    pub(in crate::emulator) listed: Option<u64>,
    pub(in crate::emulator) totals: Totals,
    pub(in crate::emulator) trashed: Option<Trashed>,
    pub(in crate::emulator) share: Option<Share>,
    /// The account's own, shared with others.
    #[serde(default)]
    pub(in crate::emulator) lent: Option<Share>,
    /// The Drive's count of changes at the last change of this item.
    pub(in crate::emulator) version: u64,
    #[serde(skip)]
    pub(super) children: BTreeSet<(String, No)>,
}

impl Item {
    pub(in crate::emulator) fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    pub(in crate::emulator) fn is_folder(&self) -> bool {
        matches!(self.kind, Kind::Folder | Kind::Library)
    }

    /// `meta::content` for files, one counter for folders (protocol page 8.6).
    pub(in crate::emulator) fn etag(&self) -> String {
        if self.is_folder() {
            base36(self.meta)
        } else {
            format!("{}::{}", base36(self.meta), base36(self.content))
        }
    }

    /// The size that listings show; of a package neither the zip's nor the sum of its files.
    pub(in crate::emulator) fn size(&self) -> u64 {
        let size = self.blob.as_ref().map_or(0, |blob| blob.size);
        if self.package {
            self.listed.unwrap_or(size + size / 3 + 4096)
        } else {
            size
        }
    }

    /// Name and extension as the service keeps them apart: cut at the last dot that has something on both sides.
    pub(in crate::emulator) fn split_name(&self) -> (&str, Option<&str>) {
        match self.name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() && !extension.is_empty() => {
                (stem, Some(extension))
            }
            _ => (&self.name, None),
        }
    }

    /// The children with their names, in the order of their bytes.
    pub(in crate::emulator) fn children(&self) -> impl ExactSizeIterator<Item = No> + '_ {
        self.children.iter().map(|(_, no)| *no)
    }

    /// What the item adds to the sums of the folders above.
    pub(super) fn sums(&self) -> Totals {
        if self.is_folder() {
            self.totals
        } else {
            Totals {
                files: 1,
                bytes: self.size(),
            }
        }
    }
}
