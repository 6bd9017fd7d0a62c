//! What both sides were when they last agreed: a JSON Lines file, sorted by path.
//!
//! The first line says whose it is and how many rows follow; a file that does not hold what its first line says is
//! damaged, and never read as "everything deleted".

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Pair, PairFiles,
    journal::{self, InTransit, Journal},
    replace_file,
    row::RowLine,
};
use crate::{
    crash,
    error::{Error, Kind, Result},
    plan::Side,
    tree::{Listing, RemoteId, Row},
};

const FORMAT: &str = "icloud-sync baseline";
const VERSION: u32 = 1;

/// The first line of a baseline and of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    version: u32,
    /// Whose it is.
    #[serde(flatten)]
    pub pair: Pair,
    /// When it was written, RFC 3339.
    pub written_at: String,
    /// How many rows follow; 0 in a journal.
    pub rows: usize,
    /// What the last pass left on its way, by `drivewsid`: on that side its place says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    in_transit: Vec<(String, String)>,
    /// Of a journal: when the baseline was written that it goes on from; empty for none. A journal that a crash left
    /// beside the baseline that it has become part of is known by this. Older ones do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    follows: Option<String>,
}

impl Header {
    /// Makes the header of a file that is written now.
    pub fn new(pair: &Pair, rows: usize) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            pair: pair.clone(),
            written_at: jiff::Timestamp::now().to_string(),
            rows,
            in_transit: Vec::new(),
            follows: None,
        }
    }

    /// Makes the header of a journal that goes on from the baseline of that time.
    pub(super) fn of_journal(pair: &Pair, follows: &str) -> Self {
        Self {
            follows: Some(follows.to_owned()),
            ..Self::new(pair, 0)
        }
    }

    fn in_transit(&self) -> InTransit {
        let ids = self.in_transit.iter();
        ids.filter_map(|(id, side)| {
            let is_it = |one: &&Side| one.as_str() == side;
            let side = [Side::Local, Side::Remote].iter().find(is_it)?.to_owned();
            Some((RemoteId::from_drivewsid(id)?, side))
        })
        .collect()
    }

    /// Reads a first line.
    ///
    /// # Errors
    /// `Guard` for a newer format or a file of another program; damage otherwise.
    pub fn read(line: &[u8], path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Mark {
            format: String,
            version: u32,
        }
        let mark: Mark =
            serde_json::from_slice(line).map_err(|error| damaged(path, &error.to_string()))?;
        if mark.format != FORMAT {
            let text = format!("{} is no baseline of this program", path.display());
            return Err(Error::new(Kind::Guard, text).with_hint("give another STATE_FILE"));
        }
        if mark.version != VERSION {
            let text = format!(
                "{} has format {}, and this program knows format {VERSION}",
                path.display(),
                mark.version
            );
            return Err(Error::new(Kind::Guard, text)
                .with_hint("use the version of icloud-sync that wrote it, or a newer one"));
        }
        serde_json::from_slice(line).map_err(|error| damaged(path, &error.to_string()))
    }
}

/// Makes the error of a file that does not hold what it should.
pub(super) fn damaged(path: &Path, why: &str) -> Error {
    Error::new(
        Kind::Integrity,
        format!("{} is damaged: {why}", path.display()),
    )
}

/// How much of a file is read at a time, in bytes; to the end of a line.
const BLOCK: usize = 4 << 20;

/// A baseline as the last passes left it.
#[derive(Debug, Default)]
pub struct Baseline {
    /// Whose it is; `None` where there is none yet.
    pub pair: Option<Pair>,
    /// When it was written, RFC 3339.
    pub written_at: Option<String>,
    /// Its rows.
    pub rows: Listing<Row>,
    /// What the last pass left on its way.
    pub in_transit: InTransit,
    /// There was a journal, which the next pass ends.
    pub is_folded: bool,
}

/// Loads a pair's baseline with its journal folded in, in memory only.
///
/// # Errors
/// `Guard` for a foreign or newer file; `Integrity` for a damaged one; `Local` where it can't be read.
pub fn load(files: &PairFiles) -> Result<Baseline> {
    let mut baseline = read(&files.baseline)?;
    if let Some((header, ops)) = journal::read(&files.journal)? {
        let is_same = baseline
            .pair
            .as_ref()
            .is_none_or(|pair| pair.is_same(&header.pair));
        if !is_same {
            let text = format!(
                "{} is not the journal of its baseline",
                files.journal.display()
            );
            return Err(Error::new(Kind::Guard, text)
                .with_hint("move both files away to begin with a new baseline"));
        }
        baseline.is_folded = true;
        let written_at = baseline.written_at.as_deref().unwrap_or_default();
        if header.follows.is_none_or(|follows| follows == written_at) {
            let has_ops = !ops.is_empty();
            let (rows, in_transit) = journal::fold(baseline.rows, ops, baseline.in_transit);
            baseline.pair = has_ops.then_some(header.pair).or(baseline.pair);
            (baseline.rows, baseline.in_transit) = (rows, in_transit);
        }
    }
    Ok(baseline)
}

/// Begins the journal of a pass. What an interrupted one has left in its own is made part of the baseline first: a journal
/// tells of one pass, since what an op says of a path holds for the rows that its pass began with.
///
/// # Errors
/// `Local` or `DiskFull` where one of the two can't be written.
pub fn begin(files: &PairFiles, pair: &Pair, base: &Baseline) -> Result<Journal> {
    let follows = if base.is_folded && base.pair.is_some() {
        save(files, pair, &base.rows, &base.in_transit)?
    } else {
        base.written_at.clone().unwrap_or_default()
    };
    Journal::begin(&files.journal, pair, &follows)
}

fn read(path: &Path) -> Result<Baseline> {
    let fail = |error| Error::io(format!("cannot read {}", path.display()), error);
    let mut file = match fs::File::open(path) {
        Ok(file) => BufReader::with_capacity(1 << 18, file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Baseline::default());
        }
        Err(error) => return Err(fail(error)),
    };
    let mut line = Vec::new();
    if file.read_until(b'\n', &mut line).map_err(fail)? == 0 {
        return Err(damaged(path, "it is empty"));
    }
    let header = Header::read(&line, path)?;
    let mut rows = Vec::with_capacity(header.rows.min(1 << 20));
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        let whole = (&mut file).take(BLOCK as u64).read_to_end(&mut block);
        if whole.map_err(fail)? == 0 {
            break;
        }
        file.read_until(b'\n', &mut block).map_err(fail)?;
        rows.append(&mut read_rows(&block, rows.len()).map_err(|why| damaged(path, &why))?);
    }
    if rows.len() != header.rows {
        let why = format!("it says {} rows and holds {}", header.rows, rows.len());
        return Err(damaged(path, &why));
    }
    let count = rows.len();
    let rows = Listing::new(rows);
    if rows.items().len() != count {
        return Err(damaged(path, "a path is in it twice"));
    }
    Ok(Baseline {
        in_transit: header.in_transit(),
        pair: Some(header.pair),
        written_at: Some(header.written_at),
        rows,
        ..Baseline::default()
    })
}

/// Reads whole lines, on all processors: the text is what takes its time. Before them came `before` rows.
fn read_rows(lines: &[u8], before: usize) -> std::result::Result<Vec<Row>, String> {
    let lines: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
    let rows = lines.par_iter().enumerate().map(|(at, line)| {
        serde_json::from_slice::<RowLine<'_>>(line)
            .map_err(|error| error.to_string())
            .and_then(|line| line.to_row())
            .map_err(|why| format!("row {}: {why}", before + at + 1))
    });
    rows.collect()
}

/// Replaces a pair's baseline whole, and ends its journal. Returns when it was written.
///
/// # Errors
/// `Local` or `DiskFull`; the old baseline and the journal are still there then.
pub fn save(
    files: &PairFiles,
    pair: &Pair,
    rows: &Listing<Row>,
    in_transit: &InTransit,
) -> Result<String> {
    let mut header = Header::new(pair, rows.items().len());
    let ids = in_transit.iter();
    header.in_transit = ids
        .map(|(id, side)| (id.file_drivewsid(), side.as_str().to_owned()))
        .collect();
    header.in_transit.sort();
    replace_file(&files.baseline, |out| {
        serde_json::to_writer(&mut *out, &header)?;
        out.write_all(b"\n")?;
        for row in rows.items() {
            serde_json::to_writer(&mut *out, &RowLine::of(row))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    crash::step();
    match fs::remove_file(&files.journal) {
        Ok(()) => Ok(header.written_at),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(header.written_at),
        Err(error) => Err(Error::io(
            format!("cannot remove {}", files.journal.display()),
            error,
        )),
    }
}

/// Puts a damaged baseline and its journal aside, and returns where.
///
/// # Errors
/// `Local` where they can't be renamed.
pub fn put_aside(files: &PairFiles) -> Result<std::path::PathBuf> {
    let stamp = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let aside = |path: &Path| {
        let mut name = path.to_path_buf().into_os_string();
        name.push(format!(".damaged-{stamp}"));
        std::path::PathBuf::from(name)
    };
    for path in [&files.baseline, &files.journal] {
        match fs::rename(path, aside(path)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::io(
                    format!("cannot rename {}", path.display()),
                    error,
                ));
            }
        }
    }
    Ok(aside(&files.baseline))
}

#[cfg(test)]
mod tests {
    use super::super::row::sample;
    use super::*;

    fn files(folder: &Path) -> PairFiles {
        let files = PairFiles::new(folder, Path::new("/l"), "/", None);
        files.create().unwrap();
        files
    }

    fn written() -> (tempfile::TempDir, PairFiles, Pair) {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let pair = Pair::new("me", folder.path(), "/", "z::root").unwrap();
        let rows = Listing::new(vec![sample("b", "B"), sample("a", "A")]);
        save(&files, &pair, &rows, &InTransit::new()).unwrap();
        (folder, files, pair)
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let (_folder, files, pair) = written();
        let baseline = load(&files).unwrap();
        assert_eq!(baseline.pair, Some(pair));
        assert_eq!(baseline.rows.items(), [sample("a", "A"), sample("b", "B")]);
        assert!(!baseline.is_folded);
    }

    /// What the process has in memory, in bytes.
    fn resident() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }

    #[test]
    #[ignore = "a measurement: cargo test --release --lib -- --ignored --nocapture 100000_rows"]
    fn a_baseline_of_100000_rows_is_loaded_and_saved() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let pair = Pair::new("me", folder.path(), "/", "z::root").unwrap();
        let mut rows = Vec::new();
        for number in 0..100_000_u32 {
            let path = format!(
                "Projects/Archive {}/Report number {number}.pages",
                number % 1_000
            );
            let doc = format!("{number:08X}-AF31-4D2C-9E55-0123456789AB");
            let mut row = sample(&path, &doc);
            row.inode = 1_000_000 + u64::from(number);
            row.mtime_ns = 1_700_000_000_123_456_789 + i64::from(number);
            rows.push(row);
        }
        let rows = Listing::new(rows);
        let began = std::time::Instant::now();
        save(&files, &pair, &rows, &InTransit::new()).unwrap();
        let saved = began.elapsed();
        drop(rows);
        let bytes = fs::metadata(&files.baseline).unwrap().len();
        load(&files).unwrap(); // the memory that is freed again is not counted below
        let before = resident();
        let mut times = Vec::new();
        let mut kept = Vec::new();
        for _ in 0..5 {
            let began = std::time::Instant::now();
            kept.push(load(&files).unwrap());
            times.push(began.elapsed());
        }
        let grown = resident().saturating_sub(before);
        assert!(kept.iter().all(|one| one.rows.items().len() == 100_000));
        times.sort();
        println!(
            "100,000 rows: {bytes} bytes in the file, saved in {saved:?}, loaded in {:?} (fastest {:?}, slowest {:?}), \
             about {} bytes of memory a row",
            times[2],
            times[0],
            times[4],
            grown / 500_000,
        );
    }

    #[test]
    fn a_file_of_more_than_a_block_is_read_in_order_and_its_rows_are_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let pair = Pair::new("me", folder.path(), "/", "z::root").unwrap();
        let long = "long ".repeat(40);
        let rows: Vec<Row> = (0..20_000_u32)
            .map(|number| sample(&format!("{number:05} {long}"), &format!("{number:08X}")))
            .collect();
        let rows = Listing::new(rows);
        save(&files, &pair, &rows, &InTransit::new()).unwrap();
        let mut bytes = fs::read(&files.baseline).unwrap();
        assert!(bytes.len() > BLOCK);
        assert_eq!(load(&files).unwrap().rows.items(), rows.items());
        // The last row but one.
        let ends = bytes.iter().enumerate().rev();
        let mut ends = ends.filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        let end = ends.nth(1).unwrap();
        bytes[end - 1] = b' ';
        fs::write(&files.baseline, bytes).unwrap();
        let error = load(&files).unwrap_err();
        assert!(error.chain().contains("row 19999"), "{}", error.chain());
    }

    #[test]
    fn no_file_is_no_baseline() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(&files(folder.path())).unwrap().pair, None);
    }

    #[test]
    fn a_cut_off_file_is_damaged_at_every_length() {
        let (_folder, files, _) = written();
        let whole = fs::read(&files.baseline).unwrap();
        for length in 0..whole.len() - 1 {
            fs::write(&files.baseline, &whole[..length]).unwrap();
            let error = load(&files).expect_err("a part of a baseline is none");
            assert_eq!(error.kind(), Kind::Integrity, "{length}: {error}");
        }
    }

    #[test]
    fn a_newer_or_foreign_file_is_refused() {
        let (_folder, files, _) = written();
        let text = fs::read_to_string(&files.baseline).unwrap();
        fs::write(
            &files.baseline,
            text.replacen("\"version\":1", "\"version\":2", 1),
        )
        .unwrap();
        assert_eq!(load(&files).unwrap_err().kind(), Kind::Guard);
        fs::write(&files.baseline, text.replacen(FORMAT, "something", 1)).unwrap();
        assert_eq!(load(&files).unwrap_err().kind(), Kind::Guard);
    }

    #[test]
    fn a_journal_is_folded_in_and_ends_with_the_next_save() {
        let (_folder, files, pair) = written();
        let journal = begin(&files, &pair, &load(&files).unwrap()).unwrap();
        journal
            .append(
                vec![journal::Op::Put(Box::new(sample("c", "C")))],
                || Ok(()),
            )
            .unwrap();
        drop(journal);
        let baseline = load(&files).unwrap();
        assert!(baseline.is_folded);
        assert_eq!(baseline.rows.items().len(), 3);
        save(&files, &pair, &baseline.rows, &InTransit::new()).unwrap();
        assert!(!files.journal.exists());
        assert_eq!(load(&files).unwrap().rows.items().len(), 3);
    }

    #[test]
    fn a_journal_that_is_part_of_the_baseline_already_is_not_folded_in_again() {
        let (_folder, files, pair) = written();
        let journal = begin(&files, &pair, &load(&files).unwrap()).unwrap();
        let gone = journal::Op::Gone(sample("a", "A").id, None);
        journal.append(vec![gone], || Ok(())).unwrap();
        drop(journal);
        let left = fs::read(&files.journal).unwrap();
        let rows = load(&files).unwrap().rows;
        assert_eq!(rows.items().len(), 1);
        // As a crash between the two leaves it; meanwhile the item has come back.
        let again = Listing::new(vec![sample("a", "A"), sample("b", "B")]);
        save(&files, &pair, &again, &InTransit::new()).unwrap();
        fs::write(&files.journal, left).unwrap();
        let baseline = load(&files).unwrap();
        assert_eq!(baseline.rows.items().len(), 2);
        drop(begin(&files, &pair, &baseline).unwrap());
        assert_eq!(load(&files).unwrap().rows.items().len(), 2);
    }

    #[test]
    fn each_journal_is_of_one_pass_and_what_is_on_its_way_outlasts_it() {
        let (_folder, files, pair) = written();
        let journal = begin(&files, &pair, &load(&files).unwrap()).unwrap();
        let id = sample("a", "A").id;
        let ops = vec![
            journal::Op::Leaves(id.clone(), Side::Remote),
            journal::Op::Put(Box::new(sample("c", "B"))),
        ];
        journal.append(ops, || Ok(())).unwrap();
        drop(journal);
        // The second pass forgets what was at a path when it began, not when the first one did.
        let journal = begin(&files, &pair, &load(&files).unwrap()).unwrap();
        let ops = vec![journal::Op::Forget(sample("c", "C").path)];
        journal.append(ops, || Ok(())).unwrap();
        drop(journal);
        let baseline = load(&files).unwrap();
        let paths = baseline.rows.items().iter().map(|row| row.path.as_str());
        assert_eq!(paths.collect::<Vec<_>>(), ["a"]);
        assert_eq!(baseline.in_transit, [(id, Side::Remote)].into());
    }

    #[test]
    fn another_pairs_journal_is_refused() {
        let (folder, files, pair) = written();
        let other = Pair {
            account: "other".into(),
            ..pair
        };
        let journal = Journal::begin(&files.journal, &other, "").unwrap();
        journal
            .append(
                vec![journal::Op::Put(Box::new(sample("c", "C")))],
                || Ok(()),
            )
            .unwrap();
        assert_eq!(load(&files).unwrap_err().kind(), Kind::Guard);
        drop(folder);
    }
}
