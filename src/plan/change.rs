//! How one side differs from the baseline.

use super::{Facts, Inquiry};
use crate::tree::{Kind, LocalItem, RemoteItem, Row};

/// A side's state of one thing against the baseline; where it is does not matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not there, and never was.
    Absent,
    /// There, and the baseline does not know it.
    Created,
    /// There as it was.
    Same,
    /// There with other content.
    Modified,
    /// It was there, and is not any more.
    Deleted,
}

/// How a present item's content compares with the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// As it was, marks and all.
    Same,
    /// As it was, but for marks such as a time or an etag: the row is to be renewed.
    Renewed,
    /// Another content.
    Modified,
}

/// How far two times may be apart and still count as one: the service keeps whole seconds.
pub const TIE_MS: i64 = 1_000;

/// Compares a local item with its row.
///
/// # Errors
/// The reason why the file can't be read, where only its content could tell.
pub fn local(
    row: &Row,
    item: &LocalItem,
    checksum: bool,
    facts: &Facts,
    inquiry: &mut Inquiry,
) -> Result<Content, String> {
    if row.kind == Kind::Folder {
        let same = row.inode == item.inode && row.birth_ns == item.birth_ns;
        return Ok(if same {
            Content::Same
        } else {
            Content::Renewed
        });
    }
    if row.kind != item.kind {
        return Ok(Content::Modified);
    }
    let same_inode = row.inode == item.inode && row.birth_ns == item.birth_ns;
    if row.kind == Kind::Package {
        if row.size != item.size {
            return Ok(Content::Modified);
        }
        let same_time = row.mtime_ns == item.mtime_ns;
        if same_time && same_inode {
            return Ok(Content::Same);
        }
        // Another folder may have come to the same extent.
        let Some(known) = row.signature else {
            return Ok(if same_time {
                Content::Renewed
            } else {
                Content::Modified
            });
        };
        return Ok(match inquiry.local(facts, item) {
            Some(Ok(signature)) if signature == known => Content::Renewed,
            Some(Err(why)) => return Err(why.to_owned()),
            Some(Ok(_)) | None => Content::Modified,
        });
    }
    if row.size != item.size {
        return Ok(Content::Modified);
    }
    let same_marks = same_inode && row.mtime_ns == item.mtime_ns;
    if same_marks && !row.is_racy && !checksum {
        return Ok(Content::Same);
    }
    let Some(known) = row.signature else {
        return Ok(if row.mtime_ns == item.mtime_ns {
            Content::Renewed
        } else {
            Content::Modified
        });
    };
    match inquiry.local(facts, item) {
        Some(Ok(signature)) if signature == known => Ok(if same_marks && !row.is_racy {
            Content::Same
        } else {
            Content::Renewed
        }),
        Some(Err(why)) => Err(why.to_owned()),
        Some(Ok(_)) | None => Ok(Content::Modified),
    }
}

/// Compares a remote item with its row (design section 5: the etag, then its content part with size and time,
/// then the signature).
///
/// # Errors
/// The reason why the service does not say, where only the signature could tell.
pub fn remote(
    row: &Row,
    item: &RemoteItem,
    facts: &Facts,
    inquiry: &mut Inquiry,
) -> Result<Content, String> {
    let same_id = row.id == item.id;
    if same_id && row.etag == item.etag {
        return Ok(Content::Same);
    }
    if row.kind == Kind::Folder {
        return Ok(Content::Renewed);
    }
    let same_part =
        row.etag.content_part().is_some() && row.etag.content_part() == item.etag.content_part();
    let same_size = row.remote_size == item.size;
    if same_id && same_part && same_size && row.modified_ms == item.modified_ms {
        return Ok(Content::Renewed);
    }
    if row.kind == Kind::Package {
        return Ok(Content::Modified);
    }
    if !same_size {
        return Ok(Content::Modified);
    }
    match inquiry.remote(facts, item) {
        Some(Ok(fact)) if fact.is_package => Ok(Content::Modified),
        Some(Ok(fact)) => Ok(match (fact.signature, row.signature) {
            (Some(now), Some(then)) if now == then => Content::Renewed,
            (Some(_), Some(_)) => Content::Modified,
            // Unverifiable: size and time decide.
            (_, _) if is_tie(row.modified_ms, item.modified_ms) => Content::Renewed,
            (_, _) => Content::Modified,
        }),
        Some(Err(why)) => Err(why.to_owned()),
        None => Ok(Content::Modified),
    }
}

/// Returns whether a local and a remote file have the same content, as far as can be told without a transfer.
///
/// # Errors
/// The reason why one of them can't be read.
pub fn is_equal(
    local: &LocalItem,
    remote: &RemoteItem,
    facts: &Facts,
    inquiry: &mut Inquiry,
) -> Result<bool, String> {
    if local.kind == Kind::Folder && remote.kind == Kind::Folder {
        return Ok(true);
    }
    if local.kind == Kind::Package {
        return is_equal_package(local, remote, facts, inquiry);
    }
    if local.kind != Kind::File || remote.kind != Kind::File || local.size != remote.size {
        return Ok(false);
    }
    let fact = match inquiry.remote(facts, remote) {
        Some(Ok(fact)) => Some(fact),
        Some(Err(why)) => return Err(why.to_owned()),
        None => None,
    };
    let signature = match inquiry.local(facts, local) {
        Some(Ok(signature)) => Some(signature),
        Some(Err(why)) => return Err(why.to_owned()),
        None => None,
    };
    Ok(match (fact, signature) {
        (Some(fact), _) if fact.is_package => false,
        (Some(fact), Some(signature)) => match fact.signature {
            Some(theirs) => theirs == signature,
            None => is_tie(
                Some(local.mtime_ns.div_euclid(1_000_000)),
                remote.modified_ms,
            ),
        },
        (_, _) => false,
    })
}

/// As [`is_equal`], for a local package. What the other one holds is told only by fetching it: it is asked for where
/// nothing else can tell.
fn is_equal_package(
    local: &LocalItem,
    remote: &RemoteItem,
    facts: &Facts,
    inquiry: &mut Inquiry,
) -> Result<bool, String> {
    if remote.kind == Kind::Folder {
        return Ok(false);
    }
    match inquiry.remote(facts, remote) {
        Some(Ok(fact)) if fact.is_package => {}
        Some(Err(why)) => return Err(why.to_owned()),
        Some(Ok(_)) | None => return Ok(false),
    }
    match (inquiry.local(facts, local), inquiry.tree(facts, remote)) {
        (Some(Err(why)), _) | (_, Some(Err(why))) => Err(why.to_owned()),
        (Some(Ok(here)), Some(Ok(there))) => Ok(here == there),
        (None, _) | (_, None) => Ok(false),
    }
}

/// Returns whether two times, in ms, are within [`TIE_MS`] of each other; a missing one never is.
pub fn is_tie(one: Option<i64>, other: Option<i64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= TIE_MS.unsigned_abs(),
        _ => false,
    }
}
