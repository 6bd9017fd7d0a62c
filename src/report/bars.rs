//! A pass for people at a terminal: what moves while it goes on, the same text as [`super::lines`] else.
//!
//! While listing, a line for each side counts items; then one bar shows all content together with speed and time
//! left, and a handful of large files have one of their own. Bars are gone when the pass is over. The time left is
//! reckoned from bytes and requests together: of many small files the requests take the time, not the bytes.
//!
//! Transfers call in from many threads with each chunk. What a chunk costs here is four atomic
//! additions, and a lock that is shared by readers; drawing is bounded by indicatif.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use indicatif::{
    HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use super::{Console, Event, Outcome, Reporter, lines::Lines, words};
use crate::plan::{Action, Plan, Side, Verb};

/// So many files have a bar of their own at once: more are not read.
const SLOTS: usize = 4;
/// A smaller file would flicker by.
const OWN_BAR_FROM: u64 = 1 << 20;
/// An action that asks iCloud takes about as long as this much content: a few round trips.
const ACTION_WEIGHS: u64 = 100 << 10;
/// Spinners turn at this pace even when nothing comes in.
const TICK: Duration = Duration::from_millis(120);

/// Draws events as bars, and writes the rest as text.
pub(crate) struct Bars {
    screen: MultiProgress,
    lines: Lines,
    /// Listing, by side, then hashing.
    before: Mutex<[Option<ProgressBar>; 3]>,
    transfer: OnceLock<Transfer>,
}

/// The carrying out of a plan.
struct Transfer {
    total: ProgressBar,
    /// Never shown: bytes and requests weighed together, for the time that is left.
    work: ProgressBar,
    /// The bar counts actions, since there is no content to move.
    counts_actions: bool,
    /// Bytes that count as moved, by the action's number.
    moved: Vec<AtomicU64>,
    finished: AtomicUsize,
    slots: RwLock<[Option<(usize, ProgressBar)>; SLOTS]>,
}

impl Bars {
    /// Draws on the console.
    pub(crate) fn new(console: &Arc<Console>, lines: Lines) -> Self {
        Self {
            screen: console.bars().clone(),
            lines,
            before: Mutex::default(),
            transfer: OnceLock::new(),
        }
    }

    fn add(&self, template: &str, length: Option<u64>) -> ProgressBar {
        self.add_styled(template, length, |style| style)
    }

    fn add_styled(
        &self,
        template: &str,
        length: Option<u64>,
        more: impl FnOnce(ProgressStyle) -> ProgressStyle,
    ) -> ProgressBar {
        let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let bar = self.screen.add(bar);
        // The templates are this module's own; without one the bar has indicatif's look.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(more(style.progress_chars("=> ")));
        }
        bar.enable_steady_tick(TICK);
        bar
    }

    fn listing(&self, side: Side, items: usize, (listed, known): (usize, usize)) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let at = match side {
            Side::Local => 0,
            Side::Remote => 1,
        };
        let bar = before[at].get_or_insert_with(|| self.add("{spinner} {wide_msg}", None));
        let mut text = format!("{}: {}", side.as_str(), words::count(items, "item"));
        if known > 0 {
            words::push(
                &mut text,
                format_args!(
                    ", {} of {} listed",
                    words::grouped(listed),
                    words::count(known, "folder")
                ),
            );
        }
        bar.set_message(text);
    }

    fn hashing(&self, done: u64, total: u64) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = before[2].get_or_insert_with(|| {
            self.add(
                "{spinner} comparing [{bar:30}] {binary_bytes} of {binary_total_bytes}",
                Some(total),
            )
        });
        bar.set_length(total);
        bar.set_position(done);
    }

    fn clear_before(&self) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        for bar in before.iter_mut().filter_map(Option::take) {
            self.remove(&bar);
        }
    }

    fn remove(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.screen.remove(bar);
    }

    fn begin(&self, plan: &Plan, verb: Verb) {
        let transfers = plan.actions.iter().filter(|a| words::is_transfer(&a.what));
        let bytes: u64 = transfers.map(|action| action.size).sum();
        let transfer = || {
            let counts_actions = bytes == 0;
            let weight = plan.actions.iter().map(weight).sum();
            let work = ProgressBar::with_draw_target(Some(weight), ProgressDrawTarget::hidden());
            let total = if counts_actions {
                let count = u64::try_from(plan.actions.len()).unwrap_or(u64::MAX);
                self.add("{spinner} {prefix} [{wide_bar}] {msg}", Some(count))
            } else {
                let template = "{spinner} {prefix} [{wide_bar}] {percent}% of {whole}, \
                                {binary_bytes_per_sec}{left}, {msg}";
                self.add_styled(template, Some(bytes), |style| {
                    style
                        .with_key("whole", tell_whole)
                        .with_key("left", tell_left(work.clone()))
                })
            };
            total.set_prefix(verb.as_str());
            let transfer = Transfer {
                total,
                work,
                counts_actions,
                moved: plan.actions.iter().map(|_| AtomicU64::new(0)).collect(),
                finished: AtomicUsize::new(0),
                slots: RwLock::default(),
            };
            transfer.show_count();
            transfer
        };
        self.transfer.get_or_init(transfer);
    }

    fn started(&self, number: usize, action: &Action) {
        let Some(transfer) = self.transfer.get() else {
            return;
        };
        if !words::is_transfer(&action.what) || action.size < OWN_BAR_FROM {
            return;
        }
        let mut slots = transfer
            .slots
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.iter_mut().find(|slot| slot.is_none()) {
            let bar = self.add(
                "  {percent:>3}% {binary_bytes:>11}  {wide_msg}",
                Some(action.size),
            );
            bar.set_message(words::path(&action.path, action.kind));
            *slot = Some((number, bar));
        }
    }

    fn finished(&self, number: usize, action: &Action, outcome: &Outcome) {
        let Some(transfer) = self.transfer.get() else {
            return;
        };
        transfer.finish(number, action, matches!(outcome, Outcome::Done));
        let mut slots = transfer
            .slots
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let slot = slots
            .iter_mut()
            .find(|slot| slot.as_ref().is_some_and(|(its, _)| *its == number));
        if let Some((_, bar)) = slot.and_then(Option::take) {
            self.remove(&bar);
        }
    }

    /// Takes all bars away.
    fn end(&self) {
        self.clear_before();
        if let Some(transfer) = self.transfer.get() {
            let mut slots = transfer
                .slots
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            for (_, bar) in slots.iter_mut().filter_map(Option::take) {
                self.remove(&bar);
            }
            self.remove(&transfer.total);
        }
    }
}

impl Transfer {
    fn moved(&self, number: usize, bytes: u64) {
        let Some(moved) = self.moved.get(number) else {
            return;
        };
        moved.fetch_add(bytes, Ordering::Relaxed);
        if !self.counts_actions {
            self.total.inc(bytes);
        }
        self.work.inc(bytes);
        self.with_own_bar(number, |bar| bar.inc(bytes));
    }

    /// What was moved of an action so far is now taken for `bytes`.
    fn restarted(&self, number: usize, bytes: u64) {
        let Some(moved) = self.moved.get(number) else {
            return;
        };
        let before = moved.swap(bytes, Ordering::Relaxed);
        if !self.counts_actions {
            shift(&self.total, before, bytes);
        }
        shift(&self.work, before, bytes);
        self.with_own_bar(number, |bar| bar.set_position(bytes));
    }

    /// Counts an action as whole; one that is not done counts for nothing any more.
    fn finish(&self, number: usize, action: &Action, is_done: bool) {
        let size = if words::is_transfer(&action.what) {
            action.size
        } else {
            0
        };
        if let Some(moved) = self.moved.get(number) {
            let end = if is_done { size } else { 0 };
            let before = moved.swap(end, Ordering::Relaxed);
            shift(&self.work, before, end);
            self.work.inc(weight(action) - size);
            if !is_done {
                self.work.dec_length(size);
            }
            if !self.counts_actions {
                shift(&self.total, before, end);
                if !is_done {
                    self.total.dec_length(size);
                }
            }
        }
        self.finished.fetch_add(1, Ordering::Relaxed);
        if self.counts_actions {
            self.total.inc(1);
        }
        self.show_count();
    }

    fn show_count(&self) {
        self.total.set_message(format!(
            "{} of {}",
            words::grouped(self.finished.load(Ordering::Relaxed)),
            words::count(self.moved.len(), "action")
        ));
    }

    fn with_own_bar(&self, number: usize, change: impl FnOnce(&ProgressBar)) {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bar)) = slots.iter().flatten().find(|(its, _)| *its == number) {
            change(bar);
        }
    }
}

/// Returns what an action weighs: its content, and the same again for each that asks iCloud. Folders that are
/// made and items that are removed locally take no time to speak of.
fn weight(action: &Action) -> u64 {
    if words::is_transfer(&action.what) {
        action.size.saturating_add(ACTION_WEIGHS)
    } else if action.side() == Side::Remote {
        ACTION_WEIGHS
    } else {
        0
    }
}

/// Writes the length of a bar as all other sizes are written.
fn tell_whole(state: &ProgressState, text: &mut dyn fmt::Write) {
    let whole = words::size(state.len().unwrap_or_default());
    text.write_str(&whole)
        .expect("indicatif writes to a String");
}

/// Writes the time that is left, as soon as something is known of it.
fn tell_left(
    work: ProgressBar,
) -> impl Fn(&ProgressState, &mut dyn fmt::Write) + Clone + Send + Sync {
    move |_, text| {
        let left = work.eta();
        if left > Duration::ZERO {
            write!(text, ", {:#} left", HumanDuration(left)).expect("indicatif writes to a String");
        }
    }
}

/// Moves a bar by the difference of two counts.
fn shift(bar: &ProgressBar, before: u64, after: u64) {
    if after >= before {
        bar.inc(after - before);
    } else {
        bar.dec(before - after);
    }
}

impl Reporter for Bars {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Listing {
                side,
                items,
                folders,
            } => self.listing(*side, *items, *folders),
            Event::Listed { side, items } => self.listing(*side, *items, (0, 0)),
            Event::Hashing { done, total } => self.hashing(*done, *total),
            Event::Planned {
                plan,
                verb,
                dry_run,
            } => {
                self.clear_before();
                self.lines.event(event);
                if !dry_run && !plan.actions.is_empty() {
                    self.begin(plan, *verb);
                }
            }
            Event::Started { number, action } => self.started(*number, action),
            Event::Moved { number, bytes } => {
                if let Some(transfer) = self.transfer.get() {
                    transfer.moved(*number, *bytes);
                }
            }
            Event::Restarted { number, bytes } => {
                if let Some(transfer) = self.transfer.get() {
                    transfer.restarted(*number, *bytes);
                }
            }
            Event::Finished {
                number,
                action,
                outcome,
            } => {
                self.finished(*number, action, outcome);
            }
            Event::Summary(_) => {
                self.end();
                self.lines.event(event);
            }
            Event::Began { .. } => {}
            Event::LeftAlone { .. } | Event::Stats(_) | Event::Note(_) | Event::Warning(_) => {
                self.lines.event(event);
            }
        }
    }
}

/// An error that ends the pass before its summary leaves no bar behind either.
impl Drop for Bars {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
pub(super) mod tests;
