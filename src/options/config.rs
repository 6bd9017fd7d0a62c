//! The config file: TOML text in, values by key out, each with the name of its place.
//!
//! Keys are the long flags without their dashes, at the top level for all pairs, or in a table
//! `[pair.NAME]` for one. An unknown key is an error: a misspelt guard must not be passed over. So is a bad value, even
//! where a flag or a variable goes before it: the file is wrong, and would be noticed on a worse day.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{nearest, setting::Setting, value};
use crate::error::{Error, Kind, Result};

/// A value as it is written: one word, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Words {
    /// A text, number or truth value, as text.
    One(String),
    /// A list of them.
    Many(Vec<String>),
}

type Table = BTreeMap<Setting, (Words, String)>;

/// What the config file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    path: PathBuf,
    top: Table,
    pairs: BTreeMap<String, Table>,
}

impl Config {
    /// Reads the text of the file `path`, which is only named in errors.
    ///
    /// # Errors
    /// `Usage`, naming file and key or line.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self> {
        let at = |error: Error| error.in_context(path.display());
        let bad = |what: String| Error::new(Kind::Usage, format!("{}: {what}", path.display()));
        let whole: toml::Table = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            bad(format!(
                "line {line}: {}",
                error.message().replace('\n', ", ")
            ))
        })?;
        let mut config = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        for (key, value) in &whole {
            if key != "pair" {
                let (setting, words) = entry(key, value, key).map_err(at)?;
                config.top.insert(setting, (words, key.clone()));
                continue;
            }
            let pairs = value
                .as_table()
                .ok_or_else(|| bad("pair: tables [pair.NAME] are expected".into()))?;
            for (name, value) in pairs {
                let table = value.as_table().ok_or_else(|| {
                    bad(format!("pair.{name}: a table [pair.{name}] is expected"))
                })?;
                let mut pair = Table::new();
                for (key, value) in table {
                    let place = format!("pair.{name}.{key}");
                    let (setting, words) = entry(key, value, &place).map_err(at)?;
                    if matches!(
                        setting,
                        Setting::LogLevel | Setting::LogJson | Setting::LogFile
                    ) {
                        return Err(bad(format!(
                            "{place}: this key belongs to the top of the file"
                        )));
                    }
                    pair.insert(setting, (words, place));
                }
                config.pairs.insert(name.clone(), pair);
            }
        }
        Ok(config)
    }

    /// Returns the file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the names of the pairs, sorted.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = &str> {
        self.pairs.keys().map(String::as_str)
    }

    /// Returns the value of a setting and the name of its place: of the pair if it has one there, else
    /// of the top level.
    pub(crate) fn get(&self, pair: Option<&str>, setting: Setting) -> Option<(&Words, &str)> {
        pair.and_then(|name| self.pairs.get(name))
            .and_then(|table| table.get(&setting))
            .or_else(|| self.top.get(&setting))
            .map(|(words, place)| (words, place.as_str()))
    }
}

fn entry(key: &str, value: &toml::Value, place: &str) -> Result<(Setting, Words)> {
    let bad = |what: String| Error::new(Kind::Usage, format!("{place}: {what}"));
    let name = key.replace('_', "-");
    let setting = Setting::ALL
        .iter()
        .copied()
        .find(|setting| setting.key() == Some(&name))
        .ok_or_else(|| bad("no such key".into()).with_hint(nearest::way_out(&name)))?;
    let words = match value {
        toml::Value::Array(values) => Words::Many(
            values
                .iter()
                .map(|value| scalar(value).map_err(bad))
                .collect::<Result<_>>()?,
        ),
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => Words::One(scalar(value).map_err(bad)?),
    };
    let split;
    let values = match &words {
        Words::One(text) if setting.is_list() => {
            split = value::patterns(text);
            split.as_slice()
        }
        Words::One(text) => std::slice::from_ref(text),
        Words::Many(texts) if setting.is_list() => texts,
        Words::Many(_) => return Err(bad("one value is expected, not a list".into())),
    };
    for text in values {
        setting
            .check(text)
            .map_err(|accepted| bad(format!("bad value {text:?}: {accepted}")))?;
    }
    Ok((setting, words))
}

fn scalar(value: &toml::Value) -> std::result::Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(truth) => Ok(truth.to_string()),
        toml::Value::Float(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => Err(format!(
            "a text, a whole number, true or false is expected, not a {}",
            value.type_str()
        )),
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(Path::new("config.toml"), text)
    }

    #[test]
    fn a_pair_goes_before_the_top_level() {
        let config = parse(
            "trash-days = 7\nexclude = [\"*.tmp\", \"*.bak\"]\n[pair.docs]\nlocal = \"~/Docs\"\ntrash_days = 9\n",
        )
        .unwrap();
        let one = |text: &str| Words::One(text.into());
        assert_eq!(
            config.get(Some("docs"), Setting::TrashDays),
            Some((&one("9"), "pair.docs.trash_days"))
        );
        assert_eq!(
            config.get(None, Setting::TrashDays),
            Some((&one("7"), "trash-days"))
        );
        let many = Words::Many(vec!["*.tmp".into(), "*.bak".into()]);
        assert_eq!(
            config.get(Some("docs"), Setting::Exclude),
            Some((&many, "exclude"))
        );
        assert_eq!(config.pairs().collect::<Vec<_>>(), ["docs"]);
    }

    #[test]
    fn a_bad_value_is_one_wherever_it_is_and_whatever_goes_before_it() {
        for (text, words) in [
            (
                "conflict = \"x\"",
                "config.toml: conflict: bad value \"x\": prefer-newer, ",
            ),
            (
                "[pair.b]\nexclude = [\"ok\", \"a[b\"]",
                "config.toml: pair.b.exclude: bad value \"a[b\": unclosed character class",
            ),
            (
                "ignore = \"*.tmp,a{b\"",
                "config.toml: ignore: bad value \"a{b\": unclosed alternate group",
            ),
            (
                "transfers = [1]",
                "config.toml: transfers: one value is expected, not a list",
            ),
            (
                "[pair.b]\nstate-file = \"x\"",
                "config.toml: pair.b.state-file: bad value \"x\": a path that begins with / or ~/",
            ),
            (
                "keyring-service = \"\"",
                "config.toml: keyring-service: bad value \"\": a name",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.chain().starts_with(words), "{}", error.chain());
        }
    }

    #[test]
    fn an_unknown_key_comes_with_a_way_out_and_without_its_value() {
        let error = parse("[pair.docs]\npassword = \"hunter2\"").unwrap_err();
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("set ICLOUD_PASSWORD in the environment"),
            "{hint}"
        );
        assert_eq!(
            error.chain(),
            "config.toml: pair.docs.password: no such key"
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, words) in [
            ("max-delte = 3", "config.toml: max-delte: no such key"),
            ("a = 1\nb = = 2", "config.toml: line 2: "),
            (
                "[pair.docs]\nspeed = 3",
                "config.toml: pair.docs.speed: no such key",
            ),
            ("pair = 3", "config.toml: pair: tables"),
            ("[pair]\ndocs = 3", "config.toml: pair.docs: a table"),
            (
                "[pair.x]\nlog-level = \"info\"",
                "pair.x.log-level: this key belongs to the top",
            ),
            (
                "trash-days = 1.5",
                "config.toml: trash-days: a text, a whole number",
            ),
            ("password = \"x\"", "config.toml: password: no such key"),
            ("ICLOUD_SYNC_ENDPOINT = \"http://x\"", "no such key"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.chain().contains(words), "{}", error.chain());
        }
    }
}
