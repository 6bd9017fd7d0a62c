//! The control interface, for tests in another process and for a person with curl: JSON below `/_emulator/`, loopback only.
//!
//! | request | what it does |
//! |---|---|
//! | `GET accounts`, `POST accounts` | lists the accounts (no passwords); adds one or changes its settings |
//! | `GET code` | the second-factor code that is good now: `{"code": "123456"}` or `null` |
//! | `GET requests`, `DELETE requests` | the request log; forgets it |
//! | `GET counters` | sums: requests, content bytes up and down; sign-in attempts by account |
//! | `GET tree`, `GET trash` | the Drive by path, as another device sees it; the trash |
//! | `GET file`, `PUT file` | a file's bytes; writes it (`path`, optionally `mtime` in the query) |
//! | `POST edit` | an edit of another device, see below |
//! | `POST hooks`, `DELETE hooks` | runs an edit before (or, with `"after": true`, after) requests of an endpoint |
//! | `GET faults`, `POST faults`, `DELETE faults` | the rules of `fault::Fault`; adds one; clears them |
//! | `GET switches`, `POST switches` | all switches; changes the ones that are given |
//! | `POST expire` | `{"what": "session"}`, or `tokens`, `trust`, `pcs`, `urls` |
//! | `POST clock` | `{"offset": SECONDS}` added to the machine's clock |
//!
//! Edits, each with `do`: `write` (`path`, `text` or `base64`, `mtime`), `package` (`path`, `files`: text by path), `mkdir` (`path`),
//! `rename` (`path`, `name`), `move` (`path`, `folder`), `trash`, `delete`, `touch` (`path`), `put_back` (`docwsid`), `mtime` (`path`, `mtime`),
//! `library` (`name`, `zone`, `docwsid`), `share` (`name`, `owner`, `read_only`), `let_write` (`path`,
//! `writable`), `lend` (`path`). A path is `/`-joined, or an array
//! of names where they are to be taken exactly as they are. A hook has `endpoint` (`*` for all), `after`, `skip`, `times` (1 if left
//! out) and `edit`.
//!
//! `account=EMAIL` in the query says whose Drive is meant; it may be left out while there is only one account. Errors are
//! `{"error": TEXT}` with 400 or 404.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::device::Drive;
use super::entry::{Entry, EntryKind};
use super::fault::Fault;
use super::outgoing::Outgoing;
use super::script::{Edit, script};
use super::server::{Shared, lock, read_body};
use super::util::query_pairs;
use super::{Account, expire};

#[derive(Serialize)]
struct EntryOut {
    kind: &'static str,
    size: u64,
    mtime: i64,
    etag: String,
    docwsid: String,
    drivewsid: String,
}

impl From<Entry> for EntryOut {
    fn from(entry: Entry) -> Self {
        let kind = match entry.kind {
            EntryKind::File => "file",
            EntryKind::Folder => "folder",
            EntryKind::Package => "package",
            EntryKind::Library => "library",
            EntryKind::Other => "other",
        };
        let Entry {
            size,
            mtime,
            etag,
            docwsid,
            drivewsid,
            ..
        } = entry;
        Self {
            kind,
            size,
            mtime,
            etag,
            docwsid,
            drivewsid,
        }
    }
}

enum Answer {
    Json(Value),
    Bytes(Bytes),
}

/// Answers a request below `/_emulator`.
pub(super) async fn serve(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    path: &str,
    peer: SocketAddr,
) -> Result<Response<Outgoing>, io::Error> {
    if !peer.ip().is_loopback() {
        return Ok(respond(
            403,
            "application/json",
            json!({"error": "loopback only"}).to_string().into(),
        ));
    }
    let method = request.method().clone();
    let query = query_pairs(request.uri().query().unwrap_or_default());
    let body = read_body(request.into_body())
        .await
        .map_err(io::Error::other)?;
    let shared = Arc::clone(shared);
    let path = path.trim_matches('/').to_owned();
    // Edits write files; that is no work for the threads of the connections.
    let work = move || act(&shared, &method, &path, &query, &body);
    let done = tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?;
    Ok(match done {
        Ok(Answer::Json(value)) => respond(200, "application/json", value.to_string().into()),
        Ok(Answer::Bytes(bytes)) => respond(200, "application/octet-stream", bytes),
        Err(e) => {
            let status = if e.kind() == io::ErrorKind::NotFound {
                404
            } else {
                400
            };
            respond(
                status,
                "application/json",
                json!({"error": e.to_string()}).to_string().into(),
            )
        }
    })
}

fn respond(status: u16, label: &str, body: Bytes) -> Response<Outgoing> {
    let response = Response::builder()
        .status(status)
        .header("content-type", label);
    response
        .body(Outgoing::from_bytes(body))
        .unwrap_or_else(|_| Response::new(Outgoing::from_bytes(Bytes::new())))
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(io::Error::other)
}

fn act(
    shared: &Arc<Shared>,
    method: &Method,
    path: &str,
    query: &[(String, String)],
    body: &Bytes,
) -> io::Result<Answer> {
    let param = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let done = || Ok(Answer::Json(json!({"ok": true})));
    let email = || account_of(shared, param("account"));
    let drive = || email().map(|email| Drive::new(Arc::clone(shared), &email));
    match (method.as_str(), path) {
        ("GET", "accounts") => Ok(Answer::Json(accounts(shared))),
        ("POST", "accounts") => {
            let account: Account = parse(body)?;
            shared.world().add_account(account);
            done()
        }
        ("GET", "code") => {
            let email = email()?;
            let world = shared.world();
            let code = world
                .accounts
                .get(&email)
                .and_then(|state| state.code.as_ref());
            Ok(Answer::Json(json!({"code": code.map(|code| &code.value)})))
        }
        ("GET", "requests") => Ok(Answer::Json(json!(lock(&shared.log).entries()))),
        ("DELETE", "requests") => {
            lock(&shared.log).clear();
            done()
        }
        ("GET", "counters") => {
            let counters = lock(&shared.log).counters();
            let world = shared.world();
            let attempts: serde_json::Map<String, Value> = world
                .accounts
                .iter()
                .map(|(email, state)| (email.clone(), json!(state.attempts)))
                .collect();
            Ok(Answer::Json(
                json!({"sums": counters, "signin_attempts": attempts}),
            ))
        }
        ("GET", "tree") => {
            let tree = drive()?.tree()?;
            let tree: serde_json::Map<String, Value> = tree
                .into_iter()
                .map(|(path, entry)| (path, json!(EntryOut::from(entry))))
                .collect();
            Ok(Answer::Json(Value::Object(tree)))
        }
        ("GET", "trash") => {
            let trash = drive()?.trashed()?;
            let trash: Vec<Value> = trash
                .into_iter()
                .map(|t| json!({"name": t.name, "restore_path": t.restore_path, "docwsid": t.docwsid}))
                .collect();
            Ok(Answer::Json(json!(trash)))
        }
        ("GET", "file") => Ok(Answer::Bytes(
            drive()?.read(param("path").unwrap_or_default())?,
        )),
        ("PUT", "file") => {
            let path = param("path").unwrap_or_default();
            match param("mtime")
                .map(str::parse)
                .transpose()
                .map_err(io::Error::other)?
            {
                Some(mtime) => drive()?.write_with_mtime(path, body.clone(), mtime)?,
                None => drive()?.write(path, body.clone())?,
            }
            done()
        }
        ("POST", "edit") => {
            parse::<Edit>(body)?.apply(&drive()?)?;
            done()
        }
        ("POST", "hooks") => {
            script(shared, parse(body)?, drive()?);
            done()
        }
        ("DELETE", "hooks") => {
            lock(&shared.hooks).clear();
            done()
        }
        ("GET", "faults") => Ok(Answer::Json(json!(lock(&shared.faults).rules()))),
        ("POST", "faults") => {
            let fault: Fault = parse(body)?;
            lock(&shared.faults).add(fault);
            done()
        }
        ("DELETE", "faults") => {
            lock(&shared.faults).clear();
            done()
        }
        ("GET", "switches") => Ok(Answer::Json(json!(shared.world().switches))),
        ("POST", "switches") => {
            let changes: serde_json::Map<String, Value> = parse(body)?;
            let mut world = shared.world();
            let mut all = json!(world.switches);
            for (key, value) in changes {
                all[key] = value;
            }
            world.switches = serde_json::from_value(all).map_err(io::Error::other)?;
            world.dirty = true;
            done()
        }
        ("POST", "expire") => {
            let body: Value = parse(body)?;
            let what = body.get("what").and_then(Value::as_str).unwrap_or_default();
            // Asked for before the lock is taken: it takes the lock itself.
            let email = email()?;
            expire::by_name(&mut shared.world(), &email, what)?;
            done()
        }
        ("POST", "clock") => {
            let body: Value = parse(body)?;
            let offset = body.get("offset").and_then(Value::as_i64);
            shared.world().clock_offset =
                offset.ok_or_else(|| io::Error::other("offset is needed"))?;
            done()
        }
        _ => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no such control request",
        )),
    }
}

/// The account that is meant.
fn account_of(shared: &Shared, named: Option<&str>) -> io::Result<String> {
    let world = shared.world();
    let email = match named {
        Some(email) => email.trim().to_lowercase(),
        None if world.accounts.len() == 1 => {
            world.accounts.keys().next().cloned().unwrap_or_default()
        }
        None => return Err(io::Error::other("account=EMAIL is needed")),
    };
    if world.accounts.contains_key(&email) {
        Ok(email)
    } else {
        Err(io::Error::new(io::ErrorKind::NotFound, "no such account"))
    }
}

fn accounts(shared: &Shared) -> Value {
    let world = shared.world();
    let list: Vec<Value> = world
        .accounts
        .values()
        .map(|state| {
            json!({
                "email": state.account.email,
                "dsid": state.account.dsid(),
                "adp": state.account.adp,
                "two_factor": state.account.two_factor,
                "locked": state.locked,
                "signin_attempts": state.attempts,
            })
        })
        .collect();
    json!(list)
}
