//! One pass, from lock to saved baseline; each step is a call into another module.
//!
//! Up to the plan everything only reads, so a dry run goes the same way and stops there. After it everything only
//! does what the plan says.

mod absent;
mod carry;
mod check;
mod draft;
mod explain;
mod facts;
mod learned;
mod look;
mod mounts;
mod others;
mod packages;
mod places;
mod room;
mod sight;
mod sum;
mod undo;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    cloud::{Remote, endpoint::Endpoint},
    error::{Error, Kind as ErrorKind, Result},
    exec,
    options::PassOptions,
    plan::{Plan, Side, guard},
    report::{Event, Reporter, Summary, words},
    scan::filter::Filter,
    state::{
        PairFiles,
        baseline::{self, Baseline},
        last::{self, LastPass},
        lock::{Lock, Of, TreeLock},
        missed,
        trash::{self, Trash},
        undo as record,
    },
    stop::Stop,
    tree::{Kind, Row},
};
pub use absent::Absent;
pub use check::{Compared, Finding, Found, check};
use draft::{Draft, Listings};
pub use explain::{Explained, explain};
pub(crate) use learned::Learned;
pub use look::{Look, files};
use places::Places;
pub use undo::{End, Step, Undone, past, undo as take_back};

/// What a pass works with besides its options.
pub struct Tools<'a> {
    /// The remote side.
    pub remote: &'a dyn Remote,
    /// The signed-in account and its endpoint, as a text that tells it from others.
    pub account: &'a str,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Set by a signal.
    pub stop: &'a Stop,
    /// How many requests have been made so far.
    pub requests: &'a (dyn Fn() -> u64 + Sync),
}

/// Returns a text that tells an account by its number at its endpoint from others.
pub(crate) fn owner(dsid: &str, endpoint: &Endpoint) -> String {
    format!("{dsid} at {}", endpoint.key())
}

/// Runs one pass.
///
/// # Errors
/// What ends it before anything is done. What goes wrong later is in the summary, with its exit code.
pub fn run(options: &PassOptions, tools: &Tools<'_>) -> Result<Summary> {
    let begun = Instant::now();
    let mut places = Places::find(options, tools.remote)?;
    let files = PairFiles::new(
        &options.state_dir,
        &places.local,
        &options.remote,
        options.state_file.as_deref(),
    );
    let _lock = if options.dry_run {
        Lock::look(&files.lock, Of::Pass)?
    } else {
        Some(take_lock(&files)?)
    };
    // Named again under the lock: no other pass has this name then.
    places.trash = new_trash(options, &places.local)?;
    let result = Pass {
        options,
        tools,
        places,
        files: &files,
        begun,
    }
    .run();
    if !options.dry_run
        && let Err(error) = record(options, &files, &result)
    {
        tools.reporter.event(&Event::Warning(&error.chain()));
    }
    result.map(|ended| ended.summary)
}

/// Writes down, for `status`, that a pass which started at `started` ended with `error` before it began. It is of no harm where
/// that can't be done.
pub fn note_missed(options: &PassOptions, started: jiff::Timestamp, error: &Error) {
    let pair = (
        options.verb.as_str(),
        options.local.as_path(),
        options.remote.as_str(),
    );
    let noted = files(options).and_then(|files| missed::note(&files, pair, started, error));
    if let Err(error) = noted {
        log::debug!("{}", error.chain());
    }
}

fn take_lock(files: &PairFiles) -> Result<Lock> {
    files.create()?;
    Lock::take(&files.lock, Of::Pass)
}

/// Writes down what the pass came to, for `status`.
fn record(options: &PassOptions, files: &PairFiles, result: &Result<Ended>) -> Result<()> {
    let before = last::load(&files.last);
    let (baseline_items, hidden_items) = match result {
        Ok(ended) => (ended.agreed, ended.hidden),
        Err(_) => (before.as_ref()).map_or((0, 0), |it| (it.baseline_items, it.hidden_items)),
    };
    let mut problems: Vec<String> = Vec::new();
    let mut problem_count = 0;
    let (exit_code, message, done) = match result {
        Ok(Ended { summary, .. }) => {
            problem_count = summary.problems.len();
            let first = summary.problems.iter().take(last::MOST_PROBLEMS);
            problems.extend(first.map(|(what, why)| words::problem(what, why)));
            let message = problems.first().cloned();
            (summary.exit_code, message, summary.counts.done)
        }
        Err(error) => {
            if before.is_none() && error.kind() == ErrorKind::Usage {
                // A mistyped folder is not a pair.
                return Ok(());
            }
            (error.exit_code(), Some(error.chain()), 0)
        }
    };
    let last = LastPass {
        verb: options.verb.as_str().to_owned(),
        local: last::absolute(&options.local),
        remote: options.remote.clone(),
        ended_at: jiff::Timestamp::now().to_string(),
        exit_code,
        message,
        problems,
        problem_count,
        done,
        baseline_items,
        hidden_items,
    };
    last::save(&files.last, &last)
}

struct Pass<'a> {
    options: &'a PassOptions,
    tools: &'a Tools<'a>,
    places: Places,
    files: &'a PairFiles,
    begun: Instant,
}

/// What a pass came to.
struct Ended {
    summary: Summary,
    /// How many items both sides agree on.
    agreed: usize,
    /// How many of them filters hide.
    hidden: usize,
}

impl Pass<'_> {
    fn run(&mut self) -> Result<Ended> {
        self.tools.reporter.event(&Event::Began {
            pass: self.places.trash.pass(),
        });
        let base = self.load_baseline()?;
        if self.options.no_remote {
            self.places.recall(&base);
            let note = absent::note(&base, last::load(&self.files.last).as_ref());
            self.tools.reporter.event(&Event::Note(&note));
        }
        self.places
            .check_against(&base, self.options, self.tools.account, self.files)?;
        self.tell_what_is_made();
        if base.pair.is_none() {
            for text in others::warnings(&self.places, self.options, self.tools.account) {
                self.tools.reporter.event(&Event::Warning(&text));
            }
        }
        let local_root = self.places.make_local(self.options)?;
        let _tree = match &local_root {
            Some(root) if !self.options.dry_run => Some(TreeLock::take(root)?),
            Some(_) | None => None,
        };
        let remote_root = self.places.make_remote(self.options, self.tools.remote)?;
        let filter = look::filter(self.options, &self.places.local, self.files)?;
        let awake = awake(&base, &filter);
        let hidden = base.rows.items().len() - awake.len();
        self.tell_hidden(hidden);
        let mut learned = Learned::load(&self.options.state_dir, self.tools.account);
        let Draft {
            mut listings,
            disk,
            mut plan,
            facts,
        } = self.draft(
            &base,
            &filter,
            local_root.as_ref(),
            &remote_root,
            &mut learned,
        )?;
        for (side, left) in (listings.local.left.iter().map(|left| (Side::Local, left)))
            .chain(listings.remote.left.iter().map(|left| (Side::Remote, left)))
        {
            let dry_run = self.options.dry_run;
            (self.tools.reporter).event(&Event::LeftAlone {
                side,
                left,
                dry_run,
            });
        }
        let guarded = self.guard(&awake, &listings, &plan);
        drop(awake);
        let dry_run = self.options.dry_run;
        if guarded.is_ok() || dry_run {
            self.tools.reporter.event(&Event::Planned {
                plan: &plan,
                verb: self.options.verb,
                dry_run,
            });
            self.tell_room(&plan, disk.as_ref(), &learned);
        }
        guarded?;
        let items = (listings.local.items().len(), listings.remote.items().len());
        let (done, agreed) = match (&local_root, &disk) {
            (Some(root), Some(disk)) if !dry_run => self.carry_out(
                base,
                &mut listings,
                &filter,
                &mut plan,
                &facts,
                &remote_root,
                disk,
                root,
                &mut learned,
            )?,
            _ => (exec::Done::default(), base.rows.items().len()),
        };
        self.keep(&mut learned);
        let summary = sum::up(&sum::Parts {
            options: self.options,
            plan: &plan,
            items,
            local: &listings.local,
            remote: &listings.remote,
            done: &done,
            trash: done
                .has_trash
                .then(|| self.places.trash.folder(&self.places.local)),
            requests: (self.tools.requests)(),
            elapsed: self.begun.elapsed(),
            stopped_by: self.tools.stop.signal(),
        });
        if let Some(error) = done
            .fatal
            .as_ref()
            .filter(|error| error.kind() != ErrorKind::Stopped)
        {
            self.tools.reporter.event(&Event::Warning(&error.chain()));
        }
        self.tools.reporter.event(&Event::Summary(&summary));
        Ok(Ended {
            summary,
            agreed,
            hidden,
        })
    }

    /// Loads the baseline. A damaged one is put aside, and both sides are joined as on a first pass: nothing is
    /// deleted then.
    fn load_baseline(&self) -> Result<Baseline> {
        match baseline::load(self.files) {
            Err(error) if error.kind() == ErrorKind::Integrity => {
                let mut text = error.chain();
                if !self.options.dry_run {
                    let aside = baseline::put_aside(self.files)?;
                    text.push_str("; it is kept as ");
                    text.push_str(&aside.to_string_lossy());
                }
                text.push_str("; this pass goes on as a first one, which deletes nothing");
                self.tools.reporter.event(&Event::Warning(&text));
                Ok(Baseline::default())
            }
            other => other,
        }
    }

    /// Says so where LOCAL or REMOTE is not there yet: a mistyped one must not come into being without a word.
    fn tell_what_is_made(&self) {
        let would = if self.options.dry_run {
            "would be made"
        } else {
            "is made"
        };
        let (local, remote) = self.places.missing();
        if local {
            let shown = self.options.local.display();
            let text = format!("LOCAL \"{shown}\" is not there, and {would}");
            self.tools.reporter.event(&Event::Note(&text));
        }
        if remote && !self.options.no_remote {
            let text = format!(
                "REMOTE \"/{}\" is not in iCloud Drive, and {would}",
                self.options.remote.trim_start_matches('/')
            );
            self.tools.reporter.event(&Event::Note(&text));
        }
    }

    /// Says so where filters hide more or less than in the last pass of what both sides agree on.
    fn tell_hidden(&self, hidden: usize) {
        let before = last::load(&self.files.last).map_or(0, |last| last.hidden_items);
        if hidden > before {
            let more = words::count(hidden - before, "item");
            self.tools.reporter.event(&Event::Note(&format!(
                "filters hide {more} more than in the last pass; what is hidden is left alone on both sides"
            )));
        } else if hidden < before {
            let fewer = words::count(before - hidden, "item");
            self.tools.reporter.event(&Event::Note(&format!(
                "filters hide {fewer} fewer than in the last pass; these are compared with what both sides last agreed on"
            )));
        }
    }

    /// Keeps what was found out about the service for the next time; a pass does not fail for it.
    fn keep(&self, learned: &mut Learned) {
        learned.batches = self.tools.remote.batches();
        if let Err(error) = learned.save() {
            log::debug!("{}", error.chain());
        }
    }

    /// Asks the guards.
    fn guard(&self, rows: &[&Row], listings: &Listings, plan: &Plan) -> Result<()> {
        let tripped = guard::check(&guard::Seen {
            verb: self.options.verb,
            rows,
            local: &listings.local,
            remote: &listings.remote,
            plan,
            max_delete: self.options.max_delete,
        });
        for one in &tripped {
            if self.options.force {
                let text = format!("{one}; going on, since --force is given");
                self.tools.reporter.event(&Event::Warning(&text));
            } else {
                let text = format!("{one}; nothing was done");
                return Err(Error::new(ErrorKind::Guard, text).with_hint(one.hint()));
            }
        }
        Ok(())
    }
}

/// Returns the rows that no filter hides.
fn awake<'a>(base: &'a Baseline, filter: &Filter) -> Vec<&'a Row> {
    let is_awake = |row: &&Row| !filter.hides(&row.path, row.kind == Kind::Folder);
    base.rows.items().iter().filter(is_awake).collect()
}

/// Returns a duration as whole milliseconds.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Names the trash of a pass that begins now, and with it the pass: behind all that have a record.
fn new_trash(options: &PassOptions, local: &Path) -> Result<Trash> {
    let files = PairFiles::new(&options.state_dir, local, &options.remote, None);
    let passes = record::passes(&files.undo)?;
    let last = passes.last().and_then(|pass| trash::began(pass));
    let now = jiff::Timestamp::now();
    let now = last.map_or(now, |last| now.max(last));
    Ok(Trash::begin(local, now, |pass| {
        record::exists(&files.undo, pass)
    }))
}
