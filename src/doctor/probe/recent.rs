//! What the list of recent documents tells of (protocol page 15, question 5; page 8.8). Passes do not use it.

use serde_json::Value;

use super::lab::{Lab, Measured};
use crate::{
    cloud::{
        drive::{Wire as _, encoded},
        http::Host,
    },
    error::{Error, Kind, Result},
};

/// The status that says that something has changed.
const CHANGED: u16 = 205;
/// It may take the service a moment to notice: so often it is asked, a second apart.
const LOOKS: u32 = 3;

/// Question 5.
pub(super) fn changes(lab: &mut Lab<'_>) -> Result<Measured> {
    let corner = lab.corner("recent")?;
    let file = lab.file(&corner, "file.txt", "first")?;
    let mark = match marker(lab) {
        Ok(mark) => mark,
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Refused) => {
            return Ok(Measured::known(format!(
                "it is not to be had: {}",
                error.chain()
            )));
        }
        Err(error) => return Err(error),
    };
    let mut said = vec![format!("without a change {}", status(lab, &mark)?)];
    let edited = lab.update(&file, &corner, "another")?;
    said.push(format!("after an edit {}", soon(lab, &mark)?));
    let mark = marker(lab)?;
    let renamed = lab.rename(&edited, "other.txt")?;
    said.push(format!("after a rename {}", soon(lab, &mark)?));
    let mark = marker(lab)?;
    lab.trash(&renamed)?;
    said.push(format!("after a deletion {}", soon(lab, &mark)?));
    let mark = marker(lab)?;
    lab.folder(&corner, "new")?;
    said.push(format!("after a new folder {}", soon(lab, &mark)?));
    Ok(Measured::known(format!(
        "status {} ({CHANGED} means that something has changed)",
        said.join(", ")
    )))
}

fn marker(lab: &Lab<'_>) -> Result<String> {
    let path = "ws/_all_/list/enumerate/recentDocs?limit=50&unified_format=true";
    let answer: Value = lab.drive.wire().get(Host::Docws, path)?;
    match answer.get("continuationMarker").and_then(Value::as_str) {
        Some(marker) => Ok(marker.to_owned()),
        None => Err(Error::new(
            Kind::Protocol,
            "recentDocs: the answer has no marker",
        )),
    }
}

fn status(lab: &Lab<'_>, marker: &str) -> Result<u16> {
    let marker = encoded(marker);
    let path = format!("ws/_all_/list/changes/recentDocs?limit=50&nextPage={marker}");
    lab.drive.wire().status(Host::Docws, &path)
}

/// Asks until a change is told of, a few times.
fn soon(lab: &Lab<'_>, marker: &str) -> Result<u16> {
    let mut last = status(lab, marker)?;
    for _ in 1..LOOKS {
        if last == CHANGED {
            break;
        }
        lab.drive.wire().pause(1)?;
        last = status(lab, marker)?;
    }
    Ok(last)
}
