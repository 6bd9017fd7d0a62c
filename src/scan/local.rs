//! A local folder → its listing.
//!
//! A root and a filter come in, a sorted [`Listing`] goes out. Nothing is written, no content is
//! read, and one unreadable folder never ends the walk: it is left as *unknown*. Each folder is
//! read whole and closed before the next is opened, so depth costs no file descriptors; an item
//! costs one system call.

mod links;
mod measure;

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

pub use self::measure::{extent_of_package, measure};
use self::{links::Chain, measure::Stat};
use super::{
    Progress, Watch,
    clash::twins,
    filter::{Filter, Scope},
};
use crate::{
    error::{Error, Result},
    options::Links,
    tree::{Freeze, Kind, Left, Listing, LocalItem, RelPath},
};

/// After how many items the progress is told.
const TELL_EVERY: usize = 512;

/// What a local scan is to do.
#[derive(Clone, Copy)]
pub struct LocalScan<'a> {
    /// The folder to list.
    pub root: &'a Path,
    /// Which paths take part.
    pub filter: &'a Filter,
    /// What a symbolic link is taken for.
    pub links: Links,
    /// The listing is for a verb that writes to the remote: names that are equal but for case clash.
    pub going_remote: bool,
    /// Whether a folder is known to be a package: then it is one item, and its content none.
    pub is_package: &'a (dyn Fn(&RelPath) -> bool + Sync),
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
        let about_root = |error| {
            Error::io(
                format!("cannot read the folder \"{}\"", self.root.display()),
                error,
            )
        };
        let chain = Chain::new(self.root, self.links).map_err(about_root)?;
        let mut walk = Walk {
            scan: self,
            chain,
            disk: self.root.to_path_buf(),
            items: Vec::new(),
            listing: Listing::default(),
            folders: 0,
        };
        walk.folder(None, self.filter.root(), false)?
            .map_err(about_root)?;
        let Walk { items, listing, .. } = walk;
        let mut done = Listing::new(items);
        done.left = listing.left;
        done.left.sort_by(|a, b| a.shown.cmp(&b.shown));
        done.holds_hidden = listing.holds_hidden;
        done.root_holds_hidden = listing.root_holds_hidden;
        Ok(done)
    }
}

/// What stands under a name that takes part.
enum Found {
    Plain(Stat),
    Folder(Stat, Scope),
    Package(Stat),
    Left(Freeze),
}

/// A name that takes part, and what stands under it.
struct Entry {
    path: RelPath,
    /// The name as on disk, where that is not NFC.
    spelling: Option<OsString>,
    found: Found,
}

impl Entry {
    fn disk_name(&self) -> &OsStr {
        self.spelling
            .as_deref()
            .unwrap_or_else(|| OsStr::new(self.path.name()))
    }
}

struct Walk<'a> {
    scan: &'a LocalScan<'a>,
    chain: Chain,
    /// The folder that is being read, as on disk.
    disk: PathBuf,
    items: Vec<LocalItem>,
    /// Collects all but the items.
    listing: Listing<LocalItem>,
    folders: usize,
}

impl Walk<'_> {
    /// Lists the folder `at`, which stands as `scope`, and all below it. `is_respelt`: its path on
    /// disk is not in NFC. An inner error is the folder's own; nothing of it was listed then.
    fn folder(
        &mut self,
        at: Option<&RelPath>,
        scope: Scope,
        is_respelt: bool,
    ) -> Result<io::Result<()>> {
        let mut entries = match self.read(at, scope)? {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(error)),
        };
        self.folders += 1;
        entries.sort_unstable_by(|a, b| a.path.name().cmp(b.path.name()));
        let names: Vec<&str> = entries.iter().map(|entry| entry.path.name()).collect();
        let clashes = twins(&names, self.scan.going_remote).map(|twins| {
            let spelt = |at: usize| entries[at].disk_name().to_string_lossy().into_owned();
            twins
                .into_iter()
                .map(|other| other.map(spelt))
                .collect::<Vec<_>>()
        });
        for (number, entry) in entries.into_iter().enumerate() {
            let clash = clashes.as_ref().and_then(|all| all[number].clone());
            self.entry(at, entry, clash, is_respelt)?;
        }
        Ok(Ok(()))
    }

    /// Reads the names in the folder and what stands under each that takes part.
    fn read(&mut self, at: Option<&RelPath>, scope: Scope) -> Result<io::Result<Vec<Entry>>> {
        let names = match fs::read_dir(&self.disk) {
            Ok(names) => names,
            Err(error) => return Ok(Err(error)),
        };
        let mut entries = Vec::new();
        let mut left = Vec::new();
        let mut has_hidden = false;
        for name in names {
            self.scan.watch.check()?;
            let entry = match name {
                Ok(entry) => entry,
                Err(error) => return Ok(Err(error)),
            };
            let os_name = entry.file_name();
            let path = match os_name.to_str().map(|name| RelPath::within(at, name)) {
                Some(Ok(path)) => path,
                Some(Err(why)) => {
                    left.push(self.left(None, &os_name, Freeze::BadName(why.to_string())));
                    continue;
                }
                None => {
                    let why = "the name is not valid UTF-8".to_owned();
                    left.push(self.left(None, &os_name, Freeze::BadName(why)));
                    continue;
                }
            };
            match self.look(&entry, &path, scope) {
                Ok(Some(found)) => {
                    let spelling = (*path.name() != *os_name).then_some(os_name);
                    entries.push(Entry {
                        path,
                        spelling,
                        found,
                    });
                }
                Ok(None) => has_hidden = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The folder's names can be read, but nothing in it can be looked at.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Ok(Err(error));
                }
                Err(error) => {
                    let why = Freeze::Unknown(format!("cannot be looked at: {error}"));
                    left.push(self.left(Some(path), &os_name, why));
                }
            }
        }
        if has_hidden || !left.is_empty() {
            self.mark(at);
        }
        self.listing.left.append(&mut left);
        Ok(Ok(entries))
    }

    /// Looks at one name; `None` where it takes no part.
    fn look(
        &self,
        entry: &fs::DirEntry,
        path: &RelPath,
        scope: Scope,
    ) -> io::Result<Option<Found>> {
        let kind = entry.file_type()?;
        let target = if kind.is_symlink() {
            self.chain.follow(&entry.path())
        } else {
            None
        };
        let is_folder = target.map_or(kind.is_dir(), |stat| stat.is_folder);
        let is_package = is_folder && (self.scan.is_package)(path);
        let own = self.scan.filter.step(scope, path, is_folder && !is_package);
        if own == Scope::Hidden {
            return Ok(None);
        }
        if kind.is_symlink() && target.is_none() {
            return Ok(Some(Found::Left(Freeze::NotAFile { is_symlink: true })));
        }
        let stat = match target {
            Some(stat) => stat,
            None => Stat::of(&entry.metadata()?),
        };
        Ok(Some(if stat.is_file {
            Found::Plain(stat)
        } else if !stat.is_folder {
            Found::Left(Freeze::NotAFile { is_symlink: false })
        } else if is_package {
            Found::Package(stat)
        } else {
            Found::Folder(stat, own)
        }))
    }

    /// Puts one entry into the listing, and all below it.
    fn entry(
        &mut self,
        at: Option<&RelPath>,
        entry: Entry,
        clash: Option<String>,
        is_respelt: bool,
    ) -> Result<()> {
        let is_respelt = is_respelt || entry.spelling.is_some();
        let name = entry.disk_name().to_owned();
        let Entry { path, found, .. } = entry;
        let freeze = if let Some(other) = clash {
            Some(Freeze::NameClash(other))
        } else {
            match found {
                Found::Left(why) => Some(why),
                Found::Plain(stat) => {
                    let spelling = is_respelt.then(|| self.spelling(&name));
                    self.push(stat.item(path.clone(), Kind::File, spelling));
                    None
                }
                Found::Package(stat) => self.package(&path, stat, &name, is_respelt)?,
                Found::Folder(stat, scope) => {
                    self.subfolder(&path, stat, &name, scope, is_respelt)?
                }
            }
        };
        if let Some(why) = freeze {
            let left = self.left(Some(path), &name, why);
            self.listing.left.push(left);
            self.mark(at);
        }
        Ok(())
    }

    fn package(
        &mut self,
        path: &RelPath,
        stat: Stat,
        name: &OsStr,
        is_respelt: bool,
    ) -> Result<Option<Freeze>> {
        self.scan.watch.check()?;
        match extent_of_package(&self.disk.join(name)) {
            Ok((size, mtime_ns)) => {
                let spelling = is_respelt.then(|| self.spelling(name));
                let mut item = stat.item(path.clone(), Kind::Package, spelling);
                item.size = size;
                item.mtime_ns = mtime_ns;
                self.push(item);
                Ok(None)
            }
            Err(error) => Ok(Some(unknown(&error))),
        }
    }

    fn subfolder(
        &mut self,
        path: &RelPath,
        stat: Stat,
        name: &OsStr,
        scope: Scope,
        is_respelt: bool,
    ) -> Result<Option<Freeze>> {
        if !self.chain.enter(stat.identity()) {
            return Ok(Some(Freeze::NotAFile { is_symlink: true }));
        }
        let spelling = is_respelt.then(|| self.spelling(name));
        let before = self.items.len();
        self.push(stat.item(path.clone(), Kind::Folder, spelling));
        self.disk.push(name);
        let done = self.folder(Some(path), scope, is_respelt);
        self.disk.pop();
        self.chain.leave();
        let Err(error) = done? else {
            return Ok(None);
        };
        self.items.truncate(before);
        let has_vanished = matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        );
        Ok((!has_vanished).then(|| unknown(&error)))
    }

    fn push(&mut self, item: LocalItem) {
        self.items.push(item);
        if self.items.len().is_multiple_of(TELL_EVERY) {
            (self.scan.watch.progress)(Progress {
                items: self.items.len(),
                folders: self.folders,
                folders_known: self.folders,
            });
        }
    }

    /// Notes that the folder `at` directly holds something that takes no part.
    fn mark(&mut self, at: Option<&RelPath>) {
        match at {
            None => self.listing.root_holds_hidden = true,
            Some(at) if self.listing.holds_hidden.contains(at) => {}
            Some(at) => {
                self.listing.holds_hidden.insert(at.clone());
            }
        }
    }

    /// Returns where `name` of the folder that is being read is below the root, as on disk.
    fn spelling(&self, name: &OsStr) -> Box<Path> {
        let below = self.disk.strip_prefix(self.scan.root);
        below.unwrap_or(&self.disk).join(name).into()
    }

    fn left(&self, path: Option<RelPath>, name: &OsStr, why: Freeze) -> Left {
        Left {
            path,
            shown: self.spelling(name).to_string_lossy().into_owned(),
            why,
        }
    }
}

fn unknown(error: &io::Error) -> Freeze {
    Freeze::Unknown(format!("cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
