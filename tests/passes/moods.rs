//! What the service answers when it is not at its best (protocol page 11): each status on each call, once and for good.

use std::fs;

use icloud_sync::emulator::{Action, Fault, Switches};

use super::world::{WHO, World};

fn answers(status: u16, body: Option<&str>) -> Action {
    Action::Status {
        status,
        body: body.map(str::to_owned),
        retry_after: None,
    }
}

/// The calls of a pass that does something of each kind.
const CALLS: [&str; 9] = [
    "retrieveItemDetailsInFolders",
    "retrieveItemDetails",
    "createFolders",
    "renameItems",
    "moveItems",
    "moveItemsToTrash",
    "upload/web",
    "update/documents",
    "download/by_id",
];

/// Both sides differ so that a bisync has one thing of each kind to do.
fn busy_world() -> World {
    let world = World::new();
    for name in ["goes", "named", "moved", "changed"] {
        world.write(name, name);
    }
    world.write("folder/a", "a");
    world.pass("bisync", &[]).code(0);
    fs::remove_file(world.local().join("goes")).unwrap();
    fs::rename(world.local().join("named"), world.local().join("renamed")).unwrap();
    fs::rename(
        world.local().join("moved"),
        world.local().join("folder/moved"),
    )
    .unwrap();
    world.write("changed", "changed here");
    world.write("new/a", "from here");
    world.drive.write("b", "from there").unwrap();
    world.emulator.clear_requests();
    world
}

/// Spoils the first request of each call with this answer, runs a bisync, and returns its exit code.
fn spoilt_pass(world: &World, status: u16, body: Option<&str>) -> i32 {
    for call in CALLS {
        world
            .emulator
            .fault(Fault::once(call, answers(status, body)));
    }
    world.pass("bisync", &[]).code
}

#[track_caller]
fn expect_done(world: &World, status: u16) {
    let names: Vec<_> = world.remote_tree().into_keys().collect();
    let all = [
        "b",
        "changed",
        "folder",
        "folder/a",
        "folder/moved",
        "new",
        "new/a",
        "renamed",
    ];
    assert_eq!(names, all, "{status}");
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn what_was_not_done_is_asked_for_again_in_the_same_pass() {
    let busy = r#"{"error_code":"ZONE_BUSY","reason":"Sync zone CAS Op-Lock failed"}"#;
    let page = "<html><body>We'll be back soon.</body></html>";
    for (status, body) in [
        (401, None),
        (409, Some(busy)),
        (421, None),
        (423, None),
        (429, None),
        (450, None),
        (503, Some(page)),
    ] {
        let world = busy_world();
        assert_eq!(spoilt_pass(&world, status, body), 0, "{status}");
        for call in CALLS {
            assert!(world.count(call) >= 2, "{status}: no second {call}");
        }
        expect_done(&world, status);
    }
}

#[test]
fn a_write_that_may_have_been_done_is_looked_after_and_left_to_the_next_pass() {
    for status in [408, 500, 502, 504] {
        let world = busy_world();
        assert_eq!(spoilt_pass(&world, status, None), 3, "{status}");
        for call in ["renameItems", "moveItems"] {
            assert_eq!(world.count(call), 1, "{status}: {call} is not replayed");
        }
        // Nothing is removed from a folder in which something has failed.
        assert_eq!(world.count("moveItemsToTrash"), 0, "{status}");
        world.emulator.clear_faults();
        world.pass("bisync", &[]).code(0);
        expect_done(&world, status);
    }
}

/// Runs a pass on one new file while a call is answered so for good; returns what is told.
fn told(call: &str, action: Action, code: i32) -> String {
    let world = World::new();
    world.write("a", "from here");
    world.emulator.fault(Fault::always(call, action));
    let ran = world.pass("bisync", &[]).code(code);
    assert_eq!(world.read("a"), "from here");
    world.emulator.clear_faults();
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    ran.stderr
}

#[test]
fn a_service_under_maintenance_is_away_for_the_moment() {
    let page = "<html><head><title>iCloud</title></head><body>Maintenance</body></html>";
    for call in ["retrieveItemDetailsInFolders", "upload/web", "content POST"] {
        let told = told(call, answers(503, Some(page)), 5);
        assert!(told.contains("status 503"), "{call}: {told}");
        if call.starts_with("retrieve") {
            assert!(told.contains("try again later"), "{told}");
            assert!(told.contains("systemstatus"), "{told}");
        }
        assert!(!told.contains("<html"), "{told}");
    }
}

#[test]
fn a_new_account_is_told_to_wait() {
    let words = r#"{"errorReason":"Bad Request","errorCode":400}"#;
    let told = told("retrieveItemDetailsInFolders", answers(400, Some(words)), 1);
    assert!(told.contains("half an hour"), "{told}");
}

#[test]
fn a_session_that_has_to_be_renewed_meets_what_only_a_person_can_settle() {
    // What the account wants, and what a pass says of it.
    let moods: [fn(&mut Switches) -> &mut bool; 4] = [
        |switches| &mut switches.terms,
        |switches| &mut switches.wrong_region,
        |switches| &mut switches.locked_login,
        |switches| &mut switches.repair_cookie,
    ];
    let words = [
        "terms of use",
        "--region china",
        "https://iforgot.apple.com",
        "https://www.icloud.com",
    ];
    for (mood, words) in moods.into_iter().zip(words) {
        let world = World::new();
        world.write("a", "from here");
        world
            .emulator
            .set_switches(|switches| *mood(switches) = true);
        world.emulator.expire_session(WHO);
        let ran = world.pass("bisync", &[]).code(4);
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        let attempts = world.emulator.signin_attempts(WHO);
        world.pass("bisync", &[]).code(4);
        assert_eq!(
            world.emulator.signin_attempts(WHO),
            attempts,
            "{words}: no password is sent for it"
        );
        world
            .emulator
            .set_switches(|switches| *mood(switches) = false);
        world.run(["login"]).code(0);
        world.pass("bisync", &[]).code(0);
        world.expect_equal();
    }
}

#[test]
fn what_is_waited_for_is_said_once_and_for_how_long_at_most() {
    let status = |retry_after: Option<&str>| Action::Status {
        status: 503,
        retry_after: retry_after.map(str::to_owned),
        body: None,
    };
    for (action, most) in [
        (status(None), "1 s at most"),
        (status(Some("7")), "35 s at most"),
        (Action::DropBefore, "1 s at most"),
    ] {
        let world = World::new();
        let fault = Fault {
            endpoint: None,
            ..Fault::always("", action.clone())
        };
        world.emulator.fault(fault);
        let told = |args: &[&str]| {
            let ran = world.pass("bisync", args).code(5).stderr;
            let lines = ran.lines().filter(|line| line.contains("Ctrl-C"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let lines = told(&["-v"]);
        assert_eq!(lines.len(), 1, "{action:?}: {lines:?}");
        assert!(
            lines[0].starts_with("waiting for iCloud: ") && lines[0].contains(most),
            "{lines:?}"
        );
        // Without a terminal, and nothing asked for, there is nobody to tell.
        assert_eq!(told(&[]), [""; 0]);
        // A single failure is nothing to speak of.
        world.emulator.clear_faults();
        world.emulator.fault(Fault::once(
            "retrieveItemDetailsInFolders",
            Action::DropBefore,
        ));
        let fine = world.pass("bisync", &["-v"]).code(0);
        assert!(!fine.stderr.contains("Ctrl-C"), "{}", fine.stderr);
    }
}
