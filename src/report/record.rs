//! The log's share of a pass: one line for each thing that happened, whoever else shows it.
//!
//! Levels: error = counts in the exit code, warn = odd but handled, info = one line an action, debug = why it was decided
//! so. A terminal that shows the summary does not need the errors twice, so the lines of items have the
//! target [`ITEM`] and those of notes [`NOTE`], which [`super::log`] knows; those of decisions have [`DECISION`].
//!
//! What a line is about goes along for programs: `action`, `path`, `side`, `bytes`, `from`, `reason`, `outcome`, `error`;
//! of the summary the counts.

use super::{
    Event, Outcome, Reporter, Summary, log::set_pass, progress, sanitize::for_terminal, words,
};
use crate::{
    plan::{Action, Conflict, Kept, Plan, Settle, Settled, Side, What},
    tree::{Left, RelPath},
};

/// Target of lines about one item.
pub(super) const ITEM: &str = "icloud_sync::item";
/// Target of notes, which every writer but JSON shows by itself.
pub(super) const NOTE: &str = "icloud_sync::note";
/// Target of lines that say why something is decided so.
pub(super) const DECISION: &str = "icloud_sync::decision";
/// Lines about what a dry run leaves alone: its plan names it.
pub(super) const DRY_ITEM: &str = "icloud_sync::item::dry";
/// Those of a dry run, whose plan says it by itself.
pub(super) const DRY: &str = "icloud_sync::decision::dry";

/// Passes events on, and logs them.
pub(crate) struct Record<R>(pub(crate) R);

impl<R: Reporter> Reporter for Record<R> {
    fn event(&self, event: &Event<'_>) {
        log_event(event);
        self.0.event(event);
    }
}

fn log_event(event: &Event<'_>) {
    match event {
        Event::Began { pass } => set_pass(Some(pass)),
        Event::Moved { .. }
        | Event::Listing { .. }
        | Event::Hashing { .. }
        | Event::Started { .. }
        | Event::Restarted { .. } => {}
        Event::Listed { side, items } => {
            log::info!(
                target: ITEM,
                action = "list", side = side.as_str(), items = *items;
                "{} side: {}", side.as_str(), words::count(*items, "item")
            );
        }
        Event::LeftAlone {
            side,
            left,
            dry_run,
        } => left_alone(*side, left, if *dry_run { DRY_ITEM } else { ITEM }),
        Event::Planned {
            plan,
            verb,
            dry_run,
        } => {
            let target = if *dry_run { DRY_ITEM } else { ITEM };
            plan.kept.iter().for_each(|one| kept(one, target));
            log::debug!(
                action = "plan", verb = verb.as_str(), actions = plan.actions.len();
                "{}: {}", verb.as_str(), words::count(plan.actions.len(), "action")
            );
            decisions(plan, if *dry_run { DRY } else { DECISION });
        }
        Event::Finished {
            action, outcome, ..
        } => finished(action, outcome),
        Event::Stats(stats) => log::info!(
            target: NOTE,
            action = "stats",
            planned = stats.planned,
            done = stats.done,
            failed = stats.failed,
            bytes = stats.bytes;
            "{}", progress::line(stats)
        ),
        Event::Note(text) => log::info!(target: NOTE, "{text}"),
        Event::Warning(text) => log::warn!("{text}"),
        Event::Summary(end) => {
            summary(end);
            set_pass(None);
        }
    }
}

fn left_alone(side: Side, left: &Left, target: &str) {
    let level = if left.why.is_problem() {
        log::Level::Error
    } else {
        log::Level::Info
    };
    let (reason, _) = words::freeze_key(&left.why);
    let path = left.path.as_ref().map_or(&*left.shown, RelPath::as_str);
    log::log!(
        target: target,
        level,
        action = "leave", path = path, side = side.as_str(), reason = reason;
        "left alone ({}): {}: {}",
        side.as_str(),
        for_terminal(&left.shown),
        words::freeze(&left.why)
    );
}

fn kept(kept: &Kept, target: &str) {
    let level = if kept.is_problem {
        log::Level::Error
    } else {
        log::Level::Info
    };
    let path = kept.path.as_str();
    log::log!(
        target: target,
        level,
        action = "leave", path = path, reason = kept.why.as_str();
        "left alone: {}: {}",
        for_terminal(path),
        for_terminal(&kept.why)
    );
}

/// Returns where a move begins, or nothing.
fn from(action: &Action) -> &str {
    match &action.what {
        What::MoveLocal { from } | What::MoveRemote { from, .. } => from.as_str(),
        What::SwapLocal { with, .. } => with.as_str(),
        What::CreateLocalFolder
        | What::CreateRemoteFolder { .. }
        | What::Download
        | What::Upload { .. }
        | What::RemoveLocal
        | What::TrashRemote => "",
    }
}

fn finished(action: &Action, outcome: &Outcome) {
    let words = words::action(action);
    let (level, outcome, error, text) = match outcome {
        Outcome::Done => {
            let why = words::reason(action.reason);
            (
                log::Level::Info,
                "done",
                String::new(),
                format!("{words}: {why}"),
            )
        }
        Outcome::Skipped(error) => {
            let chain = error.chain();
            let why = words::unnamed(action.path.as_str(), &chain);
            let text = format!("skipped: {words}: {}", for_terminal(&why));
            (log::Level::Error, "skipped", chain, text)
        }
        Outcome::Failed(error) => {
            let chain = error.chain();
            let why = words::unnamed(action.path.as_str(), &chain);
            let text = format!("failed: {words}: {}", for_terminal(&why));
            (log::Level::Error, "failed", chain, text)
        }
        Outcome::NotRun => {
            let text = format!("left for the next pass: {words}");
            (log::Level::Info, "not-run", String::new(), text)
        }
    };
    log::log!(
        target: ITEM,
        level,
        action = words::key(&action.what),
        path = action.path.as_str(),
        side = action.side().as_str(),
        bytes = action.size,
        from = from(action),
        reason = words::reason_key(action.reason).0,
        outcome = outcome,
        error = error.as_str();
        "{text}"
    );
}

/// Tells why each item is treated as it is; of what is the same on both sides there is nothing to tell.
fn decisions(plan: &Plan, target: &str) {
    if !log::log_enabled!(target: target, log::Level::Debug) {
        return;
    }
    for action in &plan.actions {
        log::debug!(
            target: target,
            action = words::key(&action.what),
            path = action.path.as_str(),
            side = action.side().as_str(),
            bytes = action.size,
            from = from(action),
            reason = words::reason_key(action.reason).0;
            "decided: {}: {}", words::action(action), words::reason(action.reason)
        );
    }
    for conflict in &plan.conflicts {
        let Conflict { path, winner, .. } = conflict;
        let end = match winner {
            Some(side) => format!("the {} version wins", side.as_str()),
            None => "both are kept".to_owned(),
        };
        log::debug!(
            target: target,
            action = "conflict", path = path.as_str(), side = winner.map_or("", Side::as_str);
            "decided: {}: changed on both sides: {end}", for_terminal(path.as_str())
        );
    }
    for kept in &plan.kept {
        let path = kept.path.as_str();
        log::debug!(
            target: target,
            action = "leave", path = path, reason = kept.why.as_str();
            "decided: leave {} alone: {}", for_terminal(path), for_terminal(&kept.why)
        );
    }
    for Settled { path, how, .. } in &plan.settled {
        let (action, why) = match how {
            Settle::Adopt => ("adopt", "both sides have it, and it is the same"),
            Settle::Renew => (
                "renew",
                "only its time or version has changed, not its content",
            ),
            Settle::Forget => ("forget", "it is gone from both sides"),
        };
        log::debug!(
            target: target,
            action = action, path = path.as_str();
            "decided: nothing to do for {}: {why}", for_terminal(path.as_str())
        );
    }
}

fn summary(end: &Summary) {
    let counts = end.counts;
    log::info!(
        target: NOTE,
        action = "summary",
        verb = end.verb.as_str(),
        planned = counts.planned,
        done = counts.done,
        failed = counts.failed,
        skipped = counts.skipped,
        bytes_received = end.bytes.0,
        bytes_sent = end.bytes.1,
        requests = end.requests,
        elapsed_ms = u64::try_from(end.elapsed.as_millis()).unwrap_or(u64::MAX),
        exit_code = end.exit_code;
        "{}: {} of {} done, {} failed, {} skipped, {}",
        end.verb.as_str(),
        counts.done,
        words::count(counts.planned, "action"),
        counts.failed,
        counts.skipped,
        words::time(end.elapsed)
    );
}
