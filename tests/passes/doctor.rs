//! `doctor`: what works and what does not, and that each thing that is wrong is found and named.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
};

use icloud_sync::emulator::{self, Account, Action, Config, Fault};
use serde_json::Value;

use super::world::{PASSWORD, Ran, WHO, World};

/// The findings of `doctor --json`.
pub(crate) fn findings(ran: &Ran) -> Vec<Value> {
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|value: &Value| value["type"] == "finding")
        .collect()
}

/// The verdict of a check, with what was found and the way out.
#[track_caller]
fn finding(ran: &Ran, name: &str) -> (String, String) {
    let all = findings(ran);
    let found: Vec<_> = all.iter().filter(|it| it["name"] == name).collect();
    assert!(!found.is_empty(), "no {name:?} in {}", ran.stdout);
    // The worst of several.
    let worst = found
        .iter()
        .find(|it| it["verdict"] == "failed")
        .unwrap_or(&found[0]);
    let words = format!("{} -> {}", worst["found"], worst["way_out"]);
    (worst["verdict"].as_str().unwrap().to_owned(), words)
}

/// Expects that exactly these checks failed, and returns the words of the first.
#[track_caller]
fn expect_failed(ran: &Ran, names: &[&str]) -> String {
    let failed: Vec<_> = findings(ran)
        .iter()
        .filter(|it| it["verdict"] == "failed")
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(failed, names, "{}", ran.stdout);
    finding(ran, names[0]).1
}

/// The saved session.
fn session_file(world: &World) -> PathBuf {
    fs::read_dir(world.state().join("sessions"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("session.json"))
        .find(|path| path.exists())
        .unwrap()
}

fn doctor(world: &World) -> Ran {
    world.run(["doctor", "--local", "local", "--json"])
}

#[test]
fn where_all_is_well_nothing_fails_and_nothing_is_changed() {
    let world = World::new();
    world.write_at("a", "1", 1_700_000_000);
    let session = world.state().join("sessions");
    let before = super::world::tree_of(&session);
    let ran = doctor(&world).code(0);
    for it in findings(&ran) {
        let verdict = it["verdict"].as_str().unwrap();
        assert!(verdict != "failed", "{it}");
        // A container's file system, and a machine without a keyring.
        let may_warn = ["file system", "state folder", "LOCAL space", "state space"];
        assert!(
            verdict != "warning" || may_warn.iter().any(|name| it["name"] == *name),
            "{it}"
        );
    }
    for (name, words) in [
        ("session", "it holds"),
        ("listing", "0 items"),
        ("storage", "takes more content"),
        ("clock", "right"),
        ("keyring", "from the settings"),
    ] {
        let (verdict, found) = finding(&ran, name);
        assert_eq!(verdict, "ok", "{found}");
        assert!(found.contains(words), "{found}");
    }
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["exit_code"]),
        (&"summary".into(), &0.into())
    );
    // A few requests, none of which changes anything or signs in.
    let asked: Vec<_> = world
        .emulator
        .requests()
        .iter()
        .map(|it| it.endpoint.to_owned())
        .collect();
    assert!(asked.len() <= 6, "{asked:?}");
    assert_eq!(
        world.count("accountLogin") + world.count("authorize/signin"),
        0
    );
    assert!(world.remote_tree().is_empty());
    assert_eq!(super::world::tree_of(&session), before);
    assert!(!world.local().join(".icloud-sync").exists());
    assert_eq!(world.local_tree().len(), 1);
}

#[test]
fn a_report_for_people_holds_no_name_and_no_secret() {
    let world = World::new();
    let output = world
        .command()
        .args(["doctor", "--local", "local", "-vvv"])
        .env(
            "HTTPS_PROXY",
            "http://anna:hush-hush@proxy.example.com:3128",
        )
        .output()
        .unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    let all = format!("{report}{}", String::from_utf8(output.stderr).unwrap());
    assert!(report.starts_with("icloud-sync doctor, "), "{report}");
    assert!(report.contains("a…@example.com"), "{report}");
    assert!(report.contains("~/state/icloud-sync"), "{report}");
    assert!(!report.contains(WHO), "{report}");
    assert!(
        !report.contains(world.folder.path().to_str().unwrap()),
        "{report}"
    );
    assert!(
        !all.contains(PASSWORD) && !all.contains("hush-hush"),
        "{all}"
    );
    let session: Value = serde_json::from_slice(&fs::read(session_file(&world)).unwrap()).unwrap();
    let mut secrets = vec![session["dsid"].as_str().unwrap().to_owned()];
    for (_, token) in session["tokens"].as_object().unwrap() {
        secrets.extend(token.as_str().filter(|it| it.len() > 8).map(str::to_owned));
    }
    assert!(secrets.len() > 3, "{secrets:?}");
    for secret in secrets {
        assert!(!all.contains(&secret), "{secret} in {all}");
    }
}

#[test]
fn a_wrong_clock_is_found() {
    let world = World::new();
    world.emulator.set_clock_offset(3_600);
    let ran = doctor(&world).code(3);
    let words = expect_failed(&ran, &["clock"]);
    assert!(
        words.contains("behind the service's") && words.contains("set-ntp"),
        "{words}"
    );
    world.emulator.set_clock_offset(-100);
    let ran = doctor(&world).code(0);
    assert_eq!(finding(&ran, "clock").0, "warning");
}

#[test]
fn a_service_in_trouble_is_named_with_what_it_said() {
    let world = World::new();
    let list = "retrieveItemDetailsInFolders";
    world.emulator.fault(Fault::always(list, Action::Html502));
    let words = expect_failed(&doctor(&world).code(3), &["listing"]);
    assert!(
        words.contains("502: an HTML page") && words.contains("try again later"),
        "{words}"
    );
    world.emulator.clear_faults();
    let busy = Action::Status {
        status: 503,
        body: None,
        retry_after: Some("77".to_owned()),
    };
    world.emulator.fault(Fault::always(list, busy));
    world.emulator.clear_requests();
    let words = expect_failed(&doctor(&world).code(3), &["listing"]);
    assert!(
        words.contains("503") && words.contains("after 77 s"),
        "{words}"
    );
    // A service that has had enough is not asked again.
    assert_eq!(world.count(list), 1);
    world.emulator.clear_faults();
    let validate = Fault::always("validate", Action::Html502);
    world.emulator.fault(validate);
    let words = expect_failed(&doctor(&world).code(3), &["session"]);
    assert!(
        words.contains("validate: status 502: an HTML page") && words.contains("try again later"),
        "{words}"
    );
    world.emulator.clear_faults();
    world
        .emulator
        .fault(Fault::always(list, Action::ShortItems));
    world.drive.write("a", "1").unwrap();
    let words = expect_failed(&doctor(&world).code(3), &["listing"]);
    assert!(words.contains("not whole"), "{words}");
}

#[test]
fn nobody_at_the_other_end_is_told_from_a_bad_session() {
    let world = World::new();
    let output = world
        .command()
        .args(["doctor", "--local", "local", "--json"])
        // Nobody listens there.
        .env("ICLOUD_SYNC_ENDPOINT", "http://127.0.0.1:1")
        .output()
        .unwrap();
    let ran = Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::new(),
    }
    .code(3);
    let (verdict, words) = finding(&ran, "network");
    assert_eq!(verdict, "failed");
    assert!(
        words.contains("cannot connect to http://127.0.0.1:1"),
        "{words}"
    );
    assert_eq!(finding(&ran, "clock").0, "skipped");
    assert_eq!(finding(&ran, "listing").0, "skipped");
    // What needs no network was looked at.
    assert_ne!(finding(&ran, "file system").0, "skipped");
}

#[test]
fn a_session_that_has_ended_is_a_matter_of_signing_in_and_is_not_renewed_here() {
    let world = World::new();
    world.emulator.expire_session(WHO);
    let ran = doctor(&world).code(4);
    let words = expect_failed(&ran, &["session"]);
    assert!(
        words.contains("has ended") && words.contains("icloud-sync login"),
        "{words}"
    );
    assert_eq!(world.count("accountLogin"), 0);
    assert_eq!(finding(&ran, "listing").0, "skipped");
    world.run(["logout"]).code(0);
    let ran = doctor(&world).code(4);
    assert!(expect_failed(&ran, &["session"]).contains("not signed in"));
    assert_eq!(finding(&ran, "network").0, "ok");
}

#[test]
fn a_trust_that_is_about_to_end_is_a_warning() {
    let world = World::new();
    let path = session_file(&world);
    let mut session: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let day_ms = 86_400_000;
    session["trusted_ms"] = (jiff::Timestamp::now().as_millisecond() - 28 * day_ms).into();
    fs::write(&path, session.to_string()).unwrap();
    let ran = doctor(&world).code(0);
    let (verdict, words) = finding(&ran, "session");
    assert_eq!(verdict, "warning", "{words}");
    assert!(
        words.contains("it holds") && words.contains("likely to end"),
        "{words}"
    );
}

#[test]
fn data_that_this_session_may_not_see_is_a_matter_of_signing_in() {
    let world = World::new();
    let mut account = Account::new(WHO, PASSWORD);
    account.two_factor = false;
    account.iterations = 1_000;
    account.adp = true;
    world.emulator.add_account(account);
    world.emulator.expire_pcs(WHO);
    let words = expect_failed(&doctor(&world).code(4), &["listing"]);
    assert!(
        words.contains("Advanced Data Protection") && words.contains("approve"),
        "{words}"
    );
    // The cookie has run out here too.
    let path = session_file(&world);
    let mut session: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let cookies = session["cookies"].as_array_mut().unwrap();
    let before = cookies.len();
    cookies.retain(|cookie| !cookie.to_string().contains("WEBAUTH-PCS"));
    assert!(cookies.len() < before);
    fs::write(&path, session.to_string()).unwrap();
    let words = expect_failed(&doctor(&world).code(4), &["session"]);
    assert!(
        words.contains("Advanced Data Protection") && words.contains("approve"),
        "{words}"
    );
}

#[test]
fn a_full_account_is_named() {
    let world = World::new();
    world.drive.write("a", vec![1; 5_000]).unwrap();
    let mut account = Account::new(WHO, PASSWORD);
    account.two_factor = false;
    account.iterations = 1_000;
    account.quota_bytes = 6_000;
    world.emulator.add_account(account);
    let words = expect_failed(&doctor(&world).code(3), &["storage"]);
    assert!(
        words.contains("QUOTA_EXCEEDED") && words.contains("Recently Deleted"),
        "{words}"
    );
}

#[test]
fn a_state_folder_that_others_can_read_or_nobody_can_write_is_found() {
    let world = World::new();
    let open = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    for entry in walkdir::WalkDir::new(world.state()) {
        let entry = entry.unwrap();
        let mode = if entry.file_type().is_dir() {
            0o755
        } else {
            0o644
        };
        open(entry.path(), mode);
    }
    let words = expect_failed(&doctor(&world).code(3), &["state folder"]);
    assert!(
        words.contains("read by others") && words.contains("chmod"),
        "{words}"
    );
    let output = world
        .command()
        .args(["doctor", "--local", "local", "--json"])
        .env("XDG_STATE_HOME", "/proc")
        .output()
        .unwrap();
    let ran = Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::new(),
    }
    .code(3);
    assert!(expect_failed(&ran, &["state writing", "session"]).contains("can't be written to"));
}

#[test]
fn a_local_folder_that_is_none_is_found() {
    let world = World::new();
    fs::write(world.folder.path().join("file"), "").unwrap();
    let ran = world.run(["doctor", "--local", "file", "--json"]).code(3);
    assert!(expect_failed(&ran, &["LOCAL"]).contains("no folder"));
    let ran = world.run(["doctor", "--local", "none", "--json"]).code(0);
    assert_eq!(finding(&ran, "LOCAL").0, "warning");
    assert_eq!(finding(&ran, "file system").0, "skipped");
}

#[test]
fn a_proxy_whose_certificate_is_not_trusted_is_told_from_missing_certificates() {
    let start = || {
        let mut account = Account::new(WHO, PASSWORD);
        account.two_factor = false;
        account.iterations = 1_000;
        emulator::start(Config {
            accounts: vec![account],
            proxy: Some(([127, 0, 0, 1], 0).into()),
            ..Config::default()
        })
        .unwrap()
    };
    let (emulator, other) = (start(), start());
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("local")).unwrap();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let good = file("good.pem", emulator.ca_pem().unwrap());
    let strange = file("strange.pem", other.ca_pem().unwrap());
    let empty = file("empty.pem", "");
    let run = |command: &str, certificates: &std::path::Path| {
        let proxy = emulator.proxy_url().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_icloud-sync"))
            .args(command.split(' '))
            .env_clear()
            .env("HOME", home.path())
            .env("ICLOUD_USERNAME", WHO)
            .env("ICLOUD_PASSWORD", PASSWORD)
            .env("USE_KEYRING", "0")
            .env(
                "HTTPS_PROXY",
                proxy.replace("http://", "http://anna:hush-hush@"),
            )
            .env("SSL_CERT_FILE", certificates)
            .current_dir(home.path())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    };
    run("login", &good).code(0);
    let doctor = "doctor --local local --json";
    let ran = run(doctor, &good).code(0);
    assert!(
        finding(&ran, "certificates")
            .1
            .contains("1 trusted certificate loaded")
    );
    assert!(finding(&ran, "certificates").1.contains("~/good.pem"));
    assert!(finding(&ran, "proxy").1.contains("http://127.0.0.1:"));
    assert!(finding(&ran, "network").1.contains("certificate trusted"));
    // All of it works by Apple's host names, content hosts included.
    let ran = run("doctor --probe --local local --json", &good).code(0);
    assert_eq!(finding(&ran, "15.4 addresses").0, "ok");
    assert_eq!(finding(&ran, "clean-up").0, "ok");
    let ran = run(doctor, &strange).code(3);
    let words = expect_failed(&ran, &["network", "network"]);
    assert!(
        words.contains("is not trusted") && words.contains("SSL_CERT_FILE"),
        "{words}"
    );
    let ran = run(doctor, &empty).code(3);
    let words = finding(&ran, "certificates").1;
    assert!(words.contains("0 trusted certificates"), "{words}");
    assert!(!ran.stdout.contains("hush-hush"), "{}", ran.stdout);
}
