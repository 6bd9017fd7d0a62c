//! The names of all settings: as a flag, in the environment (and `.env`), in the config file.

/// One row: the setting, its flag, its environment name, its key of the config file.
macro_rules! settings {
    ($($name:ident: $flag:expr, $env:expr, $key:expr;)*) => {
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
        }
    };
}

settings! {
    Local: Some("LOCAL"), Some("LOCAL_DIRECTORY"), Some("local");
    Remote: Some("REMOTE"), None, Some("remote");
    Account: Some("--account"), Some("ICLOUD_USERNAME"), Some("account");
    Password: None, Some("ICLOUD_PASSWORD"), None;
    Code: Some("--code"), Some("ICLOUD_2FA_CODE"), None;
    Region: Some("--region"), None, Some("region");
    UseKeyring: None, Some("USE_KEYRING"), Some("use-keyring");
    KeyringService: None, Some("KEYRING_SERVICE"), Some("keyring-service");
    Relogin: Some("--relogin"), Some("FORCE_RELOGIN"), None;
    AutoReauth: Some("--no-auto-reauth"), Some("AUTO_REAUTH"), Some("auto-reauth");
    AutoReauthAttempts: None, Some("AUTO_REAUTH_MAX_ATTEMPTS"), Some("auto-reauth-max-attempts");
    MaxRate: Some("--max-rate"), None, Some("max-rate");
    DryRun: Some("--dry-run"), Some("DRY_RUN"), Some("dry-run");
    VerboseDecisions: Some("--verbose-decisions"), Some("VERBOSE_DECISIONS"), Some("verbose-decisions");
    Include: Some("--include"), Some("INCLUDE_PATTERNS"), Some("include");
    Exclude: Some("--exclude"), Some("EXCLUDE_PATTERNS"), Some("exclude");
    Ignore: Some("--ignore"), Some("IGNORE_PATTERNS"), Some("ignore");
    FilterFrom: Some("--filter-from"), None, Some("filter-from");
    NoDefaultIgnores: Some("--no-default-ignores"), None, Some("no-default-ignores");
    Links: Some("--links"), None, Some("links");
    Delete: Some("--delete"), None, Some("delete");
    DeleteExtra: Some("--delete-extra"), None, Some("delete-extra");
    MaxDelete: Some("--max-delete"), None, Some("max-delete");
    TrashDays: Some("--trash-days"), None, Some("trash-days");
    Conflict: Some("--conflict"), Some("CONFLICT_STRATEGY"), Some("conflict");
    Checksum: Some("--checksum"), Some("ENABLE_CHECKSUM"), Some("checksum");
    VerifyDownload: None, Some("VERIFY_DOWNLOAD"), Some("verify-download");
    Transfers: Some("--transfers"), None, Some("transfers");
    Listers: Some("--listers"), None, Some("listers");
    Bwlimit: Some("--bwlimit"), None, Some("bwlimit");
    MaxDownloads: Some("--max-downloads"), Some("MAX_DOWNLOADS_PER_PASS"), Some("max-downloads");
    OpDelay: Some("--op-delay"), Some("OP_DELAY_MS"), Some("op-delay");
    StateFile: None, Some("STATE_FILE"), Some("state-file");
    Watch: Some("--watch"), None, Some("watch");
    Interval: Some("--interval"), Some("SYNC_INTERVAL"), Some("interval");
    Hook: Some("--hook"), None, Some("hook");
    LogLevel: None, Some("LOG_LEVEL"), Some("log-level");
    LogJson: None, Some("LOG_JSON"), Some("log-json");
    LogFile: None, Some("LOG_FILE"), Some("log-file");
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
    }
}
