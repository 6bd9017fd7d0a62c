//! What tells whether a thing is still as a pass left it: a short text, made of the marks that every change moves.

use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use super::disk::{Disk, Marks};
use crate::{
    cloud::Node,
    error::{Error, Kind as ErrorKind, Result},
    scan::filter::is_part_name,
    state::hash,
    tree::{Etag, Kind, RelPath},
};

/// Returns the seal of a folder with nothing in it, on either side.
pub(crate) fn empty_folder() -> String {
    of_texts(&[])
}

fn of_texts(texts: &[String]) -> String {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    hash(&texts)
}

/// Returns the seal of what is at a local path, whose marks are given. Of a folder it covers all that is in it, at any
/// depth, but what `skips` says by its path on disk.
///
/// # Errors
/// `Local` where something in it can't be read.
pub(crate) fn local(
    disk: &Disk,
    path: &RelPath,
    marks: &Marks,
    skips: &dyn Fn(&Path) -> bool,
) -> Result<String> {
    if marks.kind != Some(Kind::Folder) {
        return Ok(format!(
            "{}:{}:{}:{}",
            marks.size, marks.mtime_ns, marks.inode, marks.birth_ns
        ));
    }
    let fail = |error: walkdir::Error| {
        Error::new(ErrorKind::Local, format!("cannot look into \"{path}\"")).with_source(error)
    };
    let root = disk.full_path(path);
    let mut texts = Vec::new();
    let walk = WalkDir::new(&root).min_depth(1).sort_by_file_name();
    // What a killed pass left unfinished is nobody's content.
    let counts = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        !is_part_name(&name) && !skips(entry.path())
    };
    for entry in walk.into_iter().filter_entry(counts) {
        use std::os::unix::fs::MetadataExt;
        let entry = entry.map_err(fail)?;
        let metadata = entry.metadata().map_err(fail)?;
        let below = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        let (size, time) = if metadata.is_dir() {
            (0, (0, 0))
        } else {
            (metadata.len(), (metadata.mtime(), metadata.mtime_nsec()))
        };
        texts.push(format!(
            "{}:{size}:{}.{}:{}",
            below.to_string_lossy(),
            time.0,
            time.1,
            metadata.ino()
        ));
    }
    Ok(of_texts(&texts))
}

/// Returns the seal of a remote file.
pub(crate) fn remote_file(etag: &Etag) -> String {
    etag.as_str().to_owned()
}

/// Returns the seal of a remote folder, from all that is below it. A folder's own version mark may move with what is in
/// it, and need not (protocol page 8.6): it is not part of the seal.
pub(crate) fn remote_folder<'a>(below: impl IntoIterator<Item = &'a Node>) -> String {
    let mut texts: Vec<String> = below
        .into_iter()
        .map(|node| {
            let content = match node.kind {
                Kind::Folder => "",
                Kind::File | Kind::Package => {
                    node.etag.content_part().unwrap_or(node.etag.as_str())
                }
            };
            format!("{} {content} {}", node.id.file_drivewsid(), node.name)
        })
        .collect();
    texts.sort_unstable();
    of_texts(&texts)
}
