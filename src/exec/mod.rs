//! Carries out a plan: stage by stage, within a stage in parallel, an outcome for each action.
//!
//! Before an action does anything it looks whether its thing is still as the plan saw it; if not, it is skipped
//! and the next pass sees it afresh. Whatever is finished goes into the journal at once. Nothing here decides what
//! is to be done.

pub mod disk;
pub(crate) mod download;
mod fetch;
mod folder;
pub mod gate;
mod lanes;
mod marks;
pub(crate) mod own;
pub(crate) mod package;
mod quota;
mod ranges;
mod relocate;
mod remove;
mod rename;
mod room;
mod rows;
pub(crate) mod seal;
pub mod throttle;
mod tokens;
mod unzip;
mod upload;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    cloud::{Node, Remote, limit::Permits},
    error::{Error, Kind, Result},
    plan::{Action, Parent, Plan, What},
    report::{Event, Outcome, Reporter},
    state::{
        journal::{Journal, Op},
        trash::Trash,
        undo::{Deed, Record},
    },
    stop::Stop,
    tree::{Etag, Listing, LocalItem, RelPath, RemoteId, RemoteItem, Zone},
};
use disk::Disk;
use gate::WriteGate;
use lanes::Groups;
use quota::Quota;
use room::Room;
use throttle::Throttle;

pub(crate) use rows::{is_racy, now_ns};

/// How many items one request of many moves, makes or trashes at most.
const BATCH: usize = 50;

/// Transfers at once, until the service shows what it takes (design section 7).
const FIRST_TRANSFERS: usize = 8;

/// What execution may do, and how fast.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most transfers at once.
    pub transfers: usize,
    /// What an earlier pass has found.
    pub limits: Limits,
    /// Content bytes a second, both ways together.
    pub bwlimit: Option<u64>,
    /// Most files received.
    pub max_downloads: Option<usize>,
    /// Bytes that a download leaves free on LOCAL's file system; 0: no bound.
    pub min_free: u64,
    /// A pause before each action.
    pub op_delay: Duration,
    /// Read a download back from disk and compare before it replaces anything.
    pub verify_download: bool,
    /// Keep SHA-256 beside the signature.
    pub checksum: bool,
}

/// What the service was found to take; worth remembering between passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transfers at once.
    pub transfers: usize,
    /// Clean writes in a row until a zone is tried with one more at once.
    pub write_run: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transfers: FIRST_TRANSFERS,
            write_run: gate::FIRST_RUN,
        }
    }
}

/// What is known of an account's content signatures (protocol page 9.9).
#[derive(Debug, Default)]
pub struct Calibration {
    is_proven: AtomicBool,
}

impl Calibration {
    /// Begins with what earlier passes have learned.
    pub fn new(is_proven: bool) -> Self {
        Self {
            is_proven: AtomicBool::new(is_proven),
        }
    }

    /// Returns whether the formula has agreed with the service at least once: only then a disagreement
    /// means corruption.
    pub fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    /// Notes that it agreed.
    pub fn prove(&self) {
        self.is_proven.store(true, Ordering::Relaxed);
    }
}

/// What a plan is carried out with.
pub struct Exec<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The remote side.
    pub remote: &'a dyn Remote,
    /// The local side.
    pub disk: &'a Disk,
    /// Where replaced and removed local content goes.
    pub trash: &'a Trash,
    /// Where finished actions are written down.
    pub journal: &'a Journal,
    /// Where what they did is written down, so that it can be taken back.
    pub undo: &'a Record,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Set by a signal.
    pub stop: &'a Stop,
    /// What it may do.
    pub settings: Settings,
    /// What is known of content signatures.
    pub calibration: &'a Calibration,
    /// The local side as it was listed.
    pub local: &'a Listing<LocalItem>,
    /// Whether a remote item, as it is now, is where a listing of REMOTE shows it.
    pub shows: &'a (dyn Fn(&Node) -> bool + Sync),
    /// Whether a remote item, as it is now, is where the listing had it: in that folder, under that name.
    pub stands: &'a (dyn Fn(&Node, &RemoteItem) -> bool + Sync),
}

impl Exec<'_> {
    /// Makes durable what the journal is about to know of.
    fn settle(&self) -> Result<()> {
        self.undo.flush()?;
        self.disk.settle()
    }
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Done {
    /// An outcome for each action, in the plan's order.
    pub outcomes: Vec<Outcome>,
    /// Content bytes received and sent.
    pub bytes: (u64, u64),
    /// Something was put into the local trash.
    pub has_trash: bool,
    /// The error that ended everything, where one did.
    pub fatal: Option<Error>,
    /// What the service was found to take.
    pub limits: Limits,
    /// Whether the account's storage was found full; `None` where nothing was sent.
    pub is_full: Option<bool>,
}

/// The running of one plan.
struct Run<'a> {
    exec: &'a Exec<'a>,
    gate: WriteGate,
    /// How many transfers are under way: a download's requests, or what an upload does before its commit.
    transfers: Permits,
    throttle: Arc<Throttle>,
    room: Room,
    /// Held while a package is unpacked.
    unpacking: Mutex<()>,
    quota: Quota,
    outcomes: Vec<OnceLock<Outcome>>,
    /// The remote folders that actions made.
    made: Vec<OnceLock<RemoteId>>,
    /// Folders in which something was not done: nothing is removed there.
    troubled: Mutex<BTreeSet<Option<RelPath>>>,
    downloads_left: AtomicUsize,
    received: AtomicU64,
    sent: Arc<AtomicU64>,
    has_trash: AtomicBool,
    fatal: Mutex<Option<Error>>,
    /// Version marks that this pass itself brought about.
    etags: Mutex<HashMap<RemoteId, Etag>>,
    tokens: tokens::Tokens,
    parted: relocate::Parted,
}

/// Carries out a plan.
///
/// # Errors
/// When no threads can be had. What goes wrong with actions is in their outcomes, and what ends everything in
/// [`Done::fatal`].
pub fn run(exec: &Exec<'_>) -> Result<Done> {
    let count = exec.plan.actions.len();
    let run = Run {
        gate: WriteGate::new(exec.settings.transfers, exec.settings.limits.write_run),
        transfers: Permits::new(exec.settings.limits.transfers, exec.settings.transfers),
        throttle: Arc::new(Throttle::new(exec.settings.bwlimit)),
        room: Room::new(exec.settings.min_free),
        unpacking: Mutex::default(),
        quota: Quota::default(),
        outcomes: (0..count).map(|_| OnceLock::new()).collect(),
        made: (0..count).map(|_| OnceLock::new()).collect(),
        troubled: Mutex::default(),
        downloads_left: AtomicUsize::new(exec.settings.max_downloads.unwrap_or(usize::MAX)),
        received: AtomicU64::new(0),
        sent: Arc::default(),
        has_trash: AtomicBool::new(false),
        fatal: Mutex::default(),
        etags: Mutex::default(),
        tokens: tokens::Tokens::new(&exec.plan.actions),
        parted: relocate::Parted::new(&exec.plan.actions),
        exec,
    };
    for stage in run.stages() {
        let lanes = run.lanes(run.units(&stage));
        lanes::run(&lanes, exec.settings.transfers, |unit| run.unit(unit))?;
        if let Err(error) = exec.journal.flush(|| exec.settle()) {
            run.end(error);
        }
    }
    let mut fatal = run
        .fatal
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if fatal.is_none() && exec.stop.is_set() {
        fatal = exec.stop.check().err();
    }
    let limits = Limits {
        transfers: run.transfers.found(),
        write_run: run.gate.run(),
    };
    Ok(Done {
        limits,
        is_full: run.quota.is_full(),
        outcomes: run
            .outcomes
            .into_iter()
            .map(|slot| slot.into_inner().unwrap_or(Outcome::NotRun))
            .collect(),
        bytes: (run.received.into_inner(), run.sent.load(Ordering::Relaxed)),
        has_trash: run.has_trash.into_inner(),
        fatal,
    })
}

/// Removes the unfinished files of earlier passes, but for those that a download of this plan goes on with.
pub fn clear_leftovers(disk: &Disk, local: &Listing<LocalItem>, plan: &Plan) {
    if local.leftovers.is_empty() {
        return;
    }
    let wanted: HashSet<String> = (plan.actions.iter())
        .filter(|action| action.what == What::Download)
        .filter_map(|action| action.remote.as_deref())
        .map(download::part_name)
        .collect();
    for path in &local.leftovers {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if wanted.contains(&*name) {
            continue;
        }
        let shown = path.to_string_lossy().into_owned();
        let removed = disk
            .spot_at(path, shown)
            .and_then(|spot| own::remove_leftover(&spot));
        match removed {
            Ok(()) => log::debug!("removed the unfinished {}", path.display()),
            Err(error) => log::warn!("cannot remove the unfinished file: {}", error.chain()),
        }
    }
}

/// Actions that are done in one go.
enum Unit {
    One(usize),
    /// Folders of one remote parent.
    Folders(Vec<usize>),
    /// Files of one zone that go to iCloud's trash.
    Trash(Vec<usize>),
}

impl<'a> Run<'a> {
    fn action(&self, number: usize) -> &'a Action {
        &self.exec.plan.actions[number]
    }

    fn stages(&self) -> Vec<Vec<usize>> {
        let mut stages: Vec<Vec<usize>> = Vec::new();
        let mut last = None;
        for (number, action) in self.exec.plan.actions.iter().enumerate() {
            if last != Some(action.stage) {
                stages.push(Vec::new());
                last = Some(action.stage);
            }
            if let Some(stage) = stages.last_mut() {
                stage.push(number);
            }
        }
        stages
    }

    /// Puts together what one request can do.
    fn units(&self, stage: &[usize]) -> Vec<Unit> {
        let mut units = Vec::new();
        let mut folders = Groups::default();
        let mut files = Groups::default();
        for number in stage {
            let action = self.action(*number);
            match (&action.what, &action.remote) {
                (What::CreateRemoteFolder { parent, .. }, _) => match parent {
                    Parent::Known(id) => folders.put((Some(id), None), *number),
                    Parent::Made(maker) => folders.put((None, Some(*maker)), *number),
                },
                (What::TrashRemote, Some(remote))
                    if action.content.is_empty() && action.kind != crate::tree::Kind::Folder =>
                {
                    files.put(&remote.id.zone, *number);
                }
                _ => units.push(Unit::One(*number)),
            }
        }
        units.extend(folders.groups.into_iter().map(Unit::Folders));
        units.extend(files.groups.into_iter().map(Unit::Trash));
        units
    }

    /// Sorts units by the zone that they write to.
    fn lanes(&self, units: Vec<Unit>) -> Vec<Vec<Unit>> {
        let mut lanes = Groups::default();
        for unit in units {
            let first = match &unit {
                Unit::One(number) => Some(number),
                Unit::Folders(numbers) | Unit::Trash(numbers) => numbers.first(),
            };
            lanes.put(first.and_then(|number| self.zone(*number)), unit);
        }
        lanes.groups
    }

    /// Returns the remote zone that an action writes to.
    fn zone(&self, number: usize) -> Option<&'a Zone> {
        let action = self.action(number);
        let parent = match &action.what {
            What::CreateRemoteFolder { parent, .. } | What::Upload { parent, .. } => Some(parent),
            What::MoveRemote { .. } | What::TrashRemote => None,
            What::CreateLocalFolder
            | What::Download
            | What::MoveLocal { .. }
            | What::SwapLocal { .. }
            | What::RemoveLocal => return None,
        };
        match parent {
            Some(Parent::Known(id)) => Some(&id.zone),
            Some(Parent::Made(maker)) => self.zone(*maker),
            None => action.remote.as_ref().map(|item| &item.id.zone),
        }
    }

    fn unit(&self, unit: &Unit) {
        match unit {
            Unit::One(number) => {
                if self.may_begin(*number) {
                    let result = self.one(*number);
                    self.finish(*number, result);
                }
            }
            Unit::Folders(numbers) => self.many(numbers, |ready| self.create_remote_folders(ready)),
            Unit::Trash(numbers) => self.many(numbers, |ready| self.trash_files(ready)),
        }
    }

    fn many(&self, numbers: &[usize], act: impl Fn(&[usize]) -> Vec<Result<Vec<Op>>>) {
        for chunk in numbers.chunks(BATCH) {
            let ready: Vec<usize> = chunk
                .iter()
                .copied()
                .filter(|number| self.may_begin(*number))
                .collect();
            if ready.is_empty() {
                continue;
            }
            let results = act(&ready);
            for (number, result) in ready.into_iter().zip(results) {
                self.finish(number, result);
            }
        }
    }

    /// Returns whether an action may begin; where not, its outcome is settled.
    fn may_begin(&self, number: usize) -> bool {
        let action = self.action(number);
        let is_over = self.exec.stop.is_set()
            || self
                .fatal
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_some();
        if is_over {
            self.settle(number, Outcome::NotRun);
            return false;
        }
        let missing = action
            .needs
            .iter()
            .find(|need| !matches!(self.outcomes[**need].get(), Some(Outcome::Done)));
        if let Some(need) = missing {
            let text = format!(
                "\"{}\" was not done, and this needs it",
                self.action(*need).path
            );
            self.settle(number, Outcome::Skipped(Error::new(Kind::Changed, text)));
            return false;
        }
        if matches!(action.what, What::RemoveLocal | What::TrashRemote) && self.is_troubled(action)
        {
            let text = "something else in its folder was not done; it is removed when that is";
            self.settle(number, Outcome::Skipped(Error::new(Kind::Changed, text)));
            return false;
        }
        if action.what == What::Download {
            let left =
                self.downloads_left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                        left.checked_sub(1)
                    });
            if left.is_err() {
                self.settle(number, Outcome::NotRun);
                return false;
            }
        }
        if !self.exec.settings.op_delay.is_zero()
            && self.exec.stop.wait(self.exec.settings.op_delay).is_err()
        {
            self.settle(number, Outcome::NotRun);
            return false;
        }
        self.exec.reporter.event(&Event::Started { number, action });
        true
    }

    fn is_troubled(&self, action: &Action) -> bool {
        let troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        let path = Some(action.path.clone());
        let below = troubled.range(&path..).next().and_then(Option::as_ref);
        troubled.contains(&action.path.parent())
            || below.is_some_and(|folder| folder.is_at_or_under(&action.path))
    }

    fn one(&self, number: usize) -> Result<Vec<Op>> {
        let action = self.action(number);
        match &action.what {
            What::CreateLocalFolder => self.create_local_folder(action),
            What::CreateRemoteFolder { .. } => self
                .create_remote_folders(&[number])
                .pop()
                .unwrap_or_else(|| Ok(Vec::new())),
            What::Download => self.download(number, action),
            What::Upload {
                parent,
                name,
                saves_loser,
            } => self.upload(number, action, parent, name, *saves_loser),
            What::MoveLocal { from } => self.move_local(action, from),
            What::SwapLocal { with, .. } => self.swap_local(action, with),
            What::MoveRemote {
                parent,
                name,
                moves_first,
                is_temporary,
                ..
            } => self.move_remote(action, parent.as_ref(), name, *moves_first, *is_temporary),
            What::RemoveLocal => self.remove_local(action),
            What::TrashRemote => self.trash_remote(number, action),
        }
    }

    /// Returns the identity of the folder that something goes into.
    fn parent(&self, parent: &Parent) -> Result<RemoteId> {
        match parent {
            Parent::Known(id) => Ok(id.clone()),
            Parent::Made(number) => self.made[*number].get().cloned().ok_or_else(|| {
                let text = format!("the folder \"{}\" was not made", self.action(*number).path);
                Error::new(Kind::Changed, text)
            }),
        }
    }

    /// Writes down what became of an action.
    fn finish(&self, number: usize, result: Result<Vec<Op>>) {
        let result = result.and_then(|ops| {
            if ops.is_empty() {
                return Ok(());
            }
            self.exec
                .journal
                .append(ops, || self.exec.settle())
                .inspect_err(|error| {
                    // What can't be remembered must not go on.
                    self.end(error.clone());
                })
        });
        let outcome = match result {
            Ok(()) => Outcome::Done,
            Err(error) if error.kind() == Kind::Stopped => Outcome::NotRun,
            Err(error) if error.kind() == Kind::Changed => Outcome::Skipped(error),
            Err(error) => {
                if error.kind() == Kind::SignIn {
                    self.end(error.clone());
                }
                Outcome::Failed(error)
            }
        };
        self.settle(number, outcome);
    }

    fn settle(&self, number: usize, outcome: Outcome) {
        let action = self.action(number);
        if !matches!(outcome, Outcome::Done) {
            let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
            troubled.insert(action.path.parent());
            if let What::MoveLocal { from } | What::MoveRemote { from, .. } = &action.what {
                troubled.insert(from.parent());
            }
        }
        self.exec.reporter.event(&Event::Finished {
            number,
            action,
            outcome: &outcome,
        });
        if self.outcomes[number].set(outcome).is_err() {
            debug_assert!(false, "an action ends once");
        }
    }

    /// Writes down what was just done, so that it can be taken back.
    fn did(&self, deed: &Deed) {
        if let Err(error) = self.exec.undo.add(deed) {
            // It is done all the same; nothing more is begun that could not be taken back.
            self.end(error);
        }
    }

    /// Notes the version mark that one of our own writes brought about.
    fn remember(&self, id: &RemoteId, etag: &Etag) {
        let mut etags = self.etags.lock().unwrap_or_else(PoisonError::into_inner);
        etags.insert(id.clone(), etag.clone());
    }

    /// Returns the version mark that an item has if nobody else has touched it.
    fn known_etag(&self, item: &RemoteItem) -> Etag {
        let etags = self.etags.lock().unwrap_or_else(PoisonError::into_inner);
        etags.get(&item.id).unwrap_or(&item.etag).clone()
    }

    /// Returns whether this pass itself has moved, renamed or written an item.
    fn has_written(&self, id: &RemoteId) -> bool {
        let etags = self.etags.lock().unwrap_or_else(PoisonError::into_inner);
        etags.contains_key(id)
    }

    /// Ends everything: nothing new begins.
    fn end(&self, error: Error) {
        let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
        fatal.get_or_insert(error);
    }
}
