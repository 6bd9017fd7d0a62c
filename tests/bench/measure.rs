//! Runs a process and measures it: wall time, processor time, peak memory.
//!
//! The peak is the kernel's own `VmHWM` of the process, read every few milliseconds while it runs: the sums of `wait4` would not do,
//! since they carry over what the process that started it held. A peak of the last few milliseconds before the end may be missed.

use std::{
    fs,
    io::{Read, Seek},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::Any;

/// How often the peak is read.
const LOOK_EVERY: Duration = Duration::from_millis(4);
/// Clock ticks a second in `/proc/PID/stat`: a constant of the kernel's interface on all processors that Linux is common on.
const TICKS: u64 = 100;

/// What became of a process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ran {
    pub(crate) wall: Duration,
    /// User and system time together.
    pub(crate) cpu: Duration,
    pub(crate) peak_bytes: u64,
    pub(crate) stdout: String,
}

/// Runs a command to its end.
///
/// # Errors
/// Where it can't be run, or ends with a code other than 0: with what it said.
pub(crate) fn run(command: &mut Command) -> Any<Ran> {
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(err.try_clone()?);
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let is_over = AtomicBool::new(false);
    let (wall, cpu, peak_bytes) = thread::scope(|scope| {
        let watched = scope.spawn(|| watch(child.id(), &is_over));
        let wall = wait(&child).map(|()| begun.elapsed());
        is_over.store(true, Ordering::Relaxed);
        // It has ended, but has not been waited for: its times can still be read.
        let cpu = cpu_of(child.id());
        (wall, cpu, watched.join().unwrap_or_default())
    });
    let status = child.wait()?;
    if !status.success() {
        let mut said = read(&mut err)?;
        let from = said.len().saturating_sub(2_000);
        let from = (from..said.len()).find(|at| said.is_char_boundary(*at));
        said.drain(..from.unwrap_or(0));
        return Err(format!("{command:?} ended with {status}: {said}").into());
    }
    Ok(Ran {
        wall: wall?,
        cpu,
        peak_bytes,
        stdout: read(&mut out)?,
    })
}

fn read(file: &mut fs::File) -> Any<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Waits for the end of a child without letting go of it.
fn wait(child: &Child) -> Any<()> {
    let id = WaitId::Pid(Pid::from_child(child));
    waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    Ok(())
}

/// Returns the peak of a process's memory in bytes.
fn watch(pid: u32, is_over: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !is_over.load(Ordering::Relaxed) {
        if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/status")) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            // Between fork and exec it would be this process's own, so only the last word counts.
            peak = kib.map_or(peak, |kib| kib * 1024);
        }
        thread::sleep(LOOK_EVERY);
    }
    peak
}

fn cpu_of(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; fields 14 and 15 are the times.
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}
