//! The signed-in state of an account, and where it is kept between runs.
//!
//! Comes in: what signing in gave (tokens, cookies, the map of services). Goes out: the same, in the
//! next run, without a request. One folder for each account and endpoint,
//! `$state_dir/sessions/KEY/`, holds `session.json`, `attempts.json` and the login lock. The password
//! is never in there. What protocol page 5.5 lists is what is kept.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use cookie_store::Cookie;
use jiff::Timestamp;
use log::warn;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    auth::{
        files::{self, Lock},
        prompt::{Phone, Via},
        secret::Secret,
        srp::hex,
    },
    cloud::{endpoint::Endpoint, http::Services},
    error::{Error, Kind, Result},
    stop::Stop,
};

/// The format's version; a reader for each older one stays.
const VERSION: u32 = 1;

/// What the identity service hands out (protocol page 1.5).
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens {
    #[serde(with = "kept")]
    pub(crate) session_token: Option<Secret>,
    #[serde(with = "kept")]
    pub(crate) session_id: Option<Secret>,
    #[serde(with = "kept")]
    pub(crate) scnt: Option<Secret>,
    /// Spares the second factor.
    #[serde(with = "kept")]
    pub(crate) trust_token: Option<Secret>,
    #[serde(with = "kept")]
    pub(crate) auth_attributes: Option<Secret>,
    /// Three letters.
    pub(crate) country: Option<String>,
}

/// A signed-in state.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    version: u32,
    /// The Apple account, as it signs in.
    pub(crate) account: String,
    /// See [`Endpoint::key`].
    pub(crate) endpoint: String,
    /// Sign-ins so far: a process that finds a higher number takes that session over.
    pub(crate) serial: u64,
    /// Stable for this installation.
    pub(crate) client_id: String,
    pub(crate) tokens: Tokens,
    #[serde(default)]
    pub(crate) dsid: String,
    #[serde(default)]
    pub(crate) drivews: String,
    #[serde(default)]
    pub(crate) docws: String,
    /// Protected data needs cookies of its own (protocol page 6).
    #[serde(default)]
    pub(crate) pcs_required: bool,
    /// When the last sign-in was, ms since 1970 UTC.
    #[serde(default)]
    pub(crate) signed_in_ms: i64,
    /// When the second factor was last given, ms since 1970 UTC.
    #[serde(default)]
    pub(crate) trusted_ms: Option<i64>,
    /// A sign-in that waits for its code.
    #[serde(default)]
    pub(crate) pending: Option<Pending>,
    /// Empty but in the file.
    #[serde(default)]
    cookies: Vec<Cookie<'static>>,
}

/// A sign-in whose password was right and whose code is to come from another run.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// When the code was sent, ms since 1970 UTC.
    pub(crate) since_ms: i64,
    pub(crate) tokens: Tokens,
    pub(crate) base: String,
    pub(crate) frame: String,
    /// How it was sent, and to which of the account's numbers.
    pub(crate) via: Via,
    pub(crate) phone: Option<Phone>,
}

impl Session {
    /// Makes the state of an account that is not signed in.
    ///
    /// # Errors
    /// `Other` where the system gives no random bytes.
    pub(crate) fn new(account: &str, endpoint: &Endpoint) -> Result<Self> {
        Ok(Self {
            version: VERSION,
            account: account.to_owned(),
            endpoint: endpoint.key(),
            serial: 0,
            client_id: uuid()?,
            tokens: Tokens::default(),
            dsid: String::new(),
            drivews: String::new(),
            docws: String::new(),
            pcs_required: false,
            signed_in_ms: 0,
            trusted_ms: None,
            pending: None,
            cookies: Vec::new(),
        })
    }

    /// Returns whether it has what requests need.
    pub(crate) fn is_signed_in(&self) -> bool {
        !self.dsid.is_empty() && !self.drivews.is_empty() && !self.docws.is_empty()
    }

    /// Returns where the data is.
    pub(crate) fn services(&self) -> Services {
        Services {
            dsid: self.dsid.clone(),
            client_id: self.client_id.clone(),
            drivews: self.drivews.clone(),
            docws: self.docws.clone(),
        }
    }
}

/// Secrets are written out here and nowhere else.
mod kept {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Secret;

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
    }
}

/// Where the sessions of one account and endpoint are kept.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    dir: PathBuf,
}

impl Store {
    /// Names the folder; makes nothing.
    pub(crate) fn new(state_dir: &Path, account: &str, endpoint: &Endpoint) -> Self {
        let name = format!("{account}\0{}", endpoint.key());
        let key: String = hex(&Sha256::digest(name.as_bytes()))
            .chars()
            .take(24)
            .collect();
        Self {
            dir: sessions(state_dir).join(key),
        }
    }

    /// Returns a file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Waits for the login lock.
    ///
    /// # Errors
    /// `Stopped`, `Local`.
    pub(crate) fn lock(&self, stop: &Stop) -> Result<Lock> {
        Lock::take(&self.file("lock"), stop)
    }

    /// Takes the login lock, if it is free.
    ///
    /// # Errors
    /// `Local`.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>> {
        Lock::try_take(&self.file("lock"))
    }

    /// Reads the saved state and its cookies; `None` where there is none. One that cannot be read is
    /// none, with a warning.
    ///
    /// # Errors
    /// `Local`; `Usage` where a newer version of this program wrote it.
    pub(crate) fn load(&self) -> Result<Option<(Session, Vec<Cookie<'static>>)>> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let path = self.file("session.json");
        let Some(data) = files::read_private(&path)? else {
            return Ok(None);
        };
        if let Ok(head) = serde_json::from_slice::<Head>(&data)
            && head.version > VERSION
        {
            return Err(Error::new(
                Kind::Usage,
                format!(
                    "\"{}\" was written by a newer version of this program",
                    path.display()
                ),
            ));
        }
        let Ok(mut session) = serde_json::from_slice::<Session>(&data) else {
            // The parser's words could quote what is in the file.
            warn!("\"{}\" cannot be read; sign in again", path.display());
            return Ok(None);
        };
        let cookies = std::mem::take(&mut session.cookies);
        Ok(Some((session, cookies)))
    }

    /// Saves a state with its cookies.
    ///
    /// # Errors
    /// `Local`, `DiskFull`.
    pub(crate) fn save(&self, session: &Session, cookies: Vec<Cookie<'static>>) -> Result<()> {
        let full = Session {
            cookies,
            ..session.clone()
        };
        let data = serde_json::to_vec_pretty(&full).map_err(|error| {
            Error::new(Kind::Other, "the session cannot be written").with_source(error)
        })?;
        files::write_private(&self.file("session.json"), &data)
    }

    /// Forgets the state.
    ///
    /// # Errors
    /// `Local`.
    pub(crate) fn remove(&self) -> Result<()> {
        files::remove(&self.file("session.json"))
    }
}

fn sessions(state_dir: &Path) -> PathBuf {
    state_dir.join("sessions")
}

/// Returns the account that signed in last at this endpoint.
///
/// # Errors
/// `Local`.
pub(crate) fn current(state_dir: &Path, endpoint: &Endpoint) -> Result<Option<String>> {
    Ok(accounts(state_dir)?.remove(&endpoint.key()))
}

/// Remembers the account that signed in last at this endpoint, or that none did.
///
/// # Errors
/// `Local`, `DiskFull`.
pub(crate) fn set_current(
    state_dir: &Path,
    endpoint: &Endpoint,
    account: Option<&str>,
) -> Result<()> {
    let mut accounts = accounts(state_dir)?;
    let before = match account {
        Some(account) => accounts.insert(endpoint.key(), account.to_owned()),
        None => accounts.remove(&endpoint.key()),
    };
    if before.as_deref() == account {
        return Ok(());
    }
    let data = serde_json::to_vec_pretty(&accounts).map_err(|error| {
        Error::new(Kind::Other, "the list of accounts cannot be written").with_source(error)
    })?;
    files::write_private(&sessions(state_dir).join("current.json"), &data)
}

fn accounts(state_dir: &Path) -> Result<BTreeMap<String, String>> {
    let data = files::read_private(&sessions(state_dir).join("current.json"))?;
    Ok(data
        .and_then(|data| serde_json::from_slice(&data).ok())
        .unwrap_or_default())
}

/// Now, in ms since 1970 UTC.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A random UUID, lower case.
///
/// # Errors
/// `Other` where the system gives no random bytes.
pub(crate) fn uuid() -> Result<String> {
    let mut bytes = [0_u8; 16];
    random(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    let mut parts = Vec::new();
    let mut digits = text.chars();
    for length in [8, 4, 4, 4, 12] {
        parts.push(digits.by_ref().take(length).collect::<String>());
    }
    Ok(parts.join("-"))
}

/// Fills with random bytes of the system.
///
/// # Errors
/// `Other`.
pub(crate) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(Kind::Other, "the system gives no random bytes").with_source(error)
    })
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
