//! `doctor --probe`: what it measures is right and is used, and its folder ends in the trash whatever happens.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
    thread,
};

use icloud_sync::emulator::{Account, Action, EtagSpread, Fault, StaleTrash};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    doctor::findings,
    world::{PASSWORD, Ran, WHO, World},
};

fn probe(world: &World) -> Ran {
    world.run(["doctor", "--probe", "--local", "local", "--json"])
}

/// Verdict, words and what was kept, by name.
fn answers(ran: &Ran) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings(ran)
        .iter()
        .map(|it| {
            let words = format!("{} | {}", text(&it["found"]), text(&it["kept"]));
            (text(&it["name"]), (text(&it["verdict"]), words))
        })
        .collect()
}

/// Expects an answer with this verdict and these words.
#[track_caller]
fn expect(ran: &Ran, name: &str, verdict: &str, words: &str) {
    let all = answers(ran);
    let found = all
        .get(name)
        .unwrap_or_else(|| panic!("no {name:?} in {}", ran.stdout));
    assert_eq!(found.0, verdict, "{name}: {found:?}");
    assert!(found.1.contains(words), "{name}: no {words:?} in {found:?}");
}

/// Names at the root of the trash that are those of a probe's folder.
fn trashed(world: &World) -> usize {
    let all = world.drive.trashed().unwrap();
    all.iter()
        .filter(|it| it.name.starts_with(".icloud-sync.probe-"))
        .count()
}

/// Expects that one folder was made, that it is in the trash, and that nothing else was touched.
#[track_caller]
fn expect_clean(world: &World, before: &BTreeMap<String, String>) {
    assert_eq!(trashed(world), 1);
    assert_eq!(world.remote_etags(), *before);
    assert_eq!(world.count("deleteItems"), 0);
    assert_eq!(
        world.count("accountLogin") + world.count("authorize/signin"),
        0
    );
}

#[test]
fn every_question_is_answered_and_nothing_stays_behind() {
    let world = World::new();
    world.drive.write("Documents/letter.txt", "dear").unwrap();
    let before = world.remote_etags();
    let ran = probe(&world).code(0);
    expect_clean(&world, &before);
    for (name, words) in [
        ("15.1 listing", "200 are taken"),
        ("15.1 reads", "50 are taken"),
        (
            "15.2 etags",
            "a rename below it: none changes; an edit of the same size: none changes; an edit of another size: all above change",
        ),
        ("15.2 etags", "after :: moves with its content only"),
        ("15.3 partial", "a folder of 50 items"),
        (
            "15.4 addresses",
            "50 are taken, and more were not tried; an unknown id comes back without an address; an address is good for",
        ),
        ("9.9 checksums", "it agreed"),
        ("15.5 recent", "without a change 200, after an edit 205"),
        ("15.6 in place", "is refused"),
        ("15.6 taken name", "under another name, \"file 2.txt\""),
        (
            "15.7 stale etag",
            "a file is left where it is, under a status of success, a folder is left",
        ),
        ("15.8 SRP", "can't be measured"),
        ("15.9 names", "\"a.tar.gz\" is \"a.tar\" and \"gz\""),
        ("15.10 China", "can't be measured"),
        ("clean-up", "Recently Deleted"),
    ] {
        expect(&ran, name, "ok", words);
    }
    assert!(world.emulator.requests().len() < 400);
    // Neither address nor token is told.
    assert!(!ran.stdout.contains("fl=&r=0") && !ran.stdout.contains(WHO));
}

#[test]
fn another_service_gives_other_answers() {
    let world = World::new();
    world.emulator.set_switches(|switches| {
        switches.etag_spread = EtagSpread::All;
        switches.stale_trash = StaleTrash::Conflict;
        switches.update_in_trash = true;
        switches.batch_refuses_unknown = true;
        switches.fresh_404 = 1;
    });
    let ran = probe(&world).code(0);
    expect_clean(&world, &BTreeMap::new());
    for (name, words) in [
        ("15.2 etags", "a rename below it: all above change"),
        ("15.4 addresses", "an unknown id fails the whole request"),
        ("15.6 in place", "stays in Recently Deleted"),
        (
            "15.7 stale etag",
            "a file is refused with ETAG_CONFLICT, a folder is refused with ETAG_CONFLICT",
        ),
    ] {
        expect(&ran, name, "ok", words);
    }
}

#[test]
fn an_answer_that_passes_do_not_reckon_with_stands_out() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.stale_trash = StaleTrash::Trash);
    let ran = probe(&world).code(3);
    expect(
        &ran,
        "15.7 stale etag",
        "failed",
        "a file is trashed all the same, a folder is trashed all the same",
    );
    expect_clean(&world, &BTreeMap::new());
}

/// A Drive with 60 folders of two files each, in a service with limits that nobody told.
fn limited() -> World {
    let world = World::new();
    for folder in 0..60 {
        for file in ["a", "b"] {
            let path = format!("folder {folder}/{file}");
            world
                .drive
                .write(path.as_str(), format!("{folder}{file}"))
                .unwrap();
        }
    }
    world.emulator.set_switches(|switches| {
        switches.list_limit = 17;
        switches.batch_limit = 7;
    });
    world
}

/// Pulls all, and returns how many requests were refused.
fn refused_in_a_pull(world: &World) -> usize {
    world.emulator.clear_requests();
    world.pass("pull", &[]).code(0);
    world.expect_equal();
    let requests = world.emulator.requests();
    requests.iter().filter(|it| it.status >= 400).count()
}

#[test]
fn limits_that_were_measured_are_kept_to_by_later_passes() {
    let unknowing = limited();
    assert!(refused_in_a_pull(&unknowing) > 0, "the limits are none");
    let world = limited();
    let ran = probe(&world).code(0);
    expect(&ran, "15.1 listing", "ok", "at most 17; 18 are refused (");
    expect(
        &ran,
        "15.1 listing",
        "ok",
        "| passes list up to 17 folders in one request",
    );
    expect(&ran, "15.4 addresses", "ok", "at most 7; 8 are refused (");
    assert_eq!(refused_in_a_pull(&world), 0);
    // Nor does a run of clean answers lead above them.
    for _ in 0..4 {
        world.emulator.clear_requests();
        world.expect_quiet("bisync");
        assert!(world.emulator.requests().iter().all(|it| it.status < 400));
    }
    // What is known is in the report.
    let ran = world.run(["doctor", "--json"]).code(0);
    expect(&ran, "limits", "ok", "17 folders in a listing");
    // A service that takes more than passes begin with is asked for more.
    world
        .emulator
        .set_switches(|switches| switches.list_limit = 0);
    probe(&world).code(0);
    world.emulator.clear_requests();
    world.expect_quiet("bisync");
    assert!(world.emulator.requests().iter().any(|it| it.ids > 60));
}

#[test]
fn a_service_that_answers_an_id_once_only_is_not_taken_for_one_with_a_limit() {
    let world = World::new();
    // The second request asks for one id twice.
    let short = Fault::once("download/batch", Action::ShortArray).after(1);
    world.emulator.fault(short);
    let ran = probe(&world).code(0);
    expect(
        &ran,
        "15.4 addresses",
        "ok",
        "5 are taken, and more were not tried",
    );
    expect(
        &ran,
        "15.4 addresses",
        "ok",
        "an id once only, so the limit is not known | ",
    );
    assert!(!ran.stdout.contains("passes ask for"), "{}", ran.stdout);
    let ran = world.run(["doctor", "--json"]).code(0);
    expect(&ran, "limits", "ok", "10 addresses in a batch");
}

#[test]
fn a_call_that_fails_in_the_middle_is_named_and_the_folder_still_ends_in_the_trash() {
    let world = World::new();
    world
        .emulator
        .fault(Fault::always("renameItems", Action::Html502));
    let ran = probe(&world).code(3);
    for name in ["15.2 etags", "15.5 recent", "15.7 stale etag"] {
        expect(
            &ran,
            name,
            "failed",
            "not measured: renameItems: status 502",
        );
    }
    // The others were measured.
    expect(&ran, "15.1 listing", "ok", "200 are taken");
    expect(&ran, "15.9 names", "ok", "is \"a.tar\"");
    expect_clean(&world, &BTreeMap::new());
}

#[test]
fn a_folder_whose_making_got_lost_ends_in_the_trash_too() {
    let world = World::new();
    world
        .emulator
        .fault(Fault::once("createFolders", Action::DropAfter));
    let ran = probe(&world).code(3);
    assert!(
        ran.stdout.contains("cannot make the folder"),
        "{}",
        ran.stdout
    );
    expect_clean(&world, &BTreeMap::new());
}

#[test]
fn a_trash_that_is_refused_at_first_is_tried_again_and_what_stays_is_named() {
    let world = World::new();
    let trash = Fault::always("moveItemsToTrash", Action::Html502).containing("FOLDER::");
    world.emulator.fault(trash.clone().times(3));
    probe(&world);
    expect_clean(&world, &BTreeMap::new());
    world.emulator.clear_faults();
    world.emulator.fault(trash);
    let ran = probe(&world).code(3);
    expect(
        &ran,
        "clean-up",
        "failed",
        "is still at the root of iCloud Drive",
    );
    assert!(
        ran.stdout.contains("delete it there by hand"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        world
            .remote_tree()
            .keys()
            .filter(|path| !path.contains('/'))
            .count(),
        1
    );
    // A pass leaves it alone, on both sides.
    world.emulator.clear_faults();
    world.pass("bisync", &[]).code(0);
    assert_eq!(world.local_tree().len(), 0);
}

#[test]
fn ctrl_c_ends_the_measuring_and_the_folder_is_in_the_trash_before_the_program_ends() {
    let world = World::new();
    let pid = Arc::new(Mutex::new(None));
    let its = Arc::clone(&pid);
    world.emulator.before("download/batch", move |_| {
        loop {
            if let Some(pid) = *its.lock().unwrap() {
                kill_process(pid, Signal::INT).unwrap();
                return;
            }
            thread::yield_now();
        }
    });
    let child = world
        .command()
        .args(["doctor", "--probe", "--local", "local", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    *pid.lock().unwrap() = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let output = child.wait_with_output().unwrap();
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::new(),
    };
    let ran = ran.code(130);
    expect(&ran, "15.9 names", "skipped", "stopped by a signal");
    expect(&ran, "clean-up", "ok", "Recently Deleted");
    expect_clean(&world, &BTreeMap::new());
}

#[test]
fn a_session_that_ends_in_the_middle_is_not_renewed_and_what_stays_is_named() {
    let world = World::new();
    let gone = Action::Status {
        status: 421,
        body: None,
        retry_after: None,
    };
    world.emulator.fault(Fault {
        endpoint: None,
        skip: 60,
        ..Fault::always("", gone)
    });
    let ran = probe(&world).code(3);
    let named = answers(&ran);
    assert!(
        named
            .values()
            .any(|(verdict, words)| verdict == "failed" && words.contains("the session has ended")),
        "{named:?}"
    );
    expect(&ran, "15.9 names", "skipped", "the session has ended");
    expect(&ran, "clean-up", "failed", "is still at the root");
    assert_eq!(
        world.count("accountLogin") + world.count("authorize/signin"),
        0
    );
}

#[test]
fn where_a_check_has_failed_nothing_is_tried_out() {
    let world = World::new();
    let mut account = Account::new(WHO, PASSWORD);
    account.two_factor = false;
    account.iterations = 1_000;
    account.quota_bytes = 10;
    world.emulator.add_account(account);
    let ran = probe(&world).code(3);
    expect(&ran, "storage", "failed", "QUOTA_EXCEEDED");
    expect(&ran, "probe", "skipped", "storage");
    assert_eq!(world.count("createFolders"), 0);
}

#[test]
fn checksums_of_another_kind_are_told_and_prove_nothing() {
    use icloud_sync::emulator::SignatureMode;

    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.signatures = SignatureMode::Opaque);
    let ran = probe(&world).code(0);
    expect(&ran, "9.9 checksums", "ok", "0 agreed");
    let ran = world.run(["doctor", "--json"]).code(0);
    expect(&ran, "limits", "ok", "checksums not proven yet");
}
