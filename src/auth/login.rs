//! Signing in: password, second factor, trust, account, protected data.
//!
//! Comes in: an account, where its session is kept, and somebody to ask (or nobody). Goes out: a saved
//! session that requests can be made with. A password is proved once for each action of a person; one
//! that was refused is never sent again without a person, by any process of this user: the login lock
//! is held from looking at the record to writing it.

use log::{debug, info};

use crate::{
    auth::{
        account::{self, Asked},
        attempts::Attempts,
        files::Lock,
        gate::Gate,
        identity::Identity,
        pcs,
        prompt::{Prompt, Via, nobody_there},
        proof::Proven,
        secret::Secret,
        session::{self, Pending, Session, now_ms},
        twofactor,
    },
    cloud::http::Transport,
    error::{Error, Kind, Result},
};

/// How long a sign-in waits for its code, in ms.
const PENDING_MS: i64 = 600_000;

/// How a person wants the second factor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Factor {
    pub(crate) via: Via,
    /// A code that was given beforehand.
    pub(crate) code: Option<String>,
    /// This sign-in is not an automatic one, or has been counted as one already.
    pub(crate) is_counted: bool,
    /// Nobody asked for it: with a password at hand it counts as an automatic one even where a person is there.
    pub(crate) is_automatic: bool,
    /// Where nobody is there to type the code, have it sent all the same: a later run gives it.
    pub(crate) sends_ahead: bool,
}

impl Gate {
    /// Notes that somebody has signed in: after a person at a terminal, or with a code, automatic sign-ins are counted
    /// anew; a script can't do that.
    ///
    /// # Errors
    /// `Local`.
    pub(crate) fn signed_in_by(&self, prompt: &dyn Prompt, _held: &Lock) -> Result<()> {
        if !prompt.is_attended() && self.options.code.is_none() {
            return Ok(());
        }
        let mut attempts = Attempts::load(&self.store)?;
        attempts.person_came();
        attempts.save(&self.store)
    }

    /// Counts an automatic sign-in that is about to begin.
    ///
    /// # Errors
    /// `SignIn` where none is allowed (any more).
    pub(crate) fn begin_automatic(&self, _held: &Lock) -> Result<()> {
        self.count_automatic(&mut Attempts::load(&self.store)?)
    }

    fn count_automatic(&self, attempts: &mut Attempts) -> Result<()> {
        if !self.options.auto_reauth {
            return Err(nobody_there("automatic sign-in is switched off"));
        }
        attempts
            .begin_automatic(self.options.auto_reauth_attempts, now_ms())
            .map_err(|error| error.with_hint("run `icloud-sync login`"))?;
        attempts.save(&self.store)
    }

    /// Signs in anew: with the password at hand, else (attended) with one that is typed. The password
    /// that was typed is returned, to be kept.
    ///
    /// # Errors
    /// `SignIn` where it was refused, or a person is needed; `Temporary`; `Stopped`.
    pub(crate) fn sign_in(
        &self,
        wire: &Transport,
        session: &mut Session,
        prompt: &dyn Prompt,
        factor: &Factor,
        _held: &Lock,
    ) -> Result<Option<Secret>> {
        let mut attempts = Attempts::load(&self.store)?;
        let outcome = self.try_sign_in(wire, session, prompt, factor, &mut attempts);
        if let Err(error) = &outcome
            && error.kind() == Kind::SignIn
        {
            attempts.wait_for_person(&error.to_string(), now_ms());
            attempts.save(&self.store)?;
        }
        outcome
    }

    fn try_sign_in(
        &self,
        wire: &Transport,
        session: &mut Session,
        prompt: &dyn Prompt,
        factor: &Factor,
        attempts: &mut Attempts,
    ) -> Result<Option<Secret>> {
        if let Some(code) = &factor.code
            && let Some(pending) = session.pending.take()
            && self.give_code(wire, session, pending, code)?
        {
            self.finish(wire, session, prompt, attempts)?;
            return Ok(None);
        }
        let is_attended = prompt.is_attended();
        let at_hand = self.passwords.get()?;
        let refused_ms = at_hand
            .as_ref()
            .and_then(|password| attempts.refused_ms(password));
        let (password, typed) = match at_hand {
            Some(password) if refused_ms.is_none() => (password, None),
            _ if is_attended => {
                let password = prompt.password(&self.account)?;
                (password.clone(), Some(password))
            }
            Some(_) => {
                return Err(nobody_there(
                    "the service has refused this password before; it is not sent again",
                ));
            }
            None => {
                return Err(nobody_there(&format!(
                    "not signed in, and there is no password for {}",
                    self.account
                )));
            }
        };
        if !is_attended && attempts.code_wanted && factor.code.is_none() && !factor.sends_ahead {
            return Err(nobody_there("a code of the second factor is needed"));
        }
        let is_automatic = !is_attended || (factor.is_automatic && typed.is_none());
        if is_automatic && !factor.is_counted {
            self.count_automatic(attempts)?;
        }
        self.by_password(wire, session, &password, prompt, factor, attempts)?;
        self.finish(wire, session, prompt, attempts)?;
        Ok(typed)
    }

    /// Proves the password and gives the second factor.
    fn by_password(
        &self,
        wire: &Transport,
        session: &mut Session,
        password: &Secret,
        prompt: &dyn Prompt,
        factor: &Factor,
        attempts: &mut Attempts,
    ) -> Result<()> {
        let mut tokens = session.tokens.clone();
        let mut proven = Proven::Expired;
        let mut identity = Identity::open(wire, &mut tokens)?;
        for round in 0..2 {
            if round > 0 {
                // The service lost this sign-in before it judged the proof: once more from the start.
                drop(identity);
                identity = Identity::open(wire, &mut tokens)?;
            }
            proven = match identity.prove(&self.account, password) {
                Ok(proven) => proven,
                Err(error) => {
                    // A locked account counts as a refused password: sending more makes it worse.
                    if error.kind() == Kind::SignIn {
                        attempts.refuse(password, now_ms())?;
                        attempts.save(&self.store)?;
                    }
                    return Err(error);
                }
            };
            if !matches!(proven, Proven::Expired) {
                break;
            }
        }
        match proven {
            Proven::SignedIn => {}
            Proven::SecondFactor
                if factor.sends_ahead && factor.code.is_none() && !prompt.is_attended() =>
            {
                let (via, phone) = twofactor::send_ahead(&mut identity, prompt, factor.via)?;
                let (base, frame) = identity.suspend();
                session.pending = Some(Pending {
                    since_ms: now_ms(),
                    tokens,
                    base,
                    frame,
                    via,
                    phone,
                });
                self.store.save(session, wire.jar.merge(None))?;
                return Err(Error::new(
                    Kind::SignIn,
                    "a code of the second factor was sent, and nobody is there to type it",
                )
                .with_hint(format!(
                    "run `icloud-sync login --account {} --code CODE` within ten minutes",
                    self.account
                )));
            }
            Proven::SecondFactor => {
                let outcome =
                    twofactor::run(&mut identity, prompt, factor.via, factor.code.as_deref());
                if outcome.is_err() && !prompt.is_attended() {
                    attempts.code_wanted = true;
                    attempts.save(&self.store)?;
                }
                outcome?;
                session.trusted_ms = Some(now_ms());
            }
            Proven::Refused(words) => {
                attempts.refuse(password, now_ms())?;
                attempts.save(&self.store)?;
                return Err(Error::new(
                    Kind::SignIn,
                    format!("the account or the password is wrong ({words})"),
                )
                .with_hint(
                    "run `icloud-sync login` and type both again: the account's own password, not an app-specific one. (It was tried once only, since Apple locks an account after a few wrong ones.)",
                ));
            }
            Proven::Expired => {
                return Err(Error::new(
                    Kind::Temporary,
                    "the service forgot the sign-in while it was under way",
                ));
            }
        }
        session.tokens = tokens;
        session.pending = None;
        Ok(())
    }

    /// Gives the code that an earlier run had sent; false where that sign-in is over, and another has to
    /// be begun.
    fn give_code(
        &self,
        wire: &Transport,
        session: &mut Session,
        pending: Pending,
        code: &str,
    ) -> Result<bool> {
        if now_ms() - pending.since_ms > PENDING_MS || wire.endpoint.service(&pending.base).is_err()
        {
            return Ok(false);
        }
        let mut tokens = pending.tokens;
        let mut identity = Identity::resume(wire, &mut tokens, pending.base, pending.frame);
        let accepted = match twofactor::give(&mut identity, pending.via, pending.phone, code) {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == Kind::SignIn => {
                debug!("{error}; a new sign-in is begun");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        if !accepted {
            // What was sent is void now; the saved state forgets it.
            self.store.save(session, wire.jar.merge(None))?;
            return Err(nobody_there("the code of the second factor was refused"));
        }
        session.tokens = tokens;
        session.trusted_ms = Some(now_ms());
        Ok(true)
    }

    /// Asks whether the saved session still holds, and puts right what a person can put right: the map
    /// of services, and protected data.
    ///
    /// # Errors
    /// As [`Self::by_tokens`].
    pub(crate) fn still_holds(
        &self,
        wire: &Transport,
        session: &mut Session,
        prompt: &dyn Prompt,
        _held: &Lock,
    ) -> Result<bool> {
        if !session.is_signed_in() {
            return Ok(false);
        }
        let Asked::Known(found) = account::validate(wire, &session.services())? else {
            return Ok(false);
        };
        if found.wants_code {
            return Ok(false);
        }
        found.settle_in(wire, session)?;
        self.store.save(session, wire.jar.merge(None))?;
        let services = session.services();
        let mut attempts = Attempts::load(&self.store)?;
        // A cookie that is there may be stale: where a run has waited for a person, ask.
        if session.pcs_required
            && (attempts.waiting.is_some() || !pcs::is_unlocked(wire, &services))
        {
            pcs::unlock(wire, &services, prompt, false)?;
            self.store.save(session, wire.jar.merge(None))?;
        }
        attempts.succeeded();
        if prompt.is_attended() {
            attempts.person_came();
        }
        attempts.save(&self.store)?;
        session::set_current(&self.options.state_dir, &self.endpoint, Some(&self.account))?;
        Ok(true)
    }

    /// Signs in with the tokens that are there; false where they are no good (any more). One that the service has
    /// refused is forgotten: it will not be asked about it again.
    ///
    /// # Errors
    /// `SignIn` for what no password changes; `Temporary`; `Stopped`.
    pub(crate) fn by_tokens(
        &self,
        wire: &Transport,
        session: &mut Session,
        prompt: &dyn Prompt,
        _held: &Lock,
    ) -> Result<bool> {
        if session.tokens.session_token.is_none() {
            return Ok(false);
        }
        let found = match account::log_in(wire, session)? {
            Asked::Known(found) if !found.wants_code => found,
            // What it opens is not all: a code is wanted, and the token is still good for that.
            Asked::Known(_) => return Ok(false),
            Asked::Refused(words) => {
                debug!("accountLogin: {words}");
                session.tokens.session_token = None;
                self.store.save(session, wire.jar.merge(None))?;
                return Ok(false);
            }
        };
        let mut attempts = Attempts::load(&self.store)?;
        found.settle_in(wire, session)?;
        self.complete(wire, session, prompt, &mut attempts)?;
        Ok(true)
    }

    /// Opens the account with fresh tokens.
    fn finish(
        &self,
        wire: &Transport,
        session: &mut Session,
        prompt: &dyn Prompt,
        attempts: &mut Attempts,
    ) -> Result<()> {
        match account::log_in(wire, session)? {
            Asked::Known(found) if found.wants_code => Err(Error::new(
                Kind::SignIn,
                "the service wants a second factor, but offered none",
            )
            .with_hint("run `icloud-sync login`")),
            Asked::Known(found) => {
                found.settle_in(wire, session)?;
                self.complete(wire, session, prompt, attempts)
            }
            Asked::Refused(words) => Err(Error::new(
                Kind::SignIn,
                format!("signed in, but the account does not open ({words})"),
            )
            .with_hint("run `icloud-sync login`")),
        }
    }

    /// Saves what signing in gave, then unlocks protected data. In this order: what a code was typed
    /// for is not lost where no device is at hand.
    fn complete(
        &self,
        wire: &Transport,
        session: &mut Session,
        prompt: &dyn Prompt,
        attempts: &mut Attempts,
    ) -> Result<()> {
        session.serial += 1;
        session.signed_in_ms = now_ms();
        attempts.succeeded();
        attempts.save(&self.store)?;
        self.store.save(session, wire.jar.merge(None))?;
        session::set_current(&self.options.state_dir, &self.endpoint, Some(&self.account))?;
        info!("signed in as {}", self.account);
        self.unlock_if_needed(wire, session, prompt)
    }

    /// Gets the cookies for protected data, where the account needs them and has none.
    pub(crate) fn unlock_if_needed(
        &self,
        wire: &Transport,
        session: &Session,
        prompt: &dyn Prompt,
    ) -> Result<()> {
        let services = session.services();
        if !session.pcs_required || pcs::is_unlocked(wire, &services) {
            return Ok(());
        }
        pcs::unlock(wire, &services, prompt, false)?;
        self.store.save(session, wire.jar.merge(None))
    }
}
