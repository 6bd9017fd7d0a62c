//! Keeps a local folder and a folder of iCloud Drive in step.

#[cfg(feature = "emulator")]
pub mod emulator;
