//! One account at one endpoint: whose it is, where its session is kept, and the connection to sign in
//! over. What is done with them is in `login` and `keeper`.

use std::time::Duration;

use cookie_store::Cookie;

use crate::{
    auth::{
        prompt::Prompt,
        secret::Passwords,
        session::{self, Session, Store},
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
/// The same: milliseconds that a request may take, and that content may stand still.
const TEST_LIMIT: &str = "ICLOUD_SYNC_TEST_LIMIT_MS";

/// One account at one endpoint: all that signing in needs but the connection.
pub(crate) struct Gate {
    pub(crate) endpoint: Endpoint,
    pub(crate) account: String,
    pub(crate) store: Store,
    pub(crate) passwords: Passwords,
    pub(crate) options: AccountOptions,
    pub(crate) stop: Stop,
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

    pub(crate) fn pace(&self) -> Pace {
        pace(&self.endpoint)
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
}

/// Returns how long to wait for what: as always, but for tests on this machine's own emulator.
pub(crate) fn pace(endpoint: &Endpoint) -> Pace {
    let given = |name: &str| -> Option<u64> {
        let text = endpoint.is_loopback().then(|| std::env::var(name).ok())?;
        text?.parse().ok()
    };
    let pace = given(TEST_PACE).map_or_else(Pace::default, Pace::of_millis);
    match given(TEST_LIMIT).map(Duration::from_millis) {
        Some(limit) => Pace {
            listing: limit,
            other: limit,
            stall: limit,
            ..pace
        },
        None => pace,
    }
}
