//! Packages, and what marks say and do not say of content.

use super::table::{Case, check};

#[test]
fn packages() {
    let cases: &[Case] = &[
        (
            "new there, not known yet",
            "bisync",
            ["", "", "p@1"],
            "get p",
        ),
        (
            "changed there",
            "bisync",
            ["p@1", "p@1", "p@2"],
            "get p over",
        ),
        (
            "changed here",
            "bisync",
            ["p@1", "p@22", "p@1"],
            "problem p",
        ),
        (
            "changed here, push",
            "push",
            ["p@1", "p@22", "p@1"],
            "problem p",
        ),
        (
            "changed on both, remote wins",
            "bisync prefer-remote",
            ["p@1", "p@22", "p@3"],
            "get p over; conflict p: remote",
        ),
        (
            "changed on both, local wins",
            "bisync prefer-local",
            ["p@1", "p@22", "p@3"],
            "problem p",
        ),
        (
            "changed on both, kept",
            "bisync keep-both",
            ["p@1", "p@22", "p@3"],
            "mv L p > p.conflict-19700101T000340Z; get p; keep p; conflict p: both > p.conflict-19700101T000340Z",
        ),
        (
            "changed on both, kept, pull",
            "pull keep-both",
            ["p@1", "p@22", "p@3"],
            "mv L p > p.conflict-19700101T000340Z; get p; conflict p: both > p.conflict-19700101T000340Z",
        ),
        ("deleted there", "bisync", ["p@1", "p@1", ""], "rm L p"),
        ("deleted here", "bisync", ["p@1", "", "p@1"], "rm R p"),
        (
            "deleted there, changed here",
            "bisync",
            ["p@1", "p@22", ""],
            "problem p",
        ),
        (
            "moved there",
            "bisync",
            ["p@1", "p@1", "q@1<p"],
            "mv L p > q",
        ),
        (
            "moved here",
            "bisync",
            ["p@1", "q@1<p", "p@1"],
            "mv R p > q",
        ),
        (
            "a file there became a package",
            "bisync",
            ["p=1", "p=1", "p@1!"],
            "get p over",
        ),
    ];
    check(cases);
}

#[test]
fn a_new_folder_that_looks_like_a_package_is_not_sent() {
    let cases: &[Case] = &[
        (
            "new here",
            "bisync",
            ["", "d/ d/p.key/ d/p.key/x=1 d/y=2", ""],
            "mkdir R d; put d/y; problem d/p.key",
        ),
        (
            "new here, push",
            "push",
            ["", "P.Pages/ P.Pages/x=1", ""],
            "problem P.Pages",
        ),
        (
            "the mirror of what is here",
            "push --delete-extra",
            ["", "p.key/ p.key/x=1", "z=1"],
            "rm R z; problem p.key",
        ),
        (
            "pull sends nothing",
            "pull",
            ["", "p.key/ p.key/x=1", ""],
            "keep p.key",
        ),
        (
            "one inside another",
            "bisync",
            ["", "p.key/ p.key/q.rtfd/ p.key/q.rtfd/x=1", ""],
            "problem p.key",
        ),
        (
            "a copy of one that is known",
            "bisync",
            ["p.key@1", "p.key@1 q.key/ q.key/x=1", "p.key@1"],
            "problem q.key",
        ),
        (
            "a folder there too",
            "bisync",
            ["", "p.key/ p.key/x=1", "p.key/ p.key/y=2"],
            "put p.key/x; get p.key/y; adopt p.key",
        ),
        (
            "known as a folder",
            "bisync",
            [
                "p.key/ p.key/x=1",
                "p.key/ p.key/x=2 p.key/n=3",
                "p.key/ p.key/x=1",
            ],
            "put p.key/n; put p.key/x over",
        ),
        (
            "a folder that gets such a name",
            "bisync",
            ["d/ d/x=1", "p.key/<d p.key/x=1<d/x", "d/ d/x=1"],
            "mv R d > p.key",
        ),
        (
            "what went into it stays as it is there",
            "bisync",
            ["d/ d/x=1", "d/ p.key/ p.key/x=1<d/x", "d/ d/x=1"],
            "problem d/x; problem p.key",
        ),
        (
            "a document there of that name",
            "bisync",
            ["", "p.key/ p.key/x=1", "p.key@3"],
            "get p.key over; conflict p.key: remote",
        ),
    ];
    check(cases);
}

#[test]
fn packages_that_hold_the_same_are_one() {
    let cases: &[Case] = &[
        (
            "placed by a pass that ended before it could note it",
            "bisync",
            ["p@1", "p@3:99!", "p@3"],
            "renew p",
        ),
        (
            "the same, pull",
            "pull",
            ["p@1", "p@3:99!", "p@3"],
            "renew p",
        ),
        (
            "new on both sides",
            "bisync",
            ["", "p.key/ p.key/x=1", "p.key@1"],
            "adopt p.key",
        ),
        (
            "under a name that tells nothing",
            "bisync",
            ["", "p/ p/x=1", "p@1"],
            "adopt p",
        ),
        (
            "a file in iCloud where a folder is here",
            "bisync",
            ["", "p/ p/x=1", "p=1"],
            "mv R p > p.conflict-19700101T000010Z; mkdir R p; put p/x; get p.conflict-19700101T000010Z; conflict p: both > p.conflict-19700101T000010Z",
        ),
        ("touched here", "bisync", ["p@1", "p@1~", "p@1"], "renew p"),
        (
            "another one here, of the same extent",
            "bisync",
            ["p@1", "p@2:10!", "p@1"],
            "problem p",
        ),
        (
            "moved here by copying",
            "bisync",
            ["p.key@1", "d/ d/q.key/ d/q.key/x=1", "p.key@1"],
            "mkdir R d; mv R p.key > d/q.key",
        ),
        (
            "moved in iCloud the way it was copied here",
            "bisync",
            ["p.key@1", "q.key/ q.key/x=1", "q.key@1<p.key"],
            "renew q.key",
        ),
    ];
    check(cases);
}

#[test]
fn nothing_goes_from_the_service_for_what_can_not_be_sent() {
    let cases: &[Case] = &[
        (
            "copied, changed, and the original is gone",
            "bisync",
            ["p.key@1", "q.key/ q.key/x=2", "p.key@1"],
            "problem p.key; problem q.key",
        ),
        (
            "the same, push",
            "push --delete",
            ["p.key@1", "q.key/ q.key/x=2", "p.key@1"],
            "problem p.key; problem q.key",
        ),
        (
            "a document of another app goes",
            "bisync",
            ["p.pages@1", "q.key/ q.key/x=2", "p.pages@1"],
            "rm R p.pages; problem q.key",
        ),
        (
            "beside a copy that a conflict kept, it goes",
            "bisync",
            [
                "p.key@1",
                "p.conflict-19700101T000340Z.key/ p.conflict-19700101T000340Z.key/x=2",
                "p.key@1",
            ],
            "rm R p.key; keep p.conflict-19700101T000340Z.key",
        ),
        (
            "a folder that went into one",
            "bisync",
            [
                "d/ d/x=1 d/y=2",
                "p.key/ p.key/d/<d p.key/d/x=1<d/x",
                "d/ d/x=1 d/y=2",
            ],
            "problem d; problem p.key",
        ),
        (
            "a file that was copied into one",
            "bisync",
            ["x=11", "p.key/ p.key/x=11!", "x=11"],
            "problem p.key; problem x",
        ),
        (
            "a file that was copied into one, out of a folder that is gone",
            "bisync",
            ["d/ d/x=11 d/y=2", "p.key/ p.key/x=11!", "d/ d/x=11 d/y=2"],
            "rm R d/y; problem d/x; problem p.key",
        ),
        (
            "a package that went into another",
            "bisync",
            [
                "p.pages@1",
                "q.key/ q.key/p.pages@1<p.pages q.key/y=2",
                "p.pages@1",
            ],
            "problem p.pages; problem q.key",
        ),
        (
            "what stands at the place of a changed one",
            "push --delete-extra",
            ["p@1", "p@22", "p/ p/x=3"],
            "problem p; problem p",
        ),
        (
            "what stands elsewhere goes",
            "push --delete-extra",
            ["p@1", "p@22", "p@1 q/ q/x=3"],
            "rm R q (q/x); problem p",
        ),
        (
            "a folder of the name, and a new one in its place",
            "bisync",
            [
                "d.key/ d.key/x=1",
                "q.key/<d.key q.key/x=1<d.key/x d.key/! d.key/y=2",
                "d.key/ d.key/x=1",
            ],
            "mv R d.key > q.key; problem d.key",
        ),
        (
            "a package, and a new one in its place",
            "bisync",
            ["d.key@1", "q.key@1<d.key d.key/! d.key/y=2", "d.key@1"],
            "problem d.key; problem q.key",
        ),
        (
            "a file here became a package",
            "bisync",
            ["p.key=1", "p.key/ p.key/x=2", "p.key=1"],
            "problem p.key",
        ),
    ];
    check(cases);
}

#[test]
fn nothing_is_uploaded_over_a_package_or_out_of_one() {
    let cases: &[Case] = &[
        (
            "changed on both sides, there into a package",
            "bisync prefer-local",
            ["a=1", "a=2", "a@333!"],
            "problem a",
        ),
        (
            "the same, push",
            "push prefer-local",
            ["a=1", "a=2", "a@333!"],
            "problem a",
        ),
        (
            "new on both sides, there a package",
            "push prefer-local",
            ["", "a=2", "a@333"],
            "problem a",
        ),
        (
            "a package here in the place of a file",
            "bisync hide:h",
            ["a=1 h@2", "a@2<h", "a=1 h@2"],
            "problem a",
        ),
        (
            "of a content like the file's",
            "bisync hide:h",
            ["a=1 h@1", "a@1<h", "a=1 h@1"],
            "problem a",
        ),
        (
            "kept beside what is new there",
            "bisync keep-both",
            ["h@2", "a@2<h", "a=5 h@2"],
            "mv R a > a.conflict-19700101T000050Z; mv R h > a; get a.conflict-19700101T000050Z; conflict a: both > a.conflict-19700101T000050Z",
        ),
    ];
    check(cases);
}

#[test]
fn marks_without_a_change_of_content() {
    let cases: &[Case] = &[
        ("touched here", "bisync", ["a=1", "a=1~", "a=1"], "renew a"),
        (
            "touched here, pull",
            "pull",
            ["a=1", "a=1~", "a=1"],
            "renew a",
        ),
        ("another etag", "bisync", ["a=1", "a=1", "a=1~"], "renew a"),
        (
            "touched here, changed there",
            "bisync",
            ["a=1", "a=1~", "a=2"],
            "get a over",
        ),
        (
            "another etag, changed here",
            "bisync",
            ["a=1", "a=2", "a=1~"],
            "put a over",
        ),
        (
            "another etag, deleted here",
            "bisync",
            ["a=1", "", "a=1~"],
            "rm R a",
        ),
        (
            "touched here, deleted there",
            "bisync",
            ["a=1", "a=1~", ""],
            "rm L a",
        ),
        (
            "another etag of a folder",
            "bisync",
            ["d/", "d/", "d/~"],
            "renew d",
        ),
        (
            "a folder of another inode",
            "bisync",
            ["d/ d/x=1", "d/! d/x=1", "d/ d/x=1"],
            "renew d",
        ),
        (
            "a racy row, as it was",
            "bisync",
            ["a=1+", "a=1", "a=1"],
            "renew a",
        ),
        (
            "a racy row, changed within its time",
            "bisync",
            ["a=1+", "a=2:10", "a=1"],
            "put a over",
        ),
        (
            "changed without a mark, --checksum",
            "bisync --checksum",
            ["a=1", "a=2:10", "a=1"],
            "put a over",
        ),
        (
            "made anew there, the same content",
            "bisync",
            ["a=1", "a=1", "a=1!"],
            "renew a",
        ),
        (
            "made anew there, other content",
            "bisync",
            ["a=1", "a=1", "a=2!"],
            "get a over",
        ),
        (
            "made anew there, changed here",
            "bisync",
            ["a=1", "a=2", "a=1!"],
            "put a over",
        ),
        (
            "made anew there, deleted here",
            "bisync",
            ["a=1", "", "a=1!"],
            "rm R a",
        ),
        (
            "an empty file, made anew there",
            "bisync",
            ["a=0", "a=0", "a=0!"],
            "renew a",
        ),
        (
            "emptied there",
            "bisync",
            ["a=1", "a=1", "a=0"],
            "get a over",
        ),
        (
            "unverifiable, the same time and size",
            "bisync",
            ["", "a=1", "a=1?"],
            "adopt a",
        ),
        (
            "unverifiable, another time",
            "bisync",
            ["", "a=1", "a=1:99?"],
            "get a over; conflict a: remote",
        ),
        (
            "unverifiable, made anew at the same time",
            "bisync",
            ["a=1", "a=1", "a=1!?"],
            "renew a",
        ),
        (
            "unverifiable, made anew at another time",
            "bisync",
            ["a=1", "a=1", "a=1!:99?"],
            "get a over",
        ),
    ];
    check(cases);
}
