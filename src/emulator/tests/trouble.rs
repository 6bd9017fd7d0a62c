//! Faults, hooks, the zone lock, latency, the control interface.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Browser, EMAIL, emulator};
use crate::emulator::{Action, Fault};

const ROOT: &str = "FOLDER::com.apple.CloudDocs::root";
const ZONE: &str = "com.apple.CloudDocs";
const LIST: &str = "retrieveItemDetailsInFolders";

fn root() -> Value {
    json!([{"drivewsid": ROOT, "partialData": false}])
}

#[test]
fn answers_are_spoilt_on_command() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", "1").unwrap();
    drive.write("b", "2").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let mut once = |action: Action| {
        emulator.fault(Fault::once(LIST, action));
        let got = browser.drivews(LIST, root());
        assert_eq!(browser.drivews(LIST, root()).status, 200, "only once");
        got
    };
    let slow = once(Action::Status {
        status: 429,
        body: None,
        retry_after: Some("7".into()),
    });
    assert_eq!(
        (slow.status, slow.header("retry-after").as_str()),
        (429, "7")
    );
    let page = once(Action::Html502);
    assert_eq!(page.status, 502);
    assert!(page.text().contains("<html>"));
    let cut = once(Action::TruncateJson);
    assert_eq!((cut.status, cut.json()), (200, Value::Null));
    let counted = once(Action::WrongCount).json();
    assert_eq!(counted[0]["numberOfItems"], json!(3));
    assert!(once(Action::MissingItems).json()[0].get("items").is_none());
    let short = once(Action::ShortItems).json();
    assert_eq!(
        (
            short[0]["items"].as_array().unwrap().len(),
            &short[0]["numberOfItems"]
        ),
        (1, &json!(2))
    );
    assert_eq!(
        once(Action::ShortItemsUnnoticed).json()[0]["numberOfItems"],
        json!(1)
    );
    assert_eq!(once(Action::ShortArray).json(), json!([]));
    let busy = once(Action::ZoneBusy);
    assert_eq!(
        (busy.status, &busy.json()["error_code"]),
        (409, &json!("ZONE_BUSY"))
    );
}

#[test]
fn a_lost_answer_is_applied_and_a_dropped_request_is_not() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    let browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let url = format!("{}/createFolders", browser.service("drivews"));
    let cookies = browser
        .cookies
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect::<Vec<_>>()
        .join("; ");
    for (action, name, there) in [
        (Action::DropBefore, "before", false),
        (Action::DropAfter, "after", true),
    ] {
        emulator.fault(Fault::once("createFolders", action));
        let body =
            json!({"destinationDrivewsId": ROOT, "folders": [{"clientId": "c", "name": name}]});
        let sent = browser
            .client
            .post(&url)
            .header("origin", "https://www.icloud.com")
            .header("cookie", &cookies)
            .body(body.to_string())
            .send();
        assert!(sent.is_err(), "the connection ends");
        assert_eq!(drive.entry(name).is_ok(), there, "{name}");
    }
    let log = emulator.requests();
    let dropped: Vec<u16> = log
        .iter()
        .filter(|e| e.endpoint == "createFolders")
        .map(|e| e.status)
        .collect();
    assert_eq!(dropped, [0, 0]);
}

#[test]
fn contents_are_spoilt_on_command() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", vec![b'x'; 1000]).unwrap();
    let id = drive.entry("a").unwrap().docwsid;
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let path = format!("/ws/{ZONE}/download/by_id?document_id={id}");
    let url = browser.docws("GET", &path, None).json()["data_token"]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let once = |action: Action, range: &str| {
        emulator.fault(Fault::once("content GET", action));
        let got = browser
            .client
            .get(&url)
            .header("range", range)
            .send()
            .unwrap();
        (
            got.status().as_u16(),
            got.content_length(),
            got.headers().clone(),
            got.bytes(),
        )
    };
    let (_, _, _, bytes) = once(Action::Corrupt, "");
    let bytes = bytes.unwrap();
    assert_eq!(
        (bytes.len(), bytes.split(|&b| b != b'x').count()),
        (1000, 2)
    );
    let (_, length, _, bytes) = once(Action::ShortContent, "");
    assert_eq!((length, bytes.unwrap().len()), (Some(500), 500));
    let (_, length, _, bytes) = once(Action::ShortContentUnsized, "");
    assert_eq!((length, bytes.unwrap().len()), (None, 500));
    let (_, length, _, bytes) = once(Action::HalfBody, "");
    assert_eq!(length, Some(1000));
    assert!(bytes.is_err(), "the body ends too early");
    let (status, _, _, bytes) = once(Action::IgnoreRange, "bytes=990-");
    assert_eq!((status, bytes.unwrap().len()), (200, 1000));
    let (status, _, headers, _) = once(Action::Redirect330, "");
    assert_eq!(status, 330);
    let target = headers["location"].to_str().unwrap();
    assert_eq!(
        browser
            .client
            .get(target)
            .send()
            .unwrap()
            .bytes()
            .unwrap()
            .len(),
        1000
    );
    emulator.fault(Fault::once(
        "download/by_id",
        Action::ContentHost("evil.example".into()),
    ));
    let token = browser.docws("GET", &path, None).json();
    assert!(
        token["data_token"]["url"]
            .as_str()
            .unwrap()
            .starts_with("https://evil.example/")
    );
    emulator.fault(Fault::once("download/by_id", Action::NoToken));
    assert!(
        browser
            .docws("GET", &path, None)
            .json()
            .get("data_token")
            .is_none()
    );
}

#[test]
fn hooks_act_between_two_requests_as_another_device() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let calls = Arc::new(AtomicUsize::new(0));
    let (other, counted) = (drive.clone(), Arc::clone(&calls));
    emulator.before(LIST, move |seen| {
        assert!(seen.body.contains("root"));
        counted.fetch_add(1, Ordering::SeqCst);
        other.write("new", "x").unwrap();
    });
    let late = drive.clone();
    emulator.after(LIST, move |_| late.write("late", "x").unwrap());
    assert_eq!(
        browser.list(ROOT)["numberOfItems"],
        json!(1),
        "after comes too late for this answer"
    );
    assert_eq!(browser.list(ROOT)["numberOfItems"], json!(2));
    emulator.clear_hooks();
    browser.list(ROOT);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn one_zone_takes_one_write_at_a_time() {
    let emulator = emulator();
    emulator
        .drive(EMAIL)
        .add_library("Pages", "com.apple.Pages", "documents")
        .unwrap();
    emulator.drive(EMAIL).add_share("Team", "_bob").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let team = browser.list(ROOT)["items"][1].clone();
    let mut share = team["shareID"].clone();
    share.as_object_mut().unwrap().remove("shareChangeTag");
    let url = format!("{}/createFolders", browser.service("drivews"));
    let cookies = browser
        .cookies
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect::<Vec<_>>()
        .join("; ");
    // The first write holds its zone until the second one has been answered.
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (hook_entered, hook_leave) = (Arc::clone(&entered), Arc::clone(&leave));
    emulator.before("createFolders", move |seen| {
        if seen.body.contains("first") {
            hook_entered.wait();
            hook_leave.wait();
        }
    });
    let make = |target: &str, name: &str| {
        let mut body =
            json!({"destinationDrivewsId": target, "folders": [{"clientId": "c", "name": name}]});
        if team["drivewsid"] == json!(target) {
            body["shareID"] = share.clone();
        }
        let request = browser
            .client
            .post(&url)
            .header("origin", "https://www.icloud.com");
        request
            .header("cookie", &cookies)
            .body(body.to_string())
            .send()
            .unwrap()
            .status()
            .as_u16()
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| make(ROOT, "first"));
        entered.wait();
        assert_eq!(make(ROOT, "second"), 409);
        assert_eq!(
            make("FOLDER::com.apple.Pages::documents", "third"),
            200,
            "another zone"
        );
        let team = team["drivewsid"].as_str().unwrap();
        assert_eq!(make(team, "fourth"), 200, "a share is in its owner's zone");
        leave.wait();
        assert_eq!(first.join().unwrap(), 200);
    });
    assert_eq!(make(ROOT, "second"), 200);
}

#[test]
fn latency_is_added_to_each_request_and_not_to_their_sum() {
    let emulator = emulator();
    let browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let url = format!("{}/{LIST}", browser.service("drivews"));
    let cookies = browser
        .cookies
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect::<Vec<_>>()
        .join("; ");
    emulator.set_switches(|s| s.latency_ms = 200);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let request = browser
                    .client
                    .post(&url)
                    .header("origin", "https://www.icloud.com");
                let got = request
                    .header("cookie", &cookies)
                    .body(root().to_string())
                    .send()
                    .unwrap();
                assert_eq!(got.status().as_u16(), 200);
            });
        }
    });
    let ms = start.elapsed().as_millis();
    assert!(
        (200..3000).contains(&ms),
        "16 requests of 200 ms side by side took {ms} ms"
    );
}

#[test]
fn the_control_interface_does_what_the_api_does() {
    let emulator = emulator();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let base = format!("{}/_emulator", emulator.url());
    let client = browser.client.clone();
    let get = |path: &str| -> Value {
        serde_json::from_str(
            &client
                .get(format!("{base}/{path}"))
                .send()
                .unwrap()
                .text()
                .unwrap(),
        )
        .unwrap()
    };
    let post = |path: &str, body: Value| {
        let got = client
            .post(format!("{base}/{path}"))
            .body(body.to_string())
            .send()
            .unwrap();
        (got.status().as_u16(), got.text().unwrap())
    };
    for edit in [
        json!({"do": "write", "path": "a/b.txt", "text": "hello", "mtime": 77}),
        json!({"do": "mkdir", "path": "c"}),
        json!({"do": "rename", "path": "a/b.txt", "name": "d.txt"}),
        json!({"do": "move", "path": "a/d.txt", "folder": "c"}),
        json!({"do": "trash", "path": "a"}),
        json!({"do": "write", "path": ["c", "x/y"], "base64": "AAE="}),
    ] {
        assert_eq!(post("edit", edit.clone()).0, 200, "{edit}");
    }
    let tree = get("tree");
    assert_eq!(
        tree.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["c", "c/d.txt", "c/x/y"]
    );
    assert_eq!(tree["c/d.txt"]["mtime"], json!(77));
    assert_eq!(get("trash")[0]["name"], json!("a"));
    let file = client
        .get(format!("{base}/file?path=c/d.txt&account={EMAIL}"))
        .send()
        .unwrap();
    assert_eq!(file.text().unwrap(), "hello");
    assert_eq!(
        post(
            "faults",
            json!({"endpoint": LIST, "times": 1, "action": "html502"})
        )
        .0,
        200
    );
    assert_eq!(browser.drivews(LIST, root()).status, 502);
    let hook = json!({"endpoint": LIST, "skip": 1, "edit": {"do": "delete", "path": "c"}});
    assert_eq!(post("hooks", hook).0, 200);
    assert_eq!(browser.list(ROOT)["numberOfItems"], json!(1));
    assert_eq!(browser.list(ROOT)["numberOfItems"], json!(0));
    assert_eq!(post("switches", json!({"list_limit": 3})).0, 200);
    assert_eq!(get("switches")["list_limit"], json!(3));
    assert_eq!(post("switches", json!({"no_such": 3})).0, 400);
    assert_eq!(
        post("edit", json!({"do": "trash", "path": "nothing"})).0,
        404
    );
    assert_eq!(post("expire", json!({"what": "session"})).0, 200);
    assert_eq!(browser.drivews(LIST, root()).status, 421);
    assert_eq!(get("counters")["signin_attempts"][EMAIL], json!(1));
    assert_eq!(
        post(
            "accounts",
            json!({"email": "two@example.com", "password": "x", "adp": true})
        )
        .0,
        200
    );
    let accounts = get("accounts");
    assert_eq!(accounts[1]["adp"], json!(true));
    assert!(!accounts.to_string().contains("password"));
    let requests = get("requests");
    assert!(
        requests
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["endpoint"] == json!("signin/complete"))
    );
    let log = requests.to_string();
    assert!(!log.contains(&browser.token) && !log.contains(&browser.trust));
}
