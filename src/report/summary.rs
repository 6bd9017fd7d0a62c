//! The end of a pass for people: what was done, where to find what was replaced, what to do next.

use super::{Summary, sanitize::for_terminal, words};
use crate::cloud::http::MAKE_ROOM;

/// A terminal is told of so many problems; the log has all.
pub(super) const MOST_PROBLEMS: usize = 50;

/// Writes a summary.
pub(crate) fn text(summary: &Summary) -> String {
    let mut text = headline(summary);
    text.push('\n');
    let mut line = |words: String| {
        text.push_str("  ");
        text.push_str(&words);
        text.push('\n');
    };
    let (received, sent) = summary.files;
    let (down, up) = summary.bytes;
    let mut moved = Vec::new();
    if received > 0 {
        moved.push(format!(
            "received {} ({})",
            words::count(received, "file"),
            words::size(down)
        ));
    }
    if sent > 0 {
        moved.push(format!(
            "sent {} ({})",
            words::count(sent, "file"),
            words::size(up)
        ));
    }
    if !moved.is_empty() {
        line(moved.join(", "));
    }
    let counts = summary.counts;
    let ends = [
        (counts.failed, "failed"),
        (counts.skipped, "skipped, since something changed meanwhile"),
        (
            if summary.dry_run { 0 } else { counts.not_run },
            "left for the next pass",
        ),
    ];
    for (number, words) in ends.into_iter().filter(|(number, _)| *number > 0) {
        line(format!("{} {words}", words::count(number, "action")));
    }
    // A dry run has printed both at length just before.
    if !summary.dry_run {
        if !summary.conflicts.is_empty() {
            line(format!(
                "{} settled; where the loser is:",
                words::count(summary.conflicts.len(), "conflict")
            ));
            for (path, loser) in &summary.conflicts {
                line(format!(
                    "  {}: {}",
                    for_terminal(path.as_str()),
                    for_terminal(loser)
                ));
            }
        }
        if !summary.problems.is_empty() {
            line(format!(
                "{}:",
                words::count(summary.problems.len(), "problem")
            ));
            for (what, why) in summary.problems.iter().take(MOST_PROBLEMS) {
                line(format!("  {}", for_terminal(&words::problem(what, why))));
            }
            if let Some(more @ 1..) = summary.problems.len().checked_sub(MOST_PROBLEMS) {
                line(format!(
                    "  and {} more; -v names them all",
                    words::grouped(more)
                ));
            }
        }
    }
    if summary.skipped_by_rule > 0 && !summary.dry_run {
        line(format!(
            "{} left out by rule; -v names them",
            words::count(summary.skipped_by_rule, "item")
        ));
    }
    if let Some(trash) = &summary.trash {
        let what = if summary.is_trash_of_losers {
            "what lost a conflict in iCloud"
        } else {
            "what was replaced or removed locally"
        };
        line(format!(
            "{what} is kept in {}",
            for_terminal(&trash.display().to_string())
        ));
    }
    if let Some(hint) = hint(summary) {
        text.push_str("hint: ");
        text.push_str(hint);
        text.push('\n');
    }
    text
}

/// Writes what is left to be said where only errors are told, each as it came.
pub(crate) fn rest(summary: &Summary) -> String {
    let mut text = String::new();
    if let Some(more @ 1..) = summary.problems.len().checked_sub(MOST_PROBLEMS) {
        let more = words::grouped(more);
        words::push(
            &mut text,
            format_args!("error: and {more} more; a log file (log-file) has them all\n"),
        );
    }
    if summary.is_storage_full {
        words::push(&mut text, format_args!("hint: {MAKE_ROOM}\n"));
    }
    text
}

/// Writes a summary on one line, and where the losers of conflicts are on more.
pub(crate) fn line(summary: &Summary) -> String {
    let mut text = headline(summary);
    if let Some((what, why)) = summary.problems.first() {
        let number = words::count(summary.problems.len(), "problem");
        let first = words::problem(what, why);
        words::push(
            &mut text,
            format_args!("; {number}: {}", for_terminal(&first)),
        );
        if summary.problems.len() > 1 {
            text.push_str(" …");
        }
    }
    text.push('\n');
    for (path, loser) in &summary.conflicts {
        let (path, loser) = (for_terminal(path.as_str()), for_terminal(loser));
        words::push(
            &mut text,
            format_args!("  conflict: {path}; the loser is {loser}\n"),
        );
    }
    text
}

fn headline(summary: &Summary) -> String {
    let verb = summary.verb.as_str();
    let counts = summary.counts;
    let (local, remote) = summary.items;
    let seen = format!(
        "{} local, {} remote items, {}, {}",
        words::grouped(local),
        words::grouped(remote),
        words::count(
            usize::try_from(summary.requests).unwrap_or(usize::MAX),
            "request"
        ),
        words::time(summary.elapsed)
    );
    if let Some(signal) = summary.stopped_by {
        let name = match signal {
            2 => "SIGINT",
            15 => "SIGTERM",
            _ => "a signal",
        };
        return format!(
            "{verb}: stopped by {name}; {} of {} done ({seen})",
            words::grouped(counts.done),
            words::count(counts.planned, "action")
        );
    }
    if summary.dry_run {
        return format!("{verb}: dry run, nothing changed ({seen})");
    }
    if counts.planned == 0 {
        return format!("{verb}: nothing to do ({seen})");
    }
    if counts.done == counts.planned {
        return format!(
            "{verb}: {} done ({seen})",
            words::count(counts.done, "action")
        );
    }
    format!(
        "{verb}: {} of {} done ({seen})",
        words::grouped(counts.done),
        words::count(counts.planned, "action")
    )
}

fn hint(summary: &Summary) -> Option<&'static str> {
    if summary.stopped_by.is_some() {
        return Some("run the same command again to go on where it stopped");
    }
    if summary.dry_run {
        let how = if summary.no_remote {
            "run it without --no-remote to do it, on what is in iCloud then"
        } else {
            "run it without --dry-run to do it"
        };
        return (summary.counts.planned > 0).then_some(how);
    }
    if summary.is_storage_full {
        return Some(MAKE_ROOM);
    }
    let counts = summary.counts;
    if counts.failed > 0 || counts.skipped > 0 {
        return Some("run the same command again: what is done stays done");
    }
    (counts.not_run > 0).then_some("run the same command again for the rest")
}

#[cfg(test)]
mod tests;
