//! A baseline row as JSON: one line, short names, what is usual left out.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::tree::{DocId, Etag, Kind, RelPath, RemoteId, Row, Signature, Zone};

/// A row as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RowLine<'a> {
    /// Path.
    #[serde(borrow)]
    p: Cow<'a, str>,
    /// Kind: `f`ile, `d`irectory, pac`k`age.
    k: char,
    /// Local size in bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    s: u64,
    /// Local mtime, ns since 1970 UTC.
    #[serde(default, skip_serializing_if = "is_none_i64")]
    m: i64,
    /// Inode.
    #[serde(default, skip_serializing_if = "is_zero")]
    i: u64,
    /// Birth time of the inode, ns since 1970 UTC.
    #[serde(default, skip_serializing_if = "is_none_i64")]
    b: i64,
    /// Racy: 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    y: u64,
    /// Zone, unless it is Drive's own.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    z: Option<Cow<'a, str>>,
    /// `docwsid`.
    #[serde(borrow)]
    d: Cow<'a, str>,
    /// Etag.
    #[serde(borrow)]
    e: Cow<'a, str>,
    /// Remote size where it differs from the local one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<u64>,
    /// `dateModified`, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<i64>,
    /// Remote name where it differs from the last part of the path.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    n: Option<Cow<'a, str>>,
    /// App library: 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    x: u64,
    /// Shared with others: 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    w: u64,
    /// Content signature as the service writes it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    g: Option<Cow<'a, str>>,
    /// SHA-256 in base64.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    h: Option<Cow<'a, str>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_none_i64(number: &i64) -> bool {
    *number == 0
}

impl<'a> RowLine<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        let zone = row.id.zone.as_str();
        Self {
            p: row.path.as_str().into(),
            k: match row.kind {
                Kind::File => 'f',
                Kind::Folder => 'd',
                Kind::Package => 'k',
            },
            s: row.size,
            m: row.mtime_ns,
            i: row.inode,
            b: row.birth_ns,
            y: row.is_racy.into(),
            z: (zone != Zone::DRIVE).then(|| zone.into()),
            d: row.id.doc.to_string().into(),
            e: row.etag.as_str().into(),
            r: (row.remote_size != row.size).then_some(row.remote_size),
            t: row.modified_ms,
            n: row.name.as_deref().map(Cow::from),
            x: row.is_fixed.into(),
            w: row.is_lent.into(),
            g: row.signature.map(|signature| signature.to_wire().into()),
            h: (row.sha256.as_deref()).map(|hash| STANDARD.encode(hash).into()),
        }
    }

    /// Returns the row, or what is wrong with it.
    pub(super) fn to_row(&self) -> Result<Row, String> {
        let path =
            RelPath::parse(&self.p).map_err(|error| format!("path {:?}: {error}", self.p))?;
        if path.as_str() != self.p {
            return Err(format!(
                "path {:?} is not as this program writes it",
                self.p
            ));
        }
        let kind = match self.k {
            'f' => Kind::File,
            'd' => Kind::Folder,
            'k' => Kind::Package,
            other => return Err(format!("kind {other:?}")),
        };
        let sha256 = match &self.h {
            None => None,
            Some(text) => {
                let bytes = STANDARD
                    .decode(text.as_bytes())
                    .map_err(|error| error.to_string())?;
                let bytes: Result<[u8; 32], _> = bytes.try_into();
                Some(Box::new(
                    bytes.map_err(|_| "SHA-256 of odd length".to_owned())?,
                ))
            }
        };
        Ok(Row {
            path,
            kind,
            size: self.s,
            mtime_ns: self.m,
            inode: self.i,
            birth_ns: self.b,
            is_racy: self.y != 0,
            id: RemoteId {
                zone: Zone::new(self.z.as_deref().unwrap_or(Zone::DRIVE)),
                doc: DocId::new(&self.d),
            },
            etag: Etag::new(&self.e),
            remote_size: self.r.unwrap_or(self.s),
            modified_ms: self.t,
            name: self.n.as_deref().map(Box::from),
            is_fixed: self.x != 0,
            is_lent: self.w != 0,
            signature: self.g.as_deref().and_then(Signature::from_wire),
            sha256,
        })
    }
}

#[cfg(test)]
pub(super) fn sample(path: &str, doc: &str) -> Row {
    Row {
        path: RelPath::parse(path).unwrap(),
        kind: Kind::File,
        size: 6,
        mtime_ns: 1_759_152_000_123_456_789,
        inode: 42,
        birth_ns: 1_759_152_000_000_000_001,
        is_racy: false,
        id: RemoteId {
            zone: Zone::drive(),
            doc: DocId::new(doc),
        },
        etag: Etag::new("1a::19"),
        remote_size: 6,
        modified_ms: Some(1_759_152_000_000),
        name: None,
        is_fixed: false,
        is_lent: false,
        signature: Some(Signature::of(b"hello\n")),
        sha256: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let mut odd = sample("a/1\u{ff0f}2", "documents#o2v");
        odd.id.zone = Zone::of_share(&Zone::new("com.apple.Keynote"), "_a/b", "c::d");
        odd.kind = Kind::Package;
        odd.remote_size = 99;
        odd.name = Some("1/2".into());
        odd.is_racy = true;
        odd.is_fixed = true;
        odd.is_lent = true;
        odd.signature = None;
        odd.sha256 = Some(Box::new([7; 32]));
        odd.mtime_ns = -5;
        odd.modified_ms = None;
        for row in [sample("a.txt", "516C896C-6AA5-4A30-B30E-5502C2333DAE"), odd] {
            let line = serde_json::to_string(&RowLine::of(&row)).unwrap();
            let back: RowLine<'_> = serde_json::from_str(&line).unwrap();
            assert_eq!(back.to_row().unwrap(), row, "{line}");
        }
    }

    #[test]
    fn a_row_of_an_older_version_of_the_program_is_read() {
        let line = r#"{"p":"a.txt","k":"f","s":6,"d":"D","e":"1a::19"}"#;
        let row = serde_json::from_str::<RowLine<'_>>(line).unwrap().to_row();
        let row = row.unwrap();
        assert!(!row.is_lent && !row.id.zone.is_share());
    }

    #[test]
    fn a_row_that_leaves_its_root_is_refused() {
        let mut line = serde_json::to_string(&RowLine::of(&sample("a", "D"))).unwrap();
        line = line.replace("\"p\":\"a\"", "\"p\":\"../a\"");
        let back: RowLine<'_> = serde_json::from_str(&line).unwrap();
        assert!(back.to_row().is_err());
    }
}
