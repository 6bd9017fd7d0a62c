//! All that the service knows: accounts with their Drives, sign-ins under way, sessions, URLs given out, content not yet committed.
//!
//! One value behind one lock (`server::Shared`). Handlers change it and keep the lock short; whatever takes long (key derivation,
//! large contents) is done outside of it.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;

use hyper::body::Bytes;
use serde::{Deserialize, Serialize};

use super::Account;
use super::blob::Blob;
use super::drive::{Drive, Rules};
use super::signature::Signature;
use super::srp::Exchange;
use super::switches::Switches;
use super::util::{Rng, now_ms};

/// An account and everything that belongs to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AccountState {
    pub(super) account: Account,
    pub(super) drive: Drive,
    pub(super) salt: Vec<u8>,
    /// Made of the password at the first sign-in.
    #[serde(skip)]
    pub(super) verifier: Option<Vec<u8>>,
    /// Proofs that were sent, right or wrong.
    #[serde(default)]
    pub(super) attempts: u32,
    /// Wrong proofs in a row.
    #[serde(default)]
    pub(super) failures: u32,
    #[serde(default)]
    pub(super) locked: bool,
    #[serde(default)]
    pub(super) repaired: bool,
    #[serde(default)]
    pub(super) terms_accepted: bool,
    /// Trust tokens with their expiry in seconds since 1970.
    #[serde(default)]
    pub(super) trust: Vec<(String, i64)>,
    #[serde(skip)]
    pub(super) code: Option<Code>,
    #[serde(skip)]
    pub(super) codes_sent: u32,
    #[serde(skip)]
    pub(super) wrong_codes: u32,
    /// How often the web's access was asked for since a device was told; none before that.
    #[serde(skip)]
    pub(super) consent_asked: Option<u32>,
    #[serde(skip)]
    pub(super) consented: bool,
    #[serde(skip)]
    pub(super) pcs_polls: u32,
    /// How often each fresh document was looked for in vain.
    #[serde(skip)]
    pub(super) fresh: HashMap<String, u32>,
}

/// A second-factor code that is good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) value: String,
    /// The phone it went to; none for the trusted devices.
    pub(super) phone: Option<u32>,
}

/// A sign-in under way on the identity host.
#[derive(Clone, Debug, Default)]
pub(super) struct SignIn {
    pub(super) id: String,
    pub(super) scnt: String,
    /// The account as typed, and as found.
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) c: String,
    pub(super) a: Vec<u8>,
    pub(super) salt: Vec<u8>,
    pub(super) exchange: Option<Exchange>,
    pub(super) password_ok: bool,
    pub(super) second_factor_ok: bool,
    pub(super) repair_pending: bool,
    pub(super) trusted: bool,
    pub(super) challenge: String,
    pub(super) hashcash: String,
}

/// What a session token stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SessionToken {
    pub(super) email: String,
    pub(super) trusted: bool,
}

/// A browser session: what the cookies stand for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WebSession {
    pub(super) email: String,
    pub(super) expired: bool,
    /// The newest value of the rotating token; the two before it are good too.
    pub(super) turn: u32,
    pub(super) answers: u32,
    /// The PCS cookie that opens documents.
    pub(super) pcs: Option<String>,
}

/// A content URL given out.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) blob: Blob,
    pub(super) expires: i64,
    pub(super) package: bool,
}

/// An upload URL given out.
#[derive(Clone, Debug)]
pub(super) struct UploadUrl {
    pub(super) email: String,
    pub(super) size: u64,
    pub(super) expires: i64,
    /// The record name of the share that it is for; none for the account's own.
    pub(super) share: Option<String>,
}

/// Content that was sent and waits for its commit.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    pub(super) email: String,
    pub(super) blob: Blob,
    pub(super) shown: Signature,
    pub(super) receipt: Option<String>,
    pub(super) expires: i64,
    /// As in [`UploadUrl`].
    pub(super) share: Option<String>,
}

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    pub(super) accounts: BTreeMap<String, AccountState>,
    pub(super) switches: Switches,
    pub(super) rng: Rng,
    /// Seconds added to the machine's clock.
    pub(super) clock_offset: i64,
    /// Sign-ins by number, and all session ids that ever led to one.
    pub(super) sign_ins: HashMap<usize, SignIn>,
    pub(super) sign_in_ids: HashMap<String, usize>,
    pub(super) tokens: HashMap<String, SessionToken>,
    pub(super) webs: HashMap<String, WebSession>,
    pub(super) grants: HashMap<String, Grant>,
    pub(super) uploads: HashMap<String, UploadUrl>,
    pub(super) staged: HashMap<String, Staged>,
    /// Where contents are kept; in memory if none.
    pub(super) blobs: Option<PathBuf>,
    /// Something changed since the last save.
    pub(super) dirty: bool,
}

impl World {
    pub(super) fn new(seed: u64, switches: Switches, blobs: Option<PathBuf>) -> Self {
        Self {
            accounts: BTreeMap::new(),
            switches,
            rng: Rng::seeded(seed),
            clock_offset: 0,
            sign_ins: HashMap::new(),
            sign_in_ids: HashMap::new(),
            tokens: HashMap::new(),
            webs: HashMap::new(),
            grants: HashMap::new(),
            uploads: HashMap::new(),
            staged: HashMap::new(),
            blobs,
            dirty: true,
        }
    }

    /// Seconds since 1970, by the clock of the service.
    pub(super) fn now(&self) -> i64 {
        now_ms().div_euclid(1000) + self.clock_offset
    }

    /// Adds an account, or takes over new settings for one that is there.
    pub(super) fn add_account(&mut self, mut account: Account) {
        account.email = account.email.trim().to_lowercase();
        self.dirty = true;
        if let Some(known) = self.accounts.get_mut(&account.email) {
            if known.account.password != account.password {
                known.trust.clear();
            }
            known.account = account;
            known.verifier = None;
            return;
        }
        let seed = self.rng.next_u64();
        let state = AccountState {
            drive: Drive::new(Rng::seeded(seed), self.now()),
            salt: self.rng.bytes::<16>().to_vec(),
            verifier: None,
            attempts: 0,
            failures: 0,
            locked: account.locked,
            repaired: false,
            terms_accepted: false,
            trust: Vec::new(),
            code: None,
            codes_sent: 0,
            wrong_codes: 0,
            consent_asked: None,
            consented: false,
            pcs_polls: 0,
            fresh: HashMap::new(),
            account,
        };
        self.accounts.insert(state.account.email.clone(), state);
    }

    pub(super) fn account(&mut self, email: &str) -> Option<&mut AccountState> {
        self.accounts.get_mut(email)
    }

    /// The Drive of an account, ready for edits under today's rules.
    pub(super) fn drive(&mut self, email: &str) -> Option<&mut Drive> {
        let rules = Rules {
            now: self.now(),
            spread: self.switches.etag_spread,
            signatures: self.switches.signatures,
            share_tag_moves: self.switches.share_tag_moves,
        };
        let drive = &mut self.accounts.get_mut(email)?.drive;
        drive.rules = rules;
        drive.expire_trash();
        Some(drive)
    }

    /// Keeps a content where this emulator keeps contents.
    pub(super) fn keep(&self, content: Bytes) -> io::Result<Blob> {
        Blob::keep(content, self.blobs.as_deref())
    }

    /// Gives out a session token.
    pub(super) fn new_token(&mut self, email: &str, trusted: bool) -> String {
        let token = self.rng.token(120);
        self.tokens.insert(
            token.clone(),
            SessionToken {
                email: email.to_owned(),
                trusted,
            },
        );
        self.dirty = true;
        token
    }

    /// Shows a new code on the devices or sends it to a phone; the code before it is void.
    pub(super) fn new_code(&mut self, email: &str, phone: Option<u32>) {
        let mut value = self.rng.digits(6);
        if self.switches.zero_led_code {
            value.replace_range(0..2, "00");
        }
        if let Some(account) = self.accounts.get_mut(email) {
            account.code = Some(Code { value, phone });
            account.codes_sent += 1;
        }
    }

    /// Whether a trust token is good for the account.
    pub(super) fn trusts(&self, email: &str, token: &str) -> bool {
        let now = self.now();
        let Some(account) = self.accounts.get(email) else {
            return false;
        };
        account
            .trust
            .iter()
            .any(|(known, expires)| known == token && *expires > now)
    }

    /// Forgets URLs and staged content that are of no use any more.
    pub(super) fn sweep(&mut self) {
        let now = self.now();
        if self.grants.len() > 10_000 {
            self.grants.retain(|_, grant| grant.expires > now);
        }
        if self.uploads.len() > 10_000 {
            self.uploads.retain(|_, upload| upload.expires > now);
        }
        if self.staged.len() > 10_000 {
            self.staged.retain(|_, staged| staged.expires > now);
        }
    }
}
