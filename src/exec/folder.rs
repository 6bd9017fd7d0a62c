//! Makes folders, on either side.

use super::{Run, disk::changed, rows, seal, upload::not_applied};
use crate::{
    cloud::{FolderAnswer, Node},
    error::{Error, Kind as ErrorKind, Result},
    plan::{Action, Side, What},
    state::{
        journal::Op,
        undo::{Deed, Place},
    },
    tree::{Kind, RelPath, RemoteId, RemoteItem, Row, local_name},
};

impl Run<'_> {
    pub(super) fn create_local_folder(&self, action: &Action) -> Result<Vec<Op>> {
        let was_there = self.exec.disk.look(&action.path)?.is_some();
        let marks = self.exec.disk.make_folder(&action.path)?;
        if !was_there {
            self.did(&Deed::LocalAppeared {
                path: action.path.clone(),
                kind: Kind::Folder,
                seal: seal::empty_folder(),
                kept: None,
                row: action.agreed.clone(),
            });
        }
        let Some(remote) = action.remote.as_deref() else {
            return Ok(Vec::new());
        };
        let mut ops = vec![folder_row(action, &marks, remote)];
        ops.extend(self.parted.arrival(&remote.id, Side::Local));
        Ok(ops)
    }

    /// Makes folders of one parent in one request; a result for each.
    pub(super) fn create_remote_folders(&self, numbers: &[usize]) -> Vec<Result<Vec<Op>>> {
        let mut names = Vec::new();
        let mut folder = None;
        for number in numbers {
            if let What::CreateRemoteFolder { parent, name } = &self.action(*number).what {
                folder.get_or_insert(parent);
                names.push(name.as_str());
            }
        }
        let all_fail = |error: &Error| numbers.iter().map(|_| Err(error.clone())).collect();
        let Some(folder) = folder.filter(|_| names.len() == numbers.len()) else {
            return all_fail(&Error::new(
                ErrorKind::Other,
                "only folders are made together",
            ));
        };
        let parent = match self.parent(folder) {
            Ok(parent) => parent,
            Err(error) => return all_fail(&error),
        };
        let answers = self.gate.pass(self.exec.remote, &parent.zone, || {
            self.exec.remote.create_folders(&parent, &names)
        });
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) if error.kind() == ErrorKind::Lost => {
                names.iter().map(|_| Err(error.clone())).collect()
            }
            Err(error) => return all_fail(&error),
        };
        let mut there: Option<Result<Vec<Node>>> = None;
        let mut results = Vec::with_capacity(numbers.len());
        for ((number, name), answer) in numbers.iter().zip(&names).zip(answers) {
            let action = self.action(*number);
            let node = match answer {
                // A folder of that name is as good as a new one, whoever made it; and a lost answer may have made it.
                Err(error) if matches!(error.kind(), ErrorKind::Exists | ErrorKind::Lost) => {
                    let there = there.get_or_insert_with(|| self.children(&parent));
                    find_folder(there, &parent, name, &action.path, &error)
                }
                Ok(node) => {
                    self.did(&Deed::RemoteAppeared {
                        path: action.path.clone(),
                        id: node.id.clone(),
                        kind: Kind::Folder,
                        place: Place {
                            folder: Some(parent.clone()),
                            name: node.name.clone(),
                        },
                        seal: seal::empty_folder(),
                    });
                    Ok(node)
                }
                Err(error) => Err(error),
            };
            results.push(node.and_then(|node| self.made_folder(*number, action, &node)));
        }
        results
    }

    fn made_folder(&self, number: usize, action: &Action, node: &Node) -> Result<Vec<Op>> {
        if self.made[number].set(node.id.clone()).is_err() {
            debug_assert!(false, "a folder is made once");
        }
        let path = action.agreed.as_ref().unwrap_or(&action.path);
        let item = rows::remote_item(path, node);
        if local_name(&node.name).ok().as_deref() != Some(action.path.name()) {
            let why = format!("the service called it {:?}", node.name);
            return Err(changed(&action.path, &why));
        }
        // The local one may not have come there yet, or stay elsewhere: then the next pass finds it equal.
        let local = match self.exec.disk.look(&action.path) {
            Err(error) if error.kind() == ErrorKind::Changed => None,
            other => other?,
        };
        let listed = action.local.as_deref();
        let row = local
            .filter(|marks| listed.is_some_and(|item| marks.is(item)))
            .map(|marks| folder_row(action, &marks, &item));
        Ok(row.into_iter().collect())
    }

    /// Lists one folder.
    pub(super) fn children(&self, folder: &RemoteId) -> Result<Vec<Node>> {
        match self.exec.remote.list(std::slice::from_ref(folder))?.pop() {
            Some(FolderAnswer::Whole { children, .. }) => Ok(children),
            Some(FolderAnswer::Gone) => Err(Error::new(
                ErrorKind::Changed,
                "its folder is gone from the remote side",
            )),
            Some(FolderAnswer::Odd(why)) => Err(Error::new(ErrorKind::Temporary, why)),
            None => Err(Error::new(
                ErrorKind::Protocol,
                "the service listed no folder",
            )),
        }
    }
}

fn folder_row(action: &Action, marks: &super::disk::Marks, remote: &RemoteItem) -> Op {
    let path = action.agreed.as_ref().unwrap_or(&action.path);
    let local = rows::local_item(path, Kind::Folder, marks);
    Op::Put(Box::new(Row::of(&local, remote, None, false)))
}

fn find_folder(
    there: &Result<Vec<Node>>,
    parent: &RemoteId,
    name: &str,
    path: &RelPath,
    error: &Error,
) -> Result<Node> {
    let there = there.as_ref().map_err(Clone::clone)?;
    let wanted = local_name(name).ok();
    match there
        .iter()
        .find(|node| local_name(&node.name).ok() == wanted)
    {
        Some(node)
            if node.kind == Kind::Folder
                && !node.is_shared
                && (node.id.zone == parent.zone || !node.id.zone.is_share()) =>
        {
            Ok(node.clone())
        }
        Some(_) => Err(changed(
            path,
            "something else has its name on the remote side meanwhile",
        )),
        None if error.kind() == ErrorKind::Lost => Err(not_applied(path, error)),
        None => Err(Error::new(
            ErrorKind::Refused,
            format!("cannot make the remote folder \"{path}\": the service does not say why"),
        )),
    }
}
