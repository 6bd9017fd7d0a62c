//! The log's share of a pass: one line for each thing that happened, whoever else shows it.
//!
//! Levels: error = counts in the exit code, warn = odd but handled, info = one line an action, debug = skipped by
//! rule. A terminal that shows the summary does not need the errors twice, so the lines of items have the
//! target [`ITEM`] and those of notes [`NOTE`], which [`super::log`] knows.

use super::{Event, Outcome, Reporter, sanitize::for_terminal, words};

/// Target of lines about one item.
pub(super) const ITEM: &str = "icloud_sync::item";
/// Target of notes, which every writer but JSON shows by itself.
pub(super) const NOTE: &str = "icloud_sync::note";

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
        Event::Moved { .. }
        | Event::Listing { .. }
        | Event::Hashing { .. }
        | Event::Started { .. }
        | Event::Restarted { .. } => {}
        Event::Listed { side, items } => {
            log::info!(target: ITEM, "{} side: {}", side.as_str(), words::count(*items, "item"));
        }
        Event::LeftAlone { side, left } => {
            let level = if left.why.is_problem() {
                log::Level::Error
            } else {
                log::Level::Info
            };
            log::log!(
                target: ITEM,
                level,
                "left alone ({}): {}: {}",
                side.as_str(),
                for_terminal(&left.shown),
                words::freeze(&left.why)
            );
        }
        Event::Planned { plan, verb, .. } => {
            for kept in &plan.kept {
                let level = if kept.is_problem {
                    log::Level::Error
                } else {
                    log::Level::Info
                };
                let path = for_terminal(kept.path.as_str());
                log::log!(target: ITEM, level, "left alone: {path}: {}", for_terminal(&kept.why));
            }
            log::debug!(
                "{}: {}",
                verb.as_str(),
                words::count(plan.actions.len(), "action")
            );
        }
        Event::Finished {
            action, outcome, ..
        } => {
            let words = words::action(action);
            match outcome {
                Outcome::Done => {
                    log::info!(target: ITEM, "{words}: {}", words::reason(action.reason));
                }
                Outcome::Skipped(error) => {
                    log::error!(target: ITEM, "skipped: {words}: {}", for_terminal(&error.chain()));
                }
                Outcome::Failed(error) => {
                    log::error!(target: ITEM, "failed: {words}: {}", for_terminal(&error.chain()));
                }
                Outcome::NotRun => log::info!(target: ITEM, "left for the next pass: {words}"),
            }
        }
        Event::Note(text) => log::info!(target: NOTE, "{text}"),
        Event::Warning(text) => log::warn!("{text}"),
        Event::Summary(summary) => log::info!(
            target: NOTE,
            "{}: {} of {} done, {} failed, {} skipped, {}",
            summary.verb.as_str(),
            summary.counts.done,
            words::count(summary.counts.planned, "action"),
            summary.counts.failed,
            summary.counts.skipped,
            words::time(summary.elapsed)
        ),
    }
}
