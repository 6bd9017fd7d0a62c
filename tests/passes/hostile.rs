//! A service that misbehaves: errors that name it, nothing wrong written, and the next quiet pass ends well.

use std::fs;

use icloud_sync::emulator::{Action, Fault};

use super::world::World;

/// Plays a fault during one pass; afterwards LOCAL holds only whole contents, and a quiet pass ends equal.
#[track_caller]
fn survives(verb: &str, fault: Fault, codes: &[i32]) -> String {
    let large = vec![b'c'; 300_000];
    let world = World::new();
    world.drive.write("a", "old a").unwrap();
    world.drive.write("d/b", "old b").unwrap();
    world.pass("pull", &[]).code(0);
    if verb == "pull" {
        world.drive.write("a", "new a, longer").unwrap();
        world.drive.write("d/c", large.clone()).unwrap();
    } else {
        world.write("a", "new a, longer");
        world.write("d/c", &large);
    }
    let name = format!("{fault:?}");
    world.emulator.fault(fault);
    let ran = world.pass(verb, &[]);
    assert!(
        codes.contains(&ran.code),
        "{name}: code {}\n{}",
        ran.code,
        ran.stderr
    );
    for (path, content) in world.local_tree().into_iter().chain(world.remote_tree()) {
        let whole: &[&[u8]] = match path.as_str() {
            "a" => &[b"old a", b"new a, longer"],
            "d/b" => &[b"old b"],
            "d/c" => &[&large],
            "d" => continue,
            other => panic!("{name}: {other:?} should not be there"),
        };
        assert!(
            whole.contains(&content.unwrap().as_slice()),
            "{name}: {path} is not whole"
        );
    }
    world.emulator.clear_faults();
    world.pass(verb, &[]).code(0);
    world.expect_equal();
    world.expect_quiet(verb);
    assert!(world.leftovers().is_empty(), "{name}");
    ran.stderr
}

#[test]
fn passing_faults_are_ridden_out() {
    let list = "retrieveItemDetailsInFolders";
    for fault in [
        Fault::once(list, Action::Html502),
        Fault::once(list, Action::TruncateJson),
        Fault::once(list, Action::DropBefore),
        Fault::once(list, Action::HalfBody),
        Fault::once("download/batch", Action::Html502),
        Fault::once("download/batch", Action::ShortArray),
        Fault::once("content GET", Action::HalfBody),
        Fault::once("content GET", Action::DropBefore),
        Fault::once("content GET", Action::ShortContent),
        Fault::once("content GET", Action::Redirect330),
        Fault::once("content GET", Action::Corrupt),
    ] {
        survives("pull", fault, &[0]);
    }
    for fault in [
        Fault::once("update/documents", Action::ZoneBusy),
        Fault::once("update/documents", Action::DropAfter),
        Fault::once("upload/web", Action::Html502),
    ] {
        survives("push", fault, &[0]);
    }
}

#[test]
fn lasting_faults_end_with_a_code_and_no_damage() {
    let list = "retrieveItemDetailsInFolders";
    let text = survives("pull", Fault::always(list, Action::Html502), &[1, 5]);
    assert!(text.contains("error:"), "{text}");
    let text = survives("pull", Fault::always(list, Action::TruncateJson), &[1, 5]);
    assert!(text.contains("retrieveItemDetailsInFolders"), "{text}");
    survives("pull", Fault::always(list, Action::WrongCount), &[1, 3, 5]);
    survives(
        "pull",
        Fault::always(list, Action::MissingItems),
        &[1, 3, 5],
    );
    survives(
        "pull",
        Fault::always("content GET", Action::ShortContent),
        &[3, 5],
    );
    let elsewhere = Action::ContentHost("evil.example.com".to_owned());
    let text = survives(
        "pull",
        Fault::always("download/batch", elsewhere.clone()),
        &[1, 3, 5],
    );
    assert!(text.contains("evil.example.com"), "{text}");
    survives("push", Fault::always("upload/web", elsewhere), &[1, 3, 5]);
    survives(
        "pull",
        Fault::always("download/batch", Action::NoToken),
        &[0, 1, 3, 5],
    );
    survives(
        "push",
        Fault::always("update/documents", Action::ZoneBusy),
        &[3, 5],
    );
    survives(
        "push",
        Fault::always("update/documents", Action::DropBefore),
        &[3, 5],
    );
    survives(
        "push",
        Fault::always("update/documents", Action::InnerStatus(7)),
        &[3, 5],
    );
    survives(
        "push",
        Fault::always("content POST", Action::DropBefore),
        &[3, 5],
    );
}

#[test]
fn names_from_the_service_never_leave_local() {
    let world = World::new();
    world.drive.write("good", "1").unwrap();
    for bad in ["..", ".", "a\0b", ""] {
        world.drive.write([bad], "evil").unwrap();
        world.drive.write([bad, "inner"], "evil").ok();
    }
    world.drive.write(["../../outside"], "evil").unwrap();
    world.drive.write(["/etc/evil"], "evil").unwrap();
    world.pass("pull", &[]).code(3);
    let names: Vec<_> = world.local_tree().into_keys().collect();
    assert_eq!(
        names,
        [
            "..\u{ff0f}..\u{ff0f}outside",
            "good",
            "\u{ff0f}etc\u{ff0f}evil"
        ]
    );
    let around: Vec<_> = fs::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        !around
            .iter()
            .any(|name| name.contains("outside") || name.contains("inner")),
        "{around:?}"
    );
    // A slash in a name goes back unchanged; the service takes no content for such a name.
    let names = |world: &World| -> Vec<Vec<String>> {
        world
            .drive
            .items()
            .unwrap()
            .into_iter()
            .map(|(names, _)| names)
            .collect()
    };
    let before = names(&world);
    world.write("..\u{ff0f}..\u{ff0f}outside", "edited");
    world.pass("push", &[]).code(3).says("rename it");
    assert_eq!(names(&world), before);
    fs::rename(
        world.local().join("..\u{ff0f}..\u{ff0f}outside"),
        world.local().join("good name"),
    )
    .unwrap();
    world.pass("push", &[]).code(3);
    assert_eq!(world.drive.read(["good name"]).unwrap(), &b"edited"[..]);
}

#[test]
fn one_folder_that_can_t_be_listed_stops_no_other_and_deletes_nothing() {
    let world = World::new();
    world.drive.write("good/a", "1").unwrap();
    world.drive.write("bad/b", "2").unwrap();
    world.pass("pull", &[]).code(0);
    let id = world.drive.entry("bad").unwrap().docwsid;
    world.drive.write("good/new", "3").unwrap();
    world.drive.trash("good/a").unwrap();
    world.drive.write("bad/c", "4").unwrap();
    world.emulator.fault(Fault {
        contains: Some(id),
        ..Fault::always(
            "retrieveItemDetailsInFolders",
            Action::Status {
                status: 500,
                body: None,
                retry_after: None,
            },
        )
    });
    world.pass("pull", &["--delete"]).code(3).says("bad");
    assert_eq!(world.read("good/new"), "3");
    assert_eq!(
        world.read("good/a"),
        "1",
        "what is missing may have moved into the unknown folder"
    );
    assert_eq!(world.read("bad/b"), "2");
    world.emulator.clear_faults();
    world.pass("pull", &["--delete"]).code(0);
    world.expect_equal();
}

#[test]
fn a_file_that_moves_while_it_is_listed_is_not_taken_as_deleted() {
    let world = World::new();
    world.drive.write("a/x", "1").unwrap();
    world.drive.write("b/y", "2").unwrap();
    world.drive.write("keep", "3").unwrap();
    world.pass("pull", &[]).code(0);
    // No listing shows it: taken out of one folder before that is listed, put into another after that was.
    world.emulator.fault(Fault::always(
        "retrieveItemDetailsInFolders",
        Action::ShortItemsUnnoticed,
    ));
    let ran = world.pass("pull", &["--delete", "--force"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    for (path, content) in [("a/x", "1"), ("b/y", "2"), ("keep", "3")] {
        assert_eq!(world.read(path), content);
    }
    world.emulator.clear_faults();
    world.pass("pull", &["--delete"]).code(0);
    world.expect_equal();
}

#[test]
fn a_session_that_ends_in_the_middle_is_renewed_once() {
    let world = World::new();
    for number in 0..20 {
        world
            .drive
            .write(format!("{number}"), format!("content {number}"))
            .unwrap();
    }
    let gone = std::sync::atomic::AtomicUsize::new(0);
    let emulator_url = world.emulator.url().to_owned();
    assert!(emulator_url.starts_with("http://127.0.0.1"));
    world.emulator.fault(Fault {
        skip: 1,
        ..Fault::once(
            "download/batch",
            Action::Status {
                status: 421,
                body: None,
                retry_after: None,
            },
        )
    });
    gone.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    world.pass("pull", &[]).code(0);
    world.expect_equal();
}

#[test]
fn signatures_of_another_form_are_no_error() {
    for mode in [
        icloud_sync::emulator::SignatureMode::Opaque,
        icloud_sync::emulator::SignatureMode::Container,
    ] {
        let world = World::new();
        world
            .emulator
            .set_switches(|switches| switches.signatures = mode);
        world.drive.write("a", "1").unwrap();
        world.pass("pull", &[]).code(0);
        world.write("b", "2");
        world.pass("push", &[]).code(0);
        world.expect_equal();
        world.expect_quiet("push");
        world.expect_quiet("pull");
    }
}

#[test]
fn a_full_disk_leaves_the_old_file_and_no_temp_file() {
    let world = World::new();
    world.drive.write("a", "old").unwrap();
    world.pass("pull", &[]).code(0);
    world.drive.write("a", vec![b'x'; 4 << 20]).unwrap();
    // The shell's limit on the size of files stands in for a full disk: writing fails in the same place.
    let program = env!("CARGO_BIN_EXE_icloud-sync");
    let mut command = world.command();
    let envs: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.unwrap_or_default().to_owned()))
        .collect();
    command = std::process::Command::new("sh");
    let output = command
        .args([
            "-c",
            &format!("trap '' XFSZ; ulimit -f 1024; exec {program} pull local"),
        ])
        .env_clear()
        .envs(envs)
        .current_dir(world.folder.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert_eq!(world.read("a"), "old");
    assert!(world.leftovers().is_empty());
    world.pass("pull", &[]).code(0);
    world.expect_equal();
}
