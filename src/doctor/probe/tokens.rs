//! Addresses of contents, and their checksums (protocol page 15, question 4; page 9.9).

use jiff::Timestamp;
use reqwest::Url;

use super::{
    lab::{Lab, Measured},
    search::largest,
};
use crate::{
    auth::session,
    cloud::{
        drive::{MOST_TOKENS, Wire as _},
        http::{Effect, Host},
        wire::{DocumentId, Download},
    },
    error::{Error, Kind, Result},
    tree::Zone,
};

/// Documents in one request.
const SIZES: [usize; 5] = [1, 5, 10, 25, MOST_TOKENS];
/// Files to ask for; more by asking for some twice.
const FILES: usize = 5;
/// A document just uploaded may not be found at first: waits in seconds (page 9.3).
const NOT_YET: [u32; 3] = [2, 4, 8];

/// Question 4: the largest number, one bad id among good ones, and how long an address is good for.
pub(super) fn limit(lab: &mut Lab<'_>) -> Result<Measured> {
    let corner = lab.corner("addresses")?;
    let mut docs = Vec::new();
    for number in 0..FILES {
        let file = lab.file(
            &corner,
            &format!("file {number}.txt"),
            &format!("content {number}"),
        )?;
        docs.push(file.id.doc.to_string());
    }
    wait_for(lab, &docs)?;
    // Where an id is answered once only, there are no more to ask for than files.
    let first: Vec<String> = docs.iter().take(1).cloned().collect();
    let is_twice = ask(lab, &[first.clone(), first].concat())?.len() == 2;
    let sizes = SIZES.into_iter().filter(|size| is_twice || *size <= FILES);
    let found = largest(&sizes.collect::<Vec<_>>(), |number| {
        let asked: Vec<String> = docs.iter().cycle().take(number).cloned().collect();
        let got = ask(lab, &asked)?;
        if got.len() == number && got.iter().all(|it| address(it).is_some()) {
            return Ok(());
        }
        let why = format!("{} answers for {number}", got.len());
        Err(Error::new(Kind::Protocol, why))
    })?;
    let lifetime = lifetime(lab, &docs)?;
    let stranger = stranger(lab, &docs)?;
    let answer = format!("{}; an unknown id {stranger}; {lifetime}", found.words());
    if found.refused.is_none() && !is_twice {
        return Ok(Measured::known(format!(
            "{answer}; the service answers an id once only, so the limit is not known"
        )));
    }
    let batches = &mut lab.learned.batches;
    (batches.tokens, batches.most_tokens) = (found.most, found.most);
    Ok(Measured::kept(
        format!("{}; an unknown id {stranger}; {lifetime}", found.words()),
        format!(
            "passes ask for up to {} addresses in one request",
            found.most
        ),
    ))
}

fn ask(lab: &Lab<'_>, docs: &[String]) -> Result<Vec<Download>> {
    let body: Vec<DocumentId> = docs
        .iter()
        .map(|doc| DocumentId {
            document_id: doc.clone(),
        })
        .collect();
    let path = format!("ws/{}/download/batch", Zone::DRIVE);
    lab.drive
        .wire()
        .post(Host::Docws, &path, &body, Effect::Read)
}

fn address(download: &Download) -> Option<&str> {
    download.data_token.as_ref()?.url.as_deref()
}

/// Waits until the last of the files has an address.
fn wait_for(lab: &Lab<'_>, docs: &[String]) -> Result<()> {
    for seconds in NOT_YET {
        let found = ask(lab, docs);
        if matches!(&found, Ok(found) if found.iter().all(|it| address(it).is_some())) {
            return Ok(());
        }
        lab.drive.wire().pause(seconds)?;
    }
    Ok(())
}

/// Says for how long an address is good, by the time that it names itself. The address is shown to nobody.
fn lifetime(lab: &Lab<'_>, docs: &[String]) -> Result<String> {
    let first: Vec<String> = docs.iter().take(1).cloned().collect();
    let got = ask(lab, &first)?;
    let now = Timestamp::now().as_second();
    let until = got.first().and_then(address).and_then(expiry);
    Ok(match until {
        Some(until) => format!("an address is good for {} s", until - now),
        None => "an address does not say how long it is good".to_owned(),
    })
}

/// Reads the time in an address at which it expires, seconds since 1970 UTC.
fn expiry(address: &str) -> Option<i64> {
    let url = Url::parse(address).ok()?;
    let (_, value) = url.query_pairs().find(|(name, _)| name == "e")?;
    value.parse().ok()
}

/// Says what becomes of a request with an id that nobody has.
fn stranger(lab: &Lab<'_>, docs: &[String]) -> Result<String> {
    let mut asked: Vec<String> = docs.iter().take(1).cloned().collect();
    let unknown = session::uuid()?.to_ascii_uppercase();
    asked.push(unknown.clone());
    let got = match ask(lab, &asked) {
        Ok(got) => got,
        Err(error) if error.kind() == Kind::NotFound || error.kind() == Kind::Refused => {
            // The words may repeat the id, which is nobody's.
            return Ok(format!("fails the whole request ({})", error.chain()));
        }
        Err(error) => return Err(error),
    };
    let its = got
        .iter()
        .find(|it| it.document_id.as_ref() == Some(&unknown));
    Ok(match its {
        Some(its) if address(its).is_none() => "comes back without an address".to_owned(),
        Some(_) => "comes back with an address".to_owned(),
        None if got.len() < asked.len() => "is left out of the answer".to_owned(),
        None => "comes back as something else".to_owned(),
    })
}

/// Whether the formula of the checksums holds, by all that was uploaded so far (page 9.9).
pub(super) fn checksums(lab: &mut Lab<'_>) -> Result<Measured> {
    if lab.checksums.agreed + lab.checksums.differed + lab.checksums.unverifiable == 0 {
        let corner = lab.corner("checksums")?;
        lab.stage(&corner, "file.txt", "a content")?;
    }
    let seen = lab.checksums;
    if seen.differed == 0 && seen.agreed > 0 {
        lab.learned.is_signature_proven = true;
        return Ok(Measured::kept(
            format!("it agreed with each of {} uploads", seen.agreed),
            "a content that does not agree with its checksum counts as damaged",
        ));
    }
    let answer = format!(
        "of the uploads {} agreed, {} differed, {} had a checksum of another form",
        seen.agreed, seen.differed, seen.unverifiable
    );
    if seen.differed > 0 && (seen.agreed > 0 || lab.learned.is_signature_proven) {
        return Ok(Measured {
            way_out: Some(
                "contents may be damaged on their way: try again, and over another network",
            ),
            ..Measured::known(answer)
        });
    }
    Ok(Measured::known(
        answer + "; contents are compared by size and time here",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_until_when_it_is_good() {
        let address = "https://cvws.icloud-content.com/B/x/a.txt?o=0&v=1&e=1700000900&k=hush";
        assert_eq!(expiry(address), Some(1_700_000_900));
        assert_eq!(expiry("https://cvws.icloud-content.com/B/x"), None);
        assert_eq!(expiry("no address"), None);
    }
}
