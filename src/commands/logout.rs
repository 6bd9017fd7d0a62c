//! `logout`: ends the session at the service and forgets it here.
//!
//! What is forgotten: cookies, tokens and the trust of this installation, so the next sign-in asks for
//! a code; with `--forget-password` the kept password too. Baselines and files stay.

use std::io::Write;

use log::warn;

use crate::{
    auth::{account, gate::Gate, prompt::Nobody, session},
    commands::login::say,
    error::Result,
    options::AccountOptions,
    stop::Stop,
};

/// Signs out. Where the service cannot be reached the session is forgotten all the same.
///
/// # Errors
/// `SignIn` where no account is known; `Usage`; `Local`; `Stopped`.
pub fn run(
    options: &AccountOptions,
    forget_password: bool,
    stop: &Stop,
    out: &mut dyn Write,
) -> Result<()> {
    let gate = Gate::find(options, &Nobody, stop)?;
    let held = gate.store.lock(stop)?;
    let wire = gate.transport()?;
    let session = gate.resume(&wire)?;
    if let Some(session) = &session
        && let Err(error) = account::log_out(&wire, &session.services(), false)
    {
        warn!(
            "the service was not told; it ends the session by itself in time: {}",
            error.chain()
        );
    }
    gate.store.remove()?;
    let current = session::current(&options.state_dir, &gate.endpoint)?;
    if current.as_deref() == Some(gate.account.as_str()) {
        session::set_current(&options.state_dir, &gate.endpoint, None)?;
    }
    if forget_password {
        gate.passwords.forget()?;
    }
    drop(held);
    if session.is_some() {
        say(out, &format!("Signed out {}.", gate.account))
    } else {
        say(out, &format!("{} was not signed in.", gate.account))
    }
}
