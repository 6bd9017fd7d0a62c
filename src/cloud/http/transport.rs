//! One exchange with the service: a request goes out, an answer or the reason for none comes back.
//!
//! Here are the two HTTP clients. The one for API hosts sends the session's cookies and absorbs what
//! answers set; the one for content has no jar, so no cookie can go where it has no business. Neither
//! follows redirects; both speak HTTP/1.1 only (a coalesced HTTP/2 connection is one cause of 421,
//! protocol page 5.6). Nothing here tries again except where the connection could not even be made,
//! and nothing here knows what an answer means.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, Once, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use log::{debug, trace};
use reqwest::{
    Client, ClientBuilder, Method, RequestBuilder, Response, Url,
    header::{CONTENT_LENGTH, COOKIE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};

use crate::{
    cloud::{
        answer,
        endpoint::Endpoint,
        http::{
            failure::{Failure, failure, no_answer},
            lines::{Ended, Lines, Worth},
            waits::Waits,
        },
        jar::Jar,
        pace::{Budget, Hold, Pace, TRIES},
        rate::Rate,
    },
    error::{Error, Kind, Result},
    stop::{Stop, stopped},
};

/// The desktop browser that field-proven clients pass for (protocol page 1.5).
pub(crate) const USER_AGENT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3.1 Safari/605.1.15";

/// A refusal that does not say for how long.
const UNSAID: Duration = Duration::ZERO;

/// A wait of so long is nothing to speak of.
const SHORT: Duration = Duration::from_secs(2);

/// No answer of the API is larger, in bytes; content does not come this way. A folder of 100,000 items is about as large.
const LARGEST_ANSWER: u64 = 64 << 20;

/// All answers that are being read may hold so much together, in bytes.
const LARGEST_ANSWERS: u64 = 3 * LARGEST_ANSWER;

/// An answer has the time limit of its request again for each so many bytes; what comes slower is given up.
const BYTES_A_LIMIT: u64 = 1 << 20;

/// How much of an answer is read at a time, in bytes.
const PIECE: usize = 1 << 16;

/// Limit for making a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(20);

/// How long the answer to a write is waited for once the run is stopped.
const LAST_WORD: Duration = Duration::from_secs(15);

/// Data that the other side does not acknowledge for so long ends the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(90);

/// A request to an API host.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// What it is counted and logged as; holds no id and no query.
    pub(crate) label: &'a str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) limit: Duration,
    /// It goes out at once or not at all.
    pub(crate) at_once: bool,
    /// It may change something: at a stop its answer is waited for, a little.
    pub(crate) is_write: bool,
}

impl Call<'_> {
    fn worth(&self) -> Worth {
        if self.is_write {
            Worth::Much
        } else {
            Worth::Little
        }
    }
}

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns a header's text, if it is there and not empty.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let text = self.headers.get(name)?.to_str().ok()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Returns how long the service asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        answer::retry_after(self.header(RETRY_AFTER.as_str())?, Timestamp::now())
    }
}

/// What came of a request.
pub(crate) type Exchange = std::result::Result<Answer, Failure>;

/// The clients, and all that is shared between requests but the account.
pub(crate) struct Transport {
    pub(crate) endpoint: Endpoint,
    pub(crate) jar: Arc<Jar>,
    pub(crate) pace: Pace,
    pub(crate) stop: Stop,
    pub(crate) hold: Hold,
    pub(crate) budget: Budget,
    pub(crate) content: Client,
    pub(super) lines: Lines,
    api: RwLock<Line>,
    rate: Rate,
    pub(crate) waits: Waits,
    refusals: AtomicU64,
    requests: AtomicU64,
    /// Bytes of the answers that are being read.
    reading: AtomicU64,
    labels: Mutex<BTreeMap<String, u64>>,
}

/// The client for API hosts, and how often it was made anew.
#[derive(Clone)]
struct Line {
    client: Client,
    number: u64,
}

impl Transport {
    /// Makes both clients, and the thread that serves them.
    ///
    /// # Errors
    /// `Usage` with a hint where no trusted certificates are found on this machine.
    pub(crate) fn new(
        endpoint: Endpoint,
        jar: Arc<Jar>,
        pace: Pace,
        max_rate: u32,
        stop: Stop,
    ) -> Result<Self> {
        install_crypto();
        let api = Line {
            client: api_client(&endpoint)?,
            number: 0,
        };
        // The length is checked against what was announced: no decoding on the way.
        let content = build(client(&endpoint).gzip(false))?;
        Ok(Self {
            budget: Budget::new(pace.budget),
            endpoint,
            jar,
            pace,
            lines: Lines::new(stop.clone(), LAST_WORD)?,
            stop,
            hold: Hold::default(),
            content,
            api: RwLock::new(api),
            rate: Rate::new(max_rate),
            waits: Waits::default(),
            refusals: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            reading: AtomicU64::new(0),
            labels: Mutex::default(),
        })
    }

    /// Returns the number of the current set of connections; see [`Self::reconnect`].
    pub(crate) fn line(&self) -> u64 {
        self.api
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .number
    }

    /// Drops all pooled connections to API hosts, unless that was done since they were `line`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn reconnect(&self, line: u64) -> Result<()> {
        let mut api = self.api.write().unwrap_or_else(PoisonError::into_inner);
        if api.number != line {
            return Ok(());
        }
        *api = Line {
            client: api_client(&self.endpoint)?,
            number: line + 1,
        };
        Ok(())
    }

    /// Makes one exchange. Where the connection could not be made it is tried again, a few times.
    ///
    /// # Errors
    /// See [`Failure`].
    pub(crate) fn exchange(&self, call: &Call<'_>) -> Exchange {
        let mut tries = 0;
        loop {
            match self.once(call) {
                Err(Failure::Unsent(error)) if !call.at_once => {
                    self.again(tries, error).map_err(|error| {
                        if error.kind() == Kind::Stopped {
                            Failure::Final(error)
                        } else {
                            Failure::Unsent(error)
                        }
                    })?;
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    fn once(&self, call: &Call<'_>) -> Exchange {
        if call.at_once {
            if self.hold.is_on() {
                let text = format!("{}: all requests wait", call.label);
                return Err(Failure::Unsent(Error::new(Kind::Temporary, text)));
            }
            self.rate.owe();
        } else {
            self.hold.wait(&self.stop).map_err(Failure::Final)?;
            self.rate.take(&self.stop).map_err(Failure::Final)?;
        }
        let client = self
            .api
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .client
            .clone();
        let mut request = client
            .request(call.method.clone(), call.url.clone())
            .headers(header_map(&call.headers));
        if let Some(cookies) = self.jar.header(&call.url) {
            request = request.header(COOKIE, cookies);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
            if body.is_empty() {
                // It would be sent without a length.
                request = request.header(CONTENT_LENGTH, "0");
            }
        }
        self.count(call.label);
        let start = Instant::now();
        let response = match self.sent(request, call) {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(failure(&error.without_url(), call.label, &call.url));
            }
            Err(Ended::Late) => return Err(Failure::Lost(no_answer(call.label, &call.url))),
            Err(Ended::Stopped) => return Err(Failure::Final(stopped())),
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        // Also of an answer whose body gets lost: a cookie that was set is set.
        self.jar.absorb(&headers, &call.url);
        let mut body = Vec::new();
        let coming = self.lines.body(response, call.limit, call.worth());
        let read = self.read_whole(coming, call, start, &mut body);
        self.reading.fetch_sub(body.len() as u64, Ordering::Relaxed);
        trace!(
            "{} {} -> {status}, {} bytes, {} ms",
            call.method,
            call.label,
            body.len(),
            start.elapsed().as_millis()
        );
        read.map(|()| Answer {
            status,
            headers,
            body,
        })
    }

    /// Sends a request and waits for the head of its answer. That the first of all gets none for a while is said.
    fn sent(
        &self,
        request: RequestBuilder,
        call: &Call<'_>,
    ) -> std::result::Result<reqwest::Result<Response>, Ended> {
        let _entered = self.lines.handle.enter();
        let mut sending = pin!(request.send());
        let limit = call.limit;
        let patience = if self.waits.is_first() {
            self.pace.patience.min(limit)
        } else {
            limit
        };
        let sent = (self.lines).wait(sending.as_mut(), patience, call.worth());
        if patience == limit || !matches!(sent, Err(Ended::Late)) {
            return sent;
        }
        if !self.stop.is_set() {
            let longest = limit.max(CONNECT) * TRIES + self.pace.longest(0, None);
            self.waits.tell("it has not answered yet", longest);
        }
        (self.lines).wait(sending, limit.saturating_sub(patience), call.worth())
    }

    /// Reads an answer's body, as far as there is measure in it: what never ends, or comes too slowly, is given up.
    fn read_whole(
        &self,
        mut response: impl Read,
        call: &Call<'_>,
        start: Instant,
        body: &mut Vec<u8>,
    ) -> std::result::Result<(), Failure> {
        let lost = |why: String| {
            let text = format!("{}: the answer {why}", call.label);
            Failure::Lost(Error::new(Kind::Temporary, text))
        };
        let mut piece = vec![0; PIECE];
        loop {
            let count = match response.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) if !call.is_write && self.stop.is_set() => {
                    return Err(Failure::Final(stopped()));
                }
                Err(error) => {
                    let text = format!("{}: the answer broke off", call.label);
                    let error = Error::new(Kind::Temporary, text).with_source(error);
                    return Err(Failure::Lost(error));
                }
            };
            body.extend_from_slice(&piece[..count]);
            let all = self.reading.fetch_add(count as u64, Ordering::Relaxed) + count as u64;
            let length = body.len() as u64;
            if length > LARGEST_ANSWER {
                let text = format!(
                    "{}: the answer has more than {LARGEST_ANSWER} bytes",
                    call.label
                );
                return Err(Failure::Vast(Error::new(Kind::Temporary, text)));
            }
            if all > LARGEST_ANSWERS {
                return Err(lost(
                    "and others are too large to be held at once".to_owned(),
                ));
            }
            let limits = u32::try_from(length / BYTES_A_LIMIT).unwrap_or(u32::MAX);
            if start.elapsed() > call.limit.saturating_mul(limits.saturating_add(2)) {
                return Err(lost(format!("came too slowly, {length} bytes so far")));
            }
        }
    }

    /// Notes that the service has had enough of us, not of one request: all threads wait. Returns the error, which knows
    /// of it.
    pub(crate) fn had_enough(&self, error: Error, asked: Option<Duration>) -> Error {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        let wait = match asked {
            Some(asked) => self.pace.asked(asked),
            None => Some(self.pace.throttle(0)),
        };
        if let Some(wait) = wait {
            debug!("{error}; all requests wait {} ms", wait.as_millis());
            self.hold.set(wait);
        }
        error.with_retry_after(Some(asked.unwrap_or(UNSAID)))
    }

    /// Waits before something is tried again after its `n`th failure in a row, from 0, and takes one retry of the pass's
    /// budget.
    ///
    /// # Errors
    /// `why`, where it was tried often enough, the budget is used up, or the service asks for too long a wait;
    /// `Stopped`.
    pub(crate) fn again(&self, n: u32, why: Error) -> Result<()> {
        if n + 1 >= TRIES {
            return Err(why);
        }
        let wait = match why.retry_after() {
            // The next request waits for the hold.
            Some(UNSAID) => {
                self.hold.set(self.pace.throttle(n));
                Duration::ZERO
            }
            Some(asked) if self.pace.asked(asked).is_some() => Duration::ZERO,
            Some(asked) => {
                return Err(why.with_hint(format!(
                    "the service asks to be left alone for {} minutes",
                    asked.as_secs().div_ceil(60)
                )));
            }
            None if why.kind() == Kind::Busy => self.pace.busy(n),
            None => self.pace.network(n),
        };
        let words = why.chain();
        let asked = why.retry_after();
        // One that is busy is so for a moment, and so may be a first failure.
        let is_asked = asked.is_some_and(|asked| asked == UNSAID || asked > SHORT);
        let is_long = why.kind() != Kind::Busy && (is_asked || n > 0);
        self.budget.spend(why)?;
        if is_long {
            self.waits.tell(&words, self.pace.longest(n, asked));
        }
        self.stop.wait(wait)
    }

    /// Returns how often the service has refused because of the load.
    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// Counts a request under its label.
    pub(crate) fn count(&self, label: &str) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut labels = lock(&self.labels);
        match labels.get_mut(label) {
            Some(count) => *count += 1,
            None => {
                labels.insert(label.to_owned(), 1);
            }
        }
    }

    /// Returns how many requests were made.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns how many requests were made, by label.
    pub(crate) fn by_label(&self) -> BTreeMap<String, u64> {
        lock(&self.labels).clone()
    }
}

/// Locks, whatever became of another thread that held it: the values behind are whole at all times.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Chooses ring for TLS, once in a process.
fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Another part of the process may have chosen before; its choice is as good.
        let _earlier = rustls::crypto::ring::default_provider().install_default();
    });
}

fn client(endpoint: &Endpoint) -> ClientBuilder {
    let mut builder = ClientBuilder::new()
        .user_agent(USER_AGENT)
        .redirect(Policy::none())
        .referer(false)
        .http1_only()
        .http1_title_case_headers()
        .connect_timeout(CONNECT)
        .tcp_keepalive(Duration::from_secs(30))
        .tcp_user_timeout(UNACKNOWLEDGED)
        .pool_idle_timeout(Duration::from_secs(60));
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    if endpoint.is_plain() {
        // No TLS is spoken: do not look for trusted certificates, which a machine may not have.
        builder = builder.tls_certs_only([]);
    }
    builder
}

fn api_client(endpoint: &Endpoint) -> Result<Client> {
    build(client(endpoint))
}

fn build(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(not_built)
}

fn not_built(error: reqwest::Error) -> Error {
    Error::new(Kind::Usage, "cannot set up secure connections")
        .with_source(error)
        .with_hint(
            "install the system's trusted certificates (package ca-certificates), or set SSL_CERT_FILE to a PEM file of them",
        )
}

/// Makes headers of names and texts; a text that no header can hold is left out.
pub(crate) fn header_map(headers: &[(&'static str, String)]) -> HeaderMap {
    headers
        .iter()
        .filter_map(|(name, text)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(text).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        })
        .collect()
}
