//! Edits of another device as the control interface takes them: at once, or by themselves between two requests.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::device::Drive;
use super::entry::Place;
use super::fault::{Seen, When};
use super::server::{Shared, lock};

/// A `/`-joined path, or names one by one where they are to be taken exactly.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Where {
    Path(String),
    Names(Vec<String>),
}

impl Place for Where {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Path(path) => path.steps(),
            Self::Names(names) => names.clone(),
        }
    }
}

/// An edit of another device.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Edit {
    /// Writes a file: `text`, or bytes as `base64`.
    Write {
        path: Where,
        text: Option<String>,
        base64: Option<String>,
        mtime: Option<i64>,
    },
    /// Makes a package of files of text, by path.
    Package {
        path: Where,
        files: BTreeMap<String, String>,
    },
    /// Makes a folder and those above it.
    Mkdir { path: Where },
    /// Renames in place.
    Rename { path: Where, name: String },
    /// Moves into a folder.
    Move { path: Where, folder: Where },
    /// Puts into the trash.
    Trash { path: Where },
    /// Takes out of the trash.
    PutBack { docwsid: String },
    /// Deletes for good.
    Delete { path: Where },
    /// Opens a file: a new etag, the same content.
    Touch { path: Where },
    /// Sets the modification time, seconds since 1970.
    Mtime { path: Where, mtime: i64 },
    /// Adds an app library.
    Library {
        name: String,
        zone: String,
        docwsid: Option<String>,
    },
    /// Adds a folder shared by somebody else.
    Share {
        name: String,
        owner: String,
        /// This account may not write to it.
        #[serde(default)]
        read_only: bool,
    },
    /// Says whether this account may write to the share that an item is in.
    LetWrite { path: Where, writable: bool },
    /// Shares an own folder or file with somebody else.
    Lend { path: Where },
}

impl Edit {
    /// Carries it out.
    pub(super) fn apply(&self, drive: &Drive) -> io::Result<()> {
        match self {
            Self::Write {
                path,
                text,
                base64,
                mtime,
            } => {
                let bytes = match base64 {
                    Some(base64) => STANDARD.decode(base64).map_err(io::Error::other)?,
                    None => text.clone().unwrap_or_default().into_bytes(),
                };
                match mtime {
                    Some(mtime) => drive.write_with_mtime(path, bytes, *mtime),
                    None => drive.write(path, bytes),
                }
            }
            Self::Package { path, files } => {
                let files: Vec<(&str, &[u8])> = files
                    .iter()
                    .map(|(path, text)| (path.as_str(), text.as_bytes()))
                    .collect();
                drive.mkpackage(path, &files)
            }
            Self::Mkdir { path } => drive.mkdir(path),
            Self::Rename { path, name } => drive.rename(path, name).map(drop),
            Self::Move { path, folder } => drive.move_to(path, folder),
            Self::Trash { path } => drive.trash(path),
            Self::PutBack { docwsid } => drive.put_back(docwsid),
            Self::Delete { path } => drive.delete_forever(path),
            Self::Touch { path } => drive.touch(path),
            Self::Mtime { path, mtime } => drive.set_mtime(path, *mtime),
            Self::Library {
                name,
                zone,
                docwsid,
            } => drive.add_library(name, zone, docwsid.as_deref().unwrap_or("documents")),
            Self::Share {
                name,
                owner,
                read_only: false,
            } => drive.add_share(name, owner),
            Self::Share { name, owner, .. } => drive.add_read_only_share(name, owner),
            Self::LetWrite { path, writable } => drive.let_write(path, *writable),
            Self::Lend { path } => drive.lend(path),
        }
    }
}

/// An edit that runs by itself, before or after requests of an endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scripted {
    /// The endpoint label, `*` for all.
    endpoint: String,
    /// After the request and before its answer, instead of before the request.
    #[serde(default)]
    after: bool,
    /// Requests to let pass first.
    #[serde(default)]
    skip: u32,
    /// How often; 1 if left out.
    #[serde(default = "once")]
    times: u32,
    /// What happens.
    edit: Edit,
}

fn once() -> u32 {
    1
}

/// Runs a scripted edit at its requests.
pub(super) fn script(shared: &Shared, scripted: Scripted, drive: Drive) {
    let Scripted {
        endpoint,
        after,
        skip,
        times,
        edit,
    } = scripted;
    let when = if after { When::After } else { When::Before };
    let calls = AtomicU32::new(0);
    lock(&shared.hooks).add(when, &endpoint, move |_: &Seen| {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        if call >= skip && call - skip < times {
            // An edit that is not possible any more does nothing, as on a device.
            drop(edit.apply(&drive));
        }
    });
}
