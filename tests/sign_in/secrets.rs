//! No password, code, cookie or token reaches a log, an error or a `Debug`.

use std::sync::{Mutex, Once};

use icloud_sync::{
    auth::{self, prompt::Nobody},
    emulator::{Action, Fault},
    stop::Stop,
};
use serde_json::Value;

use crate::{PASSWORD, WHO, World, list_root};

/// Every line that anything in the process logs, at the finest level.
static LINES: Mutex<String> = Mutex::new(String::new());

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!(
            "{} {}: {}\n",
            record.level(),
            record.target(),
            record.args()
        );
        LINES.lock().unwrap().push_str(&line);
    }

    fn flush(&self) {}
}

fn record() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Recorder).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// All texts of a JSON value that are long enough to be a secret.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn no_secret_is_ever_logged() {
    record();
    let world = World::new();
    let person = world.person();
    let mut code = String::new();
    {
        let api = auth::open(&world.options(), &person, &Stop::new()).unwrap();
        list_root(&api).unwrap();
        world
            .emulator
            .drive(WHO)
            .write("f", b"content".to_vec())
            .unwrap();
        let id = world.emulator.drive(WHO).entry("f").unwrap().docwsid;
        let answer: Value = api
            .get_json(
                icloud_sync::cloud::http::Host::Docws,
                &format!("ws/com.apple.CloudDocs/download/by_id?document_id={id}"),
            )
            .unwrap();
        let url = answer["data_token"]["url"].as_str().unwrap();
        code.push_str(url.rsplit_once('/').unwrap().1);
        api.content_get(url, 0, None).unwrap();
        world.emulator.expire_session(WHO);
        world
            .emulator
            .fault(Fault::once("retrieveItemDetailsInFolders", Action::Html502));
        list_root(&api).unwrap();
        world.emulator.expire_session(WHO);
        world.emulator.expire_tokens(WHO);
        let error = list_root(&api).unwrap_err();
        let shown = format!("{error:?} {}", error.chain());
        LINES.lock().unwrap().push_str(&shown);
    }
    assert!(auth::open(&world.with_password(), &Nobody, &Stop::new()).is_ok());
    let saved = std::fs::read(world.saved("session.json")).unwrap();
    let saved: Value = serde_json::from_slice(&saved).unwrap();
    let mut secrets = Vec::new();
    texts(&saved["tokens"], &mut secrets);
    for cookie in saved["cookies"].as_array().unwrap() {
        let raw = cookie["raw_cookie"].as_str().unwrap();
        let value = raw.split_once('=').unwrap().1;
        secrets.push(
            value
                .split(';')
                .next()
                .unwrap()
                .trim_matches('"')
                .to_owned(),
        );
    }
    secrets.retain(|text| text.len() > 8);
    assert!(secrets.len() > 8, "{}", secrets.len());
    secrets.push(PASSWORD.to_owned());
    secrets.push(code);
    let lines = LINES.lock().unwrap().clone();
    assert!(
        lines.contains("signin/complete -> 409"),
        "the log is not empty"
    );
    for secret in &secrets {
        assert!(!lines.contains(secret.as_str()), "{secret} was logged");
    }
    assert!(!format!("{:?}", world.with_password()).contains(PASSWORD));
}
