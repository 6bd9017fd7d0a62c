//! How a code can be had, and what becomes of one: every shape of the state, spoilt.

use reqwest::header::HeaderMap;

use super::*;
use crate::fuzz::fuzz;

const A: &str = r#"{"trustedPhoneNumbers":[{"id":1,"numberWithDialCode":"+33 •• •• •• •• 58","obfuscatedNumber":"•• •• •• •• 58",
"pushMode":"sms","nonFTEU":false},{"id":2,"lastTwoDigits":"07"}],"trustedPhoneNumber":{"id":1,"pushMode":"sms"},
"securityCode":{"length":6,"tooManyCodesSent":false,"tooManyCodesValidated":false,"securityCodeLocked":false,
"securityCodeCooldown":false},"authenticationType":"hsa2","noTrustedDevices":false,"hsa2Account":true}"#;

const D: &[u8] = br#"{"accountName":"a","cancelled":false,"fsaChallenge":{"challenge":"x","keyHandles":["k"],"rpId":"apple.com"},
"keyNames":["key"],"passkeyAutofill":false,"requirePrf":false}"#;

#[test]
fn states_of_a_sign_in() {
    let b = format!(r#"{{"authenticationType":"hsa2","phoneNumberVerification":{A}}}"#);
    let c = br#"{"trustedPhoneNumber":{"id":1,"lastTwoDigits":"58"},"trustedPhoneNumbers":[],"noTrustedDevices":true}"#;
    let page = format!(
        r#"<!DOCTYPE html><html><body><script type="application/json" class="boot_args">{{"direct":{{"authInitialRoute":"a",
"hasTrustedDevices":true,"twoSV":{{"authFactors":["sms"],"bridgeInitiateData":{{"apnsTopic":"x","phoneNumberVerification":{A}}}}}}}}}</script></body></html>"#
    );
    let wrong = br#"{"service_errors":[{"code":"-21669","title":"bad"}],"hasError":true,"securityCode":{"valid":true}}"#;
    let samples: [&[u8]; 6] = [A.as_bytes(), b.as_bytes(), c, D, page.as_bytes(), wrong];
    fuzz("states_of_a_sign_in", &samples, |bytes| {
        let state = State::read(bytes);
        assert!((4..=12).contains(&state.length) && state.phones.len() <= 20);
        for phone in &state.phones {
            assert!(phone.shown.chars().count() <= 40 && !phone.shown.contains(char::is_control));
        }
        for via in [Via::Push, Via::Sms, Via::Voice] {
            drop(state.question(via));
        }
        for status in [200, 204, 400, 409, 412, 423, 500] {
            let answer = Answer {
                status,
                headers: HeaderMap::new(),
                body: bytes.to_vec(),
            };
            let judged = judge(&answer);
            assert!(status < 300 || status == 409 || judged != Judged::Accepted);
            drop(refuse_if_locked(&answer));
        }
    });
}
