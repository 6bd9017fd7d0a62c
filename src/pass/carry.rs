//! From a plan to a saved baseline: what the plan says is done, written down, and folded in.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use super::{Listings, Pass, facts, learned::Learned, sight::Sight};
use crate::{
    cloud::Node,
    error::Result,
    exec::{self, Calibration, Exec, Settings, disk::Disk},
    plan::{Facts, Plan, Side},
    report::Event,
    scan::filter::Filter,
    state::{
        Pair,
        ages::Ages,
        baseline::{self, Baseline},
        journal::{self, InTransit, Op},
        trash, undo as record,
    },
    tree::{Listing, LocalItem, RemoteId, RemoteItem, Row},
};

/// How many changes of the baseline alone go into one line of the journal: a line is made in memory, and none depends
/// on another.
const OPS_A_LINE: usize = 1_000;

impl Pass<'_> {
    /// Does what the plan says, and saves the baseline.
    #[expect(
        clippy::too_many_arguments,
        reason = "this is where all of a pass comes together"
    )]
    pub(super) fn carry_out(
        &self,
        base: Baseline,
        listings: &mut Listings,
        filter: &Filter,
        plan: &mut Plan,
        facts: &Facts,
        remote_root: &RemoteId,
        disk: &Disk,
        root: &Path,
        learned: &mut Learned,
    ) -> Result<(exec::Done, usize)> {
        let remote_id = remote_root.folder_drivewsid();
        let pair = Pair::new(self.tools.account, root, &self.options.remote, &remote_id)?;
        exec::clear_leftovers(disk, &listings.local, plan);
        let settled = std::mem::take(&mut plan.settled);
        let settled = facts::settled_ops(settled, facts, &base.rows, listings);
        let plan = &*plan;
        let is_new = base.pair.is_none() || base.is_folded;
        if plan.actions.is_empty() && settled.is_empty() && !is_new {
            self.keep_mounts(filter, &listings.local)?;
            self.expire_trash(root);
            return Ok((exec::Done::default(), base.rows.items().len()));
        }
        // Before the first row of what is on another disk.
        self.keep_mounts(filter, &listings.local)?;
        let journal = baseline::begin(self.files, &pair, &base)?;
        let calibration = Calibration::new(learned.is_signature_proven);
        let sight = Sight::new(&listings.remote, remote_root, filter);
        let shows = |node: &Node| sight.shows(node);
        let stands = |node: &Node, item: &RemoteItem| sight.stands(node, item);
        let pass = self.places.trash.pass();
        let verb = self.options.verb.as_str();
        let record = record::Record::new(&self.files.undo, pass, &pair, verb, None);
        let exec = Exec {
            undo: &record,
            local: &listings.local,
            shows: &shows,
            stands: &stands,
            plan,
            remote: self.tools.remote,
            disk,
            trash: &self.places.trash,
            journal: &journal,
            reporter: Arc::clone(&self.tools.reporter),
            stop: self.tools.stop,
            settings: Settings {
                transfers: self.options.transfers,
                limits: learned.exec,
                bwlimit: self.options.bwlimit,
                max_downloads: self.options.max_downloads,
                min_free: self.options.min_free,
                op_delay: self.options.op_delay,
                verify_download: self.options.verify_download,
                checksum: self.options.checksum,
            },
            calibration: &calibration,
        };
        let mut settled = settled.into_iter();
        while settled.len() > 0 {
            let ops = settled.by_ref().take(OPS_A_LINE).collect();
            journal.append(ops, || disk.settle())?;
        }
        drop(settled);
        let done = exec::run(&exec)?;
        learned.is_signature_proven = calibration.is_proven();
        learned.exec = done.limits;
        if let Some(is_full) = done.is_full {
            learned.found_full(is_full);
        }
        journal.flush(|| disk.settle())?;
        let ops: Vec<Op> = journal.into_ops();
        // Of a million items each listing is some 100 MiB, and folding needs room for all rows twice.
        if base.in_transit.is_empty() {
            listings.local.let_go();
            listings.remote.let_go();
        }
        let left: HashSet<RemoteId> = (ops.iter())
            .filter_map(|op| match op {
                Op::Leaves(id, _) => Some(id.clone()),
                Op::Put(_) | Op::Forget(_) | Op::Gone(..) | Op::Move(_) | Op::Arrives(_) => None,
            })
            .collect();
        let (rows, mut in_transit) = journal::fold(base.rows, ops, base.in_transit);
        settle_arrivals(&mut in_transit, &left, &rows, listings);
        baseline::save(self.files, &pair, &rows, &in_transit)?;
        self.expire_trash(root);
        Ok((done, rows.items().len()))
    }

    fn expire_trash(&self, root: &Path) {
        if let Err(error) = self.try_to_expire(root) {
            self.tools.reporter.event(&Event::Warning(&error.chain()));
        }
    }

    fn try_to_expire(&self, root: &Path) -> Result<()> {
        let mut passes = trash::passes(root)?;
        passes.extend(record::passes(&self.files.undo)?);
        let ages = Ages::count(&self.files.ages, passes, jiff::Timestamp::now())?;
        let is_old = |pass: &str| ages.is_old(pass, self.options.trash_days);
        let count = trash::expire(root, is_old)?;
        if count > 0 {
            log::info!("emptied the local trash of {count} passes");
        }
        record::expire(&self.files.undo, is_old)
    }
}

/// Takes out what earlier passes left half-way, but for this one's own, if it is found where its row says. An item that
/// could not be listed may still be on its way.
fn settle_arrivals(
    in_transit: &mut InTransit,
    left: &HashSet<RemoteId>,
    rows: &Listing<Row>,
    listings: &Listings,
) {
    if in_transit.iter().all(|(id, _)| left.contains(id)) {
        return;
    }
    let rows: HashMap<&RemoteId, &Row> = rows.items().iter().map(|row| (&row.id, row)).collect();
    in_transit.retain(|id, side| {
        let Some(row) = rows.get(id) else {
            return false;
        };
        let is_half_way = match side {
            Side::Remote => {
                let mut items = listings.remote.items().iter();
                let listed = items.find(|item| item.id == *id).map(|item| &item.path);
                listed.map_or_else(|| listings.remote.has_unknown(), |path| *path != row.path)
            }
            Side::Local => {
                let mut items = listings.local.items().iter();
                let is_it =
                    |item: &&LocalItem| item.inode == row.inode && item.birth_ns == row.birth_ns;
                let listed = items.find(is_it).map(|item| &item.path);
                listed.map_or_else(|| listings.local.has_unknown(), |path| *path != row.path)
            }
        };
        left.contains(id) || is_half_way
    });
}
