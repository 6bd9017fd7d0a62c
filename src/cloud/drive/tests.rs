use std::{collections::VecDeque, io::Cursor, sync::Mutex};

use serde_json::{Value, json};

use super::*;
use crate::{
    error::{Error, Kind as ErrorKind},
    tree::Etag,
};

mod writes;

/// Answers written by hand, in order, and what was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<Value>>>,
    asked: Mutex<Vec<(String, Value)>>,
    sent: Mutex<Vec<Vec<u8>>>,
    paused: Mutex<Vec<u32>>,
}

impl Script {
    fn next<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T> {
        self.asked.lock().unwrap().push((path.to_owned(), body));
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| panic!("{path}: no answer is left"))?;
        Ok(serde_json::from_value(answer).unwrap())
    }
}

impl Wire for Script {
    fn post<T: DeserializeOwned>(
        &self,
        _: Host,
        path: &str,
        body: &(impl Serialize + ?Sized),
        _: Effect,
    ) -> Result<T> {
        self.next(path, serde_json::to_value(body).unwrap())
    }

    fn get<T: DeserializeOwned>(&self, _: Host, path: &str) -> Result<T> {
        self.next(path, Value::Null)
    }

    fn fetch(&self, _: &str, _: u64, _: Option<u64>) -> Result<Content> {
        panic!("nothing is fetched here")
    }

    fn send(
        &self,
        url: &str,
        length: u64,
        _: &str,
        body: impl Read + Send + 'static,
    ) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        body.take(length).read_to_end(&mut bytes).unwrap();
        self.sent.lock().unwrap().push(bytes);
        let answer: Value = self.next(url, json!(length))?;
        Ok(serde_json::to_vec(&answer).unwrap())
    }

    fn pause(&self, seconds: u32) -> Result<()> {
        self.paused.lock().unwrap().push(seconds);
        Ok(())
    }

    fn again(&self, n: u32, why: Error) -> Result<()> {
        if n >= 4 { Err(why) } else { Ok(()) }
    }

    fn refusals(&self) -> u64 {
        0
    }
}

fn scripted(answers: Vec<Result<Value>>) -> Drive<Script> {
    Drive::new(Script {
        answers: Mutex::new(answers.into()),
        ..Script::default()
    })
}

fn fails<T>(kind: ErrorKind) -> Result<T> {
    Err(Error::new(kind, "told to fail"))
}

fn asked(drive: &Drive<Script>) -> Vec<(String, Value)> {
    assert!(
        drive.wire.answers.lock().unwrap().is_empty(),
        "all answers are used"
    );
    std::mem::take(&mut drive.wire.asked.lock().unwrap())
}

fn id(doc: &str) -> RemoteId {
    RemoteId {
        zone: Zone::drive(),
        doc: DocId::new(doc),
    }
}

fn target(doc: &str) -> Target {
    Target {
        id: id(doc),
        kind: Kind::File,
        etag: Etag::new("1::1"),
    }
}

fn item(doc: &str, name: &str, parent: &str, status: &str) -> Value {
    json!({"drivewsid": format!("FILE::com.apple.CloudDocs::{doc}"), "docwsid": doc, "zone": "com.apple.CloudDocs",
        "name": name, "type": "FILE", "size": 3, "etag": "2::1", "parentId": parent, "status": status})
}

const FOLDER: &str = "FOLDER::com.apple.CloudDocs::F";

fn kinds<T>(answers: &[Result<T>]) -> Vec<Option<ErrorKind>> {
    let kind = |answer: &Result<T>| answer.as_ref().err().map(Error::kind);
    answers.iter().map(kind).collect()
}

#[test]
fn listing_asks_for_all_folders_at_once_and_refuses_another_number_of_answers() {
    let empty = json!({"items": [], "numberOfItems": 0});
    let drive = scripted(vec![Ok(json!([empty, {"status": "ID_INVALID"}]))]);
    let answers = drive.list(&[id("A"), id("B")]).unwrap();
    assert!(matches!(&answers[0], FolderAnswer::Whole { folder, .. } if folder.id == id("A")));
    assert!(matches!(answers[1], FolderAnswer::Gone));
    let (path, body) = asked(&drive).remove(0);
    assert_eq!(path, "retrieveItemDetailsInFolders");
    assert_eq!(
        body[1],
        json!({"drivewsid": "FOLDER::com.apple.CloudDocs::B", "partialData": false, "includeHierarchy": false})
    );
    let short = scripted(vec![Ok(json!([empty]))]);
    let error = short.probe(&[id("A"), id("B")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(asked(&short)[0].1[0]["partialData"], json!(true));
}

#[test]
fn the_trash_is_asked_for_under_its_other_name_where_the_first_fails() {
    let trashed = item("A", "a", "TRASH_ROOT", "OK");
    let drive = scripted(vec![
        Ok(json!([{"status": "ID_INVALID"}])),
        Ok(json!([{"items": [trashed], "numberOfItems": 1, "drivewsid": "TRASH_ROOT"}])),
    ]);
    let nodes = drive.list_trash().unwrap();
    assert_eq!((nodes.len(), nodes[0].is_trashed), (1, true));
    let ids: Vec<_> = asked(&drive)
        .iter()
        .map(|(_, body)| body[0]["drivewsid"].clone())
        .collect();
    assert_eq!(
        ids,
        ["TRASH_ROOT", "FOLDER::com.apple.CloudDocs::TRASH_ROOT"]
    );
}

#[test]
fn items_are_read_in_the_object_form_and_the_unknown_are_none() {
    let drive = scripted(vec![Ok(json!({"items": [
        item("A", "a", FOLDER, "OK"),
        {"status": "ID_INVALID"},
        {"drivewsid": "FILE::com.apple.CloudDocs::C", "etag": "null", "isDeleted": true},
    ]}))]);
    let items = ["A", "B", "C"].map(|doc| (id(doc), Kind::File));
    let nodes = drive.read(&items).unwrap();
    assert_eq!(nodes[0].as_ref().unwrap().name, "a");
    assert_eq!(nodes[1..], [None, None]);
    let (path, body) = asked(&drive).remove(0);
    assert_eq!(path, "retrieveItemDetails");
    assert_eq!(body["items"].as_array().unwrap().len(), 3);
}

#[test]
fn a_read_of_many_that_is_refused_is_made_one_by_one() {
    let one = |doc| Ok(json!({"items": [item(doc, "n", FOLDER, "OK")]}));
    let drive = scripted(vec![
        fails(ErrorKind::Refused),
        one("A"),
        fails(ErrorKind::NotFound),
    ]);
    let nodes = drive
        .read(&[(id("A"), Kind::File), (id("B"), Kind::File)])
        .unwrap();
    assert!(nodes[0].is_some() && nodes[1].is_none());
    let other = scripted(vec![one("B"), one("B")]);
    let error = other.read(&[(id("A"), Kind::File)]).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Protocol,
        "an answer for another item is none"
    );
}

fn token(doc: &str) -> Value {
    json!({"document_id": doc, "double_etag": "3::2", "data_token":
        {"url": "https://content.example.com/x", "signature": "Abv+EeVEGAQ0o5/2szwFFOVX1ICw"}})
}

fn docs(names: &[&str]) -> Vec<DocId> {
    names.iter().map(|name| DocId::new(name)).collect()
}

#[test]
fn tokens_come_in_batches_matched_by_id() {
    let package = json!({"document_id": "B", "data_token": null,
        "package_token": {"url": "https://content.example.com/packageDownload?x"}});
    let drive = scripted(vec![Ok(json!([package, token("A")]))]);
    let tokens = drive.tokens(&Zone::drive(), &docs(&["A", "B"])).unwrap();
    let first = tokens[0].as_ref().unwrap();
    assert_eq!(
        (first.doc.to_string().as_str(), first.is_package),
        ("A", false)
    );
    assert_eq!(first.etag, Some(Etag::new("3::2")));
    assert!(first.signature.is_some());
    assert!(tokens[1].as_ref().unwrap().is_package);
    let (path, body) = asked(&drive).remove(0);
    assert_eq!(path, "ws/com.apple.CloudDocs/download/batch");
    assert_eq!(body, json!([{"document_id": "A"}, {"document_id": "B"}]));
    assert!(
        !format!("{first:?}").contains("https"),
        "an address is a credential"
    );
}

#[test]
fn an_odd_batch_falls_back_to_single_calls_and_a_token_less_answer_is_an_error() {
    let drive = scripted(vec![
        Ok(json!([token("A")])),
        Ok(token("A")),
        Ok(json!({"document_id": "b#1"})),
    ]);
    let tokens = drive
        .tokens(&Zone::new("a zone"), &docs(&["A", "b#1"]))
        .unwrap();
    assert_eq!(kinds(&tokens), [None, Some(ErrorKind::Protocol)]);
    let paths: Vec<_> = asked(&drive).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "ws/a%20zone/download/batch",
            "ws/a%20zone/download/by_id?document_id=A",
            "ws/a%20zone/download/by_id?document_id=b%231",
        ]
    );
}

#[test]
fn a_document_not_found_yet_is_asked_for_again_after_2_4_and_8_seconds() {
    let drive = scripted(vec![
        fails(ErrorKind::NotFound),
        fails(ErrorKind::NotFound),
        Ok(token("A")),
    ]);
    let tokens = drive.tokens(&Zone::drive(), &docs(&["A"])).unwrap();
    assert_eq!(kinds(&tokens), [None]);
    assert_eq!(*drive.wire.paused.lock().unwrap(), [2, 4]);
    let never = scripted((0..4).map(|_| fails(ErrorKind::NotFound)).collect());
    let tokens = never.tokens(&Zone::drive(), &docs(&["A"])).unwrap();
    assert_eq!(kinds(&tokens), [Some(ErrorKind::NotFound)]);
    assert_eq!(*never.wire.paused.lock().unwrap(), [2, 4, 8]);
}

#[test]
fn a_lost_session_and_an_absent_service_end_the_tokens() {
    let names: Vec<String> = (0..8).map(|n| format!("D{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let signed_out = scripted(vec![fails(ErrorKind::SignIn)]);
    let error = signed_out
        .tokens(&Zone::drive(), &docs(&names))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn);
    let away = scripted((0..7).map(|_| fails(ErrorKind::Temporary)).collect());
    let error = away.tokens(&Zone::drive(), &docs(&names)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Temporary);
}

fn slot() -> Value {
    json!([{"document_id": "NEW", "url": "https://up.example.com/1"}])
}

fn receipt(size: u64) -> Value {
    json!({"singleFile": {"fileChecksum": "Abv+EeVEGAQ0o5/2szwFFOVX1ICw",
        "referenceChecksum": "R", "wrappingKey": "W", "receipt": "A0", "size": size}})
}

fn opening(content: &'static [u8]) -> impl FnMut() -> Result<Box<dyn Read + Send>> {
    move || Ok(Box::new(Cursor::new(content)))
}

#[test]
fn content_is_staged_and_its_signature_kept() {
    let drive = scripted(vec![Ok(slot()), Ok(receipt(6))]);
    let staged = drive
        .stage(&Zone::drive(), "a.txt", 6, &mut opening(b"hello\n"))
        .unwrap();
    assert_eq!(staged.doc, DocId::new("NEW"));
    assert_eq!(
        staged.signature,
        Some(crate::tree::Signature::of(b"hello\n"))
    );
    assert_eq!(*drive.wire.sent.lock().unwrap(), [b"hello\n"]);
    let log = asked(&drive);
    assert_eq!(log[0].0, "ws/com.apple.CloudDocs/upload/web");
    let wanted =
        json!({"filename": "a.txt", "type": "FILE", "content_type": "text/plain", "size": 6});
    assert_eq!(log[0].1, wanted);
}

#[test]
fn content_that_grew_or_arrived_short_is_not_staged() {
    let grown = scripted(vec![Ok(slot()), Ok(receipt(3))]);
    let error = grown.stage(&Zone::drive(), "a", 3, &mut opening(b"hello\n"));
    assert_eq!(error.err().map(|e| e.kind()), Some(ErrorKind::Changed));
    let grown = scripted(vec![Ok(slot()), Ok(receipt(0))]);
    let error = grown.stage(&Zone::drive(), "a", 0, &mut opening(b"x"));
    assert_eq!(error.err().map(|e| e.kind()), Some(ErrorKind::Changed));
    let short = scripted(vec![Ok(slot()), Ok(receipt(5))]);
    let error = short.stage(&Zone::drive(), "a", 6, &mut opening(b"hello\n"));
    assert_eq!(error.err().map(|e| e.kind()), Some(ErrorKind::Integrity));
}

#[test]
fn sending_is_tried_again_from_a_new_slot() {
    let drive = scripted(vec![
        Ok(slot()),
        fails(ErrorKind::Temporary),
        Ok(slot()),
        fails(ErrorKind::Refused),
        Ok(slot()),
        Ok(receipt(6)),
    ]);
    assert!(
        drive
            .stage(&Zone::drive(), "a", 6, &mut opening(b"hello\n"))
            .is_ok()
    );
    assert_eq!(drive.wire.sent.lock().unwrap().len(), 3);
    let refused = scripted(vec![
        Ok(slot()),
        fails(ErrorKind::Refused),
        Ok(slot()),
        fails(ErrorKind::Refused),
    ]);
    let error = refused.stage(&Zone::drive(), "a", 6, &mut opening(b"hello\n"));
    assert_eq!(error.err().map(|e| e.kind()), Some(ErrorKind::Refused));
}

#[test]
fn nothing_in_the_client_deletes_for_good() {
    let files = [
        "drive.rs",
        "drive/content.rs",
        "drive/listing.rs",
        "drive/write.rs",
        "http.rs",
    ];
    for file in files {
        let path = format!("{}/src/cloud/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!text.contains("deleteItems"), "{file}");
    }
}

#[test]
fn the_way_to_shared_documents_that_works_is_kept_to() {
    let zone = Zone::of_share(&Zone::drive(), "_bob/1", "r");
    let token = |doc: &str| {
        Ok(json!({"document_id": doc, "data_token": {"url": "https://cvws.icloud-content.com/x"}}))
    };
    let drive = scripted(vec![
        fails(ErrorKind::Refused),
        token("A"),
        token("B"),
        fails(ErrorKind::Refused),
        fails(ErrorKind::Refused),
        fails(ErrorKind::SignIn),
    ]);
    let docs = [DocId::new("A"), DocId::new("B"), DocId::new("C")];
    let tokens = drive.tokens(&zone, &docs).unwrap();
    assert_eq!(kinds(&tokens), [None, None, Some(ErrorKind::Refused)]);
    let error = drive.tokens(&zone, &docs).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn);
    let paths: Vec<String> = asked(&drive).into_iter().map(|(path, _)| path).collect();
    let by_id =
        |doc: &str| format!("ws/com.apple.CloudDocs/download/by_id/_bob%2F1?document_id={doc}");
    let by_zone =
        |doc: &str| format!("ws/com.apple.CloudDocs%3A_bob%2F1/download/by_id?document_id={doc}");
    assert_eq!(
        paths,
        [
            by_id("A"),
            by_zone("A"),
            by_zone("B"),
            by_zone("C"),
            by_id("C"),
            by_zone("A")
        ]
    );
}
