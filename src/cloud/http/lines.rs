//! The thread that serves all connections, and waiting for what comes over them.
//!
//! A caller waits on its own thread, and gives up when the run is stopped: at once where nothing depends on the answer, and
//! after a short while where something was sent that may change something, since only the answer tells what became of it.
//! What is given up is dropped, and its connection with it.

use std::{
    future::Future,
    io::{self, Read},
    pin::pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use bytes::{Buf as _, Bytes};
use reqwest::Response;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use super::waits;
use crate::{
    error::{Error, Result},
    stop::{LOOK, Stop},
};

/// What an answer is worth when the run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// Nothing: it can be asked for another time.
    Little,
    /// Only it tells what became of what was sent.
    Much,
}

/// Why nothing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The run is stopped.
    Stopped,
    /// The time is over.
    Late,
}

/// Where connections are served. A clone is of the same thread.
#[derive(Clone)]
pub(super) struct Lines {
    pub(super) handle: Handle,
    stop: Stop,
    last_word: Duration,
    /// When it was seen and said that the run ends: from then on counts the last word of all.
    ending: Arc<OnceLock<Instant>>,
    /// The thread ends with the last of them.
    _until: Arc<oneshot::Sender<()>>,
}

impl Lines {
    /// Starts the thread. `last_word` is how long the answer to what may have changed something is waited for once the run
    /// is stopped.
    ///
    /// # Errors
    /// `Local` where none can be had.
    pub(super) fn new(stop: Stop, last_word: Duration) -> Result<Self> {
        let fail = |error| Error::io("cannot start a thread for connections", error);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(fail)?;
        let handle = runtime.handle().clone();
        let (until, ended) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("connections".to_owned())
            .spawn(move || {
                // Nothing is ever sent: it ends when the other side goes.
                let _gone = runtime.block_on(ended).is_err();
                runtime.shutdown_background();
            })
            .map_err(fail)?;
        Ok(Self {
            handle,
            stop,
            last_word,
            ending: Arc::default(),
            _until: Arc::new(until),
        })
    }

    /// Waits for something, for so long at most, or until the run is stopped and it is not worth to be waited for.
    ///
    /// # Errors
    /// Why it did not come; it is dropped then.
    pub(super) fn wait<F: Future>(
        &self,
        future: F,
        limit: Duration,
        worth: Worth,
    ) -> std::result::Result<F::Output, Ended> {
        // Before the future, to be dropped after it: it may need the thread for its end.
        let _entered = self.handle.enter();
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let start = Instant::now();
        let mut limit = limit;
        let mut is_ending = false;
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return Ok(done);
            }
            if !is_ending && self.stop.is_set() {
                if worth == Worth::Little {
                    return Err(Ended::Stopped);
                }
                is_ending = true;
                let seen = *self.ending.get_or_init(|| {
                    waits::tell_end(self.last_word);
                    Instant::now()
                });
                limit = limit.min((seen + self.last_word).saturating_duration_since(start));
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(Ended::Late);
            }
            thread::park_timeout(left.min(LOOK));
        }
    }

    /// Makes a reader of an answer's body, each part of which may take so long.
    pub(super) fn body(&self, response: Response, limit: Duration, worth: Worth) -> Body {
        Body {
            lines: self.clone(),
            response,
            rest: Bytes::new(),
            limit,
            worth,
        }
    }
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// An answer's body, to be read.
pub(super) struct Body {
    lines: Lines,
    response: Response,
    /// What has come and is not read yet.
    rest: Bytes,
    limit: Duration,
    worth: Worth,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match (self.lines).wait(self.response.chunk(), self.limit, self.worth) {
                Ok(Ok(Some(chunk))) => self.rest = chunk,
                Ok(Ok(None)) => return Ok(0),
                Ok(Err(error)) => return Err(io::Error::other(error.without_url())),
                Err(Ended::Stopped) => return Err(io::Error::other("stopped by a signal")),
                Err(Ended::Late) => {
                    let text = format!("nothing came for {} ms", self.limit.as_millis());
                    return Err(io::Error::other(text));
                }
            }
        }
        let count = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const FOREVER: Duration = Duration::from_secs(600);

    #[test]
    fn what_comes_is_had_and_what_does_not_is_given_up() {
        let stop = Stop::new();
        let lines = Lines::new(stop.clone(), Duration::ZERO).unwrap();
        for worth in [Worth::Little, Worth::Much] {
            assert_eq!(lines.wait(ready(7), FOREVER, worth), Ok(7));
            let never = lines.wait(pending::<()>(), Duration::from_millis(1), worth);
            assert_eq!(never, Err(Ended::Late));
        }
        assert!(lines.ending.get().is_none());
        stop.set(2);
        for (worth, ended) in [(Worth::Little, Ended::Stopped), (Worth::Much, Ended::Late)] {
            assert_eq!(lines.wait(pending::<()>(), FOREVER, worth), Err(ended));
            assert_eq!(lines.wait(ready(7), FOREVER, worth), Ok(7));
        }
        let seen = lines.ending.get().copied();
        assert!(seen.is_some());
        assert_eq!(
            lines.wait(pending::<()>(), FOREVER, Worth::Much),
            Err(Ended::Late)
        );
        assert_eq!(
            lines.ending.get().copied(),
            seen,
            "there is one last word for all"
        );
    }

    #[test]
    fn what_another_thread_makes_wakes_who_waits_for_it() {
        let lines = Lines::new(Stop::new(), Duration::ZERO).unwrap();
        let (send, come) = oneshot::channel();
        let sender = thread::spawn(move || send.send(7).unwrap());
        assert_eq!(lines.wait(come, FOREVER, Worth::Much), Ok(Ok(7)));
        sender.join().unwrap();
    }
}
