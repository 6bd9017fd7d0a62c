//! The data folder: what an emulator keeps between runs, `state.json` and the contents beside it.
//!
//! ```text
//! DIR/lock         held while an emulator uses the folder
//! DIR/state.json   accounts, Drives, sessions; mode 0600, replaced as a whole
//! DIR/contents/    one file for each content, named by its signature
//! DIR/ca.pem       the certificate of the proxy's authority, new at each start
//! ```
//!
//! A change is saved within a second, and at a clean stop. URLs given out and content not committed do not outlive the process.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::blob::Blob;
use super::server::Shared;
use super::util::{Rng, hex};
use super::world::{AccountState, SessionToken, WebSession, World};

/// The form of `state.json`.
const VERSION: u32 = 1;
/// Between two looks at whether something changed.
const PAUSE: Duration = Duration::from_millis(300);

#[derive(Serialize)]
struct Saved<'a> {
    version: u32,
    rng: &'a Rng,
    accounts: Vec<&'a AccountState>,
    tokens: &'a HashMap<String, SessionToken>,
    webs: &'a HashMap<String, WebSession>,
}

#[derive(Deserialize)]
struct Loaded {
    version: u32,
    rng: Rng,
    accounts: Vec<AccountState>,
    tokens: HashMap<String, SessionToken>,
    webs: HashMap<String, WebSession>,
}

/// The folder of an emulator, locked for it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes and locks the folder.
    ///
    /// # Errors
    ///
    /// When another emulator uses it (`ResourceBusy`), or it cannot be made.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path.join("contents"))?;
        let lock = File::create(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => {
                let text = format!("another emulator uses {}", path.display());
                Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
            }
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    /// Where the contents are.
    pub(super) fn contents(&self) -> PathBuf {
        self.path.join("contents")
    }

    /// Takes over what an earlier run saved, if there was one, and deletes contents that nothing refers to.
    ///
    /// # Errors
    ///
    /// When the state cannot be read, or a content is missing.
    pub(super) fn load(&self, world: &mut World) -> io::Result<()> {
        let text = match fs::read(self.path.join("state.json")) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e),
        };
        let loaded: Loaded = serde_json::from_slice(&text).map_err(io::Error::other)?;
        if loaded.version != VERSION {
            return Err(io::Error::other(format!(
                "state.json has the unknown version {}",
                loaded.version
            )));
        }
        world.rng = loaded.rng;
        world.tokens = loaded.tokens;
        world.webs = loaded.webs;
        let contents = self.contents();
        let mut used = HashSet::new();
        for mut state in loaded.accounts {
            state.drive.rebuild();
            state.drive.each_blob(|blob| {
                *blob = Blob::find(blob.signature, &contents)?;
                used.insert(hex(&blob.signature));
                Ok(())
            })?;
            world.accounts.insert(state.account.email.clone(), state);
        }
        for file in fs::read_dir(&contents)? {
            let file = file?;
            if !used.contains(file.file_name().to_string_lossy().as_ref()) {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }

    /// Replaces the state as a whole.
    fn save(&self, shared: &Shared) -> io::Result<()> {
        let text = {
            let mut world = shared.world();
            world.dirty = false;
            let saved = Saved {
                version: VERSION,
                rng: &world.rng,
                accounts: world.accounts.values().collect(),
                tokens: &world.tokens,
                webs: &world.webs,
            };
            serde_json::to_vec(&saved).map_err(io::Error::other)?
        };
        // Temporary files are made with mode 0600.
        let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(&self.path)?);
        file.write_all(&text)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(self.path.join("state.json"))
            .map_err(|e| e.error)?;
        Ok(())
    }

    /// Puts the proxy's certificate where clients find it.
    pub(super) fn write_ca(&self, pem: &str) -> io::Result<()> {
        fs::write(self.path.join("ca.pem"), pem)
    }
}

/// The thread that saves.
pub(super) struct Saver {
    /// Dropping it is the sign to stop.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    pub(super) fn start(shared: &Arc<Shared>, folder: Folder) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let shared = Arc::clone(shared);
        let work = move || {
            let mut pause = PAUSE;
            loop {
                let last = stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
                if shared.world().dirty {
                    let start = Instant::now();
                    if let Err(e) = folder.save(&shared) {
                        // Perhaps the disk is full for a while: it is tried again.
                        log::warn!("cannot save {}: {e}", folder.path.display());
                        shared.world().dirty = true;
                    }
                    // A large state is not saved all the time.
                    pause = PAUSE.max(start.elapsed() * 5);
                }
                if last {
                    return;
                }
            }
        };
        let thread = thread::Builder::new()
            .name("emulator-save".to_owned())
            .spawn(work)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Saves for the last time.
    pub(super) fn stop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
