//! Signing in: password, second factor, trust, account, protected data.
//!
//! Comes in: an account, where its session is kept, and somebody to ask (or nobody). Goes out: a saved
//! session that requests can be made with. A password is proved once for each action of a person; one
//! that was refused is never sent again without a person, by any process of this user: the login lock
//! is held from looking at the record to writing it.

use cookie_store::Cookie;
use log::{debug, info};

use crate::{
    auth::{
        account::{self, Asked},
        attempts::Attempts,
        files::Lock,
        identity::{Identity, Proven},
        pcs,
        prompt::{Prompt, Via, nobody_there},
        secret::{Passwords, Secret},
        session::{self, Session, Store, now_ms},
        twofactor,
    },
    cloud::{
        endpoint::Endpoint,
        http::{Pace, Transport},
        jar::Jar,
    },
    error::{Error, Kind, Result},
    options::AccountOptions,
    stop::Stop,
};

/// In tests: milliseconds that count as a second in every wait. Only read with a loopback endpoint.
const TEST_PACE: &str = "ICLOUD_SYNC_TEST_PACE_MS";

/// One account at one endpoint: all that signing in needs but the connection.
pub(crate) struct Gate {
    pub(crate) endpoint: Endpoint,
    pub(crate) account: String,
    pub(crate) store: Store,
    pub(crate) passwords: Passwords,
    pub(crate) options: AccountOptions,
    pub(crate) stop: Stop,
}

/// How a person wants the second factor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Factor {
    pub(crate) via: Via,
    /// A code that was given beforehand.
    pub(crate) code: Option<String>,
    /// This sign-in has been counted as an automatic one already.
    pub(crate) is_counted: bool,
}

impl Gate {
    /// Finds out whose account it is: the one named, the one that signed in last, or (attended) the
    /// one that is typed.
    ///
    /// # Errors
    /// `Usage` for a bad endpoint; `SignIn` where no account is known; `Local`.
    pub(crate) fn find(options: &AccountOptions, prompt: &dyn Prompt, stop: &Stop) -> Result<Self> {
        let endpoint = Endpoint::new(options.endpoint.as_deref(), options.region)?;
        let named = match &options.username {
            Some(name) => Some(name.clone()),
            None => session::current(&options.state_dir, &endpoint)?,
        };
        let account = match named {
            Some(name) => name,
            None => prompt.account()?,
        };
        // Working clients fold it, and the proof is over the very text that is sent (2.5).
        let account = account.trim().to_lowercase();
        if account.is_empty() {
            return Err(Error::new(Kind::Usage, "no account is named")
                .with_hint("give --account EMAIL or set ICLOUD_USERNAME"));
        }
        let store = Store::new(&options.state_dir, &account, &endpoint);
        let passwords = Passwords {
            given: options.password.clone(),
            service: options.use_keyring.then(|| options.keyring_service.clone()),
            account: account.clone(),
            file: store.file("password"),
        };
        Ok(Self {
            endpoint,
            account,
            store,
            passwords,
            options: options.clone(),
            stop: stop.clone(),
        })
    }

    /// Makes the connection.
    ///
    /// # Errors
    /// `Usage` where this machine has no trusted certificates and they are needed.
    pub(crate) fn transport(&self) -> Result<Transport> {
        let jar = Jar::new(self.endpoint.is_custom());
        Transport::new(
            self.endpoint.clone(),
            jar.into(),
            self.pace(),
            self.options.max_rate,
            self.stop.clone(),
        )
    }

    fn pace(&self) -> Pace {
        let millis = self
            .endpoint
            .is_loopback()
            .then(|| std::env::var(TEST_PACE).ok()?.parse().ok())
            .flatten();
        millis.map_or_else(Pace::default, Pace::of_millis)
    }

    /// Loads the saved session, its cookies into the jar. `None` where there is none that could be
    /// used without signing in.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub(crate) fn resume(&self, wire: &Transport) -> Result<Option<Session>> {
        let Some((session, cookies)) = self.load()? else {
            return Ok(None);
        };
        wire.jar.load(cookies);
        Ok(session.is_signed_in().then_some(session))
    }

    /// Loads the saved state, signed in or not.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub(crate) fn load(&self) -> Result<Option<(Session, Vec<Cookie<'static>>)>> {
        let found = self.store.load()?;
        // The folder's name is a hash of both; a file moved by hand is nobody's.
        Ok(found.filter(|(session, _)| {
            session.account == self.account && session.endpoint == self.endpoint.key()
        }))
    }

    /// Returns the saved state to sign in with, or a new one; cookies go into the jar.
    pub(crate) fn state(&self, wire: &Transport) -> Result<Session> {
        match self.load()? {
            Some((session, cookies)) => {
                wire.jar.load(cookies);
                Ok(session)
            }
            None => Session::new(&self.account, &self.endpoint),
        }
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
        if !is_attended && attempts.code_wanted && factor.code.is_none() {
            return Err(nobody_there("a code of the second factor is needed"));
        }
        if !is_attended && !factor.is_counted {
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
                    format!("the service refuses account or password ({words})"),
                )
                .with_hint(
                    "it was tried once, to keep the account from being locked; app-specific passwords are not accepted; run `icloud-sync login`",
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
        Ok(())
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
        attempts.save(&self.store)?;
        session::set_current(&self.options.state_dir, &self.endpoint, Some(&self.account))?;
        Ok(true)
    }

    /// Signs in with the tokens that are there; false where they are no good (any more).
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
            Asked::Known(_) => return Ok(false),
            Asked::Refused(words) => {
                debug!("accountLogin: {words}");
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
