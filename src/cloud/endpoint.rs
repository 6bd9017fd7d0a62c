//! Which hosts are spoken to, and which never are.
//!
//! Comes in: the region, and `ICLOUD_SYNC_ENDPOINT`. Goes out: base addresses of sign-in and set-up,
//! and a verdict on every address that the service hands out. An address elsewhere, or a plain
//! `http` one that is not loopback, is refused here, before anything is sent to it.

use std::net::IpAddr;

use reqwest::Url;

use crate::{
    error::{Error, Kind, Result},
    options::Region,
};

/// Domains of the service's own hosts (protocol page 1.1, 1.2).
const API_DOMAINS: [&str; 4] = ["icloud.com", "icloud.com.cn", "apple.com", "apple.com.cn"];

/// Domains that only content comes from and goes to.
const CONTENT_DOMAINS: [&str; 2] = ["icloud-content.com", "icloud-content.com.cn"];

/// The service's hosts: Apple's, or one base address in place of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Without a slash at its end.
    base: Option<Url>,
    region: Region,
}

impl Endpoint {
    /// Takes the region and, where given, `ICLOUD_SYNC_ENDPOINT`.
    ///
    /// # Errors
    /// `Usage` where the address is neither `https` nor `http` on a loopback host, or carries a
    /// user name, a query or a fragment.
    pub fn new(base: Option<&str>, region: Region) -> Result<Self> {
        let base = base.map(parse_base).transpose()?;
        Ok(Self { base, region })
    }

    /// Returns the region.
    pub fn region(&self) -> Region {
        self.region
    }

    /// Returns whether everything stays on this machine.
    pub fn is_loopback(&self) -> bool {
        self.base.as_ref().is_some_and(is_loopback)
    }

    /// Returns whether one address stands for all of Apple's hosts.
    pub fn is_custom(&self) -> bool {
        self.base.is_some()
    }

    /// Returns whether everything is said without TLS (loopback only).
    pub fn is_plain(&self) -> bool {
        self.base
            .as_ref()
            .is_some_and(|base| base.scheme() == "http")
    }

    /// Returns a text that tells endpoints apart, for the session's folder.
    pub fn key(&self) -> String {
        match (&self.base, self.region) {
            (Some(base), _) => base.as_str().trim_end_matches('/').to_owned(),
            (None, Region::Global) => "icloud.com".to_owned(),
            (None, Region::China) => "icloud.com.cn".to_owned(),
        }
    }

    /// Returns the identity service's base addresses, the likeliest first. For the Chinese region
    /// clients disagree on the host (protocol page 1.2).
    pub fn identity(&self) -> Vec<String> {
        const GLOBAL: &str = "https://idmsa.apple.com/appleauth/auth";
        const CHINA: &str = "https://idmsa.apple.com.cn/appleauth/auth";
        match (&self.base, self.region) {
            (Some(base), _) => vec![format!("{}/appleauth/auth", trimmed(base))],
            (None, Region::Global) => vec![GLOBAL.to_owned()],
            (None, Region::China) => vec![CHINA.to_owned(), GLOBAL.to_owned()],
        }
    }

    /// Returns the base address of set-up calls (account, session).
    pub fn setup(&self) -> String {
        match (&self.base, self.region) {
            (Some(base), _) => format!("{}/setup/ws/1", trimmed(base)),
            (None, Region::Global) => "https://setup.icloud.com/setup/ws/1".to_owned(),
            (None, Region::China) => "https://setup.icloud.com.cn/setup/ws/1".to_owned(),
        }
    }

    /// Returns what goes into `Origin`, and with a slash into `Referer`: the web client's own
    /// address, whatever host is spoken to.
    pub fn home(&self) -> &'static str {
        match self.region {
            Region::Global => "https://www.icloud.com",
            Region::China => "https://www.icloud.com.cn",
        }
    }

    /// Checks an address of the webservices map.
    ///
    /// # Errors
    /// `Protocol`, naming the host, where it is not one of the service's.
    pub fn service(&self, address: &str) -> Result<Url> {
        self.check(address, &[&API_DOMAINS])
    }

    /// Checks an address that content comes from or goes to.
    ///
    /// # Errors
    /// As [`Self::service`]. The message never holds the address: it is itself the credential.
    pub fn content(&self, address: &str) -> Result<Url> {
        self.check(address, &[&API_DOMAINS, &CONTENT_DOMAINS])
    }

    fn check(&self, address: &str, domains: &[&[&str]]) -> Result<Url> {
        let Ok(url) = Url::parse(address) else {
            return Err(Error::new(
                Kind::Protocol,
                "the service named an address that is none",
            ));
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let good = if let Some(base) = &self.base {
            url.origin() == base.origin()
        } else {
            url.scheme() == "https"
                && domains
                    .iter()
                    .flat_map(|list| list.iter())
                    .any(|domain| is_within(&host, domain))
        };
        if !good || !url.username().is_empty() || url.password().is_some() {
            return Err(Error::new(
                Kind::Protocol,
                format!(
                    "the service named an address on \"{}\", which is not its own; nothing was sent there",
                    place(&url)
                ),
            ));
        }
        Ok(url)
    }
}

/// Returns whether a cookie's domain is one of the service's own, or below one.
pub(super) fn is_of_service(domain: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    API_DOMAINS.iter().any(|own| is_within(domain, own))
}

/// Returns scheme, host and port alone: what may be shown of an address.
pub(crate) fn place(url: &Url) -> String {
    let short = |text: &str, most| text.chars().take(most).collect::<String>();
    let scheme = short(url.scheme(), 20);
    // No name of a host is longer.
    let host = short(url.host_str().unwrap_or("?"), 253);
    match url.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

fn parse_base(value: &str) -> Result<Url> {
    let refuse = |why: &str| {
        Err(Error::new(
            Kind::Usage,
            format!(
                "environment ICLOUD_SYNC_ENDPOINT: bad value \"{}\": {why}",
                without_user(value)
            ),
        )
        .with_hint("give an https address, or an http one on 127.0.0.1"))
    };
    let Ok(url) = Url::parse(value.trim()) else {
        return refuse("not an address");
    };
    if url.host_str().is_none_or(str::is_empty) {
        return refuse("it names no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("a user name or password in it is not accepted");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("a query or fragment in it is not accepted");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refuse("plain http is accepted on a loopback address only"),
        _ => refuse("only https, or http on a loopback address, is accepted"),
    }
}

fn trimmed(base: &Url) -> &str {
    base.as_str().trim_end_matches('/')
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether `host` is `domain` or below it.
fn is_within(host: &str, domain: &str) -> bool {
    let host = host.to_ascii_lowercase();
    match host.strip_suffix(domain) {
        Some(rest) => rest.is_empty() || rest.ends_with('.'),
        None => false,
    }
}

/// Takes user name and password out of a URL, however odd it is.
pub(crate) fn without_user(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}(redacted)@{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apple() -> Endpoint {
        Endpoint::new(None, Region::Global).unwrap()
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
        for good in [
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:9",
            "http://127.1.2.3/x/",
            "https://icloud.example.com",
        ] {
            assert!(Endpoint::new(Some(good), Region::Global).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1",
            "http://localhost.example.com",
            "http://example.com",
            "ftp://127.0.0.1",
            "127.0.0.1:80",
            "https://",
            "https://me:pw@example.com",
            "https://example.com/?a=b",
            "",
        ] {
            let error = Endpoint::new(Some(bad), Region::Global).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{bad}");
            let shown = without_user(bad);
            assert!(
                error.to_string().contains(&format!("\"{shown}\"")),
                "{error}"
            );
        }
    }

    #[test]
    fn one_base_stands_for_all_hosts() {
        let end = Endpoint::new(Some("http://127.0.0.1:81/"), Region::Global).unwrap();
        assert_eq!(end.identity(), ["http://127.0.0.1:81/appleauth/auth"]);
        assert_eq!(end.setup(), "http://127.0.0.1:81/setup/ws/1");
        assert_eq!(end.home(), "https://www.icloud.com");
        assert_eq!(end.key(), "http://127.0.0.1:81");
        assert!(end.is_loopback() && end.is_plain());
        assert!(end.service("http://127.0.0.1:81/drivews").is_ok());
        for bad in [
            "http://127.0.0.1:82/drivews",
            "https://127.0.0.1:81/",
            "https://p31-drivews.icloud.com:443",
        ] {
            assert_eq!(
                end.service(bad).unwrap_err().kind(),
                Kind::Protocol,
                "{bad}"
            );
            assert_eq!(
                end.content(bad).unwrap_err().kind(),
                Kind::Protocol,
                "{bad}"
            );
        }
    }

    #[test]
    fn without_a_base_only_apples_hosts_are_spoken_to() {
        let end = apple();
        assert!(end.service("https://p31-drivews.icloud.com:443").is_ok());
        assert!(end.service("https://p9-docws.icloud.com.cn").is_ok());
        assert!(
            end.content("https://cvws.icloud-content.com/B/x?e=1")
                .is_ok()
        );
        assert!(
            end.content("https://cvws.icloud-content.com.cn/B/x")
                .is_ok()
        );
        for bad in [
            "https://cvws.icloud-content.com/B/x",
            "http://p31-drivews.icloud.com",
            "https://icloud.com.example.com",
            "https://evilicloud.com",
            "https://me@p31-drivews.icloud.com",
            "not an address",
        ] {
            assert_eq!(
                end.service(bad).unwrap_err().kind(),
                Kind::Protocol,
                "{bad}"
            );
        }
        let error = end
            .content("https://collector.example.com/B/secret-part?k=v")
            .unwrap_err();
        assert!(
            error.to_string().contains("collector.example.com"),
            "{error}"
        );
        assert!(!error.to_string().contains("secret-part"), "{error}");
        // Neither is shown at any length.
        for long in [
            format!("https://{}.example/", "a.".repeat(500)),
            format!("{}:x", "a".repeat(999)),
        ] {
            let error = end.content(&long).unwrap_err();
            assert!(error.to_string().chars().count() < 400, "{error}");
        }
    }

    #[test]
    fn china_has_hosts_of_its_own() {
        let end = Endpoint::new(None, Region::China).unwrap();
        assert_eq!(end.setup(), "https://setup.icloud.com.cn/setup/ws/1");
        assert_eq!(end.home(), "https://www.icloud.com.cn");
        assert_eq!(end.identity().len(), 2);
        assert!(end.identity().first().unwrap().contains("apple.com.cn"));
    }

    #[test]
    fn nobody_learns_who_uses_a_proxy() {
        for (url, shown) in [
            (
                "http://anna:hush@proxy:3128/",
                "http://(redacted)@proxy:3128/",
            ),
            ("anna:hush@proxy", "(redacted)@proxy"),
            ("http://an na:h@sh@", "http://(redacted)@"),
            ("http://proxy:3128", "http://proxy:3128"),
        ] {
            assert_eq!(without_user(url), shown);
        }
    }
}
