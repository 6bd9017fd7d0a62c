//! Which paths take part: one decision for both sides.
//!
//! Patterns and a local root come in, a yes or no for a path goes out; it depends on the path and on
//! whether it is a folder, on nothing else, so both sides come to the same answer. It never looks
//! at an item, and files are read once, when a [`Filter`] is made.
//!
//! The rules, strongest first; whatever hides a folder hides all below it:
//!
//! 1. The tool's own files: folders called `.icloud-sync` (a folder below LOCAL may be a pair of its own),
//!    and names that begin with `.icloud-sync.` (unfinished downloads). Nothing brings them back.
//! 2. The default ignores (`.DS_Store` and its like), unless they are lifted.
//! 3. `--ignore`, then `--exclude`: what matches is hidden.
//! 4. `--filter-from FILE`, and `.icloud-sync-ignore` in the root: gitignore syntax. Both are one
//!    list, the file named on the command line last; the last line that matches decides, and a
//!    `!line` takes back what an earlier line of the list hid, nothing else.
//! 5. `--include`, where any is given: only what matches takes part. A folder that matches takes part
//!    with all below it. A folder in which something might match takes part by itself, as with rsync:
//!    `--include '*.txt'` keeps every folder, `--include 'docs/*.txt'` keeps `docs` and no other.
//!
//! A pattern without a slash is matched against names at any depth, one with a slash against the
//! whole path (a leading slash does no more than that); a slash at its end makes it match folders only.
//! `*` and `?` never match a `/`; `**/`, `/**` and `/**/` stand for any folders. Case counts.
//! Packages are files to a filter, as they are on the service.

mod rules;

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use unicode_normalization::UnicodeNormalization;

use self::rules::Rules;
use crate::{
    error::{Error, Kind, Result},
    options::FilterOptions,
    tree::RelPath,
};

/// The folder in which the tool keeps what is its own, below the root of each pair.
pub const OWN_FOLDER: &str = ".icloud-sync";
/// What the names of unfinished files begin with.
pub const OWN_PREFIX: &str = ".icloud-sync.";
/// What they end with.
pub const PART_SUFFIX: &str = ".part";
/// The file in the local root with the user's own rules; it syncs like any other.
pub const IGNORE_FILE: &str = ".icloud-sync-ignore";

/// Bytes of a file of rules at most. It may have come from the other side.
const LARGEST: u64 = 1 << 20;

/// Checks one pattern of `--include`, `--exclude` or `--ignore`.
///
/// # Errors
/// What is wrong with it.
pub fn check_pattern(pattern: &str) -> std::result::Result<(), String> {
    rules::check(pattern)
}

/// Returns whether a name is that of an unfinished file of this program.
pub fn is_part_name(name: &str) -> bool {
    name.starts_with(OWN_PREFIX) && name.ends_with(PART_SUFFIX)
}

/// How a path stands to the filter. Of a folder, it is needed to ask for what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Takes part; what is in it does too, unless something hides it.
    Open,
    /// A folder that takes part because an include pattern may match something in it.
    Way,
    /// Takes no part, with all below it.
    Hidden,
}

/// What a rule hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// The path that the rule is about.
    pub at: RelPath,
    /// The rule, in words that can follow a colon.
    pub rule: String,
}

/// Decides which paths take part.
#[derive(Debug)]
pub struct Filter {
    has_default_ignores: bool,
    ignore: Rules,
    exclude: Rules,
    include: Rules,
    lines: Gitignore,
}

impl Filter {
    /// Makes a filter, and reads `options.filter_from` and [`IGNORE_FILE`] in `local_root`. Empty
    /// patterns are passed over.
    ///
    /// # Errors
    /// `Usage` where a pattern can't be read or a file of patterns can't be read as text; the
    /// message names the pattern and where it is from. A missing [`IGNORE_FILE`] is no error.
    pub fn new(options: &FilterOptions, local_root: &Path) -> Result<Self> {
        Ok(Self {
            has_default_ignores: !options.no_default_ignores,
            ignore: Rules::new("--ignore", &options.ignore)?,
            exclude: Rules::new("--exclude", &options.exclude)?,
            include: Rules::new("--include", &options.include)?,
            lines: read_lines(options.filter_from.as_deref(), local_root)?,
        })
    }

    /// Returns how the root stands, to begin a walk with.
    pub fn root(&self) -> Scope {
        if self.include.is_empty() {
            Scope::Open
        } else {
            Scope::Way
        }
    }

    /// Returns how `path` stands, whose folder stands as `folder`.
    pub fn step(&self, folder: Scope, path: &RelPath, is_folder: bool) -> Scope {
        if folder == Scope::Hidden || self.is_hidden_by_itself(path, is_folder) {
            Scope::Hidden
        } else if folder == Scope::Open || self.include.hits(path, is_folder) {
            Scope::Open
        } else if is_folder && self.include.may_hit_below(path) {
            Scope::Way
        } else {
            Scope::Hidden
        }
    }

    /// Returns how `path` stands, whatever it is in. A walk is better served by [`Self::step`].
    pub fn scope(&self, path: &RelPath, is_folder: bool) -> Scope {
        let folder = path
            .ancestors()
            .fold(self.root(), |scope, folder| self.step(scope, &folder, true));
        self.step(folder, path, is_folder)
    }

    /// Returns whether `path` takes no part.
    pub fn hides(&self, path: &RelPath, is_folder: bool) -> bool {
        self.scope(path, is_folder) == Scope::Hidden
    }

    /// Returns the rule that keeps `path` from taking part, and what it hides: the path itself or a folder that it is in.
    /// `None` if none does.
    pub fn why(&self, path: &RelPath, is_folder: bool) -> Option<Hidden> {
        let hidden = |at: &RelPath, is_folder: bool| Hidden {
            at: at.clone(),
            rule: self.rule_for(at, is_folder),
        };
        let mut scope = self.root();
        for folder in path.ancestors() {
            scope = self.step(scope, &folder, true);
            if scope == Scope::Hidden {
                return Some(hidden(&folder, true));
            }
        }
        (self.step(scope, path, is_folder) == Scope::Hidden).then(|| hidden(path, is_folder))
    }

    fn is_hidden_by_itself(&self, path: &RelPath, is_folder: bool) -> bool {
        is_own(path)
            || (self.has_default_ignores && is_ignored_by_default(path.name()))
            || self.ignore.hits(path, is_folder)
            || self.exclude.hits(path, is_folder)
            || (!self.lines.is_empty() && self.lines.matched(path.as_str(), is_folder).is_ignore())
    }

    /// Names the rule that hides `path`, which is hidden and whose folder is not.
    fn rule_for(&self, path: &RelPath, is_folder: bool) -> String {
        if is_own(path) {
            return "it is icloud-sync's own".to_owned();
        }
        if self.has_default_ignores && is_ignored_by_default(path.name()) {
            return "the default ignores (--no-default-ignores lifts them)".to_owned();
        }
        for rules in [&self.ignore, &self.exclude] {
            if let Some(pattern) = rules.first_hit(path, is_folder) {
                return format!("{} \"{pattern}\"", rules.source());
            }
        }
        if let ignore::Match::Ignore(line) = self.lines.matched(path.as_str(), is_folder) {
            let file = line.from().unwrap_or_else(|| Path::new(IGNORE_FILE));
            return format!("the line \"{}\" of {}", line.original(), file.display());
        }
        "no --include pattern matches it".to_owned()
    }
}

/// Returns whether it is the tool's own: its folder, or an unfinished file. Its folder may be anywhere, since
/// a folder below LOCAL may be a pair of its own, with a trash of its own.
fn is_own(path: &RelPath) -> bool {
    path.name() == OWN_FOLDER || path.name().starts_with(OWN_PREFIX)
}

/// Returns whether the name is one that systems leave behind and nobody wants synced.
fn is_ignored_by_default(name: &str) -> bool {
    matches!(name, ".DS_Store" | ".localized" | "Icon\r")
        || name.starts_with("._")
        || name.starts_with(".com-apple-bird")
        || is_unlinked_on_nfs(name)
        || is_placeholder(name)
}

/// Returns whether the name is what an NFS client gives a file that is open and has no name any more.
fn is_unlinked_on_nfs(name: &str) -> bool {
    let rest = name.strip_prefix(".nfs").unwrap_or_default();
    rest.len() >= 16 && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns whether the name is that of a file which an old macOS has not downloaded: `.NAME.icloud`.
fn is_placeholder(name: &str) -> bool {
    name.strip_prefix('.')
        .and_then(|rest| rest.strip_suffix(".icloud"))
        .is_some_and(|inner| !inner.is_empty())
}

/// Reads the two files of rules into one list.
fn read_lines(filter_from: Option<&Path>, local_root: &Path) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    let own = local_root.join(IGNORE_FILE);
    match read_rules(&own) {
        Ok(bytes) => add_lines(&mut builder, &own, bytes)?,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) => {}
        Err(error) => return Err(cannot_read(&own, error)),
    }
    if let Some(file) = filter_from {
        let bytes = read_rules(file).map_err(|error| cannot_read(file, error))?;
        add_lines(&mut builder, file, bytes)?;
    }
    builder.build().map_err(|error| {
        Error::new(
            Kind::Usage,
            "the filter files hold too many or too large patterns",
        )
        .with_source(error)
    })
}

fn read_rules(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(file)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let text = format!("it has more than {LARGEST} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

fn cannot_read(file: &Path, error: io::Error) -> Error {
    Error::new(
        Kind::Usage,
        format!("cannot read the filter file \"{}\"", file.display()),
    )
    .with_source(error)
    .with_hint("give a file of gitignore lines, such as `*.tmp` and `!keep.tmp`")
}

fn add_lines(builder: &mut GitignoreBuilder, file: &Path, bytes: Vec<u8>) -> Result<()> {
    let text = String::from_utf8(bytes)
        .map_err(|error| cannot_read(file, io::Error::new(io::ErrorKind::InvalidData, error)))?;
    let from = PathBuf::from(file);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    for (at, line) in text.lines().enumerate() {
        if line.len() > rules::LONGEST {
            let place = format!("{}, line {}", file.display(), at + 1);
            let text = format!("{place}: it has more than {} bytes", rules::LONGEST);
            return Err(Error::new(Kind::Usage, text));
        }
        // Paths are compared in NFC, so patterns are brought to it as well.
        let line: String = line.nfc().collect();
        if let Err(error) = builder.add_line(Some(from.clone()), &line) {
            let place = format!("{}, line {}", file.display(), at + 1);
            return Err(
                Error::new(Kind::Usage, format!("{place}: bad pattern \"{line}\""))
                    .with_source(error),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
