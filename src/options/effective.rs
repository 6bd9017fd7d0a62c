//! All settings with their values, for people who wonder where one comes from.

use super::{
    Verbosity,
    config::Words,
    layers::{Layers, Source},
    setting::{ENDPOINT, RUST_LOG, Setting},
};
use crate::{
    cli::{AccountArgs, CommonArgs, PassArgs, WatchArgs},
    cloud::endpoint::without_user,
    error::Result,
    plan::Verb,
};

/// One setting as a pass would have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Its flag, else its name in the environment.
    pub name: &'static str,
    /// Its key in the config file.
    pub key: Option<&'static str>,
    /// Its name in the environment.
    pub env: Option<&'static str>,
    /// Its value as it is written; empty for none. A secret is only said to be there.
    pub value: String,
    /// The place that it came from, or `default`.
    pub source: String,
    /// The same in a word or two, where name and key stand beside it.
    pub place: String,
}

/// What is read from the environment alone: by libraries, or before any file is. Of several names the first that is set
/// counts.
const OUTSIDE: &[&[&str]] = &[
    &[ENDPOINT],
    &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
    &["NO_PROXY", "no_proxy"],
    &["SSL_CERT_FILE"],
    &["SSL_CERT_DIR"],
    &[RUST_LOG],
    &["NO_COLOR"],
];

const DEFAULT: &str = "default";

impl Layers {
    /// Returns every setting as a pass with no flags but these would have it; `pair` is `@NAME`, or none.
    ///
    /// # Errors
    /// `Usage` for a bad value, named with its place, or a pair that is not there.
    pub fn effective(&mut self, pair: Option<&str>, of: &AccountArgs) -> Result<Vec<Effective>> {
        let args = PassArgs {
            local: pair.map(Into::into),
            account: of.clone(),
            ..PassArgs::default()
        };
        // What is shown is what would be taken: a value that would be refused is refused here.
        let (pass, account) = self.pass(Verb::Bisync, &args, Verbosity::default())?;
        self.watch(&WatchArgs::default())?;
        let log = self.log(&CommonArgs::default(), false)?;
        let mut all = Vec::with_capacity(Setting::ALL.len() + OUTSIDE.len());
        for setting in Setting::ALL.iter().copied() {
            // The two that a pair stands for are its own, whatever the places before it say; the rest is not.
            let is_root = matches!(setting, Setting::Local | Setting::Remote);
            let found = if pair.is_some() && is_root {
                self.of_pair(setting)
            } else {
                self.find(setting)?
            };
            let (value, source) = match found {
                Some((_, source)) if setting.is_secret() => ("(set)".into(), Some(source)),
                Some((Words::One(word), source)) => (word, Some(source)),
                Some((Words::Many(words), source)) => (words.join(","), Some(source)),
                None => (setting.default_text().into(), None),
            };
            all.push(Effective {
                name: setting.shown(),
                key: setting.key(),
                env: setting.env(),
                value,
                source: (source.as_ref()).map_or_else(|| DEFAULT.into(), ToString::to_string),
                place: source.as_ref().map_or_else(|| DEFAULT.into(), place),
            });
        }
        let given = [
            ("--account", of.account.is_some(), account.username.clone()),
            (
                "--region",
                of.region.is_some(),
                of.region.map(|one| format!("{one:?}").to_lowercase()),
            ),
        ];
        for (name, is_given, value) in given {
            if let (true, Some(row)) = (is_given, all.iter_mut().find(|row| row.name == name)) {
                name.clone_into(&mut row.source);
                name.clone_into(&mut row.place);
                row.value = value.unwrap_or_default();
            }
        }
        if pass.state_file.is_none()
            && let Some(row) = all.iter_mut().find(|row| row.env == Some("STATE_FILE"))
        {
            let of_each = pass.state_dir.join("pairs/*/baseline.jsonl");
            row.value = of_each.to_string_lossy().into_owned();
            row.source = "default: one for each pair".into();
            row.place = "one a pair".into();
        }
        all.extend(self.outside(log.directives.is_some()));
        let folders = [
            ("XDG_CONFIG_HOME", self.env.config_dir()),
            ("XDG_STATE_HOME", self.env.state_dir()),
        ];
        for (name, folder) in folders {
            let value = folder
                .ok()
                .and_then(|folder| Some(folder.parent()?.to_owned()));
            // A relative one does not count.
            let is_set = self
                .env
                .os(name)
                .is_some_and(|text| Some(text) == value.as_deref().map(AsRef::as_ref));
            let value = value.unwrap_or_default().to_string_lossy().into_owned();
            all.push(of_environment(name, value, is_set.then_some(name)));
        }
        let home = self
            .env
            .os("HOME")
            .map(|home| home.to_string_lossy().into_owned());
        let is_set = home.is_some();
        all.push(of_environment(
            "HOME",
            home.unwrap_or_default(),
            is_set.then_some("HOME"),
        ));
        Ok(all)
    }

    /// Returns what is read from the environment alone.
    fn outside(&self, has_directives: bool) -> Vec<Effective> {
        OUTSIDE
            .iter()
            .map(|names| {
                let found = names.iter().find_map(|name| {
                    let value = self.env.os(name)?.to_string_lossy().into_owned();
                    // One that can't be read is not used.
                    (*name != RUST_LOG || has_directives).then_some((*name, value))
                });
                let name = names.first().copied().unwrap_or_default();
                match found {
                    Some((from, value)) => of_environment(name, without_user(&value), Some(from)),
                    None => of_environment(name, String::new(), None),
                }
            })
            .collect()
    }
}

/// Makes a row of what the environment alone has, under a name of its own or of another.
fn of_environment(name: &'static str, value: String, from: Option<&str>) -> Effective {
    let place = match from {
        None => DEFAULT.to_owned(),
        Some(from) if from == name => "environment".to_owned(),
        Some(from) => from.to_owned(),
    };
    Effective {
        name,
        key: None,
        env: Some(name),
        value,
        source: from.map_or_else(|| DEFAULT.into(), |from| format!("environment {from}")),
        place,
    }
}

/// Says in a word or two where a value came from.
fn place(source: &Source) -> String {
    match source {
        Source::Flag(name) => (*name).to_owned(),
        Source::Env(_) => "environment".to_owned(),
        Source::DotEnv { line, .. } => format!(".env line {line}"),
        Source::Config { key, .. } => match key.rsplit_once('.') {
            Some((table, _)) => format!("[{table}]"),
            None => "config file".to_owned(),
        },
    }
}
