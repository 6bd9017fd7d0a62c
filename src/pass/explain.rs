//! Why a path is treated as it is: what each side and the baseline have there, and what the plan says of it.
//!
//! It goes the way of a dry run up to the plan, and tells nobody else. Nothing is changed; no lock is taken.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Instant};

use super::{Draft, Pass, Places, Tools, learned::Learned, look};
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    options::PassOptions,
    plan::{Action, Conflict, Settle, Side, What},
    scan::filter::Hidden,
    state::lock::{Lock, Of},
    tree::{Kind, Left, LocalItem, RelPath, RemoteItem, Row},
};

/// What stands on the disk and is in no listing.
#[derive(Debug)]
pub struct OnDisk {
    /// In words: `file`, `folder`, `symbolic link`, `special file`.
    pub what: &'static str,
    /// Bytes, of a file.
    pub size: Option<u64>,
    /// Nanoseconds since 1970 UTC.
    pub mtime_ns: i64,
}

impl OnDisk {
    /// Looks at a path, and not behind a symbolic link.
    fn look(path: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(path).ok()?;
        let kind = found.file_type();
        let what = match () {
            () if kind.is_file() => "file",
            () if kind.is_dir() => "folder",
            () if kind.is_symlink() => "symbolic link",
            () => "special file",
        };
        let seconds = found.mtime().saturating_mul(1_000_000_000);
        Some(Self {
            what,
            size: kind.is_file().then_some(found.len()),
            mtime_ns: seconds.saturating_add(found.mtime_nsec()),
        })
    }
}

/// What is known of one path.
#[derive(Debug)]
pub struct Explained {
    /// The path below LOCAL and REMOTE.
    pub path: RelPath,
    /// The filter's rule that keeps it out, alone or with a folder that it is in.
    pub rule: Option<Hidden>,
    /// The package that it is inside of, which is treated as one thing.
    pub package: Option<RelPath>,
    /// What is at the local path where the listing has nothing: what takes no part, and what is inside of a package.
    pub on_disk: Option<OnDisk>,
    /// What the baseline has there.
    pub base: Option<Row>,
    /// What the local side has there.
    pub local: Option<LocalItem>,
    /// What the remote side has there.
    pub remote: Option<RemoteItem>,
    /// What was left out of the listings there, or in a folder that it is in.
    pub left: Vec<(Side, Left)>,
    /// What a pass would do with it, and with the folder or the item that it is part of.
    pub actions: Vec<Action>,
    /// What would be left as it is, that path or a folder that it is in, and why.
    pub kept: Vec<(RelPath, String)>,
    /// The conflict that the policy would settle.
    pub conflict: Option<Conflict>,
    /// What would become of its baseline entry, without an action.
    pub settled: Option<Settle>,
    /// The guard that would stop the pass before that.
    pub guard: Option<Error>,
}

/// Explains a path.
///
/// # Errors
/// As a dry run's, but for guards 1, 2 and 4, which are in the answer.
pub fn explain(options: &PassOptions, path: &RelPath, tools: &Tools<'_>) -> Result<Explained> {
    let places = Places::find(options, tools.remote)?;
    let files = look::files(options)?;
    let _lock = Lock::look(&files.lock, Of::Pass)?;
    let pass = Pass {
        options,
        tools,
        places,
        files: &files,
        begun: Instant::now(),
    };
    let base = pass.load_baseline()?;
    pass.places
        .check_against(&base, options, tools.account, &files)?;
    let root = pass.places.make_local(options)?;
    let remote_root = pass.places.make_remote(options, tools.remote)?;
    let filter = look::filter(options, &pass.places.local, &files)?;
    let mut learned = Learned::load(&options.state_dir, tools.account);
    let Draft { listings, plan, .. } =
        pass.draft(&base, &filter, root.as_ref(), &remote_root, &mut learned)?;
    let guard = match pass.guard(&super::awake(&base, &filter), &listings, &plan) {
        Err(error) if error.kind() == ErrorKind::Guard => Some(error),
        other => {
            other?;
            None
        }
    };
    pass.keep(&mut learned);
    let local = listings.local.get(path).cloned();
    let remote = listings.remote.get(path).cloned();
    let row = base.rows.get(path).cloned();
    let is_folder = (local.as_ref().map(|item| item.kind))
        .or(remote.as_ref().map(|item| item.kind))
        .or(row.as_ref().map(|row| row.kind))
        .map_or_else(
            || pass.places.local.join(path.as_str()).is_dir(),
            |kind| kind == Kind::Folder,
        );
    let left = (listings.local.left.iter().map(|left| (Side::Local, left)))
        .chain(listings.remote.left.iter().map(|left| (Side::Remote, left)))
        .filter(|(_, left)| {
            let at = left.path.as_ref();
            at.is_some_and(|at| path.is_at_or_under(at)) || left.shown == path.as_str()
        })
        .map(|(side, left)| (side, left.clone()))
        .collect();
    let is_package = |at: &RelPath| {
        let local = listings.local.get(at).map(|item| item.kind);
        let remote = listings.remote.get(at).map(|item| item.kind);
        let base = base.rows.get(at).map(|row| row.kind);
        [local, remote, base].contains(&Some(Kind::Package))
    };
    let package = path.ancestors().find(is_package);
    // What is inside of a package goes with it.
    let subject = package.as_ref().unwrap_or(path);
    let on_disk = if local.is_none() {
        OnDisk::look(&pass.places.local.join(path.as_str()))
    } else {
        None
    };
    let is_near = |at: &RelPath| path.is_at_or_under(at);
    Ok(Explained {
        rule: filter.why(path, is_folder),
        path: path.clone(),
        left,
        actions: (plan.actions.iter())
            .filter(|action| concerns(action, subject))
            .cloned()
            .collect(),
        kept: (plan.kept.iter())
            .filter(|kept| is_near(&kept.path))
            .map(|kept| (kept.path.clone(), kept.why.clone()))
            .collect(),
        conflict: (plan.conflicts.iter())
            .find(|one| one.path == *subject || one.kept_as.as_ref() == Some(subject))
            .cloned(),
        settled: (plan.settled.iter())
            .find(|settled| settled.path == *subject)
            .map(|settled| settled.how.clone()),
        base: row,
        local,
        remote,
        guard,
        package,
        on_disk,
    })
}

/// Returns whether an action is about what is, was or will be at a path, alone or with its folder.
fn concerns(action: &Action, path: &RelPath) -> bool {
    let takes = |at: &RelPath| path.is_at_or_under(at);
    match &action.what {
        What::MoveLocal { from } | What::MoveRemote { from, .. } => {
            takes(from) || takes(&action.path)
        }
        What::SwapLocal { with, .. } => takes(with) || takes(&action.path),
        What::RemoveLocal | What::TrashRemote => takes(&action.path),
        What::CreateLocalFolder
        | What::CreateRemoteFolder { .. }
        | What::Download
        | What::Upload { .. } => action.path == *path,
    }
}
