//! What to do about a key that the config file has and this program does not: which one may have been meant, or where
//! its value belongs.

use clap::CommandFactory as _;

use super::setting::Setting;
use crate::cli::Cli;

/// From this likeness on (1 is equal) a word is taken for a misspelling of another.
const LIKENESS: f64 = 0.75;

/// Returns the way out, for the word of an unknown key with hyphens for underscores.
pub(super) fn way_out(word: &str) -> String {
    let word = word.to_lowercase();
    // What may be typed for one run only is no setting, and has no like-named key.
    if is_option(&word) && Setting::ALL.iter().all(|one| !names(*one).contains(&word)) {
        return format!("this is for one run alone: give --{word} on the command line");
    }
    if strsim::normalized_damerau_levenshtein(&word, "pair") >= LIKENESS {
        return "a pair is a table [pair.NAME]".into();
    }
    let like = |setting: Setting| {
        names(setting)
            .iter()
            .map(|name| strsim::normalized_damerau_levenshtein(&word, name))
            .fold(0.0, f64::max)
    };
    let nearest = Setting::ALL
        .iter()
        .map(|setting| (like(*setting), *setting))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let Some((_, setting)) = nearest else {
        let others: Vec<_> = Setting::ALL
            .iter()
            .filter_map(|setting| setting.key())
            .filter(|key| !is_option(key))
            .collect();
        return format!(
            "a key is an option of pull, push or bisync without its dashes, or one of {}",
            others.join(", ")
        );
    };
    match (setting.key(), setting.env()) {
        (Some(key), _) => format!("did you mean {key:?}?"),
        (None, Some(name)) if setting.is_secret() => format!(
            "the config file holds no secrets: set {name} in the environment or in a .env file (mode 0600)"
        ),
        (None, name) => format!(
            "set {} in the environment or in a .env file",
            name.unwrap_or_default()
        ),
    }
}

/// From this likeness on a name of a `.env` file is taken for a misspelling: other programs have names there as well.
const LIKENESS_OF_NAMES: f64 = 0.85;

/// Returns the name that may have been meant by an unknown one of a `.env` file; `None` where it seems to be another
/// program's.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let known = || Setting::ALL.iter().filter_map(|setting| setting.env());
    if known().any(|one| one == name) {
        return None;
    }
    let upper = name.to_uppercase();
    known()
        .map(|one| (strsim::normalized_damerau_levenshtein(&upper, one), one))
        .filter(|(likeness, _)| *likeness >= LIKENESS_OF_NAMES)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, one)| one)
}

/// Returns whether a pass has such an option.
fn is_option(word: &str) -> bool {
    let command = Cli::command();
    let pull = command.find_subcommand("pull");
    pull.into_iter()
        .chain([&command])
        .flat_map(clap::Command::get_arguments)
        .any(|argument| argument.get_long() == Some(word))
}

/// Returns the words that people have for a setting: its key, its flag, its name in the environment with and without what
/// it begins with.
fn names(setting: Setting) -> Vec<String> {
    let env = setting
        .env()
        .map(|name| name.to_lowercase().replace('_', "-"));
    let short = (env.as_deref()).and_then(|name| {
        let (_, rest) = name
            .split_once("icloud-")
            .or_else(|| name.split_once("metrics-"))?;
        setting.is_secret().then(|| rest.to_owned())
    });
    let flag = setting.flag().and_then(|flag| flag.strip_prefix("--"));
    [setting.key(), flag]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .chain(env)
        .chain(short)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_told_what_may_have_been_meant() {
        for (word, key) in [
            ("exlude", "exclude"),
            ("confict", "conflict"),
            ("max-delte", "max-delete"),
            ("conflict-strategy", "conflict"),
            ("sync-interval", "interval"),
            ("no-auto-reauth", "auto-reauth"),
            ("LOG-LEVEL", "log-level"),
        ] {
            assert_eq!(way_out(word), format!("did you mean {key:?}?"), "{word}");
        }
    }

    #[test]
    fn a_name_of_another_program_is_let_be() {
        for (name, other) in [
            ("EXCLUDE_PATERNS", Some("EXCLUDE_PATTERNS")),
            ("exclude_patterns", Some("EXCLUDE_PATTERNS")),
            ("DRYRUN", Some("DRY_RUN")),
            ("EXCLUDE_PATTERNS", None),
            ("HTTP_PROXY", None),
            ("APP_LOG_LEVEL", None),
            ("LOCALE", None),
            ("PASSWORD", None),
        ] {
            assert_eq!(meant(name), other, "{name}");
        }
    }

    #[test]
    fn a_secret_is_sent_where_secrets_may_be() {
        for (word, name) in [
            ("password", "ICLOUD_PASSWORD"),
            ("pasword", "ICLOUD_PASSWORD"),
            ("icloud-password", "ICLOUD_PASSWORD"),
            ("metrics-token", "METRICS_TOKEN"),
            ("token", "METRICS_TOKEN"),
            ("2fa-code", "ICLOUD_2FA_CODE"),
            ("code", "ICLOUD_2FA_CODE"),
        ] {
            let hint = way_out(word);
            assert!(hint.contains("holds no secrets"), "{word}: {hint}");
            assert!(hint.contains(name), "{word}: {hint}");
        }
    }

    #[test]
    fn what_is_for_one_run_belongs_on_the_command_line() {
        for word in ["force", "once", "json"] {
            let hint = way_out(word);
            assert!(
                hint.ends_with(&format!("give --{word} on the command line")),
                "{hint}"
            );
        }
        assert!(way_out("relogin").starts_with("set FORCE_RELOGIN "));
        assert_eq!(
            way_out("colour"),
            "a key is an option of pull, push or bisync without its dashes, or one of local, remote, use-keyring, \
             keyring-service, auto-reauth, auto-reauth-max-attempts, verify-download, state-file, log-level, log-json, log-file"
        );
        assert_eq!(way_out("pairs"), "a pair is a table [pair.NAME]");
    }
}
