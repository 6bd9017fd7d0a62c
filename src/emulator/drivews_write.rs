//! The writes of the metadata host: folders, names, places, trash (protocol page 8.7).
//!
//! Items of one call are judged one by one, in order; HTTP 200 with a status word at each. Only the trash looks at etags.

use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::drive::{Drive, No};
use super::drivews::bad_request;
use super::identity::text;
use super::pcs::admit_to_data;
use super::switches::StaleTrash;
use super::wire::{View, item_out};
use super::world::World;

/// An edit of one item that is known.
type Edit<'a> = &'a mut dyn FnMut(&mut Drive, No, &Value) -> Result<(), &'static str>;

/// The item of this id, if it is the account's own: whether and how somebody else's share is written to, this emulator does not
/// tell.
fn own_item(drive: &Drive, id: &str) -> Option<No> {
    drive
        .find_drivewsid(id)
        .filter(|&no| drive.item(no).is_some_and(|item| item.share.is_none()))
}

/// Applies an edit to each item of a call.
fn each(world: &mut World, call: &Call, edit: Edit<'_>) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let body = call.json().unwrap_or_default();
    let Some(asked) = body.get("items").and_then(Value::as_array) else {
        return bad_request("The body has no items");
    };
    let view = View {
        single: true,
        ..View::of(&world.switches)
    };
    world.dirty = true;
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    let items: Vec<Value> = asked
        .iter()
        .map(|one| {
            let id = text(one, "drivewsid");
            let Some(no) = own_item(drive, id) else {
                return json!({"drivewsid": id, "status": "ID_INVALID"});
            };
            let done = edit(drive, no, one);
            let Some(out) = item_out(drive, no, view) else {
                return json!({"drivewsid": id, "status": "OK"});
            };
            match done {
                Ok(()) => out.value(),
                // Here the element holds nothing else (protocol page 8.5).
                Err("CROSS_ZONE_MOVE_NOT_ALLOWED") => {
                    json!({"status": "CROSS_ZONE_MOVE_NOT_ALLOWED"})
                }
                Err(status) => out.with_status(status).value(),
            }
        })
        .collect();
    Reply::json(200, &json!({"items": items}))
}

/// The word for a refused edit.
fn word(refused: super::drive::Refused) -> &'static str {
    match refused {
        super::drive::Refused::CrossZone => "CROSS_ZONE_MOVE_NOT_ALLOWED",
        super::drive::Refused::Missing => "ID_INVALID",
        super::drive::Refused::Taken | super::drive::Refused::Impossible => "UNKNOWN",
    }
}

/// `POST /createFolders`: a taken name gives `UNKNOWN`.
pub(super) fn create_folders(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let body = call.json().unwrap_or_default();
    let target = text(&body, "destinationDrivewsId");
    let Some(folders) = body.get("folders").and_then(Value::as_array) else {
        return bad_request("The body has no folders");
    };
    let view = View {
        single: true,
        ..View::of(&world.switches)
    };
    world.dirty = true;
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    let parent = own_item(drive, target);
    let made: Vec<Value> = folders
        .iter()
        .map(|folder| {
            let client_id = text(folder, "clientId");
            let name = text(folder, "name");
            let created = match parent {
                _ if name.is_empty() || name.contains('/') => Err("UNKNOWN"),
                None => Err("ID_INVALID"),
                Some(parent) => drive.create_folder(parent, name).map_err(word),
            };
            match created.map(|no| item_out(drive, no, view)) {
                Ok(Some(out)) => out.with_client_id(client_id.to_owned()).value(),
                Ok(None) => json!({"status": "UNKNOWN", "clientId": client_id}),
                Err(status) => json!({"status": status, "clientId": client_id}),
            }
        })
        .collect();
    Reply::json(
        200,
        &json!({"destinationDrivewsId": target, "folders": made}),
    )
}

/// `POST /renameItems`: unconditional; a taken name is numbered.
pub(super) fn rename(world: &mut World, call: &Call) -> Reply {
    each(world, call, &mut |drive, no, one| {
        let name = text(one, "name");
        let extension = text(one, "extension");
        if name.is_empty() || name.contains('/') {
            return Err("UNKNOWN");
        }
        let name = if extension.is_empty() {
            name.to_owned()
        } else {
            format!("{name}.{extension}")
        };
        drive.rename(no, &name).map(drop).map_err(word)
    })
}

/// `POST /moveItems`: unconditional, within a zone.
pub(super) fn relocate(world: &mut World, call: &Call) -> Reply {
    let body = call.json().unwrap_or_default();
    let target = text(&body, "destinationDrivewsId").to_owned();
    each(world, call, &mut |drive, no, _| {
        let target = own_item(drive, &target).ok_or("ID_INVALID")?;
        drive.relocate(no, target).map_err(word)
    })
}

/// `POST /moveItemsToTrash`: the one conditional write. A stale etag changes nothing, and says so only by a switch.
pub(super) fn trash(world: &mut World, call: &Call) -> Reply {
    let stale = world.switches.stale_trash;
    each(world, call, &mut |drive, no, one| {
        let current = drive
            .item(no)
            .map(super::drive::Item::etag)
            .unwrap_or_default();
        if text(one, "etag") != current {
            match stale {
                StaleTrash::Silent => return Ok(()),
                StaleTrash::Conflict => return Err("ETAG_CONFLICT"),
                StaleTrash::Trash => {}
            }
        }
        drive.trash_item(no).map_err(word)
    })
}

/// `POST /putBackItemsFromTrash`.
pub(super) fn put_back(world: &mut World, call: &Call) -> Reply {
    each(world, call, &mut |drive, no, _| {
        drive.put_back(no).map_err(word)
    })
}

/// `POST /deleteItems`: for good, wherever the item is.
pub(super) fn delete(world: &mut World, call: &Call) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let body = call.json().unwrap_or_default();
    let Some(asked) = body.get("items").and_then(Value::as_array) else {
        return bad_request("The body has no items");
    };
    let view = View {
        single: true,
        ..View::of(&world.switches)
    };
    world.dirty = true;
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    let items: Vec<Value> = asked
        .iter()
        .map(|one| {
            let id = text(one, "drivewsid");
            let found = own_item(drive, id);
            let Some((no, out)) = found.and_then(|no| Some((no, item_out(drive, no, view)?)))
            else {
                return json!({"drivewsid": id, "status": "ID_INVALID"});
            };
            let mut value = out.value();
            match drive.delete(no) {
                Ok(()) => {
                    value["isDeleted"] = json!(true);
                    value["etag"] = json!("null");
                }
                Err(refused) => value["status"] = json!(word(refused)),
            }
            value
        })
        .collect();
    Reply::json(200, &json!({"items": items}))
}
