//! Remote content into a temp file: its address, one stream of bytes, hashed on the way, and verified whole.
//!
//! A stream that breaks off goes on where it broke; an address that has expired is renewed, and has to be for the same version.
//! What an earlier pass left is gone on with where a signature can vouch for the whole.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    sync::atomic::Ordering,
};

use sha2::{Digest, Sha256};

use super::{
    Run,
    disk::{self, Spot, changed},
    download::same_content,
    ranges,
};
use crate::{
    cloud::{Token, came_too_slowly},
    crash,
    error::{Error, Kind as ErrorKind, Result},
    report::Event,
    stop::Stop,
    tree::{RelPath, RemoteItem, Signature, SignatureHasher, names_package},
};

pub(super) const BUFFER: usize = 256 * 1024;

/// Makes the error of content that does not come to its end: the stop's own, where that is why.
pub(super) fn broke_off(path: &RelPath, error: io::Error, stop: &Stop) -> Error {
    let broken =
        || Error::new(ErrorKind::Temporary, format!("\"{path}\" broke off")).with_source(error);
    stop.check().err().unwrap_or_else(broken)
}

/// What identifies a content: its signature, and its SHA-256 where that is kept.
pub(super) type Digests = (Signature, Option<[u8; 32]>);

/// What has been hashed of a content on its way.
pub(super) struct Hashes {
    signature: SignatureHasher,
    sha256: Option<Sha256>,
}

impl Hashes {
    pub(super) fn new(with_sha256: bool) -> Self {
        Self {
            signature: SignatureHasher::new(),
            sha256: with_sha256.then(Sha256::new),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.signature.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    pub(super) fn finish(self) -> Digests {
        (
            self.signature.finish(),
            self.sha256.map(|sha256| sha256.finalize().into()),
        )
    }
}

impl Run<'_> {
    /// Gets the address of the content that was planned.
    pub(super) fn token(&self, number: usize, item: &RemoteItem) -> Result<Token> {
        let remote = self.exec.remote;
        let lead = self.transfers.now();
        let token = self
            .transfers
            .within(remote, || self.tokens.get(number, lead, remote))?;
        Self::expect_version(&token, item)?;
        Ok(token)
    }

    /// Gets the address of what a listing shows without content. A file that has none has no address (protocol page 9.3);
    /// but nothing in a listing tells a package from a file, and of a package the size says nothing (hazard 10), so that for
    /// what is named like one the service is asked.
    pub(super) fn token_of_empty(&self, item: &RemoteItem) -> Result<Option<Token>> {
        if !names_package(item.path.name()) {
            return Ok(None);
        }
        match self.fresh_token(item) {
            Ok(token) if token.is_package => Ok(Some(token)),
            Ok(_) => Ok(None),
            // Nothing but the service's own words: a gateway's refusal must not make an empty file of a document.
            Err(error) if error.is_bad_request() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn fresh_token(&self, item: &RemoteItem) -> Result<Token> {
        let doc = std::slice::from_ref(&item.id.doc);
        let token = self
            .exec
            .remote
            .tokens(&item.id.zone, doc)?
            .pop()
            .unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Protocol,
                    "the service gave no download address",
                ))
            })?;
        Self::expect_version(&token, item)?;
        Ok(token)
    }

    fn expect_version(token: &Token, item: &RemoteItem) -> Result<()> {
        match &token.etag {
            Some(etag) if !same_content(etag, &item.etag) => Err(changed(
                &item.path,
                "it has changed on the remote side meanwhile",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Fetches a content into a temp file, going on where an earlier try broke off, and verifies it.
    pub(super) fn fetch_to(
        &self,
        number: usize,
        item: &RemoteItem,
        token: Option<Token>,
        part: &Spot,
    ) -> Result<(File, Digests)> {
        let mut file = self.exec.disk.write(part)?;
        let Some(mut token) = token else {
            Self::cut(&file, item)?;
            return Ok((file, Hashes::new(self.exec.settings.checksum).finish()));
        };
        // What an earlier pass left may have holes if the power went since: only a signature can vouch for it.
        if token.signature.is_none() {
            Self::cut(&file, item)?;
        }
        let mut goes_on = disk::look_open(&file, item.path.as_str())?.size > 0;
        let mut may_begin_again = true;
        loop {
            let in_parts = if ranges::is_large(item) {
                self.fetch_parts(number, item, &mut token, &file)?
            } else {
                None
            };
            let hashes = match in_parts {
                Some(hashes) => hashes,
                None => self.fetch_all(number, item, &mut token, &mut file)?,
            };
            let digests = hashes.finish();
            let is_damaged = match token.signature {
                Some(theirs) if theirs == digests.0 => {
                    self.exec.calibration.prove();
                    false
                }
                // Not proven for this account, the form may be another: the length has to do.
                Some(_) => goes_on || self.exec.calibration.is_proven(),
                None => goes_on,
            };
            if !is_damaged {
                return Ok((file, digests));
            }
            if !std::mem::take(&mut goes_on) && !std::mem::take(&mut may_begin_again) {
                let text = format!(
                    "\"{}\" arrived damaged twice: its signature is not the service's",
                    item.path
                );
                return Err(Error::new(ErrorKind::Integrity, text));
            }
            Self::cut(&file, item)?;
        }
    }

    pub(super) fn cut(file: &File, item: &RemoteItem) -> Result<()> {
        crash::step();
        file.set_len(0)
            .map_err(|error| Error::io(format!("cannot write \"{}\"", item.path), error))
    }

    /// Fetches until the file is whole.
    fn fetch_all(
        &self,
        number: usize,
        item: &RemoteItem,
        token: &mut Token,
        file: &mut File,
    ) -> Result<Hashes> {
        let mut hashes = Hashes::new(self.exec.settings.checksum);
        let mut have = self.hash_part(file, item, &mut hashes)?;
        let mut tries = 0;
        let mut renewed = false;
        while have < item.size {
            if have > 0 || tries > 0 {
                self.exec.reporter.event(&Event::Restarted {
                    number,
                    bytes: have,
                });
            }
            let before = have;
            let fetched = self.transfers.within(self.exec.remote, || {
                self.fetch_some(number, item, token, file, &mut hashes, &mut have)
            });
            match fetched {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Refused && (!renewed || have > before) => {
                    // The address has expired; a new one is good for the rest.
                    renewed = true;
                    *token = self.fresh_token(item)?;
                    if token.is_package {
                        return Err(changed(&item.path, "it is a package by now"));
                    }
                }
                Err(error) if error.kind() != ErrorKind::Temporary => return Err(error),
                Err(error) => {
                    if have > before && !came_too_slowly(&error) {
                        tries = 0;
                    }
                    log::debug!("{}; trying again", error.chain());
                    self.exec.remote.again(tries, error)?;
                    tries += 1;
                }
            }
        }
        Ok(hashes)
    }

    /// Hashes what an earlier pass has fetched, and stands behind it.
    pub(super) fn hash_part(
        &self,
        file: &mut File,
        item: &RemoteItem,
        hashes: &mut Hashes,
    ) -> Result<u64> {
        let fail = |error| {
            Error::io(
                format!("cannot read what there is of \"{}\"", item.path),
                error,
            )
        };
        let length = file.metadata().map_err(fail)?.len();
        if length == 0 || length > item.size {
            Self::cut(file, item)?;
            file.seek(SeekFrom::Start(0)).map_err(fail)?;
            return Ok(0);
        }
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let mut buffer = vec![0; BUFFER];
        let mut have = 0;
        loop {
            self.exec.stop.check()?;
            let count = file.read(&mut buffer).map_err(fail)?;
            if count == 0 {
                return Ok(have);
            }
            hashes.update(&buffer[..count]);
            have += count as u64;
        }
    }

    /// Fetches from `have` on until the content ends or breaks off.
    fn fetch_some(
        &self,
        number: usize,
        item: &RemoteItem,
        token: &Token,
        file: &mut File,
        hashes: &mut Hashes,
        have: &mut u64,
    ) -> Result<()> {
        let fail = |error| Error::io(format!("cannot write \"{}\"", item.path), error);
        let mut content = self.exec.remote.fetch(token, *have)?;
        if content.offset != *have {
            // The service sent all of it instead of the rest.
            Self::cut(file, item)?;
            file.seek(SeekFrom::Start(0)).map_err(fail)?;
            *hashes = Hashes::new(self.exec.settings.checksum);
            *have = 0;
            self.exec
                .reporter
                .event(&Event::Restarted { number, bytes: 0 });
            if content.offset != 0 {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    format!(
                        "the service sent another part of \"{}\" than was asked for",
                        item.path
                    ),
                ));
            }
        }
        let mut buffer = vec![0; self.throttle.share(BUFFER)];
        loop {
            let read = content.body.read(&mut buffer);
            let count = read.map_err(|error| broke_off(&item.path, error, self.exec.stop))?;
            if count == 0 {
                break;
            }
            if *have + count as u64 > item.size {
                let text = format!("\"{}\" is longer than its listing says", item.path);
                return Err(Error::new(ErrorKind::Integrity, text));
            }
            self.throttle.take(count, self.exec.stop)?;
            crash::step_in(file, &buffer[..count]);
            file.write_all(&buffer[..count]).map_err(fail)?;
            hashes.update(&buffer[..count]);
            *have += count as u64;
            self.received.fetch_add(count as u64, Ordering::Relaxed);
            self.exec.reporter.event(&Event::Moved {
                number,
                bytes: count as u64,
            });
        }
        if *have < item.size {
            let text = format!(
                "\"{}\" ended after {have} of {} bytes",
                item.path, item.size
            );
            return Err(Error::new(ErrorKind::Temporary, text));
        }
        Ok(())
    }
}
