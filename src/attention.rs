//! Tells somebody who is not at the terminal that a person is needed: once an episode, not once a pass.
//!
//! An episode begins with the first pass that ends with code 4 (signing in needs a person) or 6 (a guard stopped it), and
//! ends with the first that goes through; each reason has its own. It is kept as a file beside the pair's baseline, so that a timer, which starts
//! a new process for each pass, tells once as well. A desktop is shown a notification, and a command of the user's is run;
//! neither can make a pass fail.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::Result,
    options::{Env, PassOptions},
    pass,
    report::sanitize::for_terminal,
    state::PairFiles,
};

/// A command that is not done by then goes on alone.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked whether it is done.
const TICK: Duration = Duration::from_millis(20);

/// What is told, and how.
pub(crate) struct Attention {
    files: PairFiles,
    hook: Option<String>,
    has_desktop: bool,
    local: PathBuf,
    remote: String,
}

impl Attention {
    /// Prepares to tell of one pair.
    ///
    /// # Errors
    /// `Usage` or `Local` where LOCAL can't be looked at.
    pub(crate) fn new(options: &PassOptions, hook: Option<&str>, env: &Env) -> Result<Self> {
        let session = ["DBUS_SESSION_BUS_ADDRESS", "WAYLAND_DISPLAY", "DISPLAY"];
        Ok(Self {
            files: pass::files(options)?,
            hook: hook.map(str::to_owned),
            has_desktop: session.iter().any(|name| env.os(name).is_some()),
            local: options.local.clone(),
            remote: options.remote.clone(),
        })
    }

    /// Takes note of how a pass ended, and tells if that begins an episode.
    pub(crate) fn heard(&self, end: &Result<u8>) {
        let exit_code = match end {
            Ok(exit_code) => *exit_code,
            Err(error) => error.exit_code(),
        };
        let noted = match (exit_code, end) {
            (0 | 3, _) => self.end(),
            (4 | 6, Err(error)) => self.begin(exit_code, &sentences(&error.chain(), error.hint())),
            // The session ended in the middle of a pass.
            (4, Ok(_)) => self.begin(4, "The session has ended. Run icloud-sync login."),
            // A pass that was stopped, or failed for a passing reason, says nothing about it.
            _ => Ok(()),
        };
        if let Err(error) = noted {
            log::warn!("cannot keep in mind whether a person was told: {error}");
        }
    }

    fn file(&self, exit_code: u8) -> PathBuf {
        self.files.folder.join(format!("attention-{exit_code}"))
    }

    fn end(&self) -> io::Result<()> {
        self.forget(4)?;
        self.forget(6)
    }

    fn forget(&self, exit_code: u8) -> io::Result<()> {
        match std::fs::remove_file(self.file(exit_code)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn begin(&self, exit_code: u8, reason: &str) -> io::Result<()> {
        self.files.create().map_err(io::Error::other)?;
        // Who was stopped by a guard was signed in: that episode is over.
        if exit_code == 6 {
            self.forget(4)?;
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.file(exit_code));
        let mut file = match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            other => other?,
        };
        let written = writeln!(file, "{}\n{reason}", jiff::Timestamp::now());
        self.tell(exit_code, reason);
        written
    }

    fn tell(&self, exit_code: u8, reason: &str) {
        let mut told: Vec<Child> = Vec::new();
        if self.has_desktop {
            let mut notify = Command::new("notify-send");
            // Desktops read markup in it.
            let plain = reason
                .replace('<', "‹")
                .replace('>', "›")
                .replace('&', "＆");
            notify.args(["--app-name=icloud-sync", "icloud-sync needs you", &plain]);
            told.extend(self.start(notify));
        }
        if let Some(hook) = &self.hook {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", hook])
                .env("ICLOUD_SYNC_REASON", reason)
                .env("ICLOUD_SYNC_CODE", exit_code.to_string())
                .env("ICLOUD_SYNC_LOCAL", &self.local)
                .env("ICLOUD_SYNC_REMOTE", &self.remote);
            told.extend(self.start(shell));
        }
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE
            && (told.iter_mut()).any(|child| matches!(child.try_wait(), Ok(None)))
        {
            thread::sleep(TICK);
        }
    }

    /// Starts a command that gets no secret, and can't write to what a program may read.
    fn start(&self, mut command: Command) -> Option<Child> {
        let name = command.get_program().to_string_lossy().into_owned();
        let started = command
            .env_remove("ICLOUD_PASSWORD")
            .env_remove("ICLOUD_2FA_CODE")
            .env_remove("METRICS_TOKEN")
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .spawn();
        started
            .inspect_err(|error| log::debug!("{name} for {}: {error}", self.local.display()))
            .ok()
    }
}

/// Writes what happened and what to do as whole sentences on one line. Without backquotes: a shell takes what is between
/// them for a command.
fn sentences(what: &str, hint: Option<&str>) -> String {
    let all: Vec<String> = [Some(what), hint]
        .into_iter()
        .flatten()
        .map(|text| {
            let text = text.replace('`', "");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            // The service's words may be in it: what no environment can hold (NUL) would keep the hook from being run.
            let text = for_terminal(&text);
            let mut letters = text.chars();
            let first = letters.next().map(char::to_uppercase);
            let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
            if !sentence.ends_with(['.', '?', '!']) {
                sentence.push('.');
            }
            sentence
        })
        .collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_plain_words_on_one_line() {
        assert_eq!(
            sentences(
                "not signed in",
                Some("run `icloud-sync login`\nin a terminal")
            ),
            "Not signed in. Run icloud-sync login in a terminal."
        );
        assert_eq!(sentences("status 500: a\0b", None), "Status 500: a\\u{0}b.");
        assert_eq!(
            sentences("guard 3: LOCAL is missing", Some("is its disk mounted?")),
            "Guard 3: LOCAL is missing. Is its disk mounted?"
        );
        assert_eq!(sentences("über", None), "Über.");
    }
}
