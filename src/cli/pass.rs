//! What `pull`, `push` and `bisync` take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{AccountArgs, SessionArgs};
use crate::{
    error::{Error, Kind, Result},
    options::{Links, MaxDelete, Shares, value},
    plan::Policy,
};

/// `pull` and `push`.
#[derive(Debug, Clone, Default, Args)]
pub struct OneWayArgs {
    /// What all passes take.
    #[command(flatten)]
    pub pass: PassArgs,
    /// Remove what the source side has deleted since the last pass
    ///
    /// What is removed goes to the trash of its side. Files that the source side never had stay. A first pass
    /// deletes nothing.
    #[arg(long, display_order = 0, help_heading = "Deletions and guards")]
    pub delete: bool,
    /// Remove all that the source side does not have: a mirror
    ///
    /// As --delete, and also what the source side never had. It goes to the trash of its side.
    #[arg(long, display_order = 1, help_heading = "Deletions and guards")]
    pub delete_extra: bool,
}

/// `bisync`.
#[derive(Debug, Clone, Default, Args)]
pub struct BisyncArgs {
    /// What all passes take.
    #[command(flatten)]
    pub pass: PassArgs,
}

/// What all passes take.
#[derive(Debug, Clone, Default, Args)]
pub struct PassArgs {
    /// Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]
    ///
    /// Without it LOCAL_DIRECTORY, else the config file's `local`, else ~/iCloud is taken. @NAME stands for
    /// the LOCAL and the REMOTE of the config file's table [pair.NAME]; write ./@NAME for a folder called so.
    #[arg(value_name = "LOCAL")]
    pub local: Option<PathBuf>,
    /// Folder of iCloud Drive, such as /Documents/Work [default: /]
    ///
    /// Without it the config file's `remote`, else the root of iCloud Drive is taken.
    #[arg(value_name = "REMOTE", value_parser = value::remote)]
    pub remote: Option<String>,
    /// Print what would be done, and do nothing
    ///
    /// Changes nothing on either side. A real pass straight after does exactly what is printed.
    /// [env: DRY_RUN]
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Print what would be pushed, without asking iCloud anything
    ///
    /// A dry run of push or bisync that takes what the last pass left in iCloud for what is there now. It needs
    /// no network and no session. [env: NO_REMOTE]
    #[arg(long)]
    pub no_remote: bool,
    /// Print JSON, one object a line; the last is the summary
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Say why each item that is not the same on both sides is treated as it is
    ///
    /// One line an item before anything is done, on the error stream and in the LOG_FILE; of a dry run in the plan
    /// itself. `icloud-sync explain PATH` does it for one path. [env: VERBOSE_DECISIONS]
    #[arg(long, help_heading = "Output")]
    pub verbose_decisions: bool,
    /// Say every so many seconds how far the pass is; 0: never [default: 0]
    ///
    /// Good where no bars are shown: in a log or a mail. [env: STATS_INTERVAL]
    #[arg(long, value_name = "SECONDS", value_parser = value::stats_interval, allow_negative_numbers = true, help_heading = "Output")]
    pub stats_interval: Option<u32>,
    /// Say at the end what was done by kind, and how fast
    ///
    /// [env: PROGRESS_SUMMARY]
    #[arg(long, help_heading = "Output")]
    pub progress_summary: bool,
    /// Which items.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Stop before anything is done if more than N files, or N% of them, would be deleted
    ///
    /// Without it a pass stops when more than half of the files would be deleted on a side. --force lets it
    /// through once.
    #[arg(long, value_name = "N|N%", value_parser = value::max_delete, allow_negative_numbers = true, help_heading = "Deletions and guards")]
    pub max_delete: Option<MaxDelete>,
    /// Empty the local trash of what is older than N days; 0: never [default: 30]
    #[arg(long, value_name = "N", value_parser = value::trash_days, allow_negative_numbers = true, help_heading = "Deletions and guards")]
    pub trash_days: Option<u32>,
    /// Let this pass through the guards against mass deletion and mass change
    ///
    /// For this pass only: too many deletions, a side that is suddenly empty, (nearly) every file of a side changed.
    #[arg(long, help_heading = "Deletions and guards")]
    pub force: bool,
    /// Who wins if both sides changed a file [default: prefer-newer]
    ///
    /// The loser is never lost: it goes to the local trash, or stays beside the winner under a name with
    /// `.conflict-` and its time. [env: CONFLICT_STRATEGY]
    #[arg(long, value_name = "POLICY", value_enum, help_heading = "Conflicts")]
    pub conflict: Option<ConflictArg>,
    /// Compare by content wherever size and time leave a doubt
    ///
    /// Slower: files are read, and where iCloud publishes no checksum, downloaded to compare.
    /// [env: ENABLE_CHECKSUM]
    #[arg(long, help_heading = "Conflicts")]
    pub checksum: bool,
    /// Most files transferred at once [default: 32]
    ///
    /// A ceiling: the pass starts with fewer and takes more as long as iCloud keeps up.
    #[arg(long, value_name = "N", value_parser = value::transfers, allow_negative_numbers = true, help_heading = "Speed")]
    pub transfers: Option<usize>,
    /// Most listing requests at once [default: 8]
    #[arg(long, value_name = "N", value_parser = value::listers, allow_negative_numbers = true, help_heading = "Speed")]
    pub listers: Option<usize>,
    /// At most RATE bytes a second for contents, such as 500K or 1.5M
    ///
    /// Both directions together; K, M and G are 1024, 1024² and 1024³ bytes. 0: no bound.
    #[arg(long, value_name = "RATE", value_parser = value::rate, allow_negative_numbers = true, help_heading = "Speed")]
    pub bwlimit: Option<value::Rate>,
    /// Download at most N files in this pass; 0: no bound
    ///
    /// The rest comes with the next passes. [env: MAX_DOWNLOADS_PER_PASS]
    #[arg(long, value_name = "N", value_parser = value::max_downloads, allow_negative_numbers = true, help_heading = "Speed")]
    pub max_downloads: Option<usize>,
    /// Begin no download that would leave less than SIZE free; 0: no bound [default: 64M]
    ///
    /// On the disk of LOCAL. K, M and G are 1024, 1024² and 1024³ bytes. What does not fit is named, with the sizes,
    /// and tried again by the next pass.
    #[arg(long, value_name = "SIZE", value_parser = value::size, allow_negative_numbers = true, help_heading = "Deletions and guards")]
    pub min_free: Option<u64>,
    /// Wait MS milliseconds before each action [default: 0]
    ///
    /// [env: OP_DELAY_MS]
    #[arg(long, value_name = "MS", value_parser = value::op_delay_ms, allow_negative_numbers = true, help_heading = "Speed")]
    pub op_delay: Option<u64>,
    /// Again and again.
    #[command(flatten)]
    pub watch: WatchArgs,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How to sign in.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Running a pass again and again, and being told when a person is needed.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Unattended")]
pub struct WatchArgs {
    /// Run the pass again and again, until SIGTERM or Ctrl-C
    ///
    /// Every --interval seconds; sooner when something has changed locally (looked at every 10 seconds) or on SIGHUP,
    /// later after errors, up to an hour. When iCloud wants a person, `icloud-sync login` in another terminal lets it go
    /// on.
    #[arg(long, conflicts_with_all = ["dry_run", "no_remote"])]
    pub watch: bool,
    /// Run one pass, even though the config file says `watch = true`
    #[arg(long, conflicts_with = "watch")]
    pub once: bool,
    /// Seconds between two passes of --watch, 5 or more [default: 300]
    ///
    /// Typed without --watch it is refused; SYNC_INTERVAL is passed over then. [env: SYNC_INTERVAL]
    #[arg(long, value_name = "SECONDS", value_parser = value::interval, allow_negative_numbers = true)]
    pub interval: Option<u32>,
    /// Run CMD when a person is needed and nobody is at the terminal
    ///
    /// When signing in needs a password or code, or a guard has stopped the pass; once, until a pass goes through again.
    /// The shell command finds ICLOUD_SYNC_REASON, ICLOUD_SYNC_CODE (the exit code), ICLOUD_SYNC_LOCAL and
    /// ICLOUD_SYNC_REMOTE in its environment. Where there is a desktop, it is shown a notification as well.
    #[arg(long, value_name = "CMD")]
    pub hook: Option<String>,
    /// Serve numbers about the passes of --watch over HTTP
    ///
    /// JSON, or Prometheus text if that is asked for. With METRICS_TOKEN in the environment only to who sends it as a
    /// bearer token. Typed without --watch it is refused; METRICS_HTTP is passed over then. [env: METRICS_HTTP]
    #[arg(long)]
    pub metrics_http: bool,
    /// Address for --metrics-http [default: 127.0.0.1]
    ///
    /// One that others can reach needs a METRICS_TOKEN. [env: METRICS_HOST]
    #[arg(long, value_name = "ADDR", value_parser = value::metrics_host)]
    pub metrics_host: Option<std::net::IpAddr>,
    /// Port for --metrics-http [default: 8787]
    ///
    /// [env: METRICS_PORT]
    #[arg(long, value_name = "PORT", value_parser = value::metrics_port, allow_negative_numbers = true)]
    pub metrics_port: Option<u16>,
    /// Path for --metrics-http [default: /metrics]
    ///
    /// [env: METRICS_PATH]
    #[arg(long, value_name = "PATH", value_parser = value::metrics_path)]
    pub metrics_path: Option<String>,
}

impl WatchArgs {
    /// Checks that nothing was typed that has no effect without another option: `is_on` that passes are run again and
    /// again, `is_served` that their numbers are served, whoever said so.
    ///
    /// # Errors
    /// `Usage`.
    pub fn expect_sensible(&self, is_on: bool, is_served: bool) -> Result<()> {
        let watch = ("--watch", is_on);
        let metrics = ("--metrics-http", is_served);
        let typed = [
            ("--interval", self.interval.is_some(), watch),
            ("--metrics-http", self.metrics_http, watch),
            ("--metrics-host", self.metrics_host.is_some(), metrics),
            ("--metrics-port", self.metrics_port.is_some(), metrics),
            ("--metrics-path", self.metrics_path.is_some(), metrics),
        ];
        for (flag, is_typed, (needed, is_there)) in typed {
            if is_typed && !is_there {
                let text = format!("{flag} has no effect without {needed}");
                return Err(Error::new(Kind::Usage, text)
                    .with_hint(format!("add {needed}, or leave {flag} out")));
            }
        }
        Ok(())
    }
}

/// `check`.
#[derive(Debug, Clone, Default, Args)]
pub struct CheckArgs {
    /// Folder on this machine, or @NAME for a pair of the config file [default: ~/iCloud]
    ///
    /// As for pull, push and bisync.
    #[arg(value_name = "LOCAL")]
    pub local: Option<PathBuf>,
    /// Folder of iCloud Drive, such as /Documents/Work [default: /]
    #[arg(value_name = "REMOTE", value_parser = value::remote)]
    pub remote: Option<String>,
    /// Print JSON, one object a line; the last is the summary
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Which items.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Most listing requests at once [default: 8]
    #[arg(long, value_name = "N", value_parser = value::listers, allow_negative_numbers = true, help_heading = "Speed")]
    pub listers: Option<usize>,
    /// Whose.
    #[command(flatten)]
    pub account: AccountArgs,
    /// How to sign in.
    #[command(flatten)]
    pub session: SessionArgs,
}

impl CheckArgs {
    /// Returns what a pass would be given to look at the same items.
    pub fn as_pass(&self) -> PassArgs {
        PassArgs {
            local: self.local.clone(),
            remote: self.remote.clone(),
            json: self.json,
            filter: self.filter.clone(),
            listers: self.listers,
            account: self.account.clone(),
            session: self.session.clone(),
            ..PassArgs::default()
        }
    }
}

/// Which items take part, on both sides alike.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Sync only what matches GLOB (may be repeated; a comma separates too)
    ///
    /// `*` stays within one name, `**` crosses folders. A pattern without a slash matches names at any depth,
    /// one with a slash counts from the top. --ignore wins over --exclude, and --exclude over --include.
    /// [env: INCLUDE_PATTERNS]
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Leave out what matches GLOB (may be repeated; a comma separates too)
    ///
    /// What is left out is neither copied nor deleted, on either side. [env: EXCLUDE_PATTERNS]
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// As --exclude, and stronger than any other pattern
    ///
    /// [env: IGNORE_PATTERNS]
    #[arg(long, value_name = "GLOB")]
    pub ignore: Vec<String>,
    /// Read patterns from FILE, in the syntax of .gitignore
    ///
    /// The file .icloud-sync-ignore at the top of LOCAL is always read so, if there is one.
    #[arg(long, value_name = "FILE")]
    pub filter_from: Option<PathBuf>,
    /// Do not leave out .DS_Store, ._* and other litter of macOS
    ///
    /// Without it .DS_Store, .localized, the Icon file of folders, ._*, .com-apple-bird* and the
    /// .NAME.icloud placeholders are left out.
    #[arg(long)]
    pub no_default_ignores: bool,
    /// What to do with symbolic links [default: skip]
    #[arg(long, value_name = "WHAT", value_enum)]
    pub links: Option<LinksArg>,
    /// What to do with what others share with you [default: read]
    ///
    /// By default nothing is sent to it, whatever is done with it here. How to write to it is known
    /// from one other program only, and has not been tried with Apple's service. [env: SHARES]
    #[arg(long, value_name = "WHAT", value_enum)]
    pub shares: Option<SharesArg>,
}

/// Who wins a conflict, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConflictArg {
    /// The one modified later; both are kept if the times are within a second
    #[value(alias = "prefer_newer")]
    PreferNewer,
    /// The one on this machine
    #[value(alias = "prefer_local")]
    PreferLocal,
    /// The one in iCloud
    #[value(alias = "prefer_remote")]
    PreferRemote,
    /// Both: the local one gets a name with `.conflict-` and its time
    #[value(alias = "keep_both")]
    KeepBoth,
}

impl From<ConflictArg> for Policy {
    fn from(policy: ConflictArg) -> Self {
        match policy {
            ConflictArg::PreferNewer => Self::PreferNewer,
            ConflictArg::PreferLocal => Self::PreferLocal,
            ConflictArg::PreferRemote => Self::PreferRemote,
            ConflictArg::KeepBoth => Self::KeepBoth,
        }
    }
}

/// What a symbolic link is taken for, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LinksArg {
    /// Skipped, and counted
    Skip,
    /// What it points at, if that is inside LOCAL and no loop
    Follow,
}

/// What becomes of what others share, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SharesArg {
    /// Received; what is changed in it here is left alone and told of
    Read,
    /// Received and sent: new items, changes and new names; nothing is deleted in it
    Write,
    /// Skipped, and counted
    Skip,
}

impl From<SharesArg> for Shares {
    fn from(shares: SharesArg) -> Self {
        match shares {
            SharesArg::Read => Self::Read,
            SharesArg::Write => Self::Write,
            SharesArg::Skip => Self::Skip,
        }
    }
}

impl From<LinksArg> for Links {
    fn from(links: LinksArg) -> Self {
        match links {
            LinksArg::Skip => Self::Skip,
            LinksArg::Follow => Self::Follow,
        }
    }
}
