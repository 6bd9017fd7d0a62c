//! Whether a call may reach, and write to, what somebody else shares with the account (protocol page 8.9).
//!
//! What is in a share is there only for who names that share. A write that does not name it as the web site does gets HTTP 400, as one
//! project saw. Moves and the trash are refused to participants in any form: trash of what is in a share got 400 live, moves are
//! told of in two forms, neither of which is served here.

use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::drive::{Drive, No, Share};
use super::log::Host;
use super::switches::{ShareDenied, Switches};
use super::util::percent_decode;

/// The status word of a write that is not allowed.
pub(super) const DENIED: &str = "PERMISSION_DENIED";

/// How a write has to name a share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// By its whole `shareID`, with the `shareChangeTag` as it is now: rename, delete.
    Whole,
    /// By its `shareID` without a `shareChangeTag`: new folders.
    Untagged,
}

/// Why a write does not reach a share.
pub(super) enum Barred {
    /// The whole call is refused.
    Call(Reply),
    /// The item gets this status word.
    Item(&'static str),
}

fn refuse(reason: &str) -> Barred {
    Barred::Call(Reply::error(Host::Drivews, 400, "BAD_REQUEST", reason))
}

fn is_named(share_id: Option<&Value>, share: &Share) -> bool {
    let named = |key: &str| share_id.and_then(|id| id.get(key)?.as_str());
    let owner = share_id.and_then(|id| id.get("zoneID")?.get("ownerRecordName")?.as_str());
    named("shareName") == Some(&share.name)
        && named("recordName") == Some(&share.record)
        && owner == Some(&share.owner)
}

/// Whether a request object shows an item to the account: what is its own, and of a share what names that share. What went to its
/// owner's trash is nowhere.
pub(super) fn shows(asked: &Value, drive: &Drive, no: No) -> bool {
    let share = drive.item(no).and_then(|item| item.share.as_ref());
    let named = |share: &Share| is_named(asked.get("shareID"), share);
    share.is_none_or(|share| named(share) && !drive.is_with_owner(no))
}

/// Whether an item is somebody else's.
pub(super) fn is_shared(drive: &Drive, no: No) -> bool {
    drive.item(no).is_some_and(|item| item.share.is_some())
}

/// Lets a write of metadata through to an item: always to an own one, and to one of a share if the object that must name it does.
pub(super) fn admit(
    drive: &Drive,
    switches: &Switches,
    no: No,
    naming: Naming,
    asked: &Value,
) -> Result<(), Barred> {
    let Some(share) = drive.item(no).and_then(|item| item.share.as_ref()) else {
        return Ok(());
    };
    let share_id = asked.get("shareID");
    if !is_named(share_id, share) {
        return Err(refuse("What is shared has to be named by its shareID"));
    }
    let tag = share_id.and_then(|id| id.get("shareChangeTag")?.as_str());
    match (naming, tag) {
        (Naming::Untagged, None) => {}
        (Naming::Untagged, Some(_)) => return Err(refuse("The shareID has a shareChangeTag")),
        (Naming::Whole, None) => return Err(refuse("The shareID has no shareChangeTag")),
        (Naming::Whole, Some(tag)) if tag == drive.share_tag(share) => {}
        (Naming::Whole, Some(_)) => {
            let reason = "The shareChangeTag is not that of the share";
            let conflict = Reply::error(Host::Drivews, 409, "CONFLICT", reason);
            return Err(Barred::Call(conflict));
        }
    }
    if !drive.only_reads(share) {
        return Ok(());
    }
    Err(denied(switches, Host::Drivews).map_or(Barred::Item(DENIED), Barred::Call))
}

/// Refuses a call that would move or trash what is shared, or move something there.
pub(super) fn bar(drive: &Drive, ids: impl Iterator<Item = No>) -> Result<(), Barred> {
    for no in ids {
        if is_shared(drive, no) {
            return Err(refuse("Not possible for who takes part in a share"));
        }
    }
    Ok(())
}

/// The refusal of a write to a share that is only read, where it is one of the whole call.
pub(super) fn denied(switches: &Switches, host: Host) -> Option<Reply> {
    let reason = "No permission to write to this share";
    match switches.share_denied {
        ShareDenied::Http403 => Some(Reply::error(host, 403, "FORBIDDEN", reason)),
        ShareDenied::Http400 => Some(Reply::error(host, 400, "BAD_REQUEST", reason)),
        ShareDenied::Status => None,
    }
}

/// What follows the first words of a documents call's path, such as the owner and the record name of `upload/web/OWNER/RECORD`.
pub(super) fn behind(call: &Call) -> Vec<String> {
    let parts = call.path.split('/').skip(5);
    parts.map(|part| percent_decode(part, false)).collect()
}

/// The zone that a metadata call writes to in the name of a share: the one of its owner.
pub(super) fn zone_of_share(body: &Value) -> Option<String> {
    let items = body.get("items");
    let first = items.and_then(|items| items.get(0)?.get("shareID"));
    let zone = body.get("shareID").or(first)?.get("zoneID")?;
    let part = |key: &str| zone.get(key).and_then(Value::as_str);
    Some(format!(
        "{}:{}",
        part("zoneName")?,
        part("ownerRecordName")?
    ))
}

/// The element of a folder that was not made.
pub(super) fn not_made(status: &str, client_id: &str) -> Value {
    json!({"status": status, "clientId": client_id})
}
