//! Contents: bytes in memory, or in a file below the data folder, each with its signature.
//!
//! A file's name is its signature in hexadecimal digits, so equal contents are kept once. A blob never changes.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hyper::body::Bytes;
use serde::{Deserialize, Serialize};

use super::signature::{self, Signature};
use super::util::hex;

/// One immutable content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Blob {
    pub(super) size: u64,
    /// The plain signature of the bytes, whatever the account shows to clients.
    #[serde(with = "super::signature::as_text")]
    pub(super) signature: Signature,
    /// Not saved: [`Blob::find`] gives it back.
    #[serde(skip, default = "nowhere")]
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Bytes),
    File(PathBuf),
}

fn nowhere() -> Place {
    Place::Memory(Bytes::new())
}

impl Blob {
    /// Keeps `content` in memory, or in `folder` when there is one.
    pub(super) fn keep(content: Bytes, folder: Option<&Path>) -> io::Result<Self> {
        let signature = signature::of(&content);
        let size = content.len() as u64;
        let place = match folder {
            None => Place::Memory(content),
            Some(folder) => {
                let path = folder.join(hex(&signature));
                if fs::metadata(&path).map(|m| m.len()).ok() != Some(size) {
                    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
                    temporary.write_all(&content)?;
                    temporary.persist(&path).map_err(|e| e.error)?;
                }
                Place::File(path)
            }
        };
        Ok(Self {
            size,
            signature,
            place,
        })
    }

    /// Keeps what is in a file, of any length, where the file is. It must not change while the emulator runs.
    pub(super) fn of_file(path: PathBuf) -> io::Result<Self> {
        let mut file = File::open(&path)?;
        let mut hasher = signature::Signer::new();
        let mut piece = vec![0; 1 << 20];
        let mut size = 0;
        loop {
            let count = file.read(&mut piece)?;
            let Some(piece) = piece.get(..count).filter(|piece| !piece.is_empty()) else {
                break;
            };
            hasher.update(piece);
            size += count as u64;
        }
        Ok(Self {
            size,
            signature: hasher.finish(),
            place: Place::File(path),
        })
    }

    /// The blob of an earlier run, by its signature.
    pub(super) fn find(signature: Signature, folder: &Path) -> io::Result<Self> {
        let path = folder.join(hex(&signature));
        let size = fs::metadata(&path)?.len();
        Ok(Self {
            size,
            signature,
            place: Place::File(path),
        })
    }

    /// At most `length` bytes from `from` on; fewer only at the end.
    pub(super) fn read(&self, from: u64, length: usize) -> io::Result<Bytes> {
        match &self.place {
            Place::Memory(bytes) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
                let to = from.saturating_add(length).min(bytes.len());
                Ok(bytes.slice(from..to))
            }
            Place::File(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(from))?;
                let mut out = Vec::new();
                file.take(length as u64).read_to_end(&mut out)?;
                Ok(out.into())
            }
        }
    }

    /// The whole content.
    pub(super) fn all(&self) -> io::Result<Bytes> {
        self.read(0, usize::try_from(self.size).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_file_give_the_same_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let content = Bytes::from_static(b"0123456789");
        for blob in [
            Blob::keep(content.clone(), None).unwrap(),
            Blob::keep(content.clone(), Some(folder.path())).unwrap(),
            Blob::find(signature::of(&content), folder.path()).unwrap(),
        ] {
            assert_eq!(blob.size, 10);
            assert_eq!(blob.all().unwrap(), content);
            assert_eq!(blob.read(8, 100).unwrap(), "89");
            assert_eq!(blob.read(11, 1).unwrap(), "");
        }
    }

    #[test]
    fn a_file_is_kept_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("content");
        fs::write(&path, "0123456789").unwrap();
        let blob = Blob::of_file(path).unwrap();
        assert_eq!(blob.signature, signature::of(b"0123456789"));
        assert_eq!((blob.size, blob.read(3, 2).unwrap()), (10, "34".into()));
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        Blob::find([1; 21], folder.path()).unwrap_err();
    }
}
