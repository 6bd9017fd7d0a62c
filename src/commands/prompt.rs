//! Asking at the terminal, with Ctrl-C as people expect it.
//!
//! While a question stands nobody looks at the stop flag, so the first signal ends the program then.

use crate::{
    auth::{
        prompt::{CodeAnswer, Prompt, Question, Terminal},
        secret::Secret,
    },
    error::Result,
    signals::Asking,
};

/// Returns the terminal that the program was started from; nobody, if there is none.
pub(super) fn terminal() -> impl Prompt {
    Interruptible(Terminal)
}

/// Asks through another prompt, and can be interrupted while it does.
struct Interruptible<P>(P);

impl<P: Prompt> Prompt for Interruptible<P> {
    fn is_attended(&self) -> bool {
        self.0.is_attended()
    }

    fn account(&self) -> Result<String> {
        let _asking = Asking::begin();
        self.0.account()
    }

    fn password(&self, account: &str) -> Result<Secret> {
        let _asking = Asking::begin();
        self.0.password(account)
    }

    fn code(&self, question: &Question) -> Result<CodeAnswer> {
        let _asking = Asking::begin();
        self.0.code(question)
    }

    fn confirm(&self, question: &str) -> Result<bool> {
        let _asking = Asking::begin();
        self.0.confirm(question)
    }

    fn tell(&self, text: &str) {
        self.0.tell(text);
    }
}
