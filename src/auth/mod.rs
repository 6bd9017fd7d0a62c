//! Signing in, and staying so.
//!
//! [`open`] is what every command but `login` calls: it gives a signed-in [`Api`], from the saved
//! session without a request, or else by signing in. Read on in the order of the data: `prompt` asks,
//! `login` leads through the steps, `identity` and `twofactor` speak to the identity service (with the
//! arithmetic of `srp` and `hashcash`), `account` and `pcs` to the set-up host, `session`, `attempts`
//! and `secret` keep what is to be kept, `keeper` signs in again when a session ends.

pub(crate) mod account;
pub(crate) mod attempts;
mod files;
pub(crate) mod gate;
pub mod hashcash;
mod identity;
mod keeper;
pub(crate) mod login;
pub(crate) mod pcs;
pub mod prompt;
mod proof;
pub mod secret;
pub(crate) mod session;
pub mod srp;
pub(crate) mod trust;
mod twofactor;

use std::sync::Arc;

use crate::{
    auth::{
        gate::Gate,
        keeper::{Resumed, SignedIn},
        login::Factor,
        prompt::{Nobody, Prompt},
        session::Session,
    },
    cloud::http::{Api, Transport},
    error::{Error, Kind, Result},
    options::AccountOptions,
    stop::Stop,
};

/// Returns a signed-in connection. A saved session is taken as it is, without a request; where there is
/// none (or `relogin` is set) the account signs in, asking `prompt` for what is missing.
///
/// Not to be called from a rayon task.
///
/// # Errors
/// `SignIn` where a person is needed and `prompt` is nobody, or the sign-in was refused; `Usage` for a
/// bad endpoint or missing certificates; `Temporary`; `Stopped`; `Local`.
pub fn open(options: &AccountOptions, prompt: &dyn Prompt, stop: &Stop) -> Result<Arc<Api>> {
    let gate = Gate::find(options, prompt, stop)?;
    let wire = gate.transport()?;
    if !options.relogin
        && let Some(session) = gate.resume(&wire)?
    {
        return Ok(api(gate, wire, session, prompt));
    }
    let held = gate.store.lock(stop)?;
    // Another process may have signed in while this one waited for the lock.
    if !options.relogin
        && let Some(session) = gate.resume(&wire)?
    {
        return Ok(api(gate, wire, session, prompt));
    }
    let mut session = gate.state(&wire)?;
    let factor = Factor {
        code: options.code.clone(),
        ..Factor::default()
    };
    gate.sign_in(&wire, &mut session, prompt, &factor, &held)?;
    drop(held);
    Ok(api(gate, wire, session, prompt))
}

/// Returns a connection with the saved session, which ends when that does: nobody signs in, and nothing is renewed.
///
/// Not to be called from a rayon task.
///
/// # Errors
/// `SignIn` where there is no session; `Usage`; `Local`.
pub fn resume(options: &AccountOptions, stop: &Stop) -> Result<Arc<Api>> {
    let gate = Gate::find(options, &Nobody, stop)?;
    let wire = gate.transport()?;
    let Some(session) = gate.resume(&wire)? else {
        return Err(Error::new(Kind::SignIn, "not signed in").with_hint("run `icloud-sync login`"));
    };
    let services = session.services();
    let keeper = Resumed::new(gate, session);
    Ok(Arc::new(Api::new(wire, Box::new(keeper), services)))
}

/// Returns a number that moves when somebody signs in: with the saved session of the account that [`open`] would take.
/// `None` where there is none, or a person is waited for. Asks nobody.
pub fn session_mark(options: &AccountOptions) -> Option<u64> {
    use std::{
        hash::{DefaultHasher, Hash as _, Hasher as _},
        os::unix::fs::MetadataExt as _,
    };
    let gate = Gate::find(options, &Nobody, &Stop::new()).ok()?;
    if attempts::Attempts::load(&gate.store)
        .ok()?
        .waiting
        .is_some()
    {
        return None;
    }
    let metadata = std::fs::metadata(gate.store.file("session.json")).ok()?;
    let mut hasher = DefaultHasher::new();
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()).hash(&mut hasher);
    Some(hasher.finish())
}

/// Returns the account that [`open`] would take, if one is known without asking.
pub fn known_account(options: &AccountOptions) -> Option<String> {
    let gate = Gate::find(options, &Nobody, &Stop::new()).ok()?;
    Some(gate.account)
}

/// Returns what is known of signing in without asking anybody.
pub fn health(options: &AccountOptions) -> crate::metrics::Health {
    let Ok(gate) = Gate::find(options, &Nobody, &Stop::new()) else {
        return crate::metrics::Health::default();
    };
    let attempts = attempts::Attempts::load(&gate.store).unwrap_or_default();
    let trusted = (gate.load().ok().flatten()).and_then(|(session, _)| session.trusted_ms);
    crate::metrics::Health {
        reauth_attempts: attempts.within_an_hour(session::now_ms()),
        trusted: trusted.map(|ms| ms.div_euclid(1000)),
    }
}

/// Returns the warning that the trust of this machine is about to end, where it is.
pub fn trust_warning(options: &AccountOptions) -> Option<String> {
    let since = jiff::Timestamp::from_second(health(options).trusted?).ok()?;
    trust::warning(since, jiff::Timestamp::now())
}

/// Returns what counts as a second in waits: a second, but for tests on this machine's own emulator.
///
/// # Errors
/// `Usage` for a bad endpoint; `SignIn` where no account is known.
pub fn second(options: &AccountOptions) -> Result<std::time::Duration> {
    Ok(Gate::find(options, &Nobody, &Stop::new())?.pace().second)
}

fn api(gate: Gate, wire: Transport, session: Session, prompt: &dyn Prompt) -> Arc<Api> {
    let services = session.services();
    let keeper = SignedIn::new(gate, session, prompt.for_later());
    Arc::new(Api::new(wire, Box::new(keeper), services))
}
