//! What the service answers to a signed-in account: folders, documents, room for more; and what was learnt of its limits.
//!
//! Each is asked once. A slot for an upload is asked for and not used: nothing is visible before a commit
//! (protocol page 9.7).

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Finding, Subject, network,
    network::{Heard, Line},
};
use crate::{
    auth::session::Session,
    cloud::{
        answer::{self, Reason, Verdict},
        endpoint::Endpoint,
        http::{common_headers, common_url},
    },
    error::{Error, Kind, Result},
    pass::{Learned, owner},
};

/// What the slot is asked for. So much room is needed for any pass that sends something.
const ROOM: u64 = 1 << 20;

/// Makes findings of checks that are left out.
pub(super) fn left_out(names: &[&'static str], why: &str) -> Vec<Finding> {
    names
        .iter()
        .map(|name| Finding::skipped(name, why))
        .collect()
}

fn ask(
    line: &Line,
    session: &Session,
    base: &str,
    path: &str,
    label: &str,
    body: Option<&Value>,
) -> Result<Heard> {
    let url = common_url(&line.wire, base, path, &session.services())?;
    let headers = common_headers(&line.wire, body.is_some());
    let method = if body.is_some() {
        Method::POST
    } else {
        Method::GET
    };
    let heard = line.ask(
        method,
        url,
        label,
        headers,
        body.map(|it| it.to_string().into_bytes()),
    )?;
    judged(label, heard)
}

/// Returns an answer that is good.
fn judged(label: &str, heard: Heard) -> Result<Heard> {
    let answer = &heard.answer;
    let (status, reason) = if (200..300).contains(&answer.status) {
        answer::hidden_error(&answer.body).unwrap_or((answer.status, Reason::default()))
    } else {
        (answer.status, Reason::read(&answer.body))
    };
    let words = format!("{label}: {}", reason.words(status));
    let error = match answer::judge(status, &reason, answer.retry_after()) {
        Verdict::Good => return Ok(heard),
        Verdict::Session => Error::new(Kind::SignIn, format!("{words}: the session is refused")),
        Verdict::Pcs => Error::new(Kind::SignIn, words).with_hint(
            "this account protects its data (Advanced Data Protection): run `icloud-sync login` and approve the request on one of your devices",
        ),
        Verdict::Hold(asked) => {
            let wait = asked.map_or_else(
                || "some minutes".to_owned(),
                |asked| format!("{} s", asked.as_secs()),
            );
            Error::new(Kind::Temporary, words).with_hint(format!(
                "iCloud asks to be left alone for now: try again after {wait}; a lower --max-rate helps where this comes often"
            ))
        }
        Verdict::Busy | Verdict::Stumbled => Error::new(Kind::Temporary, words)
            .with_hint("iCloud is in trouble, or a proxy in between: try again later"),
        Verdict::Refused(_) if is_full(&reason) => Error::new(Kind::Refused, words).with_hint(
            "delete something in iCloud, also from Recently Deleted, or get more storage",
        ),
        Verdict::Refused(kind) => Error::new(kind, words)
            .with_hint("if it stays so, tell the project, with this report"),
    };
    Err(error)
}

fn is_full(reason: &Reason) -> bool {
    reason.says(&["QUOTA", "quota", "storage is used up"])
}

/// Does it list the root of the Drive? Returns whether it does.
pub(super) fn listing(line: &Line, session: &Session) -> (Finding, bool) {
    const NAME: &str = "listing";
    const CALL: &str = "retrieveItemDetailsInFolders";
    let body = json!([{
        "drivewsid": "FOLDER::com.apple.CloudDocs::root",
        "partialData": false,
        "includeHierarchy": false,
    }]);
    let heard = match ask(line, session, &session.drivews, CALL, CALL, Some(&body)) {
        Ok(heard) => heard,
        Err(error) => return (network::of_error(NAME, &error), false),
    };
    let value: Value = serde_json::from_slice(&heard.answer.body).unwrap_or_default();
    let items = value.pointer("/0/items").and_then(Value::as_array);
    let count = value.pointer("/0/numberOfItems").and_then(Value::as_u64);
    match (items, count) {
        (Some(items), Some(count)) if items.len() as u64 == count => {
            let took = heard.took.as_millis();
            let found = format!("the root of iCloud Drive has {count} items, listed in {took} ms");
            (Finding::ok(NAME, found), true)
        }
        _ => {
            let found = format!("{CALL}: the listing of the root is not whole");
            let way_out = "passes leave alone what they can't see whole; try again later";
            (Finding::failed(NAME, found, way_out), false)
        }
    }
}

/// Does the host of documents answer?
pub(super) fn documents(line: &Line, session: &Session) -> Finding {
    const NAME: &str = "documents";
    let path = "ws/_all_/list/enumerate/recentDocs?limit=1&unified_format=true";
    match ask(line, session, &session.docws, path, "recentDocs", None) {
        Ok(heard) => Finding::ok(
            NAME,
            format!(
                "the host of contents answers in {} ms",
                heard.took.as_millis()
            ),
        ),
        // It is asked for by few clients, and needed by none.
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Refused) => Finding::ok(
            NAME,
            format!("the host of contents answers ({})", error.chain()),
        ),
        Err(error) => network::of_error(NAME, &error),
    }
}

/// Does the account take more content?
pub(super) fn storage(line: &Line, session: &Session) -> Finding {
    const NAME: &str = "storage";
    let body = json!({
        "filename": "icloud-sync-doctor.txt",
        "type": "FILE",
        "content_type": "text/plain",
        "size": ROOM,
    });
    let path = "ws/com.apple.CloudDocs/upload/web";
    match ask(
        line,
        session,
        &session.docws,
        path,
        "upload/web",
        Some(&body),
    ) {
        Ok(_) => Finding::ok(NAME, "iCloud takes more content"),
        Err(error) => network::of_error(NAME, &error),
    }
}

/// What was learnt of the service's limits, by passes and by `--probe`.
pub(super) fn limits(subject: &Subject<'_>, endpoint: &Endpoint, session: &Session) -> Finding {
    let owner = owner(&session.dsid, endpoint);
    let learned = Learned::load(&subject.account.state_dir, &owner);
    Finding::ok("limits", learned.to_string())
}
