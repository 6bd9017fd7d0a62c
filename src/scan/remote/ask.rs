//! Many folders, few requests, several in flight.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::ListLimits;
use crate::{
    cloud::{
        Remote,
        limit::{Permits, Size, is_of_one_request},
    },
    error::{Error, Kind as ErrorKind, Result},
    scan::{Progress, Watch},
    tree::RemoteId,
};

/// So many single requests in a row without an answer, and the service counts as away.
const AWAY_AFTER: usize = 3;

/// Makes requests for many folders out of as few as the service takes, and remembers what it takes.
pub(super) struct Asker<'a> {
    remote: &'a dyn Remote,
    listers: usize,
    chunk: Size,
    permits: Permits,
    watch: Watch<'a>,
    items: AtomicUsize,
    folders: AtomicUsize,
    folders_known: AtomicUsize,
    unanswered: AtomicUsize,
}

/// What is still to be asked, as ranges of positions.
struct Queue {
    fresh: Range<usize>,
    again: VecDeque<Range<usize>>,
    fatal: Option<Error>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        remote: &'a dyn Remote,
        listers: usize,
        limits: ListLimits,
        watch: Watch<'a>,
    ) -> Self {
        Self {
            remote,
            listers: listers.max(1),
            chunk: Size::new(limits.chunk, limits.most),
            permits: Permits::new(limits.listers, listers),
            watch,
            items: AtomicUsize::new(0),
            folders: AtomicUsize::new(0),
            folders_known: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
        }
    }

    /// Returns what the service takes now.
    pub(super) fn limits(&self) -> ListLimits {
        ListLimits {
            chunk: self.chunk.now(),
            most: self.chunk.most(),
            listers: self.permits.found(),
        }
    }

    /// Asks for all of `ids`; an answer for each, in order. A request that fails is made again in
    /// halves, until the failing ids are alone: an inner error is of that id.
    pub(super) fn ask<T: Send>(
        &self,
        ids: &[RemoteId],
        call: impl Fn(&[RemoteId]) -> Result<Vec<T>> + Sync,
        count: impl Fn(&T) -> usize + Sync,
    ) -> Result<Vec<Result<T>>> {
        self.ask_in(ids, self.chunk.most(), &call, &count)
    }

    /// As [`Self::ask`], with each id alone in its request.
    pub(super) fn ask_alone<T: Send>(
        &self,
        ids: &[RemoteId],
        call: impl Fn(&[RemoteId]) -> Result<Vec<T>> + Sync,
        count: impl Fn(&T) -> usize + Sync,
    ) -> Result<Vec<Result<T>>> {
        self.ask_in(ids, 1, &call, &count)
    }

    fn ask_in<T: Send>(
        &self,
        ids: &[RemoteId],
        most: usize,
        call: &(impl Fn(&[RemoteId]) -> Result<Vec<T>> + Sync),
        count: &(impl Fn(&T) -> usize + Sync),
    ) -> Result<Vec<Result<T>>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.folders_known.fetch_add(ids.len(), Ordering::Relaxed);
        let queue = Mutex::new(Queue {
            fresh: 0..ids.len(),
            again: VecDeque::new(),
            fatal: None,
        });
        let requests = ids.len().div_ceil(self.chunk.now().min(most));
        let work = || self.work(ids, most, &queue, call, count);
        let answers = thread::scope(|scope| {
            let others: Vec<_> = (1..self.listers.min(requests))
                .map(|_| scope.spawn(work))
                .collect();
            let mut answers = work();
            for other in others {
                match other.join() {
                    Ok(more) => answers.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            answers
        });
        if let Some(error) = lock(&queue).fatal.take() {
            return Err(error);
        }
        let mut slots: Vec<Option<Result<T>>> = ids.iter().map(|_| None).collect();
        for (at, answer) in answers {
            slots[at] = Some(answer);
        }
        let unanswered = || Err(Error::new(ErrorKind::Protocol, "no answer came"));
        Ok(slots
            .into_iter()
            .map(|slot| slot.unwrap_or_else(unanswered))
            .collect())
    }

    /// Takes requests from the queue until it is empty.
    fn work<T>(
        &self,
        ids: &[RemoteId],
        most: usize,
        queue: &Mutex<Queue>,
        call: &impl Fn(&[RemoteId]) -> Result<Vec<T>>,
        count: &impl Fn(&T) -> usize,
    ) -> Vec<(usize, Result<T>)> {
        let mut answers = Vec::new();
        while let Some(range) = self.next(queue, most) {
            let answer = self.permits.within(self.remote, || {
                let answer = call(&ids[range.clone()])?;
                if answer.len() == range.len() {
                    return Ok(answer);
                }
                let (asked, got) = (range.len(), answer.len());
                let why = format!("asked for {asked} folders, the service answered for {got}");
                Err(Error::new(ErrorKind::Protocol, why))
            });
            match answer {
                Ok(answer) => {
                    self.chunk.clean(range.len());
                    self.unanswered.store(0, Ordering::Relaxed);
                    let items = answer.iter().map(count).sum();
                    self.tell(range.len(), items);
                    answers.extend(range.zip(answer.into_iter().map(Ok)));
                }
                Err(error) if !is_of_one_request(&error) => {
                    lock(queue).fatal.get_or_insert(error);
                }
                Err(error) => {
                    if range.len() > 1 {
                        log::debug!("listing {} folders at once: {error}", range.len());
                        self.chunk.refused(range.len());
                        let middle = range.start + range.len() / 2;
                        lock(queue)
                            .again
                            .extend([range.start..middle, middle..range.end]);
                    } else if self.is_away(&error) {
                        lock(queue).fatal.get_or_insert(error);
                    } else {
                        self.tell(1, 0);
                        answers.push((range.start, Err(error)));
                    }
                }
            }
        }
        answers
    }

    fn next(&self, queue: &Mutex<Queue>, most: usize) -> Option<Range<usize>> {
        let stopped = self.watch.check();
        let mut queue = lock(queue);
        if let Err(error) = stopped {
            queue.fatal.get_or_insert(error);
        }
        if queue.fatal.is_some() {
            return None;
        }
        if let Some(range) = queue.again.pop_front() {
            return Some(range);
        }
        let start = queue.fresh.start;
        let end = (start + self.chunk.now().min(most)).min(queue.fresh.end);
        queue.fresh.start = end;
        (start < end).then_some(start..end)
    }

    /// Returns whether a single request's failure, with those before it, means that nobody answers.
    fn is_away(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Temporary
            && self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= AWAY_AFTER
    }

    fn tell(&self, folders: usize, items: usize) {
        let add = |counter: &AtomicUsize, more| counter.fetch_add(more, Ordering::Relaxed) + more;
        (self.watch.progress)(Progress {
            items: add(&self.items, items),
            folders: add(&self.folders, folders),
            folders_known: self.folders_known.load(Ordering::Relaxed),
        });
    }
}

fn lock(queue: &Mutex<Queue>) -> std::sync::MutexGuard<'_, Queue> {
    // What is inside is whole between any two statements.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
