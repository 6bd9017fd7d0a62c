//! The service's items → [`Node`]s.
//!
//! Pure: an item of an answer comes in, what it means goes out, or in words why it can't be relied
//! on.

use jiff::Timestamp;

use super::{
    FolderAnswer, FolderProbe, Node,
    wire::{self, Item, ShareId},
};
use crate::tree::{DocId, Etag, Kind, RemoteId, Zone};

/// What a type word or the first part of a `drivewsid` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    File,
    Folder,
    Library,
    Shared,
    Foreign,
}

fn sort_of(word: &str) -> Sort {
    match word {
        "FILE" => Sort::File,
        "FOLDER" => Sort::Folder,
        "APP_LIBRARY" | "APP_CONTAINER" => Sort::Library,
        _ if word.contains("SHARED_FOLDER") => Sort::Shared,
        _ => Sort::Foreign,
    }
}

/// What an item says of its share, in bytes, at most: it goes along with every request.
const LONGEST_SHARE: usize = 4096;

/// Where an item comes from: what is in another account's share need not name that share itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum From<'a> {
    /// It is the item that was asked for by this id.
    Asked(&'a RemoteId),
    /// It is in the listing of a folder of this zone.
    Listing(&'a Zone),
    /// Neither.
    Elsewhere,
}

/// Returns the zone that an item is in, if `word` says that it is of another account's share: that of the folder that
/// lists it, or the one that it names itself. `on_wire` is the service's zone.
fn share_of(item: &Item, word: &str, on_wire: &Zone, from: From<'_>) -> Option<Zone> {
    match from {
        From::Asked(id) if id.zone.is_share() => return Some(id.zone.clone()),
        From::Listing(zone) if zone.is_share() && word.ends_with("_IN_SHARED_FOLDER") => {
            return Some(zone.clone());
        }
        From::Asked(_) | From::Listing(_) | From::Elsewhere => {}
    }
    let text = item.share_id.as_ref()?.get();
    let share = (text.len() <= LONGEST_SHARE).then(|| serde_json::from_str::<ShareId>(text).ok());
    let share = share.flatten()?;
    let (owner, record) = share.zone?.owner_record_name.zip(share.record_name)?;
    (!owner.is_empty() && !record.is_empty()).then(|| Zone::of_share(on_wire, &owner, &record))
}

/// Returns the id of an item with which another account's share begins: one in a folder of another zone.
pub(super) fn share_top(item: &Item, folder: &RemoteId) -> Option<RemoteId> {
    let id = id_of(item, From::Listing(&folder.zone))?;
    (id.zone.is_share() && id.zone != folder.zone).then_some(id)
}

/// Reads an id of the service, which never is a share's in this program's form.
fn wire_id(drivewsid: &str) -> Option<RemoteId> {
    RemoteId::from_drivewsid(drivewsid).filter(|id| !id.zone.is_share())
}

/// Returns whether a `parentId` or `drivewsid` is that of Recently Deleted, in either form (8.7).
pub(super) fn is_trash(id: &str) -> bool {
    id == "TRASH_ROOT" || id.ends_with("::TRASH_ROOT")
}

/// Returns an item's identity. What is of another account's share, and can't be found there, has a zone that is none.
pub(super) fn id_of(item: &Item, from: From<'_>) -> Option<RemoteId> {
    // An empty part is none: what it names could not be asked for again.
    let part = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let from_parts = || {
        Some(RemoteId {
            zone: Zone::new(&part(&item.zone)?),
            doc: DocId::new(&part(&item.docwsid)?),
        })
    };
    let id = (item.drivewsid.as_deref().and_then(wire_id))
        .or_else(|| from_parts().filter(|id| !id.zone.is_share()))?;
    let word = item.word().unwrap_or_default();
    if sort_of(word) == Sort::Shared
        && let Some(zone) = share_of(item, word, &id.zone, from)
    {
        return Some(RemoteId { zone, ..id });
    }
    Some(id)
}

/// Returns the id of the folder that an item says it is in.
fn parent_of(item: &Item, id: &RemoteId) -> Option<RemoteId> {
    let text = item.parent_id.as_deref()?;
    let parent = wire_id(text)?;
    let (word, _) = text.split_once("::")?;
    if sort_of(word) == Sort::Shared && id.zone.is_share() {
        let zone = id.zone.clone();
        return Some(RemoteId { zone, ..parent });
    }
    Some(parent)
}

/// Returns what an item is; what it was asked by is its id where it does not say.
///
/// # Errors
/// Why it can't be relied on: it has no id, or is a file without a size. Size 0 must not be guessed:
/// it would make an empty file of it.
pub(super) fn node(item: Item, from: From<'_>) -> Result<Node, String> {
    let asked = match from {
        From::Asked(id) => Some(id.clone()),
        From::Listing(_) | From::Elsewhere => None,
    };
    let id = id_of(&item, from)
        .or(asked)
        .ok_or("an item in it comes without an id")?;
    let by_id = item.word().map(sort_of);
    let by_type = item.kind.as_deref().map(sort_of);
    let is_anothers = by_id == Some(Sort::Shared) || by_type == Some(Sort::Shared);
    let is_shared = is_anothers && !id.zone.is_share();
    // The words of another's share are in its id; what names a share and has none of them is the account's own.
    let is_lent = !is_anothers && item.share_id.is_some();
    let is_stray = matches!(from, From::Listing(zone) if zone.is_share()) && !id.zone.is_share();
    let sort = match by_type.or(by_id) {
        Some(sort) if !is_stray => sort,
        // In another's share there is nothing of one's own.
        Some(_) | None => Sort::Foreign,
    };
    let name = full_name(item.name.as_deref(), item.extension.as_deref());
    let kind = match sort {
        Sort::Folder | Sort::Library => Kind::Folder,
        Sort::Shared if by_id_is_folder(&item) => Kind::Folder,
        Sort::File | Sort::Shared | Sort::Foreign => Kind::File,
    };
    let modified_ms = match kind {
        Kind::Folder => None,
        Kind::File | Kind::Package => item.date_modified.as_deref().and_then(milliseconds),
    };
    let size = match (kind, item.size) {
        (Kind::Folder, _) => 0,
        (_, Some(size)) => size,
        (_, None) if is_shared || sort == Sort::Foreign => 0,
        (Kind::File | Kind::Package, None) => {
            return Err(format!("the file \"{name}\" comes without a size"));
        }
    };
    let parent = parent_of(&item, &id);
    // Whatever its own element calls itself: nothing but a library, or a share, lies in another zone than its parent.
    let is_library = sort == Sort::Library
        || (kind == Kind::Folder
            && !id.zone.is_share()
            && (parent.as_ref()).is_some_and(|up| up.zone != id.zone));
    let is_trashed = item.parent_id.as_deref().is_some_and(is_trash);
    let parent = parent.filter(|_| !is_trashed);
    let etag = match item.etag {
        Some(etag) => Etag::new(&etag),
        // Never seen. What else tells versions apart takes its place.
        None => Etag::new(&format!("none:{size}:{}", modified_ms.unwrap_or(0))),
    };
    Ok(Node {
        id,
        kind,
        name,
        parent,
        is_trashed,
        etag,
        size,
        modified_ms,
        is_fixed: is_library,
        is_lent,
        is_shared,
        is_foreign: sort == Sort::Foreign,
        restore_path: item.restore_path,
        expires_ms: item.date_expiration.as_deref().and_then(milliseconds),
    })
}

fn by_id_is_folder(item: &Item) -> bool {
    let words = [item.kind.as_deref(), item.drivewsid.as_deref()];
    !words
        .into_iter()
        .flatten()
        .any(|word| word.starts_with("FILE"))
}

/// Joins name and extension, which the service keeps apart (page 8.4).
fn full_name(name: Option<&str>, extension: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    match extension {
        Some(extension) if !extension.is_empty() => format!("{name}.{extension}"),
        _ => name.to_owned(),
    }
}

/// Reads RFC 3339, with `Z` or an offset.
fn milliseconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

/// What the element for a folder says before its children are looked at.
enum Element {
    Whole(Vec<Item>),
    Gone,
    Odd(String),
}

fn open(element: &mut Item, asked: Option<&RemoteId>) -> Element {
    match element.status.as_deref() {
        None | Some("OK") => {}
        Some("ID_INVALID") => return Element::Gone,
        Some(word) => return Element::Odd(format!("the service says {word}")),
    }
    if let Some(asked) = asked
        && let Some(got) = id_of(element, From::Asked(asked))
        && *asked != got
    {
        return Element::Odd("the answer is for another folder".to_owned());
    }
    let Some(items) = element.items.take() else {
        return Element::Odd("the answer has no items".to_owned());
    };
    match element.number_of_items {
        Some(number) if number == items.len() as u64 => Element::Whole(items),
        Some(number) => Element::Odd(format!(
            "the answer has {} items, and says that there are {number}",
            items.len()
        )),
        None => Element::Odd("the answer does not say how many items there are".to_owned()),
    }
}

/// Returns what the element for `asked` says of the folder and its children.
pub(super) fn folder_answer(mut element: Item, asked: &RemoteId) -> FolderAnswer {
    let items = match open(&mut element, Some(asked)) {
        Element::Whole(items) => items,
        Element::Gone => return FolderAnswer::Gone,
        Element::Odd(why) => return FolderAnswer::Odd(why),
    };
    let from = From::Listing(&asked.zone);
    let children: Result<Vec<Node>, String> =
        items.into_iter().map(|item| node(item, from)).collect();
    match (own_node(element, asked), children) {
        (Ok(folder), Ok(children)) => FolderAnswer::Whole {
            folder: Box::new(folder),
            children,
        },
        (Err(why), _) | (_, Err(why)) => FolderAnswer::Odd(why),
    }
}

/// Returns what the element for `asked` says with ids and etags only.
pub(super) fn folder_probe(mut element: Item, asked: &RemoteId) -> FolderProbe {
    let items = match open(&mut element, Some(asked)) {
        Element::Whole(items) => items,
        Element::Gone => return FolderProbe::Gone,
        Element::Odd(why) => return FolderProbe::Odd(why),
    };
    let mut children = Vec::with_capacity(items.len());
    for item in items {
        match partial(&item, &asked.zone) {
            Some(child) => children.push(child),
            None => return FolderProbe::Odd("an item in it comes without id or etag".to_owned()),
        }
    }
    match own_node(element, asked) {
        Ok(folder) => FolderProbe::Whole {
            folder: Box::new(folder),
            children,
        },
        Err(why) => FolderProbe::Odd(why),
    }
}

/// Returns the items of Recently Deleted.
pub(super) fn trash_answer(mut element: Item) -> FolderItems {
    let items = match open(&mut element, None) {
        Element::Whole(items) => items,
        Element::Gone => return FolderItems::Gone,
        Element::Odd(why) => return FolderItems::Odd(why),
    };
    let nodes: Result<Vec<Node>, String> = (items.into_iter())
        .map(|item| node(item, From::Elsewhere))
        .collect();
    match nodes {
        Ok(mut nodes) => {
            for node in &mut nodes {
                node.is_trashed = true;
                node.parent = None;
            }
            FolderItems::Whole(nodes)
        }
        Err(why) => FolderItems::Odd(why),
    }
}

/// What became of the trash's listing.
pub(super) enum FolderItems {
    Whole(Vec<Node>),
    Gone,
    Odd(String),
}

fn own_node(mut element: Item, asked: &RemoteId) -> Result<Node, String> {
    // It was asked for as a folder, and answered as one; the trash's element has no type.
    element.kind.get_or_insert_with(|| "FOLDER".to_owned());
    let node = node(element, From::Asked(asked))?;
    if node.kind == Kind::Folder {
        Ok(node)
    } else {
        Err("the answer is for something that is no folder".to_owned())
    }
}

/// A child, in a folder of that zone, of which only ids and etag are told.
fn partial(item: &Item, zone: &Zone) -> Option<(RemoteId, Kind, Etag)> {
    let etag = Etag::new(item.etag.as_deref()?);
    let mut id = id_of(item, From::Listing(zone))?;
    let kind = match sort_of(item.word()?) {
        Sort::File if !zone.is_share() => Kind::File,
        Sort::Folder | Sort::Library if !zone.is_share() => Kind::Folder,
        Sort::Shared if id.zone == *zone && zone.is_share() => {
            if by_id_is_folder(item) {
                Kind::Folder
            } else {
                Kind::File
            }
        }
        Sort::File | Sort::Folder | Sort::Library | Sort::Shared | Sort::Foreign => {
            // Not to be taken for an item that it once was: the whole word becomes its id. So the folder that a share
            // begins in is listed in full, which is what tells how to ask for the share.
            id.doc = DocId::new(item.drivewsid.as_deref()?);
            Kind::File
        }
    };
    Some((id, kind, etag))
}

/// Returns what a document object says of a file that was asked to be called `name`.
pub(super) fn document_node(
    document: &wire::Document,
    folder: &RemoteId,
    doc: DocId,
    name: &str,
) -> Option<Node> {
    let etag = document
        .etag
        .as_deref()
        .or(document.double_etag.as_deref())?;
    let is_stem = |told: &str| name.rsplit_once('.').is_some_and(|(stem, _)| stem == told);
    let told = document.name.as_deref().filter(|told| !told.is_empty());
    Some(Node {
        id: RemoteId {
            zone: folder.zone.clone(),
            doc,
        },
        kind: Kind::File,
        // Whether the name comes with its extension is inferred only (page 9.2).
        name: told
            .filter(|told| !is_stem(told))
            .unwrap_or(name)
            .to_owned(),
        parent: None,
        is_trashed: false,
        etag: Etag::new(etag),
        size: document.size?,
        modified_ms: document.mtime,
        is_fixed: false,
        is_lent: false,
        is_shared: false,
        is_foreign: false,
        restore_path: None,
        expires_ms: None,
    })
}

#[cfg(test)]
mod tests;
