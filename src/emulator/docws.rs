//! The documents host: lookups and download tokens (protocol page 9.1 to 9.4, 8.8). Uploads are in `upload`.
//!
//! Zones are named in paths, documents by their id within the zone.

use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::drive::{CLOUD_DOCS, Drive, Item, No, ROOT};
use super::identity::text;
use super::log::Host;
use super::package;
use super::pcs::admit_to_data;
use super::signature;
use super::switches::ShareDownload;
use super::util::{base36, percent_decode, percent_encode};
use super::wire::{View, document, item_out, reference};
use super::world::{Grant, World};

pub(super) fn not_found() -> Reply {
    Reply::error(
        Host::Docws,
        404,
        "ObjectNotFound",
        "ObjectNotFoundException: no such document",
    )
}

pub(super) fn bad_request(reason: &str) -> Reply {
    Reply::error(Host::Docws, 400, "BAD_REQUEST", reason)
}

/// The zone in a path `/ws/<zone>/…`; what follows a colon names an owner.
pub(super) fn zone_of(path: &str) -> String {
    let zone = path.split('/').nth(2).unwrap_or_default();
    let zone = percent_decode(zone, false);
    zone.split_once(':')
        .map_or(zone.clone(), |(zone, _)| zone.to_owned())
}

/// The owner of a share that a download is asked of, in the way that this service takes.
fn owner_of(call: &Call, way: ShareDownload) -> Option<String> {
    let mut parts = call.path.split('/').skip(2);
    let (zone, behind) = (parts.next()?, parts.nth(2));
    match way {
        ShareDownload::ById => behind.map(|owner| percent_decode(owner, false)),
        ShareDownload::ByZone => {
            let zone = percent_decode(zone, false);
            zone.split_once(':').map(|(_, owner)| owner.to_owned())
        }
        ShareDownload::Never => None,
    }
}

/// `GET /ws/<zone>/download/by_id`.
pub(super) fn by_id(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let zone = zone_of(&call.path);
    let id = call.param("document_id").unwrap_or_default().to_owned();
    if let Some(left) = world
        .account(&email)
        .and_then(|state| state.fresh.get_mut(&id))
        && *left > 0
    {
        *left -= 1;
        return not_found();
    }
    match token(world, call, &email, &zone, &id) {
        Ok(token) => Reply::json(200, &token),
        Err(refusal) => refusal,
    }
}

/// `POST /ws/<zone>/download/batch`.
pub(super) fn batch(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let Some(Value::Array(asked)) = call.json() else {
        return bad_request("The body has to be an array");
    };
    let (limit, refuse) = (
        world.switches.batch_limit,
        world.switches.batch_refuses_unknown,
    );
    if asked.is_empty() || (limit > 0 && asked.len() > limit) {
        return bad_request("Too few or too many documents");
    }
    let zone = zone_of(&call.path);
    let mut tokens = Vec::with_capacity(asked.len());
    for one in &asked {
        let id = text(one, "document_id");
        match token(world, call, &email, &zone, id) {
            Ok(token) => tokens.push(token),
            Err(refusal) if refuse => return refusal,
            Err(_) => tokens.push(json!({"document_id": id})),
        }
    }
    Reply::json(200, &Value::Array(tokens))
}

/// A download token: a URL that is good for a while, and what the bytes are.
fn token(
    world: &mut World,
    call: &Call,
    email: &str,
    zone: &str,
    id: &str,
) -> Result<Value, Reply> {
    world.sweep();
    let now = world.now();
    let (seconds, alphabet) = (
        world.switches.url_seconds,
        world.switches.signature_url_alphabet,
    );
    let gzip = world.switches.gzip_packages;
    let owner = owner_of(call, world.switches.share_download);
    let secret = world.rng.token(43);
    let drive = world.drive(email).ok_or_else(not_found)?;
    let no = drive.find(zone, id).ok_or_else(not_found)?;
    let is_there = |item: &&Item| {
        item.is_file() && item.share.as_ref().map(|share| &share.owner) == owner.as_ref()
    };
    let item = drive.item(no).filter(is_there);
    let item = item.filter(|_| !drive.is_with_owner(no));
    let item = item.ok_or_else(not_found)?;
    let blob = item.blob.clone().ok_or_else(not_found)?;
    if blob.size == 0 {
        return Err(bad_request("Cannot download a document without content"));
    }
    let shown = signature::text(&item.shown, alphabet);
    let refer = reference(&item.id, alphabet);
    let (package, name) = (item.package, item.name.clone());
    let (etag, item_id) = (item.etag(), drive.item_id(no));
    let segment = format!(
        "{}{}",
        signature::text(&item.shown, true),
        reference(id, true)
    );
    let kind = if package {
        "packageDownload".to_owned()
    } else {
        percent_encode(&name)
    };
    let expires = now + seconds;
    let url = format!(
        "{}/B/{segment}/{kind}?o=0&v=1&x=3&a={secret}&e={expires}&fl=&r=0&k={secret}&ckc=com.apple.clouddocs&ckz={zone}&p=31&s=0",
        call.bases.download(),
    );
    let blob = if package && gzip {
        let wrapped = blob
            .all()
            .and_then(|zip| world.keep(package::gzip(&zip).into()));
        wrapped.map_err(|_| Reply::error(Host::Docws, 500, "INTERNAL", "Internal error"))?
    } else {
        blob
    };
    world.grants.insert(
        secret.clone(),
        Grant {
            blob,
            expires,
            package,
        },
    );
    let kind = if package {
        "package_token"
    } else {
        "data_token"
    };
    Ok(json!({
        "document_id": id,
        "item_id": item_id,
        "owner_dsid": 20_322_967_922_i64,
        kind: {
            "url": url,
            "token": secret,
            "signature": shown,
            "wrapping_key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "reference_signature": refer,
        },
        "double_etag": etag,
    }))
}

/// `GET /ws/<zone>/list/lookup_by_id`; the parameter is an `item_id` there, a document id is taken too.
pub(super) fn lookup_by_id(world: &mut World, call: &Call) -> Reply {
    let zone = zone_of(&call.path);
    lookup(world, call, |drive| {
        let id = call.param("document_id")?;
        drive.find_item_id(id).or_else(|| drive.find(&zone, id))
    })
}

/// `POST /ws/<zone>/list/lookup_by_path`: the body is a JSON string, the path from the zone's root.
pub(super) fn lookup_by_path(world: &mut World, call: &Call) -> Reply {
    let zone = zone_of(&call.path);
    let path = call
        .json()
        .and_then(|body| body.as_str().map(str::to_owned));
    let path = path
        .or_else(|| call.param("path").map(str::to_owned))
        .unwrap_or_default();
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let reply = lookup(world, call, |drive| {
        let root = if zone == CLOUD_DOCS {
            Some(ROOT)
        } else {
            drive.find(&zone, "documents")
        };
        drive.walk(root?, &steps)
    });
    match reply.as_json() {
        Some(one) if reply.status == 200 => Reply::json(200, &json!([one])),
        _ => reply,
    }
}

fn lookup(world: &mut World, call: &Call, find: impl FnOnce(&Drive) -> Option<No>) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let unified = call.param("unified_format") == Some("true");
    let alphabet = world.switches.signature_url_alphabet;
    let view = View {
        single: true,
        ..View::of(&world.switches)
    };
    let Some(drive) = world.drive(&email) else {
        return not_found();
    };
    let Some(no) = find(drive) else {
        return not_found();
    };
    if unified {
        return item_out(drive, no, view)
            .map_or_else(not_found, |out| Reply::json(200, &out.value()));
    }
    Reply::json(200, &document(drive, no, alphabet))
}

/// `GET /v1/item/<item_id>` and `GET /v1/enumerate/<item_id>`, `/v1/enumerate/folders/<item_id>`.
pub(super) fn v1(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let limit = call
        .param("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(usize::MAX);
    let folders = call.path.contains("/enumerate/folders/");
    let enumerate = call.path.contains("/enumerate/");
    let id = percent_decode(call.path.rsplit('/').next().unwrap_or_default(), false);
    let Some(drive) = world.drive(&email) else {
        return not_found();
    };
    let Some(no) = drive.find_item_id(&id) else {
        return not_found();
    };
    if !enumerate {
        return Reply::json(200, &v1_item(drive, no));
    }
    let children = drive
        .item(no)
        .map(|item| item.children().collect::<Vec<No>>())
        .unwrap_or_default();
    let wanted = |no: &No| !folders || drive.item(*no).is_some_and(Item::is_folder);
    let items: Vec<Value> = children
        .into_iter()
        .filter(wanted)
        .take(limit)
        .map(|no| v1_item(drive, no))
        .collect();
    Reply::json(200, &json!({"drive_item": items}))
}

/// Numbers are strings here.
fn v1_item(drive: &Drive, no: No) -> Value {
    let Some(item) = drive.item(no) else {
        return Value::Null;
    };
    json!({"item_id": drive.item_id(no), "item_info": {
        "name": item.name,
        "extension": item.split_name().1.unwrap_or_default(),
        "size": item.size().to_string(),
        "type": if item.is_file() { "FILE" } else { "FOLDER" },
        "version": item.etag(),
        "modified_at": (item.modified * 1000).to_string(),
        "created_at": (item.created * 1000).to_string(),
        "urls": {"url_download": ""},
    }})
}

/// `GET /ws/_all_/list/enumerate/recentDocs`.
pub(super) fn recent(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let limit = call
        .param("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(50);
    let view = View::of(&world.switches);
    let Some(drive) = world.drive(&email) else {
        return not_found();
    };
    let mut files: Vec<(u64, No)> = drive
        .live()
        .filter(|(no, item)| item.is_file() && !drive.in_trash(*no))
        .map(|(no, item)| (item.version, no))
        .collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    let documents: Vec<Value> = files
        .into_iter()
        .take(limit)
        .filter_map(|(_, no)| {
            let mut value = item_out(drive, no, view)?.value();
            value.as_object_mut()?.remove("dateCreated");
            Some(value)
        })
        .collect();
    let marker = base36(drive.version);
    Reply::json(
        200,
        &json!({"continuationMarker": marker, "documents": documents, "status": "CONSISTENT"}),
    )
}

/// `GET /ws/_all_/list/changes/recentDocs`: 205 when something changed since the marker.
pub(super) fn changes(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let Some(drive) = world.drive(&email) else {
        return not_found();
    };
    if call.param("nextPage") == Some(base36(drive.version).as_str()) {
        Reply::json(200, &json!({"documents": [], "status": "CONSISTENT"}))
    } else {
        Reply::empty(205)
    }
}
