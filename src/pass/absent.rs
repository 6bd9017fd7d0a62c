//! A pass that asks the service nothing (`--no-remote`): what the last pass left there stands in for what is there now.
//!
//! Comes in: the baseline. Goes out: a remote listing, and the answers that a plan wants of the remote side, all made from
//! it. [`Absent`] takes the service's place, so that no request can be made by oversight.

use std::io::Read;

use crate::{
    cloud::{Commit, Content, FolderAnswer, FolderProbe, Node, Remote, Staged, Target, Token},
    error::{Error, Kind as ErrorKind, Result},
    plan::{Facts, RemoteFact},
    scan::filter::Filter,
    state::{baseline::Baseline, last::LastPass},
    tree::{DocId, Kind, Listing, RelPath, RemoteId, RemoteItem, Zone},
};

/// A remote side that refuses to be asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Absent;

fn refused<T>() -> Result<T> {
    Err(Error::new(
        ErrorKind::Other,
        "iCloud is not to be asked, since --no-remote or NO_REMOTE is given",
    ))
}

impl Remote for Absent {
    fn list(&self, _: &[RemoteId]) -> Result<Vec<FolderAnswer>> {
        refused()
    }

    fn probe(&self, _: &[RemoteId]) -> Result<Vec<FolderProbe>> {
        refused()
    }

    fn list_trash(&self) -> Result<Vec<Node>> {
        refused()
    }

    fn read(&self, _: &[(RemoteId, Kind)]) -> Result<Vec<Option<Node>>> {
        refused()
    }

    fn tokens(&self, _: &Zone, _: &[DocId]) -> Result<Vec<Result<Token>>> {
        refused()
    }

    fn fetch(&self, _: &Token, _: u64) -> Result<Content> {
        refused()
    }

    fn stage(
        &self,
        _: &Zone,
        _: &str,
        _: u64,
        _: &mut dyn FnMut() -> Result<Box<dyn Read + Send>>,
    ) -> Result<Staged> {
        refused()
    }

    fn commit(
        &self,
        _: &Staged,
        _: &Commit<'_>,
        _: &RemoteId,
        _: &str,
        _: u64,
        _: i64,
    ) -> Result<Node> {
        refused()
    }

    fn create_folders(&self, _: &RemoteId, _: &[&str]) -> Result<Vec<Result<Node>>> {
        refused()
    }

    fn rename(&self, _: &Target, _: &str) -> Result<Node> {
        refused()
    }

    fn relocate(&self, _: &[Target], _: &RemoteId) -> Result<Vec<Result<Node>>> {
        refused()
    }

    fn trash(&self, _: &[Target]) -> Result<Vec<Result<Node>>> {
        refused()
    }

    fn put_back(&self, _: &[Target]) -> Result<Vec<Result<Node>>> {
        refused()
    }
}

/// Returns the remote side as the last pass left it.
pub(super) fn listing(base: &Baseline, filter: &Filter) -> Listing<RemoteItem> {
    let mut hidden_in: Vec<Option<RelPath>> = Vec::new();
    let mut items = Vec::with_capacity(base.rows.items().len());
    for row in base.rows.items() {
        if filter.hides(&row.path, row.kind == Kind::Folder) {
            hidden_in.push(row.path.parent());
        } else {
            items.push(row.remote_item());
        }
    }
    let mut listing = Listing::new(items);
    listing.root_holds_hidden = hidden_in.contains(&None);
    listing.holds_hidden = hidden_in.into_iter().flatten().collect();
    listing
}

/// Returns what the service would say of the contents that the last pass left there.
pub(super) fn facts(base: &Baseline) -> Facts {
    let files = base.rows.items().iter();
    let files = files.filter(|row| row.kind != Kind::Folder);
    let remote = files.map(|row| {
        let fact = RemoteFact {
            signature: row.signature,
            is_package: row.kind == Kind::Package,
        };
        (row.id.clone(), Ok(fact))
    });
    let trees = (base.rows.items().iter())
        .filter(|row| row.kind == Kind::Package)
        .map(|row| {
            let unknown = "what is in it is not known without asking iCloud";
            let tree = row.signature.ok_or_else(|| unknown.to_owned());
            (row.id.clone(), tree)
        });
    Facts {
        remote: remote.collect(),
        trees: trees.collect(),
        ..Facts::default()
    }
}

/// Says what such a plan rests on.
pub(super) fn note(base: &Baseline, last: Option<&LastPass>) -> String {
    if base.pair.is_none() {
        return "iCloud is not asked, and both sides were never in step: all that is here counts as new"
            .to_owned();
    }
    let when = last
        .and_then(|last| last.ended_at.parse::<jiff::Timestamp>().ok())
        .map(|at| at.to_zoned(jiff::tz::TimeZone::system()))
        .map(|at| at.strftime(", %Y-%m-%d %H:%M,").to_string())
        .unwrap_or_default();
    format!("iCloud is not asked: what it had after the last pass{when} counts as what it has now")
}
