//! A local iCloud over real HTTP, for `demo`, trying and testing.
//!
//! What comes in: a [`Config`] with made-up accounts. What goes out: a running [`Emulator`] that answers as Apple's service does (sign-in
//! with SRP and a second factor, sessions, protected data, Drive, documents, contents), keeps a log of all requests, fails on
//! command, and lets a test act as another device. It is the other side: it uses nothing of the client's code, so that one mistake is
//! not made on both sides.
//!
//! One origin serves everything: identity at `/appleauth/auth`, setup at `/setup/ws/1`, the data hosts at `/pNN-drivews` and `/pNN-docws`
//! (the services map says so), contents at `/content`, and the control interface at `/_emulator/` (see [`control`]). With a proxy
//! address the same accounts are reached by the real host names, through TLS with certificates of an authority of its own.
//!
//! ```
//! use icloud_sync::emulator::{Action, Config, Fault, start};
//!
//! let emulator = start(Config::default())?;
//! let phone = emulator.drive("demo@example.com");
//! phone.write("notes/today.txt", "milk")?;
//! emulator.fault(Fault::once("download/by_id", Action::Html502));
//! // A client signs in at `emulator.url()`, asks for a code, and finds it here:
//! assert_eq!(emulator.code("demo@example.com"), None);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Endpoint labels, for the log, [`Fault`]s and hooks: `authorize/signin`, `federate`, `signin/init`, `signin/complete`,
//! `repair/complete`, `auth`, `verify/trusteddevice PUT`, `verify/trusteddevice GET`, `verify/trusteddevice/securitycode`, `verify/phone PUT`,
//! `verify/phone/securitycode`, `verify/security/key`, `2sv/trust`; the last word of the path for setup and drivews
//! (`accountLogin`, `retrieveItemDetailsInFolders`, …); `download/by_id`, `download/batch`, `upload/web`, `update/documents`, `update/shared`,
//! `lookup_by_path`, `lookup_by_id`, `v1/item`, `v1/enumerate`, `recentDocs enumerate`, `recentDocs changes`; `content GET`, `content POST`;
//! `home`, `unknown`.
//!
//! It never reaches out to the network, and no password, code, cookie or token gets into its log.

mod account;
mod blob;
mod call;
mod content;
pub mod control;
mod device;
mod docws;
mod drive;
mod drivews;
mod drivews_write;
mod entry;
mod expire;
mod fault;
mod identity;
mod log;
mod outgoing;
mod package;
mod pcs;
mod persist;
mod proxy;
mod route;
mod script;
mod server;
mod setup;
mod sharing;
mod signature;
mod spoil;
mod srp;
mod switches;
mod travel;
mod twofactor;
mod upload;
mod util;
mod wild;
mod wire;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

pub use hyper::body::Bytes;

pub use self::account::{Account, Phone};
pub use self::device::Drive;
pub use self::entry::{Entry, EntryKind, Place, TrashEntry};
pub use self::fault::{Action, Fault, Seen};
pub use self::log::{Counters, Host, LogEntry};
pub use self::srp::{Encoding, Protocol};
pub use self::switches::{
    AuthShape, CodeAnswer, EtagSpread, Rotate, ShareDenied, ShareDownload, ShareUpdates,
    SignatureMode, StaleTrash, Switches, TakenName, ZoneBusy,
};

use self::fault::When;
use self::persist::{Folder, Saver};
use self::proxy::Authority;
use self::server::{Shared, Threads, Via, lock};
use self::world::World;

/// How to start an emulator.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to listen as an HTTPS proxy; none for no proxy.
    pub proxy: Option<SocketAddr>,
    /// The folder that keeps accounts, Drives and contents between runs; none to keep them in memory.
    pub data: Option<PathBuf>,
    /// Accounts to add to those of the data folder.
    pub accounts: Vec<Account>,
    /// How the service behaves at first.
    pub switches: Switches,
    /// Makes ids and chances repeat; none for new ones each time.
    pub seed: Option<u64>,
}

impl Default for Config {
    /// Any free port of the loopback address, no proxy, in memory, one account `demo@example.com` with the password `demo`.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            proxy: None,
            data: None,
            accounts: vec![Account::new("demo@example.com", "demo")],
            switches: Switches::default(),
            seed: None,
        }
    }
}

/// Starts an emulator. Returns when it listens.
///
/// # Errors
///
/// When an address is taken, or the data folder cannot be used.
pub fn start(config: Config) -> io::Result<Emulator> {
    let listener = TcpListener::bind(config.listen)?;
    let origin = format!("http://{}", listener.local_addr()?);
    let seed = config.seed.unwrap_or_else(util::fresh_seed);
    let folder = config.data.as_deref().map(Folder::open).transpose()?;
    let contents = folder.as_ref().map(Folder::contents);
    let mut world = World::new(seed, config.switches, contents);
    if let Some(folder) = &folder {
        folder.load(&mut world)?;
    }
    for account in config.accounts {
        world.add_account(account);
    }
    let mut listeners = vec![(listener, Via::Direct)];
    let mut proxy = None;
    if let Some(address) = config.proxy {
        let authority = Arc::new(Authority::new()?);
        let listener = TcpListener::bind(address)?;
        let url = format!("http://{}", listener.local_addr()?);
        if let Some(folder) = &folder {
            folder.write_ca(authority.pem())?;
        }
        proxy = Some(Proxy {
            url,
            ca: authority.pem().to_owned(),
        });
        listeners.push((listener, Via::Proxy(authority)));
    }
    let shared = Arc::new(Shared::new(world, origin));
    let threads = Threads::start(&shared, listeners)?;
    let saver = folder
        .map(|folder| Saver::start(&shared, folder))
        .transpose()?;
    Ok(Emulator {
        shared,
        threads,
        saver,
        proxy,
    })
}

struct Proxy {
    url: String,
    ca: String,
}

/// A running emulator. Dropping it ends its threads, and saves the data folder.
pub struct Emulator {
    shared: Arc<Shared>,
    threads: Threads,
    saver: Option<Saver>,
    proxy: Option<Proxy>,
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Emulator {
    /// The origin that serves everything, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.shared.origin
    }

    /// The proxy's address for `HTTPS_PROXY`, if there is a proxy.
    pub fn proxy_url(&self) -> Option<&str> {
        self.proxy.as_ref().map(|proxy| proxy.url.as_str())
    }

    /// The certificate that clients of the proxy have to trust, as PEM.
    pub fn ca_pem(&self) -> Option<&str> {
        self.proxy.as_ref().map(|proxy| proxy.ca.as_str())
    }

    /// The accounts' addresses, sorted.
    pub fn accounts(&self) -> Vec<String> {
        self.shared.world().accounts.keys().cloned().collect()
    }

    /// Adds an account, or changes the settings of one that is there.
    pub fn add_account(&self, account: Account) {
        self.shared.world().add_account(account);
    }

    /// The second-factor code that is good now, as a device would show it; none if none was asked for.
    pub fn code(&self, email: &str) -> Option<String> {
        let world = self.shared.world();
        let state = world.accounts.get(&email.trim().to_lowercase())?;
        state.code.as_ref().map(|code| code.value.clone())
    }

    /// Another device of the account.
    pub fn drive(&self, email: &str) -> Drive {
        Drive::new(Arc::clone(&self.shared), email)
    }

    /// All requests since the start or the last [`Emulator::clear_requests`], in the order of their answers.
    pub fn requests(&self) -> Vec<LogEntry> {
        lock(&self.shared.log).entries().to_vec()
    }

    /// How many of them were for an endpoint.
    pub fn count(&self, endpoint: &str) -> usize {
        lock(&self.shared.log)
            .entries()
            .iter()
            .filter(|entry| entry.endpoint == endpoint)
            .count()
    }

    /// Forgets the requests; the sums of [`Emulator::counters`] go on.
    pub fn clear_requests(&self) {
        lock(&self.shared.log).clear();
    }

    /// Sums since the start.
    pub fn counters(&self) -> Counters {
        lock(&self.shared.log).counters()
    }

    /// Proofs of a password that were sent for an account, right or wrong.
    pub fn signin_attempts(&self, email: &str) -> u32 {
        let world = self.shared.world();
        world
            .accounts
            .get(&email.trim().to_lowercase())
            .map_or(0, |state| state.attempts)
    }

    /// Adds a rule that spoils requests.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).add(fault);
    }

    /// Takes all rules away.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// The switches as they are.
    pub fn switches(&self) -> Switches {
        self.shared.world().switches.clone()
    }

    /// Changes switches: `emulator.set_switches(|s| s.no_status = true)`.
    pub fn set_switches(&self, change: impl FnOnce(&mut Switches)) {
        let mut world = self.shared.world();
        change(&mut world.switches);
        world.dirty = true;
    }

    /// Calls `hook` before each request of an endpoint (`*` for all) is carried out, with no lock held.
    pub fn before(&self, endpoint: &str, hook: impl Fn(&Seen) + Send + Sync + 'static) {
        lock(&self.shared.hooks).add(When::Before, endpoint, hook);
    }

    /// Calls `hook` after each request of an endpoint was carried out and before it is answered.
    pub fn after(&self, endpoint: &str, hook: impl Fn(&Seen) + Send + Sync + 'static) {
        lock(&self.shared.hooks).add(When::After, endpoint, hook);
    }

    /// Takes all hooks away.
    pub fn clear_hooks(&self) {
        lock(&self.shared.hooks).clear();
    }

    /// Ends the browser sessions of an account: its cookies get 421 from now on.
    pub fn expire_session(&self, email: &str) {
        expire::session(&mut self.shared.world(), &email.trim().to_lowercase());
    }

    /// Makes the session tokens void as well: `accountLogin` alone does not help then.
    pub fn expire_tokens(&self, email: &str) {
        expire::tokens(&mut self.shared.world(), &email.trim().to_lowercase());
    }

    /// Ends the trust of all browsers: the next sign-in needs a code.
    pub fn expire_trust(&self, email: &str) {
        expire::trust(&mut self.shared.world(), &email.trim().to_lowercase());
    }

    /// Ends the PCS cookies of a protected account.
    pub fn expire_pcs(&self, email: &str) {
        expire::pcs(&mut self.shared.world(), &email.trim().to_lowercase());
    }

    /// A device of a protected account agrees that its data is shown in browsers: as the owner's tap would.
    pub fn consent(&self, email: &str) {
        if let Some(state) = self.shared.world().account(&email.trim().to_lowercase()) {
            state.consented = true;
        }
    }

    /// Makes all content URLs void that were given out: 403.
    pub fn expire_content_urls(&self) {
        expire::urls(&mut self.shared.world());
    }

    /// Puts the service's clock so many seconds before or after the machine's.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.world().clock_offset = seconds;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.threads.stop(&self.shared);
        if let Some(saver) = &mut self.saver {
            saver.stop();
        }
    }
}

#[cfg(test)]
mod tests;
