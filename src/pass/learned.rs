//! What was found out about the service and is worth knowing next time; never needed.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    cloud::Batches,
    error::Result,
    exec::Limits,
    scan::remote::ListLimits,
    state::{create_private, hash, replace_file},
    tree::{RemoteItem, Signature},
};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    is_signature_proven: bool,
    #[serde(default)]
    list_chunk: Option<usize>,
    #[serde(default)]
    listers: Option<usize>,
    #[serde(default)]
    transfers: Option<usize>,
    #[serde(default)]
    write_run: Option<usize>,
    #[serde(default)]
    token_batch: Option<usize>,
    /// When the account's storage was found full, RFC 3339.
    #[serde(default)]
    full_since: Option<String>,
    #[serde(default)]
    read_batch: Option<usize>,
    /// What a probe has measured: the largest that the service takes, or that was tried.
    #[serde(default)]
    most_folders: Option<usize>,
    #[serde(default)]
    most_tokens: Option<usize>,
    #[serde(default)]
    most_reads: Option<usize>,
    /// What is in packages that were fetched only to be compared: id and version, signature.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    trees: BTreeMap<String, String>,
}

/// So many packages are remembered; then it begins anew.
const MOST_TREES: usize = 1_000;

/// Names one version of one package.
fn version(item: &RemoteItem) -> String {
    format!("{} {}", item.id.file_drivewsid(), item.etag.as_str())
}

/// What was found out about an account's service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Learned {
    path: PathBuf,
    stored: Stored,
    /// The formula of content signatures has agreed with the service at least once.
    pub(crate) is_signature_proven: bool,
    /// How many folders go into one listing request.
    pub(crate) limits: ListLimits,
    /// How many transfers and writes it takes at once.
    pub(crate) exec: Limits,
    /// How many things go into other requests.
    pub(crate) batches: Batches,
    full_since: Option<String>,
    trees: BTreeMap<String, String>,
}

impl Learned {
    /// Loads it; what can't be read counts as not known.
    pub(crate) fn load(state_dir: &Path, account: &str) -> Self {
        let path = state_dir
            .join("learned")
            .join(format!("{}.json", hash(&[account])));
        let stored: Stored = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let or = |stored: Option<usize>, new: usize| stored.map_or(new, |n| n.clamp(1, 1_024));
        let (listing, exec) = (ListLimits::default(), Limits::default());
        let batches = Batches::default();
        Self {
            path,
            is_signature_proven: stored.is_signature_proven,
            limits: ListLimits {
                chunk: or(stored.list_chunk, listing.chunk),
                most: or(stored.most_folders, listing.most),
                listers: or(stored.listers, listing.listers),
            },
            exec: Limits {
                transfers: or(stored.transfers, exec.transfers),
                write_run: or(stored.write_run, exec.write_run),
            },
            full_since: stored.full_since.clone(),
            trees: stored.trees.clone(),
            batches: Batches {
                tokens: or(stored.token_batch, batches.tokens),
                most_tokens: or(stored.most_tokens, batches.most_tokens),
                reads: or(stored.read_batch, batches.reads),
                most_reads: or(stored.most_reads, batches.most_reads),
            },
            stored,
        }
    }

    /// Returns when the account's storage was found full, for people; `None` where it was not, or has taken something
    /// since.
    pub(super) fn full_since(&self) -> Option<String> {
        let at: jiff::Timestamp = self.full_since.as_deref()?.parse().ok()?;
        let at = at.to_zoned(jiff::tz::TimeZone::system());
        Some(at.strftime("%Y-%m-%d %H:%M").to_string())
    }

    /// Returns what is known to be in a version of a package.
    pub(super) fn tree(&self, item: &RemoteItem) -> Option<Signature> {
        Signature::from_wire(self.trees.get(&version(item))?)
    }

    /// Notes what is in a version of a package, so that it need not be fetched again to be compared.
    pub(super) fn remember_tree(&mut self, item: &RemoteItem, tree: Signature) {
        if self.trees.len() >= MOST_TREES {
            self.trees.clear();
        }
        self.trees.insert(version(item), tree.to_wire());
    }

    /// Notes whether a pass has found the account's storage full.
    pub(super) fn found_full(&mut self, is_full: bool) {
        self.full_since = is_full.then(|| jiff::Timestamp::now().to_string());
    }

    /// Saves it, if it is not as it was.
    ///
    /// # Errors
    /// `Local` or `DiskFull`.
    pub(crate) fn save(&self) -> Result<()> {
        let other = |now: usize, new: usize| (now != new).then_some(now);
        let (listing, exec) = (ListLimits::default(), Limits::default());
        let batches = Batches::default();
        let now = Stored {
            is_signature_proven: self.is_signature_proven,
            list_chunk: other(self.limits.chunk, listing.chunk),
            listers: other(self.limits.listers, listing.listers),
            transfers: other(self.exec.transfers, exec.transfers),
            write_run: other(self.exec.write_run, exec.write_run),
            full_since: self.full_since.clone(),
            token_batch: other(self.batches.tokens, batches.tokens),
            read_batch: other(self.batches.reads, batches.reads),
            most_folders: other(self.limits.most, listing.most),
            most_tokens: other(self.batches.most_tokens, batches.most_tokens),
            most_reads: other(self.batches.most_reads, batches.most_reads),
            trees: self.trees.clone(),
        };
        if now == self.stored {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            create_private(folder)?;
        }
        replace_file(&self.path, |out| Ok(serde_json::to_writer(out, &now)?))
    }
}

impl fmt::Display for Learned {
    /// In words, for a report.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proven = if self.is_signature_proven {
            "proven"
        } else {
            "not proven yet"
        };
        write!(
            f,
            "{} folders in a listing, {} listings and {} transfers at once to begin with, {} addresses in a batch; checksums {proven}",
            self.limits.chunk, self.limits.listers, self.exec.transfers, self.batches.tokens
        )
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Etag, Kind, RelPath, RemoteId};

    fn package(etag: &str) -> RemoteItem {
        RemoteItem {
            path: RelPath::parse("a.pages").unwrap(),
            kind: Kind::File,
            size: 1,
            modified_ms: None,
            id: RemoteId::root(),
            etag: Etag::new(etag),
            name: None,
            is_fixed: false,
            is_lent: false,
        }
    }

    #[test]
    fn what_was_learned_is_known_next_time() {
        let tree = Signature::of(b"1");
        let folder = tempfile::tempdir().unwrap();
        let mut learned = Learned::load(folder.path(), "me");
        assert!(!learned.is_signature_proven);
        learned.save().unwrap();
        assert!(!folder.path().join("learned").exists());
        learned.is_signature_proven = true;
        learned.limits.chunk = 12;
        learned.limits.listers = 3;
        learned.exec.transfers = 20;
        learned.exec.write_run = 512;
        learned.found_full(true);
        learned.batches.tokens = 5;
        learned.batches.most_tokens = 7;
        learned.batches.reads = 1;
        learned.batches.most_reads = 2;
        learned.limits.most = 120;
        learned.remember_tree(&package("1"), tree);
        learned.save().unwrap();
        let again = Learned::load(folder.path(), "me");
        assert!(again.is_signature_proven);
        assert_eq!((again.limits, again.exec), (learned.limits, learned.exec));
        assert_eq!(again.tree(&package("1")), Some(tree));
        assert_eq!(again.tree(&package("2")), None);
        assert!(again.full_since().is_some());
        assert_eq!(again.batches, learned.batches);
        assert!(!Learned::load(folder.path(), "you").is_signature_proven);
    }
}
