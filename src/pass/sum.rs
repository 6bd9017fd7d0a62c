//! What a pass came to: counts, problems, where the losers are, and the exit code.

use std::{path::PathBuf, time::Duration};

use crate::{
    error::Kind as ErrorKind,
    exec::Done,
    options::PassOptions,
    plan::{Conflict, Plan, What},
    report::{Counts, Outcome, Summary},
    tree::{Freeze, Left, Listing, LocalItem, RemoteItem},
};

/// What a summary is made from.
pub(super) struct Parts<'a> {
    pub(super) options: &'a PassOptions,
    pub(super) plan: &'a Plan,
    /// How many items the sides have.
    pub(super) items: (usize, usize),
    pub(super) local: &'a Listing<LocalItem>,
    pub(super) remote: &'a Listing<RemoteItem>,
    pub(super) done: &'a Done,
    pub(super) trash: Option<PathBuf>,
    pub(super) requests: u64,
    pub(super) elapsed: Duration,
    pub(super) stopped_by: Option<i32>,
}

/// Sums a pass up.
pub(super) fn up(parts: &Parts<'_>) -> Summary {
    let mut counts = Counts {
        planned: parts.plan.actions.len(),
        ..Counts::default()
    };
    let mut problems = Vec::new();
    let mut files = (0, 0);
    let mut all_passing = true;
    for (action, outcome) in parts.plan.actions.iter().zip(&parts.done.outcomes) {
        match outcome {
            Outcome::Done => {
                counts.done += 1;
                match action.what {
                    What::Download => files.0 += 1,
                    What::Upload { .. } => files.1 += 1,
                    What::CreateLocalFolder
                    | What::CreateRemoteFolder { .. }
                    | What::MoveLocal { .. }
                    | What::SwapLocal { .. }
                    | What::MoveRemote { .. }
                    | What::RemoveLocal
                    | What::TrashRemote => {}
                }
            }
            Outcome::Skipped(error) => {
                counts.skipped += 1;
                problems.push((action.path.to_string(), error.chain()));
            }
            Outcome::Failed(error) => {
                counts.failed += 1;
                all_passing &= matches!(
                    error.kind(),
                    ErrorKind::Temporary | ErrorKind::Busy | ErrorKind::Lost
                );
                problems.push((action.path.to_string(), error.chain()));
            }
            Outcome::NotRun => counts.not_run += 1,
        }
    }
    let nothing_for_now = counts.done == 0 && counts.failed > 0 && all_passing;
    let lefts = (parts.local.left.iter()).chain(&parts.remote.left);
    let (bad, by_rule): (Vec<&Left>, Vec<&Left>) = lefts.partition(|left| left.why.is_problem());
    problems.extend(
        bad.into_iter()
            .map(|left| (left.shown.clone(), freeze(&left.why))),
    );
    let kept = parts.plan.kept.iter().filter(|kept| kept.is_problem);
    problems.extend(kept.map(|kept| (kept.path.to_string(), kept.why.clone())));
    let exit_code = if let Some(signal) = parts.stopped_by {
        u8::try_from(128 + signal).unwrap_or(130)
    } else if let Some(fatal) = &parts.done.fatal {
        fatal.exit_code()
    } else if nothing_for_now {
        5
    } else if !problems.is_empty() {
        3
    } else {
        0
    };
    Summary {
        verb: parts.options.verb,
        local: parts.options.local.clone(),
        remote: parts.options.remote.clone(),
        dry_run: parts.options.dry_run,
        no_remote: parts.options.no_remote,
        items: parts.items,
        counts,
        bytes: parts.done.bytes,
        files,
        conflicts: parts
            .plan
            .conflicts
            .iter()
            .map(|conflict| (conflict.path.clone(), place_of_loser(conflict, parts)))
            .collect(),
        problems,
        skipped_by_rule: by_rule.len(),
        is_storage_full: parts.done.is_full == Some(true),
        requests: parts.requests,
        elapsed: parts.elapsed,
        trash: parts.trash.clone(),
        is_trash_of_losers: is_of_losers(parts),
        stopped_by: parts.stopped_by,
        exit_code,
    }
}

/// Returns whether the local trash holds nothing but versions of iCloud's that lost a conflict. An action that failed may
/// have left anything there.
fn is_of_losers(parts: &Parts<'_>) -> bool {
    let mut has_losers = false;
    for (action, outcome) in parts.plan.actions.iter().zip(&parts.done.outcomes) {
        let is_local = action.what == What::RemoveLocal
            || (action.what == What::Download && action.is_replacement());
        match outcome {
            Outcome::NotRun => {}
            _ if is_local => return false,
            Outcome::Done => {
                has_losers |= matches!(
                    action.what,
                    What::Upload {
                        saves_loser: true,
                        ..
                    }
                );
            }
            Outcome::Skipped(_) | Outcome::Failed(_) => {}
        }
    }
    has_losers
}

/// Says where the loser of a conflict is.
fn place_of_loser(conflict: &Conflict, parts: &Parts<'_>) -> String {
    if let Some(kept) = &conflict.kept_as {
        return format!("both are kept, one as \"{kept}\"");
    }
    let Some(winner) = conflict.winner else {
        return "both are kept".to_owned();
    };
    let loser = winner.other().as_str();
    let Some((action, Outcome::Done)) = conflict
        .put_away_by
        .and_then(|by| Some((parts.plan.actions.get(by)?, parts.done.outcomes.get(by)?)))
    else {
        return format!("the {loser} version stays where it is");
    };
    if action.what == What::TrashRemote {
        return format!("the {loser} version is in iCloud's Recently Deleted");
    }
    match &parts.trash {
        Some(trash) => {
            let place = trash.join(action.path.as_str());
            format!("the {loser} version is in {}", place.display())
        }
        None => format!("the {loser} version is in the local trash"),
    }
}

/// Says why something is left alone.
fn freeze(why: &Freeze) -> String {
    match why {
        Freeze::Unknown(why) => format!("could not be listed, so nothing in it was touched: {why}"),
        Freeze::NameClash(other) => format!("its name clashes with \"{other}\""),
        Freeze::BadName(why) => why.clone(),
        Freeze::NotAFile { is_symlink: true } => "a symbolic link".to_owned(),
        Freeze::NotAFile { is_symlink: false } => "a special file".to_owned(),
        Freeze::Shared => "part of a shared folder".to_owned(),
    }
}
