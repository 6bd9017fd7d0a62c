//! What answers carry beside their JSON: errors of any form, headers, cookies, addresses.

use reqwest::{
    Url,
    header::{HeaderMap, HeaderValue, SET_COOKIE},
};

use super::{
    answer::{self, Reason},
    endpoint::Endpoint,
    jar::Jar,
};
use crate::{fuzz::fuzz, options::Region};

#[test]
fn error_bodies() {
    let samples: [&[u8]; 8] = [
        br#"{"success":false,"error":"Invalid Session Token"}"#,
        br#"{"serviceErrors":[{"code":"-20101","title":null,"message":"wrong"}],"hasError":true}"#,
        br#"{"requestUUID":"u","errorReason":"Missing PCS cookies from the request","errorCode":423}"#,
        br#"{"uuid":"u","messageForDeveloper":"m","error_code":"ZONE_BUSY","serverErrorCode":"ZONE_BUSY","reason":"r"}"#,
        br#"{"status":{"status_code":14,"error_message":"Uniqueness constraint violation"},"results":[]}"#,
        br#"{"error":{"error":{"errorCode":7,"reason":"deep"}}}"#,
        b"<html><body>gateway</body></html>",
        b"Service Temporary Unavailable\nmore",
    ];
    fuzz("error_bodies", &samples, |bytes| {
        let reason = Reason::read(bytes);
        let words = reason.words(400);
        assert!(words.chars().count() <= 700, "{} characters", words.len());
        assert!(!words.contains(char::is_control), "{words:?}");
        for status in [100, 200, 302, 400, 401, 403, 409, 421, 423, 429, 503, 999] {
            answer::judge(status, &reason, None);
        }
        if let Some((status, _)) = answer::hidden_error(bytes) {
            assert!((400..600).contains(&status));
        }
    });
}

#[test]
fn retry_after() {
    let samples: [&[u8]; 5] = [
        b"7",
        b" 120 ",
        b"Wed, 30 Sep 2026 12:00:30 GMT",
        b"Wednesday, 30-Sep-26 12:00:30 GMT",
        b"Sun, 06 Nov 1994 08:49:37 -0500 (EST)",
    ];
    let now = "2026-09-30T12:00:00Z".parse().unwrap();
    let pace = super::pace::Pace::default();
    fuzz("retry_after", &samples, |bytes| {
        let Ok(value) = HeaderValue::from_bytes(bytes) else {
            return;
        };
        let Some(wait) = value
            .to_str()
            .ok()
            .and_then(|text| answer::retry_after(text, now))
        else {
            return;
        };
        // However long it is, nothing waits for ever: that is told as being away.
        if let Some(wait) = pace.asked(wait) {
            assert!(wait.as_secs() <= 601);
        }
    });
}

/// Addresses that cookies of Apple's hosts have no business at.
const ELSEWHERE: [&str; 4] = [
    "https://collector.example.com/",
    "https://example.com/setup/ws/1",
    "https://cvws.icloud-content.com/B/x",
    "http://127.0.0.1:81/",
];

#[test]
fn cookies() {
    let samples: [&[u8]; 7] = [
        b"X-APPLE-WEBAUTH-TOKEN=\"v=2:t=AA==BST\";Path=/;Domain=.icloud.com;Secure;HttpOnly",
        b"X-APPLE-WEBAUTH-USER=\"v=1:s=0:d=123\";Path=/;Domain=.icloud.com;Expires=Wed, 30-Sep-2026 12:00:30 GMT",
        b"acn01=abc; Max-Age=31536000; Path=/; Domain=apple.com; SameSite=None",
        b"aasp=X; Domain=idmsa.apple.com; Path=/appleauth; Secure",
        b"stranger=1;Domain=.example.com;Path=/",
        b"all=1;Domain=com;Path=/",
        b"X-APPLE-DS-WEB-SESSION-TOKEN=\"\";Path=/;Domain=.icloud.com",
    ];
    let from = Url::parse("https://setup.icloud.com/setup/ws/1/accountLogin").unwrap();
    fuzz("cookies", &samples, |bytes| {
        let jar = Jar::new(false);
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, HeaderValue::from_static("good=1; Path=/"));
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(SET_COOKIE, value);
            }
        }
        jar.absorb(&headers, &from);
        for url in ELSEWHERE {
            let sent = jar.header(&Url::parse(url).unwrap());
            assert!(
                sent.is_none(),
                "{url}: {:?}",
                sent.map(|sent| sent.as_bytes().to_vec())
            );
        }
        // One bad cookie does not take the others along.
        let sent = jar.header(&from).expect("a good cookie is there");
        assert!(sent.len() < 1 << 20, "{} bytes", sent.len());
        let saved = jar.merge(None);
        let text = serde_json::to_vec(&saved).expect("cookies can be written");
        let again = Jar::new(false);
        again.load(serde_json::from_slice(&text).expect("and read"));
        assert_eq!(again.header(&from), Some(sent));
        // With one endpoint for all, they stay at it.
        let alone = Jar::new(true);
        let base = Url::parse("http://127.0.0.1:99/setup").unwrap();
        alone.absorb(&headers, &base);
        assert!(
            alone
                .header(&Url::parse("https://setup.icloud.com/").unwrap())
                .is_none()
        );
        assert!(
            alone
                .header(&Url::parse("http://127.0.0.2:99/").unwrap())
                .is_none()
        );
    });
}

#[test]
fn addresses() {
    let samples: [&[u8]; 8] = [
        b"https://p31-drivews.icloud.com:443",
        b"https://cvws.icloud-content.com/B/x?e=1",
        b"https://icloud.com.evil.example/",
        b"https://evil.example\\@p31-drivews.icloud.com/",
        b"https://p31-drivews.icloud.com@evil.example/",
        b"http://127.0.0.1:81/p31-drivews",
        b"//evil.example/x",
        "https://\u{2488}icloud\u{3002}com/".as_bytes(),
    ];
    let apple = Endpoint::new(None, Region::Global).unwrap();
    let own = Endpoint::new(Some("http://127.0.0.1:81/"), Region::Global).unwrap();
    let good = |host: &str, domains: &[&str]| {
        let is_below = |domain: &&str| host == *domain || host.ends_with(&format!(".{domain}"));
        domains.iter().any(is_below)
    };
    fuzz("addresses", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let domains = ["icloud.com", "icloud.com.cn", "apple.com", "apple.com.cn"];
        for is_content in [false, true] {
            let ask = |end: &Endpoint| {
                if is_content {
                    end.content(&text)
                } else {
                    end.service(&text)
                }
            };
            if let Ok(url) = ask(&apple) {
                let content = ["icloud-content.com", "icloud-content.com.cn"];
                let host = url.host_str().expect("it has a host").to_owned();
                let is_own = good(&host, &domains) || (is_content && good(&host, &content));
                assert!(is_own && url.scheme() == "https", "{url}");
                assert!(
                    url.username().is_empty() && url.password().is_none(),
                    "{url}"
                );
            }
            match ask(&own) {
                Ok(url) => {
                    let at = (url.scheme(), url.host_str(), url.port_or_known_default());
                    assert_eq!(at, ("http", Some("127.0.0.1"), Some(81)), "{url}");
                }
                Err(error) => {
                    // The address is a credential: only its host is told.
                    assert!(error.to_string().chars().count() < 600, "{error}");
                }
            }
        }
    });
}
