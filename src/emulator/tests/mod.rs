//! The emulator over real HTTP, with a bare client: what the pieces' own tests cannot see.

mod browser;
mod contents;
mod knobs;
mod metadata;
mod outside;
mod sharing;
mod signin;
mod trouble;

pub(super) use browser::Browser;

use super::{Account, Config, Emulator, start};

/// The account of most tests.
pub(super) const EMAIL: &str = "demo@example.com";

/// An emulator with one account that is quick to sign in to.
pub(super) fn emulator() -> Emulator {
    let mut account = Account::new(EMAIL, "demo");
    account.iterations = 3;
    start(Config {
        accounts: vec![account],
        seed: Some(1),
        ..Config::default()
    })
    .unwrap()
}
