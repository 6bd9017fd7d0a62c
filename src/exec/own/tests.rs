use std::{
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use super::*;
use crate::{exec::clear_leftovers, options::Links, plan::Plan, tree::Listing};

fn disk(local: &std::path::Path) -> Disk {
    Disk::open(local, Links::Skip, &Listing::default()).unwrap()
}

fn spot(disk: &Disk, path: &str) -> Spot {
    disk.spot(&RelPath::parse(path).unwrap()).unwrap()
}

fn mode(path: impl AsRef<std::path::Path>) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn what_is_unfinished_is_its_owners_alone() {
    let local = tempfile::tempdir().unwrap();
    let disk = disk(local.path());
    let part = spot(&disk, "a.part");
    let file = disk.write(&part).unwrap();
    let at = local.path().join("a.part");
    assert_eq!(mode(&at), 0o600);
    // What an earlier version left is gone on with, and closed.
    fs::set_permissions(&at, fs::Permissions::from_mode(0o644)).unwrap();
    (&file).write_all(b"half").unwrap();
    drop(file);
    let again = disk.write(&part).unwrap();
    assert_eq!(mode(&at), 0o600);
    assert_eq!(again.metadata().unwrap().len(), 4);
    disk.finish_mode(&again, Some(0o4751), &part).unwrap();
    assert_eq!(mode(&at), 0o751);
    fs::write(local.path().join("plain"), "").unwrap();
    disk.finish_mode(&again, None, &part).unwrap();
    assert_eq!(mode(&at), mode(local.path().join("plain")));

    let folder = spot(&disk, "b.part");
    fs::create_dir(local.path().join("b.part")).unwrap();
    fs::write(local.path().join("b.part/left"), "").unwrap();
    let opened = new_own_folder(&folder).unwrap();
    let at = local.path().join("b.part");
    assert_eq!((mode(&at), fs::read_dir(&at).unwrap().count()), (0o700, 0));
    disk.finish_mode(&opened, None, &folder).unwrap();
    fs::create_dir(local.path().join("other")).unwrap();
    assert_eq!(mode(&at), mode(local.path().join("other")));
}

#[test]
fn what_another_pass_is_at_work_on_is_neither_used_nor_removed() {
    let local = tempfile::tempdir().unwrap();
    let (ours, theirs) = (disk(local.path()), disk(local.path()));
    let (part, folder) = (spot(&ours, ".icloud-sync.a.part"), spot(&ours, "b.part"));
    let file = theirs.write(&part).unwrap();
    let opened = new_own_folder(&folder).unwrap();
    assert_eq!(ours.write(&part).unwrap_err().kind(), ErrorKind::Changed);
    assert_eq!(
        new_own_folder(&folder).unwrap_err().kind(),
        ErrorKind::Local
    );
    let mut listing = Listing::default();
    listing.leftovers = vec![".icloud-sync.a.part".into()];
    clear_leftovers(&ours, &listing, &Plan::default());
    ours.expect_still(&file, &part).unwrap();
    // Elsewhere, where nobody locks, it may be gone all the same.
    remove_all(&part).unwrap();
    fs::write(local.path().join(".icloud-sync.a.part"), "another").unwrap();
    let error = ours.expect_still(&file, &part).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    drop((file, opened));
    clear_leftovers(&ours, &listing, &Plan::default());
    assert!(!local.path().join(".icloud-sync.a.part").exists());
    assert!(new_own_folder(&folder).is_ok());
}

#[test]
fn what_has_another_owner_is_not_gone_on_with() {
    let local = tempfile::tempdir().unwrap();
    let at = local.path().join("a.part");
    fs::write(&at, "theirs").unwrap();
    let nobody = rustix::fs::Uid::from_raw(65_534);
    if rustix::fs::chown(&at, Some(nobody), None).is_err() {
        return; // Only the superuser can give a file away.
    }
    let disk = disk(local.path());
    let file = disk.write(&spot(&disk, "a.part")).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.len(), 0);
    assert_eq!(metadata.uid(), rustix::process::geteuid().as_raw());
}

#[test]
fn whoever_the_file_system_gives_all_to_is_this_user() {
    let me = rustix::process::geteuid().as_raw();
    let fails = || Err(Errno::ACCESS);
    assert!(is_owner(me, fails));
    assert!(is_owner(me + 1, || Ok(me + 1)));
    assert!(!is_owner(me + 1, || Ok(me)));
    assert!(!is_owner(me + 1, fails));
    let local = tempfile::tempdir().unwrap();
    let part = spot(&disk(local.path()), ".icloud-sync.a.part");
    assert_eq!(owner_here(&part).unwrap(), me);
    assert_eq!(fs::read_dir(local.path()).unwrap().count(), 0);
}

#[test]
fn nothing_is_removed_through_a_link() {
    let local = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let dear = outside.path().join(".icloud-sync.0.part");
    fs::create_dir(&dear).unwrap();
    fs::write(dear.join("x"), "dear").unwrap();
    let disk = disk(local.path());
    symlink(outside.path(), local.path().join("d")).unwrap();
    symlink(&dear, local.path().join("link")).unwrap();

    // A link where the scan saw a folder with something unfinished in it.
    let mut listing = Listing::default();
    listing.leftovers = vec!["d/.icloud-sync.0.part".into(), "link".into()];
    clear_leftovers(&disk, &listing, &Plan::default());
    assert!(dear.join("x").exists());
    assert!(
        !local.path().join("link").is_symlink(),
        "the link itself goes"
    );

    let error = remove_leftovers(&spot(&disk, "d")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    assert!(dear.join("x").exists());
    fs::create_dir_all(local.path().join("e/.icloud-sync.1.part")).unwrap();
    symlink(&dear, local.path().join("e/.icloud-sync.1.part/in")).unwrap();
    symlink(&dear, local.path().join("e/.icloud-sync.2.part")).unwrap();
    fs::write(local.path().join("e/kept"), "").unwrap();
    remove_leftovers(&spot(&disk, "e")).unwrap();
    let left: Vec<_> = fs::read_dir(local.path().join("e")).unwrap().collect();
    assert_eq!(left.len(), 1);
    assert!(dear.join("x").exists());
}

#[test]
fn a_folder_of_the_tools_own_that_is_a_link_is_not_looked_into() {
    let local = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir_all(outside.path().join("trash/x")).unwrap();
    let names = || {
        let mut names = Vec::new();
        each_spot_in(local.path(), &["own", "trash"], |spot| {
            assert!(spot.is_folder());
            names.push(spot.name().to_owned());
            Ok(())
        })
        .map(|()| names)
    };
    assert!(names().unwrap().is_empty());
    symlink(outside.path(), local.path().join("own")).unwrap();
    let error = names().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    fs::remove_file(local.path().join("own")).unwrap();
    fs::create_dir_all(local.path().join("own/trash/x")).unwrap();
    assert_eq!(names().unwrap(), ["x"]);
    // One at a time, whatever becomes of each.
    fs::create_dir_all(local.path().join("own/trash/y")).unwrap();
    let mut seen = 0;
    let failed = each_spot_in(local.path(), &["own", "trash"], |_| {
        seen += 1;
        Err(Error::new(ErrorKind::Local, "no"))
    });
    assert!(failed.is_err());
    assert_eq!(seen, 2);
}

#[test]
fn all_times_that_a_file_system_knows_can_be_set() {
    let file = tempfile::tempfile().unwrap();
    for ms in [-1_000_000_000_001, -1, 0, 1_500, 4_102_444_800_000] {
        set_mtime(&file, ms, "a").unwrap();
        let metadata = file.metadata().unwrap();
        let found = metadata.mtime() * 1_000 + metadata.mtime_nsec() / 1_000_000;
        assert_eq!(found, ms);
    }
}
