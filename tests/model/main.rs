//! Proofs of the three laws: random worlds through whole passes, crashes at every step, a hostile service, long runs.
//!
//! A failing case prints what the two hands did before it, so that it can be played again by hand. The large runs are
//! `cargo test --release --test model -- --ignored`.

#![cfg(feature = "emulator")]
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod crash;
mod dry;
mod found;
mod hand;
mod hostile;
mod laws;
mod memory;
mod network;
mod pair;
mod random;
mod real;
