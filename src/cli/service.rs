//! What `service` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::PassArgs;
use crate::{options::value, plan::Verb};

/// `service`.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ServiceCommand,
}

/// What `service` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum ServiceCommand {
    /// Print the units, and change nothing
    Print(ServiceUnitArgs),
    /// Write the units below ~/.config/systemd/user, and start them
    ///
    /// A timer that runs a pass every --interval seconds, or with --watch one process that stays and also notices local
    /// changes. They run while you are logged in; `loginctl enable-linger` lets them run without.
    Install(ServiceUnitArgs),
    /// Stop the units, and remove their files
    Remove(ServicePairArgs),
}

/// Which pair a unit is for.
#[derive(Debug, Clone, Default, Args)]
pub struct ServicePairArgs {
    /// Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]
    #[arg(value_name = "LOCAL")]
    pub local: Option<PathBuf>,
    /// Folder of iCloud Drive, such as /Documents/Work [default: /]
    #[arg(value_name = "REMOTE", value_parser = value::remote)]
    pub remote: Option<String>,
    /// Name of the units; without it the pair's, or that of LOCAL
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// What a unit runs.
#[derive(Debug, Clone, Default, Args)]
pub struct ServiceUnitArgs {
    /// Which pair.
    #[command(flatten)]
    pub pair: ServicePairArgs,
    /// Which way [default: bisync]
    #[arg(long, value_name = "VERB", value_enum)]
    pub verb: Option<VerbArg>,
    /// One process that stays, in place of a timer
    #[arg(long)]
    pub watch: bool,
    /// Seconds between two passes, 5 or more [default: 300]
    ///
    /// [env: SYNC_INTERVAL]
    #[arg(long, value_name = "SECONDS", value_parser = value::interval, allow_negative_numbers = true)]
    pub interval: Option<u32>,
    /// Options of the pass, such as -- --conflict keep-both
    #[arg(value_name = "OPTIONS", last = true)]
    pub more: Vec<String>,
}

/// A verb, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum VerbArg {
    /// From iCloud to this machine
    Pull,
    /// From this machine to iCloud
    Push,
    /// Both ways
    #[default]
    Bisync,
}

impl From<VerbArg> for Verb {
    fn from(verb: VerbArg) -> Self {
        match verb {
            VerbArg::Pull => Self::Pull,
            VerbArg::Push => Self::Push,
            VerbArg::Bisync => Self::Bisync,
        }
    }
}

impl ServicePairArgs {
    /// Returns what a pass would be given to work on the same pair.
    pub fn as_pass(&self) -> PassArgs {
        PassArgs {
            local: self.local.clone(),
            remote: self.remote.clone(),
            ..PassArgs::default()
        }
    }
}
