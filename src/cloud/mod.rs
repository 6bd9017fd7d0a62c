//! The remote side: what can be asked of iCloud Drive, and the client that asks it.
//!
//! [`Remote`] is the list of verbs that listings and execution need. [`drive`] speaks them to the
//! service over [`http`]; the tests' model world speaks them from memory. Every verb is safe to call
//! from many threads. A verb does its own retries, as far as protocol page 11.1 allows: when it
//! returns an error of kind [`crate::error::Kind::Lost`], a write may or may not have been applied and
//! the caller must read back by id before anything else.

pub(crate) mod answer;
pub mod drive;
pub mod endpoint;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod fuzz;
pub mod http;
pub mod jar;
pub mod limit;
mod node;
mod pace;
mod rate;
pub mod wire;

use std::{io::Read, ops::Range};

use crate::{
    cloud::pace::TRIES,
    error::{Error, Kind as ErrorKind, Result},
    tree::{DocId, Etag, Kind, RemoteId, Signature, Zone},
};

/// An item as one answer of the service shows it; not yet placed in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its identity.
    pub id: RemoteId,
    /// File or folder; a package looks like a file (protocol page 8.4).
    pub kind: Kind,
    /// Full name with extension, as the service has it.
    pub name: String,
    /// The folder it is in; `None` for the root and where the answer did not say.
    pub parent: Option<RemoteId>,
    /// Whether it lies in iCloud's Recently Deleted (`parentId` is `TRASH_ROOT`).
    pub is_trashed: bool,
    /// The version mark.
    pub etag: Etag,
    /// Content length in bytes; 0 for folders.
    pub size: u64,
    /// `dateModified`, ms since 1970 UTC.
    pub modified_ms: Option<i64>,
    /// An app library: can't be renamed, moved or trashed.
    pub is_fixed: bool,
    /// The account's own, and it has shared it with others (protocol page 8.9).
    pub is_lent: bool,
    /// Shared by another account in a way that is not known here: skipped by rule. What can be asked for has the zone of
    /// its share instead ([`Zone::is_share`]).
    pub is_shared: bool,
    /// Of a type that the program does not know: skipped by rule.
    pub is_foreign: bool,
    /// Of a trashed item: where it was, as the service tells it.
    pub restore_path: Option<String>,
    /// Of a trashed item: when the service will delete it, ms since 1970 UTC.
    pub expires_ms: Option<i64>,
}

/// What became of one folder that was asked for.
#[derive(Debug)]
pub enum FolderAnswer {
    /// Its children, whole: their number is as the answer says.
    Whole {
        /// The folder itself.
        folder: Box<Node>,
        /// Its children, in the answer's order.
        children: Vec<Node>,
    },
    /// The service does not know it (`ID_INVALID`): gone, or not to be seen.
    Gone,
    /// The answer for it is not to be relied on; the text says why.
    Odd(String),
}

/// What became of one folder that was asked for with ids and etags only.
#[derive(Debug)]
pub enum FolderProbe {
    /// The folder itself, and its children's ids and etags.
    Whole {
        /// The folder itself, in full.
        folder: Box<Node>,
        /// Children: id and version mark, in the answer's order.
        children: Vec<(RemoteId, Kind, Etag)>,
    },
    /// As [`FolderAnswer::Gone`].
    Gone,
    /// As [`FolderAnswer::Odd`].
    Odd(String),
}

/// Where a file's content can be fetched.
#[derive(Clone)]
pub struct Token {
    /// The item it is for.
    pub doc: DocId,
    /// Absolute address; itself the credential, so it is never shown or logged.
    pub url: String,
    /// The content is a package, and comes as a zip.
    pub is_package: bool,
    /// The signature of the content, where it has the plain form.
    pub signature: Option<Signature>,
    /// The version that the content belongs to (`double_etag`), where the answer says.
    pub etag: Option<Etag>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("doc", &self.doc)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// Content on its way: a reader, and the offset at which it begins.
pub struct Content {
    /// The bytes.
    pub body: Box<dyn Read + Send>,
    /// Offset of the first byte; 0 if a range was asked for and the service sent all instead.
    pub offset: u64,
    /// Length of the body in bytes, where the answer says.
    pub length: Option<u64>,
}

/// Returns whether content broke off since it came too slowly: that some of it has come then is no step forward.
pub fn came_too_slowly(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    source.is_some_and(|error: &std::io::Error| error.kind() == std::io::ErrorKind::TimedOut)
}

/// Content that was sent, and is not yet part of any document (protocol page 9.7).
#[derive(Clone)]
pub struct Staged {
    /// The id that a new document will get; ignored for an update in place.
    pub doc: DocId,
    /// The service's signature of what it received, where it has the plain form.
    pub signature: Option<Signature>,
    /// The answer's own words, given back at the commit.
    pub receipt: wire::SingleFile,
}

/// A new name for an item: what `renameItems` and `moveItems` need to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The item.
    pub id: RemoteId,
    /// File, folder or package.
    pub kind: Kind,
    /// The version mark last seen.
    pub etag: Etag,
}

/// What a commit makes of staged content.
#[derive(Debug, Clone)]
pub enum Commit<'a> {
    /// A new document, refused where the name is taken (`allow_conflict: false`).
    Create,
    /// A new version of this document, which keeps its id. The service checks nothing: read the
    /// etag back just before (protocol page 9.8, hazard 2).
    Update(&'a DocId),
}

/// How many things one request may hold, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// Documents in a request for tokens.
    pub tokens: usize,
    /// The same, at most.
    pub most_tokens: usize,
    /// Items in a request that reads them by id.
    pub reads: usize,
    /// The same, at most.
    pub most_reads: usize,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            tokens: drive::TOKEN_BATCH,
            most_tokens: drive::MOST_TOKENS,
            reads: drive::READS,
            most_reads: drive::READS,
        }
    }
}

/// The verbs of iCloud Drive.
pub trait Remote: Sync {
    /// Returns how often the service has refused because of the load so far (429, 503), whichever thread it was.
    fn refusals(&self) -> u64 {
        0
    }

    /// Waits before something is tried again after its `n`th failure in a row, from 0, as long as the kind of `why` asks
    /// for (`Busy`, a `Retry-After`, else as after a network error), and takes one retry of the pass's budget.
    ///
    /// # Errors
    /// `why`, where it was tried often enough, the budget is used up, or the service asks for too long a wait;
    /// `Stopped`.
    fn again(&self, n: u32, why: Error) -> Result<()> {
        if n + 1 >= TRIES { Err(why) } else { Ok(()) }
    }

    /// Returns how many things one request may hold now.
    fn batches(&self) -> Batches {
        Batches::default()
    }

    /// Begins with what was found earlier.
    fn recall(&self, _batches: Batches) {}

    /// Lists folders, many in one request; answers in the order of `folders`.
    ///
    /// # Errors
    /// When the request as a whole failed after its retries. A single odd folder is no error.
    fn list(&self, folders: &[RemoteId]) -> Result<Vec<FolderAnswer>>;

    /// Lists folders with ids and etags only; answers in the order of `folders`.
    ///
    /// # Errors
    /// As [`Self::list`].
    fn probe(&self, folders: &[RemoteId]) -> Result<Vec<FolderProbe>>;

    /// Returns the trash's top-level items.
    ///
    /// # Errors
    /// When the request failed after its retries, or the answer is not whole.
    fn list_trash(&self) -> Result<Vec<Node>>;

    /// Reads items by id; `None` where the service does not know one. In the order of `items`.
    ///
    /// # Errors
    /// When a request failed after its retries.
    fn read(&self, items: &[(RemoteId, Kind)]) -> Result<Vec<Option<Node>>>;

    /// Gets download tokens for non-empty files of one zone, in the order of `docs`. An inner error
    /// is of that file alone.
    ///
    /// # Errors
    /// When everything failed for one reason (not signed in, network away).
    fn tokens(&self, zone: &Zone, docs: &[DocId]) -> Result<Vec<Result<Token>>>;

    /// Fetches content from byte `from` on. No cookie and no header of the service goes along.
    ///
    /// # Errors
    /// `Refused` where the address has expired; `Protocol` for an address that is not a content
    /// host's.
    fn fetch(&self, token: &Token, from: u64) -> Result<Content>;

    /// Fetches a part of a content, from its first byte up to, not including, its last. What comes may be longer, and
    /// may begin at another byte: [`Content::offset`] tells.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    fn fetch_part(&self, token: &Token, part: Range<u64>) -> Result<Content> {
        self.fetch(token, part.start)
    }

    /// Gets a slot and sends content of exactly `size` bytes to it. Nothing is visible after it.
    /// `open` is called again for each try.
    ///
    /// # Errors
    /// `Changed` where the content was shorter or longer than `size`, or `open` failed so.
    fn stage(
        &self,
        zone: &Zone,
        name: &str,
        size: u64,
        open: &mut dyn FnMut() -> Result<Box<dyn Read + Send>>,
    ) -> Result<Staged>;

    /// Commits staged content as the file `name` in `folder`, and returns the document as it is now
    /// (its parent may be absent). `modified_ms` is stored to whole seconds.
    ///
    /// # Errors
    /// `Exists` where a new file's name is taken; `NotFound` where folder or zone is not right any
    /// more; `Busy`; `Lost`.
    fn commit(
        &self,
        staged: &Staged,
        what: &Commit<'_>,
        folder: &RemoteId,
        name: &str,
        size: u64,
        modified_ms: i64,
    ) -> Result<Node>;

    /// Creates folders in one parent; an answer for each name, in order. `Exists` where the service
    /// answered `UNKNOWN`: the name is most likely taken.
    ///
    /// # Errors
    /// When the request failed as a whole; `Lost` where it may have been applied.
    fn create_folders(&self, parent: &RemoteId, names: &[&str]) -> Result<Vec<Result<Node>>>;

    /// Renames an item. The returned name tells whether the service numbered it.
    ///
    /// # Errors
    /// `Lost`, `Busy`, or the item's own refusal.
    fn rename(&self, item: &Target, name: &str) -> Result<Node>;

    /// Moves items of one zone into `folder`; an answer for each, in order.
    ///
    /// # Errors
    /// `Lost`, `Busy`; an inner error is of that item alone.
    fn relocate(&self, items: &[Target], folder: &RemoteId) -> Result<Vec<Result<Node>>>;

    /// Moves items to iCloud's Recently Deleted; an answer for each, in order. Success is only what
    /// shows `TRASH_ROOT` as its parent; `Changed` where the etag was stale (hazard 3).
    ///
    /// # Errors
    /// `Lost`, `Busy`; an inner error is of that item alone.
    fn trash(&self, items: &[Target]) -> Result<Vec<Result<Node>>>;

    /// Puts items back from Recently Deleted. Place and name may differ from before: read them.
    ///
    /// # Errors
    /// `Lost`, `Busy`; an inner error is of that item alone.
    fn put_back(&self, items: &[Target]) -> Result<Vec<Result<Node>>>;
}

/// Makes a write again while its zone is busy, which says that it was not applied (protocol page 11.2).
///
/// # Errors
/// Those of `write`; `Busy` where it stays so.
pub fn until_free<T>(remote: &dyn Remote, mut write: impl FnMut() -> Result<T>) -> Result<T> {
    for n in 0.. {
        match write() {
            Err(error) if error.kind() == ErrorKind::Busy => remote.again(n, error)?,
            done => return done,
        }
    }
    write()
}
