//! What a first pass should know of other pairs: it may be one of them under a new name.
//!
//! Comes in: LOCAL and REMOTE of a pair without a baseline. Goes out: a warning for each pair that has one of the two in
//! common. Nothing is changed, and no pass fails for what can't be read here.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use super::places::Places;
use crate::{
    options::PassOptions,
    plan::Verb,
    state::{
        baseline::Header,
        hash,
        last::{self, Known, LastPass},
    },
};

/// A baseline's first line is no longer than this, in bytes, but for what was on its way.
const LONGEST_LINE: u64 = 1 << 20;

/// What a first pass does, in words.
const JOINS: &str = "which joins the two: it deletes nothing, and what was deleted on one side since the last pass comes back";

/// Returns what is to be said before a first pass. A LOCAL that has been in step with another REMOTE: it may be a forgotten
/// one, or have another name now. A REMOTE that has been in step with a LOCAL which is gone: that may have moved here.
pub(super) fn warnings(places: &Places, options: &PassOptions, account: &str) -> Vec<String> {
    let here = last::absolute(&places.local);
    let asked = options.remote.trim_matches('/');
    let all = last::all(&options.state_dir).unwrap_or_default();
    let mut warnings = Vec::new();
    let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
    if options.verb != Verb::Pull && home.as_ref() == Some(&places.local) {
        warnings.push(format!(
            "LOCAL \"{here}\" is your home folder: keys (.ssh), settings and what browsers keep there go to iCloud too, but for what --exclude leaves out"
        ));
    }
    for known in &all {
        let Some(last) = known.last.as_ref().filter(|last| last.baseline_items > 0) else {
            continue;
        };
        let other = last.remote.trim_matches('/');
        if last.local == here && other != asked {
            warnings.push(format!(
                "LOCAL \"{here}\" is in step with REMOTE \"/{other}\" since earlier passes; this is a first pass with \"/{asked}\", {JOINS}"
            ));
        } else if last.local != here
            && other == asked
            && is_gone(last)
            && !is_of_other_account(known, options, account)
        {
            warnings.push(format!(
                "REMOTE \"/{asked}\" was in step with LOCAL \"{}\", which is not there any more; this is a first pass with \"{here}\", {JOINS}",
                last.local
            ));
        }
    }
    warnings
}

fn is_gone(last: &LastPass) -> bool {
    matches!(
        fs::symlink_metadata(Path::new(&last.local)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound
    )
}

/// Returns whether a pair is known to be another account's, as far as its baseline is beside its record.
fn is_of_other_account(known: &Known, options: &PassOptions, account: &str) -> bool {
    if options.no_remote {
        return false;
    }
    let path = known.folder.join("baseline.jsonl");
    let mut line = Vec::new();
    let read = File::open(&path)
        .and_then(|file| BufReader::new(file.take(LONGEST_LINE)).read_until(b'\n', &mut line));
    read.is_ok()
        && Header::read(&line, &path).is_ok_and(|header| header.pair.account != hash(&[account]))
}
