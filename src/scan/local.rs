//! A local folder → its listing.
//!
//! A root and a filter come in, a sorted [`Listing`] goes out. Nothing is written, no content is
//! read, and one unreadable folder never ends the walk: it is left as *unknown*. Each folder is
//! read whole and closed before the next is opened, so depth costs no file descriptors; an item
//! costs one system call.

mod links;
mod measure;
mod walk;

use std::path::Path;

pub use self::measure::{extent_of_package, measure};
use super::{Watch, filter::Filter};
use crate::{
    error::Result,
    options::Links,
    tree::{Listing, LocalItem, RelPath},
};

/// What a local scan is to do.
#[derive(Clone, Copy)]
pub struct LocalScan<'a> {
    /// The folder to list.
    pub root: &'a Path,
    /// Which paths take part.
    pub filter: &'a Filter,
    /// What a symbolic link is taken for.
    pub links: Links,
    /// For a verb that writes to the remote: whether a name is there already. Of two that are equal but for case, which are
    /// one on Apple's devices, each that is not clashes with the other.
    pub going_remote: Option<&'a (dyn Fn(&RelPath) -> bool + Sync)>,
    /// Whether a folder of that path and inode is known to be a package: then it is one item, and its content
    /// none.
    pub is_package: &'a (dyn Fn(&RelPath, u64) -> bool + Sync),
    /// Stop flag and progress.
    pub watch: Watch<'a>,
}

impl std::fmt::Debug for LocalScan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalScan")
            .field("root", &self.root)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

impl LocalScan<'_> {
    /// Walks the folder. What can't take part is in [`Listing::left`], and not among the items, nor
    /// is what is under it:
    ///
    /// - symbolic links and special files (with [`Links::Follow`] only links that are broken, lead
    ///   out of the root, or into a folder they are in);
    /// - names that are not UTF-8, or can't be a path's part;
    /// - names of one folder that are equal after NFC, or but for case if that matters;
    /// - folders that can't be read: `Unknown`.
    ///
    /// An item that vanishes during the walk was never there.
    ///
    /// # Errors
    /// `NotFound` or `Local` where the root itself can't be read; `Stopped`.
    pub fn run(&self) -> Result<Listing<LocalItem>> {
        walk::walk(self)
    }
}

#[cfg(test)]
mod tests;
