//! The unchanged program behind a company proxy with its own CA: Apple's host names, and an emulator that
//! is that proxy. The environment of a process cannot be changed from within, so the test runs itself.

use std::{
    io::{Read, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use icloud_sync::{
    auth::{self, prompt::CodeAnswer},
    cloud::http::Host,
    emulator::{self, Account, Action, Config, Fault},
    options::{AccountOptions, Region},
    stop::Stop,
};
use serde_json::Value;

use crate::{PASSWORD, Person, WHO, World, list_root};

#[test]
fn apples_hosts_are_reached_through_a_proxy_with_its_own_certificates() {
    let emulator = emulator::start(Config {
        accounts: vec![Account::new(WHO, PASSWORD)],
        proxy: Some(([127, 0, 0, 1], 0).into()),
        ..Config::default()
    })
    .unwrap();
    emulator
        .drive(WHO)
        .write("hello.txt", b"through the proxy".to_vec())
        .unwrap();
    emulator.set_switches(|switches| switches.refuse_cookies = true);
    let dir = tempfile::TempDir::new().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, emulator.ca_pem().unwrap()).unwrap();
    let code = dir.path().join("code");
    // The code is there before the child is told that it was sent.
    let written = code.clone();
    let emulator = Arc::new(emulator);
    let other = Arc::downgrade(&emulator);
    emulator.after("verify/trusteddevice PUT", move |_| {
        let code = other.upgrade().unwrap().code(WHO).unwrap();
        std::fs::write(&written, code).unwrap();
    });
    let run = |region: &str, ca: &Path| child(emulator.proxy_url().unwrap(), ca, &code, region);
    for region in ["global", "china"] {
        if region == "china" {
            // The Chinese identity host may not be the right one; the other is tried before a proof.
            let gone = Action::Status {
                status: 404,
                body: None,
                retry_after: None,
            };
            emulator.fault(Fault::once("authorize/signin", gone));
        }
        let output = run(region, &ca);
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{region}: {text}");
    }
    assert_eq!(emulator.count("authorize/signin"), 3);
    assert_eq!(emulator.signin_attempts(WHO), 2);
    let log = emulator.requests();
    assert!(log.iter().all(|entry| entry.proxied));
    assert!(
        log.iter()
            .filter(|entry| entry.endpoint.starts_with("content"))
            .all(|entry| !entry.sent_cookies)
    );
    // Without the CA the proxy is not trusted, which is said with a hint, and at once.
    let other_ca = ca_of_another(dir.path());
    emulator.clear_requests();
    let output = run("global", &other_ca);
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        text.contains("is not trusted") && text.contains("SSL_CERT_FILE"),
        "{text}"
    );
    assert_eq!(emulator.requests().len(), 0);
}

/// Runs the child behind a proxy.
fn child(proxy: &str, ca: &Path, code: &Path, region: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "proxy::child_of_the_proxy",
            "--ignored",
            "--nocapture",
        ])
        .env("HTTPS_PROXY", proxy)
        .env("https_proxy", proxy)
        .env("SSL_CERT_FILE", ca)
        .env("TEST_CODE_FILE", code)
        .env("TEST_REGION", region)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap()
}

/// A proxy that lets those pass to the next one who give this name and password, and counts the others.
fn doorkeeper(
    next: SocketAddr,
    credentials: &'static str,
    refused: Arc<AtomicUsize>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pass = move |mut client: TcpStream| -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&head).to_lowercase();
        let wanted = format!("proxy-authorization: basic {credentials}\r\n").to_lowercase();
        if !text.contains(&wanted) {
            refused.fetch_add(1, Ordering::SeqCst);
            let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
            return client.write_all(answer.as_bytes());
        }
        let mut next = TcpStream::connect(next)?;
        next.write_all(&head)?;
        let (mut from, mut to) = (next.try_clone()?, client.try_clone()?);
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        std::io::copy(&mut client, &mut next)?;
        next.shutdown(Shutdown::Both)
    };
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let pass = pass.clone();
            std::thread::spawn(move || pass(client.unwrap()));
        }
    });
    address
}

#[test]
fn a_proxy_that_asks_for_a_name_gets_it_and_a_wrong_one_is_told_at_once() {
    let emulator = emulator::start(Config {
        accounts: vec![Account::new(WHO, PASSWORD)],
        proxy: Some(([127, 0, 0, 1], 0).into()),
        ..Config::default()
    })
    .unwrap();
    let emulator = Arc::new(emulator);
    let hello = b"through the proxy".to_vec();
    emulator.drive(WHO).write("hello.txt", hello).unwrap();
    let dir = tempfile::TempDir::new().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, emulator.ca_pem().unwrap()).unwrap();
    let code = dir.path().join("code");
    let written = code.clone();
    let other = Arc::downgrade(&emulator);
    emulator.after("verify/trusteddevice PUT", move |_| {
        std::fs::write(&written, other.upgrade().unwrap().code(WHO).unwrap()).unwrap();
    });
    let next = emulator.proxy_url().unwrap().trim_start_matches("http://");
    let refused = Arc::new(AtomicUsize::new(0));
    // anna:p@ss w0rd
    let door = doorkeeper(
        next.parse().unwrap(),
        "YW5uYTpwQHNzIHcwcmQ=",
        Arc::clone(&refused),
    );
    let output = child(
        &format!("http://anna:p%40ss%20w0rd@{door}"),
        &ca,
        &code,
        "global",
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert_eq!(refused.load(Ordering::SeqCst), 0);
    emulator.clear_requests();
    let output = child(
        &format!("http://anna:wrong-one@{door}"),
        &ca,
        &code,
        "global",
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("the proxy wants a user name"), "{text}");
    assert!(!text.contains("wrong-one"), "{text}");
    assert_eq!(refused.load(Ordering::SeqCst), 1, "it is told at once");
    assert_eq!(emulator.requests().len(), 0);
}

/// The certificate of another authority: that of a second emulator.
fn ca_of_another(dir: &Path) -> PathBuf {
    let other = emulator::start(Config {
        proxy: Some(([127, 0, 0, 1], 0).into()),
        ..Config::default()
    })
    .unwrap();
    let path = dir.join("other.pem");
    std::fs::write(&path, other.ca_pem().unwrap()).unwrap();
    path
}

#[test]
#[ignore = "run by the test above, in an environment of its own"]
fn child_of_the_proxy() {
    let file = std::env::var("TEST_CODE_FILE").unwrap();
    let person = Person::new(move |_| CodeAnswer::Code(std::fs::read_to_string(&file).unwrap()));
    let dir = tempfile::TempDir::new().unwrap();
    let options = AccountOptions {
        endpoint: None,
        region: match std::env::var("TEST_REGION").unwrap().as_str() {
            "china" => Region::China,
            _ => Region::Global,
        },
        state_dir: dir.path().to_owned(),
        ..World::new().options()
    };
    let api = match auth::open(&options, &person, &Stop::new()) {
        Ok(api) => api,
        Err(error) => panic!("{} / {:?}", error.chain(), error.hint()),
    };
    let answer = list_root(&api).unwrap();
    let id = answer[0]["items"][0]["docwsid"].as_str().unwrap();
    let path = format!("ws/com.apple.CloudDocs/download/by_id?document_id={id}");
    let token: Value = api.get_json(Host::Docws, &path).unwrap();
    let address = token["data_token"]["url"].as_str().unwrap();
    assert!(
        address.starts_with("https://cvws.icloud-content.com"),
        "another host than the content host"
    );
    let mut bytes = Vec::new();
    api.content_get(address, 0, None)
        .unwrap()
        .body
        .read_to_end(&mut bytes)
        .unwrap();
    assert_eq!(bytes, b"through the proxy");
}
