//! What a participant writes to a share of somebody else, and what is refused (protocol page 8.9).

use serde_json::{Value, json};

use super::{Browser, EMAIL, emulator};
use crate::emulator::{Account, Config, Drive, Emulator, ShareDenied, ShareUpdates, start};

const ROOT: &str = "FOLDER::com.apple.CloudDocs::root";
const ZONE: &str = "com.apple.CloudDocs";
const SHARED: &str = "/ws/com.apple.CloudDocs/update/shared/_bob%2F1";

/// A share `Team` of `_bob/1` with a file and a folder, and an own file and folder beside it.
struct Scene {
    emulator: Emulator,
    drive: Drive,
    browser: Browser,
}

impl Scene {
    fn new() -> Self {
        let emulator = emulator();
        let drive = emulator.drive(EMAIL);
        drive.add_share("Team", "_bob/1").unwrap();
        drive.write("Team/plan.txt", "plan").unwrap();
        drive.write("Team/deep/note.txt", "note").unwrap();
        drive.write("mine/own.txt", "own").unwrap();
        let browser = Browser::signed_in(&emulator, EMAIL, "demo");
        Self {
            emulator,
            drive,
            browser,
        }
    }

    /// The `shareID` of the share as it is now.
    fn share(&mut self) -> Value {
        let root = self.browser.list(ROOT);
        let mut items = root["items"].as_array().unwrap().iter();
        let team = items.find(|item| item["name"] == json!("Team")).unwrap();
        team["shareID"].clone()
    }

    fn untagged(&mut self) -> Value {
        let mut share = self.share();
        share.as_object_mut().unwrap().remove("shareChangeTag");
        share
    }

    /// What a write says of an item: its ids, and a `shareID` unless it is null.
    fn item(&self, place: &str, share: &Value) -> Value {
        let entry = self.drive.entry(place).unwrap();
        let mut item = json!({"drivewsid": entry.drivewsid, "etag": entry.etag,
            "clientId": entry.drivewsid, "name": "renamed.txt"});
        if !share.is_null() {
            item["shareID"] = share.clone();
        }
        item
    }

    /// A write of one item: the HTTP status and the item's answer.
    fn write(&mut self, call: &str, place: &str, share: &Value) -> (u16, Value) {
        let body = json!({"items": [self.item(place, share)]});
        let got = self.browser.drivews(call, body);
        (got.status, got.json()["items"][0].clone())
    }

    /// A folder `new` in one that is there: the HTTP status and the folder's answer.
    fn create(&mut self, place: &str, share: &Value) -> (u16, Value) {
        let target = self.drive.entry(place).unwrap().drivewsid;
        let mut body = json!({"destinationDrivewsId": target,
            "folders": [{"clientId": "c1", "name": "new"}]});
        if !share.is_null() {
            body["shareID"] = share.clone();
        }
        let got = self.browser.drivews("createFolders", body);
        (got.status, got.json()["folders"][0].clone())
    }

    /// What follows `upload/web` for the share.
    fn behind(&mut self) -> String {
        let record = self.share()["recordName"].as_str().unwrap().to_owned();
        format!("/_bob%2F1/{record}")
    }

    fn record(&mut self) -> String {
        self.share()["recordName"].as_str().unwrap().to_owned()
    }

    fn paths(&self) -> Vec<String> {
        self.drive.tree().unwrap().into_keys().collect()
    }

    fn read(&self, place: &str) -> Vec<u8> {
        self.drive.read(place).unwrap().to_vec()
    }
}

fn code(answer: &Value) -> i64 {
    answer["results"][0]["status"]["status_code"]
        .as_i64()
        .unwrap()
}

#[test]
fn folders_are_made_in_a_share_that_is_named_without_its_tag() {
    let mut scene = Scene::new();
    let (whole, untagged) = (scene.share(), scene.untagged());
    assert_eq!(whole["shareChangeTag"], json!("1"));
    let mut other = untagged.clone();
    other["recordName"] = json!("another");
    let before = scene.paths();
    for share in [&Value::Null, &whole, &other] {
        for place in ["Team", "Team/deep"] {
            assert_eq!(scene.create(place, share).0, 400, "{place} {share}");
        }
    }
    assert_eq!(scene.paths(), before);
    for (place, above) in [("Team", "SHARED"), ("Team/deep", "FOLDER_IN_SHARED")] {
        let (status, made) = scene.create(place, &untagged);
        assert_eq!((status, &made["status"]), (200, &json!("OK")));
        let id = made["drivewsid"].as_str().unwrap();
        assert!(id.starts_with("FOLDER_IN_SHARED_FOLDER::"), "{id}");
        let parent = made["parentId"].as_str().unwrap();
        assert!(parent.starts_with(&format!("{above}_FOLDER::")), "{parent}");
        let (_, again) = scene.create(place, &untagged);
        assert_eq!(again["status"], json!("UNKNOWN"));
    }
    assert!(scene.drive.entry("Team/deep/new").is_ok());
    // One's own needs no share.
    assert_eq!(scene.create("mine", &Value::Null).0, 200);
}

#[test]
fn what_is_in_a_share_is_renamed_by_who_names_it_whole() {
    let mut scene = Scene::new();
    let (whole, untagged) = (scene.share(), scene.untagged());
    for share in [&Value::Null, &untagged] {
        assert_eq!(
            scene.write("renameItems", "Team/plan.txt", share).0,
            400,
            "{share}"
        );
    }
    // Nothing of a refused call is done.
    let items = json!({"items": [scene.item("mine/own.txt", &Value::Null),
        scene.item("Team/plan.txt", &Value::Null)]});
    assert_eq!(scene.browser.drivews("renameItems", items).status, 400);
    assert!(scene.drive.entry("mine/own.txt").is_ok());
    let (status, renamed) = scene.write("renameItems", "Team/plan.txt", &whole);
    assert_eq!((status, &renamed["status"]), (200, &json!("OK")));
    assert_eq!(renamed["name"], json!("renamed"));
    assert_eq!(scene.read("Team/renamed.txt"), b"plan");
}

#[test]
fn nothing_is_trashed_or_moved_in_into_or_out_of_a_share() {
    let mut scene = Scene::new();
    let whole = scene.share();
    let before = scene.paths();
    for share in [&Value::Null, &whole] {
        for call in ["moveItemsToTrash", "putBackItemsFromTrash"] {
            for place in ["Team/plan.txt", "Team/deep", "Team"] {
                assert_eq!(scene.write(call, place, share).0, 400, "{call} {place}");
            }
        }
        for (place, target) in [
            ("Team/plan.txt", "Team/deep"),
            ("Team/plan.txt", "mine"),
            ("mine/own.txt", "Team"),
            ("mine/own.txt", "Team/deep"),
            ("Team", "mine"),
        ] {
            let target = scene.drive.entry(target).unwrap().drivewsid;
            let body = json!({"destinationDrivewsId": target, "shareID": share,
                "items": [scene.item(place, share)]});
            let moved = scene.browser.drivews("moveItems", body);
            assert_eq!(moved.status, 400, "{place} to {target}");
        }
    }
    assert_eq!(scene.paths(), before);
    assert!(scene.drive.trashed().unwrap().is_empty());
}

#[test]
fn what_is_deleted_in_a_share_is_with_its_owner() {
    let mut scene = Scene::new();
    let (whole, untagged) = (scene.share(), scene.untagged());
    for share in [&Value::Null, &untagged] {
        assert_eq!(scene.write("deleteItems", "Team/deep", share).0, 400);
    }
    assert_eq!(scene.write("deleteItems", "Team", &whole).0, 400);
    let file = scene.drive.entry("Team/deep/note.txt").unwrap();
    let (status, deleted) = scene.write("deleteItems", "Team/deep", &whole);
    assert_eq!(status, 200);
    assert_eq!(
        (&deleted["isDeleted"], &deleted["etag"], &deleted["status"]),
        (&json!(true), &json!("null"), &json!("OK"))
    );
    assert_eq!(
        scene.paths(),
        ["Team", "Team/plan.txt", "mine", "mine/own.txt"]
    );
    assert!(scene.drive.trashed().unwrap().is_empty());
    assert_eq!(scene.browser.list("TRASH_ROOT")["numberOfItems"], json!(0));
    let with_owner = scene.drive.trashed_at_owners().unwrap();
    assert_eq!(with_owner.len(), 1);
    assert_eq!(with_owner[0].restore_path, "Team/deep");
    // It, and what is below it, is nowhere for this account.
    let asked = json!({"items": [{"drivewsid": file.drivewsid, "shareID": whole}]});
    let details = scene.browser.ask("retrieveItemDetails", asked);
    assert_eq!(details["items"][0]["status"], json!("ID_INVALID"));
    let path = format!(
        "/ws/{ZONE}/download/by_id/_bob%2F1?document_id={}",
        file.docwsid
    );
    assert_eq!(scene.browser.docws("GET", &path, None).status, 404);
    // The owner takes it back; or it goes after its time.
    scene.drive.put_back(&with_owner[0].docwsid).unwrap();
    assert_eq!(scene.read("Team/deep/note.txt"), b"note");
    scene.write("deleteItems", "Team/deep", &whole);
    scene.emulator.set_clock_offset(31 * 86_400);
    assert!(scene.drive.trashed_at_owners().unwrap().is_empty());
    assert!(!scene.drive.contents().unwrap().contains(&"note".into()));
}

#[test]
fn uploads_reach_a_share_by_its_owner_and_record_name() {
    let mut scene = Scene::new();
    let (behind, record) = (scene.behind(), scene.record());
    let deep = scene.drive.entry("Team/deep").unwrap().docwsid;
    for (start, place) in [(record, "Team/new.txt"), (deep, "Team/deep/new.txt")] {
        let (id, file) = scene.browser.stage_behind(ZONE, &behind, "new.txt", b"new");
        let done = scene
            .browser
            .commit_by(SHARED, &id, (&start, "new.txt"), &file, false);
        assert_eq!(done.status, 200, "{}", done.text());
        assert_eq!(code(&done.json()), 0);
        let entry = scene.drive.entry(place).unwrap();
        assert_eq!((entry.docwsid, entry.mtime), (id, 1_759_152_000));
        assert!(entry.drivewsid.starts_with("FILE_IN_SHARED_FOLDER::"));
        assert_eq!(scene.read(place), b"new");
        // The name is taken now.
        let (id, file) = scene.browser.stage_behind(ZONE, &behind, "new.txt", b"2");
        let place = (start.as_str(), "new.txt");
        let taken = scene.browser.commit_by(SHARED, &id, place, &file, false);
        assert_eq!(taken.status, 409);
    }
    let endpoints = scene.emulator.count("update/shared");
    assert_eq!(
        (endpoints, scene.emulator.count("update/documents")),
        (4, 0)
    );
}

#[test]
fn an_upload_goes_only_where_it_was_begun_for() {
    let mut scene = Scene::new();
    let (behind, record) = (scene.behind(), scene.record());
    let top = scene.drive.entry("Team").unwrap().docwsid;
    let deep = scene.drive.entry("Team/deep").unwrap().docwsid;
    let mine = scene.drive.entry("mine").unwrap().docwsid;
    let before = scene.paths();
    for wrong in ["/_bob%2F1", "/_bob%2F1/nothing", "/_eve/nothing"] {
        let begun = scene.browser.begin(ZONE, wrong, "x", 1);
        assert!([400, 404].contains(&begun.status), "{wrong}");
    }
    let (own_id, own) = scene.browser.stage(ZONE, "x", b"own");
    let (id, shared) = scene.browser.stage_behind(ZONE, &behind, "x", b"shared");
    let documents = format!("/ws/{ZONE}/update/documents");
    let eve = format!("/ws/{ZONE}/update/shared/_eve");
    for (call, folder, id, file, status) in [
        // The own zone's calls never reach a share.
        (documents.as_str(), &deep, &own_id, &own, 412),
        (&documents, &top, &own_id, &own, 412),
        (&documents, &record, &id, &shared, 412),
        // What was begun for a share goes nowhere else, and the other way round.
        (&documents, &mine, &id, &shared, 400),
        (SHARED, &mine, &id, &shared, 412),
        (SHARED, &deep, &own_id, &own, 400),
        // The first folder is named by the share, and the share has one owner.
        (SHARED, &top, &id, &shared, 412),
        (&eve, &record, &id, &shared, 412),
    ] {
        let place = (folder.as_str(), "x");
        let done = scene.browser.commit_by(call, id, place, file, false);
        assert_eq!(done.status, status, "{call} {folder}: {}", done.text());
    }
    // A document that is elsewhere.
    let own_doc = scene.drive.entry("mine/own.txt").unwrap().docwsid;
    let place = (record.as_str(), "own.txt");
    let done = scene
        .browser
        .commit_by(SHARED, &own_doc, place, &shared, false);
    assert_eq!(done.status, 412);
    assert_eq!(scene.paths(), before);
}

#[test]
fn a_document_of_a_share_gets_a_next_version_or_not() {
    let mut scene = Scene::new();
    let (behind, record) = (scene.behind(), scene.record());
    let old = scene.drive.entry("Team/plan.txt").unwrap();
    let place = (record.as_str(), "plan.txt");
    let (_, file) = scene
        .browser
        .stage_behind(ZONE, &behind, "plan.txt", b"2nd");
    scene
        .emulator
        .set_switches(|s| s.share_updates = ShareUpdates::Refused);
    let mut commit = || {
        let done = scene
            .browser
            .commit_by(SHARED, &old.docwsid, place, &file, false);
        (done.status, scene.drive.entry("Team/plan.txt").unwrap())
    };
    assert_eq!(commit(), (400, old.clone()));
    scene
        .emulator
        .set_switches(|s| s.share_updates = ShareUpdates::InPlace);
    let (status, new) = commit();
    assert_eq!((status, &new.docwsid), (200, &old.docwsid));
    assert_ne!(new.etag, old.etag);
    assert_eq!(new.content.unwrap(), &b"2nd"[..]);
}

#[test]
fn the_owners_storage_counts_for_what_is_in_a_share() {
    let mut account = Account::new(EMAIL, "demo");
    account.iterations = 3;
    account.quota_bytes = 10;
    let emulator = start(Config {
        accounts: vec![account],
        ..Config::default()
    })
    .unwrap();
    let drive = emulator.drive(EMAIL);
    drive.add_share("Team", "_bob/1").unwrap();
    drive
        .write("Team/large", "much more than ten bytes")
        .unwrap();
    drive
        .write("Team/deleted", "also more than ten bytes")
        .unwrap();
    drive.trash("Team/deleted").unwrap();
    drive.write("own", "eight by").unwrap();
    let browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let mut scene = Scene {
        emulator,
        drive,
        browser,
    };
    let behind = scene.behind();
    let mut full = |behind: &str, size| {
        let begun = scene.browser.begin(ZONE, behind, "x", size);
        begun.status == 400 && begun.text().contains("QUOTA_EXCEEDED")
    };
    assert_eq!((full("", 2), full("", 3)), (false, true));
    assert!(!full(&behind, 1000));
    scene.emulator.set_switches(|s| s.share_owner_full = true);
    assert!(full(&behind, 1));
    assert!(!full("", 2));
}

#[test]
fn a_share_that_is_only_read_refuses_writes_in_one_of_three_ways() {
    let mut scene = Scene::new();
    let (whole, untagged) = (scene.share(), scene.untagged());
    let (behind, record) = (scene.behind(), scene.record());
    let place = (record.as_str(), "x");
    let (id, file) = scene.browser.stage_behind(ZONE, &behind, "x", b"x");
    let before = scene.paths();
    scene.drive.let_write("Team/deep", false).unwrap();
    for (way, status) in [(ShareDenied::Http403, 403), (ShareDenied::Http400, 400)] {
        scene.emulator.set_switches(|s| s.share_denied = way);
        for call in ["renameItems", "deleteItems"] {
            assert_eq!(scene.write(call, "Team/plan.txt", &whole).0, status);
        }
        assert_eq!(scene.create("Team", &untagged).0, status);
        let begun = scene.browser.begin(ZONE, &behind, "x", 1);
        assert_eq!(begun.status, status);
        // It was writable when the upload began.
        let done = scene.browser.commit_by(SHARED, &id, place, &file, false);
        assert_eq!(done.status, status);
    }
    scene
        .emulator
        .set_switches(|s| s.share_denied = ShareDenied::Status);
    let denied = json!("PERMISSION_DENIED");
    for call in ["renameItems", "deleteItems"] {
        let (status, item) = scene.write(call, "Team/plan.txt", &whole);
        assert_eq!((status, &item["status"]), (200, &denied));
    }
    let (status, folder) = scene.create("Team", &untagged);
    assert_eq!((status, &folder["status"]), (200, &denied));
    let (id, file) = scene.browser.stage_behind(ZONE, &behind, "x", b"x");
    let done = scene.browser.commit_by(SHARED, &id, place, &file, false);
    assert_eq!(done.status, 200);
    assert_ne!(code(&done.json()), 0);
    let inner = &done.json()["results"][0]["status"]["error_message"];
    assert_eq!(inner, &denied);
    assert_eq!(scene.paths(), before);
    // It is still there to read, and the owner lets it be written to again.
    scene.drive.let_write("Team", true).unwrap();
    let done = scene.browser.commit_by(SHARED, &id, place, &file, false);
    assert_eq!((done.status, code(&done.json())), (200, 0));
    assert_eq!(scene.write("renameItems", "Team/x", &whole).0, 200);
}

#[test]
fn a_read_only_share_is_read_and_its_owner_edits_it() {
    let emulator = emulator();
    let drive = emulator.drive(EMAIL);
    drive.add_read_only_share("Team", "_bob/1").unwrap();
    drive.write("Team/plan.txt", "plan").unwrap();
    drive.write("Team/plan.txt", "2nd").unwrap();
    drive.rename("Team/plan.txt", "b.txt").unwrap();
    assert_eq!(drive.read("Team/b.txt").unwrap(), &b"2nd"[..]);
    let browser = Browser::signed_in(&emulator, EMAIL, "demo");
    let mut scene = Scene {
        emulator,
        drive,
        browser,
    };
    let whole = scene.share();
    let id = scene.drive.entry("Team").unwrap().drivewsid;
    let body = json!([{"drivewsid": id, "shareID": whole}]);
    let inside = scene.browser.ask("retrieveItemDetailsInFolders", body);
    assert_eq!(inside[0]["numberOfItems"], json!(1));
    assert_eq!(scene.write("renameItems", "Team/b.txt", &whole).0, 403);
    scene.drive.let_write("mine", true).unwrap_err();
}

#[test]
fn a_tag_that_moves_makes_old_ones_void() {
    let mut scene = Scene::new();
    let (old, untagged) = (scene.share(), scene.untagged());
    assert_eq!(scene.write("renameItems", "Team/plan.txt", &old).0, 200);
    assert_eq!(scene.share(), old, "it stays unless it is switched on");
    scene.emulator.set_switches(|s| s.share_tag_moves = true);
    assert_eq!(scene.create("Team", &untagged).0, 200);
    let new = scene.share();
    assert_ne!(new, old);
    assert_eq!(scene.write("renameItems", "Team/deep", &old).0, 409);
    assert_eq!(scene.write("renameItems", "Team/deep", &new).0, 200);
    // The edits of others count as well, those of one's own do not.
    let new = scene.share();
    scene.drive.write("mine/own.txt", "2nd").unwrap();
    assert_eq!(scene.share(), new);
    scene.drive.write("Team/new/theirs.txt", "theirs").unwrap();
    assert_ne!(scene.share(), new);
}

#[test]
fn what_is_moved_on_a_device_is_in_the_share_of_its_new_folder() {
    let scene = Scene::new();
    let drive = &scene.drive;
    drive.move_to("mine", "Team/deep").unwrap();
    let word = |place: &str| {
        let id = drive.entry(place).unwrap().drivewsid;
        id.split("::").next().unwrap().to_owned()
    };
    assert_eq!(word("Team/deep/mine/own.txt"), "FILE_IN_SHARED_FOLDER");
    drive.move_to("Team/deep/mine", "").unwrap();
    assert_eq!(word("mine/own.txt"), "FILE");
    drive.move_to("Team", "mine").unwrap();
    assert_eq!(word("mine/Team"), "SHARED_FOLDER");
    assert_eq!(word("mine/Team/plan.txt"), "FILE_IN_SHARED_FOLDER");
    drive.add_share("Squad", "_eve").unwrap();
    drive.move_to("mine", "Squad").unwrap_err();
}
