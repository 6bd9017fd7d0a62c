//! All that is kept between passes, spoilt: a damaged baseline or journal is told, and never read as "everything deleted".

use std::{collections::HashSet, fs, path::Path};

use super::{
    Pair, PairFiles,
    baseline::{self, Baseline},
    journal::{self, InTransit, Moved, Op},
    last::{self, LastPass},
    lock::{Lock, Of},
    row::sample,
    trash,
    undo::{self, Deed, Place, Record},
};
use crate::{
    error::Kind as ErrorKind,
    fuzz::fuzz,
    plan::Side,
    tree::{Kind, Listing, RelPath, RemoteId, Row, Zone},
};

fn row(path: &str, doc: &str, kind: Kind) -> Row {
    Row {
        kind,
        ..sample(path, doc)
    }
}

fn rows() -> Listing<Row> {
    let mut odd = row("d/1\u{ff0f}2.key", "documents#o2v", Kind::Package);
    odd.id.zone = Zone::new("com.apple.Keynote");
    odd.name = Some("1/2.key".into());
    odd.sha256 = Some(Box::new([7; 32]));
    Listing::new(vec![
        row("a.txt", "516C896C-6AA5-4A30-B30E-5502C2333DAE", Kind::File),
        row("d", "D", Kind::Folder),
        odd,
        row("d/e", "E", Kind::Folder),
        row("d/e/Caf\u{e9}", "C", Kind::File),
    ])
}

/// A pair's files with a baseline of [`rows`].
fn kept(folder: &Path) -> (PairFiles, Pair) {
    let files = PairFiles::new(folder, Path::new("/l"), "/", None);
    files.create().unwrap();
    let pair = Pair::new("me", folder, "/", "z::root").unwrap();
    let on_its_way = InTransit::from([(sample("x", "D").id, Side::Local)]);
    baseline::save(&files, &pair, &rows(), &on_its_way).unwrap();
    (files, pair)
}

/// Each path once, folders before their content, and no row without its folder's.
fn expect_sound(base: &Baseline) {
    let mut folders: HashSet<RelPath> = HashSet::new();
    let mut last: Option<&RelPath> = None;
    for row in base.rows.items() {
        assert!(last.is_none_or(|last| last < &row.path), "{}", row.path);
        assert!(
            row.path
                .parts()
                .all(|part| !["", ".", ".."].contains(&part))
        );
        last = Some(&row.path);
        if row.kind == Kind::Folder {
            folders.insert(row.path.clone());
        }
    }
}

fn expect_told(kind: ErrorKind) {
    assert!(
        matches!(kind, ErrorKind::Guard | ErrorKind::Integrity),
        "{kind:?}"
    );
}

#[test]
fn baselines() {
    let folder = tempfile::tempdir().unwrap();
    let (files, pair) = kept(folder.path());
    let sample = fs::read(&files.baseline).unwrap();
    fuzz("baselines", &[&sample], |bytes| {
        fs::write(&files.baseline, bytes).unwrap();
        let base = match baseline::load(&files) {
            Ok(base) => base,
            Err(error) => return expect_told(error.kind()),
        };
        expect_sound(&base);
        assert!(base.pair.is_some(), "a file that is there says whose it is");
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
        assert_eq!(base.rows.items().len(), lines - 1, "a row was passed over");
        baseline::save(&files, &pair, &base.rows, &base.in_transit).unwrap();
        let again = baseline::load(&files).unwrap();
        assert_eq!(again.rows.items(), base.rows.items());
        assert_eq!(again.in_transit, base.in_transit);
    });
}

#[test]
fn journals() {
    let folder = tempfile::tempdir().unwrap();
    let (files, pair) = kept(folder.path());
    let base = baseline::load(&files).unwrap();
    let journal = baseline::begin(&files, &pair, &base).unwrap();
    let of = |doc: &str| sample("x", doc).id;
    let path = |text: &str| RelPath::parse(text).unwrap();
    for op in [
        Op::Put(Box::new(row("new", "N", Kind::Folder))),
        Op::Leaves(of("C"), Side::Remote),
        Op::Move(vec![Moved {
            id: of("C").file_drivewsid(),
            path: "new/Caf\u{e9}".into(),
            name: Some("Cafe\u{301}".into()),
            is_local: true,
            etags: Some(("1a::19".into(), "1b::19".into())),
        }]),
        Op::Arrives(of("C")),
        Op::Gone(of("E"), Some(path("d/e"))),
        Op::Forget(path("a.txt")),
    ] {
        journal.append(vec![op], || Ok(())).unwrap();
    }
    drop(journal);
    let sample = fs::read(&files.journal).unwrap();
    fuzz("journals", &[&sample], |bytes| {
        fs::write(&files.journal, bytes).unwrap();
        let read = journal::read(&files.journal);
        let result = match baseline::load(&files) {
            Ok(loaded) => loaded,
            Err(error) => return expect_told(error.kind()),
        };
        expect_sound(&result);
        let ops = read.unwrap().map(|(_, ops)| ops).unwrap_or_default();
        // What is not there any more was taken away by a line that says so.
        let can_take = |op: &Op| !matches!(op, Op::Leaves(..) | Op::Arrives(_));
        if !ops.iter().any(can_take) {
            assert_eq!(result.rows.items(), base.rows.items());
        }
        let can_end =
            |op: &Op| matches!(op, Op::Gone(..) | Op::Forget(_) | Op::Put(_) | Op::Move(_));
        let most = ops.iter().filter(|op| can_end(op)).count();
        assert!(most > 0 || result.rows.items().len() == base.rows.items().len());
    });
}

#[test]
fn undo_records() {
    let folder = tempfile::tempdir().unwrap();
    let (_, pair) = kept(folder.path());
    let pass = "20260930T120000Z";
    let path = |text: &str| RelPath::parse(text).unwrap();
    let place = || Place {
        folder: Some(RemoteId::root()),
        name: "1/2".into(),
    };
    let record = Record::new(folder.path(), pass, &pair, "bisync", None);
    let id = sample("x", "X").id;
    for deed in [
        Deed::LocalAppeared {
            path: path("a/b"),
            kind: Kind::File,
            seal: "1".into(),
            kept: Some("P/a/b".into()),
            row: Some(path("c")),
        },
        Deed::LocalMoved {
            from: path("a"),
            to: path("b"),
            inode: (1, -2),
        },
        Deed::LocalSwapped {
            one: path("a"),
            other: path("b"),
            inodes: ((1, 2), (3, 4)),
        },
        Deed::RemoteMoved {
            path: path("1\u{ff0f}2"),
            id: id.clone(),
            kind: Kind::Folder,
            from: place(),
            to: place(),
        },
        Deed::RemoteUpdated {
            path: path("a"),
            id,
            kept: None,
        },
    ] {
        record.add(&deed).unwrap();
    }
    let file = folder.path().join(format!("{pass}.jsonl"));
    let sample = fs::read(&file).unwrap();
    fuzz("undo_records", &[&sample], |bytes| {
        fs::write(&file, bytes).unwrap();
        let record = match undo::read(folder.path(), pass) {
            Ok(read) => read,
            Err(error) => return expect_told(error.kind()),
        };
        for deed in &record.deeds {
            assert!(
                deed.path()
                    .parts()
                    .all(|part| !["", ".", ".."].contains(&part))
            );
            deed.touched();
            let text = serde_json::to_vec(deed).expect("a deed can be written");
            let again: Deed = serde_json::from_slice(&text).expect("and read");
            assert_eq!(again, *deed);
        }
    });
}

#[test]
fn names_of_passes_and_kept_paths() {
    let samples: [&[u8]; 4] = [
        b"20260930T120000Z",
        b"20260930T120000Z-2",
        b"20260930T120000Z/a/b",
        b"20260930T120000Z-4294967295/../x",
    ];
    fuzz("names_of_passes_and_kept_paths", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        trash::order(&text);
        if let Ok(path) = trash::kept_path(&text) {
            assert!(path.parts().all(|part| !["", ".", ".."].contains(&part)));
        }
    });
}

#[test]
fn records_of_last_passes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last.json");
    let sample = LastPass {
        verb: "pull".into(),
        local: "/l".into(),
        remote: "/".into(),
        ended_at: "2026-01-01T00:00:00Z".into(),
        exit_code: 3,
        message: Some("1 problem".into()),
        problems: vec!["1 problem".into()],
        problem_count: 1,
        done: 3,
        baseline_items: 7,
        hidden_items: 1,
    };
    last::save(&file, &sample).unwrap();
    let sample = fs::read(&file).unwrap();
    fuzz("records_of_last_passes", &[&sample], |bytes| {
        fs::write(&file, bytes).unwrap();
        if let Some(found) = last::load(&file) {
            last::save(&file, &found).unwrap();
            assert_eq!(last::load(&file), Some(found));
        }
    });
}

#[test]
fn lock_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lock");
    let held = Lock::take(&file, Of::Pass).unwrap();
    let sample = fs::read(&file).unwrap();
    fuzz("lock_files", &[&sample], |bytes| {
        fs::write(&file, bytes).unwrap();
        let error = Lock::look(&file, Of::Pass).expect_err("it is held");
        assert_eq!(error.kind(), ErrorKind::Locked);
    });
    drop(held);
}
