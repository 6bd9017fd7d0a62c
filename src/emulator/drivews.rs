//! The metadata host: listings and single items (protocol page 8.1 to 8.3). Writes are in `drivews_write`.
//!
//! Each answer of a listing has one element for each id of the request, in its order, all children at once.

use serde::Serialize;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::drive::{CLOUD_DOCS, Drive, Item, Kind, No};
use super::identity::text;
use super::log::Host;
use super::pcs::admit_to_data;
use super::sharing;
use super::wire::{ItemOut, TRASH_ROOT, View, item_out};
use super::world::World;

/// A folder with its children.
#[derive(Serialize)]
struct Details<'a> {
    #[serde(flatten)]
    folder: ItemOut<'a>,
    items: Vec<ItemOut<'a>>,
    #[serde(rename = "numberOfItems")]
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    hierarchy: Option<Vec<Value>>,
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn bad_request(reason: &str) -> Reply {
    Reply::error(Host::Drivews, 400, "BAD_REQUEST", reason)
}

/// `POST /retrieveItemDetailsInFolders`.
pub(super) fn list(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let Some(Value::Array(asked)) = call.json() else {
        return bad_request("The body has to be an array");
    };
    let limit = world.switches.list_limit;
    if asked.is_empty() || (limit > 0 && asked.len() > limit) {
        return bad_request("Too few or too many items");
    }
    if asked.iter().any(|one| text(one, "drivewsid").is_empty()) {
        return bad_request("An item has no drivewsid");
    }
    let view = View::of(&world.switches);
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    let mut out = b"[".to_vec();
    for (number, one) in asked.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        // Writing to memory does not fail.
        if write_details(drive, one, view, &mut out).is_err() {
            return Reply::error(Host::Drivews, 500, "", "Internal error");
        }
    }
    out.push(b']');
    Reply::raw_json(200, out)
}

fn write_details(
    drive: &Drive,
    asked: &Value,
    view: View,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let id = text(asked, "drivewsid");
    let children = View {
        partial: flag(asked, "partialData"),
        plain: false,
        ..view
    };
    if id == TRASH_ROOT || id == format!("FOLDER::{CLOUD_DOCS}::{TRASH_ROOT}") {
        let items: Vec<ItemOut<'_>> = drive
            .trash()
            .iter()
            .filter_map(|&no| item_out(drive, no, children))
            .collect();
        let answer = json!({"items": items, "numberOfItems": items.len(), "drivewsid": TRASH_ROOT});
        return serde_json::to_writer(out, &answer);
    }
    let is_folder = |no: No| drive.item(no).is_some_and(Item::is_folder);
    let found = drive
        .find_drivewsid(id)
        .filter(|&no| is_folder(no) && sharing::shows(asked, drive, no));
    let Some((no, folder)) = found.and_then(|no| Some((no, item_out(drive, no, view)?))) else {
        return serde_json::to_writer(out, &json!({"drivewsid": id, "status": "ID_INVALID"}));
    };
    let numbers = drive
        .item(no)
        .map(|item| item.children().collect::<Vec<No>>())
        .unwrap_or_default();
    let items: Vec<ItemOut<'_>> = numbers
        .into_iter()
        .filter_map(|child| item_out(drive, child, children))
        .collect();
    let hierarchy = flag(asked, "includeHierarchy").then(|| hierarchy(drive, no));
    serde_json::to_writer(
        out,
        &Details {
            folder,
            count: items.len(),
            items,
            hierarchy,
        },
    )
}

/// The chain from the root (or the trash) down to an item.
fn hierarchy(drive: &Drive, no: No) -> Vec<Value> {
    let mut chain = Vec::new();
    let mut at = Some(no);
    while let Some((number, item)) = at.and_then(|no| Some((no, drive.item(no)?))) {
        let id = drive.drivewsid(number);
        if item.parent.is_none() && item.trashed.is_none() {
            chain.push(json!({"drivewsid": id}));
            break;
        }
        let (name, extension) = item.split_name();
        let mut entry = json!({"drivewsid": id, "name": name, "etag": item.etag()});
        if let Some(extension) = extension {
            entry["extension"] = json!(extension);
        }
        chain.push(entry);
        if item.trashed.is_some() {
            chain.push(json!({"drivewsid": TRASH_ROOT}));
        }
        at = item.parent;
    }
    chain.reverse();
    chain
}

/// `POST /retrieveItemDetails`; the array form of the request is refused, as one client met it.
pub(super) fn details(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let body = call.json().unwrap_or_default();
    let Some(asked) = body.get("items").and_then(Value::as_array) else {
        return bad_request("The body has to be an object with items");
    };
    let view = View {
        single: true,
        ..View::of(&world.switches)
    };
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    let items: Vec<Value> = asked
        .iter()
        .map(|one| {
            let id = text(one, "drivewsid");
            let view = View {
                partial: flag(one, "partialData"),
                ..view
            };
            let found = drive
                .find_drivewsid(id)
                .filter(|&no| sharing::shows(one, drive, no));
            let Some((no, out)) = found.and_then(|no| Some((no, item_out(drive, no, view)?)))
            else {
                return json!({"drivewsid": id, "status": "ID_INVALID"});
            };
            let mut value = out.value();
            if flag(one, "includeHierarchy") {
                value["hierarchy"] = json!(hierarchy(drive, no));
            }
            value
        })
        .collect();
    Reply::json(200, &json!({"items": items}))
}

/// `GET /retrieveAppLibraries`.
pub(super) fn libraries(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let view = View::of(&world.switches);
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    let items: Vec<Value> = drive
        .live()
        .filter(|(_, item)| item.kind == Kind::Library)
        .filter_map(|(no, _)| Some(item_out(drive, no, view)?.value()))
        .collect();
    Reply::json(200, &json!({"items": items}))
}
