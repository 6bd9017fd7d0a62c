//! Made-up plans and summaries for the writers' tests, and what holds for all writers.

use super::*;
use crate::{
    plan::{Action, Conflict, Inside, Kept, Parent, Reason, Settle, Settled, What},
    tree::{DocId, Etag, Freeze, Kind, LocalItem, RemoteId, RemoteItem, Zone},
};

pub(super) fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

pub(super) fn local(at: &str, kind: Kind, size: u64) -> LocalItem {
    LocalItem {
        path: path(at),
        kind,
        size,
        mtime_ns: 1_700_000_000_000_000_000,
        inode: 7,
        birth_ns: 0,
        spelling: None,
    }
}

fn remote(at: &str, kind: Kind, size: u64) -> RemoteItem {
    RemoteItem {
        path: path(at),
        kind,
        size,
        modified_ms: Some(1_700_000_000_000),
        id: RemoteId {
            zone: Zone::drive(),
            doc: DocId::new("516C896C-6AA5-4A30-B30E-5502C2333DAE"),
        },
        etag: Etag::new("1::2"),
        name: None,
        is_fixed: false,
        is_lent: false,
    }
}

pub(super) fn action(at: &str, kind: Kind, what: What, reason: Reason) -> Action {
    Action {
        path: path(at),
        agreed: None,
        forgets: None,
        kind,
        what,
        reason,
        size: 0,
        stage: 0,
        needs: Vec::new(),
        local: None,
        remote: None,
        content: Vec::new(),
        is_lent: false,
    }
}

fn inside(at: &str) -> Inside {
    Inside {
        path: path(at),
        local: None,
        remote: None,
    }
}

fn upload(at: &str, saves_loser: bool) -> What {
    What::Upload {
        parent: Parent::Known(RemoteId::root()),
        name: path(at).name().to_owned(),
        saves_loser,
    }
}

/// A plan with one of everything, in an order of execution that is not that of the paths.
pub(super) fn everything() -> Plan {
    let mut plan = Plan::default();
    let mut add = |change: &dyn Fn(&mut Action), action: Action| {
        let mut action = action;
        change(&mut action);
        plan.actions.push(action);
    };
    let size = |size: u64| move |action: &mut Action| action.size = size;
    let (file, folder) = (Kind::File, Kind::Folder);
    add(
        &|_| {},
        action(
            "Photos",
            folder,
            What::CreateLocalFolder,
            Reason::Created(Side::Remote),
        ),
    );
    add(
        &|_| {},
        action(
            "work",
            folder,
            What::CreateRemoteFolder {
                parent: Parent::Known(RemoteId::root()),
                name: "work".into(),
            },
            Reason::Created(Side::Local),
        ),
    );
    add(
        &|action| action.stage = 1,
        action(
            "swap/b",
            file,
            What::SwapLocal {
                with: path("swap/a"),
                other_local: None,
                other_remote: None,
            },
            Reason::Moved(Side::Remote),
        ),
    );
    add(
        &|action| action.stage = 1,
        action(
            "new name.txt",
            file,
            What::MoveLocal {
                from: path("old name.txt"),
            },
            Reason::Moved(Side::Remote),
        ),
    );
    add(
        &|action| action.stage = 1,
        action(
            ".icloud-sync.move-1",
            folder,
            What::MoveRemote {
                from: path("cycle"),
                parent: None,
                name: ".icloud-sync.move-1".into(),
                moves_first: false,
                is_temporary: true,
            },
            Reason::MakesWay,
        ),
    );
    add(
        &|action| {
            action.size = 3_000_000;
            action.stage = 2;
        },
        action(
            "Photos/b.jpg",
            file,
            What::Download,
            Reason::Created(Side::Remote),
        ),
    );
    add(
        &|action| {
            action.size = 1_400_000;
            action.needs = vec![0];
        },
        action(
            "Photos/a.jpg",
            file,
            What::Download,
            Reason::Created(Side::Remote),
        ),
    );
    add(
        &|action| {
            action.size = 12;
            action.local = Some(Box::new(local("notes.txt", file, 9)));
        },
        action(
            "notes.txt",
            file,
            What::Download,
            Reason::Modified(Side::Remote),
        ),
    );
    add(
        &|action| {
            action.size = 2048;
            action.remote = Some(Box::new(remote("report.doc", file, 100)));
        },
        action(
            "report.doc",
            file,
            upload("report.doc", true),
            Reason::ConflictWon(Side::Local),
        ),
    );
    add(
        &size(5),
        action(
            "evil\n\u{202e}gpj.exe",
            file,
            upload("evil\n\u{202e}gpj.exe", false),
            Reason::Created(Side::Local),
        ),
    );
    add(
        &|action| action.stage = 3,
        action(
            "gone.txt",
            file,
            What::RemoveLocal,
            Reason::Deleted(Side::Remote),
        ),
    );
    add(
        &|action| action.content = vec![inside("stale/a"), inside("stale/b")],
        action(
            "stale",
            folder,
            What::TrashRemote,
            Reason::Deleted(Side::Local),
        ),
    );
    plan.settled.push(Settled {
        path: path("same.txt"),
        how: Settle::Adopt,
        listed: Some((path("same.txt"), path("same.txt"))),
    });
    plan.kept.push(Kept {
        path: path("mine.txt"),
        why: "changed locally only; pull leaves it".into(),
        is_problem: false,
    });
    let conflicts = [
        Conflict {
            path: path("report.doc"),
            winner: Some(Side::Local),
            kept_as: None,
            put_away_by: plan
                .actions
                .iter()
                .position(|action| action.path == path("report.doc")),
        },
        Conflict {
            path: path("both.txt"),
            winner: None,
            kept_as: Some(path("both.conflict-20260102T030405Z.txt")),
            put_away_by: None,
        },
    ];
    plan.conflicts.extend(conflicts);
    plan
}

pub(super) fn left() -> Vec<(Side, Left)> {
    let make = |shown: &str, why| Left {
        path: RelPath::parse(shown).ok(),
        shown: shown.into(),
        why,
    };
    vec![
        (
            Side::Local,
            make("link", Freeze::NotAFile { is_symlink: true }),
        ),
        (Side::Local, make("Zeit", Freeze::NameClash("zeit".into()))),
        (Side::Remote, make("shared", Freeze::Shared)),
        (
            Side::Remote,
            make("odd", Freeze::Unknown("2 of 3 items came".into())),
        ),
    ]
}

pub(crate) fn summary() -> Summary {
    Summary {
        verb: Verb::Bisync,
        local: "/home/anna/iCloud".into(),
        remote: "/".into(),
        dry_run: false,
        no_remote: false,
        items: (1200, 1180),
        counts: Counts {
            planned: 12,
            done: 12,
            ..Counts::default()
        },
        bytes: (4_400_012, 2053),
        files: (3, 2),
        conflicts: Vec::new(),
        problems: Vec::new(),
        skipped_by_rule: 0,
        is_storage_full: false,
        requests: 42,
        elapsed: Duration::from_millis(3210),
        trash: None,
        is_trash_of_losers: false,
        stopped_by: None,
        exit_code: 0,
    }
}

pub(crate) fn troubled() -> Summary {
    Summary {
        counts: Counts {
            planned: 12,
            done: 8,
            skipped: 1,
            failed: 2,
            not_run: 1,
        },
        conflicts: vec![(path("report.doc"), ".icloud-sync/trash/1/report.doc".into())],
        problems: vec![
            ("Zeit".into(), "name clash with \"zeit\"".into()),
            (
                "a\u{1b}.txt".into(),
                "cannot upload: the quota is used up".into(),
            ),
        ],
        skipped_by_rule: 2,
        is_storage_full: false,
        trash: Some("/home/anna/iCloud/.icloud-sync/trash/1".into()),
        exit_code: 3,
        ..summary()
    }
}

/// Sends a whole pass through a writer, every action done but the last, which failed.
pub(super) fn play(to: &dyn Reporter, plan: &Plan, dry_run: bool, end: &Summary) {
    let verb = end.verb;
    to.event(&Event::Listing {
        side: Side::Remote,
        items: 3,
        folders: (1, 4),
    });
    to.event(&Event::Listed {
        side: Side::Remote,
        items: 10,
    });
    for (side, left) in &left() {
        let side = *side;
        to.event(&Event::LeftAlone {
            side,
            left,
            dry_run,
        });
    }
    to.event(&Event::Hashing { done: 5, total: 10 });
    to.event(&Event::Planned {
        plan,
        verb,
        dry_run,
    });
    if !dry_run {
        for (number, action) in plan.actions.iter().enumerate() {
            to.event(&Event::Started { number, action });
            to.event(&Event::Moved {
                number,
                bytes: action.size,
            });
            let outcome = if number + 1 == plan.actions.len() {
                Outcome::Failed(Error::new(crate::error::Kind::Refused, "no"))
            } else {
                Outcome::Done
            };
            to.event(&Event::Finished {
                number,
                action,
                outcome: &outcome,
            });
        }
    }
    to.event(&Event::Note("a note"));
    to.event(&Event::Warning("a warning"));
    to.event(&Event::Summary(end));
}

#[test]
fn an_error_is_one_line_with_its_hint_on_another() {
    let (console, out, err) = console::tests::console();
    let source = std::io::Error::other("no\nluck");
    let error = Error::new(crate::error::Kind::Local, "cannot write \"a\"")
        .with_source(source)
        .with_hint("make room");
    tell_error(&console, &error, false, 1);
    assert_eq!(
        err.text(),
        "error: cannot write \"a\": no\\nluck\nhint: make room\n"
    );
    assert_eq!(out.text(), "");
    tell_error(&console, &error, true, 1);
    let value: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
    assert_eq!(value["type"], "error");
    assert_eq!(value["exit_code"], 1);
    assert_eq!(value["hint"], "make room");
}

#[test]
fn without_a_terminal_there_are_lines_and_with_json_only_json() {
    let (console, out, err) = console::tests::console();
    play(
        &*choose(
            &console,
            Style {
                is_json: true,
                ..Style::default()
            },
        ),
        &everything(),
        false,
        &summary(),
    );
    assert!(out.text().lines().all(|line| line.starts_with('{')));
    assert_eq!(err.text(), "");
    let (console, out, err) = console::tests::console();
    play(
        &*choose(&console, Style::default()),
        &everything(),
        false,
        &summary(),
    );
    assert_eq!(out.text(), "");
    assert!(
        err.text().contains("bisync: 12 actions done"),
        "{}",
        err.text()
    );
}
