//! What a dry run of an undo would have done so far, so that each step is judged as if those before it were done.
//!
//! It is empty in a real run, where both sides themselves show what was done.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use crate::{
    state::undo::Place,
    tree::{RelPath, RemoteId},
};

/// A local change of place.
enum Change {
    Move { from: RelPath, to: RelPath },
    Swap { one: RelPath, other: RelPath },
}

/// What would have been done so far.
#[derive(Default)]
pub(super) struct View {
    changes: Vec<Change>,
    /// Places on disk whose item would be in the trash.
    gone: HashSet<PathBuf>,
    /// Places on disk whose item would be elsewhere.
    vacated: HashSet<PathBuf>,
    /// Local folders that would be made.
    pub(super) made: HashSet<RelPath>,
    /// Remote items that would be in the trash.
    pub(super) remote_gone: HashSet<RemoteId>,
    /// Where remote items would be.
    pub(super) remote_places: HashMap<RemoteId, Place>,
}

fn moved(path: &RelPath, from: &RelPath, to: &RelPath) -> Option<RelPath> {
    if !path.is_at_or_under(from) {
        return None;
    }
    let rest = path.as_str().strip_prefix(from.as_str())?;
    RelPath::parse(&format!("{to}{rest}")).ok()
}

impl View {
    /// Returns where the item that would be at `path` is now, and whether that is another place.
    pub(super) fn real(&self, path: &RelPath) -> (RelPath, bool) {
        let mut at = path.clone();
        let mut is_elsewhere = false;
        for change in self.changes.iter().rev() {
            let before = match change {
                Change::Move { from, to } => moved(&at, to, from),
                Change::Swap { one, other } => {
                    moved(&at, one, other).or_else(|| moved(&at, other, one))
                }
            };
            if let Some(before) = before {
                at = before;
                is_elsewhere = true;
            }
        }
        (at, is_elsewhere)
    }

    /// Returns whether nothing would be at a place on disk.
    pub(super) fn is_free(&self, full: &Path, is_elsewhere: bool) -> bool {
        let is_in =
            |places: &HashSet<PathBuf>| full.ancestors().any(|place| places.contains(place));
        is_in(&self.gone) || (!is_elsewhere && is_in(&self.vacated))
    }

    /// Notes that the item that is now at this place on disk would be in the trash.
    pub(super) fn trash(&mut self, full: PathBuf) {
        self.gone.insert(full);
    }

    /// Notes that a local item, now at this place on disk, would be elsewhere.
    pub(super) fn relocate(&mut self, from: RelPath, to: RelPath, full: PathBuf) {
        self.vacated.insert(full);
        self.changes.push(Change::Move { from, to });
    }

    /// Notes that two local items would have changed places.
    pub(super) fn swap(&mut self, one: RelPath, other: RelPath) {
        self.changes.push(Change::Swap { one, other });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    #[test]
    fn a_path_is_followed_back_through_all_that_would_have_been_done() {
        let mut view = View::default();
        view.relocate(path("b"), path("a"), "/l/b".into());
        view.swap(path("a/x"), path("c"));
        assert_eq!(view.real(&path("a/y")), (path("b/y"), true));
        assert_eq!(view.real(&path("c/z")), (path("b/x/z"), true));
        assert_eq!(view.real(&path("a/x")), (path("c"), true));
        assert_eq!(view.real(&path("d")), (path("d"), false));
        assert!(
            view.is_free(Path::new("/l/b/y"), false),
            "it was moved away"
        );
        assert!(
            !view.is_free(Path::new("/l/b/y"), true),
            "it is what was moved"
        );
        view.trash("/l/b/y".into());
        assert!(view.is_free(Path::new("/l/b/y"), true));
    }
}
