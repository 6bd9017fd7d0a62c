//! Listings and the Drive verbs, against the emulator over real HTTP.

#![cfg(feature = "emulator")]
#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may panic as the test may"
)]

mod scan;
mod verbs;

use std::{path::Path, sync::Arc};

use icloud_sync::{
    auth::{self, prompt::Nobody, secret::Secret},
    cloud::{Remote, drive::Drive},
    emulator::{self, Account, Config, Emulator},
    error::Result,
    options::{AccountOptions, FilterOptions, Region, Shares},
    scan::{
        Watch,
        filter::Filter,
        remote::{Known, ListLimits, RemoteScan},
    },
    stop::Stop,
    tree::{Listing, RelPath, RemoteId, RemoteItem},
};
use tempfile::TempDir;

pub(crate) const WHO: &str = "ada@example.com";
const PASSWORD: &str = "made up";
pub(crate) const LIST: &str = "retrieveItemDetailsInFolders";

/// An emulator with one account, and a client that is signed in to it.
pub(crate) struct World {
    pub(crate) drive: Drive,
    pub(crate) device: emulator::Drive,
    pub(crate) emulator: Emulator,
    pub(crate) shares: Shares,
    _dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let account = Account {
            two_factor: false,
            ..Account::new(WHO, PASSWORD)
        };
        let config = Config {
            accounts: vec![account],
            ..Config::default()
        };
        let emulator = emulator::start(config).unwrap();
        let dir = TempDir::new().unwrap();
        let options = AccountOptions {
            username: Some(WHO.to_owned()),
            password: Some(Secret::new(PASSWORD)),
            code: None,
            region: Region::Global,
            endpoint: Some(emulator.url().to_owned()),
            use_keyring: false,
            keyring_service: "icloud-sync".to_owned(),
            relogin: false,
            auto_reauth: true,
            auto_reauth_attempts: Some(3),
            state_dir: dir.path().to_owned(),
            max_rate: 0,
        };
        let api = auth::open(&options, &Nobody, &Stop::new()).unwrap();
        emulator.clear_requests();
        Self {
            drive: Drive::new(api),
            device: emulator.drive(WHO),
            emulator,
            shares: Shares::Read,
            _dir: dir,
        }
    }

    /// Writes files with their path as content; a slash at the end makes a folder.
    pub(crate) fn with(self, paths: &[&str]) -> Self {
        for path in paths {
            if path.ends_with('/') {
                self.device.mkdir(path).unwrap();
            } else {
                self.device.write(path, path.as_bytes().to_vec()).unwrap();
            }
        }
        self
    }

    /// A client of the same session that has listed nothing yet.
    pub(crate) fn fresh_drive(&self) -> Drive {
        Drive::new(Arc::clone(self.drive.wire()))
    }

    pub(crate) fn renew_drive(&mut self) {
        self.drive = self.fresh_drive();
    }

    pub(crate) fn scan(&self) -> Listing<RemoteItem> {
        self.scan_with(None, &mut ListLimits::default()).unwrap()
    }

    /// Scans again, knowing what an earlier scan showed.
    pub(crate) fn rescan(&self, before: &Listing<RemoteItem>) -> Listing<RemoteItem> {
        let known = Known::new(before.items());
        self.scan_with(Some(&known), &mut ListLimits::default())
            .unwrap()
    }

    pub(crate) fn scan_with(
        &self,
        known: Option<&Known<'_>>,
        limits: &mut ListLimits,
    ) -> Result<Listing<RemoteItem>> {
        self.scan_in(&RemoteId::root(), known, limits)
    }

    /// Scans below another folder than Drive's root.
    pub(crate) fn scan_at(
        &self,
        root: &RemoteId,
        known: Option<&Known<'_>>,
    ) -> Result<Listing<RemoteItem>> {
        self.scan_in(root, known, &mut ListLimits::default())
    }

    fn scan_in(
        &self,
        root: &RemoteId,
        known: Option<&Known<'_>>,
        limits: &mut ListLimits,
    ) -> Result<Listing<RemoteItem>> {
        let filter = Filter::new(&FilterOptions::default(), Path::new("/nonexistent"))?;
        let scan = RemoteScan {
            shares: self.shares,
            remote: &self.drive,
            root,
            filter: &filter,
            known,
            listers: 8,
            watch: Watch::idle(),
        };
        scan.run(limits)
    }

    pub(crate) fn item(&self, at: &str) -> RemoteItem {
        let listing = self.scan();
        listing
            .get(&path(at))
            .unwrap_or_else(|| panic!("no {at}"))
            .clone()
    }

    /// Requests since the last look.
    pub(crate) fn take_count(&self) -> usize {
        let count = self.emulator.requests().len();
        self.emulator.clear_requests();
        count
    }

    pub(crate) fn content(&self, at: &str) -> Vec<u8> {
        self.device.read(at).unwrap().to_vec()
    }
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

pub(crate) fn paths(listing: &Listing<RemoteItem>) -> Vec<&str> {
    let items = listing.items().iter();
    items.map(|item| item.path.as_str()).collect()
}

/// A listing of many threads at once, so that the client is shared as a pass shares it.
#[test]
fn one_drive_serves_many_threads() {
    let world = Arc::new(World::new().with(&["a/b/c", "d"]));
    let all: Vec<_> = (0..4)
        .map(|_| {
            let world = Arc::clone(&world);
            std::thread::spawn(move || world.scan())
        })
        .collect();
    let first = world.drive.list(&[RemoteId::root()]).unwrap();
    assert_eq!(first.len(), 1);
    for thread in all {
        assert_eq!(paths(&thread.join().unwrap()), ["a", "a/b", "a/b/c", "d"]);
    }
}
