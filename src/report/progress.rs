//! How far a pass is, every so often (`--stats-interval`), and what its actions came to by kind (`--progress-summary`).
//!
//! Events go through to the writer; what is counted on the way is told as events of their own, by a thread that ends
//! with the pass.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Event, Outcome, Reporter, Stats, words};
use crate::plan::{Action, What};

/// Counts what goes by.
pub(crate) struct Progress {
    shared: Arc<Shared>,
    with_summary: bool,
    ticker: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    to: Arc<dyn Reporter>,
    begun: Instant,
    counted: Mutex<Counted>,
    changed: Condvar,
}

#[derive(Default)]
struct Counted {
    is_over: bool,
    stats: Stats,
    /// Of each transfer under way, how much of it has moved.
    moved: BTreeMap<usize, u64>,
    /// Done, by kind: how many and how many bytes.
    kinds: BTreeMap<(&'static str, &'static str), (usize, u64)>,
    /// When the first action began.
    acting_since: Option<Instant>,
}

impl Shared {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        // What is inside is whole between any two statements.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// Tells how far it is every `interval`, where one is given, and at the end what it came to `with_summary`.
    pub(crate) fn new(
        to: Arc<dyn Reporter>,
        interval: Option<Duration>,
        with_summary: bool,
    ) -> Self {
        let shared = Arc::new(Shared {
            to,
            begun: Instant::now(),
            counted: Mutex::default(),
            changed: Condvar::new(),
        });
        let ticker = interval.and_then(|interval| {
            let shared = Arc::clone(&shared);
            let named = thread::Builder::new().name("stats".into());
            // Without a thread to be had the pass goes on without its numbers.
            named.spawn(move || tick(&shared, interval)).ok()
        });
        Self {
            shared,
            with_summary,
            ticker: Mutex::new(ticker),
        }
    }

    fn end(&self) {
        self.shared.counted().is_over = true;
        self.shared.changed.notify_all();
        let ticker = self
            .ticker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(ticker) = ticker {
            // A thread that panicked has told so itself.
            drop(ticker.join());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn tick(shared: &Shared, interval: Duration) {
    let mut counted = shared.counted();
    let mut next = Instant::now() + interval;
    while !counted.is_over {
        let now = Instant::now();
        if now < next {
            let waited = shared.changed.wait_timeout(counted, next - now);
            counted = waited.unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        next = now + interval;
        let stats = Stats {
            bytes: counted.stats.bytes + counted.moved.values().sum::<u64>(),
            elapsed: shared.begun.elapsed(),
            ..counted.stats
        };
        drop(counted);
        shared.to.event(&Event::Stats(&stats));
        counted = shared.counted();
    }
}

impl Reporter for Progress {
    fn event(&self, event: &Event<'_>) {
        self.shared.counted().count(event);
        if let Event::Summary(_) = event {
            self.end();
            if self.with_summary
                && let Some(text) = self.shared.counted().summary()
            {
                self.shared.to.event(&Event::Note(&text));
            }
        }
        self.shared.to.event(event);
    }
}

impl Counted {
    fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::Listing { side, items, .. } | Event::Listed { side, items } => {
                let (local, remote) = &mut self.stats.items;
                *match side {
                    crate::plan::Side::Local => local,
                    crate::plan::Side::Remote => remote,
                } = *items;
            }
            Event::Planned { plan, dry_run, .. } if !dry_run => {
                self.stats.planned = plan.actions.len();
                let transfers = plan
                    .actions
                    .iter()
                    .filter(|one| words::is_transfer(&one.what));
                self.stats.bytes_planned = transfers.map(|one| one.size).sum();
            }
            Event::Started { number, action } => {
                self.acting_since.get_or_insert_with(Instant::now);
                if words::is_transfer(&action.what) {
                    self.moved.insert(*number, 0);
                }
            }
            Event::Moved { number, bytes } => {
                if let Some(moved) = self.moved.get_mut(number) {
                    *moved += bytes;
                }
            }
            Event::Restarted { number, bytes } => {
                if let Some(moved) = self.moved.get_mut(number) {
                    *moved = *bytes;
                }
            }
            Event::Finished {
                number,
                action,
                outcome,
            } => self.finished(*number, action, outcome),
            Event::Began { .. }
            | Event::Hashing { .. }
            | Event::LeftAlone { .. }
            | Event::Planned { .. }
            | Event::Stats(_)
            | Event::Note(_)
            | Event::Warning(_)
            | Event::Summary(_) => {}
        }
    }

    fn finished(&mut self, number: usize, action: &Action, outcome: &Outcome) {
        self.moved.remove(&number);
        match outcome {
            Outcome::Done => {
                self.stats.done += 1;
                let bytes = if words::is_transfer(&action.what) {
                    action.size
                } else {
                    0
                };
                self.stats.bytes += bytes;
                let (count, sum) = self.kinds.entry(kind(&action.what)).or_default();
                *count += 1;
                *sum += bytes;
            }
            Outcome::Skipped(_) | Outcome::Failed(_) => self.stats.failed += 1,
            Outcome::NotRun => {}
        }
    }

    /// Says what was done by kind, and how fast content moved.
    fn summary(&self) -> Option<String> {
        let since = self.acting_since?;
        let kinds: Vec<String> = (self.kinds.iter())
            .map(|((noun, done), (count, bytes))| {
                let text = format!("{} {done}", words::count(*count, noun));
                match bytes {
                    0 => text,
                    bytes => format!("{text} ({})", words::size(*bytes)),
                }
            })
            .collect();
        let took = since.elapsed();
        let mut text = if kinds.is_empty() {
            "done: nothing".to_owned()
        } else {
            format!("done: {}", kinds.join(", "))
        };
        if self.stats.bytes > 0 {
            let rate = words::rate(self.stats.bytes, took);
            words::push(&mut text, format_args!("; {rate}"));
        }
        words::push(&mut text, format_args!(" in {}", words::time(took)));
        Some(text)
    }
}

/// Returns what an action acts on, and what becomes of it.
fn kind(what: &What) -> (&'static str, &'static str) {
    match what {
        What::CreateLocalFolder | What::CreateRemoteFolder { .. } => ("folder", "made"),
        What::Download => ("file", "received"),
        What::Upload { .. } => ("file", "sent"),
        What::MoveLocal { .. } | What::SwapLocal { .. } | What::MoveRemote { .. } => {
            ("item", "moved")
        }
        What::RemoveLocal | What::TrashRemote => ("item", "removed"),
    }
}

/// Writes how far a pass is.
pub(super) fn line(stats: &Stats) -> String {
    let time = words::time(stats.elapsed);
    if stats.planned == 0 {
        let (local, remote) = stats.items;
        return format!(
            "after {time}: {} local, {} remote items listed",
            words::grouped(local),
            words::grouped(remote)
        );
    }
    let failed = match stats.failed {
        0 => String::new(),
        failed => format!(", {} not", words::grouped(failed)),
    };
    format!(
        "after {time}: {} of {} done{failed}, {} of {} moved",
        words::grouped(stats.done),
        words::count(stats.planned, "action"),
        words::size(stats.bytes),
        words::size(stats.bytes_planned)
    )
}

#[cfg(test)]
mod tests;
