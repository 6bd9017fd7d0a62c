//! What has been done since the baseline was written, a line a finished action.
//!
//! A line is appended as soon as an action is done, and made durable each second and at the end of each
//! stage, after the file system that was written to: the journal never knows of a file that a power cut could take
//! back. A start after a crash folds it into the baseline; a torn last line is dropped.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry as MapEntry},
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{Pair, baseline::Header, row::RowLine};
use crate::{
    crash,
    error::{Error, Result},
    plan::Side,
    tree::{Etag, Listing, RelPath, RemoteId, Row},
};

/// How long a finished action may stay undurable.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// One change of the baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// This row holds now; the row of the same id, and any other of the same path, is replaced. The
    /// rows below a folder go along with it.
    Put(Box<Row>),
    /// What was at the path before the pass is gone, and what was below it; else what is there now.
    Forget(RelPath),
    /// The item is gone, with all that was below it, wherever its row is by now; where no row has its id, the row
    /// is the one at the path.
    Gone(RemoteId, Option<RelPath>),
    /// These items are now at these paths, all at once, each with what is below it. Everything else
    /// their rows say still holds.
    Move(Vec<Moved>),
    /// The item is about to be moved in more than one step on that side.
    Leaves(RemoteId, Side),
    /// It has arrived.
    Arrives(RemoteId),
}

/// An item that is now elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Its `drivewsid`.
    pub id: String,
    /// Where it is now.
    pub path: String,
    /// Its name on the service, if that is not the last part of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// It was moved locally: its name on the service is what it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_local: bool,
    /// The version mark before and after, where the move changed the mark and not the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etags: Option<(String, String)>,
}

/// An op as it is written.
#[derive(Serialize, Deserialize)]
enum OpLine<'a> {
    #[serde(rename = "put", borrow)]
    Put(Box<RowLine<'a>>),
    #[serde(rename = "forget")]
    Forget(String),
    #[serde(rename = "gone")]
    Gone {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    #[serde(rename = "move")]
    Move(Vec<Moved>),
    #[serde(rename = "leaves")]
    Leaves { id: String, side: String },
    #[serde(rename = "arrives")]
    Arrives { id: String },
}

impl<'a> OpLine<'a> {
    fn of(op: &'a Op) -> Self {
        match op {
            Op::Put(row) => Self::Put(Box::new(RowLine::of(row))),
            Op::Forget(path) => Self::Forget(path.as_str().to_owned()),
            Op::Gone(id, path) => Self::Gone {
                id: id.file_drivewsid(),
                path: path.as_ref().map(|path| path.as_str().to_owned()),
            },
            Op::Move(moved) => Self::Move(moved.clone()),
            Op::Leaves(id, side) => Self::Leaves {
                id: id.file_drivewsid(),
                side: side.as_str().to_owned(),
            },
            Op::Arrives(id) => Self::Arrives {
                id: id.file_drivewsid(),
            },
        }
    }

    fn to_op(&self) -> std::result::Result<Op, String> {
        let read_id = |id: &str| {
            RemoteId::from_drivewsid(id).ok_or_else(|| format!("{id:?} is no item's id"))
        };
        Ok(match self {
            Self::Put(line) => Op::Put(Box::new(line.to_row()?)),
            Self::Forget(path) => {
                Op::Forget(RelPath::parse(path).map_err(|error| error.to_string())?)
            }
            Self::Gone { id, path } => {
                let path = path.as_deref().map(RelPath::parse).transpose();
                Op::Gone(read_id(id)?, path.map_err(|error| error.to_string())?)
            }
            Self::Move(moved) => Op::Move(moved.clone()),
            Self::Leaves { id, side } => {
                let side = if side == "local" {
                    Side::Local
                } else {
                    Side::Remote
                };
                Op::Leaves(read_id(id)?, side)
            }
            Self::Arrives { id } => Op::Arrives(read_id(id)?),
        })
    }
}

struct Inner {
    file: File,
    /// How much of the file is whole lines, in bytes.
    length: u64,
    /// A part of a line could not be taken back: nothing may follow it.
    is_torn: bool,
    ops: Vec<Op>,
    flushed: Instant,
    is_dirty: bool,
}

/// The journal of a running pass.
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

impl Journal {
    /// Begins a journal for a pair whose baseline was written then; empty for none.
    ///
    /// # Errors
    /// `Local` or `DiskFull` where it can't be written.
    pub(super) fn begin(path: &Path, pair: &Pair, follows: &str) -> Result<Self> {
        let fail = |error| Error::io(format!("cannot write {}", path.display()), error);
        crash::step();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(fail)?;
        let mut inner = Inner {
            file,
            length: 0,
            is_torn: false,
            ops: Vec::new(),
            flushed: Instant::now(),
            is_dirty: true,
        };
        let header = Header::of_journal(pair, follows);
        let mut line = serde_json::to_vec(&header).map_err(|error| fail(error.into()))?;
        line.push(b'\n');
        inner.write(&line).map_err(fail)?;
        // Its name is to be there when its lines are.
        if let Some(folder) = path.parent() {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(fail)?;
        }
        Ok(Self {
            path: path.to_path_buf(),
            inner: Mutex::new(inner),
        })
    }

    /// Appends what one finished action changes. `settle` makes the written files durable; it is called before the
    /// journal itself is, about once a second.
    ///
    /// # Errors
    /// `Local` or `DiskFull`: the caller must stop, since what it does next could not be remembered.
    pub fn append(&self, ops: Vec<Op>, settle: impl FnOnce() -> Result<()>) -> Result<()> {
        let fail = |error| Error::io(format!("cannot write {}", self.path.display()), error);
        let lines: Vec<OpLine<'_>> = ops.iter().map(OpLine::of).collect();
        let mut text = serde_json::to_vec(&lines).map_err(|error| fail(error.into()))?;
        text.push(b'\n');
        let mut inner = self
            .inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        inner.write(&text).map_err(fail)?;
        inner.is_dirty = true;
        inner.ops.extend(ops);
        if inner.flushed.elapsed() >= FLUSH_EVERY {
            inner
                .flush(settle)
                .map_err(|error| error.in_context(self.path.display()))?;
        }
        Ok(())
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn flush(&self, settle: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut inner = self
            .inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if inner.is_dirty {
            inner
                .flush(settle)
                .map_err(|error| error.in_context(self.path.display()))?;
        }
        Ok(())
    }

    /// Ends the journal and returns all that was appended.
    pub fn into_ops(self) -> Vec<Op> {
        self.inner
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .ops
    }
}

impl Inner {
    /// Writes whole lines or nothing: half of one would make all that follows it unreadable.
    fn write(&mut self, lines: &[u8]) -> std::io::Result<()> {
        if self.is_torn {
            return Err(std::io::Error::other("an earlier line is cut off"));
        }
        crash::step_in(&mut self.file, lines);
        let written = self.file.write_all(lines);
        if written.is_ok() {
            self.length += lines.len() as u64;
        } else {
            let back = (self.file.set_len(self.length))
                .and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            self.is_torn = back.is_err();
        }
        written
    }

    fn flush(&mut self, settle: impl FnOnce() -> Result<()>) -> Result<()> {
        settle()?;
        crash::step();
        self.file
            .sync_data()
            .map_err(|error| Error::io("cannot write the journal", error))?;
        self.flushed = Instant::now();
        self.is_dirty = false;
        Ok(())
    }
}

/// Reads a journal that an interrupted pass left. Returns whose it is, and its ops; `None` where there is none, or not
/// even its first line was written.
///
/// # Errors
/// `Local` where it can't be read; `Other` where a line but the last is damaged.
pub(super) fn read(path: &Path) -> Result<Option<(Header, Vec<Op>)>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), error)),
    };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let Some(first) = lines.next().filter(|line| line.ends_with(b"\n")) else {
        return Ok(None);
    };
    let header = Header::read(first, path)?;
    let mut ops = Vec::new();
    for line in lines {
        // A torn line is one that the crash cut off: its action is seen again by the next listings. A power cut may
        // leave zeros of a line that was not made durable yet, and something behind it.
        if !line.ends_with(b"\n") || line.contains(&0) {
            break;
        }
        let parsed = serde_json::from_slice::<Vec<OpLine<'_>>>(line)
            .map_err(|error| error.to_string())
            .and_then(|parsed| {
                parsed
                    .iter()
                    .map(OpLine::to_op)
                    .collect::<std::result::Result<Vec<_>, _>>()
            });
        match parsed {
            Ok(parsed) => ops.extend(parsed),
            Err(why) => return Err(super::baseline::damaged(path, &why)),
        }
    }
    Ok(Some((header, ops)))
}

/// What an interrupted pass left on its way: the item, and the side on which its place says nothing.
pub type InTransit = HashMap<RemoteId, Side>;

/// Folds the ops of one pass into the rows that it began with; `in_transit` is what was on its way then. Returns the rows,
/// each path once, folders before their content and none without its folder; and what is still on its way.
pub fn fold(
    rows: Listing<Row>,
    ops: Vec<Op>,
    mut in_transit: InTransit,
) -> (Listing<Row>, InTransit) {
    if ops.is_empty() {
        return (rows, in_transit);
    }
    let mut folding = Folding::new(rows);
    for (number, op) in ops.into_iter().enumerate() {
        match op {
            Op::Put(row) => folding.put(number, row),
            Op::Forget(path) => folding.forget(&path),
            Op::Move(moved) => {
                for one in &moved {
                    folding.relocate(number, one);
                }
            }
            Op::Gone(id, path) => folding.gone(&id, path.as_ref()),
            Op::Leaves(id, side) => {
                in_transit.insert(id, side);
            }
            Op::Arrives(id) => {
                in_transit.remove(&id);
            }
        }
    }
    (folding.finish(&in_transit), in_transit)
}

/// A row on its way into the next baseline. It is moved about, so the row itself is elsewhere.
struct Entry {
    row: Box<Row>,
    /// Where it was before the pass; `None` for one that is new.
    before: Option<RelPath>,
    /// Where an op has put it, and which one.
    place: Option<(usize, RelPath)>,
    is_gone: bool,
}

impl Entry {
    /// Returns whether an interrupted pass has left it between two places, and the old one is another's by now.
    fn place_is_lost(
        &self,
        path: &RelPath,
        in_transit: &InTransit,
        taken: &HashSet<RelPath>,
    ) -> bool {
        self.place.is_none() && in_transit.contains_key(&self.row.id) && taken.contains(path)
    }
}

/// Puts the next baseline together at the end, so that it does not matter which of two items that depend on each other
/// was done first: an op says where its own item is after it, and what no op names goes along with its folder.
struct Folding {
    /// The rows of the last baseline, sorted by path, then new ones.
    entries: Vec<Entry>,
    old_count: usize,
    of_id: HashMap<RemoteId, usize>,
}

impl Folding {
    fn new(listing: Listing<Row>) -> Self {
        let entries: Vec<Entry> = (listing.into_items().into_iter())
            .map(|row| Entry {
                before: Some(row.path.clone()),
                row: Box::new(row),
                place: None,
                is_gone: false,
            })
            .collect();
        let of_id = (entries.iter().enumerate())
            .map(|(at, entry)| (entry.row.id.clone(), at))
            .collect();
        Self {
            old_count: entries.len(),
            entries,
            of_id,
        }
    }

    fn put(&mut self, number: usize, row: Box<Row>) {
        let place = Some((number, row.path.clone()));
        match self.of_id.entry(row.id.clone()) {
            MapEntry::Occupied(known) => {
                let entry = &mut self.entries[*known.get()];
                (entry.row, entry.place, entry.is_gone) = (row, place, false);
            }
            MapEntry::Vacant(new) => {
                new.insert(self.entries.len());
                self.entries.push(Entry {
                    row,
                    before: None,
                    place,
                    is_gone: false,
                });
            }
        }
    }

    fn relocate(&mut self, number: usize, moved: &Moved) {
        if let Some(id) = RemoteId::from_drivewsid(&moved.id)
            && let Ok(path) = RelPath::parse(&moved.path)
            && let Some(at) = self.of_id.get(&id)
            && let entry = &mut self.entries[*at]
            && !entry.is_gone
        {
            entry.row.name = if moved.is_local {
                let name = match (&entry.place, &moved.name) {
                    // The service has not moved it in this pass, so it has the name that was listed.
                    (None, Some(listed)) => listed,
                    (None, None) => (entry.row.name.as_deref()).unwrap_or(entry.row.path.name()),
                    (Some((_, place)), _) => entry.row.name.as_deref().unwrap_or(place.name()),
                };
                (name != path.name()).then(|| name.into())
            } else {
                moved.name.as_deref().map(Box::from)
            };
            if let Some((before, after)) = &moved.etags
                && entry.row.etag.as_str() == before
            {
                entry.row.etag = Etag::new(after);
            }
            entry.place = Some((number, path));
        }
    }

    /// Forgets what was at a path before the pass, else what is there now; what was below it goes as well, unless
    /// it has left.
    fn forget(&mut self, path: &RelPath) {
        let old = self.entries.get_mut(..self.old_count).unwrap_or_default();
        let at = old.partition_point(|entry| entry.before.as_ref() < Some(path));
        if let Some(entry) = old.get_mut(at)
            && entry.before.as_ref() == Some(path)
            && !entry.is_gone
        {
            entry.is_gone = true;
            return;
        }
        for entry in &mut self.entries {
            let place = entry.place.as_ref();
            entry.is_gone |= place.is_some_and(|(_, at)| at.is_at_or_under(path));
        }
    }

    /// Forgets an item by its id; where no row has the id, what is at the path.
    fn gone(&mut self, id: &RemoteId, path: Option<&RelPath>) {
        match (self.of_id.get(id), path) {
            (Some(at), _) => self.entries[*at].is_gone = true,
            (None, Some(path)) => self.forget(path),
            (None, None) => {}
        }
    }

    fn finish(self, in_transit: &InTransit) -> Listing<Row> {
        // Nothing is looked up any more, and of a million rows it is some 90 MiB.
        drop(self.of_id);
        let taken: HashSet<RelPath> = (self.entries.iter())
            .filter(|entry| !entry.is_gone && !in_transit.is_empty())
            .filter_map(|entry| entry.place.as_ref().map(|(_, path)| path.clone()))
            .collect();
        let mut found: Vec<(RelPath, usize, Box<Row>)> = Vec::with_capacity(self.entries.len());
        // Of the folders that an old row is in: where each was, and where it is, if it is anywhere.
        let mut open: Vec<(RelPath, Option<RelPath>)> = Vec::new();
        for mut entry in self.entries {
            if let Some(before) = &entry.before {
                while open
                    .last()
                    .is_some_and(|(was, _)| !before.is_at_or_under(was))
                {
                    open.pop();
                }
            }
            let number = (entry.place.as_ref()).map_or(0, |(number, _)| number + 1);
            let mut path = match (entry.is_gone, &entry.place, &entry.before) {
                (true, ..) | (false, None, None) => None,
                (false, Some((_, path)), _) => Some(path.clone()),
                (false, None, Some(before)) => match open.last() {
                    None => Some(before.clone()),
                    Some((_, None)) => None,
                    Some((_, Some(folder))) => folder.join(before.name()).ok(),
                },
            };
            if let Some(lost) = &path
                && entry.place_is_lost(lost, in_transit, &taken)
            {
                // Another item has its place already, and it has none yet: a row of its own keeps it known.
                let old = lost.name().to_owned();
                let aside = format!("{old} ({})", entry.row.id.doc);
                path = RelPath::within(lost.parent().as_ref(), &aside).ok();
                entry.row.name.get_or_insert_with(|| old.into());
            }
            if let Some(before) = entry.before {
                if entry.row.kind == crate::tree::Kind::Folder {
                    open.push((before.clone(), path.clone()));
                }
                // Where it belongs should its new folder have no row.
                entry.row.path = before;
            }
            found.extend(path.map(|path| (path, number, entry.row)));
        }
        // Where two want one path, the one holds that was seen there last.
        found.sort_by(|a, b| (&a.0, b.1).cmp(&(&b.0, a.1)));
        found.dedup_by(|b, a| a.0 == b.0);
        let mut rows: Vec<Row> = Vec::with_capacity(found.len());
        let mut folders: Vec<RelPath> = Vec::new();
        let mut astray: Vec<Row> = Vec::new();
        for (path, _, row) in found {
            while folders
                .last()
                .is_some_and(|folder| !path.is_at_or_under(folder))
            {
                folders.pop();
            }
            // A row without its folder's row would be taken for something at another place.
            if path.parent().as_ref() == folders.last() {
                if row.kind == crate::tree::Kind::Folder {
                    folders.push(path.clone());
                }
                rows.push(Row { path, ..*row });
            } else if row.path != path {
                astray.push(*row);
            }
        }
        bring_back(&mut rows, astray);
        Listing::new(rows)
    }
}

/// Puts rows back to where they were before the pass, for want of the row of the folder that they are in now: one that
/// was on its way there too, when the pass ended. What has arrived on both sides is known there all the same.
fn bring_back(rows: &mut Vec<Row>, mut astray: Vec<Row>) {
    if astray.is_empty() {
        return;
    }
    astray.sort_by(|a, b| a.path.cmp(&b.path));
    let mut taken: HashSet<RelPath> = rows.iter().map(|row| row.path.clone()).collect();
    let mut folders: HashSet<RelPath> = (rows.iter())
        .filter(|row| row.kind == crate::tree::Kind::Folder)
        .map(|row| row.path.clone())
        .collect();
    for row in astray {
        let has_folder = row.path.parent().is_none_or(|path| folders.contains(&path));
        if has_folder && taken.insert(row.path.clone()) {
            if row.kind == crate::tree::Kind::Folder {
                folders.insert(row.path.clone());
            }
            rows.push(row);
        }
    }
}

#[cfg(test)]
mod tests;
