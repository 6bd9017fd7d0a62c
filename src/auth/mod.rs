//! Signing in, and staying so.

pub mod secret;
