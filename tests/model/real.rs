//! The real binary between a local folder and an emulator, and a list of edits that comes again and again.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use icloud_sync::{
    emulator::{self, Account, Config, Drive, Emulator},
    plan::Verb,
};
use tempfile::TempDir;

use crate::{
    hand::{Hand, LocalHand, Tree, tree_of_drive},
    pair::{contents_in, spawn, temp},
};

const WHO: &str = "ada@example.com";
const PASSWORD: &str = "Engine No 1, please";

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: killed.
    pub(crate) code: Option<i32>,
    pub(crate) told: String,
}

/// The pair.
pub(crate) struct Real {
    folder: TempDir,
    pub(crate) emulator: Emulator,
    pub(crate) drive: Drive,
    pub(crate) hand: LocalHand,
}

impl Real {
    /// An empty Drive, an empty LOCAL, and somebody signed in.
    pub(crate) fn new() -> Self {
        let mut account = Account::new(WHO, PASSWORD);
        account.two_factor = false;
        account.iterations = 1_000;
        let emulator = emulator::start(Config {
            accounts: vec![account],
            seed: Some(7),
            ..Config::default()
        })
        .unwrap();
        let folder = temp();
        let local = folder.path().join("local");
        fs::create_dir(&local).unwrap();
        let real = Self {
            drive: emulator.drive(WHO),
            emulator,
            folder,
            hand: LocalHand(local),
        };
        assert_eq!(real.run(&["login"], None).code, Some(0));
        real
    }

    /// Returns what ends the session that the program has, to be called from a hook.
    pub(crate) fn session_killer(&self) -> impl Fn() + Send + Sync + 'static {
        let url = format!("{}/_emulator/expire", self.emulator.url());
        move || {
            let address = url.trim_start_matches("http://");
            let (host, path) = address.split_once('/').unwrap();
            let body = r#"{"what":"session"}"#;
            let mut stream = std::net::TcpStream::connect(host).unwrap();
            let request = format!(
                "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }

    /// The program with its surroundings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
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
            .env("AUTO_REAUTH_MAX_ATTEMPTS", "1000")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .args(args);
        command
    }

    /// Runs it; with a number it dies at that step.
    pub(crate) fn run(&self, args: &[&str], die_at: Option<u64>) -> Ended {
        let mut command = self.command(args);
        if let Some(step) = die_at {
            command.env("ICLOUD_SYNC_TEST_DIE_AT", step.to_string());
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = spawn(&mut command).wait_with_output().unwrap();
        Ended {
            code: output.status.code(),
            told: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs it, and returns its code and what it printed.
    pub(crate) fn run_whole(&self, args: &[&str]) -> (i32, String) {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = spawn(&mut command).wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), text)
    }

    pub(crate) fn local_tree(&self) -> Tree {
        self.hand.tree()
    }

    pub(crate) fn remote_tree(&self) -> Tree {
        tree_of_drive(&self.drive)
    }

    /// All contents that can be found somewhere: both sides, both trashes.
    pub(crate) fn found(&self) -> BTreeSet<Vec<u8>> {
        let local = contents_in(&self.hand.0);
        let remote = self.drive.contents().unwrap();
        (local.into_iter())
            .chain(remote.into_iter().map(|bytes| bytes.to_vec()))
            .collect()
    }

    /// Unfinished files below LOCAL.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let walk = walkdir::WalkDir::new(&self.hand.0).into_iter();
        walk.map(|entry| entry.unwrap().into_path())
            .filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                name.starts_with(".icloud-sync.")
            })
            .collect()
    }
}

/// The edits of one round: of the same kinds each time, so that one round's pass has the same steps as another's.
pub(crate) struct Rounds {
    pub(crate) verb: Verb,
    round: u32,
    /// What the local hand has written over.
    pub(crate) superseded: BTreeSet<Vec<u8>>,
}

/// What a round is to end in.
pub(crate) struct Goal {
    tree: Tree,
    /// A local version that lost a conflict and has to be kept beside.
    kept: Option<Vec<u8>>,
}

impl Goal {
    /// Checks that both sides are as they would be without any trouble.
    pub(crate) fn check(&self, real: &Real) -> Result<(), String> {
        let (local, remote) = (real.local_tree(), real.remote_tree());
        for (side, tree) in [("local", &local), ("remote", &remote)] {
            let (copies, rest): (Tree, Tree) =
                (tree.clone().into_iter()).partition(|(path, _)| path.contains(".conflict-"));
            if rest != self.tree {
                return Err(format!(
                    "the {side} side is {:?}\nto be {:?}",
                    names(&rest),
                    names(&self.tree)
                ));
            }
            let copies: Vec<Vec<u8>> = copies.into_values().flatten().collect();
            if copies != Vec::from_iter(self.kept.clone()) {
                return Err(format!("the {side} side has {} kept copies", copies.len()));
            }
        }
        Ok(())
    }
}

fn names(tree: &Tree) -> Vec<(&String, String)> {
    let show = |content: &Option<Vec<u8>>| {
        content.as_ref().map_or("folder".to_owned(), |bytes| {
            String::from_utf8_lossy(bytes.get(..bytes.len().min(24)).unwrap_or_default())
                .into_owned()
        })
    };
    tree.iter()
        .map(|(path, content)| (path, show(content)))
        .collect()
}

impl Rounds {
    pub(crate) fn new(verb: Verb) -> Self {
        Self {
            verb,
            round: 0,
            superseded: BTreeSet::new(),
        }
    }

    pub(crate) fn args(&self) -> Vec<&'static str> {
        let mut args = vec![self.verb.as_str(), "local", "--force"];
        match self.verb {
            Verb::Bisync => args.extend(["--conflict", "keep-both"]),
            Verb::Pull | Verb::Push => args.push("--delete"),
        }
        args
    }

    /// Makes what the rounds begin with, on both sides.
    pub(crate) fn begin(real: &Real) {
        let drive: &dyn Hand = &real.drive;
        for folder in ["p", "old 0", "old 0/deep", "m"] {
            drive.make_folder(folder);
        }
        for path in [
            "edited",
            "p/in",
            "s one",
            "s two",
            "m/moving",
            "old 0/a",
            "old 0/deep/b",
            "new 0",
            "both",
        ] {
            drive.write(path, path.as_bytes(), Some(1_700_000_000));
        }
        let ended = real.run(&["bisync", "local"], None);
        assert_eq!(ended.code, Some(0), "{}", ended.told);
    }

    /// Does a round's edits, and says what they are to end in.
    pub(crate) fn edit(&mut self, real: &Real) -> Goal {
        self.round += 1;
        let round = self.round;
        let base = real.local_tree();
        let time = Some(1_700_000_000 + i64::from(round) * 100);
        let (source, other): (&dyn Hand, &dyn Hand) = match self.verb {
            Verb::Pull => (&real.drive, &real.drive),
            Verb::Push => (&real.hand, &real.hand),
            Verb::Bisync => (&real.drive, &real.hand),
        };
        let is_local = |hand: &dyn Hand| std::ptr::addr_eq(hand, &raw const real.hand);
        let mut write = |hand: &dyn Hand, path: &str, what: &str| {
            if let (true, Some(Some(old))) = (is_local(hand), base.get(path)) {
                self.superseded.insert(old.clone());
            }
            let side = if is_local(hand) { "here" } else { "there" };
            let mut text = format!("{what} {round} {side}\n").into_bytes();
            if what == "edited" {
                text.resize(300_000, b'x'); // more than one piece
            }
            hand.write(path, &text, time);
        };
        let turn = |one: &'static str, other: &'static str| {
            if round % 2 == 1 {
                (one, other)
            } else {
                (other, one)
            }
        };
        write(source, "edited", "edited");
        write(other, &format!("new {round}"), "new");
        source.remove(&format!("new {}", round - 1));
        let (from, to) = turn("p", "q");
        other.carry(from, to);
        let (from, to) = turn("m/moving", "moved.txt");
        source.carry(from, to);
        other.carry("s one", "s three");
        other.carry("s two", "s one");
        other.carry("s three", "s two");
        other.remove(&format!("old {}", round - 1));
        source.make_folder(&format!("old {round}"));
        source.make_folder(&format!("old {round}/deep"));
        write(source, &format!("old {round}/a"), "a");
        write(source, &format!("old {round}/deep/b"), "b");
        let mut kept = None;
        if self.verb == Verb::Bisync {
            for path in base.keys().filter(|path| path.contains(".conflict-")) {
                real.hand.remove(path);
            }
            write(&real.drive, "both", "both");
            write(&real.hand, "both", "both");
            kept = Some(fs::read(real.hand.0.join("both")).unwrap());
        }
        let (local, remote) = (real.local_tree(), real.remote_tree());
        let paths: BTreeSet<&String> = local.keys().chain(remote.keys()).collect();
        let mut tree = Tree::new();
        for path in paths {
            let is_changed_here = local.get(path) != base.get(path) && path != "both";
            let side = match self.verb {
                Verb::Push => &local,
                Verb::Bisync if is_changed_here => &local,
                Verb::Pull | Verb::Bisync => &remote,
            };
            if let Some(content) = side.get(path).filter(|_| !path.contains(".conflict-")) {
                tree.insert(path.clone(), content.clone());
            }
        }
        Goal { tree, kept }
    }

    /// Checks LAW 1 and that no path has anything but a whole content.
    pub(crate) fn check_midway(
        &self,
        real: &Real,
        before: &BTreeSet<Vec<u8>>,
    ) -> Result<(), String> {
        let after = real.found();
        let lost = before
            .iter()
            .find(|one| !after.contains(*one) && !self.superseded.contains(*one));
        if let Some(lost) = lost {
            let shown = lost.get(..lost.len().min(24)).unwrap_or_default();
            return Err(format!(
                "LAW 1: {:?} is lost",
                String::from_utf8_lossy(shown)
            ));
        }
        for (path, content) in real.local_tree().into_iter().chain(real.remote_tree()) {
            if content.is_some_and(|content| !before.contains(&content)) {
                return Err(format!("{path} is neither old nor new"));
            }
        }
        Ok(())
    }
}
