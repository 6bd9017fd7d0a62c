//! Signing in, and staying so.

mod attempts;
mod files;
pub mod hashcash;
pub mod prompt;
pub mod secret;
mod session;
pub mod srp;
