//! `doctor --probe`: answers the open questions of protocol page 15 by trying them out, in a folder of its own at the root of
//! iCloud Drive.
//!
//! Comes in: a session that holds. Goes out: a finding for each question, and what the program can use of the answers
//! among what it has learned. The folder goes to Recently Deleted at the end, whatever happened meanwhile: also after
//! an error, and after Ctrl-C. Its name is one that passes leave alone on both sides. Requests and time are bounded. What it
//! never does: touch anything outside of that folder, delete for good, or sign in.

mod bound;
mod etags;
mod lab;
mod listing;
mod names;
mod recent;
mod search;
mod tokens;
mod writes;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    bound::Bound,
    lab::{Lab, Measured},
};
use super::{Finding, Subject, Verdict, network};
use crate::{
    auth::{self, session},
    cloud::{FolderAnswer, Node, Remote, Target, drive::Drive, endpoint::Endpoint, until_free},
    error::{Error, Kind as ErrorKind, Result},
    options::AccountOptions,
    pass::{Learned, owner},
    report::words,
    scan::filter::OWN_PREFIX,
    stop::Stop,
    tree::{Kind, RemoteId},
};

/// Requests at most, the clean-up not counted.
const REQUESTS: u32 = 400;
/// After so long no new request is begun, but for the clean-up.
const TIME: Duration = Duration::from_secs(300);
/// So often the folder is looked for and moved to the trash, where others change it meanwhile.
const CLEANINGS: u32 = 5;

type Measure = fn(&mut Lab<'_>) -> Result<Measured>;

/// The questions: section of the protocol page, the question, and who measures it.
const QUESTIONS: [(&str, &str, Measure); 13] = [
    ("15.1 listing", "folders in one listing", listing::limit),
    (
        "15.1 reads",
        "items read by id in one request",
        listing::reads,
    ),
    ("15.2 etags", "what changes a folder's etag", etags::spread),
    (
        "15.3 partial",
        "listings of ids and etags only",
        listing::partial,
    ),
    (
        "15.4 addresses",
        "documents in one request for addresses",
        tokens::limit,
    ),
    (
        "9.9 checksums",
        "whether the formula of the checksums holds",
        tokens::checksums,
    ),
    (
        "15.5 recent",
        "what the list of recent documents tells of",
        recent::changes,
    ),
    (
        "15.6 in place",
        "an update of a file that was trashed meanwhile",
        writes::in_place,
    ),
    (
        "15.6 taken name",
        "a move onto a name that is taken",
        writes::taken_name,
    ),
    (
        "15.7 stale etag",
        "trashing with an etag that is out of date",
        writes::stale_trash,
    ),
    (
        "15.8 SRP",
        "which padding the sign-in wants",
        names::padding,
    ),
    (
        "15.9 names",
        "where names are split into name and extension",
        names::splits,
    ),
    (
        "15.10 China",
        "which identity host China needs",
        names::china,
    ),
];

/// Returns a finding where the checks before have shown that a probe would come to nothing, or nothing may be changed.
pub fn hindrance(found: &[Finding], is_dry: bool) -> Option<Finding> {
    if is_dry {
        let why = "not begun: the settings ask for dry runs (DRY_RUN), and a probe makes a folder";
        return Some(Finding::skipped("probe", why));
    }
    let needed = ["session", "listing", "documents", "storage"];
    let is_well = |name: &&str| {
        found
            .iter()
            .any(|it| it.name == *name && matches!(it.verdict, Verdict::Ok | Verdict::Warning))
    };
    let missing: Vec<&str> = needed.into_iter().filter(|name| !is_well(name)).collect();
    (!missing.is_empty()).then(|| {
        let why = format!("not begun: look at {} above first", missing.join(", "));
        Finding::skipped("probe", why)
    })
}

/// Measures all. `tell` hears of each finding as it is made.
///
/// # Errors
/// `SignIn` where there is no session; `Usage`; `Stopped`, after the folder is in the trash.
pub fn run(subject: &Subject<'_>, tell: &mut dyn FnMut(&Finding)) -> Result<Vec<Finding>> {
    const NAME: &str = "clean-up";
    let begun = Instant::now();
    let endpoint = Endpoint::new(subject.account.endpoint.as_deref(), subject.account.region)?;
    let api = auth::resume(subject.account, subject.stop)?;
    api.begin_pass();
    let owner = owner(&api.dsid(), &endpoint);
    let mut learned = Learned::load(&subject.account.state_dir, &owner);
    let before = learned.clone();
    let name = unique_name()?;
    let mut all = Vec::new();
    let mut add = |finding: Finding| {
        tell(&finding);
        all.push(finding);
    };
    add(Finding::ok(
        "probe",
        format!(
            "measuring in a folder \"{name}\" at the root of iCloud Drive, with {REQUESTS} requests and {} s at most",
            TIME.as_secs()
        ),
    ));
    let drive = Drive::new(Bound::new(Arc::clone(&api), REQUESTS, begun + TIME));
    measure(&drive, &name, &endpoint, &mut learned, &mut add);
    drop(drive);
    // The clean-up begins with the session as it is now.
    if let Err(error) = api.keep_session() {
        log::warn!("cannot save the session: {}", error.chain());
    }
    let requests = usize::try_from(api.requests()).unwrap_or(usize::MAX);
    drop(api);
    add(match clean_up(subject.account, &name) {
        Ok(()) => Finding::ok(
            NAME,
            format!(
                "\"{name}\" is in iCloud's Recently Deleted; {}, {}",
                words::count(requests, "request"),
                words::time(begun.elapsed())
            ),
        ),
        Err(error) => Finding::failed(
            NAME,
            format!(
                "\"{name}\" is still at the root of iCloud Drive: {}",
                error.chain()
            ),
            "delete it there by hand; it holds nothing but what was tried out",
        ),
    });
    if learned != before {
        learned.save()?;
    }
    subject.stop.check()?;
    Ok(all)
}

/// Makes the folder and goes through the questions.
fn measure(
    drive: &Drive<Bound>,
    name: &str,
    endpoint: &Endpoint,
    learned: &mut Learned,
    add: &mut dyn FnMut(Finding),
) {
    let mut lab = match Lab::open(drive, name, endpoint, learned) {
        Ok(lab) => lab,
        Err(error) => {
            add(network::of_error(
                "probe",
                &error.in_context("cannot make the folder"),
            ));
            return;
        }
    };
    let mut given_up: Option<&str> = None;
    for (name, question, measure) in QUESTIONS {
        if let Some(why) = given_up {
            add(Finding::skipped(name, format!("{question}: {why}")));
            continue;
        }
        match measure(&mut lab) {
            Ok(measured) => add(measured.finding(name, question)),
            Err(error) => {
                let is_over = drive.wire().is_used_up();
                given_up = if error.kind() == ErrorKind::Stopped {
                    Some("stopped by a signal")
                } else if error.kind() == ErrorKind::SignIn {
                    Some("the session has ended")
                } else {
                    is_over.then_some("the bound of requests or time is reached")
                };
                add(not_measured(name, question, &error));
            }
        }
    }
}

fn not_measured(name: &'static str, question: &str, error: &Error) -> Finding {
    let finding = network::of_error(name, error);
    let later = "run it again later; if it stays so, tell the project, with this report";
    let way_out = if finding.needs_sign_in {
        finding.way_out
    } else {
        Some(later.to_owned())
    };
    Finding {
        found: format!("{question}: not measured: {}", finding.found),
        way_out,
        ..finding
    }
}

/// A name that nobody else has, and that passes leave alone on both sides.
fn unique_name() -> Result<String> {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let random: String = session::uuid()?.chars().take(8).collect();
    Ok(format!("{OWN_PREFIX}probe-{now}-{random}"))
}

/// Moves the folder to the trash, whether or not it is known to have been made. A signal does not keep it from that: it has
/// a connection of its own.
fn clean_up(account: &AccountOptions, name: &str) -> Result<()> {
    let stop = Stop::new();
    let api = auth::resume(account, &stop)?;
    api.begin_pass();
    let drive = Drive::new(Arc::clone(&api));
    let mut last = Error::new(ErrorKind::Other, "it comes back");
    for n in 0..CLEANINGS {
        let done = find(&drive, name).and_then(|found| {
            let Some(found) = found else {
                return Ok(true);
            };
            let target = [target(&found)];
            let trashed = until_free(&drive, || drive.trash(&target))?;
            trashed.into_iter().collect::<Result<Vec<_>>>()?;
            Ok(false)
        });
        match done {
            Ok(true) => return Ok(()),
            // It is looked for once more.
            Ok(false) => {}
            Err(error) => {
                log::debug!("cleaning up: {}", error.chain());
                last = error;
                api.pause(n)?;
            }
        }
    }
    match find(&drive, name)? {
        None => Ok(()),
        Some(_) => Err(last),
    }
}

fn find(drive: &Drive, name: &str) -> Result<Option<Node>> {
    match drive.list(&[RemoteId::root()])?.pop() {
        Some(FolderAnswer::Whole { children, .. }) => Ok(children
            .into_iter()
            .find(|node| node.kind == Kind::Folder && node.name == name)),
        Some(FolderAnswer::Odd(why)) => Err(Error::new(ErrorKind::Temporary, why)),
        Some(FolderAnswer::Gone) | None => {
            let why = "the root of iCloud Drive is not there";
            Err(Error::new(ErrorKind::Protocol, why))
        }
    }
}

/// What a write needs to know of an item.
fn target(node: &Node) -> Target {
    Target {
        id: node.id.clone(),
        kind: node.kind,
        etag: node.etag.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{options::FilterOptions, scan::filter::Filter, tree::RelPath};

    #[test]
    fn the_folder_has_a_name_of_its_own_that_no_setting_lets_a_pass_touch() {
        let name = unique_name().unwrap();
        assert_ne!(name, unique_name().unwrap());
        let options = FilterOptions {
            include: vec!["**".to_owned()],
            no_default_ignores: true,
            ..FilterOptions::default()
        };
        let filter = Filter::new(&options, Path::new("/nonexistent")).unwrap();
        assert!(filter.hides(&RelPath::parse(&name).unwrap(), true));
    }

    #[test]
    fn a_probe_is_not_begun_where_it_would_come_to_nothing() {
        let well = ["session", "listing", "documents", "storage"].map(|name| Finding::ok(name, ""));
        assert_eq!(hindrance(&well, false), None);
        assert!(hindrance(&well, true).unwrap().found.contains("DRY_RUN"));
        let mut full = well.clone();
        full[3] = Finding::failed("storage", "full", "");
        let found = hindrance(&full, false).unwrap();
        assert_eq!(found.verdict, Verdict::Skipped);
        assert!(found.found.contains("storage"), "{found:?}");
        assert!(hindrance(&well[1..], false).is_some());
    }
}
