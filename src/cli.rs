//! What may be typed: clap's types only. One doc comment is one help text, and there is no other.
//!
//! In come the words of the command line; out goes a [`Cli`], each word checked for its form alone.
//! What is not given stays `None` or `false`: defaults, environment and files are settled in
//! [`crate::options`]. Nothing here reads a file or the environment.

#![expect(
    clippy::doc_markdown,
    reason = "the doc comments are help texts, shown as they stand"
)]

mod pass;
mod service;

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue},
};

pub use pass::{
    BisyncArgs, CheckArgs, ConflictArg, FilterArgs, LinksArg, OneWayArgs, PassArgs, SharesArg,
    WatchArgs,
};

pub use service::{ServiceArgs, ServiceCommand, ServicePairArgs, ServiceUnitArgs, VerbArg};

use crate::options::{Region, value};

/// Keeps a local folder and a folder of iCloud Drive in step
///
/// icloud-sync copies what is new or changed between a folder on this machine and a folder of iCloud
/// Drive: from iCloud (pull), to iCloud (push), or both ways (bisync). It runs once and ends.
///
/// Nothing is lost: what a pass replaces or removes goes to a trash, locally or in iCloud. Try any pass
/// with --dry-run first: it prints exactly what the pass would do, and changes nothing.
#[derive(Debug, Parser)]
#[command(
    name = "icloud-sync",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "First steps:\n  \
        icloud-sync demo                     a tour on a made-up iCloud, no account needed\n  \
        icloud-sync login                    sign in to your Apple account\n  \
        icloud-sync pull ~/iCloud --dry-run  see what a pull would do\n  \
        icloud-sync pull ~/iCloud            do it",
    after_long_help = AFTER_LONG_HELP
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_LONG_HELP: &str = "First steps:
  icloud-sync demo                     a tour on a made-up iCloud, no account needed
  icloud-sync login                    sign in to your Apple account
  icloud-sync pull ~/iCloud --dry-run  see what a pull would do
  icloud-sync pull ~/iCloud            do it

Settings come from the command line, else the environment, else a .env file in the working directory, else \
$XDG_CONFIG_HOME/icloud-sync/config.toml (usually ~/.config/icloud-sync/config.toml), else a default.

Exit codes:
  0    everything asked for is done
  1    the pass could not be finished
  2    wrong usage or configuration
  3    finished, but some items failed or were left alone for a problem
  4    not signed in, or the session has ended: run `icloud-sync login`
  5    temporary: the network or iCloud is away; try again later
  6    a guard stopped the pass before anything was done
  7    another pass on the same folders is running
  130  stopped by Ctrl-C; 143: stopped by SIGTERM";

impl Cli {
    /// Reads the command line of the process; where it can't be read, says so and ends the process with code 2.
    pub fn of_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| in_plain_words(error).exit())
    }
}

/// Replaces a tip that would lead astray: clap's own for an unknown option is to take it for a folder's name.
fn in_plain_words(mut error: clap::Error) -> clap::Error {
    let of = |kind| error.get(kind).map(ToString::to_string);
    let option = of(ContextKind::InvalidArg).unwrap_or_default();
    let is_bisync = of(ContextKind::Usage).is_some_and(|usage| usage.contains(" bisync "));
    if is_bisync && ["--delete", "--delete-extra"].contains(&option.as_str()) {
        let tip = "bisync always carries deletions over, both ways; for a mirror of one side use \
                   pull or push with --delete-extra";
        let usage = "Usage: icloud-sync bisync [OPTIONS] [LOCAL] [REMOTE]";
        // --max-delete is what it takes them for.
        error.remove(ContextKind::SuggestedArg);
        let tip = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::Suggested, tip);
        let usage = ContextValue::StyledStr(usage.into());
        error.insert(ContextKind::Usage, usage);
    }
    error
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct CommonArgs {
    /// Say more: -v names each file and gives reasons, -vv tells of retries, -vvv of each request
    ///
    /// -v names each file as it is worked on and gives the reason of each action, -vv logs settings, decisions and
    /// retries, -vvv logs each request to iCloud (never a password, cookie or token). LOG_LEVEL does the same in the environment, and
    /// RUST_LOG wins over both.
    #[arg(short, long, action = clap::ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing but problems
    ///
    /// No progress and no summary: only errors and problems are shown, on the error stream. Good for cron.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Read settings from FILE instead of ./.env
    ///
    /// A file of NAME=VALUE lines with the names of the environment variables. Without this option the file
    /// `.env` of the working directory is read if it is there.
    #[arg(long, value_name = "FILE", global = true, help_heading = "Settings")]
    pub env_file: Option<PathBuf>,
}

/// Whose iCloud Drive.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Account")]
pub struct AccountArgs {
    /// Apple account to use, if more than one is signed in
    ///
    /// Without it the account that signed in last is used. [env: ICLOUD_USERNAME]
    #[arg(long, value_name = "EMAIL")]
    pub account: Option<String>,
    /// Where the account is at home: global or china
    ///
    /// Accounts of mainland China have servers of their own (icloud.com.cn). If the wrong one is asked,
    /// iCloud says so, and the message names this option.
    #[arg(long, value_name = "REGION", value_enum)]
    pub region: Option<RegionArg>,
}

/// How a command that asks iCloud may sign in.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Account")]
pub struct SessionArgs {
    /// Sign in anew, even though a session is there
    ///
    /// [env: FORCE_RELOGIN]
    #[arg(long)]
    pub relogin: bool,
    /// Never sign in by itself when the session has ended
    ///
    /// Then the command ends with code 4 and says so. [env: AUTO_REAUTH=0]
    #[arg(long)]
    pub no_auto_reauth: bool,
    /// At most N requests a second to iCloud; 0: no bound [default: 100]
    #[arg(long, value_name = "N", value_parser = value::max_rate, allow_negative_numbers = true, help_heading = "Speed")]
    pub max_rate: Option<u32>,
}

/// The service's region, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RegionArg {
    /// icloud.com, everywhere but mainland China
    Global,
    /// icloud.com.cn, mainland China
    China,
}

impl From<RegionArg> for Region {
    fn from(region: RegionArg) -> Self {
        match region {
            RegionArg::Global => Self::Global,
            RegionArg::China => Self::China,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in to an Apple account
    ///
    /// Asks for the Apple account, the password and the code that your devices show, and keeps the
    /// session so that later commands need none of them, as a rule for about a month.
    Login(LoginArgs),
    /// Sign out, and forget the session
    Logout(LogoutArgs),
    /// Show the account, the session, and each pair's last pass
    Status(StatusArgs),
    /// List a folder of iCloud Drive
    Ls(LsArgs),
    /// Copy from iCloud to this machine
    ///
    /// Brings what is new or changed in REMOTE into LOCAL. It never writes to iCloud, and deletes nothing
    /// unless --delete or --delete-extra is given. A local file that you changed stays as it is.
    Pull(OneWayArgs),
    /// Copy from this machine to iCloud
    ///
    /// Brings what is new or changed in LOCAL into REMOTE. It never writes to LOCAL, and deletes nothing
    /// unless --delete or --delete-extra is given. A remote file that was changed elsewhere stays as it is.
    Push(OneWayArgs),
    /// Keep both sides in step (two-way)
    ///
    /// Carries new files, changes, moves and deletions over in both directions. The baseline, what both
    /// sides were after the last pass, tells a new file from one that was deleted on the other side. The first pass
    /// joins both sides and deletes nothing.
    ///
    /// A file that was changed on both sides is a conflict; --conflict says who wins. The loser is kept.
    Bisync(BisyncArgs),
    /// Compare both sides without transferring anything
    ///
    /// Says what is only here, only in iCloud, or different, and changes nothing. Contents are compared by the
    /// checksums that iCloud publishes. Ends with code 0 if both sides are alike, with 3 if not, or if something
    /// other than a package could not be compared. Packages (such as .pages and .numbers) are folders here and
    /// single files in iCloud: they are named, never compared, and no reason for code 3.
    Check(CheckArgs),
    /// List iCloud's Recently Deleted, or put something back from it
    ///
    /// What passes and your devices remove from iCloud lies there for about 30 days.
    Trash(TrashArgs),
    /// Take back what a pass did
    ///
    /// Takes back the last pass of LOCAL and REMOTE that did something, or the one that PASS names: removed items come
    /// back from the trash of their side, replaced local contents are put back, moves are reversed, and what the pass
    /// made goes to the trash. Each item only if it is still as the pass left it. A file whose content was replaced in
    /// iCloud can't be taken back, since iCloud keeps no old versions; it is named, and the code is 3.
    ///
    /// An undo is recorded like a pass: a second one takes the first back. Records are kept as long as the local trash
    /// (--trash-days of a pass).
    ///
    /// The next pass joins both sides where something was taken back, as a first pass does: what is on one side only
    /// comes to the other, and different contents are a conflict (--conflict says who wins). A move that was taken back
    /// on one side is carried over to the other by the next bisync.
    Undo(UndoArgs),
    /// Say why a path is treated as it is
    ///
    /// Lists both sides, makes the plan that a pass would make now, and says what is at PATH on each side and in the
    /// baseline, which rule or action concerns it, and why. Changes nothing.
    Explain(ExplainArgs),
    /// Run passes by systemd: print, install or remove units of the user
    Service(ServiceArgs),
    /// Say what works here and what does not, in a report without secrets
    ///
    /// Looks at the state folder, LOCAL and its file system, certificates, proxy, network, clock, keyring, session, and the
    /// service's answers. Each check is one line: ok, warning, failed or skipped, what was found, and what to do about
    /// it. Asks no question, does not sign in, and without --probe changes nothing. The account is shortened and the home
    /// folder written as ~, so that the report can be given to others.
    ///
    /// Ends with code 0 if nothing failed, 3 if a check failed, 4 if nothing but a sign-in is missing.
    Doctor(DoctorArgs),
    /// Take the tour: everything on a made-up iCloud, no Apple account
    ///
    /// Starts a local iCloud in this process, with a few files in it, and shows login, pull, push and
    /// bisync at work in a temporary folder. Nothing leaves this machine.
    #[cfg(feature = "emulator")]
    Demo,
    /// Run a local iCloud for trying and testing
    ///
    /// Listens on this machine only, until Ctrl-C. Point icloud-sync at it with ICLOUD_SYNC_ENDPOINT and the
    /// address that it prints.
    #[cfg(feature = "emulator")]
    Emulator(EmulatorArgs),
    /// Print the completions for a shell
    ///
    /// For bash: icloud-sync completions bash > ~/.local/share/bash-completion/completions/icloud-sync
    Completions(CompletionsArgs),
    /// Print the manual page
    ///
    /// To read it: icloud-sync man | man -l -
    Man(ManArgs),
}

/// `login`.
#[derive(Debug, Clone, Default, Args)]
pub struct LoginArgs {
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Get the code as a text message, not on a trusted device
    #[arg(long, conflicts_with = "voice", help_heading = "Account")]
    pub sms: bool,
    /// Get the code by a phone call
    #[arg(long, help_heading = "Account")]
    pub voice: bool,
    /// The code of the second factor, instead of a prompt
    ///
    /// [env: ICLOUD_2FA_CODE]
    #[arg(long, value_name = "CODE", value_parser = value::code, allow_negative_numbers = true, help_heading = "Account")]
    pub code: Option<String>,
    /// Sign in anew, even though a session is there
    ///
    /// [env: FORCE_RELOGIN]
    #[arg(long, help_heading = "Account")]
    pub relogin: bool,
}

/// `logout`.
#[derive(Debug, Clone, Default, Args)]
pub struct LogoutArgs {
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Also remove the password from the keyring
    #[arg(long, help_heading = "Account")]
    pub forget_password: bool,
}

/// `status`.
#[derive(Debug, Clone, Default, Args)]
pub struct StatusArgs {
    /// The pair of the config file whose settings --config shows
    #[arg(value_name = "@NAME", requires = "config")]
    pub pair: Option<String>,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Show each setting, its value and where that comes from, instead
    ///
    /// As a pass started here and now would have them. A password or code is not shown.
    #[arg(long, help_heading = "Settings")]
    pub config: bool,
    /// Print JSON, one object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `ls`.
#[derive(Debug, Clone, Default, Args)]
pub struct LsArgs {
    /// Folder of iCloud Drive, such as /Documents/Work [default: /]
    #[arg(value_name = "REMOTE", value_parser = value::remote)]
    pub remote: Option<String>,
    /// List the folders in it as well, and all that is in them
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Show kind, size and time of each item
    #[arg(short = 'l', long)]
    pub long: bool,
    /// Print JSON, one object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How to sign in.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// `trash`.
#[derive(Debug, Clone, Args)]
pub struct TrashArgs {
    /// What is to be done.
    #[command(subcommand)]
    pub command: TrashCommand,
}

/// What `trash` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum TrashCommand {
    /// List what is in Recently Deleted, by where it was
    ///
    /// Only what was removed by itself is listed; what is in a removed folder goes with it.
    List(TrashListArgs),
    /// Put items back to where they were
    ///
    /// If the old folder is gone, or the name taken, iCloud chooses another place or name, which is told.
    Restore(TrashRestoreArgs),
}

/// `trash list`.
#[derive(Debug, Clone, Default, Args)]
pub struct TrashListArgs {
    /// Show kind, size, the day it expires, and id of each item
    #[arg(short = 'l', long)]
    pub long: bool,
    /// Print JSON, one object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How to sign in.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// `trash restore`.
#[derive(Debug, Clone, Default, Args)]
pub struct TrashRestoreArgs {
    /// Where it was as listed, its id, or its name if no other has it
    ///
    /// If one PATH names nothing, or more than one item, nothing is done, and the message gives the ids to choose
    /// from.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,
    /// Print JSON, one object a line; the last is the summary
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How to sign in.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// `undo`.
#[derive(Debug, Clone, Default, Args)]
pub struct UndoArgs {
    /// The pass, as --list shows it; without it the last one
    ///
    /// It is also the name of the pass's folder in the local trash. Items that a later pass has worked on are left
    /// alone.
    #[arg(value_name = "PASS")]
    pub pass: Option<String>,
    /// Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]
    ///
    /// LOCAL of the pass that is taken back; without it as for pull, push and bisync.
    #[arg(long, value_name = "LOCAL")]
    pub local: Option<PathBuf>,
    /// Folder of iCloud Drive, such as /Documents/Work [default: /]
    ///
    /// REMOTE of the pass that is taken back.
    #[arg(long, value_name = "REMOTE", value_parser = value::remote)]
    pub remote: Option<String>,
    /// List the passes that can be taken back, oldest first, and do nothing
    #[arg(long, conflicts_with = "pass")]
    pub list: bool,
    /// Print what would be taken back, and do nothing
    ///
    /// [env: DRY_RUN]
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Print JSON, one object a line; the last is the summary
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How to sign in.
    #[command(flatten)]
    pub session: SessionArgs,
}

impl UndoArgs {
    /// Returns what a pass would be given to work on the same pair.
    pub fn as_pass(&self) -> PassArgs {
        PassArgs {
            local: self.local.clone(),
            remote: self.remote.clone(),
            dry_run: self.dry_run,
            json: self.json,
            account: self.account.clone(),
            session: self.session.clone(),
            ..PassArgs::default()
        }
    }
}

/// `explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The path below LOCAL and REMOTE, such as Documents/letter.txt
    ///
    /// An absolute one must be below LOCAL.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]
    #[arg(long, value_name = "LOCAL")]
    pub local: Option<PathBuf>,
    /// Folder of iCloud Drive, such as /Documents/Work [default: /]
    #[arg(long, value_name = "REMOTE", value_parser = value::remote)]
    pub remote: Option<String>,
    /// Which way the pass would go [default: bisync]
    #[arg(long, value_name = "VERB", value_enum)]
    pub verb: Option<VerbArg>,
    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Which items.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Who wins if both sides changed a file [default: prefer-newer]
    ///
    /// [env: CONFLICT_STRATEGY]
    #[arg(long, value_name = "POLICY", value_enum, help_heading = "Conflicts")]
    pub conflict: Option<ConflictArg>,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How to sign in.
    #[command(flatten)]
    pub session: SessionArgs,
}

impl ExplainArgs {
    /// Returns what the pass would be given.
    pub fn as_pass(&self) -> PassArgs {
        PassArgs {
            local: self.local.clone(),
            remote: self.remote.clone(),
            filter: self.filter.clone(),
            conflict: self.conflict,
            account: self.account.clone(),
            session: self.session.clone(),
            ..PassArgs::default()
        }
    }
}

/// `doctor`.
#[derive(Debug, Clone, Default, Args)]
pub struct DoctorArgs {
    /// Also find out what iCloud takes, and keep what passes can use
    ///
    /// Tries things out in a folder of its own at the root of iCloud Drive, which goes to Recently Deleted at the end,
    /// also after an error or Ctrl-C; passes leave it alone. Measures how many folders, items and addresses one request
    /// may ask for, which later passes keep to, and a few things that nobody has published. Makes some 180 small requests,
    /// 400 at most, in five minutes at most.
    #[arg(long)]
    pub probe: bool,
    /// Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]
    #[arg(long, value_name = "LOCAL")]
    pub local: Option<PathBuf>,
    /// Print JSON, one object a line; the last is the summary
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
}

impl DoctorArgs {
    /// Returns what a pass would be given.
    pub fn as_pass(&self) -> PassArgs {
        PassArgs {
            local: self.local.clone(),
            account: self.account.clone(),
            ..PassArgs::default()
        }
    }
}

/// `emulator`.
#[cfg(feature = "emulator")]
#[derive(Debug, Clone, Default, Args)]
pub struct EmulatorArgs {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
    /// Keep accounts and files in DIR, over restarts
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Also be an HTTPS proxy for iCloud's host names, with its own CA
    ///
    /// Then any iCloud client can be pointed at it with HTTPS_PROXY and, for its CA, SSL_CERT_FILE.
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:0"
    )]
    pub proxy: Option<std::net::SocketAddr>,
    /// Print the addresses and accounts as one line of JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Clone, Default, Args)]
pub struct ManArgs {
    /// Page of one command, such as pull; without it the main page
    #[arg(value_name = "COMMAND")]
    pub page: Option<String>,
}
