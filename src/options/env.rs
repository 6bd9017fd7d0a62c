//! The process's surroundings as a value, so that nothing else asks the process.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

use crate::error::{Error, Kind, Result};

/// Environment variables and the working directory.
#[derive(Clone, Default)]
pub struct Env {
    vars: BTreeMap<OsString, OsString>,
    directory: PathBuf,
}

impl Env {
    /// Takes the environment and working directory of the process.
    pub fn of_process() -> Self {
        Self {
            vars: std::env::vars_os().collect(),
            directory: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// Makes one of these variables and this working directory.
    pub fn new<K: Into<OsString>, V: Into<OsString>>(
        vars: impl IntoIterator<Item = (K, V)>,
        directory: impl Into<PathBuf>,
    ) -> Self {
        Self {
            vars: vars
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            directory: directory.into(),
        }
    }

    /// Returns a variable, or `None` where it is not set or empty.
    pub fn os(&self, name: &str) -> Option<&OsStr> {
        self.vars
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns a variable as text, or `None` where it is not set or empty.
    ///
    /// # Errors
    /// `Usage` where it is not UTF-8. The value is not shown: it may be a secret.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        self.os(name)
            .map(|value| {
                value.to_str().ok_or_else(|| {
                    Error::new(
                        Kind::Usage,
                        format!("environment {name}: the value is not UTF-8"),
                    )
                })
            })
            .transpose()
    }

    /// Returns the working directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the home directory.
    ///
    /// # Errors
    /// `Usage` where HOME is not set, or not absolute.
    pub fn home(&self) -> Result<PathBuf> {
        self.os("HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .ok_or_else(|| {
                Error::new(Kind::Usage, "HOME is not set, or not an absolute path")
                    .with_hint("set HOME, or name LOCAL and set XDG_STATE_HOME and XDG_CONFIG_HOME")
            })
    }

    /// Returns `$XDG_CONFIG_HOME/icloud-sync`.
    ///
    /// # Errors
    /// As [`Self::home`], where that is needed.
    pub fn config_dir(&self) -> Result<PathBuf> {
        self.xdg("XDG_CONFIG_HOME", ".config")
    }

    /// Returns `$XDG_STATE_HOME/icloud-sync`.
    ///
    /// # Errors
    /// As [`Self::home`], where that is needed.
    pub fn state_dir(&self) -> Result<PathBuf> {
        self.xdg("XDG_STATE_HOME", ".local/state")
    }

    /// A relative value does not count, as the XDG base directory specification has it.
    fn xdg(&self, name: &str, usual: &str) -> Result<PathBuf> {
        let base = match self
            .os(name)
            .map(Path::new)
            .filter(|path| path.is_absolute())
        {
            Some(path) => path.to_owned(),
            None => self.home()?.join(usual),
        };
        Ok(base.join("icloud-sync"))
    }

    /// Replaces a leading `~` or `~/` by the home directory. `~name` stays as it is.
    ///
    /// # Errors
    /// As [`Self::home`], where that is needed.
    pub fn expand(&self, path: &str) -> Result<PathBuf> {
        match path.strip_prefix('~') {
            Some("") => self.home(),
            Some(rest) if rest.starts_with('/') => {
                Ok(self.home()?.join(rest.trim_start_matches('/')))
            }
            Some(_) | None => Ok(path.into()),
        }
    }
}

/// Names only: a value may be a secret.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("vars", &self.vars.keys())
            .field("directory", &self.directory)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        Env::new(vars.iter().copied(), "/work")
    }

    #[test]
    fn a_relative_xdg_value_does_not_count() {
        let env = env(&[
            ("HOME", "/home/anna"),
            ("XDG_CONFIG_HOME", "conf"),
            ("XDG_STATE_HOME", "/state"),
        ]);
        assert_eq!(
            env.config_dir().unwrap(),
            Path::new("/home/anna/.config/icloud-sync")
        );
        assert_eq!(env.state_dir().unwrap(), Path::new("/state/icloud-sync"));
    }

    #[test]
    fn without_a_home_only_what_needs_it_fails() {
        let env = env(&[("XDG_STATE_HOME", "/state")]);
        assert!(env.state_dir().is_ok());
        assert_eq!(env.config_dir().unwrap_err().kind(), Kind::Usage);
        assert_eq!(env.expand("~/x").unwrap_err().kind(), Kind::Usage);
        assert_eq!(env.expand("/x").unwrap(), Path::new("/x"));
    }

    #[test]
    fn a_tilde_is_the_home_only_at_the_start_and_alone() {
        let env = env(&[("HOME", "/h")]);
        assert_eq!(env.expand("~").unwrap(), Path::new("/h"));
        assert_eq!(env.expand("~/a").unwrap(), Path::new("/h/a"));
        assert_eq!(env.expand("~bob/a").unwrap(), Path::new("~bob/a"));
        assert_eq!(env.expand("a/~").unwrap(), Path::new("a/~"));
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", env(&[("ICLOUD_PASSWORD", "hunter2")]));
        assert!(shown.contains("ICLOUD_PASSWORD"));
        assert!(!shown.contains("hunter2"));
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!(env(&[("A", "")]).text("A").unwrap(), None);
    }
}
