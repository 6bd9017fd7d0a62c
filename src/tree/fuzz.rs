//! Names, ids and signatures of any form.

use super::{DocId, RelPath, RemoteId, Signature, local_name};
use crate::fuzz::fuzz;

#[test]
fn paths_of_remote_names() {
    let samples: [&[u8]; 5] = [
        b"a/b.txt",
        "Cafe\u{301}/\u{fdfa}".as_bytes(),
        b"../../etc/passwd",
        b"a\0b",
        &[0xe2; 300],
    ];
    fuzz("paths_of_remote_names", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let is_whole = |part: &str| {
            !["", ".", ".."].contains(&part) && !part.contains('\0') && part.len() <= 255
        };
        if let Ok(name) = local_name(&text) {
            assert!(is_whole(&name) && !name.contains('/'));
            let path = RelPath::top(&name).expect("a local name is one part of a path");
            assert_eq!(path.as_str(), name, "it is in NFC already");
        }
        if let Ok(path) = RelPath::parse(&text) {
            assert!(path.parts().all(is_whole));
            assert_eq!(RelPath::parse(path.as_str()).as_ref(), Ok(&path));
            assert!(path.ancestors().all(|folder| path.is_at_or_under(&folder)));
            let below = path.join("x").expect("any path may be a folder's");
            assert!(path < below && below.parent() == Some(path));
        }
    });
}

#[test]
fn ids_and_signatures() {
    let samples: [&[u8]; 4] = [
        b"FILE::com.apple.CloudDocs::516C896C-6AA5-4A30-B30E-5502C2333DAE",
        b"FOLDER::com.apple.Keynote::documents#o2v",
        b"Abv+EeVEGAQ0o5/2szwFFOVX1ICw",
        b"Abv-EeVEGAQ0o5_2szwFFOVX1ICw==",
    ];
    fuzz("ids_and_signatures", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(DocId::new(&text).to_string(), text);
        if let Some(id) = RemoteId::from_drivewsid(&text) {
            assert!(text.ends_with(&id.doc.to_string()));
        }
        if let Some(signature) = Signature::from_wire(&text) {
            assert_eq!(Signature::from_wire(&signature.to_wire()), Some(signature));
        }
    });
}
