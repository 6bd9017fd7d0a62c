//! Where a symbolic link may lead.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::measure::Stat;
use crate::{options::Links, scan::filter::OWN_FOLDER};

/// The folders from the root to the one being read, by identity, if links are followed.
#[derive(Debug)]
pub(super) struct Chain {
    /// The root without any link in its path; `None` where links are not followed.
    root: Option<PathBuf>,
    folders: Vec<(u64, u64)>,
}

impl Chain {
    pub(super) fn new(root: &Path, links: Links) -> io::Result<Self> {
        let real = match links {
            Links::Skip => None,
            Links::Follow => Some(fs::canonicalize(root)?),
        };
        let folders = match &real {
            None => Vec::new(),
            Some(real) => vec![Stat::of(&fs::metadata(real)?).identity()],
        };
        Ok(Self {
            root: real,
            folders,
        })
    }

    /// Returns what the link at `link` leads to; `None` where links are not followed, or it is
    /// broken, leads out of the root, or to what is the tool's own.
    pub(super) fn follow(&self, link: &Path) -> Option<Stat> {
        let root = self.root.as_ref()?;
        let target = fs::canonicalize(link).ok()?;
        let below = target.strip_prefix(root).ok()?;
        if below.starts_with(OWN_FOLDER) {
            return None;
        }
        fs::metadata(&target)
            .ok()
            .map(|metadata| Stat::of(&metadata))
    }

    /// Goes into a folder; `false` where it is one of those that the walk is in: a loop.
    pub(super) fn enter(&mut self, folder: (u64, u64)) -> bool {
        if self.root.is_some() && self.folders.contains(&folder) {
            return false;
        }
        self.folders.push(folder);
        true
    }

    /// Leaves the folder last entered.
    pub(super) fn leave(&mut self) {
        self.folders.pop();
    }
}
