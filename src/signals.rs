//! Signals: the first SIGINT or SIGTERM asks the run to stop, the second ends the process at once.
//!
//! Both are safe: a path holds its whole old or its whole new content at any moment, and what was
//! finished is in the journal. While a person is being asked something the first signal ends the process,
//! since nobody looks at a flag then.

use std::{
    io,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

use crate::{
    error::{Error, Kind, Result},
    stop::Stop,
};

/// Whether the next signal ends the process.
static ARMED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// How the terminal was set when a question began: a password's has no echo.
static TERMINAL: Mutex<Option<Termios>> = Mutex::new(None);

/// Takes SIGINT and SIGTERM from now on.
///
/// # Errors
/// `Other` where the system refuses, or it is done already.
pub fn install(stop: &Stop) -> Result<()> {
    let refused =
        |error: io::Error| Error::new(Kind::Other, "cannot take SIGTERM").with_source(error);
    // In this order: what is registered first is asked first, and must see the state before this signal.
    flag::register_conditional_shutdown(SIGTERM, exit_code(SIGTERM), Arc::clone(&ARMED))
        .map_err(refused)?;
    flag::register_usize(SIGTERM, stop.flag(), usize::try_from(SIGTERM).unwrap_or(15))
        .map_err(refused)?;
    flag::register(SIGTERM, Arc::clone(&ARMED)).map_err(refused)?;
    let stop = stop.clone();
    ctrlc::set_handler(move || {
        if ARMED.swap(true, Ordering::SeqCst) {
            restore_terminal();
            #[expect(clippy::exit, reason = "the second Ctrl-C ends the process at once")]
            std::process::exit(exit_code(SIGINT));
        }
        stop.set(SIGINT);
    })
    .map_err(|error| Error::new(Kind::Other, "cannot take SIGINT").with_source(error))
}

/// Takes SIGHUP from now on: it sets `flag`, and ends nothing.
///
/// # Errors
/// `Other` where the system refuses.
pub fn on_hangup(wake: &Arc<AtomicBool>) -> Result<()> {
    let refused =
        |error: io::Error| Error::new(Kind::Other, "cannot take SIGHUP").with_source(error);
    flag::register(SIGHUP, Arc::clone(wake)).map_err(refused)?;
    Ok(())
}

/// Gives the terminal back as it was before the question that a signal ended, if one did.
fn restore_terminal() {
    let terminal = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(terminal) = &*terminal {
        // The process ends here: there is nobody to tell.
        let _restored = tcsetattr(io::stdin(), OptionalActions::Now, terminal).is_ok();
    }
}

/// Returns the exit code of a process that a signal ended.
pub fn exit_code(signal: i32) -> i32 {
    128 + signal
}

/// While it lives, the first signal ends the process: a person is being asked, and the run holds
/// nothing half done.
#[derive(Debug)]
pub struct Asking {
    was_armed: bool,
}

impl Asking {
    /// Begins to ask.
    #[must_use]
    pub fn begin() -> Self {
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = tcgetattr(io::stdin()).ok();
        Self {
            was_armed: ARMED.swap(true, Ordering::SeqCst),
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        *TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) = None;
        ARMED.store(self.was_armed, Ordering::SeqCst);
    }
}
