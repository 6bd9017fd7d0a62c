//! `explain`: why a path is treated as it is, for people or for programs.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    error::{Error, Kind as ErrorKind, Result},
    options::PassOptions,
    pass::Explained,
    plan::Settle,
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
    let thing = |kind: Kind, size: u64, seconds: Option<i64>| {
        let mut words = vec![kind_name(kind).to_owned()];
        if kind == Kind::File {
            words.push(words::size(size));
        }
        words.extend(
            seconds
                .and_then(time)
                .map(|time| format!("modified {time}")),
        );
        words.join(", ")
    };
    let seconds = |ns: i64| Some(ns.div_euclid(1_000_000_000));
    let missing = || "nothing there".to_owned();
    let base = found.base.as_ref().map_or_else(missing, |row| {
        thing(row.kind, row.size, seconds(row.mtime_ns))
    });
    let local = found.local.as_ref().map_or_else(missing, |item| {
        thing(item.kind, item.size, seconds(item.mtime_ns))
    });
    let remote = found.remote.as_ref().map_or_else(missing, |item| {
        let modified = item.modified_ms.map(|ms| ms.div_euclid(1000));
        thing(item.kind, item.size, modified)
    });
    line("local", &local);
    line("remote", &remote);
    line("baseline", &base);
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
    if let Some(rule) = &found.rule {
        let sleeps = if found.base.is_some() {
            "; its baseline entry sleeps until the rule goes"
        } else {
            ""
        };
        said.push(format!(
            "left out by {}: neither copied nor deleted, on either side{sleeps}",
            for_terminal(rule)
        ));
    }
    for (side, left) in &found.left {
        let place = for_terminal(&left.shown);
        let why = words::freeze(&left.why);
        said.push(format!(
            "left alone ({} side): {place}: {why}",
            side.as_str()
        ));
    }
    for action in &found.actions {
        let words = words::action(action);
        said.push(format!("{words}: {}", words::reason(action.reason)));
    }
    for kept in &found.kept {
        said.push(format!("left as it is: {}", for_terminal(kept)));
    }
    let settled = found.settled.as_ref().map(|how| match how {
        Settle::Adopt => "nothing to transfer: both sides have the same content",
        Settle::Renew => "nothing to transfer: its marks moved, its content did not",
        Settle::Forget => "nothing to do: both sides have deleted it",
    });
    said.extend(settled.map(str::to_owned));
    if said.is_empty() {
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
        "hidden_by": found.rule,
        "actions": found.actions.iter().map(words::action).collect::<Vec<_>>(),
        "is_conflict": found.conflict.is_some(),
        "guard": found.guard.as_ref().map(Error::chain),
        "verdict": verdict,
    })
}
