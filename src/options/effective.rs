//! All settings with their values, for people who wonder where one comes from.

use super::{Verbosity, config::Words, layers::Layers, setting::Setting};
use crate::{
    cli::{CommonArgs, PassArgs, WatchArgs},
    error::Result,
    plan::Verb,
};

/// One setting as a pass would have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Its flag, else its name in the environment.
    pub name: &'static str,
    /// Its value as it is written; empty for none. A secret is only said to be there.
    pub value: String,
    /// The place that it came from, or `default`.
    pub source: String,
}

impl Layers {
    /// Returns every setting as a pass without flags would have it; `pair` is `@NAME`, or none.
    ///
    /// # Errors
    /// `Usage` for a bad value, named with its place, or a pair that is not there.
    pub fn effective(&mut self, pair: Option<&str>) -> Result<Vec<Effective>> {
        let args = PassArgs {
            local: pair.map(Into::into),
            ..PassArgs::default()
        };
        // What is shown is what would be taken: a value that would be refused is refused here.
        self.pass(Verb::Bisync, &args, Verbosity::default())?;
        self.watch(&WatchArgs::default())?;
        self.log(&CommonArgs::default(), false)?;
        let mut all = Vec::with_capacity(Setting::ALL.len());
        for setting in Setting::ALL.iter().copied() {
            let found = match self.of_pair(setting) {
                Some(found) => Some(found),
                None => self.find(setting)?,
            };
            let (value, source) = match found {
                Some((_, source)) if setting.is_secret() => ("(set)".into(), source.to_string()),
                Some((Words::One(word), source)) => (word, source.to_string()),
                Some((Words::Many(words), source)) => (words.join(","), source.to_string()),
                None => (setting.default_text().into(), "default".into()),
            };
            all.push(Effective {
                name: setting.shown(),
                value,
                source,
            });
        }
        Ok(all)
    }
}
