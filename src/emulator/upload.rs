//! The three steps of an upload: `upload/web`, the content, `update/documents` (protocol page 9.6 to 9.8); in somebody's share the
//! last is `update/shared`, and the first names the share (8.9).
//!
//! Until the third step nothing is visible. That step is unconditional for a document that exists: no etag is looked at.

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::docws::{bad_request, not_found, zone_of};
use super::drive::{Drive, No, Refused, Share, Written};
use super::identity::text;
use super::log::Host;
use super::pcs::admit_to_data;
use super::server::Shared;
use super::sharing;
use super::signature;
use super::switches::{ShareUpdates, TakenName};
use super::wire::{document, reference};
use super::world::{Staged, UploadUrl, World};

/// The text of a refused name (protocol page 9.8).
const TAKEN: &str = "Uniqueness constraint violation. Rejecting update";

/// `POST /ws/<zone>/upload/web`, and `/ws/<zone>/upload/web/<owner>/<record name>` for somebody's share. The storage that is used
/// then is the owner's.
pub(super) fn begin(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let body = call.json().unwrap_or_default();
    let size = match body.get("size") {
        Some(Value::String(digits)) => digits.parse().ok(),
        Some(number) => number.as_u64(),
        None => None,
    };
    let (Some(size), false) = (size, text(&body, "filename").is_empty()) else {
        return bad_request("filename and size are needed");
    };
    world.sweep();
    let expires = world.now() + world.switches.url_seconds;
    let (key, id) = (world.rng.token(43), world.rng.uuid());
    let Some(state) = world.accounts.get(&email) else {
        return Reply::empty(421);
    };
    let share = match share_of(&state.drive, call) {
        Ok(share) => share,
        Err(refusal) => return refusal,
    };
    if let Some(share) = share
        && state.drive.only_reads(share)
        && let Some(refusal) = sharing::denied(&world.switches, Host::Docws)
    {
        return refusal;
    }
    let full = match share {
        Some(_) => world.switches.share_owner_full,
        None => state.drive.used().bytes.saturating_add(size) > state.account.quota_bytes,
    };
    if full {
        return Reply::error(
            Host::Docws,
            400,
            "QUOTA_EXCEEDED",
            "The account's storage is used up",
        );
    }
    let dsid = state.account.dsid();
    let url = format!(
        "{}/{dsid}/singleFileUpload?tk={key}&e={expires}&ref={id}",
        call.bases.upload()
    );
    world.uploads.insert(
        key,
        UploadUrl {
            email,
            size,
            expires,
            share: share.map(|share| share.record.clone()),
        },
    );
    Reply::json(
        200,
        &json!([{"document_id": id, "url": url, "owner": dsid, "owner_id": dsid}]),
    )
}

/// The share that an upload is begun for, if its path names one.
fn share_of<'a>(drive: &'a Drive, call: &Call) -> Result<Option<&'a Share>, Reply> {
    let behind = sharing::behind(call);
    if behind.is_empty() {
        return Ok(None);
    }
    let [owner, record] = behind.as_slice() else {
        return Err(bad_request("A share has an owner and a record name"));
    };
    let top = drive.share_top(owner, record).and_then(|no| drive.item(no));
    let share = top.and_then(|item| item.share.as_ref());
    share.map(Some).ok_or_else(not_found)
}

/// `POST <url>`: the content, raw or as the one part of a form. Long contents are hashed here, outside of the lock.
pub(super) fn content(shared: &Shared, call: &Call) -> Reply {
    let refuse = |reason: &str| Reply::error(Host::Content, 400, "", reason);
    let key = call.param("tk").unwrap_or_default();
    let (announced, now, blobs) = {
        let world = shared.world();
        let announced = world.uploads.get(key).cloned();
        (announced, world.now(), world.blobs.clone())
    };
    let Some(announced) = announced.filter(|upload| upload.expires > now) else {
        return Reply::error(Host::Content, 403, "", "The URL is not good any more");
    };
    let label = call.header("content-type").unwrap_or_default();
    let content = if label.starts_with("multipart/form-data") {
        only_part(label, &call.body)
    } else {
        Some(call.body.clone())
    };
    let Some(content) = content else {
        return refuse("The form has to have one part");
    };
    if content.len() as u64 != announced.size {
        return refuse("The content has not the announced size");
    }
    let Ok(blob) = super::blob::Blob::keep(content, blobs.as_deref()) else {
        return Reply::error(Host::Content, 500, "", "Internal error");
    };
    let mut world = shared.world();
    let alphabet = world.switches.signature_url_alphabet;
    let wrapping = format!("{}==", world.rng.token(22));
    let receipt = (blob.size > 0).then(|| format!("A0{}", world.rng.token(80)));
    let Some(drive) = world.drive(&announced.email) else {
        return Reply::error(Host::Content, 403, "", "The URL is not good any more");
    };
    let shown = drive.shown(&blob);
    let mut file = json!({
        "fileChecksum": signature::text(&shown, alphabet),
        "referenceChecksum": reference(&wrapping, alphabet),
        "wrappingKey": wrapping,
        "size": blob.size,
    });
    if let Some(receipt) = &receipt {
        file["receipt"] = json!(receipt);
    }
    world.staged.insert(
        wrapping,
        Staged {
            email: announced.email,
            blob,
            shown,
            receipt,
            expires: announced.expires,
            share: announced.share,
        },
    );
    Reply::json(200, &json!({"singleFile": file}))
}

/// The content of the only part of a `multipart/form-data` body.
fn only_part(label: &str, body: &Bytes) -> Option<Bytes> {
    let boundary = label
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches('"');
    let open = format!("--{boundary}\r\n").into_bytes();
    let close = format!("\r\n--{boundary}--").into_bytes();
    let rest = body.strip_prefix(open.as_slice())?;
    let head = rest.windows(4).position(|window| window == b"\r\n\r\n")?;
    let from = open.len() + head + 4;
    // The closing boundary is at the very end, but for a line break.
    let tail = body.get(from.saturating_sub(2)..)?;
    let at = (0..=tail.len().checked_sub(close.len())?)
        .rev()
        .find(|&at| tail.get(at..at + close.len()) == Some(close.as_slice()))?;
    let to = (from.saturating_sub(2) + at).max(from);
    Some(body.slice(from..to))
}

/// `POST /ws/<zone>/update/documents`: never for what is in a share.
pub(super) fn commit(world: &mut World, call: &Call) -> Reply {
    update(world, call, None)
}

/// `POST /ws/<zone>/update/shared/<owner>`: for what is in a share of that owner.
pub(super) fn commit_shared(world: &mut World, call: &Call) -> Reply {
    match sharing::behind(call).as_slice() {
        [owner] => update(world, call, Some(owner)),
        _ => bad_request("A share has an owner"),
    }
}

/// The folder that an upload is for: one's own by its id, in a share by that too, and where a share begins by its record name.
fn folder_of(drive: &Drive, zone: &str, id: &str, owner: Option<&str>) -> Option<No> {
    let top = owner.and_then(|owner| drive.share_top(owner, id));
    top.or_else(|| {
        let no = drive.find(zone, id).filter(|&no| !drive.in_trash(no))?;
        let share = drive.item(no)?.share.as_ref();
        let is_there = match owner {
            None => share.is_none(),
            Some(owner) => share.is_some_and(|share| !share.top && share.owner == owner),
        };
        is_there.then_some(no)
    })
}

fn update(world: &mut World, call: &Call, owner: Option<&str>) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let body = call.json().unwrap_or_default();
    if text(&body, "command") != "add_file" {
        return bad_request("Unknown command");
    }
    let staged = match find_staged(world, &email, &body) {
        Ok(staged) => staged,
        Err(refusal) => return refusal,
    };
    let (zone, begun_for) = (zone_of(&call.path), staged.share);
    let seconds = |key: &str| {
        body.get(key)
            .and_then(Value::as_i64)
            .map(|ms| ms.div_euclid(1000))
    };
    let now = world.now();
    let modified = seconds("mtime").unwrap_or(now);
    let written = Written {
        blob: staged.blob,
        modified,
        created: seconds("btime").unwrap_or(modified),
        package: false,
        shown: Some(staged.shown),
    };
    let place = body.get("path").cloned().unwrap_or_default();
    let (parent, name) = (text(&place, "starting_document_id"), text(&place, "path"));
    let id = text(&body, "document_id").to_owned();
    let conflict = body
        .get("allow_conflict")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let (taken, in_trash, fresh) = (
        world.switches.taken_name,
        world.switches.update_in_trash,
        world.switches.fresh_404,
    );
    let alphabet = world.switches.signature_url_alphabet;
    let denied = sharing::denied(&world.switches, Host::Docws);
    let share_updates = world.switches.share_updates;
    world.dirty = true;
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    let Some(folder) = folder_of(drive, &zone, parent, owner) else {
        let reason =
            format!("VALIDATING_REFERENCE_ERROR: children whose parents are missing: {parent}");
        return Reply::error(Host::Docws, 412, "VALIDATING_REFERENCE_ERROR", &reason);
    };
    if name.is_empty() || name.contains('/') || id.is_empty() {
        return bad_request("document_id and a plain file name are needed");
    }
    let record_of = |no: No| {
        let share = drive.item(no).and_then(|item| item.share.as_ref());
        share.map(|share| &share.record)
    };
    if record_of(folder) != begun_for.as_ref() {
        return bad_request("The data was sent for another share");
    }
    let share = drive.item(folder).and_then(|item| item.share.as_ref());
    if share.is_some_and(|share| drive.only_reads(share)) {
        return denied.unwrap_or_else(|| finished(1, sharing::DENIED, &Value::Null));
    }
    let existing = drive.find(&zone, &id);
    let done = match existing {
        Some(no) if record_of(no) != record_of(folder) => {
            let reason = "The document is not in this share";
            return Reply::error(Host::Docws, 412, "PRECONDITION_FAILED", reason);
        }
        Some(_) if share.is_some() && share_updates == ShareUpdates::Refused => {
            return bad_request("The document is there already");
        }
        Some(no) if drive.in_trash(no) && (!in_trash || share.is_some()) => {
            return Reply::error(
                Host::Docws,
                412,
                "VALIDATING_REFERENCE_ERROR",
                "The document is in the trash",
            );
        }
        Some(no) => {
            let item = drive.item(no);
            let same = item.is_some_and(|item| item.name == name && item.parent == Some(folder));
            if !same && !drive.in_trash(no) {
                return Reply::error(
                    Host::Docws,
                    412,
                    "PRECONDITION_FAILED",
                    "The document is not at this place",
                );
            }
            drive.overwrite(no, written).map(|()| no)
        }
        None => {
            let name = if conflict {
                drive.free_name(folder, name, None)
            } else {
                name.to_owned()
            };
            drive.create_file(folder, &name, Some(id.clone()), written)
        }
    };
    match done {
        Ok(no) => {
            let document = document(drive, no, alphabet);
            if existing.is_none()
                && let Some(state) = world.account(&email)
            {
                state.fresh.insert(id, fresh);
            }
            finished(0, "", &document)
        }
        Err(Refused::Taken) if taken == TakenName::Inner => finished(16, TAKEN, &Value::Null),
        Err(Refused::Taken) => Reply::error(Host::Docws, 409, "UNIQUENESS_VIOLATION", TAKEN),
        Err(Refused::Missing | Refused::CrossZone | Refused::Impossible) => {
            let reason = "VALIDATING_REFERENCE_ERROR: children whose parents are missing";
            Reply::error(Host::Docws, 412, "VALIDATING_REFERENCE_ERROR", reason)
        }
    }
}

/// The staged content that a commit is about. It stays there, since a commit may be sent again.
fn find_staged(world: &mut World, email: &str, body: &Value) -> Result<Staged, Reply> {
    let data = body.get("data").cloned().unwrap_or_default();
    let wrapping = text(&data, "wrapping_key");
    let alphabet = world.switches.signature_url_alphabet;
    let good = world.staged.get(wrapping).is_some_and(|staged| {
        let size = data.get("size").and_then(Value::as_u64);
        staged.email == email
            && text(&data, "signature") == signature::text(&staged.shown, alphabet)
            && staged
                .receipt
                .as_deref()
                .is_none_or(|receipt| receipt == text(&data, "receipt"))
            && size.is_none_or(|size| size == staged.blob.size)
    });
    let staged = if good {
        world.staged.get(wrapping).cloned()
    } else {
        None
    };
    staged.ok_or_else(|| bad_request("The data is not known"))
}

/// The answer of `update/documents`, also for a failure inside of HTTP 200.
pub(super) fn finished(code: i64, message: &str, document: &Value) -> Reply {
    Reply::json(
        200,
        &json!({"status": {"status_code": 0, "error_message": ""}, "results": [
            {"status": {"status_code": code, "error_message": message}, "operation_id": null, "document": document}]}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_gives_its_only_part_byte_for_byte() {
        for content in [&b""[..], b"x", b"a\r\n--b\r\n\r\nc\r\n", b"\r\n\r\n"] {
            let mut body =
                b"--b0und\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\n"
                    .to_vec();
            body.extend(content);
            body.extend(b"\r\n--b0und--\r\n");
            let part = only_part("multipart/form-data; boundary=b0und", &body.into()).unwrap();
            assert_eq!(part, content);
        }
        assert!(
            only_part(
                "multipart/form-data; boundary=x",
                &Bytes::from_static(b"--x\r\n")
            )
            .is_none()
        );
    }
}
