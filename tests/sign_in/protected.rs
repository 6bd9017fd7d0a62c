//! Data of accounts with Advanced Data Protection: what a person is told, and what comes of it.

use icloud_sync::{
    auth::{self, prompt::Nobody},
    stop::Stop,
};

use crate::{World, list_root, log_in, login::refused};

#[test]
fn protected_data_is_unlocked_with_a_tap() {
    let world = World::with(|account| account.adp = true);
    world.emulator.set_switches(|switches| {
        switches.pcs_pending = 3;
        switches.consent_pending = 2;
    });
    let person = world.person();
    log_in(&world.options(), &person).unwrap();
    assert!(person.told().contains("Allow Access"), "{}", person.told());
    assert_eq!(world.count("enableDeviceConsentForPCS"), 1);
    assert_eq!(world.count("requestPCS"), 4);
    let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
    list_root(&api).unwrap();
}

#[test]
fn who_is_to_tap_sees_how_long_there_is_still() {
    let world = World::with(|account| account.adp = true);
    world.emulator.set_switches(|switches| {
        switches.pcs_pending = 0;
        switches.consent_pending = 1;
    });
    let person = world.person();
    log_in(&world.options(), &person).unwrap();
    let left = person.left.lock().unwrap().clone();
    // Two questions, ten seconds apart, and the line is taken away after each.
    let shown: Vec<u32> = left.iter().flatten().copied().collect();
    assert_eq!(shown, (281..=300).rev().collect::<Vec<_>>());
    assert_eq!(left.last(), Some(&None));
    // Nobody taps.
    let world = World::with(|account| account.adp = true);
    world
        .emulator
        .set_switches(|switches| switches.consent_pending = 1000);
    let person = world.person();
    let error = refused(&world.options(), &person);
    assert!(
        error.to_string().contains("no device has allowed access"),
        "{error}"
    );
    assert_eq!(
        world.count("enableDeviceConsentForPCS"),
        1,
        "one message on the devices"
    );
    let left = person.left.lock().unwrap().clone();
    assert_eq!(left.iter().flatten().min(), Some(&1));
}

#[test]
fn a_service_that_can_ask_no_device_says_which_setting_to_look_at() {
    let world = World::with(|account| {
        account.adp = true;
        account.two_factor = false;
        account.trusted_devices = false;
    });
    let error = refused(&world.options(), &world.person());
    assert!(
        error
            .to_string()
            .contains("could not ask any of your devices"),
        "{error}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("Access iCloud Data on the Web")
    );
    assert_eq!(world.count("requestPCS"), 0);
}

#[test]
fn an_unlocking_that_gives_no_cookie_is_no_success() {
    let world = World::with(|account| account.adp = true);
    world
        .emulator
        .set_switches(|switches| switches.pcs_no_cookie = true);
    let error = refused(&world.options(), &world.person());
    assert!(error.to_string().contains("protected data"), "{error}");
    // The sign-in itself is not lost: the next try needs neither password nor code.
    world
        .emulator
        .set_switches(|switches| switches.pcs_no_cookie = false);
    world.emulator.clear_requests();
    log_in(&world.options(), &world.person()).unwrap();
    assert_eq!(world.count("signin/complete"), 0);
}

#[test]
fn an_ordinary_account_takes_no_step_for_protected_data() {
    let world = World::new();
    log_in(&world.options(), &world.person()).unwrap();
    assert_eq!(world.count("requestWebAccessState"), 0);
    assert_eq!(world.count("requestPCS"), 0);
}
