//! `.env` files: text in, names and values with their line numbers out.
//!
//! A line is `NAME=VALUE`, with `export ` in front or not. A value is bare (up to ` #`), in single
//! quotes (as it is) or in double quotes (`\n`, `\r`, `\t`, `\"`, `\\` and `\$`); a quoted one may span lines. Nothing is
//! expanded: a password may hold a `$`. Errors never show a line's text, since it may be a secret.

use std::{collections::BTreeMap, fmt, path::Path};

use crate::error::{Error, Kind, Result};

/// What a `.env` file says: by name, the value and the line it begins on. Of a name that is there
/// twice the last counts.
#[derive(Clone, Default)]
pub(super) struct DotEnv(BTreeMap<String, (String, usize)>);

impl DotEnv {
    /// Reads the text of the file `path`, which is only named in errors.
    ///
    /// # Errors
    /// `Usage`, naming file and line, where a line has no such form.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut found = BTreeMap::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rest = text;
        let mut line = 1;
        while !rest.is_empty() {
            let start = line;
            let (pair, after) = entry(rest).map_err(|what| {
                Error::new(
                    Kind::Usage,
                    format!("{} line {start}: {what}", path.display()),
                )
                .with_hint("a line has the form NAME=VALUE; # begins a comment")
            })?;
            let taken = rest.len() - after.len();
            line += rest
                .bytes()
                .take(taken)
                .filter(|byte| *byte == b'\n')
                .count();
            rest = after;
            if let Some((name, value)) = pair {
                found.insert(name, (value, start));
            }
        }
        Ok(Self(found))
    }

    /// Returns the value of `name` and its line, or `None` where it is not there or empty.
    pub(super) fn get(&self, name: &str) -> Option<(&str, usize)> {
        self.0
            .get(name)
            .filter(|(value, _)| !value.is_empty())
            .map(|(value, line)| (value.as_str(), *line))
    }
}

impl DotEnv {
    /// Returns all names, each with its line.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        let all = self.0.iter();
        all.map(|(name, (_, line))| (name.as_str(), *line))
    }
}

/// Names only: a value may be a secret.
impl fmt::Debug for DotEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

type Entry<'a> = (Option<(String, String)>, &'a str);

/// Reads one line, or the lines of one quoted value; returns it and what follows.
fn entry(text: &str) -> std::result::Result<Entry<'_>, &'static str> {
    let (first, after) = text.split_once('\n').unwrap_or((text, ""));
    let line = first.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok((None, after));
    }
    let line = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        Some(_) | None => line,
    };
    let (name, value) = line.split_once('=').ok_or("there is no \"=\"")?;
    let name = name.trim();
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if name.is_empty() || !is_name || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err("what stands before \"=\" is not a name");
    }
    let value = value.trim_start();
    let Some(quote) = value
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''))
    else {
        return Ok((Some((name.to_owned(), bare(value).to_owned())), after));
    };
    // The value as it stands in the whole text: it may go on beyond this line.
    let from = text
        .split_once('=')
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(quote))
        .ok_or("the quoted value can't be read")?;
    let (value, rest) = quoted(from, quote)?;
    let (tail, after) = rest.split_once('\n').unwrap_or((rest, ""));
    let tail = tail.trim();
    if !tail.is_empty() && !tail.starts_with('#') {
        return Err("there is more after the closing quote");
    }
    Ok((Some((name.to_owned(), value)), after))
}

/// A bare value ends at white space and `#`.
fn bare(value: &str) -> &str {
    if value.starts_with('#') {
        return "";
    }
    let end = value
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| {
            value
                .get(..*at)
                .is_some_and(|before| before.ends_with([' ', '\t']))
        })
        .unwrap_or(value.len());
    value.get(..end).unwrap_or(value).trim()
}

/// Reads up to the closing quote; returns the value and what follows the quote.
fn quoted(text: &str, quote: char) -> std::result::Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == quote {
            return Ok((value, letters.as_str()));
        }
        if letter != '\\' || quote == '\'' {
            value.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => value.push('\n'),
            Some('r') => value.push('\r'),
            Some('t') => value.push('\t'),
            Some(other @ ('"' | '\\' | '$' | '\'')) => value.push(other),
            Some(other) => value.extend(['\\', other]),
            None => break,
        }
    }
    Err("the closing quote is missing")
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DotEnv> {
        DotEnv::parse(Path::new(".env"), text)
    }

    fn get(text: &str, name: &str) -> Option<String> {
        parse(text)
            .unwrap()
            .get(name)
            .map(|(value, _)| value.to_owned())
    }

    #[test]
    fn lines_have_the_forms_that_people_write() {
        let text = "\u{feff}# c\r\nA=1\r\nexport B = two words # c\nC='$x # \\n'\nD=\"a\\\"b\\n\"# c\nE=x#y\nF=\nG=#\n";
        for (name, value) in [
            ("A", "1"),
            ("B", "two words"),
            ("C", "$x # \\n"),
            ("D", "a\"b\n"),
            ("E", "x#y"),
        ] {
            assert_eq!(get(text, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(get(text, "F"), None);
        assert_eq!(get(text, "G"), None);
    }

    #[test]
    fn a_quoted_value_may_span_lines_and_lines_are_counted_on() {
        let env = parse("K=\"one\ntwo\"\n\nL=3\n").unwrap();
        assert_eq!(env.get("K"), Some(("one\ntwo", 1)));
        assert_eq!(env.get("L"), Some(("3", 4)));
    }

    #[test]
    fn the_last_of_two_counts() {
        assert_eq!(get("A=1\nA=2", "A").as_deref(), Some("2"));
    }

    #[test]
    fn a_bad_line_is_named_but_not_shown() {
        for (text, line, what) in [
            ("A=1\nhunter2\n", 2, "no \"=\""),
            ("A B=hunter2", 1, "not a name"),
            ("=hunter2", 1, "not a name"),
            ("\nP='hunter2", 2, "closing quote"),
            ("P='x' hunter2", 1, "more after"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            let words = error.chain();
            assert!(words.starts_with(&format!(".env line {line}: ")), "{words}");
            assert!(words.contains(what), "{words}");
            assert!(!words.contains("hunter2"), "{words}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        assert!(!format!("{:?}", parse("P=hunter2").unwrap()).contains("hunter2"));
    }
}
