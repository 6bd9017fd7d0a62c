//! A plan as people like to read it: grouped by what is done, sizes for people, nothing left out.
//!
//! In come the plan and what the listings left alone, out goes text. The order is that of the paths, so that the
//! same plan gives the same text; the order of execution is in the JSON form.

use std::collections::BTreeMap;

use super::{sanitize::for_terminal, words};
use crate::{
    plan::{Action, Conflict, Plan, Side, What},
    tree::{Kind, Left},
};

/// The groups, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Download,
    Upload,
    MoveLocal,
    MoveRemote,
    CreateLocal,
    CreateRemote,
    RemoveLocal,
    RemoveRemote,
}

impl Group {
    fn of(what: &What) -> Self {
        match what {
            What::Download => Self::Download,
            What::Upload { .. } => Self::Upload,
            What::MoveLocal { .. } | What::SwapLocal { .. } => Self::MoveLocal,
            What::MoveRemote { .. } => Self::MoveRemote,
            What::CreateLocalFolder => Self::CreateLocal,
            What::CreateRemoteFolder { .. } => Self::CreateRemote,
            What::RemoveLocal => Self::RemoveLocal,
            What::TrashRemote => Self::RemoveRemote,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Download => "Download",
            Self::Upload => "Upload",
            Self::MoveLocal => "Move locally",
            Self::MoveRemote => "Move remotely",
            Self::CreateLocal => "Create local folders",
            Self::CreateRemote => "Create remote folders",
            Self::RemoveLocal => "Remove locally, into the local trash",
            Self::RemoveRemote => "Remove remotely, into iCloud's Recently Deleted",
        }
    }
}

/// Writes a plan.
///
/// `left` is what the listings left alone; `explain` adds the reason of each action and names what is
/// skipped by rule.
pub(crate) fn text(plan: &Plan, left: &[(Side, Left)], explain: bool) -> String {
    let mut text = String::new();
    let mut groups: BTreeMap<Group, Vec<&Action>> = BTreeMap::new();
    for action in &plan.actions {
        groups
            .entry(Group::of(&action.what))
            .or_default()
            .push(action);
    }
    for (group, mut actions) in groups {
        actions.sort_by(|a, b| a.path.cmp(&b.path));
        text.push_str(&title(group, &actions));
        for action in actions {
            text.push_str(&line(action, explain));
        }
    }
    conflicts(&mut text, plan);
    left_alone(&mut text, plan, left, explain);
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&total(plan));
    text
}

/// Returns what a plan does in one line, without a period: `download 3 files (4.2 MiB), create 1 folder`.
pub(crate) fn short(plan: &Plan) -> String {
    let mut counts: BTreeMap<Group, (usize, u64)> = BTreeMap::new();
    for action in &plan.actions {
        let (number, bytes) = counts.entry(Group::of(&action.what)).or_default();
        *number += 1;
        *bytes += action.size;
    }
    let parts: Vec<_> = counts
        .iter()
        .map(|(group, (number, bytes))| match group {
            Group::Download => format!(
                "download {} ({})",
                words::count(*number, "file"),
                words::size(*bytes)
            ),
            Group::Upload => format!(
                "upload {} ({})",
                words::count(*number, "file"),
                words::size(*bytes)
            ),
            Group::MoveLocal => format!("move {} locally", words::count(*number, "item")),
            Group::MoveRemote => format!("move {} remotely", words::count(*number, "item")),
            Group::CreateLocal => format!("create {}", words::count(*number, "local folder")),
            Group::CreateRemote => format!("create {}", words::count(*number, "remote folder")),
            Group::RemoveLocal => format!("remove {} locally", words::count(*number, "item")),
            Group::RemoveRemote => format!("remove {} remotely", words::count(*number, "item")),
        })
        .collect();
    parts.join(", ")
}

fn title(group: Group, actions: &[&Action]) -> String {
    let folders = actions.iter().filter(|a| a.kind == Kind::Folder).count();
    let files = actions.len() - folders;
    let mut parts = Vec::new();
    if files > 0 {
        parts.push(words::count(files, "file"));
    }
    if folders > 0 {
        parts.push(words::count(folders, "folder"));
    }
    if matches!(group, Group::Download | Group::Upload) {
        parts.push(words::size(actions.iter().map(|a| a.size).sum()));
    }
    format!("{} ({})\n", group.title(), parts.join(", "))
}

fn line(action: &Action, explain: bool) -> String {
    let at = words::path(&action.path, action.kind);
    let mut notes = Vec::new();
    let shown = match &action.what {
        What::Download | What::Upload { .. } => {
            if action.is_replacement() {
                notes.push(format!("replaces the {} version", action.side().as_str()));
            }
            if let What::Upload {
                saves_loser: true, ..
            } = action.what
            {
                notes.push("the remote version goes to the local trash".into());
            }
            format!("{:>10}  {at}", words::size(action.size))
        }
        What::MoveLocal { from } => format!("{} -> {at}", words::path(from, action.kind)),
        What::SwapLocal { with, .. } => format!("{} <-> {at}", words::path(with, action.kind)),
        What::MoveRemote {
            from, is_temporary, ..
        } => {
            if *is_temporary {
                notes.push("for the moment".into());
            }
            format!("{} -> {at}", words::path(from, action.kind))
        }
        What::CreateLocalFolder | What::CreateRemoteFolder { .. } => at,
        What::RemoveLocal | What::TrashRemote => {
            if !action.content.is_empty() {
                notes.push(format!(
                    "with {} in it",
                    words::count(action.content.len(), "item")
                ));
            }
            at
        }
    };
    if action.is_lent {
        let goes = if action.what == What::TrashRemote {
            "goes"
        } else {
            "moves"
        };
        notes.push(format!("shared with others: it {goes} for them too"));
    }
    if explain {
        notes.push(words::reason(action.reason));
    }
    if notes.is_empty() {
        format!("  {shown}\n")
    } else {
        format!("  {shown}  ({})\n", notes.join("; "))
    }
}

fn conflicts(text: &mut String, plan: &Plan) {
    let conflicts = &plan.conflicts;
    if conflicts.is_empty() {
        return;
    }
    words::push(
        text,
        format_args!("Conflicts ({})\n", words::grouped(conflicts.len())),
    );
    for conflict in conflicts {
        let path = for_terminal(conflict.path.as_str());
        words::push(
            text,
            format_args!("  {path}: {}\n", outcome(conflict, plan)),
        );
    }
}

/// Returns who wins a conflict and where the loser will be.
fn outcome(conflict: &Conflict, plan: &Plan) -> String {
    let put_away_by = conflict.put_away_by.map(|by| &plan.actions[by].what);
    match (conflict.winner, &conflict.kept_as) {
        (Some(side), Some(name)) => format!(
            "the {} version wins, the {} one is kept as {}",
            side.as_str(),
            side.other().as_str(),
            for_terminal(name.as_str())
        ),
        (Some(side), None) => {
            let (side, other) = (side.as_str(), side.other().as_str());
            match put_away_by {
                // Nothing is done: it was left alone since for something else.
                None => format!("the {side} version wins, both stay as they are"),
                Some(What::TrashRemote) => format!(
                    "the {side} version wins, the {other} one goes to iCloud's Recently Deleted"
                ),
                Some(_) => {
                    format!("the {side} version wins, the {other} one goes to the local trash")
                }
            }
        }
        (None, Some(name)) => {
            format!("both are kept, one as {}", for_terminal(name.as_str()))
        }
        (None, None) => "both stay as they are".into(),
    }
}

fn left_alone(text: &mut String, plan: &Plan, left: &[(Side, Left)], explain: bool) {
    let mut lines = Vec::new();
    let mut skipped = 0_usize;
    for (side, left) in left {
        if left.why.is_problem() || explain {
            lines.push(format!(
                "  {} ({}): {}\n",
                for_terminal(&left.shown),
                side.as_str(),
                words::freeze(&left.why)
            ));
        } else {
            skipped += 1;
        }
    }
    for kept in &plan.kept {
        lines.push(format!(
            "  {}: {}\n",
            for_terminal(kept.path.as_str()),
            for_terminal(&kept.why)
        ));
    }
    if lines.is_empty() && skipped == 0 {
        return;
    }
    lines.sort();
    words::push(
        text,
        format_args!("Left alone ({})\n", words::grouped(lines.len() + skipped)),
    );
    text.extend(lines);
    if skipped > 0 {
        words::push(
            text,
            format_args!(
                "  {} skipped by rule (links, special files, shared folders); -v names them\n",
                words::count(skipped, "item")
            ),
        );
    }
}

fn total(plan: &Plan) -> String {
    if plan.actions.is_empty() {
        return match plan.settled.len() {
            0 => "Nothing to do.\n".into(),
            number => format!(
                "Nothing to transfer; {} found equal on both sides or gone from both.\n",
                words::count(number, "item")
            ),
        };
    }
    let bytes = |group| {
        let sizes = plan.actions.iter().filter(|a| Group::of(&a.what) == group);
        words::size(sizes.map(|a| a.size).sum())
    };
    format!(
        "{} planned: {} down, {} up.\n",
        words::count(plan.actions.len(), "action"),
        bytes(Group::Download),
        bytes(Group::Upload)
    )
}

#[cfg(test)]
mod tests;
