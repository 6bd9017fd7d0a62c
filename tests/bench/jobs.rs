//! The jobs: what is done, in which surroundings, and what it is to reach.

use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use icloud_sync::{
    options::{FilterOptions, Links},
    scan::{Watch, filter::Filter, local::LocalScan},
};

use crate::{
    Any, Job, Options, load, measure, million,
    peer::Rclone,
    reach::Reach,
    table::{self, Table, seconds},
    tree::{MANY, MTIME, PULLED, PUSHED, Tree, content, count_files},
    world::{Measured, Service, World},
};

const OURS: &str = "icloud-sync";
/// The latency that the figures of the design are for.
const USUAL_MS: u64 = 50;
/// How rclone is tuned; the best one is taken.
const TUNINGS: [usize; 2] = [16, 32];
/// The same where a zone takes one write at a time: with more it only meets more refusals.
const TUNINGS_LOCKED: [usize; 2] = [4, 16];

/// What all jobs work with.
struct Bench<'a> {
    options: &'a Options,
    table: &'a mut Table,
    rclone: Option<Rclone>,
}

/// Does all jobs that are wanted.
pub(crate) fn run(options: &Options, table: &mut Table) -> Any<()> {
    let mut rclone = None;
    if options.peer {
        let installed = Rclone::install(&options.environment)?;
        let version = installed.version()?;
        table::line(&format!("{version}; both go through the proxy"));
        rclone = Some(installed);
    }
    let mut bench = Bench {
        options,
        table,
        rclone,
    };
    if options.wants(Job::Start) {
        bench.start()?;
    }
    if options.wants(Job::Scan) {
        bench.scan()?;
    }
    for &latency_ms in &options.latency {
        bench.with_latency(latency_ms)?;
    }
    if options.wants(Job::Down) {
        bench.down()?;
    }
    if options.wants(Job::Up) {
        bench.up()?;
    }
    if options.wants(Job::Million) {
        million::run(options, bench.table)?;
    }
    Ok(())
}

impl Bench<'_> {
    fn with_latency(&mut self, latency_ms: u64) -> Any<()> {
        let wants = |job| self.options.wants(job);
        let service = Service {
            latency_ms,
            is_locked: false,
        };
        if wants(Job::Load) {
            load::run(self.options, latency_ms)?;
        }
        if wants(Job::Equal) || wants(Job::Quiet) || wants(Job::One) {
            self.many(service)?;
        }
        if self.options.wants(Job::Pull) {
            self.pull(service)?;
        }
        if self.options.wants(Job::Push) {
            self.push(service)?;
        }
        if self.options.wants(Job::PushLocked) {
            self.push(Service {
                is_locked: true,
                ..service
            })?;
        }
        Ok(())
    }

    /// Start-up.
    fn start(&mut self) -> Any<()> {
        let mut times = Vec::new();
        let mut last = measure::Ran::default();
        for _ in 0..self.options.runs * 10 {
            let mut command = Command::new(&self.options.binary);
            last = measure::run(command.arg("--version"))?;
            times.push(last.wall);
        }
        times.sort();
        last.wall = times[times.len() / 2];
        let reach = [Reach::under_ms(last.wall, 10)];
        let measured = Measured {
            ran: last,
            ..Measured::default()
        };
        self.table.row("start", 0, OURS, &measured, &reach);
        Ok(())
    }

    /// The local listing alone, by the library, in a process of its own.
    fn scan(&mut self) -> Any<()> {
        let folder = tempfile::tempdir_in(self.options.base())?;
        let tree = Tree {
            folders: 1_000,
            files: 100_000,
            sizes: (0, 0),
        };
        tree.write(folder.path())?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--scan-here").arg(folder.path());
        let mut ran = measure::run(command.args(["--runs", &self.options.runs.to_string()]))?;
        ran.wall = Duration::from_secs_f64(ran.stdout.trim().parse()?);
        // Of several scans; not to be told apart.
        ran.cpu = Duration::ZERO;
        let reach = [Reach::under_ms(ran.wall, 600)];
        let measured = Measured {
            ran,
            ..Measured::default()
        };
        self.table.row("scan", 0, OURS, &measured, &reach);
        Ok(())
    }

    /// First bisync of two equal trees, no-change passes, and one change among many: on one pair.
    fn many(&mut self, service: Service) -> Any<()> {
        let world = World::new(self.options)?;
        let (local, theirs) = (world.path("local"), world.path("theirs"));
        MANY.upload(&world.drive)?;
        MANY.write(&local)?;
        if self.options.wants(Job::Equal) {
            let equal = world.pass(service, "bisync", &local, "/", &[])?;
            let reach = [Reach::no_content(equal.content)];
            (self.table).row("equal", service.latency_ms, OURS, &equal, &reach);
        } else {
            world.pass(
                Service::AT_ONCE,
                "bisync",
                &local,
                "/",
                &["--max-rate", "0"],
            )?;
        }
        let rclone = signed_in(self.rclone.as_ref(), &world)?;
        if rclone.is_some() {
            MANY.write(&theirs)?;
        }
        let sync = [OsStr::new("sync"), OsStr::new("ic:"), theirs.as_os_str()];
        // Told by what it was before: the sequence of the runs is that of a user's day.
        let quiet = (0..self.options.runs)
            .map(|_| world.pass(service, "bisync", &local, "/", &[]))
            .collect::<Any<Vec<_>>>()?;
        let usual = quiet.iter().map(Measured::total).max().unwrap_or(0);
        if self.options.wants(Job::Quiet) {
            let mut peers = Vec::new();
            for tuning in TUNINGS {
                if let Some(rclone) = rclone {
                    peers.push((tuning, rclone.run(&world, service, tuning, sync)?));
                }
            }
            compare(self.table, "quiet", service, quiet, &peers, 15.0, |one| {
                vec![
                    Reach::requests(one.total(), 25),
                    Reach::under_ms(one.ran.wall, 700),
                ]
            });
        }
        if self.options.wants(Job::One) {
            let (mut ours, mut peers) = (Vec::new(), Vec::new());
            for run in 0..self.options.runs.max(TUNINGS.len()) {
                let changed = content(run as u64, 3_000 + run);
                let time = MTIME + 3_600 * (1 + i64::try_from(run)?);
                let path = MANY.file(run);
                world
                    .drive
                    .write_with_mtime(path.as_str(), changed.clone(), time)?;
                ours.push(world.pass(service, "bisync", &local, "/", &[])?);
                if fs::read(local.join(&path))? != changed {
                    return Err("the change did not arrive".into());
                }
                if let (Some(rclone), Some(&tuning)) = (rclone, TUNINGS.get(run)) {
                    peers.push((tuning, rclone.run(&world, service, tuning, sync)?));
                    if fs::read(theirs.join(&path))? != changed {
                        return Err("the change did not arrive by rclone".into());
                    }
                }
            }
            compare(self.table, "one", service, ours, &peers, 15.0, |one| {
                vec![Reach::requests(one.total(), usual + 5)]
            });
        }
        Ok(())
    }

    /// First pull: a new pair, and a program that has measured nothing yet, each time.
    fn pull(&mut self, service: Service) -> Any<()> {
        let (mut ours, mut peers) = (Vec::new(), Vec::new());
        for run in 0..self.options.runs {
            let world = World::new(self.options)?;
            PULLED.upload(&world.drive)?;
            let local = world.path("local");
            ours.push(world.pass(service, "pull", &local, "/", &[])?);
            expect(PULLED.files, count_files_of_pair(&local))?;
            let Some(rclone) = signed_in(self.rclone.as_ref(), &world)?.filter(|_| run == 0) else {
                continue;
            };
            for tuning in TUNINGS {
                let theirs = world.path(&format!("theirs-{tuning}"));
                let copy = [OsStr::new("copy"), OsStr::new("ic:"), theirs.as_os_str()];
                peers.push((tuning, rclone.run(&world, service, tuning, copy)?));
                expect(PULLED.files, count_files(&theirs))?;
            }
        }
        compare(self.table, "pull", service, ours, &peers, 4.0, |one| {
            vec![
                Reach::requests(one.total(), 2_300),
                Reach::under_ms(one.ran.wall, 6_000),
            ]
        });
        Ok(())
    }

    /// Push of new files into new folders, each time into another empty folder of the Drive.
    fn push(&mut self, service: Service) -> Any<()> {
        let (job, bound_ms, tunings, least): (_, _, _, _) = if service.is_locked {
            ("push-locked", 56_000, TUNINGS_LOCKED, 1.9)
        } else {
            ("push", 13_000, TUNINGS, 4.0)
        };
        let more: &[&str] = if service.is_locked {
            &[]
        } else {
            &["--max-rate", "0"]
        };
        let (mut ours, mut peers) = (Vec::new(), Vec::new());
        for run in 0..self.options.runs {
            let world = World::new(self.options)?;
            let local = world.path("local");
            PUSHED.write(&local)?;
            world.drive.mkdir("ours")?;
            ours.push(world.pass(service, "push", &local, "/ours", more)?);
            expect(PUSHED.files, world.remote_files("ours/")?)?;
            let Some(rclone) = signed_in(self.rclone.as_ref(), &world)?.filter(|_| run == 0) else {
                continue;
            };
            for tuning in tunings {
                let folder = format!("theirs-{tuning}");
                world.drive.mkdir(folder.as_str())?;
                let target = format!("ic:{folder}");
                let copy = [OsStr::new("copy"), local.as_os_str(), OsStr::new(&target)];
                peers.push((tuning, rclone.run(&world, service, tuning, copy)?));
                expect(PUSHED.files, world.remote_files(&format!("{folder}/"))?)?;
            }
        }
        compare(self.table, job, service, ours, &peers, least, |one| {
            vec![
                Reach::requests(one.total(), 3_120),
                Reach::under_ms(one.ran.wall, bound_ms),
            ]
        });
        Ok(())
    }

    /// One gibibyte down.
    fn down(&mut self) -> Any<()> {
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for run in 0..self.options.runs {
            let world = World::new(self.options)?;
            world
                .drive
                .write_with_mtime("big.bin", content(run as u64, 1 << 30), MTIME)?;
            let local = world.path("local");
            settle(&world)?;
            ours.push(world.pass(Service::AT_ONCE, "pull", &local, "/", &[])?);
            settle(&world)?;
            let file = world.path("by-curl");
            let url = format!("{}/_emulator/file?path=big.bin", world.emulator.url());
            let mut curl = world.bare("curl");
            curl.args(["-sS", "-o"]).arg(&file).arg(&url);
            others.push(with_hash_and_sync(&world, &mut curl, &file)?);
            if fs::read(&file)? != fs::read(local.join("big.bin"))? {
                return Err("the contents differ".into());
            }
        }
        self.beside_curl("down", ours, others);
        Ok(())
    }

    /// One gibibyte up.
    fn up(&mut self) -> Any<()> {
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for run in 0..self.options.runs {
            let world = World::new(self.options)?;
            let local = world.path("local");
            fs::create_dir(&local)?;
            let file = local.join("big.bin");
            fs::write(&file, content(run as u64, 1 << 30))?;
            settle(&world)?;
            let url = format!("{}/_emulator/file?path=by-curl", world.emulator.url());
            let mut curl = world.bare("curl");
            curl.arg("-sS").arg("-T").arg(&file).arg(&url);
            others.push(with_hash_and_sync(&world, &mut curl, &file)?);
            world.drive.delete_forever("by-curl")?;
            settle(&world)?;
            ours.push(world.pass(Service::AT_ONCE, "push", &local, "/", &[])?);
            expect(1, world.remote_files("big.bin")?)?;
        }
        self.beside_curl("up", ours, others);
        Ok(())
    }

    fn beside_curl(&mut self, job: &str, ours: Vec<Measured>, mut others: Vec<[Duration; 3]>) {
        others.sort_by_key(|parts| parts.iter().sum::<Duration>());
        let parts = others[others.len() / 2];
        let sum: Duration = parts.iter().sum();
        table::line(&format!(
            "{job:<12}    0 ms curl {} + sha1sum {} + sync {} = {}",
            seconds(parts[0]),
            seconds(parts[1]),
            seconds(parts[2]),
            seconds(sum),
        ));
        let ours = median(ours);
        let reach = [
            Reach::not_slower(ours.ran.wall, sum),
            Reach::memory(ours.ran.peak_bytes, 64),
        ];
        self.table.row(job, 0, OURS, &ours, &reach);
    }
}

/// Returns rclone, signed in to a world's account, if it is wanted.
fn signed_in<'a>(rclone: Option<&'a Rclone>, world: &World) -> Any<Option<&'a Rclone>> {
    if let Some(rclone) = rclone {
        rclone.sign_in(world)?;
    }
    Ok(rclone)
}

/// Prints the median of our runs with what it is to reach, the peer's best, and the ratio of the best of both.
fn compare(
    table: &mut Table,
    job: &str,
    service: Service,
    ours: Vec<Measured>,
    peers: &[(usize, Measured)],
    least_ratio: f64,
    reach: impl Fn(&Measured) -> Vec<Reach>,
) {
    let latency_ms = service.latency_ms;
    let best = ours
        .iter()
        .map(|one| one.ran.wall)
        .min()
        .unwrap_or_default();
    let ours = median(ours);
    let mut reaches = reach(&ours);
    if latency_ms != USUAL_MS {
        reaches.retain(|reach| reach.what.ends_with("requests"));
    }
    table.row(job, latency_ms, OURS, &ours, &reaches);
    for (tuning, theirs) in peers {
        table.row(job, latency_ms, &format!("rclone, {tuning}"), theirs, &[]);
    }
    let theirs = peers.iter().min_by_key(|(_, theirs)| theirs.ran.wall);
    if let Some((tuning, theirs)) = theirs {
        let ratio = theirs.ran.wall.as_secs_f64() / best.as_secs_f64();
        let reach = (latency_ms == USUAL_MS).then(|| Reach::ratio(ratio, least_ratio));
        let client = format!("rclone, {tuning}");
        table.ratio(job, latency_ms, &client, ratio, reach.as_ref());
    }
}

/// Returns the run of median wall time.
fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by_key(|one| one.ran.wall);
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle).unwrap_or_default()
}

fn expect(expected: usize, found: usize) -> Any<()> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("{expected} files should be there, not {found}").into())
    }
}

/// Counts the files of LOCAL without the program's own.
fn count_files_of_pair(local: &Path) -> usize {
    count_files(local) - count_files(&local.join(".icloud-sync"))
}

/// Has all that is dirty written, so that a run does not pay for what was before it.
fn settle(world: &World) -> Any<()> {
    measure::run(world.bare("sync").arg("-f").arg(world.path("")))?;
    Ok(())
}

/// Runs curl, then `sha1sum` and `sync` of the file.
fn with_hash_and_sync(world: &World, curl: &mut Command, file: &Path) -> Any<[Duration; 3]> {
    let curl = measure::run(curl)?;
    let hash = measure::run(world.bare("sha1sum").arg(file))?;
    let sync = measure::run(world.bare("sync").arg(file))?;
    Ok([curl.wall, hash.wall, sync.wall])
}

/// Scans a folder once to warm up, then so many times, and prints the median in seconds.
pub(crate) fn scan_here(root: &Path, runs: usize) -> Any<()> {
    let filter = Filter::new(&FilterOptions::default(), root)?;
    let scan = LocalScan {
        root,
        filter: &filter,
        links: Links::Skip,
        going_remote: Some(&|_| false),
        is_package: &|_, _| false,
        watch: Watch::idle(),
    };
    scan.run()?;
    let mut times = Vec::new();
    for _ in 0..runs.max(1) {
        let begun = Instant::now();
        let listing = scan.run()?;
        times.push(begun.elapsed());
        drop(listing);
    }
    times.sort();
    table::line(&times[times.len() / 2].as_secs_f64().to_string());
    Ok(())
}
