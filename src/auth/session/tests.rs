//! Saving, loading, and whose session it is.

use std::fs;

use super::*;
use crate::options::Region;

fn endpoint() -> Endpoint {
    Endpoint::new(None, Region::Global).unwrap()
}

fn store(dir: &Path) -> Store {
    Store::new(dir, "a@example.com", &endpoint())
}

#[test]
fn a_session_comes_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    assert!(store.load().unwrap().is_none());
    let mut session = Session::new("a@example.com", &endpoint()).unwrap();
    session.tokens.trust_token = Some(Secret::new("trust me"));
    session.dsid = "1".to_owned();
    session.trusted_ms = Some(5);
    store.save(&session, Vec::new()).unwrap();
    let (back, cookies) = store.load().unwrap().unwrap();
    assert_eq!(back.client_id, session.client_id);
    assert_eq!(back.tokens.trust_token.unwrap().expose(), "trust me");
    assert_eq!((back.dsid.as_str(), back.trusted_ms), ("1", Some(5)));
    assert!(cookies.is_empty());
    store.remove().unwrap();
    assert!(store.load().unwrap().is_none());
}

#[test]
fn a_broken_file_is_no_session_and_a_newer_one_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let path = store.file("session.json");
    files::write_private(&path, b"{\"version\":1,\"acc").unwrap();
    assert!(store.load().unwrap().is_none());
    files::write_private(&path, b"{\"version\":2}").unwrap();
    let Err(error) = store.load() else {
        panic!("a newer file was read");
    };
    assert_eq!(error.kind(), Kind::Usage);
}

#[test]
fn each_account_and_endpoint_has_a_session_of_its_own() {
    let dir = Path::new("/state");
    let base = Endpoint::new(Some("http://127.0.0.1:1"), Region::Global).unwrap();
    let china = Endpoint::new(None, Region::China).unwrap();
    let dirs: std::collections::BTreeSet<PathBuf> = [
        store(dir).dir,
        Store::new(dir, "b@example.com", &endpoint()).dir,
        Store::new(dir, "a@example.com", &base).dir,
        Store::new(dir, "a@example.com", &china).dir,
    ]
    .into();
    assert_eq!(dirs.len(), 4);
}

#[test]
fn the_last_account_is_remembered_for_its_endpoint() {
    let dir = tempfile::tempdir().unwrap();
    let base = Endpoint::new(Some("http://127.0.0.1:1"), Region::Global).unwrap();
    set_current(dir.path(), &base, Some("b@example.com")).unwrap();
    assert_eq!(current(dir.path(), &endpoint()).unwrap(), None);
    set_current(dir.path(), &endpoint(), Some("a@example.com")).unwrap();
    assert_eq!(
        current(dir.path(), &base).unwrap().as_deref(),
        Some("b@example.com")
    );
    set_current(dir.path(), &base, None).unwrap();
    assert_eq!(current(dir.path(), &base).unwrap(), None);
    assert!(fs::exists(dir.path().join("sessions/current.json")).unwrap());
}

#[test]
fn a_uuid_is_of_the_random_kind() {
    let one = uuid().unwrap();
    assert_eq!(one.len(), 36);
    assert_eq!(one.as_bytes()[14], b'4');
    assert_ne!(one, uuid().unwrap());
}
