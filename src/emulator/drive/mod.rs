//! One account's Drive: zones, items, trash, etags, as a tree in memory.
//!
//! Looking things up and keeping the tree's sums and counters is here; the edits (create, rename, trash, …) are in
//! [`edit`], shares in [`share`]. Everything happens at the moment and under the rules given in [`Rules`]; there is no clock, no lock and no HTTP.
//! An item has a number ([`No`]) that stays for its life; names are byte-exact and case-sensitive (protocol page 10).

mod edit;
mod item;
mod share;

pub(super) use self::edit::{Refused, Written};
pub(super) use self::item::{Item, Kind, Share, Totals, Trashed};

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use self::share::ShareState;
use super::blob::Blob;
use super::switches::{EtagSpread, SignatureMode};
use super::util::Rng;

/// The zone of the user's own Drive.
pub(super) const CLOUD_DOCS: &str = "com.apple.CloudDocs";

/// Days until a trashed item goes (protocol page 8.7).
const TRASH_DAYS: i64 = 30;

/// The number of an item within its Drive.
pub(super) type No = usize;

/// The root of the Drive.
pub(super) const ROOT: No = 0;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Zone {
    name: String,
    counter: u64,
    root: No,
}

/// What holds for the next edits.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Rules {
    /// Seconds since 1970.
    pub(super) now: i64,
    pub(super) spread: EtagSpread,
    pub(super) signatures: SignatureMode,
    /// Each write to a share gives it a new `shareChangeTag`.
    pub(super) share_tag_moves: bool,
}

/// The Drive of one account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Drive {
    items: Vec<Option<Item>>,
    zones: Vec<Zone>,
    trash: Vec<No>,
    /// What was deleted in others' shares.
    #[serde(default)]
    owners_trash: Vec<No>,
    /// Others' shares by their record names.
    #[serde(default)]
    shares: BTreeMap<String, ShareState>,
    /// Counts every change.
    pub(super) version: u64,
    pub(super) rng: Rng,
    #[serde(skip)]
    pub(super) rules: Rules,
    #[serde(skip)]
    by_id: HashMap<(usize, String), No>,
}

impl Drive {
    pub(super) fn new(rng: Rng, now: i64) -> Self {
        let mut drive = Self {
            items: Vec::new(),
            // An account in use does not begin at zero.
            zones: vec![Zone {
                name: CLOUD_DOCS.to_owned(),
                counter: 97,
                root: ROOT,
            }],
            trash: Vec::new(),
            owners_trash: Vec::new(),
            shares: BTreeMap::new(),
            version: 1,
            rng,
            rules: Rules {
                now,
                ..Rules::default()
            },
            by_id: HashMap::new(),
        };
        drive.add(Kind::Folder, "root".to_owned(), 0, String::new(), None);
        drive
    }

    /// Restores what is not saved: children and the index.
    pub(super) fn rebuild(&mut self) {
        let links: Vec<_> = self
            .live()
            .map(|(no, item)| {
                (
                    no,
                    item.parent,
                    item.name.clone(),
                    (item.zone, item.id.clone()),
                )
            })
            .collect();
        for (no, parent, name, key) in links {
            self.by_id.insert(key, no);
            if let Some(parent) = parent.and_then(|p| self.item_mut(p)) {
                parent.children.insert((name, no));
            }
        }
    }

    pub(super) fn item(&self, no: No) -> Option<&Item> {
        self.items.get(no)?.as_ref()
    }

    fn item_mut(&mut self, no: No) -> Option<&mut Item> {
        self.items.get_mut(no)?.as_mut()
    }

    /// All items with their numbers, the root first.
    pub(super) fn live(&self) -> impl Iterator<Item = (No, &Item)> {
        self.items
            .iter()
            .enumerate()
            .filter_map(|(no, item)| Some((no, item.as_ref()?)))
    }

    /// Gives each content to `repair`, after a load.
    pub(super) fn each_blob(
        &mut self,
        mut repair: impl FnMut(&mut Blob) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        self.items
            .iter_mut()
            .flatten()
            .filter_map(|item| item.blob.as_mut())
            .try_for_each(&mut repair)
    }

    pub(super) fn zone_name(&self, zone: usize) -> &str {
        self.zones.get(zone).map_or("", |z| &z.name)
    }

    pub(super) fn zone(&self, name: &str) -> Option<usize> {
        self.zones.iter().position(|z| z.name == name)
    }

    /// The item with this document id in this zone.
    pub(super) fn find(&self, zone: &str, id: &str) -> Option<No> {
        self.by_id.get(&(self.zone(zone)?, id.to_owned())).copied()
    }

    /// The item with this `drivewsid`, if its type word is right as well.
    pub(super) fn find_drivewsid(&self, drivewsid: &str) -> Option<No> {
        let mut parts = drivewsid.splitn(3, "::");
        let (_, zone, id) = (parts.next()?, parts.next()?, parts.next()?);
        let no = self.find(zone, id)?;
        (self.drivewsid(no) == drivewsid).then_some(no)
    }

    /// The item with this `item_id`.
    pub(super) fn find_item_id(&self, item_id: &str) -> Option<No> {
        self.live()
            .map(|(no, _)| no)
            .find(|&no| self.item_id(no) == item_id)
    }

    pub(super) fn drivewsid(&self, no: No) -> String {
        let Some(item) = self.item(no) else {
            return String::new();
        };
        let kind = match (&item.kind, &item.share) {
            (Kind::File, None) => "FILE",
            (Kind::File, Some(_)) => "FILE_IN_SHARED_FOLDER",
            (Kind::Folder, Some(share)) if share.top => "SHARED_FOLDER",
            (Kind::Folder, Some(_)) => "FOLDER_IN_SHARED_FOLDER",
            (Kind::Folder | Kind::Library, _) => "FOLDER",
            (Kind::Other(word), _) => word,
        };
        format!("{kind}::{}::{}", self.zone_name(item.zone), item.id)
    }

    /// The opaque id of the `/v1/item` calls, made of the item's other ids.
    pub(super) fn item_id(&self, no: No) -> String {
        let seed = self
            .drivewsid(no)
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        URL_SAFE_NO_PAD.encode(Rng::seeded(seed).bytes::<24>())
    }

    /// The child of exactly this name.
    pub(super) fn child(&self, parent: No, name: &str) -> Option<No> {
        let from = (name.to_owned(), 0);
        let children = &self.item(parent)?.children;
        let (found, no) = children
            .range((Bound::Included(from), Bound::Unbounded))
            .next()?;
        (found == name).then_some(*no)
    }

    /// Follows names from the root.
    pub(super) fn walk<S: AsRef<str>>(&self, from: No, steps: &[S]) -> Option<No> {
        steps
            .iter()
            .try_fold(from, |at, step| self.child(at, step.as_ref()))
    }

    /// The names from the root down to the item, without the root's.
    pub(super) fn steps(&self, no: No) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = no;
        while let Some(item) = self.item(at) {
            let Some(parent) = item.parent else { break };
            names.push(item.name.clone());
            at = parent;
        }
        names.reverse();
        names
    }

    /// The trashed items, oldest first.
    pub(super) fn trash(&self) -> &[No] {
        &self.trash
    }

    /// Whether the item or a folder above it lies in the trash.
    pub(super) fn in_trash(&self, no: No) -> bool {
        let mut at = Some(no);
        while let Some(item) = at.and_then(|no| self.item(no)) {
            if item.trashed.is_some() {
                return true;
            }
            at = item.parent;
        }
        false
    }

    /// The folders above an item within its zone, nearest first.
    fn above(&self, no: No) -> Vec<No> {
        let mut out = Vec::new();
        let zone = self.item(no).map(|item| item.zone);
        let mut at = self.item(no).and_then(|item| item.parent);
        while let Some((number, item)) = at.and_then(|no| Some((no, self.item(no)?))) {
            if Some(item.zone) != zone {
                break;
            }
            out.push(number);
            at = item.parent;
        }
        out
    }

    fn next_count(&mut self, zone: usize) -> u64 {
        let Some(zone) = self.zones.get_mut(zone) else {
            return 0;
        };
        zone.counter += 1;
        zone.counter
    }

    /// Adds an item without a parent's knowledge of it.
    fn add(&mut self, kind: Kind, id: String, zone: usize, name: String, parent: Option<No>) -> No {
        let no = self.items.len();
        let meta = self.next_count(zone);
        let now = self.rules.now;
        self.by_id.insert((zone, id.clone()), no);
        self.items.push(Some(Item {
            id,
            zone,
            kind,
            name,
            parent,
            meta,
            content: meta,
            created: now,
            modified: now,
            changed: now,
            opened: None,
            blob: None,
            shown: [0; 21],
            package: false,
            listed: None,
            totals: Totals::default(),
            trashed: None,
            share: None,
            lent: None,
            version: self.version,
            children: BTreeSet::new(),
        }));
        no
    }

    /// Marks an item as changed: a new etag, and a new count of changes.
    fn mark(&mut self, no: No, content: bool) {
        self.version += 1;
        let Some(zone) = self.item(no).map(|item| item.zone) else {
            return;
        };
        let first = self.next_count(zone);
        let meta = if content {
            self.next_count(zone)
        } else {
            first
        };
        let (now, version) = (self.rules.now, self.version);
        if let Some(item) = self.item_mut(no) {
            if content {
                item.content = first;
            }
            item.meta = meta;
            item.changed = now;
            item.version = version;
        }
    }

    /// Lets the folders above `no` know, and the share that it is in, as far as the rules say so.
    fn spread(&mut self, no: No, totals_changed: bool, children_changed: bool) {
        self.share_written(no);
        let above = self.above(no);
        let reach = match self.rules.spread {
            EtagSpread::None => 0,
            EtagSpread::Totals if totals_changed => above.len(),
            EtagSpread::Totals => usize::from(children_changed),
            EtagSpread::All => above.len(),
        };
        for folder in above.into_iter().take(reach) {
            let Some(zone) = self.item(folder).map(|item| item.zone) else {
                continue;
            };
            let count = self.next_count(zone);
            if let Some(item) = self.item_mut(folder) {
                item.meta = count;
            }
        }
    }

    /// Adds to (or takes from) the sums of the folders above; the zone's root only if `root` says so, since its sums
    /// do not drop when something goes to the trash (protocol page 8.7).
    fn adjust(&mut self, no: No, change: Totals, add: bool, root: bool) {
        for folder in self.above(no) {
            if !root && self.zones.iter().any(|zone| zone.root == folder) {
                continue;
            }
            if let Some(item) = self.item_mut(folder) {
                let sums = &mut item.totals;
                if add {
                    sums.files += change.files;
                    sums.bytes += change.bytes;
                } else {
                    sums.files = sums.files.saturating_sub(change.files);
                    sums.bytes = sums.bytes.saturating_sub(change.bytes);
                }
            }
        }
    }

    fn link(&mut self, no: No, parent: No) {
        let Some(name) = self.item(no).map(|item| item.name.clone()) else {
            return;
        };
        if let Some(folder) = self.item_mut(parent) {
            folder.children.insert((name, no));
        }
        if let Some(item) = self.item_mut(no) {
            item.parent = Some(parent);
        }
    }

    fn unlink(&mut self, no: No) {
        let Some((name, Some(parent))) = self.item(no).map(|item| (item.name.clone(), item.parent))
        else {
            return;
        };
        if let Some(folder) = self.item_mut(parent) {
            folder.children.remove(&(name, no));
        }
        if let Some(item) = self.item_mut(no) {
            item.parent = None;
        }
    }
}

#[cfg(test)]
mod tests;
