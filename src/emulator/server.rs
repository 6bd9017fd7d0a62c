//! The HTTP server: threads, listeners, connections. What becomes of a request is in `travel`.
//!
//! A thread accepts connections and hands them to a few workers, each with a runtime of its own; key derivation and long contents go
//! to blocking threads beside them, so that many requests are under way at once.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::call::Bases;
use super::fault::{Faults, Hooks};
use super::log::Log;
use super::travel::answer;
use super::world::World;
use super::{control, proxy, route};

/// Threads that serve connections.
const WORKERS: usize = 4;

/// What all threads share.
pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) log: Mutex<Log>,
    pub(super) faults: Mutex<Faults>,
    pub(super) hooks: Mutex<Hooks>,
    /// Zones with a write under way, by account.
    pub(super) writing: Mutex<HashSet<(String, String)>>,
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
