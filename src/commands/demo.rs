//! `demo`: the tour on an embedded emulator: no account, no network.
//!
//! It runs the commands that a person would type, as programs of their own, and prints them. Only `login` runs in
//! this process, because somebody has to play the person who reads the code from a device.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    auth::{
        prompt::{CodeAnswer, Prompt, Question, Via},
        secret::Secret,
    },
    cli::{AccountArgs, SessionArgs},
    emulator::{self, Config, Drive, Emulator, EntryKind},
    error::{Error, Kind, Result},
    options::{Env, Layers},
    report::{Console, sanitize::for_terminal},
    scan::filter::OWN_FOLDER,
    stop::Stop,
};

/// The emulator's made-up account, and its password.
const ACCOUNT: (&str, &str) = ("demo@example.com", "demo");
/// The large file of the tour.
const LARGE: usize = 20 << 20;

/// Takes the tour.
///
/// # Errors
/// Whatever keeps a step from succeeding; the folder is left as it is then.
pub fn run(env: &Env, console: &Console, stop: &Stop) -> Result<u8> {
    let folder = tempfile::Builder::new()
        .prefix("icloud-sync-demo-")
        .tempdir()
        .map_err(|error| Error::io("cannot make a folder for the demo", error))?
        .keep();
    let config = Config {
        data: Some(folder.join("cloud")),
        ..Config::default()
    };
    let emulator =
        emulator::start(config).map_err(|error| Error::io("cannot start the emulator", error))?;
    let tour = Tour {
        console,
        stop,
        home: folder.join("home"),
        local: folder.join("home/iCloud"),
        drive: emulator.drive(ACCOUNT.0),
        emulator: &emulator,
        env,
    };
    tour.take()?;
    let program = std::env::current_exe().ok();
    console.print(&farewell(
        &folder,
        emulator.url(),
        program
            .as_deref()
            .and_then(|program| off_path(program, env)),
    ));
    Ok(0)
}

/// Returns the program's folder, unless a shell finds it without.
fn off_path<'a>(program: &'a Path, env: &Env) -> Option<&'a Path> {
    let path = env.os("PATH").unwrap_or_default();
    let is_found = std::env::split_paths(path).any(|folder| folder.join("icloud-sync").is_file());
    if is_found { None } else { program.parent() }
}

/// Says how to go on by hand. It is meant to be pasted as it stands, also right after `cargo run -- demo`.
fn farewell(folder: &Path, url: &str, program: Option<&Path>) -> String {
    let path = program.map_or_else(String::new, |program| {
        format!("  export PATH=$PATH:{}\n", program.display())
    });
    format!(
        "\nAll of this is in {0}. To go on by hand:\n\
         \n\
         \x20 bash                          # a shell of its own; exit to come back\n\
         {path}\
         \x20 cd {0}\n\
         \x20 icloud-sync emulator --listen {1} --data cloud >emulator.log &\n\
         \x20 export HOME=$PWD/home ICLOUD_SYNC_ENDPOINT={url}\n\
         \x20 unset XDG_CONFIG_HOME XDG_STATE_HOME\n\
         \x20 icloud-sync ls -R\n\
         \x20 icloud-sync push ~/iCloud --dry-run\n\
         \n\
         To clear it away: rm -r {0}\n",
        folder.display(),
        url.trim_start_matches("http://"),
    )
}

struct Tour<'a> {
    console: &'a Console,
    stop: &'a Stop,
    home: PathBuf,
    local: PathBuf,
    drive: Drive,
    emulator: &'a Emulator,
    env: &'a Env,
}

fn local_error(error: std::io::Error) -> Error {
    Error::io("cannot write the demo's files", error)
}

impl Tour<'_> {
    fn take(&self) -> Result<()> {
        fs::create_dir_all(&self.home).map_err(local_error)?;
        self.say("A made-up iCloud runs in this process. It holds a small Drive:");
        self.seed()
            .map_err(|error| Error::io("cannot fill the emulator", error))?;
        self.log_in()?;
        self.type_in(&["ls", "-R", "-l"])?;
        self.say("What would a pull do? A dry run changes nothing:");
        self.type_in(&["pull", "~/iCloud", "--dry-run"])?;
        self.type_in(&["pull", "~/iCloud"])?;
        self.say(
            "Some work on this machine: one file edited, one added in a new folder, one renamed.",
        );
        self.edit().map_err(local_error)?;
        self.type_in(&["push", "~/iCloud", "--dry-run", "-v"])?;
        self.type_in(&["push", "~/iCloud"])?;
        self.say("Once more: nothing is left to do.");
        self.type_in(&["push", "~/iCloud"])?;
        self.compare()
    }

    fn say(&self, text: &str) {
        self.console.print(&format!("\n# {text}\n"));
    }

    fn seed(&self) -> std::io::Result<()> {
        let drive = &self.drive;
        drive.write_with_mtime("Letters/2026/To Zoë.txt", "Dear Zoë,\n", 1_767_225_600)?;
        drive.write_with_mtime("Letters/2026/Grüße 👋.txt", "Viele Grüße!\n", 1_767_312_000)?;
        drive.write_with_mtime("Letters/notes.md", "# Notes\n", 1_767_398_400)?;
        drive.write_with_mtime(
            "Photos/2026/日本/富士山.jpg",
            noise(300_000, 1),
            1_767_484_800,
        )?;
        drive.write_with_mtime(
            "Photos/2026/日本/Tokyo tower.jpg",
            noise(120_000, 2),
            1_767_571_200,
        )?;
        drive.write_with_mtime("Empty file.txt", "", 1_767_657_600)?;
        drive.write_with_mtime("Films/Holiday.mov", noise(LARGE, 3), 1_767_744_000)?;
        drive.mkdir("An empty folder")?;
        drive.mkpackage(
            "Reports/Budget.numbers",
            &[
                ("Index/Document.iwa", b"made-up document"),
                ("Data/chart.png", b"made-up picture"),
            ],
        )
    }

    /// Signs in, this process playing the person.
    fn log_in(&self) -> Result<()> {
        self.console
            .print(&format!("\n$ icloud-sync login --account {}\n", ACCOUNT.0));
        let env = self.child_env();
        let mut layers = Layers::load(&Env::new(env, &self.home), None)?;
        let who = AccountArgs {
            account: Some(ACCOUNT.0.to_owned()),
            ..AccountArgs::default()
        };
        let mut options = layers.account(&who, &SessionArgs::default(), None)?;
        // A tour leaves no made-up password in a real keyring.
        options.use_keyring = false;
        let mut out = Vec::new();
        super::login::run(&options, Via::Push, self, self.stop, &mut out)?;
        self.console.print(&String::from_utf8_lossy(&out));
        Ok(())
    }

    /// The surroundings of the commands: a home of their own, and the emulator in Apple's place.
    fn child_env(&self) -> Vec<(String, std::ffi::OsString)> {
        let mut vars = vec![
            ("HOME".to_owned(), self.home.clone().into_os_string()),
            (
                "ICLOUD_SYNC_ENDPOINT".to_owned(),
                self.emulator.url().into(),
            ),
            ("USE_KEYRING".to_owned(), "0".into()),
        ];
        for name in [
            "PATH", "TERM", "LANG", "LC_ALL", "TZ", "NO_COLOR", "COLUMNS",
        ] {
            if let Some(value) = self.env.os(name) {
                vars.push((name.to_owned(), value.to_os_string()));
            }
        }
        vars
    }

    /// Runs a command as if it had been typed.
    fn type_in(&self, words: &[&str]) -> Result<()> {
        self.stop.check()?;
        self.console
            .print(&format!("\n$ icloud-sync {}\n", words.join(" ")));
        let program = std::env::current_exe()
            .map_err(|error| Error::io("cannot find this program", error))?;
        let words = words.iter().map(|word| match word.strip_prefix("~/") {
            Some(below) => self.home.join(below).into_os_string(),
            None => word.into(),
        });
        let status = Command::new(program)
            .args(words)
            .env_clear()
            .envs(self.child_env())
            .current_dir(&self.home)
            .status()
            .map_err(|error| Error::io("cannot run the command", error))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Other,
            format!("the command ended with {status}"),
        ))
    }

    fn edit(&self) -> std::io::Result<()> {
        fs::write(
            self.local.join("Letters/notes.md"),
            "# Notes\n\nBuy stamps.\n",
        )?;
        fs::create_dir(self.local.join("Recipes"))?;
        fs::write(
            self.local.join("Recipes/Crêpes.txt"),
            "Flour, milk, eggs.\n",
        )?;
        fs::rename(
            self.local.join("Photos/2026"),
            self.local.join("Photos/Japan 2026"),
        )
    }

    /// Shows both trees, and that they are equal.
    fn compare(&self) -> Result<()> {
        let remote = remote_tree(&self.drive)
            .map_err(|error| Error::io("cannot read the emulator", error))?;
        let local =
            local_tree(&self.local).map_err(|error| Error::io("cannot read LOCAL", error))?;
        self.say("Both sides, read by other means than the program's own:");
        self.console
            .print("           local          remote   path\n");
        for path in local
            .keys()
            .chain(remote.keys().filter(|path| !local.contains_key(*path)))
        {
            let shown = |tree: &Tree| match tree.get(path) {
                None => "-".to_owned(),
                Some(None) => "folder".to_owned(),
                Some(Some(content)) => format!("{} bytes", content.len()),
            };
            let (here, there) = (shown(&local), shown(&remote));
            self.console
                .print(&format!("{here:>16}{there:>16}   {}\n", for_terminal(path)));
        }
        if local != remote {
            return Err(Error::new(Kind::Other, "the two sides are not equal"));
        }
        self.console
            .print(&format!("\nEqual: {} items, byte for byte.\n", local.len()));
        Ok(())
    }
}

/// Path to content; `None` for folders.
type Tree = BTreeMap<String, Option<Vec<u8>>>;

fn local_tree(root: &Path) -> std::io::Result<Tree> {
    let mut tree = Tree::new();
    let walk = walkdir::WalkDir::new(root).min_depth(1).into_iter();
    for entry in walk.filter_entry(|entry| entry.file_name() != OWN_FOLDER) {
        let entry = entry?;
        let path = entry
            .path()
            .strip_prefix(root)
            .unwrap_or(root)
            .to_string_lossy()
            .into_owned();
        let content = if entry.file_type().is_dir() {
            None
        } else {
            Some(fs::read(entry.path())?)
        };
        tree.insert(path, content);
    }
    Ok(tree)
}

fn remote_tree(drive: &Drive) -> std::io::Result<Tree> {
    let mut tree = Tree::new();
    for (path, entry) in drive.tree()? {
        match (entry.kind, entry.content) {
            (EntryKind::Package, Some(zip)) => {
                tree.insert(path.clone(), None);
                unzip(&path, &zip, &mut tree)?;
            }
            (EntryKind::File, content) => {
                tree.insert(path, Some(content.unwrap_or_default().to_vec()));
            }
            (EntryKind::Folder | EntryKind::Library | EntryKind::Other | EntryKind::Package, _) => {
                tree.insert(path, None);
            }
        }
    }
    Ok(tree)
}

/// Adds what a package holds, below its path.
fn unzip(path: &str, zip: &[u8], tree: &mut Tree) -> std::io::Result<()> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).map_err(std::io::Error::other)?;
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).map_err(std::io::Error::other)?;
        let name = entry.name().map_err(std::io::Error::other)?.into_owned();
        let Some((_, below)) = name.trim_end_matches('/').split_once('/') else {
            continue;
        };
        for (end, _) in below.match_indices('/') {
            let folder = below.get(..end).unwrap_or_default();
            tree.insert(format!("{path}/{folder}"), None);
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        let content = (!entry.is_dir()).then_some(content);
        tree.insert(format!("{path}/{below}"), content);
    }
    Ok(())
}

/// Bytes that no compression makes shorter, the same each time.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

impl Prompt for Tour<'_> {
    fn is_attended(&self) -> bool {
        true
    }

    fn account(&self) -> Result<String> {
        Ok(ACCOUNT.0.to_owned())
    }

    fn password(&self, account: &str) -> Result<Secret> {
        self.console.print(&format!(
            "Password of {account}: {}\n",
            "*".repeat(ACCOUNT.1.len())
        ));
        Ok(Secret::new(ACCOUNT.1))
    }

    fn code(&self, question: &Question) -> Result<CodeAnswer> {
        let code = self
            .emulator
            .code(ACCOUNT.0)
            .ok_or_else(|| Error::new(Kind::SignIn, "the made-up device shows no code"))?;
        self.console.print(&format!(
            "  (the made-up iPhone shows: Sign-in requested, code {code})\n\
             Code of {} digits shown on your devices: {code}\n",
            question.length
        ));
        Ok(CodeAnswer::Code(code))
    }

    fn confirm(&self, _: &str) -> Result<bool> {
        Ok(false)
    }

    fn tell(&self, text: &str) {
        self.console.print(&format!("{text}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_to_go_on_can_be_pasted_also_where_the_program_is_not_on_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("icloud-sync");
        fs::write(&program, "").unwrap();
        let env = |path: &Path| Env::new([("PATH", path)], "/");
        assert_eq!(
            off_path(&program, &env(Path::new("/nowhere"))),
            Some(folder.path())
        );
        assert_eq!(off_path(&program, &env(folder.path())), None);
        let url = "http://127.0.0.1:8765";
        let text = farewell(Path::new("/tmp/x"), url, Some(Path::new("/src/debug")));
        assert!(
            text.contains("  export PATH=$PATH:/src/debug\n  cd /tmp/x\n"),
            "{text}"
        );
        assert!(
            text.contains("--listen 127.0.0.1:8765 --data cloud"),
            "{text}"
        );
        let text = farewell(Path::new("/tmp/x"), url, None);
        assert!(!text.contains("export PATH"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}
