//! Which pass is taken back, and what stands in its way.

use std::collections::HashSet;

use super::super::places::resolve_local;
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    options::PassOptions,
    state::{
        PairFiles,
        undo::{self, Deed, Past},
    },
};

/// How many passes a hint names.
const NAMED: usize = 5;

/// Returns the passes of a pair that can be taken back, oldest first. Asks the service nothing.
///
/// # Errors
/// `Local` where they can't be read.
pub fn past(options: &PassOptions) -> Result<Vec<Past>> {
    let local = resolve_local(&options.local)?;
    let files = PairFiles::new(&options.state_dir, &local, &options.remote, None);
    let passes = undo::passes(&files.undo)?;
    passes
        .iter()
        .map(|pass| undo::read(&files.undo, pass))
        .collect()
}

/// Finds the pass that is `wanted`, or the last one.
///
/// # Errors
/// `Usage` where there is none.
pub(super) fn choose<'a>(passes: &'a [String], wanted: Option<&str>) -> Result<&'a str> {
    let found = match wanted {
        None => passes.last(),
        Some(wanted) => passes.iter().find(|pass| *pass == wanted),
    };
    found.map(String::as_str).ok_or_else(|| {
        let named: Vec<&str> = passes.iter().rev().take(NAMED).map(String::as_str).collect();
        let text = match wanted {
            None => "there is no pass to take back".to_owned(),
            Some(wanted) => format!("there is no record of a pass {wanted:?}"),
        };
        let error = Error::new(ErrorKind::Usage, text);
        if named.is_empty() {
            error.with_hint("only passes of this LOCAL and REMOTE count, and only those that did something; give others with --local and --remote")
        } else {
            error.with_hint(format!("the last ones are {}", named.join(", ")))
        }
    })
}

/// Returns what passes after `pass` have touched. A pass and the undo that took it back cancel each other.
pub(super) fn touched_later(
    files: &PairFiles,
    passes: &[String],
    pass: &str,
) -> Result<HashSet<String>> {
    let after = passes.iter().skip_while(|other| *other != pass).skip(1);
    let mut later: Vec<Past> = Vec::new();
    for other in after {
        later.push(undo::read(&files.undo, other)?);
    }
    let mut cancelled: HashSet<String> = HashSet::new();
    for one in later.iter().rev() {
        if let Some(undoes) = &one.header.undoes
            && !cancelled.contains(&one.pass)
        {
            cancelled.insert(undoes.clone());
            cancelled.insert(one.pass.clone());
        }
    }
    Ok(later
        .iter()
        .filter(|one| !cancelled.contains(&one.pass))
        .flat_map(|one| one.deeds.iter().flat_map(Deed::touched))
        .collect())
}
