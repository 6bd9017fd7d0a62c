//! A large content in several parts at once.
//!
//! Each part is written where it belongs in the temp file; what is not there yet is a hole in it, so that after any
//! interruption only the holes are fetched. Meanwhile the caller's thread reads what is whole from the start on and hashes
//! it. Whether all of it is right the signature tells in the end; where there is none nothing is gone on with. A server that
//! sends everything instead of a part is left to the one stream of `fetch`.

use std::{
    fs::File,
    io::Read,
    ops::Range,
    os::unix::fs::FileExt,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    thread,
};

use rustix::{fs::SeekFrom, io::Errno};

use super::{
    Run,
    fetch::{BUFFER, Hashes, broke_off},
};
use crate::{
    cloud::{Token, came_too_slowly},
    crash,
    error::{Error, Kind as ErrorKind, Result},
    report::Event,
    tree::RemoteItem,
};

/// A content from this size on comes in parts.
const LARGE: u64 = 64 << 20;
/// Bytes of one part.
const PART: u64 = 32 << 20;
/// Parts of one content at once; all transfers together have their own limit besides.
const AT_ONCE: usize = 4;
/// The end of what an earlier pass wrote into the middle is not trusted: a crash leaves a block in part.
const BLOCK: u64 = 64 << 10;

/// Returns whether a content is worth being fetched in parts.
pub(super) fn is_large(item: &RemoteItem) -> bool {
    item.size >= LARGE
}

/// One part: it is there up to `at`.
struct Part {
    at: u64,
    until: u64,
}

/// How far the parts are.
struct State {
    /// Sorted; between them everything is there.
    parts: Vec<Part>,
    /// Parts before this one have been begun.
    begun: usize,
    /// The service sends everything instead of a part.
    is_whole_only: bool,
    error: Option<Error>,
    token: Token,
    /// How often the address was renewed.
    renewed: u32,
}

struct Parts<'a> {
    run: &'a Run<'a>,
    number: usize,
    item: &'a RemoteItem,
    file: &'a File,
    state: Mutex<State>,
    moved: Condvar,
}

/// Why a part ended before its end.
enum Broke {
    /// The service sends everything instead of a part.
    WholeOnly,
    For(Error),
}

impl From<Error> for Broke {
    fn from(error: Error) -> Self {
        Self::For(error)
    }
}

impl Run<'_> {
    /// Fetches what is missing of a content, and hashes all of it. `None` where the service has no parts: the file is
    /// empty then.
    pub(super) fn fetch_parts(
        &self,
        number: usize,
        item: &RemoteItem,
        token: &mut Token,
        file: &File,
    ) -> Result<Option<Hashes>> {
        let fail = |error| {
            Error::io(
                format!("cannot read what there is of \"{}\"", item.path),
                error,
            )
        };
        let length = file.metadata().map_err(fail)?.len();
        if length > item.size {
            Self::cut(file, item)?;
        }
        let parts = split(&missing(file, item.size).map_err(fail)?);
        let left: u64 = parts.iter().map(|part| part.until - part.at).sum();
        if left < item.size {
            self.exec.reporter.event(&Event::Restarted {
                number,
                bytes: item.size - left,
            });
        }
        let workers = AT_ONCE.min(parts.len());
        let parts = Parts {
            run: self,
            number,
            item,
            file,
            state: Mutex::new(State {
                parts,
                begun: 0,
                is_whole_only: false,
                error: None,
                token: token.clone(),
                renewed: 0,
            }),
            moved: Condvar::new(),
        };
        let hashes = thread::scope(|scope| {
            for worker in 0..workers {
                let name = format!("part {number}.{worker}");
                let started = thread::Builder::new()
                    .name(name)
                    .spawn_scoped(scope, || parts.work());
                match started {
                    Ok(_) => {}
                    Err(_) if worker > 0 => break,
                    Err(error) => return Err(Error::io("cannot start a thread", error)),
                }
            }
            parts.follow()
        });
        let state = parts.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        *token = state.token;
        if state.is_whole_only {
            Self::cut(file, item)?;
            self.exec
                .reporter
                .event(&Event::Restarted { number, bytes: 0 });
            return Ok(None);
        }
        state.error.map_or(hashes.map(Some), Err)
    }
}

impl Parts<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches one part after the other, until none is left or something ends them all.
    fn work(&self) {
        loop {
            let mut state = self.lock();
            let at = state.begun;
            if state.is_over() || at >= state.parts.len() {
                return;
            }
            state.begun += 1;
            drop(state);
            if let Err(broke) = self.fetch(at) {
                let mut state = self.lock();
                match broke {
                    Broke::WholeOnly => state.is_whole_only = true,
                    Broke::For(error) => {
                        state.error.get_or_insert(error);
                    }
                }
                self.moved.notify_all();
                return;
            }
        }
    }

    /// Fetches a part, as often as it breaks off.
    fn fetch(&self, at: usize) -> std::result::Result<(), Broke> {
        let remote = self.run.exec.remote;
        let mut tries = 0;
        let mut may_renew = true;
        loop {
            let (part, token, renewed) = {
                let state = self.lock();
                let part = &state.parts[at];
                (part.at..part.until, state.token.clone(), state.renewed)
            };
            if part.is_empty() {
                return Ok(());
            }
            let mut is_whole_only = false;
            let fetched = self.run.transfers.within(remote, || {
                let content = remote.fetch_part(&token, part.clone())?;
                if content.offset != part.start {
                    is_whole_only = true;
                    return Ok(());
                }
                self.receive(at, &part, content.body)
            });
            if is_whole_only {
                return Err(Broke::WholeOnly);
            }
            let Err(error) = fetched else {
                return Ok(());
            };
            let has_moved = self.lock().parts[at].at > part.start;
            may_renew |= has_moved;
            if has_moved && !came_too_slowly(&error) {
                tries = 0;
            }
            if error.kind() == ErrorKind::Refused && std::mem::take(&mut may_renew) {
                // The address has expired; a new one is good for the rest.
                self.renew(renewed)?;
            } else if error.kind() == ErrorKind::Temporary {
                log::debug!("{}; trying again", error.chain());
                remote.again(tries, error)?;
                tries += 1;
            } else {
                return Err(error.into());
            }
        }
    }

    /// Gets a new address, unless another thread has done so since.
    fn renew(&self, renewed: u32) -> Result<()> {
        let mut state = self.lock();
        if state.renewed == renewed {
            state.token = self.run.fresh_token(self.item)?;
            state.renewed += 1;
        }
        Ok(())
    }

    /// Writes what comes to where it belongs.
    fn receive(&self, at: usize, part: &Range<u64>, mut body: impl Read) -> Result<()> {
        let path = &self.item.path;
        let mut position = part.start;
        let mut buffer = vec![0; self.run.throttle.share(BUFFER)];
        while position < part.end {
            let left = usize::try_from(part.end - position).unwrap_or(usize::MAX);
            let most = left.min(buffer.len());
            let read = body.read(&mut buffer[..most]);
            let count = read.map_err(|error| broke_off(path, error, self.run.exec.stop))?;
            if count == 0 {
                let text = format!("\"{path}\" ended after {position} of {} bytes", part.end);
                return Err(Error::new(ErrorKind::Temporary, text));
            }
            self.run.throttle.take(count, self.run.exec.stop)?;
            crash::step();
            (self.file.write_all_at(&buffer[..count], position))
                .map_err(|error| Error::io(format!("cannot write \"{path}\""), error))?;
            position += count as u64;
            self.run.received.fetch_add(count as u64, Ordering::Relaxed);
            self.run.exec.reporter.event(&Event::Moved {
                number: self.number,
                bytes: count as u64,
            });
            let mut state = self.lock();
            state.parts[at].at = position;
            if state.is_over() {
                return Err(Error::new(ErrorKind::Stopped, "another part has failed"));
            }
            self.moved.notify_one();
        }
        Ok(())
    }

    /// Hashes what is there from the start on, until it is everything or nothing more comes.
    fn follow(&self) -> Result<Hashes> {
        let mut hashes = Hashes::new(self.run.exec.settings.checksum);
        let mut buffer = vec![0; BUFFER];
        let mut position = 0;
        while position < self.item.size {
            let there = {
                let mut state = self.lock();
                loop {
                    if state.is_over() {
                        return Ok(hashes);
                    }
                    let there = state.there(self.item.size);
                    if there > position {
                        break there;
                    }
                    state = self
                        .moved
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            };
            while position < there {
                let left = usize::try_from(there - position).unwrap_or(usize::MAX);
                let most = left.min(buffer.len());
                let read = self.file.read_at(&mut buffer[..most], position);
                let count = match read {
                    Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
                    other => other,
                };
                let count = count.map_err(|error| {
                    let text = format!("cannot read back \"{}\"", self.item.path);
                    let error = Error::io(text, error);
                    self.lock().error.get_or_insert(error.clone());
                    error
                })?;
                hashes.update(&buffer[..count]);
                position += count as u64;
            }
        }
        Ok(hashes)
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.is_whole_only || self.error.is_some()
    }

    /// Returns up to where everything is there.
    fn there(&self, size: u64) -> u64 {
        let open = self.parts.iter().find(|part| part.at < part.until);
        open.map_or(size, |part| part.at)
    }
}

/// Returns what a file has not got of its `size` bytes. A file system that can't tell says that it has everything up to
/// its length.
fn missing(file: &File, size: u64) -> std::io::Result<Vec<Range<u64>>> {
    let length = file.metadata()?.len();
    let mut missing = Vec::new();
    let mut at = 0;
    while at < length {
        let data = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) => data,
            Err(Errno::NXIO) => length,
            Err(Errno::INVAL | Errno::OPNOTSUPP) => at,
            Err(errno) => return Err(errno.into()),
        };
        let hole = match rustix::fs::seek(file, SeekFrom::Hole(data)) {
            Ok(hole) => hole.min(length),
            Err(Errno::NXIO | Errno::INVAL | Errno::OPNOTSUPP) => length,
            Err(errno) => return Err(errno.into()),
        };
        // At its very end the length tells to the byte.
        let sure = if hole == length {
            hole
        } else {
            hole.saturating_sub(BLOCK).max(data)
        };
        if data > at {
            missing.push(at..data);
        }
        if hole > sure {
            missing.push(sure..hole);
        }
        at = hole;
    }
    if length < size {
        missing.push(length..size);
    }
    Ok(missing)
}

/// Cuts what is missing at the parts' bounds, and joins what touches within one.
fn split(missing: &[Range<u64>]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for range in missing {
        let mut at = range.start;
        while at < range.end {
            let until = range.end.min((at / PART + 1) * PART);
            match parts.last_mut() {
                Some(last) if last.until == at && at % PART != 0 => last.until = until,
                _ => parts.push(Part { at, until }),
            }
            at = until;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: u64 = 1 << 20;

    fn bounds(ranges: &[(u64, u64)]) -> Vec<Range<u64>> {
        ranges.iter().map(|(from, to)| *from..*to).collect()
    }

    #[test]
    fn what_is_missing_is_cut_at_the_bounds_of_parts() {
        let cut = |missing: &[(u64, u64)]| -> Vec<(u64, u64)> {
            let missing: Vec<_> = missing.iter().map(|(a, b)| (a * M, b * M)).collect();
            let parts = split(&bounds(&missing));
            parts
                .iter()
                .map(|part| (part.at / M, part.until / M))
                .collect()
        };
        assert_eq!(cut(&[(0, 100)]), [(0, 32), (32, 64), (64, 96), (96, 100)]);
        assert_eq!(
            cut(&[(5, 6), (6, 40), (60, 61)]),
            [(5, 32), (32, 40), (60, 61)]
        );
        assert_eq!(cut(&[]), []);
    }

    #[test]
    fn holes_are_what_is_missing_and_a_block_before_them_is_not_trusted() {
        let file = tempfile::tempfile().unwrap();
        let size = 4 * M;
        let missing = || missing(&file, size).unwrap();
        let bytes = vec![1; 1 << 20];
        assert_eq!(missing(), bounds(&[(0, size)]));
        file.write_all_at(&bytes, 0).unwrap();
        assert_eq!(missing(), bounds(&[(M, size)]));
        file.write_all_at(&bytes[..1000], 2 * M).unwrap();
        let last = 2 * M + 1000;
        let holes = [(M - BLOCK, M), (M, 2 * M), (last, size)];
        assert_eq!(missing(), bounds(&holes));
        file.write_all_at(&bytes[..10], size - 10).unwrap();
        assert!(missing().iter().all(|range| range.end <= size - 10));
    }
}
