//! What was meant: defaults, environment, `.env`, config file and flags settled into values.
//!
//! In come the command line's words ([`crate::cli`]) and the process's surroundings ([`Env`]); out go
//! values that need no second look. [`Layers::load`] reads the files; then each command asks for the part
//! it uses, never for the whole. A bad value names the place it came from, itself, and what is accepted.

mod config;
mod dotenv;
mod effective;
mod env;
mod layers;
mod nearest;
mod paths;
mod setting;
mod settle;
pub mod value;

use std::{path::PathBuf, time::Duration};

pub use effective::Effective;
pub use env::Env;
pub use layers::Layers;
pub(crate) use setting::Setting;
pub use setting::{environment_default, environment_names};

use crate::plan::{Delete, Policy, Verb};

/// The service's region (protocol page 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Region {
    /// `icloud.com`.
    #[default]
    Global,
    /// `icloud.com.cn`.
    China,
}

/// Whose Drive, where it is, and how to sign in to it.
#[derive(Debug, Clone)]
pub struct AccountOptions {
    /// Apple account (`--account`, `ICLOUD_USERNAME`), trimmed and lower case; `None`: the one that is signed in.
    pub username: Option<String>,
    /// The password from `ICLOUD_PASSWORD`, if set.
    pub password: Option<crate::auth::secret::Secret>,
    /// The code from `--code` or `ICLOUD_2FA_CODE`, if given.
    pub code: Option<String>,
    /// The service's region.
    pub region: Region,
    /// One base URL in place of all the service's hosts (`ICLOUD_SYNC_ENDPOINT`).
    pub endpoint: Option<String>,
    /// Ask and fill the keyring (`USE_KEYRING`, on).
    pub use_keyring: bool,
    /// The keyring's service name (`KEYRING_SERVICE`).
    pub keyring_service: String,
    /// Sign in anew even if a session is there (`--relogin`, `FORCE_RELOGIN`).
    pub relogin: bool,
    /// Sign in again unattended when the session ends (`AUTO_REAUTH`).
    pub auto_reauth: bool,
    /// At most so many automatic sign-ins an hour (`AUTO_REAUTH_MAX_ATTEMPTS`); `None`: none at all.
    pub auto_reauth_attempts: Option<u32>,
    /// Where sessions and pairs are kept: `$XDG_STATE_HOME/icloud-sync`.
    pub state_dir: PathBuf,
    /// Requests a second to the API hosts; 0: no bound (`--max-rate`).
    pub max_rate: u32,
}

/// What a symbolic link is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// Skipped and counted.
    #[default]
    Skip,
    /// What it points at, if that is inside LOCAL and no loop.
    Follow,
}

/// What becomes of what other accounts share with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shares {
    /// It is received, and nothing is ever sent to it.
    #[default]
    Read,
    /// It is received and sent, where its owner lets it be written to; nothing is deleted or moved in it from here.
    Write,
    /// Skipped and counted.
    Skip,
}

/// Which items take part, on both sides alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterOptions {
    /// `--include`, `INCLUDE_PATTERNS`.
    pub include: Vec<String>,
    /// `--exclude`, `EXCLUDE_PATTERNS`.
    pub exclude: Vec<String>,
    /// `--ignore`, `IGNORE_PATTERNS`.
    pub ignore: Vec<String>,
    /// `--filter-from`.
    pub filter_from: Option<PathBuf>,
    /// `--no-default-ignores`.
    pub no_default_ignores: bool,
}

/// The largest number of deletions that needs no `--force`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxDelete {
    /// So many items.
    Items(u64),
    /// So many percent of the baseline's files.
    Percent(u8),
}

/// What one pass is asked for.
#[derive(Debug, Clone)]
pub struct PassOptions {
    /// Which way.
    pub verb: Verb,
    /// The local root, as given.
    pub local: PathBuf,
    /// The remote root: `/`, or `/a/b` without a slash at its end.
    pub remote: String,
    /// Plan only.
    pub dry_run: bool,
    /// The service is not asked: the baseline stands in for the remote side, and it is a dry run (`--no-remote`,
    /// `NO_REMOTE`).
    pub no_remote: bool,
    /// Which items take part.
    pub filter: FilterOptions,
    /// What may be deleted.
    pub delete: Delete,
    /// `--max-delete`.
    pub max_delete: Option<MaxDelete>,
    /// Days after which the local trash is emptied; 0: never.
    pub trash_days: u32,
    /// Guards 1, 2 and 4 only warn.
    pub force: bool,
    /// Who wins a conflict.
    pub policy: Policy,
    /// Settle every doubt by content, and keep SHA-256 (`--checksum`, `ENABLE_CHECKSUM`).
    pub checksum: bool,
    /// Read a download back and compare before it replaces anything (`VERIFY_DOWNLOAD`).
    pub verify_download: bool,
    /// Most transfers at once.
    pub transfers: usize,
    /// Most listing requests at once.
    pub listers: usize,
    /// Content bytes a second, both ways together; `None`: no bound.
    pub bwlimit: Option<u64>,
    /// Most files received in a pass.
    pub max_downloads: Option<usize>,
    /// Bytes that a download leaves free on LOCAL's file system; 0: no bound.
    pub min_free: u64,
    /// A pause before each action.
    pub op_delay: Duration,
    /// What a symbolic link is taken for.
    pub links: Links,
    /// What becomes of what others share with the account.
    pub shares: Shares,
    /// Where the baseline is kept, if not at its usual place (`STATE_FILE`).
    pub state_file: Option<PathBuf>,
    /// Where sessions and pairs are kept: `$XDG_STATE_HOME/icloud-sync`.
    pub state_dir: PathBuf,
    /// Tell why for each path (`-v`, `VERBOSE_DECISIONS`).
    pub explain: bool,
    /// Seconds between two looks at how far the pass is; 0: none (`--stats-interval`, `STATS_INTERVAL`).
    pub stats_interval: u32,
    /// What was done by kind is told at the end (`--progress-summary`, `PROGRESS_SUMMARY`).
    pub progress_summary: bool,
}

/// When passes are run, and who hears when one needs a person.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// Again and again (`--watch`).
    pub is_on: bool,
    /// Seconds between two passes (`--interval`, `SYNC_INTERVAL`).
    pub interval: u32,
    /// A shell command to run when a person is needed (`--hook`).
    pub hook: Option<String>,
    /// Where the numbers of a watch are served (`--metrics-http` and its companions).
    pub metrics: Option<crate::metrics::Address>,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Problems only (`-q`).
    Quiet,
    /// Progress and a summary.
    #[default]
    Normal,
    /// One line an action (`-v`).
    Verbose,
    /// Why it was decided so (`-vv`).
    Debug,
    /// Requests too (`-vvv`).
    Trace,
}

impl Verbosity {
    /// Reads it from the command line.
    pub fn new(common: &crate::cli::CommonArgs) -> Self {
        match (common.quiet, common.verbose) {
            (true, _) => Self::Quiet,
            (false, 0) => Self::Normal,
            (false, 1) => Self::Verbose,
            (false, 2) => Self::Debug,
            (false, _) => Self::Trace,
        }
    }
}

/// What is logged, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// `RUST_LOG`: wins over the level where it is set.
    pub directives: Option<String>,
    /// `-v`, `-q`, else `LOG_LEVEL`, else warnings.
    pub level: log::LevelFilter,
    /// The same for the file: there `-q`, which is about the terminal, takes nothing away.
    pub file_level: log::LevelFilter,
    /// Each line is a JSON object (`LOG_JSON`).
    pub is_json: bool,
    /// A file that the lines are appended to as well (`LOG_FILE`).
    pub file: Option<PathBuf>,
    /// Why each item is treated as it is gets a line, whatever the level (`--verbose-decisions`, `VERBOSE_DECISIONS`).
    pub decisions: bool,
}
