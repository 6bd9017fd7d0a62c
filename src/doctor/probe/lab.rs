//! The folder that things are tried out in, and the hands to do it with.

use std::io::{Cursor, Read};

use serde_json::Value;

use super::{super::Finding, bound::Bound, target};
use crate::{
    cloud::{
        Commit, Node, Remote, Staged,
        drive::{Drive, Wire as _},
        endpoint::Endpoint,
        http::{Effect, Host},
        until_free,
        wire::Asked,
    },
    error::{Error, Kind as ErrorKind, Result},
    pass::Learned,
    tree::{Kind, RemoteId, Signature},
};

/// The time that files are given, ms since 1970 UTC: all the same, so that it says nothing of what was changed.
const MODIFIED_MS: i64 = 1_700_000_000_000;

/// The call that lists folders.
pub(super) const LIST: &str = "retrieveItemDetailsInFolders";

/// The answer to a question.
pub(super) struct Measured {
    /// In words.
    pub(super) answer: String,
    /// What the program makes of it from now on.
    pub(super) kept: Option<String>,
    /// What to do, where the answer is one that passes do not reckon with.
    pub(super) way_out: Option<&'static str>,
}

impl Measured {
    /// An answer that is good to know.
    pub(super) fn known(answer: impl Into<String>) -> Self {
        Self {
            answer: answer.into(),
            kept: None,
            way_out: None,
        }
    }

    /// An answer that the program uses.
    pub(super) fn kept(answer: impl Into<String>, kept: impl Into<String>) -> Self {
        Self {
            kept: Some(kept.into()),
            ..Self::known(answer)
        }
    }

    /// Makes a finding of it.
    pub(super) fn finding(self, name: &'static str, question: &str) -> Finding {
        let found = format!("{question}: {}", self.answer);
        let finding = match self.way_out {
            None => Finding::ok(name, found),
            Some(way_out) => Finding::failed(name, found, way_out),
        };
        Finding {
            kept: self.kept,
            ..finding
        }
    }
}

/// How the uploads' checksums compared with the formula.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Checksums {
    pub(super) agreed: usize,
    pub(super) differed: usize,
    pub(super) unverifiable: usize,
}

/// The folder, and what is known so far.
pub(super) struct Lab<'a> {
    pub(super) drive: &'a Drive<Bound>,
    pub(super) endpoint: &'a Endpoint,
    pub(super) learned: &'a mut Learned,
    pub(super) checksums: Checksums,
    /// The throw-away folder.
    folder: RemoteId,
    /// A folder with many empty folders in it.
    many: Option<(RemoteId, Vec<RemoteId>)>,
}

impl<'a> Lab<'a> {
    /// Makes the folder.
    ///
    /// # Errors
    /// What keeps it from being made.
    pub(super) fn open(
        drive: &'a Drive<Bound>,
        name: &str,
        endpoint: &'a Endpoint,
        learned: &'a mut Learned,
    ) -> Result<Self> {
        let folder = make(drive, &RemoteId::root(), name)?.id;
        Ok(Self {
            drive,
            endpoint,
            learned,
            checksums: Checksums::default(),
            folder,
            many: None,
        })
    }

    /// Makes a folder in the throw-away folder: one for each question.
    pub(super) fn corner(&self, name: &str) -> Result<RemoteId> {
        Ok(make(self.drive, &self.folder, name)?.id)
    }

    /// Makes a folder.
    pub(super) fn folder(&self, parent: &RemoteId, name: &str) -> Result<Node> {
        make(self.drive, parent, name)
    }

    /// Returns a folder with many empty folders in it, and these. Made once.
    pub(super) fn many(&mut self) -> Result<(RemoteId, Vec<RemoteId>)> {
        const NUMBER: usize = 50;
        const AT_ONCE: usize = 25;
        if let Some(many) = &self.many {
            return Ok(many.clone());
        }
        let parent = self.corner("many")?;
        let names: Vec<String> = (0..NUMBER)
            .map(|number| format!("folder {number}"))
            .collect();
        let mut made = Vec::new();
        for names in names.chunks(AT_ONCE) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let nodes = until_free(self.drive, || self.drive.create_folders(&parent, &names))?;
            made.extend(nodes.into_iter().collect::<Result<Vec<_>>>()?);
        }
        let ids = made.into_iter().map(|node| node.id).collect();
        Ok(self.many.insert((parent, ids)).clone())
    }

    /// Sends content; nothing is visible after it.
    pub(super) fn stage(&mut self, parent: &RemoteId, name: &str, content: &str) -> Result<Staged> {
        let bytes = content.as_bytes().to_vec();
        let mut open =
            || -> Result<Box<dyn Read + Send>> { Ok(Box::new(Cursor::new(bytes.clone()))) };
        let size = content.len() as u64;
        let staged = self.drive.stage(&parent.zone, name, size, &mut open)?;
        match staged.signature {
            Some(signature) if signature == Signature::of(content.as_bytes()) => {
                self.checksums.agreed += 1;
            }
            Some(_) => self.checksums.differed += 1,
            None => self.checksums.unverifiable += 1,
        }
        Ok(staged)
    }

    /// Makes a file.
    pub(super) fn file(&mut self, parent: &RemoteId, name: &str, content: &str) -> Result<Node> {
        let staged = self.stage(parent, name, content)?;
        self.commit(&staged, &Commit::Create, parent, name, content)
    }

    /// Gives a file new content, in place.
    pub(super) fn update(&mut self, file: &Node, parent: &RemoteId, content: &str) -> Result<Node> {
        let staged = self.stage(parent, &file.name, content)?;
        let what = Commit::Update(&file.id.doc);
        self.commit(&staged, &what, parent, &file.name, content)
    }

    /// Commits what was staged.
    pub(super) fn commit(
        &self,
        staged: &Staged,
        what: &Commit<'_>,
        parent: &RemoteId,
        name: &str,
        content: &str,
    ) -> Result<Node> {
        let size = content.len() as u64;
        until_free(self.drive, || {
            self.drive
                .commit(staged, what, parent, name, size, MODIFIED_MS)
        })
    }

    /// Gives an item a new name.
    pub(super) fn rename(&self, item: &Node, name: &str) -> Result<Node> {
        let target = target(item);
        until_free(self.drive, || self.drive.rename(&target, name))
    }

    /// Moves an item to Recently Deleted.
    pub(super) fn trash(&self, item: &Node) -> Result<Node> {
        let target = [target(item)];
        one(until_free(self.drive, || self.drive.trash(&target))?)
    }

    /// Reads items as they are now.
    ///
    /// # Errors
    /// `NotFound` where one is not there.
    pub(super) fn look(&self, items: &[(RemoteId, Kind)]) -> Result<Vec<Node>> {
        let found = self.drive.read(items)?;
        let gone = || Error::new(ErrorKind::NotFound, "what was just made is not there");
        found
            .into_iter()
            .map(|node| node.ok_or_else(gone))
            .collect()
    }

    /// Lists a folder and returns the answer as it came.
    pub(super) fn listed(&self, folder: &RemoteId, partial_data: bool) -> Result<Value> {
        let body = [Asked {
            drivewsid: folder.folder_drivewsid(),
            partial_data,
            include_hierarchy: false,
            share_id: None,
        }];
        self.drive
            .wire()
            .post(Host::Drivews, LIST, &body, Effect::Read)
    }
}

/// Returns the one answer of a call for one item.
pub(super) fn one<T>(answers: Vec<Result<T>>) -> Result<T> {
    let none = || Err(Error::new(ErrorKind::Protocol, "the answer is empty"));
    answers.into_iter().next().unwrap_or_else(none)
}

fn make(drive: &Drive<Bound>, parent: &RemoteId, name: &str) -> Result<Node> {
    one(until_free(drive, || drive.create_folders(parent, &[name]))?)
}
