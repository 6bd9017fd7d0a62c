use super::*;
use crate::state::row::sample;
use crate::tree::Kind;

fn row(path: &str, doc: &str) -> Row {
    let kind = if doc.starts_with('d') {
        Kind::Folder
    } else {
        Kind::File
    };
    Row {
        kind,
        ..sample(path, doc)
    }
}

fn folded(rows: &[(&str, &str)], ops: Vec<Op>) -> Vec<(String, String)> {
    let rows = Listing::new(rows.iter().map(|(path, doc)| row(path, doc)).collect());
    let (rows, _) = fold(rows, ops, InTransit::new());
    rows.items()
        .iter()
        .map(|row| (row.path.to_string(), row.id.doc.to_string()))
        .collect()
}

fn put(path: &str, doc: &str) -> Op {
    Op::Put(Box::new(row(path, doc)))
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter()
        .map(|(path, doc)| ((*path).to_owned(), (*doc).to_owned()))
        .collect()
}

#[test]
fn a_folder_carries_its_rows_along() {
    let rows = [("a", "dA"), ("a/x", "X"), ("a/y", "Y"), ("ab", "AB")];
    assert_eq!(
        folded(&rows, vec![put("b", "dA")]),
        pairs(&[("ab", "AB"), ("b", "dA"), ("b/x", "X"), ("b/y", "Y")])
    );
}

#[test]
fn a_row_replaces_another_of_its_path_and_forgetting_takes_what_is_below() {
    let rows = [("a", "dA"), ("a/x", "X"), ("b", "B")];
    assert_eq!(
        folded(&rows, vec![put("b", "B2")]),
        pairs(&[("a", "dA"), ("a/x", "X"), ("b", "B2")])
    );
    let forget = Op::Forget(RelPath::parse("a").unwrap());
    assert_eq!(folded(&rows, vec![forget]), pairs(&[("b", "B")]));
}

fn moved(doc: &str, path: &str) -> Moved {
    let id = row("x", doc).id.file_drivewsid();
    Moved {
        id,
        path: path.into(),
        name: None,
        is_local: false,
        etags: Some(("1a::19".into(), "1b::19".into())),
    }
}

#[test]
fn what_was_moved_locally_keeps_its_name_on_the_service_until_it_is_moved_there() {
    let name_after = |ops: Vec<Op>| -> Option<Box<str>> {
        let (rows, _) = fold(Listing::new(vec![row("a", "A")]), ops, InTransit::new());
        let row = rows.items().first().unwrap();
        assert_eq!(row.path.as_str(), "b");
        row.name.clone()
    };
    let remote = Op::Move(vec![moved("A", "b")]);
    let local = Op::Move(vec![Moved {
        is_local: true,
        ..moved("A", "b")
    }]);
    assert_eq!(name_after(vec![local.clone()]).as_deref(), Some("a"));
    assert_eq!(name_after(vec![local.clone(), remote.clone()]), None);
    assert_eq!(name_after(vec![remote.clone(), local]), None);
    // It was called otherwise there when it was listed: the local move follows that.
    let follows = |listed: &str| {
        Op::Move(vec![Moved {
            is_local: true,
            name: Some(listed.into()),
            ..moved("A", "b")
        }])
    };
    assert_eq!(name_after(vec![follows("b")]), None);
    assert_eq!(name_after(vec![follows("c")]).as_deref(), Some("c"));
    assert_eq!(name_after(vec![remote, follows("c")]), None);
}

#[test]
fn two_folders_change_places_with_all_that_is_in_them() {
    let rows = [("a", "dA"), ("a/x", "X"), ("b", "dB"), ("b/y", "Y")];
    let swapped = pairs(&[("a", "dB"), ("a/y", "Y"), ("b", "dA"), ("b/x", "X")]);
    let at_once = Op::Move(vec![moved("dA", "b"), moved("dB", "a")]);
    assert_eq!(folded(&rows, vec![at_once]), swapped);
    // One after the other, as with a detour on the remote side, comes to the same.
    let one_by_one = vec![
        Op::Move(vec![moved("dA", "b")]),
        Op::Move(vec![moved("dB", "a")]),
    ];
    assert_eq!(folded(&rows, one_by_one), swapped);
}

#[test]
fn what_is_put_down_ahead_of_its_folder_stays_there() {
    let rows = [("a", "dA"), ("a/x", "X"), ("a/y", "Y"), ("b", "dB")];
    let put = put("e/b", "dB");
    let carry = Op::Move(vec![moved("dA", "e")]);
    let result = pairs(&[("e", "dA"), ("e/b", "dB"), ("e/x", "X"), ("e/y", "Y")]);
    assert_eq!(folded(&rows, vec![put.clone(), carry.clone()]), result);
    assert_eq!(folded(&rows, vec![carry, put]), result);
}

#[test]
fn a_new_folder_takes_a_name_before_or_after_its_owner_has_left() {
    let rows = [("a", "dA"), ("a/x", "X")];
    let put = put("a", "dN");
    let leave = Op::Move(vec![moved("dA", "a/z")]);
    let result = pairs(&[("a", "dN"), ("a/z", "dA"), ("a/z/x", "X")]);
    assert_eq!(folded(&rows, vec![put.clone(), leave.clone()]), result);
    assert_eq!(folded(&rows, vec![leave, put]), result);
}

#[test]
fn what_is_forgotten_is_what_was_at_the_path_before_the_pass() {
    let rows = [("a", "A"), ("b", "B")];
    let moved = Op::Move(vec![moved("B", "a")]);
    let forget = Op::Forget(RelPath::parse("a").unwrap());
    let result = pairs(&[("a", "B")]);
    assert_eq!(folded(&rows, vec![moved.clone(), forget.clone()]), result);
    assert_eq!(folded(&rows, vec![forget, moved]), result);
}

#[test]
fn a_move_renews_the_mark_only_of_the_version_it_moved() {
    let rows = Listing::new(vec![row("a", "A")]);
    let (rows, _) = fold(
        rows,
        vec![Op::Move(vec![moved("A", "b")])],
        InTransit::new(),
    );
    assert_eq!(rows.items()[0].etag.as_str(), "1b::19");
    let (rows, _) = fold(
        rows,
        vec![Op::Move(vec![moved("A", "c")])],
        InTransit::new(),
    );
    assert_eq!(rows.items()[0].etag.as_str(), "1b::19");
}

#[test]
fn what_is_gone_is_found_where_its_folder_was_moved_to() {
    let rows = [("a", "dA"), ("a/x", "X"), ("a/y", "Y")];
    let x = row("a/x", "X");
    let gone = |doc: &str| Op::Gone(row("x", doc).id, Some(x.path.clone()));
    let ops = vec![Op::Move(vec![moved("dA", "b")]), gone("X")];
    assert_eq!(folded(&rows, ops), pairs(&[("b", "dA"), ("b/y", "Y")]));
    // Something else is at its old path by now, and stays.
    let ops = vec![
        Op::Move(vec![moved("dA", "b")]),
        put("a", "dA2"),
        Op::Move(vec![moved("Y", "a/x")]),
        gone("X"),
    ];
    assert_eq!(
        folded(&rows, ops),
        pairs(&[("a", "dA2"), ("a/x", "Y"), ("b", "dA")])
    );
    // Its row may have another id, where it was replaced on the service.
    assert_eq!(
        folded(&rows, vec![gone("X2")]),
        pairs(&[("a", "dA"), ("a/y", "Y")])
    );
}

#[test]
fn a_row_without_its_folder_is_dropped() {
    let forget = Op::Forget(RelPath::parse("a").unwrap());
    assert_eq!(
        folded(&[("a", "dA")], vec![forget, put("a/x", "X")]),
        pairs(&[])
    );
}

#[test]
fn what_came_to_a_folder_that_has_no_row_yet_keeps_its_own() {
    let rows = [("a", "dA"), ("a/x", "X"), ("b", "B")];
    let to_b = Op::Move(vec![moved("X", "b/x")]);
    assert_eq!(folded(&rows, vec![to_b.clone()]), pairs(&rows));
    assert_eq!(folded(&rows, vec![put("b/x", "X")]), pairs(&rows));
    // Unless another item has its old place by now.
    assert_eq!(
        folded(&rows, vec![to_b, put("a/x", "Y")]),
        pairs(&[("a", "dA"), ("a/x", "Y"), ("b", "B")])
    );
}

#[test]
fn a_line_that_the_disk_has_no_room_for_leaves_nothing_behind() {
    use std::os::fd::AsRawFd;
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::new("account", folder.path(), "/", "z::root").unwrap();
    // A file that can't grow stands in for the full disk.
    let flags = rustix::fs::MemfdFlags::CLOEXEC | rustix::fs::MemfdFlags::ALLOW_SEALING;
    let file = File::from(rustix::fs::memfd_create("journal", flags).unwrap());
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let journal = Journal {
        path: path.clone(),
        inner: Mutex::new(Inner {
            file: file.try_clone().unwrap(),
            length: 0,
            is_torn: false,
            ops: Vec::new(),
            flushed: Instant::now(),
            is_dirty: false,
        }),
    };
    let mut line = serde_json::to_vec(&Header::new(&pair, 0)).unwrap();
    line.push(b'\n');
    journal.inner.lock().unwrap().write(&line).unwrap();
    journal.append(vec![put("a", "A")], || Ok(())).unwrap();
    let whole = std::fs::read(&path).unwrap();
    file.set_len(8192).unwrap();
    rustix::fs::fcntl_add_seals(&file, rustix::fs::SealFlags::GROW).unwrap();
    let many: Vec<Op> = (0..200).map(|n| put(&format!("f{n}"), "B")).collect();
    journal.append(many, || Ok(())).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(read(&path).unwrap().unwrap().1, [put("a", "A")]);
    assert_eq!(journal.into_ops(), [put("a", "A")]);
}

#[test]
fn a_journal_survives_a_torn_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j");
    let pair = Pair::new("account", folder.path(), "/", "z::root").unwrap();
    let journal = Journal::begin(&path, &pair, "").unwrap();
    let id = row("a", "A").id;
    journal
        .append(
            vec![put("a", "A"), Op::Leaves(id.clone(), Side::Remote)],
            || Ok(()),
        )
        .unwrap();
    journal
        .append(vec![put("b", "B"), Op::Arrives(id)], || Ok(()))
        .unwrap();
    journal.flush(|| Ok(())).unwrap();
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(read(&path).unwrap().unwrap().1.len(), 4);
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    let (header, ops) = read(&path).unwrap().unwrap();
    assert_eq!(header.pair, pair);
    let first = whole.iter().rposition(|byte| *byte == b'\n').unwrap();
    let first = whole[..first]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    assert_eq!(ops.len(), 2);
    let (_, in_transit) = fold(Listing::default(), ops.clone(), InTransit::new());
    assert_eq!(in_transit.len(), 1);
    // Zeros are what a power cut may leave of a line, even before a whole one.
    let mut zeroed = whole[..first].to_vec();
    zeroed.extend([0; 40]);
    zeroed.extend(&whole[first..]);
    std::fs::write(&path, zeroed).unwrap();
    let left = read(&path).unwrap().unwrap();
    assert_eq!(left.1, ops);
    // A damaged line in the middle is not read over.
    let mut broken = whole.clone();
    let at = whole.iter().position(|byte| *byte == b'\n').unwrap() + 3;
    broken[at] = b'?';
    std::fs::write(&path, broken).unwrap();
    assert!(read(&path).is_err());
}

#[test]
fn what_is_still_on_its_way_keeps_its_row_when_another_has_its_place() {
    let rows = [("a", "dA"), ("a/x", "X"), ("b", "dB"), ("b/y", "Y")];
    let leaves = Op::Leaves(row("a", "dA").id, Side::Remote);
    let ops = vec![leaves, Op::Move(vec![moved("dB", "a")])];
    let aside = folded(&rows, ops.clone());
    let docs: Vec<&str> = aside.iter().map(|(_, doc)| doc.as_str()).collect();
    assert_eq!(docs, ["dB", "Y", "dA", "X"], "{aside:?}");
    assert_eq!(aside[0].0, "a");
    assert_eq!(aside[3].0, format!("{}/x", aside[2].0));
    let ops = [ops, vec![Op::Move(vec![moved("dA", "b")])]].concat();
    let swapped = pairs(&[("a", "dB"), ("a/y", "Y"), ("b", "dA"), ("b/x", "X")]);
    assert_eq!(folded(&rows, ops), swapped);
}

#[test]
fn what_has_left_a_folder_is_not_forgotten_with_it() {
    let rows = [("a", "dA"), ("a/b", "dB"), ("a/b/x", "X"), ("a/y", "Y")];
    let moved = Op::Move(vec![moved("dB", "b")]);
    let forget = Op::Forget(RelPath::parse("a").unwrap());
    let result = pairs(&[("b", "dB"), ("b/x", "X")]);
    assert_eq!(folded(&rows, vec![moved.clone(), forget.clone()]), result);
    assert_eq!(folded(&rows, vec![forget, moved]), result);
}
