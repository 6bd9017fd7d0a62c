//! A local folder, a Drive in memory, and passes between them in this process.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use icloud_sync::{
    error::Result,
    options::{FilterOptions, Links, PassOptions, Shares},
    pass::{self, Tools},
    plan::{Delete, Plan, Policy, Verb},
    report::{Event, Reporter, Summary},
    stop::Stop,
};
use tempfile::TempDir;

use crate::{
    hand::{LocalHand, Tree, tree_of},
    memory::{Manner, Memory},
};

/// A new process holds this one's locks between fork and exec: none is started while a pass in this process runs.
static SPAWNING: RwLock<()> = RwLock::new(());

/// Starts a program while no pass of this process runs.
pub(crate) fn spawn(command: &mut Command) -> Child {
    let _alone = SPAWNING.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap()
}

/// What a pass is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) verb: Verb,
    pub(crate) policy: Policy,
    pub(crate) delete: Delete,
    pub(crate) exclude: Vec<String>,
    pub(crate) checksum: bool,
    pub(crate) transfers: usize,
}

impl Asked {
    /// A bisync as it is without any option.
    pub(crate) fn bisync() -> Self {
        Self {
            verb: Verb::Bisync,
            policy: Policy::PreferNewer,
            delete: Delete::Nothing,
            exclude: Vec::new(),
            checksum: false,
            transfers: 1,
        }
    }
}

/// What a pass came to.
pub(crate) struct Ran {
    pub(crate) result: Result<Summary>,
    pub(crate) plan: Plan,
}

impl Ran {
    pub(crate) fn code(&self) -> u8 {
        match &self.result {
            Ok(summary) => summary.exit_code,
            Err(error) => error.exit_code(),
        }
    }

    /// Tells what it came to, for people.
    pub(crate) fn tell(&self) -> String {
        let end = match &self.result {
            Ok(summary) => format!("code {}, {:?}", summary.exit_code, summary.problems),
            Err(error) => error.chain(),
        };
        let actions: Vec<String> = (self.plan.actions.iter())
            .map(|action| format!("{} {:?} ({:?})", action.path, action.what, action.reason))
            .collect();
        let done = (self.result.as_ref()).map_or(0, |summary| summary.counts.done);
        format!("{end}, {done} done\n    {}", actions.join("\n    "))
    }
}

#[derive(Default)]
struct Listener(Mutex<Plan>);

impl Reporter for Listener {
    fn event(&self, event: &Event<'_>) {
        if let Event::Planned { plan, .. } = event {
            *self.0.lock().unwrap() = (*plan).clone();
        }
    }
}

/// The pair.
pub(crate) struct Pair {
    folder: TempDir,
    pub(crate) memory: Memory,
    pub(crate) hand: LocalHand,
}

/// Makes a folder in memory where the system has one.
pub(crate) fn temp() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

impl Pair {
    pub(crate) fn new(manner: Manner) -> Self {
        let folder = temp();
        let local = folder.path().join("local");
        fs::create_dir(&local).unwrap();
        Self {
            folder,
            memory: Memory::new(manner),
            hand: LocalHand(local),
        }
    }

    pub(crate) fn local(&self) -> &Path {
        &self.hand.0
    }

    fn options(&self, asked: &Asked, dry_run: bool) -> PassOptions {
        PassOptions {
            shares: Shares::default(),
            verb: asked.verb,
            local: self.hand.0.clone(),
            remote: "/".to_owned(),
            dry_run,
            no_remote: false,
            filter: FilterOptions {
                exclude: asked.exclude.clone(),
                ..FilterOptions::default()
            },
            delete: asked.delete,
            max_delete: None,
            trash_days: 0,
            force: true,
            policy: asked.policy,
            checksum: asked.checksum,
            verify_download: false,
            transfers: asked.transfers,
            listers: asked.transfers,
            bwlimit: None,
            max_downloads: None,
            min_free: 0,
            op_delay: Duration::ZERO,
            links: Links::Skip,
            state_file: None,
            state_dir: self.folder.path().join("state"),
            explain: false,
            stats_interval: 0,
            progress_summary: false,
        }
    }

    fn run(&self, asked: &Asked, dry_run: bool) -> Ran {
        let listener = Arc::new(Listener::default());
        let tools = Tools {
            remote: &self.memory,
            account: "ada@example.com",
            reporter: Arc::clone(&listener) as Arc<dyn Reporter>,
            stop: &Stop::new(),
            requests: &|| 0,
        };
        let _no_spawn = SPAWNING.read().unwrap_or_else(PoisonError::into_inner);
        let result = pass::run(&self.options(asked, dry_run), &tools);
        let plan = listener.0.lock().unwrap().clone();
        Ran { result, plan }
    }

    pub(crate) fn pass(&self, asked: &Asked) -> Ran {
        self.run(asked, false)
    }

    pub(crate) fn dry_run(&self, asked: &Asked) -> Ran {
        self.run(asked, true)
    }

    pub(crate) fn local_tree(&self) -> Tree {
        tree_of(self.local())
    }

    pub(crate) fn remote_tree(&self) -> Tree {
        self.memory.world().tree()
    }

    /// All contents in the local trash.
    pub(crate) fn local_trash(&self) -> Vec<Vec<u8>> {
        contents_in(&self.local().join(".icloud-sync/trash"))
    }

    /// Every local item with what tells a write; without the program's own.
    pub(crate) fn local_marks(&self) -> BTreeMap<PathBuf, String> {
        let mut marks = marks_below(self.local());
        marks.retain(|path, _| !path.starts_with(".icloud-sync"));
        marks
    }

    /// Everything that a dry run must leave: LOCAL, its trash, and the program's memory but for what it learned.
    pub(crate) fn all_marks(&self) -> BTreeMap<PathBuf, String> {
        let mut marks = marks_below(self.folder.path());
        marks.retain(|path, _| !path.starts_with("state/icloud-sync/learned"));
        marks
    }
}

/// All contents of files below a folder, unfinished ones not counted.
pub(crate) fn contents_in(folder: &Path) -> Vec<Vec<u8>> {
    let walk = walkdir::WalkDir::new(folder).into_iter();
    walk.filter_map(std::result::Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| {
            !entry
                .file_name()
                .to_string_lossy()
                .starts_with(".icloud-sync.")
        })
        .map(|entry| fs::read(entry.path()).unwrap())
        .collect()
}

fn marks_below(root: &Path) -> BTreeMap<PathBuf, String> {
    let walk = walkdir::WalkDir::new(root).min_depth(1).into_iter();
    walk.map(std::result::Result::unwrap)
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_path_buf();
            let metadata = entry.metadata().unwrap();
            let mut mark = format!("{} {}", metadata.ino(), metadata.mode());
            if metadata.is_file() {
                mark = format!("{mark} {} {}", metadata.mtime(), metadata.mtime_nsec());
            }
            (path, mark)
        })
        .collect()
}
