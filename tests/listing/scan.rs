//! From the service's folders to a listing.

use std::sync::atomic::{AtomicUsize, Ordering};

use icloud_sync::{
    emulator::{Action, EtagSpread, Fault},
    error::Kind as ErrorKind,
    options::Shares,
    scan::remote::{Known, ListLimits, resolve},
    tree::{Freeze, Kind},
};

use crate::{LIST, WHO, World, path, paths};

/// 200 folders in 10, each with a file.
fn wide() -> World {
    let world = World::new();
    for n in 0..200 {
        let place = format!("g{}/f{n}/file.txt", n % 10);
        world.device.write(&place, "x").unwrap();
    }
    world
}

#[test]
fn two_hundred_folders_take_at_most_ten_requests_and_later_passes_no_more() {
    let world = wide();
    let listing = world.scan();
    assert_eq!(listing.items().len(), 410);
    let first = world.take_count();
    assert!(first <= 10, "{first} requests");
    let again = world.rescan(&listing);
    assert_eq!(again, listing);
    let later = world.take_count();
    assert_eq!(later, 5, "211 folders, 50 in a request");
    assert_eq!(world.emulator.count("retrieveItemDetails"), 0);
}

#[test]
fn a_change_anywhere_is_found_whether_or_not_folder_etags_tell() {
    for spread in [EtagSpread::None, EtagSpread::Totals, EtagSpread::All] {
        let world = wide();
        world.emulator.set_switches(|s| s.etag_spread = spread);
        let before = world.scan();
        world.device.write("g3/f13/file.txt", "y").unwrap();
        world.device.rename("g4/f14", "renamed").unwrap();
        world.device.move_to("g5/f15", "g6").unwrap();
        world.device.trash("g7/f17/file.txt").unwrap();
        world.device.trash("g8/f18").unwrap();
        world.device.write("g9/new/deep/file", "z").unwrap();
        world.device.touch("g1/f1/file.txt").unwrap();
        world.emulator.clear_requests();
        let after = world.rescan(&before);
        assert!(world.take_count() <= 10, "{spread:?}");
        assert_eq!(
            after,
            world.scan(),
            "{spread:?}: a first scan shows the same"
        );
        let file = |listing: &icloud_sync::tree::Listing<_>, at: &str| {
            let item: &icloud_sync::tree::RemoteItem = listing.get(&path(at)).unwrap();
            item.etag.clone()
        };
        let (old, new) = (
            file(&before, "g3/f13/file.txt"),
            file(&after, "g3/f13/file.txt"),
        );
        assert_ne!(old.content_part(), new.content_part());
        let (old, new) = (
            file(&before, "g1/f1/file.txt"),
            file(&after, "g1/f1/file.txt"),
        );
        assert_ne!(old, new);
        assert_eq!(
            old.content_part(),
            new.content_part(),
            "opened, not changed"
        );
        assert!(after.get(&path("g4/renamed/file.txt")).is_some());
        assert!(after.get(&path("g6/f15/file.txt")).is_some());
        assert!(after.get(&path("g7/f17/file.txt")).is_none());
        assert!(after.get(&path("g8/f18")).is_none());
        assert!(after.get(&path("g9/new/deep/file")).is_some());
    }
}

#[test]
fn a_change_deep_down_costs_a_few_requests_and_not_one_for_each_level() {
    let world = wide();
    let before = world.scan();
    world.device.write("g3/f13/file.txt", "changed").unwrap();
    world.emulator.clear_requests();
    let after = world.rescan(&before);
    assert_eq!(after.get(&path("g3/f13/file.txt")).unwrap().size, 7);
    assert_eq!(world.take_count(), 6, "the probes, and one folder in full");
}

#[test]
fn a_folder_in_the_trash_costs_nothing_and_a_root_there_is_gone() {
    let world = World::new().with(&["keep/a", "gone/b/c"]);
    let before = world.scan();
    world.device.trash("gone").unwrap();
    world.emulator.clear_requests();
    assert_eq!(paths(&world.rescan(&before)), ["keep", "keep/a"]);
    assert_eq!(world.take_count(), 1, "the probe alone");
    let root = before.get(&path("gone")).unwrap().id.clone();
    for known in [None, Some(Known::default())] {
        let error = world.scan_at(&root, known.as_ref()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{}", error.chain());
    }
    let keep = before.get(&path("keep")).unwrap().id.clone();
    assert_eq!(paths(&world.scan_at(&keep, None).unwrap()), ["a"]);
}

#[test]
fn odd_answers_are_asked_again_and_change_nothing() {
    let world = wide();
    let truth = world.scan();
    for action in [
        Action::WrongCount,
        Action::MissingItems,
        Action::ShortItems,
        Action::ShortArray,
        Action::ReverseArray,
        Action::TruncateJson,
        Action::HalfBody,
        Action::Html502,
        Action::DropBefore,
        Action::Status {
            status: 400,
            body: None,
            retry_after: None,
        },
        Action::Status {
            status: 503,
            body: None,
            retry_after: Some("1".into()),
        },
    ] {
        // A lone folder that is refused is refused; there is no smaller request.
        let is_refusal = matches!(action, Action::Status { status: 400, .. });
        for skip in u32::from(is_refusal)..4 {
            let fault = Fault::once(LIST, action.clone()).after(skip);
            world.emulator.fault(fault);
            let listing = world.scan();
            assert_eq!(listing, truth, "{action:?} at request {skip}");
            world.emulator.clear_faults();
        }
    }
}

#[test]
fn a_folder_that_is_never_whole_is_unknown_and_the_rest_is_listed() {
    let world = World::new().with(&["good/a", "bad/b", "bad/c/d"]);
    let bad = world.item("bad").id;
    let fault = Fault {
        contains: Some(bad.doc.to_string()),
        ..Fault::always(LIST, Action::ShortItems)
    };
    world.emulator.fault(fault);
    let listing = world.scan();
    assert!(listing.has_unknown());
    let left: Vec<_> = listing
        .left
        .iter()
        .map(|left| left.shown.as_str())
        .collect();
    assert_eq!(left, ["bad"]);
    assert_eq!(paths(&listing), ["good", "good/a"]);
    world.emulator.clear_faults();
    world
        .emulator
        .fault(Fault::always(LIST, Action::WrongCount));
    let error = world
        .scan_with(None, &mut ListLimits::default())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{}", error.chain());
}

#[test]
fn a_limit_on_ids_is_found_kept_and_remembered() {
    let world = wide();
    let truth = world.scan();
    world
        .emulator
        .set_switches(|switches| switches.list_limit = 20);
    let mut limits = ListLimits::default();
    let listing = world.scan_with(None, &mut limits).unwrap();
    assert_eq!(listing, truth);
    assert!((10..=20).contains(&limits.chunk), "{}", limits.chunk);
    world.emulator.clear_requests();
    let known = Known::new(truth.items());
    let again = world.scan_with(Some(&known), &mut limits).unwrap();
    assert_eq!(again, truth);
    let refused = world.emulator.requests();
    assert!(
        refused.iter().all(|entry| entry.status == 200),
        "nothing is refused any more"
    );
}

#[test]
fn a_folder_deleted_between_two_requests_is_not_there() {
    let world = World::new().with(&["a/x", "b/y", "c/d/z"]);
    let device = world.emulator.drive(WHO);
    let lists = AtomicUsize::new(0);
    world.emulator.before(LIST, move |_| {
        // After the root is listed, another device deletes one folder and moves another.
        if lists.fetch_add(1, Ordering::SeqCst) == 1 {
            device.delete_forever("a").unwrap();
            device.trash("b").unwrap();
        }
    });
    let listing = world.scan();
    assert_eq!(paths(&listing), ["c", "c/d", "c/d/z"]);
    assert!(listing.left.is_empty(), "{:?}", listing.left);
}

#[test]
fn names_are_taken_as_they_come_and_never_lead_out() {
    let world = World::new().with(&["plain/x"]);
    let odd: [&[&str]; 9] = [
        &[".."],
        &["."],
        &[""],
        &["nul\0"],
        &["a/b", "below"],
        &["..", "up"],
        &["scanne\u{301}"],
        &["Caf\u{e9}"],
        &["Cafe\u{301}"],
    ];
    for names in odd {
        // A folder may be there from the name before.
        let _made = world.device.write(names, "x");
    }
    let listing = world.scan();
    assert_eq!(
        paths(&listing),
        [
            "a\u{ff0f}b",
            "a\u{ff0f}b/below",
            "plain",
            "plain/x",
            "scann\u{e9}"
        ]
    );
    assert_eq!(
        listing.get(&path("scann\u{e9}")).unwrap().remote_name(),
        "scanne\u{301}"
    );
    assert_eq!(
        listing.get(&path("a\u{ff0f}b")).unwrap().remote_name(),
        "a/b"
    );
    let clashes = listing
        .left
        .iter()
        .filter(|left| matches!(left.why, Freeze::NameClash(_)));
    assert_eq!(clashes.count(), 2);
    let bad = listing
        .left
        .iter()
        .filter(|left| matches!(left.why, Freeze::BadName(_)));
    assert!(bad.count() >= 4, "{:?}", listing.left);
    assert_eq!(world.rescan(&listing), listing);
}

#[test]
fn two_items_of_one_name_clash() {
    let world = World::new().with(&["a.txt", "b.txt"]);
    world.device.write_twin("a.txt", "other").unwrap();
    let listing = world.scan();
    assert_eq!(paths(&listing), ["b.txt"]);
    assert_eq!(listing.left.len(), 2);
}

#[test]
fn libraries_shares_and_unknown_types_are_told_apart() {
    let mut world = World::new().with(&["mine/x"]);
    world
        .device
        .add_library("Notes", "iCloud.md.example", "documents#o2v")
        .unwrap();
    world.device.write("Notes/n.md", "note").unwrap();
    world.device.add_share("Theirs", "bob").unwrap();
    world.device.write("Theirs/t.txt", "shared").unwrap();
    world.device.mkodd("mine/strange", "HOLOGRAM").unwrap();
    world.shares = Shares::Skip;
    let listing = world.scan();
    assert_eq!(paths(&listing), ["Notes", "Notes/n.md", "mine", "mine/x"]);
    let library = listing.get(&path("Notes")).unwrap();
    assert!(library.is_fixed);
    assert_eq!(library.kind, Kind::Folder);
    assert_eq!(library.id.doc.to_string(), "documents#o2v");
    let note = listing.get(&path("Notes/n.md")).unwrap();
    assert_eq!(note.id.zone.as_str(), "iCloud.md.example");
    let left: Vec<_> = listing
        .left
        .iter()
        .map(|l| (l.shown.as_str(), l.why.clone()))
        .collect();
    assert_eq!(
        left,
        [
            ("Theirs", Freeze::Shared),
            ("mine/strange", Freeze::NotAFile { is_symlink: false }),
        ]
    );
    assert!(listing.root_holds_hidden && listing.holds_hidden.contains(&path("mine")));
    assert_eq!(world.rescan(&listing), listing);
}

#[test]
fn a_share_is_listed_in_a_zone_of_its_own() {
    let mut world = World::new().with(&["mine/x"]);
    world.device.add_share("Theirs", "_bob/1").unwrap();
    world.device.add_share("Others", "_carol").unwrap();
    for place in ["Theirs/t.txt", "Theirs/deep/er/u.txt", "Others/o.txt"] {
        world.device.write(place, place).unwrap();
    }
    let before = world.scan();
    assert_eq!(
        paths(&before),
        [
            "Others",
            "Others/o.txt",
            "Theirs",
            "Theirs/deep",
            "Theirs/deep/er",
            "Theirs/deep/er/u.txt",
            "Theirs/t.txt",
            "mine",
            "mine/x",
        ]
    );
    assert!(before.left.is_empty() && !before.root_holds_hidden);
    let zone = |at: &str| before.get(&path(at)).unwrap().id.zone.clone();
    assert_eq!(zone("Theirs").owner().as_deref(), Some("_bob/1"));
    assert_eq!(zone("Theirs"), zone("Theirs/deep/er/u.txt"));
    assert_ne!(zone("Theirs"), zone("Others"));
    assert!(!zone("mine").is_share());
    // A later pass, by another client: the root in full, since it tells how to ask for the shares, and two probes.
    world.renew_drive();
    world.take_count();
    assert_eq!(world.rescan(&before), before);
    assert_eq!(world.take_count(), 3);
    world
        .device
        .write("Theirs/deep/er/u.txt", "changed")
        .unwrap();
    world.device.rename("Theirs/deep", "deeper").unwrap();
    world.device.write("Theirs/deeper/new/n.txt", "n").unwrap();
    world.device.trash("Others/o.txt").unwrap();
    world.device.write("mine/y", "y").unwrap();
    world.renew_drive();
    let after = world.rescan(&before);
    assert_eq!(after, world.scan());
    assert!(after.get(&path("Theirs/deeper/new/n.txt")).is_some());
    // Withdrawn, and back again as another share.
    world.device.delete_forever("Theirs").unwrap();
    world.renew_drive();
    assert_eq!(
        paths(&world.rescan(&after)),
        ["Others", "mine", "mine/x", "mine/y"]
    );
    world.device.add_share("Theirs", "_bob/1").unwrap();
    world.device.write("Theirs/t.txt", "t").unwrap();
    let again = world.rescan(&after);
    assert_ne!(
        again.get(&path("Theirs/t.txt")).unwrap().id,
        before.get(&path("Theirs/t.txt")).unwrap().id
    );
    // Left out, it is one skipped item; below it, it is listed like any folder.
    world.shares = Shares::Skip;
    let skipped = world.rescan(&again);
    assert_eq!(paths(&skipped), ["mine", "mine/x", "mine/y"]);
    assert!(skipped.left.iter().all(|left| left.why == Freeze::Shared));
    let top = resolve(&world.drive, "/Theirs").unwrap().unwrap();
    let inside = world.scan_at(&top.id, None).unwrap();
    assert_eq!(paths(&inside), ["t.txt"]);
    let known = Known::new(inside.items());
    assert_eq!(world.scan_at(&top.id, Some(&known)).unwrap(), inside);
}

#[test]
fn a_share_that_is_withdrawn_while_listing_is_not_there() {
    let world = World::new().with(&["mine/x"]);
    world.device.add_share("Theirs", "bob").unwrap();
    world.device.write("Theirs/deep/t.txt", "t").unwrap();
    // Between the listing of the root and that of the share.
    let (drive, listings) = (world.device.clone(), AtomicUsize::new(0));
    world.emulator.before(LIST, move |_| {
        if listings.fetch_add(1, Ordering::Relaxed) == 1 {
            drive.delete_forever("Theirs").unwrap();
        }
    });
    let listing = world.scan();
    assert_eq!(paths(&listing), ["mine", "mine/x"]);
    assert!(listing.left.is_empty());
}

#[test]
fn fields_that_are_missing_or_null_change_nothing() {
    let world = World::new().with(&["a/b.tar.gz", "a/.profile", "a/v1.2/x", "empty/"]);
    let truth = world.scan();
    world.emulator.set_switches(|switches| {
        switches.no_status = true;
        switches.ragged = true;
    });
    assert_eq!(world.scan(), truth);
    assert_eq!(world.rescan(&truth), truth);
    assert_eq!(
        paths(&truth),
        [
            "a",
            "a/.profile",
            "a/b.tar.gz",
            "a/v1.2",
            "a/v1.2/x",
            "empty"
        ]
    );
}

#[test]
fn remote_paths_are_found() {
    let world = World::new().with(&["Docs/Work/a.txt"]);
    let found = resolve(&world.drive, "/Docs/Work").unwrap().unwrap();
    assert_eq!(found.id, world.item("Docs/Work").id);
    assert_eq!(resolve(&world.drive, "/Docs/None").unwrap(), None);
    let error = resolve(&world.drive, "/Docs/Work/a.txt").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}
