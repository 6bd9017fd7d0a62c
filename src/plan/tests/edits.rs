//! What users do on one side between two passes.

use std::collections::BTreeMap;

use super::world::{Local, Remote, World};
use crate::tree::{Kind, RelPath, Zone};

/// Something that a user does on one side; the numbers pick what, which item and where to.
pub(super) type Edit = (u8, u8, u8);

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "p.key", "A", "h"];

/// Returns a time that is near that of some other contents, but for those that only time and size can tell.
fn time_of(content: u32) -> i64 {
    if is_unverifiable(content) {
        return i64::from(content) * 50_000 + 5_000;
    }
    i64::from(content * 37 % 20) * 10_000 + i64::from(content % 900)
}

fn is_unverifiable(content: u32) -> bool {
    content % 11 == 10
}

/// One side's tree of either kind, for edits.
pub(super) trait Node: Clone {
    const MAKES_PACKAGES: bool;
    fn tree(world: &mut World) -> &mut BTreeMap<RelPath, Self>;
    fn kind(&self) -> Kind;
    fn new(world: &mut World, kind: Kind, content: u32, zone: Zone) -> Self;
    fn set_content(&mut self, content: u32);
    fn touch(&mut self);
    fn new_identity(&mut self, world: &mut World, zone: Zone);
    fn zone(&self) -> Zone;
    fn is_fixed(&self) -> bool;
}

impl Node for Local {
    const MAKES_PACKAGES: bool = false;
    fn tree(world: &mut World) -> &mut BTreeMap<RelPath, Self> {
        &mut world.local
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn new(world: &mut World, kind: Kind, content: u32, _: Zone) -> Self {
        Self {
            kind,
            content,
            mtime_ms: time_of(content),
            inode: world.next(),
        }
    }
    fn set_content(&mut self, content: u32) {
        self.content = content;
        self.mtime_ms = time_of(content);
    }
    fn touch(&mut self) {
        self.mtime_ms += 3_333;
    }
    fn new_identity(&mut self, world: &mut World, _: Zone) {
        self.inode = world.next();
    }
    fn zone(&self) -> Zone {
        Zone::drive()
    }
    fn is_fixed(&self) -> bool {
        false
    }
}

impl Node for Remote {
    const MAKES_PACKAGES: bool = true;
    fn tree(world: &mut World) -> &mut BTreeMap<RelPath, Self> {
        &mut world.remote
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn new(world: &mut World, kind: Kind, content: u32, zone: Zone) -> Self {
        Self {
            kind,
            content,
            modified_ms: time_of(content),
            id: world.new_id(zone),
            version: [1, content],
            is_fixed: false,
            is_unverifiable: is_unverifiable(content),
        }
    }
    fn set_content(&mut self, content: u32) {
        self.content = content;
        self.modified_ms = time_of(content);
        self.version = [self.version[0] + 1, content];
        self.is_unverifiable = is_unverifiable(content);
    }
    fn touch(&mut self) {
        self.version[0] += 1;
    }
    fn new_identity(&mut self, world: &mut World, zone: Zone) {
        self.id = world.new_id(zone);
    }
    fn zone(&self) -> Zone {
        self.id.zone.clone()
    }
    fn is_fixed(&self) -> bool {
        self.is_fixed
    }
}

fn zone_at<N: Node>(world: &mut World, folder: Option<&RelPath>) -> Zone {
    folder
        .and_then(|folder| N::tree(world).get(folder).map(N::zone))
        .unwrap_or_else(Zone::drive)
}

fn pick<N: Node>(world: &mut World, which: u8) -> Option<RelPath> {
    let tree = N::tree(world);
    let nth = usize::from(which) % tree.len().max(1);
    tree.keys().nth(nth).cloned()
}

/// Picks a folder and a name in it.
fn pick_place<N: Node>(world: &mut World, at: u8) -> Option<RelPath> {
    let folders: Vec<Option<RelPath>> = (N::tree(world).iter())
        .filter(|(path, node)| node.kind() == Kind::Folder && path.depth() < 4)
        .map(|(path, _)| Some(path.clone()))
        .chain([None])
        .rev()
        .collect();
    let folder = &folders[usize::from(at / 8) % folders.len()];
    RelPath::within(folder.as_ref(), NAMES[usize::from(at % 8)]).ok()
}

fn take<N: Node>(world: &mut World, at: &RelPath) -> Vec<(String, N)> {
    let tree = N::tree(world);
    let keys: Vec<RelPath> = tree
        .keys()
        .filter(|path| path.is_at_or_under(at))
        .cloned()
        .collect();
    keys.iter()
        .filter_map(|key| {
            let rest = key.as_str().strip_prefix(at.as_str())?.to_owned();
            Some((rest, tree.remove(key)?))
        })
        .collect()
}

/// Puts a subtree down; across zones the service makes new items.
fn put<N: Node>(world: &mut World, at: &RelPath, items: Vec<(String, N)>) {
    let zone = zone_at::<N>(world, at.parent().as_ref());
    for (rest, mut node) in items {
        if node.zone() != zone && !node.is_fixed() {
            node.new_identity(world, zone.clone());
        }
        N::tree(world).insert(RelPath::parse(&format!("{at}{rest}")).unwrap(), node);
    }
}

fn holds_fixed<N: Node>(world: &mut World, at: &RelPath) -> bool {
    (N::tree(world).iter()).any(|(path, node)| path.is_at_or_under(at) && node.is_fixed())
}

/// Does one edit, where it makes sense.
pub(super) fn edit<N: Node>(world: &mut World, (what, which, at): Edit) {
    let fresh = |world: &mut World| {
        if at % 3 == 0 {
            u32::from(at % 7)
        } else {
            u32::try_from(world.next()).unwrap() % 900
        }
    };
    let what = what % 20;
    if what < 5 {
        let Some(place) = pick_place::<N>(world, which) else {
            return;
        };
        if N::tree(world).contains_key(&place) {
            return;
        }
        let zone = zone_at::<N>(world, place.parent().as_ref());
        let (kind, content) = if what < 3 {
            let content = fresh(world);
            // Only other devices make packages.
            let is_package = N::MAKES_PACKAGES && content % 4 == 3;
            (
                if is_package {
                    Kind::Package
                } else {
                    Kind::File
                },
                content,
            )
        } else {
            (Kind::Folder, 0)
        };
        let node = N::new(world, kind, content, zone);
        N::tree(world).insert(place, node);
        return;
    }
    let Some(from) = pick::<N>(world, which) else {
        return;
    };
    let kind = N::tree(world)[&from].kind();
    if holds_fixed::<N>(world, &from) {
        return;
    }
    match what {
        5 | 6 if kind != Kind::Folder => {
            let content = fresh(world);
            let node = N::tree(world).get_mut(&from).unwrap();
            if kind == Kind::File || content != 0 {
                node.set_content(content);
            }
        }
        7 => N::tree(world).get_mut(&from).unwrap().touch(),
        8 | 9 => drop(take::<N>(world, &from)),
        10..=13 => {
            let place = if what == 10 {
                RelPath::within(from.parent().as_ref(), NAMES[usize::from(at % 8)]).ok()
            } else {
                pick_place::<N>(world, at)
            };
            let Some(to) = place else { return };
            if to.is_at_or_under(&from) || from.is_at_or_under(&to) || holds_fixed::<N>(world, &to)
            {
                return;
            }
            if N::tree(world).contains_key(&to) {
                if what < 13 {
                    return;
                }
                take::<N>(world, &to);
            }
            let items = take::<N>(world, &from);
            put(world, &to, items);
        }
        14 | 15 => {
            let Some(other) = pick::<N>(world, at) else {
                return;
            };
            if other.is_at_or_under(&from)
                || from.is_at_or_under(&other)
                || holds_fixed::<N>(world, &other)
            {
                return;
            }
            let (one, two) = (take::<N>(world, &from), take::<N>(world, &other));
            put(world, &other, one);
            put(world, &from, two);
        }
        16 => {
            // A folder and one that it is in change places.
            let Some(parent) = from.parent() else { return };
            let name = from.name().to_owned();
            let is_taken = (from.join(&name)).is_ok_and(|path| N::tree(world).contains_key(&path));
            if holds_fixed::<N>(world, &parent) || kind != Kind::Folder || is_taken {
                return;
            }
            let inner = take::<N>(world, &from);
            let outer = take::<N>(world, &parent);
            put(world, &parent, inner);
            put(world, &parent.join(from.name()).unwrap(), outer);
        }
        17 => {
            take::<N>(world, &from);
            let zone = zone_at::<N>(world, from.parent().as_ref());
            let (kind, content) = if kind == Kind::Folder {
                (Kind::File, fresh(world))
            } else {
                (Kind::Folder, 0)
            };
            let node = N::new(world, kind, content, zone);
            N::tree(world).insert(from, node);
        }
        18 | 19 => {
            let mut node = N::tree(world)[&from].clone();
            let zone = node.zone();
            node.new_identity(world, zone);
            if what == 18 && kind == Kind::File {
                let content = fresh(world);
                node.set_content(content);
            }
            N::tree(world).insert(from, node);
        }
        _ => {}
    }
}
