//! Keeps a local folder and a folder of iCloud Drive in step.

pub mod auth;
pub mod cli;
pub mod cloud;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error;
pub mod options;
pub mod plan;
pub mod report;
pub mod tree;
