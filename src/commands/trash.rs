//! `trash`: what is in iCloud's Recently Deleted, and putting it back.
//!
//! A Drive comes in, lines for people or JSON lines for programs go out. Nothing is ever deleted here. Where an
//! item was put back is read from the service's answer, since neither place nor name need be the old ones (protocol
//! page 8.7, hazard 15).

use std::io::{self, Write};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use crate::{
    cloud::{Node, Remote, Target, until_free},
    error::{Error, Kind as ErrorKind, Result},
    report::{Console, sanitize::for_terminal, words},
    tree::{Kind, RelPath, RemoteId, local_name},
};

/// How many items go into one request.
const BATCH: usize = 50;
/// A deeper place than this is a circle.
const MOST_FOLDERS: usize = 256;

/// How the trash is shown.
#[derive(Debug, Clone)]
pub struct Options {
    /// `-l`: kind, size, the day it expires, and id.
    pub is_long: bool,
    /// `--json`.
    pub is_json: bool,
    /// The output is a terminal: what could act on it is escaped.
    pub on_terminal: bool,
    /// The zone that times are shown in.
    pub zone: TimeZone,
}

/// Returns where a trashed item was, as it can be typed: without a slash at its start.
fn place(node: &Node) -> String {
    let path = node.restore_path.as_deref().unwrap_or_default();
    match path.trim_matches('/') {
        "" => node.name.replace('/', "\u{ff0f}"),
        path => path.to_owned(),
    }
}

fn kind(node: &Node) -> &'static str {
    match node.kind {
        Kind::Folder => "folder",
        Kind::File | Kind::Package => "file",
    }
}

fn sorted(remote: &dyn Remote) -> Result<Vec<Node>> {
    let mut nodes = remote.list_trash()?;
    nodes.sort_by_cached_key(|node| (place(node), node.id.clone()));
    Ok(nodes)
}

/// Lists the trash, sorted by where things were. Every line is an item; with `--json` an object with `type` `item`:
/// `path` (where it was), `name`, `kind`, `size` (files), `expires` and `modified` (RFC 3339, UTC), `etag`, `id`,
/// `zone`.
///
/// # Errors
/// Whatever the service says. A closed pipe is none.
pub fn list(remote: &dyn Remote, options: &Options, out: &mut dyn Write) -> Result<()> {
    let nodes = sorted(remote)?;
    match print(&nodes, options, out) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("cannot write the output", error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn print(nodes: &[Node], options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let files = nodes.iter().filter(|node| node.kind != Kind::Folder);
    let largest = files.map(|node| node.size).max().unwrap_or(0);
    let width = largest.to_string().len();
    for node in nodes {
        if options.is_json {
            writeln!(out, "{}", as_json(node))?;
            continue;
        }
        let path = place(node);
        let path = if options.on_terminal {
            for_terminal(&path)
        } else {
            path.into()
        };
        let (slash, size) = match node.kind {
            Kind::Folder => ("/", "-".to_owned()),
            Kind::File | Kind::Package => ("", node.size.to_string()),
        };
        if options.is_long {
            let expires = day(node.expires_ms, &options.zone);
            let id = node.id.doc.to_string();
            writeln!(
                out,
                "{:<6} {size:>width$} {expires:<10} {id:<36} {path}{slash}",
                kind(node)
            )?;
        } else {
            writeln!(out, "{path}{slash}")?;
        }
    }
    out.flush()
}

fn day(ms: Option<i64>, zone: &TimeZone) -> String {
    let time = ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(
        || "-".to_owned(),
        |time| {
            let local = time.to_zoned(zone.clone());
            local.strftime("%Y-%m-%d").to_string()
        },
    )
}

fn time(ms: Option<i64>) -> Option<String> {
    let time = Timestamp::from_millisecond(ms?).ok()?;
    Some(time.to_string())
}

fn as_json(node: &Node) -> serde_json::Value {
    json!({
        "type": "item",
        "path": place(node),
        "name": node.name,
        "kind": kind(node),
        "size": (node.kind != Kind::Folder).then_some(node.size),
        "expires": time(node.expires_ms),
        "modified": time(node.modified_ms),
        "etag": node.etag.as_str(),
        "id": node.id.doc.to_string(),
        "zone": node.id.zone.as_str(),
    })
}

/// Finds what each word names: where an item was, its id, or its name alone if no other has it.
fn find<'a>(nodes: &'a [Node], words: &[String]) -> Result<Vec<&'a Node>> {
    let mut wanted: Vec<&Node> = Vec::new();
    for word in words {
        let path = RelPath::parse(word).ok();
        let is_at = |node: &&Node| path.is_some() && RelPath::parse(&place(node)).ok() == path;
        let is_id = |node: &&Node| {
            node.id.doc.to_string() == *word || node.id.drivewsid(node.kind) == *word
        };
        let is_named = |node: &&Node| {
            (path.as_ref()).is_some_and(|path| {
                path.parent().is_none() && local_name(&node.name).is_ok_and(|n| n == path.name())
            })
        };
        let pick = |is: &dyn Fn(&&Node) -> bool| nodes.iter().filter(is).collect::<Vec<_>>();
        let mut found = pick(&is_id);
        if found.is_empty() {
            found = pick(&is_at);
        }
        if found.is_empty() {
            found = pick(&is_named);
        }
        match found[..] {
            [one] => {
                if !wanted.iter().any(|other| other.id == one.id) {
                    wanted.push(one);
                }
            }
            [] => {
                let text = format!("\"{word}\" is not in iCloud's Recently Deleted");
                let hint = "`icloud-sync trash list` shows what is; what is in a trashed folder comes back with it";
                return Err(Error::new(ErrorKind::Usage, text).with_hint(hint));
            }
            _ => {
                let choices: Vec<String> = found
                    .iter()
                    .map(|node| {
                        let until = day(node.expires_ms, &TimeZone::UTC);
                        format!("{} (\"{}\", until {until})", node.id.doc, place(node))
                    })
                    .collect();
                let text = format!("\"{word}\" names {} items; nothing was done", found.len());
                let hint = format!("give an id instead: {}", choices.join(", "));
                return Err(Error::new(ErrorKind::Usage, text).with_hint(hint));
            }
        }
    }
    Ok(wanted)
}

/// Puts items back, and says where each is now. Nothing is done where a word names no item, or more than one.
/// Returns the exit code: 3 where some could not be put back.
///
/// # Errors
/// `Usage` for such a word; whatever keeps the trash from being listed.
pub fn restore(
    remote: &dyn Remote,
    words: &[String],
    is_json: bool,
    console: &Console,
) -> Result<u8> {
    let nodes = sorted(remote)?;
    let wanted = find(&nodes, words)?;
    let mut failed = 0;
    for chunk in wanted.chunks(BATCH) {
        for (node, back) in chunk.iter().zip(put_back(remote, chunk)) {
            let was = place(node);
            let told = back.and_then(|back| Ok((where_is(remote, &back)?, back)));
            failed += usize::from(told.is_err());
            tell(
                &was,
                node,
                told.as_ref().map(|(at, _)| at.as_str()),
                is_json,
                console,
            );
        }
    }
    let exit_code = if failed == 0 { 0 } else { 3 };
    if is_json {
        let summary = json!({
            "type": "summary",
            "verb": "trash restore",
            "restored": wanted.len() - failed,
            "failed": failed,
            "exit_code": exit_code,
        });
        console.print(&format!("{summary}\n"));
    }
    Ok(exit_code)
}

fn tell(
    was: &str,
    node: &Node,
    told: std::result::Result<&str, &Error>,
    is_json: bool,
    console: &Console,
) {
    let id = node.id.doc.to_string();
    match told {
        Ok(at) if is_json => {
            let line = json!({"type": "restored", "path": was, "at": at, "id": id});
            console.print(&format!("{line}\n"));
        }
        Err(error) if is_json => {
            let line = json!({"type": "failed", "path": was, "id": id, "error": error.chain()});
            console.print(&format!("{line}\n"));
        }
        Ok(at) => {
            let mut text = format!("restored {}", for_terminal(was));
            if at != was {
                words::push(&mut text, format_args!(" as {}", for_terminal(at)));
            }
            console.print(&format!("{text}\n"));
        }
        Err(error) => console.tell(&format!(
            "error: cannot restore {}: {}\n",
            for_terminal(was),
            for_terminal(&error.chain())
        )),
    }
}

/// Puts items back; a result for each. After a lost answer they are read back by id.
fn put_back(remote: &dyn Remote, nodes: &[&Node]) -> Vec<Result<Node>> {
    let targets: Vec<Target> = nodes
        .iter()
        .map(|node| Target {
            id: node.id.clone(),
            kind: node.kind,
            etag: node.etag.clone(),
        })
        .collect();
    let answers = match until_free(remote, || remote.put_back(&targets)) {
        Ok(answers) => answers,
        Err(error) => nodes.iter().map(|_| Err(error.clone())).collect(),
    };
    let read_back = |node: &Node, error: Error| match remote.read(&[(node.id.clone(), node.kind)]) {
        Ok(mut read) => match read.pop().flatten() {
            Some(now) if !now.is_trashed => Ok(now),
            Some(_) | None => Err(error),
        },
        Err(_) => Err(error),
    };
    nodes
        .iter()
        .zip(answers)
        .map(|(node, answer)| match answer {
            Err(error) if error.kind() == ErrorKind::Lost => read_back(node, error),
            other => other,
        })
        .collect()
}

/// Returns an item's path from the root of iCloud Drive, going up from folder to folder.
fn where_is(remote: &dyn Remote, node: &Node) -> Result<String> {
    let mut names = vec![node.name.replace('/', "\u{ff0f}")];
    let mut parent = node.parent.clone();
    while let Some(id) = parent.filter(|id| *id != RemoteId::root()) {
        let folder = remote.read(&[(id, Kind::Folder)])?.pop().flatten();
        let folder = folder
            .filter(|_| names.len() < MOST_FOLDERS)
            .ok_or_else(|| {
                let text = format!("\"{}\" is back, but its folder can't be found", node.name);
                Error::new(ErrorKind::Protocol, text)
            })?;
        names.push(folder.name.replace('/', "\u{ff0f}"));
        parent = folder.parent;
    }
    names.reverse();
    Ok(names.join("/"))
}
