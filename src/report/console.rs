//! The two streams of the program, and the bars that share the terminal with them.
//!
//! stdout gets only what was asked for, stderr all else. Text is written whole, with the bars taken
//! away for the moment, so that neither tears the other. When a stream's reader is gone (a broken
//! pipe), printing to it ends quietly: a pass that has begun goes on.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
};

use indicatif::{MultiProgress, ProgressDrawTarget};

use crate::options::Verbosity;

/// One stream, until its reader is gone.
struct Stream(Option<Box<dyn Write + Send>>);

impl Stream {
    fn write(&mut self, text: &str) {
        if let Some(to) = &mut self.0
            && to
                .write_all(text.as_bytes())
                .and_then(|()| to.flush())
                .is_err()
        {
            self.0 = None;
        }
    }
}

/// The two streams and the bars.
pub struct Console {
    out: Mutex<Stream>,
    err: Mutex<Stream>,
    bars: MultiProgress,
}

impl Console {
    /// Takes the process's own streams. Bars are shown only if stderr is a terminal and neither `--quiet` nor
    /// `--json` is given.
    pub fn of_process(is_json: bool, verbosity: Verbosity) -> Self {
        let stderr = io::stderr();
        let has_bars = stderr.is_terminal() && !is_json && verbosity > Verbosity::Quiet;
        let target = if has_bars {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self::new(Box::new(io::stdout()), Box::new(stderr), target)
    }

    /// Takes any two streams, and a place for the bars.
    pub fn new(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        bars: ProgressDrawTarget,
    ) -> Self {
        Self {
            out: Mutex::new(Stream(Some(out))),
            err: Mutex::new(Stream(Some(err))),
            bars: MultiProgress::with_draw_target(bars),
        }
    }

    /// Returns the bars; a clone shares them.
    pub fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Returns whether bars are shown.
    pub fn has_bars(&self) -> bool {
        !self.bars.is_hidden()
    }

    /// Writes what was asked for: to stdout.
    pub fn print(&self, text: &str) {
        self.write(&self.out, text);
    }

    /// Writes what goes with it: to stderr.
    pub fn tell(&self, text: &str) {
        self.write(&self.err, text);
    }

    /// Returns stdout as a writer, for commands that print as they go. Writing to it never fails: when the
    /// reader is gone, printing ends quietly.
    pub fn out(&self) -> impl Write {
        Out(self)
    }

    fn write(&self, stream: &Mutex<Stream>, text: &str) {
        if text.is_empty() {
            return;
        }
        self.bars.suspend(|| {
            stream
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write(text);
        });
    }
}

/// A console's stdout.
struct Out<'a>(&'a Console);

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.print(&String::from_utf8_lossy(bytes));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;

    /// A stream that a test can read.
    #[derive(Clone, Default)]
    pub(in crate::report) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(in crate::report) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A console without bars, and its stdout and stderr.
    pub(in crate::report) fn console() -> (Arc<Console>, Shared, Shared) {
        let (out, err) = (Shared::default(), Shared::default());
        let console = Console::new(
            Box::new(out.clone()),
            Box::new(err.clone()),
            ProgressDrawTarget::hidden(),
        );
        (Arc::new(console), out, err)
    }

    /// A pipe whose reader takes one text and goes.
    struct Broken {
        to: Shared,
        has_taken: bool,
    }

    impl Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.has_taken, true) {
                return Err(io::Error::from(io::ErrorKind::BrokenPipe));
            }
            self.to.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_broken_pipe_ends_one_stream_quietly_and_not_the_other() {
        let (out, err) = (Shared::default(), Shared::default());
        let broken = Broken {
            to: out.clone(),
            has_taken: false,
        };
        let console = Console::new(
            Box::new(broken),
            Box::new(err.clone()),
            ProgressDrawTarget::hidden(),
        );
        console.print("one\n");
        console.print("two\n");
        console.print("three\n");
        console.tell("still here\n");
        assert_eq!(out.text(), "one\n");
        assert_eq!(err.text(), "still here\n");
    }
}
