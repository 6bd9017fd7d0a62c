//! The numbers over HTTP: one thread, one path, a bearer token where one is set.
//!
//! Without a token only this machine's own addresses are listened on. A request that is not for the numbers is told so
//! and nothing else.

use std::{
    convert::Infallible,
    fmt,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use super::Numbers;
use crate::{
    auth::secret::Secret,
    error::{Error, Kind, Result},
};

/// Who does not send a whole request within this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the numbers are to be had, and by whom.
#[derive(Clone)]
pub struct Address {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The path, with its slash.
    pub path: String,
    /// What must be sent as `Authorization: Bearer …`.
    pub token: Option<Secret>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("path", &self.path)
            .field("has_token", &self.token.is_some())
            .finish()
    }
}

/// A running server; it ends when this is dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told so itself.
            drop(thread.join());
        }
    }
}

/// Serves what `numbers` returns.
///
/// # Errors
/// `Usage` where the address is not this machine's own and there is no token, or it can't be listened on.
pub fn serve(
    address: &Address,
    numbers: impl Fn() -> Numbers + Send + Sync + 'static,
) -> Result<Server> {
    if !address.host.is_loopback() && address.token.is_none() {
        let text = format!(
            "the metrics would be open to everybody who reaches {}",
            address.host
        );
        return Err(Error::new(Kind::Usage, text)
            .with_hint("set METRICS_TOKEN, or leave METRICS_HOST at 127.0.0.1"));
    }
    let wanted = SocketAddr::new(address.host, address.port);
    let refused = |error: std::io::Error| {
        Error::new(Kind::Usage, format!("cannot serve the metrics on {wanted}"))
            .with_source(error)
            .with_hint("choose another port with --metrics-port")
    };
    let listener = TcpListener::bind(wanted).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(refused)?;
    let (stop, stopped) = oneshot::channel();
    let door = Arc::new(Door {
        path: address.path.clone(),
        token: address.token.as_ref().map(|token| digest(token.expose())),
        numbers: Box::new(numbers),
    });
    let run = move || {
        runtime.block_on(async {
            tokio::spawn(accept(listener, door));
            // Ends with the word, or when whoever would say it is gone.
            drop(stopped.await);
        });
        runtime.shutdown_background();
    };
    let thread = thread::Builder::new()
        .name("metrics".into())
        .spawn(run)
        .map_err(refused)?;
    Ok(Server {
        address: bound,
        stop: Some(stop),
        thread: Some(thread),
    })
}

struct Door {
    path: String,
    token: Option<[u8; 32]>,
    numbers: Box<dyn Fn() -> Numbers + Send + Sync>,
}

async fn accept(listener: TcpListener, door: Arc<Door>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say: others may close theirs.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let door = Arc::clone(&door);
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let answer = door.answer(&request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            if let Err(error) = served {
                log::debug!("metrics: {error}");
            }
        });
    }
}

/// Tokens are compared by their hashes: how long that takes says nothing of where they differ.
fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

impl Door {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if let Some(token) = &self.token {
            let given = (request.headers().get(AUTHORIZATION))
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.strip_prefix("Bearer "))
                .map(|given| digest(given.trim()));
            if given.as_ref() != Some(token) {
                let mut refusal = plain(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
                let scheme = hyper::header::HeaderValue::from_static("Bearer");
                refusal.headers_mut().insert(WWW_AUTHENTICATE, scheme);
                return refusal;
            }
        }
        if request.uri().path() != self.path {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        }
        if request.method() != hyper::Method::GET && request.method() != hyper::Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        let numbers = (self.numbers)();
        let accepts = (request.headers().get(ACCEPT))
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        // What a Prometheus server asks for, or a person.
        let wants_text = accepts.contains("text/plain")
            || accepts.contains("openmetrics")
            || request.uri().query() == Some("format=prometheus");
        if wants_text {
            let mut answer = plain(StatusCode::OK, &numbers.prometheus());
            let kind =
                hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            return answer;
        }
        let text = serde_json::to_string(&numbers).unwrap_or_default();
        let mut answer = plain(StatusCode::OK, &(text + "\n"));
        let kind = hyper::header::HeaderValue::from_static("application/json");
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        answer
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text.to_owned())));
    *answer.status_mut() = status;
    answer
}
