use super::*;

fn item(json: &str) -> Item {
    serde_json::from_str(json).unwrap()
}

fn id(drivewsid: &str) -> RemoteId {
    RemoteId::from_drivewsid(drivewsid).unwrap()
}

/// The examples of protocol page 8.4.
const FILE: &str = r#"{"drivewsid":"FILE::com.apple.CloudDocs::516C896C-6AA5-4A30-B30E-5502C2333DAE",
 "docwsid":"516C896C-6AA5-4A30-B30E-5502C2333DAE","zone":"com.apple.CloudDocs","name":"Scanned document 1",
 "parentId":"FOLDER::com.apple.CloudDocs::D5AA0425-E84F-4501-AF5D-60F1D92648CF",
 "dateModified":"2020-05-03T00:15:17Z","dateChanged":"2020-05-02T17:16:17-07:00","size":21644358,"etag":"32::2x",
 "extension":"pdf","hiddenExtension":true,"lastOpenTime":"2020-05-03T00:24:25Z","type":"FILE"}"#;
const LIBRARY: &str = r#"{"dateCreated":"2019-12-12T14:33:55-08:00","drivewsid":"FOLDER::com.apple.Keynote::documents",
 "docwsid":"documents","zone":"com.apple.Keynote","name":"Keynote","parentId":"FOLDER::com.apple.CloudDocs::root",
 "etag":"2m","type":"APP_LIBRARY","maxDepth":"ANY","icons":[],"supportedExtensions":["key"]}"#;

#[test]
fn a_file_is_read_whole() {
    let node = node(item(FILE), From::Elsewhere).unwrap();
    assert_eq!(node.name, "Scanned document 1.pdf");
    assert_eq!((node.kind, node.size), (Kind::File, 21_644_358));
    assert_eq!(node.modified_ms, Some(1_588_464_917_000));
    assert_eq!(node.etag.content_part(), Some("2x"));
    let parent = "FOLDER::com.apple.CloudDocs::D5AA0425-E84F-4501-AF5D-60F1D92648CF";
    assert_eq!(node.parent, Some(id(parent)));
    assert!(!node.is_fixed && !node.is_shared && !node.is_foreign && !node.is_trashed);
}

#[test]
fn both_forms_of_time_are_read() {
    let offset = FILE.replace("2020-05-03T00:15:17Z", "2020-05-02T17:15:17-07:00");
    let node = node(item(&offset), From::Elsewhere).unwrap();
    assert_eq!(node.modified_ms, Some(1_588_464_917_000));
}

#[test]
fn a_library_is_a_fixed_folder_of_its_own_zone() {
    let node = node(item(LIBRARY), From::Elsewhere).unwrap();
    assert_eq!((node.kind, node.name.as_str()), (Kind::Folder, "Keynote"));
    assert!(node.is_fixed);
    assert_eq!(node.id.zone.as_str(), "com.apple.Keynote");
    assert_eq!(node.modified_ms, None);
}

#[test]
fn shared_and_unknown_types_are_told_apart() {
    for (json, shared, foreign, kind) in [
        (
            r#"{"drivewsid":"SHARED_FOLDER::z::1"}"#,
            true,
            false,
            Kind::Folder,
        ),
        (
            r#"{"drivewsid":"FILE_IN_SHARED_FOLDER::z::1"}"#,
            true,
            false,
            Kind::File,
        ),
        (
            r#"{"drivewsid":"FOLDER::z::1","type":"FOLDER","shareID":{"a":1}}"#,
            false,
            false,
            Kind::Folder,
        ),
        (
            r#"{"drivewsid":"ALIAS::z::1","type":"ALIAS"}"#,
            false,
            true,
            Kind::File,
        ),
        (
            r#"{"drivewsid":"FOLDER::z::1"}"#,
            false,
            false,
            Kind::Folder,
        ),
    ] {
        let node = node(item(json), From::Elsewhere).unwrap();
        assert_eq!(
            (node.is_shared, node.is_foreign, node.kind),
            (shared, foreign, kind),
            "{json}"
        );
        assert_eq!(node.is_lent, json.contains("shareID"), "{json}");
    }
}

#[test]
fn what_can_not_be_relied_on_says_why() {
    let error = node(
        item(&FILE.replace("\"size\":21644358,", "")),
        From::Elsewhere,
    )
    .unwrap_err();
    assert!(error.contains("without a size"), "{error}");
    let error = node(item(r#"{"name":"x","type":"FOLDER"}"#), From::Elsewhere).unwrap_err();
    assert!(error.contains("without an id"), "{error}");
    for parts in [r#""docwsid":"","zone":"z""#, r#""docwsid":"a","zone":"""#] {
        let empty =
            format!(r#"{{"drivewsid":"com.apple.CloudDocs",{parts},"size":1,"type":"FILE"}}"#);
        let error = node(item(&empty), From::Elsewhere).unwrap_err();
        assert!(error.contains("without an id"), "{error}");
    }
    let without_etag = node(
        item(&FILE.replace("\"etag\":\"32::2x\",", "")),
        From::Elsewhere,
    )
    .unwrap();
    let other = FILE
        .replace("\"etag\":\"32::2x\",", "")
        .replace("21644358", "3");
    assert_ne!(
        without_etag.etag,
        node(item(&other), From::Elsewhere).unwrap().etag
    );
}

#[test]
fn trashed_items_are_known_by_their_parent() {
    for trash in ["TRASH_ROOT", "FOLDER::com.apple.CloudDocs::TRASH_ROOT"] {
        let json = format!(
            r#"{{"drivewsid":"FOLDER::z::1","type":"FOLDER","parentId":"{trash}","restorePath":"a/b"}}"#
        );
        let node = node(item(&json), From::Elsewhere).unwrap();
        assert!(node.is_trashed);
        assert_eq!(
            (node.parent, node.restore_path.as_deref()),
            (None, Some("a/b"))
        );
    }
}

fn element(number: &str, items: &str) -> Item {
    item(&format!(
        r#"{{"drivewsid":"FOLDER::z::1","docwsid":"1","zone":"z","name":"n","etag":"3","type":"FOLDER",
            "items":{items},"numberOfItems":{number},"status":"OK"}}"#
    ))
}

#[test]
fn a_folder_is_whole_only_if_its_number_is_that_of_its_items() {
    let asked = id("FOLDER::z::1");
    let one = format!("[{FILE}]");
    let whole = folder_answer(element("1", &one), &asked);
    let FolderAnswer::Whole { folder, children } = whole else {
        panic!("{whole:?}");
    };
    assert_eq!((folder.name.as_str(), children.len()), ("n", 1));
    for (number, items) in [
        ("2", one.as_str()),
        ("0", &one),
        ("null", &one),
        ("0", "null"),
    ] {
        let odd = folder_answer(element(number, items), &asked);
        assert!(
            matches!(odd, FolderAnswer::Odd(_)),
            "{number} {items}: {odd:?}"
        );
        let odd = folder_probe(element(number, items), &asked);
        assert!(
            matches!(odd, FolderProbe::Odd(_)),
            "{number} {items}: {odd:?}"
        );
    }
    let other = folder_answer(element("1", &one), &id("FOLDER::z::2"));
    assert!(matches!(other, FolderAnswer::Odd(why) if why.contains("another")));
    let gone = folder_answer(item(r#"{"status":"ID_INVALID"}"#), &asked);
    assert!(matches!(gone, FolderAnswer::Gone));
    let word = folder_answer(
        item(r#"{"status":"TRY_LATER","items":[],"numberOfItems":0}"#),
        &asked,
    );
    assert!(matches!(word, FolderAnswer::Odd(why) if why.contains("TRY_LATER")));
    let empty = folder_answer(element("0", "[]"), &asked);
    assert!(matches!(empty, FolderAnswer::Whole { children, .. } if children.is_empty()));
}

#[test]
fn an_answer_for_a_file_is_none_for_a_folder() {
    let text = r#"{"drivewsid":"FOLDER::z::1","etag":"1","type":"FILE","size":3,"items":[],"numberOfItems":0}"#;
    let answer = folder_answer(item(text), &id("FOLDER::z::1"));
    assert!(matches!(answer, FolderAnswer::Odd(why) if why.contains("no folder")));
    let probe = folder_probe(item(text), &id("FOLDER::z::1"));
    assert!(matches!(probe, FolderProbe::Odd(_)));
}

#[test]
fn a_probe_reads_ids_and_etags_and_nothing_into_shared_items() {
    let items = r#"[{"drivewsid":"FILE::z::A","docwsid":"A","etag":"1::1"},
        {"drivewsid":"FOLDER::z::B","docwsid":"B","etag":"2"},
        {"drivewsid":"FILE_IN_SHARED_FOLDER::z::C","docwsid":"C","etag":"3"}]"#;
    let probe = folder_probe(element("3", items), &id("FOLDER::z::1"));
    let FolderProbe::Whole { folder, children } = probe else {
        panic!("{probe:?}");
    };
    assert_eq!(folder.etag, Etag::new("3"));
    assert_eq!(
        children[0],
        (id("FILE::z::A"), Kind::File, Etag::new("1::1"))
    );
    assert_eq!(
        children[1],
        (id("FOLDER::z::B"), Kind::Folder, Etag::new("2"))
    );
    assert_ne!(children[2].0, id("FILE::z::C"));
    let odd = folder_probe(
        element("1", r#"[{"drivewsid":"FILE::z::A"}]"#),
        &id("FOLDER::z::1"),
    );
    assert!(matches!(odd, FolderProbe::Odd(_)));
}

/// What another account shares, as the folder that it begins in lists it, and as its own listing does.
const SHARE: &str = r#"{"drivewsid":"SHARED_FOLDER::z::T","docwsid":"T","zone":"z","name":"Team","etag":"5","type":"FOLDER",
    "parentId":"FOLDER::z::1","shareID":{"shareName":"s","recordName":"r/1","zoneID":{"zoneName":"z","ownerRecordName":"_bob"}}}"#;

fn in_share(doc: &str) -> RemoteId {
    RemoteId {
        zone: Zone::of_share(&Zone::new("z"), "_bob", "r/1"),
        doc: DocId::new(doc),
    }
}

fn children(answer: FolderAnswer) -> Vec<Node> {
    let FolderAnswer::Whole { children, .. } = answer else {
        panic!("{answer:?}");
    };
    children
}

#[test]
fn a_share_begins_a_zone_of_its_own() {
    let asked = id("FOLDER::z::1");
    let single = SHARE.replace("SHARED_FOLDER::z::T", "FILE_IN_SHARED_FOLDER::z::T");
    for (json, kind) in [
        (SHARE.to_owned(), Kind::Folder),
        (
            single.replace("\"type\":\"FOLDER\"", "\"type\":\"FILE\",\"size\":1"),
            Kind::File,
        ),
    ] {
        let node = children(folder_answer(element("1", &format!("[{json}]")), &asked)).remove(0);
        assert_eq!((node.id.clone(), node.kind), (in_share("T"), kind));
        assert!(!node.is_shared && !node.is_lent && !node.is_foreign);
        assert_eq!(share_top(&item(&json), &asked), Some(in_share("T")));
        // A probe does not tell of it, so that the folder is listed in full.
        let probe = folder_probe(element("1", &format!("[{json}]")), &asked);
        assert!(
            matches!(&probe, FolderProbe::Whole { children, .. } if children[0].0 != in_share("T")),
            "{probe:?}"
        );
    }
    // Without a word on the share there is no way to it; the service can't make up a name that is a share's here.
    for json in [
        SHARE.replace("recordName", "name"),
        SHARE.replace("\"_bob\"", "\"\""),
        SHARE.replace("\"_bob\"", "null"),
        SHARE.replace("\"s\"", &format!("\"{}\"", "s".repeat(LONGEST_SHARE))),
    ] {
        let node = node(item(&json), From::Listing(&asked.zone)).unwrap();
        assert!(node.is_shared && !node.id.zone.is_share(), "{json}");
        assert_eq!(share_top(&item(&json), &asked), None);
    }
    let forged = r#"{"drivewsid":"FILE::z/_bob/r%2f1::X","zone":"z/_bob/r%2f1","docwsid":"X","size":1,"etag":"1::1"}"#;
    assert!(node(item(forged), From::Listing(&asked.zone)).is_err());
}

#[test]
fn what_is_in_a_share_has_its_zone() {
    let asked = in_share("T");
    let items = r#"[
        {"drivewsid":"FILE_IN_SHARED_FOLDER::z::A","docwsid":"A","zone":"z","name":"a","etag":"6::6","type":"FILE","size":2,
         "parentId":"SHARED_FOLDER::z::T"},
        {"drivewsid":"FOLDER_IN_SHARED_FOLDER::z::D","docwsid":"D","zone":"z","name":"d","etag":"7","type":"FOLDER"},
        {"drivewsid":"FILE::z::O","docwsid":"O","zone":"z","name":"o","etag":"8::8","type":"FILE","size":1}]"#;
    let own = |items: &str, number: &str| {
        let json = element(number, items);
        Item {
            drivewsid: Some("SHARED_FOLDER::z::T".to_owned()),
            docwsid: Some("T".to_owned()),
            parent_id: Some("FOLDER::z::1".to_owned()),
            ..json
        }
    };
    let FolderAnswer::Whole { folder, children } = folder_answer(own(items, "3"), &asked) else {
        panic!("it is whole");
    };
    assert_eq!(
        (folder.id, folder.parent),
        (asked.clone(), Some(id("FOLDER::z::1")))
    );
    let seen: Vec<_> = (children.iter())
        .map(|node| (node.id.clone(), node.kind, node.is_foreign))
        .collect();
    assert_eq!(
        seen,
        [
            (in_share("A"), Kind::File, false),
            (in_share("D"), Kind::Folder, false),
            (id("FILE::z::O"), Kind::File, true),
        ]
    );
    assert_eq!(children[0].parent, Some(asked.clone()));
    let FolderProbe::Whole { children, .. } = folder_probe(own(items, "3"), &asked) else {
        panic!("it is whole");
    };
    assert_eq!(
        (&children[0].0, children[0].1),
        (&in_share("A"), Kind::File)
    );
    assert_eq!(
        (&children[1].0, children[1].1),
        (&in_share("D"), Kind::Folder)
    );
    assert_ne!(children[2].0, id("FILE::z::O"));
    let odd = folder_answer(own("[]", "0"), &in_share("other"));
    assert!(matches!(odd, FolderAnswer::Odd(_)));
}
