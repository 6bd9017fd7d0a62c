//! Tests of the records.

use super::*;
use crate::tree::{DocId, Zone};

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

fn id() -> RemoteId {
    RemoteId {
        zone: Zone::new("com.apple.Keynote"),
        doc: DocId::new("documents#o2v"),
    }
}

fn deeds() -> Vec<Deed> {
    let place = |name: &str| Place {
        folder: Some(RemoteId::root()),
        name: name.into(),
    };
    vec![
        Deed::LocalAppeared {
            path: path("a/b"),
            kind: Kind::File,
            seal: "1".into(),
            kept: Some("P/a/b".into()),
            row: Some(path("c")),
        },
        Deed::LocalVanished {
            path: path("a"),
            kind: Kind::Folder,
            kept: None,
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
        Deed::RemoteAppeared {
            path: path("p.pages"),
            id: id(),
            kind: Kind::Package,
            place: place("p.pages"),
            seal: "e".into(),
        },
        Deed::RemoteUpdated {
            path: path("a"),
            id: id(),
            kept: None,
        },
        Deed::RemoteVanished {
            path: path("1\u{ff0f}2"),
            id: id(),
            kind: Kind::File,
            name: "1/2".into(),
        },
        Deed::RemoteMoved {
            path: path("a"),
            id: id(),
            kind: Kind::Folder,
            from: Place {
                folder: None,
                name: "x".into(),
            },
            to: place("y"),
        },
    ]
}

fn record(folder: &Path, pass: &str) -> Record {
    let pair = Pair::new("me", folder, "/", "z::root").unwrap();
    Record::new(folder, pass, &pair, "pull", Some("P"))
}

#[test]
fn deeds_are_read_in_the_order_in_which_they_were_done() {
    let folder = tempfile::tempdir().unwrap();
    let record = record(folder.path(), "20261122T105612Z");
    assert!(
        passes(folder.path()).unwrap().is_empty(),
        "no deed, no file"
    );
    for deed in deeds() {
        record.add(&deed).unwrap();
    }
    record.flush().unwrap();
    let past = read(folder.path(), "20261122T105612Z").unwrap();
    assert_eq!(past.deeds, deeds());
    assert_eq!(
        (past.header.verb.as_str(), past.header.undoes.as_deref()),
        ("pull", Some("P"))
    );
}

#[test]
fn a_torn_last_line_is_dropped_and_any_other_damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let pass = "20261122T105612Z";
    let record = record(folder.path(), pass);
    for deed in deeds() {
        record.add(&deed).unwrap();
    }
    let file = folder.path().join(format!("{pass}.jsonl"));
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    assert_eq!(
        read(folder.path(), pass).unwrap().deeds.len(),
        deeds().len() - 1
    );
    let text = String::from_utf8(whole).unwrap();
    fs::write(
        &file,
        text.replacen("\"local-vanished\"", "\"local-vanis", 1),
    )
    .unwrap();
    assert_eq!(
        read(folder.path(), pass).unwrap_err().kind(),
        ErrorKind::Integrity
    );
    fs::write(&file, text.replacen("\"version\":1", "\"version\":2", 1)).unwrap();
    assert_eq!(
        read(folder.path(), pass).unwrap_err().kind(),
        ErrorKind::Guard
    );
}

#[test]
fn passes_come_in_order_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "20261122T105612Z-10",
        "20261001T000000Z",
        "20261122T105612Z",
        "20261122T105612Z-2",
    ];
    for name in names {
        record(folder.path(), name).add(&deeds()[0]).unwrap();
    }
    fs::write(folder.path().join("notes.jsonl"), "mine").unwrap();
    let order = [names[1], names[2], names[3], names[0]];
    assert_eq!(passes(folder.path()).unwrap(), order);
    expire(folder.path(), |_| false).unwrap();
    assert_eq!(passes(folder.path()).unwrap().len(), 4);
    expire(folder.path(), |pass| pass == names[1]).unwrap();
    assert_eq!(passes(folder.path()).unwrap(), order[1..]);
    assert!(folder.path().join("notes.jsonl").exists());
}
