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
    /// Makes the place for the bars anew, where they are shown at all.
    place: Option<fn() -> ProgressDrawTarget>,
}

impl Console {
    /// Takes the process's own streams. Bars are shown only if stderr is a terminal and neither `--quiet` nor
    /// `--json` is given.
    pub fn of_process(is_json: bool, verbosity: Verbosity) -> Self {
        let stderr = io::stderr();
        let has_bars = stderr.is_terminal() && !is_json && verbosity > Verbosity::Quiet;
        let place: Option<fn() -> _> = has_bars.then_some(ProgressDrawTarget::stderr);
        let bars = place.map_or_else(ProgressDrawTarget::hidden, |place| place());
        Self {
            place,
            ..Self::new(Box::new(io::stdout()), Box::new(stderr), bars)
        }
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
            place: None,
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

    /// Runs `ask` with the bars taken away. They are counted on meanwhile, and nobody waits for it: a person
    /// may take long to answer.
    pub fn without_bars<T>(&self, ask: impl FnOnce() -> T) -> T {
        let Some(place) = self.place else {
            return ask();
        };
        // What can't be cleared now is overwritten by the question.
        let _cleared = self.bars.clear().is_ok();
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
        let answer = ask();
        self.bars.set_draw_target(place());
        answer
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
        Out {
            console: self,
            pending: Vec::new(),
        }
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

/// A console's stdout. Whole lines are passed on, so that no character is cut in two.
struct Out<'a> {
    console: &'a Console,
    pending: Vec<u8>,
}

impl Out<'_> {
    /// Passes on the first `length` bytes of what is pending.
    fn pass(&mut self, length: usize) {
        let text: Vec<u8> = self.pending.drain(..length).collect();
        self.console.print(&String::from_utf8_lossy(&text));
    }
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n') {
            self.pass(end + 1);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(self.pending.len());
        Ok(())
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.pass(self.pending.len());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::report::bars::tests::Term;

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
    fn while_a_person_is_asked_no_bar_is_drawn() {
        let place = || ProgressDrawTarget::term_like(Box::<Term>::default());
        let (out, err) = (Shared::default(), Shared::default());
        let mut console = Console::new(Box::new(out), Box::new(err), place());
        console.place = Some(place);
        assert!(console.has_bars());
        let had_bars = console.without_bars(|| console.has_bars());
        assert!(!had_bars);
        assert!(console.has_bars());
    }

    #[test]
    fn what_is_written_in_pieces_is_passed_on_in_lines() {
        let (console, out, _) = console();
        let mut writer = console.out();
        writer.write_all(b"caf\xc3").unwrap();
        assert_eq!(out.text(), "");
        writer.write_all(b"\xa9\nrest").unwrap();
        assert_eq!(out.text(), "caf\u{e9}\n");
        drop(writer);
        assert_eq!(out.text(), "caf\u{e9}\nrest");
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
