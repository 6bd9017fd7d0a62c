//! `explain`: why a path is treated as it is, for people or for programs.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    error::{Error, Kind as ErrorKind, Result},
    options::PassOptions,
    pass::Explained,
    plan::{Settle, Side},
    report::{Console, sanitize::for_terminal, words},
    tree::{Kind, RelPath},
};

/// Reads PATH: below LOCAL if it is absolute, else as both sides know it.
///
/// # Errors
/// `Usage` where it is not below LOCAL, or can't be a path on both sides.
pub fn path(typed: &Path, local: &Path) -> Result<RelPath> {
    let usage = |why: String| Error::new(ErrorKind::Usage, why);
    let below = if typed.is_absolute() {
        let local = std::path::absolute(local)
            .map_err(|error| Error::io("cannot find the working directory", error))?;
        typed.strip_prefix(&local).map_err(|_| {
            usage(format!(
                "\"{}\" is not below LOCAL \"{}\"",
                typed.display(),
                local.display()
            ))
        })?
    } else {
        typed.strip_prefix("./").unwrap_or(typed)
    };
    let text = below.to_str().unwrap_or_default().trim_end_matches('/');
    RelPath::parse(text).map_err(|error| {
        usage(format!(
            "\"{}\" is no path of both sides: {error}",
            typed.display()
        ))
        .with_hint("write it as it is below LOCAL, such as Documents/letter.txt")
    })
}

/// Shows what is known of a path.
///
/// # Errors
/// `Usage` where nothing is known of it at all.
pub fn show(
    console: &Console,
    options: &PassOptions,
    found: &Explained,
    is_json: bool,
) -> Result<()> {
    let is_known = found.base.is_some()
        || found.local.is_some()
        || found.remote.is_some()
        || found.rule.is_some()
        || found.package.is_some()
        || found.on_disk.is_some()
        || !found.left.is_empty();
    if !is_known {
        let text = format!(
            "there is no \"{}\" on either side, nor in the baseline",
            found.path
        );
        return Err(Error::new(ErrorKind::Usage, text)
            .with_hint("write it as it is below LOCAL and REMOTE, such as Documents/letter.txt"));
    }
    let verdict = verdict(found);
    if is_json {
        console.print(&format!("{}\n", as_json(options, found, &verdict)));
        return Ok(());
    }
    let mut text = format!("{}\n", for_terminal(found.path.as_str()));
    let mut line = |name: &str, what: &str| {
        words::push(&mut text, format_args!("  {name:<9} {what}\n"));
    };
    line("local", &local(found));
    line("remote", &remote(found));
    line(
        "baseline",
        &(found.base.as_ref()).map_or_else(nothing, |row| {
            thing(row.kind, row.size, Some(seconds(row.mtime_ns)))
        }),
    );
    for one in &verdict {
        line(options.verb.as_str(), one);
    }
    if let Some(guard) = &found.guard {
        line(
            "guard",
            &format!(
                "would stop the pass before: {}",
                for_terminal(&guard.chain())
            ),
        );
    }
    console.print(&text);
    Ok(())
}

fn nothing() -> String {
    "nothing there".to_owned()
}

fn seconds(ns: i64) -> i64 {
    ns.div_euclid(1_000_000_000)
}

fn thing(kind: Kind, size: u64, seconds: Option<i64>) -> String {
    let size = (kind == Kind::File).then_some(size);
    described(kind_name(kind), size, seconds)
}

fn described(what: &str, size: Option<u64>, seconds: Option<i64>) -> String {
    let mut words = vec![what.to_owned()];
    words.extend(size.map(words::size));
    words.extend(
        seconds
            .and_then(time)
            .map(|time| format!("modified {time}")),
    );
    words.join(", ")
}

/// Says what the local side has, also where it takes no part.
fn local(found: &Explained) -> String {
    if let Some(item) = &found.local {
        return thing(item.kind, item.size, Some(seconds(item.mtime_ns)));
    }
    let Some(there) = &found.on_disk else {
        return nothing();
    };
    let there = described(there.what, there.size, Some(seconds(there.mtime_ns)));
    if found.package.is_some() {
        there
    } else {
        format!("{there}; it takes no part")
    }
}

/// Says what the remote side has, and where that was not looked at.
fn remote(found: &Explained) -> String {
    if let Some(item) = &found.remote {
        let modified = item.modified_ms.map(|ms| ms.div_euclid(1000));
        return thing(item.kind, item.size, modified);
    }
    if found.package.is_some() {
        return "not told: iCloud has the package as one file".to_owned();
    }
    if found.rule.is_some() {
        return "not looked at: it takes no part".to_owned();
    }
    let mut left = found.left.iter().filter(|(side, _)| *side == Side::Remote);
    match left.next() {
        Some((_, left)) if left.path.as_ref() == Some(&found.path) => "there, and left alone",
        Some(_) => "not looked at: its folder is left alone",
        None => return nothing(),
    }
    .to_owned()
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Package => "package",
    }
}

fn time(seconds: i64) -> Option<String> {
    let time = Timestamp::from_second(seconds)
        .ok()?
        .to_zoned(TimeZone::system());
    Some(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Says what a pass would do with it, and why.
fn verdict(found: &Explained) -> Vec<String> {
    let mut said = Vec::new();
    let own = |at: &RelPath| *at == found.path;
    if let Some(package) = &found.package {
        said.push(format!(
            "part of the package {}, which is one thing: received as a whole, and never sent",
            for_terminal(package.as_str())
        ));
    }
    if let Some(hidden) = &found.rule {
        let with = if own(&hidden.at) {
            String::new()
        } else {
            format!(" with the folder {}/", for_terminal(hidden.at.as_str()))
        };
        let sleeps = if found.base.is_some() {
            "; its baseline entry sleeps until the rule goes"
        } else {
            ""
        };
        said.push(format!(
            "left out{with}: {}; neither copied nor deleted, on either side{sleeps}",
            for_terminal(&hidden.rule)
        ));
    }
    for (side, left) in &found.left {
        let with = if left.path.as_ref().is_none_or(own) {
            String::new()
        } else {
            format!(" with {}", for_terminal(&left.shown))
        };
        let side = words::where_(*side);
        let why = words::freeze(&left.why);
        said.push(format!("left alone{with}: {why} ({side})"));
    }
    for action in &found.actions {
        let words = words::action(action);
        said.push(format!("{words}: {}", words::reason(action.reason)));
    }
    for (at, why) in &found.kept {
        let with = if own(at) {
            String::new()
        } else {
            format!(" with {}", for_terminal(at.as_str()))
        };
        said.push(format!("left as it is{with}: {}", for_terminal(why)));
    }
    let settled = found.settled.as_ref().map(|how| match how {
        Settle::Adopt => "nothing to transfer: both sides have the same content",
        Settle::Renew => "nothing to transfer: its content is as the baseline has it",
        Settle::Forget => "nothing to do: both sides have deleted it",
    });
    said.extend(settled.map(str::to_owned));
    if said.is_empty() || (said.len() == 1 && found.package.is_some()) {
        said.push("nothing to do: both sides are as the baseline has them".into());
    }
    said
}

fn as_json(options: &PassOptions, found: &Explained, verdict: &[String]) -> Value {
    json!({
        "path": found.path.as_str(),
        "verb": options.verb.as_str(),
        "local": found.local.as_ref().map(|item| json!({
            "kind": kind_name(item.kind),
            "size": item.size,
            "mtime_ns": item.mtime_ns,
            "inode": item.inode,
        })),
        "remote": found.remote.as_ref().map(|item| json!({
            "kind": kind_name(item.kind),
            "size": item.size,
            "modified_ms": item.modified_ms,
            "etag": item.etag.as_str(),
            "id": item.id.doc.to_string(),
        })),
        "baseline": found.base.as_ref().map(|row| json!({
            "kind": kind_name(row.kind),
            "size": row.size,
            "mtime_ns": row.mtime_ns,
            "inode": row.inode,
            "etag": row.etag.as_str(),
            "id": row.id.doc.to_string(),
        })),
        "hidden_by": found.rule.as_ref().map(|hidden| &hidden.rule),
        "hidden_with": found.rule.as_ref().map(|hidden| hidden.at.as_str()),
        "package": found.package.as_ref().map(RelPath::as_str),
        "on_disk": found.on_disk.as_ref().map(|there| json!({
            "what": there.what,
            "size": there.size,
            "mtime_ns": there.mtime_ns,
        })),
        "actions": found.actions.iter().map(words::action).collect::<Vec<_>>(),
        "is_conflict": found.conflict.is_some(),
        "guard": found.guard.as_ref().map(Error::chain),
        "verdict": verdict,
    })
}
