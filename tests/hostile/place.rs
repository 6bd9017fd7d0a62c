//! LOCAL deep in a folder that is watched, an emulator, a stranger's server that nobody may speak to, and the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read, Seek},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use icloud_sync::emulator::{self, Account, Config, Drive, Emulator};
use tempfile::TempDir;

const WHO: &str = "ada@example.com";
const PASSWORD: &str = "Engine No 1, please";

/// A run that has not ended by then hangs: every wait of the program is a fraction of it here.
const HANGS: Duration = Duration::from_secs(240);

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None`: killed by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) peak_bytes: u64,
}

pub(crate) struct Place {
    seed: u64,
    pub(crate) around: TempDir,
    pub(crate) emulator: Emulator,
    pub(crate) drive: Drive,
    pub(crate) stranger: Stranger,
}

impl Place {
    /// An empty Drive, an empty LOCAL, and somebody signed in.
    pub(crate) fn new(seed: u64) -> Self {
        let mut account = Account::new(WHO, PASSWORD);
        account.two_factor = false;
        account.iterations = 1_000;
        let emulator = emulator::start(Config {
            accounts: vec![account],
            seed: Some(seed),
            ..Config::default()
        })
        .unwrap();
        let around = tempfile::tempdir().unwrap();
        let place = Self {
            seed,
            around,
            drive: emulator.drive(WHO),
            emulator,
            stranger: Stranger::listen(),
        };
        fs::create_dir_all(place.local()).unwrap();
        fs::write(place.around.path().join("outside"), "not to be touched").unwrap();
        let ran = place.run(&["login"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        place
    }

    fn home(&self) -> PathBuf {
        self.around.path().join("a/b")
    }

    pub(crate) fn local(&self) -> PathBuf {
        self.home().join("local")
    }

    fn state(&self) -> PathBuf {
        self.home().join("state")
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.local().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Runs the program, with limits of requests that are short enough for a test.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_within(args, 30_000)
    }

    /// The same with limits of so many milliseconds.
    pub(crate) fn run_within(&self, args: &[&str], limit_ms: u64) -> Ran {
        let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let mut child = Command::new(env!("CARGO_BIN_EXE_icloud-sync"))
            .env_clear()
            .env("HOME", self.home())
            .env("XDG_STATE_HOME", self.state())
            .env("XDG_CONFIG_HOME", self.home().join("config"))
            .env("ICLOUD_SYNC_ENDPOINT", self.emulator.url())
            .env("ICLOUD_SYNC_TEST_PACE_MS", "1")
            .env("ICLOUD_SYNC_TEST_LIMIT_MS", limit_ms.to_string())
            .env("ICLOUD_USERNAME", WHO)
            .env("ICLOUD_PASSWORD", PASSWORD)
            .env("USE_KEYRING", "0")
            .env("AUTO_REAUTH_MAX_ATTEMPTS", "1000")
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(err.try_clone().unwrap())
            .args(args)
            .spawn()
            .unwrap();
        let Some((code, peak_bytes)) = wait(&mut child) else {
            panic!(
                "HOSTILE_SEED={}: {args:?} has not ended after {HANGS:?}; it said: {}",
                self.seed,
                read(&mut err)
            );
        };
        Ran {
            code,
            stdout: read(&mut out),
            stderr: read(&mut err),
            peak_bytes,
        }
    }

    /// All that is outside of LOCAL and the program's own folder, with its content.
    pub(crate) fn outside(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let (local, state) = (self.local(), self.state().join("icloud-sync"));
        walkdir::WalkDir::new(self.around.path())
            .into_iter()
            .filter_entry(|entry| entry.path() != local && entry.path() != state)
            .map(|entry| {
                let entry = entry.unwrap();
                let content = entry
                    .file_type()
                    .is_file()
                    .then(|| fs::read(entry.path()).unwrap());
                (entry.into_path(), content)
            })
            .collect()
    }

    /// All contents below LOCAL, the trash included; none of them behind a link.
    pub(crate) fn contents(&self) -> BTreeSet<Vec<u8>> {
        let entries = walkdir::WalkDir::new(self.local()).into_iter();
        entries
            .map(Result::unwrap)
            .filter(|entry| {
                assert!(
                    !entry.file_type().is_symlink(),
                    "{} is a link",
                    entry.path().display()
                );
                entry.file_type().is_file()
            })
            .map(|entry| fs::read(entry.path()).unwrap())
            .collect()
    }
}

/// Waits for the end, and returns the exit code and the peak of its memory; `None` where it had to be ended.
fn wait(child: &mut Child) -> Option<(Option<i32>, u64)> {
    let begin = Instant::now();
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        // Between fork and exec it would be this process's own, so only the last word counts.
        peak = kib.map_or(peak, |kib| kib * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            return Some((status.code(), peak));
        }
        if begin.elapsed() > HANGS {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(4));
    }
}

fn read(file: &mut fs::File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A server on another port that counts who comes.
pub(crate) struct Stranger {
    pub(crate) url: String,
    came: Arc<AtomicUsize>,
}

impl Stranger {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let came = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&came);
        thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        Self { url, came }
    }

    /// How many have connected.
    pub(crate) fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

/// Whether a name is one that the program gives to what is not finished.
pub(crate) fn is_part(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(".icloud-sync.")
}
