//! Which local paths take part, and a cheap look at them without a pass.

use std::{
    collections::{HashMap, HashSet},
    fs,
    hash::{DefaultHasher, Hash, Hasher as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use super::places;
use crate::{
    error::Result,
    options::PassOptions,
    plan::Verb,
    scan::{Watch, filter::Filter, local::LocalScan},
    state::{PairFiles, baseline},
    stop::Stop,
    tree::{Kind, RelPath},
};

/// Looks at the local side beside the baseline. It asks the service nothing, takes no lock and reads no content; what the
/// passes themselves wrote is in the baseline, and so is no difference.
pub struct Look<'a> {
    options: &'a PassOptions,
    stop: &'a Stop,
    known: Known,
}

/// What the baseline says of the local side: of each path's hash that of its marks. Should two
/// hashes ever be equal by chance, the next pass on time sees what a look did not.
#[derive(Default)]
struct Known {
    /// Tells this baseline and journal from later ones.
    files: Vec<Option<(u64, u64, i64, i64)>>,
    marks: HashMap<u64, u64>,
}

fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Hashes what an edit moves. The time of a folder says nothing that its content does not.
fn marks(kind: Kind, size: u64, mtime_ns: i64, inode: u64) -> u64 {
    match kind {
        Kind::Folder => hash((true, inode)),
        Kind::File | Kind::Package => hash((false, size, mtime_ns, inode)),
    }
}

impl<'a> Look<'a> {
    /// Prepares to look; reads nothing yet.
    pub fn new(options: &'a PassOptions, stop: &'a Stop) -> Self {
        Self {
            options,
            stop,
            known: Known::default(),
        }
    }

    /// Returns a number that stands for all that is not as the baseline has it: new, changed and missing items. 0 for
    /// none. What is left out of the passes for good has a constant share in it.
    ///
    /// # Errors
    /// Where LOCAL or the baseline can't be read; `Stopped`.
    pub fn differences(&mut self) -> Result<u64> {
        let local = places::resolve_local(&self.options.local)?;
        let files = files(self.options)?;
        self.known.load(&files)?;
        let is_there = |path: &RelPath| self.known.marks.contains_key(&hash(path.as_str()));
        let listing = LocalScan {
            root: &local,
            filter: &filter(self.options, &local, &files)?,
            links: self.options.links,
            going_remote: (self.options.verb != Verb::Pull).then_some(&is_there),
            is_package: &|_, _| false,
            watch: Watch {
                stop: self.stop,
                progress: &|_| {},
            },
        }
        .run()?;
        let mut missing: HashSet<u64> = self.known.marks.keys().copied().collect();
        let mut sum: u64 = 0;
        for item in listing.items() {
            let path = hash(item.path.as_str());
            let marks = marks(item.kind, item.size, item.mtime_ns, item.inode);
            missing.remove(&path);
            if self.known.marks.get(&path) != Some(&marks) {
                sum = sum.wrapping_add(hash((path, marks)));
            }
        }
        Ok(missing.into_iter().fold(sum, u64::wrapping_add))
    }
}

impl Known {
    /// Reads the baseline, if it is another than the last time.
    fn load(&mut self, files: &PairFiles) -> Result<()> {
        let stamp = |path: &Path| {
            let of = |one: fs::Metadata| (one.ino(), one.len(), one.mtime(), one.mtime_nsec());
            fs::metadata(path).ok().map(of)
        };
        let now = vec![stamp(&files.baseline), stamp(&files.journal)];
        if now == self.files {
            return Ok(());
        }
        let base = baseline::load(files)?;
        let rows = base.rows.items().iter();
        self.marks = rows
            .map(|row| {
                let path: &RelPath = &row.path;
                let marks = marks(row.kind, row.size, row.mtime_ns, row.inode);
                (hash(path.as_str()), marks)
            })
            .collect();
        self.files = now;
        Ok(())
    }
}

/// Names the files that a pair's state is kept in.
///
/// # Errors
/// `Usage` or `Local` where LOCAL can't be looked at.
pub fn files(options: &PassOptions) -> Result<PairFiles> {
    let local = places::resolve_local(&options.local)?;
    let state_file = options.state_file.as_deref();
    Ok(PairFiles::new(
        &options.state_dir,
        &local,
        &options.remote,
        state_file,
    ))
}

/// Makes the filter of a pass. The program's own state holds a session, and changes with every pass; it never leaves
/// this machine.
pub(super) fn filter(options: &PassOptions, local: &Path, files: &PairFiles) -> Result<Filter> {
    let mut filter = options.filter.clone();
    let own = [
        (places::resolve_local(&options.state_dir)?, "/"),
        (places::resolve_local(&files.baseline)?, ""),
        (places::resolve_local(&files.journal)?, ""),
        // What was put aside for being damaged, or was never a baseline.
        (places::resolve_local(&files.baseline)?, ".damaged-*"),
        (places::resolve_local(&files.journal)?, ".damaged-*"),
    ];
    for (path, kind) in &own {
        if let Ok(below) = path.strip_prefix(local)
            && let Some(below) = below.to_str()
        {
            (filter.ignore).push(format!("/{}{kind}", globset::escape(below)));
        }
    }
    Filter::new(&filter, local)
}
