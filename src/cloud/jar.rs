//! The cookies of the signed-in browser that this program stands for.
//!
//! Comes in: `Set-Cookie` headers with the address they came from, and the cookies of the saved
//! session. Goes out: the `Cookie` header for an address of the service, and what is to be saved.
//! Values are kept as received, quotes included; an empty value deletes (protocol page 1.5);
//! session cookies are kept too, since the next run needs them (5.1). Content hosts are never asked
//! about: their client has no jar. No value ever reaches a log or a `Debug`.
//!
//! What answers set is bounded, as in browsers: a cookie of more than `LARGEST` bytes is not taken, nor one more than
//! `MOST`. A cookie for a domain above the service's own (`Domain=com`) is refused, as one for a stranger's is.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cookie_store::{Cookie, CookieStore, RawCookie};
use reqwest::{
    Url,
    header::{HeaderMap, HeaderValue, SET_COOKIE},
};

use super::endpoint::is_of_service;

/// Bytes of a cookie with its attributes; RFC 6265 (6.1) asks for as much, and browsers take no more.
const LARGEST: usize = 4096;

/// Cookies at a time; a signed-in browser has some thirty.
const MOST: usize = 200;

/// Domain, path and name of a cookie.
type Key = (String, String, String);

/// A cookie jar that many threads share.
pub struct Jar {
    /// One address stands for all hosts: cookies belong to it alone, whatever they claim.
    host_only: bool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    store: CookieStore,
    /// What changed since the jar was last saved.
    changed: BTreeSet<Key>,
}

impl Jar {
    /// Makes an empty jar. With `host_only`, `Domain` and `Secure` of received cookies are ignored
    /// and each is kept for the host that set it.
    pub fn new(host_only: bool) -> Self {
        Self {
            host_only,
            inner: Mutex::default(),
        }
    }

    /// Takes the cookies of an answer from `url`; what cannot be read is left out, as a browser does.
    pub fn absorb(&self, headers: &HeaderMap, url: &Url) {
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let mut inner = self.lock();
        for value in headers.get_all(SET_COOKIE) {
            if value.len() > LARGEST {
                continue;
            }
            let Ok(text) = std::str::from_utf8(value.as_bytes()) else {
                continue;
            };
            let Ok(raw) = RawCookie::parse(text) else {
                continue;
            };
            inner.insert(raw.into_owned(), url, self.host_only);
        }
    }

    /// Returns the `Cookie` header for `url`, marked sensitive.
    pub fn header(&self, url: &Url) -> Option<HeaderValue> {
        let inner = self.lock();
        let mut pairs: Vec<String> = inner
            .store
            .get_request_values(url)
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={value}"))
            // One that no header can hold must not keep the others from being sent.
            .filter(|pair| HeaderValue::from_bytes(pair.as_bytes()).is_ok())
            .collect();
        if pairs.is_empty() {
            return None;
        }
        pairs.sort_unstable();
        let mut header = HeaderValue::from_bytes(pairs.join("; ").as_bytes()).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Returns whether a cookie of this name would go to `url`.
    pub fn has(&self, url: &Url, name: &str) -> bool {
        self.lock()
            .store
            .get_request_values(url)
            .any(|(found, value)| found == name && !value.is_empty())
    }

    /// Returns whether something changed since it was loaded or last saved.
    pub fn is_dirty(&self) -> bool {
        !self.lock().changed.is_empty()
    }

    /// Forgets all cookies.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.store.clear();
        inner.changed.clear();
    }

    /// Replaces the content by the saved cookies; expired ones are dropped.
    pub fn load(&self, cookies: Vec<Cookie<'static>>) {
        let mut inner = self.lock();
        inner.store = store_of(cookies);
        inner.changed.clear();
    }

    /// Returns what is to be saved, and takes it for saved: `on_disk` is what is there now, put there
    /// perhaps by another process. What this jar changed since it was last saved wins over it; all
    /// else is taken from it.
    pub fn merge(&self, on_disk: Option<Vec<Cookie<'static>>>) -> Vec<Cookie<'static>> {
        let mut inner = self.lock();
        if let Some(cookies) = on_disk {
            let mut merged = store_of(cookies);
            for (domain, path, name) in &inner.changed {
                // Gone there or never there: both are right.
                let _gone = merged.remove(domain, path, name);
            }
            let own: Vec<Cookie<'static>> = inner
                .store
                .iter_unexpired()
                .filter(|cookie| inner.changed.contains(&key(cookie)))
                .cloned()
                .collect();
            let others: Vec<Cookie<'static>> = merged.iter_unexpired().cloned().collect();
            inner.store = store_of(others.into_iter().chain(own).collect());
        }
        inner.changed.clear();
        inner.store.iter_unexpired().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jar").finish_non_exhaustive()
    }
}

impl Inner {
    fn insert(&mut self, mut raw: RawCookie<'static>, url: &Url, host_only: bool) {
        if host_only {
            raw.unset_domain();
            raw.set_secure(false);
        } else if raw.domain().is_some_and(|domain| !is_of_service(domain)) {
            return;
        }
        let is_tombstone = raw.value_trimmed().is_empty();
        let Ok(cookie) = Cookie::try_from_raw_cookie(&raw, url) else {
            return;
        };
        let mut cookie = cookie.into_owned();
        if is_tombstone {
            cookie.expire();
        }
        let key = key(&cookie);
        let (domain, path, name) = &key;
        if !self.store.contains(domain, path, name) && self.store.iter_unexpired().count() >= MOST {
            return;
        }
        // Refused by the rules for domains, or the deletion of what was not there: nothing changes.
        if self.store.insert(cookie, url).is_ok() {
            self.changed.insert(key);
        }
    }
}

fn key(cookie: &Cookie<'_>) -> Key {
    (
        String::from(&cookie.domain),
        String::from(&cookie.path),
        cookie.name().to_owned(),
    )
}

fn store_of(cookies: Vec<Cookie<'static>>) -> CookieStore {
    // Infallible: the iterator cannot fail.
    CookieStore::from_cookies(
        cookies.into_iter().map(Ok::<_, std::convert::Infallible>),
        false,
    )
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn answer(cookies: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for cookie in cookies {
            map.append(SET_COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        map
    }

    fn sent(jar: &Jar, to: &str) -> String {
        jar.header(&url(to))
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    }

    const SETUP: &str = "https://setup.icloud.com/setup/ws/1/accountLogin";
    const DRIVE: &str = "https://p31-drivews.icloud.com/x";

    #[test]
    fn cookies_go_to_their_domain_with_their_quotes() {
        let jar = Jar::new(false);
        jar.absorb(
            &answer(&[
                "X-APPLE-WEBAUTH-TOKEN=\"v=2:t=AA==\";Path=/;Domain=.icloud.com;Secure;HttpOnly",
                "only-setup=1;Path=/",
                "stranger=1;Path=/;Domain=.example.com",
            ]),
            &url(SETUP),
        );
        assert_eq!(sent(&jar, DRIVE), "X-APPLE-WEBAUTH-TOKEN=\"v=2:t=AA==\"");
        assert_eq!(
            sent(&jar, SETUP),
            "X-APPLE-WEBAUTH-TOKEN=\"v=2:t=AA==\"; only-setup=1"
        );
        assert_eq!(sent(&jar, "https://cvws.icloud-content.com/B/x"), "");
        assert_eq!(sent(&jar, "https://idmsa.apple.com/appleauth/auth"), "");
        assert!(jar.has(&url(DRIVE), "X-APPLE-WEBAUTH-TOKEN"));
    }

    #[test]
    fn an_empty_value_is_a_tombstone() {
        let jar = Jar::new(false);
        jar.absorb(
            &answer(&["a=1;Domain=.icloud.com;Path=/", "b=2;Path=/"]),
            &url(SETUP),
        );
        jar.absorb(
            &answer(&["a=\"\";Domain=.icloud.com;Path=/", "never=;Path=/"]),
            &url(SETUP),
        );
        assert_eq!(sent(&jar, SETUP), "b=2");
        let saved = jar.merge(None);
        assert_eq!(saved.len(), 1, "a tombstone is not saved");
    }

    #[test]
    fn with_one_endpoint_cookies_are_host_only() {
        let jar = Jar::new(true);
        jar.absorb(
            &answer(&["t=\"x\";Path=/;Domain=.icloud.com;Secure;HttpOnly"]),
            &url("http://127.0.0.1:99/setup/ws/1/accountLogin"),
        );
        assert_eq!(sent(&jar, "http://127.0.0.1:99/drivews/x"), "t=\"x\"");
        assert_eq!(sent(&jar, "https://p31-drivews.icloud.com/"), "");
    }

    #[test]
    fn session_cookies_survive_saving() {
        let jar = Jar::new(false);
        jar.absorb(
            &answer(&[
                "s=\"1\";Domain=.icloud.com;Path=/",
                "p=2;Max-Age=9999;Path=/",
            ]),
            &url(SETUP),
        );
        assert!(jar.is_dirty());
        let text = serde_json::to_string(&jar.merge(None)).unwrap();
        assert!(!jar.is_dirty());
        let again = Jar::new(false);
        again.load(serde_json::from_str(&text).unwrap());
        assert_eq!(sent(&again, SETUP), "p=2; s=\"1\"");
        assert_eq!(sent(&again, DRIVE), "s=\"1\"");
        assert!(!again.is_dirty());
    }

    #[test]
    fn another_process_s_rotation_is_not_overwritten() {
        let first = Jar::new(false);
        first.absorb(
            &answer(&["a=1;Path=/", "b=1;Path=/", "c=1;Path=/"]),
            &url(SETUP),
        );
        let disk = first.merge(None);
        let second = Jar::new(false);
        second.load(disk.clone());
        second.absorb(&answer(&["a=2;Path=/", "c=;Path=/"]), &url(SETUP));
        let disk = second.merge(Some(disk));
        first.absorb(&answer(&["b=3;Path=/"]), &url(SETUP));
        let disk = first.merge(Some(disk));
        assert_eq!(sent(&first, SETUP), "a=2; b=3");
        assert_eq!(disk.len(), 2);
    }

    #[test]
    fn a_cookie_for_all_of_com_is_refused() {
        let jar = Jar::new(false);
        let cookies = ["a=1;Domain=com;Path=/", "b=2;Domain=.icloud.com;Path=/"];
        jar.absorb(&answer(&cookies), &url(SETUP));
        assert_eq!(sent(&jar, SETUP), "b=2");
        assert_eq!(sent(&jar, "https://collector.example.com/"), "");
    }

    #[test]
    fn a_cookie_that_is_no_ascii_does_not_keep_the_others_back() {
        let jar = Jar::new(false);
        let mut headers = answer(&["good=1;Path=/"]);
        let odd = HeaderValue::from_bytes("odd=caf\u{e9};Path=/".as_bytes()).unwrap();
        headers.append(SET_COOKIE, odd);
        jar.absorb(&headers, &url(SETUP));
        let header = jar.header(&url(SETUP)).unwrap();
        assert_eq!(header.as_bytes(), "good=1; odd=caf\u{e9}".as_bytes());
    }

    #[test]
    fn a_flood_of_cookies_is_bounded() {
        let jar = Jar::new(false);
        jar.absorb(&answer(&["first=1;Path=/"]), &url(SETUP));
        let long = format!("long={};Path=/", "x".repeat(LARGEST));
        jar.absorb(&answer(&[&long]), &url(SETUP));
        for number in 0..2 * MOST {
            let cookie = format!("n{number}=1;Path=/");
            jar.absorb(&answer(&[&cookie, "first=2;Path=/"]), &url(SETUP));
        }
        assert_eq!(jar.merge(None).len(), MOST);
        assert!(sent(&jar, SETUP).starts_with("first=2; "));
    }

    #[test]
    fn debug_shows_no_value() {
        let jar = Jar::new(false);
        jar.absorb(&answer(&["a=topsecret;Path=/"]), &url(SETUP));
        assert!(!format!("{jar:?}").contains("topsecret"));
        assert!(!format!("{:?}", jar.header(&url(SETUP))).contains("topsecret"));
    }
}
