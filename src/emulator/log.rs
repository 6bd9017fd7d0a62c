//! The request log: what was asked, in which size, and how it was answered. Tests count requests with it.
//!
//! Paths come without their query, and of content URLs without the part that is the credential. Nothing else of a request
//! is kept: no header, no body, no cookie.

use serde::Serialize;

/// Which of the service's hosts a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// Sign-in and second factor.
    Identity,
    /// Account and session.
    Setup,
    /// Metadata of the Drive.
    Drivews,
    /// Documents of the Drive.
    Docws,
    /// Bytes of files, both ways.
    Content,
    /// The page of the web client, and anything else.
    Home,
}

/// One answered request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Count since the start, from 1.
    pub number: u64,
    /// Arrival, milliseconds since 1970 by the machine's clock.
    pub at_ms: i64,
    /// The host it was for.
    pub host: Host,
    /// The HTTP method.
    pub method: String,
    /// The path below the host, without query.
    pub path: String,
    /// What kind of request it is, such as `retrieveItemDetailsInFolders`, `signin/complete` or `content GET`.
    pub endpoint: &'static str,
    /// Bytes of the request's body.
    pub sent: u64,
    /// Bytes of the answer's body.
    pub received: u64,
    /// The answer's status; 0 if the connection was dropped instead.
    pub status: u16,
    /// Elements of the request: ids of a list call, items of a write, documents of a batch; else 0.
    pub ids: usize,
    /// Whether the request carried cookies.
    pub sent_cookies: bool,
    /// Whether one of them had no value, which no client should send.
    pub empty_cookie: bool,
    /// Whether the connection came through the proxy.
    pub proxied: bool,
}

/// Sums over all requests since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// All requests but those of the control interface.
    pub requests: u64,
    /// Bytes that clients sent to the content host.
    pub content_up: u64,
    /// Bytes that clients were sent by the content host.
    pub content_down: u64,
}

/// The entries and the sums.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Vec<LogEntry>,
    counters: Counters,
}

impl Log {
    pub(super) fn push(&mut self, mut entry: LogEntry) {
        self.counters.requests += 1;
        entry.number = self.counters.requests;
        if entry.host == Host::Content {
            self.counters.content_up += entry.sent;
            self.counters.content_down += if entry.method == "GET" {
                entry.received
            } else {
                0
            };
        }
        self.entries.push(entry);
    }

    pub(super) fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    /// Forgets the entries; the sums stay.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}
