//! Writes whose outcome nobody has published (protocol page 15, questions 6 and 7). Passes look before each of them, so that
//! they do not rest on the answers; a surprising one is told.

use super::{
    lab::{Lab, Measured, one},
    target,
};
use crate::{
    cloud::{
        Commit, Node, Remote,
        drive::Wire as _,
        http::{Effect, Host},
        until_free,
        wire::{Items, Writes, Written},
    },
    error::{Error, Kind, Result},
    tree::Kind as ItemKind,
};

/// Question 6: an update in place of a file that somebody has trashed meanwhile.
pub(super) fn in_place(lab: &mut Lab<'_>) -> Result<Measured> {
    let corner = lab.corner("in place")?;
    let file = lab.file(&corner, "file.txt", "first")?;
    let staged = lab.stage(&corner, "file.txt", "second")?;
    lab.trash(&file)?;
    let what = Commit::Update(&file.id.doc);
    let answer = match lab.commit(&staged, &what, &corner, "file.txt", "second") {
        Ok(_) => {
            let now = lab.look(&[(file.id.clone(), ItemKind::File)])?;
            if now.iter().all(|node| node.is_trashed) {
                "is done, and the file stays in Recently Deleted".to_owned()
            } else {
                "is done, and brings the file back".to_owned()
            }
        }
        Err(error) if is_refusal(&error) => format!("is refused ({})", error.chain()),
        Err(error) => return Err(error),
    };
    Ok(Measured::known(answer))
}

/// Question 6: a move onto a name that is taken.
pub(super) fn taken_name(lab: &mut Lab<'_>) -> Result<Measured> {
    let corner = lab.corner("taken name")?;
    let (from, to) = (lab.folder(&corner, "a")?.id, lab.folder(&corner, "b")?.id);
    let comer = lab.file(&from, "file.txt", "comer")?;
    let sitter = lab.file(&to, "file.txt", "sitter")?;
    let items = [target(&comer)];
    let moved = until_free(lab.drive, || lab.drive.relocate(&items, &to)).and_then(one);
    let answer = match moved {
        Ok(moved) => {
            let sitter = one_read(lab, &sitter)?;
            let has_sitter = sitter.is_some_and(|node| !node.is_trashed);
            match (moved.name == "file.txt", has_sitter) {
                (true, true) => "is done, and both have the same name".to_owned(),
                (false, true) => format!("is done under another name, \"{}\"", moved.name),
                (_, false) => {
                    return Ok(Measured {
                        way_out: Some(
                            "passes look before each move, but another device could lose a file so: tell the project, with this report",
                        ),
                        ..Measured::known("is done, and what had the name is not there any more")
                    });
                }
            }
        }
        Err(error) if is_refusal(&error) => format!("is refused ({})", error.chain()),
        Err(error) => return Err(error),
    };
    Ok(Measured::known(answer))
}

/// Reads an item; `None` where the service does not know it.
fn one_read(lab: &Lab<'_>, item: &Node) -> Result<Option<Node>> {
    let found = lab.drive.read(&[(item.id.clone(), item.kind)])?;
    Ok(found.into_iter().next().flatten())
}

/// Question 7: trashing with an etag that is out of date, a file and a folder.
pub(super) fn stale_trash(lab: &mut Lab<'_>) -> Result<Measured> {
    let corner = lab.corner("stale etag")?;
    let file = lab.file(&corner, "file.txt", "first")?;
    let folder = lab.folder(&corner, "folder")?;
    lab.rename(&file, "other.txt")?;
    lab.rename(&folder, "other")?;
    let (file, folder) = (trash_with(lab, &file)?, trash_with(lab, &folder)?);
    let answer = format!("a file {}, a folder {}", file.words(), folder.words());
    if matches!(file, Stale::Trashed) || matches!(folder, Stale::Trashed) {
        return Ok(Measured {
            way_out: Some(
                "another device's edit right before a deletion goes to Recently Deleted with it: restore it from there; tell the project, with this report",
            ),
            ..Measured::known(answer)
        });
    }
    Ok(Measured::known(answer))
}

/// What became of it.
enum Stale {
    /// 200, and it is where it was.
    Untouched,
    /// A word of refusal.
    Word(String),
    /// The etag did not matter.
    Trashed,
}

impl Stale {
    fn words(&self) -> String {
        match self {
            Self::Untouched => "is left where it is, under a status of success".to_owned(),
            Self::Word(word) => format!("is refused with {word}"),
            Self::Trashed => "is trashed all the same".to_owned(),
        }
    }
}

fn trash_with(lab: &Lab<'_>, item: &Node) -> Result<Stale> {
    let drivewsid = item.id.drivewsid(item.kind);
    let body = || Writes {
        destination_drivews_id: None,
        items: vec![Written {
            client_id: Some(drivewsid.clone()),
            drivewsid: drivewsid.clone(),
            etag: item.etag.as_str(),
            name: None,
            share_id: None,
        }],
    };
    let answer: Result<Items> = until_free(lab.drive, || {
        let wire = lab.drive.wire();
        wire.post(Host::Drivews, "moveItemsToTrash", &body(), Effect::Write)
    });
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if is_refusal(&error) => return Ok(Stale::Word(error.chain())),
        Err(error) => return Err(error),
    };
    let first = answer.items.unwrap_or_default().into_iter().next();
    let status = first.and_then(|first| first.status);
    if let Some(word) = status.filter(|word| word != "OK") {
        return Ok(Stale::Word(word));
    }
    // Not what the answer says, but what is: an item's own word for where it is may be as stale as the etag.
    let now = lab.look(&[(item.id.clone(), item.kind)])?;
    Ok(if now.iter().any(|node| node.is_trashed) {
        Stale::Trashed
    } else {
        Stale::Untouched
    })
}

fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Refused | Kind::NotFound | Kind::Exists | Kind::Changed
    )
}
