//! A remote path as people write it → the folder.

use crate::{
    cloud::{FolderAnswer, Node, Remote},
    error::{Error, Kind as ErrorKind, Result},
    tree::{Kind, NameError, RelPath, RemoteId, local_name},
};

/// Finds the folder that `path` names, going down from Drive's root one listing a level. `path` is `/`-joined,
/// with or without slashes around it; `/` alone is the root. Names are compared in NFC and in the
/// local form, in which a slash in a name is written `／`. `None` where it does not exist.
///
/// # Errors
/// `Usage` where the path names a file, can't be a path, or names two items at once; `Protocol`
/// where a folder on the way could not be listed whole; whatever the listing says.
pub fn resolve(remote: &dyn Remote, path: &str) -> Result<Option<Node>> {
    let usage = |why: String| {
        Error::new(ErrorKind::Usage, format!("\"{path}\" {why}"))
            .with_hint("`icloud-sync ls` shows the folders that there are")
    };
    let wanted = match RelPath::parse(path) {
        Ok(wanted) => Some(wanted),
        Err(NameError::Empty) => None,
        Err(why) => return Err(usage(format!("is no path of iCloud Drive: {why}"))),
    };
    let Some((root, mut children)) = list_one(remote, &RemoteId::root(), "/")? else {
        return Err(Error::new(
            ErrorKind::Protocol,
            "the service does not know the root of iCloud Drive",
        ));
    };
    let mut found = root;
    let parts: Vec<&str> = wanted.iter().flat_map(RelPath::parts).collect();
    for (depth, part) in parts.iter().enumerate() {
        let mut named = children
            .into_iter()
            .filter(|child| local_name(&child.name).is_ok_and(|name| name == **part));
        let Some(child) = named.next() else {
            return Ok(None);
        };
        if named.next().is_some() {
            return Err(usage(format!(
                "is not clear: iCloud Drive has two items called \"{part}\" in that place"
            )));
        }
        if child.is_shared || child.is_foreign {
            let why = if child.is_shared {
                "is shared by somebody in a way that is not known here"
            } else {
                "is of an unknown type"
            };
            return Err(usage(format!("can't be used: \"{part}\" {why}")));
        }
        if child.kind != Kind::Folder {
            return Err(usage(format!(
                "does not name a folder: \"{part}\" is a file"
            )));
        }
        found = child;
        if depth + 1 == parts.len() {
            break;
        }
        let so_far = format!("/{}", parts.get(..=depth).unwrap_or_default().join("/"));
        match list_one(remote, &found.id, &so_far)? {
            Some((_, inner)) => children = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// Says in which folder the service stumbled. A session that ended and a stop by signal are no folder's trouble.
pub(crate) fn in_context(error: Error, context: &str) -> Error {
    let is_of_folder = matches!(
        error.kind(),
        ErrorKind::Temporary | ErrorKind::Protocol | ErrorKind::Refused
    );
    if is_of_folder {
        error.in_context(context)
    } else {
        error
    }
}

/// Lists one folder, an odd one once more; `None` where it is gone. `path` is its path, for messages.
fn list_one(remote: &dyn Remote, id: &RemoteId, path: &str) -> Result<Option<(Node, Vec<Node>)>> {
    let context = format!("cannot list \"{path}\" of iCloud Drive");
    let mut why = String::new();
    for _ in 0..2 {
        let listed = remote.list(std::slice::from_ref(id));
        match listed.map_err(|error| in_context(error, &context))?.pop() {
            Some(FolderAnswer::Whole { folder, children }) => {
                return Ok(Some((*folder, children)));
            }
            Some(FolderAnswer::Gone) => return Ok(None),
            Some(FolderAnswer::Odd(text)) => why = text,
            None => "the answer is empty".clone_into(&mut why),
        }
    }
    Err(Error::new(ErrorKind::Protocol, format!("{context}: {why}")))
}
