//! The patterns of one option, compiled.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use unicode_normalization::UnicodeNormalization;

use crate::{
    error::{Error, Kind, Result},
    tree::RelPath,
};

/// Bytes of a pattern at most: as many as a path may have. The time to compile one grows faster than its length.
pub(super) const LONGEST: usize = 4096;

/// Bytes of all patterns of one option at most.
const LONGEST_LIST: usize = 1 << 18;

/// Folders on the way to what a pattern may match, at most; of a deeper one any folder may be on the way.
const WAYS: usize = 64;

/// Globs of one sort, and for each the number of the pattern that it is from.
#[derive(Debug, Default)]
struct Globs {
    set: GlobSet,
    from: Vec<usize>,
}

struct GlobsBuilder {
    set: GlobSetBuilder,
    from: Vec<usize>,
}

impl GlobsBuilder {
    fn new() -> Self {
        Self {
            set: GlobSetBuilder::new(),
            from: Vec::new(),
        }
    }

    fn add(&mut self, glob: &str, from: usize) -> std::result::Result<(), globset::Error> {
        let glob = GlobBuilder::new(glob)
            .literal_separator(true)
            .backslash_escape(true)
            .build()?;
        self.set.add(glob);
        self.from.push(from);
        Ok(())
    }

    fn build(self) -> std::result::Result<Globs, globset::Error> {
        Ok(Globs {
            set: self.set.build()?,
            from: self.from,
        })
    }
}

/// The patterns of one option.
#[derive(Debug, Default)]
pub(super) struct Rules {
    source: &'static str,
    patterns: Vec<Box<str>>,
    names: Globs,
    folder_names: Globs,
    paths: Globs,
    folder_paths: Globs,
    /// Folders on the way to what a pattern with a slash may match.
    ways: Globs,
    /// Some pattern has no slash, so that any folder may hold what it matches.
    is_way_everywhere: bool,
}

impl Rules {
    /// Compiles `patterns`, given by the option `source`.
    pub(super) fn new(source: &'static str, patterns: &[String]) -> Result<Self> {
        let rules = Self::compile(patterns)
            .map_err(|why| Error::new(Kind::Usage, format!("{source}: {why}")))?;
        Ok(Self { source, ..rules })
    }

    /// Compiles `patterns`; what is wrong with the first bad one comes back as text.
    fn compile(patterns: &[String]) -> std::result::Result<Self, String> {
        let mut names = GlobsBuilder::new();
        let mut folder_names = GlobsBuilder::new();
        let mut paths = GlobsBuilder::new();
        let mut folder_paths = GlobsBuilder::new();
        let mut ways = GlobsBuilder::new();
        let mut is_way_everywhere = false;
        let mut kept = Vec::new();
        if patterns.iter().map(String::len).sum::<usize>() > LONGEST_LIST {
            return Err(format!(
                "the patterns have more than {LONGEST_LIST} bytes together"
            ));
        }
        for given in patterns {
            if given.len() > LONGEST {
                return Err(format!("a pattern has more than {LONGEST} bytes"));
            }
            let pattern: String = given.nfc().collect();
            let inner = pattern.trim_end_matches('/');
            let is_folder_only = inner.len() < pattern.len();
            let glob = inner.trim_start_matches('/');
            if glob.is_empty() {
                continue;
            }
            let bad = |error: globset::Error| format!("bad pattern {given:?}: {}", error.kind());
            let number = kept.len();
            kept.push(given.as_str().into());
            if inner.contains('/') {
                let list = if is_folder_only {
                    &mut folder_paths
                } else {
                    &mut paths
                };
                list.add(glob, number).map_err(bad)?;
                match ways_to(glob) {
                    Some(found) => {
                        for way in found {
                            ways.add(&way, number).map_err(bad)?;
                        }
                    }
                    None => is_way_everywhere = true,
                }
            } else {
                let list = if is_folder_only {
                    &mut folder_names
                } else {
                    &mut names
                };
                list.add(glob, number).map_err(bad)?;
                is_way_everywhere = true;
            }
        }
        let too_many = |error: globset::Error| format!("too many or too large patterns: {error}");
        Ok(Self {
            source: "",
            patterns: kept,
            names: names.build().map_err(too_many)?,
            folder_names: folder_names.build().map_err(too_many)?,
            paths: paths.build().map_err(too_many)?,
            folder_paths: folder_paths.build().map_err(too_many)?,
            ways: ways.build().map_err(too_many)?,
            is_way_everywhere,
        })
    }

    /// Returns the option that they are from.
    pub(super) fn source(&self) -> &'static str {
        self.source
    }

    /// Returns whether there is no pattern.
    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns whether a pattern matches.
    pub(super) fn hits(&self, path: &RelPath, is_folder: bool) -> bool {
        if self.is_empty() {
            return false;
        }
        self.names.set.is_match(path.name())
            || self.paths.set.is_match(path.as_str())
            || (is_folder
                && (self.folder_names.set.is_match(path.name())
                    || self.folder_paths.set.is_match(path.as_str())))
    }

    /// Returns the first pattern that matches, as it was given.
    pub(super) fn first_hit(&self, path: &RelPath, is_folder: bool) -> Option<&str> {
        let none = Globs::default();
        let (folder_names, folder_paths) = if is_folder {
            (&self.folder_names, &self.folder_paths)
        } else {
            (&none, &none)
        };
        let by_name = [&self.names, folder_names].map(|globs| (globs, path.name()));
        let by_path = [&self.paths, folder_paths].map(|globs| (globs, path.as_str()));
        by_name
            .into_iter()
            .chain(by_path)
            .flat_map(|(globs, text)| {
                let hits = globs.set.matches(text);
                hits.into_iter().map(|hit| globs.from[hit])
            })
            .min()
            .map(|number| &*self.patterns[number])
    }

    /// Returns whether a pattern may match something below the folder `path`.
    pub(super) fn may_hit_below(&self, path: &RelPath) -> bool {
        self.is_way_everywhere || self.ways.set.is_match(path.as_str())
    }
}

/// Checks one pattern.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(pattern: &str) -> std::result::Result<(), String> {
    let compiled = Rules::compile(&[pattern.to_owned()]);
    compiled.map(drop).map_err(|why| {
        let itself = format!("bad pattern {pattern:?}: ");
        why.strip_prefix(&itself).unwrap_or(&why).to_owned()
    })
}

/// Returns the globs of the folders in which something that `glob` matches may lie; `None` where
/// that can be any folder.
fn ways_to(glob: &str) -> Option<Vec<String>> {
    let mut ways = Vec::new();
    let mut end = None;
    for part in glob.split('/') {
        if ways.len() > WAYS {
            return None;
        }
        if part.contains(['{', '}', '[', ']', '\\']) && !is_closed(part) {
            // A slash inside braces: the parts can't be told apart.
            return None;
        }
        if part == "**" {
            // Whatever follows may lie at any depth below.
            ways.push(format!("{}/**", end?));
            return Some(ways);
        }
        let way: String = end.map_or_else(|| part.to_owned(), |end| format!("{end}/{part}"));
        ways.push(way.clone());
        end = Some(way);
    }
    ways.pop();
    Some(ways)
}

/// Returns whether all braces and brackets that begin in `part` end in it.
fn is_closed(part: &str) -> bool {
    GlobBuilder::new(part)
        .backslash_escape(true)
        .build()
        .is_ok()
        && part.matches('{').count() == part.matches('}').count()
        && part.matches('[').count() == part.matches(']').count()
}
