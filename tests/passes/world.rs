//! A local folder, an emulator, and the program between them.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use icloud_sync::emulator::{self, Account, Config, Drive, Emulator, EntryKind};
use tempfile::TempDir;

pub(crate) const WHO: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "Engine No 1, please";

/// Path to content; `None` for folders.
pub(crate) type Tree = BTreeMap<String, Option<Vec<u8>>>;

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Expects this exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Expects a text in what went to stderr.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no {text:?} in stderr:\n{}",
            self.stderr
        );
        self
    }
}

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) drive: Drive,
    pub(crate) folder: TempDir,
}

impl World {
    /// An empty Drive, an empty LOCAL, and somebody signed in.
    pub(crate) fn new() -> Self {
        let mut account = Account::new(WHO, PASSWORD);
        account.two_factor = false;
        account.iterations = 1_000;
        let config = Config {
            accounts: vec![account],
            ..Config::default()
        };
        let emulator = emulator::start(config).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("local")).unwrap();
        let world = Self {
            drive: emulator.drive(WHO),
            emulator,
            folder,
        };
        world.run(["login"]).code(0);
        world.emulator.clear_requests();
        world
    }

    pub(crate) fn local(&self) -> PathBuf {
        self.folder.path().join("local")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state/icloud-sync")
    }

    /// Where what is known of the pair lies.
    pub(crate) fn pair_folder(&self) -> PathBuf {
        let pairs = fs::read_dir(self.state().join("pairs")).unwrap();
        let mut pairs = pairs.map(|pair| pair.unwrap().path());
        pairs
            .find(|pair| pair.join("baseline.jsonl").exists())
            .unwrap()
    }

    /// The program with its surroundings, to be given arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_icloud-sync"));
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("ICLOUD_SYNC_ENDPOINT", self.emulator.url())
            .env("ICLOUD_SYNC_TEST_PACE_MS", "1")
            .env("ICLOUD_USERNAME", WHO)
            .env("ICLOUD_PASSWORD", PASSWORD)
            .env("USE_KEYRING", "0")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Ran {
        let output = self.command().args(args).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a verb on LOCAL and the Drive's root.
    pub(crate) fn pass(&self, verb: &str, more: &[&str]) -> Ran {
        let mut args = vec![verb, "local"];
        args.extend(more);
        self.run(args)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.local().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a local file whose time is so many seconds after 1970.
    pub(crate) fn write_at(&self, path: &str, content: impl AsRef<[u8]>, seconds: u64) {
        self.write(path, content);
        set_time(&self.local().join(path), seconds);
    }

    pub(crate) fn read(&self, path: &str) -> String {
        String::from_utf8(fs::read(self.local().join(path)).unwrap()).unwrap()
    }

    pub(crate) fn local_tree(&self) -> Tree {
        tree_of(&self.local())
    }

    pub(crate) fn remote_tree(&self) -> Tree {
        self.drive
            .tree()
            .unwrap()
            .into_iter()
            .map(|(path, entry)| {
                let content = (entry.kind == EntryKind::File)
                    .then(|| entry.content.unwrap_or_default().to_vec());
                (path, content)
            })
            .collect()
    }

    #[track_caller]
    pub(crate) fn expect_equal(&self) {
        let (local, remote) = (self.local_tree(), self.remote_tree());
        let names = |tree: &Tree| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&local), names(&remote));
        assert!(local == remote, "the same names, but not the same contents");
    }

    /// Runs the verb again and expects that nothing is left to do and nothing is touched.
    #[track_caller]
    pub(crate) fn expect_quiet(&self, verb: &str) {
        let (local, remote) = (self.local_tree(), self.remote_etags());
        let ran = self.pass(verb, &["--json"]).code(0);
        assert!(
            !ran.stdout.contains("\"type\":\"action\""),
            "{}",
            ran.stdout
        );
        assert_eq!(self.local_tree(), local);
        assert_eq!(self.remote_etags(), remote);
    }

    pub(crate) fn remote_etags(&self) -> BTreeMap<String, String> {
        let tree = self.drive.tree().unwrap();
        tree.into_iter()
            .map(|(path, entry)| (path, entry.etag))
            .collect()
    }

    /// What is in the local trash, by the paths that it had.
    pub(crate) fn trash(&self) -> Tree {
        let trash = self.local().join(".icloud-sync/trash");
        let mut all = Tree::new();
        let Ok(passes) = fs::read_dir(trash) else {
            return all;
        };
        for pass in passes {
            all.extend(tree_of(&pass.unwrap().path()));
        }
        all
    }

    /// How many requests of this kind there were.
    pub(crate) fn count(&self, endpoint: &str) -> usize {
        self.emulator.count(endpoint)
    }

    /// Unfinished files below LOCAL.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        walkdir::WalkDir::new(self.local())
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                name.starts_with(".icloud-sync.")
            })
            .collect()
    }
}

pub(crate) fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

/// All below a folder but the tool's own.
pub(crate) fn tree_of(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let walk = walkdir::WalkDir::new(root).min_depth(1).into_iter();
    for entry in walk.filter_entry(|entry| entry.file_name() != ".icloud-sync") {
        let entry = entry.unwrap();
        let path = entry
            .path()
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let kind = entry.file_type();
        let content = if kind.is_dir() {
            None
        } else if kind.is_file() {
            Some(fs::read(entry.path()).unwrap_or_default())
        } else {
            Some(b"(a link or special file)".to_vec())
        };
        tree.insert(path, content);
    }
    tree
}
