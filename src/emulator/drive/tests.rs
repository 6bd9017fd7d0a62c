//! The rules of the Drive: names, etags, sums, trash.

use hyper::body::Bytes;

use super::edit::{Refused, Written};
use super::*;

fn written(content: &'static str) -> Written {
    let blob = Blob::keep(Bytes::from_static(content.as_bytes()), None).unwrap();
    Written {
        blob,
        modified: 1000,
        created: 900,
        package: false,
        shown: None,
    }
}

fn drive(spread: EtagSpread) -> Drive {
    let mut drive = Drive::new(Rng::seeded(1), 5000);
    drive.rules.spread = spread;
    drive
}

fn etags(drive: &Drive, numbers: &[No]) -> Vec<String> {
    numbers
        .iter()
        .map(|&no| drive.item(no).unwrap().etag())
        .collect()
}

/// root / folder / file
fn small(spread: EtagSpread) -> (Drive, No, No) {
    let mut drive = drive(spread);
    let folder = drive.create_folder(ROOT, "folder").unwrap();
    let file = drive
        .create_file(folder, "file.txt", None, written("abc"))
        .unwrap();
    (drive, folder, file)
}

fn changed(before: &[String], after: &[String]) -> Vec<bool> {
    before.iter().zip(after).map(|(a, b)| a != b).collect()
}

#[test]
fn etags_spread_as_the_switch_says() {
    for (spread, same_size, other_size, rename, open) in [
        (
            EtagSpread::None,
            [false, false],
            [false, false],
            [false, false],
            [false, false],
        ),
        (
            EtagSpread::Totals,
            [false, false],
            [true, true],
            [false, false],
            [false, false],
        ),
        (
            EtagSpread::All,
            [true, true],
            [true, true],
            [true, true],
            [false, false],
        ),
    ] {
        let (mut drive, folder, file) = small(spread);
        let numbers = [folder, ROOT];
        let mut step = |edit: &mut dyn FnMut(&mut Drive)| {
            let (before, own) = (etags(&drive, &numbers), etags(&drive, &[file]));
            edit(&mut drive);
            assert_ne!(
                own,
                etags(&drive, &[file]),
                "the file's own etag always changes"
            );
            changed(&before, &etags(&drive, &numbers))
        };
        assert_eq!(
            step(&mut |d| d.overwrite(file, written("xyz")).unwrap()),
            same_size,
            "{spread:?}"
        );
        assert_eq!(
            step(&mut |d| d.overwrite(file, written("longer")).unwrap()),
            other_size,
            "{spread:?}"
        );
        assert_eq!(
            step(&mut |d| drop(d.rename(file, "b.txt").unwrap())),
            rename,
            "{spread:?}"
        );
        assert_eq!(step(&mut |d| d.open(file).unwrap()), open, "{spread:?}");
    }
}

#[test]
fn the_content_part_of_an_etag_moves_with_content_only() {
    let (mut drive, _, file) = small(EtagSpread::Totals);
    let content = |drive: &Drive| {
        drive
            .item(file)
            .unwrap()
            .etag()
            .split_once("::")
            .unwrap()
            .1
            .to_owned()
    };
    let first = content(&drive);
    drive.rename(file, "other").unwrap();
    drive.open(file).unwrap();
    assert_eq!(content(&drive), first);
    drive.overwrite(file, written("new")).unwrap();
    assert_ne!(content(&drive), first);
}

#[test]
fn names_are_exact_and_taken_ones_are_numbered() {
    let (mut drive, folder, file) = small(EtagSpread::Totals);
    drive
        .create_file(folder, "FILE.txt", None, written(""))
        .unwrap();
    drive
        .create_file(folder, "e\u{301}", None, written(""))
        .unwrap();
    drive
        .create_file(folder, "\u{e9}", None, written(""))
        .unwrap();
    assert_eq!(
        drive
            .create_file(folder, "file.txt", None, written(""))
            .unwrap_err(),
        Refused::Taken
    );
    let second = drive
        .create_file(folder, "b.txt", None, written(""))
        .unwrap();
    assert_eq!(drive.rename(second, "file.txt").unwrap(), "file 2.txt");
    assert_eq!(drive.rename(file, "File.txt").unwrap(), "File.txt");
    assert_eq!(
        drive.rename(file, "File.txt").unwrap(),
        "File.txt",
        "its own name is free"
    );
    assert_eq!(drive.free_name(folder, ".profile", None), ".profile");
}

#[test]
fn trash_keeps_the_content_and_the_root_sums() {
    let (mut drive, folder, file) = small(EtagSpread::Totals);
    let root = |drive: &Drive| drive.item(ROOT).unwrap().totals;
    assert_eq!(root(&drive), Totals { files: 1, bytes: 3 });
    drive.trash_item(folder).unwrap();
    assert_eq!(root(&drive), Totals { files: 1, bytes: 3 });
    assert_eq!(drive.trash(), [folder], "only the top is listed");
    assert!(drive.in_trash(file));
    let trashed = drive.item(folder).unwrap().trashed.clone().unwrap();
    assert_eq!(
        (trashed.path.as_str(), trashed.expires),
        ("folder", 5000 + 30 * 86_400)
    );
    assert_eq!(
        drive.create_folder(folder, "x").unwrap_err(),
        Refused::Missing
    );
    drive.rules.now = trashed.expires;
    drive.expire_trash();
    assert!(drive.item(file).is_none());
    assert_eq!(root(&drive), Totals::default());
}

#[test]
fn put_back_finds_another_place_when_the_old_one_is_gone_or_taken() {
    let (mut drive, folder, file) = small(EtagSpread::Totals);
    drive.trash_item(file).unwrap();
    drive
        .create_file(folder, "file.txt", None, written("new"))
        .unwrap();
    drive.put_back(file).unwrap();
    assert_eq!(drive.steps(file), ["folder", "file 2.txt"]);
    drive.trash_item(file).unwrap();
    drive.delete(folder).unwrap();
    drive.put_back(file).unwrap();
    assert_eq!(drive.steps(file), ["file 2.txt"]);
    assert_eq!(
        drive.item(ROOT).unwrap().totals,
        Totals { files: 1, bytes: 3 }
    );
}

#[test]
fn moves_keep_sums_and_refuse_circles_and_other_zones() {
    let (mut drive, folder, file) = small(EtagSpread::Totals);
    let inner = drive.create_folder(folder, "inner").unwrap();
    let library = drive
        .create_library("Pages", "com.apple.Pages", "documents")
        .unwrap();
    assert_eq!(
        drive.relocate(folder, inner).unwrap_err(),
        Refused::Impossible
    );
    assert_eq!(
        drive.relocate(folder, folder).unwrap_err(),
        Refused::Impossible
    );
    assert_eq!(
        drive.relocate(file, library).unwrap_err(),
        Refused::CrossZone
    );
    drive.relocate(file, inner).unwrap();
    assert_eq!(
        drive.item(inner).unwrap().totals,
        Totals { files: 1, bytes: 3 }
    );
    drive.relocate(file, ROOT).unwrap();
    assert_eq!(drive.item(folder).unwrap().totals, Totals::default());
    assert_eq!(
        drive.item(ROOT).unwrap().totals,
        Totals { files: 1, bytes: 3 }
    );
}

#[test]
fn a_library_counts_in_its_own_zone() {
    let mut drive = drive(EtagSpread::All);
    let library = drive
        .create_library("Pages", "com.apple.Pages", "documents#o2v")
        .unwrap();
    let before = etags(&drive, &[ROOT]);
    let file = drive
        .create_file(library, "a.pages", None, written("x"))
        .unwrap();
    assert_eq!(etags(&drive, &[ROOT]), before);
    assert_eq!(
        drive.find("com.apple.Pages", "documents#o2v"),
        Some(library)
    );
    assert_eq!(drive.find_drivewsid(&drive.drivewsid(file)), Some(file));
    assert_eq!(
        drive.find_drivewsid(&drive.drivewsid(file).replace("FILE", "FOLDER")),
        None
    );
}

#[test]
fn the_sums_of_a_library_survive_its_trash() {
    let mut drive = drive(EtagSpread::Totals);
    let library = drive
        .create_library("Pages", "com.apple.Pages", "documents")
        .unwrap();
    let file = drive
        .create_file(library, "a.pages", None, written("xyz"))
        .unwrap();
    drive
        .create_file(ROOT, "b", None, written("12345"))
        .unwrap();
    drive.trash_item(file).unwrap();
    assert_eq!(drive.used(), Totals { files: 2, bytes: 8 });
    drive.put_back(file).unwrap();
    assert_eq!(drive.steps(file), ["Pages", "a.pages"]);
    assert_eq!(
        drive.item(library).unwrap().totals,
        Totals { files: 1, bytes: 3 }
    );
    drive.trash_item(file).unwrap();
    drive.delete(file).unwrap();
    assert_eq!(
        drive.item(ROOT).unwrap().totals,
        Totals { files: 1, bytes: 5 }
    );
    assert_eq!(drive.used(), Totals { files: 1, bytes: 5 });
}

#[test]
fn names_split_at_the_last_dot_with_something_on_both_sides() {
    let (mut drive, _, file) = small(EtagSpread::None);
    for (name, expected) in [
        ("a.tar.gz", ("a.tar", Some("gz"))),
        (".profile", (".profile", None)),
        ("a.", ("a.", None)),
        ("plain", ("plain", None)),
    ] {
        drive.rename(file, name).unwrap();
        assert_eq!(drive.item(file).unwrap().split_name(), expected);
    }
}

#[test]
fn signatures_shown_follow_the_switch() {
    let (mut drive, _, file) = small(EtagSpread::None);
    let plain = drive.item(file).unwrap().shown;
    drive.rules.signatures = SignatureMode::Container;
    drive.overwrite(file, written("abc")).unwrap();
    let container = drive.item(file).unwrap().shown;
    assert_eq!((container[0], &container[1..]), (0x81, &plain[1..]));
    drive.rules.signatures = SignatureMode::Opaque;
    drive.overwrite(file, written("abc")).unwrap();
    let opaque = drive.item(file).unwrap().shown;
    assert_eq!(opaque[0], 1);
    assert_ne!(opaque, plain);
}
