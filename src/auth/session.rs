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
    /// Empty but in the file.
    #[serde(default)]
    cookies: Vec<Cookie<'static>>,
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

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde asks for"
    )]
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
        match serde_json::from_slice::<Session>(&data) {
            Ok(mut session) => {
                let cookies = std::mem::take(&mut session.cookies);
                Ok(Some((session, cookies)))
            }
            Err(_) => {
                // The parser's words could quote what is in the file.
                warn!("\"{}\" cannot be read; sign in again", path.display());
                Ok(None)
            }
        }
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
mod tests {
    use std::fs;

    use super::*;
    use crate::options::Region;

    fn endpoint() -> Endpoint {
        Endpoint::new(None, Region::Global).unwrap()
    }

    fn store(dir: &Path) -> Store {
        Store::new(dir, "a@example.com", &endpoint())
    }

    #[test]
    fn a_session_comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        assert!(store.load().unwrap().is_none());
        let mut session = Session::new("a@example.com", &endpoint()).unwrap();
        session.tokens.trust_token = Some(Secret::new("trust me"));
        session.dsid = "1".to_owned();
        session.trusted_ms = Some(5);
        store.save(&session, Vec::new()).unwrap();
        let (back, cookies) = store.load().unwrap().unwrap();
        assert_eq!(back.client_id, session.client_id);
        assert_eq!(back.tokens.trust_token.unwrap().expose(), "trust me");
        assert_eq!((back.dsid.as_str(), back.trusted_ms), ("1", Some(5)));
        assert!(cookies.is_empty());
        store.remove().unwrap();
        assert!(store.load().unwrap().is_none());
    }

    #[test]
    fn a_broken_file_is_no_session_and_a_newer_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let path = store.file("session.json");
        files::write_private(&path, b"{\"version\":1,\"acc").unwrap();
        assert!(store.load().unwrap().is_none());
        files::write_private(&path, b"{\"version\":2}").unwrap();
        let Err(error) = store.load() else {
            panic!("a newer file was read");
        };
        assert_eq!(error.kind(), Kind::Usage);
    }

    #[test]
    fn each_account_and_endpoint_has_a_session_of_its_own() {
        let dir = Path::new("/state");
        let base = Endpoint::new(Some("http://127.0.0.1:1"), Region::Global).unwrap();
        let china = Endpoint::new(None, Region::China).unwrap();
        let dirs: std::collections::BTreeSet<PathBuf> = [
            store(dir).dir,
            Store::new(dir, "b@example.com", &endpoint()).dir,
            Store::new(dir, "a@example.com", &base).dir,
            Store::new(dir, "a@example.com", &china).dir,
        ]
        .into();
        assert_eq!(dirs.len(), 4);
    }

    #[test]
    fn the_last_account_is_remembered_for_its_endpoint() {
        let dir = tempfile::tempdir().unwrap();
        let base = Endpoint::new(Some("http://127.0.0.1:1"), Region::Global).unwrap();
        set_current(dir.path(), &base, Some("b@example.com")).unwrap();
        assert_eq!(current(dir.path(), &endpoint()).unwrap(), None);
        set_current(dir.path(), &endpoint(), Some("a@example.com")).unwrap();
        assert_eq!(
            current(dir.path(), &base).unwrap().as_deref(),
            Some("b@example.com")
        );
        set_current(dir.path(), &base, None).unwrap();
        assert_eq!(current(dir.path(), &base).unwrap(), None);
        assert!(fs::exists(dir.path().join("sessions/current.json")).unwrap());
    }

    #[test]
    fn a_uuid_is_of_the_random_kind() {
        let one = uuid().unwrap();
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
        assert_ne!(one, uuid().unwrap());
    }
}
