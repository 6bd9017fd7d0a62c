use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
        net::UnixListener,
    },
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tempfile::TempDir;

use super::*;
use crate::{
    error::Kind as ErrorKind,
    options::FilterOptions,
    stop::Stop,
    tree::{Freeze, Kind},
};

struct Tree(TempDir);

impl Tree {
    /// Makes files with their own path as content; a slash at the end makes a folder.
    fn new(paths: &[&str]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for path in paths {
            let disk = tree.at(path);
            if path.ends_with('/') {
                fs::create_dir_all(disk).unwrap();
            } else {
                fs::create_dir_all(disk.parent().unwrap()).unwrap();
                fs::write(disk, path).unwrap();
            }
        }
        tree
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn scan_as<T>(&self, run: impl FnOnce(LocalScan<'_>) -> T) -> T {
        let filter = Filter::new(&FilterOptions::default(), self.0.path()).unwrap();
        run(LocalScan {
            root: self.0.path(),
            filter: &filter,
            links: Links::Skip,
            going_remote: Some(&|_| false),
            is_package: &|_, _| false,
            watch: Watch::idle(),
        })
    }

    fn scan(&self) -> Listing<LocalItem> {
        self.scan_as(|scan| scan.run()).unwrap()
    }
}

fn paths(listing: &Listing<LocalItem>) -> Vec<&str> {
    listing
        .items()
        .iter()
        .map(|item| item.path.as_str())
        .collect()
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

#[test]
fn items_come_sorted_with_what_the_file_system_tells() {
    let tree = Tree::new(&["b.txt", "a/z", "a/b/c", "a.x", "empty/"]);
    let time = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    let file = fs::File::options()
        .write(true)
        .open(tree.at("b.txt"))
        .unwrap();
    file.set_modified(time).unwrap();
    let listing = tree.scan();
    assert_eq!(
        paths(&listing),
        ["a", "a/b", "a/b/c", "a/z", "a.x", "b.txt", "empty"]
    );
    let item = listing.get(&path("b.txt")).unwrap();
    assert_eq!((item.kind, item.size), (Kind::File, 5));
    assert_eq!(item.mtime_ns, 1_700_000_000_123_456_789);
    assert_eq!(item.inode, fs::metadata(tree.at("b.txt")).unwrap().ino());
    if let Ok(born) = fs::metadata(tree.at("b.txt")).unwrap().created() {
        let born = born.duration_since(UNIX_EPOCH).unwrap().as_nanos();
        assert_eq!(u128::try_from(item.birth_ns).unwrap(), born);
    }
    let folder = listing.get(&path("a")).unwrap();
    assert_eq!((folder.kind, folder.size), (Kind::Folder, 0));
    assert!(listing.left.is_empty() && listing.holds_hidden.is_empty());
    assert!(!listing.root_holds_hidden);
    let again = measure(&tree.at("b.txt"), path("b.txt"), None, false).unwrap();
    assert_eq!(again.as_ref(), Some(item));
    assert_eq!(
        measure(&tree.at("none"), path("none"), None, false).unwrap(),
        None
    );
}

#[test]
fn a_time_before_1970_is_negative() {
    let tree = Tree::new(&["old"]);
    let file = fs::File::options()
        .write(true)
        .open(tree.at("old"))
        .unwrap();
    file.set_modified(UNIX_EPOCH - Duration::from_millis(1500))
        .unwrap();
    assert_eq!(tree.scan().items()[0].mtime_ns, -1_500_000_000);
}

#[test]
fn links_and_special_files_are_left_and_their_folder_holds_something() {
    let tree = Tree::new(&["a/f", "b/"]);
    symlink("f", tree.at("a/link")).unwrap();
    let _socket = UnixListener::bind(tree.at("b/socket")).unwrap();
    let listing = tree.scan();
    assert_eq!(paths(&listing), ["a", "a/f", "b"]);
    let left: Vec<_> = listing
        .left
        .iter()
        .map(|l| (l.shown.as_str(), l.why.clone()))
        .collect();
    assert_eq!(
        left,
        [
            ("a/link", Freeze::NotAFile { is_symlink: true }),
            ("b/socket", Freeze::NotAFile { is_symlink: false }),
        ]
    );
    assert!(listing.holds_hidden.contains(&path("a")));
    assert!(listing.holds_hidden.contains(&path("b")));
    assert!(!listing.root_holds_hidden);
}

#[test]
fn hidden_items_are_not_listed_and_mark_their_folder() {
    let tree = Tree::new(&["a/.DS_Store", "a/f", ".icloud-sync/trash/x", "b/g"]);
    let listing = tree.scan();
    assert_eq!(paths(&listing), ["a", "a/f", "b", "b/g"]);
    assert!(listing.root_holds_hidden);
    assert_eq!(
        listing.holds_hidden.iter().collect::<Vec<_>>(),
        [&path("a")]
    );
    assert!(listing.left.is_empty());
}

#[test]
fn followed_links_stay_inside_and_out_of_loops() {
    let outside = Tree::new(&["secret"]);
    let tree = Tree::new(&["a/f", "b/", ".icloud-sync/own"]);
    symlink("../a", tree.at("b/to_a")).unwrap();
    symlink("../b", tree.at("a/to_b")).unwrap();
    symlink(outside.0.path(), tree.at("out")).unwrap();
    symlink("a/f", tree.at("file")).unwrap();
    symlink("nowhere", tree.at("broken")).unwrap();
    symlink(".icloud-sync/own", tree.at("own")).unwrap();
    symlink(".", tree.at("self")).unwrap();
    let listing = tree
        .scan_as(|scan| {
            LocalScan {
                links: Links::Follow,
                ..scan
            }
            .run()
        })
        .unwrap();
    assert_eq!(
        paths(&listing),
        ["a", "a/f", "a/to_b", "b", "b/to_a", "b/to_a/f", "file"]
    );
    let left: Vec<_> = listing
        .left
        .iter()
        .map(|left| left.shown.as_str())
        .collect();
    assert_eq!(
        left,
        ["a/to_b/to_a", "b/to_a/to_b", "broken", "out", "own", "self"]
    );
    let file = listing.get(&path("file")).unwrap();
    assert_eq!((file.kind, file.size), (Kind::File, 3));
}

#[test]
fn names_that_cannot_be_paths_are_left_with_what_is_under_them() {
    let tree = Tree::new(&["ok"]);
    let bad = tree.0.path().join(OsStr::from_bytes(b"bad\xff"));
    fs::create_dir(&bad).unwrap();
    fs::write(bad.join("below"), "x").unwrap();
    let listing = tree.scan();
    assert_eq!(paths(&listing), ["ok"]);
    assert_eq!(listing.left.len(), 1);
    assert_eq!(listing.left[0].path, None);
    assert_eq!(listing.left[0].shown, "bad\u{fffd}");
    assert!(matches!(&listing.left[0].why, Freeze::BadName(why) if why.contains("UTF-8")));
    assert!(listing.root_holds_hidden);
}

#[test]
fn names_equal_after_nfc_clash_and_case_counts_only_on_the_way_to_the_remote() {
    let tree = Tree::new(&["d/Caf\u{e9}/x", "d/Cafe\u{301}/y", "d/A", "d/a", "d/b"]);
    let listing = tree.scan();
    assert_eq!(paths(&listing), ["d", "d/b"]);
    assert_eq!(listing.left.len(), 4);
    assert!(
        listing
            .left
            .iter()
            .all(|left| matches!(left.why, Freeze::NameClash(_)))
    );
    let of = |shown: &str| &listing.left.iter().find(|l| l.shown == shown).unwrap().why;
    assert_eq!(of("d/A"), &Freeze::NameClash("a".into()));
    assert_eq!(of("d/Caf\u{e9}"), &Freeze::NameClash("Cafe\u{301}".into()));
    let listing = tree
        .scan_as(|scan| {
            LocalScan {
                going_remote: None,
                ..scan
            }
            .run()
        })
        .unwrap();
    assert_eq!(paths(&listing), ["d", "d/A", "d/a", "d/b"]);
    assert_eq!(listing.left.len(), 2);
    assert!(listing.holds_hidden.contains(&path("d")));
}

#[test]
fn an_item_keeps_the_spelling_it_has_on_disk() {
    let tree = Tree::new(&["e\u{301}/f/g", "plain"]);
    let listing = tree.scan();
    let below = listing.get(&path("\u{e9}/f/g")).unwrap();
    assert_eq!(below.spelling.as_deref(), Some(Path::new("e\u{301}/f/g")));
    assert_eq!(listing.get(&path("plain")).unwrap().spelling, None);
}

#[test]
fn an_unreadable_folder_is_unknown_and_the_rest_is_listed() {
    let tree = Tree::new(&["locked/x", "open/y"]);
    let closed = fs::Permissions::from_mode(0o000);
    fs::set_permissions(tree.at("locked"), closed).unwrap();
    if fs::read_dir(tree.at("locked")).is_ok() {
        return; // The superuser can read everything; `a_folder_that_fails_is_unknown` remains.
    }
    let listing = tree.scan();
    fs::set_permissions(tree.at("locked"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(paths(&listing), ["open", "open/y"]);
    assert!(matches!(&listing.left[0].why, Freeze::Unknown(_)));
    assert!(listing.has_unknown());
}

#[test]
fn a_folder_that_fails_is_unknown() {
    // Deeper than the kernel takes in one path: made step by step, it can't be opened by its whole path.
    let tree = Tree::new(&["ok"]);
    let name = "n".repeat(250);
    let mut handle = rustix::fs::open(
        tree.0.path(),
        rustix::fs::OFlags::DIRECTORY,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    for _ in 0..20 {
        rustix::fs::mkdirat(&handle, &name, rustix::fs::Mode::RWXU).unwrap();
        let flags = rustix::fs::OFlags::DIRECTORY;
        handle = rustix::fs::openat(&handle, &name, flags, rustix::fs::Mode::empty()).unwrap();
    }
    let listing = tree.scan();
    assert!(listing.has_unknown());
    let left = &listing.left[0];
    let at = left.path.clone().unwrap();
    assert!(listing.get(&at).is_none(), "what is left is not listed");
    assert!(listing.get(&at.parent().unwrap()).is_some());
    assert!(listing.get(&path("ok")).is_some());
}

#[test]
fn deeply_nested_folders_need_no_large_stack() {
    let tree = Tree::new(&[&"d/".repeat(300)]);
    let root = tree.0.path().to_owned();
    let listing = std::thread::Builder::new()
        .stack_size(128 << 10)
        .spawn(move || {
            let filter = Filter::new(&FilterOptions::default(), &root).unwrap();
            let scan = LocalScan {
                root: &root,
                filter: &filter,
                links: Links::Follow,
                going_remote: Some(&|_| false),
                is_package: &|_, _| false,
                watch: Watch::idle(),
            };
            scan.run().unwrap()
        })
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(listing.items().len(), 300);
    assert!(listing.left.is_empty());
}

#[test]
fn a_known_package_is_one_item() {
    let tree = Tree::new(&[
        "doc.pages/Index.zip",
        "doc.pages/Data/image",
        "other.pages/x",
    ]);
    let newest = SystemTime::now() + Duration::from_secs(1000);
    let image = fs::File::options()
        .write(true)
        .open(tree.at("doc.pages/Data/image"))
        .unwrap();
    image.set_modified(newest).unwrap();
    let known = |at: &RelPath, _: u64| at.as_str() == "doc.pages";
    let listing = tree
        .scan_as(|scan| {
            LocalScan {
                is_package: &known,
                ..scan
            }
            .run()
        })
        .unwrap();
    assert_eq!(
        paths(&listing),
        ["doc.pages", "other.pages", "other.pages/x"]
    );
    let item = listing.get(&path("doc.pages")).unwrap();
    assert_eq!(item.kind, Kind::Package);
    assert_eq!(item.size, 19 + 20);
    let since = newest.duration_since(UNIX_EPOCH).unwrap().as_nanos();
    assert_eq!(u128::try_from(item.mtime_ns).unwrap(), since);
    assert_eq!(
        item.inode,
        fs::metadata(tree.at("doc.pages")).unwrap().ino()
    );
    let again = measure(&tree.at("doc.pages"), path("doc.pages"), None, true).unwrap();
    assert_eq!(again.as_ref(), Some(item));
}

#[test]
fn includes_keep_the_ways_to_what_they_match() {
    let tree = Tree::new(&["docs/a.txt", "docs/b.png", "other/c.txt"]);
    let options = FilterOptions {
        include: vec!["docs/*.txt".into()],
        ..FilterOptions::default()
    };
    let filter = Filter::new(&options, tree.0.path()).unwrap();
    let scan = LocalScan {
        root: tree.0.path(),
        filter: &filter,
        links: Links::Skip,
        going_remote: None,
        is_package: &|_, _| false,
        watch: Watch::idle(),
    };
    let listing = scan.run().unwrap();
    assert_eq!(paths(&listing), ["docs", "docs/a.txt"]);
    assert!(listing.root_holds_hidden && listing.holds_hidden.contains(&path("docs")));
}

#[test]
fn a_missing_root_is_an_error_and_not_an_empty_listing() {
    let tree = Tree::new(&["file"]);
    let gone = tree.at("gone");
    let error = tree
        .scan_as(|scan| {
            LocalScan {
                root: &gone,
                ..scan
            }
            .run()
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let file = tree.at("file");
    let error = tree
        .scan_as(|scan| {
            LocalScan {
                root: &file,
                ..scan
            }
            .run()
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Local);
}

#[test]
fn a_scan_stops_between_entries_when_told_to() {
    let tree = Tree::new(&["a/", "b/", "c/", "d/"]);
    let (stop, seen) = (Stop::new(), AtomicUsize::new(0));
    let is_package = |_: &RelPath, _: u64| {
        seen.fetch_add(1, Ordering::Relaxed);
        stop.set(2);
        false
    };
    let watch = Watch {
        stop: &stop,
        progress: &|_| {},
    };
    let error = tree.scan_as(|scan| {
        let is_package = &is_package;
        LocalScan {
            is_package,
            watch,
            ..scan
        }
        .run()
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[test]
fn where_another_disk_begins_is_noted() {
    let device = |path: &str| fs::metadata(path).map(|found| found.dev());
    let (Ok(root), Ok(inner)) = (device("/dev"), device("/dev/shm")) else {
        return; // Nothing here is known to be a disk of its own.
    };
    let listing = Tree::new(&[]).scan_as(|scan| {
        LocalScan {
            root: Path::new("/dev"),
            ..scan
        }
        .run()
    });
    let listing = listing.unwrap();
    assert_eq!(listing.mounts.contains(&path("shm")), root != inner);
}
