//! Benchmarks: the real binary, as a user would run it, against the emulator with a latency added to every request.
//!
//! `cargo bench -- [--latency MS,…] [--peer] [--json] [JOB…]` runs the jobs below and prints for each the wall time, the
//! requests by endpoint as the emulator's log has them, bytes each way, and the peak memory and processor time of the
//! program's process alone: the emulator runs in this process, not in that one. With `--peer` the same jobs are done by
//! rclone in the same run, both through the emulator's HTTPS proxy, and the ratio is printed. Nothing leaves the machine, but for
//! `--peer`, which has pip fetch rclone.
//!
//! Order to read in: [`jobs`] (what is done), [`world`] (the surroundings), [`measure`] (how a process is measured), [`reach`]
//! (what each job is to reach), [`peer`] (rclone), [`load`] (what the emulator serves), [`table`] (what is printed).

mod jobs;
mod load;
mod measure;
mod million;
mod peer;
mod reach;
mod table;
mod tree;
mod world;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use crate::table::Table;

/// A result with any error: there is nobody to tell them apart.
pub(crate) type Any<T> = Result<T, Box<dyn Error>>;

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Job {
    /// Start-up: --version
    Start,
    /// What the emulator serves to a plain load generator
    Load,
    /// First bisync of two equal trees of 10,000 files in 1,000 folders
    Equal,
    /// No-change bisync of those
    Quiet,
    /// One remote change among those
    One,
    /// First pull of 2,000 files of 4 to 64 KiB in 200 folders
    Pull,
    /// Push of 1,000 new files of 8 KiB into 100 new folders, --max-rate 0
    Push,
    /// The same where the zone takes one write at a time
    PushLocked,
    /// 1 GiB down, next to curl, sha1sum and sync
    Down,
    /// 1 GiB up, next to the same
    Up,
    /// Local scan of 100,000 files in 1,000 folders, warm
    Scan,
    /// Passes over 1,000,000 items a side (only if named)
    Million,
}

/// Measures icloud-sync against its emulator.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --")]
pub(crate) struct Options {
    /// What to measure [default: all but million]
    #[arg(value_name = "JOB", value_enum)]
    jobs: Vec<Job>,
    /// Milliseconds that the emulator adds to every request
    #[arg(long, value_name = "MS", value_delimiter = ',', default_values_t = [50])]
    latency: Vec<u64>,
    /// How often a job is run; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Have rclone do the same, both through the proxy
    #[arg(long)]
    peer: bool,
    /// Where the peer is installed, to be used again
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/peers"))]
    environment: PathBuf,
    /// The program to measure, to compare builds [default: the one of this tree]
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_icloud-sync"), hide_default_value = true)]
    binary: PathBuf,
    /// Where the trees are made [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Items a side of the job `million`
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    items: usize,
    /// Print one JSON object a line as well
    #[arg(long)]
    json: bool,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
    /// Scans a folder in this process and prints how long it took
    #[arg(long, hide = true, value_name = "DIR")]
    scan_here: Option<PathBuf>,
}

impl Options {
    fn wants(&self, job: Job) -> bool {
        if self.jobs.is_empty() {
            job != Job::Million
        } else {
            self.jobs.contains(&job)
        }
    }

    fn base(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(std::env::temp_dir)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut table = Table::new(options.json);
    let result = match &options.scan_here {
        Some(folder) => jobs::scan_here(folder, options.runs),
        None => jobs::run(&options, &mut table),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::line(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
