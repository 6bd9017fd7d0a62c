//! The walk itself.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::{DirEntryExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use super::{
    LocalScan,
    links::Chain,
    measure::{Stat, extent_of_package},
};
use crate::{
    error::{Error, Result},
    scan::{
        Progress,
        clash::twins,
        filter::{Scope, is_part_name},
    },
    tree::{Freeze, Kind, Left, Listing, LocalItem, RelPath},
};

/// After how many items the progress is told.
const TELL_EVERY: usize = 512;

/// Walks all that `scan` is to list.
pub(super) fn walk(scan: &LocalScan<'_>) -> Result<Listing<LocalItem>> {
    let about_root = |error| {
        Error::io(
            format!("cannot read the folder \"{}\"", scan.root.display()),
            error,
        )
    };
    let mut walk = Walk {
        scan,
        chain: Chain::new(scan.root, scan.links).map_err(about_root)?,
        disk: scan.root.to_path_buf(),
        items: Vec::new(),
        listing: Listing::default(),
        folders: 0,
    };
    let device = fs::metadata(scan.root).map_err(about_root)?.dev();
    walk.run(device)?.map_err(about_root)?;
    let Walk { items, listing, .. } = walk;
    let mut done = Listing::new(items);
    done.left = listing.left;
    done.left.sort_by(|a, b| a.shown.cmp(&b.shown));
    done.holds_hidden = listing.holds_hidden;
    done.root_holds_hidden = listing.root_holds_hidden;
    done.unsent = listing.unsent;
    done.mounts = listing.mounts;
    done.leftovers = listing.leftovers;
    Ok(done)
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

/// A folder that is being walked, and what of it is still to come.
struct Frame {
    at: Option<RelPath>,
    entries: std::vec::IntoIter<(Entry, Option<String>)>,
    /// Its path on disk is not in NFC.
    is_respelt: bool,
    device: u64,
}

impl Walk<'_> {
    /// Lists the root and all below it. No recursion: paths may be thousands of folders deep. An
    /// inner error is the root's own.
    fn run(&mut self, device: u64) -> Result<io::Result<()>> {
        let root = match self.open(None, self.scan.filter.root(), false, device)? {
            Ok(frame) => frame,
            Err(error) => return Ok(Err(error)),
        };
        let mut stack = vec![root];
        while let Some(frame) = stack.last_mut() {
            let Some((entry, clash)) = frame.entries.next() else {
                stack.pop();
                if !stack.is_empty() {
                    self.leave_folder();
                }
                continue;
            };
            let below = self.entry(frame, entry, clash)?;
            stack.extend(below);
        }
        Ok(Ok(()))
    }

    /// Reads the folder that `disk` points at, and sorts what is in it.
    fn open(
        &mut self,
        at: Option<RelPath>,
        scope: Scope,
        is_respelt: bool,
        device: u64,
    ) -> Result<io::Result<Frame>> {
        let mut entries = match self.read(at.as_ref(), scope)? {
            Ok(entries) => entries,
            Err(error) => return Ok(Err(error)),
        };
        self.folders += 1;
        entries.sort_unstable_by(|a, b| a.path.name().cmp(b.path.name()));
        let names: Vec<&str> = entries.iter().map(|entry| entry.path.name()).collect();
        let mut others = twins(&names, false).unwrap_or_else(|| vec![None; entries.len()]);
        if let Some(is_there) = self.scan.going_remote
            && let Some(twins) = twins(&names, true)
        {
            for (at, twin) in twins.into_iter().enumerate() {
                others[at] = others[at].or(twin.filter(|_| !is_there(&entries[at].path)));
            }
        }
        let spelt = |at: usize| entries[at].disk_name().to_string_lossy().into_owned();
        let clashes: Vec<Option<String>> =
            (others.into_iter()).map(|other| other.map(spelt)).collect();
        let entries: Vec<_> = entries.into_iter().zip(clashes).collect();
        Ok(Ok(Frame {
            at,
            entries: entries.into_iter(),
            is_respelt,
            device,
        }))
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
                    self.note_unsent(&os_name);
                    left.push(self.left(None, &os_name, Freeze::BadName(why.to_string())));
                    continue;
                }
                None => {
                    let why = "the name is not valid UTF-8".to_owned();
                    self.note_unsent(&os_name);
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
                Ok(None) if is_part_name(path.name()) => {
                    let below = self.disk.join(&os_name);
                    let below = below.strip_prefix(self.scan.root).map(Path::to_path_buf);
                    self.listing.leftovers.extend(below);
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
        let is_package = is_folder && (self.scan.is_package)(path, entry.ino());
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

    /// Puts one entry into the listing; a folder comes back opened, to be walked next.
    fn entry(
        &mut self,
        frame: &Frame,
        entry: Entry,
        clash: Option<String>,
    ) -> Result<Option<Frame>> {
        let is_respelt = frame.is_respelt || entry.spelling.is_some();
        let spelling = is_respelt.then(|| self.spelling(entry.disk_name()));
        let freeze = match entry.found {
            _ if clash.is_some() => clash.map(Freeze::NameClash),
            Found::Left(why) => Some(why),
            Found::Plain(stat) => {
                self.push(stat.item(entry.path, Kind::File, spelling));
                return Ok(None);
            }
            Found::Package(stat) => {
                self.scan.watch.check()?;
                match extent_of_package(&self.disk.join(entry.disk_name())) {
                    Ok((size, mtime_ns)) => {
                        let item = stat.item(entry.path, Kind::Package, spelling);
                        self.push(LocalItem {
                            size,
                            mtime_ns,
                            ..item
                        });
                        return Ok(None);
                    }
                    Err(error) => Some(unknown(&error)),
                }
            }
            Found::Folder(stat, _) if !self.chain.enter(stat.identity()) => {
                Some(Freeze::NotAFile { is_symlink: true })
            }
            Found::Folder(stat, scope) => {
                let before = self.items.len();
                if stat.device() != frame.device {
                    self.listing.mounts.push(entry.path.clone());
                }
                self.push(stat.item(entry.path.clone(), Kind::Folder, spelling));
                self.disk.push(entry.disk_name());
                let opened =
                    self.open(Some(entry.path.clone()), scope, is_respelt, stat.device())?;
                let error = match opened {
                    Ok(below) => return Ok(Some(below)),
                    Err(error) => error,
                };
                self.leave_folder();
                self.items.truncate(before);
                let has_vanished = matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                );
                (!has_vanished).then(|| unknown(&error))
            }
        };
        if let Some(why) = freeze {
            let name = entry.spelling.as_deref();
            let name = name.unwrap_or_else(|| OsStr::new(entry.path.name()));
            if matches!(why, Freeze::NameClash(_)) {
                self.note_unsent(name);
            }
            let left = self.left(Some(entry.path.clone()), name, why);
            self.listing.left.push(left);
            self.mark(frame.at.as_ref());
        }
        Ok(None)
    }

    /// Notes what stands under a name that can't be sent. What can't be looked at is passed over.
    fn note_unsent(&mut self, name: &OsStr) {
        let all = WalkDir::new(self.disk.join(name)).into_iter();
        for metadata in all.flatten().filter_map(|entry| entry.metadata().ok()) {
            let stat = Stat::of(&metadata);
            self.listing.unsent.insert((stat.inode, stat.birth_ns));
        }
    }

    fn leave_folder(&mut self) {
        self.disk.pop();
        self.chain.leave();
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
