//! Taking back what a pass did.
//!
//! Comes in: the record of a pass ([`crate::state::undo`]). Its deeds are taken back in reverse order, each only if
//! what it left is still as it left it; what has changed since is refused, item by item. Goes out: what became of each
//! deed, and a record of the undo itself, so that it can be taken back as well. Nothing is ever deleted here: what goes,
//! goes to the trash of its side.
//!
//! The baseline forgets what is taken back, before anything is done: the next pass joins both sides there, as a first
//! pass does, and deletes nothing. Rows of what is only moved back stay: they say where both sides last had it, so the
//! next bisync carries the way back over to the other side.

mod choose;
mod local;
mod outcome;
mod remote;
mod tree;
mod view;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Instant,
};

use super::{Tools, places::Places};
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    exec::{disk::Disk, seal},
    options::PassOptions,
    report::Event,
    state::{
        Pair, PairFiles,
        baseline::{self, Baseline},
        journal::{self, Journal, Op},
        last::{self, LastPass},
        lock::{Lock, Of, TreeLock},
        trash::{self, Trash},
        undo::{self, Deed, Record},
    },
    stop::Stop,
    tree::{Kind, Listing, RelPath, RemoteId},
};
pub use choose::past;
pub use outcome::{End, Step, Undone};
use tree::Tree;
use view::View;

/// How many deeds of one kind are taken back in one go.
const BATCH: usize = 50;

/// Takes back what the `wanted` pass did, or what the last one did.
///
/// # Errors
/// `Usage` where there is no such pass; `Guard` where it belongs to another account or folder; `Locked`; whatever keeps
/// the undo from beginning. What goes wrong later is in the steps.
pub fn undo(options: &PassOptions, wanted: Option<&str>, tools: &Tools<'_>) -> Result<Undone> {
    let begun = Instant::now();
    let mut places = Places::find(options, tools.remote)?;
    let files = PairFiles::new(
        &options.state_dir,
        &places.local,
        &options.remote,
        options.state_file.as_deref(),
    );
    // Asked for before the lock, so that a mistyped name makes no file.
    choose::choose(&undo::passes(&files.undo)?, wanted)?;
    let _lock = if options.dry_run {
        Lock::look(&files.lock, Of::Pass)?
    } else {
        Some(super::take_lock(&files)?)
    };
    let passes = undo::passes(&files.undo)?;
    let pass = choose::choose(&passes, wanted)?;
    places.trash = super::new_trash(options, &places.local)?;
    let taken = undo::read(&files.undo, pass)?;
    let base = baseline::load(&files)?;
    places.check_against(&base, options, tools.account, &files)?;
    let (Some(root), Some(remote_root)) = (places.existing_local(), &places.remote) else {
        let text = format!(
            "LOCAL \"{}\" or REMOTE \"{}\" is missing",
            options.local.display(),
            options.remote
        );
        return Err(Error::new(ErrorKind::Guard, text)
            .with_hint("an undo needs both as they were when the pass ran"));
    };
    let remote_id = remote_root.folder_drivewsid();
    let pair = Pair::new(tools.account, &root, &options.remote, &remote_id)?;
    if !pair.is_same(&taken.header.pair) {
        let text = format!("pass {pass} was of another account or folder; nothing was done");
        return Err(Error::new(ErrorKind::Guard, text)
            .with_hint("LOCAL and REMOTE must be the ones that the pass worked on"));
    }
    let later = choose::touched_later(&files, &passes, pass)?;
    let _tree = if options.dry_run {
        None
    } else {
        Some(TreeLock::take(&root)?)
    };
    let disk = Disk::open(&root, options.links, &Listing::default())?;
    let trash = &places.trash;
    let record = Record::new(&files.undo, trash.pass(), &pair, "undo", Some(pass));
    let journal = if options.dry_run {
        None
    } else {
        let journal = baseline::begin(&files, &pair, &base)?;
        Some(journal)
    };
    let mut undo = Undo {
        disk: &disk,
        remote: tools.remote,
        root: remote_root,
        trash,
        stop: tools.stop,
        record: &record,
        journal: journal.as_ref(),
        rows: (base.rows.items().iter())
            .map(|row| (row.id.clone(), row.path.clone()))
            .collect(),
        row_paths: (base.rows.items().iter())
            .map(|row| row.path.clone())
            .collect(),
        view: View::default(),
        tree: Tree::default(),
        steps_left: HashMap::new(),
        arrived: HashSet::new(),
        has_trash: false,
        fatal: None,
    };
    let steps = undo.take_back(&taken.deeds, &later);
    let (fatal, has_trash, arrived) = (undo.fatal, undo.has_trash, undo.arrived);
    let mut undone = Undone {
        pass: taken.pass,
        verb: taken.header.verb,
        begun_at: taken.header.begun_at,
        name: undo::exists(&files.undo, trash.pass()).then(|| trash.pass().to_owned()),
        steps,
        trash: has_trash.then(|| trash.folder(&root)),
        fatal,
        stopped_by: tools.stop.signal(),
        requests: (tools.requests)(),
        elapsed_ms: 0,
    };
    if let Some(journal) = journal {
        let items = end(&files, &base, &pair, journal, &arrived, || {
            record.flush()?;
            disk.settle()
        })?;
        if let Err(error) = note_last(options, &files, &undone, items) {
            tools.reporter.event(&Event::Warning(&error.chain()));
        }
    }
    undone.elapsed_ms = super::millis(begun.elapsed());
    Ok(undone)
}

/// Saves the baseline with what was forgotten. Returns how many items both sides agree on.
fn end(
    files: &PairFiles,
    base: &Baseline,
    pair: &Pair,
    journal: Journal,
    arrived: &HashSet<RemoteId>,
    settle: impl FnOnce() -> Result<()>,
) -> Result<usize> {
    journal.flush(settle)?;
    let waits = base.in_transit.clone();
    let (rows, mut in_transit) = journal::fold(base.rows.clone(), journal.into_ops(), waits);
    in_transit.retain(|id, _| !arrived.contains(id));
    baseline::save(files, pair, &rows, &in_transit)?;
    Ok(rows.items().len())
}

/// Writes down what the undo came to, for `status`.
fn note_last(
    options: &PassOptions,
    files: &PairFiles,
    undone: &Undone,
    baseline_items: usize,
) -> Result<()> {
    let last = LastPass {
        verb: "undo".to_owned(),
        local: last::absolute(&options.local),
        remote: options.remote.clone(),
        ended_at: jiff::Timestamp::now().to_string(),
        exit_code: undone.exit_code(),
        message: undone.fatal.as_ref().map(Error::chain),
        problems: Vec::new(),
        problem_count: 0,
        done: undone.count(|end| matches!(end, End::Done)),
        baseline_items,
        hidden_items: last::load(&files.last).map_or(0, |last| last.hidden_items),
    };
    last::save(&files.last, &last)
}

/// A running undo.
struct Undo<'a> {
    disk: &'a Disk,
    remote: &'a dyn crate::cloud::Remote,
    root: &'a RemoteId,
    trash: &'a Trash,
    stop: &'a Stop,
    record: &'a Record,
    /// `None` for a dry run: nothing is done then.
    journal: Option<&'a Journal>,
    /// Where the baseline had each item.
    rows: HashMap<RemoteId, RelPath>,
    /// The paths of the rows that it still has.
    row_paths: BTreeSet<RelPath>,
    /// What a dry run would have done so far.
    view: View,
    tree: Tree,
    /// How many steps of a remote item's move are still to be taken back.
    steps_left: HashMap<RemoteId, usize>,
    /// Items whose place says something again.
    arrived: HashSet<RemoteId>,
    has_trash: bool,
    fatal: Option<Error>,
}

fn is_local(deed: &Deed) -> bool {
    match deed {
        Deed::LocalAppeared { .. }
        | Deed::LocalVanished { .. }
        | Deed::LocalMoved { .. }
        | Deed::LocalSwapped { .. } => true,
        Deed::RemoteAppeared { .. }
        | Deed::RemoteUpdated { .. }
        | Deed::RemoteVanished { .. }
        | Deed::RemoteMoved { .. } => false,
    }
}

/// Returns whether a deed has nothing to do with its neighbours, so that they may be taken back together.
fn stands_alone(deed: &Deed) -> bool {
    match deed {
        Deed::LocalAppeared { kind, .. }
        | Deed::LocalVanished { kind, .. }
        | Deed::RemoteAppeared { kind, .. }
        | Deed::RemoteVanished { kind, .. } => *kind != Kind::Folder,
        Deed::RemoteUpdated { .. } => true,
        Deed::LocalMoved { .. } | Deed::LocalSwapped { .. } | Deed::RemoteMoved { .. } => false,
    }
}

/// Splits deeds into runs of one kind that can be taken back together.
fn groups<'d>(deeds: &[&'d Deed]) -> Vec<Vec<&'d Deed>> {
    let mut groups: Vec<Vec<&Deed>> = Vec::new();
    for deed in deeds {
        let fits = |group: &&mut Vec<&Deed>| {
            group.len() < BATCH
                && stands_alone(deed)
                && group.last().is_some_and(|last| {
                    stands_alone(last)
                        && std::mem::discriminant(*last) == std::mem::discriminant(*deed)
                })
        };
        match groups.last_mut().filter(fits) {
            Some(group) => group.push(deed),
            None => groups.push(vec![deed]),
        }
    }
    groups
}

impl Undo<'_> {
    /// Takes deeds back, the last first. The sides need nothing of each other, so the remote one comes first as a whole.
    fn take_back(&mut self, deeds: &[Deed], later: &HashSet<String>) -> Vec<Step> {
        let (local, remote): (Vec<&Deed>, Vec<&Deed>) =
            deeds.iter().rev().partition(|deed| is_local(deed));
        for deed in deeds {
            if let Deed::RemoteMoved { id, .. } = deed {
                *self.steps_left.entry(id.clone()).or_default() += 1;
            }
        }
        let mut steps = Vec::with_capacity(deeds.len());
        for group in groups(&remote).into_iter().chain(groups(&local)) {
            let is_over = self.fatal.is_some() || self.stop.is_set();
            let ends = if is_over {
                group.iter().map(|_| End::NotRun).collect()
            } else {
                self.group(&group, later)
            };
            for (deed, end) in group.into_iter().zip(ends) {
                if let End::Failed(error) = &end
                    && matches!(error.kind(), ErrorKind::SignIn | ErrorKind::DiskFull)
                {
                    self.fatal.get_or_insert_with(|| error.clone());
                }
                steps.push(Step {
                    deed: deed.clone(),
                    end,
                });
            }
        }
        steps
    }

    fn group(&mut self, group: &[&Deed], later: &HashSet<String>) -> Vec<End> {
        let mut ends: Vec<Option<End>> = group
            .iter()
            .map(|deed| {
                if deed.touched().iter().any(|thing| later.contains(thing)) {
                    let text = "a later pass has worked on it; take that one back first";
                    return Some(End::Refused(text.to_owned()));
                }
                cannot(deed)
            })
            .collect();
        let open: Vec<usize> = (0..group.len()).filter(|at| ends[*at].is_none()).collect();
        let deeds: Vec<&Deed> = open.iter().map(|at| group[*at]).collect();
        let results = if deeds.iter().any(|deed| is_local(deed)) {
            self.local(&deeds)
        } else {
            self.remote(&deeds)
        };
        for (at, result) in open.into_iter().zip(results) {
            ends[at] = Some(match result {
                Ok(()) => End::Done,
                Err(error) => error.into(),
            });
        }
        ends.into_iter()
            .map(|end| end.unwrap_or(End::NotRun))
            .collect()
    }

    /// Lets the baseline forget what is about to be taken back, durably: a row of something that is gone would be taken
    /// for a deletion by the next pass.
    fn forget(&mut self, deeds: &[&Deed]) -> Result<()> {
        let Some(journal) = self.journal else {
            return Ok(());
        };
        let mut ops = Vec::new();
        for deed in deeds {
            let path = match deed {
                Deed::LocalAppeared { path, row, .. } => Some(row.as_ref().unwrap_or(path)),
                Deed::LocalVanished { path, .. } => Some(path),
                Deed::RemoteAppeared { id, .. } | Deed::RemoteVanished { id, .. } => {
                    self.rows.get(id)
                }
                Deed::LocalMoved { .. }
                | Deed::LocalSwapped { .. }
                | Deed::RemoteUpdated { .. }
                | Deed::RemoteMoved { .. } => None,
            };
            let Some(path) = path else { continue };
            let below: Vec<RelPath> = (self.row_paths.range(path.clone()..))
                .take_while(|row| row.is_at_or_under(path))
                .cloned()
                .collect();
            // What was moved out of a folder that the pass made keeps its row, and so must the folder.
            if was_made_empty(deed) && below.len() > 1 {
                continue;
            }
            for row in &below {
                self.row_paths.remove(row);
            }
            ops.push(Op::Forget(path.clone()));
        }
        self.note(journal, ops)
    }

    fn note(&self, journal: &Journal, ops: Vec<Op>) -> Result<()> {
        if ops.is_empty() {
            return Ok(());
        }
        journal.append(ops, || self.settle())?;
        journal.flush(|| self.settle())
    }

    fn settle(&self) -> Result<()> {
        self.record.flush()?;
        self.disk.settle()
    }

    /// Writes down what was just done. A record that can't be written ends everything: what is done next could not be
    /// taken back.
    fn did(&mut self, deed: &Deed) {
        if let Err(error) = self.record.add(deed) {
            self.fatal.get_or_insert(error);
        }
    }
}

/// Returns whether a pass made this folder, with nothing in it.
fn was_made_empty(deed: &Deed) -> bool {
    let (Deed::LocalAppeared { kind, seal, .. } | Deed::RemoteAppeared { kind, seal, .. }) = deed
    else {
        return false;
    };
    *kind == Kind::Folder && *seal == seal::empty_folder()
}

/// Returns why a deed can't be taken back whatever has become of it.
fn cannot(deed: &Deed) -> Option<End> {
    let Deed::RemoteUpdated { kept, .. } = deed else {
        return None;
    };
    let old = match kept.as_deref().map(trash::kept_path) {
        Some(Ok(place)) => format!("; what it replaced is in LOCAL/{place}"),
        Some(Err(_)) | None => String::new(),
    };
    let text = format!("its new content stays in iCloud, which keeps no old versions{old}");
    Some(End::Impossible(text))
}
