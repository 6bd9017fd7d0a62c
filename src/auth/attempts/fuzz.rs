//! The record of sign-ins, spoilt.

use super::*;
use crate::{cloud::endpoint::Endpoint, fuzz::fuzz, options::Region};

const RECORD: &[u8] =
    br#"{"refused":{"at_ms":1759152000000,"salt":"000102030405060708090a0b0c0d0e0f","rounds":3,
"hash":"4b2f1c"},"automatic_ms":[1759152000000,1759152060000],"code_wanted":true,
"waiting":{"since_ms":1759152000000,"why":"a code is wanted"}}"#;

#[test]
fn record_of_sign_ins() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(None, Region::Global).unwrap();
    let store = Store::new(dir.path(), "a@example.com", &endpoint);
    let path = store.file("attempts.json");
    let now_ms = 1_759_152_100_000;
    files::write_private(&path, RECORD).unwrap();
    fuzz("record_of_sign_ins", &[RECORD, b"{}"], |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let mut attempts = Attempts::load(&store).expect("it can be read");
        // What can't be read is not a clean record.
        if serde_json::from_slice::<Attempts>(bytes).is_err() {
            assert!(attempts.begin_automatic(Some(3), now_ms).is_err());
        }
        // The slow hash is bounded, and not what is looked at here.
        if attempts
            .refused
            .as_ref()
            .is_none_or(|refused| refused.rounds < 10_000)
        {
            attempts.refused_ms(&Secret::new("a password"));
        }
        assert!(attempts.within_an_hour(now_ms) <= attempts.automatic_ms.len());
        let written = serde_json::to_vec(&attempts).expect("it can be written");
        let again: Attempts = serde_json::from_slice(&written).expect("and read");
        assert_eq!(again, attempts);
        if attempts.begin_automatic(Some(2), now_ms).is_ok() {
            assert!(attempts.within_an_hour(now_ms) <= 2);
        }
    });
}
