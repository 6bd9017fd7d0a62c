//! Switches, the clock, quotas, and the faults that other tests do not meet.

use serde_json::{Value, json};

use super::{Browser, EMAIL, emulator};
use crate::emulator::{Account, Action, AuthShape, EtagSpread, Fault, ZoneBusy};

const ROOT: &str = "FOLDER::com.apple.CloudDocs::root";
const ZONE: &str = "com.apple.CloudDocs";

fn by_id(browser: &mut Browser, id: &str) -> (u16, Value) {
    let path = format!("/ws/{ZONE}/download/by_id?document_id={id}");
    let got = browser.docws("GET", &path, None);
    (got.status, got.json())
}

#[test]
fn the_clock_ends_urls_sessions_of_trust_and_the_trash() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", "x").unwrap();
    drive.write("b", "x").unwrap();
    let id = drive.entry("a").unwrap().docwsid;
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (_, token) = by_id(&mut browser, &id);
    let url = token["data_token"]["url"].as_str().unwrap().to_owned();
    drive.trash("b").unwrap();
    emulator.set_clock_offset(800);
    assert_eq!(
        browser.client.get(&url).send().unwrap().status().as_u16(),
        200
    );
    emulator.set_clock_offset(1000);
    assert_eq!(
        browser.client.get(&url).send().unwrap().status().as_u16(),
        403
    );
    emulator.set_clock_offset(29 * 86_400);
    assert_eq!(drive.trashed().unwrap().len(), 1);
    assert_eq!(browser.prove().status, 200);
    emulator.set_clock_offset(31 * 86_400);
    assert_eq!(drive.trashed().unwrap().len(), 0);
    assert_eq!(browser.prove().status, 409, "trust is for 30 days");
}

#[test]
fn a_full_account_takes_no_more() {
    let emulator = emulator();
    let mut account = Account::new("small@example.com", "s");
    account.iterations = 3;
    account.quota_bytes = 10;
    emulator.add_account(account);
    emulator
        .drive("small@example.com")
        .write("a", "12345678")
        .unwrap();
    let mut browser = Browser::signed_in(&emulator, "small@example.com", "s");
    let body = json!({"filename": "b", "type": "FILE", "content_type": "", "size": 3});
    let refused = browser.docws("POST", &format!("/ws/{ZONE}/upload/web"), Some(body));
    assert_eq!(
        (refused.status, &refused.json()["error_code"]),
        (400, &json!("QUOTA_EXCEEDED"))
    );
    browser.stage(ZONE, "b", b"12");
}

#[test]
fn a_fresh_document_may_be_unknown_for_a_while() {
    let emulator = emulator();
    emulator.set_switches(|s| s.fresh_404 = 2);
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (id, file) = browser.stage(ZONE, "a", b"x");
    browser.commit(ZONE, &id, ("root", "a"), &file, false);
    let statuses: Vec<u16> = (0..3).map(|_| by_id(&mut browser, &id).0).collect();
    assert_eq!(statuses, [404, 404, 200]);
}

#[test]
fn a_trashed_file_may_take_an_update_in_the_trash() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", "old").unwrap();
    let id = drive.entry("a").unwrap().docwsid;
    drive.trash("a").unwrap();
    emulator.set_switches(|s| s.update_in_trash = true);
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (_, file) = browser.stage(ZONE, "a", b"new");
    assert_eq!(
        browser
            .commit(ZONE, &id, ("root", "a"), &file, false)
            .status,
        200
    );
    assert!(drive.tree().unwrap().is_empty());
    assert_eq!(drive.trashed().unwrap()[0].content.as_ref().unwrap(), "new");
}

#[test]
fn an_update_at_another_place_is_refused() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", "old").unwrap();
    let id = drive.entry("a").unwrap().docwsid;
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (_, file) = browser.stage(ZONE, "a", b"new");
    drive.rename("a", "b").unwrap();
    assert_eq!(
        browser
            .commit(ZONE, &id, ("root", "a"), &file, false)
            .status,
        412
    );
    assert_eq!(drive.read("b").unwrap(), "old");
}

#[test]
fn items_may_lack_status_and_have_nulls() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    for name in ["a", "b", "c", "d"] {
        drive.write(name, "x").unwrap();
    }
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    assert_eq!(browser.list(ROOT)["status"], json!("OK"));
    emulator.set_switches(|s| {
        s.no_status = true;
        s.ragged = true;
    });
    let root = browser.list(ROOT);
    assert!(root.get("status").is_none());
    let items = root["items"].as_array().unwrap();
    assert!(
        items
            .iter()
            .all(|item| item.get("status").is_none() && item["lastOpenTime"].is_null())
    );
    let some = |key: &str, value: Value| {
        items
            .iter()
            .filter(|item| item.get(key) == Some(&value))
            .count()
    };
    assert!((1..4).contains(&some("dateCreated", Value::Null)));
    assert!((1..4).contains(&some("extension", json!(""))));
}

#[test]
fn writes_may_collide_by_chance() {
    let emulator = emulator();
    emulator.set_switches(|s| s.zone_busy = ZoneBusy::Random(0.5));
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let statuses: Vec<u16> = (0..40)
        .map(|n| {
            let folder = json!({"clientId": "c", "name": format!("f{n}")});
            browser
                .drivews(
                    "createFolders",
                    json!({"destinationDrivewsId": ROOT, "folders": [folder]}),
                )
                .status
        })
        .collect();
    let busy = statuses.iter().filter(|&&status| status == 409).count();
    assert!((5..35).contains(&busy), "{statuses:?}");
    assert_eq!(
        emulator.drive(EMAIL).tree().unwrap().len(),
        40 - busy,
        "a loser changes nothing"
    );
}

#[test]
fn folder_etags_over_http_follow_the_switch() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a/b/c", "x").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let mut moved = |spread: EtagSpread| {
        emulator.set_switches(|s| s.etag_spread = spread);
        let before = browser.list(ROOT)["etag"].clone();
        drive.write("a/b/c", "y").unwrap();
        browser.list(ROOT)["etag"] != before
    };
    assert!(!moved(EtagSpread::Totals));
    assert!(moved(EtagSpread::All));
    assert!(!moved(EtagSpread::None));
}

#[test]
fn writes_may_fail_inside_of_200() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", "x").unwrap();
    let entry = drive.entry("a").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    emulator.fault(Fault::once(
        "moveItemsToTrash",
        Action::ItemStatus("UNKNOWN".into()),
    ));
    let body = json!({"items": [{"drivewsid": entry.drivewsid, "etag": entry.etag}]});
    let answer = browser.ask("moveItemsToTrash", body);
    assert_eq!(answer["items"][0]["status"], json!("UNKNOWN"));
    assert!(drive.entry("a").is_ok());
    let (id, file) = browser.stage(ZONE, "b", b"x");
    emulator.fault(Fault::once("update/documents", Action::InnerStatus(7)));
    let done = browser.commit(ZONE, &id, ("root", "b"), &file, false);
    assert_eq!(
        (
            done.status,
            &done.json()["results"][0]["status"]["status_code"]
        ),
        (200, &json!(7))
    );
    assert!(drive.entry("b").is_err());
}

#[test]
fn content_urls_may_be_insecure_and_content_hosts_refuse_cookies() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", "x").unwrap();
    let id = drive.entry("a").unwrap().docwsid;
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    emulator.fault(Fault::once("download/by_id", Action::ContentInsecure));
    let (_, token) = by_id(&mut browser, &id);
    assert!(
        token["data_token"]["url"]
            .as_str()
            .unwrap()
            .starts_with("http://cvws.icloud-content.com/")
    );
    emulator.set_switches(|s| s.refuse_cookies = true);
    let (_, token) = by_id(&mut browser, &id);
    let url = token["data_token"]["url"].as_str().unwrap().to_owned();
    assert_eq!(browser.web("GET", &url, None).status, 400);
    assert!(emulator.requests().last().unwrap().sent_cookies);
    assert_eq!(
        browser.client.get(&url).send().unwrap().status().as_u16(),
        200
    );
}

#[test]
fn the_state_of_the_second_factor_has_three_shapes_and_a_page() {
    let emulator = emulator();
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    browser.prove();
    let flat = browser.identity("GET", "", None).json();
    assert_eq!(flat["trustedPhoneNumbers"][0]["id"], json!(1));
    assert_eq!(flat["noTrustedDevices"], json!(false));
    emulator.set_switches(|s| s.auth_shape = AuthShape::Nested);
    let nested = browser.identity("GET", "", None).json();
    assert_eq!(
        nested["phoneNumberVerification"]["trustedPhoneNumber"]["id"],
        json!(1)
    );
    emulator.set_switches(|s| s.auth_shape = AuthShape::Single);
    let single = browser.identity("GET", "", None).json();
    assert!(single.get("trustedPhoneNumbers").is_none());
    assert_eq!(single["trustedPhoneNumber"]["lastTwoDigits"], json!("00"));
    browser.identity.insert("accept".into(), "text/html".into());
    let page = browser.identity("GET", "", None).text();
    assert!(page.contains("class=\"boot_args\"") && page.contains("\"hasTrustedDevices\":true"));
}

#[test]
fn too_many_codes_are_refused() {
    let emulator = emulator();
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    browser.prove();
    let asked: Vec<u16> = (0..9)
        .map(|_| {
            browser
                .identity("PUT", "/verify/trusteddevice/securitycode", None)
                .status
        })
        .collect();
    assert_eq!(asked, [202, 202, 202, 202, 202, 202, 202, 202, 423]);
    let wrong: Vec<u16> = (0..7).map(|_| browser.send_code("nope").status).collect();
    assert_eq!(wrong, [400, 400, 400, 400, 400, 400, 423]);
}

#[test]
fn the_push_may_come_in_other_ways() {
    let emulator = emulator();
    emulator.set_switches(|s| s.push_put_405 = true);
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    browser.prove();
    assert_eq!(
        browser
            .identity("PUT", "/verify/trusteddevice/securitycode", None)
            .status,
        405
    );
    assert_eq!(emulator.code(EMAIL), None);
    assert_eq!(
        browser
            .identity("GET", "/verify/trusteddevice", None)
            .status,
        200
    );
    let code = emulator.code(EMAIL).unwrap();
    assert_eq!(browser.send_code(&code).status, 204);
    emulator.set_switches(|s| s.push_needed = false);
    assert_eq!(Browser::new(&emulator, EMAIL, "demo").prove().status, 409);
    assert!(
        emulator.code(EMAIL).is_some(),
        "shown without being asked for"
    );
}

#[test]
fn init_may_be_throttled_mislabelled_or_absurd() {
    let emulator = emulator();
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    emulator.set_switches(|s| s.signin_throttled = true);
    let refused = browser.prove();
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (503, "Service Temporary Unavailable")
    );
    emulator.set_switches(|s| {
        s.signin_throttled = false;
        s.init_as_html = true;
        s.force_iterations = Some(4_000_000_000);
        s.force_protocol = Some("s3k".into());
    });
    browser.identity("GET", "/authorize/signin", None);
    let body = json!({"a": "Ag==", "accountName": EMAIL, "protocols": ["s2k", "s2k_fo"]});
    let init = browser.identity("POST", "/signin/init", Some(body));
    assert_eq!(init.header("content-type"), "text/html;charset=UTF-8");
    assert_eq!(
        (&init.json()["iteration"], &init.json()["protocol"]),
        (&json!(4_000_000_000_u32), &json!("s3k"))
    );
    assert_eq!(emulator.signin_attempts(EMAIL), 0);
}
