//! Finding out what only content can tell, and the rows that follow from it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::Read,
    sync::atomic::{AtomicU64, Ordering},
};

use rayon::prelude::*;

use super::{Listings, Pass};
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    exec::{self, disk::Disk},
    plan::{Facts, Inquiry, RemoteFact, Settle, Settled},
    report::Event,
    state::journal::Op,
    tree::{Kind, Listing, LocalItem, RelPath, RemoteId, Row, Signature, SignatureHasher, Zone},
};

/// How many remote files are asked for in one go; the client splits it as the service likes.
const ASKED: usize = 50;
const BUFFER: usize = 256 * 1024;

impl Pass<'_> {
    /// Answers what a plan asks.
    ///
    /// # Errors
    /// What concerns no single file: not signed in, stopped, the service away.
    pub(super) fn answer(
        &self,
        inquiry: &Inquiry,
        listings: &Listings,
        disk: Option<&Disk>,
        facts: &mut Facts,
    ) -> Result<()> {
        let items: Vec<&LocalItem> = inquiry
            .local
            .iter()
            .filter_map(|path| listings.local.get(path))
            .collect();
        let total: u64 = items.iter().map(|item| item.size).sum();
        let done = AtomicU64::new(0);
        let hash = |item: &&LocalItem| -> (RelPath, std::result::Result<Signature, String>) {
            let result = match disk {
                Some(disk) => self.hash(disk, item, &done, total),
                None => Err(Error::new(ErrorKind::Other, "LOCAL is not there")),
            };
            (item.path.clone(), result.map_err(|error| error.chain()))
        };
        let hashed: Vec<_> = items.par_iter().map(hash).collect();
        self.tools.stop.check()?;
        facts.local.extend(hashed);

        let mut zones: BTreeMap<&Zone, Vec<&RemoteId>> = BTreeMap::new();
        for id in &inquiry.remote {
            zones.entry(&id.zone).or_default().push(id);
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.options.listers.max(1))
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Other, "cannot start threads").with_source(error)
            })?;
        let chunks: Vec<(&Zone, &[&RemoteId])> = zones
            .iter()
            .flat_map(|(zone, ids)| ids.chunks(ASKED).map(|chunk| (*zone, chunk)))
            .collect();
        // What is listed without content and asked for all the same is a package, or an empty file of a package's name.
        let empty: HashSet<&RemoteId> = (listings.remote.items().iter())
            .filter(|item| item.size == 0 && inquiry.remote.contains(&item.id))
            .map(|item| &item.id)
            .collect();
        let answers: Result<Vec<_>> = pool.install(|| {
            chunks
                .par_iter()
                .map(|(zone, ids)| self.ask(zone, ids, &empty))
                .collect()
        });
        facts.remote.extend(answers?.into_iter().flatten());
        Ok(())
    }

    fn hash(
        &self,
        disk: &Disk,
        item: &LocalItem,
        done: &AtomicU64,
        total: u64,
    ) -> Result<Signature> {
        if item.kind == Kind::Package {
            return exec::package::tree_here(disk, item, self.tools.stop);
        }
        let fail = |error| Error::io(format!("cannot read \"{}\"", item.path), error);
        let spot = disk.spot(&item.path)?;
        let mut file = disk.read(&spot)?;
        let mut hasher = SignatureHasher::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            self.tools.stop.check()?;
            let count = file.read(&mut buffer).map_err(fail)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            let done = done.fetch_add(count as u64, Ordering::Relaxed) + count as u64;
            self.tools.reporter.event(&Event::Hashing {
                done,
                total: total.max(done),
            });
        }
        match disk.look_spot(&spot)? {
            Some(marks) if marks.is(item) => Ok(hasher.finish()),
            Some(_) | None => Err(exec::disk::changed(
                &item.path,
                "it changed while it was read",
            )),
        }
    }

    fn ask(
        &self,
        zone: &Zone,
        ids: &[&RemoteId],
        empty: &HashSet<&RemoteId>,
    ) -> Result<Vec<(RemoteId, std::result::Result<RemoteFact, String>)>> {
        self.tools.stop.check()?;
        let docs: Vec<_> = ids.iter().map(|id| id.doc.clone()).collect();
        let tokens = self.tools.remote.tokens(zone, &docs)?;
        let facts = ids.iter().zip(tokens).map(|(id, token)| {
            let fact = match token {
                Ok(token) => Ok(RemoteFact {
                    signature: token.signature,
                    is_package: token.is_package,
                }),
                // The service has no address for what has no content (protocol page 9.3).
                Err(error) if error.is_bad_request() && empty.contains(id) => Ok(RemoteFact {
                    signature: Some(Signature::of(b"")),
                    is_package: false,
                }),
                Err(error) => Err(error.chain()),
            };
            ((*id).clone(), fact)
        });
        Ok(facts.collect())
    }
}

/// Returns what the baseline learns from what a plan has settled without anything being done.
pub(super) fn settled_ops(
    settled: Vec<Settled>,
    facts: &Facts,
    base: &Listing<Row>,
    listings: &Listings,
) -> Vec<Op> {
    let mut ops = Vec::with_capacity(settled.len());
    let by_id: HashMap<&RemoteId, &Row> = if settled.is_empty() {
        HashMap::new()
    } else {
        base.items().iter().map(|row| (&row.id, row)).collect()
    };
    for settled in settled {
        let items = settled.listed.and_then(|(local, remote)| {
            Some((listings.local.get(&local)?, listings.remote.get(&remote)?))
        });
        let Some((local, remote)) = items else {
            if settled.how == Settle::Forget {
                ops.push(Op::Forget(settled.path));
            }
            continue;
        };
        let hashed = match facts.local.get(&local.path) {
            Some(Ok(signature)) => Some(*signature),
            Some(Err(_)) | None if local.kind == Kind::File && local.size == 0 => {
                Some(Signature::of(b""))
            }
            Some(Err(_)) | None => None,
        };
        let is_file = local.kind == Kind::File;
        let is_racy = is_file && exec::is_racy(local.mtime_ns, listings.looked_ns);
        let mut row = Row::of(local, remote, hashed, is_racy);
        row.path = settled.path;
        row.name = (remote.remote_name() != row.path.name()).then(|| remote.remote_name().into());
        let old = by_id.get(&remote.id).copied();
        let old = old.or_else(|| base.get(&local.path).filter(|row| row.size == local.size));
        if let Some(old) = old.filter(|_| settled.how == Settle::Renew) {
            row.kind = old.kind;
            row.signature = row.signature.or(old.signature);
            // Both sides may have got the same new content.
            row.sha256 = (old.sha256.clone()).filter(|_| row.signature == old.signature);
        }
        ops.push(Op::Put(Box::new(row)));
    }
    ops
}
