//! What a newcomer reads: the help of every command, as a snapshot, 100 columns wide.

// A build without the emulator has fewer commands.
#![cfg(feature = "emulator")]

use clap::CommandFactory as _;
use icloud_sync::cli::Cli;

/// The long help of a command, or of the program.
fn help(name: Option<&str>) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    match name {
        None => command.render_long_help().to_string(),
        Some(name) => command
            .find_subcommand_mut(name)
            .expect("the tests name commands that are there")
            .render_long_help()
            .to_string(),
    }
}

#[test]
fn the_program() {
    insta::assert_snapshot!(help(None));
}

#[test]
fn login() {
    insta::assert_snapshot!(help(Some("login")));
}

#[test]
fn ls() {
    insta::assert_snapshot!(help(Some("ls")));
}

#[test]
fn pull() {
    insta::assert_snapshot!(help(Some("pull")));
}

#[test]
fn bisync() {
    insta::assert_snapshot!(help(Some("bisync")));
}

#[test]
fn emulator() {
    insta::assert_snapshot!(help(Some("emulator")));
}

#[test]
fn each_argument_of_each_command_has_a_summary_line_that_fits() {
    let mut command = Cli::command();
    command.build();
    for command in command.get_subcommands().chain([&command]) {
        for argument in command.get_arguments() {
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let place = format!("{} {}", command.get_name(), argument.get_id());
            assert!(!help.is_empty(), "{place} has no help");
            assert!(help.len() <= 90, "{place}: {help}");
            assert!(!help.ends_with('.'), "{place}: {help}");
            for name in argument.get_value_names().unwrap_or_default() {
                let is_shown = argument.get_action().takes_values();
                let is_upper = *name == name.to_uppercase().as_str();
                assert!(!is_shown || is_upper, "{place}: {name}");
            }
        }
    }
}

#[test]
fn check() {
    insta::assert_snapshot!(help(Some("check")));
}
