//! `undo`: what is taken back, or would be, for people or for programs.
//!
//! Comes in: what [`crate::pass::take_back`] did. Goes out: of a dry run its steps on stdout; of a real run what could not
//! be taken back, on stderr, and with `-v` every step. With `--json` an object for each step on stdout, and the summary
//! last.

use serde_json::{Value, json};

use super::pairs::flags;
use crate::{
    options::{PassOptions, Verbosity},
    pass::{End, Step, Undone},
    report::{Console, sanitize::for_terminal, words},
    state::undo::{Deed, Past},
    tree::{Kind, RelPath},
};

/// Shows the passes that can be taken back, oldest first.
pub fn list(console: &Console, past: &[Past], is_json: bool, verbosity: Verbosity) {
    if past.is_empty() && verbosity > Verbosity::Quiet {
        console.tell("no pass of this LOCAL and REMOTE can be taken back\n");
    }
    let mut text = String::new();
    for one in past {
        if is_json {
            let line = json!({
                "type": "pass",
                "pass": one.pass,
                "verb": one.header.verb,
                "begun_at": one.header.begun_at,
                "undoes": one.header.undoes,
                "steps": one.deeds.len(),
            });
            words::push(&mut text, format_args!("{line}\n"));
            continue;
        }
        let steps = words::count(one.deeds.len(), "step");
        words::push(
            &mut text,
            format_args!("{:<20} {:<6} {steps}", one.pass, one.header.verb),
        );
        if let Some(undoes) = &one.header.undoes {
            words::push(&mut text, format_args!(", took back {undoes}"));
        }
        text.push('\n');
    }
    console.print(&text);
}

/// Shows what an undo came to.
pub fn show(
    console: &Console,
    options: &PassOptions,
    undone: &Undone,
    is_json: bool,
    verbosity: Verbosity,
) {
    if is_json {
        for step in &undone.steps {
            console.print(&format!("{}\n", as_json(step)));
        }
        console.print(&format!("{}\n", summary(options, undone)));
        return;
    }
    let (mut done, mut problems) = (String::new(), String::new());
    for step in &undone.steps {
        let words = in_words(&step.deed);
        match &step.end {
            End::Done => words::push(&mut done, format_args!("{words}\n")),
            End::Refused(why) | End::Impossible(why) => words::push(
                &mut problems,
                format_args!("not taken back: {words}: {}\n", for_terminal(why)),
            ),
            End::Failed(error) => words::push(
                &mut problems,
                format_args!("failed: {words}: {}\n", for_terminal(&error.chain())),
            ),
            End::NotRun => words::push(&mut problems, format_args!("not begun: {words}\n")),
        }
    }
    if options.dry_run {
        console.print(&done);
    } else if verbosity >= Verbosity::Verbose {
        console.tell(&done);
    }
    console.tell(&problems);
    if verbosity > Verbosity::Quiet {
        console.tell(&sentence(options, undone));
    }
}

fn sentence(options: &PassOptions, undone: &Undone) -> String {
    let done = undone.count(|end| matches!(end, End::Done));
    let left = undone.steps.len() - done;
    let would = if options.dry_run { "would be " } else { "" };
    let mut text = format!(
        "undo of {} ({}): {} {would}taken back",
        undone.pass,
        undone.verb,
        words::count(done, "step")
    );
    if left > 0 {
        words::push(&mut text, format_args!(", {} not", words::grouped(left)));
    }
    text.push('\n');
    if let Some(trash) = &undone.trash {
        words::push(
            &mut text,
            format_args!(
                "  what was replaced or removed locally is kept in {}\n",
                for_terminal(&trash.to_string_lossy())
            ),
        );
    }
    if let Some(name) = &undone.name {
        words::push(
            &mut text,
            format_args!(
                "  to take this back: icloud-sync undo {name} {}\n",
                flags(&options.local.to_string_lossy(), &options.remote)
            ),
        );
    }
    text
}

/// Says what taking a deed back does.
fn in_words(deed: &Deed) -> String {
    let shown = |path: &RelPath, kind: Kind| words::path(path, kind);
    let plain = |path: &RelPath| for_terminal(path.as_str()).into_owned();
    match deed {
        Deed::LocalAppeared {
            path,
            kind,
            kept: None,
            ..
        } => format!("remove locally {}", shown(path, *kind)),
        Deed::LocalAppeared { path, .. } => {
            format!("put back the local content of {}", plain(path))
        }
        Deed::LocalVanished { path, kind, .. } => {
            format!("put back locally {}", shown(path, *kind))
        }
        Deed::LocalMoved { from, to, .. } => {
            format!("move locally {} -> {}", plain(to), plain(from))
        }
        Deed::LocalSwapped { one, other, .. } => {
            format!("exchange locally {} <-> {}", plain(one), plain(other))
        }
        Deed::RemoteAppeared { path, kind, .. } => {
            format!("trash remotely {}", shown(path, *kind))
        }
        Deed::RemoteUpdated { path, .. } => {
            format!("put back the remote content of {}", plain(path))
        }
        Deed::RemoteVanished { path, kind, .. } => {
            format!("put back remotely {}", shown(path, *kind))
        }
        Deed::RemoteMoved {
            path,
            kind,
            from,
            to,
            ..
        } if from.name != to.name => format!(
            "rename remotely {} -> {}",
            shown(path, *kind),
            for_terminal(&from.name)
        ),
        Deed::RemoteMoved { path, kind, .. } => {
            format!("move back remotely {}", shown(path, *kind))
        }
    }
}

fn key(deed: &Deed) -> &'static str {
    match deed {
        Deed::LocalAppeared { kept: None, .. } => "remove-local",
        Deed::LocalAppeared { .. } => "put-back-local-content",
        Deed::LocalVanished { .. } => "put-back-local",
        Deed::LocalMoved { .. } => "move-local",
        Deed::LocalSwapped { .. } => "swap-local",
        Deed::RemoteAppeared { .. } => "trash-remote",
        Deed::RemoteUpdated { .. } => "put-back-remote-content",
        Deed::RemoteVanished { .. } => "put-back-remote",
        Deed::RemoteMoved { .. } => "move-remote",
    }
}

fn as_json(step: &Step) -> Value {
    let (outcome, why) = match &step.end {
        End::Done => ("done", None),
        End::Refused(why) => ("refused", Some(why.clone())),
        End::Impossible(why) => ("impossible", Some(why.clone())),
        End::Failed(error) => ("failed", Some(error.chain())),
        End::NotRun => ("not-run", None),
    };
    json!({
        "type": "step",
        "action": key(&step.deed),
        "path": step.deed.path().as_str(),
        "outcome": outcome,
        "why": why,
    })
}

fn summary(options: &PassOptions, undone: &Undone) -> Value {
    json!({
        "type": "summary",
        "verb": "undo",
        "local": options.local.to_string_lossy(),
        "remote": options.remote,
        "dry_run": options.dry_run,
        "exit_code": undone.exit_code(),
        "pass": undone.pass,
        "pass_verb": undone.verb,
        "pass_begun_at": undone.begun_at,
        "name": undone.name,
        "steps": undone.steps.len(),
        "done": undone.count(|end| matches!(end, End::Done)),
        "refused": undone.count(|end| matches!(end, End::Refused(_))),
        "impossible": undone.count(|end| matches!(end, End::Impossible(_))),
        "failed": undone.count(|end| matches!(end, End::Failed(_))),
        "not_run": undone.count(|end| matches!(end, End::NotRun)),
        "error": undone.fatal.as_ref().map(crate::error::Error::chain),
        "trash": undone.trash.as_ref().map(|path| path.to_string_lossy().into_owned()),
        "requests": undone.requests,
        "elapsed_ms": undone.elapsed_ms,
        "stopped_by": undone.stopped_by,
    })
}
