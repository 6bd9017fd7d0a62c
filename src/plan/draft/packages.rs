//! Packages: what is received as one and can't be sent.
//!
//! A folder here that is one is asked for as one item, so that all rules see it as the thing that it is on the service. What
//! can't be sent stays here; and nothing goes from iCloud in a pass that could not send what may be the only other copy.

use std::collections::{HashMap, HashSet};

use super::{Draft, LOCAL, Place, REMOTE};
use crate::{
    plan::{
        Inquiry, Verb, conflict,
        matching::{Ent, ROOT},
    },
    tree::{Kind, LocalItem, RelPath, Row, names_package, package_suffix},
};

/// What is said of a new package.
const NEW_PACKAGE: &str = "a folder with this name is a document of an app, which can be received but not sent (there it would be a folder of loose files): send it as a .zip, or save it as a single file in its app";
/// What is said of a package in whose place iCloud has another, where no pass knows that they were one.
const OTHER_PACKAGE: &str = "iCloud has another document of this name, and this one can't be sent: a pull of this pair with `--conflict prefer-remote` puts it into the local trash and receives iCloud's, or give it another name and the next pass receives iCloud's beside it";
/// What is said of a package that was changed here.
const CHANGED_PACKAGE: &str = "a package can be received but not sent (the service has no way in): make the change on a device or at icloud.com; to give yours up, move it out of LOCAL and pull this pair before any bisync, which would take it for deleted";
/// What is said of a package that both sides changed.
const BOTH_CHANGED_PACKAGE: &str = "both sides changed this package, and yours can't be sent: a bisync of this pair with `--conflict prefer-remote` puts it into the local trash and receives iCloud's, `--conflict keep-both` keeps it beside that under another name";
/// What is said of a package that a conflict kept under its conflict name.
pub(super) const KEPT_PACKAGE: &str =
    "a conflict kept this package here, and it stays here: it can't be sent";

impl<'a> Draft<'a> {
    /// Asks for the folders that are to be listed as packages: those that are new here and are called like one, or stand
    /// where iCloud has one. A folder that the other side has too, or that was one when both last agreed, is one there.
    pub(super) fn ask_for_packages(&self, inquiry: &mut Inquiry) {
        let mut there: Option<HashMap<&Place<'a>, Ent>> = None;
        let mut found: HashSet<&RelPath> = HashSet::new();
        for ent in 1..self.parts.len() {
            let part = &self.parts[ent];
            let Some(item) = self.local(ent) else {
                continue;
            };
            let is_new = part.entity.base.is_none() && part.entity.remote.is_none();
            if !is_new || item.kind != Kind::Folder {
                continue;
            }
            let stands_at_one = |inquiry: &mut Inquiry, of: Ent| {
                self.remote(of).is_some_and(|item| {
                    item.kind == Kind::Package
                        || (item.kind == Kind::File
                            && matches!(
                                inquiry.remote(self.input.facts, item),
                                Some(Ok(fact)) if fact.is_package
                            ))
                })
            };
            let there = there.get_or_insert_with(|| self.files_there());
            let other = part.now[LOCAL].as_ref().and_then(|at| there.get(at));
            if names_package(item.path.name())
                || other.is_some_and(|other| stands_at_one(inquiry, *other))
            {
                found.insert(&item.path);
            }
        }
        // One inside another goes with it.
        let outermost = (found.iter())
            .filter(|path| !path.ancestors().any(|folder| found.contains(&folder)))
            .map(|path| (*path).clone());
        inquiry.packages.extend(outermost);
    }

    fn files_there(&self) -> HashMap<&Place<'a>, Ent> {
        let is_file = |ent: &Ent| self.remote(*ent).is_some_and(|it| it.kind != Kind::Folder);
        (1..self.parts.len())
            .filter(is_file)
            .filter_map(|ent| Some((self.parts[ent].now[REMOTE].as_ref()?, ent)))
            .collect()
    }

    /// Leaves a package here that can't be sent.
    pub(super) fn leave_unsent(&mut self, ent: Ent) {
        let entity = self.parts[ent].entity;
        let name = self.shown(ent);
        let (why, is_problem) = match (entity.base, entity.remote) {
            (None, None) if conflict::is_kept_name(name.name()) => (KEPT_PACKAGE, false),
            (None, None) => (NEW_PACKAGE, true),
            (None, Some(_)) => (OTHER_PACKAGE, true),
            (Some(_), _) if self.has_changed_there(ent) => (BOTH_CHANGED_PACKAGE, true),
            (Some(_), _) => (CHANGED_PACKAGE, true),
        };
        self.keep(ent, why, is_problem);
        self.parts[ent].freeze();
        self.unsent.push(ent);
    }

    fn has_changed_there(&self, ent: Ent) -> bool {
        match (self.row(ent), self.remote(ent)) {
            (Some(row), Some(item)) => {
                row.id != item.id || row.etag.content_part() != item.etag.content_part()
            }
            (_, _) => false,
        }
    }

    /// Holds back what a pass would remove from iCloud that may be, or be in, a package that it can't send, or stands at the
    /// place of one: what is in Recently Deleted goes in 30 days. Asks for what is in these packages.
    pub(super) fn hold_back(&mut self, inquiry: &mut Inquiry) {
        if self.rules.verb == Verb::Pull || self.unsent.is_empty() {
            return;
        }
        let is_going = |ent: &Ent| {
            let part = &self.parts[*ent];
            !part.is_frozen && part.now[REMOTE].is_some() && part.goal[REMOTE].is_none()
        };
        let going: Vec<Ent> = (1..self.parts.len()).filter(is_going).collect();
        if going.is_empty() {
            return;
        }
        let mut held: Vec<(Ent, String)> = Vec::new();
        for unsent in self.unsent.clone() {
            let Some(item) = self.local(unsent) else {
                continue;
            };
            let Some(inside) = inquiry.inside(self.input.facts, &item.path) else {
                continue;
            };
            let inside = Inside::of(inside);
            let is_new = self.parts[unsent].entity.base.is_none()
                && !conflict::is_kept_name(item.path.name());
            for ent in going.iter().copied() {
                let place = &self.parts[ent].now[REMOTE];
                let is_in_the_way =
                    self.remote(unsent).is_none() && *place == self.parts[unsent].now[LOCAL];
                let may_be = |row: &Row| {
                    (is_new
                        && row.kind == Kind::Package
                        && package_suffix(row.path.name()) == package_suffix(item.path.name()))
                        || inside.may_hold(row)
                };
                if is_in_the_way {
                    let why = format!(
                        "it stands in iCloud where {:?} is here, which can't be sent, so it stays: move that away, and it goes",
                        item.path
                    );
                    held.push((ent, why));
                } else if self.local(ent).is_none() && self.row(ent).is_some_and(may_be) {
                    let why = format!(
                        "gone from here, but it may be what is now {:?}, which can't be sent, so it stays in iCloud: rename or move it in iCloud the same way, or move {:?} out of LOCAL, and it goes from iCloud",
                        item.path, item.path
                    );
                    held.push((ent, why));
                }
            }
        }
        for (ent, why) in held {
            if !self.parts[ent].is_frozen {
                self.keep(ent, why, true);
                self.parts[ent].freeze();
                self.hold_what_is_in(ent, &going);
            }
        }
    }

    /// Holds back, with a folder that stays, what is in it on the remote side.
    fn hold_what_is_in(&mut self, folder: Ent, going: &[Ent]) {
        for ent in going.iter().copied() {
            let mut at = ent;
            while at != ROOT && at != folder {
                at = match &self.parts[at].now[REMOTE] {
                    Some(place) => place.parent,
                    None => ROOT,
                };
            }
            if at == folder {
                self.parts[ent].freeze();
            }
        }
    }
}

/// What is in a package, to be looked up.
struct Inside<'a> {
    inodes: HashSet<(u64, i64)>,
    files: HashSet<(&'a str, u64)>,
    folders: HashSet<&'a str>,
}

impl<'a> Inside<'a> {
    fn of(items: &'a [LocalItem]) -> Self {
        let (mut files, mut folders) = (HashSet::new(), HashSet::new());
        for item in items {
            if item.kind == Kind::Folder {
                folders.insert(item.path.name());
            } else {
                files.insert((item.path.name(), item.size));
            }
        }
        Self {
            inodes: (items.iter())
                .map(|item| (item.inode, item.birth_ns))
                .collect(),
            files,
            folders,
        }
    }

    /// Returns whether a row's item may be in there: moved, or as a copy of the same name.
    fn may_hold(&self, row: &Row) -> bool {
        let name = row.path.name();
        (row.inode != 0 && self.inodes.contains(&(row.inode, row.birth_ns)))
            || match row.kind {
                Kind::File => row.size > 0 && self.files.contains(&(name, row.size)),
                Kind::Package => self.folders.contains(name),
                Kind::Folder => false,
            }
    }
}
