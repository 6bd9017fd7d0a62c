use std::{fs, io::Write as _, process};

use super::*;
use crate::report::Console;

fn unit(is_watch: bool) -> Unit {
    Unit {
        name: "docs".into(),
        program: "/usr/bin/true".into(),
        verb: Verb::Bisync,
        pair: vec![
            "/home/anna/My Docs 100%".into(),
            "/Docs \"$HOME\" \\".into(),
        ],
        more: vec!["--conflict".into(), "keep-both".into()],
        local: "/home/anna/My Docs 100%".into(),
        writes: vec!["/home/anna/.local/state/icloud-sync".into()],
        env: vec![("HTTPS_PROXY".into(), "http://proxy:3128".into())],
        interval: 600,
        is_watch,
    }
}

#[test]
fn units_are_as_written_down() {
    let all: Vec<String> = [false, true]
        .into_iter()
        .flat_map(|is_watch| unit(is_watch).files())
        .map(|(name, text)| format!("==> {name}\n{text}"))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// Where the machine has systemd's own checker.
#[test]
fn systemd_finds_nothing_to_complain_about() {
    let folder = tempfile::tempdir().unwrap();
    for is_watch in [false, true] {
        for (name, text) in unit(is_watch).files() {
            let mut file = fs::File::create(folder.path().join(&name)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
        let file = folder.path().join(unit(is_watch).started());
        let ran = process::Command::new("systemd-analyze")
            .args(["verify", "--user"])
            .arg(file)
            .env("XDG_RUNTIME_DIR", folder.path())
            .output();
        let Ok(output) = ran else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        let own: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("icloud-sync"))
            .collect();
        assert!(own.is_empty(), "{own:?}");
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn a_name_is_made_of_what_a_unit_may_be_called() {
    assert_eq!(name_of("My Docs (old)"), "my-docs-old");
    assert_eq!(name_of("Übung"), "bung");
    assert_eq!(name_of("/"), "default");
}

#[test]
fn what_somebody_else_wrote_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut ours = unit(true);
    ours.local = folder.path().to_path_buf();
    let path = folder.path().join("icloud-sync-docs.service");
    fs::write(&path, "[Service]\n").unwrap();
    let console = Console::new(
        Box::new(std::io::sink()),
        Box::new(std::io::sink()),
        indicatif::ProgressDrawTarget::hidden(),
    );
    assert_eq!(
        install(&ours, folder.path(), &console).unwrap_err().kind(),
        Kind::Exists
    );
    assert_eq!(
        remove("docs", folder.path(), &console).unwrap_err().kind(),
        Kind::Exists
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "[Service]\n");
    assert_eq!(
        remove("other", folder.path(), &console).unwrap_err().kind(),
        Kind::Usage
    );
    ours.local = folder.path().join("missing");
    assert_eq!(
        install(&ours, folder.path(), &console).unwrap_err().kind(),
        Kind::Usage
    );
}

#[test]
fn a_mistake_in_the_options_is_told_at_once() {
    let check = |unit: &Unit| expect_sensible(unit, &mut Layers::default());
    check(&unit(true)).unwrap();
    for (more, said, why) in [
        (
            &["--exlude", "x"][..],
            "`icloud-sync bisync --once --exlude x",
            "unexpected argument '--exlude' found",
        ),
        (
            &["--metrics-http"],
            "`icloud-sync bisync --once --metrics-http",
            "--metrics-http has no effect without --watch",
        ),
        (
            &["--delete"],
            "`icloud-sync bisync --once --delete",
            "unexpected argument '--delete' found",
        ),
    ] {
        let mut wrong = unit(false);
        wrong.more = more.iter().map(|&word| word.to_owned()).collect();
        let error = check(&wrong).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        let text = error.to_string();
        assert!(text.contains(said), "{text}");
        assert!(text.ends_with(why), "{text}");
    }
    let mut watch = unit(true);
    watch.more = vec!["--metrics-http".into()];
    check(&watch).unwrap();
}
