//! The way of one request: zone lock, latency, hooks, faults, handler, log.
//!
//! A request and its body come in, the response goes out, or an error where the connection has to be cut. The world's lock is held while
//! a handler makes its answer, never while something waits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{DATE, HeaderValue};
use hyper::{Request, Response};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use serde_json::Value;

use super::call::{Bases, Call, Reply, zone_busy};
use super::fault::{self, Action, Seen, When};
use super::log::{Host, LogEntry};
use super::outgoing::{Ending, Outgoing, respond};
use super::route::{self, Handler};
use super::server::{Shared, lock, read_body};
use super::setup;
use super::sharing;
use super::spoil::{self, Sent};
use super::switches::ZoneBusy;
use super::util::{now_ms, percent_decode, query_pairs};

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
        Sent::Whole(reply) | Sent::Half(reply) | Sent::Unsized(reply) | Sent::Endless(reply, _) => {
            (reply.status, reply.body.length())
        }
        Sent::Nothing => (0, 0),
    };
    lock(&shared.log).push(LogEntry {
        received,
        status,
        ..entry
    });
    match sent {
        Sent::Nothing => Err(io::Error::other("dropped on command")),
        Sent::Whole(reply) => Ok(dated(&shared, respond(reply, Ending::Whole))),
        Sent::Half(reply) => Ok(dated(&shared, respond(reply, Ending::Half))),
        Sent::Unsized(reply) => Ok(dated(&shared, respond(reply, Ending::Unsized))),
        Sent::Endless(reply, ms) => Ok(dated(&shared, respond(reply, Ending::Never(ms)))),
    }
}

/// Says the time by the service's own clock, which may be put wrong.
fn dated(shared: &Shared, mut response: Response<Outgoing>) -> Response<Outgoing> {
    let now = shared.world().now();
    let date = Timestamp::from_second(now)
        .ok()
        .and_then(|now| {
            DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&now)
                .ok()
        })
        .and_then(|text| HeaderValue::from_str(&text).ok());
    if let Some(date) = date {
        response.headers_mut().insert(DATE, date);
    }
    response
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
        path: format!("{}?{}", percent_decode(&call.path, false), query.join("&")),
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
        if lock(&shared.writing).insert(key.clone()) {
            Zone::Held(Self {
                shared: Arc::clone(shared),
                key,
            })
        } else {
            Zone::Taken
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        lock(&self.shared.writing).remove(&self.key);
    }
}

/// The zone that a write is about; what is in a share is in a zone of its owner.
fn zone_of(call: &Call) -> Option<String> {
    if call.endpoint == "update/documents" {
        return Some(super::docws::zone_of(&call.path));
    }
    if call.endpoint == "update/shared" {
        let owner = sharing::behind(call).into_iter().next()?;
        return Some(format!("{}:{owner}", super::docws::zone_of(&call.path)));
    }
    let body = call.json()?;
    if let Some(zone) = sharing::zone_of_share(&body) {
        return Some(zone);
    }
    let target = body.get("destinationDrivewsId");
    let first = body
        .get("items")
        .and_then(|items| items.get(0))
        .and_then(|item| item.get("drivewsid"));
    let id = target.or(first)?.as_str()?;
    id.split("::").nth(1).map(str::to_owned)
}
