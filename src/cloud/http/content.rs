//! Content on its way down: the second client, without a jar (protocol pages 1.6, 9.5).
//!
//! Comes in: an absolute address that the service handed out, which is itself the credential. Goes
//! out: bytes. Every address, and every address that an answer points on to, is checked before
//! anything is sent. The address is never logged or shown; only its host is.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

use log::trace;
use reqwest::{
    Response, Url,
    header::{CONTENT_RANGE, HeaderMap, LOCATION, RANGE, RETRY_AFTER},
};

use super::{
    Api,
    failure::{failure, no_answer},
    lines::{Body, Ended, Worth},
    transport::{Transport, header_map},
};
use crate::{
    cloud::{
        Content,
        answer::{self, Reason},
        endpoint::place,
    },
    error::{Error, Kind, Result},
    stop::stopped,
};

/// Hops that a download follows.
const HOPS: u32 = 5;

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
}

pub(super) fn headers(wire: &Transport) -> HeaderMap {
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
        let sent = (wire.lines).wait(request.send(), wire.pace.stall, Worth::Little);
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(failure(&error.without_url(), "download", &url).into_error());
            }
            Err(Ended::Late) => return Err(no_answer("download", &url)),
            Err(Ended::Stopped) => return Err(stopped()),
        };
        let status = response.status().as_u16();
        trace!(
            "GET content of {} -> {status}, {} ms",
            place(&url),
            start.elapsed().as_millis()
        );
        match status {
            200 => return Ok(content(wire, response, 0)),
            206 => {
                let at = range_start(response.headers());
                if at != Some(from) {
                    return Err(Error::new(
                        Kind::Protocol,
                        "download: the answer is for another range than was asked for",
                    ));
                }
                return Ok(content(wire, response, from));
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
            _ => {
                let headers = response.headers().clone();
                let mut body = Vec::new();
                let mut words = body_of(wire, response).take(4096);
                if words.read_to_end(&mut body).is_err() {
                    body.clear();
                }
                return Err(refused(wire, "download", status, &headers, &body));
            }
        }
    }
    Err(Error::new(
        Kind::Protocol,
        format!("download: more than {HOPS} redirects"),
    ))
}

/// While content is waited for, so much of it has to come in each limit of waiting (two minutes, so half a KiB a second): in drips it
/// might never end, and that nothing comes is no worse.
const LEAST_BYTES: u64 = 64 * 1024;

/// A body that comes at a pace. Counted is the time in which it is waited for, so that a bound on the bandwidth is none.
struct Steady<R> {
    body: R,
    /// The limit of waiting.
    window: Duration,
    waited: Duration,
    come: u64,
}

impl<R: Read> Read for Steady<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let asked = Instant::now();
        let count = self.body.read(buffer)?;
        self.waited += asked.elapsed();
        self.come += count as u64;
        if count > 0 && self.waited >= self.window {
            if self.come < LEAST_BYTES {
                let (come, waited) = (self.come, self.waited.as_millis());
                let text = format!("it came too slowly: {come} bytes in {waited} ms");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            (self.waited, self.come) = (Duration::ZERO, 0);
        }
        Ok(count)
    }
}

fn content(wire: &Transport, response: Response, offset: u64) -> Content {
    let length = response.content_length();
    Content {
        body: Box::new(Steady {
            body: body_of(wire, response),
            window: wire.pace.stall,
            waited: Duration::ZERO,
            come: 0,
        }),
        offset,
        length,
    }
}

fn body_of(wire: &Transport, response: Response) -> Body {
    wire.lines.body(response, wire.pace.stall, Worth::Little)
}

/// The first byte of `Content-Range: bytes 5-9/10`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (start, _) = text.trim().strip_prefix("bytes ")?.split_once('-')?;
    start.trim().parse().ok()
}

/// Makes an error of a content host's answer. Of its body only an error's words are taken.
pub(super) fn refused(
    wire: &Transport,
    what: &str,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let asked = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| answer::retry_after(value, jiff::Timestamp::now()));
    let reason = Reason::read(body);
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

#[cfg(test)]
mod fuzz;
