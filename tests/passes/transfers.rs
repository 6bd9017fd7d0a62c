//! How content moves: what waits for what, what is asked for again, and what is gone on with.

use std::{
    fs,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use icloud_sync::emulator::{Action, Fault};

use super::world::World;

const GET: &str = "content GET";
const COMMIT: &str = "update/documents";

fn status(status: u16, retry_after: Option<&str>) -> Action {
    Action::Status {
        status,
        body: None,
        retry_after: retry_after.map(str::to_owned),
    }
}

/// How many requests of this kind were answered so.
fn answered(world: &World, endpoint: &str, status: u16) -> usize {
    let requests = world.emulator.requests();
    let meant = |entry: &&icloud_sync::emulator::LogEntry| {
        entry.endpoint == endpoint && entry.status == status
    };
    requests.iter().filter(meant).count()
}

#[test]
fn a_zone_that_takes_one_write_at_a_time_is_hardly_ever_found_busy() {
    let world = World::new();
    // Long enough for two commits to meet, where two are made at once.
    world
        .emulator
        .set_switches(|switches| switches.latency_ms = 2);
    for number in 0..120 {
        world.write(&format!("d{}/f{number}", number % 5), "x");
    }
    world.pass("push", &[]).code(0);
    world.expect_equal();
    let busy = answered(&world, COMMIT, 409);
    assert!(busy <= 4, "{busy}");
    // 3 a file, the folders in one request, one listing, and what was busy.
    let all = world.emulator.requests().len();
    assert!(all <= 3 * 120 + 2 + busy, "{all}");
}

#[test]
fn downloads_do_not_wait_for_the_commits_of_uploads() {
    let world = World::new();
    for number in 0..5 {
        world.drive.write(format!("z{number}"), "down").unwrap();
    }
    // More than there are threads.
    for number in 0..40 {
        world.write(&format!("a{number}"), "up");
    }
    let downs = Arc::new((Mutex::new(0), Condvar::new()));
    let seen = Arc::clone(&downs);
    world.emulator.after(GET, move |_| {
        *seen.0.lock().unwrap() += 1;
        seen.1.notify_all();
    });
    let late = Arc::new(AtomicUsize::new(0));
    let (seen, missed) = (Arc::clone(&downs), Arc::clone(&late));
    world.emulator.before(COMMIT, move |_| {
        let count = seen.0.lock().unwrap();
        let all = seen
            .1
            .wait_timeout_while(count, Duration::from_secs(30), |count| *count < 5)
            .unwrap();
        missed.fetch_add(usize::from(all.1.timed_out()), Ordering::SeqCst);
    });
    world.pass("bisync", &[]).code(0);
    assert_eq!(late.load(Ordering::SeqCst), 0, "commits had to come first");
    world.expect_equal();
}

#[test]
fn after_a_refusal_an_update_in_place_looks_at_the_document_again() {
    for action in [Action::ZoneBusy, status(503, Some("1")), status(421, None)] {
        let world = World::new();
        world.write_at("a", "old", 1_700_000_000);
        world.pass("push", &[]).code(0);
        world.write_at("a", "from here", 1_700_000_100);
        // Another device writes while ours is refused: its version must not be replaced by a mere repetition.
        let (drive, times) = (world.drive.clone(), AtomicUsize::new(0));
        world.emulator.before(COMMIT, move |_| {
            if times.fetch_add(1, Ordering::SeqCst) == 0 {
                drive.write("a", "from the phone").unwrap();
            }
        });
        world.emulator.fault(Fault::once(COMMIT, action.clone()));
        world.pass("push", &[]).code(3).says("meanwhile");
        assert_eq!(world.drive.read("a").unwrap(), &b"from the phone"[..]);
        assert_eq!(world.read("a"), "from here");
    }
}

#[test]
fn after_a_refusal_an_undisturbed_update_is_made() {
    for action in [Action::ZoneBusy, status(429, None)] {
        let world = World::new();
        world.write_at("a", "old", 1_700_000_000);
        world.pass("push", &[]).code(0);
        world.write_at("a", "new content", 1_700_000_100);
        world.emulator.clear_requests();
        world.emulator.fault(Fault::once(COMMIT, action.clone()));
        world.pass("push", &[]).code(0);
        world.expect_equal();
        assert_eq!(world.count("retrieveItemDetails"), 2, "{action:?}");
        assert_eq!(world.count(COMMIT), 2, "{action:?}");
    }
}

#[test]
fn a_refusal_of_a_content_host_lowers_the_limit_and_is_remembered() {
    let world = World::new();
    for number in 0..3 {
        world.drive.write(format!("f{number}"), "x").unwrap();
    }
    world
        .emulator
        .fault(Fault::once(GET, status(503, Some("1"))));
    world.pass("pull", &[]).code(0);
    world.expect_equal();
    let learned = fs::read_dir(world.state().join("learned")).unwrap();
    let texts: Vec<String> = learned
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(texts[0].contains("\"transfers\":4"), "{texts:?}");
}

#[test]
fn a_file_that_vanishes_while_it_is_pushed_is_changed_and_no_failure() {
    let world = World::new();
    world.write("a", "1");
    world.write("d/b", "2");
    let local = world.local();
    world.emulator.before("upload/web", move |_| {
        // What is gone already is gone.
        drop(fs::remove_file(local.join("a")));
        drop(fs::remove_dir_all(local.join("d")));
    });
    let ran = world.pass("push", &["--json"]).code(3);
    let outcomes = ran.stdout.matches("\"outcome\":\"failed\"").count();
    assert_eq!(outcomes, 0, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("gone meanwhile").count() % 2, 0);
    assert!(ran.stdout.contains("gone meanwhile"), "{}", ran.stdout);
}

#[test]
fn a_full_account_is_told_with_what_to_do() {
    let world = World::new();
    world.write("a", "1");
    let full = Action::Status {
        status: 400,
        body: Some(r#"{"error_code":"QUOTA_EXCEEDED","reason":"used up"}"#.to_owned()),
        retry_after: None,
    };
    world.emulator.fault(Fault::always("upload/web", full));
    let ran = world.pass("push", &[]).code(3);
    let words = "a: cannot send: the account's iCloud storage is full (upload/web: status 400)\n";
    assert_eq!(ran.stderr.matches(words).count(), 1, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("full").count(), 1, "{}", ran.stderr);
    // The same command again would be refused again.
    assert!(!ran.stderr.contains("again"), "{}", ran.stderr);
    ran.says("hint: make room in iCloud: ")
        .says("gone from Recently Deleted too");
    let json = world.pass("push", &["--json"]).code(3).stdout;
    assert!(json.contains("\"storage_full\":true"), "{json}");
}

#[test]
fn where_only_errors_are_told_many_are_not_and_the_way_out_is() {
    let world = World::new();
    for number in 0..60 {
        world.write(&format!("{number:02}"), "1");
    }
    let full = Action::Status {
        status: 400,
        body: Some(r#"{"error_code":"QUOTA_EXCEEDED","reason":"used up"}"#.to_owned()),
        retry_after: None,
    };
    world.emulator.fault(Fault::always("upload/web", full));
    world.write(
        "../config/icloud-sync/config.toml",
        format!("log-file = {:?}\n", world.folder.path().join("all.log")),
    );
    let ran = world.pass("push", &["-q", "--transfers", "1"]).code(3);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 52, "{}", ran.stderr);
    assert_eq!(
        lines[0],
        "error: failed: upload 00 (1 B): cannot send: the account's iCloud storage is full (upload/web: status 400)"
    );
    assert!(lines[50].starts_with("error: and 10 more"), "{}", lines[50]);
    assert!(lines[51].starts_with("hint: make room"), "{}", lines[51]);
    let log = fs::read_to_string(world.folder.path().join("all.log")).unwrap();
    assert_eq!(log.matches("failed: upload").count(), 60);
}

#[test]
fn a_full_account_is_asked_no_more_for_what_is_as_large_and_the_next_pass_says_so_beforehand() {
    let world = World::new();
    for number in 0..30 {
        world.write(&format!("large {number:02}"), vec![b'x'; 1_000]);
    }
    world.write("z small", "1");
    let full = Action::Status {
        status: 400,
        body: Some(r#"{"error_code":"QUOTA_EXCEEDED","reason":"used up"}"#.to_owned()),
        retry_after: None,
    };
    world
        .emulator
        .fault(Fault::once("upload/web", full.clone()));
    let ran = world.pass("push", &["--transfers", "1"]).code(3);
    assert!(!ran.stderr.contains("was full when"), "{}", ran.stderr);
    ran.says("large 00: cannot send").says(
        "large 29: not sent: the account's iCloud storage is full; a content of 1000 B was refused",
    );
    assert_eq!(
        world.count("upload/web"),
        2,
        "the first large one, and the small one"
    );
    assert_eq!(world.remote_tree().len(), 1);

    // A dry run says it as well; who has nothing to send hears nothing of it.
    world
        .pass("push", &["--dry-run"])
        .code(0)
        .says("iCloud storage was full when");
    let ran = world.pass("pull", &[]).code(0);
    assert!(!ran.stderr.contains("was full when"), "{}", ran.stderr);
    let ran = world.pass("push", &[]).code(0);
    ran.says("the account's iCloud storage was full when something was last sent (20");
    world.expect_equal();
    world.write("more", "2");
    let ran = world.pass("push", &[]).code(0);
    assert!(!ran.stderr.contains("was full when"), "{}", ran.stderr);
}

#[test]
fn a_download_that_would_leave_too_little_free_is_not_begun() {
    let world = World::new();
    world.drive.mkdir("d").unwrap();
    world.drive.write("a", "old").unwrap();
    world.pass("pull", &[]).code(0);
    world.drive.write("a", "newer").unwrap();
    world.drive.write("d/b", vec![b'x'; 3_000]).unwrap();
    world.emulator.clear_requests();
    let all = ["--min-free", "900000G"];
    let before = "--min-free is 878.9 TiB, and the whole disk of LOCAL has ";
    let dry = [&all[..], &["--dry-run"]].concat();
    world.pass("pull", &dry).code(0).says(before);
    let ran = world.pass("pull", &all).code(3);
    ran.says(before)
        .says("878.9 TiB are to stay so (--min-free)")
        .says("d/b: not begun: it needs 2.9 KiB here, where ");
    assert_eq!(world.read("a"), "old");
    assert_eq!(
        world.count("content GET") + world.count("download/batch"),
        0
    );
    assert!(world.leftovers().is_empty());
    world.pass("pull", &["--min-free", "0"]).code(0);
    world.expect_equal();
}

#[test]
fn a_loser_that_there_is_no_room_for_is_not_replaced() {
    let world = World::new();
    world.write_at("a", "ours", 1_700_000_900);
    world.drive.write("a", "their version").unwrap();
    let args = ["--conflict", "prefer-local", "--min-free", "900000G"];
    world.pass("bisync", &args).code(3).says("not begun");
    assert_eq!(world.drive.read("a").unwrap(), &b"their version"[..]);
}

/// Content that comes in three parts, none of them like another.
fn large() -> Vec<u8> {
    let words = (0_u32..).map(|n| n.wrapping_mul(0x9E37_79B9));
    words.flat_map(u32::to_le_bytes).take(70 << 20).collect()
}

/// A large file on the service, and something that stays on both sides.
fn world_with_large() -> (World, Vec<u8>) {
    let (world, content) = (World::new(), large());
    for number in 0..4 {
        world.write(&format!("still {number}"), "x");
    }
    world.pass("push", &[]).code(0);
    world.emulator.clear_requests();
    world.drive.write("big", content.clone()).unwrap();
    (world, content)
}

/// Asserts without printing it all.
#[track_caller]
fn expect_content(world: &World, content: &[u8]) {
    let got = fs::read(world.local().join("big")).unwrap();
    assert!(got == content, "{} bytes came", got.len());
    assert!(
        world
            .leftovers()
            .iter()
            .all(|path| path.ends_with(".icloud-sync"))
    );
}

#[test]
fn a_large_file_comes_in_parts_and_whatever_breaks_off_is_gone_on_with() {
    let (world, content) = world_with_large();
    world.pass("pull", &[]).code(0);
    expect_content(&world, &content);
    assert_eq!(world.count(GET), 3);
    assert_eq!(answered(&world, GET, 206), 3);
    let fresh = || {
        fs::remove_file(world.local().join("big")).unwrap();
        world.emulator.clear_faults();
        world.emulator.clear_requests();
    };
    for (action, more) in [
        (Action::HalfBody, 1),
        (Action::DropBefore, 1),
        (status(503, Some("1")), 1),
        // The address has expired: another one, for this version.
        (status(403, None), 1),
        (Action::Redirect330, 1),
    ] {
        fresh();
        world
            .emulator
            .fault(Fault::once(GET, action.clone()).after(1));
        world.pass("pull", &[]).code(0);
        expect_content(&world, &content);
        assert_eq!(world.count(GET), 3 + more, "{action:?}");
    }
    // A server without parts, from the start or at some time.
    for after in [0, 2] {
        fresh();
        let whole = Fault::always(GET, Action::IgnoreRange).after(after);
        world.emulator.fault(whole);
        world.pass("pull", &[]).code(0);
        expect_content(&world, &content);
    }
    // Damaged on its way: once more, all of it.
    fresh();
    world.emulator.fault(Fault::once(GET, Action::Corrupt));
    world.pass("pull", &[]).code(0);
    expect_content(&world, &content);
    assert_eq!(world.count(GET), 6);
}

#[test]
fn the_parts_of_an_interrupted_download_are_not_fetched_again() {
    let (world, content) = world_with_large();
    // The second part comes half, again and again, and the others whole.
    let range =
        |from: u64| Fault::always(GET, Action::HalfBody).after(u32::try_from(from).unwrap());
    world.emulator.fault(range(1));
    world
        .emulator
        .fault(Fault::always(GET, Action::DropBefore).after(3));
    world.pass("pull", &[]).code(5);
    assert!(!world.local().join("big").exists());
    world.emulator.clear_faults();
    world.emulator.clear_requests();
    world.pass("pull", &[]).code(0);
    expect_content(&world, &content);
    let received: u64 = world
        .emulator
        .requests()
        .iter()
        .filter(|entry| entry.endpoint == GET)
        .map(|entry| entry.received)
        .sum();
    assert!(received < (70 << 20) * 2 / 3, "{received}");
    // A version that came meanwhile is no part of the old one.
    fs::remove_file(world.local().join("big")).unwrap();
    world.emulator.fault(range(1));
    world
        .emulator
        .fault(Fault::always(GET, Action::DropBefore).after(3));
    world.pass("pull", &[]).code(5);
    world.emulator.clear_faults();
    let mut other = content;
    other.reverse();
    world.drive.write("big", other.clone()).unwrap();
    world.pass("pull", &[]).code(0);
    expect_content(&world, &other);
}
