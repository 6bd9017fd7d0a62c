//! Comparing both sides without a baseline and without transferring content.
//!
//! Comes in: what a pass takes. Goes out: every difference, and what could not be compared. Size and kind are in
//! the listings; the content of files of equal size is compared by hashing the local one and asking for the remote
//! one's signature (protocol page 9.9). It takes no lock and writes nothing but measured limits of the service.

use std::time::Instant;

use super::{Listings, Pass, Tools, learned::Learned, places::Places};
use crate::{
    error::{Error, Kind as ErrorKind, Result},
    exec::disk::Disk,
    options::PassOptions,
    plan::{Facts, Inquiry, Side, Verb},
    state::{
        PairFiles,
        baseline::Baseline,
        lock::{Lock, Of},
    },
    tree::{Freeze, Kind, Left, Listing, LocalItem, RelPath, RemoteItem},
};

/// Times of one content are equal within this: the service keeps whole seconds (protocol page 10).
const SAME_TIME_MS: u64 = 1_000;

/// What the comparison of one path came to, where it is not "alike".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is there remotely.
    OnlyLocal,
    /// Nothing is there locally.
    OnlyRemote,
    /// A file on one side, a folder on the other.
    Kind,
    /// Files of different length.
    Size,
    /// Files of one length, but of different content.
    Content,
    /// Files of one length whose contents can't be compared, and whose times differ.
    Time,
    /// A package, which is a folder here and one file there: not compared, by rule.
    Package,
    /// Could not be compared; the text says why.
    Unclear(String),
}

impl Finding {
    /// Returns whether the sides differ, as against not being comparable.
    pub fn is_difference(&self) -> bool {
        match self {
            Self::OnlyLocal
            | Self::OnlyRemote
            | Self::Kind
            | Self::Size
            | Self::Content
            | Self::Time => true,
            Self::Package | Self::Unclear(_) => false,
        }
    }
}

/// One path that is not alike on both sides.
#[derive(Debug, Clone)]
pub struct Found {
    /// The path as people should see it (not yet escaped for terminals).
    pub shown: String,
    /// What was found.
    pub finding: Finding,
    /// The local item, where there is one.
    pub local: Option<LocalItem>,
    /// The remote item, where there is one.
    pub remote: Option<RemoteItem>,
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub struct Compared {
    /// What is not alike, sorted by path.
    pub found: Vec<Found>,
    /// Items that are alike.
    pub alike: usize,
    /// Of those, files whose times differ.
    pub other_time: usize,
    /// Of those, files whose content could not be compared, and whose size and time are the same.
    pub by_time: usize,
    /// Items skipped by rule (links, special files, shared items).
    pub skipped_by_rule: usize,
    /// Requests made to the service.
    pub requests: u64,
    /// How long it took, ms.
    pub elapsed_ms: u64,
}

impl Compared {
    /// Returns how many paths differ.
    pub fn different(&self) -> usize {
        let differ = self.found.iter().filter(|one| one.finding.is_difference());
        differ.count()
    }

    /// Returns the exit code: 3 where something differs or could not be compared. A package is neither.
    pub fn exit_code(&self) -> u8 {
        let is_alike = (self.found.iter()).all(|one| one.finding == Finding::Package);
        if is_alike { 0 } else { 3 }
    }

    fn add(&mut self, finding: Finding, local: Option<&LocalItem>, remote: Option<&RemoteItem>) {
        let path = local
            .map(|item| &item.path)
            .or(remote.map(|item| &item.path));
        self.found.push(Found {
            shown: path.map(ToString::to_string).unwrap_or_default(),
            finding,
            local: local.cloned(),
            remote: remote.cloned(),
        });
    }
}

/// Compares both sides.
///
/// # Errors
/// `Usage` where LOCAL or REMOTE does not exist; `Locked` while a pass of the pair runs; whatever keeps a side from
/// being listed; `Stopped`.
pub fn check(options: &PassOptions, tools: &Tools<'_>) -> Result<Compared> {
    let begun = Instant::now();
    // Nothing is to be sent, so what differs in case alone can be compared.
    let options = &PassOptions {
        verb: Verb::Pull,
        ..options.clone()
    };
    let places = Places::find(options, tools.remote)?;
    let files = PairFiles::new(
        &options.state_dir,
        &places.local,
        &options.remote,
        options.state_file.as_deref(),
    );
    let _lock = Lock::look(&files.lock, Of::Pass)?;
    let missing = |text: String, hint: &str| Error::new(ErrorKind::Usage, text).with_hint(hint);
    let Some(root) = places.existing_local() else {
        let text = format!("LOCAL \"{}\" does not exist", options.local.display());
        return Err(missing(text, "give the folder that is to be compared"));
    };
    let Some(remote_root) = places.remote.clone() else {
        let text = format!(
            "REMOTE \"{}\" does not exist in iCloud Drive",
            options.remote
        );
        return Err(missing(text, "`icloud-sync ls` shows what there is"));
    };
    let pass = Pass {
        options,
        tools,
        places,
        files: &files,
        begun,
    };
    let filter = super::look::filter(options, &pass.places.local, pass.files)?;
    let mut learned = Learned::load(&options.state_dir, tools.account);
    let listings = pass.list(
        &Baseline::default(),
        &filter,
        Some(&root),
        &remote_root,
        &mut learned,
    )?;
    let disk = Disk::open(&root, options.links, &listings.local)?;
    let (pairs, inquiry) = pair_up(&listings);
    let mut facts = Facts::default();
    pass.answer(&inquiry, &listings, Some(&disk), &mut facts)?;
    let has_agreed = (pairs.iter()).any(|pair| pair.agrees(&facts) == Some(true));
    learned.is_signature_proven |= has_agreed;
    let mut compared = compare(&pairs, &facts, learned.is_signature_proven);
    for (side, left) in (listings.local.left.iter().map(|left| (Side::Local, left)))
        .chain(listings.remote.left.iter().map(|left| (Side::Remote, left)))
    {
        if !left.why.is_problem() {
            compared.skipped_by_rule += 1;
            continue;
        }
        compared.found.push(Found {
            shown: left.shown.clone(),
            finding: Finding::Unclear(why(side, left)),
            local: None,
            remote: None,
        });
    }
    compared.found.sort_by(|a, b| a.shown.cmp(&b.shown));
    pass.keep(&mut learned);
    compared.requests = (tools.requests)();
    compared.elapsed_ms = super::millis(begun.elapsed());
    Ok(compared)
}

fn why(side: Side, left: &Left) -> String {
    let what = match &left.why {
        Freeze::Unknown(why) => format!("could not be listed: {why}"),
        Freeze::NameClash(other) => format!("its name clashes with \"{other}\""),
        Freeze::BadName(why) => why.clone(),
        Freeze::NotAFile { .. } => "not a file or folder".to_owned(),
        Freeze::Shared => "part of a shared folder".to_owned(),
    };
    format!("{} side: {what}", side.as_str())
}

/// What stands at one path.
struct Pair<'a> {
    local: Option<&'a LocalItem>,
    remote: Option<&'a RemoteItem>,
}

impl Pair<'_> {
    /// Returns whether the contents are the same; `None` where their signatures don't tell.
    fn agrees(&self, facts: &Facts) -> Option<bool> {
        let (local, remote) = (self.local?, self.remote?);
        let here = facts.local.get(&local.path)?.as_ref().ok()?;
        let there = facts.remote.get(&remote.id)?.as_ref().ok()?.signature?;
        Some(*here == there)
    }
}

/// Puts together what has the same path, and asks what only content tells. What lies below something that one side leaves
/// alone, or that is a folder on one side only, is not looked at by itself.
fn pair_up(listings: &Listings) -> (Vec<Pair<'_>>, Inquiry) {
    let closed: Vec<&RelPath> = (listings.local.left.iter().chain(&listings.remote.left))
        .filter_map(|left| left.path.as_ref())
        .collect();
    let mut pairs = Vec::new();
    let mut inquiry = Inquiry::default();
    let mut mismatch: Option<&RelPath> = None;
    for (local, remote) in side_by_side(&listings.local, &listings.remote) {
        let path = match (local, remote) {
            (Some(item), _) => &item.path,
            (None, Some(item)) => &item.path,
            (None, None) => continue,
        };
        let is_below = |folder: &&RelPath| path.is_at_or_under(folder);
        if mismatch.as_ref().is_some_and(is_below) || closed.iter().any(is_below) {
            continue;
        }
        if let (Some(local), Some(remote)) = (local, remote) {
            match (local.kind, remote.kind) {
                (Kind::File, Kind::File) if local.size == remote.size && local.size > 0 => {
                    inquiry.local.insert(path.clone());
                    inquiry.remote.insert(remote.id.clone());
                }
                (Kind::File, Kind::File) | (Kind::Folder, Kind::Folder) => {}
                _ => {
                    mismatch = Some(path);
                    if remote.kind == Kind::File && remote.size > 0 {
                        inquiry.remote.insert(remote.id.clone());
                    }
                }
            }
        }
        pairs.push(Pair { local, remote });
    }
    (pairs, inquiry)
}

/// Walks both listings in the order of their paths.
fn side_by_side<'a>(
    local: &'a Listing<LocalItem>,
    remote: &'a Listing<RemoteItem>,
) -> impl Iterator<Item = (Option<&'a LocalItem>, Option<&'a RemoteItem>)> {
    let mut here = local.items().iter().peekable();
    let mut there = remote.items().iter().peekable();
    std::iter::from_fn(move || {
        let order = match (here.peek(), there.peek()) {
            (Some(a), Some(b)) => a.path.cmp(&b.path),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return None,
        };
        Some(match order {
            std::cmp::Ordering::Less => (here.next(), None),
            std::cmp::Ordering::Equal => (here.next(), there.next()),
            std::cmp::Ordering::Greater => (None, there.next()),
        })
    })
}

fn compare(pairs: &[Pair<'_>], facts: &Facts, is_proven: bool) -> Compared {
    let mut compared = Compared::default();
    for pair in pairs {
        let (local, remote) = match (pair.local, pair.remote) {
            (Some(local), Some(remote)) => (local, remote),
            (Some(_), None) => {
                compared.add(Finding::OnlyLocal, pair.local, None);
                continue;
            }
            (None, _) => {
                compared.add(Finding::OnlyRemote, None, pair.remote);
                continue;
            }
        };
        let has_same_time = remote.modified_ms.is_some_and(|there| {
            local.mtime_ns.div_euclid(1_000_000).abs_diff(there) <= SAME_TIME_MS
        });
        let finding = match (local.kind, remote.kind) {
            (Kind::Folder, Kind::Folder) => None,
            (Kind::File, Kind::File) if local.size != remote.size => Some(Finding::Size),
            (Kind::File, Kind::File) if local.size == 0 => None,
            (Kind::File, Kind::File) => {
                let unread = facts
                    .local
                    .get(&local.path)
                    .and_then(|one| one.as_ref().err());
                let unsaid = facts
                    .remote
                    .get(&remote.id)
                    .and_then(|one| one.as_ref().err());
                match (unread.or(unsaid), pair.agrees(facts)) {
                    (Some(why), _) => Some(Finding::Unclear(why.clone())),
                    (None, Some(true)) => None,
                    // Only where the formula is proven, another signature means another content.
                    (None, Some(false)) if is_proven => Some(Finding::Content),
                    (None, _) if has_same_time => {
                        compared.by_time += 1;
                        None
                    }
                    (None, _) => Some(Finding::Time),
                }
            }
            _ => Some(match facts.remote.get(&remote.id) {
                Some(Ok(fact)) if fact.is_package => Finding::Package,
                Some(Err(why)) => Finding::Unclear(why.clone()),
                Some(Ok(_)) | None => Finding::Kind,
            }),
        };
        if let Some(finding) = finding {
            compared.add(finding, Some(local), Some(remote));
        } else {
            compared.alike += 1;
            compared.other_time += usize::from(local.kind == Kind::File && !has_same_time);
        }
    }
    compared
}
