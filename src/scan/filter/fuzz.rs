//! Rules of any form: they are refused, or each path has one clear answer.

use super::*;
use crate::fuzz::fuzz;

const LINES: &[u8] = b"# what I do not want here\n*.tmp\n!keep.tmp\n/build/\nnode_modules/\n**/cache/**\n\\#odd\ntrailing\\ \n\
a/**/b\n[!a-c]x?\n\\!bang\nCafe\xcc\x81\n{a,b}.txt\n";

fn paths() -> Vec<RelPath> {
    [
        "a",
        "a/b",
        "a/x/y/b",
        "keep.tmp",
        "build/x.tmp",
        "Caf\u{e9}",
        "#odd",
        "dx1",
        ".icloud-sync/trash/x",
        "d/.icloud-sync.1.part",
        ".DS_Store",
        "sub/deep/er/and/deep/er/still",
        "name with \u{1b}[2J and \u{202e}",
        "*",
        "[",
    ]
    .iter()
    .map(|path| RelPath::parse(path).unwrap())
    .collect()
}

fn expect_clear(filter: &Filter, paths: &[RelPath]) {
    for path in paths {
        for is_folder in [false, true] {
            let is_hidden = filter.hides(path, is_folder);
            assert_eq!(filter.why(path, is_folder).is_some(), is_hidden, "{path}");
            let is_own = path
                .parts()
                .any(|part| part == OWN_FOLDER || part.starts_with(OWN_PREFIX));
            assert!(is_hidden || !is_own, "{path}");
        }
    }
}

#[test]
fn files_of_rules() {
    let local = tempfile::tempdir().unwrap();
    let file = local.path().join(IGNORE_FILE);
    let paths = paths();
    fuzz(
        "files_of_rules",
        &[LINES, b"*\n!*/\n!*.txt\n", b"\xef\xbb\xbf/x\r\n"],
        |bytes| {
            fs::write(&file, bytes).unwrap();
            match Filter::new(&FilterOptions::default(), local.path()) {
                Ok(filter) => expect_clear(&filter, &paths),
                Err(error) => assert_eq!(error.kind(), Kind::Usage),
            }
        },
    );
}

#[test]
fn patterns() {
    let local = tempfile::tempdir().unwrap();
    let paths = paths();
    let samples: [&[u8]; 4] = [
        b"*.tmp\n/docs/*.txt\n**/cache/**",
        b"{a,b}/[!c-e]?/x\\*/",
        b"a/{b/c,d}/**/e",
        b"docs/\n\nCafe\xcc\x81/*",
    ];
    fuzz("patterns", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let patterns: Vec<String> = text.lines().map(str::to_owned).collect();
        for number in 0..3 {
            let mut options = FilterOptions::default();
            let list = match number {
                0 => &mut options.ignore,
                1 => &mut options.exclude,
                _ => &mut options.include,
            };
            list.clone_from(&patterns);
            match Filter::new(&options, local.path()) {
                Ok(filter) => expect_clear(&filter, &paths),
                Err(error) => assert_eq!(error.kind(), Kind::Usage),
            }
        }
    });
}
