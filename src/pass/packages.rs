//! Packages, as far as a plan asks about them: local folders that are to be one item, and what packages of either side hold.
//!
//! In come the paths and ids that a plan wants to know of, out go a changed local listing and facts. A remote package is fetched
//! to be looked into, into a file without a name; nothing is put anywhere.

use rayon::prelude::*;
use walkdir::WalkDir;

use super::{Listings, Pass, learned::Learned};
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    exec::{disk::Disk, package::Trees},
    plan::{Facts, Inquiry},
    scan::{filter::Filter, local::measure},
    tree::{Freeze, Kind, LocalItem, RelPath, RemoteItem, Signature},
};

impl Pass<'_> {
    /// Lists folders as packages. To a filter a package is a file, as it is on the service.
    pub(super) fn fold(
        inquiry: &Inquiry,
        listings: &mut Listings,
        filter: &Filter,
        disk: Option<&Disk>,
    ) {
        let Some(disk) = disk else { return };
        for path in &inquiry.packages {
            let spelling = (listings.local.get(path)).and_then(|item| item.spelling.clone());
            let as_one = if filter.hides(path, false) {
                Ok(None)
            } else {
                match measure(&disk.full_path(path), path.clone(), spelling, true) {
                    Ok(Some(item)) => Ok(Some(item)),
                    // One that is reached through a link is no package.
                    Ok(None) => Err(Freeze::NotAFile { is_symlink: true }),
                    Err(error) => Err(Freeze::Unknown(format!("cannot be read: {error}"))),
                }
            };
            listings.local.fold(path, as_one);
        }
    }

    /// Answers what a plan asks of packages.
    ///
    /// # Errors
    /// What concerns no single package: not signed in, stopped.
    pub(super) fn look_into(
        &self,
        inquiry: &Inquiry,
        listings: &Listings,
        disk: Option<&Disk>,
        facts: &mut Facts,
        learned: &mut Learned,
    ) -> Result<()> {
        let Some(disk) = disk else { return Ok(()) };
        for path in &inquiry.inside {
            facts.inside.insert(path.clone(), inside(disk, path));
        }
        let mut wanted: Vec<&RemoteItem> = (listings.remote.items().iter())
            .filter(|item| inquiry.trees.contains(&item.id))
            .collect();
        wanted.retain(|item| match learned.tree(item) {
            Some(known) => {
                facts.trees.insert(item.id.clone(), Ok(known));
                false
            }
            None => true,
        });
        if wanted.is_empty() {
            return Ok(());
        }
        let remote = self.tools.remote;
        let (bwlimit, min_free) = (self.options.bwlimit, self.options.min_free);
        let trees = Trees::new(remote, disk, self.tools.stop, bwlimit, min_free);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.options.listers.max(1))
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Other, "cannot start threads").with_source(error)
            })?;
        let found: Vec<Result<Signature>> =
            pool.install(|| wanted.par_iter().map(|item| trees.there(item)).collect());
        self.tools.stop.check()?;
        for (item, tree) in wanted.into_iter().zip(found) {
            match tree {
                Err(error) if error.kind() == ErrorKind::SignIn => return Err(error),
                Err(error) => {
                    facts.trees.insert(item.id.clone(), Err(error.chain()));
                }
                Ok(tree) => {
                    learned.remember_tree(item, tree);
                    facts.trees.insert(item.id.clone(), Ok(tree));
                }
            }
        }
        Ok(())
    }
}

/// Lists what is in a local package; what can't be read is left out.
fn inside(disk: &Disk, package: &RelPath) -> Vec<LocalItem> {
    let root = disk.full_path(package);
    let walk = WalkDir::new(&root).min_depth(1).into_iter();
    walk.filter_map(std::result::Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy();
            let path = RelPath::top(&name).ok()?;
            measure(entry.path(), path, None, false).ok()?
        })
        .filter(|item| item.kind != Kind::Package)
        .collect()
}
