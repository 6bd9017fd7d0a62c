//! Large trees: nothing may grow with the square of their size.

use std::{collections::HashMap, time::Instant};

use super::world::{Local, Remote, World, local_item, remote_item, signature};
use crate::{
    plan::{Delete, Facts, Input, Plan, Policy, RemoteFact, Rules, Verb, make},
    tree::{DocId, Kind, Listing, RelPath, RemoteId, Row, Zone},
};

const FILES: u32 = 200_000;
const IN_A_FOLDER: u32 = 50;

const RULES: Rules = Rules {
    verb: Verb::Bisync,
    policy: Policy::KeepBoth,
    delete: Delete::Nothing,
    checksum: false,
    writes_shares: false,
};

/// One item by number: where it is on both sides, and the contents there.
struct Item {
    number: u32,
    kind: Kind,
    places: [Option<String>; 2],
    contents: [u32; 2],
}

fn local(item: &Item) -> Local {
    Local {
        kind: item.kind,
        content: item.contents[0],
        mtime_ms: i64::from(item.contents[0]),
        inode: u64::from(item.number) + 1,
    }
}

fn remote(item: &Item) -> Remote {
    Remote {
        kind: item.kind,
        content: item.contents[1],
        modified_ms: i64::from(item.contents[1]),
        id: RemoteId {
            zone: Zone::drive(),
            doc: DocId::new(&item.number.to_string()),
        },
        version: [1, item.contents[1]],
        is_fixed: false,
        is_unverifiable: false,
    }
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

/// Plans what `change` makes of a tree of [`FILES`] files, with all questions answered beforehand.
fn plan(name: &str, has_baseline: bool, change: impl Fn(&mut Item)) -> Plan {
    let mut rows: Vec<Row> = Vec::new();
    let (mut here, mut there) = (Vec::new(), Vec::new());
    let mut facts = Facts::default();
    let folders = FILES / IN_A_FOLDER;
    for number in 0..FILES + folders {
        let (kind, at, content) = if number < folders {
            (Kind::Folder, format!("d{number}"), 0)
        } else {
            let folder = number % folders;
            (
                Kind::File,
                format!("d{folder}/f{number}"),
                1_000_000 + number,
            )
        };
        let mut item = Item {
            number,
            kind,
            places: [Some(at.clone()), Some(at.clone())],
            contents: [content; 2],
        };
        if has_baseline {
            rows.push(World::row(&path(&at), &local(&item), &remote(&item)));
        }
        change(&mut item);
        let [at_local, at_remote] = item.places.clone();
        if let Some(at) = at_local {
            let local = local_item(&path(&at), &local(&item));
            (facts.local).insert(local.path.clone(), Ok(signature(item.contents[0])));
            here.push(local);
        }
        if let Some(at) = at_remote {
            let remote = remote_item(&path(&at), &remote(&item));
            let fact = RemoteFact {
                signature: Some(signature(item.contents[1])),
                is_package: false,
            };
            facts.remote.insert(remote.id.clone(), Ok(fact));
            there.push(remote);
        }
    }
    let (base, here, there) = (Listing::new(rows), Listing::new(here), Listing::new(there));
    let input = Input {
        base: &base,
        local: &here,
        remote: &there,
        remote_root: &RemoteId::root(),
        facts: &facts,
        hides: &|_, _| false,
        in_transit: &HashMap::new(),
    };
    let start = Instant::now();
    let (plan, inquiry) = make(input, RULES);
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}: {seconds:.2} s, {} actions", plan.actions.len());
    assert!(inquiry.is_empty());
    // Far above what it takes unoptimized; what grows with the square takes hours.
    assert!(seconds < 300.0, "{name} took {seconds} s");
    plan
}

#[test]
#[ignore = "a measurement: cargo test --release --lib plan::tests::large -- --ignored --nocapture"]
fn large_trees_are_planned_in_seconds() {
    let is_file = |item: &Item| item.kind == Kind::File;
    assert!(plan("no change", true, |_| ()).actions.is_empty());
    assert_eq!(plan("first pass", false, |_| ()).settled.len(), 204_000);
    let all = FILES as usize;
    let removed = plan("all deleted there", true, |item| item.places[1] = None);
    assert_eq!(removed.actions.len(), 4_000);
    let moved = plan("each file renamed here", true, |item| {
        if is_file(item) {
            let place = item.places[0].as_mut().unwrap();
            *place = place.replace("/f", "/g");
        }
    });
    assert_eq!(moved.actions.len(), all);
    let moved = plan("each folder renamed there", true, |item| {
        item.places[1] = item.places[1].as_ref().map(|at| at.replace('d', "e"));
    });
    assert_eq!(moved.actions.len(), 4_000);
    let shifted = plan("each file takes the place of another, here", true, |item| {
        if is_file(item) {
            let next = (item.number - 4_000 + 1) % FILES + 4_000;
            let folder = next % 4_000;
            item.places[0] = Some(format!("d{folder}/f{next}"));
        }
    });
    assert!(shifted.actions.len() >= all);
    let changed = plan("each file changed on both sides", true, |item| {
        if is_file(item) {
            item.contents = [item.number + 2_000_000, item.number + 3_000_000];
        }
    });
    assert_eq!(changed.conflicts.len(), all);
}

/// Plans a world in which the item of each number is at the first path on the local side and at the second on the
/// remote one; with a baseline, which agrees with the remote side, or with the local side alone.
fn plan_deep(kind: Kind, count: usize, at: impl Fn(usize) -> [String; 2], has_base: bool) -> Plan {
    let mut world = World::default();
    for number in 0..count {
        let item = Item {
            number: u32::try_from(number).unwrap(),
            kind,
            places: [None, None],
            contents: [if kind == Kind::File { 7 } else { 0 }; 2],
        };
        let [here, there] = at(number);
        if has_base {
            let row = World::row(&path(&there), &local(&item), &remote(&item));
            world.base.push(row);
            world.remote.insert(path(&there), remote(&item));
        }
        world.local.insert(path(&here), local(&item));
    }
    world.plan(RULES)
}

fn folders(depth: usize) -> String {
    vec!["a"; depth].join("/")
}

#[test]
fn a_path_of_two_thousand_folders_is_planned() {
    const DEPTH: usize = 2_000;
    let same = |number: usize| [folders(number + 1), folders(number + 1)];
    let made = plan_deep(Kind::Folder, DEPTH, same, false);
    assert_eq!(made.actions.len(), DEPTH);
    assert!(
        plan_deep(Kind::Folder, DEPTH, same, true)
            .actions
            .is_empty()
    );
}

#[test]
fn a_deep_path_turned_inside_out_is_planned() {
    const DEPTH: usize = 700;
    let turned = |number: usize| [folders(DEPTH - number), folders(number + 1)];
    let moved = plan_deep(Kind::Folder, DEPTH, turned, true);
    assert!(moved.kept.is_empty());
    // Most have to make way once, before they go where they are to be.
    assert!((DEPTH - 1..=2 * DEPTH).contains(&moved.actions.len()));
}

#[test]
fn thousands_of_names_that_wait_for_one_another_are_planned() {
    const COUNT: usize = 4_000;
    // Renamed locally, each takes the name of the next; the last one makes room, or takes the first one's.
    for is_ring in [false, true] {
        let next = |number: usize| {
            if is_ring {
                (number + 1) % COUNT
            } else {
                number + 1
            }
        };
        let at = |number: usize| [format!("f{}", next(number)), format!("f{number}")];
        let moved = plan_deep(Kind::File, COUNT, at, true);
        assert!(moved.kept.is_empty());
        assert!((COUNT..COUNT + COUNT / 100).contains(&moved.actions.len()));
    }
}
