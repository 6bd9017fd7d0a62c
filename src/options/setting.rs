//! The names of all settings: as a flag, in the environment (and `.env`), in the config file.

/// One row: the setting, its flag, its environment name, its key of the config file, and its default as it would be
/// written there, empty for none.
macro_rules! settings {
    ($($name:ident: $flag:expr, $env:expr, $key:expr, $default:expr;)*) => {
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
        }
    };
}

settings! {
    Local: Some("LOCAL"), Some("LOCAL_DIRECTORY"), Some("local"), "~/iCloud";
    Remote: Some("REMOTE"), None, Some("remote"), "/";
    Account: Some("--account"), Some("ICLOUD_USERNAME"), Some("account"), "";
    Password: None, Some("ICLOUD_PASSWORD"), None, "";
    Code: Some("--code"), Some("ICLOUD_2FA_CODE"), None, "";
    Region: Some("--region"), None, Some("region"), "global";
    UseKeyring: None, Some("USE_KEYRING"), Some("use-keyring"), "1";
    KeyringService: None, Some("KEYRING_SERVICE"), Some("keyring-service"), "icloud-sync";
    Relogin: Some("--relogin"), Some("FORCE_RELOGIN"), None, "0";
    AutoReauth: Some("--no-auto-reauth"), Some("AUTO_REAUTH"), Some("auto-reauth"), "1";
    AutoReauthAttempts: None, Some("AUTO_REAUTH_MAX_ATTEMPTS"), Some("auto-reauth-max-attempts"), "3";
    MaxRate: Some("--max-rate"), None, Some("max-rate"), "100";
    DryRun: Some("--dry-run"), Some("DRY_RUN"), Some("dry-run"), "0";
    NoRemote: Some("--no-remote"), Some("NO_REMOTE"), Some("no-remote"), "0";
    VerboseDecisions: Some("--verbose-decisions"), Some("VERBOSE_DECISIONS"), Some("verbose-decisions"), "0";
    StatsInterval: Some("--stats-interval"), Some("STATS_INTERVAL"), Some("stats-interval"), "0";
    ProgressSummary: Some("--progress-summary"), Some("PROGRESS_SUMMARY"), Some("progress-summary"), "0";
    Include: Some("--include"), Some("INCLUDE_PATTERNS"), Some("include"), "";
    Exclude: Some("--exclude"), Some("EXCLUDE_PATTERNS"), Some("exclude"), "";
    Ignore: Some("--ignore"), Some("IGNORE_PATTERNS"), Some("ignore"), "";
    FilterFrom: Some("--filter-from"), None, Some("filter-from"), "";
    NoDefaultIgnores: Some("--no-default-ignores"), None, Some("no-default-ignores"), "0";
    Links: Some("--links"), None, Some("links"), "skip";
    Shares: Some("--shares"), Some("SHARES"), Some("shares"), "read";
    Delete: Some("--delete"), None, Some("delete"), "0";
    DeleteExtra: Some("--delete-extra"), None, Some("delete-extra"), "0";
    MaxDelete: Some("--max-delete"), None, Some("max-delete"), "";
    TrashDays: Some("--trash-days"), None, Some("trash-days"), "30";
    Conflict: Some("--conflict"), Some("CONFLICT_STRATEGY"), Some("conflict"), "prefer-newer";
    Checksum: Some("--checksum"), Some("ENABLE_CHECKSUM"), Some("checksum"), "0";
    VerifyDownload: None, Some("VERIFY_DOWNLOAD"), Some("verify-download"), "0";
    Transfers: Some("--transfers"), None, Some("transfers"), "32";
    Listers: Some("--listers"), None, Some("listers"), "8";
    Bwlimit: Some("--bwlimit"), None, Some("bwlimit"), "";
    MaxDownloads: Some("--max-downloads"), Some("MAX_DOWNLOADS_PER_PASS"), Some("max-downloads"), "";
    MinFree: Some("--min-free"), None, Some("min-free"), "64M";
    OpDelay: Some("--op-delay"), Some("OP_DELAY_MS"), Some("op-delay"), "0";
    StateFile: None, Some("STATE_FILE"), Some("state-file"), "";
    Watch: Some("--watch"), None, Some("watch"), "0";
    Interval: Some("--interval"), Some("SYNC_INTERVAL"), Some("interval"), "300";
    Hook: Some("--hook"), None, Some("hook"), "";
    MetricsHttp: Some("--metrics-http"), Some("METRICS_HTTP"), Some("metrics-http"), "0";
    MetricsHost: Some("--metrics-host"), Some("METRICS_HOST"), Some("metrics-host"), "127.0.0.1";
    MetricsPort: Some("--metrics-port"), Some("METRICS_PORT"), Some("metrics-port"), "8787";
    MetricsPath: Some("--metrics-path"), Some("METRICS_PATH"), Some("metrics-path"), "/metrics";
    MetricsToken: None, Some("METRICS_TOKEN"), None, "";
    LogLevel: None, Some("LOG_LEVEL"), Some("log-level"), "warn";
    LogJson: None, Some("LOG_JSON"), Some("log-json"), "0";
    LogFile: None, Some("LOG_FILE"), Some("log-file"), "";
}

/// One base URL in place of all the service's hosts; from the process's environment alone, since a
/// file that happens to lie in the working directory must not redirect a sign-in.
pub(crate) const ENDPOINT: &str = "ICLOUD_SYNC_ENDPOINT";

/// Returns the environment names that are read, sorted; the endpoint, XDG and logging
/// set-up included, those that only libraries read (proxy, CA) not.
pub fn environment_names() -> Vec<&'static str> {
    let mut names: Vec<_> = Setting::ALL
        .iter()
        .filter_map(|setting| setting.env())
        .chain([
            ENDPOINT,
            "RUST_LOG",
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
