//! A service that wants to do harm: the real program ends with a code that says so, writes nothing outside LOCAL and its
//! own state, tells no other host anything, holds no more memory than it may, and what was in LOCAL can still be found.
//!
//! A few rounds are played each time. On demand, for as long as is said, from a seed that a failure names:
//!
//! ```text
//! HOSTILE_SECONDS=600 cargo test --release --test hostile -- --ignored --nocapture
//! HOSTILE_SEED=7 HOSTILE_SECONDS=1 cargo test --test hostile -- --ignored --nocapture
//! ```

#![cfg(feature = "emulator")]
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod bounds;
mod place;
mod rounds;
