//! Signing in, staying so, and the request helper, against the emulator over real HTTP.

#![cfg(feature = "emulator")]
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod login;
mod protected;
mod proxy;
mod renewal;
mod requests;
mod secrets;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use icloud_sync::{
    auth::{
        self,
        prompt::{CodeAnswer, Prompt, Question, Via},
        secret::Secret,
    },
    cloud::http::{Api, Effect, Host},
    commands,
    emulator::{self, Account, Config, Emulator},
    error::Result,
    options::{AccountOptions, Region},
    stop::Stop,
};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const WHO: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "Engine №1, please";

/// An emulator with one account, and a folder for the program's own files.
pub(crate) struct World {
    pub(crate) emulator: Arc<Emulator>,
    dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Account)) -> Self {
        let mut account = Account::new(WHO, PASSWORD);
        change(&mut account);
        let config = Config {
            accounts: vec![account],
            ..Config::default()
        };
        Self {
            emulator: Arc::new(emulator::start(config).unwrap()),
            dir: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn state_dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn options(&self) -> AccountOptions {
        AccountOptions {
            username: Some(WHO.to_owned()),
            password: None,
            code: None,
            region: Region::Global,
            endpoint: Some(self.emulator.url().to_owned()),
            use_keyring: false,
            keyring_service: "icloud-sync".to_owned(),
            relogin: false,
            auto_reauth: true,
            auto_reauth_attempts: Some(3),
            state_dir: self.dir.path().to_owned(),
            max_rate: 0,
        }
    }

    /// The options of an unattended run with the password in its environment.
    pub(crate) fn with_password(&self) -> AccountOptions {
        AccountOptions {
            password: Some(Secret::new(PASSWORD)),
            ..self.options()
        }
    }

    /// A person who knows password and code.
    pub(crate) fn person(&self) -> Person {
        let emulator = Arc::clone(&self.emulator);
        Person::new(move |_| CodeAnswer::Code(emulator.code(WHO).unwrap()))
    }

    pub(crate) fn open(&self) -> Arc<Api> {
        auth::open(&self.options(), &self.person(), &Stop::new()).unwrap()
    }

    pub(crate) fn count(&self, endpoint: &str) -> usize {
        self.emulator.count(endpoint)
    }

    /// Requests to the identity and the set-up host.
    pub(crate) fn sign_in_requests(&self) -> usize {
        self.emulator
            .requests()
            .iter()
            .filter(|entry| matches!(entry.host, emulator::Host::Identity | emulator::Host::Setup))
            .count()
    }

    /// The one saved file of this name.
    pub(crate) fn saved(&self, name: &str) -> PathBuf {
        let sessions = self.state_dir().join("sessions");
        let found: Vec<PathBuf> = std::fs::read_dir(sessions)
            .unwrap()
            .map(|entry| entry.unwrap().path().join(name))
            .filter(|path| path.exists())
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }
}

/// `login` with a code from a device, and what it prints.
pub(crate) fn log_in(options: &AccountOptions, person: &Person) -> Result<String> {
    log_in_via(options, Via::Push, person)
}

/// `login`, and what it prints.
pub(crate) fn log_in_via(options: &AccountOptions, via: Via, person: &Person) -> Result<String> {
    let mut out = Vec::new();
    commands::login::run(options, via, person, &Stop::new(), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// Lists the root: a read that needs a session.
pub(crate) fn list_root(api: &Api) -> Result<Value> {
    api.post_json(
        Host::Drivews,
        "retrieveItemDetailsInFolders",
        &json!([{"drivewsid": "FOLDER::com.apple.CloudDocs::root", "partialData": false}]),
        Effect::Read,
    )
}

/// Makes a folder in the root: a write.
pub(crate) fn make_folder(api: &Api, name: &str) -> Result<Value> {
    api.post_json(
        Host::Drivews,
        "createFolders",
        &json!({
            "destinationDrivewsId": "FOLDER::com.apple.CloudDocs::root",
            "folders": [{"clientId": "x", "name": name}],
        }),
        Effect::Write,
    )
}

type Coder = Box<dyn Fn(&Question) -> CodeAnswer + Send + Sync>;

/// Somebody at a terminal, with their answers.
pub(crate) struct Person {
    pub(crate) password: String,
    pub(crate) is_there: bool,
    pub(crate) confirms: bool,
    coder: Coder,
    pub(crate) asked: Mutex<Vec<Question>>,
    pub(crate) told: Mutex<VecDeque<String>>,
    /// The seconds that were shown to be left.
    pub(crate) left: Mutex<Vec<Option<u32>>>,
}

impl Person {
    pub(crate) fn new(coder: impl Fn(&Question) -> CodeAnswer + Send + Sync + 'static) -> Self {
        Self {
            password: PASSWORD.to_owned(),
            is_there: true,
            confirms: false,
            coder: Box::new(coder),
            asked: Mutex::default(),
            told: Mutex::default(),
            left: Mutex::default(),
        }
    }

    pub(crate) fn told(&self) -> String {
        let told = self.told.lock().unwrap();
        told.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

impl Prompt for Person {
    fn is_attended(&self) -> bool {
        self.is_there
    }

    fn account(&self) -> Result<String> {
        Ok(WHO.to_uppercase())
    }

    fn password(&self, _: &str) -> Result<Secret> {
        assert!(self.is_there, "nobody is there to ask for a password");
        Ok(Secret::new(self.password.clone()))
    }

    fn code(&self, question: &Question) -> Result<CodeAnswer> {
        assert!(self.is_there, "nobody is there to ask for a code");
        self.asked.lock().unwrap().push(question.clone());
        Ok((self.coder)(question))
    }

    fn confirm(&self, _: &str) -> Result<bool> {
        Ok(self.confirms)
    }

    fn tell(&self, text: &str) {
        self.told.lock().unwrap().push_back(text.to_owned());
    }

    fn countdown(&self, left: Option<u32>) {
        self.left.lock().unwrap().push(left);
    }
}
