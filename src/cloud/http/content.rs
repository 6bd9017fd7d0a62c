//! Content, both ways: the second client, without a jar (protocol pages 1.6, 9.5, 9.7).
//!
//! Comes in: an absolute address that the service handed out, which is itself the credential. Goes
//! out: bytes. Every address, and every address that an answer points on to, is checked before
//! anything is sent. The address is never logged or shown; only its host is.

use std::{
    io::{self, Read},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use log::trace;
use reqwest::{
    Url,
    blocking::{Body, Response},
    header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, LOCATION, RANGE},
};

use super::{
    Api,
    failure::failure,
    transport::{Transport, header_map, lock},
};
use crate::{
    cloud::{
        Content,
        answer::{self, Reason},
        endpoint::place,
    },
    error::{Error, Kind, Result},
};

/// Hops that a download follows.
const HOPS: u32 = 5;

/// The answer to an upload is a few hundred bytes.
const LARGEST_RECEIPT: u64 = 1 << 20;

/// What an upload may take however small it is; only ends threads of uploads that were given up.
const LONGEST: Duration = Duration::from_secs(3600);

/// An upload that moves slower than this over its whole length is ended, in bytes a second.
const SLOWEST: u64 = 512;

impl Api {
    /// Fetches content from byte `from` on, up to and not including `until`. It is tried once: the caller knows how far
    /// it has come.
    ///
    /// # Errors
    /// `Refused` where the address has expired (403, 404, 410): ask for a new one; `Changed` where the
    /// content ends before `from`; `Protocol` for a host that is not the service's (nothing is sent
    /// there) or an answer for another range; `Temporary`; `Stopped`.
    pub fn content_get(&self, address: &str, from: u64, until: Option<u64>) -> Result<Content> {
        let url = self.wire.endpoint.content(address)?;
        self.wire.hold.wait(&self.wire.stop)?;
        get(&self.wire, &url, from, until)
    }

    /// Sends exactly `length` bytes of `body` and returns the answer's body. It is tried once: the
    /// caller has the content, and opens it again. Nothing is visible before the commit, so no error
    /// here is `Lost`.
    ///
    /// # Errors
    /// `Changed` where `body` ends early; `Local` where reading it fails; `Refused` where the address
    /// has expired or the content is refused; `Protocol` for a host that is not the service's;
    /// `Temporary`; `Stopped`.
    pub fn content_post(
        &self,
        address: &str,
        length: u64,
        content_type: &str,
        body: impl Read + Send + 'static,
    ) -> Result<Vec<u8>> {
        let url = self.wire.endpoint.content(address)?;
        self.wire.hold.wait(&self.wire.stop)?;
        self.wire.stop.check()?;
        self.wire.count("content up");
        let watch = Arc::new(Watch::default());
        let request = self
            .wire
            .content
            .post(url.clone())
            .headers(headers(&self.wire))
            .header(CONTENT_TYPE, content_type)
            .timeout(LONGEST + Duration::from_secs(length / SLOWEST));
        let request = if length == 0 {
            // A body of no bytes would be sent without a length; it must say 0.
            request.header(CONTENT_LENGTH, "0")
        } else {
            request.body(Body::sized(
                Watched {
                    body,
                    left: length,
                    watch: Arc::clone(&watch),
                },
                length,
            ))
        };
        let start = Instant::now();
        // On a thread of its own, so that an upload which no longer moves can be given up: the time
        // limit of the client counts from the start and would have to be longer than any upload.
        let (tell, told) = mpsc::channel();
        thread::Builder::new()
            .name("upload".to_owned())
            .spawn(move || {
                let outcome = request.send();
                // Nobody listens any more where the upload was given up.
                let _given_up = tell.send(outcome).is_err();
            })
            .map_err(|error| Error::io("cannot start a thread for an upload", error))?;
        let outcome = wait(&told, &watch, self.wire.pace.stall);
        if let Some(error) = lock(&watch.error).take() {
            return Err(Error::io("cannot read the content to send", error));
        }
        if watch.is_short.load(Ordering::SeqCst) {
            return Err(Error::new(
                Kind::Changed,
                format!("the content ended before its {length} bytes"),
            ));
        }
        let response = match outcome {
            Some(Ok(response)) => response,
            Some(Err(error)) => {
                return Err(failure(&error.without_url(), "upload", &url).into_error());
            }
            None => {
                return Err(Error::new(
                    Kind::Temporary,
                    format!("upload: nothing moved any more to {}", place(&url)),
                ));
            }
        };
        receipt(&self.wire, response, &url, start)
    }
}

/// What is known of an upload while it runs.
#[derive(Default)]
struct Watch {
    moved: AtomicU64,
    /// The source is being read: it may wait for its share of the bandwidth.
    is_reading: AtomicBool,
    is_short: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

/// Content that counts what was taken of it, and never gives more than was announced.
struct Watched<R> {
    body: R,
    left: u64,
    watch: Arc<Watch>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(part) = buffer.get_mut(..most) else {
            return Ok(0);
        };
        if part.is_empty() {
            return Ok(0);
        }
        loop {
            self.watch.is_reading.store(true, Ordering::SeqCst);
            let outcome = self.body.read(part);
            self.watch.is_reading.store(false, Ordering::SeqCst);
            match outcome {
                Ok(0) => {
                    self.watch.is_short.store(true, Ordering::SeqCst);
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
                Ok(count) => {
                    self.left -= count as u64;
                    self.watch.moved.fetch_add(count as u64, Ordering::SeqCst);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    *lock(&self.watch.error) = Some(error);
                    return Err(io::Error::from(kind));
                }
            }
        }
    }
}

/// Waits for an upload's outcome, as long as it moves.
fn wait<T>(told: &mpsc::Receiver<T>, watch: &Watch, stall: Duration) -> Option<T> {
    let mut moved = 0;
    let mut since = Instant::now();
    loop {
        match told.recv_timeout(stall.min(Duration::from_secs(1))) {
            Ok(outcome) => return Some(outcome),
            Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let now = watch.moved.load(Ordering::SeqCst);
                if now != moved || watch.is_reading.load(Ordering::SeqCst) {
                    moved = now;
                    since = Instant::now();
                } else if since.elapsed() >= stall {
                    return None;
                }
            }
        }
    }
}

fn headers(wire: &Transport) -> HeaderMap {
    let home = wire.endpoint.home();
    header_map(&[
        ("accept", "*/*".to_owned()),
        ("origin", home.to_owned()),
        ("referer", format!("{home}/")),
    ])
}

fn get(wire: &Transport, first: &Url, from: u64, until: Option<u64>) -> Result<Content> {
    let mut url = first.clone();
    for _ in 0..=HOPS {
        wire.stop.check()?;
        wire.count("content down");
        let mut request = wire.content.get(url.clone()).headers(headers(wire));
        match until {
            Some(until) => {
                let last = until.saturating_sub(1);
                request = request.header(RANGE, format!("bytes={from}-{last}"));
            }
            None if from > 0 => request = request.header(RANGE, format!("bytes={from}-")),
            None => {}
        }
        let start = Instant::now();
        let response = request
            .send()
            .map_err(|error| failure(&error.without_url(), "download", &url).into_error())?;
        let status = response.status().as_u16();
        trace!(
            "GET content of {} -> {status}, {} ms",
            place(&url),
            start.elapsed().as_millis()
        );
        match status {
            200 => return Ok(content(response, 0)),
            206 => {
                let at = range_start(response.headers());
                if at != Some(from) {
                    return Err(Error::new(
                        Kind::Protocol,
                        "download: the answer is for another range than was asked for",
                    ));
                }
                return Ok(content(response, from));
            }
            // 330 is the content host's own (protocol page 9.5).
            300..=399 => {
                let target = response
                    .headers()
                    .get(LOCATION)
                    .and_then(|value| value.to_str().ok())
                    .and_then(|target| url.join(target).ok());
                let Some(target) = target else {
                    return Err(Error::new(
                        Kind::Protocol,
                        format!("download: status {status} that leads nowhere"),
                    ));
                };
                url = wire.endpoint.content(target.as_str())?;
            }
            416 => {
                return Err(Error::new(
                    Kind::Changed,
                    format!("download: the content has no byte {from}"),
                ));
            }
            _ => return Err(refused(wire, "download", response)),
        }
    }
    Err(Error::new(
        Kind::Protocol,
        format!("download: more than {HOPS} redirects"),
    ))
}

fn content(response: Response, offset: u64) -> Content {
    let length = response.content_length();
    Content {
        body: Box::new(response),
        offset,
        length,
    }
}

/// The first byte of `Content-Range: bytes 5-9/10`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (start, _) = text.trim().strip_prefix("bytes ")?.split_once('-')?;
    start.trim().parse().ok()
}

/// Makes an error of a content host's answer. Of its body only an error's words are taken.
fn refused(wire: &Transport, what: &str, response: Response) -> Error {
    let status = response.status().as_u16();
    let asked = response
        .headers()
        .get(reqwest::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| answer::retry_after(value, jiff::Timestamp::now()));
    let mut body = Vec::new();
    let read = response.take(4096).read_to_end(&mut body);
    let reason = match read {
        Ok(_) => Reason::read(&body),
        Err(_) => Reason::default(),
    };
    let kind = match status {
        408 | 429 | 500..=599 => Kind::Temporary,
        400..=499 => Kind::Refused,
        _ => Kind::Protocol,
    };
    let error = Error::new(kind, format!("{what}: {}", reason.words(status)));
    if matches!(status, 429 | 503) {
        return wire.had_enough(error, asked);
    }
    error
}

fn receipt(wire: &Transport, response: Response, url: &Url, start: Instant) -> Result<Vec<u8>> {
    let status = response.status().as_u16();
    trace!(
        "POST content to {} -> {status}, {} ms",
        place(url),
        start.elapsed().as_millis()
    );
    if !(200..300).contains(&status) {
        return Err(refused(wire, "upload", response));
    }
    let mut body = Vec::new();
    response
        .take(LARGEST_RECEIPT)
        .read_to_end(&mut body)
        .map_err(|error| {
            Error::new(Kind::Temporary, "upload: the answer broke off").with_source(error)
        })?;
    Ok(body)
}
