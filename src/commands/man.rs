//! `man`: the manual pages, made from the command line's types.
//!
//! One page for the program and one for each command, as git has them: `man icloud-sync`,
//! `man icloud-sync-pull`. What no help text holds (files, environment, exit codes) is in the main page.

use std::io;

use clap::CommandFactory as _;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use crate::{
    cli::Cli,
    error::{Error, Kind, Result},
};

/// Returns the names of the pages' commands, the main page's first.
pub fn pages() -> Vec<Option<String>> {
    std::iter::once(None)
        .chain(names().into_iter().map(Some))
        .collect()
}

/// Returns the names of all commands, those of a command's own commands behind it: `trash`, `trash-list`.
fn names() -> Vec<String> {
    let mut names = Vec::new();
    for sub in Cli::command().get_subcommands() {
        let name = sub.get_name();
        names.push(name.to_owned());
        names.extend(
            sub.get_subcommands()
                .map(|inner| format!("{name}-{}", inner.get_name())),
        );
    }
    names
}

/// Finds the command of such a name.
fn find<'a>(command: &'a clap::Command, name: &str) -> Option<&'a clap::Command> {
    let own = command.find_subcommand(name);
    own.or_else(|| {
        let (outer, inner) = name.split_once('-')?;
        command.find_subcommand(outer)?.find_subcommand(inner)
    })
}

/// Returns the file name of a page.
pub fn file_name(page: Option<&str>) -> String {
    page.map_or_else(
        || "icloud-sync.1".to_owned(),
        |name| format!("icloud-sync-{name}.1"),
    )
}

/// Returns the text of a page in the language of `man`: of a command, or the main one.
///
/// # Errors
/// `Usage` where there is no such command.
pub fn text(page: Option<&str>) -> Result<String> {
    let mut command = Cli::command().after_help("").after_long_help("");
    command.build();
    let command = match page {
        None => command,
        Some(name) => {
            let sub = find(&command, name).cloned().ok_or_else(|| {
                Error::new(Kind::Usage, format!("there is no command {name:?}"))
                    .with_hint(format!("commands are {}", names().join(", ")))
            })?;
            sub.display_name(format!("icloud-sync-{name}"))
                .version(env!("CARGO_PKG_VERSION"))
        }
    };
    let mut bytes = Vec::new();
    let done = render(command, page.is_none(), &mut bytes);
    done.map_err(|error| error.to_string())
        .and_then(|()| String::from_utf8(bytes).map_err(|error| error.to_string()))
        .map_err(|error| {
            Error::new(
                Kind::Other,
                format!("cannot write the manual page: {error}"),
            )
        })
}

fn render(command: clap::Command, is_main: bool, to: &mut Vec<u8>) -> io::Result<()> {
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command)
        .source(concat!("icloud-sync ", env!("CARGO_PKG_VERSION")))
        .manual("icloud-sync");
    man.render_title(to)?;
    man.render_name_section(to)?;
    man.render_synopsis_section(to)?;
    man.render_description_section(to)?;
    man.render_options_section(to)?;
    if has_subcommands {
        man.render_subcommands_section(to)?;
    }
    if is_main {
        more().to_writer(to)?;
    }
    Ok(())
}

/// What no help text holds.
fn more() -> Roff {
    let mut page = Roff::new();
    section(
        &mut page,
        "EXIT STATUS",
        &[
            ("0", "everything asked for is done"),
            ("1", "the pass could not be finished"),
            ("2", "wrong usage or configuration"),
            (
                "3",
                "finished, but some items failed or were left alone for a problem",
            ),
            (
                "4",
                "not signed in, or the session has ended: run icloud-sync login",
            ),
            (
                "5",
                "temporary: the network or iCloud is away; try again later",
            ),
            ("6", "a guard stopped the pass before anything was done"),
            ("7", "another pass on the same folders is running"),
            (
                "130, 143",
                "stopped by SIGINT, by SIGTERM; what was finished is kept",
            ),
        ],
    );
    section(
        &mut page,
        "ENVIRONMENT",
        &[
            (
                "ICLOUD_USERNAME, ICLOUD_PASSWORD, ICLOUD_2FA_CODE",
                "how to sign in without a prompt",
            ),
            (
                "LOCAL_DIRECTORY",
                "LOCAL where it is not given; ~/iCloud without",
            ),
            (
                "DRY_RUN, NO_REMOTE, ENABLE_CHECKSUM, VERIFY_DOWNLOAD, VERBOSE_DECISIONS, FORCE_RELOGIN",
                "1 or 0, as the options of these names",
            ),
            (
                "INCLUDE_PATTERNS, EXCLUDE_PATTERNS, IGNORE_PATTERNS",
                "patterns, separated by commas",
            ),
            (
                "CONFLICT_STRATEGY, SHARES, MAX_DOWNLOADS_PER_PASS, OP_DELAY_MS, SYNC_INTERVAL",
                "as --conflict, --shares, --max-downloads, --op-delay, --interval",
            ),
            (
                "METRICS_HTTP, METRICS_HOST, METRICS_PORT, METRICS_PATH, METRICS_TOKEN",
                "numbers of a watch over HTTP, as the options of these names; the token that they are given for",
            ),
            (
                "STATS_INTERVAL, PROGRESS_SUMMARY",
                "as --stats-interval, --progress-summary",
            ),
            ("STATE_FILE", "where the baseline of this pair is kept"),
            (
                "AUTO_REAUTH, AUTO_REAUTH_MAX_ATTEMPTS",
                "whether, and how often an hour, to sign in again unattended; -1: never",
            ),
            (
                "USE_KEYRING, KEYRING_SERVICE",
                "whether the password is kept in the keyring, and under which name",
            ),
            (
                "LOG_LEVEL, LOG_JSON, LOG_FILE, RUST_LOG",
                "what is logged, how, and where",
            ),
            (
                "HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE",
                "a proxy, and the certificates to trust",
            ),
            (
                "ICLOUD_SYNC_ENDPOINT",
                "one address in place of iCloud's, for trying and testing",
            ),
        ],
    );
    section(
        &mut page,
        "FILES",
        &[
            (
                ".env",
                "settings as NAME=VALUE lines, in the working directory",
            ),
            (
                "~/.config/icloud-sync/config.toml",
                "settings by the names of the options, and tables [pair.NAME] for @NAME",
            ),
            (
                "~/.local/state/icloud-sync/",
                "sessions and baselines; secret, mode 0700",
            ),
            (
                "LOCAL/.icloud-sync/trash/",
                "what passes replaced or removed locally, by pass",
            ),
            (
                "LOCAL/.icloud-sync-ignore",
                "patterns in the syntax of .gitignore",
            ),
        ],
    );
    page
}

fn section(page: &mut Roff, title: &str, rows: &[(&str, &str)]) {
    page.control("SH", [title]);
    for (term, text) in rows {
        page.control("TP", []);
        page.text([bold(*term)]);
        page.text([roman(*text)]);
    }
}
