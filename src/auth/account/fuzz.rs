//! What the set-up host says of an account, spoilt.

use reqwest::header::HeaderMap;

use super::*;
use crate::{cloud::endpoint::Endpoint, fuzz::fuzz, options::Region};

const KNOWN: &[u8] = br#"{"dsInfo":{"dsid":"123","hsaVersion":2,"fullName":"Ada","appleId":"a@example.com","locked":false,
"statusCode":2,"countryCode":"US","isWebAccessAllowed":true},"hsaTrustedBrowser":true,"hsaChallengeRequired":false,
"termsUpdateNeeded":false,"isExtendedLogin":true,"pcsServiceIdentitiesIncluded":false,"webservices":{
"drivews":{"url":"https://p31-drivews.icloud.com:443","status":"active","pcsRequired":true},
"docws":{"url":"https://p31-docws.icloud.com:443","status":"active"},"mail":null},"domainToUse":null}"#;

#[test]
fn accounts() {
    let samples: [&[u8]; 4] = [
        KNOWN,
        br#"{"domainToUse":"iCloud.com.cn"}"#,
        br#"{"success":false,"error":"Invalid Session Token"}"#,
        br#"{"isICDRSDisabled":true,"isDeviceConsentedForPCS":false,"status":"success","message":"x"}"#,
    ];
    let endpoint = Endpoint::new(None, Region::Global).unwrap();
    fuzz("accounts", &samples, |bytes| {
        for status in [200, 302, 400, 421, 450, 503] {
            let answer = Answer {
                status,
                headers: HeaderMap::new(),
                body: bytes.to_vec(),
            };
            match asked("validate", &answer) {
                Ok(Asked::Known(account)) => {
                    assert_eq!(status, 200);
                    assert!(account.dsid.bytes().all(|byte| byte.is_ascii_digit()));
                    for url in [account.drivews, account.docws].into_iter().flatten() {
                        let found = endpoint.service(&url);
                        let is_own = |host: &str| {
                            ["icloud.com", "apple.com", "icloud.com.cn", "apple.com.cn"]
                                .iter()
                                .any(|own| host == *own || host.ends_with(&format!(".{own}")))
                        };
                        assert!(found.is_err() || is_own(found.unwrap().host_str().unwrap()));
                    }
                }
                Ok(Asked::Refused(words)) => assert!(!words.contains(char::is_control)),
                Err(error) => assert!(!error.to_string().contains(char::is_control)),
            }
        }
    });
}
