//! What the passes of a pair have come to, as numbers that a monitor can ask for.
//!
//! In go the events and ends of passes, out go JSON, or Prometheus text where it is asked for; [`serve`] speaks HTTP,
//! [`totals`] keeps them beside the baseline, so that they go on over restarts and `status` has them. No path, account or
//! secret is in the numbers.

mod serve;
mod totals;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

pub use serve::{Address, Server, serve};
pub use totals::load;

use crate::{
    error::{Error, Kind},
    report::{Event, Outcome, Reporter, Summary, words},
};

/// The numbers since counting began, which is with the pair's first pass. Times are seconds since 1970 UTC, durations
/// seconds, contents bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Numbers {
    /// When counting began.
    pub since: Option<i64>,
    /// Passes, by exit code.
    pub passes: BTreeMap<u8, u64>,
    /// The exit code of the last pass.
    pub last_exit_code: Option<u8>,
    /// When the last pass ended.
    pub last_pass: Option<i64>,
    /// When the last pass ended that went through (code 0 or 3).
    pub last_success: Option<i64>,
    /// How long the last pass took.
    pub last_duration: f64,
    /// How long all passes took together.
    pub duration: f64,
    /// Content received.
    pub bytes_received: u64,
    /// Content sent.
    pub bytes_sent: u64,
    /// Requests made to the service.
    pub requests: u64,
    /// Actions that were done, by kind.
    pub actions: BTreeMap<String, u64>,
    /// Actions that failed.
    pub failures: u64,
    /// Actions that were skipped, since something changed meanwhile.
    pub skipped: u64,
    /// Conflicts that the policy settled.
    pub conflicts: u64,
    /// Items that the last pass left alone for a problem.
    pub problems: usize,
    /// Passes that a guard stopped.
    pub guards: u64,
    /// Passes that could not sign in without a person.
    pub auth_blocked_events: u64,
    /// Automatic sign-ins within the last hour.
    pub reauth_attempts: usize,
    /// How long ago the browser was trusted.
    pub trust_age: Option<i64>,
}

/// What is known of signing in, asked for when the numbers are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// Automatic sign-ins within the last hour.
    pub reauth_attempts: usize,
    /// When the browser was trusted, in seconds since 1970 UTC.
    pub trusted: Option<i64>,
}

/// The numbers, shared by who counts and who asks.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Counters>);

#[derive(Default)]
struct Counters {
    /// The pair's folder, where the totals are kept; `None`: nowhere.
    folder: Option<PathBuf>,
    numbers: Mutex<Both>,
}

#[derive(Default)]
struct Both {
    /// Of all passes that have ended.
    total: Numbers,
    /// Of the pass that is under way.
    pass: Numbers,
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

impl Metrics {
    /// Goes on where the passes of a pair have come to, and keeps what is added; without a folder it begins anew, and
    /// keeps nothing.
    pub fn of(folder: Option<PathBuf>) -> Self {
        let total = folder.as_deref().and_then(load);
        let both = Both {
            total: total.unwrap_or_default(),
            ..Both::default()
        };
        Self(Arc::new(Counters {
            folder,
            numbers: Mutex::new(both),
        }))
    }

    fn numbers(&self) -> MutexGuard<'_, Both> {
        // What is inside is whole between any two statements.
        (self.0.numbers.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a pass that came to its end.
    pub fn ended(&self, end: &Result<Summary, Error>) {
        let mut both = self.numbers();
        let mut pass = std::mem::take(&mut both.pass);
        pass.end(end);
        let kept = (self.0.folder.as_deref()).map(|folder| totals::add(folder, &pass));
        match kept {
            // Others may have added theirs.
            Some(Ok(Some(total))) => both.total = total,
            Some(Ok(None)) | None => both.total.add(&pass),
            Some(Err(error)) => {
                log::warn!("{}", error.chain());
                both.total.add(&pass);
            }
        }
    }

    /// Returns the numbers as they are now.
    pub fn snapshot(&self, health: Health) -> Numbers {
        let both = self.numbers();
        let mut numbers = both.total.clone();
        numbers.count(&both.pass);
        Numbers {
            reauth_attempts: health.reauth_attempts,
            trust_age: health.trusted.map(|since| now() - since),
            ..numbers
        }
    }
}

impl Numbers {
    /// Takes how a pass ended.
    fn end(&mut self, end: &Result<Summary, Error>) {
        let exit_code = match end {
            Ok(summary) => summary.exit_code,
            Err(error) => error.exit_code(),
        };
        *self.passes.entry(exit_code).or_default() += 1;
        self.last_exit_code = Some(exit_code);
        self.last_pass = Some(now());
        self.since = self.last_pass;
        if matches!(exit_code, 0 | 3) {
            self.last_success = self.last_pass;
        }
        match end {
            Ok(summary) => {
                let (received, sent) = summary.bytes;
                self.bytes_received += received;
                self.bytes_sent += sent;
                self.requests += summary.requests;
                self.conflicts += u64::try_from(summary.conflicts.len()).unwrap_or(0);
                self.problems = summary.problems.len();
                self.last_duration = summary.elapsed.as_secs_f64();
                self.duration += self.last_duration;
            }
            Err(error) if error.kind() == Kind::Guard => self.guards += 1,
            Err(_) => {}
        }
        self.auth_blocked_events += u64::from(exit_code == 4);
    }

    /// Adds a pass that has ended. What is said of the last pass is said of this one then.
    fn add(&mut self, pass: &Self) {
        self.count(pass);
        self.since = self.since.or(pass.since);
        self.last_exit_code = pass.last_exit_code;
        self.last_pass = pass.last_pass;
        self.last_success = pass.last_success.or(self.last_success);
        // One that ended before it could look has no such numbers.
        if pass.last_duration > 0.0 {
            self.last_duration = pass.last_duration;
            self.problems = pass.problems;
        }
    }

    /// Adds what only grows.
    fn count(&mut self, pass: &Self) {
        for (exit_code, count) in &pass.passes {
            *self.passes.entry(*exit_code).or_default() += count;
        }
        for (kind, count) in &pass.actions {
            *self.actions.entry(kind.clone()).or_default() += count;
        }
        self.duration += pass.duration;
        self.bytes_received += pass.bytes_received;
        self.bytes_sent += pass.bytes_sent;
        self.requests += pass.requests;
        self.failures += pass.failures;
        self.skipped += pass.skipped;
        self.conflicts += pass.conflicts;
        self.guards += pass.guards;
        self.auth_blocked_events += pass.auth_blocked_events;
    }
}

/// Counts actions on their way to who tells of them.
pub(crate) struct Counting {
    pub(crate) metrics: Metrics,
    pub(crate) to: Arc<dyn Reporter>,
}

impl Reporter for Counting {
    fn event(&self, event: &Event<'_>) {
        if let Event::Finished {
            action, outcome, ..
        } = event
        {
            let numbers = &mut self.metrics.numbers().pass;
            match outcome {
                Outcome::Done => {
                    let kind = words::key(&action.what);
                    *numbers.actions.entry(kind.to_owned()).or_default() += 1;
                }
                Outcome::Failed(_) => numbers.failures += 1,
                Outcome::Skipped(_) => numbers.skipped += 1,
                Outcome::NotRun => {}
            }
        }
        self.to.event(event);
    }
}

impl Numbers {
    /// Writes the numbers in the text format of Prometheus, version 0.0.4.
    pub fn prometheus(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, f64)]| {
            if samples.is_empty() {
                return;
            }
            words::push(
                &mut text,
                format_args!(
                    "# HELP icloud_sync_{name} {help}\n# TYPE icloud_sync_{name} {kind}\n"
                ),
            );
            for (labels, value) in samples {
                words::push(
                    &mut text,
                    format_args!("icloud_sync_{name}{labels} {value}\n"),
                );
            }
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "the format has floating point numbers only"
        )]
        let number = |value: u64| value as f64;
        let one = |value: u64| vec![(String::new(), number(value))];
        #[expect(
            clippy::cast_precision_loss,
            reason = "the format has floating point numbers only"
        )]
        let seconds = |value: Option<i64>| -> Vec<(String, f64)> {
            value
                .map(|value| (String::new(), value as f64))
                .into_iter()
                .collect()
        };
        let labelled = |label: &str, of: Vec<(String, u64)>| -> Vec<(String, f64)> {
            let sample =
                |(key, value): (String, u64)| (format!("{{{label}=\"{key}\"}}"), number(value));
            of.into_iter().map(sample).collect()
        };
        let passes = (self.passes.iter())
            .map(|(code, count)| (code.to_string(), *count))
            .collect();
        let actions = (self.actions.iter())
            .map(|(kind, count)| (kind.clone(), *count))
            .collect();
        family(
            "passes_total",
            "counter",
            "Passes by exit code.",
            &labelled("exit_code", passes),
        );
        let last = self.last_exit_code.map(i64::from);
        family(
            "last_exit_code",
            "gauge",
            "Exit code of the last pass.",
            &seconds(last),
        );
        family(
            "last_pass_timestamp_seconds",
            "gauge",
            "When the last pass ended.",
            &seconds(self.last_pass),
        );
        family(
            "last_success_timestamp_seconds",
            "gauge",
            "When the last pass ended that went through.",
            &seconds(self.last_success),
        );
        family(
            "last_pass_duration_seconds",
            "gauge",
            "How long the last pass took.",
            &[(String::new(), self.last_duration)],
        );
        family(
            "pass_duration_seconds_total",
            "counter",
            "How long all passes took.",
            &[(String::new(), self.duration)],
        );
        family(
            "received_bytes_total",
            "counter",
            "Content received.",
            &one(self.bytes_received),
        );
        family(
            "sent_bytes_total",
            "counter",
            "Content sent.",
            &one(self.bytes_sent),
        );
        family(
            "requests_total",
            "counter",
            "Requests made to the service.",
            &one(self.requests),
        );
        family(
            "actions_total",
            "counter",
            "Actions done, by kind.",
            &labelled("kind", actions),
        );
        family(
            "action_failures_total",
            "counter",
            "Actions that failed.",
            &one(self.failures),
        );
        family(
            "actions_skipped_total",
            "counter",
            "Actions skipped since something changed meanwhile.",
            &one(self.skipped),
        );
        family(
            "conflicts_total",
            "counter",
            "Conflicts that the policy settled.",
            &one(self.conflicts),
        );
        let problems = u64::try_from(self.problems).unwrap_or(u64::MAX);
        family(
            "problems",
            "gauge",
            "Items that the last pass left alone for a problem.",
            &one(problems),
        );
        family(
            "guards_total",
            "counter",
            "Passes that a guard stopped.",
            &one(self.guards),
        );
        family(
            "auth_blocked_events_total",
            "counter",
            "Passes that could not sign in without a person.",
            &one(self.auth_blocked_events),
        );
        let attempts = u64::try_from(self.reauth_attempts).unwrap_or(u64::MAX);
        family(
            "reauth_attempts",
            "gauge",
            "Automatic sign-ins within the last hour.",
            &one(attempts),
        );
        family(
            "trust_age_seconds",
            "gauge",
            "How long ago this machine was trusted.",
            &seconds(self.trust_age),
        );
        text
    }
}

#[cfg(test)]
mod tests;
