//! The files of the units, and what systemd is told of them.
//!
//! The files are this program's affair, and are written and removed whether or not systemd can be told: it runs for
//! nobody in a container, or in a session without a bus. What it was not told is said.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use super::{MARK, Unit, file};
use crate::{
    error::{Error, Kind, Result},
    report::{Console, sanitize::for_terminal},
    state::replace_file,
};

/// What a watch has and a pass of a timer has not.
const INSTALL: &str = "\n[Install]\n";

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
    // What was installed before as the other sort must not run beside it.
    let other = other_sort(unit, folder)?;
    let stopped = (other.as_ref()).map_or(Ok(()), |other| systemctl(&["disable", "--now", other]));
    if let Some(other) = &other {
        remove_links(folder, other)?;
        if unit.is_watch {
            remove_file(&folder.join(other))?;
        }
    }
    for (name, text) in &files {
        replace_file(&folder.join(name), |out| out.write_all(text.as_bytes()))?;
        tell_of("wrote", &folder.join(name), console);
    }
    let started = unit.started();
    stopped
        .and_then(|()| systemctl(&["daemon-reload"]))
        .and_then(|()| systemctl(&["enable", &started]))
        // One that runs goes on with what it was installed with before.
        .and_then(|()| systemctl(&["restart", &started]))
        .map_err(|why| {
            Error::new(Kind::Other, format!("the files are in place, but {why}")).with_hint(
                format!(
                    "where systemd runs for your user: `systemctl --user daemon-reload`, then \
                 `systemctl --user enable --now {started}`; or use cron (see README)"
                ),
            )
        })?;
    console.tell(&format!(
        "{started} runs now, and whenever you are logged in.\n\
         To let it run without: loginctl enable-linger\n\
         To see what it did: journalctl --user -u {}\n",
        unit.file("service"),
    ));
    Ok(())
}

/// Stops the units of this name, and removes their files from `folder`.
///
/// # Errors
/// `Usage` where there are none; `Exists` where a file is not this program's; `Local`; `Other` where the files are removed
/// and systemd could not be told.
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
    let units: Vec<&str> = found.iter().map(String::as_str).collect();
    let stopped = systemctl(&[&["disable", "--now"], units.as_slice()].concat());
    for file in &found {
        remove_links(folder, file)?;
        remove_file(&folder.join(file))?;
        tell_of("removed", &folder.join(file), console);
    }
    let units = units.join(" ");
    stopped
        .and_then(|()| systemctl(&["daemon-reload"]))
        .map_err(|why| {
            let text = format!("the files are removed, but systemd does not know it: {why}");
            Error::new(Kind::Other, text).with_hint(format!(
                "what runs goes on until you log out; where systemd runs for your user: \
                 `systemctl --user stop {units}`, then `systemctl --user daemon-reload`"
            ))
        })
}

/// Returns what was installed as the other sort under the same name: a timer where a watch comes, a watch where a timer
/// does.
fn other_sort(unit: &Unit, folder: &Path) -> Result<Option<String>> {
    let name = unit.file(if unit.is_watch { "timer" } else { "service" });
    let path = folder.join(&name);
    expect_own(&path)?;
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(None);
    };
    Ok((unit.is_watch || text.contains(INSTALL)).then_some(name))
}

fn tell_of(what: &str, path: &Path, console: &Console) {
    let path = path.to_string_lossy();
    console.tell(&format!("{what} {}\n", for_terminal(&path)));
}

/// Removes the links by which a unit is enabled, as `systemctl disable` does where it runs.
fn remove_links(folder: &Path, file: &str) -> Result<()> {
    for target in ["timers.target.wants", "default.target.wants"] {
        let link: PathBuf = folder.join(target).join(file);
        if link.is_symlink() {
            remove_file(&link)?;
        }
    }
    Ok(())
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

/// Tells systemd something; what comes back where it was not told says why.
fn systemctl(words: &[&str]) -> std::result::Result<(), String> {
    let shown = format!("systemctl --user {}", words.join(" "));
    let output = process::Command::new("systemctl")
        .arg("--user")
        .args(words)
        .output();
    let why = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(format!("`{shown}` failed: {}", for_terminal(&why)))
}
