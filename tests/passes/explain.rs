//! Why a path is treated as it is.

use std::fs;

use serde_json::Value;

use super::world::{Ran, World};

fn explain(world: &World, args: &[&str]) -> Ran {
    world.run([&["explain", "--local", "local"], args].concat())
}

#[track_caller]
fn says(world: &World, path: &str, words: &str) {
    let ran = explain(world, &[path]).code(0);
    assert!(
        ran.stdout.contains(words),
        "no {words:?} in\n{}",
        ran.stdout
    );
}

#[test]
fn each_path_has_its_reason() {
    let world = World::new();
    for name in [
        "same",
        "edited",
        "gone here",
        "gone there",
        "both",
        "docs/a",
    ] {
        // Long ago: what was modified just before the pass is looked at again by the next.
        world.write_at(name, name, 1_700_000_000);
    }
    world.pass("bisync", &[]).code(0);
    world.write("edited", "edited here");
    fs::remove_file(world.local().join("gone here")).unwrap();
    world.drive.trash("gone there").unwrap();
    world.write("both", "edited here too");
    world.drive.write("both", "edited there too").unwrap();
    world.drive.rename("docs", "papers").unwrap();
    world.write("build/x.tmp", "x");
    std::os::unix::fs::symlink("same", world.local().join("link")).unwrap();
    fs::write(world.local().join(".icloud-sync-ignore"), "*.tmp\n").unwrap();
    let before = (world.local_tree(), world.remote_etags());
    says(
        &world,
        "same",
        "nothing to do: both sides are as the baseline has them",
    );
    says(&world, "edited", "upload edited (11 B): changed locally");
    says(&world, "gone here", "deleted locally");
    says(&world, "gone there", "deleted remotely");
    says(&world, "both", "changed on both sides: the");
    says(&world, "docs/a", "docs/ -> papers/: moved remotely");
    says(&world, "papers/a", "docs/ -> papers/: moved remotely");
    says(&world, "build/x.tmp", ".icloud-sync-ignore");
    says(&world, "link", "left alone: a symbolic link (locally)");
    let full = world.local().join("edited");
    says(&world, full.to_str().unwrap(), "upload edited");
    let pull = explain(&world, &["edited", "--verb", "pull"]).code(0);
    assert!(!pull.stdout.contains("upload"), "{}", pull.stdout);
    let json = explain(&world, &["both", "--json"]).code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["is_conflict"], true);
    assert_eq!(json["baseline"]["size"], 4);
    explain(&world, &["nothing"])
        .code(2)
        .says("there is no \"nothing\"");
    explain(&world, &["/etc/passwd"])
        .code(2)
        .says("not below LOCAL");
    explain(&world, &["../x"]).code(2);
    assert_eq!((world.local_tree(), world.remote_etags()), before);
}

#[test]
fn a_path_of_another_pair_is_told_with_what_to_type() {
    let world = World::new();
    world.write("a", "1");
    world.run(["push", "local", "/there"]).code(0);
    let path = world.local().join("a");
    let command = format!(
        "`icloud-sync explain {} --local {} --remote /there`",
        path.display(),
        world.local().display()
    );
    world
        .run(["explain", path.to_str().unwrap(), "--local", "elsewhere"])
        .code(2)
        .says("not below LOCAL")
        .says(&command);
    world
        .run([
            "explain",
            path.to_str().unwrap(),
            "--local",
            "local",
            "--remote",
            "/there",
        ])
        .code(0);
}

#[test]
fn a_guard_that_would_stop_the_pass_is_named() {
    let world = World::new();
    for number in 0..8 {
        world.write(&format!("{number}"), "x");
    }
    world.pass("bisync", &[]).code(0);
    for number in 0..7 {
        fs::remove_file(world.local().join(format!("{number}"))).unwrap();
    }
    says(&world, "3", "deleted locally");
    says(&world, "3", "guard     would stop the pass before: ");
}

#[test]
fn what_takes_no_part_is_there_all_the_same() {
    let world = World::new();
    let package: &[(&str, &[u8])] = &[("index.xml", b"x"), ("Data/a.jpg", b"picture")];
    world.drive.mkpackage("Doc.pages", package).unwrap();
    world.drive.add_share("Team", "_bob").unwrap();
    world.drive.write("Team/plan.txt", "plan").unwrap();
    world.pass("bisync", &[]).code(0);
    for path in [
        ".DS_Store",
        "t.tmp",
        "secret/key",
        "Clash",
        "clash",
        ".icloud-sync/x",
    ] {
        world.write(path, "12345");
    }
    fs::write(world.local().join(".icloud-sync-ignore"), "*.tmp\n").unwrap();
    std::os::unix::fs::symlink("t.tmp", world.local().join("link")).unwrap();
    let takes_no_part = |path: &str, more: &[&str], there: &str, why: &str| {
        let ran = explain(&world, &[&[path], more].concat()).code(0);
        let line = |name: &str| {
            let mut lines = ran.stdout.lines().map(str::trim_start);
            let found = lines.find_map(|line| line.strip_prefix(name));
            found.unwrap_or_default().trim_start().to_owned()
        };
        let local = line("local");
        assert!(local.starts_with(there), "{path}: {local}");
        assert!(local.ends_with("; it takes no part"), "{path}: {local}");
        assert_eq!(line("bisync"), why, "{path}");
        line("remote")
    };
    let unseen = "not looked at: it takes no part";
    let hidden = "neither copied nor deleted, on either side";
    let out = |rule: &str| format!("left out: {rule}; {hidden}");
    let file = world.local().join(".icloud-sync-ignore");
    for (path, more, there, why) in [
        (
            ".DS_Store",
            &[][..],
            "file, 5 B",
            out("the default ignores (--no-default-ignores lifts them)"),
        ),
        (
            "t.tmp",
            &[],
            "file, 5 B",
            out(&format!("the line \"*.tmp\" of {}", file.display())),
        ),
        (
            ".icloud-sync",
            &[],
            "folder, ",
            out("it is icloud-sync's own"),
        ),
        (
            "secret/key",
            &["--exclude", "secret"],
            "file, 5 B",
            format!("left out with the folder secret/: --exclude \"secret\"; {hidden}"),
        ),
        (
            "t.tmp",
            &["--include", "*.md", "--exclude", "x"],
            "file, 5 B",
            out(&format!("the line \"*.tmp\" of {}", file.display())),
        ),
        (
            "clash",
            &["--include", "*.md"],
            "file, 5 B",
            out("no --include pattern matches it"),
        ),
    ] {
        assert_eq!(takes_no_part(path, more, there, &why), unseen, "{path}");
    }
    for (path, there, why) in [
        (
            "link",
            "symbolic link, ",
            "left alone: a symbolic link (locally)",
        ),
        (
            "clash",
            "file, 5 B",
            "left alone: name clash with \"Clash\" (locally)",
        ),
    ] {
        assert_eq!(takes_no_part(path, &[], there, why), "nothing there");
    }
    let none = ["Team/plan.txt", "--shares", "skip"];
    let none = explain(&world, &none).code(0).stdout;
    assert!(
        none.contains("remote    not looked at: its folder is left alone")
            && none.contains("left alone with Team: part of a shared folder (remotely)"),
        "{none}"
    );
    // What is inside of a package goes with it.
    let part = "part of the package Doc.pages, which is one thing";
    says(&world, "Doc.pages/Data/a.jpg", part);
    says(
        &world,
        "Doc.pages/Data/a.jpg",
        "local     file, 7 B, modified",
    );
    says(&world, "Doc.pages/Data/a.jpg", "nothing to do");
    world.write("Doc.pages/index.xml", "changed");
    says(&world, "Doc.pages/index.xml", part);
    says(
        &world,
        "Doc.pages/index.xml",
        "left as it is with Doc.pages: a package can be received but not sent",
    );
    world.drive.trash("Doc.pages").unwrap();
    says(&world, "Doc.pages/Data/a.jpg", part);
    let json = explain(&world, &["Doc.pages/Data/a.jpg", "--json"]).code(0);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["package"], "Doc.pages");
    assert_eq!(json["on_disk"]["size"], 7);
}
