use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use super::*;
use crate::{
    auth::secret::Secret,
    report::tests::{summary, troubled},
};

/// Two passes, a guard and a person who is needed.
fn counted() -> Metrics {
    let metrics = Metrics::default();
    metrics.ended(&Ok(summary()));
    metrics.ended(&Ok(troubled()));
    metrics.ended(&Err(Error::new(Kind::Guard, "stopped")));
    metrics.ended(&Err(Error::new(Kind::SignIn, "a code is needed")));
    *(metrics.numbers().pass.actions)
        .entry("download".into())
        .or_default() += 3;
    metrics
}

#[test]
fn passes_add_up() {
    let health = Health {
        reauth_attempts: 2,
        trusted: Some(now() - 100),
    };
    let numbers = counted().snapshot(health);
    let passes: Vec<_> = numbers.passes.into_iter().collect();
    assert_eq!(passes, [(0, 1), (3, 1), (4, 1), (6, 1)]);
    assert_eq!(numbers.last_exit_code, Some(4));
    assert!(numbers.last_success.is_some());
    assert_eq!((numbers.guards, numbers.auth_blocked_events), (1, 1));
    assert_eq!(numbers.requests, summary().requests + troubled().requests);
    assert_eq!(
        numbers.bytes_received,
        summary().bytes.0 + troubled().bytes.0
    );
    assert_eq!(numbers.problems, troubled().problems.len());
    assert_eq!(numbers.reauth_attempts, 2);
    assert!((100..110).contains(&numbers.trust_age.unwrap()));
}

#[test]
fn a_parser_of_others_reads_the_text() {
    let text = counted().snapshot(Health::default()).prometheus();
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let scrape = prometheus_parse::Scrape::parse(lines).unwrap();
    let of = |name: &str, label: Option<(&str, &str)>| {
        let found = scrape.samples.iter().find(|sample| {
            sample.metric == name
                && label.is_none_or(|(key, value)| sample.labels.get(key) == Some(value))
        });
        match found.map(|sample| &sample.value) {
            Some(
                prometheus_parse::Value::Counter(value) | prometheus_parse::Value::Gauge(value),
            ) => *value,
            other => panic!("{name}: {other:?}\n{text}"),
        }
    };
    let is = |one: f64, other: f64| (one - other).abs() < 1e-9;
    assert!(is(
        of("icloud_sync_passes_total", Some(("exit_code", "3"))),
        1.0
    ));
    assert!(is(
        of("icloud_sync_actions_total", Some(("kind", "download"))),
        3.0
    ));
    assert!(is(of("icloud_sync_guards_total", None), 1.0));
    assert!(is(of("icloud_sync_last_exit_code", None), 4.0));
    // Each sample was read, and has its help.
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(scrape.samples.len(), samples);
    assert_eq!(text.matches("# HELP").count(), scrape.docs.len());
}

fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n")
}

fn address(token: Option<&str>) -> Address {
    Address {
        host: Ipv4Addr::LOCALHOST.into(),
        port: 0,
        path: "/numbers".into(),
        token: token.map(|token| Secret::new(token.to_owned())),
    }
}

fn numbers() -> Numbers {
    counted().snapshot(Health::default())
}

#[test]
fn the_numbers_are_had_as_json_or_text() {
    let server = serve(&address(None), numbers).unwrap();
    let json = ask(&server, &get("/numbers", "Accept: */*\r\n"));
    assert!(json.starts_with("HTTP/1.1 200"), "{json}");
    assert!(json.contains("application/json"), "{json}");
    let (_, body) = json.split_once("\r\n\r\n").unwrap();
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(value["passes"]["3"], 1);
    for request in [
        get(
            "/numbers",
            "Accept: application/openmetrics-text, text/plain;q=0.5\r\n",
        ),
        get("/numbers?format=prometheus", ""),
    ] {
        let text = ask(&server, &request);
        assert!(text.contains("text/plain; version=0.0.4"), "{text}");
        assert!(
            text.contains("\nicloud_sync_passes_total{exit_code=\"3\"} 1\n"),
            "{text}"
        );
    }
    assert!(ask(&server, &get("/", "")).starts_with("HTTP/1.1 404"));
    let post = get("/numbers", "").replace("GET", "POST");
    assert!(ask(&server, &post).starts_with("HTTP/1.1 405"));
    assert!(ask(&server, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    let gone = server.address;
    drop(server);
    assert!(TcpStream::connect(gone).is_err(), "it ends with its server");
}

#[test]
fn with_a_token_only_who_has_it_is_answered() {
    let server = serve(&address(Some("a made-up token")), numbers).unwrap();
    for wrong in [
        "",
        "Authorization: Bearer other\r\n",
        "Authorization: a made-up token\r\n",
    ] {
        for path in ["/numbers", "/"] {
            let refused = ask(&server, &get(path, wrong));
            assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
            assert!(!refused.contains("passes"), "{refused}");
        }
    }
    let right = get("/numbers", "Authorization: Bearer a made-up token\r\n");
    assert!(ask(&server, &right).starts_with("HTTP/1.1 200"));
    assert!(!format!("{:?}", address(Some("a made-up token"))).contains("made-up"));
}

#[test]
fn nobody_else_is_let_in_without_a_token_and_a_taken_port_is_told() {
    let open = Address {
        host: Ipv4Addr::UNSPECIFIED.into(),
        ..address(None)
    };
    let refused = serve(&open, numbers).map(drop).unwrap_err();
    assert_eq!(refused.kind(), Kind::Usage);
    assert!(refused.hint().unwrap().contains("METRICS_TOKEN"));
    let first = serve(&address(None), numbers).unwrap();
    let taken = Address {
        port: first.address.port(),
        ..address(None)
    };
    let refused = serve(&taken, numbers).map(drop).unwrap_err();
    assert_eq!(refused.kind(), Kind::Usage);
}
