//! Listings and writes of metadata.

use serde_json::{Value, json};

use super::{Browser, EMAIL, emulator};
use crate::emulator::{ShareDownload, StaleTrash};

const ROOT: &str = "FOLDER::com.apple.CloudDocs::root";
const ZONE: &str = "com.apple.CloudDocs";

fn names(details: &Value) -> Vec<String> {
    details["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let name = item["name"].as_str().unwrap();
            match item["extension"].as_str() {
                Some(extension) if !extension.is_empty() => format!("{name}.{extension}"),
                _ => name.to_owned(),
            }
        })
        .collect()
}

#[test]
fn listings_keep_the_order_of_the_request() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a/one.txt", "1").unwrap();
    drive.write("b.c/two", "22").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let folder = drive.entry("a").unwrap().drivewsid;
    let answer = browser.ask(
        "retrieveItemDetailsInFolders",
        json!([{"drivewsid": folder, "includeHierarchy": true}, {"drivewsid": "FOLDER::com.apple.CloudDocs::documents"},
            {"drivewsid": ROOT, "partialData": true}, {"drivewsid": folder}]),
    );
    assert_eq!(names(&answer[0]), ["one.txt"]);
    assert_eq!(answer[0]["hierarchy"][0], json!({"drivewsid": ROOT}));
    assert_eq!(answer[0]["hierarchy"][1]["name"], json!("a"));
    assert_eq!(answer[1]["status"], json!("ID_INVALID"));
    assert_eq!(answer[2]["numberOfItems"], json!(2));
    let partial = answer[2]["items"][0].as_object().unwrap();
    assert_eq!(
        partial.keys().collect::<Vec<_>>(),
        ["docwsid", "drivewsid", "etag"]
    );
    assert_eq!(answer[3]["items"][0]["size"], json!(1));
    assert_eq!(
        (&answer[2]["fileCount"], &answer[2]["assetQuota"]),
        (&json!(2), &json!(3))
    );
    let root = browser.list(ROOT);
    assert_eq!(
        names(&root),
        ["a", "b.c"],
        "folders with a dot are split as well"
    );
    let log = emulator.requests();
    let ids: Vec<usize> = log
        .iter()
        .filter(|e| e.endpoint == "retrieveItemDetailsInFolders")
        .map(|e| e.ids)
        .collect();
    assert_eq!(ids, [4, 1]);
}

#[test]
fn too_many_ids_and_missing_origins_are_refused() {
    let emulator = emulator();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    emulator.set_switches(|s| s.list_limit = 1);
    let body = json!([{"drivewsid": ROOT}, {"drivewsid": ROOT}]);
    assert_eq!(
        browser
            .drivews("retrieveItemDetailsInFolders", body.clone())
            .status,
        400
    );
    let url = format!(
        "{}/retrieveItemDetailsInFolders",
        browser.service("drivews")
    );
    let bare = browser
        .client
        .post(url)
        .body(body.to_string())
        .send()
        .unwrap();
    assert_eq!(bare.status().as_u16(), 421);
    assert!(bare.text().unwrap().contains("Origin"));
}

#[test]
fn single_items_come_by_the_object_form_only() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("x.txt", "1").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let id = drive.entry("x.txt").unwrap().drivewsid;
    let asked = json!({"items": [{"drivewsid": id, "partialData": false}, {"drivewsid": "FILE::com.apple.CloudDocs::NO"}]});
    let answer = browser.ask("retrieveItemDetails", asked.clone());
    assert_eq!(answer["items"][0]["extension"], json!("txt"));
    assert_eq!(answer["items"][1]["status"], json!("ID_INVALID"));
    assert_eq!(
        browser
            .drivews("retrieveItemDetails", json!([asked]))
            .status,
        400
    );
}

#[test]
fn folders_names_and_places_change() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let body = json!({"destinationDrivewsId": ROOT, "folders": [
        {"clientId": "c1", "name": "one"}, {"clientId": "c2", "name": "one"}, {"clientId": "c3", "name": "v1.2"}]});
    let made = browser.ask("createFolders", body);
    let folders = &made["folders"];
    assert_eq!(
        (&folders[0]["status"], &folders[0]["clientId"]),
        (&json!("OK"), &json!("c1"))
    );
    assert_eq!(folders[1], json!({"status": "UNKNOWN", "clientId": "c2"}));
    assert_eq!(
        (&folders[2]["name"], &folders[2]["extension"]),
        (&json!("v1"), &json!("2"))
    );
    drive.write("f.txt", "x").unwrap();
    drive.write("one/g.txt", "y").unwrap();
    let file = drive.entry("f.txt").unwrap().drivewsid;
    let target = folders[0]["drivewsid"].clone();
    let renamed = browser.ask(
        "renameItems",
        json!({"items": [{"drivewsid": file, "etag": "stale", "name": "g.txt"}]}),
    );
    assert_eq!(renamed["items"][0]["name"], json!("g"));
    let moved = browser.ask(
        "moveItems",
        json!({"destinationDrivewsId": target, "items": [{"drivewsid": file, "etag": "stale", "clientId": file}]}),
    );
    assert_eq!(moved["items"][0]["parentId"], target);
    assert_eq!(moved["items"][0]["name"], json!("g 2"));
    assert_eq!(drive.read("one/g 2.txt").unwrap(), "x");
    drive
        .add_library("Pages", "com.apple.Pages", "documents")
        .unwrap();
    let library = drive.entry("Pages").unwrap().drivewsid;
    let across = browser.ask(
        "moveItems",
        json!({"destinationDrivewsId": library, "items": [{"drivewsid": file, "etag": "x"}]}),
    );
    assert_eq!(
        across["items"][0],
        json!({"status": "CROSS_ZONE_MOVE_NOT_ALLOWED"})
    );
}

#[test]
fn a_stale_etag_trashes_nothing() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a.txt", "x").unwrap();
    drive.write("b.txt", "x").unwrap();
    let old = drive.entry("a.txt").unwrap();
    let other = drive.entry("b.txt").unwrap();
    drive.touch("a.txt").unwrap();
    let fresh = drive.entry("a.txt").unwrap();
    assert_ne!(old.etag, fresh.etag);
    assert_eq!(
        old.etag.split_once("::").unwrap().1,
        fresh.etag.split_once("::").unwrap().1
    );
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let body = json!({"items": [{"drivewsid": old.drivewsid, "etag": old.etag},
        {"drivewsid": other.drivewsid, "etag": other.etag}]});
    let silent = browser.ask("moveItemsToTrash", body.clone());
    assert_eq!(
        (
            &silent["items"][0]["parentId"],
            &silent["items"][0]["status"]
        ),
        (&json!(ROOT), &json!("OK"))
    );
    assert_eq!(silent["items"][1]["parentId"], json!("TRASH_ROOT"));
    assert_eq!(silent["items"][1]["restorePath"], json!("b.txt"));
    emulator.set_switches(|s| s.stale_trash = StaleTrash::Conflict);
    let told = browser.ask("moveItemsToTrash", body);
    assert_eq!(
        (&told["items"][0]["status"], &told["items"][0]["etag"]),
        (&json!("ETAG_CONFLICT"), &json!(fresh.etag))
    );
    assert_eq!(drive.tree().unwrap().keys().collect::<Vec<_>>(), ["a.txt"]);
    for id in ["TRASH_ROOT", "FOLDER::com.apple.CloudDocs::TRASH_ROOT"] {
        let trash = browser.list(id);
        assert_eq!(
            (names(&trash), &trash["numberOfItems"]),
            (vec!["b.txt".to_owned()], &json!(1))
        );
    }
    let trashed = other.drivewsid.clone();
    let back = browser.ask(
        "putBackItemsFromTrash",
        json!({"items": [{"drivewsid": trashed, "etag": "x"}]}),
    );
    assert_eq!(back["items"][0]["parentId"], json!(ROOT));
    let gone = browser.ask(
        "deleteItems",
        json!({"items": [{"drivewsid": trashed, "etag": "x"}]}),
    );
    assert_eq!(
        (&gone["items"][0]["isDeleted"], &gone["items"][0]["etag"]),
        (&json!(true), &json!("null"))
    );
    assert!(
        drive.entry("b.txt").is_err(),
        "deleted for good, though not in the trash"
    );
}

#[test]
fn libraries_shares_and_odd_items_show_in_the_root() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive
        .add_library("Obsidian", "iCloud.md.obsidian", "documents#o2v")
        .unwrap();
    drive.write("Obsidian/note.md", "n").unwrap();
    drive.add_share("Ours", "_owner1").unwrap();
    drive.write("Ours/in.txt", "s").unwrap();
    drive.mkodd("thing", "WORMHOLE").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let root = browser.list(ROOT);
    assert_eq!(names(&root), ["Obsidian", "Ours", "thing"]);
    assert_eq!(root["items"][0]["type"], json!("APP_LIBRARY"));
    assert_eq!(
        root["items"][0]["drivewsid"],
        json!("FOLDER::iCloud.md.obsidian::documents#o2v")
    );
    assert_eq!(root["items"][2]["type"], json!("WORMHOLE"));
    let library = browser.list("FOLDER::iCloud.md.obsidian::documents#o2v");
    assert_eq!(library["items"][0]["zone"], json!("iCloud.md.obsidian"));
    let share = &root["items"][1];
    let id = share["drivewsid"].as_str().unwrap();
    assert!(id.starts_with("SHARED_FOLDER::"));
    assert_eq!(browser.list(id)["status"], json!("ID_INVALID"));
    let body = json!([{"drivewsid": id, "shareID": share["shareID"]}]);
    let inside = browser.ask("retrieveItemDetailsInFolders", body);
    let file = &inside[0]["items"][0];
    let file_id = file["drivewsid"].as_str().unwrap();
    assert!(file_id.starts_with("FILE_IN_SHARED_FOLDER::"));
    assert!(
        file["shareID"].is_null(),
        "only what is shared itself tells"
    );
    // A single item is asked for in the same way; and what names another share is not answered.
    let mut other = share["shareID"].clone();
    other["recordName"] = json!("another");
    for (share_id, word) in [
        (&share["shareID"], "OK"),
        (&other, "ID_INVALID"),
        (&json!(null), "ID_INVALID"),
    ] {
        let body = json!({"items": [{"drivewsid": file_id, "shareID": share_id}]});
        let items = browser.ask("retrieveItemDetails", body);
        assert_eq!(items["items"][0]["status"], json!(word));
    }
    assert_eq!(drive.tree().unwrap().len(), 5);
}

#[test]
fn a_document_of_a_share_is_asked_of_its_owner() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.add_share("Ours", "_owner/1").unwrap();
    drive.write("Ours/in.txt", "theirs").unwrap();
    let id = drive.entry("Ours/in.txt").unwrap().docwsid;
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let ways = [
        format!("/ws/com.apple.CloudDocs/download/by_id?document_id={id}"),
        format!("/ws/com.apple.CloudDocs/download/by_id/_owner%2F1?document_id={id}"),
        format!("/ws/com.apple.CloudDocs%3A_owner%2F1/download/by_id?document_id={id}"),
        format!("/ws/com.apple.CloudDocs/download/by_id/_other?document_id={id}"),
    ];
    for (way, answers) in [
        (ShareDownload::ById, [404, 200, 404, 404]),
        (ShareDownload::ByZone, [404, 404, 200, 404]),
        (ShareDownload::Never, [404; 4]),
    ] {
        emulator.set_switches(|switches| switches.share_download = way);
        for (path, status) in ways.iter().zip(answers) {
            assert_eq!(
                browser.docws("GET", path, None).status,
                status,
                "{way:?} {path}"
            );
        }
    }
}

#[test]
fn what_is_lent_stays_the_owners_and_names_its_share() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("Plans/in.txt", "s").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let before = browser.list(ROOT)["items"][0].clone();
    drive.lend("Plans").unwrap();
    let after = browser.list(ROOT)["items"][0].clone();
    assert_eq!(after["drivewsid"], before["drivewsid"]);
    assert_ne!(after["etag"], before["etag"]);
    assert!(before["shareID"].is_null());
    assert!(after["shareID"]["recordName"].is_string());
    // Its owner names no share to list it.
    let inside = browser.list(after["drivewsid"].as_str().unwrap());
    assert_eq!(names(&inside), ["in.txt"]);
    assert!(inside["shareID"]["recordName"].is_string());
    assert!(inside["items"][0]["shareID"].is_null());
}

#[test]
fn hostile_names_are_kept_as_they_are() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    let hostile = [
        "..",
        ".",
        "",
        "a/b",
        "nul\0",
        "e\u{301}",
        "\u{e9}",
        "CASE",
        "case",
        " ",
        "\u{202e}x",
    ];
    for name in hostile {
        drive.write([name], name.to_owned()).unwrap();
    }
    drive.write_twin("case", "again").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let mut listed = names(&browser.list(ROOT));
    let mut expected: Vec<String> = hostile.iter().map(|&name| name.to_owned()).collect();
    expected.push("case".to_owned());
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

#[test]
fn recent_documents_tell_that_something_changed() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a", "1").unwrap();
    drive.write("b", "2").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let recent = browser
        .docws(
            "GET",
            "/ws/_all_/list/enumerate/recentDocs?limit=1&unified_format=true",
            None,
        )
        .json();
    assert_eq!(recent["documents"][0]["name"], json!("b"));
    let marker = recent["continuationMarker"].as_str().unwrap();
    let path = format!("/ws/_all_/list/changes/recentDocs?limit=50&nextPage={marker}");
    assert_eq!(browser.docws("GET", &path, None).status, 200);
    drive.trash("a").unwrap();
    assert_eq!(browser.docws("GET", &path, None).status, 205);
}

#[test]
fn lookups_find_by_path_and_id() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.write("a/b.txt", "1").unwrap();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let path = format!("/ws/{ZONE}/list/lookup_by_path?unified_format=true");
    let found = browser.docws("POST", &path, Some(json!("/a/b.txt"))).json();
    let id = drive.entry("a/b.txt").unwrap().drivewsid;
    assert_eq!(found[0]["drivewsid"], json!(id));
    assert_eq!(
        browser.docws("POST", &path, Some(json!("/a/none"))).status,
        404
    );
    let item_id = found[0]["item_id"].as_str().unwrap();
    let one = browser
        .docws("GET", &format!("/v1/item/{item_id}"), None)
        .json();
    assert_eq!(one["item_info"]["size"], json!("1"));
    let path = format!("/ws/{ZONE}/list/lookup_by_id?document_id={item_id}&unified_format=false");
    assert_eq!(
        browser.docws("GET", &path, None).json()["name"],
        json!("b.txt")
    );
    let folder = browser.list(ROOT)["items"][0].clone();
    let folder = browser.ask(
        "retrieveItemDetails",
        json!({"items": [{"drivewsid": folder["drivewsid"]}]}),
    );
    let folder = folder["items"][0]["item_id"].as_str().unwrap().to_owned();
    let children = browser
        .docws("GET", &format!("/v1/enumerate/{folder}?limit=10"), None)
        .json();
    assert_eq!(children["drive_item"][0]["item_id"], json!(item_id));
}
