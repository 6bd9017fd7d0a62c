//! `doctor`: the findings as lines for people, or as JSON for programs. All goes to stdout: the report is what was asked
//! for, and it can be given away.

use serde_json::{Value, json};

use crate::{
    doctor::{Finding, Veil, Verdict},
    report::{Console, sanitize::for_terminal, words},
};

/// Shows how the report begins.
pub fn begin(console: &Console, is_json: bool) {
    if !is_json {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC");
        console.print(&format!("icloud-sync doctor, {now}\n"));
    }
}

/// Shows one finding.
pub fn show(console: &Console, veil: &Veil, finding: &Finding, is_json: bool) {
    let found = veil.over(&finding.found);
    let way_out = finding.way_out.as_ref().map(|text| veil.over(text));
    if is_json {
        let line = json!({
            "type": "finding",
            "name": finding.name,
            "verdict": finding.verdict.as_str(),
            "found": found,
            "way_out": way_out,
            "needs_sign_in": finding.needs_sign_in,
            "kept": finding.kept,
        });
        console.print(&format!("{line}\n"));
        return;
    }
    let mut text = format!(
        "{:<8} {:<15} {}\n",
        shown(finding.verdict),
        finding.name,
        for_terminal(&found)
    );
    if let Some(kept) = &finding.kept {
        words::push(&mut text, format_args!("{:<24} kept: {kept}\n", ""));
    }
    if let Some(way_out) = way_out {
        words::push(
            &mut text,
            format_args!("{:<24} -> {}\n", "", for_terminal(&way_out)),
        );
    }
    console.print(&text);
}

/// What is not well stands out.
fn shown(verdict: Verdict) -> String {
    match verdict {
        Verdict::Failed => "FAILED".to_owned(),
        Verdict::Warning => "WARNING".to_owned(),
        Verdict::Ok | Verdict::Skipped => verdict.as_str().to_owned(),
    }
}

/// Shows the sum.
pub fn end(console: &Console, findings: &[Finding], exit_code: u8, is_json: bool) {
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    let (ok, warnings, failed, skipped) = (
        count(Verdict::Ok),
        count(Verdict::Warning),
        count(Verdict::Failed),
        count(Verdict::Skipped),
    );
    if is_json {
        let line: Value = json!({
            "type": "summary",
            "verb": "doctor",
            "exit_code": exit_code,
            "ok": ok,
            "warnings": warnings,
            "failed": failed,
            "skipped": skipped,
        });
        console.print(&format!("{line}\n"));
        return;
    }
    console.print(&format!(
        "{}: {ok} ok, {}, {failed} failed, {skipped} skipped\n",
        words::count(findings.len(), "check"),
        words::count(warnings, "warning"),
    ));
}
