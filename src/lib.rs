//! Keeps a local folder and a folder of iCloud Drive in step.

pub mod auth;
pub mod cloud;
pub mod commands;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error;
pub mod exec;
pub mod options;
pub mod plan;
pub mod report;
pub mod scan;
pub mod state;
pub mod stop;
pub mod tree;
