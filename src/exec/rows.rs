//! The baseline row that follows from a finished action.

use super::{disk::Marks, fetch::Digests};
use crate::{
    cloud::Node,
    tree::{Kind, LocalItem, RelPath, RemoteItem, Row},
};

/// A file system that keeps whole seconds only may hide a change for that long.
const COARSE_NS: i64 = 2_000_000_000;
/// The granularity of file times on the others is a clock tick, a few ms.
const FINE_NS: i64 = 100_000_000;

/// Returns whether a file's time is so new that a later change may not show in it.
pub(crate) fn is_racy(mtime_ns: i64, looked_ns: i64) -> bool {
    let slack = if mtime_ns % 1_000_000_000 == 0 {
        COARSE_NS
    } else {
        FINE_NS
    };
    mtime_ns.saturating_add(slack) >= looked_ns
}

/// Returns the time now, ns since 1970 UTC.
pub(crate) fn now_ns() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Returns what a look at the disk says as an item.
pub(super) fn local_item(path: &RelPath, kind: Kind, marks: &Marks) -> LocalItem {
    LocalItem {
        path: path.clone(),
        kind,
        size: marks.size,
        mtime_ns: marks.mtime_ns,
        inode: marks.inode,
        birth_ns: marks.birth_ns,
        spelling: None,
    }
}

/// Returns what an answer of the service says as an item at `path`.
pub(super) fn remote_item(path: &RelPath, node: &Node) -> RemoteItem {
    RemoteItem {
        path: path.clone(),
        kind: node.kind,
        size: node.size,
        modified_ms: node.modified_ms,
        id: node.id.clone(),
        etag: node.etag.clone(),
        name: (node.name != path.name()).then(|| node.name.as_str().into()),
        is_fixed: node.is_fixed,
        is_lent: node.is_lent,
    }
}

/// Returns the row of a file that has just been transferred. `local` is as it was at `looked_ns`, when its content
/// began to be read or was written whole.
pub(super) fn transferred(
    local: &LocalItem,
    remote: &RemoteItem,
    (signature, sha256): Digests,
    looked_ns: i64,
) -> Row {
    let is_racy = is_racy(local.mtime_ns, looked_ns);
    Row {
        sha256: sha256.map(Box::new),
        ..Row::of(local, remote, Some(signature), is_racy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_as_new_as_the_look_is_racy() {
        let now = 1_759_152_000_500_000_000;
        assert!(is_racy(now, now));
        assert!(is_racy(now - 50_000_001, now));
        assert!(!is_racy(now - 200_000_001, now));
        // Whole seconds come from a clock that may not move for two of them.
        assert!(is_racy(1_759_152_000_000_000_000, now));
        assert!(!is_racy(1_759_151_990_000_000_000, now));
    }
}
