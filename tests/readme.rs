//! What the README says holds: its commands parse, its tables and files are those of the program.

use std::collections::BTreeSet;

use clap::Parser as _;
use icloud_sync::{
    cli::{Cli, Command},
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
    let table: BTreeSet<_> = README
        .lines()
        .skip_while(|line| !line.starts_with("| name | meaning | default |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('`').nth(1).unwrap())
        .collect();
    assert_eq!(table, environment_names().into_iter().collect());
}

#[test]
fn the_environment_table_has_the_defaults_of_the_code() {
    let mut seen = 0;
    for line in README.lines().filter(|line| line.starts_with("| `")) {
        let name = line.split('`').nth(1).unwrap();
        if let Some(default) = environment_default(name).filter(|text| !text.is_empty()) {
            let shown = line.rsplit('|').nth(1).unwrap().trim().trim_matches('`');
            assert_eq!(shown, default, "{name}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
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
    assert_eq!(pass.local, std::path::Path::new("/srv/photos"));
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
    let others = [
        "env-file",
        "help",
        "version",
        "region",
        "relogin",
        "no-auto-reauth",
        "listers",
    ];
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
