//! Whole passes: the real binary against the emulator over HTTP. Each test looks at both sides afterwards.

#![cfg(feature = "emulator")]
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod adp;
mod bad_input;
mod bisync;
mod check;
mod conflicts;
mod counts;
mod doctor;
mod explain;
mod files;
mod guards;
mod hazards;
mod health;
mod hostile;
mod kill;
mod logs;
mod long_watch;
mod meanwhile;
mod migrate;
mod moods;
mod names;
mod no_remote;
mod packages;
mod packages_here;
mod planted;
mod probe;
mod pull;
mod push;
mod remembered;
mod shares;
mod shares_written;
mod stats;
mod status;
mod stop;
mod transfers;
mod trash;
mod undo;
mod watch;
mod world;
mod zones;
