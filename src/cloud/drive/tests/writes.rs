//! Commits, new folders, names, places, the trash.

use serde_json::{Value, json};

use super::*;

fn staged() -> Staged {
    Staged {
        doc: DocId::new("NEW"),
        signature: None,
        receipt: crate::cloud::wire::SingleFile {
            file_checksum: Some("S".into()),
            reference_checksum: Some("R".into()),
            wrapping_key: Some("W".into()),
            receipt: None,
            size: Some(0),
        },
    }
}

fn commit_answer(outer: u32, inner: u32, words: &str, document: &Value) -> Value {
    json!({"status": {"status_code": outer, "error_message": words},
        "results": [{"status": {"status_code": inner, "error_message": words}, "document": document}]})
}

fn commit(drive: &Drive<Script>, what: &Commit<'_>) -> Result<Node> {
    drive.commit(&staged(), what, &id("F"), "a.txt", 0, 1_700_000_000_999)
}

#[test]
fn a_new_file_is_refused_where_the_name_is_taken_and_times_are_whole_seconds() {
    let document = json!({"document_id": "NEW", "etag": "9::9", "name": "a.txt", "size": 0,
        "mtime": 1_700_000_000_000_i64});
    let drive = scripted(vec![Ok(commit_answer(0, 0, "", &document))]);
    let node = commit(&drive, &Commit::Create).unwrap();
    assert_eq!((node.id, node.name.as_str()), (id("NEW"), "a.txt"));
    assert_eq!(
        (node.etag, node.modified_ms),
        (Etag::new("9::9"), Some(1_700_000_000_000))
    );
    let (path, body) = asked(&drive).remove(0);
    assert_eq!(
        path,
        "ws/com.apple.CloudDocs/update/documents?errorBreakdown=true"
    );
    assert_eq!(
        body,
        json!({"command": "add_file", "document_id": "NEW", "create_short_guid": true, "allow_conflict": false,
            "path": {"starting_document_id": "F", "path": "a.txt"},
            "file_flags": {"is_writable": true, "is_executable": false, "is_hidden": false},
            "mtime": 1_700_000_000_000_i64, "btime": 1_700_000_000_000_i64,
            "data": {"signature": "S", "reference_signature": "R", "wrapping_key": "W", "size": 0}})
    );
}

#[test]
fn a_new_version_goes_to_the_document_that_is_there() {
    let document = json!({"document_id": "OLD", "etag": "9::9", "size": 0});
    let drive = scripted(vec![Ok(commit_answer(0, 0, "", &document))]);
    let old = DocId::new("OLD");
    let node = commit(&drive, &Commit::Update(&old)).unwrap();
    assert_eq!((node.id.doc, node.name.as_str()), (old, "a.txt"));
    assert_eq!(asked(&drive)[0].1["document_id"], json!("OLD"));
}

#[test]
fn a_commit_is_done_only_where_both_statuses_and_the_document_say_so() {
    let document = json!({"document_id": "NEW", "etag": "9::9", "size": 0});
    let taken = "Uniqueness constraint violation. Rejecting update";
    let orphan = "VALIDATING_REFERENCE_ERROR: children whose parents are missing";
    for (answer, kind) in [
        (Ok(commit_answer(0, 5, taken, &document)), ErrorKind::Exists),
        (Ok(commit_answer(5, 0, taken, &document)), ErrorKind::Exists),
        (
            Ok(commit_answer(0, 7, "no quota", &document)),
            ErrorKind::Refused,
        ),
        (
            Ok(commit_answer(0, 7, orphan, &document)),
            ErrorKind::NotFound,
        ),
        (Ok(commit_answer(0, 0, "", &json!(null))), ErrorKind::Lost),
        (
            Ok(commit_answer(
                0,
                0,
                "",
                &json!({"document_id": "X", "etag": "1", "size": 0}),
            )),
            ErrorKind::Lost,
        ),
        (
            Ok(json!({"status": {"status_code": 0}, "results": []})),
            ErrorKind::Lost,
        ),
        (fails(ErrorKind::Lost), ErrorKind::Lost),
        (fails(ErrorKind::Exists), ErrorKind::Exists),
    ] {
        let drive = scripted(vec![answer]);
        let error = commit(&drive, &Commit::Create).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(asked(&drive).len(), 1, "it is never sent again");
    }
}

#[test]
fn a_busy_zone_inside_a_good_answer_is_told_and_not_asked_again() {
    let document = json!({"document_id": "NEW", "etag": "9::9", "size": 0});
    let busy = || {
        Ok(commit_answer(
            0,
            3,
            "Sync zone CAS Op-Lock failed.",
            &document,
        ))
    };
    // Whoever makes a commit knows what has to be read again before the next one.
    let drive = scripted(vec![busy()]);
    let error = commit(&drive, &Commit::Create).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(asked(&drive).len(), 1);
}

#[test]
fn an_etag_left_out_of_a_commits_answer_is_read() {
    let document = json!({"document_id": "NEW", "size": 0});
    let drive = scripted(vec![
        Ok(commit_answer(0, 0, "", &document)),
        Ok(json!({"items": [item("NEW", "a.txt", FOLDER, "OK")]})),
    ]);
    assert_eq!(
        commit(&drive, &Commit::Create).unwrap().etag,
        Etag::new("2::1")
    );
}

#[test]
fn folders_are_made_in_one_call_and_a_taken_name_is_told() {
    let made = json!({"drivewsid": "FOLDER::com.apple.CloudDocs::N", "docwsid": "N", "zone": "com.apple.CloudDocs",
        "name": "v1", "extension": "2", "type": "FOLDER", "etag": "5", "parentId": FOLDER, "status": "OK",
        "clientId": "FOLDER::UNKNOWN_ZONE::TempId-1"});
    let taken = json!({"status": "UNKNOWN", "clientId": "FOLDER::UNKNOWN_ZONE::TempId-0"});
    let drive = scripted(vec![Ok(
        json!({"destinationDrivewsId": FOLDER, "folders": [made, taken]}),
    )]);
    let answers = drive
        .create_folders(&id("F"), &["old", "v1.2", "third"])
        .unwrap();
    assert_eq!(
        kinds(&answers),
        [Some(ErrorKind::Exists), None, Some(ErrorKind::Lost)]
    );
    let node = answers[1].as_ref().unwrap();
    assert_eq!((node.name.as_str(), node.kind), ("v1.2", Kind::Folder));
    let (path, body) = asked(&drive).remove(0);
    assert_eq!(path, "createFolders");
    assert_eq!(body["destinationDrivewsId"], json!(FOLDER));
    assert_eq!(body["folders"][1]["name"], json!("v1.2"));
}

#[test]
fn a_rename_sends_the_full_name_and_hands_back_the_name_it_got() {
    let drive = scripted(vec![Ok(
        json!({"items": [item("A", "b 2.txt", FOLDER, "OK")]}),
    )]);
    assert_eq!(drive.rename(&target("A"), "b.txt").unwrap().name, "b 2.txt");
    let (path, body) = asked(&drive).remove(0);
    assert_eq!(path, "renameItems");
    let wanted =
        json!({"drivewsid": "FILE::com.apple.CloudDocs::A", "etag": "1::1", "name": "b.txt"});
    assert_eq!(body, json!({"items": [wanted]}));
    for (answer, kind) in [
        (
            json!({"items": [{"status": "ETAG_CONFLICT"}]}),
            ErrorKind::Changed,
        ),
        (
            json!({"items": [{"status": "ID_INVALID"}]}),
            ErrorKind::NotFound,
        ),
        (json!({"items": [{"status": "UNKNOWN"}]}), ErrorKind::Lost),
        (
            json!({"items": [{"status": "SOMETHING"}]}),
            ErrorKind::Refused,
        ),
        (json!({"items": []}), ErrorKind::Lost),
        (json!({}), ErrorKind::Lost),
    ] {
        let error = scripted(vec![Ok(answer)])
            .rename(&target("A"), "b")
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn each_moved_item_is_judged_by_where_the_answer_shows_it() {
    let drive = scripted(vec![Ok(json!({"items": [
        item("A", "a", FOLDER, "OK"),
        {"status": "CROSS_ZONE_MOVE_NOT_ALLOWED"},
        item("C", "c", "FOLDER::com.apple.CloudDocs::root", "OK"),
    ]}))]);
    let items = ["A", "B", "C"].map(target);
    let answers = drive.relocate(&items, &id("F")).unwrap();
    assert_eq!(
        kinds(&answers),
        [None, Some(ErrorKind::Refused), Some(ErrorKind::Changed)]
    );
    let (path, body) = asked(&drive).remove(0);
    assert_eq!(path, "moveItems");
    assert_eq!(body["destinationDrivewsId"], json!(FOLDER));
    assert_eq!(body["items"][0]["clientId"], body["items"][0]["drivewsid"]);
}

#[test]
fn only_what_shows_the_trash_as_its_parent_is_trashed() {
    let drive = scripted(vec![Ok(json!({"items": [
        item("C", "c", FOLDER, "ETAG_CONFLICT"),
        item("B", "b", FOLDER, "OK"),
        item("A", "a", "TRASH_ROOT", "OK"),
    ]}))]);
    let items = ["A", "B", "C", "D"].map(target);
    let answers = drive.trash(&items).unwrap();
    assert_eq!(
        kinds(&answers),
        [
            None,
            Some(ErrorKind::Changed),
            Some(ErrorKind::Changed),
            Some(ErrorKind::Lost)
        ]
    );
    assert!(answers[0].as_ref().unwrap().is_trashed);
    let log = asked(&drive);
    assert_eq!((log.len(), log[0].0.as_str()), (1, "moveItemsToTrash"));
}

#[test]
fn what_is_put_back_tells_where_it_is() {
    let drive = scripted(vec![Ok(json!({"items": [
        item("A", "a", FOLDER, "OK"),
        item("B", "b", "TRASH_ROOT", "OK"),
    ]}))]);
    let answers = drive.put_back(&["A", "B"].map(target)).unwrap();
    assert_eq!(kinds(&answers), [None, Some(ErrorKind::Changed)]);
    assert_eq!(answers[0].as_ref().unwrap().parent, Some(id("F")));
    let body = asked(&drive).remove(0).1;
    assert_eq!(body["items"][0].get("clientId"), None);
}
