//! What a folder's etag tells of what is below it (protocol page 15, question 2; page 8.6).

use super::lab::{Lab, Measured};
use crate::{
    cloud::Node,
    error::Result,
    tree::{Etag, Kind, RemoteId},
};

/// The folders above the file, the nearest first.
const ABOVE: [&str; 3] = ["that folder", "the one above", "the one above that"];

/// Question 2. It also looks at what passes rest on: that the part of a file's etag after `::` moves with its content, and
/// with nothing else.
pub(super) fn spread(lab: &mut Lab<'_>) -> Result<Measured> {
    let top = lab.corner("etags")?;
    let middle = lab.folder(&top, "a")?.id;
    let inner = lab.folder(&middle, "b")?.id;
    let folders = [inner.clone(), middle, top];
    let file = lab.file(&inner, "file.txt", "first")?;
    let mut before = etags(lab, &folders)?;
    let mut said = Vec::new();
    let mut note = |lab: &Lab<'_>, what: &str| -> Result<()> {
        let now = etags(lab, &folders)?;
        said.push(format!("{what}: {}", changed(&before, &now)));
        before = now;
        Ok(())
    };
    let renamed = lab.rename(&file, "other.txt")?;
    note(lab, "a rename below it")?;
    let edited = lab.update(&renamed, &inner, "secon")?;
    note(lab, "an edit of the same size")?;
    let longer = lab.update(&edited, &inner, "a longer one")?;
    note(lab, "an edit of another size")?;
    lab.trash(&longer)?;
    note(lab, "a deletion below it")?;
    let mut measured = Measured::known(said.join("; "));
    let (words, way_out) = judged([&file, &renamed, &edited].map(content_part));
    measured.answer.push_str("; ");
    measured.answer.push_str(words);
    measured.way_out = way_out;
    Ok(measured)
}

/// Judges the content parts of a new file, after a rename, and after an edit: what it says, and what to do if passes can't
/// rest on it.
fn judged(parts: [Option<&str>; 3]) -> (&'static str, Option<&'static str>) {
    match parts {
        [_, Some(renamed), Some(edited)] if renamed == edited => (
            "the part of a file's etag after :: stays as it is when the content changes",
            Some(
                "use --checksum until the project knows of it: an edit of the same size and time could be missed; tell the project, with this report",
            ),
        ),
        [Some(first), Some(renamed), Some(_)] if first == renamed => (
            "the part of a file's etag after :: moves with its content only",
            None,
        ),
        [Some(_), Some(_), Some(_)] => (
            "the part of a file's etag after :: moves with a rename too",
            None,
        ),
        _ => ("a file's etag has no content part", None),
    }
}

/// Returns the part that should move with content only.
fn content_part(node: &Node) -> Option<&str> {
    node.etag.content_part()
}

fn etags(lab: &Lab<'_>, folders: &[RemoteId]) -> Result<Vec<Etag>> {
    let asked: Vec<_> = folders
        .iter()
        .map(|id| (id.clone(), Kind::Folder))
        .collect();
    Ok(lab
        .look(&asked)?
        .into_iter()
        .map(|node| node.etag)
        .collect())
}

/// Says which folders have another etag now.
fn changed(before: &[Etag], now: &[Etag]) -> String {
    let which: Vec<&str> = before
        .iter()
        .zip(now)
        .zip(ABOVE)
        .filter(|((before, now), _)| before != now)
        .map(|(_, name)| name)
        .collect();
    match which.len() {
        0 => "none changes".to_owned(),
        3 => "all above change".to_owned(),
        _ => format!("changes: {}", which.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_that_the_content_part_does_not_show_is_a_reason_to_worry() {
        let judge = |parts: [&str; 3]| judged(parts.map(Some));
        assert!(judge(["1", "1", "2"]).0.contains("content only"));
        assert!(judge(["1", "2", "3"]).0.contains("with a rename too"));
        for parts in [["1", "1", "1"], ["1", "2", "2"]] {
            assert!(judge(parts).1.unwrap().contains("--checksum"), "{parts:?}");
        }
        assert!(judged([None, None, None]).0.contains("no content part"));
    }

    #[test]
    fn the_folders_that_changed_are_named() {
        let of = |texts: [&str; 3]| texts.map(Etag::new);
        let before = of(["1", "2", "3"]);
        for (now, words) in [
            (["1", "2", "3"], "none changes"),
            (["4", "5", "6"], "all above change"),
            (["4", "2", "3"], "changes: that folder"),
            (
                ["1", "5", "6"],
                "changes: the one above and the one above that",
            ),
        ] {
            assert_eq!(changed(&before, &of(now)), words);
        }
    }
}
