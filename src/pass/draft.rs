//! Both sides as they are, and what a pass would do with them. Only reads.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{Pass, absent, learned::Learned};
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    exec::{self, disk::Disk},
    options::Shares,
    plan::{self, Facts, Input, Plan, Rules, Side, Verb},
    report::Event,
    scan::{
        Progress, Watch,
        filter::Filter,
        local::{LocalScan, measure},
        remote::{Known, RemoteScan},
    },
    state::baseline::Baseline,
    tree::{Kind, Listing, LocalItem, RelPath, RemoteId, RemoteItem, Row},
};

/// How often the plan may ask for content before something is wrong with the answers.
const MOST_ROUNDS: usize = 12;

/// Both sides as they are now.
pub(super) struct Listings {
    pub(super) local: Listing<LocalItem>,
    pub(super) remote: Listing<RemoteItem>,
    /// When the local side began to be listed, ns since 1970 UTC.
    pub(super) looked_ns: i64,
}

/// What a pass would do, and what that rests on.
pub(super) struct Draft {
    pub(super) listings: Listings,
    /// None where LOCAL is not there yet.
    pub(super) disk: Option<Disk>,
    pub(super) plan: Plan,
    pub(super) facts: Facts,
}

impl Pass<'_> {
    /// Looks at both sides and plans; nothing is changed. The errors are those of [`Self::list`] and [`Self::plan`].
    pub(super) fn draft(
        &self,
        base: &Baseline,
        filter: &Filter,
        local_root: Option<&PathBuf>,
        remote_root: &RemoteId,
        learned: &mut Learned,
    ) -> Result<Draft> {
        let mut listings = self.list(base, filter, local_root, remote_root, learned)?;
        self.hold_unmounted(base, filter, &mut listings.local);
        let disk = match local_root {
            Some(root) => Some(Disk::open(root, self.options.links, &listings.local)?),
            None => None,
        };
        let (plan, facts) = self.plan(
            base,
            &mut listings,
            filter,
            remote_root,
            disk.as_ref(),
            learned,
        )?;
        Ok(Draft {
            listings,
            disk,
            plan,
            facts,
        })
    }

    /// Lists both sides at the same time.
    pub(super) fn list(
        &self,
        base: &Baseline,
        filter: &Filter,
        local_root: Option<&PathBuf>,
        remote_root: &RemoteId,
        learned: &mut Learned,
    ) -> Result<Listings> {
        self.tools.remote.recall(learned.batches);
        let known_items: Vec<RemoteItem> = base.rows.items().iter().map(Row::remote_item).collect();
        let known = Known::new(&known_items);
        let tell = |side: Side| {
            move |progress: Progress| {
                self.tools.reporter.event(&Event::Listing {
                    side,
                    items: progress.items,
                    folders: (progress.folders, progress.folders_known),
                });
            }
        };
        let (tell_local, tell_remote) = (tell(Side::Local), tell(Side::Remote));
        // A package is known by its path, and wherever it was moved to by its inode.
        let packages: HashMap<u64, &Row> = (base.rows.items().iter())
            .filter(|row| row.kind == Kind::Package)
            .map(|row| (row.inode, row))
            .collect();
        let is_package = |path: &RelPath, inode: u64| {
            let by_path = base
                .rows
                .get(path)
                .is_some_and(|row| row.kind == Kind::Package);
            by_path
                || packages.get(&inode).is_some_and(|row| {
                    let root = local_root.map_or(Path::new(""), PathBuf::as_path);
                    let found = measure(&root.join(path.as_str()), path.clone(), None, false);
                    found.is_ok_and(|found| found.is_some_and(|item| item.birth_ns == row.birth_ns))
                })
        };
        let is_there = |path: &RelPath| base.rows.get(path).is_some();
        let looked_ns = exec::now_ns();
        let scan_local = || -> Result<Listing<LocalItem>> {
            let Some(root) = local_root else {
                return Ok(Listing::default());
            };
            let scan = LocalScan {
                root,
                filter,
                links: self.options.links,
                going_remote: (self.options.verb != Verb::Pull).then_some(&is_there),
                is_package: &is_package,
                watch: Watch {
                    stop: self.tools.stop,
                    progress: &tell_local,
                },
            };
            let mut listing = scan.run()?;
            listing.share_paths(&base.rows);
            let items = listing.items().len();
            self.tools.reporter.event(&Event::Listed {
                side: Side::Local,
                items,
            });
            Ok(listing)
        };
        let mut scan_remote = || -> Result<Listing<RemoteItem>> {
            if self.options.no_remote {
                return Ok(absent::listing(base, filter));
            }
            if !self.places.has_remote() && self.options.dry_run {
                return Ok(Listing::default());
            }
            let scan = RemoteScan {
                shares: self.options.shares,
                remote: self.tools.remote,
                root: remote_root,
                filter,
                known: (!known_items.is_empty()).then_some(&known),
                listers: self.options.listers,
                watch: Watch {
                    stop: self.tools.stop,
                    progress: &tell_remote,
                },
            };
            let listing = scan.run(&mut learned.limits)?;
            let items = listing.items().len();
            self.tools.reporter.event(&Event::Listed {
                side: Side::Remote,
                items,
            });
            Ok(listing)
        };
        let (local, remote) = std::thread::scope(|scope| {
            let local = scope.spawn(scan_local);
            let remote = scan_remote();
            let local = local
                .join()
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Other, "the local listing failed")));
            (local, remote)
        });
        let (local, mut remote) = (local?, remote?);
        // What the baseline knows is shared with it already.
        remote.share_paths(&local);
        Ok(Listings {
            local,
            remote,
            looked_ns,
        })
    }

    /// Makes the plan, finding out what only content can tell until nothing is left to ask.
    fn plan(
        &self,
        base: &Baseline,
        listings: &mut Listings,
        filter: &Filter,
        remote_root: &RemoteId,
        disk: Option<&Disk>,
        learned: &mut Learned,
    ) -> Result<(Plan, Facts)> {
        let rules = Rules {
            verb: self.options.verb,
            policy: self.options.policy,
            delete: self.options.delete,
            checksum: self.options.checksum,
            writes_shares: self.options.shares == Shares::Write,
        };
        let hides = |path: &RelPath, is_folder: bool| filter.hides(path, is_folder);
        let mut facts = if self.options.no_remote {
            absent::facts(base)
        } else {
            Facts::default()
        };
        for _ in 0..MOST_ROUNDS {
            let input = Input {
                base: &base.rows,
                local: &listings.local,
                remote: &listings.remote,
                remote_root,
                facts: &facts,
                hides: &hides,
                in_transit: &base.in_transit,
            };
            let (plan, inquiry) = plan::make(input, rules);
            if inquiry.is_empty() {
                return Ok((plan, facts));
            }
            Self::fold(&inquiry, listings, filter, disk);
            self.answer(&inquiry, listings, disk, &mut facts)?;
            self.look_into(&inquiry, listings, disk, &mut facts, learned)?;
        }
        Err(Error::new(
            ErrorKind::Other,
            "the plan asked for content again and again",
        ))
    }
}
