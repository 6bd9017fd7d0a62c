//! A remote folder as it is, for showing: no filter, no name refused, nothing left out.

use std::collections::HashSet;

use super::{ListLimits, ask::Asker};
use crate::{
    cloud::{FolderAnswer, Node, Remote},
    error::{Error, Kind as ErrorKind, Result},
    scan::Watch,
    tree::{Kind, RemoteId},
};

/// How deep it goes; deeper trees are met only where a service makes them up as it goes.
const DEEPEST: usize = 1000;

/// Takes what a folder holds, with the names of the folders that lead to it.
pub type Show<'a> = dyn FnMut(&[String], Result<Vec<Node>>) -> Result<()> + 'a;

/// Lists `root`, and with `is_deep` all folders below it, and hands each folder's
/// children to `show` with the names of the folders from `root` to it. A folder that could not be listed
/// comes with the reason instead; one that is gone does not come at all. Levels come in order.
///
/// # Errors
/// `NotFound` where the root is gone, whatever kept it from being listed; `SignIn`; `Stopped`;
/// `Temporary`; what `show` returns.
pub fn walk(
    remote: &dyn Remote,
    root: &RemoteId,
    is_deep: bool,
    listers: usize,
    watch: Watch<'_>,
    show: &mut Show<'_>,
) -> Result<()> {
    let asker = Asker::new(remote, listers, ListLimits::default(), watch);
    let list = |ids: &[RemoteId]| remote.list(ids);
    let mut seen = HashSet::from([root.clone()]);
    let mut level: Vec<(RemoteId, Vec<String>)> = vec![(root.clone(), Vec::new())];
    for depth in 0..DEEPEST {
        let ids: Vec<RemoteId> = level.iter().map(|(id, _)| id.clone()).collect();
        let answers = asker.ask(&ids, list, count)?;
        let mut next = Vec::new();
        for ((id, place), answer) in level.into_iter().zip(answers) {
            let answer = match answer {
                Ok(FolderAnswer::Odd(_)) => {
                    let again = asker.ask_alone(std::slice::from_ref(&id), list, count)?;
                    again.into_iter().next().unwrap_or_else(|| odd("no answer"))
                }
                other => other,
            };
            let children = match answer {
                Ok(FolderAnswer::Whole { children, .. }) => children,
                Ok(FolderAnswer::Gone) if depth == 0 => {
                    let why = "the remote folder is not there any more";
                    return Err(Error::new(ErrorKind::NotFound, why));
                }
                Ok(FolderAnswer::Gone) => continue,
                Ok(FolderAnswer::Odd(why)) if depth == 0 => return odd(&why).map(|_| ()),
                Ok(FolderAnswer::Odd(why)) => {
                    show(&place, Err(Error::new(ErrorKind::Protocol, why)))?;
                    continue;
                }
                Err(error) if depth == 0 => return Err(error),
                Err(error) => {
                    show(&place, Err(error))?;
                    continue;
                }
            };
            if is_deep {
                for child in &children {
                    let is_folder = child.kind == Kind::Folder && !child.is_shared;
                    if is_folder && seen.insert(child.id.clone()) {
                        let mut below = place.clone();
                        below.push(child.name.clone());
                        next.push((child.id.clone(), below));
                    }
                }
            }
            show(&place, Ok(children))?;
        }
        if next.is_empty() {
            return Ok(());
        }
        level = next;
    }
    Err(Error::new(
        ErrorKind::Protocol,
        format!("the folders go deeper than {DEEPEST} levels"),
    ))
}

fn count(answer: &FolderAnswer) -> usize {
    match answer {
        FolderAnswer::Whole { children, .. } => children.len(),
        FolderAnswer::Gone | FolderAnswer::Odd(_) => 0,
    }
}

fn odd(why: &str) -> Result<FolderAnswer> {
    Err(Error::new(ErrorKind::Protocol, why))
}
