//! What a pass tells: events go in, text for people or JSON for programs comes out.
//!
//! Logic calls a [`Reporter`]; only the writers below know terminals, bars and JSON. [`choose`] takes the
//! writer that fits where the text goes. stdout gets only what was asked for (the plan of a dry run,
//! JSON), stderr all else.

mod bars;
mod console;
mod json;
mod lines;
pub mod log;
mod plan;
mod progress;
mod record;
pub mod sanitize;
mod summary;
pub(crate) mod words;

use std::{path::PathBuf, sync::Arc, time::Duration};

pub use console::Console;
pub(crate) use progress::Progress;

use crate::{
    error::Error,
    options::Verbosity,
    plan::{Action, Plan, Side, Verb},
    tree::{Left, RelPath},
};

/// What became of one action.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Done.
    Done,
    /// The thing was no longer as planned, or something it needed was not done: nothing was done.
    Skipped(Error),
    /// Tried, and failed; both sides are as before the action.
    Failed(Error),
    /// Not begun: the pass was stopped, or `--max-downloads` was reached.
    NotRun,
}

/// How many actions came to which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Planned.
    pub planned: usize,
    /// Done.
    pub done: usize,
    /// Skipped because something changed meanwhile.
    pub skipped: usize,
    /// Failed.
    pub failed: usize,
    /// Not begun.
    pub not_run: usize,
}

/// What a pass did, in the end.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The verb.
    pub verb: Verb,
    /// The local root.
    pub local: PathBuf,
    /// The remote root, `/` or `/a/b`.
    pub remote: String,
    /// Nothing was done, only planned.
    pub dry_run: bool,
    /// The service was not asked: the baseline stood in for it.
    pub no_remote: bool,
    /// Local and remote items seen.
    pub items: (usize, usize),
    /// All actions together.
    pub counts: Counts,
    /// Content bytes received and sent.
    pub bytes: (u64, u64),
    /// Files received and sent.
    pub files: (usize, usize),
    /// Conflicts that the policy settled: the path, and where the loser is.
    pub conflicts: Vec<(RelPath, String)>,
    /// Differences and items left alone for a problem; with each its reason.
    pub problems: Vec<(String, String)>,
    /// Items skipped by rule (links, special files, shared items, left by the verb).
    pub skipped_by_rule: usize,
    /// iCloud refused content, since the account's storage is full.
    pub is_storage_full: bool,
    /// Requests made to the service.
    pub requests: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Where removed and replaced local content lies, if there is any.
    pub trash: Option<PathBuf>,
    /// All that lies there comes from iCloud: versions that lost a conflict. Nothing local was replaced or removed.
    pub is_trash_of_losers: bool,
    /// The signal that stopped it.
    pub stopped_by: Option<i32>,
    /// The exit code it leads to.
    pub exit_code: u8,
}

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Local and remote items listed so far.
    pub items: (usize, usize),
    /// Actions planned; 0 as long as there is no plan, or where there is nothing to do.
    pub planned: usize,
    /// Actions done.
    pub done: usize,
    /// Actions that failed or were skipped.
    pub failed: usize,
    /// Content bytes moved; what is begun again is not counted twice.
    pub bytes: u64,
    /// Content bytes to move, as far as the listings tell.
    pub bytes_planned: u64,
    /// Since the pass began.
    pub elapsed: Duration,
}

/// Something that happened in a pass.
#[derive(Debug)]
pub enum Event<'a> {
    /// A pass begins; `undo` knows it by this name.
    Began {
        /// Its name.
        pass: &'a str,
    },
    /// A side is being listed.
    Listing {
        /// The side.
        side: Side,
        /// Items seen so far.
        items: usize,
        /// Folders listed so far, and folders known so far.
        folders: (usize, usize),
    },
    /// A side has been listed.
    Listed {
        /// The side.
        side: Side,
        /// Items seen.
        items: usize,
    },
    /// Local files are hashed to settle whether their content changed: bytes done and bytes in all.
    Hashing {
        /// Bytes hashed so far.
        done: u64,
        /// Bytes to hash.
        total: u64,
    },
    /// Something of a side is left alone.
    LeftAlone {
        /// The side.
        side: Side,
        /// What, and why.
        left: &'a Left,
        /// Whether a plan that is shown names it.
        dry_run: bool,
    },
    /// The plan is made; with a dry run it is what was asked for.
    Planned {
        /// The plan.
        plan: &'a Plan,
        /// The verb.
        verb: Verb,
        /// Whether it will not be carried out.
        dry_run: bool,
    },
    /// An action begins.
    Started {
        /// Its number in the plan.
        number: usize,
        /// The action.
        action: &'a Action,
    },
    /// Content bytes of an action went over the wire.
    Moved {
        /// The action's number.
        number: usize,
        /// Bytes since the last such event.
        bytes: u64,
    },
    /// An action of a transfer begins again from this many bytes.
    Restarted {
        /// The action's number.
        number: usize,
        /// Bytes that count as moved now.
        bytes: u64,
    },
    /// An action came to its end.
    Finished {
        /// The action's number.
        number: usize,
        /// The action.
        action: &'a Action,
        /// What became of it.
        outcome: &'a Outcome,
    },
    /// How far the pass is, every so often (`--stats-interval`).
    Stats(&'a Stats),
    /// A sentence for people, of no consequence.
    Note(&'a str),
    /// Something odd that was handled.
    Warning(&'a str),
    /// The pass came to its end.
    Summary(&'a Summary),
}

/// Takes events from any thread.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event<'_>);
}

/// Tells nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _: &Event<'_>) {}
}

/// Passes events on, and a warning right before the summary, which is the last.
pub(crate) struct Closing {
    pub(crate) warning: String,
    pub(crate) to: Arc<dyn Reporter>,
}

impl Reporter for Closing {
    fn event(&self, event: &Event<'_>) {
        if let Event::Summary(_) = event {
            self.to.event(&Event::Warning(&self.warning));
        }
        self.to.event(event);
    }
}

/// How a pass is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// JSON on stdout.
    pub is_json: bool,
    /// The end of a pass is one line, since others follow.
    pub is_brief: bool,
    /// How much is told.
    pub verbosity: Verbosity,
    /// The plan of a dry run has the reason of each action.
    pub explain: bool,
}

/// Takes the writer that fits: JSON if asked for, bars where the console has them, else lines. All of
/// them log as well.
pub fn choose(console: &Arc<Console>, style: Style) -> Arc<dyn Reporter> {
    if style.is_json {
        return Arc::new(record::Record(json::Json::new(Arc::clone(console))));
    }
    let lines = lines::Lines::new(Arc::clone(console), style);
    if console.has_bars() {
        Arc::new(record::Record(bars::Bars::new(console, lines)))
    } else {
        Arc::new(record::Record(lines))
    }
}

/// Tells an error that ends the program: its chain on one line, and its hint on another; with
/// `is_json` also as the last line of stdout.
pub fn tell_error(console: &Console, error: &Error, is_json: bool, exit_code: u8) {
    let chain = error.chain();
    ::log::debug!("{error:?}");
    let mut text = format!("error: {}\n", sanitize::for_terminal(&chain));
    if let Some(hint) = error.hint() {
        words::push(
            &mut text,
            format_args!("hint: {}\n", sanitize::for_terminal(hint)),
        );
    }
    console.tell(&text);
    if is_json {
        console.print(&json::error(error, exit_code));
    }
    // The terminal has it; the log file is read when something went wrong.
    ::log::error!(
        target: record::NOTE,
        action = "error",
        exit_code = exit_code,
        hint = error.hint().unwrap_or_default();
        "{chain}"
    );
}

#[cfg(test)]
pub(crate) mod tests;
