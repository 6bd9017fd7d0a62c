//! What other accounts share with this one: how it is asked for (protocol page 8.9).
//!
//! Ids of this program come in ([`Zone::is_share`] tells those of a share), the service's words for them go out. What a
//! request must say of a share is opaque, and is learnt anew from the listing of the folder that the share begins in;
//! until then the service is not asked for what is in it. Nothing is ever written to a share: only one project shows how
//! (page 8.9), and what is deleted there is gone for everybody.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::value::RawValue;

use super::{Drive, Wire, encoded};
use crate::{
    cloud::{
        http::Host,
        node,
        wire::{Asked, Download, Item},
    },
    error::{Error, Kind as ErrorKind, Result},
    tree::{DocId, Kind, RemoteId, Zone},
};

/// The ways to a document of a share, each shown by one project (protocol page 8.9): the owner behind the call, or
/// behind the zone. The first that works is kept to. A third, the item's own `url_download`, is not tried: nobody tells
/// what it answers.
const WAYS: [fn(&str, &str, &str) -> String; 2] = [
    |zone, owner, doc| format!("ws/{zone}/download/by_id/{owner}?document_id={doc}"),
    |zone, owner, doc| format!("ws/{zone}%3A{owner}/download/by_id?document_id={doc}"),
];

/// A share, as the item that it begins with told of it.
#[derive(Debug)]
struct Share {
    /// Its `shareID`, word for word.
    id: Box<RawValue>,
    /// The item that it begins with.
    top: DocId,
    /// The first part of that item's `drivewsid`.
    word: String,
}

/// The shares that listings have shown so far.
#[derive(Debug, Default)]
pub(super) struct Shares {
    known: RwLock<HashMap<Zone, Share>>,
    /// The way to documents that has worked.
    way: AtomicUsize,
}

impl Shares {
    /// Learns of the shares that begin in `folder`.
    pub(super) fn learn(&self, folder: &RemoteId, element: &Item) {
        for item in element.items.iter().flatten() {
            let Some((id, share)) = node::share_top(item, folder).zip(item.share_id.as_ref())
            else {
                continue;
            };
            let share = Share {
                id: share.clone(),
                top: id.doc,
                word: item.word().unwrap_or_default().to_owned(),
            };
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(id.zone, share);
        }
    }

    /// Returns how an item is asked for; `None` for one of a share that no listing has shown.
    pub(super) fn asked(&self, id: &RemoteId, kind: Kind, partial_data: bool) -> Option<Asked> {
        let asked = |drivewsid: String, share_id: Option<Box<RawValue>>| Asked {
            drivewsid,
            partial_data,
            include_hierarchy: false,
            share_id,
        };
        if !id.zone.is_share() {
            return Some(asked(id.drivewsid(kind), None));
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let share = known.get(&id.zone)?;
        let word = match kind {
            _ if id.doc == share.top => share.word.as_str(),
            Kind::Folder => "FOLDER_IN_SHARED_FOLDER",
            Kind::File | Kind::Package => "FILE_IN_SHARED_FOLDER",
        };
        let drivewsid = format!("{word}::{}::{}", id.zone.on_wire(), id.doc);
        Some(asked(drivewsid, Some(share.id.clone())))
    }
}

impl<W: Wire> Drive<W> {
    /// Asks where the content of a document of a share is.
    pub(super) fn shared_download(&self, zone: &Zone, doc: &DocId) -> Result<Download> {
        let owner = zone.owner().unwrap_or_default();
        let (on_wire, owner) = (encoded(zone.on_wire()), encoded(&owner));
        let first = self.shares.way.load(Ordering::Relaxed);
        let mut refused = None;
        for number in 0..WAYS.len() {
            let way = (first + number) % WAYS.len();
            let path = WAYS[way](&on_wire, &owner, &encoded(&doc.to_string()));
            match self.wire.get::<Download>(Host::Docws, &path) {
                Ok(download) => {
                    self.shares.way.store(way, Ordering::Relaxed);
                    return Ok(download);
                }
                // It may only be the wrong way; what the way that is known to work says, counts.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Protocol
                    ) =>
                {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| Error::new(ErrorKind::Refused, "no way to what is shared")))
    }
}

/// Makes sure that a write goes to a zone of one's own.
///
/// # Errors
/// `Refused` for a share.
pub(super) fn own(zone: &Zone) -> Result<()> {
    match zone.owner() {
        None => Ok(()),
        Some(owner) => Err(Error::new(
            ErrorKind::Refused,
            format!("it is shared by {owner}, and only read from here"),
        )),
    }
}
