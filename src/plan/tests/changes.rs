//! What changed on each side, verb by verb: the table of the specification.

use super::table::{Case, check};

#[test]
fn a_file_in_bisync() {
    let cases: &[Case] = &[
        ("same same", "bisync", ["a=1", "a=1", "a=1"], ""),
        (
            "same modified",
            "bisync",
            ["a=1", "a=1", "a=2"],
            "get a over",
        ),
        ("same deleted", "bisync", ["a=1", "a=1", ""], "rm L a"),
        (
            "modified same",
            "bisync",
            ["a=1", "a=2", "a=1"],
            "put a over",
        ),
        (
            "modified modified, equal",
            "bisync",
            ["a=1", "a=2", "a=2"],
            "renew a",
        ),
        (
            "modified modified, remote newer",
            "bisync",
            ["a=1", "a=2", "a=3"],
            "get a over; conflict a: remote",
        ),
        (
            "modified modified, local newer",
            "bisync",
            ["a=1", "a=3", "a=2"],
            "put a over saving; conflict a: local",
        ),
        (
            "modified modified, tie",
            "bisync",
            ["a=1", "a=3:50", "a=2:51"],
            "mv L a > a.conflict-19700101T000050Z; get a; put a.conflict-19700101T000050Z; conflict a: both > a.conflict-19700101T000050Z",
        ),
        (
            "modified modified, keep-both",
            "bisync keep-both",
            ["a.x=1", "a.x=2", "a.x=3"],
            "mv L a.x > a.conflict-19700101T000020Z.x; put a.conflict-19700101T000020Z.x; get a.x; conflict a.x: both > a.conflict-19700101T000020Z.x",
        ),
        (
            "modified modified, prefer-local",
            "bisync prefer-local",
            ["a=1", "a=2", "a=3"],
            "put a over saving; conflict a: local",
        ),
        (
            "modified modified, prefer-remote",
            "bisync prefer-remote",
            ["a=1", "a=3", "a=2"],
            "get a over; conflict a: remote",
        ),
        ("modified deleted", "bisync", ["a=1", "a=2", ""], "put a"),
        ("deleted same", "bisync", ["a=1", "", "a=1"], "rm R a"),
        ("deleted modified", "bisync", ["a=1", "", "a=2"], "get a"),
        ("deleted deleted", "bisync", ["a=1", "", ""], "forget a"),
        ("created, nothing", "bisync", ["", "a=1", ""], "put a"),
        ("nothing, created", "bisync", ["", "", "a=1"], "get a"),
        (
            "created created, equal",
            "bisync",
            ["", "a=1", "a=1"],
            "adopt a",
        ),
        (
            "created created, other",
            "bisync",
            ["", "a=1", "a=2"],
            "get a over; conflict a: remote",
        ),
        (
            "created created, other, tie",
            "bisync",
            ["", "a=1:9", "a=2:9"],
            "mv L a > a.conflict-19700101T000009Z; get a; put a.conflict-19700101T000009Z; conflict a: both > a.conflict-19700101T000009Z",
        ),
        (
            "created created, empty",
            "bisync",
            ["", "a=0", "a=0"],
            "adopt a",
        ),
        (
            "the kept name is taken",
            "bisync keep-both",
            ["a=1", "a=2 a.conflict-19700101T000020Z=5!", "a=3"],
            "mv L a > a.conflict-19700101T000020Z-2; get a; put a.conflict-19700101T000020Z; put a.conflict-19700101T000020Z-2; conflict a: both > a.conflict-19700101T000020Z-2",
        ),
        (
            "the kept name is taken there",
            "bisync keep-both",
            ["a=1", "a=2", "a=3 A.CONFLICT-19700101T000020Z=5"],
            "mv L a > a.conflict-19700101T000020Z-2; get A.CONFLICT-19700101T000020Z; get a; put a.conflict-19700101T000020Z-2; conflict a: both > a.conflict-19700101T000020Z-2",
        ),
    ];
    check(cases);
}

#[test]
fn a_file_in_pull() {
    let cases: &[Case] = &[
        ("same modified", "pull", ["a=1", "a=1", "a=2"], "get a over"),
        ("same deleted", "pull", ["a=1", "a=1", ""], "keep a"),
        (
            "same deleted",
            "pull --delete",
            ["a=1", "a=1", ""],
            "rm L a",
        ),
        ("modified same", "pull", ["a=1", "a=2", "a=1"], "keep a"),
        (
            "modified same",
            "pull --delete-extra",
            ["a=1", "a=2", "a=1"],
            "keep a",
        ),
        (
            "modified modified, remote newer",
            "pull",
            ["a=1", "a=2", "a=3"],
            "get a over; conflict a: remote",
        ),
        (
            "modified modified, local newer",
            "pull",
            ["a=1", "a=3", "a=2"],
            "problem a",
        ),
        (
            "modified modified, equal",
            "pull",
            ["a=1", "a=2", "a=2"],
            "renew a",
        ),
        (
            "modified modified",
            "pull keep-both",
            ["a=1", "a=2", "a=3"],
            "mv L a > a.conflict-19700101T000020Z; get a; conflict a: both > a.conflict-19700101T000020Z",
        ),
        (
            "modified modified",
            "pull keep-both --delete-extra",
            ["a=1", "a=2", "a=3"],
            "get a over; conflict a: remote",
        ),
        (
            "modified modified",
            "pull prefer-local",
            ["a=1", "a=2", "a=3"],
            "keep a",
        ),
        ("modified deleted", "pull", ["a=1", "a=2", ""], "keep a"),
        (
            "modified deleted",
            "pull --delete",
            ["a=1", "a=2", ""],
            "keep a",
        ),
        ("deleted same", "pull", ["a=1", "", "a=1"], "get a"),
        ("deleted modified", "pull", ["a=1", "", "a=2"], "get a"),
        ("deleted deleted", "pull", ["a=1", "", ""], "forget a"),
        ("created, nothing", "pull", ["", "a=1", ""], "keep a"),
        (
            "created, nothing",
            "pull --delete",
            ["", "a=1", ""],
            "keep a",
        ),
        (
            "created, nothing",
            "pull --delete-extra",
            ["", "a=1", ""],
            "rm L a",
        ),
        ("nothing, created", "pull", ["", "", "a=1"], "get a"),
        (
            "created created, equal",
            "pull",
            ["", "a=1", "a=1"],
            "adopt a",
        ),
        (
            "created created, other",
            "pull",
            ["", "a=1", "a=2"],
            "get a over; conflict a: remote",
        ),
        (
            "created created, other, local newer",
            "pull",
            ["", "a=2", "a=1"],
            "problem a",
        ),
    ];
    check(cases);
}

#[test]
fn a_file_in_push() {
    let cases: &[Case] = &[
        ("modified same", "push", ["a=1", "a=2", "a=1"], "put a over"),
        ("deleted same", "push", ["a=1", "", "a=1"], "keep a"),
        (
            "deleted same",
            "push --delete",
            ["a=1", "", "a=1"],
            "rm R a",
        ),
        ("same modified", "push", ["a=1", "a=1", "a=2"], "keep a"),
        (
            "modified modified, local newer",
            "push",
            ["a=1", "a=3", "a=2"],
            "put a over saving; conflict a: local",
        ),
        (
            "modified modified, remote newer",
            "push",
            ["a=1", "a=2", "a=3"],
            "problem a",
        ),
        (
            "modified modified",
            "push keep-both",
            ["a=1", "a=2", "a=3"],
            "mv R a > a.conflict-19700101T000030Z; put a; conflict a: both > a.conflict-19700101T000030Z",
        ),
        (
            "modified modified",
            "push keep-both --delete-extra",
            ["a=1", "a=2", "a=3"],
            "put a over saving; conflict a: local",
        ),
        ("deleted modified", "push", ["a=1", "", "a=2"], "keep a"),
        (
            "deleted modified",
            "push --delete",
            ["a=1", "", "a=2"],
            "keep a",
        ),
        ("same deleted", "push", ["a=1", "a=1", ""], "put a"),
        ("modified deleted", "push", ["a=1", "a=2", ""], "put a"),
        ("deleted deleted", "push", ["a=1", "", ""], "forget a"),
        ("nothing, created", "push", ["", "", "a=1"], "keep a"),
        (
            "nothing, created",
            "push --delete",
            ["", "", "a=1"],
            "keep a",
        ),
        (
            "nothing, created",
            "push --delete-extra",
            ["", "", "a=1"],
            "rm R a",
        ),
        ("created, nothing", "push", ["", "a=1", ""], "put a"),
        (
            "created created, other",
            "push",
            ["", "a=1", "a=2"],
            "problem a",
        ),
        (
            "created created, other, local newer",
            "push",
            ["", "a=2", "a=1"],
            "put a over saving; conflict a: local",
        ),
    ];
    check(cases);
}

#[test]
fn folders() {
    let cases: &[Case] = &[
        (
            "new and empty",
            "bisync",
            ["", "d/", "e/"],
            "mkdir R d; mkdir L e",
        ),
        (
            "new on both",
            "bisync",
            ["", "d/ d/x=1", "d/ d/y=2"],
            "put d/x; get d/y; adopt d",
        ),
        (
            "deep and new",
            "push",
            ["", "d/ d/e/ d/e/x=1", ""],
            "mkdir R d; mkdir R d/e; put d/e/x",
        ),
        (
            "deleted there with all in it",
            "bisync",
            ["d/ d/e/ d/e/x=1", "d/ d/e/ d/e/x=1", ""],
            "rm L d (d/e d/e/x)",
        ),
        (
            "deleted here with all in it",
            "bisync",
            ["d/ d/e/ d/e/x=1", "", "d/ d/e/ d/e/x=1"],
            "rm R d (d/e d/e/x)",
        ),
        (
            "deleted there, one changed here",
            "bisync",
            ["d/ d/x=1 d/y=2", "d/ d/x=1 d/y=3", ""],
            "mkdir R d; put d/y; rm L d/x",
        ),
        (
            "deleted there, one new here",
            "bisync",
            ["d/ d/x=1", "d/ d/x=1 d/y=3", ""],
            "mkdir R d; put d/y; rm L d/x",
        ),
        (
            "deleted here, one new there",
            "bisync",
            ["d/ d/x=1", "", "d/ d/x=1 d/y=3"],
            "mkdir L d; get d/y; rm R d/x",
        ),
        (
            "deleted here, pull",
            "pull",
            ["d/ d/x=1", "", "d/ d/x=1"],
            "mkdir L d; get d/x",
        ),
        (
            "deleted there, pull",
            "pull",
            ["d/ d/x=1", "d/ d/x=1", ""],
            "keep d; keep d/x",
        ),
        (
            "deleted there, pull",
            "pull --delete",
            ["d/ d/x=1", "d/ d/x=1", ""],
            "rm L d (d/x)",
        ),
        (
            "deleted there, one new here, pull",
            "pull --delete",
            ["d/ d/x=1", "d/ d/x=1 d/y=2", ""],
            "rm L d/x; keep d/y",
        ),
        (
            "only here",
            "pull --delete-extra",
            ["", "d/ d/x=1", ""],
            "rm L d (d/x)",
        ),
        (
            "only there",
            "push --delete-extra",
            ["", "", "d/ d/x=1"],
            "rm R d (d/x)",
        ),
        (
            "deleted on both",
            "bisync",
            ["d/ d/x=1", "", ""],
            "forget d; forget d/x",
        ),
        (
            "made anew there",
            "bisync",
            ["d/ d/x=1", "d/ d/x=1", "d/! d/x=1!"],
            "renew d; renew d/x",
        ),
        (
            "a first pass",
            "pull --delete",
            ["", "d/ d/x=1", "d/ d/x=2"],
            "get d/x over; adopt d; conflict d/x: remote",
        ),
    ];
    check(cases);
}

#[test]
fn a_file_against_a_folder() {
    let cases: &[Case] = &[
        (
            "became a folder there",
            "bisync",
            ["a=1", "a=1", "a/ a/x=2"],
            "rm L a; mkdir L a; get a/x",
        ),
        (
            "became a folder here",
            "bisync",
            ["a=1", "a/ a/x=2", "a=1"],
            "rm R a; mkdir R a; put a/x",
        ),
        (
            "became a file there",
            "bisync",
            ["a/ a/x=1", "a/ a/x=1", "a=2"],
            "rm L a (a/x); get a",
        ),
        (
            "became a file here",
            "bisync",
            ["a/ a/x=1", "a=2", "a/ a/x=1"],
            "rm R a (a/x); put a",
        ),
        (
            "became a folder there, changed here",
            "bisync",
            ["a=1", "a=3", "a/ a/x=2"],
            "mv L a > a.conflict-19700101T000030Z; mkdir L a; get a/x; put a.conflict-19700101T000030Z; conflict a: both > a.conflict-19700101T000030Z",
        ),
        (
            "became a folder here, changed there",
            "bisync",
            ["a=1", "a/ a/x=2", "a=3"],
            "mv R a > a.conflict-19700101T000030Z; mkdir R a; put a/x; get a.conflict-19700101T000030Z; conflict a: both > a.conflict-19700101T000030Z",
        ),
        (
            "became a file there, changed within here",
            "bisync",
            ["a/ a/x=1", "a/ a/x=3", "a=2"],
            "mv R a > a.conflict-19700101T000020Z; mkdir R a; put a/x; get a.conflict-19700101T000020Z; conflict a: both > a.conflict-19700101T000020Z",
        ),
        (
            "new: a file here, a folder there",
            "bisync",
            ["", "a=1", "a/ a/x=2"],
            "mv L a > a.conflict-19700101T000010Z; mkdir L a; get a/x; put a.conflict-19700101T000010Z; conflict a: both > a.conflict-19700101T000010Z",
        ),
        (
            "new: a folder here, a file there",
            "bisync",
            ["", "a/ a/x=2", "a=1"],
            "mv R a > a.conflict-19700101T000010Z; mkdir R a; put a/x; get a.conflict-19700101T000010Z; conflict a: both > a.conflict-19700101T000010Z",
        ),
        (
            "new: a file here, a folder there, pull",
            "pull",
            ["", "a=1", "a/ a/x=2"],
            "mv L a > a.conflict-19700101T000010Z; mkdir L a; get a/x; keep a; conflict a: both > a.conflict-19700101T000010Z",
        ),
        (
            "new: a folder here, a file there, pull",
            "pull",
            ["", "a/ a/x=2", "a=1"],
            "problem a; keep a; keep a/x",
        ),
        (
            "new: a file here, a folder there, push",
            "push",
            ["", "a=1", "a/ a/x=2"],
            "problem a; keep a; keep a/x",
        ),
        (
            "new: a folder here, a file there, push",
            "push",
            ["", "a/ a/x=2", "a=1"],
            "mv R a > a.conflict-19700101T000010Z; mkdir R a; put a/x; keep a; conflict a: both > a.conflict-19700101T000010Z",
        ),
        (
            "new: a file here, a folder there, mirror",
            "pull --delete-extra",
            ["", "a=1", "a/ a/x=2"],
            "rm L a; mkdir L a; get a/x",
        ),
        (
            "became a folder there, pull",
            "pull",
            ["a=1", "a=1", "a/ a/x=2"],
            "mv L a > a.conflict-19700101T000010Z as a; mkdir L a; get a/x; keep a; conflict a: both > a.conflict-19700101T000010Z",
        ),
        (
            "became a folder there, pull",
            "pull --delete",
            ["a=1", "a=1", "a/ a/x=2"],
            "rm L a; mkdir L a; get a/x",
        ),
    ];
    check(cases);
}
