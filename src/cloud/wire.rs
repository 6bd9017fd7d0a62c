//! The service's JSON, exactly as it speaks it; no logic.
//!
//! Reading is lenient (protocol page, "JSON types"): any field may be missing or `null`, numbers may
//! come as text and text as numbers, unknown fields and words survive.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// What the content host answers to an upload (protocol page 9.7); passed on as it came.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SingleFile {
    /// The content signature.
    pub file_checksum: Option<String>,
    /// A keyed signature, opaque.
    pub reference_checksum: Option<String>,
    /// Opaque.
    pub wrapping_key: Option<String>,
    /// Absent for an empty file.
    pub receipt: Option<String>,
    /// Bytes received.
    #[serde(deserialize_with = "number")]
    pub size: Option<u64>,
}

/// The whole answer to an upload.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Uploaded {
    pub(crate) single_file: Option<SingleFile>,
}

/// One folder that is asked for (page 8.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    pub(crate) drivewsid: String,
    pub(crate) partial_data: bool,
    pub(crate) include_hierarchy: bool,
    /// Of what another account shares: as its share's own item gives it (page 8.9).
    #[serde(rename = "shareID", skip_serializing_if = "Option::is_none")]
    pub(crate) share_id: Option<Box<RawValue>>,
}

/// What is read of a `shareID` (page 8.9).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ShareId {
    #[serde(deserialize_with = "text")]
    pub(crate) record_name: Option<String>,
    #[serde(rename = "zoneID")]
    pub(crate) zone: Option<ShareZone>,
}

/// Where a share is kept.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ShareZone {
    #[serde(deserialize_with = "text")]
    pub(crate) owner_record_name: Option<String>,
}

impl Item {
    /// Returns the item's word: what stands before its zone.
    pub(crate) fn word(&self) -> Option<&str> {
        let (word, _) = self.drivewsid.as_deref()?.split_once("::")?;
        Some(word)
    }
}

/// An item, or a folder with its children (page 8.4).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Item {
    #[serde(deserialize_with = "text")]
    pub(crate) drivewsid: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) docwsid: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) zone: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) extension: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) parent_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) etag: Option<String>,
    #[serde(rename = "type", deserialize_with = "text")]
    pub(crate) kind: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) size: Option<u64>,
    #[serde(deserialize_with = "text")]
    pub(crate) date_modified: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) status: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) client_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) restore_path: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) date_expiration: Option<String>,
    pub(crate) is_deleted: Option<bool>,
    #[serde(rename = "shareID")]
    pub(crate) share_id: Option<Box<RawValue>>,
    #[serde(deserialize_with = "children")]
    pub(crate) items: Option<Vec<Item>>,
    #[serde(deserialize_with = "number")]
    pub(crate) number_of_items: Option<u64>,
}

/// The folders of an answer, or the items of one.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Folders {
    #[serde(deserialize_with = "elements")]
    pub(crate) list: Vec<Item>,
}

/// An answer of items (pages 8.2, 8.7).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Items {
    #[serde(alias = "folders", deserialize_with = "some_elements")]
    pub(crate) items: Option<Vec<Item>>,
    #[serde(deserialize_with = "text")]
    pub(crate) status: Option<String>,
}

/// An item that is written to (page 8.7).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written<'a> {
    pub(crate) drivewsid: String,
    pub(crate) etag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    /// Of what another account shares, as in [`Asked`].
    #[serde(rename = "shareID", skip_serializing_if = "Option::is_none")]
    pub(crate) share_id: Option<Box<RawValue>>,
}

/// Items that are written to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Writes<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_drivews_id: Option<String>,
    pub(crate) items: Vec<Written<'a>>,
}

/// Folders that are to be made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewFolders<'a> {
    pub(crate) destination_drivews_id: String,
    pub(crate) folders: Vec<NewFolder<'a>>,
    /// Of what another account shares: as its share's own item gives it, without its change tag (page 8.9).
    #[serde(rename = "shareID", skip_serializing_if = "Option::is_none")]
    pub(crate) share_id: Option<serde_json::Map<String, serde_json::Value>>,
}

/// One of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewFolder<'a> {
    pub(crate) client_id: String,
    pub(crate) name: &'a str,
}

/// Items that are asked for (page 8.2).
#[derive(Serialize)]
pub(crate) struct AskedItems {
    pub(crate) items: Vec<Asked>,
}

/// A document by id, in a batch (page 9.4).
#[derive(Serialize)]
pub(crate) struct DocumentId {
    pub(crate) document_id: String,
}

/// Where a document's content is (page 9.3).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Download {
    #[serde(deserialize_with = "text")]
    pub(crate) document_id: Option<String>,
    pub(crate) data_token: Option<DownloadToken>,
    pub(crate) package_token: Option<DownloadToken>,
    #[serde(alias = "etag", deserialize_with = "text")]
    pub(crate) double_etag: Option<String>,
}

/// An address with what goes with it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct DownloadToken {
    #[serde(deserialize_with = "text")]
    pub(crate) url: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) signature: Option<String>,
}

/// What is to be uploaded (page 9.6).
#[derive(Serialize)]
pub(crate) struct UploadRequest<'a> {
    pub(crate) filename: &'a str,
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) size: u64,
}

/// Where it is to be sent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct UploadSlot {
    #[serde(deserialize_with = "text")]
    pub(crate) document_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) url: Option<String>,
}

/// A commit of staged content (page 9.8).
#[derive(Serialize)]
pub(crate) struct AddFile<'a> {
    pub(crate) command: &'a str,
    pub(crate) document_id: String,
    pub(crate) create_short_guid: bool,
    pub(crate) allow_conflict: bool,
    pub(crate) path: AddPath<'a>,
    pub(crate) file_flags: FileFlags,
    pub(crate) mtime: i64,
    pub(crate) btime: i64,
    pub(crate) data: AddData<'a>,
}

/// The place of a document.
#[derive(Serialize)]
pub(crate) struct AddPath<'a> {
    pub(crate) starting_document_id: String,
    pub(crate) path: &'a str,
}

/// The flags of a document.
#[derive(Serialize)]
pub(crate) struct FileFlags {
    pub(crate) is_writable: bool,
    pub(crate) is_executable: bool,
    pub(crate) is_hidden: bool,
}

/// The content of a document.
#[derive(Serialize)]
pub(crate) struct AddData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrapping_key: Option<&'a str>,
    pub(crate) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<&'a str>,
}

/// The answer to a commit.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Committed {
    pub(crate) status: Option<Status>,
    pub(crate) results: Option<Vec<CommitResult>>,
}

/// Of one document.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CommitResult {
    pub(crate) status: Option<Status>,
    pub(crate) document: Option<Document>,
}

/// A status inside an answer; 0 is success.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    #[serde(deserialize_with = "text")]
    pub(crate) status_code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) error_message: Option<String>,
}

/// A document (page 9.2).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Document {
    #[serde(rename = "document_id", deserialize_with = "text")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) etag: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) double_etag: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) size: Option<u64>,
    #[serde(deserialize_with = "time")]
    pub(crate) mtime: Option<i64>,
}

/// Elements of an answer at most: one for each thing that was asked for.
const MOST_ELEMENTS: usize = 4096;

/// Items of a folder at most. What a listing holds is many times as large in memory as a short text that says it.
const MOST_CHILDREN: usize = 300_000;

fn elements<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Item>, D::Error> {
    from.deserialize_seq(List {
        most: MOST_ELEMENTS,
        has_ids: false,
    })
}

fn some_elements<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Item>>, D::Error> {
    Option::<Folders>::deserialize(from).map(|folders| folders.map(|folders| folders.list))
}

/// Reads the items of a folder. Behind one without an id the rest is passed over: the folder is odd then, whatever it is.
fn children<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Item>>, D::Error> {
    Option::<Children>::deserialize(from).map(|children| children.map(|children| children.0))
}

struct Children(Vec<Item>);

impl<'de> Deserialize<'de> for Children {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = List {
            most: MOST_CHILDREN,
            has_ids: true,
        };
        from.deserialize_seq(list).map(Self)
    }
}

/// A list of items that is bounded.
struct List {
    most: usize,
    /// Each has an id, or nothing behind it counts.
    has_ids: bool,
}

impl<'de> Visitor<'de> for List {
    type Value = Vec<Item>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut of: A) -> Result<Vec<Item>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = of.next_element::<Item>()? {
            let has_id = item.drivewsid.is_some() || item.docwsid.is_some();
            list.push(item);
            if list.len() > self.most {
                let text = format!("more than {} items in one list", self.most);
                return Err(A::Error::custom(text));
            }
            if self.has_ids && !has_id {
                while of.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(list)
    }
}

/// Reads text; a number or a truth value as text too, anything else as nothing.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    from.deserialize_any(Lenient).map(|word| match word {
        Word::Text(text) => Some(text),
        Word::Number(number) => Some(number.to_string()),
        Word::Other(text) => text,
    })
}

/// Reads a number that is no less than 0; one written as text too, anything else as nothing.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    from.deserialize_any(Lenient).map(|word| match word {
        Word::Text(text) => text.trim().parse().ok(),
        Word::Number(number) => Some(number),
        Word::Other(_) => None,
    })
}

/// Reads a time, which may be before 1970; one written as text too, anything else as nothing.
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let word = text(from)?;
    Ok(word.and_then(|word| word.trim().parse().ok()))
}

enum Word {
    Text(String),
    Number(u64),
    /// Something else, and how it is written if that is short.
    Other(Option<String>),
}

struct Lenient;

impl<'de> Visitor<'de> for Lenient {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Word, E> {
        Ok(Word::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Word, E> {
        Ok(Word::Text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Word, E> {
        Ok(Word::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Word, E> {
        Ok(u64::try_from(number).map_or(Word::Other(Some(number.to_string())), Word::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Word, E> {
        Ok(Word::Other(Some(number.to_string())))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Word, E> {
        Ok(Word::Other(Some(truth.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Word, E> {
        Ok(Word::Other(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut of: A) -> Result<Word, A::Error> {
        while of.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Word::Other(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut of: A) -> Result<Word, A::Error> {
        while of.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Word::Other(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_before_1970() {
        let mtime = |text: &str| {
            let document: Document = serde_json::from_str(text).unwrap();
            document.mtime
        };
        assert_eq!(
            mtime(r#"{"mtime":-1000000000000}"#),
            Some(-1_000_000_000_000)
        );
        assert_eq!(mtime(r#"{"mtime":"-5"}"#), Some(-5));
        assert_eq!(mtime(r#"{"mtime":4102444800000}"#), Some(4_102_444_800_000));
        assert_eq!(mtime(r#"{"mtime":1.5}"#), None);
        assert_eq!(mtime(r#"{"mtime":[1]}"#), None);
    }

    #[test]
    fn a_list_that_says_nothing_takes_no_memory() {
        let text = format!(
            r#"[{{"items":[{}],"numberOfItems":2}}]"#,
            "{},".repeat(999) + "{}"
        );
        let folders: Folders = serde_json::from_str(&text).unwrap();
        let items = folders.list[0].items.as_ref().unwrap();
        assert_eq!(items.len(), 1, "the one that makes the folder odd");
        let many = "{},".repeat(MOST_ELEMENTS) + "{}";
        assert!(serde_json::from_str::<Folders>(&format!("[{many}]")).is_err());
        assert!(serde_json::from_str::<Items>(&format!(r#"{{"items":[{many}]}}"#)).is_err());
        let one = r#"{"docwsid":1},"#.repeat(MOST_CHILDREN) + "{}";
        assert!(serde_json::from_str::<Item>(&format!(r#"{{"items":[{one}]}}"#)).is_err());
        let none: Items = serde_json::from_str(r#"{"items":null}"#).unwrap();
        assert!(none.items.is_none());
    }

    #[test]
    fn odd_values_do_not_spoil_an_item() {
        let item: Item = serde_json::from_str(
            r#"{"drivewsid":"FILE::z::1","etag":5,"size":"12","name":null,"type":["x"],
                "numberOfItems":-1,"zone":{"a":[1]},"extension":true,"new":{"x":1},"shareID":null}"#,
        )
        .unwrap();
        assert_eq!(item.drivewsid.as_deref(), Some("FILE::z::1"));
        assert_eq!(item.etag.as_deref(), Some("5"));
        assert_eq!(item.size, Some(12));
        assert_eq!((item.name, item.kind, item.zone), (None, None, None));
        assert_eq!(item.number_of_items, None);
        assert!(item.share_id.is_none());
    }
}
