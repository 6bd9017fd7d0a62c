//! The way to the service: certificates, proxy, hosts, and the clock by what they answer.
//!
//! Every request here is made once and goes out without waiting; what comes of it is told as it is.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Url};

use super::Finding;
use crate::{
    auth::gate,
    cloud::{
        answer::Reason,
        endpoint::{Endpoint, place},
        http::{Answer, Call, Failure, Transport},
        jar::Jar,
    },
    error::{Error, Kind, Result},
    options::{AccountOptions, Env},
    report::words,
    stop::Stop,
};

/// A clock that is off by more makes `prefer-newer` choose wrongly now and then.
const OFF: SignedDuration = SignedDuration::from_secs(60);
/// A clock that is off by more makes certificates and sessions look expired, or not yet good.
const FAR_OFF: SignedDuration = SignedDuration::from_secs(300);

/// The variables that name a proxy, in the order in which they are asked.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// A connection to ask single questions over.
pub(super) struct Line {
    pub(super) wire: Transport,
}

/// An answer, when it came, and how long it took.
pub(super) struct Heard {
    pub(super) answer: Answer,
    pub(super) at: Timestamp,
    pub(super) took: Duration,
}

impl Line {
    /// Makes it, with no cookie yet.
    ///
    /// # Errors
    /// `Usage` where no trusted certificates are found.
    pub(super) fn new(endpoint: &Endpoint, account: &AccountOptions, stop: &Stop) -> Result<Self> {
        let wire = Transport::new(
            endpoint.clone(),
            Jar::new(endpoint.is_custom()).into(),
            gate::pace(endpoint),
            account.max_rate,
            stop.clone(),
        )?;
        Ok(Self { wire })
    }

    /// Asks once.
    ///
    /// # Errors
    /// What kept the answer from coming.
    pub(super) fn ask(
        &self,
        method: Method,
        url: Url,
        label: &str,
        headers: Vec<(&'static str, String)>,
        body: Option<Vec<u8>>,
    ) -> Result<Heard> {
        let call = Call {
            method,
            url,
            label,
            headers,
            body,
            limit: self.wire.pace.other,
            at_once: true,
            is_write: false,
        };
        let begun = Instant::now();
        let answer = self.wire.exchange(&call).map_err(Failure::into_error)?;
        let took = begun.elapsed();
        Ok(Heard {
            answer,
            // The service wrote its time somewhere between.
            at: Timestamp::now() - took / 2,
            took,
        })
    }
}

/// Are there certificates to know the service by?
pub(super) fn certificates(env: &Env, endpoint: &Endpoint) -> Finding {
    const NAME: &str = "certificates";
    if endpoint.is_plain() {
        return Finding::skipped(NAME, format!("{} is spoken to without TLS", endpoint.key()));
    }
    let named: Vec<String> = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .filter_map(|name| Some(format!("{name}={}", env.os(name)?.to_string_lossy())))
        .collect();
    let source = if named.is_empty() {
        "the system's".to_owned()
    } else {
        named.join(", ")
    };
    let loaded = rustls_native_certs::load_native_certs();
    let problems: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
    let mut found = format!(
        "{} loaded ({source})",
        words::count(loaded.certs.len(), "trusted certificate")
    );
    for problem in problems.iter().take(3) {
        found.push_str("; ");
        found.push_str(problem);
    }
    let way_out = "install the system's trusted certificates (package ca-certificates), or set SSL_CERT_FILE to a PEM file of them";
    if loaded.certs.is_empty() {
        return Finding::failed(NAME, found, way_out);
    }
    if !problems.is_empty() {
        return Finding::warning(NAME, found, way_out);
    }
    Finding::ok(NAME, found)
}

/// Which proxy is in between?
pub(super) fn proxy(env: &Env, endpoint: &Endpoint) -> Finding {
    const NAME: &str = "proxy";
    let named = PROXIES
        .iter()
        .find_map(|name| Some((*name, env.os(name)?.to_string_lossy().into_owned())));
    let Some((name, value)) = named else {
        return Finding::ok(NAME, "none");
    };
    if endpoint.is_loopback() {
        return Finding::ok(
            NAME,
            format!("{name} is set, and passed by: the service is on this machine"),
        );
    }
    let Some(url) = proxy_url(&value) else {
        return Finding::warning(
            NAME,
            format!("{name} is set, and is no address"),
            format!("write it as http://HOST:PORT, or unset {name}"),
        );
    };
    let mut found = format!("{name}: {}", place(&url));
    if !url.username().is_empty() || url.password().is_some() {
        found.push_str(" (with a user name, left out here)");
    }
    let except = ["NO_PROXY", "no_proxy"]
        .iter()
        .find_map(|name| env.os(name));
    if let Some(except) = except {
        found.push_str("; not for ");
        found.push_str(&except.to_string_lossy());
    }
    Finding::ok(NAME, found)
}

/// Reads a proxy's address; without a scheme it is `http`.
fn proxy_url(value: &str) -> Option<Url> {
    let full = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    Url::parse(&full).ok().filter(Url::has_host)
}

/// Does each host of sign-in and set-up answer at all? Returns one answer, to read the clock from.
pub(super) fn hosts(line: &Result<Line>, endpoint: &Endpoint) -> (Vec<Finding>, Option<Heard>) {
    let line = match line {
        Ok(line) => line,
        Err(error) => return (vec![of_error("network", error)], None),
    };
    let mut bases = endpoint.identity();
    bases.push(endpoint.setup());
    let mut places: Vec<Url> = Vec::new();
    for base in bases {
        if let Ok(mut url) = Url::parse(&base) {
            url.set_path("/");
            if !places.contains(&url) {
                places.push(url);
            }
        }
    }
    let mut all = Vec::new();
    let mut first = None;
    for url in places {
        let shown = place(&url);
        match line.ask(Method::GET, url, "connecting", Vec::new(), None) {
            Ok(heard) => {
                all.push(host(&shown, &heard, endpoint));
                first.get_or_insert(heard);
            }
            Err(error) => all.push(of_error("network", &error)),
        }
    }
    (all, first)
}

/// Any answer but a stumble shows that the host is there: at this address there is nothing to be had.
fn host(shown: &str, heard: &Heard, endpoint: &Endpoint) -> Finding {
    const NAME: &str = "network";
    let status = heard.answer.status;
    let took = heard.took.as_millis();
    let tls = if endpoint.is_plain() {
        ""
    } else {
        ", certificate trusted"
    };
    if status < 500 && status != 407 {
        return Finding::ok(NAME, format!("{shown} answers in {took} ms{tls}"));
    }
    let found = format!(
        "{shown}: {}",
        Reason::read(&heard.answer.body).words(status)
    );
    if status == 407 {
        let way_out =
            "the proxy wants a user name and password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT";
        return Finding::failed(NAME, found, way_out);
    }
    // Something answers; whether it is well is seen at addresses where there is something to be had.
    let way_out = "the service or a proxy in between may be in trouble: see below, and www.apple.com/support/systemstatus";
    Finding::warning(NAME, found, way_out)
}

/// Makes a finding of what kept an answer from coming.
pub(super) fn of_error(name: &'static str, error: &Error) -> Finding {
    let way_out = match (error.hint(), error.kind()) {
        (Some(hint), _) => hint.to_owned(),
        (None, Kind::SignIn) => "run `icloud-sync login`".to_owned(),
        (None, _) => {
            "is this machine online, and does it resolve names? Behind a company proxy set HTTPS_PROXY".to_owned()
        }
    };
    if error.kind() == Kind::SignIn {
        return Finding::sign_in(name, error.chain(), way_out);
    }
    Finding::failed(name, error.chain(), way_out)
}

/// Is the clock right, by the service's own?
pub(super) fn clock(heard: Option<&Heard>) -> Finding {
    const NAME: &str = "clock";
    let Some(heard) = heard else {
        return Finding::skipped(
            NAME,
            "no host has answered, so there is nothing to compare it with",
        );
    };
    let date = heard.answer.header("date");
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    match date {
        Some(date) => compare_clocks(heard.at, date.timestamp()),
        None => Finding::skipped(NAME, "the service's answer has no date"),
    }
}

/// The service's time has whole seconds, cut off.
fn compare_clocks(here: Timestamp, there: Timestamp) -> Finding {
    const NAME: &str = "clock";
    let ahead = here.duration_since(there);
    let off = ahead.abs();
    if off <= SignedDuration::from_secs(2) {
        return Finding::ok(NAME, "right, by the service's");
    }
    let way = if ahead.is_positive() {
        "ahead of"
    } else {
        "behind"
    };
    let length = words::time(off.unsigned_abs());
    let found = format!("{length} {way} the service's");
    let set_it = "set the clock, best by itself: `timedatectl set-ntp true`";
    if off > FAR_OFF {
        let why = "; certificates and sessions look expired, or not yet good";
        return Finding::failed(NAME, found + why, set_it);
    }
    if off > OFF {
        let why = "; which of two versions is newer is judged wrongly then";
        return Finding::warning(NAME, found + why, set_it);
    }
    Finding::ok(NAME, found)
}

#[cfg(test)]
mod tests {
    use super::{
        super::Verdict::{Failed, Ok, Skipped, Warning},
        *,
    };
    use crate::options::Region;

    fn env(vars: &[(&str, &str)]) -> Env {
        Env::new(vars.iter().copied(), "/")
    }

    fn apple() -> Endpoint {
        Endpoint::new(None, Region::Global).unwrap()
    }

    #[test]
    fn a_proxy_is_named_without_its_password() {
        for (value, shown) in [
            (
                "http://anna:hush@proxy:3128/",
                "HTTPS_PROXY: http://proxy:3128 (with a user name, left out here)",
            ),
            ("proxy:3128", "HTTPS_PROXY: http://proxy:3128"),
            ("socks5://10.0.0.1", "HTTPS_PROXY: socks5://10.0.0.1"),
        ] {
            let found = proxy(&env(&[("HTTPS_PROXY", value)]), &apple());
            assert_eq!((found.verdict, found.found.as_str()), (Ok, shown));
        }
        let odd = proxy(&env(&[("https_proxy", "http://an na:hush@")]), &apple());
        assert_eq!(odd.verdict, Warning);
        assert!(!format!("{odd:?}").contains("hush"));
        let loopback = Endpoint::new(Some("http://127.0.0.1:1"), Region::Global).unwrap();
        let passed_by = proxy(&env(&[("ALL_PROXY", "x:1"), ("NO_PROXY", "y")]), &loopback);
        assert!(passed_by.found.contains("passed by"), "{passed_by:?}");
        assert_eq!(proxy(&env(&[]), &apple()).found, "none");
        assert_eq!(certificates(&env(&[]), &loopback).verdict, Skipped);
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        let there: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for (seconds, verdict, words) in [
            (0, Ok, "right"),
            (-2, Ok, "right"),
            (40, Ok, "40.0 s ahead"),
            (-90, Warning, "1 min 30 s behind"),
            (7_200, Failed, "2 h 0 min ahead"),
        ] {
            let here = there + SignedDuration::from_secs(seconds);
            let found = compare_clocks(here, there);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.found.contains(words), "{found:?}");
        }
        assert_eq!(clock(None).verdict, Skipped);
    }
}
