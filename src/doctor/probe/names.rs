//! Where the service splits names (protocol page 15, question 9), and the two questions that no probe can answer (8 and
//! 10): what is known of them here.

use serde_json::Value;

use super::lab::{Lab, Measured};
use crate::{
    error::{Error, Kind, Result},
    options::Region,
};

/// Names that could be split in more than one way. The first three are files, the last a folder.
const FILES: [&str; 3] = [".profile", "a.", "a.tar.gz"];
const FOLDER: &str = "b.c";

/// Question 9.
pub(super) fn splits(lab: &mut Lab<'_>) -> Result<Measured> {
    let corner = lab.corner("names")?;
    let mut made = Vec::new();
    for name in FILES {
        let node = lab
            .file(&corner, name, name)
            .map(|node| node.id.file_drivewsid());
        made.push((name, node));
    }
    let node = lab
        .folder(&corner, FOLDER)
        .map(|node| node.id.folder_drivewsid());
    made.push((FOLDER, node));
    let listed = lab.listed(&corner, false)?;
    let items = listed.pointer("/0/items").and_then(Value::as_array);
    let mut said = Vec::new();
    for (name, made) in made {
        let id = match made {
            Ok(id) => id,
            Err(error) if matches!(error.kind(), Kind::Refused | Kind::Exists | Kind::NotFound) => {
                said.push(format!("\"{name}\" is refused ({})", error.chain()));
                continue;
            }
            Err(error) => return Err(error),
        };
        let item = items
            .into_iter()
            .flatten()
            .find(|item| item.get("drivewsid").and_then(Value::as_str) == Some(&id));
        let Some(item) = item else {
            let why = format!("what was made as \"{name}\" is not in its folder's listing");
            return Err(Error::new(Kind::Protocol, why));
        };
        said.push(split(name, item));
    }
    Ok(Measured::known(said.join(", ")))
}

/// Says how a listed item's name is split.
fn split(name: &str, item: &Value) -> String {
    let part = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let (stem, extension) = (part("name"), part("extension"));
    if extension.is_empty() && stem == name {
        return format!("\"{name}\" stays whole");
    }
    format!("\"{name}\" is \"{stem}\" and \"{extension}\"")
}

/// Question 8 can't be measured: see page 2.6.
#[expect(
    clippy::unnecessary_wraps,
    reason = "all measurements have the same form"
)]
pub(super) fn padding(_: &mut Lab<'_>) -> Result<Measured> {
    Ok(Measured::known(
        "can't be measured without risking a refused sign-in; icloud-sync draws its numbers so that both ways are the same, and begins anew where the service's are not",
    ))
}

/// Question 10 can only be answered by an account of China.
#[expect(
    clippy::unnecessary_wraps,
    reason = "all measurements have the same form"
)]
pub(super) fn china(lab: &mut Lab<'_>) -> Result<Measured> {
    let is_china = lab.endpoint.region() == Region::China;
    Ok(Measured::known(if lab.endpoint.is_custom() {
        "can't be measured here: one address stands for all hosts"
    } else if is_china {
        "this session is one of China; -vv of the next `icloud-sync login` names the host that took it"
    } else {
        "can't be measured here: the account is not one of China"
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_is_told_as_it_is() {
        for (item, words) in [
            (
                serde_json::json!({"name": "a.tar", "extension": "gz"}),
                "\"n\" is \"a.tar\" and \"gz\"",
            ),
            (
                serde_json::json!({"name": "n", "extension": null}),
                "\"n\" stays whole",
            ),
            (
                serde_json::json!({"name": "", "extension": "n"}),
                "\"n\" is \"\" and \"n\"",
            ),
        ] {
            assert_eq!(split("n", &item), words);
        }
    }
}
