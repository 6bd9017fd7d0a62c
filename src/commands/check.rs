//! `check`: where the sides differ, for people or for programs. It changes nothing.
//!
//! Comes in: what [`crate::pass::check`] found. Goes out: a line for each difference on stdout, a sentence on stderr;
//! with `--json` an object for each, and the summary last.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    options::{PassOptions, Verbosity},
    pass::{Compared, Finding, Found},
    report::{Console, sanitize::for_terminal, words},
    tree::Kind,
};

/// Shows what was found.
pub fn show(
    console: &Console,
    options: &PassOptions,
    compared: &Compared,
    is_json: bool,
    verbosity: Verbosity,
) {
    if is_json {
        for found in &compared.found {
            console.print(&format!("{}\n", as_json(found)));
        }
        console.print(&format!("{}\n", summary(options, compared)));
        return;
    }
    let mut text = String::new();
    for found in &compared.found {
        words::push(&mut text, format_args!("{}\n", line(found)));
    }
    console.print(&text);
    if verbosity > Verbosity::Quiet {
        console.tell(&sentence(compared));
    }
}

fn is_folder(found: &Found) -> bool {
    let local = found.local.as_ref().map(|item| item.kind);
    local.or(found.remote.as_ref().map(|item| item.kind)) == Some(Kind::Folder)
}

fn line(found: &Found) -> String {
    let path = for_terminal(&found.shown);
    let slash = if is_folder(found) { "/" } else { "" };
    let sizes = (
        found.local.as_ref().map_or(0, |item| item.size),
        found.remote.as_ref().map_or(0, |item| item.size),
    );
    let kind = |is_folder| if is_folder { "a folder" } else { "a file" };
    match &found.finding {
        Finding::OnlyLocal => format!("only local    {path}{slash}"),
        Finding::OnlyRemote => format!("only remote   {path}{slash}"),
        Finding::Size => format!(
            "different     {path}: {} B here, {} B there",
            sizes.0, sizes.1
        ),
        Finding::Content => format!("different     {path}: the same size, another content"),
        Finding::Time => format!(
            "different     {path}: the same size, another time; iCloud publishes no checksum that can be compared"
        ),
        Finding::Kind => format!(
            "different     {path}: {} here, {} there",
            kind(is_folder(found)),
            kind(!is_folder(found))
        ),
        Finding::Package => {
            format!("not compared  {path}: a package, a folder here and one file there")
        }
        Finding::Unclear(why) => format!("not compared  {path}: {}", for_terminal(why)),
    }
}

fn sentence(compared: &Compared) -> String {
    let different = compared.different();
    let is_package = |found: &&Found| found.finding == Finding::Package;
    let packages = compared.found.iter().filter(is_package).count();
    let unclear = compared.found.len() - different - packages;
    let mut text = format!(
        "check: {} alike, {} different",
        words::count(compared.alike, "item"),
        words::grouped(different)
    );
    if unclear > 0 {
        let unclear = words::count(unclear, "item");
        words::push(&mut text, format_args!(", {unclear} could not be compared"));
    }
    if packages > 0 {
        let packages = words::count(packages, "package");
        words::push(&mut text, format_args!(", {packages} not compared by rule"));
    }
    text.push('\n');
    if compared.by_time > 0 {
        words::push(
            &mut text,
            format_args!(
                "  {} compared by size and time alone\n",
                words::count(compared.by_time, "file")
            ),
        );
    }
    text
}

fn time(ms: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(ms).ok()?;
    Some(time.to_string())
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Package => "package",
    }
}

/// One object: `type` is `difference` or `not_compared`, `what` says which.
fn as_json(found: &Found) -> Value {
    let (what, why) = match &found.finding {
        Finding::OnlyLocal => ("only_local", None),
        Finding::OnlyRemote => ("only_remote", None),
        Finding::Size => ("size", None),
        Finding::Content => ("content", None),
        Finding::Time => ("time", None),
        Finding::Kind => ("kind", None),
        Finding::Package => ("package", None),
        Finding::Unclear(why) => ("problem", Some(why.as_str())),
    };
    let local = found.local.as_ref().map(|item| {
        json!({
            "kind": kind(item.kind),
            "size": item.size,
            "modified": time(item.mtime_ns.div_euclid(1_000_000)),
        })
    });
    let remote = found.remote.as_ref().map(|item| {
        json!({
            "kind": kind(item.kind),
            "size": item.size,
            "modified": item.modified_ms.and_then(time),
            "etag": item.etag.as_str(),
            "id": item.id.doc.to_string(),
        })
    });
    json!({
        "type": if found.finding.is_difference() { "difference" } else { "not_compared" },
        "path": found.shown,
        "what": what,
        "why": why,
        "local": local,
        "remote": remote,
    })
}

fn summary(options: &PassOptions, compared: &Compared) -> Value {
    json!({
        "type": "summary",
        "verb": "check",
        "local": options.local.to_string_lossy(),
        "remote": options.remote,
        "exit_code": compared.exit_code(),
        "alike": compared.alike,
        "different": compared.different(),
        "not_compared": compared.found.len() - compared.different(),
        "other_time": compared.other_time,
        "by_size_and_time": compared.by_time,
        "skipped_by_rule": compared.skipped_by_rule,
        "requests": compared.requests,
        "elapsed_ms": compared.elapsed_ms,
    })
}
