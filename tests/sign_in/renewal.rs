//! A session that ends while requests are made.

use std::sync::{Arc, Barrier};

use icloud_sync::{
    auth::{
        self,
        prompt::{CodeAnswer, Nobody, Prompt, Question},
        secret::Secret,
    },
    emulator::{Action, Fault, Rotate, ZoneBusy},
    error::{Kind, Result},
    options::AccountOptions,
    stop::Stop,
};

use crate::{Person, WHO, World, list_root, log_in, make_folder};

#[test]
fn eight_threads_share_one_re_login() {
    let world = World::new();
    let api = world.open();
    world.emulator.expire_session(WHO);
    // Writes that meet in the zone are another matter.
    world
        .emulator
        .set_switches(|switches| switches.zone_busy = ZoneBusy::None);
    world.emulator.clear_requests();
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (api, barrier) = (&api, &barrier);
            scope.spawn(move || {
                barrier.wait();
                if number % 2 == 0 {
                    list_root(api).unwrap();
                } else {
                    // Writes were refused, so they are safe to repeat.
                    make_folder(api, &format!("folder {number}")).unwrap();
                }
            });
        }
    });
    assert_eq!(world.count("accountLogin"), 1);
    assert_eq!(world.count("validate"), 1);
    assert_eq!(world.count("signin/init"), 0);
    assert_eq!(world.emulator.drive(WHO).tree().unwrap().len(), 4);
    // What came of it is saved.
    drop(api);
    world.emulator.clear_requests();
    let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
    list_root(&api).unwrap();
    assert_eq!(world.sign_in_requests(), 0);
}

#[test]
fn where_the_tokens_are_void_the_password_and_the_trust_renew_it() {
    let world = World::new();
    world.open();
    let api = auth::open(&world.with_password(), &Nobody, &Stop::new()).unwrap();
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    world.emulator.clear_requests();
    list_root(&api).unwrap();
    assert_eq!(world.count("accountLogin"), 2);
    assert_eq!(world.count("signin/complete"), 1);
    assert_eq!(world.count("auth"), 0, "no code was wanted");
}

#[test]
fn where_nothing_is_left_a_person_is_asked_for_once() {
    let world = World::new();
    let api = world.open();
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    world.emulator.clear_requests();
    let errors: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..8).map(|_| scope.spawn(|| list_root(&api))).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap().unwrap_err())
            .collect()
    });
    for error in errors {
        assert_eq!(error.kind(), Kind::SignIn, "{}", error.chain());
        assert!(error.hint().unwrap().contains("icloud-sync login"));
    }
    assert_eq!(world.count("accountLogin"), 1);
    // `status` says so, and a person's login puts it right.
    let mut out = Vec::new();
    let status =
        icloud_sync::commands::status::run(&world.options(), false, &[], &mut out).unwrap_err();
    assert_eq!(status.kind(), Kind::SignIn);
    assert!(String::from_utf8(out).unwrap().contains("Waiting:"));
    log_in(&world.options(), &world.person()).unwrap();
    let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
    list_root(&api).unwrap();
}

/// Somebody who stays at the terminal while requests are made.
#[derive(Clone)]
struct Staying(Arc<Person>);

impl Prompt for Staying {
    fn is_attended(&self) -> bool {
        self.0.is_attended()
    }

    fn account(&self) -> Result<String> {
        self.0.account()
    }

    fn password(&self, account: &str) -> Result<Secret> {
        self.0.password(account)
    }

    fn code(&self, question: &Question) -> Result<CodeAnswer> {
        self.0.code(question)
    }

    fn confirm(&self, question: &str) -> Result<bool> {
        self.0.confirm(question)
    }

    fn tell(&self, text: &str) {
        self.0.tell(text);
    }

    fn for_later(&self) -> Option<Box<dyn Prompt>> {
        Some(Box::new(self.clone()))
    }
}

#[test]
fn who_sits_at_the_terminal_is_asked_when_the_session_has_ended() {
    let world = World::new();
    world.open();
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    world.emulator.expire_trust(WHO);
    let person = Staying(Arc::new(world.person()));
    let api = auth::open(&world.options(), &person, &Stop::new()).unwrap();
    assert!(person.0.told().is_empty(), "nothing is asked for before");
    list_root(&api).unwrap();
    assert!(person.0.told().contains("the session has ended"));
    assert_eq!(person.0.asked.lock().unwrap().len(), 1, "a code");
    // It was a person's sign-in.
    assert_eq!(auth::health(&world.options()).reauth_attempts, 0);
    drop(api);
    let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
    list_root(&api).unwrap();
}

#[test]
fn who_sits_there_is_asked_also_where_nothing_may_be_done_automatically() {
    let world = World::new();
    world.open();
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    let options = AccountOptions {
        auto_reauth: false,
        ..world.options()
    };
    let person = Staying(Arc::new(world.person()));
    let api = auth::open(&options, &person, &Stop::new()).unwrap();
    list_root(&api).unwrap();
    assert!(person.0.told().contains("the session has ended"));
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
    let error = list_root(&api).unwrap_err();
    assert!(error.to_string().contains("switched off"), "{error}");
}

#[test]
fn a_password_at_hand_counts_as_automatic_whoever_is_there() {
    let world = World::new();
    world.open();
    let options = AccountOptions {
        auto_reauth: false,
        ..world.with_password()
    };
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    let person = Staying(Arc::new(world.person()));
    let api = auth::open(&options, &person, &Stop::new()).unwrap();
    let error = list_root(&api).unwrap_err();
    assert_eq!(error.kind(), Kind::SignIn);
    assert_eq!(world.emulator.signin_attempts(WHO), 1);
}

#[test]
fn where_nothing_is_at_hand_nothing_is_counted_or_asked_again() {
    let world = World::new();
    let options = world.options();
    world.open();
    world.emulator.expire_session(WHO);
    world.emulator.expire_tokens(WHO);
    world.emulator.clear_requests();
    // As a timer does it: a new process for each pass.
    for _ in 0..6 {
        let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
        let error = list_root(&api).unwrap_err();
        assert_eq!(error.kind(), Kind::SignIn);
        assert!(
            error.chain().contains("there is no password"),
            "{}",
            error.chain()
        );
    }
    // The token that was refused is not shown again.
    assert_eq!(world.count("accountLogin"), 1);
    assert_eq!(auth::health(&options).reauth_attempts, 1);
    // A person's login begins the count anew.
    log_in(&options, &world.person()).unwrap();
    assert_eq!(auth::health(&options).reauth_attempts, 0);
    for _ in 0..3 {
        world.emulator.expire_session(WHO);
        let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
        list_root(&api).unwrap();
    }
    world.emulator.expire_session(WHO);
    let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
    let error = list_root(&api).unwrap_err();
    assert!(
        error.chain().contains("was tried 3 times within an hour"),
        "{}",
        error.chain()
    );
    assert!(error.hint().unwrap().contains("icloud-sync login"));
}

#[test]
fn a_gateways_page_costs_no_token_and_a_passing_trouble_no_cookie() {
    for (status, call) in [
        (403, "accountLogin"),
        (400, "accountLogin"),
        (503, "validate"),
    ] {
        let world = World::new();
        let api = world.open();
        world.emulator.expire_session(WHO);
        world.emulator.fault(Fault::once(
            call,
            Action::Status {
                status,
                body: Some("<html>no</html>".to_owned()),
                retry_after: None,
            },
        ));
        let error = list_root(&api).unwrap_err();
        assert_eq!(error.kind(), Kind::Temporary, "{status}: {}", error.chain());
        drop(api);
        // Without password or person: the token is still there.
        let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
        list_root(&api).unwrap();
    }
}

#[test]
fn automatic_sign_ins_stay_within_their_number_an_hour() {
    let world = World::new();
    let options = AccountOptions {
        auto_reauth_attempts: Some(2),
        ..world.options()
    };
    world.open();
    let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
    for round in 0..3 {
        world.emulator.expire_session(WHO);
        let result = list_root(&api);
        assert_eq!(result.is_ok(), round < 2, "{round}: {result:?}");
    }
    let off = AccountOptions {
        auto_reauth: false,
        ..world.options()
    };
    let world = World::new();
    let off = AccountOptions {
        endpoint: world.options().endpoint,
        state_dir: world.options().state_dir,
        ..off
    };
    world.open();
    let api = auth::open(&off, &Nobody, &Stop::new()).unwrap();
    world.emulator.expire_session(WHO);
    world.emulator.clear_requests();
    assert_eq!(list_root(&api).unwrap_err().kind(), Kind::SignIn);
    assert_eq!(world.count("accountLogin"), 0);
}

#[test]
fn a_single_421_costs_one_fresh_connection_and_no_sign_in() {
    let world = World::new();
    let api = world.open();
    world.emulator.clear_requests();
    world.emulator.fault(Fault::once(
        "createFolders",
        Action::Status {
            status: 421,
            body: Some("<html>".to_owned()),
            retry_after: None,
        },
    ));
    make_folder(&api, "once").unwrap();
    assert_eq!(world.count("createFolders"), 2);
    assert_eq!(world.sign_in_requests(), 0);
    assert_eq!(world.emulator.drive(WHO).tree().unwrap().len(), 1);
}

#[test]
fn a_421_that_stays_names_the_setting_that_may_be_off() {
    let world = World::new();
    let api = world.open();
    world.emulator.fault(Fault::always(
        "retrieveItemDetailsInFolders",
        Action::Status {
            status: 421,
            body: None,
            retry_after: None,
        },
    ));
    world.emulator.clear_requests();
    let error = list_root(&api).unwrap_err();
    assert_eq!(error.kind(), Kind::SignIn);
    assert!(
        error
            .hint()
            .unwrap()
            .contains("Access iCloud Data on the Web")
    );
    assert_eq!(world.count("retrieveItemDetailsInFolders"), 3);
    assert_eq!(world.count("accountLogin"), 1);
}

#[test]
fn another_process_s_sign_in_is_taken_over() {
    let world = World::new();
    let first = world.open();
    let second = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
    world.emulator.expire_session(WHO);
    list_root(&first).unwrap();
    world.emulator.clear_requests();
    list_root(&second).unwrap();
    assert_eq!(world.sign_in_requests(), 0, "it found the other's session");
    // And a process that ends late does not put the old session back.
    drop(first);
    drop(second);
    let third = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
    world.emulator.clear_requests();
    list_root(&third).unwrap();
    assert_eq!(world.sign_in_requests(), 0);
}

#[test]
fn a_logout_elsewhere_is_not_undone() {
    let world = World::new();
    let api = world.open();
    list_root(&api).unwrap();
    icloud_sync::commands::logout::run(&world.options(), false, &Stop::new(), &mut Vec::new())
        .unwrap();
    let error = list_root(&api).unwrap_err();
    assert_eq!(error.kind(), Kind::SignIn);
    drop(api);
    assert!(auth::open(&world.options(), &Nobody, &Stop::new()).is_err());
}

#[test]
fn rotated_cookies_are_kept_for_the_next_run() {
    let world = World::new();
    world.emulator.set_switches(|switches| {
        switches.rotate = Rotate::Token;
        switches.rotate_every = 1;
    });
    for _ in 0..4 {
        let api = world.open();
        for _ in 0..5 {
            list_root(&api).unwrap();
        }
    }
    assert_eq!(world.emulator.signin_attempts(WHO), 1);
    assert_eq!(world.count("accountLogin"), 1);
    assert_eq!(world.count("validate"), 0);
    assert!(
        world
            .emulator
            .requests()
            .iter()
            .all(|entry| !entry.empty_cookie)
    );
}

#[test]
fn protected_data_that_locks_again_is_unlocked_once_for_all() {
    let world = World::with(|account| account.adp = true);
    let api = world.open();
    list_root(&api).unwrap();
    world.emulator.expire_pcs(WHO);
    world.emulator.clear_requests();
    let barrier = Arc::new(Barrier::new(8));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                list_root(&api).unwrap();
            });
        }
    });
    assert_eq!(world.count("requestWebAccessState"), 1);
    assert_eq!(world.count("signin/init") + world.count("accountLogin"), 0);
    drop(api);
    let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
    world.emulator.clear_requests();
    list_root(&api).unwrap();
    assert_eq!(world.sign_in_requests(), 0);
}

#[test]
fn protected_data_that_stays_locked_waits_for_a_person() {
    let world = World::with(|account| account.adp = true);
    let api = world.open();
    world
        .emulator
        .set_switches(|switches| switches.pcs_pending = 1000);
    world.emulator.expire_pcs(WHO);
    world.emulator.clear_requests();
    let error = list_root(&api).unwrap_err();
    assert_eq!(error.kind(), Kind::SignIn, "{}", error.chain());
    assert!(error.hint().unwrap().contains("device"));
    assert!(world.count("requestPCS") <= 3, "it does not spin");
    // The cookie is still there, but stale: `login` asks a device all the same.
    world
        .emulator
        .set_switches(|switches| switches.pcs_pending = 1);
    log_in(&world.options(), &world.person()).unwrap();
    let api = auth::open(&world.options(), &Nobody, &Stop::new()).unwrap();
    list_root(&api).unwrap();
}
