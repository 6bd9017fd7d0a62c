//! The saved session, spoilt: what can't be read is none, and nothing of it is told.

use super::*;
use crate::{fuzz::fuzz, options::Region};

const SESSION: &[u8] = br#"{"version":1,"account":"a@example.com","endpoint":"icloud.com","serial":2,
"client_id":"0f0e0d0c-0b0a-4908-8706-050403020100","tokens":{"session_token":"st","session_id":"sid","scnt":"sc",
"trust_token":"trust me","auth_attributes":null,"country":"USA"},"dsid":"123","drivews":"https://p31-drivews.icloud.com:443",
"docws":"https://p31-docws.icloud.com:443","pcs_required":false,"signed_in_ms":1759152000000,"trusted_ms":1759152000000,
"pending":{"since_ms":1759152000000,"tokens":{"scnt":"x"},"base":"https://idmsa.apple.com/appleauth/auth","frame":"auth-1",
"via":"sms","phone":{"id":1,"shown":"58"}},"cookies":[{"raw_cookie":"a=1; Path=/; Domain=icloud.com","path":["/",true],
"domain":{"Suffix":"icloud.com"},"expires":"SessionEnd"},{"raw_cookie":"b=2","path":["/setup",false],
"domain":{"HostOnly":"setup.icloud.com"},"expires":{"AtUtc":"2099-01-01T00:00:00Z"}}]}"#;

#[test]
fn session_file() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(None, Region::Global).unwrap();
    let store = Store::new(dir.path(), "a@example.com", &endpoint);
    let path = store.file("session.json");
    files::write_private(&path, SESSION).unwrap();
    assert!(
        store
            .load()
            .unwrap()
            .is_some_and(|(_, cookies)| cookies.len() == 2)
    );
    let urls = [
        "https://setup.icloud.com/setup/ws/1",
        "https://p31-drivews.icloud.com:443/x",
    ];
    fuzz("session_file", &[SESSION], |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let (session, cookies) = match store.load() {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                assert_eq!(error.kind(), Kind::Usage, "a newer version");
                return;
            }
        };
        let jar = crate::cloud::jar::Jar::new(false);
        jar.load(cookies);
        for url in urls {
            jar.header(&url.parse().unwrap());
        }
        // Places are checked before anything is sent there.
        for place in [&session.drivews, &session.docws] {
            drop(endpoint.service(place));
        }
        store.save(&session, jar.merge(None)).unwrap();
        let (again, _) = store.load().unwrap().expect("what was saved can be read");
        assert_eq!(
            again.tokens.trust_token.is_some(),
            session.tokens.trust_token.is_some()
        );
        assert_eq!((again.dsid, again.serial), (session.dsid, session.serial));
    });
}

#[test]
fn list_of_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(None, Region::Global).unwrap();
    set_current(dir.path(), &endpoint, Some("a@example.com")).unwrap();
    let path = sessions(dir.path()).join("current.json");
    let sample = std::fs::read(&path).unwrap();
    fuzz("list_of_accounts", &[&sample], |bytes| {
        std::fs::write(&path, bytes).unwrap();
        drop(current(dir.path(), &endpoint).expect("one that can't be read names nobody"));
    });
}
