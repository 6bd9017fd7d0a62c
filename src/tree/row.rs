//! One entry of the baseline: what both sides were when they last agreed on an item.

use super::{Etag, HasPath, Kind, LocalItem, RelPath, RemoteId, RemoteItem, Signature};

/// What both sides were when they last agreed on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it was, on both sides.
    pub path: RelPath,
    /// What it was; the one place that knows packages before they are downloaded again.
    pub kind: Kind,
    /// Local content length in bytes.
    pub size: u64,
    /// Local modification time, ns since 1970 UTC, as the file system gives it.
    pub mtime_ns: i64,
    /// Local inode number; 0 for none known.
    pub inode: u64,
    /// When the inode was made, ns since 1970 UTC; 0 for unknown.
    pub birth_ns: i64,
    /// The modification time was as new as the look at it: a later change may not show in it, so
    /// only the content can tell.
    pub is_racy: bool,
    /// The item's identity on the service.
    pub id: RemoteId,
    /// The remote version mark.
    pub etag: Etag,
    /// Content length as the service lists it.
    pub remote_size: u64,
    /// `dateModified` as the service gives it, ms since 1970 UTC.
    pub modified_ms: Option<i64>,
    /// The remote name where it differs from the last part of `path`.
    pub name: Option<Box<str>>,
    /// An app library.
    pub is_fixed: bool,
    /// As [`RemoteItem::is_lent`].
    pub is_lent: bool,
    /// The content's signature, computed here; of a package, that of all in it ([`super::PackageTree`]). `None` for folders.
    pub signature: Option<Signature>,
    /// The content's SHA-256, where `--checksum` asked for it.
    pub sha256: Option<Box<[u8; 32]>>,
}

impl Row {
    /// Makes the row of two items that agree, at the local item's path.
    pub fn of(
        local: &LocalItem,
        remote: &RemoteItem,
        signature: Option<Signature>,
        is_racy: bool,
    ) -> Self {
        Self {
            path: local.path.clone(),
            // The service lists a package as a file.
            kind: match local.kind {
                Kind::Folder | Kind::Package => local.kind,
                Kind::File => remote.kind,
            },
            size: local.size,
            mtime_ns: local.mtime_ns,
            inode: local.inode,
            birth_ns: local.birth_ns,
            is_racy,
            id: remote.id.clone(),
            etag: remote.etag.clone(),
            remote_size: remote.size,
            modified_ms: remote.modified_ms,
            name: (remote.remote_name() != local.path.name()).then(|| remote.remote_name().into()),
            is_fixed: remote.is_fixed,
            is_lent: remote.is_lent,
            signature,
            sha256: None,
        }
    }

    /// Returns the remote item as it was then.
    pub fn remote_item(&self) -> RemoteItem {
        RemoteItem {
            path: self.path.clone(),
            kind: self.kind,
            size: self.remote_size,
            modified_ms: self.modified_ms,
            id: self.id.clone(),
            etag: self.etag.clone(),
            name: self.name.clone(),
            is_fixed: self.is_fixed,
            is_lent: self.is_lent,
        }
    }
}

impl HasPath for Row {
    fn path(&self) -> &RelPath {
        &self.path
    }

    fn path_mut(&mut self) -> &mut RelPath {
        &mut self.path
    }
}
