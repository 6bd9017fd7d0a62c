//! A pass for programs: one JSON object a line on stdout, each with a `type`; the last is the summary.
//!
//! In order: `left` (one for each item that a listing left alone), `plan`, then `action`, `conflict` and
//! `kept` (one for each of the plan's), `outcome` (one for each action, as they end), `warning`, `note` and,
//! with `--stats-interval`, `stats` (at any time), `summary`. An error that ends the program is an `error` in the summary's place. Names are
//! unchanged: nothing is escaped but what JSON itself escapes.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::{Console, Event, Outcome, Reporter, Stats, Summary, words};
use crate::{
    error::Error,
    plan::{Action, Plan, Side, Verb, What},
    tree::{Kind, Left, RelPath},
};

/// Writes events as JSON lines.
pub(crate) struct Json {
    console: Arc<Console>,
}

impl Json {
    /// Writes to the console's stdout.
    pub(crate) fn new(console: Arc<Console>) -> Self {
        Self { console }
    }
}

impl Reporter for Json {
    fn event(&self, event: &Event<'_>) {
        let text = match event {
            Event::Began { .. }
            | Event::Listing { .. }
            | Event::Listed { .. }
            | Event::Hashing { .. }
            | Event::Started { .. }
            | Event::Moved { .. }
            | Event::Restarted { .. } => return,
            Event::LeftAlone { side, left, .. } => self::left(*side, left).text(),
            Event::Planned {
                plan,
                verb,
                dry_run,
            } => self::plan(plan, *verb, *dry_run),
            Event::Finished {
                number,
                action,
                outcome,
            } => self::outcome(*number, action, outcome).text(),
            Event::Stats(stats) => self::stats(stats).text(),
            Event::Note(text) => Line::Note { text }.text(),
            Event::Warning(text) => Line::Warning { text }.text(),
            Event::Summary(summary) => self::summary(summary).text(),
        };
        self.console.print(&text);
    }
}

/// Returns the line for an error that ends the program.
pub(crate) fn error(error: &Error, exit_code: u8) -> String {
    Line::Error {
        message: &error.chain(),
        hint: error.hint(),
        exit_code,
    }
    .text()
}

/// One line. Names and order of the fields are an interface: they may grow, and nothing else.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    /// What a listing left alone.
    Left {
        side: &'static str,
        path: &'a str,
        reason: &'static str,
        detail: Option<&'a str>,
        problem: bool,
    },
    /// A plan is made; its actions, conflicts and kept differences follow.
    Plan {
        verb: &'static str,
        dry_run: bool,
        actions: usize,
        settled: usize,
        download_bytes: u64,
        upload_bytes: u64,
    },
    /// One action, in the order of execution.
    Action {
        number: usize,
        action: &'static str,
        side: &'static str,
        path: &'a str,
        kind: &'static str,
        bytes: u64,
        from: Option<&'a str>,
        replaces: bool,
        reason: &'static str,
        reason_side: Option<&'static str>,
        stage: u32,
        items_in_it: usize,
        shared_with_others: bool,
    },
    /// A conflict that the policy settles.
    Conflict {
        path: &'a str,
        winner: Option<&'static str>,
        kept_as: Option<&'a str>,
    },
    /// A difference that stays.
    Kept {
        path: &'a str,
        why: &'a str,
        problem: bool,
    },
    /// What became of an action.
    Outcome {
        number: usize,
        action: &'static str,
        path: &'a str,
        outcome: &'static str,
        error: Option<String>,
    },
    /// How far the pass is.
    Stats {
        local_items: usize,
        remote_items: usize,
        planned: usize,
        done: usize,
        failed: usize,
        bytes: u64,
        bytes_planned: u64,
        elapsed_ms: u64,
    },
    /// A sentence for people.
    Note { text: &'a str },
    /// Something odd that was handled.
    Warning { text: &'a str },
    /// The end of a pass.
    Summary {
        verb: &'static str,
        local: String,
        remote: &'a str,
        dry_run: bool,
        no_remote: bool,
        exit_code: u8,
        local_items: usize,
        remote_items: usize,
        planned: usize,
        done: usize,
        skipped: usize,
        failed: usize,
        not_run: usize,
        files_received: usize,
        files_sent: usize,
        bytes_received: u64,
        bytes_sent: u64,
        conflicts: Vec<Settled<'a>>,
        problems: Vec<Problem<'a>>,
        skipped_by_rule: usize,
        storage_full: bool,
        requests: u64,
        elapsed_ms: u64,
        trash: Option<String>,
        stopped_by: Option<i32>,
    },
    /// An error that ended the program.
    Error {
        message: &'a str,
        hint: Option<&'a str>,
        exit_code: u8,
    },
}

/// A settled conflict of the summary.
#[derive(Serialize)]
struct Settled<'a> {
    path: &'a str,
    loser: &'a str,
}

/// A problem of the summary.
#[derive(Serialize)]
struct Problem<'a> {
    what: &'a str,
    why: &'a str,
}

impl Line<'_> {
    fn text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("texts and numbers make JSON");
        text.push('\n');
        text
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Package => "package",
    }
}

fn left(side: Side, left: &Left) -> Line<'_> {
    let (reason, detail) = words::freeze_key(&left.why);
    Line::Left {
        side: side.as_str(),
        path: left.path.as_ref().map_or(&left.shown, RelPath::as_str),
        reason,
        detail,
        problem: left.why.is_problem(),
    }
}

fn plan(plan: &Plan, verb: Verb, dry_run: bool) -> String {
    let bytes = |is: fn(&What) -> bool| {
        let sizes = plan.actions.iter().filter(|action| is(&action.what));
        sizes.map(|action| action.size).sum::<u64>()
    };
    let mut text = Line::Plan {
        verb: verb.as_str(),
        dry_run,
        actions: plan.actions.len(),
        settled: plan.settled.len(),
        download_bytes: bytes(|what| matches!(what, What::Download)),
        upload_bytes: bytes(|what| matches!(what, What::Upload { .. })),
    }
    .text();
    for (number, action) in plan.actions.iter().enumerate() {
        text.push_str(&self::action(number, action).text());
    }
    for conflict in &plan.conflicts {
        let line = Line::Conflict {
            path: conflict.path.as_str(),
            winner: conflict.winner.map(Side::as_str),
            kept_as: conflict.kept_as.as_ref().map(RelPath::as_str),
        };
        text.push_str(&line.text());
    }
    for kept in &plan.kept {
        let line = Line::Kept {
            path: kept.path.as_str(),
            why: &kept.why,
            problem: kept.is_problem,
        };
        text.push_str(&line.text());
    }
    text
}

fn action(number: usize, action: &Action) -> Line<'_> {
    let (reason, reason_side) = words::reason_key(action.reason);
    let from = match &action.what {
        What::MoveLocal { from } | What::MoveRemote { from, .. } => Some(from.as_str()),
        What::SwapLocal { with, .. } => Some(with.as_str()),
        What::CreateLocalFolder
        | What::CreateRemoteFolder { .. }
        | What::Download
        | What::Upload { .. }
        | What::RemoveLocal
        | What::TrashRemote => None,
    };
    Line::Action {
        number,
        action: words::key(&action.what),
        side: action.side().as_str(),
        path: action.path.as_str(),
        kind: kind(action.kind),
        bytes: action.size,
        from,
        replaces: action.is_replacement(),
        reason,
        reason_side: reason_side.map(Side::as_str),
        stage: action.stage,
        items_in_it: action.content.len(),
        shared_with_others: action.is_lent,
    }
}

fn outcome<'a>(number: usize, action: &'a Action, outcome: &Outcome) -> Line<'a> {
    let (outcome, error) = match outcome {
        Outcome::Done => ("done", None),
        Outcome::Skipped(error) => ("skipped", Some(error.chain())),
        Outcome::Failed(error) => ("failed", Some(error.chain())),
        Outcome::NotRun => ("not-run", None),
    };
    Line::Outcome {
        number,
        action: words::key(&action.what),
        path: action.path.as_str(),
        outcome,
        error,
    }
}

fn stats(stats: &Stats) -> Line<'_> {
    Line::Stats {
        local_items: stats.items.0,
        remote_items: stats.items.1,
        planned: stats.planned,
        done: stats.done,
        failed: stats.failed,
        bytes: stats.bytes,
        bytes_planned: stats.bytes_planned,
        elapsed_ms: millis(stats.elapsed),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn summary(summary: &Summary) -> Line<'_> {
    let conflicts = summary.conflicts.iter().map(|(path, loser)| Settled {
        path: path.as_str(),
        loser,
    });
    let problems = summary.problems.iter();
    Line::Summary {
        verb: summary.verb.as_str(),
        local: summary.local.to_string_lossy().into_owned(),
        remote: &summary.remote,
        dry_run: summary.dry_run,
        no_remote: summary.no_remote,
        exit_code: summary.exit_code,
        local_items: summary.items.0,
        remote_items: summary.items.1,
        planned: summary.counts.planned,
        done: summary.counts.done,
        skipped: summary.counts.skipped,
        failed: summary.counts.failed,
        not_run: summary.counts.not_run,
        files_received: summary.files.0,
        files_sent: summary.files.1,
        bytes_received: summary.bytes.0,
        bytes_sent: summary.bytes.1,
        conflicts: conflicts.collect(),
        problems: problems.map(|(what, why)| Problem { what, why }).collect(),
        skipped_by_rule: summary.skipped_by_rule,
        storage_full: summary.is_storage_full,
        requests: summary.requests,
        elapsed_ms: millis(summary.elapsed),
        trash: summary
            .trash
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned()),
        stopped_by: summary.stopped_by,
    }
}

#[cfg(test)]
mod tests;
