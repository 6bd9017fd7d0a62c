//! `service`: systemd user units that run a pass by themselves, as a timer or as a watch.
//!
//! Comes in: what to run, where and how often. Goes out: the text of the units; [`install()`] and [`remove`] also write
//! and remove the files and tell systemd. A file that this program did not write is neither replaced nor removed. No
//! secret is in a unit: what signs in is the session, the keyring or the config file.

mod install;

use std::path::{Component, Path, PathBuf};

use clap::Parser as _;

use super::pass_args;
use crate::{
    cli::Cli,
    error::{Error, Kind, Result},
    options::{Env, Layers, Setting, Verbosity},
    plan::Verb,
};

pub use install::{install, remove};

/// The first line of each file, by which it is known again.
const MARK: &str = "# Written by icloud-sync service; changes are lost when it is installed again.";

/// Seconds after which a watch that failed is started again.
const RESTART: u32 = 60;

/// What a pass reads of its environment that no file can hold, and that is no secret.
pub const ENVIRONMENT: &[&str] = &[
    "ICLOUD_SYNC_ENDPOINT",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
];

/// What is to run.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Tells the units of different pairs apart: letters, digits and hyphens.
    pub name: String,
    /// The program, absolute.
    pub program: PathBuf,
    /// Which way.
    pub verb: Verb,
    /// `@NAME`, or LOCAL (absolute) and REMOTE.
    pub pair: Vec<String>,
    /// Further arguments of the pass.
    pub more: Vec<String>,
    /// LOCAL, absolute.
    pub local: PathBuf,
    /// Other folders that are written to: the program's state, and those of files that settings name.
    pub writes: Vec<PathBuf>,
    /// Environment that the pass needs; never a secret.
    pub env: Vec<(String, String)>,
    /// Seconds between passes.
    pub interval: u32,
    /// One process that stays, in place of a timer.
    pub is_watch: bool,
}

impl Unit {
    fn file(&self, kind: &str) -> String {
        file(&self.name, kind)
    }

    /// Returns the unit that is enabled.
    fn started(&self) -> String {
        self.file(if self.is_watch { "service" } else { "timer" })
    }

    /// Returns the files: each name with its text.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = vec![(self.file("service"), self.service())];
        if !self.is_watch {
            files.push((self.file("timer"), self.timer()));
        }
        files
    }

    /// Returns the command line.
    fn words(&self) -> Vec<String> {
        let mut words = vec![
            self.program.to_string_lossy().into_owned(),
            self.verb.as_str().to_owned(),
        ];
        if self.is_watch {
            words.extend([
                "--watch".into(),
                "--interval".into(),
                self.interval.to_string(),
            ]);
        } else {
            // The timer is what repeats it, whatever the config file says.
            words.push("--once".into());
        }
        words.extend(self.more.iter().cloned());
        words.extend(self.pair.iter().cloned());
        words
    }

    fn service(&self) -> String {
        let command: Vec<String> = self.words().iter().map(|word| argument(word)).collect();
        let mut text = format!(
            "{MARK}\n\n[Unit]\nDescription=iCloud Drive: {} {}\n\n[Service]\n",
            self.verb.as_str(),
            escaped(&self.pair.join(" ")),
        );
        let mut line = |words: String| {
            text.push_str(&words);
            text.push('\n');
        };
        line(format!(
            "Type={}",
            if self.is_watch { "exec" } else { "oneshot" }
        ));
        line(format!("ExecStart={}", command.join(" ")));
        for (name, value) in &self.env {
            line(format!(
                "Environment={}",
                quoted(&format!("{name}={value}"))
            ));
        }
        if self.is_watch {
            line("ExecReload=kill -HUP $MAINPID".into());
            line("Restart=on-failure".into());
            line(format!("RestartSec={RESTART}"));
            // A pass of its own sort must end first; a second signal would not be kinder.
            line("TimeoutStopSec=120".into());
        }
        // A watch ends by itself for wrong settings alone, and waits for a person or a guard; systemd starts no single
        // pass again. All three are named, since starting again would help with none of them.
        line("RestartPreventExitStatus=2 4 6".into());
        line("# Some items were left alone for a problem: the log names them; and another pass was at work.".into());
        line("SuccessExitStatus=3 7".into());
        line("Nice=10".into());
        line("NoNewPrivileges=yes".into());
        line("ProtectSystem=strict".into());
        let writes = std::iter::once(&self.local).chain(&self.writes);
        for path in writes {
            // Prefixed so that a folder which is not there yet does not keep the unit from starting.
            line(format!(
                "ReadWritePaths={}",
                quoted(&format!("-{}", path.display()))
            ));
        }
        for word in [
            "PrivateTmp=yes",
            "ProtectControlGroups=yes",
            "ProtectKernelModules=yes",
            "ProtectKernelTunables=yes",
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
            "RestrictRealtime=yes",
            "RestrictSUIDSGID=yes",
            "LockPersonality=yes",
            "MemoryDenyWriteExecute=yes",
            "SystemCallArchitectures=native",
        ] {
            line(word.into());
        }
        if self.is_watch {
            line("\n[Install]\nWantedBy=default.target".into());
        }
        text
    }

    fn timer(&self) -> String {
        format!(
            "{MARK}\n\n[Unit]\nDescription=iCloud Drive: {} {}, every {} s\n\n\
             [Timer]\nOnStartupSec=2min\nOnUnitInactiveSec={}s\nRandomizedDelaySec={}s\n\n\
             [Install]\nWantedBy=timers.target\n",
            self.verb.as_str(),
            escaped(&self.pair.join(" ")),
            self.interval,
            self.interval,
            self.interval / 10,
        )
    }
}

fn file(name: &str, kind: &str) -> String {
    format!("icloud-sync-{name}.{kind}")
}

/// Doubles what systemd would replace.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            // A backslash at the end of a line would take the next one in.
            '\n' | '\r' | '\\' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// Writes a word of a command line, where systemd also replaces variables.
fn argument(word: &str) -> String {
    quoted(&word.replace('$', "$$"))
}

/// Writes a word as systemd reads one, whatever is in it.
fn quoted(word: &str) -> String {
    let mut out = String::from("\"");
    for c in word.chars() {
        match c {
            '%' => out.push_str("%%"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./@=:".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    out
}

/// Checks that the command line of a unit is one that a pass takes: a mistake is told now, not in a log at night.
///
/// # Errors
/// `Usage`.
pub fn expect_sensible(unit: &Unit, layers: &mut Layers) -> Result<()> {
    let command = unit.words().split_off(1).join(" ");
    let cli = Cli::try_parse_from(unit.words()).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let why = first.strip_prefix("error: ").unwrap_or(first);
        Error::new(Kind::Usage, why)
    });
    cli.and_then(|cli| {
        pass_args(&cli.command).map_or(Ok(()), |pass| layers.watch(&pass.watch).map(drop))
    })
    .map_err(|error| error.in_context(format!("`icloud-sync {command}`")))
}

/// Options of a pass that name a file to be read.
const FILES: [&str; 2] = ["--env-file", "--filter-from"];

/// Returns the options of a pass with the files in them named from the root on: the service starts elsewhere.
///
/// # Errors
/// `Local` where the working directory can't be found.
pub fn at_home_anywhere(more: &[String]) -> Result<Vec<String>> {
    let mut is_file = false;
    let from_root = |word: &str| {
        let path = whole(Path::new(word))?;
        Ok(path.to_string_lossy().into_owned())
    };
    more.iter()
        .map(|word| {
            if std::mem::replace(&mut is_file, FILES.contains(&word.as_str())) {
                is_file = false;
                return from_root(word);
            }
            match word.split_once('=') {
                Some((flag, file)) if FILES.contains(&flag) => {
                    Ok(format!("{flag}={}", from_root(file)?))
                }
                _ => Ok(word.clone()),
            }
        })
        .collect()
}

/// Returns a path from the root on, without the `..` that systemd takes in no path. Links stay, but where a `..` leads past one.
///
/// # Errors
/// `Local` where the working directory can't be found.
pub fn whole(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path)
        .map_err(|error| Error::io("cannot find the working directory", error))?;
    if !path.components().any(|part| part == Component::ParentDir) {
        return Ok(path);
    }
    if let Ok(there) = path.canonicalize() {
        return Ok(there);
    }
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    Ok(plain)
}

/// Returns the folders of the files that the settings of a unit's passes have written, and that it could not write to as it
/// is.
///
/// # Errors
/// `Usage` for a setting that no pass would take, and where such a folder is missing.
pub fn more_writes(unit: &Unit, env: &Env) -> Result<Vec<PathBuf>> {
    let Ok(cli) = Cli::try_parse_from(unit.words()) else {
        return Ok(Vec::new());
    };
    let Some(pass) = pass_args(&cli.command) else {
        return Ok(Vec::new());
    };
    let mut layers = Layers::load(env, cli.common.env_file.as_deref())?;
    let (options, _) = layers.pass(unit.verb, pass, Verbosity::new(&cli.common))?;
    let log = layers.log(&cli.common, false)?;
    let mut found: Vec<PathBuf> = Vec::new();
    let files = [
        (Setting::StateFile, options.state_file),
        (Setting::LogFile, log.file),
    ];
    for (setting, file) in files {
        let Some(file) = file else { continue };
        // systemd starts what a user runs in the home directory.
        let file = whole(&env.home().unwrap_or_default().join(file))?;
        let Some(folder) = file.parent() else {
            continue;
        };
        if !folder.is_dir() {
            let text = format!("there is no folder {}", folder.display());
            let error = Error::new(Kind::Usage, text)
                .with_hint("make it first: the service can write only where its unit lets it");
            return Err(layers.blame(&[setting], error));
        }
        let known = std::iter::once(&unit.local).chain(&unit.writes);
        if !known.chain(&found).any(|other| folder.starts_with(other)) {
            found.push(folder.to_owned());
        }
    }
    Ok(found)
}

/// Makes a name for units out of any text.
pub fn name_of(text: &str) -> String {
    let plain: String = (text.to_lowercase().chars())
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = plain
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    if name.is_empty() {
        "default".into()
    } else {
        name
    }
}

#[cfg(test)]
mod tests;
