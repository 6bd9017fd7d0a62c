//! Asking at the terminal, with Ctrl-C as people expect it, and no bar over the question.
//!
//! While a question stands nobody looks at the stop flag, so the first signal ends the program then.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    auth::{
        prompt::{CodeAnswer, Prompt, Question, Terminal, time_left},
        secret::Secret,
    },
    error::Result,
    report::Console,
    signals::Asking,
};

/// Returns the terminal that the program was started from; nobody, if there is none.
pub(super) fn terminal(console: &Arc<Console>) -> impl Prompt {
    Interruptible {
        to: Terminal,
        console: Arc::clone(console),
        left: Arc::default(),
        is_kept: true,
    }
}

/// The same for the start alone: whoever is there then may be gone when something has to be asked later.
pub(super) fn terminal_at_start(console: &Arc<Console>) -> impl Prompt {
    Interruptible {
        to: Terminal,
        console: Arc::clone(console),
        left: Arc::default(),
        is_kept: false,
    }
}

/// Asks through another prompt, and can be interrupted while it does.
#[derive(Clone)]
struct Interruptible<P> {
    to: P,
    console: Arc<Console>,
    /// The line of a countdown among the bars of a pass.
    left: Arc<Mutex<Option<ProgressBar>>>,
    /// Whether it may be asked later, too.
    is_kept: bool,
}

impl<P: Prompt> Interruptible<P> {
    fn ask<T>(&self, ask: impl FnOnce(&P) -> T) -> T {
        let _asking = Asking::begin();
        self.console.without_bars(|| ask(&self.to))
    }
}

impl<P: Prompt + Clone + 'static> Prompt for Interruptible<P> {
    fn is_attended(&self) -> bool {
        self.to.is_attended()
    }

    fn account(&self) -> Result<String> {
        self.ask(P::account)
    }

    fn password(&self, account: &str) -> Result<Secret> {
        self.ask(|to| to.password(account))
    }

    fn code(&self, question: &Question) -> Result<CodeAnswer> {
        self.ask(|to| to.code(question))
    }

    fn confirm(&self, question: &str) -> Result<bool> {
        self.ask(|to| to.confirm(question))
    }

    fn tell(&self, text: &str) {
        self.console.bars().suspend(|| self.to.tell(text));
    }

    fn countdown(&self, left: Option<u32>) {
        if !self.console.has_bars() {
            return self.to.countdown(left);
        }
        let mut line = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = left else {
            if let Some(line) = line.take() {
                line.finish_and_clear();
                self.console.bars().remove(&line);
            }
            return;
        };
        let line = line.get_or_insert_with(|| {
            let line = self.console.bars().insert(0, ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                line.set_style(style);
            }
            line
        });
        line.set_message(time_left(left));
        line.tick();
    }

    fn for_later(&self) -> Option<Box<dyn Prompt>> {
        (self.is_kept && self.is_attended()).then(|| Box::new(self.clone()) as Box<dyn Prompt>)
    }
}
