//! Paths below the root of a side, as keys.
//!
//! A [`RelPath`] is relative, in NFC, joined by `/`, never empty, and no part of it is empty, `.` or
//! `..` or holds a NUL: what is made from one can't leave its root. It is a key, not a file name: an item keeps its side's
//! own spelling beside it.

use std::{borrow::Cow, cmp::Ordering, fmt, sync::Arc};

use unicode_normalization::{UnicodeNormalization, is_nfc_quick};

/// A path below the root of a side. Ordered part by part, so that a folder is followed at once by
/// all that is in it. A copy shares the text: rows, listings and plans of one item hold one text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RelPath(Arc<str>);

/// Why a name can't be part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name has no characters.
    #[error("the name is empty")]
    Empty,
    /// The name is `.` or `..`.
    #[error("the name is \".\" or \"..\"")]
    Dots,
    /// The name holds a NUL.
    #[error("the name holds a NUL character")]
    Nul,
    /// The name holds a `/`.
    #[error("the name holds a slash")]
    Slash,
    /// The name is longer than 255 bytes, which no Linux file system stores.
    #[error("the name is longer than 255 bytes")]
    TooLong,
}

fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        Err(NameError::Empty)
    } else if name == "." || name == ".." {
        Err(NameError::Dots)
    } else if name.contains('\0') {
        Err(NameError::Nul)
    } else if name.contains('/') {
        Err(NameError::Slash)
    } else if name.len() > 255 {
        Err(NameError::TooLong)
    } else {
        Ok(())
    }
}

/// Returns the local form of a remote name: NFC, and `/` written as `／` (U+FF0F).
///
/// # Errors
/// What can't be a local name whatever is done to it: empty, `.`, `..`, a NUL, or over 255 bytes.
pub fn local_name(remote: &str) -> Result<String, NameError> {
    let name = nfc(remote).replace('/', "\u{ff0f}");
    check(&name)?;
    Ok(name)
}

impl RelPath {
    /// Makes a path of one part below the root.
    ///
    /// # Errors
    /// [`NameError`] where the name can't be part of a path.
    pub fn top(name: &str) -> Result<Self, NameError> {
        let name = nfc(name);
        check(&name)?;
        Ok(Self(name.into()))
    }

    /// Makes the path of `name` in this folder.
    ///
    /// # Errors
    /// [`NameError`] where the name can't be part of a path.
    pub fn join(&self, name: &str) -> Result<Self, NameError> {
        let name = nfc(name);
        check(&name)?;
        let mut text = String::with_capacity(self.0.len() + 1 + name.len());
        text.push_str(&self.0);
        text.push('/');
        text.push_str(&name);
        Ok(Self(text.into()))
    }

    /// Makes the path of `name` in `folder`, or below the root where that is `None`.
    ///
    /// # Errors
    /// [`NameError`] where the name can't be part of a path.
    pub fn within(folder: Option<&Self>, name: &str) -> Result<Self, NameError> {
        match folder {
            Some(folder) => folder.join(name),
            None => Self::top(name),
        }
    }

    /// Reads a path from `/`-joined text; leading, trailing and doubled slashes are passed over.
    ///
    /// # Errors
    /// [`NameError`] where a part can't be one, or there is none.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut path = String::with_capacity(text.len());
        for part in text.split('/').filter(|part| !part.is_empty()) {
            let name = nfc(part);
            check(&name)?;
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&name);
        }
        if path.is_empty() {
            return Err(NameError::Empty);
        }
        Ok(Self(path.into()))
    }

    /// Returns the path as text, parts joined by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last part.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Returns the folder it is in, or `None` where that is the root.
    pub fn parent(&self) -> Option<Self> {
        self.0
            .rsplit_once('/')
            .map(|(folder, _)| Self(folder.into()))
    }

    /// Returns the folder it is in as text, or `None` where that is the root.
    pub fn parent_str(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// Returns the parts, outermost first.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns how many parts it has: 1 below the root.
    pub fn depth(&self) -> usize {
        self.parts().count()
    }

    /// Returns whether it is `folder` itself or anywhere below it.
    pub fn is_at_or_under(&self, folder: &Self) -> bool {
        self.0
            .strip_prefix(&*folder.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the folders it is in, outermost first, without itself.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        self.0
            .match_indices('/')
            .map(|(at, _)| Self(self.0.get(..at).unwrap_or_default().into()))
    }

    /// Returns the key under which names are equal but for case.
    pub fn fold_case(name: &str) -> String {
        nfc(&name.to_lowercase()).into_owned()
    }
}

impl Ord for RelPath {
    fn cmp(&self, other: &Self) -> Ordering {
        const STEP: usize = 16;
        let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        let (one, other) = (self.0.as_bytes(), other.0.as_bytes());
        // Most of two paths that are compared is alike, and a whole step of it is compared at once.
        let steps = one.chunks_exact(STEP).zip(other.chunks_exact(STEP));
        let alike = STEP * steps.take_while(|(one, other)| one == other).count();
        let (one, other) = (&one[alike..], &other[alike..]);
        match one.iter().zip(other).find(|(one, other)| one != other) {
            Some((one, other)) => key(one).cmp(&key(other)),
            None => one.len().cmp(&other.len()),
        }
    }
}

impl PartialOrd for RelPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_nfc_and_cannot_leave_its_root() {
        let nfd = RelPath::parse("Cafe\u{301}/a").unwrap();
        assert_eq!(nfd, RelPath::parse("Caf\u{e9}/a").unwrap());
        for bad in ["", "/", "..", "a/../b", "a/./b", "a\0b"] {
            assert!(RelPath::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(RelPath::top("a/b"), Err(NameError::Slash));
        assert_eq!(RelPath::top(&"x".repeat(256)), Err(NameError::TooLong));
    }

    #[test]
    fn a_folder_is_followed_by_all_that_is_in_it() {
        let mut paths: Vec<_> = ["a.b", "a/z", "a", "a b", "a/b/c"]
            .iter()
            .map(|p| RelPath::parse(p).unwrap())
            .collect();
        paths.sort();
        let texts: Vec<_> = paths.iter().map(RelPath::as_str).collect();
        assert_eq!(texts, ["a", "a/b/c", "a/z", "a b", "a.b"]);
    }

    #[test]
    fn long_paths_differ_where_their_first_other_part_does() {
        let long = "sixteen characters and more/".repeat(3);
        let sorted: Vec<_> = ["a", "a/b", "a b", "a.b", "b"]
            .map(|last| RelPath::parse(&format!("{long}{last}")).unwrap())
            .to_vec();
        let mut turned = sorted.clone();
        turned.reverse();
        turned.sort();
        assert_eq!(turned, sorted);
        let above = sorted[0].parent().unwrap();
        assert_eq!(above.cmp(&sorted[0]), Ordering::Less);
    }

    #[test]
    fn under_means_whole_parts() {
        let path = |text| RelPath::parse(text).unwrap();
        assert!(path("a/b").is_at_or_under(&path("a")));
        assert!(path("a").is_at_or_under(&path("a")));
        assert!(!path("ab").is_at_or_under(&path("a")));
        let above: Vec<_> = path("a/b/c").ancestors().collect();
        assert_eq!(above, [path("a"), path("a/b")]);
    }

    #[test]
    fn a_slash_in_a_remote_name_becomes_a_wide_one() {
        assert_eq!(local_name("1/2").unwrap(), "1\u{ff0f}2");
        assert_eq!(local_name("..").unwrap_err(), NameError::Dots);
        assert_eq!(local_name("a\0").unwrap_err(), NameError::Nul);
    }
}
