//! What an account of the emulator is like.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::srp::Protocol;

/// A phone that gets codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Phone {
    /// The number that clients name it by.
    pub id: u32,
    /// Its digits; clients see the last two.
    pub number: String,
    /// Calls instead of texts.
    pub voice: bool,
}

impl Default for Phone {
    fn default() -> Self {
        Self {
            id: 1,
            number: "5550100".to_owned(),
            voice: false,
        }
    }
}

/// An account. In JSON everything but `email` and `password` may be left out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The Apple ID; kept in lower case.
    pub email: String,
    /// The password.
    pub password: String,
    /// First and last name.
    #[serde(default = "full_name")]
    pub full_name: String,
    /// Three letters.
    #[serde(default = "country")]
    pub country: String,
    /// Whether a second factor is wanted from browsers that are not trusted.
    #[serde(default = "yes")]
    pub two_factor: bool,
    /// Whether there are devices that show codes.
    #[serde(default = "yes")]
    pub trusted_devices: bool,
    /// Phones that get codes.
    #[serde(default = "phones")]
    pub phones: Vec<Phone>,
    /// Security keys are the only second factor: there are no codes.
    #[serde(default)]
    pub security_keys_only: bool,
    /// Advanced Data Protection: documents need a PCS cookie that a device has to grant.
    #[serde(default)]
    pub adp: bool,
    /// `signin/complete` answers 412 until `repair/complete`.
    #[serde(default)]
    pub repair: bool,
    /// Locked from the start.
    #[serde(default)]
    pub locked: bool,
    /// How the password enters the key derivation.
    #[serde(default)]
    pub protocol: Protocol,
    /// Rounds of the key derivation.
    #[serde(default = "iterations")]
    pub iterations: u32,
    /// The partition in the names of the data hosts.
    #[serde(default = "partition")]
    pub partition: u16,
    /// Bytes that the account may hold.
    #[serde(default = "quota")]
    pub quota_bytes: u64,
}

fn full_name() -> String {
    "Demo User".to_owned()
}

fn country() -> String {
    "USA".to_owned()
}

fn yes() -> bool {
    true
}

fn phones() -> Vec<Phone> {
    vec![Phone::default()]
}

/// The figure of the recorded sign-ins is about 20000 (protocol page 2.4); fewer here, for builds that are not optimised. A test of
/// the real figure sets it.
fn iterations() -> u32 {
    1000
}

fn partition() -> u16 {
    31
}

fn quota() -> u64 {
    50 << 30
}

impl Account {
    /// An ordinary account: two-factor with trusted devices and one phone, no ADP.
    pub fn new(email: &str, password: &str) -> Self {
        Self {
            email: email.trim().to_lowercase(),
            password: password.to_owned(),
            full_name: full_name(),
            country: country(),
            two_factor: true,
            trusted_devices: true,
            phones: phones(),
            security_keys_only: false,
            adp: false,
            repair: false,
            locked: false,
            protocol: Protocol::default(),
            iterations: iterations(),
            partition: partition(),
            quota_bytes: quota(),
        }
    }

    /// The account's number, made of its address.
    pub fn dsid(&self) -> String {
        let digest = Sha256::digest(self.email.as_bytes());
        let number = digest
            .iter()
            .take(4)
            .fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        (1_000_000_000 + number).to_string()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("email", &self.email)
            .field("adp", &self.adp)
            .finish_non_exhaustive()
    }
}
