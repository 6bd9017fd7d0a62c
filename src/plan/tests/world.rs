//! Two sides and a baseline in memory, read from short text.
//!
//! `a=1 d/ d/x=2 p@3`: a file of content 1, a folder, a file in it, a package. A file's content is its number
//! as text (0: an empty file), its time ten seconds a number, so that the larger number is the newer version.
//! An item has the identity of the baseline's item at the same path, unless a suffix says otherwise:
//! `<p` that of the baseline's item `p`; `!` a new one; `~` touched (another time, or another etag, with the content
//! the same); `:T` changed at T seconds; `^Z` in zone Z; `*` an app library; `?` its signature has no form that is known;
//! `+` (baseline) racy.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{
    plan::{Facts, Input, Inquiry, Plan, RemoteFact, Rules, Side, make},
    state::journal::Op,
    tree::{
        DocId, Etag, Freeze, Kind, Left, Listing, LocalItem, RelPath, RemoteId, RemoteItem, Row,
        Signature, Zone,
    },
};

pub(in crate::plan) fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

pub(in crate::plan) fn text_of(content: u32) -> String {
    if content == 0 {
        String::new()
    } else {
        content.to_string()
    }
}

pub(in crate::plan) fn signature(content: u32) -> Signature {
    Signature::of(text_of(content).as_bytes())
}

/// A local item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Local {
    pub(in crate::plan) kind: Kind,
    pub(in crate::plan) content: u32,
    pub(in crate::plan) mtime_ms: i64,
    pub(in crate::plan) inode: u64,
}

/// A remote item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Remote {
    pub(in crate::plan) kind: Kind,
    pub(in crate::plan) content: u32,
    pub(in crate::plan) modified_ms: i64,
    pub(in crate::plan) id: RemoteId,
    /// The etag's part that any change moves, and the one that content moves.
    pub(in crate::plan) version: [u32; 2],
    pub(in crate::plan) is_fixed: bool,
    pub(in crate::plan) is_unverifiable: bool,
}

/// Two sides, their trashes, and what they agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::plan) struct World {
    pub(in crate::plan) local: BTreeMap<RelPath, Local>,
    pub(in crate::plan) remote: BTreeMap<RelPath, Remote>,
    pub(in crate::plan) base: Vec<Row>,
    /// Names that a filter hides, or whole paths where they start with a slash.
    pub(in crate::plan) hidden: Vec<String>,
    pub(in crate::plan) left: [Vec<Left>; 2],
    pub(in crate::plan) in_transit: HashMap<RemoteId, Side>,
    /// The local file system tells no birth times apart.
    pub(in crate::plan) has_no_births: bool,
    /// What the running pass brings to a place on each side, and the sides where it has.
    pub(in crate::plan) parted: HashMap<RemoteId, HashSet<usize>>,
    /// What it is still to receive.
    pub(in crate::plan) awaited: HashSet<RemoteId>,
    pub(in crate::plan) trash: [Vec<u32>; 2],
    /// Baseline versions that a newer one replaced on the remote side.
    pub(in crate::plan) superseded: Vec<u32>,
    /// What the running pass has written down.
    pub(in crate::plan) journal: Vec<Op>,
    pub(in crate::plan) last: u64,
    /// What is in folders that were found to be packages, by their inode.
    pub(in crate::plan) insides: HashMap<u64, Vec<LocalItem>>,
    /// The contents that are in them: where the package is, they are.
    pub(in crate::plan) folded: Vec<u32>,
}

/// One item as text has it.
struct Token<'t> {
    path: &'t str,
    kind: Kind,
    content: u32,
    origin: Option<&'t str>,
    is_new: bool,
    is_touched: bool,
    seconds: Option<i64>,
    zone: Option<&'t str>,
    is_fixed: bool,
    is_unverifiable: bool,
    is_racy: bool,
}

fn token(text: &str) -> Token<'_> {
    let end = text
        .find(['=', '@', '<', '!', '~', ':', '^', '*', '?', '+'])
        .unwrap_or(text.len());
    let (path, mut rest) = text.split_at(end);
    let mut token = Token {
        path: path.trim_end_matches('/'),
        kind: Kind::Folder,
        content: 0,
        origin: None,
        is_new: false,
        is_touched: false,
        seconds: None,
        zone: None,
        is_fixed: false,
        is_unverifiable: false,
        is_racy: false,
    };
    assert!(
        path.ends_with('/') != rest.starts_with(['=', '@']),
        "{text}: a folder ends in a slash, all else has content"
    );
    while let Some(mark) = rest.chars().next() {
        let body = rest.split_at(1).1;
        let end = body
            .find(['<', '!', '~', ':', '^', '*', '?', '+'])
            .unwrap_or(body.len());
        let value;
        (value, rest) = body.split_at(end);
        match mark {
            '=' => (token.kind, token.content) = (Kind::File, value.parse().unwrap()),
            '@' => (token.kind, token.content) = (Kind::Package, value.parse().unwrap()),
            '<' => token.origin = Some(value),
            ':' => token.seconds = Some(value.parse().unwrap()),
            '^' => token.zone = Some(value),
            '!' => token.is_new = true,
            '~' => token.is_touched = true,
            '*' => token.is_fixed = true,
            '?' => token.is_unverifiable = true,
            '+' => token.is_racy = true,
            _ => panic!("{text}: what is {mark:?}?"),
        }
    }
    token
}

impl World {
    pub(in crate::plan) fn new(base: &str, local: &str, remote: &str) -> Self {
        let mut world = Self::default();
        for token in base.split_whitespace().map(token) {
            let (here, there) = (world.new_local(&token), world.new_remote(&token));
            let row = Self::row(&path(token.path), &here, &there);
            world.base.push(Row {
                is_racy: token.is_racy,
                ..row
            });
        }
        for token in local.split_whitespace().map(token) {
            let mut item = world.new_local(&token);
            if let Some(row) = world.origin(&token) {
                item.inode = row.inode;
            }
            if token.is_touched {
                item.mtime_ms += 5_000;
            }
            world.local.insert(path(token.path), item);
        }
        for token in remote.split_whitespace().map(token) {
            let mut item = world.new_remote(&token);
            if let Some(row) = world.origin(&token) {
                item.id = row.id.clone();
            }
            if token.is_touched {
                item.version[0] += 1;
            }
            world.remote.insert(path(token.path), item);
        }
        world
    }

    fn origin(&self, token: &Token<'_>) -> Option<&Row> {
        let path = path(token.origin.unwrap_or(token.path));
        let row = self.base.iter().find(|row| row.path == path);
        if token.origin.is_some() {
            assert!(row.is_some(), "{path} is not in the baseline");
        }
        row.filter(|row| {
            !token.is_new && (row.kind == Kind::Folder) == (token.kind == Kind::Folder)
        })
    }

    pub(in crate::plan) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn new_local(&mut self, token: &Token<'_>) -> Local {
        Local {
            kind: token.kind,
            content: token.content,
            mtime_ms: time(token),
            inode: self.next(),
        }
    }

    fn new_remote(&mut self, token: &Token<'_>) -> Remote {
        Remote {
            kind: token.kind,
            content: token.content,
            modified_ms: time(token),
            id: self.new_id(token.zone.map_or_else(Zone::drive, Zone::new)),
            version: [1, token.content],
            is_fixed: token.is_fixed,
            is_unverifiable: token.is_unverifiable,
        }
    }

    pub(in crate::plan) fn new_id(&mut self, zone: Zone) -> RemoteId {
        RemoteId {
            zone,
            doc: DocId::new(&self.next().to_string()),
        }
    }

    /// Makes the row of two items that agree.
    pub(in crate::plan) fn row(path: &RelPath, local: &Local, remote: &Remote) -> Row {
        let mut row = Row::of(
            &local_item(path, local),
            &remote_item(path, remote),
            (local.kind != Kind::Folder).then(|| signature(local.content)),
            false,
        );
        row.kind = local.kind;
        row
    }

    /// Returns whether a filter goes by place rather than by name alone.
    pub(in crate::plan) fn has_path_rule(&self) -> bool {
        self.hidden.iter().any(|rule| rule.starts_with('/'))
    }

    /// Returns whether a filter hides a path, or a folder that it is in.
    pub(in crate::plan) fn hides(&self, path: &RelPath) -> bool {
        self.hidden.iter().any(|rule| match rule.strip_prefix('/') {
            Some(whole) => path.is_at_or_under(&super::world::path(whole)),
            None => path.parts().any(|part| part == rule),
        })
    }

    fn listing<N, T: crate::tree::HasPath>(
        &self,
        nodes: &BTreeMap<RelPath, N>,
        side: Side,
        item: impl Fn(&RelPath, &N) -> T,
    ) -> Listing<T> {
        let left = &self.left[side as usize];
        let is_left = |path: &RelPath| {
            left.iter().any(|left| {
                left.path
                    .as_ref()
                    .is_some_and(|folder| path.is_at_or_under(folder))
            })
        };
        let mut listing = Listing::new(
            nodes
                .iter()
                .filter(|(path, _)| !self.hides(path) && !is_left(path))
                .map(|(path, node)| item(path, node))
                .collect(),
        );
        let hidden = nodes.keys().filter(|path| self.hides(path));
        listing.holds_hidden = hidden
            .filter_map(RelPath::parent)
            .filter(|folder| !self.hides(folder))
            .collect::<BTreeSet<_>>();
        listing.left.clone_from(left);
        listing
    }

    pub(in crate::plan) fn local_listing(&self) -> Listing<LocalItem> {
        let mut listing = self.listing(&self.local, Side::Local, local_item);
        let is_unsent = |path: &RelPath| {
            self.left[Side::Local as usize].iter().any(|left| {
                matches!(left.why, Freeze::NameClash(_) | Freeze::BadName(_))
                    && (left.path.as_ref()).is_some_and(|folder| path.is_at_or_under(folder))
            })
        };
        if self.has_no_births {
            listing = Listing::new(
                (listing.items().iter().cloned())
                    .map(|item| LocalItem {
                        birth_ns: 20_000_000,
                        ..item
                    })
                    .collect(),
            );
        }
        listing.unsent = (self.local.iter())
            .filter(|(path, _)| is_unsent(path))
            .map(|(path, node)| local_item(path, node))
            .map(|item| (item.inode, item.birth_ns))
            .collect();
        listing
    }

    pub(in crate::plan) fn remote_listing(&self) -> Listing<RemoteItem> {
        self.listing(&self.remote, Side::Remote, |path, node| {
            let mut item = remote_item(path, node);
            let is_known = self
                .base
                .iter()
                .any(|row| row.id == node.id && row.kind == Kind::Package);
            if node.kind == Kind::Package && !is_known {
                item.kind = Kind::File;
            }
            item
        })
    }

    /// Leaves a path of a side alone.
    pub(in crate::plan) fn leave(&mut self, side: Side, at: &str, why: Freeze) {
        self.left[side as usize].push(Left {
            path: Some(path(at)),
            shown: at.to_owned(),
            why,
        });
    }

    fn answer(&self, inquiry: Inquiry, facts: &mut Facts) {
        for path in inquiry.local {
            let content = self.local[&path].content;
            facts.local.insert(path, Ok(signature(content)));
        }
        for path in inquiry.inside {
            let inside = self.insides.get(&self.local[&path].inode);
            (facts.inside).insert(path, inside.cloned().unwrap_or_default());
        }
        for id in inquiry.trees {
            let node = self.remote.values().find(|node| node.id == id).unwrap();
            assert_eq!(node.kind, Kind::Package, "only packages are looked into");
            facts.trees.insert(id, Ok(signature(node.content)));
        }
        for id in inquiry.remote {
            let (at, node) = (self.remote.iter())
                .find(|(_, node)| node.id == id)
                .unwrap();
            let may_be_asked = node.content != 0 || crate::tree::names_package(at.name());
            assert!(may_be_asked, "an empty file has no download token");
            let is_package = node.kind == Kind::Package;
            let fact = RemoteFact {
                signature: (!node.is_unverifiable && !is_package).then(|| signature(node.content)),
                is_package,
            };
            facts.remote.insert(id, Ok(fact));
        }
    }

    /// Makes one item of each folder that the plan takes for a package. Its content is that of the files in it.
    pub(in crate::plan) fn fold(&mut self, rules: Rules) {
        let (local, remote) = (self.local_listing(), self.remote_listing());
        let (_, folds) = self.ask(rules, &local, &remote);
        let is_done = folds.is_empty();
        for folder in folds {
            let is_in = |path: &RelPath| path.is_at_or_under(&folder);
            let left = &mut self.left[Side::Local as usize];
            let before = left.len();
            left.retain(|left| !left.path.as_ref().is_some_and(is_in));
            if left.len() < before {
                self.leave(Side::Local, folder.as_str(), Freeze::Unknown("odd".into()));
                continue;
            }
            let inside: BTreeMap<RelPath, Local> =
                self.local.extract_if(.., |path, _| is_in(path)).collect();
            let mut items: Vec<LocalItem> = (inside.iter())
                .map(|(path, node)| local_item(path, node))
                .collect();
            items.remove(0);
            let whole = Local {
                kind: Kind::Package,
                content: inside.values().map(|node| node.content).sum(),
                mtime_ms: (inside.values().map(|node| node.mtime_ms).max()).unwrap_or_default(),
                inode: inside[&folder].inode,
            };
            let files = inside.values().filter(|node| node.kind != Kind::Folder);
            self.folded.extend(files.map(|node| node.content));
            self.insides.insert(whole.inode, items);
            self.local.insert(folder, whole);
        }
        if !is_done {
            self.fold(rules);
        }
    }

    /// Plans until no question is open.
    pub(in crate::plan) fn plan(&self, rules: Rules) -> Plan {
        self.plan_of(rules, &self.local_listing(), &self.remote_listing())
    }

    pub(in crate::plan) fn plan_of(
        &self,
        rules: Rules,
        local: &Listing<LocalItem>,
        remote: &Listing<RemoteItem>,
    ) -> Plan {
        let (plan, folds) = self.ask(rules, local, remote);
        assert!(folds.is_empty(), "to be one item each: {folds:?}");
        plan
    }

    /// Plans until no question is open, or folders are found that are to be one item each.
    fn ask(
        &self,
        rules: Rules,
        local: &Listing<LocalItem>,
        remote: &Listing<RemoteItem>,
    ) -> (Plan, BTreeSet<RelPath>) {
        let base = Listing::new(self.base.clone());
        assert_eq!(
            base.items().len(),
            self.base.len(),
            "two rows have one path: {:#?}",
            self.base.iter().map(|row| &row.path).collect::<Vec<_>>()
        );
        let mut facts = Facts::default();
        for _ in 0..20 {
            let (plan, inquiry) = make(
                Input {
                    base: &base,
                    local,
                    remote,
                    remote_root: &RemoteId::root(),
                    facts: &facts,
                    hides: &|path, _| self.hides(path),
                    in_transit: &self.in_transit,
                },
                rules,
            );
            if inquiry.is_empty() || !inquiry.packages.is_empty() {
                return (plan, inquiry.packages);
            }
            self.answer(inquiry, &mut facts);
        }
        panic!("the planner asks without end");
    }

    /// Returns the baseline as text, with what tells identities.
    pub(in crate::plan) fn show_base(&self) -> String {
        let mut rows: Vec<_> = self.base.iter().collect();
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        let show = |row: &&Row| {
            format!(
                "{}({:?} {} {:?})",
                row.path, row.kind, row.inode, row.id.doc
            )
        };
        rows.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    /// Returns what people see of a side: `a=1 d/`.
    pub(in crate::plan) fn show(&self, side: Side) -> String {
        self.show_with(side, false)
    }

    /// Returns a side as text, each item with its identity.
    pub(in crate::plan) fn show_ids(&self, side: Side) -> String {
        self.show_with(side, true)
    }

    fn show_with(&self, side: Side, with_ids: bool) -> String {
        let local = self.local.iter().map(|(path, node)| {
            let id = node.inode.to_string();
            (path, node.kind, node.content, id)
        });
        let remote = self.remote.iter().map(|(path, node)| {
            let id = node.id.doc.to_string();
            (path, node.kind, node.content, id)
        });
        let all: Vec<_> = match side {
            Side::Local => local.collect(),
            Side::Remote => remote.collect(),
        };
        all.into_iter()
            .filter(|(path, ..)| with_ids || !self.hides(path))
            .map(|(path, kind, content, id)| {
                let id = if with_ids {
                    format!("#{id}")
                } else {
                    String::new()
                };
                match kind {
                    Kind::File => format!("{path}={content}{id}"),
                    Kind::Folder => format!("{path}/{id}"),
                    Kind::Package => format!("{path}@{content}{id}"),
                }
            })
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn time(token: &Token<'_>) -> i64 {
    if token.kind == Kind::Folder {
        return 0;
    }
    token
        .seconds
        .unwrap_or_else(|| i64::from(token.content) * 10)
        * 1_000
}

pub(in crate::plan) fn local_item(path: &RelPath, node: &Local) -> LocalItem {
    LocalItem {
        path: path.clone(),
        kind: node.kind,
        size: text_of(node.content).len() as u64,
        mtime_ns: node.mtime_ms * 1_000_000,
        inode: node.inode,
        birth_ns: 1,
        spelling: None,
    }
}

pub(in crate::plan) fn remote_item(path: &RelPath, node: &Remote) -> RemoteItem {
    RemoteItem {
        path: path.clone(),
        kind: node.kind,
        size: text_of(node.content).len() as u64,
        modified_ms: (node.kind != Kind::Folder).then_some(node.modified_ms),
        id: node.id.clone(),
        etag: Etag::new(&format!("{}::{}", node.version[0], node.version[1])),
        name: None,
        is_fixed: node.is_fixed,
        is_lent: false,
    }
}
