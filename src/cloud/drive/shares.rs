//! What other accounts share with this one: how it is asked for (protocol page 8.9).
//!
//! Ids of this program come in ([`Zone::is_share`] tells those of a share), the service's words for them go out. What a
//! request must say of a share is opaque, and is learnt anew from the listing of the folder that the share begins in;
//! until then the service is not asked for what is in it.
//!
//! Folders are made, content is sent and names are changed in a share as one project shows it (page 8.9); that is inferred
//! as far as this program goes, so passes do it only where they are told to. Whether the owner lets anything be written
//! shows in no item that is known, only in what becomes of it. Nothing goes from a share into the trash or to another
//! folder: the service refuses both to those who take part, as seen by another project, and deletion for good is not for
//! a sync tool (hazard 1).

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use serde_json::value::RawValue;

use super::{Drive, Wire, encoded};
use crate::{
    cloud::{
        http::Host,
        node,
        wire::{Asked, Download, Item, ShareId},
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
    /// The folder that it begins in.
    home: RemoteId,
    /// The item that it begins with.
    top: DocId,
    /// The first part of that item's `drivewsid`.
    word: String,
    /// How often the service has refused a write of each sort, in a row.
    refusals: [AtomicU32; 3],
}

/// A sort of write into a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Content,
    Folder,
    Name,
}

/// After so many refusals in a row the rest of a sort is not offered any more: what is read only is refused every time,
/// and content is sent whole before that shows.
const MOST_REFUSALS: u32 = 3;

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
            let word = item.word().unwrap_or_default().to_owned();
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            let before = known.remove(&id.zone);
            let share = Share {
                id: share.clone(),
                home: folder.clone(),
                top: id.doc,
                word,
                refusals: before.map(|before| before.refusals).unwrap_or_default(),
            };
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
        Some(asked(share.drivewsid(id, kind), Some(share.id.clone())))
    }

    /// Returns how a write names an item, and its share where it is in one: that which is asked for at its place, too.
    ///
    /// # Errors
    /// `Refused` for one of a share that no listing has shown.
    pub(super) fn named(
        &self,
        id: &RemoteId,
        kind: Kind,
    ) -> Result<(String, Option<Box<RawValue>>)> {
        let asked = self.asked(id, kind, false);
        asked
            .map(|asked| (asked.drivewsid, asked.share_id))
            .ok_or_else(|| unknown(&id.zone))
    }

    /// Returns where content for a zone is announced, below `ws/`, and where it is committed.
    ///
    /// # Errors
    /// `Refused` for a share that no listing has shown.
    pub(super) fn upload_paths(&self, zone: &Zone) -> Result<[String; 2]> {
        let on_wire = encoded(zone.on_wire());
        let Some(owner) = zone.owner() else {
            return Ok([
                format!("ws/{on_wire}/upload/web"),
                format!("ws/{on_wire}/update/documents?errorBreakdown=true"),
            ]);
        };
        let (owner, record) = (encoded(&owner), encoded(&self.record(zone)?));
        Ok([
            format!("ws/{on_wire}/upload/web/{owner}/{record}"),
            format!("ws/{on_wire}/update/shared/{owner}?errorBreakdown=true"),
        ])
    }

    /// Returns what a commit calls the folder that content goes into: that which a share begins with by the share's name.
    ///
    /// # Errors
    /// `Refused` for one of a share that no listing has shown.
    pub(super) fn starting_document(&self, folder: &RemoteId) -> Result<String> {
        if !folder.zone.is_share() {
            return Ok(folder.doc.to_string());
        }
        let is_top = self.with(&folder.zone, |share| share.top == folder.doc)?;
        if is_top {
            self.record(&folder.zone)
        } else {
            Ok(folder.doc.to_string())
        }
    }

    fn record(&self, zone: &Zone) -> Result<String> {
        let id = self.with(zone, |share| share.id.clone())?;
        let id: Option<ShareId> = serde_json::from_str(id.get()).ok();
        id.and_then(|id| id.record_name)
            .ok_or_else(|| unknown(zone))
    }

    fn with<T>(&self, zone: &Zone, look: impl FnOnce(&Share) -> T) -> Result<T> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(zone).map(look).ok_or_else(|| unknown(zone))
    }

    /// Returns the folder that a share begins in, and what a request says of the share.
    fn told(&self, zone: &Zone) -> Result<(RemoteId, String)> {
        self.with(zone, |share| {
            (share.home.clone(), share.id.get().to_owned())
        })
    }

    /// Does what writes into a zone, and remembers of a share whether it was taken.
    ///
    /// # Errors
    /// Those of `write`; `Refused` where it is not tried, and for a full storage of who shares it.
    pub(super) fn within<T>(
        &self,
        zone: &Zone,
        sort: Sort,
        write: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.preparing(zone, sort, || {
            let done = write()?;
            if zone.is_share() {
                self.with(zone, |share| {
                    share.refusals[sort as usize].store(0, Ordering::SeqCst);
                })?;
            }
            Ok(done)
        })
    }

    /// Does what comes before a write into a zone: its success does not mean that the write is taken.
    ///
    /// # Errors
    /// As [`Self::within`].
    pub(super) fn preparing<T>(
        &self,
        zone: &Zone,
        sort: Sort,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let Some(owner) = zone.owner() else {
            return act();
        };
        let refused = self.with(zone, |share| {
            share.refusals[sort as usize].load(Ordering::SeqCst)
        })?;
        if refused >= MOST_REFUSALS {
            let text = format!(
                "not tried: shared by {owner}, and the service has refused {refused} writes to it in this pass"
            );
            return Err(read_only(text));
        }
        match act() {
            Err(error) if error.kind() == ErrorKind::Refused => {
                self.with(zone, |share| {
                    share.refusals[sort as usize].fetch_add(1, Ordering::SeqCst);
                })?;
                let text = format!("shared by {owner}, who may let it be read only");
                Err(read_only(text).with_source(error))
            }
            Err(error) if error.kind() == ErrorKind::DiskFull => {
                let text = format!("the iCloud storage of {owner}, who shares it, is full");
                Err(Error::new(ErrorKind::Refused, text).with_source(error))
            }
            done => done,
        }
    }
}

impl Share {
    /// Returns how an item of the share is named.
    fn drivewsid(&self, id: &RemoteId, kind: Kind) -> String {
        let word = match kind {
            _ if id.doc == self.top => self.word.as_str(),
            Kind::Folder => "FOLDER_IN_SHARED_FOLDER",
            Kind::File | Kind::Package => "FILE_IN_SHARED_FOLDER",
        };
        format!("{word}::{}::{}", id.zone.on_wire(), id.doc)
    }
}

impl<W: Wire> Drive<W> {
    /// Does what tells the service a share's change tag, which may have moved on since the share was listed: another
    /// project asks for it before each such write (protocol page 8.9).
    pub(super) fn with_fresh_tag<T>(
        &self,
        zone: &Zone,
        write: impl Fn() -> Result<T>,
    ) -> Result<T> {
        let done = write();
        if !zone.is_share() || !matches!(&done, Err(error) if error.kind() == ErrorKind::Refused) {
            return done;
        }
        let (home, before) = self.shares.told(zone)?;
        self.list_folders(std::slice::from_ref(&home))?;
        let (_, now) = self.shares.told(zone)?;
        if now == before { done } else { write() }
    }

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

/// Makes sure that what is moved or goes into the trash is one's own.
///
/// # Errors
/// `Refused` for a share.
pub(super) fn own(zone: &Zone) -> Result<()> {
    match zone.owner() {
        None => Ok(()),
        Some(owner) => Err(Error::new(
            ErrorKind::Refused,
            format!("it is shared by {owner}, and nothing is moved or deleted there from here"),
        )),
    }
}

fn unknown(zone: &Zone) -> Error {
    let owner = zone.owner().unwrap_or_default();
    let text = format!("it is shared by {owner}, and the share is not listed any more");
    Error::new(ErrorKind::Refused, text)
}

fn read_only(text: String) -> Error {
    Error::new(ErrorKind::Refused, text).with_hint(
        "who shares it can let others make changes; without --shares write nothing is sent to it",
    )
}
