//! Packages: documents that are folders on Apple's devices, and one item on the service. Which names are theirs, and what
//! tells whether two of them hold the same.

use std::collections::{BTreeMap, BTreeSet};

use super::{Signature, SignatureHasher, local_name};

/// What the names of documents end with that are, or can be, folders: texts, tables and slides, music and films with their
/// parts, libraries of photos, drawings, outlines and books. The first five are those
/// that have been seen on the service (protocol page 8.4); programs and code projects (`.app`, `.xcodeproj`) are ordinary
/// folders there, or nobody knows, and are not among them.
pub const PACKAGE_SUFFIXES: [&str; 16] = [
    "pages",
    "key",
    "numbers",
    "rtfd",
    "band",
    "logicx",
    "imovielibrary",
    "fcpbundle",
    "photoslibrary",
    "scriv",
    "graffle",
    "oo3",
    "textbundle",
    "pages-tef",
    "key-tef",
    "numbers-tef",
];

/// Returns whether a name is one of a document that can be a package, whatever its case.
pub fn names_package(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, suffix)| {
        !stem.is_empty()
            && (PACKAGE_SUFFIXES.iter()).any(|known| known.eq_ignore_ascii_case(suffix))
    })
}

/// The end of a package's name, in lower case; `None` where it has none.
pub fn package_suffix(name: &str) -> Option<String> {
    let (stem, suffix) = name.rsplit_once('.')?;
    (!stem.is_empty()).then(|| suffix.to_lowercase())
}

/// What is in a package, whichever way it is read: the signature of two is equal where they hold the same files and
/// folders under the same names. Times, modes and the order of reading count for nothing.
#[derive(Debug, Default)]
pub struct PackageTree {
    files: BTreeMap<String, Signature>,
    folders: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl PackageTree {
    /// Writes the names of a path as they are compared, in NFC.
    fn path<'n>(parts: impl IntoIterator<Item = &'n str>) -> String {
        let parts = parts
            .into_iter()
            .map(|part| local_name(part).unwrap_or_else(|_| part.to_owned()));
        parts.collect::<Vec<_>>().join("/")
    }

    fn folders_of(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            self.folders.insert(path.split_at(at).0.to_owned());
        }
    }

    /// Takes a file, by the parts of its path below the package. Returns whether its place was free.
    pub fn file<'n>(
        &mut self,
        parts: impl IntoIterator<Item = &'n str>,
        content: Signature,
    ) -> bool {
        let path = Self::path(parts);
        self.folders_of(&path);
        self.files.insert(path, content).is_none()
    }

    /// Takes a folder. The folders that something is in need not be told of.
    pub fn folder<'n>(&mut self, parts: impl IntoIterator<Item = &'n str>) {
        let path = Self::path(parts);
        self.folders_of(&path);
        if !path.is_empty() {
            self.folders.insert(path);
        }
    }

    /// Takes what comes in no package from the service, such as a link: no such tree is equal to one from there.
    pub fn other<'n>(&mut self, parts: impl IntoIterator<Item = &'n str>) {
        self.others.insert(Self::path(parts));
    }

    /// Returns the signature of all of it.
    pub fn signature(&self) -> Signature {
        let mut hasher = SignatureHasher::new();
        // No name has a NUL.
        for folder in &self.folders {
            hasher.update(format!("d {folder}\0").as_bytes());
        }
        for (file, content) in &self.files {
            hasher.update(format!("f {} {file}\0", content.to_wire()).as_bytes());
        }
        for other in &self.others {
            hasher.update(format!("o {other}\0").as_bytes());
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_its_names_and_contents() {
        let one = Signature::of(b"1");
        let tree = |files: &[(&str, &Signature)], folders: &[&str]| {
            let mut tree = PackageTree::default();
            for (path, content) in files {
                assert!(tree.file(path.split('/'), **content));
            }
            for path in folders {
                tree.folder(path.split('/'));
            }
            tree.signature()
        };
        let base = tree(&[("a/b", &one), ("c", &one)], &[]);
        assert_eq!(base, tree(&[("c", &one), ("a/b", &one)], &["a"]));
        assert_eq!(
            tree(&[("Cafe\u{301}", &one)], &[]),
            tree(&[("Caf\u{e9}", &one)], &[])
        );
        for other in [
            tree(&[("a/b", &one), ("c", &one)], &["d"]),
            tree(&[("a/b", &one)], &[]),
            tree(&[("a/b", &one), ("c", &Signature::of(b"2"))], &[]),
            tree(&[("a/b", &one), ("d", &one)], &[]),
        ] {
            assert_ne!(base, other);
        }
        let mut with_link = PackageTree::default();
        with_link.file(["c"], one);
        with_link.other(["l"]);
        assert_ne!(with_link.signature(), tree(&[("c", &one)], &[]));
        assert!(!with_link.file(["c"], one), "a second one of that name");
    }

    #[test]
    fn a_name_tells_by_what_it_ends_with() {
        for name in ["a.pages", "b.c.KEY", "Song.band", " .rtfd"] {
            assert!(names_package(name), "{name}");
        }
        for name in [
            "pages",
            ".pages",
            "a.pages.zip",
            "a.app",
            "a.page",
            "a.",
            "",
        ] {
            assert!(!names_package(name), "{name}");
        }
    }
}
