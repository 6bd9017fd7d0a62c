//! The whole matrix: what became of a thing here × what became of it there × what it is × the command line.
//!
//! The files beside this one are the table. A row is named after what happened on the local side and on the remote one;
//! below it each plan follows the command lines that come to it (`pull*`: with and without `--delete` and
//! `--delete-extra`, here `-d` and `-x`; `-`: no action). No row and no command line may be missing, and each is also
//! carried out, with the laws that hold in any world.

use super::{
    laws,
    table::{rules, short},
    world::World,
};

/// Command lines with the names that they have in the table.
const MODES: [(&str, &str); 7] = [
    ("bisync", "bisync"),
    ("pull", "pull"),
    ("pull -d", "pull --delete"),
    ("pull -x", "pull --delete-extra"),
    ("push", "push"),
    ("push -d", "push --delete"),
    ("push -x", "push --delete-extra"),
];

const POLICIES: [&str; 4] = ["prefer-newer", "prefer-local", "prefer-remote", "keep-both"];

/// What can have become of something: name, the local side then, the remote side then.
type States<'t> = &'t [(&'t str, &'t str, &'t str)];

const FILE: States<'_> = &[
    ("same", "a=1", "a=1"),
    ("touched", "a=1~", "a=1~"),
    ("modified", "a=2", "a=3"),
    ("deleted", "", ""),
    ("moved", "b=1<a", "c=1<a"),
    ("moved and modified", "b=2<a", "c=3<a"),
    ("made a folder", "a/ a/x=4!", "a/ a/y=5!"),
];

const FOLDER: States<'_> = &[
    ("same", "d/ d/x=1", "d/ d/x=1"),
    ("edited in it", "d/ d/x=2", "d/ d/x=3"),
    ("added to it", "d/ d/x=1 d/m=4", "d/ d/x=1 d/n=5"),
    ("emptied", "d/", "d/"),
    ("deleted", "", ""),
    ("moved", "e/<d e/x=1<d/x", "f/<d f/x=1<d/x"),
    ("made a file", "d=6", "d=7"),
];

const PACKAGE: States<'_> = &[
    ("same", "p@1", "p@1"),
    ("modified", "p@2", "p@3"),
    ("deleted", "", ""),
    ("moved", "q@1<p", "r@1<p"),
    ("made a file", "p=4", "p=5"),
];

/// Groups command lines that come to the same plan, in the order of [`MODES`].
fn grouped(plans: &[(&str, String)]) -> Vec<String> {
    let mut groups: Vec<(Vec<&str>, &str)> = Vec::new();
    for (mode, plan) in plans {
        match groups.iter_mut().find(|(_, other)| other == plan) {
            Some((modes, _)) => modes.push(mode),
            None => groups.push((vec![mode], plan)),
        }
    }
    let name = |modes: Vec<&str>| {
        let text = format!(" {} ", modes.join(", "));
        let text = ["pull", "push"].iter().fold(text, |text, verb| {
            text.replace(
                &format!(" {verb}, {verb} -d, {verb} -x"),
                &format!(" {verb}*"),
            )
        });
        text.trim().replace("bisync, pull*, push*", "all")
    };
    (groups.into_iter())
        .map(|(modes, plan)| {
            let plan = if plan.is_empty() { "-" } else { plan };
            format!("{}: {plan}", name(modes))
        })
        .collect()
}

/// Plans for one world under all command lines, and carries each plan out.
fn row(name: &str, more: &str, sides: [&str; 3], wrong: &mut Vec<String>) -> Vec<String> {
    let [base, local, remote] = sides;
    let mut plans = Vec::new();
    for (mode, line) in MODES {
        let (rules, _) = rules(&format!("{line} {more}"));
        let mut world = World::new(base, local, remote);
        world.fold(rules);
        plans.push((mode, short(&world.plan(rules))));
        if let Err(why) = laws::pass(&mut world, rules) {
            wrong.push(format!("{name}: {line} {more}\n  {why}"));
        }
    }
    grouped(&plans)
}

/// Makes the table's text for a thing that both sides had, then for what comes to one of them or to both.
fn text(base: &str, states: States<'_>, created: &[(&str, &str, &str)]) -> String {
    let mut wrong = Vec::new();
    let mut lines = Vec::new();
    let mut add = |name: String, sides: [&str; 3]| {
        let plans = row(&name, "", sides, &mut wrong);
        lines.push(name);
        lines.extend(plans.into_iter().map(|line| format!("    {line}")));
    };
    for (here, local, _) in states {
        for (there, _, remote) in states {
            add(format!("{here} | {there}"), [base, local, remote]);
        }
    }
    for (name, local, remote) in created {
        add((*name).to_owned(), ["", local, remote]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    lines.join("\n") + "\n"
}

/// Compares a table with what the planner does, row by row.
#[track_caller]
fn compare(is: &str, to_be: &str) {
    let rows = |text: &str| -> Vec<String> {
        let text = text.replace("\n    ", "\r    ");
        text.lines().map(|row| row.replace('\r', "\n")).collect()
    };
    let (is, to_be) = (rows(is), rows(to_be));
    let wrong: Vec<String> = (is.iter().filter(|row| !to_be.contains(row)))
        .map(|row| format!("it is so:\n{row}"))
        .chain(
            (to_be.iter().filter(|row| !is.contains(row))).map(|row| format!("to be so:\n{row}")),
        )
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(is, to_be, "the rows come in order, each once");
}

#[test]
fn a_file_in_every_mode() {
    let created = [
        ("nothing | created", "", "a=3"),
        ("created | nothing", "a=2", ""),
        ("created | created, equal", "a=2", "a=2:90"),
        ("created | created, other", "a=2", "a=3"),
        ("created | a folder created", "a=2", "a/ a/y=5"),
        ("a folder created | created", "a/ a/x=4", "a=3"),
    ];
    compare(
        &text("a=1", FILE, &created),
        include_str!("matrix/file.txt"),
    );
}

#[test]
fn a_folder_in_every_mode() {
    let created = [
        ("nothing | created", "", "d/ d/n=5"),
        ("created | nothing", "d/ d/m=4", ""),
        ("created | created", "d/ d/m=4", "d/ d/n=5"),
    ];
    compare(
        &text("d/ d/x=1", FOLDER, &created),
        include_str!("matrix/folder.txt"),
    );
}

#[test]
fn a_package_in_every_mode() {
    let created = [
        ("nothing | created", "", "p@3"),
        ("a file created | created", "p=2", "p@3"),
        ("a folder created | created", "p/ p/x=2", "p@3"),
    ];
    compare(
        &text("p@1", PACKAGE, &created),
        include_str!("matrix/package.txt"),
    );
}

#[test]
fn a_conflict_under_every_policy_in_every_mode() {
    let mut wrong = Vec::new();
    let mut lines = Vec::new();
    for (whose, base) in [("modified", "a.x=1 z=9"), ("created", "z=9")] {
        for (who, local, remote) in [
            ("the local one is newer", "a.x=5 z=9", "a.x=4 z=9"),
            ("the remote one is newer", "a.x=4 z=9", "a.x=5 z=9"),
            ("a tie", "a.x=5:50 z=9", "a.x=4:51 z=9"),
        ] {
            lines.push(format!("{whose} on both sides, {who}"));
            for policy in POLICIES {
                let plans = row(
                    &lines[lines.len() - 1].clone(),
                    policy,
                    [base, local, remote],
                    &mut wrong,
                );
                lines.extend(
                    plans
                        .into_iter()
                        .map(|line| format!("    {policy}: {line}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    compare(
        &(lines.join("\n") + "\n"),
        include_str!("matrix/policies.txt"),
    );
}
