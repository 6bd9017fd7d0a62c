//! What other accounts share: received like all else, and written to only where that is asked for.

use super::table::{Case, check};

#[test]
fn what_others_change_in_a_share_is_received() {
    let cases: &[Case] = &[
        (
            "a share appears",
            "bisync",
            ["", "", "s/^z/o/r s/a=1^z/o/r"],
            "mkdir L s; get s/a",
        ),
        (
            "a change, an addition and a deletion",
            "bisync",
            [
                "s/^z/o/r s/a=1^z/o/r s/b=2^z/o/r",
                "s/ s/a=1 s/b=2",
                "s/^z/o/r s/a=5^z/o/r s/c=3^z/o/r",
            ],
            "get s/a over; get s/c; rm L s/b",
        ),
        (
            "a move inside",
            "bisync",
            [
                "s/^z/o/r s/d/^z/o/r s/a=1^z/o/r",
                "s/ s/d/ s/a=1",
                "s/^z/o/r s/d/^z/o/r s/d/b=1^z/o/r<s/a",
            ],
            "mv L s/a > s/d/b",
        ),
        (
            "the share moved to another folder by the account itself",
            "bisync",
            [
                "d/ s/^z/o/r s/a=1^z/o/r",
                "d/ s/ s/a=1",
                "d/ d/t/^z/o/r<s d/t/a=1^z/o/r<s/a",
            ],
            "mv L s > d/t",
        ),
        (
            "withdrawn",
            "bisync",
            ["s/^z/o/r s/a=1^z/o/r x=2", "s/ s/a=1 x=2", "x=2"],
            "rm L s (s/a)",
        ),
        (
            "withdrawn, and changed here: it is one's own then",
            "bisync",
            ["s/^z/o/r s/a=1^z/o/r s/b=2^z/o/r", "s/ s/a=3 s/b=2", ""],
            "mkdir R s; put s/a; rm L s/b",
        ),
        (
            "two trees of the same content",
            "bisync",
            ["", "s/ s/a=1", "s/^z/o/r s/a=1^z/o/r"],
            "adopt s; adopt s/a",
        ),
    ];
    check(cases);
}

#[test]
fn what_is_done_in_a_share_here_stays_here() {
    let cases: &[Case] = &[
        (
            "a change",
            "bisync",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=2", "s/^z/o/r s/a=1^z/o/r"],
            "problem s/a",
        ),
        (
            "a change, pushed",
            "push --delete-extra",
            [
                "s/^z/o/r s/a=1^z/o/r",
                "s/ s/a=2",
                "s/^z/o/r s/a=1^z/o/r s/b=1^z/o/r",
            ],
            "problem s/a; problem s/b",
        ),
        (
            "a change, on a pull: a rule of the verb",
            "pull",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=2", "s/^z/o/r s/a=1^z/o/r"],
            "keep s/a",
        ),
        (
            "a new folder is told of once",
            "bisync",
            ["s/^z/o/r", "s/ s/n/ s/n/a=1 s/n/b=2", "s/^z/o/r"],
            "problem s/n",
        ),
        (
            "so is a deleted one",
            "bisync",
            [
                "s/^z/o/r s/d/^z/o/r s/d/a=1^z/o/r s/d/b=2^z/o/r",
                "s/",
                "s/^z/o/r s/d/^z/o/r s/d/a=1^z/o/r s/d/b=2^z/o/r",
            ],
            "problem s/d",
        ),
        (
            "and the share itself",
            "bisync",
            ["s/^z/o/r s/a=1^z/o/r", "", "s/^z/o/r s/a=1^z/o/r"],
            "problem s",
        ),
        (
            "what pull brings back",
            "pull",
            ["s/^z/o/r s/a=1^z/o/r", "", "s/^z/o/r s/a=1^z/o/r"],
            "mkdir L s; get s/a",
        ),
        (
            "another name for the share",
            "bisync",
            [
                "s/^z/o/r s/a=1^z/o/r",
                "t/<s t/a=1<s/a",
                "s/^z/o/r s/a=1^z/o/r",
            ],
            "problem t",
        ),
        (
            "another name inside: gone, and new",
            "bisync",
            [
                "s/^z/o/r s/a=1^z/o/r",
                "s/ s/b=1<s/a",
                "s/^z/o/r s/a=1^z/o/r",
            ],
            "problem s/a; problem s/b",
        ),
        (
            "moved into a share",
            "bisync",
            ["s/^z/o/r a=1", "s/ s/a=1<a", "s/^z/o/r a=1"],
            "problem s/a",
        ),
        (
            "moved out of one: copied, and gone from there",
            "bisync",
            [
                "s/^z/o/r s/a=1^z/o/r d/",
                "s/ d/ d/a=1<s/a",
                "s/^z/o/r s/a=1^z/o/r d/",
            ],
            "put d/a; problem s/a",
        ),
        (
            "deleted here, changed there: it comes back",
            "bisync",
            ["s/^z/o/r s/a=1^z/o/r", "s/", "s/^z/o/r s/a=3^z/o/r"],
            "get s/a",
        ),
        (
            "a package",
            "bisync",
            ["s/^z/o/r s/p@1^z/o/r", "s/ s/p@2", "s/^z/o/r s/p@1^z/o/r"],
            "problem s/p",
        ),
        (
            "REMOTE is not the share, and its own files go on",
            "bisync",
            [
                "s/^z/o/r s/a=1^z/o/r b=1",
                "s/ s/a=2 b=2",
                "s/^z/o/r s/a=1^z/o/r b=1",
            ],
            "put b over; problem s/a",
        ),
        (
            "between two shares",
            "bisync",
            [
                "s/^z/o/r s/a=1^z/o/r t/^z/o/q",
                "s/ t/ t/a=1<s/a",
                "s/^z/o/r s/a=1^z/o/r t/^z/o/q",
            ],
            "problem s/a; problem t/a",
        ),
    ];
    check(cases);
}

#[test]
fn conflicts_in_a_share_are_settled_here_alone() {
    let cases: &[Case] = &[
        (
            "theirs is newer",
            "bisync",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=2", "s/^z/o/r s/a=3^z/o/r"],
            "get s/a over; conflict s/a: remote",
        ),
        (
            "ours is newer",
            "bisync",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=3", "s/^z/o/r s/a=2^z/o/r"],
            "problem s/a; conflict s/a: local",
        ),
        (
            "both are kept, one here only",
            "bisync keep-both",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=2", "s/^z/o/r s/a=3^z/o/r"],
            "mv L s/a > s/a.conflict-19700101T000020Z; get s/a; problem s/a; conflict s/a: both > s/a.conflict-19700101T000020Z",
        ),
        (
            "pushed: both stay",
            "push keep-both",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=2", "s/^z/o/r s/a=3^z/o/r"],
            "problem s/a",
        ),
        (
            "a share with the name of a folder of one's own here",
            "bisync",
            ["", "s/ s/x=1", "s/^z/o/r s/a=1^z/o/r"],
            "get s/a; adopt s; problem s/x",
        ),
        (
            "a share with the name of a file of one's own here",
            "bisync",
            ["", "s=1", "s/^z/o/r s/a=1^z/o/r"],
            "mv L s > s.conflict-19700101T000010Z; mkdir L s; get s/a; put s.conflict-19700101T000010Z; conflict s: both > s.conflict-19700101T000010Z",
        ),
    ];
    check(cases);
}

#[test]
fn what_may_be_written_to_a_share_is_sent() {
    let cases: &[Case] = &[
        (
            "a change",
            "bisync write-shares",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=2", "s/^z/o/r s/a=1^z/o/r"],
            "put s/a over",
        ),
        (
            "a new folder with a file",
            "bisync write-shares",
            ["s/^z/o/r", "s/ s/n/ s/n/a=1", "s/^z/o/r"],
            "mkdir R s/n; put s/n/a",
        ),
        (
            "another name inside",
            "bisync write-shares",
            [
                "s/^z/o/r s/a=1^z/o/r",
                "s/ s/b=1<s/a",
                "s/^z/o/r s/a=1^z/o/r",
            ],
            "mv R s/a > s/b",
        ),
        (
            "another name for a folder inside, with a change in it",
            "push write-shares",
            [
                "s/^z/o/r s/d/^z/o/r s/d/a=1^z/o/r",
                "s/ s/e/<s/d s/e/a=2<s/d/a",
                "s/^z/o/r s/d/^z/o/r s/d/a=1^z/o/r",
            ],
            "mv R s/d > s/e; put s/e/a over",
        ),
        (
            "two names exchanged",
            "bisync write-shares",
            [
                "s/^z/o/r s/a=1^z/o/r s/b=2^z/o/r",
                "s/ s/b=1<s/a s/a=2<s/b",
                "s/^z/o/r s/a=1^z/o/r s/b=2^z/o/r",
            ],
            "mv R s/a > s/a (moving 1) for now; mv R s/b > s/a; mv R s/a (moving 1) > s/b",
        ),
        (
            "a conflict that ours wins",
            "bisync write-shares",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=3", "s/^z/o/r s/a=2^z/o/r"],
            "put s/a over saving; conflict s/a: local",
        ),
        (
            "both are kept, on both sides",
            "bisync keep-both write-shares",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a=2", "s/^z/o/r s/a=3^z/o/r"],
            "mv L s/a > s/a.conflict-19700101T000020Z; get s/a; put s/a.conflict-19700101T000020Z; conflict s/a: both > s/a.conflict-19700101T000020Z",
        ),
        (
            "moved into a share: copied there, and gone from one's own",
            "bisync write-shares",
            ["s/^z/o/r a=1", "s/ s/a=1<a", "s/^z/o/r a=1"],
            "put s/a; rm R a",
        ),
    ];
    check(cases);
}

#[test]
fn what_may_not_be_done_in_a_share_is_told_of() {
    let cases: &[Case] = &[
        (
            "deleted",
            "bisync write-shares",
            [
                "s/^z/o/r s/a=1^z/o/r s/b=2^z/o/r",
                "s/ s/b=2",
                "s/^z/o/r s/a=1^z/o/r s/b=2^z/o/r",
            ],
            "problem s/a",
        ),
        (
            "extra",
            "push --delete-extra write-shares",
            ["", "s/", "s/^z/o/r s/a=1^z/o/r"],
            "adopt s; problem s/a",
        ),
        (
            "the share itself",
            "bisync write-shares",
            ["s/^z/o/r s/a=1^z/o/r", "", "s/^z/o/r s/a=1^z/o/r"],
            "problem s",
        ),
        (
            "another name for the share; what is in it is sent",
            "bisync write-shares",
            [
                "s/^z/o/r s/a=1^z/o/r",
                "t/<s t/a=2<s/a",
                "s/^z/o/r s/a=1^z/o/r",
            ],
            "put t/a over as s/a; problem t",
        ),
        (
            "to another folder inside: new there, and not deleted",
            "bisync write-shares",
            [
                "s/^z/o/r s/d/^z/o/r s/a=1^z/o/r",
                "s/ s/d/ s/d/a=1<s/a",
                "s/^z/o/r s/d/^z/o/r s/a=1^z/o/r",
            ],
            "put s/d/a; problem s/a",
        ),
        (
            "its place taken by another kind",
            "bisync write-shares",
            ["s/^z/o/r s/a=1^z/o/r", "s/ s/a/", "s/^z/o/r s/a=1^z/o/r"],
            "problem s/a; problem s/a",
        ),
        (
            "a single file that is shared",
            "bisync write-shares",
            ["a=1^z/o/r", "a=2", "a=1^z/o/r"],
            "problem a",
        ),
    ];
    check(cases);
}
