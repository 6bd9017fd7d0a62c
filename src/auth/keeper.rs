//! Keeps an account signed in while requests are made: what the request helper calls when the session
//! is refused.
//!
//! The ladder of protocol page 5.6: another process's fresh session, `validate` (the map may have moved),
//! `accountLogin` with the tokens, the password with the trust token. Each rung only where the one before
//! did not hold; the last two are counted by the hour. Whoever sits at the terminal is asked for what is
//! missing on the last, as at the first sign-in.

use std::{sync::Mutex, thread, time::Duration};

use log::{debug, info};

use crate::{
    auth::{
        account::{self, Asked},
        attempts::Attempts,
        files::Lock,
        gate::Gate,
        login::Factor,
        pcs,
        prompt::{Nobody, Prompt, nobody_there},
        session::{Session, now_ms},
    },
    cloud::http::{Keeper, Services, Transport, lock},
    error::{Error, Kind, Result},
};

/// A signed-in account.
pub(crate) struct SignedIn {
    gate: Gate,
    session: Mutex<Session>,
    /// Who is there while requests are made: to tap on a device, and to sign in where nothing else helps.
    person: Option<Box<dyn Prompt>>,
}

impl SignedIn {
    /// Takes a session that is signed in, and who is there.
    pub(crate) fn new(gate: Gate, session: Session, person: Option<Box<dyn Prompt>>) -> Self {
        Self {
            gate,
            session: Mutex::new(session),
            person,
        }
    }

    /// Takes over what another process has saved, where that is newer.
    fn adopt(&self, wire: &Transport, session: &mut Session) -> Result<bool> {
        let Some((saved, cookies)) = self.gate.load()? else {
            return Err(signed_out());
        };
        if saved.serial <= session.serial || !saved.is_signed_in() {
            return Ok(false);
        }
        info!("another process has signed in; its session is taken over");
        wire.jar.load(cookies);
        *session = saved;
        Ok(true)
    }

    fn climb(&self, wire: &Transport, session: &mut Session, held: &Lock) -> Result<()> {
        if self.adopt(wire, session)? {
            return Ok(());
        }
        if let Asked::Known(found) = account::validate(wire, &session.services())?
            && !found.wants_code
        {
            let mut moved = session.clone();
            found.settle_in(wire, &mut moved)?;
            if moved.services() != session.services() {
                *session = moved;
                return self.save(wire, session);
            }
            // The service says that all is well, and refuses: only a new sign-in can help.
            debug!("validate: the session holds, but requests are refused");
        }
        // Counted once, and where something is about to be asked: nothing to sign in with costs nothing.
        let mut is_counted = session.tokens.session_token.is_some();
        let prompt = self.person.as_deref().unwrap_or(&Nobody);
        if is_counted {
            match self.gate.begin_automatic(held) {
                Ok(()) if self.gate.by_tokens(wire, session, &Nobody, held)? => return Ok(()),
                Ok(()) => {}
                // None is allowed without a person; one is there.
                Err(error) if error.kind() == Kind::SignIn && prompt.is_attended() => {
                    is_counted = false;
                }
                Err(error) => return Err(error),
            }
        }
        let factor = Factor {
            is_counted,
            is_automatic: true,
            ..Factor::default()
        };
        if prompt.is_attended() {
            prompt.tell("the session has ended; signing in again");
        }
        let typed = self.gate.sign_in(wire, session, prompt, &factor, held)?;
        typed.map_or(Ok(()), |_| self.gate.signed_in_by(prompt, held))
    }

    /// Notes, where a person is needed, since when and why; `status` tells, and `login` puts it right.
    fn noted(&self, error: Error) -> Result<Error> {
        if error.kind() == Kind::SignIn {
            let mut attempts = Attempts::load(&self.gate.store)?;
            attempts.wait_for_person(&error.to_string(), now_ms());
            attempts.save(&self.gate.store)?;
        }
        Ok(error)
    }

    /// Takes the login lock where it is free soon: another process that only saves has it for
    /// milliseconds, one that signs in for as long as a person takes.
    fn lock_briefly(&self) -> Result<Option<Lock>> {
        for _ in 0..10 {
            if let Some(held) = self.gate.store.try_lock()? {
                return Ok(Some(held));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(None)
    }

    fn save(&self, wire: &Transport, session: &Session) -> Result<()> {
        let on_disk = self.gate.load()?.map(|(_, cookies)| cookies);
        self.gate.store.save(session, wire.jar.merge(on_disk))
    }
}

impl Keeper for SignedIn {
    fn renew(&self, wire: &Transport, _: &Services) -> Result<Services> {
        let held = self.gate.store.lock(&self.gate.stop)?;
        let mut session = lock(&self.session);
        // A copy: a sign-in that fails half-way leaves the old state, which may still hold tokens.
        let mut next = session.clone();
        if let Err(error) = self.climb(wire, &mut next, &held) {
            // Forgotten there: not to come back with what is saved from here.
            session.tokens.session_token = next.tokens.session_token;
            // Nor are cookies kept of an account that does not open. For a passing reason nothing is given up.
            if error.kind() == Kind::SignIn
                && let Ok(Some((_, cookies))) = self.gate.load()
            {
                wire.jar.load(cookies);
            }
            return Err(self.noted(error)?);
        }
        *session = next;
        Ok(session.services())
    }

    fn unlock(&self, wire: &Transport, current: &Services) -> Result<()> {
        let held = self.gate.store.lock(&self.gate.stop)?;
        let prompt = self.person.as_deref().unwrap_or(&Nobody);
        if let Err(error) = pcs::unlock(wire, current, prompt, true) {
            return Err(self.noted(error)?);
        }
        let session = lock(&self.session);
        self.save(wire, &session)?;
        drop(held);
        Ok(())
    }

    fn keep(&self, wire: &Transport) -> Result<()> {
        // Held by somebody who signs in: what is saved then is newer than what is kept here.
        let Some(_held) = self.lock_briefly()? else {
            return Ok(());
        };
        let session = lock(&self.session);
        match self.gate.load()? {
            Some((saved, cookies)) if saved.serial == session.serial => self
                .gate
                .store
                .save(&session, wire.jar.merge(Some(cookies))),
            // Signed out, or signed in anew, by another process: not to be undone from here.
            _ => Ok(()),
        }
    }
}

/// An account that stays signed in as long as its session holds, and no longer: nothing is done to renew it.
pub(crate) struct Resumed(SignedIn);

impl Resumed {
    /// Takes a session that is signed in.
    pub(crate) fn new(gate: Gate, session: Session) -> Self {
        Self(SignedIn::new(gate, session, None))
    }
}

impl Keeper for Resumed {
    fn renew(&self, _: &Transport, _: &Services) -> Result<Services> {
        Err(ended("the session has ended"))
    }

    fn unlock(&self, _: &Transport, _: &Services) -> Result<()> {
        Err(ended("the session gives no access to protected data"))
    }

    fn keep(&self, wire: &Transport) -> Result<()> {
        self.0.keep(wire)
    }
}

fn ended(words: &str) -> Error {
    Error::new(Kind::SignIn, words).with_hint("run `icloud-sync login`")
}

fn signed_out() -> Error {
    nobody_there("the account was signed out by another process")
}
