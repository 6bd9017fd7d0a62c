//! New folders, names, places and the trash (protocol page 8.7).
//!
//! One request for all items of a call; each item's answer is judged by itself. An item that the answer
//! says nothing of is `Lost`: it has to be read back. What is in another account's share names it (page 8.9).

use serde_json::{Map, Value, value::RawValue};

use super::{
    Drive, Wire,
    shares::{Sort, own},
};
use crate::{
    cloud::{
        Node, Target,
        http::{Effect, Host},
        node,
        wire::{Item, Items, NewFolder, NewFolders, Writes, Written},
    },
    error::{Error, Kind as ErrorKind, Result},
    tree::{Kind, RemoteId},
};

impl<W: Wire> Drive<W> {
    pub(super) fn make_folders(
        &self,
        parent: &RemoteId,
        names: &[&str],
    ) -> Result<Vec<Result<Node>>> {
        const CALL: &str = "createFolders";
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let (parent_id, share) = self.shares.named(parent, Kind::Folder)?;
        let client_id = |number: usize| format!("FOLDER::UNKNOWN_ZONE::TempId-{number}");
        let body = NewFolders {
            destination_drivews_id: parent_id,
            share_id: share.as_deref().map(without_tag).transpose()?,
            folders: names
                .iter()
                .enumerate()
                .map(|(number, name)| NewFolder {
                    client_id: client_id(number),
                    name,
                })
                .collect(),
        };
        let asked = (0..names.len()).map(client_id).collect::<Vec<_>>();
        let answer = self.shares.within(&parent.zone, Sort::Folder, || {
            self.wire.post(Host::Drivews, CALL, &body, Effect::Write)
        })?;
        let from = if parent.zone.is_share() {
            node::From::Listing(&parent.zone)
        } else {
            node::From::Elsewhere
        };
        let matched = matched(CALL, answer, &asked, |item| item.client_id.as_deref())?;
        Ok(matched
            .into_iter()
            .map(|item| {
                let made = done(CALL, item, from)?;
                let is_elsewhere = made.parent.as_ref().is_some_and(|place| place != parent);
                if is_elsewhere || made.is_trashed {
                    return Err(lost(CALL, "the answer shows it in another folder"));
                }
                Ok(made)
            })
            .collect())
    }

    pub(super) fn rename_item(&self, item: &Target, name: &str) -> Result<Node> {
        const CALL: &str = "renameItems";
        let zone = &item.id.zone;
        let from = if zone.is_share() {
            node::From::Asked(&item.id)
        } else {
            node::From::Elsewhere
        };
        let rename = || {
            let mut written = self.written(item, false)?;
            written.name = Some(name);
            let mut answers = self.write(CALL, None, vec![written])?;
            let answer = answers.pop().unwrap_or_else(|| Err(unsaid(CALL)));
            done(CALL, answer, from)
        };
        let in_share = || self.with_fresh_tag(zone, rename);
        self.shares.within(zone, Sort::Name, in_share)
    }

    pub(super) fn move_items(
        &self,
        items: &[Target],
        folder: &RemoteId,
    ) -> Result<Vec<Result<Node>>> {
        const CALL: &str = "moveItems";
        own(&folder.zone)?;
        let written = self.all_own(items, true)?;
        let answers = self.write(CALL, Some(folder.folder_drivewsid()), written)?;
        Ok(answers
            .into_iter()
            .map(|item| {
                let moved = done(CALL, item, node::From::Elsewhere)?;
                match &moved.parent {
                    Some(place) if place == folder => Ok(moved),
                    Some(_) => Err(changed(CALL, "the service left it where it was")),
                    None if moved.is_trashed => Err(changed(CALL, "it is in Recently Deleted")),
                    None => Err(lost(CALL, "the answer does not say where it is now")),
                }
            })
            .collect())
    }

    pub(super) fn trash_items(&self, items: &[Target]) -> Result<Vec<Result<Node>>> {
        const CALL: &str = "moveItemsToTrash";
        let written = self.all_own(items, true)?;
        let answers = self.write(CALL, None, written)?;
        Ok(answers
            .into_iter()
            .map(|item| {
                let trashed = done(CALL, item, node::From::Elsewhere)?;
                if trashed.is_trashed {
                    return Ok(trashed);
                }
                // With a stale etag the answer is 200 and nothing was done (hazard 3).
                Err(changed(
                    CALL,
                    "the service left it where it was: it has changed meanwhile",
                ))
            })
            .collect())
    }

    pub(super) fn put_items_back(&self, items: &[Target]) -> Result<Vec<Result<Node>>> {
        const CALL: &str = "putBackItemsFromTrash";
        let written = self.all_own(items, false)?;
        let answers = self.write(CALL, None, written)?;
        Ok(answers
            .into_iter()
            .map(|item| {
                let back = done(CALL, item, node::From::Elsewhere)?;
                if back.is_trashed {
                    return Err(changed(CALL, "it is still in Recently Deleted"));
                }
                if back.parent.is_none() {
                    return Err(lost(CALL, "the answer does not say where it is now"));
                }
                Ok(back)
            })
            .collect())
    }

    fn write(
        &self,
        call: &'static str,
        destination: Option<String>,
        written: Vec<Written<'_>>,
    ) -> Result<Vec<Result<Item>>> {
        if written.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<String> = written.iter().map(|item| item.drivewsid.clone()).collect();
        let body = Writes {
            destination_drivews_id: destination,
            items: written,
        };
        let answer = self.wire.post(Host::Drivews, call, &body, Effect::Write)?;
        matched(call, answer, &asked, |item| item.drivewsid.as_deref())
    }

    fn written<'a>(&self, item: &'a Target, has_client_id: bool) -> Result<Written<'a>> {
        let (drivewsid, share_id) = self.shares.named(&item.id, item.kind)?;
        Ok(Written {
            client_id: has_client_id.then(|| drivewsid.clone()),
            drivewsid,
            etag: item.etag.as_str(),
            name: None,
            share_id,
        })
    }

    /// Returns what is written of items that are all one's own.
    fn all_own<'a>(&self, items: &'a [Target], has_client_id: bool) -> Result<Vec<Written<'a>>> {
        (items.iter())
            .map(|item| {
                own(&item.id.zone)?;
                self.written(item, has_client_id)
            })
            .collect()
    }
}

/// Returns a `shareID` as new folders have it: without the change tag (page 8.9).
fn without_tag(share: &RawValue) -> Result<Map<String, Value>> {
    let mut share: Map<String, Value> = serde_json::from_str(share.get()).map_err(|error| {
        Error::new(ErrorKind::Protocol, "a shareID of unknown form").with_source(error)
    })?;
    share.remove("shareChangeTag");
    Ok(share)
}

/// Brings the answer's items into the order asked for: by key, else by place where the numbers are
/// equal and the item has no key (page 8.7: some come with their status alone).
fn matched(
    call: &str,
    answer: Items,
    asked: &[String],
    key: impl Fn(&Item) -> Option<&str>,
) -> Result<Vec<Result<Item>>> {
    let Some(items) = answer.items else {
        return Err(match answer.status.as_deref() {
            Some(word) if word != "OK" => refused(call, word),
            _ => unsaid(call),
        });
    };
    let is_same_number = items.len() == asked.len();
    let mut slots: Vec<Option<Item>> = asked.iter().map(|_| None).collect();
    for (number, item) in items.into_iter().enumerate() {
        let by_key = key(&item).map(|key| asked.iter().position(|asked| asked == key));
        let at = match by_key {
            Some(at) => at,
            None => is_same_number.then_some(number),
        };
        if let Some(slot @ None) = at.and_then(|at| slots.get_mut(at)) {
            *slot = Some(item);
        }
    }
    Ok(slots
        .into_iter()
        .map(|slot| slot.ok_or_else(|| unsaid(call)))
        .collect())
}

/// Judges an item's status word (page 8.5), and reads the item.
fn done(call: &str, item: Result<Item>, from: node::From<'_>) -> Result<Node> {
    let item = item?;
    match item.status.as_deref() {
        None | Some("OK") => {}
        Some("UNKNOWN") if call == "createFolders" => {
            return Err(Error::new(
                ErrorKind::Exists,
                "createFolders: the service says UNKNOWN; most likely the name is taken",
            ));
        }
        Some("UNKNOWN") => return Err(lost(call, "the service says UNKNOWN")),
        Some(word) => return Err(refused(call, word)),
    }
    node::node(item, from).map_err(|why| lost(call, &why))
}

fn refused(call: &str, word: &str) -> Error {
    let kind = match word {
        "ETAG_CONFLICT" => ErrorKind::Changed,
        "ID_INVALID" => ErrorKind::NotFound,
        _ => ErrorKind::Refused,
    };
    Error::new(kind, format!("{call}: the service says {word}"))
}

fn changed(call: &str, why: &str) -> Error {
    Error::new(ErrorKind::Changed, format!("{call}: {why}"))
}

fn lost(call: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::Lost,
        format!("{call}: {why}; it is not known whether it was done"),
    )
}

fn unsaid(call: &str) -> Error {
    lost(call, "the answer says nothing of it")
}
