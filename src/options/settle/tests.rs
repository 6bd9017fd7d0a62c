use std::{collections::BTreeSet, fmt::Write as _, fs};

use clap::Parser;

use super::*;
use crate::{
    cli::{Cli, Command, CommonArgs, WatchArgs},
    options::{Env, FilterOptions, Links, MaxDelete, Region, Shares},
    plan::Policy,
};

/// A working directory with a `.env` file, a config file, and an environment.
struct World {
    folder: tempfile::TempDir,
    vars: Vec<(String, String)>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        fs::create_dir_all(config.join("icloud-sync")).unwrap();
        let vars = vec![
            ("HOME".into(), "/home/anna".into()),
            ("XDG_STATE_HOME".into(), "/state".into()),
            ("XDG_CONFIG_HOME".into(), config.display().to_string()),
        ];
        Self { folder, vars }
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    fn dotenv(self, text: &str) -> Self {
        fs::write(self.folder.path().join(".env"), text).unwrap();
        self
    }

    fn config(self, text: &str) -> Self {
        let path = self.folder.path().join("config/icloud-sync/config.toml");
        fs::write(path, text).unwrap();
        self
    }

    fn layers(&self, cli: &Cli) -> Result<Layers> {
        let env = Env::new(self.vars.iter().cloned(), self.folder.path());
        Layers::load(&env, cli.common.env_file.as_deref())
    }

    /// Settles what the words after `icloud-sync` mean, with the places that it came from.
    fn run(&self, words: &str) -> Result<(PassOptions, AccountOptions, Vec<String>)> {
        let cli = parse(words);
        let verbosity = Verbosity::new(&cli.common);
        let mut layers = self.layers(&cli)?;
        let (pass, account) = if let Command::Pull(args) = &cli.command {
            layers.one_way(Verb::Pull, args, verbosity)?
        } else if let Command::Push(args) = &cli.command {
            layers.one_way(Verb::Push, args, verbosity)?
        } else if let Command::Bisync(args) = &cli.command {
            layers.pass(Verb::Bisync, &args.pass, verbosity)?
        } else {
            panic!("{words:?} is not a pass")
        };
        Ok((pass, account, layers.provenance()))
    }

    fn pass(&self, words: &str) -> PassOptions {
        self.run(words).unwrap().0
    }

    fn account(&self, words: &str) -> AccountOptions {
        self.run(words).unwrap().1
    }

    /// The message of the usage error that the words lead to.
    fn refusal(&self, words: &str) -> String {
        let error = self.run(words).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.chain()
    }
}

fn parse(words: &str) -> Cli {
    let words = words.split(' ').filter(|word| !word.is_empty());
    Cli::try_parse_from(std::iter::once("icloud-sync").chain(words)).unwrap()
}

#[test]
fn with_nothing_given_the_defaults_are_those_of_the_specification() {
    let world = World::new();
    let pass = world.pass("pull");
    assert_eq!(pass.local, Path::new("/home/anna/iCloud"));
    assert_eq!(pass.remote, "/");
    assert_eq!((pass.transfers, pass.listers), (32, 8));
    assert_eq!(pass.trash_days, 30);
    assert_eq!(pass.policy, Policy::PreferNewer);
    assert_eq!(pass.delete, Delete::Nothing);
    assert_eq!(pass.filter, FilterOptions::default());
    assert_eq!((pass.links, pass.shares), (Links::Skip, Shares::Read));
    assert_eq!(
        (pass.max_delete, pass.bwlimit, pass.max_downloads),
        (None, None, None)
    );
    assert!(
        !pass.dry_run && !pass.force && !pass.checksum && !pass.verify_download && !pass.explain
    );
    assert_eq!(pass.state_dir, Path::new("/state/icloud-sync"));
    let account = world.account("pull");
    assert_eq!(account.max_rate, 100);
    assert_eq!(account.auto_reauth_attempts, Some(3));
    assert_eq!(account.keyring_service, "icloud-sync");
    assert_eq!(account.region, Region::Global);
    assert!(account.use_keyring && account.auto_reauth && !account.relogin);
    assert!(account.username.is_none() && account.endpoint.is_none());
}

#[test]
fn a_flag_goes_before_the_environment_before_env_file_before_config_file() {
    let world = World::new().config("conflict = \"keep-both\"\nop-delay = 4\n");
    let both = |world: &World, words: &str| {
        let pass = world.pass(words);
        (pass.policy, pass.op_delay.as_millis())
    };
    assert_eq!(both(&world, "pull"), (Policy::KeepBoth, 4));
    let world = world.dotenv("CONFLICT_STRATEGY=prefer_remote\nOP_DELAY_MS=3\n");
    assert_eq!(both(&world, "pull"), (Policy::PreferRemote, 3));
    let world = world
        .var("CONFLICT_STRATEGY", "prefer-local")
        .var("OP_DELAY_MS", "2");
    assert_eq!(both(&world, "pull"), (Policy::PreferLocal, 2));
    assert_eq!(
        both(&world, "pull --conflict prefer-newer --op-delay 1"),
        (Policy::PreferNewer, 1)
    );
}

#[test]
fn what_others_share_can_be_left_out_from_every_place() {
    let shares = |world: &World, words: &str| world.pass(words).shares;
    let world = World::new().config("shares = \"skip\"\n");
    assert_eq!(shares(&world, "pull"), Shares::Skip);
    let world = world.dotenv("SHARES=read\n");
    assert_eq!(shares(&world, "pull"), Shares::Read);
    assert_eq!(shares(&world.var("SHARES", "skip"), "pull"), Shares::Skip);
    assert_eq!(shares(&World::new(), "bisync --shares skip"), Shares::Skip);
    assert_eq!(
        shares(&World::new().var("SHARES", "write"), "push"),
        Shares::Write
    );
    let error = World::new().var("SHARES", "all").run("pull").unwrap_err();
    assert!(error.to_string().contains("read, write or skip"), "{error}");
}

#[test]
fn each_value_knows_the_place_it_came_from() {
    let world = World::new()
        .config("links = \"follow\"\n")
        .dotenv("\nDRY_RUN=1\n")
        .var("ENABLE_CHECKSUM", "yes");
    let places = world.run("pull --force --transfers 3").unwrap().2;
    for place in [
        "Transfers is from --transfers",
        "Checksum is from environment ENABLE_CHECKSUM",
        "DryRun is from .env line 2: DRY_RUN",
    ] {
        assert!(places.iter().any(|p| p == place), "{places:?}");
    }
    assert!(
        places
            .iter()
            .any(|p| p.starts_with("Links is from /") && p.ends_with("config.toml: links")),
        "{places:?}"
    );
}

#[test]
fn a_bad_value_names_its_place_itself_and_what_is_accepted() {
    let world = World::new().var("DRY_RUN", "maybe");
    assert_eq!(
        world.refusal("pull"),
        "environment DRY_RUN: bad value \"maybe\": 1, 0, true, false, yes, no, on, off, y or n is expected"
    );
    let world = World::new().dotenv("# mine\nMAX_DOWNLOADS_PER_PASS=many\n");
    assert_eq!(
        world.refusal("pull"),
        ".env line 2: MAX_DOWNLOADS_PER_PASS: bad value \"many\": a whole number from 0 to 4294967295 is expected"
    );
    let world = World::new().config("[pair.docs]\nlocal = \"/d\"\nmax-delete = \"half\"\n");
    let words = world.refusal("pull @docs");
    assert!(
        words.ends_with("config.toml: pair.docs.max-delete: bad value \"half\": a number of files, or 0% to 100%, is expected"),
        "{words}"
    );
    let world = World::new().config("transfers = [1]\n");
    assert!(
        world
            .refusal("pull")
            .ends_with("transfers: one value is expected, not a list")
    );
}

#[test]
fn a_bad_flag_names_itself_and_what_is_accepted() {
    let words = ["icloud-sync", "pull", "--max-delete", "half"];
    let error = Cli::try_parse_from(words).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    assert!(text.contains("'half' for '--max-delete <N|N%>'"), "{text}");
    assert!(text.contains("0% to 100%"), "{text}");
}

#[test]
fn a_pair_stands_for_both_folders_and_wins_over_the_environment() {
    let world = World::new()
        .var("LOCAL_DIRECTORY", "/elsewhere")
        .config("trash-days = 5\n[pair.docs]\nlocal = \"~/Docs\"\nremote = \"Documents/\"\nmax-delete = 7\n");
    let pass = world.pass("bisync @docs");
    assert_eq!(pass.local, Path::new("/home/anna/Docs"));
    assert_eq!(pass.remote, "/Documents");
    assert_eq!(pass.max_delete, Some(MaxDelete::Items(7)));
    assert_eq!(pass.trash_days, 5);
    assert_eq!(world.pass("bisync").local, Path::new("/elsewhere"));
    assert_eq!(world.pass("bisync ./@docs").local, Path::new("./@docs"));
}

#[test]
fn a_pair_that_is_not_there_is_named_with_those_that_are() {
    let world = World::new().config("[pair.docs]\nlocal = \"/d\"\n[pair.bare]\n");
    let error = world.run("pull @dcos").unwrap_err();
    assert!(
        error
            .chain()
            .starts_with("@dcos: there is no table [pair.dcos] in ")
    );
    assert_eq!(error.hint(), Some("known pairs: @bare, @docs"));
    assert!(world.refusal("pull @bare").contains("no key \"local\""));
    assert!(
        world
            .refusal("pull @docs /x")
            .contains("can't be given as well")
    );
    let error = World::new().run("pull @docs").unwrap_err();
    assert_eq!(
        error.hint(),
        Some("for a folder of this name write ./@docs")
    );
}

#[test]
fn paths_expand_the_home_directory_and_config_paths_are_absolute() {
    let world = World::new().dotenv("LOCAL_DIRECTORY=~/Cloud\nSTATE_FILE=state.json\n");
    let pass = world.pass("push");
    assert_eq!(pass.local, Path::new("/home/anna/Cloud"));
    assert_eq!(pass.state_file.as_deref(), Some(Path::new("state.json")));
    let world = World::new().config("local = \"Cloud\"\n");
    assert!(
        world
            .refusal("push")
            .contains("a path that begins with / or ~/ is expected")
    );
}

#[test]
fn patterns_of_one_place_replace_those_behind_it() {
    let world = World::new()
        .config("exclude = [\"a,b\"]\ninclude = \"x,y\"\n")
        .var("IGNORE_PATTERNS", "*.tmp,*.{a,b}");
    let filter = world.pass("pull --ignore *.bak,*.o --ignore c").filter;
    assert_eq!(filter.ignore, ["*.bak", "*.o", "c"]);
    assert_eq!(filter.include, ["x", "y"]);
    assert_eq!(filter.exclude, ["a,b"]);
    assert_eq!(world.pass("pull").filter.ignore, ["*.tmp", "*.{a,b}"]);
}

#[test]
fn an_env_file_that_is_named_must_be_there_and_stands_for_the_usual_one() {
    let world = World::new().dotenv("DRY_RUN=1\n");
    assert!(world.pass("pull").dry_run);
    fs::write(world.folder.path().join("other"), "ENABLE_CHECKSUM=1\n").unwrap();
    let pass = world.pass("pull --env-file other");
    assert!(pass.checksum && !pass.dry_run);
    assert!(
        world
            .refusal("pull --env-file none")
            .starts_with("--env-file: cannot read \"none\": ")
    );
}

#[test]
fn a_folder_called_env_is_passed_over() {
    let world = World::new();
    fs::create_dir(world.folder.path().join(".env")).unwrap();
    assert!(!world.pass("pull").dry_run);
}

#[test]
fn a_secret_in_a_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let warnings = |text: &str, mode: u32| {
        let world = World::new().dotenv(text);
        let path = world.folder.path().join(".env");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        world.layers(&parse("pull")).unwrap().warnings().to_vec()
    };
    let told = warnings("ICLOUD_PASSWORD=x\n", 0o644);
    assert!(
        told[0].contains("(mode 644)") && told[0].contains("chmod 600"),
        "{told:?}"
    );
    assert!(warnings("ICLOUD_PASSWORD=x\n", 0o600).is_empty());
    assert!(warnings("DRY_RUN=1\n", 0o644).is_empty());
}

#[test]
fn a_misspelt_name_in_a_file_is_warned_of_and_a_foreign_one_is_not() {
    let world = World::new().dotenv("DATABASE_URL=x\n\nEXCLUDE_PATERNS=*.tmp\n");
    let layers = world.layers(&parse("pull")).unwrap();
    let wanted =
        ".env line 3: \"EXCLUDE_PATERNS\" is no name of a setting; did you mean EXCLUDE_PATTERNS?";
    assert_eq!(layers.warnings(), [wanted]);
}

#[test]
fn the_endpoint_comes_from_the_environment_alone() {
    let world = World::new().dotenv("ICLOUD_SYNC_ENDPOINT=https://elsewhere.example.com\n");
    assert_eq!(world.account("pull").endpoint, None);
    let layers = world.layers(&parse("pull")).unwrap();
    assert!(layers.warnings()[0].contains("is not read from a file"));
    let world = world.var("ICLOUD_SYNC_ENDPOINT", "http://127.0.0.1:1");
    assert_eq!(
        world.account("pull").endpoint.as_deref(),
        Some("http://127.0.0.1:1")
    );
}

#[test]
fn names_of_later_or_other_programs_in_an_env_file_break_nothing() {
    let world = World::new().dotenv("SYNC_INTERVAL=x\nMETRICS_PORT=99999\nLATER_NAME=2\nPATH=/\n");
    assert!(world.run("pull").is_ok());
}

#[test]
fn sign_in_values_are_read_and_never_shown() {
    let world = World::new()
        .dotenv("ICLOUD_USERNAME=' Anna@Example.COM '\nICLOUD_PASSWORD=hunter2\nICLOUD_2FA_CODE=123456\n")
        .var("AUTO_REAUTH_MAX_ATTEMPTS", "-1")
        .var("USE_KEYRING", "0")
        .var("FORCE_RELOGIN", "on");
    let (_, account, places) = world.run("pull --no-auto-reauth --region china").unwrap();
    assert_eq!(account.username.as_deref(), Some("anna@example.com"));
    assert_eq!(account.password.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(account.code.as_deref(), Some("123456"));
    assert_eq!(account.auto_reauth_attempts, None);
    assert_eq!(account.region, Region::China);
    assert!(!account.use_keyring && account.relogin && !account.auto_reauth);
    let layers = world.layers(&parse("pull")).unwrap();
    for shown in [
        format!("{account:?}"),
        format!("{places:?}"),
        format!("{layers:?}"),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn what_may_be_deleted_follows_flags_and_verb() {
    let world = World::new();
    assert_eq!(world.pass("pull --delete").delete, Delete::SinceBaseline);
    assert_eq!(world.pass("push --delete-extra").delete, Delete::Extra);
    assert_eq!(
        world.pass("push --delete --delete-extra").delete,
        Delete::Extra
    );
    assert_eq!(world.pass("bisync").delete, Delete::SinceBaseline);
    assert!(Cli::try_parse_from(["icloud-sync", "bisync", "--delete"]).is_err());
    // The config file is for all verbs.
    let world = World::new().config("delete = true\ndelete-extra = true\n");
    assert_eq!(world.pass("bisync").delete, Delete::SinceBaseline);
}

#[test]
fn the_log_level_follows_flags_then_environment() {
    let world = World::new().dotenv("LOG_LEVEL=DEBUG\nLOG_JSON=1\nLOG_FILE=~/log\n");
    let log = |words: &str| {
        let cli = parse(words);
        world.layers(&cli).unwrap().log(&cli.common, false).unwrap()
    };
    let plain = log("pull");
    assert_eq!(plain.level, log::LevelFilter::Debug);
    assert!(plain.is_json);
    assert_eq!(plain.file.as_deref(), Some(Path::new("/home/anna/log")));
    assert_eq!(log("pull -q").level, log::LevelFilter::Error);
    assert_eq!(log("pull -v").level, log::LevelFilter::Info);
    assert_eq!(log("-vvv pull").level, log::LevelFilter::Trace);
}

#[test]
fn reasons_are_given_when_asked_for_in_any_way() {
    let world = World::new();
    assert!(world.pass("pull -v").explain);
    assert!(world.pass("pull --verbose-decisions").explain);
    assert!(
        World::new()
            .var("VERBOSE_DECISIONS", "1")
            .pass("pull")
            .explain
    );
    assert!(!world.pass("pull").explain);
}

#[test]
fn the_defaults_that_are_shown_are_those_that_are_taken() {
    let plain = World::new();
    let mut layers = plain.layers(&parse("pull")).unwrap();
    let shown = layers.effective(None, &AccountArgs::default()).unwrap();
    // Written down as a config file and an environment, they change nothing.
    let (mut config, mut dotenv) = (String::new(), String::new());
    for setting in Setting::ALL {
        let value = setting.default_text();
        if value.is_empty() {
            continue;
        }
        if let Some(key) = setting.key() {
            writeln!(config, "{key} = {value:?}").unwrap();
        }
        if let Some(name) = setting.env() {
            writeln!(dotenv, "{name}={value}").unwrap();
        }
    }
    let written = World::new().dotenv(&dotenv);
    let from_config = World::new().config(&config);
    let settled = |world: &World| {
        let mut layers = world.layers(&parse("pull")).unwrap();
        let (pass, account, _) = world.run("pull").unwrap();
        let watch = layers.watch(&WatchArgs::default()).unwrap();
        let log = layers.log(&CommonArgs::default(), false).unwrap();
        // The address shows even where nothing is served on it.
        let served = parse("pull --watch --metrics-http");
        let Command::Pull(args) = &served.command else {
            unreachable!()
        };
        let metrics = layers.watch(&args.pass.watch).unwrap().metrics;
        format!("{pass:?} {account:?} {watch:?} {metrics:?} {log:?}")
    };
    assert_eq!(settled(&written), settled(&plain));
    assert_eq!(settled(&from_config), settled(&plain));
    let is_given = |name: &str| plain.vars.iter().any(|(given, _)| given == name);
    for one in &shown {
        let is_default = one.source.starts_with("default");
        assert_eq!(is_default, !is_given(one.name), "{one:?}");
    }
    let names: BTreeSet<_> = shown.iter().filter_map(|one| one.env).collect();
    let missing: Vec<_> = crate::options::environment_names()
        .into_iter()
        .filter(|name| !names.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_is_shown_names_its_place_and_no_secret() {
    let world = World::new()
        .var("ICLOUD_PASSWORD", "hunter2")
        .var("LOCAL_DIRECTORY", "/elsewhere")
        .var("https_proxy", "http://anna:hush@proxy:3128")
        .dotenv("OP_DELAY_MS=7\n")
        .config("transfers = 5\nremote = '/top'\n[pair.x]\nlocal = '/x'\nexclude = ['a', 'b']\nop-delay = 9\n");
    let mut layers = world.layers(&parse("pull")).unwrap();
    let all = layers
        .effective(Some("@x"), &AccountArgs::default())
        .unwrap();
    let of = |name: &str| {
        let one = all.iter().find(|one| one.name == name).unwrap();
        (
            one.value.clone(),
            one.source.rsplit('/').next().unwrap().to_owned(),
        )
    };
    let place = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(
        of("ICLOUD_PASSWORD"),
        place("(set)", "environment ICLOUD_PASSWORD")
    );
    assert_eq!(of("--op-delay"), place("7", ".env line 1: OP_DELAY_MS"));
    assert_eq!(of("--transfers"), place("5", "config.toml: transfers"));
    assert_eq!(of("--exclude"), place("a,b", "config.toml: pair.x.exclude"));
    assert_eq!(of("LOCAL"), place("/x", "config.toml: pair.x.local"));
    assert_eq!(of("REMOTE"), place("/", "default"));
    assert_eq!(
        of("STATE_FILE"),
        place(
            "/state/icloud-sync/pairs/*/baseline.jsonl",
            "default: one for each pair"
        )
    );
    assert_eq!(
        of("HTTPS_PROXY"),
        place("http://(redacted)@proxy:3128", "environment https_proxy")
    );
    assert_eq!(
        of("XDG_STATE_HOME"),
        place("/state", "environment XDG_STATE_HOME")
    );
    for secret in ["hunter2", "hush"] {
        assert!(!format!("{all:?}").contains(secret));
    }
    assert!(
        layers
            .effective(Some("@y"), &AccountArgs::default())
            .is_err()
    );
    let bad = World::new().dotenv("SYNC_INTERVAL=4\n");
    let error = bad
        .layers(&parse("pull"))
        .unwrap()
        .effective(None, &AccountArgs::default())
        .unwrap_err();
    assert!(error.to_string().contains("SYNC_INTERVAL"), "{error}");
}

#[test]
fn what_is_typed_without_what_it_needs_is_refused_and_what_is_in_files_is_passed_over() {
    let watch = |world: &World, words: &str| {
        let cli = parse(words);
        let Command::Pull(args) = &cli.command else {
            unreachable!()
        };
        world.layers(&cli).unwrap().watch(&args.pass.watch)
    };
    let plain = World::new();
    for (flag, needed) in [
        ("--interval 60", "--watch"),
        ("--metrics-http", "--watch"),
        ("--metrics-port 1", "--metrics-http"),
        ("--metrics-host 127.0.0.1", "--metrics-http"),
        ("--metrics-path /m", "--metrics-http"),
        ("--watch --metrics-port 1", "--metrics-http"),
        ("--once --interval 60", "--watch"),
    ] {
        let error = watch(&plain, &format!("pull {flag}")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let said = error.to_string();
        assert!(
            said.ends_with(&format!(" has no effect without {needed}")),
            "{said}"
        );
        assert!(
            error
                .hint()
                .unwrap()
                .starts_with(&format!("add {needed}, or leave "))
        );
    }
    let shared = World::new()
        .var("METRICS_HTTP", "1")
        .var("METRICS_PORT", "1")
        .dotenv("SYNC_INTERVAL=60\nMETRICS_HOST=127.0.0.1\n");
    assert!(!watch(&shared, "pull").unwrap().is_on);
    assert!(
        watch(&shared, "pull --watch --metrics-port 2")
            .unwrap()
            .metrics
            .is_some()
    );
    // It is all one who says that passes are run again and again.
    let said = World::new().config("watch = true\n");
    assert_eq!(watch(&said, "pull --interval 60").unwrap().interval, 60);
    assert!(!watch(&said, "pull --once").unwrap().is_on);
}
