//! The planner's tests: tables of small worlds written as text, and laws that hold in random ones.
//!
//! [`world`] holds two sides and a baseline in memory and makes listings of them; [`simulate`] carries a plan
//! out on such a world, as strict about preconditions as the real sides are.

mod care;
mod changes;
mod content;
mod edits;
mod large;
mod laws;
mod matrix;
mod moves;
mod shares;
mod simulate;
pub(super) mod table;
pub(super) mod world;
mod zones;

use super::{Plan, Settle, Side, What};

/// Writes a plan as short text, one step a line.
fn show(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for action in &plan.actions {
        let path = &action.path;
        let over = if action.is_replacement() { " over" } else { "" };
        let mut line = match &action.what {
            What::CreateLocalFolder => format!("mkdir L {path}"),
            What::CreateRemoteFolder { .. } => format!("mkdir R {path}"),
            What::Download => format!("get {path}{over}"),
            What::Upload { saves_loser, .. } => {
                let saves = if *saves_loser { " saving" } else { "" };
                format!("put {path}{over}{saves}")
            }
            What::MoveLocal { from } => format!("mv L {from} > {path}"),
            What::SwapLocal { with, .. } => format!("swap L {with} {path}"),
            What::MoveRemote {
                from, is_temporary, ..
            } => {
                let temporary = if *is_temporary { " for now" } else { "" };
                format!("mv R {from} > {path}{temporary}")
            }
            What::RemoveLocal => format!("rm L {path}"),
            What::TrashRemote => format!("rm R {path}"),
        };
        if !action.content.is_empty() {
            let content: Vec<_> = action.content.iter().map(|at| at.path.as_str()).collect();
            line = format!("{line} ({})", content.join(" "));
        }
        if let Some(agreed) = &action.agreed {
            line = format!("{line} as {agreed}");
        }
        lines.push(line);
    }
    for settled in &plan.settled {
        let how = match settled.how {
            Settle::Adopt => "adopt",
            Settle::Renew => "renew",
            Settle::Forget => "forget",
        };
        lines.push(format!("{how} {}", settled.path));
    }
    for kept in &plan.kept {
        let how = if kept.is_problem { "problem" } else { "keep" };
        lines.push(format!("{how} {}: {}", kept.path, kept.why));
    }
    for conflict in &plan.conflicts {
        let winner = conflict.winner.map_or("both", Side::as_str);
        let kept = conflict.kept_as.as_ref().map(|path| format!(" > {path}"));
        lines.push(format!(
            "conflict {}: {winner}{}",
            conflict.path,
            kept.unwrap_or_default()
        ));
    }
    lines
}
