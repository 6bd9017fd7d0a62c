//! Packages as they are received: what is refused of one leaves everything as it was, and what is odd but harmless goes.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use flate2::Crc;

use icloud_sync::emulator::{Action, Fault};

use super::world::World;

const FILE: u32 = 0o100_644;
const LINK: u32 = 0o120_777;

/// What a zip is to hold, each with its mode and content; a name with a slash at its end is a folder.
struct Zip {
    entries: Vec<(Vec<u8>, u32, Vec<u8>)>,
}

/// Makes a zip without asking whether it makes sense.
fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let plain = |(name, content): &(&str, &str)| {
        (name.as_bytes().to_vec(), FILE, content.as_bytes().to_vec())
    };
    let entries = entries.iter().map(plain).collect();
    Zip { entries }.bytes(|_| ())
}

/// One line of the list of contents, to be told wrong.
struct Line {
    crc: u32,
    size: u32,
    offset: u32,
    flags: u16,
    method: u16,
}

impl Zip {
    fn bytes(&self, change: impl Fn(&mut Line)) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::new();
        let mut list: Vec<u8> = Vec::new();
        for (name, mode, content) in &self.entries {
            let mut crc = Crc::new();
            crc.update(content);
            let length = u32::try_from(content.len()).unwrap();
            let mut line = Line {
                crc: crc.sum(),
                size: length,
                offset: u32::try_from(out.len()).unwrap(),
                flags: 0,
                method: 0,
            };
            change(&mut line);
            let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
            let mut both = Vec::new();
            both.extend(20_u16.to_le_bytes());
            both.extend(line.flags.to_le_bytes());
            both.extend(line.method.to_le_bytes());
            both.extend([0; 4]);
            both.extend(line.crc.to_le_bytes());
            both.extend(length.to_le_bytes());
            both.extend(line.size.to_le_bytes());
            both.extend(name_length);
            both.extend([0; 2]);
            out.extend(b"PK\x03\x04");
            out.extend(&both);
            out.extend(name);
            out.extend(content);
            list.extend(b"PK\x01\x02\x14\x03");
            list.extend(&both);
            list.extend([0; 6]);
            list.extend((mode << 16).to_le_bytes());
            list.extend(line.offset.to_le_bytes());
            list.extend(name);
        }
        let count = u16::try_from(self.entries.len()).unwrap().to_le_bytes();
        let (from, size) = (out.len(), list.len());
        out.extend(list);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count);
        out.extend(count);
        out.extend(u32::try_from(size).unwrap().to_le_bytes());
        out.extend(u32::try_from(from).unwrap().to_le_bytes());
        out.extend([0, 0]);
        out
    }
}

/// A package that was pulled once, as old content.
pub(super) fn world() -> World {
    let world = World::new();
    world
        .drive
        .mkpackage("Doc.pages", &[("Index", b"old"), ("Data/a", b"1")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    world
}

/// Expects that a pull refuses what is on the service by now, and that nothing has changed here.
#[track_caller]
fn expect_refused(world: &World, more: &[&str], says: &str) {
    let before = world.local_tree();
    world.pass("pull", more).code(3).says(says);
    assert_eq!(world.local_tree(), before, "{says}");
    assert!(world.leftovers().is_empty(), "{:?}", world.leftovers());
    assert!(
        world.trash().values().all(Option::is_none),
        "{:?}",
        world.trash()
    );
    let all: Vec<_> = fs::read_dir(world.folder.path()).unwrap().collect();
    assert!(all.len() <= 4, "nothing beside LOCAL: {all:?}");
}

#[track_caller]
fn expect_zip_refused(zip: Vec<u8>, says: &str) {
    let world = world();
    world
        .drive
        .write_package_zip("Doc.pages", zip.clone())
        .unwrap();
    expect_refused(&world, &[], says);
    assert_eq!(world.read("Doc.pages/Index"), "old");
    // New, it is not begun either; and the next good version comes.
    world.drive.write_package_zip("New.pages", zip).unwrap();
    expect_refused(&world, &[], says);
    assert!(!world.local().join("New.pages").exists());
    let good = zip_of("Doc.pages", &[("Index", "newer")]);
    world
        .drive
        .write_package_zip("Doc.pages", good.clone())
        .unwrap();
    world.drive.write_package_zip("New.pages", good).unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Doc.pages/Index"), "newer");
    assert_eq!(world.read("New.pages/Index"), "newer");
    assert_eq!(world.trash()["Doc.pages/Index"], Some(b"old".to_vec()));
}

pub(super) fn zip_of(top: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let named: Vec<(String, &str)> = (files.iter())
        .map(|(name, content)| (format!("{top}/{name}"), *content))
        .collect();
    let named: Vec<(&str, &str)> = (named.iter())
        .map(|(name, content)| (name.as_str(), *content))
        .collect();
    zip(&named)
}

#[test]
fn a_package_that_is_not_one_top_folder_is_refused() {
    expect_zip_refused(zip(&[]), "nothing is in it");
    expect_zip_refused(
        zip(&[("D/a", "1"), ("loose", "2")]),
        "\"loose\" is in no folder",
    );
    expect_zip_refused(
        zip(&[("D/a", "1"), ("E/b", "2")]),
        "\"E\" is a second top folder",
    );
}

#[test]
fn a_package_that_leaves_its_folder_is_refused() {
    for name in [
        "../a",
        "D/../../a",
        "/tmp/a",
        "D/x/../../../a",
        "..",
        "/",
        "D//a",
        "D/./a",
    ] {
        let world = world();
        world
            .drive
            .write_package_zip("Doc.pages", zip(&[("D/good", "1"), (name, "2")]))
            .unwrap();
        expect_refused(&world, &[], "can't be unpacked");
    }
}

#[test]
fn links_and_special_files_in_a_package_are_refused() {
    let with = |mode: u32| {
        let entries = vec![
            (b"D/Index".to_vec(), FILE, b"new".to_vec()),
            (b"D/out".to_vec(), mode, b"/etc".to_vec()),
            (b"D/out/passwd".to_vec(), FILE, b"x".to_vec()),
        ];
        Zip { entries }.bytes(|_| ())
    };
    expect_zip_refused(with(LINK), "\"D/out\" is a link");
    expect_zip_refused(with(0o010_644), "\"D/out\" is no file and no folder");
    expect_zip_refused(with(FILE), "\"D/out/passwd\" and another name are one here");
}

#[test]
fn a_damaged_package_is_refused() {
    let entries = || vec![(b"D/Index".to_vec(), FILE, b"content".to_vec())];
    let wrong = |change: fn(&mut Line)| Zip { entries: entries() }.bytes(change);
    expect_zip_refused(wrong(|line| line.crc ^= 1), "is damaged (its checksum)");
    expect_zip_refused(
        wrong(|line| line.size += 1),
        "is not as long as the list says",
    );
    expect_zip_refused(
        wrong(|line| line.size -= 1),
        "is not as long as the list says",
    );
    expect_zip_refused(wrong(|line| line.flags = 1), "is encrypted");
    expect_zip_refused(wrong(|line| line.method = 99), "unknown here (99)");
    expect_zip_refused(wrong(|line| line.method = 8), "can't be unpacked");
    expect_zip_refused(
        wrong(|line| line.offset = 999_999),
        "is not where the list says",
    );
    let good = zip(&[("D/a", "1")]);
    expect_zip_refused(good[..good.len() - 1].to_vec(), "it is no zip");
    expect_zip_refused(b"PK".to_vec(), "it is no zip");
    let mut lies = good.clone();
    let end = lies.len() - 22;
    lies[end + 10] = 2;
    expect_zip_refused(lies, "its list of contents is cut off");
    let mut lies = good;
    lies[end + 15] = 0xff;
    expect_zip_refused(
        lies,
        "its list of contents is not where it says, or too long",
    );
}

#[test]
fn names_that_are_one_here_are_refused_and_case_twins_are_not() {
    expect_zip_refused(
        zip(&[("D/a", "1"), ("D/a", "2")]),
        "\"D/a\" and another name are one here",
    );
    expect_zip_refused(
        zip(&[("D/Caf\u{e9}", "1"), ("D/Cafe\u{301}", "2")]),
        "and another name are one here",
    );
    let world = world();
    world
        .drive
        .write_package_zip("Doc.pages", zip(&[("D/a", "1"), ("D/A", "2")]))
        .unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Doc.pages/a"), "1");
    assert_eq!(world.read("Doc.pages/A"), "2");
    world.expect_quiet("pull");
}

#[test]
fn names_in_a_package_are_in_nfc_here_and_none_is_too_long() {
    let world = world();
    let longest = "n".repeat(255);
    let files = [
        ("Data/e\u{301}te\u{301}/Cafe\u{301}", "1"),
        (longest.as_str(), "2"),
    ];
    let good = zip_of("D", &files);
    world.drive.write_package_zip("Doc.pages", good).unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Doc.pages/Data/\u{e9}t\u{e9}/Caf\u{e9}"), "1");
    assert_eq!(world.read(&format!("Doc.pages/{longest}")), "2");
    world.expect_quiet("bisync");
    let name = format!("D/{longest}n");
    expect_zip_refused(zip(&[(&name, "1")]), "longer than 255 bytes");
    let deep = format!("D/{}f", "d/".repeat(70));
    expect_zip_refused(zip(&[(&deep, "1")]), "more than 64 folders deep");
}

#[test]
fn a_package_comes_through_gzip_and_under_another_label() {
    let world = world();
    for (gzip, octet, text) in [
        (true, false, "gzip"),
        (false, true, "octet"),
        (true, true, "both"),
    ] {
        world.emulator.set_switches(|switches| {
            switches.gzip_packages = gzip;
            switches.octet_packages = octet;
        });
        let files: [(&str, &[u8]); 2] = [("Index", text.as_bytes()), ("Empty/", b"")];
        world.drive.mkpackage("Doc.pages", &files).unwrap();
        world.pass("pull", &[]).code(0);
        assert_eq!(world.read("Doc.pages/Index"), text);
        assert!(world.local().join("Doc.pages/Empty").is_dir());
        assert!(!world.local().join("Doc.pages/Data").exists());
        world.expect_quiet("pull");
    }
}

#[test]
fn a_package_of_very_many_files_is_refused() {
    let entries = (0..50_000_u32).flat_map(|n| {
        [
            (format!("D/{n}").into_bytes(), FILE, Vec::new()),
            (format!("D/{n}x").into_bytes(), FILE, Vec::new()),
        ]
    });
    let entries: Vec<_> = entries.take(65_534).collect();
    let mut bytes = Zip { entries }.bytes(|_| ());
    // The end says no more than 65,535; a larger one has its number in front of it.
    let end = bytes.len() - 22;
    let list = u64::from(u32::from_le_bytes(
        bytes[end + 16..end + 20].try_into().unwrap(),
    ));
    let mut large = b"PK\x06\x06".to_vec();
    large.extend([0; 20]);
    large.extend([0; 8]);
    large.extend(100_001_u64.to_le_bytes());
    large.extend(((end as u64) - list).to_le_bytes());
    large.extend(list.to_le_bytes());
    let mut locator = b"PK\x06\x07\0\0\0\0".to_vec();
    locator.extend((end as u64).to_le_bytes());
    locator.extend([1, 0, 0, 0]);
    bytes[end + 10] = 0xff;
    bytes[end + 11] = 0xff;
    bytes.splice(end..end, [large, locator].concat());
    expect_zip_refused(bytes, "100001 files and folders are in it");
}

/// Bytes that are free where LOCAL is.
fn free(world: &World) -> u64 {
    let stat = rustix::fs::statvfs(world.local()).unwrap();
    stat.f_bavail * stat.f_frsize
}

#[test]
fn a_package_that_unpacks_to_very_much_leaves_the_reserve_free() {
    let world = world();
    let mut large = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    large.start_file("D/bomb", options).unwrap();
    let nothing = vec![0; 1 << 20];
    for _ in 0..160 {
        std::io::Write::write_all(&mut large, &nothing).unwrap();
    }
    let bomb = large.finish().unwrap().into_inner();
    assert!(bomb.len() < 2 << 20);
    world.drive.write_package_zip("Doc.pages", bomb).unwrap();
    let least = (free(&world) - (40 << 20)).to_string() + "B";
    expect_refused(
        &world,
        &["--min-free", &least],
        "given up: it takes more than was listed",
    );
    assert_eq!(world.read("Doc.pages/Index"), "old");
}

#[test]
fn a_package_that_comes_in_very_much_leaves_the_reserve_free() {
    let world = world();
    let entries = vec![(b"D/large".to_vec(), FILE, vec![b'x'; 160 << 20])];
    let large = Zip { entries }.bytes(|_| ());
    world.drive.write_package_zip("Doc.pages", large).unwrap();
    world.drive.list_package_as("Doc.pages", 1_000).unwrap();
    let least = (free(&world) - (40 << 20)).to_string() + "B";
    expect_refused(
        &world,
        &["--min-free", &least],
        "given up: it takes more than was listed",
    );
}

#[test]
fn a_package_that_is_listed_without_a_size_is_no_empty_file() {
    let world = World::new();
    world
        .drive
        .mkpackage("Doc.pages", &[("Index", b"1")])
        .unwrap();
    world.drive.list_package_as("Doc.pages", 0).unwrap();
    world.drive.write("empty.key", "").unwrap();
    world.drive.write("empty", "").unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Doc.pages/Index"), "1");
    assert_eq!(world.read("empty.key"), "");
    assert_eq!(world.read("empty"), "");
    // Two names are those of packages: no more than these are asked for.
    assert_eq!(world.count("download/by_id"), 2);
    world.expect_quiet("pull");
    world.expect_quiet("bisync");
}

#[test]
fn an_empty_file_here_is_no_package_there() {
    let world = World::new();
    world
        .drive
        .mkpackage("Doc.pages", &[("Index", b"1")])
        .unwrap();
    world.drive.list_package_as("Doc.pages", 0).unwrap();
    world.drive.write("empty.key", "").unwrap();
    world.write("Doc.pages", "");
    world.write("empty.key", "");
    world
        .pass("bisync", &["--conflict", "prefer-remote"])
        .code(0);
    assert_eq!(world.read("Doc.pages/Index"), "1");
    assert_eq!(world.read("empty.key"), "");
    world.expect_quiet("bisync");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_package_keeps_the_mode_of_its_folder() {
    let world = world();
    let folder = world.local().join("Doc.pages");
    let plain = world.local().join("plain");
    fs::create_dir(&plain).unwrap();
    assert_eq!(
        mode(&folder),
        mode(&plain),
        "a new one is like any other folder"
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    world
        .drive
        .mkpackage("Doc.pages", &[("Index", b"new")])
        .unwrap();
    world.pass("pull", &[]).code(0);
    assert_eq!(world.read("Doc.pages/Index"), "new");
    assert_eq!(mode(&folder), 0o700);
}

#[test]
fn a_gateways_refusal_makes_no_empty_file_of_a_package() {
    let world = World::new();
    let files: [(&str, &[u8]); 1] = [("Index", b"1")];
    world.drive.mkpackage("Doc.pages", &files).unwrap();
    world.drive.list_package_as("Doc.pages", 0).unwrap();
    for (status, body) in [(403, "<html>no</html>"), (400, "<html>no</html>")] {
        world.emulator.fault(Fault::once(
            "download/by_id",
            Action::Status {
                status,
                body: Some(body.to_owned()),
                retry_after: None,
            },
        ));
        world.pass("bisync", &[]).code(3);
        assert!(!world.local().join("Doc.pages").exists(), "{status}");
    }
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.read("Doc.pages/Index"), "1");
}

#[test]
fn resource_forks_beside_a_package_go() {
    let world = World::new();
    let with = [
        ("__MACOSX/._D", "fork"),
        ("__MACOSX/D/._Index", "fork"),
        ("._D", "fork"),
        ("D/Index", "1"),
        ("D/._odd", "2"),
    ];
    world
        .drive
        .write_package_zip("Doc.pages", zip(&with))
        .unwrap();
    world.pass("pull", &[]).code(0);
    let tree = world.local_tree();
    let names: Vec<&str> = tree.keys().map(String::as_str).collect();
    assert_eq!(names, ["Doc.pages", "Doc.pages/._odd", "Doc.pages/Index"]);
    expect_zip_refused(zip(&[("__MACOSX/._D", "fork")]), "nothing is in it");
    expect_zip_refused(zip(&[("__MACOSX", "1")]), "is in no folder");
}
