//! The one request helper: every call to the service goes through an [`Api`].
//!
//! Comes in: which host, which call, a body, and whether it changes anything. Goes out: the parsed
//! answer, or an error whose [`Kind`] says what may be done next. In between: headers, common query,
//! cookies, the rate bound, retries as protocol page 11.1 allows, one shared re-login when the
//! session ends, and one shared unlocking of protected data.
//!
//! What it never does: repeat a write that may have been applied (that is [`Kind::Lost`]), follow a
//! redirect with cookies, send anything to a host that is not the service's, or log an address's
//! query, a cookie or a token.

mod content;
mod failure;
mod lines;
mod recover;
mod shape;
mod transport;
mod upload;
mod waits;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use log::warn;
use reqwest::{Method, Url};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

pub(crate) use self::waits::WAIT;
pub(crate) use crate::cloud::http::{
    failure::Failure,
    shape::{common_headers, common_url},
    transport::{Answer, Call, Transport, USER_AGENT, lock},
};
pub use crate::cloud::pace::Pace;
use crate::{
    cloud::{
        answer::{self, Reason, Verdict},
        http::{
            recover::{Course, Failed},
            shape::label,
        },
    },
    error::{Error, Kind, Result},
    stop::Stop,
};

/// What to do when the account takes nothing more.
pub(crate) const MAKE_ROOM: &str = "make room in iCloud: what is deleted there counts until it is gone from Recently Deleted too, and photos, mail and backups count as well; or get more storage. The next pass sends what is left";

/// Cookies that answers set are saved at most so often.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// Which of the service's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Host {
    /// Account and session (protocol page 5).
    Setup,
    /// Drive's metadata (page 8).
    Drivews,
    /// Drive's documents (page 9).
    Docws,
}

/// Whether a call changes anything on the service's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It only asks: it may be asked again.
    Read,
    /// It may change something: it is repeated only where the answer says that nothing was done.
    Write,
    /// As a write, and it rests on something that was read just before: it goes out at once or not at all. It waits for
    /// nothing and is never repeated; where nothing was done, and doing it all again may help, the error is `Busy`.
    AtOnce,
}

/// Where an account's data is, as the service told at sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// The account's number, digits; state is bound to it.
    pub dsid: String,
    /// This installation's own id.
    pub client_id: String,
    /// Base address of Drive's metadata.
    pub drivews: String,
    /// Base address of Drive's documents.
    pub docws: String,
}

/// Keeps an account signed in. The [`Api`] calls it from one thread at a time.
pub(crate) trait Keeper: Send + Sync {
    /// Signs in again without a person, and returns where the data is now.
    fn renew(&self, wire: &Transport, current: &Services) -> Result<Services>;

    /// Gets the cookies for protected data again (protocol page 6).
    fn unlock(&self, wire: &Transport, current: &Services) -> Result<()>;

    /// Saves what answers have set.
    fn keep(&self, wire: &Transport) -> Result<()>;
}

/// A signed-in connection to iCloud, shared by all threads.
pub struct Api {
    wire: Transport,
    keeper: Box<dyn Keeper>,
    session: RwLock<Arc<Session>>,
    renewal: Mutex<Failed>,
    unlocking: Mutex<Failed>,
    kept: Mutex<Instant>,
}

/// What requests are made with, and how often it was renewed.
struct Session {
    services: Services,
    /// Sign-ins since the program began.
    number: u64,
    /// Unlockings since the program began.
    unlocked: u64,
}

impl Api {
    pub(crate) fn new(wire: Transport, keeper: Box<dyn Keeper>, services: Services) -> Self {
        Self {
            wire,
            keeper,
            session: RwLock::new(Arc::new(Session {
                services,
                number: 0,
                unlocked: 0,
            })),
            renewal: Mutex::default(),
            unlocking: Mutex::default(),
            kept: Mutex::new(Instant::now()),
        }
    }

    /// Sends `body` as JSON and returns the parsed answer. `path_and_query` begins below the host's
    /// base and holds whatever the call itself needs; ids in it are percent-encoded by the caller.
    ///
    /// # Errors
    /// By kind: `Refused`, `NotFound` (404, 410, 412), `Exists` (a taken name), `Busy`, `Lost` (a
    /// write that may have been applied), `Temporary` (also all tries of a read), `SignIn`,
    /// `Protocol`, `Stopped`. The message holds the service's own words.
    pub fn post_json<T: DeserializeOwned>(
        &self,
        host: Host,
        path_and_query: &str,
        body: &(impl Serialize + ?Sized),
        effect: Effect,
    ) -> Result<T> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Error::new(Kind::Other, format!("{path_and_query}: cannot be written"))
                .with_source(error)
        })?;
        let read = |answer: &Answer| serde_json::from_slice(&answer.body);
        self.call(
            host,
            &Method::POST,
            path_and_query,
            Some(body),
            effect,
            read,
        )
    }

    /// Asks by GET and returns the parsed answer.
    ///
    /// # Errors
    /// As [`Self::post_json`].
    pub fn get_json<T: DeserializeOwned>(&self, host: Host, path_and_query: &str) -> Result<T> {
        let read = |answer: &Answer| serde_json::from_slice(&answer.body);
        self.call(host, &Method::GET, path_and_query, None, Effect::Read, read)
    }

    /// Asks by GET and returns the status of an answer that is good (2xx), whatever its body.
    ///
    /// # Errors
    /// As [`Self::post_json`].
    pub fn get_status(&self, host: Host, path_and_query: &str) -> Result<u16> {
        let read = |answer: &Answer| Ok(answer.status);
        self.call(host, &Method::GET, path_and_query, None, Effect::Read, read)
    }

    /// Returns the signed-in account's number; state is bound to it (hazard 17).
    pub fn dsid(&self) -> String {
        self.session().services.dsid.clone()
    }

    /// Returns how many requests were made, those of signing in and of content included.
    pub fn requests(&self) -> u64 {
        self.wire.requests()
    }

    /// Returns how many requests were made, by the name of the call.
    pub fn requests_by_label(&self) -> BTreeMap<String, u64> {
        self.wire.by_label()
    }

    /// Fills the retry budget again; a pass does so when it begins.
    pub fn begin_pass(&self) {
        self.wire.budget.refill();
    }

    /// Waits so many seconds (of the test's pace, in tests), or until the run is stopped.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn pause(&self, seconds: u32) -> Result<()> {
        self.wire.stop.wait(self.wire.pace.second * seconds)
    }

    /// Waits before something is tried again after its `n`th failure in a row, from 0, and takes one retry of the pass's
    /// budget. A `Retry-After` holds all threads.
    ///
    /// # Errors
    /// `why`, where it was tried often enough, the budget is used up, or the service asks for too long a wait;
    /// `Stopped`.
    pub fn again(&self, n: u32, why: Error) -> Result<()> {
        self.wire.again(n, why)
    }

    /// Returns how often the service has refused because of the load (429, 503).
    pub fn refusals(&self) -> u64 {
        self.wire.refusals()
    }

    /// Returns the stop flag that all waits look at.
    pub fn stop(&self) -> &Stop {
        &self.wire.stop
    }

    /// Saves cookies that answers have set since they were last saved.
    ///
    /// # Errors
    /// `Local`, `DiskFull`.
    pub fn keep_session(&self) -> Result<()> {
        if self.wire.jar.is_dirty() {
            self.keeper.keep(&self.wire)?;
        }
        Ok(())
    }

    fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn call<T>(
        &self,
        host: Host,
        method: &Method,
        path_and_query: &str,
        body: Option<Vec<u8>>,
        effect: Effect,
        read: impl Fn(&Answer) -> serde_json::Result<T>,
    ) -> Result<T> {
        let label = label(path_and_query);
        let of_share = concerns_share(path_and_query, body.as_deref());
        let mut body = body;
        let mut course = Course::default();
        loop {
            self.wire.stop.check()?;
            let session = self.session();
            let line = self.wire.line();
            let call = Call {
                method: method.clone(),
                url: self.url(host, &session.services, path_and_query)?,
                label: &label,
                headers: common_headers(&self.wire, body.is_some()),
                body: body.take(),
                limit: self.limit(&label, effect),
                at_once: effect == Effect::AtOnce,
                is_write: effect != Effect::Read,
            };
            let outcome = self.wire.exchange(&call);
            body = call.body;
            self.keep_now_and_then();
            let answer = match outcome {
                Ok(answer) => answer,
                Err(Failure::Unsent(error)) if effect == Effect::AtOnce => {
                    return Err(not_done(&error));
                }
                Err(Failure::Final(error) | Failure::Unsent(error)) => return Err(error),
                Err(Failure::Vast(error)) if effect == Effect::Read => return Err(error),
                Err(Failure::Lost(error) | Failure::Vast(error)) => {
                    self.stumbled(&mut course, effect, error)?;
                    continue;
                }
            };
            let (status, reason) = verdict_input(&answer);
            let mut verdict = answer::judge(status, &reason, answer.retry_after());
            // Elsewhere it means "too many requests" (protocol page 7); of what is somebody else's it may mean what it says.
            if verdict == Verdict::Hold(None) && of_share && reason.says(&["ACCESS_DENIED"]) {
                verdict = Verdict::Refused(Kind::Refused);
            }
            let words = || format!("{label}: {}", reason.words(status));
            match verdict {
                Verdict::Good => match read(&answer) {
                    Ok(value) => return Ok(value),
                    Err(error) => self.unreadable(&mut course, effect, &label, &answer, error)?,
                },
                Verdict::Stumbled => {
                    let error = Error::new(Kind::Temporary, words());
                    self.stumbled(&mut course, effect, error)?;
                }
                Verdict::Busy => {
                    let error = Error::new(Kind::Busy, words());
                    if effect != Effect::Read {
                        // What has to be done again with it is known where the write was made.
                        return Err(error);
                    }
                    self.ask_again(&mut course, error)?;
                }
                Verdict::Hold(asked) => {
                    let error = Error::new(Kind::Temporary, words()).with_retry_after(asked);
                    self.hold(&mut course, asked, error)?;
                }
                Verdict::Session => self.refused(&mut course, &session, line, &words())?,
                Verdict::Pcs => self.locked(&mut course, &session, &words())?,
                Verdict::Refused(kind) => {
                    let mut error = refusal(kind, &label, status, &reason);
                    let is_json = || serde_json::from_slice::<IgnoredAny>(&answer.body).is_ok();
                    if status == 400 && is_json() {
                        error = error.as_bad_request();
                    }
                    let is_listing = label.starts_with("retrieveItemDetails");
                    if status == 400 && is_listing && error.hint().is_none() {
                        error = error.with_hint(NEW_ACCOUNT);
                    }
                    return Err(error);
                }
            }
            if effect == Effect::AtOnce {
                return Err(not_done(&Error::new(Kind::Temporary, words())));
            }
        }
    }

    fn replace(&self, session: Session) {
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(session);
    }

    fn keep_now_and_then(&self) {
        if !self.wire.jar.is_dirty() {
            return;
        }
        {
            let mut kept = lock(&self.kept);
            if kept.elapsed() < KEEP_EVERY {
                return;
            }
            *kept = Instant::now();
        }
        if let Err(error) = self.keeper.keep(&self.wire) {
            warn!("cannot save the session: {}", error.chain());
        }
    }

    fn limit(&self, label: &str, effect: Effect) -> Duration {
        if effect != Effect::Read || label.starts_with("retrieveItemDetails") {
            self.wire.pace.listing
        } else {
            self.wire.pace.other
        }
    }

    fn url(&self, host: Host, services: &Services, path_and_query: &str) -> Result<Url> {
        let setup;
        let base = match host {
            Host::Setup => {
                setup = self.wire.endpoint.setup();
                &setup
            }
            Host::Drivews => &services.drivews,
            Host::Docws => &services.docws,
        };
        common_url(&self.wire, base, path_and_query, services)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if let Err(error) = self.keep_session() {
            warn!("cannot save the session: {}", error.chain());
        }
    }
}

/// Makes the error of what was not done, and has to be begun from what it rests on.
fn not_done(error: &Error) -> Error {
    Error::new(Kind::Busy, error.to_string()).with_source(error.clone())
}

/// Returns whether a request is about what another account shares: it names the share, or who shares it (protocol page 8.9).
fn concerns_share(path: &str, body: Option<&[u8]>) -> bool {
    const NAME: &[u8] = b"\"shareID\"";
    ["/upload/web/", "/update/shared/", "/download/by_id/", "%3A"]
        .iter()
        .any(|part| path.contains(part))
        || body.is_some_and(|body| body.windows(NAME.len()).any(|part| part == NAME))
}

/// The status and the words to judge by; an error inside a 200 counts as what it says it is.
fn verdict_input(answer: &Answer) -> (u16, Reason) {
    if (200..300).contains(&answer.status) {
        return answer::hidden_error(&answer.body).unwrap_or((answer.status, Reason::default()));
    }
    (answer.status, Reason::read(&answer.body))
}

/// Protocol page 7: Drive of such an account answers 400 for five to thirty minutes.
const NEW_ACCOUNT: &str = "an account that is new, or that has never signed in here, can be refused so at first: try again in half an hour";

fn refusal(kind: Kind, label: &str, status: u16, reason: &Reason) -> Error {
    if reason.says(&["QUOTA", "quota", "storage is used up"]) {
        // The service's words for it add nothing.
        let text = format!("the account's iCloud storage is full ({label}: status {status})");
        return Error::new(Kind::DiskFull, text).with_hint(MAKE_ROOM);
    }
    let error = Error::new(kind, format!("{label}: {}", reason.words(status)));
    if reason.says(&["ZONE_NOT_FOUND", "AUTHENTICATION_FAILED"]) {
        return error.with_hint(
            "iCloud Drive seems not to be set up for this account; open it once at www.icloud.com",
        );
    }
    error
}

#[cfg(test)]
mod tests;
