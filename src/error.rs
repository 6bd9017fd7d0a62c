//! The one error of the crate: its kind decides the exit code and what may be tried again.
//!
//! A message names the thing and the reason, lower case, without a final period. `main` prints the
//! chain of sources on one line and the hint on its own.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

/// What an error means for the run: the exit code, and whether anything may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Wrong usage or configuration: exit 2.
    Usage,
    /// Not signed in, or a person is needed to sign in again: exit 4.
    SignIn,
    /// Network or service away after all retries: exit 5.
    Temporary,
    /// The zone was busy after all retries; the write was not applied: exit 5.
    Busy,
    /// A guard stopped the pass before anything was done: exit 6.
    Guard,
    /// Another pass holds the lock: exit 7.
    Locked,
    /// Stopped by a signal: exit 130 (SIGINT) or 143 (SIGTERM).
    Stopped,
    /// The thing is no longer as it was when the plan was made; nothing was done to it.
    Changed,
    /// The thing does not exist (any more).
    NotFound,
    /// The name is already taken where something was to be created.
    Exists,
    /// A write whose answer was lost: it may or may not have been applied. Never replayed blindly.
    Lost,
    /// The service refused, and would refuse again.
    Refused,
    /// The service answered something that the program does not understand.
    Protocol,
    /// Content that is not what it should be: wrong length or signature.
    Integrity,
    /// The local file system refused.
    Local,
    /// The local disk is full or the quota is used up.
    DiskFull,
    /// Anything else that keeps the run from being finished.
    Other,
}

/// An error with its kind, its context and, where there is one, a way out.
#[derive(Debug, Clone)]
pub struct Error {
    kind: Kind,
    context: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    hint: Option<String>,
    retry_after: Option<Duration>,
    is_bad_request: bool,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of `kind` whose message is `context`.
    pub fn new(kind: Kind, context: impl Into<String>) -> Self {
        Self {
            kind,
            context: context.into(),
            source: None,
            hint: None,
            retry_after: None,
            is_bad_request: false,
        }
    }

    /// Makes a local error from an I/O error; a full disk is told apart.
    pub fn io(context: impl Into<String>, error: io::Error) -> Self {
        let why = error.kind();
        let kind = if matches!(
            why,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            Kind::DiskFull
        } else if why == io::ErrorKind::NotFound {
            Kind::NotFound
        } else {
            Kind::Local
        };
        Self::new(kind, context).with_source(error)
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds how long the service asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Notes that it is the service's own answer 400, and no gateway's page.
    #[must_use]
    pub fn as_bad_request(mut self) -> Self {
        self.is_bad_request = true;
        self
    }

    /// Returns whether the service itself called the request a bad one.
    pub fn is_bad_request(&self) -> bool {
        self.is_bad_request
    }

    /// Puts `context` in front of the message: the error becomes the source's own words.
    #[must_use]
    pub fn in_context(mut self, context: impl fmt::Display) -> Self {
        self.context = format!("{context}: {}", self.context);
        self
    }

    /// Returns what it means for the run.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what to do next, if there is something.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns how long the service asked to wait, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the process's exit code when this error ends the run (style: codes 0 to 7, 130).
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Usage => 2,
            Kind::SignIn => 4,
            Kind::Temporary | Kind::Busy | Kind::Lost => 5,
            Kind::Guard => 6,
            Kind::Locked => 7,
            Kind::Stopped => 130,
            Kind::Changed
            | Kind::NotFound
            | Kind::Exists
            | Kind::Refused
            | Kind::Protocol
            | Kind::Integrity
            | Kind::Local
            | Kind::DiskFull
            | Kind::Other => 1,
        }
    }

    /// Returns the whole chain on one line, joined by `: `.
    pub fn chain(&self) -> String {
        let mut text = self.context.clone();
        let mut next: Option<&(dyn StdError + 'static)> = match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        };
        while let Some(error) = next {
            let words = error.to_string();
            if !text.ends_with(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            next = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_joins_the_sources_on_one_line() {
        let error = Error::io("cannot write \"a\"", io::Error::other("no luck")).in_context("pull");
        assert_eq!(error.chain(), "pull: cannot write \"a\": no luck");
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let error = Error::io("x", io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.kind(), Kind::DiskFull);
    }
}
