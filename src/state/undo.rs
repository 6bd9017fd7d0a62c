//! What each pass did, so that it can be taken back: a JSON Lines file a pass, beside the journal.
//!
//! `pairs/KEY/undo/PASS.jsonl`, where PASS is the name of the pass's local trash. The first line says whose it is; each
//! line behind it is one [`Deed`], written as soon as it is done and made durable before the baseline's journal knows
//! of it. A pass that does nothing leaves no file. Nothing here touches either side.

mod text;

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use text::{id_text, kind_text, path_text};

use super::{Pair, baseline::damaged, create_private, replace_file, trash};
use crate::{
    crash,
    error::{Error, Kind as ErrorKind, Result},
    tree::{Kind, RelPath, RemoteId},
};

const FORMAT: &str = "icloud-sync undo";
const VERSION: u32 = 1;
const SUFFIX: &str = ".jsonl";

/// Where an item is on the remote side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its folder, where the service's answer said.
    #[serde(with = "id_text::option", default)]
    pub folder: Option<RemoteId>,
    /// Its name as the service has it.
    pub name: String,
}

/// One thing that a pass did. Paths are below LOCAL or REMOTE, as they were when it was done; `kept` is a path below the
/// folder of all local trash, and begins with the name of a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "kebab-case")]
pub enum Deed {
    /// Something new is at the local path.
    LocalAppeared {
        /// The path.
        #[serde(with = "path_text")]
        path: RelPath,
        /// What it is.
        #[serde(with = "kind_text")]
        kind: Kind,
        /// What tells whether it has changed since.
        seal: String,
        /// What stood there before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<String>,
        /// The path of its row in the baseline, if that is another.
        #[serde(with = "path_text::option", default)]
        row: Option<RelPath>,
    },
    /// What was at the local path is gone.
    LocalVanished {
        /// The path.
        #[serde(with = "path_text")]
        path: RelPath,
        /// What it was.
        #[serde(with = "kind_text")]
        kind: Kind,
        /// Where it is now; `None` for an empty folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<String>,
    },
    /// The local item is at another path.
    LocalMoved {
        /// Where it was.
        #[serde(with = "path_text")]
        from: RelPath,
        /// Where it is.
        #[serde(with = "path_text")]
        to: RelPath,
        /// Its inode, and when that was made.
        inode: (u64, i64),
    },
    /// Two local items have changed places.
    LocalSwapped {
        /// One place.
        #[serde(with = "path_text")]
        one: RelPath,
        /// The other.
        #[serde(with = "path_text")]
        other: RelPath,
        /// The inodes that are there now, and when they were made.
        inodes: ((u64, i64), (u64, i64)),
    },
    /// Something new is at the remote path.
    RemoteAppeared {
        /// The path.
        #[serde(with = "path_text")]
        path: RelPath,
        /// Its identity.
        #[serde(with = "id_text")]
        id: RemoteId,
        /// What it is.
        #[serde(with = "kind_text")]
        kind: Kind,
        /// Where it is.
        place: Place,
        /// What tells whether it has changed since.
        seal: String,
    },
    /// A remote file has another content. The service keeps no old versions.
    RemoteUpdated {
        /// The path.
        #[serde(with = "path_text")]
        path: RelPath,
        /// Its identity.
        #[serde(with = "id_text")]
        id: RemoteId,
        /// Where its old content is, if it was brought here before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<String>,
    },
    /// The remote item is in iCloud's Recently Deleted.
    RemoteVanished {
        /// The path.
        #[serde(with = "path_text")]
        path: RelPath,
        /// Its identity.
        #[serde(with = "id_text")]
        id: RemoteId,
        /// What it is.
        #[serde(with = "kind_text")]
        kind: Kind,
        /// Its name as the service had it.
        name: String,
    },
    /// The remote item is in another folder, or has another name.
    RemoteMoved {
        /// The path that the move leads to in the end.
        #[serde(with = "path_text")]
        path: RelPath,
        /// Its identity.
        #[serde(with = "id_text")]
        id: RemoteId,
        /// What it is.
        #[serde(with = "kind_text")]
        kind: Kind,
        /// Where it was.
        from: Place,
        /// Where it is.
        to: Place,
    },
}

impl Deed {
    /// Returns the path that it is told by.
    pub fn path(&self) -> &RelPath {
        match self {
            Self::LocalAppeared { path, .. }
            | Self::LocalVanished { path, .. }
            | Self::LocalMoved { to: path, .. }
            | Self::LocalSwapped { one: path, .. }
            | Self::RemoteAppeared { path, .. }
            | Self::RemoteUpdated { path, .. }
            | Self::RemoteVanished { path, .. }
            | Self::RemoteMoved { path, .. } => path,
        }
    }

    /// Returns what it touched, as texts that tell things apart: local paths, and ids of remote items.
    pub fn touched(&self) -> Vec<String> {
        let local = |path: &RelPath| format!("/{path}");
        match self {
            Self::LocalAppeared { path, .. } | Self::LocalVanished { path, .. } => {
                vec![local(path)]
            }
            Self::LocalMoved { from, to, .. } => vec![local(from), local(to)],
            Self::LocalSwapped { one, other, .. } => vec![local(one), local(other)],
            Self::RemoteAppeared { id, .. }
            | Self::RemoteUpdated { id, .. }
            | Self::RemoteVanished { id, .. }
            | Self::RemoteMoved { id, .. } => vec![id.file_drivewsid()],
        }
    }
}

/// The first line of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    version: u32,
    /// Whose it is.
    #[serde(flatten)]
    pub pair: Pair,
    /// `pull`, `push`, `bisync` or `undo`.
    pub verb: String,
    /// When the first of it was done, RFC 3339.
    pub begun_at: String,
    /// The pass that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
}

struct Open {
    file: File,
    path: PathBuf,
    /// How much of it is whole, in bytes.
    length: u64,
    /// A line is cut off, and could not be taken away.
    is_torn: bool,
    is_dirty: bool,
}

/// The record of a running pass.
pub struct Record {
    folder: PathBuf,
    pass: String,
    header: Header,
    open: Mutex<Option<Open>>,
}

impl Record {
    /// Makes the record of a pass; its file is made with the first deed.
    pub fn new(folder: &Path, pass: &str, pair: &Pair, verb: &str, undoes: Option<&str>) -> Self {
        Self {
            folder: folder.to_path_buf(),
            pass: pass.to_owned(),
            header: Header {
                format: FORMAT.to_owned(),
                version: VERSION,
                pair: pair.clone(),
                verb: verb.to_owned(),
                begun_at: jiff::Timestamp::now().to_string(),
                undoes: undoes.map(str::to_owned),
            },
            open: Mutex::new(None),
        }
    }

    /// Writes down what was done, in the order of the calls.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub fn add(&self, deed: &Deed) -> Result<()> {
        let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match &mut *slot {
            Some(open) => open,
            empty => empty.insert(self.create()?),
        };
        open.write(deed)
    }

    /// Makes the file, whole with its first line, durable under its name.
    fn create(&self) -> Result<Open> {
        create_private(&self.folder)?;
        let path = self.folder.join(format!("{}{SUFFIX}", self.pass));
        replace_file(&path, |out| {
            serde_json::to_writer(&mut *out, &self.header)?;
            out.write_all(b"\n")
        })?;
        let fail = |error| Error::io(format!("cannot write {}", path.display()), error);
        let file = OpenOptions::new().append(true).open(&path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        Ok(Open {
            file,
            path,
            length,
            is_torn: false,
            is_dirty: false,
        })
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub fn flush(&self) -> Result<()> {
        let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = slot.as_mut().filter(|open| open.is_dirty) {
            crash::step();
            open.file.sync_data().map_err(|error| open.fail(error))?;
            open.is_dirty = false;
        }
        Ok(())
    }
}

impl Open {
    fn fail(&self, error: std::io::Error) -> Error {
        Error::io(format!("cannot write {}", self.path.display()), error)
    }

    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec(line).map_err(|error| self.fail(error.into()))?;
        text.push(b'\n');
        if self.is_torn {
            return Err(self.fail(std::io::Error::other("an earlier line is cut off")));
        }
        crash::step_in(&mut self.file, &text);
        // Whole lines or nothing: half of one would make all that follows it unreadable.
        if let Err(error) = self.file.write_all(&text) {
            self.is_torn = self.file.set_len(self.length).is_err();
            return Err(self.fail(error));
        }
        self.length += text.len() as u64;
        self.is_dirty = true;
        Ok(())
    }
}

/// What a pass did.
#[derive(Debug, Clone)]
pub struct Past {
    /// The pass.
    pub pass: String,
    /// Whose it is, and more.
    pub header: Header,
    /// In the order in which they were done.
    pub deeds: Vec<Deed>,
}

/// Returns the names of the passes that have a record, oldest first.
///
/// # Errors
/// `Local` where the folder can't be read.
pub fn passes(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::io(
                format!("cannot read {}", folder.display()),
                error,
            ));
        }
    };
    let mut passes: Vec<String> = entries
        .filter_map(std::result::Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(SUFFIX).map(str::to_owned))
        .filter(|pass| trash::order(pass).is_some())
        .collect();
    passes.sort_by_key(|pass| trash::order(pass));
    Ok(passes)
}

/// Returns whether a pass has a record.
pub fn exists(folder: &Path, pass: &str) -> bool {
    folder.join(format!("{pass}{SUFFIX}")).exists()
}

/// Reads the record of a pass. A torn last line is dropped: its deed was cut off by a crash.
///
/// # Errors
/// `NotFound`; `Local` where it can't be read; `Guard` for a newer format; `Integrity` where it is damaged.
pub fn read(folder: &Path, pass: &str) -> Result<Past> {
    let path = folder.join(format!("{pass}{SUFFIX}"));
    let fail = |error| Error::io(format!("cannot read {}", path.display()), error);
    let mut lines = BufReader::new(File::open(&path).map_err(fail)?);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| -> Result<bool> {
        line.clear();
        lines.read_until(b'\n', line).map_err(fail)?;
        // A power cut may leave zeros of a line that was not made durable.
        Ok(line.ends_with(b"\n") && !line.contains(&0))
    };
    if !next(&mut line)? {
        return Err(damaged(&path, "it has no first line"));
    }
    let header: Header =
        serde_json::from_slice(&line).map_err(|error| damaged(&path, &error.to_string()))?;
    if header.format != FORMAT || header.version != VERSION {
        let text = format!("{} is not of this version of the program", path.display());
        return Err(Error::new(ErrorKind::Guard, text)
            .with_hint("use the version of icloud-sync that wrote it, or a newer one"));
    }
    let mut deeds = Vec::new();
    while next(&mut line)? {
        let deed =
            serde_json::from_slice(&line).map_err(|error| damaged(&path, &error.to_string()))?;
        deeds.push(deed);
    }
    Ok(Past {
        pass: pass.to_owned(),
        header,
        deeds,
    })
}

/// Removes the records of the passes that are old.
///
/// # Errors
/// `Local` where something can't be removed.
pub fn expire(folder: &Path, is_old: impl Fn(&str) -> bool) -> Result<()> {
    for pass in passes(folder)? {
        if is_old(&pass) {
            let path = folder.join(format!("{pass}{SUFFIX}"));
            fs::remove_file(&path)
                .map_err(|error| Error::io(format!("cannot remove {}", path.display()), error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
