//! Sign-in, second factor, sessions, protected data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Browser, EMAIL, emulator};
use crate::emulator::{Account, CodeAnswer, Protocol};

#[test]
fn a_browser_signs_in_with_a_code_and_is_trusted_then() {
    let emulator = emulator();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    assert_eq!(browser.setup("validate", json!(null)).status, 200);
    let mut again = Browser::new(&emulator, EMAIL, "demo");
    again.trust = browser.trust.clone();
    assert_eq!(again.prove().status, 200);
    assert_eq!(again.login().status, 200);
    emulator.expire_trust(EMAIL);
    assert_eq!(again.prove().status, 409);
    assert_eq!(emulator.signin_attempts(EMAIL), 3);
}

#[test]
fn before_the_second_factor_the_session_is_reduced() {
    let emulator = emulator();
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    let proof = browser.prove();
    assert_eq!(
        (proof.status, proof.header("location").as_str()),
        (409, "/auth")
    );
    let login = browser.login();
    assert_eq!(login.status, 200);
    assert_eq!(login.json()["hsaChallengeRequired"], json!(true));
    assert!(!browser.cookies.contains_key("X-APPLE-WEBAUTH-TOKEN"));
    assert!(!browser.cookies.keys().any(|name| name.contains("PCS")));
    assert_eq!(
        browser
            .drivews("retrieveItemDetailsInFolders", json!([]))
            .status,
        421
    );
    let refused = browser.identity("GET", "/2sv/trust", None);
    assert_eq!(refused.status, 412, "no trust without a code");
}

#[test]
fn a_second_login_takes_the_reduced_cookies_away() {
    let emulator = emulator();
    let browser = Browser::signed_in(&emulator, EMAIL, "demo");
    assert!(
        browser.cookies["X-APPLE-WEBAUTH-TOKEN"].starts_with("\"v=2:t="),
        "values are quoted"
    );
    assert!(
        !browser.cookies.contains_key("X-APPLE-WEBAUTH-HSA-LOGIN"),
        "a tombstone deletes"
    );
    assert!(
        browser
            .cookies
            .contains_key("X-APPLE-WEBAUTH-PCS-Documents")
    );
}

#[test]
fn wrong_passwords_lock_the_account() {
    let emulator = emulator();
    for expected in [401, 401, 403] {
        let got = Browser::new(&emulator, EMAIL, "wrong").prove();
        let code = if expected == 401 { "-20101" } else { "-20209" };
        assert_eq!(
            (got.status, &got.json()["serviceErrors"][0]["code"]),
            (expected, &json!(code))
        );
    }
    let right = Browser::new(&emulator, EMAIL, "demo").prove();
    assert_eq!(right.status, 403, "locked is locked");
    assert_eq!(
        Browser::new(&emulator, "nobody@example.com", "x")
            .prove()
            .status,
        401
    );
}

#[test]
fn only_the_lower_case_name_is_proven() {
    let emulator = emulator();
    assert_eq!(
        Browser::new(&emulator, "Demo@Example.com", "demo")
            .prove()
            .status,
        401
    );
}

#[test]
fn both_protocols_and_short_numbers_work() {
    let emulator = emulator();
    let mut account = Account::new("fo@example.com", "pässword");
    account.protocol = Protocol::S2kFo;
    account.iterations = 5;
    emulator.add_account(account);
    assert_eq!(
        Browser::new(&emulator, "fo@example.com", "pässword")
            .prove()
            .status,
        409
    );
    emulator.set_switches(|s| s.short_b = true);
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    browser.identity("GET", "/authorize/signin", None);
    let init = browser.identity(
        "POST",
        "/signin/init",
        Some(json!({"a": "Ag==", "accountName": EMAIL, "protocols": ["s2k"]})),
    );
    let b = STANDARD.decode(init.json()["b"].as_str().unwrap()).unwrap();
    assert_eq!((b.len(), b[0]), (256, 0));
}

#[test]
fn a_stale_scnt_gets_421() {
    let emulator = emulator();
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    assert_eq!(browser.prove().status, 409);
    let old = browser.identity.clone();
    assert_eq!(browser.identity("GET", "", None).status, 200);
    browser.identity = old;
    assert_eq!(browser.identity("GET", "", None).status, 421);
    emulator.set_switches(|s| s.strict_scnt = false);
    assert_eq!(browser.identity("GET", "", None).status, 200);
}

#[test]
fn codes_are_void_once_replaced_or_used() {
    let emulator = emulator();
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    browser.prove();
    assert_eq!(emulator.code(EMAIL), None, "a code has to be asked for");
    emulator.set_switches(|s| s.zero_led_code = true);
    browser.identity("PUT", "/verify/trusteddevice/securitycode", None);
    let first = emulator.code(EMAIL).unwrap();
    assert!(first.starts_with("00"));
    browser.identity("PUT", "/verify/trusteddevice/securitycode", None);
    let second = emulator.code(EMAIL).unwrap();
    let wrong = browser.send_code(&first);
    assert_eq!(
        (wrong.status, wrong.header("x-apple-i-ercd").as_str()),
        (400, "-21669")
    );
    assert_eq!(browser.send_code(&second).status, 204);
    assert_eq!(browser.send_code(&second).status, 400);
}

#[test]
fn a_code_may_be_taken_with_409() {
    let emulator = emulator();
    for (answer, token) in [
        (CodeAnswer::ConflictWithToken, true),
        (CodeAnswer::ConflictWithoutToken, false),
    ] {
        emulator.set_switches(|s| s.code_answer = answer);
        let mut browser = Browser::new(&emulator, EMAIL, "demo");
        browser.prove();
        browser.identity("PUT", "/verify/trusteddevice/securitycode", None);
        let got = browser.send_code(&emulator.code(EMAIL).unwrap());
        assert_eq!(
            (got.status, &got.json()["securityCode"]["valid"]),
            (409, &json!(true))
        );
        assert_eq!(!got.header("x-apple-session-token").is_empty(), token);
        assert_eq!(browser.identity("GET", "/2sv/trust", None).status, 204);
    }
}

#[test]
fn a_phone_gets_its_own_code() {
    let emulator = emulator();
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    browser.prove();
    let unknown = browser.identity(
        "PUT",
        "/verify/phone",
        Some(json!({"phoneNumber": {"id": 9}, "mode": "sms"})),
    );
    assert_eq!(unknown.status, 400);
    let asked = browser.identity(
        "PUT",
        "/verify/phone",
        Some(json!({"phoneNumber": {"id": 1}, "mode": "sms"})),
    );
    assert_eq!(asked.status, 200);
    let code = emulator.code(EMAIL).unwrap();
    assert_eq!(
        browser.send_code(&code).status,
        400,
        "not a code of the devices"
    );
    let body = json!({"securityCode": {"code": code}, "phoneNumber": {"id": 1}, "mode": "sms"});
    assert_eq!(
        browser
            .identity("POST", "/verify/phone/securitycode", Some(body))
            .status,
        204
    );
}

#[test]
fn keys_only_accounts_show_a_challenge_and_no_phones() {
    let emulator = emulator();
    let mut account = Account::new("keys@example.com", "k");
    account.security_keys_only = true;
    account.iterations = 3;
    emulator.add_account(account);
    let mut browser = Browser::new(&emulator, "keys@example.com", "k");
    assert_eq!(browser.prove().status, 409);
    let state = browser.identity("GET", "", None).json();
    assert_eq!(state["fsaChallenge"]["rpId"], json!("apple.com"));
    assert!(state.get("trustedPhoneNumbers").is_none());
    let body = json!({"challenge": state["fsaChallenge"]["challenge"], "signatureData": "c2ln"});
    assert_eq!(
        browser
            .identity("POST", "/verify/security/key", Some(body))
            .status,
        204
    );
}

#[test]
fn an_account_in_need_of_repair_gets_412_once() {
    let emulator = emulator();
    let mut account = Account::new("old@example.com", "o");
    account.repair = true;
    account.two_factor = false;
    account.iterations = 3;
    emulator.add_account(account);
    let mut browser = Browser::new(&emulator, "old@example.com", "o");
    assert_eq!(browser.prove().status, 412);
    assert_eq!(
        browser
            .identity("POST", "/repair/complete", Some(json!({})))
            .status,
        200
    );
    assert_eq!(browser.login().status, 200);
    assert_eq!(browser.prove().status, 200);
}

#[test]
fn sessions_end_on_command_and_come_back_with_the_token() {
    let emulator = emulator();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    emulator.expire_session(EMAIL);
    assert_eq!(browser.setup("validate", json!(null)).status, 421);
    assert_eq!(browser.login().status, 200);
    assert_eq!(browser.setup("validate", json!(null)).status, 200);
    emulator.expire_tokens(EMAIL);
    let refused = browser.login();
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (400, &json!("Invalid Session Token"))
    );
}

#[test]
fn a_protected_account_opens_after_consent() {
    let emulator = emulator();
    let mut account = Account::new("adp@example.com", "a");
    account.adp = true;
    account.iterations = 3;
    emulator.add_account(account);
    let mut browser = Browser::signed_in(&emulator, "adp@example.com", "a");
    let root = json!([{"drivewsid": "FOLDER::com.apple.CloudDocs::root", "partialData": false}]);
    let refused = browser.drivews("retrieveItemDetailsInFolders", root.clone());
    assert_eq!(refused.status, 423);
    assert_eq!(
        refused.json()["errorReason"],
        json!("Missing PCS cookies from the request")
    );
    let docs = browser.docws(
        "GET",
        "/ws/com.apple.CloudDocs/download/by_id?document_id=x",
        None,
    );
    assert_eq!(docs.status, 400);
    assert!(docs.text().contains("Cannot find PCS auth info"));
    let state = browser.setup("requestWebAccessState", json!({})).json();
    assert_eq!(
        (&state["isICDRSDisabled"], &state["isDeviceConsentedForPCS"]),
        (&json!(true), &json!(false))
    );
    let asked = browser.setup("enableDeviceConsentForPCS", json!({})).json();
    assert_eq!(asked["isDeviceConsentNotificationSent"], json!(true));
    let polls: Vec<_> = (0..2)
        .map(|_| {
            browser.setup("requestWebAccessState", json!({})).json()["isDeviceConsentedForPCS"]
                .clone()
        })
        .collect();
    assert_eq!(polls, [json!(false), json!(true)]);
    let body = json!({"appName": "iclouddrive", "derivedFromUserAction": true});
    assert_ne!(
        browser.setup("requestPCS", body.clone()).json()["status"],
        json!("success")
    );
    emulator.set_switches(|s| s.pcs_no_cookie = true);
    assert_eq!(
        browser.setup("requestPCS", body.clone()).json()["status"],
        json!("success")
    );
    assert_eq!(
        browser
            .drivews("retrieveItemDetailsInFolders", root.clone())
            .status,
        423
    );
    emulator.set_switches(|s| s.pcs_no_cookie = false);
    browser.setup("requestPCS", body.clone());
    browser.setup("requestPCS", body);
    assert_eq!(
        browser
            .drivews("retrieveItemDetailsInFolders", root.clone())
            .status,
        200
    );
    emulator.expire_pcs("adp@example.com");
    assert_eq!(
        browser.drivews("retrieveItemDetailsInFolders", root).status,
        423
    );
}

#[test]
fn the_other_region_and_terms_are_told() {
    let emulator = emulator();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    emulator.set_switches(|s| s.wrong_region = true);
    let sent_away = browser.login();
    assert_eq!(
        (sent_away.status, &sent_away.json()["domainToUse"]),
        (302, &json!("iCloud.com.cn"))
    );
    emulator.set_switches(|s| {
        s.wrong_region = false;
        s.terms = true;
        s.no_drivews = true;
    });
    let login = browser.login().json();
    assert_eq!(login["termsUpdateNeeded"], json!(true));
    assert!(login["webservices"].get("drivews").is_none());
    assert_eq!(
        browser
            .setup("repairDone", json!({"acceptedICloudTerms": 4200}))
            .status,
        200
    );
    assert!(browser.login().json().get("termsUpdateNeeded").is_none());
}

#[test]
fn a_rotating_token_ends_the_sessions_of_who_ignores_it() {
    let emulator = emulator();
    let mut browser = Browser::signed_in(&emulator, EMAIL, "demo");
    emulator.set_switches(|s| {
        s.rotate = crate::emulator::Rotate::Token;
        s.rotate_every = 1;
    });
    let first = browser.cookies.clone();
    for _ in 0..5 {
        assert_eq!(browser.setup("validate", json!(null)).status, 200);
    }
    browser.cookies = first;
    assert_eq!(browser.setup("validate", json!(null)).status, 421);
}

#[test]
fn work_is_wanted_when_the_switch_says_so() {
    let emulator = emulator();
    emulator.set_switches(|s| s.hashcash_bits = 4);
    let mut browser = Browser::new(&emulator, EMAIL, "demo");
    assert_eq!(browser.prove().status, 401);
    let page = browser.identity("GET", "/authorize/signin", None);
    let challenge = page.header("x-apple-hc-challenge");
    let token = (0..100_000)
        .map(|n| format!("1:4:20260930120000:{challenge}::{n}"))
        .find(|token| <sha1::Sha1 as sha1::Digest>::digest(token.as_bytes())[0] < 16)
        .unwrap();
    browser.identity.insert("x-apple-hc".into(), token);
    let body = json!({"a": "Ag==", "accountName": EMAIL, "protocols": ["s2k"]});
    assert_eq!(
        browser.identity("POST", "/signin/init", Some(body)).status,
        200
    );
}
