//! `service`: systemd user units that run a pass by themselves, as a timer or as a watch.
//!
//! Comes in: what to run, where and how often. Goes out: the text of the units; [`install`] and [`remove`] also write
//! and remove the files and tell systemd. A file that this program did not write is neither replaced nor removed. No
//! secret is in a unit: what signs in is the session, the keyring or the config file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Parser as _;

use crate::{
    error::{Error, Kind, Result},
    plan::Verb,
    report::{Console, sanitize::for_terminal},
    state::replace_file,
};

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
    /// Other folders that are written to: the program's state.
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
        // Wrong settings, a person who is needed, a guard: starting again helps none of them.
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

/// Checks that the command line of a unit is one: a mistake is told now, not in a log at night.
///
/// # Errors
/// `Usage`.
pub fn expect_parses(unit: &Unit) -> Result<()> {
    crate::cli::Cli::try_parse_from(unit.words())
        .map(drop)
        .map_err(|error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let why = first.strip_prefix("error: ").unwrap_or(first);
            let command = unit.words().split_off(1).join(" ");
            Error::new(Kind::Usage, format!("`icloud-sync {command}`: {why}"))
        })
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

/// Writes the units into `folder`, and has systemd run them.
///
/// # Errors
/// `Usage` where LOCAL is missing; `Exists` where a file there is not this program's; `Local`; `Other` where systemd
/// refuses.
pub fn install(unit: &Unit, folder: &Path, console: &Console) -> Result<()> {
    if !unit.local.is_dir() {
        let text = format!("LOCAL \"{}\" does not exist", unit.local.display());
        return Err(Error::new(Kind::Usage, text).with_hint(
            "run the first pass by hand: `icloud-sync pull` makes LOCAL, and you see what it does",
        ));
    }
    let files = unit.files();
    for (name, _) in &files {
        expect_own(&folder.join(name))?;
    }
    fs::create_dir_all(folder)
        .map_err(|error| Error::io(format!("cannot make {}", folder.display()), error))?;
    for (name, text) in &files {
        replace_file(&folder.join(name), |out| out.write_all(text.as_bytes()))?;
        let path = folder.join(name);
        console.tell(&format!(
            "wrote {}\n",
            for_terminal(&path.to_string_lossy())
        ));
    }
    // What was installed before as the other sort must not run beside it.
    if unit.is_watch && folder.join(unit.file("timer")).exists() {
        let way_out = "remove the timer that was installed before, then install again";
        systemctl(&["disable", "--now", &unit.file("timer")], way_out)?;
        remove_file(&folder.join(unit.file("timer")))?;
    }
    let way_out = "the files are in place: run it yourself where systemd runs for your user, or use cron (see README)";
    systemctl(&["daemon-reload"], way_out)?;
    systemctl(&["enable", "--now", &unit.started()], way_out)?;
    console.tell(&format!(
        "{} runs now, and whenever you are logged in.\n\
         To let it run without: loginctl enable-linger\n\
         To see what it did: journalctl --user -u {}\n",
        unit.started(),
        unit.file("service"),
    ));
    Ok(())
}

/// Stops the units of this name, and removes their files from `folder`.
///
/// # Errors
/// `Usage` where there are none; `Exists` where a file is not this program's; `Local`; `Other` where systemd refuses.
pub fn remove(name: &str, folder: &Path, console: &Console) -> Result<()> {
    let found: Vec<String> = (["timer", "service"].iter())
        .map(|kind| file(name, kind))
        .filter(|file| folder.join(file).exists())
        .collect();
    if found.is_empty() {
        let text = format!(
            "there is no unit {} in {}",
            file(name, "service"),
            folder.display()
        );
        return Err(Error::new(Kind::Usage, text).with_hint(
            "name it as it was installed: `icloud-sync service remove @NAME`, or --name NAME",
        ));
    }
    for file in &found {
        expect_own(&folder.join(file))?;
    }
    let way_out = "run it yourself where systemd runs for your user, then delete the file";
    for file in &found {
        systemctl(&["disable", "--now", file], way_out)?;
        remove_file(&folder.join(file))?;
        let path = folder.join(file);
        console.tell(&format!(
            "removed {}\n",
            for_terminal(&path.to_string_lossy())
        ));
    }
    systemctl(&["daemon-reload"], way_out)
}

fn remove_file(path: &Path) -> Result<()> {
    fs::remove_file(path)
        .map_err(|error| Error::io(format!("cannot remove {}", path.display()), error))
}

/// Checks that a file, if it is there, was written here.
fn expect_own(path: &Path) -> Result<()> {
    match fs::read_to_string(path) {
        Ok(text) if text.starts_with(MARK) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(_) | Err(_) => {
            let text = format!("{} was not written by icloud-sync", path.display());
            Err(Error::new(Kind::Exists, text)
                .with_hint("move it away, or choose another name with --name"))
        }
    }
}

fn systemctl(words: &[&str], way_out: &str) -> Result<()> {
    let shown = format!("systemctl --user {}", words.join(" "));
    let output = Command::new("systemctl").arg("--user").args(words).output();
    let why = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let text = format!("`{shown}` failed: {}", for_terminal(&why));
    Err(Error::new(Kind::Other, text).with_hint(way_out))
}

#[cfg(test)]
mod tests;
