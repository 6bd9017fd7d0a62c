//! Disks that are mounted inside of LOCAL: while one is not, what was on it is missing, and deleted by nobody.

use std::{collections::BTreeSet, fs};

use super::Pass;
use crate::{
    error::Result,
    scan::filter::Filter,
    state::{PairFiles, baseline::Baseline, replace_file},
    tree::{Freeze, Left, Listing, LocalItem, RelPath},
};

impl Pass<'_> {
    /// Takes folders that are no longer mounted for unknown.
    pub(super) fn hold_unmounted(
        &self,
        base: &Baseline,
        filter: &Filter,
        local: &mut Listing<LocalItem>,
    ) {
        let is_meant =
            |path: &RelPath| !filter.hides(path, true) && base.rows.under(path).next().is_some();
        hold(
            &known(self.files),
            is_meant,
            &not_mounted(self.files),
            local,
        );
    }

    /// Writes down which folders are mounted now, and which still count as such: those that are held, and those that a filter
    /// hides.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub(super) fn keep_mounts(&self, filter: &Filter, local: &Listing<LocalItem>) -> Result<()> {
        let before = known(self.files);
        let not_mounted = not_mounted(self.files);
        let is_held = |path: &RelPath| {
            let mut left = local.left.iter();
            let is_around = |left: &Left| {
                left.why == not_mounted
                    && (left.path.as_ref()).is_some_and(|away| path.is_at_or_under(away))
            };
            filter.hides(path, true) || left.any(is_around)
        };
        let mut now: BTreeSet<RelPath> = local.mounts.iter().cloned().collect();
        now.extend(before.iter().filter(|path| is_held(path)).cloned());
        if now == before {
            return Ok(());
        }
        let names: Vec<&str> = now.iter().map(RelPath::as_str).collect();
        let bytes = serde_json::to_vec(&names).unwrap_or_default();
        replace_file(&self.files.mounts, |to| to.write_all(&bytes))
    }
}

/// The way out is not `--force`: that may be given for something else.
fn not_mounted(files: &PairFiles) -> Freeze {
    Freeze::Unknown(format!(
        "another disk was mounted there when it was last synced, and is not now: mount it, or, if it is to stay away, remove {}",
        files.mounts.display()
    ))
}

/// The folders that were mounted in the last pass. A record that can't be read is none.
fn known(files: &PairFiles) -> BTreeSet<RelPath> {
    let bytes = fs::read(&files.mounts).unwrap_or_default();
    let names: Vec<String> = serde_json::from_slice(&bytes).unwrap_or_default();
    (names.iter())
        .filter_map(|name| RelPath::parse(name).ok())
        .collect()
}

fn hold(
    known: &BTreeSet<RelPath>,
    is_meant: impl Fn(&RelPath) -> bool,
    why: &Freeze,
    local: &mut Listing<LocalItem>,
) {
    let mounted: BTreeSet<RelPath> = local.mounts.iter().cloned().collect();
    let mut away: Vec<&RelPath> = Vec::new();
    for path in known.difference(&mounted) {
        // What was mounted below it is away with it.
        if is_meant(path) && !away.iter().any(|folder| path.is_at_or_under(folder)) {
            away.push(path);
            local.fold(path, Err(why.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Kind;

    #[test]
    fn what_was_on_a_disk_that_is_not_mounted_is_unknown() {
        let path = |text: &str| RelPath::parse(text).unwrap();
        let item = |at: &str, kind| LocalItem {
            path: path(at),
            kind,
            size: 0,
            mtime_ns: 0,
            inode: 1,
            birth_ns: 1,
            spelling: None,
        };
        // One is an empty folder now, one is gone with its folder, one is there, one was never synced.
        let mut local = Listing::new(vec![
            item("a", Kind::File),
            item("own", Kind::Folder),
            item("own/d", Kind::File),
            item("vol", Kind::Folder),
            item("vol/put here meanwhile", Kind::File),
        ]);
        local.mounts.push(path("own"));
        let known = ["vol", "vol/inner", "usb", "own", "never"].map(path);
        let is_meant = |at: &RelPath| at.as_str() != "never";
        let why = Freeze::Unknown("away".to_owned());
        hold(&known.into(), is_meant, &why, &mut local);
        let unknown: Vec<_> = local.left.iter().map(|left| left.shown.as_str()).collect();
        assert_eq!(unknown, ["usb", "vol"]);
        assert!(local.has_unknown());
        let items: Vec<_> = local
            .items()
            .iter()
            .map(|item| item.path.as_str())
            .collect();
        assert_eq!(items, ["a", "own", "own/d"]);
    }
}
