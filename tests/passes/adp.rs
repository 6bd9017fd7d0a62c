//! Accounts with Advanced Data Protection: data that is readable only while a device allows it (protocol page 6).

use icloud_sync::emulator::{Account, Action, Fault};

use super::world::{PASSWORD, WHO, World};

/// Somebody signed in, whose account has been protected since.
fn protected() -> World {
    let world = World::new();
    let mut account = Account::new(WHO, PASSWORD);
    account.two_factor = false;
    account.iterations = 1_000;
    account.adp = true;
    world.emulator.add_account(account);
    world.emulator.expire_pcs(WHO);
    world
}

#[test]
fn a_pass_unlocks_data_that_a_device_has_allowed_before() {
    let world = protected();
    world.emulator.consent(WHO);
    world.write("here", "from here");
    world.drive.write("there", "from there").unwrap();
    world.pass("bisync", &[]).code(0);
    assert!(world.count("requestPCS") >= 1);
    assert_eq!(world.count("enableDeviceConsentForPCS"), 0);
    world.expect_equal();
    world.expect_quiet("bisync");
}

#[test]
fn a_lock_in_the_middle_of_a_pass_is_opened_and_nothing_is_done_twice() {
    // Where Drive locks again, as each host says it.
    let drivews = (423, "Missing PCS cookies from the request");
    let docws = (
        400,
        "InvalidRequestException: Cannot find PCS auth info from request",
    );
    let cases = [
        ("retrieveItemDetailsInFolders", drivews),
        ("createFolders", drivews),
        ("moveItemsToTrash", drivews),
        ("renameItems", drivews),
        ("upload/web", docws),
        ("update/documents", docws),
        ("download/by_id", docws),
    ];
    for (endpoint, (status, words)) in cases {
        let world = protected();
        world.emulator.consent(WHO);
        world.write("old", "goes to the trash");
        world.write("named", "gets another name");
        world.pass("bisync", &[]).code(0);
        std::fs::remove_file(world.local().join("old")).unwrap();
        std::fs::rename(world.local().join("named"), world.local().join("renamed")).unwrap();
        world.write("new/a", "from here");
        world.drive.write("b", "from there").unwrap();
        world.emulator.clear_requests();
        let body = match status {
            423 => format!(r#"{{"requestUUID":"u","errorReason":"{words}","errorCode":423}}"#),
            _ => format!(r#"{{"uuid":"u","error_code":"BAD_REQUEST","reason":"{words}"}}"#),
        };
        world.emulator.fault(Fault::once(
            endpoint,
            Action::Status {
                status,
                body: Some(body),
                retry_after: None,
            },
        ));
        world.pass("bisync", &[]).code(0);
        assert_eq!(
            world.count("requestPCS"),
            2,
            "{endpoint}: one answer is waited for"
        );
        assert_eq!(world.count("accountLogin"), 0, "{endpoint}");
        let names: Vec<_> = world.remote_tree().into_keys().collect();
        assert_eq!(names, ["b", "new", "new/a", "renamed"], "{endpoint}");
        world.expect_equal();
        world.expect_quiet("bisync");
    }
}

#[test]
fn an_unattended_pass_that_needs_a_tap_ends_at_once_and_says_what_to_type() {
    let world = protected();
    world.write("a", "from here");
    for verb in ["pull", "push", "bisync"] {
        let ran = world.pass(verb, &[]).code(4);
        assert!(ran.stderr.contains("icloud-sync login"), "{}", ran.stderr);
        assert!(ran.stderr.contains("device"), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
    }
    // No device is bothered where nobody is there to tap on it.
    assert_eq!(world.count("enableDeviceConsentForPCS"), 0);
    assert_eq!(world.count("requestPCS"), 0);
    assert_eq!(world.read("a"), "from here");
    assert!(world.remote_tree().is_empty());
    // `status` has it without a request, until somebody has tapped.
    let status = world.run(["status"]).code(4);
    assert!(status.stdout.contains("Waiting:"), "{}", status.stdout);
    world.emulator.consent(WHO);
    world.run(["login"]).code(0);
    world.pass("bisync", &[]).code(0);
    world.expect_equal();
    world.run(["status"]).code(0);
}
