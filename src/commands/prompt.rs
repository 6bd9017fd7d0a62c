//! Asking at the terminal, with Ctrl-C as people expect it, and no bar over the question.
//!
//! While a question stands nobody looks at the stop flag, so the first signal ends the program then.

use std::sync::Arc;

use crate::{
    auth::{
        prompt::{CodeAnswer, Prompt, Question, Terminal},
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
    }
}

/// Asks through another prompt, and can be interrupted while it does.
#[derive(Clone)]
struct Interruptible<P> {
    to: P,
    console: Arc<Console>,
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
        self.console.bars().suspend(|| self.to.countdown(left));
    }

    fn for_later(&self) -> Option<Box<dyn Prompt>> {
        self.is_attended()
            .then(|| Box::new(self.clone()) as Box<dyn Prompt>)
    }
}
