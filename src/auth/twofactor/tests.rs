//! The shapes of the state, and what answers to a code mean.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn answer(status: u16, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    Answer {
        status,
        headers: map,
        body: body.as_bytes().to_vec(),
    }
}

const FLAT: &str = r#"{"trustedPhoneNumbers":[{"id":4,"obfuscatedNumber":"•• 58","pushMode":"sms"},{"id":7}],
    "trustedPhoneNumber":{"id":4},"securityCode":{"length":6},"noTrustedDevices":false}"#;

#[test]
fn the_state_is_read_in_every_shape() {
    let flat = State::read(FLAT.as_bytes());
    assert_eq!(flat.phones.len(), 2);
    assert_eq!(
        flat.phones[0],
        Phone {
            id: 4,
            shown: "•• 58".to_owned()
        }
    );
    assert!(!flat.no_devices && !flat.has_keys && flat.locked.is_none());
    let nested = format!(r#"{{"authenticationType":"hsa2","phoneNumberVerification":{FLAT}}}"#);
    assert_eq!(State::read(nested.as_bytes()), flat);
    let page = format!(
        r#"<html><script type="application/json" class="boot_args">{{"direct":{{"hasTrustedDevices":true,"twoSV":{{"phoneNumberVerification":{FLAT}}}}}}}</script></html>"#
    );
    assert_eq!(State::read(page.as_bytes()), flat);
    let single = State::read(
        br#"{"trustedPhoneNumber":{"id":1,"lastTwoDigits":"58"},"trustedPhoneNumbers":[],"noTrustedDevices":true}"#,
    );
    assert_eq!(
        single.phones,
        [Phone {
            id: 1,
            shown: "58".to_owned()
        }]
    );
    assert!(single.no_devices);
    let keys = State::read(br#"{"fsaChallenge":{"challenge":"x"},"keyNames":["a"]}"#);
    assert!(keys.has_keys && keys.phones.is_empty());
    for odd in [
        "",
        "null",
        "[]",
        "<html></html>",
        "{\"trustedPhoneNumbers\":7}",
    ] {
        let state = State::read(odd.as_bytes());
        assert_eq!((state.length, state.phones.len()), (LENGTH, 0), "{odd}");
    }
}

#[test]
fn a_lock_is_seen_wherever_it_is_told() {
    let locked = r#"{"securityCode":{"tooManyCodesSent":true}}"#;
    assert_eq!(
        State::read(locked.as_bytes()).locked,
        Some("tooManyCodesSent")
    );
    let nested = format!(r#"{{"phoneNumberVerification":{locked}}}"#);
    assert_eq!(
        State::read(nested.as_bytes()).locked,
        Some("tooManyCodesSent")
    );
    assert!(refuse_if_locked(&answer(400, locked, &[])).is_err());
    assert!(refuse_if_locked(&answer(423, "", &[])).is_err());
    assert!(refuse_if_locked(&answer(400, "{}", &[])).is_ok());
}

#[test]
fn the_answers_to_a_code() {
    let valid = r#"{"securityCode":{"code":"000001","valid":true,"tooManyCodesSent":false}}"#;
    let wrong = r#"{"service_errors":[{"code":"-21669","title":"Incorrect"}],"hasError":true}"#;
    let token = [("x-apple-session-token", "t")];
    for (given, judged) in [
        (answer(204, "", &token), Judged::Accepted),
        (answer(200, "{}", &[]), Judged::Accepted),
        (answer(409, valid, &[]), Judged::Accepted),
        (answer(409, "{}", &token), Judged::Accepted),
        (answer(409, wrong, &token), Judged::Wrong),
        (answer(409, "{}", &[]), Judged::Odd),
        (answer(400, wrong, &[]), Judged::Wrong),
        (answer(401, wrong, &[]), Judged::Wrong),
        (answer(412, wrong, &[]), Judged::Wrong),
        (
            answer(400, "", &[("x-apple-i-ercd", "-21669")]),
            Judged::Wrong,
        ),
        (answer(412, "", &[]), Judged::Expired),
        (answer(421, "<html>", &[]), Judged::Expired),
        (answer(423, "", &[]), Judged::TooMany("securityCodeLocked")),
        (
            answer(
                400,
                r#"{"securityCode":{"tooManyCodesValidated":true},"service_errors":[{"code":"-21669"}]}"#,
                &[],
            ),
            Judged::TooMany("tooManyCodesValidated"),
        ),
        (answer(503, "", &[]), Judged::Odd),
    ] {
        assert_eq!(judge(&given), judged, "{} {:?}", given.status, given.body);
    }
}
