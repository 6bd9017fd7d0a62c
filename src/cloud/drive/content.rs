//! Documents and their content (protocol pages 9.3 to 9.8).

use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Drive, Wire, encoded, parts::in_parts, shares::Sort};
use crate::{
    cloud::{
        Commit, Node, Staged, Token,
        http::{Effect, Host},
        limit::Size,
        node,
        wire::{
            AddData, AddFile, AddPath, Committed, Document, DocumentId, Download, DownloadToken,
            FileFlags, SingleFile, Status, UploadRequest, UploadSlot, Uploaded,
        },
    },
    error::{Error, Kind as ErrorKind, Result},
    tree::{DocId, Etag, Kind, RemoteId, Signature, Zone},
};

/// A document just uploaded may not be found at first: waits of 2, 4, 8 s (page 9.3).
const NOT_YET: [u32; 3] = [2, 4, 8];

impl<W: Wire> Drive<W> {
    pub(super) fn download_tokens(
        &self,
        zone: &Zone,
        docs: &[DocId],
    ) -> Result<Vec<Result<Token>>> {
        let one = Size::new(1, 1);
        // Nobody shows a batch for what is shared.
        let size = if zone.is_share() { &one } else { &self.tokens };
        let mut tokens = in_parts(size, docs, |part| match part {
            [doc] => self.token(zone, doc).map(|token| vec![token]),
            _ => self.token_batch(zone, part),
        })?;
        for seconds in NOT_YET {
            let missing: Vec<usize> = (0..docs.len())
                .filter(|at| is_missing(&tokens[*at]))
                .collect();
            if missing.is_empty() {
                break;
            }
            self.wire.pause(seconds)?;
            for at in missing {
                tokens[at] = self.token(zone, &docs[at]);
            }
        }
        Ok(tokens)
    }

    fn token(&self, zone: &Zone, doc: &DocId) -> Result<Token> {
        let download: Download = if zone.is_share() {
            self.shared_download(zone, doc)?
        } else {
            let (zone, doc) = (encoded(zone.as_str()), encoded(&doc.to_string()));
            let path = format!("ws/{zone}/download/by_id?document_id={doc}");
            self.wire.get(Host::Docws, &path)?
        };
        let answered = download.document_id.as_deref();
        if answered.is_some_and(|answered| answered != doc.to_string()) {
            let why = "download/by_id: the answer is for another document";
            return Err(Error::new(ErrorKind::Protocol, why));
        }
        token_of(download, doc)
    }

    /// Any oddity fails the whole batch: the caller asks again in smaller ones.
    fn token_batch(&self, zone: &Zone, docs: &[DocId]) -> Result<Vec<Token>> {
        let path = format!("ws/{}/download/batch", encoded(zone.as_str()));
        let body: Vec<DocumentId> = docs
            .iter()
            .map(|doc| DocumentId {
                document_id: doc.to_string(),
            })
            .collect();
        let downloads: Vec<Download> = self.wire.post(Host::Docws, &path, &body, Effect::Read)?;
        let mut slots: Vec<Option<Token>> = docs.iter().map(|_| None).collect();
        for download in downloads {
            let answered = download.document_id.as_deref().map(DocId::new);
            let at = docs.iter().position(|doc| Some(doc) == answered.as_ref());
            if let Some(at) = at {
                slots[at] = Some(token_of(download, &docs[at])?);
            }
        }
        slots
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                let why = "download/batch: the answer does not hold all documents";
                Error::new(ErrorKind::Protocol, why)
            })
    }

    pub(super) fn stage_content(
        &self,
        zone: &Zone,
        name: &str,
        size: u64,
        open: &mut dyn FnMut() -> Result<Box<dyn Read + Send>>,
    ) -> Result<Staged> {
        self.shares.preparing(zone, Sort::Content, || {
            self.stage_often(zone, name, size, open)
        })
    }

    fn stage_often(
        &self,
        zone: &Zone,
        name: &str,
        size: u64,
        open: &mut dyn FnMut() -> Result<Box<dyn Read + Send>>,
    ) -> Result<Staged> {
        let mut is_renewed = false;
        let mut n = 0;
        loop {
            let error = match self.stage_once(zone, name, size, open) {
                Ok(staged) => return Ok(staged),
                Err(error) => error,
            };
            // Nothing is visible before the commit: it may be sent again, from the slot on.
            let is_worth_it = error.kind() == ErrorKind::Temporary
                // The slot may have expired.
                || (error.kind() == ErrorKind::Refused && !std::mem::replace(&mut is_renewed, true));
            if !is_worth_it {
                return Err(error);
            }
            log::debug!("{}; sending it again", error.chain());
            self.wire.again(n, error)?;
            n += 1;
        }
    }

    fn stage_once(
        &self,
        zone: &Zone,
        name: &str,
        size: u64,
        open: &mut dyn FnMut() -> Result<Box<dyn Read + Send>>,
    ) -> Result<Staged> {
        let content_type = content_type(name);
        let body = UploadRequest {
            filename: name,
            kind: "FILE",
            content_type,
            size,
        };
        let [path, _] = self.shares.upload_paths(zone)?;
        let slots: Vec<UploadSlot> = self.wire.post(Host::Docws, &path, &body, Effect::Read)?;
        let slot = slots.into_iter().next().unwrap_or_default();
        let (Some(doc), Some(url)) = (slot.document_id, slot.url) else {
            let why = "upload/web: the answer has no slot";
            return Err(Error::new(ErrorKind::Protocol, why));
        };
        let lent = Lent::new(open()?);
        let answer = self.wire.send(&url, size, content_type, lent.clone())?;
        if lent.has_more()? {
            return Err(Error::new(
                ErrorKind::Changed,
                format!("the content is longer than {size} bytes"),
            ));
        }
        let uploaded: Uploaded = serde_json::from_slice(&answer).map_err(|error| {
            Error::new(ErrorKind::Protocol, "upload: an answer of unknown form").with_source(error)
        })?;
        let Some(receipt) = uploaded.single_file else {
            let why = "upload: the answer has no receipt";
            return Err(Error::new(ErrorKind::Protocol, why));
        };
        if let Some(got) = receipt.size.filter(|got| *got != size) {
            return Err(Error::new(
                ErrorKind::Integrity,
                format!("upload: {size} bytes were sent, the service got {got}"),
            ));
        }
        Ok(Staged {
            doc: DocId::new(&doc),
            signature: receipt
                .file_checksum
                .as_deref()
                .and_then(Signature::from_wire),
            receipt,
        })
    }

    pub(super) fn commit_content(
        &self,
        staged: &Staged,
        what: &Commit<'_>,
        folder: &RemoteId,
        name: &str,
        size: u64,
        modified_ms: i64,
    ) -> Result<Node> {
        let doc = match what {
            Commit::Create => &staged.doc,
            Commit::Update(doc) => doc,
        };
        // Whole seconds are stored; whether others are cut or rounded is not known (page 9.8).
        let time = modified_ms.div_euclid(1000) * 1000;
        let SingleFile {
            file_checksum,
            reference_checksum,
            wrapping_key,
            receipt,
            ..
        } = &staged.receipt;
        let body = AddFile {
            command: "add_file",
            document_id: doc.to_string(),
            create_short_guid: true,
            allow_conflict: false,
            path: AddPath {
                starting_document_id: self.shares.starting_document(folder)?,
                path: name,
            },
            file_flags: FileFlags {
                is_writable: true,
                is_executable: false,
                is_hidden: false,
            },
            mtime: time,
            btime: time,
            data: AddData {
                signature: file_checksum.as_deref(),
                reference_signature: reference_checksum.as_deref(),
                wrapping_key: wrapping_key.as_deref(),
                size,
                receipt: receipt.as_deref(),
            },
        };
        let [_, path] = self.shares.upload_paths(&folder.zone)?;
        let effect = match what {
            Commit::Create => Effect::Write,
            Commit::Update(_) => Effect::AtOnce,
        };
        let document = self.shares.within(&folder.zone, Sort::Content, || {
            committed(self.wire.post(Host::Docws, &path, &body, effect)?)
        })?;
        self.committed_node(&document, folder, doc, name)
    }

    fn committed_node(
        &self,
        document: &Document,
        folder: &RemoteId,
        doc: &DocId,
        name: &str,
    ) -> Result<Node> {
        if document.id.as_deref().map(DocId::new).as_ref() != Some(doc) {
            return Err(lost("the answer is for another document"));
        }
        if let Some(node) = node::document_node(document, folder, doc.clone(), name) {
            return Ok(node);
        }
        // It is done; what the answer leaves out is read.
        let id = RemoteId {
            zone: folder.zone.clone(),
            doc: doc.clone(),
        };
        let read = self.read_items(&[(id, Kind::File)]);
        match read.map(|mut nodes| nodes.pop().flatten()) {
            Ok(Some(node)) => Ok(node),
            Ok(None) => Err(lost("the answer leaves out the new version")),
            Err(error) => Err(lost("the answer leaves out the new version").with_source(error)),
        }
    }
}

fn is_missing(token: &Result<Token>) -> bool {
    matches!(token, Err(error) if error.kind() == ErrorKind::NotFound)
}

/// Neither token is an error and no empty file (hazard 10).
fn token_of(download: Download, doc: &DocId) -> Result<Token> {
    let has_url = |token: &DownloadToken| token.url.as_deref().is_some_and(|url| !url.is_empty());
    let data = download.data_token.filter(has_url);
    let is_package = data.is_none();
    let token = data.or_else(|| download.package_token.filter(has_url));
    let Some((Some(url), signature)) = token.map(|token| (token.url, token.signature)) else {
        return Err(Error::new(
            ErrorKind::Protocol,
            "download: the answer has no address to fetch from",
        ));
    };
    Ok(Token {
        doc: doc.clone(),
        url,
        is_package,
        signature: signature.as_deref().and_then(Signature::from_wire),
        etag: download.double_etag.as_deref().map(Etag::new),
    })
}

/// Looks for the document in the answer to a commit: both statuses must be 0 (page 9.8).
fn committed(answer: Committed) -> Result<Document> {
    check(answer.status.as_ref())?;
    let result = answer
        .results
        .and_then(|results| results.into_iter().next());
    let Some(result) = result else {
        return Err(lost("the answer says nothing of it"));
    };
    check(result.status.as_ref())?;
    result
        .document
        .filter(|document| document.id.is_some())
        .ok_or_else(|| lost("the answer says nothing of it"))
}

fn check(status: Option<&Status>) -> Result<()> {
    let Some(status) = status else {
        return Ok(());
    };
    let code = status.status_code.as_deref().unwrap_or("0");
    if code == "0" {
        return Ok(());
    }
    let words = status.error_message.as_deref().unwrap_or("no reason given");
    let says = |texts: &[&str]| {
        texts
            .iter()
            .any(|text| words.contains(text) || code == *text)
    };
    let kind = if says(&["Uniqueness constraint violation"]) {
        ErrorKind::Exists
    } else if says(&["ZONE_BUSY", "CAS Op-Lock", "concurrent write"]) {
        ErrorKind::Busy
    } else if says(&["VALIDATING_REFERENCE_ERROR", "412", "parents are missing"]) {
        ErrorKind::NotFound
    } else {
        ErrorKind::Refused
    };
    Err(Error::new(
        kind,
        format!("update/documents: status {code}: {words}"),
    ))
}

fn lost(why: &str) -> Error {
    Error::new(
        ErrorKind::Lost,
        format!("update/documents: {why}; it is not known whether it was done"),
    )
}

/// Content that is lent to a request, to be looked at again after it.
#[derive(Clone)]
struct Lent(Arc<Mutex<Box<dyn Read + Send>>>);

impl Lent {
    fn new(content: Box<dyn Read + Send>) -> Self {
        Self(Arc::new(Mutex::new(content)))
    }

    /// Returns whether there is more than what was sent.
    fn has_more(&self) -> Result<bool> {
        let mut content = self.clone();
        loop {
            match content.read(&mut [0]) {
                Ok(count) => return Ok(count > 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("cannot read the content to send", error)),
            }
        }
    }
}

impl Read for Lent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .read(buffer)
    }
}

/// Guesses the media type from the name; the service wants one (page 9.6) and nothing is known to
/// depend on it.
fn content_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "txt" | "md" | "log" => "text/plain",
        "htm" | "html" => "text/html",
        "css" => "text/css",
        "csv" => "text/csv",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "svg" => "image/svg+xml",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        _ => "application/octet-stream",
    }
}
