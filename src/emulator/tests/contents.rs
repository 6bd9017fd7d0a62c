//! Contents: up, down, packages, signatures.

use serde_json::{Value, json};

use super::{Browser, EMAIL, emulator};
use crate::emulator::{EntryKind, SignatureMode, TakenName};

const ROOT: &str = "FOLDER::com.apple.CloudDocs::root";
const ZONE: &str = "com.apple.CloudDocs";

#[test]
fn a_file_goes_up_and_comes_down_again() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let content: Vec<u8> = (0..700_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let (id, file) = browser.stage(ZONE, "data.bin", &content);
    assert!(
        drive.tree().unwrap().is_empty(),
        "nothing is visible before the commit"
    );
    let done = browser
        .commit(ZONE, &id, ("root", "data.bin"), &file, false)
        .json();
    assert_eq!(done["results"][0]["status"]["status_code"], json!(0));
    assert_eq!(done["results"][0]["document"]["document_id"], json!(id));
    let entry = drive.entry("data.bin").unwrap();
    assert_eq!(
        (entry.size, entry.mtime),
        (700_000, 1_759_152_000),
        "the time is cut to seconds"
    );
    let token = browser
        .docws(
            "GET",
            &format!("/ws/{ZONE}/download/by_id?document_id={id}"),
            None,
        )
        .json();
    assert_eq!(token["double_etag"], json!(entry.etag));
    assert_eq!(token["data_token"]["signature"], file["fileChecksum"]);
    let url = token["data_token"]["url"].as_str().unwrap().to_owned();
    let whole = browser.client.get(&url).send().unwrap();
    assert_eq!(whole.status().as_u16(), 200);
    assert_eq!(whole.bytes().unwrap(), content);
    let part = browser
        .client
        .get(&url)
        .header("range", "bytes=699990-")
        .send()
        .unwrap();
    assert_eq!(part.status().as_u16(), 206);
    assert_eq!(
        part.headers()["content-range"],
        "bytes 699990-699999/700000"
    );
    assert_eq!(part.bytes().unwrap(), content[699_990..]);
    let beyond = browser
        .client
        .get(&url)
        .header("range", "bytes=700000-")
        .send()
        .unwrap();
    assert_eq!(beyond.status().as_u16(), 416);
    emulator.expire_content_urls();
    assert_eq!(
        browser.client.get(&url).send().unwrap().status().as_u16(),
        403
    );
    assert_eq!(emulator.counters().content_up, 700_000);
    assert!(
        emulator
            .requests()
            .iter()
            .all(|e| e.host != crate::emulator::Host::Content || !e.sent_cookies)
    );
}

#[test]
fn a_form_upload_is_taken_as_its_part() {
    let emulator = emulator();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let body = json!({"filename": "a", "type": "FILE", "content_type": "", "size": "3"});
    let begun = browser
        .docws("POST", &format!("/ws/{ZONE}/upload/web"), Some(body))
        .json();
    let url = begun[0]["url"].as_str().unwrap();
    let form =
        "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\nxyz\r\n--b--\r\n";
    let post = |body: &'static str, label: &'static str| {
        browser
            .client
            .post(url)
            .header("content-type", label)
            .body(body)
            .send()
            .unwrap()
    };
    assert_eq!(
        post("xy", "text/plain").status().as_u16(),
        400,
        "not the announced size"
    );
    let sent = post(form, "multipart/form-data; boundary=b");
    let sent: Value = serde_json::from_slice(&sent.bytes().unwrap()).unwrap();
    assert_eq!(sent["singleFile"]["size"], json!(3));
}

#[test]
fn taken_names_are_refused_or_numbered() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a.txt", "old").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (id, file) = browser.stage(ZONE, "a.txt", b"new");
    let refused = browser.commit(ZONE, &id, ("root", "a.txt"), &file, false);
    assert_eq!(refused.status, 409);
    assert!(
        refused
            .text()
            .contains("Uniqueness constraint violation. Rejecting update")
    );
    assert!(!refused.text().contains("ZONE_BUSY"));
    emulator.set_switches(|s| s.taken_name = TakenName::Inner);
    let refused = browser.commit(ZONE, &id, ("root", "a.txt"), &file, false);
    assert_eq!(refused.status, 200);
    assert_ne!(
        refused.json()["results"][0]["status"]["status_code"],
        json!(0)
    );
    let numbered = browser
        .commit(ZONE, &id, ("root", "a.txt"), &file, true)
        .json();
    assert_eq!(numbered["results"][0]["document"]["name"], json!("a 2.txt"));
    assert_eq!(drive.read("a.txt").unwrap(), "old");
}

#[test]
fn an_update_in_place_keeps_ids_and_asks_no_etag() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a.txt", "one").unwrap();
    let before = drive.entry("a.txt").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (_, file) = browser.stage(ZONE, "a.txt", b"three");
    drive.write("a.txt", "two").unwrap();
    let done = browser.commit(ZONE, &before.docwsid, ("root", "a.txt"), &file, false);
    assert_eq!(done.status, 200);
    let after = drive.entry("a.txt").unwrap();
    assert_eq!(
        (after.docwsid.clone(), after.content.unwrap()),
        (before.docwsid, "three".into())
    );
    assert_ne!(after.etag, before.etag);
    assert!(drive.trashed().unwrap().is_empty());
    drive.trash("a.txt").unwrap();
    let (_, file) = browser.stage(ZONE, "a.txt", b"four");
    assert_eq!(
        browser
            .commit(ZONE, &after.docwsid, ("root", "a.txt"), &file, false)
            .status,
        412
    );
}

#[test]
fn wrong_zones_and_missing_parents_get_412() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive
        .add_library("Pages", "com.apple.Pages", "documents")
        .unwrap();
    drive.mkdir("Pages/inner").unwrap();
    let inner = drive.entry("Pages/inner").unwrap().docwsid;
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (id, file) = browser.stage(ZONE, "a", b"x");
    let wrong = browser.commit(ZONE, &id, (&inner, "a"), &file, false);
    assert_eq!(wrong.status, 412);
    assert!(wrong.text().contains("VALIDATING_REFERENCE_ERROR"));
    assert_eq!(
        browser
            .commit("com.apple.Pages", &id, (&inner, "a"), &file, false)
            .status,
        200
    );
    assert_eq!(drive.read("Pages/inner/a").unwrap(), "x");
}

#[test]
fn empty_files_have_no_receipt_and_no_download() {
    let emulator = emulator();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (id, file) = browser.stage(ZONE, "empty", b"");
    assert!(file.get("receipt").is_none());
    assert_eq!(
        browser
            .commit(ZONE, &id, ("root", "empty"), &file, false)
            .status,
        200
    );
    let path = format!("/ws/{ZONE}/download/by_id?document_id={id}");
    assert_eq!(browser.docws("GET", &path, None).status, 400);
}

#[test]
fn batches_keep_their_order_and_may_hold_a_bad_id() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", "1").unwrap();
    drive.write("b", "2").unwrap();
    let ids: Vec<String> = ["a", "b"]
        .iter()
        .map(|name| drive.entry(*name).unwrap().docwsid)
        .collect();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let body = json!([{"document_id": ids[1]}, {"document_id": "NO"}, {"document_id": ids[0]}]);
    let path = format!("/ws/{ZONE}/download/batch");
    let tokens = browser.docws("POST", &path, Some(body.clone())).json();
    assert_eq!(tokens[0]["document_id"], json!(ids[1]));
    assert!(tokens[1].get("data_token").is_none());
    let url = tokens[2]["data_token"]["url"].as_str().unwrap();
    assert_eq!(browser.client.get(url).send().unwrap().text().unwrap(), "1");
    emulator.set_switches(|s| s.batch_refuses_unknown = true);
    assert_eq!(browser.docws("POST", &path, Some(body)).status, 404);
}

#[test]
fn packages_are_files_whose_token_says_so() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive
        .mkpackage("Plan.pages", &[("Index.zip", b"abc")])
        .unwrap();
    let entry = drive.entry("Plan.pages").unwrap();
    assert_eq!(entry.kind, EntryKind::Package);
    assert_ne!(entry.size, entry.content.clone().unwrap().len() as u64);
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    assert_eq!(browser.list(ROOT)["items"][0]["type"], json!("FILE"));
    let path = format!("/ws/{ZONE}/download/by_id?document_id={}", entry.docwsid);
    let token = browser.docws("GET", &path, None).json();
    assert!(token.get("data_token").is_none());
    let url = token["package_token"]["url"].as_str().unwrap();
    assert!(url.contains("/packageDownload?"));
    assert!(
        browser
            .client
            .get(url)
            .send()
            .unwrap()
            .bytes()
            .unwrap()
            .starts_with(b"PK")
    );
    emulator.set_switches(|s| s.gzip_packages = true);
    let token = browser.docws("GET", &path, None).json();
    let url = token["package_token"]["url"].as_str().unwrap();
    assert!(
        browser
            .client
            .get(url)
            .send()
            .unwrap()
            .bytes()
            .unwrap()
            .starts_with(&[0x1f, 0x8b])
    );
}

#[test]
fn signatures_may_be_opaque() {
    let emulator = emulator();
    emulator.set_switches(|s| s.signatures = SignatureMode::Opaque);
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let (_, one) = browser.stage(ZONE, "a", b"hello\n");
    let (_, two) = browser.stage(ZONE, "a", b"hello\n");
    assert_ne!(one["fileChecksum"], two["fileChecksum"]);
    emulator.set_switches(|s| s.signatures = SignatureMode::Plain);
    let (_, plain) = browser.stage(ZONE, "a", b"hello\n");
    assert_eq!(plain["fileChecksum"], json!("Abv+EeVEGAQ0o5/2szwFFOVX1ICw"));
}
