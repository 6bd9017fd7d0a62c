//! How much one request for metadata may ask for, and what it costs (protocol page 15, questions 1 and 3).

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    lab::{Lab, Measured},
    search::largest,
};
use crate::{
    cloud::{
        FolderAnswer, Remote,
        drive::{READS, Wire as _},
        http::{Effect, Host},
        wire::{Asked, AskedItems, Items},
    },
    error::{Error, Kind, Result},
    tree::RemoteId,
};

/// More folders than this are not tried: a listing of so many takes long as it is.
const FOLDERS: [usize; 6] = [1, 10, 25, 50, 100, 200];
/// Items read by id.
const ITEMS: [usize; 5] = [1, 2, 10, 25, READS];
/// Folders in the comparison with single requests.
const COMPARED: usize = 16;
/// Single requests at once in it, as passes have them.
const AT_ONCE: usize = 8;
/// Of so many tries the quickest counts.
const TRIES: usize = 3;

fn odd(why: impl Into<String>) -> Error {
    Error::new(Kind::Protocol, why)
}

/// So many of the ids; more than there are by asking for some twice, which is answered twice (protocol page 8.1).
fn cycled<T: Clone>(ids: &[T], number: usize) -> Vec<T> {
    ids.iter().cycle().take(number).cloned().collect()
}

fn list(remote: &dyn Remote, ids: &[RemoteId]) -> Result<()> {
    for answer in remote.list(ids)? {
        match answer {
            FolderAnswer::Whole { .. } => {}
            FolderAnswer::Gone => return Err(odd("a folder is said to be gone")),
            FolderAnswer::Odd(why) => return Err(odd(why)),
        }
    }
    Ok(())
}

/// Question 1: the largest number of folders, and its time against single requests.
pub(super) fn limit(lab: &mut Lab<'_>) -> Result<Measured> {
    let (_, ids) = lab.many()?;
    let drive = lab.drive;
    let found = largest(&FOLDERS, |number| list(drive, &cycled(&ids, number)))?;
    let number = COMPARED.min(found.most);
    let together = quickest(|| list(drive, &cycled(&ids, number)))?;
    let single = quickest(|| {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE)
                .map(|worker| {
                    let mine = ids.iter().take(number).skip(worker).step_by(AT_ONCE);
                    scope.spawn(move || mine.cloned().try_for_each(|id| list(drive, &[id])))
                })
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| match worker.join() {
                    Ok(done) => done,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        })
    })?;
    lab.learned.limits.most = found.most;
    lab.learned.limits.chunk = found.most;
    Ok(Measured::kept(
        format!(
            "{}; {number} folders take {} ms in one request, and {} ms in {number} requests, {AT_ONCE} at once",
            found.words(),
            together.as_millis(),
            single.as_millis()
        ),
        format!("passes list up to {} folders in one request", found.most),
    ))
}

/// The companion of question 1: items read by id (page 8.2).
pub(super) fn reads(lab: &mut Lab<'_>) -> Result<Measured> {
    let (_, ids) = lab.many()?;
    let wire = lab.drive.wire();
    let found = largest(&ITEMS, |number| {
        let asked: Vec<String> = cycled(&ids, number)
            .iter()
            .map(RemoteId::folder_drivewsid)
            .collect();
        let body = AskedItems {
            items: asked
                .iter()
                .map(|id| Asked {
                    drivewsid: id.clone(),
                    partial_data: false,
                    include_hierarchy: false,
                    share_id: None,
                })
                .collect(),
        };
        let answer: Items = wire.post(Host::Drivews, "retrieveItemDetails", &body, Effect::Read)?;
        let items = answer.items.unwrap_or_default();
        let is_right = items.len() == asked.len()
            && items
                .iter()
                .zip(&asked)
                .all(|(item, id)| item.drivewsid.as_ref() == Some(id));
        if is_right {
            return Ok(());
        }
        Err(odd(format!("{} answers for {number}", items.len())))
    })?;
    let batches = &mut lab.learned.batches;
    (batches.reads, batches.most_reads) = (found.most, found.most);
    Ok(Measured::kept(
        found.words(),
        format!("passes read up to {} items in one request", found.most),
    ))
}

/// Question 3: what listing ids and etags only saves.
pub(super) fn partial(lab: &mut Lab<'_>) -> Result<Measured> {
    let (folder, ids) = lab.many()?;
    let size = |partial| -> Result<usize> { Ok(lab.listed(&folder, partial)?.to_string().len()) };
    let (partly, whole) = (size(true)?, size(false)?);
    let time = |partial| quickest(|| lab.listed(&folder, partial).map(drop));
    let (partly_took, whole_took) = (time(true)?, time(false)?);
    Ok(Measured::known(format!(
        "a folder of {} items takes {partly} bytes and {} ms, in full {whole} bytes and {} ms",
        ids.len(),
        partly_took.as_millis(),
        whole_took.as_millis()
    )))
}

fn quickest(mut ask: impl FnMut() -> Result<()>) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        let begun = Instant::now();
        ask()?;
        best = best.min(begun.elapsed());
    }
    Ok(best)
}
