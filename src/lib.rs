//! Keeps a local folder and a folder of iCloud Drive in step.
//!
//! The way of the data, and the order to read in: [`cli`] (what may be typed) and [`options`] (what was
//! meant), [`auth`] (signing in), [`cloud`] (the service), [`tree`] (items and listings), [`plan`] (what will
//! be done, as data), [`report`] (what is told). The plan is data: everything before it only
//! reads, everything after it only does what it says, and a dry run prints the very value that a real
//! pass carries out. [`doctor`] stands beside it, and looks at all that a pass rests on.

mod attention;
pub mod auth;
pub mod cli;
pub mod cloud;
pub mod commands;
mod crash;
pub mod doctor;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error;
pub mod exec;
#[cfg(test)]
mod fuzz;
pub mod metrics;
pub mod options;
pub mod pass;
pub mod plan;
mod process;
pub mod report;
pub mod scan;
pub mod signals;
pub mod state;
pub mod stop;
pub mod tree;
pub mod watch;

use std::sync::Arc;

/// Carries out what was typed, tells how it went, and returns the process's exit code.
pub fn run(cli: &cli::Cli, env: &options::Env) -> u8 {
    process::keep_to_itself();
    let is_json = commands::is_json(&cli.command);
    let verbosity = options::Verbosity::new(&cli.common);
    let console = Arc::new(report::Console::of_process(is_json, verbosity));
    let stop = stop::Stop::new();
    match commands::run(cli, env, &console, &stop) {
        Ok(exit_code) => exit_code,
        Err(error) => {
            let error = with_way_out(error);
            let exit_code = match stop.signal() {
                Some(signal) if error.kind() == error::Kind::Stopped => {
                    u8::try_from(signals::exit_code(signal)).unwrap_or(130)
                }
                Some(_) | None => error.exit_code(),
            };
            // status has printed its one object by then.
            let is_json = is_json && !matches!(cli.command, cli::Command::Status(_));
            report::tell_error(&console, &error, is_json, exit_code);
            exit_code
        }
    }
}

/// Says what to do about what is away for the moment, where nobody has said it yet.
fn with_way_out(error: error::Error) -> error::Error {
    if error.exit_code() == 5 && error.hint().is_none() {
        error.with_hint("this passes, as a rule: try again later (https://www.apple.com/support/systemstatus/ tells of troubles at Apple); -vv shows each attempt")
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};

    #[test]
    fn what_is_away_for_the_moment_has_a_way_out_and_no_hint_is_overwritten() {
        let hint = |error: Error| with_way_out(error).hint().map(str::to_owned);
        let away = Error::new(Kind::Temporary, "status 502");
        assert!(hint(away.clone()).unwrap().contains("try again later"));
        assert_eq!(hint(away.with_hint("wait")).unwrap(), "wait");
        assert_eq!(hint(Error::new(Kind::Refused, "status 403")), None);
    }
}
