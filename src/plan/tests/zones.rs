//! What would go from one zone into another.

use super::table::{Case, check};

#[test]
fn zones_are_not_crossed() {
    let cases: &[Case] = &[
        (
            "a file into an app's library",
            "bisync",
            ["a=1 k/^K*", "k/ k/a=1<a", "a=1 k/^K*"],
            "put k/a; rm R a",
        ),
        (
            "a folder out of one",
            "bisync",
            [
                "k/^K* k/d/^K k/d/x=1^K",
                "k/ d/<k/d d/x=1<k/d/x",
                "k/^K* k/d/^K k/d/x=1^K",
            ],
            "mkdir R d; put d/x; rm R k/d (k/d/x)",
        ),
        (
            "changed as well",
            "bisync",
            ["a=1 k/^K*", "k/ k/a=2<a", "a=1 k/^K*"],
            "put k/a; rm R a",
        ),
        (
            "with something new in it there",
            "bisync",
            [
                "k/^K* k/d/^K k/d/x=1^K",
                "k/ d/<k/d d/x=1<k/d/x",
                "k/^K* k/d/^K k/d/x=1^K k/d/y=2^K",
            ],
            "get d/y as k/d/y; problem d",
        ),
        (
            "an app's library can't be moved",
            "bisync",
            ["k/^K*", "l/<k", "k/^K*"],
            "mv L l > k",
        ),
        (
            "nor removed",
            "bisync",
            ["k/^K* k/x=1^K", "", "k/^K* k/x=1^K"],
            "rm R k/x; problem k",
        ),
        (
            "nor pushed aside",
            "push",
            ["k/^K* a=1", "k=1<a", "k/^K* a=1"],
            "problem k; keep k",
        ),
        (
            "a package can't be copied there",
            "bisync",
            ["p@1 k/^K*", "k/ k/p@1<p", "p@1 k/^K*"],
            "problem k/p",
        ),
        (
            "a new folder inside of one that crosses",
            "push",
            ["a/ d/^K* d/b/^K", "d/ a/<d/b a/a/<a", "a/ d/^K* d/b/^K"],
            "mv R a > a (moving 1) for now; mkdir R a; mv R a (moving 1) > a/a; rm R d/b",
        ),
    ];
    check(cases);
}

#[test]
fn what_a_killed_pass_copied_to_another_zone_is_not_kept_twice() {
    let cases: &[Case] = &[
        (
            "a file",
            "bisync",
            ["k/^K a=1", "k/^K k/a=1<a", "k/^K a=1 k/a=1^K"],
            "rm R a; adopt k/a",
        ),
        (
            "a folder, half of it",
            "bisync",
            [
                "k/^K d/ d/a=1 d/b=2",
                "k/^K k/d/<d k/d/a=1<d/a k/d/b=2<d/b",
                "k/^K d/ d/a=1 d/b=2 k/d/^K k/d/a=1^K",
            ],
            "put k/d/b; rm R d (d/a d/b); adopt k/d; adopt k/d/a",
        ),
        (
            "another's file of that name",
            "bisync keep-both",
            ["k/^K a=1", "k/^K k/a=1<a", "k/^K a=1 k/a=5^K"],
            "mv L k/a > k/a.conflict-19700101T000010Z; get k/a; put k/a.conflict-19700101T000010Z; rm R a; conflict k/a: both > k/a.conflict-19700101T000010Z",
        ),
    ];
    check(cases);
}
