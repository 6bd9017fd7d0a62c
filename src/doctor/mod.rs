//! `doctor`: what works here and what does not, as a list of findings.
//!
//! Comes in: the settings as a pass would have them. Goes out: a [`Finding`] for each check, in the order of the checks;
//! one function makes one finding (or one for each host). Texts go through the [`Veil`], so that the report can be
//! given away. What it never does: ask a person, sign in, save a session, or leave a file behind. What it
//! writes to try a folder out lies in a folder of its own there, which is removed.

mod account;
mod folder;
mod local;
mod machine;
mod network;
pub mod probe;
mod service;
mod state;
mod trial;
pub mod veil;

use std::path::PathBuf;

use crate::{
    cloud::endpoint::Endpoint,
    doctor::{account::Signed, network::Line},
    error::Result,
    options::{AccountOptions, Env},
    stop::Stop,
};
pub use veil::Veil;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, with something to know.
    Warning,
    /// Passes can't work, or not safely.
    Failed,
    /// Not looked at, since something before it is missing.
    Skipped,
}

impl Verdict {
    /// Returns the word for it, for people and programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub name: &'static str,
    /// What it came to.
    pub verdict: Verdict,
    /// What was found, in words.
    pub found: String,
    /// What to do about it; for what is not `Ok`, where something can be done.
    pub way_out: Option<String>,
    /// It failed for want of a sign-in only.
    pub needs_sign_in: bool,
    /// What the program makes of it from now on, where it was measured for that.
    pub kept: Option<String>,
}

impl Finding {
    fn new(name: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict,
            found: found.into(),
            way_out: None,
            needs_sign_in: false,
            kept: None,
        }
    }

    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, found)
    }

    fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self::new(name, Verdict::Skipped, why)
    }

    fn warning(name: &'static str, found: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            way_out: Some(way_out.into()),
            ..Self::new(name, Verdict::Warning, found)
        }
    }

    fn failed(name: &'static str, found: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            way_out: Some(way_out.into()),
            ..Self::new(name, Verdict::Failed, found)
        }
    }

    fn sign_in(name: &'static str, found: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self {
            needs_sign_in: true,
            ..Self::failed(name, found, way_out)
        }
    }
}

/// Returns the exit code of a list of findings: 3 where a check failed, 4 where nothing but a sign-in is missing.
pub fn exit_code(findings: &[Finding]) -> u8 {
    let failed = |is_sign_in: bool| {
        findings
            .iter()
            .any(|it| it.verdict == Verdict::Failed && it.needs_sign_in == is_sign_in)
    };
    match (failed(false), failed(true)) {
        (true, _) => 3,
        (false, true) => 4,
        (false, false) => 0,
    }
}

/// What is looked at.
pub struct Subject<'a> {
    /// The process's surroundings.
    pub env: &'a Env,
    /// LOCAL, as given.
    pub local: PathBuf,
    /// Whose Drive.
    pub account: &'a AccountOptions,
    /// Set by a signal.
    pub stop: &'a Stop,
}

/// Makes all checks. `tell` hears of each finding as it is made.
///
/// # Errors
/// `Usage` for a bad endpoint; `Stopped`.
pub fn examine(subject: &Subject<'_>, tell: &mut dyn FnMut(&Finding)) -> Result<Vec<Finding>> {
    let endpoint = Endpoint::new(subject.account.endpoint.as_deref(), subject.account.region)?;
    let mut all: Vec<Finding> = Vec::new();
    let mut add = |findings: Vec<Finding>| {
        findings.iter().for_each(&mut *tell);
        all.extend(findings);
        subject.stop.check()
    };
    add(vec![machine::program(), machine::system()])?;
    // Before anything is read there: reading makes private what was open to others.
    add(state::check(&subject.account.state_dir))?;
    add(local::check(&subject.local, &subject.account.state_dir))?;
    add(vec![
        network::certificates(subject.env, &endpoint),
        network::proxy(subject.env, &endpoint),
    ])?;
    let line = Line::new(&endpoint, subject.account, subject.stop);
    let (hosts, heard) = network::hosts(&line, &endpoint);
    let is_reached = hosts.iter().all(|it| it.verdict != Verdict::Failed);
    add(hosts)?;
    add(vec![network::clock(heard.as_ref())])?;
    let (findings, signed) = account::check(subject, line.as_ref().ok().filter(|_| is_reached));
    add(findings)?;
    match (&line, signed) {
        (Ok(line), Signed::In(session)) if is_reached => {
            let (listing, is_served) = service::listing(line, &session);
            add(vec![listing])?;
            add(if is_served {
                vec![
                    service::documents(line, &session),
                    service::storage(line, &session),
                ]
            } else {
                service::left_out(
                    &["documents", "storage"],
                    "the listing above comes to nothing",
                )
            })?;
            add(vec![service::limits(subject, &endpoint, &session)])?;
        }
        (_, signed) => {
            let why = if is_reached && !matches!(signed, Signed::In(_)) {
                "there is no session that works"
            } else {
                "the service can't be reached"
            };
            add(service::left_out(
                &["listing", "documents", "storage", "limits"],
                why,
            ))?;
        }
    }
    add(vec![state::passes(&subject.account.state_dir)])?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_counts_more_than_a_missing_sign_in() {
        let ok = Finding::ok("a", "well");
        let warning = Finding::warning("b", "odd", "look");
        let sign_in = Finding::sign_in("c", "nobody", "login");
        let failed = Finding::failed("d", "broken", "mend");
        let code =
            |all: &[&Finding]| exit_code(&all.iter().map(|it| (*it).clone()).collect::<Vec<_>>());
        assert_eq!(code(&[&ok, &warning]), 0);
        assert_eq!(code(&[&ok, &sign_in]), 4);
        assert_eq!(code(&[&sign_in, &failed, &warning]), 3);
    }
}
