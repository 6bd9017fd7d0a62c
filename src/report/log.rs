//! Where log lines go: stderr in words for people, and the file of `LOG_FILE` with time and level.
//!
//! With `LOG_JSON` a line is an object: `ts`, `level`, `target`, `message`, the `pass` it belongs to, and what it is about
//! (`action`, `path`, `side`, `bytes` and others, see `report::record`). Names are unchanged there.
//!
//! Only this program's own lines are written, whatever `RUST_LOG` says: the crates below it log cookies and
//! headers. A line stays one line, whatever a file is called.

mod file;

use std::{
    io::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use env_logger::{Builder, Logger};
use file::{LIMITS, LogFile};
use indicatif_log_bridge::LogWrapper;
use jiff::Timestamp;
use log::{
    Level, LevelFilter, Log, Metadata, Record,
    kv::{self, Key, VisitSource},
};
use serde_json::{Map, Value};

use super::{
    Console,
    record::{DECISION, DRY, DRY_ITEM, ITEM, NOTE},
    sanitize::for_terminal,
    summary::MOST_PROBLEMS,
};
use crate::{
    cloud::http::WAIT,
    error::{Error, Kind},
    options::{LogOptions, Verbosity},
};

/// Starts logging, for the whole process.
///
/// # Errors
/// `Usage` where the log file can't be opened.
pub fn start(
    options: &LogOptions,
    console: &Console,
    verbosity: Verbosity,
    is_json: bool,
) -> crate::error::Result<()> {
    let file = options
        .file
        .as_ref()
        .map(|path| {
            LogFile::open(path, LIMITS).map_err(|error| {
                let context = format!("cannot open the log file \"{}\"", path.display());
                Error::new(Kind::Usage, context).with_source(error)
            })
        })
        .transpose()?;
    let json_lines = options.is_json;
    let on_terminal = |mut builder: Builder| {
        builder.format(move |to, record| {
            let line = if json_lines {
                json(record, Timestamp::now())
            } else {
                for_people(record)
            };
            writeln!(to, "{line}")
        });
        LogWrapper::new(console.bars().clone(), builder.build())
    };
    let mut any = Builder::new();
    any.filter_level(LevelFilter::Info);
    // Who sits there and sees nothing happen is told why, whatever the level.
    let waits = console.has_bars().then(|| on_terminal(any));
    let filter = builder(options, options.level).build();
    let file_filter = builder(options, options.file_level).build();
    let level = match &file {
        Some(_) => filter.filter().max(file_filter.filter()),
        None => filter.filter(),
    };
    let level = if waits.is_some() {
        level.max(LevelFilter::Info)
    } else {
        level
    };
    let both = Both {
        terminal: on_terminal(builder(options, options.level)),
        waits,
        filter,
        file_filter,
        shows_items: shows_items(options, verbosity, is_json),
        is_capped: verbosity == Verbosity::Quiet && !is_json && options.directives.is_none(),
        file: file.map(Mutex::new),
        is_json: options.is_json,
    };
    // A second start, as in tests of one process, leaves the first one's logger in place.
    if log::set_boxed_logger(Box::new(both)).is_ok() {
        log::set_max_level(level);
    }
    Ok(())
}

/// Lines about single items are for who asked for them, and for who gets no summary that names them.
fn shows_items(options: &LogOptions, verbosity: Verbosity, is_json: bool) -> bool {
    is_json
        || verbosity == Verbosity::Quiet
        || options.directives.is_some()
        || options.level >= LevelFilter::Info
}

fn builder(options: &LogOptions, level: LevelFilter) -> Builder {
    let mut builder = Builder::new();
    if let Some(directives) = &options.directives {
        builder.parse_filters(directives);
    } else {
        builder.filter_level(level);
        if options.decisions {
            builder.filter_module(DECISION, LevelFilter::Debug);
        }
    }
    builder
}

/// Both places at once.
struct Both {
    terminal: LogWrapper<Logger>,
    /// The terminal of somebody who sits there, for what is waited for.
    waits: Option<LogWrapper<Logger>>,
    filter: Logger,
    file_filter: Logger,
    shows_items: bool,
    is_capped: bool,
    file: Option<Mutex<LogFile>>,
    is_json: bool,
}

fn is_own(target: &str) -> bool {
    target
        .strip_prefix("icloud_sync")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl Both {
    /// Whether a line is about one item of many that failed, and only errors are told: nobody reads thousands, and the end of
    /// the pass says how many more there are.
    fn is_one_too_many(&self, record: &Record<'_>) -> bool {
        self.is_capped
            && record.target() == ITEM
            && TOLD.fetch_add(1, Ordering::Relaxed) >= MOST_PROBLEMS
    }
}

impl Log for Both {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_own(metadata.target())
            && (self.filter.enabled(metadata)
                || (self.waits.is_some() && metadata.target() == WAIT)
                || (self.file.is_some() && self.file_filter.enabled(metadata)))
    }

    fn log(&self, record: &Record<'_>) {
        let target = record.target();
        if !is_own(target) {
            return;
        }
        let is_shown =
            ![NOTE, DRY, DRY_ITEM].contains(&target) && (target != ITEM || self.shows_items);
        let is_shown = is_shown && self.filter.matches(record) && !self.is_one_too_many(record);
        if is_shown {
            self.terminal.log(record);
        } else if let Some(waits) = self.waits.as_ref().filter(|_| target == WAIT) {
            waits.log(record);
        }
        if let Some(file) = &self.file
            && self.file_filter.matches(record)
        {
            let now = Timestamp::now();
            let mut line = if self.is_json {
                json(record, now)
            } else {
                for_file(record, now)
            };
            line.push('\n');
            file.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write(&line);
        }
    }

    fn flush(&self) {
        self.terminal.flush();
    }
}

fn for_people(record: &Record<'_>) -> String {
    let prefix = match record.level() {
        Level::Error => "error: ",
        Level::Warn => "warning: ",
        Level::Info => "",
        Level::Debug if record.target() == DECISION => "",
        Level::Debug => "debug: ",
        Level::Trace => "trace: ",
    };
    format!("{prefix}{}", for_terminal(&record.args().to_string()))
}

fn for_file(record: &Record<'_>, time: Timestamp) -> String {
    format!(
        "{time:.3} {:<5} {}",
        record.level(),
        for_terminal(&record.args().to_string())
    )
}

fn json(record: &Record<'_>, time: Timestamp) -> String {
    let mut line = Map::new();
    line.insert("ts".into(), format!("{time:.3}").into());
    let level = record.level().as_str().to_ascii_lowercase();
    line.insert("level".into(), level.into());
    line.insert("target".into(), record.target().into());
    line.insert("message".into(), record.args().to_string().into());
    if let Some(pass) = &*PASS.lock().unwrap_or_else(PoisonError::into_inner) {
        line.insert("pass".into(), pass.as_str().into());
    }
    // It only ends early for an error of its own, and has none.
    let _visited = record.key_values().visit(&mut About(&mut line));
    Value::Object(line).to_string()
}

/// The pass that is under way; a process has one at a time.
static PASS: Mutex<Option<String>> = Mutex::new(None);

/// How many problems of the pass the terminal was told of, where each is told as it comes.
static TOLD: AtomicUsize = AtomicUsize::new(0);

/// From here on, lines belong to this pass, or to none.
pub(super) fn set_pass(pass: Option<&str>) {
    TOLD.store(0, Ordering::Relaxed);
    *PASS.lock().unwrap_or_else(PoisonError::into_inner) = pass.map(str::to_owned);
}

/// Takes what a line is about.
struct About<'a>(&'a mut Map<String, Value>);

impl<'a> VisitSource<'a> for About<'_> {
    fn visit_pair(&mut self, key: Key<'a>, value: kv::Value<'a>) -> Result<(), kv::Error> {
        let value = if let Some(number) = value.to_u64() {
            number.into()
        } else if let Some(truth) = value.to_bool() {
            truth.into()
        } else {
            match value.to_string() {
                nothing if nothing.is_empty() => return Ok(()),
                text => text.into(),
            }
        };
        self.0.insert(key.as_str().to_owned(), value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(level: Level, words: &str, use_it: impl FnOnce(&Record<'_>) -> T) -> T {
        use_it(
            &Record::builder()
                .level(level)
                .target("icloud_sync::auth")
                .args(format_args!("{words}"))
                .build(),
        )
    }

    #[test]
    fn a_line_stays_one_line_whatever_a_file_is_called() {
        let time = Timestamp::from_second(1_800_000_000).unwrap();
        let words = "upload a\nERROR b\u{1b}[2J";
        assert_eq!(
            with(Level::Warn, words, for_people),
            "warning: upload a\\nERROR b\\u{1b}[2J"
        );
        assert_eq!(
            with(Level::Info, words, |record| for_file(record, time)),
            "2027-01-15T08:00:00.000Z INFO  upload a\\nERROR b\\u{1b}[2J"
        );
        let line = with(Level::Error, words, |record| json(record, time));
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], words);
        assert_eq!(value["level"], "error");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn who_sits_there_is_told_what_is_waited_for_and_no_more() {
        let bars =
            indicatif::MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden());
        let logger = |level| {
            let mut builder = Builder::new();
            builder.filter_level(level);
            builder
        };
        let wrapped = |level| LogWrapper::new(bars.clone(), logger(level).build());
        let both = |waits| Both {
            terminal: wrapped(LevelFilter::Warn),
            waits,
            filter: logger(LevelFilter::Warn).build(),
            file_filter: logger(LevelFilter::Warn).build(),
            shows_items: false,
            is_capped: false,
            file: None,
            is_json: false,
        };
        let info = |target| {
            Metadata::builder()
                .level(Level::Info)
                .target(target)
                .build()
        };
        for (waits, shows) in [(None, false), (Some(wrapped(LevelFilter::Info)), true)] {
            let both = both(waits);
            assert_eq!(both.enabled(&info(WAIT)), shows);
            assert!(!both.enabled(&info("icloud_sync::cloud")));
        }
    }

    #[test]
    fn the_crates_below_are_never_logged() {
        assert!(is_own("icloud_sync"));
        assert!(is_own("icloud_sync::auth::session"));
        for other in [
            "cookie_store::cookie_store",
            "hyper",
            "icloud_sync2",
            "reqwest",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn lines_about_items_are_shown_where_no_summary_names_them() {
        let options = |level| LogOptions {
            file_level: level,
            directives: None,
            level,
            is_json: false,
            file: None,
            decisions: false,
        };
        let plain = options(LevelFilter::Warn);
        assert!(!shows_items(&plain, Verbosity::Normal, false));
        assert!(shows_items(&plain, Verbosity::Quiet, false));
        assert!(shows_items(&plain, Verbosity::Normal, true));
        assert!(shows_items(
            &options(LevelFilter::Info),
            Verbosity::Verbose,
            false
        ));
    }
}
