//! The JSON of items as drivews writes them (protocol page 8.4), and of documents as docws does (9.2).
//!
//! Items are written straight from the Drive, since a listing may have tens of thousands of them.

use serde::Serialize;
use serde_json::{Value, json};

use super::drive::{Drive, Item, Kind, No, ROOT};
use super::signature::text as signature_text;
use super::switches::Switches;
use super::util::{pacific, utc};

/// The id of the trash.
pub(super) const TRASH_ROOT: &str = "TRASH_ROOT";

/// How to show an item.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View {
    /// Only ids and etag.
    pub(super) partial: bool,
    pub(super) no_status: bool,
    pub(super) ragged: bool,
    /// Answers about single items say a little more.
    pub(super) single: bool,
    /// A library calls itself a folder.
    pub(super) plain: bool,
}

impl View {
    pub(super) fn of(switches: &Switches) -> Self {
        Self {
            partial: false,
            no_status: switches.no_status,
            ragged: switches.ragged,
            single: false,
            plain: switches.plain_libraries,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shared<'a> {
    share_name: &'a str,
    record_name: &'a str,
    share_change_tag: String,
    #[serde(rename = "zoneID")]
    zone_id: Value,
}

/// A text or `null`.
#[derive(Serialize)]
#[serde(transparent)]
struct Nullable(Option<String>);

/// A single item. `None` fields are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemOut<'a> {
    drivewsid: String,
    docwsid: &'a str,
    #[serde(rename = "item_id", skip_serializing_if = "Option::is_none")]
    item_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden_extension: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    etag: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_created: Option<Nullable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_changed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_open_time: Option<Nullable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset_quota: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direct_children_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_alias_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_chained_to_parent: Option<bool>,
    #[serde(rename = "shortGUID", skip_serializing_if = "Option::is_none")]
    short_guid: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_depth: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icons: Option<[Value; 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_extensions: Option<[&'static str; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_types: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_expiration: Option<String>,
    #[serde(rename = "shareID", skip_serializing_if = "Option::is_none")]
    share_id: Option<Shared<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
}

/// What is above an item, as `parentId` says it.
pub(super) fn parent_id(drive: &Drive, item: &Item) -> Option<String> {
    if item.trashed.is_some() {
        return Some(TRASH_ROOT.to_owned());
    }
    item.parent.map(|parent| drive.drivewsid(parent))
}

/// An item as listings and answers show it; nothing if the number is of no item.
pub(super) fn item_out(drive: &Drive, no: No, view: View) -> Option<ItemOut<'_>> {
    let item = drive.item(no)?;
    let full = !view.partial;
    let (name, extension) = item.split_name();
    let (file, folder) = (item.is_file(), item.is_folder());
    let library = item.kind == Kind::Library;
    // A name without extension is met with an empty one too.
    let extension =
        extension.or_else(|| (view.ragged && file && no.is_multiple_of(2)).then_some(""));
    let kind = match &item.kind {
        Kind::File => "FILE",
        Kind::Folder => "FOLDER",
        Kind::Library if view.plain => "FOLDER",
        Kind::Library => "APP_LIBRARY",
        Kind::Other(word) => word,
    };
    let created = if view.ragged && no.is_multiple_of(3) {
        None
    } else {
        Some(pacific(item.created))
    };
    let opened = match item.opened {
        Some(at) => Some(Nullable(Some(utc(at)))),
        None if view.ragged => Some(Nullable(None)),
        None => None,
    };
    // Only what is shared by itself names its share.
    let share = (item.share.as_ref().or(item.lent.as_ref())).filter(|share| full && share.top);
    Some(ItemOut {
        drivewsid: drive.drivewsid(no),
        docwsid: &item.id,
        // In listings too: rclone 1.75.2 takes an item without it for one that is gone already.
        item_id: full.then(|| drive.item_id(no)),
        zone: full.then(|| drive.zone_name(item.zone)),
        name: full.then_some(name),
        extension: extension.filter(|_| full),
        hidden_extension: (full && file && !extension.unwrap_or_default().is_empty())
            .then_some(true),
        parent_id: parent_id(drive, item).filter(|_| full),
        etag: item.etag(),
        kind: full.then_some(kind),
        size: (full && file).then(|| item.size()),
        date_created: full.then_some(Nullable(created)),
        date_modified: (full && file).then(|| utc(item.modified)),
        date_changed: (full && file).then(|| pacific(item.changed)),
        last_open_time: opened.filter(|_| full && file),
        asset_quota: (full && folder).then_some(item.totals.bytes),
        file_count: (full && folder).then_some(item.totals.files),
        direct_children_count: (full && folder).then(|| direct_children(drive, item)),
        share_count: (full && folder).then_some(0),
        share_alias_count: (full && folder).then_some(0),
        is_chained_to_parent: full.then_some(true),
        short_guid: (full && file && view.single).then_some("0a1B2c3D4e5F6g7H8i9J0kL"),
        max_depth: (full && library).then_some("ANY"),
        icons: (full && library).then_some([]),
        supported_extensions: (full && library).then_some(["key", "pages"]),
        supported_types: (full && library).then_some(["com.apple.iwork.keynote.key"]),
        restore_path: item
            .trashed
            .as_ref()
            .filter(|_| full)
            .map(|t| t.path.as_str()),
        date_expiration: item
            .trashed
            .as_ref()
            .filter(|_| full)
            .map(|t| utc(t.expires)),
        share_id: share.map(|share| Shared {
            share_name: &share.name,
            record_name: &share.record,
            share_change_tag: drive.share_tag(share),
            zone_id: json!({"zoneName": drive.zone_name(item.zone), "ownerRecordName": share.owner,
                "zoneType": "REGULAR_CUSTOM_ZONE"}),
        }),
        owner: share.map(|share| json!({"ownerRecordName": share.owner})),
        status: (full && !view.no_status).then_some("OK"),
        client_id: None,
    })
}

/// The count that listings show for a folder; app libraries do not take part, as in the recorded root.
fn direct_children(drive: &Drive, item: &Item) -> usize {
    if item.parent.is_some() || item.id != "root" {
        return item.children().len();
    }
    let plain = |no: &No| {
        drive
            .item(*no)
            .is_some_and(|child| child.kind != Kind::Library)
    };
    drive
        .item(ROOT)
        .map_or(0, |root| root.children().filter(plain).count())
}

impl ItemOut<'_> {
    /// As a value, for answers of a few items.
    pub(super) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// With the status of a write that was not done.
    pub(super) fn with_status(mut self, status: &'static str) -> Self {
        self.status = Some(status);
        self
    }

    /// With what the client called it.
    pub(super) fn with_client_id(mut self, id: String) -> Self {
        self.client_id = Some(id);
        self
    }
}

/// A document as docws shows it.
pub(super) fn document(drive: &Drive, no: No, url_alphabet: bool) -> Value {
    let Some(item) = drive.item(no) else {
        return Value::Null;
    };
    let signature = signature_text(&item.shown, url_alphabet);
    let parent = item.parent.map(|parent| drive.drivewsid(parent));
    json!({
        "status": {"status_code": 0, "error_message": ""},
        "document_id": item.id,
        "item_id": drive.item_id(no),
        "urls": {"url_download": ""},
        "etag": item.etag(),
        "parent_id": parent,
        "name": item.name,
        "type": if item.is_file() { "FILE" } else { "FOLDER" },
        "deleted": drive.in_trash(no),
        "mtime": item.modified * 1000,
        "btime": item.created * 1000,
        "last_editor_name": "{\"name\":\"Demo\"}",
        "data": {
            "signature": signature,
            "owner": "0",
            "size": item.size(),
            "reference_signature": reference(&item.id, url_alphabet),
            "wrapping_key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "pcsInfo": "",
        },
        "size": item.size(),
        "zone": drive.zone_name(item.zone),
        "file_flags": {"is_executable": false, "is_writable": true, "is_hidden": false},
        "lastOpenedTime": item.opened.unwrap_or(item.changed) * 1000,
        "restorePath": item.trashed.as_ref().map(|trashed| trashed.path.clone()),
        "hasChainedParent": true,
    })
}

/// A reference signature: right in form, of no use to compare contents with.
pub(super) fn reference(id: &str, url_alphabet: bool) -> String {
    let mut signature = super::signature::of(id.as_bytes());
    signature[20] ^= 0xff;
    signature_text(&signature, url_alphabet)
}
