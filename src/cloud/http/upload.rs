//! Content on its way up (protocol page 9.7).
//!
//! Comes in: an address that the service handed out, and a reader. Goes out: the bytes, and the answer's body. The caller's
//! thread reads, in pieces large enough that handing them over costs nothing; the thread of all connections sends them. An
//! upload that no longer moves is given up, however long it may take as a whole. Nothing is tried again here: the caller
//! has the content, and opens it again.

use std::{
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use log::trace;
use reqwest::{
    Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap},
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    Api,
    content::{headers, refused},
    failure::failure,
    lines::{Ended, Lines, Worth},
};
use crate::{
    cloud::endpoint::place,
    error::{Error, Kind, Result},
    stop::stopped,
};

/// Bytes that are handed over at a time.
const PIECE: usize = 64 * 1024;
/// Pieces that may wait to be sent.
const AHEAD: usize = 2;
/// The answer to an upload is a few hundred bytes.
const LARGEST_RECEIPT: usize = 1 << 20;
/// What an upload may take however small it is.
const LONGEST: Duration = Duration::from_secs(3600);
/// An upload that moves slower than this over its whole length is ended, in bytes a second.
const SLOWEST: u64 = 512;

/// An answer, whole.
struct Receipt {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

type Told = std::result::Result<Receipt, reqwest::Error>;

impl Api {
    /// Sends exactly `length` bytes of `body` and returns the answer's body. It is tried once. Nothing is visible before
    /// the commit, so no error here is `Lost`.
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
        body: impl Read,
    ) -> Result<Vec<u8>> {
        let url = self.wire.endpoint.content(address)?;
        self.wire.hold.wait(&self.wire.stop)?;
        self.wire.stop.check()?;
        self.wire.count("content up");
        let (pieces, rest) = mpsc::channel(AHEAD);
        let lines = &self.wire.lines;
        let request = (self.wire)
            .content
            .post(url.clone())
            .headers(headers(&self.wire))
            .header(CONTENT_TYPE, content_type)
            .timeout(LONGEST + Duration::from_secs(length / SLOWEST));
        let request = if length == 0 {
            // A body of no bytes would be sent without a length; it must say 0.
            request.header(CONTENT_LENGTH, "0")
        } else {
            request.body(reqwest::Body::wrap(Piped { rest, left: length }))
        };
        let start = Instant::now();
        let mut task = lines.handle.spawn(async move {
            let response = request.send().await?;
            receipt(response).await
        });
        let stall = self.wire.pace.stall;
        let told =
            pour(body, length, &pieces, lines, stall).and_then(|()| wait(&mut task, lines, stall));
        let receipt = match told {
            Ok(Some(Ok(receipt))) => receipt,
            Ok(Some(Err(error))) => {
                return Err(failure(&error.without_url(), "upload", &url).into_error());
            }
            Ok(None) => {
                task.abort();
                return Err(Error::new(
                    Kind::Temporary,
                    format!("upload: nothing moved any more to {}", place(&url)),
                ));
            }
            Err(error) => {
                task.abort();
                return Err(error);
            }
        };
        trace!(
            "POST content to {} -> {}, {} ms",
            place(&url),
            receipt.status,
            start.elapsed().as_millis()
        );
        if (200..300).contains(&receipt.status) {
            return Ok(receipt.body);
        }
        let (status, headers) = (receipt.status, &receipt.headers);
        Err(refused(
            &self.wire,
            "upload",
            status,
            headers,
            &receipt.body,
        ))
    }
}

/// Hands the content over, as long as it is taken. Where it is no longer taken the outcome tells why; what nobody takes in
/// time ends as an outcome that does not come.
fn pour(
    mut body: impl Read,
    length: u64,
    pieces: &mpsc::Sender<Bytes>,
    lines: &Lines,
    stall: Duration,
) -> Result<()> {
    let mut left = length;
    let mut buffer = BytesMut::new();
    while left > 0 {
        let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        buffer.resize(most, 0);
        let count = match body.read(&mut buffer) {
            Ok(0) => {
                let text = format!("the content ended before its {length} bytes");
                return Err(Error::new(Kind::Changed, text));
            }
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io("cannot read the content to send", error)),
        };
        left -= count as u64;
        let piece = buffer.split_to(count).freeze();
        match lines.wait(pieces.send(piece), stall, Worth::Little) {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(Ended::Late) => return Ok(()),
            Err(Ended::Stopped) => return Err(stopped()),
        }
    }
    Ok(())
}

/// Waits for an upload's outcome; `None` where it does not come in time.
fn wait(task: &mut JoinHandle<Told>, lines: &Lines, stall: Duration) -> Result<Option<Told>> {
    // Nothing is visible before the commit: what becomes of it without one is of no account.
    match lines.wait(task, stall, Worth::Little) {
        Ok(Ok(told)) => Ok(Some(told)),
        Ok(Err(error)) => {
            Err(Error::new(Kind::Other, "an upload ended unexpectedly").with_source(error))
        }
        Err(Ended::Late) => Ok(None),
        Err(Ended::Stopped) => Err(stopped()),
    }
}

async fn receipt(mut response: Response) -> Told {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = LARGEST_RECEIPT - body.len();
        body.extend(chunk.iter().take(room));
        if body.len() == LARGEST_RECEIPT {
            break;
        }
    }
    Ok(Receipt {
        status,
        headers,
        body,
    })
}

/// A body whose pieces come from another thread.
struct Piped {
    rest: mpsc::Receiver<Bytes>,
    left: u64,
}

impl Body for Piped {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.rest.poll_recv(context).map(|piece| match piece {
            Some(piece) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Some(Ok(Frame::data(piece)))
            }
            None if self.left == 0 => None,
            None => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
