//! Sends local content: staged first, visible only with one commit at the zone's write gate.

use std::{
    fs::File,
    io::Read,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Run,
    disk::{Spot, changed},
    download::same_content,
    fetch::{Digests, Hashes},
    rows, seal,
    throttle::Throttle,
};
use crate::{
    cloud::{Commit, Node, Staged},
    error::{Error, Kind as ErrorKind, Result},
    plan::{Action, Parent},
    report::{Event, Reporter},
    state::{
        journal::Op,
        undo::{Deed, Place},
    },
    stop::Stop,
    tree::{Kind, LocalItem, RemoteId, RemoteItem, Signature, local_name},
};

/// A file on its way out: hashed, counted and slowed down while it is read.
struct Outgoing {
    file: File,
    left: u64,
    hashes: Arc<Mutex<Hashes>>,
    sent: Arc<AtomicU64>,
    throttle: Arc<Throttle>,
    reporter: Arc<dyn Reporter>,
    stop: Stop,
    number: usize,
}

impl Read for Outgoing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(self.throttle.share(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let count = self.file.read(&mut buffer[..most])?;
        self.throttle
            .take(count, &self.stop)
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        self.left -= count as u64;
        self.hashes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .update(&buffer[..count]);
        self.sent.fetch_add(count as u64, Ordering::Relaxed);
        self.reporter.event(&Event::Moved {
            number: self.number,
            bytes: count as u64,
        });
        Ok(count)
    }
}

impl Run<'_> {
    pub(super) fn upload(
        &self,
        number: usize,
        action: &Action,
        parent: &Parent,
        name: &str,
        saves_loser: bool,
    ) -> Result<Vec<Op>> {
        let local = action
            .local
            .as_deref()
            .ok_or_else(|| changed(&action.path, "there is nothing to send"))?;
        let spot = self
            .exec
            .disk
            .spot(&action.path)
            .map_err(|error| or_vanished(action, error))?;
        self.expect_local(action, &spot)?;
        let folder = self.parent(parent)?;
        let mut kept = None;
        if let Some(remote) = action.remote.as_deref().filter(|_| saves_loser) {
            self.expect_remote(remote)?;
            kept = Some(self.save_loser(number, action, remote)?);
        }
        let (staged, digests, began_ns) = self.transfers.within(self.exec.remote, || {
            let send = || self.stage(number, action, local, &folder, name, &spot);
            // What is sent into another account's share is kept in that account.
            if folder.zone.is_share() {
                send()
            } else {
                self.quota.within(local.size, send)
            }
        })?;
        // What changed while it was read is not what was meant to be sent.
        self.expect_local(action, &spot)?;
        let signature = digests.0;
        let node = self.gate.pass(self.exec.remote, &folder.zone, || {
            match action.remote.as_deref() {
                Some(remote) => self.update(&staged, remote, &folder, name, local, signature),
                None => self.create(&staged, &folder, name, local, signature),
            }
        })?;
        self.remember(&node.id, &node.etag);
        self.uploaded(action, &node, folder, kept);
        let path = action.agreed.as_ref().unwrap_or(&action.path);
        let item = rows::remote_item(path, &node);
        // The marks of the content that was sent; a later change is seen by the next pass.
        let sent = LocalItem {
            path: path.clone(),
            ..local.clone()
        };
        let row = rows::transferred(&sent, &item, digests, began_ns);
        let forgotten = action.forgets.clone().map(Op::Forget);
        Ok((forgotten.into_iter())
            .chain([Op::Put(Box::new(row))])
            .collect())
    }

    /// Writes down what an upload did.
    fn uploaded(&self, action: &Action, node: &Node, folder: RemoteId, kept: Option<String>) {
        let (path, id) = (action.path.clone(), node.id.clone());
        self.did(&match &action.remote {
            Some(_) => Deed::RemoteUpdated { path, id, kept },
            None => Deed::RemoteAppeared {
                path,
                id,
                kind: Kind::File,
                place: Place {
                    folder: Some(folder),
                    name: node.name.clone(),
                },
                seal: seal::remote_file(&node.etag),
            },
        });
    }

    /// Sends the content; nothing is visible after it. Returns when the content that was sent began to be read, too.
    fn stage(
        &self,
        number: usize,
        action: &Action,
        local: &LocalItem,
        folder: &RemoteId,
        name: &str,
        spot: &Spot,
    ) -> Result<(Staged, Digests, i64)> {
        let mut may_send_again = true;
        let mut began_ns = rows::now_ns();
        loop {
            let hashes = Arc::new(Mutex::new(Hashes::new(false)));
            let mut first = true;
            let with_sha256 = self.exec.settings.checksum;
            let mut open = || -> Result<Box<dyn Read + Send>> {
                began_ns = rows::now_ns();
                *hashes.lock().unwrap_or_else(PoisonError::into_inner) = Hashes::new(with_sha256);
                if !std::mem::take(&mut first) {
                    self.exec
                        .reporter
                        .event(&Event::Restarted { number, bytes: 0 });
                }
                let file = self.exec.disk.read(spot);
                let file = file.map_err(|error| or_vanished(action, error))?;
                expect_same(&file, local)?;
                Ok(Box::new(Outgoing {
                    file,
                    left: local.size,
                    hashes: Arc::clone(&hashes),
                    sent: Arc::clone(&self.sent),
                    throttle: Arc::clone(&self.throttle),
                    reporter: Arc::clone(&self.exec.reporter),
                    stop: self.exec.stop.clone(),
                    number,
                }))
            };
            let result = self
                .exec
                .remote
                .stage(&folder.zone, name, local.size, &mut open);
            self.exec.stop.check()?;
            let staged = result
                .map_err(|error| error.in_context(format!("cannot send \"{}\"", action.path)))?;
            let done = {
                let mut held = hashes.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::replace(&mut *held, Hashes::new(false))
            };
            let digests = done.finish();
            let signature = digests.0;
            match staged.signature {
                Some(theirs) if theirs == signature => self.exec.calibration.prove(),
                Some(_) if self.exec.calibration.is_proven() => {
                    // It changed while it was read, or was damaged on its way.
                    self.expect_local(action, spot)?;
                    if may_send_again {
                        may_send_again = false;
                        continue;
                    }
                    let text = format!(
                        "\"{}\" arrived damaged twice: the service's signature is another",
                        action.path
                    );
                    return Err(Error::new(ErrorKind::Integrity, text));
                }
                Some(_) | None => {}
            }
            return Ok((staged, digests, began_ns));
        }
    }

    /// Reads a remote item back and checks that it is as the plan saw it, or as this pass left it.
    pub(super) fn expect_remote(&self, item: &RemoteItem) -> Result<Node> {
        let node = self
            .exec
            .remote
            .read(&[(item.id.clone(), item.kind)])?
            .pop()
            .flatten()
            .filter(|node| !node.is_trashed)
            .ok_or_else(|| changed(&item.path, "it is gone from the remote side meanwhile"))?;
        let is_same = match item.kind {
            Kind::Folder => true,
            Kind::File | Kind::Package => same_content(&node.etag, &self.known_etag(item)),
        };
        if !is_same {
            return Err(changed(
                &item.path,
                "it has changed on the remote side meanwhile",
            ));
        }
        Ok(node)
    }

    /// A new version of a document. The service checks nothing, so its version is read just before, with nothing
    /// between that and the commit (protocol page 9.8, hazard 2).
    fn update(
        &self,
        staged: &Staged,
        remote: &RemoteItem,
        folder: &RemoteId,
        name: &str,
        local: &LocalItem,
        signature: Signature,
    ) -> Result<Node> {
        if remote.kind == Kind::Package {
            return Err(changed(
                &remote.path,
                "a package can't be replaced by a file",
            ));
        }
        let before = self.expect_remote(remote)?;
        // What the service does with a version for another place than the document's is not known (protocol page 9.8).
        let is_elsewhere = before
            .parent
            .as_ref()
            .is_some_and(|parent| parent != folder);
        if is_elsewhere || local_name(&before.name) != local_name(name) {
            return Err(changed(
                &remote.path,
                "it was moved or renamed on the remote side meanwhile",
            ));
        }
        let result = self.exec.remote.commit(
            staged,
            &Commit::Update(&remote.id.doc),
            folder,
            &before.name,
            local.size,
            local.mtime_ns.div_euclid(1_000_000),
        );
        match result {
            Err(error) if error.kind() == ErrorKind::Lost => {
                let node = self.read_back(&remote.id, &error)?;
                if node.etag == before.etag {
                    return Err(not_applied(&remote.path, &error));
                }
                if self.has_content(&node, signature) {
                    return Ok(node);
                }
                Err(not_known(&remote.path, &error))
            }
            other => other,
        }
    }

    /// A new document, refused where the name is taken meanwhile.
    fn create(
        &self,
        staged: &Staged,
        folder: &RemoteId,
        name: &str,
        local: &LocalItem,
        signature: Signature,
    ) -> Result<Node> {
        let result = self.exec.remote.commit(
            staged,
            &Commit::Create,
            folder,
            name,
            local.size,
            local.mtime_ns.div_euclid(1_000_000),
        );
        match result {
            Err(error) if error.kind() == ErrorKind::Lost => {
                // The id was given before anything was visible, so it tells whether the commit was applied.
                let id = RemoteId {
                    zone: folder.zone.clone(),
                    doc: staged.doc.clone(),
                };
                let read = self.exec.remote.read(&[(id, Kind::File)]);
                match read.map_err(|_| error.clone())?.pop().flatten() {
                    // Another device may have found and changed it already.
                    Some(node) if !node.is_trashed && self.has_content(&node, signature) => {
                        Ok(node)
                    }
                    Some(_) => Err(not_known(&local.path, &error)),
                    None => Err(not_applied(&local.path, &error)),
                }
            }
            Err(error) if error.kind() == ErrorKind::Exists => Err(changed(
                &local.path,
                "the name is taken on the remote side meanwhile",
            )),
            other => other,
        }
    }

    fn read_back(&self, id: &RemoteId, lost: &Error) -> Result<Node> {
        let read = self
            .exec
            .remote
            .read(&[(id.clone(), Kind::File)])
            .map_err(|_| lost.clone())?;
        read.into_iter()
            .next()
            .flatten()
            .ok_or_else(|| lost.clone())
    }

    fn has_content(&self, node: &Node, signature: Signature) -> bool {
        if node.size == 0 {
            return signature == Signature::of(b"");
        }
        let doc = std::slice::from_ref(&node.id.doc);
        match self
            .exec
            .remote
            .tokens(&node.id.zone, doc)
            .map(|mut tokens| tokens.pop())
        {
            Ok(Some(Ok(token))) => {
                let is_this =
                    (token.etag.as_ref()).is_none_or(|etag| same_content(etag, &node.etag));
                is_this && token.signature == Some(signature)
            }
            Ok(Some(Err(_)) | None) | Err(_) => false,
        }
    }
}

/// What was listed and can't be found any more has changed, like any other thing that is not as it was.
fn or_vanished(action: &Action, error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        return changed(&action.path, "it is gone meanwhile");
    }
    error
}

/// Checks that an opened file is the one that was listed, whatever has been done to its name since.
fn expect_same(file: &File, local: &LocalItem) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file
        .metadata()
        .map_err(|error| Error::io(format!("cannot look at \"{}\"", local.path), error))?;
    let mtime_ns = metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec());
    if (metadata.ino(), metadata.len(), mtime_ns) == (local.inode, local.size, local.mtime_ns) {
        return Ok(());
    }
    Err(changed(&local.path, "it has changed meanwhile"))
}

/// Makes the error of a write whose answer was lost and that was not applied: the next pass does it.
pub(super) fn not_applied(path: &crate::tree::RelPath, lost: &Error) -> Error {
    let text =
        format!("\"{path}\": the answer was lost, and nothing was done; the next pass does it");
    Error::new(ErrorKind::Temporary, text).with_source(lost.clone())
}

/// Makes the error of a write whose answer was lost, of which it can't be told what became: the next pass looks.
fn not_known(path: &crate::tree::RelPath, lost: &Error) -> Error {
    let text = format!(
        "\"{path}\": the answer was lost, and what is there can't be told apart; the next pass looks again"
    );
    Error::new(ErrorKind::Temporary, text).with_source(lost.clone())
}
