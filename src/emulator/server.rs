//! The HTTP server: threads, connections, and the way of one request through latency, hooks, faults, handler and log.
//!
//! A thread accepts connections and hands them to a few workers, each with a runtime of its own; key derivation and long contents go
//! to blocking threads beside them, so that many requests are under way at once. The world's lock is held while a handler makes
//! its answer, never while something waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::call::{Bases, Call, Payload, Reply, zone_busy};
use super::fault::{Action, Faults, Hooks, Seen, When};
use super::log::{Host, Log, LogEntry};
use super::route::{self, Handler};
use super::spoil::{self, Sent};
use super::switches::ZoneBusy;
use super::util::{now_ms, query_pairs};
use super::world::World;
use super::{control, fault, proxy, setup};

/// Threads that serve connections.
const WORKERS: usize = 4;
/// Bytes of a content that are read at a time.
const PIECE: usize = 256 * 1024;

/// What all threads share.
pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) log: Mutex<Log>,
    pub(super) faults: Mutex<Faults>,
    pub(super) hooks: Mutex<Hooks>,
    /// Zones with a write under way, by account.
    writing: Mutex<HashMap<(String, String), ()>>,
    pub(super) origin: String,
    stop: AtomicBool,
}

/// A lock that a panic elsewhere does not close.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(world: World, origin: String) -> Self {
        Self {
            world: Mutex::new(world),
            log: Mutex::default(),
            faults: Mutex::default(),
            hooks: Mutex::default(),
            writing: Mutex::default(),
            origin,
            stop: AtomicBool::new(false),
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

/// How a connection came.
#[derive(Clone)]
pub(super) enum Via {
    Direct,
    Proxy(Arc<proxy::Authority>),
}

/// The running threads.
pub(super) struct Threads {
    accepting: Vec<(JoinHandle<()>, SocketAddr)>,
    workers: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Serves the listeners until [`Threads::stop`].
    pub(super) fn start(
        shared: &Arc<Shared>,
        listeners: Vec<(TcpListener, Via)>,
    ) -> io::Result<Self> {
        let mut senders = Vec::new();
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            let (sender, receiver) = unbounded_channel();
            let shared = Arc::clone(shared);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let name = format!("emulator-{number}");
            workers.push(thread::Builder::new().name(name).spawn(move || {
                runtime.block_on(serve_all(shared, receiver));
                // A hook of a test may still wait for something.
                runtime.shutdown_timeout(Duration::from_secs(1));
            })?);
            senders.push(sender);
        }
        let mut accepting = Vec::new();
        for (listener, via) in listeners {
            let address = listener.local_addr()?;
            let (shared, senders) = (Arc::clone(shared), senders.clone());
            let name = "emulator-accept".to_owned();
            let thread = thread::Builder::new()
                .name(name)
                .spawn(move || accept(&shared, &listener, &via, &senders))?;
            accepting.push((thread, address));
        }
        Ok(Self { accepting, workers })
    }

    /// Ends all threads; connections under way are cut.
    pub(super) fn stop(&mut self, shared: &Shared) {
        shared.stop.store(true, Ordering::SeqCst);
        for (thread, address) in self.accepting.drain(..) {
            // Wakes the thread, which then sees the flag; a refused connection means that it is gone already.
            drop(TcpStream::connect_timeout(&address, Duration::from_secs(1)));
            drop(thread.join());
        }
        for thread in self.workers.drain(..) {
            drop(thread.join());
        }
    }
}

type Accepted = (TcpStream, SocketAddr, Via);

fn accept(
    shared: &Shared,
    listener: &TcpListener,
    via: &Via,
    workers: &[UnboundedSender<Accepted>],
) {
    let mut next = workers.iter().cycle();
    while !shared.stop.load(Ordering::SeqCst) {
        let Ok((stream, peer)) = listener.accept() else {
            // Out of descriptors, say: others may close theirs.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let ready = stream
            .set_nonblocking(true)
            .and_then(|()| stream.set_nodelay(true));
        if ready.is_err() || shared.stop.load(Ordering::SeqCst) {
            continue;
        }
        if let Some(worker) = next.next()
            && worker.send((stream, peer, via.clone())).is_err()
        {
            return;
        }
    }
}

async fn serve_all(shared: Arc<Shared>, mut connections: UnboundedReceiver<Accepted>) {
    while let Some((stream, peer, via)) = connections.recv().await {
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            match via {
                Via::Direct => serve_direct(shared, stream, peer).await,
                Via::Proxy(authority) => proxy::serve(shared, authority, stream).await,
            }
        });
    }
}

async fn serve_direct(shared: Arc<Shared>, stream: tokio::net::TcpStream, peer: SocketAddr) {
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let path = request.uri().path();
            if let Some(rest) = path.strip_prefix("/_emulator") {
                let rest = rest.to_owned();
                return control::serve(&shared, request, &rest, peer).await;
            }
            let (host, rest) = route::direct(path);
            let rest = rest.to_owned();
            let bases = Bases::Direct(shared.origin.clone());
            answer(shared, request, host, rest, bases).await
        }
    });
    // Ends with an error when a client goes away or a fault cuts the connection: neither is news.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

/// Reads a body as far as it comes.
pub(super) async fn read_body(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let expected = body
        .size_hint()
        .exact()
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(0);
    let mut out = Vec::with_capacity(expected.min(1 << 30));
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            out.extend_from_slice(&data);
        }
    }
    Ok(out.into())
}

/// Answers one request to the service.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    host: Host,
    path: String,
    bases: Bases,
) -> Result<Response<Outgoing>, io::Error> {
    let at_ms = now_ms();
    let (head, body) = request.into_parts();
    let body = read_body(body).await.map_err(io::Error::other)?;
    let method = head.method.to_string();
    let query = head.uri.query().unwrap_or_default();
    let call = Call {
        host,
        endpoint: route::label(host, &method, &path),
        method,
        query: query_pairs(query),
        path,
        headers: head.headers,
        body,
        bases,
    };
    let entry = begin_entry(&call, at_ms);
    let sent = travel(&shared, Arc::new(call)).await;
    let (status, received) = match &sent {
        Sent::Whole(reply) | Sent::Half(reply) | Sent::Unsized(reply) => {
            (reply.status, reply.body.length())
        }
        Sent::Nothing => (0, 0),
    };
    lock(&shared.log).push(LogEntry {
        status,
        received,
        ..entry
    });
    match sent {
        Sent::Nothing => Err(io::Error::other("dropped on command")),
        Sent::Whole(reply) => Ok(respond(reply, Ending::Whole)),
        Sent::Half(reply) => Ok(respond(reply, Ending::Half)),
        Sent::Unsized(reply) => Ok(respond(reply, Ending::Unsized)),
    }
}

/// The entry of the log as far as it is known at first.
fn begin_entry(call: &Call, at_ms: i64) -> LogEntry {
    let json = (call.host != Host::Content).then(|| call.json()).flatten();
    let ids = match &json {
        Some(Value::Array(list)) => list.len(),
        Some(body) => ["items", "folders"]
            .iter()
            .find_map(|key| body.get(key).and_then(Value::as_array))
            .map_or(0, Vec::len),
        None => 0,
    };
    LogEntry {
        number: 0,
        at_ms,
        host: call.host,
        method: call.method.clone(),
        path: call.path.clone(),
        endpoint: call.endpoint,
        sent: call.body.len() as u64,
        received: 0,
        status: 0,
        ids,
        sent_cookies: call.cookies().next().is_some(),
        empty_cookie: call.cookies().any(|(_, value)| value.is_empty()),
        proxied: call.bases.proxied(),
    }
}

/// Takes a request through the zone lock, latency, hooks, faults and its handler.
async fn travel(shared: &Arc<Shared>, call: Arc<Call>) -> Sent {
    let zone = Writing::enter(shared, &call);
    let latency = shared.world().switches.latency_ms;
    pause(latency).await;
    let seen = Arc::new(seen(&call));
    run_hooks(shared, When::Before, &seen).await;
    let actions = {
        let mut world = shared.world();
        lock(&shared.faults).take(&seen, &mut world.rng)
    };
    for action in &actions {
        if let Action::Delay(ms) = action {
            pause(*ms).await;
        }
    }
    if let Some(sent) = actions
        .iter()
        .filter(|a| a.instead())
        .find_map(|a| spoil::instead(a, &call))
    {
        return sent;
    }
    if matches!(zone, Zone::Taken) {
        return Sent::Whole(zone_busy());
    }
    let mut reply = match route::handler(call.host, call.endpoint) {
        Handler::Quick(handle) => handle(&mut shared.world(), &call),
        Handler::Heavy(handle) => {
            let (shared, call) = (Arc::clone(shared), Arc::clone(&call));
            let done = tokio::task::spawn_blocking(move || handle(&shared, &call)).await;
            done.unwrap_or_else(|_| Reply::error(Host::Home, 500, "", "Internal error"))
        }
    };
    if matches!(call.host, Host::Setup | Host::Drivews | Host::Docws) && reply.status < 400 {
        setup::rotate(&mut shared.world(), &call, &mut reply);
    }
    run_hooks(shared, When::After, &seen).await;
    actions.iter().fold(Sent::Whole(reply), |sent, action| {
        spoil::afterwards(action, sent)
    })
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn seen(call: &Call) -> Seen {
    let query: Vec<String> = call
        .query
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let body = if call.host == Host::Content {
        String::new()
    } else {
        String::from_utf8_lossy(&call.body).into_owned()
    };
    Seen {
        endpoint: call.endpoint,
        path: format!("{}?{}", call.path, query.join("&")),
        body,
    }
}

async fn run_hooks(shared: &Arc<Shared>, when: When, seen: &Arc<Seen>) {
    let closures = lock(&shared.hooks).matching(when, seen.endpoint);
    if closures.is_empty() {
        return;
    }
    let seen = Arc::clone(seen);
    // On a thread where they may block. A panic in one is its test's affair.
    drop(tokio::task::spawn_blocking(move || fault::call(&closures, &seen)).await);
}

/// What the zone lock says to a request.
enum Zone {
    Free,
    Taken,
    /// Held until the answer is made.
    Held(#[expect(dead_code, reason = "releases the zone when it goes")] Writing),
}

/// A write under way in a zone.
struct Writing {
    shared: Arc<Shared>,
    key: (String, String),
}

impl Writing {
    fn enter(shared: &Arc<Shared>, call: &Call) -> Zone {
        if !route::WRITES.contains(&call.endpoint) {
            return Zone::Free;
        }
        let mut world = shared.world();
        let policy = world.switches.zone_busy;
        let chance = match policy {
            ZoneBusy::None => return Zone::Free,
            ZoneBusy::InFlight => 0.0,
            ZoneBusy::Random(p) => p,
        };
        let Ok(email) = setup::admit(&world, call) else {
            return Zone::Free;
        };
        let Some(zone) = zone_of(call) else {
            return Zone::Free;
        };
        if world.rng.chance(chance) {
            return Zone::Taken;
        }
        drop(world);
        let key = (email, zone);
        match lock(&shared.writing).entry(key.clone()) {
            Entry::Occupied(_) => Zone::Taken,
            Entry::Vacant(free) => {
                free.insert(());
                Zone::Held(Self {
                    shared: Arc::clone(shared),
                    key,
                })
            }
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        lock(&self.shared.writing).remove(&self.key);
    }
}

/// The zone that a write is about.
fn zone_of(call: &Call) -> Option<String> {
    if call.endpoint == "update/documents" {
        return Some(super::docws::zone_of(&call.path));
    }
    let body = call.json()?;
    let target = body.get("destinationDrivewsId");
    let first = body
        .get("items")
        .and_then(|items| items.get(0))
        .and_then(|item| item.get("drivewsid"));
    let id = target.or(first)?.as_str()?;
    id.split("::").nth(1).map(str::to_owned)
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Whole,
    Half,
    /// After the half that was sent.
    Cut,
    Unsized,
}

fn respond(reply: Reply, ending: Ending) -> Response<Outgoing> {
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
        }
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
            Ending::Unsized => SizeHint::default(),
            Ending::Whole | Ending::Half | Ending::Cut => {
                SizeHint::with_exact(self.length - self.at)
            }
        }
    }
}
