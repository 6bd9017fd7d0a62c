//! `completions`: the completions for a shell, made from the command line's types.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{
    cli::Cli,
    error::{Error, Kind, Result},
};

/// Returns the completions for a shell.
///
/// # Errors
/// `Other` where what clap made is not UTF-8.
pub fn text(shell: Shell) -> Result<String> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "icloud-sync", &mut bytes);
    String::from_utf8(bytes)
        .map_err(|error| Error::new(Kind::Other, "cannot write completions").with_source(error))
}

/// Returns where the completions for a shell are kept below `completions/`: each shell finds its
/// own by this name.
pub fn file_name(shell: Shell) -> Option<&'static str> {
    match shell {
        Shell::Bash => Some("icloud-sync.bash"),
        Shell::Zsh => Some("_icloud-sync"),
        Shell::Fish => Some("icloud-sync.fish"),
        Shell::Elvish | Shell::PowerShell | _ => None,
    }
}
