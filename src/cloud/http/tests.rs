//! What goes over the wire, byte for byte, against a server that only records and recites.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    thread::{self, JoinHandle},
};

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use serde_json::{Value, json};

use super::*;
use crate::{
    cloud::{endpoint::Endpoint, jar::Jar},
    options::Region,
};

/// A request as it arrived: the head's lines, and the body.
struct Seen {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Seen {
    fn headers(&self, name: &str) -> Vec<&str> {
        self.head
            .iter()
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    fn target(&self) -> &str {
        self.head[0].split(' ').nth(1).unwrap()
    }
}

fn read_head(reader: &mut impl BufRead) -> Vec<String> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
            return head;
        }
        head.push(line.trim_end().to_owned());
    }
}

fn read_request(stream: &TcpStream) -> Seen {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut seen = Seen {
        head: read_head(&mut reader),
        body: Vec::new(),
    };
    let length = seen
        .headers("content-length")
        .first()
        .map_or(0, |length| length.parse().unwrap());
    seen.body.resize(length, 0);
    std::io::Read::read_exact(&mut reader, &mut seen.body).unwrap();
    seen
}

/// Recites answers, one to a connection, and returns what was asked.
fn recite(answers: Vec<String>) -> (String, JoinHandle<Vec<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handle = thread::spawn(move || {
        answers
            .into_iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let seen = read_request(&stream);
                stream.write_all(answer.as_bytes()).unwrap();
                seen
            })
            .collect()
    });
    (url, handle)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

struct NoKeeper;

impl Keeper for NoKeeper {
    fn renew(&self, _: &Transport, _: &Services) -> Result<Services> {
        Err(Error::new(Kind::SignIn, "nobody signs in here"))
    }

    fn unlock(&self, _: &Transport, _: &Services) -> Result<()> {
        Err(Error::new(Kind::SignIn, "nobody unlocks here"))
    }

    fn keep(&self, _: &Transport) -> Result<()> {
        Ok(())
    }
}

fn api(url: &str, stall: Duration) -> Api {
    let endpoint = Endpoint::new(Some(url), Region::Global).unwrap();
    let pace = Pace {
        stall,
        ..Pace::of_millis(1)
    };
    let jar = Arc::new(Jar::new(true));
    let wire = Transport::new(endpoint, jar, pace, 0, Stop::new()).unwrap();
    let mut cookie = HeaderMap::new();
    cookie.append(
        SET_COOKIE,
        HeaderValue::from_static("token=\"a=b\";Path=/;Domain=.icloud.com;Secure"),
    );
    wire.jar.absorb(&cookie, &Url::parse(url).unwrap());
    let services = Services {
        dsid: "42".to_owned(),
        client_id: "my-id".to_owned(),
        drivews: format!("{url}/p31-drivews"),
        docws: format!("{url}/p31-docws"),
    };
    Api::new(wire, Box::new(NoKeeper), services)
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn an_api_request_looks_like_the_web_client_s() {
    let (url, server) = recite(vec![
        answer("200 OK", "", "[1]"),
        answer("200 OK", "", "{}"),
    ]);
    let api = api(&url, LONG);
    let list: Vec<u8> = api
        .post_json(
            Host::Docws,
            "/ws/z/upload/web?x=%23",
            &json!({"a": 1}),
            Effect::Read,
        )
        .unwrap();
    assert_eq!(list, [1]);
    let object: Value = api.get_json(Host::Drivews, "retrieveAppLibraries").unwrap();
    assert_eq!(object, json!({}));
    let seen = server.join().unwrap();
    assert_eq!(
        seen[0].head[0],
        "POST /p31-docws/ws/z/upload/web?x=%23&clientBuildNumber=2534Project66&clientMasteringNumber=2534B22&clientId=my-id&dsid=42 HTTP/1.1"
    );
    assert_eq!(seen[0].headers("content-length"), ["7"]);
    assert_eq!(seen[0].body, br#"{"a":1}"#);
    assert_eq!(seen[0].headers("content-type"), ["application/json"]);
    assert!(seen[0].headers("transfer-encoding").is_empty());
    assert!(
        seen[1]
            .target()
            .starts_with("/p31-drivews/retrieveAppLibraries?")
    );
    for request in &seen {
        assert_eq!(request.headers("origin"), ["https://www.icloud.com"]);
        assert_eq!(request.headers("referer"), ["https://www.icloud.com/"]);
        assert_eq!(request.headers("user-agent"), [USER_AGENT]);
        assert_eq!(request.headers("cookie"), ["token=\"a=b\""]);
    }
}

#[test]
fn an_empty_body_is_said_to_be_empty() {
    let (url, server) = recite(vec![answer("202 Accepted", "", "")]);
    let api = api(&url, LONG);
    let call = Call {
        method: Method::PUT,
        url: Url::parse(&url).unwrap(),
        label: "x",
        headers: Vec::new(),
        body: Some(Vec::new()),
        limit: LONG,
        at_once: false,
        is_write: false,
    };
    let Ok(answer) = api.wire.exchange(&call) else {
        panic!("no answer");
    };
    assert_eq!(answer.status, 202);
    let seen = server.join().unwrap();
    assert_eq!(seen[0].headers("content-length"), ["0"]);
}

#[test]
fn an_answer_that_is_too_long_is_asked_for_once() {
    let body = format!("[\"{}\"]", "x".repeat(64 << 20));
    let (url, server) = recite(vec![answer("200 OK", "", &body)]);
    let api = api(&url, Duration::from_secs(20));
    let asked = api.post_json::<Value>(Host::Drivews, "any", &json!({}), Effect::Read);
    let error = asked.unwrap_err();
    assert_eq!(error.kind(), Kind::Temporary, "{error}");
    assert!(error.to_string().contains("more than 67108864 bytes"));
    assert_eq!(server.join().unwrap().len(), 1);
}

#[test]
fn access_denied_to_what_another_shares_is_a_refusal() {
    let denied = answer("403 Forbidden", "", r#"{"error_code":"ACCESS_DENIED"}"#);
    let asked = |path: &str, body: Value| {
        let (url, server) = recite(vec![denied.clone()]);
        let api = api(&url, Duration::from_secs(20));
        let answered = api.post_json::<Value>(Host::Docws, path, &body, Effect::Write);
        let error = answered.unwrap_err();
        assert_eq!(server.join().unwrap().len(), 1, "{path}");
        error.kind()
    };
    let plain = || json!({});
    for path in [
        "ws/z/upload/web/bob/rec",
        "ws/z/update/shared/bob?errorBreakdown=true",
    ] {
        assert_eq!(asked(path, plain()), Kind::Refused, "{path}");
    }
    let named = json!({"items": [{"shareID": {"shareName": "s"}}]});
    assert_eq!(asked("renameItems", named), Kind::Refused);
}

#[test]
fn content_requests_carry_no_cookie_and_the_right_length() {
    let (url, server) = recite(vec![
        answer("200 OK", "", "{}"),
        answer("200 OK", "", "{}"),
        answer(
            "206 Partial Content",
            "Content-Range: bytes 3-5/6\r\n",
            "def",
        ),
    ]);
    let api = api(&url, LONG);
    api.content_post(
        &format!("{url}/up?secret=1"),
        0,
        "text/plain",
        std::io::empty(),
    )
    .unwrap();
    api.content_post(&url, 3, "text/plain", &b"abc"[..])
        .unwrap();
    let content = api.content_get(&url, 3, None).unwrap();
    assert_eq!((content.offset, content.length), (3, Some(3)));
    drop(content);
    let seen = server.join().unwrap();
    assert_eq!(seen[0].headers("content-length"), ["0"]);
    assert_eq!(
        seen[0].target(),
        "/up?secret=1",
        "nothing is added to the address"
    );
    assert_eq!(seen[1].headers("content-length"), ["3"]);
    assert_eq!(seen[1].body, b"abc");
    assert_eq!(seen[2].headers("range"), ["bytes=3-"]);
    for request in &seen {
        assert!(request.headers("cookie").is_empty());
        assert!(
            request.headers("accept-encoding").is_empty(),
            "the length is checked as sent"
        );
        assert_eq!(request.headers("origin"), ["https://www.icloud.com"]);
        assert_eq!(request.headers("user-agent"), [USER_AGENT]);
    }
    assert_eq!(api.requests(), 3);
}

#[test]
fn a_download_is_not_led_elsewhere_and_takes_no_other_range() {
    let (url, server) = recite(vec![
        answer(
            "330 Found",
            "Location: http://collector.example.com/B/x\r\n",
            "",
        ),
        answer("302 Found", "Location: http://127.0.0.1:1/x\r\n", ""),
        answer("307 Found", "", ""),
        answer(
            "206 Partial Content",
            "Content-Range: bytes 4-5/6\r\n",
            "ef",
        ),
        answer("206 Partial Content", "", "def"),
    ]);
    let api = api(&url, LONG);
    for _ in 0..5 {
        let Err(error) = api.content_get(&url, 3, None) else {
            panic!("taken");
        };
        assert_eq!(error.kind(), Kind::Protocol, "{error}");
    }
    server.join().unwrap();
    let (url, server) = recite(vec![answer("302 Found", "Location: /\r\n", ""); 6]);
    let api = self::api(&url, LONG);
    let Err(error) = api.content_get(&url, 0, None) else {
        panic!("taken");
    };
    assert!(error.to_string().contains("redirects"), "{error}");
    server.join().unwrap();
}

#[test]
fn an_api_redirect_is_not_followed() {
    let (url, server) = recite(vec![answer("302 Found", "Location: /elsewhere\r\n", "")]);
    let error = api(&url, LONG)
        .get_json::<Value>(Host::Docws, "x")
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert_eq!(server.join().unwrap().len(), 1);
}

#[test]
fn a_map_that_points_elsewhere_is_not_followed() {
    let (url, server) = recite(vec![]);
    let api = api(&url, LONG);
    let services = Services {
        drivews: "http://127.0.0.1:9/drivews".to_owned(),
        ..api.session().services.clone()
    };
    api.replace(Session {
        services,
        number: 1,
        unlocked: 0,
    });
    let error = api.get_json::<Value>(Host::Drivews, "x").unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert_eq!(api.requests(), 0);
    server.join().unwrap();
}

#[test]
fn an_upload_that_no_longer_moves_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // Reads the head and nothing more, until the test is over.
        read_head(&mut BufReader::new(stream.try_clone().unwrap()));
        stream
    });
    let api = api(&url, Duration::from_millis(300));
    let size = 64 << 20;
    let start = Instant::now();
    let error = api
        .content_post(
            &url,
            size,
            "text/plain",
            std::io::Read::take(std::io::repeat(7), size),
        )
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Temporary, "{}", error.chain());
    assert!(start.elapsed() < Duration::from_secs(20));
    drop(server.join().unwrap());
}

#[test]
fn a_source_that_gives_its_bytes_slowly_is_no_stall() {
    struct Slow(u8);
    impl std::io::Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            // What a bound on the bandwidth does.
            thread::sleep(Duration::from_millis(700));
            buffer[0] = self.0;
            Ok(1)
        }
    }
    let (url, server) = recite(vec![answer("200 OK", "", "{}")]);
    api(&url, Duration::from_millis(300))
        .content_post(&url, 2, "text/plain", Slow(7))
        .unwrap();
    assert_eq!(server.join().unwrap()[0].body, [7, 7]);
}

#[test]
fn a_download_that_no_longer_moves_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            .unwrap();
        stream
    });
    let api = api(&url, Duration::from_millis(300));
    let mut content = api.content_get(&url, 0, None).unwrap();
    assert_eq!(content.length, Some(10));
    let mut bytes = Vec::new();
    let error = std::io::Read::read_to_end(&mut content.body, &mut bytes).unwrap_err();
    assert!(error.to_string().len() > 3);
    assert_eq!(bytes, b"abc");
    drop(server.join().unwrap());
}

#[test]
fn a_download_in_drips_is_given_up_and_a_slow_one_is_not() {
    // So many bytes 25 times a second, for four seconds.
    let fetch = |piece: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&stream);
            let length = piece.len() * 100;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            for _ in 0..100 {
                thread::sleep(Duration::from_millis(40));
                if stream.write_all(piece).is_err() {
                    return;
                }
            }
        });
        let api = api(&url, Duration::from_secs(2));
        let mut content = api.content_get(&url, 0, None).unwrap();
        let mut bytes = Vec::new();
        let read = std::io::Read::read_to_end(&mut content.body, &mut bytes);
        drop(content);
        server.join().unwrap();
        read.map(|_| bytes.len())
    };
    let error = fetch(b"x").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");
    let broken = Error::new(Kind::Temporary, "broke off").with_source(error);
    assert!(crate::cloud::came_too_slowly(&broken));
    assert_eq!(fetch(&[b'x'; 4096]).unwrap(), 409_600);
}

#[test]
fn an_answer_that_ends_early_is_an_error_of_the_reader() {
    let (url, server) = recite(vec![
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc".to_owned(),
    ]);
    let api = api(&url, LONG);
    let mut content = api.content_get(&url, 0, None).unwrap();
    let mut bytes = Vec::new();
    assert!(std::io::Read::read_to_end(&mut content.body, &mut bytes).is_err());
    server.join().unwrap();
}

/// Runs one ignored test of this binary with another environment.
fn in_environment(test: &str, variables: &[(&str, &str)]) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(variables.iter().copied())
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed");
}

#[test]
fn without_trusted_certificates_loopback_works_and_the_rest_has_a_hint() {
    in_environment(
        "cloud::http::tests::child_without_certificates",
        &[
            ("SSL_CERT_FILE", "/nonexistent"),
            ("SSL_CERT_DIR", "/nonexistent"),
        ],
    );
}

#[test]
#[ignore = "run by the test above, in an environment of its own"]
fn child_without_certificates() {
    let (url, server) = recite(vec![answer("200 OK", "", "{}")]);
    api(&url, LONG).get_json::<Value>(Host::Docws, "x").unwrap();
    server.join().unwrap();
    let endpoint = Endpoint::new(None, Region::Global).unwrap();
    let jar = Arc::new(Jar::new(false));
    let Err(error) = Transport::new(endpoint, jar, Pace::default(), 0, Stop::new()) else {
        panic!("a client without certificates");
    };
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.hint().unwrap().contains("SSL_CERT_FILE"), "{error:?}");
}

#[test]
fn a_proxy_is_passed_by_on_loopback() {
    in_environment(
        "cloud::http::tests::child_behind_a_proxy",
        &[
            ("HTTP_PROXY", "http://127.0.0.1:9"),
            ("http_proxy", "http://127.0.0.1:9"),
            ("HTTPS_PROXY", "http://127.0.0.1:9"),
            ("ALL_PROXY", "http://127.0.0.1:9"),
        ],
    );
}

#[test]
#[ignore = "run by the test above, in an environment of its own"]
fn child_behind_a_proxy() {
    let (url, server) = recite(vec![
        answer("200 OK", "", "{}"),
        answer("200 OK", "", "abc"),
    ]);
    let api = api(&url, LONG);
    api.get_json::<Value>(Host::Docws, "x").unwrap();
    api.content_get(&url, 0, None).unwrap();
    server.join().unwrap();
}

#[test]
fn a_first_answer_that_does_not_come_is_told_of_and_others_are_not() {
    for patience in [Duration::from_millis(1), LONG] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut api = api(&url, LONG);
        api.wire.pace.patience = patience;
        for _ in 0..2 {
            let call = Call {
                method: Method::GET,
                url: Url::parse(&url).unwrap(),
                label: "x",
                headers: Vec::new(),
                body: None,
                limit: Duration::from_millis(50),
                at_once: true,
                is_write: false,
            };
            let ended = api.wire.exchange(&call);
            assert!(matches!(ended, Err(Failure::Lost(_))), "in time as a whole");
            assert_eq!(api.wire.waits.is_told(), patience < LONG);
        }
        assert!(!api.wire.waits.is_first());
    }
}
