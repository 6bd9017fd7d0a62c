use std::{collections::VecDeque, path::Path, sync::Mutex};

use super::*;
use crate::{
    cloud::fake::{Fake, Fault},
    options::{FilterOptions, Shares},
    scan::Progress,
    stop::Stop,
    tree::{DocId, Freeze, RelPath, Zone},
};

fn filter(exclude: &[&str]) -> Filter {
    let options = FilterOptions {
        exclude: exclude.iter().map(ToString::to_string).collect(),
        ..FilterOptions::default()
    };
    Filter::new(&options, Path::new("/nonexistent")).unwrap()
}

fn scan_as<T>(fake: &Fake, run: impl FnOnce(RemoteScan<'_>, &mut ListLimits) -> T) -> T {
    let (filter, root) = (filter(&[]), RemoteId::root());
    let scan = RemoteScan {
        remote: fake,
        root: &root,
        filter: &filter,
        known: None,
        shares: Shares::Read,
        listers: 4,
        watch: Watch::idle(),
    };
    run(scan, &mut ListLimits::default())
}

fn scan(fake: &Fake) -> Listing<RemoteItem> {
    scan_as(fake, |scan, limits| scan.run(limits)).unwrap()
}

/// Scans again, knowing what the first scan showed.
fn rescan(fake: &Fake, before: &Listing<RemoteItem>) -> Listing<RemoteItem> {
    let known = Known::new(before.items());
    scan_as(fake, |scan, limits| {
        let known = Some(&known);
        RemoteScan { known, ..scan }.run(limits)
    })
    .unwrap()
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

fn paths(listing: &Listing<RemoteItem>) -> Vec<&str> {
    listing
        .items()
        .iter()
        .map(|item| item.path.as_str())
        .collect()
}

fn left(listing: &Listing<RemoteItem>) -> Vec<(&str, &Freeze)> {
    listing
        .left
        .iter()
        .map(|left| (left.shown.as_str(), &left.why))
        .collect()
}

#[test]
fn a_tree_is_listed_level_by_level_with_many_folders_in_a_request() {
    let paths_in: Vec<String> = (0..200).map(|n| format!("f{n}/a.txt")).collect();
    let paths_in: Vec<&str> = paths_in.iter().map(String::as_str).collect();
    let fake = Fake::new(&paths_in);
    let listing = scan(&fake);
    assert_eq!(listing.items().len(), 400);
    let mut log = fake.take_log();
    log.sort_unstable();
    assert_eq!(
        log,
        [
            ("list", 1),
            ("list", 50),
            ("list", 50),
            ("list", 50),
            ("list", 50)
        ]
    );
    let item = listing.get(&path("f7/a.txt")).unwrap();
    assert_eq!(
        (item.kind, item.size, item.is_fixed),
        (Kind::File, 8, false)
    );
    assert_eq!(item.modified_ms, Some(1_700_000_000_000));
    assert_eq!(item.name, None);
    assert_eq!(listing.get(&path("f7")).unwrap().kind, Kind::Folder);
    assert!(listing.left.is_empty() && !listing.root_holds_hidden);
}

#[test]
fn what_nothing_changed_in_is_only_probed() {
    let fake = Fake::new(&["a/b/c.txt", "a/d.txt", "e/", "top"]);
    let before = scan(&fake);
    fake.take_log();
    let after = rescan(&fake, &before);
    assert_eq!(after, before);
    assert_eq!(fake.take_log(), [("probe", 4)]);
}

#[test]
fn only_folders_that_hold_a_change_are_listed_in_full() {
    let fake = Fake::new(&["a/b/c.txt", "a/d.txt", "e/f.txt", "g/h.txt"]);
    let before = scan(&fake);
    {
        let mut world = fake.world();
        let edited = world.id("a/b/c.txt");
        world.change(&edited, |node| node.size = 99);
        let gone = world.id("e/f.txt");
        world.remove(&gone);
        world.add("g/new/deep.txt");
    }
    fake.take_log();
    let after = rescan(&fake, &before);
    assert_eq!(
        paths(&after),
        [
            "a",
            "a/b",
            "a/b/c.txt",
            "a/d.txt",
            "e",
            "g",
            "g/h.txt",
            "g/new",
            "g/new/deep.txt"
        ]
    );
    assert_eq!(after.get(&path("a/b/c.txt")).unwrap().size, 99);
    // The folder that lost a file needs no closer look; "a/b" and "g" do, then "g/new".
    assert_eq!(fake.take_log(), [("probe", 5), ("list", 2), ("list", 1)]);
    assert_eq!(scan(&fake), after, "a rescan shows what a first scan would");
}

#[test]
fn a_renamed_or_moved_folder_is_found_with_all_below_it() {
    let fake = Fake::new(&["a/b/c.txt", "d/e.txt", "x/y.txt"]);
    let before = scan(&fake);
    {
        let mut world = fake.world();
        let renamed = world.id("a");
        world.change(&renamed, |node| node.name = "A2".into());
        let (moved, target) = (world.id("x"), world.id("d"));
        world.relocate(&moved, &target);
    }
    let after = rescan(&fake, &before);
    assert_eq!(
        paths(&after),
        [
            "A2",
            "A2/b",
            "A2/b/c.txt",
            "d",
            "d/e.txt",
            "d/x",
            "d/x/y.txt"
        ]
    );
    let id = |listing: &Listing<RemoteItem>, at| listing.get(&path(at)).unwrap().id.clone();
    assert_eq!(id(&before, "x/y.txt"), id(&after, "d/x/y.txt"));
    assert_eq!(scan(&fake), after);
}

#[test]
fn a_known_package_stays_one() {
    let fake = Fake::new(&["d/doc.pages"]);
    let mut before = scan(&fake);
    before.update(&path("d/doc.pages"), |item| item.kind = Kind::Package);
    let kind = |listing: &Listing<RemoteItem>| listing.get(&path("d/doc.pages")).unwrap().kind;
    assert_eq!(kind(&rescan(&fake, &before)), Kind::Package);
    fake.world().add("d/new");
    assert_eq!(kind(&rescan(&fake, &before)), Kind::Package);
}

#[test]
fn the_chunk_finds_what_the_service_takes_and_is_handed_back() {
    let paths_in: Vec<String> = (0..100).map(|n| format!("f{n}/a")).collect();
    let paths_in: Vec<&str> = paths_in.iter().map(String::as_str).collect();
    for short in [false, true] {
        let fake = Fake::new(&paths_in);
        if short {
            fake.world().short_above = Some(7);
        } else {
            fake.world().limit = Some(7);
        }
        let mut limits = ListLimits::default();
        let listing = scan_as(&fake, |scan, _| scan.run(&mut limits)).unwrap();
        assert_eq!(listing.items().len(), 200);
        assert!((1..=7).contains(&limits.chunk), "{}", limits.chunk);
        fake.take_log();
        let listing = scan_as(&fake, |scan, _| scan.run(&mut limits)).unwrap();
        assert_eq!(listing.items().len(), 200);
        assert!(fake.take_log().len() < 40);
    }
}

#[test]
fn a_folder_that_is_not_whole_is_asked_again_alone_and_then_unknown() {
    let fake = Fake::new(&["a/x", "b/y", "c/z"]);
    {
        let mut world = fake.world();
        let (a, b, c) = (world.id("a"), world.id("b"), world.id("c"));
        world.faults.insert(a, VecDeque::from([Fault::Odd]));
        world
            .faults
            .insert(b, VecDeque::from([Fault::Odd, Fault::Odd]));
        world
            .faults
            .insert(c, VecDeque::from([Fault::Other, Fault::Other]));
    }
    let listing = scan(&fake);
    assert_eq!(paths(&listing), ["a", "a/x"]);
    assert!(listing.has_unknown());
    let reasons: Vec<_> = left(&listing);
    assert_eq!(reasons.len(), 2);
    assert!(matches!(reasons[0], ("b", Freeze::Unknown(why)) if why.contains("it says 4")));
    assert!(matches!(reasons[1], ("c", Freeze::Unknown(why)) if why.contains("another folder")));
    let mut log = fake.take_log();
    log.sort_unstable();
    assert_eq!(
        log[..4],
        [("list", 1), ("list", 1), ("list", 1), ("list", 1)]
    );
}

#[test]
fn a_folder_deleted_while_listing_is_not_there() {
    let fake = Fake::new(&["a/x", "b/y"]);
    fake.world().before = Some(Box::new(|world, number| {
        if number == 1 {
            let gone = world.id("a");
            world.remove(&gone);
        }
    }));
    let listing = scan(&fake);
    assert_eq!(paths(&listing), ["b", "b/y"]);
    assert!(listing.left.is_empty());
}

#[test]
fn a_folder_that_is_listed_and_still_not_known_is_unknown() {
    let fake = Fake::new(&["a/x", "b/y", "b/c/d"]);
    {
        let mut world = fake.world();
        let (a, c) = (world.id("a"), world.id("b/c"));
        world.faults.insert(a, VecDeque::from([Fault::Gone; 9]));
        world.faults.insert(c, VecDeque::from([Fault::Gone; 9]));
    }
    let listing = scan(&fake);
    assert_eq!(paths(&listing), ["b", "b/y"]);
    let shown: Vec<_> = listing
        .left
        .iter()
        .map(|left| left.shown.as_str())
        .collect();
    assert_eq!(shown, ["a", "b/c"]);
    assert!(
        listing
            .left
            .iter()
            .all(|left| matches!(left.why, Freeze::Unknown(_)))
    );
}

#[test]
fn a_root_that_is_gone_or_not_whole_is_an_error() {
    let fake = Fake::new(&["a"]);
    let fault = |kind, times| VecDeque::from(vec![kind; times]);
    fake.world()
        .faults
        .insert(RemoteId::root(), fault(Fault::Gone, 1));
    let error = scan_as(&fake, |scan, limits| scan.run(limits)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    fake.world()
        .faults
        .insert(RemoteId::root(), fault(Fault::Odd, 2));
    let error = scan_as(&fake, |scan, limits| scan.run(limits)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.chain().contains("it says 4"), "{}", error.chain());
    let known = Known::default();
    fake.world()
        .faults
        .insert(RemoteId::root(), fault(Fault::Gone, 2));
    let error = scan_as(&fake, |scan, limits| {
        let known = Some(&known);
        RemoteScan { known, ..scan }.run(limits)
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn names_of_a_hostile_service_never_leave_the_root() {
    let fake = Fake::new(&["ok"]);
    {
        let mut world = fake.world();
        let root = RemoteId::root();
        for name in ["..", ".", "", "nul\0", &"x".repeat(300)] {
            world.insert(&root, Kind::File, name, |_| {});
        }
        let up = world.insert(&root, Kind::Folder, "..", |_| {});
        world.insert(&up, Kind::File, "etc", |_| {});
        world.insert(&root, Kind::File, "../../etc/passwd", |_| {});
        world.insert(&root, Kind::Folder, "/", |_| {});
    }
    let listing = scan(&fake);
    assert_eq!(
        paths(&listing),
        ["..\u{ff0f}..\u{ff0f}etc\u{ff0f}passwd", "ok", "\u{ff0f}"]
    );
    let item = &listing.items()[0];
    assert_eq!(item.remote_name(), "../../etc/passwd");
    assert_eq!(listing.left.len(), 6);
    assert!(listing.left.iter().all(|left| left.path.is_none()));
    assert!(
        listing
            .left
            .iter()
            .all(|left| matches!(left.why, Freeze::BadName(_)))
    );
    assert!(listing.root_holds_hidden);
}

#[test]
fn an_endless_chain_of_folders_ends_at_the_longest_path() {
    let fake = Fake::new(&[]);
    let name = "deep".repeat(50);
    {
        let mut world = fake.world();
        let mut at = RemoteId::root();
        for _ in 0..30 {
            at = world.insert(&at, Kind::Folder, &name, |_| {});
        }
    }
    let listing = scan(&fake);
    assert!(listing.items().len() < 20);
    assert!(matches!(&listing.left[0].why, Freeze::BadName(why) if why.contains("longer")));
}

#[test]
fn an_item_in_two_places_is_unknown_in_both_and_a_circle_ends() {
    let fake = Fake::new(&["a/b/c/d", "e/f/", "g/h", "i/j"]);
    {
        let mut world = fake.world();
        // "a/b/c" holds "a" again; "f" is in "i" too; the file "h" is in "i" too; "i" holds the root.
        let mut copy = |from: &str, to: &str| {
            let (from, to) = (world.id(from), world.id(to));
            let all: Vec<_> = world.folders.values().flatten().cloned().collect();
            let node = all.into_iter().find(|node| node.id == from).unwrap();
            world.folders.get_mut(&to).unwrap().push(node);
        };
        copy("a", "a/b/c");
        copy("e/f", "i");
        copy("g/h", "i");
        let (i, root) = (world.id("i"), RemoteId::root());
        world.insert(&i, Kind::Folder, "root", |node| node.id = root.clone());
    }
    let listing = scan(&fake);
    assert_eq!(paths(&listing), ["e", "g", "i", "i/j"]);
    let shown: Vec<_> = listing
        .left
        .iter()
        .map(|left| left.shown.as_str())
        .collect();
    assert_eq!(
        shown,
        ["a", "a/b/c/a", "e/f", "g/h", "i/f", "i/h", "i/root"]
    );
    assert!(
        listing
            .left
            .iter()
            .all(|left| matches!(left.why, Freeze::Unknown(_)))
    );
}

#[test]
fn twins_after_nfc_clash_and_names_equal_but_for_case_do_not() {
    let fake = Fake::new(&["Caf\u{e9}/x", "Cafe\u{301}", "A", "a", "1\u{ff0f}2"]);
    let root = RemoteId::root();
    fake.world().insert(&root, Kind::File, "1/2", |_| {});
    let listing = scan(&fake);
    assert_eq!(paths(&listing), ["A", "a"]);
    let clashes = left(&listing);
    assert_eq!(clashes.len(), 4);
    assert!(clashes.contains(&("1\u{ff0f}2", &Freeze::NameClash("1/2".into()))));
    assert!(listing.root_holds_hidden);
}

#[test]
fn an_nfd_name_is_kept_beside_its_key() {
    let fake = Fake::new(&["scanne\u{301}/a\u{301}"]);
    let listing = scan(&fake);
    let item = listing.get(&path("scann\u{e9}/\u{e1}")).unwrap();
    assert_eq!(item.remote_name(), "a\u{301}");
    assert_eq!(rescan(&fake, &listing), listing);
}

#[test]
fn shared_and_foreign_items_are_left_by_rule_and_libraries_are_fixed_folders() {
    let fake = Fake::new(&["d/f"]);
    {
        let mut world = fake.world();
        let d = world.id("d");
        world.insert(&d, Kind::Folder, "shared", |node| node.is_shared = true);
        world.insert(&d, Kind::File, "alias", |node| node.is_foreign = true);
        let library = RemoteId {
            zone: Zone::new("iCloud.md.example"),
            doc: DocId::new("documents#o2v"),
        };
        let id = world.insert(&RemoteId::root(), Kind::Folder, "Notes", |node| {
            node.id = library;
            node.is_fixed = true;
        });
        world.insert(&id, Kind::File, "n.md", |_| {});
    }
    let listing = scan(&fake);
    assert_eq!(paths(&listing), ["Notes", "Notes/n.md", "d", "d/f"]);
    assert!(listing.get(&path("Notes")).unwrap().is_fixed);
    let below = listing.get(&path("Notes/n.md")).unwrap();
    assert_eq!(below.id.zone.as_str(), "iCloud.md.example");
    assert_eq!(
        left(&listing),
        [
            ("d/alias", &Freeze::NotAFile { is_symlink: false }),
            ("d/shared", &Freeze::Shared),
        ]
    );
    assert!(listing.holds_hidden.contains(&path("d")));
    assert_eq!(rescan(&fake, &listing), listing);
}

#[test]
fn what_the_filter_hides_is_neither_listed_nor_asked_for() {
    let fake = Fake::new(&["a/.DS_Store", "a/f", "hide/deep/x", "b/hide"]);
    let open = scan(&fake);
    fake.take_log();
    let filter = filter(&["/hide"]);
    let run = |known: Option<&Known<'_>>| {
        scan_as(&fake, |scan, limits| {
            RemoteScan {
                filter: &filter,
                known,
                ..scan
            }
            .run(limits)
        })
        .unwrap()
    };
    let listing = run(None);
    assert_eq!(paths(&listing), ["a", "a/f", "b", "b/hide"]);
    assert!(listing.root_holds_hidden && listing.holds_hidden.contains(&path("a")));
    assert_eq!(fake.take_log(), [("list", 1), ("list", 2)]);
    // The baseline still knows what is hidden now; it is not probed, and costs nothing.
    let known = Known::new(open.items());
    assert_eq!(run(Some(&known)), listing);
    assert_eq!(fake.take_log(), [("probe", 3), ("list", 1)]);
    // Renamed out of hiding, it is found.
    let hidden = fake.world().id("hide");
    fake.world()
        .change(&hidden, |node| node.name = "seen".into());
    assert!(run(Some(&known)).get(&path("seen/deep/x")).is_some());
}

#[test]
fn a_service_that_stays_away_ends_the_scan_and_so_does_a_lost_session() {
    let paths_in: Vec<String> = (0..20).map(|n| format!("f{n}/")).collect();
    let paths_in: Vec<&str> = paths_in.iter().map(String::as_str).collect();
    for kind in [ErrorKind::Temporary, ErrorKind::SignIn] {
        let fake = Fake::new(&paths_in);
        fake.world().before = Some(Box::new(move |world, number| {
            if number > 0 {
                world.fails = Some(kind);
            }
        }));
        let error = scan_as(&fake, |scan, limits| scan.run(limits)).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(fake.take_log().len() < 20, "not every folder is tried");
    }
}

#[test]
fn a_scan_stops_between_requests_and_tells_how_far_it_is() {
    let fake = Fake::new(&["a/b/c"]);
    let (stop, told) = (Stop::new(), Mutex::new(Vec::new()));
    let progress = |now: Progress| {
        told.lock().unwrap().push(now);
        stop.set(15);
    };
    let watch = Watch {
        stop: &stop,
        progress: &progress,
    };
    let error = scan_as(&fake, |scan, limits| {
        RemoteScan { watch, ..scan }.run(limits)
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Stopped);
    let first = Progress {
        items: 1,
        folders: 1,
        folders_known: 1,
    };
    assert_eq!(*told.lock().unwrap(), [first]);
    assert_eq!(fake.take_log().len(), 1);
}

#[test]
fn a_remote_path_is_found_part_by_part() {
    let fake = Fake::new(&["Cafe\u{301}/b/c.txt", "x", "t\u{e9}", "te\u{301}"]);
    fake.world()
        .insert(&RemoteId::root(), Kind::Folder, "1/2", |_| {});
    let name = |at: &str| resolve(&fake, at).map(|node| node.map(|node| node.name));
    assert_eq!(resolve(&fake, "/").unwrap().unwrap().id, RemoteId::root());
    assert_eq!(name("/Caf\u{e9}/b").unwrap().as_deref(), Some("b"));
    assert_eq!(name("1\u{ff0f}2").unwrap().as_deref(), Some("1/2"));
    assert_eq!(name("/none/b").unwrap(), None);
    assert_eq!(name("/Caf\u{e9}/none").unwrap(), None);
    for (bad, why) in [
        ("/x", "is a file"),
        ("/x/y", "is a file"),
        ("/t\u{e9}", "two items"),
    ] {
        let error = name(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.chain().contains(why), "{}", error.chain());
    }
    assert_eq!(name("/a/../b").unwrap_err().kind(), ErrorKind::Usage);
    let odd = VecDeque::from([Fault::Odd, Fault::Odd]);
    fake.world().faults.insert(RemoteId::root(), odd);
    assert_eq!(name("/x").unwrap_err().kind(), ErrorKind::Protocol);
}
