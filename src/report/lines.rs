//! A pass for people where there is no terminal: few lines, nothing that moves.
//!
//! The plan of a dry run goes to stdout, all else to stderr. One line for each action is the log's
//! (see [`super::record`]), which is shown at `-v`.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Console, Event, Reporter, Style, plan, progress, sanitize::for_terminal, summary};
use crate::{options::Verbosity, plan::Side, tree::Left};

/// Writes events as text.
pub(crate) struct Lines {
    console: Arc<Console>,
    style: Style,
    left: Mutex<Vec<(Side, Left)>>,
}

impl Lines {
    /// Writes to the console.
    pub(crate) fn new(console: Arc<Console>, style: Style) -> Self {
        Self {
            console,
            style,
            left: Mutex::default(),
        }
    }
}

impl Reporter for Lines {
    fn event(&self, event: &Event<'_>) {
        let is_quiet = self.style.verbosity == Verbosity::Quiet;
        match event {
            Event::LeftAlone { side, left, .. } => {
                let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                all.push((*side, (*left).clone()));
            }
            Event::Planned {
                plan,
                dry_run: true,
                ..
            } => {
                let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                self.console
                    .print(&plan::text(plan, &left, self.style.explain));
            }
            Event::Planned {
                plan,
                verb,
                dry_run: false,
            } => {
                if !is_quiet && !self.style.is_brief && !plan.actions.is_empty() {
                    let short = plan::short(plan);
                    self.console.tell(&format!("{}: {short}\n", verb.as_str()));
                }
            }
            Event::Note(text) if !is_quiet => {
                self.console.tell(&format!("{}\n", for_terminal(text)));
            }
            Event::Stats(stats) if !is_quiet => {
                self.console.tell(&format!("{}\n", progress::line(stats)));
            }
            Event::Summary(end) if !is_quiet => self.console.tell(&if self.style.is_brief {
                let now = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
                format!("{now} {}", summary::line(end))
            } else {
                summary::text(end)
            }),
            Event::Summary(end) if !end.dry_run => self.console.tell(&summary::rest(end)),
            Event::Began { .. }
            | Event::Listing { .. }
            | Event::Listed { .. }
            | Event::Hashing { .. }
            | Event::Started { .. }
            | Event::Moved { .. }
            | Event::Restarted { .. }
            | Event::Finished { .. }
            | Event::Stats(_)
            | Event::Note(_)
            | Event::Warning(_)
            | Event::Summary(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
