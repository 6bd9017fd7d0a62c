//! The writes of the metadata host: folders, names, places, trash (protocol page 8.7).
//!
//! Items of one call are judged one by one, in order; HTTP 200 with a status word at each. Only the trash looks at etags. What is in
//! somebody's share is reached as [`sharing`] says.

use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::drive::{Drive, Item, No};
use super::drivews::bad_request;
use super::identity::text;
use super::pcs::admit_to_data;
use super::sharing::{self, Barred, Naming};
use super::switches::{StaleTrash, Switches};
use super::wire::{View, item_out};
use super::world::World;

/// An edit of one item that is known.
type Edit<'a> = &'a mut dyn FnMut(&mut Drive, No, &Value) -> Result<(), &'static str>;

/// What an edit asks of those items of a call that are in somebody's share.
type Admit<'a> = &'a dyn Fn(&Drive, &Switches, No, &Value) -> Result<(), Barred>;

/// Applies an edit to each item of a call, unless what is shared has the whole call refused.
fn each(world: &mut World, call: &Call, admit: Admit<'_>, edit: Edit<'_>) -> Reply {
    let email = match admit_to_data(world, call) {
        Ok(email) => email,
        Err(refusal) => return refusal,
    };
    let body = call.json().unwrap_or_default();
    let Some(asked) = body.get("items").and_then(Value::as_array) else {
        return bad_request("The body has no items");
    };
    let switches = world.switches.clone();
    let view = View {
        single: true,
        ..View::of(&switches)
    };
    world.dirty = true;
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    // All are judged as they were before the call.
    let mut admitted = Vec::with_capacity(asked.len());
    for one in asked {
        let found = drive.find_drivewsid(text(one, "drivewsid"));
        let Some(no) = found.filter(|&no| !drive.is_with_owner(no)) else {
            admitted.push(Err("ID_INVALID"));
            continue;
        };
        match admit(drive, &switches, no, one) {
            Ok(()) => admitted.push(Ok(no)),
            Err(Barred::Item(status)) => admitted.push(Err(status)),
            Err(Barred::Call(refusal)) => return refusal,
        }
    }
    let items: Vec<Value> = asked
        .iter()
        .zip(admitted)
        .map(|(one, admitted)| {
            let id = text(one, "drivewsid");
            let no = match admitted {
                Ok(no) => no,
                Err(status) => return json!({"drivewsid": id, "status": status}),
            };
            let there = |drive: &Drive| drive.item(no).is_some() && !drive.is_with_owner(no);
            // An item may be named twice.
            if !there(drive) {
                return json!({"drivewsid": id, "status": "ID_INVALID"});
            }
            let before = item_out(drive, no, view).map(|out| out.value());
            let done = edit(drive, no, one);
            let out = item_out(drive, no, view).filter(|_| there(drive));
            let Some(out) = out else {
                // Deleted, and shown as it was.
                let mut value = before.unwrap_or_default();
                value["isDeleted"] = json!(true);
                value["etag"] = json!("null");
                return value;
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

/// Nothing of a share.
fn own_only(drive: &Drive, _: &Switches, no: No, _: &Value) -> Result<(), Barred> {
    sharing::bar(drive, [no].into_iter())
}

/// What is in a share and named by it.
fn own_or_named(drive: &Drive, switches: &Switches, no: No, one: &Value) -> Result<(), Barred> {
    sharing::admit(drive, switches, no, Naming::Whole, one)
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
    let switches = world.switches.clone();
    let view = View {
        single: true,
        ..View::of(&switches)
    };
    world.dirty = true;
    let Some(drive) = world.drive(&email) else {
        return Reply::empty(421);
    };
    let found = drive.find_drivewsid(target);
    let parent = match found
        .map(|no| sharing::admit(drive, &switches, no, Naming::Untagged, &body).map(|()| no))
    {
        Some(Ok(no)) => Ok(no),
        None => Err("ID_INVALID"),
        Some(Err(Barred::Item(status))) => Err(status),
        Some(Err(Barred::Call(refusal))) => return refusal,
    };
    let made: Vec<Value> = folders
        .iter()
        .map(|folder| {
            let client_id = text(folder, "clientId");
            let name = text(folder, "name");
            let created = match parent {
                _ if name.is_empty() || name.contains('/') => Err("UNKNOWN"),
                Err(status) => Err(status),
                Ok(parent) => drive.create_folder(parent, name).map_err(word),
            };
            match created.map(|no| item_out(drive, no, view)) {
                Ok(Some(out)) => out.with_client_id(client_id.to_owned()).value(),
                Ok(None) => sharing::not_made("UNKNOWN", client_id),
                Err(status) => sharing::not_made(status, client_id),
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
    each(world, call, &own_or_named, &mut |drive, no, one| {
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

/// `POST /moveItems`: unconditional, within a zone; neither from nor to a share.
pub(super) fn relocate(world: &mut World, call: &Call) -> Reply {
    let body = call.json().unwrap_or_default();
    let target = text(&body, "destinationDrivewsId").to_owned();
    let admit = |drive: &Drive, _: &Switches, no: No, _: &Value| {
        sharing::bar(drive, drive.find_drivewsid(&target).into_iter().chain([no]))
    };
    each(world, call, &admit, &mut |drive, no, _| {
        let target = drive.find_drivewsid(&target).ok_or("ID_INVALID")?;
        drive.relocate(no, target).map_err(word)
    })
}

/// `POST /moveItemsToTrash`: the one conditional write. A stale etag changes nothing, and says so only by a switch.
pub(super) fn trash(world: &mut World, call: &Call) -> Reply {
    let stale = world.switches.stale_trash;
    each(world, call, &own_only, &mut |drive, no, one| {
        let current = drive.item(no).map(Item::etag).unwrap_or_default();
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
    each(world, call, &own_only, &mut |drive, no, _| {
        drive.put_back(no).map_err(word)
    })
}

/// `POST /deleteItems`: for good, wherever the item is; what is in a share goes to its owner's trash. Where a share begins can't be
/// deleted.
pub(super) fn delete(world: &mut World, call: &Call) -> Reply {
    let admit = |drive: &Drive, switches: &Switches, no: No, one: &Value| {
        if drive.item(no).is_some_and(Item::is_share_top) {
            return own_only(drive, switches, no, one);
        }
        own_or_named(drive, switches, no, one)
    };
    each(world, call, &admit, &mut |drive, no, _| {
        if sharing::is_shared(drive, no) {
            drive.trash_item(no).map_err(word)
        } else {
            drive.delete(no).map_err(word)
        }
    })
}
