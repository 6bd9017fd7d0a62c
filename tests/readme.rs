//! What the README says holds: its commands parse, its tables and files are those of the program.

use std::{collections::BTreeSet, path::Path};

use clap::Parser as _;
use icloud_sync::{
    cli::{AccountArgs, Cli, Command},
    options::{Env, Layers, Verbosity, environment_default, environment_names},
    plan::Verb,
};

const README: &str = include_str!("../README.md");

/// The fenced blocks: language and text.
fn blocks() -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in README.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

#[cfg(feature = "emulator")]
/// The words of a shell line: quotes are taken off, and it ends at a comment, pipe or redirection.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (letter, quote) {
            (_, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            ('|' | '>' | '#', None) => break,
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(feature = "emulator")]
/// All command lines of the program: what stands behind its name, or behind `cargo run … --`.
fn commands() -> Vec<Vec<String>> {
    let spans = README
        .lines()
        .scan(false, |inside, line| {
            *inside ^= line.starts_with("```");
            Some((*inside, line))
        })
        .filter(|(inside, _)| !inside)
        .flat_map(|(_, line)| line.split('`').skip(1).step_by(2))
        .filter(|span| span.starts_with("icloud-sync "))
        .map(str::to_owned);
    blocks()
        .into_iter()
        .filter(|(language, _)| ["sh", "cron", "ini"].contains(&language.as_str()))
        .flat_map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .chain(spans)
        .filter_map(|line| {
            let words = words(&line);
            let is_cargo = words.starts_with(&["cargo".into(), "run".into()]);
            let at = words.iter().position(|word| {
                if is_cargo {
                    word == "--"
                } else {
                    word == "icloud-sync" || word.ends_with("/icloud-sync")
                }
            })?;
            Some(words[at + 1..].to_vec())
        })
        .collect()
}

// A build without the emulator has fewer commands.
#[cfg(feature = "emulator")]
#[test]
fn every_command_line_parses() {
    let commands = commands();
    assert!(commands.len() >= 30, "only {} were found", commands.len());
    for words in commands {
        let line = std::iter::once("icloud-sync").chain(words.iter().map(String::as_str));
        if let Err(error) = Cli::try_parse_from(line) {
            let is_help = error.kind() == clap::error::ErrorKind::DisplayHelp;
            assert!(is_help, "icloud-sync {}\n{error}", words.join(" "));
        }
    }
}

#[test]
fn the_environment_table_names_what_the_code_reads() {
    let table = table("| name | key | meaning | default |");
    let names: BTreeSet<&str> = table.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, environment_names().into_iter().collect());
}

#[test]
fn the_environment_table_has_the_defaults_of_the_code() {
    let mut seen = 0;
    for row in table("| name | key | meaning | default |") {
        let name = &row[0];
        if let Some(default) = environment_default(name).filter(|text| !text.is_empty()) {
            assert_eq!(row[3], default, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn the_environment_table_has_the_keys_of_the_code() {
    let mut layers = Layers::load(&Env::new([("HOME", "/home/anna")], "/"), None).unwrap();
    let shown = layers.effective(None, &AccountArgs::default()).unwrap();
    for row in table("| name | key | meaning | default |") {
        let setting = shown.iter().find(|one| one.env == Some(&row[0]));
        let key = setting.and_then(|one| one.key).unwrap_or_default();
        assert_eq!(row[1], key, "{}", row[0]);
    }
}

#[test]
fn the_config_file_and_the_env_file_are_read_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let blocks = blocks();
    let block = |is: &dyn Fn(&(String, String)) -> bool| {
        let found: Vec<_> = blocks.iter().filter(|block| is(block)).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].1.clone()
    };
    std::fs::create_dir_all(at("icloud-sync")).unwrap();
    let config = block(&|(language, _)| language == "toml");
    std::fs::write(at("icloud-sync/config.toml"), config).unwrap();
    std::fs::write(at(".env"), block(&|(_, text)| text.starts_with("# .env\n"))).unwrap();

    let vars = [
        ("HOME", "/home/anna"),
        ("XDG_CONFIG_HOME", folder.path().to_str().unwrap()),
    ];
    let mut layers = Layers::load(&Env::new(vars, folder.path()), None).unwrap();
    let cli = Cli::try_parse_from(["icloud-sync", "pull", "@photos"]).unwrap();
    let Command::Pull(args) = &cli.command else {
        panic!("pull is a pull");
    };
    let (pass, account) = layers.one_way(Verb::Pull, args, Verbosity::Normal).unwrap();
    assert_eq!(pass.local, Path::new("/srv/photos"));
    assert_eq!(pass.remote, "/Photos");
    assert_eq!(pass.delete, icloud_sync::plan::Delete::SinceBaseline);
    assert_eq!(pass.policy, icloud_sync::plan::Policy::KeepBoth);
    assert_eq!(pass.filter.exclude, ["*.tmp", "*.bak"]);
    assert_eq!(account.username.as_deref(), Some("anna@example.com"));
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = {
        use clap::CommandFactory as _;
        Cli::command().render_long_help().to_string()
    };
    for code in 0..8 {
        let row = README
            .lines()
            .find_map(|line| line.strip_prefix(&format!("| {code} | ")))
            .unwrap()
            .trim_end_matches(" |");
        let words: Vec<_> = row.split_whitespace().collect();
        let help: Vec<_> = help.split_whitespace().collect();
        assert!(
            help.windows(words.len()).any(|part| part == words),
            "{code}: {row}"
        );
    }
}

#[test]
fn every_option_is_in_the_readme_or_is_explained_by_help_alone() {
    use clap::CommandFactory as _;

    // Named in no theme; `--help` has them.
    let others = ["env-file", "help", "version", "region"];
    let mut command = Cli::command();
    command.build();
    let pull = command.find_subcommand("pull").unwrap();
    for name in pull
        .get_arguments()
        .filter_map(|argument| argument.get_long())
    {
        let is_there =
            README.contains(&format!("--{name}")) || name == "verbose" || name == "quiet";
        assert!(is_there || others.contains(&name), "--{name}");
    }
}

/// The variables that users have in their files already, with the defaults that they rely on; `None` where there is none.
/// They are an interface: nothing here is ever taken away.
const INTERFACE: &[(&str, Option<&str>)] = &[
    ("ICLOUD_USERNAME", None),
    ("ICLOUD_PASSWORD", None),
    ("ICLOUD_2FA_CODE", None),
    ("LOCAL_DIRECTORY", Some("~/iCloud")),
    ("SYNC_INTERVAL", Some("300")),
    ("LOG_LEVEL", Some("warn")),
    ("LOG_JSON", Some("0")),
    ("LOG_FILE", None),
    ("FORCE_RELOGIN", Some("0")),
    ("AUTO_REAUTH", Some("1")),
    ("AUTO_REAUTH_MAX_ATTEMPTS", Some("3")),
    ("STATE_FILE", None),
    ("ENABLE_CHECKSUM", Some("0")),
    ("VERIFY_DOWNLOAD", Some("0")),
    ("INCLUDE_PATTERNS", None),
    ("EXCLUDE_PATTERNS", None),
    ("IGNORE_PATTERNS", None),
    ("DRY_RUN", Some("0")),
    ("NO_REMOTE", Some("0")),
    ("CONFLICT_STRATEGY", Some("prefer-newer")),
    ("USE_KEYRING", Some("1")),
    ("KEYRING_SERVICE", Some("icloud-sync")),
    ("VERBOSE_DECISIONS", Some("0")),
    ("STATS_INTERVAL", Some("0")),
    ("PROGRESS_SUMMARY", Some("0")),
    ("METRICS_HTTP", Some("0")),
    ("METRICS_PORT", Some("8787")),
    ("METRICS_HOST", Some("127.0.0.1")),
    ("METRICS_PATH", Some("/metrics")),
    ("METRICS_TOKEN", None),
    ("OP_DELAY_MS", Some("0")),
    ("MAX_DOWNLOADS_PER_PASS", None),
];

/// The options of a pass, likewise.
const FLAGS: &[&str] = &[
    "dry-run",
    "json",
    "verbose",
    "quiet",
    "include",
    "exclude",
    "ignore",
    "filter-from",
    "no-default-ignores",
    "max-delete",
    "min-free",
    "trash-days",
    "force",
    "conflict",
    "checksum",
    "transfers",
    "listers",
    "max-rate",
    "bwlimit",
    "max-downloads",
    "op-delay",
    "links",
    "no-remote",
    "watch",
    "once",
    "interval",
    "hook",
    "stats-interval",
    "progress-summary",
    "verbose-decisions",
    "metrics-http",
    "metrics-host",
    "metrics-port",
    "metrics-path",
    "no-auto-reauth",
    "relogin",
    "shares",
];

/// What could be typed in iCloud-Sync-Linux.
#[cfg(feature = "emulator")]
const TYPED_THERE: &[&str] = &[
    "icloud-sync",
    "--once",
    "--interval",
    "--dry-run",
    "--include",
    "--exclude",
    "--no-remote",
    "--version",
    "--verbose-decisions",
    "--stats-interval",
    "--progress-summary",
    "--metrics-http",
    "--metrics-port",
    "--status",
    "--metrics-snapshot",
    "--relogin",
    "--no-auto-reauth",
];

/// The rows of the table below that head, each cell without its blanks and backquotes.
fn table(head: &str) -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = README
        .lines()
        .skip_while(|line| *line != head)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" |").collect();
            let cells = cells
                .iter()
                .map(|cell| cell.trim().trim_matches('`').to_owned());
            cells.collect()
        })
        .collect();
    assert!(!rows.is_empty(), "there is no table {head}");
    rows
}

#[test]
fn every_variable_of_the_interface_is_there_with_its_default() {
    let migration =
        table("| variable | default there | default here | what is different on purpose |");
    let settings = table("| name | key | meaning | default |");
    let names: Vec<&str> = migration.iter().map(|row| row[0].as_str()).collect();
    let wanted: Vec<&str> = INTERFACE.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, wanted);
    for ((name, default), row) in INTERFACE.iter().zip(&migration) {
        assert_eq!(
            environment_default(name),
            Some(default.unwrap_or_default()),
            "{name}"
        );
        assert_eq!(row.len(), 4, "{row:?}");
        assert_eq!(row[2], default.unwrap_or_default(), "{name}");
        let setting = settings.iter().find(|row| row[0] == *name);
        let setting = setting.unwrap_or_else(|| panic!("{name} is not in the table of settings"));
        if let Some(default) = default {
            assert_eq!(setting[3], *default, "{name}");
        }
    }
}

#[test]
fn every_option_of_the_interface_is_there_and_in_the_readme() {
    use clap::CommandFactory as _;

    let mut command = Cli::command();
    command.build();
    for verb in ["pull", "push", "bisync"] {
        let verb = command.find_subcommand(verb).unwrap();
        let options: BTreeSet<_> = verb
            .get_arguments()
            .filter_map(clap::Arg::get_long)
            .collect();
        for flag in FLAGS {
            assert!(options.contains(flag), "{}: --{flag}", verb.get_name());
        }
        let deletes = ["delete", "delete-extra"].map(|flag| options.contains(flag));
        assert_eq!(deletes, [verb.get_name() != "bisync"; 2]);
        let known = [
            "account",
            "region",
            "env-file",
            "help",
            "version",
            "delete",
            "delete-extra",
        ];
        for option in options {
            assert!(
                FLAGS.contains(&option) || known.contains(&option),
                "--{option} is new: list it"
            );
        }
    }
    for flag in FLAGS
        .iter()
        .filter(|flag| !["verbose", "quiet"].contains(flag))
    {
        assert!(README.contains(&format!("--{flag}")), "--{flag}");
    }
}

// A build without the emulator has fewer commands.
#[cfg(feature = "emulator")]
#[test]
fn what_could_be_typed_in_the_other_program_has_its_row() {
    let rows = table("| typed there | here | what is different on purpose |");
    let there: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(there, TYPED_THERE);
    for row in &rows {
        let here = &row[1];
        let line = match here.strip_prefix("icloud-sync") {
            Some(_) => here.clone(),
            None => match here.as_str() {
                "--interval" | "--stats-interval" | "--metrics-port" => {
                    format!("icloud-sync bisync {here} 60")
                }
                "--include" | "--exclude" => format!("icloud-sync bisync {here} x"),
                "--version" => "icloud-sync --version".to_owned(),
                _ => format!("icloud-sync bisync {here}"),
            },
        };
        if let Err(error) = Cli::try_parse_from(line.split(' ')) {
            let is_version = error.kind() == clap::error::ErrorKind::DisplayVersion;
            assert!(is_version, "{line}\n{error}");
        }
    }
}

#[test]
fn every_suffix_of_a_package_is_named() {
    for suffix in icloud_sync::tree::PACKAGE_SUFFIXES {
        assert!(README.contains(&format!("`.{suffix}`")), "{suffix}");
    }
}

/// The text of all sources below a folder.
fn sources(folder: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.expect("a folder of this project").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).expect("a source of this project"))
        .collect()
}

#[test]
fn the_tests_behind_each_promise_are_there() {
    let all = sources("src") + &sources("tests");
    let (_, tables) = README
        .split_once("### What is defended")
        .expect("a section");
    let (tables, _) = tables.split_once("### Benchmarks").expect("a section");
    let mut count = 0;
    for line in tables.lines().filter(|line| line.starts_with('|')) {
        let cell = line.trim_end_matches([' ', '|']).rsplit('|').next();
        for name in cell.unwrap_or_default().split('`').skip(1).step_by(2) {
            assert!(
                all.contains(&format!("fn {name}()")),
                "no test {name}: {line}"
            );
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}
