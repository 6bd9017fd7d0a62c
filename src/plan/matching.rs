//! Which items of the baseline and of the two sides are one and the same thing.
//!
//! Out of three trees of paths it makes one set of *entities*. Where an entity is on a side is said by its
//! parent entity and its name, not by a path: a renamed folder is one entity in another place, and all that is in
//! it has not moved at all. Identity is the service's id on the remote side, the inode (with its birth time) on
//! the local one, then the place, then equal content.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Facts, Inquiry};
use crate::tree::{Kind, Listing, LocalItem, RelPath, RemoteId, RemoteItem, Row, Signature};

/// The number of an entity; [`ROOT`] is the root of both sides.
pub type Ent = usize;

/// No entity yet.
const NONE: Ent = usize::MAX;

/// The entity that is the root of both sides.
pub const ROOT: Ent = 0;

/// One thing, as far as the baseline and the two sides know it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entity {
    /// Its row in the baseline.
    pub base: Option<usize>,
    /// Its item in the local listing.
    pub local: Option<usize>,
    /// Its item in the remote listing.
    pub remote: Option<usize>,
    /// One side's item is not what the row tells of, but something new where the other side has moved that.
    pub is_joined: bool,
}

/// The three trees that are matched.
#[derive(Clone, Copy)]
pub struct Trees<'a> {
    /// What both sides were when they last agreed: the rows that no filter hides.
    pub base: &'a Listing<Row>,
    /// The local side now.
    pub local: &'a Listing<LocalItem>,
    /// The remote side now.
    pub remote: &'a Listing<RemoteItem>,
}

/// Entities, and of which entity each row and item is.
#[derive(Debug, Default)]
pub struct Matched {
    /// The entities; number 0 is the root.
    pub entities: Vec<Entity>,
    /// The entity of each baseline row.
    pub of_base: Vec<Ent>,
    /// The entity of each local item.
    pub of_local: Vec<Ent>,
    /// The entity of each remote item.
    pub of_remote: Vec<Ent>,
    /// The entity of each row's, local item's and remote item's folder.
    pub parent_of_base: Vec<Ent>,
    /// See `parent_of_base`.
    pub parent_of_local: Vec<Ent>,
    /// See `parent_of_base`.
    pub parent_of_remote: Vec<Ent>,
}

/// Returns for each of a listing's paths the position of its folder's path; `None` for the root.
/// The paths are sorted, folders before their content; a folder that is missing counts as the nearest one above.
fn parents<'a>(paths: impl Iterator<Item = &'a RelPath>) -> Vec<Option<usize>> {
    let mut open: Vec<(usize, &RelPath)> = Vec::new();
    let mut parents = Vec::new();
    for (at, path) in paths.enumerate() {
        while open
            .last()
            .is_some_and(|(_, folder)| !path.is_at_or_under(folder))
        {
            open.pop();
        }
        parents.push(open.last().map(|(folder, _)| *folder));
        open.push((at, path));
    }
    parents
}

fn is_folder(kind: Kind) -> bool {
    kind == Kind::Folder
}

/// Returns whether a row's birth time tells it from others. FAT and exFAT count in steps of 10 ms, so that many files have one
/// birth time, and number their files anew at each mount.
fn has_birth(row: &Row) -> bool {
    row.birth_ns % 10_000_000 != 0
}

/// The work of matching rows with local items; the positions are those of the listings.
struct LocalMatch<'a> {
    trees: Trees<'a>,
    /// Row to local item.
    found: Vec<Option<usize>>,
    /// Local items that are taken.
    used: Vec<bool>,
    /// Identity to local items.
    by_inode: HashMap<(u64, i64), Vec<usize>>,
    /// Identities that a row has whose remote item is still there.
    alive: HashSet<(u64, i64)>,
    /// All rows, those first whose remote item is still there: of two rows with one inode the other is what an
    /// earlier pass left behind.
    order: Vec<usize>,
    /// See [`super::Rules::writes_shares`].
    writes_shares: bool,
    /// How many rows have an identity; only where shares are written to.
    rows_of: HashMap<(u64, i64), u32>,
}

impl LocalMatch<'_> {
    fn claim(&mut self, row: usize, item: usize) {
        self.found[row] = Some(item);
        self.used[item] = true;
    }

    /// Where the row's item would be if only its folders had moved.
    fn expected(&self, row: usize, parents: &[Option<usize>]) -> Option<usize> {
        let base = &self.trees.base.items()[row];
        let folder = match parents[row] {
            None => None,
            Some(parent) => Some(&self.trees.local.items()[self.found[parent]?].path),
        };
        let path = RelPath::within(folder, base.path.name()).ok()?;
        let at = self.trees.local.position(&path)?;
        (is_folder(self.trees.local.items()[at].kind) == is_folder(base.kind)).then_some(at)
    }

    /// Returns whether a row's item is inside of what another account shares. There nothing is moved from here: what has
    /// left its place is gone from it, and what came to be elsewhere is new there.
    fn is_bound(&self, row: usize, parents: &[Option<usize>]) -> bool {
        let rows = self.trees.base.items();
        let zone = &rows[row].id.zone;
        zone.is_share() && parents[row].is_some_and(|parent| rows[parent].id.zone == *zone)
    }

    /// Returns whether what was moved to another zone stands there on the remote side already, as a new item: a pass that
    /// copied it there has ended before it could note that. Nothing is moved across zones, so it is paired with what
    /// stands there, and the old one counts as gone.
    fn has_arrived(&self, row: &Row, item: &LocalItem) -> bool {
        let there = self.trees.remote.get(&item.path);
        there.is_some_and(|there| {
            let known = self.trees.base.get(&item.path);
            there.id.zone != row.id.zone && known.is_none_or(|known| known.id != there.id)
        })
    }

    /// Returns whether a new name inside of what another account shares can be nothing else: no other row has the item's
    /// inode, as one has that was moved out and back, and no other row's item has been there.
    fn is_free(&self, row: &Row, item: &LocalItem) -> bool {
        let known = self.rows_of.get(&(row.inode, row.birth_ns));
        known.is_none_or(|count| *count == 1) && self.trees.base.get(&item.path).is_none()
    }

    fn by_identity(&self, row: usize, parents: &[Option<usize>]) -> Option<usize> {
        let folder = match (self.is_bound(row, parents), parents[row]) {
            (true, _) if !self.writes_shares => return None,
            // Nothing but its name can change there.
            (true, Some(parent)) => Some(&self.trees.local.items()[self.found[parent]?].path),
            (true, None) | (false, _) => None,
        };
        let base = &self.trees.base.items()[row];
        let candidates = self.by_inode.get(&(base.inode, base.birth_ns))?;
        let mut fitting = candidates.iter().copied().filter(|at| {
            let item = &self.trees.local.items()[*at];
            let same_kind = is_folder(item.kind) == is_folder(base.kind);
            // Without a birth time a new file may have got the number of a deleted one.
            let is_sure = has_birth(base)
                || is_folder(base.kind)
                || (item.size == base.size && item.mtime_ns == base.mtime_ns);
            let is_in_reach = folder.is_none_or(|folder| {
                item.path.parent_str() == Some(folder.as_str()) && self.is_free(base, item)
            });
            !self.used[*at] && same_kind && is_sure && is_in_reach && !self.has_arrived(base, item)
        });
        fitting.next()
    }

    fn is_same_inode(&self, row: usize, item: usize) -> bool {
        let (base, item) = (
            &self.trees.base.items()[row],
            &self.trees.local.items()[item],
        );
        base.inode != 0 && base.inode == item.inode && base.birth_ns == item.birth_ns
    }

    fn is_as_long_and_old(&self, row: usize, item: usize) -> bool {
        let (base, item) = (
            &self.trees.base.items()[row],
            &self.trees.local.items()[item],
        );
        // Without a signature nobody could look.
        let is_one = item.kind == Kind::File && base.kind == Kind::File && base.signature.is_some();
        is_one && item.size == base.size && item.mtime_ns == base.mtime_ns
    }

    /// Returns whether a row knows the item's inode.
    fn is_of_another(&self, item: usize) -> bool {
        let item = &self.trees.local.items()[item];
        self.by_inode.contains_key(&(item.inode, item.birth_ns))
    }

    /// Returns whether a row whose remote item is still there knows the item's inode.
    fn is_of_living(&self, item: usize) -> bool {
        let item = &self.trees.local.items()[item];
        self.alive.contains(&(item.inode, item.birth_ns))
    }

    fn is_same_content(
        &self,
        row: usize,
        item: usize,
        facts: &Facts,
        inquiry: &mut Inquiry,
    ) -> bool {
        let (base, item) = (
            &self.trees.base.items()[row],
            &self.trees.local.items()[item],
        );
        // The signature of a package is one of another thing than a file's.
        !is_folder(item.kind)
            && item.kind == base.kind
            && item.size == base.size
            && base.signature.is_some_and(|known| {
                matches!(inquiry.local(facts, item), Some(Ok(signature)) if signature == known)
            })
    }

    fn run(&mut self, parents: &[Option<usize>], facts: &Facts, inquiry: &mut Inquiry) {
        let rows = self.trees.base.items();
        // What stands at its old path with its old inode is itself, whatever links there are to it. Where inodes
        // tell little, so is a file there with its old length and time, and its content is looked at.
        for (row, base) in rows.iter().enumerate() {
            if let Some(at) = self.trees.local.position(&base.path)
                && is_folder(self.trees.local.items()[at].kind) == is_folder(base.kind)
                && (self.is_same_inode(row, at)
                    || (!has_birth(base) && self.is_as_long_and_old(row, at)))
            {
                self.claim(row, at);
            }
        }
        let (folders, files): (Vec<usize>, Vec<usize>) =
            (self.order.iter().copied()).partition(|row| is_folder(rows[*row].kind));
        // A folder carries its content along, so its inode says more than its name.
        for row in folders.iter().copied() {
            let is_at_home = |path| {
                let found = self.trees.local.get(path);
                !has_birth(&rows[row]) && found.is_some_and(|item| is_folder(item.kind))
            };
            if self.found[row].is_none()
                && !is_at_home(&rows[row].path)
                && let Some(at) = self.by_identity(row, parents)
            {
                self.claim(row, at);
            }
        }
        // Outermost first: where a folder is to be looked for depends on the one that it is in.
        for row in (0..rows.len()).filter(|row| is_folder(rows[*row].kind)) {
            if self.found[row].is_none()
                && let Some(at) = self.expected(row, parents).filter(|at| !self.used[*at])
            {
                self.claim(row, at);
            }
        }
        // Editors save by renaming a new file over the old one: a file of an inode that no row knows,
        // at the old place, is the old file changed. An inode that another row knows has moved here, but where that
        // row's remote item is gone and the content is this one's: then it is what an earlier pass found here.
        for row in files.iter().copied() {
            if self.found[row].is_none()
                && let Some(at) = self.expected(row, parents).filter(|at| !self.used[*at])
                && (!self.is_of_another(at)
                    || self.is_same_inode(row, at)
                    || (!self.is_of_living(at) && self.is_same_content(row, at, facts, inquiry)))
            {
                self.claim(row, at);
            }
        }
        for row in files.iter().copied() {
            if self.found[row].is_none()
                && let Some(at) = self.by_identity(row, parents)
            {
                self.claim(row, at);
            }
        }
        for row in files.iter().copied() {
            if self.found[row].is_none()
                && let Some(at) = self.expected(row, parents).filter(|at| !self.used[*at])
            {
                self.claim(row, at);
            }
        }
        let free: Vec<usize> = (files.into_iter())
            .filter(|row| !self.is_bound(*row, parents))
            .collect();
        self.by_content(&free, facts, inquiry);
    }

    /// A file or package that is gone and a new one of the same content are one that was moved by copying.
    fn by_content(&mut self, files: &[usize], facts: &Facts, inquiry: &mut Inquiry) {
        let rows = self.trees.base.items();
        let mut gone: HashMap<(Kind, u64, Signature), VecDeque<usize>> = HashMap::new();
        let mut sizes: HashSet<(Kind, u64)> = HashSet::new();
        for row in files.iter().copied() {
            let base = &rows[row];
            if let (None, Some(signature)) = (self.found[row], base.signature)
                && base.size > 0
            {
                sizes.insert((base.kind, base.size));
                let of_content = gone.entry((base.kind, base.size, signature)).or_default();
                of_content.push_back(row);
            }
        }
        for (at, item) in self.trees.local.items().iter().enumerate() {
            if self.used[at] || !sizes.contains(&(item.kind, item.size)) {
                continue;
            }
            if let Some(Ok(signature)) = inquiry.local(facts, item)
                && let Some(of_content) = gone.get_mut(&(item.kind, item.size, signature))
                && (of_content.front()).is_some_and(|row| !self.has_arrived(&rows[*row], item))
                && let Some(row) = of_content.pop_front()
            {
                self.claim(row, at);
            }
        }
    }
}

fn match_local(
    trees: Trees<'_>,
    parents: &[Option<usize>],
    writes_shares: bool,
    facts: &Facts,
    inquiry: &mut Inquiry,
) -> Vec<Option<usize>> {
    let mut by_inode: HashMap<(u64, i64), Vec<usize>> = HashMap::new();
    let known: HashSet<(u64, i64)> = trees
        .base
        .items()
        .iter()
        .map(|row| (row.inode, row.birth_ns))
        .collect();
    for (at, item) in trees.local.items().iter().enumerate() {
        if item.inode != 0 && known.contains(&(item.inode, item.birth_ns)) {
            by_inode
                .entry((item.inode, item.birth_ns))
                .or_default()
                .push(at);
        }
    }
    let there: HashSet<&RemoteId> = trees.remote.items().iter().map(|item| &item.id).collect();
    let (first, last): (Vec<usize>, Vec<usize>) =
        (0..trees.base.items().len()).partition(|row| there.contains(&trees.base.items()[*row].id));
    let alive = (first.iter().map(|row| &trees.base.items()[*row]))
        .map(|row| (row.inode, row.birth_ns))
        .collect();
    let mut rows_of = HashMap::new();
    if writes_shares {
        for row in trees.base.items() {
            *rows_of.entry((row.inode, row.birth_ns)).or_insert(0) += 1;
        }
    }
    let mut work = LocalMatch {
        rows_of,
        order: first.into_iter().chain(last).collect(),
        trees,
        found: vec![None; trees.base.items().len()],
        used: vec![false; trees.local.items().len()],
        by_inode,
        alive,
        writes_shares,
    };
    work.run(parents, facts, inquiry);
    work.found
}

fn match_remote(
    trees: Trees<'_>,
    parents: &[Option<usize>],
    local: &[Option<usize>],
) -> Vec<Option<usize>> {
    let items = trees.remote.items();
    let by_id: HashMap<&RemoteId, usize> = items
        .iter()
        .enumerate()
        .map(|(at, item)| (&item.id, at))
        .collect();
    let mut used = vec![false; items.len()];
    let rows = trees.base.items();
    let mut found: Vec<Option<usize>> = rows
        .iter()
        .map(|row| {
            let at = *by_id.get(&row.id)?;
            (is_folder(items[at].kind) == is_folder(row.kind)).then_some(at)
        })
        .collect();
    for at in found.iter().flatten() {
        used[*at] = true;
    }
    let has_moved_locally = |row: usize| {
        let Some(at) = local[row] else { return false };
        let path = &trees.local.items()[at].path;
        let folder = parents[row].map(|parent| local[parent]);
        let is_in_its_folder = match folder {
            None => path.parent_str().is_none(),
            Some(folder) => folder.is_some_and(|folder| {
                path.parent_str() == Some(trees.local.items()[folder].path.as_str())
            }),
        };
        !is_in_its_folder || path.name() != rows[row].path.name()
    };
    // Another id at the old place: replaced by trashing and uploading anew, as some clients do. One that has
    // left its place locally is another thing by now: rows are known by their id, which would not follow.
    for (row, base) in rows.iter().enumerate() {
        if found[row].is_some() || has_moved_locally(row) {
            continue;
        }
        let folder = match parents[row] {
            None => None,
            Some(parent) => match found[parent] {
                Some(at) => Some(&items[at].path),
                None => continue,
            },
        };
        if let Ok(path) = RelPath::within(folder, base.path.name())
            && let Some(at) = trees.remote.position(&path)
            && !used[at]
            && is_folder(items[at].kind) == is_folder(base.kind)
        {
            found[row] = Some(at);
            used[at] = true;
        }
    }
    found
}

/// Matches the three trees. What only content can tell is asked of `facts`; what they don't know yet goes into
/// `inquiry`. `writes_shares` is [`super::Rules::writes_shares`].
pub fn match_trees(
    trees: Trees<'_>,
    writes_shares: bool,
    facts: &Facts,
    inquiry: &mut Inquiry,
) -> Matched {
    let base_parents = parents(trees.base.items().iter().map(|row| &row.path));
    let local_parents = parents(trees.local.items().iter().map(|item| &item.path));
    let remote_parents = parents(trees.remote.items().iter().map(|item| &item.path));
    let local = match_local(trees, &base_parents, writes_shares, facts, inquiry);
    let remote = match_remote(trees, &base_parents, &local);

    let mut matched = Matched {
        entities: vec![Entity::default()],
        of_base: vec![NONE; trees.base.items().len()],
        of_local: vec![NONE; trees.local.items().len()],
        of_remote: vec![NONE; trees.remote.items().len()],
        ..Matched::default()
    };
    for row in 0..trees.base.items().len() {
        let ent = matched.entities.len();
        matched.entities.push(Entity {
            base: Some(row),
            local: local[row],
            remote: remote[row],
            is_joined: false,
        });
        matched.of_base[row] = ent;
        if let Some(at) = local[row] {
            matched.of_local[at] = ent;
        }
        if let Some(at) = remote[row] {
            matched.of_remote[at] = ent;
        }
    }
    let parent_ent = |parents: &[Option<usize>], of: &[Ent], at: usize| match parents[at] {
        None => ROOT,
        Some(parent) => of[parent],
    };
    // What is new on a side, and in the same place on the other: new as well, or moved there and without
    // a counterpart until now. Of one kind, the two are one entity.
    let mut unmatched: HashMap<(Ent, &str, bool), Ent> = HashMap::new();
    for (at, item) in trees.remote.items().iter().enumerate() {
        let ent = matched.of_remote[at];
        let parent = parent_ent(&remote_parents, &matched.of_remote, at);
        if ent != NONE && parent != NONE && matched.entities[ent].local.is_none() {
            unmatched.insert((parent, item.path.name(), is_folder(item.kind)), ent);
        }
    }
    for (at, item) in trees.local.items().iter().enumerate() {
        if matched.of_local[at] == NONE {
            let parent = parent_ent(&local_parents, &matched.of_local, at);
            let key = (parent, item.path.name(), is_folder(item.kind));
            let ent = unmatched.remove(&key).unwrap_or_else(|| {
                matched.entities.push(Entity::default());
                matched.entities.len() - 1
            });
            matched.entities[ent].local = Some(at);
            matched.entities[ent].is_joined = matched.entities[ent].base.is_some();
            matched.of_local[at] = ent;
        }
    }
    unmatched.clear();
    for (at, item) in trees.local.items().iter().enumerate() {
        let ent = matched.of_local[at];
        if matched.entities[ent].remote.is_none() {
            let parent = parent_ent(&local_parents, &matched.of_local, at);
            unmatched.insert((parent, item.path.name(), is_folder(item.kind)), ent);
        }
    }
    for (at, item) in trees.remote.items().iter().enumerate() {
        if matched.of_remote[at] == NONE {
            let parent = parent_ent(&remote_parents, &matched.of_remote, at);
            let key = (parent, item.path.name(), is_folder(item.kind));
            let ent = unmatched.remove(&key).unwrap_or_else(|| {
                matched.entities.push(Entity::default());
                matched.entities.len() - 1
            });
            matched.entities[ent].remote = Some(at);
            matched.entities[ent].is_joined = matched.entities[ent].base.is_some();
            matched.of_remote[at] = ent;
        }
    }
    let all = |parents: &[Option<usize>], of: &[Ent]| -> Vec<Ent> {
        (0..of.len())
            .map(|at| parent_ent(parents, of, at))
            .collect()
    };
    matched.parent_of_base = all(&base_parents, &matched.of_base);
    matched.parent_of_local = all(&local_parents, &matched.of_local);
    matched.parent_of_remote = all(&remote_parents, &matched.of_remote);
    matched
}
