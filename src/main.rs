//! The command line program: parses, runs, and turns the outcome into an exit code.

use std::process::ExitCode;

use icloud_sync::{cli::Cli, options::Env};

fn main() -> ExitCode {
    let cli = Cli::of_process();
    ExitCode::from(icloud_sync::run(&cli, &Env::of_process()))
}
