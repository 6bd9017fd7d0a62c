//! The verbs of Drive with answers that nobody should give: whatever comes, each verb ends with an answer of the right form
//! or an error.

use std::io::Cursor;

use super::*;
use crate::{
    error::Kind as ErrorKind,
    fuzz::fuzz,
    tree::{Etag, local_name},
};

/// Gives the same bytes to whoever asks.
struct Parrot<'a>(&'a [u8]);

impl Parrot<'_> {
    fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(self.0)
            .map_err(|error| Error::new(ErrorKind::Protocol, error.to_string()))
    }
}

impl Wire for Parrot<'_> {
    fn post<T: DeserializeOwned>(
        &self,
        _: Host,
        _: &str,
        body: &(impl Serialize + ?Sized),
        _: Effect,
    ) -> Result<T> {
        serde_json::to_vec(body).expect("what is asked can be written");
        self.read()
    }

    fn get<T: DeserializeOwned>(&self, _: Host, _: &str) -> Result<T> {
        self.read()
    }

    fn fetch(&self, _: &str, _: u64, _: Option<u64>) -> Result<Content> {
        panic!("nothing is fetched here")
    }

    fn send(
        &self,
        _: &str,
        length: u64,
        _: &str,
        body: impl Read + Send + 'static,
    ) -> Result<Vec<u8>> {
        std::io::copy(&mut body.take(length), &mut std::io::sink()).unwrap();
        Ok(self.0.to_vec())
    }

    fn pause(&self, _: u32) -> Result<()> {
        Ok(())
    }

    fn again(&self, n: u32, why: Error) -> Result<()> {
        if n >= 4 { Err(why) } else { Ok(()) }
    }

    fn refusals(&self) -> u64 {
        0
    }
}

const D: &str = "516C896C-6AA5-4A30-B30E-5502C2333DAE";

fn id(doc: &str) -> RemoteId {
    RemoteId {
        zone: Zone::drive(),
        doc: DocId::new(doc),
    }
}

/// A name of a listing becomes a local one that stays where it is put, or none.
fn expect_harmless(node: &Node) {
    if let Ok(name) = local_name(&node.name) {
        assert!(!name.contains(['/', '\0']) && !["", ".", ".."].contains(&&*name));
        assert!(name.len() <= 255);
    }
    assert!(!encoded(node.id.zone.as_str()).contains(['/', '?', '#', '\\']));
    assert!(!encoded(&node.id.doc.to_string()).contains(['/', '?', '#', '\\']));
    // What is kept of it in the baseline is read as the same item.
    let again = RemoteId::from_drivewsid(&node.id.file_drivewsid());
    if !node.id.zone.as_str().contains("::") && !node.id.zone.as_str().ends_with(':') {
        assert_eq!(
            again.as_ref(),
            Some(&node.id),
            "{:?}",
            node.id.file_drivewsid()
        );
    }
}

const LISTING: &[u8] = br#"[{"dateCreated":"2023-01-02T03:04:05Z","drivewsid":"FOLDER::com.apple.CloudDocs::root",
"docwsid":"root","zone":"com.apple.CloudDocs","name":"","etag":"31","type":"FOLDER","assetQuota":12,"fileCount":2,
"shareCount":0,"shareAliasCount":0,"directChildrenCount":3,"items":[
{"dateCreated":"2023-01-02T03:04:05Z","drivewsid":"FOLDER::com.apple.CloudDocs::516C896C-6AA5-4A30-B30E-5502C2333DAE",
"docwsid":"516C896C-6AA5-4A30-B30E-5502C2333DAE","zone":"com.apple.CloudDocs","name":"Documents",
"parentId":"FOLDER::com.apple.CloudDocs::root","etag":"1a","type":"FOLDER","assetQuota":0,"fileCount":0},
{"dateCreated":"2021-05-06T07:08:09Z","drivewsid":"FOLDER::com.apple.Keynote::documents","docwsid":"documents",
"zone":"com.apple.Keynote","name":"Keynote","parentId":"FOLDER::com.apple.CloudDocs::root","etag":"2m","type":"APP_LIBRARY",
"maxDepth":"ANY","icons":[{"url":"https://cdn.example.com/i","type":"IOS","size":120}],"supportedExtensions":["key"]},
{"drivewsid":"FILE::com.apple.CloudDocs::33A41112-4131-4938-9866-7F356CE3C51D","docwsid":"33A41112-4131-4938-9866-7F356CE3C51D",
"zone":"com.apple.CloudDocs","name":"Scanned document 1","parentId":"FOLDER::com.apple.CloudDocs::root",
"dateModified":"2020-05-03T00:15:17Z","dateChanged":"2020-05-03T00:16:17Z","size":21644358,"etag":"32::2x","extension":"pdf",
"hiddenExtension":true,"lastOpenTime":"2020-05-03T00:24:25Z","type":"FILE","shareID":null}],"numberOfItems":3,"status":"OK"}]"#;

const PARTIAL: &[u8] = br#"[{"drivewsid":"FOLDER::com.apple.CloudDocs::root","docwsid":"root","zone":"com.apple.CloudDocs","etag":"31",
"items":[{"drivewsid":"FILE::com.apple.CloudDocs::A","docwsid":"A","zone":"com.apple.CloudDocs","etag":"1::2"},
{"drivewsid":"FOLDER::com.apple.CloudDocs::B","docwsid":"B","zone":"com.apple.CloudDocs","etag":"3"}],"numberOfItems":2}]"#;

const TRASH: &[u8] = br#"[{"drivewsid":"TRASH_ROOT","items":[{"drivewsid":"FILE::com.apple.CloudDocs::A","docwsid":"A",
"zone":"com.apple.CloudDocs","name":"a","extension":"txt","parentId":"TRASH_ROOT","etag":"4::5","type":"FILE","size":"3",
"restorePath":"Documents/a.txt","dateExpiration":"2026-01-02T03:04:05+02:00","isDeleted":true}],"numberOfItems":1,"status":"OK"}]"#;

const SHARED: &[u8] = br#"[{"drivewsid":"FOLDER::com.apple.CloudDocs::root","docwsid":"root","zone":"com.apple.CloudDocs","etag":"31",
"items":[{"drivewsid":"SHARED_FOLDER::com.apple.CloudDocs::B::_owner","docwsid":"B","zone":"com.apple.CloudDocs","name":"ours",
"etag":"3","type":"FOLDER","shareID":{"shareName":"x","zoneID":{"zoneName":"z","ownerRecordName":"_o"}}},
{"drivewsid":"WHAT::z::C","etag":null,"type":"NEW"}],"numberOfItems":2},{"status":"ID_INVALID","drivewsid":"FOLDER::z::x"}]"#;

#[test]
fn listings() {
    let samples = [LISTING, PARTIAL, TRASH, SHARED];
    fuzz("listings", &samples, |bytes| {
        let drive = Drive::new(Parrot(bytes));
        for folders in [vec![id("root")], vec![id("root"), id("other")]] {
            if let Ok(answers) = drive.list(&folders) {
                assert_eq!(answers.len(), folders.len());
                for answer in answers {
                    if let FolderAnswer::Whole { folder, children } = answer {
                        children.iter().for_each(expect_harmless);
                        assert_eq!(folder.kind, Kind::Folder);
                    }
                }
            }
            if let Ok(answers) = drive.probe(&folders) {
                assert_eq!(answers.len(), folders.len());
            }
        }
        if let Ok(nodes) = drive.list_trash() {
            assert!(
                nodes
                    .iter()
                    .all(|node| node.is_trashed && node.parent.is_none())
            );
        }
    });
}

const ITEMS: &[u8] = br#"{"items":[{"drivewsid":"FILE::com.apple.CloudDocs::516C896C-6AA5-4A30-B30E-5502C2333DAE",
"docwsid":"516C896C-6AA5-4A30-B30E-5502C2333DAE","zone":"com.apple.CloudDocs","name":"new name","extension":"txt",
"parentId":"FOLDER::com.apple.CloudDocs::root","dateModified":"2020-05-03T00:15:17Z","size":5,"etag":"33::2x","type":"FILE",
"status":"OK","clientId":"FILE::com.apple.CloudDocs::516C896C-6AA5-4A30-B30E-5502C2333DAE","isDeleted":false}]}"#;

const TRASHED: &[u8] = br#"{"items":[{"drivewsid":"FILE::com.apple.CloudDocs::516C896C-6AA5-4A30-B30E-5502C2333DAE",
"docwsid":"516C896C-6AA5-4A30-B30E-5502C2333DAE","zone":"com.apple.CloudDocs","name":"a","parentId":"TRASH_ROOT","size":5,
"etag":"33::2x","type":"FILE","status":"OK"}]}"#;

const FOLDERS: &[u8] = br#"{"destinationDrivewsId":"FOLDER::com.apple.CloudDocs::root","folders":[
{"drivewsid":"FOLDER::com.apple.CloudDocs::N1","docwsid":"N1","zone":"com.apple.CloudDocs","name":"one","etag":"1",
"parentId":"FOLDER::com.apple.CloudDocs::root","type":"FOLDER","clientId":"FOLDER::UNKNOWN_ZONE::TempId-0","status":"OK"},
{"clientId":"FOLDER::UNKNOWN_ZONE::TempId-1","status":"UNKNOWN"}]}"#;

#[test]
fn writes_and_items_by_id() {
    let stale = br#"{"items":[{"status":"ETAG_CONFLICT"}]}"#;
    let refused = br#"{"status":"ACCESS_DENIED"}"#;
    let samples = [ITEMS, TRASHED, FOLDERS, stale, refused];
    fuzz("writes_and_items_by_id", &samples, |bytes| {
        let drive = Drive::new(Parrot(bytes));
        let target = |doc| Target {
            id: id(doc),
            kind: Kind::File,
            etag: Etag::new("32::2x"),
        };
        let (one, root) = (target(D), RemoteId::root());
        let both = [target(D), target("other")];
        if let Ok(nodes) = drive.read(&[(id(D), Kind::File)]) {
            assert_eq!(nodes.len(), 1);
            assert!(nodes.iter().flatten().all(|node| node.id == one.id));
        }
        if let Ok(made) = drive.create_folders(&root, &["one", "two"]) {
            assert_eq!(made.len(), 2);
        }
        if let Ok(node) = drive.rename(&one, "new name.txt") {
            expect_harmless(&node);
        }
        for answer in [drive.relocate(&both, &root), drive.put_back(&both)] {
            assert!(answer.is_err() || answer.is_ok_and(|answers| answers.len() == 2));
        }
        if let Ok(answers) = drive.trash(&both) {
            assert_eq!(answers.len(), 2);
            // Nothing is taken as deleted that the service does not show there.
            assert!(answers.iter().flatten().all(|node| node.is_trashed));
        }
    });
}

const BATCH: &[u8] = br#"[{"document_id":"516C896C-6AA5-4A30-B30E-5502C2333DAE","item_id":"CJC","owner_dsid":20,"data_token":{
"url":"https://cvws.icloud-content.com/B/x/${f}?o=y&e=1","token":"t","signature":"Abv+EeVEGAQ0o5/2szwFFOVX1ICw",
"wrapping_key":"k==","reference_signature":"AQ=="},"double_etag":"32::2x"},{"document_id":"other","package_token":{
"url":"https://p31-packageservice.icloud-content.com/packageDownload?x=1","signature":null},"etag":"1::2"}]"#;

#[test]
fn download_tokens() {
    let one = &BATCH[1..=BATCH.len() - 2];
    fuzz("download_tokens", &[BATCH, one], |bytes| {
        let drive = Drive::new(Parrot(bytes));
        for docs in [
            vec![DocId::new(D)],
            vec![DocId::new(D), DocId::new("other")],
        ] {
            let Ok(tokens) = drive.tokens(&Zone::drive(), &docs) else {
                continue;
            };
            assert_eq!(tokens.len(), docs.len());
            for (token, doc) in tokens.iter().zip(&docs) {
                if let Ok(token) = token {
                    assert!(token.doc == *doc && !token.url.is_empty());
                }
            }
        }
    });
}

const SLOT: &[u8] =
    br#"[{"document_id":"516C896C-6AA5-4A30-B30E-5502C2333DAE","owner":"x","owner_id":"_x",
"url":"https://cws.icloud-content.com:443/20/singleFileUpload?tk=A"}]"#;

const RECEIPT: &[u8] =
    br#"{"singleFile":{"referenceChecksum":"AQ==","fileChecksum":"Abv+EeVEGAQ0o5/2szwFFOVX1ICw",
"wrappingKey":"k==","receipt":"A0/x","size":5}}"#;

const COMMITTED: &[u8] = br#"{"status":{"status_code":0,"error_message":""},"results":[{"status":{"status_code":"0"},"document":{
"status":{"status_code":0,"error_message":""},"etag":"33::34","double_etag":"33::34","parent_id":"root","name":"a.txt",
"type":"FILE","deleted":false,"mtime":1588464917000,"last_editor_name":"{}","data":{"signature":"x","size":5},"size":5,
"btime":1588464917000,"zone":"com.apple.CloudDocs","document_id":"516C896C-6AA5-4A30-B30E-5502C2333DAE"}}]}"#;

#[test]
fn answers_to_uploads() {
    let busy = br#"{"status":{"status_code":14,"error_message":"Uniqueness constraint violation"},"results":[]}"#;
    let samples = [SLOT, RECEIPT, COMMITTED, &busy[..]];
    fuzz("answers_to_uploads", &samples, |bytes| {
        let zone = Zone::drive();
        let drive = Drive::new(Parrot(bytes));
        let mut open =
            || -> Result<Box<dyn Read + Send>> { Ok(Box::new(Cursor::new(b"hello".to_vec()))) };
        drop(drive.stage(&zone, "a.txt", 5, &mut open));
        // The slot is good, and the answer to the content is not.
        let slot: Vec<crate::cloud::wire::UploadSlot> = serde_json::from_slice(SLOT).unwrap();
        let doc = DocId::new(slot[0].document_id.as_deref().unwrap());
        if let Ok(uploaded) = serde_json::from_slice::<crate::cloud::wire::Uploaded>(bytes)
            && let Some(receipt) = uploaded.single_file
        {
            serde_json::to_vec(&receipt).expect("what was read can be given back");
        }
        let staged = Staged {
            doc: doc.clone(),
            signature: None,
            receipt: crate::cloud::wire::SingleFile::default(),
        };
        let folder = RemoteId::root();
        for what in [Commit::Create, Commit::Update(&doc)] {
            if let Ok(node) = drive.commit(&staged, &what, &folder, "a.txt", 5, -1) {
                assert_eq!(node.id, id(D));
            }
        }
    });
}
