//! The request helper: retries, waits, what is never repeated, and where nothing is sent.

use std::{
    io::Read,
    sync::Arc,
    time::{Duration, Instant},
};

use icloud_sync::{
    auth::{self, prompt::Nobody},
    cloud::http::{Api, Effect, Host},
    emulator::{Action, Fault},
    error::Kind,
    options::AccountOptions,
    stop::Stop,
};
use serde_json::{Value, json};

use crate::{WHO, World, list_root, make_folder};

const LIST: &str = "retrieveItemDetailsInFolders";

fn status(status: u16, body: &str, retry_after: Option<&str>) -> Action {
    Action::Status {
        status,
        body: Some(body.to_owned()),
        retry_after: retry_after.map(str::to_owned),
    }
}

#[test]
fn a_read_is_asked_again_after_every_passing_trouble() {
    let world = World::new();
    let api = world.open();
    for action in [
        Action::DropBefore,
        Action::DropAfter,
        Action::HalfBody,
        Action::TruncateJson,
        Action::Html502,
        status(500, "", None),
        status(200, "<html>down for maintenance</html>", None),
        status(429, "", Some("1")),
        status(503, "", None),
        status(403, r#"{"error_code":"ACCESS_DENIED"}"#, None),
        Action::ZoneBusy,
    ] {
        world.emulator.clear_requests();
        world
            .emulator
            .fault(Fault::once(LIST, action.clone()).times(2));
        list_root(&api).unwrap_or_else(|error| panic!("{action:?}: {}", error.chain()));
        assert_eq!(world.count(LIST), 3, "{action:?}");
    }
    assert_eq!(world.count("accountLogin"), 0);
}

#[test]
fn after_five_tries_a_read_has_failed() {
    let world = World::new();
    let api = world.open();
    for (action, kind, words) in [
        (Action::DropBefore, Kind::Temporary, "broke"),
        (Action::Html502, Kind::Temporary, "HTML page"),
        (status(503, "", None), Kind::Temporary, "503"),
        (Action::TruncateJson, Kind::Protocol, "cut off"),
        (status(200, "<html>", None), Kind::Protocol, LIST),
    ] {
        world.emulator.clear_requests();
        world.emulator.fault(Fault::always(LIST, action.clone()));
        let error = list_root(&api).unwrap_err();
        assert_eq!(error.kind(), kind, "{action:?}");
        assert!(
            error.chain().contains(words),
            "{action:?}: {}",
            error.chain()
        );
        assert_eq!(world.count(LIST), 5, "{action:?}");
        world.emulator.clear_faults();
    }
}

#[test]
fn a_write_whose_answer_was_lost_is_never_repeated() {
    let world = World::new();
    let api = world.open();
    for (number, action) in [
        Action::DropBefore,
        Action::DropAfter,
        Action::HalfBody,
        Action::TruncateJson,
        Action::Html502,
        status(500, "", None),
        status(504, "", None),
        status(200, "<html>", None),
    ]
    .into_iter()
    .enumerate()
    {
        world.emulator.clear_requests();
        world
            .emulator
            .fault(Fault::once("createFolders", action.clone()));
        let error = make_folder(&api, &format!("n{number}")).unwrap_err();
        assert_eq!(error.kind(), Kind::Lost, "{action:?}: {}", error.chain());
        assert_eq!(world.count("createFolders"), 1, "{action:?}");
    }
}

#[test]
fn a_write_that_was_not_done_is_repeated() {
    let world = World::new();
    let api = world.open();
    for (number, action) in [status(429, "", None), status(503, "", Some("2"))]
        .into_iter()
        .enumerate()
    {
        world.emulator.clear_requests();
        world
            .emulator
            .fault(Fault::once("createFolders", action.clone()).times(3));
        make_folder(&api, &format!("n{number}")).unwrap();
        assert_eq!(world.count("createFolders"), 4, "{action:?}");
    }
    assert_eq!(world.emulator.drive(WHO).tree().unwrap().len(), 2);
}

#[test]
fn a_busy_zone_is_told_at_once_to_who_writes() {
    let world = World::new();
    let api = world.open();
    world
        .emulator
        .fault(Fault::always("createFolders", Action::ZoneBusy));
    let error = make_folder(&api, "busy").unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (Kind::Busy, 5));
    assert!(error.to_string().contains("ZONE_BUSY"), "{error}");
    assert_eq!(world.count("createFolders"), 1);
}

#[test]
fn a_write_at_once_never_waits_and_is_never_repeated() {
    let world = World::new();
    let api = world.open();
    let make = |name: &str| {
        api.post_json::<Value>(
            Host::Drivews,
            "createFolders",
            &json!({"destinationDrivewsId": "FOLDER::com.apple.CloudDocs::root",
                "folders": [{"clientId": "x", "name": name}]}),
            Effect::AtOnce,
        )
        .map(drop)
    };
    for (number, action) in [
        status(503, "", Some("3")),
        status(421, "", None),
        Action::ZoneBusy,
    ]
    .into_iter()
    .enumerate()
    {
        world.emulator.clear_requests();
        world
            .emulator
            .fault(Fault::once("createFolders", action.clone()));
        let error = make(&format!("n{number}")).unwrap_err();
        assert_eq!(error.kind(), Kind::Busy, "{action:?}: {}", error.chain());
        assert_eq!(world.count("createFolders"), 1, "{action:?}");
        // What it rests on is read again, and waits for its turn; then it goes.
        list_root(&api).unwrap();
        make(&format!("n{number}")).unwrap();
    }
    // While all wait nothing is sent.
    world
        .emulator
        .fault(Fault::once(LIST, status(429, "", Some("300"))));
    let waiting = {
        let api = Arc::clone(&api);
        std::thread::spawn(move || list_root(&api).map(drop))
    };
    while api.refusals() < 2 {
        std::thread::yield_now();
    }
    world.emulator.clear_requests();
    assert_eq!(make("late").unwrap_err().kind(), Kind::Busy);
    assert_eq!(world.count("createFolders"), 0);
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_wait_that_the_service_asks_for_holds_all_threads() {
    let world = World::new();
    let api = world.open();
    world.emulator.clear_requests();
    // 100 "seconds" are half a second at the tests' pace.
    world
        .emulator
        .fault(Fault::once(LIST, status(429, "", Some("100"))));
    std::thread::scope(|scope| {
        scope.spawn(|| list_root(&api).unwrap());
        // The others begin when the first has been refused.
        while world.count(LIST) == 0 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(50));
        for _ in 0..4 {
            scope.spawn(|| list_root(&api).unwrap());
        }
    });
    let log = world.emulator.requests();
    let times: Vec<i64> = log
        .iter()
        .filter(|entry| entry.endpoint == LIST)
        .map(|entry| entry.at_ms)
        .collect();
    assert_eq!(times.len(), 6);
    for at in &times[1..] {
        assert!(at - times[0] >= 480, "{times:?}");
    }
    // A wait of an hour is not waited for.
    world
        .emulator
        .fault(Fault::once(LIST, status(503, "", Some("3600"))));
    let error = list_root(&api).unwrap_err();
    assert_eq!(error.kind(), Kind::Temporary);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(error.hint().unwrap().contains("60 minutes"));
}

#[test]
fn a_refusal_has_its_kind_and_the_service_s_words() {
    let world = World::new();
    let api = world.open();
    for (code, body, kind) in [
        (
            400,
            r#"{"errorReason":"what is this","errorCode":400}"#,
            Kind::Refused,
        ),
        (403, r#"{"reason":"what is this"}"#, Kind::Refused),
        (404, r#"{"reason":"what is this"}"#, Kind::NotFound),
        (410, r#"{"reason":"what is this"}"#, Kind::NotFound),
        (
            412,
            r#"{"error_code":"VALIDATING_REFERENCE_ERROR","reason":"what is this"}"#,
            Kind::NotFound,
        ),
        (
            409,
            r#"{"reason":"Uniqueness constraint violation. what is this"}"#,
            Kind::Exists,
        ),
        (302, r#"{"reason":"what is this"}"#, Kind::Protocol),
    ] {
        world.emulator.clear_requests();
        world
            .emulator
            .fault(Fault::once("createFolders", status(code, body, None)));
        let error = make_folder(&api, "x").unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
        assert!(
            error.to_string().contains("what is this"),
            "{code}: {error}"
        );
        assert!(
            error.to_string().starts_with("createFolders: status"),
            "{error}"
        );
        assert_eq!(world.count("createFolders"), 1, "{code}");
    }
    world.emulator.fault(Fault::once(
        "createFolders",
        status(
            200,
            r#"{"errorReason":"hidden in a 200","errorCode":400}"#,
            None,
        ),
    ));
    assert_eq!(make_folder(&api, "x").unwrap_err().kind(), Kind::Refused);
}

#[test]
fn a_stop_ends_every_wait() {
    let world = World::new();
    world.open();
    let stop = Stop::new();
    let api = auth::open(&world.options(), &Nobody, &stop).unwrap();
    // 500 "seconds" are 2.5 s.
    world
        .emulator
        .fault(Fault::always(LIST, status(429, "", Some("500"))));
    let start = Instant::now();
    let error = std::thread::scope(|scope| {
        let handle = scope.spawn(|| list_root(&api));
        std::thread::sleep(Duration::from_millis(100));
        stop.set(15);
        handle.join().unwrap().unwrap_err()
    });
    assert_eq!(error.kind(), Kind::Stopped);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn the_retries_of_a_pass_are_bounded() {
    let world = World::new();
    let api = world.open();
    world.emulator.fault(Fault::always(LIST, Action::Html502));
    world.emulator.clear_requests();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| (0..10).for_each(|_| assert!(list_root(&api).is_err())));
        }
    });
    // 60 calls, and 200 retries between them.
    assert_eq!(world.count(LIST), 260);
    api.begin_pass();
    world.emulator.clear_requests();
    assert!(list_root(&api).is_err());
    assert_eq!(world.count(LIST), 5);
}

#[test]
fn no_more_requests_a_second_than_asked_for() {
    let world = World::new();
    world.open();
    let options = AccountOptions {
        max_rate: 50,
        ..world.options()
    };
    let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    list_root(&api).unwrap();
                }
            });
        }
    });
    // 40 requests at 50 a second, of which a tenth of a second's worth may come at once.
    assert!(
        start.elapsed() >= Duration::from_millis(660),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(api.requests(), 40);
    assert_eq!(api.requests_by_label().get(LIST), Some(&40));
}

#[test]
fn an_answer_of_another_form_is_a_protocol_error_at_once() {
    let world = World::new();
    let api = world.open();
    world.emulator.clear_requests();
    let result: icloud_sync::error::Result<Vec<u32>> = api.post_json(
        Host::Drivews,
        LIST,
        &json!([{"drivewsid": "FOLDER::com.apple.CloudDocs::root"}]),
        Effect::Read,
    );
    assert_eq!(result.unwrap_err().kind(), Kind::Protocol);
    assert_eq!(world.count(LIST), 1);
}

/// Uploads content and returns nothing; then asks for its address.
fn stored(api: &Api, world: &World, content: &[u8]) -> String {
    let drive = world.emulator.drive(WHO);
    drive.write("f.bin", content.to_vec()).unwrap();
    let id = drive.entry("f.bin").unwrap().docwsid;
    address(api, &id).unwrap()
}

fn address(api: &Api, id: &str) -> icloud_sync::error::Result<String> {
    let answer: Value = api.get_json(
        Host::Docws,
        &format!("ws/com.apple.CloudDocs/download/by_id?document_id={id}"),
    )?;
    Ok(answer["data_token"]["url"].as_str().unwrap().to_owned())
}

fn fetched(api: &Api, address: &str, from: u64) -> (Vec<u8>, u64, Option<u64>) {
    let mut content = api.content_get(address, from, None).unwrap();
    let mut bytes = Vec::new();
    content.body.read_to_end(&mut bytes).unwrap();
    (bytes, content.offset, content.length)
}

#[test]
fn content_comes_whole_and_from_the_middle_and_without_cookies() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.refuse_cookies = true);
    let api = world.open();
    let bytes: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let url = stored(&api, &world, &bytes);
    assert_eq!(fetched(&api, &url, 0), (bytes.clone(), 0, Some(400_000)));
    assert_eq!(
        fetched(&api, &url, 399_000),
        (bytes[399_000..].to_vec(), 399_000, Some(1000))
    );
    let Err(error) = api.content_get(&url, 400_001, None) else {
        panic!("content beyond its end");
    };
    assert_eq!(error.kind(), Kind::Changed);
    world
        .emulator
        .fault(Fault::once("content GET", Action::IgnoreRange));
    assert_eq!(fetched(&api, &url, 7), (bytes.clone(), 0, Some(400_000)));
    world
        .emulator
        .fault(Fault::once("content GET", Action::Redirect330));
    assert_eq!(fetched(&api, &url, 5).1, 5);
    for action in [
        Action::DropBefore,
        status(503, "", Some("1")),
        Action::Html502,
    ] {
        world.emulator.fault(Fault::once("content GET", action));
        let Err(error) = api.content_get(&url, 0, None) else {
            panic!("a passing trouble was none");
        };
        assert_eq!(error.kind(), Kind::Temporary);
        // The next one waits as long as this one was asked to.
        assert_eq!(fetched(&api, &url, 0).0, bytes);
    }
    world.emulator.expire_content_urls();
    let Err(error) = api.content_get(&url, 0, None) else {
        panic!("an expired address was good");
    };
    assert_eq!(error.kind(), Kind::Refused);
    let content: Vec<_> = world
        .emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.endpoint.starts_with("content"))
        .collect();
    assert!(!content.is_empty());
    assert!(content.iter().all(|entry| !entry.sent_cookies));
}

#[test]
fn nothing_is_sent_to_a_host_that_is_not_the_service_s() {
    let world = World::new();
    let api = world.open();
    let url = stored(&api, &world, b"x");
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let port = other.local_addr().unwrap().port();
    let path = url.rsplit_once("/content/").unwrap().1;
    for bad in [
        format!("http://127.0.0.1:{port}/content/{path}"),
        format!("http://collector.example.com/content/{path}"),
        "file:///etc/passwd".to_owned(),
        String::new(),
    ] {
        let Err(error) = api.content_get(&bad, 0, None) else {
            panic!("{bad} was fetched");
        };
        assert_eq!(error.kind(), Kind::Protocol);
        assert!(
            !error.chain().contains(path),
            "the credential is not shown: {error}"
        );
        let error = api
            .content_post(&bad, 1, "text/plain", &b"x"[..])
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol);
    }
    assert!(other.accept().is_err(), "somebody called");
}

fn slot(api: &Api, size: usize) -> (String, String) {
    let answer: Value = api
        .post_json(
            Host::Docws,
            "ws/com.apple.CloudDocs/upload/web",
            &json!({"filename": "u.bin", "type": "FILE", "content_type": "", "size": size}),
            Effect::Read,
        )
        .unwrap();
    let text = |name: &str| answer[0][name].as_str().unwrap().to_owned();
    (text("document_id"), text("url"))
}

#[test]
fn content_goes_up_with_its_length_and_without_cookies() {
    let world = World::new();
    world
        .emulator
        .set_switches(|switches| switches.refuse_cookies = true);
    let api = world.open();
    for size in [0usize, 1, 8192, 3_000_001] {
        let bytes = vec![7u8; size];
        let (_, url) = slot(&api, size);
        let answer = api
            .content_post(
                &url,
                size as u64,
                "application/octet-stream",
                std::io::Cursor::new(bytes),
            )
            .unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["singleFile"]["size"], size, "{answer}");
    }
    // Longer than announced: only what was announced goes out.
    let (_, url) = slot(&api, 3);
    let answer = api
        .content_post(&url, 3, "text/plain", &b"abcdef"[..])
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["singleFile"]["size"], 3);
}

#[test]
fn content_that_ends_early_or_cannot_be_read_is_told_apart() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is on fire"))
        }
    }
    let world = World::new();
    let api = world.open();
    let (_, url) = slot(&api, 100_000);
    let error = api
        .content_post(
            &url,
            100_000,
            "text/plain",
            std::io::Cursor::new(vec![1; 50_000]),
        )
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Changed, "{}", error.chain());
    let error = api
        .content_post(&url, 100, "text/plain", Broken)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Local, "{}", error.chain());
    assert!(error.chain().contains("on fire"), "{}", error.chain());
    world
        .emulator
        .fault(Fault::once("content POST", Action::DropBefore));
    let (_, url) = slot(&api, 3);
    let error = api
        .content_post(&url, 3, "text/plain", &b"abc"[..])
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Temporary, "{}", error.chain());
    world.emulator.expire_content_urls();
    let error = api
        .content_post(&url, 3, "text/plain", &b"abc"[..])
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{}", error.chain());
}

#[test]
fn a_service_that_is_not_there_is_told_after_a_few_tries() {
    let world = World::new();
    let api = world.open();
    // The listener is gone; the session is not.
    let World { emulator, .. } = world;
    drop(emulator);
    for result in [list_root(&api), make_folder(&api, "x")] {
        let error = result.unwrap_err();
        assert_eq!(
            error.kind(),
            Kind::Temporary,
            "a write that was not sent is not lost"
        );
        assert!(error.to_string().contains("cannot connect"), "{error}");
    }
}
