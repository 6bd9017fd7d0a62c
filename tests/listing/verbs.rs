//! The Drive verbs, one by one.

use std::io::{Cursor, Read};

use icloud_sync::{
    cloud::{Commit, FolderAnswer, Node, Remote, Staged, Target, Token, until_free},
    emulator::{Action, Fault, ShareDownload, SignatureMode, StaleTrash, TakenName},
    error::{Error, Kind as ErrorKind, Result},
    tree::{DocId, Etag, Kind, RemoteId, RemoteItem, Signature, Zone},
};

use crate::{World, path};

fn reader(content: &[u8]) -> Box<dyn Read + Send> {
    Box::new(Cursor::new(content.to_vec()))
}

impl World {
    fn stage(&self, zone: &Zone, name: &str, content: &[u8]) -> Result<Staged> {
        let size = content.len() as u64;
        self.drive
            .stage(zone, name, size, &mut || Ok(reader(content)))
    }

    fn create(&self, folder: &RemoteId, name: &str, content: &[u8]) -> Result<Node> {
        let staged = self.stage(&folder.zone, name, content)?;
        let size = content.len() as u64;
        let what = Commit::Create;
        self.drive
            .commit(&staged, &what, folder, name, size, 1_700_000_000_999)
    }

    fn token(&self, item: &RemoteId) -> Result<Token> {
        let docs = std::slice::from_ref(&item.doc);
        self.drive.tokens(&item.zone, docs)?.remove(0)
    }

    fn fetch(&self, token: &Token, from: u64) -> Result<(u64, Vec<u8>)> {
        let mut content = self.drive.fetch(token, from)?;
        let mut bytes = Vec::new();
        content.body.read_to_end(&mut bytes).unwrap();
        Ok((content.offset, bytes))
    }

    fn assert_nothing_was_deleted_for_good(&self) {
        assert_eq!(self.emulator.count("deleteItems"), 0);
        let leaked = self.emulator.requests();
        let leaked = leaked.iter().filter(|e| e.endpoint.starts_with("content"));
        assert!(
            leaked.clone().all(|e| !e.sent_cookies),
            "no cookie goes to a content host"
        );
    }
}

fn target(item: &RemoteItem) -> Target {
    Target {
        id: item.id.clone(),
        kind: item.kind,
        etag: item.etag.clone(),
    }
}

fn kinds<T>(answers: &[Result<T>]) -> Vec<Option<ErrorKind>> {
    let kind = |answer: &Result<T>| answer.as_ref().err().map(Error::kind);
    answers.iter().map(kind).collect()
}

#[test]
fn a_file_goes_up_and_comes_down_as_it_is() {
    let world = World::new().with(&["docs/"]);
    let folder = world.item("docs").id;
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let node = world.create(&folder, "a.bin", &content).unwrap();
    assert_eq!(world.content("docs/a.bin"), content);
    let listed = world.item("docs/a.bin");
    assert_eq!(
        (&listed.id, &listed.etag, listed.size),
        (&node.id, &node.etag, node.size)
    );
    assert_eq!(
        listed.modified_ms,
        Some(1_700_000_000_000),
        "whole seconds, cut"
    );
    let token = world.token(&listed.id).unwrap();
    assert_eq!(token.etag.as_ref(), Some(&listed.etag));
    assert_eq!(token.signature, Some(Signature::of(&content)));
    assert!(!token.is_package);
    assert_eq!(world.fetch(&token, 0).unwrap(), (0, content.clone()));
    let (offset, rest) = world.fetch(&token, 1_000_000).unwrap();
    assert_eq!(offset, 1_000_000);
    assert!(rest == content[1_000_000..]);
    world.assert_nothing_was_deleted_for_good();
}

#[test]
fn an_empty_file_is_a_file() {
    let world = World::new();
    let node = world.create(&RemoteId::root(), "empty", b"").unwrap();
    assert_eq!(node.size, 0);
    assert_eq!(world.content("empty"), b"");
}

#[test]
fn a_taken_name_is_refused_in_either_form_and_a_new_version_keeps_the_id() {
    for taken_name in [TakenName::Http, TakenName::Inner] {
        let world = World::new().with(&["a.txt"]);
        world.emulator.set_switches(|s| s.taken_name = taken_name);
        let error = world
            .create(&RemoteId::root(), "a.txt", b"new")
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists, "{}", error.chain());
        assert_eq!(world.content("a.txt"), b"a.txt");
        let old = world.item("a.txt");
        let staged = world.stage(&old.id.zone, "a.txt", b"second").unwrap();
        assert_eq!(world.item("a.txt"), old, "staging shows nothing");
        let what = Commit::Update(&old.id.doc);
        let root = RemoteId::root();
        let node = world
            .drive
            .commit(&staged, &what, &root, "a.txt", 6, 1_700_000_001_000);
        let node = node.unwrap();
        assert_eq!(node.id, old.id);
        assert_ne!(node.etag, old.etag);
        assert_eq!(world.content("a.txt"), b"second");
        assert_eq!(world.item("a.txt").etag, node.etag);
        assert!(world.device.trashed().unwrap().is_empty());
    }
}

#[test]
fn content_that_changed_while_it_was_sent_is_not_staged() {
    let world = World::new();
    for (announced, content) in [(3, &b"longer"[..]), (9, b"short"), (0, b"x")] {
        let staged = world
            .drive
            .stage(&Zone::drive(), "a", announced, &mut || Ok(reader(content)));
        let error = staged.err().unwrap();
        assert_eq!(
            error.kind(),
            ErrorKind::Changed,
            "{announced}: {}",
            error.chain()
        );
    }
    assert!(world.device.tree().unwrap().is_empty());
}

#[test]
fn sending_survives_a_broken_connection_and_an_expired_slot() {
    let world = World::new();
    world
        .emulator
        .fault(Fault::once("content POST", Action::DropBefore));
    let gone = Action::Status {
        status: 403,
        body: None,
        retry_after: None,
    };
    world
        .emulator
        .fault(Fault::once("content POST", gone).after(1));
    world.create(&RemoteId::root(), "a", b"content").unwrap();
    assert_eq!(world.content("a"), b"content");
    assert_eq!(world.emulator.count("upload/web"), 3);
}

#[test]
fn a_library_is_written_to_in_its_own_zone() {
    let world = World::new();
    world
        .device
        .add_library("Notes", "iCloud.md.example", "documents#o2v")
        .unwrap();
    let library = world.item("Notes").id;
    let node = world.create(&library, "n.md", b"note").unwrap();
    assert_eq!(node.id.zone.as_str(), "iCloud.md.example");
    assert_eq!(world.content("Notes/n.md"), b"note");
    let made = world.drive.create_folders(&library, &["sub"]).unwrap();
    let sub = made.into_iter().next().unwrap().unwrap();
    assert_eq!(sub.id.zone, library.zone);
    let token = world.token(&node.id).unwrap();
    assert_eq!(world.fetch(&token, 0).unwrap().1, b"note");
    // The library's folder, asked for in Drive's zone, is not there.
    let staged = world.stage(&Zone::drive(), "x", b"x").unwrap();
    let wrong = RemoteId {
        zone: Zone::drive(),
        doc: sub.id.doc,
    };
    let error = world
        .drive
        .commit(&staged, &Commit::Create, &wrong, "x", 1, 0);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn tokens_come_many_at_a_time_and_a_missing_document_spoils_only_itself() {
    for refuses in [false, true] {
        let world = World::new();
        world
            .emulator
            .set_switches(|s| s.batch_refuses_unknown = refuses);
        for n in 0..25 {
            world.device.write(format!("f{n}"), "content").unwrap();
        }
        let listing = world.scan();
        let mut docs: Vec<DocId> = listing.items().iter().map(|i| i.id.doc.clone()).collect();
        world.emulator.clear_requests();
        let tokens = world.drive.tokens(&Zone::drive(), &docs).unwrap();
        assert!(tokens.iter().all(Result::is_ok));
        assert_eq!(world.take_count(), 3);
        docs.insert(3, DocId::new("00000000-0000-0000-0000-00000000DEAD"));
        let tokens = world.drive.tokens(&Zone::drive(), &docs).unwrap();
        let failed: Vec<_> = kinds(&tokens)
            .into_iter()
            .enumerate()
            .filter(|(_, k)| k.is_some())
            .collect();
        assert_eq!(failed, [(3, Some(ErrorKind::NotFound))], "{refuses}");
        for (doc, token) in docs.iter().zip(&tokens) {
            assert!(token.as_ref().is_ok_and(|token| token.doc == *doc) || token.is_err());
        }
    }
}

#[test]
fn a_small_batch_limit_and_a_late_document_are_lived_with() {
    let world = World::new();
    world.emulator.set_switches(|s| {
        s.batch_limit = 3;
        s.fresh_404 = 2;
    });
    let mut docs = Vec::new();
    for n in 0..5 {
        docs.push(
            world
                .create(&RemoteId::root(), &format!("f{n}"), b"x")
                .unwrap()
                .id
                .doc,
        );
    }
    let tokens = world.drive.tokens(&Zone::drive(), &docs).unwrap();
    assert!(tokens.iter().all(Result::is_ok), "{:?}", kinds(&tokens));
}

#[test]
fn a_token_without_an_address_is_an_error_and_no_empty_file() {
    let world = World::new().with(&["a.txt"]);
    let id = world.item("a.txt").id;
    world
        .emulator
        .fault(Fault::always("download/by_id", Action::NoToken));
    assert_eq!(world.token(&id).unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn signatures_of_other_forms_are_unverifiable() {
    let world = World::new().with(&["a.txt"]);
    world
        .emulator
        .set_switches(|s| s.signatures = SignatureMode::Container);
    let staged = world.stage(&Zone::drive(), "x", b"x").unwrap();
    assert_eq!(staged.signature, None);
    world.emulator.set_switches(|s| {
        s.signatures = SignatureMode::Plain;
        s.signature_url_alphabet = true;
    });
    let staged = world.stage(&Zone::drive(), "x", b"hello\n").unwrap();
    assert_eq!(staged.signature, Some(Signature::of(b"hello\n")));
}

#[test]
fn addresses_that_expired_or_lead_elsewhere_are_refused() {
    let world = World::new().with(&["a.txt"]);
    let id = world.item("a.txt").id;
    let token = world.token(&id).unwrap();
    world.emulator.expire_content_urls();
    assert_eq!(
        world.fetch(&token, 0).unwrap_err().kind(),
        ErrorKind::Refused
    );
    let host = Action::ContentHost("evil.example.com".into());
    world.emulator.fault(Fault::always("download/by_id", host));
    let token = world.token(&id).unwrap();
    assert_eq!(
        world.fetch(&token, 0).unwrap_err().kind(),
        ErrorKind::Protocol
    );
    world.emulator.clear_faults();
    world
        .emulator
        .fault(Fault::once("content GET", Action::Redirect330));
    let token = world.token(&id).unwrap();
    assert_eq!(world.fetch(&token, 0).unwrap().1, b"a.txt");
    world
        .emulator
        .fault(Fault::once("content GET", Action::IgnoreRange));
    assert_eq!(world.fetch(&token, 2).unwrap(), (0, b"a.txt".to_vec()));
    assert_eq!(
        world.fetch(&token, 99).unwrap_err().kind(),
        ErrorKind::Changed
    );
}

#[test]
fn a_package_is_known_by_its_token() {
    let world = World::new();
    world
        .device
        .mkpackage("doc.pages", &[("Index", b"x")])
        .unwrap();
    let item = world.item("doc.pages");
    assert_eq!(item.kind, Kind::File, "a listing does not tell");
    let token = world.token(&item.id).unwrap();
    assert!(token.is_package);
    assert!(world.fetch(&token, 0).unwrap().1.starts_with(b"PK"));
}

#[test]
fn folders_are_made_many_at_once_and_a_taken_name_is_told() {
    let world = World::new().with(&["taken/x"]);
    let names = ["one", "taken", "v1.2", ".dot", "e\u{301}"];
    let made = world
        .drive
        .create_folders(&RemoteId::root(), &names)
        .unwrap();
    assert_eq!(
        kinds(&made),
        [None, Some(ErrorKind::Exists), None, None, None]
    );
    for (node, name) in made.iter().zip(names) {
        assert!(
            node.as_ref()
                .map_or(name == "taken", |node| node.name == name)
        );
    }
    assert_eq!(world.emulator.count("createFolders"), 1);
    assert_eq!(world.item("v1.2").id, made[2].as_ref().unwrap().id);
    let gone = RemoteId {
        zone: Zone::drive(),
        doc: DocId::new("00000000-0000-0000-0000-00000000DEAD"),
    };
    let answer = world.drive.create_folders(&gone, &["x"]);
    assert!(answer.map_or(true, |made| made.iter().all(Result::is_err)));
}

#[test]
fn renames_keep_the_id_and_tell_the_name_they_got() {
    let world = World::new().with(&["a.txt", "b.txt", "folder/x"]);
    let item = world.item("a.txt");
    let node = world.drive.rename(&target(&item), "c.tar.gz").unwrap();
    assert_eq!((node.name.as_str(), &node.id), ("c.tar.gz", &item.id));
    assert_eq!(world.content("c.tar.gz"), b"a.txt");
    let item = world.item("c.tar.gz");
    let node = world.drive.rename(&target(&item), "b.txt").unwrap();
    assert_eq!(node.name, "b 2.txt", "the service numbers it");
    let folder = world.item("folder");
    let node = world.drive.rename(&target(&folder), "new.d").unwrap();
    assert_eq!(node.name, "new.d");
    assert!(world.scan().get(&path("new.d/x")).is_some());
}

#[test]
fn moves_are_many_at_once_and_across_zones_refused() {
    let world = World::new().with(&["a", "b", "to/"]);
    world
        .device
        .add_library("Notes", "iCloud.md.example", "documents")
        .unwrap();
    world.device.write("Notes/n", "x").unwrap();
    let folder = world.item("to").id;
    let items = [world.item("a"), world.item("Notes/n"), world.item("b")];
    let targets: Vec<Target> = items.iter().map(target).collect();
    let moved = world.drive.relocate(&targets, &folder).unwrap();
    assert_eq!(kinds(&moved), [None, Some(ErrorKind::Refused), None]);
    assert_eq!(moved[0].as_ref().unwrap().parent.as_ref(), Some(&folder));
    assert_eq!(world.item("to/b").id, items[2].id);
    assert_eq!(world.content("Notes/n"), b"x");
}

#[test]
fn a_stale_etag_keeps_an_item_out_of_the_trash() {
    for stale_trash in [StaleTrash::Silent, StaleTrash::Conflict] {
        let world = World::new().with(&["a", "b"]);
        world.emulator.set_switches(|s| s.stale_trash = stale_trash);
        let items = [world.item("a"), world.item("b")];
        world.device.write("a", "edited elsewhere").unwrap();
        let targets: Vec<Target> = items.iter().map(target).collect();
        let trashed = world.drive.trash(&targets).unwrap();
        assert_eq!(kinds(&trashed), [Some(ErrorKind::Changed), None]);
        assert_eq!(world.content("a"), b"edited elsewhere");
        assert!(trashed[1].as_ref().unwrap().is_trashed);
        let inside = world.drive.list_trash().unwrap();
        assert_eq!(inside.len(), 1);
        assert!(inside[0].is_trashed);
        let read = world
            .drive
            .read(&[(items[1].id.clone(), Kind::File)])
            .unwrap();
        assert!(read[0].as_ref().unwrap().is_trashed);
        let back = Target {
            id: inside[0].id.clone(),
            kind: inside[0].kind,
            etag: inside[0].etag.clone(),
        };
        let back = world.drive.put_back(&[back]).unwrap().remove(0).unwrap();
        assert_eq!(
            (back.name.as_str(), back.parent),
            ("b", Some(RemoteId::root()))
        );
        assert_eq!(world.content("b"), b"b");
        world.assert_nothing_was_deleted_for_good();
    }
}

#[test]
fn items_are_read_by_id_and_the_unknown_are_none() {
    let world = World::new().with(&["a/b.txt"]);
    let (folder, file) = (world.item("a"), world.item("a/b.txt"));
    let gone = RemoteId {
        zone: Zone::drive(),
        doc: DocId::new("00000000-0000-0000-0000-00000000DEAD"),
    };
    let asked = [
        (folder.id.clone(), Kind::Folder),
        (gone, Kind::File),
        (file.id.clone(), Kind::File),
    ];
    let read = world.drive.read(&asked).unwrap();
    let etags: Vec<Option<&Etag>> = read.iter().map(|n| n.as_ref().map(|n| &n.etag)).collect();
    assert_eq!(etags, [Some(&folder.etag), None, Some(&file.etag)]);
    assert_eq!(read[2].as_ref().unwrap().parent.as_ref(), Some(&folder.id));
}

#[test]
fn a_write_whose_answer_is_lost_is_made_once_and_said_to_be_lost() {
    let world = World::new().with(&["a", "b", "to/"]);
    let (a, b, to) = (world.item("a"), world.item("b"), world.item("to").id);
    let lose = |call: &str| world.emulator.fault(Fault::once(call, Action::DropAfter));
    lose("renameItems");
    let error = world.drive.rename(&target(&a), "c").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost, "{}", error.chain());
    assert_eq!(world.emulator.count("renameItems"), 1);
    assert_eq!(world.item("c").id, a.id, "it was done all the same");
    lose("moveItems");
    let error = world.drive.relocate(&[target(&b)], &to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    lose("createFolders");
    let error = world.drive.create_folders(&to, &["new"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    assert!(world.scan().get(&path("to/new")).is_some());
    lose("moveItemsToTrash");
    let error = world
        .drive
        .trash(&[target(&world.item("to/b"))])
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    lose("update/documents");
    let error = world.create(&to, "up", b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    assert_eq!(world.emulator.count("update/documents"), 1);
    assert_eq!(world.content("to/up"), b"x");
}

#[test]
fn a_busy_zone_is_waited_for() {
    let world = World::new().with(&["a"]);
    world
        .emulator
        .fault(Fault::always("renameItems", Action::ZoneBusy).times(2));
    let rename = |from: &str, to: &str| {
        let item = target(&world.item(from));
        until_free(&world.drive, || world.drive.rename(&item, to))
    };
    assert_eq!(rename("a", "b").unwrap().name, "b");
    world.emulator.clear_requests();
    world
        .emulator
        .fault(Fault::always("renameItems", Action::ZoneBusy));
    let error = rename("b", "c").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(world.emulator.count("renameItems"), 5);
    assert_eq!(world.content("b"), b"a");
}

#[test]
fn what_others_share_is_fetched_from_its_owner_and_neither_trashed_nor_moved() {
    for (way, kind) in [
        (ShareDownload::ById, None),
        (ShareDownload::ByZone, None),
        (ShareDownload::Never, Some(ErrorKind::NotFound)),
    ] {
        let world = World::new();
        world
            .emulator
            .set_switches(|switches| switches.share_download = way);
        world.device.add_share("Theirs", "_bob/1").unwrap();
        for place in ["Theirs/a.txt", "Theirs/d/b.txt"] {
            world.device.write(place, place).unwrap();
        }
        let (a, b) = (world.item("Theirs/a.txt"), world.item("Theirs/d/b.txt"));
        let docs = [a.id.doc.clone(), b.id.doc.clone()];
        let tokens = world.drive.tokens(&a.id.zone, &docs).unwrap();
        assert_eq!(kinds(&tokens), [kind, kind], "{way:?}");
        for (token, at) in tokens.into_iter().zip(["Theirs/a.txt", "Theirs/d/b.txt"]) {
            let Ok(token) = token else { continue };
            let mut text = String::new();
            let content = world.drive.fetch(&token, 0).unwrap();
            content.body.take(99).read_to_string(&mut text).unwrap();
            assert_eq!(text, at);
        }
    }
    let world = World::new().with(&["own.txt"]);
    world.device.add_share("Theirs", "bob").unwrap();
    world.device.write("Theirs/a.txt", "a").unwrap();
    let (item, folder, own) = (
        world.item("Theirs/a.txt"),
        world.item("Theirs"),
        world.item("own.txt"),
    );
    let read = world.drive.read(&[
        (item.id.clone(), Kind::File),
        (own.id.clone(), Kind::File),
        (folder.id.clone(), Kind::Folder),
    ]);
    let ids: Vec<_> = read
        .unwrap()
        .into_iter()
        .map(|node| node.unwrap().id)
        .collect();
    assert_eq!(ids, [item.id.clone(), own.id.clone(), folder.id.clone()]);
    world.take_count();
    let theirs = [target(&item)];
    let refused = [
        world.drive.trash(&theirs).unwrap_err(),
        world.drive.put_back(&theirs).unwrap_err(),
        world
            .drive
            .relocate(&theirs, &RemoteId::root())
            .unwrap_err(),
        world
            .drive
            .relocate(&[target(&own)], &folder.id)
            .unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("shared by bob"), "{error}");
    }
    assert_eq!(
        world.take_count(),
        0,
        "the service was asked for none of it"
    );
    // Nobody has told this client of the share: what is in it is not there.
    let fresh = world.fresh_drive();
    assert_eq!(
        fresh.read(&[(item.id.clone(), Kind::File)]).unwrap(),
        [None]
    );
    assert!(matches!(
        fresh.list(&[folder.id]).unwrap()[0],
        FolderAnswer::Gone
    ));
}
