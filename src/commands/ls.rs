//! `ls`: what is in a folder of iCloud Drive, as it is there. It changes nothing.
//!
//! A Drive and a path come in, lines for people or JSON lines for programs go out. No filter hides
//! anything here; what a pass would leave alone is shown all the same.

use std::io::{self, Write};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use crate::{
    cloud::{Node, Remote},
    error::{Error, Kind as ErrorKind, Result},
    report::sanitize::for_terminal,
    scan::{
        Watch,
        remote::{in_context, resolve, walk},
    },
    stop::Stop,
    tree::{Kind, RemoteId},
};

/// Requests in flight with `-R`.
const LISTERS: usize = 8;

/// What is to be listed, and how it is shown.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The folder: `/`, `/a/b`.
    pub remote: &'a str,
    /// `-R`: the folders in it as well.
    pub is_recursive: bool,
    /// `-l`: kind, size and time of each.
    pub is_long: bool,
    /// `--json`.
    pub is_json: bool,
    /// The output is a terminal: what could act on it is escaped.
    pub on_terminal: bool,
    /// The zone that times are shown in.
    pub zone: TimeZone,
}

/// One item to show.
struct Row {
    /// Names from the folder that is listed down to the item, as the service has them.
    names: Vec<String>,
    node: Node,
}

impl Row {
    /// The path as it can be typed again: a slash in a name is written `／`.
    fn path(&self) -> String {
        path_of(&self.names)
    }

    fn kind(&self) -> &'static str {
        if self.node.is_shared || self.node.id.zone.is_share() {
            "shared"
        } else if self.node.is_foreign {
            "other"
        } else if self.node.is_fixed {
            "library"
        } else if self.node.kind == Kind::Folder {
            "folder"
        } else {
            "file"
        }
    }

    fn is_folder(&self) -> bool {
        self.node.kind == Kind::Folder
    }
}

fn path_of(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|n| n.replace('/', "\u{ff0f}")).collect();
    names.join("/")
}

/// Lists a folder, sorted by name. Every line is an item; with `--json` an object with `type`
/// `item`: `path` (below the folder, as it can be typed again), `name` (as the service has it), `kind`,
/// `size` (files), `modified` (RFC 3339, UTC), `etag`, `id`, `zone`, and of what another account shares `shared_by`, that
/// account's record name.
///
/// # Errors
/// `Usage` where the path does not exist or names a file; `Protocol`, after all is shown, where some
/// folder could not be listed whole; whatever the service says. A closed pipe is none.
pub fn run(
    remote: &dyn Remote,
    options: &Options<'_>,
    stop: &Stop,
    out: &mut dyn Write,
) -> Result<()> {
    let folder = find(remote, options.remote)?;
    let watch = Watch {
        stop,
        progress: &|_| {},
    };
    let mut rows = Vec::new();
    let mut troubles: Vec<(String, Error)> = Vec::new();
    let mut show = |place: &[String], children: Result<Vec<Node>>| {
        match children {
            Ok(children) => rows.extend(children.into_iter().map(|node| {
                let mut names = place.to_vec();
                names.push(node.name.clone());
                Row { names, node }
            })),
            Err(error) => troubles.push((path_of(place), error)),
        }
        Ok(())
    };
    let deep = options.is_recursive;
    walk(remote, &folder, deep, LISTERS, watch, &mut show)
        .map_err(|error| in_context(error, &format!("cannot list \"{}\"", options.remote)))?;
    rows.sort_by(|a, b| a.names.cmp(&b.names));
    match print(&rows, options, out) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(Error::io("cannot write the output", error)),
        Ok(()) => {}
    }
    match troubles.into_iter().next() {
        None => Ok(()),
        Some((path, error)) => Err(error.in_context(format!("cannot list \"{path}\""))),
    }
}

fn find(remote: &dyn Remote, path: &str) -> Result<RemoteId> {
    if path.trim_matches('/').is_empty() {
        return Ok(RemoteId::root());
    }
    match resolve(remote, path)? {
        Some(folder) => Ok(folder.id),
        None => Err(Error::new(
            ErrorKind::Usage,
            format!("\"{path}\" does not exist in iCloud Drive"),
        )
        .with_hint("`icloud-sync ls -R` shows what is there")),
    }
}

fn print(rows: &[Row], options: &Options<'_>, out: &mut dyn Write) -> io::Result<()> {
    let sizes = rows.iter().filter(|row| !row.is_folder());
    let largest = sizes.map(|row| row.node.size).max().unwrap_or(0);
    let width = largest.to_string().len();
    for row in rows {
        if options.is_json {
            writeln!(out, "{}", as_json(row))?;
            continue;
        }
        let slash = if row.is_folder() { "/" } else { "" };
        let path = row.path();
        let path = if options.on_terminal {
            for_terminal(&path)
        } else {
            path.into()
        };
        if options.is_long {
            let size = if row.is_folder() {
                "-".to_owned()
            } else {
                row.node.size.to_string()
            };
            let time = local_time(row.node.modified_ms, &options.zone);
            let kind = row.kind();
            writeln!(out, "{kind:<7} {size:>width$} {time:<25} {path}{slash}")?;
        } else {
            writeln!(out, "{path}{slash}")?;
        }
    }
    out.flush()
}

fn local_time(modified_ms: Option<i64>, zone: &TimeZone) -> String {
    let time = modified_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(
        || "-".to_owned(),
        |time| {
            let local = time.to_zoned(zone.clone());
            local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        },
    )
}

fn as_json(row: &Row) -> serde_json::Value {
    let node = &row.node;
    let time = node
        .modified_ms
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    json!({
        "type": "item",
        "path": row.path(),
        "name": node.name,
        "kind": row.kind(),
        "size": (!row.is_folder()).then_some(node.size),
        "modified": time.map(|time| time.to_string()),
        "etag": node.etag.as_str(),
        "id": node.id.doc.to_string(),
        "zone": node.id.zone.on_wire(),
        "shared_by": node.id.zone.owner(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::cloud::fake::{Fake, Fault};

    fn options(remote: &str) -> Options<'_> {
        Options {
            remote,
            is_recursive: false,
            is_long: false,
            is_json: false,
            on_terminal: false,
            zone: TimeZone::fixed(jiff::tz::offset(2)),
        }
    }

    fn shown(fake: &Fake, options: &Options<'_>) -> Result<String> {
        let mut out = Vec::new();
        let done = run(fake, options, &Stop::new(), &mut out);
        done.map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_folder_is_listed_by_name_with_a_slash_after_folders() {
        let fake = Fake::new(&["b.txt", "a/c/d", ".DS_Store"]);
        assert_eq!(
            shown(&fake, &options("/")).unwrap(),
            ".DS_Store\na/\nb.txt\n"
        );
        assert_eq!(shown(&fake, &options("/a")).unwrap(), "c/\n");
        assert_eq!(
            fake.take_log().len(),
            3,
            "the root, the root to find \"a\", and \"a\""
        );
        let deep = Options {
            is_recursive: true,
            ..options("/")
        };
        assert_eq!(
            shown(&fake, &deep).unwrap(),
            ".DS_Store\na/\na/c/\na/c/d\nb.txt\n"
        );
    }

    #[test]
    fn the_long_form_tells_kind_size_and_local_time() {
        let fake = Fake::new(&["sub/", "a.txt"]);
        let long = Options {
            is_long: true,
            ..options("/")
        };
        assert_eq!(
            shown(&fake, &long).unwrap(),
            "file    5 2023-11-15T00:13:20+02:00 a.txt\nfolder  - -                         sub/\n"
        );
    }

    #[test]
    fn json_lines_hold_names_as_they_are_and_a_terminal_does_not() {
        let fake = Fake::new(&[]);
        let name = "a\u{1b}[2J/\u{202e}b";
        fake.world()
            .insert(&RemoteId::root(), Kind::File, name, |_| {});
        let json = Options {
            is_json: true,
            on_terminal: true,
            ..options("/")
        };
        let line = shown(&fake, &json).unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["type"], "item");
        assert_eq!(value["name"], name);
        assert_eq!(value["kind"], "file");
        assert_eq!(value["modified"], "2023-11-14T22:13:20Z");
        let terminal = Options {
            on_terminal: true,
            ..options("/")
        };
        assert_eq!(
            shown(&fake, &terminal).unwrap(),
            "a\\u{1b}[2J\u{ff0f}\\u{202e}b\n"
        );
        assert_eq!(
            shown(&fake, &options("/")).unwrap(),
            "a\u{1b}[2J\u{ff0f}\u{202e}b\n"
        );
    }

    #[test]
    fn a_file_and_a_missing_folder_are_wrong_usage() {
        let fake = Fake::new(&["a.txt"]);
        for remote in ["/a.txt", "/none"] {
            let error = shown(&fake, &options(remote)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert!(error.chain().contains(remote));
        }
    }

    #[test]
    fn what_cannot_be_listed_is_told_after_the_rest() {
        let fake = Fake::new(&["a/x", "b/y"]);
        let a = fake.world().id("a");
        let odd = VecDeque::from([Fault::Odd, Fault::Odd]);
        fake.world().faults.insert(a.clone(), odd);
        let deep = Options {
            is_recursive: true,
            ..options("/")
        };
        let mut out = Vec::new();
        let error = run(&fake, &deep, &Stop::new(), &mut out).unwrap_err();
        assert!(
            error.chain().contains("cannot list \"a\""),
            "{}",
            error.chain()
        );
        assert_eq!(String::from_utf8(out).unwrap(), "a/\nb/\nb/y\n");
        fake.world().faults.insert(a, VecDeque::from([Fault::Odd]));
        assert!(shown(&fake, &deep).unwrap().contains("a/x"));
    }

    #[test]
    fn a_closed_pipe_ends_it_quietly() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let fake = Fake::new(&["a"]);
        let done = run(&fake, &options("/"), &Stop::new(), &mut Closed);
        assert!(done.is_ok());
    }
}
