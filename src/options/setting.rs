//! The names of all settings: as a flag, in the environment (and `.env`), in the config file.

use super::value;

/// One row: the setting, its flag, its environment name, its key of the config file, its default as it would be
/// written there, empty for none, and what reads a value.
macro_rules! settings {
    ($($name:ident: $flag:expr, $env:expr, $key:expr, $default:expr, $read:path;)*) => {
        /// A setting that may come from more than the command line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Setting { $($name),* }

        impl Setting {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns its flag, or the name of its argument.
            pub(crate) fn flag(self) -> Option<&'static str> {
                match self { $(Self::$name => $flag),* }
            }

            /// Returns its name in the environment and in `.env`.
            pub(crate) fn env(self) -> Option<&'static str> {
                match self { $(Self::$name => $env),* }
            }

            /// Returns its key in the config file.
            pub(crate) fn key(self) -> Option<&'static str> {
                match self { $(Self::$name => $key),* }
            }

            /// Returns its default as it would be written, empty where it has none.
            pub(crate) fn default_text(self) -> &'static str {
                match self { $(Self::$name => $default),* }
            }

            /// Checks one value as the config file may have it; of a list, one element.
            ///
            /// # Errors
            /// What is accepted.
            pub(crate) fn check(self, text: &str) -> Result<(), String> {
                match self { $(Self::$name => $read(text).map(drop)),* }
            }
        }
    };
}

settings! {
    Local: Some("LOCAL"), Some("LOCAL_DIRECTORY"), Some("local"), "~/iCloud", value::path;
    Remote: Some("REMOTE"), None, Some("remote"), "/", value::remote;
    Account: Some("--account"), Some("ICLOUD_USERNAME"), Some("account"), "", value::account;
    Password: None, Some("ICLOUD_PASSWORD"), None, "", value::text;
    Code: Some("--code"), Some("ICLOUD_2FA_CODE"), None, "", value::code;
    Region: Some("--region"), None, Some("region"), "global", value::region;
    UseKeyring: None, Some("USE_KEYRING"), Some("use-keyring"), "1", value::boolean;
    KeyringService: None, Some("KEYRING_SERVICE"), Some("keyring-service"), "icloud-sync", value::keyring_service;
    Relogin: Some("--relogin"), Some("FORCE_RELOGIN"), None, "0", value::boolean;
    AutoReauth: Some("--no-auto-reauth"), Some("AUTO_REAUTH"), Some("auto-reauth"), "1", value::boolean;
    AutoReauthAttempts: None, Some("AUTO_REAUTH_MAX_ATTEMPTS"), Some("auto-reauth-max-attempts"), "3", value::attempts;
    MaxRate: Some("--max-rate"), None, Some("max-rate"), "100", value::max_rate;
    DryRun: Some("--dry-run"), Some("DRY_RUN"), Some("dry-run"), "0", value::boolean;
    NoRemote: Some("--no-remote"), Some("NO_REMOTE"), Some("no-remote"), "0", value::boolean;
    VerboseDecisions: Some("--verbose-decisions"), Some("VERBOSE_DECISIONS"), Some("verbose-decisions"), "0", value::boolean;
    StatsInterval: Some("--stats-interval"), Some("STATS_INTERVAL"), Some("stats-interval"), "0", value::stats_interval;
    ProgressSummary: Some("--progress-summary"), Some("PROGRESS_SUMMARY"), Some("progress-summary"), "0", value::boolean;
    Include: Some("--include"), Some("INCLUDE_PATTERNS"), Some("include"), "", value::pattern;
    Exclude: Some("--exclude"), Some("EXCLUDE_PATTERNS"), Some("exclude"), "", value::pattern;
    Ignore: Some("--ignore"), Some("IGNORE_PATTERNS"), Some("ignore"), "", value::pattern;
    FilterFrom: Some("--filter-from"), None, Some("filter-from"), "", value::path;
    NoDefaultIgnores: Some("--no-default-ignores"), None, Some("no-default-ignores"), "0", value::boolean;
    Links: Some("--links"), None, Some("links"), "skip", value::links;
    Shares: Some("--shares"), Some("SHARES"), Some("shares"), "read", value::shares;
    Delete: Some("--delete"), None, Some("delete"), "0", value::boolean;
    DeleteExtra: Some("--delete-extra"), None, Some("delete-extra"), "0", value::boolean;
    MaxDelete: Some("--max-delete"), None, Some("max-delete"), "", value::max_delete;
    TrashDays: Some("--trash-days"), None, Some("trash-days"), "30", value::trash_days;
    Conflict: Some("--conflict"), Some("CONFLICT_STRATEGY"), Some("conflict"), "prefer-newer", value::policy;
    Checksum: Some("--checksum"), Some("ENABLE_CHECKSUM"), Some("checksum"), "0", value::boolean;
    VerifyDownload: None, Some("VERIFY_DOWNLOAD"), Some("verify-download"), "0", value::boolean;
    Transfers: Some("--transfers"), None, Some("transfers"), "32", value::transfers;
    Listers: Some("--listers"), None, Some("listers"), "8", value::listers;
    Bwlimit: Some("--bwlimit"), None, Some("bwlimit"), "", value::rate;
    MaxDownloads: Some("--max-downloads"), Some("MAX_DOWNLOADS_PER_PASS"), Some("max-downloads"), "", value::max_downloads;
    MinFree: Some("--min-free"), None, Some("min-free"), "64M", value::size;
    OpDelay: Some("--op-delay"), Some("OP_DELAY_MS"), Some("op-delay"), "0", value::op_delay_ms;
    StateFile: None, Some("STATE_FILE"), Some("state-file"), "", value::path;
    Watch: Some("--watch"), None, Some("watch"), "0", value::boolean;
    Interval: Some("--interval"), Some("SYNC_INTERVAL"), Some("interval"), "300", value::interval;
    Hook: Some("--hook"), None, Some("hook"), "", value::text;
    MetricsHttp: Some("--metrics-http"), Some("METRICS_HTTP"), Some("metrics-http"), "0", value::boolean;
    MetricsHost: Some("--metrics-host"), Some("METRICS_HOST"), Some("metrics-host"), "127.0.0.1", value::metrics_host;
    MetricsPort: Some("--metrics-port"), Some("METRICS_PORT"), Some("metrics-port"), "8787", value::metrics_port;
    MetricsPath: Some("--metrics-path"), Some("METRICS_PATH"), Some("metrics-path"), "/metrics", value::metrics_path;
    MetricsToken: None, Some("METRICS_TOKEN"), None, "", value::token;
    LogLevel: None, Some("LOG_LEVEL"), Some("log-level"), "warn", value::level;
    LogJson: None, Some("LOG_JSON"), Some("log-json"), "0", value::boolean;
    LogFile: None, Some("LOG_FILE"), Some("log-file"), "", value::path;
}

/// One base URL in place of all the service's hosts; from the process's environment alone, since a
/// file that happens to lie in the working directory must not redirect a sign-in.
pub(crate) const ENDPOINT: &str = "ICLOUD_SYNC_ENDPOINT";

/// The log's filter, as programs in Rust have it.
pub(crate) const RUST_LOG: &str = "RUST_LOG";

/// Returns the environment names that are read, sorted; the endpoint, XDG and logging
/// set-up included, those that only libraries read (proxy, CA) not.
pub fn environment_names() -> Vec<&'static str> {
    let mut names: Vec<_> = Setting::ALL
        .iter()
        .filter_map(|setting| setting.env())
        .chain([
            ENDPOINT,
            RUST_LOG,
            "XDG_CONFIG_HOME",
            "XDG_STATE_HOME",
            "HOME",
        ])
        .collect();
    names.sort_unstable();
    names
}

/// Returns the default of an environment name as it would be written: empty for none, `None` where the name is no
/// setting's.
pub fn environment_default(name: &str) -> Option<&'static str> {
    let setting = Setting::ALL.iter().find(|one| one.env() == Some(name))?;
    Some(setting.default_text())
}

impl Setting {
    /// Returns whether its value is nobody's business.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::Password | Self::Code | Self::MetricsToken)
    }

    /// Returns whether it takes more than one value.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::Include | Self::Exclude | Self::Ignore)
    }

    /// Returns the name that people know it by: its flag, else its environment name. A flag that says the opposite of
    /// its key is none for it.
    pub(crate) fn shown(self) -> &'static str {
        let flag = self.flag().filter(|flag| {
            let word = flag.strip_prefix("--");
            word.is_none() || self.key().is_none_or(|key| word == Some(key))
        });
        (flag.or_else(|| self.env()).or_else(|| self.key())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_stands_for_two_settings() {
        for names in [Setting::env, Setting::key, Setting::flag] {
            let all: Vec<_> = Setting::ALL.iter().filter_map(|s| names(*s)).collect();
            let once: BTreeSet<_> = all.iter().collect();
            assert_eq!(once.len(), all.len(), "{all:?}");
        }
    }

    #[test]
    fn secrets_have_no_key_in_the_config_file() {
        assert_eq!(Setting::Password.key(), None);
        assert_eq!(Setting::Code.key(), None);
        assert_eq!(Setting::MetricsToken.key(), None);
    }
}
