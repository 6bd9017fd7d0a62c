//! Runs tables: a row is a name, a command line, the baseline and the two sides as text, and the plan expected.
//!
//! Each row is also carried out, with the laws that hold in any world.

use super::{laws, show, world::World};
use crate::plan::{Delete, Policy, Rules, Verb};

/// One row: name, command line, `[baseline, local, remote]`, plan.
pub(in crate::plan) type Case = (&'static str, &'static str, [&'static str; 3], &'static str);

/// Reads `pull --delete prefer-local hide:h`.
pub(in crate::plan) fn rules(line: &str) -> (Rules, Vec<String>) {
    let mut rules = Rules {
        verb: Verb::Bisync,
        policy: Policy::PreferNewer,
        delete: Delete::Nothing,
        checksum: false,
        writes_shares: false,
    };
    let mut hidden = Vec::new();
    for word in line.split_whitespace() {
        match word {
            "pull" => rules.verb = Verb::Pull,
            "push" => rules.verb = Verb::Push,
            "bisync" => rules.verb = Verb::Bisync,
            "--delete" => rules.delete = Delete::SinceBaseline,
            "--delete-extra" => rules.delete = Delete::Extra,
            "write-shares" => rules.writes_shares = true,
            "--checksum" => rules.checksum = true,
            "prefer-newer" => rules.policy = Policy::PreferNewer,
            "prefer-local" => rules.policy = Policy::PreferLocal,
            "prefer-remote" => rules.policy = Policy::PreferRemote,
            "keep-both" => rules.policy = Policy::KeepBoth,
            _ => hidden.push(word.strip_prefix("hide:").expect("a known word").to_owned()),
        }
    }
    (rules, hidden)
}

/// Writes a plan without the reasons why something was left.
pub(in crate::plan) fn short(plan: &crate::plan::Plan) -> String {
    let lines = show(plan);
    let short = lines.iter().map(|line| match line.split_once(": ") {
        Some((start, _)) if line.starts_with("keep ") || line.starts_with("problem ") => start,
        _ => line.as_str(),
    });
    short.collect::<Vec<_>>().join("; ")
}

/// Checks all rows, and tells of all that differ.
pub(in crate::plan) fn check(cases: &[Case]) {
    check_with(cases, |_| ());
}

/// Checks all rows in worlds that `change` has had a hand in.
pub(in crate::plan) fn check_with(cases: &[Case], change: impl Fn(&mut World)) {
    let mut wrong = Vec::new();
    for (name, line, [base, local, remote], expected) in cases {
        let (rules, hidden) = rules(line);
        let mut world = World::new(base, local, remote);
        world.hidden = hidden;
        change(&mut world);
        world.fold(rules);
        let plan = world.plan(rules);
        let found = short(&plan);
        if found != *expected {
            wrong.push(format!(
                "{name}: {line}\n     is: {found}\n  to be: {expected}"
            ));
        }
        if let Err(why) = laws::pass(&mut world, rules) {
            wrong.push(format!("{name}: {line}\n  {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
