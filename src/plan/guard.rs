//! Reasons not to start: guards 1, 2 and 4 of the specification. (3, 5 and 6 are seen before there is a plan.)
//!
//! A plan that deletes much, a side that is empty, or everything changed at once is more often a disk that is not
//! mounted, a half-written restore or a ransom note than somebody's wish.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use super::{Action, Kept, Plan, Side, Verb, What};
use crate::{
    options::MaxDelete,
    tree::{Kind, Listing, LocalItem, RelPath, RemoteId, RemoteItem, Row},
};

/// So few deletions are nobody's catastrophe; the rule of 50 % passes them over.
const FEW: usize = 3;
/// From so many files on it is odd if all of them changed, or nearly all.
const MANY: usize = 10;
/// Nearly all: more than so many in a hundred. Whoever rewrites a tree may miss a file, or be at its last one still.
const MOST_PERCENT: usize = 90;

/// What the guards look at.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Which way.
    pub verb: Verb,
    /// The baseline's rows that no filter hides.
    pub rows: &'a [&'a Row],
    /// The local side now.
    pub local: &'a Listing<LocalItem>,
    /// The remote side now.
    pub remote: &'a Listing<RemoteItem>,
    /// What would be done.
    pub plan: &'a Plan,
    /// `--max-delete`.
    pub max_delete: Option<MaxDelete>,
}

/// Why a pass should not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tripped {
    /// Guard 1: much would be deleted.
    ManyDeletions {
        /// On which side.
        side: Side,
        /// Files that would be removed.
        files: usize,
        /// Of so many.
        of: usize,
        /// `--max-delete` was exceeded, rather than the rule of 50 %.
        by_option: bool,
    },
    /// Guard 2: nothing is there.
    EmptySide {
        /// On which side.
        side: Side,
        /// So many items are in the baseline.
        rows: usize,
    },
    /// Guard 4: every file changed, or nearly every one.
    AllChanged {
        /// On which side.
        side: Side,
        /// So many.
        files: usize,
        /// Of so many that can be carried over.
        of: usize,
        /// So many more can't be, and say nothing.
        left_out: usize,
    },
}

impl fmt::Display for Tripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ManyDeletions {
                side,
                files,
                of,
                by_option,
            } => {
                let rule = if *by_option {
                    "more than --max-delete allows"
                } else {
                    "more than half"
                };
                write!(
                    f,
                    "guard 1: {files} of {of} files would be removed on the {} side, {rule}",
                    side.as_str()
                )
            }
            Self::EmptySide { side, rows } => write!(
                f,
                "guard 2: the {} side is empty, and after the last pass it had {rows} items",
                side.as_str()
            ),
            Self::AllChanged {
                side,
                files,
                of,
                left_out,
            } => {
                let number = if files == of {
                    format!("all {files}")
                } else {
                    format!("{files} of {of}")
                };
                let which = if *left_out > 0 {
                    " that can be carried over"
                } else {
                    ""
                };
                write!(
                    f,
                    "guard 4: {number} files{which} have changed on the {} side since the last pass",
                    side.as_str()
                )?;
                if files < of {
                    write!(f, ", more than {MOST_PERCENT} %")?;
                }
                Ok(())
            }
        }
    }
}

impl Tripped {
    /// Returns what to look at, and what allows it once.
    pub fn hint(&self) -> String {
        let look = match self {
            Self::ManyDeletions { .. } => "see what would go with --dry-run",
            Self::EmptySide {
                side: Side::Local, ..
            } => "is the disk mounted?",
            Self::EmptySide {
                side: Side::Remote, ..
            } => "is it the right account and folder? Look with `icloud-sync ls`",
            Self::AllChanged { .. } => {
                "was everything rewritten, encrypted or restored? Look with --dry-run -v"
            }
        };
        format!("{look}; if it is meant, --force allows it for one pass")
    }
}

/// Returns all reasons not to start.
pub fn check(seen: &Seen<'_>) -> Vec<Tripped> {
    let mut tripped = Vec::new();
    let files_of_base = files(seen.rows.iter().map(|row| row.kind));
    // The cause before what it leads to: what is missing on one side would be removed from the other.
    for side in [Side::Local, Side::Remote] {
        let items = match side {
            Side::Local => seen.local.items().len() + seen.local.left.len(),
            Side::Remote => seen.remote.items().len() + seen.remote.left.len(),
        };
        if items == 0 && !seen.rows.is_empty() {
            tripped.push(Tripped::EmptySide {
                side,
                rows: seen.rows.len(),
            });
        }
    }
    for side in [Side::Local, Side::Remote] {
        let of = match (seen.rows.is_empty(), side) {
            (false, _) => files_of_base,
            (true, Side::Local) => files(seen.local.items().iter().map(|item| item.kind)),
            (true, Side::Remote) => files(seen.remote.items().iter().map(|item| item.kind)),
        };
        let files = removed(seen.plan, side);
        let by_option = match seen.max_delete {
            Some(MaxDelete::Items(most)) => files as u64 > most,
            Some(MaxDelete::Percent(most)) => files * 100 > of * usize::from(most),
            None => false,
        };
        let by_half = files > FEW && files * 2 > of && seen.max_delete.is_none_or(|_| by_option);
        if by_option || by_half {
            tripped.push(Tripped::ManyDeletions {
                side,
                files,
                of,
                by_option,
            });
        }
        if files_of_base >= MANY {
            tripped.extend(changed(seen, side));
        }
    }
    tripped
}

fn files(kinds: impl Iterator<Item = Kind>) -> usize {
    kinds.filter(|kind| *kind != Kind::Folder).count()
}

/// Counts the files that a plan removes from a side, those inside of removed folders too. What is removed because
/// it was copied elsewhere, as across zones, has only moved.
fn removed(plan: &Plan, side: Side) -> usize {
    let removes = |what: &What| match side {
        Side::Local => matches!(what, What::RemoveLocal),
        Side::Remote => matches!(what, What::TrashRemote),
    };
    (plan.actions.iter())
        .filter(|action| removes(&action.what))
        .map(|action| {
            let inside = action.content.iter().filter(|inside| {
                let local = inside.local.as_ref().map(|item| item.kind);
                let remote = inside.remote.as_ref().map(|item| item.kind);
                local.or(remote).is_some_and(|kind| kind != Kind::Folder)
            });
            let copied = (action.needs.iter())
                .filter(|need| matches!(plan.actions[**need].what, What::Upload { .. }));
            (usize::from(action.kind != Kind::Folder) + inside.count())
                .saturating_sub(copied.count())
        })
        .sum()
}

/// Guard 4: every file of the baseline has other content on that side, or more than [`MOST_PERCENT`] of them have and
/// would replace what the other side has. What can't be carried over, or not be seen, is not counted: one such file must not
/// let all others pass.
fn changed(seen: &Seen<'_>, side: Side) -> Option<Tripped> {
    let plan = seen.plan;
    let sent: HashMap<&RemoteId, &Action> = (plan.actions.iter())
        .filter(|action| match side {
            Side::Local => matches!(action.what, What::Upload { .. }),
            Side::Remote => matches!(action.what, What::Download),
        })
        .filter(|action| action.is_replacement())
        .filter_map(|action| Some((&action.remote.as_ref()?.id, action)))
        .collect();
    let (problems, kept): (Vec<&Kept>, Vec<&Kept>) =
        plan.kept.iter().partition(|kept| kept.is_problem);
    let stays: HashSet<&RelPath> = (plan.conflicts.iter().map(|conflict| &conflict.path))
        .chain(kept.into_iter().map(|kept| &kept.path))
        .collect();
    let is_other_here =
        |row: &Row, item: &LocalItem| item.size != row.size || item.mtime_ns != row.mtime_ns;
    // By identity: it may have another name by now, too.
    let is_sent = |row: &Row| {
        sent.get(&row.id).is_some_and(|action| match side {
            Side::Local => (action.local.as_ref()).is_some_and(|item| is_other_here(row, item)),
            Side::Remote => (action.remote.as_ref()).is_some_and(|item| item.etag != row.etag),
        })
    };
    let differs = |row: &Row| {
        stays.contains(&row.path)
            && match side {
                Side::Local => {
                    (seen.local.get(&row.path)).is_some_and(|item| is_other_here(row, item))
                }
                Side::Remote => {
                    (seen.remote.get(&row.path)).is_some_and(|item| item.etag != row.etag)
                }
            }
    };
    let frozen: HashSet<&RelPath> = (seen.local.left.iter().chain(&seen.remote.left))
        .filter_map(|left| left.path.as_ref())
        .chain(problems.into_iter().map(|kept| &kept.path))
        .collect();
    let is_frozen = |path: &RelPath| {
        !frozen.is_empty()
            && (frozen.contains(path) || path.ancestors().any(|folder| frozen.contains(&folder)))
    };
    let (mut of, mut left_out, mut replaced, mut other) = (0, 0, 0, 0);
    for row in seen.rows.iter().filter(|row| row.kind != Kind::Folder) {
        if is_sent(row) {
            (of, replaced) = (of + 1, replaced + 1);
        } else if is_frozen(&row.path) {
            left_out += 1;
        } else {
            (of, other) = (of + 1, other + usize::from(differs(row)));
        }
    }
    let files = replaced + other;
    let is_most = replaced * 100 > of * MOST_PERCENT;
    (of >= MANY && (files == of || is_most)).then_some(Tripped::AllChanged {
        side,
        files,
        of,
        left_out,
    })
}

#[cfg(test)]
mod tests;
