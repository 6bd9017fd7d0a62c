//! An emulator, a folder, and the program or another client between them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use icloud_sync::emulator::{self, Account, Config, Drive, Emulator, ZoneBusy};
use tempfile::TempDir;

use crate::{
    Any, Options,
    measure::{self, Ran},
};

pub(crate) const WHO: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "Engine No 1, please";

/// How the service behaves while something is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    pub(crate) latency_ms: u64,
    /// The zone takes one write at a time, busy from arrival to answer.
    pub(crate) is_locked: bool,
}

impl Service {
    /// No latency, no lock.
    pub(crate) const AT_ONCE: Self = Self {
        latency_ms: 0,
        is_locked: false,
    };
}

/// A measured run, and what the service saw of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) ran: Ran,
    /// How many requests, by endpoint.
    pub(crate) requests: BTreeMap<&'static str, usize>,
    /// Bytes of all bodies: from the client, to the client.
    pub(crate) bytes: (u64, u64),
    /// Bytes of contents alone.
    pub(crate) content: (u64, u64),
}

impl Measured {
    pub(crate) fn total(&self) -> usize {
        self.requests.values().sum()
    }
}

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) drive: Drive,
    folder: TempDir,
    binary: PathBuf,
    /// The program goes through the proxy, to the service's real host names.
    is_proxied: bool,
}

impl World {
    /// An empty Drive, and somebody signed in.
    pub(crate) fn new(options: &Options) -> Any<Self> {
        let config = Config {
            accounts: vec![account(false)],
            proxy: Some(([127, 0, 0, 1], 0).into()),
            seed: Some(1),
            ..Config::default()
        };
        let emulator = emulator::start(config)?;
        let folder = tempfile::Builder::new()
            .prefix("icloud-sync-bench-")
            .tempdir_in(options.base())?;
        fs::write(
            folder.path().join("ca.pem"),
            emulator.ca_pem().unwrap_or_default(),
        )?;
        let world = Self {
            drive: emulator.drive(WHO),
            emulator,
            folder,
            binary: options.binary.clone(),
            is_proxied: options.peer,
        };
        measure::run(world.command().arg("login"))?;
        Ok(world)
    }

    /// Wants a code from browsers that are not trusted: some clients can't do without one. Who is signed in stays so.
    pub(crate) fn want_second_factor(&self) {
        self.emulator.add_account(account(true));
    }

    /// A place below this world's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program with nothing of the user's own surroundings.
    pub(crate) fn bare(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path());
        command
    }

    /// Sends a command through the emulator's proxy.
    pub(crate) fn through_proxy(&self, command: &mut Command) {
        let proxy = self.emulator.proxy_url().unwrap_or_default();
        command
            .env("HTTPS_PROXY", proxy)
            .env("SSL_CERT_FILE", self.path("ca.pem"));
    }

    /// The program, to be given arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.bare(&self.binary);
        command
            .env("XDG_STATE_HOME", self.path("state"))
            .env("ICLOUD_USERNAME", WHO)
            .env("ICLOUD_PASSWORD", PASSWORD)
            .env("USE_KEYRING", "0");
        if self.is_proxied {
            self.through_proxy(&mut command);
        } else {
            command.env("ICLOUD_SYNC_ENDPOINT", self.emulator.url());
        }
        command
    }

    /// Runs the program on LOCAL and REMOTE, and measures it.
    pub(crate) fn pass(
        &self,
        service: Service,
        verb: &str,
        local: &Path,
        remote: &str,
        more: &[&str],
    ) -> Any<Measured> {
        let mut command = self.command();
        command.arg(verb).arg(local).arg(remote).args(more);
        self.measured(service, &mut command)
    }

    /// Runs any client while the service behaves so, and measures it.
    pub(crate) fn measured(&self, service: Service, command: &mut Command) -> Any<Measured> {
        self.behave(service);
        self.emulator.clear_requests();
        let ran = measure::run(command);
        self.behave(Service::AT_ONCE);
        let mut measured = Measured {
            ran: ran?,
            ..Measured::default()
        };
        for entry in self.emulator.requests() {
            *measured.requests.entry(entry.endpoint).or_default() += 1;
            measured.bytes.0 += entry.sent;
            measured.bytes.1 += entry.received;
            if entry.endpoint.starts_with("content") {
                measured.content.0 += entry.sent;
                measured.content.1 += entry.received;
            }
        }
        Ok(measured)
    }

    fn behave(&self, service: Service) {
        self.emulator.set_switches(|switches| {
            switches.latency_ms = service.latency_ms;
            switches.zone_busy = if service.is_locked {
                ZoneBusy::InFlight
            } else {
                ZoneBusy::None
            };
        });
    }

    /// How many files there are below a folder of the Drive.
    pub(crate) fn remote_files(&self, folder: &str) -> Any<usize> {
        let tree = self.drive.tree()?;
        let below = tree.iter().filter(|(path, _)| path.starts_with(folder));
        let files = below.filter(|(_, entry)| entry.content.is_some());
        Ok(files.count())
    }
}

fn account(two_factor: bool) -> Account {
    let mut account = Account::new(WHO, PASSWORD);
    account.two_factor = two_factor;
    account.iterations = 1_000;
    account.quota_bytes = 1 << 40;
    account
}
