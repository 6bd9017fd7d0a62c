//! Which names are those of packages: documents that are folders on Apple's devices, and one item on the service.

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

#[cfg(test)]
mod tests {
    use super::*;

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
