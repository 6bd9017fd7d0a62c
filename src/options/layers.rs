//! Where a setting may come from, in the order of precedence: flag, environment, `.env`, config file,
//! default. In come the places, out goes one value with the name of the place that it came from.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    config::{Config, Words},
    dotenv::DotEnv,
    env::Env,
    nearest,
    setting::{ENDPOINT, Setting},
    value,
};
use crate::error::{Error, Kind, Result};

/// What nobody else should read in a file.
const SECRETS: [&str; 3] = ["ICLOUD_PASSWORD", "ICLOUD_2FA_CODE", "METRICS_TOKEN"];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The command line: a flag, or the name of an argument.
    Flag(&'static str),
    /// The environment.
    Env(&'static str),
    /// A `.env` file.
    DotEnv {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The name.
        name: &'static str,
    },
    /// The config file.
    Config {
        /// The file.
        path: PathBuf,
        /// The key, with its table.
        key: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => f.write_str(name),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::DotEnv { path, line, name } => {
                write!(f, "{} line {line}: {name}", path.display())
            }
            Self::Config { path, key } => write!(f, "{}: {key}", path.display()),
        }
    }
}

/// The places behind the command line, read.
#[derive(Debug, Default)]
pub struct Layers {
    pub(super) env: Env,
    dotenv: Option<(PathBuf, DotEnv)>,
    config: Option<Config>,
    pair: Option<String>,
    sources: BTreeMap<Setting, Source>,
    warnings: Vec<String>,
}

impl Layers {
    /// Reads the `.env` file (`env_file`, or `.env` of the working directory if there is one) and the config
    /// file (if there is one).
    ///
    /// # Errors
    /// `Usage` where a file can't be read, or is not of its form.
    pub fn load(env: &Env, env_file: Option<&Path>) -> Result<Self> {
        let path = env
            .directory()
            .join(env_file.unwrap_or_else(|| Path::new(".env")));
        let shown = env_file.map_or_else(|| PathBuf::from(".env"), Path::to_owned);
        // A folder of that name is a Python virtual environment, not ours.
        let dotenv = if env_file.is_none() && path.is_dir() {
            None
        } else {
            read(&path, &shown, env_file.is_some())?
                .map(|text| DotEnv::parse(&shown, &text).map(|dotenv| (shown, dotenv)))
                .transpose()?
        };
        let config = match env.config_dir() {
            Ok(folder) => {
                let path = folder.join("config.toml");
                read(&path, &path, false)?
                    .map(|text| Config::parse(&path, &text))
                    .transpose()?
            }
            Err(_) => None,
        };
        let mut warnings = Vec::new();
        if let Some((path, dotenv)) = &dotenv
            && dotenv.get(ENDPOINT).is_some()
        {
            warnings.push(format!(
                "{}: {ENDPOINT} is not read from a file; set it in the environment",
                path.display()
            ));
        }
        if let Some((shown, dotenv)) = &dotenv {
            warnings.extend(dotenv.names().filter_map(|(name, line)| {
                let meant = nearest::meant(name)?;
                let shown = shown.display();
                Some(format!(
                    "{shown} line {line}: {name:?} is no name of a setting; did you mean {meant}?"
                ))
            }));
        }
        if let Some((shown, dotenv)) = &dotenv
            && SECRETS.iter().any(|name| dotenv.get(name).is_some())
            && let Ok(metadata) = fs::metadata(&path)
            && metadata.permissions().mode() & 0o077 != 0
        {
            warnings.push(format!(
                "{}: others can read the secret in it (mode {:o}); make it private with `chmod 600`",
                shown.display(),
                metadata.permissions().mode() & 0o777
            ));
        }
        Ok(Self {
            env: env.clone(),
            dotenv,
            config,
            warnings,
            ..Self::default()
        })
    }

    /// Returns what was odd while reading, for people.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the settings that were given somewhere, each with the name of its place, sorted. No values: one
    /// may be a secret.
    pub fn provenance(&self) -> Vec<String> {
        self.sources
            .iter()
            .map(|(setting, source)| format!("{setting:?} is from {source}"))
            .collect()
    }

    /// Returns where a setting came from; `None` where it is the default.
    pub(crate) fn source_of(&self, setting: Setting) -> Option<String> {
        self.sources.get(&setting).map(ToString::to_string)
    }

    /// Puts the places that settings came from in front of an error that their values led to.
    pub(crate) fn blame(&self, settings: &[Setting], error: Error) -> Error {
        let places = settings.iter().filter_map(|one| self.source_of(*one));
        let places: Vec<String> = places.collect();
        if places.is_empty() {
            return error;
        }
        error.in_context(places.join(", "))
    }

    /// Checks what a path leads to, where it was given; `wrong` says what is wrong with it and what is expected.
    ///
    /// # Errors
    /// `Usage`, naming place, value and what is accepted.
    pub(super) fn expect_path(
        &self,
        setting: Setting,
        path: &Path,
        wrong: impl Fn(&Path) -> Option<String>,
    ) -> Result<()> {
        let Some(source) = self.sources.get(&setting) else {
            return Ok(());
        };
        match wrong(&self.env.directory().join(path)) {
            None => Ok(()),
            Some(why) => Err(bad_value(source, &path.to_string_lossy(), &why)),
        }
    }

    /// Takes note of something odd, once.
    pub(super) fn warn(&mut self, text: String) {
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }

    /// Returns the config file that is read, if there is one.
    pub fn config_file(&self) -> Option<&Path> {
        self.config.as_ref().map(Config::path)
    }

    /// Returns the `.env` file that is read, if there is one.
    pub fn env_file(&self) -> Option<&Path> {
        let (path, _) = self.dotenv.as_ref()?;
        Some(path)
    }

    /// Returns the names of the settings that come from the environment.
    pub fn from_environment(&self) -> Vec<&'static str> {
        (self.sources.values())
            .filter_map(|source| match source {
                Source::Env(name) => Some(*name),
                Source::Flag(_) | Source::DotEnv { .. } | Source::Config { .. } => None,
            })
            .collect()
    }

    /// Takes the pair `name` of the config file.
    ///
    /// # Errors
    /// `Usage` where there is no such pair; names those that are.
    pub(super) fn choose_pair(&mut self, name: &str) -> Result<()> {
        let known: Vec<_> = self.config.iter().flat_map(Config::pairs).collect();
        if !known.contains(&name) {
            let place = match (&self.config, self.env.config_dir()) {
                (Some(config), _) => config.path().display().to_string(),
                (None, Ok(folder)) => folder.join("config.toml").display().to_string(),
                (None, Err(_)) => "the config file".into(),
            };
            let error = Error::new(
                Kind::Usage,
                format!("@{name}: there is no table [pair.{name}] in {place}"),
            );
            return Err(if known.is_empty() {
                error.with_hint(format!("for a folder of this name write ./@{name}"))
            } else {
                error.with_hint(format!("known pairs: @{}", known.join(", @")))
            });
        }
        self.pair = Some(name.to_owned());
        Ok(())
    }

    /// Returns what the chosen pair's own table says.
    pub(super) fn of_pair(&self, setting: Setting) -> Option<(Words, Source)> {
        let config = self.config.as_ref()?;
        let (words, key) = config.get(self.pair.as_deref(), setting)?;
        (self.pair.is_some() && key.starts_with("pair.")).then(|| {
            (
                words.clone(),
                Source::Config {
                    path: config.path().to_owned(),
                    key: key.to_owned(),
                },
            )
        })
    }

    /// Finds what the places behind the command line say.
    pub(super) fn find(&self, setting: Setting) -> Result<Option<(Words, Source)>> {
        if let Some(name) = setting.env() {
            if let Some(text) = self.env.text(name)? {
                return Ok(Some((Words::One(text.to_owned()), Source::Env(name))));
            }
            if let Some((path, dotenv)) = &self.dotenv
                && let Some((text, line)) = dotenv.get(name)
            {
                let source = Source::DotEnv {
                    path: path.clone(),
                    line,
                    name,
                };
                return Ok(Some((Words::One(text.to_owned()), source)));
            }
        }
        let Some(config) = &self.config else {
            return Ok(None);
        };
        Ok(config
            .get(self.pair.as_deref(), setting)
            .map(|(words, key)| {
                let source = Source::Config {
                    path: config.path().to_owned(),
                    key: key.to_owned(),
                };
                (words.clone(), source)
            }))
    }

    /// Settles one value: the flag if given, else what the first place says, read by `parse`.
    ///
    /// # Errors
    /// `Usage`, naming place, value and what is accepted.
    pub(super) fn settle<T>(
        &mut self,
        setting: Setting,
        flag: Option<T>,
        parse: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        if let (Some(value), Some(name)) = (flag, setting.flag()) {
            self.sources.insert(setting, Source::Flag(name));
            return Ok(Some(value));
        }
        let Some((words, source)) = self.find(setting)? else {
            return Ok(None);
        };
        let value = one(&words, &source).and_then(|text| {
            parse(text).map_err(|accepted| {
                if setting.is_secret() {
                    Error::new(Kind::Usage, format!("{source}: bad value: {accepted}"))
                } else {
                    bad_value(&source, text, &accepted)
                }
            })
        })?;
        self.sources.insert(setting, source);
        Ok(Some(value))
    }

    /// Settles a truth value; the flag, where given, says `when_given`.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub(super) fn settle_bool(
        &mut self,
        setting: Setting,
        is_given: bool,
        when_given: bool,
    ) -> Result<Option<bool>> {
        self.settle(setting, is_given.then_some(when_given), value::boolean)
    }

    /// Settles a list of patterns. Those of one place replace those of the places behind it.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub(super) fn settle_patterns(
        &mut self,
        setting: Setting,
        flags: &[String],
    ) -> Result<Vec<String>> {
        let (patterns, source) = if let (false, Some(name)) = (flags.is_empty(), setting.flag()) {
            let split = flags.iter().flat_map(|text| value::patterns(text));
            (split.collect(), Source::Flag(name))
        } else {
            match self.find(setting)? {
                None => return Ok(Vec::new()),
                Some((Words::One(text), source)) => (value::patterns(&text), source),
                // A list's elements are patterns as they stand: commas are separators elsewhere only.
                Some((Words::Many(texts), source)) => (texts, source),
            }
        };
        for text in &patterns {
            value::pattern(text).map_err(|accepted| bad_value(&source, text, &accepted))?;
        }
        self.sources.insert(setting, source);
        Ok(patterns)
    }

    /// Settles a path. `~` is the home directory but on the command line, where the shell has seen to it.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub(super) fn settle_path(
        &mut self,
        setting: Setting,
        flag: Option<&Path>,
    ) -> Result<Option<PathBuf>> {
        if let (Some(path), Some(name)) = (flag, setting.flag()) {
            let source = Source::Flag(name);
            if path.as_os_str().is_empty() {
                return Err(Error::new(
                    Kind::Usage,
                    format!("{source}: the path is empty"),
                ));
            }
            self.sources.insert(setting, source);
            return Ok(Some(path.to_owned()));
        }
        let Some((words, source)) = self.find(setting)? else {
            return Ok(None);
        };
        self.take_path(setting, &words, source).map(Some)
    }

    /// Takes the path that `words` say, from `source`.
    ///
    /// # Errors
    /// As [`Self::settle_path`].
    pub(super) fn take_path(
        &mut self,
        setting: Setting,
        words: &Words,
        source: Source,
    ) -> Result<PathBuf> {
        let text = one(words, &source)?;
        let path = self.env.expand(text)?;
        self.sources.insert(setting, source);
        Ok(path)
    }
}

/// Makes the error of a bad value.
pub(super) fn bad_value(source: &Source, text: &str, accepted: &str) -> Error {
    let text = format!("{source}: bad value {text:?}: {accepted}");
    Error::new(Kind::Usage, text)
}

/// Returns the one word of a value.
pub(super) fn one<'a>(words: &'a Words, source: &Source) -> Result<&'a str> {
    match words {
        Words::One(text) => Ok(text),
        Words::Many(_) => Err(Error::new(
            Kind::Usage,
            format!("{source}: one value is expected, not a list"),
        )),
    }
}

/// Reads a file as text; `None` where it is not there and need not be.
fn read(path: &Path, shown: &Path, must_be: bool) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_be => Ok(None),
        Err(error) => {
            let flag = if must_be { "--env-file: " } else { "" };
            let context = format!("{flag}cannot read \"{}\"", shown.display());
            Err(Error::new(Kind::Usage, context).with_source(error))
        }
    }
}
