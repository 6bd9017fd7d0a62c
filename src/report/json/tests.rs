use serde_json::{Value, json};

use super::*;
use crate::{
    error::Kind as ErrorKind,
    report::{
        console::tests::console,
        tests::{everything, play, summary, troubled},
    },
};

fn lines(dry_run: bool, end: &Summary) -> Vec<String> {
    let (console, out, err) = console();
    play(&Json::new(console), &everything(), dry_run, end);
    assert_eq!(err.text(), "");
    out.text().lines().map(str::to_owned).collect()
}

#[test]
fn a_pass_is_one_object_a_line_with_the_summary_last() {
    insta::assert_snapshot!(lines(false, &troubled()).join("\n"));
}

#[test]
fn each_line_is_an_object_with_a_type() {
    let all = lines(true, &summary());
    let types: Vec<String> = all
        .iter()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .into()
        })
        .collect();
    assert_eq!(types.first().unwrap(), "left");
    assert_eq!(types.last().unwrap(), "summary");
    assert_eq!(
        types.iter().filter(|t| *t == "action").count(),
        everything().actions.len()
    );
    assert!(!types.iter().any(|t| t == "outcome"));
}

fn read(line: &Line<'_>) -> Value {
    serde_json::from_str(&line.text()).unwrap()
}

#[test]
fn names_are_unchanged() {
    let plan = everything();
    let name = "evil\n\u{202e}gpj.exe";
    let at = plan
        .actions
        .iter()
        .position(|a| a.path.as_str() == name)
        .unwrap();
    assert_eq!(read(&action(at, &plan.actions[at]))["path"], name);
}

#[test]
fn an_outcome_carries_its_error() {
    let plan = everything();
    let failed = Outcome::Failed(
        Error::new(ErrorKind::DiskFull, "cannot write").with_source(std::io::Error::other("full")),
    );
    let value = read(&outcome(3, &plan.actions[3], &failed));
    assert_eq!(value["outcome"], "failed");
    assert_eq!(value["error"], "cannot write: full");
    let value = read(&outcome(3, &plan.actions[3], &Outcome::NotRun));
    assert_eq!(
        (&value["outcome"], &value["error"]),
        (&json!("not-run"), &Value::Null)
    );
}
