//! The Drive verbs over HTTP.
//!
//! Verbs of [`Remote`] come in, requests of protocol pages 8 and 9 go out through a [`Wire`]. What an
//! answer says is checked here, item by item, before anything is taken as done: HTTP 200 alone
//! proves nothing. There is no call in here that deletes for good (hazard 1), and none that is sent
//! again when its answer was lost.

mod content;
mod listing;
mod parts;
mod shares;
mod write;

use std::{io::Read, ops::Range, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use self::shares::Shares;
use super::{
    Batches, Commit, Content, FolderAnswer, FolderProbe, Node, Remote, Staged, Target, Token,
    http::{Api, Effect, Host},
    limit::Size,
};
use crate::{
    error::{Error, Result},
    tree::{DocId, Kind, RemoteId, Zone},
};

/// Documents in one batch of tokens at first. One client uses 5; the limit is not known (protocol page 9.4).
pub const TOKEN_BATCH: usize = 10;
/// Documents in one batch of tokens at most: their addresses expire.
pub const MOST_TOKENS: usize = 50;
/// Items in one read by id (page 8.2: several at once are inferred only).
pub const READS: usize = 50;

/// What carries the verbs' requests. [`Api`] does it; tests write the answers by hand.
pub trait Wire: Sync {
    /// Sends JSON and reads JSON.
    ///
    /// # Errors
    /// As [`Api::post_json`].
    fn post<T: DeserializeOwned>(
        &self,
        host: Host,
        path: &str,
        body: &(impl Serialize + ?Sized),
        effect: Effect,
    ) -> Result<T>;

    /// Reads JSON.
    ///
    /// # Errors
    /// As [`Api::get_json`].
    fn get<T: DeserializeOwned>(&self, host: Host, path: &str) -> Result<T>;

    /// Fetches content.
    ///
    /// # Errors
    /// As [`Api::content_get`].
    fn fetch(&self, url: &str, from: u64, until: Option<u64>) -> Result<Content>;

    /// Sends content, and returns the answer's body.
    ///
    /// # Errors
    /// As [`Api::content_post`].
    fn send(
        &self,
        url: &str,
        length: u64,
        content_type: &str,
        body: impl Read + Send + 'static,
    ) -> Result<Vec<u8>>;

    /// Waits so many seconds.
    ///
    /// # Errors
    /// `Stopped`.
    fn pause(&self, seconds: u32) -> Result<()>;

    /// Waits before something is tried again.
    ///
    /// # Errors
    /// As [`Remote::again`].
    fn again(&self, n: u32, why: Error) -> Result<()>;

    /// Returns how often the service has refused because of the load.
    fn refusals(&self) -> u64;
}

impl Wire for Arc<Api> {
    fn post<T: DeserializeOwned>(
        &self,
        host: Host,
        path: &str,
        body: &(impl Serialize + ?Sized),
        effect: Effect,
    ) -> Result<T> {
        self.post_json(host, path, body, effect)
    }

    fn get<T: DeserializeOwned>(&self, host: Host, path: &str) -> Result<T> {
        self.get_json(host, path)
    }

    fn fetch(&self, url: &str, from: u64, until: Option<u64>) -> Result<Content> {
        self.content_get(url, from, until)
    }

    fn send(
        &self,
        url: &str,
        length: u64,
        content_type: &str,
        body: impl Read + Send + 'static,
    ) -> Result<Vec<u8>> {
        self.content_post(url, length, content_type, body)
    }

    fn pause(&self, seconds: u32) -> Result<()> {
        Api::pause(self, seconds)
    }

    fn again(&self, n: u32, why: Error) -> Result<()> {
        Api::again(self, n, why)
    }

    fn refusals(&self) -> u64 {
        Api::refusals(self)
    }
}

/// An account's iCloud Drive.
pub struct Drive<W = Arc<Api>> {
    wire: W,
    tokens: Size,
    reads: Size,
    shares: Shares,
}

impl<W: Wire> Drive<W> {
    /// Speaks through `wire`. Asks nothing yet.
    pub fn new(wire: W) -> Self {
        Self {
            wire,
            tokens: Size::new(TOKEN_BATCH, MOST_TOKENS),
            reads: Size::new(READS, READS),
            shares: Shares::default(),
        }
    }

    /// Returns what carries the requests.
    pub fn wire(&self) -> &W {
        &self.wire
    }
}

impl<W: Wire> Remote for Drive<W> {
    fn refusals(&self) -> u64 {
        self.wire.refusals()
    }

    fn again(&self, n: u32, why: Error) -> Result<()> {
        self.wire.again(n, why)
    }

    fn batches(&self) -> Batches {
        Batches {
            tokens: self.tokens.now(),
            most_tokens: self.tokens.most(),
            reads: self.reads.now(),
            most_reads: self.reads.most(),
        }
    }

    fn recall(&self, batches: Batches) {
        self.tokens.begin_at(batches.tokens, batches.most_tokens);
        self.reads.begin_at(batches.reads, batches.most_reads);
    }

    fn list(&self, folders: &[RemoteId]) -> Result<Vec<FolderAnswer>> {
        self.list_folders(folders)
    }

    fn probe(&self, folders: &[RemoteId]) -> Result<Vec<FolderProbe>> {
        self.probe_folders(folders)
    }

    fn list_trash(&self) -> Result<Vec<Node>> {
        self.trashed_items()
    }

    fn read(&self, items: &[(RemoteId, Kind)]) -> Result<Vec<Option<Node>>> {
        self.read_items(items)
    }

    fn tokens(&self, zone: &Zone, docs: &[DocId]) -> Result<Vec<Result<Token>>> {
        self.download_tokens(zone, docs)
    }

    fn fetch(&self, token: &Token, from: u64) -> Result<Content> {
        self.wire.fetch(&token.url, from, None)
    }

    fn fetch_part(&self, token: &Token, part: Range<u64>) -> Result<Content> {
        self.wire.fetch(&token.url, part.start, Some(part.end))
    }

    fn stage(
        &self,
        zone: &Zone,
        name: &str,
        size: u64,
        open: &mut dyn FnMut() -> Result<Box<dyn Read + Send>>,
    ) -> Result<Staged> {
        self.stage_content(zone, name, size, open)
    }

    fn commit(
        &self,
        staged: &Staged,
        what: &Commit<'_>,
        folder: &RemoteId,
        name: &str,
        size: u64,
        modified_ms: i64,
    ) -> Result<Node> {
        self.commit_content(staged, what, folder, name, size, modified_ms)
    }

    fn create_folders(&self, parent: &RemoteId, names: &[&str]) -> Result<Vec<Result<Node>>> {
        self.make_folders(parent, names)
    }

    fn rename(&self, item: &Target, name: &str) -> Result<Node> {
        self.rename_item(item, name)
    }

    fn relocate(&self, items: &[Target], folder: &RemoteId) -> Result<Vec<Result<Node>>> {
        self.move_items(items, folder)
    }

    fn trash(&self, items: &[Target]) -> Result<Vec<Result<Node>>> {
        self.trash_items(items)
    }

    fn put_back(&self, items: &[Target]) -> Result<Vec<Result<Node>>> {
        self.put_items_back(items)
    }
}

impl<W> std::fmt::Debug for Drive<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drive")
            .field("tokens", &self.tokens)
            .field("reads", &self.reads)
            .finish_non_exhaustive()
    }
}

/// Writes what may stand in a path segment or a query value without a meaning of its own; ids may
/// hold `#` (protocol page 8.4).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    let digit = char::from_digit(u32::from(nibble), 16);
                    out.extend(digit.map(|digit| digit.to_ascii_uppercase()));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
