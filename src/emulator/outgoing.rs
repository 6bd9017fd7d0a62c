//! Responses as they go over the wire: read piece by piece, whole or cut.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::call::{Payload, Reply};

/// Bytes of a content that are read at a time.
const PIECE: usize = 256 * 1024;

/// Bytes of a body without an end at a time, if it comes slowly.
const DROP: usize = 16;

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    Half,
    /// After the half that was sent.
    Cut,
    Unsized,
    /// More of its last piece for ever, with so many milliseconds in between.
    Never(u64),
}

/// Makes the HTTP response of an answer.
pub(super) fn respond(reply: Reply, ending: Ending) -> Response<Outgoing> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        // Names with odd characters stay out of headers rather than break the answer.
        if let Ok(value) = hyper::header::HeaderValue::from_str(value) {
            response = response.header(*name, value);
        }
    }
    let length = reply.body.length();
    let body = Outgoing {
        payload: reply.body,
        at: 0,
        until: if ending == Ending::Half {
            length / 2
        } else {
            length
        },
        length,
        ending,
        wait: None,
    };
    response
        .body(body)
        .unwrap_or_else(|_| Response::new(Outgoing::from_bytes(Bytes::new())))
}

/// The body of a response, read piece by piece.
pub(super) struct Outgoing {
    payload: Payload,
    at: u64,
    until: u64,
    length: u64,
    ending: Ending,
    /// Until the next piece of a body without an end.
    wait: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    pub(super) fn from_bytes(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        Self {
            payload: Payload::Bytes(bytes),
            at: 0,
            until: length,
            length,
            ending: Ending::Whole,
            wait: None,
        }
    }

    /// The next piece of a body without an end, once it is time for it.
    fn more(&mut self, ms: u64, context: &mut Context<'_>) -> Poll<Bytes> {
        if ms == 0 {
            return Poll::Ready(Bytes::from(vec![b' '; PIECE]));
        }
        let due = Duration::from_millis(ms);
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(due)));
        wait.as_mut().poll(context).map(|()| {
            self.wait = None;
            Bytes::from_static(&[b' '; DROP])
        })
    }

    fn piece(&self) -> io::Result<Bytes> {
        let left = usize::try_from(self.until - self.at).unwrap_or(usize::MAX);
        match &self.payload {
            Payload::Bytes(bytes) => {
                let from = usize::try_from(self.at)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                Ok(bytes.slice(from..from.saturating_add(left.min(PIECE)).min(bytes.len())))
            }
            Payload::Blob { blob, from, .. } => blob.read(from + self.at, left.min(PIECE)),
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.at >= self.until {
            let (ending, next) = match self.ending {
                Ending::Half => (Poll::Pending, Ending::Cut),
                Ending::Cut => (
                    Poll::Ready(Some(Err(io::Error::other("cut on command")))),
                    Ending::Whole,
                ),
                Ending::Whole | Ending::Unsized => return Poll::Ready(None),
                Ending::Never(ms) => {
                    return self
                        .more(ms, context)
                        .map(|piece| Some(Ok(Frame::data(piece))));
                }
            };
            self.ending = next;
            if ending.is_pending() {
                // Being asked again, after what there is has been sent.
                context.waker().wake_by_ref();
            }
            return ending;
        }
        let piece = self.piece();
        match &piece {
            Ok(bytes) if bytes.is_empty() => {
                return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
            }
            Ok(bytes) => self.at += bytes.len() as u64,
            Err(_) => {}
        }
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.until && matches!(self.ending, Ending::Whole | Ending::Unsized)
    }

    fn size_hint(&self) -> SizeHint {
        match self.ending {
            Ending::Unsized | Ending::Never(_) => SizeHint::default(),
            Ending::Whole | Ending::Half | Ending::Cut => {
                SizeHint::with_exact(self.length - self.at)
            }
        }
    }
}
