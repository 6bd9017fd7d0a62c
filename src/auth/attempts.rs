//! What sign-ins have come to: the password that was refused, and how many were automatic.
//!
//! Kept beside the session, read and written under the login lock only, so that five processes with a
//! wrong password send it once. The password itself is not kept: only a salted slow hash by which it
//! is known again.

use jiff::Timestamp;
use pbkdf2::pbkdf2_hmac;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{
    auth::{
        files,
        secret::Secret,
        session::{Store, random},
        srp::hex,
    },
    error::{Error, Kind, Result},
};

/// Rounds of the hash of a refused password.
const ROUNDS: u32 = 30_000;

/// The time over which automatic sign-ins are counted.
const HOUR_MS: i64 = 3_600_000;

/// The record of one account's sign-ins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attempts {
    refused: Option<Refused>,
    /// When automatic sign-ins that asked the service began, ms since 1970 UTC; only those since a person
    /// last signed in.
    automatic_ms: Vec<i64>,
    /// A sign-in without a person came to the second factor: the next would, too.
    pub(crate) code_wanted: bool,
    /// Since when, and why, a person is needed.
    pub(crate) waiting: Option<Waiting>,
    /// An earlier record could not be read: what it said of a refused password is not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_damaged: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Refused {
    at_ms: i64,
    salt: String,
    rounds: u32,
    hash: String,
}

/// That a person is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) since_ms: i64,
    pub(crate) why: String,
}

impl Attempts {
    /// Reads the record. One that cannot be read says nothing of a refused password, so that nothing is sent unattended
    /// until somebody has signed in.
    ///
    /// # Errors
    /// `Local`.
    pub(crate) fn load(store: &Store) -> Result<Self> {
        let data = files::read_private(&store.file("attempts.json"))?;
        let damaged = Self {
            is_damaged: true,
            ..Self::default()
        };
        Ok(data.map_or_else(Self::default, |data| {
            serde_json::from_slice(&data).unwrap_or(damaged)
        }))
    }

    /// Writes the record.
    ///
    /// # Errors
    /// `Local`, `DiskFull`.
    pub(crate) fn save(&self, store: &Store) -> Result<()> {
        let data = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::new(Kind::Other, "the record of sign-ins cannot be written").with_source(error)
        })?;
        files::write_private(&store.file("attempts.json"), &data)
    }

    /// Returns when this password was refused.
    pub(crate) fn refused_ms(&self, password: &Secret) -> Option<i64> {
        let refused = self.refused.as_ref()?;
        let hash = slow_hash(password, &refused.salt, refused.rounds);
        (hash == refused.hash).then_some(refused.at_ms)
    }

    /// Notes that the service refused this password.
    ///
    /// # Errors
    /// `Other` where the system gives no random bytes.
    pub(crate) fn refuse(&mut self, password: &Secret, now_ms: i64) -> Result<()> {
        let mut salt = [0; 16];
        random(&mut salt)?;
        let salt = hex(&salt);
        self.refused = Some(Refused {
            at_ms: now_ms,
            rounds: ROUNDS,
            hash: slow_hash(password, &salt, ROUNDS),
            salt,
        });
        Ok(())
    }

    /// Notes that a sign-in succeeded: nothing stands against the next one.
    pub(crate) fn succeeded(&mut self) {
        self.refused = None;
        self.code_wanted = false;
        self.waiting = None;
        self.is_damaged = false;
    }

    /// Notes that a person has signed in: automatic sign-ins are counted anew.
    pub(crate) fn person_came(&mut self) {
        self.automatic_ms.clear();
    }

    /// Notes that a person is needed, since when.
    pub(crate) fn wait_for_person(&mut self, why: &str, now_ms: i64) {
        if self
            .waiting
            .as_ref()
            .is_none_or(|waiting| waiting.why != why)
        {
            self.waiting = Some(Waiting {
                since_ms: now_ms,
                why: why.to_owned(),
            });
        }
    }

    /// Returns how many automatic sign-ins there were within the last hour.
    pub(crate) fn within_an_hour(&self, now_ms: i64) -> usize {
        let is_recent = |at: &&i64| is_recent(**at, now_ms);
        self.automatic_ms.iter().filter(is_recent).count()
    }

    /// Counts an automatic sign-in that is about to ask the service; `most` an hour.
    ///
    /// # Errors
    /// `SignIn` where none is allowed, so many were made within the hour (the reason is why a person is waited for, where
    /// one is), or the record was damaged.
    pub(crate) fn begin_automatic(&mut self, most: Option<u32>, now_ms: i64) -> Result<()> {
        if self.is_damaged {
            return Err(Error::new(
                Kind::SignIn,
                "the record of sign-ins was damaged, so it is not known whether the password was refused before",
            ));
        }
        let most = most.unwrap_or(0) as usize;
        self.automatic_ms.retain(|&at| is_recent(at, now_ms));
        if self.automatic_ms.len() < most {
            self.automatic_ms.push(now_ms);
            return Ok(());
        }
        let reason = match &self.waiting {
            Some(waiting) => waiting.why.as_str(),
            None => "the session has ended",
        };
        // The one whose hour has to end before the next is allowed.
        let oldest = (most.checked_sub(1)).and_then(|last| self.automatic_ms.iter().nth_back(last));
        let next = oldest.and_then(|&at| Timestamp::from_millisecond(at + HOUR_MS).ok());
        let budget = match next {
            Some(next) => format!(
                "automatic sign-in was tried {} within an hour; it is tried again at {} UTC",
                if most == 1 {
                    "once".to_owned()
                } else {
                    format!("{most} times")
                },
                next.strftime("%H:%M")
            ),
            None => "automatic sign-in is switched off".to_owned(),
        };
        Err(Error::new(Kind::SignIn, reason).with_source(Error::new(Kind::SignIn, budget)))
    }
}

/// A clock that was set back must not block for ever: what lies ahead does not count.
fn is_recent(at_ms: i64, now_ms: i64) -> bool {
    at_ms <= now_ms && now_ms.saturating_sub(at_ms) < HOUR_MS
}

fn slow_hash(password: &Secret, salt: &str, rounds: u32) -> String {
    let mut hash = [0; 32];
    pbkdf2_hmac::<Sha256>(
        password.expose().as_bytes(),
        salt.as_bytes(),
        rounds.clamp(1, 1_000_000),
        &mut hash,
    );
    hex(&hash)
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cloud::endpoint::Endpoint, options::Region};

    #[test]
    fn a_refused_password_is_known_again_but_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::new(None, Region::Global).unwrap();
        let store = Store::new(dir.path(), "a@example.com", &endpoint);
        let mut attempts = Attempts::load(&store).unwrap();
        attempts.refuse(&Secret::new("wrong horse"), 7).unwrap();
        attempts.save(&store).unwrap();
        let text = std::fs::read_to_string(store.file("attempts.json")).unwrap();
        assert!(!text.contains("wrong horse"), "{text}");
        let mut back = Attempts::load(&store).unwrap();
        assert_eq!(back.refused_ms(&Secret::new("wrong horse")), Some(7));
        assert_eq!(back.refused_ms(&Secret::new("right horse")), None);
        back.succeeded();
        assert_eq!(back, Attempts::default());
    }

    #[test]
    fn automatic_sign_ins_are_bounded_by_the_hour() {
        let mut attempts = Attempts::default();
        for at in [0, 10, 20] {
            attempts.begin_automatic(Some(3), at).unwrap();
        }
        let error = attempts.begin_automatic(Some(3), 30).unwrap_err();
        assert_eq!(error.kind(), Kind::SignIn);
        assert_eq!(
            error.chain(),
            "the session has ended: automatic sign-in was tried 3 times within an hour; it is tried again at 01:00 UTC"
        );
        attempts.wait_for_person("no password", 30);
        let error = attempts.begin_automatic(Some(3), 30).unwrap_err();
        assert_eq!(error.to_string(), "no password");
        attempts.begin_automatic(Some(3), HOUR_MS + 5).unwrap();
        assert!(attempts.begin_automatic(Some(3), HOUR_MS + 6).is_err());
        attempts.person_came();
        attempts.begin_automatic(Some(1), HOUR_MS + 6).unwrap();
        for off in [None, Some(0)] {
            let error = attempts.begin_automatic(off, HOUR_MS + 7).unwrap_err();
            assert!(error.chain().ends_with("switched off"), "{}", error.chain());
        }
    }

    #[test]
    fn a_damaged_record_lets_nothing_be_sent_unattended_until_somebody_signs_in() {
        let dir = tempfile::tempdir().unwrap();
        let endpoint = Endpoint::new(None, Region::Global).unwrap();
        let store = Store::new(dir.path(), "a@example.com", &endpoint);
        files::write_private(&store.file("attempts.json"), b"{\"refused\":{\"at").unwrap();
        for _ in 0..2 {
            let mut attempts = Attempts::load(&store).unwrap();
            let error = attempts.begin_automatic(Some(3), 0).unwrap_err();
            assert_eq!(error.kind(), Kind::SignIn);
            attempts.save(&store).unwrap();
        }
        let mut attempts = Attempts::load(&store).unwrap();
        attempts.succeeded();
        attempts.begin_automatic(Some(3), 0).unwrap();
    }

    #[test]
    fn the_wait_for_a_person_begins_once() {
        let mut attempts = Attempts::default();
        attempts.wait_for_person("a code is wanted", 1);
        attempts.wait_for_person("a code is wanted", 9);
        assert_eq!(attempts.waiting.as_ref().unwrap().since_ms, 1);
    }
}
