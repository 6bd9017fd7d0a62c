//! Password, second factor, trust, protected data, and what is said when it does not work.

use std::os::unix::fs::PermissionsExt;

use icloud_sync::{
    auth::{
        self,
        prompt::{CodeAnswer, Nobody, Via},
        secret::Secret,
    },
    commands,
    emulator::{Action, AuthShape, Encoding, Fault, Phone},
    error::{Error, Kind},
    options::AccountOptions,
    stop::Stop,
};

use crate::{PASSWORD, Person, WHO, World, list_root, log_in, log_in_via};

pub(crate) fn refused(options: &AccountOptions, person: &Person) -> Error {
    let error = log_in(options, person).unwrap_err();
    assert_eq!(error.kind(), Kind::SignIn, "{}", error.chain());
    assert_eq!(error.exit_code(), 4);
    error
}

#[test]
fn a_code_from_a_device_signs_in_and_the_session_is_private() {
    let world = World::new();
    let person = world.person();
    let out = log_in(&world.options(), &person).unwrap();
    assert_eq!(out, format!("Signed in as {WHO}.\n"));
    assert_eq!(world.count("verify/trusteddevice PUT"), 1);
    assert_eq!(world.count("verify/phone PUT"), 0);
    assert_eq!(world.count("2sv/trust"), 1);
    assert_eq!(world.count("accountLogin"), 1);
    assert_eq!(world.emulator.signin_attempts(WHO), 1);
    let path = world.saved("session.json");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains(PASSWORD));
    assert!(!person.asked.lock().unwrap()[0].was_wrong);
}

#[test]
fn the_account_is_folded_and_remembered() {
    let world = World::new();
    let nameless = AccountOptions {
        username: None,
        ..world.options()
    };
    // The person types it in capitals.
    log_in(&nameless, &world.person()).unwrap();
    world.emulator.clear_requests();
    let api = auth::open(&nameless, &Nobody, &Stop::new()).unwrap();
    list_root(&api).unwrap();
    assert_eq!(world.sign_in_requests(), 0);
    let other = AccountOptions {
        username: Some("bob@example.com".to_owned()),
        ..world.options()
    };
    let Err(error) = auth::open(&other, &Nobody, &Stop::new()) else {
        panic!("another account got this one's session");
    };
    assert_eq!(error.kind(), Kind::SignIn);
}

#[test]
fn a_resumed_session_makes_no_sign_in_request() {
    let world = World::new();
    log_in(&world.options(), &world.person()).unwrap();
    world.emulator.clear_requests();
    for _ in 0..3 {
        let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
        list_root(&api).unwrap();
        assert!(api.dsid().chars().all(|c| c.is_ascii_digit()));
    }
    assert_eq!(world.sign_in_requests(), 0);
    assert_eq!(world.emulator.requests().len(), 3);
}

#[test]
fn a_code_by_sms_and_by_call() {
    for via in [Via::Sms, Via::Voice] {
        let world = World::with(|account| {
            account.phones.push(Phone {
                id: 7,
                ..Phone::default()
            });
        });
        let person = world.person();
        log_in_via(&world.options(), via, &person).unwrap();
        assert_eq!(world.count("verify/trusteddevice PUT"), 0);
        assert_eq!(world.count("verify/phone PUT"), 1);
        assert_eq!(world.count("verify/phone/securitycode"), 1);
        let question = person.asked.lock().unwrap()[0].clone();
        assert_eq!((question.via, question.phones.len()), (via, 2));
        assert!(question.phone.unwrap().shown.contains('•'));
    }
}

#[test]
fn without_devices_the_code_goes_to_the_phone_and_another_can_be_chosen() {
    let world = World::with(|account| {
        account.trusted_devices = false;
        account.phones.push(Phone {
            id: 7,
            ..Phone::default()
        });
    });
    let emulator = std::sync::Arc::clone(&world.emulator);
    let person = Person::new(move |question| {
        let second = question.phones[1].clone();
        if question.phone.as_ref() == Some(&second) {
            CodeAnswer::Code(emulator.code(WHO).unwrap())
        } else {
            CodeAnswer::Send(Via::Sms, Some(second))
        }
    });
    log_in(&world.options(), &person).unwrap();
    assert_eq!(world.count("verify/phone PUT"), 2);
    assert_eq!(person.asked.lock().unwrap()[0].via, Via::Sms);
}

#[test]
fn three_wrong_codes_end_it() {
    let world = World::new();
    let person = Person::new(|_| CodeAnswer::Code("999999".to_owned()));
    let error = refused(&world.options(), &person);
    assert!(error.to_string().contains("three times"), "{error}");
    assert_eq!(world.count("verify/trusteddevice/securitycode"), 3);
    assert_eq!(
        world.count("verify/trusteddevice PUT"),
        1,
        "one code was asked for"
    );
    let wrong: Vec<bool> = person
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|q| q.was_wrong)
        .collect();
    assert_eq!(wrong, [false, true, true]);
    assert_eq!(world.count("2sv/trust"), 0);
}

#[test]
fn every_form_of_yes_to_a_code_is_understood() {
    use icloud_sync::emulator::CodeAnswer as Answer;
    for answer in [
        Answer::NoContent,
        Answer::Ok,
        Answer::ConflictWithToken,
        Answer::ConflictWithoutToken,
    ] {
        for shape in [AuthShape::Flat, AuthShape::Nested, AuthShape::Single] {
            let world = World::new();
            world.emulator.set_switches(|switches| {
                switches.code_answer = answer;
                switches.auth_shape = shape;
                switches.zero_led_code = true;
                switches.init_as_html = true;
                switches.push_put_405 = true;
            });
            log_in(&world.options(), &world.person()).unwrap();
            assert_eq!(world.count("verify/trusteddevice GET"), 1);
        }
    }
}

#[test]
fn a_wrong_password_is_sent_once_and_never_again_unattended() {
    let world = World::new();
    let mut person = world.person();
    person.password = "wrong".to_owned();
    refused(&world.options(), &person);
    assert_eq!(world.count("signin/complete"), 1);
    assert_eq!(world.emulator.signin_attempts(WHO), 1);
    // Runs from cron with the same password: none sends it.
    let options = AccountOptions {
        password: Some(Secret::new("wrong")),
        ..world.options()
    };
    world.emulator.clear_requests();
    for _ in 0..2 {
        let Err(error) = auth::open(&options, &Nobody, &Stop::new()) else {
            panic!("signed in with a wrong password");
        };
        assert_eq!(error.kind(), Kind::SignIn);
        assert!(
            error.to_string().contains("refused this password before"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("icloud-sync login"));
    }
    assert_eq!(world.emulator.requests().len(), 0);
    // A person types another: that is sent.
    log_in(&options, &world.person()).unwrap();
    assert_eq!(world.emulator.signin_attempts(WHO), 2);
}

#[test]
fn five_processes_at_once_send_one_wrong_proof() {
    let world = World::new();
    let options = AccountOptions {
        password: Some(Secret::new("wrong")),
        ..world.options()
    };
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                assert!(auth::open(&options, &Nobody, &Stop::new()).is_err());
            });
        }
    });
    assert_eq!(world.emulator.signin_attempts(WHO), 1);
}

#[test]
fn a_locked_account_is_named_and_left_alone() {
    let world = World::with(|account| account.locked = true);
    let error = refused(&world.options(), &world.person());
    assert!(error.to_string().contains("locked"), "{error}");
    assert!(error.hint().unwrap().contains("iforgot.apple.com"));
    assert_eq!(world.count("signin/complete"), 1);
    let Err(_) = auth::open(&world.with_password(), &Nobody, &Stop::new()) else {
        panic!("signed in");
    };
    assert_eq!(world.count("signin/complete"), 1);
}

#[test]
fn a_doubtful_proof_is_never_sent() {
    for (short_b, short_s) in [(true, false), (false, true)] {
        let world = World::new();
        world.emulator.set_switches(|switches| {
            switches.short_b = short_b;
            switches.short_s = short_s;
        });
        // The second exchange is an ordinary one.
        let emulator = std::sync::Arc::downgrade(&world.emulator);
        let begun = std::sync::atomic::AtomicU32::new(0);
        world.emulator.before("signin/init", move |_| {
            if begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 {
                emulator.upgrade().unwrap().set_switches(|switches| {
                    switches.short_b = false;
                    switches.short_s = false;
                });
            }
        });
        log_in(&world.options(), &world.person()).unwrap();
        assert_eq!(world.count("signin/init"), 2);
        assert_eq!(world.count("signin/complete"), 1);
        assert_eq!(world.emulator.signin_attempts(WHO), 1);
    }
}

#[test]
fn the_proof_is_right_whichever_encoding_the_service_takes() {
    for encoding in [Encoding::Padded, Encoding::Minimal] {
        let world = World::with(|account| {
            account.protocol = icloud_sync::emulator::Protocol::S2kFo;
            account.iterations = 20_136;
        });
        world
            .emulator
            .set_switches(|switches| switches.srp_encoding = encoding);
        log_in(&world.options(), &world.person()).unwrap();
    }
}

#[test]
fn an_absurd_challenge_gets_no_proof() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.force_iterations = Some(50_000_000));
    let error = log_in(&world.options(), &world.person()).unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    world.emulator.set_switches(|switches| {
        switches.force_iterations = None;
        switches.force_protocol = Some("s3k".to_owned());
    });
    let error = log_in(&world.options(), &world.person()).unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert_eq!(world.count("signin/complete"), 0);
}

#[test]
fn a_proof_of_work_is_done_where_it_is_asked_for() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.hashcash_bits = 11);
    log_in(&world.options(), &world.person()).unwrap();
}

#[test]
fn a_service_that_refuses_for_load_is_asked_once() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.signin_throttled = true);
    let error = log_in(&world.options(), &world.person()).unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Temporary, 5));
    assert!(
        error.to_string().contains("Service Temporary Unavailable"),
        "{error}"
    );
    assert_eq!(world.count("signin/init"), 1);
}

#[test]
fn a_sign_in_that_the_service_forgot_is_begun_once_more() {
    let world = World::new();
    world.emulator.fault(Fault::once(
        "signin/complete",
        Action::Status {
            status: 421,
            body: None,
            retry_after: None,
        },
    ));
    log_in(&world.options(), &world.person()).unwrap();
    assert_eq!(world.emulator.signin_attempts(WHO), 1);
    let world = World::new();
    world.emulator.fault(Fault::always(
        "signin/complete",
        Action::Status {
            status: 421,
            body: None,
            retry_after: None,
        },
    ));
    assert!(log_in(&world.options(), &world.person()).is_err());
    assert_eq!(world.count("signin/complete"), 2);
}

#[test]
fn a_lost_answer_to_the_proof_is_not_asked_for_again() {
    let world = World::new();
    world
        .emulator
        .fault(Fault::once("signin/complete", Action::DropAfter));
    let error = log_in(&world.options(), &world.person()).unwrap_err();
    assert_eq!(error.kind(), Kind::Temporary, "{}", error.chain());
    assert_eq!(world.emulator.signin_attempts(WHO), 1);
}

#[test]
fn an_account_in_need_of_repair_passes_by_it() {
    let world = World::with(|account| {
        account.repair = true;
        account.two_factor = false;
    });
    log_in(&world.options(), &world.person()).unwrap();
    assert_eq!(world.count("repair/complete"), 1);
}

#[test]
fn security_keys_region_terms_and_a_missing_drive_are_each_named() {
    let world = World::with(|account| account.security_keys_only = true);
    let error = refused(&world.options(), &world.person());
    assert!(error.to_string().contains("security keys"), "{error}");
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.wrong_region = true);
    let error = refused(&world.options(), &world.person());
    assert!(error.hint().unwrap().contains("--region china"));
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.terms = true);
    let error = refused(&world.options(), &world.person());
    assert!(error.to_string().contains("terms"), "{error}");
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.no_drivews = true);
    let error = refused(&world.options(), &world.person());
    assert!(error.to_string().contains("no iCloud Drive"), "{error}");
}

#[test]
fn a_trust_token_spares_the_code() {
    let world = World::new();
    log_in(&world.options(), &world.person()).unwrap();
    world.emulator.clear_requests();
    let options = AccountOptions {
        relogin: true,
        ..world.with_password()
    };
    let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
    list_root(&api).unwrap();
    assert_eq!(world.count("signin/complete"), 1);
    assert_eq!(world.count("auth"), 0);
    assert_eq!(world.count("verify/trusteddevice PUT"), 0);
}

#[test]
fn without_a_terminal_what_to_type_is_said_and_no_device_is_woken() {
    let world = World::new();
    let Err(error) = auth::open(&world.options(), &Nobody, &Stop::new()) else {
        panic!("signed in");
    };
    assert_eq!(error.exit_code(), 4);
    assert!(error.hint().unwrap().contains("icloud-sync login"));
    for _ in 0..4 {
        let Err(error) = auth::open(&world.with_password(), &Nobody, &Stop::new()) else {
            panic!("signed in");
        };
        assert_eq!(error.kind(), Kind::SignIn);
        assert!(error.to_string().contains("code"), "{error}");
    }
    assert_eq!(world.count("verify/trusteddevice PUT"), 0);
    assert_eq!(
        world.emulator.signin_attempts(WHO),
        1,
        "the second run knows better"
    );
}

#[test]
fn a_code_given_beforehand_is_used_without_asking_for_another() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.push_needed = false);
    // A first run, which has the code shown.
    assert!(auth::open(&world.with_password(), &Nobody, &Stop::new()).is_err());
    let options = AccountOptions {
        code: world.emulator.code(WHO),
        ..world.with_password()
    };
    world.emulator.before("signin/complete", |_| {});
    let shown = options.code.clone().unwrap();
    world
        .emulator
        .set_switches(|switches| switches.push_needed = true);
    assert_eq!(world.emulator.code(WHO).unwrap(), shown);
    let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
    list_root(&api).unwrap();
    assert_eq!(world.count("verify/trusteddevice PUT"), 0);
}

#[test]
fn login_without_a_terminal_has_the_code_sent_and_a_later_run_gives_it() {
    for (via, wrong_first) in [(Via::Push, false), (Via::Sms, false), (Via::Push, true)] {
        let world = World::new();
        let mut person = world.person();
        person.is_there = false;
        let error = log_in_via(&world.with_password(), via, &person).unwrap_err();
        assert_eq!(error.exit_code(), 4);
        assert!(
            error.hint().unwrap().contains("--code"),
            "{:?}",
            error.hint()
        );
        let with_code = |code: Option<String>| AccountOptions {
            code,
            ..world.with_password()
        };
        if wrong_first {
            let wrong = with_code(Some("999999".to_owned()));
            let error = log_in(&wrong, &person).unwrap_err();
            assert!(error.to_string().contains("refused"), "{error}");
        }
        let options = with_code(world.emulator.code(WHO));
        log_in(&options, &person).unwrap();
        // Without a detour the password was proved once, and one code sent.
        let proofs = if wrong_first { 2 } else { 1 };
        assert_eq!(world.emulator.signin_attempts(WHO), proofs);
        let sent = world.count("verify/trusteddevice PUT") + world.count("verify/phone PUT");
        assert_eq!(sent, 1);
        let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
        list_root(&api).unwrap();
    }
}

#[test]
fn a_second_login_changes_nothing_and_logout_ends_it() {
    let world = World::new();
    log_in(&world.options(), &world.person()).unwrap();
    let out = log_in(&world.options(), &world.person()).unwrap();
    assert_eq!(out, format!("Already signed in as {WHO}.\n"));
    assert_eq!(world.emulator.signin_attempts(WHO), 1);
    let mut out = Vec::new();
    commands::logout::run(&world.options(), true, &Stop::new(), &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("Signed out {WHO}.\n")
    );
    assert_eq!(world.count("logout"), 1);
    assert!(auth::open(&world.options(), &Nobody, &Stop::new()).is_err());
    let nameless = AccountOptions {
        username: None,
        ..world.options()
    };
    let error = commands::logout::run(&nameless, false, &Stop::new(), &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::SignIn);
}

#[test]
fn a_typed_password_is_kept_in_a_file_only_if_wanted() {
    for wanted in [false, true] {
        let world = World::new();
        let mut person = world.person();
        person.confirms = wanted;
        let options = AccountOptions {
            use_keyring: true,
            keyring_service: format!("icloud-sync-test-{}", std::process::id()),
            ..world.options()
        };
        log_in(&options, &person).unwrap();
        if person.told().contains("kept in the keyring") {
            // A machine with a Secret Service: take the entry away again.
            commands::logout::run(&options, true, &Stop::new(), &mut Vec::new()).unwrap();
            return;
        }
        assert!(person.told().contains("not kept"), "{}", person.told());
        let kept = std::fs::exists(world.saved("session.json").with_file_name("password")).unwrap();
        assert_eq!(kept, wanted);
    }
}

#[test]
fn status_tells_without_a_request() {
    let world = World::new();
    let status = |options: &AccountOptions| {
        let mut out = Vec::new();
        let result = commands::status::run(options, true, &[], &mut out);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        (result.map_err(|error| error.kind()), value)
    };
    let (result, value) = status(&world.options());
    assert_eq!(result, Err(Kind::SignIn));
    assert_eq!(value["signed_in"], false);
    log_in(&world.options(), &world.person()).unwrap();
    world.emulator.clear_requests();
    let (result, value) = status(&world.options());
    assert_eq!(result, Ok(()));
    assert_eq!(value["account"], WHO);
    assert_eq!(value["session_ended"], false);
    assert!(value["trust_expected_until"].is_string(), "{value}");
    assert_eq!(world.emulator.requests().len(), 0);
}
